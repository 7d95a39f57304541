/**
 * Making IR: a builder with a current block and a current source position. Nothing is folded here (passes do that), and
 * the rules of ir.ts are checked at once, so that a wrong width shows at the line that made it.
 *
 *   const b = new Builder(module, 'entry', 'i64');
 *   const ctx = b.param('ptr', 'ctx', 'ctx');
 *   const key = b.alloca(8, 8, 'key');
 *   b.store(b.const('i64', 1n), key, 0);
 *   const value = b.callHelper(1, 'map_lookup_elem', 'ptr', [b.mapRef('counts'), key]);
 *   const [hit, out] = [b.block('hit'), b.block('out')];
 *   b.condBr(b.icmp('ne', value, b.const('ptr', 0n)), hit, out);
 *   b.setBlock(hit); ...; b.br(out);
 *   b.setBlock(out); b.ret(b.const('i64', 0n));
 *   b.finish();
 */
import {
  type BinaryOp,
  Block,
  type CastOp,
  type Cond,
  canonical,
  Func,
  Inst,
  IR_OP,
  isTerminator,
  type Loc,
  type Module,
  type Op,
  type RmwOp,
  type Section,
  type Space,
  TYPE_BITS,
  type Type,
} from './ir.ts';

export function newModule(sections: Section[] = []): Module {
  return { functions: [], sections };
}

/** A detached instruction with the next id of `fn`: for passes. */
export function newInst(fn: Func, op: Op, type: Type, args: Inst[] = [], loc?: Loc): Inst {
  const inst = new Inst(fn.nextId++, op, type, args);
  inst.loc = loc;
  return inst;
}

export function newConst(fn: Func, type: Type, value: bigint | number): Inst {
  const inst = new Inst(fn.nextId++, 'const', type, []);
  inst.value = canonical(type, BigInt(value));
  return inst;
}

/** A new block at the end of the function. */
export function newBlock(fn: Func, name = ''): Block {
  const block = new Block(fn.nextBlock++, name);
  fn.blocks.push(block);
  return block;
}

export class Builder {
  readonly module: Module;
  readonly fn: Func;
  /** Position given to the instructions made from now on. Set it freely. */
  loc: Loc | undefined = undefined;
  private at: Block;
  private allocas = 0;

  /** Adds a function to the module, with an entry block that is current. */
  constructor(module: Module, name: string, ret: Type) {
    this.module = module;
    this.fn = new Func(name, ret);
    module.functions.push(this.fn);
    this.at = newBlock(this.fn, 'entry');
  }

  // --- blocks -------------------------------------------------------------------------------------------------------

  /** A new block, not yet current. The order of blocks means nothing (codegen lays them out); ones nobody reaches are dropped. */
  block(name = ''): Block {
    return newBlock(this.fn, name);
  }

  setBlock(block: Block): void {
    this.at = block;
  }

  get current(): Block {
    return this.at;
  }

  /** The current block has its terminator: what is added now would be dead. Instructions added anyhow are dropped silently. */
  get terminated(): boolean {
    const last = this.at.insts[this.at.insts.length - 1];
    return last !== undefined && isTerminator(last);
  }

  // --- leaves -------------------------------------------------------------------------------------------------------

  /** The next parameter. A program has one ptr; a function that stays a call (noinline, callback) at most five of any type. `space` 'ctx' marks the context. */
  param(type: Type, name = '', space?: Space): Inst {
    const inst = newInst(this.fn, 'param', type, [], this.loc);
    inst.off = this.fn.params.length;
    inst.name = name;
    inst.space = space;
    this.fn.params.push(inst);
    return inst;
  }

  /** A constant; wraps to the width. */
  const(type: Type, value: bigint | number): Inst {
    return newConst(this.fn, type, value);
  }

  undef(type: Type): Inst {
    return newInst(this.fn, 'undef', type);
  }

  /** Address of a map, for helpers. */
  mapRef(name: string): Inst {
    return this.leaf('mapref', name, 0);
  }

  /** Address `offset` bytes into a data section (.data, .bss, .rodata...), which is a one-element array map of that name. */
  globalRef(section: string, offset: number): Inst {
    return this.leaf('globalref', section, offset);
  }

  /** Address of a function of this module, for bpf_loop, bpf_for_each_map_elem, timers. It is then never removed. */
  funcRef(name: string): Inst {
    return this.leaf('funcref', name, 0);
  }

