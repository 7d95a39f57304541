/**
 * Whole programs in plain C (hashes, sorts, parsers, machines, matrices) on random memory: what every engine gives for what this compiler
 * makes at every ISA version must be what GCC's -O0 gives.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ENGINES } from '../vm/engines.ts';
import { seeded } from './random-c.ts';
import { compileOk, prepareObject } from './run-c.ts';

const folder = new URL('./against-gcc/', import.meta.url);
const gcc = spawnSync('gcc', ['--version']).status === 0;
const TYPEDEFS =
  'typedef unsigned char u8; typedef signed char s8; typedef unsigned short u16; typedef short s16; typedef unsigned int u32; typedef int s32; typedef unsigned long long u64; typedef long long s64;\n';
/** Some inputs of every size; the first is all zeros. */
const INPUTS = [64, 64, 128, 40, 21, 256, 72].map((size, n) => {
  const r = seeded(n * 7919 + 13);
  return Uint8Array.from({ length: size }, () => (n === 0 ? 0 : r(256)));
});

function expected(text: string): string[] {
  const scratch = mkdtempSync(join(tmpdir(), 'against-gcc-'));
  try {
    const rows = INPUTS.map((m) => `{${[...m].join(',')}}`).join(',\n');
    const main = `#include <stdio.h>
static unsigned char inputs[${INPUTS.length}][256] = {${rows}};
static const unsigned sizes[] = {${INPUTS.map((m) => m.length).join(',')}};
int main(void) { for (unsigned i = 0; i < ${INPUTS.length}; i++) {
  printf("%llx ", (unsigned long long)entry(inputs[i], sizes[i]));
  for (unsigned k = 0; k < sizes[i]; k++) printf("%02x", inputs[i][k]); printf("\\n"); } }\n`;
    writeFileSync(join(scratch, 'a.c'), `${TYPEDEFS}\n#include <assert.h>\n#line 1 "test.c"\n${text}\n${main}`);
    const built = spawnSync(
      'gcc',
      ['-std=gnu2x', '-w', '-O0', '-fwrapv', '-o', join(scratch, 'a'), join(scratch, 'a.c')],
      {
        encoding: 'utf8',
      },
    );
    expect(built.stderr).toBe('');
    return spawnSync(join(scratch, 'a'), { encoding: 'utf8' }).stdout.trim().split('\n');
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

describe.skipIf(!gcc)('plain C against gcc -O0 -fwrapv', () => {
  for (const name of readdirSync(folder).sort()) {
    it(name, { timeout: 120_000 }, () => {
      const text = readFileSync(new URL(name, folder), 'utf8');
      const want = expected(text);
      // Older versions have no fetching atomics.
      const cpus = (['v1', 'v2', 'v3', 'v4'] as const).filter((v) => v >= 'v3' || !text.includes('__sync_'));
      for (const cpu of cpus) {
        const object = compileOk(text, { cpu });
        for (const engine of ENGINES) {
          INPUTS.forEach((input, i) => {
            const mem = input.slice();
            const r0 = prepareObject(object, 'entry', engine).run(mem);
            const got = `${r0.toString(16)} ${Buffer.from(mem).toString('hex')}`;
            expect(got, `-mcpu=${cpu}, ${engine.name}, input ${i}`).toBe(want[i]);
          });
        }
      }
    });
  }
});
