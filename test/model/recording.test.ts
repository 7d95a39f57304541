import { describe, expect, it } from 'vitest';
import { BpfError } from '../../core/base/errors.ts';
import type { Insn } from '../../core/isa/insn.ts';
import type { ModelBackend } from '../../core/model/backend.ts';
import { parseRecording, Recorder, ReplaySource } from '../../core/model/recording.ts';
import { ERRNO } from '../../core/model/syscalls/errno.ts';
import { defineWorkload, WORKLOADS, type Workload, WorkloadSource } from '../../core/model/workload/index.ts';
import { addImm, attach, call, HELPER, load, messages, modelWith, mov, movImm, printk, R, runAll } from './programs.ts';

const readPath = (reg: number): Insn[] => [
  load('DW', R.r3, R.r1, reg),
  mov(R.r1, R.fp),
  addImm(R.r1, -32),
  movImm(R.r2, 32),
  call(HELPER.probe_read_user_str),
  mov(R.r8, R.r0),
  mov(R.r7, R.fp),
  addImm(R.r7, -32),
];

/** A tool with several kinds of hooks. */
function tool(b: ModelBackend): void {
  attach(b, 'kprobe:tcp_v4_connect', [load('DW', R.r6, R.r1, 112), ...printk('connect %lx', R.r6)]);
  attach(b, 'kretprobe:tcp_v4_connect', [load('DW', R.r6, R.r1, 80), ...printk('connected %d', R.r6)]);
  attach(b, 'tracepoint:syscalls:sys_enter_openat', [...readPath(24), ...printk('open %s (%d)', R.r7, R.r8)]);
  attach(b, 'tracepoint:sched:sched_process_exec', [load('W', R.r6, R.r1, 12), ...printk('exec %d', R.r6)]);
}

/** Workloads of the machine need hooks that other recordings do not have. */
const TOOL_OF: Readonly<Record<string, (b: ModelBackend) => void>> = {
  disks(b) {
    attach(b, 'tracepoint:block:block_rq_complete', [load('DW', R.r6, R.r1, 16), ...printk('sector %ld', R.r6)]);
    attach(b, 'kprobe:blk_mq_start_request', [load('DW', R.r6, R.r1, 112), ...printk('request %lx', R.r6)]);
  },
  runqueue(b) {
    attach(b, 'tracepoint:sched:sched_switch', [load('W', R.r6, R.r1, 56), ...printk('next %d', R.r6)]);
    attach(b, 'kprobe:ttwu_do_wakeup', printk('wakeup'));
  },
};
const plainTool = tool;

function record(workload: Workload, use: (b: ModelBackend) => void, options = {}): { text: string; lines: string[] } {
  const out: string[] = [];
  const b = modelWith(new Recorder(new WorkloadSource(workload), (line) => out.push(line), options));
  use(b);
  const lines = runAll(b);
  return { text: out.map((l) => `${l}\n`).join(''), lines };
}

function replay(text: string, use: (b: ModelBackend) => void): { lines: string[]; source: ReplaySource } {
  const source = new ReplaySource(text);
  const b = modelWith(source);
  use(b);
  return { lines: runAll(b), source };
}

describe('a recording', () => {
  it.each(WORKLOADS.map((w) => w.name))('of workload %s replays to the same bytes, any number of times', (name) => {
    const workload = WORKLOADS.find((w) => w.name === name)!;
    const tool = TOOL_OF[name] ?? plainTool;
    const plain = (() => {
      const b = modelWith(new WorkloadSource(workload));
      tool(b);
      return runAll(b);
    })();
    expect(plain.length).toBeGreaterThan(2);
    const { text, lines } = record(workload, tool);
    expect(lines).toEqual(plain);
    expect(replay(text, tool).lines).toEqual(plain);
    expect(replay(text, tool).lines).toEqual(plain);
  });

  it('is the same text every time, and a recording of its replay is the same too', () => {
    const { text } = record(WORKLOADS[0]!, tool);
    expect(record(WORKLOADS[0]!, tool).text).toBe(text);
    const again: string[] = [];
    const b = modelWith(new Recorder(new ReplaySource(text), (line) => again.push(line)));
    tool(b);
    runAll(b);
    expect(again.map((l) => `${l}\n`).join('')).toBe(text);
  });

  it('made by one tool serves another', () => {
    const hello = WORKLOADS.find((w) => w.name === 'hello')!;
    const { text } = record(hello, (b) => void attach(b, 'kprobe:do_exit', printk('bye')));
    const { lines, source } = replay(text, tool);
    expect(messages(lines).filter((m) => m.startsWith('open'))).toEqual(Array(3).fill('open /etc/hostname (14)'));
    expect(source.view.misses).toEqual({ memory: 0, fds: 0, tasks: 0, routes: 0 });
  });

  it('answers -EFAULT for what was not recorded, and counts it', () => {
    const { text } = record(WORKLOADS.find((w) => w.name === 'hello')!, tool);
    const far: Insn[] = [
      load('DW', R.r3, R.r1, 24),
      addImm(R.r3, 8192),
      mov(R.r1, R.fp),
      addImm(R.r1, -8),
      movImm(R.r2, 8),
      call(HELPER.probe_read_user),
      mov(R.r6, R.r0),
      ...printk('%d', R.r6),
    ];
    const { lines, source } = replay(text, (b) => void attach(b, 'tracepoint:syscalls:sys_enter_openat', far));
    expect(messages(lines)).toEqual(['-14', '-14', '-14']);
    expect(source.view.misses.memory).toBe(3);
  });

  it('keeps the exit status, and what a killed task leaves', () => {
    const killed = defineWorkload('killed', '', (w) => {
      const t = w.spawn({ comm: 'x' });
      t.connect(t.socket(), '10.1.1.1', 80, { killed: true });
    });
    const { text, lines } = record(killed, tool);
    expect(messages(lines).at(-1)).toBe('connected 0');
    const { lines: again, source } = replay(text, tool);
    expect(again).toEqual(lines);
    expect(source.exitStatus).toBe(0);
    expect(parseRecording(text).header.calls.some(([nr]) => nr === 42)).toBe(true);
  });

  it('of hooked calls only refuses a tool that needs others, when it attaches', () => {
    const { text } = record(WORKLOADS[0]!, (b) => void attach(b, 'kprobe:tcp_v4_connect', printk('x')), {
      hookedOnly: true,
    });
    const b = modelWith(new ReplaySource(text));
    expect(() => attach(b, 'kprobe:vfs_read', printk('x'))).toThrow(
      /kprobe vfs_read with a replay source is not supported on the model backend: these workloads have it: hello/,
    );
  });
});

