import { describe, expect, it } from 'vitest';
import { BpfError, VerifierError } from '../../core/base/errors.ts';
import type { Insn } from '../../core/isa/insn.ts';
import { ModelBackend } from '../../core/model/backend.ts';
import type { EventSource } from '../../core/model/source.ts';
import { connects } from '../../core/model/workload/connects.ts';
import { WorkloadSource } from '../../core/model/workload/index.ts';
import type { MapSpec } from '../../core/spec/spec.ts';
import {
  addImm,
  attach,
  call,
  EMPTY_OBJECT,
  HELPER,
  load,
  loadMap,
  messages,
  modelOf,
  modelWith,
  mov,
  movImm,
  printk,
  program,
  R,
  runAll,
  shippedBtf,
  store,
} from './programs.ts';

const oneOpen = () => modelOf((w) => void w.spawn({ comm: 'x', pid: 77 }).open('/a'));

const spec = (type: string, more: Partial<MapSpec> = {}): MapSpec => ({
  name: 'm',
  type,
  keySize: 4,
  valueSize: 8,
  maxEntries: 16,
  flags: 0,
  keyType: 0,
  valueType: 0,
  ...more,
});

describe('attaching', () => {
  it('to a function that Linux has and the model never passes says so, with what is near', () => {
    const b = oneOpen();
    const go = () => attach(b, 'kprobe:tcp_v4_rcv', []);
    expect(go).toThrow(BpfError);
    expect(() => attach(b, 'kprobe:vfs_reed', [])).toThrow(/^there is no kernel function vfs_reed; nearest: vfs_read/);
    const known = [...shippedBtf().names('func')].find((f) => !new Set(b.kernelFunctions()).has(f))!;
    expect(() => attach(b, `kprobe:${known}`, [])).toThrow(
      `the model kernel never passes ${known}: it is a function of Linux that only the linux backend can probe`,
    );
  });

  it('to other things that are not there', () => {
    const b = oneOpen();
    expect(() => attach(b, 'tracepoint:sched:sched_process_exek', [])).toThrow(
      /no tracepoint sched:sched_process_exek; nearest: sched:sched_process_exec/,
    );
    expect(() => attach(b, 'raw_tracepoint:sys_entry', [])).toThrow(/no raw tracepoint sys_entry; nearest: sys_enter/);
    expect(() => attach(b, 'kprobe:vfs_read+16', [])).toThrow(
      /a probe inside a function \(vfs_read\+16\) is not supported on the model backend/,
    );
    const handle = b.load(program('kprobe', []), EMPTY_OBJECT, new Map());
    expect(() => b.attach(handle, { kind: 'lsm', target: 'x' })).toThrow(
      /attaching a lsm \(x\) is not supported on the model backend: the model attaches kprobe,/,
    );
    expect(() => b.attach(handle, { kind: 'tracepoint', target: 'sched:sched_process_exec' })).toThrow(
      /program test of type kprobe cannot be attached as a tracepoint/,
    );
  });

  it('of a hook that the source can never fire names the workloads that can', () => {
    const inner = new WorkloadSource(connects);
    const source: EventSource = {
      name: 'trace',
      view: inner.view,
      canFire: (hook) => !hook.includes('tcp'),
      start: () => {},
      pump: () => 'ended',
      stop: () => {},
    };
    const b = modelWith(source);
    expect(() => attach(b, 'kprobe:tcp_v4_connect', [])).toThrow(
      'kprobe tcp_v4_connect with a trace source is not supported on the model backend: these workloads have it: connects, names; so may the linux backend',
    );
    attach(b, 'kprobe:vfs_read', []);
  });

  it('after the source has started is refused when its calls are not watched', () => {
    const b = oneOpen();
    attach(b, 'kprobe:do_sys_openat2', printk('open'));
    b.wait(0);
    expect(() => attach(b, 'kprobe:vfs_read', [])).toThrow(
      /the source runs already and does not watch the system calls this needs/,
    );
    attach(b, 'kprobe:do_filp_open', []);
  });

  it('ends with the link', () => {
    const b = modelOf((w) => {
      const t = w.spawn({ comm: 'x' });
      t.open('/a');
      t.open('/b');
    });
    const link = attach(b, 'kprobe:do_sys_openat2', printk('open'));
    const pipe = b.openTracePipe();
    expect(b.wait(-1)).toBe('ready');
    link.close();
    link.close();
    expect(b.wait(-1)).toBe('ended');
    expect(pipe.read()).toContain('open');
    expect(pipe.read()).toBeUndefined();
  });
});

