/**
 * stack_trace: stacks by id (kernel/bpf/stackmap.c). A stack's id is its hash (jhash, so the kernel's number) in as
 * many bits as there are buckets; a bucket holds one stack, so another stack with the same id is refused or replaces
 * it. At most max_entries stacks are held.
 */
import { alignUp } from '../base/bytes.ts';
import { E2BIG, EEXIST, EFAULT, EINVAL, ENOENT, ENOMEM } from './errno.ts';
import {
  BPF_F_NUMA_NODE,
  BPF_F_RDONLY,
  BPF_F_STACK_BUILD_ID,
  BPF_F_WRONLY,
  checkFlags,
  checkSizes,
  type Refusal,
} from './flags.ts';
import { jhash } from './jhash.ts';
import { HEADER } from './layout.ts';
import type { MapAttrs, MapHost, MapTypeRow } from './map.ts';
import { MapBase } from './map-base.ts';

/** Most frames of a stack (sysctl kernel.perf_event_max_stack). */
export const STACK_DEPTH_MAX = 127;
/** Flags of bpf_get_stackid and bpf_get_stack. */
export const STACK_FLAGS = { SKIP: 0xff, USER: 0x100, FAST_CMP: 0x200, REUSE: 0x400, BUILD_ID: 0x800 } as const;
/** struct bpf_stack_build_id: s32 status, 20 bytes of build id, u64 offset or address. */
export const BUILD_ID_ENTRY = 32;

/** Offsets in a bucket: hash, number of frames, then the frames. */
const HASH = 0;
const FRAMES = 4;
const DATA = 8;

/** Turns addresses into entries with build ids; absent: they stay addresses. */
export type BuildIdOf = (
  lo: number,
  hi: number,
) => { readonly id: Uint8Array; readonly offset: readonly [number, number] } | undefined;

/**
 * Write build-id entries for addresses (halves, `count` of them) at an offset: status 1 with id and file offset, or 2
 * with the address.
 */
export function storeBuildIds(
  view: DataView,
  u8: Uint8Array,
  at: number,
  ips: Int32Array,
  count: number,
  find?: BuildIdOf,
): void {
  for (let i = 0; i < count; i++) {
    const entry = at + i * BUILD_ID_ENTRY;
    const [lo, hi] = [ips[2 * i]!, ips[2 * i + 1]!];
    const found = find?.(lo, hi);
    u8.fill(0, entry, entry + BUILD_ID_ENTRY);
    view.setInt32(entry, found ? 1 : 2, true);
    if (found) u8.set(found.id.subarray(0, 20), entry + 4);
    view.setInt32(entry + 24, found ? found.offset[0] : lo, true);
    view.setInt32(entry + 28, found ? found.offset[1] : hi, true);
  }
}

export class StackTraceMap extends MapBase {
  readonly #slots: number;
  readonly #slotCount: number;
  readonly #bucketSize: number;
  readonly #scratch: number;
  /** Buckets that hold nothing, oldest first. */
  readonly #free: number[] = [];
  readonly buildIds: boolean;
  /** Most frames a stack in this map has. */
  readonly depth: number;

