/**
 * Packets as socket buffers: bytes, size, VLAN, hash, tunnel keys, redirection. Signatures: net/core/filter.c.
 */
import { Unsupported } from '../base/errors.ts';
import { EFAULT, EINVAL, ENOENT, ENOMEM } from '../maps/errno.ts';
import type { HelperEnv, HelperRow, RegFile } from './helper.ts';
import { inPacket, packetLength, packetOf } from './packet.ts';
import { returnNumber, u32, u64 } from './registers.ts';
import {
  adjustRoom,
  changeProto,
  changeType,
  checkMtu,
  ecnSetCe,
  hashRecalc,
  setHashInvalid,
  setHashTo,
  setTstamp,
  vlanPop,
  vlanPush,
  WITHOUT,
} from './skb-header.ts';

/** BPF_F_RECOMPUTE_CSUM and BPF_F_INVALIDATE_HASH. */
const STORE_FLAGS = 3;
const INGRESS = 1;
/** sizeof(struct bpf_redir_neigh). */
const REDIR_NEIGH = 20;
const TC_ACT_SHOT = 2;
const TC_ACT_REDIRECT = 7;
const XDP_ABORTED = 0;
const XDP_REDIRECT = 4;
/** Longest packet that may be made (SKB_MAX_ALLOC). */
const SKB_MAX = 16384;

function loadBytes(env: HelperEnv, r: RegFile) {
  const to = u32(r, 3);
  const size = u32(r, 4);
  const from = inPacket(packetOf(env, 'skb_load_bytes'), u32(r, 2), size);
  if (from === 0) env.memory.u8.fill(0, to, to + size);
  else env.memory.u8.copyWithin(to, from, from + size);
  returnNumber(r, from === 0 ? EFAULT : 0);
}

/** From the start of the MAC (0) or network (1) header. */
function loadBytesRelative(env: HelperEnv, r: RegFile) {
  const packet = packetOf(env, 'skb_load_bytes_relative');
  const [offset, to, size, header] = [u32(r, 2), u32(r, 3), u32(r, 4), u32(r, 5)];
  const base = header === 0 ? packet.macOffset : header === 1 ? packet.networkOffset : undefined;
  const from = packet.data + (base ?? 0) + offset;
  const inside = base !== undefined && offset <= 0xffff && from + size <= packet.end;
  if (inside) env.memory.u8.copyWithin(to, from, from + size);
  else env.memory.u8.fill(0, to, to + size);
  returnNumber(r, inside ? 0 : EFAULT);
}

function storeBytes(env: HelperEnv, r: RegFile) {
  const [offset, from, size] = [u32(r, 2), u32(r, 3), u32(r, 4)];
  if (u64(r, 5) > STORE_FLAGS) return returnNumber(r, EINVAL);
  const to = inPacket(packetOf(env, 'skb_store_bytes'), offset, size);
  if (to !== 0) env.memory.u8.copyWithin(to, from, from + size);
  returnNumber(r, to === 0 ? EFAULT : 0);
}

/** Everything is linear here: it only has to be there. */
function pullData(env: HelperEnv, r: RegFile) {
  const packet = packetOf(env, 'skb_pull_data');
  const ok = u32(r, 2) <= packetLength(packet);
  if (ok) packet.moved();
  returnNumber(r, ok ? 0 : ENOMEM);
}

/** Longer (with zeros) or shorter at the end. */
function changeTail(env: HelperEnv, r: RegFile) {
  const packet = packetOf(env, 'skb_change_tail');
  const length = u32(r, 2);
  if (u64(r, 3) !== 0 || length > SKB_MAX || length < (packet.networkOffset ?? 0)) return returnNumber(r, EINVAL);
  const end = packet.data + length;
  if (end > packet.limit) return returnNumber(r, ENOMEM);
  if (end > packet.end) env.memory.u8.fill(0, packet.end, end);
  packet.end = end;
  packet.moved();
  returnNumber(r, 0);
}

/** Zeros before the packet. */
function changeHead(env: HelperEnv, r: RegFile) {
  const packet = packetOf(env, 'skb_change_head');
  const room = u32(r, 2);
  if (u64(r, 3) !== 0 || packetLength(packet) + room > SKB_MAX) return returnNumber(r, EINVAL);
  const data = packet.data - room;
  if (data < packet.head) return returnNumber(r, ENOMEM);
  env.memory.u8.fill(0, data, packet.data);
  packet.data = packet.meta = data;
  packet.moved();
  returnNumber(r, 0);
}

function send(env: HelperEnv, helper: string, request: Parameters<NonNullable<HelperEnv['redirect']>>[0]): number {
  if (!env.redirect) throw new Unsupported(`helper \`${helper}\` without network devices`);
  return env.redirect(request);
}

function cloneRedirect(env: HelperEnv, r: RegFile) {
  const flags = u64(r, 3);
  if ((flags & ~INGRESS) !== 0 || flags > INGRESS) return returnNumber(r, EINVAL);
  returnNumber(r, send(env, 'clone_redirect', { ifindex: u32(r, 2), flags, clone: true }));
}

