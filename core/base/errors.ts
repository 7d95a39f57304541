/**
 * The one family of errors. Whatever skep refuses, it refuses with one of these: a machine-readable `code`, a sentence
 * that names the thing, the place and the way out, and the `cause` when another error lies beneath.
 *
 * The compiler and the verifier return diagnostics and go on; only the object model, the backends and the engines throw.
 */
import { type Diagnostic, renderDiagnostics } from './diagnostics.ts';

export class BpfError extends Error {
  readonly code: string;
  constructor(code: string, message: string, options?: { cause?: unknown }) {
    super(message, options as ErrorOptions);
    this.name = new.target.name;
    this.code = code;
  }
}

/** The C text was refused. `message` is the rendered diagnostics (no colours). */
export class CompileError extends BpfError {
  readonly diagnostics: readonly Diagnostic[];
  constructor(diagnostics: readonly Diagnostic[]) {
    super('COMPILE', renderDiagnostics(diagnostics));
    this.diagnostics = diagnostics;
  }
}

/** The verifier (ours or the kernel's) refused a program. */
export class VerifierError extends BpfError {
  /** Instruction index the refusal points at, in 8-byte slots. */
  readonly pc: number;
  /** `file:line` of the C source, when line info is there. */
  readonly sourceLine: string | undefined;
  /** The whole verifier log, never shortened. */
  readonly log: string;
  constructor(message: string, where: { pc: number; sourceLine?: string | undefined; log: string; cause?: unknown }) {
    super('VERIFIER', message, { cause: where.cause });
    this.pc = where.pc;
    this.sourceLine = where.sourceLine;
    this.log = where.log;
  }
}

/** The way out of errnos that mean the same whatever was called. */
const WAY_OUT: Readonly<Record<string, string>> = {
  EMFILE: 'more open files than `ulimit -n` allows',
  ENFILE: 'more open files than fs.file-max allows the whole machine',
};

/** A system call failed. `errno` is the kernel's name (`EPERM`), `call` what was called, `doing` what we were about. */
export class SysError extends BpfError {
  readonly call: string;
  readonly errno: string;
  readonly doing: string;
  constructor(call: string, errno: string, doing: string, options?: { cause?: unknown; hint?: string }) {
    const hint = options?.hint ?? WAY_OUT[errno];
    super(errno, `${doing}: ${call}: ${errno}${hint ? ` (${hint})` : ''}`, options);
    this.call = call;
    this.errno = errno;
    this.doing = doing;
  }
}

/** Something Linux knows and this place does not: says what, since which kernel, on which backend, and where it works. */
export class Unsupported extends BpfError {
  constructor(what: string, details: { backend?: string; since?: string; hint?: string; cause?: unknown } = {}) {
    const where = details.backend ? ` on the ${details.backend} backend` : '';
    const since = details.since ? ` (Linux ${details.since} and later)` : '';
    super('UNSUPPORTED', `${what} is not supported${where}${since}${details.hint ? `: ${details.hint}` : ''}`, details);
  }
}

/** A program did what it must not while running: out-of-range memory, no fuel left, a bad helper. */
export class Fault extends BpfError {
  readonly pc: number;
  readonly reason: string;
  /** r0..r10 as unsigned 64-bit values at the fault. */
  readonly regs: readonly bigint[];
  /** `file:line` of the C source, when line info is there. */
  readonly sourceLine: string | undefined;
  constructor(reason: string, pc: number, regs: readonly bigint[] = [], sourceLine?: string) {
    super('FAULT', `fault at pc ${pc}${sourceLine ? ` (${sourceLine})` : ''}: ${reason}`);
    this.pc = pc;
    this.reason = reason;
    this.regs = regs;
    this.sourceLine = sourceLine;
  }
}

/**
 * The names nearest to `wanted` (Damerau-Levenshtein distance, at most a third of its length, prefix matches first), best first: what every
 * "no such ..." message offers.
 */
export function nearestNames(wanted: string, names: Iterable<string>, most = 3): string[] {
  const limit = Math.max(1, Math.floor(wanted.length / 3));
  const scored: { name: string; score: number }[] = [];
  for (const name of names) {
    if (Math.abs(name.length - wanted.length) > limit && !name.startsWith(wanted)) continue;
    const distance = editDistance(wanted, name);
    if (distance <= limit) scored.push({ name, score: distance });
    else if (wanted.length >= 3 && name.startsWith(wanted)) scored.push({ name, score: limit + 1 });
  }
  scored.sort((a, b) => a.score - b.score || (a.name < b.name ? -1 : 1));
  return scored.slice(0, most).map((s) => s.name);
}

/** Optimal string alignment distance: insert, delete, replace, swap of neighbours. */
function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let d = Math.min(previous[j]! + 1, row[j - 1]! + 1, previous[j - 1]! + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) d = Math.min(d, before[j - 2]! + 1);
      row.push(d);
    }
    before = previous;
    previous = row;
  }
  return previous[b.length]!;
}
