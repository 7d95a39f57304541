/**
 * Ring buffers, kernel to user (ringbuf) and user to kernel (user_ringbuf). Signatures: kernel/bpf/ringbuf.c.
 */
import type { HelperRow } from './helper.ts';

export const RINGBUF_HELPERS = [
  {
    id: 130,
    name: 'ringbuf_output',
    args: ['const_map_ptr', 'mem', 'const_size_or_zero', 'anything'],
    ret: 'integer',
    since: '5.8',
    progTypes: 'all',
  },
  {
    id: 131,
    name: 'ringbuf_reserve',
    args: ['const_map_ptr', 'const_alloc_size_or_zero', 'anything'],
    ret: 'alloc_mem_or_null',
    since: '5.8',
    progTypes: 'all',
    acquires: true,
  },
  {
    id: 132,
    name: 'ringbuf_submit',
    args: ['alloc_mem', 'anything'],
    ret: 'void',
    since: '5.8',
    progTypes: 'all',
    releases: 1,
  },
  {
    id: 133,
    name: 'ringbuf_discard',
    args: ['alloc_mem', 'anything'],
    ret: 'void',
    since: '5.8',
    progTypes: 'all',
    releases: 1,
  },
  {
    id: 134,
    name: 'ringbuf_query',
    args: ['const_map_ptr', 'anything'],
    ret: 'integer',
    since: '5.8',
    progTypes: 'all',
  },
  {
    id: 198,
    name: 'ringbuf_reserve_dynptr',
    args: ['const_map_ptr', 'anything', 'anything', 'uninit_dynptr'],
    ret: 'integer',
    since: '5.19',
    progTypes: 'all',
  },
  {
    id: 199,
    name: 'ringbuf_submit_dynptr',
    args: ['dynptr', 'anything'],
    ret: 'void',
    since: '5.19',
    progTypes: 'all',
    releases: 1,
  },
  {
    id: 200,
    name: 'ringbuf_discard_dynptr',
    args: ['dynptr', 'anything'],
    ret: 'void',
    since: '5.19',
    progTypes: 'all',
    releases: 1,
  },
  {
    id: 209,
    name: 'user_ringbuf_drain',
    args: ['const_map_ptr', 'func', 'stack_or_null', 'anything'],
    ret: 'integer',
    since: '6.1',
    progTypes: 'all',
  },
] as const satisfies readonly HelperRow[];
