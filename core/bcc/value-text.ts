/**
 * Keys and leaves as text and back, in the form of BCC's key_sprintf and leaf_scanf (src/cc/bpf_module_rw_engine.cc):
 *
 *   value := '0x' hex                      integers, enums, pointers
 *          | '"' characters up to NUL '"'  arrays of one-byte elements
 *          | '{ ' (value ' ')* '}'         structs, member by member
 *          | '[ ' (value ' ')* ']'         other arrays
 *
 * A union is written as its largest member. Read back, integers may be decimal, octal or negative too, as scanf's %i takes them.
 */
import { utf8Encode } from '../base/bytes.ts';
import { BpfError } from '../base/errors.ts';
import type { Btf, BtfMember } from '../btf/btf.ts';
import { resolve, sizeOf } from '../btf/layout.ts';

const PAD = /^__pad_\d+$/;

/** The text of a value of a BTF type. */
export function valueText(btf: Btf, typeId: number, value: unknown): string {
  const type = resolve(btf, typeId);
  switch (type.kind) {
    case 'struct': {
      const parts = shown(type.members).map((member) => `${valueText(btf, member.type, inside(member, value))} `);
      return `{ ${parts.join('')}}`;
    }
    case 'union': {
      const largest = largestMember(btf, type.members);
      return largest ? valueText(btf, largest.type, inside(largest, value)) : '0x0';
    }
    case 'array':
      if (sizeOf(btf, type.type) === 1) return `"${stringOf(value)}"`;
      return `[ ${(value as unknown[]).map((item) => `${valueText(btf, type.type, item)} `).join('')}]`;
    default:
      return numberText(value, sizeOf(btf, typeId));
  }
}

/** Integers of values without a known type. */
export function numberText(value: unknown, size: number): string {
  if (value instanceof Uint8Array) return `"${stringOf(value)}"`;
  const number = typeof value === 'boolean' ? BigInt(value) : BigInt(value as number | bigint);
  return `0x${BigInt.asUintN(size * 8, number).toString(16)}`;
}

function stringOf(value: unknown): string {
  if (typeof value === 'string') return value;
  const bytes = value as Uint8Array | number[];
  let text = '';
  for (const byte of bytes) {
    if (byte === 0) break;
    text += String.fromCharCode(byte & 255);
  }
  return text;
}

/** Members but for the compiler's padding. */
function shown(members: readonly BtfMember[]): BtfMember[] {
  return members.filter((member) => !PAD.test(member.name) && (member.name !== '' || member.bitSize === 0));
}

/** A member's value; those of anonymous members lie around them. */
function inside(member: BtfMember, value: unknown): unknown {
  return member.name === '' ? value : (value as Record<string, unknown>)[member.name];
}

function largestMember(btf: Btf, members: readonly BtfMember[]): BtfMember | undefined {
  return members.reduce<BtfMember | undefined>(
    (most, member) => (most && sizeOf(btf, most.type) >= sizeOf(btf, member.type) ? most : member),
    undefined,
  );
}

/** The value that a text means, for the encoder of the type. Throws BpfError BAD_VALUE with the place where the text goes wrong. */
export function parseValueText(btf: Btf | undefined, typeId: number, text: string): unknown {
  const reader = new Reader(text);
  const value = btf && typeId !== 0 ? reader.value(btf, typeId) : reader.number();
  reader.end();
  return value;
}

class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  #fail(wanted: string): never {
    const rest = this.#text.slice(this.#at, this.#at + 20);
    throw new BpfError('BAD_VALUE', `${JSON.stringify(this.#text)}: ${wanted} is expected at ${JSON.stringify(rest)}`);
  }

  #skip(): void {
    while (/\s/.test(this.#text[this.#at] ?? '')) this.#at++;
  }

  #expect(mark: string): void {
    this.#skip();
    if (!this.#text.startsWith(mark, this.#at)) this.#fail(`'${mark}'`);
    this.#at += mark.length;
  }

  end(): void {
    this.#skip();
    if (this.#at < this.#text.length) this.#fail('the end');
  }

  number(): bigint {
    this.#skip();
    const found = /^([-+]?)(0[xX][0-9a-fA-F]+|\d+)/.exec(this.#text.slice(this.#at));
    if (!found) return this.#fail('a number');
    this.#at += found[0].length;
    const digits = found[2]!;
    const magnitude = BigInt(/^0\d/.test(digits) ? `0o${digits.slice(1)}` : digits);
    return found[1] === '-' ? -magnitude : magnitude;
  }

  value(btf: Btf, typeId: number): unknown {
    const type = resolve(btf, typeId);
    switch (type.kind) {
      case 'struct': {
        this.#expect('{');
        const out: Record<string, unknown> = {};
        for (const member of shown(type.members)) place(out, member, this.value(btf, member.type));
        this.#expect('}');
        return out;
      }
      case 'union': {
        const largest = largestMember(btf, type.members);
        const out: Record<string, unknown> = {};
        if (largest) place(out, largest, this.value(btf, largest.type));
        return out;
      }
      case 'array':
        return this.#array(btf, type.type, type.count);
      default:
        return fitting(this.number(), type, sizeOf(btf, typeId));
    }
  }

  #array(btf: Btf, elem: number, count: number): unknown {
    if (sizeOf(btf, elem) !== 1) {
      this.#expect('[');
      const out = Array.from({ length: count }, () => this.value(btf, elem));
      this.#expect(']');
      return out;
    }
    this.#expect('"');
    const close = this.#text.indexOf('"', this.#at);
    if (close < 0) this.#fail("a closing '\"'");
    const bytes = utf8Encode(this.#text.slice(this.#at, close));
    if (bytes.length > count) this.#fail(`a string of at most ${count} bytes`);
    this.#at = close + 1;
    const out = new Uint8Array(count);
    out.set(bytes);
    return out;
  }
}

function place(out: Record<string, unknown>, member: BtfMember, value: unknown): void {
  if (member.name === '') Object.assign(out, value);
  else out[member.name] = value;
}

/** scanf stores the low bits: 0xffffffff is -1 in an int. */
function fitting(
  number: bigint,
  type: { readonly kind: string; readonly signed?: boolean },
  size: number,
): number | bigint {
  const bits = type.signed ? BigInt.asIntN(size * 8, number) : BigInt.asUintN(size * 8, number);
  return size >= 8 ? bits : Number(bits);
}
