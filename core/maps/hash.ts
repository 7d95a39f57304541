/**
 * hash and percpu_hash (kernel/bpf/hashtab.c): buckets and nodes as layout.ts says. By default all nodes exist from the
 * start; with BPF_F_NO_PREALLOC they come in slabs as they are needed.
 *
 * What a program may hold a pointer to is never rewritten under it sooner than the kernel would: updating an existing
 * key of a hash takes another node (the kernel keeps a spare per CPU for that) and links it at the bucket's head; free
 * nodes are reused oldest first.
 */
import { alignUp } from '../base/bytes.ts';
import { copyBytes, zeroBytes } from './copy.ts';
import { E2BIG, EEXIST, ENOENT } from './errno.ts';
import {
  ACCESS_MASK,
  BPF_F_NO_COMMON_LRU,
  BPF_F_NO_PREALLOC,
  BPF_F_NUMA_NODE,
  BPF_F_ZERO_SEED,
  checkFlags,
  checkSizes,
  KMALLOC_MAX,
  PERCPU_MAX,
  type Refusal,
} from './flags.ts';
import { hashKey, sameKey } from './hash-key.ts';
import { HEADER, NODE, NODE_FREE, NODE_USED } from './layout.ts';
import { BPF_EXIST, BPF_F_LOCK, BPF_NOEXIST, type MapAttrs, type MapHost, type MapTypeRow } from './map.ts';
import { MapBase } from './map-base.ts';

/** Bytes that NO_PREALLOC maps take at a time, about. */
const SLAB_BYTES = 16384;

export class HashMap extends MapBase {
  readonly nodeSize: number;
  readonly valueAt: number;
  readonly buckets: number;
  readonly bucketMask: number;
  readonly seed: number;
  /** Nodes that exist beside max_entries: spares for updates of existing keys. */
  readonly spares: number;
  #nodesMade = 0;

  constructor(attrs: MapAttrs, typeId: number, host: MapHost, perCpu: boolean, spares: number) {
    super(attrs, typeId, host, perCpu);
    this.valueAt = NODE.KEY + alignUp(attrs.keySize, 8);
    this.nodeSize = this.valueAt + (perCpu ? this.userValueSize : alignUp(attrs.valueSize, 8));
    this.spares = spares;
    let bucketCount = 1;
    while (bucketCount < attrs.maxEntries) bucketCount *= 2;
    this.buckets = this.allocate(bucketCount * 4);
    this.bucketMask = bucketCount - 1;
    this.seed = (this.flags & BPF_F_ZERO_SEED) !== 0 ? 0 : host.random() | 0;
    this.setHeader(HEADER.ELEM_SIZE, this.nodeSize);
    this.setHeader(HEADER.BUCKETS, this.buckets);
    this.setHeader(HEADER.BUCKET_MASK, this.bucketMask);
    this.setHeader(HEADER.SEED, this.seed);
    this.setHeader(HEADER.KEY_AT, NODE.KEY);
    this.setHeader(HEADER.VALUE_AT, this.valueAt);
    if ((this.flags & BPF_F_NO_PREALLOC) === 0) this.#addNodes(attrs.maxEntries + spares);
  }

  #addNodes(count: number): void {
    const at = this.allocate(count * this.nodeSize);
    if (this.#nodesMade === 0) this.setHeader(HEADER.DATA, at);
    this.#nodesMade += count;
    this.setHeader(HEADER.FRESH, at);
    this.setHeader(HEADER.FRESH_END, at + count * this.nodeSize);
  }

