/**
 * Maps of the running kernel. Element operations are bpf(2) calls on one prepared argument; whole tables come in batches
 * (BPF_MAP_LOOKUP_BATCH, 5.6), and plain arrays are read and written in shared memory (BPF_F_MMAPABLE, 5.5) where the kernel lets us.
 */

import type { MapHandle } from '../../core/backend/backend.ts';
import { alignUp } from '../../core/base/bytes.ts';
import { ERRNO, errnoName } from '../../core/base/errno.ts';
import { BpfError, SysError, Unsupported } from '../../core/base/errors.ts';
import { BPF_F_MMAPABLE } from '../../core/maps/flags.ts';
import { mapTypeByName } from '../../core/maps/index.ts';
import type { MapSpec } from '../../core/spec/spec.ts';
import type { NativeMapping } from '../addon/index.ts';
import { bpf, bpfOrThrow, lookupBatch, sys } from './bpf.ts';
import { BPF_COMMANDS, type BpfCommand, LAYOUTS } from './bpf-attr.ts';
import { kernelAtLeast, possibleCpus } from './machine.ts';
import { missingCapabilities, refusedBecause } from './rights.ts';
import { UserRing } from './user-ring.ts';

const numberOf = (name: BpfCommand): number => BPF_COMMANDS.find((row) => row.name === name)!.number;
const LOOKUP = numberOf('MAP_LOOKUP_ELEM');
const UPDATE = numberOf('MAP_UPDATE_ELEM');
const DELETE = numberOf('MAP_DELETE_ELEM');
const NEXT = numberOf('MAP_GET_NEXT_KEY');
const TAKE = numberOf('MAP_LOOKUP_AND_DELETE_ELEM');
const at = (name: string): number => LAYOUTS.elem.fields.find((field) => field.name === name)!.at;
const [FD_AT, KEY_AT, VALUE_AT, FLAGS_AT] = [at('map_fd'), at('key'), at('value'), at('flags')];

/** Bytes that one batch asks room for; larger tables take several. */
const BATCH_BYTES = 8 << 20;
/** Types whose values are descriptors: a lookup gives an id, and there is nothing to read in batches. */
const NO_BATCH =
  /^(perf_event_array|prog_array|cgroup_array|ringbuf|user_ringbuf|queue|stack|bloom_filter|stack_trace|array_of_maps|sk_storage|inode_storage|task_storage|cgrp_storage|sockmap|sockhash|xskmap|devmap|devmap_hash|cpumap|reuseport_sockarray|struct_ops|arena)$/;
const READ_WRITE = 3;
const MAP_SHARED = 1;

export interface LinuxMapOptions {
  /** BTF of the object, loaded, or 0. */
  readonly btfFd?: number;
  /** May a plain array be given BPF_F_MMAPABLE? Not where it is to go into a map of maps, whose flags must match. */
  readonly mappable?: boolean;
}

export class LinuxMap implements MapHandle {
  readonly spec: MapSpec;
  readonly fd: number;
  readonly cpus: number;
  readonly #valueBytes: number;
  readonly #attr = new Uint8Array(32);
  readonly #pointers: (number | ArrayBufferView)[] = [KEY_AT, NOTHING, VALUE_AT, NOTHING];
  readonly #mappable: boolean;
  #mapping: NativeMapping | undefined;
  #memory: Uint8Array | undefined;
  #ring: UserRing | undefined;
  #batches = true;
  #open = true;

