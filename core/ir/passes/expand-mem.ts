/**
 * memcpy, memmove and memset of constant size become loads and stores of the widest units that the alignment allows. Stack
 * accesses must be aligned (the verifier insists); elsewhere the kernel runs on machines with cheap unaligned access, but a pointer that
 * might be to the stack must be treated as one. Long ones become loops.
 */

import { knownAlign, splitAddress } from '../align.ts';
import { newBlock, newConst, newInst } from '../build.ts';
import { phis } from '../cfg.ts';
import { type Block, type Func, type Inst, type Type, terminator } from '../ir.ts';

/** The widest unit for an address, and how far it is from a multiple of it: what its anchor and constant offset say, or what was promised. */
function alignment(ptr: Inst, promised: number): { unit: number; phase: number } {
  const { anchor, off } = splitAddress(ptr);
  const unit = anchor.op === 'globalref' ? 8 : knownAlign(anchor);
  const own = Math.max(promised, knownAlign(ptr));
  return unit > own ? { unit, phase: ((off % unit) + unit) % unit } : { unit: Math.min(8, own), phase: 0 };
}

const UNIT: Record<number, Type> = { 1: 'i8', 2: 'i16', 4: 'i32', 8: 'i64' };
/** More units than this and it is a loop. */
const MOST_UNROLLED = 128;

export function expandMem(fn: Func): boolean {
  let changed = false;
  for (let n = 0; n < fn.blocks.length; n++) {
    const block = fn.blocks[n]!;
    const out: Inst[] = [];
    for (let k = 0; k < block.insts.length; k++) {
      const inst = block.insts[k]!;
      if (inst.op !== 'memcpy' && inst.op !== 'memmove' && inst.op !== 'memset') {
        out.push(inst);
        continue;
      }
      changed = true;
      const e = new Expansion(fn, block, inst, out);
      if (inst.size / e.unit <= MOST_UNROLLED) {
        e.unrolled();
        continue;
      }
      // The rest of the block goes behind the loop, and is looked at there.
      const rest = block.insts.slice(k + 1);
      block.insts = out;
      e.loop(rest);
      break;
    }
    if (block.insts !== out) block.insts = out;
  }
  return changed;
}

class Expansion {
  readonly unit: number;
  /** Distance of the destination from the last multiple of the unit. */
  private phase = 0;
  private readonly fn: Func;
  private readonly block: Block;
  private readonly inst: Inst;
  private readonly out: Inst[];

  constructor(fn: Func, block: Block, inst: Inst, out: Inst[]) {
    this.fn = fn;
    this.block = block;
    this.inst = inst;
    this.out = out;
    const [dst, src] = inst.args as [Inst, Inst];
    const to = alignment(dst, inst.align);
    const from = inst.op === 'memset' ? to : alignment(src, inst.align);
    let unit = Math.min(to.unit, from.unit);
    while (to.phase % unit !== from.phase % unit) unit /= 2;
    this.unit = unit;
    this.phase = to.phase % unit;
  }

  /** Offsets and sizes: small ones up to the first whole unit, units, small ones again; each aligned to its size. */
  private pieces(): { off: number; size: number }[] {
    const out: { off: number; size: number }[] = [];
    for (let off = 0; off < this.inst.size; ) {
      let size = this.unit;
      while ((this.phase + off) % size !== 0 || off + size > this.inst.size) size /= 2;
      out.push({ off, size });
      off += size;
    }
    return out;
  }

  unrolled(): void {
    const [dst, src] = this.inst.args as [Inst, Inst];
    if (this.inst.op === 'memset') {
      const wide = this.splat(src);
      for (const { off, size } of this.pieces()) this.store(dst, this.part(wide, size), off);
      return;
    }
    const pieces = this.pieces();
    if (this.inst.op === 'memcpy') {
      for (const { off, size } of pieces) this.store(dst, this.load(src, size, off), off);
      return;
    }
    // May overlap: all loads first.
    const loaded = pieces.map(({ off, size }) => this.load(src, size, off));
    for (const [i, { off }] of pieces.entries()) this.store(dst, loaded[i]!, off);
  }

  /** Only from a whole unit on: a phase would need a prologue. */
  private flatten(): void {
    while (this.phase % this.unit !== 0) (this as { unit: number }).unit /= 2;
    this.phase = 0;
  }

