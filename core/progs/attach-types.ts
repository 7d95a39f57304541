/**
 * Expected attach types (enum bpf_attach_type of Linux 6.18's include/uapi/linux/bpf.h): lower-case kernel names
 * without BPF_, in the order of their numbers.
 */
const NAMES = [
  'cgroup_inet_ingress',
  'cgroup_inet_egress',
  'cgroup_inet_sock_create',
  'cgroup_sock_ops',
  'sk_skb_stream_parser',
  'sk_skb_stream_verdict',
  'cgroup_device',
  'sk_msg_verdict',
  'cgroup_inet4_bind',
  'cgroup_inet6_bind',
  'cgroup_inet4_connect',
  'cgroup_inet6_connect',
  'cgroup_inet4_post_bind',
  'cgroup_inet6_post_bind',
  'cgroup_udp4_sendmsg',
  'cgroup_udp6_sendmsg',
  'lirc_mode2',
  'flow_dissector',
  'cgroup_sysctl',
  'cgroup_udp4_recvmsg',
  'cgroup_udp6_recvmsg',
  'cgroup_getsockopt',
  'cgroup_setsockopt',
  'trace_raw_tp',
  'trace_fentry',
  'trace_fexit',
  'modify_return',
  'lsm_mac',
  'trace_iter',
  'cgroup_inet4_getpeername',
  'cgroup_inet6_getpeername',
  'cgroup_inet4_getsockname',
  'cgroup_inet6_getsockname',
  'xdp_devmap',
  'cgroup_inet_sock_release',
  'xdp_cpumap',
  'sk_lookup',
  'xdp',
  'sk_skb_verdict',
  'sk_reuseport_select',
  'sk_reuseport_select_or_migrate',
  'perf_event',
  'trace_kprobe_multi',
  'lsm_cgroup',
  'struct_ops',
  'netfilter',
  'tcx_ingress',
  'tcx_egress',
  'trace_uprobe_multi',
  'cgroup_unix_connect',
  'cgroup_unix_sendmsg',
  'cgroup_unix_recvmsg',
  'cgroup_unix_getpeername',
  'cgroup_unix_getsockname',
  'netkit_primary',
  'netkit_peer',
  'trace_kprobe_session',
  'trace_uprobe_session',
] as const;
export type AttachTypeName = (typeof NAMES)[number];

/** The first attach type that came with a release; releases only append (include/uapi/linux/bpf.h of each). */
const FIRST_OF: readonly (readonly [AttachTypeName, string])[] = [
  ['cgroup_inet_ingress', '4.10'],
  ['cgroup_sock_ops', '4.13'],
  ['sk_skb_stream_parser', '4.14'],
  ['cgroup_device', '4.15'],
  ['sk_msg_verdict', '4.17'],
  ['cgroup_udp4_sendmsg', '4.18'],
  ['flow_dissector', '4.20'],
  ['cgroup_sysctl', '5.2'],
  ['cgroup_getsockopt', '5.3'],
  ['trace_raw_tp', '5.5'],
  ['modify_return', '5.7'],
  ['trace_iter', '5.8'],
  ['cgroup_inet_sock_release', '5.9'],
  ['sk_skb_verdict', '5.13'],
  ['sk_reuseport_select', '5.14'],
  ['perf_event', '5.15'],
  ['trace_kprobe_multi', '5.18'],
  ['lsm_cgroup', '6.0'],
  ['struct_ops', '6.4'],
  ['tcx_ingress', '6.6'],
  ['cgroup_unix_connect', '6.7'],
  ['trace_kprobe_session', '6.10'],
  ['trace_uprobe_session', '6.13'],
];

export interface AttachTypeRow {
  readonly id: number;
  readonly name: AttachTypeName;
  /** Release it came with. */
  readonly since: string;
}

export const ATTACH_TYPES: readonly AttachTypeRow[] = NAMES.map((name, id) => ({
  id,
  name,
  since: FIRST_OF.filter(([first]) => NAMES.indexOf(first) <= id).at(-1)![1],
}));

const byName: ReadonlyMap<string, AttachTypeRow> = new Map(ATTACH_TYPES.map((row) => [row.name, row]));

/** Row of a name, with or without `BPF_` and in either case. */
export function attachTypeByName(name: string): AttachTypeRow | undefined {
  const lower = name.toLowerCase();
  return byName.get(lower) ?? byName.get(lower.replace(/^bpf_/, ''));
}

export function attachTypeById(id: number): AttachTypeRow | undefined {
  return ATTACH_TYPES[id];
}
