/** bcc Python: class BPF. Construction, attaching of every kind, debug output, what can be asked of the kernel. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { openProbes } from '../../core/bcc/probe-quota.ts';
import { ArgString, detectLanguage, getOnlineCpus, getPossibleCpus, printb } from '../../core/bcc/script-aids.ts';
import { currentSession, setSession } from '../../core/bcc/session.ts';
import {
  BPF,
  filterByContainers,
  Perf,
  PerfEventSampleFormat,
  PerfHWConfig,
  PerfSWConfig,
  PerfType,
  StrcmpRewrite,
  SymbolCache,
  syscallName,
  tcpFlagNames,
  tcpStateName,
} from '../../core/index.ts';
import { BPF as NodeBPF } from '../../frontends/ts/index.ts';
import { world } from './bench.ts';

afterEach(() => setSession(undefined));

const COUNT = `
BPF_ARRAY(n, u64, 1);
int count(void *ctx) { int zero = 0; n.increment(zero); return 0; }
int other(void *ctx) { int zero = 0; n.increment(zero, 100); return 0; }
`;
const counted = (b: BPF) => {
  b.wait();
  return Number(b.getTable<number, bigint>('n').get(0));
};

describe('construction', () => {
  it('takes text, flags and debug bits [P.init.text X.init P.init.cflags P.init.debug P.init.allow_rlimit]', () => {
    const { bpf } = world();
    const b = bpf({
      text: 'BPF_ARRAY(n, u64, 1);\nint kprobe__tcp_v4_connect(void *ctx) { int zero = 0; n.increment(zero, ADD); return 0; }',
      cflags: ['-DADD=7'],
      debug: 0,
      allowRlimit: false,
    });
    expect(counted(b)).toBe(35);
    expect(() => bpf('int f(void *ctx) { return nope; }')).toThrow("'nope'");
  });

  it('reads files: as named, or beside the script; a header first [P.init.src_file P.init.hdr_file]', () => {
    const folder = mkdtempSync(join(tmpdir(), 'parity-src-'));
    try {
      writeFileSync(
        join(folder, 'prog.c'),
        'int kprobe__tcp_v4_connect(void *ctx) { int zero = 0; n.increment(zero, STEP); return 0; }',
      );
      writeFileSync(join(folder, 'head.h'), '#define STEP 3\nBPF_ARRAY(n, u64, 1);\n');
      const { bpf } = world();
      setSession({ ...currentSession(), script: join(folder, 'tool.ts') });
      expect(counted(bpf({ srcFile: 'prog.c', hdrFile: 'head.h' }))).toBe(15);
      expect(() => bpf({ srcFile: 'nope.c' })).toThrow("'nope.c' cannot be read");
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('ends with its block [P.init.with P.help.cleanup P.help.close X.detach_all P.help.free_bcc_memory]', () => {
    world();
    const b = new NodeBPF({ text: COUNT });
    expect(b.freeBccMemory()).toBe(0);
    b[Symbol.dispose]();
    b.cleanup();
    b.close();
    expect(() => b.getTable('n')).toThrow('closed');
  });

  it('attaches what names ask for [P.init.autoload]', () => {
    const { bpf } = world();
    expect(
      counted(
        bpf(
          `${COUNT}int kprobe__tcp_v4_connect(void *ctx) { return count(ctx); }`.replace(
            'int count',
            'static int count',
          ),
        ),
      ),
    ).toBe(5);
  });
});

describe('attaching', () => {
  it('kernel functions by name, offset and pattern [P.ev.attach_kprobe X.attach_kprobe_detach_kprobe P.ev.detach_kprobe P.ev.event_re P.help.num_open_kprobes P.help.get_kprobe_functions]', () => {
    const { bpf } = world();
    const b = bpf(COUNT);
    b.attachKprobe({ event: 'tcp_v4_connect', fnName: 'count' });
    expect(() => b.attachKprobe({ event: 'tcp_v4_connect', fnName: 'count' })).toThrow('already attached');
    b.attachKprobe({ event: 'tcp_v4_connect', fnName: 'other' });
    expect(b.numOpenKprobes()).toBe(1);
    b.detachKprobe('tcp_v4_connect', 'other');
    b.attachKprobe({ eventRe: 'tcp_v6_conn.*', fnName: 'count' });
    expect(b.getKprobeFunctions('tcp_v[46]_connect').sort()).toEqual(['tcp_v4_connect', 'tcp_v6_connect']);
    expect(b.getKprobeFunctions('tcp_v[46]_conn')).toEqual([]);
    expect(b.numOpenKprobes()).toBe(2);
    expect(() => b.attachKprobe({ event: 'tcp_v4_conect', fnName: 'count' })).toThrow('nearest: tcp_v4_connect');
    expect(() => b.attachKprobe({ eventRe: 'nothing_.*', fnName: 'count' })).toThrow('no kernel function matches');
    expect(() => b.detachKprobe('tcp_close')).toThrow("no kprobe is attached to 'tcp_close'");
    expect(counted(b)).toBe(7);
  });

  it('returns, with maxactive [P.ev.attach_kretprobe P.ev.detach_kretprobe P.ev.maxactive]', () => {
    const { bpf } = world();
    const b = bpf(COUNT);
    b.attachKretprobe({ event: 'tcp_v4_connect', fnName: 'count', maxactive: 16 });
    b.attachKretprobe({ event_re: 'tcp_v6_connect', fn_name: 'count' });
    b.detachKretprobe({ event: 'tcp_v6_connect' });
    expect(counted(b)).toBe(5);
  });

  it('tracepoints, by pattern too [P.ev.attach_tracepoint X.attach_tracepoint_detach_tracepoint P.ev.detach_tracepoint P.ev.tp_re P.help.get_tracepoints P.help.tracepoint_exists P.help.num_open_tracepoints]', () => {
    const { bpf } = world();
    const b = bpf(COUNT);
    b.attachTracepoint({ tp: 'syscalls:sys_enter_connect', fnName: 'count' });
    b.attachTracepoint({ tpRe: 'syscalls:sys_(enter|exit)_sock', fnName: 'other' });
    expect(b.numOpenTracepoints()).toBeGreaterThan(2);
    for (const tp of b.getTracepoints('syscalls:sys_(enter|exit)_sock')) b.detachTracepoint(tp);
    expect(b.numOpenTracepoints()).toBe(1);
    expect([b.tracepointExists('sched', 'sched_process_exec'), BPF.tracepointExists('sched', 'nope')]).toEqual([
      true,
      false,
    ]);
    expect(counted(b)).toBe(6);
  });

  it('raw tracepoints [P.ev.attach_raw_tracepoint X.attach_raw_tracepoint P.ev.detach_raw_tracepoint]', () => {
    const { bpf } = world();
    const b = bpf(COUNT);
    b.attachRawTracepoint({ tp: 'sched_process_exec', fnName: 'count' });
    b.detachRawTracepoint('sched_process_exec');
    expect(() => b.detachRawTracepoint('sched_process_exec')).toThrow('no raw_tracepoint is attached');
    b.attachRawTracepoint({ tp: 'sched_process_exec', fnName: 'count' });
    expect(counted(b)).toBe(1);
  });

  it('functions by BTF [P.ev.attach_kfunc P.ev.attach_kretfunc P.ev.detach_kfunc P.ev.detach_kretfunc]', () => {
    const { bpf } = world();
    const b = bpf(`${COUNT}
KFUNC_PROBE(tcp_v4_connect, struct sock *sk) { int zero = 0; n.increment(zero, 10); return 0; }
KRETFUNC_PROBE(tcp_v4_connect, struct sock *sk) { int zero = 0; n.increment(zero, 1000); return 0; }`);
    b.detachKfunc('tcp_v4_connect');
    b.detachKretfunc('tcp_v4_connect');
    b.attachKfunc('kfunc__vmlinux__tcp_v4_connect');
    b.attachKretfunc({ fnName: 'tcp_v4_connect' });
    expect(counted(b)).toBe(5 * 1010);
  });

  it('user functions by symbol, address and pattern, of one process [P.ev.attach_uprobe X.attach_uprobe_detach_uprobe P.ev.attach_uretprobe P.ev.detach_uprobe P.ev.detach_uretprobe P.ev.addr P.ev.sym_off C.ev.uprobe_fn C.ev.uretprobe_fn P.help.num_open_uprobes]', () => {
    const { bpf } = world((w) => {
      const one = w.spawn({ comm: 'one', pid: 50 });
      const two = w.spawn({ comm: 'two', pid: 60 });
      for (const task of [one, two]) {
        task.pass('uprobe:/opt/x:go', { args: [7] });
        task.pass('uprobe:/opt/x:go+4', { args: [7] });
        task.pass('uprobe:/opt/x:+64');
        task.pass('uretprobe:/opt/x:go', { ret: -1n });
      }
    });
    const b = bpf(`BPF_ARRAY(n, u64, 4);
int enter(struct pt_regs *ctx) { int i = 0; n.increment(i, PT_REGS_PARM1(ctx)); return 0; }
int at(struct pt_regs *ctx) { int i = 1; n.increment(i); return 0; }
int leave(struct pt_regs *ctx) { int i = 2; if ((long)PT_REGS_RC(ctx) == -1) n.increment(i); return 0; }`);
    b.attachUprobe({ name: '/opt/x', sym: 'go', fnName: 'enter', pid: 50 });
    b.attachUprobe({ name: '/opt/x', addr: 64, fnName: 'at' });
    b.attachUprobe({ name: '/opt/x', sym: 'go', symOff: 4, fnName: 'at', pid: 60 });
    b.attachUretprobe({ name: '/opt/x', sym: 'go', fnName: 'leave' });
    expect(b.numOpenUprobes()).toBe(4);
    b.attachUprobe({ name: '/opt/x', sym: 'gone', fnName: 'at' });
    b.detachUprobe({ name: '/opt/x', sym: 'gone' });
    expect(() => b.detachUretprobe({ name: '/opt/x', sym: 'gone' })).toThrow('no uretprobe is attached');
    b.wait();
    expect([...b.getTable<number, bigint>('n').values()]).toEqual([7n, 3n, 2n, 0n]);
  });

  it('perf events by type and by attr [P.ev.attach_perf_event X.attach_perf_event P.ev.attach_perf_event_raw X.attach_perf_event_raw P.ev.detach_perf_event P.help.perfconst C.ev.perf_event]', () => {
    const { bpf } = world((w) => {
      const t = w.spawn({ comm: 'busy', pid: 70 });
      for (let i = 0; i < 4; i++) t.pass('perf_event:1:0', { period: 100n, regs: { ip: 0x1234n } });
      t.pass('perf_event:0:3', { period: 7n, address: 0x55n });
    });
    const b = bpf(`BPF_ARRAY(n, u64, 4);
int on_clock(struct bpf_perf_event_data *ctx) { int i = 0, j = 1; n.increment(i, ctx->sample_period); u64 ip = PT_REGS_IP(&ctx->regs); n.update(&j, &ip); return 0; }
int on_miss(struct bpf_perf_event_data *ctx) { int i = 2; n.increment(i, ctx->addr); return 0; }`);
    b.attachPerfEvent({
      evType: PerfType.SOFTWARE,
      evConfig: PerfSWConfig.CPU_CLOCK,
      fnName: 'on_clock',
      sampleFreq: 99,
    });
    const attr = Perf.perf_event_attr();
    Object.assign(attr, {
      type: PerfType.HARDWARE,
      config: PerfHWConfig.CACHE_MISSES,
      sample_period: 7,
      sample_type: PerfEventSampleFormat.ADDR,
      exclude_kernel: 1,
    });
    b.attachPerfEventRaw({ attr, fnName: 'on_miss' });
    expect(() => b.attachPerfEventRaw({ attr: { nope: 1 }, fnName: 'on_miss' })).toThrow("no field 'nope'");
    expect(() => b.detachPerfEvent({ evType: 4, evConfig: 4 })).toThrow('no perf_event is attached');
    b.wait();
    expect([...b.getTable<number, bigint>('n').values()]).toEqual([400n, 0x1234n, 0x55n, 0n]);
    b.detachPerfEvent({ evType: 1, evConfig: 0 });
  });

  it('packets by socket filters [P.ev.attach_raw_socket C.ev.skb C.data.load_byte C.data.proto]', () => {
    const { bpf, backend } = world();
    const b = bpf(`#include <bcc/proto.h>
BPF_ARRAY(n, u64, 2);
int filter(struct __sk_buff *skb) {
  u8 *cursor = 0; int z = 0, o = 1;
  struct ethernet_t *eth = cursor_advance(cursor, sizeof(*eth));
  if (eth->type == 0x0800) n.increment(z);
  n.increment(o, load_byte(skb, 14));
  return -1;
}`);
    const fn = b.loadFunc('filter', BPF.SOCKET_FILTER);
    b.attachRawSocket(fn, 'lo');
    const packet = new Uint8Array(60);
    packet.set([8, 0, 0x45], 12);
    expect(backend.injectPacket('lo', packet)).toBe(1);
    expect([...b.getTable<number, bigint>('n').values()]).toEqual([1n, 0x45n]);
    expect(() => b.attachRawSocket(fn, 'eth7')).toThrow("no network device 'eth7'");
  });

  it('functions once loaded, each once [P.ev.load_func P.ev.load_funcs]', () => {
    const { bpf } = world();
    const b = bpf(COUNT);
    expect(b.loadFunc('count', BPF.KPROBE)).toBe(b.loadFunc('count', 'kprobe'));
    expect(b.loadFuncs(BPF.KPROBE).map((f) => f.name)).toEqual(['count', 'other']);
    expect(b.loadFunc('count', BPF.KPROBE).fd).toBeGreaterThan(0);
    expect(() => b.loadFunc('cuont', BPF.KPROBE)).toThrow("did you mean 'count'?");
    expect(() => b.loadFunc('count', 999)).not.toThrow();
    expect(() => bpf(COUNT).loadFunc('count', 999)).toThrow('unknown program type 999');
  });
});

describe('debug output', () => {
  const PRINT = 'int kprobe__tcp_v4_connect(void *ctx) { bpf_trace_printk("hi %d", 5); return 0; }';

  it('lines of the trace pipe [P.dbg.trace_readline]', () => {
    const b = world().bpf(PRINT);
    expect(b.traceReadline()).toMatch(/client-1000 +\[000\] .*: bpf_trace_printk: hi 5$/);
    const pipe = b.traceOpen();
    expect(pipe.readline()).toContain('hi 5');
  });

  it('fields of lines [P.dbg.trace_fields]', () => {
    const b = world().bpf(PRINT);
    const all = [...b.traceFields()];
    expect(all).toHaveLength(5);
    expect(all[0]).toMatchObject({ task: 'client', pid: 1000, cpu: 0, msg: 'hi 5' });
  });

  it('printing of lines by a format [P.dbg.trace_print]', () => {
    const w = world();
    const b = w.bpf(PRINT);
    expect(() => b.tracePrint('{1} {5}')).toThrow('ended');
    expect(w.printed[0]).toBe('1000 hi 5');
  });

  it('what was compiled [P.dbg.dump_func]', () => {
    const b = world().bpf(`struct k { u32 pid; u64 ts : 40; char comm[16]; };\nBPF_HASH(t, struct k, u64);\n${PRINT}`);
    expect(b.dumpFunc('kprobe__tcp_v4_connect').length % 8).toBe(0);
    expect(b.disassembleFunc('kprobe__tcp_v4_connect')).toContain('exit');
    expect(b.decodeTable('t')).toContain('char comm[16];');
    expect(b.decodeTable('t', true)).toMatch(/u32 pid; \/\* offset 0, 4 bytes \*\//);
  });
});

describe('questions about the kernel', () => {
  it('symbols both ways [P.help.ksym P.help.ksymname P.help.SymbolCache]', () => {
    const b = world().bpf(COUNT);
    const at = b.ksymname('tcp_v4_connect');
    expect([b.ksym(at), BPF.ksym(at + 5n, true, true), b.ksymname('no_such_function')]).toEqual([
      'tcp_v4_connect',
      'tcp_v4_connect+0x5 [kernel]',
      -1n,
    ]);
    const cache = b.SymbolCache(-1);
    expect(cache).toBeInstanceOf(SymbolCache);
    expect(cache.resolve(at).name).toBe('tcp_v4_connect');
    expect(cache.resolveName(undefined, 'tcp_v4_connect')).toBe(at);
  });

  it('symbols of processes, in stacks too [P.help.sym]', () => {
    const { bpf } = world((w) =>
      w.spawn({ comm: 'app', pid: 80 }).pass('uprobe:/opt/x:go', {
        stack: [
          { address: 0x401010n, name: 'go', module: '/opt/x', offset: 16 },
          { address: 0x402000n, name: 'main', module: '/opt/x' },
          { address: 0x7000n },
        ],
      }),
    );
    const b = bpf(`BPF_STACK_TRACE(stacks, 16); BPF_ARRAY(id, int, 1);
int go(struct pt_regs *ctx) { int z = 0; int i = stacks.get_stackid(ctx, BPF_F_USER_STACK); id.update(&z, &i); return 0; }`);
    b.attachUprobe({ name: '/opt/x', sym: 'go', fnName: 'go' });
    b.wait();
    const id = b.getTable<number, number>('id').get(0)!;
    const names = [...b.getTable('stacks').walk(id, (a) => b.sym(a, 80, true, true))];
    expect(names).toEqual(['go+0x10 [x]', 'main+0x0 [x]', '[unknown]']);
    expect(b.SymbolCache(80).resolveName('/opt/x', 'go')).toBe(0x401000n);
    expect(b.sym(b.ksymname('tcp_v4_connect'), -1)).toBe('tcp_v4_connect');
  });

  it('names of system calls [P.help.get_syscall_fnname X.get_syscall_fnname P.help.get_syscall_prefix P.help.fix_syscall_fnname P.help.syscall]', () => {
    const b = world().bpf(COUNT);
    expect([
      b.getSyscallPrefix(),
      b.getSyscallFnname('clone'),
      BPF.fixSyscallFnname('sys_clone'),
      b.fixSyscallFnname('tcp_close'),
    ]).toEqual(['__x64_sys_', '__x64_sys_clone', '__x64_sys_clone', 'tcp_close']);
    expect([syscallName(0), syscallName(257), syscallName(9999)]).toEqual(['read', 'openat', '[unknown: 9999]']);
  });

  it('fields and enumerators [P.help.kernel_struct_has_field P.help.kernel_enum_has_val]', () => {
    const b = world().bpf(COUNT);
    expect([
      b.kernelStructHasField('task_struct', 'tgid'),
      b.kernelStructHasField('task_struct', 'nope'),
      BPF.kernelStructHasField('nope', 'x'),
    ]).toEqual([true, false, false]);
    expect([
      b.kernelEnumHasVal('bpf_prog_type', 'BPF_PROG_TYPE_XDP'),
      b.kernelEnumHasVal('bpf_prog_type', 'NOPE'),
    ]).toEqual([true, false]);
  });

  it('what can be attached [P.help.support_kfunc P.help.support_lsm P.help.support_fmod_ret P.help.support_raw_tracepoint P.help.support_raw_tracepoint_in_module]', () => {
    world();
    expect([
      BPF.supportKfunc(),
      BPF.supportLsm(),
      BPF.supportFmodRet(),
      BPF.supportRawTracepoint(),
      BPF.supportRawTracepointInModule(),
    ]).toEqual([true, false, false, true, false]);
  });

  it('the clock, and the limit of probes [P.help.monotonic_time P.help.get_probe_limit V.BCC_PROBE_LIMIT]', () => {
    const { bpf } = world();
    expect(BPF.monotonicTime()).toBeGreaterThan(0n);
    expect(BPF.getProbeLimit()).toBe(1000);
    const limit = String(openProbes() + 1);
    setSession({ ...currentSession(), env: (name) => (name === 'BCC_PROBE_LIMIT' ? limit : undefined) });
    expect(BPF.getProbeLimit()).toBe(Number(limit));
    const b = bpf(COUNT);
    b.attachKprobe({ event: 'tcp_v4_connect', fnName: 'count' });
    expect(() => b.attachKprobe({ event: 'tcp_v6_connect', fnName: 'count' })).toThrow('exceed the limit of');
    b.close();
    bpf(COUNT).attachKprobe({ event: 'tcp_v6_connect', fnName: 'count' }).close();
  });
});

describe('aids of scripts', () => {
  it('headers by words [P.help.generate_auto_includes]', () => {
    expect(BPF.generateAutoIncludes(['struct', 'sk_buff', '*skb'])).toBe('#include <linux/netdevice.h>\n');
    expect(BPF.generateAutoIncludes(['file', 'fs_x', 'bio'])).toBe(
      '#include <linux/fs.h>\n#include <linux/blkdev.h>\n',
    );
  });

  it('bytes on standard output, arguments as bytes [P.help.printb P.help.ArgString]', () => {
    const w = world();
    printb(Uint8Array.of(0x61, 0xff));
    printb('x', false);
    expect(w.written).toEqual(['a\xff\n', 'x']);
    const arg = new ArgString('bash');
    expect([arg.bytes(), `${arg}`, arg.equals(Uint8Array.from(Buffer.from('bash\0zz'))), arg.equals('sh')]).toEqual([
      Uint8Array.from(Buffer.from('bash')),
      'bash',
      true,
      false,
    ]);
  });

  it('CPUs, and the language of a process [P.help.detect_language]', () => {
    world();
    expect(getOnlineCpus()).toContain(0);
    expect(getPossibleCpus().length).toBeGreaterThanOrEqual(getOnlineCpus().length);
    expect(detectLanguage(['python', 'node'], process.pid)).toBe('node');
    expect(detectLanguage(['python'], process.pid)).toBeUndefined();
  });

  it('comparisons of strings in filters [P.help.StrcmpRewrite]', () => {
    const first = StrcmpRewrite.rewriteExpr('STRCMP("abc", arg1) && x', false, true, [], '', 0);
    expect(first.expr).toBe('streq_0("abc", arg1) && x');
    expect(first.streqFunctions).toContain('bpf_probe_read_user(');
    const second = StrcmpRewrite.rewriteExpr(
      'STRCMP("d",a)||STRCMP("e",b)',
      false,
      false,
      ['b'],
      first.streqFunctions,
      first.probeid,
    );
    expect([second.expr, second.probeid]).toEqual(['streq_1("d",a)||streq_2("e",b)', 3]);
    const { bpf } = world();
    const b = bpf(`${COUNT.replace('int count', 'static int count')}${second.streqFunctions}
int kprobe__tcp_v4_connect(struct pt_regs *ctx) { struct task_struct *t = (void *)bpf_get_current_task(); if (streq_1("d", (uintptr_t)t->comm)) return 0; return count(ctx); }`);
    expect(counted(b)).toBe(5);
  });

  it('filters of containers, by cgroup and mount namespace [P.help.containers]', () => {
    const { bpf } = world();
    const program = (maps: Parameters<typeof filterByContainers>[0]) =>
      `${COUNT}${filterByContainers(maps)}int kprobe__tcp_v4_connect(void *ctx) { if (container_should_be_filtered()) return 0; int zero = 0; n.increment(zero); return 0; }`;
    const all = bpf(program({}));
    const none = bpf(program({ cgroupmap: '/sys/fs/bpf/cg' }));
    const some = bpf(program({ cgroupmap: '/sys/fs/bpf/cg2', mntnsmap: '/sys/fs/bpf/ns' }));
    some.getTable<bigint, bigint>('cgroupset').set(1n, 1n);
    some.getTable<bigint, number>('mount_ns_set').set(0xf0000001n, 1);
    all.wait();
    expect([all, none, some].map((b) => Number(b.getTable<number, bigint>('n').get(0)))).toEqual([5, 0, 5]);
  });

  it('names of TCP states and flags [P.help.tcp]', () => {
    expect([tcpStateName(1), tcpStateName(10), tcpFlagNames(0x12)]).toEqual(['ESTABLISHED', 'LISTEN', 'SYN|ACK']);
  });
});
