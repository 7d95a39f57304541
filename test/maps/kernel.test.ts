/**
 * Maps against the real kernel's through bpf(2), where that is permitted: the same random operations, the same results
 * and errnos. LRU maps too, eviction by eviction, since lru-list.ts does what the kernel does; that needs this thread
 * to stay on one CPU.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  bpfUnavailable,
  createMap as createKernelMap,
  deleteElem,
  lookupAndDeleteElem,
  lookupElem,
  nextKey,
  sys,
  updateElem,
} from '../../bindings/linux/bpf.ts';
import { toHex } from '../../core/base/bytes.ts';
import type { SysError } from '../../core/base/errors.ts';
import type { BloomFilterMap } from '../../core/maps/bloom-filter.ts';
import { EBADF } from '../../core/maps/errno.ts';
import {
  BPF_F_INNER_MAP,
  BPF_F_MMAPABLE,
  BPF_F_NO_COMMON_LRU,
  BPF_F_NO_PREALLOC,
  BPF_F_NUMA_NODE,
  BPF_F_PRESERVE_ELEMS,
  BPF_F_RDONLY,
  BPF_F_RDONLY_PROG,
  BPF_F_WRONLY,
  BPF_F_WRONLY_PROG,
  BPF_F_ZERO_SEED,
} from '../../core/maps/flags.ts';
import { checkMap, createMap, MAP_TYPES, mapTypeByName } from '../../core/maps/index.ts';
import type { MapAttrs } from '../../core/maps/map.ts';
import { num, TestHost } from './host.ts';

const reason = bpfUnavailable();

/** Possible CPUs of this machine: per-CPU values have as many. */
function possibleCpus(): number {
  const text = readFileSync('/sys/devices/system/cpu/possible', 'utf8').trim();
  return Number(text.split(/[,-]/).at(-1)) + 1;
}

