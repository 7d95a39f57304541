/**
 * BCC's Lua object model over core/bcc: `BPF:new{text=...}`, `b:get_table(name)`, `b:pipe():trace_fields()`. Methods come from the list of
 * public names (core/bcc/surface.ts), letter for letter; what Lua adds to or changes from that list stands in this file.
 */
import { BPF } from '../../core/bcc/bpf.ts';
import type { Func } from '../../core/bcc/func.ts';
import type { IterOutput } from '../../core/bcc/iter.ts';
import type { SymbolCache } from '../../core/bcc/kernel-queries.ts';
import { camelCase } from '../../core/bcc/options.ts';
import { SURFACE, type SurfaceRow } from '../../core/bcc/surface.ts';
import type { Table } from '../../core/bcc/table.ts';
import { parseTraceLine, TRACE_FIELD_NAMES } from '../../core/bcc/trace.ts';
import { namedArguments, pushValue, toValue } from './convert.ts';
import { type LuaFunction, type LuaState, lauxlib, lua, luaError, toLua } from './fengari.ts';
import { pushObject, self, setFunctions } from './objects.ts';

/** Methods whose arguments are one object in TypeScript; the others take positions. */
const BY_NAME = /^(attach|detach)_(?!func)/;
/** What BPF:new takes, in BCC's order. */
const NEW_ARGUMENTS = ['text', 'src_file', 'hdr_file', 'debug', 'cflags', 'usdt_contexts', 'usdt'] as const;

/** Arguments that BCC's Lua calls otherwise than its Python. */
const OTHER_NAMES: Readonly<Record<string, string>> = { fn_offset: 'event_off' };

/** What BCC's Lua accepts when it attaches, and kernels no longer heed; `retprobe` chooses the method. */
const IGNORED = ['retprobe', 'pid', 'cpu', 'group_fd'];
/** Of one method in Lua, where Python has two: taken by the one that the call comes to. */
const EITHER = ['fn_offset', 'maxactive', 'sym_off'];

/** Register the class: pushes the BPF table that a script's function is called with. `opened` gathers what must be closed at the end. */
export function pushBpfClass(L: LuaState, opened: BPF[]): void {
  const methods = bpfMethods(opened);
  lua.lua_createtable(L, 0, 16);
  for (const [name, value] of Object.entries(BPF)) {
    if (typeof value !== 'number') continue;
    lua.lua_pushnumber(L, value);
    lua.lua_setfield(L, -2, toLua(name));
  }
  const create: LuaFunction = (L) => {
    const { usdt, ...options } = namedArguments(L, 'BPF:new', NEW_ARGUMENTS, 2);
    // One USDT object, or a list of them.
    const contexts = usdt === undefined ? {} : { usdt_contexts: Array.isArray(usdt) ? usdt : [usdt] };
    const b = new BPF({ ...options, ...contexts } as never);
    opened.push(b);
    pushObject(L, b, methods);
    return 1;
  };
  setFunctions(L, STATIC_METHODS);
  setFunctions(L, {
    SymbolCache(L) {
      const pid = lua.lua_type(L, 1) === lua.LUA_TTABLE ? toValue(L, 2) : toValue(L, 1);
      pushObject(L, BPF.SymbolCache(typeof pid === 'number' ? pid : -1), SYMBOL_METHODS);
      return 1;
    },
  });
  setFunctions(L, { new: create, cleanup: (L) => closeAll(L, opened), script_root: (L) => again(L) });
  // BPF{...} is BPF:new{...}.
  lua.lua_createtable(L, 0, 1);
  setFunctions(L, { __call: create });
  lua.lua_setmetatable(L, -2);
}

/** name, offset = syms:resolve(address). */
const SYMBOL_METHODS: Record<string, LuaFunction> = {
  resolve(L) {
    const { name, offset } = self<SymbolCache>(L, 'resolve').resolve(toValue(L, 2) as bigint | number);
    pushValue(L, name);
    pushValue(L, offset);
    return 2;
  },
  resolve_name(L) {
    pushValue(L, self<SymbolCache>(L, 'resolve_name').resolveName(undefined, String(toValue(L, -1))));
    return 1;
  },
  // Nothing is kept, so nothing gets stale.
  refresh: () => 0,
};

/** Questions about the kernel, on the class itself. */
const STATIC_METHODS: Record<string, LuaFunction> = Object.fromEntries(
  SURFACE.filter((row) => row.kind === 'static').map((row) => [
    row.name,
    (L: LuaState) => {
      // BPF.ksym(addr), and BPF:ksym(addr) as scripts also write it.
      const first = lua.lua_type(L, 1) === lua.LUA_TTABLE ? 2 : 1;
      const given = namedArguments(L, row.name, row.args, first);
      const method = (BPF as unknown as Record<string, (...args: unknown[]) => unknown>)[camelCase(row.name)]!;
      const args = row.args.map((a) => given[a]);
      return pushResult(L, row, method.apply(BPF, args));
    },
  ]),
);

