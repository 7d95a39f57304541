/**
 * What this process may do, as /proc/self/status tells (proc(5), capabilities(7)), and what to say when the kernel refuses: the missing capability by
 * its name; or, where none is missing, who else can have said no.
 */
import { readlinkSync } from 'node:fs';
import { ERRNO } from '../../core/base/errno.ts';
import { textOf } from './machine.ts';

/** Bits of a capability set (include/uapi/linux/capability.h). */
export const CAPABILITIES = {
  NET_ADMIN: 12,
  NET_RAW: 13,
  IPC_LOCK: 14,
  SYS_ADMIN: 21,
  SYSLOG: 34,
  PERFMON: 38,
  BPF: 39,
} as const;
export type Capability = keyof typeof CAPABILITIES;

function ownStatus(field: string): string | undefined {
  return new RegExp(`^${field}:\\s*(\\S+)`, 'm').exec(textOf('/proc/self/status') ?? '')?.[1];
}

/** Does this process have it? CAP_SYS_ADMIN stands for the two that were cut out of it in Linux 5.8. */
export function has(capability: Capability): boolean {
  const set = BigInt(`0x${ownStatus('CapEff') ?? '0'}`);
  const bit = (name: Capability): boolean => ((set >> BigInt(CAPABILITIES[name])) & 1n) === 1n;
  return bit(capability) || ((capability === 'BPF' || capability === 'PERFMON') && bit('SYS_ADMIN'));
}

/** `CAP_BPF and CAP_PERFMON`: those of the needed ones that this process does not have; undefined when it has them all. */
export function missingCapabilities(needed: readonly Capability[]): string | undefined {
  const missing = needed.filter((capability) => !has(capability));
  return missing.length > 0 ? missing.map((capability) => `CAP_${capability}`).join(' and ') : undefined;
}

/** What loading asks besides CAP_BPF (is_perfmon_prog_type and is_net_admin_prog_type of kernel/bpf/syscall.c). */
const PERFMON_TYPES = new Set([
  'kprobe',
  'tracepoint',
  'perf_event',
  'raw_tracepoint',
  'raw_tracepoint_writable',
  'tracing',
  'lsm',
  'struct_ops',
]);
const PLAIN_TYPES = new Set(['socket_filter', 'cgroup_skb', 'sk_reuseport', 'syscall']);

/** Capabilities for loading a program of a type (a name of core/progs). */
export function neededToLoad(progType: string): readonly Capability[] {
  // It may stand for a function of any program.
  if (progType === 'ext') return ['BPF', 'PERFMON', 'NET_ADMIN'];
  if (PERFMON_TYPES.has(progType)) return ['BPF', 'PERFMON'];
  return PLAIN_TYPES.has(progType) ? ['BPF'] : ['BPF', 'NET_ADMIN'];
}

/** Does a filter look at this process's system calls? Containers have one that knows bpf(2) and perf_event_open(2). */
export function underSeccomp(): boolean {
  return ownStatus('Seccomp') === '2';
}

/** The map of a user namespace that is the machine's own: every id stands for itself (user_namespaces(7)). */
const EVERY_ID = /^\s*0\s+0\s+4294967295\s*$/;

/** Is this process in a user namespace, where capabilities count for nothing that is the whole machine's? */
function inUserNamespace(): boolean {
  const map = textOf('/proc/self/uid_map');
  return map !== undefined && !EVERY_ID.test(map);
}

/** Inode of the first pid namespace, the same on every machine (PROC_PID_INIT_INO of include/linux/proc_ns.h). */
const FIRST_PID_NAMESPACE = 'pid:[4026531836]';

/**
 * Why processes cannot be chosen by their numbers here; undefined where they can. Programs in the kernel know a process by its number outside of all pid
 * namespaces, which nothing inside of one can see.
 */
export function pidsAreForeign(): string | undefined {
  let namespace: string;
  try {
    namespace = readlinkSync('/proc/self/ns/pid');
  } catch {
    return undefined;
  }
  return namespace === FIRST_PID_NAMESPACE
    ? undefined
    : "skep runs in a pid namespace (a container), and the kernel's programs know processes by their numbers outside of it: start it with the machine's (docker run --pid=host), or trace everybody, without -p and --";
}

/** Why a call was refused, for people; undefined where rights have nothing to do with it. `config`: what a kernel without the call lacks. */
export function refusedBecause(errno: number, needed: readonly Capability[], config: string): string | undefined {
  if (errno === -ERRNO.ENOSYS)
    return underSeccomp()
      ? `a seccomp filter of this process refuses the call, or the kernel was built without ${config}`
      : `the kernel was built without ${config}`;
  if (errno !== -ERRNO.EPERM && errno !== -ERRNO.EACCES) return undefined;
  if (inUserNamespace())
    return `this process is in a user namespace (unshare -U, a rootless container), where capabilities do not count for the kernel itself: run outside, as root`;
  const missing = missingCapabilities(needed);
  if (missing !== undefined) return `it needs ${missing} (or root)`;
  return underSeccomp()
    ? 'no capability is missing: a seccomp filter of this process (containers have one) or a security module refuses it'
    : 'no capability is missing: lockdown or a security module refuses it';
}
