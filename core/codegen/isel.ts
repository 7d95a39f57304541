/**
 * Instruction selection: IR blocks to machine blocks over virtual registers, one value at a time. Compares sink into the
 * branches that use them (branch.ts), constants become immediates, constant offsets fold into `[reg + off]`, and whatever
 * can be made again for an instruction or two (constants, map references, frame addresses) is made where it is used.
 *
 * How values sit in registers: i64 and ptr fill one; of i32, i16, i8 only the low bits mean anything and bits.ts knows what the rest
 * is; i1 is 0 or 1.
 */

import { Dominators, findLoops, useCounts, users } from '../ir/cfg.ts';
import {
  type Block,
  type Func,
  type Inst,
  IR_OP,
  isLeaf,
  type Loc,
  TYPE_BITS,
  type Type,
  unsignedOf,
} from '../ir/ir.ts';
import type { AluOp } from '../isa/ops.ts';
import { type RegisterBits, registerBits } from './bits.ts';
import { branchOn } from './branch.ts';
import { address, selectMemory } from './memory.ts';
import { fitsImm, linkBlocks, MBlock, type MCond, MFunc, MInst, NO_REG, type Slot } from './mir.ts';

/** What selection needs to know of the target. */
export interface Target {
  /** clang's -mcpu=vN. */
  readonly cpu: 1 | 2 | 3 | 4;
}

/** Something the target cannot do, with the place. */
export interface Complaint {
  readonly message: string;
  readonly loc: Loc | undefined;
}

const ALU_OF: Partial<Record<Inst['op'], AluOp>> = {
  add: 'add',
  sub: 'sub',
  mul: 'mul',
  udiv: 'div',
  urem: 'mod',
  and: 'and',
  or: 'or',
  xor: 'xor',
  shl: 'lsh',
  lshr: 'rsh',
  ashr: 'arsh',
};
const COMMUTES = new Set(['add', 'mul', 'and', 'or', 'xor']);

const LEAF_KINDS = { mapref: 'map', globalref: 'map_value', funcref: 'func', symref: 'ksym', coreoff: 'core' } as const;
export class Selector {
  readonly fn: Func;
  readonly out: MFunc;
  readonly target: Target;
  readonly bits: RegisterBits;
  readonly complaints: Complaint[] = [];
  /** 32-bit ALU and jumps. */
  readonly alu32: boolean;
  readonly uses: Map<Inst, number>;
  private readonly users: Map<Inst, Inst[]>;
  private readonly regs = new Map<Inst, number>();
  private readonly slots = new Map<Inst, Slot>();
  private readonly first = new Map<Block, MBlock>();
  private at: MBlock;
  private loc: Loc | undefined;

  constructor(fn: Func, target: Target) {
    this.fn = fn;
    this.target = target;
    this.alu32 = target.cpu >= 3;
    this.out = new MFunc(fn.name);
    this.bits = registerBits(fn, this.alu32);
    this.uses = useCounts(fn);
    this.users = users(fn);
    for (const block of fn.blocks) this.first.set(block, this.newBlock());
    for (const loop of findLoops(new Dominators(fn))) for (const block of loop.blocks) this.first.get(block)!.depth++;
    this.at = this.first.get(fn.blocks[0]!)!;
  }

  /** The whole function. Switches, critical edges, block memory operations and signed division must be lowered before. */
  run(): MFunc {
    this.out.blocks = [];
    this.enter(this.fn.blocks[0]!);
    this.takeParams();
    for (const block of this.fn.blocks) {
      if (block !== this.fn.blocks[0]) this.enter(block);
      for (const inst of block.insts) {
        this.loc = inst.loc;
        this.select(inst);
      }
    }
    linkBlocks(this.out);
    return this.out;
  }

  // --- blocks -------------------------------------------------------------------------------------------------------

  newBlock(): MBlock {
    return new MBlock(this.out.nextBlock++);
  }

  /** A block amid the current one. */
  private inner(): MBlock {
    const block = this.newBlock();
    block.depth = this.at.depth;
    return block;
  }

  private enter(block: Block): void {
    this.open(this.first.get(block)!);
  }

  /** Go on in this block. */
  open(block: MBlock): void {
    this.at = block;
    this.out.blocks.push(block);
  }

  blockOf(block: Block): MBlock {
    return this.first.get(block)!;
  }

  // --- emitting -----------------------------------------------------------------------------------------------------

  newReg(): number {
    return this.out.nextReg++;
  }

