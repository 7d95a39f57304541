import { describe, expect, it } from 'vitest';
import { check } from '../../core/ir/check.ts';
import { parseModule, printModule } from '../../core/ir/text.ts';

const TEXT = `section ".rodata" ro 01020304
func @main(%0: ptr ctx "ctx") -> i64 entry {
b0 "entry":
  %1 = alloca 8 align 8 "key"
  store %1+0, -5:i64
  %2 = load i32 %0+4 volatile
  %3 = zext i64 %2
  memset %1, 0:i8 size 8 align 8
  %4 = atomicrmw.add i64 %1+0, %3
  switch %2, b3, 1 -> b1, -2 -> b2
b1 unroll 4:
  %5 = callhelper ptr 1 "map_lookup_elem" map "m", %1
  %6 = icmp.ne %5, 0:ptr
  condbr %6, b2, b3 likely
b2:
  %7 = phi i64 [b0: %3], [b1: undef:i64]
  %8 = calllocal i64 "f" %7, global ".bss"+8, func @f
  br b3
b3:
  ret 0:i64
}
func @f(%0: i64, %1: ptr, %2: ptr) -> i64 noinline {
b0:
  %3 = bswap i64 %0 size 16
  ret %3
}`;

describe('text form', () => {
  it('prints what it parsed', () => {
    const module = parseModule(TEXT);
    expect(check(module)).toEqual([]);
    expect(printModule(module)).toBe(TEXT);
  });
  it('says the line of what it does not understand', () => {
    expect(() => parseModule('func @f() -> void {\nb0:\n  %1 = frobnicate i32\n}')).toThrow(
      "line 3: unknown operation 'frobnicate'",
    );
    expect(() => parseModule('func @f() -> i32 {\nb0:\n  ret %4\n}')).toThrow('%4 is used but never defined');
    expect(() => parseModule('func @f() -> i32 {\nb0:\n  ret 0:i32 junk\n}')).toThrow("line 3: 'junk' is too much");
  });
});

describe('check', () => {
  const faults = (body: string) => check(parseModule(`func @f(%0: i32, %1: i64) -> i32 {\nb0:\n${body}\n}`));
  it('finds wrong types', () => {
    expect(faults('%2 = add i32 %0, %1\nret %2')).toEqual(['f: %2 (add): i32,i64 to i32']);
    expect(faults('ret %1')).toEqual(['f: ret: gives i64 where the function returns i32']);
  });
  it('finds uses before definitions and phis that do not match', () => {
    expect(faults('%3 = add i32 %2, %0\n%2 = add i32 %0, %0\nret %3')[0]).toContain('does not dominate');
    expect(faults('br b1\nb1:\n%2 = phi i32 [b1: %0]\nret %2')[0]).toContain('predecessors are b0');
  });
  it('finds unreachable blocks and missing terminators', () => {
    expect(faults('ret %0\nb1:\nret %0')).toEqual(['f: there are unreachable blocks']);
    expect(faults('%2 = add i32 %0, %0')).toEqual(['f: b0 does not end in a terminator']);
  });
});
