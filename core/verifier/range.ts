/**
 * Ranges of a number: how the tnum, the unsigned and the signed bounds of 64 and of 32 bits inform one another. The rules
 * are those of Linux (kernel/bpf/verifier.c, reg_bounds_sync and below), since a bound we derive and Linux does not is an
 * acceptance that Linux refuses. Functions change the `Reg` they are given: only call them on a fresh one.
 */
import { KIND, Reg } from './reg.ts';
import * as tnum from './tnum.ts';
import { slt, ult } from './u64.ts';

const MIN32 = -2147483648;
const MAX32 = 2147483647;

/** A constant: everything is known. Kind, id and offset stay. */
export function setKnown(r: Reg, lo: number, hi: number): void {
  r.vLo = lo;
  r.vHi = hi;
  r.mLo = 0;
  r.mHi = 0;
  r.uminLo = r.umaxLo = r.sminLo = r.smaxLo = lo;
  r.uminHi = r.umaxHi = r.sminHi = r.smaxHi = hi;
  r.u32min = r.u32max = r.s32min = r.s32max = lo;
}

/** The low half becomes known, the 64-bit bounds keep what they were. */
export function setKnown32(r: Reg, lo: number): void {
  r.vLo = lo;
  r.mLo = 0;
  r.u32min = r.u32max = r.s32min = r.s32max = lo;
}

export function unbound64(r: Reg): void {
  r.uminLo = r.uminHi = 0;
  r.umaxLo = r.umaxHi = -1;
  r.sminLo = 0;
  r.sminHi = MIN32;
  r.smaxLo = -1;
  r.smaxHi = MAX32;
}

export function unbound32(r: Reg): void {
  r.u32min = 0;
  r.u32max = -1;
  r.s32min = MIN32;
  r.s32max = MAX32;
}

export function unbound(r: Reg): void {
  unbound64(r);
  unbound32(r);
}

/** A number of which nothing is known. One shared object: registers are never changed. */
export function makeUnknown(precise: boolean): Reg {
  const r = new Reg();
  r.type = KIND.SCALAR;
  r.mLo = r.mHi = -1;
  unbound(r);
  r.precise = precise ? 1 : 0;
  return r;
}

export function makeKnown(lo: number, hi: number): Reg {
  const r = new Reg();
  r.type = KIND.SCALAR;
  setKnown(r, lo, hi);
  return r;
}

/** Is nothing known of the number: neither bits nor bounds? */
export function isUnbounded(r: Readonly<Reg>): boolean {
  return (
    (r.mLo & r.mHi) === -1 &&
    (r.uminLo | r.uminHi | r.u32min | r.sminLo) === 0 &&
    (r.umaxLo & r.umaxHi & r.u32max & r.smaxLo) === -1 &&
    r.sminHi === MIN32 &&
    r.smaxHi === MAX32 &&
    r.s32min === MIN32 &&
    r.s32max === MAX32
  );
}

/** A pointer of this type with offset zero. */
export function makePointer(type: number): Reg {
  const r = new Reg();
  r.type = type;
  return r;
}

// Raising a lower and lowering an upper bound: intersections with one more fact.

export function raiseUmin(r: Reg, lo: number, hi: number): void {
  if (ult(r.uminLo, r.uminHi, lo, hi)) {
    r.uminLo = lo;
    r.uminHi = hi;
  }
}

export function lowerUmax(r: Reg, lo: number, hi: number): void {
  if (ult(lo, hi, r.umaxLo, r.umaxHi)) {
    r.umaxLo = lo;
    r.umaxHi = hi;
  }
}

export function raiseSmin(r: Reg, lo: number, hi: number): void {
  if (slt(r.sminLo, r.sminHi, lo, hi)) {
    r.sminLo = lo;
    r.sminHi = hi;
  }
}

export function lowerSmax(r: Reg, lo: number, hi: number): void {
  if (slt(lo, hi, r.smaxLo, r.smaxHi)) {
    r.smaxLo = lo;
    r.smaxHi = hi;
  }
}

export function raiseU32min(r: Reg, value: number): void {
  if (r.u32min >>> 0 < value >>> 0) r.u32min = value;
}

export function lowerU32max(r: Reg, value: number): void {
  if (value >>> 0 < r.u32max >>> 0) r.u32max = value;
}

