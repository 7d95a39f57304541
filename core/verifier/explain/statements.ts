/** Statements, conditions, loops, functions and declarations of C, found in its text. */
import { type Range, Text } from './text.ts';

export interface FunctionText {
  readonly name: string;
  readonly returns: string;
  /** Names, in order. */
  readonly params: readonly string[];
  readonly start: number;
  /** Of the opening and closing brace. */
  readonly body: Range;
}

/** A file as statements. */
export class Statements extends Text {
  /** Where the statement around the offset begins: `outer` with the `if (...)` before it, `inner` without. */
  statementAt(offset: number): { outer: number; inner: number } {
    const { code } = this;
    if (!this.complete) {
      const start = this.offset(this.position(offset).line, 1);
      const first = start + /^\s*/.exec(this.lineText(this.position(offset).line))![0].length;
      return { outer: first, inner: first };
    }
    const d = this.nesting();
    let i = Math.min(offset, code.length - 1);
    while (i > 0 && !(d[i - 1] === 0 && ';{}'.includes(code[i - 1]!))) i--;
    let outer = this.skipSpace(i);
    for (let label = this.#labelEnd(outer); label > 0 && label <= offset; label = this.#labelEnd(outer)) {
      outer = this.skipSpace(label);
    }
    let inner = outer;
    for (;;) {
      const word = /^(?:(else|do)\b|(if|while|for|switch)\s*\()/.exec(code.slice(inner, inner + 24));
      if (!word) break;
      let next: number;
      if (word[1]) next = this.skipSpace(inner + word[1].length);
      else {
        const close = this.matching(inner + word[0].length - 1);
        if (close < 0 || offset <= close) break;
        next = this.skipSpace(close + 1);
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
    const i = this.skipSpace(at);
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
      const close = this.matching(i + word[0].length - 1);
      if (close < 0) return code.length;
      const end = this.statementEnd(close + 1);
      const after = this.skipSpace(end);
      return word[1] === 'if' && /^else\b/.test(code.slice(after, after + 5)) ? this.statementEnd(after + 4) : end;
    }
    const d = this.nesting();
    for (let k = i; k < code.length; k++) if (code[k] === ';' && d[k] === d[i]) return k + 1;
    return code.length;
  }

  /** The condition around the offset, with what runs where it holds. Undefined where the offset is in none. */
  conditionAt(offset: number): { kind: string; text: string; whenTrue: Range; header: Range } | undefined {
    if (!this.complete) return undefined;
    const { code } = this;
    let at = this.statementAt(offset).inner;
    if (/^else\b/.test(code.slice(at, at + 5))) at = this.skipSpace(at + 4);
    const word = /^(if|while|for)\s*\(/.exec(code.slice(at, at + 24));
    if (!word) return undefined;
    const open = at + word[0].length - 1;
    const close = this.matching(open);
    if (close < 0 || offset > close) return undefined;
    let text = this.slice({ start: open + 1, end: close });
    if (word[1] === 'for') {
      const d = this.nesting();
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
      const close = m[1] ? this.matching(open) : open;
      if (close < 0 || this.statementEnd(m[1] ? m.index : this.skipSpace(open + 1)) <= offset) continue;
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

  /** The return statements inside the `switch` that begins here; none where none does. */
  returnsOfSwitch(start: number): number[] {
    if (!/^switch\b/.test(this.code.slice(start, start + 7))) return [];
    const body = this.code.slice(start, this.statementEnd(start));
    return [...body.matchAll(/\breturn\b/g)].map((m) => start + m.index);
  }

  /** Where the statement behind this one begins. */
  nextStatement(start: number): number {
    return this.skipSpace(this.statementEnd(start));
  }

  /** First statement inside a block, or the statement itself. */
  firstInside(start: number): number {
    const at = this.skipSpace(start);
    return this.code[at] === '{' ? this.skipSpace(at + 1) : at;
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
      const head = this.backOverSpace(open);
      const paramsOpen = code[head - 1] === ')' ? this.matchingBack(head - 1) : -1;
      const name = paramsOpen < 0 ? undefined : /([A-Za-z_]\w*)\s*$/.exec(code.slice(0, paramsOpen));
      if (name) {
        const at = Math.max(code.lastIndexOf(';', name.index), code.lastIndexOf('}', name.index)) + 1;
        const params = this.slice({ start: paramsOpen + 1, end: head - 1 });
        out.push({
          name: name[1]!,
          returns: code.slice(at, name.index).replace(/\s+/g, ' ').trim(),
          params: params.split(',').map((p) => /([A-Za-z_]\w*)\s*(?:\[[^\]]*\])?\s*$/.exec(p.trim())?.[1] ?? ''),
          start: this.skipSpace(at),
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
        after: this.backOverSpace(after),
        initialised: this.code[this.skipSpace(after)] === '=',
      };
    }
    return undefined;
  }

  /** The length a member or variable of this name was declared with, where it is an array. */
  arrayLength(name: string): string | undefined {
    return new RegExp(`\\b${name}\\s*\\[\\s*(\\w+)\\s*\\]\\s*[;,=]`).exec(this.code)?.[1];
  }
}
