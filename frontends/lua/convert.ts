/**
 * Values across the border. To Lua: numbers up to 32 bits are numbers, 64-bit values boxed (int64.ts), strings bytes, structs and arrays
 * tables (arrays from 0, as LuaJIT's cdata count), undefined nil. From Lua: the way back, by what the codec asks for.
 */
import { utf8Decode } from '../../core/base/bytes.ts';
import { cFormat } from '../../core/base/c-format.ts';
import { type LuaState, lauxlib, lua, luaError, toLua } from './fengari.ts';
import { pushBoxed } from './int64.ts';

/** Key of the JavaScript object in the Lua table that stands for it (objects.ts). */
export const SELF = 'skep object';

export function pushValue(L: LuaState, value: unknown): void {
  switch (typeof value) {
    case 'number':
      lua.lua_pushnumber(L, value);
      return;
    case 'bigint':
      // Boxes are unsigned: a negative number that Lua's own numbers hold is one of them, so that it is below 0 there too.
      if (value < 0n && value >= BigInt(Number.MIN_SAFE_INTEGER)) lua.lua_pushnumber(L, Number(value));
      else pushBoxed(L, value);
      return;
    case 'boolean':
      lua.lua_pushboolean(L, value);
      return;
    case 'string':
      lua.lua_pushstring(L, toLua(value));
      return;
    case 'object':
      if (value === null) break;
      if (value instanceof Uint8Array) lua.lua_pushstring(L, Uint8Array.from(value));
      else if (Array.isArray(value)) {
        lua.lua_createtable(L, value.length, 0);
        value.forEach((item, i) => {
          pushValue(L, item);
          lua.lua_rawseti(L, -2, i);
        });
      } else {
        lua.lua_createtable(L, 0, 8);
        for (const [name, item] of Object.entries(value)) {
          pushValue(L, item);
          lua.lua_setfield(L, -2, toLua(name));
        }
      }
      return;
  }
  lua.lua_pushnil(L);
}

/** A Lua value as JavaScript's: tables with only integer keys become arrays (from 0 or from 1), others objects. */
export function toValue(L: LuaState, at: number): unknown {
  switch (lua.lua_type(L, at)) {
    case lua.LUA_TNUMBER:
      return lua.lua_tonumber(L, at);
    case lua.LUA_TBOOLEAN:
      return lua.lua_toboolean(L, at);
    case lua.LUA_TSTRING:
      return utf8Decode(lua.lua_tostring(L, at)!);
    case lua.LUA_TLIGHTUSERDATA:
      return lua.lua_touserdata(L, at);
    case lua.LUA_TTABLE:
      return tableValue(L, lua.lua_absindex(L, at));
    default:
      return undefined;
  }
}

function tableValue(L: LuaState, at: number): unknown {
  lua.lua_getfield(L, at, toLua(SELF));
  const object = lua.lua_touserdata(L, -1);
  lua.lua_pop(L, 1);
  if (object) return object;
  const entries: [string | number, unknown][] = [];
  lua.lua_pushnil(L);
  while (lua.lua_next(L, at) !== 0) {
    const key = lua.lua_type(L, -2) === lua.LUA_TNUMBER ? lua.lua_tonumber(L, -2) : String(toValue(L, -2));
    entries.push([key, toValue(L, -1)]);
    lua.lua_pop(L, 1);
  }
  if (entries.length > 0 && entries.every(([key]) => typeof key === 'number')) {
    const first = Math.min(...entries.map(([key]) => key as number));
    const out: unknown[] = [];
    for (const [key, value] of entries) out[(key as number) - (first >= 1 ? 1 : 0)] = value;
    return out;
  }
  return Object.fromEntries(entries);
}

/** A method's arguments by BCC's names: one table `{ event = ..., fn_name = ... }`, or positions. `from` is the first argument's index. */
export function namedArguments(
  L: LuaState,
  method: string,
  names: readonly string[],
  from: number,
): Record<string, unknown> {
  const count = lua.lua_gettop(L) - from + 1;
  if (count === 1 && lua.lua_type(L, from) === lua.LUA_TTABLE) {
    const given = toValue(L, from) as Record<string, unknown>;
    // A list is one argument, the first.
    if (Array.isArray(given) && given.length > 0 && names.length > 0) return { [names[0]!]: given };
    for (const name of Object.keys(given)) {
      if (!names.includes(name))
        luaError(L, `${method}: unknown argument '${name}'; it takes ${names.join(', ') || 'none'}`);
    }
    return given;
  }
  if (count > names.length)
    luaError(
      L,
      `${method}: takes ${names.length} argument${names.length === 1 ? '' : 's'} (${names.join(', ')}), got ${count}`,
    );
  const out: Record<string, unknown> = {};
  for (let i = 0; i < count; i++) {
    const value = toValue(L, from + i);
    if (value !== undefined) out[names[i]!] = value;
  }
  return out;
}

/** The text that print and tostring show. */
export function displayText(L: LuaState, at: number): Uint8Array {
  // As C's %.14g: Fengari rounds large doubles but prints them without an exponent.
  if (lua.lua_type(L, at) === lua.LUA_TNUMBER)
    return toLua(cFormat('%.14g', () => ({ kind: 'number', value: lua.lua_tonumber(L, at) })));
  const text = lauxlib.luaL_tolstring(L, at);
  lua.lua_pop(L, 1);
  return text;
}
