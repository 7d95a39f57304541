/**
 * Functions of programs and libraries. By a uprobe_multi link (6.6: a hundred times faster to close), else the perf PMU (4.17), else
 * uprobe_events of tracefs. https://docs.kernel.org/trace/uprobetracer.html
 */
import type { Probe } from '../../../core/backend/backend.ts';
import { ERRNO, errnoName } from '../../../core/base/errno.ts';
import { BpfError, SysError, Unsupported } from '../../../core/base/errors.ts';
import { bpf } from '../bpf.ts';
import type { LinuxProg } from '../load.ts';
import { attachToEvent, perfEventOpen, perfHint, pmuType, retprobeBit } from '../perf-event.ts';
import { binaryFile } from '../symbols/binary-file.ts';
import { findBinary } from '../symbols/find-binary.ts';
import { chosenImplementation } from '../symbols/indirect.ts';
import { tracefsRoot } from '../tracefs.ts';
import {
  type Attached,
  type AttachHost,
  type AttachKind,
  attaching,
  cookieOption,
  cookiesOf,
  cText,
  type ManyPlaces,
  numberOption,
} from './attach-kind.ts';
import { attachLegacy } from './legacy.ts';
import { BYTES_TO_LOOK_AT, isMisread } from './unprobeable.ts';

const MISREAD = "Linux's uprobes take its AVX instruction for a jump, and the traced program would compute wrongly";

const UPROBE_MULTI = { attachType: 48, RETURN: 1 } as const;
/** The PMU takes the semaphore's file offset in the upper half of config. */
const REF_CTR_SHIFT = 32n;

export const uprobe: AttachKind = row('uprobe', false);
export const uretprobe: AttachKind = row('uretprobe', true);

interface Place {
  readonly path: string;
  /** Bytes from the start of the file. */
  readonly offset: number;
  readonly pid: number;
  readonly semaphore: number;
  /** The place is not the function's own. */
  readonly instead?: NonNullable<Attached['instead']>;
}

function row(kind: string, atReturn: boolean): AttachKind {
  return {
    kind,
    progTypes: ['kprobe'],
    inTask: () => true,
    attach(prog, probe, host) {
      const place = placeOf(probe);
      const attached =
        multi(prog, probe, host, place, atReturn) ??
        pmu(prog, probe, host, place, atReturn) ??
        legacy(prog, probe, host, place, atReturn);
      return place.instead ? { ...attached, instead: place.instead } : attached;
    },
    many: (prog, probes, host) => multiLink(prog, probes, probes.map(placeIfAny), host, atReturn),
  };
}

/** `path:function`, `path:function+offset` or `path:+N`; a name without a slash is looked up as a library or a program. */
export function placeOf(probe: Probe): Place {
  const colon = probe.target.lastIndexOf(':');
  if (colon <= 0) throw new BpfError('EINVAL', `a ${probe.kind} is named path:function, not '${probe.target}'`);
  const pid = numberOption(probe, 'pid') ?? -1;
  const name = probe.target.slice(0, colon);
  const what = probe.target.slice(colon + 1);
  const path = findBinary(name, pid);
  const plus = what.indexOf('+');
  const symbol = plus < 0 ? what : what.slice(0, plus);
  const distance = plus < 0 ? 0 : Number(what.slice(plus + 1));
  if (!Number.isSafeInteger(distance))
    throw new BpfError('EINVAL', `'${what.slice(plus + 1)}' is no offset in ${probe.kind} '${probe.target}'`);
  const rest = { path, pid, semaphore: numberOption(probe, 'refCtrOffset') ?? 0 };
  const binary = binaryFile(path);
  const code = (offset: number): Uint8Array => binary.elf.bytes.subarray(offset, offset + BYTES_TO_LOOK_AT);
  const offset = distance + (symbol === '' ? 0 : binary.functionOffset(symbol));
  if (symbol !== '' && binary.isIndirect(symbol)) {
    const chosen = chosenImplementation(path, symbol);
    if (chosen !== undefined && !isMisread(code(chosen + distance))) return { ...rest, offset: chosen + distance };
    const why = `which runs once a process: '${symbol}' is an indirect function, and ${
      chosen === undefined
        ? 'what it stands for on this CPU is known only of libraries that skep has loaded itself'
        : `what it stands for on this CPU cannot be probed (${MISREAD})`
    }`;
    return { ...rest, offset, instead: { target: 'its resolver', why } };
  }
  if (isMisread(code(offset)))
    throw new Unsupported(`a ${probe.kind} at '${probe.target}'`, {
      backend: 'linux',
      hint: `${MISREAD}; probe a caller, or another instruction of it (path:function+N)`,
    });
  return { ...rest, offset };
}

