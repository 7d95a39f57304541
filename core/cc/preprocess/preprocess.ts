/**
 * The preprocessor (C11 6.10): directives over a stream of expanded tokens. What a macro is: macro.ts; which there are: names.ts; how
 * they expand: stream.ts; #if: conditional.ts and condition.ts.
 */
import { SourceFile } from '../../base/diagnostics.ts';
import { lex } from '../lex.ts';
import { stringBytes } from '../literal.ts';
import { note, type Report } from '../report.ts';
import { BUILTIN_FILE, type Token } from '../token.ts';
import { Conditionals, headerName, lineOf } from './conditional.ts';
import type { Macro } from './macro.ts';
import { MacroNames } from './names.ts';
import { type FileState, type Frame, TokenStream } from './stream.ts';

/** GCC's and clang's -fmax-include-depth. */
const MOST_INCLUDES = 200;
/** Tokens handed to the parser. */
const MOST_TOKENS = 200_000;
/** What an `#include` finds: text, nothing to read (a header whose contents are known from elsewhere), or why not. */
export type Included =
  | { readonly kind: 'text'; readonly name: string; readonly text: string }
  | { readonly kind: 'known' }
  | { readonly kind: 'missing'; readonly looked: readonly string[]; readonly hint?: string };

export interface PreprocessOptions {
  readonly report: Report;
  /** Resolve `#include <name>` (angled) or `"name"` from a file. */
  include(name: string, angled: boolean, from: string): Included;
  /** Text of a macro of the outer scope (`NAME body`, `NAME(params) body`), or undefined. */
  outerMacro(name: string): string | undefined;
  /** `-D` and `#include`-like lines to run first, as one text. */
  readonly prelude: string;
}

export class Preprocessor {
  readonly #options: PreprocessOptions;
  readonly #report: Report;
  readonly #names: MacroNames;
  readonly #stream: TokenStream;
  readonly #conditionals: Conditionals;
  readonly #files: FileState[] = [];
  readonly #once = new Set<string>();
  /** What `#pragma push_macro` saved, by name. */
  readonly #pushed = new Map<string, (Macro | null)[]>();
  /** The token handed out last, and how many brackets of any kind are open there: 0 at file scope. */
  #last: Token | undefined;
  #depth = 0;
  /** `enum` or `enum NAME` was just read; how deep the list of enumerators is that we are in, or NaN. */
  #enumHead = false;
  #enumDepth = Number.NaN;

