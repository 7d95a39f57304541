/**
 * How many records of a perf buffer a TypeScript callback takes a second, beside Python's way (ctypes: cast to a struct, read its fields, as
 * BCC's scripts do): node scripts/dev-run.mjs test/live/rate.ts. A program sends them in bursts; received + lost must be what was sent.
 */
import { spawnSync } from 'node:child_process';
import { LinuxBackend } from '../../bindings/linux/backend.ts';
import { testRun } from '../../bindings/linux/bpf.ts';
import { compileFunction } from '../../bindings/node/compile-function.ts';
import { BPF } from '../../core/bcc/bpf.ts';
import { setFunctionCompiler, setSession } from '../../core/bcc/session.ts';

const ROUNDS = 60;
const RUNS = 100;
const BURST = 100;

const backend = new LinuxBackend();
setFunctionCompiler(compileFunction);
setSession({
  backend: () => backend,
  print: () => {},
  warn: () => {},
});
const b = new BPF({
  text: `
    struct event { u64 ts; u32 pid; u32 tid; u32 uid; int ret; u64 a; u64 b; char comm[16]; };
    BPF_PERF_OUTPUT(events);
    int flood(struct __sk_buff *ctx) {
        for (int i = 0; i < ${BURST}; i++) {
            struct event e = {};
            e.ts = bpf_ktime_get_ns(); e.pid = i; e.tid = 2; e.uid = 3; e.ret = -4; e.a = 5; e.b = 6;
            e.comm[0] = 'x';
            events.perf_submit(ctx, &e, sizeof(e));
        }
        return 0;
    }`,
});
const flood = b.loadFunc('flood', BPF.SOCKET_FILTER).handle.fd!;

function measure(name: string, take: (table: ReturnType<typeof b.getTable>, data: Uint8Array) => number): void {
  let received = 0;
  let lost = 0;
  let sum = 0;
  const table = b.getTable('events');
  let consumingNs = 0n;
  let best = Number.POSITIVE_INFINITY;
  table.openPerfBuffer(
    (_cpu, data) => {
      received++;
      sum += take(table, data);
    },
    { pageCnt: 256, lostCb: (count) => void (lost += count) },
  );
  for (let round = 0; round < ROUNDS; round++) {
    testRun(flood, { data: new Uint8Array(64), repeat: RUNS });
    const before = received;
    const start = process.hrtime.bigint();
    while (b.perfBufferConsume() > 0);
    const ns = process.hrtime.bigint() - start;
    consumingNs += ns;
    if (received - before > 1000) best = Math.min(best, Number(ns) / (received - before));
  }
  const sent = ROUNDS * RUNS * BURST;
  console.log(
    `${name}: ${(1000 / best).toFixed(2)} M events/s at best (${best.toFixed(0)} ns), ${((received * 1000) / Number(consumingNs)).toFixed(2)} M/s over all; sent ${sent}, received ${received}, lost ${lost}${received + lost === sent ? '' : '  DO NOT ADD UP'}`,
  );
  if (Number.isNaN(sum)) throw new Error('unreachable');
}

type Event = { ts: bigint; pid: number; tid: number; uid: number; ret: number; a: bigint; b: bigint; comm: string };
const way = process.argv[2] ?? 'decoded';
if (way === 'decoded')
  measure('skep, decoded, 8 fields read', (table, data) => {
    const e = table.event<Event>(data);
    return Number(e.ts & 1n) + e.pid + e.tid + e.uid + e.ret + Number(e.a) + Number(e.b) + e.comm.length;
  });
else measure('skep, bytes', (_table, data) => data[0]!);
b.close();
backend.close();

const python = `
import ctypes as ct, time
class Event(ct.Structure):
    _fields_ = [("ts", ct.c_ulonglong), ("pid", ct.c_uint), ("tid", ct.c_uint), ("uid", ct.c_uint), ("ret", ct.c_int), ("a", ct.c_ulonglong), ("b", ct.c_ulonglong), ("comm", ct.c_char * 16)]
buffer = Event(1, 2, 3, 4, 5, 6, 7, b"x")
CALLBACK = ct.CFUNCTYPE(None, ct.py_object, ct.c_void_p, ct.c_int)
total = 0
def on_event(cpu, data, size):
    global total
    e = ct.cast(data, ct.POINTER(Event)).contents
    total += (e.ts & 1) + e.pid + e.tid + e.uid + e.ret + e.a + e.b + len(e.comm.decode("utf-8", "replace"))
callback = CALLBACK(on_event)
address = ct.addressof(buffer)
best = 1e9
for r in range(10):
    t = time.perf_counter()
    for i in range(50000): callback(0, address, 64)
    best = min(best, (time.perf_counter() - t) / 50000)
direct = 1e9
for r in range(10):
    t = time.perf_counter()
    for i in range(50000): on_event(0, address, 64)
    direct = min(direct, (time.perf_counter() - t) / 50000)
print("python ctypes: %.2f M events/s at best (%.0f ns; %.0f ns without the step from C)" % (1e-6 / best, best * 1e9, direct * 1e9))
`;
process.stdout.write(spawnSync('python3', ['-c', python], { encoding: 'utf8' }).stdout);
