/**
 * Socket buffers beyond their bytes: VLAN tags, room for headers, IPv4 to IPv6 and back, ECN, hash, type, time stamp, MTU (net/core/filter.c,
 * net/core/skbuff.c). What of a buffer a program sees as a field lies in its context, struct __sk_buff.
 *
 * Nothing here belongs to a socket or a route: helpers that ask for one answer what the kernel answers for a buffer without.
 */
import { ERRNO } from '../base/errno.ts';
import { EINVAL, ENODEV, ENOENT, ENOMEM, EOPNOTSUPP } from '../maps/errno.ts';
import type { HelperEnv, Packet, RegFile } from './helper.ts';
import { packetLength, packetOf } from './packet.ts';
import { returnNumber, u32, u64 } from './registers.ts';

const ENOTSUPP = -ERRNO.ENOTSUPP;

/** Offsets in struct __sk_buff. */
const CTX = {
  pktType: 4,
  protocol: 16,
  vlanPresent: 20,
  vlanTci: 24,
  vlanProto: 28,
  hash: 68,
  tstamp: 152,
  tstampType: 180,
} as const;
/** EtherTypes in network order, as a little-endian load of the two bytes gives them. */
const PROTO = { ip: 0x0008, ipv6: 0xdd86, vlan: 0x0081, vlanAd: 0xa888 } as const;
const MAC_ADDRESSES = 12;
const ETHERNET = 14;
const VLAN_TAG = 4;
const IP_HEADER = 20;
const IPV6_HEADER = 40;
/** Longest packet (SKB_MAX_ALLOC). */
const LARGEST = 16384;
const PACKET_OTHERHOST = 3;
/** getsockopt's uid for what has no socket (overflowuid). */
export const OVERFLOW_UID = 65534;

const isVlan = (proto: number): boolean => proto === PROTO.vlan || proto === PROTO.vlanAd;

/** Insert `size` zeros at `at` bytes from the start of the data (negative: take them out). 0 or -ENOMEM. */
function makeRoom(env: HelperEnv, packet: Packet, at: number, size: number): number {
  const { u8 } = env.memory;
  const data = packet.data - size;
  if (data < packet.head) return ENOMEM;
  u8.copyWithin(data, packet.data, packet.data + at);
  if (size > 0) u8.fill(0, data + at, data + at + size);
  packet.data = packet.meta = data;
  return 0;
}

/** The tag of the context goes into the bytes, or out of them: which the caller knows. */
function pushTag(env: HelperEnv, packet: Packet, proto: number, tci: number): number {
  const { view } = env.memory;
  const bad = makeRoom(env, packet, MAC_ADDRESSES, VLAN_TAG);
  if (bad !== 0) return bad;
  view.setUint16(packet.data + MAC_ADDRESSES, proto, true);
  view.setUint16(packet.data + MAC_ADDRESSES + 2, tci, false);
  return 0;
}

function setProtocol(env: HelperEnv, proto: number): void {
  env.memory.view.setUint32(env.ctx + CTX.protocol, proto, true);
}

function setTag(env: HelperEnv, proto: number, tci: number, present: boolean): void {
  const { view } = env.memory;
  view.setUint32(env.ctx + CTX.vlanPresent, present ? 1 : 0, true);
  view.setUint32(env.ctx + CTX.vlanTci, tci, true);
  view.setUint32(env.ctx + CTX.vlanProto, proto, true);
}

/** skb_vlan_push(): the tag stays beside the bytes; one that was there already goes into them. */
export function vlanPush(env: HelperEnv, r: RegFile) {
  const packet = packetOf(env, 'skb_vlan_push');
  const { view } = env.memory;
  const asked = r[4]! & 0xffff;
  const proto = isVlan(asked) ? asked : PROTO.vlan;
  if (view.getUint32(env.ctx + CTX.vlanPresent, true) !== 0) {
    const old = view.getUint32(env.ctx + CTX.vlanProto, true);
    const bad = pushTag(env, packet, old, view.getUint32(env.ctx + CTX.vlanTci, true));
    if (bad !== 0) return returnNumber(r, bad);
    setProtocol(env, old);
  }
  setTag(env, proto, r[6]! & 0xffff, true);
  packet.moved();
  returnNumber(r, 0);
}

/** __skb_vlan_pop(): the tag of the bytes, or undefined when they are too few. */
function popTag(env: HelperEnv, packet: Packet): { readonly proto: number; readonly tci: number } | undefined {
  const { view } = env.memory;
  if (packetLength(packet) < ETHERNET + VLAN_TAG) return undefined;
  const tag = { proto: view.getUint16(packet.data + 12, true), tci: view.getUint16(packet.data + 14, false) };
  env.memory.u8.copyWithin(packet.data + VLAN_TAG, packet.data, packet.data + MAC_ADDRESSES);
  packet.data = packet.meta = packet.data + VLAN_TAG;
  setProtocol(env, view.getUint16(packet.data + 12, true));
  return tag;
}

