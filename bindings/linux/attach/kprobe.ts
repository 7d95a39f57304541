/**
 * Kernel functions. What was asked for is tried first, then what else this kernel has for it (candidates.ts), and the link tells which it
 * became. Each name is tried by the kernel's ways: the perf PMU (4.17), a kprobe_multi link (5.18),
 * kprobe_events of tracefs (older kernels). https://docs.kernel.org/trace/kprobetrace.html
 */
import type { Probe } from '../../../core/backend/backend.ts';
import { ERRNO, errnoName } from '../../../core/base/errno.ts';
import { BpfError, nearestNames, SysError, Unsupported } from '../../../core/base/errors.ts';
import { bpf } from '../bpf.ts';
import type { LinuxProg } from '../load.ts';
import { attachToEvent, perfEventOpen, perfHint, pmuType, retprobeBit } from '../perf-event.ts';
import { tracefsRoot } from '../tracefs.ts';
import {
  type Attached,
  type AttachHost,
  type AttachKind,
  attaching,
  cookieOption,
  cText,
  functionInTask,
  numberOption,
} from './attach-kind.ts';
import { candidates, firstThatGoes } from './candidates.ts';
import { attachLegacy } from './legacy.ts';

const KPROBE_MULTI = { attachType: 42, RETURN: 1 } as const;

interface Place {
  readonly name: string;
  readonly offset: number;
}

export const kprobe: AttachKind = row('kprobe', false);
export const kretprobe: AttachKind = row('kretprobe', true);

function row(kind: string, atReturn: boolean): AttachKind {
  return {
    kind,
    progTypes: ['kprobe'],
    inTask: functionInTask,
    attach: (prog, probe, host) => attachFunction(prog, probe, host, atReturn),
  };
}

function attachFunction(prog: LinuxProg, probe: Probe, host: AttachHost, atReturn: boolean): Attached {
  const plus = probe.target.indexOf('+');
  const wanted: Place = {
    name: plus < 0 ? probe.target : probe.target.slice(0, plus),
    offset: (plus < 0 ? 0 : Number(probe.target.slice(plus + 1))) + (numberOption(probe, 'offset') ?? 0),
  };
  const found = firstThatGoes(
    candidates(wanted.name, host),
    (name) => attachPlace(prog, probe, host, { ...wanted, name }, atReturn),
    UNAVAILABLE,
  );
  if (typeof found !== 'number') {
    const { candidate, done } = found;
    return candidate.why === undefined ? done : { ...done, instead: { target: candidate.name, why: candidate.why } };
  }
  if (found === UNAVAILABLE)
    throw new Unsupported(attaching(prog, probe), {
      backend: 'linux',
      hint: 'the running kernel has no kprobes (CONFIG_KPROBES); tracepoints, raw tracepoints and uprobes may do',
    });
  throw failure(prog, probe, host, wanted.name, found);
}

const UNAVAILABLE = 1;

/** An attachment, -errno, or UNAVAILABLE when no way at all exists here. */
function attachPlace(
  prog: LinuxProg,
  probe: Probe,
  host: AttachHost,
  place: Place,
  atReturn: boolean,
): Attached | number {
  const doing = attaching(prog, probe);
  const cookie = cookieOption(probe);
  const type = pmuType('kprobe');
  if (type !== undefined) {
    const config = atReturn ? 1 << retprobeBit('kprobe') : 0;
    const event = perfEventOpen({ type, config, name: cText(place.name), offset: place.offset, disabled: true }, -1, 0);
    if (event < 0) return event;
    return { how: 'perf event', fds: attachToEvent(event, host.progFd(prog), doing, cookie) };
  }
  const multi = place.offset === 0 ? attachMulti(prog, host, place.name, atReturn, cookie) : -ERRNO.EOPNOTSUPP;
  if (typeof multi !== 'number') return multi;
  const root = tracefsRoot();
  if (root !== undefined) {
    const legacy = attachLegacy(root, 'kprobe_events', {
      entry: `${atReturn ? `r${numberOption(probe, 'maxactive') ?? ''}` : 'p'}`,
      place: place.offset ? `${place.name}+${place.offset}` : place.name,
    });
    if (typeof legacy !== 'number')
      return { how: 'kprobe_events', fds: legacy.attach(host.progFd(prog), doing, cookie), undo: legacy.undo };
    if (legacy !== -ERRNO.ENODEV) return legacy;
  }
  return multi === -ERRNO.EOPNOTSUPP || multi === -ERRNO.EINVAL ? UNAVAILABLE : multi;
}

function attachMulti(
  prog: LinuxProg,
  host: AttachHost,
  name: string,
  atReturn: boolean,
  cookie: bigint | undefined,
): Attached | number {
  const address = host.ksymAddress(name);
  if (address === undefined) return -ERRNO.ENOENT;
  let progFd: number;
  try {
    progFd = host.progFd(prog, 'trace_kprobe_multi');
  } catch {
    return -ERRNO.EOPNOTSUPP;
  }
  const fd = bpf('LINK_CREATE', {
    prog_fd: progFd,
    attach_type: KPROBE_MULTI.attachType,
    kprobe_multi_flags: atReturn ? KPROBE_MULTI.RETURN : 0,
    kprobe_multi_cnt: 1,
    kprobe_multi_addrs: BigUint64Array.of(address),
    ...(cookie !== undefined && { kprobe_multi_cookies: BigUint64Array.of(cookie) }),
  });
  return fd >= 0 ? { how: 'kprobe_multi link', fds: [fd] } : fd;
}

function failure(prog: LinuxProg, probe: Probe, host: AttachHost, name: string, errno: number): Error {
  const doing = attaching(prog, probe);
  if (host.ksymAddress(name) === undefined && (errno === -ERRNO.ENOENT || errno === -ERRNO.EINVAL)) {
    const near = nearestNames(name, host.kernelFunctions(), 5);
    return new BpfError(
      'ENOENT',
      `the running kernel has no function '${name}'${near.length > 0 ? `; nearest: ${near.join(', ')}` : ' (it may be inlined)'}`,
    );
  }
  const hint =
    errno === -ERRNO.EINVAL || errno === -ERRNO.EOPNOTSUPP
      ? { hint: 'the function cannot be probed (notrace, or inlined where it matters)' }
      : perfHint(errno);
  return new SysError('perf_event_open', errnoName(errno), doing, hint);
}
