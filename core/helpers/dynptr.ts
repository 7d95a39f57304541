/**
 * Dynamic pointers: memory whose size is known at run time only. Signatures: kernel/bpf/helpers.c.
 */
import type { HelperRow } from './helper.ts';

export const DYNPTR_HELPERS = [
  {
    id: 197,
    name: 'dynptr_from_mem',
    args: ['uninit_mem', 'const_size_or_zero', 'anything', 'uninit_dynptr'],
    ret: 'integer',
    since: '5.19',
    progTypes: 'all',
  },
  {
    id: 201,
    name: 'dynptr_read',
    args: ['uninit_mem', 'const_size_or_zero', 'dynptr', 'anything', 'anything'],
    ret: 'integer',
    since: '5.19',
    progTypes: 'all',
  },
  {
    id: 202,
    name: 'dynptr_write',
    args: ['dynptr', 'anything', 'mem', 'const_size_or_zero', 'anything'],
    ret: 'integer',
    since: '5.19',
    progTypes: 'all',
  },
  {
    id: 203,
    name: 'dynptr_data',
    args: ['dynptr', 'anything', 'const_alloc_size_or_zero'],
    ret: 'dynptr_mem_or_null',
    since: '5.19',
    progTypes: 'all',
  },
] as const satisfies readonly HelperRow[];
