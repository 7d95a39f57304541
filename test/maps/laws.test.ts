/**
 * The laws of maps, over the map table: long random operation sequences against a naive model (a JavaScript Map and the
 * rules of bpf(2) in a few lines), and the laws of iteration. A type joins by a row in PROFILES.
 */
import { describe, expect, it } from 'vitest';
import { toHex } from '../../core/base/bytes.ts';
import { E2BIG, EEXIST, EINVAL, ENOENT, ENOSPC } from '../../core/maps/errno.ts';
import { BPF_F_NO_PREALLOC } from '../../core/maps/flags.ts';
import { createMap, MAP_TYPES } from '../../core/maps/index.ts';
import type { BpfMap, MapAttrs } from '../../core/maps/map.ts';
import { num, TestHost } from './host.ts';

interface Profile {
  readonly attrs: Omit<MapAttrs, 'name'>;
  /** All elements exist from the start (arrays). */
  readonly fixed?: boolean;
  readonly full?: number;
  /** A random key, from a space somewhat larger than the map. */
  key(host: TestHost): Uint8Array;
}

const hashKey = (size: number, space: number) => (host: TestHost) => num(host.below(space) * 2654435761, size);

function lpmKey(host: TestHost): Uint8Array {
  const out = new Uint8Array(8);
  const prefix = host.below(5) * 8;
  out[0] = prefix;
  // Bits past the prefix stay zero, so that equal prefixes are equal keys for the model.
  for (let i = 0; i < prefix / 8; i++) out[4 + i] = host.below(2) * 128 + host.below(2);
  return out;
}

const PROFILES: readonly Profile[] = [
  { attrs: { type: 'hash', keySize: 4, valueSize: 8, maxEntries: 16 }, key: hashKey(4, 24) },
  { attrs: { type: 'hash', keySize: 7, valueSize: 3, maxEntries: 1 }, key: hashKey(7, 3) },
  {
    attrs: { type: 'hash', keySize: 24, valueSize: 100, maxEntries: 10, flags: BPF_F_NO_PREALLOC },
    key: hashKey(24, 15),
  },
  { attrs: { type: 'hash', keySize: 1, valueSize: 1, maxEntries: 100 }, key: (host) => Uint8Array.of(host.below(120)) },
  { attrs: { type: 'percpu_hash', keySize: 8, valueSize: 12, maxEntries: 9 }, key: hashKey(8, 14) },
  {
    attrs: { type: 'percpu_hash', keySize: 4, valueSize: 4, maxEntries: 9, flags: BPF_F_NO_PREALLOC },
    key: hashKey(4, 14),
  },
  {
    attrs: { type: 'array', keySize: 4, valueSize: 5, maxEntries: 12 },
    fixed: true,
    key: (host) => num(host.below(15), 4),
  },
  {
    attrs: { type: 'percpu_array', keySize: 4, valueSize: 8, maxEntries: 5 },
    fixed: true,
    key: (host) => num(host.below(7), 4),
  },
  {
    attrs: { type: 'lpm_trie', keySize: 8, valueSize: 8, maxEntries: 12, flags: BPF_F_NO_PREALLOC },
    full: ENOSPC,
    key: lpmKey,
  },
  // Never filled past the free nodes of one CPU: then nothing is evicted and the map is a hash.
  { attrs: { type: 'lru_hash', keySize: 4, valueSize: 8, maxEntries: 400 }, key: hashKey(4, 40) },
  { attrs: { type: 'lru_percpu_hash', keySize: 4, valueSize: 8, maxEntries: 400 }, key: hashKey(4, 40) },
];

const title = ({ attrs }: Profile) =>
  `${attrs.type} ${attrs.keySize}/${attrs.valueSize} x${attrs.maxEntries}${attrs.flags ? ' no-prealloc' : ''}`;

function userSize(profile: Profile, host: TestHost): number {
  const perCpu = MAP_TYPES.find((row) => row.name === profile.attrs.type)!.perCpu;
  return perCpu ? Math.ceil(profile.attrs.valueSize / 8) * 8 * host.cpus : profile.attrs.valueSize;
}

