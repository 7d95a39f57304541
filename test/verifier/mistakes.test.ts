/**
 * Classic mistakes as C: the whole explanation compared, and its patch applied and verified again. `SKEP_REWRITE=1` writes the answers into the
 * files, for a reader to judge with `git diff`.
 */
import { afterAll, describe, expect, it } from 'vitest';
import { allMistakes, judge, judgeMended, type Mistake, rewrite } from './mistakes.ts';

const mistakes = allMistakes();
const rewriting = process.env.SKEP_REWRITE === '1';
const answers = new Map<Mistake, { says: string; mended: string | undefined }>();

describe('classic mistakes', () => {
  for (const m of mistakes) {
    it(`${m.file}: ${m.name}`, () => {
      const { says, explanation } = judge(m, m.code);
      const mended = judgeMended(m, explanation);
      answers.set(m, { says, mended });
      if (rewriting) return;
      expect(says).toBe(m.says);
      expect(mended).toBe(m.mended);
    });
  }

  it('are at least 50, each refused, each patch accepted', () => {
    expect(mistakes.length).toBeGreaterThanOrEqual(50);
    expect(mistakes.filter((m) => m.says === 'ok').map((m) => m.name)).toEqual([]);
    expect(mistakes.filter((m) => m.mended !== undefined && m.mended !== 'ok').map((m) => m.name)).toEqual([]);
  });
});

afterAll(() => {
  if (rewriting) rewrite(answers);
});
