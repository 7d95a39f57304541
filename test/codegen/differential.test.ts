import { describe, expect, it } from 'vitest';
import { generate } from '../../core/codegen/index.ts';
import { optimize } from '../../core/ir/index.ts';
import { parseModule, printModule } from '../../core/ir/text.ts';
import { randomModule } from '../ir/generate.ts';
import { codeOutcome, irOutcome } from '../ir/outcome.ts';

const PROGRAMS = Number(process.env['SKEP_RANDOM_IR'] ?? 60);
const INPUTS = [1, 2, 3];

/** A fresh copy: passes work in place. */
function copy(seed: number) {
  return parseModule(printModule(randomModule(seed)));
}

describe('random IR programs', () => {
  it('do the same unoptimised, optimised and as code of every version', () => {
    for (let seed = 1; seed <= PROGRAMS; seed++) {
      const expected = INPUTS.map((input) => irOutcome(copy(seed), input));
      const optimised = optimize(copy(seed), { check: true });
      expect(
        INPUTS.map((input) => irOutcome(optimised, input)),
        `seed ${seed}, optimised IR`,
      ).toEqual(expected);
      for (const cpu of [1, 2, 3, 4] as const) {
        for (const module of cpu === 3 ? [copy(seed), optimize(copy(seed))] : [optimize(copy(seed))]) {
          const { progs, diagnostics } = generate(module, { cpu });
          expect(diagnostics.filter((d) => !/bytes of stack|needs -mcpu/.test(d.message))).toEqual([]);
          if (diagnostics.length > 0) continue;
          expect(
            INPUTS.map((input) => codeOutcome(progs[0]!.insns, input)),
            `seed ${seed}, v${cpu}`,
          ).toEqual(expected);
        }
      }
    }
  });
});
