/**
 * Open-coded iterators: `bpf_iter_X_new`, `_next`, `_destroy` on a state that lives in stack slots of its own kind. `next` forks the
 * path: one way with an element, one with the iterator drained. Linux: process_iter_arg, process_iter_next_call.
 */

import { inRcu } from './btf-walk.ts';
import { dynptrSlot } from './dynptr.ts';
import type { Env } from './env.ts';
import type { KfuncFacts } from './kfunc-args.ts';
import { markRead } from './liveness.ts';
import { accessMemory } from './mem.ts';
import { ITER_ACTIVE, ITER_DRAINED } from './prune.ts';
import { makeKnown } from './range.ts';
import { releaseReference, takeReference } from './references.ts';
import { FLAG, KIND, Reg } from './reg.ts';
import { allBytes, BYTE, NOT_INIT, type State } from './state.ts';

/** `bpf_iter_num` prints as `num`. */
function shortName(struct: string): string {
  return struct.replace(/^bpf_iter_/, '');
}

/** The iterator argument of a kfunc: `slots` stack slots, uninitialised for `new`. */
export function checkIterator(
  env: Env,
  regno: number,
  struct: { readonly id: number; readonly name: string; readonly size: number },
  kfunc: { readonly name: string; readonly flags: ReadonlySet<string> },
  facts: KfuncFacts,
): void {
  const r = env.regs[regno]!;
  if (r.type !== KIND.STACK) env.fail('type', `arg#${regno - 1} expected pointer to an iterator on stack`);
  const slots = struct.size / 8;
  const frame = env.state.frames[r.frame]!;
  const name = shortName(struct.name);
  const start = dynptrSlot(env, r, 'iter', slots);
  if (kfunc.flags.has('iter_new')) {
    let free = start !== undefined;
    for (let n = 0; free && start! >= 0 && n < slots; n++) {
      for (let b = 0; b < 8; b++) if (((frame.kinds[start! - n]! >> (b * 4)) & 7) === BYTE.ITER) free = false;
    }
    if (!free) env.fail('type', `expected uninitialized iter_${name} as arg #${regno - 1}`);
    for (let off = 0; off < struct.size; off += 8) accessMemory(env, regno, { off, size: 8, write: true, reg: -1 });
    const first = dynptrSlot(env, r, 'iter', slots)!;
    const ref = takeReference(env, env.insn);
    let type: number = KIND.STACK;
    if (kfunc.flags.has('rcu_protected')) {
      type |= inRcu(env) ? FLAG.RCU : FLAG.UNTRUSTED;
    }
    for (let n = 0; n < slots; n++) {
      const s = new Reg();
      s.type = type;
      s.aux = struct.id;
      s.off = ITER_ACTIVE;
      s.refObjId = n === 0 ? ref : 0;
      frame.setSpill(first - n, s);
      frame.setKinds(first - n, allBytes(BYTE.ITER));
      frame.markWrote(first - n);
      env.scratchSlots.add(first - n);
    }
    return;
  }
  const uninitialised = `expected an initialized iter_${name} as arg #${regno - 1}`;
  if (start === undefined || start < 0) env.fail('type', uninitialised);
  const first = start!;
  for (let n = 0; n < slots; n++) {
    const s = frame.spills[first - n]!;
    if (s.type & FLAG.UNTRUSTED && frame.kinds[first - n] === allBytes(BYTE.ITER)) {
      env.fail('type', `expected an RCU CS when using ${kfunc.name}`);
    }
    const whole = frame.kinds[first - n] === allBytes(BYTE.ITER);
    if (!whole || s.aux !== struct.id || (n === 0) !== (s.refObjId !== 0)) env.fail('type', uninitialised);
  }
  for (let n = 0; n < slots; n++) markRead(env, r.frame, first - n);
  facts.iterFrame = r.frame;
  facts.iterSlot = first;
  facts.refObjId = frame.spills[first]!.refObjId;
  if (!kfunc.flags.has('iter_destroy')) return;
  releaseReference(env, facts.refObjId);
  for (let n = 0; n < slots; n++) {
    frame.setSpill(first - n, NOT_INIT);
    frame.setKinds(first - n, allBytes(BYTE.INVALID));
    frame.markWrote(first - n);
    env.scratchSlots.add(first - n);
  }
}

function withState(state: State, facts: KfuncFacts, change: (s: Reg) => void): void {
  const frame = state.frames[facts.iterFrame]!;
  const s = frame.spills[facts.iterSlot]!.clone();
  change(s);
  frame.setSpill(facts.iterSlot, s);
}

/** `next`: queue the way with an element (prepared by `element`), go on with the drained one. */
export function advanceIterator(env: Env, facts: KfuncFacts, i: number, element: (queued: State) => void): void {
  const slot = env.state.frames[facts.iterFrame]!.spills[facts.iterSlot]!;
  env.scratchSlots.add(facts.iterSlot);
  if (slot.off === ITER_ACTIVE) {
    const queued = env.pushPath(i + 1, i);
    withState(queued, facts, (s) => {
      s.aux2++;
    });
    element(queued);
  }
  withState(env.state, facts, (s) => {
    s.off = ITER_DRAINED;
  });
  env.setReg(0, makeKnown(0, 0));
}
