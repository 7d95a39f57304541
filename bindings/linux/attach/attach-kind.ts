/** A row of THE TABLE OF ATTACHMENTS (index.ts), and what an attachment may ask of the backend. */
import type { Probe } from '../../../core/backend/backend.ts';
import type { Btf } from '../../../core/btf/btf.ts';
import { sys } from '../bpf.ts';
import type { LinuxProg } from '../load.ts';
import { refusedBecause } from '../rights.ts';

/** Ways of the kernel to attach that another may stand for. */
export type AttachWay = 'kprobe' | 'fentry' | 'kprobe_multi' | 'uprobe_multi';

export interface AttachHost {
  readonly kernelBtf: Btf;
  readonly release: string;
  /** Ways that are taken for not there. */
  readonly without?: ReadonlySet<AttachWay> | undefined;
  /** Descriptor of the program to attach: the program itself, or behind the filter of a traced command. `attachType` loads it for another one. */
  progFd(prog: LinuxProg, attachType?: string): number;
  kernelFunctions(): Iterable<string>;
  ksymAddress(name: string): bigint | undefined;
  tracepoints(): Iterable<string>;
}

/** What is held while attached. Everything goes with its descriptors, also when this process is killed. */
export interface Attached {
  /** Which of the kernel's ways it was, for people: 'link', 'perf event', 'netlink', ... */
  readonly how: string;
  /** What it was attached to, where that is not what was asked for. */
  readonly instead?: { readonly target: string; readonly why: string };
  readonly fds: readonly number[];
  /** What closing the descriptors does not undo. Runs first. */
  undo?(): void;
  /** A descriptor to read from: packets of a socket, text of an iterator. */
  readonly readFd?: number;
}

export interface AttachKind {
  /** Probe.kind. */
  readonly kind: string;
  /** Program types that may be attached so; any if absent. */
  readonly progTypes?: readonly string[];
  /**
   * Does it fire in the task that it is about? Then the filter of a traced command goes in front of the program. Packets and timers come to
   * whoever happens to run.
   */
  inTask(target: string): boolean;
  /** Throws BpfError ENOENT with the nearest names, SysError, Unsupported. */
  attach(prog: LinuxProg, probe: Probe, host: AttachHost): Attached;
  /** Several places by one link; undefined where this kernel has none such, or they do not go together. */
  many?(prog: LinuxProg, probes: readonly Probe[], host: AttachHost): ManyPlaces | undefined;
}

export interface ManyPlaces {
  readonly how: string;
  /** Numbers of probes that such a link cannot have: they are attached one by one. */
  readonly apart: ReadonlySet<number>;
  /** Makes a link for some of the probes; a descriptor or -errno. */
  open(places: readonly number[]): number;
}

/** The cookies of some probes, undefined where none of them has one. */
export function cookiesOf(probes: readonly Probe[]): BigUint64Array | undefined {
  const cookies = probes.map(cookieOption);
  return cookies.every((cookie) => cookie === undefined)
    ? undefined
    : BigUint64Array.from(cookies, (cookie) => BigInt.asUintN(64, cookie ?? 0n));
}

/**
 * Kernel functions that run for whoever is current, by interrupt or by the scheduler, rather than for the task they serve: requests that disks
 * complete, the run queue, timers, packets that arrive. (block/blk-mq.c, kernel/sched/core.c, kernel/time, net/core/dev.c, net/ipv4/tcp_input.c)
 */
const FOR_ANYBODY =
  /^(_*blk_|bio_endio|nvme_|scsi_|finish_task_switch|__schedule|schedule|ttwu_|try_to_wake_up|wake_up_|activate_task|enqueue_|dequeue_|.*_timer_fn|.*hrtimer|(run|call)_timer|_*do_softirq|irq_|handle_irq|napi_|net_rx_action|_*netif_receive_skb|ip6?_(rcv|local_deliver)|tcp_(v[46]_(do_)?rcv|rcv_|ack|data_queue|reset|retransmit_|set_state|drop)|udp6?_rcv|kfree_skb|consume_skb|rcu_)/;

/** Does a kernel function run in the task that it is about? */
export const functionInTask = (target: string): boolean => !FOR_ANYBODY.test(target);

/** A C string. */
export function cText(text: string): Uint8Array {
  return Buffer.from(`${text}\0`);
}

/** What the user reads of an attachment that failed: "attaching PROGRAM to KIND TARGET". */
export function attaching(prog: LinuxProg, probe: Probe): string {
  return `attaching '${prog.spec.name}' to ${probe.kind} '${probe.target}'`;
}

export function closeFds(fds: readonly number[]): void {
  for (const fd of fds) sys().close(fd);
}

/** What to tell about a refused attachment to a device, a group or a namespace. */
export function netHint(errno: number): { hint?: string } {
  const hint = refusedBecause(errno, ['NET_ADMIN', 'BPF'], 'CONFIG_BPF_SYSCALL');
  return hint === undefined ? {} : { hint };
}

/** A number among a probe's options. */
export function numberOption(probe: Probe, name: string): number | undefined {
  const value = probe.options?.[name];
  return typeof value === 'number' || typeof value === 'bigint' ? Number(value) : undefined;
}

/** A probe's `cookie`, what bpf_get_attach_cookie() gives. */
export function cookieOption(probe: Probe): bigint | undefined {
  const value = probe.options?.['cookie'];
  return typeof value === 'number' || typeof value === 'bigint' ? BigInt(value) : undefined;
}
