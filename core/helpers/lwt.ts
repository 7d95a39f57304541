/**
 * Lightweight tunnels and segment routing. Signatures: net/core/filter.c.
 */
import type { HelperRow } from './helper.ts';

export const LWT_HELPERS = [
  {
    id: 73,
    name: 'lwt_push_encap',
    args: ['ctx', 'anything', 'mem', 'const_size'],
    ret: 'integer',
    since: '4.18',
    progTypes: ['lwt_in', 'lwt_xmit'],
    changesPacket: true,
  },
  {
    id: 74,
    name: 'lwt_seg6_store_bytes',
    args: ['ctx', 'anything', 'mem', 'const_size'],
    ret: 'integer',
    since: '4.18',
    progTypes: ['lwt_seg6local'],
    changesPacket: true,
  },
  {
    id: 75,
    name: 'lwt_seg6_adjust_srh',
    args: ['ctx', 'anything', 'anything'],
    ret: 'integer',
    since: '4.18',
    progTypes: ['lwt_seg6local'],
    changesPacket: true,
  },
  {
    id: 76,
    name: 'lwt_seg6_action',
    args: ['ctx', 'anything', 'mem', 'const_size'],
    ret: 'integer',
    since: '4.18',
    progTypes: ['lwt_seg6local'],
    changesPacket: true,
  },
] as const satisfies readonly HelperRow[];
