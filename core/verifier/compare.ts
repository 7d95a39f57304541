/**
 * Comparisons of two numbers: is the branch decided, and what does each way teach. Both widths. Follows Linux 6.18
 * (kernel/bpf/verifier.c: is_scalar_branch_taken, regs_refine_cond_op).
 */
import {
  lowerS32max,
  lowerSmax,
  lowerU32max,
  lowerUmax,
  narrowFromWide,
  raiseS32min,
  raiseSmin,
  raiseU32min,
  raiseUmin,
  setKnown,
  setKnown32,
  sync,
  unbound,
  wideFromNarrow,
} from './range.ts';
import type { Reg } from './reg.ts';
import * as tnum from './tnum.ts';
import { addHi, slt, subHi, ult } from './u64.ts';

/** Conditions by the opcode's upper four bits; NSET is the negation of JSET, which has no opcode. */
export const COND = {
  EQ: 0x10,
  GT: 0x20,
  GE: 0x30,
  SET: 0x40,
  NE: 0x50,
  SGT: 0x60,
  SGE: 0x70,
  LT: 0xa0,
  LE: 0xb0,
  SLT: 0xc0,
  SLE: 0xd0,
  NSET: 0x48,
} as const;

/** The condition on (b, a) that says the same as `cond` on (a, b). */
export function flip(cond: number): number {
  switch (cond) {
    case COND.GT:
      return COND.LT;
    case COND.GE:
      return COND.LE;
    case COND.LT:
      return COND.GT;
    case COND.LE:
      return COND.GE;
    case COND.SGT:
      return COND.SLT;
    case COND.SGE:
      return COND.SLE;
    case COND.SLT:
      return COND.SGT;
    case COND.SLE:
      return COND.SGE;
    default:
      return cond;
  }
}

/** The condition that holds when `cond` does not. */
export function negate(cond: number): number {
  switch (cond) {
    case COND.EQ:
      return COND.NE;
    case COND.NE:
      return COND.EQ;
    case COND.SET:
      return COND.NSET;
    case COND.NSET:
      return COND.SET;
    case COND.GE:
      return COND.LT;
    case COND.GT:
      return COND.LE;
    case COND.LE:
      return COND.GT;
    case COND.LT:
      return COND.GE;
    case COND.SGE:
      return COND.SLT;
    case COND.SGT:
      return COND.SLE;
    case COND.SLE:
      return COND.SGT;
    default:
      return COND.SGE;
  }
}

type R = Readonly<Reg>;

/** Surely a < b (unsigned or signed, of the width). */
function below(a: R, b: R, signed: boolean, wide: boolean): boolean {
  if (wide) {
    return signed ? slt(a.smaxLo, a.smaxHi, b.sminLo, b.sminHi) : ult(a.umaxLo, a.umaxHi, b.uminLo, b.uminHi);
  }
  return signed ? a.s32max < b.s32min : a.u32max >>> 0 < b.u32min >>> 0;
}

/** Surely a <= b. */
function notAbove(a: R, b: R, signed: boolean, wide: boolean): boolean {
  if (wide) {
    return signed ? !slt(b.sminLo, b.sminHi, a.smaxLo, a.smaxHi) : !ult(b.uminLo, b.uminHi, a.umaxLo, a.umaxHi);
  }
  return signed ? a.s32max <= b.s32min : a.u32max >>> 0 <= b.u32min >>> 0;
}

function surelyDiffer(a: R, b: R, wide: boolean): boolean {
  if (wide ? !tnum.overlap(a, b) : !tnum.overlap32(a, b)) return true;
  if (below(a, b, false, wide) || below(b, a, false, wide)) return true;
  if (below(a, b, true, wide) || below(b, a, true, wide)) return true;
  // 64-bit ranges that meet may still have low halves that do not.
  return (
    wide &&
    (below(a, b, false, false) || below(b, a, false, false) || below(a, b, true, false) || below(b, a, true, false))
  );
}

/** 1: the jump is always taken, 0: never, -1: not known. Both operands are numbers. */
export function branchTaken(a: R, b: R, cond: number, wide: boolean): number {
  switch (cond) {
    case COND.EQ:
    case COND.NE: {
      const yes = cond === COND.EQ ? 1 : 0;
      const aKnown = wide ? tnum.isConst(a) : a.mLo === 0;
      const bKnown = wide ? tnum.isConst(b) : b.mLo === 0;
      if (aKnown && bKnown) {
        const equal = a.vLo === b.vLo && (!wide || a.vHi === b.vHi);
        return equal ? yes : 1 - yes;
      }
      return surelyDiffer(a, b, wide) ? 1 - yes : -1;
    }
    case COND.SET: {
      if (wide ? !tnum.isConst(b) : b.mLo !== 0) {
        const other = a;
        a = b;
        b = other;
      }
      if (wide ? !tnum.isConst(b) : b.mLo !== 0) return -1;
      if ((a.vLo & b.vLo) !== 0 || (wide && (a.vHi & b.vHi) !== 0)) return 1;
      if (((a.vLo | a.mLo) & b.vLo) === 0 && (!wide || ((a.vHi | a.mHi) & b.vHi) === 0)) return 0;
      return -1;
    }
    case COND.GT:
    case COND.SGT:
      if (below(b, a, cond === COND.SGT, wide)) return 1;
      return notAbove(a, b, cond === COND.SGT, wide) ? 0 : -1;
    case COND.LT:
    case COND.SLT:
      if (below(a, b, cond === COND.SLT, wide)) return 1;
      return notAbove(b, a, cond === COND.SLT, wide) ? 0 : -1;
    case COND.GE:
    case COND.SGE:
      if (notAbove(b, a, cond === COND.SGE, wide)) return 1;
      return below(a, b, cond === COND.SGE, wide) ? 0 : -1;
    default:
      if (notAbove(a, b, cond === COND.SLE, wide)) return 1;
      return below(b, a, cond === COND.SLE, wide) ? 0 : -1;
  }
}