export function raiseS32min(r: Reg, value: number): void {
  if (r.s32min < value) r.s32min = value;
}

export function lowerS32max(r: Reg, value: number): void {
  if (value < r.s32max) r.s32max = value;
}

/** The 32-bit bounds learn from the tnum: its smallest and largest numbers in each order. */
export function bounds32FromTnum(r: Reg): void {
  raiseS32min(r, r.vLo | (r.mLo & MIN32));
  lowerS32max(r, r.vLo | (r.mLo & MAX32));
  raiseU32min(r, r.vLo);
  lowerU32max(r, r.vLo | r.mLo);
}

/** The bounds of both widths learn from the tnum. The 64-bit ones must be bounds of the same number already. */
export function boundsFromTnum(r: Reg): void {
  bounds32FromTnum(r);
  raiseSmin(r, r.vLo, r.vHi | (r.mHi & MIN32));
  lowerSmax(r, r.vLo | r.mLo, r.vHi | (r.mHi & MAX32));
  raiseUmin(r, r.vLo, r.vHi);
  lowerUmax(r, r.vLo | r.mLo, r.vHi | r.mHi);
  if (singleValues) settleSingle(r);
}

let singleValues = true;
let sanityChecks = true;
let mixedBounds = true;

interface RangeRules {
  readonly singleValues: boolean;
  readonly sanityChecks: boolean;
  readonly mixedBounds: boolean;
}

/** How numbers are worked out by the kernel whose rules apply (versions.ts). Of one verification at a time. */
export function useRangeRules(rules: RangeRules): void {
  ({ singleValues, sanityChecks, mixedBounds } = rules);
}

const member: tnum.Pair = { lo: 0, hi: 0 };

/** The unsigned range and the tnum may have one number in common only. */
function settleSingle(r: Reg): void {
  // Unknown bits that are all at the bottom leave no gaps: only a range of one number is single.
  if ((r.mHi === 0 ? r.mLo & (r.mLo + 1) : ~r.mLo | (r.mHi & (r.mHi + 1))) === 0) {
    if (r.uminLo === r.umaxLo && r.uminHi === r.umaxHi) {
      if (!tnum.isConst(r)) setKnown(r, r.uminLo, r.uminHi);
      return;
    }
    if (!ult(r.umaxLo, r.umaxHi, r.uminLo, r.uminHi)) return;
  }
  const inTnum = (r.uminLo & ~r.mLo) === r.vLo && (r.uminHi & ~r.mHi) === r.vHi;
  tnum.next(member, r, r.uminLo, r.uminHi);
  const { lo, hi } = member;
  const above = ult(r.umaxLo, r.umaxHi, lo, hi);
  if (inTnum) {
    if (above) setKnown(r, r.uminLo, r.uminHi);
    return;
  }
  if (lo === (r.vLo | r.mLo) && hi === (r.vHi | r.mHi)) {
    setKnown(r, lo, hi);
    return;
  }
  if (above) return;
  tnum.next(member, r, lo, hi);
  if (ult(r.umaxLo, r.umaxHi, member.lo, member.hi)) setKnown(r, lo, hi);
}

function deduce32(r: Reg): void {
  // Where the upper half is one value over the whole 64-bit range, the lower halves are a range themselves.
  if (r.uminHi === r.umaxHi) {
    raiseU32min(r, r.uminLo);
    lowerU32max(r, r.umaxLo);
    if (r.uminLo <= r.umaxLo) {
      raiseS32min(r, r.uminLo);
      lowerS32max(r, r.umaxLo);
    }
  }
  if (r.sminHi === r.smaxHi) {
    if (r.sminLo >>> 0 <= r.smaxLo >>> 0) {
      raiseU32min(r, r.sminLo);
      lowerU32max(r, r.smaxLo);
    }
    if (r.sminLo <= r.smaxLo) {
      raiseS32min(r, r.sminLo);
      lowerS32max(r, r.smaxLo);
    }
  }
  // Two neighbouring upper halves, the lower half going from negative to positive: a proper signed 32-bit range.
  if (((r.uminHi + 1) | 0) === r.umaxHi && r.uminLo < 0 && r.umaxLo >= 0) {
    raiseS32min(r, r.uminLo);
    lowerS32max(r, r.umaxLo);
  }
  if (((r.sminHi + 1) | 0) === r.smaxHi && r.sminLo < 0 && r.smaxLo >= 0) {
    raiseS32min(r, r.sminLo);
    lowerS32max(r, r.smaxLo);
  }
  if (r.u32min <= r.u32max) {
    raiseS32min(r, r.u32min);
    lowerS32max(r, r.u32max);
  }
  if (r.s32min >>> 0 <= r.s32max >>> 0) {
    raiseU32min(r, r.s32min);
    lowerU32max(r, r.s32max);
  } else if (r.u32max >>> 0 < r.s32min >>> 0) {
    // The signed range crosses zero and the unsigned one meets only its positive part.
    r.s32min = r.u32min;
    lowerU32max(r, r.s32max);
  } else if (r.s32max >>> 0 < r.u32min >>> 0) {
    r.s32max = r.u32max;
    raiseU32min(r, r.s32min);
  }
}

