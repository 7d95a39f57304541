/** The rows of methods.ts in every frontend: each says what it says, and all say the same. */
import { afterEach, describe, expect, it } from 'vitest';
import { BPF } from '../../core/bcc/bpf.ts';
import { Func } from '../../core/bcc/func.ts';
import { camelCase } from '../../core/bcc/options.ts';
import { setSession } from '../../core/bcc/session.ts';
import { SURFACE } from '../../core/bcc/surface.ts';
import { Table } from '../../core/bcc/table.ts';
import { runLuaScript } from '../../frontends/lua/index.ts';
import { bench } from '../bcc/model.ts';
import { METHOD_ROWS, type MethodRow, type Plain, type Step } from './methods.ts';

afterEach(() => setSession(undefined));

/** What a frontend answered to one step: a value as text, an error's message, lines. */
interface Answer {
  readonly value?: string;
  readonly error?: string;
  readonly printed: readonly string[];
}

/** Values as text: JSON but for sorted keys, and numbers of any width without quotes. */
function show(value: unknown): string {
  if (value === undefined || value === null) return 'null';
  if (value instanceof BPF || value instanceof Table || value instanceof Func) return '"object"';
  if (Array.isArray(value)) return `[${value.map(show).join(',')}]`;
  if (typeof value === 'object') {
    const pairs = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
    return pairs.length === 0 ? '[]' : `{${pairs.map(([k, v]) => `${k}:${show(v)}`).join(',')}}`;
  }
  return typeof value === 'string' ? `"${value}"` : String(value);
}

const sorted = (values: readonly string[]): string => `[${[...values].sort().join(',')}]`;

function inTypeScript({ text, steps }: MethodRow): Answer[] {
  const { printed } = bench('connects');
  const b = new BPF({ text });
  const answer = (step: Step): string => {
    const object = (step.on === undefined ? b : b.getTable(step.on)) as unknown as Record<
      string,
      (...args: unknown[]) => unknown
    >;
    const args = Array.isArray(step.args) ? step.args : step.args === undefined ? [] : [step.args];
    const result = object[camelCase(step.call)]!(...args);
    if (step.each) return sorted([...(result as Iterable<unknown>)].map(show));
    // What answers nothing of its own may chain, or not.
    return chains(step) ? '"object"' : show(result);
  };
  const answers = steps.map((step): Answer => {
    if (step === 'run') return b.wait() === 'ended' ? { printed: [] } : { error: 'it did not end', printed: [] };
    const before = printed.length;
    try {
      const value = answer(step);
      return { value, printed: printed.slice(before) };
    } catch (error) {
      return { error: (error as Error).message, printed: printed.slice(before) };
    }
  });
  b.close();
  return answers;
}

const chains = (step: Step): boolean => /^(attach|detach)_/.test(step.call);

/** A value as Lua writes it. */
function lua(value: Plain): string {
  if (value === null) return 'nil';
  if (typeof value === 'bigint') return `${value}ULL`;
  if (Array.isArray(value)) return `{${value.map(lua).join(', ')}}`;
  if (typeof value === 'object')
    return `{${Object.entries(value)
      .map(([k, v]) => `${k} = ${lua(v)}`)
      .join(', ')}}`;
  if (typeof value === 'number' && value > 0x7fffffff) return `${value}ULL`;
  return typeof value === 'string' ? JSON.stringify(value) : String(value);
}

const LUA_AIDS = `
local function show(v)
  if v == nil then return "null" end
  if type(v) == "string" then return '"' .. v .. '"' end
  if type(v) ~= "table" then return (tostring(v):gsub("U?LL$", "")) end
  if getmetatable(v) then return '"object"' end
  local out = {}
  -- C's arrays count from 0.
  if v[0] ~= nil then
    for i = 0, #v do out[i + 1] = show(v[i]) end
    return "[" .. table.concat(out, ",") .. "]"
  end
  if #v > 0 or next(v) == nil then
    for i = 1, #v do out[i] = show(v[i]) end
    return "[" .. table.concat(out, ",") .. "]"
  end
  for k, x in pairs(v) do out[#out + 1] = k .. ":" .. show(x) end
  table.sort(out)
  return "{" .. table.concat(out, ",") .. "}"
end
local function sorted(list)
  table.sort(list)
  return "[" .. table.concat(list, ",") .. "]"
end
local function step(f)
  local ok, value = pcall(f)
  print(ok and "\\1" .. value or "\\2" .. tostring(value))
end
`;

