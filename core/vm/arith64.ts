/**
 * 64-bit multiply and divide on pairs of signed 32-bit halves, without BigInt. Operands and results are registers of a
 * register file (index of the low half; the high half follows), so nothing is allocated and nothing returned.
 */

/** High 32 bits of the 64-bit product of two unsigned 32-bit numbers. Built from 16-bit halves: each step fits 32 bits. */
export function mulHigh(a: number, b: number): number {
  const a0 = a & 0xffff;
  const a1 = a >>> 16;
  const b0 = b & 0xffff;
  const b1 = b >>> 16;
  const low = Math.imul(a0, b0) >>> 16;
  const mid = (Math.imul(a1, b0) + low) | 0;
  const mid2 = (Math.imul(a0, b1) + (mid & 0xffff)) | 0;
  return (Math.imul(a1, b1) + (mid >>> 16) + (mid2 >>> 16)) | 0;
}

/** r[d] = r[d] / r[s] or r[d] % r[s], unsigned; by zero: 0 and unchanged. */
export function divmod64(r: Int32Array, d: number, s: number, remainder: boolean): void {
  unsigned(r, d, r[d]! >>> 0, r[d + 1]! >>> 0, r[s]! >>> 0, r[s + 1]! >>> 0, remainder);
}

/** The same, signed, truncating; the remainder has the dividend's sign; INT64_MIN / -1 is INT64_MIN. */
export function sdivmod64(r: Int32Array, d: number, s: number, remainder: boolean): void {
  let al = r[d]! | 0;
  let ah = r[d + 1]! | 0;
  let bl = r[s]! | 0;
  let bh = r[s + 1]! | 0;
  if (bl === 0 && bh === 0) {
    if (!remainder) r[d] = r[d + 1] = 0;
    return;
  }
  const negative = remainder ? ah < 0 : (ah ^ bh) < 0;
  if (ah < 0) {
    al = -al | 0;
    ah = (~ah + (al === 0 ? 1 : 0)) | 0;
  }
  if (bh < 0) {
    bl = -bl | 0;
    bh = (~bh + (bl === 0 ? 1 : 0)) | 0;
  }
  unsigned(r, d, al >>> 0, ah >>> 0, bl >>> 0, bh >>> 0, remainder);
  if (negative) {
    const lo = -r[d]! | 0;
    r[d + 1] = (~r[d + 1]! + (lo === 0 ? 1 : 0)) | 0;
    r[d] = lo;
  }
}

const TWO32 = 4294967296;

/** Halves come as unsigned numbers; the result goes to r[d], r[d + 1]. */
function unsigned(r: Int32Array, d: number, al: number, ah: number, bl: number, bh: number, remainder: boolean): void {
  if (ah === 0 && bh === 0) {
    if (bl === 0) {
      if (!remainder) r[d] = 0;
    } else r[d] = remainder ? al % bl : al / bl;
    r[d + 1] = 0;
    return;
  }
  if (bh === 0) {
    if (bl === 0) {
      if (!remainder) r[d] = r[d + 1] = 0;
      return;
    }
    // Schoolbook in base 2^16: every partial dividend is below 2^48, where doubles are exact,
    // and every digit below 2^16.
    const high = Math.floor(ah / bl);
    let rest = (ah % bl) * 65536 + (al >>> 16);
    const mid = Math.floor(rest / bl);
    rest = (rest % bl) * 65536 + (al & 0xffff);
    const low = Math.floor(rest / bl);
    if (remainder) {
      r[d] = rest % bl;
      r[d + 1] = 0;
    } else {
      r[d] = (mid << 16) | low;
      r[d + 1] = high;
    }
    return;
  }
  // The divisor is at least 2^32, so the quotient is below 2^32 and the double estimate is off by one at most. Take it
  // one low and mend upwards: the remainder then never goes below zero.
  let q = Math.floor((ah * TWO32 + al) / (bh * TWO32 + bl));
  q = q > 0 ? q - 1 : 0;
  const productLow = Math.imul(q, bl) >>> 0;
  const productHigh = (mulHigh(q, bl) + Math.imul(q, bh)) >>> 0;
  let remLow = al - productLow;
  let remHigh = ah - productHigh;
  if (remLow < 0) {
    remLow += TWO32;
    remHigh -= 1;
  }
  while (remHigh > bh || (remHigh === bh && remLow >= bl)) {
    q++;
    remLow -= bl;
    remHigh -= bh;
    if (remLow < 0) {
      remLow += TWO32;
      remHigh -= 1;
    }
  }
  if (remainder) {
    r[d] = remLow;
    r[d + 1] = remHigh;
  } else {
    r[d] = q;
    r[d + 1] = 0;
  }
}
