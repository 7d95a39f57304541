/**
 * ringbuf: one buffer for all CPUs, records reserved, filled and committed in order (kernel/bpf/ringbuf.c). Layout from
 * the offset in the header's RB word, pages of 4096 bytes as user space would map them:
 *     page 0        the kernel's own: u32 offset of the map header
 *     page 1        u64 consumer_pos
 *     page 2        u64 producer_pos, u64 pending_pos
 *     page 3 on     data, max_entries bytes (a power of two), then the same number of bytes once more
 * A record is { u32 len; u32 page } and its bytes, 8-aligned; bit 31 of len: still being written, bit 30: discarded.
 * `page` is the distance to page 0, so that submit finds the buffer from the record. The kernel maps the data twice,
 * one after the other, so that no record is ever split; a linear memory cannot, so the second half is real, and what is
 * written there is copied to the first when the record is committed.
 */
import { alignUp } from '../base/bytes.ts';
import type { LinearMemory } from '../base/memory.ts';
import { copyBytes } from './copy.ts';
import { EAGAIN, ENOTSUPP } from './errno.ts';
import { BPF_F_NUMA_NODE, checkFlags, checkSizes, type Refusal } from './flags.ts';
import { HEADER } from './layout.ts';
import type { MapAttrs, MapHost, MapTypeRow } from './map.ts';
import { MapBase } from './map-base.ts';

export const RINGBUF_PAGE = 4096;
const CONSUMER = RINGBUF_PAGE;
const PRODUCER = 2 * RINGBUF_PAGE;
const PENDING = PRODUCER + 8;
const DATA = 3 * RINGBUF_PAGE;
const RECORD_HEADER = 8;
const BUSY = 1 << 31;
const DISCARD = 1 << 30;
/** Most bytes that are copied at once, where no record is longer: what stays in the processor's cache is cheap. */
const CHUNK = 0x20000;
/** Header word: offset of page 0. */
const RB = HEADER.OWN;

/** Flags of bpf_ringbuf_query. */
export const RINGBUF_QUERY = { AVAIL_DATA: 0, RING_SIZE: 1, CONS_POS: 2, PROD_POS: 3 } as const;

/** What ringbuf and user_ringbuf share: pages, positions, records. */
export abstract class RingPages extends MapBase {
  readonly ring: number;
  readonly #mask: number;

  constructor(attrs: MapAttrs, typeId: number, host: MapHost) {
    super(attrs, typeId, host, false);
    this.ring = this.allocate(DATA + 2 * attrs.maxEntries, RINGBUF_PAGE);
    this.#mask = attrs.maxEntries - 1;
    this.setHeader(RB, this.ring);
    this.setHeader(HEADER.DATA, this.ring + DATA);
    host.memory.i32[this.ring >>> 2] = this.offset;
  }

  // Positions stay far below 2^53.
  protected position(at: number): number {
    const { i32 } = this.host.memory;
    const word = (this.ring + at) >>> 2;
    return (i32[word]! >>> 0) + (i32[word + 1]! >>> 0) * 0x100000000;
  }

  protected setPosition(at: number, value: number): void {
    const { i32 } = this.host.memory;
    const word = (this.ring + at) >>> 2;
    i32[word] = value | 0;
    i32[word + 1] = value < 0x100000000 ? 0 : Math.floor(value / 0x100000000) | 0;
  }

  get consumerPosition(): number {
    return this.position(CONSUMER);
  }

  get producerPosition(): number {
    return this.position(PRODUCER);
  }

  /** Offset of the record header at a position. */
  protected record(position: number): number {
    // `&` takes a number modulo 2^32, and the size is a power of two.
    return this.ring + DATA + (position & this.#mask);
  }

  /** Room for `size` bytes: offset of the record's bytes, marked busy; 0 when there is none. */
  protected reserveRecord(size: number): number {
    const length = alignUp(size + RECORD_HEADER, 8);
    if (length > this.attrs.maxEntries) return 0;
    const { i32 } = this.host.memory;
    const start = this.position(PRODUCER);
    let pending = this.position(PENDING);
    while (pending < start) {
      const word = i32[this.record(pending) >>> 2]!;
      if ((word & BUSY) !== 0) break;
      pending += alignUp((word & ~DISCARD) + RECORD_HEADER, 8);
    }
    this.setPosition(PENDING, pending);
    const end = start + length;
    if (end - this.position(CONSUMER) > this.#mask || end - pending > this.#mask) return 0;
    const header = this.record(start);
    i32[header >>> 2] = size | BUSY;
    i32[(header + 4) >>> 2] = Math.floor((header - this.ring) / RINGBUF_PAGE);
    this.setPosition(PRODUCER, end);
    return header + RECORD_HEADER;
  }

  /** End of a record's writing. */
  protected commitRecord(sample: number, discard: boolean): void {
    const { i32, u8 } = this.host.memory;
    const header = sample - RECORD_HEADER;
    const size = i32[header >>> 2]! & ~BUSY;
    const limit = this.ring + DATA + this.attrs.maxEntries;
    if (!discard && sample + size > limit) {
      // The part past the end, for readers that wrap by themselves.
      u8.copyWithin(this.ring + DATA + Math.max(0, sample - limit), Math.max(sample, limit), sample + size);
    }
    i32[header >>> 2] = discard ? size | DISCARD : size;
  }

  /** A private copy of the data between two positions. Committed records that cross the end are whole in it. */
  protected chunk(from: number, to: number): Uint8Array {
    const { u8 } = this.host.memory;
    const size = to - from;
    const out = new Uint8Array(size);
    const at = this.record(from);
    const start = this.ring + DATA;
    const first = Math.min(size, start + this.attrs.maxEntries - at);
    out.set(u8.subarray(at, at + first));
    if (first < size) out.set(u8.subarray(start, start + size - first), first);
    return out;
  }

  lookupOffset(_keyOffset: number): number {
    return 0;
  }

  updateOffset(_keyOffset: number, _valueOffset: number, _flags: number): number {
    return ENOTSUPP;
  }

  deleteOffset(_keyOffset: number): number {
    return ENOTSUPP;
  }

  nextKey(_key: Uint8Array | undefined): undefined {
    return undefined;
  }
}

export class RingbufMap extends RingPages {
  /** Records whose room could not be had: bpf_ringbuf_reserve and _output that failed. */
  dropped = 0;
  /** Somebody should look: set by commits as the kernel would wake a poll, cleared by `consume`. */
  wakeup = false;

