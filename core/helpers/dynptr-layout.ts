/**
 * struct bpf_dynptr in memory (struct bpf_dynptr_kern, include/linux/bpf.h): u64 address of the data (0: a null
 * dynptr), u32 size with the type in bits 28 to 30 and "read only" in bit 31, u32 offset into the data. Local memory
 * and ring buffer records are modelled.
 */
import { KERNEL_HI, type LinearMemory } from '../base/memory.ts';
import { E2BIG } from '../maps/errno.ts';

export const DYNPTR_SIZE = 16;
export const DYNPTR_LOCAL = 1;
export const DYNPTR_RINGBUF = 2;
const SIZE_MASK = 0xffffff;
const READ_ONLY = 1 << 31;

export interface Dynptr {
  /** Offset of the data in the linear memory; 0: a null dynptr. */
  readonly data: number;
  readonly size: number;
  readonly type: number;
  readonly readOnly: boolean;
  readonly offset: number;
}

/** 0, or -E2BIG for what no dynptr can hold. */
export function checkDynptrSize(size: number): number {
  return size > SIZE_MASK ? E2BIG : 0;
}

export function readDynptr(memory: LinearMemory, at: number): Dynptr {
  const { view } = memory;
  const word = view.getInt32(at + 8, true);
  return {
    data: view.getUint32(at, true),
    size: word & SIZE_MASK,
    type: (word & ~READ_ONLY) >>> 28,
    readOnly: (word & READ_ONLY) !== 0,
    offset: view.getUint32(at + 12, true),
  };
}

export function writeDynptr(memory: LinearMemory, at: number, type: number, data: number, size: number): void {
  const { view } = memory;
  view.setUint32(at, data, true);
  view.setInt32(at + 4, data === 0 ? 0 : KERNEL_HI, true);
  view.setUint32(at + 8, (data === 0 ? 0 : size | (type << 28)) >>> 0, true);
  view.setUint32(at + 12, 0, true);
}

/** Offset of `length` bytes from `offset` on, or -E2BIG. */
export function dynptrRange(pointer: Dynptr, offset: number, length: number): number {
  if (length > pointer.size || offset > pointer.size - length) return E2BIG;
  return pointer.data + pointer.offset + offset;
}
