/** Tracepoints: by their format (args structs) and raw (the arguments of the tracepoint itself). */
import type { ProbeKindRow } from './probe-kind.ts';

export const tracepoint = {
  kind: 'tracepoint',
  progType: 'tracepoint',
  auto: true,
  noun: 'tracepoint',
  candidates: (backend) => backend.tracepoints(),
} as const satisfies ProbeKindRow;

/** The same with arguments whose types the kernel tells: SEC("tp_btf/NAME"). */
export const tpBtf = {
  kind: 'tp_btf',
  progType: 'tracing',
  attachType: 'trace_raw_tp',
  auto: true,
  noun: 'raw tracepoint',
} as const satisfies ProbeKindRow;

export const rawTracepoint = {
  kind: 'raw_tracepoint',
  progType: 'raw_tracepoint',
  auto: true,
  noun: 'raw tracepoint',
  candidates: function* (backend) {
    for (const name of backend.tracepoints()) yield name.slice(name.indexOf(':') + 1);
  },
} as const satisfies ProbeKindRow;
