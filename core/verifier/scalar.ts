/**
 * Arithmetic on two numbers: what the result can be. One function an operation and width, changing the fresh `dst`;
 * `src` stays. The 32-bit form works on the low half's tnum and bounds, and the caller zero-extends after
 * (RFC 9669 section 4.1). Which bounds an operation keeps follows Linux 6.18 (kernel/bpf/verifier.c, scalar_min_max_*).
 */
import {
  bounds32FromTnum,
  boundsFromTnum,
  setKnown,
  setKnown32,
  sync,
  unbound32,
  unbound64,
  zeroExtend32,
} from './range.ts';
import { KIND, type Reg } from './reg.ts';
import * as tnum from './tnum.ts';
import { addHi, mulHi, mulHi32, slt, subHi, toBigS, toDouble, toDoubleU, ult } from './u64.ts';

const MIN32 = -2147483648;
const MAX32 = 2147483647;

/** ALU operations by the opcode's upper four bits that the walk computes; others give an unknown number. */
export const OP = {
  ADD: 0x00,
  SUB: 0x10,
  MUL: 0x20,
  DIV: 0x30,
  OR: 0x40,
  AND: 0x50,
  LSH: 0x60,
  RSH: 0x70,
  NEG: 0x80,
  MOD: 0x90,
  XOR: 0xa0,
  MOV: 0xb0,
  ARSH: 0xc0,
  END: 0xd0,
} as const;

/** How a release works out numbers (versions.ts). */
export interface NumberRules {
  readonly wrappingSums: boolean;
  readonly signedProducts: boolean;
  readonly sanityChecks: boolean;
}

/** `wrapping`: unsigned bounds that both wrap still are bounds; else one that wraps takes both away. */
export function add32(dst: Reg, src: Readonly<Reg>, wrapping: boolean): void {
  const smin = dst.s32min + src.s32min;
  const smax = dst.s32max + src.s32max;
  if (smin < MIN32 || smin > MAX32 || smax < MIN32 || smax > MAX32) {
    dst.s32min = MIN32;
    dst.s32max = MAX32;
  } else {
    dst.s32min = smin;
    dst.s32max = smax;
  }
  const umin = (dst.u32min >>> 0) + (src.u32min >>> 0);
  const umax = (dst.u32max >>> 0) + (src.u32max >>> 0);
  // All sums wrap or none does: the wrapped bounds still are bounds.
  if (umin < 4294967296 ? umax >= 4294967296 : !wrapping) {
    dst.u32min = 0;
    dst.u32max = -1;
  } else {
    dst.u32min = umin | 0;
    dst.u32max = umax | 0;
  }
}

/** Does the signed sum a + b leave 64 bits? Given the high halves of operands and wrapped sum. */
function addOverflows(aHi: number, bHi: number, sumHi: number): boolean {
  return ((aHi ^ sumHi) & (bHi ^ sumHi)) < 0;
}

function subOverflows(aHi: number, bHi: number, differenceHi: number): boolean {
  return ((aHi ^ bHi) & (aHi ^ differenceHi)) < 0;
}

/** Signed bounds of a + b; without bounds where one end overflows. */
export function addSigned(dst: Reg, a: Readonly<Reg>, b: Readonly<Reg>): void {
  const minLo = (a.sminLo + b.sminLo) | 0;
  const minHi = addHi(a.sminLo, a.sminHi, b.sminLo, b.sminHi);
  const maxLo = (a.smaxLo + b.smaxLo) | 0;
  const maxHi = addHi(a.smaxLo, a.smaxHi, b.smaxLo, b.smaxHi);
  if (addOverflows(a.sminHi, b.sminHi, minHi) || addOverflows(a.smaxHi, b.smaxHi, maxHi)) {
    dst.sminLo = 0;
    dst.sminHi = MIN32;
    dst.smaxLo = -1;
    dst.smaxHi = MAX32;
  } else {
    dst.sminLo = minLo;
    dst.sminHi = minHi;
    dst.smaxLo = maxLo;
    dst.smaxHi = maxHi;
  }
}

