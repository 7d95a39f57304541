/**
 * funccount: calls of every kernel function, user function or tracepoint that matches a pattern, with BCC's flags and columns. One C function counts
 * them all, told apart by the number that each place was attached with; where there are no such numbers (USDT probes, kernels before 5.15) the program has
 * a C function for each, so its text is made here.
 */
import { BpfError } from '../../core/base/errors.ts';
import { BPF } from '../../core/bcc/bpf.ts';
import { currentSession } from '../../core/bcc/session.ts';
import { USDT } from '../../core/bcc/usdt/usdt.ts';
import { releaseNumber } from '../../core/verifier/versions.ts';
import { timeOfDay } from '../columns.ts';
import { everyInterval, FOREVER } from '../interval.ts';
import { defineTool } from '../tool.ts';
import count from './funccount.c';
import { type Found, findAll } from './pattern.ts';

interface Options {
  pid?: number;
  interval?: number;
  duration?: number;
  timestamp?: boolean;
  regexp?: boolean;
  debug?: boolean;
  cpu?: number;
}

export default defineTool<Options>({
  name: 'funccount',
  summary: 'count calls of functions and tracepoints',
  options: [
    { flags: '-p, --pid <pid>', description: 'count in this process only', type: 'pid' },
    { flags: '-i, --interval <seconds>', description: 'report every so often', type: 'seconds' },
    { flags: '-d, --duration <seconds>', description: 'end after so many seconds', type: 'seconds' },
    { flags: '-T, --timestamp', description: 'include the time of day' },
    { flags: '-r, --regexp', description: 'the pattern is a regular expression, not one with * alone' },
    { flags: '-D, --debug', description: 'print the program before it runs' },
    { flags: '-c, --cpu <cpu>', description: 'count on this CPU only', type: 'cpu' },
  ],
  args: ['<pattern>'],
  examples: `  skep funccount 'vfs_*' -- ls /
  skep funccount -r '^(vfs_read|vfs_write)$' -- date
  skep funccount 't:syscalls:sys_enter_*' -- date
  skep funccount -Ti 5 -d 60 c:malloc`,
  main({ options, args, bpf, print, title, report }) {
    const wanted = args[0]!;
    const found = findAll(wanted, options.regexp ?? false, options.pid);
    const { names } = found;
    if (names.length === 0)
      throw new BpfError(
        'ENOENT',
        `funccount: no ${found.kind === 'tracepoint' ? 'tracepoints' : 'functions'} match '${wanted}'`,
      );
    if (names.length > BPF.getProbeLimit())
      throw new BpfError(
        'E2BIG',
        `funccount: ${names.length} match '${wanted}', at most ${BPF.getProbeLimit()} can be counted`,
      );
    const numbered = found.kind !== 'usdt' && releaseNumber(currentSession().backend().release) >= COOKIES_SINCE;
    const text = programOf(names.length, options, numbered);
    if (options.debug) print(text);
    const usdtContexts = found.kind === 'usdt' ? [enabled(found, options.pid)] : [];
    const b = bpf({ text, usdtContexts });
    if (numbered) attachNumbered(b, found, options.pid);
    else attach(b, found, options.pid);
    title(`Tracing ${names.length} functions for "${wanted}"... Hit Ctrl-C to end.`);
    const counts = b.getTable<number, bigint>('counts');
    const table = report<readonly [number, bigint]>([
      { name: 'FUNC', cell: '%-36s ', value: ([slot]) => names[slot]! },
      { name: 'COUNT', cell: '%8d', value: ([, n]) => n },
    ]);
    const { interval = options.duration ?? FOREVER, duration } = options;
    everyInterval(b, { intervalS: interval, durationS: duration }, (last) => {
      title('');
      if (options.timestamp) title(timeOfDay());
      table.header();
      const rows = counts.items().filter(([, n]) => n > 0n);
      rows.sort(([, a], [, c]) => Number(a - c));
      for (const row of rows) table.row(row);
      if (last) title('Detaching...');
      else counts.clear();
    });
  },
});

/** bpf_get_attach_cookie(). */
const COOKIES_SINCE = releaseNumber('5.15');

/** All of them at once: a link for many where the kernel has such links. What cannot be attached is passed over, and told. */
function attachNumbered(b: BPF, { kind, path, names }: Found, pid: number | undefined): void {
  const all = { fnName: 'count_all', cookies: names.map((_, i) => i) };
  if (kind === 'kernel') b.attachKprobe({ ...all, events: names });
  else if (kind === 'tracepoint') b.attachTracepoint({ ...all, tps: names });
  else b.attachUprobe({ ...all, name: path!, syms: names, ...(pid !== undefined && { pid }) });
}

function attach(b: BPF, { kind, path, names }: Found, pid: number | undefined): void {
  for (const [i, name] of names.entries()) {
    const fnName = `count_${i}`;
    if (kind === 'kernel') b.attachKprobe({ event: name, fnName });
    else if (kind === 'tracepoint') b.attachTracepoint({ tp: name, fnName });
    else if (kind === 'user') b.attachUprobe({ name: path!, sym: name, fnName, ...(pid !== undefined && { pid }) });
  }
}

/** BPF attaches what is enabled here. */
function enabled({ path, names }: Found, pid: number | undefined): USDT {
  const usdt = new USDT({ path: path!, ...(pid !== undefined && { pid }) });
  for (const [i, name] of names.entries()) usdt.enableProbe(name, `count_${i}`);
  return usdt;
}

function programOf(size: number, { pid, cpu }: Options, numbered: boolean): string {
  const defines = { SIZE: size, FILTER_PID: pid, FILTER_CPU: cpu };
  const lines = Object.entries(defines).flatMap(([name, value]) =>
    value === undefined ? [] : [`#define ${name} ${value}\n`],
  );
  if (numbered)
    return `${lines.join('')}${count}int count_all(void *ctx) { return count(bpf_get_attach_cookie(ctx)); }\n`;
  const functions = Array.from({ length: size }, (_, i) => `int count_${i}(void *ctx) { return count(${i}); }\n`);
  return lines.join('') + count + functions.join('');
}