function deduce64(r: Reg): void {
  if (!slt(r.umaxLo, r.umaxHi, r.uminLo, r.uminHi)) {
    raiseSmin(r, r.uminLo, r.uminHi);
    lowerSmax(r, r.umaxLo, r.umaxHi);
  }
  if (!ult(r.smaxLo, r.smaxHi, r.sminLo, r.sminHi)) {
    raiseUmin(r, r.sminLo, r.sminHi);
    lowerUmax(r, r.smaxLo, r.smaxHi);
  } else if (ult(r.umaxLo, r.umaxHi, r.sminLo, r.sminHi)) {
    r.sminLo = r.uminLo;
    r.sminHi = r.uminHi;
    lowerUmax(r, r.smaxLo, r.smaxHi);
  } else if (ult(r.smaxLo, r.smaxHi, r.uminLo, r.uminHi)) {
    r.smaxLo = r.umaxLo;
    r.smaxHi = r.umaxHi;
    raiseUmin(r, r.sminLo, r.sminHi);
  }
}

/**
 * Before 6.8: signed and unsigned bounds of a width are one range where the sign is known from either; nothing is learnt across the widths.
 */
function deduceSign32(r: Reg): void {
  if (r.s32min >= 0 || r.s32max < 0) {
    raiseU32min(r, r.s32min);
    lowerU32max(r, r.s32max);
    r.s32min = r.u32min;
    r.s32max = r.u32max;
  } else if (r.u32max >= 0) {
    r.s32min = r.u32min;
    lowerU32max(r, r.s32max);
    r.s32max = r.u32max;
  } else if (r.u32min < 0) {
    raiseU32min(r, r.s32min);
    r.s32min = r.u32min;
    r.s32max = r.u32max;
  }
}

function deduceSign64(r: Reg): void {
  const bySigned = r.sminHi >= 0 || r.smaxHi < 0;
  const positive = r.umaxHi >= 0;
  if (!bySigned && !positive && r.uminHi >= 0) return;
  if (bySigned || !positive) raiseUmin(r, r.sminLo, r.sminHi);
  if (bySigned || positive) lowerUmax(r, r.smaxLo, r.smaxHi);
  r.sminLo = r.uminLo;
  r.sminHi = r.uminHi;
  r.smaxLo = r.umaxLo;
  r.smaxHi = r.umaxHi;
}

const scratch: tnum.Tnum = { vLo: 0, vHi: 0, mLo: 0, mHi: 0 };

/** 64-bit bounds learn from 32-bit ones by replacing their low halves. */
function deduceMixed(r: Reg): void {
  raiseUmin(r, r.u32min, r.uminHi);
  lowerUmax(r, r.u32max, r.umaxHi);
  raiseSmin(r, r.u32min, r.sminHi);
  lowerSmax(r, r.u32max, r.smaxHi);
  if (r.s32min >>> 0 <= r.s32max >>> 0) {
    raiseUmin(r, r.s32min, r.uminHi);
    lowerUmax(r, r.s32max, r.umaxHi);
    raiseSmin(r, r.s32min, r.sminHi);
    lowerSmax(r, r.s32max, r.smaxHi);
  }
  // Sign extension of a number whose low half is not negative: the upper half is zero.
  if (r.s32min >= 0 && !slt(r.sminLo, r.sminHi, MIN32, -1) && !slt(MAX32, 0, r.smaxLo, r.smaxHi)) {
    r.sminLo = r.uminLo = r.s32min;
    r.smaxLo = r.umaxLo = r.s32max;
    r.sminHi = r.smaxHi = r.uminHi = r.umaxHi = 0;
    tnum.range(scratch, r.sminLo, 0, r.smaxLo, 0);
    tnum.intersect(r, r, scratch);
  }
}

