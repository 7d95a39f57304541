/**
 * The parser's cursor over tokens, with what every parse function needs: expecting, recovering, and saying what is missing.
 *
 * Recursive descent; the grammar (C11 annex A.2 with GNU's extensions) stands above each function. A construct that cannot go on throws
 * `SyntaxStop`, caught where parsing resumes (statements, declarations), so that one run reports several errors.
 */
import type { Context } from '../context.ts';
import { note, SyntaxStop } from '../report.ts';
import { spanOf, type Token, writtenAt } from '../token.ts';
import type { FuncSymbol } from '../tree.ts';

/** Brackets and blocks may nest this deep (clang's -fbracket-depth). */
const MOST_NESTING = 256;

/** A `{` that waits for its `}`. */
interface OpenBrace {
  readonly at: Token;
  /** The function whose body it opens. */
  readonly fn: FuncSymbol | undefined;
}

export class Parser {
  readonly cx: Context;
  readonly tokens: readonly Token[];
  pos = 0;
  tok: Token;
  readonly braces: OpenBrace[] = [];
  /** Alignment limits of `#pragma pack(push, n)`. */
  readonly packs: (number | undefined)[] = [];
  /** `#pragma clang attribute push`: are structs declared now relocated? */
  readonly relocated: boolean[] = [];
  packTo: number | undefined;
  #nesting = 0;

  constructor(cx: Context, tokens: readonly Token[]) {
    this.cx = cx;
    this.tokens = tokens;
    this.tok = tokens[0]!;
  }

  peek(ahead = 1): Token {
    return this.tokens[Math.min(this.pos + ahead, this.tokens.length - 1)]!;
  }

  /** The token before the current one. */
  get last(): Token {
    return this.tokens[Math.max(this.pos - 1, 0)]!;
  }

  /** Take the current token. */
  next(): Token {
    const t = this.tok;
    if (t.kind !== 'eof') this.tok = this.tokens[++this.pos]!;
    return t;
  }

  /** At the end of the tokens. (A method: narrowing of `tok` must not survive `next`.) */
  atEnd(): boolean {
    return this.tok.kind === 'eof';
  }

  is(text: string): boolean {
    return this.tok.text === text && this.tok.kind !== 'pragma';
  }

  accept(text: string): Token | undefined {
    return this.is(text) ? this.next() : undefined;
  }

  /** Take `text` or stop this construct. `after` says what stands before it: "expected ')' after ...". */
  expect(text: string, open?: Token): Token {
    if (this.is(text)) return this.next();
    const notes = open ? [note(open, `to match this '${open.text}'`)] : [];
    if (this.tok.kind === 'eof' && this.braces.length > 0 && text !== '}') return this.missingBrace();
    this.cx.report.error(this.tok, `expected '${text}'`, { notes });
    throw new SyntaxStop();
  }

  /** Take ';', or say where it should have been and go on as if it were there. */
  expectSemicolon(after: string): void {
    if (this.accept(';')) return;
    if (this.tok.kind === 'eof' && this.braces.length > 0) this.missingBrace();
    const before = writtenAt(this.last);
    const span = { file: before.file, start: before.end, end: before.end };
    this.cx.report.error(span, `expected ';' ${after}`, { fixits: [{ span, text: ';' }] });
    // On a new line, or at the end of the block, the next statement simply begins.
    const here = writtenAt(this.tok);
    const newLine = here.file !== before.file || here.file.text.slice(before.end, here.start).includes('\n');
    if (!newLine && !this.is('}')) throw new SyntaxStop();
  }

  fail(at: Token, message: string): never {
    if (at.kind === 'eof' && this.braces.length > 0) this.missingBrace();
    this.cx.report.error(at, message);
    throw new SyntaxStop();
  }

  /** The file ends inside a block: which brace waits, and whose. */
  missingBrace(): never {
    const open = this.braces[this.braces.length - 1]!;
    const fn = this.braces.find((b) => b.fn)?.fn;
    const name = fn ? ` at the end of function '${fn.name}'` : '';
    const notes = [note(open.at, `to match this '{'`)];
    if (fn && fn.at !== open.at) notes.push(note(fn.at, `function '${fn.name}' opened here`));
    const end = this.endOfText();
    this.cx.report.error(
      end,
      `expected '}'${open.fn || this.braces.length === 1 ? name : ''}: the file ends inside ${open.fn ? 'a function' : 'a block'}`,
      {
        notes,
        fixits: [{ span: { ...end, start: end.end }, text: '}' }],
      },
    );
    this.braces.length = 0;
    throw new SyntaxStop();
  }

  /** The last character that is not white space: where a missing thing at the end is best shown. */
  private endOfText() {
    for (let i = this.pos - 1; i >= 0; i--) {
      const t = writtenAt(this.tokens[i]!);
      if (t.file === writtenAt(this.tok).file) return { file: t.file, start: t.end, end: t.end };
    }
    return spanOf(this.tok);
  }

  /** Run `body` one level deeper in brackets. */
  nested<T>(at: Token, body: () => T): T {
    if (++this.#nesting > MOST_NESTING)
      this.cx.report.fatal(at, `bracket nesting level exceeded maximum of ${MOST_NESTING}`);
    try {
      return body();
    } finally {
      this.#nesting--;
    }
  }

  /** Skip to where a statement or declaration may begin: past the next ';' or before the '}' of this block. */
  recover(): void {
    let depth = 0;
    while (this.tok.kind !== 'eof') {
      if (this.is('{')) depth++;
      else if (this.is('}')) {
        if (depth === 0) return;
        if (--depth === 0) {
          this.next();
          return;
        }
      } else if (this.is(';') && depth === 0) {
        this.next();
        return;
      }
      this.next();
    }
  }

  /** Skip to a closing bracket of this nesting, or to what surely follows it. */
  skipTo(close: string): void {
    let depth = 0;
    while (this.tok.kind !== 'eof') {
      if (depth === 0 && (this.is(close) || this.is(';') || this.is('}'))) return;
      if (this.is('(') || this.is('[') || this.is('{')) depth++;
      else if (this.is(')') || this.is(']') || this.is('}')) depth--;
      this.next();
    }
  }
}
