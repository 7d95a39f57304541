/** Places: where an lvalue is, how it is read (directly, by a guarded BTF load, by a helper, from the packet) and written. */

import type { Inst, IntType } from '../../ir/ir.ts';
import { type CType, integerOf, isInteger, sizeOf } from '../ctype.ts';
import type { Token } from '../token.ts';
import type { Expr } from '../tree.ts';
import { type CoreField, coreField } from './core-field.ts';
import { initVariable } from './init.ts';
import { irType, isSigned, type Lowering } from './lowering.ts';
import { loadPacketField, storePacketField } from './packet.ts';
import { isForeign, type Space } from './provenance.ts';
import { recordInto, rvalue } from './value.ts';

export interface Place {
  readonly base: Inst;
  /** Bytes from `base`. */
  readonly off: number;
  readonly type: CType;
  readonly space: Space;
  /** The space is a guess (provenance.ts): a write goes to the place as it stands, and the verifier judges it. */
  readonly guessed?: boolean;
  /** A bitfield: bits from the byte at `off`, and its width. */
  readonly bits?: { readonly from: number; readonly width: number };
  /** A field of a packet header of bcc/proto.h: `base` is an offset in the packet as a pointer. */
  readonly packet?: { readonly bitOffset: number; readonly bitWidth: number };
  readonly volatile: boolean;
  /** A member of a kernel struct whose offset the loader may change: members of it are found from the struct's start. */
  readonly field?: CoreField;
  readonly at: Token;
}

/** Helpers that read each space: id and name. */
const READERS = { kernel: [113, 'probe_read_kernel'], user: [112, 'probe_read_user'], any: [4, 'probe_read'] } as const;

export function placeOf(f: Lowering, e: Expr): Place {
  const volatile = e.type.volatile === true;
  switch (e.kind) {
    case 'var': {
      const { symbol } = e;
      if (symbol.storage === 'global') {
        const g = f.globals.place(symbol);
        return {
          base: f.b.globalRef(g.section, g.offset),
          off: 0,
          type: e.type,
          space: 'native',
          volatile: volatile || !g.constant,
          at: e.at,
        };
      }
      return { base: f.slot(symbol), off: 0, type: e.type, space: 'native', volatile, at: e.at };
    }
    case 'string': {
      const g = f.globals.string(e.bytes);
      return {
        base: f.b.globalRef(g.section, g.offset),
        off: 0,
        type: e.type,
        space: 'native',
        volatile: false,
        at: e.at,
      };
    }
    case 'literal':
      if (e.symbol.storage === 'global') return placeOf(f, { ...e, kind: 'var', symbol: e.symbol });
      initVariable(f, e.symbol);
      return { base: f.slot(e.symbol), off: 0, type: e.type, space: 'native', volatile, at: e.at };
    case 'member':
      return memberPlace(f, e, volatile);
    case 'deref': {
      const p = pointerParts(f, e.operand);
      const { provenance } = f.frame;
      const space = provenance.placeSpace(e);
      const guessed = isForeign(space) && provenance.guessed(e);
      return { base: p.base, off: p.off, type: e.type, space, guessed, volatile, at: e.at };
    }
    default: {
      // A record that an expression makes: give it a place of its own.
      const size = sizeOf(e.type) ?? 8;
      const slot = f.b.alloca(size, 8, '');
      recordInto(f, e, { base: slot, off: 0, type: e.type, space: 'native', volatile: false, at: e.at });
      return { base: slot, off: 0, type: e.type, space: 'native', volatile: false, at: e.at };
    }
  }
}

