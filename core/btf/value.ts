/**
 * Bytes to JavaScript values by BTF type: how map keys and values, events and contexts become plain objects. The way back is in
 * core/btf/encode.ts.
 *
 * | C | JavaScript |
 * |---|---|
 * | integers up to 32 bits, enums, bitfields up to 32 bits wide | number |
 * | 64- and 128-bit integers, pointers, enum64, wider bitfields | bigint |
 * | _Bool | boolean |
 * | float, double | number |
 * | char[n] | string up to NUL (option `chars`) |
 * | unsigned char[n] | Uint8Array |
 * | other arrays | array |
 * | struct, union | plain object; a union has all its members, and anonymous members lie in the object around them |
 *
 * A decoder is made once per type from closures: `new Function` is forbidden where a content security policy holds. A host that may use
 * it says so by the option `compile`.
 */
import { utf8Decode } from '../base/bytes.ts';
import { BpfError } from '../base/errors.ts';
import type { Btf, BtfMember } from './btf.ts';
import { type Composite, resolve, sizeOf } from './layout.ts';

export type BtfValue = number | bigint | boolean | string | Uint8Array | BtfValue[] | { [field: string]: BtfValue };

export interface DecodeOptions {
  /** What a char[] becomes: text up to the first NUL (UTF-8), or all its bytes. Default 'string'. */
  readonly chars?: 'string' | 'bytes';
  /** Enums as numbers, or by the first enumerator of that value (the number where none has it). Default 'number'. */
  readonly enums?: 'number' | 'name';
  /**
   * Makes a function of two parameters from JavaScript text (`(a, b, body) => new Function(a, b, body)`), from hosts that allow that: structs
   * are then read by code made for them, five times faster. Without it closures do the work.
   */
  readonly compile?: CompileFunction;
}

export type CompileFunction = (first: string, second: string, body: string) => unknown;

/** Decode the value at `offset` (default 0). Throws BpfError VALUE when the bytes are too few. */
export type Decoder = (bytes: Uint8Array, offset?: number) => BtfValue;

type Read = (view: DataView, at: number) => BtfValue;
/** The same with the buffer as 64-bit words, which are read at half the cost of a DataView's, where everything is aligned. */
type WordRead = (view: DataView, at: number, words: BigUint64Array | undefined) => BtfValue;
/** Reads one value at an offset of a buffer, without a check of its bounds. */
export type FieldReader = Read;

/** A decoder for a type. Throws BpfError for types that have no value: void, functions, structs that are only declared. */
export function decoder(btf: Btf, typeId: number, options: DecodeOptions = {}): Decoder {
  const size = sizeOf(btf, typeId);
  const read: WordRead = options.compile
    ? compiledReader(btf, typeId, options, options.compile)
    : readerOf(btf, typeId, options);
  // Records of one buffer come in thousands: keep its view.
  let last: Uint8Array | undefined;
  let base = 0;
  let words: BigUint64Array | undefined;
  let view: DataView<ArrayBufferLike> = new DataView(new ArrayBuffer(0));
  return (bytes, offset = 0) => {
    if (offset < 0 || offset + size > bytes.length) {
      throw new BpfError(
        'VALUE',
        `a ${describe(btf, typeId)} takes ${size} bytes, there are ${Math.max(0, bytes.length - offset)}`,
      );
    }
    // Asking an array for its buffer costs a third of a record's decoding.
    if (bytes !== last) {
      const { buffer } = bytes;
      if (view.buffer !== buffer) {
        view = new DataView(buffer);
        words = undefined;
      }
      base = bytes.byteOffset;
      last = bytes;
    } else if (words === undefined) {
      // An array that is asked twice has many records: it is worth another view.
      words = new BigUint64Array(view.buffer, 0, view.byteLength >>> 3);
    }
    return read(view, base + offset, words);
  };
}

