/**
 * THE PROGRAM-TYPE TABLE: the program types of Linux 6.18 (enum bpf_prog_type), with the sections that name them in ELF
 * objects (libbpf's section table), the ctx each sees, and what it may return (check_return_code in
 * kernel/bpf/verifier.c). Which helpers a type has is decided by the helper table alone; `helpersFor` asks it.
 */
import { nearestNames } from '../base/errors.ts';
import type { HelperRow } from '../helpers/helper.ts';
import { HELPERS, mayCall, notAvailable } from '../helpers/index.ts';
import { attachTypeByName } from './attach-types.ts';
import { SKB_CGROUP, SKB_FLOW_DISSECTOR, SKB_LWT, SKB_SK_SKB, SKB_SOCKET_FILTER, SKB_TC } from './ctx-skb.ts';
import {
  BPF_CGROUP_DEV_CTX,
  BPF_SK_LOOKUP,
  BPF_SOCK,
  BPF_SOCK_ADDR,
  BPF_SOCK_OPS,
  BPF_SOCKOPT,
  BPF_SYSCTL,
  SK_MSG_MD,
  SK_REUSEPORT_MD,
} from './ctx-sock.ts';
import {
  BTF_ARGS_CTX,
  LIRC_CTX,
  NETFILTER_CTX,
  PERF_EVENT_CTX,
  PT_REGS_CTX,
  RAW_TRACEPOINT_CTX,
  RAW_TRACEPOINT_WRITABLE_CTX,
  SYSCALL_CTX,
  TRACEPOINT_CTX,
  XDP_MD,
} from './ctx-trace.ts';
import type { ProgTypeRow, ReturnRange, SectionPrefix } from './prog-type.ts';

