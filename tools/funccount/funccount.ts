/**
 * funccount: calls of every kernel function or tracepoint that matches a pattern, with BCC's flags and columns. The program has one C
 * function for each that is counted, so its text is made here.
 */
import { BpfError } from '../../core/base/errors.ts';
import { BPF } from '../../core/bcc/bpf.ts';
import { left, right, timeOfDay } from '../columns.ts';
import { countArgument, everyInterval, FOREVER } from '../interval.ts';
import { defineTool } from '../tool.ts';

interface Options {
  pid?: number;
  interval?: number;
  timestamp?: boolean;
  regexp?: boolean;
  debug?: boolean;
}

interface Pattern {
  readonly kind: 'function' | 'tracepoint';
  readonly regexp: string;
}

export default defineTool<Options>({
  name: 'funccount',
  summary: 'count calls of functions and tracepoints',
  options: [
    { flags: '-p, --pid <pid>', description: 'count in this process only', type: 'number' },
    { flags: '-i, --interval <seconds>', description: 'report every so often', type: 'number' },
    { flags: '-T, --timestamp', description: 'include the time of day' },
    { flags: '-r, --regexp', description: 'the pattern is a regular expression, not one with * alone' },
    { flags: '-D, --debug', description: 'print the program before it runs' },
  ],
  args: ['<pattern>'],
  examples: `  skep funccount 'vfs_*' -- ls /
  skep funccount -r '^(vfs_read|vfs_write)$' -- date
  skep funccount 't:syscalls:sys_enter_*' -- date`,
  main({ options, args, bpf, print }) {
    const wanted = args[0]!;
    const pattern = parse(wanted, options.regexp ?? false);
    const names =
      pattern.kind === 'function' ? BPF.getKprobeFunctions(pattern.regexp) : BPF.getTracepoints(pattern.regexp);
    if (names.length === 0) throw new BpfError('ENOENT', `funccount: no ${pattern.kind}s match '${wanted}'`);
    if (names.length > BPF.getProbeLimit())
      throw new BpfError(
        'E2BIG',
        `funccount: ${names.length} ${pattern.kind}s match, at most ${BPF.getProbeLimit()} can be counted`,
      );
    const text = programOf(names.length, options.pid);
    if (options.debug) print(text);
    const b = bpf({ text });
    for (const [i, name] of names.entries()) {
      if (pattern.kind === 'function') b.attachKprobe({ event: name, fnName: `count_${i}` });
      else b.attachTracepoint({ tp: name, fnName: `count_${i}` });
    }
    print(`Tracing ${names.length} functions for "${wanted}"... Hit Ctrl-C to end.`);
    const counts = b.getTable<number, bigint>('counts');
    const intervalS = countArgument(
      options.interval === undefined ? undefined : String(options.interval),
      'interval',
      FOREVER,
    );
    everyInterval(b, { intervalS }, (last) => {
      print('');
      if (options.timestamp) print(timeOfDay());
      print(`${left('FUNC', 36)} ${right('COUNT', 8)}`);
      const rows = counts.items().filter(([, count]) => count > 0n);
      rows.sort(([, a], [, c]) => Number(a - c));
      for (const [slot, count] of rows) print(`${left(names[slot]!, 36)} ${right(count, 8)}`);
      if (last) print('Detaching...');
      else counts.clear();
    });
  },
});

/** `func`, `p::func`, `t:category:event`; user functions (`lib:func`) and USDT (`u:`) need the live kernel. */
function parse(text: string, isRegexp: boolean): Pattern {
  const parts = text.split(':');
  const tracepoint = parts[0] === 't' && parts.length === 3;
  const plain = parts.length === 1 || (parts.length === 3 && parts[0] === 'p' && parts[1] === '');
  if (!tracepoint && !plain)
    throw new BpfError(
      'UNSUPPORTED',
      `funccount: '${text}' is not supported: FUNCTION, p::FUNCTION and t:CATEGORY:EVENT are`,
    );
  const name = tracepoint ? parts.slice(1).join(':') : parts.at(-1)!;
  return {
    kind: tracepoint ? 'tracepoint' : 'function',
    regexp: isRegexp ? name : `${name.replace(/[.+?^$(){}|[\]\\]/g, '\\$&').replaceAll('*', '.*')}$`,
  };
}

function programOf(count: number, pid: number | undefined): string {
  const filter = pid === undefined ? '' : `  if (bpf_get_current_pid_tgid() >> 32 != ${pid}) return 0;\n`;
  const functions = Array.from({ length: count }, (_, i) => `int count_${i}(void *ctx) { return count(${i}); }\n`);
  return `BPF_ARRAY(counts, u64, ${count});
static inline int count(int slot) {
${filter}  counts.increment(slot);
  return 0;
}
${functions.join('')}`;
}
