/** Features that stand by themselves: commands held back, errors, stacks into buffers, checksums, storage on sockets. */
import { afterEach, describe, expect, it } from 'vitest';
import { setSession } from '../../core/bcc/session.ts';
import { BPF, VerifierError } from '../../core/index.ts';
import { cmdExited, cmdReady, runCmd } from '../../frontends/ts/index.ts';
import { values, world } from './bench.ts';

afterEach(() => setSession(undefined));

describe('commands', () => {
  it('wait until the tool is ready [P.help.exec]', async () => {
    const pid = runCmd(['true']);
    expect(pid).toBeGreaterThan(0);
    expect(cmdExited()).toBe(false);
    expect(() => runCmd(['true'])).toThrow("'true' was started already");
    cmdReady();
    while (!cmdExited()) await new Promise((done) => setImmediate(done));
    expect(cmdExited()).toBe(true);
  });
});

describe('errors', () => {
  it('of the verifier say what is wrong, and where [E.mem]', () => {
    const text =
      'BPF_HASH(t, u32, u64);\nint kprobe__tcp_v4_connect(void *ctx) {\n  u32 k = 1;\n  u64 *v = t.lookup(&k);\n  return *v;\n}';
    let error: unknown;
    try {
      world().bpf(text);
    } catch (e) {
      error = e;
    }
    expect(error).toBeInstanceOf(VerifierError);
    expect((error as VerifierError).message).toMatch(/invalid mem access 'map_value_or_null'.*:5/);
  });

  it('name helpers that need the GPL [E.gpl]', () => {
    expect(() =>
      world().bpf(
        '#define BPF_LICENSE MIT\nint kprobe__tcp_v4_connect(void *ctx) { bpf_trace_printk("x"); return 0; }',
      ),
    ).toThrow(/GPL/);
  });

  it('of compiling, attaching and loading are exceptions with a text [E.exc]', () => {
    const { bpf } = world();
    expect(() => bpf('int f(void *ctx) { return 0 }')).toThrow("expected ';'");
    expect(() => bpf('int kprobe__no_such_fn(void *ctx) { return 0; }')).toThrow('no kernel function no_such_fn');
    const b = bpf('BPF_HASH(t, u32);');
    b.close();
    expect(() => b.getTable('t')).toThrow('closed');
    expect(() => b.attachKprobe({ event: 'tcp_v4_connect', fnName: 'f' })).toThrow();
    expect(() => b.perfBufferPoll()).toThrow('closed');
  });

  it('stop a table that memory has no room for, before memory ends', () => {
    const { bpf } = world();
    expect(() => bpf('struct big { char x[4096]; };\nBPF_HASH(huge, u64, struct big, 10000000);')).toThrow(
      /map huge: a hash of 10000000 entries \(8 \+ 4096 bytes\) wants 38\.2 GiB and more; .*at most 4 GiB: make it smaller, or give it BPF_F_NO_PREALLOC/,
    );
    const b = bpf('BPF_HASH(fits, u32, u64, 100);');
    b.getTable<number, bigint>('fits').set(1, 1n);
  });

  it('of a callback come out of the poll; what is behind it waits for the next', () => {
    const { bpf } = world();
    const b = bpf(
      'BPF_PERF_OUTPUT(ev); int kprobe__tcp_v4_connect(void *ctx) { u32 x = 1; for (int i = 0; i < 3; i++) ev.perf_submit(ctx, &x, sizeof(x)); return 0; }',
    );
    let calls = 0;
    b.getTable('ev').openPerfBuffer(() => {
      if (++calls === 1) throw new Error('of the script');
    });
    expect(() => b.perfBufferPoll()).toThrow('of the script');
    expect(b.perfBufferConsume()).toBeGreaterThan(0);
  });
});

