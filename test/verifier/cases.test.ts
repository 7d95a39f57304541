import { describe, expect, it } from 'vitest';
import { verify } from '../../core/verifier/index.ts';
import { allCases, makeProg } from './cases.ts';
import { askKernel, whyNoOracle } from './kernel-oracle.ts';

const cases = allCases();

describe('verifier cases', () => {
  for (const c of cases) {
    it(`${c.file}: ${c.name}`, () => {
      const result = verify(
        { prog: makeProg(c), maps: c.maps },
        { privileged: c.privileged, ...(c.kernel ? { kernel: c.kernel } : {}), strictAlignment: c.strict },
      );
      expect(result.ok ? 'ok' : result.error?.message).toBe(c.says);
    });
  }
});

// The same expectations, asked of the kernel that runs the tests.
const why = whyNoOracle();
describe.skipIf(why !== undefined)(`verifier cases, the running kernel${why ? `: ${why}` : ''}`, () => {
  it('gives the same verdicts and last lines', async () => {
    const asked = cases.filter((c) => c.oracle && c.target === undefined);
    const answers = await askKernel(asked.map((c) => ({ ...c, flags: c.strict ? 1 : 0 })));
    const wrong = asked.flatMap((c, i) => {
      const a = answers[i]!;
      const says = a.ok ? 'ok' : a.last;
      return says === c.says ? [] : [`${c.file}: ${c.name}: kernel says '${says}' (${a.errno}), case says '${c.says}'`];
    });
    expect(wrong).toEqual([]);
  });
});