const known: tnum.Tnum = { vLo: 0, vHi: 0, mLo: 0, mHi: 0 };

function refineEqual(a: Reg, b: Reg, wide: boolean): void {
  if (wide) {
    raiseUmin(a, b.uminLo, b.uminHi);
    lowerUmax(a, b.umaxLo, b.umaxHi);
    raiseSmin(a, b.sminLo, b.sminHi);
    lowerSmax(a, b.smaxLo, b.smaxHi);
    b.uminLo = a.uminLo;
    b.uminHi = a.uminHi;
    b.umaxLo = a.umaxLo;
    b.umaxHi = a.umaxHi;
    b.sminLo = a.sminLo;
    b.sminHi = a.sminHi;
    b.smaxLo = a.smaxLo;
    b.smaxHi = a.smaxHi;
    tnum.intersect(a, a, b);
    tnum.set(b, a.vLo, a.vHi, a.mLo, a.mHi);
    return;
  }
  raiseU32min(a, b.u32min);
  lowerU32max(a, b.u32max);
  raiseS32min(a, b.s32min);
  lowerS32max(a, b.s32max);
  b.u32min = a.u32min;
  b.u32max = a.u32max;
  b.s32min = a.s32min;
  b.s32max = a.s32max;
  const mask = a.mLo & b.mLo;
  a.vLo = b.vLo = (a.vLo | b.vLo) & ~mask;
  a.mLo = b.mLo = mask;
}

/** a != constant: an end of a range that is the constant moves by one. */
function refineDiffer(a: Reg, b: R, wide: boolean): void {
  const lo = b.vLo;
  const hi = b.vHi;
  if (!wide) {
    if (a.u32min === lo) a.u32min = (a.u32min + 1) | 0;
    if (a.u32max === lo) a.u32max = (a.u32max - 1) | 0;
    if (a.s32min === lo) a.s32min = (a.s32min + 1) | 0;
    if (a.s32max === lo) a.s32max = (a.s32max - 1) | 0;
    return;
  }
  if (a.uminLo === lo && a.uminHi === hi) {
    a.uminHi = addHi(lo, hi, 1, 0);
    a.uminLo = (lo + 1) | 0;
  }
  if (a.umaxLo === lo && a.umaxHi === hi) {
    a.umaxHi = subHi(lo, hi, 1, 0);
    a.umaxLo = (lo - 1) | 0;
  }
  if (a.sminLo === lo && a.sminHi === hi) {
    a.sminHi = addHi(lo, hi, 1, 0);
    a.sminLo = (lo + 1) | 0;
  }
  if (a.smaxLo === lo && a.smaxHi === hi) {
    a.smaxHi = subHi(lo, hi, 1, 0);
    a.smaxLo = (lo - 1) | 0;
  }
}

function isPowerOfTwo(lo: number, hi: number): boolean {
  return hi === 0 ? lo !== 0 && (lo & (lo - 1)) === 0 : lo === 0 && (hi & (hi - 1)) === 0;
}

function constOfWidth(r: R, wide: boolean): boolean {
  return wide ? tnum.isConst(r) : r.mLo === 0;
}

/**
 * a <= b or a < b holds: lower a's maximum to b's, raise b's minimum to a's (one off for the strict form).
 * The unsigned and signed bounds of the width, each on its own.
 */
function refineBelow(a: Reg, b: Reg, strict: number, signed: boolean, wide: boolean): void {
  if (wide) {
    const maxLo = signed ? b.smaxLo : b.umaxLo;
    const maxHi = signed ? b.smaxHi : b.umaxHi;
    const topHi = subHi(maxLo, maxHi, strict, 0);
    const topLo = (maxLo - strict) | 0;
    const minLo = signed ? a.sminLo : a.uminLo;
    const minHi = signed ? a.sminHi : a.uminHi;
    const bottomHi = addHi(minLo, minHi, strict, 0);
    const bottomLo = (minLo + strict) | 0;
    if (signed) {
      lowerSmax(a, topLo, topHi);
      raiseSmin(b, bottomLo, bottomHi);
    } else {
      lowerUmax(a, topLo, topHi);
      raiseUmin(b, bottomLo, bottomHi);
    }
  } else if (signed) {
    const bottom = (a.s32min + strict) | 0;
    lowerS32max(a, (b.s32max - strict) | 0);
    raiseS32min(b, bottom);
  } else {
    const bottom = (a.u32min + strict) | 0;
    lowerU32max(a, (b.u32max - strict) | 0);
    raiseU32min(b, bottom);
  }
}

