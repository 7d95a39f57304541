/**
 * The lexer: one file's text to preprocessing tokens (C11 6.4, https://www.open-std.org/jtc1/sc22/wg14/www/docs/n1570.pdf).
 *
 * The whole file is lexed at once. Nothing is reported here: a malformed piece becomes a 'bad' token that carries its
 * complaint, since text skipped by `#if 0` may hold anything (an apostrophe in prose, say). Line splices are removed
 * first, with a table that maps offsets back.
 */
import type { SourceFile } from '../base/diagnostics.ts';
import type { Token, TokenKind } from './token.ts';

/** Longest first within each length, so that the first match wins. */
const PUNCT3 = new Set(['<<=', '>>=', '...']);
const PUNCT2 = new Set([
  '->',
  '++',
  '--',
  '<<',
  '>>',
  '<=',
  '>=',
  '==',
  '!=',
  '&&',
  '||',
  '*=',
  '/=',
  '%=',
  '+=',
  '-=',
  '&=',
  '^=',
  '|=',
  '##',
]); // prettier-ignore
const PUNCT1 = new Set('[](){}.&*+-~!/%<>^|?:;=,#'.split(''));

const SPACE = 1;
const DIGIT = 2;
const LETTER = 4;
const CLASS = new Uint8Array(128);
for (const c of ' \t\v\f\r\n') CLASS[c.charCodeAt(0)] = SPACE;
for (const c of '0123456789') CLASS[c.charCodeAt(0)] = DIGIT;
for (let c = 0; c < 26; c++) CLASS[65 + c] = CLASS[97 + c] = LETTER;
CLASS[95] = CLASS[36] = LETTER;

function isIdentStart(c: number): boolean {
  return c < 128 ? CLASS[c] === LETTER : c >= 0xaa && c !== 0xfffd && c !== 0xfeff;
}

function isIdentPart(c: number): boolean {
  return c < 128 ? CLASS[c]! >= DIGIT : isIdentStart(c);
}

interface Splices {
  readonly text: string;
  /** Original offset of an offset in `text`. */
  original(offset: number): number;
}

/** Remove backslash-newlines. Almost every file has few or none, so the table is a sorted list. */
function removeSplices(text: string): Splices {
  if (!text.includes('\\\n') && !text.includes('\\\r\n')) return { text, original: (o) => o };
  const at: number[] = [];
  const delta: number[] = [];
  let out = '';
  let from = 0;
  let removed = 0;
  const pattern = /\\\r?\n/g;
  for (let m = pattern.exec(text); m; m = pattern.exec(text)) {
    out += text.slice(from, m.index);
    from = m.index + m[0].length;
    removed += m[0].length;
    at.push(out.length);
    delta.push(removed);
  }
  out += text.slice(from);
  return {
    text: out,
    original(offset) {
      let low = 0;
      let high = at.length;
      while (low < high) {
        const mid = (low + high) >> 1;
        if (at[mid]! <= offset) low = mid + 1;
        else high = mid;
      }
      return low === 0 ? offset : offset + delta[low - 1]!;
    },
  };
}

/** All tokens of a file, ending with 'eof'. */
export function lex(file: SourceFile): Token[] {
  const { text, original } = removeSplices(file.text);
  const tokens: Token[] = [];
  const length = text.length;
  let i = text.charCodeAt(0) === 0xfeff ? 1 : 0;
  let bol = true;
  let space = false;
  const push = (kind: TokenKind, from: number, to: number, problem?: string) => {
    tokens.push({
      kind,
      text: text.slice(from, to),
      file,
      start: original(from),
      end: to > from ? original(to - 1) + 1 : original(to),
      bol,
      space,
      problem,
      noExpand: undefined,
      expansion: undefined,
    });
    bol = false;
    space = false;
  };
  while (i < length) {
    const c = text.charCodeAt(i);
    if (c === 10) {
      bol = true;
      space = true;
      i++;
    } else if (c < 128 && CLASS[c] === SPACE) {
      space = true;
      i++;
    } else if (c === 47 && text.charCodeAt(i + 1) === 47) {
      const end = text.indexOf('\n', i);
      i = end < 0 ? length : end;
      space = true;
    } else if (c === 47 && text.charCodeAt(i + 1) === 42) {
      const end = text.indexOf('*/', i + 2);
      if (end < 0) {
        push('bad', i, i + 2, 'unterminated /* comment');
        i = length;
      } else {
        if (text.slice(i, end).includes('\n')) bol ||= false;
        i = end + 2;
        space = true;
      }
    } else if (isIdentStart(c)) {
      const from = i;
      while (i < length && isIdentPart(text.charCodeAt(i))) i++;
      const next = text.charCodeAt(i);
      // L'x', u8"x" and friends: the prefix belongs to the literal.
      if ((next === 34 || next === 39) && /^(?:L|u|U|u8)$/.test(text.slice(from, i))) i = literal(from, i);
      else push('ident', from, i);
    } else if ((c < 128 && CLASS[c] === DIGIT) || (c === 46 && CLASS[text.charCodeAt(i + 1)] === DIGIT)) {
      const from = i;
      i++;
      while (i < length) {
        const d = text.charCodeAt(i);
        if ((d === 43 || d === 45) && /[eEpP]/.test(text[i - 1]!)) i++;
        else if (d === 46 || isIdentPart(d)) i++;
        else break;
      }
      push('number', from, i);
    } else if (c === 34 || c === 39) {
      i = literal(i, i);
    } else {
      const three = text.slice(i, i + 3);
      const size = PUNCT3.has(three) ? 3 : PUNCT2.has(three.slice(0, 2)) ? 2 : PUNCT1.has(three.slice(0, 1)) ? 1 : 0;
      if (size > 0) push('punct', i, i + size);
      else push('bad', i, i + 1, unexpected(c));
      i += Math.max(size, 1);
    }
  }
  push('eof', length, length);
  return tokens;

  /** A string or character literal whose prefix begins at `from` and whose quote is at `quote`; returns the end. */
  function literal(from: number, quote: number): number {
    const q = text.charCodeAt(quote);
    let j = quote + 1;
    while (j < length) {
      const d = text.charCodeAt(j);
      if (d === q) {
        const kind = q === 34 ? 'string' : 'char';
        if (kind === 'char' && j === quote + 1) push('bad', from, j + 1, 'empty character constant');
        else push(kind, from, j + 1);
        return j + 1;
      }
      if (d === 10) break;
      j += d === 92 && j + 1 < length && text.charCodeAt(j + 1) !== 10 ? 2 : 1;
    }
    j = Math.min(j, length);
    push('bad', from, j, q === 34 ? `missing terminating '"' character` : `missing terminating ' character`);
    return j;
  }
}

function unexpected(c: number): string {
  if (c === 0) return 'null character in the source';
  if (c === 0xfffd) return 'source is not valid UTF-8';
  const shown =
    c > 32 && c < 127 ? `'${String.fromCharCode(c)}'` : `U+${c.toString(16).toUpperCase().padStart(4, '0')}`;
  return `unexpected character ${shown}`;
}