export function vlanPop(env: HelperEnv, r: RegFile) {
  const packet = packetOf(env, 'skb_vlan_pop');
  const { view } = env.memory;
  const protocol = (): number => view.getUint32(env.ctx + CTX.protocol, true);
  if (view.getUint32(env.ctx + CTX.vlanPresent, true) !== 0) setTag(env, 0, 0, false);
  else if (!isVlan(protocol())) return returnNumber(r, 0);
  else if (!popTag(env, packet)) return returnNumber(r, ENOMEM);
  // The next tag of the bytes comes beside them.
  if (isVlan(protocol())) {
    const next = popTag(env, packet);
    if (!next) return returnNumber(r, ENOMEM);
    setTag(env, next.proto, next.tci, true);
  }
  packet.moved();
  returnNumber(r, 0);
}

const MODE = { net: 0, mac: 1 } as const;
/** BPF_F_ADJ_ROOM_FIXED_GSO, ENCAP_*, NO_CSUM_RESET, DECAP_*: what they say concerns segmentation, and nothing of it is here. */
const ROOM_FLAGS = 0x1ff;

/** Room behind the network header (mode 0) or the MAC header (mode 1), or less of it. */
export function adjustRoom(env: HelperEnv, r: RegFile) {
  const packet = packetOf(env, 'skb_adjust_room');
  const difference = r[4]!;
  const mode = u32(r, 3);
  if (u64(r, 4) > ROOM_FLAGS) return returnNumber(r, EINVAL);
  if (Math.abs(difference) > 0xfff) return returnNumber(r, -ERRNO.EFAULT);
  const base = networkHeader(env);
  if (base === 0 || (mode !== MODE.net && mode !== MODE.mac)) return returnNumber(r, ENOTSUPP);
  const network = packet.networkOffset ?? ETHERNET;
  const at = mode === MODE.net ? network + base : network;
  const left = packetLength(packet) - network + difference;
  // A network header at least must be left, and no packet becomes larger than one can be.
  if (difference < 0 ? left < base : left > LARGEST) return returnNumber(r, ENOTSUPP);
  const bad = makeRoom(env, packet, at, difference);
  if (bad === 0) packet.moved();
  returnNumber(r, bad);
}

/** Length of the smallest network header of the buffer's protocol; 0 for others than IP. */
function networkHeader(env: HelperEnv): number {
  const protocol = env.memory.view.getUint32(env.ctx + CTX.protocol, true);
  return protocol === PROTO.ip ? IP_HEADER : protocol === PROTO.ipv6 ? IPV6_HEADER : 0;
}

/** IPv4 to IPv6 or back: room is made for the other header, which the program writes. */
export function changeProto(env: HelperEnv, r: RegFile) {
  const packet = packetOf(env, 'skb_change_proto');
  const proto = r[4]! & 0xffff;
  const from = env.memory.view.getUint32(env.ctx + CTX.protocol, true);
  if (u64(r, 3) !== 0) return returnNumber(r, EINVAL);
  const larger = IPV6_HEADER - IP_HEADER;
  const difference =
    from === PROTO.ip && proto === PROTO.ipv6
      ? larger
      : from === PROTO.ipv6 && proto === PROTO.ip
        ? -larger
        : undefined;
  if (difference === undefined) return returnNumber(r, ENOTSUPP);
  const bad = makeRoom(env, packet, packet.networkOffset ?? ETHERNET, difference);
  if (bad !== 0) return returnNumber(r, bad);
  setProtocol(env, proto);
  setHash(env, 0);
  packet.moved();
  returnNumber(r, 0);
}

/** PACKET_HOST to PACKET_OTHERHOST: "only between own types". */
export function changeType(env: HelperEnv, r: RegFile) {
  packetOf(env, 'skb_change_type');
  const { view } = env.memory;
  const [now, next] = [view.getUint32(env.ctx + CTX.pktType, true), u32(r, 2)];
  if (now > PACKET_OTHERHOST || next > PACKET_OTHERHOST) return returnNumber(r, EINVAL);
  view.setUint32(env.ctx + CTX.pktType, next, true);
  returnNumber(r, 0);
}

function setHash(env: HelperEnv, hash: number): void {
  env.memory.view.setInt32(env.ctx + CTX.hash, hash, true);
}

