/**
 * Precision: pruning compares the range of a number only where the program's safety came to depend on it. When it does (a
 * number is added to a pointer, bounds an access, decides a branch), the register is traced back through the instructions that
 * made it, and marked in every checkpoint on the way. Linux: __mark_chain_precision, backtrack_insn.
 */
import { CALL, CLASS, MODE, OP_CALL } from '../isa/ops.ts';
import type { Env } from './env.ts';
import { SYNC_CALLBACK_HELPERS } from './graph.ts';
import { KIND } from './reg.ts';
import { type Frame, HIST, type HistoryEntry, MAIN_CALLSITE, type State } from './state.ts';

const ARGUMENTS = 0x3e;
const TAIL_CALL = 12;

/** Registers and slots still to be traced, by frame. */
class Wanted {
  readonly regs = new Int32Array(8);
  readonly slotsLo = new Int32Array(8);
  readonly slotsHi = new Int32Array(8);
  /** Frame whose instructions are being walked, and the highest that something was wanted in. */
  frame = 0;
  top = 0;

  get isEmpty(): boolean {
    for (let i = this.top; i >= 0; i--) if ((this.regs[i]! | this.slotsLo[i]! | this.slotsHi[i]!) !== 0) return false;
    return true;
  }

  /** Go on in a frame above. False when there is none. */
  enter(): boolean {
    if (++this.frame > this.top) this.top = this.frame;
    return this.frame < 8;
  }

  has(n: number): boolean {
    return ((this.regs[this.frame]! >> n) & 1) !== 0;
  }

  add(n: number, frame = this.frame): void {
    if (frame > this.top) this.top = frame;
    this.regs[frame]! |= 1 << n;
  }

  drop(n: number, frame = this.frame): void {
    this.regs[frame]! &= ~(1 << n);
  }

  hasSlot(frame: number, slot: number): boolean {
    return (((slot < 32 ? this.slotsLo[frame]! >> slot : this.slotsHi[frame]! >> (slot - 32)) as number) & 1) !== 0;
  }

  addSlot(frame: number, slot: number): void {
    if (frame > this.top) this.top = frame;
    if (slot < 32) this.slotsLo[frame]! |= 1 << slot;
    else this.slotsHi[frame]! |= 1 << (slot - 32);
  }

  dropSlot(frame: number, slot: number): void {
    if (slot < 32) this.slotsLo[frame]! &= ~(1 << slot);
    else this.slotsHi[frame]! &= ~(1 << (slot - 32));
  }

  noSlots(frame = this.frame): boolean {
    return (this.slotsLo[frame]! | this.slotsHi[frame]!) === 0;
  }

  /** Nothing is wanted, in this frame first. What was wanted before lies below `top`. */
  restart(frame: number): void {
    for (let i = this.top; i >= 0; i--) this.regs[i] = this.slotsLo[i] = this.slotsHi[i] = 0;
    this.frame = frame;
    this.top = frame;
  }
}

/** One walk back at a time: the masks are used again. */
const shared = new Wanted();

function freshWanted(frame: number): Wanted {
  shared.restart(frame);
  return shared;
}

/** The chain cannot be followed (say, through an access by a computed pointer): mark everything instead. */
const CANNOT = -1;

/** The number in the register matters from now on. */
export function markPrecise(env: Env, regno: number): void {
  if (!env.privileged || env.regs[regno]!.type !== KIND.SCALAR) return;
  const wanted = freshWanted(env.state.depth);
  wanted.add(regno);
  trace(env, env.state, wanted, true, env.insn);
}

/** The number spilled in the slot matters. */
export function markSlotPrecise(env: Env, frame: number, slot: number): void {
  if (!env.privileged) return;
  const wanted = freshWanted(env.state.depth);
  wanted.addSlot(frame, slot);
  trace(env, env.state, wanted, true, env.insn);
}

/**
 * The path ends in `current`, which is as safe as `old`: what matters to old's continuations matters here. True when a mark
 * is new in some checkpoint behind `current`.
 */
export function propagatePrecision(env: Env, old: State, current: State): boolean {
  if (!env.privileged) return false;
  const wanted = freshWanted(old.depth);
  for (let f = 0; f < old.frames.length; f++) {
    const frame = old.frames[f]!;
    for (let j = 0; j < 10; j++) {
      const r = frame.regs[j]!;
      if (r.type === KIND.SCALAR && r.precise) wanted.add(j, f);
    }
    for (let j = 0; j < frame.kinds.length; j++) {
      if (frame.isScalarSpill(j) && frame.spills[j]!.precise) wanted.addSlot(f, j);
    }
  }
  return trace(env, current, wanted, true, current === env.state ? env.insn : current.insn);
}

