/** Every engine against the oracle, on every form of the opcode table. */
import { describe, expect, it } from 'vitest';
import { FORMS, formOf } from '../../../core/isa/forms.ts';
import { ENGINES } from '../engines.ts';
import { type Case, onEngine, runOracle } from './case.ts';
import { tableCases } from './cases.ts';
import { CONTROL_CASES } from './control.ts';

const CASES: readonly Case[] = [...tableCases(), ...CONTROL_CASES];

/** Forms that need more than a bare VM; each names the test that covers it. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  'ld_imm64.map_fd': 'resolved before an engine sees it: harness.test.ts',
  'ld_imm64.map_value': 'resolved before an engine sees it: harness.test.ts',
  'ld_imm64.btf_id': 'resolved before an engine sees it',
  'ld_imm64.map_idx': 'resolved before an engine sees it',
  'ld_imm64.map_idx_value': 'resolved before an engine sees it',
  'ld_imm64.func': 'surroundings.test.ts',
  'call.kfunc': 'surroundings.test.ts',
  ...Object.fromEntries(
    ['w', 'h', 'b'].flatMap((s) => [`ld_abs.${s}`, `ld_ind.${s}`]).map((f) => [f, 'surroundings.test.ts']),
  ),
};

it('every row of the opcode table has a case', () => {
  const covered = new Set(CASES.flatMap((c) => c.code.map((insn) => formOf(insn)?.name)));
  const missing = FORMS.map((f) => f.name).filter((name) => !covered.has(name) && !(name in ELSEWHERE));
  expect(missing).toEqual([]);
});

const expected = new Map(CASES.map((c) => [c, c.inputs.map((input) => runOracle(c, input))]));

describe.each(ENGINES)('$name agrees with the oracle', (engine) => {
  describe.each([
    { mode: 'verified', verified: true },
    { mode: 'checked', verified: false },
  ])('$mode', ({ verified }) => {
    it.each(CASES)('$name', (c) => {
      const run = onEngine(engine, c, verified);
      c.inputs.forEach((input, i) => {
        const got = run(input);
        const want = expected.get(c)![i]!;
        if (got.r0 !== want.r0 || got.memory.some((b, k) => b !== want.memory[k])) {
          expect({ input: [...input.slice(0, 64)], r0: got.r0.toString(16), memory: [...got.memory] }).toEqual({
            input: [...input.slice(0, 64)],
            r0: want.r0.toString(16),
            memory: [...want.memory],
          });
        }
      });
    });
  });
});
