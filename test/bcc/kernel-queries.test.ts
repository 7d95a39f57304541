import { afterEach, describe, expect, it } from 'vitest';
import { BPF } from '../../core/bcc/bpf.ts';
import { setSession } from '../../core/bcc/session.ts';
import { bench } from './model.ts';

afterEach(() => setSession(undefined));

describe('questions about the kernel', () => {
  it('are answered on the class and on its objects', () => {
    const b = bench('connects').bpf('BPF_HASH(t, u32);');
    for (const ask of [BPF, b]) {
      expect(ask.getSyscallPrefix()).toBe('__x64_sys_');
      expect(ask.fixSyscallFnname('sys_openat')).toBe('__x64_sys_openat');
      const address = ask.ksymname('tcp_v4_connect');
      expect(ask.ksym(address)).toBe('tcp_v4_connect');
      expect(ask.sym(address + 4n, -1, true, true)).toBe('tcp_v4_connect+0x4 [kernel]');
      expect(ask.sym(0x400000n, 1000)).toBe('[unknown]');
      expect(ask.ksym(0n, true)).toBe('[unknown]');
      expect(ask.ksymname('no_such_function')).toBe(-1n);
      expect(ask.tracepointExists('syscalls', 'sys_enter_openat')).toBe(true);
      expect(ask.tracepointExists('syscalls', 'sys_enter_nonsense')).toBe(false);
      expect(ask.getTracepoints('syscalls:sys_enter_open')).toContain('syscalls:sys_enter_openat');
      expect(ask.getKprobeFunctions('tcp_v[46]_connect$')).toEqual(['tcp_v4_connect', 'tcp_v6_connect']);
      expect(ask.getKprobeFunctions('v4_connect')).toEqual([]);
      expect(ask.kernelStructHasField('task_struct', 'pid')).toBe(true);
      expect(ask.kernelStructHasField('task_struct', 'no_such')).toBe(false);
      expect(ask.kernelStructHasField('no_such', 'pid')).toBe(false);
      expect([ask.supportKfunc(), ask.supportRawTracepoint(), ask.supportLsm(), ask.supportFmodRet()]).toEqual([
        true,
        true,
        false,
        false,
      ]);
      const symbols = ask.SymbolCache(-1);
      expect(symbols.resolve(address + 4n)).toEqual({ name: 'tcp_v4_connect', offset: 4, module: 'kernel' });
      expect(symbols.resolveName(undefined, 'tcp_v4_connect')).toBe(address);
      expect(ask.SymbolCache(1000).resolve(address).name).toBe('[unknown]');
      expect(ask.getProbeLimit()).toBe(1000);
    }
    const before = BPF.monotonicTime();
    b.wait(50);
    expect(BPF.monotonicTime() - before).toBeGreaterThanOrEqual(50_000_000n);
  });
});

const FUNCTIONS = `
BPF_HASH(counts, u32);
KFUNC_PROBE(tcp_v4_connect, struct sock *sk) { u32 one = 1; counts.increment(one); return 0; }
int count(void *ctx) { u32 two = 2; counts.increment(two); return 0; }`;

describe('attaching', () => {
  it('detaches a kfunc and attaches it again', () => {
    const b = bench('connects').bpf(FUNCTIONS);
    expect(() => b.attachKfunc('tcp_v4_connect')).toThrow('already attached');
    b.detachKfunc({ fnName: 'tcp_v4_connect' });
    expect(() => b.detachKfunc('tcp_v4_connect')).toThrow('no kfunc is attached');
    b.attachKfunc({ fn_name: 'tcp_v4_connect' });
    expect(() => b.attachLsm('count')).toThrow("'count' is no lsm function");
    b.wait();
    expect(b.getTable('counts').get(1)).toBe(5n);
  });

  it('refuses by name what the model cannot attach', () => {
    const b = bench('connects').bpf(FUNCTIONS);
    expect(() => b.attachUprobe({ name: '/bin/sh', fnName: 'count' })).toThrow(
      "one of 'sym', 'symRe', 'syms' and 'addr'",
    );
    expect(() => b.attachUprobe({ name: '/no/such', symRe: 'm.*', fnName: 'count' })).toThrow(
      "the symbols of '/no/such' cannot be read",
    );
    expect(() => b.detachUprobe({ name: '/no/such', sym: 'main' })).toThrow("no uprobe is attached to '/no/such:main'");
    expect(b.numOpenUprobes()).toBe(0);
    const p = bench('connects').bpf('int f(struct bpf_perf_event_data *ctx) { return 0; }');
    expect(() => p.attachPerfEvent({ evType: 1, evConfig: 0, fnName: 'f' })).toThrow("'samplePeriod' and 'sampleFreq'");
    const x = bench('connects').bpf('int x(struct xdp_md *ctx) { return XDP_PASS; }');
    expect(() => x.attachXdp({ dev: 'eth', fnName: 'x' })).toThrow("no network device 'eth'");
  });
});

describe('looking inside', () => {
  it('lists functions with the names of maps and helpers', () => {
    const b = bench('connects').bpf(FUNCTIONS);
    expect(b.functions()).toContain('count');
    const text = b.disassembleFunc('count');
    expect(text).toContain('map[counts]');
    expect(text).toMatch(/call (bpf_)?map_(lookup|update)_elem/);
    expect(text.trimEnd()).toMatch(/exit$/);
    expect(b.dumpFunc('count').length % 8).toBe(0);
    expect(() => b.disassembleFunc('cuont')).toThrow("did you mean 'count'?");
  });

  it('stores functions in prog arrays by themselves', () => {
    const b = bench('connects').bpf(`
BPF_PROG_ARRAY(jump, 4);
BPF_HASH(counts, u32);
int second(void *ctx) { u32 two = 2; counts.increment(two); return 0; }
int kprobe__tcp_v4_connect(void *ctx) { jump.call(ctx, 3); return 0; }`);
    b.getTable<number, unknown>('jump').set(3, b.loadFunc('second', BPF.KPROBE));
    b.wait();
    expect(b.getTable('counts').get(2)).toBe(5n);
  });
});