describe('contexts', () => {
  it('kprobe: registers, the function in ip, the caller on the stack', () => {
    const b = oneOpen();
    attach(b, 'kprobe:do_sys_openat2', [
      load('DW', R.r6, R.r1, 128),
      load('DW', R.r3, R.r1, 152),
      mov(R.r1, R.fp),
      addImm(R.r1, -8),
      movImm(R.r2, 8),
      call(HELPER.probe_read_kernel),
      load('DW', R.r7, R.fp, -8),
      ...printk('%lx %lx', R.r6, R.r7),
    ]);
    const [ip, caller] = messages(runAll(b))[0]!
      .split(' ')
      .map((x) => BigInt(`0x${x}`));
    expect(b.ksym(ip!)).toEqual({ name: 'do_sys_openat2', offset: 0, module: 'kernel' });
    expect(b.ksym(caller!)!.name).toBe('do_sys_open');
    expect(b.ksymAddress('do_sys_openat2')).toBe(ip);
  });

  it('a system call wrapper gets a pointer to the user registers', () => {
    const b = oneOpen();
    attach(b, 'kprobe:__x64_sys_openat', [
      load('DW', R.r3, R.r1, 112),
      addImm(R.r3, 112),
      mov(R.r1, R.fp),
      addImm(R.r1, -8),
      movImm(R.r2, 8),
      call(HELPER.probe_read_kernel),
      load('W', R.r6, R.fp, -8),
      ...printk('dfd %d', R.r6),
    ]);
    expect(messages(runAll(b))).toEqual(['dfd -100']);
  });

  it('kfunc and kretfunc: arguments as 64-bit words, then the result', () => {
    const b = modelOf((w) => {
      const t = w.spawn({ comm: 'x' });
      t.read(t.open('/a'), 100, new Uint8Array(10));
    });
    const at = (kind: string, insns: readonly Insn[]) => {
      const attachType = kind === 'kfunc' ? 'trace_fentry' : 'trace_fexit';
      const prog = { ...program('tracing', insns), attachType, attach: { kind, target: 'vfs_read' } };
      b.attach(b.load(prog, EMPTY_OBJECT, new Map()), { kind, target: 'vfs_read' });
    };
    at('kfunc', [load('DW', R.r6, R.r1, 16), ...printk('count %d', R.r6)]);
    at('kretfunc', [load('DW', R.r6, R.r1, 32), load('DW', R.r7, R.r1, 16), ...printk('ret %d of %d', R.r6, R.r7)]);
    const lines = runAll(b);
    expect(messages(lines)).toEqual(['count 100', 'ret 10 of 100']);
    expect(lines[0]).toContain(' ...11 ');
  });

  it('only one program type fits each kind, and programs of one hook run in the order they came', () => {
    const b = oneOpen();
    attach(b, 'kprobe:do_sys_openat2', printk('one'));
    attach(b, 'kprobe:do_sys_openat2', printk('two'));
    expect(messages(runAll(b))).toEqual(['one', 'two']);
  });
});

