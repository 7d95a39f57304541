/**
 * The part of Fengari (Lua 5.3 in JavaScript) that the Lua frontend uses, typed: the package publishes no types. It is loaded with
 * integral floats printed without `.0`, since in LuaJIT, which BCC's scripts are written for, every number is a double.
 */
import { createRequire } from 'node:module';

/** A Lua string: bytes. */
export type LuaString = Uint8Array;
/** A Lua state, opaque to us. */
export interface LuaState {
  readonly __luaState: never;
}
export type LuaFunction = (L: LuaState) => number;

interface Lua {
  readonly LUA_OK: number;
  readonly LUA_MASKCOUNT: number;
  readonly LUA_REGISTRYINDEX: number;
  readonly LUA_RIDX_GLOBALS: number;
  readonly LUA_TNONE: number;
  readonly LUA_TNIL: number;
  readonly LUA_TBOOLEAN: number;
  readonly LUA_TLIGHTUSERDATA: number;
  readonly LUA_TNUMBER: number;
  readonly LUA_TSTRING: number;
  readonly LUA_TTABLE: number;
  readonly LUA_TFUNCTION: number;
  readonly LUA_TUSERDATA: number;
  lua_absindex(L: LuaState, at: number): number;
  lua_atnativeerror(L: LuaState, handler: LuaFunction): LuaFunction | null;
  lua_call(L: LuaState, args: number, results: number): void;
  lua_createtable(L: LuaState, array: number, record: number): void;
  lua_error(L: LuaState): never;
  lua_gettop(L: LuaState): number;
  lua_getfield(L: LuaState, at: number, name: LuaString): number;
  lua_getglobal(L: LuaState, name: LuaString): number;
  lua_geti(L: LuaState, at: number, i: number): number;
  lua_gettable(L: LuaState, at: number): number;
  lua_insert(L: LuaState, at: number): void;
  lua_isinteger(L: LuaState, at: number): boolean;
  lua_len(L: LuaState, at: number): void;
  lua_load(L: LuaState, reader: unknown, data: unknown, name: LuaString, mode: LuaString | null): number;
  lua_next(L: LuaState, at: number): number;
  lua_pcall(L: LuaState, args: number, results: number, handler: number): number;
  lua_pop(L: LuaState, n: number): void;
  lua_pushboolean(L: LuaState, value: boolean): void;
  lua_pushcfunction(L: LuaState, f: LuaFunction): void;
  lua_pushinteger(L: LuaState, value: number): void;
  lua_pushlightuserdata(L: LuaState, value: unknown): void;
  lua_pushnil(L: LuaState): void;
  lua_pushnumber(L: LuaState, value: number): void;
  lua_pushstring(L: LuaState, value: LuaString): void;
  lua_pushvalue(L: LuaState, at: number): void;
  lua_rawequal(L: LuaState, a: number, b: number): boolean;
  lua_rawgeti(L: LuaState, at: number, i: number): number;
  lua_rawlen(L: LuaState, at: number): number;
  lua_rawseti(L: LuaState, at: number, i: number): void;
  lua_compare(L: LuaState, a: number, b: number, op: number): boolean;
  lua_remove(L: LuaState, at: number): void;
  lua_replace(L: LuaState, at: number): void;
  lua_setfield(L: LuaState, at: number, name: LuaString): void;
  lua_setglobal(L: LuaState, name: LuaString): void;
  lua_sethook(L: LuaState, hook: LuaFunction | null, mask: number, count: number): void;
  lua_setmetatable(L: LuaState, at: number): void;
  lua_settable(L: LuaState, at: number): void;
  lua_settop(L: LuaState, top: number): void;
  lua_toboolean(L: LuaState, at: number): boolean;
  lua_tonumber(L: LuaState, at: number): number;
  lua_tostring(L: LuaState, at: number): LuaString | null;
  lua_touserdata(L: LuaState, at: number): unknown;
  lua_type(L: LuaState, at: number): number;
  lua_typename(L: LuaState, type: number): LuaString;
  lua_upvalueindex(i: number): number;
  readonly LUA_OPEQ: number;
}

interface Lauxlib {
  readonly LUA_REFNIL: number;
  luaL_newstate(): LuaState;
  luaL_loadbuffer(L: LuaState, code: LuaString, size: number | null, name: LuaString): number;
  luaL_ref(L: LuaState, table: number): number;
  luaL_unref(L: LuaState, table: number, ref: number): void;
  luaL_tolstring(L: LuaState, at: number): LuaString;
  luaL_traceback(L: LuaState, of: LuaState, message: LuaString | null, level: number): void;
  luaL_typename(L: LuaState, at: number): LuaString;
  luaL_where(L: LuaState, level: number): void;
  luaL_newmetatable(L: LuaState, name: LuaString): number;
}

interface Fengari {
  readonly lua: Lua;
  readonly lauxlib: Lauxlib;
  readonly lualib: { luaL_openlibs(L: LuaState): void };
  to_luastring(text: string): LuaString;
}

process.env['FENGARICONF'] ??= '{"LUA_COMPAT_FLOATSTRING":true}';
const fengari = createRequire(import.meta.url)('fengari') as Fengari;

export const { lua, lauxlib, lualib } = fengari;

/** UTF-8 bytes of a JavaScript string. */
export const toLua = (text: string): LuaString => fengari.to_luastring(text);

/** One character a byte: text that survives the way through string functions whatever its encoding. */
export function binaryString(bytes: LuaString): string {
  let out = '';
  for (const byte of bytes) out += String.fromCharCode(byte);
  return out;
}

export function fromBinaryString(text: string): LuaString {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

/** Raise a Lua error with the position of the Lua code that called. */
export function luaError(L: LuaState, message: string, level = 1): never {
  lauxlib.luaL_where(L, level);
  const where = lua.lua_tostring(L, -1) ?? new Uint8Array();
  lua.lua_pop(L, 1);
  const text = toLua(message);
  const whole = new Uint8Array(where.length + text.length);
  whole.set(where);
  whole.set(text, where.length);
  lua.lua_pushstring(L, whole);
  return lua.lua_error(L);
}
