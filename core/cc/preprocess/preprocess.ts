/**
 * The preprocessor (C11 6.10): a stack of token sources (files and macro expansions), directives, and the macro names.
 *
 * Macros live in two scopes: those the program defines, and an outer scope that answers by name (built-in and header
 * macros), so that thousands of kernel macros cost nothing until used. Everything that could run away has a limit.
 */
import { SourceFile } from '../../base/diagnostics.ts';
import { lex } from '../lex.ts';
import { stringBytes } from '../literal.ts';
import { note, type Report } from '../report.ts';
import { BUILTIN_FILE, type Token, writtenAt } from '../token.ts';
import { evaluateCondition } from './condition.ts';
import { type Macro, macroFromText, parseDefine, sameMacro, substitute } from './macro.ts';

/** GCC's and clang's -fmax-include-depth. */
const MOST_INCLUDES = 200;
/** Tokens made by macro expansion in one compilation: a real program makes some thousands. */
const MOST_EXPANDED = 400_000;
/** Tokens handed to the parser. */
const MOST_TOKENS = 200_000;
/** Frames of macros inside macros. */
const MOST_FRAMES = 2_000;

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

interface Frame {
  readonly tokens: readonly Token[];
  pos: number;
  /** The macro that this expansion disables. */
  readonly macro?: Macro;
  readonly file?: FileState;
}

interface FileState {
  readonly name: string;
  readonly source: SourceFile;
  readonly conditions: Condition[];
}

interface Condition {
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

export class Preprocessor {
  readonly #options: PreprocessOptions;
  readonly #report: Report;
  readonly #macros = new Map<string, Macro | null>();
  readonly #files: FileState[] = [];
  readonly #once = new Set<string>();
  /** Names that are no macros, until a header or a definition may change that. */
  readonly #plain = new Set<string>();
  /** Include guards seen whole: file name to macro, so that a second include costs nothing. */
  #expanded = 0;
  #counter = 0;
  #stack: Frame[] = [];
  #baseName = '';

  constructor(options: PreprocessOptions) {
    this.#options = options;
    this.#report = options.report;
    this.#defineDynamic();
  }

  /** All tokens of the translation unit, ending with 'eof'. */
  run(file: SourceFile): Token[] {
    const out: Token[] = [];
    this.#baseName = file.name;
    const push = (source: SourceFile) => {
      const state: FileState = { name: source.name, source, conditions: [] };
      this.#files.push(state);
      this.#stack.push({ tokens: lex(source), pos: 0, file: state });
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

  isDefined(name: string): boolean {
    return this.#lookup(name) !== undefined;
  }

  /** The expansion of an object-like macro as text, or undefined when there is none. */
  textOf(name: string): string | undefined {
    const macro = this.#lookup(name);
    if (!macro || macro.params) return undefined;
    return this.#expandList([...macro.body])
      .map((t) => (t.kind === 'string' ? t.text.slice(1, -1) : t.text))
      .join(' ');
  }

  /** Expand a list of tokens as if they stood alone: what the flavour's lazily read C texts go through. */
  expandText(source: SourceFile): Token[] {
    const saved = this.#stack;
    const state: FileState = { name: source.name, source, conditions: [] };
    this.#stack = [{ tokens: lex(source), pos: 0, file: state }];
    this.#files.push(state);
    const out: Token[] = [];
    try {
      this.#drain(out);
    } finally {
      this.#stack = saved;
    }
    return out;
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
    }
  }

  /** The next token as it stands; expansions that end are taken off the stack. Files end with their 'eof'. */
  #raw(): Token {
    for (;;) {
      const frame = this.#stack[this.#stack.length - 1]!;
      const t = frame.tokens[frame.pos];
      if (t !== undefined) {
        frame.pos++;
        return t;
      }
      this.#pop();
    }
  }

  #pop(): void {
    const frame = this.#stack.pop()!;
    if (frame.macro) frame.macro.active = false;
  }