  /** A node to use, or 0 when all are taken. Those never used first, then the one that has been free longest. */
  protected takeNode(): number {
    const fresh = this.header(HEADER.FRESH);
    if (fresh !== this.header(HEADER.FRESH_END)) {
      this.setHeader(HEADER.FRESH, fresh + this.nodeSize);
      return fresh;
    }
    const free = this.header(HEADER.FREE_HEAD);
    if (free !== 0) {
      const next = this.host.memory.i32[(free + NODE.LINK) >>> 2]! >>> 0;
      this.setHeader(HEADER.FREE_HEAD, next);
      if (next === 0) this.setHeader(HEADER.FREE_TAIL, 0);
      return free;
    }
    const left = this.attrs.maxEntries + this.spares - this.#nodesMade;
    if ((this.flags & BPF_F_NO_PREALLOC) === 0 || left <= 0) return 0;
    this.#addNodes(Math.min(left, Math.max(1, Math.floor(SLAB_BYTES / this.nodeSize))));
    return this.takeNode();
  }

  protected giveNode(node: number): void {
    const i32 = this.host.memory.i32;
    i32[(node + NODE.STATE) >>> 2] = NODE_FREE;
    i32[(node + NODE.LINK) >>> 2] = 0;
    const tail = this.header(HEADER.FREE_TAIL);
    if (tail === 0) this.setHeader(HEADER.FREE_HEAD, node);
    else i32[(tail + NODE.LINK) >>> 2] = node;
    this.setHeader(HEADER.FREE_TAIL, node);
  }

  protected hash(keyOffset: number): number {
    const { u8, i32 } = this.host.memory;
    return hashKey(u8, i32, keyOffset, this.attrs.keySize, this.seed);
  }

  /** Offset of the node with this key, or 0. */
  protected find(keyOffset: number, hash: number): number {
    const { u8, i32 } = this.host.memory;
    const size = this.attrs.keySize;
    let node = i32[(this.buckets >>> 2) + (hash & this.bucketMask)]! >>> 0;
    while (node !== 0) {
      if (i32[(node + NODE.HASH) >>> 2] === hash && sameKey(u8, i32, keyOffset, node + NODE.KEY, size)) return node;
      node = i32[(node + NODE.NEXT) >>> 2]! >>> 0;
    }
    return 0;
  }

  protected link(node: number, hash: number): void {
    const i32 = this.host.memory.i32;
    const bucket = (this.buckets >>> 2) + (hash & this.bucketMask);
    i32[(node + NODE.NEXT) >>> 2] = i32[bucket]!;
    i32[bucket] = node;
  }

  protected unlink(node: number): void {
    const i32 = this.host.memory.i32;
    let at = (this.buckets >>> 2) + (i32[(node + NODE.HASH) >>> 2]! & this.bucketMask);
    while (i32[at]! >>> 0 !== node) at = (i32[at]! + NODE.NEXT) >>> 2;
    i32[at] = i32[(node + NODE.NEXT) >>> 2]!;
    this.emptySpecial(node + this.valueAt);
  }

  /** Fill a fresh node with key and hash; its value bytes are as they were. */
  protected prepareNode(node: number, keyOffset: number, hash: number): void {
    const { memory } = this.host;
    memory.i32[(node + NODE.HASH) >>> 2] = hash;
    memory.i32[(node + NODE.STATE) >>> 2] = NODE_USED;
    // The padding behind the key is zero from the start, and stays so.
    copyBytes(memory, node + NODE.KEY, keyOffset, this.attrs.keySize);
  }

  protected addCount(by: number): void {
    this.setHeader(HEADER.COUNT, this.header(HEADER.COUNT) + by);
  }

  /** Errno of the NOEXIST / EXIST rules (check_flags), or 0. */
  protected existence(node: number, flags: number): number {
    const rule = flags & ~BPF_F_LOCK;
    if (node !== 0 && rule === BPF_NOEXIST) return EEXIST;
    if (node === 0 && rule === BPF_EXIST) return ENOENT;
    return 0;
  }

  lookupOffset(keyOffset: number): number {
    const node = this.find(keyOffset, this.hash(keyOffset));
    if (node === 0) return 0;
    const at = node + this.valueAt;
    return this.cpuStride === 0 ? at : at + this.cpuStride * this.host.currentCpu();
  }

