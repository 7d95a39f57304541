import { afterEach, describe, expect, it } from 'vitest';
import { BPF } from '../../core/bcc/bpf.ts';
import { camelCase } from '../../core/bcc/options.ts';
import { setSession } from '../../core/bcc/session.ts';
import { SURFACE } from '../../core/bcc/surface.ts';
import { Table } from '../../core/bcc/table.ts';
import { runLuaScript } from '../../frontends/lua/index.ts';
import { BPF as NodeBPF } from '../../frontends/ts/index.ts';
import { bench } from '../bcc/model.ts';

afterEach(() => setSession(undefined));

/** Runs a Lua script on a workload; what it printed. */
function lua(workload: string, text: string): string {
  const { printed } = bench(workload);
  let out = '';
  runLuaScript({
    name: 'test.lua',
    text,
    args: ['first'],
    output: { write: (_fd, bytes) => (out += Buffer.from(bytes).toString('utf8')) },
  });
  return printed.map((line) => `${line}\n`).join('') + out;
}

describe('every public name', () => {
  it.each(
    SURFACE.map((row) => [`${row.owner}.${row.name}`, row] as const),
  )('%s is there in TypeScript and in Lua', (_name, row) => {
    const owner = row.owner === 'BPF' ? BPF : Table;
    expect(camelCase(row.name) in owner.prototype, camelCase(row.name)).toBe(true);
    if (row.kind === 'static') expect(camelCase(row.name) in owner).toBe(true);
    const made = 'local b = BPF:new{ text = "BPF_HASH(t, u32);" }\n';
    const object = row.owner === 'BPF' ? 'b' : 'b:get_table("t")';
    expect(lua('connects', `${made}print(type(${object}.${row.name}))`)).toBe('function\n');
  });

  it('of a program type is a number in both', () => {
    expect(lua('connects', 'print(BPF.KPROBE, BPF.XDP, BPF.RAW_TRACEPOINT)')).toBe(
      `${BPF.KPROBE}\t${BPF.XDP}\t${BPF.RAW_TRACEPOINT}\n`,
    );
  });
});

describe('the TypeScript frontend', () => {
  it('disposes at the end of a block', () => {
    bench('connects');
    const b = new NodeBPF({ text: 'BPF_HASH(t, u32);' });
    b[Symbol.dispose]();
    expect(() => b.getTable('t')).toThrow('closed');
  });
});

const COUNT = `
local text = [[
struct who { u32 pid; u64 big; char comm[16]; };
BPF_HASH(counts, struct who, u64);
BPF_ARRAY(slots, u32, 4);
int count(void *ctx) {
  struct who w = {};
  w.pid = bpf_get_current_pid_tgid() >> 32;
  w.big = 0xffffffffffffffffULL;
  bpf_get_current_comm(&w.comm, sizeof(w.comm));
  counts.increment(w);
  int zero = 0;
  slots.increment(zero);
  return 0;
}]]
`;