function memberPlace(f: Lowering, e: Extract<Expr, { kind: 'member' }>, volatile: boolean): Place {
  const base = placeOf(f, e.base);
  const { bitOffset } = e.place;
  const width = e.place.field.bitWidth;
  if (e.base.type.kind === 'record' && e.base.type.decl.packet && e.base.kind === 'deref') {
    const bitWidth = width ?? (sizeOf(e.type) ?? 0) * 8;
    return { ...base, type: e.type, packet: { bitOffset, bitWidth }, at: e.at };
  }
  if (width === undefined) {
    const field = coreField(f, e, base);
    if (field) return corePlace(f, e, base, field);
  }
  const off = base.off + Math.floor(bitOffset / 8);
  const { space, guessed } = base;
  const here = {
    base: base.base,
    type: e.type,
    space,
    ...(guessed ? { guessed } : {}),
    volatile: volatile || base.volatile,
    at: e.at,
  };
  if (width === undefined) return { ...here, off };
  const unit = bitUnit(e.type, bitOffset, width);
  return { ...here, off: base.off + unit.byte, bits: { from: unit.from, width } };
}

/** The place of a field whose offset the loader may change. */
function corePlace(f: Lowering, e: Extract<Expr, { kind: 'member' }>, base: Place, field: CoreField): Place {
  const start = f.b.ptrAdd(field.start, field.off);
  return {
    base: f.b.ptrAdd(start, f.b.coreOffset(f.globals.coreFields.key(field), field.bytes)),
    off: 0,
    type: e.type,
    space: base.space,
    volatile: base.volatile || e.type.volatile === true,
    field,
    at: e.at,
  };
}

/** The smallest aligned unit that holds a bitfield, as the byte where it begins and the bits before the field in it. */
function bitUnit(type: CType, bitOffset: number, width: number): { byte: number; from: number } {
  const most = isInteger(type) ? integerOf(type).size : 8;
  for (let bytes = 1; bytes <= Math.max(most, 1); bytes *= 2) {
    const start = Math.floor(bitOffset / (bytes * 8)) * bytes;
    if (bitOffset + width <= (start + bytes) * 8) return { byte: start, from: bitOffset - start * 8 };
  }
  const byte = Math.floor(bitOffset / 8);
  return { byte, from: bitOffset - byte * 8 };
}

/** Bytes of the unit that a bitfield at `from` is read by. */
function unitBytes(bits: { from: number; width: number }): number {
  const need = bits.from + bits.width;
  return need <= 8 ? 1 : need <= 16 ? 2 : need <= 32 ? 4 : need <= 64 ? 8 : 9;
}

/** A pointer as a base and constant bytes, so that accesses through it carry the offset (the verifier wants that of ctx). */
export function pointerParts(f: Lowering, e: Expr): { base: Inst; off: number } {
  if (e.kind === 'decay' && e.operand.type.kind === 'func') return { base: rvalue(f, e), off: 0 };
  switch (e.kind) {
    case 'decay':
    case 'addr': {
      const place = placeOf(f, e.operand);
      return { base: place.base, off: firstByte(place) };
    }
    case 'ptradd':
      if (e.index.kind === 'int') {
        const p = pointerParts(f, e.pointer);
        const off = p.off + (e.minus ? -1 : 1) * Number(BigInt.asIntN(64, e.index.value)) * e.scale;
        if (Math.abs(off) < 1 << 29) return { base: p.base, off };
      }
      return { base: rvalue(f, e), off: 0 };
    case 'cast':
      if (e.operand.type.kind === 'ptr' && e.type.kind === 'ptr') return pointerParts(f, e.operand);
      return { base: rvalue(f, e), off: 0 };
    default:
      return { base: rvalue(f, e), off: 0 };
  }
}

/** The address of a place as a pointer. */
export function addressOf(f: Lowering, place: Place): Inst {
  return f.b.ptrAdd(place.base, firstByte(place));
}

/** Bytes from a place's base to its first; a packet field's own offset counts its bits. */
function firstByte({ off, packet }: Place): number {
  return packet ? off + Math.floor(packet.bitOffset / 8) : off;
}

