/**
 * Local storage: sk_storage, inode_storage, task_storage, cgrp_storage (kernel/bpf/bpf_local_storage.c): one value per
 * kernel object, made when a program first asks for it with BPF_LOCAL_STORAGE_GET_F_CREATE, gone with the object. (The older
 * cgroup_storage pair: cgroup-storage.ts.)
 *
 * The host knows objects by a number above 0 that does not change while they live: what the helper's pointer leads to,
 * and what a file descriptor names (`ownerByFd`).
 */
import { alignUp } from '../base/bytes.ts';
import { EBADF, EEXIST, EINVAL, ENOENT } from './errno.ts';
import { BPF_F_CLONE, BPF_F_NO_PREALLOC, checkFlags, checkSizes, type Refusal } from './flags.ts';
import { HEADER } from './layout.ts';
import { BPF_EXIST, BPF_NOEXIST, type MapAttrs, type MapHost, type MapTypeRow } from './map.ts';
import { MapBase } from './map-base.ts';

/** Largest value: a local storage element must fit into 64 KiB (BPF_LOCAL_STORAGE_MAX_VALUE_SIZE). */
const VALUE_MAX = 0xffff - 64;

export type StorageKind = 'sk' | 'inode' | 'task' | 'cgrp';

export class LocalStorageMap extends MapBase {
  readonly kind: StorageKind;
  readonly #values = new Map<number, number>();
  /** Values of objects that are gone, to be used again, oldest first. */
  readonly #free: number[] = [];

  constructor(attrs: MapAttrs, typeId: number, host: MapHost, kind: StorageKind) {
    super(attrs, typeId, host, false);
    this.kind = kind;
    this.setHeader(HEADER.ELEM_SIZE, alignUp(attrs.valueSize, 8));
  }

  #newValue(owner: number): number {
    const size = alignUp(this.attrs.valueSize, 8);
    const at = this.#free.shift() ?? this.allocate(size);
    this.host.memory.u8.fill(0, at, at + size);
    this.#values.set(owner, at);
    this.setHeader(HEADER.COUNT, this.#values.size);
    return at;
  }

  /**
   * Offset of an object's value, or 0. With `create` it is made when missing: a copy of `initial` (an offset), or
   * zeros.
   */
  ownerValue(owner: number, create: boolean, initial: number): number {
    const at = this.#values.get(owner) ?? 0;
    if (at !== 0 || !create || owner <= 0) return at;
    const fresh = this.#newValue(owner);
    if (initial !== 0) this.copyValue(fresh, initial);
    return fresh;
  }

  /** 0 or -ENOENT. Hosts call it too, when an object dies. */
  deleteOwner(owner: number): number {
    const at = this.#values.get(owner);
    if (at === undefined) return ENOENT;
    this.#values.delete(owner);
    this.#free.push(at);
    this.setHeader(HEADER.COUNT, this.#values.size);
    return 0;
  }

  // Programs use the storage helpers alone.
  lookupOffset(_keyOffset: number): number {
    return 0;
  }

  updateOffset(_keyOffset: number, _valueOffset: number, _flags: number): number {
    return EINVAL;
  }

  deleteOffset(_keyOffset: number): number {
    return EINVAL;
  }

  #owner(keyOffset: number): number {
    const fd = this.host.memory.view.getInt32(keyOffset, true);
    return this.host.ownerByFd ? this.host.ownerByFd(this.kind, fd) : fd > 0 ? fd : EBADF;
  }

  override lookup(key: Uint8Array): Uint8Array | undefined {
    const at = this.#values.get(this.#owner(this.keyIn(key)));
    return at === undefined ? undefined : this.valueOut(at);
  }

  protected override updateUserOffset(keyOffset: number, valueOffset: number, flags: number): number {
    const bad = this.checkUpdateFlags(flags);
    if (bad !== 0) return bad;
    const owner = this.#owner(keyOffset);
    if (owner <= 0) return owner === 0 ? EBADF : owner;
    const at = this.#values.get(owner);
    const rule = flags & 3;
    if (at !== undefined && rule === BPF_NOEXIST) return EEXIST;
    if (at === undefined && rule === BPF_EXIST) return ENOENT;
    this.copyValue(at ?? this.#newValue(owner), valueOffset);
    return 0;
  }

  override delete(key: Uint8Array): number {
    const refused = this.refuseUserWrite();
    if (refused !== 0) return refused;
    const owner = this.#owner(this.keyIn(key));
    return owner <= 0 ? (owner === 0 ? EBADF : owner) : this.deleteOwner(owner);
  }

  /** There is no iteration over local storage by key. */
  nextKey(_key: Uint8Array | undefined): undefined {
    return undefined;
  }
}

/**
 * bpf_local_storage_map_alloc_check. (That types of key and value must be known in BTF is the object model's concern.)
 */
function check(attrs: MapAttrs): Refusal {
  return (
    checkFlags(attrs, BPF_F_NO_PREALLOC | BPF_F_CLONE) ??
    (((attrs.flags ?? 0) & BPF_F_NO_PREALLOC) === 0
      ? `EINVAL: a ${attrs.type} map must have BPF_F_NO_PREALLOC`
      : undefined) ??
    checkSizes(attrs, { keySize: 4, valueSize: 'some', maxEntries: 0 }) ??
    (attrs.valueSize > VALUE_MAX ? `E2BIG: a value of a ${attrs.type} map has at most ${VALUE_MAX} bytes` : undefined)
  );
}

function row<Name extends string>(id: number, name: Name, since: string, kind: StorageKind) {
  return {
    id,
    name,
    since,
    check,
    create: (attrs: MapAttrs, host: MapHost) => new LocalStorageMap(attrs, id, host, kind),
  } as const satisfies MapTypeRow;
}

export const SK_STORAGE = row(24, 'sk_storage', '5.2', 'sk');
export const INODE_STORAGE = row(28, 'inode_storage', '5.10', 'inode');
export const TASK_STORAGE = row(29, 'task_storage', '5.11', 'task');
export const CGRP_STORAGE = row(32, 'cgrp_storage', '6.2', 'cgrp');
