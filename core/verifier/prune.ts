/**
 * Pruning: a path that reaches an instruction in a state no worse than one already walked from there needs no further
 * walking. "No worse": everything that mattered to the old state's continuations holds here too. Linux: is_state_visited,
 * states_equal, regsafe, stacksafe.
 */
import { type Env, MAX_STATES_UNPRIVILEGED } from './env.ts';
import { propagateReads } from './liveness.ts';
import { formatState } from './log.ts';
import { enterLoop, isLoopOpen, rememberBackEdge } from './loops.ts';
import { propagatePrecision } from './precision.ts';
import { MARK } from './program.ts';
import { Refusal } from './refusal.ts';
import { ADD_CONST, KIND, kindOf, type Reg, sameRange } from './reg.ts';
import { isAllMisc } from './stack.ts';
import { BYTE, type Frame, type State } from './state.ts';
import { contains } from './tnum.ts';
import { slt, ult } from './u64.ts';

/** How closely two states are compared. */
export const EXACTNESS = {
  /** Only what is live, and ranges only where precise. */
  LOOSE: 0,
  /** The same in every respect (for endless loops). */
  EXACT: 1,
  /** Ranges within, whether precise or not: for loops whose marks are not final. */
  WITHIN: 2,
} as const;

/** Pairs of ids, old and current, that have met in one comparison. One comparison at a time: there is one map, used again. */
export class IdMap {
  readonly old: number[] = [];
  readonly current: number[] = [];
  length = 0;
  temporary = 0;

  /** The same registers are tied together in both states. */
  match(old: number, current: number): boolean {
    if ((old === 0) !== (current === 0)) return false;
    if (old === 0) return true;
    for (let i = 0; i < this.length; i++) {
      if (this.old[i] === old) return this.current[i] === current;
      if (this.current[i] === current) return false;
    }
    this.old[this.length] = old;
    this.current[this.length++] = current;
    return true;
  }

  /** Numbers: an unlinked old register is content with any; a linked one wants the same links. */
  matchScalar(old: number, current: number): boolean {
    if (old === 0) return true;
    if (current === 0) current = ++this.temporary;
    if (!this.match(old, current)) return false;
    return old & ADD_CONST ? this.match(old & ~ADD_CONST, current & ~ADD_CONST) : true;
  }
}

const shared = new IdMap();

function within(old: Readonly<Reg>, current: Readonly<Reg>): boolean {
  return (
    !ult(current.uminLo, current.uminHi, old.uminLo, old.uminHi) &&
    !ult(old.umaxLo, old.umaxHi, current.umaxLo, current.umaxHi) &&
    !slt(current.sminLo, current.sminHi, old.sminLo, old.sminHi) &&
    !slt(old.smaxLo, old.smaxHi, current.smaxLo, current.smaxHi) &&
    old.u32min >>> 0 <= current.u32min >>> 0 &&
    old.u32max >>> 0 >= current.u32max >>> 0 &&
    old.s32min <= current.s32min &&
    old.s32max >= current.s32max &&
    contains(old, current)
  );
}

export function exactlyEqual(old: Readonly<Reg>, current: Readonly<Reg>, ids: IdMap): boolean {
  return (
    old.type === current.type &&
    old.off === current.off &&
    old.aux === current.aux &&
    old.aux2 === current.aux2 &&
    sameRange(old, current) &&
    ids.match(old.id, current.id) &&
    ids.match(old.refObjId, current.refObjId)
  );
}

function regSafe(old: Readonly<Reg>, current: Readonly<Reg>, ids: IdMap, exact: number): boolean {
  if (exact === EXACTNESS.EXACT) return exactlyEqual(old, current, ids) && old.frame === current.frame;
  if (old.type === KIND.NOT_INIT && (exact === EXACTNESS.LOOSE || current.type === KIND.NOT_INIT)) return true;
  if (old.type !== current.type) return false;
  switch (kindOf(old.type)) {
    case KIND.SCALAR:
      if (!old.precise && exact === EXACTNESS.LOOSE) return true;
      if (old.id && (old.id & ADD_CONST) !== (current.id & ADD_CONST)) return false;
      if (old.id & ADD_CONST && old.off !== current.off) return false;
      return ids.matchScalar(old.id, current.id) && within(old, current);
    case KIND.MAP_KEY:
    case KIND.MAP_VALUE:
    case KIND.MEM:
    case KIND.BUF:
    case KIND.TP_BUFFER:
      return (
        old.off === current.off &&
        old.aux === current.aux &&
        old.aux2 === current.aux2 &&
        within(old, current) &&
        ids.match(old.id, current.id) &&
        ids.match(old.refObjId, current.refObjId)
      );
    case KIND.PKT:
    case KIND.PKT_META:
      if (old.aux < 0 || current.aux < 0 ? old.aux !== current.aux : old.aux > current.aux) return false;
      return old.off === current.off && ids.match(old.id, current.id) && within(old, current);
    case KIND.STACK:
      return exactlyEqual(old, current, ids) && old.frame === current.frame;
    default:
      return exactlyEqual(old, current, ids);
  }
}