  push(op: MInst['op']): MInst {
    const inst = new MInst(op, this.loc);
    this.at.insts.push(inst);
    return inst;
  }

  /** The instruction made last. */
  last(): MInst {
    return this.at.insts[this.at.insts.length - 1]!;
  }

  jump(to: MBlock): void {
    this.push('ja').target = to;
  }

  jcc(cond: MCond, dst: number, src: number | { imm: number }, wide: boolean, to: MBlock): void {
    const inst = this.push('jcc');
    inst.cond = cond;
    inst.dst = dst;
    inst.wide = wide;
    inst.target = to;
    if (typeof src === 'number') inst.src = src;
    else inst.imm = src.imm;
  }

  copy(dst: number, src: number, wide = true): void {
    const inst = this.push('alu');
    inst.dst = dst;
    inst.src = src;
    inst.wide = wide;
  }

  alu(op: AluOp, dst: number, src: number | { imm: number }, wide: boolean): void {
    const inst = this.push('alu');
    inst.alu = op;
    inst.dst = dst;
    inst.wide = wide;
    if (typeof src === 'number') inst.src = src;
    else inst.imm = src.imm;
  }

  /** dst = constant, by the shortest form. Values are read at `type`; bits above it come out zero (i32 before version 3: sign copies). */
  loadConst(dst: number, type: Type, value: bigint): void {
    const bits = TYPE_BITS[type];
    if (bits === 64 || (bits === 32 && !this.alu32)) {
      if (fitsImm(value)) this.alu('mov', dst, { imm: Number(value) }, true);
      else if (this.alu32 && value >= 0n && value <= 0xffffffffn)
        this.alu('mov', dst, { imm: Number(BigInt.asIntN(32, value)) }, false);
      else {
        const inst = this.push('ldimm');
        inst.dst = dst;
        inst.imm64 = value;
      }
      return;
    }
    const wide = !this.alu32;
    this.alu('mov', dst, { imm: Number(bits === 32 ? value : BigInt.asUintN(bits, value)) }, wide);
  }

  /** Put any value into `dst`: leaves are made there, others copied. */
  into(dst: number, value: Inst): void {
    switch (value.op) {
      case 'const':
        this.loadConst(dst, value.type, value.value);
        return;
      case 'undef':
        this.alu('mov', dst, { imm: 0 }, true);
        return;
      case 'alloca': {
        const inst = this.push('frame');
        inst.dst = dst;
        inst.slot = this.slotOf(value);
        return;
      }
      case 'mapref':
      case 'globalref':
      case 'funcref':
      case 'symref':
      case 'coreoff': {
        const inst = this.push('ldimm');
        inst.dst = dst;
        inst.kind = LEAF_KINDS[value.op];
        inst.name = value.name;
        inst.off = value.off;
        return;
      }
      default:
        this.copy(dst, this.reg(value));
    }
  }

  /** A register that holds the value: its own, or a fresh one for what is made at each use. Never write to it. */
  reg(value: Inst): number {
    if ((isLeaf(value) && value.op !== 'param') || value.op === 'alloca') {
      const dst = this.newReg();
      this.into(dst, value);
      return dst;
    }
    return this.regOf(value);
  }

  /** The register of a value that has one. */
  regOf(value: Inst): number {
    let reg = this.regs.get(value);
    if (reg === undefined) this.regs.set(value, (reg = this.newReg()));
    return reg;
  }

  slotOf(alloca: Inst): Slot {
    let slot = this.slots.get(alloca);
    if (!slot) {
      slot = { size: alloca.size, align: alloca.align, name: alloca.name, loc: alloca.loc, offset: 0, spill: false };
      this.slots.set(alloca, slot);
      this.out.slots.push(slot);
    }
    return slot;
  }

  // --- values -------------------------------------------------------------------------------------------------------

  private takeParams(): void {
    for (const param of this.fn.params) {
      if (this.uses.has(param)) this.copy(this.regOf(param), param.off + 1, !this.bits.clearing.has(param));
    }
  }

