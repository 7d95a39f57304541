/**
 * What a BCC Lua script expects of its world (LuaJIT 2.1 and the helpers that bcc-lua loads before it), over Fengari's Lua 5.3: Lua 5.1's
 * globals, LuaJIT's numbers in string.format, tostring and tonumber, `"fmt" % {args}`, the string and table helpers, io and os.
 */
import { execSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { cFormat, type FormatArgument } from '../../core/base/c-format.ts';
import { Interrupted, sleep } from '../../core/bcc/session.ts';
import { displayText } from './convert.ts';
import {
  binaryString,
  fromBinaryString,
  type LuaFunction,
  type LuaState,
  lauxlib,
  lua,
  luaError,
  toLua,
} from './fengari.ts';
import { installInt64, parseBoxed, pushBoxed, toBigInt } from './int64.ts';
import { FFI } from './modules.ts';
import { BOX, EQUAL, rewrite } from './rewrite.ts';

export interface Output {
  write(fd: 1 | 2, bytes: Uint8Array): void;
}

/** Lua's side of the library: helpers that are plain Lua. */
const PRELUDE = `
unpack = table.unpack
table.getn = function(t) return #t end
table.unpack = table.unpack
math.pow = function(a, b) return a ^ b end
math.log10 = function(x) return math.log(x, 10) end
math.ldexp = math.ldexp or function(m, e) return m * 2.0 ^ e end
function string.starts(s, p) return s:sub(1, #p) == p end
function string.ends(s, e) return e == '' or s:sub(-#e) == e end
function string.lstrip(s, p) return s:sub(#p + 1) end
function string.escape(s) return (s:gsub('[%-%.%+%[%]%(%)%$%^%%%?%*]', '%%%1')) end
function string.split(s, separator, plain, most)
  local parts, from = {}, 1
  separator = separator or '%s+'
  if separator == '' then return { s } end
  while true do
    local first, last = s:find(separator, from, plain)
    if not first or (most and #parts + 1 == most) then break end
    parts[#parts + 1] = s:sub(from, first - 1)
    from = last + 1
  end
  local rest = s:sub(from)
  if rest ~= '' then parts[#parts + 1] = rest end
  if #parts == 1 and parts[1] == '' then return {} end
  return parts
end
function table.count(t) local n = 0 for _ in pairs(t) do n = n + 1 end return n end
function table.values(t) local out = {} for _, v in pairs(t) do out[#out + 1] = v end return out end
function table.join(a, b)
  if b == nil or #b == 0 then return a end
  local out = {}
  for _, v in ipairs(a) do out[#out + 1] = v end
  for _, v in ipairs(b) do out[#out + 1] = v end
  return out
end
function table.build(iterator, make)
  local out = {}
  while true do
    local got = { iterator() }
    if got[1] == nil then return out end
    out[#out + 1] = make and make(got) or got
  end
end
function table.bsearch(list, value, of)
  local low, high = 1, #list
  while low <= high do
    local middle = (low + high) // 2
    local here = of and of(list[middle]) or list[middle]
    if here > value then high = middle - 1 elseif here < value then low = middle + 1 else return middle end
  end
  return nil
end
getmetatable('').__mod = function(format, arguments)
  if not arguments then return format end
  if type(arguments) == 'table' then return string.format(format, unpack(arguments)) end
  return string.format(format, arguments)
end
`;

export function installLibrary(L: LuaState, output: Output): void {
  installInt64(L);
  const define = (table: string | undefined, functions: Record<string, LuaFunction>) => {
    if (table !== undefined) {
      lua.lua_getglobal(L, toLua(table));
      if (lua.lua_type(L, -1) !== lua.LUA_TTABLE) {
        lua.lua_pop(L, 1);
        lua.lua_createtable(L, 0, 8);
        lua.lua_pushvalue(L, -1);
        lua.lua_setglobal(L, toLua(table));
      }
    }
    for (const [name, f] of Object.entries(functions)) {
      lua.lua_pushcfunction(L, f);
      if (table === undefined) lua.lua_setglobal(L, toLua(name));
      else lua.lua_setfield(L, -2, toLua(name));
    }
    if (table !== undefined) lua.lua_pop(L, 1);
  };
  define(undefined, basics(output));
  define('string', { format: stringFormat });
  define('math', { floor: rounded(Math.floor), ceil: rounded(Math.ceil) });
  define('bit', BIT);
  define('io', {
    write: (L) => writeAll(L, output, 1, 1),
    read: ioRead,
    lines: ioLines,
    open: ioOpen,
    popen: ioPopen,
  });
  define('os', { exists: (L) => one(L, () => lua.lua_pushboolean(L, existsSync(argText(L, 1)))), spawn: osSpawn });
  fileTable(L, output);
  pushOwn(L, PRELUDE, '=prelude');
  lua.lua_call(L, 0, 0);
  lua.lua_getglobal(L, toLua('package'));
  lua.lua_getfield(L, -1, toLua('preload'));
  pushOwn(L, FFI, '=ffi');
  lua.lua_setfield(L, -2, toLua('ffi'));
  lua.lua_pop(L, 2);
}

/** Compile a chunk of our own and leave it on the stack. */
export function pushOwn(L: LuaState, text: string, name: string): void {
  const code = toLua(text);
  if (lauxlib.luaL_loadbuffer(L, code, code.length, toLua(name)) !== lua.LUA_OK) lua.lua_error(L);
}

function one(_L: LuaState, push: () => void): number {
  push();
  return 1;
}

function argText(L: LuaState, at: number): string {
  const bytes = lua.lua_tostring(L, at);
  if (bytes === null)
    luaError(L, `bad argument #${at} (string expected, got ${binaryString(lauxlib.luaL_typename(L, at))})`);
  return Buffer.from(bytes!).toString('utf8');
}

function basics(output: Output): Record<string, LuaFunction> {
  return {
    print(L) {
      const parts: Uint8Array[] = [];
      for (let i = 1; i <= lua.lua_gettop(L); i++) {
        if (i > 1) parts.push(Uint8Array.of(9));
        parts.push(displayText(L, i));
      }
      output.write(1, Buffer.concat([...parts, Uint8Array.of(10)]));
      return 0;
    },
    type(L) {
      if (lua.lua_gettop(L) === 0) luaError(L, "bad argument #1 to 'type' (value expected)");
      // LuaJIT calls 64-bit integers cdata.
      const boxed = lua.lua_type(L, 1) === lua.LUA_TLIGHTUSERDATA && typeof lua.lua_touserdata(L, 1) === 'bigint';
      lua.lua_pushstring(L, boxed ? toLua('cdata') : lauxlib.luaL_typename(L, 1));
      return 1;
    },
    tostring(L) {
      if (lua.lua_gettop(L) === 0) luaError(L, "bad argument #1 to 'tostring' (value expected)");
      lua.lua_pushstring(L, displayText(L, 1));
      return 1;
    },
    tonumber(L) {
      if (lua.lua_type(L, 1) === lua.LUA_TLIGHTUSERDATA) {
        const value = lua.lua_touserdata(L, 1);
        if (typeof value === 'bigint') lua.lua_pushnumber(L, Number(value));
        else lua.lua_pushnil(L);
        return 1;
      }
      return toNumber(L);
    },
    [EQUAL](L) {
      const boxed = [1, 2].some((at) => lua.lua_type(L, at) === lua.LUA_TLIGHTUSERDATA);
      const [a, b] = boxed ? [toBigInt(L, 1), toBigInt(L, 2)] : [undefined, undefined];
      lua.lua_settop(L, 2);
      lua.lua_pushboolean(L, a !== undefined && b !== undefined ? a === b : lua.lua_compare(L, 1, 2, lua.LUA_OPEQ));
      return 1;
    },
    [BOX](L) {
      pushBoxed(L, parseBoxed(argText(L, 1)));
      return 1;
    },
    sleep(L) {
      sleep(lua.lua_tonumber(L, 1) * 1000);
      return 0;
    },
    loadstring: loadText,
    load: loadText,
    loadfile(L) {
      const path = argText(L, 1);
      let text: string;
      try {
        text = readFileSync(path, 'utf8');
      } catch (error) {
        lua.lua_pushnil(L);
        lua.lua_pushstring(L, toLua(`cannot open ${path}: ${(error as NodeJS.ErrnoException).code}`));
        return 2;
      }
      return loadChunk(L, text, `@${path}`);
    },
  };
}

/** tonumber(text [, base]) with doubles for everything; hexadecimal without wrap. */
function toNumber(L: LuaState): number {
  const type = lua.lua_type(L, 1);
  if (type === lua.LUA_TNUMBER && lua.lua_gettop(L) < 2) {
    lua.lua_pushvalue(L, 1);
    return 1;
  }
  const bytes = type === lua.LUA_TSTRING ? lua.lua_tostring(L, 1) : null;
  const text = bytes === null ? '' : binaryString(bytes).trim();
  const base = lua.lua_type(L, 2) === lua.LUA_TNUMBER ? lua.lua_tonumber(L, 2) : 10;
  let value = Number.NaN;
  if (base !== 10) {
    const digits = /^[-+]?(?:0[xX](?=[0-9a-fA-F]))?([0-9a-zA-Z]+)$/.exec(text);
    const valid = digits && [...digits[1]!].every((d) => Number.parseInt(d, 36) < base);
    if (valid)
      value =
        [...digits[1]!].reduce((sum, d) => sum * base + Number.parseInt(d, 36), 0) * (text.startsWith('-') ? -1 : 1);
  } else if (/^[-+]?(?:0[xX][0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)$/.test(text)) {
    value = text.startsWith('-') ? -Number(text.slice(1)) : Number(text.replace(/^\+/, ''));
  }
  if (Number.isNaN(value)) lua.lua_pushnil(L);
  else lua.lua_pushnumber(L, value);
  return 1;
}

function loadText(L: LuaState): number {
  if (lua.lua_type(L, 1) !== lua.LUA_TSTRING) luaError(L, "bad argument #1 to 'load' (a string is needed)");
  const text = Buffer.from(lua.lua_tostring(L, 1)!).toString('utf8');
  const name = lua.lua_type(L, 2) === lua.LUA_TSTRING ? argText(L, 2) : `=(load)`;
  return loadChunk(L, text, name);
}

/** Push the compiled chunk, or nil and the message. */
export function loadChunk(L: LuaState, text: string, name: string): number {
  const code = toLua(rewrite(text));
  if (lauxlib.luaL_loadbuffer(L, code, code.length, toLua(name)) === lua.LUA_OK) return 1;
  lua.lua_pushnil(L);
  lua.lua_insert(L, -2);
  return 2;
}

function stringFormat(L: LuaState): number {
  const bytes = lua.lua_tostring(L, 1);
  if (bytes === null) luaError(L, "bad argument #1 to 'format' (string expected)");
  let out: string;
  try {
    out = cFormat(binaryString(bytes!), (index, wanted) => formatArgument(L, index + 2, wanted));
  } catch (error) {
    return luaError(L, (error as Error).message);
  }
  lua.lua_pushstring(L, fromBinaryString(out));
  return 1;
}

function formatArgument(L: LuaState, at: number, wanted: 'number' | 'text' | 'quoted'): FormatArgument {
  const type = lua.lua_type(L, at);
  if (type === lua.LUA_TNONE) return { kind: 'none' };
  if (wanted === 'text') return { kind: 'text', value: binaryString(displayText(L, at)) };
  if (wanted === 'quoted') return { kind: 'text', value: quote(binaryString(displayText(L, at))) };
  if (type === lua.LUA_TNUMBER) return { kind: 'number', value: lua.lua_tonumber(L, at) };
  if (type === lua.LUA_TLIGHTUSERDATA) return { kind: 'int64', value: toBigInt(L, at) ?? 0n };
  const text = type === lua.LUA_TSTRING ? binaryString(lua.lua_tostring(L, at)!).trim() : '';
  return text !== '' && !Number.isNaN(Number(text))
    ? { kind: 'number', value: Number(text) }
    : { kind: 'text', value: text };
}

function quote(text: string): string {
  return `"${text.replace(/["\\\n\r\0]/g, (c) => ({ '\n': '\\\n', '\r': '\\r', '\0': '\\0' })[c] ?? `\\${c}`)}"`;
}

function rounded(round: (x: number) => number): LuaFunction {
  return (L) => {
    if (lua.lua_type(L, 1) === lua.LUA_TLIGHTUSERDATA) lua.lua_pushvalue(L, 1);
    else lua.lua_pushnumber(L, round(lua.lua_tonumber(L, 1)));
    return 1;
  };
}

const word = (L: LuaState, at: number): number =>
  Number(BigInt.asIntN(32, toBigInt(L, at) ?? luaError(L, `bad argument #${at} (number expected)`)));
const fold =
  (f: (a: number, b: number) => number): LuaFunction =>
  (L) => {
    let value = word(L, 1);
    for (let i = 2; i <= lua.lua_gettop(L); i++) value = f(value, word(L, i));
    lua.lua_pushnumber(L, value | 0);
    return 1;
  };
const unary =
  (f: (a: number) => number): LuaFunction =>
  (L) =>
    one(L, () => lua.lua_pushnumber(L, f(word(L, 1)) | 0));

/** LuaJIT's bit library: signed 32-bit results. */
const BIT: Record<string, LuaFunction> = {
  band: fold((a, b) => a & b),
  bor: fold((a, b) => a | b),
  bxor: fold((a, b) => a ^ b),
  lshift: fold((a, b) => a << b),
  rshift: fold((a, b) => a >>> b),
  arshift: fold((a, b) => a >> b),
  rol: fold((a, b) => (a << b) | (a >>> (32 - (b & 31)))),
  ror: fold((a, b) => (a >>> b) | (a << (32 - (b & 31)))),
  bnot: unary((a) => ~a),
  tobit: unary((a) => a),
  bswap: unary((a) => ((a & 0xff) << 24) | ((a & 0xff00) << 8) | ((a >>> 8) & 0xff00) | (a >>> 24)),
  tohex(L) {
    const columns = lua.lua_gettop(L) >= 2 ? word(L, 2) : 8;
    const text = (word(L, 1) >>> 0).toString(16).padStart(Math.abs(columns), '0').slice(-Math.abs(columns));
    lua.lua_pushstring(L, toLua(columns < 0 ? text.toUpperCase() : text));
    return 1;
  },
};

function writeAll(L: LuaState, output: Output, fd: 1 | 2, from: number): number {
  for (let i = from; i <= lua.lua_gettop(L); i++) {
    const type = lua.lua_type(L, i);
    if (type !== lua.LUA_TSTRING && type !== lua.LUA_TNUMBER)
      luaError(L, `bad argument #${i} to 'write' (string expected, got ${binaryString(lauxlib.luaL_typename(L, i))})`);
    output.write(fd, displayText(L, i));
  }
  return 0;
}

/** io.stdout and io.stderr with write, flush and close. */
function fileTable(L: LuaState, output: Output): void {
  lua.lua_getglobal(L, toLua('io'));
  for (const [name, fd] of [
    ['stdout', 1],
    ['stderr', 2],
  ] as const) {
    lua.lua_createtable(L, 0, 3);
    lua.lua_pushcfunction(L, (L) => {
      writeAll(L, output, fd, 2);
      lua.lua_pushvalue(L, 1);
      return 1;
    });
    lua.lua_setfield(L, -2, toLua('write'));
    for (const nothing of ['flush', 'close', 'setvbuf']) {
      lua.lua_pushcfunction(L, () => 0);
      lua.lua_setfield(L, -2, toLua(nothing));
    }
    lua.lua_setfield(L, -2, toLua(name));
  }
  lua.lua_pop(L, 1);
}

/** A file read whole, as an object with read("*a" | "*l" | "*n"), lines and close: what scripts read /proc with. */
function pushFile(L: LuaState, data: Buffer): void {
  let at = 0;
  const line = (): Uint8Array | undefined => {
    if (at >= data.length) return undefined;
    const end = data.indexOf(10, at);
    const text = data.subarray(at, end < 0 ? data.length : end);
    at = end < 0 ? data.length : end + 1;
    return Uint8Array.from(text);
  };
  const pushLine = (L: LuaState) => {
    const text = line();
    if (text === undefined) lua.lua_pushnil(L);
    else lua.lua_pushstring(L, text);
    return 1;
  };
  lua.lua_createtable(L, 0, 3);
  const define = (name: string, f: LuaFunction) => {
    lua.lua_pushcfunction(L, f);
    lua.lua_setfield(L, -2, toLua(name));
  };
  define('read', (L) => {
    const what = lua.lua_type(L, 2) === lua.LUA_TSTRING ? argText(L, 2).replace('*', '')[0] : 'l';
    if (what === 'a') {
      lua.lua_pushstring(L, Uint8Array.from(data.subarray(at)));
      at = data.length;
      return 1;
    }
    if (what !== 'n') return pushLine(L);
    const text = line();
    const value = text === undefined ? Number.NaN : Number.parseFloat(binaryString(text));
    if (Number.isNaN(value)) lua.lua_pushnil(L);
    else lua.lua_pushnumber(L, value);
    return 1;
  });
  define('lines', (L) => one(L, () => lua.lua_pushcfunction(L, pushLine)));
  define('close', (L) => one(L, () => lua.lua_pushboolean(L, true)));
}

function ioOpen(L: LuaState): number {
  const path = argText(L, 1);
  const mode = lua.lua_type(L, 2) === lua.LUA_TSTRING ? argText(L, 2) : 'r';
  if (!mode.startsWith('r')) luaError(L, `io.open: mode '${mode}' is not supported; files can be read`);
  try {
    pushFile(L, readFileSync(path));
    return 1;
  } catch (error) {
    lua.lua_pushnil(L);
    lua.lua_pushstring(L, toLua(`${path}: ${(error as NodeJS.ErrnoException).code}`));
    return 2;
  }
}

/** A blocking call by the run contract: the world moves until the source ends; then, as at the end of input, nil. */
function ioRead(L: LuaState): number {
  try {
    sleep(Number.POSITIVE_INFINITY);
  } catch (error) {
    if (!(error instanceof Interrupted) || error.why === 'interrupted') throw error;
  }
  lua.lua_pushnil(L);
  return 1;
}

function ioLines(L: LuaState): number {
  if (ioOpen(L) === 2) luaError(L, binaryString(lua.lua_tostring(L, -1)!));
  lua.lua_getfield(L, -1, toLua('lines'));
  lua.lua_insert(L, -2);
  lua.lua_call(L, 1, 1);
  return 1;
}

function ioPopen(L: LuaState): number {
  pushFile(L, runShell(argText(L, 1)));
  return 1;
}

function osSpawn(L: LuaState): number {
  stringFormat(L);
  lua.lua_pushstring(L, Uint8Array.from(runShell(argText(L, -1))));
  return 1;
}

/** Output of a shell command; its exit status does not matter, as popen's. */
function runShell(command: string): Buffer {
  try {
    return execSync(command, { stdio: ['ignore', 'pipe', 'inherit'] });
  } catch (error) {
    return (error as { stdout?: Buffer }).stdout ?? Buffer.alloc(0);
  }
}