/** What every map must do, in the fewest words. */
class Model {
  readonly elements = new Map<string, Uint8Array>();
  readonly profile: Profile;
  constructor(profile: Profile, size: number) {
    this.profile = profile;
    if (profile.fixed)
      for (let i = 0; i < profile.attrs.maxEntries; i++) this.elements.set(toHex(num(i, 4)), new Uint8Array(size));
  }

  update(key: Uint8Array, value: Uint8Array, flags: number): number {
    if (flags > 2) return EINVAL;
    const there = this.elements.has(toHex(key));
    if (this.profile.fixed && !there) return E2BIG;
    if (there && flags === 1) return EEXIST;
    if (!there && flags === 2) return ENOENT;
    if (!there && this.elements.size >= this.profile.attrs.maxEntries) return this.profile.full ?? E2BIG;
    this.elements.set(toHex(key), value);
    return 0;
  }

  delete(key: Uint8Array): number {
    if (this.profile.fixed) return EINVAL;
    return this.elements.delete(toHex(key)) ? 0 : ENOENT;
  }
}

function keysOf(map: BpfMap): string[] {
  const keys: string[] = [];
  for (let key = map.nextKey(undefined); key; key = map.nextKey(key)) keys.push(toHex(key));
  return keys;
}

/** lookup of an LPM trie finds prefixes too: the model compares exact keys only, through iteration. */
const exact = (profile: Profile) => profile.attrs.type !== 'lpm_trie';

describe.each(PROFILES.map((profile) => [title(profile), profile] as const))('%s', (_title, profile) => {
  it('does what the model does, 5,000 operations long', () => {
    const host = new TestHost(3, 12345);
    const map = createMap({ name: 'm', ...profile.attrs }, host);
    const size = userSize(profile, host);
    const model = new Model(profile, size);
    const random = new TestHost(1, 777);
    for (let step = 0; step < 5000; step++) {
      const key = profile.key(random);
      const value = Uint8Array.from({ length: size }, () => random.below(256));
      const what = random.below(10);
      if (what < 5) {
        const flags = random.below(8) === 0 ? 3 + random.below(5) * 8 : random.below(3);
        expect(map.update(key, value, flags), `step ${step} update ${toHex(key)} ${flags}`).toBe(
          model.update(key, value, flags),
        );
      } else if (what < 7) {
        expect(map.delete(key), `step ${step} delete ${toHex(key)}`).toBe(model.delete(key));
      } else if (what < 9 && exact(profile)) {
        expect(map.lookup(key), `step ${step} lookup ${toHex(key)}`).toEqual(model.elements.get(toHex(key)));
      } else if (map.lookupAndDelete && what === 9 && random.below(2) === 0) {
        expect(map.lookupAndDelete(key), `step ${step} take ${toHex(key)}`).toEqual(model.elements.get(toHex(key)));
        model.elements.delete(toHex(key));
      } else if (step % 20 === 0) {
        expect(keysOf(map).sort()).toEqual([...model.elements.keys()].sort());
      }
      if (!profile.fixed) expect(map.count).toBe(model.elements.size);
    }
    for (const [key, value] of model.elements)
      expect(map.lookup(Uint8Array.from(Buffer.from(key, 'hex')))).toEqual(value);
    map.close();
  });

  it('is iterated whole while it is emptied, and restarts after a key that is gone', () => {
    const host = new TestHost(2);
    const map = createMap({ name: 'm', ...profile.attrs }, host);
    const random = new TestHost(1, 99);
    const size = userSize(profile, host);
    for (let i = 0; i < 40; i++) map.update(profile.key(random), new Uint8Array(size), 0);
    const before = keysOf(map);
    expect(new Set(before).size).toBe(before.length);
    const first = toHex(map.nextKey(undefined)!);
    expect(toHex(map.nextKey(new Uint8Array(profile.attrs.keySize).fill(0xee))!)).toBe(first);
    if (profile.fixed) return;
    const seen: string[] = [];
    for (let key = map.nextKey(undefined); key; ) {
      seen.push(toHex(key));
      const next = map.nextKey(key);
      expect(map.delete(key)).toBe(0);
      key = next;
    }
    expect(seen).toEqual(before);
    expect(map.nextKey(undefined)).toBeUndefined();
  });

  it('gives its memory back', () => {
    const host = new TestHost(2);
    const map = createMap({ name: 'm', ...profile.attrs }, host);
    map.close();
    map.close();
    const again = createMap({ name: 'm', ...profile.attrs }, host);
    expect(again.offset).toBe(map.offset);
  });
});