/** The tnum learns from the unsigned bounds of both widths. */
function tnumFromBounds(r: Reg): void {
  tnum.range(scratch, r.uminLo, r.uminHi, r.umaxLo, r.umaxHi);
  tnum.intersect(r, r, scratch);
  tnum.range(scratch, r.u32min, 0, r.u32max, 0);
  const mask = r.mLo & scratch.mLo;
  r.vLo = (r.vLo | scratch.vLo) & ~mask;
  r.mLo = mask;
}

/** Let every description of the number learn from the others. */
export function sync(r: Reg): void {
  boundsFromTnum(r);
  if (mixedBounds) {
    for (let i = 0; i < 3; i++) {
      deduce32(r);
      deduce64(r);
      deduceMixed(r);
    }
  } else {
    deduceSign32(r);
    deduceSign64(r);
  }
  tnumFromBounds(r);
  boundsFromTnum(r);
}

/** Before 6.8, after the 64-bit bounds changed: the 32-bit ones are those of a number that fits, or follow from the tnum alone. */
export function narrowFromWide(r: Reg): void {
  unbound32(r);
  if (r.sminHi === r.sminLo >> 31 && r.smaxHi === r.smaxLo >> 31) {
    r.s32min = r.sminLo;
    r.s32max = r.smaxLo;
  }
  if ((r.uminHi | r.umaxHi) === 0) {
    r.u32min = r.uminLo;
    r.u32max = r.umaxLo;
  }
  sync(r);
}

/** Before 6.8, after the 32-bit bounds changed: the 64-bit ones are those of a number without an upper half, or follow from the tnum alone. */
export function wideFromNarrow(r: Reg): void {
  if ((r.vHi | r.mHi) === 0) zeroExtend32(r);
  else unbound64(r);
  sync(r);
}

/** Are the 64-bit bounds none of a number, as on a path that cannot be? */
export function contradicts64(r: Readonly<Reg>): boolean {
  if (slt(r.smaxLo, r.smaxHi, r.sminLo, r.sminHi) || ult(r.umaxLo, r.umaxHi, r.uminLo, r.uminHi)) return true;
  if (!tnum.isConst(r)) return false;
  return r.sminLo !== r.smaxLo || r.sminHi !== r.smaxHi || r.uminLo !== r.umaxLo || r.uminHi !== r.umaxHi;
}

export function contradicts32(r: Readonly<Reg>): boolean {
  if (r.s32max < r.s32min || r.u32max >>> 0 < r.u32min >>> 0) return true;
  return r.mLo === 0 && (r.s32min !== r.s32max || r.u32min !== r.u32max);
}

/**
 * A dead branch can leave bounds that contradict one another. Linux then forgets all bounds and goes on; so must we,
 * before anything else is derived from them.
 */
export function forgetIfContradictory(r: Reg): boolean {
  if (!sanityChecks) return false;
  const bad =
    ult(r.umaxLo, r.umaxHi, r.uminLo, r.uminHi) ||
    slt(r.smaxLo, r.smaxHi, r.sminLo, r.sminHi) ||
    r.u32max >>> 0 < r.u32min >>> 0 ||
    r.s32max < r.s32min ||
    ((r.mLo | r.mHi) === 0 &&
      (r.uminLo !== r.vLo ||
        r.uminHi !== r.vHi ||
        r.umaxLo !== r.vLo ||
        r.umaxHi !== r.vHi ||
        r.sminLo !== r.vLo ||
        r.sminHi !== r.vHi ||
        r.smaxLo !== r.vLo ||
        r.smaxHi !== r.vHi)) ||
    (r.mLo === 0 && (r.u32min !== r.vLo || r.u32max !== r.vLo || r.s32min !== r.vLo || r.s32max !== r.vLo));
  if (bad) unbound(r);
  return bad;
}

