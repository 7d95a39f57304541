/**
 * Kernel functions. What was asked for is tried first, then what else this kernel has for it (candidates.ts), and the link tells which it
 * became. Each name is tried by the kernel's ways: the perf PMU (4.17), a kprobe_multi link (5.18),
 * kprobe_events of tracefs (older kernels); and where no kprobe can be, by the function's trampoline (as-trampoline.ts). https://docs.kernel.org/trace/kprobetrace.html
 */
import type { Probe } from '../../../core/backend/backend.ts';
import { ERRNO, errnoName } from '../../../core/base/errno.ts';
import { BpfError, nearestNames, SysError, Unsupported } from '../../../core/base/errors.ts';
import { bpf, sys } from '../bpf.ts';
import { attachProblem } from '../features.ts';
import type { LinuxProg } from '../load.ts';
import { findInModules } from '../module-btf.ts';
import { attachToEvent, perfEventOpen, perfHint, pmuType, retprobeBit } from '../perf-event.ts';
import { tracefsRoot } from '../tracefs.ts';
import { asTrampoline, NotRewritable, type TracedFunction } from './as-trampoline.ts';
import {
  type Attached,
  type AttachHost,
  type AttachKind,
  attaching,
  cookieOption,
  cookiesOf,
  cText,
  functionInTask,
  type ManyPlaces,
  numberOption,
} from './attach-kind.ts';
import { candidates, firstThatGoes } from './candidates.ts';
import { attachLegacy } from './legacy.ts';
import { trampolineLink } from './tracing.ts';

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
    many: (prog, probes, host) => (host.without?.has('kprobe') ? undefined : multiLink(prog, probes, host, atReturn)),
  };
}

function attachFunction(prog: LinuxProg, probe: Probe, host: AttachHost, atReturn: boolean): Attached {
  const plus = probe.target.indexOf('+');
  const wanted: Place = {
    name: plus < 0 ? probe.target : probe.target.slice(0, plus),
    offset: (plus < 0 ? 0 : Number(probe.target.slice(plus + 1))) + (numberOption(probe, 'offset') ?? 0),
  };
  const refusals: string[] = [];
  const found = firstThatGoes(
    candidates(wanted.name, host),
    (name) => {
      const place = { ...wanted, name };
      const direct = attachPlace(prog, probe, host, place, atReturn);
      if (typeof direct !== 'number' || direct === -ERRNO.EPERM || direct === -ERRNO.EACCES) return direct;
      const reason = direct === UNAVAILABLE ? 'the running kernel has no kprobes' : 'no kprobe can be put there';
      const traced = attachTraced(prog, probe, host, place, atReturn);
      if (typeof traced !== 'string')
        return { ...traced, instead: { target: `${atReturn ? 'fexit' : 'fentry'} of ${name}`, why: reason } };
      refusals.push(traced);
      // Without kprobes another name is of use only where functions can be traced.
      return direct === UNAVAILABLE && noTrampolines(host) !== undefined ? NO_WAY : direct;
    },
    NO_WAY,
  );
  if (typeof found !== 'number') {
    const { candidate, done } = found;
    if (candidate.why === undefined) return done;
    return { ...done, instead: { target: done.instead?.target ?? candidate.name, why: candidate.why } };
  }
  if (found === UNAVAILABLE || found === NO_WAY)
    throw new Unsupported(attaching(prog, probe), {
      backend: 'linux',
      hint: `the running kernel has no kprobes (CONFIG_KPROBES), and in their place ${refusals[0]}; tracepoints, raw tracepoints and uprobes may do`,
    });
  throw failure(prog, probe, host, wanted.name, found, refusals[0]);
}

/** No kprobes here; nor anything in their place. */
const UNAVAILABLE = 1;
const NO_WAY = 2;

let trampolines: { readonly problem: string | undefined } | undefined;

/** Why no function can be traced by its trampoline, undefined where they can. Tried once. */
function noTrampolines(host: AttachHost): string | undefined {
  if (host.without?.has('fentry')) return 'not to be used';
  trampolines ??= { problem: attachProblem('fentry', host.kernelBtf) };
  return trampolines.problem;
}

/** By the function's trampoline, the program rewritten for that. Else why not, as what ends "in its place ...". */
function attachTraced(
  prog: LinuxProg,
  probe: Probe,
  host: AttachHost,
  place: Place,
  atReturn: boolean,
): Attached | string {
  const as = atReturn ? 'fexit' : 'fentry';
  if (place.offset !== 0) return `${as} has only whole functions`;
  const problem = noTrampolines(host);
  if (problem !== undefined) return `${as} is not there either (${problem})`;
  const target = tracedFunction(place.name, host);
  if (!target) return `${as} does not know '${place.name}': no BTF has it`;
  try {
    const rewritten = prog.other(`${as} of ${place.name}`, (input) =>
      asTrampoline(input, host.release, { ...target, atReturn }),
    );
    const link = trampolineLink(rewritten, probe, host);
    return typeof link === 'number' ? `${as} is refused (${errnoName(link)})` : link;
  } catch (error) {
    if (error instanceof NotRewritable) return `${as} cannot be: the program ${error.message}`;
    if (error instanceof BpfError) return `${as} cannot be: ${error.message}`;
    throw error;
  }
}