/** Copy `size` bytes of a foreign place to a native address by the helper of its space. */
export function probeInto(f: Lowering, place: Place, to: Inst, size: number): void {
  const space = isForeign(place.space) ? place.space : 'kernel';
  const [id, name] = READERS[space];
  f.b.callHelper(id, name, 'i64', [to, f.i32(size), addressOf(f, place)]);
}

/** The value at a place; its type must be a scalar. */
export function load(f: Lowering, place: Place): Inst {
  if (place.packet) return loadPacketField(f, place);
  if (place.bits) return loadBits(f, place, place.bits);
  return loadAs(f, place, irType(place.type) ?? 'i64', place.off);
}

function loadAs(f: Lowering, place: Place, type: IntType | 'ptr', off: number): Inst {
  if (isForeign(place.space)) {
    const bytes = { i1: 1, i8: 1, i16: 2, i32: 4, i64: 8, ptr: 8 }[type];
    probeInto(f, { ...place, off }, f.scratch, bytes);
    return f.b.load(type, f.scratch, 0);
  }
  const flags = { volatile: place.volatile, probe: place.space === 'btf', space: irSpace(place.space) };
  return f.b.load(type, place.base, off, flags);
}

function irSpace(s: Space) {
  return s === 'ctx' || s === 'btf' ? s : undefined;
}

/** A bitfield's value in the IR type of its C type, extended by its signedness. */
function loadBits(f: Lowering, place: Place, bits: { from: number; width: number }): Inst {
  const { b } = f;
  const type = irType(place.type) ?? 'i64';
  const signed = isSigned(place.type);
  const unit = loadUnit(f, place, bits);
  // Nine bytes do not fit: they come with the field already at the bottom.
  if (bits.from + bits.width > 64) bits = { from: 0, width: bits.width };
  const total = unit.type === 'i64' ? 64 : 32;
  let v = unit;
  if (signed) {
    const left = total - bits.from - bits.width;
    if (left > 0) v = b.binary('shl', v, b.const(v.type, left));
    v = b.binary('ashr', v, b.const(v.type, total - bits.width));
  } else {
    if (bits.from > 0) v = b.binary('lshr', v, b.const(v.type, bits.from));
    if (bits.width < total) v = b.binary('and', v, b.const(v.type, (1n << BigInt(bits.width)) - 1n));
  }
  return b.intCast(v, type as IntType, signed);
}

/** The unit around a bitfield as i32 or i64. */
function loadUnit(f: Lowering, place: Place, bits: { from: number; width: number }): Inst {
  const { b } = f;
  const bytes = unitBytes(bits);
  const need = Math.ceil((bits.from + bits.width) / 8);
  if (bytes <= 8 && (place.off % bytes === 0 || isForeign(place.space))) {
    if (isForeign(place.space)) {
      // The helper must not read past the field's own bytes: the record may end there.
      probeInto(f, place, f.scratch, bytes);
      const v = b.load(({ 1: 'i8', 2: 'i16', 4: 'i32', 8: 'i64' } as const)[bytes as 1 | 2 | 4 | 8], f.scratch, 0);
      return bytes < 4 ? b.cast('zext', v, 'i32') : v;
    }
    const v = loadAs(f, place, ({ 1: 'i8', 2: 'i16', 4: 'i32', 8: 'i64' } as const)[bytes as 1 | 2 | 4 | 8], place.off);
    return bytes < 4 ? b.cast('zext', v, 'i32') : v;
  }
  // Packed across a boundary: byte by byte, the first already shifted into place where nine are needed.
  let v: Inst | undefined;
  for (let i = 0; i < need; i++) {
    const byte = b.cast('zext', loadAs(f, place, 'i8', place.off + i), 'i64');
    const shift = i * 8 - (need > 8 ? bits.from : 0);
    const part =
      shift > 0
        ? b.binary('shl', byte, b.const('i64', shift))
        : shift < 0
          ? b.binary('lshr', byte, b.const('i64', -shift))
          : byte;
    v = v ? b.binary('or', v, part) : part;
  }
  return v!;
}

