/** BCC's C: data helpers, output to user space, events. Each on the model kernel, moved by the workload of connects. */
import { afterEach, describe, expect, it } from 'vitest';
import { setSession } from '../../core/bcc/session.ts';
import { values, world } from './bench.ts';

afterEach(() => setSession(undefined));

/** Values that a body leaves: number of slots checked, what they are. */
const BODIES: readonly (readonly [title: string, body: string, expected: readonly bigint[], decls?: string])[] = [
  [
    'pid and tgid are the halves of one number [C.data.bpf_get_current_pid_tgid]',
    'u64 id = bpf_get_current_pid_tgid(); OUT(0, id >> 32); OUT(1, (u32)id);',
    [1000n, 1000n],
  ],
  [
    'uid is the low half [C.data.bpf_get_current_uid_gid]',
    'u64 id = bpf_get_current_uid_gid(); OUT(0, (u32)id); OUT(1, id >> 32);',
    [1000n, 1000n],
  ],
  [
    'comm fills a char array [C.data.bpf_get_current_comm]',
    'char comm[16] = {}; bpf_get_current_comm(&comm, sizeof(comm)); OUT(0, comm[0]); OUT(1, comm[5]); OUT(2, comm[6]);',
    [BigInt('c'.charCodeAt(0)), BigInt('t'.charCodeAt(0)), 0n],
  ],
  [
    'log2 of a number is its histogram slot [C.data.bpf_log2l C.data.log2]',
    'OUT(0, bpf_log2l(0)); OUT(1, bpf_log2l(1)); OUT(2, bpf_log2l(1024)); OUT(3, bpf_log2l(0xffffffffffffffffULL)); OUT(4, bpf_log2(64)); OUT(5, bpf_log2(0x80000000));',
    [1n, 1n, 11n, 64n, 6n, 31n],
  ],
  ['the CPU is that of the event [C.data.smp_id]', 'OUT(0, bpf_get_smp_processor_id() + 7);', [7n]],
  ['CPUs are a constant of the program [C.data.num_cpus]', 'OUT(0, bpf_num_cpus());', [1n]],
  [
    'memory of the kernel is read, and -EFAULT where there is none [C.data.bpf_probe_read_kernel]',
    'u16 family = 0; u64 x = 0; OUT(0, bpf_probe_read_kernel(&family, sizeof(family), &sk->__sk_common.skc_family)); OUT(1, family); OUT(2, -bpf_probe_read_kernel(&x, 8, (void *)0xffff880000000000ULL));',
    [0n, 10n, 14n],
  ],
  [
    'strings of the kernel are read to their end [C.data.bpf_probe_read_kernel_str C.data.bpf_get_current_task]',
    'struct task_struct *t = (struct task_struct *)bpf_get_current_task(); char c[8]; OUT(0, bpf_probe_read_kernel_str(c, sizeof(c), t->comm)); OUT(1, c[3]); OUT(2, t->tgid);',
    [7n, BigInt('e'.charCodeAt(0)), 1000n],
  ],
  [
    'the old names read too [C.data.probe_read_legacy]',
    'u16 family = 0; OUT(0, bpf_probe_read(&family, sizeof(family), &sk->__sk_common.skc_family)); OUT(1, family); char c[16]; struct task_struct *t = (void *)bpf_get_current_task(); OUT(2, bpf_probe_read_str(c, 16, &t->comm));',
    [0n, 10n, 7n],
  ],
  [
    'byte orders turn [C.data.hton]',
    'OUT(0, bpf_htons(0x1234)); OUT(1, ntohl(0x11223344)); OUT(2, htons(1)); OUT(3, bpf_ntohl(1));',
    [0x3412n, 0x44332211n, 256n, 0x1000000n],
  ],
  [
    'atomic additions count [C.data.lock_xadd]',
    'lock_xadd(&total, 3); __sync_fetch_and_add(&total, 4); OUT(0, total);',
    [35n],
    'static u64 total = 0;',
  ],
  [
    'pointers of the kernel are followed, two hops and addresses too [C.rw.deref C.rw.chain2 C.rw.addrof]',
    'struct task_struct *t = (struct task_struct *)bpf_get_current_task(); OUT(0, t->real_parent->tgid); OUT(1, t->nsproxy->uts_ns->name.nodename[0] != 0); OUT(2, sk->__sk_common.skc_family); u32 tgid = 0; bpf_probe_read_kernel(&tgid, 4, &t->tgid); OUT(3, tgid);',
    [1n, 1n, 10n, 1000n],
  ],
  [
    'headers, versions and configuration as BCC has them [C.env.includes C.env.version C.env.ifdef_cfg C.env.inline_attr C.env.randstruct C.env.section_attr]',
    'OUT(0, twice(21)); OUT(1, LINUX_VERSION_CODE >= KERNEL_VERSION(6, 1, 0)); OUT(2, NR); OUT(3, sizeof(struct packed));',
    [42n, 1n, 4n, 5n],
    `#include <linux/sched.h>
#include <uapi/linux/ptrace.h>
#define randomized_struct_fields_start struct {
#ifdef CONFIG_SMP
#define NR 4
#else
#define NR 5
#endif
struct packed { char a; u32 b; } __attribute__((packed));
static __always_inline int twice(int x) { return 2 * x; }`,
  ],
];