  constructor(spec: MapSpec, fd: number, mappable: boolean) {
    this.spec = spec;
    this.fd = fd;
    this.cpus = spec.type.includes('percpu') ? possibleCpus() : 1;
    this.#valueBytes = spec.type.includes('percpu') ? alignUp(spec.valueSize, 8) * this.cpus : spec.valueSize;
    this.#mappable = mappable;
    this.#batches = !NO_BATCH.test(spec.type);
    new DataView(this.#attr.buffer).setUint32(FD_AT, fd, true);
  }

  #call(command: number, key: Uint8Array | undefined, value: Uint8Array | undefined, flags = 0): number {
    const pointers = this.#pointers;
    new DataView(this.#attr.buffer).setUint32(FLAGS_AT, flags, true);
    pointers[1] = key ?? NOTHING;
    pointers[3] = value ?? NOTHING;
    return sys().bpf(command, this.#attr, pointers);
  }

  /** Shared memory of a mappable array, mapped at its first use. */
  #values(): Uint8Array | undefined {
    if (!this.#mappable || !this.#open) return undefined;
    if (this.#memory) return this.#memory;
    const stride = alignUp(this.spec.valueSize, 8);
    const mapped = sys().mmap(alignUp(stride * this.spec.maxEntries, 4096), READ_WRITE, MAP_SHARED, this.fd, 0);
    if (typeof mapped === 'number') return undefined;
    this.#mapping = mapped;
    this.#memory = new Uint8Array(mapped.buffer);
    return this.#memory;
  }

  /** Offset of an array's value in its shared memory; -1 behind the end. */
  #offset(key: Uint8Array): number {
    const index = new DataView(key.buffer, key.byteOffset).getUint32(0, true);
    return index < this.spec.maxEntries ? index * alignUp(this.spec.valueSize, 8) : -1;
  }

  lookup(key: Uint8Array): Uint8Array | undefined {
    const memory = this.#values();
    if (memory) {
      const offset = this.#offset(key);
      return offset < 0 ? undefined : memory.slice(offset, offset + this.spec.valueSize);
    }
    const value = new Uint8Array(this.#valueBytes);
    return this.#call(LOOKUP, key, value) === 0 ? value : undefined;
  }

  update(key: Uint8Array, value: Uint8Array, flags = 0): number {
    const memory = flags === 0 && value.length === this.spec.valueSize ? this.#values() : undefined;
    if (memory) {
      const offset = this.#offset(key);
      if (offset < 0) return -ERRNO.E2BIG;
      memory.set(value, offset);
      return 0;
    }
    return this.#call(UPDATE, key, value, flags);
  }

  delete(key: Uint8Array): number {
    return this.#call(DELETE, key, undefined);
  }

  nextKey(key: Uint8Array | undefined): Uint8Array | undefined {
    const next = new Uint8Array(this.spec.keySize);
    return this.#call(NEXT, key, next) === 0 ? next : undefined;
  }

  lookupAndDelete(key: Uint8Array): Uint8Array | undefined {
    const value = new Uint8Array(this.#valueBytes);
    const result = this.#call(TAKE, key, value);
    if (result === 0) return value;
    // Hashes have it since 5.14.
    if (result === -ERRNO.ENOENT || this.spec.type === 'queue' || this.spec.type === 'stack') return undefined;
    return this.#call(LOOKUP, key, value) === 0 && this.delete(key) === 0 ? value : undefined;
  }

  /** All elements, in as few calls as there can be; undefined where the kernel has no batches for the type. */
  snapshot(take = false): [Uint8Array, Uint8Array][] | undefined {
    const memory = take ? undefined : this.#values();
    if (memory) return this.#sharedElements(memory);
    if (!this.#batches) return undefined;
    const { keySize, maxEntries } = this.spec;
    const elements: [Uint8Array, Uint8Array][] = [];
    // For hashes the cursor is a bucket's number, for arrays a key; neither is longer.
    const cursor = new Uint8Array(Math.max(4, keySize));
    let room = Math.max(1, Math.min(maxEntries, Math.floor(BATCH_BYTES / (keySize + this.#valueBytes))));
    for (let first = true; ; ) {
      const keys = new Uint8Array(room * keySize);
      const values = new Uint8Array(room * this.#valueBytes);
      const { result, count } = lookupBatch(this.fd, { cursor, first, keys, values, count: room, delete: take });
      if (result === -ERRNO.ENOSPC && room < maxEntries * 2) {
        // One bucket holds more than there was room for.
        room *= 2;
        continue;
      }
      if (result < 0 && result !== -ERRNO.ENOENT) {
        if (first) this.#batches = false;
        return first ? undefined : elements;
      }
      for (let i = 0; i < count; i++)
        elements.push([
          keys.subarray(i * keySize, (i + 1) * keySize),
          values.subarray(i * this.#valueBytes, (i + 1) * this.#valueBytes),
        ]);
      if (result === -ERRNO.ENOENT || count === 0) return elements;
      first = false;
    }
  }

  #sharedElements(memory: Uint8Array): [Uint8Array, Uint8Array][] {
    const { maxEntries, valueSize } = this.spec;
    const stride = alignUp(valueSize, 8);
    const all = memory.slice(0, maxEntries * stride);
    const keys = new Uint8Array(Uint32Array.from({ length: maxEntries }, (_, i) => i).buffer);
    return Array.from({ length: maxEntries }, (_, i) => [
      keys.subarray(i * 4, i * 4 + 4),
      all.subarray(i * stride, i * stride + valueSize),
    ]);
  }

  send(record: Uint8Array): number {
    const { name, type, maxEntries } = this.spec;
    if (type !== 'user_ringbuf')
      throw new Unsupported(`sending records to map '${name}' of type ${type}`, { backend: 'linux' });
    this.#ring ??= new UserRing(this.fd, name, maxEntries);
    return this.#ring.send(record);
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#ring?.close();
    this.#memory = undefined;
    this.#mapping?.unmap();
    sys().close(this.fd);
  }
}

const NOTHING = new Uint8Array(0);

/** Makes a map, empty but for what its spec says; throws SysError with the kernel's errno, Unsupported for a type too new for it. */
export function createLinuxMap(spec: MapSpec, options: LinuxMapOptions = {}): LinuxMap {
  const row = mapTypeByName(spec.type);
  if (!row) throw new BpfError('EINVAL', `map '${spec.name}': there is no map type '${spec.type}'`);
  const innerFd = spec.inner ? createLinuxMap({ ...spec.inner, name: 'inner' }).fd : 0;
  try {
    const shared = options.mappable === true && spec.type === 'array' && !spec.readOnly && spec.valueSize > 0;
    let fd = shared ? make(spec, row.id, spec.flags | BPF_F_MMAPABLE, innerFd, options.btfFd) : -1;
    const mappable = fd >= 0;
    if (fd < 0) fd = make(spec, row.id, spec.flags, innerFd, options.btfFd);
    if (fd < 0) throw refusal(spec, fd, row.since);
    const map = new LinuxMap(spec, fd, mappable);
    try {
      fill(map);
    } catch (error) {
      map.close();
      throw error;
    }
    return map;
  } finally {
    if (innerFd > 0) sys().close(innerFd);
  }
}

/** A descriptor or -errno. What the map's types are is told where the kernel wants to hear it. */
function make(spec: MapSpec, type: number, flags: number, innerFd: number, btfFd = 0): number {
  const ring = spec.type.endsWith('ringbuf');
  const attr = {
    map_type: type,
    // Ring buffers have none, whatever a BPF_TABLE of them says.
    key_size: ring ? 0 : spec.keySize,
    value_size: ring ? 0 : spec.valueSize,
    max_entries: spec.maxEntries === 0 && spec.type === 'perf_event_array' ? possibleCpus() : spec.maxEntries,
    map_flags: flags,
    ...(spec.extra !== undefined && { map_extra: spec.extra }),
    map_name: spec.name,
    inner_map_fd: innerFd,
  };
  if (btfFd > 0 && spec.valueType !== 0) {
    const types = { btf_fd: btfFd, btf_key_type_id: spec.keyType, btf_value_type_id: spec.valueType };
    const fd = bpf('MAP_CREATE', { ...attr, ...types });
    if (fd >= 0 || fd === -ERRNO.EPERM) return fd;
  }
  return bpf('MAP_CREATE', attr);
}

function refusal(spec: MapSpec, errno: number, since: string): Error {
  const doing = `creating the map '${spec.name}' (${spec.type}, ${spec.maxEntries} entries of ${spec.keySize}+${spec.valueSize} bytes)`;
  const hint =
    errno === -ERRNO.EPERM
      ? (missingCapabilities(['BPF']) ?? kernelAtLeast('5.11'))
        ? refusedBecause(errno, ['BPF'], 'CONFIG_BPF_SYSCALL')
        : 'maps count as locked memory before Linux 5.11: `ulimit -l unlimited`'
      : errno === -ERRNO.E2BIG || errno === -ERRNO.ENOMEM
        ? 'too large for this kernel'
        : errno === -ERRNO.EINVAL
          ? `the type is there since Linux ${since}`
          : undefined;
  return new SysError('bpf(BPF_MAP_CREATE)', errnoName(errno), doing, hint === undefined ? {} : { hint });
}

function fill(map: LinuxMap): void {
  const { spec } = map;
  for (const { key, value } of spec.initial ?? []) {
    const errno = map.update(key, value);
    if (errno < 0)
      throw new SysError('bpf(BPF_MAP_UPDATE_ELEM)', errnoName(errno), `first contents of map '${spec.name}'`);
  }
  if (spec.readOnly) bpf('MAP_FREEZE', { map_fd: map.fd });
}

/** The map pinned at a path, or undefined when nothing is. Throws SysError, and BpfError EINVAL when it is of another kind. */
export function openPinnedMap(spec: MapSpec, path: string): LinuxMap | undefined {
  const fd = bpf('OBJ_GET', { pathname: pathBytes(path) });
  if (fd === -ERRNO.ENOENT) return undefined;
  if (fd < 0)
    throw new SysError('bpf(BPF_OBJ_GET)', errnoName(fd), `opening the pinned map ${path}`, { hint: BPFFS_HINT });
  const found = new Uint32Array(6);
  bpf('OBJ_GET_INFO_BY_FD', { bpf_fd: fd, info_len: 24, info: found });
  const [type, , keySize, valueSize, maxEntries] = found;
  if (type !== mapTypeByName(spec.type)?.id || keySize !== spec.keySize || valueSize !== spec.valueSize) {
    sys().close(fd);
    throw new BpfError(
      'EINVAL',
      `map '${spec.name}': what is pinned at ${path} is of another kind (type ${type}, key ${keySize}, value ${valueSize}, ${maxEntries} entries)`,
    );
  }
  return new LinuxMap({ ...spec, maxEntries: maxEntries! }, fd, false);
}

const BPFFS_HINT = 'it must lie on a bpf file system: mount -t bpf bpf /sys/fs/bpf';

export function pinMap(map: LinuxMap, path: string): void {
  bpfOrThrow(
    'OBJ_PIN',
    { pathname: pathBytes(path), bpf_fd: map.fd },
    `pinning map '${map.spec.name}' at ${path} (${BPFFS_HINT})`,
  );
}

function pathBytes(path: string): Uint8Array {
  return Buffer.from(`${path}\0`);
}

/** Throws Unsupported unless the map is one of this backend's. */
export function ownMap(map: MapHandle): LinuxMap {
  if (map instanceof LinuxMap) return map;
  throw new Unsupported(`map '${map.spec.name}' of another backend`, { backend: 'linux' });
}
