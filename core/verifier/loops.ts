/**
 * Loops that end by convergence (callbacks, iterators, may_goto): a path may stop because its state equals one whose
 * continuations are not all walked yet. What those continuations turn out to read or to need precisely must then reach
 * the stopped path too, once the loop's entry is done; until then its states are compared by full ranges.
 * Linux 6.18: incomplete_read_marks, add_scc_backedge, propagate_backedges.
 */
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
interface Visit {
  entry: State | undefined;
  backEdges: BackEdge[];
}

const visits = new WeakMap<Env, Map<string, Visit>>();

/** A loop visit is known by the calls that lead to it and its number; undefined outside loops. */
function key(env: Env, state: State): string | undefined {
  let out = '';
  for (let i = 0; i < state.frames.length; i++) {
    const insn = state.frameInsn(i);
    const loop = env.program.loopOf[insn]!;
    if (loop > 0) return `${out}L${loop}`;
    out += `${insn},`;
  }
  return undefined;
}

function visitOf(env: Env, state: State): Visit | undefined {
  const all = visits.get(env);
  if (!all) return undefined;
  const k = key(env, state);
  return k === undefined ? undefined : all.get(k);
}

/** A checkpoint was made: it may be the first of its loop. */
export function enterLoop(env: Env, state: State): void {
  const k = key(env, state);
  if (k === undefined) return;
  let all = visits.get(env);
  if (!all) {
    all = new Map();
    visits.set(env, all);
  }
  let visit = all.get(k);
  if (!visit) {
    visit = { entry: undefined, backEdges: [] };
    all.set(k, visit);
  }
  visit.entry ??= state;
}

/** May marks of this finished state still change? */
export function isLoopOpen(env: Env, state: State): boolean {
  const visit = visitOf(env, state);
  return visit !== undefined && visit.backEdges.length > 0;
}

/** A path stopped at a state of an unfinished loop. */
export function rememberBackEdge(env: Env, target: State, current: State, insn: number): void {
  const visit = visitOf(env, target);
  if (!visit) return;
  const state = current.clone();
  state.insn = insn;
  visit.backEdges.push({ state, target });
}

const MAX_ROUNDS = 64;

/** All paths from the checkpoint are walked: if it was its loop's entry, bring the marks along the back edges. */
export function leaveLoop(env: Env, state: State): void {
  const visit = visitOf(env, state);
  if (!visit || visit.entry !== state) return;
  visit.entry = undefined;
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
}
