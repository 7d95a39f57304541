/** Small functions that the JIT puts in place of calls: results, frames, fuel and faults are those of calls. The interpreter, which calls, is the yardstick. */
import { describe, expect, it } from 'vitest';
import { Fault } from '../../core/base/errors.ts';
import { wasm } from '../../core/base/platform.ts';
import { helperById } from '../../core/helpers/index.ts';
import { assemble } from '../../core/isa/asm.ts';
import { bareHost } from '../../core/vm/bare.ts';
import type { Engine } from '../../core/vm/engine.ts';
import { interp } from '../../core/vm/interp.ts';
import { jit } from '../../core/vm/jit/jit.ts';
import { VmMemory } from '../../core/vm/memory.ts';

const memory = new VmMemory({ maximumBytes: 4 << 20 });
const ctx = memory.alloc(64);
const results = memory.alloc(64);

/** How a run with r2 = `n` ends: r0, or where and why it faulted; then a batch's results. */
function outcome(engine: Engine, text: string, n: number, fuel = 1000): unknown[] {
  const facts = { verified: true, stackDepth: 4096 };
  const host = bareHost({ memory, helper: helperById });
  const exe = engine.prepare({ name: 'p', insns: assemble(text), funcs: [], lines: [], facts }, host, { fuel });
  memory.u8.fill(n + 1, ctx, ctx + 64);
  try {
    exe.run(ctx, n);
    const single = [exe.r0Hi, exe.r0Lo];
    exe.runBatch!(ctx, 8, 4, results, n);
    return [...single, ...memory.u8.slice(results, results + 16)];
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    return [error.pc, error.reason, error.regs];
  }
}

const MANY = Array.from({ length: 70 }, (_, k) => `r0 += ${k}`).join('\n');

const PROGRAMS: readonly (readonly [name: string, text: string, fuel?: number])[] = [
  ['arguments and result', 'r1 = r2\nr2 = 7\ncall f\nexit\nf: r0 = r1\nr0 *= 10\nr0 += r2\nexit'],
  [
    "registers r6 to r9 are each function's own",
    'r6 = r2\nr9 = 5\nr1 = r2\ncall f\nr0 += r6\nr0 += r9\nexit\nf: r6 = 100\nr9 = r1\nr0 = r6\nr0 += r9\nexit',
  ],
  [
    'a stack of its own, each time',
    `r6 = 3
*(u64 *)(r10 -8) = 1
l: r1 = r6
r2 = r10
call f
r7 = *(u64 *)(r10 -8)
r7 += r0
*(u64 *)(r10 -8) = r7
r6 -= 1
if r6 != 0 goto l
r0 = r7
exit
f: *(u64 *)(r10 -8) = r1
r3 = r10
r3 -= r2
r0 = *(u64 *)(r10 -8)
r0 += r3
exit`,
  ],
  ['two ways out', 'r1 = r2\ncall f\nr0 += 1\nexit\nf: if r1 > 2 goto b\nr0 = 10\nexit\nb: r0 = 20\nexit'],
  [
    'twice, and once more inside a branch',
    'r6 = r2\nr1 = 1\ncall f\nr1 = r0\ncall f\nif r6 == 1 goto o\nr1 = r0\ncall f\no: exit\nf: r0 = r1\nr0 <<= 2\nexit',
  ],
  ['a function that calls one', 'r1 = r2\ncall g\nexit\ng: r6 = r1\ncall f\nr0 += r6\nexit\nf: r0 = r1\nr0 ^= 5\nexit'],
  ['one that calls a helper is called', 'r1 = r2\ncall f\nexit\nf: r6 = r1\ncall #8\nr0 += r6\nexit'],
  ['a long one is called', `r1 = r2\ncall f\nexit\nf: r0 = r1\n${MANY}\nexit`],
  ['a loop', 'r1 = r2\ncall f\nexit\nf: r0 = 1\nl: r0 *= 3\nr1 -= 1\nif r1 s> 0 goto l\nexit'],
  [
    'out of fuel in its loop',
    'r1 = 9999\nr6 = 4\ncall f\nexit\nf: r0 = 1\nr6 = 5\nl: r0 += 3\nr1 -= 1\nif r1 s> 0 goto l\nexit',
    100,
  ],
  [
    'out of fuel at the call',
    'r6 = 99\nl: r1 = r6\ncall f\nr6 -= 1\nif r6 != 0 goto l\nexit\nf: r0 = r1\nr0 += 3\nexit',
    50,
  ],
  [
    'fuel is what the caller left',
    'r6 = 9\nl: r1 = 3\ncall f\nr6 -= 1\nif r6 != 0 goto l\nexit\nf: r0 = 1\nm: r1 -= 1\nif r1 != 0 goto m\nexit',
    120,
  ],
  [
    'may_goto counts each call anew',
    'r6 = 3\nr0 = 0\nl: r1 = r6\ncall f\nr6 -= 1\nif r6 != 0 goto l\nexit\nf: r0 = 0\nm: r0 += 1\nmay_goto n\nif r0 < 5 goto m\nn: exit',
  ],
  [
    'loops with two ways in',
    'r1 = r2\ncall f\nexit\nf: r0 = 0\nif r1 == 1 goto b\na: r0 += 1\nif r0 > 20 goto o\nb: r0 += 2\nif r0 < 15 goto a\no: exit',
  ],
];

describe.skipIf(!wasm)('functions in place of calls', () => {
  it.each(PROGRAMS.map(([name, text, fuel]) => ({ name, text, fuel })))('$name', ({ text, fuel }) => {
    for (let n = 0; n < 5; n++)
      expect([n, ...outcome(jit, text, n, fuel)]).toEqual([n, ...outcome(interp, text, n, fuel)]);
  });

  it("a fault of wasm's own is found in the function where it happened", () => {
    // What a verifier would not have let through: an address that is not mapped.
    const text = 'r0 = 0\nr1 = -64\ncall f\nexit\nf: r0 = 1\nr0 = *(u64 *)(r1 +0)\nexit';
    const [pc, reason] = outcome(jit, text, 0);
    expect([pc, reason]).toEqual([5, "read of 8 bytes is outside the program's memory"]);
    expect(outcome(interp, text, 0)[0]).toBe(5);
  });
});
