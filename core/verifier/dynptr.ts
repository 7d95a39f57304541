/**
 * Dynptrs: a pair of stack slots that a helper has filled with a pointer and its size. A program may only hand them to
 * helpers; any store to one of the slots destroys the dynptr and every slice taken from it. Linux: mark_stack_slots_dynptr,
 * destroy_if_dynptr_stack_slot and neighbours.
 */
import type { Env } from './env.ts';
import { releaseReference, takeReference } from './references.ts';
import { FLAG, KIND, kindOf, Reg } from './reg.ts';
import { allBytes, BYTE, type Frame, NOT_INIT } from './state.ts';
import { isConst } from './tnum.ts';

/** What a dynptr is over: `aux` of its registers. */
export const DYNPTR = { LOCAL: 1, RINGBUF: 2, SKB: 3, XDP: 4, SKB_META: 5 } as const;
const DYNPTR_NAMES = ['<invalid>', 'local', 'ringbuf', 'skb', 'xdp', 'skb_meta'];

export function dynptrTypeName(type: number): string {
  return DYNPTR_NAMES[type] ?? '<unknown>';
}

/** The first slot of the object at the register's offset; -1 when it is not allocated yet, undefined when it is no place for one. */
export function dynptrSlot(env: Env, r: Readonly<Reg>, what = 'dynptr', count = 2): number | undefined {
  if (!isConst(r)) {
    env.say(`${what} has to be at a constant offset`);
    return undefined;
  }
  const off = r.off + r.vLo;
  // As C divides: offset 0 is in slot 0, which the access itself then refuses.
  const slot = Math.trunc((-off - 1) / 8);
  if (off % 8 !== 0 || slot + 1 < count) {
    env.say(`cannot pass in ${what} at an offset=${off}`);
    return undefined;
  }
  env.facts.exposeRange(env, r, 0, 8 * count);
  return slot < env.state.frames[r.frame]!.kinds.length ? slot : -1;
}

function wipe(frame: Frame, slot: number): void {
  for (const s of [slot, slot - 1]) {
    frame.setKinds(s, allBytes(BYTE.INVALID));
    frame.setSpill(s, NOT_INIT);
    frame.markWrote(s);
  }
}

/** A store hits the slot: if it holds half a dynptr, the dynptr and its slices are gone. */
export function destroyDynptr(env: Env, frame: Frame, slot: number): void {
  if ((frame.kinds[slot]! & 7) !== BYTE.DYNPTR) return;
  const first = frame.spills[slot]!.aux2 === 1 ? slot : slot + 1;
  const r = frame.spills[first]!;
  if (r.aux === DYNPTR.RINGBUF) env.fail('reference', 'cannot overwrite referenced dynptr');
  env.scratchSlots.add(first);
  env.scratchSlots.add(first - 1);
  wipe(frame, first);
  dropSlices(env, r.id);
}

/** Memory taken from the dynptr is no longer valid. */
function dropSlices(env: Env, id: number): void {
  const gone = env.invalidPointer();
  env.state.mapRegs((r) => (kindOf(r.type) === KIND.MEM && r.aux2 === id ? gone : undefined));
}

/** May a new dynptr stand where the register points? Before 6.3 not where one is already. */
export function isFreeForDynptr(env: Env, r: Readonly<Reg>): boolean {
  const slot = dynptrSlot(env, r);
  if (slot === undefined || slot < 0) return slot !== undefined;
  const { kinds } = env.state.frames[r.frame]!;
  return env.options.features.reusedDynptrs || [slot, slot - 1].every((s) => (kinds[s]! & 7) !== BYTE.DYNPTR);
}

/** A helper fills the two slots with a new dynptr. */
export function createDynptr(env: Env, r: Readonly<Reg>, type: number, parentRef = 0): void {
  const frame = env.state.frames[r.frame]!;
  const slot = dynptrSlot(env, r);
  if (slot === undefined || slot < 0) env.fail('type', 'Dynptr has to be an uninitialized dynptr');
  destroyDynptr(env, frame, slot!);
  destroyDynptr(env, frame, slot! - 1);
  const id = env.newId();
  // A clone shares its parent's reference.
  const ref = type !== DYNPTR.RINGBUF ? 0 : parentRef !== 0 ? parentRef : takeReference(env, env.insn);
  for (const s of [slot!, slot! - 1]) {
    const d = new Reg();
    d.type = KIND.DYNPTR;
    d.aux = type;
    d.aux2 = s === slot ? 1 : 0;
    d.id = id;
    d.refObjId = ref;
    frame.setSpill(s, d);
    frame.setKinds(s, allBytes(BYTE.DYNPTR));
    frame.markWrote(s);
    env.scratchSlots.add(s);
  }
}

/** The dynptr that the register points to, when it is one and initialised. */
export function dynptrAt(env: Env, r: Readonly<Reg>): Readonly<Reg> | undefined {
  if (r.type === KIND.DYNPTR) return r;
  const slot = dynptrSlot(env, r);
  if (slot === undefined || slot < 1) return undefined;
  const frame = env.state.frames[r.frame]!;
  const d = frame.spills[slot]!;
  if (frame.kinds[slot] !== allBytes(BYTE.DYNPTR) || frame.kinds[slot - 1] !== allBytes(BYTE.DYNPTR)) return undefined;
  return d.aux2 === 1 ? d : undefined;
}

/** A helper ends the dynptr (ring buffer submit and discard). */
export function endDynptr(env: Env, r: Readonly<Reg>): void {
  const frame = env.state.frames[r.frame]!;
  const slot = dynptrSlot(env, r)!;
  const d = frame.spills[slot]!;
  if (d.aux !== DYNPTR.RINGBUF) {
    wipe(frame, slot);
    return;
  }
  const ref = d.refObjId;
  releaseReference(env, ref);
  for (let s = 1; s < frame.kinds.length; s++) {
    if (frame.kinds[s] === allBytes(BYTE.DYNPTR) && frame.spills[s]!.refObjId === ref && frame.spills[s]!.aux2 === 1) {
      wipe(frame, s);
    }
  }
}

/** Flags for memory that came from a dynptr: none change how it is accessed, the id ties it to the dynptr. */
export const SLICE_FLAGS = FLAG.MAYBE_NULL;
