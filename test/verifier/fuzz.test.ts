import { describe, expect, it } from 'vitest';
import { asCase, fuzz, shrink } from './fuzz.ts';
import { whyNoOracle } from './kernel-oracle.ts';

const why = whyNoOracle();
describe.skipIf(why !== undefined)(`verifier against the running kernel${why ? `: ${why}` : ''}`, () => {
  it('agrees over 300 near-valid programs', async () => {
    const differences: string[] = [];
    const t = await fuzz(300, 20240601, async (s, _kernel, us) => {
      const { small, says } = await shrink(s);
      differences.push(`we say ${us}\n${asCase(small, says, 'difference')}`);
    });
    expect(differences).toEqual([]);
    expect(t.accepted).toBeGreaterThan(50);
    expect(t.refused).toBeGreaterThan(50);
    // Two kernels may word a refusal differently; most must be the same.
    expect(t.sameLine / t.refused).toBeGreaterThan(0.9);
  });
});