  lookupCpuOffset(keyOffset: number, cpu: number): number {
    if (this.cpuStride === 0 || cpu < 0 || cpu >= this.host.cpus) return 0;
    const node = this.find(keyOffset, this.hash(keyOffset));
    return node === 0 ? 0 : node + this.valueAt + this.cpuStride * cpu;
  }

  protected override lookupUserOffset(keyOffset: number): number {
    const node = this.find(keyOffset, this.hash(keyOffset));
    return node === 0 ? 0 : node + this.valueAt;
  }

  updateOffset(keyOffset: number, valueOffset: number, flags: number): number {
    return this.store(keyOffset, valueOffset, flags, false);
  }

  protected override updateUserOffset(keyOffset: number, valueOffset: number, flags: number): number {
    return this.store(keyOffset, valueOffset, flags, true);
  }

  /** `allCpus`: the value has every CPU's part (bpf(2)); otherwise one part, for the current CPU. */
  protected store(keyOffset: number, valueOffset: number, flags: number, allCpus: boolean): number {
    const bad = this.checkUpdateFlags(flags);
    if (bad !== 0) return bad;
    const hash = this.hash(keyOffset);
    const old = this.find(keyOffset, hash);
    const refused = this.existence(old, flags);
    if (refused !== 0) return refused;
    if (old !== 0 && (this.cpuStride !== 0 || (flags & BPF_F_LOCK) !== 0)) {
      // Per-CPU values are updated in place, since other CPUs' parts must stay; so is a value under its own lock.
      this.writeValue(old, valueOffset, allCpus, false);
      return 0;
    }
    if (old === 0 && this.count >= this.attrs.maxEntries) return E2BIG;
    const node = this.takeNode();
    if (node === 0) return E2BIG;
    this.prepareNode(node, keyOffset, hash);
    this.writeValue(node, valueOffset, allCpus, true);
    this.link(node, hash);
    if (old !== 0) {
      this.unlink(old);
      this.giveNode(old);
    } else {
      this.addCount(1);
    }
    return 0;
  }

  /** Store a value into a node. A node that is new gets zeros on the other CPUs (pcpu_init_value). */
  protected writeValue(node: number, valueOffset: number, allCpus: boolean, fresh: boolean): void {
    const { memory } = this.host;
    const at = node + this.valueAt;
    if (this.cpuStride === 0) {
      if (fresh && this.attrs.spinLock !== undefined) zeroBytes(memory, at, this.attrs.valueSize);
      this.copyValue(at, valueOffset);
    } else if (allCpus) {
      copyBytes(memory, at, valueOffset, this.userValueSize);
    } else {
      if (fresh) zeroBytes(memory, at, this.userValueSize);
      this.copyValue(at + this.cpuStride * this.host.currentCpu(), valueOffset);
    }
  }

  deleteOffset(keyOffset: number): number {
    const node = this.find(keyOffset, this.hash(keyOffset));
    if (node === 0) return ENOENT;
    this.remove(node);
    return 0;
  }

  protected remove(node: number): void {
    this.unlink(node);
    this.giveNode(node);
    this.addCount(-1);
  }

  lookupAndDelete(key: Uint8Array): Uint8Array | undefined {
    if (this.refuseUserWrite() !== 0) return undefined;
    const keyOffset = this.keyIn(key);
    const node = this.find(keyOffset, this.hash(keyOffset));
    if (node === 0) return undefined;
    const value = this.valueOut(node + this.valueAt);
    this.remove(node);
    return value;
  }

