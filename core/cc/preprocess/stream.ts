/**
 * A stack of token sources, files and macro expansions, and the expansion itself (C11 6.10.3). Everything that could run away has a limit.
 */
import { SourceFile } from '../../base/diagnostics.ts';
import { lex } from '../lex.ts';
import { note, type Report } from '../report.ts';
import { BUILTIN_FILE, type Token } from '../token.ts';
import type { Condition } from './conditional.ts';
import { type Macro, MOST_EXPANDED, substitute, tooMuch } from './macro.ts';
import type { MacroNames } from './names.ts';

/** Calls of macros in arguments of macros in arguments ... */
const MOST_ARGUMENT_DEPTH = 100;
/** Frames of macros inside macros. */
const MOST_FRAMES = 2_000;

export interface Frame {
  readonly tokens: readonly Token[];
  pos: number;
  /** The macro that this expansion disables. */
  readonly macro?: Macro;
  readonly file?: FileState;
}

export interface FileState {
  readonly name: string;
  readonly source: SourceFile;
  readonly conditions: Condition[];
}

export class TokenStream {
  readonly #report: Report;
  readonly #names: MacroNames;
  readonly #directive: (hash: Token, frame: Frame, file: FileState) => void;
  #expanded = 0;
  #argumentDepth = 0;
  stack: Frame[] = [];

  /** `directive` is told of one that stands inside the arguments of a macro. */
  constructor(report: Report, names: MacroNames, directive: (hash: Token, frame: Frame, file: FileState) => void) {
    this.#report = report;
    this.#names = names;
    this.#directive = directive;
  }

  /** The next token as it stands; expansions that end are taken off the stack. Files end with their 'eof'. */
  raw(): Token {
    for (;;) {
      const frame = this.stack[this.stack.length - 1]!;
      const t = frame.tokens[frame.pos];
      if (t !== undefined) {
        frame.pos++;
        return t;
      }
      this.pop();
    }
  }

  pop(): void {
    const frame = this.stack.pop()!;
    if (frame.macro) frame.macro.active = false;
  }

  /** The next token without taking it; does not look past the end of a file or of a bare list. */
  peek(): Token | undefined {
    for (let i = this.stack.length - 1; i >= 0; i--) {
      const frame = this.stack[i]!;
      const t = frame.tokens[frame.pos];
      if (t !== undefined) return t;
      if (!frame.macro) return undefined;
    }
    return undefined;
  }

  /** Expand an identifier if it names a macro; answers the token itself when it does not. */
  expand(t: Token): Token | undefined {
    if (t.noExpand) return t;
    const macro = this.#names.lookup(t.text);
    if (!macro) return t;
    if (macro.active) return { ...t, noExpand: true };
    if (macro.dynamic) {
      const [made] = lex(new SourceFile(BUILTIN_FILE, macro.dynamic(t)));
      return { ...t, kind: made!.kind, text: made!.text };
    }
    let tokens: Token[];
    if (macro.params === undefined) tokens = substitute(macro, t, undefined, this.#report);
    else {
      if (this.peek()?.text !== '(') return t;
      this.raw();
      const args = this.#collectArguments(macro, t);
      if (!args) return undefined;
      tokens = this.#substituteCall(macro, t, args);
    }
    this.countExpanded(tokens.length + 1, t);
    macro.active = true;
    if (this.stack.length > MOST_FRAMES) this.#report.fatal(t, `macros are nested more than ${MOST_FRAMES} deep`);
    this.stack.push({ tokens, pos: 0, macro });
    return undefined;
  }

  countExpanded(count: number, at: Token): void {
    this.#expanded += count;
    if (this.#expanded > MOST_EXPANDED) tooMuch(at, this.#report);
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
          if (!done) {
            // Each level reads all that is inside it once more.
            if (++this.#argumentDepth > MOST_ARGUMENT_DEPTH)
              this.#report.fatal(at, `calls of macros are nested more than ${MOST_ARGUMENT_DEPTH} deep in arguments`);
            cache.set(name, (done = this.expandList(raw(name) ?? [])));
            this.#argumentDepth--;
          }
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
      const t = this.peek();
      if (t === undefined || t.kind === 'eof') {
        this.#report.error(name, `unterminated argument list invoking macro '${macro.name}'`);
        return undefined;
      }
      this.raw();
      const frame = this.stack[this.stack.length - 1]!;
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
        t.kind === 'ident' && !t.noExpand && this.#names.isActive(t.text) ? { ...t, noExpand: true } : t,
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
  expandList(list: readonly Token[]): Token[] {
    if (!list.some((t) => t.kind === 'ident')) return [...list];
    const saved = this.stack;
    const out: Token[] = [];
    this.stack = [{ tokens: list, pos: 0 }];
    try {
      for (;;) {
        while (this.stack.length > 1 && this.top().pos >= this.top().tokens.length) this.pop();
        if (this.top().pos >= this.top().tokens.length) break;
        const t = this.raw();
        const made = t.kind === 'ident' ? this.expand(t) : t;
        if (made) out.push(made);
      }
    } finally {
      for (const frame of this.stack) if (frame.macro) frame.macro.active = false;
      this.stack = saved;
    }
    return out;
  }

  top(): Frame {
    return this.stack[this.stack.length - 1]!;
  }
}
