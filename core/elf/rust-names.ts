/**
 * Names of Rust functions as symbols write them since 1.37 ("v0", https://rust-lang.github.io/rfcs/2603-rust-symbol-name-mangling-v0.html,
 * https://doc.rust-lang.org/rustc/symbol-mangling/v0.html), as source code writes them: without the crates' hashes, with generic arguments.
 */
import { fromHex, utf8Decode } from '../base/bytes.ts';

/** Deepest nesting, longest text: names are made by compilers, but symbol tables by anybody. */
const MOST_DEPTH = 200;
const MOST_TEXT = 10_000;

const BASIC_TYPES: Readonly<Record<string, string>> = {
  a: 'i8',
  b: 'bool',
  c: 'char',
  d: 'f64',
  e: 'str',
  f: 'f32',
  h: 'u8',
  i: 'isize',
  j: 'usize',
  l: 'i32',
  m: 'u32',
  n: 'i128',
  o: 'u128',
  p: '_',
  s: 'i16',
  t: 'u16',
  u: '()',
  v: '...',
  x: 'i64',
  y: 'u64',
  z: '!',
};
const INTEGERS = 'ahijlmnostxy';

/** Not a name of this kind, or one that goes beyond its bounds. */
class Malformed extends Error {}

/** The readable name; undefined where the symbol is none of Rust's v0. */
export function rustName(symbol: string): string | undefined {
  const start = /^__?R(?=[A-Z])/.exec(symbol)?.[0].length;
  if (start === undefined) return undefined;
  // What LLVM appends is no part of the name; dots do not occur in it.
  const dot = symbol.indexOf('.', start);
  const mangled = dot < 0 ? symbol.slice(start) : symbol.slice(start, dot);
  if (!/^[\w]*$/.test(mangled)) return undefined;
  const suffix = dot < 0 ? '' : symbol.slice(dot).replace(/\.llvm\.[0-9A-F@]+/, '');
  try {
    const parser = new Parser(mangled);
    const name = parser.path(true);
    // The crate that made a generic function's instance.
    if (!parser.atEnd) parser.path(false);
    return parser.atEnd ? name + suffix : undefined;
  } catch (error) {
    if (error instanceof Malformed) return undefined;
    throw error;
  }
}

class Parser {
  readonly #text: string;
  #at = 0;
  #depth = 0;
  /** Lifetimes that binders around have named. */
  #bound = 0;

  constructor(text: string) {
    this.#text = text;
  }

  get atEnd(): boolean {
    return this.#at >= this.#text.length;
  }

