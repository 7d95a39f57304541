import { afterEach, describe, expect, it } from 'vitest';
import { CompileError } from '../../core/base/errors.ts';
import { BPF } from '../../core/bcc/bpf.ts';
import { Interrupted, setSession, sleep } from '../../core/bcc/session.ts';
import { bench } from './model.ts';

afterEach(() => setSession(undefined));

const COUNT = `
BPF_HASH(counts, u32);
int count(void *ctx) { counts.increment(bpf_get_current_pid_tgid() >> 32); return 0; }
int other(void *ctx) { return 0; }`;

describe('class BPF on the model kernel', () => {
  it('attaches by prefix, fills a table, and reads it', () => {
    const { bpf } = bench('connects');
    const b = bpf(COUNT.replace('int count', 'int kprobe__tcp_v4_connect'));
    expect(b.numOpenKprobes()).toBe(1);
    expect(b.wait()).toBe('ended');
    const counts = b.getTable<number, bigint>('counts');
    expect([...counts].sort((x, y) => x[0] - y[0])).toEqual([
      [1000, 2n],
      [1001, 3n],
    ]);
    expect(counts.get(1000)).toBe(2n);
    expect(counts.get(5)).toBeUndefined();
    expect(counts.delete(1000)).toBe(true);
    expect(counts.delete(1000)).toBe(false);
    expect(counts.size).toBe(1);
    counts.set(7, 9n);
    expect(counts.items()).toContainEqual([7, 9n]);
    counts.zero();
    expect([...counts.values()]).toEqual([0n, 0n]);
    counts.clear();
    expect(counts.size).toBe(0);
    b.close();
  });

  it('has its tables by subscript, as in Python, where the name means nothing else', () => {
    const b = bench('connects').bpf('BPF_HASH(counts, u32);\nBPF_HASH(object, u32);') as BPF & Record<string, unknown>;
    expect(b['counts']).toBe(b.getTable('counts'));
    expect(b.object.maps).toHaveLength(2);
    expect(b.get('object').maxEntries).toBe(10240);
    b.close();
    expect(() => b['counts']).toThrow('closed');
  });

  it('attaches to a system call without a number, and nothing comes of it, as on Linux', () => {
    const b = bench('connects').bpf('BPF_ARRAY(n, u64, 1);\nint f(void *ctx) { int z = 0; n.increment(z); return 0; }');
    expect(b.ksymname('__x64_sys_stat')).not.toBe(-1n);
    b.attachKprobe({ event: '__x64_sys_stat', fnName: 'f' });
    expect(() => b.attachKprobe({ event: '__x64_sys_stats', fnName: 'f' })).toThrow('no kernel function');
    b.wait();
    expect(b.getTable<number, bigint>('n').get(0)).toBe(0n);
    b.close();
  });

  it('attaches and detaches by name, in both spellings', () => {
    const b = bench('connects').bpf(COUNT);
    b.attachKprobe({ event: 'tcp_v4_connect', fnName: 'count' });
    b.attachKretprobe({ event: 'tcp_v4_connect', fn_name: 'count' });
    expect(b.numOpenKprobes()).toBe(2);
    expect(() => b.attachKprobe({ event: 'tcp_v4_connect', fnName: 'count' })).toThrow(
      "'count' is already attached to kprobe 'tcp_v4_connect'",
    );
    b.detachKprobe('tcp_v4_connect');
    expect(() => b.detachKprobe('tcp_v4_connect')).toThrow("no kprobe is attached to 'tcp_v4_connect'");
    b.detachKretprobe({ event: 'tcp_v4_connect', fnName: 'count' });
    expect(b.numOpenKprobes()).toBe(0);
    b.wait();
    expect(b.getTable('counts').size).toBe(0);
  });

  it('attaches by regular expression and to system calls by any prefix', () => {
    const b = bench('connects').bpf(COUNT);
    b.attachKprobe({ eventRe: 'tcp_v[46]_connect$', fnName: 'count' });
    expect(b.numOpenKprobes()).toBe(2);
    expect(b.getSyscallPrefix()).toBe('__x64_sys_');
    b.attachKprobe({ event: 'sys_connect', fnName: 'count' });
    b.attachKprobe({ event: b.getSyscallFnname('close'), fnName: 'other' });
    expect(b.numOpenKprobes()).toBe(4);
    expect(() => b.attachKprobe({ eventRe: 'no_such_.*', fnName: 'count' })).toThrow(
      'no kernel function matches "no_such_.*"',
    );
  });

  it('prints the trace pipe whole and by a format', () => {
    const text = 'int kprobe__tcp_v4_connect(void *ctx) { bpf_trace_printk("hi %d", 5); return 0; }';
    const whole = bench('connects');
    expect(() => whole.bpf(text).tracePrint()).toThrow(Interrupted);
    expect(whole.printed.length).toBe(5);
    expect(whole.printed[0]).toMatch(/^ {10}client-1000 +\[\d{3}\] \S{5} +\d+\.\d{6}: bpf_trace_printk: hi 5$/);
    const formatted = bench('connects');
    expect(() => formatted.bpf(text).tracePrint('{1} {5}')).toThrow(Interrupted);
    expect(formatted.printed).toEqual(['1000 hi 5', '1001 hi 5', '1001 hi 5', '1001 hi 5', '1000 hi 5']);
  });

  it('reads the arguments of a kernel function and follows kernel pointers', () => {
    const b = bench('connects').bpf(`
#include <net/sock.h>
struct key { u32 daddr; u16 dport; u16 family; };
BPF_HASH(seen, struct key, u64);
BPF_HASH(connecting, u32, struct sock *);
int kprobe__tcp_v4_connect(struct pt_regs *ctx, struct sock *sk) {
  u32 tid = bpf_get_current_pid_tgid();
  connecting.update(&tid, &sk);
  return 0;
}
int kretprobe__tcp_v4_connect(struct pt_regs *ctx) {
  u32 tid = bpf_get_current_pid_tgid();
  struct sock **skp = connecting.lookup(&tid);
  if (!skp || PT_REGS_RC(ctx) != 0) return 0;
  struct sock *sk = *skp;
  struct key k = {};
  k.daddr = sk->__sk_common.skc_daddr;
  k.dport = ntohs(sk->__sk_common.skc_dport);
  k.family = sk->__sk_common.skc_family;
  seen.increment(k);
  connecting.delete(&tid);
  return 0;
}`);
    b.wait();
    const seen = b.getTable<{ daddr: number; dport: number; family: number }, bigint>('seen').items();
    expect(
      seen.map(([k, n]) => [k.daddr, k.dport, k.family, n]).sort((x, y) => (String(x) < String(y) ? -1 : 1)),
    ).toEqual([
      [0x0900000a, 80, 2, 1n],
      [0x0100007f, 1, 2, 1n],
      // The same over an IPv6 socket: an address mapped from IPv4.
      [0x0100007f, 8080, 10, 1n],
      [0x0100007f, 8080, 2, 1n],
    ]);
  });

  it('attaches to tracepoints, with the arguments of their format', () => {
    const b = bench('hello').bpf(`
BPF_HASH(execs, u32);
TRACEPOINT_PROBE(sched, sched_process_exec) { execs.increment(args->pid); return 0; }
BPF_HASH(calls, u64);
int on_enter(struct bpf_raw_tracepoint_args *ctx) { calls.increment(ctx->args[1]); return 0; }`);
    expect(b.numOpenTracepoints()).toBe(1);
    b.attachRawTracepoint({ tp: 'sys_enter', fnName: 'on_enter' });
    b.wait();
    expect(b.getTable('execs').size).toBeGreaterThan(0);
    expect(b.getTable('calls').size).toBeGreaterThan(0);
  });

  it.each([
    ['a table', (b: BPF) => b.getTable('count'), "there is no table 'count'; did you mean 'counts'?"],
    [
      'a function of the program',
      (b: BPF) => b.attachKprobe({ event: 'tcp_v4_connect', fnName: 'cuont' }),
      "there is no function 'cuont'; did you mean 'count'?",
    ],
    [
      'a kernel function',
      (b: BPF) => b.attachKprobe({ event: 'tcp_v4_conect', fnName: 'count' }),
      /tcp_v4_conect.*tcp_v4_connect/,
    ],
    [
      'a tracepoint',
      (b: BPF) => b.attachTracepoint({ tp: 'sched:sched_proces_exec', fnName: 'count' }),
      /sched_proces_exec.*sched_process_exec/,
    ],
    ['a program type', (b: BPF) => b.loadFunc('count', 'kprob'), /program type "kprob"/],
    ['an option', (b: BPF) => b.attachKprobe({ evnt: 'x' } as never), "unknown option 'evnt'"],
    ['a key of another kind', (b: BPF) => b.getTable('counts').get('x'), /key of table 'counts'/],
    ['a key out of range', (b: BPF) => b.getTable('counts').get(2 ** 32), /key of table 'counts'/],
  ] as const)('names what does not exist or does not fit: %s', (_what, act, says) => {
    const b = bench('connects').bpf(COUNT);
    expect(() => act(b)).toThrow(says);
  });

  it('refuses text that does not compile, with place and caret, and leaves nothing attached', () => {
    const { bpf } = bench('connects');
    let error: unknown;
    try {
      bpf('int kprobe__tcp_v4_connect(void *ctx)\n{\n  return undeclared;\n}');
    } catch (e) {
      error = e;
    }
    expect(error).toBeInstanceOf(CompileError);
    expect((error as CompileError).message).toMatch(
      /^program\.c:3:10: error: .*'undeclared'.*\n {2}return undeclared;\n {9}\^~+/,
    );
  });

  it('refuses what the verifier refuses, with the line', () => {
    const { bpf } = bench('connects');
    expect(() =>
      bpf(
        'BPF_HASH(h, u32);\nint kprobe__tcp_v4_connect(void *ctx)\n{\n  u32 k = 1;\n  u64 *v = h.lookup(&k);\n  *v = 1;\n  return 0;\n}',
      ),
    ).toThrow(/program\.c:6|map_value_or_null/);
  });

  it('cannot be used after close, and closes twice', () => {
    const b = bench('connects').bpf(COUNT);
    b.close();
    b.close();
    expect(() => b.getTable('counts')).toThrow('this BPF object is closed');
  });

  it('sleeps in the time of the world', () => {
    const { backend, bpf } = bench('connects');
    const b = bpf(COUNT.replace('int count', 'int kprobe__tcp_v4_connect'));
    const before = backend.nowMs!();
    sleep(1, backend);
    expect(backend.nowMs!() - before).toBeGreaterThanOrEqual(1);
    expect(() => sleep(1e9, backend)).toThrow(Interrupted);
    expect(b.getTable('counts').size).toBe(2);
  });

  it('needs a session or a backend', () => {
    expect(() => new BPF({ text: '' })).toThrow('no backend is set up');
  });
});
