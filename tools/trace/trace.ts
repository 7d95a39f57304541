/** trace: attach to functions and tracepoints, and print a line of values each time, with BCC's flags, columns and probe language. */
import { BpfError } from '../../core/base/errors.ts';
import type { BPF } from '../../core/bcc/bpf.ts';
import { type Cell, sprintf } from '../../core/bcc/script-aids.ts';
import { USDT } from '../../core/bcc/usdt/usdt.ts';
import { defines, timeOfDay } from '../columns.ts';
import { eachRecord } from '../interval.ts';
import { findBinary } from '../library.ts';
import { defineTool } from '../tool.ts';
import { type ProbeProgram, programOf } from './program.ts';
import prologue from './prologue.c';
import { type ProbeSpec, parseProbe } from './spec.ts';

interface Options {
  bufferPages: number;
  pid?: number;
  tid?: number;
  uid?: number;
  verbose?: boolean;
  stringSize: number;
  includeSelf?: boolean;
  maxEvents?: number;
  timestamp?: boolean;
  unixTimestamp?: boolean;
  time?: boolean;
  print_cpu?: boolean;
  cgroupPath?: string;
  name?: string;
  msgFilter?: string;
  bin_cmp?: boolean;
  sym_file_list?: string;
  kernelStack?: boolean;
  userStack?: boolean;
  address?: boolean;
  include?: string[];
  aggregate?: boolean;
}

interface TraceEvent {
  readonly ts_ns: bigint;
  readonly tgid: number;
  readonly pid: number;
  readonly cpu: number;
  readonly kernel_stack: number;
  readonly user_stack: number;
  readonly comm: string;
  readonly [value: `v${number}`]: unknown;
}

interface Line {
  readonly e: TraceEvent;
  readonly probe: ProbeProgram;
  readonly message: string;
}