  /** First node in a bucket at or after `bucket`, or 0. */
  #firstFrom(bucket: number): number {
    const i32 = this.host.memory.i32;
    const base = this.buckets >>> 2;
    for (let b = bucket; b <= this.bucketMask; b++) if (i32[base + b] !== 0) return i32[base + b]! >>> 0;
    return 0;
  }

  nextKey(key: Uint8Array | undefined): Uint8Array | undefined {
    let from = 0;
    if (key !== undefined) {
      const keyOffset = this.keyIn(key);
      const hash = this.hash(keyOffset);
      const node = this.find(keyOffset, hash);
      if (node !== 0) {
        const next = this.host.memory.i32[(node + NODE.NEXT) >>> 2]! >>> 0;
        if (next !== 0) return this.bytes(next + NODE.KEY, this.attrs.keySize);
        from = (hash & this.bucketMask) + 1;
      }
    }
    const first = this.#firstFrom(from);
    return first === 0 ? undefined : this.bytes(first + NODE.KEY, this.attrs.keySize);
  }

  forEachElement(visit: (keyOffset: number, valueOffset: number) => boolean): number {
    const cpu = this.cpuStride === 0 ? 0 : this.cpuStride * this.host.currentCpu();
    let visited = 0;
    for (let bucket = 0; bucket <= this.bucketMask; bucket++) {
      let node = this.host.memory.i32[(this.buckets >>> 2) + bucket]! >>> 0;
      while (node !== 0) {
        // A node that the callback deletes keeps its `next` until it is used again.
        const next = this.host.memory.i32[(node + NODE.NEXT) >>> 2]! >>> 0;
        visited++;
        if (!visit(node + NODE.KEY, node + this.valueAt + cpu)) return visited;
        node = next;
      }
    }
    return visited;
  }
}

/** htab_map_alloc_check. */
export function checkHash(attrs: MapAttrs, perCpu: boolean, lru: boolean): Refusal {
  const flags = attrs.flags ?? 0;
  const bad =
    checkFlags(attrs, ACCESS_MASK | BPF_F_NO_PREALLOC | BPF_F_NO_COMMON_LRU | BPF_F_NUMA_NODE | BPF_F_ZERO_SEED) ??
    (!lru && (flags & BPF_F_NO_COMMON_LRU) !== 0
      ? `EINVAL: BPF_F_NO_COMMON_LRU is for LRU maps, not ${attrs.type}`
      : undefined) ??
    (lru && (flags & BPF_F_NO_PREALLOC) !== 0 ? `ENOTSUPP: an ${attrs.type} map is always preallocated` : undefined) ??
    ((flags & BPF_F_NUMA_NODE) !== 0 && (perCpu || (flags & BPF_F_NO_COMMON_LRU) !== 0)
      ? `EINVAL: a ${attrs.type} map takes no NUMA node`
      : undefined) ??
    checkSizes(attrs, { keySize: 'some', valueSize: 'some', maxEntries: 'some' });
  if (bad !== undefined) return bad;
  if (attrs.keySize + attrs.valueSize >= KMALLOC_MAX - 48) {
    return `E2BIG: key and value have ${attrs.keySize + attrs.valueSize} bytes, at most ${KMALLOC_MAX - 49} fit`;
  }
  if (perCpu && alignUp(attrs.valueSize, 8) > PERCPU_MAX) {
    return `E2BIG: a per-CPU value has at most ${PERCPU_MAX} bytes, not ${attrs.valueSize}`;
  }
  if (attrs.maxEntries > 2 ** 31) return `E2BIG: max_entries ${attrs.maxEntries} is above 2^31`;
  return undefined;
}

export const HASH = {
  id: 1,
  name: 'hash',
  since: '3.19',
  check: (attrs) => checkHash(attrs, false, false),
  create: (attrs, host) => new HashMap(attrs, 1, host, false, host.cpus),
} as const satisfies MapTypeRow;

export const PERCPU_HASH = {
  id: 5,
  name: 'percpu_hash',
  since: '4.6',
  perCpu: true,
  check: (attrs) => checkHash(attrs, true, false),
  create: (attrs, host) => new HashMap(attrs, 5, host, true, 0),
} as const satisfies MapTypeRow;
