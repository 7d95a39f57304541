/**
 * Machine IR: BPF instructions over virtual registers, between selection and emission. Registers 0-10 are the machine's, those from
 * FIRST_VREG on are virtual; not SSA: the two-address form (`dst op= src`) writes a register more than once. A block ends in
 * `exit`, `ja`, or `jcc` followed by `ja`; the layout decides which jumps are really needed.
 */

import type { Loc } from '../ir/ir.ts';
import type { AluOp, AtomicOp } from '../isa/ops.ts';

export const FIRST_VREG = 11;
export const NO_REG = -1;

/** Does a number fit an instruction's signed 32-bit immediate? */
export function fitsImm(value: bigint): boolean {
  return value >= -0x80000000n && value <= 0x7fffffffn;
}

/** A piece of the frame: a variable or a spilled register. `offset` is from r10, set by frame.ts. */
export interface Slot {
  readonly size: number;
  readonly align: number;
  readonly name: string;
  readonly loc: Loc | undefined;
  offset: number;
  /** Made by spilling: only whole loads and stores touch it. */
  readonly spill: boolean;
}

/** Conditions of `jcc`: dst against src or imm. `nset` (no common bit) is the inverse of the machine's jset and costs one jump more. */
export type MCond = 'eq' | 'ne' | 'ult' | 'ule' | 'ugt' | 'uge' | 'slt' | 'sle' | 'sgt' | 'sge' | 'set' | 'nset';
export const MCOND_NOT: Record<MCond, MCond> = {
  eq: 'ne',
  ne: 'eq',
  ult: 'uge',
  ule: 'ugt',
  ugt: 'ule',
  uge: 'ult',
  slt: 'sge',
  sle: 'sgt',
  sgt: 'sle',
  sge: 'slt',
  set: 'nset',
  nset: 'set',
};

/** What an `ldimm` loads. */
export type ImmKind = 'imm' | 'map' | 'map_value' | 'func' | 'ksym' | 'core';

export type MOp =
  /** dst alu= src or imm (mov: dst = src or imm). `wide` says 64 bits; a 32-bit result has its upper half zero. neg: dst = -dst. */
  | 'alu'
  /** dst = sign-extended low `size` bytes of src (version 4). */
  | 'movsx'
  /** dst = big-endian (swap) of the low `size` bytes of dst; `signed` unused. */
  | 'bswap'
  | 'ldimm'
  /** dst = address of slot + off: r10 copied and added to. */
  | 'frame'
  /** dst = *(size *)(base + off); st: *(base + off) = src or imm. base r10 with a slot is the frame. */
  | 'ld'
  | 'st'
  /** atomic on base + off with src; fetch forms write src (cmpxchg: r0). */
  | 'atomic'
  /** Uses r1..r`argc`, writes r0, destroys r1-r5. */
  | 'call'
  /** ld_abs, ld_ind: ctx in r6, index in src, result in r0, destroys r1-r5. */
  | 'packet'
  | 'jcc'
  | 'ja'
  /** Uses r0 when `argc` is 1. */
  | 'exit';

/** One machine instruction; one shape for all. Unused registers are NO_REG. */
export class MInst {
  op: MOp;
  loc: Loc | undefined;
  alu: AluOp = 'mov';
  wide = true;
  dst = NO_REG;
  src = NO_REG;
  base = NO_REG;
  slot: Slot | undefined = undefined;
  off = 0;
  imm = 0;
  /** ldimm of kind 'imm'. */
  imm64 = 0n;
  kind: ImmKind = 'imm';
  /** Map, section, function, kernel symbol or kfunc. */
  name = '';
  size = 8;
  signed = false;
  atomic: AtomicOp = 'add';
  call: 'helper' | 'local' | 'kfunc' = 'helper';
  argc = 0;
  cond: MCond = 'eq';
  target: MBlock | undefined = undefined;
  constructor(op: MOp, loc: Loc | undefined) {
    this.op = op;
    this.loc = loc;
  }
}

export class MBlock {
  readonly id: number;
  insts: MInst[] = [];
  succs: MBlock[] = [];
  preds: MBlock[] = [];
  /** Loops around it: weighs spill costs. */
  depth = 0;
  /** Reached only by an unlikely branch: laid out last. */
  cold = false;
  constructor(id: number) {
    this.id = id;
  }
}