  /** The next token without taking it; does not look past the end of a file or of a bare list. */
  #peek(): Token | undefined {
    for (let i = this.#stack.length - 1; i >= 0; i--) {
      const frame = this.#stack[i]!;
      const t = frame.tokens[frame.pos];
      if (t !== undefined) return t;
      if (!frame.macro) return undefined;
    }
    return undefined;
  }

  /** One expanded token; undefined when what was read produced none (a directive, an empty macro). */
  #nextExpanded(): Token | undefined {
    const t = this.#raw();
    const frame = this.#stack[this.#stack.length - 1]!;
    if (t.kind === 'eof' && frame.file) return this.#endFile(t, frame.file);
    if (t.bol && t.text === '#' && t.kind === 'punct' && frame.file) {
      this.#directive(t, frame, frame.file);
      return undefined;
    }
    if (t.kind === 'ident') {
      if (t.text === '_Pragma' && this.#peek()?.text === '(') return this.#pragmaOperator(t);
      return this.#expand(t);
    }
    return t;
  }

  /** Expand an identifier if it names a macro; answers the token itself when it does not. */
  #expand(t: Token): Token | undefined {
    if (t.noExpand) return t;
    const macro = this.#lookup(t.text);
    if (!macro) return t;
    if (macro.active) return { ...t, noExpand: true };
    if (macro.dynamic) {
      const [made] = lex(new SourceFile(BUILTIN_FILE, macro.dynamic(t)));
      return { ...t, kind: made!.kind, text: made!.text };
    }
    let tokens: Token[];
    if (macro.params === undefined) tokens = substitute(macro, t, undefined, this.#report);
    else {
      if (this.#peek()?.text !== '(') return t;
      this.#raw();
      const args = this.#collectArguments(macro, t);
      if (!args) return undefined;
      tokens = this.#substituteCall(macro, t, args);
    }
    this.#countExpanded(tokens.length + 1, t);
    macro.active = true;
    if (this.#stack.length > MOST_FRAMES) this.#report.fatal(t, `macros are nested more than ${MOST_FRAMES} deep`);
    this.#stack.push({ tokens, pos: 0, macro });
    return undefined;
  }

  #countExpanded(count: number, at: Token): void {
    this.#expanded += count;
    if (this.#expanded > MOST_EXPANDED) {
      this.#report.fatal(writtenAt(at), `macro expansion makes more than ${MOST_EXPANDED} tokens; stopping`);
    }
  }

  #substituteCall(macro: Macro, at: Token, args: Token[][]): Token[] {
    const params = macro.params!;
    const cache = new Map<string, Token[]>();
    const raw = (name: string): Token[] | undefined => {
      const index = name === macro.variadic ? params.length : params.indexOf(name);
      if (index < 0) return undefined;
      if (index < params.length) return args[index] ?? [];
      const out: Token[] = [];
      args.slice(index).forEach((a, k) => {
        if (k > 0) out.push(this.#comma(a[0] ?? at));
        out.push(...a);
      });
      return out;
    };
    return substitute(
      macro,
      at,
      {
        raw,
        expand: (name) => {
          let done = cache.get(name);
          if (!done) cache.set(name, (done = this.#expandList(raw(name) ?? [])));
          return done;
        },
      },
      this.#report,
    );
  }

  #comma(like: Token): Token {
    return {
      kind: 'punct',
      text: ',',
      file: like.file,
      start: like.start,
      end: like.start,
      bol: false,
      space: false,
      ...(like.expansion ? { expansion: like.expansion } : {}),
    };
  }

  /** Arguments of a call whose '(' was taken. Undefined (and reported) when malformed. */
  #collectArguments(macro: Macro, name: Token): Token[][] | undefined {
    const args: Token[][] = [[]];
    let depth = 0;
    const fixed = macro.params!.length;
    for (;;) {
      const t = this.#peek();
      if (t === undefined || t.kind === 'eof') {
        this.#report.error(name, `unterminated argument list invoking macro '${macro.name}'`);
        return undefined;
      }
      this.#raw();
      const frame = this.#stack[this.#stack.length - 1]!;
      if (t.bol && t.text === '#' && t.kind === 'punct' && frame.file) {
        // Directives inside an argument list: undefined in C, but #ifdef inside calls is common and gcc does it.
        this.#directive(t, frame, frame.file);
        continue;
      }
      if (t.kind === 'punct') {
        if (t.text === '(') depth++;
        else if (t.text === ')' && depth-- === 0) break;
        else if (t.text === ',' && depth === 0 && !(macro.variadic !== undefined && args.length > fixed)) {
          args.push([]);
          continue;
        }
      }
      // The macro whose frame this came from may be popped before the argument is used: paint its name now.
      args[args.length - 1]!.push(
        t.kind === 'ident' && !t.noExpand && this.#macros.get(t.text)?.active ? { ...t, noExpand: true } : t,
      );
    }
    if (fixed === 0 && macro.variadic === undefined && args.length === 1 && args[0]!.length === 0) return [];
    if (args.length < fixed) {
      // GNU and C23: the variadic part may be left out, and one parameter may be empty.
      this.#report.error(
        name,
        `too few arguments provided to function-like macro '${macro.name}' (${args.length} instead of ${fixed})`,
        { notes: [note(macro.at, `macro '${macro.name}' defined here`)] },
      );
      return undefined;
    }
    if (args.length > fixed && macro.variadic === undefined) {
      this.#report.error(
        name,
        `too many arguments provided to function-like macro '${macro.name}' (${args.length} instead of ${fixed})`,
        { notes: [note(macro.at, `macro '${macro.name}' defined here`)] },
      );
      return undefined;
    }
    return args;
  }

  /** Full expansion of a bare list. */
  #expandList(list: readonly Token[]): Token[] {
    if (!list.some((t) => t.kind === 'ident')) return [...list];
    const saved = this.#stack;
    const out: Token[] = [];
    this.#stack = [{ tokens: list, pos: 0 }];
    try {
      for (;;) {
        while (this.#stack.length > 1 && this.#top().pos >= this.#top().tokens.length) this.#pop();
        if (this.#top().pos >= this.#top().tokens.length) break;
        const t = this.#raw();
        const made = t.kind === 'ident' ? this.#expand(t) : t;
        if (made) out.push(made);
      }
    } finally {
      for (const frame of this.#stack) if (frame.macro) frame.macro.active = false;
      this.#stack = saved;
    }
    return out;
  }

  #top(): Frame {
    return this.#stack[this.#stack.length - 1]!;
  }

  #endFile(eof: Token, file: FileState): Token | undefined {
    for (const c of file.conditions) this.#report.error(c.at, `unterminated conditional directive`);
    file.conditions.length = 0;
    this.#files.pop();
    if (this.#stack.length > 1) {
      this.#stack.pop();
      return undefined;
    }
    this.#stack.pop();
    return eof;
  }

  // --- directives ---------------------------------------------------------------------------------------------------

  /** The rest of the line of a directive in a file. */
  #line(frame: Frame): Token[] {
    const line: Token[] = [];
    for (;;) {
      const t = frame.tokens[frame.pos];
      if (t === undefined || t.bol || t.kind === 'eof') return line;
      frame.pos++;
      line.push(t);
    }
  }

  #directive(hash: Token, frame: Frame, file: FileState): void {
    const line = this.#line(frame);
    const name = line[0];
    if (!name) return;
    const rest = line.slice(1);
    switch (name.text) {
      case 'if':
      case 'ifdef':
      case 'ifndef':
        file.conditions.push({ at: hash, taken: false, live: false, dead: false, seenElse: false });
        this.#branch(file.conditions[file.conditions.length - 1]!, name, rest, frame, file);
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
          this.#skip(frame, file, c);
        }
        return;
      }
      case 'endif':
        if (!file.conditions.pop()) this.#report.error(name, '#endif without #if');
        return;
      case 'define':
        this.#define(rest, name);
        return;
      case 'undef':
        if (rest[0]?.kind !== 'ident') this.#report.error(rest[0] ?? name, 'macro name missing');
        else this.#macros.set(rest[0].text, null);
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
      case 'ident':
      case 'sccs':
        return;
      default:
        if (name.kind === 'number') return;
        this.#report.error(name, `invalid preprocessing directive '#${name.text}'`);
    }
  }

  /** Take or skip the branch that an #if, #ifdef, #elif ... opens. */
  #branch(c: Condition, name: Token, rest: Token[], frame: Frame, file: FileState): void {
    const value = this.#condition(name, rest);
    if (value) {
      c.taken = true;
      c.live = true;
    } else this.#skip(frame, file, c);
  }

  #condition(name: Token, rest: Token[]): boolean {
    if (name.text.endsWith('def')) {
      const macro = rest[0];
      if (macro?.kind !== 'ident') {
        this.#report.error(macro ?? name, 'macro name missing');
        return false;
      }
      if (rest[1]) this.#report.warning(rest[1], `extra tokens at end of #${name.text} directive`);
      return this.isDefined(macro.text) === (name.text === 'ifdef' || name.text === 'elifdef');
    }
    if (rest.length === 0) {
      this.#report.error(name, `#${name.text} with no expression`);
      return false;
    }
    return evaluateCondition(this.#expandList(this.#resolveOperators(rest)), name, this.#report);
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
        answer(this.isDefined(operand.text) || OPERATORS.has(operand.text));
        i += paren ? 3 : 1;
      } else if (t.kind === 'ident' && OPERATORS.has(t.text) && tokens[i + 1]?.text === '(') {
        let end = i + 2;
        while (end < tokens.length && tokens[end]!.text !== ')') end++;
        const inner = tokens.slice(i + 2, end);
        if (t.text.startsWith('__has_include')) {
          const header = headerName(inner);
          answer(
            header !== undefined && this.#options.include(header.name, header.angled, t.file.name).kind !== 'missing',
          );
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
  #skip(frame: Frame, file: FileState, c: Condition): void {
    c.live = false;
    let depth = 0;
    for (;;) {
      const t = frame.tokens[frame.pos];
      if (t === undefined || t.kind === 'eof') return;
      frame.pos++;
      if (!t.bol || t.text !== '#' || t.kind !== 'punct') continue;
      const line = this.#line(frame);
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

  #define(rest: Token[], name: Token): void {
    const macro = parseDefine(rest, name, this.#report);
    if (!macro) return;
    const before = this.#macros.get(macro.name);
    if (before && !sameMacro(before, macro) && before.at.file.name !== '<command line>') {
      this.#report.warning(macro.at, `'${macro.name}' macro redefined`, {
        notes: [note(before.at, 'previous definition is here')],
      });
    }
    this.#macros.set(macro.name, macro);
    this.#plain.delete(macro.name);
  }

  #include(name: Token, rest: Token[], file: FileState): void {
    const header = headerName(rest) ?? headerName(this.#expandList(rest));
    if (!header) {
      this.#report.error(rest[0] ?? name, 'expected "FILENAME" or <FILENAME>');
      return;
    }
    const found = this.#options.include(header.name, header.angled, file.name);
    this.#plain.clear();
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
    this.#files.push(state);
    const tokens = lex(source);
    this.#countExpanded(tokens.length, rest[0]!);
    this.#stack.push({ tokens, pos: 0, file: state });
  }

  #pragma(hash: Token, rest: Token[], file: FileState): void {
    const first = rest[0]?.text;
    if (first === 'once') this.#once.add(file.name);
    else if (
      first === 'unroll' ||
      first === 'nounroll' ||
      (first === 'clang' && rest[1]?.text === 'loop') ||
      (first === 'GCC' && rest[1]?.text === 'unroll') ||
      first === 'pack'
    ) {
      const expanded = this.#expandList(rest);
      const token: Token = { ...hash, kind: 'pragma', text: expanded.map((t) => t.text).join(' ') };
      this.#stack.push({ tokens: [token], pos: 0, macro: passThrough() });
    }
  }

  /** `_Pragma("...")`: the same as a #pragma line. */
  #pragmaOperator(name: Token): undefined {
    this.#raw();
    const literal = this.#peek();
    if (literal?.kind !== 'string') {
      this.#report.error(literal ?? name, '_Pragma takes a parenthesized string literal');
      return undefined;
    }
    this.#raw();
    if (this.#peek()?.text !== ')') this.#report.error(literal, '_Pragma takes a parenthesized string literal');
    else this.#raw();
    const bytes = stringBytes(literal.text);
    const text = typeof bytes === 'string' ? '' : String.fromCharCode(...bytes);
    const line = lex(new SourceFile(BUILTIN_FILE, text)).slice(0, -1);
    const file = this.#files[this.#files.length - 1]!;
    this.#pragma(name, line, file);
    return undefined;
  }

  // --- names --------------------------------------------------------------------------------------------------------

  #lookup(name: string): Macro | undefined {
    if (this.#plain.has(name)) return undefined;
    const known = this.#macros.get(name);
    if (known !== undefined) return known ?? undefined;
    const text = this.#options.outerMacro(name);
    const macro = text === undefined ? undefined : macroFromText(text, this.#report);
    if (macro) this.#macros.set(name, macro);
    else this.#plain.add(name);
    return macro;
  }

  #defineDynamic(): void {
    const at: Token = {
      kind: 'ident',
      text: '',
      file: new SourceFile(BUILTIN_FILE, ''),
      start: 0,
      end: 0,
      bol: false,
      space: false,
    };
    const dynamic = (name: string, make: (at: Token) => string) => {
      this.#macros.set(name, {
        name,
        params: undefined,
        variadic: undefined,
        body: [],
        at,
        active: false,
        dynamic: make,
      });
    };
    const quoted = (text: string) => `"${text.replace(/["\\]/g, '\\$&').replace(/\n/g, '\\n')}"`;
    dynamic('__FILE__', (t) => quoted(writtenAt(t).file.name));
    dynamic('__FILE_NAME__', (t) => quoted(writtenAt(t).file.name.replace(/^.*\//, '')));
    dynamic('__BASE_FILE__', () => quoted(this.#baseName));
    dynamic('__LINE__', (t) => {
      const w = writtenAt(t);
      return String(w.file.position(w.start).line);
    });
    dynamic('__COUNTER__', () => String(this.#counter++));
    dynamic('__INCLUDE_LEVEL__', () => String(this.#files.length - 1));
    // The same input gives the same output: no clock.
    dynamic('__DATE__', () => '"Jan  1 1970"');
    dynamic('__TIME__', () => '"00:00:00"');
    dynamic('__TIMESTAMP__', () => '"Thu Jan  1 00:00:00 1970"');
  }
}

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

/** `"name"` or `<name>` from the tokens after #include. */
function headerName(tokens: readonly Token[]): { name: string; angled: boolean } | undefined {
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

function textOf(tokens: readonly Token[], source: SourceFile): string {
  const first = tokens[0];
  const last = tokens[tokens.length - 1];
  return first && last ? source.text.slice(first.start, last.end).replace(/\s+/g, ' ') : '';
}
