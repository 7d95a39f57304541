/**
 * `npm run vm:compare [-- --only NAME,...] [--write]`: the shipped tools on a 6.1 kernel with kprobes, beside BCC 0.26's own and bpftrace, in the same
 * boots. First the same rows for the same workload (fields that depend on time left out), then start to first line and peak memory. It takes
 * many minutes under TCG (BCC compiles its C there), so it is no part of the tests; --write keeps the tables in docs/benchmarks.md.
 * Needs root (chroot of debootstrap), debootstrap and what test/guest/machine.ts names.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { withSection } from '../bench/sections.ts';
import { bccRoot } from './bcc-root.ts';
import { boot, GUEST_CACHE, guestProblem, type Image, makeImage } from './machine.ts';

const EXAMPLES = '/usr/share/doc/bpfcc-tools/examples/tracing';
const bcc = (tool: string, args = '') => `python3 -u /usr/sbin/${tool}-bpfcc ${args}`;
const skep = (tool: string, args = '') => `skep ${tool} --backend linux ${args}`;

interface Comparison {
  readonly name: string;
  readonly tools: Readonly<Record<'bcc' | 'skep', string>>;
  /** What a tool has printed when it is attached. */
  readonly ready: string;
  /** Makes `ready` appear where a tool says nothing by itself. */
  readonly poke?: string;
  readonly workload: string;
  /** The part of the output that must be equal. */
  rows(stdout: string): readonly string[];
  /** BCC's own cannot run on this kernel: ours must give rows. */
  readonly bccCannot?: string;
}

const words = (line: string) => line.trim().split(/\s+/).join(' ');
const lines = (stdout: string, keep: RegExp) =>
  stdout
    .split('\n')
    .filter((line) => keep.test(line))
    .map(words);

const CONNECTS = 'for p in 5001 5002 5003; do busybox nc -w 1 127.0.0.1 $p; done';

const COMPARISONS: readonly Comparison[] = [
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
    tools: { bcc: bcc('tcpconnect'), skep: skep('tcpconnect') },
    ready: '4711',
    poke: 'busybox nc -w 1 127.0.0.1 4711',
    workload: CONNECTS,
    rows: (out) => lines(out, /^PID| 500[123]\s*$/),
  },
  {
    name: 'opensnoop',
    tools: { bcc: bcc('opensnoop'), skep: skep('opensnoop') },
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
    tools: { bcc: bcc('funccount', 'vfs_mkdir'), skep: skep('funccount', 'vfs_mkdir') },
    ready: 'Ctrl-C',
    workload: 'for i in 1 2 3 4 5 6 7; do mkdir /tmp/d$i; done',
    rows: (out) => lines(out, /^FUNC|^b?'?vfs_mkdir/),
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
    name: 'vfsstat',
    tools: { bcc: bcc('vfsstat', '1'), skep: skep('vfsstat', '1') },
    ready: ':',
    workload: 'busybox cat /etc/hostname',
    rows: (out) => lines(out, /TIME|READ/).slice(0, 1),
  },
  {
    name: 'biolatency',
    tools: { bcc: bcc('biolatency'), skep: skep('biolatency') },
    ready: 'Ctrl-C',
    workload: 'busybox dd if=/dev/vda of=/dev/null bs=4k count=64 iflag=direct',
    rows: (out) => lines(out, /usecs|^\s+\d+ -> \d+/).slice(0, 1),
    bccCannot: 'blk_account_io_done cannot be traced on 6.1',
  },
  {
    name: 'runqlat',
    tools: { bcc: bcc('runqlat'), skep: skep('runqlat') },
    ready: 'Ctrl-C',
    workload: 'for i in 1 2 3; do busybox true; done',
    rows: (out) => lines(out, /usecs/).slice(0, 1),
  },
];

interface Metered {
  readonly first: number | null;
  readonly rss: number;
}

/** Start to first line, and peak memory, as test/guest/meter.c measures them. */
const METERED: readonly { readonly what: string; readonly who: string; readonly command: string }[] = [
  { what: 'tcpv4connect', who: 'skep', command: `meter connect:4711 4711 120 -- ${skep('tcpv4connect')}` },
  {
    what: 'tcpv4connect',
    who: 'bpftrace',
    command: `meter connect:4711 4711 120 -- bpftrace -e 'kprobe:tcp_v4_connect { @s[tid] = (struct sock *)arg0; } kretprobe:tcp_v4_connect /@s[tid]/ { $s = @s[tid]; $p = $s->__sk_common.skc_dport; printf("%-6d %-12s %-16s %-16s %d\\n", pid, comm, ntop($s->__sk_common.skc_rcv_saddr), ntop($s->__sk_common.skc_daddr), ($p >> 8) | (($p & 255) << 8)); delete(@s[tid]); }'`,
  },
  {
    what: 'tcpv4connect',
    who: 'BCC',
    command: `meter connect:4711 4711 400 -- python3 -u ${EXAMPLES}/tcpv4connect.py`,
  },
  { what: 'opensnoop', who: 'skep', command: `meter open:/meter/x meter/x 120 -- ${skep('opensnoop')}` },
  { what: 'opensnoop', who: 'BCC', command: `meter open:/meter/x meter/x 400 -- ${bcc('opensnoop')}` },
];