/** The answer is the action that the program returns. */
function redirect(env: HelperEnv, r: RegFile) {
  const flags = u64(r, 2);
  const xdp = env.packet?.kind === 'xdp';
  if (xdp ? flags !== 0 : flags > INGRESS) return returnNumber(r, xdp ? XDP_ABORTED : TC_ACT_SHOT);
  send(env, 'redirect', { ifindex: u32(r, 1), flags, clone: false });
  returnNumber(r, xdp ? XDP_REDIRECT : TC_ACT_REDIRECT);
}

/** To a device, with the MAC addresses that its neighbours have. `struct bpf_redir_neigh` names the next hop: its size alone is looked at. */
function redirectNeigh(env: HelperEnv, r: RegFile) {
  const size = u32(r, 3);
  if (u64(r, 4) !== 0 || (size !== 0 && size < REDIR_NEIGH)) return returnNumber(r, TC_ACT_SHOT);
  send(env, 'redirect_neigh', { ifindex: u32(r, 1), flags: 0, clone: false, how: 'neigh' });
  returnNumber(r, TC_ACT_REDIRECT);
}

function redirectPeer(env: HelperEnv, r: RegFile) {
  if (u64(r, 2) !== 0) return returnNumber(r, TC_ACT_SHOT);
  send(env, 'redirect_peer', { ifindex: u32(r, 1), flags: 0, clone: false, how: 'peer' });
  returnNumber(r, TC_ACT_REDIRECT);
}