/** Signed bounds of a - b. */
export function subSigned(dst: Reg, a: Readonly<Reg>, b: Readonly<Reg>): void {
  const minLo = (a.sminLo - b.smaxLo) | 0;
  const minHi = subHi(a.sminLo, a.sminHi, b.smaxLo, b.smaxHi);
  const maxLo = (a.smaxLo - b.sminLo) | 0;
  const maxHi = subHi(a.smaxLo, a.smaxHi, b.sminLo, b.sminHi);
  if (subOverflows(a.sminHi, b.smaxHi, minHi) || subOverflows(a.smaxHi, b.sminHi, maxHi)) {
    dst.sminLo = 0;
    dst.sminHi = MIN32;
    dst.smaxLo = -1;
    dst.smaxHi = MAX32;
  } else {
    dst.sminLo = minLo;
    dst.sminHi = minHi;
    dst.smaxLo = maxLo;
    dst.smaxHi = maxHi;
  }
}

export function add64(dst: Reg, src: Readonly<Reg>, wrapping: boolean): void {
  addSigned(dst, dst, src);
  const minLo = (dst.uminLo + src.uminLo) | 0;
  const minHi = addHi(dst.uminLo, dst.uminHi, src.uminLo, src.uminHi);
  const maxLo = (dst.umaxLo + src.umaxLo) | 0;
  const maxHi = addHi(dst.umaxLo, dst.umaxHi, src.umaxLo, src.umaxHi);
  const minWraps = ult(minLo, minHi, src.uminLo, src.uminHi);
  const maxWraps = ult(maxLo, maxHi, src.umaxLo, src.umaxHi);
  if (minWraps ? !wrapping : maxWraps) {
    dst.uminLo = dst.uminHi = 0;
    dst.umaxLo = dst.umaxHi = -1;
  } else {
    dst.uminLo = minLo;
    dst.uminHi = minHi;
    dst.umaxLo = maxLo;
    dst.umaxHi = maxHi;
  }
}

export function sub32(dst: Reg, src: Readonly<Reg>, wrapping: boolean): void {
  const smin = dst.s32min - src.s32max;
  const smax = dst.s32max - src.s32min;
  if (smin < MIN32 || smin > MAX32 || smax < MIN32 || smax > MAX32) {
    dst.s32min = MIN32;
    dst.s32max = MAX32;
  } else {
    dst.s32min = smin;
    dst.s32max = smax;
  }
  const umin = (dst.u32min >>> 0) - (src.u32max >>> 0);
  const umax = (dst.u32max >>> 0) - (src.u32min >>> 0);
  if (umin < 0 && (umax >= 0 || !wrapping)) {
    dst.u32min = 0;
    dst.u32max = -1;
  } else {
    dst.u32min = umin | 0;
    dst.u32max = umax | 0;
  }
}

export function sub64(dst: Reg, src: Readonly<Reg>, wrapping: boolean): void {
  subSigned(dst, dst, src);
  const minWraps = ult(dst.uminLo, dst.uminHi, src.umaxLo, src.umaxHi);
  const maxWraps = ult(dst.umaxLo, dst.umaxHi, src.uminLo, src.uminHi);
  const minLo = (dst.uminLo - src.umaxLo) | 0;
  const minHi = subHi(dst.uminLo, dst.uminHi, src.umaxLo, src.umaxHi);
  const maxLo = (dst.umaxLo - src.uminLo) | 0;
  const maxHi = subHi(dst.umaxLo, dst.umaxHi, src.uminLo, src.uminHi);
  if (minWraps && !(maxWraps && wrapping)) {
    dst.uminLo = dst.uminHi = 0;
    dst.umaxLo = dst.umaxHi = -1;
  } else {
    dst.uminLo = minLo;
    dst.uminHi = minHi;
    dst.umaxLo = maxLo;
    dst.umaxHi = maxHi;
  }
}

