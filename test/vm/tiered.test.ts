/** `auto`: which programs begin in the interpreter, and that they are compiled before their second run. */
import { describe, expect, it } from 'vitest';
import { wasm } from '../../core/base/platform.ts';
import { helperById } from '../../core/helpers/index.ts';
import { assemble } from '../../core/isa/asm.ts';
import { bareHost } from '../../core/vm/bare.ts';
import type { Engine } from '../../core/vm/engine.ts';
import { ENGINES, engineByName } from '../../core/vm/engines.ts';
import { jit, tiered } from '../../core/vm/jit/jit.ts';
import { VmMemory } from '../../core/vm/memory.ts';

const memory = new VmMemory({ maximumBytes: 4 << 20 });

/** How many modules were compiled: after prepare, then after each of three runs; and the results. */
function compilations(engine: Engine, text: string) {
  const insns = assemble(text);
  const host = bareHost({ memory, helper: helperById });
  let modules = 0;
  const { Module } = wasm!;
  wasm!.Module = class extends Module {
    constructor(bytes: Uint8Array) {
      super(bytes);
      modules++;
    }
  };
  const counts: number[] = [];
  const results: number[] = [];
  try {
    const exe = engine.prepare({ name: 'p', insns, funcs: [], lines: [], facts: undefined }, host);
    counts.push(modules);
    for (let k = 0; k < 3; k++) {
      exe.run(0, k);
      counts.push(modules);
      results.push(exe.r0Lo);
    }
  } finally {
    wasm!.Module = Module;
  }
  return { counts, results };
}

const SHORT = 'r0 = r2\nr0 += 5\nif r0 > 6 goto pc+1\nr0 ^= 1\nexit';

describe.skipIf(!wasm)('tiers', () => {
  it('auto is the tiered JIT', () => {
    expect(engineByName('auto')).toBe(tiered);
    expect(engineByName('jit')).toBe(jit);
    expect(ENGINES).not.toContain(tiered);
  });

  it('a short program is compiled before its second run, and answers alike', () => {
    expect(compilations(tiered, SHORT)).toEqual({ counts: [0, 0, 1, 1], results: [4, 7, 7] });
    expect(compilations(jit, SHORT)).toEqual({ counts: [1, 1, 1, 1], results: [4, 7, 7] });
  });

  it.each([
    ['a loop', 'r0 = r2\nloop: r0 += 1\nif r0 < 9 goto loop\nexit'],
    ['a local call', 'r1 = r2\ncall f\nexit\nf: r0 = r1\nexit'],
    ['a tail call', 'r0 = 0\nr3 = 0\nr2 = 0\ncall #12\nr0 = 0\nexit'],
  ])('%s is compiled at once', (_, text) => {
    expect(compilations(tiered, text).counts).toEqual([1, 1, 1, 1]);
  });

  it('what is no program is refused when it is prepared', () => {
    const host = bareHost({ memory });
    const insns = new Uint8Array([0xb7, 0, 0, 0, 1, 0, 0, 0]);
    const program = { name: 'p', insns, funcs: [], lines: [], facts: undefined };
    expect(() => tiered.prepare(program, host)).toThrow('control falls off the end');
  });
});
