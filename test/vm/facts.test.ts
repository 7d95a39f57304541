/** What the JIT does by the verifier's facts about single instructions: results are those of the interpreter, which checks every access and knows no facts. */
import { describe, expect, it } from 'vitest';
import { wasm } from '../../core/base/platform.ts';
import { helperByName } from '../../core/helpers/index.ts';
import { assemble } from '../../core/isa/asm.ts';
import type { MapSpec, ProgFacts } from '../../core/spec/spec.ts';
import { verify } from '../../core/verifier/index.ts';
import { type HarnessMap, type HarnessResult, type HarnessWorld, runOnce } from '../../core/vm/harness.ts';
import { interp } from '../../core/vm/interp.ts';
import { jit } from '../../core/vm/jit/jit.ts';
import { STACK_AREA } from '../../core/vm/layout.ts';
import { stackAreas } from '../../core/vm/stack.ts';
import { makeProg } from '../verifier/cases.ts';

const POISON = 0xa5;

function map(type: string, key_size: number, max_entries = 8, init: readonly (readonly [string, string])[] = []) {
  return { type, key_size, value_size: 8, max_entries, flags: 0, init };
}

interface Ran {
  readonly want: HarnessResult;
  readonly facts: ProgFacts;
  /** Offsets from the frame pointer of the first 64 bytes that the JIT has written. */
  readonly written: number[];
}

/** On 64 bytes of context that count up from 1. Throws where the JIT, with facts or without, does not do as the interpreter. */
function run(text: string, maps: readonly HarnessMap[] = []): Ran {
  const code = assemble(text, { helper: (name) => helperByName(name)?.id });
  const specs = maps.map(
    (m, i): MapSpec => ({
      name: `m${i}`,
      type: m.type,
      keySize: m.key_size,
      valueSize: m.value_size,
      maxEntries: m.max_entries,
      flags: 0,
      keyType: 0,
      valueType: 0,
    }),
  );
  const of = { name: 'p', type: 'raw_tracepoint', attach: undefined, target: undefined, license: 'GPL' };
  const { error, facts } = verify({ prog: makeProg({ ...of, insns: code }), maps: specs });
  expect(error?.message).toBeUndefined();
  const mem = Uint8Array.from({ length: 64 }, (_, i) => i + 1);
  const want = runOnce(interp, { code, mem, maps });
  const { insns, ...less } = facts;
  expect(insns).toBeDefined();
  let frame: Uint8Array | undefined;
  const observe = ({ memory }: HarnessWorld): undefined => {
    const base = stackAreas(memory).enter();
    stackAreas(memory).leave();
    frame = memory.u8.subarray(base, base + STACK_AREA).fill(POISON);
  };
  expect(runOnce(jit, { code, mem, maps, facts: less })).toEqual(want);
  expect(runOnce(jit, { code, mem, maps, facts, observe })).toEqual(want);
  const written = Array.from({ length: 64 }, (_, i) => i - 64).filter((at) => frame![512 + at] !== POISON);
  return { want, facts, written };
}

