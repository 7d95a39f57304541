/**
 * Where the compiler's complaints gather: in order, each place once, and no more than anyone would read.
 *
 * `Fatal` ends a run that cannot go on (a macro bomb, a full list of errors); `SyntaxStop` ends one construct, and is
 * caught where the parser can resume.
 */
import type { Diagnostic, FixIt, Severity, Span } from '../base/diagnostics.ts';
import { BUILTIN_FILE, macroNotes, spanOf, type Token } from './token.ts';

/** After this many errors the rest is noise (clang's -ferror-limit is 20 as well). */
const MOST_ERRORS = 20;
const MOST_WARNINGS = 100;

export class Fatal extends Error {}
export class SyntaxStop extends Error {}

/** What to say beside the message itself. */
export interface Extra {
  readonly ranges?: readonly Span[];
  readonly notes?: readonly Diagnostic[];
  readonly fixits?: readonly FixIt[];
  readonly foresees?: boolean;
}

export class Report {
  readonly list: Diagnostic[] = [];
  errors = 0;
  #warnings = 0;
  readonly #seen = new Set<string>();

  error(at: Token | Span | undefined, message: string, extra: Extra = {}): void {
    if (!this.#add('error', at, message, extra)) return;
    if (++this.errors < MOST_ERRORS) return;
    this.list.push({ severity: 'error', message: `too many errors (${this.errors}), stopping here` });
    throw new Fatal();
  }

  warning(at: Token | Span | undefined, message: string, extra: Extra = {}): void {
    if (++this.#warnings > MOST_WARNINGS) return;
    this.#add('warning', at, message, extra);
  }

  /** A remark that stands alone (what the compiler did by itself and the user should know). */
  note(at: Token | Span | undefined, message: string, extra: Extra = {}): void {
    this.#add('note', at, message, extra);
  }

  /** An error after which nothing sensible can follow. */
  fatal(at: Token | Span | undefined, message: string, extra: Extra = {}): never {
    this.#add('error', at, message, extra);
    this.errors++;
    throw new Fatal();
  }

  #add(severity: Severity, at: Token | Span | undefined, message: string, extra: Extra): boolean {
    const token = at !== undefined && 'kind' in at ? at : undefined;
    const span = token ? spanOf(token) : (at as Span | undefined);
    const key = `${severity} ${span?.file.name} ${span?.start} ${message}`;
    if (this.#seen.has(key)) return false;
    this.#seen.add(key);
    const notes = [...(token ? macroNotes(token) : []), ...(extra.notes ?? [])];
    this.list.push({
      severity,
      message,
      ...(span && span.file.name !== BUILTIN_FILE ? { span } : {}),
      ...(extra.ranges?.length ? { ranges: extra.ranges } : {}),
      ...(notes.length ? { notes } : {}),
      ...(extra.fixits?.length ? { fixits: extra.fixits } : {}),
      ...(extra.foresees ? { foresees: true } : {}),
    });
    return true;
  }
}

/** A note that points somewhere, or just says something when the place is in no file of the user's. */
export function note(at: Token | Span | undefined, message: string): Diagnostic {
  const span = at !== undefined && 'kind' in at ? spanOf(at) : at;
  return { severity: 'note', message, ...(span && span.file.name !== BUILTIN_FILE ? { span } : {}) };
}
