/**
 * Loads from and stores to the stack. An aligned store of a register to a fixed slot is a spill, whose load gives the
 * register back with all that is known of it; other stores leave bytes of which we know that they are written (MISC), or
 * zero. Linux: check_stack_write_*, check_stack_read_*, check_stack_range_initialized.
 */

import { destroyDynptr } from './dynptr.ts';
import type { Env } from './env.ts';
import { markRead } from './liveness.ts';
import { markPrecise } from './precision.ts';
import { MAX_VAR_OFF } from './program.ts';
import { isUnbounded, makeKnown } from './range.ts';
import { ADD_CONST, isNull, isSpillable, KIND, type Reg } from './reg.ts';
import { allBytes, BYTE, type Frame, NOT_INIT, stackAccess } from './state.ts';
import { format as formatTnum, isConst } from './tnum.ts';
import { bitLength, slt, toDouble } from './u64.ts';
import type { Features } from './versions.ts';

export const STACK_MAX = 512;
const ZERO = makeKnown(0, 0);

/** A spill or fill of a smaller size than was known breaks the link to registers with the same id. */
export function unlinked(r: Readonly<Reg>): Readonly<Reg> {
  if (r.id === 0 && r.off === 0) return r;
  const copy = r.clone();
  copy.id = 0;
  copy.off = 0;
  return copy;
}

/** Give a number an id before it is copied, so that a later comparison of either teaches both. */
export function withId(env: Env, regno: number): Readonly<Reg> {
  let r = env.regs[regno]!;
  if (r.type !== KIND.SCALAR) return r;
  if (r.id & ADD_CONST) {
    r = unlinked(r);
    env.regs[regno] = r;
  }
  if (r.id === 0 && !isConst(r)) {
    const copy = r.clone();
    copy.id = env.newId();
    env.regs[regno] = copy;
    return copy;
  }
  return r;
}

/** Bytes of the stack of the frame from `lowest` (negative) on exist from now on. */
export function growStack(env: Env, frame: Frame, lowest: number): void {
  const slots = (-lowest + 7) >> 3;
  if (frame.kinds.length < slots) frame.grow(slots);
  const sub = env.program.subprogs[frame.subprog]!;
  if (sub.stackDepth < slots * 8) sub.stackDepth = slots * 8;
}

/** The whole access lies in the frame. `off` includes the fixed part of the pointer; `what` is for the message. */
export function checkStackBounds(
  env: Env,
  regno: number,
  off: number,
  size: number,
  write: boolean,
  what = write ? ' write to' : ' read from',
): void {
  const r = env.regs[regno]!;
  const frame = env.state.frames[r.frame]!;
  let min: number;
  let max: number;
  if (isConst(r)) {
    min = toDouble(r.vLo, r.vHi) + off;
    max = min + size;
  } else {
    if (!slt(r.smaxLo, r.smaxHi, MAX_VAR_OFF, 0) || !slt(-MAX_VAR_OFF, -1, r.sminLo, r.sminHi)) {
      env.fail('bounds', `invalid unbounded variable-offset${what} stack R${regno}`);
    }
    min = r.sminLo + off;
    max = r.smaxLo + off + size;
  }
  const lowest = write || env.readsUninitialised ? -STACK_MAX : -8 * frame.kinds.length;
  if (min < lowest || min > -1 || max > 0 || size < 0) {
    env.fail(
      'bounds',
      isConst(r)
        ? `invalid${what} stack R${regno} off=${off} size=${size}`
        : `invalid variable-offset${what} stack R${regno} var_off=${formatTnum(r)} off=${off} size=${size}`,
    );
  }
  growStack(env, frame, min);
}

function isSpecial(kinds: number): boolean {
  const kind = kinds >>> 28;
  return kind === BYTE.SPILL || kind === BYTE.DYNPTR || kind === BYTE.ITER || kind === BYTE.IRQ;
}

/** Every written byte becomes plain data. */
function scrub(kinds: number): number {
  for (let i = 0; i < 32; i += 4) {
    if (((kinds >> i) & 7) !== BYTE.INVALID) kinds = (kinds & ~(15 << i)) | (BYTE.MISC << i);
  }
  return kinds;
}

/** What the slot held as a register is gone; the rest of its bytes are plain data. */
function scrubSlot(frame: Frame, slot: number): void {
  frame.setSpill(slot, NOT_INIT);
  if (isSpecial(frame.kinds[slot]!)) frame.setKinds(slot, scrub(frame.kinds[slot]!));
}