function trace(env: Env, start: State, wanted: Wanted, skipFirst: boolean, from: number): boolean {
  if (wanted.isEmpty) return false;
  let changed = false;
  let state: State = start;
  let last = from;
  let first = state.firstInsn;
  let following = -1;
  let skip = skipFirst;
  for (;;) {
    let newest = state.history;
    if (last < 0) {
      // Entry of a global function: its arguments are what they are.
      markFrame(state.frames[0]!, wanted, 0);
      return true;
    }
    for (let i = last; ; ) {
      env.work++;
      if (skip) skip = false;
      else {
        const entry = newest?.insn === i ? newest : undefined;
        if (step(env, i, following, entry, wanted) === CANNOT) {
          markAll(env, start);
          return true;
        }
      }
      if (wanted.isEmpty) return changed;
      following = i;
      if (i === first && (newest === undefined || (newest.before === undefined && newest.insn === i))) break;
      if (newest?.insn === i) {
        i = newest.previous;
        newest = newest.before;
      } else i--;
      if (i < 0) {
        if (state.parent === undefined && state.frames[0]!.subprog > 0) break;
        markAll(env, start);
        return true;
      }
    }
    const parent = state.parent;
    if (!parent) break;
    state = parent;
    for (let f = wanted.frame; f >= 0; f--) {
      const frame = state.frames[f];
      if (frame && markFrame(frame, wanted, f)) changed = true;
    }
    if (wanted.isEmpty) return changed;
    following = first;
    last = state.lastInsn;
    first = state.firstInsn;
  }
  // Global functions start with unknown arguments; anything else left over was reached in a way we did not record.
  const frame = start.frames[0]!;
  if (frame.subprog > 0 && frame.callsite === MAIN_CALLSITE && wanted.noSlots(0) && !(wanted.regs[0]! & ~ARGUMENTS)) {
    return changed;
  }
  markAll(env, start);
  return true;
}

/** Mark what is wanted in a checkpoint's frame; what is marked already needs no further tracing. True when a mark is new. */
function markFrame(frame: Frame, wanted: Wanted, f: number): boolean {
  let changed = false;
  const mask = wanted.regs[f]!;
  for (let j = 0; j < 10; j++) {
    if (!((mask >> j) & 1)) continue;
    const r = frame.regs[j]!;
    if (r.type !== KIND.SCALAR || r.precise) {
      wanted.drop(j, f);
      continue;
    }
    frame.regs[j] = r.withPrecision(1);
    changed = true;
  }
  let lo = wanted.slotsLo[f]!;
  let hi = wanted.slotsHi[f]!;
  while ((lo | hi) !== 0) {
    const j = lo !== 0 ? 31 - Math.clz32(lo) : 63 - Math.clz32(hi);
    if (j < 32) lo &= ~(1 << j);
    else hi &= ~(1 << (j - 32));
    if (j >= frame.kinds.length || !frame.isScalarSpill(j) || frame.spills[j]!.precise) {
      wanted.dropSlot(f, j);
      continue;
    }
    frame.setSpill(j, frame.spills[j]!.withPrecision(1));
    changed = true;
  }
  return changed;
}

/** Everything in the checkpoints behind the state becomes precise. */
export function markAll(env: Env, state: State): void {
  for (let s = state.parent; s; s = s.parent) {
    env.work += s.size;
    s.mapRegs((r) => {
      return r.type === KIND.SCALAR && !r.precise ? r.withPrecision(1) : undefined;
    });
  }
}

/** Going back over instruction `i`: what did it make from what. */
function step(env: Env, i: number, following: number, entry: HistoryEntry | undefined, wanted: Wanted): number {
  const { opcode, dst, src, imm } = env.program.code;
  const code = opcode[i]!;
  const cls = code & 7;
  const d = dst[i]!;
  const s = src[i]!;
  const fromReg = (code & 8) !== 0;
  if (code === 0) return 0;
  syncLinked(entry, wanted);
  if (cls === CLASS.ALU || cls === CLASS.ALU64) {
    if (!wanted.has(d)) return 0;
    const op = code & 0xf0;
    if (op === 0xd0 || op === 0x80) return 0;
    if (op === 0xb0) wanted.drop(d);
    if (fromReg && s !== 10) wanted.add(s);
  } else if (cls === CLASS.LDX || (cls === CLASS.STX && (code & 0xe0) === MODE.ATOMIC && loadsAtomic(imm[i]!))) {
    const target = cls === CLASS.LDX ? d : imm[i] === 0xf1 ? 0 : imm[i] === 0x100 ? d : s;
    if (!wanted.has(target)) return 0;
    wanted.drop(target);
    if (!entry || !(entry.flags & HIST.STACK_ACCESS)) return 0;
    wanted.addSlot(entry.flags & 7, (entry.flags >> 3) & 63);
  } else if (cls === CLASS.STX || cls === CLASS.ST) {
    // A number used as an address: it came from subtracting pointers.
    if (wanted.has(d)) return CANNOT;
    if (!entry || !(entry.flags & HIST.STACK_ACCESS)) return 0;
    const frame = entry.flags & 7;
    const slot = (entry.flags >> 3) & 63;
    if (!wanted.hasSlot(frame, slot)) return 0;
    wanted.dropSlot(frame, slot);
    if (cls === CLASS.STX) wanted.add(s);
  } else if (cls === CLASS.JMP || cls === CLASS.JMP32) {
    return stepJump(env, i, following, entry, wanted);
  } else if (cls === CLASS.LD) {
    if ((code & 0xe0) === MODE.IMM) {
      wanted.drop(d);
      return 0;
    }
    if (wanted.has(0)) return CANNOT;
    // ld_abs in a subprogram may also have left it.
    if (following !== i + 1) wanted.enter();
    return 0;
  }
  syncLinked(entry, wanted);
  return 0;
}

