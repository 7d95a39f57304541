/**
 * A run on the model kernel: what makes it move (a traced command, a recording, a workload), its backend, its recording, and how it ends. Loaded
 * only for such a run: the model kernel is a third of the program.
 */
import { readFileSync } from 'node:fs';
import { SHIPPED_RELEASE, shippedBtfBytes } from '../../bindings/node/shipped-btf.ts';
import { TraceSource, traceUnavailable } from '../../bindings/trace/index.ts';
import type { Backend, WaitResult } from '../../core/backend/backend.ts';
import { BpfError } from '../../core/base/errors.ts';
import { readBtf } from '../../core/btf/read.ts';
import { ModelBackend } from '../../core/model/backend.ts';
import { Recorder, ReplaySource } from '../../core/model/recording.ts';
import type { EventSource } from '../../core/model/source.ts';
import { workloadByName } from '../../core/model/workload/index.ts';
import { WorkloadSource } from '../../core/model/workload/workload.ts';
import type { Engine } from '../../core/vm/engine.ts';
import { loadEngine } from '../vm/engines.ts';
import type { Run, RunPlan } from './host.ts';
import { BY_SIGNAL, type WorkerEnd, type WorkerMessage } from './protocol.ts';
import { RecordingFile } from './recording-file.ts';
import { tellTimingsAtWait } from './timings.ts';

export class ModelRun implements Run {
  readonly #flag: Int32Array;
  readonly #plan: RunPlan;
  readonly #tell: (message: WorkerMessage) => void;
  readonly #engine: Engine;
  #source: EventSource | undefined;
  #backend: Backend | undefined;
  #recording: RecordingFile | undefined;
  #started = false;

  /** Opens what must exist; recordings and commands are found later, at exec. Throws BpfError. */
  constructor(flag: Int32Array, plan: RunPlan, tell: (message: WorkerMessage) => void) {
    this.#flag = flag;
    this.#plan = plan;
    this.#tell = tell;
    this.#engine = loadEngine(plan.engine ?? 'auto');
    this.#source = this.#makeSource(plan);
    if (plan.record === undefined) return;
    if (!this.#source) throw new BpfError('EINVAL', '--record needs a command to trace, a recording or a workload');
    this.#recording = new RecordingFile(plan.record);
    this.#source = new Recorder(this.#source, (line) => this.#recording!.line(line), { command: plan.command ?? [] });
  }

  /** Made on first use. */
  backend(): Backend {
    this.#backend ??= this.#makeBackend(this.#engine, this.#plan.duration);
    return this.#backend;
  }

  finish(code: number): WorkerEnd {
    const why = Atomics.load(this.#flag, 0);
    const source = this.#source;
    this.#source = undefined;
    if (!source) return { code };
    if (this.#started) this.#letGo(source, why);
    this.#backend?.close();
    this.#recording?.close();
    if (code !== 0) return { code };
    const status = source.exitStatus;
    if (status === undefined) return { code: why === BY_SIGNAL && this.#started && source.name === 'trace' ? 130 : 0 };
    const signal = status & 0x7f;
    if (signal !== 0) return why === BY_SIGNAL ? { code: 130 } : { code: 128 + signal, signal };
    return { code: (status >> 8) & 0xff };
  }

  /** Ctrl-C ends the command. Otherwise it runs on: its hooked calls need a tracer until it ends, so we stay until then. */
  #letGo(source: EventSource, why: number): void {
    if (source.name !== 'trace') {
      source.stop('detach');
      return;
    }
    if (why !== BY_SIGNAL) {
      Atomics.store(this.#flag, 0, 0);
      source.stop('detach');
      for (;;) {
        const result = source.pump(-1, () => true);
        if (result === 'ended') return;
        if (result === 'interrupted') break;
      }
    }
    Atomics.store(this.#flag, 0, 0);
    source.stop('kill');
    while (source.pump(-1, () => true) !== 'ended');
  }

  #makeSource(plan: RunPlan): EventSource | undefined {
    const ways = [
      plan.command && '-- COMMAND',
      plan.pid !== undefined && '-p',
      plan.replay !== undefined && '--replay',
      plan.workload !== undefined && '--workload',
    ].filter(Boolean);
    if (ways.length > 1)
      throw new BpfError('EINVAL', `${ways.join(' and ')} cannot be given together: a run has one source`);
    if (plan.backend !== undefined && plan.backend !== 'model') {
      throw new BpfError('UNSUPPORTED', `there is no backend '${plan.backend}'; there are: model, linux`);
    }
    if (plan.replay !== undefined) {
      let text: string;
      try {
        text = readFileSync(plan.replay, 'utf8');
      } catch (error) {
        throw new BpfError(
          'ENOENT',
          `recording '${plan.replay}' cannot be read: ${(error as NodeJS.ErrnoException).code}`,
          { cause: error },
        );
      }
      return new ReplaySource(text, { name: plan.replay });
    }
    if (plan.workload !== undefined) return new WorkloadSource(workloadByName(plan.workload));
    if (plan.command || plan.pid !== undefined) {
      const problem = traceUnavailable();
      if (problem !== undefined)
        throw new BpfError(
          'UNSUPPORTED',
          `cannot trace a command here: ${problem}; a recording can be replayed with --replay FILE`,
        );
      return new TraceSource({
        ...(plan.command && { command: plan.command }),
        ...(plan.pid !== undefined && { pid: plan.pid }),
        signal: this.#flag,
      });
    }
    return undefined;
  }

  #makeBackend(engine: Engine, duration: number | undefined): Backend {
    if (!this.#source) {
      throw new BpfError(
        'UNSUPPORTED',
        'the model kernel needs something that makes it move: a command to trace (-- COMMAND ARGS...), --replay FILE or --workload NAME',
      );
    }
    const backend = new ModelBackend({
      btf: readBtf(shippedBtfBytes()),
      release: SHIPPED_RELEASE,
      source: this.#source,
      engine,
    });
    // The first wait execs the command: from then on there is something to stop, and --duration counts.
    const wait = backend.wait.bind(backend);
    backend.wait = (timeoutMs: number): WaitResult => {
      if (!this.#started) {
        this.#started = true;
        if (duration !== undefined) this.#tell({ durationMs: duration * 1000 });
      }
      if (Atomics.load(this.#flag, 0) !== 0) return 'interrupted';
      return wait(timeoutMs);
    };
    tellTimingsAtWait(backend);
    return backend;
  }
}
