/**
 * The source as far as explanations need it: what expression stands at a position, which call and which argument, where its statement and
 * its function begin, how far the branches of an `if` reach. It reads text, not a syntax tree, so that it serves C that we compiled, C that
 * clang compiled, and a program of which only line info is left (BTF.ext has the text of every line that has code: then statements end
 * where lines end).
 */
import type { ProgSpec } from '../../spec/spec.ts';
import { Statements } from './statements.ts';
import type { Range } from './text.ts';

/** The pointer that an access goes through, and the index where there is one. */
export interface Access {
  /** The whole lvalue: `h->slot[i]`. */
  readonly range: Range;
  /** The lvalue where it is only part of what stands there (of an atomic operation). */
  readonly text?: string;
  /** `h`; for `*p`, `p`. */
  readonly pointer: string;
  readonly index?: string;
  /** What is indexed: `h->slot`. */
  readonly array?: string;
}

export interface Call {
  /** Function or method name. */
  readonly name: string;
  /** The map before the dot, where it is a method of BCC's. */
  readonly receiver?: string;
  readonly args: readonly string[];
  readonly range: Range;
}

const IDENT = /[A-Za-z_]\w*/y;
const WORD = /\w/;

/** One file, with the calls and memory accesses in it. */
export class SourceText extends Statements {
  /** The call whose name (or opening parenthesis) stands at the offset. */
  callAt(offset: number): Call | undefined {
    const { code } = this;
    let start = offset;
    if (code[start] === '(' || code[start] === '.') start = code[start] === '.' ? start + 1 : this.backOverSpace(start);
    if (code[offset] === '(') while (start > 0 && WORD.test(code[start - 1]!)) start--;
    while (start > 0 && WORD.test(code[start - 1]!) && WORD.test(code[start] ?? '')) start--;
    IDENT.lastIndex = start;
    const name = IDENT.exec(code)?.[0];
    if (name === undefined) return undefined;
    const open = this.skipSpace(start + name.length);
    if (code[open] !== '(') return undefined;
    const close = this.matching(open);
    if (close < 0) return undefined;
    const args: string[] = [];
    let from = open + 1;
    const base = this.nesting()[open]! + 1;
    for (let i = open + 1; i <= close; i++) {
      if (i < close && !(code[i] === ',' && this.nesting()[i] === base)) continue;
      const text = this.slice({ start: from, end: i });
      if (text !== '' || i < close) args.push(text);
      from = i + 1;
    }
    let first = start;
    let receiver: string | undefined;
    const dot = this.backOverSpace(start) - 1;
    if (code[dot] === '.') {
      const r = this.#postfixBefore(dot);
      receiver = this.slice(r);
      first = r.start;
    }
    return { name, ...(receiver === undefined ? {} : { receiver }), args, range: { start: first, end: close + 1 } };
  }

  /** The memory access that stands at the offset: at its operator, its member, or the assignment that stores it. */
  accessAt(offset: number): Access | undefined {
    const range = this.#lvalueAt(offset);
    if (!range || range.end <= range.start) return undefined;
    return { range, ...splitAccess(this.slice(range)) };
  }

  #lvalueAt(offset: number): Range | undefined {
    const { code } = this;
    const ch = code[offset] ?? '';
    const two = code.slice(offset, offset + 2);
    if (two === '->' || ch === '.') {
      const member = this.skipSpace(offset + (ch === '.' ? 1 : 2));
      IDENT.lastIndex = member;
      const name = IDENT.exec(code)?.[0] ?? '';
      return { start: this.#postfixBefore(offset).start, end: this.#indexesAfter(member + name.length) };
    }
    if (ch === '[') return { start: this.#postfixBefore(offset).start, end: this.#indexesAfter(offset) };
    if (two === '++' || two === '--') {
      const before = this.#postfixBefore(offset);
      if (before.end > before.start) return this.#withStars(before);
      return this.#unaryAfter(offset + 2);
    }
    const assignment = /^(?:<<=|>>=|[-+*/%&|^]?=(?!=))/.exec(code.slice(offset, offset + 3));
    if (assignment) return this.#withStars(this.#postfixBefore(offset));
    if (ch === '*') return { start: offset, end: this.#unaryAfter(offset + 1).end };
    if (WORD.test(ch)) {
      let start = offset;
      while (start > 0 && WORD.test(code[start - 1]!)) start--;
      IDENT.lastIndex = start;
      const name = IDENT.exec(code)?.[0];
      if (name === undefined) return undefined;
      const before = this.backOverSpace(start);
      if (code[before - 1] === '.' || code.slice(before - 2, before) === '->') {
        const at = code[before - 1] === '.' ? before - 1 : before - 2;
        return { start: this.#postfixBefore(at).start, end: this.#indexesAfter(start + name.length) };
      }
      return this.#withStars({ start, end: this.#postfixAfter(start + name.length) });
    }
    return undefined;
  }

  /** Take in the stars before an operand, but not a multiplication's. */
  #withStars(r: Range): Range {
    let { start } = r;
    for (let i = this.backOverSpace(start); this.code[i - 1] === '*'; i = this.backOverSpace(i - 1)) {
      const before = this.code[this.backOverSpace(i - 1) - 1] ?? ';';
      if (WORD.test(before) || before === ')' || before === ']') {
        if (!/\breturn\s*\*$/.test(this.code.slice(Math.max(0, i - 20), i))) break;
      }
      start = i - 1;
    }
    return { start, end: r.end };
  }

  /** The postfix expression that ends before the offset: `a->b[i].c`, `f(x)`, `(…)`. */
  #postfixBefore(offset: number): Range {
    const { code } = this;
    const end = this.backOverSpace(offset);
    let i = end;
    for (;;) {
      const ch = code[i - 1] ?? '';
      if (ch === ')' || ch === ']') {
        const open = this.matchingBack(i - 1);
        if (open < 0) break;
        i = open;
        const before = this.backOverSpace(i);
        if (!WORD.test(code[before - 1] ?? '') && code[before - 1] !== ']' && code[before - 1] !== ')') {
          if (ch === ')') break;
        } else if (/\b(?:return|case|if|while|switch|else)$/.test(code.slice(Math.max(0, before - 8), before))) break;
        else i = before;
        continue;
      }
      if (!WORD.test(ch)) break;
      while (i > 0 && WORD.test(code[i - 1]!)) i--;
      const before = this.backOverSpace(i);
      if (code[before - 1] === '.') i = this.backOverSpace(before - 1);
      else if (code.slice(before - 2, before) === '->') i = this.backOverSpace(before - 2);
      else break;
    }
    return { start: i, end };
  }

  #indexesAfter(offset: number): number {
    let end = offset;
    for (let i = this.skipSpace(end); this.code[i] === '['; i = this.skipSpace(end)) {
      const close = this.matching(i);
      if (close < 0) break;
      end = close + 1;
    }
    return end;
  }