function loadsAtomic(op: number): boolean {
  return op === 0x100 || (op !== 0x110 && (op & 1) !== 0);
}

function stepJump(env: Env, i: number, following: number, entry: HistoryEntry | undefined, wanted: Wanted): number {
  const { opcode, dst, src, imm } = env.program.code;
  const code = opcode[i]!;
  const op = code & 0xf0;
  if (code === OP_CALL && src[i] === CALL.local) {
    const callee = env.program.subprogs[env.program.subprogStarting(i + imm[i]! + 1)];
    if (callee?.global) {
      wanted.drop(0);
      return 0;
    }
    // Leaving the callee backwards: only its arguments can still be wanted, they are the caller's registers.
    if (wanted.regs[wanted.frame]! & ~ARGUMENTS || !wanted.noSlots() || wanted.frame === 0) return CANNOT;
    for (let r = 1; r <= 5; r++) {
      if (!wanted.has(r)) continue;
      wanted.drop(r);
      wanted.add(r, wanted.frame - 1);
    }
    wanted.frame--;
    return 0;
  }
  if (code === OP_CALL) {
    const callsBack = src[i] === CALL.kfunc ? env.kfuncs.callsBack(i) : SYNC_CALLBACK_HELPERS.has(imm[i]!);
    if (callsBack && i !== following - 1) {
      // From inside the callback back to the helper that called it: its arguments came from the helper.
      if (wanted.regs[wanted.frame]! & ~ARGUMENTS || !wanted.noSlots() || wanted.frame === 0) return CANNOT;
      wanted.regs[wanted.frame] = 0;
      wanted.frame--;
      return 0;
    }
    wanted.drop(0);
    if (wanted.regs[wanted.frame]! & ARGUMENTS) return CANNOT;
    // A tail call in a subprogram may have returned to the caller.
    if (src[i] === CALL.helper && imm[i] === TAIL_CALL && following !== i + 1 && !wanted.enter()) return CANNOT;
    return 0;
  }
  if (op === 0x90) {
    // Backwards into a callee, or into a callback when no local call stands before the next instruction.
    const fromCall = following > 0 && opcode[following - 1] === OP_CALL && src[following - 1] === CALL.local;
    const result = fromCall && wanted.has(0);
    if (fromCall && wanted.regs[wanted.frame]! & ARGUMENTS) return CANNOT;
    wanted.drop(0);
    if (!wanted.enter()) return CANNOT;
    if (result) wanted.add(0);
    return 0;
  }
  if (op !== 0 && op !== 0xe0 && (code & 8) !== 0) {
    const d = dst[i]!;
    const s = src[i]!;
    if (wanted.has(d) || wanted.has(s)) {
      if (!entry || !(entry.flags & HIST.SRC_STACK)) wanted.add(s);
      if (!entry || !(entry.flags & HIST.DST_STACK)) wanted.add(d);
    }
  }
  syncLinked(entry, wanted);
  return 0;
}

/** Registers that gained their range together are wanted together. */
function syncLinked(entry: HistoryEntry | undefined, wanted: Wanted): void {
  if (!entry?.linked) return;
  let some = false;
  for (const l of entry.linked) {
    const frame = l >> 8;
    const index = (l >> 1) & 127;
    if (l & 1 ? ((wanted.regs[frame]! >> index) & 1) !== 0 : wanted.hasSlot(frame, index)) some = true;
  }
  if (!some) return;
  for (const l of entry.linked) {
    if (l & 1) wanted.add((l >> 1) & 127, l >> 8);
    else wanted.addSlot(l >> 8, (l >> 1) & 127);
  }
}