describe('what programs can ask', () => {
  it.each(BODIES.map(([title, ...rest]) => [title, rest] as const))('%s', (_title, [body, expected, decls]) => {
    expect(values(body, decls).slice(0, expected.length)).toEqual(expected);
  });

  it('the clock goes forward [C.data.bpf_ktime_get_ns]', () => {
    const [first, second] = values('OUT(0, bpf_ktime_get_ns()); OUT(1, bpf_ktime_get_ns());');
    expect(first).toBeGreaterThan(1_000_000_000n);
    expect(second).toBeGreaterThanOrEqual(first!);
  });

  it('random numbers differ, and repeat with the seed [C.data.bpf_get_prandom_u32]', () => {
    const once = values('OUT(0, bpf_get_prandom_u32()); OUT(1, bpf_get_prandom_u32());');
    expect(once[0]).not.toBe(once[1]);
    expect(values('OUT(0, bpf_get_prandom_u32()); OUT(1, bpf_get_prandom_u32());')).toEqual(once);
  });

  it('cgroup ids and pid namespaces [C.data.cgroup_id C.data.bpf_get_ns_current_pid_tgid]', () => {
    const out = values(
      `OUT(0, bpf_get_current_cgroup_id() != 0);
       struct bpf_pidns_info ns = {};
       struct task_struct *t = (struct task_struct *)bpf_get_current_task();
       OUT(1, t->nsproxy->pid_ns_for_children->ns.inum != 0);
       OUT(2, -bpf_get_ns_current_pid_tgid(1, 1, &ns, sizeof(ns)));
       OUT(3, bpf_get_ns_current_pid_tgid(4, t->nsproxy->pid_ns_for_children->ns.inum, &ns, sizeof(ns)));
       OUT(4, ns.tgid);`,
    );
    expect(out.slice(0, 5)).toEqual([1n, 1n, 22n, 0n, 1000n]);
  });

  it('user memory is read, strings to their end [C.data.bpf_probe_read_user C.data.bpf_probe_read_user_str]', () => {
    const { bpf } = world((w) => {
      const t = w.spawn({ comm: 'reader' });
      const text = Buffer.from('hello\0');
      t.pass('uprobe:/bin/app:say', { args: [0x7000n], memory: [[0x7000n, text]] });
    });
    const b = bpf(`BPF_ARRAY(out, u64, 4);
int say(struct pt_regs *ctx) {
  char text[8] = {};
  int zero = 0, one = 1, two = 2;
  u64 n = bpf_probe_read_user_str(text, sizeof(text), (void *)PT_REGS_PARM1(ctx));
  out.update(&zero, &n);
  char second = 0;
  bpf_probe_read_user(&second, 1, (void *)PT_REGS_PARM1(ctx) + 1);
  u64 v = second; out.update(&one, &v);
  return 0;
}`);
    b.attachUprobe({ name: '/bin/app', sym: 'say', fnName: 'say' });
    b.wait();
    const out = b.getTable<number, bigint>('out');
    expect([out.get(0), out.get(1)]).toEqual([6n, BigInt('e'.charCodeAt(0))]);
  });
});