describe('a damaged recording is one error, before anything runs', () => {
  const { text } = record(WORKLOADS[0]!, tool);
  const lines = text.split('\n');
  const message = (bad: string): string => {
    try {
      new ReplaySource(bad, { name: 'FILE' });
    } catch (error) {
      expect(error).toBeInstanceOf(BpfError);
      return (error as Error).message;
    }
    return 'no error';
  };

  it('cut at any byte', () => {
    for (let at = 0; at < text.length - 1; at += 97)
      expect(message(text.slice(0, at))).toMatch(/^FILE:\d+: the recording is (truncated|empty)/);
    expect(message(text.slice(0, -1))).toBe('no error');
    expect(message(text.slice(0, text.lastIndexOf('{')))).toBe(
      `FILE:${lines.length - 2}: the recording is truncated: it has no end line after ${lines.length - 3} events`,
    );
  });

  it('garbled', () => {
    const swap = (i: number, line: string) => lines.map((l, n) => (n === i ? line : l)).join('\n');
    expect(message('')).toBe('FILE:1: the recording is empty');
    expect(message('hello\n')).toMatch(/^FILE:1: the line is no JSON/);
    expect(message('{"a":1}\n')).toBe('FILE:1: this is no skep recording (the first line is not its header)');
    expect(message(swap(0, lines[0]!.replace('"version":1', '"version":9')))).toBe(
      'FILE:1: the recording has version 9; this skep reads version 1',
    );
    expect(message(swap(3, '{"t":"enter"'))).toMatch(/^FILE:4: the line is no JSON: the recording is damaged/);
    expect(message(swap(3, '{"t":"dance","ts":"1","cpu":0,"tid":1}'))).toBe("FILE:4: there is no event 'dance'");
    expect(message(swap(3, '{"t":"start","ts":"1","cpu":0}'))).toBe("FILE:4: 'tid' is missing or no whole number");
    expect(message(swap(3, '{"t":"start","ts":"1","cpu":0,"tid":1,"mem":[[1,"0x0","0g"]]}'))).toBe(
      "FILE:4: 'mem' has bytes that are no hex text",
    );
    expect(message([...lines.slice(0, 3), ...lines.slice(4)].join('\n'))).toMatch(
      /^FILE:\d+: the recording is damaged: it says \d+ events and has \d+$/,
    );
    expect(message(`${text}{}\n`)).toBe(`FILE:${lines.length}: the recording goes on after its end`);
  });
});

describe('virtual time', () => {
  it('a wait ends at its timeout without waiting', () => {
    const w = defineWorkload('slow', '', (world) => {
      const t = world.spawn({ comm: 'x' });
      for (let i = 0; i < 3; i++) {
        world.advance(1_500_000_000n);
        t.open('/a', 0, -ERRNO.ENOENT);
      }
    });
    const b = modelWith(new WorkloadSource(w));
    attach(b, 'kprobe:do_sys_openat2', printk('open'));
    const began = Date.now();
    const seen: string[] = [];
    let result = b.wait(1000);
    for (; result !== 'ended'; result = b.wait(1000)) seen.push(`${result} ${Math.round(b.nowMs() / 100)}`);
    expect(seen).toEqual(['timeout 20', 'ready 25', 'timeout 35', 'ready 40', 'timeout 50', 'ready 55']);
    expect(Date.now() - began).toBeLessThan(900);
  });
});
