/** Conditional inclusion (C11 6.10.1): which branch of an #if is live, and skipping the others without looking at what is in them. */
import { note, type Report } from '../report.ts';
import type { Token } from '../token.ts';
import { evaluateCondition } from './condition.ts';
import type { MacroNames } from './names.ts';
import type { Included } from './preprocess.ts';
import type { FileState, Frame, TokenStream } from './stream.ts';

export interface Condition {
  readonly at: Token;
  /** A branch of this group was taken. */
  taken: boolean;
  /** Tokens are being passed through. */
  live: boolean;
  /** The group as a whole is inside skipped text. */
  readonly dead: boolean;
  seenElse: boolean;
}

const OPERATORS = new Set([
  '__has_include',
  '__has_include_next',
  '__has_attribute',
  '__has_builtin',
  '__has_feature',
  '__has_extension',
  '__has_c_attribute',
]);

export class Conditionals {
  readonly #report: Report;
  readonly #names: MacroNames;
  readonly #stream: TokenStream;
  readonly #include: (name: string, angled: boolean, from: string) => Included;

  constructor(
    report: Report,
    names: MacroNames,
    stream: TokenStream,
    include: (name: string, angled: boolean, from: string) => Included,
  ) {
    this.#report = report;
    this.#names = names;
    this.#stream = stream;
    this.#include = include;
  }

  /** Take or skip the branch that an #if, #ifdef, #elif ... opens. */
  branch(c: Condition, name: Token, rest: Token[], frame: Frame, file: FileState): void {
    const value = this.#condition(name, rest);
    if (value) {
      c.taken = true;
      c.live = true;
    } else this.skip(frame, file, c);
  }

  #condition(name: Token, rest: Token[]): boolean {
    if (name.text.endsWith('def')) {
      const macro = rest[0];
      if (macro?.kind !== 'ident') {
        this.#report.error(macro ?? name, 'macro name missing');
        return false;
      }
      if (rest[1]) this.#report.warning(rest[1], `extra tokens at end of #${name.text} directive`);
      return this.#names.isDefined(macro.text) === (name.text === 'ifdef' || name.text === 'elifdef');
    }
    if (rest.length === 0) {
      this.#report.error(name, `#${name.text} with no expression`);
      return false;
    }
    return evaluateCondition(this.#stream.expandList(this.#resolveOperators(rest)), name, this.#report);
  }

  /** Replace `defined X`, `__has_include(...)` and kin by 0 or 1, before expansion. */
  #resolveOperators(tokens: readonly Token[]): Token[] {
    const out: Token[] = [];
    for (let i = 0; i < tokens.length; i++) {
      const t = tokens[i]!;
      const answer = (value: boolean) => out.push({ ...t, kind: 'number', text: value ? '1' : '0' });
      if (t.kind === 'ident' && t.text === 'defined') {
        const paren = tokens[i + 1]?.text === '(';
        const operand = tokens[i + (paren ? 2 : 1)];
        if (operand?.kind !== 'ident' || (paren && tokens[i + 3]?.text !== ')')) {
          this.#report.error(
            operand ?? t,
            operand && paren && operand.kind === 'ident' ? `missing ')' after 'defined'` : 'macro name missing',
          );
          answer(false);
          return out;
        }
        answer(this.#names.isDefined(operand.text) || OPERATORS.has(operand.text));
        i += paren ? 3 : 1;
      } else if (t.kind === 'ident' && OPERATORS.has(t.text) && tokens[i + 1]?.text === '(') {
        let end = i + 2;
        while (end < tokens.length && tokens[end]!.text !== ')') end++;
        const inner = tokens.slice(i + 2, end);
        if (t.text.startsWith('__has_include')) {
          const header = headerName(inner);
          answer(header !== undefined && this.#include(header.name, header.angled, t.file.name).kind !== 'missing');
        } else answer(t.text === '__has_builtin' || t.text === '__has_attribute');
        i = end;
      } else out.push(t);
    }
    return out;
  }

  /**
   * Skip to the #elif or #else that is taken, or past the #endif. Works on raw tokens of the file: nothing in skipped
   * text is looked at beside the nesting of conditionals.
   */
  skip(frame: Frame, file: FileState, c: Condition): void {
    c.live = false;
    let depth = 0;
    for (;;) {
      const t = frame.tokens[frame.pos];
      if (t === undefined || t.kind === 'eof') return;
      frame.pos++;
      if (!t.bol || t.text !== '#' || t.kind !== 'punct') continue;
      const line = lineOf(frame);
      const name = line[0];
      switch (name?.text) {
        case 'if':
        case 'ifdef':
        case 'ifndef':
          depth++;
          break;
        case 'endif':
          if (depth-- > 0) break;
          file.conditions.pop();
          return;
        case 'else':
          if (depth > 0) break;
          if (c.seenElse)
            this.#report.error(name, '#else after #else', { notes: [note(c.at, 'the conditional began here')] });
          c.seenElse = true;
          if (c.taken) break;
          c.taken = true;
          c.live = true;
          return;
        case 'elif':
        case 'elifdef':
        case 'elifndef':
          if (depth > 0) break;
          if (c.seenElse)
            this.#report.error(name, `#${name.text} after #else`, {
              notes: [note(c.at, 'the conditional began here')],
            });
          if (c.taken || !this.#condition(name, line.slice(1))) break;
          c.taken = true;
          c.live = true;
          return;
        default:
      }
    }
  }
}

/** The rest of the line of a directive in a file. */
export function lineOf(frame: Frame): Token[] {
  const line: Token[] = [];
  for (;;) {
    const t = frame.tokens[frame.pos];
    if (t === undefined || t.bol || t.kind === 'eof') return line;
    frame.pos++;
    line.push(t);
  }
}

/** `"name"` or `<name>` from the tokens after #include. */
export function headerName(tokens: readonly Token[]): { name: string; angled: boolean } | undefined {
  const first = tokens[0];
  if (!first) return undefined;
  if (first.kind === 'string' && first.text[0] === '"') return { name: first.text.slice(1, -1), angled: false };
  if (first.text !== '<') return undefined;
  const end = tokens.findIndex((t) => t.text === '>' || t.text === '>=' || t.text === '>>');
  if (end < 0) return undefined;
  let name = '';
  for (let i = 1; i < end; i++) name += (i > 1 && tokens[i]!.space ? ' ' : '') + tokens[i]!.text;
  return { name, angled: true };
}
