import { describe, expect, it } from 'vitest';
import { rwbs } from '../../core/model/block.ts';
import { KernelObjects } from '../../core/model/objects.ts';
import { Recorder, ReplaySource } from '../../core/model/recording.ts';
import { Cpu, Disk, REQ_FLAG, REQ_OP } from '../../core/model/workload/machine.ts';
import { defineWorkload, WorkloadSource, type World } from '../../core/model/workload/workload.ts';
import { VmMemory } from '../../core/vm/memory.ts';
import {
  attach,
  HELPER,
  load,
  messages,
  modelOf,
  modelWith,
  printk,
  probeRead,
  R,
  runAll,
  shippedBtf,
} from './programs.ts';

const layout = new KernelObjects(new VmMemory(), shippedBtf());
const at = (struct: string, path: string) => layout.field(struct, path).offset;
const TEXT = -96;

/** Prints a field of the struct that register `reg` points to. */
const field = (what: string, reg: number, struct: string, path: string) => [
  ...probeRead(TEXT, layout.field(struct, path).size, reg, at(struct, path), HELPER.probe_read_kernel),
  load(layout.field(struct, path).size === 4 ? 'W' : 'DW', R.r7, R.fp, TEXT),
  ...printk(`${what} %ld`, R.r7),
];

describe('the block layer', () => {
  const script = (w: World) => {
    const cat = w.spawn({ comm: 'cat' });
    const disk = new Disk(w, 'sda', 8, 16);
    disk.request(cat, { op: 'write', sector: 2048, bytes: 8192, flags: ['sync', 'fua'] }).run(100n, 50n);
    const bad = disk.request(cat, { op: 'read', bytes: 512 });
    bad.issue();
    bad.done(5);
  };

  it('passes its functions and tracepoints in order, with the request', () => {
    const b = modelOf(script);
    for (const hook of [
      'kprobe:blk_account_io_start',
      'tracepoint:block:block_rq_insert',
      'kprobe:blk_mq_start_request',
    ])
      attach(b, hook, printk(hook.slice(hook.lastIndexOf(':') + 1)));
    attach(b, 'raw_tracepoint:block_rq_issue', [
      load('DW', R.r6, R.r1, 0),
      ...field('bytes', R.r6, 'request', '__data_len'),
      ...field('sector', R.r6, 'request', '__sector'),
    ]);
    attach(b, 'tracepoint:block:block_rq_complete', [load('W', R.r6, R.r1, 28), ...printk('error %d', R.r6)]);
    attach(b, 'kprobe:blk_account_io_done', printk('done'));
    const first = [
      'blk_account_io_start',
      'block_rq_insert',
      'blk_mq_start_request',
      'bytes 8192',
      'sector 2048',
      'error 0',
      'done',
    ];
    expect(messages(runAll(b))).toEqual([...first, ...first.slice(0, 3), 'bytes 512', 'sector 0', 'error -5', 'done']);
    expect([...b.kernel.objects.missing]).toEqual([]);
  });

  it('completes in nobody: the interrupt finds the idle task', () => {
    const b = modelOf(script);
    attach(b, 'tracepoint:block:block_rq_complete', printk('x'));
    for (const line of runAll(b).filter(Boolean)) expect(line).toContain('<idle>-0');
  });

  it('has the letters of blk_fill_rwbs', () => {
    const of = (op: keyof typeof REQ_OP, ...flags: (keyof typeof REQ_FLAG)[]) =>
      rwbs(flags.reduce((bits: number, flag) => bits | REQ_FLAG[flag], REQ_OP[op]));
    expect([of('read'), of('write', 'sync', 'fua'), of('read', 'readahead', 'meta'), of('discard'), rwbs(34)]).toEqual([
      'R',
      'WFS',
      'RAM',
      'D',
      'N',
    ]);
    expect(rwbs(REQ_OP.flush | (1 << 18))).toBe('FF');
  });
});

describe('the run queue', () => {
  const script = (w: World) => {
    const [a, b] = [w.spawn({ comm: 'a' }), w.spawn({ comm: 'b' })];
    const cpu = new Cpu(w);
    cpu.wake(a);
    cpu.run(a);
    cpu.wake(b);
    cpu.run(b, 'running');
    cpu.run(a);
    cpu.run(undefined, 'uninterruptible');
  };

  it('switches in the task that goes, and finishes in the one that comes', () => {
    const b = modelOf(script);
    attach(b, 'tracepoint:sched:sched_switch', [load('DW', R.r6, R.r1, 32), ...printk('state %ld', R.r6)]);
    attach(b, 'kprobe:finish_task_switch', [load('DW', R.r6, R.r1, 112), ...field('prev', R.r6, 'task_struct', 'pid')]);
    attach(b, 'tracepoint:sched:sched_wakeup', [load('W', R.r6, R.r1, 24), ...printk('wakes %d', R.r6)]);
    const who = (line: string) =>
      `${line
        .slice(0, 21)
        .trim()
        .replace(/^<idle>-0/, 'idle')} ${messages([line])[0]}`;
    expect(runAll(b).filter(Boolean).map(who)).toEqual([
      'idle wakes 1000',
      'idle state 0',
      'a-1000 prev 0',
      'a-1000 wakes 1001',
      'a-1000 state 0',
      'b-1001 prev 1000',
      'b-1001 state 1',
      'a-1000 prev 1001',
      'a-1000 state 2',
      'idle prev 1000',
    ]);
  });

  it('counts who is runnable in struct rq', () => {
    const b = modelOf(script);
    attach(b, 'kprobe:ttwu_do_wakeup', [load('DW', R.r6, R.r1, 112), ...field('running', R.r6, 'rq', 'nr_running')]);
    expect(messages(runAll(b))).toEqual(['running 1', 'running 2']);
    expect([...b.kernel.objects.missing]).toEqual([]);
  });
});

describe('sources that do not know the machine', () => {
  it('a recording without such events refuses, one with them serves', () => {
    const record = (script: (w: World) => void, hook: string) => {
      const out: string[] = [];
      const b = modelWith(
        new Recorder(new WorkloadSource(defineWorkload('x', 'x', script)), (line) => out.push(`${line}\n`)),
      );
      attach(b, hook, []);
      runAll(b);
      return out.join('');
    };
    const quiet = record((w) => void w.spawn({ comm: 'a' }).open('/x'), 'tracepoint:syscalls:sys_enter_openat');
    expect(() => attach(modelWith(new ReplaySource(quiet)), 'tracepoint:sched:sched_switch', [])).toThrow(
      'these workloads have it: runqueue',
    );
    const disk = record(
      (w) => new Disk(w, 'sda', 8, 0).request(w.spawn({ comm: 'a' }), { op: 'read', bytes: 512 }).run(1n),
      'tracepoint:block:block_rq_issue',
    );
    const b = modelWith(new ReplaySource(disk));
    attach(b, 'tracepoint:block:block_rq_issue', printk('issue'));
    expect(messages(runAll(b))).toEqual(['issue']);
  });
});
