/**
 * Which registers are live where: backward data flow over bit sets, one word array per block. Also the dead-code removal that falls out
 * of it. Physical registers take part (r0-r5 between a copy and its call), r10 does not: it is always there.
 */
import { REG_FP } from '../isa/ops.ts';
import { forDefs, forUses, isPure, type MBlock, type MFunc, type MInst } from './mir.ts';

export class BitSet {
  readonly words: Uint32Array;
  constructor(size: number) {
    this.words = new Uint32Array((size + 31) >> 5);
  }
  has(i: number): boolean {
    return (this.words[i >> 5]! & (1 << (i & 31))) !== 0;
  }
  add(i: number): void {
    this.words[i >> 5]! |= 1 << (i & 31);
  }
  delete(i: number): void {
    this.words[i >> 5]! &= ~(1 << (i & 31));
  }
  set(other: BitSet): void {
    this.words.set(other.words);
  }
  /** Adds what the other has. */
  join(other: BitSet): void {
    for (let w = 0; w < this.words.length; w++) this.words[w]! |= other.words[w]!;
  }
  /** Calls `each` with the members, ascending. */
  forEach(each: (i: number) => void): void {
    for (let w = 0; w < this.words.length; w++) {
      for (let bits = this.words[w]!; bits !== 0; bits &= bits - 1) each(w * 32 + 31 - Math.clz32(bits & -bits));
    }
  }
}

export interface Liveness {
  readonly liveIn: Map<MBlock, BitSet>;
  readonly liveOut: Map<MBlock, BitSet>;
}

export function liveness(fn: MFunc): Liveness {
  const n = fn.nextReg;
  const liveIn = new Map<MBlock, BitSet>();
  const liveOut = new Map<MBlock, BitSet>();
  const gen = new Map<MBlock, BitSet>();
  const kill = new Map<MBlock, BitSet>();
  for (const b of fn.blocks) {
    const [g, k] = [new BitSet(n), new BitSet(n)];
    for (const i of b.insts) {
      forUses(i, (r) => {
        if (r !== REG_FP && !k.has(r)) g.add(r);
      });
      forDefs(i, (r) => k.add(r));
    }
    gen.set(b, g);
    kill.set(b, k);
    const first = new BitSet(n);
    first.set(g);
    liveIn.set(b, first);
    liveOut.set(b, new BitSet(n));
  }
  const work = [...fn.blocks];
  const queued = new Set(work);
  for (let b = work.pop(); b !== undefined; b = work.pop()) {
    queued.delete(b);
    const out = liveOut.get(b)!.words;
    for (const s of b.succs) {
      const from = liveIn.get(s)!.words;
      for (let w = 0; w < out.length; w++) out[w]! |= from[w]!;
    }
    const into = liveIn.get(b)!.words;
    const [g, k] = [gen.get(b)!.words, kill.get(b)!.words];
    let changed = false;
    for (let w = 0; w < into.length; w++) {
      const next = (g[w]! | (out[w]! & ~k[w]!)) >>> 0;
      if (next !== into[w]) {
        into[w] = next;
        changed = true;
      }
    }
    if (changed) {
      for (const p of b.preds) {
        if (!queued.has(p)) {
          queued.add(p);
          work.push(p);
        }
      }
    }
  }
  return { liveIn, liveOut };
}

/** Walk a block backwards: `each` sees every instruction with what is live after it (valid during the call only). */
export function walkBackwards(
  b: MBlock,
  out: BitSet,
  scratch: BitSet,
  each: (inst: MInst, live: BitSet, index: number) => void,
): void {
  scratch.set(out);
  for (let n = b.insts.length - 1; n >= 0; n--) {
    const inst = b.insts[n]!;
    each(inst, scratch, n);
    forDefs(inst, (r) => scratch.delete(r));
    forUses(inst, (r) => {
      if (r !== REG_FP) scratch.add(r);
    });
  }
}

/** Remove pure instructions whose result is dead, until none is left. Gives the liveness of what remains. */
export function removeDead(fn: MFunc): Liveness {
  for (;;) {
    const live = liveness(fn);
    const now = new BitSet(fn.nextReg);
    let removed = false;
    for (const b of fn.blocks) {
      now.set(live.liveOut.get(b)!);
      const kept: MInst[] = [];
      for (let n = b.insts.length - 1; n >= 0; n--) {
        const inst = b.insts[n]!;
        if (isPure(inst) && !now.has(inst.dst)) {
          removed = true;
          continue;
        }
        forDefs(inst, (r) => now.delete(r));
        forUses(inst, (r) => {
          if (r !== REG_FP) now.add(r);
        });
        kept.push(inst);
      }
      b.insts = kept.reverse();
    }
    if (!removed) return live;
  }
}
