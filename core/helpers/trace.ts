/**
 * Formatted text: the trace pipe, snprintf, seq files of iterators. The format language is in format.ts.
 * Signatures: kernel/trace/bpf_trace.c, kernel/bpf/helpers.c.
 */
import type { HelperRow } from './helper.ts';

export const TRACE_HELPERS = [
  {
    id: 6,
    name: 'trace_printk',
    args: ['mem', 'const_size'],
    ret: 'integer',
    gplOnly: true,
    since: '4.1',
    progTypes: ['all', 'lirc_mode2'],
  },
  {
    id: 126,
    name: 'seq_printf',
    args: ['btf_id', 'mem', 'const_size', 'mem_or_null', 'const_size_or_zero'],
    ret: 'integer',
    gplOnly: true,
    since: '5.7',
    progTypes: ['tracing:trace_iter'],
    argBtf: { 1: 'seq_file' },
  },
  {
    id: 127,
    name: 'seq_write',
    args: ['btf_id', 'mem', 'const_size_or_zero'],
    ret: 'integer',
    gplOnly: true,
    since: '5.7',
    progTypes: ['tracing:trace_iter'],
    argBtf: { 1: 'seq_file' },
  },
  {
    id: 147,
    name: 'd_path',
    args: ['btf_id', 'mem_write', 'const_size_or_zero'],
    ret: 'integer',
    since: '5.10',
    progTypes: ['lsm', 'syscall', 'tracing'],
    argBtf: { 1: 'path' },
  },
  {
    id: 149,
    name: 'snprintf_btf',
    args: ['mem_write', 'const_size', 'mem', 'const_size', 'anything'],
    ret: 'integer',
    since: '5.10',
    progTypes: 'all',
  },
  {
    id: 150,
    name: 'seq_printf_btf',
    args: ['btf_id', 'mem', 'const_size_or_zero', 'anything'],
    ret: 'integer',
    gplOnly: true,
    since: '5.10',
    progTypes: ['tracing:trace_iter'],
    argBtf: { 1: 'seq_file' },
  },
  {
    id: 165,
    name: 'snprintf',
    args: ['mem_write_or_null', 'const_size_or_zero', 'const_str', 'mem_or_null', 'const_size_or_zero'],
    ret: 'integer',
    gplOnly: true,
    since: '5.13',
    progTypes: 'all',
  },
  {
    id: 177,
    name: 'trace_vprintk',
    args: ['mem', 'const_size', 'mem_or_null', 'const_size_or_zero'],
    ret: 'integer',
    gplOnly: true,
    since: '5.16',
    progTypes: 'all',
  },
] as const satisfies readonly HelperRow[];
