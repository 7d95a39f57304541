/**
 * One run of a script or a tool: where it runs (backend), what makes it move (source), and how it ends. Lives in the worker.
 *
 * The run contract (HOUSE decision 8): the command execs at the first blocking call; once the source has ended and is drained, the next
 * blocking call behaves as Ctrl-C; Ctrl-C ends the command too; a script error or the end of --duration lets it run on.
 */
import { readFileSync } from 'node:fs';
import { compileFunction } from '../../bindings/node/compile-function.ts';
import type { Backend } from '../../core/backend/backend.ts';
import { BpfError } from '../../core/base/errors.ts';
import { setFunctionCompiler, setSession } from '../../core/bcc/session.ts';
import { print, warn } from './output.ts';
import type { WorkerEnd, WorkerMessage } from './protocol.ts';

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

/** A run on one kind of backend. */
export interface Run {
  /** Made on first use; throws BpfError by the name of what is missing. */
  backend(): Backend;
  /** Lets go of everything and says what to end with; `code` is the script's own. */
  finish(code: number): WorkerEnd;
}

export class Host {
  readonly #flag: Int32Array;
  readonly #tell: (message: WorkerMessage) => void;
  #run: Run | undefined;

  constructor(flag: Int32Array, tell: (message: WorkerMessage) => void) {
    this.#flag = flag;
    this.#tell = tell;
  }

  /** Set up the session that `new BPF(...)` in the script will meet. */
  async prepare(plan: RunPlan): Promise<void> {
    const run = await this.#open(plan);
    this.#run = run;
    setFunctionCompiler(compileFunction);
    setSession({
      backend: () => run.backend(),
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

  /** Each kind of run is loaded when it is asked for. */
  async #open(plan: RunPlan): Promise<Run> {
    if (isLive(plan)) {
      const { LiveRun } = await import('./live.ts');
      return new LiveRun(this.#flag, plan, warn);
    }
    const { ModelRun } = await import('./model-run.ts');
    return new ModelRun(this.#flag, plan, this.#tell);
  }

  /** Ctrl-C came, or --duration is up. */
  interrupted(): boolean {
    return Atomics.load(this.#flag, 0) !== 0;
  }

  /** Let go of everything; returns what the main thread is to end with. `code` is the script's own. */
  finish(code: number): WorkerEnd {
    const run = this.#run;
    this.#run = undefined;
    setSession(undefined);
    return run?.finish(code) ?? { code };
  }
}
