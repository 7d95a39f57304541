/** How many instructions a run executes at most, as the verifier tells engines: true of what runs, and not told where the walk does not show it. */
import { describe, expect, it } from 'vitest';
import { assemble } from '../../core/isa/asm.ts';
import { insnBound } from '../../core/verifier/bound.ts';

describe('the bound on executed instructions', () => {
  it.each([
    ['a loop', 'r0 = 9\nloop: r0 -= 1\nif r0 != 0 goto loop\nexit', 42],
    ['a helper', 'call #8\nexit', 42],
    ['a local call', 'call f\nexit\nf: r0 = 0\nexit', 42],
    ['may_goto', 'r0 = 0\nloop: may_goto done\ngoto loop\ndone: exit', undefined],
    ['a tail call', 'call #12\nr0 = 0\nexit', undefined],
  ])('%s', (_, text, bound) => {
    expect(insnBound(assemble(text), 42, false)).toBe(bound);
    expect(insnBound(assemble(text), 42, true)).toBe(undefined);
  });
});
