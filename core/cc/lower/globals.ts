/**
 * Globals and string literals: places in .data, .bss and .rodata, each of which becomes an array map with one value
 * (libbpf's layout, so that objects work there too).
 */

import type { Context } from '../context.ts';
import { alignOf, type CType, sizeOf } from '../ctype.ts';
import { addressConstant, constantOf } from '../sema/constant.ts';
import type { Expr, FuncSymbol, Init, VarSymbol } from '../tree.ts';
import { CoreFields } from './core-field.ts';

export interface GlobalPlace {
  readonly section: string;
  readonly offset: number;
  /** Its bytes never change. */
  readonly constant: boolean;
}

interface Section {
  readonly name: string;
  bytes: number[];
  readonly readOnly: boolean;
  readonly symbols: { symbol: VarSymbol; offset: number }[];
}

/** Most bytes of all globals of one kind. */
const MOST_BYTES = 1 << 20;

export class Globals {
  readonly coreFields = new CoreFields();
  readonly #cx: Context;
  readonly #sections = new Map<string, Section>();
  readonly #places = new Map<VarSymbol, GlobalPlace>();
  readonly #strings = new Map<string, GlobalPlace>();

  constructor(cx: Context) {
    this.#cx = cx;
  }

  get sections(): readonly Section[] {
    return [...this.#sections.values()];
  }

  place(symbol: VarSymbol): GlobalPlace {
    let place = this.#places.get(symbol);
    if (!place) {
      if (symbol.section === '.kconfig') return this.#configured(symbol);
      if (symbol.extern && !symbol.init)
        this.#cx.report.error(symbol.at, `'${symbol.name}' is declared extern, but no definition of it is here`);
      const constant = isConstant(symbol.type);
      const given =
        symbol.section !== undefined && /^\.(?:ro)?data|^\.bss/.test(symbol.section) ? symbol.section : undefined;
      const name = given ?? (constant ? '.rodata' : symbol.init && !isZero(symbol.init) ? '.data' : '.bss');
      const size = sizeOf(symbol.type) ?? 8;
      const offset = this.#reserve(name, size, alignOf(symbol.type), symbol);
      // Volatile const is for the loader to set: its bytes are not known here.
      place = { section: name, offset, constant: constant && !isVolatile(symbol.type) };
      this.#places.set(symbol, place);
      if (symbol.init) this.#fill(this.#sections.get(name)!, offset, symbol.type, symbol.init);
    }
    return place;
  }

  /** `extern int NAME __kconfig`: a constant of this compilation, as libbpf makes it one of each load. */
  #configured(symbol: VarSymbol): GlobalPlace {
    const type = symbol.type.kind === 'array' ? undefined : symbol.type;
    let value = this.#cx.target.kconfig?.(symbol.name);
    if (value === undefined && symbol.weak) value = 0n;
    if (value === undefined || !type)
      this.#cx.report.error(
        symbol.at,
        type
          ? `'${symbol.name}' is not known of this kernel's configuration: __weak takes it for 0`
          : `'${symbol.name}': only settings that are numbers, y or n can be read`,
      );
    const size = sizeOf(symbol.type) ?? 8;
    const offset = this.#reserve('.rodata', size, alignOf(symbol.type), symbol);
    const bytes = this.#sections.get('.rodata')!.bytes;
    // A setting read as a character is 'y' or 'n'.
    const shown = size === 1 && type?.kind === 'int' && type.name === 'char' ? (value ? 0x79n : 0x6en) : (value ?? 0n);
    for (let i = 0; i < size; i++) bytes[offset + i] = Number((shown >> BigInt(8 * i)) & 0xffn);
    const place: GlobalPlace = { section: '.rodata', offset, constant: true };
    this.#places.set(symbol, place);
    return place;
  }

  string(bytes: readonly number[]): GlobalPlace {
    const key = String.fromCharCode(...bytes);
    let place = this.#strings.get(key);
    if (!place) {
      // Rounded up to words: programs copy `sizeof key.name` bytes from a shorter literal, and then get zeros.
      const offset = this.#reserve('.rodata', Math.ceil(bytes.length / 8) * 8, 8, undefined);
      bytes.forEach((v, i) => {
        this.#sections.get('.rodata')!.bytes[offset + i] = v;
      });
      this.#strings.set(key, (place = { section: '.rodata', offset, constant: true }));
    }
    return place;
  }

  #reserve(name: string, size: number, align: number, symbol: VarSymbol | undefined): number {
    let section = this.#sections.get(name);
    if (!section)
      this.#sections.set(name, (section = { name, bytes: [], readOnly: name.startsWith('.rodata'), symbols: [] }));
    const offset = Math.ceil(section.bytes.length / align) * align;
    if (offset + size > MOST_BYTES) this.#cx.report.fatal(symbol?.at, `globals take more than ${MOST_BYTES} bytes`);
    while (section.bytes.length < offset + size) section.bytes.push(0);
    if (symbol) section.symbols.push({ symbol, offset });
    return offset;
  }

  #fill(section: Section, offset: number, type: CType, init: Init): void {
    if (init.kind === 'expr') {
      this.#value(section, offset * 8, undefined, type, init.expr);
      return;
    }
    for (const item of init.items) {
      if (item.expr.kind === 'string' && item.type.kind === 'array') {
        item.expr.bytes.forEach((v, i) => {
          section.bytes[offset + item.bitOffset / 8 + i] = v;
        });
      } else if (item.expr.kind === 'literal' && item.expr.symbol.init)
        this.#fill(section, offset + item.bitOffset / 8, item.type, item.expr.symbol.init);
      else this.#value(section, offset * 8 + item.bitOffset, item.bitWidth, item.type, item.expr);
    }
  }

  #value(section: Section, bit: number, bitWidth: number | undefined, type: CType, e: Expr): void {
    if (e.kind === 'error') return;
    let source = e;
    while (source.kind === 'cast' && source.operand.kind === 'literal') source = source.operand;
    if (source.kind === 'literal' && source.symbol.init) {
      this.#fill(section, bit / 8, type, source.symbol.init);
      return;
    }
    const fn = functionConstant(e);
    const value = fn ? BigInt(this.#cx.functionId(fn)) : constantOf(e);
    if (value === undefined) {
      const pointer = addressConstant(e);
      this.#cx.report.error(
        e.at,
        pointer || holdsString(e)
          ? 'a global cannot hold the address of another: BPF has no relocations inside data'
          : 'initializer element is not a compile-time constant',
      );
      return;
    }
    const width = bitWidth ?? (sizeOf(type) ?? 8) * 8;
    for (let i = 0; i < width; ) {
      const at = bit + i;
      const byte = Math.floor(at / 8);
      const from = at % 8;
      const count = Math.min(8 - from, width - i);
      const part = Number((value >> BigInt(i)) & ((1n << BigInt(count)) - 1n));
      const mask = ((1 << count) - 1) << from;
      section.bytes[byte] = ((section.bytes[byte] ?? 0) & ~mask) | (part << from);
      i += count;
    }
  }
}

/** `"text"`, as what a pointer would hold. */
function holdsString(e: Expr): boolean {
  if (e.kind === 'cast' || e.kind === 'decay') return holdsString(e.operand);
  return e.kind === 'string';
}

/** The function whose address an initialiser is. */
function functionConstant(e: Expr): FuncSymbol | undefined {
  let at = e;
  while (at.kind === 'cast' || at.kind === 'decay') at = at.operand;
  return at.kind === 'func' ? at.symbol : undefined;
}

/** A type whose objects nobody writes. */
export function isConstant(t: CType): boolean {
  return t.const === true || (t.kind === 'array' && isConstant(t.of));
}

function isVolatile(t: CType): boolean {
  return t.volatile === true || (t.kind === 'array' && isVolatile(t.of));
}

function isZero(init: Init): boolean {
  if (init.kind === 'expr') return init.expr.kind === 'int' && init.expr.value === 0n;
  return init.items.every((i) => i.expr.kind === 'int' && i.expr.value === 0n);
}
