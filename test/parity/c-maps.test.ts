/** BCC's C: the map macros and the methods on maps. Programs on the model kernel, then what user space finds. */
import { afterEach, describe, expect, it } from 'vitest';
import type { BPF } from '../../core/bcc/bpf.ts';
import { setSession } from '../../core/bcc/session.ts';
import { world } from './bench.ts';

afterEach(() => setSession(undefined));

/** Runs a body at each tcp_v4_connect and gives the program; `decls` has the tables. */
function ran(decls: string, body: string): BPF {
  const { bpf } = world();
  const b = bpf(`${decls}\nint kprobe__tcp_v4_connect(struct pt_regs *ctx, struct sock *sk) {\n${body}\nreturn 0;\n}`);
  b.wait();
  return b;
}

const entries = (b: BPF, name = 't') =>
  [...b.getTable<unknown, unknown>(name).entries()].sort((x, y) => (String(x[0]) < String(y[0]) ? -1 : 1));
const PID = 'u32 pid = bpf_get_current_pid_tgid() >> 32; u64 one = 1;';

const CASES: readonly (readonly [title: string, decls: string, body: string, check: (b: BPF) => void])[] = [
  [
    'hash by type string, and its default size [C.map.table C.mm.update]',
    'BPF_TABLE("hash", u32, u64, t, 10);',
    `${PID} t.update(&pid, &one);`,
    (b) =>
      expect(entries(b)).toEqual([
        [1000, 1n],
        [1001, 1n],
      ]),
  ],
  [
    'flags of a table [C.map.f_table]',
    'BPF_F_TABLE("hash", u32, u64, t, 10, BPF_F_NO_PREALLOC);',
    `${PID} t.update(&pid, &one);`,
    (b) => {
      expect(b.getTable('t').map.spec.flags).toBe(1);
      expect(entries(b)).toHaveLength(2);
    },
  ],
  [
    'BPF_HASH with one to four arguments, and increment [C.map.BPF_HASH C.mm.increment C.mm.increment2]',
    'BPF_HASH(t); BPF_HASH(u, u32); BPF_HASH(v, u32, u32); BPF_HASH(w, u32, u32, 5);',
    `${PID} u64 k = pid; t.increment(k); u.increment(pid, 3); v.increment(pid); w.increment(pid, 2);`,
    (b) => {
      expect([entries(b), entries(b, 'u'), entries(b, 'v'), entries(b, 'w')]).toEqual([
        [
          [1000n, 2n],
          [1001n, 3n],
        ],
        [
          [1000, 6n],
          [1001, 9n],
        ],
        [
          [1000, 2],
          [1001, 3],
        ],
        [
          [1000, 4],
          [1001, 6],
        ],
      ]);
      expect(b.getTable('t').maxEntries).toBe(10240);
      expect(b.getTable('w').maxEntries).toBe(5);
    },
  ],
  [
    'BPF_ARRAY and atomic increments [C.map.BPF_ARRAY X.get_array_table C.mm.atomic_increment]',
    'BPF_ARRAY(t, u64, 4);',
    'int k = 2; t.atomic_increment(k); t.atomic_increment(k, 10);',
    (b) =>
      expect(entries(b)).toEqual([
        [0, 0n],
        [1, 0n],
        [2, 55n],
        [3, 0n],
      ]),
  ],
  [
    'BPF_HISTOGRAM of slots, and of sections [C.map.BPF_HISTOGRAM]',
    'struct k { u32 pid; u32 slot; }; BPF_HISTOGRAM(t); BPF_HISTOGRAM(s, struct k);',
    `${PID} t.increment(bpf_log2l(pid)); struct k k = { pid, 3 }; s.increment(k);`,
    (b) => {
      expect(b.getTable('t').type).toBe('array');
      expect(b.getTable<number, bigint>('t').get(10)).toBe(5n);
      expect(b.getTable('s').type).toBe('hash');
      expect(b.getTable('s').size).toBe(2);
    },
  ],
  [
    'per-CPU tables [C.map.BPF_PERCPU_HASH C.map.BPF_PERCPU_ARRAY X.get_percpu_array_table]',
    'BPF_PERCPU_HASH(t, u32); BPF_PERCPU_ARRAY(a, u64, 2);',
    `${PID} t.increment(pid); int k = 1; a.increment(k);`,
    (b) => {
      expect(entries(b)).toEqual([
        [1000, [2n]],
        [1001, [3n]],
      ]);
      expect(entries(b, 'a')).toEqual([
        [0, [0n]],
        [1, [5n]],
      ]);
    },
  ],
  [
    'LRU tables forget the oldest [C.map.lru]',
    'BPF_TABLE("lru_hash", u32, u64, t, 1); BPF_TABLE("lru_percpu_hash", u32, u64, p, 8);',
    `${PID} t.update(&pid, &one); p.update(&pid, &one);`,
    (b) => {
      expect(entries(b).length).toBeGreaterThan(0);
      expect(entries(b, 'p')).toEqual([
        [1000, [1n]],
        [1001, [1n]],
      ]);
    },
  ],
  [
    'LPM tries find the longest prefix [C.map.BPF_LPM_TRIE]',
    'struct k { u32 len; u8 a[4]; }; BPF_LPM_TRIE(t, struct k, u64, 8); BPF_ARRAY(out, u64, 1);',
    `struct k net = { 8, { 10 } }, host = { 32, { 10, 1, 1, 1 } }; u64 v = 8; t.update(&net, &v);
     u64 *p = t.lookup(&host); int z = 0; if (p) out.update(&z, p);`,
    (b) => expect(b.getTable<number, bigint>('out').get(0)).toBe(8n),
  ],
  [
    'queues and stacks from programs [C.map.BPF_QUEUE C.map.BPF_STACK C.mm.push C.mm.pop C.mm.peek]',
    'BPF_QUEUE(q, u32, 8); BPF_STACK(s, u32, 8); BPF_ARRAY(out, u32, 3);',
    `${PID} u32 v = 0; int z = 0, o = 1, w = 2; q.push(&pid, BPF_EXIST); s.push(&pid, BPF_EXIST);
     if (!q.peek(&v)) out.update(&z, &v); if (pid == 1001) { if (!q.pop(&v)) out.update(&o, &v); if (!s.pop(&v)) out.update(&w, &v); }`,
    (b) => {
      expect([...b.getTable<number, number>('out').values()]).toEqual([1001, 1001, 1001]);
      expect([...b.getTable<void, number>('q').drain()]).toEqual([1001, 1000]);
    },
  ],
  [
    'lookups, in all their forms [C.mm.lookup C.mm.lookup_or_try_init C.mm.insert C.mm.delete]',
    'BPF_HASH(t, u32, u64); BPF_HASH(gone, u32, u64);',
    `${PID} u64 zero = 0; t.insert(&pid, &zero); u64 *v = t.lookup(&pid); if (v) *v += 1;
     v = t.lookup_or_try_init(&pid, &one); if (v) *v += 100; gone.insert(&pid, &one); gone.delete(&pid);`,
    (b) => {
      expect(entries(b)).toEqual([
        [1000, 202n],
        [1001, 303n],
      ]);
      expect(entries(b, 'gone')).toEqual([]);
    },
  ],
  [
    'lookup_or_init, which leaves the program when it fails [C.mm.lookup_or_init]',
    'BPF_HASH(t, u32, u64);',
    `${PID} u64 zero = 0; u64 *v = t.lookup_or_init(&pid, &zero); (*v)++;`,
    (b) =>
      expect(entries(b)).toEqual([
        [1000, 2n],
        [1001, 3n],
      ]),
  ],
  [
    'raw helpers on a table [C.data.rawmap]',
    'BPF_HASH(t, u32, u64);',
    `${PID} bpf_map_update_elem((void *)bpf_pseudo_fd(1, t.map_fd), &pid, &one, BPF_ANY);`,
    () => {},
  ],
  [
    'stack traces, and ids of them [C.map.BPF_STACK_TRACE C.mm.get_stackid P.map.walk X.get_stack_table P.help.ksym]',
    'BPF_STACK_TRACE(stacks, 128); BPF_HASH(t, u32, int);',
    `${PID} int id = stacks.get_stackid(ctx, 0); t.update(&pid, &id);`,
    (b) => {
      const id = b.getTable<number, number>('t').get(1001)!;
      expect([...b.getTable('stacks').walk(id, (a) => b.ksym(a))].slice(0, 2)).toEqual([
        'tcp_v4_connect',
        '__inet_stream_connect',
      ]);
    },
  ],
];

