/**
 * Tristate numbers: what is known of each bit. `v` holds the bits known to be 1, `m` the unknown ones; a bit set in both
 * is not allowed. The domain is the kernel's (Documentation/bpf/verifier.rst, kernel/bpf/tnum.c; the sums and products
 * are proved in "Sound, Precise, and Fast Abstract Interpretation with Tristate Numbers", arXiv 2105.05398).
 *
 * Operations store into `out`, which may be one of the operands, so that the walk allocates nothing.
 */
import { addHi, carry, hex64, subHi, ult } from './u64.ts';

export interface Tnum {
  vLo: number;
  vHi: number;
  mLo: number;
  mHi: number;
}

export function set(out: Tnum, vLo: number, vHi: number, mLo: number, mHi: number): void {
  out.vLo = vLo | 0;
  out.vHi = vHi | 0;
  out.mLo = mLo | 0;
  out.mHi = mHi | 0;
}

export function isConst(t: Tnum): boolean {
  return (t.mLo | t.mHi) === 0;
}

export function isUnknown(t: Tnum): boolean {
  return (t.mLo & t.mHi) === -1;
}

export function isZero(t: Tnum): boolean {
  return (t.mLo | t.mHi | t.vLo | t.vHi) === 0;
}

/** The tightest tnum that holds all of the unsigned range [min, max]: the common leading bits are known. */
export function range(out: Tnum, minLo: number, minHi: number, maxLo: number, maxHi: number): void {
  const xHi = minHi ^ maxHi;
  const xLo = minLo ^ maxLo;
  let mHi = 0;
  let mLo = 0;
  if (xHi !== 0) {
    mLo = -1;
    mHi = Math.clz32(xHi) === 0 ? -1 : (1 << (32 - Math.clz32(xHi))) - 1;
  } else if (xLo !== 0) {
    mLo = Math.clz32(xLo) === 0 ? -1 : (1 << (32 - Math.clz32(xLo))) - 1;
  }
  set(out, minLo & ~mLo, minHi & ~mHi, mLo, mHi);
}

export function add(out: Tnum, a: Tnum, b: Tnum): void {
  const smLo = (a.mLo + b.mLo) | 0;
  const smHi = addHi(a.mLo, a.mHi, b.mLo, b.mHi);
  const svLo = (a.vLo + b.vLo) | 0;
  const svHi = addHi(a.vLo, a.vHi, b.vLo, b.vHi);
  const chiLo = ((smLo + svLo) | 0) ^ svLo;
  const chiHi = addHi(smLo, smHi, svLo, svHi) ^ svHi;
  const muLo = chiLo | a.mLo | b.mLo;
  const muHi = chiHi | a.mHi | b.mHi;
  set(out, svLo & ~muLo, svHi & ~muHi, muLo, muHi);
}

export function sub(out: Tnum, a: Tnum, b: Tnum): void {
  const dLo = (a.vLo - b.vLo) | 0;
  const dHi = subHi(a.vLo, a.vHi, b.vLo, b.vHi);
  const upLo = (dLo + a.mLo) | 0;
  const upHi = addHi(dLo, dHi, a.mLo, a.mHi);
  const downLo = (dLo - b.mLo) | 0;
  const downHi = subHi(dLo, dHi, b.mLo, b.mHi);
  const muLo = (upLo ^ downLo) | a.mLo | b.mLo;
  const muHi = (upHi ^ downHi) | a.mHi | b.mHi;
  set(out, dLo & ~muLo, dHi & ~muHi, muLo, muHi);
}

export function and(out: Tnum, a: Tnum, b: Tnum): void {
  const vLo = a.vLo & b.vLo;
  const vHi = a.vHi & b.vHi;
  set(out, vLo, vHi, (a.vLo | a.mLo) & (b.vLo | b.mLo) & ~vLo, (a.vHi | a.mHi) & (b.vHi | b.mHi) & ~vHi);
}

export function or(out: Tnum, a: Tnum, b: Tnum): void {
  const vLo = a.vLo | b.vLo;
  const vHi = a.vHi | b.vHi;
  set(out, vLo, vHi, (a.mLo | b.mLo) & ~vLo, (a.mHi | b.mHi) & ~vHi);
}

