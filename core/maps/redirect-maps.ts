/**
 * Targets of bpf_redirect_map: devmap and devmap_hash (network devices, kernel/bpf/devmap.c), cpumap (CPUs,
 * kernel/bpf/cpumap.c). The value's first word is the interface index, or the length of the CPU's queue; the second,
 * where there is one, a program. (xskmap: socket-maps.ts.)
 */
import { alignUp } from '../base/bytes.ts';
import { E2BIG, EEXIST, EINVAL, ENODEV, EOVERFLOW } from './errno.ts';
import { BPF_F_NUMA_NODE, BPF_F_RDONLY, BPF_F_WRONLY, checkFlags, checkSizes, type Refusal } from './flags.ts';
import { HashMap } from './hash.ts';
import { HEADER } from './layout.ts';
import { BPF_EXIST, BPF_NOEXIST, type MapAttrs, type MapHost, type MapTypeRow } from './map.ts';
import { MapBase } from './map-base.ts';

const QUEUE_MAX = 16384;
/** NR_CPUS of common kernel configurations. */
const NR_CPUS = 8192;

/** devmap and cpumap: slots by index, empty when the first word is 0. */
class RedirectArrayMap extends MapBase {
  readonly #kind: 'device' | 'cpu';
  readonly #elemSize: number;
  readonly #data: number;

  constructor(attrs: MapAttrs, typeId: number, host: MapHost, kind: 'device' | 'cpu') {
    super(attrs, typeId, host, false);
    this.#kind = kind;
    this.#elemSize = alignUp(attrs.valueSize, 8);
    this.#data = this.allocate(this.#elemSize * attrs.maxEntries);
    this.setHeader(HEADER.ELEM_SIZE, this.#elemSize);
    this.setHeader(HEADER.DATA, this.#data);
  }

  #index(keyOffset: number): number {
    return this.host.memory.view.getUint32(keyOffset, true);
  }

  #first(index: number): number {
    return this.host.memory.i32[(this.#data + index * this.#elemSize) >>> 2]!;
  }

  lookupOffset(keyOffset: number): number {
    const index = this.#index(keyOffset);
    return index < this.attrs.maxEntries && this.#first(index) !== 0 ? this.#data + index * this.#elemSize : 0;
  }

  /** Programs may not write. */
  updateOffset(_keyOffset: number, _valueOffset: number, _flags: number): number {
    return EINVAL;
  }

  protected override updateUserOffset(keyOffset: number, valueOffset: number, flags: number): number {
    const index = this.#index(keyOffset);
    const { u8, view } = this.host.memory;
    const word = view.getUint32(valueOffset, true);
    const program = this.attrs.valueSize >= 8 ? view.getInt32(valueOffset + 4, true) : 0;
    if (flags > BPF_EXIST) return EINVAL;
    if (index >= this.attrs.maxEntries) return E2BIG;
    if (flags === BPF_NOEXIST) return EEXIST;
    if (this.#kind === 'cpu') {
      if (word > QUEUE_MAX) return EOVERFLOW;
      if (index >= this.host.cpus) return ENODEV;
    } else if (word === 0 ? program > 0 : this.host.hasDevice?.(word) === false) return EINVAL;
    const at = this.#data + index * this.#elemSize;
    this.setHeader(HEADER.COUNT, this.count + (word === 0 ? 0 : 1) - (this.#first(index) === 0 ? 0 : 1));
    u8.copyWithin(at, valueOffset, valueOffset + this.attrs.valueSize);
    if (program <= 0 && this.attrs.valueSize >= 8) view.setUint32(at + 4, 0, true);
    return 0;
  }

  deleteOffset(keyOffset: number): number {
    const index = this.#index(keyOffset);
    if (index >= this.attrs.maxEntries) return EINVAL;
    if (this.#first(index) !== 0) this.setHeader(HEADER.COUNT, this.count - 1);
    const at = this.#data + index * this.#elemSize;
    this.host.memory.u8.fill(0, at, at + this.#elemSize);
    return 0;
  }

  nextKey(key: Uint8Array | undefined): Uint8Array | undefined {
    const index = key === undefined ? 0xffffffff : this.#index(this.keyIn(key));
    if (index === this.attrs.maxEntries - 1) return undefined;
    const next = index >= this.attrs.maxEntries ? 0 : index + 1;
    return Uint8Array.of(next & 255, (next >>> 8) & 255, (next >>> 16) & 255, next >>> 24);
  }
}

class DevmapHash extends HashMap {
  constructor(attrs: MapAttrs, host: MapHost) {
    super(attrs, 25, host, false, host.cpus);
  }

  /** bpf(2) has no such operation on it. */
  override lookupAndDelete(key: Uint8Array): undefined {
    this.keyIn(key);
  }

  /** Programs may not write. */
  override updateOffset(_keyOffset: number, _valueOffset: number, _flags: number): number {
    return EINVAL;
  }

  protected override updateUserOffset(keyOffset: number, valueOffset: number, flags: number): number {
    const { view } = this.host.memory;
    const ifindex = view.getUint32(valueOffset, true);
    if (flags > BPF_EXIST || ifindex === 0) return EINVAL;
    // BPF_EXIST asks for nothing here: the kernel looks at NOEXIST alone.
    if (flags === BPF_NOEXIST && this.lookupOffset(keyOffset) !== 0) return EEXIST;
    if (this.host.hasDevice?.(ifindex) === false) return EINVAL;
    if (this.attrs.valueSize >= 8 && view.getInt32(valueOffset + 4, true) <= 0)
      view.setUint32(valueOffset + 4, 0, true);
    return this.store(keyOffset, valueOffset, 0, false);
  }
}

function checkDevmap(attrs: MapAttrs): Refusal {
  return (
    checkSizes(attrs, { keySize: 4, maxEntries: 'some' }) ??
    checkValue(attrs) ??
    checkFlags(attrs, BPF_F_NUMA_NODE | BPF_F_RDONLY | BPF_F_WRONLY)
  );
}

function checkValue(attrs: MapAttrs): Refusal {
  return attrs.valueSize === 4 || attrs.valueSize === 8
    ? undefined
    : `EINVAL: value size of a ${attrs.type} map must be 4 or 8, not ${attrs.valueSize}`;
}

export const DEVMAP = {
  id: 14,
  name: 'devmap',
  since: '4.14',
  check: checkDevmap,
  create: (attrs, host) => new RedirectArrayMap(attrs, 14, host, 'device'),
} as const satisfies MapTypeRow;

export const DEVMAP_HASH = {
  id: 25,
  name: 'devmap_hash',
  since: '5.4',
  check: (attrs) =>
    checkDevmap(attrs) ??
    (attrs.maxEntries > 2 ** 31 ? `EINVAL: max_entries ${attrs.maxEntries} is above 2^31` : undefined),
  create: (attrs, host) => new DevmapHash(attrs, host),
} as const satisfies MapTypeRow;

export const CPUMAP = {
  id: 16,
  name: 'cpumap',
  since: '4.15',
  check: (attrs) =>
    checkSizes(attrs, { keySize: 4, maxEntries: 'some' }) ??
    checkValue(attrs) ??
    checkFlags(attrs, BPF_F_NUMA_NODE) ??
    (attrs.maxEntries > NR_CPUS ? `E2BIG: a cpumap map has at most ${NR_CPUS} entries` : undefined),
  create: (attrs, host) => new RedirectArrayMap(attrs, 16, host, 'cpu'),
} as const satisfies MapTypeRow;
