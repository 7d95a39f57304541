/** bcc Lua: the object model under BCC's Lua names (`return function(BPF, utils)`), on the model. */
import { afterEach, describe, expect, it } from 'vitest';
import { currentSession, setSession } from '../../core/bcc/session.ts';
import type { World } from '../../core/model/workload/workload.ts';
import { runLuaScript } from '../../frontends/lua/index.ts';
import { world } from './bench.ts';
import { elfImage } from './elf-image.ts';

afterEach(() => setSession(undefined));

const APP = '/opt/usdt-app';

/** What a script printed. `body` is what `function(BPF, utils)` holds. */
function lua(body: string, script: string | ((w: World) => void) = 'connects'): string[] {
  const { printed } = world(script);
  const { readFile } = currentSession();
  const image = elfImage({ notes: [{ provider: 'app', name: 'go', address: 0x401040n, args: '4@%edi' }] });
  setSession({ ...currentSession(), readFile: (path) => (path === APP ? image : readFile!(path)) });
  let out = '';
  runLuaScript({
    name: 'test.lua',
    text: `return function(BPF, utils)\n${body}\nend`,
    args: [],
    output: { write: (_fd, bytes) => (out += Buffer.from(bytes).toString('utf8')) },
  });
  return [...printed, ...out.split('\n').slice(0, -1)];
}

const TEXT = `
local text = [[
struct key { u32 pid; char comm[16]; };
struct event { u32 pid; u64 n; };
BPF_HASH(counts, struct key, u64);
BPF_ARRAY(slots, u32, 4);
BPF_PERF_OUTPUT(events);
BPF_STACK_TRACE(stacks, 64);
int count(struct pt_regs *ctx) {
  struct key k = {};
  k.pid = bpf_get_current_pid_tgid() >> 32;
  bpf_get_current_comm(&k.comm, sizeof(k.comm));
  counts.increment(k);
  struct event e = { k.pid, 5 };
  events.perf_submit(ctx, &e, sizeof(e));
  int zero = 0;
  u32 id = stacks.get_stackid(ctx, 0);
  slots.update(&zero, &id);
  bpf_trace_printk("pid %d", k.pid);
  return 0;
}
]]
`;
const ATTACHED = `${TEXT}local b = BPF:new{ text = text, cflags = {"-DX=1"} }
b:attach_kprobe{ event = "tcp_v4_connect", fn_name = "count" }
`;

