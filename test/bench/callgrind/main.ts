/**
 * `npm run bench:callgrind [-- --write]`: host instructions that the C++ engine takes for one BPF instruction, as callgrind counts them. Unlike times, the
 * same on a busy machine. Needs valgrind, a C++ compiler and the built addon, whose own objects are counted; `--write` renews that part of
 * docs/benchmarks.md.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { packageRoot } from '../../../bindings/node/package-root.ts';
import { engineCode, instructions } from '../engines.ts';
import { PROGRAMS } from '../programs.ts';
import { withSection } from '../sections.ts';
import { hostInstructionTable } from './table.ts';

const { values } = parseArgs({ options: { write: { type: 'boolean', default: false } } });
const root = packageRoot();
const OBJECTS = ['skep_loop/native/engine/loop.o', 'skep/native/engine/program.o', 'skep/native/engine/machine.o'].map(
  (name) => join(root, 'build/Release/obj.target', name),
);
const RUNS = 3;

function fail(text: string): never {
  process.stderr.write(`bench:callgrind: ${text}\n`);
  process.exit(1);
}

function run(command: string, args: readonly string[]): string {
  const { status, error, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  if (error || status !== 0) fail(`${command} ${args.join(' ')}\n${error?.message ?? `${stdout}${stderr}`}`);
  return stdout + stderr;
}

const compiler = process.env['CXX'] ?? 'c++';
for (const tool of ['valgrind', compiler])
  if (spawnSync(tool, ['--version']).error) fail(`there is no ${tool} on PATH (apt-get install valgrind g++)`);
const unbuilt = OBJECTS.find((object) => !existsSync(object));
if (unbuilt) fail(`the addon is not built: there is no ${unbuilt} (npm rebuild)`);

const folder = mkdtempSync(join(tmpdir(), 'skep-callgrind-'));
try {
  const harness = join(folder, 'run');
  const source = join(root, 'test/bench/callgrind/run.cc');
  run(compiler, ['-std=c++20', '-O2', `-I${join(root, 'native')}`, source, ...OBJECTS, '-o', harness]);
  /** Host instructions inside the doorbell in so many runs. */
  const collected = (program: string, memory: number, runs: number): number => {
    const out = run('valgrind', [
      '--tool=callgrind',
      `--callgrind-out-file=${join(folder, 'callgrind.out')}`,
      '--toggle-collect=skep::engine::Machine::ring()',
      harness,
      program,
      String(memory),
      String(runs),
    ]);
    return Number(/Collected : (\d+)/.exec(out)?.[1] ?? fail(out));
  };
  const rows = PROGRAMS.filter((program) => !program.map).map((program) => {
    const bytes = engineCode(program);
    const file = join(folder, `${program.name}.bpf`);
    writeFileSync(file, bytes);
    // The first run decodes the program; what the others take is the difference.
    const host = collected(file, program.memory, 1 + RUNS) - collected(file, program.memory, 1);
    return { name: program.name, perInsn: host / RUNS / instructions(bytes, program.memory) };
  });
  const text = hostInstructionTable(rows);
  process.stdout.write(`${text}\n`);
  if (values.write) {
    const page = join(root, 'docs/benchmarks.md');
    const section = `## Host instructions

\`npm run bench:callgrind\`: the machine's instructions for one BPF instruction, C++ engine, verified programs, counted by callgrind in the doorbell's function.

${text}`;
    writeFileSync(page, withSection(readFileSync(page, 'utf8'), 'callgrind', section));
  }
} finally {
  rmSync(folder, { recursive: true });
}