export function xor(out: Tnum, a: Tnum, b: Tnum): void {
  const muLo = a.mLo | b.mLo;
  const muHi = a.mHi | b.mHi;
  set(out, (a.vLo ^ b.vLo) & ~muLo, (a.vHi ^ b.vHi) & ~muHi, muLo, muHi);
}

/** Both facts hold. Contradicting bits come out as known 1. */
export function intersect(out: Tnum, a: Tnum, b: Tnum): void {
  const muLo = a.mLo & b.mLo;
  const muHi = a.mHi & b.mHi;
  set(out, (a.vLo | b.vLo) & ~muLo, (a.vHi | b.vHi) & ~muHi, muLo, muHi);
}

/** Shift left by 0..63. */
export function lsh(out: Tnum, a: Tnum, n: number): void {
  if (n === 0) set(out, a.vLo, a.vHi, a.mLo, a.mHi);
  else if (n >= 32) set(out, 0, a.vLo << (n - 32), 0, a.mLo << (n - 32));
  else {
    set(out, a.vLo << n, (a.vHi << n) | (a.vLo >>> (32 - n)), a.mLo << n, (a.mHi << n) | (a.mLo >>> (32 - n)));
  }
}

/** Logical shift right by 0..63. */
export function rsh(out: Tnum, a: Tnum, n: number): void {
  if (n === 0) set(out, a.vLo, a.vHi, a.mLo, a.mHi);
  else if (n >= 32) set(out, a.vHi >>> (n - 32), 0, a.mHi >>> (n - 32), 0);
  else {
    set(out, (a.vLo >>> n) | (a.vHi << (32 - n)), a.vHi >>> n, (a.mLo >>> n) | (a.mHi << (32 - n)), a.mHi >>> n);
  }
}

/** Arithmetic shift right by 0..63 of the 64-bit number. An unknown sign bit smears as unknown. */
export function arsh(out: Tnum, a: Tnum, n: number): void {
  if (n === 0) set(out, a.vLo, a.vHi, a.mLo, a.mHi);
  else if (n >= 32) set(out, a.vHi >> (n - 32), a.vHi >> 31, a.mHi >> (n - 32), a.mHi >> 31);
  else set(out, (a.vLo >>> n) | (a.vHi << (32 - n)), a.vHi >> n, (a.mLo >>> n) | (a.mHi << (32 - n)), a.mHi >> n);
}

/**
 * Long multiplication; an unknown multiplier bit gives the union of adding the partial product and not adding it. Up to 64 rounds, so the sums
 * are written out over numbers that need no memory.
 */
export function mul(out: Tnum, a: Tnum, b: Tnum): void {
  let { vLo: onesLo, vHi: onesHi, mLo: perhapsLo, mHi: perhapsHi } = a;
  let { vLo: bVLo, vHi: bVHi, mLo: bMLo, mHi: bMHi } = b;
  let [vLo, vHi, mLo, mHi] = [0, 0, 0, 0];
  while ((onesLo | onesHi | perhapsLo | perhapsHi) !== 0) {
    if (((onesLo | perhapsLo) & 1) !== 0) {
      const smLo = (mLo + bMLo) | 0;
      const smHi = (mHi + bMHi + carry(mLo, smLo)) | 0;
      const svLo = (vLo + bVLo) | 0;
      const svHi = (vHi + bVHi + carry(vLo, svLo)) | 0;
      const topLo = (smLo + svLo) | 0;
      const topHi = (smHi + svHi + carry(smLo, topLo)) | 0;
      let muLo = (topLo ^ svLo) | mLo | bMLo;
      let muHi = (topHi ^ svHi) | mHi | bMHi;
      if ((onesLo & 1) === 0) {
        muLo |= vLo ^ (svLo & ~muLo);
        muHi |= vHi ^ (svHi & ~muHi);
      }
      vLo = svLo & ~muLo;
      vHi = svHi & ~muHi;
      mLo = muLo;
      mHi = muHi;
    }
    onesLo = (onesLo >>> 1) | (onesHi << 31);
    onesHi >>>= 1;
    perhapsLo = (perhapsLo >>> 1) | (perhapsHi << 31);
    perhapsHi >>>= 1;
    bVHi = (bVHi << 1) | (bVLo >>> 31);
    bVLo <<= 1;
    bMHi = (bMHi << 1) | (bMLo >>> 31);
    bMLo <<= 1;
  }
  set(out, vLo, vHi, mLo, mHi);
}

