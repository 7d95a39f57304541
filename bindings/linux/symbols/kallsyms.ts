/**
 * Kernel symbols: /proc/kallsyms, modules and BPF programs included. https://man7.org/linux/man-pages/man5/proc_kallsyms.5.html
 *
 * The file has some two hundred thousand lines. It is read once, kept as bytes with an index of addresses; names are made when asked for.
 */
import { readFileSync } from 'node:fs';
import type { SymbolAt } from '../../../core/backend/backend.ts';

const NEWLINE = 10;
const TAB = 9;
const SPACE = 32;
/** Letters of types that functions have. */
const FUNCTION_TYPES = new Set([...'tTwW'].map((c) => c.charCodeAt(0)));

export class Kallsyms {
  readonly #bytes: Buffer;
  /** Starts of lines, by ascending address; addresses beside them. */
  readonly #lines: Uint32Array;
  readonly #addresses: BigUint64Array;
  #byName: Map<string, bigint> | undefined;

  /** `bytes`: the file's text. */
  constructor(bytes: Buffer) {
    this.#bytes = bytes;
    const starts: number[] = [];
    const addresses: bigint[] = [];
    for (let at = 0; at < bytes.length; ) {
      const end = bytes.indexOf(NEWLINE, at);
      const next = end < 0 ? bytes.length : end;
      if (next - at > 19) {
        starts.push(at);
        addresses.push(hexAt(bytes, at));
      }
      at = next + 1;
    }
    const order = Uint32Array.from(starts.keys()).sort((a, b) =>
      addresses[a]! < addresses[b]! ? -1 : addresses[a]! > addresses[b]! ? 1 : a - b,
    );
    this.#lines = order.map((i) => starts[i]!);
    this.#addresses = BigUint64Array.from(order, (i) => addresses[i]!);
  }

  /** Are the addresses hidden (kernel.kptr_restrict)? */
  get hidden(): boolean {
    return this.#addresses.length === 0 || this.#addresses.at(-1) === 0n;
  }

  /** The symbol that an address lies in. */
  at(address: bigint): SymbolAt | undefined {
    let low = 0;
    let high = this.#addresses.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#addresses[middle]! <= address) low = middle + 1;
      else high = middle;
    }
    if (low === 0 || this.#addresses[low - 1] === 0n) return undefined;
    // Several names of one place: the first in the file, as the kernel prints it.
    let index = low - 1;
    while (index > 0 && this.#addresses[index - 1] === this.#addresses[index]) index--;
    const { name, module } = this.#line(index);
    return { name, module, offset: Number(address - this.#addresses[index]!) };
  }

  address(name: string): bigint | undefined {
    if (!this.#byName) {
      this.#byName = new Map();
      for (let i = this.#lines.length - 1; i >= 0; i--) this.#byName.set(this.#line(i).name, this.#addresses[i]!);
    }
    return this.#byName.get(name);
  }

  /** Names of functions. */
  *functions(): IterableIterator<string> {
    for (let i = 0; i < this.#lines.length; i++)
      if (FUNCTION_TYPES.has(this.#bytes[this.#lines[i]! + 17]!)) yield this.#line(i).name;
  }

  #line(index: number): { name: string; module: string } {
    const start = this.#lines[index]! + 19;
    let end = start;
    while (
      end < this.#bytes.length &&
      this.#bytes[end] !== NEWLINE &&
      this.#bytes[end] !== TAB &&
      this.#bytes[end] !== SPACE
    )
      end++;
    const name = this.#bytes.toString('latin1', start, end);
    if (this.#bytes[end] !== TAB) return { name, module: 'kernel' };
    const close = this.#bytes.indexOf(93, end);
    return { name, module: this.#bytes.toString('latin1', end + 2, close) };
  }
}

function hexAt(bytes: Buffer, at: number): bigint {
  return (BigInt(hex32(bytes, at)) << 32n) | BigInt(hex32(bytes, at + 8));
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
