/** Objects of ours in Lua: a table whose metatable has the methods, and the JavaScript object under a key that no script can spell. */
import { SELF } from './convert.ts';
import { type LuaFunction, type LuaState, lua, luaError, toLua } from './fengari.ts';

export function setFunctions(L: LuaState, functions: Record<string, LuaFunction>): void {
  for (const [name, f] of Object.entries(functions)) {
    lua.lua_pushcfunction(L, f);
    lua.lua_setfield(L, -2, toLua(name));
  }
}

export function pushObject(
  L: LuaState,
  object: unknown,
  methods: Record<string, LuaFunction>,
  extra: Record<string, LuaFunction> = {},
): void {
  lua.lua_createtable(L, 0, 1);
  lua.lua_pushlightuserdata(L, object);
  lua.lua_setfield(L, -2, toLua(SELF));
  lua.lua_createtable(L, 0, 2);
  lua.lua_createtable(L, 0, 32);
  setFunctions(L, methods);
  lua.lua_setfield(L, -2, toLua('__index'));
  setFunctions(L, extra);
  lua.lua_setmetatable(L, -2);
}

/** The receiver of a method. */
export function self<T>(L: LuaState, method: string): T {
  if (lua.lua_type(L, 1) !== lua.LUA_TTABLE) luaError(L, `${method}: call it with ':' on the object`);
  lua.lua_getfield(L, 1, toLua(SELF));
  const object = lua.lua_touserdata(L, -1);
  lua.lua_pop(L, 1);
  if (!object) luaError(L, `${method}: call it with ':' on the object`);
  return object as T;
}
