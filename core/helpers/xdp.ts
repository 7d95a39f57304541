/**
 * Packets before there is a socket buffer. Signatures: net/core/filter.c.
 */
import { Unsupported } from '../base/errors.ts';
import type { LinearMemory } from '../base/memory.ts';
import { EACCES, EFAULT, EINVAL } from '../maps/errno.ts';
import { fibLookup } from './fib.ts';
import type { HelperEnv, HelperRow, RegFile } from './helper.ts';
import { mapArgument } from './map.ts';
import { packetLength, packetOf } from './packet.ts';
import { returnNumber, u32, u64 } from './registers.ts';

const ETH_HEADER = 14;
/** Most bytes of metadata: a multiple of 4 that fits a byte. */
const META_MAX = 252;
const XDP_ABORTED = 0;
const XDP_REDIRECT = 4;
/** Low bits of redirect_map's flags: what to answer when the slot is empty. */
const ACTION_MASK = 3;
/** BPF_F_BROADCAST and BPF_F_EXCLUDE_INGRESS, for device maps. */
const BROADCAST = 8;
const DEVICE_FLAGS = BROADCAST | 16;

/** Move the start of the packet by a signed number of bytes; metadata moves along. */
function adjustHead(env: HelperEnv, r: RegFile) {
  const packet = packetOf(env, 'xdp_adjust_head');
  const by = r[4]!;
  const metaSize = packet.data - packet.meta;
  const data = packet.data + by;
  if (data < packet.head + metaSize || data > packet.end - ETH_HEADER) return returnNumber(r, EINVAL);
  env.memory.u8.copyWithin(packet.meta + by, packet.meta, packet.data);
  packet.meta += by;
  packet.data = data;
  packet.moved();
  returnNumber(r, 0);
}

function adjustTail(env: HelperEnv, r: RegFile) {
  const packet = packetOf(env, 'xdp_adjust_tail');
  const end = packet.end + r[4]!;
  if (end > packet.limit || end < packet.data + ETH_HEADER) return returnNumber(r, EINVAL);
  if (end > packet.end) env.memory.u8.fill(0, packet.end, end);
  packet.end = end;
  packet.moved();
  returnNumber(r, 0);
}

function adjustMeta(env: HelperEnv, r: RegFile) {
  const packet = packetOf(env, 'xdp_adjust_meta');
  const meta = packet.meta + r[4]!;
  if (meta < packet.head || meta > packet.data) return returnNumber(r, EINVAL);
  const size = packet.data - meta;
  if (size % 4 !== 0 || size > META_MAX) return returnNumber(r, EACCES);
  packet.meta = meta;
  packet.moved();
  returnNumber(r, 0);
}

/** Copy between the packet and a buffer. */
function copyBytes(helper: string, store: boolean) {
  return (env: HelperEnv, r: RegFile) => {
    const packet = packetOf(env, helper);
    const [offset, buffer, size] = [u32(r, 2), u32(r, 3), u32(r, 4)];
    if (offset > 0xffff || size > 0xffff) return returnNumber(r, EFAULT);
    if (offset + size > packetLength(packet)) return returnNumber(r, EINVAL);
    const at = packet.data + offset;
    if (store) env.memory.u8.copyWithin(at, buffer, buffer + size);
    else env.memory.u8.copyWithin(buffer, at, at + size);
    returnNumber(r, 0);
  };
}

const keyScratch = new WeakMap<LinearMemory, number>();

function redirectMap(env: HelperEnv, r: RegFile) {
  if (!env.redirect) throw new Unsupported('helper `redirect_map` without network devices');
  const map = mapArgument(env, r);
  const flags = u64(r, 3);
  const allowed = ACTION_MASK | (map.attrs.type.startsWith('devmap') ? DEVICE_FLAGS : 0);
  if (flags > allowed || (flags & ~allowed) !== 0) return returnNumber(r, XDP_ABORTED);
  const { memory } = env;
  const at = keyScratch.get(memory) ?? memory.alloc(8);
  keyScratch.set(memory, at);
  const key = u32(r, 2);
  memory.view.setUint32(at, key, true);
  if (map.lookupOffset(at) === 0 && (flags & BROADCAST) === 0) return returnNumber(r, flags & ACTION_MASK);
  env.redirect({ map, key, flags, clone: false });
  returnNumber(r, XDP_REDIRECT);
}

export const XDP_HELPERS = [
  {
    id: 44,
    name: 'xdp_adjust_head',
    args: ['ctx', 'anything'],
    ret: 'integer',
    since: '4.10',
    progTypes: ['xdp'],
    changesPacket: true,
    run: adjustHead,
  },
  {
    id: 51,
    name: 'redirect_map',
    args: ['const_map_ptr', 'anything', 'anything'],
    ret: 'integer',
    since: '4.14',
    progTypes: ['xdp'],
    run: redirectMap,
  },
  {
    id: 54,
    name: 'xdp_adjust_meta',
    args: ['ctx', 'anything'],
    ret: 'integer',
    since: '4.15',
    progTypes: ['xdp'],
    changesPacket: true,
    run: adjustMeta,
  },
  {
    id: 65,
    name: 'xdp_adjust_tail',
    args: ['ctx', 'anything'],
    ret: 'integer',
    since: '4.18',
    progTypes: ['xdp'],
    changesPacket: true,
    run: adjustTail,
  },
  {
    id: 69,
    name: 'fib_lookup',
    args: ['ctx', 'mem_write', 'const_size', 'anything'],
    ret: 'integer',
    gplOnly: true,
    since: '4.18',
    progTypes: ['tc', 'xdp'],
    run: fibLookup,
  },
  {
    id: 188,
    name: 'xdp_get_buff_len',
    args: ['btf_id'],
    ret: 'integer',
    since: '5.18',
    progTypes: ['lsm', 'syscall', 'tracing', 'xdp'],
    argBtf: { 1: 'xdp_buff' },
    variants: [{ progTypes: ['xdp'], args: ['ctx'] }],
    run: (env: HelperEnv, r: RegFile) => returnNumber(r, packetLength(packetOf(env, 'xdp_get_buff_len'))),
  },
  {
    id: 189,
    name: 'xdp_load_bytes',
    args: ['ctx', 'anything', 'uninit_mem', 'const_size'],
    ret: 'integer',
    since: '5.18',
    progTypes: ['xdp'],
    run: copyBytes('xdp_load_bytes', false),
  },
  {
    id: 190,
    name: 'xdp_store_bytes',
    args: ['ctx', 'anything', 'mem', 'const_size'],
    ret: 'integer',
    since: '5.18',
    progTypes: ['xdp'],
    run: copyBytes('xdp_store_bytes', true),
  },
] as const satisfies readonly HelperRow[];
