/**
 * 64-bit numbers as two signed 32-bit halves. The walk may not touch BigInt (it is tens of times slower), so a 64-bit
 * value is the pair (lo, hi) of int32, which V8 keeps unboxed in object fields. Comparisons are functions on four
 * halves; sums are written out where they happen, with `carry`. BigInt appears only in the last section, for printing.
 */

/** Unsigned a < b. */
export function ult(aLo: number, aHi: number, bLo: number, bHi: number): boolean {
  return aHi === bHi ? aLo >>> 0 < bLo >>> 0 : aHi >>> 0 < bHi >>> 0;
}

/** Signed a < b. */
export function slt(aLo: number, aHi: number, bLo: number, bHi: number): boolean {
  return aHi === bHi ? aLo >>> 0 < bLo >>> 0 : aHi < bHi;
}

/** Unsigned 32-bit a < b of int32 bit patterns. */
export function ult32(a: number, b: number): boolean {
  return a >>> 0 < b >>> 0;
}

/** Carry out of the low half: `sum` is (a + b) | 0. */
export function carry(a: number, sum: number): number {
  return sum >>> 0 < a >>> 0 ? 1 : 0;
}

/** Borrow into the high half of a - b. */
export function borrow(a: number, b: number): number {
  return a >>> 0 < b >>> 0 ? 1 : 0;
}

/** High half of a + b. */
export function addHi(aLo: number, aHi: number, bLo: number, bHi: number): number {
  return (aHi + bHi + carry(aLo, (aLo + bLo) | 0)) | 0;
}

/** High half of a - b. */
export function subHi(aLo: number, aHi: number, bLo: number, bHi: number): number {
  return (aHi - bHi - borrow(aLo, bLo)) | 0;
}

/** The signed value as a double: exact up to 2^53, rounded beyond. */
export function toDouble(lo: number, hi: number): number {
  return hi * 4294967296 + (lo >>> 0);
}

/** The unsigned value as a double: exact up to 2^53, rounded beyond. */
export function toDoubleU(lo: number, hi: number): number {
  return (hi >>> 0) * 4294967296 + (lo >>> 0);
}

/** High half of the unsigned 32x32 product; the low half is Math.imul. */
export function mulHi32(a: number, b: number): number {
  const aL = a & 0xffff;
  const aH = a >>> 16;
  const bL = b & 0xffff;
  const bH = b >>> 16;
  const mid = aH * bL + ((aL * bL) >>> 16);
  const mid2 = aL * bH + (mid % 65536);
  return (aH * bH + Math.floor(mid / 65536) + Math.floor(mid2 / 65536)) | 0;
}

/** High half of the wrapped 64x64 product; the low half is Math.imul of the low halves. */
export function mulHi(aLo: number, aHi: number, bLo: number, bHi: number): number {
  return (mulHi32(aLo, bLo) + Math.imul(aLo, bHi) + Math.imul(aHi, bLo)) | 0;
}

/** Number of significant bits of the unsigned value (0 for 0): the kernel's fls64. */
export function bitLength(lo: number, hi: number): number {
  return hi !== 0 ? 64 - Math.clz32(hi) : 32 - Math.clz32(lo);
}

// Printing.

export function toBigU(lo: number, hi: number): bigint {
  return (BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0);
}

export function toBigS(lo: number, hi: number): bigint {
  return BigInt.asIntN(64, toBigU(lo, hi));
}

/** The kernel's `%#llx`. */
export function hex64(lo: number, hi: number): string {
  const low = (lo >>> 0).toString(16);
  return hi === 0 ? `0x${low}` : `0x${(hi >>> 0).toString(16)}${low.padStart(8, '0')}`;
}
