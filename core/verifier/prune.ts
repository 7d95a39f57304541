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
class IdMap {
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

function exactlyEqual(old: Readonly<Reg>, current: Readonly<Reg>, ids: IdMap): boolean {
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

function stackSafe(env: Env, old: Frame, current: Frame, ids: IdMap, exact: number): boolean {
  env.work += old.kinds.length;
  for (let slot = 0; slot < old.kinds.length; slot++) {
    const kinds = old.kinds[slot]!;
    if (exact === EXACTNESS.LOOSE) {
      if (!old.isRead(slot)) continue;
    } else if (slot >= current.kinds.length ? kinds !== 0 : kinds !== current.kinds[slot]) return false;
    if (kinds === 0) continue;
    const beyond = slot >= current.kinds.length;
    if (!beyond) {
      const same = old.spills[slot]!;
      // Nearly always: the very same register, or plain data in both.
      if (same === current.spills[slot] && kinds === current.kinds[slot] && same.id === 0 && same.refObjId === 0)
        continue;
      const a = numberIn(env, old, slot);
      const b = a && numberIn(env, current, slot);
      if (a && b) {
        if (!regSafe(a, b, ids, exact)) return false;
        continue;
      }
    }
    const now = beyond ? 0 : current.kinds[slot]!;
    for (let i = 0; i < 32; i += 4) {
      const was = (kinds >> i) & 7;
      const is = (now >> i) & 7;
      if (was === BYTE.INVALID || was === is) continue;
      if (was === BYTE.MISC && (is === BYTE.ZERO || env.readsUninitialised)) continue;
      return false;
    }
    const top = kinds >>> 28;
    if (top === BYTE.SPILL) {
      if (!regSafe(old.spills[slot]!, current.spills[slot]!, ids, exact)) return false;
    } else if (top === BYTE.DYNPTR) {
      const a = old.spills[slot]!;
      const b = current.spills[slot]!;
      if (a.aux !== b.aux || a.aux2 !== b.aux2 || !ids.match(a.refObjId, b.refObjId)) return false;
    } else if (top === BYTE.IRQ) {
      if (!ids.match(old.spills[slot]!.refObjId, current.spills[slot]!.refObjId)) return false;
    } else if (top === BYTE.ITER) {
      const a = old.spills[slot]!;
      const b = current.spills[slot]!;
      // The depth of the iteration does not count: it only tells one round from the next.
      if (a.type !== b.type || a.aux !== b.aux || a.off !== b.off || !ids.match(a.refObjId, b.refObjId)) return false;
    }
  }
  return true;
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
    if (!regSafe(a, b, ids, exact)) return false;
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
    if (!frameSafe(env, old.frames[i]!, current.frames[i]!, old.frameInsn(i), ids, exact)) return false;
  }
  return true;
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

/** Checkpoints by instruction, newest first. */
export type Explored = Map<number, State[]>;

/** At a prune point: true when the path need not be walked further. Otherwise the state may be kept for later comparisons. */
export function isVisited(
  env: Env,
  explored: Explored,
  insn: number,
  shape: { isIterNext(i: number): boolean },
): boolean {
  const current = env.state;
  const marks = env.program.marks[insn]!;
  const force = (marks & MARK.CHECKPOINT) !== 0 || (current.history?.count ?? 0) > 40;
  let addNew = force;
  if (env.jumps - env.previousJumps >= 2 && env.processed - env.previousProcessed >= 8) addNew = true;

  let list = explored.get(insn);
  if (!list) {
    list = [];
    explored.set(insn, list);
  }
  let count = 0;
  for (let at = list.length - 1; at >= 0; at--) {
    const old = list[at]!;
    count++;
    env.work += 2;
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
          const slot = (-(pointer.off + pointer.vLo) - 1) >> 3;
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
          throw new Refusal('limit', `infinite loop detected at insn ${insn}`, [
            `cur state:${formatState(env, current.frame, true)}`,
            `old state:${formatState(env, old.frame, true)}`,
          ]);
        }
        // Inside a loop, states far apart are worth keeping, not each round's.
        if (!force && env.jumps - env.previousJumps < 20 && env.processed - env.previousProcessed < 100) {
          addNew = false;
        }
      }
    } else {
      loop = isLoopOpen(env, old);
      hit = statesEqual(env, old, current, loop ? EXACTNESS.WITHIN : EXACTNESS.LOOSE);
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
    const patience = (marks & MARK.CHECKPOINT) !== 0 && old.branches > 0 ? 64 : 3;
    if (old.misses > old.hits * patience + patience) list.splice(at, 1);
  }
  if (count > env.maxStatesPerInsn) env.maxStatesPerInsn = count;
  if (!env.privileged && count > MAX_STATES_UNPRIVILEGED) return false;
  if (addNew) keep(env, list, insn);
  return false;
}

/** Keep the current state as a checkpoint; the walk goes on in a copy whose parent it is. */
function keep(env: Env, list: State[], insn: number): void {
  const current = env.state;
  env.totalStates++;
  env.peakStates++;
  env.previousJumps = env.jumps;
  env.previousProcessed = env.processed;
  if (env.privileged) forgetPrecision(current);
  const kept = current.clone();
  env.work += 2 * kept.size;
  for (const frame of current.frames) env.keptBytes += 400 + 16 * frame.kinds.length;
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
  list.push(kept);
}

/** Marks belong to checkpoints: what the new one needs, its own continuations will say. */
function forgetPrecision(state: State): void {
  state.mapRegs((r) => {
    if (r.type !== KIND.SCALAR || !r.precise) return undefined;
    const copy = r.clone();
    copy.precise = 0;
    return copy;
  });
}
