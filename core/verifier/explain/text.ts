/** A source file as text: positions and lines, which bracket belongs to which, and the same text without comments and literals. */

export interface Range {
  readonly start: number;
  readonly end: number;
}

/** One file: its text, and the same with comments, literals and preprocessor lines blanked out. */
export class Text {
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

  skipSpace(i: number): number {
    while (/\s/.test(this.code[i] ?? '')) i++;
    return i;
  }

  /** Offset behind the last character before `i` that is no space. */
  backOverSpace(i: number): number {
    while (i > 0 && /\s/.test(this.code[i - 1]!)) i--;
    return i;
  }

  matching(open: number): number {
    const d = this.nesting();
    for (let i = open + 1; i < this.code.length; i++) {
      if (d[i] === d[open] && ')]}'.includes(this.code[i]!)) return i;
      if (d[i]! < d[open]!) return -1;
    }
    return -1;
  }

  matchingBack(close: number): number {
    const d = this.nesting();
    for (let i = close - 1; i >= 0; i--) if (d[i] === d[close] && '([{'.includes(this.code[i]!)) return i;
    return -1;
  }

  /** Per character, how deep it is in parentheses and initialisers; brackets themselves have the outer depth. */
  nesting(): Uint16Array {
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
