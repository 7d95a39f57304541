/**
 * Contexts of programs on sockets and control groups (include/uapi/linux/bpf.h); who may read and write what:
 * *_is_valid_access in net/core/filter.c and kernel/bpf/cgroup.c.
 */
import type { CtxField, CtxLayout } from './prog-type.ts';

type Extra = Partial<Omit<CtxField, 'name' | 'offset' | 'size' | 'read'>>;

function field(name: string, offset: number, size: number, extra: Extra = {}): CtxField {
  return { name, offset, size, read: true, write: false, ...extra };
}

/** A run of 32-bit fields, one after another. */
function words(offset: number, names: readonly string[], extra: Extra = {}): CtxField[] {
  return names.map((name, i) => field(name, offset + 4 * i, 4, extra));
}

function array(name: string, offset: number, count: number, extra: Extra = {}): CtxField[] {
  // A wide access covers an element and the next: the last one has none.
  return Array.from({ length: count }, (_, i) =>
    field(`${name}[${i}]`, offset + 4 * i, 4, i === count - 1 ? { ...extra, wide: false } : extra),
  );
}

function struct(size: number, ...parts: (CtxField | readonly CtxField[])[]): CtxLayout {
  return { kind: 'fields', size, fields: parts.flat() };
}

const SOCK_CREATE = ['cgroup_inet_sock_create', 'cgroup_inet_sock_release'];
const POST_BIND4 = ['cgroup_inet4_post_bind'];
const POST_BIND6 = ['cgroup_inet6_post_bind'];

/** struct bpf_sock as the ctx of cgroup_sock programs. */
export const BPF_SOCK = struct(
  80,
  field('bound_dev_if', 0, 4, { write: true, attachTypes: SOCK_CREATE }),
  field('family', 4, 4, { narrow: true, narrowAtStart: true }),
  field('type', 8, 4, { narrow: true, narrowAtStart: true }),
  field('protocol', 12, 4, { narrow: true, narrowAtStart: true }),
  field('mark', 16, 4, { write: true, attachTypes: SOCK_CREATE }),
  field('priority', 20, 4, { write: true, attachTypes: SOCK_CREATE }),
  field('src_ip4', 24, 4, { narrow: true, attachTypes: POST_BIND4 }),
  array('src_ip6', 28, 4, { narrow: true, attachTypes: POST_BIND6 }),
  field('src_port', 44, 4, { narrow: true, narrowAtStart: true, attachTypes: [...POST_BIND4, ...POST_BIND6] }),
  field('dst_port', 48, 2, { narrow: true, alsoSize: 4 }),
  field('dst_ip4', 52, 4, { narrow: true }),
  array('dst_ip6', 56, 4, { narrow: true }),
  field('state', 72, 4, { narrow: true, narrowAtStart: true }),
  field('rx_queue_mapping', 76, 4, { narrow: true, narrowAtStart: true }),
);

/** struct bpf_sock behind a `socket` pointer: everything is readable, nothing writable (bpf_sock_is_valid_access). */
export const BPF_SOCK_POINTEE: readonly CtxField[] =
  BPF_SOCK.kind === 'fields'
    ? BPF_SOCK.fields.map(({ name, offset, size, narrow, narrowAtStart, alsoSize }) => ({
        name,
        offset,
        size,
        read: true,
        write: false,
        ...(narrow ? { narrow } : {}),
        ...(narrowAtStart ? { narrowAtStart } : {}),
        ...(alsoSize ? { alsoSize } : {}),
      }))
    : [];

/** What may be read behind a `sock_common` pointer: bpf_sock without `type` to `priority`. */
export const SOCK_COMMON_POINTEE: readonly CtxField[] = BPF_SOCK_POINTEE.filter((f) => f.offset < 8 || f.offset >= 24);

/**
 * struct bpf_tcp_sock behind a `tcp_sock` pointer: 4-byte reads, 8 bytes for the two counters
 * (bpf_tcp_sock_is_valid_access).
 */
export const BPF_TCP_SOCK_POINTEE: readonly CtxField[] = [
  ...words(0, [
    'snd_cwnd',
    'srtt_us',
    'rtt_min',
    'snd_ssthresh',
    'rcv_nxt',
    'snd_nxt',
    'snd_una',
    'mss_cache',
    'ecn_flags',
    'rate_delivered',
    'rate_interval_us',
    'packets_out',
    'retrans_out',
    'total_retrans',
    'segs_in',
    'data_segs_in',
    'segs_out',
    'data_segs_out',
    'lost_out',
    'sacked_out',
  ]),
  field('bytes_received', 80, 8),
  field('bytes_acked', 88, 8),
  ...words(96, ['dsack_dups', 'delivered', 'delivered_ce', 'icsk_retransmits']),
];

const ADDR4 = [
  'cgroup_inet4_bind',
  'cgroup_inet4_connect',
  'cgroup_inet4_getpeername',
  'cgroup_inet4_getsockname',
  'cgroup_udp4_sendmsg',
  'cgroup_udp4_recvmsg',
];
const ADDR6 = ADDR4.map((name) => name.replace('inet4', 'inet6').replace('udp4', 'udp6'));

