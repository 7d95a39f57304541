/**
 * The IR between the C front end and the code generator: functions of basic blocks in SSA form, one class for every
 * value. It is shaped by what BPF can run and the kernel's verifier can follow, not by generality:
 *
 * - Integer arithmetic exists at i32 and i64 only. i8 and i16 live in `load`, `store`, `trunc`, `zext`, `sext`, `phi`
 *   and `select`; i1 comes from `icmp` and goes to `condbr`, `select`, `phi` and `zext`. C's promotions fit this as they are.
 * - A pointer is a 64-bit value of type `ptr`; `ptradd` is the only arithmetic on it. `ptrtoint` and `inttoptr` are free.
 * - Leaves (`const`, `undef`, `param`, `mapref`, `globalref`, `funcref`) are in no block and cost nothing until used.
 * - `load`, `store` and atomics carry a constant byte offset. An access to the context (param with space 'ctx') must keep
 *   the context pointer as its direct base with everything in `off`: the verifier refuses a modified ctx pointer.
 * - The last instruction of a block is its terminator and no other is. Phis come first. `alloca` only in the entry block.
 * - Locals whose address is not taken become registers by themselves (passes/mem2reg, sroa): a front end gives each C
 *   variable an `alloca` and never builds phis, except where it likes to.
 * - Memory is little-endian. Signed overflow wraps (kernel programs are built with -fwrapv semantics in mind). A shift
 *   by the width or more gives what BPF gives (the count is masked); udiv by 0 is 0 and urem by 0 is the dividend
 *   (RFC 9669 section 4.1).
 *
 * `build.ts` is how to make it, `text.ts` prints and parses it, `check.ts` says whether it is well formed.
 */

export type IntType = 'i1' | 'i8' | 'i16' | 'i32' | 'i64';
export type Type = 'void' | IntType | 'ptr';

/** Bytes a value of a type takes in memory (i1 and void are never in memory). */
export const TYPE_BYTES: Record<Type, number> = { void: 0, i1: 0, i8: 1, i16: 2, i32: 4, i64: 8, ptr: 8 };
/** Bits of a type; a pointer has 64. */
export const TYPE_BITS: Record<Type, number> = { void: 0, i1: 1, i8: 8, i16: 16, i32: 32, i64: 64, ptr: 64 };

/** A source position, shared by the instructions of one expression. `line` and `column` are 1-based; `text` is the source line. */
export interface Loc {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly text: string;
}

/**
 * THE OPERATION TABLE. `kind` groups operations that passes treat alike; `effect` says what else happens:
 * none (may be removed, repeated, reordered), read (reads memory), write (writes memory), both, or flow (a terminator).
 */
