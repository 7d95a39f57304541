/**
 * Checksums of packets. Signatures: net/core/filter.c.
 */
import { EFAULT, EINVAL, ENOTSUPP } from '../maps/errno.ts';
import { csumFold16, csumPartial, csumReplace, csumReplaceByDiff, csumSub } from './checksum.ts';
import type { HelperEnv, HelperRow, RegFile } from './helper.ts';
import { inPacket, packetOf } from './packet.ts';
import { returnNumber, u32, u64 } from './registers.ts';

/** Flags of the two replace helpers: size of the field in the low bits. */
const FIELD_MASK = 0xf;
const PSEUDO_HEADER = 0x10;
const MARK_MANGLED_0 = 0x20;
const MARK_ENFORCE = 0x40;
const IPV6 = 0x80;
const L4_FLAGS = FIELD_MASK | PSEUDO_HEADER | MARK_MANGLED_0 | MARK_ENFORCE | IPV6;

/** Replace in a checksum field: by a difference (size 0), or two or four bytes that were `from` and are `to`. */
function replace(field: number, size: number, from: number, to: number): number | undefined {
  if (size === 0) return from === 0 ? csumReplaceByDiff(field, to) : undefined;
  if (size === 2) return csumReplace(field, from & 0xffff, to & 0xffff);
  return size === 4 ? csumReplace(field, from >>> 0, to >>> 0) : undefined;
}

function csumReplaceAt(name: string, allowed: number) {
  return (env: HelperEnv, r: RegFile) => {
    const packet = packetOf(env, name);
    const offset = u32(r, 2);
    const flags = u64(r, 5);
    if (flags > allowed || (flags & ~allowed) !== 0) return returnNumber(r, EINVAL);
    const at = offset > 0xffff || (offset & 1) !== 0 ? 0 : inPacket(packet, offset, 2);
    if (at === 0) return returnNumber(r, EFAULT);
    const { view } = env.memory;
    const field = view.getUint16(at, true);
    // A UDP checksum of 0 means that there is none: leave it alone, and never make one.
    const udp = (flags & MARK_MANGLED_0) !== 0;
    if (udp && (flags & MARK_ENFORCE) === 0 && field === 0) return returnNumber(r, 0);
    const next = replace(field, flags & FIELD_MASK, u64(r, 3), u64(r, 4));
    if (next === undefined) return returnNumber(r, EINVAL);
    view.setUint16(at, udp && next === 0 ? 0xffff : next, true);
    returnNumber(r, 0);
  };
}

/** Sum of `to` less sum of `from`, on top of the seed, folded to 16 bits (since 6.13). */
function csumDiff(env: HelperEnv, r: RegFile) {
  const [from, fromSize, to, toSize] = [u32(r, 1), u32(r, 2), u32(r, 3), u32(r, 4)];
  const seed = u32(r, 5);
  if (((fromSize | toSize) & 3) !== 0) return returnNumber(r, EINVAL);
  const { view } = env.memory;
  let sum = seed;
  if (toSize === 0) {
    if (fromSize > 0) sum = ~csumPartial(view, from, fromSize, ~seed);
  } else {
    sum = csumPartial(view, to, toSize, seed);
    if (fromSize > 0) sum = csumSub(sum, csumPartial(view, from, fromSize, 0));
  }
  returnNumber(r, csumFold16(sum));
}

export const CSUM_HELPERS = [
  {
    id: 10,
    name: 'l3_csum_replace',
    args: ['ctx', 'anything', 'anything', 'anything', 'anything'],
    ret: 'integer',
    since: '4.1',
    progTypes: ['tc', 'lwt_xmit'],
    changesPacket: true,
    run: csumReplaceAt('l3_csum_replace', FIELD_MASK),
  },
  {
    id: 11,
    name: 'l4_csum_replace',
    args: ['ctx', 'anything', 'anything', 'anything', 'anything'],
    ret: 'integer',
    since: '4.1',
    progTypes: ['tc', 'lwt_xmit'],
    changesPacket: true,
    run: csumReplaceAt('l4_csum_replace', L4_FLAGS),
  },
  {
    id: 28,
    name: 'csum_diff',
    args: ['mem_or_null', 'const_size_or_zero', 'mem_or_null', 'const_size_or_zero', 'anything'],
    ret: 'integer',
    since: '4.6',
    progTypes: ['lwt', 'tc', 'xdp'],
    pktAccess: true,
    run: csumDiff,
  },
  {
    id: 40,
    name: 'csum_update',
    args: ['ctx', 'anything'],
    ret: 'integer',
    since: '4.9',
    progTypes: ['tc', 'lwt_xmit'],
    changesPacket: true,
    run: (_env: HelperEnv, r: RegFile) => returnNumber(r, ENOTSUPP),
  },
  {
    id: 135,
    name: 'csum_level',
    args: ['ctx', 'anything'],
    ret: 'integer',
    since: '5.7',
    progTypes: ['tc', 'lwt_xmit'],
  },
] as const satisfies readonly HelperRow[];
