/**
 * Calls inside the program: a local function's frame, callbacks that helpers make, and the way back. Linux: check_func_call,
 * push_callback_call, prepare_func_exit.
 */
import { returnRange } from '../progs/index.ts';
import { returnsNothing } from './attach.ts';
import type { Env } from './env.ts';
import { callGlobal } from './global-call.ts';
import { markPrecise } from './precision.ts';
import { exactlyEqual, IdMap } from './prune.ts';
import { FLAG, KIND, type Reg, typeName } from './reg.ts';
import { Frame, NOT_INIT, type State } from './state.ts';
import * as tnum from './tnum.ts';
import { toBigS } from './u64.ts';

const MAX_FRAMES = 8;

/** After any call r0 to r5 are gone. */
export function clobberCallerSaved(env: Env): void {
  for (let i = 0; i <= 5; i++) env.setReg(i, NOT_INIT);
}

function pushFrame(env: Env, state: State, subprog: number, callsite: number): Frame {
  if (state.frames.length >= MAX_FRAMES) {
    env.fail('limit', `the call stack of ${state.frames.length + 1} frames is too deep`);
  }
  const frame = new Frame(callsite, state.frames.length, subprog);
  // Nothing read in this frame concerns a checkpoint of another call.
  frame.wroteLo = frame.wroteHi = -1;
  state.frames.push(frame);
  return frame;
}

/** A call of a function of the program: the walk goes on inside it. Answers the next instruction. */
export function checkLocalCall(env: Env, i: number): number {
  const { program, state } = env;
  const subprog = program.subprogStarting(i + program.code.imm[i]! + 1);
  const sub = program.subprogs[subprog]!;
  if (sub.global) return callGlobal(env, i, subprog);
  const caller = env.frame;
  const callee = pushFrame(env, state, subprog, i);
  for (let r = 1; r <= 5; r++) callee.regs[r] = caller.regs[r]!;
  for (let r = 0; r <= 5; r++) caller.regs[r] = NOT_INIT;
  env.scratchRegs = 0x7ff;
  return sub.start;
}

/** Packet data may have moved: pointers into it are void. */
export function clearPacketPointers(env: Env): void {
  const gone = env.invalidPointer();
  env.state.mapRegs((r) =>
    r.type === KIND.PKT || r.type === KIND.PKT_META || r.type === KIND.PKT_END || r.type & FLAG.PACKET_SLICE
      ? gone
      : undefined,
  );
}

/** What a helper hands to the function it calls back. */
export type CallbackSetup = (caller: Frame, callee: Frame) => void;

/** A helper calls back before it returns, any number of times: queue the callback, go on behind the call as well. */
export function pushCallback(env: Env, i: number, subprog: number, setup: CallbackSetup): void {
  env.program.subprogs[subprog]!.isCallback = true;
  const caller = env.frame;
  const state = env.pushPath(env.program.subprogs[subprog]!.start, i);
  const callee = pushFrame(env, state, subprog, i);
  setup(state.frames[state.frames.length - 2]!, callee);
  callee.inCallback = true;
  callee.callbackMin = 0;
  callee.callbackMax = 1;
  state.callbackUnrollDepth++;
  state.frames[state.frames.length - 2]!.callbackDepth++;
  caller.callbackDepth = 0;
}

/** A helper keeps the function for later (timers): it runs alone, with a stack of its own. */
export function pushAsyncCallback(
  env: Env,
  i: number,
  subprog: number,
  setup: CallbackSetup,
  makeState: (frame: Frame) => State,
): void {
  const sub = env.program.subprogs[subprog]!;
  sub.isCallback = true;
  sub.isAsyncCallback = true;
  const frame = new Frame(-1, 0, subprog);
  frame.wroteLo = frame.wroteHi = -1;
  const state = makeState(frame);
  setup(env.frame, frame);
  frame.inAsyncCallback = true;
  frame.callbackMin = 0;
  frame.callbackMax = 0;
  frame.asyncEntries = env.frame.asyncEntries + 1;
  env.pending.push({ state, insn: sub.start, previous: i, logLength: env.log.length });
}

/** `At ... the register R0 has ...`: the value is not one the exit allows. */
function failReturn(env: Env, regno: number, where: string, min: number, max: number): never {
  const r = env.regs[regno]!;
  let text = `${where} the register R${regno} has`;
  let known = false;
  if (!(r.sminLo === 0 && r.sminHi === -2147483648)) {
    text += ` smin=${toBigS(r.sminLo, r.sminHi)}`;
    known = true;
  }
  if (!(r.smaxLo === -1 && r.smaxHi === 2147483647)) {
    text += ` smax=${toBigS(r.smaxLo, r.smaxHi)}`;
    known = true;
  }
  if (!known) text += ' unknown scalar value';
  return env.fail('return', `${text} should have been in [${min}, ${max}]`);
}

