/**
 * Sockets: finding, holding, casting, options, cookies. Signatures: net/core/filter.c, net/core/sock_map.c.
 */
import { Unsupported } from '../base/errors.ts';
import type { HelperEnv, HelperRow, RegFile } from './helper.ts';
import { isNull, returnHalves, returnNumber } from './registers.ts';
import { WITHOUT } from './skb-header.ts';

/** Types with bpf_setsockopt and bpf_getsockopt. */
const SETS_OPTIONS = [
  'cgroup_sock_addr',
  'cgroup_sockopt:cgroup_setsockopt',
  'sock_ops',
  'struct_ops',
  'lsm:lsm_cgroup',
  'tracing:trace_iter',
] as const;
/** Cookie of the first network namespace (net_cookie of net/core/net_namespace.c). */
const INIT_NET_COOKIE = 1;
const AF = { unix: 1, inet: 2, inet6: 10 } as const;
const IPPROTO = { tcp: 6, udp: 17, mptcp: 262 } as const;
const SOCK = { stream: 1, dgram: 2 } as const;
/** TCP_TIME_WAIT, TCP_NEW_SYN_RECV: such a sock_common is no whole struct sock. */
const SMALL: readonly number[] = [6, 12];

/** 0 for a packet without a socket, and for NULL. */
function socketCookie(env: HelperEnv, r: RegFile) {
  if (env.packet || isNull(r, 1)) return returnNumber(r, 0);
  if (!env.socketFacts) throw new Unsupported('helper `get_socket_cookie` without sockets');
  returnHalves(r, ...(env.socketFacts(r[2]!, r[3]!)?.cookie ?? [0, 0]));
}

function netnsCookie(_env: HelperEnv, r: RegFile) {
  returnNumber(r, INIT_NET_COOKIE);
}

/** What each cast asks of a socket (net/core/filter.c, bpf_skc_to_*). The model has no request, timewait and MPTCP sockets: those are NULL. */
const CASTS: Readonly<Record<string, (s: NonNullable<ReturnType<NonNullable<HelperEnv['socketFacts']>>>) => boolean>> =
  {
    tcp_sock: (s) => s.protocol === IPPROTO.tcp && !SMALL.includes(s.state),
    tcp6_sock: (s) => s.protocol === IPPROTO.tcp && s.family === AF.inet6 && !SMALL.includes(s.state),
    udp6_sock: (s) => s.protocol === IPPROTO.udp && s.type === SOCK.dgram && s.family === AF.inet6,
    unix_sock: (s) => s.family === AF.unix,
    tcp_timewait_sock: (s) => s.state === SMALL[0],
    tcp_request_sock: (s) => s.state === SMALL[1],
    mptcp_sock: (s) => s.protocol === IPPROTO.mptcp,
  };

/** The same pointer, or NULL when the socket is of another kind. */
function castTo(kind: string) {
  return (env: HelperEnv, r: RegFile) => {
    if (!env.socketFacts) throw new Unsupported(`helper \`skc_to_${kind}\` without sockets`);
    const facts = isNull(r, 1) ? undefined : env.socketFacts(r[2]!, r[3]!);
    if (facts && CASTS[kind]!(facts)) returnHalves(r, r[2]!, r[3]!);
    else returnNumber(r, 0);
  };
}

