/**
 * Stack traces. Signatures: kernel/bpf/stackmap.c.
 */
import type { HelperRow } from './helper.ts';

export const STACK_HELPERS = [
  {
    id: 27,
    name: 'get_stackid',
    args: ['ctx', 'const_map_ptr', 'anything'],
    ret: 'integer',
    gplOnly: true,
    since: '4.6',
    progTypes: 'tracing',
  },
  {
    id: 67,
    name: 'get_stack',
    args: ['ctx', 'uninit_mem', 'const_size_or_zero', 'anything'],
    ret: 'integer',
    gplOnly: true,
    since: '4.18',
    progTypes: 'tracing',
    mightSleep: true,
  },
  {
    id: 141,
    name: 'get_task_stack',
    args: ['btf_id', 'uninit_mem', 'const_size_or_zero', 'anything'],
    ret: 'integer',
    since: '5.9',
    progTypes: 'all',
    before: { kernel: '6.16', progTypes: ['all_tracing'] },
    argBtf: { 1: 'task_struct' },
  },
] as const satisfies readonly HelperRow[];