/** A function by its types, of the kernel or of a module. */
function tracedFunction(name: string, host: AttachHost): Omit<TracedFunction, 'atReturn'> | undefined {
  const id = host.kernelBtf.find(name, 'func');
  const found = id === undefined ? findInModules(name, 'func', host.kernelBtf) : { btf: host.kernelBtf, id };
  const func = found?.btf.type(found.id);
  const proto = func?.kind === 'func' ? found!.btf.type(func.type) : undefined;
  if (proto?.kind !== 'func_proto') return undefined;
  return { name, btf: found!.btf, proto, address: host.ksymAddress(name) };
}

/** An attachment, -errno, or UNAVAILABLE when no way at all exists here. */
function attachPlace(
  prog: LinuxProg,
  probe: Probe,
  host: AttachHost,
  place: Place,
  atReturn: boolean,
): Attached | number {
  if (host.without?.has('kprobe')) return UNAVAILABLE;
  const doing = attaching(prog, probe);
  const cookie = cookieOption(probe);
  const type = pmuType('kprobe');
  if (type !== undefined) {
    const config = atReturn ? 1 << retprobeBit('kprobe') : 0;
    const event = perfEventOpen({ type, config, name: cText(place.name), offset: place.offset, disabled: true }, -1, 0);
    if (event < 0) return event;
    return { how: 'perf event', fds: attachToEvent(event, host.progFd(prog), doing, cookie) };
  }
  const multi = place.offset === 0 ? attachMulti(prog, probe, host, place.name, atReturn) : -ERRNO.EOPNOTSUPP;
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
  probe: Probe,
  host: AttachHost,
  name: string,
  atReturn: boolean,
): Attached | number {
  const many = multiLink(prog, [{ ...probe, target: name }], host, atReturn);
  if (!many) return -ERRNO.EOPNOTSUPP;
  if (many.apart.size > 0) return -ERRNO.ENOENT;
  const fd = many.open([0]);
  return fd >= 0 ? { how: many.how, fds: [fd] } : fd;
}

/**
 * kprobe_multi: functions whole. One by its address; of several the kernel looks up the names, all in one walk, which we would have to index its two hundred
 * thousand symbols for.
 */
function multiLink(
  prog: LinuxProg,
  probes: readonly Probe[],
  host: AttachHost,
  atReturn: boolean,
): ManyPlaces | undefined {
  if (host.without?.has('kprobe_multi') || withoutMulti) return undefined;
  let progFd: number;
  try {
    progFd = host.progFd(prog, 'trace_kprobe_multi');
  } catch {
    return undefined;
  }
  const address = probes.length === 1 ? host.ksymAddress(probes[0]!.target) : undefined;
  const seen = new Set<string>();
  const apart = new Set<number>();
  probes.forEach((probe, i) => {
    const { target } = probe;
    const whole = (numberOption(probe, 'offset') ?? 0) === 0 && !target.includes('+');
    if (!whole || seen.has(target) || (probes.length === 1 && address === undefined)) apart.add(i);
    seen.add(target);
  });
  return {
    how: 'kprobe_multi link',
    apart,
    open(places) {
      const cookies = cookiesOf(places.map((place) => probes[place]!));
      const fd = bpf('LINK_CREATE', {
        prog_fd: progFd,
        attach_type: KPROBE_MULTI.attachType,
        kprobe_multi_flags: atReturn ? KPROBE_MULTI.RETURN : 0,
        kprobe_multi_cnt: places.length,
        ...(address === undefined
          ? { kprobe_multi_syms: stringTable(places.map((place) => probes[place]!.target)) }
          : { kprobe_multi_addrs: BigUint64Array.of(address) }),
        ...(cookies && { kprobe_multi_cookies: cookies }),
      });
      if (fd === -ERRNO.EOPNOTSUPP) withoutMulti = true;
      // One of the names is not there, which says nothing of the others.
      return fd === -ERRNO.ESRCH ? -ERRNO.ENOENT : fd;
    },
  };
}

/** An array of pointers to C strings, the strings behind it. */
function stringTable(texts: readonly string[]): Uint8Array {
  const strings = cText(texts.join('\0'));
  const table = new Uint8Array(8 * texts.length + strings.length);
  table.set(strings, 8 * texts.length);
  const view = new DataView(table.buffer);
  let at = sys().addressOf(table) + BigInt(8 * texts.length);
  texts.forEach((text, i) => {
    view.setBigUint64(8 * i, at, true);
    at += BigInt(text.length + 1);
  });
  return table;
}

/** This kernel has said that it has no such links (CONFIG_FPROBE). */
let withoutMulti = false;

function failure(
  prog: LinuxProg,
  probe: Probe,
  host: AttachHost,
  name: string,
  errno: number,
  other: string | undefined,
): Error {
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
      ? {
          hint: `the function cannot be probed (notrace, or inlined where it matters)${other === undefined ? '' : `, and in its place ${other}`}`,
        }
      : perfHint(errno);
  return new SysError('perf_event_open', errnoName(errno), doing, hint);
}
