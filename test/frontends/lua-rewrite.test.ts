import { describe, expect, it } from 'vitest';
import { rewrite } from '../../frontends/lua/rewrite.ts';

describe('the rewrite of Lua text', () => {
  it.each([
    ['x = 5', 'x = 5.0'],
    ['x = 0xffffffff', 'x = 4294967295.0'],
    ['x = 5ULL + 0x10LL', 'x = __skep_u64("5",true) + __skep_u64("0x10",false)'],
    ['x = 1.5 + 2e3', 'x = 1.5 + 2e3'],
    ['if a == b then end', 'if __skep_eq(a , b) then end'],
    ['if a ~= 0 then end', 'if (not __skep_eq(a , 0.0)) then end'],
    ['return (a) == (b)', 'return __skep_eq((a) , (b))'],
    ["x = s == 'text'", "x = s == 'text'"],
    ['x = (a == b) == (c ~= d)', 'x = __skep_eq((__skep_eq(a , b)) , ((not __skep_eq(c , d))))'],
    ['x = a == b -- a == 5\ny = "1 == 2"', 'x = __skep_eq(a , b) -- a == 5\ny = "1 == 2"'],
    ['#!/usr/bin/lua\nx = 1', '              \nx = 1.0'],
    ['x = 7 // 2 & 3', 'x = 7.0 // 2.0 & 3.0'],
  ])('%j', (before, after) => {
    expect(rewrite(before)).toBe(after);
  });

  it('keeps the lines and leaves what does not parse to Lua', () => {
    const text = 'local a = 1\n\nif a ==\n  2 then\n print(a) end\n';
    expect(rewrite(text).split('\n').length).toBe(text.split('\n').length);
    expect(rewrite('x = = 5')).toBe('x = = 5');
  });
});