export const IR_OPS = [
  // Leaves: in no block.
  { name: 'const', kind: 'leaf', effect: 'none' }, //     value
  { name: 'undef', kind: 'leaf', effect: 'none' },
  { name: 'param', kind: 'leaf', effect: 'none' }, //     off = index, name, space
  { name: 'mapref', kind: 'leaf', effect: 'none' }, //    name: the address of the map (ld_imm64 with a map relocation)
  { name: 'globalref', kind: 'leaf', effect: 'none' }, // name = section, off: address inside a data section's map value
  { name: 'funcref', kind: 'leaf', effect: 'none' }, //   name: the address of a function of this module (callbacks)
  { name: 'symref', kind: 'leaf', effect: 'none' }, //    name: the address of a kernel symbol (ksym)
  /** A byte offset that a loader may change (CO-RE): off = what it is here, name = which field, a key of the module's maker. i64. */
  { name: 'coreoff', kind: 'leaf', effect: 'none' },
  // Arithmetic at i32 and i64: args [a, b] (neg: [a]), both of the result's type.
  { name: 'add', kind: 'binary', effect: 'none' },
  { name: 'sub', kind: 'binary', effect: 'none' },
  { name: 'mul', kind: 'binary', effect: 'none' },
  { name: 'udiv', kind: 'binary', effect: 'none' },
  { name: 'sdiv', kind: 'binary', effect: 'none' },
  { name: 'urem', kind: 'binary', effect: 'none' },
  { name: 'srem', kind: 'binary', effect: 'none' },
  { name: 'and', kind: 'binary', effect: 'none' },
  { name: 'or', kind: 'binary', effect: 'none' },
  { name: 'xor', kind: 'binary', effect: 'none' },
  { name: 'shl', kind: 'binary', effect: 'none' },
  { name: 'lshr', kind: 'binary', effect: 'none' },
  { name: 'ashr', kind: 'binary', effect: 'none' },
  { name: 'neg', kind: 'unary', effect: 'none' },
  /** Byte swap of the low `size` bits (16, 32, 64); the bits above are zero in the result. i32 (16, 32) or i64 (any). */
  { name: 'bswap', kind: 'unary', effect: 'none' },
  /** The argument, but the optimiser knows nothing of it: `asm volatile("" : "+r"(x))`. */
  { name: 'opaque', kind: 'unary', effect: 'both' },
  { name: 'icmp', kind: 'compare', effect: 'none' }, //   sub = Cond; args [a, b] of one type among i8..i64, ptr; gives i1
  { name: 'select', kind: 'select', effect: 'none' }, //  args [i1, a, b]
  { name: 'phi', kind: 'phi', effect: 'none' }, //        args[i] arrives from targets[i]
  { name: 'zext', kind: 'cast', effect: 'none' },
  { name: 'sext', kind: 'cast', effect: 'none' },
  { name: 'trunc', kind: 'cast', effect: 'none' },
  { name: 'ptrtoint', kind: 'cast', effect: 'none' }, //  ptr -> i64
  { name: 'inttoptr', kind: 'cast', effect: 'none' }, //  i64 -> ptr
  { name: 'ptradd', kind: 'ptradd', effect: 'none' }, //  args [ptr, i64 bytes]
  // Memory.
  { name: 'alloca', kind: 'alloca', effect: 'none' }, //  size, align, name; entry block only
  { name: 'load', kind: 'memory', effect: 'read' }, //    args [ptr], off; volatile, probe
  { name: 'store', kind: 'memory', effect: 'write' }, //  args [ptr, value], off; volatile. The value's type is the width
  { name: 'memcpy', kind: 'memory', effect: 'both' }, //  args [dst, src], size, align (of both); no overlap
  { name: 'memmove', kind: 'memory', effect: 'both' }, // args [dst, src], size, align; may overlap
  { name: 'memset', kind: 'memory', effect: 'write' }, // args [dst, value: i8 or i32 of which the low byte counts], size, align
  /** sub = add and or xor xchg; args [ptr, value], off. Gives the old value (i32, i64), or void when nobody wants it. */
  { name: 'atomicrmw', kind: 'memory', effect: 'both' },
  { name: 'cmpxchg', kind: 'memory', effect: 'both' }, // args [ptr, expected, wanted], off; gives the old value
  /** Classic packet loads of `size` bytes: args [ctx] (+ [index: i32 or i64] for ldind), off; gives i64 in host order, may end the program. */
  { name: 'ldabs', kind: 'call', effect: 'both' },
  { name: 'ldind', kind: 'call', effect: 'both' },
  /** Compiler barrier: memory is not cached across it. No code. */
  { name: 'barrier', kind: 'barrier', effect: 'both' },
  // Calls: args up to five, each i32, i64 or ptr (calllocal: any, and more as long as it is inlined); type is what is returned.
  { name: 'callhelper', kind: 'call', effect: 'both' }, // helper = id, name
  { name: 'calllocal', kind: 'call', effect: 'both' }, //  name of a function of this module
  { name: 'callkfunc', kind: 'call', effect: 'both' }, //  name
  // Terminators.
  { name: 'br', kind: 'term', effect: 'flow' }, //          targets [to]
  { name: 'condbr', kind: 'term', effect: 'flow' }, //      args [i1], targets [then, else]; likely
  { name: 'switch', kind: 'term', effect: 'flow' }, //      args [i32 or i64], targets [default, case0, ...], cases [value0, ...]
  { name: 'ret', kind: 'term', effect: 'flow' }, //         args [] or [value]
  { name: 'unreachable', kind: 'term', effect: 'flow' },
] as const;
export type OpRow = (typeof IR_OPS)[number];
export type Op = OpRow['name'];
export type BinaryOp = Extract<OpRow, { kind: 'binary' }>['name'];
export type CastOp = Extract<OpRow, { kind: 'cast' }>['name'];
export const IR_OP = Object.fromEntries(IR_OPS.map((r) => [r.name, r])) as unknown as Record<Op, OpRow>;

/** Conditions of `icmp`, with the condition that holds when it does not (`not`) and the one with the arguments exchanged (`swap`). */
export const CONDS = [
  { name: 'eq', not: 'ne', swap: 'eq' },
  { name: 'ne', not: 'eq', swap: 'ne' },
  { name: 'ult', not: 'uge', swap: 'ugt' },
  { name: 'ule', not: 'ugt', swap: 'uge' },
  { name: 'ugt', not: 'ule', swap: 'ult' },
  { name: 'uge', not: 'ult', swap: 'ule' },
  { name: 'slt', not: 'sge', swap: 'sgt' },
  { name: 'sle', not: 'sgt', swap: 'sge' },
  { name: 'sgt', not: 'sle', swap: 'slt' },
  { name: 'sge', not: 'slt', swap: 'sle' },
] as const;
export type Cond = (typeof CONDS)[number]['name'];
export const COND = Object.fromEntries(CONDS.map((r) => [r.name, r])) as unknown as Record<
  Cond,
  (typeof CONDS)[number]