function stayOnOneCpu(): boolean {
  try {
    execFileSync('taskset', ['-pc', '0', String(process.pid)], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

interface Case {
  readonly attrs: Omit<MapAttrs, 'name'>;
  key(host: TestHost): Uint8Array;
  value?(host: TestHost): Uint8Array;
  readonly lru?: boolean;
  /** nextKey's order is the same too. */
  readonly ordered?: boolean;
  readonly keyless?: boolean;
}

const below =
  (n: number, size = 4) =>
  (host: TestHost) =>
    num(host.below(n), size);
/** A number that no descriptor of ours has. */
const noDescriptor = (size: number) => (host: TestHost) =>
  num([0x7ffffff0, 0xffffffff, size === 8 ? 2 ** 33 : 0x7ffffff1][host.below(3)]!, size);
const NO_KEY = () => new Uint8Array(0);

function lpmKey(host: TestHost): Uint8Array {
  const out = new Uint8Array(8);
  out[0] = host.below(34);
  for (let i = 0; i < 4; i++) out[4 + i] = [0, 128, 192, 255, 10][host.below(5)]!;
  return out;
}

const CASES: readonly Case[] = [
  { attrs: { type: 'hash', keySize: 4, valueSize: 8, maxEntries: 16 }, key: below(24) },
  { attrs: { type: 'hash', keySize: 5, valueSize: 3, maxEntries: 16, flags: BPF_F_NO_PREALLOC }, key: below(24, 5) },
  { attrs: { type: 'array', keySize: 4, valueSize: 6, maxEntries: 12 }, key: below(15), ordered: true },
  { attrs: { type: 'percpu_hash', keySize: 4, valueSize: 8, maxEntries: 12 }, key: below(18) },
  { attrs: { type: 'percpu_array', keySize: 4, valueSize: 8, maxEntries: 12 }, key: below(15), ordered: true },
  {
    attrs: { type: 'lpm_trie', keySize: 8, valueSize: 8, maxEntries: 12, flags: BPF_F_NO_PREALLOC },
    key: lpmKey,
    ordered: true,
  },
  { attrs: { type: 'queue', keySize: 0, valueSize: 8, maxEntries: 5 }, key: NO_KEY, keyless: true },
  { attrs: { type: 'stack', keySize: 0, valueSize: 8, maxEntries: 5 }, key: NO_KEY, keyless: true },
  {
    attrs: { type: 'cpumap', keySize: 4, valueSize: 4, maxEntries: 3 },
    key: below(5),
    value: (host) => num([0, 10, 16385][host.below(3)]!, 4),
    ordered: true,
  },
  {
    attrs: { type: 'devmap', keySize: 4, valueSize: 4, maxEntries: 3 },
    key: below(5),
    value: (host) => num([0, 1, 0x7ffffff0][host.below(3)]!, 4),
    ordered: true,
  },
  {
    attrs: { type: 'devmap_hash', keySize: 4, valueSize: 4, maxEntries: 3 },
    key: below(5),
    value: (host) => num([0, 1, 0x7ffffff0][host.below(3)]!, 4),
  },
  // Types that hold what descriptors name: none of these is one.
  ...(
    [
      ['prog_array', 4],
      ['perf_event_array', 4],
      ['cgroup_array', 4],
      ['sockmap', 4],
      ['sockmap', 8],
      ['xskmap', 4],
      ['reuseport_sockarray', 4],
      ['reuseport_sockarray', 8],
    ] as const
  ).map(([type, valueSize]) => ({
    attrs: { type, keySize: 4, valueSize, maxEntries: 4 },
    key: below(6),
    value: noDescriptor(valueSize),
    ordered: true,
  })),
  { attrs: { type: 'sockhash', keySize: 6, valueSize: 4, maxEntries: 4 }, key: below(6, 6), value: noDescriptor(4) },
  { attrs: { type: 'sockhash', keySize: 6, valueSize: 8, maxEntries: 4 }, key: below(6, 6), value: noDescriptor(8) },
  { attrs: { type: 'cgroup_storage', keySize: 16, valueSize: 8, maxEntries: 0 }, key: below(3, 16) },
  { attrs: { type: 'cgroup_storage', keySize: 8, valueSize: 8, maxEntries: 0 }, key: below(3, 8) },
  { attrs: { type: 'percpu_cgroup_storage', keySize: 8, valueSize: 8, maxEntries: 0 }, key: below(3, 8) },
  { attrs: { type: 'stack_trace', keySize: 4, valueSize: 64, maxEntries: 8 }, key: below(10), ordered: true },
  // Each flag of BPF_MAP_CREATE, on a type that takes it.
  ...(
    [
      ['hash', BPF_F_RDONLY],
      ['hash', BPF_F_WRONLY],
      ['hash', BPF_F_RDONLY_PROG],
      ['hash', BPF_F_WRONLY_PROG],
      ['hash', BPF_F_ZERO_SEED],
      ['hash', BPF_F_NUMA_NODE],
      ['percpu_hash', BPF_F_NO_PREALLOC],
      ['array', BPF_F_MMAPABLE],
      ['array', BPF_F_INNER_MAP],
      ['array', BPF_F_NUMA_NODE | BPF_F_WRONLY],
      ['percpu_array', BPF_F_RDONLY],
      ['lru_hash', BPF_F_NUMA_NODE],
    ] as const
  ).map(([type, flags]) => ({
    attrs: { type, keySize: 4, valueSize: 8, maxEntries: 16, flags },
    key: below(24),
    ordered: type.includes('array'),
    lru: type === 'lru_hash',
  })),
  {
    attrs: { type: 'perf_event_array', keySize: 4, valueSize: 4, maxEntries: 4, flags: BPF_F_PRESERVE_ELEMS },
    key: below(6),
    value: noDescriptor(4),
    ordered: true,
  },
  {
    attrs: { type: 'queue', keySize: 0, valueSize: 12, maxEntries: 3, flags: BPF_F_RDONLY },
    key: NO_KEY,
    keyless: true,
  },
  {
    attrs: { type: 'stack', keySize: 0, valueSize: 3, maxEntries: 1, flags: BPF_F_WRONLY },
    key: NO_KEY,
    keyless: true,
  },
  { attrs: { type: 'ringbuf', keySize: 0, valueSize: 0, maxEntries: 4096 }, key: NO_KEY, keyless: true },
  { attrs: { type: 'user_ringbuf', keySize: 0, valueSize: 0, maxEntries: 4096 }, key: NO_KEY, keyless: true },
  { attrs: { type: 'lru_hash', keySize: 4, valueSize: 8, maxEntries: 10 }, key: below(24), lru: true },
  { attrs: { type: 'lru_hash', keySize: 4, valueSize: 8, maxEntries: 1000 }, key: below(3000), lru: true },
  {
    attrs: { type: 'lru_hash', keySize: 4, valueSize: 8, maxEntries: 64, flags: BPF_F_NO_COMMON_LRU },
    key: below(100),
    lru: true,
  },
  { attrs: { type: 'lru_percpu_hash', keySize: 4, valueSize: 8, maxEntries: 50 }, key: below(100), lru: true },
];

const hex = (bytes: Uint8Array | undefined) => (bytes ? toHex(bytes) : undefined);

describe.skipIf(reason !== undefined)(`maps and the kernel${reason ? ` (skipped: ${reason})` : ''}`, () => {
  const pinned = reason === undefined && stayOnOneCpu();

  it.each(
    CASES.filter((c) => !c.lru || pinned).map(
      (c) => [`${c.attrs.type} x${c.attrs.maxEntries}, flags ${c.attrs.flags ?? 0}`, c] as const,
    ),
  )('%s: the same results, 10,000 operations long', (_title, { attrs, key, value, lru, ordered, keyless }) => {
    const cpus = possibleCpus();
    const host = Object.assign(new TestHost(cpus, 4242), {
      hasDevice: (index: number) => index === 1,
      progByFd: () => EBADF,
      cgroupByFd: () => EBADF,
    });
    const ours = createMap({ name: 'm', ...attrs }, host);
    const row = mapTypeByName(attrs.type)!;
    const fd = createKernelMap({ ...attrs, type: row.id, extra: BigInt(attrs.extra ?? 0) });
    const size = row.perCpu ? 8 * Math.ceil(attrs.valueSize / 8) * cpus : attrs.valueSize;
    const random = new TestHost(1, 31337);
    const read = (call: (out: Uint8Array) => number) => {
      const out = new Uint8Array(size);
      return call(out) === 0 ? toHex(out) : undefined;
    };
    try {
      for (let step = 0; step < 10_000; step++) {
        const k = key(random);
        const what = random.below(10);
        if (what < 5) {
          const flags = lru
            ? [0, 0, 0, 1, 2][random.below(5)]!
            : random.below(10) === 0
              ? random.below(9)
              : random.below(3);
          const v = value ? value(random) : Uint8Array.from({ length: size }, () => random.below(256));
          expect(ours.update(k, v, flags), `step ${step}: update ${toHex(k)} flags ${flags}`).toBe(
            updateElem(fd, k, v, flags),
          );
        } else if (what < 7 && !keyless) {
          expect(ours.delete(k), `step ${step}: delete ${toHex(k)}`).toBe(deleteElem(fd, k));
        } else if (what < 9) {
          expect(hex(ours.lookup(k)), `step ${step}: lookup ${toHex(k)}`).toBe(read((out) => lookupElem(fd, k, out)));
        } else if (ours.lookupAndDelete) {
          const taken = read((out) => lookupAndDeleteElem(fd, k, out));
          expect(hex(ours.lookupAndDelete(k)), `step ${step}: take ${toHex(k)}`).toBe(taken);
        } else if (step % 10 === 0) {
          const mine: string[] = [];
          for (let at = ours.nextKey(undefined); at; at = ours.nextKey(at)) mine.push(toHex(at));
          const theirs: string[] = [];
          for (let at: Uint8Array | undefined; ; ) {
            const next = new Uint8Array(attrs.keySize);
            if (nextKey(fd, at, next) < 0) break;
            theirs.push(toHex(next));
            at = next;
          }
          expect(ordered ? mine : mine.sort(), `step ${step}: keys`).toEqual(ordered ? theirs : theirs.sort());
        }
      }
    } finally {
      sys().close(fd);
    }
  });

  // The filter's seed is known, so that what it invents is the kernel's too.
  it.each([0, 1, 3, 15])('bloom_filter of %s hash functions: the same answers, 10,000 values long', (extra) => {
    const attrs = { type: 'bloom_filter', keySize: 0, valueSize: 8, maxEntries: 64, flags: BPF_F_ZERO_SEED, extra };
    const ours = createMap({ name: 'm', ...attrs }, new TestHost()) as BloomFilterMap;
    const fd = createKernelMap({ ...attrs, type: mapTypeByName('bloom_filter')!.id, extra: BigInt(extra) });
    const random = new TestHost(1, 4711);
    const none = new Uint8Array(0);
    let invented = 0;
    const pushed = new Set<string>();
    try {
      for (let step = 0; step < 10_000; step++) {
        const value = num(random.below(400), 8);
        if (step % 200 === 0) {
          const flags = random.below(3);
          expect(ours.update(none, value, flags), `step ${step}`).toBe(updateElem(fd, none, value, flags));
          if (flags === 0) pushed.add(toHex(value));
        }
        const has = lookupElem(fd, none, value.slice()) === 0;
        expect(ours.has(value), `step ${step}: ${toHex(value)}`).toBe(has);
        if (has && !pushed.has(toHex(value))) invented++;
      }
    } finally {
      sys().close(fd);
    }
    // One bit a value tells little: there the two must agree on what is not true.
    if (extra === 1) expect(invented).toBeGreaterThan(0);
  });

  it('refuses the attributes that the kernel refuses, with its errno', () => {
    const random = new TestHost(1, 99);
    const pick = <T>(from: readonly T[]): T => from[random.below(from.length)]!;
    // Left out: types that want BTF or another map, and cpumap, whose limit is a build option of the kernel.
    const types = MAP_TYPES.filter((row) => !/storage|struct_ops|_of_maps|cpumap/.test(row.name));
    for (let i = 0; i < 3000; i++) {
      const row = pick(types);
      const attrs: MapAttrs = {
        name: 'm',
        type: row.name,
        keySize: pick([0, 4, 4, 4, 8, 5, 260, 261, 512, 513, 1]),
        valueSize: pick([0, 4, 4, 8, 8, 12, 32, 1024, 32768, 32769, 4 << 20, 3 << 20]),
        maxEntries: pick([0, 1, 4, 100, 4096, 8192, 12288, 9000]),
        flags: pick([0, 0, 0, 0, 1, 2, 3, 4, 8, 16, 24, 32, 64, 128, 256, 384, 512, 1024, 1025, 2048, 4096, 1 << 17]),
        ...(row.name === 'bloom_filter' ? { extra: pick([0, 0, 3, 15, 16]) } : {}),
      };
      if (attrs.maxEntries * (attrs.valueSize + attrs.keySize + 64) > 50e6) continue;
      let theirs: string | undefined;
      try {
        sys().close(createKernelMap({ ...attrs, type: row.id, extra: BigInt(attrs.extra ?? 0) }));
      } catch (error) {
        theirs = (error as SysError).errno;
      }
      expect(checkMap(attrs)?.split(':')[0], JSON.stringify(attrs)).toBe(theirs);
    }
  });
});