/** What the slot gives when loaded whole, if that is one number: a spilled one, or any for plain data. */
function numberIn(env: Env, frame: Frame, slot: number): Readonly<Reg> | undefined {
  const kinds = frame.kinds[slot]!;
  if (kinds === 0x11111111 && frame.spills[slot]!.type === KIND.SCALAR) return frame.spills[slot]!;
  return isAllMisc(env, kinds) ? env.unknown : undefined;
}

/** Where the last comparison of two frames failed: a register, or FIRST_SLOT and a slot; -1 for elsewhere. */
let differsAt = -1;
const FIRST_SLOT = 16;

function stackSafe(env: Env, old: Frame, current: Frame, ids: IdMap, exact: number): boolean {
  const slots = old.kinds.length;
  if (exact !== EXACTNESS.LOOSE) {
    env.work += slots;
    for (let slot = 0; slot < slots; slot++) {
      const kinds = slot < current.kinds.length ? current.kinds[slot] : 0;
      if (old.kinds[slot] !== kinds || !slotSafe(env, old, current, slot, ids, exact)) return false;
    }
    return true;
  }
  // Slots that nothing reads do not matter, and often few are read.
  for (let bits = old.readLo; bits !== 0; bits &= bits - 1) {
    const slot = 31 - Math.clz32(bits & -bits);
    env.work++;
    if (slot < slots && !slotSafe(env, old, current, slot, ids, exact)) {
      differsAt = FIRST_SLOT + slot;
      return false;
    }
  }
  for (let bits = old.readHi; bits !== 0; bits &= bits - 1) {
    const slot = 63 - Math.clz32(bits & -bits);
    env.work++;
    if (slot < slots && !slotSafe(env, old, current, slot, ids, exact)) {
      differsAt = FIRST_SLOT + slot;
      return false;
    }
  }
  return true;
}

function slotSafe(env: Env, old: Frame, current: Frame, slot: number, ids: IdMap, exact: number): boolean {
  const kinds = old.kinds[slot]!;
  if (kinds === 0) return true;
  const beyond = slot >= current.kinds.length;
  const now = beyond ? 0 : current.kinds[slot]!;
  if (!beyond) {
    const same = old.spills[slot]!;
    // Nearly always: the very same register, or plain data in both.
    if (same === current.spills[slot] && kinds === now && same.id === 0 && same.refObjId === 0) return true;
    const a = numberIn(env, old, slot);
    const b = a && numberIn(env, current, slot);
    if (a && b) return regSafe(a, b, ids, exact);
  }
  if (kinds !== now) {
    for (let i = 0; i < 32; i += 4) {
      const was = (kinds >> i) & 7;
      const is = (now >> i) & 7;
      if (was === BYTE.INVALID || was === is) continue;
      if (was === BYTE.MISC && (is === BYTE.ZERO || env.readsUninitialised)) continue;
      return false;
    }
  }
  const top = kinds >>> 28;
  if (top !== BYTE.SPILL && top !== BYTE.DYNPTR && top !== BYTE.IRQ && top !== BYTE.ITER) return true;
  const a = old.spills[slot]!;
  const b = current.spills[slot]!;
  if (top === BYTE.SPILL) return regSafe(a, b, ids, exact);
  if (!ids.match(a.refObjId, b.refObjId)) return false;
  if (top === BYTE.IRQ) return true;
  if (a.aux !== b.aux) return false;
  // The depth of an iteration does not count: it only tells one round from the next.
  return top === BYTE.DYNPTR ? a.aux2 === b.aux2 : a.type === b.type && a.off === b.off;
}

function frameSafe(env: Env, old: Frame, current: Frame, insn: number, ids: IdMap, exact: number): boolean {
  if (old.callbackDepth > current.callbackDepth) return false;
  env.work += 11;
  const live = env.program.live[insn]!;
  for (let i = 0; i < 11; i++) {
    if (!((live >> i) & 1)) continue;
    const a = old.regs[i]!;
    const b = current.regs[i]!;
    if (a === b && a.id === 0 && a.refObjId === 0) continue;
    if (!regSafe(a, b, ids, exact)) {
      differsAt = i;
      return false;
    }
  }
  return stackSafe(env, old, current, ids, exact);
}

