/**
 * Many events through a callback: a program on the model kernel sends them, the object model hands each to a TypeScript function that decodes the
 * whole of it; beside that Python, whose ctypes callback is called from C once a record, casts and reads every field, as BCC's Python does.
 * CPU time of the process (its collector's threads too), not the clock's, so that other work on the machine counts little.
 */
import { spawnSync } from 'node:child_process';
import { compileFunction } from '../../bindings/node/compile-function.ts';
import { shippedBtfBytes } from '../../bindings/node/shipped-btf.ts';
import { BPF } from '../../core/bcc/bpf.ts';
import { sessionIfAny, setFunctionCompiler, setSession } from '../../core/bcc/session.ts';
import { readBtf } from '../../core/btf/read.ts';
import { ModelBackend } from '../../core/model/backend.ts';
import { defineWorkload, WorkloadSource } from '../../core/model/workload/workload.ts';

/** Records of one system call, system calls between two polls: 10,000 records a poll. */
const BURST = 500;
const CALLS_A_POLL = 20;

/** 61 names, as many as a machine has that does something. */
const program = (output: string, send: string): string => `
struct event { u64 ts; u32 pid, tid, uid, ret; u64 a, b; char comm[16]; };
${output}
int kprobe__do_sys_openat2(struct pt_regs *ctx) {
  struct event e = {};
  u64 id = bpf_get_current_pid_tgid();
  e.pid = id >> 32;
  e.tid = id;
  e.uid = bpf_get_current_uid_gid();
  e.ts = bpf_ktime_get_ns();
  bpf_get_current_comm(&e.comm, sizeof(e.comm));
  for (int i = 0; i < ${BURST}; i++) {
    e.ret = i;
    e.a = (u64)i << 40;
    e.b = e.a + i;
    e.comm[5] = 'A' + i % 61;
    ${send};
  }
  return 0;
}`;

const PERF = program('BPF_PERF_OUTPUT(events);', 'events.perf_submit(ctx, &e, sizeof(e))');
const RING = program('BPF_RINGBUF_OUTPUT(events, 512);', 'events.ringbuf_output(&e, sizeof(e), 0)');

interface Event {
  ts: bigint;
  pid: number;
  tid: number;
  uid: number;
  ret: number;
  a: bigint;
  b: bigint;
  comm: string;
}

/** ns of CPU time an event. */
export interface EventCallbacks {
  readonly count: number;
  readonly perf: number;
  readonly ring: number;
  /** `b.events()`: objects, without a callback of the caller's. */
  readonly stream: number;
  /** Two fields of each record, read lazily. */
  readonly lazy: number;
  /** undefined: no Python here. */
  readonly ctypes: number | undefined;
}

type Way = 'perf' | 'ring' | 'stream' | 'lazy';

export function measureCallbacks(count = 1_000_000): EventCallbacks {
  const bursts = Math.ceil(count / BURST);
  const records = bursts * BURST;
  const btf = readBtf(shippedBtfBytes());
  // What a process does often is compiled by then. Compiling is other threads' time, which this counts: all that is measured is compiled before any is.
  for (const way of ['perf', 'ring', 'stream', 'lazy'] as const) deliver(way, Math.min(bursts, 200), btf);
  const time = (way: Way): number => deliver(way, bursts, btf) / records;
  return {
    count: records,
    perf: time('perf'),
    ring: time('ring'),
    stream: time('stream'),
    lazy: time('lazy'),
    ctypes: ctypes(records),
  };
}

