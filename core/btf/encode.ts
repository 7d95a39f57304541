/**
 * JavaScript values to bytes by BTF type: the way back of core/btf/value.ts, with range checks. Errors name the field.
 *
 * Fields that are not given are zero. Of a union any members may be given; they are written in order, so that the last one
 * stands. Where a type is held as bytes anyway, a Uint8Array of its exact size is taken as it is.
 */
import { utf8Encode } from '../base/bytes.ts';
import { BpfError, nearestNames } from '../base/errors.ts';
import type { Btf, BtfMember } from './btf.ts';
import { type Composite, fields, resolve, sizeOf } from './layout.ts';
import { describe, isChar } from './value.ts';

/** Encode into fresh bytes, or into `into` at `offset`. Answers the bytes written to. Throws BpfError VALUE, with the field's path. */
export type Encoder = (value: unknown, into?: Uint8Array, offset?: number) => Uint8Array;

/** Writes a value; `path` names the field for messages. */
type Write = (view: DataView, at: number, value: unknown, path: string) => void;

/** An encoder for a type. Throws BpfError for types that have no value. */
export function encoder(btf: Btf, typeId: number): Encoder {
  const size = sizeOf(btf, typeId);
  const write = writerOf(btf, typeId);
  return (value, into, offset = 0) => {
    const bytes = into ?? new Uint8Array(size);
    if (offset + size > bytes.length)
      throw new BpfError(
        'VALUE',
        `a ${describe(btf, typeId)} takes ${size} bytes, there are ${Math.max(0, bytes.length - offset)}`,
      );
    bytes.fill(0, offset, offset + size);
    write(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), offset, value, '');
    return bytes;
  };
}

function refuse(path: string, says: string): BpfError {
  return new BpfError('VALUE', path === '' ? says : `field '${path}': ${says}`);
}

function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.length > 40 ? value.slice(0, 40) + '...' : value);
  if (typeof value === 'bigint') return `${value}`;
  if (value === null || typeof value !== 'object') return String(value);
  return Array.isArray(value)
    ? `an array of ${value.length}`
    : value instanceof Uint8Array
      ? `${value.length} bytes`
      : 'an object';
}

function writerOf(btf: Btf, typeId: number): Write {
  const type = resolve(btf, typeId);
  const name = describe(btf, typeId);
  switch (type.kind) {
    case 'int':
      return type.bool
        ? (view, at, value, path) =>
            view.setUint8(at, Number(integer(typeof value === 'boolean' ? Number(value) : value, 1, false, name, path)))
        : integerWriter(type.size, type.signed, name);
    case 'ptr':
      return integerWriter(8, false, 'pointer');
    case 'enum':
    case 'enum64': {
      const write = integerWriter(type.size, type.signed, name);
      return (view, at, value, path) => {
        if (typeof value !== 'string') return write(view, at, value, path);
        const found = type.values.find((v) => v.name === value);
        if (!found)
          throw refuse(
            path,
            `${name} has no enumerator '${value}'${suggest(
              value,
              type.values.map((v) => v.name),
            )}`,
          );
        return write(view, at, found.value, path);
      };
    }
    case 'float':
      return (view, at, value, path) => {
        if (typeof value !== 'number') throw refuse(path, `${show(value)} is not a number (${name})`);
        if (type.size === 4) view.setFloat32(at, value, true);
        else if (type.size === 8) view.setFloat64(at, value, true);
        else throw refuse(path, `a ${name} of ${type.size} bytes cannot be written`);
      };
    case 'array':
      return arrayWriter(btf, type.type, type.count, name);
    case 'struct':
    case 'union':
      return structWriter(btf, type, name);
    default:
      throw new BpfError('VALUE', `a ${name} has no value`);
  }
}

function suggest(wanted: string, names: Iterable<string>): string {
  const near = nearestNames(wanted, names);
  return near.length > 0 ? `; did you mean ${near.join(', ')}?` : '';
}

/** Check that a value is an integer that `bits` bits hold. */
function integer(value: unknown, bits: number, signed: boolean, name: string, path: string): bigint {
  let wide: bigint;
  if (typeof value === 'bigint') wide = value;
  else if (typeof value === 'boolean') wide = value ? 1n : 0n;
  else if (typeof value === 'number' && Number.isSafeInteger(value)) wide = BigInt(value);
  else if (typeof value === 'number' && Number.isInteger(value))
    throw refuse(path, `${value} is not exact, write it as a bigint (${name})`);
  else throw refuse(path, `${show(value)} is not an integer (${name})`);
  const low = signed ? -(1n << BigInt(bits - 1)) : 0n;
  const high = (1n << BigInt(signed ? bits - 1 : bits)) - 1n;
  if (wide < low || wide > high) throw refuse(path, `${wide} does not fit ${name} (${low} to ${high})`);
  return wide;
}

