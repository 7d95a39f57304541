/**
 * `npm run fuzz -- --count N --seed S [--engine NAME]... [--no-kernel]`: prints `N programs, M mismatches`, and every mismatch with the seed that makes it.
 * Exit status 1 when there are any.
 */
import { parseArgs } from 'node:util';
import { toHex } from '../../core/base/bytes.ts';
import { disassemble } from '../../core/isa/disasm.ts';
import { availableEngines, loadEngine } from '../../tools/vm/engines.ts';
import { fuzz } from './fuzz.ts';
import { toBytes } from './generate.ts';
import { makeSubjects } from './subjects.ts';

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '1000' },
    seed: { type: 'string', default: '1' },
    engine: { type: 'string', multiple: true },
    kernel: { type: 'boolean', default: true },
  },
  allowNegative: true,
});
const [count, seed] = [whole('count', values.count), whole('seed', values.seed)];
const engines = values.engine ? values.engine.map(loadEngine) : availableEngines();
const { subjects, kernelMissing } = makeSubjects(engines);
const used = values.kernel ? subjects : subjects.filter((s) => s.name !== 'kernel');
console.log(
  `seed ${seed}; ${used.map((s) => s.name).join(', ')}${kernelMissing ? `; no kernel: ${kernelMissing}` : ''}`,
);

const started = Date.now();
const result = fuzz({
  count,
  seed,
  subjects: used,
  progress: (done) => {
    if (done % 1000 === 0) console.log(`${done} (${Math.round((Date.now() - started) / 1000)} s)`);
  },
});
for (const { seed, program, input, first, other } of result.mismatches) {
  const bytes = toBytes(program);
  console.log(`\nmismatch at seed ${seed}, input ${toHex(input)}\n${disassemble(bytes)}${toHex(bytes)}`);
  for (const { name, outcome } of [first, other]) console.log(`${name}: ${JSON.stringify(outcome)}`);
}
const versions = [...result.versions].sort(([a], [b]) => a - b).map(([v, n]) => `v${v}: ${n}`);
console.log(
  `\nby ISA version: ${versions.join(', ')}; ${result.runs} runs in ${Math.round((Date.now() - started) / 1000)} s`,
);
for (const [name, reasons] of result.refused) {
  const kinds = new Map<string, number>();
  for (const reason of reasons) {
    const kind = reason.replace(/^.*?: /, '').replace(/\d+/g, 'N');
    kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
  }
  const most = [...kinds].sort(([, a], [, b]) => b - a).slice(0, 5);
  console.log(`${name} refused ${reasons.length}: ${most.map(([kind, n]) => `${n} x ${kind}`).join('; ')}`);
}
console.log(`${result.programs} programs, ${result.mismatches.length} mismatches`);
process.exitCode = result.mismatches.length > 0 ? 1 : 0;

function whole(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) {
    console.error(`--${name} must be a whole number, not '${text}'`);
    process.exit(2);
  }
  return value;
}