/** ns that reading took. Throws when a record is missing or wrong. */
function deliver(way: Way, bursts: number, btf: ReturnType<typeof readBtf>): number {
  const workload = defineWorkload('bursts', 'bursts of events', (world) => {
    const task = world.spawn({ comm: 'proc-x-worker', pid: 4711 });
    for (let i = 0; i < bursts; i++) task.open('/etc/hosts');
  });
  const backend = new ModelBackend({ btf, source: new WorkloadSource(workload, { cpus: 1 }), release: '6.1.0' });
  const session = sessionIfAny();
  setFunctionCompiler(compileFunction);
  setSession({
    backend: () => backend,
    print: () => {},
    warn: (line) => {
      throw new Error(line);
    },
  });
  try {
    const b = new BPF({ text: way === 'ring' ? RING : PERF });
    const table = b.getTable('events');
    let seen = 0;
    let sum = 0;
    const take = (e: Event): void => {
      seen++;
      sum += e.ret + (e.comm.length - 13);
    };
    if (way === 'ring') table.openRingBuffer((_ctx, data) => take(table.event<Event>(data)));
    else if (way === 'perf') table.openPerfBuffer((_cpu, data) => take(table.event<Event>(data)), { pageCnt: 512 });
    else if (way === 'lazy')
      table.openPerfBuffer(
        (_cpu, data) => {
          const e = table.eventView<Event>(data);
          seen++;
          sum += e.ret + (e.pid - 4711);
        },
        { pageCnt: 512 },
      );
    const stream = way === 'stream' ? b.events<Event>('events', { pageCnt: 512 })[Symbol.iterator]() : undefined;
    let ns = 0;
    for (let done = 0; done < bursts; ) {
      for (let i = 0; i < CALLS_A_POLL && done < bursts; i++, done++) backend.wait(-1);
      const before = process.cpuUsage();
      if (stream) for (const until = done * BURST; seen < until; ) take(stream.next().value as Event);
      else if (way === 'ring') b.ringBufferConsume();
      else b.perfBufferConsume();
      const used = process.cpuUsage(before);
      ns += (used.user + used.system) * 1000;
    }
    b.close();
    if (seen !== bursts * BURST || sum !== (bursts * (BURST * (BURST - 1))) / 2)
      throw new Error(`${way}: ${seen} events came of ${bursts * BURST}, their sum is ${sum}`);
    return ns;
  } finally {
    setSession(session);
  }
}

// lfind(3) calls its comparison once an element: C calls Python as libbcc does, with a pointer to the record.
const PYTHON = `
import ctypes as ct, sys, time
class Event(ct.Structure):
    _fields_ = [('ts', ct.c_uint64), ('pid', ct.c_uint32), ('tid', ct.c_uint32), ('uid', ct.c_uint32), ('ret', ct.c_uint32),
                ('a', ct.c_uint64), ('b', ct.c_uint64), ('comm', ct.c_char * 16)]
count = int(sys.argv[1])
block = 10000
records = (Event * block)()
for i in range(block):
    r = records[i]
    r.ts = 1000000000 + i; r.pid = r.tid = 4711; r.ret = i % 500; r.a = (i % 500) << 40; r.b = r.a + i % 500
    r.comm = b'proc-%c-worker' % (65 + i % 61)
seen = 0
def callback(cpu, data, size):
    global seen
    e = ct.cast(data, ct.POINTER(Event)).contents
    x = (e.ts, e.pid, e.tid, e.uid, e.ret, e.a, e.b, e.comm)
    seen += 1
def raw(_, data):
    try:
        callback(0, data, 56)
    except IOError:
        sys.exit(1)
    return 1
lfind = ct.CDLL(None).lfind
kind = ct.CFUNCTYPE(ct.c_int, ct.c_void_p, ct.c_void_p)
lfind.argtypes = [ct.c_void_p, ct.c_void_p, ct.c_void_p, ct.c_size_t, kind]
called, n = kind(raw), ct.c_size_t(block)
start = time.process_time_ns()
for i in range(count // block):
    lfind(None, records, ct.byref(n), 56, called)
print((time.process_time_ns() - start) / seen)
`;

function ctypes(count: number): number | undefined {
  const { status, stdout } = spawnSync('python3', ['-c', PYTHON, String(count)], { encoding: 'utf8' });
  return status === 0 ? Number(stdout) : undefined;
}
