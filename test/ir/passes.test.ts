/** Each pass by example: IR text before and after, values renumbered in order of appearance. */
import { describe, expect, it } from 'vitest';
import { assertWellFormed } from '../../core/ir/check.ts';
import { optimize } from '../../core/ir/index.ts';
import type { Func, Module } from '../../core/ir/ir.ts';
import { combine } from '../../core/ir/passes/combine.ts';
import { dce } from '../../core/ir/passes/dce.ts';
import { dse } from '../../core/ir/passes/dse.ts';
import { expandDiv } from '../../core/ir/passes/expand-div.ts';
import { expandMem } from '../../core/ir/passes/expand-mem.ts';
import { forward } from '../../core/ir/passes/forward.ts';
import { gvn } from '../../core/ir/passes/gvn.ts';
import { inlineCalls } from '../../core/ir/passes/inline.ts';
import { lowerSwitch } from '../../core/ir/passes/lower-switch.ts';
import { mem2reg } from '../../core/ir/passes/mem2reg.ts';
import { simplifyCfg } from '../../core/ir/passes/simplify-cfg.ts';
import { sink } from '../../core/ir/passes/sink.ts';
import { splitEdges } from '../../core/ir/passes/split-edges.ts';
import { sroa } from '../../core/ir/passes/sroa.ts';
import { unroll } from '../../core/ir/passes/unroll.ts';
import { parseModule, printModule } from '../../core/ir/text.ts';

type Run = (fn: Func, context: { module: Module }) => boolean;

/** Lines of the body after the pass, without the function's head and closing brace. */
function after(pass: Run, params: string, body: string): string[] {
  const module = parseModule(`func @f(${params}) -> i64 entry {\n${body.trim()}\n}`);
  assertWellFormed(module, 'before');
  for (const fn of module.functions) pass(fn, { module });
  assertWellFormed(module, 'after');
  return printModule(module, { renumber: true })
    .split('\n')
    .slice(1, -1)
    .map((l) => l.trim());
}

/** The source of an expectation: non-empty trimmed lines. */
const lines = (text: string) =>
  text
    .split('\n')
    .map((l) => l.trim())
    .filter((l) => l !== '');

interface Example {
  readonly it: string;
  readonly pass: Run;
  readonly params?: string;
  readonly before: string;
  readonly after: string;
}

