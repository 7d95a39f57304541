/** The rhythm of counting tools: a report after each interval, a last one at Ctrl-C or when the source has ended. */
import { BpfError } from '../core/base/errors.ts';
import type { BPF } from '../core/bcc/bpf.ts';

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
