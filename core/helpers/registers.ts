/**
 * Arguments out of, and results into, the register file that engines hand to helpers (RegFile in helper.ts): argument n
 * (1 to 5) is r[2n], r[2n+1]. A pointer to the linear memory has the offset as its low half.
 */
import { KERNEL_HI } from '../base/memory.ts';
import type { RegFile } from './helper.ts';

/** Argument `n` as an unsigned 32-bit number: an offset, a size, an index. */
export function u32(r: RegFile, n: number): number {
  return r[2 * n]! >>> 0;
}

/**
 * Argument `n` as an unsigned 64-bit number; exact up to 2^53 (enough to tell every valid flag word from an invalid
 * one).
 */
export function u64(r: RegFile, n: number): number {
  return (r[2 * n + 1]! >>> 0) * 0x100000000 + (r[2 * n]! >>> 0);
}

export function isNull(r: RegFile, n: number): boolean {
  return r[2 * n] === 0 && r[2 * n + 1] === 0;
}

/** r0 = a number between -2^53 and 2^53. */
export function returnNumber(r: RegFile, value: number): void {
  r[0] = value | 0;
  r[1] = Math.floor(value / 0x100000000) | 0;
}

/** r0 = two halves. */
export function returnHalves(r: RegFile, lo: number, hi: number): void {
  r[0] = lo;
  r[1] = hi;
}

/** r0 = kernel address of an offset, NULL for 0. */
export function returnPointer(r: RegFile, offset: number): void {
  r[0] = offset;
  r[1] = offset === 0 ? 0 : KERNEL_HI;
}