export const SKB_HELPERS = [
  {
    id: 9,
    name: 'skb_store_bytes',
    args: ['ctx', 'anything', 'mem', 'const_size', 'anything'],
    ret: 'integer',
    since: '4.1',
    progTypes: ['tc', 'lwt_xmit', 'sk_skb'],
    changesPacket: true,
    run: storeBytes,
  },
  {
    id: 13,
    name: 'clone_redirect',
    args: ['ctx', 'anything', 'anything'],
    ret: 'integer',
    since: '4.2',
    progTypes: ['tc', 'lwt_xmit'],
    changesPacket: true,
    run: cloneRedirect,
  },
  {
    id: 18,
    name: 'skb_vlan_push',
    args: ['ctx', 'anything', 'anything'],
    ret: 'integer',
    since: '4.3',
    progTypes: ['tc'],
    changesPacket: true,
    run: vlanPush,
  },
  {
    id: 19,
    name: 'skb_vlan_pop',
    args: ['ctx'],
    ret: 'integer',
    since: '4.3',
    progTypes: ['tc'],
    changesPacket: true,
    run: vlanPop,
  },
  {
    id: 20,
    name: 'skb_get_tunnel_key',
    args: ['ctx', 'uninit_mem', 'const_size', 'anything'],
    ret: 'integer',
    since: '4.3',
    progTypes: ['tc', 'lwt_xmit'],
    run: WITHOUT.cleared(2, EINVAL),
  },
  {
    id: 21,
    name: 'skb_set_tunnel_key',
    args: ['ctx', 'mem', 'const_size', 'anything'],
    ret: 'integer',
    since: '4.3',
    progTypes: ['tc', 'lwt_xmit'],
  },
  {
    id: 23,
    name: 'redirect',
    args: ['anything', 'anything'],
    ret: 'integer',
    since: '4.4',
    progTypes: ['tc', 'lwt_xmit', 'xdp'],
    run: redirect,
  },
  {
    id: 24,
    name: 'get_route_realm',
    args: ['ctx'],
    ret: 'integer',
    since: '4.4',
    progTypes: ['lwt', 'tc'],
    run: WITHOUT.zero,
  },
  {
    id: 26,
    name: 'skb_load_bytes',
    args: ['ctx', 'anything', 'uninit_mem', 'const_size'],
    ret: 'integer',
    since: '4.5',
    progTypes: ['lwt', 'tc', 'cgroup_skb', 'flow_dissector', 'sk_reuseport', 'sk_skb', 'socket_filter'],
    run: loadBytes,
  },
  {
    id: 29,
    name: 'skb_get_tunnel_opt',
    args: ['ctx', 'uninit_mem', 'const_size'],
    ret: 'integer',
    since: '4.6',
    progTypes: ['tc', 'lwt_xmit'],
    run: WITHOUT.cleared(2, ENOENT),
  },
  {
    id: 30,
    name: 'skb_set_tunnel_opt',
    args: ['ctx', 'mem', 'const_size'],
    ret: 'integer',
    since: '4.6',
    progTypes: ['tc', 'lwt_xmit'],
  },
  {
    id: 31,
    name: 'skb_change_proto',
    args: ['ctx', 'anything', 'anything'],
    ret: 'integer',
    since: '4.8',
    progTypes: ['tc'],
    changesPacket: true,
    run: changeProto,
  },
  {
    id: 32,
    name: 'skb_change_type',
    args: ['ctx', 'anything'],
    ret: 'integer',
    since: '4.8',
    progTypes: ['tc'],
    run: changeType,
  },
  {
    id: 33,
    name: 'skb_under_cgroup',
    args: ['ctx', 'const_map_ptr', 'anything'],
    ret: 'integer',
    since: '4.8',
    progTypes: ['lwt', 'tc'],
    run: WITHOUT.socket,
  },
  {
    id: 34,
    name: 'get_hash_recalc',
    args: ['ctx'],
    ret: 'integer',
    since: '4.8',
    progTypes: ['lwt', 'tc'],
    run: hashRecalc,
  },
  {
    id: 38,
    name: 'skb_change_tail',
    args: ['ctx', 'anything', 'anything'],
    ret: 'integer',
    since: '4.9',
    progTypes: ['tc', 'lwt_xmit', 'sk_skb'],
    changesPacket: true,
    run: changeTail,
  },
  {
    id: 39,
    name: 'skb_pull_data',
    args: ['ctx', 'anything'],
    ret: 'integer',
    since: '4.9',
    progTypes: ['lwt', 'tc', 'sk_skb'],
    changesPacket: true,
    run: pullData,
  },
  {
    id: 41,
    name: 'set_hash_invalid',
    args: ['ctx'],
    ret: 'integer',
    since: '4.9',
    progTypes: ['tc', 'lwt_xmit'],
    run: setHashInvalid,
  },
  {
    id: 43,
    name: 'skb_change_head',
    args: ['ctx', 'anything', 'anything'],
    ret: 'integer',
    since: '4.10',
    progTypes: ['tc', 'lwt_xmit', 'sk_skb'],
    changesPacket: true,
    run: changeHead,
  },
  {
    id: 48,
    name: 'set_hash',
    args: ['ctx', 'anything'],
    ret: 'integer',
    since: '4.13',
    progTypes: ['tc'],
    run: setHashTo,
  },
  {
    id: 50,
    name: 'skb_adjust_room',
    args: ['ctx', 'anything', 'anything', 'anything'],
    ret: 'integer',
    since: '4.13',
    progTypes: ['tc', 'sk_skb'],
    changesPacket: true,
    run: adjustRoom,
  },
  {
    id: 66,
    name: 'skb_get_xfrm_state',
    args: ['ctx', 'anything', 'uninit_mem', 'const_size', 'anything'],
    ret: 'integer',
    since: '4.18',
    progTypes: ['tc'],
    run: WITHOUT.cleared(3, EINVAL),
  },
  {
    id: 68,
    name: 'skb_load_bytes_relative',
    args: ['ctx', 'anything', 'uninit_mem', 'const_size', 'anything'],
    ret: 'integer',
    since: '4.18',
    progTypes: ['tc', 'cgroup_skb', 'sk_reuseport', 'socket_filter'],
    run: loadBytesRelative,
  },
  {
    id: 79,
    name: 'skb_cgroup_id',
    args: ['ctx'],
    ret: 'integer',
    since: '4.18',
    progTypes: ['tc', 'cgroup_skb'],
    run: WITHOUT.zero,
  },
  {
    id: 83,
    name: 'skb_ancestor_cgroup_id',
    args: ['ctx', 'anything'],
    ret: 'integer',
    since: '4.19',
    progTypes: ['tc', 'cgroup_skb'],
    run: WITHOUT.zero,
  },
  {
    id: 97,
    name: 'skb_ecn_set_ce',
    args: ['ctx'],
    ret: 'integer',
    since: '5.1',
    progTypes: ['tc', 'cgroup_skb'],
    run: ecnSetCe,
  },
  {
    id: 151,
    name: 'skb_cgroup_classid',
    args: ['ctx'],
    ret: 'integer',
    since: '5.10',
    progTypes: ['tc'],
    run: WITHOUT.zero,
  },
  {
    id: 152,
    name: 'redirect_neigh',
    args: ['anything', 'mem_or_null', 'const_size_or_zero', 'anything'],
    ret: 'integer',
    since: '5.10',
    progTypes: ['tc'],
    run: redirectNeigh,
  },
  {
    id: 155,
    name: 'redirect_peer',
    args: ['anything', 'anything'],
    ret: 'integer',
    since: '5.10',
    progTypes: ['tc'],
    run: redirectPeer,
  },
  {
    id: 163,
    name: 'check_mtu',
    args: ['ctx', 'anything', 'ptr_to_int', 'anything', 'anything'],
    ret: 'integer',
    gplOnly: true,
    since: '5.12',
    progTypes: ['tc', 'xdp'],
    run: checkMtu,
  },
  {
    id: 192,
    name: 'skb_set_tstamp',
    args: ['ctx', 'anything', 'anything'],
    ret: 'integer',
    since: '5.18',
    progTypes: ['tc'],
    changesPacket: true,
    run: setTstamp,
  },
] as const satisfies readonly HelperRow[];
