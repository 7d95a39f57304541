/**
 * Sending records to programs: the user's side of a user ring buffer (Linux 6.1; kernel/bpf/ringbuf.c, user_ringbuf_*). Its first page tells how far
 * programs have read, the second how far we have written; the data follow, mapped twice in a row so that no record has a seam.
 */
import { alignUp } from '../../core/base/bytes.ts';
import { ERRNO, errnoName } from '../../core/base/errno.ts';
import { SysError } from '../../core/base/errors.ts';
import type { NativeMapping } from '../addon/index.ts';
import { sys } from './bpf.ts';

const PAGE = 4096;
const HEADER_BYTES = 8;
const PROT_READ = 1;
const PROT_WRITE = 2;
const MAP_SHARED = 1;

export class UserRing {
  readonly #size: number;
  readonly #mappings: NativeMapping[] = [];
  /** How far programs have read, how far we have written: u64 each, ever growing. */
  readonly #consumer: BigUint64Array;
  readonly #producer: BigUint64Array;
  readonly #data: Uint8Array;
  readonly #words: Int32Array;

  /** `size`: bytes of the ring, a power of two in whole pages. Throws SysError. */
  constructor(fd: number, name: string, size: number) {
    this.#size = size;
    const map = (length: number, protection: number, offset: number): ArrayBuffer => {
      const mapping = sys().mmap(length, protection, MAP_SHARED, fd, offset);
      if (typeof mapping !== 'number') {
        this.#mappings.push(mapping);
        return mapping.buffer;
      }
      this.close();
      throw new SysError('mmap', errnoName(mapping), `opening the user ring buffer '${name}'`);
    };
    this.#consumer = new BigUint64Array(map(PAGE, PROT_READ, 0), 0, 1);
    const written = map(PAGE + 2 * size, PROT_READ | PROT_WRITE, PAGE);
    this.#producer = new BigUint64Array(written, 0, 1);
    this.#data = new Uint8Array(written, PAGE, 2 * size);
    this.#words = new Int32Array(written, PAGE, (2 * size) / 4);
  }

  /** 0; -ENOSPC while there is no room, -E2BIG for what never has any. */
  send(record: Uint8Array): number {
    const total = alignUp(record.length + HEADER_BYTES, 8);
    if (total > this.#size) return -ERRNO.E2BIG;
    const at = this.#producer[0]!;
    // A page that may only be read: Atomics wants to be able to write, and a plain read of one aligned word is whole.
    const read = this.#consumer[0]!;
    if (this.#size - Number(at - read) < total) return -ERRNO.ENOSPC;
    const place = Number(at & BigInt(this.#size - 1));
    this.#data.set(record, place + HEADER_BYTES);
    this.#words[place / 4 + 1] = 0;
    // The record is whole before the program is told of it.
    Atomics.store(this.#words, place / 4, record.length);
    Atomics.store(this.#producer, 0, at + BigInt(total));
    return 0;
  }

  close(): void {
    for (const mapping of this.#mappings.splice(0)) mapping.unmap();
  }
}
