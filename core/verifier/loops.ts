/**
 * Loops that end by convergence (callbacks, iterators, may_goto): a path may stop because its state equals one whose
 * continuations are not all walked yet. What those continuations turn out to read or to need precisely must then reach
 * the stopped path too, once the loop's entry is done; until then its states are compared by full ranges.
 * Linux 6.18: incomplete_read_marks, add_scc_backedge, propagate_backedges.
 */
import { forgetPast } from './checkpoints.ts';
import type { Env } from './env.ts';
import { propagateReads } from './liveness.ts';
import { markAll, propagatePrecision } from './precision.ts';
import type { State } from './state.ts';

interface BackEdge {
  /** State in which a path stopped. */
  readonly state: State;
  /** The equal state. */
  readonly target: State;
}

/** One visit of a loop: from the first checkpoint in it until that one has no paths left. */
export interface Visit {
  entry: State | undefined;
  backEdges: BackEdge[];
  /** Checkpoints whose paths are walked, but through which marks of the back edges may still travel. */
  finished: State[];
}

/** A loop visit is known by the calls that lead to it and its number; undefined outside loops. */
function key(env: Env, state: State): string | undefined {
  const { loopOf } = env.program;
  const { length } = state.frames;
  for (let i = 0; i < length; i++) {
    const loop = loopOf[state.frameInsn(i)]!;
    if (loop === 0) continue;
    let calls = '';
    for (let j = 0; j < i; j++) calls += `${state.frameInsn(j)},`;
    return `${calls}L${loop}`;
  }
  return undefined;
}

/** A checkpoint was made: it may be the first of its loop. */
export function enterLoop(env: Env, state: State): void {
  const k = key(env, state);
  if (k === undefined) return;
  let visit = env.visits.get(k);
  if (!visit) {
    visit = { entry: undefined, backEdges: [], finished: [] };
    env.visits.set(k, visit);
  }
  visit.entry ??= state;
  state.visit = visit;
}

/** May marks of this finished checkpoint still change? */
export function isLoopOpen(state: State): boolean {
  return state.visit !== undefined && state.visit.backEdges.length > 0;
}

/** A path stopped at a checkpoint of an unfinished loop. */
export function rememberBackEdge(env: Env, target: State, current: State, insn: number): void {
  const { visit } = target;
  if (!visit) return;
  const state = current.clone();
  state.insn = insn;
  visit.backEdges.push({ state, target });
  env.checkpoints.countBackEdges(1);
}

const MAX_ROUNDS = 64;

/** All paths from the checkpoint are walked: if it was its loop's entry, bring the marks along the back edges. */
export function leaveLoop(env: Env, state: State): void {
  const { visit } = state;
  if (!visit || visit.entry !== state) return;
  visit.entry = undefined;
  env.checkpoints.countBackEdges(-visit.backEdges.length);
  for (let round = 0; ; round++) {
    let changed = false;
    for (const edge of visit.backEdges) {
      if (round >= MAX_ROUNDS) {
        markAll(env, edge.state);
        continue;
      }
      if (propagateReads(edge.target, edge.state)) changed = true;
      if (propagatePrecision(env, edge.target, edge.state)) changed = true;
    }
    if (!changed || round >= MAX_ROUNDS) break;
  }
  visit.backEdges = [];
  for (const done of visit.finished) forgetPast(done);
  visit.finished = [];
}
