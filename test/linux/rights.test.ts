/** What loading a program asks: is_perfmon_prog_type and is_net_admin_prog_type of kernel/bpf/syscall.c. */
import { describe, expect, it } from 'vitest';
import { neededToLoad } from '../../bindings/linux/rights.ts';

describe('capabilities for loading', () => {
  it.each([
    [['socket_filter', 'cgroup_skb', 'sk_reuseport', 'syscall'], ['BPF']],
    [
      ['kprobe', 'tracepoint', 'perf_event', 'raw_tracepoint', 'tracing', 'lsm', 'struct_ops'],
      ['BPF', 'PERFMON'],
    ],
    [
      ['xdp', 'sched_cls', 'cgroup_sock', 'sock_ops', 'sk_msg', 'netfilter'],
      ['BPF', 'NET_ADMIN'],
    ],
    [['ext'], ['BPF', 'PERFMON', 'NET_ADMIN']],
  ] as const)('%j: %j', (types, needed) => {
    for (const type of types) expect([type, neededToLoad(type)]).toEqual([type, needed]);
  });
});