describe('maps', () => {
  /** key = pid, value = 1. */
  const count: Insn[] = [
    call(HELPER.get_current_pid_tgid),
    store('W', R.fp, -4, R.r0),
    movImm(R.r6, 1),
    store('DW', R.fp, -16, R.r6),
    loadMap(R.r1),
    mov(R.r2, R.fp),
    addImm(R.r2, -4),
    mov(R.r3, R.fp),
    addImm(R.r3, -16),
    movImm(R.r4, 0),
    call(HELPER.map_update_elem),
  ];

  it('are shared by programs and user space; pinned ones by their name', () => {
    const b = oneOpen();
    const map = b.createMap(spec('hash', { pin: '/sys/fs/bpf/m' }), EMPTY_OBJECT);
    const handle = b.load(
      program('kprobe', count, [{ kind: 'map', insn: 4, map: 'm' }]),
      EMPTY_OBJECT,
      new Map([['m', map]]),
    );
    b.attach(handle, { kind: 'kprobe', target: 'do_sys_openat2' });
    runAll(b);
    const key = Uint8Array.of(77, 0, 0, 0);
    expect(map.lookup(key)).toEqual(Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0));
    expect(map.nextKey(undefined)).toEqual(key);
    map.close();
    const again = b.createMap(spec('hash', { pin: '/sys/fs/bpf/m' }), EMPTY_OBJECT);
    expect(again.lookupAndDelete(key)).toEqual(Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0));
    expect(again.delete(key)).toBe(-2);
    expect(() => b.createMap(spec('hash', { pin: '/sys/fs/bpf/m', valueSize: 4 }), EMPTY_OBJECT)).toThrow(
      /of another kind/,
    );
  });

  it('refuse what the kernel refuses, with its errno', () => {
    const b = oneOpen();
    expect(() => b.createMap(spec('hash', { maxEntries: 0 }), EMPTY_OBJECT)).toThrow(/EINVAL/);
    expect(() => b.createMap(spec('hush'), EMPTY_OBJECT)).toThrow(/there is no map type 'hush'/);
  });

  it('a program that names a map which is not there', () => {
    const b = oneOpen();
    const prog = program('kprobe', count, [{ kind: 'map', insn: 4, map: 'm' }]);
    expect(() => b.load(prog, EMPTY_OBJECT, new Map())).toThrow(/m/);
  });
});

describe('perf buffers', () => {
  const output: Insn[] = [
    mov(R.r6, R.r1),
    call(HELPER.get_current_pid_tgid),
    store('DW', R.fp, -8, R.r0),
    mov(R.r1, R.r6),
    loadMap(R.r2),
    { ...movImm(R.r3, -1), opcode: 0xb4 },
    mov(R.r4, R.fp),
    addImm(R.r4, -8),
    movImm(R.r5, 8),
    call(HELPER.perf_event_output),
  ];

  it('bring records in the order of their events, and tell what was lost', () => {
    const b = modelOf(
      (w) => {
        const t = w.spawn({ comm: 'x', pid: 77, cpu: 1 });
        for (let i = 0; i < 300; i++) t.open('/a');
      },
      { cpus: 2 },
    );
    const map = b.createMap(spec('perf_event_array', { valueSize: 4, maxEntries: 2 }), EMPTY_OBJECT);
    const handle = b.load(
      program('kprobe', output, [{ kind: 'map', insn: 4, map: 'm' }]),
      EMPTY_OBJECT,
      new Map([['m', map]]),
    );
    b.attach(handle, { kind: 'kprobe', target: 'do_sys_openat2' });
    const reader = b.openRecords(map, { pages: 1 });
    const seen: string[] = [];
    const sink = {
      onRecord: (cpu: number, data: Uint8Array) => void seen.push(`${cpu}:${data[0]}`),
      onLost: (cpu: number, count: number) => void seen.push(`${cpu} lost ${count}`),
    };
    expect(b.wait(-1)).toBe('ready');
    expect(reader.consume(sink)).toBe(1);
    expect(seen).toEqual(['1:77']);
    // Nobody reads for the rest: what does not fit in 4096 bytes is lost.
    while (b.wait(-1) !== 'ended');
    const records = reader.consume(sink);
    const lost = Number(seen.at(-1)!.split(' ')[2]);
    expect(records + lost).toBe(299);
    expect(lost).toBeGreaterThan(100);
    reader.close();
  });
});

