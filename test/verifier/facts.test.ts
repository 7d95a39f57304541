/** Facts about single instructions, each kind by itself, and over generated programs: none may fail to hold, and no engine may do otherwise by them. */
import { describe, expect, it } from 'vitest';
import { helperByName } from '../../core/helpers/index.ts';
import { assemble } from '../../core/isa/asm.ts';
import { ANY_OFFSET, BASE, type InsnFacts, VALUE } from '../../core/spec/facts.ts';
import { type VerifyResult, verify } from '../../core/verifier/index.ts';
import { makeMap, makeProg } from './cases.ts';
import { runChecked } from './checked-run.ts';
import { factChecker, WrongFact } from './fact-check.ts';
import { generate } from './generate.ts';
import { mutate, Random } from './mutate.ts';

const MAPS = ['array 4 64 4', 'hash 8 40 16', 'array 4 64 1'].map((text, i) => makeMap(i, text));

function bytes(text: string): Uint8Array {
  return assemble(text, { helper: (name) => helperByName(name)?.id });
}

function accepted(type: string, text: string): VerifyResult {
  const prog = makeProg({ name: 'p', type, attach: undefined, target: undefined, license: 'GPL', insns: bytes(text) });
  const result = verify({ prog, maps: MAPS });
  expect(result.error?.message).toBeUndefined();
  return result;
}

function factsOf(text: string, type = 'socket_filter'): InsnFacts {
  return accepted(type, text).facts.insns!;
}

/** Where the frame's bytes must be in memory, as offsets from the frame pointer. */
function exposedBytes(facts: InsnFacts, start = 0): number[] {
  return [...facts.exposed.get(start)!.entries()].filter(([, e]) => e === 1).map(([at]) => at - 512);
}

describe('what memory operands are based on', () => {
  it('the frame, at a constant offset: the same through r10 and through a copy', () => {
    const f = factsOf('*(u64 *)(r10 -8) = 1\nr1 = r10\nr1 += -16\nr0 = *(u32 *)(r1 +8)\nexit');
    expect([f.base[0], f.offset[0], f.base[3], f.offset[3]]).toEqual([BASE.stack, -8, BASE.stack, -8]);
    expect(f.base[1]).toBe(BASE.none);
    expect(exposedBytes(f)).toEqual([]);
  });

  it('two places on two paths: no one offset, and the bytes of both in memory', () => {
    const f = factsOf(`r7 = r1
r6 = r10
*(u64 *)(r10 -8) = 0
*(u64 *)(r10 -16) = 0
*(u64 *)(r10 -24) = 0
call get_prandom_u32
r6 += -8
if r0 > 5 goto pc+1
r6 += -8
r0 = *(u32 *)(r6 +0)
exit`);
    expect([f.base[9], f.offset[9]]).toEqual([BASE.stack, ANY_OFFSET]);
    expect(exposedBytes(f)).toEqual([-16, -15, -14, -13, -8, -7, -6, -5]);
  });

  it('a computed place: all bytes it may be', () => {
    const f = factsOf(`*(u64 *)(r10 -8) = 0
*(u64 *)(r10 -16) = 0
call get_prandom_u32
r0 &= 7
r1 = r10
r1 += -16
r1 += r0
r0 = *(u8 *)(r1 +0)
exit`);
    expect(f.offset[7]).toBe(ANY_OFFSET);
    expect(exposedBytes(f)).toEqual([-16, -15, -14, -13, -12, -11, -10, -9]);
  });

  it('context, map value, packet', () => {
    const ctx = factsOf('r0 = *(u32 *)(r1 +4)\nexit');
    expect([ctx.base[0], ctx.offset[0]]).toEqual([BASE.ctx, 4]);
    const value = factsOf('r1 = map[id:2][0]+8\nr2 = 1\n*(u64 *)(r1 +16) = r2\nr0 = 0\nexit');
    expect([value.base[3], value.offset[3]]).toEqual([BASE.map_value, 24]);
    const packet = factsOf(
      'r2 = *(u32 *)(r1 +4)\nr1 = *(u32 *)(r1 +0)\nr3 = r1\nr3 += 2\nr0 = 0\nif r3 > r2 goto pc+1\nr0 = *(u8 *)(r1 +1)\nexit',
      'xdp',
    );
    expect(packet.base[6]).toBe(BASE.packet);
    // Where the whole pointer is, whoever runs the program knows.
    expect([packet.base[0], packet.offset[0]]).toEqual([BASE.ctx, ANY_OFFSET]);
    expect(packet.values[5]! & VALUE.addresses).toBe(VALUE.addresses);
  });

  it('different things on two paths: various', () => {
    const f = factsOf(`r6 = r10
r6 += -8
*(u64 *)(r10 -8) = 0
call get_prandom_u32
if r0 > 5 goto pc+2
r6 = map[id:2][0]+0
r0 = *(u64 *)(r6 +0)
exit`);
    expect([f.base[7], f.offset[7]]).toEqual([BASE.various, ANY_OFFSET]);
    expect(exposedBytes(f)).toEqual([-8, -7, -6, -5, -4, -3, -2, -1]);
  });

  it("a callee that touches its caller's frame", () => {
    const f = factsOf(`*(u64 *)(r10 -8) = 0
*(u64 *)(r10 -16) = 0
r1 = r10
r1 += -8
call f
r0 = *(u64 *)(r10 -16)
exit
f: r0 = *(u32 *)(r1 +0)
*(u64 *)(r10 -8) = 1
exit`);
    expect(f.base[7]).toBe(BASE.other);
    expect(exposedBytes(f)).toEqual([-8, -7, -6, -5]);
    expect(exposedBytes(f, 7)).toEqual([]);
  });

  it('keys of lookups need not be in memory, what else helpers touch must be', () => {
    const f = factsOf(`*(u32 *)(r10 -4) = 1
*(u64 *)(r10 -16) = 0
r1 = map[id:0]
r2 = r10
r2 += -4
call map_lookup_elem
r1 = map[id:1]
r2 = r10
r2 += -16
call map_delete_elem
r0 = 0
exit`);
    expect([f.base[6], f.offset[6]]).toEqual([BASE.stack, -4]);
    expect(exposedBytes(f)).toEqual([-16, -15, -14, -13, -12, -11, -10, -9]);
  });

  it.each([
    [
      'given to a helper as a number',
      'r1 = r10\nr1 += -16\nr2 = 8\nr3 = r10\nr3 += -8\ncall probe_read_kernel',
      'kprobe',
    ],
    ['stored', 'r1 = r10\n*(u64 *)(r10 -24) = r1', 'socket_filter'],
    ['subtracted', 'r1 = r10\nr2 = r10\nr1 -= r2', 'socket_filter'],
    ['cut down', 'w1 = w10', 'socket_filter'],
  ])('an address of the frame that is %s', (_, text, type) => {
    expect(
      exposedBytes(factsOf(`*(u64 *)(r10 -8) = 0\n*(u64 *)(r10 -16) = 0\n${text}\nr0 = 0\nexit`, type)),
    ).toHaveLength(512);
  });

  it('atomics', () => {
    const f = factsOf('*(u64 *)(r10 -8) = 0\nr1 = 1\nlock *(u64 *)(r10 -8) += r1\nr0 = 0\nexit');
    expect(exposedBytes(f)).toHaveLength(8);
  });
});