  /** End of the postfix operators behind an operand. */
  #postfixAfter(offset: number): number {
    const { code } = this;
    let end = offset;
    for (;;) {
      const i = this.skipSpace(end);
      if (code[i] === '[' || code[i] === '(') {
        const close = this.matching(i);
        if (close < 0) return end;
        end = close + 1;
      } else if (code[i] === '.' || code.startsWith('->', i)) {
        IDENT.lastIndex = this.skipSpace(i + (code[i] === '.' ? 1 : 2));
        const name = IDENT.exec(code);
        if (!name) return end;
        end = IDENT.lastIndex;
      } else return end;
    }
  }

  /** The operand of a unary operator. */
  #unaryAfter(offset: number): Range {
    const { code } = this;
    const start = this.skipSpace(offset);
    let i = start;
    while (code[i] === '*' || code[i] === '&') i = this.skipSpace(i + 1);
    if (code[i] === '(') {
      const close = this.matching(i);
      if (close < 0) return { start, end: i };
      // A cast is followed by its operand.
      const next = this.skipSpace(close + 1);
      if (/[\w(&*]/.test(code[next] ?? '')) return { start, end: this.#unaryAfter(next).end };
      return { start, end: this.#postfixAfter(close + 1) };
    }
    while (WORD.test(code[i] ?? '')) i++;
    return { start, end: this.#postfixAfter(i) };
  }
}

/** Pointer and index of an access by its text: the last arrow or star is what is followed. */
export function splitAccess(whole: string): Pick<Access, 'pointer' | 'index' | 'array'> {
  const text = withoutParentheses(whole);
  let depth = 0;
  let arrow = -1;
  let bracket = -1;
  let dot = -1;
  for (let i = 0; i < text.length; i++) {
    const ch = text[i]!;
    if (ch === '[' && depth === 0) bracket = i;
    if ('([{'.includes(ch)) depth++;
    else if (')]}'.includes(ch)) depth--;
    else if (depth === 0 && ch === '-' && text[i + 1] === '>') arrow = i;
    else if (depth === 0 && ch === '.') dot = i;
  }
  const index =
    bracket > arrow && text.endsWith(']')
      ? { index: text.slice(bracket + 1, -1).trim(), array: text.slice(0, bracket).trim() }
      : {};
  if (arrow >= 0) return { pointer: strip(text.slice(0, arrow)), ...index };
  if (text.startsWith('*')) return { pointer: strip(text.slice(1)), ...index };
  if (bracket >= 0) return { pointer: strip(text.slice(0, text.indexOf('['))), ...index };
  return { pointer: strip(dot >= 0 ? text.slice(0, dot) : text) };
}

/** Without pairs of parentheses around all. */
function withoutParentheses(text: string): string {
  let t = text.trim();
  while (t.startsWith('(') && t.endsWith(')') && balanced(t.slice(1, -1))) t = t.slice(1, -1).trim();
  return t;
}

/** Without parentheses around all, and without casts before a name. */
function strip(text: string): string {
  const t = withoutParentheses(text);
  const cast = /^\((?:const |volatile |struct |unsigned )*\w+[\s*]*\)\s*(.+)$/.exec(t);
  return cast ? strip(cast[1]!) : t;
}

function balanced(text: string): boolean {
  let depth = 0;
  for (const ch of text) {
    if (ch === '(') depth++;
    else if (ch === ')' && --depth < 0) return false;
  }
  return depth === 0;
}

/** The files a program comes from. */
export class Sources {
  readonly #prog: ProgSpec;
  readonly #read: ((file: string) => string | undefined) | undefined;
  readonly #files = new Map<string, SourceText>();

  constructor(prog: ProgSpec, read?: (file: string) => string | undefined) {
    this.#prog = prog;
    this.#read = read;
  }

  file(name: string): SourceText {
    let file = this.#files.get(name);
    if (!file) this.#files.set(name, (file = this.#load(name)));
    return file;
  }

  /** The whole text when there is one and it is the one the program was made from; else the lines of the line info. */
  #load(name: string): SourceText {
    const rows = this.#prog.lines.filter((l) => l.file === name);
    const text = this.#read?.(name);
    if (text !== undefined) {
      const whole = new SourceText(name, text, true);
      if (rows.every((r) => r.text === '' || whole.lineText(r.line).trim() === r.text.trim())) return whole;
    }
    const lines: string[] = [];
    for (const r of rows) if (r.line > 0 && r.line < 1_000_000) lines[r.line - 1] = r.text;
    return new SourceText(name, Array.from(lines, (l) => l ?? '').join('\n'), false);
  }
}
