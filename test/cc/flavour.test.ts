/** BCC's flavour: what programs are, where their arguments come from, how pointers are read, what maps and methods become. */
import { describe, expect, it } from 'vitest';
import { helperById } from '../../core/helpers/index.ts';
import type { ObjectSpec, ProgSpec } from '../../core/spec/spec.ts';
import { KERNEL } from './kernel.ts';
import { compileOk, diagnose } from './run-c.ts';

const flavoured = (text: string): ObjectSpec => compileOk(text, KERNEL);

/** Names of the helpers a program calls, in the order of its instructions. */
function calls(prog: ProgSpec | undefined): string {
  const names: string[] = [];
  const view = new DataView(prog!.insns.buffer, prog!.insns.byteOffset);
  for (let at = 0; at < prog!.insns.length; at += 8) {
    const op = prog!.insns[at]!;
    if (op === 0x85 && prog!.insns[at + 1]! >> 4 === 0) names.push(helperById(view.getInt32(at + 4, true))!.name);
    if (op === 0x18) at += 8;
  }
  return names.join(' ');
}

/** The helpers called by the only program of a text. */
const called = (text: string): string => calls(flavoured(text).progs[0]);

describe('programs', () => {
  it.each([
    ['int kprobe__vfs_read(struct pt_regs *ctx) { return 0; }', 'kprobe', undefined, 'kprobe vfs_read'],
    ['int kretprobe__vfs_read(struct pt_regs *ctx) { return 0; }', 'kprobe', undefined, 'kretprobe vfs_read'],
    [
      'TRACEPOINT_PROBE(sched, sched_switch) { return args->next_pid; }',
      'tracepoint',
      undefined,
      'tracepoint sched:sched_switch',
    ],
    [
      'RAW_TRACEPOINT_PROBE(sched_switch) { return ctx->args[0]; }',
      'raw_tracepoint',
      undefined,
      'raw_tracepoint sched_switch',
    ],
    ['KFUNC_PROBE(vfs_read, struct file *f) { return 0; }', 'tracing', 'trace_fentry', 'kfunc vfs_read'],
    [
      'KRETFUNC_PROBE(vfs_read, struct file *f, char *b, size_t n, loff_t *p, ssize_t ret) { return ret; }',
      'tracing',
      'trace_fexit',
      'kretfunc vfs_read',
    ],
    ['KMOD_RET(f, int a) { return a; }', 'tracing', 'modify_return', 'fmod_ret f'],
    ['LSM_PROBE(bpf, int cmd) { return cmd; }', 'lsm', 'lsm_mac', 'lsm bpf'],
    ['MODULE_KFUNC_PROBE(nf, fn, int a) { return a; }', 'tracing', 'trace_fentry', 'kfunc nf:fn'],
    ['int f(struct xdp_md *ctx) { return XDP_PASS; }', 'xdp', undefined, undefined],
    ['int f(struct __sk_buff *skb) { return skb->len; }', 'socket_filter', undefined, undefined],
    ['int f(struct bpf_perf_event_data *ctx) { return 0; }', 'perf_event', undefined, undefined],
    ['int f(void *ctx) { return 0; }', 'kprobe', undefined, undefined],
    [
      'SEC("tp/sched/sched_switch") int f(void *ctx) { return 0; }',
      'tracepoint',
      undefined,
      'tracepoint sched:sched_switch',
    ],
    ['unsigned long entry(unsigned char *mem, unsigned long len) { return len; }', 'unspec', undefined, undefined],
  ])('%s', (text, type, attachType, attach) => {
    const [prog, ...more] = flavoured(text).progs;
    expect(more).toEqual([]);
    expect([prog!.type, prog!.attachType, prog!.attach && `${prog!.attach.kind} ${prog!.attach.target}`]).toEqual([
      type,
      attachType,
      attach,
    ]);
    expect(prog!.license).toBe('GPL');
  });

  it('leaves static and inline functions to their callers', () => {
    const { progs } = flavoured(
      'static int a(void) { return 1; }\ninline int b(void) { return 2; }\nint f(void *ctx) { return a() + b(); }',
    );
    expect(progs.map((p) => p.name)).toEqual(['f']);
    expect(progs[0]!.funcs).toHaveLength(1);
  });

  it('keeps functions marked noinline as calls', () => {
    const [prog] = flavoured(
      'static __attribute__((noinline)) int a(u64 x) { return x * 3; }\nint f(struct pt_regs *ctx) { return a(ctx->ax); }',
    ).progs;
    expect(prog!.funcs.map((f) => f.name)).toEqual(['f', 'a']);
  });
});