/** Can the two be equal? */
export function overlap(a: Tnum, b: Tnum): boolean {
  return (
    ((a.vLo ^ b.vLo) & ~a.mLo & ~b.mLo) === 0 && //
    ((a.vHi ^ b.vHi) & ~a.mHi & ~b.mHi) === 0
  );
}

/** The same for the low 32 bits. */
export function overlap32(a: Tnum, b: Tnum): boolean {
  return ((a.vLo ^ b.vLo) & ~a.mLo & ~b.mLo) === 0;
}

/** Is every number of `b` one of `a`? */
export function contains(a: Tnum, b: Tnum): boolean {
  if ((b.mLo & ~a.mLo) !== 0 || (b.mHi & ~a.mHi) !== 0) return false;
  return a.vLo === (b.vLo & ~a.mLo) && a.vHi === (b.vHi & ~a.mHi);
}

export interface Pair {
  lo: number;
  hi: number;
}

/** The bits of a half above this one, which may lie below the half or above it. */
function bitsAbove(bit: number): number {
  return bit < 0 ? -1 : bit >= 31 ? 0 : -2 << bit;
}

/**
 * The smallest number of `t` above z; its largest where there is none, its smallest where z is below all. Stores into `out`.
 */
export function next(out: Pair, t: Tnum, zLo: number, zHi: number): void {
  const topLo = t.vLo | t.mLo;
  const topHi = t.vHi | t.mHi;
  if (!ult(zLo, zHi, topLo, topHi)) {
    out.lo = topLo;
    out.hi = topHi;
    return;
  }
  if (ult(zLo, zHi, t.vLo, t.vHi)) {
    out.lo = t.vLo;
    out.hi = t.vHi;
    return;
  }
  // As long as possible equal to z from the top; the place of departure is where a one can stand above z's zero: the first known bit that is
  // not z's, or where that one is a zero, the last unknown bit before it that is a zero in z.
  const unlikeHi = ~t.mHi & (t.vHi ^ zHi);
  const unlikeLo = ~t.mLo & (t.vLo ^ zLo);
  const unlike = unlikeHi !== 0 ? 63 - Math.clz32(unlikeHi) : 31 - Math.clz32(unlikeLo);
  let depart = unlike;
  if (unlike < 0 || (((unlike >= 32 ? t.vHi : t.vLo) >>> (unlike & 31)) & 1) === 0) {
    const zerosLo = t.mLo & ~zLo & bitsAbove(unlike);
    const zerosHi = t.mHi & ~zHi & bitsAbove(unlike - 32);
    depart = zerosLo !== 0 ? 31 - Math.clz32(zerosLo & -zerosLo) : 63 - Math.clz32(zerosHi & -zerosHi);
  }
  const bit = depart & 31;
  const above = bit === 31 ? 0 : -1 << (bit + 1);
  const below = (1 << bit) - 1;
  if (depart >= 32) {
    out.hi = (zHi & above) | (1 << bit) | (t.vHi & below);
    out.lo = t.vLo;
  } else {
    out.hi = zHi;
    out.lo = (zLo & above) | (1 << bit) | (t.vLo & below);
  }
}

/** As the kernel's tnum_strn: a known number in decimal up to 65535, else in hex; `(value; mask)` otherwise. */
export function format(t: Tnum): string {
  if (isConst(t)) return t.vHi === 0 && t.vLo >= 0 && t.vLo <= 0xffff ? String(t.vLo) : hex64(t.vLo, t.vHi);
  return formatBits(t);
}

/** Value and mask, of a known number too, as kernels before 6.8 print all. */
export function formatBits(t: Tnum): string {
  return `(${hex64(t.vLo, t.vHi)}; ${hex64(t.mLo, t.mHi)})`;
}