  /** Address of a kernel symbol (`extern ... __ksym`). */
  symRef(name: string): Inst {
    return this.leaf('symref', name, 0);
  }

  /** An offset of `bytes` that a loader may change; `field` says of what. */
  coreOffset(field: string, bytes: number): Inst {
    const inst = newInst(this.fn, 'coreoff', 'i64', [], this.loc);
    inst.name = field;
    inst.off = bytes;
    return inst;
  }

  // --- arithmetic ---------------------------------------------------------------------------------------------------

  /** add sub mul udiv sdiv urem srem and or xor shl lshr ashr, at i32 or i64 (and, or, xor also at i1). */
  binary(op: BinaryOp, a: Inst, b: Inst): Inst {
    const bool = a.type === 'i1' && (op === 'and' || op === 'or' || op === 'xor');
    this.want(a.type === b.type && (a.type === 'i32' || a.type === 'i64' || bool), `${op} ${a.type}, ${b.type}`);
    return this.emit(op, a.type, [a, b]);
  }

  neg(a: Inst): Inst {
    this.want(a.type === 'i32' || a.type === 'i64', `neg ${a.type}`);
    return this.emit('neg', a.type, [a]);
  }

  /** ~a */
  not(a: Inst): Inst {
    return this.binary('xor', a, this.const(a.type, -1n));
  }

  icmp(cond: Cond, a: Inst, b: Inst): Inst {
    this.want(a.type === b.type && a.type !== 'void' && a.type !== 'i1', `icmp ${cond} ${a.type}, ${b.type}`);
    const inst = this.emit('icmp', 'i1', [a, b]);
    inst.sub = cond;
    return inst;
  }

  select(condition: Inst, a: Inst, b: Inst): Inst {
    this.want(condition.type === 'i1' && a.type === b.type, `select ${condition.type}, ${a.type}, ${b.type}`);
    return this.emit('select', a.type, [condition, a, b]);
  }

  /** zext, sext (to a wider type), trunc (to a narrower one), ptrtoint (to i64), inttoptr (from i64). */
  cast(op: CastOp, a: Inst, type: Type): Inst {
    const [from, to] = [TYPE_BITS[a.type], TYPE_BITS[type]];
    const ok =
      op === 'trunc'
        ? from > to && a.type !== 'ptr'
        : op === 'ptrtoint'
          ? a.type === 'ptr' && type === 'i64'
          : op === 'inttoptr'
            ? a.type === 'i64' && type === 'ptr'
            : from < to && type !== 'ptr';
    this.want(ok, `${op} ${a.type} to ${type}`);
    return this.emit(op, type, [a]);
  }

  /** An integer as another integer type: zext, sext, trunc, or the value itself. */
  intCast(a: Inst, type: Type, signed: boolean): Inst {
    if (a.type === type) return a;
    return this.cast(TYPE_BITS[a.type] > TYPE_BITS[type] ? 'trunc' : signed ? 'sext' : 'zext', a, type);
  }

  /** Byte swap of the low `bits`; what is above is zero. htons is bswap(16, x). */
  bswap(bits: 16 | 32 | 64, a: Inst): Inst {
    this.want(a.type === 'i64' || (a.type === 'i32' && bits < 64), `bswap${bits} ${a.type}`);
    const inst = this.emit('bswap', a.type, [a]);
    inst.size = bits;
    return inst;
  }

  /** `asm volatile("" : "+r"(a))`: a value of which nothing is known. */
  opaque(a: Inst): Inst {
    return this.emit('opaque', a.type, [a]);
  }

  /** ptr + bytes; `bytes` is an i64 value or a number. */
  ptrAdd(ptr: Inst, bytes: Inst | number): Inst {
    if (typeof bytes === 'number') {
      if (bytes === 0) return ptr;
      bytes = this.const('i64', bytes);
    }
    this.want(ptr.type === 'ptr' && bytes.type === 'i64', `ptradd ${ptr.type}, ${bytes.type}`);
    return this.emit('ptradd', 'ptr', [ptr, bytes]);
  }

  phi(type: Type, incoming: readonly (readonly [Inst, Block])[]): Inst {
    this.want(
      incoming.every(([v]) => v.type === type),
      `phi ${type} of ${incoming.map(([v]) => v.type).join(', ')}`,
    );
    const inst = this.emit(
      'phi',
      type,
      incoming.map(([v]) => v),
    );
    inst.targets = incoming.map(([, b]) => b);
    return inst;
  }