describe('pointers', () => {
  const sk = 'struct sock *sk';
  it.each([
    [
      'kernel arguments are read by helper',
      `int kprobe__f(struct pt_regs *ctx, ${sk}) { return sk->__sk_common.skc_num; }`,
      'probe_read_kernel',
    ],
    [
      'each hop is a read',
      'int kprobe__f(struct pt_regs *ctx, struct file *f) { return f->f_path.dentry->d_parent->d_name.len; }',
      'probe_read_kernel probe_read_kernel probe_read_kernel',
    ],
    [
      'addresses are not reads',
      'int kprobe__f(struct pt_regs *ctx, struct file *f) { u32 n = 0; bpf_probe_read_kernel(&n, sizeof(n), &f->f_path.dentry); return n; }',
      'probe_read_kernel',
    ],
    [
      'the current task',
      'int f(void *ctx) { struct task_struct *t = (void *)bpf_get_current_task(); return t->real_parent->tgid; }',
      'get_current_task probe_read_kernel probe_read_kernel',
    ],
    ['__user says user', 'int kprobe__f(struct pt_regs *ctx, int __user *p) { return *p; }', 'probe_read_user'],
    [
      'system call arguments are in the inner registers, and user memory',
      'int syscall__openat2(struct pt_regs *ctx, int dfd, const char __user *name, struct open_how *how) { return how->flags; }',
      'probe_read_kernel probe_read_user',
    ],
    [
      'attached by hand: either space',
      `int f(struct pt_regs *ctx, ${sk}) { return sk->__sk_common.skc_num; }`,
      'probe_read',
    ],
    [
      'through casts and integers',
      'int kprobe__f(struct pt_regs *ctx) { u64 a = PT_REGS_PARM1(ctx); struct tcp_sock *tp = (struct tcp_sock *)(void *)a; return tp->srtt_us; }',
      'probe_read_kernel',
    ],
    [
      'stack pointers are followed',
      'struct d { u32 a; u32 b; };\nint f(void *ctx) { struct d x = { 1, 2 }, *p = &x; return p->b + (&x)->a; }',
      '',
    ],
    [
      'map values are followed, pointers kept in them are read',
      `BPF_HASH(m, u32, struct sock *);\nint kprobe__f(struct pt_regs *ctx) { u32 k = 0; struct sock **p = m.lookup(&k); if (!p) return 0; struct sock *s = *p; return s->sk_protocol; }`,
      'map_lookup_elem probe_read_kernel',
    ],
    [
      'pointers in structs on the stack',
      `struct d { struct sock *s; };\nint kprobe__f(struct pt_regs *ctx, ${sk}) { struct d x = {}; x.s = sk; return x.s->sk_protocol; }`,
      'probe_read_kernel',
    ],
    [
      'static functions see the space of their arguments',
      `static int num(${sk}) { return sk->sk_protocol; }\nint kprobe__f(struct pt_regs *ctx, ${sk}) { struct sock x = {}; return num(sk); }`,
      'probe_read_kernel',
    ],
    [
      'the same function on stack memory reads directly',
      'struct d { int a; };\nstatic int get(struct d *p) { return p->a; }\nint f(struct pt_regs *ctx) { struct d x = { 4 }; return get(&x); }',
      '',
    ],
    [
      'arrays inside kernel structs',
      'int kprobe__f(struct pt_regs *ctx, struct task_struct *t) { return t->comm[2]; }',
      'probe_read_kernel',
    ],
    [
      'struct copies',
      'int kprobe__f(struct pt_regs *ctx, struct sock *sk) { struct in6_addr a = sk->__sk_common.skc_v6_daddr; return a.in6_u.u6_addr32[1]; }',
      'probe_read_kernel',
    ],
    [
      'bitfields',
      'int kprobe__f(struct pt_regs *ctx, struct sk_buff *skb) { return skb->pkt_type; }',
      'probe_read_kernel',
    ],
    [
      'tracepoint fields are context, their pointers kernel',
      'TRACEPOINT_PROBE(sock, inet_sock_set_state) { struct sock *sk = (struct sock *)args->skaddr; return sk->sk_protocol + args->newstate; }',
      'probe_read_kernel',
    ],
    [
      'raw tracepoint arguments',
      'RAW_TRACEPOINT_PROBE(sched_switch) { struct task_struct *t = (struct task_struct *)ctx->args[1]; return t->pid; }',
      'probe_read_kernel',
    ],
    [
      'fentry arguments are followed by the kernel',
      `KFUNC_PROBE(tcp_connect, ${sk}) { return sk->__sk_common.skc_prot->owner != 0; }`,
      '',
    ],
    [
      'but not once cast to another type',
      `KFUNC_PROBE(tcp_connect, ${sk}) { return ((struct tcp_sock *)sk)->srtt_us; }`,
      'probe_read_kernel',
    ],
    [
      'a context struct written by hand',
      'struct args { u64 pad; struct sock *sk; };\nint f(struct args *a) { return a->sk->sk_protocol; }',
      'probe_read_kernel',
    ],
    [
      'packets',
      'int f(struct xdp_md *ctx) { void *end = (void *)(long)ctx->data_end; struct ethhdr *e = (void *)(long)ctx->data; if ((void *)(e + 1) > end) return 1; return e->h_proto; }',
      '',
    ],
    [
      'reset to null and walked in a loop',
      'int kprobe__f(struct pt_regs *ctx, struct dentry *d) { int n = 0; for (int i = 0; i < 3; i++) { d = d->d_parent; n++; } return n + (d == 0); }',
      'probe_read_kernel',
    ],
  ])('%s', (_name, text, want) => {
    expect(
      called(text)
        .split(' ')
        .filter((c, i, all) => c !== '' && !(want.split(' ').length === 1 && all[i - 1] === c))
        .join(' '),
    ).toBe(want);
  });
});

