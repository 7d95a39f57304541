/**
 * Laying out structs and unions as GCC does on x86-64: System V psABI section 3.1.2 for members and bitfields, GCC's
 * manual (Common Type Attributes) for `packed` and `aligned`.
 */
import { alignOf, type CType, type Field, type RecordDecl, sizeOf } from './ctype.ts';
import type { Token } from './token.ts';

/** A member as declared, before it has a place. */
export interface Member {
  readonly name: string | undefined;
  readonly type: CType;
  /** Bits of a bitfield (0 for `: 0`), undefined for a plain member. */
  readonly bitWidth: number | undefined;
  /** `__attribute__((aligned(n)))` on the member. */
  readonly align: number | undefined;
  /** `__attribute__((packed))` on the member. */
  readonly packed: boolean;
  readonly at: Token | undefined;
}

export interface RecordOptions {
  readonly packed: boolean;
  /** Of `__attribute__((aligned(n)))`. */
  readonly align: number | undefined;
  /** Of `#pragma pack(n)`: the most alignment a member has. */
  readonly packTo: number | undefined;
}

/** Give every member its place and the record its size. */
export function layOut(decl: RecordDecl, members: readonly Member[], options: RecordOptions): void {
  const union = decl.tag === 'union';
  let bits = 0;
  let largest = 0;
  let align = 1;
  const fields: Field[] = [];
  for (const m of members) {
    const size = sizeOf(m.type) ?? 0;
    const packed = options.packed || m.packed;
    let need = packed ? 1 : alignOf(m.type);
    if (options.packTo !== undefined) need = Math.min(need, options.packTo);
    if (m.align !== undefined) need = Math.max(need, m.align);
    if (union) bits = 0;
    if (m.bitWidth !== undefined) {
      const unit = size * 8;
      if (m.bitWidth === 0) {
        // Closes the current unit; in a packed record too.
        bits = Math.ceil(bits / unit) * unit;
        continue;
      }
      if (m.align !== undefined) bits = roundUp(bits, need * 8);
      // A bitfield must not cross a boundary of its type's size, unless packed.
      if (!packed && Math.floor(bits / unit) !== Math.floor((bits + m.bitWidth - 1) / unit)) bits = roundUp(bits, unit);
      fields.push({ name: m.name, type: m.type, bitOffset: bits, bitWidth: m.bitWidth, at: m.at });
      bits += m.bitWidth;
      // An unnamed bitfield does not align the record.
      if (m.name !== undefined) align = Math.max(align, need);
    } else {
      bits = roundUp(bits, need * 8);
      fields.push({ name: m.name, type: m.type, bitOffset: bits, at: m.at });
      bits += size * 8;
      align = Math.max(align, need);
    }
    largest = Math.max(largest, bits);
  }
  align = Math.max(align, options.align ?? 1);
  decl.packed = options.packed;
  decl.finish(fields, roundUp(Math.ceil(largest / 8), align), align);
}

function roundUp(value: number, to: number): number {
  return Math.ceil(value / to) * to;
}
