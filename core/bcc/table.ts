/**
 * Tables: BCC's view of a map. Keys and leaves are plain JavaScript values by their C types (numbers up to 32 bits, bigint
 * for 64, objects for structs); the storage is the backend's.
 */
import type { MapHandle } from '../backend/backend.ts';
import { errnoName } from '../base/errno.ts';
import { BpfError, SysError } from '../base/errors.ts';
import { BPF_ANY } from '../maps/map.ts';
import type { ObjectSpec } from '../spec/spec.ts';
import { type Codec, codecOf } from './values.ts';

export class Table<K = unknown, V = unknown> implements Iterable<[K, V]> {
  readonly map: MapHandle;
  readonly key: Codec;
  readonly leaf: Codec;

  constructor(map: MapHandle, object: ObjectSpec) {
    this.map = map;
    const { spec } = map;
    this.key = codecOf(object.btf, spec.keyType, spec.keySize, `key of table '${spec.name}'`);
    this.leaf = codecOf(object.btf, spec.valueType, spec.valueSize, `leaf of table '${spec.name}'`);
  }

  get name(): string {
    return this.map.spec.name;
  }

  get type(): string {
    return this.map.spec.type;
  }

  get maxEntries(): number {
    return this.map.spec.maxEntries;
  }

  /** The leaf of a key, or undefined. A per-CPU table answers an array with one leaf a CPU. */
  get(key: K): V | undefined {
    const bytes = this.map.lookup(this.key.encode(key));
    return bytes === undefined ? undefined : this.#decodeLeaf(bytes);
  }

  has(key: K): boolean {
    return this.map.lookup(this.key.encode(key)) !== undefined;
  }

  /** Store a leaf. Throws SysError with the kernel's errno (E2BIG for a full table, ...). */
  set(key: K, leaf: V, flags: number = BPF_ANY): void {
    const errno = this.map.update(this.key.encode(key), this.#encodeLeaf(leaf), flags);
    if (errno < 0)
      throw new SysError('bpf(BPF_MAP_UPDATE_ELEM)', errnoName(errno), `could not update table '${this.name}'`);
  }

  /** Delete a key (arrays: zero its leaf). False when it was not there. */
  delete(key: K): boolean {
    const errno = this.isArray
      ? this.map.update(this.key.encode(key), this.#zeroLeaf(), BPF_ANY)
      : this.map.delete(this.key.encode(key));
    if (errno === 0) return true;
    if (errno === -2) return false;
    throw new SysError('bpf(BPF_MAP_DELETE_ELEM)', errnoName(errno), `could not delete from table '${this.name}'`);
  }

  *keys(): IterableIterator<K> {
    for (const bytes of this.#rawKeys()) yield this.key.decode(bytes) as K;
  }

  *values(): IterableIterator<V> {
    for (const [, leaf] of this.entries()) yield leaf;
  }

  *entries(): IterableIterator<[K, V]> {
    for (const bytes of this.#rawKeys()) {
      // Deleted while we walk: BCC's Python skips it too.
      const leaf = this.map.lookup(bytes);
      if (leaf !== undefined) yield [this.key.decode(bytes) as K, this.#decodeLeaf(leaf)];
    }
  }

  [Symbol.iterator](): IterableIterator<[K, V]> {
    return this.entries();
  }

  /** All entries as an array, as BCC's items(). */
  items(): [K, V][] {
    return [...this.entries()];
  }

  /** How many entries there are now (arrays: their size). */
  get size(): number {
    if (this.isArray) return this.maxEntries;
    let n = 0;
    for (const _ of this.#rawKeys()) n++;
    return n;
  }

  /** Delete everything (arrays: zero it). */
  clear(): void {
    for (const bytes of [...this.#rawKeys()]) {
      if (this.isArray) this.map.update(bytes, this.#zeroLeaf(), BPF_ANY);
      else this.map.delete(bytes);
    }
  }

  /** Set every leaf to zero, keeping the keys. */
  zero(): void {
    for (const bytes of [...this.#rawKeys()]) this.map.update(bytes, this.#zeroLeaf(), BPF_ANY);
  }

  get isArray(): boolean {
    return this.type === 'array' || this.type === 'percpu_array';
  }

  get isPerCpu(): boolean {
    return this.type.includes('percpu');
  }

  *#rawKeys(): IterableIterator<Uint8Array> {
    // The key that follows is asked for before the caller sees this one, so that deleting it does not start the walk anew.
    let key = this.map.nextKey(undefined);
    while (key !== undefined) {
      const following = this.map.nextKey(key);
      yield key;
      key = following;
    }
  }

  #stride(): number {
    return Math.ceil(this.map.spec.valueSize / 8) * 8;
  }

  #decodeLeaf(bytes: Uint8Array): V {
    if (!this.isPerCpu) return this.leaf.decode(bytes) as V;
    const stride = this.#stride();
    return Array.from({ length: this.map.cpus }, (_, cpu) =>
      this.leaf.decode(bytes.subarray(cpu * stride, cpu * stride + this.map.spec.valueSize)),
    ) as V;
  }

  #encodeLeaf(leaf: V): Uint8Array {
    if (!this.isPerCpu) return this.leaf.encode(leaf);
    const { cpus } = this.map;
    if (!Array.isArray(leaf) || leaf.length !== cpus) {
      throw new BpfError(
        'BAD_VALUE',
        `leaf of per-CPU table '${this.name}' must be an array of ${cpus} values, one a CPU`,
      );
    }
    const stride = this.#stride();
    const bytes = new Uint8Array(stride * cpus);
    for (let cpu = 0; cpu < cpus; cpu++) bytes.set(this.leaf.encode(leaf[cpu]), cpu * stride);
    return bytes;
  }

  #zeroLeaf(): Uint8Array {
    return new Uint8Array(this.isPerCpu ? this.#stride() * this.map.cpus : this.map.spec.valueSize);
  }
}
