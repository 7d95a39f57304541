/**
 * The source as far as explanations need it: what expression stands at a position, which call and which argument, where its statement and
 * its function begin, how far the branches of an `if` reach. It reads text, not a syntax tree, so that it serves C that we compiled, C that
 * clang compiled, and a program of which only line info is left (BTF.ext has the text of every line that has code: then statements end
 * where lines end).
 */
import type { ProgSpec } from '../../spec/spec.ts';

export interface Range {
  readonly start: number;
  readonly end: number;
}

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

export interface FunctionText {
  readonly name: string;
  readonly returns: string;
  /** Names, in order. */
  readonly params: readonly string[];
  readonly start: number;
  /** Of the opening and closing brace. */
  readonly body: Range;
}

const IDENT = /[A-Za-z_]\w*/y;
const WORD = /\w/;

/** One file: its text, and the same with comments, literals and preprocessor lines blanked out. */
export class SourceText {
  readonly name: string;
  readonly text: string;
  /** False when only the lines that line info mentions are there. */
  readonly complete: boolean;
  readonly #starts: number[] = [0];
  #code: string | undefined;
  /** Nesting in parentheses, brackets and initialisers. */
  #depth: Uint16Array | undefined;

  constructor(name: string, text: string, complete: boolean) {
    this.name = name;
    this.text = text;
    this.complete = complete;
    for (let i = text.indexOf('\n'); i >= 0; i = text.indexOf('\n', i + 1)) this.#starts.push(i + 1);
  }

  get code(): string {
    this.#code ??= blank(this.text);
    return this.#code;
  }

