/**
 * What `npm run vm:compare` compares, and how: the shipped tools beside BCC 0.26's own, attached in the same boot and fed by one workload. Compared is what does
 * not depend on time: whole rows, or the sums of what was counted.
 */

const EXAMPLES = '/usr/share/doc/bpfcc-tools/examples/tracing';
const bcc = (tool: string, args = '') => `python3 -u /usr/sbin/${tool}-bpfcc ${args}`;
const skep = (tool: string, args = '') => `skep ${tool} --backend linux ${args}`;

export interface Comparison {
  readonly name: string;
  readonly tools: Readonly<Partial<Record<'bcc' | 'skep', string>> & Record<'skep', string>>;
  /** What a tool has printed when it is attached. */
  readonly ready: string;
  /** Makes `ready` appear where a tool says nothing by itself. */
  readonly poke?: string;
  readonly workload: string;
  /** A command whose output tells what is to be expected: run before the workload, and after it. */
  readonly facts?: string;
  /** The part of the output that must be equal. */
  rows(stdout: string, facts: Facts): readonly string[];
  /** BCC's own cannot, for this reason: our rows must equal what is known otherwise. */
  readonly bccCannot?: { readonly why: string; expected(facts: Facts): readonly string[] };
}

/** What `facts` printed before the workload and after it. */
export type Facts = readonly [before: string, after: string];

const words = (line: string) => line.trim().split(/\s+/).join(' ');
const lines = (stdout: string, keep: RegExp) =>
  stdout
    .split('\n')
    .filter((line) => keep.test(line))
    .map(words);

/** Sum of a histogram's counts: the one below the line `heading`, or the only one. */
function total(stdout: string, heading?: RegExp): number {
  const section = heading === undefined ? stdout : (stdout.split(/\n(?=\S)/).find((part) => heading.test(part)) ?? '');
  return [...section.matchAll(/^\s+\d+ -> \d+\s+: (\d+)/gm)].reduce((sum, [, count]) => sum + Number(count), 0);
}

/** Header of a histogram. */
const HISTOGRAM = /^\s+usecs\s+: count/;

/** Reads completed by a disk: the first word of its stat file (Documentation/block/stat.rst). */
const reads = (stat: string) => Number(stat.trim().split(/\s+/)[0]);

const CONNECTS = 'for p in 5001 5002 5003; do busybox nc -w 1 127.0.0.1 $p; done';
const SIX = 'busybox nc -w 1 ::1 5004';
/** A process that is woken fifty times, its id in /tmp/runner. */
const WOKEN = `python3 -c "
import os, time
open('/tmp/runner', 'w').write(str(os.getpid()))
for i in range(50): time.sleep(0.005)"`;