function closeAll(_L: LuaState, opened: readonly BPF[]): number {
  for (const b of opened) b.close();
  return 0;
}

/** What a method answers. Lists count from 1, as Lua's do. */
function pushResult(L: LuaState, row: SurfaceRow, result: unknown): number {
  const pushList = (list: readonly unknown[], push: (item: unknown) => void): void => {
    lua.lua_createtable(L, list.length, 0);
    list.forEach((item, i) => {
      push(item);
      lua.lua_rawseti(L, -2, i + 1);
    });
  };
  const pushPair = (pair: unknown): void => pushList(pair as readonly unknown[], (item) => pushValue(L, item));
  if (row.gives === undefined || !Array.isArray(result)) pushValue(L, result);
  else if (row.gives === 'pairs') pushList(result, pushPair);
  else pushPair(result);
  return 1;
}

/** The receiver itself, for chaining. */
function again(L: LuaState): number {
  lua.lua_pushvalue(L, 1);
  return 1;
}

function bpfMethods(opened: BPF[]): Record<string, LuaFunction> {
  const methods: Record<string, LuaFunction> = {};
  for (const row of SURFACE) {
    if (row.owner !== 'BPF') continue;
    const taken: readonly string[] = row.args;
    methods[row.name] = (L) => {
      const b = self<BPF>(L, row.name) as unknown as Record<string, (...args: unknown[]) => unknown>;
      // Lua's attach_kprobe says `retprobe = true` where Python has a method of its own.
      const given = namedArguments(
        L,
        row.name,
        [
          ...row.args,
          ...(row.name.startsWith('attach_') ? [...IGNORED, ...EITHER].filter((a) => !taken.includes(a)) : []),
        ],
        2,
      );
      const name = given['retprobe'] ? row.name.replace(/([ku])probe/, '$1retprobe') : row.name;
      const allowed: readonly string[] = SURFACE.find((r) => r.owner === 'BPF' && r.name === name)?.args ?? taken;
      const args = Object.fromEntries(
        Object.entries(given)
          .map(([arg, value]) => [OTHER_NAMES[arg] ?? arg, value] as const)
          .filter(([arg]) => allowed.includes(arg)),
      );
      const method = b[camelCase(name)]!;
      const result = BY_NAME.test(name) ? method.call(b, args) : method.call(b, ...row.args.map((a) => args[a]));
      return BY_NAME.test(name) ? again(L) : pushResult(L, row, result);
    };
  }
  return {
    ...methods,
    get_table(L) {
      const name = toValue(L, 2);
      if (typeof name !== 'string') luaError(L, 'get_table: the name of a table is needed');
      const [keyType, leafType] = [toValue(L, 3), toValue(L, 4)].map((type) =>
        typeof type === 'string' ? type : undefined,
      );
      const table = self<BPF>(L, 'get_table').getTable(name as string, {
        ...(keyType !== undefined && { keyType }),
        ...(leafType !== undefined && { leafType }),
      });
      pushObject(L, table, TABLE_METHODS, { __len: (L) => length(L) });
      return 1;
    },
    perf_buffer_poll_loop: (L) => pollLoop(L, 'perf_buffer_poll_loop'),
    kprobe_poll_loop: (L) => pollLoop(L, 'kprobe_poll_loop'),
    pipe(L) {
      pushObject(L, self<BPF>(L, 'pipe'), PIPE_METHODS);
      return 1;
    },
    trace_fields: (L) => traceFields(L),
    trace_print(L) {
      const format = toValue(L, 2);
      self<BPF>(L, 'trace_print').tracePrint(typeof format === 'string' ? format : undefined);
      return 0;
    },
    close: (L) => {
      self<BPF>(L, 'close').close();
      return 0;
    },
    load_func(L) {
      const b = self<BPF>(L, 'load_func');
      const given = namedArguments(L, 'load_func', ['func_name', 'prog_type', 'device', 'attach_type'], 2);
      const { device, attach_type } = given as { device?: string; attach_type?: number };
      pushFunc(L, b.loadFunc(String(given['func_name']), progType(given['prog_type']), device, attach_type));
      return 1;
    },
    attach_iter(L) {
      const b = self<BPF>(L, 'attach_iter');
      const { args } = SURFACE.find((row) => row.name === 'attach_iter')!;
      pushObject(L, b.attachIter(namedArguments(L, 'attach_iter', [...args], 2)), ITER_METHODS);
      return 1;
    },
    load_funcs(L) {
      const b = self<BPF>(L, 'load_funcs');
      const { prog_type } = namedArguments(L, 'load_funcs', ['prog_type'], 2);
      const funcs = b.loadFuncs(progType(prog_type));
      lua.lua_createtable(L, funcs.length, 0);
      funcs.forEach((func, i) => {
        pushFunc(L, func);
        lua.lua_rawseti(L, -2, i + 1);
      });
      return 1;
    },
    cleanup: (L) => closeAll(L, opened),
  };
}