describe('what numbers are', () => {
  const value = (text: string, at: number): number => factsOf(text).values[at]!;
  const { dst_u32: D, src_u32: S, src_not_zero: N } = VALUE;

  it('a counted loop: up and down, by 32 bits or 64', () => {
    expect(value('r0 = 0\nl: r0 += 8\nif r0 < 8192 goto l\nexit', 2) & (D | S)).toBe(D | S);
    expect(value('r0 = 8192\nl: r0 -= 1\nif r0 != 0 goto l\nexit', 2) & D).toBe(D);
    expect(value('r0 = 8192\nl: r0 += -1\nif r0 != 0 goto l\nexit', 2) & D).toBe(D);
    expect(value('r0 = 64\nl: w0 -= 1\nif w0 != 0 goto l\nexit', 2) & D).toBe(D);
  });

  it('what is loaded, masked, shifted, divided', () => {
    const start = 'r6 = r1\ncall get_prandom_u32\nr2 = 5\n';
    expect(value(`${start}r0 += r2\nr0 = 0\nexit`, 3) & (D | S | N)).toBe(S | N);
    expect(value(`${start}r0 &= 255\nr0 += r2\nr0 = 0\nexit`, 4) & D).toBe(D);
    expect(value(`${start}r0 >>= 32\nr0 += r2\nr0 = 0\nexit`, 4) & D).toBe(D);
    expect(value(`${start}r0 >>= 31\nr0 += r2\nr0 = 0\nexit`, 4) & D).toBe(0);
    expect(value(`${start}r0 = *(u32 *)(r6 +0)\nr0 += r2\nr0 = 0\nexit`, 4) & D).toBe(D);
    expect(value(`${start}w0 *= 3\nr0 += r2\nr0 = 0\nexit`, 4) & D).toBe(D);
    expect(value(`${start}r0 |= 3\nr2 /= r0\nr0 = 0\nexit`, 4) & (D | S | N)).toBe(D | N);
    // The low half of 2^32 is 0.
    expect(value(`${start}r0 |= 3\nw2 /= w0\nr0 = 0\nexit`, 4) & N).toBe(0);
    expect(value(`${start}if r0 == 0 goto pc+1\nr2 /= r0\nr0 = 0\nexit`, 4) & N).toBe(N);
  });

  it('what may wrap, be negative or come from a call is no 32-bit value', () => {
    expect(value('r0 = 1\nr0 -= 2\nr0 += 1\nexit', 2) & D).toBe(0);
    expect(value('r0 = -1\nr0 += 1\nexit', 1) & D).toBe(0);
    expect(value('r0 = 1\nr0 <<= 32\nr0 += 1\nexit', 2) & D).toBe(0);
    expect(value('r0 = 0xffffffff ll\nr0 += 1\nr0 += 1\nexit', 3) & D).toBe(0);
    expect(value('r1 = 2\ncall f\nr0 += 1\nexit\nf: r0 = r1\nexit', 2) & D).toBe(0);
    expect(value('r0 = *(s8 *)(r1 +0)\nr0 += 1\nexit'.replace('s8', 'u8'), 1) & D).toBe(D);
  });

  it('the pointer of a packet is moved in as 8 bytes, whatever the load says', () => {
    const f = factsOf('r2 = *(u32 *)(r1 +0)\nr2 += 1\nr0 = 0\nexit', 'xdp');
    expect(f.values[1]! & D).toBe(0);
  });

  // Nothing asks what r6 is, so the walk may take one way for covered by the other: what it saw behind the join is no fact.
  it('a number that two ways leave different', () => {
    const text = (second: number) =>
      `r6 = 1\ncall get_prandom_u32\nif r0 > 5 goto pc+1\nr6 = ${second}\nr6 += 1\nr0 = 0\nexit`;
    expect(value(text(7), 4) & D).toBe(D);
    expect(value(text(-1), 4) & D).toBe(0);
  });

  it('jumps of which one way is never gone', () => {
    const f = factsOf('r0 = 5\nif r0 > 3 goto pc+1\nr0 = 1\nif r0 == 9 goto pc+1\nr0 = 2\nexit');
    expect([f.values[1]! & (VALUE.always | VALUE.never), f.values[3]! & (VALUE.always | VALUE.never)]).toEqual([
      VALUE.always,
      VALUE.never,
    ]);
    const both = factsOf('call get_prandom_u32\nif r0 > 3 goto pc+1\nr0 = 1\nr0 = 0\nexit');
    expect(both.values[1]! & (VALUE.always | VALUE.never)).toBe(0);
  });
});

