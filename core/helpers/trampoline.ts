/**
 * What a probe knows of the function it stands on: arguments, return value, address, cookie; and changing its result.
 * Signatures: kernel/trace/bpf_trace.c.
 */

import { Unsupported } from '../base/errors.ts';
import { EINVAL, EOPNOTSUPP } from '../maps/errno.ts';
import type { HelperEnv, HelperRow, RegFile } from './helper.ts';
import { returnHalves, returnNumber, u32 } from './registers.ts';

/** Arguments of the traced function; its ctx is an array of them, its return value right behind. */
function argumentsOf(env: HelperEnv) {
  if (!env.functionArguments) throw new Unsupported('asking for function arguments outside a trampoline');
  return env.functionArguments();
}

function copyWord(env: HelperEnv, from: number, to: number) {
  env.memory.u8.copyWithin(to, from, from + 8);
}

function getFuncArg(env: HelperEnv, r: RegFile) {
  const index = u32(r, 2);
  if (index >= argumentsOf(env).count) return returnNumber(r, EINVAL);
  copyWord(env, u32(r, 1) + 8 * index, u32(r, 3));
  returnNumber(r, 0);
}

function getFuncRet(env: HelperEnv, r: RegFile) {
  const { count, hasReturn } = argumentsOf(env);
  if (!hasReturn) return returnNumber(r, EOPNOTSUPP);
  copyWord(env, u32(r, 1) + 8 * count, u32(r, 2));
  returnNumber(r, 0);
}

function overrideReturn(env: HelperEnv, r: RegFile) {
  if (!env.overrideReturn) throw new Unsupported('helper `override_return` outside a kernel');
  env.overrideReturn(r[4]!, r[5]!);
  returnNumber(r, 0);
}

export const TRAMPOLINE_HELPERS = [
  {
    id: 58,
    name: 'override_return',
    args: ['ctx', 'anything'],
    ret: 'integer',
    gplOnly: true,
    since: '4.16',
    progTypes: ['kprobe'],
    run: overrideReturn,
  },
  {
    id: 173,
    name: 'get_func_ip',
    args: ['ctx'],
    ret: 'integer',
    gplOnly: true,
    since: '5.15',
    progTypes: 'tracing',
    run: (env: HelperEnv, r: RegFile) => returnHalves(r, ...(env.functionIp?.() ?? [0, 0])),
  },
  {
    id: 174,
    name: 'get_attach_cookie',
    args: ['ctx'],
    ret: 'integer',
    since: '5.15',
    progTypes: [
      'kprobe',
      'tracepoint',
      'perf_event',
      'raw_tracepoint',
      'raw_tracepoint_writable',
      'lsm',
      'tracing:trace_raw_tp',
      'tracing:trace_fentry',
      'tracing:trace_fexit',
      'tracing:modify_return',
    ],
    before: {
      kernel: '6.10',
      progTypes: [
        'kprobe',
        'tracepoint',
        'perf_event',
        'lsm',
        'tracing:trace_fentry',
        'tracing:trace_fexit',
        'tracing:modify_return',
      ],
    },
    run: (env: HelperEnv, r: RegFile) => returnHalves(r, ...(env.attachCookie?.() ?? [0, 0])),
  },
  {
    id: 183,
    name: 'get_func_arg',
    args: ['ctx', 'anything', 'ptr_to_long'],
    ret: 'integer',
    since: '5.17',
    progTypes: ['lsm', 'tracing:trace_fentry', 'tracing:trace_fexit', 'tracing:modify_return'],
    run: getFuncArg,
  },
  {
    id: 184,
    name: 'get_func_ret',
    args: ['ctx', 'ptr_to_long'],
    ret: 'integer',
    since: '5.17',
    progTypes: ['lsm', 'tracing:trace_fentry', 'tracing:trace_fexit', 'tracing:modify_return'],
    run: getFuncRet,
  },
  {
    id: 185,
    name: 'get_func_arg_cnt',
    args: ['ctx'],
    ret: 'integer',
    since: '5.17',
    progTypes: ['lsm', 'tracing:trace_fentry', 'tracing:trace_fexit', 'tracing:modify_return'],
    run: (env: HelperEnv, r: RegFile) => returnNumber(r, argumentsOf(env).count),
  },
] as const satisfies readonly HelperRow[];
