/**
 * Which stack slots a path reads. Reading a slot marks it in the checkpoints behind the current state, back to where it
 * was written; slots that a checkpoint's continuations never read do not matter when a state is compared with it.
 * (Registers have static liveness: graph.ts.)
 */
import type { Env } from './env.ts';
import type { State } from './state.ts';

/** The slot of this frame is read now. */
export function markRead(env: Env, frameno: number, slot: number): void {
  const lo = slot < 32 ? 1 << slot : 0;
  const hi = slot < 32 ? 0 : 1 << (slot - 32);
  markReadMask(env.state, frameno, lo, hi);
}

/** Mark slots read in the parents of `state`. True when a mark is new. */
function markReadMask(state: State, frameno: number, lo: number, hi: number): boolean {
  let changed = false;
  for (;;) {
    const frame = state.frames[frameno];
    if (!frame) return changed;
    lo &= ~frame.wroteLo;
    hi &= ~frame.wroteHi;
    if ((lo | hi) === 0) return changed;
    const parent = state.parent;
    const above = parent?.frames[frameno];
    if (!parent || !above) return changed;
    const newLo = lo & ~above.readLo;
    const newHi = hi & ~above.readHi;
    if ((newLo | newHi) === 0) return changed;
    above.readLo |= lo;
    above.readHi |= hi;
    changed = true;
    state = parent;
  }
}

/** The path ends in a state equal to `old`: what old's continuations read, this path reads. */
export function propagateReads(old: State, current: State): boolean {
  let changed = false;
  for (let i = 0; i < old.frames.length; i++) {
    const frame = old.frames[i]!;
    if (markReadMask(current, i, frame.readLo, frame.readHi)) changed = true;
  }
  return changed;
}