/** A reader made from text: one expression, in which whatever is not a plain number is read by closures `r[i]`. */
function compiledReader(btf: Btf, typeId: number, options: DecodeOptions, compile: CompileFunction): WordRead {
  const readers: Read[] = [];
  const by = (read: Read, offset: number): string => `r[${readers.push(read) - 1}](v,a+${offset})`;
  let wide = 0;
  const expression = (id: number, offset: number, aligned = false): string => {
    const type = resolve(btf, id);
    const how = howOf(btf, id);
    const plain = PLAIN_READS[how];
    if (how === READ.u64 && offset % 8 === 0) {
      wide++;
      if (aligned) return `w[(a+${offset})>>>3]`;
    }
    if (plain) return `v.${plain}(a+${offset},true)`;
    if (type.kind !== 'struct' && type.kind !== 'union') return by(readerOf(btf, id, options), offset);
    return `{${slotsOf(btf, type, options)
      .map(
        (s) =>
          // A computed name makes a slow literal; only this one would mean something else.
          `${s.name === '__proto__' ? '["__proto__"]' : JSON.stringify(s.name)}:${s.type === undefined ? by(s.read(), offset + s.offset) : expression(s.type, offset + s.offset, aligned)}`,
      )
      .join(',')}}`;
  };
  const anywhere = expression(typeId, 0);
  const body =
    wide === 0
      ? `return (v,a)=>(${anywhere})`
      : `return (v,a,w)=>w!==undefined&&(a&7)===0?(${expression(typeId, 0, true)}):(${anywhere})`;
  const make = compile('r', 'unused', body) as (r: readonly Read[]) => WordRead;
  return make(readers);
}

/** Short name of a type for messages. */
export function describe(btf: Btf, typeId: number): string {
  const type = btf.type(typeId);
  if (type.kind === 'struct' || type.kind === 'union' || type.kind === 'enum')
    return `${type.kind} ${type.name || '(anonymous)'}`;
  if (type.kind === 'const' || type.kind === 'volatile' || type.kind === 'array')
    return type.kind === 'array' ? `${describe(btf, type.type)}[${type.count}]` : describe(btf, type.type);
  return type.name || type.kind;
}

/** Is this the element of a C string? Compilers mark `char` by its name, few by its encoding. */
export function isChar(btf: Btf, typeId: number): boolean {
  const type = resolve(btf, typeId);
  return type.kind === 'int' && type.size === 1 && !type.bool && (type.char || type.name === 'char');
}

function readerOf(btf: Btf, typeId: number, options: DecodeOptions): Read {
  const type = resolve(btf, typeId);
  switch (type.kind) {
    case 'int':
      return type.bool ? (view, at) => view.getUint8(at) !== 0 : integerReader(type.size, type.signed);
    case 'ptr':
      return integerReader(8, false);
    case 'enum':
    case 'enum64': {
      const read = integerReader(type.size, type.signed);
      if (options.enums !== 'name') return read;
      const names = new Map<number | bigint, string>();
      for (const { name, value } of type.values) {
        const key = type.size === 8 ? value : Number(value);
        if (!names.has(key)) names.set(key, name);
      }
      return (view, at) => {
        const value = read(view, at);
        return names.get(value) ?? value;
      };
    }
    case 'float':
      if (type.size === 4) return (view, at) => view.getFloat32(at, true);
      if (type.size === 8) return (view, at) => view.getFloat64(at, true);
      return bytesReader(type.size);
    case 'array':
      return arrayReader(btf, type.type, type.count, options);
    case 'struct':
    case 'union':
      return structReader(btf, type, options);
    default:
      throw new BpfError('VALUE', `a ${describe(btf, typeId)} has no value`);
  }
}

function integerReader(size: number, signed: boolean): (view: DataView, at: number) => number | bigint {
  switch (size) {
    case 1:
      return signed ? (view, at) => view.getInt8(at) : (view, at) => view.getUint8(at);
    case 2:
      return signed ? (view, at) => view.getInt16(at, true) : (view, at) => view.getUint16(at, true);
    case 4:
      return signed ? (view, at) => view.getInt32(at, true) : (view, at) => view.getUint32(at, true);
    case 8:
      return signed ? (view, at) => view.getBigInt64(at, true) : (view, at) => view.getBigUint64(at, true);
    case 16:
      return (view, at) => {
        const high = signed ? view.getBigInt64(at + 8, true) : view.getBigUint64(at + 8, true);
        return (high << 64n) | view.getBigUint64(at, true);
      };
    default:
      throw new BpfError('VALUE', `an integer of ${size} bytes has no value`);
  }
}

