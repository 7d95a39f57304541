/** THE TABLE OF ATTACHMENTS of the running kernel: one file per family of kinds. Adding a kind is a row. */
import type { Probe } from '../../../core/backend/backend.ts';
import { BpfError, Unsupported } from '../../../core/base/errors.ts';
import type { LinuxProg } from '../load.ts';
import type { AttachKind } from './attach-kind.ts';
import { cgroup, progAttach } from './cgroup.ts';
import { iter } from './iter.ts';
import { kprobe, kretprobe } from './kprobe.ts';
import { netfilter } from './netfilter.ts';
import { netns } from './netns.ts';
import { perfEvent } from './perf-event.ts';
import { rawTracepoint, tpBtf } from './raw-tracepoint.ts';
import { socket } from './socket.ts';
import { tc } from './tc.ts';
import { tracepoint } from './tracepoint.ts';
import { fmodRet, kfunc, kretfunc, lsm } from './tracing.ts';
import { uprobe, uretprobe } from './uprobe.ts';
import { xdp } from './xdp.ts';

export const ATTACH_KINDS: readonly AttachKind[] = [
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
  perfEvent,
  socket,
  xdp,
  tc,
  cgroup,
  progAttach,
  netns,
  netfilter,
  iter,
];

/** Row of a probe's kind, checked against the program's type. Throws Unsupported, BpfError EINVAL. */
export function attachKind(prog: LinuxProg, probe: Probe): AttachKind {
  const row = ATTACH_KINDS.find((kind) => kind.kind === probe.kind);
  if (!row)
    throw new Unsupported(`attaching a ${probe.kind} (${probe.target})`, {
      backend: 'linux',
      hint: `it attaches ${ATTACH_KINDS.map((kind) => kind.kind).join(', ')}`,
    });
  if (row.progTypes && !row.progTypes.includes(prog.spec.type))
    throw new BpfError(
      'EINVAL',
      `program ${prog.spec.name} of type ${prog.spec.type} cannot be attached as a ${probe.kind}; that takes ${row.progTypes.join(', ')}`,
    );
  return row;
}
