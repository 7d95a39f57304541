/**
 * THE PROBE-KIND TABLE: how each kind of attach target is named in C, loaded, checked and counted. One file per family
 * of kinds; adding a kind is a row.
 */
import { kprobe, kretprobe } from './kprobe.ts';
import { rawSocket, xdp } from './net.ts';
import { perfEvent } from './perf-event.ts';
import type { ProbeKindRow } from './probe-kind.ts';
import { rawTracepoint, tpBtf, tracepoint } from './tracepoint.ts';
import { fmodRet, iter, kfunc, kretfunc, lsm } from './tracing.ts';
import { uprobe, uretprobe } from './uprobe.ts';

export const PROBE_KINDS = [
  kprobe,
  kretprobe,
  uprobe,
  uretprobe,
  tracepoint,
  rawTracepoint,
  tpBtf,
  kfunc,
  kretfunc,
  fmodRet,
  lsm,
  iter,
  perfEvent,
  rawSocket,
  xdp,
] as const satisfies readonly ProbeKindRow[];

export type ProbeKind = (typeof PROBE_KINDS)[number]['kind'];

export function probeKind(kind: string): ProbeKindRow | undefined {
  return PROBE_KINDS.find((row) => row.kind === kind);
}