/** Before 6.8 the known bits decide whether a value is one the exit allows, and are what the message tells. */
function checkReturnBits(env: Env, r: Readonly<Reg>, where: string, min: number, max: number): void {
  const allowed = { vLo: 0, vHi: 0, mLo: 0, mHi: 0 };
  tnum.range(allowed, min, min >> 31, max, max >> 31);
  if (tnum.contains(allowed, r)) return;
  const value = tnum.isUnknown(r) ? 'unknown scalar value' : `value ${tnum.formatBits(r)}`;
  env.fail('return', `${where} the register R0 has ${value} should have been in ${tnum.formatBits(allowed)}`);
}

/** Is the signed 64-bit (or 32-bit) range of the register within [min, max]. */
function isWithin(r: Readonly<Reg>, min: number, max: number, low32: boolean): boolean {
  if (low32) return min <= r.s32min && r.s32max <= max;
  const sminFits = r.sminHi === r.sminLo >> 31;
  const smaxFits = r.smaxHi === r.smaxLo >> 31;
  return sminFits && smaxFits && min <= r.sminLo && r.smaxLo <= max;
}

/** What the outermost function returns: r0, or what bpf_throw is given in r1. */
export function checkReturn(env: Env, regno: number): void {
  const frame = env.state.frames[0]!;
  if (frame.subprog === 0 && !frame.inAsyncCallback && returnsNothing(env)) return;
  const r = env.readReg(regno);
  if (env.isHiddenPointer(r)) env.fail('leak', `R${regno} leaks addr as return value`);
  let range: readonly [number, number] | 'any';
  let where = 'At program exit';
  if (frame.inAsyncCallback) {
    where = 'At async callback return';
    range = [0, 0];
  } else if (frame.subprog !== 0 && !frame.inExceptionCallback) {
    if (r.type !== KIND.SCALAR) {
      env.fail('return', `At subprogram exit the register R${regno} is not a scalar value (${typeName(r.type)})`);
    }
    return;
  } else range = returnRange(env.progType, env.program.spec.attachType);
  if (range === 'any') return;
  if (r.type !== KIND.SCALAR) {
    env.fail('return', `${where} the register R${regno} is not a known value (${typeName(r.type)})`);
  }
  if (!env.options.features.preciseReturns) {
    checkReturnBits(env, r, where, range[0], range[1]);
    return;
  }
  markPrecise(env, regno);
  if (!isWithin(r, range[0], range[1], false)) failReturn(env, regno, where, range[0], range[1]);
}

/** Leave the current function. Answers the next instruction. */
export function returnFromCall(env: Env, previousAt: (state: State, insn: number) => State | undefined): number {
  const { state } = env;
  const callee = env.frame;
  const r0 = callee.regs[0]!;
  if (r0.type === KIND.STACK) env.fail('type', 'cannot return stack pointer to the caller');
  const caller = state.frames[state.frames.length - 2]!;
  if (callee.inCallback) {
    if (r0.type !== KIND.SCALAR) env.fail('type', 'R0 not a scalar value');
    markPrecise(env, 0);
    if (!isWithin(r0, callee.callbackMin, callee.callbackMax, false)) {
      failReturn(env, 0, 'At callback return', callee.callbackMin, callee.callbackMax);
    }
  } else {
    caller.regs[0] = r0;
  }
  state.frames.pop();
  env.scratchRegs = 0x7ff;
  if (!callee.inCallback) return callee.callsite + 1;
  const before = previousAt(state, callee.callsite);
  if (before) widen(env, before, state);
  return callee.callsite;
}

/**
 * Going round a converging loop: numbers that changed and whose range did not matter so far are forgotten, so that the next
 * round meets an equal state.
 */
export function widen(env: Env, before: State, now: State): void {
  const ids = new IdMap();
  const widened = (a: Readonly<Reg> | undefined, b: Readonly<Reg>): Readonly<Reg> | undefined => {
    if (!a || a === b || a.type !== KIND.SCALAR || b.type !== KIND.SCALAR) return undefined;
    if (a.precise || b.precise) return undefined;
    return exactlyEqual(a, b, ids) ? undefined : env.unknown;
  };
  for (let f = 0; f < now.frames.length; f++) {
    const old = before.frames[f];
    const frame = now.frames[f]!;
    if (!old) continue;
    for (let j = 0; j < 10; j++) {
      const next = widened(old.regs[j], frame.regs[j]!);
      if (next) frame.regs[j] = next;
    }
    for (let j = 0; j < frame.kinds.length && j < old.kinds.length; j++) {
      if (!frame.isSpill(j) || !old.isSpill(j)) continue;
      const next = widened(old.spills[j], frame.spills[j]!);
      if (next) frame.setSpill(j, next);
    }
  }
}