  private select(inst: Inst): void {
    const row = IR_OP[inst.op];
    if (row.effect === 'none' && !this.uses.has(inst)) return;
    switch (row.kind) {
      case 'binary':
        this.binary(inst);
        return;
      case 'unary':
        this.unary(inst);
        return;
      case 'compare':
        if (this.needsBool(inst)) this.bool(this.regOf(inst), inst);
        return;
      case 'select':
        this.choose(this.regOf(inst), inst.args[0]!, inst.args[1]!, inst.args[2]!);
        return;
      case 'cast':
        this.cast(inst);
        return;
      case 'ptradd':
        this.pointerAdd(inst);
        return;
      case 'memory':
        selectMemory(this, inst);
        return;
      case 'call':
        inst.op === 'ldabs' || inst.op === 'ldind' ? this.packet(inst) : this.call(inst);
        return;
      case 'term':
        this.term(inst);
        return;
      default:
        return;
    }
  }

  private binary(inst: Inst): void {
    let [a, b] = inst.args as [Inst, Inst];
    if (
      COMMUTES.has(inst.op) &&
      b.op !== 'const' &&
      (a.op === 'const' || (this.uses.get(a)! > 1 && this.uses.get(b) === 1))
    )
      [a, b] = [b, a];
    const dst = this.regOf(inst);
    const wide = inst.type === 'i64' || !this.alu32;
    if (inst.op === 'and' && inst.type === 'i64' && b.op === 'const' && b.value === 0xffffffffn) {
      this.zeroExtend(dst, a, 32);
      return;
    }
    let op = ALU_OF[inst.op]!;
    const narrow = wide && inst.type !== 'i64';
    if (narrow && (op === 'div' || op === 'mod' || op === 'rsh')) this.zeroExtend(dst, a, 32);
    else if (narrow && op === 'arsh') this.signExtend(dst, a, 32, 64);
    else this.into(dst, a);
    if (inst.op === 'sdiv' || inst.op === 'srem') {
      op = inst.op === 'sdiv' ? 'div' : 'mod';
      this.alu(op, dst, this.source(b, wide), wide);
      this.at.insts[this.at.insts.length - 1]!.signed = true;
      return;
    }
    if (narrow && (op === 'div' || op === 'mod') && (b.op !== 'const' || b.value < 0n)) {
      const by = this.newReg();
      this.zeroExtend(by, b, 32);
      this.alu(op, dst, by, wide);
    } else if (op === 'lsh' || op === 'rsh' || op === 'arsh') {
      this.alu(op, dst, this.shiftCount(b, inst.type, wide), wide);
    } else this.alu(op, dst, this.source(b, wide), wide);
  }

  /** A count in its range: the machine masks by the register's width, the IR by the type's. */
  private shiftCount(b: Inst, type: Type, wide: boolean): number | { imm: number } {
    const mask = type === 'i64' ? 63 : 31;
    if (b.op === 'const') return { imm: Number(BigInt.asUintN(8, b.value)) & mask };
    if (!wide || type === 'i64') return this.reg(b);
    const count = this.newReg();
    this.into(count, b);
    this.alu('and', count, { imm: mask }, true);
    return count;
  }

  /** Second operand: an immediate where it fits. */
  source(b: Inst, wide: boolean): number | { imm: number } {
    if (b.op === 'const' && (!wide || fitsImm(b.value))) return { imm: Number(BigInt.asIntN(32, b.value)) };
    return this.reg(b);
  }

  private unary(inst: Inst): void {
    const dst = this.regOf(inst);
    this.into(dst, inst.args[0]!);
    if (inst.op === 'neg') this.alu('neg', dst, { imm: 0 }, inst.type === 'i64' || !this.alu32);
    if (inst.op === 'bswap') {
      const swap = this.push('bswap');
      swap.dst = dst;
      swap.size = inst.size / 8;
    }
  }

  private pointerAdd(inst: Inst): void {
    const [ptr, by] = inst.args as [Inst, Inst];
    const dst = this.regOf(inst);
    const folded = address(inst, 0);
    if (folded.alloca) {
      const frame = this.push('frame');
      frame.dst = dst;
      frame.slot = this.slotOf(folded.base);
      frame.off = folded.off;
      return;
    }
    if (ptr.op === 'globalref' && by.op === 'const') {
      this.into(dst, ptr);
      this.at.insts[this.at.insts.length - 1]!.off += Number(by.value);
      return;
    }
    this.into(dst, ptr);
    this.alu('add', dst, this.source(by, true), true);
  }

