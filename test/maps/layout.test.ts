/**
 * The contract of core/maps/layout.ts: a reader that knows nothing but that page finds every element in the bytes, as
 * the WebAssembly JIT and C++ do.
 */
import { describe, expect, it } from 'vitest';
import { createMap, MAP_TYPES } from '../../core/maps/index.ts';
import { HEADER, NODE, NODE_REFERENCED } from '../../core/maps/layout.ts';
import type { MapAttrs } from '../../core/maps/map.ts';
import { attrs, num, TestHost } from './host.ts';

/** Written from the comment in layout.ts, on purpose not from the code. */
class LayoutReader {
  readonly #view: DataView;
  readonly #map: number;
  constructor(host: TestHost, map: number) {
    this.#view = host.memory.view;
    this.#map = map;
  }

  header(field: number): number {
    return this.#view.getUint32(this.#map + field, true);
  }

  arrayValue(index: number, cpu: number): number {
    if (index >= this.header(HEADER.MAX_ENTRIES)) return 0;
    return this.header(HEADER.DATA) + index * this.header(HEADER.ELEM_SIZE) + cpu * this.header(HEADER.CPU_STRIDE);
  }

  hash(key: Uint8Array): number {
    const padded = new DataView(new ArrayBuffer(Math.ceil(key.length / 4) * 4));
    for (const [i, byte] of key.entries()) padded.setUint8(i, byte);
    let h = this.header(HEADER.SEED) ^ key.length;
    for (let i = 0; i < padded.byteLength; i += 4) {
      h = Math.imul(h ^ padded.getInt32(i, true), 0x9e3779b1);
      h ^= h >>> 15;
    }
    h = Math.imul(h, 0x85ebca6b);
    return (h ^ (h >>> 13)) >>> 0;
  }

  node(key: Uint8Array): number {
    const hash = this.hash(key);
    const bucket = this.header(HEADER.BUCKETS) + 4 * (hash & this.header(HEADER.BUCKET_MASK));
    for (
      let node = this.#view.getUint32(bucket, true);
      node !== 0;
      node = this.#view.getUint32(node + NODE.NEXT, true)
    ) {
      if (this.#view.getUint32(node + NODE.HASH, true) !== hash) continue;
      const at = node + this.header(HEADER.KEY_AT);
      const padded = Math.ceil(key.length / 8) * 8;
      const stored = Array.from({ length: padded }, (_, i) => this.#view.getUint8(at + i));
      if (stored.every((byte, i) => byte === (key[i] ?? 0))) return node;
    }
    return 0;
  }

  hashValue(key: Uint8Array, cpu: number): number {
    const node = this.node(key);
    return node === 0 ? 0 : node + this.header(HEADER.VALUE_AT) + cpu * this.header(HEADER.CPU_STRIDE);
  }
}

const CASES: readonly MapAttrs[] = [
  ...[1, 3, 4, 6, 8, 12, 17].flatMap((keySize) =>
    ['hash', 'percpu_hash', 'lru_hash', 'lru_percpu_hash'].map((type) =>
      attrs(type, { keySize, valueSize: 12, maxEntries: 50 }),
    ),
  ),
  attrs('hash', { keySize: 5, valueSize: 12, flags: 1, maxEntries: 300 }),
  attrs('array', { valueSize: 12, maxEntries: 50 }),
  attrs('percpu_array', { valueSize: 12, maxEntries: 50 }),
];

describe('the layout', () => {
  it.each(
    CASES.map((a) => [`${a.type} with keys of ${a.keySize}`, a] as const),
  )('%s is found by its page alone', (_title, a) => {
    const host = new TestHost(3, 77);
    const map = createMap(a, host);
    const reader = new LayoutReader(host, map.offset);
    const keyAt = host.memory.alloc(32);
    const isArray = a.type.endsWith('array');
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < 40; i++) {
        const key = num(isArray ? i : i * 7919, a.keySize);
        if (!isArray && i % 3 === round) map.delete(key);
        else
          map.update(key, new Uint8Array(map.lookup(key)?.length ?? (a.type.includes('percpu') ? 48 : 12)).fill(i), 0);
      }
      for (let i = 0; i < 60; i++) {
        const key = num(isArray ? i : i * 7919, a.keySize);
        host.memory.u8.set(key, keyAt);
        for (host.cpu = 0; host.cpu < 3; host.cpu++) {
          const read = isArray ? reader.arrayValue(i, host.cpu) : reader.hashValue(key, host.cpu);
          expect(read, `${i} on CPU ${host.cpu}`).toBe(map.lookupOffset(keyAt));
        }
        host.cpu = 0;
      }
    }
  });

  it('has the type and the sizes of every map in its header', () => {
    const host = new TestHost(2);
    for (const row of MAP_TYPES.filter((one) => one.create)) {
      const inner = attrs('hash');
      const candidates: MapAttrs[] = [4, 8, 0].flatMap((valueSize) =>
        [4, 8, 0].flatMap((keySize) =>
          [0, 1].flatMap((flags) =>
            [8, 4096, 0].map((maxEntries) => ({ ...attrs(row.name), keySize, valueSize, maxEntries, flags, inner })),
          ),
        ),
      );
      const good = candidates.find((one) => row.check(one) === undefined);
      expect(good, row.name).toBeDefined();
      const reader = new LayoutReader(host, createMap(good!, host).offset);
      expect(
        [HEADER.TYPE, HEADER.KEY_SIZE, HEADER.VALUE_SIZE, HEADER.MAX_ENTRIES].map((f) => reader.header(f)),
      ).toEqual([row.id, good!.keySize, good!.valueSize, good!.maxEntries]);
    }
  });

  it('marks what programs look up in LRU maps, and not what user space does', () => {
    const host = new TestHost(1);
    const map = createMap(attrs('lru_hash'), host);
    map.update(num(5, 4), num(1, 8), 0);
    const reader = new LayoutReader(host, map.offset);
    const state = () => host.memory.view.getUint32(reader.node(num(5, 4)) + NODE.STATE, true);
    map.lookup(num(5, 4));
    expect(state() & NODE_REFERENCED).toBe(0);
    const keyAt = host.memory.alloc(8);
    host.memory.u8.set(num(5, 4), keyAt);
    map.lookupOffset(keyAt);
    expect(state() & NODE_REFERENCED).toBe(NODE_REFERENCED);
  });
});
