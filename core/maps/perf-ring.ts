/**
 * One CPU's perf buffer in the linear memory, laid out and behaving as the kernel's (include/uapi/linux/perf_event.h,
 * kernel/events/ring_buffer.c): a 4096-byte control page whose words at 1024 and 1032 are data_head and data_tail (u64, free-running),
 * then a power of two of data pages that records wrap around.
 *
 * A record is { u32 type; u16 misc; u16 size }, then: PERF_RECORD_SAMPLE (9), of PERF_SAMPLE_RAW alone: u32 n and n bytes, padded so
 * that the record is a multiple of 8 (n counts the padding, as in the kernel); PERF_RECORD_LOST (2): u64 id, u64 count.
 * A sample without room is dropped and counted; the count goes out as a LOST record right before the next sample that fits.
 */
import { alignUp } from '../base/bytes.ts';
import { BpfError } from '../base/errors.ts';
import type { LinearMemory } from '../base/memory.ts';
import { E2BIG, ENOSPC } from './errno.ts';

export const PAGE_SIZE = 4096;
export const DATA_HEAD = 1024;
export const DATA_TAIL = 1032;
export const DATA_OFFSET = 1040;
export const DATA_SIZE = 1048;

export const PERF_RECORD_LOST = 2;
export const PERF_RECORD_SAMPLE = 9;
const RECORD_HEADER = 8;
const LOST_SIZE = 24;

/** Where `read` puts records. `data` is a copy, padding included, valid as long as you like. */
export interface PerfSink {
  onSample(data: Uint8Array): void;
  onLost(count: number): void;
}

/** Up to three pieces make one sample's raw data: offset and size in the linear memory. */
export interface Piece {
  readonly offset: number;
  readonly size: number;
}

export class PerfRing {
  /** Offset of the control page. */
  readonly offset: number;
  readonly #memory: LinearMemory;
  readonly #dataSize: number;
  /** Samples dropped since the last LOST record. */
  #lost = 0;
  /** Samples dropped in all. */
  lostTotal = 0;
  /** Samples written in all. */
  written = 0;
  readonly #id: number;

  /** `pages` data pages (a power of two). `id` is the event id in LOST records. Throws BpfError EINVAL, ENOMEM. */
  constructor(memory: LinearMemory, pages: number, id: number) {
    if (pages < 1 || (pages & (pages - 1)) !== 0) {
      throw new BpfError('EINVAL', `a perf buffer has a power of two of pages, not ${pages}`);
    }
    this.#memory = memory;
    this.#dataSize = pages * PAGE_SIZE;
    this.#id = id;
    this.offset = memory.alloc(PAGE_SIZE + this.#dataSize, PAGE_SIZE);
    this.#set64(DATA_OFFSET, PAGE_SIZE);
    this.#set64(DATA_SIZE, this.#dataSize);
  }

  free(): void {
    this.#memory.free(this.offset, PAGE_SIZE + this.#dataSize);
  }

  // Positions stay far below 2^53: at a gigabyte a second that takes 104 days.
  #get64(at: number): number {
    const { i32 } = this.#memory;
    const word = (this.offset + at) >>> 2;
    return (i32[word]! >>> 0) + (i32[word + 1]! >>> 0) * 0x100000000;
  }

