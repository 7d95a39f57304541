/** Engines against the oracle on random programs. A failure prints the seed and the program. */
import { expect, it } from 'vitest';
import { checkBytes } from '../../core/isa/check.ts';
import { disassemble } from '../../core/isa/disasm.ts';
import { decode, encode } from '../../core/isa/insn.ts';
import { controlFlow } from '../../core/vm/jit/cfg.ts';
import { onEngine, runOracle } from './conformance/case.ts';
import { ENGINES } from './engines.ts';
import { random, randomProgram } from './random-program.ts';

const COUNT = Number(process.env['SKEP_FUZZ'] ?? 400);
const FIRST = Number(process.env['SKEP_FUZZ_SEED'] ?? 1);

it(`${COUNT} random programs give the oracle's results on every engine`, () => {
  let irreducible = 0;
  for (let seed = FIRST; seed < FIRST + COUNT; seed++) {
    const r = random(seed);
    const code = randomProgram(r, 1001);
    const bytes = encode(code);
    const text = () => `seed ${seed}\n${disassemble(bytes)}`;
    expect(checkBytes(bytes), text()).toBeUndefined();
    if (!controlFlow(decode(bytes), 0, bytes.length / 8).reducible) irreducible++;
    const c = { name: `seed ${seed}`, code, inputs: [] };
    const inputs = [new Uint8Array(64), Uint8Array.from({ length: 64 }, () => r(256))];
    const want = inputs.map((input) => runOracle(c, input));
    for (const engine of ENGINES) {
      for (const verified of [true, false]) {
        const run = onEngine(engine, c, verified);
        inputs.forEach((input, i) => {
          const got = run(input);
          const label = () => `${engine.name}, ${verified ? 'verified' : 'checked'}, input ${i}, ${text()}`;
          if (got.r0 !== want[i]!.r0) expect(`0x${got.r0.toString(16)}`, label()).toBe(`0x${want[i]!.r0.toString(16)}`);
          if (got.memory.some((b, k) => b !== want[i]!.memory[k]))
            expect([...got.memory], label()).toEqual([...want[i]!.memory]);
        });
      }
    }
  }
  // The generator must keep making what is hard.
  expect(irreducible).toBeGreaterThan(COUNT / 50);
});
