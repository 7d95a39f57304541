/**
 * struct_ops (kernel/bpf/bpf_struct_ops.c) and arena (kernel/bpf/arena.c): known with their rules. A kernel that calls
 * into programs by structure, and memory shared page by page with user space, are not modelled.
 */
import {
  BPF_F_LINK,
  BPF_F_MMAPABLE,
  BPF_F_NO_USER_CONV,
  BPF_F_SEGV_ON_FAULT,
  BPF_F_VTYPE_BTF_OBJ_FD,
  checkFlags,
  checkSizes,
} from './flags.ts';
import type { MapTypeRow } from './map.ts';

export const STRUCT_OPS = {
  id: 26,
  name: 'struct_ops',
  since: '5.6',
  why: "registering a structure of functions asks for a subsystem that calls them; the linux backend has the kernel's",
  check: (attrs) =>
    checkSizes(attrs, { keySize: 4, maxEntries: 1 }) ?? checkFlags(attrs, BPF_F_LINK | BPF_F_VTYPE_BTF_OBJ_FD),
} as const satisfies MapTypeRow;

const PAGE = 4096;

export const ARENA = {
  id: 33,
  name: 'arena',
  since: '6.9',
  why: 'programs reach its pages by address space casts, which the engines here do not translate; the linux backend has it',
  check: (attrs) => {
    const extra = attrs.extra ?? 0;
    const bytes = attrs.maxEntries * PAGE;
    return (
      checkSizes(attrs, { keySize: 0, valueSize: 0, maxEntries: 'some' }) ??
      (((attrs.flags ?? 0) & BPF_F_MMAPABLE) === 0 ? 'EINVAL: an arena map must have BPF_F_MMAPABLE' : undefined) ??
      checkFlags(attrs, BPF_F_SEGV_ON_FAULT | BPF_F_MMAPABLE | BPF_F_NO_USER_CONV) ??
      (extra % PAGE !== 0 ? 'EINVAL: map_extra of an arena map is a page-aligned address' : undefined) ??
      (bytes > 2 ** 32 ? `E2BIG: an arena has at most 4 GiB, not ${attrs.maxEntries} pages` : undefined) ??
      (Math.floor(extra / 2 ** 32) !== Math.floor((extra + bytes - 1) / 2 ** 32)
        ? 'ERANGE: an arena must not cross a 4 GiB boundary'
        : undefined)
    );
  },
} as const satisfies MapTypeRow;