  #set64(at: number, value: number): void {
    const { i32 } = this.#memory;
    const word = (this.offset + at) >>> 2;
    i32[word] = value | 0;
    i32[word + 1] = Math.floor(value / 0x100000000) | 0;
  }

  /** Bytes that wait to be read. */
  get waiting(): number {
    return this.#get64(DATA_HEAD) - this.#get64(DATA_TAIL);
  }

  /** Write one sample made of the pieces: 0, -ENOSPC (dropped and counted) or -E2BIG (record above 65,528 bytes; not counted). */
  write(pieces: readonly Piece[]): number {
    let raw = 0;
    for (const piece of pieces) raw += piece.size;
    const rawPadded = alignUp(raw + 4, 8) - 4;
    const sampleSize = RECORD_HEADER + 4 + rawPadded;
    if (sampleSize > 0xffff) return E2BIG;
    const size = this.#lost > 0 ? sampleSize + LOST_SIZE : sampleSize;
    const tail = this.#get64(DATA_TAIL);
    let head = this.#get64(DATA_HEAD);
    // CIRC_SPACE leaves one byte free, so that a full buffer is not taken for an empty one.
    if (this.#dataSize - 1 - (head - tail) < size) {
      this.#lost++;
      this.lostTotal++;
      return ENOSPC;
    }
    if (this.#lost > 0) {
      this.#header(head, PERF_RECORD_LOST, LOST_SIZE);
      this.#word(head + 8, this.#id);
      this.#word(head + 12, 0);
      this.#word(head + 16, this.#lost);
      this.#word(head + 20, 0);
      head += LOST_SIZE;
      this.#lost = 0;
    }
    this.#header(head, PERF_RECORD_SAMPLE, sampleSize);
    this.#word(head + 8, rawPadded);
    let at = head + 12;
    for (const piece of pieces) {
      this.#copyIn(at, piece);
      at += piece.size;
    }
    this.#zero(at, rawPadded - raw);
    this.#set64(DATA_HEAD, head + sampleSize);
    this.written++;
    return 0;
  }

  #data(position: number): number {
    return this.offset + PAGE_SIZE + (position % this.#dataSize);
  }

  /** Records start 8-aligned and sizes are multiples of 8: a word never wraps. */
  #word(position: number, value: number): void {
    this.#memory.i32[this.#data(position) >>> 2] = value;
  }

  #header(position: number, type: number, size: number): void {
    this.#word(position, type);
    this.#word(position + 4, size << 16);
  }

  #copyIn(position: number, piece: Piece): void {
    const { u8 } = this.#memory;
    const left = this.#dataSize - (position % this.#dataSize);
    const first = Math.min(left, piece.size);
    u8.copyWithin(this.#data(position), piece.offset, piece.offset + first);
    if (first < piece.size) u8.copyWithin(this.offset + PAGE_SIZE, piece.offset + first, piece.offset + piece.size);
  }

  #zero(position: number, size: number): void {
    const { u8 } = this.#memory;
    for (let i = 0; i < size; i++) u8[this.#data(position + i)] = 0;
  }

  #copyOut(position: number, size: number): Uint8Array {
    const { u8 } = this.#memory;
    const out = new Uint8Array(size);
    const from = this.#data(position);
    const first = Math.min(size, this.#dataSize - (position % this.#dataSize));
    out.set(u8.subarray(from, from + first));
    const start = this.offset + PAGE_SIZE;
    if (first < size) out.set(u8.subarray(start, start + size - first), first);
    return out;
  }

  /**
   * Deliver every record that is there when called; how many samples. The tail moves past each record before it is handed over, so
   * a sink that throws loses that record alone and the next call goes on behind it.
   */
  read(sink: PerfSink): number {
    const head = this.#get64(DATA_HEAD);
    let samples = 0;
    for (let tail = this.#get64(DATA_TAIL); tail < head; tail = this.#get64(DATA_TAIL)) {
      const { i32 } = this.#memory;
      const type = i32[this.#data(tail) >>> 2]!;
      const size = i32[this.#data(tail + 4) >>> 2]! >>> 16;
      if (type === PERF_RECORD_SAMPLE) {
        const data = this.#copyOut(tail + 12, i32[this.#data(tail + 8) >>> 2]!);
        this.#set64(DATA_TAIL, tail + size);
        samples++;
        sink.onSample(data);
      } else {
        const lost = i32[this.#data(tail + 16) >>> 2]! >>> 0;
        this.#set64(DATA_TAIL, tail + size);
        if (type === PERF_RECORD_LOST) sink.onLost(lost);
      }
    }
    return samples;
  }

  /**
   * Samples dropped that no LOST record has told yet, and will not now: for the reader's end, so that received + lost = sent
   * (the kernel keeps this number in the event's `lost_samples`).
   */
  takeLost(): number {
    const lost = this.#lost;
    this.#lost = 0;
    return lost;
  }
}