  constructor(options: PreprocessOptions) {
    this.#options = options;
    this.#report = options.report;
    this.#names = new MacroNames(options.report, options.outerMacro);
    this.#stream = new TokenStream(options.report, this.#names, (hash, frame, file) =>
      this.#directive(hash, frame, file),
    );
    this.#conditionals = new Conditionals(options.report, this.#names, this.#stream, options.include);
  }

  /** All tokens of the translation unit, ending with 'eof'. */
  run(file: SourceFile): Token[] {
    const out: Token[] = [];
    this.#names.baseName = file.name;
    const push = (source: SourceFile) => {
      const state: FileState = { name: source.name, source, conditions: [] };
      this.#enter(state);
      this.#stream.stack.push({ tokens: lex(source), pos: 0, file: state });
    };
    if (this.#options.prelude !== '') {
      push(new SourceFile('<command line>', this.#options.prelude));
      this.#drain(out);
      out.pop();
    }
    push(file);
    this.#drain(out);
    return out;
  }

  /** The expansion of an object-like macro as text, or undefined when there is none. */
  textOf(name: string): string | undefined {
    const macro = this.#names.lookup(name);
    if (!macro || macro.params) return undefined;
    return this.#stream
      .expandList([...macro.body])
      .map((t) => (t.kind === 'string' ? t.text.slice(1, -1) : t.text))
      .join(' ');
  }

  /** Expand a list of tokens as if they stood alone: what the flavour's lazily read C texts go through. */
  expandText(source: SourceFile): Token[] {
    const saved = this.#stream.stack;
    const [last, depth] = [this.#last, this.#depth];
    this.#depth = Number.POSITIVE_INFINITY;
    const state: FileState = { name: source.name, source, conditions: [] };
    this.#stream.stack = [{ tokens: lex(source), pos: 0, file: state }];
    this.#enter(state);
    const out: Token[] = [];
    try {
      this.#drain(out);
    } finally {
      this.#stream.stack = saved;
      [this.#last, this.#depth] = [last, depth];
    }
    return out;
  }

  #enter(file: FileState): void {
    this.#files.push(file);
    this.#names.includeLevel = this.#files.length - 1;
  }

  // --- the stream ---------------------------------------------------------------------------------------------------

  /** Expanded tokens of the whole stack, up to and with the end of its bottom file. */
  #drain(out: Token[]): void {
    for (;;) {
      const t = this.#nextExpanded();
      if (t === undefined) continue;
      if (out.length >= MOST_TOKENS)
        this.#report.fatal(t, `program is too large: more than ${MOST_TOKENS} tokens after preprocessing`);
      if (t.kind === 'bad') {
        this.#report.error(t, t.problem!);
        continue;
      }
      out.push(t);
      if (t.kind === 'eof') return;
      this.#follow(t);
    }
  }

  /** One expanded token; undefined when what was read produced none (a directive, an empty macro). */
  #nextExpanded(): Token | undefined {
    const t = this.#stream.raw();
    const frame = this.#stream.stack[this.#stream.stack.length - 1]!;
    if (t.kind === 'eof' && frame.file) return this.#endFile(t, frame.file);
    if (t.bol && t.text === '#' && t.kind === 'punct' && frame.file) {
      this.#directive(t, frame, frame.file);
      return undefined;
    }
    if (t.kind === 'ident') {
      if (t.text === '_Pragma' && this.#stream.peek()?.text === '(') return this.#pragmaOperator(t);
      if (this.#declares(t)) this.#names.ownDeclaration(t.text);
      return this.#stream.expand(t);
    }
    return t;
  }

  /**
   * Does the program declare something of its own here that a kernel's macro has the name of? A function at file scope, `int min(`; an
   * enumerator; a variable of a type that is a keyword or a fixed-width name, `const int AF_INET =`.
   */
  #declares(name: Token): boolean {
    const before = this.#last;
    if (before === undefined) return false;
    const next = () => this.#stream.peek()?.text ?? '';
    if (before.kind === 'punct') {
      if (this.#depth === this.#enumDepth && (before.text === '{' || before.text === ','))
        return /^[=,}]$/.test(next()) && this.#names.isOuter(name.text);
      return this.#depth === 0 && before.text === '*' && next() === '(' && this.#names.isOuterFunction(name.text);
    }
    if (before.kind !== 'ident') return false;
    if (this.#depth === 0 && next() === '(') return this.#names.isOuterFunction(name.text);
    if (next() === '__kconfig') return this.#names.isOuter(name.text);
    return PLAIN_TYPE.test(before.text) && /^[=;,[)]$/.test(next()) && this.#names.isOuter(name.text);
  }

  /** Keeps count of brackets, and of the enum whose list we are in. */
  #follow(t: Token): void {
    if (t.kind === 'punct') {
      if (t.text === '{' && this.#enumHead) this.#enumDepth = this.#depth + 1;
      this.#depth += DEEPER[t.text] ?? 0;
      if (this.#depth < this.#enumDepth) this.#enumDepth = Number.NaN;
    }
    this.#enumHead = t.kind === 'ident' && (t.text === 'enum' || (this.#enumHead && this.#last?.text === 'enum'));
    this.#last = t;
  }

  #endFile(eof: Token, file: FileState): Token | undefined {
    for (const c of file.conditions) this.#report.error(c.at, `unterminated conditional directive`);
    file.conditions.length = 0;
    this.#files.pop();
    this.#names.includeLevel = this.#files.length - 1;
    if (this.#stream.stack.length > 1) {
      this.#stream.stack.pop();
      return undefined;
    }
    this.#stream.stack.pop();
    return eof;
  }

  // --- directives ---------------------------------------------------------------------------------------------------

  #directive(hash: Token, frame: Frame, file: FileState): void {
    const line = lineOf(frame);
    const name = line[0];
    if (!name) return;
    const rest = line.slice(1);
    switch (name.text) {
      case 'if':
      case 'ifdef':
      case 'ifndef':
        file.conditions.push({ at: hash, taken: false, live: false, dead: false, seenElse: false });
        this.#conditionals.branch(file.conditions[file.conditions.length - 1]!, name, rest, frame, file);
        return;
      case 'elif':
      case 'elifdef':
      case 'elifndef':
      case 'else': {
        const c = file.conditions[file.conditions.length - 1];
        if (!c) this.#report.error(name, `#${name.text} without #if`);
        else {
          // Reached from live text: some branch was taken, so the rest is skipped.
          if (c.seenElse)
            this.#report.error(name, `#${name.text} after #else`, {
              notes: [note(c.at, 'the conditional began here')],
            });
          if (name.text === 'else') c.seenElse = true;
          this.#conditionals.skip(frame, file, c);
        }
        return;
      }
      case 'endif':
        if (!file.conditions.pop()) this.#report.error(name, '#endif without #if');
        return;
      case 'define':
        this.#names.define(rest, name);
        return;
      case 'undef':
        if (rest[0]?.kind !== 'ident') this.#report.error(rest[0] ?? name, 'macro name missing');
        else this.#names.undefine(rest[0].text);
        return;
      case 'include':
      case 'include_next':
      case 'import':
        this.#include(name, rest, file);
        return;
      case 'error':
        this.#report.error(name, textOf(rest, file.source) || '#error');
        return;
      case 'warning':
        this.#report.warning(name, textOf(rest, file.source) || '#warning');
        return;
      case 'pragma':
        this.#pragma(hash, rest, file);
        return;
      case 'line':
        this.#line(hash, this.#stream.expandList(rest), file);
        return;
      case 'ident':
      case 'sccs':
        return;
      default:
        if (name.kind === 'number') {
          this.#line(hash, line, file);
          return;
        }
        this.#report.error(name, `invalid preprocessing directive '#${name.text}'`);
    }
  }

  /** `#line 7 "file.c"`, and the form `# 7 "file.c" flags` that preprocessors write. */
  #line(hash: Token, words: readonly Token[], file: FileState): void {
    const [number, name] = words;
    if (number?.kind !== 'number' || !/^\d+$/.test(number.text) || Number(number.text) > 0x7fffffff) {
      this.#report.error(number ?? hash, '#line takes a positive number of decimal digits');
      return;
    }
    const bytes = name === undefined ? undefined : name.kind === 'string' ? stringBytes(name.text) : 'not a string';
    if (typeof bytes === 'string') {
      this.#report.error(name!, 'invalid file name for #line');
      return;
    }
    const line = file.source.position(hash.start).line;
    file.source.presume(line, Number(number.text), bytes && String.fromCharCode(...bytes));
  }

  #include(name: Token, rest: Token[], file: FileState): void {
    const header = headerName(rest) ?? headerName(this.#stream.expandList(rest));
    if (!header) {
      this.#report.error(rest[0] ?? name, 'expected "FILENAME" or <FILENAME>');
      return;
    }
    const found = this.#options.include(header.name, header.angled, file.name);
    this.#names.refresh();
    if (found.kind === 'known') return;
    if (found.kind === 'missing') {
      const where = found.looked.length ? `looked for ${found.looked.join(', ')}` : '';
      this.#report.error(rest[0]!, `'${header.name}' file not found`, {
        ranges: rest.length > 1 ? [{ file: file.source, start: rest[0]!.start, end: rest[rest.length - 1]!.end }] : [],
        notes: [...(where ? [note(undefined, where)] : []), ...(found.hint ? [note(undefined, found.hint)] : [])],
      });
      return;
    }
    if (this.#once.has(found.name)) return;
    if (this.#files.length >= MOST_INCLUDES) {
      this.#report.fatal(
        rest[0]!,
        `#include nested more than ${MOST_INCLUDES} deep: does '${header.name}' include itself?`,
      );
    }
    const source = new SourceFile(found.name, found.text);
    const state: FileState = { name: found.name, source, conditions: [] };
    this.#enter(state);
    const tokens = lex(source);
    this.#stream.countExpanded(tokens.length, rest[0]!);
    this.#stream.stack.push({ tokens, pos: 0, file: state });
  }

  #pragma(hash: Token, rest: Token[], file: FileState): void {
    const first = rest[0]?.text;
    if (first === 'once') this.#once.add(file.name);
    else if (first === 'push_macro' || first === 'pop_macro') this.#saveMacro(first === 'push_macro', rest);
    else if (
      first === 'unroll' ||
      first === 'nounroll' ||
      (first === 'clang' && (rest[1]?.text === 'loop' || rest[1]?.text === 'attribute')) ||
      (first === 'GCC' && rest[1]?.text === 'unroll') ||
      first === 'pack'
    ) {
      const expanded = this.#stream.expandList(rest);
      const token: Token = { ...hash, kind: 'pragma', text: expanded.map((t) => t.text).join(' ') };
      this.#stream.stack.push({ tokens: [token], pos: 0, macro: passThrough() });
    }
  }

  /** `#pragma push_macro("NAME")` and `pop_macro`, as GCC and clang have them: a pop without a push does nothing. */
  #saveMacro(push: boolean, rest: Token[]): void {
    const literal = rest[2];
    const bytes = literal?.kind === 'string' ? stringBytes(literal.text) : '';
    if (typeof bytes === 'string' || rest[1]?.text !== '(' || rest[3]?.text !== ')') {
      this.#report.error(
        literal ?? rest[0]!,
        `#pragma ${rest[0]!.text} takes a name in quotes: ${rest[0]!.text}("NAME")`,
      );
      return;
    }
    const name = String.fromCharCode(...bytes);
    const saved = this.#pushed.get(name) ?? [];
    this.#pushed.set(name, saved);
    if (push) saved.push(this.#names.saved(name));
    else if (saved.length > 0) this.#names.restore(name, saved.pop()!);
  }

  /** `_Pragma("...")`: the same as a #pragma line. */
  #pragmaOperator(name: Token): undefined {
    this.#stream.raw();
    const literal = this.#stream.peek();
    if (literal?.kind !== 'string') {
      this.#report.error(literal ?? name, '_Pragma takes a parenthesized string literal');
      return undefined;
    }
    this.#stream.raw();
    if (this.#stream.peek()?.text !== ')') this.#report.error(literal, '_Pragma takes a parenthesized string literal');
    else this.#stream.raw();
    const bytes = stringBytes(literal.text);
    const text = typeof bytes === 'string' ? '' : String.fromCharCode(...bytes);
    const line = lex(new SourceFile(BUILTIN_FILE, text)).slice(0, -1);
    const file = this.#files[this.#files.length - 1]!;
    this.#pragma(name, line, file);
    return undefined;
  }
}

/** Type names after which a name with `=`, `;`, `,`, `[` or `)` behind it is being declared. */
const PLAIN_TYPE =
  /^(?:char|short|int|long|signed|unsigned|_Bool|bool|(?:__)?[su](?:8|16|32|64)|u?int(?:8|16|32|64)_t)$/;
const DEEPER: Record<string, number> = { '(': 1, '[': 1, '{': 1, ')': -1, ']': -1, '}': -1 };

/** A frame must have a macro to be popped silently; this one disables nothing. */
function passThrough(): Macro {
  return {
    name: '',
    params: undefined,
    variadic: undefined,
    body: [],
    at: undefined as unknown as Token,
    active: false,
  };
}

function textOf(tokens: readonly Token[], source: SourceFile): string {
  const first = tokens[0];
  const last = tokens[tokens.length - 1];
  return first && last ? source.text.slice(first.start, last.end).replace(/\s+/g, ' ') : '';
}
