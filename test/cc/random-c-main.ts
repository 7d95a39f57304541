/**
 * `npm run fuzz:c -- --count N --seed S`: random C programs against gcc -O0 -fwrapv, at every ISA version in turn, on every engine. Prints
 * `N programs, M wrong`, and every wrong one with the seed that makes it; exit status 1 when there are any. `--print` shows the program of a seed.
 */
import { parseArgs } from 'node:util';
import { availableEngines } from '../../tools/vm/engines.ts';
import { gccMissing, randomProgram } from './random-c.ts';
import { compareWithGcc } from './random-c-run.ts';

const BATCH = 50;

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '500' },
    seed: { type: 'string', default: '1' },
    print: { type: 'boolean', default: false },
  },
});
const [count, seed] = [Number(values.count), Number(values.seed)];
if (!Number.isInteger(count) || !Number.isInteger(seed) || count < 1 || seed < 0)
  throw new TypeError('--count and --seed are whole numbers');
if (values.print) console.log(randomProgram(seed, ''));
else if (gccMissing()) {
  console.log('gcc is not installed: nothing to compare with');
  process.exitCode = 2;
} else {
  const engines = availableEngines();
  let wrong = 0;
  for (let from = seed; from < seed + count; from += BATCH) {
    const seeds = Array.from({ length: Math.min(BATCH, seed + count - from) }, (_, i) => from + i);
    const found = compareWithGcc(seeds, engines);
    wrong += new Set(found.map((w) => w.seed)).size;
    for (const w of found) console.log(w.message);
    const done = from - seed + seeds.length;
    if (done % 1000 === 0) console.log(`${done} programs, ${wrong} wrong so far`);
  }
  console.log(`${count} programs, ${wrong} wrong`);
  process.exitCode = wrong > 0 ? 1 : 0;
}