  constructor(attrs: MapAttrs, host: MapHost) {
    super(attrs, 27, host);
  }

  /** bpf_ringbuf_reserve: offset of `size` bytes to fill in, or 0. */
  reserve(size: number): number {
    const at = this.reserveRecord(size);
    if (at === 0) this.dropped++;
    return at;
  }

  /** bpf_ringbuf_submit / _discard of what `reserve` gave. `flags`: 1 no wakeup, 2 wakeup in any case. */
  commit(sample: number, flags: number, discard: boolean): void {
    this.commitRecord(sample, discard);
    const caughtUp = this.record(this.consumerPosition) === sample - RECORD_HEADER;
    if ((flags & 2) !== 0 || (caughtUp && (flags & 1) === 0)) this.wakeup = true;
  }

  /** bpf_ringbuf_output: 0 or -EAGAIN. */
  output(from: number, size: number, flags: number): number {
    const at = this.reserve(size);
    if (at === 0) return EAGAIN;
    copyBytes(this.host.memory, at, from, size);
    this.commit(at, flags, false);
    return 0;
  }

  query(what: number): number {
    switch (what) {
      case RINGBUF_QUERY.AVAIL_DATA:
        return this.producerPosition - this.consumerPosition;
      case RINGBUF_QUERY.RING_SIZE:
        return this.attrs.maxEntries;
      case RINGBUF_QUERY.CONS_POS:
        return this.consumerPosition;
      case RINGBUF_QUERY.PROD_POS:
        return this.producerPosition;
      default:
        return 0;
    }
  }

  /**
   * Deliver the records that are complete, in order, up to the first that is still busy; discarded ones are skipped.
   * How many were delivered. The consumer moves on before a record is handed over (part of one private copy), so a sink
   * that throws loses that record alone.
   */
  consume(onRecord: (bytes: Uint8Array, at: number, size: number) => void): number {
    this.wakeup = false;
    const end = this.producerPosition;
    let records = 0;
    let most = CHUNK;
    for (let start = this.consumerPosition; start < end; ) {
      const chunk = this.chunk(start, Math.min(end, start + most));
      const view = new DataView(chunk.buffer);
      const { length } = chunk;
      let at = 0;
      while (at + RECORD_HEADER <= length) {
        const word = view.getInt32(at, true);
        if ((word & BUSY) !== 0) return records;
        const from = at + RECORD_HEADER;
        const size = word & ~DISCARD;
        const next = at + ((size + RECORD_HEADER + 7) & ~7);
        if (next > length) break;
        at = next;
        this.setPosition(CONSUMER, start + at);
        if ((word & DISCARD) === 0) {
          records++;
          onRecord(chunk, from, size);
          // Whoever reads from within the callback has read on.
          if (this.consumerPosition !== start + at) return records;
        }
      }
      // A record that is there in part is whole in the next chunk; one longer than a chunk wants a longer one.
      most = at === 0 ? most * 2 : CHUNK;
      start += at;
    }
    return records;
  }
}

/** Map header of the ring buffer that a reserved record lies in. */
export function ringbufHeaderOf(memory: LinearMemory, sample: number): number {
  const header = sample - RECORD_HEADER;
  const pages = memory.i32[(header + 4) >>> 2]!;
  const ring = Math.floor(header / RINGBUF_PAGE) * RINGBUF_PAGE - pages * RINGBUF_PAGE;
  return memory.i32[ring >>> 2]! >>> 0;
}

/** ringbuf_map_alloc: no keys, no values, a power of two of whole pages. */
export function checkRingbuf(attrs: MapAttrs): Refusal {
  const size = attrs.maxEntries;
  return (
    checkFlags(attrs, BPF_F_NUMA_NODE) ??
    checkSizes(attrs, { keySize: 0, valueSize: 0 }) ??
    (size === 0 || size % RINGBUF_PAGE !== 0 || (size & (size - 1)) !== 0
      ? `EINVAL: max_entries of a ${attrs.type} map must be a power of two and a multiple of ${RINGBUF_PAGE}, not ${size}`
      : undefined)
  );
}

export const RINGBUF = {
  id: 27,
  name: 'ringbuf',
  since: '5.8',
  check: checkRingbuf,
  create: (attrs, host) => new RingbufMap(attrs, host),
} as const satisfies MapTypeRow;