  offset(line: number, column: number): number {
    return Math.min((this.#starts[line - 1] ?? this.text.length) + Math.max(column, 1) - 1, this.text.length);
  }

  position(offset: number): { line: number; column: number } {
    let low = 0;
    let high = this.#starts.length - 1;
    while (low < high) {
      const mid = (low + high + 1) >> 1;
      if (this.#starts[mid]! <= offset) low = mid;
      else high = mid - 1;
    }
    return { line: low + 1, column: offset - this.#starts[low]! + 1 };
  }

  lineText(line: number): string {
    const from = this.#starts[line - 1];
    if (from === undefined) return '';
    return this.text.slice(from, (this.#starts[line] ?? this.text.length + 1) - 1).replace(/\r$/, '');
  }

  slice(r: Range): string {
    return this.text.slice(r.start, r.end).replace(/\s+/g, ' ').trim();
  }

  // --- expressions --------------------------------------------------------------------------------------------------

  /** The call whose name (or opening parenthesis) stands at the offset. */
  callAt(offset: number): Call | undefined {
    const { code } = this;
    let start = offset;
    if (code[start] === '(' || code[start] === '.')
      start = code[start] === '.' ? start + 1 : this.#backOverSpace(start);
    if (code[offset] === '(') while (start > 0 && WORD.test(code[start - 1]!)) start--;
    while (start > 0 && WORD.test(code[start - 1]!) && WORD.test(code[start] ?? '')) start--;
    IDENT.lastIndex = start;
    const name = IDENT.exec(code)?.[0];
    if (name === undefined) return undefined;
    const open = this.#skipSpace(start + name.length);
    if (code[open] !== '(') return undefined;
    const close = this.#matching(open);
    if (close < 0) return undefined;
    const args: string[] = [];
    let from = open + 1;
    const base = this.#nesting()[open]! + 1;
    for (let i = open + 1; i <= close; i++) {
      if (i < close && !(code[i] === ',' && this.#nesting()[i] === base)) continue;
      const text = this.slice({ start: from, end: i });
      if (text !== '' || i < close) args.push(text);
      from = i + 1;
    }
    let first = start;
    let receiver: string | undefined;
    const dot = this.#backOverSpace(start) - 1;
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
      const member = this.#skipSpace(offset + (ch === '.' ? 1 : 2));
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
      const before = this.#backOverSpace(start);
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
    for (let i = this.#backOverSpace(start); this.code[i - 1] === '*'; i = this.#backOverSpace(i - 1)) {
      const before = this.code[this.#backOverSpace(i - 1) - 1] ?? ';';
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
    const end = this.#backOverSpace(offset);
    let i = end;
    for (;;) {
      const ch = code[i - 1] ?? '';
      if (ch === ')' || ch === ']') {
        const open = this.#matchingBack(i - 1);
        if (open < 0) break;
        i = open;
        const before = this.#backOverSpace(i);
        if (!WORD.test(code[before - 1] ?? '') && code[before - 1] !== ']' && code[before - 1] !== ')') {
          if (ch === ')') break;
        } else if (/\b(?:return|case|if|while|switch|else)$/.test(code.slice(Math.max(0, before - 8), before))) break;
        else i = before;
        continue;
      }
      if (!WORD.test(ch)) break;
      while (i > 0 && WORD.test(code[i - 1]!)) i--;
      const before = this.#backOverSpace(i);
      if (code[before - 1] === '.') i = this.#backOverSpace(before - 1);
      else if (code.slice(before - 2, before) === '->') i = this.#backOverSpace(before - 2);
      else break;
    }
    return { start: i, end };
  }

  #indexesAfter(offset: number): number {
    let end = offset;
    for (let i = this.#skipSpace(end); this.code[i] === '['; i = this.#skipSpace(end)) {
      const close = this.#matching(i);
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
      const i = this.#skipSpace(end);
      if (code[i] === '[' || code[i] === '(') {
        const close = this.#matching(i);
        if (close < 0) return end;
        end = close + 1;
      } else if (code[i] === '.' || code.startsWith('->', i)) {
        IDENT.lastIndex = this.#skipSpace(i + (code[i] === '.' ? 1 : 2));
        const name = IDENT.exec(code);
        if (!name) return end;
        end = IDENT.lastIndex;
      } else return end;
    }
  }

  /** The operand of a unary operator. */
  #unaryAfter(offset: number): Range {
    const { code } = this;
    const start = this.#skipSpace(offset);
    let i = start;
    while (code[i] === '*' || code[i] === '&') i = this.#skipSpace(i + 1);
    if (code[i] === '(') {
      const close = this.#matching(i);
      if (close < 0) return { start, end: i };
      // A cast is followed by its operand.
      const next = this.#skipSpace(close + 1);
      if (/[\w(&*]/.test(code[next] ?? '')) return { start, end: this.#unaryAfter(next).end };
      return { start, end: this.#postfixAfter(close + 1) };
    }
    while (WORD.test(code[i] ?? '')) i++;
    return { start, end: this.#postfixAfter(i) };
  }

  #skipSpace(i: number): number {
    while (/\s/.test(this.code[i] ?? '')) i++;
    return i;
  }

  /** Offset behind the last character before `i` that is no space. */
  #backOverSpace(i: number): number {
    while (i > 0 && /\s/.test(this.code[i - 1]!)) i--;
    return i;
  }

  #matching(open: number): number {
    const d = this.#nesting();
    for (let i = open + 1; i < this.code.length; i++) {
      if (d[i] === d[open] && ')]}'.includes(this.code[i]!)) return i;
      if (d[i]! < d[open]!) return -1;
    }
    return -1;
  }

  #matchingBack(close: number): number {
    const d = this.#nesting();
    for (let i = close - 1; i >= 0; i--) if (d[i] === d[close] && '([{'.includes(this.code[i]!)) return i;
    return -1;
  }

  /** Per character, how deep it is in parentheses and initialisers; brackets themselves have the outer depth. */
  #nesting(): Uint16Array {
    if (this.#depth) return this.#depth;
    const { code } = this;
    const out = new Uint16Array(code.length + 1);
    const open: string[] = [];
    let depth = 0;
    let last = '';
    for (let i = 0; i < code.length; i++) {
      const ch = code[i]!;
      if (ch === '(' || ch === '[' || (ch === '{' && (last === '=' || (depth > 0 && '{,(='.includes(last))))) {
        out[i] = depth++;
        open.push(ch);
      } else if (depth > 0 && (ch === ')' || ch === ']' || (ch === '}' && open[open.length - 1] === '{'))) {
        out[i] = --depth;
        open.pop();
      } else out[i] = depth;
      if (!/\s/.test(ch)) last = ch;
    }
    this.#depth = out;
    return out;
  }

  // --- statements ---------------------------------------------------------------------------------------------------

  /** Where the statement around the offset begins: `outer` with the `if (...)` before it, `inner` without. */
  statementAt(offset: number): { outer: number; inner: number } {
    const { code } = this;
    if (!this.complete) {
      const start = this.offset(this.position(offset).line, 1);
      const first = start + /^\s*/.exec(this.lineText(this.position(offset).line))![0].length;
      return { outer: first, inner: first };
    }
    const d = this.#nesting();
    let i = Math.min(offset, code.length - 1);
    while (i > 0 && !(d[i - 1] === 0 && ';{}'.includes(code[i - 1]!))) i--;
    let outer = this.#skipSpace(i);
    for (let label = this.#labelEnd(outer); label > 0 && label <= offset; label = this.#labelEnd(outer)) {
      outer = this.#skipSpace(label);
    }
    let inner = outer;
    for (;;) {
      const word = /^(?:(else|do)\b|(if|while|for|switch)\s*\()/.exec(code.slice(inner, inner + 24));
      if (!word) break;
      let next: number;
      if (word[1]) next = this.#skipSpace(inner + word[1].length);
      else {
        const close = this.#matching(inner + word[0].length - 1);
        if (close < 0 || offset <= close) break;
        next = this.#skipSpace(close + 1);
      }
      if (next > offset) break;
      inner = next;
    }
    return { outer, inner };
  }

  #labelEnd(at: number): number {
    const m = /^(?:case\b[^:;{}?]*|default\s*|[A-Za-z_]\w*\s*):(?!:)/.exec(this.code.slice(at, at + 120));
    return m ? at + m[0].length : 0;
  }

  /** Offset behind the statement that begins here. */
  statementEnd(at: number): number {
    const { code } = this;
    const i = this.#skipSpace(at);
    if (code[i] === '{') {
      let depth = 0;
      for (let k = i; k < code.length; k++) {
        if (code[k] === '{') depth++;
        else if (code[k] === '}' && --depth === 0) return k + 1;
      }
      return code.length;
    }
    const word = /^(if|while|for|switch)\s*\(/.exec(code.slice(i, i + 24));
    if (word) {
      const close = this.#matching(i + word[0].length - 1);
      if (close < 0) return code.length;
      const end = this.statementEnd(close + 1);
      const after = this.#skipSpace(end);
      return word[1] === 'if' && /^else\b/.test(code.slice(after, after + 5)) ? this.statementEnd(after + 4) : end;
    }
    const d = this.#nesting();
    for (let k = i; k < code.length; k++) if (code[k] === ';' && d[k] === d[i]) return k + 1;
    return code.length;
  }

  /** The condition around the offset, with what runs where it holds. Undefined where the offset is in none. */
  conditionAt(offset: number): { kind: string; text: string; whenTrue: Range; header: Range } | undefined {
    if (!this.complete) return undefined;
    const { code } = this;
    let at = this.statementAt(offset).inner;
    if (/^else\b/.test(code.slice(at, at + 5))) at = this.#skipSpace(at + 4);
    const word = /^(if|while|for)\s*\(/.exec(code.slice(at, at + 24));
    if (!word) return undefined;
    const open = at + word[0].length - 1;
    const close = this.#matching(open);
    if (close < 0 || offset > close) return undefined;
    let text = this.slice({ start: open + 1, end: close });
    if (word[1] === 'for') {
      const d = this.#nesting();
      const parts: string[] = [];
      let from = open + 1;
      for (let i = open + 1; i <= close; i++) {
        if (i < close && !(code[i] === ';' && d[i] === d[open]! + 1)) continue;
        parts.push(this.slice({ start: from, end: i }));
        from = i + 1;
      }
      text = parts[1] ?? '';
    }
    return {
      kind: word[1]!,
      text,
      whenTrue: { start: close + 1, end: this.statementEnd(close + 1) },
      header: { start: at, end: close + 1 },
    };
  }

  /** The innermost loop around the offset: its header, and where it begins. */
  loopAround(offset: number): { start: number; header: Range; kind: string; text: string } | undefined {
    const fn = this.complete ? this.functionAt(offset) : undefined;
    if (!fn) return undefined;
    const pattern = /\b(?:(for|while)\s*\(|(do)\b)/g;
    pattern.lastIndex = fn.body.start;
    let found: { start: number; header: Range; kind: string; text: string } | undefined;
    for (let m = pattern.exec(this.code); m && m.index <= offset; m = pattern.exec(this.code)) {
      const open = m.index + m[0].length - 1;
      const close = m[1] ? this.#matching(open) : open;
      if (close < 0 || this.statementEnd(m[1] ? m.index : this.#skipSpace(open + 1)) <= offset) continue;
      const header = { start: m.index, end: close + 1 };
      found = { start: m.index, header, kind: m[1] ?? 'do', text: this.slice(header) };
    }
    return found;
  }

  /** The expression a variable is first given in the function around the offset: `data` of `void *data = (void *)(long)ctx->data;`. */
  firstValue(name: string, offset: number): string | undefined {
    const fn = this.functionAt(offset);
    if (!fn) return undefined;
    const m = new RegExp(`\\b${name}\\s*=(?!=)\\s*`).exec(this.code.slice(fn.body.start, fn.body.end));
    if (!m) return undefined;
    const start = fn.body.start + m.index + m[0].length;
    return this.slice({ start, end: this.statementEnd(start) - 1 });
  }

  /** The statement at the offset as text, for comparing: spaces joined, a block of one statement without its braces. */
  statementText(start: number): string {
    const text = this.slice({ start, end: this.statementEnd(start) });
    const alone = /^\{\s*([^;{}]*;)\s*\}$/.exec(text);
    return (alone ? alone[1]! : text).trim();
  }

  /** Where the statement behind this one begins. */
  nextStatement(start: number): number {
    return this.#skipSpace(this.statementEnd(start));
  }

  /** First statement inside a block, or the statement itself. */
  firstInside(start: number): number {
    const at = this.#skipSpace(start);
    return this.code[at] === '{' ? this.#skipSpace(at + 1) : at;
  }

  /** The statement that gives a variable its value: `name` of `u64 *name = …;`, when one stands at the offset. */
  assignedAt(offset: number): { name: string; declares: boolean } | undefined {
    const { inner } = this.statementAt(offset);
    const text = this.complete
      ? this.code.slice(inner, this.statementEnd(inner))
      : this.code.slice(inner).split('\n', 1)[0]!;
    const m = /^((?:[A-Za-z_][\w\s]*?[\s*]+)?)([A-Za-z_]\w*)\s*(?:\[[^\]]*\]\s*)*=(?!=)/.exec(text);
    if (!m || /^(?:return|if|while|for)\b/.test(m[1]!)) return undefined;
    return { name: m[2]!, declares: m[1]!.trim() !== '' };
  }

  // --- functions and declarations -----------------------------------------------------------------------------------

  #functions: FunctionText[] | undefined;

  functions(): readonly FunctionText[] {
    if (this.#functions) return this.#functions;
    const out: FunctionText[] = [];
    const { code } = this;
    let i = 0;
    while (i < code.length) {
      const open = code.indexOf('{', i);
      if (open < 0) break;
      const end = this.statementEnd(open);
      const head = this.#backOverSpace(open);
      const paramsOpen = code[head - 1] === ')' ? this.#matchingBack(head - 1) : -1;
      const name = paramsOpen < 0 ? undefined : /([A-Za-z_]\w*)\s*$/.exec(code.slice(0, paramsOpen));
      if (name) {
        const at = Math.max(code.lastIndexOf(';', name.index), code.lastIndexOf('}', name.index)) + 1;
        const params = this.slice({ start: paramsOpen + 1, end: head - 1 });
        out.push({
          name: name[1]!,
          returns: code.slice(at, name.index).replace(/\s+/g, ' ').trim(),
          params: params.split(',').map((p) => /([A-Za-z_]\w*)\s*(?:\[[^\]]*\])?\s*$/.exec(p.trim())?.[1] ?? ''),
          start: this.#skipSpace(at),
          body: { start: open, end },
        });
      }
      i = end;
    }
    this.#functions = out;
    return out;
  }

  functionAt(offset: number): FunctionText | undefined {
    return this.functions().find((f) => offset >= f.start && offset < f.body.end);
  }

  /**
   * How a variable is declared in the function around the offset: its type (`struct ethhdr *`), the length of an array, where its name
   * ends and what follows it.
   */
  declaration(
    name: string,
    offset: number,
  ): { type: string; array?: string; at: number; after: number; initialised: boolean } | undefined {
    if (!/^[A-Za-z_]\w*$/.test(name)) return undefined;
    const fn = this.functionAt(offset);
    const from = fn?.start ?? 0;
    const text = this.code.slice(from, fn ? fn.body.end : this.code.length);
    const pattern = new RegExp(
      `(?:^|[;{}(,])\\s*((?:(?:const|volatile|unsigned|signed|static|struct|union|enum|register)\\s+)*[A-Za-z_]\\w*[\\s*]*?[\\s*])\\s*${name}\\s*(?:\\[\\s*([^\\]]*?)\\s*\\])?\\s*(?=[=;,)])`,
      'g',
    );
    for (let m = pattern.exec(text); m; m = pattern.exec(text)) {
      const type = m[1]!.replace(/\s+/g, ' ').trim();
      if (/^(?:return|else|goto|case)\b/.test(type)) continue;
      const after = from + m.index + m[0].length;
      const at = from + m.index + m[0].lastIndexOf(name);
      return {
        type,
        ...(m[2] === undefined ? {} : { array: m[2] }),
        at,
        after: this.#backOverSpace(after),
        initialised: this.code[this.#skipSpace(after)] === '=',
      };
    }
    return undefined;
  }

  /** The length a member or variable of this name was declared with, where it is an array. */
  arrayLength(name: string): string | undefined {
    return new RegExp(`\\b${name}\\s*\\[\\s*(\\w+)\\s*\\]\\s*[;,=]`).exec(this.code)?.[1];
  }
}

/** Pointer and index of an access by its text: the last arrow or star is what is followed. */
export function splitAccess(text: string): Pick<Access, 'pointer' | 'index' | 'array'> {
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

/** Without a pair of parentheses around all, and without stars of casts before a name. */
function strip(text: string): string {
  let t = text.trim();
  while (t.startsWith('(') && t.endsWith(')') && balanced(t.slice(1, -1))) t = t.slice(1, -1).trim();
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

/** Same length, with comments, string and character contents, and preprocessor lines as blanks. */
function blank(text: string): string {
  const pattern =
    /\/\*[\s\S]*?(?:\*\/|$)|\/\/[^\n]*|"(?:\\[\s\S]|[^"\\\n])*"?|'(?:\\[\s\S]|[^'\\\n])*'?|^[ \t]*#(?:\\\n|[^\n])*/gm;
  return text.replace(pattern, (m) => {
    if (m[0] === '"') return `"${m.slice(1, -1).replace(/[^\n]/g, '_')}"`.slice(0, m.length);
    return m.replace(/[^\n]/g, ' ');
  });
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
