/**
 * `npm run vm:corpus [-- --only NAME,...]`: every program of BCC's tools and examples, as `npm run corpus` captures them for 6.1, compiled, loaded and attached inside a
 * guest that runs 6.1 and has kprobes. Many minutes under TCG, so outside the tests.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { bundle } from './bundle.ts';
import type { TextResult } from './corpus-suite.ts';
import { boot, guestProblem, makeImage } from './machine.ts';

const problem = guestProblem();
if (problem) {
  process.stderr.write(`vm:corpus: ${problem}\n`);
  process.exit(1);
}
const { values } = parseArgs({ options: { only: { type: 'string' } } });
const folder = mkdtempSync(join(tmpdir(), 'skep-vm-corpus-'));
try {
  const dumped = spawnSync(
    process.execPath,
    [
      ...['scripts/corpus/run.mjs', '--kernel', '6.1', '--no-parity', '--no-clang', '--dump', folder],
      ...(values.only === undefined ? [] : ['--only', values.only]),
    ],
    { encoding: 'utf8', maxBuffer: 1 << 28 },
  );
  if (dumped.status !== 0) throw new Error(`the corpus: ${dumped.stderr}`);
  process.stdout.write(dumped.stdout);
  const suite = join(folder, 'suite.mjs');
  await bundle(join(process.cwd(), 'test/guest/corpus-suite.ts'), suite);
  const image = makeImage({ files: { [suite]: '/skep/corpus.mjs', [join(folder, '6.1.json')]: '/corpus.json' } });
  const ran = await boot(image, 'node /skep/corpus.mjs', { memory: 1536, timeoutMs: 3_600_000 });
  image.remove();
  const results = ran.stdout
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as TextResult);
  const expected = (JSON.parse(readFileSync(join(folder, '6.1.json'), 'utf8')) as { compiled: boolean }[]).filter(
    ({ compiled }) => compiled,
  ).length;
  const sum = (of: (result: TextResult) => number) => results.reduce((total, result) => total + of(result), 0);
  for (const { command, failures } of results)
    for (const failure of failures) process.stdout.write(`${command}: ${failure}\n`);
  const absent = new Set(results.flatMap((result) => result.absent));
  process.stdout.write(
    `${results.length} of ${expected} texts run in ${ran.seconds.toFixed(0)} s: ${sum((r) => r.loaded)} programs accepted by ${image.kernel.release}, ` +
      `${sum((r) => r.attached)} attached, ${sum((r) => r.failures.length)} failures; ${absent.size} functions absent there: ${[...absent].join(', ')}\n`,
  );
  if (results.length < expected) process.stdout.write(`${ran.stderr.slice(-2000)}\n`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
