/**
 * user_ringbuf: the ring buffer the other way round (kernel/bpf/ringbuf.c): user space produces, a program drains it
 * with bpf_user_ringbuf_drain. Same pages as ringbuf.ts; user space owns producer_pos.
 */
import { alignUp } from '../base/bytes.ts';
import { E2BIG, EINVAL, ENODATA, ENOSPC } from './errno.ts';
import type { MapAttrs, MapHost, MapTypeRow } from './map.ts';
import { checkRingbuf, RingPages } from './ringbuf.ts';

const CONSUMER = 4096;
const HEADER_BYTES = 8;
const BUSY = 1 << 31;
const DISCARD = 1 << 30;
/** Largest dynptr. */
const SAMPLE_MAX = (1 << 24) - 1;

export class UserRingbufMap extends RingPages {
  constructor(attrs: MapAttrs, host: MapHost) {
    super(attrs, 31, host);
  }

  /** User space: send one sample. 0, -ENOSPC while the ring is full, -E2BIG for a sample that can never fit. */
  produce(data: Uint8Array): number {
    if (alignUp(data.length + HEADER_BYTES, 8) > this.attrs.maxEntries) return E2BIG;
    const at = this.reserveRecord(data.length);
    if (at === 0) return ENOSPC;
    this.host.memory.u8.set(data, at);
    this.commitRecord(at, false);
    return 0;
  }

  /**
   * Program side: the next sample, `{ offset, size }`, already past discarded ones (`discarded` of them); or a negative
   * errno, -ENODATA when there is none. `release` it when done.
   */
  peek(): { readonly offset: number; readonly size: number } | number {
    for (;;) {
      const end = this.producerPosition;
      if (end % 8 !== 0) return EINVAL;
      const at = this.consumerPosition;
      if (at >= end) return ENODATA;
      const header = this.record(at);
      const word = this.host.memory.i32[header >>> 2]!;
      const size = word & ~(BUSY | DISCARD);
      const total = alignUp(size + HEADER_BYTES, 8);
      if (total > end - at) return EINVAL;
      if (total > this.attrs.maxEntries || size > SAMPLE_MAX) return E2BIG;
      if ((word & DISCARD) !== 0) {
        this.setPosition(CONSUMER, at + total);
        continue;
      }
      return (word & BUSY) !== 0 ? ENODATA : { offset: header + HEADER_BYTES, size };
    }
  }

  release(size: number): void {
    this.setPosition(CONSUMER, this.consumerPosition + alignUp(size + HEADER_BYTES, 8));
  }
}

export const USER_RINGBUF = {
  id: 31,
  name: 'user_ringbuf',
  since: '6.1',
  check: checkRingbuf,
  create: (attrs, host) => new UserRingbufMap(attrs, host),
} as const satisfies MapTypeRow;