function bytesReader(size: number): (view: DataView, at: number) => Uint8Array {
  return (view, at) => new Uint8Array(view.buffer, at, size).slice();
}

function arrayReader(btf: Btf, elementId: number, count: number, options: DecodeOptions): Read {
  const element = resolve(btf, elementId);
  if (isChar(btf, elementId)) return options.chars === 'bytes' ? bytesReader(count) : textReader(count);
  if (element.kind === 'int' && element.size === 1 && !element.signed && !element.bool) return bytesReader(count);
  const size = sizeOf(btf, elementId);
  const read = readerOf(btf, elementId, options);
  return (view, at) => {
    const values: BtfValue[] = [];
    for (let i = 0; i < count; i++) values.push(read(view, at + i * size));
    return values;
  };
}

/** Sizes of texts that are worth remembering, and how many a reader remembers. */
const REMEMBERED_SIZE = 64;
const REMEMBERED = 1024;

/**
 * Names of tasks, files and devices come again and again: making a string of one costs ten times what it takes to see that it is the one that was
 * made before. One place a hash of the words; whatever comes there next takes it.
 */
function textReader(size: number): Read {
  const make = textMaker(size);
  if (size % 4 !== 0 || size > REMEMBERED_SIZE || size === 0) return make;
  const count = size / 4;
  // Made at the first text: most types are never read. Words of zeros are the empty text.
  let words: Int32Array | undefined;
  let texts: string[] = [];
  return (view, at) => {
    if (words === undefined) {
      words = new Int32Array(count * REMEMBERED);
      texts = new Array<string>(REMEMBERED).fill('');
    }
    let hash = 0;
    for (let i = 0; i < count; i++) {
      hash = Math.imul(hash ^ view.getInt32(at + 4 * i, true), 0x9e3779b1);
      hash ^= hash >>> 15;
    }
    const slot = hash & (REMEMBERED - 1);
    const first = slot * count;
    let i = 0;
    while (i < count && words[first + i] === view.getInt32(at + 4 * i, true)) i++;
    if (i === count) return texts[slot]!;
    for (; i < count; i++) words[first + i] = view.getInt32(at + 4 * i, true);
    const text = make(view, at);
    texts[slot] = text;
    return text;
  };
}

function textMaker(size: number): (view: DataView, at: number) => string {
  return (view, at) => {
    let text = '';
    for (let i = 0; i < size; i++) {
      const c = view.getUint8(at + i);
      if (c === 0) break;
      if (c >= 0x80) {
        const bytes = new Uint8Array(view.buffer, at, size);
        const end = bytes.indexOf(0);
        return utf8Decode(end < 0 ? bytes.slice() : bytes.slice(0, end));
      }
      text += String.fromCharCode(c);
    }
    return text;
  };
}

/**
 * How a field is read: the common kinds are read in one switch (calls through many different closures cost three times as much),
 * the others by their own reader.
 */
const READ = { u8: 0, u16: 1, u32: 2, s32: 3, u64: 4, s64: 5, other: 6 } as const;

/** DataView's methods for the common kinds. */
const PLAIN_READS: readonly (string | undefined)[] = [
  'getUint8',
  'getUint16',
  'getUint32',
  'getInt32',
  'getBigUint64',
  'getBigInt64',
];

/** A named field of the object that a struct becomes. */
interface Slot {
  readonly name: string;
  readonly offset: number;
  readonly how: number;
  /** Type of a plain field; a bitfield has none. */
  readonly type: number | undefined;
  /** Makes the field's reader. */
  readonly read: () => Read;
}

function howOf(btf: Btf, typeId: number): number {
  const type = resolve(btf, typeId);
  if (type.kind === 'ptr') return READ.u64;
  if (type.kind !== 'int' || type.bool) return READ.other;
  if (type.size === 8) return type.signed ? READ.s64 : READ.u64;
  if (type.size === 4) return type.signed ? READ.s32 : READ.u32;
  if (type.signed) return READ.other;
  return type.size === 2 ? READ.u16 : type.size === 1 ? READ.u8 : READ.other;
}