export const BPF_SOCK_ADDR = struct(
  72,
  field('user_family', 0, 4),
  field('user_ip4', 4, 4, { write: true, narrow: true, attachTypes: ADDR4 }),
  array('user_ip6', 8, 4, { write: true, narrow: true, wide: true, attachTypes: ADDR6 }),
  field('user_port', 24, 4, { write: true, narrow: true }),
  words(28, ['family', 'type', 'protocol']),
  field('msg_src_ip4', 40, 4, { write: true, narrow: true, attachTypes: ['cgroup_udp4_sendmsg'] }),
  array('msg_src_ip6', 44, 4, { write: true, narrow: true, wide: true, attachTypes: ['cgroup_udp6_sendmsg'] }),
  field('sk', 64, 8, { pointer: 'socket' }),
);

export const BPF_SOCK_OPS = struct(
  224,
  field('op', 0, 4),
  field('reply', 4, 4, { write: true }),
  words(8, ['args[1]', 'args[2]', 'args[3]', 'family', 'remote_ip4', 'local_ip4']),
  array('remote_ip6', 32, 4),
  array('local_ip6', 48, 4),
  words(64, [
    'remote_port',
    'local_port',
    'is_fullsock',
    'snd_cwnd',
    'srtt_us',
    'bpf_sock_ops_cb_flags',
    'state',
    'rtt_min',
    'snd_ssthresh',
    'rcv_nxt',
    'snd_nxt',
    'snd_una',
    'mss_cache',
    'ecn_flags',
    'rate_delivered',
    'rate_interval_us',
    'packets_out',
    'retrans_out',
    'total_retrans',
    'segs_in',
    'data_segs_in',
    'segs_out',
    'data_segs_out',
    'lost_out',
    'sacked_out',
  ]),
  field('sk_txhash', 164, 4, { write: true }),
  field('bytes_received', 168, 8),
  field('bytes_acked', 176, 8),
  field('sk', 184, 8, { pointer: 'socket_or_null' }),
  field('skb_data', 192, 8, { pointer: 'packet' }),
  field('skb_data_end', 200, 8, { pointer: 'packet_end' }),
  field('skb_len', 208, 4),
  field('skb_tcp_flags', 212, 4, { narrow: true, narrowAtStart: true }),
  field('skb_hwtstamp', 216, 8),
);

export const SK_MSG_MD = struct(
  80,
  field('data', 0, 8, { pointer: 'packet' }),
  field('data_end', 8, 8, { pointer: 'packet_end' }),
  words(16, ['family', 'remote_ip4', 'local_ip4']),
  array('remote_ip6', 28, 4),
  array('local_ip6', 44, 4),
  words(60, ['remote_port', 'local_port', 'size']),
  field('sk', 72, 8, { pointer: 'socket' }),
);

export const SK_REUSEPORT_MD = struct(
  56,
  field('data', 0, 8, { pointer: 'packet' }),
  field('data_end', 8, 8, { pointer: 'packet_end' }),
  field('len', 16, 4, { narrow: true }),
  field('eth_protocol', 20, 4, { narrow: true, minSize: 2 }),
  words(24, ['ip_protocol', 'bind_inany'], { narrow: true }),
  field('hash', 32, 4),
  field('sk', 40, 8, { pointer: 'socket' }),
  field('migrating_sk', 48, 8, { pointer: 'sock_common_or_null' }),
);

export const BPF_SK_LOOKUP = struct(
  72,
  field('sk', 0, 8, { pointer: 'socket_or_null' }),
  words(8, ['family', 'protocol', 'remote_ip4'], { narrow: true }),
  array('remote_ip6', 20, 4, { narrow: true }),
  field('remote_port', 36, 2, { narrow: true, alsoSize: 4 }),
  /** Zero padding after the port, readable for programs built when the port was 4 bytes. */
  field('remote_port_pad', 38, 2, { narrow: true }),
  field('local_ip4', 40, 4, { narrow: true }),
  array('local_ip6', 44, 4, { narrow: true }),
  words(60, ['local_port', 'ingress_ifindex'], { narrow: true }),
);

export const BPF_CGROUP_DEV_CTX = struct(
  12,
  field('access_type', 0, 4, { narrow: true }),
  words(4, ['major', 'minor']),
);

export const BPF_SYSCTL = struct(
  8,
  field('write', 0, 4, { narrow: true }),
  field('file_pos', 4, 4, { narrow: true, write: true }),
);

export const BPF_SOCKOPT = struct(
  40,
  field('sk', 0, 8, { pointer: 'socket' }),
  field('optval', 8, 8, { pointer: 'packet' }),
  field('optval_end', 16, 8, { pointer: 'packet_end' }),
  field('level', 24, 4, { write: true, writeAttachTypes: ['cgroup_setsockopt'] }),
  field('optname', 28, 4, { write: true, writeAttachTypes: ['cgroup_setsockopt'] }),
  field('optlen', 32, 4, { write: true }),
  field('retval', 36, 4, { write: true, attachTypes: ['cgroup_getsockopt'] }),
);
