/**
 * The states kept for comparison with later ones, and how many there are. They are filed as Linux files them, by instruction and call site
 * together, since its statistics and its patience with states that nothing equals count what lies in one place (kernel/bpf/verifier.c:
 * explored_state, maybe_free_verifier_state, update_peak_states).
 */
import { isLoopOpen } from './loops.ts';
import type { State } from './state.ts';

/** Checks after which a state that no later one equalled is given up, for each that it did save. */
const PATIENCE = 3;
/** The same for states that loops come back to: a loop may take many rounds to converge. */
const PATIENCE_IN_LOOPS = 64;

export class Checkpoints {
  /** Oldest first. */
  readonly #places: (State[] | undefined)[];
  #kept = 0;
  /** Given up, but some path from them is not finished. */
  #leaving = 0;
  #backEdges = 0;
  total = 0;
  /** Most that there were at one time. */
  peak = 0;
  /** Most that were found in one place. */
  mostInPlace = 0;
  /** About what they take. */
  bytes = 0;

  constructor(insns: number) {
    this.#places = new Array(insns).fill(undefined);
  }

  /** A walk from another function begins. The statistics go on. */
  clear(): void {
    this.#places.fill(undefined);
    this.bytes = 0;
  }

  /** Where the states lie that one at this instruction of a function called from `callsite` may equal; and others that happen to lie there. */
  place(insn: number, callsite: number): State[] {
    const at = ((insn ^ callsite) >>> 0) % this.#places.length;
    const place = this.#places[at];
    if (place !== undefined) return place;
    const empty: State[] = [];
    this.#places[at] = empty;
    return empty;
  }

  add(place: State[], state: State): void {
    place.push(state);
    this.total++;
    this.#kept++;
    this.bytes += bytesOf(state);
    this.#notePeak();
  }

  /** Give the state at `at` up if it was compared in vain too often. */
  reconsider(place: State[], at: number, inLoop: boolean): void {
    const state = place[at]!;
    const patience = inLoop ? PATIENCE_IN_LOOPS : PATIENCE;
    if (state.misses <= state.hits * patience + patience) return;
    place.splice(at, 1);
    this.#kept--;
    this.#leaving++;
    state.leaving = true;
    this.#free(state);
  }

  /** All paths from the state are walked: nothing is traced back through it any more, unless its loop goes on. */
  finish(state: State): void {
    if (isLoopOpen(state)) {
      state.visit!.finished.push(state);
      return;
    }
    forgetPast(state);
    this.#free(state);
  }

  /** The number of states that wait for their loop to end has changed. */
  countBackEdges(change: number): void {
    this.#backEdges += change;
    this.#notePeak();
  }

  #free(state: State): void {
    if (!state.leaving || state.branches !== 0 || isLoopOpen(state)) return;
    this.#leaving--;
    this.bytes -= bytesOf(state);
  }

  #notePeak(): void {
    const now = this.#kept + this.#leaving + this.#backEdges;
    if (now > this.peak) this.peak = now;
  }
}

/** What leads to the state is garbage from now on, if nothing else holds it. */
export function forgetPast(state: State): void {
  state.parent = undefined;
  state.history = undefined;
}

function bytesOf(state: State): number {
  let bytes = 0;
  for (const frame of state.frames) bytes += 400 + 16 * frame.kinds.length;
  return bytes;
}
