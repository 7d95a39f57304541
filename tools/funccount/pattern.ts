/**
 * What funccount counts: `func`, `p::func` (kernel functions), `lib:func`, `p:lib:func`, `/path:func` (functions of programs and libraries),
 * `t:category:event` (tracepoints). `*` stands for anything; with -r the pattern is a regular expression.
 */
import { BpfError, Unsupported } from '../../core/base/errors.ts';
import { BPF } from '../../core/bcc/bpf.ts';
import { findBinary, userFunctions } from '../library.ts';

export interface Found {
  readonly kind: 'kernel' | 'user' | 'tracepoint';
  /** Path of the binary of user functions. */
  readonly path?: string;
  readonly names: readonly string[];
}

export function findAll(text: string, isRegexp: boolean, pid: number | undefined): Found {
  const { kind, library, pattern } = parse(text);
  let regexp: RegExp;
  const source = isRegexp ? pattern : `${pattern.replace(/[.+?^$(){}|[\]\\]/g, '\\$&').replaceAll('*', '.*')}$`;
  try {
    regexp = new RegExp(`^(?:${source})`);
  } catch (error) {
    throw new BpfError('EINVAL', `funccount: '${pattern}' is no regular expression: ${(error as Error).message}`);
  }
  if (kind === 'user') {
    const path = findBinary('funccount', library, pid);
    return { kind, path, names: userFunctions('funccount', path).filter((name) => regexp.test(name)) };
  }
  return { kind, names: kind === 'kernel' ? BPF.getKprobeFunctions(source) : BPF.getTracepoints(source) };
}

function parse(text: string): { kind: Found['kind']; library: string; pattern: string } {
  const parts = text.split(':');
  if (parts.length > 3)
    throw new BpfError('EINVAL', `funccount: '${text}' has too many parts; TYPE:LIBRARY:FUNCTION is the longest form`);
  const [type, library, pattern] =
    parts.length === 1
      ? ['p', '', parts[0]!]
      : parts.length === 2
        ? ['p', parts[0]!, parts[1]!]
        : (parts as [string, string, string]);
  if (pattern === '') throw new BpfError('EINVAL', `funccount: '${text}' names no function`);
  switch (type) {
    case '':
    case 'p':
      return { kind: library === '' ? 'kernel' : 'user', library, pattern };
    case 't':
      return { kind: 'tracepoint', library: '', pattern: `${library}:${pattern}` };
    case 'u':
      throw new Unsupported(`funccount of USDT probes (${text})`, {
        hint: "the functions of a library can be counted: 'c:malloc'",
      });
    default:
      throw new BpfError('EINVAL', `funccount: the type of '${text}' must be p or t, not '${type}'`);
  }
}
