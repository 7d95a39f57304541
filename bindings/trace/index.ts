/**
 * A source: a real command (or a running process) under ptrace, on Linux x86-64, with no privileges. System calls that somebody
 * hooked stop the task; each stop becomes a TaskEvent, and while `deliver` runs the task stands still and can be asked through `view`.
 *
 * **Threads.** ptrace belongs to one thread: construct, start and pump on the same one (a worker_thread, or the main thread of a program that
 * imports skep). That thread must not use asynchronous child_process meanwhile, whose children it would reap.
 *
 * **Ctrl-C.** `pump` blocks the thread, so no JavaScript handler runs on it. Pass `signal`, an Int32Array of at least two words on a
 * SharedArrayBuffer: `start` writes the kernel's id of its thread to word 1; whoever wants the pump to end (the main thread, from its SIGINT
 * handler) calls `interrupt(signal)`, which sets word 0 and kicks that thread out of its wait, without a window in which the kick is lost.
 * A program that pumps on its main thread calls `catchInterrupts(signal)` instead.
 * While word 0 is not 0, every pump answers 'interrupted' at once; set it back to 0 to go on.
 *
 * **Letting go.** A command that we started cannot be left: hooked calls would fail with ENOSYS once their tracer is gone. `stop('detach')` ends the
 * events; the host then calls `pump` until it answers 'ended', and the command runs undisturbed meanwhile. When the thread or process ends
 * before that, the kernel kills the command, and with it all that it started: 'ended' comes when the last of them has ended, daemons too. Processes attached to by pid are really let go, at the next pump.
 */

import { readFileSync } from 'node:fs';
import { constants, cpus } from 'node:os';
import { ERRNO, errnoName } from '../../core/base/errno.ts';
import { BpfError, SysError, Unsupported } from '../../core/base/errors.ts';
import { machineEventOf } from '../../core/model/hook-table.ts';
import type { EventSource, SyscallInterest, TaskEvent } from '../../core/model/source.ts';
import { addon, addonProblem, type NativeTracer } from '../addon/index.ts';
import { resolveCommand } from './command.ts';
import { KIND, SharedRecord } from './record.ts';
import { TraceView } from './view.ts';

export { resolveCommand } from './command.ts';

export interface TraceOptions {
  /** The command and its arguments. Either this or `pid`. */
  readonly command?: readonly string[];
  /** Attach to this running process instead: every system call stops it (about 16 us a call), and it lives on after us. */
  readonly pid?: number;
  readonly cwd?: string;
  /** Default: process.env. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** See "Ctrl-C" above. */
  readonly signal?: Int32Array;
}

/** Limits beyond this (24 days) are none. */
const MOST_MS = 2 ** 31 - 1;

const STAGES = ['chdir', 'seccomp', 'execve'] as const;

let probed: { readonly problem: string | undefined } | undefined;

/** Why nothing can be traced here (one clause, to be put into a sentence), or undefined when it works. Forks a child once, to try. */
export function traceUnavailable(): string | undefined {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    return `live tracing needs Linux on x86-64 (this is ${process.platform} on ${process.arch})`;
  }
  const native = addon();
  if (!native) return addonProblem();
  if (!native.Tracer || !native.probeTracing) return 'the native addon was built without live tracing';
  if (!probed) {
    const refused = native.probeTracing();
    const problem = refused && `${refused.call} is refused here (${errnoName(-refused.errno)})`;
    probed = { problem };
  }
  return probed.problem;
}

/** Ends the pump of the source that was given this `signal`; callable from any thread of the process. */
export function interrupt(signal: Int32Array): void {
  Atomics.store(signal, 0, 1);
  // For a worker that sleeps in Atomics.wait rather than in a pump.
  Atomics.notify(signal, 0);
  const tid = Atomics.load(signal, 1);
  if (tid > 0) addon()?.kick?.(tid);
}

/**
 * For a program that pumps on its main thread: Ctrl-C ends the pump (as `interrupt` does) instead of the program; a second one, while
 * signal[0] is still set, ends the program as ever. Returns what undoes it. Does nothing where there is no tracing.
 */
export function catchInterrupts(signal: Int32Array): () => void {
  const native = addon();
  if (!native?.catchSignal) return () => {};
  const errno = native.catchSignal(constants.signals.SIGINT, signal);
  if (errno !== 0)
    throw new SysError('sigaction', errnoName(errno), 'catching Ctrl-C', { hint: 'it is caught already' });
  return () => native.releaseSignal?.(constants.signals.SIGINT);
}

export class TraceSource implements EventSource {
  readonly name = 'trace';
  /** CPUs of this machine. */
  readonly cpus = cpus().length;
  readonly view: TraceView;

  /** A process under trace has system calls; run queues and disks are not its own. */
  canFire(hook: string): boolean {
    return machineEventOf(hook) === undefined;
  }

  readonly #options: TraceOptions;
  readonly #tracer: NativeTracer;
  readonly #record = new SharedRecord();
  readonly #path: string;
  #pid = 0;
  #started = false;
  #ended = false;
  #ignoring = false;
  readonly #commOf = (tid: number): string => this.view.task(tid)?.comm ?? '';