function mul32(dst: Reg, src: Readonly<Reg>): void {
  const umaxHi = mulHi32(dst.u32max, src.u32max);
  const uminHi = mulHi32(dst.u32min, src.u32min);
  const p = [dst.s32min * src.s32min, dst.s32min * src.s32max, dst.s32max * src.s32min, dst.s32max * src.s32max];
  if (umaxHi !== 0 || uminHi !== 0) {
    dst.u32min = 0;
    dst.u32max = -1;
  } else {
    dst.u32min = Math.imul(dst.u32min, src.u32min);
    dst.u32max = Math.imul(dst.u32max, src.u32max);
  }
  // Products of two int32 may round above 2^53, but then they are far outside int32 anyway.
  const min = Math.min(p[0]!, p[1]!, p[2]!, p[3]!);
  const max = Math.max(p[0]!, p[1]!, p[2]!, p[3]!);
  if (min < MIN32 || max > MAX32) {
    dst.s32min = MIN32;
    dst.s32max = MAX32;
  } else {
    dst.s32min = min | 0;
    dst.s32max = max | 0;
  }
}

/** Is the unsigned product below 2^64? The double decides unless it is near; then BigInt does, which is rare. */
function productFitsU(aLo: number, aHi: number, bLo: number, bHi: number): boolean {
  const product = toDoubleU(aLo, aHi) * toDoubleU(bLo, bHi);
  if (product < 1.8446744073709e19) return true;
  if (product > 1.844674407371e19) return false;
  return BigInt.asUintN(64, toBigS(aLo, aHi)) * BigInt.asUintN(64, toBigS(bLo, bHi)) <= 0xffffffffffffffffn;
}

function productFitsS(aLo: number, aHi: number, bLo: number, bHi: number): boolean {
  const product = toDouble(aLo, aHi) * toDouble(bLo, bHi);
  if (product > -9.22337203685477e18 && product < 9.22337203685477e18) return true;
  if (product < -9.22337203685478e18 || product > 9.22337203685478e18) return false;
  const exact = toBigS(aLo, aHi) * toBigS(bLo, bHi);
  return BigInt.asIntN(64, exact) === exact;
}

function mul64(dst: Reg, src: Readonly<Reg>): void {
  const { sminLo, sminHi, smaxLo, smaxHi } = dst;
  if (
    productFitsU(dst.umaxLo, dst.umaxHi, src.umaxLo, src.umaxHi) &&
    productFitsU(dst.uminLo, dst.uminHi, src.uminLo, src.uminHi)
  ) {
    const minHi = mulHi(dst.uminLo, dst.uminHi, src.uminLo, src.uminHi);
    const maxHi = mulHi(dst.umaxLo, dst.umaxHi, src.umaxLo, src.umaxHi);
    dst.uminLo = Math.imul(dst.uminLo, src.uminLo);
    dst.umaxLo = Math.imul(dst.umaxLo, src.umaxLo);
    dst.uminHi = minHi;
    dst.umaxHi = maxHi;
  } else {
    dst.uminLo = dst.uminHi = 0;
    dst.umaxLo = dst.umaxHi = -1;
  }
  dst.sminLo = -1;
  dst.sminHi = MAX32;
  dst.smaxLo = 0;
  dst.smaxHi = MIN32;
  for (let i = 0; i < 4; i++) {
    const aLo = i < 2 ? sminLo : smaxLo;
    const aHi = i < 2 ? sminHi : smaxHi;
    const bLo = i & 1 ? src.smaxLo : src.sminLo;
    const bHi = i & 1 ? src.smaxHi : src.sminHi;
    if (!productFitsS(aLo, aHi, bLo, bHi)) {
      dst.sminLo = 0;
      dst.sminHi = MIN32;
      dst.smaxLo = -1;
      dst.smaxHi = MAX32;
      return;
    }
    const lo = Math.imul(aLo, bLo);
    const hi = mulHi(aLo, aHi, bLo, bHi);
    if (slt(lo, hi, dst.sminLo, dst.sminHi)) {
      dst.sminLo = lo;
      dst.sminHi = hi;
    }
    if (slt(dst.smaxLo, dst.smaxHi, lo, hi)) {
      dst.smaxLo = lo;
      dst.smaxHi = hi;
    }
  }
}

