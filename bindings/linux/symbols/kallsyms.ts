/**
 * Kernel symbols: /proc/kallsyms, modules and BPF programs included. https://man7.org/linux/man-pages/man5/proc_kallsyms.5.html
 *
 * The file has some two hundred thousand lines. It is read once, kept as bytes; the index of addresses, and names, are made when asked for.
 */
import { readFileSync } from 'node:fs';
import type { SymbolAt } from '../../../core/backend/backend.ts';

const NEWLINE = 10;
const TAB = 9;
/** Letters of types that functions have. */
const FUNCTION_TYPES = new Set([...'tTwW'].map((c) => c.charCodeAt(0)));

/** Searches of the whole text before an index of names is worth its making. */
const SEARCHES = 8;
/** Kernel addresses are the top of the address space: what is below their lowest bit pattern (per-CPU offsets) is no place in memory. */
const KERNEL_HIGH = 0x80000000;
/** Bits of the high word that are told apart: with the low word they fit a double. */
const HIGH_MASK = 0xfffff;

export class Kallsyms {
  readonly #bytes: Buffer;
  /** Starts of the lines of addresses, ascending by address; 52 bits of the addresses beside them. Made at the first look. */
  #index: { readonly lines: Uint32Array; readonly keys: Float64Array } | undefined;
  #byName: Map<string, number> | undefined;
  #searches = 0;

  /** `bytes`: the file's text. */
  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** Are the addresses hidden (kernel.kptr_restrict)? */
  get hidden(): boolean {
    return this.#bytes.length < 16 || this.#bytes.subarray(0, 16).toString('latin1') === '0'.repeat(16);
  }

  #lines(): { readonly lines: Uint32Array; readonly keys: Float64Array } {
    if (this.#index) return this.#index;
    const bytes = this.#bytes;
    const starts: number[] = [];
    const keys: number[] = [];
    let ascending = true;
    for (let at = 0; at < bytes.length; ) {
      const end = bytes.indexOf(NEWLINE, at);
      const next = end < 0 ? bytes.length : end;
      const high = next - at > 19 ? hex32(bytes, at) : 0;
      if (high >= KERNEL_HIGH) {
        const key = (high & HIGH_MASK) * 2 ** 32 + hex32(bytes, at + 8);
        if (keys.length > 0 && key < keys.at(-1)!) ascending = false;
        starts.push(at);
        keys.push(key);
      }
      at = next + 1;
    }
    const order = ascending ? undefined : Uint32Array.from(keys.keys()).sort((a, b) => keys[a]! - keys[b]! || a - b);
    this.#index = {
      lines: order ? order.map((i) => starts[i]!) : Uint32Array.from(starts),
      keys: order ? Float64Array.from(order, (i) => keys[i]!) : Float64Array.from(keys),
    };
    return this.#index;
  }

  /** The symbol that an address lies in. */
  at(address: bigint): SymbolAt | undefined {
    const { lines, keys } = this.#lines();
    const high = Number(address >> 32n);
    if (high < KERNEL_HIGH) return undefined;
    const key = (high & HIGH_MASK) * 2 ** 32 + Number(address & 0xffffffffn);
    let low = 0;
    let end = keys.length;
    while (low < end) {
      const middle = (low + end) >>> 1;
      if (keys[middle]! <= key) low = middle + 1;
      else end = middle;
    }
    if (low === 0) return undefined;
    // Several names of one place: the first in the file, as the kernel prints it.
    let index = low - 1;
    while (index > 0 && keys[index - 1] === keys[index]) index--;
    const { name, module } = this.#line(lines[index]!);
    return { name, module, offset: key - keys[index]! };
  }

  /** Why there is no name for an address; undefined when there is one. */
  why(address: bigint): string | undefined {
    if (this.at(address)) return undefined;
    return this.hidden
      ? '/proc/kallsyms shows no addresses: kernel.kptr_restrict hides them, from those without CAP_SYSLOG or from all'
      : 'no function of the kernel lies there';
  }

  address(name: string): bigint | undefined {
    const start = this.#byName || ++this.#searches > SEARCHES ? this.#names().get(name) : this.#search(name);
    if (start === undefined) return undefined;
    const address = (BigInt(hex32(this.#bytes, start)) << 32n) | BigInt(hex32(this.#bytes, start + 8));
    return address === 0n ? undefined : address;
  }

  /** Start of the first line with a name. */
  #search(name: string): number | undefined {
    const wanted = Buffer.from(` ${name}`, 'latin1');
    for (let at = this.#bytes.indexOf(wanted); at >= 0; at = this.#bytes.indexOf(wanted, at + 1)) {
      const after = this.#bytes[at + wanted.length];
      const start = at - 18;
      if (
        (after === undefined || after === NEWLINE || after === TAB) &&
        start >= 0 &&
        (start === 0 || this.#bytes[start - 1] === NEWLINE)
      )
        return start;
    }
    return undefined;
  }

  #names(): Map<string, number> {
    if (this.#byName) return this.#byName;
    const names = new Map<string, number>();
    const { lines } = this.#lines();
    for (let i = lines.length - 1; i >= 0; i--) names.set(this.#line(lines[i]!).name, lines[i]!);
    this.#byName = names;
    return names;
  }

  /** Names of functions. */
  *functions(): IterableIterator<string> {
    for (const line of this.#lines().lines)
      if (FUNCTION_TYPES.has(this.#bytes[line + 17]!)) yield this.#line(line).name;
  }

  #line(line: number): { name: string; module: string } {
    const start = line + 19;
    let end = start;
    while (end < this.#bytes.length && this.#bytes[end] !== NEWLINE && this.#bytes[end] !== TAB) end++;
    const name = this.#bytes.toString('latin1', start, end);
    if (this.#bytes[end] !== TAB) return { name, module: 'kernel' };
    const close = this.#bytes.indexOf(93, end);
    return { name, module: this.#bytes.toString('latin1', end + 2, close) };
  }
}

function hex32(bytes: Buffer, at: number): number {
  let value = 0;
  for (let i = at; i < at + 8; i++) {
    const code = bytes[i]!;
    value = (value << 4) | (code > 96 ? code - 87 : code - 48);
  }
  return value >>> 0;
}

export function readKallsyms(path = '/proc/kallsyms'): Kallsyms {
  try {
    return new Kallsyms(readFileSync(path));
  } catch {
    return new Kallsyms(Buffer.alloc(0));
  }
}
