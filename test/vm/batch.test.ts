/** Batches: what a batch stores is what the runs one by one give, on every engine, also where the program loops, calls and uses up fuel. */
import { describe, expect, it } from 'vitest';
import { Fault } from '../../core/base/errors.ts';
import { helperById } from '../../core/helpers/index.ts';
import { assemble } from '../../core/isa/asm.ts';
import { bareHost } from '../../core/vm/bare.ts';
import { VmMemory } from '../../core/vm/memory.ts';
import { ENGINES } from './engines.ts';

const memory = new VmMemory({ maximumBytes: 8 << 20 });
const COUNT = 5;
const ctx = memory.alloc(8 * COUNT, 8);
const results = memory.alloc(4 * COUNT, 8);
for (let i = 0; i < COUNT; i++) memory.view.setUint32(ctx + 8 * i, i + 1, true);

const PROGRAMS: readonly [string, string][] = [
  ['straight on', 'r0 = *(u32 *)(r1 +0)\nr0 *= 3\nr0 += r2\nexit'],
  ['a loop', 'r3 = *(u32 *)(r1 +0)\nr0 = 0\nloop: r0 += r3\nr3 -= 1\nif r3 != 0 goto loop\nexit'],
  [
    'a call in a loop',
    `r6 = *(u32 *)(r1 +0)
r7 = 0
loop: r1 = r6
call square
r7 += r0
r6 -= 1
if r6 != 0 goto loop
r0 = r7
exit
square: r0 = r1
r0 *= r0
exit`,
  ],
  ['several exits', 'r0 = *(u32 *)(r1 +0)\nif r0 > 2 goto big\nr0 = 100\nexit\nbig: r0 = 200\nexit'],
  ['may_goto', 'r0 = 0\nloop: may_goto done\nr0 += 1\nif r0 > 9 goto done\ngoto loop\ndone: exit'],
  ['a helper', 'r6 = *(u32 *)(r1 +0)\ncall #8\nr0 += r6\nexit'],
];

describe.each(ENGINES)('batches on $name', (engine) => {
  describe.each([
    { mode: 'checked', facts: undefined },
    { mode: 'verified', facts: { verified: true, stackDepth: 512 } },
    { mode: 'verified, of a known bound', facts: { verified: true, stackDepth: 512, insnBound: 1000 } },
  ])('$mode', ({ facts }) => {
    const prepare = (text: string, fuel?: number) => {
      const regions = [{ offset: ctx, size: 8 * COUNT, writable: false }];
      const host = bareHost({ memory, helper: helperById, regions });
      const program = { name: 'batch', insns: assemble(text), funcs: [], lines: [], facts };
      return engine.prepare(program, host, fuel === undefined ? {} : { fuel });
    };

    it.each(PROGRAMS)('%s', (_, text) => {
      const exe = prepare(text);
      const single = Array.from({ length: COUNT }, (_, i) => {
        exe.run(ctx + 8 * i, 7);
        return exe.r0Lo;
      });
      for (let k = 0; k < 2; k++) {
        memory.u8.fill(0, results, results + 4 * COUNT);
        exe.runBatch!(ctx, 8, COUNT, results, 7);
        expect([...new Int32Array(memory.u8.buffer, results, COUNT)]).toEqual(single);
      }
    });

    it.skipIf(facts?.insnBound)('each run of it has its own fuel, and no more', () => {
      const loop = 'r3 = *(u32 *)(r1 +0)\nr0 = 0\nloop: r0 += 1\nr3 -= 1\nif r3 != 0 goto loop\nexit';
      // The run on the last number jumps back four times, for three slots each.
      prepare(loop, 12).runBatch!(ctx, 8, COUNT, results);
      expect(memory.view.getInt32(results + 4 * (COUNT - 1), true)).toBe(COUNT);
      let fault: unknown;
      try {
        prepare(loop, 11).runBatch!(ctx, 8, COUNT, results);
      } catch (error) {
        fault = error;
      }
      expect(fault).toBeInstanceOf(Fault);
      expect((fault as Fault).pc).toBe(4);
      expect((fault as Fault).reason).toBe('out of fuel');
    });
  });
});