function integerWriter(size: number, signed: boolean, name: string): Write {
  const low = signed ? -(2 ** (size * 8 - 1)) : 0;
  const high = 2 ** (signed ? size * 8 - 1 : size * 8) - 1;
  const narrow =
    (put: (view: DataView, at: number, value: number) => void): Write =>
    (view, at, value, path) => {
      if (typeof value === 'number' && Number.isInteger(value) && value >= low && value <= high) put(view, at, value);
      else put(view, at, Number(integer(value, size * 8, signed, name, path)));
    };
  switch (size) {
    case 1:
      return narrow((view, at, value) => view.setUint8(at, value));
    case 2:
      return narrow((view, at, value) => view.setUint16(at, value, true));
    case 4:
      return narrow((view, at, value) => view.setUint32(at, value, true));
    case 8:
      return (view, at, value, path) =>
        view.setBigUint64(at, BigInt.asUintN(64, integer(value, 64, signed, name, path)), true);
    case 16:
      return (view, at, value, path) => {
        const wide = BigInt.asUintN(128, integer(value, 128, signed, name, path));
        view.setBigUint64(at, BigInt.asUintN(64, wide), true);
        view.setBigUint64(at + 8, wide >> 64n, true);
      };
    default:
      throw new BpfError('VALUE', `an integer of ${size} bytes cannot be written`);
  }
}

function arrayWriter(btf: Btf, elementId: number, count: number, name: string): Write {
  const size = sizeOf(btf, elementId);
  const write = writerOf(btf, elementId);
  const chars = isChar(btf, elementId);
  return (view, at, value, path) => {
    const items = chars && typeof value === 'string' ? utf8Encode(value) : value;
    if (items instanceof Uint8Array && size === 1) {
      if (items.length > count) throw refuse(path, `${items.length} bytes do not fit ${name}`);
      new Uint8Array(view.buffer, view.byteOffset, view.byteLength).set(items, at);
      return;
    }
    if (!Array.isArray(items))
      throw refuse(path, `${show(value)} is not an array${chars ? ' or string' : ''} (${name})`);
    if (items.length > count) throw refuse(path, `${items.length} elements do not fit ${name}`);
    items.forEach((item: unknown, i) => {
      write(view, at + i * size, item, `${path}[${i}]`);
    });
  };
}

function structWriter(btf: Btf, struct: Composite, name: string): Write {
  const writers = new Map<string, { readonly offset: number; readonly write: Write }>();
  const add = (members: readonly BtfMember[], baseBits: number): void => {
    for (const member of members) {
      const bits = baseBits + member.bitOffset;
      if (member.name === '') {
        const inner = resolve(btf, member.type);
        if (inner.kind === 'struct' || inner.kind === 'union') add(inner.members, bits);
      } else if (member.bitSize > 0) {
        writers.set(member.name, {
          offset: Math.floor(bits / 8),
          write: bitfieldWriter(btf, member.type, bits % 8, member.bitSize),
        });
      } else {
        writers.set(member.name, { offset: bits / 8, write: writerOf(btf, member.type) });
      }
    }
  };
  add(struct.members, 0);
  return (view, at, value, path) => {
    if (value instanceof Uint8Array) {
      if (value.length !== struct.size)
        throw refuse(path, `${value.length} bytes are not the ${struct.size} of ${name}`);
      new Uint8Array(view.buffer, view.byteOffset, view.byteLength).set(value, at);
      return;
    }
    if (value === null || typeof value !== 'object' || Array.isArray(value))
      throw refuse(path, `${show(value)} is not an object (${name})`);
    for (const key of Object.keys(value))
      if (!writers.has(key))
        throw refuse(
          path === '' ? key : `${path}.${key}`,
          `${name} has no such field${suggest(key, fieldNames(btf, struct.id))}`,
        );
    for (const [key, { offset, write }] of writers) {
      const item = (value as Record<string, unknown>)[key];
      if (item !== undefined) write(view, at + offset, item, path === '' ? key : `${path}.${key}`);
    }
  };
}

function* fieldNames(btf: Btf, structId: number): Generator<string> {
  for (const field of fields(btf, structId)) yield field.name;
}

function bitfieldWriter(btf: Btf, typeId: number, shift: number, width: number): Write {
  const type = resolve(btf, typeId);
  const signed = (type.kind === 'int' || type.kind === 'enum' || type.kind === 'enum64') && type.signed;
  const byteCount = Math.ceil((shift + width) / 8);
  const name = `${describe(btf, typeId)}:${width}`;
  const mask = ((1n << BigInt(width)) - 1n) << BigInt(shift);
  return (view, at, value, path) => {
    const bits = (BigInt.asUintN(width, integer(value, width, signed, name, path)) << BigInt(shift)) & mask;
    for (let i = 0; i < byteCount; i++) {
      const keep = view.getUint8(at + i) & ~Number((mask >> BigInt(i * 8)) & 0xffn);
      view.setUint8(at + i, keep | Number((bits >> BigInt(i * 8)) & 0xffn));
    }
  };
}
