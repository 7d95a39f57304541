/**
 * What a probe knows of the function it stands on: arguments, return value, address, cookie; and changing its result.
 * Signatures: kernel/trace/bpf_trace.c.
 */
import type { HelperRow } from './helper.ts';

export const TRAMPOLINE_HELPERS = [
  {
    id: 58,
    name: 'override_return',
    args: ['ctx', 'anything'],
    ret: 'integer',
    gplOnly: true,
    since: '4.16',
    progTypes: ['kprobe'],
  },
  { id: 173, name: 'get_func_ip', args: ['ctx'], ret: 'integer', since: '5.15', progTypes: 'tracing' },
  {
    id: 174,
    name: 'get_attach_cookie',
    args: ['ctx'],
    ret: 'integer',
    since: '5.15',
    progTypes: ['kprobe', 'lsm', 'perf_event', 'raw_tracepoint', 'raw_tracepoint_writable', 'tracepoint', 'tracing'],
  },
  {
    id: 183,
    name: 'get_func_arg',
    args: ['ctx', 'anything', 'ptr_to_long'],
    ret: 'integer',
    since: '5.17',
    progTypes: ['lsm', 'tracing'],
  },
  {
    id: 184,
    name: 'get_func_ret',
    args: ['ctx', 'ptr_to_long'],
    ret: 'integer',
    since: '5.17',
    progTypes: ['lsm', 'tracing'],
  },
  { id: 185, name: 'get_func_arg_cnt', args: ['ctx'], ret: 'integer', since: '5.17', progTypes: ['lsm', 'tracing'] },
] as const satisfies readonly HelperRow[];
