/**
 * Tokens: the currency between lexer, preprocessor and parser.
 *
 * A token remembers where it is spelled (`file`, `start`, `end`) and, when a macro's body produced it, the expansion that
 * did: so every error can point at the line the user wrote and list "expanded from macro" notes below it.
 */
import type { Diagnostic, SourceFile, Span } from '../base/diagnostics.ts';

export type TokenKind = 'ident' | 'number' | 'char' | 'string' | 'punct' | 'pragma' | 'bad' | 'eof';

/** One macro invocation: which macro, and the name token that invoked it. */
export interface Expansion {
  readonly macro: string;
  readonly at: Token;
}

export interface Token {
  readonly kind: TokenKind;
  /** The spelling; for 'bad' the offending text, for 'pragma' the words after `#pragma`. */
  readonly text: string;
  readonly file: SourceFile;
  readonly start: number;
  readonly end: number;
  /** First on its line (only the preprocessor cares). */
  readonly bol: boolean;
  /** White space before it. */
  readonly space: boolean;
  /** What is wrong with a 'bad' token. */
  readonly problem?: string | undefined;
  /** A macro's own name met again inside its expansion: never expanded again (C11 6.10.3.4). */
  readonly noExpand?: boolean | undefined;
  readonly expansion?: Expansion | undefined;
}

/** Files whose text no user wrote: never pointed at. */
export const BUILTIN_FILE = '<built-in>';

/** The token at the place the user wrote: follows macro expansions outwards. */
export function writtenAt(token: Token): Token {
  let t = token;
  while (t.expansion) t = t.expansion.at;
  return t;
}

export function spanOf(token: Token): Span {
  const t = writtenAt(token);
  return { file: t.file, start: t.start, end: t.end };
}

/** Span from the first to the last token, when both were written in one file in this order. */
export function spanBetween(first: Token, last: Token): Span {
  const a = writtenAt(first);
  const b = writtenAt(last);
  if (a.file !== b.file || b.end < a.start) return { file: a.file, start: a.start, end: a.end };
  return { file: a.file, start: a.start, end: b.end };
}

/** "expanded from macro" notes, innermost first, as clang prints them. */
export function macroNotes(token: Token): Diagnostic[] {
  const notes: Diagnostic[] = [];
  for (let t = token; t.expansion && notes.length < 6; t = t.expansion.at) {
    if (t.file.name === BUILTIN_FILE) continue;
    notes.push({
      severity: 'note',
      message: `expanded from macro '${t.expansion.macro}'`,
      span: { file: t.file, start: t.start, end: t.end },
    });
  }
  return notes;
}