/** Before 6.14: a product of two numbers of half the width, neither negative; of any other nothing is known. */
function mulSmall32(dst: Reg, src: Readonly<Reg>): void {
  if (src.s32min < 0 || dst.s32min < 0 || (src.u32max | dst.u32max) >>> 16 !== 0) {
    unbound32(dst);
    return;
  }
  dst.u32min = Math.imul(dst.u32min, src.u32min);
  dst.u32max = Math.imul(dst.u32max, src.u32max);
  dst.s32min = dst.u32max < 0 ? MIN32 : dst.u32min;
  dst.s32max = dst.u32max < 0 ? MAX32 : dst.u32max;
}

function mulSmall64(dst: Reg, src: Readonly<Reg>): void {
  if (src.sminHi < 0 || dst.sminHi < 0 || (src.umaxHi | dst.umaxHi) !== 0) {
    unbound64(dst);
    return;
  }
  dst.uminHi = mulHi(dst.uminLo, dst.uminHi, src.uminLo, src.uminHi);
  dst.uminLo = Math.imul(dst.uminLo, src.uminLo);
  dst.umaxHi = mulHi(dst.umaxLo, 0, src.umaxLo, 0);
  dst.umaxLo = Math.imul(dst.umaxLo, src.umaxLo);
  signedOrNone64(dst, dst.umaxHi >= 0);
}

function signedOrNone64(dst: Reg, known: boolean): void {
  dst.sminLo = known ? dst.uminLo : 0;
  dst.sminHi = known ? dst.uminHi : MIN32;
  dst.smaxLo = known ? dst.umaxLo : -1;
  dst.smaxHi = known ? dst.umaxHi : MAX32;
}

/** Signed bounds where the unsigned ones do not cross the sign, none otherwise. */
function signedFromUnsigned32(dst: Reg): void {
  if (dst.u32min <= dst.u32max) {
    dst.s32min = dst.u32min;
    dst.s32max = dst.u32max;
  } else {
    dst.s32min = MIN32;
    dst.s32max = MAX32;
  }
}

function signedFromUnsigned64(dst: Reg): void {
  signedOrNone64(dst, !slt(dst.umaxLo, dst.umaxHi, dst.uminLo, dst.uminHi));
}

/** and, or, xor after the tnum was computed. Each knows its extremes from the tnum; and/or also from the operands. */
function bitwise32(dst: Reg, src: Readonly<Reg>, op: number): void {
  // `dst`'s own tnum is the result's by now: known result bits mean known operands for xor, and are exact for all three.
  if (src.mLo === 0 && dst.mLo === 0) {
    setKnown32(dst, dst.vLo);
    return;
  }
  if (op === OP.AND) {
    dst.u32min = dst.vLo;
    if (src.u32max >>> 0 < dst.u32max >>> 0) dst.u32max = src.u32max;
  } else if (op === OP.OR) {
    if (src.u32min >>> 0 > dst.u32min >>> 0) dst.u32min = src.u32min;
    dst.u32max = dst.vLo | dst.mLo;
  } else {
    dst.u32min = dst.vLo;
    dst.u32max = dst.vLo | dst.mLo;
  }
  signedFromUnsigned32(dst);
}

function bitwise64(dst: Reg, src: Readonly<Reg>, op: number): void {
  if (tnum.isConst(src) && tnum.isConst(dst)) {
    setKnown(dst, dst.vLo, dst.vHi);
    return;
  }
  if (op === OP.AND) {
    dst.uminLo = dst.vLo;
    dst.uminHi = dst.vHi;
    if (ult(src.umaxLo, src.umaxHi, dst.umaxLo, dst.umaxHi)) {
      dst.umaxLo = src.umaxLo;
      dst.umaxHi = src.umaxHi;
    }
  } else {
    if (op === OP.XOR) {
      dst.uminLo = dst.vLo;
      dst.uminHi = dst.vHi;
    } else if (ult(dst.uminLo, dst.uminHi, src.uminLo, src.uminHi)) {
      dst.uminLo = src.uminLo;
      dst.uminHi = src.uminHi;
    }
    dst.umaxLo = dst.vLo | dst.mLo;
    dst.umaxHi = dst.vHi | dst.mHi;
  }
  signedFromUnsigned64(dst);
  boundsFromTnum(dst);
}