it('a refused program has no facts, and one that was rearranged has none', () => {
  const prog = (text: string) =>
    makeProg({
      name: 'p',
      type: 'socket_filter',
      attach: undefined,
      target: undefined,
      license: 'GPL',
      insns: bytes(text),
    });
  expect(verify({ prog: prog('r0 = r5\nexit'), maps: [] }).facts.insns).toBeUndefined();
  const whole = verify({ prog: prog('r0 = 5\nif r0 > 3 goto pc+1\nr0 = 1\nexit'), maps: [] }, { optimise: 'must' });
  expect(whole.facts.insns).toBeDefined();
  const facts = { ...whole.facts };
  const again = verify(
    { prog: { ...prog('r0 = 5\nif r0 > 3 goto pc+1\nr0 = 1\nexit'), facts }, maps: [] },
    { optimise: 'must' },
  );
  expect(again.optimised!.removed).toBeGreaterThan(0);
  expect(again.optimised!.prog.facts).toBeUndefined();
});

it('the check sees a fact that does not hold', () => {
  const text = 'r0 = 5\nr0 -= 6\nr0 += 1\nexit';
  const { facts } = accepted('socket_filter', text);
  const world = { memory: undefined as never, ctx: 0, maps: [] };
  const regs = new Int32Array(24);
  const check = factChecker(bytes(text), { ...facts.insns!, values: Uint8Array.of(0, 0, VALUE.dst_u32, 0) }, world);
  regs[1] = -1;
  expect(() => check(2, regs)).toThrow(WrongFact);
  regs[1] = 0;
  expect(() => check(2, regs)).not.toThrow();
});

it('400 generated programs: every fact holds at every step, and all engines agree with and without', () => {
  const random = new Random(20261123);
  const world = {
    kfuncs: () => undefined,
    progTypes: ['socket_filter', 'kprobe', 'tracepoint', 'perf_event', 'xdp', 'sched_cls'],
  };
  const wrong: unknown[] = [];
  let ran = 0;
  for (let i = 0; i < 400; i++) {
    const g = generate(random, world);
    const insns =
      i % 2
        ? g.insns
        : mutate(
            g.insns,
            random,
            [g.insns],
            g.funcs.map((f) => f.insn),
          );
    const s = { type: g.type, attach: undefined, license: 'GPL', maps: g.maps, insns };
    const result = verify({ prog: makeProg({ name: 'p', target: undefined, ...s }), maps: g.maps }, { cpus: 2 });
    if (!result.ok) continue;
    const run = runChecked(s, result.facts, random);
    if (run === 'ran') ran++;
    if (typeof run === 'object') wrong.push(run);
  }
  expect(wrong).toEqual([]);
  expect(ran).toBeGreaterThan(80);
}, 60_000);
