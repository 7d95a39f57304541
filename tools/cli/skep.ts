/**
 * The `skep` command, main thread. A run that traces something live goes into a worker (HOUSE decision 8: ptrace belongs to one thread, and a
 * JavaScript SIGINT handler never runs inside a synchronous loop); this thread then owns signals and the exit status, and nothing else.
 * Replays, workloads and everything that only computes run right here: nothing blocks, Ctrl-C ends them as it ends any program, and they
 * save a second start of Node's machinery. This file is a program of its own (dist/main.cjs): where a worker does everything, this thread has no
 * use for the bundle.
 *
 * `flag` is shared with the worker: [0] is 1 after Ctrl-C and 2 when --duration is up, [1] the worker's thread id in the operating
 * system (0 until a tracer runs there), for the kick out of wait4, [2] a descriptor that ends the waits of a live backend.
 */
import { writeSync } from 'node:fs';
import { open } from './launch.ts';
import { BY_DURATION, BY_SIGNAL, type WorkerEnd, type WorkerMessage, type WorkerStart } from './protocol.ts';

const argv = process.argv.slice(2);

/**
 * Only a traced command, a process or a time limit needs somebody who can hear signals while the script blocks. On the live kernel a handler in C
 * hears them.
 */
function needsWorker(): boolean {
  const end = argv.indexOf('--');
  const own = end < 0 ? argv : argv.slice(0, end);
  if (own.some((word, i) => word === '--backend=linux' || (word === '--backend' && own[i + 1] === 'linux')))
    return false;
  return argv.some((word) => word === '--' || /^(?:-p|--pid|--duration)(?:=|$)/.test(word) || /^-p\d/.test(word));
}

if (needsWorker()) runInWorker();
else void (open('skep', 'inline') as unknown as typeof import('./inline.ts')).runHere(argv);

function runInWorker(): void {
  // Not at the top: whoever needs no worker need not load it.
  const { Worker } = process.getBuiltinModule('node:worker_threads');
  const flag = new Int32Array(new SharedArrayBuffer(16));
  const worker = new Worker(new URL('worker.cjs', import.meta.url), {
    argv,
    workerData: { flag, began: performance.timeOrigin } satisfies WorkerStart,
    // Not read here: the worker writes to the descriptors itself (output.ts), and a reader would send it requests that its streams do not know.
    stdout: true,
    stderr: true,
  });
  let end: WorkerEnd | undefined;
  let interrupts = 0;

  const interrupt = (why: number): void => {
    if (Atomics.load(flag, 0) === 0) Atomics.store(flag, 0, why);
    Atomics.notify(flag, 0);
    // A live backend in the worker waits for this descriptor too.
    if (flag[2]! > 0) writeSync(flag[2]!, new BigUint64Array([1n]));
    const thread = Atomics.load(flag, 1);
    // Only a tracing worker has a thread id, and only then is the addon there.
    if (thread !== 0) void import('../../bindings/addon/index.ts').then(({ addon }) => addon()?.kick?.(thread));
  };

  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) {
    process.on(signal, () => {
      // A script that never blocks cannot hear the first one: the third ends it (EXITKILL takes the command along).
      if (++interrupts >= 3) process.exit(130);
      interrupt(BY_SIGNAL);
    });
  }

  worker.on('message', (message: WorkerMessage) => {
    if ('durationMs' in message) setTimeout(() => interrupt(BY_DURATION), message.durationMs).unref();
    else end = message;
  });
  worker.on('error', (error) => {
    process.stderr.write(`skep: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    end = { code: 1 };
  });
  worker.on('exit', async (code) => {
    if (end?.signal !== undefined) {
      // The command died by a signal: so do we, so that the shell sees what it would have seen without us.
      const { addon } = await import('../../bindings/addon/index.ts');
      addon()?.dieBy?.(end.signal);
      process.exit(128 + end.signal);
    }
    process.exit(end?.code ?? code);
  });
}
