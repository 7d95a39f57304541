import { describe, expect, it } from 'vitest';
import { createMap } from '../../core/maps/index.ts';
import { CURRENT_CPU, type PerfEventArrayMap } from '../../core/maps/perf-event-array.ts';
import { DATA_HEAD, DATA_TAIL, type PerfSink } from '../../core/maps/perf-ring.ts';
import { attrs, TestHost } from './host.ts';

class Collect implements PerfSink {
  readonly samples: Uint8Array[] = [];
  lost = 0;
  onSample(bytes: Uint8Array, at: number, size: number) {
    this.samples.push(bytes.subarray(at, at + size));
  }
  onLost(count: number) {
    this.lost += count;
  }
}

function open(pages = 1) {
  const host = new TestHost(2);
  const map = createMap(attrs('perf_event_array', { valueSize: 4, maxEntries: 2 }), host) as PerfEventArrayMap;
  const ring = map.openRing(0, pages);
  const from = host.memory.alloc(8192);
  const send = (...bytes: number[]) => {
    host.memory.u8.set(bytes, from);
    return map.output(CURRENT_CPU, from, bytes.length);
  };
  return { host, map, ring, from, send };
}

describe('a perf buffer', () => {
  it('lays records out as perf_event_mmap_page and PERF_RECORD_SAMPLE say', () => {
    const { host, ring, send } = open();
    const { view } = host.memory;
    expect(send(1, 2, 3, 4, 5)).toBe(0);
    const data = ring.offset + 4096;
    expect(view.getUint32(data, true)).toBe(9);
    expect(view.getUint16(data + 4, true)).toBe(0);
    expect(view.getUint16(data + 6, true)).toBe(24);
    // 5 bytes and the u32 before them, padded to 16: the raw size counts the padding.
    expect(view.getUint32(data + 8, true)).toBe(12);
    expect([...host.memory.u8.subarray(data + 12, data + 24)]).toEqual([1, 2, 3, 4, 5, 0, 0, 0, 0, 0, 0, 0]);
    expect(view.getBigUint64(ring.offset + DATA_HEAD, true)).toBe(24n);
    expect(view.getBigUint64(ring.offset + DATA_TAIL, true)).toBe(0n);
    const sink = new Collect();
    expect(ring.read(sink)).toBe(1);
    expect([...sink.samples[0]!]).toEqual([1, 2, 3, 4, 5, 0, 0, 0, 0, 0, 0, 0]);
    expect(view.getBigUint64(ring.offset + DATA_TAIL, true)).toBe(24n);
  });

  it('wraps records around its end', () => {
    const { ring, send } = open();
    const sink = new Collect();
    for (let i = 0; i < 1000; i++) {
      expect(send(...Array.from({ length: 100 }, (_, k) => (i + k) & 255))).toBe(0);
      ring.read(sink);
    }
    expect(sink.samples.length).toBe(1000);
    sink.samples.forEach((data, i) => {
      expect([...data.subarray(0, 100)]).toEqual(Array.from({ length: 100 }, (_, k) => (i + k) & 255));
    });
    expect(sink.lost).toBe(0);
  });

  it('drops what does not fit, and tells exactly how many in the record before the next sample', () => {
    const { ring, send, host } = open();
    // One byte makes a record of 16; 4096 bytes less one hold 255 of them.
    let sent = 0;
    while (send(sent & 255) === 0) sent++;
    expect(sent).toBe(255);
    for (let i = 0; i < 9; i++) expect(send(0)).toBe(-28);
    const sink = new Collect();
    expect(ring.read(sink)).toBe(sent);
    expect(sink.lost).toBe(0);
    expect(send(7)).toBe(0);
    const at = ring.offset + 4096 + ((sent * 16) % 4096);
    expect(host.memory.view.getUint32(at, true)).toBe(2);
    expect(host.memory.view.getUint16(at + 6, true)).toBe(24);
    ring.read(sink);
    expect([sink.samples.length, sink.lost]).toEqual([sent + 1, 10]);
    expect(ring.takeLost()).toBe(0);
  });

  it('received + lost = sent, whatever the reader does', () => {
    const { host, ring, from, map } = open(2);
    const random = new TestHost(1, 3);
    const sink = new Collect();
    let sent = 0;
    for (let step = 0; step < 20_000; step++) {
      if (random.below(200) === 0) ring.read(sink);
      const size = 1 + random.below(300);
      host.memory.view.setUint32(from, sent, true);
      map.output(CURRENT_CPU, from, Math.max(size, 4));
      sent++;
    }
    ring.read(sink);
    const pending = ring.takeLost();
    expect(sink.lost).toBeGreaterThan(0);
    expect(sink.samples.length + sink.lost + pending).toBe(sent);
    expect(ring.written + ring.lostTotal).toBe(sent);
    const numbers = sink.samples.map((data) => new DataView(data.buffer, data.byteOffset).getUint32(0, true));
    expect(numbers.every((n, i) => i === 0 || n > numbers[i - 1]!)).toBe(true);
  });

  it('goes on behind a record whose sink threw', () => {
    const { ring, send } = open();
    for (const n of [1, 2, 3]) send(n);
    const got: number[] = [];
    const sink: PerfSink = {
      onSample(bytes, at) {
        if (bytes[at] === 2) throw new Error('callback');
        got.push(bytes[at]!);
      },
      onLost() {},
    };
    expect(() => ring.read(sink)).toThrow('callback');
    ring.read(sink);
    expect(got).toEqual([1, 3]);
  });

  it('refuses what bpf_perf_event_output refuses', () => {
    const { host, map, send, from } = open();
    expect(map.output(2, from, 4)).toBe(-7);
    expect(map.output(1, from, 4)).toBe(-2);
    host.cpu = 1;
    expect(map.output(0, from, 4)).toBe(-95);
    expect(send(1)).toBe(-2);
    host.cpu = 0;
    map.closeSlot(0);
    expect(send(1)).toBe(-2);
    map.openCounter(0, { read: () => ({ value: [5, 0], enabled: [1, 0], running: [1, 0] }) });
    expect(send(1)).toBe(-22);
    expect(() => map.openRing(0, 3)).toThrow(/power of two/);
    expect(() => map.openRing(5, 1)).toThrow(/no slot 5/);
  });
});
