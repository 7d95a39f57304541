/**
 * array_of_maps and hash_of_maps (kernel/bpf/map_in_map.c): values are maps. User space stores a file descriptor (the
 * host's `mapByFd` says which map that is) and reads an id back; a slot holds the inner map's kernel address, and a
 * program's lookup gives that address. Every inner map must be like the one the map was made with.
 */
import { KERNEL_HI } from '../base/memory.ts';
import { E2BIG, EBADF, EINVAL, ENOENT } from './errno.ts';
import { checkFdArray } from './fd-array.ts';
import { BPF_F_INNER_MAP, type Refusal } from './flags.ts';
import { checkHash, HashMap } from './hash.ts';
import { HEADER } from './layout.ts';
import type { BpfMap, MapAttrs, MapHost, MapTypeRow } from './map.ts';
import { MapBase } from './map-base.ts';

/** Types that cannot be inner maps: they have no map_meta_equal. */
const NEVER_INNER: readonly string[] = ['prog_array', 'struct_ops', 'cgroup_storage', 'percpu_cgroup_storage', 'arena'];
const NESTS: readonly string[] = ['array_of_maps', 'hash_of_maps'];

/**
 * Is `map` like the model (bpf_map_meta_equal)? Arrays must have the same length unless they were made with
 * BPF_F_INNER_MAP.
 */
function like(model: MapAttrs, map: MapAttrs): boolean {
  return (
    model.type === map.type &&
    model.keySize === map.keySize &&
    model.valueSize === map.valueSize &&
    (model.flags ?? 0) === (map.flags ?? 0) &&
    model.spinLock === map.spinLock &&
    (model.type !== 'array' || ((model.flags ?? 0) & BPF_F_INNER_MAP) !== 0 || model.maxEntries === map.maxEntries)
  );
}

/** Inner maps by header offset, so that a slot leads back to the object. */
class Inners {
  readonly #host: MapHost;
  readonly #model: MapAttrs;
  readonly #byOffset = new Map<number, BpfMap>();

  constructor(host: MapHost, model: MapAttrs) {
    this.#host = host;
    this.#model = model;
  }