/** "BPF_PROG_TYPE_KPROBE", as BCC's Lua says, or a number. */
function progType(given: unknown): number | string {
  return typeof given === 'string'
    ? given.toLowerCase().replace(/^bpf_prog_type_/, '')
    : ((given ?? BPF.KPROBE) as number);
}

/** What an iterator writes: its next part, or nothing at the end; all that is left, as one string. */
const ITER_METHODS: Record<string, LuaFunction> = {
  read(L) {
    pushValue(L, self<IterOutput>(L, 'read').read());
    return 1;
  },
  text(L) {
    pushValue(L, self<IterOutput>(L, 'text').text());
    return 1;
  },
  close(L) {
    self<IterOutput>(L, 'close').close();
    return 0;
  },
};

/** A loaded function: an object with its name, and what attach_func, attach_raw_socket and prog arrays take. */
function pushFunc(L: LuaState, func: Func): void {
  pushObject(L, func, {});
  pushValue(L, func.name);
  lua.lua_setfield(L, -2, toLua('name'));
  pushValue(L, func.handle.fd);
  lua.lua_setfield(L, -2, toLua('fd'));
}

/** Deliver events for ever: Ctrl-C and the source's end come out as in every blocking call. */
function pollLoop(L: LuaState, method: string): number {
  const b = self<BPF>(L, method);
  for (;;) b.perfBufferPoll();
}

/** task, pid, cpu, flags, ts, msg of the next message; nothing when nonblocking and none is there. */
function traceFields(L: LuaState): number {
  const b = self<BPF>(L, 'trace_fields');
  const nonblocking = lua.lua_toboolean(L, 2);
  for (;;) {
    const line = b.traceReadline(nonblocking);
    if (line === undefined) return 0;
    const fields = parseTraceLine(line);
    if (!fields) continue;
    for (const name of TRACE_FIELD_NAMES) pushValue(L, fields[name]);
    return TRACE_FIELD_NAMES.length;
  }
}

const PIPE_METHODS: Record<string, LuaFunction> = {
  open: again,
  close: () => 0,
  readline(L) {
    pushValue(L, self<BPF>(L, 'readline').traceReadline(lua.lua_toboolean(L, 2)));
    return 1;
  },
  trace_fields: traceFields,
};

function length(L: LuaState): number {
  lua.lua_pushnumber(L, self<Table>(L, 'size').size);
  return 1;
}

/** Array keys may count from the end: -1 is the last. */
function keyOf(L: LuaState, table: Table, at: number): unknown {
  const key = toValue(L, at);
  return table.isArray && typeof key === 'number' && key < 0 ? table.maxEntries + key : key;
}

/** An iterator function over what a generator yields. */
function pushIterator(L: LuaState, items: Iterator<readonly unknown[]>): number {
  lua.lua_pushcfunction(L, (L) => {
    const next = items.next();
    if (next.done) {
      lua.lua_pushnil(L);
      return 1;
    }
    for (const value of next.value) pushValue(L, value);
    return next.value.length;
  });
  return 1;
}

/** The addresses of the stack whose id is the method's argument, or what the function behind it makes of each. */
function framesOf(L: LuaState, table: Table, method: string): Iterable<unknown> {
  const resolve = lua.lua_type(L, 3) === lua.LUA_TFUNCTION ? callback(L, 3, method) : undefined;
  return table.walk(lua.lua_tonumber(L, 2), resolve);
}

/** A table that counts from 1, as Lua's lists do. */
function pushList(L: LuaState, items: Iterable<unknown>): number {
  lua.lua_createtable(L, 0, 0);
  const list = lua.lua_gettop(L);
  let i = 0;
  for (const item of items) {
    pushValue(L, item);
    lua.lua_rawseti(L, list, ++i);
  }
  return 1;
}

function* mapped<T>(
  items: Iterable<T>,
  f: (item: T, index: number) => readonly unknown[],
): Generator<readonly unknown[]> {
  let index = 0;
  for (const item of items) yield f(item, index++);
}