  constructor(attrs: MapAttrs, host: MapHost) {
    super(attrs, 7, host, false);
    this.buildIds = (this.flags & BPF_F_STACK_BUILD_ID) !== 0;
    this.depth = attrs.valueSize / (this.buildIds ? BUILD_ID_ENTRY : 8);
    let slots = 1;
    while (slots < attrs.maxEntries) slots *= 2;
    this.#slotCount = slots;
    this.#slots = this.allocate(slots * 4);
    this.#bucketSize = DATA + attrs.valueSize;
    const data = this.allocate(this.#bucketSize * attrs.maxEntries);
    for (let i = 0; i < attrs.maxEntries; i++) this.#free.push(data + i * this.#bucketSize);
    this.#scratch = this.allocate(alignUp(Math.max(this.depth, STACK_DEPTH_MAX) * 8, 8));
    this.setHeader(HEADER.BUCKETS, this.#slots);
    this.setHeader(HEADER.BUCKET_MASK, slots - 1);
    this.setHeader(HEADER.DATA, data);
    this.setHeader(HEADER.ELEM_SIZE, this.#bucketSize);
    this.setHeader(HEADER.VALUE_AT, DATA);
  }

  #slot(id: number): number {
    return this.host.memory.i32[(this.#slots >>> 2) + id]! >>> 0;
  }

  #setSlot(id: number, bucket: number): void {
    this.host.memory.i32[(this.#slots >>> 2) + id] = bucket;
  }

  /**
   * bpf_get_stackid with the stack already walked: `ips` are addresses as halves, innermost first, the skipped frames
   * still in it. The stack's id, -EFAULT when all of it is skipped, -EEXIST when its bucket holds another, -ENOMEM when
   * the map is full.
   */
  store(ips: Int32Array, flags: number, buildId?: BuildIdOf): number {
    const { i32, u8, view } = this.host.memory;
    const skip = flags & STACK_FLAGS.SKIP;
    const frames = Math.min(ips.length / 2 - skip, Math.min(this.depth + skip, STACK_DEPTH_MAX) - skip);
    if (frames <= 0) return EFAULT;
    const chain = ips.subarray(2 * skip, 2 * (skip + frames));
    i32.set(chain, this.#scratch >>> 2);
    const hash = jhash(view, this.#scratch, frames * 8, 0);
    const id = hash & (this.#slotCount - 1);
    const old = this.#slot(id);
    const sameHash = old !== 0 && i32[(old + HASH) >>> 2]! >>> 0 === hash;
    if (sameHash && (flags & STACK_FLAGS.FAST_CMP) !== 0) return id;
    const same = (other: number, bytes: number) => {
      if (!sameHash || i32[(old + FRAMES) >>> 2] !== frames) return false;
      for (let i = 0; i < bytes; i++) if (u8[old + DATA + i] !== u8[other + i]) return false;
      return true;
    };
    if (!this.buildIds) {
      if (same(this.#scratch, frames * 8)) return id;
      if (old !== 0 && (flags & STACK_FLAGS.REUSE) === 0) return EEXIST;
    }
    const bucket = this.#free.shift();
    if (bucket === undefined) return ENOMEM;
    if (this.buildIds) {
      const find = (flags & STACK_FLAGS.USER) !== 0 ? buildId : undefined;
      storeBuildIds(view, u8, bucket + DATA, chain, frames, find);
      const unchanged = same(bucket + DATA, frames * BUILD_ID_ENTRY);
      if (unchanged || (old !== 0 && (flags & STACK_FLAGS.REUSE) === 0)) {
        this.#free.push(bucket);
        return unchanged ? id : EEXIST;
      }
    } else {
      u8.copyWithin(bucket + DATA, this.#scratch, this.#scratch + frames * 8);
    }
    i32[(bucket + HASH) >>> 2] = hash;
    i32[(bucket + FRAMES) >>> 2] = frames;
    this.#setSlot(id, bucket);
    if (old !== 0) this.#free.push(old);
    else this.setHeader(HEADER.COUNT, this.count + 1);
    return id;
  }

  #id(keyOffset: number): number {
    return this.host.memory.view.getUint32(keyOffset, true);
  }

  /** Programs cannot look stacks up. */
  lookupOffset(_keyOffset: number): number {
    return 0;
  }

  updateOffset(_keyOffset: number, _valueOffset: number, _flags: number): number {
    return EINVAL;
  }

  deleteOffset(keyOffset: number): number {
    const id = this.#id(keyOffset);
    if (id >= this.#slotCount) return E2BIG;
    const bucket = this.#slot(id);
    if (bucket === 0) return ENOENT;
    this.#setSlot(id, 0);
    this.#free.push(bucket);
    this.setHeader(HEADER.COUNT, this.count - 1);
    return 0;
  }

  /** The whole value: frames, then zeros. */
  override lookup(key: Uint8Array): Uint8Array | undefined {
    const id = this.#id(this.keyIn(key));
    const bucket = id < this.#slotCount ? this.#slot(id) : 0;
    if (bucket === 0) return undefined;
    const frames = this.host.memory.i32[(bucket + FRAMES) >>> 2]!;
    const out = new Uint8Array(this.attrs.valueSize);
    out.set(this.bytes(bucket + DATA, frames * (this.buildIds ? BUILD_ID_ENTRY : 8)));
    return out;
  }

  nextKey(key: Uint8Array | undefined): Uint8Array | undefined {
    let id = 0;
    if (key !== undefined) {
      id = this.#id(this.keyIn(key));
      id = id >= this.#slotCount || this.#slot(id) === 0 ? 0 : id + 1;
    }
    while (id < this.#slotCount && this.#slot(id) === 0) id++;
    if (id >= this.#slotCount) return undefined;
    return Uint8Array.of(id & 255, (id >>> 8) & 255, (id >>> 16) & 255, id >>> 24);
  }
}

/** stack_map_alloc. */
function check(attrs: MapAttrs): Refusal {
  const entry = ((attrs.flags ?? 0) & BPF_F_STACK_BUILD_ID) !== 0 ? BUILD_ID_ENTRY : 8;
  return (
    checkFlags(attrs, BPF_F_NUMA_NODE | BPF_F_RDONLY | BPF_F_WRONLY | BPF_F_STACK_BUILD_ID) ??
    checkSizes(attrs, { keySize: 4, maxEntries: 'some' }) ??
    (attrs.valueSize < 8 || attrs.valueSize % entry !== 0 || attrs.valueSize / entry > STACK_DEPTH_MAX
      ? `EINVAL: a value of this stack_trace map is 1 to ${STACK_DEPTH_MAX} frames of ${entry} bytes, not ${attrs.valueSize} bytes`
      : undefined) ??
    (attrs.maxEntries > 2 ** 31 ? `E2BIG: max_entries ${attrs.maxEntries} is above 2^31` : undefined)
  );
}

export const STACK_TRACE = {
  id: 7,
  name: 'stack_trace',
  since: '4.6',
  check,
  create: (attrs, host) => new StackTraceMap(attrs, host),
} as const satisfies MapTypeRow;
