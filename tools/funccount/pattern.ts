/**
 * What funccount counts: `func`, `p::func` (kernel functions), `lib:func`, `p:lib:func`, `/path:func` (functions of programs and libraries),
 * `t:category:event` (tracepoints), `u:lib:probe` (USDT probes). `*` stands for anything; with -r the pattern is a regular expression.
 */
import { BpfError } from '../../core/base/errors.ts';
import { BPF } from '../../core/bcc/bpf.ts';
import { USDT } from '../../core/bcc/usdt/usdt.ts';
import { findBinary } from '../library.ts';

export interface Found {
  readonly kind: 'kernel' | 'user' | 'tracepoint' | 'usdt';
  /** Path of the binary of user functions and USDT probes. */
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
  if (kind === 'user' || kind === 'usdt') {
    const path = findBinary('funccount', library, pid);
    const names =
      kind === 'user'
        ? functionsOf(path, regexp)
        : new USDT({ path, ...(pid !== undefined && { pid }) }).enumerateProbes().map((probe) => probe.name);
    return { kind, path, names: [...new Set(names)].filter((name) => regexp.test(name)).sort() };
  }
  return { kind, names: kind === 'kernel' ? BPF.getKprobeFunctions(source) : BPF.getTracepoints(source) };
}

/** One name for each place: several names may stand for one address, which takes one probe. */
function functionsOf(path: string, regexp: RegExp): string[] {
  const seen = new Set<bigint>();
  return BPF.getUserFunctionsAndAddresses(path, '')
    .filter(([name, address]) => regexp.test(name) && !seen.has(address) && seen.add(address))
    .map(([name]) => name);
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
      return { kind: 'usdt', library, pattern };
    default:
      throw new BpfError('EINVAL', `funccount: the type of '${text}' must be p, t or u, not '${type}'`);
  }
}
