/**
 * Kernel objects in the linear memory, laid out by BTF: `allocate('sock')`, then `set('sock', at, '__sk_common.skc_family', 2)`.
 * A program that follows kernel pointers reads these bytes, exactly as it would read a real kernel's.
 *
 * A path names a field through members, anonymous structs and unions and array elements: 'cred.uid.val', 'numbers[0].nr',
 * 'inet_conn.icsk_inet.sk'. Offsets are found once and kept.
 *
 * Kernels differ by version and configuration: writing a field that this BTF lacks is skipped and remembered in
 * `missing` (a test holds that list empty for the BTF that ships); asking for one with `field` throws.
 */
import { BpfError, nearestNames } from '../base/errors.ts';
import { KERNEL_HI, type LinearMemory } from '../base/memory.ts';
import type { Btf, BtfOf, BtfType } from '../btf/btf.ts';

/** Where a field is: `offset` and `size` in bytes; for a bitfield `bitSize` > 0 and `bitShift` counts from the lowest bit at `offset`. */
export interface FieldPlace {
  readonly offset: number;
  readonly size: number;
  readonly bitShift: number;
  readonly bitSize: number;
  readonly type: number;
}

type Composite = BtfOf<'struct' | 'union'>;

const POINTER_SIZE = 8;

export class KernelObjects {
  readonly memory: LinearMemory;
  readonly btf: Btf;
  /** `struct.path` of every field that was written but that this BTF does not have. */
  readonly missing = new Set<string>();
  /** Told of every object that goes, before its memory is anybody else's. */
  onFree: ((offset: number) => void) | undefined;
  #structs = new Map<string, Composite | undefined>();
  /** Places by struct, then path: two lookups are cheaper than making one key. */
  #places = new Map<string, Map<string, FieldPlace | undefined>>();

  constructor(memory: LinearMemory, btf: Btf) {
    this.memory = memory;
    this.btf = btf;
  }

  /** Is there a full definition of this struct or union? */
  has(struct: string): boolean {
    return this.#struct(struct) !== undefined;
  }

  /** Size in bytes; throws BpfError ENOENT with the nearest names. */
  sizeOf(struct: string): number {
    const type = this.#struct(struct);
    if (type) return type.size;
    const near = nearestNames(struct, this.btf.names('struct'));
    throw new BpfError(
      'ENOENT',
      `the kernel's BTF has no struct ${struct}${near.length > 0 ? `; nearest: ${near.join(', ')}` : ''}`,
    );
  }

  /** A zeroed object, aligned as the kernel's caches align (64 bytes for large ones). A struct that the BTF lacks gets `fallbackSize` bytes. */
  allocate(struct: string, fallbackSize?: number): number {
    const size = this.#allocationSize(struct, fallbackSize);
    return this.memory.alloc(size, size >= 256 ? 64 : 8);
  }

  free(struct: string, offset: number, fallbackSize?: number): void {
    this.onFree?.(offset);
    this.memory.free(offset, this.#allocationSize(struct, fallbackSize));
  }

  /** Place of a field; throws BpfError ENOENT when the BTF does not have it. */
  field(struct: string, path: string): FieldPlace {
    const place = this.find(struct, path);
    if (place) return place;
    this.sizeOf(struct);
    throw new BpfError('ENOENT', `struct ${struct} has no field ${path} in the kernel's BTF`);
  }

  /** Place of a field, or undefined when the BTF does not have it. */
  find(struct: string, path: string): FieldPlace | undefined {
    let places = this.#places.get(struct);
    if (!places) this.#places.set(struct, (places = new Map()));
    const known = places.get(path);
    if (known !== undefined || places.has(path)) return known;
    const type = this.#struct(struct);
    const place = type && this.#resolve(type, path);
    places.set(path, place);
    return place;
  }

  /** Write a number (wraps to the field's width) into an integer, enum, pointer or bitfield. */
  set(struct: string, offset: number, path: string, value: number | bigint): void {
    const place = this.#placeToWrite(struct, path);
    if (!place) return;
    const view = this.memory.view;
    const at = offset + place.offset;
    if (place.bitSize > 0) {
      const mask = (1n << BigInt(place.bitSize)) - 1n;
      const shift = BigInt(place.bitShift);
      const word = readUnsigned(view, at, place.size);
      writeUnsigned(view, at, place.size, (word & ~(mask << shift)) | ((BigInt(value) & mask) << shift));
      return;
    }
    if (typeof value === 'number' && place.size <= 4) {
      if (place.size === 4) view.setInt32(at, value | 0, true);
      else if (place.size === 2) view.setInt16(at, value, true);
      else if (place.size === 1) view.setInt8(at, value);
      else writeUnsigned(view, at, place.size, BigInt(value));
    } else {
      writeUnsigned(view, at, Math.min(place.size, 8), BigInt(value));
    }
  }

  /** Write a pointer to the object at `target` (an offset); 0 is NULL. */
  point(struct: string, offset: number, path: string, target: number): void {
    const place = this.#placeToWrite(struct, path);
    if (!place) return;
    const view = this.memory.view;
    view.setInt32(offset + place.offset, target, true);
    view.setInt32(offset + place.offset + 4, target === 0 ? 0 : KERNEL_HI, true);
  }

  /** Write bytes into an array or struct field; too many are cut off, too few leave the rest as zero. */
  bytes(struct: string, offset: number, path: string, value: Uint8Array): void {
    const place = this.#placeToWrite(struct, path);
    if (!place) return;
    const u8 = this.memory.u8;
    const at = offset + place.offset;
    const n = Math.min(value.length, place.size);
    u8.set(value.subarray(0, n), at);
    u8.fill(0, at + n, at + place.size);
  }

  /** Read a field as an unsigned number (a pointer's 64 bits too). Throws when the BTF does not have it. */
  get(struct: string, offset: number, path: string): bigint {
    const place = this.field(struct, path);
    const word = readUnsigned(this.memory.view, offset + place.offset, Math.min(place.size, 8));
    return place.bitSize > 0 ? (word >> BigInt(place.bitShift)) & ((1n << BigInt(place.bitSize)) - 1n) : word;
  }

  /** Read the bytes of a field. */
  getBytes(struct: string, offset: number, path: string): Uint8Array {
    const place = this.field(struct, path);
    return this.memory.u8.slice(offset + place.offset, offset + place.offset + place.size);
  }

  /** Offset of the object inside which `path` of `struct` lies at `offset`: the kernel's container_of. */
  inside(struct: string, offset: number, path: string): number {
    return offset + this.field(struct, path).offset;
  }

  #allocationSize(struct: string, fallbackSize: number | undefined): number {
    const type = this.#struct(struct);
    return type ? type.size + this.#flexible(type) : (fallbackSize ?? this.sizeOf(struct));
  }