describe('tables', () => {
  it.each(
    CASES.filter(([title]) => !title.startsWith('raw')).map(([title, ...rest]) => [title, rest] as const),
  )('%s', (_title, [decls, body, check]) => check(ran(decls, body)));

  it('maps of maps: the program looks up the inner one by the raw helpers [C.map.BPF_ARRAY_OF_MAPS X.get_map_in_map_table C.map.BPF_HASH_OF_MAPS C.data.rawmap]', () => {
    const { bpf } = world();
    const b = bpf(`BPF_ARRAY(inner, u64, 2); BPF_ARRAY(other, u64, 2);
BPF_ARRAY_OF_MAPS(arr, "inner", 4); BPF_HASH_OF_MAPS(hash, u32, "inner", 4); BPF_ARRAY(out, u64, 1);
int kprobe__tcp_v4_connect(void *ctx) {
  int z = 0; u32 key = 7;
  void *m = arr.lookup(&z);
  if (m) { u64 *v = bpf_map_lookup_elem(m, &z); if (v) *v += 1; }
  m = hash.lookup(&key);
  if (m) { u64 *v = bpf_map_lookup_elem(m, &z); if (v) *v += 10; }
  return 0;
}`);
    b.getTable('arr').set(0, b.getTable('inner'));
    b.getTable('hash').set(7, b.getTable('other'));
    b.wait();
    expect([b.getTable('inner').get(0), b.getTable('other').get(0)]).toEqual([5n, 50n]);
  });

  it('prog arrays: tail calls [C.map.BPF_PROG_ARRAY X.get_prog_table C.mm.call P.ev.load_func P.map.__setitem__]', () => {
    const { bpf } = world();
    const b = bpf(`BPF_PROG_ARRAY(progs, 4); BPF_ARRAY(out, u64, 1);
int next(struct pt_regs *ctx) { int z = 0; out.increment(z, 100); return 0; }
int kprobe__tcp_v4_connect(struct pt_regs *ctx) { int z = 0; out.increment(z); progs.call(ctx, 2); out.increment(z, 1000); return 0; }`);
    b.getTable('progs').set(2, b.loadFunc('next', 2));
    b.wait();
    expect(b.getTable<number, bigint>('out').get(0)).toBe(505n);
  });

  it('pinned tables are shared by path [C.map.pinned]', () => {
    const { bpf } = world();
    const pinned = 'BPF_TABLE_PINNED("hash", u32, u64, t, 10, "/sys/fs/bpf/shared");';
    const first = bpf(`${pinned}\nint kprobe__tcp_v4_connect(void *ctx) { u32 k = 1; t.increment(k); return 0; }`);
    const second = bpf(pinned);
    first.wait();
    expect(second.getTable<number, bigint>('t').get(1)).toBe(5n);
  });

  it('tables of one program in another: public and extern [C.map.public X.TableStorage]', () => {
    const { bpf } = world();
    const first = bpf(
      'BPF_TABLE_PUBLIC("hash", u32, u64, t, 10);\nint kprobe__tcp_v4_connect(void *ctx) { u32 k = 1; t.increment(k); return 0; }',
    );
    const second = bpf(
      'BPF_TABLE("extern", u32, u64, t, 10);\nint kprobe__tcp_v4_connect(void *ctx) { u32 k = 2; t.increment(k); return 0; }',
    );
    first.wait();
    expect(entries(second)).toEqual(entries(first));
    expect(entries(first)).toHaveLength(2);
  });

  it('counters of perf events [C.map.BPF_PERF_ARRAY C.mm.perf_read C.mm.perf_counter_value P.map.open_perf_event X.open_perf_event_close_perf_event]', () => {
    const { bpf } = world();
    const b = bpf(`BPF_PERF_ARRAY(cnt, 1); BPF_ARRAY(out, u64, 3);
int kprobe__tcp_v4_connect(struct pt_regs *ctx) {
  int z = 0, o = 1, w = 2; u64 v = cnt.perf_read(0); out.update(&z, &v);
  struct bpf_perf_event_value pv = {}; u64 e = cnt.perf_counter_value(0, &pv, sizeof(pv)); out.update(&o, &e); out.update(&w, &pv.counter);
  return 0;
}`);
    const counters = b.getTable('cnt');
    expect(() => counters.openPerfEvent(0, 0)).toThrow('ENOENT');
    counters.openPerfEvent(1, 0);
    b.wait();
    const out = [...b.getTable<number, bigint>('out').values()];
    expect(out[0]).toBeGreaterThan(0n);
    expect(out[1]).toBe(0n);
    expect(out[2]).toBeGreaterThan(0n);
  });

  it('cgroup arrays: is the task below a cgroup [C.map.BPF_CGROUP_ARRAY X.get_cgroup_array C.mm.check_current_task]', () => {
    const { bpf } = world();
    const b = bpf(`BPF_CGROUP_ARRAY(cg, 2); BPF_ARRAY(out, u64, 2);
int kprobe__tcp_v4_connect(struct pt_regs *ctx) { int z = 0, o = 1; if (cg.check_current_task(0) > 0) out.increment(z); if (cg.check_current_task(1) > 0) out.increment(o); return 0; }`);
    b.getTable('cg').set(0, 1);
    b.wait();
    expect([...b.getTable<number, bigint>('out').values()]).toEqual([5n, 0n]);
  });

  it('storage on tasks [C.map.BPF_TASK_STORAGE X.get_task_storage_table C.mm.storage]', () => {
    const { bpf } = world();
    const b = bpf(`BPF_TASK_STORAGE(store, u64); BPF_ARRAY(out, u64, 1);
KFUNC_PROBE(tcp_v4_connect, struct sock *sk) {
  u64 zero = 0; struct task_struct *t = bpf_get_current_task_btf();
  u64 *v = store.task_storage_get(t, &zero, BPF_LOCAL_STORAGE_GET_F_CREATE);
  if (v) { *v += 1; int z = 0; out.update(&z, v); }
  return 0;
}`);
    b.wait();
    expect(b.getTable<number, bigint>('out').get(0)).toBe(2n);
    // User space asks by pidfd (the model: pid). The task is gone, and its storage with it.
    expect(b.getTable<number, bigint>('store').get(1000)).toBeUndefined();
  });

  it('stacks by build id [C.map.BPF_STACK_TRACE_BUILDID X.get_stackbuildid_table]', () => {
    const { bpf } = world((w) =>
      w
        .spawn({ comm: 'app' })
        .pass('uprobe:/bin/app:f', { stack: [{ address: 0x401000n, name: 'f', module: '/bin/app' }] }),
    );
    const b = bpf(`BPF_STACK_TRACE_BUILDID(stacks, 128); BPF_ARRAY(out, int, 1);
int f(struct pt_regs *ctx) { int z = 0; int id = stacks.get_stackid(ctx, BPF_F_USER_STACK); out.update(&z, &id); return 0; }`);
    b.attachUprobe({ name: '/bin/app', sym: 'f', fnName: 'f' });
    b.wait();
    const id = b.getTable<number, number>('out').get(0)!;
    expect(id).toBeGreaterThanOrEqual(0);
    // No file of this world has a build id: the kernel then keeps the address, and a walk ends there, as BCC's does.
    expect([...b.getTable('stacks').walk(id)]).toEqual([]);
  });
});