export const SOCKET_HELPERS = [
  {
    id: 46,
    name: 'get_socket_cookie',
    args: ['ctx'],
    ret: 'integer',
    since: '4.12',
    mayBeNothing: { since: '6.4', args: [1] },
    progTypes: [
      'tc',
      'cgroup_skb',
      'cgroup_sock',
      'cgroup_sock_addr',
      'lsm',
      'sk_reuseport',
      'sk_skb',
      'sock_ops',
      'socket_filter',
      'syscall',
      'tracing',
    ],
    variants: [{ progTypes: ['lsm', 'sk_reuseport', 'syscall', 'tracing'], args: ['btf_id_sock_common_or_null'] }],
    run: socketCookie,
  },
  {
    id: 47,
    name: 'get_socket_uid',
    args: ['ctx'],
    ret: 'integer',
    since: '4.12',
    progTypes: ['tc', 'cgroup_skb', 'sk_skb', 'socket_filter'],
    run: WITHOUT.socketUid,
  },
  {
    id: 49,
    name: 'setsockopt',
    args: ['btf_id_sock_common', 'anything', 'anything', 'mem', 'const_size'],
    ret: 'integer',
    since: '4.13',
    progTypes: SETS_OPTIONS,
    variants: [
      { progTypes: ['cgroup_sock_addr', 'sock_ops'], args: ['ctx', 'anything', 'anything', 'mem', 'const_size'] },
    ],
  },
  {
    id: 57,
    name: 'getsockopt',
    args: ['btf_id_sock_common', 'anything', 'anything', 'uninit_mem', 'const_size'],
    ret: 'integer',
    since: '4.15',
    progTypes: SETS_OPTIONS,
    variants: [
      {
        progTypes: ['cgroup_sock_addr', 'sock_ops'],
        args: ['ctx', 'anything', 'anything', 'uninit_mem', 'const_size'],
      },
    ],
  },
  {
    id: 64,
    name: 'bind',
    args: ['ctx', 'mem', 'const_size'],
    ret: 'integer',
    since: '4.17',
    progTypes: ['cgroup_sock_addr:cgroup_inet4_connect', 'cgroup_sock_addr:cgroup_inet6_connect'],
  },
  {
    id: 82,
    name: 'sk_select_reuseport',
    args: ['ctx', 'const_map_ptr', 'map_key', 'anything'],
    ret: 'integer',
    since: '4.19',
    progTypes: ['sk_reuseport'],
  },
  {
    id: 84,
    name: 'sk_lookup_tcp',
    args: ['ctx', 'mem', 'const_size_or_zero', 'anything', 'anything'],
    ret: 'socket_or_null',
    since: '4.20',
    mayBeNothing: { since: '6.12', args: [3] },
    progTypes: ['tc', 'cgroup_skb', 'cgroup_sock_addr', 'sk_skb', 'xdp'],
    acquires: true,
    pktAccess: true,
  },
  {
    id: 85,
    name: 'sk_lookup_udp',
    args: ['ctx', 'mem', 'const_size_or_zero', 'anything', 'anything'],
    ret: 'socket_or_null',
    since: '4.20',
    mayBeNothing: { since: '6.12', args: [3] },
    progTypes: ['tc', 'cgroup_skb', 'cgroup_sock_addr', 'sk_skb', 'xdp'],
    acquires: true,
    pktAccess: true,
  },
  {
    id: 86,
    name: 'sk_release',
    args: ['btf_id_sock_common'],
    ret: 'integer',
    since: '4.20',
    progTypes: ['tc', 'cgroup_skb', 'cgroup_sock_addr', 'sk_lookup', 'sk_skb', 'xdp'],
    releases: 1,
  },
  {
    id: 95,
    name: 'sk_fullsock',
    args: ['sock_common'],
    ret: 'socket_or_null',
    since: '5.1',
    progTypes: ['tc', 'cgroup_skb'],
  },
  {
    id: 96,
    name: 'tcp_sock',
    args: ['sock_common'],
    ret: 'tcp_sock_or_null',
    since: '5.1',
    progTypes: ['tc', 'cgroup_skb', 'cgroup_sockopt', 'sock_ops'],
  },
  {
    id: 98,
    name: 'get_listener_sock',
    args: ['sock_common'],
    ret: 'socket_or_null',
    since: '5.1',
    progTypes: ['tc', 'cgroup_skb'],
  },
  {
    id: 99,
    name: 'skc_lookup_tcp',
    args: ['ctx', 'mem', 'const_size_or_zero', 'anything', 'anything'],
    ret: 'sock_common_or_null',
    since: '5.2',
    mayBeNothing: { since: '6.12', args: [3] },
    progTypes: ['tc', 'cgroup_skb', 'cgroup_sock_addr', 'sk_skb', 'xdp'],
    acquires: true,
    pktAccess: true,
  },
  {
    id: 122,
    name: 'get_netns_cookie',
    args: ['ctx_or_null'],
    ret: 'integer',
    since: '5.7',
    progTypes: [
      'tc',
      'cgroup_skb',
      'cgroup_sock',
      'cgroup_sock_addr',
      'cgroup_sockopt',
      'sk_msg',
      'sock_ops',
      'socket_filter',
    ],
    before: { kernel: '6.15', progTypes: ['cgroup_sock', 'cgroup_sock_addr', 'cgroup_sockopt', 'sk_msg', 'sock_ops'] },
    run: netnsCookie,
  },
  {
    id: 124,
    name: 'sk_assign',
    args: ['ctx', 'btf_id_sock_common', 'anything'],
    ret: 'integer',
    since: '5.6',
    progTypes: ['tc', 'sk_lookup'],
    variants: [{ progTypes: ['sk_lookup'], args: ['ctx', 'socket_or_null', 'anything'] }],
  },
  {
    id: 128,
    name: 'sk_cgroup_id',
    args: ['btf_id_sock_common'],
    ret: 'integer',
    since: '5.7',
    progTypes: ['cgroup_skb'],
  },
  {
    id: 129,
    name: 'sk_ancestor_cgroup_id',
    args: ['btf_id_sock_common', 'anything'],
    ret: 'integer',
    since: '5.7',
    progTypes: ['cgroup_skb'],
  },
  {
    id: 136,
    name: 'skc_to_tcp6_sock',
    args: ['btf_id_sock_common'],
    ret: 'btf_id_or_null',
    since: '5.9',
    progTypes: ['socket', 'flow_dissector'],
    retBtf: 'tcp6_sock',
    run: castTo('tcp6_sock'),
  },
  {
    id: 137,
    name: 'skc_to_tcp_sock',
    args: ['btf_id_sock_common'],
    ret: 'btf_id_or_null',
    since: '5.9',
    progTypes: ['socket', 'flow_dissector'],
    retBtf: 'tcp_sock',
    run: castTo('tcp_sock'),
  },
  {
    id: 138,
    name: 'skc_to_tcp_timewait_sock',
    args: ['btf_id_sock_common'],
    ret: 'btf_id_or_null',
    since: '5.9',
    progTypes: ['socket', 'flow_dissector'],
    retBtf: 'tcp_timewait_sock',
    run: castTo('tcp_timewait_sock'),
  },
  {
    id: 139,
    name: 'skc_to_tcp_request_sock',
    args: ['btf_id_sock_common'],
    ret: 'btf_id_or_null',
    since: '5.9',
    progTypes: ['socket', 'flow_dissector'],
    retBtf: 'tcp_request_sock',
    run: castTo('tcp_request_sock'),
  },
  {
    id: 140,
    name: 'skc_to_udp6_sock',
    args: ['btf_id_sock_common'],
    ret: 'btf_id_or_null',
    since: '5.9',
    progTypes: ['socket', 'flow_dissector'],
    retBtf: 'udp6_sock',
    run: castTo('udp6_sock'),
  },
  {
    id: 162,
    name: 'sock_from_file',
    args: ['btf_id'],
    ret: 'btf_id_or_null',
    since: '5.11',
    progTypes: ['lsm', 'syscall', 'tracing'],
    argBtf: { 1: 'file' },
    retBtf: 'socket',
  },
  {
    id: 178,
    name: 'skc_to_unix_sock',
    args: ['btf_id_sock_common'],
    ret: 'btf_id_or_null',
    since: '5.16',
    progTypes: ['socket', 'flow_dissector'],
    retBtf: 'unix_sock',
    run: castTo('unix_sock'),
  },
  {
    id: 196,
    name: 'skc_to_mptcp_sock',
    args: ['sock_common'],
    ret: 'btf_id_or_null',
    since: '5.19',
    progTypes: ['socket', 'flow_dissector'],
    retBtf: 'mptcp_sock',
    run: castTo('mptcp_sock'),
  },
] as const satisfies readonly HelperRow[];
