/**
 * One run of a script or a tool: where it runs (backend), what makes it move (source), and how it ends. Lives in the worker.
 *
 * The run contract (HOUSE decision 8): the command execs at the first blocking call; once the source has ended and is drained, the next
 * blocking call behaves as Ctrl-C; Ctrl-C ends the command too; a script error or the end of --duration lets it run on.
 */
import { readFileSync } from 'node:fs';
import { compileFunction } from '../../bindings/node/compile-function.ts';
import { SHIPPED_RELEASE, shippedBtfBytes } from '../../bindings/node/shipped-btf.ts';
import { TraceSource, traceUnavailable } from '../../bindings/trace/index.ts';
import type { Backend, WaitResult } from '../../core/backend/backend.ts';
import { BpfError } from '../../core/base/errors.ts';
import { setFunctionCompiler, setSession } from '../../core/bcc/session.ts';
import { readBtf } from '../../core/btf/read.ts';
import { ModelBackend } from '../../core/model/backend.ts';
import { Recorder, ReplaySource } from '../../core/model/recording.ts';
import type { EventSource } from '../../core/model/source.ts';
import { workloadByName } from '../../core/model/workload/index.ts';
import { WorkloadSource } from '../../core/model/workload/workload.ts';
import type { Engine } from '../../core/vm/engine.ts';
import { loadEngine } from '../vm/engines.ts';
import type { LiveRun } from './live.ts';
import { print, warn } from './output.ts';
import type { WorkerEnd, WorkerMessage } from './protocol.ts';
import { RecordingFile } from './recording-file.ts';

/** Where and on what a script runs: the options that every way of running shares. */
export interface RunPlan {
  /** The command to trace, with its arguments. */
  command?: readonly string[];
  /** A running process to trace. */
  pid?: number;
  /** The process that a tool shows (its -p): on the running kernel the run ends with it. */
  watch?: number;
  /** A recording to replay instead of tracing; '-' is not accepted. */
  replay?: string;
  /** A shipped scripted workload. */
  workload?: string;
  /** File to write a recording of the run to. */
  record?: string;
  /** Seconds after which the run ends as by Ctrl-C, the command running on. */
  duration?: number;
  backend?: string;
  engine?: string;
  /** false: on the running kernel, what our verifier refuses is loaded all the same. */
  verify?: boolean;
}

/**
 * Does the plan mean the running kernel? By name, or because it names nothing that could make the model move. Throws BpfError for what
 * only the model has.
 */
function isLive(plan: RunPlan): boolean {
  const modelOnly = [
    plan.replay !== undefined && '--replay',
    plan.workload !== undefined && '--workload',
    plan.record !== undefined && '--record',
  ].find((way) => way !== false);
  if (plan.backend !== 'linux') {
    const live = plan.backend === undefined && !modelOnly && !plan.command && plan.pid === undefined;
    if (plan.verify === false && !live)
      throw new BpfError('EINVAL', '--no-verify is for the running kernel: the model runs verified programs only');
    return live;
  }
  if (modelOnly) throw new BpfError('EINVAL', `${modelOnly} is for the model kernel: leave --backend linux out`);
  return true;
}

/** Reasons in the shared flag's word 0. */
const BY_SIGNAL = 1;

export class Host {
  readonly #flag: Int32Array;
  readonly #tell: (message: WorkerMessage) => void;
  #source: EventSource | undefined;
  #backend: Backend | undefined;
  #recording: RecordingFile | undefined;
  #live: LiveRun | undefined;
  #started = false;

  constructor(flag: Int32Array, tell: (message: WorkerMessage) => void) {
    this.#flag = flag;
    this.#tell = tell;
  }

  /** Set up the session that `new BPF(...)` in the script will meet. Opens what must exist (recordings, commands are found later, at exec). */
  async prepare(plan: RunPlan): Promise<void> {
    if (isLive(plan)) {
      const { LiveRun } = await import('./live.ts');
      const live = new LiveRun(this.#flag, plan, warn);
      this.#live = live;
      this.#openSession(() => live.backend());
      return;
    }
    const engine = loadEngine(plan.engine ?? 'auto');
    this.#source = this.#makeSource(plan);
    if (plan.record !== undefined) {
      if (!this.#source) throw new BpfError('EINVAL', '--record needs a command to trace, a recording or a workload');
      this.#recording = new RecordingFile(plan.record);
      this.#source = new Recorder(this.#source, (line) => this.#recording!.line(line), { command: plan.command ?? [] });
    }
    this.#openSession(() => (this.#backend ??= this.#makeBackend(engine, plan.duration)));
  }

  #openSession(backend: () => Backend): void {
    setFunctionCompiler(compileFunction);
    setSession({
      backend,
      readFile: (path) => {
        try {
          return readFileSync(path);
        } catch {
          return undefined;
        }
      },
      print,
      warn,
    });
  }

  /** Ctrl-C came, or --duration is up. */
  interrupted(): boolean {
    return Atomics.load(this.#flag, 0) !== 0;
  }

  /** Let go of everything; returns what the main thread is to end with. `code` is the script's own. */
  finish(code: number): WorkerEnd {
    const why = Atomics.load(this.#flag, 0);
    const source = this.#source;
    this.#source = undefined;
    setSession(undefined);
    if (this.#live) return this.#live.finish(code);
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
    return backend;
  }
}