export const PROG_TYPES: readonly ProgTypeRow[] = [
  {
    id: 1,
    name: 'socket_filter',
    since: '3.19',
    sections: [{ prefix: 'socket' }],
    ctx: SKB_SOCKET_FILTER,
    ctxType: '__sk_buff',
    returns: 'any',
  },
  {
    id: 2,
    name: 'kprobe',
    since: '4.1',
    sections: [
      { prefix: 'kprobe', target: true },
      { prefix: 'uprobe', target: true },
      { prefix: 'uprobe.s', target: true, sleepable: true },
      { prefix: 'kretprobe', target: true },
      { prefix: 'uretprobe', target: true },
      { prefix: 'uretprobe.s', target: true, sleepable: true },
      { prefix: 'kprobe.multi', target: true, attachType: 'trace_kprobe_multi' },
      { prefix: 'kretprobe.multi', target: true, attachType: 'trace_kprobe_multi' },
      { prefix: 'kprobe.session', target: true, attachType: 'trace_kprobe_session' },
      { prefix: 'uprobe.multi', target: true, attachType: 'trace_uprobe_multi' },
      { prefix: 'uretprobe.multi', target: true, attachType: 'trace_uprobe_multi' },
      { prefix: 'uprobe.session', target: true, attachType: 'trace_uprobe_session' },
      { prefix: 'uprobe.multi.s', target: true, attachType: 'trace_uprobe_multi', sleepable: true },
      { prefix: 'uretprobe.multi.s', target: true, attachType: 'trace_uprobe_multi', sleepable: true },
      { prefix: 'uprobe.session.s', target: true, attachType: 'trace_uprobe_session', sleepable: true },
      { prefix: 'ksyscall', target: true },
      { prefix: 'kretsyscall', target: true },
      { prefix: 'usdt', target: true },
      { prefix: 'usdt.s', target: true, sleepable: true },
    ],
    ctx: PT_REGS_CTX,
    ctxType: 'bpf_user_pt_regs_t',
    returns: 'any',
    returnsFor: { trace_kprobe_session: [0, 1], trace_uprobe_session: [0, 1] },
  },
  {
    id: 3,
    name: 'sched_cls',
    since: '4.1',
    sections: [
      { prefix: 'tc/ingress', attachType: 'tcx_ingress' },
      { prefix: 'tc/egress', attachType: 'tcx_egress' },
      { prefix: 'tcx/ingress', attachType: 'tcx_ingress' },
      { prefix: 'tcx/egress', attachType: 'tcx_egress' },
      { prefix: 'tc' },
      { prefix: 'classifier' },
      { prefix: 'netkit/primary', attachType: 'netkit_primary' },
      { prefix: 'netkit/peer', attachType: 'netkit_peer' },
    ],
    ctx: SKB_TC,
    ctxType: '__sk_buff',
    returns: 'any',
  },
  {
    id: 4,
    name: 'sched_act',
    since: '4.1',
    sections: [{ prefix: 'action' }],
    ctx: SKB_TC,
    ctxType: '__sk_buff',
    returns: 'any',
  },
  {
    id: 5,
    name: 'tracepoint',
    since: '4.7',
    sections: [
      { prefix: 'tracepoint', target: true },
      { prefix: 'tp', target: true },
      { prefix: 'tracepoint.s', target: true, sleepable: true },
      { prefix: 'tp.s', target: true, sleepable: true },
    ],
    ctx: TRACEPOINT_CTX,
    ctxType: 'void',
    returns: 'any',
  },
  {
    id: 6,
    name: 'xdp',
    since: '4.8',
    sections: [
      { prefix: 'xdp.frags/devmap', attachType: 'xdp_devmap' },
      { prefix: 'xdp/devmap', attachType: 'xdp_devmap' },
      { prefix: 'xdp.frags/cpumap', attachType: 'xdp_cpumap' },
      { prefix: 'xdp/cpumap', attachType: 'xdp_cpumap' },
      { prefix: 'xdp.frags', attachType: 'xdp' },
      { prefix: 'xdp', attachType: 'xdp' },
    ],
    ctx: XDP_MD,
    ctxType: 'xdp_md',
    returns: 'any',
  },
  {
    id: 7,
    name: 'perf_event',
    since: '4.9',
    sections: [{ prefix: 'perf_event' }],
    ctx: PERF_EVENT_CTX,
    ctxType: 'bpf_perf_event_data',
    returns: 'any',
  },
  {
    id: 8,
    name: 'cgroup_skb',
    since: '4.10',
    sections: [
      { prefix: 'cgroup_skb/ingress', attachType: 'cgroup_inet_ingress' },
      { prefix: 'cgroup_skb/egress', attachType: 'cgroup_inet_egress' },
      { prefix: 'cgroup/skb' },
    ],
    ctx: SKB_CGROUP,
    ctxType: '__sk_buff',
    returns: [0, 1],
    returnsFor: { cgroup_inet_egress: [0, 3] },
    attachTypes: ['cgroup_inet_ingress', 'cgroup_inet_egress'],
  },
  {
    id: 9,
    name: 'cgroup_sock',
    since: '4.10',
    sections: [
      { prefix: 'cgroup/sock_create', attachType: 'cgroup_inet_sock_create' },
      { prefix: 'cgroup/sock_release', attachType: 'cgroup_inet_sock_release' },
      { prefix: 'cgroup/sock', attachType: 'cgroup_inet_sock_create' },
      { prefix: 'cgroup/post_bind4', attachType: 'cgroup_inet4_post_bind' },
      { prefix: 'cgroup/post_bind6', attachType: 'cgroup_inet6_post_bind' },
    ],
    ctx: BPF_SOCK,
    ctxType: 'bpf_sock',
    returns: [0, 1],
    attachTypes: [
      'cgroup_inet_sock_create',
      'cgroup_inet_sock_release',
      'cgroup_inet4_post_bind',
      'cgroup_inet6_post_bind',
    ],
  },
  {
    id: 10,
    name: 'lwt_in',
    since: '4.10',
    sections: [{ prefix: 'lwt_in' }],
    ctx: SKB_LWT,
    ctxType: '__sk_buff',
    returns: 'any',
  },
  {
    id: 11,
    name: 'lwt_out',
    since: '4.10',
    sections: [{ prefix: 'lwt_out' }],
    ctx: SKB_LWT,
    ctxType: '__sk_buff',
    returns: 'any',
  },
  {
    id: 12,
    name: 'lwt_xmit',
    since: '4.10',
    sections: [{ prefix: 'lwt_xmit' }],
    ctx: SKB_LWT,
    ctxType: '__sk_buff',
    returns: 'any',
  },
  {
    id: 13,
    name: 'sock_ops',
    since: '4.13',
    sections: [{ prefix: 'sockops', attachType: 'cgroup_sock_ops' }],
    ctx: BPF_SOCK_OPS,
    ctxType: 'bpf_sock_ops',
    returns: [0, 1],
  },
  {
    id: 14,
    name: 'sk_skb',
    since: '4.14',
    sections: [
      { prefix: 'sk_skb/stream_parser', attachType: 'sk_skb_stream_parser' },
      { prefix: 'sk_skb/stream_verdict', attachType: 'sk_skb_stream_verdict' },
      { prefix: 'sk_skb/verdict', attachType: 'sk_skb_verdict' },
      { prefix: 'sk_skb' },
    ],
    ctx: SKB_SK_SKB,
    ctxType: '__sk_buff',
    returns: 'any',
  },
  {
    id: 15,
    name: 'cgroup_device',
    since: '4.15',
    sections: [{ prefix: 'cgroup/dev', attachType: 'cgroup_device' }],
    ctx: BPF_CGROUP_DEV_CTX,
    ctxType: 'bpf_cgroup_dev_ctx',
    returns: [0, 1],
  },
  {
    id: 16,
    name: 'sk_msg',
    since: '4.17',
    sections: [{ prefix: 'sk_msg', attachType: 'sk_msg_verdict' }],
    ctx: SK_MSG_MD,
    ctxType: 'sk_msg_md',
    returns: 'any',
  },
  {
    id: 17,
    name: 'raw_tracepoint',
    since: '4.17',
    sections: [
      { prefix: 'raw_tracepoint', target: true },
      { prefix: 'raw_tp', target: true },
      { prefix: 'raw_tracepoint.s', target: true, sleepable: true },
      { prefix: 'raw_tp.s', target: true, sleepable: true },
    ],
    ctx: RAW_TRACEPOINT_CTX,
    ctxType: 'bpf_raw_tracepoint_args',
    returns: 'any',
  },
  {
    id: 18,
    name: 'cgroup_sock_addr',
    since: '4.17',
    sections: [
      { prefix: 'cgroup/bind4', attachType: 'cgroup_inet4_bind' },
      { prefix: 'cgroup/bind6', attachType: 'cgroup_inet6_bind' },
      { prefix: 'cgroup/connect4', attachType: 'cgroup_inet4_connect' },
      { prefix: 'cgroup/connect6', attachType: 'cgroup_inet6_connect' },
      { prefix: 'cgroup/connect_unix', attachType: 'cgroup_unix_connect' },
      { prefix: 'cgroup/sendmsg4', attachType: 'cgroup_udp4_sendmsg' },
      { prefix: 'cgroup/sendmsg6', attachType: 'cgroup_udp6_sendmsg' },
      { prefix: 'cgroup/sendmsg_unix', attachType: 'cgroup_unix_sendmsg' },
      { prefix: 'cgroup/recvmsg4', attachType: 'cgroup_udp4_recvmsg' },
      { prefix: 'cgroup/recvmsg6', attachType: 'cgroup_udp6_recvmsg' },
      { prefix: 'cgroup/recvmsg_unix', attachType: 'cgroup_unix_recvmsg' },
      { prefix: 'cgroup/getpeername4', attachType: 'cgroup_inet4_getpeername' },
      { prefix: 'cgroup/getpeername6', attachType: 'cgroup_inet6_getpeername' },
      { prefix: 'cgroup/getpeername_unix', attachType: 'cgroup_unix_getpeername' },
      { prefix: 'cgroup/getsockname4', attachType: 'cgroup_inet4_getsockname' },
      { prefix: 'cgroup/getsockname6', attachType: 'cgroup_inet6_getsockname' },
      { prefix: 'cgroup/getsockname_unix', attachType: 'cgroup_unix_getsockname' },
    ],
    ctx: BPF_SOCK_ADDR,
    ctxType: 'bpf_sock_addr',
    returns: [0, 1],
    returnsFor: {
      cgroup_inet4_getpeername: [1, 1],
      cgroup_inet6_getpeername: [1, 1],
      cgroup_unix_getpeername: [1, 1],
      cgroup_inet4_getsockname: [1, 1],
      cgroup_inet6_getsockname: [1, 1],
      cgroup_unix_getsockname: [1, 1],
      cgroup_udp4_recvmsg: [1, 1],
      cgroup_udp6_recvmsg: [1, 1],
      cgroup_unix_recvmsg: [1, 1],
      cgroup_inet4_bind: [0, 3],
      cgroup_inet6_bind: [0, 3],
    },
    attachTypes: [
      'cgroup_inet4_bind',
      'cgroup_inet6_bind',
      'cgroup_inet4_connect',
      'cgroup_inet6_connect',
      'cgroup_unix_connect',
      'cgroup_inet4_getpeername',
      'cgroup_inet6_getpeername',
      'cgroup_unix_getpeername',
      'cgroup_inet4_getsockname',
      'cgroup_inet6_getsockname',
      'cgroup_unix_getsockname',
      'cgroup_udp4_sendmsg',
      'cgroup_udp6_sendmsg',
      'cgroup_unix_sendmsg',
      'cgroup_udp4_recvmsg',
      'cgroup_udp6_recvmsg',
      'cgroup_unix_recvmsg',
    ],
  },
  {
    id: 19,
    name: 'lwt_seg6local',
    since: '4.18',
    sections: [{ prefix: 'lwt_seg6local' }],
    ctx: SKB_LWT,
    ctxType: '__sk_buff',
    returns: 'any',
  },
  {
    id: 20,
    name: 'lirc_mode2',
    since: '4.18',
    sections: [{ prefix: 'lirc_mode2', attachType: 'lirc_mode2' }],
    ctx: LIRC_CTX,
    ctxType: 'unsigned int',
    returns: 'any',
  },
  {
    id: 21,
    name: 'sk_reuseport',
    since: '4.19',
    sections: [
      { prefix: 'sk_reuseport/migrate', attachType: 'sk_reuseport_select_or_migrate' },
      { prefix: 'sk_reuseport', attachType: 'sk_reuseport_select' },
    ],
    ctx: SK_REUSEPORT_MD,
    ctxType: 'sk_reuseport_md',
    returns: 'any',
    attachTypes: ['sk_reuseport_select', 'sk_reuseport_select_or_migrate'],
  },
  {
    id: 22,
    name: 'flow_dissector',
    since: '4.20',
    sections: [{ prefix: 'flow_dissector', attachType: 'flow_dissector' }],
    ctx: SKB_FLOW_DISSECTOR,
    ctxType: '__sk_buff',
    returns: 'any',
  },
  {
    id: 23,
    name: 'cgroup_sysctl',
    since: '5.2',
    sections: [{ prefix: 'cgroup/sysctl', attachType: 'cgroup_sysctl' }],
    ctx: BPF_SYSCTL,
    ctxType: 'bpf_sysctl',
    returns: [0, 1],
  },
  {
    id: 24,
    name: 'raw_tracepoint_writable',
    since: '5.2',
    sections: [
      { prefix: 'raw_tracepoint.w', target: true },
      { prefix: 'raw_tp.w', target: true },
    ],
    ctx: RAW_TRACEPOINT_WRITABLE_CTX,
    ctxType: 'bpf_raw_tracepoint_args',
    returns: 'any',
  },
  {
    id: 25,
    name: 'cgroup_sockopt',
    since: '5.3',
    sections: [
      { prefix: 'cgroup/getsockopt', attachType: 'cgroup_getsockopt' },
      { prefix: 'cgroup/setsockopt', attachType: 'cgroup_setsockopt' },
    ],
    ctx: BPF_SOCKOPT,
    ctxType: 'bpf_sockopt',
    returns: [0, 1],
    attachTypes: ['cgroup_getsockopt', 'cgroup_setsockopt'],
  },
  {
    id: 26,
    name: 'tracing',
    since: '5.5',
    sections: [
      { prefix: 'tp_btf', target: true, attachType: 'trace_raw_tp' },
      { prefix: 'tp_btf.s', target: true, attachType: 'trace_raw_tp', sleepable: true },
      { prefix: 'fentry', target: true, attachType: 'trace_fentry' },
      { prefix: 'fmod_ret', target: true, attachType: 'modify_return' },
      { prefix: 'fexit', target: true, attachType: 'trace_fexit' },
      { prefix: 'fentry.s', target: true, attachType: 'trace_fentry', sleepable: true },
      { prefix: 'fmod_ret.s', target: true, attachType: 'modify_return', sleepable: true },
      { prefix: 'fexit.s', target: true, attachType: 'trace_fexit', sleepable: true },
      { prefix: 'iter', target: true, attachType: 'trace_iter' },
      { prefix: 'iter.s', target: true, attachType: 'trace_iter', sleepable: true },
    ],
    ctx: BTF_ARGS_CTX,
    ctxType: 'void',
    returns: 'any',
    returnsFor: { trace_fentry: [0, 0], trace_fexit: [0, 0], trace_iter: [0, 1] },
    attachTypes: ['trace_raw_tp', 'trace_fentry', 'trace_fexit', 'modify_return', 'trace_iter'],
  },
  {
    id: 27,
    name: 'struct_ops',
    since: '5.6',
    sections: [
      { prefix: 'struct_ops', target: true },
      { prefix: 'struct_ops.s', target: true, sleepable: true },
    ],
    ctx: BTF_ARGS_CTX,
    ctxType: 'void',
    returns: 'any',
  },
  {
    id: 28,
    name: 'ext',
    since: '5.6',
    sections: [{ prefix: 'freplace', target: true }],
    ctx: BTF_ARGS_CTX,
    ctxType: 'void',
    returns: 'any',
  },
  {
    id: 29,
    name: 'lsm',
    since: '5.7',
    sections: [
      { prefix: 'lsm', target: true, attachType: 'lsm_mac' },
      { prefix: 'lsm.s', target: true, attachType: 'lsm_mac', sleepable: true },
      { prefix: 'lsm_cgroup', target: true, attachType: 'lsm_cgroup' },
    ],
    ctx: BTF_ARGS_CTX,
    ctxType: 'void',
    returns: 'any',
    returnsFor: { lsm_cgroup: [0, 1] },
    attachTypes: ['lsm_mac', 'lsm_cgroup'],
  },
  {
    id: 30,
    name: 'sk_lookup',
    since: '5.9',
    sections: [{ prefix: 'sk_lookup', attachType: 'sk_lookup' }],
    ctx: BPF_SK_LOOKUP,
    ctxType: 'bpf_sk_lookup',
    returns: [0, 1],
    attachTypes: ['sk_lookup'],
  },
  {
    id: 31,
    name: 'syscall',
    since: '5.14',
    sections: [{ prefix: 'syscall', sleepable: true }],
    ctx: SYSCALL_CTX,
    ctxType: 'void',
    returns: 'any',
    // Number 0: none.
    attachTypes: ['cgroup_inet_ingress'],
  },
  {
    id: 32,
    name: 'netfilter',
    since: '6.4',
    sections: [{ prefix: 'netfilter', attachType: 'netfilter' }],
    ctx: NETFILTER_CTX,
    ctxType: 'bpf_nf_ctx',
    returns: [0, 1],
    attachTypes: ['netfilter'],
  },
] as const satisfies readonly ProgTypeRow[];

