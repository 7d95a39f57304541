/**
 * `npm run bench -- [--engine NAME]... [--peer NAME='COMMAND']... [--quick] [--out FOLDER] [--write]`: measures, prints one table, and writes
 * results.json and benchmarks.svg to the folder; `--write` renews docs/benchmarks.md with them.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { bpfUnavailable } from '../../bindings/linux/bpf.ts';
import { packageRoot } from '../../bindings/node/package-root.ts';
import { availableEngines, loadEngine } from '../../tools/vm/engines.ts';
import { measureCallbacks } from './callbacks.ts';
import { type ColdMs, coldMs, wasCold } from './cold.ts';
import { engineCode, firstResultMs, instructions, longProgram, measureEngine, measureParser } from './engines.ts';
import { measureEvents } from './events.ts';
import { measureFacts } from './facts.ts';
import { measureGcc, measureKernel, measurePeer } from './others.ts';
import { PROGRAMS } from './programs.ts';
import { goalTable, page, type Results, svg, tables } from './report.ts';
import { keepSections } from './sections.ts';
import { measureVerifier } from './verifier.ts';

if (wasCold(process.argv[2])) process.exit(0);

const { values } = parseArgs({
  options: {
    engine: { type: 'string', multiple: true },
    peer: { type: 'string', multiple: true, default: [] },
    quick: { type: 'boolean', default: false },
    out: { type: 'string' },
    write: { type: 'boolean', default: false },
  },
});
const say = (text: string): void => void process.stderr.write(`${text}\n`);
const self = process.argv[1]!;
const [modules, spellMs] = values.quick ? [1, 10] : [3, 40];

const load = loadavg()[0]! / cpus().length;
if (load > 0.3) say(`warning: the machine is busy (load ${load.toFixed(2)} a CPU): trust ratios, not times`);

const engines = values.engine ? values.engine.map(loadEngine) : availableEngines();
const counts = new Map(PROGRAMS.map((p) => [p.name, instructions(engineCode(p), p.memory)]));
const nsPerInsn: Record<string, Record<string, number>> = {};
const parser: Record<string, { single?: number; batched?: number }> = {};
const firstResult: Record<string, { cold100: ColdMs; warm4096: number }> = {};

for (const engine of engines) {
  say(`${engine.name} ...`);
  // The shortest program first: once a process has run many, V8 no longer inlines the way into each, 4 ns a call of the JIT.
  parser[engine.name] = measureParser(engine, modules, spellMs);
  nsPerInsn[engine.name] = Object.fromEntries(measureEngine(engine, counts, modules, spellMs));
  const warm = Math.min(...Array.from({ length: 25 }, () => firstResultMs(engine, longProgram(4096))));
  firstResult[engine.name] = { cold100: coldMs(engine.name, self), warm4096: warm };
}
firstResult['auto'] = {
  cold100: coldMs('auto', self),
  warm4096: Math.min(...Array.from({ length: 25 }, () => firstResultMs(loadEngine('auto'), longProgram(4096)))),
};
const kernelMissing = bpfUnavailable();
if (kernelMissing) say(`no kernel: ${kernelMissing}`);
else {
  say('kernel ...');
  const kernel = measureKernel(say);
  nsPerInsn['kernel'] = Object.fromEntries(kernel.programs);
  parser['kernel'] = { single: kernel.parser };
}
const gcc = measureGcc(counts);
if (gcc) nsPerInsn['gcc'] = Object.fromEntries(gcc);
else say('no gcc: no reference for the arithmetic loops');
for (const peer of values.peer) {
  const split = peer.indexOf('=');
  if (split < 1) {
    say(`--peer wants NAME='COMMAND', not '${peer}'`);
    process.exit(2);
  }
  say(`${peer.slice(0, split)} ...`);
  nsPerInsn[peer.slice(0, split)] = Object.fromEntries(await measurePeer(peer.slice(split + 1), say));
}
say('facts, events, verifier ...');
const results: Results = {
  date: new Date().toISOString().slice(0, 10),
  machine: `${cpus()[0]?.model ?? 'unknown CPU'}, ${cpus().length} CPUs, Node ${process.version}, ${process.platform}`,
  load,
  nsPerInsn,
  parser,
  firstResultMs: firstResult,
  events: measureEvents(spellMs),
  callbacks: measureCallbacks(values.quick ? 100_000 : 1_000_000),
  verifier: measureVerifier(values.quick ? 200 : 2000),
  facts: measureFacts(modules, spellMs),
};

console.log(`${tables(results)}\n\n${goalTable(results)}`);
const root = packageRoot();
const folder = values.write ? join(root, 'docs/bench') : (values.out ?? join(root, 'node_modules/.cache/skep/bench'));
mkdirSync(folder, { recursive: true });
writeFileSync(join(folder, 'results.json'), `${JSON.stringify(results, undefined, 2)}\n`);
writeFileSync(join(folder, 'benchmarks.svg'), svg(results));
if (values.write) {
  const file = join(root, 'docs/benchmarks.md');
  writeFileSync(file, keepSections(page(results), existsSync(file) ? readFileSync(file, 'utf8') : ''));
}
say(`written: ${folder}`);