/** A Lua function at a stack index as a JavaScript one. Lua errors in it come out through the call under way. */
function callback(L: LuaState, at: number, method: string): (...args: unknown[]) => unknown {
  if (lua.lua_type(L, at) !== lua.LUA_TFUNCTION) luaError(L, `${method}: a function is needed`);
  lua.lua_pushvalue(L, at);
  const ref = lauxlib.luaL_ref(L, lua.LUA_REGISTRYINDEX);
  return (...args) => {
    lua.lua_rawgeti(L, lua.LUA_REGISTRYINDEX, ref);
    for (const arg of args) pushValue(L, arg);
    lua.lua_call(L, args.length, 1);
    const result = toValue(L, -1);
    lua.lua_pop(L, 1);
    return result;
  };
}

/** An event as a Lua table where its C type is known, its bytes otherwise. */
function eventOf(table: Table, data: Uint8Array): unknown {
  return table.map.spec.eventType ? table.event(data) : data;
}

/** Methods that take and give plain values: positions as in the list of names. */
function plainTableMethods(): Record<string, LuaFunction> {
  const methods: Record<string, LuaFunction> = {};
  for (const row of SURFACE) {
    if (row.owner !== 'Table') continue;
    methods[row.name] = (L) => {
      const table = self<Table>(L, row.name) as unknown as Record<string, (...args: unknown[]) => unknown>;
      const args = row.args.map((_, i) => toValue(L, 2 + i));
      return pushResult(L, row, table[camelCase(row.name)]!(...args));
    };
  }
  return methods;
}

const pushEntries: LuaFunction = (L) =>
  pushIterator(
    L,
    mapped(self<Table>(L, 'items').entries(), (entry) => entry),
  );
const pushLeaves: LuaFunction = (L) =>
  pushIterator(
    L,
    mapped(self<Table>(L, 'values').values(), (leaf) => [leaf]),
  );

export const TABLE_METHODS: Record<string, LuaFunction> = {
  ...plainTableMethods(),
  iteritems: pushEntries,
  itervalues: pushLeaves,
  event(L) {
    const data = lua.lua_tostring(L, 2);
    if (!data) luaError(L, 'event: the bytes of an event are needed');
    pushValue(L, self<Table>(L, 'event').event(data!));
    return 1;
  },
  walk(L) {
    return pushIterator(
      L,
      mapped(framesOf(L, self<Table>(L, 'walk'), 'walk'), (frame) => [frame]),
    );
  },
  // BCC's Lua: open_perf_buffer(callback, data_type, params, page_cnt, lost_cb); the callback gets (cpu, event).
  open_perf_buffer(L) {
    const table = self<Table>(L, 'open_perf_buffer');
    const call = callback(L, 2, 'open_perf_buffer');
    const pages = [4, 5].map((at) => toValue(L, at)).find((value) => typeof value === 'number') as number | undefined;
    const lost = lua.lua_type(L, 6) === lua.LUA_TFUNCTION ? callback(L, 6, 'open_perf_buffer') : undefined;
    const ctype = toValue(L, 3);
    const decode = typeof ctype === 'string' ? table.eventAs(ctype) : (data: Uint8Array) => eventOf(table, data);
    table.openPerfBuffer((cpu, data) => call(cpu, decode(data)), {
      ...(pages !== undefined && { pageCnt: pages }),
      ...(lost && { lostCb: (count: number) => lost(count) }),
    });
    return 0;
  },
  open_ring_buffer(L) {
    const table = self<Table>(L, 'open_ring_buffer');
    const call = callback(L, 2, 'open_ring_buffer');
    table.openRingBuffer((_ctx, data) => call(eventOf(table, data)));
    return 0;
  },
  get(L) {
    const table = self<Table>(L, 'get');
    // A stack is a list of what it walks over: stacks:get(id, resolve).
    if (table.type === 'stack_trace') return pushList(L, framesOf(L, table, 'get'));
    pushValue(L, table.get(keyOf(L, table, 2)));
    return 1;
  },
  set(L) {
    const table = self<Table>(L, 'set');
    table.set(keyOf(L, table, 2), toValue(L, 3));
    return 0;
  },
  delete(L) {
    const table = self<Table>(L, 'delete');
    lua.lua_pushboolean(L, table.delete(keyOf(L, table, 2)));
    return 1;
  },
  size: length,
  keys: (L) =>
    pushIterator(
      L,
      mapped(self<Table>(L, 'keys').keys(), (key) => [key]),
    ),
  values: pushLeaves,
  items(L) {
    const table = self<Table>(L, 'items');
    // Arrays give the leaves alone, or with an index from 1 when asked: BCC's array:items(with_index).
    if (!table.isArray) return pushEntries(L);
    return pushIterator(
      L,
      mapped(table.values(), lua.lua_toboolean(L, 2) ? (leaf, i) => [i + 1, leaf] : (leaf) => [leaf]),
    );
  },
  clear(L) {
    self<Table>(L, 'clear').clear();
    return 0;
  },
  zero(L) {
    self<Table>(L, 'zero').zero();
    return 0;
  },
};
