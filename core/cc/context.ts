/**
 * What parsing and typing share: names in scope, the function being read, everything declared so far.
 *
 * Names have an outer scope that nobody declared: kernel types and enumerators from BTF, helpers, header functions. It is
 * asked by name and only when the program's own scopes do not know the name, so programs may redefine kernel names freely.
 */
import { arrayOf, CHAR, type CType, type EnumDecl, type RecordDecl } from './ctype.ts';
import type { MapDecl } from './flavour/map-decl.ts';
import type { KernelTypes } from './from-btf.ts';
import type { Report } from './report.ts';
import type { Token } from './token.ts';
import type { CSymbol, FuncSymbol, VarSymbol } from './tree.ts';

export type Tag = RecordDecl | EnumDecl;

interface Scope {
  readonly names: Map<string, CSymbol>;
  readonly tags: Map<string, { tag: 'struct' | 'union' | 'enum'; decl: Tag; at: Token }>;
}

/** What answers for names that the program did not declare. */
export interface Outer {
  /** A typedef, enumerator, function or variable of the outer scope. */
  symbol(name: string, at: Token): CSymbol | undefined;
  isTypedef(name: string): boolean;
  record(tag: 'struct' | 'union', name: string, at: Token): RecordDecl | undefined;
  enum(name: string): EnumDecl | undefined;
  /** Names that a misspelt one may have meant. */
  functionNames(): Iterable<string>;
}

/** Settings of one compilation that typing or lowering asks for. */
export interface Target {
  /** The text uses BCC's flavour (kernel BTF, probe prefixes, map macros), or is plain C. */
  readonly flavoured: boolean;
  readonly cpu: 'v1' | 'v2' | 'v3' | 'v4';
  readonly cpuCount: number;
  /** Offsets of kernel fields are for the loader to fit to the kernel that it loads into. */
  readonly core: boolean;
  /** What the kernel's configuration says of a `__kconfig` variable, or undefined. */
  readonly kconfig?: (name: string) => bigint | undefined;
}

export class Context {
  report: Report;
  readonly kernel: KernelTypes | undefined;
  /** Types of the kernel's modules, asked for when the kernel itself does not have what a program names. */
  readonly modules: () => readonly KernelTypes[];
  readonly target: Target;
  outer!: Outer;
  readonly functions: FuncSymbol[] = [];
  readonly globals: VarSymbol[] = [];
  readonly maps: MapDecl[] = [];
  /** Functions whose address the program takes: the number that the address is. Never 0. */
  readonly functionIds = new Map<FuncSymbol, number>();
  /** What is left to do for calls through pointers when the whole text is read. */
  readonly pointerCalls: (() => void)[] = [];
  license: string | undefined;
  /** The function whose body is being read. */
  fn: FuncSymbol | undefined;
  /** Inside BPF_CORE_READ and its kin, where every access of a kernel's struct is relocated. */
  relocating = false;
  /** Locals of it that live in data sections get a name of their own. */
  staticCount = 0;
  readonly #scopes: Scope[] = [{ names: new Map(), tags: new Map() }];

  constructor(
    report: Report,
    kernel: KernelTypes | undefined,
    target: Target,
    modules: () => readonly KernelTypes[] = () => [],
  ) {
    this.report = report;
    this.kernel = kernel;
    this.modules = modules;
    this.target = target;
  }

  functionId(fn: FuncSymbol): number {
    let id = this.functionIds.get(fn);
    if (id === undefined) this.functionIds.set(fn, (id = this.functionIds.size + 1));
    return id;
  }

  enter(): void {
    this.#scopes.push({ names: new Map(), tags: new Map() });
  }

  leave(): void {
    this.#scopes.pop();
  }

  /** Run at file scope (for texts of the outer scope read in the middle of a function). */
  atFileScope<T>(run: () => T): T {
    const inner = this.#scopes.splice(1);
    const fn = this.fn;
    this.fn = undefined;
    try {
      return run();
    } finally {
      this.fn = fn;
      this.#scopes.length = 1;
      this.#scopes.push(...inner);
    }
  }

  get depth(): number {
    return this.#scopes.length;
  }

  lookup(name: string, at: Token): CSymbol | undefined {
    return this.lookupOwn(name) ?? this.outer.symbol(name, at);
  }

  /** Declared by the program itself. */
  lookupOwn(name: string): CSymbol | undefined {
    for (let i = this.#scopes.length - 1; i >= 0; i--) {
      const found = this.#scopes[i]!.names.get(name);
      if (found) return found;
    }
    return undefined;
  }

  inThisScope(name: string): CSymbol | undefined {
    return this.#scopes[this.#scopes.length - 1]!.names.get(name);
  }

  declare(symbol: CSymbol): void {
    this.#scopes[this.#scopes.length - 1]!.names.set(symbol.name, symbol);
  }

  /** Under another name than its own (static locals, whose own name is longer). */
  declareAs(name: string, symbol: CSymbol): void {
    this.#scopes[this.#scopes.length - 1]!.names.set(name, symbol);
  }

  declareGlobal(symbol: CSymbol): void {
    this.#scopes[0]!.names.set(symbol.name, symbol);
  }

  isTypedef(name: string): boolean {
    const own = this.lookupOwn(name);
    return own ? own.kind === 'typedef' : this.outer.isTypedef(name);
  }

  /** All names visible, innermost first. */
  *visibleNames(): Iterable<string> {
    for (let i = this.#scopes.length - 1; i >= 0; i--) yield* this.#scopes[i]!.names.keys();
  }

  ownTag(name: string): { tag: 'struct' | 'union' | 'enum'; decl: Tag; at: Token } | undefined {
    for (let i = this.#scopes.length - 1; i >= 0; i--) {
      const found = this.#scopes[i]!.tags.get(name);
      if (found) return found;
    }
    return undefined;
  }

  tagInThisScope(name: string): { tag: 'struct' | 'union' | 'enum'; decl: Tag; at: Token } | undefined {
    return this.#scopes[this.#scopes.length - 1]!.tags.get(name);
  }

  declareTag(name: string, tag: 'struct' | 'union' | 'enum', decl: Tag, at: Token): void {
    this.#scopes[this.#scopes.length - 1]!.tags.set(name, { tag, decl, at });
  }

  /** The `char` array type of a string literal. */
  static stringType(length: number): CType {
    return arrayOf(CHAR, length);
  }
}
