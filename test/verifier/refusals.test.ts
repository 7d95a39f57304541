/** Every message with which the verifier refuses has a case or a mistake, or a line in without-case.txt that says why not. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { allCases } from './cases.ts';
import { allMistakes } from './mistakes.ts';
import { refusalMessages, shownMessages, withoutCase } from './refusals.ts';
import { typedCases } from './typed-cases.ts';

const excused = readFileSync(new URL('without-case.txt', import.meta.url), 'utf8')
  .split(/^# .*\n/m)
  .slice(1)
  .flatMap((group) => group.split('\n').filter((line) => line !== ''));

describe('messages of refusals', () => {
  const missing = withoutCase(shownMessages([...allCases(), ...typedCases()], allMistakes())).map((m) => m.text);

  it('are read out of the source', () => {
    const all = refusalMessages();
    expect(all.length).toBeGreaterThan(300);
    const notIn = (text: string) => !all.some((m) => m.pattern.test(text));
    expect(
      ['R3 !read_ok', 'frame pointer is read only', 'div by zero', 'R1 leaks addr into map'].filter(notIn),
    ).toEqual([]);
  });

  it('each have a case, or a reason why there is none', () => {
    expect(missing.filter((text) => !excused.includes(text))).toEqual([]);
  });

  it('with a reason have no case', () => {
    expect(excused.filter((text) => !missing.includes(text))).toEqual([]);
  });
});
