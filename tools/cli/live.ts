/**
 * A run on the live kernel: its backend, its command, its signals. It blocks on the thread that runs the script: the main one, where a handler in C
 * hears Ctrl-C (no JavaScript handler could run), or a worker, whose main thread tells it.
 */

import { constants } from 'node:os';
import { LinuxBackend } from '../../bindings/linux/backend.ts';
import { bpfUnavailable, sys } from '../../bindings/linux/bpf.ts';
import type { Backend, WaitResult } from '../../core/backend/backend.ts';
import { BpfError } from '../../core/base/errors.ts';
import type { Run, RunPlan } from './host.ts';
import { inWorker } from './output.ts';
import { BY_DURATION, BY_SIGNAL, type WorkerEnd } from './protocol.ts';
import { tellTimingsAtWait } from './timings.ts';

export class LiveRun implements Run {
  readonly #flag: Int32Array;
  readonly #plan: RunPlan;
  readonly #warn: (line: string) => void;
  #backend: LinuxBackend | undefined;
  #deadlineMs: number | undefined;

  constructor(flag: Int32Array, plan: RunPlan, warn: (line: string) => void) {
    this.#flag = flag;
    this.#plan = plan;
    this.#warn = warn;
  }

  /** Made on first use; throws BpfError by the name of what is missing. */
  backend(): Backend {
    this.#backend ??= this.#make();
    return this.#backend;
  }

  #make(): LinuxBackend {
    const { command, pid, duration } = this.#plan;
    // Nobody asked for the running kernel by name: without rights for it, what was probably forgotten is the command.
    const problem = this.#plan.backend === undefined ? bpfUnavailable() : undefined;
    if (problem !== undefined)
      throw new BpfError(
        'EINVAL',
        `give a command to trace (after --), --replay FILE or --workload NAME; the running kernel cannot be traced instead: ${problem}`,
      );
    const backend = new LinuxBackend({
      ...(command && { command }),
      ...(pid !== undefined && { pid }),
      ...(command === undefined && this.#plan.watch !== undefined && { watch: this.#plan.watch }),
      flag: this.#flag,
      warn: this.#warn,
      ...(this.#plan.verify === false && { askKernel: true }),
    });
    if (!inWorker())
      for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
        sys().interruptOn(constants.signals[name], this.#flag);
    if (duration !== undefined) this.#limit(backend, duration * 1000);
    tellTimingsAtWait(backend);
    return backend;
  }

  /** Ends every wait once the time is up, which runs from the first of them. */
  #limit(backend: LinuxBackend, durationMs: number): void {
    const left = (timeoutMs: number): number => {
      this.#deadlineMs ??= backend.nowMs() + durationMs;
      const rest = Math.max(0, this.#deadlineMs - backend.nowMs());
      return timeoutMs < 0 ? rest : Math.min(timeoutMs, rest);
    };
    const judged = (result: WaitResult): WaitResult => {
      if (result !== 'timeout' || backend.nowMs() < this.#deadlineMs!) return result;
      Atomics.compareExchange(this.#flag, 0, 0, BY_DURATION);
      return 'interrupted';
    };
    const wait = backend.wait.bind(backend);
    const waitAsync = backend.waitAsync.bind(backend);
    backend.wait = (timeoutMs) => judged(wait(left(timeoutMs)));
    backend.waitAsync = async (timeoutMs, signal) => judged(await waitAsync(left(timeoutMs), signal));
  }

  /** Detaches everything and says what to end with. Ctrl-C ends the command; a script that ends before its command waits for it. */
  finish(code: number): WorkerEnd {
    const backend = this.#backend;
    this.#backend = undefined;
    if (!backend) return { code };
    const why = Atomics.load(this.#flag, 0);
    if (why === BY_SIGNAL) backend.killCommand();
    else if (code === 0 && why === 0) backend.awaitCommand();
    const interrupted = Atomics.load(this.#flag, 0) === BY_SIGNAL;
    const status = backend.exitStatus;
    backend.close();
    if (!inWorker()) sys().interruptOff();
    if (code !== 0) return { code };
    if (this.#plan.command && interrupted) return { code: 130 };
    if (status === undefined) return { code: 0 };
    const signal = status & 0x7f;
    return signal !== 0 ? { code: 128 + signal, signal } : { code: (status >> 8) & 0xff };
  }
}