const byName: ReadonlyMap<string, ProgTypeRow> = new Map(PROG_TYPES.map((row) => [row.name, row]));

/** Row of a lower-case kernel name ('kprobe'), with or without BPF_PROG_TYPE_. */
export function progTypeByName(name: string): ProgTypeRow | undefined {
  return byName.get(name) ?? byName.get(name.toLowerCase().replace(/^bpf_prog_type_/, ''));
}

/** Row of a BPF_PROG_TYPE_* number. */
export function progTypeById(id: number): ProgTypeRow | undefined {
  return PROG_TYPES[id - 1];
}

/** Names like `name`, best first: for "no such program type". */
export function nearestProgTypes(name: string): string[] {
  return nearestNames(name, byName.keys());
}

export interface SectionMatch {
  readonly row: ProgTypeRow;
  readonly section: SectionPrefix;
  /** What follows the prefix and a slash ('tcp_v4_connect' of `kprobe/tcp_v4_connect`), or ''. */
  readonly target: string;
}

const prefixes: readonly { readonly row: ProgTypeRow; readonly section: SectionPrefix }[] = PROG_TYPES.flatMap((row) =>
  row.sections.map((section) => ({ row, section })),
).sort((a, b) => b.section.prefix.length - a.section.prefix.length);

/**
 * What an ELF section name says, by libbpf's rules: the longest prefix that is the whole name, or is followed by a
 * slash. A leading `?` (do not load by itself) is skipped.
 */
