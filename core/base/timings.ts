/**
 * Where the time of a start goes, part by part, for whoever asks (`SKEP_TIMINGS=1`, tools/cli/timings.ts). Nobody asking, `timed` only calls. What one
 * part does inside another counts for the inner one alone, so that the parts add up.
 */

/** Milliseconds since the process began. */
type Clock = () => number;

let clock: Clock | undefined;
const spent = new Map<string, number>();
/** The parts that are under way, the innermost last. */
const open: string[] = [];
/** When the innermost part, or none, last began to be what runs. */
let since = 0;

/** Starts counting: what was before `until` is a part by the name `before`, what has no name of its own from then on is `rest`. */
export function startTimings(now: Clock, before: string, until: number, rest: string): void {
  clock = now;
  since = until;
  spent.clear();
  spent.set(before, until);
  open.splice(0, open.length, rest);
}

function turn(now: Clock): void {
  const at = now();
  const part = open.at(-1)!;
  spent.set(part, (spent.get(part) ?? 0) + at - since);
  since = at;
}

/** What `work` gives, its time on the account of `part`. */
export function timed<T>(part: string, work: () => T): T {
  if (!clock) return work();
  turn(clock);
  open.push(part);
  try {
    return work();
  } finally {
    if (clock) turn(clock);
    open.pop();
  }
}

/** Milliseconds of each part, in the order in which they were first met; counting ends. Empty where nobody started it. */
export function endTimings(): ReadonlyMap<string, number> {
  if (!clock) return new Map();
  turn(clock);
  clock = undefined;
  open.length = 0;
  return spent;
}