function inLua({ text, steps }: MethodRow): Answer[] {
  const { printed } = bench('connects');
  const lines = steps.map((step) => {
    if (step === 'run') return 'io.read() print("\\1")';
    const object = step.on === undefined ? 'b' : `b:get_table("${step.on}")`;
    const args = Array.isArray(step.args)
      ? `(${step.args.map(lua).join(', ')})`
      : step.args === undefined
        ? '()'
        : lua(step.args as Plain);
    const call = `${object}:${step.call}${args}`;
    if (step.each === 'pairs')
      return `step(function() local out = {} for k, v in ${call} do out[#out + 1] = show({k, v}) end return sorted(out) end)`;
    if (step.each === 'values')
      return `step(function() local out = {} for v in ${call} do out[#out + 1] = show(v) end return sorted(out) end)`;
    return `step(function() return show(${call}) end)`;
  });
  let out = '';
  const answers: Answer[] = [];
  let before = 0;
  const write = (bytes: Uint8Array): void => {
    out += Buffer.from(bytes).toString('utf8');
    // An answer begins with a mark; whatever it has after that may be of many lines, up to the next one.
    if (!out.endsWith('\n')) return;
    const mark = out[0];
    const body = out.slice(1, -1);
    answers.push({ ...(mark === '\u0001' ? { value: body } : { error: body }), printed: printed.slice(before) });
    before = printed.length;
    out = '';
  };
  runLuaScript({
    name: 'row.lua',
    text: `${LUA_AIDS}local b = BPF:new{ text = ${JSON.stringify(text).replaceAll('\\n', '\\n')} }\n${lines.join('\n')}\n`,
    args: [],
    output: { write: (_fd, bytes) => write(bytes) },
  });
  return answers;
}

const FRONTENDS = { TypeScript: inTypeScript, Lua: inLua } as const;

describe.each(METHOD_ROWS.map((row) => [row.what, row] as const))('%s', (_what, row) => {
  const said = new Map<string, readonly Answer[]>();

  it.each(Object.entries(FRONTENDS))('in %s', (name, run) => {
    const answers = run(row);
    said.set(name, answers);
    expect(answers.length).toBe(row.steps.length);
    for (const [i, step] of row.steps.entries()) {
      const { value, error, printed } = answers[i]!;
      if (step === 'run') {
        expect(error).toBeUndefined();
        continue;
      }
      const where = `step ${i}: ${step.on ?? 'b'}.${step.call}(${show(step.args)})`;
      if (step.throws !== undefined) {
        expect(error, where).toContain(step.throws);
        continue;
      }
      expect(error, where).toBeUndefined();
      if (step.prints) expect(printed.slice(0, step.prints.length), where).toEqual(step.prints);
      if (step.says === undefined) continue;
      const list = step.each ? sorted((step.says as readonly Plain[]).map(show)) : show(step.says);
      expect(value, where).toBe(list);
    }
  });

  it('the same everywhere', () => {
    const [first, ...others] = [...said.values()];
    for (const other of others)
      for (const [i, step] of row.steps.entries()) {
        if (step === 'run' || step.throws !== undefined) continue;
        const where = `step ${i}: ${step.on ?? 'b'}.${step.call}`;
        expect([other[i]!.value, other[i]!.printed], where).toEqual([first![i]!.value, first![i]!.printed]);
      }
  });
});

/** Names that no row can call with plain values, and the test that has them. */
const ELSEWHERE: Readonly<Record<string, readonly string[]>> = {
  'every row': ['BPF.get_table'],
  'surface.test.ts': [
    'BPF.cleanup',
    'BPF.close',
    'BPF.sym',
    'BPF.ksym',
    'BPF.monotonic_time',
    'Table.open_perf_buffer',
    'BPF.trace_fields',
  ],
  'parity/python-usdt.test.ts': [
    'BPF.attach_uprobe',
    'BPF.attach_uretprobe',
    'BPF.detach_uprobe',
    'BPF.detach_uretprobe',
    'BPF.get_user_addresses',
    'BPF.get_user_functions_and_addresses',
  ],
  'parity/packets.test.ts': [
    'BPF.attach_raw_socket',
    'BPF.attach_xdp',
    'BPF.remove_xdp',
    'BPF.attach_func',
    'BPF.detach_func',
  ],
  'parity/c-data.test.ts': ['Table.open_ring_buffer', 'Table.event', 'BPF.ring_buffer_poll'],
  'parity/c-maps.test.ts': ['Table.walk', 'Table.open_perf_event', 'Table.get_fd'],
  'bcc/trace.test.ts': ['BPF.trace_print', 'BPF.trace_open'],
  'parity/python-bpf.test.ts': [
    'BPF.attach_perf_event',
    'BPF.detach_perf_event',
    'BPF.attach_perf_event_raw',
    'BPF.kprobe_poll',
    'BPF.dump_func',
  ],
};

describe('the rows', () => {
  it('call names of the list alone', () => {
    const called = METHOD_ROWS.flatMap((row) =>
      row.steps.flatMap((s) => (s === 'run' ? [] : [`${s.on ? 'Table' : 'BPF'}.${s.call}`])),
    );
    // Mappings: get, set and delete are not of the list, since Python writes them as subscripts.
    const known = new Set([...SURFACE.map((r) => `${r.owner}.${r.name}`), 'Table.get', 'Table.set', 'Table.delete']);
    expect(called.filter((name) => !known.has(name))).toEqual([]);
    const missing = SURFACE.map((r) => `${r.owner}.${r.name}`).filter(
      (n) => !called.includes(n) && !Object.values(ELSEWHERE).flat().includes(n),
    );
    expect(missing).toEqual([]);
  });
});
