/**
 * docs/parity.md, the table of BCC's features: what a test run shows of each. Tests carry feature ids in their names, in brackets
 * (`it('sums the CPUs [P.map.sum]')`); those of test/live and test/guest are about the real kernel, all others about the model.
 *
 *   npm run parity                       run the tagged tests, write the table
 *   npm run parity -- --check            run them, and fail when the table says something else
 *   npm run parity -- --report FILE      use a JSON report of vitest's that is there already (with --check or without)
 *
 * features.tsv lists the features; cannot.tsv says why one cannot be had, on which backend. A live test that this machine
 * skips changes nothing: the page keeps what a machine with its rights said, as long as the test is there. So the page is to be written where most of them
 * run: as root, with SKEP_SLOW=1 for the guest kernel.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BEGIN, END, readTable, statusOf, table, taggedFiles } from './table.mjs';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '../..');
const PAGE = join(ROOT, 'docs/parity.md');
const args = process.argv.slice(2);
const check = args.includes('--check');
const given = args[args.indexOf('--report') + 1];

function report() {
  if (args.includes('--report')) return JSON.parse(readFileSync(given, 'utf8'));
  const folder = mkdtempSync(join(tmpdir(), 'parity-'));
  const file = join(folder, 'report.json');
  try {
    execFileSync(
      'npx',
      ['vitest', 'run', '--reporter=json', `--outputFile=${file}`, ...taggedFiles(ROOT).map((f) => relative(ROOT, f))],
      { cwd: ROOT, stdio: ['ignore', 'ignore', 'inherit'] },
    );
  } catch {
    // Failed tests are in the report: their features do not work.
  }
  const result = JSON.parse(readFileSync(file, 'utf8'));
  rmSync(folder, { recursive: true });
  return result;
}

const page = readFileSync(PAGE, 'utf8');
const status = statusOf(report(), ROOT, readTable(page));
if (status.unknown.length > 0) {
  console.error(`tags that are no feature: ${status.unknown.join(', ')}`);
  process.exit(1);
}
const text = table(status);
const start = page.indexOf(BEGIN);
const stop = page.indexOf(END);
if (start < 0 || stop < 0) throw new Error(`${PAGE} has no markers ${BEGIN} and ${END}`);
const next = `${page.slice(0, start)}${BEGIN}\n\n${text}\n${page.slice(stop)}`;
if (check && next !== page) {
  console.error('docs/parity.md does not say what the tests show: run `npm run parity` and commit it');
  for (const line of status.differences) console.error(line);
  process.exit(1);
}
if (!check) writeFileSync(PAGE, next);
console.log(status.summary);
