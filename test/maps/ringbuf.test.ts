import { describe, expect, it } from 'vitest';
import { createMap } from '../../core/maps/index.ts';
import { RINGBUF_QUERY, type RingbufMap, ringbufHeaderOf } from '../../core/maps/ringbuf.ts';
import type { UserRingbufMap } from '../../core/maps/user-ringbuf.ts';
import { attrs, TestHost } from './host.ts';

function open(size = 4096) {
  const host = new TestHost(1);
  const map = createMap(attrs('ringbuf', { keySize: 0, valueSize: 0, maxEntries: size }), host) as RingbufMap;
  const got: Uint8Array[] = [];
  return { host, map, got, consume: () => map.consume((data, at, size) => got.push(data.subarray(at, at + size))) };
}

describe('a ring buffer', () => {
  it('lays records out as the kernel does', () => {
    const { host, map, consume, got } = open();
    const { view } = host.memory;
    const at = map.reserve(13);
    const rb = map.ring;
    expect(at).toBe(rb + 3 * 4096 + 8);
    expect(view.getUint32(at - 8, true)).toBe(0x80000000 + 13);
    expect(view.getUint32(at - 4, true)).toBe(3);
    expect(ringbufHeaderOf(host.memory, at)).toBe(map.offset);
    expect(view.getBigUint64(rb + 2 * 4096, true)).toBe(24n);
    expect(consume()).toBe(0);
    host.memory.u8.fill(5, at, at + 13);
    map.commit(at, 0, false);
    expect(view.getUint32(at - 8, true)).toBe(13);
    expect(consume()).toBe(1);
    expect([...got[0]!]).toEqual(new Array(13).fill(5));
    expect(view.getBigUint64(rb + 4096, true)).toBe(24n);
  });

  it('delivers in order of reservation, waits for the busy one, skips the discarded', () => {
    const { host, map, consume, got } = open();
    const [a, b, c] = [map.reserve(1), map.reserve(1), map.reserve(1)];
    for (const [at, n] of [
      [a, 1],
      [b, 2],
      [c, 3],
    ] as const)
      host.memory.u8[at] = n;
    map.commit(c, 0, false);
    map.commit(b, 0, true);
    expect(consume()).toBe(0);
    map.commit(a, 0, false);
    expect(consume()).toBe(2);
    expect(got.map((data) => data[0])).toEqual([1, 3]);
  });

  it('is full one byte before its size, and counts what it refused', () => {
    const { map, consume } = open();
    expect(map.reserve(4096 - 8)).toBe(0);
    expect(map.reserve(4096)).toBe(0);
    const whole = map.reserve(4096 - 16);
    expect(whole).not.toBe(0);
    expect(map.reserve(0)).toBe(0);
    expect(map.dropped).toBe(3);
    map.commit(whole, 0, false);
    consume();
    expect(map.reserve(8)).not.toBe(0);
  });

  it('keeps records whole across the end, and mirrors them at the start', () => {
    const { host, map, consume, got } = open();
    const random = new TestHost(1, 8);
    const sizes: number[] = [];
    for (let i = 0; i < 3000; i++) {
      const size = random.below(600);
      const at = map.reserve(size);
      expect(at).not.toBe(0);
      for (let k = 0; k < size; k++) host.memory.u8[at + k] = (i + k) & 255;
      map.commit(at, 0, false);
      const data = map.ring + 3 * 4096;
      const end = at + size - (data + 4096);
      if (end > 0 && at < data + 4096) expect(host.memory.u8[data + end - 1]).toBe((i + size - 1) & 255);
      sizes.push(size);
      consume();
    }
    expect(got.map((data) => data.length)).toEqual(sizes);
    got.forEach((data, i) => {
      expect(data.every((byte, k) => byte === ((i + k) & 255))).toBe(true);
    });
  });

  it('received + refused = sent', () => {
    const { host, map, got, consume } = open();
    const from = host.memory.alloc(512);
    const random = new TestHost(1, 4);
    let refused = 0;
    for (let i = 0; i < 5000; i++) {
      if (map.output(from, random.below(200), 0) === -11) refused++;
      if (random.below(60) === 0) consume();
    }
    consume();
    expect(refused).toBeGreaterThan(0);
    expect(got.length + refused).toBe(5000);
    expect(map.dropped).toBe(refused);
  });

  it('wakes up as the flags say, and answers queries', () => {
    const { host, map, consume } = open();
    const from = host.memory.alloc(8);
    map.output(from, 8, 1);
    expect(map.wakeup).toBe(false);
    map.output(from, 8, 0);
    expect(map.wakeup).toBe(false);
    map.output(from, 8, 2);
    expect(map.wakeup).toBe(true);
    expect(map.query(RINGBUF_QUERY.AVAIL_DATA)).toBe(48);
    consume();
    expect(map.wakeup).toBe(false);
    map.output(from, 8, 0);
    expect(map.wakeup).toBe(true);
    expect([0, 1, 2, 3, 4].map((what) => map.query(what))).toEqual([16, 4096, 48, 64, 0]);
  });
});

describe('a user ring buffer', () => {
  it('hands out what user space produced', () => {
    const host = new TestHost(1);
    const map = createMap(
      attrs('user_ringbuf', { keySize: 0, valueSize: 0, maxEntries: 4096 }),
      host,
    ) as UserRingbufMap;
    expect(map.peek()).toBe(-61);
    expect(map.produce(Uint8Array.of(9, 8, 7))).toBe(0);
    expect(map.produce(new Uint8Array(5000))).toBe(-7);
    const sample = map.peek() as { offset: number; size: number };
    expect([...host.memory.u8.subarray(sample.offset, sample.offset + sample.size)]).toEqual([9, 8, 7]);
    map.release(sample.size);
    expect(map.peek()).toBe(-61);
    let produced = 0;
    while (map.produce(new Uint8Array(100)) === 0) produced++;
    expect(produced).toBe(36);
    expect(map.produce(new Uint8Array(100))).toBe(-28);
  });
});
