/**
 * What the model hands out for maps and programs: user space's side of a live map, a loaded program.
 */
import type { MapHandle, ProgHandle } from '../backend/backend.ts';
import { Unsupported } from '../base/errors.ts';
import type { Btf } from '../btf/btf.ts';
import type { CgroupStorageMap } from '../maps/cgroup-storage.ts';
import type { BpfMap, MapAttrs } from '../maps/map.ts';
import { UserRingbufMap } from '../maps/user-ringbuf.ts';
import type { MapSpec, ProgSpec } from '../spec/spec.ts';
import { structFields } from '../verifier/record.ts';
import type { Executable } from '../vm/engine.ts';

/** What a map spec asks of the map table. `btf` is the object's: it tells which fields of a value are helpers' alone. */
export function attrsOf(spec: MapSpec, btf: Btf | undefined, kernel: Btf): MapAttrs {
  const { name, type, keySize, valueSize, maxEntries, flags, extra, inner } = spec;
  const fields = btf && spec.valueType !== 0 ? structFields(btf, kernel, spec.valueType) : [];
  const lock = fields.find((field) => field.name === 'bpf_spin_lock');
  const special = fields.filter((field) => field !== lock);
  return {
    name,
    type,
    keySize,
    valueSize,
    maxEntries,
    flags,
    ...(extra !== undefined && { extra }),
    ...(lock && { spinLock: lock.offset }),
    ...(special.length > 0 && { special }),
    ...(inner && { inner: attrsOf(inner, btf, kernel) }),
  };
}

export class ModelMap implements MapHandle {
  readonly spec: MapSpec;
  readonly map: BpfMap;
  readonly cpus: number;
  readonly fd: number;
  #release: () => void;
  #open = true;

  constructor(spec: MapSpec, map: BpfMap, cpus: number, fd: number, release: () => void) {
    this.spec = spec;
    this.map = map;
    this.cpus = spec.type.includes('percpu') ? cpus : 1;
    this.fd = fd;
    this.#release = release;
  }

  lookup(key: Uint8Array): Uint8Array | undefined {
    return this.map.lookup(key);
  }
  update(key: Uint8Array, value: Uint8Array, flags = 0): number {
    return this.map.update(key, value, flags);
  }
  delete(key: Uint8Array): number {
    return this.map.delete(key);
  }
  nextKey(key: Uint8Array | undefined): Uint8Array | undefined {
    return this.map.nextKey(key);
  }
  lookupAndDelete(key: Uint8Array): Uint8Array | undefined {
    if (this.map.lookupAndDelete) return this.map.lookupAndDelete(key);
    const value = this.map.lookup(key);
    return value && this.map.delete(key) === 0 ? value : undefined;
  }
  send(record: Uint8Array): number {
    if (this.map instanceof UserRingbufMap) return this.map.produce(record);
    throw new Unsupported(`sending records to map '${this.spec.name}' of type ${this.spec.type}`, { backend: 'model' });
  }
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#release();
  }
}

export class ModelProg implements ProgHandle {
  readonly spec: ProgSpec;
  readonly log: string;
  readonly fd: number;
  readonly executable: Executable;
  /** Cgroup storages that it uses: attaching it makes their values. */
  readonly storages: readonly CgroupStorageMap[];
  #release: () => void;

  constructor(
    spec: ProgSpec,
    log: string,
    fd: number,
    executable: Executable,
    release: () => void,
    storages: readonly CgroupStorageMap[] = [],
  ) {
    this.spec = spec;
    this.log = log;
    this.fd = fd;
    this.executable = executable;
    this.storages = storages;
    this.#release = release;
  }

  close(): void {
    this.#release();
  }
}

/** A live map and how many handles share it (pinned maps are shared by their name). */
export interface LiveMap {
  readonly map: BpfMap;
  users: number;
}