>;

export type RmwOp = 'add' | 'and' | 'or' | 'xor' | 'xchg';

/** What a pointer points into, where the front end knows. Only a note: 'ctx' alone changes what passes may do. */
export type Space = 'ctx' | 'stack' | 'map_value' | 'packet' | 'kernel' | 'user' | 'btf' | undefined;

/**
 * A value, an instruction, or both. One class for all so that every one has the same shape (fast in V8); fields that an
 * operation does not use keep their defaults. See IR_OPS for which mean what.
 */
export class Inst {
  readonly id: number;
  op: Op;
  type: Type;
  args: Inst[];
  /** Where it is, kept by the builder and by passes that move instructions; undefined for leaves and removed instructions. */
  block: Block | undefined = undefined;
  loc: Loc | undefined = undefined;
  /** const: sign-extended from its width (i1: 0n or 1n; ptr: as i64). */
  value = 0n;
  off = 0;
  size = 0;
  align = 0;
  name = '';
  helper = 0;
  /** icmp: a Cond; atomicrmw: a RmwOp. */
  sub: Cond | RmwOp | '' = '';
  volatile = false;
  /**
   * load: through a pointer that the kernel guards (a BTF pointer: a bad address reads as zero). It has no effect besides its result.
   * Loads are never moved above a condition in any case.
   */
  probe = false;
  space: Space = undefined;
  /** Terminators: where to. phi: where from. */
  targets: Block[] = [];
  cases: bigint[] = [];
  /** condbr: __builtin_expect; true: the first target is likely, false: the second. */
  likely: boolean | undefined = undefined;
  constructor(id: number, op: Op, type: Type, args: Inst[]) {
    this.id = id;
    this.op = op;
    this.type = type;
    this.args = args;
  }
}

export class Block {
  readonly id: number;
  /** For readers only. */
  name: string;
  insts: Inst[] = [];
  /** Filled by `computePreds` (cfg.ts); stale after the graph changes. */
  preds: Block[] = [];
  /** `#pragma unroll` on the loop that this block heads: 0 says "whole", a count says how many times, undefined says nothing; 1 forbids. */
  unroll: number | undefined = undefined;
  constructor(id: number, name: string) {
    this.id = id;
    this.name = name;
  }
}

export class Func {
  readonly name: string;
  /** Params in order; `params[i].off` is i. */
  params: Inst[] = [];
  ret: Type;
  /** blocks[0] is the entry. */
  blocks: Block[] = [];
  /** A program of its own (its first param is the context), rather than a function that others call. */
  entry = false;
  /** Stays a BPF-to-BPF call. */
  noinline = false;
  /** For messages and FuncInfo. */
  loc: Loc | undefined = undefined;
  btfId = 0;
  nextId = 0;
  nextBlock = 0;
  constructor(name: string, ret: Type) {
    this.name = name;
    this.ret = ret;
  }
}

/** Contents of a data section as far as passes may know them: loads from a read-only one with known bytes become constants. */
export interface Section {
  readonly name: string;
  readonly data: Uint8Array;
  readonly readOnly: boolean;
}

export interface Module {
  functions: Func[];
  sections: Section[];
}

/** `value` as the canonical constant of a type: sign-extended from its width (i1: 0n or 1n). */
export function canonical(type: Type, value: bigint): bigint {
  return type === 'i1' ? value & 1n : BigInt.asIntN(TYPE_BITS[type], value);
}

/** A constant's value as an unsigned number of its type's width. */
export function unsignedOf(inst: Inst): bigint {
  return BigInt.asUintN(TYPE_BITS[inst.type], inst.value);
}

export function isLeaf(inst: Inst): boolean {
  return IR_OP[inst.op].kind === 'leaf';
}

export function isTerminator(inst: Inst): boolean {
  return IR_OP[inst.op].effect === 'flow';
}

/** The terminator of a finished block. Throws TypeError on a block without one (an unfinished block is a bug of its maker). */
export function terminator(block: Block): Inst {
  const last = block.insts[block.insts.length - 1];
  if (last === undefined || !isTerminator(last))
    throw new TypeError(`block ${block.name || block.id} has no terminator`);
  return last;
}

export function successors(block: Block): readonly Block[] {
  return terminator(block).targets;
}
