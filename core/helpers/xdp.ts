/**
 * Packets before there is a socket buffer. Signatures: net/core/filter.c.
 */
import type { HelperRow } from './helper.ts';

export const XDP_HELPERS = [
  {
    id: 44,
    name: 'xdp_adjust_head',
    args: ['ctx', 'anything'],
    ret: 'integer',
    since: '4.10',
    progTypes: ['xdp'],
    changesPacket: true,
  },
  {
    id: 51,
    name: 'redirect_map',
    args: ['const_map_ptr', 'anything', 'anything'],
    ret: 'integer',
    since: '4.14',
    progTypes: ['xdp'],
  },
  {
    id: 54,
    name: 'xdp_adjust_meta',
    args: ['ctx', 'anything'],
    ret: 'integer',
    since: '4.15',
    progTypes: ['xdp'],
    changesPacket: true,
  },
  {
    id: 65,
    name: 'xdp_adjust_tail',
    args: ['ctx', 'anything'],
    ret: 'integer',
    since: '4.18',
    progTypes: ['xdp'],
    changesPacket: true,
  },
  {
    id: 69,
    name: 'fib_lookup',
    args: ['ctx', 'mem_write', 'const_size', 'anything'],
    ret: 'integer',
    gplOnly: true,
    since: '4.18',
    progTypes: ['tc', 'xdp'],
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
  },
  {
    id: 189,
    name: 'xdp_load_bytes',
    args: ['ctx', 'anything', 'uninit_mem', 'const_size'],
    ret: 'integer',
    since: '5.18',
    progTypes: ['xdp'],
  },
  {
    id: 190,
    name: 'xdp_store_bytes',
    args: ['ctx', 'anything', 'mem', 'const_size'],
    ret: 'integer',
    since: '5.18',
    progTypes: ['xdp'],
  },
] as const satisfies readonly HelperRow[];