/** `zeros`: bytes beside the spill that are zero stay so. */
function spill(frame: Frame, slot: number, r: Readonly<Reg>, size: number, zeros = true): void {
  frame.setSpill(slot, r);
  if (size === 8) {
    frame.setKinds(slot, allBytes(BYTE.SPILL));
    frame.markWrote(slot);
    return;
  }
  const kinds = frame.kinds[slot]!;
  let next = 0;
  for (let i = 0; i < 8; i++) {
    const kind = (kinds >> (i * 4)) & 7;
    // Bytes above the spill: zero stays zero and unwritten unwritten, what was a register is plain data.
    const above = (kind === BYTE.ZERO && zeros) || kind === BYTE.INVALID ? kind : BYTE.MISC;
    next |= (i >= 8 - size ? BYTE.SPILL : above) << (i * 4);
  }
  frame.setKinds(slot, next);
}

/** Store to a fixed offset. `valueReg` is -1 for a constant (`constant`) or an unknown value (undefined). */
function writeFixed(
  env: Env,
  frame: Frame,
  off: number,
  size: number,
  valueReg: number,
  constant: number | undefined,
): void {
  const slot = (-off - 1) >> 3;
  const isPointerSpill = frame.isSpill(slot) && frame.spills[slot]!.type !== KIND.SCALAR;
  if (!env.privileged && isPointerSpill && size !== 8) {
    env.fail('leak', 'attempt to corrupt spilled pointer on stack');
  }
  destroyDynptr(env, frame, slot);
  env.scratchSlots.add(slot);
  let r = valueReg >= 0 ? env.regs[valueReg]! : undefined;
  let flags = stackAccess(frame.frameno, slot);
  const aligned = off % 8 === 0;
  const { features } = env.options;
  const spillable = aligned && env.privileged;
  if (r && spillable && keepsNumber(r, features) && (size === 8 || features.narrowSpills)) {
    const fits = bitLength(r.umaxLo, r.umaxHi) <= size * 8;
    if (fits && features.linkSpills) r = withId(env, valueReg);
    spill(frame, slot, fits ? r : unlinkedId(r), size, features.zeroSpills);
  } else if (
    !r &&
    constant !== undefined &&
    spillable &&
    features.storedConstants &&
    (constant || features.zeroSpills)
  ) {
    spill(frame, slot, env.constant(env.insn, constant, constant >> 31), size, features.zeroSpills);
  } else if (r && isSpillable(r.type)) {
    if (size !== 8) env.fail('type', 'invalid size of register spill');
    if (frame !== env.frame && r.type === KIND.STACK) {
      env.fail('type', 'cannot spill pointers to stack into stack frame of the caller');
    }
    spill(frame, slot, r, size);
  } else {
    scrubSlot(frame, slot);
    if (size === 8) frame.markWrote(slot);
    let kind: number = BYTE.MISC;
    if ((r && isNull(r)) || (!r && constant === 0)) {
      // A zero at an odd place is no spill, so what made it zero has to stay so in states compared with this one.
      if (valueReg >= 0) markPrecise(env, valueReg);
      kind = BYTE.ZERO;
    }
    for (let i = 0; i < size; i++) frame.setByteKind(off + i, kind);
    flags = 0;
  }
  if (flags !== 0) env.pushHistory(flags);
}

/** Is what is known of the number kept when it is stored? Older kernels note a zero in the bytes, and nothing of an unknown number. */
function keepsNumber(r: Readonly<Reg>, { zeroSpills, unboundedSpills }: Features): boolean {
  if (r.type !== KIND.SCALAR) return false;
  return (zeroSpills || !isNull(r)) && (unboundedSpills || !isUnbounded(r));
}

function unlinkedId(r: Readonly<Reg>): Readonly<Reg> {
  if (r.id === 0) return r;
  const copy = r.clone();
  copy.id = 0;
  return copy;
}

/** Store somewhere in [min, max): every slot of the range may have been written, none surely was. */
function writeVariable(
  env: Env,
  frame: Frame,
  pointer: Readonly<Reg>,
  off: number,
  size: number,
  valueReg: number,
  constant: number | undefined,
): void {
  const min = pointer.sminLo + off;
  const max = pointer.smaxLo + off + size;
  const value = valueReg >= 0 ? env.regs[valueReg]! : undefined;
  const zero = value ? isNull(value) : constant === 0 && env.options.features.variableZeros;
  let zeroUsed = false;
  const lowest = (-min - 1) >> 3;
  const highest = -max >> 3;
  for (let slot = lowest; slot >= highest; slot--) destroyDynptr(env, frame, slot);
  for (let slot = lowest; slot >= highest; slot--) {
    env.scratchSlots.add(slot);
    // Plain data stays plain data: what a loop finds that fills a buffer.
    if (frame.kinds[slot] === allBytes(BYTE.MISC) && frame.spills[slot] === NOT_INIT) continue;
    const end = Math.min(max, -8 * slot);
    for (let i = Math.max(min, -8 * slot - 8); i < end; i++) {
      const kind = frame.byteKind(i);
      if (!env.privileged && kind !== BYTE.MISC && kind !== BYTE.ZERO) {
        env.fail('leak', `spilled ptr in range of var-offset stack write; insn ${env.insn}, ptr off: ${i}`);
      }
      if (
        zero &&
        env.options.features.zeroSpills &&
        kind === BYTE.SPILL &&
        frame.isScalarSpill(slot) &&
        isNull(frame.spills[slot]!)
      ) {
        zeroUsed = true;
        continue;
      }
      scrubSlot(frame, slot);
      if (zero && kind === BYTE.ZERO) zeroUsed = true;
      frame.setByteKind(i, zero && kind === BYTE.ZERO ? BYTE.ZERO : BYTE.MISC);
    }
  }
  if (zeroUsed && valueReg >= 0) markPrecise(env, valueReg);
}