export function progTypeOfSection(name: string): SectionMatch | undefined {
  const plain = name.startsWith('?') ? name.slice(1) : name;
  for (const { row, section } of prefixes) {
    if (plain === section.prefix) return { row, section, target: '' };
    if (plain.startsWith(`${section.prefix}/`)) return { row, section, target: plain.slice(section.prefix.length + 1) };
  }
  return undefined;
}

/** What r0 may be at exit of a program of this type and expected attach type. */
export function returnRange(row: ProgTypeRow, attachType?: string): ReturnRange {
  const name = attachType === undefined ? undefined : attachTypeByName(attachType)?.name;
  return (name !== undefined && row.returnsFor?.[name]) || row.returns;
}

const helperSets = new Map<string, readonly HelperRow[]>();

/** The helpers a program of this type may call, by id (6.18's rules; `ext` programs have their target's). */
export function helpersFor(progType: string): readonly HelperRow[] {
  let rows = helperSets.get(progType);
  if (!rows) {
    rows = HELPERS.filter((row) => mayCall(row, progType));
    helperSets.set(progType, rows);
  }
  return rows;
}

/**
 * Why a program of this type may not call the helper (one sentence that names the types that may), or undefined when it
 * may.
 */
export function whyNotCallable(row: HelperRow, progType: string, attachType?: string): string | undefined {
  return mayCall(row, progType, attachType) ? undefined : notAvailable(row, progType);
}
