/**
 * Tables: BCC's view of a map. Keys and leaves are plain JavaScript values by their C types (numbers up to 32 bits, bigint
 * for 64, objects for structs); the storage is the backend's.
 */
import type { Backend, MapHandle } from '../backend/backend.ts';
import { errnoName } from '../base/errno.ts';
import { BpfError, SysError, Unsupported } from '../base/errors.ts';
import { resolve } from '../btf/layout.ts';
import { BPF_ANY } from '../maps/map.ts';
import type { ObjectSpec } from '../spec/spec.ts';
import { codecOfText } from './ctype.ts';
import {
  type EventBuffers,
  eventCodec,
  PERF_BUFFER_OPTIONS,
  type PerfBufferOptions,
  type PerfCallback,
  padded,
  type RingCallback,
} from './events.ts';
import { type HistArguments, jsonLines, linearLines, log2Lines } from './hist.ts';
import { type Named, named } from './options.ts';
import { currentSession } from './session.ts';
import { type BuildIdFrame, stackFrames } from './stack.ts';
import { numberText, parseValueText, valueText } from './value-text.ts';
import { type Codec, codecOf } from './values.ts';

/** What a table asks of the program it belongs to. */
export interface TableHost {
  readonly backend: Backend;
  readonly buffers: EventBuffers;
}

export interface TableOptions<V = unknown> {
  /** Per-CPU tables: what becomes of the CPUs' values in a lookup; without it a lookup answers all of them. */
  reducer?: (left: V, right: V) => V;
}

/** How keys and leaves are read, where not as the program declares them. */
export interface TableView<V> extends TableOptions<V> {
  readonly key?: Codec | undefined;
  readonly leaf?: Codec | undefined;
  readonly reducer?: ((left: V, right: V) => V) | undefined;
}

export class Table<K = unknown, V = unknown> implements Iterable<[K, V]> {
  readonly map: MapHandle;
  readonly key: Codec;
  readonly leaf: Codec;
  readonly #object: ObjectSpec;
  readonly #host: TableHost | undefined;
  // The record that a callback has now, and the array of many that it lies in.
  #batch: Uint8Array | undefined;
  #batchBuffer: ArrayBufferLike | undefined;
  #lastRecord: Uint8Array | undefined;
  #recordAt = 0;
  readonly #reducer: ((left: V, right: V) => V) | undefined;
  #event: Codec | undefined;