  private cast(inst: Inst): void {
    const a = inst.args[0]!;
    const dst = this.regOf(inst);
    if (inst.op === 'zext') {
      if (a.op === 'icmp' && !this.needsBool(a)) this.bool(dst, a);
      else this.zeroExtend(dst, a, TYPE_BITS[a.type]);
    } else if (inst.op === 'sext') {
      if (a.op === 'icmp' && !this.needsBool(a)) this.bool(dst, a);
      else if (a.type === 'i1') this.into(dst, a);
      else {
        this.signExtend(dst, a, TYPE_BITS[a.type], TYPE_BITS[inst.type]);
        return;
      }
      if (a.type === 'i1') this.alu('neg', dst, { imm: 0 }, inst.type === 'i64' || !this.alu32);
    } else if (inst.op === 'trunc' && inst.type === 'i1') {
      this.into(dst, a);
      this.alu('and', dst, { imm: 1 }, true);
    } else if (this.bits.clearing.has(inst)) this.zeroExtend(dst, a, 32);
    else this.into(dst, a);
  }

  /** dst = low `from` bits of a, zeros above. */
  zeroExtend(dst: number, a: Inst, from: number): void {
    if (a.op === 'const') {
      this.loadConst(dst, 'i64', BigInt.asUintN(from, a.value));
      return;
    }
    if (this.bits.of(a) <= from) {
      this.into(dst, a);
      return;
    }
    const src = this.reg(a);
    if (from === 32) {
      if (this.alu32) {
        this.copy(dst, src, false);
        return;
      }
      this.copy(dst, src);
      this.alu('lsh', dst, { imm: 32 }, true);
      this.alu('rsh', dst, { imm: 32 }, true);
    } else {
      this.copy(dst, src);
      this.alu('and', dst, { imm: 2 ** from - 1 }, !this.alu32);
    }
  }

  /** dst = low `from` bits of a, sign copies up to `to` bits. */
  signExtend(dst: number, a: Inst, from: number, to: number): void {
    if (a.op === 'const') {
      this.loadConst(dst, to === 64 ? 'i64' : 'i32', BigInt.asIntN(from, a.value));
      return;
    }
    if (this.bits.of(a) < from) {
      this.into(dst, a);
      return;
    }
    const wide = to === 64 || !this.alu32;
    if (this.target.cpu >= 4) {
      const inst = this.push('movsx');
      inst.dst = dst;
      inst.src = this.reg(a);
      inst.size = from / 8;
      inst.wide = wide;
      // The source may need an instruction of its own, which must come first.
      this.at.insts.splice(this.at.insts.indexOf(inst), 1);
      this.at.insts.push(inst);
      return;
    }
    this.into(dst, a);
    const by = (wide ? 64 : 32) - from;
    this.alu('lsh', dst, { imm: by }, wide);
    this.alu('arsh', dst, { imm: by }, wide);
  }

  // --- booleans -----------------------------------------------------------------------------------------------------

  /** Some user wants the i1 in a register: one that cannot take the compare into itself. */
  private needsBool(icmp: Inst): boolean {
    return this.users
      .get(icmp)!
      .some(
        (u) =>
          !(
            u.op === 'condbr' ||
            u.op === 'zext' ||
            u.op === 'sext' ||
            (u.op === 'select' && u.args[0] === icmp && u.args.lastIndexOf(icmp) === 0)
          ),
      );
  }

  private bool(dst: number, icmp: Inst): void {
    if (this.oneBit(dst, icmp)) return;
    const [no, done] = [this.inner(), this.inner()];
    this.alu('mov', dst, { imm: 1 }, !this.alu32);
    branchOn(this, icmp, done, no);
    this.open(no);
    this.alu('mov', dst, { imm: 0 }, !this.alu32);
    this.jump(done);
    this.open(done);
  }

  /** `(x & 4) != 0` and `x < 0` are a bit of x: shifted down, without a branch that the kernel's verifier would follow both ways. */
  private oneBit(dst: number, icmp: Inst): boolean {
    const [a, zero] = icmp.args as [Inst, Inst];
    if (zero.op !== 'const' || zero.value !== 0n || (a.type !== 'i32' && a.type !== 'i64')) return false;
    const sign = icmp.sub === 'slt' || icmp.sub === 'sge';
    const mask = a.op === 'and' && a.args[1]!.op === 'const' ? unsignedOf(a.args[1]!) : 0n;
    const tests = (icmp.sub === 'ne' || icmp.sub === 'eq') && mask > 0n && (mask & (mask - 1n)) === 0n;
    if (!sign && !tests) return false;
    const wide = a.type === 'i64' || !this.alu32;
    const bit = sign ? TYPE_BITS[a.type] - 1 : mask.toString(2).length - 1;
    this.into(dst, sign ? a : a.args[0]!);
    if (bit > 0) this.alu('rsh', dst, { imm: bit }, wide);
    if (!sign || a.type === 'i32') this.alu('and', dst, { imm: 1 }, wide);
    if (icmp.sub === 'eq' || icmp.sub === 'sge') this.alu('xor', dst, { imm: 1 }, wide);
    return true;
  }