export class MFunc {
  readonly name: string;
  blocks: MBlock[] = [];
  slots: Slot[] = [];
  nextReg = FIRST_VREG;
  nextBlock = 0;
  /** Spill temporaries: never spilled again. */
  readonly fixed = new Set<number>();
  constructor(name: string) {
    this.name = name;
  }
}

/** Call `each` with every register the instruction reads. */
export function forUses(i: MInst, each: (reg: number) => void): void {
  switch (i.op) {
    case 'alu':
      if (i.alu !== 'mov') each(i.dst);
      if (i.src !== NO_REG) each(i.src);
      return;
    case 'movsx':
      each(i.src);
      return;
    case 'bswap':
      each(i.dst);
      return;
    case 'ld':
      each(i.base);
      return;
    case 'st':
      each(i.base);
      if (i.src !== NO_REG) each(i.src);
      return;
    case 'atomic':
      each(i.base);
      each(i.src);
      if (i.atomic === 'cmpxchg') each(0);
      return;
    case 'call':
      for (let r = 1; r <= i.argc; r++) each(r);
      return;
    case 'packet':
      each(6);
      if (i.src !== NO_REG) each(i.src);
      return;
    case 'jcc':
      each(i.dst);
      if (i.src !== NO_REG) each(i.src);
      return;
    case 'exit':
      if (i.argc === 1) each(0);
      return;
    default:
      return;
  }
}

/** Does the atomic write its source register with the old value? */
export function fetches(op: AtomicOp): boolean {
  return op === 'xchg' || op.startsWith('fetch_');
}

/** Call `each` with every register the instruction writes or destroys. */
export function forDefs(i: MInst, each: (reg: number) => void): void {
  switch (i.op) {
    case 'alu':
    case 'movsx':
    case 'bswap':
    case 'ldimm':
    case 'frame':
    case 'ld':
      each(i.dst);
      return;
    case 'atomic':
      if (i.atomic === 'cmpxchg') each(0);
      else if (fetches(i.atomic)) each(i.src);
      return;
    case 'call':
    case 'packet':
      for (let r = 0; r <= 5; r++) each(r);
      return;
    default:
      return;
  }
}

/** Removable when what it writes is not needed. */
export function isPure(i: MInst): boolean {
  return i.op === 'alu' || i.op === 'movsx' || i.op === 'bswap' || i.op === 'ldimm' || i.op === 'frame';
}

/** A plain copy between registers, which coalescing may remove. */
export function isCopy(i: MInst): boolean {
  return i.op === 'alu' && i.alu === 'mov' && i.wide && i.src !== NO_REG;
}

/** Replace registers by a function: what allocation and spilling do. */
export function mapRegs(i: MInst, map: (reg: number) => number): void {
  if (i.dst !== NO_REG) i.dst = map(i.dst);
  if (i.src !== NO_REG) i.src = map(i.src);
  if (i.base !== NO_REG) i.base = map(i.base);
}

/** Recompute succs and preds of all blocks from their jumps. */
export function linkBlocks(fn: MFunc): void {
  for (const b of fn.blocks) {
    b.preds = [];
    b.succs = [];
  }
  for (const b of fn.blocks) {
    for (const i of b.insts) {
      if (i.target !== undefined && (i.op === 'jcc' || i.op === 'ja') && !b.succs.includes(i.target)) {
        b.succs.push(i.target);
        i.target.preds.push(b);
      }
    }
  }
}

/** Blocks reached from the entry, each after its predecessors except over back edges. Needs the links. */
export function reversePostorder(fn: MFunc): MBlock[] {
  const seen = new Set<MBlock>([fn.blocks[0]!]);
  const post: MBlock[] = [];
  const stack = [{ b: fn.blocks[0]!, next: 0 }];
  while (stack.length > 0) {
    const top = stack[stack.length - 1]!;
    const to = top.b.succs[top.next++];
    if (!to) {
      post.push(top.b);
      stack.pop();
    } else if (!seen.has(to)) {
      seen.add(to);
      stack.push({ b: to, next: 0 });
    }
  }
  return post.reverse();
}