  /** Bytes of one element of a flexible array at the struct's end (`struct pid` has a number for each level of namespaces). */
  #flexible(type: Composite): number {
    const last = type.members.at(-1);
    const array = last && this.#strip(last.type);
    return array?.kind === 'array' && array.count === 0 ? this.#size(this.#strip(array.type)) : 0;
  }

  #placeToWrite(struct: string, path: string): FieldPlace | undefined {
    const place = this.find(struct, path);
    if (!place) this.missing.add(`${struct}.${path}`);
    return place;
  }

  #struct(name: string): Composite | undefined {
    if (this.#structs.has(name)) return this.#structs.get(name);
    let found: Composite | undefined;
    for (const kind of ['struct', 'union'] as const) {
      const id = this.btf.find(name, kind);
      const type = id === undefined ? undefined : this.btf.type(id);
      if (type && (type.kind === 'struct' || type.kind === 'union')) {
        found = type;
        break;
      }
    }
    this.#structs.set(name, found);
    return found;
  }

  #resolve(start: Composite, path: string): FieldPlace | undefined {
    let type: BtfType = start;
    let bits = 0;
    let bitSize = 0;
    for (const step of path.split('.')) {
      const name = step.replace(/\[.*$/, '');
      if (type.kind !== 'struct' && type.kind !== 'union') return undefined;
      const hit = this.#member(type, name);
      if (!hit) return undefined;
      bits += hit.bits;
      bitSize = hit.bitSize;
      type = this.#strip(hit.type);
      for (const [, index] of step.matchAll(/\[(\d+)\]/g)) {
        if (type.kind !== 'array') return undefined;
        const element = this.#strip(type.type);
        bits += Number(index) * this.#size(element) * 8;
        type = element;
      }
    }
    const size = this.#size(type);
    if (bitSize === 0) return { offset: bits / 8, size, bitShift: 0, bitSize: 0, type: type.id };
    // Read a bitfield through the naturally aligned word of its declared type.
    const word = size * 8;
    const base = Math.floor(bits / word) * word;
    return { offset: base / 8, size, bitShift: bits - base, bitSize, type: type.id };
  }

  /** A member by name, looking into anonymous structs and unions. */
  #member(type: Composite, name: string): { bits: number; bitSize: number; type: number } | undefined {
    for (const m of type.members) {
      if (m.name === name) return { bits: m.bitOffset, bitSize: m.bitSize, type: m.type };
      if (m.name !== '') continue;
      const inner = this.#strip(m.type);
      if (inner.kind !== 'struct' && inner.kind !== 'union') continue;
      const hit = this.#member(inner, name);
      if (hit) return { ...hit, bits: hit.bits + m.bitOffset };
    }
    return undefined;
  }

  #strip(id: number): BtfType {
    let type = this.btf.type(id);
    while (
      type.kind === 'typedef' ||
      type.kind === 'const' ||
      type.kind === 'volatile' ||
      type.kind === 'restrict' ||
      type.kind === 'type_tag'
    ) {
      type = this.btf.type(type.type);
    }
    return type;
  }

  #size(type: BtfType): number {
    switch (type.kind) {
      case 'ptr':
        return POINTER_SIZE;
      case 'array':
        return type.count * this.#size(this.#strip(type.type));
      case 'int':
      case 'enum':
      case 'enum64':
      case 'float':
      case 'struct':
      case 'union':
        return type.size;
      default:
        return 0;
    }
  }
}

function readUnsigned(view: DataView, at: number, size: number): bigint {
  if (size === 8) return view.getBigUint64(at, true);
  if (size === 4) return BigInt(view.getUint32(at, true));
  if (size === 2) return BigInt(view.getUint16(at, true));
  let value = 0n;
  for (let i = size - 1; i >= 0; i--) value = (value << 8n) | BigInt(view.getUint8(at + i));
  return value;
}

function writeUnsigned(view: DataView, at: number, size: number, value: bigint): void {
  if (size === 8) view.setBigInt64(at, BigInt.asIntN(64, value), true);
  else for (let i = 0; i < size; i++) view.setUint8(at + i, Number((value >> BigInt(8 * i)) & 255n));
}