describe('what programs send', () => {
  it('trace lines with a format [C.out.trace_printk]', () => {
    const { bpf } = world();
    const b = bpf(
      'int kprobe__tcp_v4_connect(void *ctx) { char s[4] = "abc"; bpf_trace_printk("n %d s %s x %llx\\n", -5, s, 0xfULL); return 0; }',
    );
    expect([...b.traceFields()][0]?.msg).toBe('n -5 s abc x f');
  });

  it('records of perf buffers, with the type that was sent [C.out.perf_output C.out.perf_submit P.map.event P.map.open_perf_buffer X.open_perf_buffer_close_get_poll_perf_buffer P.out.perf_buffer_poll]', () => {
    const { bpf } = world();
    const b = bpf(`struct data { u32 pid; u64 ts; char comm[16]; };
BPF_PERF_OUTPUT(events);
int kprobe__tcp_v4_connect(struct pt_regs *ctx) {
  struct data d = {};
  d.pid = bpf_get_current_pid_tgid() >> 32;
  d.ts = 0xffffffffffULL;
  bpf_get_current_comm(&d.comm, sizeof(d.comm));
  events.perf_submit(ctx, &d, sizeof(d));
  return 0;
}`);
    const seen: unknown[] = [];
    const events = b.getTable('events');
    events.openPerfBuffer((cpu, data, size) => seen.push([cpu, size, events.event(data)]));
    expect(b.perfBufferPoll()).toBeGreaterThan(0);
    // The kernel pads a record so that its size field and it are whole words together.
    expect(seen[0]).toEqual([0, 36, { pid: 1000, ts: 0xffffffffffn, comm: 'client' }]);
  });

  it('records of ring buffers: whole, reserved, discarded, counted [C.out.ringbuf_output_decl C.out.ringbuf_output C.out.ringbuf_reserve C.out.ringbuf_submit C.out.ringbuf_discard C.out.ringbuf_query P.map.open_ring_buffer P.out.ring_buffer_poll P.out.ring_buffer_consume]', () => {
    const { bpf } = world();
    const b = bpf(`struct data { u64 n; };
BPF_RINGBUF_OUTPUT(ring, 2);
int kprobe__tcp_v4_connect(struct pt_regs *ctx) {
  struct data d = { .n = 1 };
  ring.ringbuf_output(&d, sizeof(d), 0);
  struct data *r = ring.ringbuf_reserve(sizeof(struct data));
  if (!r) return 0;
  r->n = ring.ringbuf_query(BPF_RB_RING_SIZE);
  ring.ringbuf_submit(r, 0);
  r = ring.ringbuf_reserve(sizeof(struct data));
  if (!r) return 0;
  ring.ringbuf_discard(r, 0);
  return 0;
}`);
    const seen: bigint[] = [];
    const ring = b.getTable('ring');
    ring.openRingBuffer((_ctx, data) => seen.push(ring.event<{ n: bigint }>(data).n));
    b.ringBufferPoll();
    expect(seen.slice(0, 2)).toEqual([1n, 8192n]);
    expect(b.wait()).toBe('ended');
    b.ringBufferConsume();
    expect(seen).toHaveLength(10);
  });
});