describe('programs and user space', () => {
  it('see the same elements through offsets and bytes', () => {
    for (const profile of PROFILES.filter(exact)) {
      const host = new TestHost(3);
      const map = createMap({ name: 'm', ...profile.attrs }, host);
      const { u8 } = host.memory;
      const keyAt = host.memory.alloc(64) + 1; // on purpose not aligned
      const valueAt = host.memory.alloc(256);
      const random = new TestHost(1, 5);
      const key = profile.fixed ? num(2, 4) : profile.key(random);
      u8.set(key, keyAt);
      for (const cpu of [0, 2]) {
        host.cpu = cpu;
        u8.fill(cpu + 1, valueAt, valueAt + profile.attrs.valueSize);
        expect(map.updateOffset(keyAt, valueAt, 0)).toBe(0);
        const at = map.lookupOffset(keyAt);
        expect([...u8.subarray(at, at + profile.attrs.valueSize)]).toEqual(
          new Array(profile.attrs.valueSize).fill(cpu + 1),
        );
      }
      const all = map.lookup(key)!;
      const perCpu = userSize(profile, host) !== profile.attrs.valueSize;
      const stride = perCpu ? all.length / 3 : 0;
      expect(all[0], profile.attrs.type).toBe(perCpu ? 1 : 3);
      if (perCpu) {
        expect([all[stride], all[2 * stride]]).toEqual([0, 3]);
        expect(map.lookupCpuOffset?.(keyAt, 3)).toBe(0);
        expect(u8[map.lookupCpuOffset!(keyAt, 0)]).toBe(1);
      }
    }
  });

  it('keep a pointer usable after its element is replaced or deleted', () => {
    const host = new TestHost(2);
    const map = createMap({ name: 'm', type: 'hash', keySize: 4, valueSize: 8, maxEntries: 8 }, host);
    map.update(num(1, 4), num(111, 8), 0);
    const keyAt = host.memory.alloc(8);
    host.memory.u8.set(num(1, 4), keyAt);
    const held = map.lookupOffset(keyAt);
    map.update(num(1, 4), num(222, 8), 0);
    expect(host.memory.view.getUint32(held, true)).toBe(111);
    expect(host.memory.view.getUint32(map.lookupOffset(keyAt), true)).toBe(222);
    map.delete(num(1, 4));
    map.update(num(2, 4), num(333, 8), 0);
    expect(host.memory.view.getUint32(held, true)).toBe(111);
  });

  it('visit every element once in for_each, also while deleting', () => {
    for (const type of ['hash', 'percpu_hash', 'array', 'lru_hash'] as const) {
      const host = new TestHost(2);
      const map = createMap({ name: 'm', type, keySize: 4, valueSize: 8, maxEntries: 64 }, host);
      const size = type === 'percpu_hash' ? 16 : 8;
      for (let i = 0; i < 20; i++) map.update(num(i, 4), num(i, size), 0);
      const seen: number[] = [];
      const visited = map.forEachElement!((key) => {
        const k = host.memory.view.getUint32(key, true);
        seen.push(k);
        if (type !== 'array') map.deleteOffset(key);
        return true;
      });
      expect(visited).toBe(type === 'array' ? 64 : 20);
      expect(new Set(seen).size).toBe(visited);
      let stopped = 0;
      if (type === 'array') expect(map.forEachElement!(() => ++stopped < 3)).toBe(3);
    }
  });
});