describe.skipIf(!wasm)('the JIT by facts', () => {
  describe('stack bytes as locals', () => {
    it.each([1, 2, 4, 8])('of %i bytes: what is stored is cut off, what is loaded is extended', (size) => {
      const [u, s] = [`u${size * 8}`, `s${size * 8}`];
      const signed = size === 8 ? '' : `r5 = *(${s} *)(r10 -8)\nr0 ^= r5\n`;
      const { written } = run(
        `r1 = 0x8182838485868788 ll\n*(${u} *)(r10 -8) = r1\nr0 = *(${u} *)(r10 -8)\n${signed}*(${u} *)(r10 -16) = -2\nr2 = *(${u} *)(r10 -16)\nr0 += r2\nexit`,
      );
      expect(written).toEqual([]);
    });

    it('through a copy of the frame pointer, around a loop, in a callee that is put in place', () => {
      const { written, want } = run(`r6 = 5
*(u64 *)(r10 -8) = 0
l: r1 = r6
call f
r2 = r10
r2 += -24
r3 = *(u64 *)(r2 +16)
r3 += r0
*(u64 *)(r2 +16) = r3
r6 -= 1
if r6 != 0 goto l
r0 = *(u64 *)(r10 -8)
exit
f: *(u64 *)(r10 -8) = r1
r0 = *(u64 *)(r10 -8)
r0 *= 3
exit`);
      expect(want.r0).toBe(45n);
      expect(written).toEqual([]);
    });

    it('overlapping pieces and what a helper reads stay in memory', () => {
      const { written } = run(
        `*(u64 *)(r10 -8) = 0
*(u32 *)(r10 -4) = 7
*(u64 *)(r10 -16) = 3
*(u64 *)(r10 -24) = 9
r1 = map[id:0]
r2 = r10
r2 += -16
r3 = r10
r3 += -24
r4 = 0
call map_update_elem
r0 = *(u64 *)(r10 -8)
exit`,
        [map('hash', 8)],
      );
      expect(written).toEqual(Array.from({ length: 24 }, (_, i) => i - 24));
    });

    it('what a callee writes through a pointer, and what is put together from halves', () => {
      const { want } = run(`*(u64 *)(r10 -8) = 1
r1 = r10
r1 += -8
call f
r0 = *(u64 *)(r10 -8)
exit
f: *(u32 *)(r1 +4) = 5
r0 = 0
exit`);
      expect(want.r0).toBe((5n << 32n) + 1n);
    });
  });

  describe('lookups in the code', () => {
    const lookup = (at: number) => `r1 = map[id:0]
r2 = r10
r2 += ${at}
call map_lookup_elem
if r0 == 0 goto none
r1 = *(u64 *)(r0 +0)
r1 += 1
*(u64 *)(r0 +0) = r1
r0 = r1
exit
none: r0 = -1
exit`;

    it.each([0, 3, 7, 8, -1])('array, key %i', (key) => {
      const { written, want } = run(`*(u32 *)(r10 -4) = ${key}\n${lookup(-4)}`, [map('array', 4)]);
      expect(written).toEqual([]);
      expect(want.r0).toBe(key >= 0 && key < 8 ? 1n : 0xffffffffffffffffn);
    });

    // Sizes of the stores that make the key; all of a word must be from one, or the key goes to memory.
    it.each([
      ['u8', 1, ['u8'], true],
      ['u16', 2, ['u16'], true],
      ['a u32', 4, ['u32'], true],
      ['a u64', 8, ['u64'], true],
      ['two u32', 8, ['u32', 'u32'], true],
      ['a u64 and a u32', 12, ['u64', 'u32'], true],
      ['a u64 and two bytes of another', 10, ['u64', 'u64'], true],
      ['four u8', 4, ['u8', 'u8', 'u8', 'u8'], false],
    ] as const)('hash, the key being %s', (_, size, stores, local) => {
      let at = -24;
      const key: string[] = [];
      const lines = stores.map((type, i) => {
        const bytes = Number(type.slice(1)) / 8;
        const line = `r1 = *(${type} *)(r6 +${8 * i})\n*(${type} *)(r10 ${at}) = r1`;
        for (let b = 0; b < bytes; b++) key.push((8 * i + b + 1).toString(16).padStart(2, '0'));
        at += bytes;
        return line;
      });
      const hex = key.slice(0, size).join('');
      // Others in the same map, so that there are chains to go along.
      const others = [1, 2, 3, 4, 5].map((n) => [`f${n}`.repeat(size), '0900000000000000'] as const);
      for (const there of [true, false]) {
        const init = there ? [...others, [hex, '2a00000000000000'] as const] : others;
        const { want, written } = run(`r6 = r1\n${lines.join('\n')}\n${lookup(-24)}`, [map('hash', size, 8, init)]);
        expect(want.r0).toBe(there ? 43n : 0xffffffffffffffffn);
        expect(written.length === 0).toBe(local);
      }
    });

    it('a key that another helper wants too', () => {
      const { written } = run(
        `*(u32 *)(r10 -4) = 1\n*(u64 *)(r10 -16) = 5\nr1 = map[id:0]\nr2 = r10\nr2 += -4\nr3 = r10\nr3 += -16\nr4 = 0\ncall map_update_elem\n${lookup(-4)}`,
        [map('hash', 4)],
      );
      expect(written).toEqual([...Array.from({ length: 8 }, (_, i) => i - 16), -4, -3, -2, -1]);
    });
  });

  describe('division', () => {
    const numbers = [
      '0',
      '1',
      '7',
      '0x7fffffff',
      '0x80000000',
      '0xffffffff',
      '0x8000000000000000',
      '0xffffffffffffffff',
    ];
    it.each(['/=', '%=', 's/=', 's%='])('%s of what is known and what is not', (op) => {
      for (const a of numbers) {
        for (const b of numbers) {
          const start = `r0 = ${a} ll\nr2 = ${b} ll\n`;
          run(`${start}r0 ${op} r2\nexit`);
          run(`${start}w0 ${op} w2\nexit`);
          run(`${start}r2 |= 1\nr0 ${op} r2\nexit`);
          run(`${start}r0 &= 0x7fffffff\nr2 &= 255\nr2 |= 1\nr0 ${op} r2\nexit`);
          run(`${start}w0 = w0\nw2 = w2\nr0 ${op} r2\nexit`);
        }
        run(`r0 = ${a} ll\nr0 ${op} 7\nexit`);
        run(`r0 = ${a} ll\nw0 = w0\nr0 ${op} -3\nexit`);
      }
    });
  });

  it('jumps that always or never go', () => {
    const { want } = run(
      'r0 = 5\nif r0 > 3 goto pc+1\nr0 = 1\nif r0 == 9 goto pc+1\nr0 += 2\nif w0 s< 0 goto pc+1\nr0 *= 3\nexit',
    );
    expect(want.r0).toBe(21n);
  });

  describe('low halves', () => {
    it('a pointer that steps down and up, an index that counts', () => {
      const { want } = run(
        `${VALUE}r6 = r0
r2 = 0
l: r3 = r6
r3 += r2
*(u8 *)(r3 +0) = r2
r2 += 1
if r2 < 8 goto l
r6 += 8
r4 = 0
r5 = 7
m: r6 -= 1
r1 = *(u8 *)(r6 +0)
r4 *= 3
r4 += r1
r5 -= 1
if r5 s>= 0 goto m
r0 = r4
exit
none: r0 = 0
exit`,
        [map('array', 4)],
      );
      expect(want.r0).toBe(21324n);
    });

    const conditions = ['==', '!=', '>', '>=', '<', '<=', 's>', 's>=', 's<', 's<=', '&'];
    it.each(conditions)('if a %s b, of numbers that index memory', (condition) => {
      for (const [a, b] of [
        [1, 2],
        [2, 1],
        [2, 2],
        [0, 7],
        // As 32-bit numbers with a sign the second would be the smaller one; as an immediate it is negative.
        [1, -0x70000000],
      ]) {
        for (const right of ['r3', `${b}`]) {
          for (const width of ['r', 'w']) {
            const other = right === 'r3' ? `${width}3` : right;
            const { want } = run(compare(a!, b!, `${width}2 ${condition} ${other}`), [map('array', 4)]);
            expect(want.r0).toBeGreaterThan(0n);
          }
        }
      }
    });

    it('all that keeps low halves: moves, sums, products, bits, in both widths', () => {
      for (const w of ['r', 'w']) {
        run(
          `${VALUE}r1 = 3
${w}1 *= 5
${w}1 -= 7
${w}1 ^= 1
${w}1 |= 2
${w}1 &= 7
${w}2 = ${w}1
${w}2 += -1
${w}3 = -4
${w}3 = -${w}3
${w}3 += ${w}2
r3 &= 7
r0 += r3
*(u8 *)(r0 +0) = 9
r0 = r3
exit
none: r0 = 0
exit`,
          [map('array', 4)],
        );
      }
    });

    it('a base that a load replaces by itself', () => {
      const { want } = run(
        `${VALUE}r7 = r0
r7 += 0
*(u64 *)(r7 +0) = 2
r7 = *(u64 *)(r7 +0)
r7 &= 3
r0 += r7
*(u8 *)(r0 +0) = 5
r0 = r7
exit
none: r0 = 0
exit`,
        [map('array', 4)],
      );
      expect(want.r0).toBe(2n);
    });
  });
});

/** r0 = a map's value. */
const VALUE = '*(u32 *)(r10 -4) = 1\nr1 = map[id:0]\nr2 = r10\nr2 += -4\ncall map_lookup_elem\nif r0 == 0 goto none\n';

/** Both numbers are loaded, so that nobody decides the jump, and are an index into the value on both ways of it. */
function compare(a: number, b: number, condition: string): string {
  return `${VALUE}*(u32 *)(r0 +0) = ${a}
*(u32 *)(r0 +4) = ${b}
r2 = *(u32 *)(r0 +0)
r3 = *(u32 *)(r0 +4)
r2 &= 7
r2 += 0
r3 += 0
if ${condition} goto yes
r0 += r2
*(u8 *)(r0 +0) = 77
r0 = 1
exit
yes: r0 += r2
*(u8 *)(r0 +0) = 99
r0 = 2
exit
none: r0 = 0
exit`;
}
