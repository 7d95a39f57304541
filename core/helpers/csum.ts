/**
 * Checksums of packets. Signatures: net/core/filter.c.
 */
import type { HelperRow } from './helper.ts';

export const CSUM_HELPERS = [
  {
    id: 10,
    name: 'l3_csum_replace',
    args: ['ctx', 'anything', 'anything', 'anything', 'anything'],
    ret: 'integer',
    since: '4.1',
    progTypes: ['tc', 'lwt_xmit'],
    changesPacket: true,
  },
  {
    id: 11,
    name: 'l4_csum_replace',
    args: ['ctx', 'anything', 'anything', 'anything', 'anything'],
    ret: 'integer',
    since: '4.1',
    progTypes: ['tc', 'lwt_xmit'],
    changesPacket: true,
  },
  {
    id: 28,
    name: 'csum_diff',
    args: ['mem_or_null', 'const_size_or_zero', 'mem_or_null', 'const_size_or_zero', 'anything'],
    ret: 'integer',
    since: '4.6',
    progTypes: ['lwt', 'tc', 'xdp'],
    pktAccess: true,
  },
  {
    id: 40,
    name: 'csum_update',
    args: ['ctx', 'anything'],
    ret: 'integer',
    since: '4.9',
    progTypes: ['tc', 'lwt_xmit'],
    changesPacket: true,
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
