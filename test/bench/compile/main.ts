/**
 * `npm run bench:compile -- [--runs N] [--write]`: tcpv4connect.c compiled by a cold `skep`, in a warm process and by BCC's BPF(text=...), in turns with
 * `node -e 0`, which is what a process costs here. `--write` renews that part of docs/benchmarks.md. Without root or what it takes to make a Debian with BCC,
 * those rows are left out, and it is said what is missing.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { LIVE_BTF } from '../../../bindings/linux/live-btf.ts';
import { packageRoot } from '../../../bindings/node/package-root.ts';
import { compile } from '../../../core/cc/index.ts';
import { kernelTypes } from '../../../tools/cli/commands/kernel-types.ts';
import { GUEST_CACHE } from '../../guest/machine.ts';
import { withSection } from '../sections.ts';
import { bccProblem, prepareBcc } from './bcc.ts';
import { type Row, table } from './table.ts';

const { values } = parseArgs({
  options: { runs: { type: 'string', default: '15' }, write: { type: 'boolean', default: false } },
});
const runs = Number(values.runs);
const say = (text: string): void => void process.stderr.write(`${text}\n`);
const root = packageRoot();
const folder = mkdtempSync(join(tmpdir(), 'skep-bench-'));
const file = join(root, 'tools/tcpv4connect/tcpv4connect.c');
const source = readFileSync(file, 'utf8');

const load = loadavg()[0]! / cpus().length;
if (load > 0.3) say(`warning: the machine is busy (load ${load.toFixed(2)} a CPU): trust ratios, not times`);

const skep = [join(root, 'dist/bin/skep.js'), 'compile', file, '-o', join(folder, 'out.o')];
/** Peak memory of a Node process, as the kernel counted it: told on descriptor 3 when the process ends. */
const hook = join(folder, 'peak.cjs');
writeFileSync(
  hook,
  "const fs = require('node:fs');\nprocess.on('exit', () => fs.writeSync(3, /VmHWM:\\s+(\\d+)/.exec(fs.readFileSync('/proc/self/status', 'utf8'))[1]));\n",
);

function run(
  command: string,
  args: readonly string[],
  extra: 'ignore' | 'pipe' = 'ignore',
): { ms: number; out: string; told: string } {
  const began = performance.now();
  const child = spawnSync(command, args, { stdio: ['ignore', 'pipe', 'pipe', extra], encoding: 'utf8' });
  const ms = performance.now() - began;
  if (child.status !== 0) throw new Error(`${command} ${args.join(' ')}: ${child.stderr || child.error}`);
  return { ms, out: child.stdout, told: String(child.output[3] ?? '') };
}

const peakOf = (args: readonly string[]): number =>
  Number(run(process.execPath, ['-r', hook, ...args], 'pipe').told) / 1024;

const types = kernelTypes({});
function compileOnce(): number {
  const began = performance.now();
  const { object } = compile({ name: file, text: source }, { kernelBtf: types.btf, kernelRelease: types.release });
  if (!object) throw new Error(`${file} does not compile`);
  return performance.now() - began;
}

const missing = bccProblem();
let bcc: string[] | undefined;
if (missing !== undefined) say(`BCC is not measured: it takes ${missing}`);
else {
  say('a Debian with BCC ...');
  try {
    bcc = prepareBcc(GUEST_CACHE, source);
  } catch (error) {
    say(`BCC is not measured: ${(error as Error).message}`);
  }
}

const node: Row = { name: '`node -e 0`', ms: [], mb: 0 };
const cold: Row = { name: '`skep compile`, a cold process', ms: [], mb: 0 };
const warm: Row = { name: 'the same in a warm process', ms: [], mb: undefined };
const whole: Row = { name: "BCC's `BPF(text=...)`, a cold process", ms: [], mb: 0 };
const call: Row = { name: 'of that, the call alone', ms: [], mb: undefined };

for (let i = 0; i < 30; i++) compileOnce();
for (let i = 0; i < runs; i++) {
  node.ms.push(run(process.execPath, ['-e', '0']).ms);
  cold.ms.push(run(process.execPath, skep).ms);
  warm.ms.push(compileOnce());
  // Seconds each: three are enough.
  if (bcc && i % Math.ceil(runs / 3) === 0) {
    const { ms, out } = run(bcc[0]!, bcc.slice(1));
    const [seconds, peak] = out.trim().split(' ').map(Number);
    whole.ms.push(ms);
    call.ms.push(seconds! * 1000);
    whole.mb = Math.max(whole.mb!, peak! / 1024);
  }
}
node.mb = peakOf(['-e', '0']);
cold.mb = peakOf(skep);
rmSync(folder, { recursive: true });

const text = table([node, cold, warm, ...(bcc ? [whole, call] : [])], node);
process.stdout.write(`${text}\n`);
if (values.write) {
  const page = join(root, 'docs/benchmarks.md');
  const section = `## Compiling

\`npm run bench:compile\`: tools/tcpv4connect/tcpv4connect.c with the types of ${types.from === LIVE_BTF ? `the running kernel (Linux ${release()})` : types.from}, by turns in one run. BCC
0.26 is Debian's, with the headers of Linux 6.1, its functions under names that attach nothing.${load > 0.3 ? ` The machine was busy (load ${load.toFixed(2)} a CPU): trust ratios, not times.` : ''}

${text}`;
  writeFileSync(page, withSection(readFileSync(page, 'utf8'), 'compile', section));
}
