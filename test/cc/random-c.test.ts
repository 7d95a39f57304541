/**
 * Random programs against GCC. SKEP_RANDOM_C=N[,START] runs more of them (5,000 take some minutes); a failing seed names itself.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { harness, INPUTS, randomProgram } from './random-c.ts';
import { prepareC } from './run-c.ts';

const [count = 60, start = 1] = (process.env['SKEP_RANDOM_C'] ?? '').split(',').filter(Boolean).map(Number);
const gcc = spawnSync('gcc', ['--version']).status === 0;
const CPUS = ['v3', 'v4', 'v2', 'v1'] as const;

function memoryHash(mem: Uint8Array): bigint {
  let h = 0n;
  for (const b of mem) h = BigInt.asUintN(64, h * 131n + BigInt(b));
  return h;
}

describe.skipIf(!gcc)('random C against gcc -O0 -fwrapv', () => {
  for (let from = start; from < start + count; from += 60) {
    const seeds = Array.from({ length: Math.min(60, start + count - from) }, (_, i) => from + i);
    it(`seeds ${from} to ${seeds[seeds.length - 1]}`, { timeout: 240_000 }, () => {
      const folder = mkdtempSync(join(tmpdir(), 'random-c-'));
      try {
        writeFileSync(join(folder, 'a.c'), harness(seeds.map((seed, i) => randomProgram(seed, String(i)))));
        const built = spawnSync('gcc', ['-w', '-O0', '-fwrapv', '-o', join(folder, 'a'), join(folder, 'a.c')], {
          encoding: 'utf8',
        });
        expect(built.stderr).toBe('');
        const lines = spawnSync(join(folder, 'a'), { encoding: 'utf8' }).stdout.trim().split('\n');
        const wrong: string[] = [];
        seeds.forEach((seed, i) => {
          const cpu = CPUS[seed % CPUS.length]!;
          try {
            const { run } = prepareC(randomProgram(seed, ''), { cpu }, 'entry_');
            INPUTS.forEach((input, k) => {
              const mem = input.slice();
              const got = `${run(mem)} ${memoryHash(mem)}`;
              const want = lines[i * INPUTS.length + k];
              if (got !== want) wrong.push(`seed ${seed} ${cpu} input ${k}: ${got}, gcc says ${want}`);
            });
          } catch (e) {
            wrong.push(`seed ${seed} ${cpu}: ${(e as Error).message.split('\n')[0]}`);
          }
        });
        expect(wrong).toEqual([]);
      } finally {
        rmSync(folder, { recursive: true });
      }
    });
  }
});
