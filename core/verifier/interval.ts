/** Intervals of unsigned 64-bit numbers as value-facts.ts has them: [lo, hi], hi at most 2^32-1 or unbounded, lo at most 2^32-1. */

export interface Interval {
  readonly lo: number;
  readonly hi: number;
}

export const U32 = 0xffffffff;

/** Any 64-bit number. */
export const unknown: Interval = { lo: 0, hi: Number.POSITIVE_INFINITY };
/** Any 32-bit number. */
export const anyU32: Interval = { lo: 0, hi: U32 };

/** All numbers from `lo` to `hi`, which may be larger than an interval can tell. */
export function interval(lo: number, hi: number): Interval {
  return { lo: lo > U32 ? U32 : lo, hi: hi > U32 ? Number.POSITIVE_INFINITY : hi };
}

/** An immediate, sign-extended to 64 bits: a negative one is beyond 32. */
export function ofImmediate(imm: number): Interval {
  return imm >= 0 ? { lo: imm, hi: imm } : { lo: U32, hi: Number.POSITIVE_INFINITY };
}

export function isBounded(a: Interval): boolean {
  return a.hi <= U32;
}