describe('helpers', () => {
  it('stacks go into buffers too [C.data.get_stack]', () => {
    const out = values(
      'u64 *s = &frames[0]; long n = bpf_get_stack(ctx, frames, sizeof(frames), 0); OUT(0, n > 16); OUT(1, s[0] == PT_REGS_IP(ctx));',
      'static u64 frames[16];',
    );
    expect(out.slice(0, 2)).toEqual([1n, 1n]);
  });

  it('counters of the sampling event [C.data.perf_prog_read_value]', () => {
    const { bpf } = world((w) => w.spawn({ comm: 'x' }).pass('perf_event:1:0', { period: 10n }));
    const b = bpf(`BPF_ARRAY(n, s64, 1);
int on(struct bpf_perf_event_data *ctx) { int z = 0; struct bpf_perf_event_value v = {}; s64 r = bpf_perf_prog_read_value((void *)ctx, &v, sizeof(v)); n.update(&z, &r); return 0; }`);
    b.attachPerfEvent({ evType: 1, evConfig: 0, fnName: 'on', samplePeriod: 10 });
    b.wait();
    // The model's samples come without a counter behind them: -EOPNOTSUPP, and the value zeroed.
    expect(b.getTable<number, bigint>('n').get(0)).toBe(-95n);
  });

  it('bytes of packets are copied out [C.data.skb_helpers]', () => {
    const { bpf, backend } = world();
    const b = bpf(`#include <bcc/proto.h>
BPF_ARRAY(n, u64, 4);
int look(struct __sk_buff *skb) {
  int a = 0, c = 1; u8 b4[4] = {};
  u64 e = bpf_skb_load_bytes(skb, 26, b4, 4); u64 v = b4[0];
  n.update(&a, &v); n.update(&c, &e);
  return 0;
}`);
    b.attachRawSocket(b.loadFunc('look', BPF.SOCKET_FILTER), 'lo');
    const packet = new Uint8Array(64);
    packet[26] = 10;
    backend.injectPacket('lo', packet);
    expect([...b.getTable<number, bigint>('n').values()].slice(0, 2)).toEqual([10n, 0n]);
  });

  it('values hang on sockets [C.map.BPF_SK_STORAGE X.get_sk_storage_table]', () => {
    const { bpf } = world();
    const b = bpf(`BPF_SK_STORAGE(store, u64); BPF_ARRAY(out, u64, 1);
KFUNC_PROBE(tcp_v4_connect, struct sock *sk) {
  u64 zero = 0; u64 *v = store.sk_storage_get(sk, &zero, BPF_SK_STORAGE_GET_F_CREATE);
  if (v) { *v += 1; int z = 0; out.increment(z, *v); }
  return 0;
}`);
    b.wait();
    expect(b.getTable<number, bigint>('out').get(0)).toBe(5n);
  });

  it('values hang on a socket no longer than it lives', () => {
    const { bpf } = world((w) => {
      for (let port = 80; port < 84; port++) {
        const task = w.spawn({ comm: 'client' });
        task.connect(task.socket(), '192.0.2.1', port);
        task.exit(0);
      }
    });
    const b = bpf(`BPF_SK_STORAGE(store, u64); BPF_HASH(most, u32, u64); BPF_HASH(places, u64, u64);
KFUNC_PROBE(tcp_v4_connect, struct sock *sk) {
  u64 zero = 0, place = (u64)sk; u64 *v = store.sk_storage_get(sk, &zero, BPF_SK_STORAGE_GET_F_CREATE);
  if (v) { *v += 1; u32 key = *v; most.increment(key); places.increment(place); }
  return 0;
}`);
    b.wait();
    expect([...b.getTable<number, bigint>('most').entries()]).toEqual([[1, 4n]]);
    // The test is one only where an address comes again.
    expect([...b.getTable('places').keys()].length).toBeLessThan(4);
  });

  it('functions are loaded and unloaded [X.load_func_unload_func]', () => {
    const b = world().bpf('int f(void *ctx) { return 0; }');
    const func = b.loadFunc('f', BPF.KPROBE);
    expect(func.handle.spec.type).toBe('kprobe');
    b.close();
    expect(() => b.loadFunc('f', BPF.KPROBE)).toThrow('closed');
  });
});