  /** Throws SysError when the command cannot be found (nothing has been started then), Unsupported where tracing is not possible. */
  constructor(options: TraceOptions) {
    const native = addon();
    if (!native?.Tracer) throw new Unsupported('tracing a command', { hint: traceUnavailable() ?? '' });
    const name = options.command?.[0];
    if (name === undefined && options.pid === undefined) {
      throw new BpfError('EINVAL', 'a command or a pid to trace is wanted');
    }
    this.#options = options;
    this.#path = name === undefined ? '' : resolveCommand(name, this.#env, options.cwd ?? process.cwd());
    this.#tracer = new native.Tracer(this.#record.bytes, options.signal);
    this.view = new TraceView(this.#tracer, this.#record);
  }

  get #env(): Readonly<Record<string, string | undefined>> {
    return this.#options.env ?? process.env;
  }

  /** pid of the command, once started. */
  get pid(): number {
    return this.#pid;
  }

  /** wait(2) status of the command once it has ended (its descendants may run on). */
  get exitStatus(): number | undefined {
    return this.#tracer.exitStatus();
  }

  /** Throws SysError (no right to trace, no such process) and when called twice. */
  start(interest: readonly SyscallInterest[]): void {
    if (this.#started) throw new BpfError('EBUSY', 'the traced command was started already');
    this.#started = true;
    for (const { nr, exit } of interest) this.#tracer.interest(nr, exit);
    const { command, pid, signal, cwd } = this.#options;
    // Before the start, so that an interrupt finds us from the first moment on.
    if (signal && signal.length > 1) Atomics.store(signal, 1, addon()?.threadId?.() ?? 0);
    if (command) {
      const env = Object.entries(this.#env).flatMap(([key, value]) => (value === undefined ? [] : [`${key}=${value}`]));
      const result = this.#tracer.start(this.#path, command, env, cwd);
      if (result < 0) throw new SysError('ptrace', errnoName(result), `starting the command '${command[0]}'`);
      this.#pid = result;
    } else {
      if (this.#isOurChild(pid!)) {
        throw new BpfError(
          'EINVAL',
          `process ${pid} is a child of this process, whose stops Node would take: trace it as the command`,
        );
      }
      const result = this.#tracer.attach(pid!);
      if (result < 0) {
        const refused = result === -ERRNO.EPERM;
        const hint = refused ? { hint: 'another user, or already traced, or kernel.yama.ptrace_scope forbids it' } : {};
        throw new SysError('ptrace', errnoName(result), `attaching to process ${pid}`, hint);
      }
      this.#pid = pid!;
    }
  }

  /**
   * See EventSource. `deliver` may answer true: nothing came of this event for whoever pumps, and waiting goes on within this call.
   * Throws SysError when the command turns out not to be executable.
   */
  pump(timeoutMs: number, deliver: (event: TaskEvent) => unknown): 'ready' | 'timeout' | 'ended' | 'interrupted' {
    if (!this.#started) throw new BpfError('EINVAL', 'the source was not started');
    if (this.#ended) return 'ended';
    const limited = timeoutMs >= 0 && timeoutMs <= MOST_MS;
    const deadline = limited ? performance.now() + timeoutMs : 0;
    let wait = limited ? Math.ceil(timeoutMs) : -1;
    for (;;) {
      const kind = this.#tracer.next(wait);
      switch (kind) {
        case KIND.none:
          return 'timeout';
        case KIND.interrupted:
          return 'interrupted';
        case KIND.ended:
          this.#ended = true;
          return 'ended';
        case KIND.failed:
          this.#fail();
          break;
        default: {
          if (this.#ignoring) break;
          let again: unknown;
          try {
            again = deliver(this.#record.event(kind, this.#commOf));
          } finally {
            if (again !== true) this.#tracer.resume();
          }
          if (again !== true) return 'ready';
        }
      }
      if (limited) wait = Math.max(0, Math.ceil(deadline - performance.now()));
    }
  }

  stop(how: 'detach' | 'kill'): void {
    if (!this.#started || this.#ended) {
      this.#ended = true;
      return;
    }
    if (how === 'kill') {
      this.#tracer.kill();
      this.#ended = true;
    } else {
      this.#ignoring = true;
      this.#tracer.ignore();
    }
  }

  #isOurChild(pid: number): boolean {
    try {
      return readFileSync(`/proc/${pid}/status`, 'latin1').includes(`\nPPid:\t${process.pid}\n`);
    } catch {
      return false;
    }
  }

  #fail(): never {
    const { errno, stage } = this.#record.failure;
    this.#tracer.kill();
    this.#ended = true;
    const call = STAGES[stage] ?? 'execve';
    const what =
      call === 'chdir' ? `entering ${this.#options.cwd}` : `starting the command '${this.#options.command?.[0]}'`;
    const name = errnoName(-errno);
    throw new SysError(
      call,
      name,
      what,
      name === 'ENOEXEC' ? { hint: `${this.#path} is neither a program nor a script with #!` } : {},
    );
  }
}
