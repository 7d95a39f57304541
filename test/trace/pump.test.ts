/**
 * Pumping: time limits, going on within one pump, all system calls hooked, none hooked, the CPU that is reported and the pinning that nobody
 * may notice.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { describe, expect, it } from 'vitest';
import { TraceSource } from '../../bindings/trace/index.ts';
import type { TaskEvent } from '../../core/model/source.ts';
import { SYSCALLS } from '../../core/progs/syscall-table.gen.ts';
import { bundle } from './bundle.ts';
import { interest, nameOf, only, onPath, python, strace, trace, unavailable } from './harness.ts';

const suite = unavailable ? `(skipped: ${unavailable})` : '';

describe.skipIf(unavailable)(`pump ${suite}`, () => {
  it('comes back when time is up, not before, and takes what is there when there is none', () => {
    const source = new TraceSource({ command: ['sleep', '1000'] });
    source.start([]);
    expect([source.pump(30_000, () => {}), source.pump(30_000, () => {})]).toEqual(['ready', 'ready']);
    const start = performance.now();
    expect(source.pump(60, () => {})).toBe('timeout');
    expect(performance.now() - start).toBeGreaterThanOrEqual(59);
    expect(source.pump(0, () => {})).toBe('timeout');
    source.stop('kill');
    expect(source.pump(-1, () => {})).toBe('ended');
  });

  it('gives one event a call, or goes on within it where deliver answers true', () => {
    const run = (answer: boolean): { pumps: number; types: string[] } => {
      const source = new TraceSource({ command: ['sh', '-c', 'true'] });
      source.start(interest('execve'));
      const types: string[] = [];
      let pumps = 0;
      for (let result = ''; result !== 'ended'; pumps++) {
        result = source.pump(-1, (event) => {
          types.push(event.type);
          return answer;
        });
      }
      return { pumps, types };
    };
    const types = ['start', 'enter', 'exec', 'exit', 'task_exit'];
    expect(run(false)).toEqual({ pumps: 6, types });
    expect(run(true)).toEqual({ pumps: 1, types });
  });

  it('an error of deliver comes through, and the command is not left standing', () => {
    const source = new TraceSource({ command: ['sh', '-c', 'exit 2'] });
    source.start(interest('openat'));
    expect(() =>
      source.pump(-1, () => {
        throw new Error('of the script');
      }),
    ).toThrow('of the script');
    source.stop('detach');
    expect(source.pump(30_000, () => {})).toBe('ended');
    expect(source.exitStatus).toBe(2 << 8);
  });

  it('cannot be started twice, nor pumped before it is started, nor used on two threads', () => {
    const source = new TraceSource({ command: ['true'] });
    expect(() => source.pump(0, () => {})).toThrow(/not started/);
    source.start([]);
    expect(() => source.start([])).toThrow(/already/);
    source.stop('kill');
    expect(() => new TraceSource({})).toThrow(/a command or a pid/);
  });

  it('with nothing hooked there is start, exec, and the end', () => {
    const { events } = trace({ command: ['true'] }, []);
    expect(events.map((event) => event.type)).toEqual(['start', 'exec', 'task_exit']);
    expect(only(events, 'exec')[0]).toMatchObject({ comm: 'true', filename: expect.stringMatching(/\/true$/) });
  });

  it.skipIf(!onPath('strace'))('with every call hooked, the calls are those of strace', () => {
    const source = new TraceSource({ command: ['/bin/cat', '/etc/hostname'] });
    source.start(SYSCALLS.map((row) => ({ nr: row.nr, exit: true })));
    const calls: string[] = [];
    while (source.pump(-1, (e) => e.type === 'enter' && calls.push(nameOf(e.nr))) !== 'ended');
    const names = strace(['/bin/cat', '/etc/hostname'], ['all']).calls.map((call) => call.name);
    // strace has it under the C library's name.
    expect(calls).toEqual(names.map((name) => (name === 'pread64' && !calls.includes(name) ? 'pread' : name)));
  });
});

// mov eax, 20; int 0x80; ret: getpid by its i386 number, which on x86-64 is writev.
const I386 = `
import ctypes, mmap, os
page = mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
page.write(bytes([0xb8, 20, 0, 0, 0, 0xcd, 0x80, 0xc3]))
call = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))
os.getppid()
assert call() in (os.getpid(), -38), call()
os.getppid()
`;

describe.skipIf(unavailable || !python)(`calls of another architecture ${suite}`, () => {
  it('pass by unseen, and are not taken for what their number means on x86-64', () => {
    const { events, status } = trace({ command: [python!, '-c', I386] }, ['getppid', 'writev']);
    expect(status).toBe(0);
    expect(only(events, 'enter').map((event) => nameOf(event.nr))).toEqual(['getppid', 'getppid']);
  });
});

const BUSY = `
import os, subprocess, sys
before = os.sched_getaffinity(0)
for _ in range(1000): os.getppid()
os.getpid()
inner = subprocess.run([sys.executable, '-c', 'import os; print(sorted(os.sched_getaffinity(0)))'], capture_output=True, text=True)
assert inner.stdout.strip() == str(sorted(before)), inner
for _ in range(1000): os.getppid()
assert os.sched_getaffinity(0) == before
one = {max(before)}
os.sched_setaffinity(0, one)
for _ in range(1000): os.getppid()
assert os.sched_getaffinity(0) == one
`;

const allowed = (tid: number): string =>
  /Cpus_allowed_list:\t(.*)/.exec(readFileSync(`/proc/${tid}/status`, 'utf8'))![1]!;

describe.skipIf(unavailable || !python || availableParallelism() < 2)(`CPUs ${suite}`, () => {
  it('a task that stops often is kept on the CPU of the tracer, and cannot tell', () => {
    const ours = allowed(process.pid);
    const pinned: string[] = [];
    const { status } = trace({ command: [python!, '-c', BUSY] }, ['getppid', 'getpid'], (event) => {
      if (event.type === 'enter' && nameOf(event.nr) === 'getpid') pinned.push(allowed(event.tid));
    });
    expect(status).toBe(0);
    expect(pinned[0]).toMatch(/^\d+$/);
    expect(allowed(process.pid)).toBe(ours);
  });

  it.skipIf(!onPath('taskset'))('an event names the CPU that the task ran on', () => {
    const list = /(\d+)$/.exec(allowed(process.pid))![1]!;
    const script = 'import os\nfor _ in range(300): os.getppid()';
    const { events } = trace({ command: ['taskset', '-c', list, python!, '-c', script] }, ['getppid']);
    const calls = only(events, 'enter');
    expect(calls.length).toBe(300);
    expect(new Set(calls.map((event: TaskEvent) => event.cpu))).toEqual(new Set([Number(list)]));
  });
});

describe.skipIf(unavailable)(`ending as the command ended ${suite}`, () => {
  it.each(['SIGTERM', 'SIGSEGV', 'SIGPIPE', 'SIGINT'] as const)('by %s', (signal) => {
    const script = bundle(`
      import { addon } from '../../bindings/addon/index.ts';
      process.on('SIGINT', () => {});
      addon().dieBy(require('node:os').constants.signals['${signal}']);
    `);
    expect(spawnSync(process.execPath, ['-e', script]).signal).toBe(signal);
  });
});
