/**
 * bloom_filter: values go in and are never seen again, only asked for (kernel/bpf/bloom_filter.c): peek says -ENOENT
 * for certain, or 0 for "probably". `extra` is the number of hash functions (0: 5). The hash is the kernel's, so
 * BPF_F_ZERO_SEED gives its false positives.
 */
import { BpfError } from '../base/errors.ts';
import { EINVAL, ENOENT, EOPNOTSUPP } from './errno.ts';
import { ACCESS_MASK, BPF_F_NUMA_NODE, BPF_F_ZERO_SEED, checkFlags, checkSizes, KMALLOC_MAX } from './flags.ts';
import { jhash } from './jhash.ts';
import { HEADER } from './layout.ts';
import type { MapAttrs, MapHost, MapTypeRow } from './map.ts';
import { MapBase } from './map-base.ts';

/** Bits of the filter less one; hash functions. */
const MASK = HEADER.OWN;
const HASHES = HEADER.OWN + 4;

/** About n * k / ln 2 bits for n values and k hash functions, rounded up to a power of two. */
function bitsFor(maxEntries: number, hashes: number): number {
  const product = maxEntries * hashes;
  const bits = Math.floor(product / 5) * 7;
  if (product > 0xffffffff || bits > 2 ** 31) return 2 ** 32;
  let size = 64;
  while (size < bits) size *= 2;
  return size;
}

export class BloomFilterMap extends MapBase {
  readonly #bits: number;
  readonly #hashes: number;
  readonly #mask: number;
  readonly #seed: number;

  constructor(attrs: MapAttrs, host: MapHost) {
    super(attrs, 30, host, false);
    this.#hashes = attrs.extra || 5;
    const bits = bitsFor(attrs.maxEntries, this.#hashes);
    this.#mask = bits - 1;
    this.#bits = this.allocate(bits / 8);
    this.#seed = (this.flags & BPF_F_ZERO_SEED) !== 0 ? 0 : host.random();
    this.setHeader(HEADER.DATA, this.#bits);
    this.setHeader(HEADER.SEED, this.#seed);
    this.setHeader(MASK, this.#mask);
    this.setHeader(HASHES, this.#hashes);
  }

  #bit(valueOffset: number, index: number): number {
    const hash = jhash(this.host.memory.view, valueOffset, this.attrs.valueSize, (this.#seed + index) | 0);
    return (hash & this.#mask) >>> 0;
  }

  pushOffset(valueOffset: number, flags: number): number {
    if (flags !== 0) return EINVAL;
    const { u8 } = this.host.memory;
    for (let i = 0; i < this.#hashes; i++) {
      const bit = this.#bit(valueOffset, i);
      u8[this.#bits + (bit >>> 3)]! |= 1 << (bit & 7);
    }
    return 0;
  }

  peekOffset(valueOffset: number): number {
    const { u8 } = this.host.memory;
    for (let i = 0; i < this.#hashes; i++) {
      const bit = this.#bit(valueOffset, i);
      if ((u8[this.#bits + (bit >>> 3)]! & (1 << (bit & 7))) === 0) return ENOENT;
    }
    return 0;
  }

  popOffset(_valueOffset: number): number {
    return EOPNOTSUPP;
  }

  lookupOffset(_keyOffset: number): number {
    return 0;
  }

  updateOffset(_keyOffset: number, _valueOffset: number, _flags: number): number {
    return EINVAL;
  }

  deleteOffset(_keyOffset: number): number {
    return EOPNOTSUPP;
  }

  protected override updateUserOffset(_keyOffset: number, valueOffset: number, flags: number): number {
    return this.pushOffset(valueOffset, flags);
  }

  /**
   * bpf(2)'s lookup takes the value to ask for in the value buffer, which this signature has no room for: see `has`.
   */
  override lookup(_key: Uint8Array): undefined {
    throw new BpfError('EINVAL', `map ${this.attrs.name}: ask a bloom filter with has(value)`);
  }

  /** Is the value probably in? (bpf(2)'s lookup on a bloom filter.) */
  has(value: Uint8Array): boolean {
    return this.peekOffset(this.valueIn(value)) === 0;
  }

  nextKey(_key: Uint8Array | undefined): undefined {
    return undefined;
  }
}

export const BLOOM_FILTER = {
  id: 30,
  name: 'bloom_filter',
  since: '5.16',
  check: (attrs) =>
    (attrs.valueSize > KMALLOC_MAX ? `E2BIG: a value has at most ${KMALLOC_MAX} bytes` : undefined) ??
    checkSizes(attrs, { keySize: 0, valueSize: 'some', maxEntries: 'some' }) ??
    checkFlags(attrs, ACCESS_MASK | BPF_F_NUMA_NODE | BPF_F_ZERO_SEED) ??
    (((attrs.extra ?? 0) & ~15) !== 0 ? 'EINVAL: a bloom filter has at most 15 hash functions' : undefined),
  create: (attrs, host) => new BloomFilterMap(attrs, host),
} as const satisfies MapTypeRow;
