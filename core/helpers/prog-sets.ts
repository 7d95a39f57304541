/**
 * Named sets of program types, as the kernel's chains of *_func_proto functions make them (6.18: kernel/bpf/helpers.c,
 * kernel/trace/bpf_trace.c, net/core/filter.c): a type that falls back to bpf_base_func_proto has all that is in it.
 * Rows of the helper table name these sets beside single program types.
 */

/**
 * Everything that falls back to bpf_base_func_proto: all types but `ext` (has its target's helpers) and `lirc_mode2`.
 */
const ALL = [
  'socket_filter',
  'kprobe',
  'sched_cls',
  'sched_act',
  'tracepoint',
  'xdp',
  'perf_event',
  'cgroup_skb',
  'cgroup_sock',
  'lwt_in',
  'lwt_out',
  'lwt_xmit',
  'sock_ops',
  'sk_skb',
  'cgroup_device',
  'sk_msg',
  'raw_tracepoint',
  'cgroup_sock_addr',
  'lwt_seg6local',
  'sk_reuseport',
  'flow_dissector',
  'cgroup_sysctl',
  'raw_tracepoint_writable',
  'cgroup_sockopt',
  'tracing',
  'struct_ops',
  'lsm',
  'sk_lookup',
  'syscall',
  'netfilter',
] as const;

export const PROG_SETS = {
  all: ALL,
  all_tracing: [
    'kprobe',
    'tracepoint',
    'perf_event',
    'raw_tracepoint',
    'raw_tracepoint_writable',
    'tracing',
    'lsm',
    'syscall',
  ],
  /** bpf_sk_base_func_proto's callers that may look at sockets and send perf events. */
  socket: [
    'socket_filter',
    'sched_cls',
    'sched_act',
    'xdp',
    'cgroup_skb',
    'cgroup_sock_addr',
    'lwt_in',
    'lwt_out',
    'lwt_xmit',
    'lwt_seg6local',
    'sk_lookup',
    'sk_msg',
    'sk_skb',
    'sock_ops',
    'lsm',
    'syscall',
    'tracing',
  ],
  tc: ['sched_cls', 'sched_act'],
  lwt: ['lwt_in', 'lwt_out', 'lwt_xmit', 'lwt_seg6local'],
} as const satisfies Record<string, readonly string[]>;

/**
 * Program types (and `type:attach_type` pairs) that a row's `progTypes` names, sets expanded, each once. The bare word
 * 'tracing' is the set `all_tracing`; in a list it is the program type of that name.
 */
export function expandProgTypes(names: string | readonly string[]): readonly string[] {
  const out = new Set<string>();
  for (const name of typeof names === 'string' ? [names === 'tracing' ? 'all_tracing' : names] : names) {
    const set = (PROG_SETS as Record<string, readonly string[]>)[name];
    if (set) for (const type of set) out.add(type);
    else out.add(name);
  }
  return [...out];
}