  private choose(dst: number, cond: Inst, a: Inst, b: Inst): void {
    const [other, done] = [this.inner(), this.inner()];
    this.into(dst, a);
    branchOn(this, cond, done, other);
    this.open(other);
    this.into(dst, b);
    this.jump(done);
    this.open(done);
  }

  // --- calls and terminators ----------------------------------------------------------------------------------------

  private call(inst: Inst): void {
    const made = (a: Inst) => (isLeaf(a) && a.op !== 'param') || a.op === 'alloca';
    if (inst.args.length > 5) {
      this.complaints.push({
        message: `'${inst.name}' takes ${inst.args.length} arguments; a BPF-to-BPF call passes five at most`,
        loc: inst.loc,
      });
      return;
    }
    const order = inst.args.map((a, i) => ({ a, reg: i + 1 }));
    for (const { a, reg } of [...order.filter(({ a }) => !made(a)), ...order.filter(({ a }) => made(a))]) {
      if (a.type === 'i32' && a.op !== 'const') this.zeroExtend(reg, a, 32);
      else this.into(reg, a);
    }
    const call = this.push('call');
    call.call = inst.op === 'callhelper' ? 'helper' : inst.op === 'calllocal' ? 'local' : 'kfunc';
    call.imm = inst.helper;
    call.name = inst.name;
    call.argc = inst.args.length;
    if (this.uses.has(inst)) this.copy(this.regOf(inst), 0);
  }

  private packet(inst: Inst): void {
    const [ctx, index] = inst.args as [Inst, Inst | undefined];
    const src = index ? this.reg(index) : NO_REG;
    this.into(6, ctx);
    const load = this.push('packet');
    load.src = src;
    load.imm = inst.off;
    load.size = inst.size;
    if (this.uses.has(inst)) this.copy(this.regOf(inst), 0);
  }

  private term(inst: Inst): void {
    switch (inst.op) {
      case 'br':
        this.phiCopies(inst.block!, inst.targets[0]!);
        this.jump(this.blockOf(inst.targets[0]!));
        return;
      case 'condbr': {
        const [yes, no] = inst.targets.map((b) => this.blockOf(b)) as [MBlock, MBlock];
        if (inst.likely !== undefined) (inst.likely ? no : yes).cold = true;
        branchOn(this, inst.args[0]!, yes, no);
        return;
      }
      case 'ret':
        if (inst.args[0]) this.into(0, inst.args[0]);
        else if (this.fn.entry) this.loadConst(0, 'i64', 0n);
        this.push('exit').argc = inst.args[0] || this.fn.entry ? 1 : 0;
        return;
      case 'unreachable':
        // The kernel wants every path to end in exit with r0 set.
        this.loadConst(0, 'i64', 0n);
        this.push('exit').argc = 1;
        return;
      default:
        throw new TypeError(`${inst.op} reached instruction selection`);
    }
  }

  /** The copies of an edge happen at once: order them so that no source is overwritten, breaking cycles by a temporary. */
  private phiCopies(from: Block, to: Block): void {
    const pending: { dst: number; src: number }[] = [];
    const made: { dst: number; value: Inst }[] = [];
    for (const phi of to.insts) {
      if (phi.op !== 'phi') break;
      if (!this.uses.has(phi)) continue;
      const value = phi.args[phi.targets.indexOf(from)]!;
      const dst = this.regOf(phi);
      if ((isLeaf(value) && value.op !== 'param') || value.op === 'alloca') made.push({ dst, value });
      else if (this.regOf(value) !== dst) pending.push({ dst, src: this.regOf(value) });
    }
    while (pending.length > 0) {
      const free = pending.findIndex((c) => !pending.some((o) => o.src === c.dst));
      if (free >= 0) {
        const [c] = pending.splice(free, 1);
        this.copy(c!.dst, c!.src);
      } else {
        const temp = this.newReg();
        this.copy(temp, pending[0]!.src);
        const src = pending[0]!.src;
        for (const c of pending) if (c.src === src) c.src = temp;
      }
    }
    // An undefined value is made zero: the verifier refuses even to copy a register that was never written.
    for (const { dst, value } of made) this.into(dst, value);
  }
}
