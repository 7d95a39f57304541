/** The rhythm of tools: reports after each interval and a last one at Ctrl-C or when the source has ended; events as they come, for so long. */
import { BpfError } from '../core/base/errors.ts';
import type { BPF } from '../core/bcc/bpf.ts';
import { Interrupted } from '../core/bcc/session.ts';

/** Seconds and reports when none are given: BCC's "for ever". */
export const FOREVER = 99999999;

/** A positional number such as `[interval]`. */
export function countArgument(text: string | undefined, name: string, otherwise: number): number {
  if (text === undefined) return otherwise;
  const value = Number(text);
  if (!(value > 0)) throw new BpfError('EINVAL', `${name} must be a number above zero, not '${text}'`);
  return value;
}

/**
 * Calls `report` after every `intervalS` seconds of the world's clock, `times` times at most, or `durationS` seconds; once more when Ctrl-C came
 * or the source has ended. `last` tells the report that no other follows.
 */
export function everyInterval(
  b: BPF,
  options: { readonly intervalS: number; readonly times?: number; readonly durationS?: number | undefined },
  report: (last: boolean) => void,
): void {
  const { intervalS, times = FOREVER, durationS = Number.POSITIVE_INFINITY } = options;
  for (let done = 1, seconds = intervalS; ; done++, seconds += intervalS) {
    const last = b.wait(intervalS * 1000) !== 'timeout' || done >= times || seconds >= durationS;
    report(last);
    if (last) return;
  }
}

export interface EventOptions {
  /** Pages of each CPU's buffer. */
  readonly pageCnt?: number;
  readonly durationS?: number | undefined;
  /** Called when nothing can be missed any more: the header belongs here. */
  readonly ready: () => void;
}

/**
 * Calls `each` for every event of a perf buffer, until Ctrl-C, the source's end, or `durationS` seconds of the world's clock. An `each` that
 * answers false ends it.
 */
export function eachEvent<E>(b: BPF, table: string, options: EventOptions, each: (event: E) => unknown): void {
  eachRecord(b, [table], options, (_, event) => each(event as E));
}

/** As eachEvent, of several buffers: `each` is told which one. */
export function eachRecord(
  b: BPF,
  tables: readonly string[],
  options: EventOptions,
  each: (table: string, event: unknown) => unknown,
): void {
  const { pageCnt = 8, durationS, ready } = options;
  let done = false;
  for (const name of tables) {
    const table = b.getTable(name);
    table.openPerfBuffer(
      (_cpu, data) => {
        if (!done) done = each(name, table.event(data)) === false;
      },
      // What one task does may be told by two CPUs: exec() moves it (sched_exec).
      { pageCnt, ordered: true },
    );
  }
  ready();
  const now = () => b.backend.nowMs?.() ?? Date.now();
  const end = durationS === undefined ? undefined : now() + durationS * 1000;
  try {
    while (!done) {
      const left = end === undefined ? -1 : end - now();
      if (end !== undefined && left <= 0) return;
      b.perfBufferPoll(left);
    }
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error;
  }
}