/** Fields in order, those of anonymous members in their place. */
function slotsOf(btf: Btf, struct: Composite, options: DecodeOptions): Slot[] {
  const slots: Slot[] = [];
  const add = (members: readonly BtfMember[], baseBits: number): void => {
    for (const member of members) {
      const bits = baseBits + member.bitOffset;
      if (member.name === '') {
        const inner = resolve(btf, member.type);
        if (inner.kind === 'struct' || inner.kind === 'union') add(inner.members, bits);
      } else if (member.bitSize > 0) {
        const read = (): Read =>
          bitfieldReader(bits % 8, member.bitSize, signedBits(btf, member.type), isBool(btf, member.type));
        slots.push({ name: member.name, offset: Math.floor(bits / 8), how: READ.other, type: undefined, read });
      } else {
        slots.push({
          name: member.name,
          offset: bits / 8,
          how: howOf(btf, member.type),
          type: member.type,
          read: () => readerOf(btf, member.type, options),
        });
      }
    }
  };
  add(struct.members, 0);
  return slots;
}

/** A field of a struct, anonymous members' among them: where it is, and how it is read. */
export interface FieldSlot {
  readonly name: string;
  readonly offset: number;
  /** Type of a plain field; a bitfield has none. */
  readonly type: number | undefined;
  /** DataView's method for a common kind of number. */
  readonly plain: string | undefined;
  read(): FieldReader;
}

/** Fields of a struct or union in order. */
export function fieldsOf(btf: Btf, struct: Composite, options: DecodeOptions = {}): FieldSlot[] {
  return slotsOf(btf, struct, options).map((slot) => ({ ...slot, plain: PLAIN_READS[slot.how] }));
}

function structReader(btf: Btf, struct: Composite, options: DecodeOptions): Read {
  const slots = slotsOf(btf, struct, options).map(({ name, offset, how, read }) => ({
    name,
    offset,
    how,
    read: read(),
  }));
  return (view, at) => {
    const object: { [field: string]: BtfValue } = {};
    for (let i = 0; i < slots.length; i++) {
      const { name, offset, how, read } = slots[i]!;
      const from = at + offset;
      switch (how) {
        case READ.u8:
          object[name] = view.getUint8(from);
          break;
        case READ.u16:
          object[name] = view.getUint16(from, true);
          break;
        case READ.u32:
          object[name] = view.getUint32(from, true);
          break;
        case READ.s32:
          object[name] = view.getInt32(from, true);
          break;
        case READ.u64:
          object[name] = view.getBigUint64(from, true);
          break;
        case READ.s64:
          object[name] = view.getBigInt64(from, true);
          break;
        default:
          object[name] = read(view, from);
      }
    }
    return object;
  };
}

function signedBits(btf: Btf, typeId: number): boolean {
  const type = resolve(btf, typeId);
  return (type.kind === 'int' || type.kind === 'enum' || type.kind === 'enum64') && type.signed;
}

function isBool(btf: Btf, typeId: number): boolean {
  const type = resolve(btf, typeId);
  return type.kind === 'int' && type.bool;
}

/** `width` bits from bit `shift` (0-7) of the byte at `at` on, little-endian. */
function bitfieldReader(shift: number, width: number, signed: boolean, bool: boolean): Read {
  const byteCount = Math.ceil((shift + width) / 8);
  if (byteCount <= 4) {
    const drop = 32 - width;
    return (view, at) => {
      let word = 0;
      for (let i = 0; i < byteCount; i++) word |= view.getUint8(at + i) << (i * 8);
      const top = (word >>> shift) << drop;
      const value = signed ? top >> drop : top >>> drop;
      return bool ? value !== 0 : value;
    };
  }
  return (view, at) => {
    let word = 0n;
    for (let i = byteCount - 1; i >= 0; i--) word = (word << 8n) | BigInt(view.getUint8(at + i));
    const value = signed ? BigInt.asIntN(width, word >> BigInt(shift)) : BigInt.asUintN(width, word >> BigInt(shift));
    return width <= 32 ? Number(value) : value;
  };
}
