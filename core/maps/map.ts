/**
 * What a map is to the rest of skep: bytes in, bytes out, with the kernel's errnos; and what one map type provides (its
 * row).
 *
 * Semantics are the kernel's (kernel/bpf/syscall.c and the *map.c files). Errors are negative errnos as numbers, as a
 * BPF program sees them; the object model turns them into SysError.
 */
import type { LinearMemory } from '../base/memory.ts';

/** Flags of update. */
export const BPF_ANY = 0;
export const BPF_NOEXIST = 1;
export const BPF_EXIST = 2;
export const BPF_F_LOCK = 4;

/** What a map is asked to be. Inert data, the attributes of BPF_MAP_CREATE. */
export interface MapAttrs {
  readonly name: string;
  /** The kernel's name in lower case without the prefix: 'hash', 'array', 'percpu_hash', 'perf_event_array', ... */
  readonly type: string;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  /** BPF_F_NO_PREALLOC and friends. */
  readonly flags?: number;
  /** map_extra: hash functions of a bloom filter (0 to 15), start address of an arena. */
  readonly extra?: number;
  /** Maps of maps: what an inner map must be like. */
  readonly inner?: MapAttrs;
  /** Byte offset of the `struct bpf_spin_lock` in the value, when it has one: BPF_F_LOCK is refused without. */
  readonly spinLock?: number;
  /** Fields of the value that helpers alone may write (timers, kernel pointers, lists), beside the lock: user space reads zeros, and storing empties them. */
  readonly special?: readonly { readonly name: string; readonly offset: number; readonly size: number }[];
}

/** Where maps live and what they ask of their surroundings. */
export interface MapHost {
  readonly memory: LinearMemory;
  /** Possible CPUs: per-CPU maps have this many values. */
  readonly cpus: number;
  /** The CPU that runs now. */
  currentCpu(): number;
  /** The one seeded random source: 32 random bits. */
  random(): number;
  /**
   * Maps of maps: what a user-space value (a file descriptor) names, and which number names a map when its slot is read
   * back (bpf(2) gives the map's id). Absent: such maps cannot be filled.
   */
  mapByFd?(fd: number): BpfMap | undefined;
  mapId?(map: BpfMap): number;
  /**
   * Prog arrays: id of the program a file descriptor names (above 0), or a negative errno (-EBADF; -EINVAL for a
   * program that does not fit those already there). Absent: the number itself is the id.
   */
  progByFd?(fd: number, array: BpfMap): number;
  /**
   * Cgroup arrays: id of the cgroup a file descriptor names (above 0), or a negative errno. Absent: the number itself
   * is the id.
   */
  cgroupByFd?(fd: number): number;
  /**
   * Local storage: number (above 0) of the object that a file descriptor names, or a negative errno. Absent: the number
   * itself.
   */
  ownerByFd?(kind: 'sk' | 'inode' | 'task' | 'cgrp', fd: number): number;
  /**
   * Socket maps: number (above 0, its cookie) of the socket that a file descriptor names, if a map of this type may hold it, or a negative errno
   * (-EBADF, -ENOTSOCK, -EOPNOTSUPP). Absent: there are no sockets, every descriptor is -EBADF.
   */
  socketByFd?(type: string, fd: number): number;
  /** Device maps: is there a network device with this index? Absent: there is. */
  hasDevice?(ifindex: number): boolean;
}

/**
 * A live map in the linear memory. User-space side calls (bytes) and program side calls (offsets) act on the same
 * storage. A returned number below zero is a negative errno.
 */
export interface BpfMap {
  readonly attrs: MapAttrs;
  /**
   * Offset of the map's header in the linear memory: what `ld_imm64 map_fd` becomes in a loaded program (as a kernel
   * address). The header's layout is documented in core/maps/layout.ts, so that the JIT and C++ look keys up by
   * themselves.
   */
  readonly offset: number;

  // Program side. Keys and values are offsets into the linear memory. `lookupOffset` answers the offset of the value,
  // or 0.
  lookupOffset(keyOffset: number): number;
  updateOffset(keyOffset: number, valueOffset: number, flags: number): number;
  deleteOffset(keyOffset: number): number;
  /** Queue, stack, bloom: push/pop/peek; absent elsewhere. */
  pushOffset?(valueOffset: number, flags: number): number;
  popOffset?(valueOffset: number): number;
  peekOffset?(valueOffset: number): number;
  /** Per-CPU maps: offset of another CPU's value, or 0. */
  lookupCpuOffset?(keyOffset: number, cpu: number): number;
  /**
   * Call `visit` with every element (bpf_for_each_map_elem) until it answers false; how many were visited. Elements may
   * be deleted meanwhile. Per-CPU maps give the current CPU's value.
   */
  forEachElement?(visit: (keyOffset: number, valueOffset: number) => boolean): number;
  /** Offset of value 0, for direct value access (`ld_imm64 map_value`); only array-like maps. */
  valueBase?(): number;

  // User-space side (bpf(2)). A per-CPU value is `cpus` values of alignUp(valueSize, 8) bytes each, one after another.
  lookup(key: Uint8Array): Uint8Array | undefined;
  update(key: Uint8Array, value: Uint8Array, flags: number): number;
  delete(key: Uint8Array): number;
  /** The key after `key` (the first one if undefined or gone), or undefined at the end: BPF_MAP_GET_NEXT_KEY. */
  nextKey(key: Uint8Array | undefined): Uint8Array | undefined;
  lookupAndDelete?(key: Uint8Array): Uint8Array | undefined;
  /** BPF_MAP_FREEZE: user space may not write any more (programs may). 0 or a negative errno. */
  freeze?(): number;
  /** Number of live entries, where the type knows it cheaply. */
  readonly count?: number;
  /** Give all memory back. */
  close(): void;
}

/** A row of THE MAP TABLE (core/maps/index.ts). */
export interface MapTypeRow {
  /** BPF_MAP_TYPE_* number. */
  readonly id: number;
  /** Lower-case kernel name without BPF_MAP_TYPE_. */
  readonly name: string;
  /** First kernel version that has it. */
  readonly since: string;
  readonly perCpu?: boolean;
  /**
   * A message why these attributes are refused (as the kernel would, with its errno name first: 'EINVAL: ...'), or
   * undefined.
   */
  check(attrs: MapAttrs): string | undefined;
  /** Absent when the type is known but not yet modelled: creating one says Unsupported by name. */
  readonly create?: (attrs: MapAttrs, host: MapHost) => BpfMap;
  /** Why there is no `create`. */
  readonly why?: string;
}
