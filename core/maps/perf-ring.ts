/**
 * One CPU's perf buffer in the linear memory, laid out and behaving as the kernel's (include/uapi/linux/perf_event.h,
 * kernel/events/ring_buffer.c): a 4096-byte control page whose words at 1024 and 1032 are data_head and data_tail (u64,
 * free-running), then a power of two of data pages that records wrap around.
 *
 * A record is { u32 type; u16 misc; u16 size }, then: PERF_RECORD_SAMPLE (9), of PERF_SAMPLE_RAW alone: u32 n and n
 * bytes, padded so that the record is a multiple of 8 (n counts the padding, as in the kernel); PERF_RECORD_LOST (2):
 * u64 id, u64 count. A sample without room is dropped and counted; the count goes out as a LOST record right before the
 * next sample that fits.
 */
import { BpfError } from '../base/errors.ts';
import type { LinearMemory } from '../base/memory.ts';
import { copyBytes } from './copy.ts';
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

/** Most bytes that are copied at once; more than any record has. Copies that stay in the processor's cache are the cheap ones. */
const CHUNK = 0x20000;

/** What is on its way from the shared memory to a private copy. */
let scratch: Uint8Array | undefined;

/** Where `read` puts samples: `size` bytes (padding included) at `at` of a copy of the buffer, which stays valid. */
export interface PerfSink {
  onSample(bytes: Uint8Array, at: number, size: number): void;
  onLost(count: number): void;
}

export class PerfRing {
  /** Offset of the control page. */
  readonly offset: number;
  readonly #memory: LinearMemory;
  readonly #dataSize: number;
  /** Samples dropped since the last LOST record. */
  #lost = 0;
  #freed = false;
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
    this.#freed = true;
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
    i32[word + 1] = value < 0x100000000 ? 0 : Math.floor(value / 0x100000000) | 0;
  }

  /** Bytes that wait to be read. */
  get waiting(): number {
    return this.#get64(DATA_HEAD) - this.#get64(DATA_TAIL);
  }

  /**
   * Write one sample: `size` bytes from `from`, then (packets) `moreSize` bytes from `more`. 0, -ENOSPC (dropped and
   * counted), or -E2BIG (a record above 65,528 bytes; not counted).
   */
  write(from: number, size: number, more = 0, moreSize = 0): number {
    const raw = size + moreSize;
    const rawPadded = ((raw + 11) & ~7) - 4;
    const sampleSize = RECORD_HEADER + 4 + rawPadded;
    if (sampleSize > 0xffff) return E2BIG;
    const total = this.#lost > 0 ? sampleSize + LOST_SIZE : sampleSize;
    let head = this.#get64(DATA_HEAD);
    // CIRC_SPACE leaves one byte free, so that a full buffer is not taken for an empty one.
    if (this.#dataSize - 1 - (head - this.#get64(DATA_TAIL)) < total) {
      return this.drop();
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
    // The last word first: the data then covers all of it but the padding, which must be zero.
    this.#word(head + sampleSize - 4, 0);
    if (rawPadded - raw > 4) this.#word(head + sampleSize - 8, 0);
    this.#copyIn(head + 12, from, size);
    if (moreSize > 0) this.#copyIn(head + 12 + size, more, moreSize);
    this.#set64(DATA_HEAD, head + sampleSize);
    this.written++;
    return 0;
  }

  /** A sample finds no room, whatever room there is: counted as one that did not. -ENOSPC. */
  drop(): number {
    this.#lost++;
    this.lostTotal++;
    return ENOSPC;
  }

  #data(position: number): number {
    // `&` takes a number modulo 2^32, and the size is a power of two.
    return this.offset + PAGE_SIZE + (position & (this.#dataSize - 1));
  }

  /** Records start 8-aligned and sizes are multiples of 8: a word never wraps. */
  #word(position: number, value: number): void {
    this.#memory.i32[this.#data(position) >>> 2] = value;
  }

  #header(position: number, type: number, size: number): void {
    this.#word(position, type);
    this.#word(position + 4, size << 16);
  }

  #copyIn(position: number, from: number, size: number): void {
    const first = Math.min(this.#dataSize - (position & (this.#dataSize - 1)), size);
    copyBytes(this.#memory, this.#data(position), from, first);
    if (first < size) copyBytes(this.#memory, this.offset + PAGE_SIZE, from + first, size - first);
  }

  /**
   * A private copy of everything between two positions: one bulk copy (two where the buffer wraps) is far cheaper than
   * one a record.
   */
  #chunk(from: number, to: number): Uint8Array {
    const { u8 } = this.#memory;
    const size = to - from;
    // Out of shared memory whole words are copied, where both sides are aligned to them: byte by byte it takes longer than all the rest of reading.
    scratch ??= new Uint8Array(CHUNK);
    const at = this.#data(from);
    const first = Math.min(size, this.#dataSize - (from & (this.#dataSize - 1)));
    scratch.set(u8.subarray(at, at + first));
    const start = this.offset + PAGE_SIZE;
    if (first < size) scratch.set(u8.subarray(start, start + size - first), first);
    // Samples begin 12 bytes into their records: four more in front, and their 64-bit words are aligned for those who decode them.
    const out = new Uint8Array(new ArrayBuffer(size + 4), 4);
    out.set(size === CHUNK ? scratch : scratch.subarray(0, size));
    return out;
  }

  /**
   * Deliver every record that is there when called; how many samples. The tail moves past each record before it is
   * handed over, so a sink that throws loses that record alone and the next call goes on behind it.
   */
  read(sink: PerfSink): number {
    const end = this.#get64(DATA_HEAD);
    const tail = (this.offset + DATA_TAIL) >>> 2;
    let samples = 0;
    for (let start = this.#get64(DATA_TAIL); start < end; ) {
      const chunk = this.#chunk(start, Math.min(end, start + CHUNK));
      const words = new Uint32Array(chunk.buffer, 0, (4 + chunk.length) >>> 2);
      const { length } = chunk;
      let at = 0;
      // A record that is there in part is whole in the next chunk.
      while (at + RECORD_HEADER <= length) {
        const word = (at + 4) >>> 2;
        const size = words[word + 1]! >>> 16;
        if (at + size > length) break;
        const record = at;
        at += size;
        // The low word alone counts: a chunk is far smaller than what it goes round in.
        const next = (start + at) | 0;
        if (next >>> 0 >= size) this.#memory.i32[tail] = next;
        else this.#set64(DATA_TAIL, start + at);
        const type = words[word]!;
        if (type === PERF_RECORD_SAMPLE) {
          samples++;
          sink.onSample(chunk, record + 12, words[word + 2]!);
        } else if (type === PERF_RECORD_LOST) {
          sink.onLost(words[word + 4]!);
        }
        // A callback may have closed us, or read on.
        if (this.#freed || this.#memory.i32[tail] !== next) return samples;
      }
      start += at;
    }
    return samples;
  }

  /**
   * Samples dropped that no LOST record has told yet, and will not now: for the reader's end, so that received + lost =
   * sent (the kernel keeps this number in the event's `lost_samples`).
   */
  takeLost(): number {
    const lost = this.#lost;
    this.#lost = 0;
    return lost;
  }
}