  #next(): string {
    const char = this.#text[this.#at++];
    if (char === undefined) throw new Malformed();
    return char;
  }

  #eat(char: string): boolean {
    if (this.#text[this.#at] !== char) return false;
    this.#at++;
    return true;
  }

  /** `{0-9a-zA-Z} "_"`: 0 is nothing, else one more than the digits say. Hashes of crates do not fit; nobody looks at them. */
  #base62(): number {
    if (this.#eat('_')) return 0;
    let value = 0;
    for (let char = this.#next(); char !== '_'; char = this.#next()) {
      const digit = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ'.indexOf(char);
      if (digit < 0) throw new Malformed();
      value = value * 62 + digit;
    }
    return value + 1;
  }

  #optional62(tag: string): number {
    return this.#eat(tag) ? this.#base62() + 1 : 0;
  }

  /** Something written before, once more. */
  #again<T>(read: () => T): T {
    const back = this.#base62();
    if (back >= this.#at - 1) throw new Malformed();
    const here = this.#at;
    this.#at = back;
    const value = this.#deeper(read);
    this.#at = here;
    return value;
  }

  #deeper<T>(read: () => T): T {
    if (++this.#depth > MOST_DEPTH) throw new Malformed();
    const value = read();
    if (typeof value === 'string' && value.length > MOST_TEXT) throw new Malformed();
    this.#depth--;
    return value;
  }

  /** `["u"] decimal ["_"] bytes` */
  #bareIdentifier(): string {
    const puny = this.#eat('u');
    const digits = /^(?:0|[1-9]\d*)/.exec(this.#text.slice(this.#at, this.#at + 8))?.[0];
    if (digits === undefined) throw new Malformed();
    this.#at += digits.length;
    this.#eat('_');
    const length = Number(digits);
    const bytes = this.#text.slice(this.#at, this.#at + length);
    if (bytes.length < length) throw new Malformed();
    this.#at += length;
    return puny ? punycode(bytes) : bytes;
  }

  /** `["s" base62] bare-identifier` */
  #identifier(): { readonly name: string; readonly number: number } {
    const number = this.#optional62('s');
    return { name: this.#bareIdentifier(), number };
  }

  /** `inValue`: generic arguments of values are written with `::`. */
  path(inValue: boolean): string {
    return this.#deeper(() => {
      const tag = this.#next();
      if (tag === 'C') return this.#identifier().name;
      if (tag === 'N') return this.#nested(inValue);
      if (tag === 'M' || tag === 'X') {
        // Where the impl is says nothing to people.
        this.#optional62('s');
        this.path(false);
        const of = this.type();
        return tag === 'M' ? `<${of}>` : `<${of} as ${this.path(false)}>`;
      }
      if (tag === 'Y') return `<${this.type()} as ${this.path(false)}>`;
      if (tag === 'I')
        return `${this.path(inValue)}${inValue ? '::' : ''}<${this.#list(() => this.#argument()).join(', ')}>`;
      if (tag === 'B') return this.#again(() => this.path(inValue));
      throw new Malformed();
    });
  }

  #nested(inValue: boolean): string {
    const space = this.#next();
    if (!/[A-Za-z]/.test(space)) throw new Malformed();
    const outer = this.path(inValue);
    const { name, number } = this.#identifier();
    if (space >= 'a') return name === '' ? outer : `${outer}::${name}`;
    const kind = space === 'C' ? 'closure' : space === 'S' ? 'shim' : space;
    return `${outer}::{${kind}${name === '' ? '' : `:${name}`}#${number}}`;
  }

  /** Up to "E". */
  #list<T>(read: () => T): T[] {
    const items: T[] = [];
    while (!this.#eat('E')) items.push(read());
    return items;
  }

  #argument(): string {
    if (this.#eat('L')) return this.#lifetime();
    return this.#eat('K') ? this.#constant() : this.type();
  }

  #lifetime(): string {
    const index = this.#base62();
    if (index === 0) return "'_";
    const depth = this.#bound - index;
    if (depth < 0) throw new Malformed();
    return depth < 26 ? `'${String.fromCharCode(97 + depth)}` : `'_${depth}`;
  }

  /** `["G" base62]` around something: `for<'a> `. */
  #bind<T>(read: (binder: string) => T): T {
    const count = this.#optional62('G');
    if (count > 100) throw new Malformed();
    this.#bound += count;
    const names = Array.from({ length: count }, (_, i) => {
      const depth = this.#bound - count + i;
      return depth < 26 ? `'${String.fromCharCode(97 + depth)}` : `'_${depth}`;
    });
    const value = read(count > 0 ? `for<${names.join(', ')}> ` : '');
    this.#bound -= count;
    return value;
  }

  type(): string {
    return this.#deeper(() => {
      const tag = this.#next();
      const basic = BASIC_TYPES[tag];
      if (basic !== undefined) return basic;
      if (tag === 'R' || tag === 'Q') {
        const lifetime = this.#eat('L') ? this.#lifetime() : "'_";
        return `&${lifetime === "'_" ? '' : `${lifetime} `}${tag === 'Q' ? 'mut ' : ''}${this.type()}`;
      }
      if (tag === 'P') return `*const ${this.type()}`;
      if (tag === 'O') return `*mut ${this.type()}`;
      if (tag === 'A') return `[${this.type()}; ${this.#constant()}]`;
      if (tag === 'S') return `[${this.type()}]`;
      if (tag === 'T') {
        const parts = this.#list(() => this.type());
        return `(${parts.join(', ')}${parts.length === 1 ? ',' : ''})`;
      }
      if (tag === 'F') return this.#bind((binder) => binder + this.#function());
      if (tag === 'D') return this.#dynamic();
      if (tag === 'B') return this.#again(() => this.type());
      this.#at--;
      return this.path(false);
    });
  }

  /** `["U"] ["K" abi] {type} "E" type` */
  #function(): string {
    const unsafe = this.#eat('U') ? 'unsafe ' : '';
    let abi = '';
    if (this.#eat('K')) abi = `extern "${this.#eat('C') ? 'C' : this.#bareIdentifier().replaceAll('_', '-')}" `;
    const parameters = this.#list(() => this.type()).join(', ');
    const result = this.type();
    return `${unsafe}${abi}fn(${parameters})${result === '()' ? '' : ` -> ${result}`}`;
  }

  /** `[binder] {trait {"p" name type}} "E" lifetime` */
  #dynamic(): string {
    const traits = this.#bind((binder) => binder + this.#list(() => this.#trait()).join(' + '));
    if (!this.#eat('L')) throw new Malformed();
    const lifetime = this.#lifetime();
    return `dyn ${traits}${lifetime === "'_" ? '' : ` + ${lifetime}`}`;
  }

  #trait(): string {
    const path = this.path(false);
    const bindings: string[] = [];
    while (this.#eat('p')) bindings.push(`${this.#bareIdentifier()} = ${this.type()}`);
    if (bindings.length === 0) return path;
    // Behind the generic arguments, where there are some.
    return path.endsWith('>') ? `${path.slice(0, -1)}, ${bindings.join(', ')}>` : `${path}<${bindings.join(', ')}>`;
  }

  #constant(): string {
    return this.#deeper(() => {
      const tag = this.#next();
      if (tag === 'p') return '_';
      if (tag === 'B') return this.#again(() => this.#constant());
      if (tag === 'R' && this.#eat('e')) return JSON.stringify(utf8Decode(fromHex(this.#hex())));
      const negative = INTEGERS.includes(tag) && this.#eat('n') ? '-' : '';
      const digits = this.#hex();
      if (INTEGERS.includes(tag)) return negative + BigInt(`0x${digits || '0'}`);
      const value = Number.parseInt(digits || '0', 16);
      if (tag === 'b' && value <= 1) return value === 1 ? 'true' : 'false';
      if (tag === 'c' && value <= 0x10ffff) return `'${String.fromCodePoint(value)}'`;
      throw new Malformed();
    });
  }

  /** Hexadecimal digits up to "_". */
  #hex(): string {
    const digits = /^[0-9a-f]*(?=_)/.exec(this.#text.slice(this.#at))?.[0];
    if (digits === undefined) throw new Malformed();
    this.#at += digits.length + 1;
    return digits;
  }
}

