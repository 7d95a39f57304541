/**
 * Programs as arrays in Lua: the instruction macros and their constants as globals (`BPF_ST_MEM`, `BPF_REG_10`, `BPF_FUNC_map_lookup_elem`, ...), and
 * the five steps of core/bcc/raw.ts as `BPF:raw()`, with names in snake_case. An instruction is a table of its fields.
 */

import type { Link } from '../../core/backend/backend.ts';
import { camelCase } from '../../core/bcc/options.ts';
import { RawBpf, type RawMap, type RawProgram } from '../../core/bcc/raw.ts';
import { instructionNames } from '../../core/bcc/uapi-names.ts';
import { TABLE_METHODS } from './bpf.ts';
import { namedArguments, pushValue, toValue } from './convert.ts';
import { type LuaFunction, type LuaState, lua, luaError, toLua } from './fengari.ts';
import { pushObject, self } from './objects.ts';

const CREATE_MAP = ['type', 'key_size', 'value_size', 'max_entries', 'flags', 'name'] as const;
const LOAD_PROGRAM = ['prog_type', 'insns', 'license', 'name'] as const;

/** Adds `raw` to the class on top of the stack, and the globals. `opened` gathers what must be closed at the end. */
export function addRaw(L: LuaState, opened: { close(): void }[]): void {
  lua.lua_pushcfunction(L, (L) => {
    const k = new RawBpf();
    opened.push(k);
    pushObject(L, k, RAW_METHODS);
    return 1;
  });
  lua.lua_setfield(L, -2, toLua('raw'));
  addGlobals(L);
}

/** A few hundred names that few scripts use: found when asked for, by an __index on the table of globals. */
function addGlobals(L: LuaState): void {
  let names: ReturnType<typeof instructionNames> | undefined;
  lua.lua_rawgeti(L, lua.LUA_REGISTRYINDEX, lua.LUA_RIDX_GLOBALS);
  lua.lua_createtable(L, 0, 1);
  lua.lua_pushcfunction(L, (L) => {
    const name = lua.lua_type(L, 2) === lua.LUA_TSTRING ? toValue(L, 2) : undefined;
    if (typeof name !== 'string' || !/^(MAX_)?BPF_/.test(name)) return 0;
    names ??= instructionNames();
    const found = names.get(name);
    if (found === undefined) return 0;
    if (typeof found === 'number') lua.lua_pushnumber(L, found);
    else lua.lua_pushcfunction(L, macro(name, found as (...args: unknown[]) => unknown));
    return 1;
  });
  lua.lua_setfield(L, -2, toLua('__index'));
  lua.lua_setmetatable(L, -2);
  lua.lua_pop(L, 1);
}

/** An instruction macro. As the C compiler does, it wants all of its arguments, and numbers. */
function macro(name: string, make: (...args: unknown[]) => unknown): LuaFunction {
  return (L) => {
    const args: unknown[] = [];
    for (let i = 1; i <= lua.lua_gettop(L); i++) {
      const value = toValue(L, i);
      if (typeof value !== 'bigint' && !Number.isInteger(value))
        luaError(L, `${name}: argument ${i} is no whole number`);
      args.push(value);
    }
    if (args.length !== make.length) luaError(L, `${name}: takes ${make.length} arguments, got ${args.length}`);
    // Only a 64-bit immediate may be a boxed number.
    const plain = name.startsWith('BPF_LD_IMM64') ? args : args.map(Number);
    pushValue(L, make(...plain));
    return 1;
  };
}

/** Arguments under the names that TypeScript has for them. */
function options(L: LuaState, method: string, names: readonly string[]): Record<string, unknown> {
  const given = namedArguments(L, method, names, 2);
  return Object.fromEntries(Object.entries(given).map(([name, value]) => [camelCase(name), value]));
}

const RAW_METHODS: Record<string, LuaFunction> = {
  create_map(L) {
    const k = self<RawBpf>(L, 'create_map');
    const map: RawMap = k.createMap(options(L, 'create_map', CREATE_MAP));
    pushObject(L, map, TABLE_METHODS);
    lua.lua_pushnumber(L, map.fd);
    lua.lua_setfield(L, -2, toLua('fd'));
    return 1;
  },
  load_program(L) {
    const k = self<RawBpf>(L, 'load_program');
    pushObject(L, k.loadProgram(options(L, 'load_program', LOAD_PROGRAM)), PROGRAM_METHODS);
    return 1;
  },
  wait(L) {
    const k = self<RawBpf>(L, 'wait');
    const timeout = toValue(L, 2);
    pushValue(L, k.wait(typeof timeout === 'number' ? timeout : undefined));
    return 1;
  },
  close(L) {
    self<RawBpf>(L, 'close').close();
    return 0;
  },
};

const PROGRAM_METHODS: Record<string, LuaFunction> = {
  attach(L) {
    const program = self<RawProgram>(L, 'attach');
    const { kind, target, pid } = namedArguments(L, 'attach', ['kind', 'target', 'pid'], 2);
    if (typeof kind !== 'string' || typeof target !== 'string')
      luaError(L, 'attach: a probe kind and a target are needed, as in attach("kprobe", "tcp_v4_connect")');
    const more = pid === undefined ? {} : { pid };
    pushObject(L, program.attach(kind as string, target as string, more), LINK_METHODS);
    return 1;
  },
  log(L) {
    pushValue(L, self<RawProgram>(L, 'log').log);
    return 1;
  },
};

const LINK_METHODS: Record<string, LuaFunction> = {
  close(L) {
    self<Link>(L, 'close').close();
    return 0;
  },
};