describe('maps', () => {
  const spec = (text: string) => {
    const { name, type, keySize, valueSize, maxEntries, flags } = flavoured(
      `struct k { u64 a; u32 b; };\n${text}`,
    ).maps.at(-1)!;
    return [name, type, keySize, valueSize, maxEntries, flags];
  };
  it.each([
    ['BPF_HASH(m);', ['m', 'hash', 8, 8, 10240, 0]],
    ['BPF_HASH(m, u32);', ['m', 'hash', 4, 8, 10240, 0]],
    ['BPF_HASH(m, struct k, u32, 64);', ['m', 'hash', 16, 4, 64, 0]],
    ['BPF_ARRAY(m, u32, 3);', ['m', 'array', 4, 4, 3, 0]],
    ['BPF_PERCPU_ARRAY(m);', ['m', 'percpu_array', 4, 8, 10240, 0]],
    ['BPF_HISTOGRAM(m);', ['m', 'array', 4, 8, 64, 0]],
    ['BPF_HISTOGRAM(m, struct k);', ['m', 'hash', 16, 8, 64, 0]],
    ['BPF_HISTOGRAM(m, int, 30);', ['m', 'array', 4, 8, 30, 0]],
    ['BPF_STACK_TRACE(m, 1000);', ['m', 'stack_trace', 4, 1016, 1024, 0]],
    ['BPF_PERF_OUTPUT(m);', ['m', 'perf_event_array', 4, 4, 0, 0]],
    ['BPF_RINGBUF_OUTPUT(m, 8);', ['m', 'ringbuf', 0, 0, 32768, 0]],
    ['BPF_LPM_TRIE(m, u64, u32, 9);', ['m', 'lpm_trie', 8, 4, 9, 1]],
    ['BPF_PROG_ARRAY(m, 5);', ['m', 'prog_array', 4, 4, 5, 0]],
    ['BPF_QUEUE(m, struct k, 7);', ['m', 'queue', 0, 16, 7, 0]],
    ['BPF_TABLE("lru_hash", u32, u64, m, 12);', ['m', 'lru_hash', 4, 8, 12, 0]],
    ['BPF_F_TABLE("hash", u32, u64, m, 12, BPF_F_NO_PREALLOC);', ['m', 'hash', 4, 8, 12, 1]],
    ['BPF_TABLE("percpu_array", int, u64, m, 2 * 3);', ['m', 'percpu_array', 4, 8, 6, 0]],
    ['BPF_SOCKHASH(m, struct k, 8);', ['m', 'sockhash', 16, 4, 8, 0]],
    ['BPF_DEVMAP(m, 2);', ['m', 'devmap', 4, 4, 2, 0]],
    ['#define NAME m\nBPF_HASH(NAME, u32, u8, 1 << 4);', ['m', 'hash', 4, 1, 16, 0]],
  ])('%s', (text, want) => {
    expect(spec(text)).toEqual(want);
  });

  it('knows pins, map-in-map and the struct that is sent', () => {
    const object = flavoured(`BPF_TABLE_PINNED("hash", u64, u64, pinned, 1024, "/sys/fs/bpf/x");
      BPF_HASH(inner, u32, u64, 4);\nBPF_ARRAY_OF_MAPS(outer, "inner", 10);\nBPF_PERF_OUTPUT(events);
      struct data_t { u32 pid; char comm[16]; };
      int f(struct pt_regs *ctx) { struct data_t d = {}; events.perf_submit(ctx, &d, sizeof(d)); return 0; }`);
    const [pinned, , outer, events] = object.maps;
    expect(pinned!.pin).toBe('/sys/fs/bpf/x');
    expect([outer!.type, outer!.inner?.name, outer!.inner?.maxEntries]).toEqual(['array_of_maps', 'inner', 4]);
    const event = object.btf!.type(events!.eventType!);
    expect(event.kind === 'struct' && [event.name, event.size, event.members.map((m) => m.name)]).toEqual([
      'data_t',
      20,
      ['pid', 'comm'],
    ]);
  });

  it.each([
    [
      'BPF_HASH(m, u32);',
      'u32 k = 1; u64 v = 2; m.update(&k, &v); m.insert(&k, &v); m.delete(&k);',
      'map_update_elem map_update_elem map_delete_elem',
    ],
    ['BPF_HASH(m, u32);', 'm.increment(3);', 'map_lookup_elem map_update_elem map_lookup_elem'],
    ['BPF_ARRAY(m, u64, 4);', 'm.atomic_increment(1, 5);', 'map_lookup_elem'],
    [
      'BPF_HASH(m, u32);',
      'u32 k = 1; u64 z = 0, *p = m.lookup_or_try_init(&k, &z); if (p) *p = 4;',
      'map_lookup_elem map_update_elem map_lookup_elem',
    ],
    [
      'BPF_HASH(m, u32);',
      'u32 k = 1; u64 z = 0, *p = m.lookup_or_init(&k, &z); *p = 4;',
      'map_lookup_elem map_update_elem map_lookup_elem',
    ],
    ['BPF_STACK_TRACE(m, 16);', 'int id = m.get_stackid(ctx, BPF_F_USER_STACK); return id;', 'get_stackid'],
    [
      'BPF_RINGBUF_OUTPUT(m, 1);',
      'u64 *p = m.ringbuf_reserve(8); if (!p) return 0; *p = 1; m.ringbuf_submit(p, 0);',
      'ringbuf_reserve ringbuf_submit',
    ],
    ['BPF_RINGBUF_OUTPUT(m, 1);', 'u64 v = 1; m.ringbuf_output(&v, sizeof(v), 0);', 'ringbuf_output'],
    ['BPF_PROG_ARRAY(m, 2);', 'm.call(ctx, 1);', 'tail_call'],
    [
      'BPF_QUEUE(m, u64, 4);',
      'u64 v = 1; m.push(&v, 0); m.peek(&v); m.pop(&v);',
      'map_push_elem map_peek_elem map_pop_elem',
    ],
    ['BPF_CGROUP_ARRAY(m, 1);', 'return m.check_current_task(0);', 'current_task_under_cgroup'],
    ['BPF_PERF_ARRAY(m, 4);', 'return m.perf_read(0);', 'perf_event_read'],
    ['BPF_HASH(m, u32);', 'u32 k = 0; u64 *p = bpf_map_lookup_elem(&m, &k); return p ? *p : 0;', 'map_lookup_elem'],
  ])('%s %s', (map, body, want) => {
    expect(called(`${map}\nint f(struct pt_regs *ctx) { ${body} return 0; }`)).toBe(want);
  });
});