export default defineTool<Options>({
  name: 'trace',
  summary: 'print values whenever a function is called or a tracepoint passed',
  options: [
    { flags: '-b, --buffer-pages <pages>', description: 'pages of each perf buffer', type: 'pages', default: 64 },
    { flags: '-p, --pid <pid>', description: 'trace this process only', type: 'pid' },
    { flags: '-L, --tid <tid>', description: 'trace this thread only', type: 'pid' },
    { flags: '--uid <uid>', description: 'trace this user only', type: 'uid' },
    { flags: '-v, --verbose', description: 'print the program before it runs' },
    { flags: '-Z, --string-size <bytes>', description: 'bytes of a string at most', type: 'count', default: 80 },
    { flags: '-S, --include-self', description: 'do not leave out our own process' },
    { flags: '-M, --max-events <count>', description: 'end after so many lines', type: 'count' },
    { flags: '-t, --timestamp', description: 'include seconds since the start' },
    { flags: '-u, --unix-timestamp', description: 'with -t: seconds since 1970 instead' },
    { flags: '-T, --time', description: 'include the time of day' },
    { flags: '-C, --print_cpu', description: 'include the CPU' },
    { flags: '-c, --cgroup-path <path>', description: 'only tasks in this cgroup or below it' },
    { flags: '-n, --name <name>', description: 'only print process names containing this name' },
    { flags: '-f, --msg-filter <text>', description: 'only print messages containing this text' },
    { flags: '-B, --bin_cmp', description: 'STRCMP compares bytes beyond text, as it always does here' },
    { flags: '-s, --sym_file_list <files>', description: 'binaries to take user symbols from, separated by commas' },
    { flags: '-K, --kernel-stack', description: 'print the kernel stack' },
    { flags: '-U, --user-stack', description: 'print the user stack' },
    { flags: '-a, --address', description: 'print addresses in stacks' },
    { flags: '-I, --include <header>', description: 'include this header; may be given several times', repeated: true },
    { flags: '-A, --aggregate', description: 'with -M: count equal lines instead of printing each' },
  ],
  args: ['<probe...>'],
  examples: `  skep trace do_sys_openat2 -- cat /etc/hostname
  skep trace 'do_sys_openat2 "%s", arg2@user' -- cat /etc/hostname
  skep trace 'r::do_sys_openat2 ((int)retval < 0) "%d", retval' -- ls /nonexistent
  skep trace 't:sched:sched_process_exec "%d", args->pid' -- sh -c date
  skep trace 'tcp_v4_connect(struct sock *sk) "%d", sk->__sk_common.skc_family' --workload connects
  skep trace 'c:open "%s", arg1' -p 1234`,
  main({ options, args, bpf, print, json, report }) {
    if (options.pid !== undefined && options.tid !== undefined)
      throw new BpfError('EINVAL', 'trace: -p and -L exclude each other');
    if (options.aggregate && options.maxEvents === undefined)
      throw new BpfError('EINVAL', 'trace: -A needs -M, the number of events to count');
    const usdts: USDT[] = [];
    const probes = args.map((text, i) => {
      const spec = parseProbe(text);
      const usdt = spec.type === 'u' ? usdtOf(spec, options.pid) : undefined;
      const probe = programOf(spec, i, {
        stringSize: options.stringSize,
        kernelStack: options.kernelStack ?? false,
        userStack: options.userStack ?? false,
        ...(usdt && { argumentType: (n: number) => usdt.getProbeArgCtype(spec.name, n - 1) }),
      });
      usdt?.enableProbe(spec.name, probe.fn);
      if (usdt) usdts.push(usdt);
      return probe;
    });
    const includes = (options.include ?? []).map(
      (name) => `#include ${/^[./]/.test(name) ? `"${name}"` : `<${name}>`}\n`,
    );
    const text = includes.join('') + prologue + probes.map((probe) => probe.text).join('\n');
    if (options.verbose) print(text);
    const b = bpf({
      text,
      usdtContexts: usdts,
      cflags: defines({
        FILTER_PID: options.pid,
        FILTER_TID: options.tid,
        FILTER_UID: options.uid,
        FILTER_CGROUP: options.cgroupPath !== undefined,
        OWN_PID: options.includeSelf ? undefined : process.pid,
      }),
    });
    if (options.cgroupPath !== undefined) b.getTable('cgroups').set(0, options.cgroupPath);
    for (const probe of probes) attach(b, probe, options.pid);

    const start = b.monotonicTime();
    const startedAt = Date.now();
    const seconds = (e: TraceEvent) =>
      (Number(e.ts_ns - start) / 1e9 + (options.unixTimestamp ? startedAt / 1000 : 0)).toFixed(6);
    const width = options.unixTimestamp ? 17 : 8;
    const plainTime = options.time && !options.timestamp;
    const table = report<Line>([
      {
        name: 'TIME',
        cell: `%-${width}s `,
        when: options.timestamp || options.time,
        value: ({ e }) => (plainTime ? timeOfDay() : seconds(e)).slice(0, width),
      },
      { name: 'CPU', cell: '%-3s ', when: options.print_cpu, value: ({ e }) => e.cpu },
      { name: 'PID', cell: '%-7d ', value: ({ e }) => e.tgid },
      { name: 'TID', cell: '%-7d ', value: ({ e }) => e.pid },
      { name: 'COMM', cell: '%-15s ', value: ({ e }) => e.comm },
      { name: 'FUNC', cell: '%-16s ', value: ({ probe }) => probe.spec.name },
      {
        name: json ? 'MESSAGE' : probes.every((probe) => probe.spec.format === '') ? '' : '-',
        cell: '%s',
        value: ({ message }) => message,
      },
      {
        name: 'KERNEL_STACK',
        cell: '',
        when: json && options.kernelStack,
        value: () => '',
        json: (line) => frames(b, line, 'kernel', false),
      },
      {
        name: 'USER_STACK',
        cell: '',
        when: json && options.userStack,
        value: () => '',
        json: (line) => frames(b, line, 'user', false),
      },
    ]);
    const stackLines = (line: Line) =>
      json
        ? []
        : (['kernel', 'user'] as const)
            .filter((kind) => options[`${kind}Stack`])
            .flatMap((kind) => frames(b, line, kind, options.address ?? false));
    const counted = new Map<string, { line: Line; count: number }>();
    let left = options.maxEvents;
    const byEvents = new Map(probes.map((probe) => [probe.events, probe]));
    eachRecord(
      b,
      [...byEvents.keys()],
      { pageCnt: options.bufferPages, ready: () => table.header() },
      (events, record) => {
        const probe = byEvents.get(events)!;
        const e = record as TraceEvent;
        if (options.name !== undefined && !e.comm.includes(options.name)) return true;
        const message = messageOf(b, probe, e);
        if (options.msgFilter !== undefined && !message.includes(options.msgFilter)) return true;
        const line = { e, probe, message };
        if (options.aggregate) {
          const key = [e.tgid, e.pid, e.comm, probe.index, message, e.kernel_stack, e.user_stack].join('\0');
          const known = counted.get(key);
          if (known) known.count++;
          else counted.set(key, { line, count: 1 });
        } else {
          table.row(line);
          const stack = stackLines(line);
          for (const text of stack) print(text);
          if (!json && (options.kernelStack || options.userStack)) print('');
        }
        // False ends it: that was the last one of -M.
        return left === undefined || --left > 0;
      },
    );
    for (const { line, count } of [...counted.values()].sort((a, c) => c.count - a.count)) {
      table.row(line);
      for (const text of stackLines(line)) print(text);
      print(json ? JSON.stringify({ COUNT: count }) : `-->COUNT ${count}\n`);
    }
  },
});