  constructor(map: MapHandle, object: ObjectSpec, host?: TableHost, view: TableView<V> = {}) {
    this.map = map;
    this.#object = object;
    this.#host = host;
    const { spec } = map;
    this.#reducer = view.reducer;
    this.key = view.key ?? codecOf(object.btf, spec.keyType, spec.keySize, `key of table '${spec.name}'`);
    this.leaf = view.leaf ?? codecOf(object.btf, spec.valueType, spec.valueSize, `leaf of table '${spec.name}'`);
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
    const leaf = this.getvalue(key);
    if (leaf === undefined || !this.#reducer || !this.isPerCpu) return leaf;
    return (leaf as V[]).reduce(this.#reducer);
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

  /** The keys. */
  *keys(): IterableIterator<K> {
    for (const bytes of this.#rawKeys()) yield this.key.decode(bytes) as K;
  }

  /** The leaves. */
  *values(): IterableIterator<V> {
    for (const [, leaf] of this.entries()) yield leaf;
  }

  *entries(): IterableIterator<[K, V]> {
    const all = this.map.snapshot?.();
    if (all) {
      for (const [key, leaf] of all) yield [this.key.decode(key) as K, this.#decodeLeaf(leaf)];
      return;
    }
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

  /** Python 2's names of items() and values(): walked one by one. */
  iteritems(): IterableIterator<[K, V]> {
    return this.entries();
  }

  /** The leaves, one by one. */
  itervalues(): IterableIterator<V> {
    return this.values();
  }

  /** The key that follows (the first one after undefined); undefined at the end. */
  next(key?: K): K | undefined {
    const bytes = this.map.nextKey(key === undefined ? undefined : this.key.encode(key));
    return bytes && (this.key.decode(bytes) as K);
  }

  // ---- keys and leaves as values of their C types --------------------------------------------------------------------

  /** A key as the table stores it: what was given, checked against the C type, or zero. */
  Key(value?: unknown): K {
    return instance(this.key, value) as K;
  }

  /** A leaf likewise (of one CPU, for per-CPU tables). */
  Leaf(value?: unknown): V {
    return instance(this.leaf, value) as V;
  }

  /** A key as text: '0x2', '{ 0x1 "name" }'. */
  keySprintf(key: K): string {
    return textOf(this.key, key);
  }

  /** A leaf as text. */
  leafSprintf(leaf: V): string {
    return textOf(this.leaf, leaf);
  }

  /** The key that such a text means. Throws BpfError BAD_VALUE with the place where it goes wrong. */
  keyScanf(text: string): K {
    return scanned(this.key, text) as K;
  }

  /** The leaf that such a text means. */
  leafScanf(text: string): V {
    return scanned(this.leaf, text) as V;
  }

  /** How many entries there are now (arrays: their size). */
  get size(): number {
    if (this.isArray) return this.maxEntries;
    const all = this.map.snapshot?.();
    if (all) return all.length;
    let n = 0;
    for (const _ of this.#rawKeys()) n++;
    return n;
  }

  /** Delete everything (arrays: zero it). */
  clear(): void {
    if (!this.isArray && this.map.snapshot?.(true)) return;
    for (const bytes of [...this.#rawKeys()]) {
      if (this.isArray) this.map.update(bytes, this.#zeroLeaf(), BPF_ANY);
      else this.map.delete(bytes);
    }
  }

  /** Set every leaf to zero, keeping the keys. */
  zero(): void {
    for (const bytes of [...this.#rawKeys()]) this.map.update(bytes, this.#zeroLeaf(), BPF_ANY);
  }

  // ---- several at once -----------------------------------------------------------------------------------------------

  /** All entries, read in one sweep: BCC's generator, an array here. */
  itemsLookupBatch(): [K, V][] {
    return this.items();
  }

  /** All entries, each deleted as it is read. Throws for tables whose entries cannot be deleted. */
  itemsLookupAndDeleteBatch(): [K, V][] {
    this.#deletable('itemsLookupAndDeleteBatch');
    const all = this.map.snapshot?.(true);
    if (all) return all.map(([key, leaf]) => [this.key.decode(key) as K, this.#decodeLeaf(leaf)]);
    const out: [K, V][] = [];
    for (const bytes of [...this.#rawKeys()]) {
      const leaf = this.map.lookupAndDelete(bytes);
      if (leaf !== undefined) out.push([this.key.decode(bytes) as K, this.#decodeLeaf(leaf)]);
    }
    return out;
  }

  /** Delete these keys, or everything. As the kernel's batch, it stops at the first key that is not there: SysError ENOENT. */
  itemsDeleteBatch(keys?: Iterable<K>): void {
    this.#deletable('itemsDeleteBatch');
    if (keys === undefined) {
      this.clear();
      return;
    }
    for (const key of keys) {
      const errno = this.map.delete(this.key.encode(key));
      if (errno < 0)
        throw new SysError('bpf(BPF_MAP_DELETE_BATCH)', errnoName(errno), `could not delete from table '${this.name}'`);
    }
  }

  /** Store leaves under keys, pair by pair: as many leaves as keys, from one to the table's size. */
  itemsUpdateBatch(keys: readonly K[], leaves: readonly V[]): void {
    if (keys.length !== leaves.length)
      throw new BpfError('EINVAL', `itemsUpdateBatch: ${keys.length} keys and ${leaves.length} leaves`);
    if (keys.length < 1 || keys.length > this.maxEntries)
      throw new BpfError(
        'EINVAL',
        `itemsUpdateBatch: ${keys.length} keys; table '${this.name}' takes 1 to ${this.maxEntries}`,
      );
    for (const [i, key] of keys.entries()) this.set(key, leaves[i]!);
  }

  /** Take one entry out. Undefined when there is none. */
  popitem(): [K, V] | undefined {
    const bytes = this.map.nextKey(undefined);
    if (bytes === undefined) return undefined;
    const leaf = this.map.lookup(bytes);
    if (leaf === undefined) return undefined;
    const entry: [K, V] = [this.key.decode(bytes) as K, this.#decodeLeaf(leaf)];
    this.delete(entry[0]);
    return entry;
  }

  #deletable(method: string): void {
    if (this.isArray || this.type === 'queue' || this.type === 'stack')
      throw new Unsupported(`${method} of table '${this.name}'`, {
        hint: `entries of ${this.type} tables cannot be deleted`,
      });
  }

  // ---- the CPUs together ---------------------------------------------------------------------------------------------

  /** The leaves of a key, one a CPU. Undefined when there is none. */
  getvalue(key: K): V | undefined {
    const bytes = this.map.lookup(this.key.encode(key));
    return bytes === undefined ? undefined : this.#decodeLeaf(bytes);
  }

  /** Sum over the CPUs. Throws for tables that are not per-CPU, and for leaves that are no integers. */
  sum(key: K): bigint {
    return this.#perCpu('sum', key).reduce((sum, part) => sum + part, 0n);
  }

  /** Largest over the CPUs. */
  max(key: K): bigint {
    return this.#perCpu('max', key).reduce((most, part) => (part > most ? part : most));
  }

  /** Mean over the CPUs. */
  average(key: K): number {
    const parts = this.#perCpu('average', key);
    return Number(parts.reduce((sum, part) => sum + part, 0n)) / parts.length;
  }

  #perCpu(method: string, key: K): bigint[] {
    if (!this.isPerCpu) throw new BpfError('EINVAL', `${method}: table '${this.name}' is not per-CPU`);
    const leaves = this.getvalue(key);
    if (leaves === undefined) throw new BpfError('ENOENT', `${method}: table '${this.name}' has no such key`);
    return (leaves as unknown[]).map((leaf) => {
      if (typeof leaf === 'bigint') return leaf;
      if (typeof leaf === 'number' && Number.isInteger(leaf)) return BigInt(leaf);
      throw new BpfError('BAD_VALUE', `${method}: leaves of table '${this.name}' are no integers`);
    });
  }

  // ---- queues and stacks ---------------------------------------------------------------------------------------------

  /** Put a leaf in. Throws SysError E2BIG when it is full, unless `flags` is BPF_EXIST (then the oldest goes). */
  push(leaf: V, flags: number = BPF_ANY): void {
    this.#queue('push');
    const errno = this.map.update(new Uint8Array(0), this.leaf.encode(leaf), flags);
    if (errno < 0)
      throw new SysError('bpf(BPF_MAP_UPDATE_ELEM)', errnoName(errno), `could not push to table '${this.name}'`);
  }

  /** Take the next leaf out; undefined when it is empty. */
  pop(): V | undefined {
    this.#queue('pop');
    const bytes = this.map.lookupAndDelete(new Uint8Array(0));
    return bytes === undefined ? undefined : (this.leaf.decode(bytes) as V);
  }

  /** The next leaf, left in place; undefined when it is empty. */
  peek(): V | undefined {
    this.#queue('peek');
    const bytes = this.map.lookup(new Uint8Array(0));
    return bytes === undefined ? undefined : (this.leaf.decode(bytes) as V);
  }

  /** Take everything out, in turn. */
  *drain(): IterableIterator<V> {
    for (let leaf = this.pop(); leaf !== undefined; leaf = this.pop()) yield leaf;
  }

  #queue(method: string): void {
    if (this.type === 'queue' || this.type === 'stack') return;
    throw new Unsupported(`${method} of table '${this.name}', a ${this.type}`, {
      hint: 'BPF_QUEUE and BPF_STACK tables have it',
    });
  }

  // ---- stacks of functions -------------------------------------------------------------------------------------------

  /**
   * The addresses of a stack, innermost first, or what `resolve` makes of each. Throws ENOENT for an id that is not there. BPF.ksym and
   * BPF.sym make names. Of a table by build ids, frames come in their place.
   */
  *walk<T = bigint>(stackId: number, resolve?: (address: bigint & BuildIdFrame) => T): IterableIterator<T> {
    if (this.type !== 'stack_trace')
      throw new Unsupported(`walk of table '${this.name}', a ${this.type}`, {
        hint: 'BPF_STACK_TRACE tables have stacks',
      });
    const bytes = this.map.lookup(this.key.encode(stackId));
    if (bytes === undefined) throw new BpfError('ENOENT', `table '${this.name}' has no stack ${stackId}`);
    for (const frame of stackFrames(bytes, this.map.spec.flags))
      yield resolve ? resolve(frame as bigint & BuildIdFrame) : (frame as unknown as T);
  }

  // ---- events --------------------------------------------------------------------------------------------------------

  /** Read the perf buffer: `callback(cpu, data, size)` at each poll, for each record. BCC's defaults. */
  openPerfBuffer(callback: PerfCallback, options: Named<PerfBufferOptions> = {}): void {
    const given = named<PerfBufferOptions>('openPerfBuffer', options, PERF_BUFFER_OPTIONS);
    this.#only('openPerfBuffer', 'perf_event_array');
    const { buffers } = this.#of('openPerfBuffer');
    buffers.open(this.map, (cpu, bytes, at, size) => callback(cpu, this.#record(bytes, at, size), size), given);
  }

  /** Read the ring buffer: `callback(ctx, data, size)` at each poll, for each record. */
  openRingBuffer(callback: RingCallback, ctx?: unknown): void {
    this.#only('openRingBuffer', 'ringbuf');
    const { buffers } = this.#of('openRingBuffer');
    buffers.open(this.map, (_cpu, bytes, at, size) => callback(ctx, this.#record(bytes, at, size), size), {});
  }

  /** The array of one record, which callbacks get. What it is part of is kept: event() reads it from there. */
  #record(bytes: Uint8Array, at: number, size: number): Uint8Array {
    if (bytes !== this.#batch) {
      this.#batch = bytes;
      this.#batchBuffer = bytes.buffer;
    }
    const record = new Uint8Array(this.#batchBuffer!, bytes.byteOffset + at, size);
    this.#recordAt = at;
    this.#lastRecord = record;
    return record;
  }

  /**
   * A counter of perf_event_open(2) in each CPU's slot of a BPF_PERF_ARRAY, for the program's perf_read: `type` is PerfType, `config` its event;
   * of one process, or of all (-1). Closed with the table's program, or by deleting the key.
   */
  openPerfEvent(type: number, config: number | bigint, pid = -1): void {
    this.#only('openPerfEvent', 'perf_event_array');
    const { backend } = this.#of('openPerfEvent');
    if (!backend.openPerfCounter)
      throw new Unsupported('counters of perf events', { backend: backend.name, hint: 'the linux backend has them' });
    for (let cpu = 0; cpu < Math.min(backend.cpus, this.maxEntries); cpu++)
      this.#of('openPerfEvent').buffers.keep(backend.openPerfCounter(this.map, { type, config, pid, cpu }));
  }

  /** A record's bytes as the C type that the program sent them from; what a shorter record does not have is zero. */
  event<E = Record<string, unknown>>(data: Uint8Array): E {
    this.#event ??= eventCodec(this.map, this.#object);
    const codec = this.#event;
    // The record of the running callback: its neighbours' array has been looked at already, its own would be looked at for the first time.
    if (data === this.#lastRecord && data.length >= codec.size) return codec.decode(this.#batch!, this.#recordAt) as E;
    return codec.decode(this.#whole(data, codec.size)) as E;
  }

  /** The running callback's record may be shorter than its type; anybody else's bytes may not. */
  #whole(data: Uint8Array, size: number): Uint8Array {
    return data === this.#lastRecord ? padded(data, size) : data;
  }

  /** The same for a record that is `size` bytes at `at` of an array with many. */
  eventAt<E = Record<string, unknown>>(bytes: Uint8Array, at: number, size: number): E {
    this.#event ??= eventCodec(this.map, this.#object);
    const codec = this.#event;
    if (size >= codec.size) return codec.decode(bytes, at) as E;
    return codec.decode(padded(bytes.subarray(at, at + size), codec.size)) as E;
  }

  /**
   * The same read lazily: each field is decoded when it is looked at, so a callback that reads two fields and drops the record pays for two. Good
   * as long as `data` is, which is for the callback; `snapshot(view)` makes the plain object of it.
   */
  eventView<E = Record<string, unknown>>(data: Uint8Array): E {
    this.#event ??= eventCodec(this.map, this.#object);
    return this.#event.view!(this.#whole(data, this.#event.size)) as E;
  }

  /** Records as another C type, written in C: `struct { u64 pid; char name[16]; }`. */
  eventAs<E = Record<string, unknown>>(ctype: string): (data: Uint8Array) => E {
    const { backend } = this.#of('eventAs');
    const codec = codecOfText(ctype, 0, `event of table '${this.name}'`, backend);
    return (data) => codec.decode(this.#whole(data, codec.size).subarray(0, codec.size)) as E;
  }

  /** Samples that found no room in this table's buffer so far. */
  get lost(): number {
    return this.#host?.buffers.lost(this.name) ?? 0;
  }

  #only(method: string, type: string): void {
    if (this.type !== type)
      throw new Unsupported(`${method} of table '${this.name}', a ${this.type}`, { hint: `${type} tables have it` });
  }

  #of(method: string): TableHost {
    if (this.#host) return this.#host;
    throw new BpfError('EINVAL', `${method}: table '${this.name}' belongs to no BPF object`);
  }

  // ---- histograms ----------------------------------------------------------------------------------------------------

  /** A struct as key: histograms then have a section for each of its first field. */
  get keyIsStruct(): boolean {
    const { btf } = this.#object;
    const { keyType } = this.map.spec;
    return btf !== undefined && keyType !== 0 && resolve(btf, keyType).kind === 'struct';
  }

  /** Print as a power-of-two histogram, to the character as BCC does: `('usecs')`, `('usecs', 'disk')` or named options. */
  printLog2Hist(...args: HistArguments): void {
    for (const line of log2Lines(this, args)) currentSession().print(line);
  }

  /** Print as a linear histogram. */
  printLinearHist(...args: HistArguments): void {
    for (const line of linearLines(this, args)) currentSession().print(line);
  }

  /** Print a power-of-two histogram as BCC's JSON, which is the text of a Python dict. */
  printJsonHist(...args: HistArguments): void {
    for (const line of jsonLines(this, args)) currentSession().print(line);
  }

  // ---- the rest ------------------------------------------------------------------------------------------------------

  /** Number that stands for the table in values of maps of maps. */
  getFd(): number {
    const { fd } = this.map;
    if (fd === undefined) throw new Unsupported(`the number of table '${this.name}'`);
    return fd;
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
    const fd = this.leaf.size === 4 ? numberOf(leaf) : undefined;
    if (fd !== undefined) return this.leaf.encode(fd);
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

function instance(codec: Codec, value: unknown): unknown {
  return codec.decode(value === undefined ? new Uint8Array(codec.size) : codec.encode(value));
}

function textOf(codec: Codec, value: unknown): string {
  // Encoding first: the same checks and the same errors as when it is stored.
  const plain = instance(codec, value);
  return codec.type ? valueText(codec.type.btf, codec.type.id, plain) : numberText(plain, codec.size);
}

function scanned(codec: Codec, text: string): unknown {
  return instance(codec, parseValueText(codec.type?.btf, codec.type?.id ?? 0, text));
}

/** Number of a loaded function or of a table: what prog arrays and maps of maps hold. */
function numberOf(leaf: unknown): number | undefined {
  if (leaf instanceof Table) return leaf.map.fd;
  const { handle } = (leaf ?? {}) as { readonly handle?: { readonly fd?: number } };
  return handle?.fd;
}
