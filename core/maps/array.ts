/**
 * array and percpu_array: maxEntries values in a row, all there from the start (kernel/bpf/arraymap.c). Nothing is ever
 * inserted or deleted: an index past the end is E2BIG on update, BPF_NOEXIST is EEXIST, delete is EINVAL.
 */
import { alignUp } from '../base/bytes.ts';
import { copyBytes } from './copy.ts';
import { E2BIG, EEXIST, EINVAL } from './errno.ts';
import {
  ACCESS_MASK,
  BPF_F_INNER_MAP,
  BPF_F_MMAPABLE,
  BPF_F_NUMA_NODE,
  checkFlags,
  checkSizes,
  PERCPU_MAX,
  type Refusal,
} from './flags.ts';
import { HEADER } from './layout.ts';
import { BPF_NOEXIST, type MapAttrs, type MapHost, type MapTypeRow } from './map.ts';
import { MapBase } from './map-base.ts';

export class ArrayMap extends MapBase {
  readonly elemSize: number;
  readonly data: number;

  constructor(attrs: MapAttrs, typeId: number, host: MapHost, perCpu: boolean) {
    super(attrs, typeId, host, perCpu);
    this.elemSize = perCpu ? this.cpuStride * host.cpus : alignUp(attrs.valueSize, 8);
    const mmapable = (this.flags & BPF_F_MMAPABLE) !== 0;
    this.data = this.allocate(this.elemSize * attrs.maxEntries, mmapable ? 4096 : 8);
    this.setHeader(HEADER.ELEM_SIZE, this.elemSize);
    this.setHeader(HEADER.DATA, this.data);
    this.setHeader(HEADER.COUNT, attrs.maxEntries);
  }

  #index(keyOffset: number): number {
    const { i32, view } = this.host.memory;
    return ((keyOffset & 3) === 0 ? i32[keyOffset >>> 2]! : view.getInt32(keyOffset, true)) >>> 0;
  }

  lookupOffset(keyOffset: number): number {
    const index = this.#index(keyOffset);
    if (index >= this.attrs.maxEntries) return 0;
    const at = this.data + index * this.elemSize;
    return this.cpuStride === 0 ? at : at + this.cpuStride * this.host.currentCpu();
  }

  lookupCpuOffset(keyOffset: number, cpu: number): number {
    const index = this.#index(keyOffset);
    if (this.cpuStride === 0 || index >= this.attrs.maxEntries || cpu < 0 || cpu >= this.host.cpus) return 0;
    return this.data + index * this.elemSize + this.cpuStride * cpu;
  }

  protected override lookupUserOffset(keyOffset: number): number {
    const index = this.#index(keyOffset);
    return index >= this.attrs.maxEntries ? 0 : this.data + index * this.elemSize;
  }

  #refuse(index: number, flags: number): number {
    const bad = this.checkUpdateFlags(flags);
    if (bad !== 0) return bad;
    if (index >= this.attrs.maxEntries) return E2BIG;
    return (flags & BPF_NOEXIST) !== 0 ? EEXIST : 0;
  }

  updateOffset(keyOffset: number, valueOffset: number, flags: number): number {
    const index = this.#index(keyOffset);
    const bad = this.#refuse(index, flags);
    if (bad !== 0) return bad;
    const at = this.data + index * this.elemSize;
    this.copyValue(this.cpuStride === 0 ? at : at + this.cpuStride * this.host.currentCpu(), valueOffset);
    return 0;
  }

  protected override updateUserOffset(keyOffset: number, valueOffset: number, flags: number): number {
    if (this.cpuStride === 0) return this.updateOffset(keyOffset, valueOffset, flags);
    const index = this.#index(keyOffset);
    const bad = this.#refuse(index, flags);
    if (bad !== 0) return bad;
    copyBytes(this.host.memory, this.data + index * this.elemSize, valueOffset, this.elemSize);
    return 0;
  }

  deleteOffset(_keyOffset: number): number {
    return EINVAL;
  }

  nextKey(key: Uint8Array | undefined): Uint8Array | undefined {
    const index = key === undefined ? 0xffffffff : this.#index(this.keyIn(key));
    if (index === this.attrs.maxEntries - 1) return undefined;
    const next = index >= this.attrs.maxEntries ? 0 : index + 1;
    return Uint8Array.of(next & 255, (next >>> 8) & 255, (next >>> 16) & 255, next >>> 24);
  }

  forEachElement(visit: (keyOffset: number, valueOffset: number) => boolean): number {
    // The kernel hands the callback a key of its own, on its stack.
    const key = this.keyIn(new Uint8Array(4));
    const cpu = this.cpuStride === 0 ? 0 : this.cpuStride * this.host.currentCpu();
    for (let i = 0; i < this.attrs.maxEntries; i++) {
      this.host.memory.i32[key >>> 2] = i;
      if (!visit(key, this.data + i * this.elemSize + cpu)) return i + 1;
    }
    return this.attrs.maxEntries;
  }

  valueBase(): number {
    return this.cpuStride === 0 ? this.data : 0;
  }
}

/**
 * array_map_alloc_check: 4-byte keys, some value, some entries. `flags` are those the type takes besides access and
 * NUMA.
 */
export function checkArray(attrs: MapAttrs, flags = 0): Refusal {
  return (
    checkSizes(attrs, { keySize: 4, valueSize: 'some', maxEntries: 'some' }) ??
    checkFlags(attrs, ACCESS_MASK | BPF_F_NUMA_NODE | flags) ??
    (attrs.valueSize > 0x7fffffff
      ? `E2BIG: value size ${attrs.valueSize} of a ${attrs.type} map is too large`
      : undefined)
  );
}

export const ARRAY = {
  id: 2,
  name: 'array',
  since: '3.19',
  check: (attrs) => checkArray(attrs, BPF_F_MMAPABLE | BPF_F_INNER_MAP),
  create: (attrs, host) => new ArrayMap(attrs, 2, host, false),
} as const satisfies MapTypeRow;

export const PERCPU_ARRAY = {
  id: 6,
  name: 'percpu_array',
  since: '4.6',
  perCpu: true,
  check: (attrs) =>
    checkArray(attrs) ??
    (((attrs.flags ?? 0) & BPF_F_NUMA_NODE) !== 0 ? 'EINVAL: a percpu_array map takes no NUMA node' : undefined) ??
    (alignUp(attrs.valueSize, 8) > PERCPU_MAX
      ? `E2BIG: a per-CPU value has at most ${PERCPU_MAX} bytes, not ${attrs.valueSize}`
      : undefined),
  create: (attrs, host) => new ArrayMap(attrs, 6, host, true),
} as const satisfies MapTypeRow;
