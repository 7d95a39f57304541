/**
 * struct __sk_buff (include/uapi/linux/bpf.h) as each kind of program sees it: the same bytes everywhere, other fields
 * readable and writable. Rules: bpf_skb_is_valid_access and its callers in net/core/filter.c.
 */
import type { CtxField, CtxLayout } from './prog-type.ts';

const SIZE = 192;

const WORDS = [
  ['len', 0],
  ['pkt_type', 4],
  ['mark', 8],
  ['queue_mapping', 12],
  ['protocol', 16],
  ['vlan_present', 20],
  ['vlan_tci', 24],
  ['vlan_proto', 28],
  ['priority', 32],
  ['ingress_ifindex', 36],
  ['ifindex', 40],
  ['tc_index', 44],
  ['hash', 68],
  ['tc_classid', 72],
  ['napi_id', 84],
  ['wire_len', 160],
  ['gso_segs', 164],
  ['gso_size', 176],
] as const;

/** Fields of the socket an sk_skb or cgroup_skb program's packet belongs to. */
const SOCKET_WORDS = [
  ['family', 88, true],
  ['remote_ip4', 92, false],
  ['local_ip4', 96, false],
  ['remote_ip6[0]', 100, false],
  ['remote_ip6[1]', 104, false],
  ['remote_ip6[2]', 108, false],
  ['remote_ip6[3]', 112, false],
  ['local_ip6[0]', 116, false],
  ['local_ip6[1]', 120, false],
  ['local_ip6[2]', 124, false],
  ['local_ip6[3]', 128, false],
  ['remote_port', 132, true],
  ['local_port', 136, true],
] as const;

interface SkbView {
  readonly hidden: readonly string[];
  readonly write: readonly string[];
  /** data, data_end (and data_meta) are there and give packet pointers. */
  readonly packet: 'none' | 'packet' | 'packet+meta';
  readonly socketFields: boolean;
  /** Fields that only users with CAP_BPF may touch. */
  readonly privileged?: readonly string[];
}

function layout(view: SkbView): CtxLayout {
  const writable = (name: string) => view.write.includes(name);
  const fields: CtxField[] = [];
  const add = (field: Omit<CtxField, 'read' | 'write'>) => {
    if (view.hidden.includes(field.name)) return;
    const privileged = view.privileged?.includes(field.name) ? { privileged: true } : {};
    fields.push({ ...field, read: true, write: writable(field.name), ...privileged });
  };
  for (const [name, offset] of WORDS) add({ name, offset, size: 4, narrow: true });
  add({ name: 'cb', offset: 48, size: 20, bytes: true });
  if (view.packet !== 'none') {
    add({ name: 'data', offset: 76, size: 4, pointer: 'packet' });
    add({ name: 'data_end', offset: 80, size: 4, pointer: 'packet_end' });
  }
  if (view.packet === 'packet+meta') add({ name: 'data_meta', offset: 140, size: 4, pointer: 'packet_meta' });
  if (view.socketFields) for (const [name, offset, narrow] of SOCKET_WORDS) add({ name, offset, size: 4, narrow });
  add({ name: 'tstamp', offset: 152, size: 8 });
  add({ name: 'sk', offset: 168, size: 8, pointer: 'sock_common_or_null' });
  add({ name: 'tstamp_type', offset: 180, size: 1 });
  add({ name: 'hwtstamp', offset: 184, size: 8 });
  fields.sort((a, b) => a.offset - b.offset);
  return { kind: 'fields', size: SIZE, fields };
}

/** Socket filters and sk_reuseport's older sibling: no packet pointers, only cb may be written. */
export const SKB_SOCKET_FILTER = layout({
  hidden: ['tc_classid', 'tstamp', 'wire_len', 'hwtstamp', 'tstamp_type'],
  write: ['cb'],
  packet: 'none',
  socketFields: false,
});

export const SKB_TC = layout({
  hidden: [],
  write: ['mark', 'tc_index', 'priority', 'tc_classid', 'cb', 'tstamp', 'queue_mapping'],
  packet: 'packet+meta',
  socketFields: false,
});

export const SKB_CGROUP = layout({
  hidden: ['tc_classid', 'wire_len', 'tstamp_type'],
  write: ['mark', 'priority', 'cb', 'tstamp'],
  packet: 'packet',
  socketFields: true,
  // net/core/filter.c: cg_skb_is_valid_access
  privileged: ['data', 'data_end', 'tstamp'],
});

export const SKB_LWT = layout({
  hidden: ['tc_classid', 'tstamp', 'wire_len', 'hwtstamp', 'tstamp_type'],
  write: ['mark', 'priority', 'cb'],
  packet: 'packet',
  socketFields: false,
});

export const SKB_SK_SKB = layout({
  hidden: ['tc_classid', 'tstamp', 'wire_len', 'hwtstamp', 'mark', 'tstamp_type'],
  write: ['tc_index', 'priority'],
  packet: 'packet',
  socketFields: true,
});

/** Flow dissectors see the packet and the keys they fill in, nothing else. */
export const SKB_FLOW_DISSECTOR: CtxLayout = {
  kind: 'fields',
  size: SIZE,
  fields: [
    { name: 'data', offset: 76, size: 4, read: true, write: false, pointer: 'packet' },
    { name: 'data_end', offset: 80, size: 4, read: true, write: false, pointer: 'packet_end' },
    { name: 'flow_keys', offset: 144, size: 8, read: true, write: false, pointer: 'flow_keys' },
  ],
};
