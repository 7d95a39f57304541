/**
 * The Lua frontend: runs a script of bcc-lua's form (`return function(BPF, utils) ... end`, or plain statements with the global `BPF`)
 * on Fengari, under the session that the host set up.
 */
import { BpfError } from '../../core/base/errors.ts';
import type { BPF } from '../../core/bcc/bpf.ts';
import { Interrupted } from '../../core/bcc/session.ts';
import { pushBpfClass } from './bpf.ts';
import { pushValue } from './convert.ts';
import { binaryString, type LuaState, lauxlib, lua, lualib, toLua } from './fengari.ts';
import { addRaw } from './raw.ts';
import { installLibrary, loadChunk, type Output } from './stdlib.ts';
import { pushUtils } from './utils.ts';

export interface LuaScript {
  /** What error messages call it: the path as the user gave it. */
  readonly name: string;
  readonly text: string;
  readonly args: readonly string[];
  readonly output: Output;
  /** Asked every few thousand Lua instructions: true ends the script as Ctrl-C. */
  readonly interrupted?: () => boolean;
}

/** Lua instructions between two looks at `interrupted`. */
const HOOK_EVERY = 5000;

/** Run to the end. Throws BpfError (code LUA, or the error of ours that the script did not catch), Interrupted at Ctrl-C. */
export function runLuaScript(script: LuaScript): void {
  const L = lauxlib.luaL_newstate();
  const opened: BPF[] = [];
  const raw: { close(): void }[] = [];
  const failure = watchErrors(L);
  try {
    lualib.luaL_openlibs(L);
    installLibrary(L, script.output);
    setArguments(L, script);
    pushBpfClass(L, opened);
    addRaw(L, raw);
    lua.lua_setglobal(L, toLua('BPF'));
    if (loadChunk(L, script.text, `@${script.name}`) === 2)
      throw new BpfError('LUA', binaryString(lua.lua_tostring(L, -1)!));
    watchInterrupt(L, script.interrupted);
    call(L, 0, failure);
    if (lua.lua_type(L, -1) === lua.LUA_TFUNCTION) {
      lua.lua_getglobal(L, toLua('BPF'));
      pushUtils(L);
      call(L, 2, failure);
    }
  } finally {
    for (const b of [...opened, ...raw]) b.close();
  }
}

/** Remembers the JavaScript error behind the last Lua error, so that it can be thrown on whole when nobody catches it. */
function watchErrors(L: LuaState): { last: unknown; text: string } {
  const failure = { last: undefined as unknown, text: '' };
  lua.lua_atnativeerror(L, (L) => {
    const error = lua.lua_touserdata(L, 1);
    // The frames between are C functions, which have no position.
    let where: Uint8Array | null = null;
    for (let level = 1; level <= 6 && !where?.length; level++) {
      lauxlib.luaL_where(L, level);
      where = lua.lua_tostring(L, -1);
      lua.lua_pop(L, 1);
    }
    const message =
      error instanceof Interrupted ? 'interrupted!' : error instanceof Error ? error.message : String(error);
    failure.last = error;
    failure.text = (where ? binaryString(where) : '') + message;
    lua.lua_pushstring(L, toLua(failure.text));
    return 1;
  });
  return failure;
}

function watchInterrupt(L: LuaState, interrupted: (() => boolean) | undefined): void {
  if (!interrupted) return;
  const hook = (L: LuaState): number => {
    if (!interrupted()) return 0;
    // From now on at every instruction: a pcall around the loop must not keep a script alive.
    lua.lua_sethook(L, hook, lua.LUA_MASKCOUNT, 1);
    throw new Interrupted('interrupted');
  };
  lua.lua_sethook(L, hook, lua.LUA_MASKCOUNT, HOOK_EVERY);
}

/** lua_pcall with our errors: what the script did not catch comes out as the JavaScript error that it was. */
function call(L: LuaState, args: number, failure: { last: unknown; text: string }): void {
  if (lua.lua_pcall(L, args, 1, 0) === lua.LUA_OK) return;
  const message = Buffer.from(lauxlib.luaL_tolstring(L, -1)).toString('utf8');
  const last = message === failure.text ? failure.last : undefined;
  if (last instanceof Interrupted || (last instanceof BpfError && last.code === 'COMPILE')) throw last;
  throw new BpfError('LUA', message, last === undefined ? {} : { cause: last });
}

/** The global `arg`: [0] the script, from 1 its arguments. */
function setArguments(L: LuaState, script: LuaScript): void {
  lua.lua_createtable(L, script.args.length, 1);
  [script.name, ...script.args].forEach((text, i) => {
    pushValue(L, text);
    lua.lua_rawseti(L, -2, i);
  });
  lua.lua_setglobal(L, toLua('arg'));
}