/**
 * Before 6.8: `cond` holds for a number and a constant. What the constant says of one width is all that is known of the other afterwards, also
 * where nothing is learnt (Linux: reg_set_min_max, __reg_combine_32_into_64, __reg_combine_64_into_32).
 */
function refineByConstant(a: Reg, lo: number, hi: number, cond: number, wide: boolean): void {
  switch (cond) {
    case COND.EQ:
      if (wide) setKnown(a, lo, hi);
      else setKnown32(a, lo);
      break;
    case COND.SET:
      if (!isPowerOfTwo(lo, wide ? hi : 0)) break;
      tnum.set(known, lo, wide ? hi : 0, 0, 0);
      tnum.or(a, a, known);
      break;
    case COND.NSET:
      unbound(a);
      tnum.set(a, a.vLo & ~lo, wide ? a.vHi & ~hi : a.vHi, a.mLo & ~lo, wide ? a.mHi & ~hi : a.mHi);
      break;
    case COND.NE:
      break;
    default: {
      const strict = cond === COND.GT || cond === COND.LT || cond === COND.SGT || cond === COND.SLT ? 1 : 0;
      const signed = cond === COND.SGT || cond === COND.SGE || cond === COND.SLT || cond === COND.SLE;
      const above = cond === COND.GT || cond === COND.GE || cond === COND.SGT || cond === COND.SGE;
      const boundLo = (above ? lo + strict : lo - strict) | 0;
      const boundHi = above ? addHi(lo, hi, strict, 0) : subHi(lo, hi, strict, 0);
      if (wide) {
        const narrow = above ? (signed ? raiseSmin : raiseUmin) : signed ? lowerSmax : lowerUmax;
        narrow(a, boundLo, boundHi);
      } else {
        const narrow = above ? (signed ? raiseS32min : raiseU32min) : signed ? lowerS32max : lowerU32max;
        narrow(a, boundLo);
      }
    }
  }
  if (wide) narrowFromWide(a);
  else wideFromNarrow(a);
}

/** What kernels before 6.8 learn where `cond` holds for (a, b): of a number and a constant, or of two numbers of 64 bits that are equal. */
export function refineOlder(a: Reg, b: Reg, cond: number, wide: boolean): void {
  if (constOfWidth(b, wide)) refineByConstant(a, b.vLo, b.vHi, cond, wide);
  else if (constOfWidth(a, wide)) refineByConstant(b, a.vLo, a.vHi, flip(cond), wide);
  else if (wide && cond === COND.EQ) {
    refineEqual(a, b, true);
    sync(a);
    sync(b);
  }
}

/** `cond` holds for (a, b): narrow both. Both are fresh numbers; the same object where a register is compared with itself. */
export function refine(a: Reg, b: Reg, cond: number, wide: boolean): void {
  switch (cond) {
    case COND.EQ:
      refineEqual(a, b, wide);
      break;
    case COND.NE:
      if (constOfWidth(b, wide)) refineDiffer(a, b, wide);
      else if (constOfWidth(a, wide)) refineDiffer(b, a, wide);
      break;
    case COND.SET: {
      const [value, mask] = constOfWidth(b, wide) ? [a, b] : [b, a];
      if (!constOfWidth(mask, wide)) break;
      const lo = mask.vLo;
      const hi = wide ? mask.vHi : 0;
      if (!isPowerOfTwo(lo, hi)) break;
      tnum.set(known, lo, hi, 0, 0);
      tnum.or(value, value, known);
      break;
    }
    case COND.NSET: {
      const [value, mask] = constOfWidth(b, wide) ? [a, b] : [b, a];
      if (!constOfWidth(mask, wide)) break;
      // The ranges may contradict what the tnum learns if this way is dead: derive them anew.
      unbound(value);
      value.vLo &= ~mask.vLo;
      value.mLo &= ~mask.vLo;
      if (wide) {
        value.vHi &= ~mask.vHi;
        value.mHi &= ~mask.vHi;
      }
      break;
    }
    case COND.LE:
      refineBelow(a, b, 0, false, wide);
      break;
    case COND.LT:
      refineBelow(a, b, 1, false, wide);
      break;
    case COND.SLE:
      refineBelow(a, b, 0, true, wide);
      break;
    case COND.SLT:
      refineBelow(a, b, 1, true, wide);
      break;
    default:
      refine(b, a, flip(cond), wide);
      return;
  }
  sync(a);
  sync(b);
}