export function statesEqual(env: Env, old: State, current: State, exact: number): boolean {
  if (old.frames.length !== current.frames.length) return false;
  if (old.speculative && !current.speculative) return false;
  if (old.sleepable !== current.sleepable) return false;
  const ids = shared;
  ids.length = 0;
  ids.temporary = env.ids;
  if (
    old.rcuLocks !== current.rcuLocks ||
    old.preemptLocks !== current.preemptLocks ||
    old.locks !== current.locks ||
    old.refs.length !== current.refs.length ||
    !ids.match(old.irqId, current.irqId)
  ) {
    return false;
  }
  for (let i = 0; i < old.refs.length; i++) {
    const a = old.refs[i]!;
    const b = current.refs[i]!;
    if (a.lock !== b.lock || a.map !== b.map || a.irq !== b.irq || !ids.match(a.id, b.id)) return false;
  }
  for (let i = 0; i < old.frames.length; i++) {
    if (old.frames[i]!.callsite !== current.frames[i]!.callsite) return false;
    differsAt = -1;
    if (!frameSafe(env, old.frames[i]!, current.frames[i]!, old.frameInsn(i), ids, exact)) {
      if (exact === EXACTNESS.LOOSE && i === old.depth) rememberObstacle(old);
      return false;
    }
  }
  return true;
}

/**
 * Most comparisons fail, and those with one state for the same reason again and again: a number of its top frame that has to be precise. It is
 * kept with the state, so that the next comparison begins with it, and need not even look at the state's registers.
 */
function rememberObstacle(old: State): void {
  const r = differsAt < 0 ? undefined : numberAt(old.frame, differsAt);
  if (!r?.precise) return;
  old.obstacle = r;
  old.obstacleAt = differsAt;
}

/** The number that surely makes a comparison with `old` fail does so with this state. */
function isObstructed(old: State, current: State): boolean {
  const obstacle = old.obstacle;
  if (obstacle === undefined) return false;
  const r = numberAt(current.frame, old.obstacleAt);
  return r !== undefined && !within(obstacle, r);
}

/** The number in a register, or spilled whole in the slot `at` - FIRST_SLOT. */
function numberAt(frame: Frame, at: number): Readonly<Reg> | undefined {
  if (at >= FIRST_SLOT && frame.kinds[at - FIRST_SLOT] !== 0x11111111) return undefined;
  const r = at < FIRST_SLOT ? frame.regs[at]! : frame.spills[at - FIRST_SLOT]!;
  return r.type === KIND.SCALAR ? r : undefined;
}

/** Registers of the current frame are the very same: a loop is likely. */
function maybeLooping(old: State, current: State): boolean {
  if (old.frames.length !== current.frames.length) return false;
  const a = old.frame;
  const b = current.frame;
  for (let i = 0; i < 11; i++) {
    const x = a.regs[i]!;
    const y = b.regs[i]!;
    if (x === y) continue;
    if (
      x.type !== y.type ||
      x.off !== y.off ||
      x.aux !== y.aux ||
      x.aux2 !== y.aux2 ||
      x.id !== y.id ||
      x.refObjId !== y.refObjId ||
      x.frame !== y.frame ||
      !sameRange(x, y)
    ) {
      return false;
    }
  }
  return true;
}

/** Some iterator has gone round in between: then equal states are progress, not an endless loop. */
function iteratorsDiffer(old: State, current: State): boolean {
  for (let f = 0; f < old.frames.length; f++) {
    const frame = old.frames[f]!;
    for (let slot = 0; slot < frame.kinds.length; slot++) {
      if (frame.kinds[slot]! >>> 28 !== BYTE.ITER) continue;
      const a = frame.spills[slot]!;
      const b = current.frames[f]!.spills[slot];
      if (a.off === ITER_ACTIVE && b && a.aux2 !== b.aux2) return true;
    }
  }
  return false;
}

/** `off` of an iterator's slot register: its state. */
export const ITER_ACTIVE = 1;
export const ITER_DRAINED = 2;