describe('the Lua frontend', () => {
  it('reads and writes tables', () => {
    const script = `${COUNT}
return function(BPF)
  local b = BPF:new{ text = text }
  b:attach_kprobe{ event = "tcp_v4_connect", fn_name = "count" }
  io.read()
  local lines = {}
  for key, value in b:get_table("counts"):items() do
    lines[#lines + 1] = "%s %d %s %s" % { key.comm, key.pid, tostring(key.big), tostring(value) }
  end
  table.sort(lines)
  print(table.concat(lines, "\\n"))
  local slots = b:get_table("slots")
  print(slots:get(0), slots:get(-1), slots:size())
  slots:set(-1, 7)
  print(slots:get(3))
  local n = 0
  for index, value in slots:items(true) do n = n + index * value end
  print(n, arg[1], arg[0])
end`;
    expect(lua('connects', script)).toBe(
      'client 1000 18446744073709551615ULL 2ULL\ncurl 1001 18446744073709551615ULL 3ULL\n5\t0\t4\n7\n33\tfirst\ttest.lua\n',
    );
  });

  it('attaches returns with retprobe = true, and chains', () => {
    const script = `
return function(BPF)
  local b = BPF:new{ text = 'int f(struct pt_regs *ctx) { bpf_trace_printk("ret %d", PT_REGS_RC(ctx)); return 0; }' }
  b:attach_kprobe{ event = "tcp_v4_connect", fn_name = "f", retprobe = true }
  local task, pid, cpu, flags, ts, msg = b:pipe():trace_fields()
  print(task, pid, type(cpu), #flags, type(ts), msg, b:num_open_kprobes())
end`;
    expect(lua('connects', script)).toBe('client\t1000\tnumber\t5\tnumber\tret 0\t1\n');
  });

  it('takes scripts of plain statements, and what pcall catches stays caught', () => {
    const script = `
local ok, message = pcall(function() BPF:new{ text = "int f(" } end)
print(ok, message:match("error:") ~= nil)
local ok2, message2 = pcall(function() BPF:new{ txt = "x" } end)
print(ok2, message2)
local b = BPF{ text = "BPF_HASH(t, u32);" }
print(b:get_table("t"):get(1), pcall(b.get_table, b, "u"))`;
    expect(lua('connects', script)).toBe(
      "false\ttrue\nfalse\ttest.lua:4: BPF:new: unknown argument 'txt'; it takes text, src_file, hdr_file, debug, cflags, usdt_contexts, usdt\nnil\tfalse\ttest.lua:7: there is no table 'u'; did you mean 't'?\n",
    );
  });

  it('ends a runaway script at Ctrl-C', () => {
    bench('connects');
    let asked = 0;
    expect(() =>
      runLuaScript({
        name: 'x.lua',
        text: 'while true do pcall(function() while true do end end) end',
        args: [],
        output: { write: () => {} },
        interrupted: () => ++asked > 3,
      }),
    ).toThrow('interrupted');
  });
});

describe('events and histograms in Lua', () => {
  const SEND = `
local text = [[
struct event { u32 pid; char comm[16]; };
BPF_PERF_OUTPUT(events);
BPF_HISTOGRAM(dist);
int kprobe__tcp_v4_connect(struct pt_regs *ctx) {
  struct event e = {};
  e.pid = bpf_get_current_pid_tgid() >> 32;
  bpf_get_current_comm(&e.comm, sizeof(e.comm));
  events.perf_submit(ctx, &e, sizeof(e));
  dist.increment(bpf_log2l(e.pid));
  return 0;
}]]
`;

  it('reach the callback as tables; the poll loop ends with the source', () => {
    const script = `${SEND}
local b = BPF:new{ text = text }
b:get_table("events"):open_perf_buffer(function(cpu, event) print(cpu, event.pid, event.comm) end, nil, nil, 16)
print(pcall(b.perf_buffer_poll_loop, b))
b:get_table("dist"):print_log2_hist("pids")
print(BPF.ksym(BPF.ksymname("tcp_v4_connect")), BPF.kernel_struct_has_field("task_struct", "pid"), b:support_kfunc())
print(BPF.SymbolCache(-1):resolve(BPF.ksymname("tcp_v4_connect")))`;
    const out = lua('connects', script).split('\n');
    expect(out.filter((line) => line.startsWith('0\t'))).toEqual([
      '0\t1000\tclient',
      ...Array(3).fill('0\t1001\tcurl'),
      '0\t1000\tclient',
    ]);
    expect(out.find((line) => line.startsWith('false'))).toContain('interrupted!');
    expect(out.some((line) => line.includes('512 -> 1023       : 5'))).toBe(true);
    expect(out).toContain('tcp_v4_connect\ttrue\ttrue');
    expect(out).toContain('tcp_v4_connect\t0');
  });

  it('give errors of a callback the line of the script', () => {
    const script = `${SEND}
local b = BPF:new{ text = text }
b:get_table("events"):open_perf_buffer(function(cpu, event) error("bad") end)
print(pcall(b.perf_buffer_poll, b))`;
    expect(lua('connects', script)).toContain('test.lua:16: bad');
  });
});
