/** Host instructions for a BPF instruction of the C++ engine: a count, so that it may be a test on any machine. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { root } from '../tools/skep.ts';
import { hostInstructionTable } from './callgrind/table.ts';

const run = spawnSync(process.execPath, [join(root, 'scripts/dev-run.mjs'), 'test/bench/callgrind/main.ts'], {
  cwd: root,
  encoding: 'utf8',
});
/** What it lacks here: valgrind, a compiler, the addon. */
const missing = /bench:callgrind: (there is no .* on PATH|the addon is not built)/.exec(run.stderr)?.[1];

describe.skipIf(missing)(`host instructions${missing ? `: ${missing}` : ''}`, () => {
  it('memory and sieve take at most nine', () => {
    expect(run.stderr).not.toContain('bench:callgrind:');
    const rows = [...run.stdout.matchAll(/^\| (\w+) \| ([\d.]+) \|/gm)].map(
      ([, name, n]) => [name!, Number(n)] as const,
    );
    const perInsn = new Map(rows);
    for (const name of ['memory', 'sieve']) {
      // Fewer than a dispatch takes would be a program that did not run.
      expect(perInsn.get(name)).toBeGreaterThan(3);
      expect(perInsn.get(name)).toBeLessThanOrEqual(9);
    }
  });
});

it('the table says whether a goal is met', () => {
  const rows = [
    { name: 'memory', perInsn: 7.401 },
    { name: 'sieve', perInsn: 9.01 },
    { name: 'calls', perInsn: 12 },
  ];
  expect(hostInstructionTable(rows).split('\n').slice(2)).toEqual([
    '| memory | 7.40 | <= 9 | yes |',
    '| sieve | 9.01 | <= 9 | no |',
    '| calls | 12.00 |  |  |',
  ]);
});
