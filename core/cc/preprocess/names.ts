/**
 * Macro names in two scopes: those the program defines, and an outer scope that is asked by name (built-in and header macros), so that
 * thousands of kernel macros cost nothing until used. `__FILE__`, `__LINE__` and kin are macros whose body is made at each use.
 */
import { SourceFile } from '../../base/diagnostics.ts';
import { note, type Report } from '../report.ts';
import { BUILTIN_FILE, type Token, writtenAt } from '../token.ts';
import { type Macro, macroFromText, parseDefine, sameMacro } from './macro.ts';

export class MacroNames {
  readonly #report: Report;
  readonly #outerMacro: (name: string) => string | undefined;
  readonly #macros = new Map<string, Macro | null>();
  /** Names that are no macros, until a header or a definition may change that. */
  readonly #plain = new Set<string>();
  /** Names that the program declared itself. */
  readonly #declared = new Set<string>();
  #counter = 0;
  /** What __BASE_FILE__ and __INCLUDE_LEVEL__ say. */
  baseName = '';
  includeLevel = 0;

  /** `outerMacro`: text of a macro of the outer scope (`NAME body`, `NAME(params) body`), or undefined. */
  constructor(report: Report, outerMacro: (name: string) => string | undefined) {
    this.#report = report;
    this.#outerMacro = outerMacro;
    this.#defineDynamic();
  }

  isDefined(name: string): boolean {
    return this.lookup(name) !== undefined;
  }

  /** Is a macro of this name being expanded? */
  isActive(name: string): boolean {
    return this.#macros.get(name)?.active === true;
  }

  /** A header was opened: names that were no macros may be some now. */
  refresh(): void {
    this.#plain.clear();
  }

  /** The program declares something of this name itself: a macro of the outer scope (never one of the program's) stands back. */
  ownDeclaration(name: string): void {
    this.#macros.delete(name);
    this.#declared.add(name);
  }

  /** Is it a macro of the outer scope that has not been redefined? */
  isOuter(name: string): boolean {
    const macro = this.lookup(name);
    return macro !== undefined && !macro.dynamic && macro.at.file.name === BUILTIN_FILE;
  }

  /** Is it a function-like one that a program may have a function of its own for: `min`, `swap`, but no attribute? */
  isOuterFunction(name: string): boolean {
    if (!/^[a-z]/.test(name) || !this.isOuter(name)) return false;
    const macro = this.lookup(name);
    return macro?.params !== undefined && !macro.body.some((t) => t.text === '__attribute__');
  }

  /** `#pragma push_macro`: what the name means now, to be had again by `restore`. */
  saved(name: string): Macro | null {
    return this.lookup(name) ?? null;
  }

  restore(name: string, meaning: Macro | null): void {
    this.#macros.set(name, meaning);
    this.#plain.delete(name);
  }

  undefine(name: string): void {
    this.#macros.set(name, null);
  }

  /** `#define`: the rest of its line. */
  define(rest: Token[], name: Token): void {
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

  lookup(name: string): Macro | undefined {
    if (this.#plain.has(name)) return undefined;
    const known = this.#macros.get(name);
    if (known !== undefined) return known ?? undefined;
    const text = this.#declared.has(name) ? undefined : this.#outerMacro(name);
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
    const said = (t: Token) => {
      const { file, start } = writtenAt(t);
      return file.presumed(file.position(start).line);
    };
    dynamic('__FILE__', (t) => quoted(said(t).name));
    dynamic('__FILE_NAME__', (t) => quoted(said(t).name.replace(/^.*\//, '')));
    dynamic('__BASE_FILE__', () => quoted(this.baseName));
    dynamic('__LINE__', (t) => String(said(t).line));
    dynamic('__COUNTER__', () => String(this.#counter++));
    dynamic('__INCLUDE_LEVEL__', () => String(this.includeLevel));
    // The same input gives the same output: no clock.
    dynamic('__DATE__', () => '"Jan  1 1970"');
    dynamic('__TIME__', () => '"00:00:00"');
    dynamic('__TIMESTAMP__', () => '"Thu Jan  1 00:00:00 1970"');
  }
}
