import { describe, expect, it } from 'vitest';
import type { BloomFilterMap } from '../../core/maps/bloom-filter.ts';
import type { CgroupStorageMap } from '../../core/maps/cgroup-storage.ts';
import { BPF_F_NO_PREALLOC, BPF_F_RDONLY, BPF_F_STACK_BUILD_ID, BPF_F_ZERO_SEED } from '../../core/maps/flags.ts';
import { checkMap, createMap, MAP_TYPES, mapTypeById, mapTypeByName } from '../../core/maps/index.ts';
import { jhash } from '../../core/maps/jhash.ts';
import type { MapAttrs, MapTypeRow } from '../../core/maps/map.ts';
import { STACK_FLAGS, type StackTraceMap } from '../../core/maps/stack-trace.ts';
import { attrs, num, TestHost, u32 } from './host.ts';

describe('the map table', () => {
  it('has the 33 types of Linux 6.18 in order', () => {
    expect(MAP_TYPES.map((row) => row.id)).toEqual(Array.from({ length: 33 }, (_, i) => i + 1));
    expect(new Set(MAP_TYPES.map((row) => row.name)).size).toBe(33);
    expect(mapTypeById(27)?.name).toBe('ringbuf');
    expect(mapTypeByName('BPF_MAP_TYPE_LPM_TRIE')?.id).toBe(11);
  });

  it('says Unsupported by name for what has no behaviour, and names the nearest type for what does not exist', () => {
    const host = new TestHost();
    expect(() => createMap(attrs('struct_ops', { maxEntries: 1 }), host)).toThrow(
      /map type struct_ops \(map m\) is not supported.*5\.6.*a subsystem that calls them/,
    );
    for (const row of MAP_TYPES as readonly MapTypeRow[])
      expect(row.create === undefined, row.name).toBe(row.why !== undefined);
    expect(() => createMap(attrs('hsh'), host)).toThrow(/no map type 'hsh' \(near: hash/);
  });

  const refused: [MapAttrs, string][] = [
    [attrs('hash', { keySize: 0 }), 'EINVAL'],
    [attrs('hash', { maxEntries: 0 }), 'EINVAL'],
    [attrs('hash', { valueSize: 1 << 22 }), 'E2BIG'],
    [attrs('hash', { flags: 2 }), 'EINVAL'],
    [attrs('lru_hash', { flags: BPF_F_NO_PREALLOC }), 'ENOTSUPP'],
    [attrs('array', { keySize: 8 }), 'EINVAL'],
    [attrs('array', { flags: BPF_F_NO_PREALLOC }), 'EINVAL'],
    [attrs('percpu_array', { valueSize: 32769 }), 'E2BIG'],
    [attrs('percpu_hash', { valueSize: 40000 }), 'E2BIG'],
    [attrs('prog_array', { valueSize: 8 }), 'EINVAL'],
    [attrs('ringbuf', { keySize: 0, valueSize: 0, maxEntries: 5000 }), 'EINVAL'],
    [attrs('ringbuf', { keySize: 0, valueSize: 0, maxEntries: 12288 }), 'EINVAL'],
    [attrs('queue', { keySize: 4 }), 'EINVAL'],
    [attrs('lpm_trie', {}), 'EINVAL'],
    [attrs('stack_trace', { valueSize: 12 }), 'EINVAL'],
    [attrs('stack_trace', { valueSize: 8 * 128 }), 'EINVAL'],
    [attrs('array_of_maps', { valueSize: 4 }), 'EBADF'],
    [attrs('task_storage', { maxEntries: 0 }), 'EINVAL'],
    [attrs('hash', { flags: 8 | 16 }), 'EINVAL'],
  ];
  it.each(
    refused.map(([a, errno]) => [`${a.type} ${JSON.stringify(a)}`, a, errno] as const),
  )('refuses %s', (_t, a, errno) => {
    expect(checkMap(a)).toMatch(new RegExp(`^${errno}: `));
    expect(() => createMap(a, new TestHost())).toThrow(expect.objectContaining({ code: errno }));
  });

  it('refuses 100 million entries before memory ends', () => {
    expect(() => createMap(attrs('hash', { maxEntries: 100_000_000, valueSize: 64 }), new TestHost())).toThrow(
      expect.objectContaining({ code: 'ENOMEM' }),
    );
  });
});

describe('user space', () => {
  it('may not write to a frozen or read-only map', () => {
    const host = new TestHost();
    const map = createMap(attrs('hash'), host);
    map.update(u32(1), num(5, 8), 0);
    map.freeze?.();
    expect([map.update(u32(1), num(6, 8), 0), map.delete(u32(1))]).toEqual([-1, -1]);
    expect(map.lookup(u32(1))).toEqual(num(5, 8));
    const readOnly = createMap(attrs('array', { flags: BPF_F_RDONLY }), host);
    expect(readOnly.update(u32(0), num(1, 8), 0)).toBe(-1);
  });

  it('hears about keys and values of a wrong length', () => {
    const map = createMap(attrs('percpu_hash'), new TestHost(4));
    expect(() => map.lookup(new Uint8Array(8))).toThrow('map m: a key has 4 bytes, not 8');
    expect(() => map.update(u32(1), num(1, 8), 0)).toThrow('map m: a value has 32 bytes (4 CPUs of 8), not 8');
  });

  it('sees values without their spin lock, and may not move it', () => {
    const map = createMap(attrs('hash', { valueSize: 12, spinLock: 4 }), new TestHost());
    map.update(u32(1), new Uint8Array(12).fill(0xff), 4);
    expect([...map.lookup(u32(1))!]).toEqual([255, 255, 255, 255, 0, 0, 0, 0, 255, 255, 255, 255]);
    expect(createMap(attrs('hash'), new TestHost()).update(u32(1), num(1, 8), 4)).toBe(-22);
  });
});

describe('prog and cgroup arrays', () => {
  it('hold what descriptors name', () => {
    const map = createMap(attrs('prog_array', { valueSize: 4, maxEntries: 3 }), new TestHost());
    expect(map.lookup(u32(1))).toBeUndefined();
    expect(map.update(u32(1), u32(42), 0)).toBe(0);
    expect(map.lookup(u32(1))).toEqual(u32(42));
    expect(map.update(u32(3), u32(42), 0)).toBe(-7);
    expect(map.update(u32(1), u32(42), 1)).toBe(-22);
    expect(map.update(u32(1), u32(0xffffffff), 0)).toBe(-9);
    expect([map.delete(u32(1)), map.delete(u32(1)), map.delete(u32(9))]).toEqual([0, -2, -7]);
    expect(map.nextKey(u32(0))).toEqual(u32(1));
  });
});

describe('maps of maps', () => {
  const inner = attrs('hash', { name: 'inner' });
  it.each(['array_of_maps', 'hash_of_maps'])('%s hold maps that are like the first', (type) => {
    const host = new TestHost();
    const outer = createMap(attrs(type, { valueSize: 4, inner }), host);
    const good = createMap(inner, host);
    host.maps.set(3, good);
    host.maps.set(4, createMap(attrs('hash', { valueSize: 16 }), host));
    expect(outer.update(u32(1), u32(3), 0)).toBe(0);
    expect(outer.lookup(u32(1))).toEqual(u32(3));
    expect(outer.update(u32(2), u32(4), 0)).toBe(-22);
    expect(outer.update(u32(2), u32(5), 0)).toBe(-9);
    const key = host.memory.alloc(8);
    host.memory.u8.set(u32(1), key);
    expect(outer.lookupOffset(key)).toBe(good.offset);
    expect(outer.updateOffset(key, key, 0)).toBe(-22);
    expect(outer.delete(u32(1))).toBe(0);
    expect(outer.lookupOffset(key)).toBe(0);
    expect(outer.delete(u32(1))).toBe(-2);
  });
  it('do not nest', () => {
    expect(
      checkMap(attrs('hash_of_maps', { valueSize: 4, inner: attrs('array_of_maps', { valueSize: 4, inner }) })),
    ).toMatch(/^EINVAL/);
    expect(checkMap(attrs('hash_of_maps', { valueSize: 4, inner: attrs('prog_array', { valueSize: 4 }) }))).toMatch(
      /^ENOTSUPP/,
    );
  });
});

describe('a stack map', () => {
  const ips = (...lows: number[]) => Int32Array.from(lows.flatMap((lo) => [lo, -1]));
  function open(more: Partial<MapAttrs> = {}) {
    const host = new TestHost();
    return {
      host,
      map: createMap(attrs('stack_trace', { valueSize: 80, maxEntries: 4, ...more }), host) as StackTraceMap,
    };
  }

  it('gives the same stack the same id, which is the kernel hash', () => {
    const { host, map } = open({ maxEntries: 1024 });
    const id = map.store(ips(1, 2, 3), 0);
    expect(map.store(ips(1, 2, 3), 0)).toBe(id);
    const at = host.memory.alloc(24);
    host.memory.i32.set(ips(1, 2, 3), at >> 2);
    expect(id).toBe(jhash(host.memory.view, at, 24, 0) & 1023);
    const value = map.lookup(u32(id))!;
    expect(value.length).toBe(80);
    expect([...value.subarray(0, 9)]).toEqual([1, 0, 0, 0, 255, 255, 255, 255, 2]);
    expect([...value.subarray(24)]).toEqual(new Array(56).fill(0));
    expect(map.nextKey(undefined)).toEqual(u32(id));
    expect(map.store(ips(9, 1, 2, 3), 1)).toBe(id);
    expect(map.store(ips(1, 2), 2)).toBe(-14);
  });

  it('refuses another stack in a bucket, or lets it replace the first', () => {
    const { map } = open({ maxEntries: 1 });
    expect(map.store(ips(1), 0)).toBe(0);
    expect(map.store(ips(2), 0)).toBe(-17);
    expect(map.store(ips(2), STACK_FLAGS.REUSE)).toBe(-12);
    expect(map.delete(u32(0))).toBe(0);
    expect(map.store(ips(2), STACK_FLAGS.REUSE)).toBe(0);
    expect([map.delete(u32(0)), map.delete(u32(0)), map.delete(u32(1))]).toEqual([0, -2, -7]);
  });

  it('cuts stacks at its depth, and keeps build ids', () => {
    const { map } = open();
    const id = map.store(ips(...Array.from({ length: 30 }, (_, i) => i + 1)), 0);
    expect(map.lookup(u32(id))![72]).toBe(10);
    const named = open({ valueSize: 64, flags: BPF_F_STACK_BUILD_ID }).map;
    const find = (lo: number) =>
      lo === 1 ? { id: new Uint8Array(20).fill(7), offset: [0x99, 0] as const } : undefined;
    const value = named.lookup(u32(named.store(ips(1, 2), STACK_FLAGS.USER, find)))!;
    expect([value[0], value[4], value[24], value[32], value[36], value[56]]).toEqual([1, 7, 0x99, 2, 0, 2]);
  });
});

describe('a bloom filter', () => {
  it('never forgets, and rarely invents', () => {
    const map = createMap(
      attrs('bloom_filter', { keySize: 0, valueSize: 4, maxEntries: 1000, flags: BPF_F_ZERO_SEED }),
      new TestHost(),
    ) as BloomFilterMap;
    for (let i = 0; i < 1000; i++) expect(map.update(new Uint8Array(0), u32(i), 0)).toBe(0);
    let invented = 0;
    for (let i = 0; i < 1000; i++) {
      expect(map.has(u32(i))).toBe(true);
      if (map.has(u32(i + 100_000))) invented++;
    }
    expect(invented).toBeLessThan(50);
    expect(map.update(new Uint8Array(0), u32(1), 1)).toBe(-22);
  });
});

describe('jhash', () => {
  it('gives the kernel its numbers', () => {
    // It is lookup3's hashlittle, whose author published these.
    const host = new TestHost();
    const at = host.memory.alloc(64);
    const text = Uint8Array.from(Buffer.from('Four score and seven years ago'));
    host.memory.u8.set(text, at);
    expect(jhash(host.memory.view, at, 0, 0)).toBe(0xdeadbeef);
    expect(jhash(host.memory.view, at, 0, 0xdeadbeef)).toBe(0xbd5b7dde);
    expect(jhash(host.memory.view, at, text.length, 0)).toBe(0x17770551);
    expect(jhash(host.memory.view, at, text.length, 1)).toBe(0xcd628161);
    const seen = new Set<number>();
    for (let n = 1; n <= 40; n++) seen.add(jhash(host.memory.view, at, n, 0));
    expect(seen.size).toBe(40);
  });
});

describe('maps of sockets', () => {
  /** Descriptors 10 to 19 are sockets with cookies 100 to 109. */
  const host = () =>
    Object.assign(new TestHost(), { socketByFd: (_type: string, fd: number) => (fd >= 10 && fd < 20 ? fd + 90 : -9) });

  it.each(['sockmap', 'reuseport_sockarray'])('%s gives cookies where there is room for one', (type) => {
    const wide = createMap(attrs(type, { valueSize: 8, maxEntries: 2 }), host());
    expect(wide.update(num(1, 4), num(12, 8), 0)).toBe(0);
    expect(wide.lookup(num(1, 4))).toEqual(num(102, 8));
    expect(wide.lookup(num(0, 4))).toBeUndefined();
    expect(wide.update(num(1, 4), num(13, 8), 1)).toBe(-17);
    expect(wide.update(num(0, 4), num(13, 8), 2)).toBe(-2);
    expect(wide.update(num(2, 4), num(13, 8), 0)).toBe(-7);
    expect(wide.delete(num(1, 4))).toBe(0);
    expect(wide.delete(num(1, 4))).toBe(type === 'sockmap' ? -22 : -2);
    const narrow = createMap(attrs(type, { valueSize: 4, maxEntries: 2 }), host());
    expect(narrow.update(num(1, 4), num(12, 4), 0)).toBe(0);
    expect(narrow.lookup(num(1, 4))).toBeUndefined();
  });

  it('sockhash holds them by key', () => {
    const map = createMap(attrs('sockhash', { keySize: 6, valueSize: 8, maxEntries: 2 }), host());
    for (const [key, fd] of [
      [1, 10],
      [2, 11],
    ] as const)
      expect(map.update(num(key, 6), num(fd, 8), 0)).toBe(0);
    expect(map.update(num(3, 6), num(12, 8), 0)).toBe(-7);
    expect(map.lookup(num(2, 6))).toEqual(num(101, 8));
    expect([map.delete(num(1, 6)), map.delete(num(1, 6))]).toEqual([0, -2]);
  });

  it('xskmap shows programs where a socket is, and user space nothing', () => {
    const h = host();
    const map = createMap(attrs('xskmap', { valueSize: 4, maxEntries: 2 }), h);
    expect(map.update(num(1, 4), num(12, 4), 0)).toBe(0);
    const key = h.memory.alloc(8);
    h.memory.u8.set(num(1, 4), key);
    expect(h.memory.view.getUint32(map.lookupOffset(key), true)).toBe(102);
    expect(map.lookup(num(1, 4))).toBeUndefined();
    expect([map.delete(num(0, 4)), map.delete(num(9, 4))]).toEqual([0, -22]);
  });
});

describe('cgroup storage', () => {
  it('has a value for each cgroup and attach type that a program was attached to', () => {
    const h = new TestHost(2);
    const map = createMap(attrs('percpu_cgroup_storage', { keySize: 16, maxEntries: 0 }), h) as CgroupStorageMap;
    const key = (id: number, type: number) => Uint8Array.from([...num(id, 8), ...num(type, 8)]);
    expect(map.nextKey(undefined)).toBeUndefined();
    map.link(7, 0);
    map.link(7, 1);
    map.link(7, 0);
    expect(map.count).toBe(2);
    expect([map.nextKey(undefined), map.nextKey(key(7, 0)), map.nextKey(key(7, 1))]).toEqual([
      key(7, 0),
      key(7, 1),
      undefined,
    ]);
    h.cpu = 1;
    h.memory.view.setUint32(map.storageOf(7, 1), 42, true);
    expect(map.lookup(key(7, 1))).toEqual(Uint8Array.from([...num(0, 8), ...num(42, 8)]));
    expect([
      map.update(key(7, 0), new Uint8Array(16), 1),
      map.update(key(8, 0), new Uint8Array(16), 0),
      map.delete(key(7, 0)),
    ]).toEqual([-22, -2, -22]);
    expect(map.storageOf(9, 0)).toBe(0);
  });
});