const EXAMPLES: readonly Example[] = [
  {
    it: 'sink moves what both ways compute below, with phis for the operands that differ',
    pass: sink,
    params: '%0: i64, %1: i64',
    before: `b0:
      %2 = icmp.eq %0, 0:i64
      condbr %2, b1, b2
    b1:
      %3 = shl i64 %0, 3:i64
      %4 = mul i64 %3, %1
      %5 = xor i64 %4, 7:i64
      br b3
    b2:
      %6 = shl i64 %1, 3:i64
      %7 = mul i64 %6, %1
      %8 = xor i64 %7, 7:i64
      br b3
    b3:
      %9 = phi i64 [b1: %5], [b2: %8]
      ret %9`,
    after: `b0:
      %2 = icmp.eq %0, 0:i64
      condbr %2, b1, b2
    b1:
      br b3
    b2:
      br b3
    b3:
      %3 = phi i64 [b1: %0], [b2: %1]
      %4 = shl i64 %3, 3:i64
      %5 = mul i64 %4, %1
      %6 = xor i64 %5, 7:i64
      ret %6`,
  },
  {
    it: 'sink leaves what somebody else uses too',
    pass: sink,
    params: '%0: i64, %1: i64',
    before: `b0:
      %2 = icmp.eq %0, 0:i64
      condbr %2, b1, b2
    b1:
      %3 = shl i64 %0, 3:i64
      %4 = mul i64 %3, %1
      %5 = callhelper i64 5 "other" %4
      br b3
    b2:
      %6 = shl i64 %1, 3:i64
      %7 = mul i64 %6, %1
      br b3
    b3:
      %9 = phi i64 [b1: %4], [b2: %7]
      ret %9`,
    after: `b0:
      %2 = icmp.eq %0, 0:i64
      condbr %2, b1, b2
    b1:
      %3 = shl i64 %0, 3:i64
      %4 = mul i64 %3, %1
      %5 = callhelper i64 5 "other" %4
      br b3
    b2:
      %6 = shl i64 %1, 3:i64
      %7 = mul i64 %6, %1
      br b3
    b3:
      %8 = phi i64 [b1: %4], [b2: %7]
      ret %8`,
  },
  {
    it: 'mem2reg puts a phi where definitions meet and the variable lives',
    pass: mem2reg,
    params: '%0: i64',
    before: `b0:
      %1 = alloca 8 align 8 "x"
      store %1+0, 1:i64
      %2 = icmp.eq %0, 0:i64
      condbr %2, b1, b2
    b1:
      store %1+0, 2:i64
      br b2
    b2:
      %3 = load i64 %1+0
      ret %3`,
    after: `b0:
      %1 = icmp.eq %0, 0:i64
      condbr %1, b1, b2
    b1:
      br b2
    b2:
      %2 = phi i64 [b0: 1:i64], [b1: 2:i64]
      ret %2`,
  },
  {
    it: 'mem2reg leaves a variable alone whose address a helper gets',
    pass: mem2reg,
    before: `b0:
      %1 = alloca 8 align 8 "key"
      store %1+0, 1:i64
      %2 = callhelper i64 1 "map_lookup_elem" map "m", %1
      ret %2`,
    after: `b0:
      %0 = alloca 8 align 8 "key"
      store %0+0, 1:i64
      %1 = callhelper i64 1 "map_lookup_elem" map "m", %0
      ret %1`,
  },
  {
    it: 'sroa splits a struct along its fields and a copy along both structs',
    pass: sroa,
    params: '%0: i64, %1: i32',
    before: `b0:
      %2 = alloca 16 align 8 "a"
      %3 = alloca 16 align 8 "b"
      store %2+0, %0
      store %2+8, %1
      memcpy %3, %2 size 16 align 8
      %4 = load i64 %3+0
      ret %4`,
    after: `b0:
      %2 = alloca 8 align 8 "a+0"
      %3 = alloca 4 align 8 "a+8"
      %4 = alloca 4 align 4 "a+12"
      %5 = alloca 8 align 8 "b+0"
      %6 = alloca 4 align 8 "b+8"
      %7 = alloca 4 align 4 "b+12"
      store %2+0, %0
      store %3+0, %1
      %8 = load i64 %2+0
      store %5+0, %8
      %9 = load i32 %3+0
      store %6+0, %9
      %10 = load i32 %4+0
      store %7+0, %10
      %11 = load i64 %5+0
      ret %11`,
  },
  {
    it: 'combine folds constants, offsets, powers of two and booleans asked twice',
    pass: (fn, c) => [combine(fn, c), dce(fn)].some(Boolean),
    params: '%0: ptr, %1: i64',
    before: `b0:
      %2 = ptradd %0, 8:i64
      %3 = load i64 %2+4
      %4 = mul i64 %3, 8:i64
      %5 = urem i64 %4, 16:i64
      %6 = icmp.ult %5, %1
      %7 = zext i32 %6
      %8 = icmp.ne %7, 0:i32
      %9 = select i64 %8, 7:i64, 7:i64
      condbr %8, b1, b2
    b1:
      ret %9
    b2:
      ret %5`,
    after: `b0:
      %2 = load i64 %0+12
      %3 = shl i64 %2, 3:i64
      %4 = and i64 %3, 15:i64
      %5 = icmp.ult %4, %1
      condbr %5, b1, b2
    b1:
      ret 7:i64
    b2:
      ret %4`,
  },
  {
    it: 'combine moves a constant offset behind a variable one, into the access, but never takes a bounds check from the index',
    pass: (fn, c) => [combine(fn, c), dce(fn)].some(Boolean),
    params: '%0: ptr, %1: i64',
    before: `b0:
      %2 = ptradd %0, 8:i64
      %3 = add i64 %1, 3:i64
      %4 = icmp.ult %3, 10:i64
      condbr %4, b1, b2
    b1:
      %5 = ptradd %2, %3
      %6 = load i8 %5+0
      %7 = zext i64 %6
      ret %7
    b2:
      ret 0:i64`,
    after: `b0:
      %2 = add i64 %1, 3:i64
      %3 = icmp.ult %2, 10:i64
      condbr %3, b1, b2
    b1:
      %4 = ptradd %0, %2
      %5 = load i8 %4+8
      %6 = zext i64 %5
      ret %6
    b2:
      ret 0:i64`,
  },
  {
    it: 'gvn shares computations, and below a branch knows what it settled',
    pass: gvn,
    params: '%0: i64, %1: i64',
    before: `b0:
      %2 = add i64 %0, %1
      %3 = icmp.slt %2, 0:i64
      condbr %3, b1, b2
    b1:
      ret %2
    b2:
      %4 = add i64 %1, %0
      %5 = sdiv i64 %4, 1000:i64
      %6 = icmp.sge %4, 0:i64
      %7 = select i64 %6, %5, %4
      ret %7`,
    after: `b0:
      %2 = add i64 %0, %1
      %3 = icmp.slt %2, 0:i64
      condbr %3, b1, b2
    b1:
      ret %2
    b2:
      %4 = udiv i64 %2, 1000:i64
      %5 = select i64 1:i1, %4, %2
      ret %5`,
  },
  {
    it: 'forward: a private variable survives a call that does not get it; other memory does not',
    pass: forward,
    params: '%0: ptr, %1: i64',
    before: `b0:
      %2 = alloca 16 align 8 "v"
      store %2+0, %1
      store %0+8, %1
      %3 = callhelper i64 200 "some" %1
      %4 = load i64 %2+0
      %5 = load i64 %0+8
      %6 = load i64 %0+8
      %7 = add i64 %5, %6
      %8 = add i64 %7, %4
      ret %8`,
    after: `b0:
      %2 = alloca 16 align 8 "v"
      store %2+0, %1
      store %0+8, %1
      %3 = callhelper i64 200 "some" %1
      %4 = load i64 %0+8
      %5 = add i64 %4, %4
      %6 = add i64 %5, %1
      ret %6`,
  },
  {
    it: 'dse drops overwritten bytes, keeps padding that a helper will read',
    pass: dse,
    params: '%0: i64, %1: i32',
    before: `b0:
      %2 = alloca 24 align 8 "event"
      memset %2, 0:i8 size 24 align 8
      store %2+0, %0
      store %2+8, %1
      store %2+16, %0
      %3 = callhelper i64 25 "perf_event_output" undef:ptr, map "events", 0:i64, %2, 24:i64
      store %2+0, %0
      ret %3`,
    after: `b0:
      %2 = alloca 24 align 8 "event"
      %3 = ptradd %2, 8:i64
      memset %3, 0:i8 size 8 align 8
      store %2+0, %0
      store %2+8, %1
      store %2+16, %0
      %4 = callhelper i64 25 "perf_event_output" undef:ptr, map "events", 0:i64, %2, 24:i64
      ret %4`,
  },
  {
    it: 'dse: what probe_read fills need not be cleared before',
    pass: dse,
    params: '%0: ptr',
    before: `b0:
      %1 = alloca 8 align 8 "x"
      store %1+0, 0:i64
      %2 = callhelper i64 113 "probe_read_kernel" %1, 8:i64, %0
      %3 = load i64 %1+0
      ret %3`,
    after: `b0:
      %1 = alloca 8 align 8 "x"
      %2 = callhelper i64 113 "probe_read_kernel" %1, 8:i64, %0
      %3 = load i64 %1+0
      ret %3`,
  },
  {
    it: 'simplify-cfg threads a && b past the block that asks again',
    pass: simplifyCfg,
    params: '%0: i64, %1: i64',
    before: `b0:
      %2 = icmp.ne %0, 0:i64
      condbr %2, b1, b2
    b1:
      %3 = icmp.ne %1, 0:i64
      br b2
    b2:
      %4 = phi i1 [b0: 0:i1], [b1: %3]
      condbr %4, b3, b4
    b3:
      ret 1:i64
    b4:
      ret 2:i64`,
    after: `b0:
      %2 = icmp.ne %0, 0:i64
      condbr %2, b1, b3
    b1:
      %3 = icmp.ne %1, 0:i64
      condbr %3, b2, b3
    b2:
      ret 1:i64
    b3:
      ret 2:i64`,
  },
  {
    it: 'unroll writes a counted loop out where the program asks',
    pass: (fn, c) => {
      unroll(fn);
      simplifyCfg(fn);
      combine(fn, c);
      simplifyCfg(fn);
      return combine(fn, c);
    },
    params: '%0: ptr',
    before: `b0:
      br b1
    b1 unroll 0:
      %1 = phi i32 [b0: 0:i32], [b2: %4]
      %2 = icmp.slt %1, 2:i32
      condbr %2, b2, b3
    b2:
      %3 = callhelper i64 5 "ktime_get_ns"
      store %0+0, %3
      %4 = add i32 %1, 1:i32
      br b1
    b3:
      %5 = zext i64 %1
      ret %5`,
    after: `b0:
      %1 = callhelper i64 5 "ktime_get_ns"
      store %0+0, %1
      %2 = callhelper i64 5 "ktime_get_ns"
      store %0+0, %2
      ret 2:i64`,
  },
  {
    it: 'expand-mem uses whole words as far as alignment goes, and is careful with overlap',
    pass: expandMem,
    params: '%0: ptr',
    before: `b0:
      %1 = alloca 16 align 8 "v"
      %2 = ptradd %1, 4:i64
      memset %2, 255:i8 size 11 align 4
      memmove %0, %1 size 3 align 1
      ret 0:i64`,
    after: `b0:
      %1 = alloca 16 align 8 "v"
      %2 = ptradd %1, 4:i64
      store %2+0, -1:i32
      store %2+4, -1:i32
      store %2+8, -1:i16
      store %2+10, -1:i8
      %3 = load i8 %1+0
      %4 = load i8 %1+1
      %5 = load i8 %1+2
      store %0+0, %3
      store %0+1, %4
      store %0+2, %5
      ret 0:i64`,
  },
  {
    it: 'expand-div: signed division by a constant, by magnitudes',
    pass: expandDiv,
    params: '%0: i64',
    before: `b0:
      %1 = sdiv i64 %0, -10:i64
      ret %1`,
    after: `b0:
      %1 = ashr i64 %0, 63:i64
      %2 = xor i64 %0, %1
      %3 = sub i64 %2, %1
      %4 = udiv i64 %3, 10:i64
      %5 = xor i64 %1, -1:i64
      %6 = xor i64 %4, %5
      %7 = sub i64 %6, %5
      ret %7`,
  },
  {
    it: 'lower-switch makes ranges of runs',
    pass: lowerSwitch,
    params: '%0: i64',
    before: `b0:
      switch %0, b1, 1 -> b2, 3 -> b2, 2 -> b2, 9 -> b3
    b1:
      ret 0:i64
    b2:
      ret 1:i64
    b3:
      ret 2:i64`,
    after: `b0:
      %1 = sub i64 %0, 1:i64
      %2 = icmp.ule %1, 2:i64
      condbr %2, b2, b4
    b1:
      ret 0:i64
    b2:
      ret 1:i64
    b3:
      ret 2:i64
    b4:
      %3 = icmp.eq %0, 9:i64
      condbr %3, b3, b1`,
  },
  {
    it: 'split-edges gives a critical edge into phis a block of its own',
    pass: splitEdges,
    params: '%0: i64',
    before: `b0:
      %1 = icmp.eq %0, 0:i64
      condbr %1, b1, b2
    b1:
      br b2
    b2:
      %2 = phi i64 [b0: 1:i64], [b1: 2:i64]
      ret %2`,
    after: `b0:
      %1 = icmp.eq %0, 0:i64
      condbr %1, b1, b3
    b1:
      br b2
    b2:
      %2 = phi i64 [b3: 1:i64], [b1: 2:i64]
      ret %2
    b3:
      br b2`,
  },
];