describe('where programs run', () => {
  const count = (text: string, name = 'n') => {
    const { bpf } = world('shell');
    const b = bpf(text);
    b.wait();
    const out = [...b.getTable<number, bigint>(name).values()].reduce((sum, n) => sum + n, 0n);
    b.close();
    return Number(out);
  };
  const N = 'BPF_ARRAY(n, u64, 1);\n#define COUNT() { int zero = 0; n.increment(zero); }\n';

  it.each([
    [
      'functions on entry and return by their names [C.ev.kprobe_prefix C.ev.kretprobe_prefix C.ev.ptregs_rc C.ev.ptregs_other P.init.autoload]',
      'int kprobe__do_sys_openat2(struct pt_regs *ctx) { if (PT_REGS_IP(ctx) && PT_REGS_SP(ctx)) COUNT(); return 0; } int kretprobe__do_sys_openat2(struct pt_regs *ctx) { if ((long)PT_REGS_RC(ctx) > -4096) COUNT(); return 0; }',
    ],
    [
      'arguments of functions as parameters, and by register [C.ev.kprobe_args C.ev.ptregs_parm]',
      'int kprobe__do_sys_openat2(struct pt_regs *ctx, int dfd, const char *name) { if (dfd == (int)PT_REGS_PARM1(ctx) && (u64)name == PT_REGS_PARM2(ctx)) COUNT(); return 0; }',
    ],
    [
      'tracepoints with their arguments by name [C.ev.tracepoint_probe]',
      'TRACEPOINT_PROBE(syscalls, sys_enter_openat) { if (args->filename) COUNT(); return 0; }',
    ],
    [
      'structs of tracepoints by name [C.ev.tp_struct]',
      'int tracepoint__syscalls__sys_enter_openat(struct tracepoint__syscalls__sys_enter_openat *args) { if (args->filename) COUNT(); return 0; }',
    ],
    [
      'raw tracepoints [C.ev.raw_tp]',
      'RAW_TRACEPOINT_PROBE(sys_enter) { if (ctx->args[1] == 257) COUNT(); return 0; }',
    ],
    [
      'system calls with their own arguments [C.ev.syscall_prefix]',
      'int syscall__openat(struct pt_regs *ctx, int dfd, const char __user *name) { if (dfd == -100) COUNT(); return 0; }',
    ],
    [
      'functions by BTF, on entry and with their result [C.ev.kfunc C.ev.kretfunc]',
      'KFUNC_PROBE(do_sys_openat2, int dfd) { if (dfd == -100) COUNT(); return 0; } KRETFUNC_PROBE(do_sys_openat2, int dfd, const char *name, struct open_how *how, long ret) { if (ret > -4096) COUNT(); return 0; }',
    ],
    [
      'registers of a system call inside its wrapper [C.ev.ptregs_syscall]',
      'int kprobe____x64_sys_openat(struct pt_regs *ctx) { struct pt_regs *inner = PT_REGS_SYSCALL_CTX(ctx); if ((int)PT_REGS_PARM1_SYSCALL(inner) == -100) COUNT(); return 0; }',
    ],
    [
      'strings behind tracepoints [C.ev.tp_data_loc]',
      'TRACEPOINT_PROBE(sched, sched_process_exec) { char name[32]; TP_DATA_LOC_READ_STR(&name, filename, sizeof(name)); if (name[0] == 47) COUNT(); return 0; }',
    ],
    [
      'licences of their own [C.license]',
      '#define BPF_LICENSE GPL\nint kprobe__do_sys_openat2(void *ctx) { COUNT(); return 0; }',
    ],
  ])('%s', (_title, text) => {
    const attach = text.includes('int syscall__') ? 'int kprobe__x { }' : '';
    expect(attach === '' ? count(N + text) : syscalls(N + text)).toBeGreaterThan(0);
  });

  function syscalls(text: string): number {
    const { bpf } = world('shell');
    const b = bpf(text);
    b.attachKprobe({ event: b.getSyscallFnname('openat'), fnName: 'syscall__openat' });
    b.wait();
    return Number(b.getTable<number, bigint>('n').get(0));
  }
});
