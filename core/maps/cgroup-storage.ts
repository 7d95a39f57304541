/**
 * cgroup_storage and percpu_cgroup_storage (kernel/bpf/local_storage.c): one value for each cgroup that a program using the map is attached to, made
 * when it is attached. The key is the cgroup's id alone (8 bytes), or id and attach type (struct bpf_cgroup_storage_key, 16 bytes): then each attach
 * type has its own.
 */
import { alignUp } from '../base/bytes.ts';
import { EINVAL, ENOENT } from './errno.ts';
import { ACCESS_MASK, BPF_F_NUMA_NODE, checkFlags, checkSizes, PERCPU_MAX, type Refusal } from './flags.ts';
import { HEADER } from './layout.ts';
import { BPF_EXIST, BPF_F_LOCK, type MapAttrs, type MapHost, type MapTypeRow } from './map.ts';
import { MapBase } from './map-base.ts';

/** Largest value, as local storage's. */
const VALUE_MAX = 0xffff - 64;

interface Storage {
  readonly cgroup: number;
  readonly attachType: number;
  readonly offset: number;
}

export class CgroupStorageMap extends MapBase {
  readonly #perCpu: boolean;
  /** In the order in which they were made. */
  #storages: Storage[] = [];

  constructor(attrs: MapAttrs, typeId: number, host: MapHost, perCpu: boolean) {
    super(attrs, typeId, host, perCpu);
    this.#perCpu = perCpu;
    this.setHeader(HEADER.ELEM_SIZE, alignUp(this.userValueSize, 8));
  }

  /** Keys of 8 bytes name the cgroup alone. */
  #find(cgroup: number, attachType: number): Storage | undefined {
    const any = this.attrs.keySize === 8;
    return this.#storages.find((s) => s.cgroup === cgroup && (any || s.attachType === attachType));
  }

  /** A program with this map is attached to a cgroup: its storage, zeroed when it is new, stays as long as the map. */
  link(cgroup: number, attachType: number): void {
    if (this.#find(cgroup, attachType)) return;
    const offset = this.allocate(alignUp(this.userValueSize, 8));
    this.#storages.push({ cgroup, attachType, offset });
    this.setHeader(HEADER.COUNT, this.#storages.length);
  }

  /** The value that get_local_storage gives a program attached there (the current CPU's, of per-CPU maps); 0 when it was never linked. */
  storageOf(cgroup: number, attachType: number): number {
    const found = this.#find(cgroup, attachType);
    if (!found) return 0;
    return found.offset + (this.#perCpu ? this.cpuStride * this.host.currentCpu() : 0);
  }

  // Programs have get_local_storage alone.
  lookupOffset(_keyOffset: number): number {
    return 0;
  }

  updateOffset(_keyOffset: number, _valueOffset: number, _flags: number): number {
    return EINVAL;
  }

  deleteOffset(_keyOffset: number): number {
    return EINVAL;
  }

  #byKey(keyOffset: number): Storage | undefined {
    const { view } = this.host.memory;
    const cgroup = view.getUint32(keyOffset, true) + view.getUint32(keyOffset + 4, true) * 2 ** 32;
    return this.#find(cgroup, this.attrs.keySize === 16 ? view.getUint32(keyOffset + 8, true) : 0);
  }

  protected override lookupUserOffset(keyOffset: number): number {
    return this.#byKey(keyOffset)?.offset ?? 0;
  }

  protected override updateUserOffset(keyOffset: number, valueOffset: number, flags: number): number {
    const allowed = this.#perCpu ? BPF_EXIST : BPF_EXIST | BPF_F_LOCK;
    if ((flags & ~allowed) !== 0 || flags > allowed) return EINVAL;
    const found = this.#byKey(keyOffset);
    if (!found) return ENOENT;
    this.copyValue(found.offset, valueOffset, this.userValueSize);
    return 0;
  }

  nextKey(key: Uint8Array | undefined): Uint8Array | undefined {
    if (this.#storages.length === 0) return undefined;
    if (key === undefined) return this.#keyOf(this.#storages[0]!);
    const found = this.#byKey(this.keyIn(key));
    if (!found) return undefined;
    const next = this.#storages[this.#storages.indexOf(found) + 1];
    return next && this.#keyOf(next);
  }

  #keyOf({ cgroup, attachType }: Storage): Uint8Array {
    const key = new Uint8Array(this.attrs.keySize);
    const view = new DataView(key.buffer);
    view.setUint32(0, cgroup, true);
    view.setUint32(4, Math.floor(cgroup / 2 ** 32), true);
    if (key.length === 16) view.setUint32(8, attachType, true);
    return key;
  }
}

function checkCgroupStorage(attrs: MapAttrs): Refusal {
  const most = attrs.type === 'percpu_cgroup_storage' ? PERCPU_MAX : VALUE_MAX;
  return (
    (attrs.keySize !== 16 && attrs.keySize !== 8
      ? `EINVAL: a key of a ${attrs.type} map has 8 or 16 bytes, not ${attrs.keySize}`
      : undefined) ??
    checkSizes(attrs, { valueSize: 'some' }) ??
    (attrs.valueSize > most ? `E2BIG: a value of a ${attrs.type} map has at most ${most} bytes` : undefined) ??
    checkFlags(attrs, ACCESS_MASK | BPF_F_NUMA_NODE) ??
    checkSizes(attrs, { maxEntries: 0 })
  );
}

export const CGROUP_STORAGE = {
  id: 19,
  name: 'cgroup_storage',
  since: '4.19',
  check: checkCgroupStorage,
  create: (attrs, host) => new CgroupStorageMap(attrs, 19, host, false),
} as const satisfies MapTypeRow;

export const PERCPU_CGROUP_STORAGE = {
  id: 21,
  name: 'percpu_cgroup_storage',
  since: '4.20',
  perCpu: true,
  check: checkCgroupStorage,
  create: (attrs, host) => new CgroupStorageMap(attrs, 21, host, true),
} as const satisfies MapTypeRow;