export function writeStack(
  env: Env,
  regno: number,
  off: number,
  size: number,
  valueReg: number,
  constant: number | undefined,
): void {
  const r = env.regs[regno]!;
  const frame = env.state.frames[r.frame]!;
  if (isConst(r)) writeFixed(env, frame, off + r.vLo, size, valueReg, constant);
  else writeVariable(env, frame, r, off, size, valueReg, constant);
}

/** Bytes of the slot from its lowest address that belong to the spill. */
function spillSize(kinds: number): number {
  let size = 1;
  for (let i = 6; i >= 0 && ((kinds >> (i * 4)) & 7) === BYTE.SPILL; i--) size++;
  return size;
}

function readFixed(env: Env, frame: Frame, off: number, size: number, target: number): void {
  const slot = (-off - 1) >> 3;
  const kinds = frame.kinds[slot]!;
  let flags = stackAccess(frame.frameno, slot);
  env.scratchSlots.add(slot);
  if (!frame.isSpill(slot)) {
    for (let i = 0; i < size; i++) checkReadableByte(env, frame, off, i, size);
    markRead(env, frame.frameno, slot);
    if (target >= 0) setFromBytes(env, frame, off, off + size, target);
    return;
  }
  const r = frame.spills[slot]!;
  const spilled = spillSize(kinds);
  if (size !== 8 || spilled !== 8) {
    if (r.type !== KIND.SCALAR) env.fail('type', 'invalid size of register fill');
    markRead(env, frame.frameno, slot);
    if (target < 0) return;
    // Little-endian: the low bytes of the number are at the low addresses.
    const enough = env.options.features.narrowFills ? size <= spilled : size === spilled;
    if (enough && off % 8 === 0) {
      env.setReg(target, bitLength(r.umaxLo, r.umaxHi) > size * 8 ? unlinked(r) : r);
    } else {
      let spills = 0;
      let zeros = 0;
      for (let i = 0; i < size; i++) {
        const kind = frame.byteKind(off + i);
        if (kind === BYTE.SPILL) spills++;
        else if (kind === BYTE.ZERO) zeros++;
        else if (kind !== BYTE.MISC) checkReadableByte(env, frame, off, i, size);
      }
      if (spills === size && isNull(r)) env.setReg(target, ZERO);
      else {
        if (zeros === size) env.setReg(target, ZERO);
        else env.setUnknown(target);
        flags = 0;
      }
    }
  } else {
    if (target >= 0) env.setReg(target, r);
    else if (env.isHiddenPointer(r)) env.fail('leak', `leaking pointer from stack off ${off}`);
    markRead(env, frame.frameno, slot);
  }
  if (flags !== 0) env.pushHistory(flags);
}

function checkReadableByte(env: Env, frame: Frame, off: number, i: number, size: number): void {
  const kind = frame.byteKind(off + i);
  if (kind === BYTE.MISC || kind === BYTE.ZERO) return;
  if (kind === BYTE.INVALID && env.readsUninitialised) return;
  env.fail('uninitialised', `invalid read from stack off ${off}+${i} size ${size}`);
}

/** All zero bytes give the number 0, anything else an unknown one. */
function setFromBytes(env: Env, frame: Frame, from: number, to: number, target: number): void {
  for (let i = from; i < to; i++) {
    if (frame.byteKind(i) !== BYTE.ZERO) {
      env.setUnknown(target);
      return;
    }
  }
  env.setReg(target, ZERO);
}

/** Load; `target` is -1 when the value goes nowhere (atomics). */
export function readStack(env: Env, regno: number, off: number, size: number, target: number): void {
  const r = env.regs[regno]!;
  const frame = env.state.frames[r.frame]!;
  if (isConst(r)) {
    readFixed(env, frame, off + r.vLo, size, target);
    return;
  }
  if (target < 0) {
    env.fail(
      'type',
      `variable offset stack pointer cannot be passed into helper function; var_off=${formatTnum(r)} off=${off} size=${size}`,
    );
  }
  checkStackRange(env, regno, off, size, false, 'load', undefined);
  setFromBytes(env, frame, r.sminLo + off, r.smaxLo + off + size, target);
}