describe('the rest of the flavour', () => {
  it.each([
    [
      'bpf_trace_printk puts its format on the stack',
      'int f(void *ctx) { bpf_trace_printk("hi %d\\n", 3); return 0; }',
      'trace_printk',
    ],
    [
      'bpf_log2l is known',
      'BPF_HISTOGRAM(d);\nint f(struct pt_regs *ctx) { d.increment(bpf_log2l(ctx->ax)); return 0; }',
      'map_lookup_elem',
    ],
    [
      'TP_DATA_LOC_READ_STR',
      'TRACEPOINT_PROBE(irq, irq_handler_entry) { char n[16]; TP_DATA_LOC_READ_STR(n, name, sizeof(n)); return n[0]; }',
      'probe_read_kernel_str',
    ],
    [
      'header functions',
      '#include <linux/skbuff.h>\nint kprobe__f(struct pt_regs *ctx, struct sk_buff *skb) { return ip_hdr(skb)->protocol; }',
      'probe_read_kernel probe_read_kernel probe_read_kernel',
    ],
    [
      'header macros only with their header',
      '#include <net/sock.h>\nint kprobe__f(struct pt_regs *ctx, struct sock *sk) { return sk->sk_state; }',
      'probe_read_kernel',
    ],
    [
      'BPF_CORE_READ',
      'int kprobe__f(struct pt_regs *ctx, struct task_struct *t) { return BPF_CORE_READ(t, real_parent, tgid); }',
      'probe_read_kernel probe_read_kernel',
    ],
    [
      'bpf_core_field_exists',
      'int kprobe__f(struct pt_regs *ctx, struct task_struct *t) { return bpf_core_field_exists(t->state) ? t->flags : bpf_core_field_exists(struct task_struct, __state); }',
      '',
    ],
    [
      'USDT arguments by generated readers',
      'static inline int _bpf_readarg_f_1(struct pt_regs *ctx, void *to, size_t n) { *(u64 *)to = ctx->di; return 0; }\nint f(struct pt_regs *ctx) { u64 v = 0; bpf_usdt_readarg(1, ctx, &v); return v; }',
      '',
    ],
  ])('%s', (_name, text, want) => {
    expect(called(text)).toBe(want);
  });

  it('reads packet fields of bcc/proto.h by their bits', () => {
    const [prog] = flavoured(`#include <bcc/proto.h>
      int f(struct __sk_buff *skb) {
        u8 *cursor = 0;
        struct ethernet_t *e = cursor_advance(cursor, sizeof(*e));
        if (e->type != 0x0800) return 0;
        struct ip_t *ip = cursor_advance(cursor, sizeof(*ip));
        return ip->hlen + load_byte(skb, 40);
      }`).progs;
    const loads: string[] = [];
    const view = new DataView(prog!.insns.buffer, prog!.insns.byteOffset);
    for (let at = 0; at < prog!.insns.length; at += 8) {
      const op = prog!.insns[at]!;
      if ((op & 0xe7) === 0x20) loads.push(`${{ 0: 4, 8: 2, 16: 1 }[op & 0x18]} at ${view.getInt32(at + 4, true)}`);
    }
    // The type of the frame, the nibble of the IP header's length, and the byte asked for.
    expect(loads).toEqual(['2 at 12', '1 at 14', '1 at 40']);
  });

  it('says the kernel version and configuration', () => {
    const [prog] =
      flavoured(`#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 0, 0) && defined(CONFIG_X86_64) && !defined(REQ_WRITE)
      int yes(void *ctx) { return 0; }
      #else
      int no(void *ctx) { return 0; }
      #endif`).progs;
    expect(prog!.name).toBe('yes');
  });

  it("lets a program's own declarations shadow the kernel's", () => {
    const object =
      flavoured(`struct sock { int mine; };\nenum { TCP_CLOSE = 99 };\ntypedef struct { char c; } pid_t;\nBPF_HASH(m, struct sock, pid_t);
      int f(void *ctx) { return TCP_CLOSE; }`);
    expect([object.maps[0]!.keySize, object.maps[0]!.valueSize]).toEqual([4, 1]);
  });

  it('has lines for every program', () => {
    const [prog] = flavoured(
      'int f(struct pt_regs *ctx)\n{\n  u64 t = bpf_ktime_get_ns();\n  return t / 7;\n}\n',
    ).progs;
    expect(prog!.lines.map((l) => l.line)).toContain(3);
    expect(prog!.lines.find((l) => l.line === 3)!.text).toBe('  u64 t = bpf_ktime_get_ns();');
  });

  it('moves locals that do not fit the stack to a map, and says so', () => {
    const object = flavoured(
      'BPF_PERF_OUTPUT(e);\nint f(struct pt_regs *ctx) { struct { char b[700]; } d = {}; e.perf_submit(ctx, &d, sizeof(d)); return 0; }',
    );
    expect(object.maps.map((m) => [m.name, m.type, m.valueSize])).toContainEqual(['.scratch.f', 'percpu_array', 704]);
  });
});