function shiftLeftBounds32(dst: Reg, n: number): void {
  dst.s32min = MIN32;
  dst.s32max = MAX32;
  if (n > 31 || dst.u32max >>> 0 > 2 ** (31 - n)) {
    dst.u32min = 0;
    dst.u32max = -1;
  } else {
    dst.u32min <<= n;
    dst.u32max <<= n;
  }
}

const shifted: tnum.Tnum = { vLo: 0, vHi: 0, mLo: 0, mHi: 0 };

function lsh64(dst: Reg, n: number): void {
  if (n === 32) {
    dst.smaxHi = dst.s32max;
    dst.sminHi = dst.s32min;
    dst.smaxLo = dst.sminLo = 0;
  } else {
    dst.sminLo = 0;
    dst.sminHi = MIN32;
    dst.smaxLo = -1;
    dst.smaxHi = MAX32;
  }
  const limit = 63 - n;
  const limitLo = limit >= 32 ? 0 : 1 << limit;
  const limitHi = limit >= 32 ? 1 << (limit - 32) : 0;
  if (ult(limitLo, limitHi, dst.umaxLo, dst.umaxHi)) {
    dst.uminLo = dst.uminHi = 0;
    dst.umaxLo = dst.umaxHi = -1;
  } else {
    tnum.set(shifted, dst.uminLo, dst.uminHi, dst.umaxLo, dst.umaxHi);
    tnum.lsh(shifted, shifted, n);
    dst.uminLo = shifted.vLo;
    dst.uminHi = shifted.vHi;
    dst.umaxLo = shifted.mLo;
    dst.umaxHi = shifted.mHi;
  }
  shiftLeftBounds32(dst, n);
  tnum.lsh(dst, dst, n);
  boundsFromTnum(dst);
}

function rsh64(dst: Reg, n: number): void {
  dst.sminLo = 0;
  dst.sminHi = MIN32;
  dst.smaxLo = -1;
  dst.smaxHi = MAX32;
  tnum.rsh(dst, dst, n);
  tnum.set(shifted, dst.uminLo, dst.uminHi, dst.umaxLo, dst.umaxHi);
  tnum.rsh(shifted, shifted, n);
  dst.uminLo = shifted.vLo;
  dst.uminHi = shifted.vHi;
  dst.umaxLo = shifted.mLo;
  dst.umaxHi = shifted.mHi;
  unbound32(dst);
  boundsFromTnum(dst);
}

function arsh64(dst: Reg, n: number): void {
  tnum.set(shifted, dst.sminLo, dst.sminHi, dst.smaxLo, dst.smaxHi);
  tnum.arsh(shifted, shifted, n);
  dst.sminLo = shifted.vLo;
  dst.sminHi = shifted.vHi;
  dst.smaxLo = shifted.mLo;
  dst.smaxHi = shifted.mHi;
  tnum.arsh(dst, dst, n);
  dst.uminLo = dst.uminHi = 0;
  dst.umaxLo = dst.umaxHi = -1;
  unbound32(dst);
  boundsFromTnum(dst);
}

function shift32(dst: Reg, op: number, n: number): void {
  if (op === OP.LSH) {
    shiftLeftBounds32(dst, n);
    dst.vLo <<= n;
    dst.mLo <<= n;
  } else if (op === OP.RSH) {
    dst.s32min = MIN32;
    dst.s32max = MAX32;
    dst.vLo >>>= n;
    dst.mLo >>>= n;
    dst.vLo |= 0;
    dst.mLo |= 0;
    dst.u32min = (dst.u32min >>> n) | 0;
    dst.u32max = (dst.u32max >>> n) | 0;
  } else {
    dst.s32min >>= n;
    dst.s32max >>= n;
    dst.vLo >>= n;
    dst.mLo >>= n;
    dst.u32min = 0;
    dst.u32max = -1;
  }
  dst.vHi = dst.mHi = 0;
  bounds32FromTnum(dst);
}