function usdtOf(spec: ProbeSpec, pid: number | undefined): USDT {
  return new USDT({ path: findBinary('trace', spec.library, pid), ...(pid !== undefined && { pid }) });
}

function attach(b: BPF, { spec, fn: fnName }: ProbeProgram, pid: number | undefined): void {
  // TRACEPOINT_PROBE attaches itself, and BPF the probes of its USDT contexts.
  if (spec.type === 't' || spec.type === 'u') return;
  if (spec.library === '') {
    if (spec.type === 'r') b.attachKretprobe({ event: spec.name, fnName });
    else b.attachKprobe({ event: spec.name, fnName, ...(spec.offset !== 0 && { eventOff: spec.offset }) });
    return;
  }
  const name = findBinary('trace', spec.library, pid);
  const where = { name, sym: spec.name, fnName, ...(pid !== undefined && { pid }) };
  if (spec.type === 'r') b.attachUretprobe(where);
  else b.attachUprobe({ ...where, ...(spec.offset !== 0 && { symOff: spec.offset }) });
}

function messageOf(b: BPF, { spec, directives }: ProbeProgram, e: TraceEvent): string {
  const values = directives.map(({ letters }, i): Cell => {
    const value = e[`v${i}`] as Cell;
    if (letters === 'K') return b.ksym(value as bigint, false, true);
    if (letters === 'U') return b.sym(value as bigint, e.tgid, true, true);
    // A char is a character, not text of length one.
    if (letters === 'c') return typeof value === 'string' ? (value.codePointAt(0) ?? 0) : value;
    return value;
  });
  // printf knows no h and l, %K and %U are names.
  const format = spec.format.replace(
    /%%|(%[-+ #0]*\d*(?:\.\d+)?)(?:h|ll|l)?([A-Za-z])/g,
    (whole, head: string | undefined, letter: string) =>
      head === undefined ? whole : head + (letter === 'K' || letter === 'U' ? 's' : letter),
  );
  return sprintf(format, ...values);
}

/** A stack's frames, a line each; what get_stackid said where there is none. */
function frames(b: BPF, { e, probe }: Line, kind: 'kernel' | 'user', address: boolean): string[] {
  const id = kind === 'kernel' ? e.kernel_stack : e.user_stack;
  if (id < 0) return [`        ${id}`];
  const pid = kind === 'kernel' ? -1 : e.tgid;
  return [...b.getTable(probe.stacks).walk(id)].map((at) => {
    const hex = address ? `${at.toString(16).padStart(16)} ` : '';
    return `        ${hex}${b.sym(at, pid, true, true)}${whyNot(b, at, pid)}`;
  });
}

/** ` (process 123 has ended)` behind a name that is not known. */
function whyNot(b: BPF, at: bigint, pid: number): string {
  const why = b.backend.whyUnknown?.(pid, at);
  return why === undefined ? '' : ` (${why})`;
}