export const COMPARISONS: readonly Comparison[] = [
  {
    name: 'tcpv4connect',
    tools: { bcc: `python3 -u ${EXAMPLES}/tcpv4connect.py`, skep: skep('tcpv4connect') },
    ready: '4711',
    poke: 'busybox nc -w 1 127.0.0.1 4711',
    workload: CONNECTS,
    rows: (out) => lines(out, /^PID| 500[123]\s*$/),
  },
  {
    name: 'tcpconnect',
    tools: { bcc: bcc('tcpconnect', '-U'), skep: skep('tcpconnect', '-U') },
    ready: '4711',
    poke: 'busybox nc -w 1 127.0.0.1 4711',
    workload: `${CONNECTS}; ${SIX}`,
    rows: (out) => lines(out, /^(UID|PID)| 500[1234]\s*$/),
  },
  {
    name: 'opensnoop',
    tools: { bcc: bcc('opensnoop', '-e'), skep: skep('opensnoop', '-e') },
    ready: '/marker/x',
    poke: 'busybox cat /marker/x',
    workload: 'busybox cat /etc/hostname /nonexistent/1; busybox touch /tmp/new; busybox cat /nonexistent/2',
    rows: (out) => lines(out, /^PID|\/etc\/hostname|\/nonexistent|\/tmp\/new/),
  },
  {
    name: 'execsnoop',
    tools: { bcc: bcc('execsnoop'), skep: skep('execsnoop') },
    ready: 'marker',
    poke: '/bin/busybox true marker',
    workload: '/bin/busybox echo lab 0; /bin/busybox true "a b"; /bin/busybox false',
    rows: (out) => lines(out.replaceAll('/bin/busybox true marker', ''), /^PCOMM|\/bin\/busybox (echo|true a b|false)/),
  },
  {
    name: 'funccount',
    tools: {
      bcc: bcc('funccount', `-r '^vfs_(mk|rm)dir$'`),
      skep: skep('funccount', `-r '^vfs_(mk|rm)dir$'`),
    },
    ready: 'Ctrl-C',
    workload: 'for i in 1 2 3 4 5 6 7; do mkdir /tmp/d$i; done; rmdir /tmp/d1 /tmp/d2 /tmp/d3',
    rows: (out) => lines(out, /^FUNC|^vfs_/),
  },
  {
    name: 'funccount of tracepoints',
    tools: { skep: skep('funccount', `'t:syscalls:sys_enter_*mkdir'`) },
    ready: 'Ctrl-C',
    workload: 'mkdir /tmp/e1 /tmp/e2 /tmp/e1',
    rows: (out) => lines(out, /^FUNC|^syscalls:/),
    bccCannot: {
      why: "'str' object has no attribute 'decode'",
      expected: () => ['FUNC COUNT', 'syscalls:sys_enter_mkdir 3'],
    },
  },
  {
    name: 'trace',
    tools: {
      bcc: bcc('trace', `'do_sys_openat2 "%s", arg2@user'`),
      skep: skep('trace', `'do_sys_openat2 "%s", arg2@user'`),
    },
    ready: '/marker/x',
    poke: 'busybox cat /marker/x',
    workload: 'busybox cat /etc/hostname /nonexistent/1',
    rows: (out) => lines(out, /^PID|\/etc\/hostname|\/nonexistent/),
  },
  {
    name: 'trace of returns and tracepoints',
    tools: {
      bcc: bcc('trace', `'r::vfs_mkdir "returns %d", retval' 't:syscalls:sys_enter_mkdir "mode %d", args->mode'`),
      skep: skep('trace', `'r::vfs_mkdir "returns %d", retval' 't:syscalls:sys_enter_mkdir "mode %d", args->mode'`),
    },
    ready: 'returns',
    poke: 'busybox mkdir /tmp/marker; rmdir /tmp/marker',
    workload: "exec python3 -c \"import os; os.mkdir('/tmp/f1', 0o700); os.mkdir('/tmp/f2', 0o711)\"",
    // Each probe has a buffer of its own: which of them is emptied first is chance, by BCC as by us.
    rows: (out) => [...lines(out, /^PID/), ...lines(out, /python3/).sort()],
  },
  {
    name: 'vfsstat',
    tools: { bcc: bcc('vfsstat', '1'), skep: skep('vfsstat', '1') },
    ready: ':',
    workload: `python3 -c "
import os, stat
for i in range(5): os.mknod('/tmp/node%d' % i, stat.S_IFREG)
file = os.open('/tmp/node0', os.O_RDWR)
for i in range(4): os.fsync(file)"`,
    // What nobody else does: FSYNC/s and CREATE/s, summed over the seconds.
    rows: (out) => {
      const seconds = [...out.matchAll(/^\d\d:\d\d:\d\d:\s+\d+\s+\d+\s+(\d+)\s+\d+\s+(\d+)$/gm)];
      const sum = (column: number) => seconds.reduce((all, row) => all + Number(row[column]), 0);
      return [...lines(out, /^TIME/), `FSYNC ${sum(1)}`, `CREATE ${sum(2)}`];
    },
  },
  {
    name: 'biolatency',
    tools: { skep: skep('biolatency', '-D') },
    ready: 'Ctrl-C',
    workload: 'busybox dd if=/dev/vdb of=/dev/null bs=4k count=64 iflag=direct',
    facts: 'cat /sys/block/vdb/stat',
    rows: (out) => [...lines(out, HISTOGRAM).slice(0, 1), `reads of vdb ${total(out, /^disk = .*vdb/)}`],
    bccCannot: {
      why: 'blk_account_io_done cannot be traced on 6.1',
      expected: ([before, after]) => ['usecs : count distribution', `reads of vdb ${reads(after) - reads(before)}`],
    },
  },
  {
    name: 'runqlat',
    tools: { bcc: bcc('runqlat', '-P'), skep: skep('runqlat', '-P') },
    ready: 'Ctrl-C',
    workload: WOKEN,
    facts: 'cat /tmp/runner',
    rows: (out, [, pid]) => [
      ...lines(out, HISTOGRAM).slice(0, 1),
      `waits of the process ${total(out, new RegExp(`^pid = ${pid.trim()}\\b`))}`,
    ],
  },
];

/** The first line of a tool, and its memory: see test/guest/meter.c. */
export interface Cost {
  readonly tool: string;
  readonly by: 'skep' | 'bpftrace' | 'BCC';
  readonly command: string;
}

const CONNECT = 'meter connect:4711 4711';
const OPEN = 'meter open:/meter/x meter/x';
const EXEC = 'meter exec:/bin/true meter';
const BPFTRACE = `bpftrace -e 'kprobe:tcp_v4_connect { @s[tid] = (struct sock *)arg0; } kretprobe:tcp_v4_connect /@s[tid]/ { $s = @s[tid]; $p = $s->__sk_common.skc_dport; printf("%-6d %-12s %-16s %-16s %d\\n", pid, comm, ntop($s->__sk_common.skc_rcv_saddr), ntop($s->__sk_common.skc_daddr), ($p >> 8) | (($p & 255) << 8)); delete(@s[tid]); }'`;

/** Each tool by each maker, in the order in which they take turns. */
export const COSTS: readonly Cost[] = [
  { tool: 'tcpv4connect', by: 'skep', command: `${CONNECT} 200 -- ${skep('tcpv4connect')}` },
  { tool: 'tcpv4connect', by: 'bpftrace', command: `${CONNECT} 200 -- ${BPFTRACE}` },
  { tool: 'tcpv4connect', by: 'BCC', command: `${CONNECT} 600 -- python3 -u ${EXAMPLES}/tcpv4connect.py` },
  { tool: 'opensnoop', by: 'skep', command: `${OPEN} 200 -- ${skep('opensnoop')}` },
  { tool: 'opensnoop', by: 'BCC', command: `${OPEN} 600 -- ${bcc('opensnoop')}` },
  { tool: 'execsnoop', by: 'skep', command: `${EXEC} 200 -- ${skep('execsnoop')}` },
  { tool: 'execsnoop', by: 'BCC', command: `${EXEC} 600 -- ${bcc('execsnoop')}` },
  { tool: 'tcpconnect', by: 'skep', command: `${CONNECT} 200 -- ${skep('tcpconnect')}` },
  { tool: 'tcpconnect', by: 'BCC', command: `${CONNECT} 600 -- ${bcc('tcpconnect')}` },
];
