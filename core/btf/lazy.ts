/**
 * Records read lazily: a struct as an object whose fields are decoded when they are looked at (core/btf/value.ts says to what). For events
 * of which a script reads a field or two, and drops most. A class is made once per type, its fields are accessors on the prototype.
 *
 * A view reads the bytes it was made of, at the moment it is asked: what happens to them happens to it, and a field read twice is decoded
 * twice. To keep a record beyond the callback that was given its bytes, take `snapshot(view)`, or make the view of `data.slice()`. Fields of
 * struct type are views too. Nothing can be assigned. JSON and `{...view}` see no accessors of a prototype: they want the snapshot as well.
 */
import { BpfError } from '../base/errors.ts';
import type { Btf } from './btf.ts';
import { resolve, sizeOf } from './layout.ts';
import {
  type BtfValue,
  type DecodeOptions,
  type Decoder,
  decoder,
  describe,
  type FieldReader,
  fieldsOf,
} from './value.ts';

/** What a view is, besides its fields: what it reads, and how all of it is read. No field can have a symbol's name. */
const BYTES = Symbol('bytes');
const AT = Symbol('at');
const WHOLE = Symbol('whole');

interface Lazy {
  readonly [BYTES]: Uint8Array;
  readonly [AT]: number;
  readonly [WHOLE]: (bytes: Uint8Array, at: number) => BtfValue;
}

type LazyClass = new (bytes: Uint8Array, at: number) => Lazy;

/** A decoder to views. Throws BpfError for a type that is no struct or union. */
export function lazyDecoder(btf: Btf, typeId: number, options: DecodeOptions = {}): Decoder {
  const View = lazyClass(btf, typeId, options, new Map());
  const size = sizeOf(btf, typeId);
  return (bytes, offset = 0) => {
    if (offset < 0 || offset + size > bytes.length) {
      const there = Math.max(0, bytes.length - offset);
      throw new BpfError('VALUE', `a ${describe(btf, typeId)} takes ${size} bytes, there are ${there}`);
    }
    return new View(bytes, offset) as unknown as BtfValue;
  };
}

/** All fields of a view now, as the plain object that `decoder` makes. Any other value is answered as it is. */
export function snapshot<T>(value: T): T {
  if (typeof value !== 'object' || value === null || !(WHOLE in value)) return value;
  const lazy = value as unknown as Lazy;
  return lazy[WHOLE](lazy[BYTES], lazy[AT]) as T;
}

function lazyClass(btf: Btf, typeId: number, options: DecodeOptions, made: Map<number, LazyClass>): LazyClass {
  const type = resolve(btf, typeId);
  if (type.kind !== 'struct' && type.kind !== 'union')
    throw new BpfError('VALUE', `a ${describe(btf, typeId)} has no fields to be read one by one`);
  const known = made.get(typeId);
  if (known) return known;
  class View implements Lazy {
    declare readonly [BYTES]: Uint8Array;
    declare readonly [AT]: number;
    declare readonly [WHOLE]: Lazy[typeof WHOLE];
    constructor(bytes: Uint8Array, at: number) {
      this[BYTES] = bytes;
      this[AT] = at;
    }
  }
  made.set(typeId, View);
  let whole: Decoder | undefined;
  Object.defineProperty(View.prototype, WHOLE, {
    value(bytes: Uint8Array, at: number) {
      whole ??= decoder(btf, typeId, options);
      return whole(bytes, at);
    },
  });
  for (const field of fieldsOf(btf, type, options)) {
    const { offset } = field;
    const inner = field.type === undefined ? undefined : resolve(btf, field.type);
    const get =
      inner?.kind === 'struct' || inner?.kind === 'union'
        ? nestedGetter(lazyClass(btf, field.type!, options, made), offset)
        : getter(field.plain, field.read(), offset);
    Object.defineProperty(View.prototype, field.name, { get, enumerable: true, configurable: true });
  }
  return View;
}

function nestedGetter(Inner: LazyClass, offset: number) {
  return function (this: Lazy) {
    return new Inner(this[BYTES], this[AT] + offset);
  };
}

/**
 * Numbers of up to 32 bits are put together from the bytes: to ask a Uint8Array for its buffer, and the buffer for a DataView, takes longer than to
 * read a record's fields, and records lie in arrays of their own.
 */
function getter(plain: string | undefined, read: FieldReader, offset: number): (this: Lazy) => BtfValue {
  switch (plain) {
    case 'getUint8':
      return function () {
        return this[BYTES][this[AT] + offset]!;
      };
    case 'getUint16':
      return function () {
        const bytes = this[BYTES];
        const at = this[AT] + offset;
        return bytes[at]! | (bytes[at + 1]! << 8);
      };
    case 'getUint32':
      return function () {
        const bytes = this[BYTES];
        const at = this[AT] + offset;
        return (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0;
      };
    case 'getInt32':
      return function () {
        const bytes = this[BYTES];
        const at = this[AT] + offset;
        return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
      };
    default:
      return function () {
        const bytes = this[BYTES];
        return read(dataView(bytes), bytes.byteOffset + this[AT] + offset);
      };
  }
}

let buffer: ArrayBufferLike | undefined;
let view: DataView<ArrayBufferLike> = new DataView(new ArrayBuffer(0));

/** Of the whole buffer. Records of one buffer come in thousands: the last one is kept. */
function dataView(bytes: Uint8Array): DataView {
  if (bytes.buffer !== buffer) {
    buffer = bytes.buffer;
    view = new DataView(buffer);
  }
  return view;
}
