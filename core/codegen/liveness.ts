/**
 * Which registers are live where: from each use backwards to the definitions, register by register, so that the cost is the size of the
 * answer. Also the dead-code removal that falls out of it. Physical registers take part (r0-r5 between a copy and its call), r10 does not:
 * it is always there.
 */
import { REG_FP } from '../isa/ops.ts';
import { forDefs, forUses, isPure, type MBlock, type MFunc, type MInst } from './mir.ts';

/** A set of small numbers; a second level says which words are not empty, so that walking over few members of a large set is quick. */
export class BitSet {
  readonly words: Uint32Array;
  private readonly filled: Uint32Array;
  constructor(size: number) {
    this.words = new Uint32Array((size + 31) >> 5);
    this.filled = new Uint32Array((this.words.length + 31) >> 5);
  }
  has(i: number): boolean {
    return (this.words[i >> 5]! & (1 << (i & 31))) !== 0;
  }
  add(i: number): void {
    this.words[i >> 5]! |= 1 << (i & 31);
    this.filled[i >> 10]! |= 1 << ((i >> 5) & 31);
  }
  delete(i: number): void {
    this.words[i >> 5]! &= ~(1 << (i & 31));
  }
  /** Becomes what the list holds. */
  load(members: readonly number[]): void {
    for (let f = 0; f < this.filled.length; f++) {
      for (let bits = this.filled[f]!; bits !== 0; bits &= bits - 1) this.words[f * 32 + lowest(bits)] = 0;
      this.filled[f] = 0;
    }
    for (const i of members) this.add(i);
  }
  /** Adds what the other has; gives true when that was something new. */
  join(other: BitSet): boolean {
    let changed = false;
    for (let f = 0; f < other.filled.length; f++) {
      for (let bits = other.filled[f]!; bits !== 0; bits &= bits - 1) {
        const w = f * 32 + lowest(bits);
        const next = (this.words[w]! | other.words[w]!) >>> 0;
        if (next === this.words[w]) continue;
        this.words[w] = next;
        changed = true;
      }
      this.filled[f]! |= other.filled[f]!;
    }
    return changed;
  }
  /** Calls `each` with the members, ascending. It may delete the one that it got. */
  forEach(each: (i: number) => void): void {
    for (let f = 0; f < this.filled.length; f++) {
      for (let words = this.filled[f]!; words !== 0; words &= words - 1) {
        const w = f * 32 + lowest(words);
        if (this.words[w] === 0) this.filled[f]! &= ~(words & -words);
        for (let bits = this.words[w]!; bits !== 0; bits &= bits - 1) each(w * 32 + lowest(bits));
      }
    }
  }
}

/** Number of the lowest bit that is set. */
function lowest(bits: number): number {
  return 31 - Math.clz32(bits & -bits);
}

/** More values than this in use at once fit no frame, whatever is done: 64 lie in one, some can be made again. */
export const MOST_LIVE = 1024;

/** Too many values are in use at one place for any assignment of registers and stack. */
export class TooManyLive extends Error {}

/** Per block, ascending: what is live before its first instruction and after its last. */
export interface Liveness {
  readonly liveIn: ReadonlyMap<MBlock, readonly number[]>;
  readonly liveOut: ReadonlyMap<MBlock, readonly number[]>;
}

/** Throws TooManyLive where more than MOST_LIVE are live. */
export function liveness(fn: MFunc): Liveness {
  const made = new Map<MBlock, Set<number>>();
  const exposed = new Map<number, MBlock[]>();
  for (const b of fn.blocks) {
    const [wanted, kill] = [new Set<number>(), new Set<number>()];
    for (const i of b.insts) {
      forUses(i, (r) => {
        if (r !== REG_FP && !kill.has(r)) wanted.add(r);
      });
      forDefs(i, (r) => kill.add(r));
    }
    made.set(b, kill);
    for (const r of wanted) {
      const blocks = exposed.get(r);
      if (blocks) blocks.push(b);
      else exposed.set(r, [b]);
    }
  }
  const liveIn = new Map<MBlock, number[]>(fn.blocks.map((b) => [b, []]));
  const liveOut = new Map<MBlock, number[]>(fn.blocks.map((b) => [b, []]));
  /** The register is the last in the list when it is in it: they come in order. */
  const enter = (list: number[], r: number): boolean => {
    if (list[list.length - 1] === r) return false;
    if (list.push(r) > MOST_LIVE) throw new TooManyLive();
    return true;
  };
  for (const r of [...exposed.keys()].sort((a, b) => a - b)) {
    const work = exposed.get(r)!;
    for (let b = work.pop(); b !== undefined; b = work.pop()) {
      if (!enter(liveIn.get(b)!, r)) continue;
      for (const p of b.preds) if (enter(liveOut.get(p)!, r) && !made.get(p)!.has(r)) work.push(p);
    }
  }
  return { liveIn, liveOut };
}

/** Walk a block backwards: `each` sees every instruction with what is live after it (valid during the call only). */
export function walkBackwards(
  b: MBlock,
  out: readonly number[],
  scratch: BitSet,
  each: (inst: MInst, live: BitSet, index: number) => void,
): void {
  scratch.load(out);
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
      now.load(live.liveOut.get(b)!);
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
