/**
 * Formatted text: the trace pipe, snprintf, seq files of iterators. The format language is in format.ts.
 * Signatures: kernel/trace/bpf_trace.c, kernel/bpf/helpers.c.
 */
import { utf8Decode, utf8Encode } from '../base/bytes.ts';
import { Unsupported } from '../base/errors.ts';
import { EINVAL, ENAMETOOLONG } from '../maps/errno.ts';
import { format } from './format.ts';
import type { HelperEnv, HelperRow, RegFile } from './helper.ts';
import { returnNumber, u32 } from './registers.ts';

/** Longest line of the trace pipe, with its NUL (MAX_BPRINTF_BUF). */
const LINE_MAX = 1024;
/** Most arguments of the helpers that take an array of them (MAX_BPRINTF_VARARGS). */
const VARARGS_MAX = 12;

function latin1(text: string): Uint8Array {
  return Uint8Array.from(text, (c) => c.charCodeAt(0));
}

/** Give a line to the trace pipe; the program gets the length that it would have had without the limit. */
function printLine(env: HelperEnv, r: RegFile, length: number, text: string) {
  if (length >= 0) env.tracePrintk(utf8Decode(latin1(text.slice(0, LINE_MAX - 1))));
  returnNumber(r, length);
}

function tracePrintk(env: HelperEnv, r: RegFile) {
  const { length, text } = format(env, u32(r, 1), u32(r, 2), 3, (i) => [r[6 + 2 * i]!, r[7 + 2 * i]!]);
  printLine(env, r, length, text);
}

/**
 * Arguments as an array of u64 at argument `n` with its size in bytes in the next one; undefined when that is no such
 * array.
 */
function varargs(env: HelperEnv, r: RegFile, n: number) {
  const size = u32(r, n + 1);
  const at = u32(r, n);
  if (size % 8 !== 0 || size > VARARGS_MAX * 8 || (size > 0 && at === 0)) return undefined;
  const { view } = env.memory;
  const argument = (i: number) => [view.getInt32(at + 8 * i, true), view.getInt32(at + 8 * i + 4, true)] as const;
  return { count: size / 8, argument };
}

function traceVprintk(env: HelperEnv, r: RegFile) {
  const list = varargs(env, r, 3);
  if (!list) return returnNumber(r, EINVAL);
  const { length, text } = format(env, u32(r, 1), u32(r, 2), list.count, list.argument);
  printLine(env, r, length, text);
}

/** The length with the NUL that the whole text needs; what does not fit the buffer is cut. */
function snprintf(env: HelperEnv, r: RegFile) {
  const list = varargs(env, r, 4);
  if (!list) return returnNumber(r, EINVAL);
  const { length, text } = format(env, u32(r, 3), 0xffffffff, list.count, list.argument);
  if (length < 0) return returnNumber(r, length);
  const size = u32(r, 2);
  if (size > 0) {
    const bytes = latin1(text.slice(0, size - 1));
    env.memory.u8.set(bytes, u32(r, 1));
    env.memory.u8[u32(r, 1) + bytes.length] = 0;
  }
  returnNumber(r, length + 1);
}

function seqWriter(env: HelperEnv) {
  if (!env.seqWrite)
    throw new Unsupported('writing to a seq_file', { hint: 'only iterators on a backend that has them' });
  return env.seqWrite.bind(env);
}

function seqPrintf(env: HelperEnv, r: RegFile) {
  const write = seqWriter(env);
  const list = varargs(env, r, 4);
  if (!list) return returnNumber(r, EINVAL);
  const { length, text } = format(env, u32(r, 2), u32(r, 3), list.count, list.argument);
  returnNumber(r, length < 0 ? length : write(u32(r, 1), latin1(text)));
}

function seqWrite(env: HelperEnv, r: RegFile) {
  const write = seqWriter(env);
  const from = u32(r, 2);
  returnNumber(r, write(u32(r, 1), Uint8Array.from(env.memory.u8.subarray(from, from + u32(r, 3)))));
}

/** Length with the NUL; -ENAMETOOLONG (and nothing written) when it does not fit. */
function dPath(env: HelperEnv, r: RegFile) {
  if (!env.pathText) throw new Unsupported('helper `d_path` outside a kernel');
  const size = u32(r, 3);
  if (size === 0) return returnNumber(r, 0);
  const text = env.pathText(u32(r, 1));
  if (text === undefined) return returnNumber(r, EINVAL);
  const bytes = utf8Encode(text);
  if (bytes.length + 1 > size) return returnNumber(r, ENAMETOOLONG);
  env.memory.u8.set(bytes, u32(r, 2));
  env.memory.u8[u32(r, 2) + bytes.length] = 0;
  returnNumber(r, bytes.length + 1);
}

export const TRACE_HELPERS = [
  {
    id: 6,
    name: 'trace_printk',
    args: ['mem', 'const_size'],
    ret: 'integer',
    gplOnly: true,
    since: '4.1',
    progTypes: ['all', 'lirc_mode2'],
    run: tracePrintk,
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
    run: seqPrintf,
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
    run: seqWrite,
  },
  {
    id: 147,
    name: 'd_path',
    args: ['btf_id', 'mem_write', 'const_size_or_zero'],
    ret: 'integer',
    since: '5.10',
    progTypes: ['lsm', 'syscall', 'tracing'],
    argBtf: { 1: 'path' },
    run: dPath,
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
    run: snprintf,
  },
  {
    id: 177,
    name: 'trace_vprintk',
    args: ['mem', 'const_size', 'mem_or_null', 'const_size_or_zero'],
    ret: 'integer',
    gplOnly: true,
    since: '5.16',
    progTypes: 'all',
    run: traceVprintk,
  },
] as const satisfies readonly HelperRow[];