  // --- memory -------------------------------------------------------------------------------------------------------

  /** Stack memory for the whole function, wherever the current block is. `name` is the variable's, for messages. */
  alloca(size: number, align: number, name = ''): Inst {
    const inst = newInst(this.fn, 'alloca', 'ptr', [], this.loc);
    inst.size = size;
    inst.align = align;
    inst.name = name;
    inst.space = 'stack';
    inst.block = this.fn.blocks[0];
    this.fn.blocks[0]!.insts.splice(this.allocas++, 0, inst);
    return inst;
  }

  /** Load a value of `type` (i8..i64, ptr) at ptr + off. */
  load(type: Type, ptr: Inst, off = 0, flags: { volatile?: boolean; probe?: boolean; space?: Space } = {}): Inst {
    this.want(ptr.type === 'ptr' && type !== 'i1' && type !== 'void', `load ${type} from ${ptr.type}`);
    const inst = this.emit('load', type, [ptr]);
    inst.off = off;
    inst.volatile = flags.volatile === true;
    inst.probe = flags.probe === true;
    inst.space = flags.space;
    return inst;
  }

  /** Store `value` (its type is the width) at ptr + off. Mind the order: value first. */
  store(value: Inst, ptr: Inst, off = 0, flags: { volatile?: boolean } = {}): Inst {
    this.want(ptr.type === 'ptr' && value.type !== 'i1' && value.type !== 'void', `store ${value.type} to ${ptr.type}`);
    const inst = this.emit('store', 'void', [ptr, value]);
    inst.off = off;
    inst.volatile = flags.volatile === true;
    return inst;
  }

  /** Copy `size` bytes; both pointers are at least `align`-aligned; no overlap. */
  memcpy(dst: Inst, src: Inst, size: number, align = 1): void {
    this.block3('memcpy', dst, src, size, align);
  }

  memmove(dst: Inst, src: Inst, size: number, align = 1): void {
    this.block3('memmove', dst, src, size, align);
  }

  /** Fill `size` bytes with the low byte of `value` (a number, or an i8 or i32 value). */
  memset(dst: Inst, value: Inst | number, size: number, align = 1): void {
    this.block3('memset', dst, typeof value === 'number' ? this.const('i8', value) : value, size, align);
  }

  /** Atomic read-modify-write; `fetch` false when the old value is not wanted (works before v3 for add). Gives the old value. */
  atomicRmw(op: RmwOp, ptr: Inst, value: Inst, off = 0, fetch = true): Inst {
    this.want(ptr.type === 'ptr' && (value.type === 'i32' || value.type === 'i64'), `atomicrmw ${op} ${value.type}`);
    const inst = this.emit('atomicrmw', fetch || op === 'xchg' ? value.type : 'void', [ptr, value]);
    inst.sub = op;
    inst.off = off;
    return inst;
  }

  /** If *(ptr+off) == expected, store wanted there; gives the old value. */
  cmpxchg(ptr: Inst, expected: Inst, wanted: Inst, off = 0): Inst {
    this.want(
      expected.type === wanted.type && (wanted.type === 'i32' || wanted.type === 'i64'),
      `cmpxchg ${wanted.type}`,
    );
    const inst = this.emit('cmpxchg', wanted.type, [ptr, expected, wanted]);
    inst.off = off;
    return inst;
  }

  /** Classic packet load of 1, 2 or 4 bytes at `off` (plus `index` where given), big-endian made host order. */
  packetLoad(ctx: Inst, size: 1 | 2 | 4, off: number, index?: Inst): Inst {
    const inst = this.emit(index ? 'ldind' : 'ldabs', 'i64', index ? [ctx, index] : [ctx]);
    inst.size = size;
    inst.off = off;
    return inst;
  }

  /** `asm volatile("" ::: "memory")`. */
  barrier(): void {
    this.emit('barrier', 'void', []);
  }

  // --- calls --------------------------------------------------------------------------------------------------------

  /** A helper by id. `type` void, i64 or ptr (helpers fill all of r0: take i64 and truncate for int results). */
  callHelper(id: number, name: string, type: Type, args: readonly Inst[]): Inst {
    const inst = this.call('callhelper', name, type, args);
    inst.helper = id;
    return inst;
  }