/** What a helper asks of an argument that it fills: see helper-call.ts. */
export interface RawAccess {
  rawMode: boolean;
  accessSize: number;
  accessReg: number;
}

/** Who touches a range of the stack: a load at a variable offset, or a helper that reads or writes it. */
export type StackUse = 'load' | 'read' | 'write';

/** A helper (or a variable load) may touch [off, off + size): bounds, and for reads that all of it was written. */
export function checkStackRange(
  env: Env,
  regno: number,
  off: number,
  size: number,
  zeroAllowed: boolean,
  use: StackUse,
  raw: RawAccess | undefined,
): void {
  if (size === 0 && !zeroAllowed) env.fail('bounds', 'invalid zero-sized read');
  // Older kernels do not tell helpers that only read from those that write.
  const undirected = use !== 'load' && !env.options.features.helperAccessTypes;
  const write = use === 'write' || undirected;
  checkStackBounds(env, regno, off, size, write, undirected ? ' indirect access to' : undefined);
  const reading = `invalid${undirected ? ' indirect' : ''} read from stack`;
  const r = env.regs[regno]!;
  if (!env.facts.isKey(env.insn)) env.facts.exposeRange(env, r, off - r.off, size);
  const frame = env.state.frames[r.frame]!;
  let min: number;
  let max: number;
  if (isConst(r)) min = max = r.vLo + off;
  else {
    if (!env.privileged) {
      env.fail('leak', `R${regno} variable offset stack access prohibited for !root, var_off=${formatTnum(r)}`);
    }
    // Which bytes will be written is not known, so all of them must have been before.
    raw = undefined;
    min = r.sminLo + off;
    max = r.smaxLo + off;
  }
  if (raw?.rawMode) {
    for (let i = min; i < max + size; i++) {
      if (-i - 1 < frame.kinds.length * 8 && frame.byteKind(i) === BYTE.DYNPTR) {
        env.fail('type', `potential write to dynptr at off=${i} disallowed`);
      }
    }
    raw.accessSize = size;
    raw.accessReg = regno;
    return;
  }
  for (let i = min; i < max + size; i++) {
    const slot = (-i - 1) >> 3;
    const kind = frame.byteKind(i);
    if (kind === BYTE.MISC) {
      markRead(env, frame.frameno, slot);
      continue;
    }
    if (kind === BYTE.ZERO || (kind === BYTE.INVALID && env.readsUninitialised)) {
      if (write) frame.setByteKind(i, BYTE.MISC);
      markRead(env, frame.frameno, slot);
      continue;
    }
    if (frame.isSpill(slot) && (frame.spills[slot]!.type === KIND.SCALAR || env.privileged)) {
      if (write) {
        frame.setSpill(slot, env.unknown);
        frame.setKinds(slot, scrub(frame.kinds[slot]!));
      }
      markRead(env, frame.frameno, slot);
      continue;
    }
    env.fail(
      'uninitialised',
      isConst(r)
        ? `${reading} R${regno} off ${min}+${i - min} size ${size}`
        : `${reading} R${regno} var_off ${formatTnum(r)}+${i - min} size ${size}`,
    );
  }
}

/**
 * A helper has filled `size` bytes at a fixed place: plain data now, whatever they were. As Linux does, byte for byte in effect,
 * so a slot counts as wholly written by none of them; but a slot at a time, since programs do this in loops.
 */
export function fillStack(env: Env, regno: number, size: number): void {
  const r = env.regs[regno]!;
  const frame = env.state.frames[r.frame]!;
  const from = r.off + r.vLo;
  checkStackBounds(env, regno, r.off, size, true);
  for (let at = from; at < from + size; ) {
    const slot = (-at - 1) >> 3;
    const end = Math.min(from + size, -8 * slot);
    destroyDynptr(env, frame, slot);
    const pointer = frame.isSpill(slot) && frame.spills[slot]!.type !== KIND.SCALAR;
    if (!env.privileged && pointer) env.fail('leak', 'attempt to corrupt spilled pointer on stack');
    scrubSlot(frame, slot);
    if (end - at === 8) frame.setKinds(slot, allBytes(BYTE.MISC));
    else for (let i = at; i < end; i++) frame.setByteKind(i, BYTE.MISC);
    env.scratchSlots.add(slot);
    at = end;
  }
}

/** All bytes of the slot are plain data that a privileged program may read. */
export function isAllMisc(env: Env, kinds: number): boolean {
  for (let i = 0; i < 32; i += 4) {
    const kind = (kinds >> i) & 7;
    if (kind !== BYTE.MISC && !(kind === BYTE.INVALID && env.readsUninitialised)) return false;
  }
  return true;
}