describe('the record of a tracepoint', () => {
  const source = 'TRACEPOINT_PROBE(sched, sched_switch) { return args->next_pid; }';
  const field = (offset: number) => ({ type: 'pid_t', name: 'next_pid', offset, size: 4, signed: true });
  const loadOffset = (struct: string | undefined) => {
    const format = { category: 'sched', name: 'sched_switch', print: '', id: 1, fields: [field(100)] };
    const tracepointFormat = () => (struct === undefined ? format : { ...format, struct });
    const { insns } = compileOk(source, { ...KERNEL, tracepointFormat }).progs[0]!;
    return new DataView(insns.buffer, insns.byteOffset).getInt16(2, true);
  };
  it('is what a format says that was read from the kernel', () => {
    expect(loadOffset(undefined)).toBe(100);
  });
  it('is what the given types say, where the format comes from a list of another kernel', () => {
    expect(loadOffset('trace_event_raw_sched_switch')).toBe(56);
    expect(loadOffset('trace_event_raw_nothing_such')).toBe(100);
  });

  it('packet pointers kept in a struct on the stack are followed, not read by helpers', () => {
    const object = flavoured(`#include <uapi/linux/if_ether.h>
#include <uapi/linux/ip.h>
struct headers { struct ethhdr *eth; struct iphdr *ip; void *end; };
static inline int parse(struct xdp_md *ctx, struct headers *h)
{
    h->end = (void *)(long)ctx->data_end;
    h->eth = (void *)(long)ctx->data;
    if ((void *)(h->eth + 1) > h->end) return -1;
    h->ip = (void *)(h->eth + 1);
    return (void *)(h->ip + 1) > h->end ? -1 : 0;
}
int turn(struct xdp_md *ctx)
{
    struct headers h = {};
    if (parse(ctx, &h) < 0) return XDP_PASS;
    u32 from = h.ip->saddr;
    h.ip->saddr = h.ip->daddr;
    h.ip->daddr = from;
    h.ip->ihl = 5;
    return XDP_TX;
}`);
    const { insns } = object.progs[0]!;
    expect(insns.filter((byte, i) => i % 8 === 0 && byte === 0x85).length).toBe(0);
  });

  it("a write through a pointer that only may be the kernel's is for the verifier to judge", () => {
    const program = (body: string) =>
      `struct note { int n; };\nBPF_HASH(kept, u32, struct note *);\nint kprobe__a(struct pt_regs *ctx, struct note *given) { u32 k = 0; ${body} return 0; }`;
    flavoured(program('struct note **at = kept.lookup(&k); if (at) (*at)->n = 1;'));
    expect(diagnose(program('given->n = 1;'), KERNEL)).toContain('cannot write to kernel memory');
    expect(diagnose(program('struct note *same = given; same->n++;'), KERNEL)).toContain(
      'cannot write to kernel memory',
    );
  });
});