/** Store a scalar of the place's type. Gives the value that the place then has (bitfields cut it). */
export function store(f: Lowering, place: Place, value: Inst): Inst {
  if (place.packet) {
    storePacketField(f, place, value);
    return value;
  }
  if (!writableSpace(f, place)) return value;
  if (!place.bits) {
    f.b.store(value, place.base, place.off, { volatile: place.volatile });
    return value;
  }
  const { b } = f;
  const { from, width } = place.bits;
  const need = Math.ceil((from + width) / 8);
  const bytes = unitBytes(place.bits);
  const wide = b.intCast(value, 'i64', false);
  const mask = (1n << BigInt(width)) - 1n;
  if (bytes <= 8 && place.off % bytes === 0) {
    const old = loadUnit(f, place, place.bits);
    const type = old.type as IntType;
    const field = b.binary('and', b.intCast(value, type, false), b.const(type, mask));
    const moved = from > 0 ? b.binary('shl', field, b.const(type, from)) : field;
    const kept = b.binary('and', old, b.const(type, ~(mask << BigInt(from))));
    const merged = width === bytes * 8 ? field : b.binary('or', kept, moved);
    b.store(
      b.intCast(merged, ({ 1: 'i8', 2: 'i16', 4: 'i32', 8: 'i64' } as const)[bytes as 1 | 2 | 4 | 8], false),
      place.base,
      place.off,
      { volatile: place.volatile },
    );
  } else {
    for (let i = 0; i < need; i++) {
      const low = Math.max(0, from - i * 8);
      const high = Math.min(8, from + width - i * 8);
      const part = (1n << BigInt(high - low)) - 1n;
      const start = i * 8 + low - from;
      const piece = b.binary(
        'and',
        start > 0 ? b.binary('lshr', wide, b.const('i64', start)) : wide,
        b.const('i64', part),
      );
      const moved = b.intCast(low > 0 ? b.binary('shl', piece, b.const('i64', low)) : piece, 'i32', false);
      const old = b.cast('zext', b.load('i8', place.base, place.off + i, { volatile: place.volatile }), 'i32');
      const kept = b.binary('and', old, b.const('i32', ~(part << BigInt(low)) & 0xffn));
      b.store(b.cast('trunc', b.binary('or', kept, moved), 'i8'), place.base, place.off + i, {
        volatile: place.volatile,
      });
    }
  }
  // The value of the assignment is what the field now holds.
  const type = (irType(place.type) ?? 'i64') as IntType;
  const full = type === 'i8' || type === 'i16' ? 'i32' : type;
  const up = b.intCast(value, full, false);
  const left = (full === 'i64' ? 64 : 32) - width;
  if (left <= 0) return value;
  const cut = isSigned(place.type)
    ? b.binary('ashr', b.binary('shl', up, b.const(full, left)), b.const(full, left))
    : b.binary('and', up, b.const(full, mask));
  return b.intCast(cut, type, false);
}

/** Can the program write there? Kernel memory only helpers change. */
export function writableSpace(f: Lowering, place: Place): boolean {
  if ((isForeign(place.space) && !place.guessed) || place.space === 'btf') {
    const what =
      place.space === 'user'
        ? `user memory: use bpf_probe_write_user()`
        : 'kernel memory: BPF programs can only read it';
    f.error(place.at, `cannot write to ${what}`);
    return false;
  }
  return true;
}

/** Copy a whole object between places. */
export function copy(f: Lowering, to: Place, from: Place, size: number, align: number): void {
  if (!writableSpace(f, to)) return;
  if (isForeign(from.space) || from.space === 'btf') {
    probeInto(f, from.space === 'btf' ? { ...from, space: 'kernel' } : from, addressOf(f, to), size);
    return;
  }
  f.b.memcpy(addressOf(f, to), addressOf(f, from), size, align);
}
