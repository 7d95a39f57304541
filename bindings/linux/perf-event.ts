/**
 * perf_event_open(2): the argument as bytes, and putting a BPF program on the event it gives.
 * https://man7.org/linux/man-pages/man2/perf_event_open.2.html (include/uapi/linux/perf_event.h)
 */
import { readFileSync } from 'node:fs';
import { ERRNO, errnoName } from '../../core/base/errno.ts';
import { SysError } from '../../core/base/errors.ts';
import { bpf, sys } from './bpf.ts';
import { refusedBecause } from './rights.ts';

/** PERF_TYPE_*. Dynamic PMUs have theirs in /sys/bus/event_source/devices/NAME/type. */
export const PERF_TYPE = { HARDWARE: 0, SOFTWARE: 1, TRACEPOINT: 2 } as const;
export const PERF_COUNT_SW_BPF_OUTPUT = 10;
export const SAMPLE_TIME = 1 << 2;
export const SAMPLE_RAW = 1 << 10;
export const FORMAT_LOST = 1 << 4;

/** Bits of the flags word, in the struct's order. */
const FLAG_BITS = { disabled: 0, inherit: 1, freq: 10, watermark: 14, use_clockid: 25 } as const;
const FD_CLOEXEC = 8;
const IOC = { ENABLE: 0x2400, DISABLE: 0x2401, SET_BPF: 0x40042408 } as const;
const ATTR_SIZE = 112;
const CLOCK_MONOTONIC = 1;
/** BPF_PERF_EVENT of enum bpf_attach_type. */
const ATTACH_PERF_EVENT = 41;

export interface PerfAttr {
  readonly type: number;
  readonly config?: number | bigint;
  readonly samplePeriod?: number;
  /** Samples a second, instead of a period. */
  readonly sampleFreq?: number;
  readonly sampleType?: number;
  readonly readFormat?: number;
  readonly wakeupEvents?: number;
  readonly inherit?: boolean;
  /** Times of samples on CLOCK_MONOTONIC. */
  readonly monotonic?: boolean;
  /** Stands until it is enabled. */
  readonly disabled?: boolean;
  /** Function or path of a kprobe or uprobe event, NUL-terminated, and the offset in it (or the address, without a name). */
  readonly name?: Uint8Array;
  readonly offset?: bigint | number;
}

/** Opens an event; a descriptor or -errno. `pid` -1 is everybody, `cpu` -1 wherever they run. */
export function perfEventOpen(attr: PerfAttr | Uint8Array, pid: number, cpu: number, groupFd = -1): number {
  if (attr instanceof Uint8Array) return sys().perfEventOpen(attr.slice(), pid, cpu, groupFd, FD_CLOEXEC);
  const bytes = new Uint8Array(ATTR_SIZE);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, attr.type, true);
  view.setUint32(4, ATTR_SIZE, true);
  view.setBigUint64(8, BigInt(attr.config ?? 0), true);
  view.setBigUint64(16, BigInt(attr.sampleFreq ?? attr.samplePeriod ?? 0), true);
  view.setBigUint64(24, BigInt(attr.sampleType ?? 0), true);
  view.setBigUint64(32, BigInt(attr.readFormat ?? 0), true);
  let flags = 0;
  if (attr.disabled) flags |= 1 << FLAG_BITS.disabled;
  if (attr.inherit) flags |= 1 << FLAG_BITS.inherit;
  if (attr.sampleFreq) flags |= 1 << FLAG_BITS.freq;
  if (attr.monotonic) flags |= 1 << FLAG_BITS.use_clockid;
  view.setUint32(40, flags, true);
  view.setUint32(48, attr.wakeupEvents ?? 0, true);
  view.setBigUint64(64, BigInt.asUintN(64, BigInt(attr.offset ?? 0)), true);
  if (attr.monotonic) view.setInt32(92, CLOCK_MONOTONIC, true);
  const pointers = attr.name ? [56, attr.name] : [];
  return sys().perfEventOpen(bytes, pid, cpu, groupFd, FD_CLOEXEC, pointers);
}

/** Number of a dynamic PMU ('kprobe', 'uprobe'), undefined where the kernel does not have it. */
export function pmuType(name: string): number | undefined {
  try {
    return Number(readFileSync(`/sys/bus/event_source/devices/${name}/type`, 'utf8'));
  } catch {
    return undefined;
  }
}

/** The config bit of a PMU's `retprobe`; 0 unless the machine says otherwise. */
export function retprobeBit(pmu: string): number {
  try {
    const text = readFileSync(`/sys/bus/event_source/devices/${pmu}/format/retprobe`, 'utf8');
    return Number(/config:(\d+)/.exec(text)?.[1] ?? 0);
  } catch {
    return 0;
  }
}

/**
 * Puts a program on an event and lets it run. By a link where there are links of perf events (5.15), with a cookie if one is given; else by
 * ioctl. Answers what to close, the event last. Takes the event over: on failure it is closed. Throws SysError.
 */
export function attachToEvent(event: number, progFd: number, doing: string, cookie?: bigint): number[] {
  const enable = (open: number[]): number[] => {
    const errno = sys().ioctl(event, IOC.ENABLE, 0);
    if (errno === 0) return open;
    closeAll(open);
    throw new SysError('ioctl(PERF_EVENT_IOC_ENABLE)', errnoName(errno), doing);
  };
  const link = bpf('LINK_CREATE', {
    prog_fd: progFd,
    target_fd: event,
    attach_type: ATTACH_PERF_EVENT,
    ...(cookie !== undefined && { bpf_cookie: cookie }),
  });
  if (link >= 0) return enable([link, event]);
  if (cookie !== undefined && cookie !== 0n) {
    sys().close(event);
    throw new SysError('bpf(BPF_LINK_CREATE)', errnoName(link), doing, { hint: 'cookies need Linux 5.15' });
  }
  const errno = sys().ioctl(event, IOC.SET_BPF, progFd);
  if (errno === 0) return enable([event]);
  sys().close(event);
  throw new SysError('ioctl(PERF_EVENT_IOC_SET_BPF)', errnoName(errno), doing);
}

export function enableEvent(event: number): number {
  return sys().ioctl(event, IOC.ENABLE, 0);
}

export function closeAll(fds: readonly number[]): void {
  for (const fd of fds) sys().close(fd);
}

/** What to tell about a refused event. */
export function perfHint(errno: number): { hint?: string } {
  const hint = refusedBecause(errno, ['PERFMON'], 'CONFIG_PERF_EVENTS');
  if (hint !== undefined) return { hint };
  if (errno === -ERRNO.ENOENT || errno === -ERRNO.EOPNOTSUPP) return { hint: 'this machine has no such event' };
  return {};
}