async function compareRows(
  image: (files: Record<string, string>) => Image,
  chosen: readonly Comparison[],
): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'skep-compare-'));
  const plan = join(folder, 'plan.json');
  writeFileSync(plan, JSON.stringify(chosen));
  const made = image({ [plan]: '/plan.json', [join(process.cwd(), 'test/guest/drive.mjs')]: '/drive.mjs' });
  try {
    const ran = await boot(made, 'node /drive.mjs', { memory: 2048, timeoutMs: 3_600_000 });
    const answers = JSON.parse(ran.file('compare.json') ?? '{}') as Record<
      string,
      Record<'bcc' | 'skep', { stdout: string; stderr: string; attached?: number; status: unknown }>
    >;
    const table = ['| tool | rows | BCC | skep |', '|---|---|---|---|'];
    for (const { name, rows, bccCannot } of chosen) {
      const answer = answers[name];
      if (!answer) {
        table.push(`| ${name} | not run: ${ran.stderr.trim().split('\n').at(-1)} | | |`);
        continue;
      }
      const [theirs, ours] = [rows(answer.bcc.stdout), rows(answer.skep.stdout)];
      const equal = theirs.join('\n') === ours.join('\n');
      const verdict = bccCannot
        ? ours.length > 0
          ? `${ours.length} (${bccCannot})`
          : 'NONE'
        : equal && ours.length > 0
          ? `${ours.length} equal`
          : 'DIFFERENT';
      const time = (t: number | undefined) => (t === undefined ? 'not attached' : `${t.toFixed(1)} s`);
      table.push(`| ${name} | ${verdict} | ${time(answer.bcc.attached)} | ${time(answer.skep.attached)} |`);
      if (/DIFFERENT|NONE/.test(verdict))
        process.stderr.write(
          `--- ${name}\nBCC: ${theirs.join('\n     ')}\n${answer.bcc.stderr.slice(-600)}\nskep: ${ours.join('\n      ')}\n${answer.skep.stderr.slice(-1500)}\n`,
        );
    }
    return table;
  } finally {
    made.remove();
    rmSync(folder, { recursive: true });
  }
}

async function compareCosts(image: (files: Record<string, string>) => Image): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'skep-compare-'));
  const meter = join(folder, 'meter');
  const built = spawnSync('cc', ['-O1', '-static', '-o', meter, join(process.cwd(), 'test/guest/meter.c')], {
    encoding: 'utf8',
  });
  if (built.status !== 0) throw new Error(`cc meter.c: ${built.stderr}`);
  const made = image({ [meter]: '/usr/local/bin/meter' });
  try {
    const script = METERED.map(({ command }, i) => `${command} >/out/m${i} 2>/out/e${i}`).join('\n');
    const ran = await boot(made, script, { memory: 2048, timeoutMs: 3_600_000 });
    const table = ['| tool | by | start to first line | peak RSS |', '|---|---|---|---|'];
    METERED.forEach(({ what, who }, i) => {
      const metered = JSON.parse(ran.file(`m${i}`) || '{"first":null,"rss":0}') as Metered;
      if (metered.first === null) process.stderr.write(`--- ${what} by ${who}\n${ran.file(`e${i}`)?.slice(-1500)}\n`);
      table.push(
        `| ${what} | ${who} | ${metered.first === null ? 'none' : `${metered.first.toFixed(2)} s`} | ${(metered.rss / 1024).toFixed(0)} MB |`,
      );
    });
    return table;
  } finally {
    made.remove();
    rmSync(folder, { recursive: true });
  }
}

const problem = guestProblem();
if (problem) {
  process.stderr.write(`vm:compare: ${problem}\n`);
  process.exit(1);
}
const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    write: { type: 'boolean' },
    costs: { type: 'boolean' },
    rows: { type: 'boolean' },
  },
});
const only = values.only?.split(',');
const chosen = COMPARISONS.filter(({ name }) => !only || only.includes(name));
const base = bccRoot(GUEST_CACHE);
const image = (files: Record<string, string>) => makeImage({ base, files });
const begun = performance.now();
const page: string[] = [];
if (!values.costs) page.push(...(await compareRows(image, chosen)), '');
if (!values.rows) page.push(...(await compareCosts(image)), '');
process.stdout.write(`${page.join('\n')}\n`);
process.stdout.write(`${((performance.now() - begun) / 60_000).toFixed(1)} minutes\n`);
if (values.write) {
  const at = join(process.cwd(), 'docs/benchmarks.md');
  const costs = `Start to first line, and peak memory, in one boot of Debian's 6.1 under qemu without KVM (\`npm run vm:compare -- --costs --write\`); each program once, in this order, so the first
reads its files from a cold disk.`;
  const section = ['## In the guest, beside BCC and bpftrace', ...(values.rows ? [] : [costs]), page.join('\n').trim()];
  writeFileSync(at, withSection(readFileSync(at, 'utf8'), 'guest', section.join('\n\n')));
}
