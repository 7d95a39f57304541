/**
 * What a map is to the rest of skep: bytes in, bytes out, with the kernel's errnos; and what one map type provides (its row).
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
}

/** Where maps live and what they ask of their surroundings. */
export interface MapHost {
  readonly memory: LinearMemory;
  /** Possible CPUs: per-CPU maps have this many values. */
  readonly cpus: number;
  /** The CPU that runs now. */
  currentCpu(): number;
  /** The one seeded random source. */
  random(): number;
}

/**
 * A live map in the linear memory. User-space side calls (bytes) and program side calls (offsets) act on the same storage.
 * A returned number below zero is a negative errno.
 */
export interface BpfMap {
  readonly attrs: MapAttrs;
  /**
   * Offset of the map's header in the linear memory: what `ld_imm64 map_fd` becomes in a loaded program (as a kernel
   * address). The header's layout is documented in core/maps/layout.ts, so that the JIT and C++ look keys up by themselves.
   */
  readonly offset: number;

  // Program side. Keys and values are offsets into the linear memory. `lookupOffset` answers the offset of the value, or 0.
  lookupOffset(keyOffset: number): number;
  updateOffset(keyOffset: number, valueOffset: number, flags: number): number;
  deleteOffset(keyOffset: number): number;
  /** Queue, stack, bloom: push/pop/peek; absent elsewhere. */
  pushOffset?(valueOffset: number, flags: number): number;
  popOffset?(valueOffset: number): number;
  peekOffset?(valueOffset: number): number;
  /** Offset of value 0, for direct value access (`ld_imm64 map_value`); only array-like maps. */
  valueBase?(): number;

  // User-space side (bpf(2)). A per-CPU value is `cpus` values of alignUp(valueSize, 8) bytes each, one after another.
  lookup(key: Uint8Array): Uint8Array | undefined;
  update(key: Uint8Array, value: Uint8Array, flags: number): number;
  delete(key: Uint8Array): number;
  /** The key after `key` (the first one if undefined or gone), or undefined at the end: BPF_MAP_GET_NEXT_KEY. */
  nextKey(key: Uint8Array | undefined): Uint8Array | undefined;
  lookupAndDelete?(key: Uint8Array): Uint8Array | undefined;
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
  /** A message why these attributes are refused (as the kernel would, with its errno name first: 'EINVAL: ...'), or undefined. */
  check(attrs: MapAttrs): string | undefined;
  /** Absent when the type is known but not yet modelled: creating one says Unsupported by name. */
  readonly create?: (attrs: MapAttrs, host: MapHost) => BpfMap;
}