  /** A counted loop of one unit a turn, up (or down, where a move overlaps upwards), and the odd bytes unrolled. */
  loop(rest: Inst[]): void {
    this.flatten();
    const { fn, inst } = this;
    const [dst, src] = inst.args as [Inst, Inst];
    const whole = Math.floor(inst.size / this.unit) * this.unit;
    const after = this.continuation(rest);
    const wide = inst.op === 'memset' ? this.splat(src) : undefined;
    const body = (down: boolean, from: Block): void => {
      const head = newBlock(fn, 'copy');
      this.branch(from, head);
      const index = newInst(fn, 'phi', 'i64', [], inst.loc);
      const step = newConst(fn, 'i64', down ? -this.unit : this.unit);
      const next = this.at(head, newInst(fn, 'add', 'i64', [index, step], inst.loc), 0);
      index.block = head;
      index.args = [newConst(fn, 'i64', down ? whole - this.unit : 0), next];
      index.targets = [from, head];
      head.insts.unshift(index);
      const to = this.at(head, newInst(fn, 'ptradd', 'ptr', [dst, index], inst.loc), 1);
      const value = wide
        ? this.part(wide, this.unit)
        : this.at(
            head,
            newInst(
              fn,
              'load',
              UNIT[this.unit]!,
              [this.at(head, newInst(fn, 'ptradd', 'ptr', [src, index], inst.loc), 2)],
              inst.loc,
            ),
            3,
          );
      this.at(head, newInst(fn, 'store', 'void', [to, value], inst.loc), head.insts.length - 1);
      const icmp = newInst(fn, 'icmp', 'i1', [next, newConst(fn, 'i64', down ? -this.unit : whole)], inst.loc);
      icmp.sub = 'ne';
      this.at(head, icmp, head.insts.length);
      const end = newInst(fn, 'condbr', 'void', [icmp], inst.loc);
      end.targets = [head, after];
      this.at(head, end, head.insts.length);
    };
    const odd: { value: Inst | undefined; off: number; size: number }[] = this.pieces()
      .filter((p) => p.off >= whole)
      .map((p) => ({ ...p, value: inst.op === 'memmove' ? this.load(src, p.size, p.off) : undefined }));
    if (inst.op !== 'memmove') {
      for (const p of odd) this.store(dst, wide ? this.part(wide, p.size) : this.load(src, p.size, p.off), p.off);
      body(false, this.block);
      return;
    }
    const [a, b] = [dst, src].map((p) => this.push(newInst(fn, 'ptrtoint', 'i64', [p], inst.loc)));
    const up = this.push(newInst(fn, 'icmp', 'i1', [a!, b!], inst.loc));
    up.sub = 'ule';
    const ways = [newBlock(fn, 'up'), newBlock(fn, 'down')];
    const choice = this.push(newInst(fn, 'condbr', 'void', [up], inst.loc));
    choice.targets = ways;
    body(false, ways[0]!);
    body(true, ways[1]!);
    odd.forEach((p, i) => {
      const store = newInst(fn, 'store', 'void', [dst, p.value!], inst.loc);
      store.off = p.off;
      this.at(after, store, i);
    });
  }

  private continuation(rest: Inst[]): Block {
    const after = newBlock(this.fn, 'copied');
    after.insts = rest;
    for (const i of rest) i.block = after;
    for (const to of terminator(after).targets) {
      for (const phi of phis(to)) phi.targets = phi.targets.map((b) => (b === this.block ? after : b));
    }
    return after;
  }

  /** The byte eight times. */
  private splat(value: Inst): Inst {
    const { fn, inst } = this;
    if (value.op === 'const') {
      const byte = BigInt.asUintN(8, value.value);
      return newConst(fn, 'i64', byte * 0x0101010101010101n);
    }
    const low = value.type === 'i8' ? value : this.push(newInst(fn, 'trunc', 'i8', [value], inst.loc));
    const wide = this.push(newInst(fn, 'zext', 'i64', [low], inst.loc));
    return this.push(newInst(fn, 'mul', 'i64', [wide, newConst(fn, 'i64', 0x0101010101010101n)], inst.loc));
  }

  private part(wide: Inst, size: number): Inst {
    if (wide.op === 'const') return newConst(this.fn, UNIT[size]!, wide.value);
    return size === 8 ? wide : this.push(newInst(this.fn, 'trunc', UNIT[size]!, [wide], this.inst.loc));
  }

  private load(src: Inst, size: number, off: number): Inst {
    const load = newInst(this.fn, 'load', UNIT[size]!, [src], this.inst.loc);
    load.off = off;
    return this.push(load);
  }

  private store(dst: Inst, value: Inst, off: number): void {
    const store = newInst(this.fn, 'store', 'void', [dst, value], this.inst.loc);
    store.off = off;
    this.push(store);
  }

  private branch(from: Block, to: Block): void {
    const br = newInst(this.fn, 'br', 'void', [], this.inst.loc);
    br.targets = [to];
    br.block = from;
    from.insts.push(br);
  }

  private push(inst: Inst): Inst {
    inst.block = this.block;
    this.out.push(inst);
    return inst;
  }

  private at(block: Block, inst: Inst, index: number): Inst {
    inst.block = block;
    block.insts.splice(index, 0, inst);
    return inst;
  }
}