describe('bcc Lua', () => {
  it('makes programs and attaches them [L.new L.attach_kprobe L.num_open L.poll]', () => {
    expect(
      lua(`${ATTACHED}print(b:num_open_kprobes(), BPF.num_open_kprobes ~= nil, type(BPF.cleanup), BPF.script_root(b) == b)
print(pcall(b.perf_buffer_poll_loop, b))
local r = BPF:new{ text = "int f(struct pt_regs *ctx) { return 0; }" }
r:attach_kprobe{ event = "tcp_v4_connect", fn_name = "f", retprobe = true, maxactive = 4 }
print(r:num_open_kprobes())`),
    ).toEqual(['1\tfalse\tfunction\ttrue', expect.stringContaining('false\t'), '1']);
  });

  it('reads what iterators write', () => {
    expect(
      lua(`
local b = BPF:new{ text = [[
BPF_ARRAY(t, u32, 3);
BPF_ITER(bpf_map_elem) {
  u32 *key = ctx->key;
  if (!key) return 0;
  u64 words[1] = { *key };
  bpf_seq_printf(ctx->meta->seq, "slot %d\\n", 9, words, sizeof(words));
  return 0;
}]] }
io.write(b:attach_iter{ fn_name = 'bpf_map_elem', map = 't' }:text())
local parts = b:attach_iter('bpf_map_elem', 't')
print(parts:read())
print(parts:read())
parts:close()`),
    ).toEqual(['slot 0', 'slot 1', 'slot 2', 'slot 0', 'slot 1', 'slot 2', '', 'nil']);
  });

  it('attaches functions of programs [L.attach_uprobe]', () => {
    expect(
      lua(
        `local b = BPF:new{ text = [[BPF_ARRAY(n, u64, 2);
int f(struct pt_regs *ctx) { int i = 0; n.increment(i, PT_REGS_PARM1(ctx)); return 0; }
int g(struct pt_regs *ctx) { int i = 1; n.increment(i, PT_REGS_RC(ctx)); return 0; }]] }
b:attach_uprobe{ name = "/opt/x", sym = "go", fn_name = "f", pid = 50 }
b:attach_uprobe{ name = "/opt/x", sym = "go", fn_name = "g", retprobe = true }
print(b:num_open_uprobes())
io.read()
print(b:get_table("n"):get(0), b:get_table("n"):get(1))`,
        (w) => {
          for (const pid of [50, 51]) {
            const t = w.spawn({ comm: 'x', pid });
            t.pass('uprobe:/opt/x:go', { args: [3] });
            t.pass('uretprobe:/opt/x:go', { ret: 4 });
          }
        },
      ),
    ).toEqual(['2', '3ULL\t8ULL']);
  });

  it('loads functions and shows their instructions [L.load_func L.dump_func]', () => {
    expect(
      lua(`${TEXT}local b = BPF:new{ text = text }
local f = b:load_func("count", "BPF_PROG_TYPE_KPROBE")
print(f.name, f.fd > 0, #b:load_funcs("BPF_PROG_TYPE_KPROBE"), #b:dump_func("count") % 8)`),
    ).toEqual(['count\ttrue\t1\t0']);
  });

  it('reads and writes tables [L.get_table L.t.items L.t.getset L.fmtmod]', () => {
    expect(
      lua(`${ATTACHED}io.read()
local lines = {}
for k, v in b:get_table("counts"):items() do lines[#lines + 1] = "%s %d %s" % { k.comm, k.pid, tostring(v) } end
table.sort(lines)
print(table.concat(lines, "; "))
local n = 0
for k in b:get_table("counts"):keys() do n = n + k.pid end
local slots = b:get_table("slots")
slots:set(1, 7)
print(n, slots:get(1), slots:size(), slots:delete(1), slots:get(1))
print(b:get_table("slots", "u32", "struct { u16 lo; u16 hi; }"):get(2).hi)`),
    ).toEqual(['client 1000 2ULL; curl 1001 3ULL', '2001\t7\t4\ttrue\t0', '0']);
  });

  it('writes keys and leaves as text and reads them back [L.t.sprintf]', () => {
    expect(
      lua(`${TEXT}local t = BPF:new{ text = text }:get_table("counts")
local s = t:key_sprintf{ pid = 5, comm = "x" }
print(s, t:key_scanf(s).pid, t:leaf_sprintf(16), t:leaf_scanf("0x10"))`),
    ).toEqual(['{ 0x5 "x" }\t5\t0x10\t16ULL']);
  });

  it('delivers events, by the program’s type or one written in C [L.t.open_perf_buffer]', () => {
    expect(
      lua(`${ATTACHED}local seen = {}
b:get_table("events"):open_perf_buffer(function(cpu, e) seen[#seen + 1] = e.pid .. " " .. tostring(e.n) end, "struct { uint32_t pid; uint64_t n; }", nil, 8, function(n) end)
while #seen < 5 do b:perf_buffer_poll() end
print(seen[1], seen[2], #seen)`),
    ).toEqual(['1000 5ULL\t1001 5ULL\t5']);
  });

  it('walks stacks and names addresses [L.t.walk L.syms]', () => {
    expect(
      lua(`${ATTACHED}io.read()
local syms = BPF.SymbolCache(-1)
local names = {}
for addr in b:get_table("stacks"):walk(b:get_table("slots"):get(0)) do names[#names + 1] = (syms:resolve(addr)) end
print(names[1], #names > 3)
for name in b:get_table("stacks"):walk(b:get_table("slots"):get(0), function(a) return BPF.ksym(a) end) do print(name) break end
local stack = b:get_table("stacks"):get(b:get_table("slots"):get(0), function(a) return (syms:resolve(a)) end)
print(stack[1], #stack == #names, stack[0])`),
    ).toEqual(['tcp_v4_connect\ttrue', 'tcp_v4_connect', 'tcp_v4_connect\ttrue\tnil']);
  });

  it('reads the trace pipe [L.pipe]', () => {
    expect(
      lua(`${ATTACHED}local task, pid, cpu, flags, ts, msg = b:pipe():trace_fields()\nprint(task, pid, cpu, msg)`),
    ).toEqual(['client\t1000\t0\tpid 1000']);
  });

  it('enables probes of programs [L.usdt]', () => {
    expect(
      lua(
        `local u = utils.USDT:new{ path = "${APP}" }
u:enable_probe{ probe = "go", fn_name = "go" }
print(u:enumerate_probes()[0].name)
local b = BPF:new{ usdt = u, text = [[BPF_ARRAY(n, u64, 1);
int go(struct pt_regs *ctx) { int z = 0; u32 v = 0; bpf_usdt_readarg(1, ctx, &v); n.increment(z, v); return 0; }]] }
io.read()
print(b:get_table("n"):get(0))`,
        (w) => w.spawn({ comm: 'app' }).pass(`uprobe:${APP}:+${0x1040}`, { regs: { di: 9n, ip: 0x401040n } }),
      ),
    ).toEqual(['go', '9ULL']);
  });

  it('has clock, sleep and CPUs [L.posix]', () => {
    expect(
      lua(`local p = utils.posix
local before = p.time_ns()
print(pcall(p.sleep, 0.05))
print(p.time_ns() > before, p.cpu_count() > 0)`),
    ).toEqual(['true', 'true\ttrue']);
  });
});
