/**
 * Where the tracer runs and how it ends: in a worker that the main thread interrupts; killed; as another user; attached to what was
 * running before.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { interrupt, TraceSource } from '../../bindings/trace/index.ts';
import type { TaskEvent } from '../../core/model/source.ts';
import { bundle } from './bundle.ts';
import { interest, nr, only, python, trace, unavailable } from './harness.ts';

const suite = unavailable ? `(skipped: ${unavailable})` : '';

/** 'gone' or the state letter; a zombie that init has not buried yet is gone. */
function isGone(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /s, '')[0] === 'Z';
  } catch {
    return true;
  }
}

async function until(what: () => boolean): Promise<void> {
  for (const deadline = Date.now() + 20_000; !what(); ) {
    if (Date.now() > deadline) throw new Error(`still not: ${what}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe.skipIf(unavailable)(`interrupting a worker ${suite}`, () => {
  const ROUNDS = 20_000;
  // Word 0 and 1 are the source's; 2 counts the interrupts that arrived.
  const script = bundle(`
    import { workerData, parentPort } from 'node:worker_threads';
    const signal = workerData;
    const source = new TraceSource({ command: ['sleep', '1000'], signal });
    source.start([]);
    while (Atomics.load(signal, 2) < ${ROUNDS}) {
      const result = source.pump(-1, () => true);
      if (result !== 'interrupted') throw new Error('pump answered ' + result);
      Atomics.store(signal, 0, 0);
      Atomics.add(signal, 2, 1);
      Atomics.notify(signal, 2);
    }
    source.stop('kill');
    parentPort.postMessage({ pid: source.pid, status: source.exitStatus });
  `);

  it(`${ROUNDS} interrupts, none lost, at whatever moment they come`, async () => {
    const signal = new Int32Array(new SharedArrayBuffer(12));
    const worker = new Worker(script, { eval: true, workerData: signal });
    const done = once(worker, 'message');
    const failed = once(worker, 'error').then(([error]) => Promise.reject(error));
    failed.catch(() => {});
    await Promise.race([until(() => Atomics.load(signal, 1) !== 0), failed]);
    for (let i = 0; i < ROUNDS; i++) {
      // A little later each time, so that the kick meets the worker everywhere on its way back into the wait.
      for (let spin = i % 256; spin > 0; spin--) Atomics.load(signal, 0);
      interrupt(signal);
      // Spinning, since waking from a sleep would take longer than that way is. A lost kick leaves the worker in its wait for ever.
      for (let spin = 0; Atomics.load(signal, 2) === i; spin++) {
        if (spin === 1 << 28) throw new Error(`interrupt ${i} was lost`);
      }
    }
    const [{ pid, status }] = (await Promise.race([done, failed])) as [{ pid: number; status: number }];
    expect(status).toBe(9);
    expect(isGone(pid)).toBe(true);
    await worker.terminate();
  });
});

describe.skipIf(unavailable)(`Ctrl-C on the main thread ${suite}`, () => {
  // Pumps on the main thread; the first SIGINT ends the pump, and the second the program.
  const script = bundle(`
    const { writeSync } = require('node:fs');
    const signal = new Int32Array(new SharedArrayBuffer(8));
    const release = catchInterrupts(signal);
    const source = new TraceSource({ command: ['sleep', '1000'], signal });
    source.start([]);
    const answers = [];
    for (let i = 0; i < 3; i++) {
      writeSync(1, 'pumping\\n');
      let answer;
      while ((answer = source.pump(-1, () => true)) === 'ready');
      answers.push(answer);
      if (process.argv[1] === 'keep') while (true);
      Atomics.store(signal, 0, 0);
    }
    source.stop('kill');
    release();
    writeSync(1, answers.join(' ') + ' ' + source.exitStatus + '\\n');
    process.kill(process.pid, 'SIGINT');
  `);
  const start = (argument: string): ChildProcess =>
    spawn(process.execPath, ['-e', script, argument], { stdio: ['ignore', 'pipe', 'inherit'] });

  it('ends the pump each time it is heard; released, it ends the program', async () => {
    const child = start('hear');
    let output = '';
    child.stdout!.on('data', (chunk) => {
      output += chunk;
      if (String(chunk).endsWith('pumping\n')) child.kill('SIGINT');
    });
    expect(await once(child, 'exit')).toEqual([null, 'SIGINT']);
    expect(output).toBe('pumping\npumping\npumping\ninterrupted interrupted interrupted 9\n');
  });

  it('twice ends a program that does not listen', async () => {
    const child = start('keep');
    await once(child.stdout!, 'data');
    const again = setInterval(() => child.kill('SIGINT'), 5);
    expect(await once(child, 'exit')).toEqual([null, 'SIGINT']);
    clearInterval(again);
  });
});

describe.skipIf(unavailable)(`a tracer that dies ${suite}`, () => {
  it('takes the command along', async () => {
    const script = bundle(`
      const source = new TraceSource({ command: ['sh', '-c', 'sleep 1000 & sleep 1000'] });
      source.start([{ nr: 59, exit: false }]);
      const pids = new Set();
      let execs = 0;
      while (execs < 3) source.pump(-1, (e) => { pids.add(e.tid); if (e.type === 'exec') execs++; });
      require('node:fs').writeSync(1, [...pids].join(' '));
      process.kill(process.pid, 'SIGKILL');
    `);
    const run = spawnSync(process.execPath, ['-e', script], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
    expect(run.signal).toBe('SIGKILL');
    const pids = run.stdout.split(' ').map(Number);
    expect(pids.length).toBe(3);
    await until(() => pids.every(isGone));
  });

  it('by an error in a worker takes it along too', async () => {
    const script = bundle(`
      import { parentPort } from 'node:worker_threads';
      const source = new TraceSource({ command: ['sleep', '1000'] });
      source.start([]);
      source.pump(-1, () => {});
      parentPort.postMessage(source.pid);
      throw new Error('as a script may');
    `);
    const worker = new Worker(script, { eval: true });
    worker.on('error', () => {});
    const message = new Promise<number>((resolve) => worker.once('message', resolve));
    const exit = new Promise((resolve) => worker.once('exit', resolve));
    const pid = await message;
    await exit;
    await until(() => isGone(pid));
  });
});

describe.skipIf(unavailable)(`where tracing is refused ${suite}`, () => {
  it('says so: under another tracer', () => {
    const file = join(mkdtempSync(join(tmpdir(), 'skep-nested-')), 'said');
    const script = bundle(`require('node:fs').writeFileSync(process.argv[1], String(traceUnavailable()))`);
    expect(trace({ command: [process.execPath, '-e', script, file] }, ['connect']).status).toBe(0);
    expect(readFileSync(file, 'utf8')).toBe('ptrace(PTRACE_SEIZE) is refused here (EPERM)');
    rmSync(dirname(file), { recursive: true });
  });
});

const mayBeNobody = (() => {
  if (process.getuid?.() !== 0) return 'not root, so this run is itself the unprivileged one';
  const module_ = fileURLToPath(new URL('../../build/Release/skep.node', import.meta.url));
  try {
    accessSync(module_, constants.R_OK);
    const seen = spawnSync('cat', [module_], { uid: 65534, gid: 65534, stdio: 'ignore' });
    return seen.status === 0 ? undefined : 'this checkout is not readable for others';
  } catch {
    return 'no addon';
  }
})();

describe.skipIf(unavailable || mayBeNobody)(`as nobody ${unavailable ?? mayBeNobody ?? ''}`, () => {
  it('traces all the same', () => {
    const script = bundle(`
      const source = new TraceSource({ command: ['sh', '-c', 'cat /proc/self/status >/dev/null; exit 3'] });
      source.start([{ nr: 257, exit: true }, { nr: 59, exit: true }]);
      const seen = [];
      for (;;) {
        const result = source.pump(-1, (e) => {
          const path = e.type !== 'enter' ? '' : Buffer.from(source.view.readUpTo(e.tid, e.nr === 257 ? e.args[1] : e.args[0], 64)).toString().replace(/\\0.*/s, '');
          seen.push([e.type, path, source.view.task(e.tid)?.uid]);
        });
        if (result !== 'ready') break;
      }
      console.log(JSON.stringify({ problem: traceUnavailable(), status: source.exitStatus, seen }));
    `);
    const run = spawnSync(process.execPath, ['-e', script], { encoding: 'utf8', uid: 65534, gid: 65534, cwd: '/' });
    expect(run.stderr).toBe('');
    const { problem, status, seen } = JSON.parse(run.stdout) as {
      problem?: string;
      status: number;
      seen: [string, string, number][];
    };
    expect([problem, status]).toEqual([undefined, 3 << 8]);
    expect(seen.filter(([type, path]) => type === 'enter' && path === '/proc/self/status')).toEqual([
      ['enter', '/proc/self/status', 65534],
    ]);
  });
});

const SERVICE = `
import os, sys, threading
print(os.getpid(), flush=True)
def answer(): os.getppid(); return 'pong'
for line in sys.stdin:
    result = []
    t = threading.Thread(target=lambda: result.append(answer())); t.start(); t.join()
    print(result[0], flush=True)
`;

describe.skipIf(unavailable || !python)(`attached to a running process ${suite}`, () => {
  const line = (child: ChildProcess): Promise<string> =>
    new Promise((resolve) => {
      let text = '';
      const more = (chunk: Buffer): void => {
        text += chunk;
        if (!text.includes('\n')) return;
        child.stdout!.off('data', more);
        resolve(text.trim());
      };
      child.stdout!.on('data', more);
    });

  it('sees its calls and its new threads, and leaves it running', async () => {
    // Not a child of ours.
    const script = 'exec 3<&0; "$0" -u -c "$1" <&3 & wait $!';
    const child = spawn('sh', ['-c', script, python!, SERVICE], { stdio: ['pipe', 'pipe', 'inherit'] });
    const pid = Number(await line(child));
    const source = new TraceSource({ pid });
    source.start(interest('getppid'));
    const events: TaskEvent[] = [];
    const pump = (timeoutMs: number): string => source.pump(timeoutMs, (event) => events.push(event));
    pump(30_000);
    expect(only(events, 'start').map((event) => event.tid)).toEqual([pid]);
    const answered = line(child);
    child.stdin!.write('ping\n');
    while (only(events, 'exit').length === 0) {
      pump(10);
      await new Promise((resolve) => setImmediate(resolve));
    }
    while (only(events, 'task_exit').length === 0) {
      pump(10);
      await new Promise((resolve) => setImmediate(resolve));
    }
    const pumping = setInterval(() => pump(0), 1);
    expect(await answered).toBe('pong');
    clearInterval(pumping);
    const thread = only(events, 'fork')[0]!.child;
    expect(only(events, 'fork')[0]).toMatchObject({ kind: 'clone', childTgid: pid });
    expect(only(events, 'enter').map((event) => [event.tid, event.nr])).toEqual([[thread, nr('getppid')]]);
    expect(only(events, 'exit').map((event) => [event.tid, Number(event.ret)])).toEqual([[thread, child.pid]]);

    source.stop('detach');
    expect(source.pump(30_000, () => {})).toBe('ended');
    expect(readFileSync(`/proc/${pid}/status`, 'utf8')).toMatch(/TracerPid:\t0\n/);
    const again = line(child);
    child.stdin!.write('ping\n');
    expect(await again).toBe('pong');
    const exit = once(child, 'exit');
    child.stdin!.end();
    expect(await exit).toEqual([0, null]);
  });

  it('is refused for a child of Node, and where there is no such process', async () => {
    const child = spawn('sleep', ['1000']);
    expect(() => new TraceSource({ pid: child.pid! }).start([])).toThrow(/is a child of this process/);
    child.kill();
    await once(child, 'exit');

    const source = new TraceSource({ pid: 2 ** 22 + 1 });
    expect(() => source.start([])).toThrow(/attaching to process \d+: ptrace: ESRCH/);
  });
});