/** The upper half becomes zero, the 64-bit bounds come from the 32-bit ones. Call `sync` after. */
export function zeroExtend32(r: Reg): void {
  r.vHi = 0;
  r.mHi = 0;
  r.uminLo = r.u32min;
  r.umaxLo = r.u32max;
  r.uminHi = r.umaxHi = r.sminHi = r.smaxHi = 0;
  if (r.s32min >= 0 && r.s32max >= 0) {
    r.sminLo = r.s32min;
    r.smaxLo = r.s32max;
  } else {
    r.sminLo = 0;
    r.smaxLo = -1;
  }
}

/** A load of 1, 2 or 4 bytes: the upper bits are zero. */
export function truncate(r: Reg, size: number): void {
  const mask = size === 4 ? -1 : (1 << (size * 8)) - 1;
  r.vLo &= mask;
  r.mLo &= mask;
  r.vHi = r.mHi = 0;
  if (r.uminHi === r.umaxHi && (r.uminLo & ~mask) === (r.umaxLo & ~mask)) {
    r.uminLo &= mask;
    r.umaxLo &= mask;
  } else {
    r.uminLo = 0;
    r.umaxLo = mask;
  }
  r.uminHi = r.umaxHi = r.sminHi = r.smaxHi = 0;
  r.sminLo = r.uminLo;
  r.smaxLo = r.umaxLo;
  if (size < 4) unbound32(r);
  if (mixedBounds) sync(r);
  else if (size < 4) narrowFromWide(r);
}

function signExtend(value: number, size: number): number {
  return size === 1 ? (value << 24) >> 24 : size === 2 ? (value << 16) >> 16 : value;
}

/** Sign extension of the low `size` bytes to 64 bits. */
export function signExtendTo64(r: Reg, size: number): void {
  if (tnum.isConst(r)) {
    const lo = signExtend(r.vLo, size);
    setKnown(r, lo, lo >> 31);
    return;
  }
  const mask = size === 4 ? 0 : ~((1 << (size * 8)) - 1);
  if (r.sminHi === r.smaxHi && (r.sminLo & mask) === (r.smaxLo & mask)) {
    const a = signExtend(r.smaxLo, size);
    const b = signExtend(r.sminLo, size);
    const max = Math.max(a, b);
    const min = Math.min(a, b);
    if (max >= 0 === min >= 0) {
      r.s32min = r.u32min = r.sminLo = r.uminLo = min;
      r.s32max = r.u32max = r.smaxLo = r.umaxLo = max;
      r.sminHi = r.uminHi = min >> 31;
      r.smaxHi = r.umaxHi = max >> 31;
      tnum.range(r, min, min >> 31, max, max >> 31);
      return;
    }
  }
  const bits = size * 8 - 1;
  const min = size === 4 ? MIN32 : -(1 << bits);
  const max = size === 4 ? MAX32 : (1 << bits) - 1;
  r.sminLo = r.s32min = min;
  r.sminHi = -1;
  r.smaxLo = r.s32max = max;
  r.smaxHi = 0;
  r.uminLo = r.uminHi = r.u32min = 0;
  r.umaxLo = r.umaxHi = r.u32max = -1;
  tnum.set(r, 0, 0, -1, -1);
}

/** Sign extension of the low `size` bytes (1 or 2) to 32 bits. Call `zeroExtend32` and `sync` after. */
export function signExtendTo32(r: Reg, size: number): void {
  if (tnum.isConst(r)) {
    const lo = signExtend(r.vLo, size);
    r.vLo = lo;
    r.vHi = lo >> 31;
    r.u32min = r.u32max = r.s32min = r.s32max = lo;
    return;
  }
  const mask = ~((1 << (size * 8)) - 1);
  if ((r.s32min & mask) === (r.s32max & mask)) {
    const a = signExtend(r.s32max, size);
    const b = signExtend(r.s32min, size);
    const max = Math.max(a, b);
    const min = Math.min(a, b);
    if (max >= 0 === min >= 0) {
      r.s32min = r.u32min = min;
      r.s32max = r.u32max = max;
      tnum.range(r, min, min >> 31, max, max >> 31);
      r.vHi = r.mHi = 0;
      return;
    }
  }
  const bits = size * 8 - 1;
  r.s32min = -(1 << bits);
  r.s32max = (1 << bits) - 1;
  r.u32min = 0;
  r.u32max = -1;
  tnum.set(r, 0, 0, -1, 0);
}