/** Letters beyond ASCII, as RFC 3492 puts them behind the ASCII ones, with `_` for the last `-`. */
function punycode(text: string): string {
  const [BASE, T_MIN, T_MAX, SKEW, DAMP, FIRST_BIAS, FIRST_CODE] = [36, 1, 26, 38, 700, 72, 0x80];
  const split = text.lastIndexOf('_');
  const out = split < 0 ? [] : [...text.slice(0, split)].map((char) => char.codePointAt(0)!);
  let code = FIRST_CODE;
  let bias = FIRST_BIAS;
  let at = 0;
  for (let i = split + 1; i < text.length; ) {
    const before = at;
    for (let weight = 1, k = BASE; ; k += BASE) {
      const digit = 'abcdefghijklmnopqrstuvwxyz0123456789'.indexOf(text[i++] ?? ' ');
      if (digit < 0) throw new Malformed();
      at += digit * weight;
      const threshold = Math.min(T_MAX, Math.max(T_MIN, k - bias));
      if (digit < threshold) break;
      weight *= BASE - threshold;
    }
    const count = out.length + 1;
    let delta = Math.floor((at - before) / (before === 0 ? DAMP : 2));
    delta += Math.floor(delta / count);
    let k = 0;
    for (; delta > ((BASE - T_MIN) * T_MAX) / 2; k += BASE) delta = Math.floor(delta / (BASE - T_MIN));
    bias = k + Math.floor(((BASE - T_MIN + 1) * delta) / (delta + SKEW));
    code += Math.floor(at / count);
    at %= count;
    if (code > 0x10ffff) throw new Malformed();
    out.splice(at++, 0, code);
  }
  return String.fromCodePoint(...out);
}
