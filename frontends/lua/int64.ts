/**
 * 64-bit integers in Lua, as LuaJIT has them: a light userdata that holds a BigInt, with one metatable for the type. Arithmetic wraps at 64
 * bits, numbers mix in, `tostring` gives `5ULL`, table keys compare by value.
 */
import { BpfError } from '../../core/base/errors.ts';
import { type LuaState, lua, luaError, toLua } from './fengari.ts';

/** A boxed value. JavaScript's Map, which Fengari's tables stand on, compares BigInts by value, so the box is the BigInt itself; unsigned always. */
export type Boxed = bigint;

export function pushBoxed(L: LuaState, value: bigint): void {
  lua.lua_pushlightuserdata(L, BigInt.asUintN(64, value));
}

/** The BigInt of a boxed value or of an integral number, else undefined. */
export function toBigInt(L: LuaState, at: number): bigint | undefined {
  const type = lua.lua_type(L, at);
  if (type === lua.LUA_TLIGHTUSERDATA) {
    const value = lua.lua_touserdata(L, at);
    return typeof value === 'bigint' ? value : undefined;
  }
  if (type !== lua.LUA_TNUMBER) return undefined;
  const value = Math.trunc(lua.lua_tonumber(L, at));
  return Number.isFinite(value) ? BigInt.asUintN(64, BigInt(value)) : undefined;
}

const OPERATORS: Record<string, (a: bigint, b: bigint) => bigint> = {
  __add: (a, b) => a + b,
  __sub: (a, b) => a - b,
  __mul: (a, b) => a * b,
  __div: (a, b) => (b === 0n ? (1n << 64n) - 1n : a / b),
  __idiv: (a, b) => (b === 0n ? (1n << 64n) - 1n : a / b),
  __mod: (a, b) => (b === 0n ? a : a % b),
  __band: (a, b) => a & b,
  __bor: (a, b) => a | b,
  __bxor: (a, b) => a ^ b,
  __shl: (a, b) => (b >= 64n ? 0n : a << b),
  __shr: (a, b) => (b >= 64n ? 0n : a >> b),
  __pow: (a, b) => power(a, b),
};

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n;
  for (let b = base, e = exponent; e > 0n; e >>= 1n, b = BigInt.asUintN(64, b * b))
    if (e & 1n) result = BigInt.asUintN(64, result * b);
  return result;
}

/** Give light userdata its metatable. */
export function installInt64(L: LuaState): void {
  const both = (L: LuaState): [bigint, bigint] => {
    const a = toBigInt(L, 1);
    const b = toBigInt(L, 2);
    if (a === undefined || b === undefined) {
      const odd = a === undefined ? 1 : 2;
      luaError(
        L,
        `attempt to perform arithmetic on a ${lua.lua_type(L, odd) === lua.LUA_TNIL ? 'nil' : 'non-integer'} value and a 64-bit integer`,
      );
    }
    return [a!, b!];
  };
  lua.lua_pushlightuserdata(L, 0n);
  lua.lua_createtable(L, 0, 24);
  const define = (name: string, f: (L: LuaState) => number) => {
    lua.lua_pushcfunction(L, f);
    lua.lua_setfield(L, -2, toLua(name));
  };
  for (const [name, operate] of Object.entries(OPERATORS)) {
    define(name, (L) => {
      const [a, b] = both(L);
      pushBoxed(L, operate(a, b));
      return 1;
    });
  }
  define('__unm', (L) => {
    pushBoxed(L, -toBigInt(L, 1)!);
    return 1;
  });
  define('__lt', (L) => {
    const [a, b] = both(L);
    lua.lua_pushboolean(L, a < b);
    return 1;
  });
  define('__le', (L) => {
    const [a, b] = both(L);
    lua.lua_pushboolean(L, a <= b);
    return 1;
  });
  define('__tostring', (L) => {
    const value = lua.lua_touserdata(L, 1);
    lua.lua_pushstring(L, toLua(typeof value === 'bigint' ? `${value}ULL` : 'userdata'));
    return 1;
  });
  define('__concat', (L) => {
    const text = [1, 2].map((at) => {
      const value = lua.lua_type(L, at) === lua.LUA_TLIGHTUSERDATA ? lua.lua_touserdata(L, at) : undefined;
      return typeof value === 'bigint'
        ? toLua(`${value}ULL`)
        : (lua.lua_tostring(L, at) ??
            luaError(L, 'attempt to concatenate a value that is neither a string nor a number'));
    });
    const joined = new Uint8Array(text[0]!.length + text[1]!.length);
    joined.set(text[0]!);
    joined.set(text[1]!, text[0]!.length);
    lua.lua_pushstring(L, joined);
    return 1;
  });
  lua.lua_setmetatable(L, -2);
  lua.lua_pop(L, 1);
}

/** Value of a literal's digits, for `5ULL`. */
export function parseBoxed(digits: string): bigint {
  try {
    return BigInt.asUintN(64, BigInt(digits));
  } catch (error) {
    throw new BpfError('EINVAL', `malformed 64-bit literal '${digits}'`, { cause: error });
  }
}
