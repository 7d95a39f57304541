/** Samples of a perf event (perf_event_open(2)). The target is `type:config`, both numbers. */
import type { ProbeKindRow } from './probe-kind.ts';

export const perfEvent = {
  kind: 'perf_event',
  progType: 'perf_event',
  auto: false,
  noun: 'perf event',
} as const satisfies ProbeKindRow;