  /** A function of this module, which may be added later. Any types; more than five arguments only where it is inlined. */
  callLocal(name: string, type: Type, args: readonly Inst[]): Inst {
    return this.call('calllocal', name, type, args);
  }

  callKfunc(name: string, type: Type, args: readonly Inst[]): Inst {
    return this.call('callkfunc', name, type, args);
  }

  // --- terminators --------------------------------------------------------------------------------------------------

  br(to: Block): void {
    this.emit('br', 'void', []).targets = [to];
  }

  condBr(condition: Inst, then: Block, otherwise: Block, likely?: boolean): void {
    this.want(condition.type === 'i1', `condbr on ${condition.type}`);
    const inst = this.emit('condbr', 'void', [condition]);
    inst.targets = [then, otherwise];
    inst.likely = likely;
  }

  /** Cases are values of the type of `value` (i32, i64), each once; for GNU ranges make compares or several cases. */
  switch(value: Inst, otherwise: Block, cases: readonly (readonly [bigint, Block])[]): void {
    this.want(value.type === 'i32' || value.type === 'i64', `switch on ${value.type}`);
    const inst = this.emit('switch', 'void', [value]);
    inst.targets = [otherwise, ...cases.map(([, b]) => b)];
    inst.cases = cases.map(([v]) => canonical(value.type, v));
  }

  ret(value?: Inst): void {
    this.want(
      (value?.type ?? 'void') === this.fn.ret,
      `ret ${value?.type ?? 'void'} in a function that returns ${this.fn.ret}`,
    );
    this.emit('ret', 'void', value ? [value] : []);
  }

  unreachable(): void {
    this.emit('unreachable', 'void', []);
  }

  /** Drop blocks that nobody reaches, and close ones without terminator by `unreachable`. Gives the function. */
  finish(): Func {
    for (const block of this.fn.blocks) {
      const last = block.insts[block.insts.length - 1];
      if (last !== undefined && isTerminator(last)) continue;
      const end = newInst(this.fn, 'unreachable', 'void', [], this.loc);
      end.block = block;
      block.insts.push(end);
    }
    const reached = new Set<Block>([this.fn.blocks[0]!]);
    for (const block of reached) for (const to of block.insts[block.insts.length - 1]!.targets) reached.add(to);
    this.fn.blocks = this.fn.blocks.filter((b) => reached.has(b));
    for (const block of this.fn.blocks) {
      for (const phi of block.insts) {
        if (phi.op !== 'phi') continue;
        phi.args = phi.args.filter((_, i) => reached.has(phi.targets[i]!));
        phi.targets = phi.targets.filter((b) => reached.has(b));
      }
    }
    return this.fn;
  }

  // --- inside -------------------------------------------------------------------------------------------------------

  private emit(op: Op, type: Type, args: Inst[]): Inst {
    const inst = newInst(this.fn, op, type, args, this.loc);
    if (this.terminated) return inst;
    inst.block = this.at;
    this.at.insts.push(inst);
    return inst;
  }

  private leaf(op: Op, name: string, off: number): Inst {
    const inst = newInst(this.fn, op, 'ptr', [], this.loc);
    inst.name = name;
    inst.off = off;
    return inst;
  }

  private block3(op: Op, dst: Inst, other: Inst, size: number, align: number): void {
    this.want(dst.type === 'ptr' && IR_OP[op].kind === 'memory', `${op} to ${dst.type}`);
    if (size === 0) return;
    const inst = this.emit(op, 'void', [dst, other]);
    inst.size = size;
    inst.align = align;
  }

  private call(op: Op, name: string, type: Type, args: readonly Inst[]): Inst {
    this.want(
      op === 'calllocal' ||
        (args.length <= 5 && args.every((a) => a.type === 'i32' || a.type === 'i64' || a.type === 'ptr')),
      `call of ${name} with ${args.map((a) => a.type).join(', ')}`,
    );
    const inst = this.emit(op, type, [...args]);
    inst.name = name;
    return inst;
  }

  private want(ok: boolean, what: string): void {
    if (!ok)
      throw new TypeError(
        `malformed IR in ${this.fn.name}${this.loc ? ` at ${this.loc.file}:${this.loc.line}` : ''}: ${what}`,
      );
  }
}