/** What is set stays; otherwise a hash of protocol, addresses and ports (skb_get_hash), never 0. Which hash is the kernel's own affair. */
export function hashRecalc(env: HelperEnv, r: RegFile) {
  const packet = packetOf(env, 'get_hash_recalc');
  const { view, u8 } = env.memory;
  const known = view.getUint32(env.ctx + CTX.hash, true);
  if (known !== 0) return returnNumber(r, known);
  const at = packet.data + (packet.networkOffset ?? ETHERNET);
  const ipv6 = networkHeader(env) === IPV6_HEADER;
  const [addresses, length] = ipv6 ? [at + 8, 32] : [at + 12, 8];
  const ports = at + (ipv6 ? IPV6_HEADER : (u8[at]! & 15) * 4);
  let hash = 0x811c9dc5;
  const mix = (from: number, size: number): void => {
    for (let i = 0; i < size && from + i < packet.end; i++) hash = Math.imul(hash ^ u8[from + i]!, 0x01000193);
  };
  mix(ipv6 ? at + 6 : at + 9, 1);
  mix(addresses, length);
  mix(ports, 4);
  setHash(env, hash === 0 ? 1 : hash);
  returnNumber(r, view.getUint32(env.ctx + CTX.hash, true));
}

export function setHashInvalid(env: HelperEnv, r: RegFile) {
  packetOf(env, 'set_hash_invalid');
  setHash(env, 0);
  returnNumber(r, 0);
}

export function setHashTo(env: HelperEnv, r: RegFile) {
  packetOf(env, 'set_hash');
  setHash(env, r[4]!);
  returnNumber(r, 0);
}

/** INET_ECN_set_ce(): 1 when the packet says "congestion experienced" now (or did), 0 when its sender takes no part. */
export function ecnSetCe(env: HelperEnv, r: RegFile) {
  const packet = packetOf(env, 'skb_ecn_set_ce');
  const { view, u8 } = env.memory;
  const at = packet.data + (packet.networkOffset ?? ETHERNET);
  const header = networkHeader(env);
  if (header === 0 || at + header > packet.end) return returnNumber(r, 0);
  // IPv4: low bits of the second byte. IPv6: bits 4 and 5 of it.
  const shift = header === IP_HEADER ? 0 : 4;
  const ecn = (u8[at + 1]! >> shift) & 3;
  if (ecn === 0) return returnNumber(r, 0);
  u8[at + 1] = u8[at + 1]! | (3 << shift);
  if (header === IP_HEADER && ecn !== 3) {
    // The checksum follows the two bits (IP_ECN_set_ce).
    const sum = view.getUint16(at + 10, false) + 0xffff - (3 - ecn);
    view.setUint16(at + 10, sum > 0xffff ? (sum & 0xffff) + 1 : sum, false);
  }
  returnNumber(r, 1);
}

/** Clocks that a time stamp may be of (BPF_SKB_CLOCK_*); realtime takes zero too, which is none. */
const CLOCK = { realtime: 0, tai: 2 } as const;

export function setTstamp(env: HelperEnv, r: RegFile) {
  packetOf(env, 'skb_set_tstamp');
  const { view } = env.memory;
  if (networkHeader(env) === 0) return returnNumber(r, EOPNOTSUPP);
  const type = u32(r, 3);
  const zero = r[4] === 0 && r[5] === 0;
  if (type > CLOCK.tai || (type !== CLOCK.realtime && zero)) return returnNumber(r, EINVAL);
  view.setInt32(env.ctx + CTX.tstamp, r[4]!, true);
  view.setInt32(env.ctx + CTX.tstamp + 4, r[5]!, true);
  view.setUint8(env.ctx + CTX.tstampType, type);
  returnNumber(r, 0);
}

const FRAG_NEEDED = 1;
const MTU_FLAGS = 1;

/** 0 when the packet fits the device, 1 when it needs fragments; the MTU goes to the third argument, which may name another length first. */
export function checkMtu(env: HelperEnv, r: RegFile) {
  const packet = packetOf(env, 'check_mtu');
  const { view } = env.memory;
  const out = u32(r, 3);
  const mtu = env.deviceMtu?.(u32(r, 2));
  if (u64(r, 5) > MTU_FLAGS) return returnNumber(r, EINVAL);
  if (mtu === undefined) return returnNumber(r, ENODEV);
  const asked = view.getUint32(out, true);
  const length = (asked === 0 ? packetLength(packet) : asked + ETHERNET) + r[8]!;
  view.setUint32(out, mtu, true);
  returnNumber(r, length <= mtu + ETHERNET ? 0 : FRAG_NEEDED);
}

/** Of a buffer without a route, a socket, a tunnel: what the kernel answers then. */
export const WITHOUT = {
  zero: (_env: HelperEnv, r: RegFile) => returnNumber(r, 0),
  socketUid: (_env: HelperEnv, r: RegFile) => returnNumber(r, OVERFLOW_UID),
  socket: (_env: HelperEnv, r: RegFile) => returnNumber(r, ENOENT),
  /** The buffer of arguments `to` and `to + 1` is cleared. */
  cleared: (to: number, errno: number) => (env: HelperEnv, r: RegFile) => {
    env.memory.u8.fill(0, u32(r, to), u32(r, to) + u32(r, to + 1));
    returnNumber(r, errno);
  },
} as const;
