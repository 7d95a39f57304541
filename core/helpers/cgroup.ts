/**
 * Control group hooks: sysctl values and return values. Signatures: kernel/bpf/cgroup.c.
 */
import type { HelperRow } from './helper.ts';

export const CGROUP_HELPERS = [
  {
    id: 101,
    name: 'sysctl_get_name',
    args: ['ctx', 'mem_write', 'const_size', 'anything'],
    ret: 'integer',
    since: '5.2',
    progTypes: ['cgroup_sysctl'],
  },
  {
    id: 102,
    name: 'sysctl_get_current_value',
    args: ['ctx', 'uninit_mem', 'const_size'],
    ret: 'integer',
    since: '5.2',
    progTypes: ['cgroup_sysctl'],
  },
  {
    id: 103,
    name: 'sysctl_get_new_value',
    args: ['ctx', 'uninit_mem', 'const_size'],
    ret: 'integer',
    since: '5.2',
    progTypes: ['cgroup_sysctl'],
  },
  {
    id: 104,
    name: 'sysctl_set_new_value',
    args: ['ctx', 'mem', 'const_size'],
    ret: 'integer',
    since: '5.2',
    progTypes: ['cgroup_sysctl'],
  },
  {
    id: 186,
    name: 'get_retval',
    args: [],
    ret: 'integer',
    since: '5.18',
    progTypes: [
      'cgroup_sock',
      'cgroup_sockopt',
      'cgroup_sock_addr:cgroup_inet4_bind',
      'cgroup_sock_addr:cgroup_inet6_bind',
      'cgroup_sock_addr:cgroup_inet4_connect',
      'cgroup_sock_addr:cgroup_inet6_connect',
      'cgroup_sock_addr:cgroup_unix_connect',
      'cgroup_sock_addr:cgroup_udp4_sendmsg',
      'cgroup_sock_addr:cgroup_udp6_sendmsg',
      'cgroup_sock_addr:cgroup_unix_sendmsg',
      'lsm:lsm_cgroup',
    ],
  },
  {
    id: 187,
    name: 'set_retval',
    args: ['anything'],
    ret: 'integer',
    since: '5.18',
    progTypes: [
      'cgroup_sock',
      'cgroup_sockopt',
      'cgroup_sock_addr:cgroup_inet4_bind',
      'cgroup_sock_addr:cgroup_inet6_bind',
      'cgroup_sock_addr:cgroup_inet4_connect',
      'cgroup_sock_addr:cgroup_inet6_connect',
      'cgroup_sock_addr:cgroup_unix_connect',
      'cgroup_sock_addr:cgroup_udp4_sendmsg',
      'cgroup_sock_addr:cgroup_udp6_sendmsg',
      'cgroup_sock_addr:cgroup_unix_sendmsg',
      'lsm:lsm_cgroup',
    ],
  },
] as const satisfies readonly HelperRow[];