function multi(prog: LinuxProg, probe: Probe, host: AttachHost, place: Place, atReturn: boolean): Attached | undefined {
  const many = multiLink(prog, [probe], [place], host, atReturn);
  if (!many) return undefined;
  const fd = many.open([0]);
  if (fd >= 0) return { how: many.how, fds: [fd] };
  if (fd === -ERRNO.ESRCH)
    throw new SysError('bpf(BPF_LINK_CREATE)', 'ESRCH', attaching(prog, probe), {
      hint: `there is no process ${place.pid}`,
    });
  return undefined;
}

/** Attached alone, what is no place says why, and what is another place than was asked for says so. */
function placeIfAny(probe: Probe): Place | undefined {
  try {
    const place = placeOf(probe);
    return place.instead ? undefined : place;
  } catch (error) {
    if (error instanceof BpfError) return undefined;
    throw error;
  }
}

/** Places of one file, in one process or in all. */
function multiLink(
  prog: LinuxProg,
  probes: readonly Probe[],
  places: readonly (Place | undefined)[],
  host: AttachHost,
  atReturn: boolean,
): ManyPlaces | undefined {
  const first = places.find((place) => place !== undefined);
  if (host.without?.has('uprobe_multi') || !first) return undefined;
  const { path, pid } = first;
  const apart = new Set<number>();
  places.forEach((place, i) => {
    // What stands for another place is told of, so it is attached alone.
    if (place?.path !== path || place.pid !== pid || place.instead) apart.add(i);
  });
  let progFd: number;
  try {
    progFd = host.progFd(prog, 'trace_uprobe_multi');
  } catch {
    return undefined;
  }
  return {
    how: 'uprobe_multi link',
    apart,
    open(which) {
      const mine = which.map((i) => places[i]!);
      const cookies = cookiesOf(which.map((i) => probes[i]!));
      return bpf('LINK_CREATE', {
        prog_fd: progFd,
        attach_type: UPROBE_MULTI.attachType,
        uprobe_multi_path: cText(path),
        uprobe_multi_offsets: BigUint64Array.from(mine, ({ offset }) => BigInt(offset)),
        uprobe_multi_cnt: mine.length,
        uprobe_multi_flags: atReturn ? UPROBE_MULTI.RETURN : 0,
        uprobe_multi_pid: pid > 0 ? pid : 0,
        ...(mine.some(({ semaphore }) => semaphore > 0) && {
          uprobe_multi_ref_ctr_offsets: BigUint64Array.from(mine, ({ semaphore }) => BigInt(semaphore)),
        }),
        ...(cookies && { uprobe_multi_cookies: cookies }),
      });
    },
  };
}

function pmu(prog: LinuxProg, probe: Probe, host: AttachHost, place: Place, atReturn: boolean): Attached | undefined {
  const type = pmuType('uprobe');
  if (type === undefined) return undefined;
  const config = (BigInt(place.semaphore) << REF_CTR_SHIFT) | (atReturn ? 1n << BigInt(retprobeBit('uprobe')) : 0n);
  const attr = { type, config, name: cText(place.path), offset: place.offset, disabled: true };
  // Of everybody: one CPU's event stands for all, the program runs wherever the breakpoint is met.
  const event = perfEventOpen(attr, place.pid > 0 ? place.pid : -1, place.pid > 0 ? -1 : 0);
  if (event < 0) throw refusal(prog, probe, place, event);
  return {
    how: 'perf event',
    fds: attachToEvent(event, host.progFd(prog), attaching(prog, probe), cookieOption(probe)),
  };
}

function legacy(prog: LinuxProg, probe: Probe, host: AttachHost, place: Place, atReturn: boolean): Attached {
  const root = tracefsRoot();
  const semaphore = place.semaphore > 0 ? `(0x${place.semaphore.toString(16)})` : '';
  const made =
    root === undefined
      ? -ERRNO.ENODEV
      : attachLegacy(root, 'uprobe_events', {
          entry: atReturn ? 'r' : 'p',
          place: `${place.path}:0x${place.offset.toString(16)}${semaphore}`,
        });
  if (typeof made === 'number') throw refusal(prog, probe, place, made);
  return {
    how: 'uprobe_events',
    fds: made.attach(host.progFd(prog), attaching(prog, probe), cookieOption(probe)),
    undo: made.undo,
  };
}

function refusal(prog: LinuxProg, probe: Probe, place: Place, errno: number): SysError {
  const hint =
    errno === -ERRNO.ESRCH
      ? { hint: `there is no process ${place.pid}` }
      : errno === -ERRNO.ENODEV
        ? { hint: 'the running kernel has no uprobes (CONFIG_UPROBES)' }
        : errno === -ERRNO.ENOTSUPP
          ? { hint: 'Linux puts no uprobe on the instruction that is there' }
          : perfHint(errno);
  return new SysError('perf_event_open', errnoName(errno), attaching(prog, probe), hint);
}
