/**
 * The session: what the object model asks of the program around it. A host (the `skep` command, a test, a browser page)
 * sets one; `new BPF(...)` uses its backend unless told otherwise. It hangs on `globalThis` under a registered symbol, so
 * that a script's own copy of the package meets the session of the command that runs it.
 */
import type { Backend } from '../backend/backend.ts';
import { BpfError } from '../base/errors.ts';
import type { CompileFunction } from '../btf/value.ts';

export interface Session {
  /** The backend of this session, made on first use. */
  backend(): Backend;
  /** Contents of a file (src_file, hdr_file, includes by path), or undefined when there is none. */
  readFile?(path: string): Uint8Array | undefined;
  /** A variable of the environment (PATH, BCC_PROBE_LIMIT). */
  env?(name: string): string | undefined;
  /** Path of the running script: source files are looked for beside it too. */
  readonly script?: string;
  /** Bytes for the user, on standard output, as they are; absent: whole lines only. */
  write?(bytes: Uint8Array): void;
  /** A whole line for the user, on standard output. */
  print(line: string): void;
  /** A whole line for the user, on standard error: warnings, lost counts. */
  warn(line: string): void;
}

/** Thrown by a blocking call when Ctrl-C came, or when the source ended and is drained: Python's KeyboardInterrupt. */
export class Interrupted extends BpfError {
  /** 'ended' when nothing more will ever come, 'interrupted' for Ctrl-C. */
  readonly why: 'ended' | 'interrupted';
  constructor(why: 'ended' | 'interrupted') {
    super('INTERRUPTED', why === 'ended' ? 'the event source has ended' : 'interrupted');
    this.why = why;
  }
}

const KEY = Symbol.for('skep.session');
const COMPILER = Symbol.for('skep.compileFunction');
const holder = globalThis as { [KEY]?: Session | undefined; [COMPILER]?: CompileFunction | undefined };

export function setSession(session: Session | undefined): void {
  holder[KEY] = session;
}

export function currentSession(): Session {
  const session = holder[KEY];
  if (!session) {
    throw new BpfError(
      'NO_SESSION',
      'no backend is set up: pass { backend } to new BPF(), or run the script with `skep run`',
    );
  }
  return session;
}

/** The session, if a host has set one: for warnings that must not be an error of their own. */
export function sessionIfAny(): Session | undefined {
  return holder[KEY];
}

/**
 * Say how functions of two arguments are made from text (`(a, b, body) => new Function(a, b, body)`): record decoders become three times faster.
 * `core` never does it by itself, since a content security policy may forbid it; the Node frontend and the `skep` command do. It holds for tables
 * that are opened from now on, of all sessions.
 */
export function setFunctionCompiler(compile: CompileFunction | undefined): void {
  holder[COMPILER] = compile;
}

/** The host's way to make functions from text, if it has said one. */
export function functionCompiler(): CompileFunction | undefined {
  return holder[COMPILER];
}

/**
 * Sleep while the world moves (Python's time.sleep): the source runs, programs fire, maps fill. Milliseconds of the backend's clock, which
 * is virtual on a replay. Throws Interrupted at Ctrl-C, and as soon as the source has ended.
 */
export function sleep(ms: number, backend: Backend = currentSession().backend()): void {
  const now = () => backend.nowMs?.() ?? Date.now();
  const end = now() + ms;
  for (;;) {
    const left = end - now();
    if (left <= 0) return;
    // An endless wait is -1 to backends.
    const result = backend.wait(Number.isFinite(left) ? left : -1);
    if (result === 'ended' || result === 'interrupted') throw new Interrupted(result);
    if (result === 'timeout') return;
  }
}
