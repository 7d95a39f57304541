/**
 * Symbols of the model kernel: kallsyms with deterministic addresses in the text segment of x86-64.
 *
 * Functions that the model passes through come first; those that only the kernel's BTF names have a second region, whose
 * table (tens of thousands of names) is made when somebody asks about one. Within a region functions are sorted by name and stand
 * STRIDE bytes apart, so addresses depend on nothing but the names.
 */
import type { Btf } from '../btf/btf.ts';

/** Start of kernel text on x86-64 without KASLR (Documentation/arch/x86/x86_64/mm.rst). */
export const TEXT_BASE = 0xffffffff81000000n;
const OTHER_BASE = 0xffffffff81800000n;
const STRIDE = 64;

export interface KernelSymbol {
  readonly name: string;
  readonly offset: number;
  readonly module: string;
}

class Region {
  readonly base: bigint;
  readonly names: readonly string[];
  #index: ReadonlyMap<string, number>;

  constructor(base: bigint, names: Iterable<string>) {
    this.base = base;
    this.names = [...new Set(names)].sort();
    this.#index = new Map(this.names.map((name, i) => [name, i]));
  }

  address(name: string): bigint | undefined {
    const i = this.#index.get(name);
    return i === undefined ? undefined : this.base + BigInt((i + 1) * STRIDE);
  }

  at(address: bigint): KernelSymbol | undefined {
    const distance = Number(address - this.base);
    const i = Math.floor(distance / STRIDE) - 1;
    const name = this.names[i];
    return name === undefined ? undefined : { name, offset: distance % STRIDE, module: 'kernel' };
  }
}

export class KernelSymbols {
  #btf: Btf;
  #own: Region;
  #other: Region | undefined;

  /** `own`: the functions that the model passes through. */
  constructor(btf: Btf, own: Iterable<string>) {
    this.#btf = btf;
    this.#own = new Region(TEXT_BASE, own);
  }

  /** Names of the functions that the model has, sorted. */
  get own(): readonly string[] {
    return this.#own.names;
  }

  /** Address of a function, or undefined. `_text` and `_stext` are the start of text. */
  address(name: string): bigint | undefined {
    if (name === '_text' || name === '_stext') return TEXT_BASE;
    return this.#own.address(name) ?? this.#rest().address(name);
  }

  /** The function that an address lies in. */
  at(address: bigint): KernelSymbol | undefined {
    if (address < TEXT_BASE) return undefined;
    if (address < TEXT_BASE + BigInt(STRIDE))
      return { name: '_stext', offset: Number(address - TEXT_BASE), module: 'kernel' };
    return address < OTHER_BASE ? this.#own.at(address) : this.#rest().at(address);
  }

  /** Does the kernel's BTF (rather than the model) have this function? */
  inBtf(name: string): boolean {
    return this.#btf.find(name, 'func') !== undefined;
  }

  #rest(): Region {
    if (!this.#other) {
      const own = new Set(this.#own.names);
      const others: string[] = [];
      for (const name of this.#btf.names('func')) if (!own.has(name)) others.push(name);
      this.#other = new Region(OTHER_BASE, others);
    }
    return this.#other;
  }
}
