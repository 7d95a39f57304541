/**
 * The TypeScript frontend: `import { BPF } from 'skep'`. The object model of core under BCC's names in camelCase, with what Node
 * adds: `using`, AbortSignal, and model kernels fed by a real command or a file.
 *
 * Under `skep run` the session is the command's. A program that imports skep on its own makes a backend and passes it.
 */
import { readFileSync } from 'node:fs';
import { LinuxBackend, type LinuxBackendOptions } from '../../bindings/linux/backend.ts';
import { compileFunction } from '../../bindings/node/compile-function.ts';
import { SHIPPED_RELEASE, shippedBtfBytes } from '../../bindings/node/shipped-btf.ts';
import { TraceSource, traceUnavailable } from '../../bindings/trace/index.ts';
import { type Backend, BPF as CoreBPF, createModel, setFunctionCompiler, Unsupported } from '../../core/index.ts';

/** Why a command cannot be traced here, or undefined when it can. */
export { traceUnavailable } from '../../bindings/trace/index.ts';
export * from '../../core/index.ts';
export { cmdExited, cmdReady, runCmd } from './exec.ts';

// Once for the process: what is decoded later, by whatever session, is decoded by code made for its type.
setFunctionCompiler(compileFunction);

/** class BPF with `using`: the program is detached and its maps freed at the end of the block. */
export class BPF extends CoreBPF {
  [Symbol.dispose](): void {
    this.close();
  }
}

export interface ModelOptions {
  /** Trace this command: [file, ...args]. It execs at the first blocking call. */
  readonly command?: readonly string[];
  /** Or replay this recording (a path). */
  readonly replay?: string;
}

/** A model kernel for a program of your own: `new BPF({ text, backend: modelBackend({ command: ['date'] }) })`. */
export function modelBackend(options: ModelOptions = {}): Backend {
  const btf = shippedBtfBytes();
  if (options.replay !== undefined)
    return createModel({ btf, release: SHIPPED_RELEASE, replay: readFileSync(options.replay, 'utf8') });
  if (options.command === undefined) return createModel({ btf, release: SHIPPED_RELEASE });
  const problem = traceUnavailable();
  if (problem !== undefined) throw new Unsupported('tracing a command', { backend: 'model', hint: problem });
  return createModel({ btf, release: SHIPPED_RELEASE, source: new TraceSource({ command: options.command }) });
}

/**
 * The live kernel for a program of your own, with `command` held until the first blocking call. Ctrl-C is the program's: `for await` with a
 * signal, or Node's own handlers between awaits. Throws BpfError by the name of the right that is missing.
 */
export function linuxBackend(options: LinuxBackendOptions = {}): Backend {
  return new LinuxBackend(options);
}