/** Is the result of the operation computed at all? Shifts need a constant count within the width. */
export function isComputable(op: number, wide: boolean, src: Readonly<Reg>): boolean {
  switch (op) {
    case OP.ADD:
    case OP.SUB:
    case OP.NEG:
    case OP.MUL:
    case OP.AND:
    case OP.OR:
    case OP.XOR:
      return true;
    case OP.LSH:
    case OP.RSH:
    case OP.ARSH:
      if (wide) {
        return (
          tnum.isConst(src) &&
          src.sminLo === src.smaxLo &&
          src.sminHi === src.smaxHi &&
          src.uminLo === src.umaxLo &&
          src.uminHi === src.umaxHi &&
          src.umaxHi === 0 &&
          src.umaxLo >>> 0 < 64
        );
      }
      return (
        src.mLo === 0 &&
        src.s32min === src.s32max &&
        src.u32min === src.u32max &&
        src.umaxHi === 0 &&
        src.umaxLo >>> 0 < 32
      );
    default:
      return false;
  }
}

/** Two known numbers give a known one: the ranges follow from it, as they would from `sync`. False for operations not done here. */
function computeKnown(dst: Reg, src: Readonly<Reg>, op: number): boolean {
  switch (op) {
    case OP.ADD:
      tnum.add(dst, dst, src);
      break;
    case OP.SUB:
      tnum.sub(dst, dst, src);
      break;
    case OP.AND:
      tnum.and(dst, dst, src);
      break;
    case OP.OR:
      tnum.or(dst, dst, src);
      break;
    case OP.XOR:
      tnum.xor(dst, dst, src);
      break;
    default:
      return false;
  }
  dst.type = KIND.SCALAR;
  setKnown(dst, dst.vLo, dst.vHi);
  return true;
}

/** dst = dst op src on two numbers. `dst` is fresh, of kind SCALAR; only for what `isComputable` allows. */
export function compute(dst: Reg, src: Readonly<Reg>, op: number, wide: boolean, rules: NumberRules): void {
  // Without sanity checks the bounds of a known number may contradict it.
  if (rules.sanityChecks && wide && tnum.isConst(dst) && tnum.isConst(src) && computeKnown(dst, src, op)) return;
  const wrapping = rules.wrappingSums;
  switch (op) {
    case OP.ADD:
      add32(dst, src, wrapping);
      add64(dst, src, wrapping);
      tnum.add(dst, dst, src);
      break;
    case OP.SUB:
      sub32(dst, src, wrapping);
      sub64(dst, src, wrapping);
      tnum.sub(dst, dst, src);
      break;
    case OP.NEG: {
      const operand = dst.clone();
      setKnown(dst, 0, 0);
      sub32(dst, operand, wrapping);
      sub64(dst, operand, wrapping);
      tnum.set(shifted, 0, 0, 0, 0);
      tnum.sub(dst, shifted, operand);
      break;
    }
    case OP.MUL:
      tnum.mul(dst, dst, src);
      if (rules.signedProducts) {
        mul32(dst, src);
        mul64(dst, src);
      } else {
        mulSmall32(dst, src);
        mulSmall64(dst, src);
      }
      break;
    case OP.AND:
      tnum.and(dst, dst, src);
      bitwise32(dst, src, op);
      bitwise64(dst, src, op);
      break;
    case OP.OR:
      tnum.or(dst, dst, src);
      bitwise32(dst, src, op);
      bitwise64(dst, src, op);
      break;
    case OP.XOR:
      tnum.xor(dst, dst, src);
      bitwise32(dst, src, op);
      bitwise64(dst, src, op);
      break;
    default: {
      const n = wide ? src.uminLo : src.u32min;
      if (!wide) shift32(dst, op, n);
      else if (op === OP.LSH) lsh64(dst, n);
      else if (op === OP.RSH) rsh64(dst, n);
      else arsh64(dst, n);
    }
  }
  dst.type = KIND.SCALAR;
  if (!wide) zeroExtend32(dst);
  sync(dst);
}
