/** Flags of BPF_MAP_CREATE (include/uapi/linux/bpf.h), and the checks that many types share (kernel/bpf/syscall.c). */
import type { MapAttrs } from './map.ts';

export const BPF_F_NO_PREALLOC = 1 << 0;
export const BPF_F_NO_COMMON_LRU = 1 << 1;
export const BPF_F_NUMA_NODE = 1 << 2;
export const BPF_F_RDONLY = 1 << 3;
export const BPF_F_WRONLY = 1 << 4;
export const BPF_F_STACK_BUILD_ID = 1 << 5;
export const BPF_F_ZERO_SEED = 1 << 6;
export const BPF_F_RDONLY_PROG = 1 << 7;
export const BPF_F_WRONLY_PROG = 1 << 8;
export const BPF_F_CLONE = 1 << 9;
export const BPF_F_MMAPABLE = 1 << 10;
export const BPF_F_PRESERVE_ELEMS = 1 << 11;
export const BPF_F_INNER_MAP = 1 << 12;
export const BPF_F_LINK = 1 << 13;
export const BPF_F_PATH_FD = 1 << 14;
export const BPF_F_VTYPE_BTF_OBJ_FD = 1 << 15;
export const BPF_F_TOKEN_FD = 1 << 16;
export const BPF_F_SEGV_ON_FAULT = 1 << 17;
export const BPF_F_NO_USER_CONV = 1 << 18;

export const ACCESS_MASK = BPF_F_RDONLY | BPF_F_RDONLY_PROG | BPF_F_WRONLY | BPF_F_WRONLY_PROG;

/** Largest kmalloc (4 MiB) and largest per-CPU allocation (32 KiB) of x86-64. */
export const KMALLOC_MAX = 1 << 22;
export const PERCPU_MAX = 32 << 10;

/** A refusal as `check` gives it: errno name, then what is wrong. */
export type Refusal = string | undefined;

/** Refuse flags outside `allowed`, and read-only with write-only (bpf_map_flags_access_ok, bpf_get_file_flag). */
export function checkFlags(attrs: MapAttrs, allowed: number): Refusal {
  const flags = attrs.flags ?? 0;
  const bad = flags & ~allowed;
  if (bad !== 0) return `EINVAL: a ${attrs.type} map takes no flag 0x${(bad >>> 0).toString(16)}`;
  const both = (a: number, b: number) => (flags & a) !== 0 && (flags & b) !== 0;
  if (both(BPF_F_RDONLY, BPF_F_WRONLY) || both(BPF_F_RDONLY_PROG, BPF_F_WRONLY_PROG)) {
    return 'EINVAL: a map cannot be both read-only and write-only';
  }
  return undefined;
}

/** What each attribute must be; `undefined` asks for nothing. Names the first that is wrong, with EINVAL. */
export function checkSizes(
  attrs: MapAttrs,
  want: {
    readonly keySize?: number | 'some';
    readonly valueSize?: number | 'some';
    readonly maxEntries?: 'some' | number;
  },
): Refusal {
  for (const [what, size, rule] of [
    ['key size', attrs.keySize, want.keySize],
    ['value size', attrs.valueSize, want.valueSize],
    ['max_entries', attrs.maxEntries, want.maxEntries],
  ] as const) {
    if (!Number.isInteger(size) || size < 0 || size > 0xffffffff)
      return `EINVAL: ${what} ${size} is not a 32-bit number`;
    if (rule === 'some' && size === 0) return `EINVAL: ${what} of a ${attrs.type} map must not be 0`;
    if (typeof rule === 'number' && size !== rule)
      return `EINVAL: ${what} of a ${attrs.type} map must be ${rule}, not ${size}`;
  }
  return undefined;
}
