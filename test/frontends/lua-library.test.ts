import { describe, expect, it } from 'vitest';
import { lauxlib, lua, lualib, toLua } from '../../frontends/lua/fengari.ts';
import { installLibrary, loadChunk } from '../../frontends/lua/stdlib.ts';

/** Run Lua text and answer what it printed; throws its error message. */
function run(text: string): string {
  const L = lauxlib.luaL_newstate();
  let out = '';
  lualib.luaL_openlibs(L);
  installLibrary(L, { write: (_fd, bytes) => (out += Buffer.from(bytes).toString('utf8')) });
  if (loadChunk(L, text, '@test.lua') === 2 || lua.lua_pcall(L, 0, 0, 0) !== lua.LUA_OK) {
    throw new Error(Buffer.from(lauxlib.luaL_tolstring(L, -1)).toString('utf8'));
  }
  expect(toLua('x')).toEqual(Uint8Array.of(120));
  return out;
}

describe('the Lua that scripts meet', () => {
  it.each([
    ['print(0xffffffff, 100000*100000, 0x7fffffff + 1)', '4294967295\t10000000000\t2147483648\n'],
    ['print(10/2, 7 % 3, 2^53)', '5\t1\t9.007199254741e+15\n'],
    ['print(5ULL, 0xffffffffffffffffULL, type(5ULL))', '5ULL\t18446744073709551615ULL\tcdata\n'],
    ['print(5ULL == 5, 5ULL ~= 5, 5ULL == 6ULL, 5 == 5, nil == 5ULL)', 'true\tfalse\tfalse\ttrue\tfalse\n'],
    ['print(5ULL + 1, 2ULL * 3ULL, 7ULL / 2, 1ULL - 2)', '6ULL\t6ULL\t3ULL\t18446744073709551615ULL\n'],
    ['print(5ULL < 6, 5ULL <= 4ULL, 7 > 6ULL)', 'true\tfalse\ttrue\n'],
    ['local t = {} t[5ULL] = "a" print(t[5ULL], t[6ULL])', 'a\tnil\n'],
    ['print(tonumber(5ULL), tonumber("0x10"), tonumber("ff", 16), tonumber("zz"))', '5\t16\t255\tnil\n'],
    ['print("%d and %s" % {5e9, "x"}, "%5.2f" % 1.5)', '5000000000 and x\t 1.50\n'],
    ['print(string.format("%d %x", 5ULL, 0xdeadbeefULL))', '5 deadbeef\n'],
    ['print(unpack({1, 2, 3}))', '1\t2\t3\n'],
    [
      'print(table.concat(("a,b,c"):split(",", true), "|"), ("abc"):starts("ab"), ("abc"):ends("bc"))',
      'a|b|c\ttrue\ttrue\n',
    ],
    ['print(bit.band(0xff, 0x0f), bit.bnot(0), bit.tohex(255), bit.rshift(-1, 28))', '15\t-1\t000000ff\t15\n'],
    ['print(loadstring("return 1 + 1")())', '2\n'],
    ['print(math.floor(3.7), math.ceil(3.2), #{1, 2, 3}, ("x"):rep(3))', '3\t4\t3\txxx\n'],
    ['for i = 1, 3 do io.write(i, " ") end io.stdout:write("end\\n")', '1 2 3 end\n'],
    ['print(("\\200\\201"):byte(1, 2))', '200\t201\n'],
    ['print("a" .. 5ULL .. 1)', 'a5ULL1\n'],
    ['for line in io.lines("/proc/self/comm") do print(#line > 0) end', 'true\n'],
    ['print(os.exists("/nonexistent"), os.spawn("echo %s", "hi"))', 'false\thi\n\n'],
  ])('%s', (text, expected) => {
    expect(run(text)).toBe(expected);
  });

  it('says where an error is', () => {
    expect(() => run('\nlocal x = nil\nx.y = 1')).toThrow("test.lua:3: attempt to index a nil value (local 'x')");
    expect(() => run('x = = 1')).toThrow("test.lua:1: unexpected symbol near '='");
    expect(() => run('print(string.format("%d", "x"))')).toThrow(
      "test.lua:1: bad argument #2 to 'format' (number expected, got string)",
    );
    expect(() => run('return 5ULL + {}')).toThrow('test.lua:1: attempt to perform arithmetic');
  });
});