  /** Header offset of the map that `fd` names, or a negative errno. */
  take(fd: number): number {
    const map = this.#host.mapByFd?.(fd);
    if (!map) return EBADF;
    if (!like(this.#model, map.attrs)) return EINVAL;
    this.#byOffset.set(map.offset, map);
    return map.offset;
  }

  /** What user space reads for a slot: the id as 4 bytes. */
  show(offset: number): Uint8Array {
    const map = this.#byOffset.get(offset);
    const id = map ? (this.#host.mapId?.(map) ?? 0) : 0;
    return Uint8Array.of(id & 255, (id >>> 8) & 255, (id >>> 16) & 255, id >>> 24);
  }

  map(offset: number): BpfMap | undefined {
    return this.#byOffset.get(offset);
  }
}

export class ArrayOfMaps extends MapBase {
  readonly #inners: Inners;
  readonly #data: number;

  constructor(attrs: MapAttrs, host: MapHost) {
    super(attrs, 12, host, false);
    this.#inners = new Inners(host, attrs.inner!);
    this.#data = this.allocate(attrs.maxEntries * 8);
    this.setHeader(HEADER.ELEM_SIZE, 8);
    this.setHeader(HEADER.DATA, this.#data);
  }

  #index(keyOffset: number): number {
    return this.host.memory.view.getUint32(keyOffset, true);
  }

  #slot(index: number): number {
    return index < this.attrs.maxEntries ? this.host.memory.i32[(this.#data + 8 * index) >>> 2]! >>> 0 : 0;
  }

  #put(index: number, offset: number): void {
    const { i32 } = this.host.memory;
    const at = (this.#data + 8 * index) >>> 2;
    this.setHeader(HEADER.COUNT, this.count + (offset === 0 ? 0 : 1) - (i32[at] === 0 ? 0 : 1));
    i32[at] = offset;
    i32[at + 1] = offset === 0 ? 0 : KERNEL_HI;
  }

  /** Offset of the inner map's header. */
  lookupOffset(keyOffset: number): number {
    return this.#slot(this.#index(keyOffset));
  }

  innerAt(offset: number): BpfMap | undefined {
    return this.#inners.map(offset);
  }

  updateOffset(_keyOffset: number, _valueOffset: number, _flags: number): number {
    return EINVAL;
  }

  protected override updateUserOffset(keyOffset: number, valueOffset: number, flags: number): number {
    if (flags !== 0) return EINVAL;
    const index = this.#index(keyOffset);
    if (index >= this.attrs.maxEntries) return E2BIG;
    const inner = this.#inners.take(this.host.memory.view.getInt32(valueOffset, true));
    if (inner < 0) return inner;
    this.#put(index, inner);
    return 0;
  }

  deleteOffset(keyOffset: number): number {
    const index = this.#index(keyOffset);
    if (index >= this.attrs.maxEntries) return E2BIG;
    if (this.#slot(index) === 0) return ENOENT;
    this.#put(index, 0);
    return 0;
  }

  override lookup(key: Uint8Array): Uint8Array | undefined {
    const inner = this.#slot(this.#index(this.keyIn(key)));
    return inner === 0 ? undefined : this.#inners.show(inner);
  }

  nextKey(key: Uint8Array | undefined): Uint8Array | undefined {
    const index = key === undefined ? 0xffffffff : this.#index(this.keyIn(key));
    if (index === this.attrs.maxEntries - 1) return undefined;
    const next = index >= this.attrs.maxEntries ? 0 : index + 1;
    return Uint8Array.of(next & 255, (next >>> 8) & 255, (next >>> 16) & 255, next >>> 24);
  }
}

export class HashOfMaps extends HashMap {
  readonly #inners: Inners;

  constructor(attrs: MapAttrs, host: MapHost) {
    // In the node the value is an address of 8 bytes.
    super(attrs, 13, host, false, host.cpus);
    this.#inners = new Inners(host, attrs.inner!);
  }

  /** Offset of the inner map's header. */
  override lookupOffset(keyOffset: number): number {
    const at = super.lookupOffset(keyOffset);
    return at === 0 ? 0 : this.host.memory.i32[at >>> 2]! >>> 0;
  }

  innerAt(offset: number): BpfMap | undefined {
    return this.#inners.map(offset);
  }

  override updateOffset(_keyOffset: number, _valueOffset: number, _flags: number): number {
    return EINVAL;
  }

  protected override updateUserOffset(keyOffset: number, valueOffset: number, flags: number): number {
    const inner = this.#inners.take(this.host.memory.view.getInt32(valueOffset, true));
    if (inner < 0) return inner;
    const { i32 } = this.host.memory;
    i32[valueOffset >>> 2] = inner;
    const result = this.store(keyOffset, valueOffset, flags, false);
    if (result === 0) {
      const node = this.find(keyOffset, this.hash(keyOffset));
      i32[(node + this.valueAt + 4) >>> 2] = KERNEL_HI;
    }
    return result;
  }

  override lookup(key: Uint8Array): Uint8Array | undefined {
    const inner = this.lookupOffset(this.keyIn(key));
    return inner === 0 ? undefined : this.#inners.show(inner);
  }

  /** Not for maps of maps. */
  override lookupAndDelete(_key: Uint8Array): undefined {
    return undefined;
  }
}

function checkInner(attrs: MapAttrs): Refusal {
  const inner = attrs.inner;
  if (!inner) return `EBADF: a ${attrs.type} map needs to know what its inner maps are like`;
  if (NESTS.includes(inner.type)) return 'EINVAL: maps of maps do not nest';
  if (NEVER_INNER.includes(inner.type)) return `ENOTSUPP: a ${inner.type} map cannot be an inner map`;
  return undefined;
}

export const ARRAY_OF_MAPS = {
  id: 12,
  name: 'array_of_maps',
  since: '4.12',
  check: (attrs) => checkFdArray(attrs) ?? checkInner(attrs),
  create: (attrs, host) => new ArrayOfMaps(attrs, host),
} as const satisfies MapTypeRow;

export const HASH_OF_MAPS = {
  id: 13,
  name: 'hash_of_maps',
  since: '4.12',
  check: (attrs) =>
    (attrs.valueSize !== 4
      ? `EINVAL: value size of a hash_of_maps map must be 4, not ${attrs.valueSize}`
      : undefined) ??
    checkHash(attrs, false, false) ??
    checkInner(attrs),
  create: (attrs, host) => new HashOfMaps(attrs, host),
} as const satisfies MapTypeRow;
