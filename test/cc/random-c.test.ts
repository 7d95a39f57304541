/** Random programs against GCC; `npm run fuzz:c` runs more of them. */
import { describe, expect, it } from 'vitest';
import { ENGINES } from '../vm/engines.ts';
import { gccMissing, randomProgram } from './random-c.ts';
import { compareWithGcc, factsOf } from './random-c-run.ts';
import { compileOk } from './run-c.ts';

describe.skipIf(gccMissing())('random C against gcc -O0 -fwrapv', () => {
  it.each([1, 31])('30 programs from seed %i', { timeout: 240_000 }, (from) => {
    const seeds = Array.from({ length: 30 }, (_, i) => from + i);
    expect(compareWithGcc(seeds, ENGINES).map((w) => w.message)).toEqual([]);
  });

  it('the verifier knows enough of some of them to run them with facts', () => {
    const seeds = Array.from({ length: 20 }, (_, i) => 1 + i);
    const known = seeds.filter((seed) => factsOf(compileOk(randomProgram(seed, '')))?.insns);
    expect(known.length).toBeGreaterThan(3);
  });

  // Frames whose variables share bytes, and were once laid over each other.
  it('programs that were wrong', { timeout: 60_000 }, () => {
    expect(compareWithGcc([2790, 4094, 5931], ENGINES).map((w) => w.message)).toEqual([]);
  });
});