describe('passes by example', () => {
  for (const e of EXAMPLES) it(e.it, () => expect(after(e.pass, e.params ?? '', e.before)).toEqual(lines(e.after)));
});

describe('inline', () => {
  const CALLEE = `func @twice(%0: i64) -> i64 {
b0:
  %1 = alloca 8 align 8 "t"
  store %1+0, %0
  %2 = load i64 %1+0
  %3 = add i64 %2, %2
  ret %3
}`;
  const caller = (noinline: string) =>
    parseModule(`func @main(%0: i64) -> i64 entry {
b0:
  %1 = calllocal i64 "twice" %0
  %2 = calllocal i64 "twice" %1
  ret %2
}
${CALLEE.replace('-> i64 {', `-> i64 ${noinline}{`)}`);

  it('takes bodies in and drops functions nobody calls any more', () => {
    const module = caller('');
    inlineCalls(module);
    assertWellFormed(module, 'after inline');
    expect(module.functions.map((f) => f.name)).toEqual(['main']);
    expect(printModule(optimize(module, { check: true }), { renumber: true })).toContain('%2 = add i64 %1, %1');
  });
  it('leaves noinline functions as calls', () => {
    const module = caller('noinline ');
    expect(inlineCalls(module)).toBe(false);
    expect(module.functions.map((f) => f.name)).toEqual(['main', 'twice']);
  });
  it('leaves recursion as a call', () => {
    const module = parseModule(`func @main(%0: i64) -> i64 entry {
b0:
  %1 = calllocal i64 "again" %0
  ret %1
}
func @again(%0: i64) -> i64 {
b0:
  %1 = calllocal i64 "again" %0
  ret %1
}`);
    inlineCalls(module);
    assertWellFormed(module, 'after inline');
    expect(module.functions.map((f) => f.name)).toContain('again');
  });
});
