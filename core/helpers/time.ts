/**
 * Clocks. Signatures: kernel/bpf/helpers.c; jiffies are CONFIG_HZ ticks since INITIAL_JIFFIES (include/linux/jiffies.h).
 */
import type { HelperRow } from './helper.ts';

export const TIME_HELPERS = [
  { id: 5, name: 'ktime_get_ns', args: [], ret: 'integer', since: '4.1', progTypes: ['all', 'lirc_mode2'] },
  { id: 118, name: 'jiffies64', args: [], ret: 'integer', since: '5.5', progTypes: 'all' },
  { id: 125, name: 'ktime_get_boot_ns', args: [], ret: 'integer', since: '5.8', progTypes: ['all', 'lirc_mode2'] },
  {
    id: 160,
    name: 'ktime_get_coarse_ns',
    args: [],
    ret: 'integer',
    since: '5.11',
    progTypes: [
      'lwt',
      'tc',
      'cgroup_skb',
      'cgroup_sock',
      'cgroup_sock_addr',
      'cgroup_sysctl',
      'flow_dissector',
      'sk_lookup',
      'sk_msg',
      'sk_reuseport',
      'sk_skb',
      'sock_ops',
      'socket_filter',
      'struct_ops',
      'xdp',
    ],
  },
  { id: 208, name: 'ktime_get_tai_ns', args: [], ret: 'integer', since: '6.1', progTypes: 'all' },
] as const satisfies readonly HelperRow[];
