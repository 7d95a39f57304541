/**
 * The one linear memory, as everything below the engines sees it. All that a program can touch lives in it: stack, ctx,
 * packets, map storage, ring buffers, model-kernel objects. All engines work on the same bytes.
 *
 * An *offset* is a byte index into this memory. A *kernel address* is 0xffff888000000000 + offset: the low word of the
 * address is the offset itself, the high word is always KERNEL_HI. The first 64 KiB are never handed out.
 * Implemented by `core/vm/memory.ts`.
 */
import type { WasmMemory } from './platform.ts';

/** High 32 bits, as a signed int, of every kernel address (the direct map of x86-64). */
export const KERNEL_HI = 0xffff8880 | 0;
export const KERNEL_BASE = 0xffff888000000000n;
/** The lowest offset that is ever mapped. */
export const FIRST_MAPPED = 65536;

export interface LinearMemory {
  /** Views over the whole memory. They are replaced when the memory grows: re-read them after anything that may allocate. */
  readonly u8: Uint8Array;
  readonly i32: Int32Array;
  readonly view: DataView;
  /** Zeroed bytes at an offset aligned to `align` (default 8, a power of two). Throws BpfError ENOMEM when the maximum is reached. */
  alloc(size: number, align?: number): number;
  /** Give back what `alloc` returned, with the same size. */
  free(offset: number, size: number): void;
  /** What a wasm module imports to work on the same bytes; absent where the host has no WebAssembly. */
  readonly wasmMemory?: WasmMemory | undefined;
}

/** 64-bit kernel address of an offset. */
export function kernelAddress(offset: number): bigint {
  return KERNEL_BASE + BigInt(offset);
}