/** At a prune point: true when the path need not be walked further. Otherwise the state may be kept for later comparisons. */
export function isVisited(env: Env, insn: number, shape: { isIterNext(i: number): boolean }): boolean {
  const current = env.state;
  const marks = env.program.marks[insn]!;
  const force = env.options.everyCheckpoint || (marks & MARK.CHECKPOINT) !== 0 || (current.history?.count ?? 0) > 40;
  let addNew = force;
  if (env.jumps - env.previousJumps >= 2 && env.processed - env.previousProcessed >= 8) addNew = true;

  const { checkpoints } = env;
  const place = checkpoints.place(insn, current.frame.callsite);
  const count = place.length;
  for (let at = count - 1; at >= 0; at--) {
    const old = place[at]!;
    env.work += 2;
    if (old.insn !== insn) continue;
    let hit = false;
    let loop = false;
    if (old.branches > 0) {
      const frame = old.frame;
      let checkEndless = true;
      if (frame.inAsyncCallback && frame.asyncEntries !== current.frame.asyncEntries) checkEndless = false;
      else if (shape.isIterNext(insn)) {
        checkEndless = false;
        if (statesEqual(env, old, current, EXACTNESS.WITHIN)) {
          const pointer = current.frame.regs[1]!;
          // Divided as C divides: fp-0 counts as the first slot.
          const slot = Math.trunc((-(pointer.off + pointer.vLo) - 1) / 8);
          hit = current.frames[pointer.frame]!.spills[slot]?.off === ITER_ACTIVE;
          loop = hit;
        }
      } else if (env.program.code.opcode[insn] === 0xe5) {
        if (old.mayGotoDepth !== current.mayGotoDepth && statesEqual(env, old, current, EXACTNESS.WITHIN)) {
          hit = loop = true;
        }
      } else if (marks & MARK.CALLBACK) {
        checkEndless = false;
        if (statesEqual(env, old, current, EXACTNESS.WITHIN)) hit = loop = true;
      }
      if (!hit) {
        if (
          checkEndless &&
          maybeLooping(old, current) &&
          statesEqual(env, old, current, EXACTNESS.EXACT) &&
          !iteratorsDiffer(old, current) &&
          old.mayGotoDepth === current.mayGotoDepth &&
          old.callbackUnrollDepth === current.callbackUnrollDepth
        ) {
          const states = [
            `cur state:${formatState(env, current.frame, true)}`,
            `old state:${formatState(env, old.frame, true)}`,
          ];
          throw new Refusal(
            'limit',
            `infinite loop detected at insn ${insn}`,
            env.options.features.loopStates ? states : [],
          );
        }
        // Inside a loop, states far apart are worth keeping, not each round's.
        if (!force && env.jumps - env.previousJumps < 20 && env.processed - env.previousProcessed < 100) {
          addNew = false;
        }
      }
    } else {
      loop = isLoopOpen(old);
      if (loop) hit = statesEqual(env, old, current, EXACTNESS.WITHIN);
      else hit = !isObstructed(old, current) && statesEqual(env, old, current, EXACTNESS.LOOSE);
    }
    if (hit) {
      old.hits++;
      if (marks & MARK.JUMP) env.pushHistory(0);
      propagateReads(old, current);
      propagatePrecision(env, old, current);
      if (loop) rememberBackEdge(env, old, current, insn);
      return true;
    }
    if (addNew) old.misses++;
    checkpoints.reconsider(place, at, (marks & MARK.CHECKPOINT) !== 0 && old.branches > 0);
  }
  if (count > checkpoints.mostInPlace) checkpoints.mostInPlace = count;
  if (!env.privileged && count > MAX_STATES_UNPRIVILEGED) return false;
  if (addNew) keep(env, place, insn);
  return false;
}

/** Keep the current state as a checkpoint; the walk goes on in a copy whose parent it is. */
function keep(env: Env, place: State[], insn: number): void {
  const current = env.state;
  env.previousJumps = env.jumps;
  env.previousProcessed = env.processed;
  if (env.privileged) forgetPrecision(current);
  const kept = current.clone();
  env.work += 2 * kept.size;
  kept.insn = insn;
  kept.branches = 1;
  enterLoop(env, kept);
  for (const frame of current.frames) {
    frame.readLo = frame.readHi = frame.wroteLo = frame.wroteHi = 0;
  }
  current.parent = kept;
  current.firstInsn = insn;
  current.history = undefined;
  env.entry = undefined;
  env.checkpoints.add(place, kept);
}

/** Marks belong to checkpoints: what the new one needs, its own continuations will say. */
function forgetPrecision(state: State): void {
  state.mapRegs((r) => {
    return r.type === KIND.SCALAR && r.precise ? r.withPrecision(0) : undefined;
  });
}