describe('ring buffers and tail calls', () => {
  it('a ring buffer brings its records', () => {
    const b = oneOpen();
    const map = b.createMap(spec('ringbuf', { keySize: 0, valueSize: 0, maxEntries: 4096 }), EMPTY_OBJECT);
    const send: Insn[] = [
      movImm(R.r6, 0x1234),
      store('DW', R.fp, -8, R.r6),
      loadMap(R.r1),
      mov(R.r2, R.fp),
      addImm(R.r2, -8),
      movImm(R.r3, 8),
      movImm(R.r4, 0),
      call(130),
    ];
    const prog = program('kprobe', send, [{ kind: 'map', insn: 2, map: 'm' }]);
    b.attach(b.load(prog, EMPTY_OBJECT, new Map([['m', map]])), { kind: 'kprobe', target: 'do_sys_openat2' });
    const reader = b.openRecords(map, {});
    const seen: string[] = [];
    const sink = {
      onRecord: (cpu: number, data: Uint8Array) => void seen.push(`${cpu} ${data[0]} ${data[1]}`),
      onLost: () => {},
    };
    expect(b.wait(-1)).toBe('ready');
    expect(reader.consume(sink)).toBe(1);
    expect(seen).toEqual(['-1 52 18']);
  });

  it('a tail call goes on in the program of the slot, and falls through an empty one', () => {
    const b = oneOpen();
    const array = b.createMap(spec('prog_array', { valueSize: 4, maxEntries: 4 }), EMPTY_OBJECT);
    const maps = new Map([['m', array]]);
    const jump = (slot: number): Insn[] => [
      mov(R.r6, R.r1),
      mov(R.r1, R.r6),
      loadMap(R.r2),
      movImm(R.r3, slot),
      call(12),
      ...printk('fell through'),
    ];
    const target = b.load(program('kprobe', printk('target')), EMPTY_OBJECT, new Map());
    const wrong = b.load(program('tracepoint', []), EMPTY_OBJECT, new Map());
    const word = (n: number) => Uint8Array.of(n, 0, 0, 0);
    expect(array.update(word(1), word(target.fd!))).toBe(0);
    expect(array.update(word(2), word(wrong.fd!))).toBe(-22);
    expect(array.update(word(2), word(200))).toBe(-9);
    target.close();
    for (const slot of [1, 2, 9]) {
      const prog = program('kprobe', jump(slot), [{ kind: 'map', insn: 2, map: 'm' }]);
      b.attach(b.load(prog, EMPTY_OBJECT, maps), { kind: 'kprobe', target: 'do_sys_openat2' });
    }
    expect(messages(runAll(b))).toEqual(['target', 'fell through', 'fell through']);
  });
});

describe('loading and running', () => {
  it('a program that the verifier refuses is not loaded', () => {
    const b = oneOpen();
    expect(() => b.load(program('kprobe', [mov(R.r0, R.r9)]), EMPTY_OBJECT, new Map())).toThrow(VerifierError);
  });

  it('a fault of an unverified program comes out of wait, after its event', () => {
    const b = modelOf((w) => void w.spawn({ comm: 'x' }).open('/a'), { verify: false });
    attach(b, 'kprobe:do_sys_openat2', [movImm(R.r1, 0), load('DW', R.r0, R.r1, 0)]);
    attach(b, 'kprobe:do_sys_openat2', printk('still here'));
    const pipe = b.openTracePipe();
    expect(() => b.wait(-1)).toThrow(/fault at pc 1/);
    expect(pipe.read()).toContain('still here');
  });

  it('without a source the world ends at once; close frees everything', () => {
    const b = new ModelBackend({ btf: shippedBtf(), engine: 'interp', release: '6.1.99' });
    expect([b.name, b.release, b.cpus]).toEqual(['model', '6.1.99', 1]);
    attach(b, 'kprobe:vfs_read', []);
    expect(b.wait(-1)).toBe('ended');
    b.close();
    b.close();
    expect(() => new ModelBackend({ btf: shippedBtf(), engine: 'steam' })).toThrow(
      /there is no engine 'steam'; there is: auto, /,
    );
  });

  it('every engine gives the same bytes', () => {
    const run = (engine: string) => {
      const b = modelWith(new WorkloadSource(connects), { engine });
      attach(b, 'kretprobe:tcp_v4_connect', [load('DW', R.r6, R.r1, 80), ...printk('%d', R.r6)]);
      return runAll(b);
    };
    expect(run('jit')).toEqual(run('interp'));
    expect(run('interp')).toHaveLength(5);
  });

  it('two runs of one workload are the same to the byte; another seed changes only random numbers', () => {
    const run = (seed: number) => {
      const b = modelWith(new WorkloadSource(connects), { seed });
      attach(b, 'kprobe:tcp_v4_connect', [call(7), mov(R.r7, R.r0), ...printk('%x', R.r7)]);
      return runAll(b);
    };
    expect(run(1)).toEqual(run(1));
    expect(run(1)).not.toEqual(run(2));
    const shape = (lines: string[]) => lines.map((l) => l.replace(/[0-9a-f]+$/, ''));
    expect(shape(run(1))).toEqual(shape(run(2)));
  });
});
