/**
 * Arithmetic instructions: numbers with numbers, and the few operations a pointer allows. Linux: check_alu_op,
 * adjust_ptr_min_max_vals.
 */
import type { Env } from './env.ts';
import { markPrecise } from './precision.ts';
import { MAX_VAR_OFF } from './program.ts';
import {
  contradicts32,
  contradicts64,
  forgetIfContradictory,
  makeKnown,
  makePointer,
  setKnown,
  setKnown32,
  signExtendTo32,
  signExtendTo64,
  sync,
  unbound,
  unbound32,
  zeroExtend32,
} from './range.ts';
import { ADD_CONST, ADD_CONST32, ADD_CONST64, FLAG, isPacket, KIND, kindOf, type Reg, typeName } from './reg.ts';
import { add32, add64, addSigned, compute, isComputable, OP, subSigned } from './scalar.ts';
import { sanitizePointer, sanitizeValue } from './speculation.ts';
import { unlinked, withId } from './stack.ts';
import * as tnum from './tnum.ts';
import { addHi, bitLength, subHi, toBigS, toDouble, ult } from './u64.ts';

const SYMBOLS = ['+=', '-=', '*=', '/=', '|=', '&=', '<<=', '>>=', 'neg', '%=', '^=', '=', 's>>=', 'endian'];

export function checkAlu(env: Env, i: number): void {
  const { opcode, dst, src, off, imm } = env.program.code;
  const code = opcode[i]!;
  const op = code & 0xf0;
  const wide = (code & 7) === 7;
  const d = dst[i]!;
  const s = src[i]!;
  const fromReg = (code & 8) !== 0;
  if (op === OP.END || op === OP.NEG) {
    if (op === OP.NEG) {
      if (fromReg || s !== 0 || off[i] !== 0 || imm[i] !== 0) env.fail('structure', 'BPF_NEG uses reserved fields');
    } else {
      const width = imm[i]!;
      if (s !== 0 || off[i] !== 0 || (width !== 16 && width !== 32 && width !== 64) || (wide && fromReg)) {
        env.fail('structure', 'BPF_END uses reserved fields');
      }
    }
    const r = env.readReg(d);
    if (env.isHiddenPointer(r)) env.fail('leak', `R${d} pointer arithmetic prohibited`);
    env.checkWritable(d);
    const { features } = env.options;
    if (op === OP.NEG && r.type === KIND.SCALAR && features.computeNegation) {
      const result = unlinkedClone(r);
      compute(result, result, OP.NEG, wide, features);
      finish(env, d, result);
    } else if (op === OP.END && r.type === KIND.SCALAR && features.computeSwap) {
      const swap = wide || fromReg;
      if (swap || imm[i] !== 64) {
        const result = unlinkedClone(r);
        swapBytes(result, imm[i]!, swap);
        finish(env, d, result);
      }
    } else env.setUnknown(d);
    return;
  }
  if (op === OP.MOV) {
    move(env, i, wide, fromReg);
    return;
  }
  if (op > OP.END) env.fail('structure', `invalid BPF_ALU opcode ${op.toString(16)}`);
  const { signedOps } = env.options.features;
  const badOffset = off[i] !== 0 && (off[i] !== 1 || !signedOps || (op !== OP.MOD && op !== OP.DIV));
  if (fromReg) {
    if (imm[i] !== 0 || badOffset) env.fail('structure', 'BPF_ALU uses reserved fields');
    env.readReg(s);
  } else if (s !== 0 || badOffset) {
    env.fail('structure', 'BPF_ALU uses reserved fields');
  }
  env.readReg(d);
  if ((op === OP.MOD || op === OP.DIV) && !fromReg && imm[i] === 0) env.fail('structure', 'div by zero');
  if ((op === OP.LSH || op === OP.RSH || op === OP.ARSH) && !fromReg) {
    if (imm[i]! < 0 || imm[i]! >= (wide ? 64 : 32)) env.fail('structure', `invalid shift ${imm[i]}`);
  }
  env.checkWritable(d);
  arithmetic(env, i, op, wide, fromReg);
}

/** A fresh copy without the link to other registers. */
function unlinkedClone(r: Readonly<Reg>): Reg {
  const copy = r.clone();
  copy.id = 0;
  copy.off = 0;
  return copy;
}

function finish(env: Env, d: number, r: Reg): void {
  forgetIfContradictory(r);
  env.setReg(d, r);
}

function move(env: Env, i: number, wide: boolean, fromReg: boolean): void {
  const { dst, src, off, imm } = env.program.code;
  const d = dst[i]!;
  const s = src[i]!;
  const o = off[i]!;
  if (!fromReg) {
    if (s !== 0 || o !== 0) env.fail('structure', 'BPF_MOV uses reserved fields');
    env.checkWritable(d);
    const value = imm[i]!;
    env.setReg(d, env.constant(i, value, wide ? value >> 31 : 0));
    return;
  }
  const { signedOps, addressSpaces, linkNarrowMoves } = env.options.features;
  if (wide && o === 1 && addressSpaces) {
    if (imm[i] !== 1 && imm[i] !== 1 << 16) {
      env.fail('structure', 'addr_space_cast insn can only convert between address space 1 and 0');
    }
    if (!env.program.maps.some((m) => m.spec.type === 'arena')) {
      env.fail('type', 'addr_space_cast insn can only be used in a program that has an associated arena');
    }
    env.readReg(s);
    env.checkWritable(d);
    env.setReg(d, imm[i] === 1 ? makePointer(KIND.ARENA) : env.unknown);
    return;
  }
  const extends_ = signedOps && (o === 8 || o === 16 || (o === 32 && wide));
  if ((o !== 0 && !extends_) || imm[i] !== 0) {
    env.fail('structure', 'BPF_MOV uses reserved fields');
  }
  const r = env.readReg(s);
  env.checkWritable(d);
  if (wide && o === 0) {
    env.setReg(d, withId(env, s));
    return;
  }
  if (r.type !== KIND.SCALAR) {
    if (env.isHiddenPointer(r)) {
      env.fail('leak', wide ? `R${s} sign-extension part of pointer` : `R${s} partial copy of pointer`);
    }
    env.facts.exposeFrame(env, r);
    if (wide) {
      env.setUnknown(d);
      return;
    }
    const result = env.unknown.clone();
    zeroExtend32(result);
    sync(result);
    finish(env, d, result);
    return;
  }
  const bits = o === 0 ? 32 : o - 1;
  // The copy equals the register only if nothing is cut off: then they stay linked.
  const same = linkNarrowMoves && bitLength(r.umaxLo, r.umaxHi) <= bits;
  const result = (same ? withId(env, s) : unlinked(r)).clone();
  if (wide) signExtendTo64(result, o >> 3);
  else {
    if (o !== 0) signExtendTo32(result, o >> 3);
    zeroExtend32(result);
    sync(result);
  }
  finish(env, d, result);
}

function arithmetic(env: Env, i: number, op: number, wide: boolean, fromReg: boolean): void {
  const { dst, src, imm } = env.program.code;
  const d = dst[i]!;
  const s = src[i]!;
  const a = env.regs[d]!;
  // Wherever it points in the arena, a fault gives zero.
  if (a.type === KIND.ARENA) return;
  let b: Readonly<Reg>;
  if (fromReg) {
    b = env.regs[s]!;
    if (b.type !== KIND.SCALAR) {
      if (a.type !== KIND.SCALAR) {
        if (op === OP.SUB && env.privileged) {
          env.facts.exposeFrame(env, a);
          env.facts.exposeFrame(env, b);
          env.setUnknown(d);
          return;
        }
        env.fail('type', `R${d} pointer ${SYMBOLS[op >> 4]} pointer prohibited`);
      }
      markPrecise(env, d);
      pointerArithmetic(env, i, op, wide, b, a, false);
      return;
    }
    if (a.type !== KIND.SCALAR) {
      markPrecise(env, s);
      pointerArithmetic(env, i, op, wide, a, b, true);
      return;
    }
    if (a.precise) markPrecise(env, s);
  } else {
    b = env.constant(i, imm[i]!, imm[i]! >> 31);
    if (a.type !== KIND.SCALAR) {
      pointerArithmetic(env, i, op, wide, a, b, true);
      return;
    }
  }
  const { features } = env.options;
  const { computesUnknown } = features;
  if (!computesUnknown && (wide ? contradicts64(b) : contradicts32(b))) {
    env.setUnknown(d);
    return;
  }
  const known = wide ? tnum.isConst(b) : b.mLo === 0;
  const olderCannot = !computesUnknown && !known && op !== OP.ADD && op !== OP.SUB && op !== OP.AND;
  if (olderCannot || !isComputable(op, wide, b)) {
    const result = env.unknown.clone();
    if (!wide && !computesUnknown && known) {
      zeroExtend32(result);
      sync(result);
    }
    env.setReg(d, result);
    return;
  }
  if (op === OP.ADD || op === OP.SUB) sanitizeValue(env, i, fromReg);
  let start = a;
  if ((op === OP.AND || op === OP.OR) && tnum.isConst(b)) start = forkZeroOrOnes(env, i, a);
  const result = start.clone();
  compute(result, b, op, wide, features);
  link(env, result, a, b, op, wide, fromReg && s === d);
  finish(env, d, result);
}

/**
 * A register that is -1 or 0 (a condition spread over all bits) is walked for each value: and/or with it selects, and the
 * joined result would know neither. Linux: maybe_fork_scalars.
 */
function forkZeroOrOnes(env: Env, i: number, r: Readonly<Reg>): Readonly<Reg> {
  const whole = r.sminLo === -1 && r.sminHi === -1 && r.smaxLo === 0 && r.smaxHi === 0;
  const low = r.s32min === -1 && r.s32max === 0;
  if (!whole && !low) return r;
  if (!env.options.features.forkMasks) return r;
  const other = env.pushPath(i, i);
  const d = env.program.code.dst[i]!;
  const zero = r.clone();
  const ones = r.clone();
  if (whole) {
    setKnown(zero, 0, 0);
    setKnown(ones, -1, -1);
  } else {
    setKnown32(zero, 0);
    setKnown32(ones, -1);
  }
  other.frame.regs[d] = zero;
  return ones;
}

/** rX += constant (and -=, in either width) keeps rX linked to the register it was copied from; anything else breaks the link. */
function link(
  env: Env,
  result: Reg,
  a: Readonly<Reg>,
  b: Readonly<Reg>,
  op: number,
  wide: boolean,
  withItself: boolean,
): void {
  // A sum in 32 bits says nothing of a number with more.
  const fits = wide || bitLength(a.umaxLo, a.umaxHi) <= 32;
  const delta =
    env.privileged && a.id !== 0 && !(a.id & ADD_CONST) && !withItself && fits
      ? linkDelta(env, b, op, wide)
      : undefined;
  if (delta !== undefined) {
    result.id = a.id | (wide ? ADD_CONST64 : ADD_CONST32);
    result.off = delta;
    return;
  }
  result.id = 0;
  result.off = 0;
}

function linkDelta(env: Env, b: Readonly<Reg>, op: number, wide: boolean): number | undefined {
  if (!env.options.features.linkSums || (wide ? !tnum.isConst(b) : b.mLo !== 0)) return undefined;
  if (!env.options.features.linkWide) {
    return op === OP.ADD && wide && b.vHi === 0 && b.vLo >= 0 ? b.vLo : undefined;
  }
  if (op !== OP.ADD && op !== OP.SUB) return undefined;
  if (wide && b.vHi !== b.vLo >> 31) return undefined;
  if (op === OP.ADD) return b.vLo;
  return b.vLo === -2147483648 ? undefined : -b.vLo;
}

const ARITHMETIC_OK = new Set<number>([
  KIND.CTX,
  KIND.MAP_VALUE,
  KIND.MAP_KEY,
  KIND.STACK,
  KIND.PKT_META,
  KIND.PKT,
  KIND.TP_BUFFER,
  KIND.BTF_ID,
  KIND.MEM,
  KIND.BUF,
  KIND.FUNC,
  KIND.DYNPTR,
]);

function checkSaneOffset(env: Env, r: Readonly<Reg>, type: number): void {
  const name = typeName(type);
  const smin = toDouble(r.sminLo, r.sminHi);
  if (tnum.isConst(r)) {
    const value = toDouble(r.vLo, r.vHi);
    if (value >= MAX_VAR_OFF || value <= -MAX_VAR_OFF) {
      env.fail('bounds', `math between ${name} pointer and ${toBigS(r.vLo, r.vHi)} is not allowed`);
    }
  }
  // Of a number, too, that is another one plus a constant: Linux looks at the constant.
  if (r.off >= MAX_VAR_OFF || r.off <= -MAX_VAR_OFF) {
    env.fail('bounds', `${name} pointer offset ${r.off} is not allowed`);
  }
  if (r.sminLo === 0 && r.sminHi === -2147483648) {
    env.fail('bounds', `math between ${name} pointer and register with unbounded min value is not allowed`);
  }
  if (smin >= MAX_VAR_OFF || smin <= -MAX_VAR_OFF) {
    env.fail('bounds', `value ${toBigS(r.sminLo, r.sminHi)} makes ${name} pointer be out of bounds`);
  }
}

/** pointer += number, number += pointer, pointer -= number. `pointerIsDst` is false for the second. */
function pointerArithmetic(
  env: Env,
  i: number,
  op: number,
  wide: boolean,
  pointer: Readonly<Reg>,
  offset: Readonly<Reg>,
  pointerIsDst: boolean,
): void {
  const d = env.program.code.dst[i]!;
  const known = tnum.isConst(offset);
  if (contradicts64(offset)) {
    env.setUnknown(d);
    return;
  }
  if (!wide) {
    if (op === OP.SUB && env.privileged) {
      env.facts.exposeFrame(env, pointer);
      env.setUnknown(d);
      return;
    }
    env.fail('type', `R${d} 32-bit pointer arithmetic prohibited`);
  }
  const kind = kindOf(pointer.type);
  if (pointer.type & FLAG.MAYBE_NULL) {
    env.fail('null', `R${d} pointer arithmetic on ${typeName(pointer.type)} prohibited, null-check it first`);
  }
  const allowed =
    ARITHMETIC_OK.has(kind) ||
    (kind === KIND.FLOW_KEYS && known) ||
    ((kind === KIND.MAP_PTR || kind === KIND.FLOW_KEYS) && known && (offset.vLo | offset.vHi) === 0 && op === OP.ADD);
  if (!allowed) env.fail('type', `R${d} pointer arithmetic on ${typeName(pointer.type)} prohibited`);
  checkSaneOffset(env, offset, pointer.type);
  checkSaneOffset(env, pointer, pointer.type);
  const r = pointer.clone();
  if (!pointerIsDst && env.options.features.sumHoldsNoReference) withoutReference(r);
  if (op === OP.ADD || op === OP.SUB) sanitizePointer(env, i, pointer, offset, r, pointerIsDst, false);
  unbound32(r);
  if (op === OP.ADD) addOffset(env, r, pointer, offset, known);
  else if (op === OP.SUB) {
    if (!pointerIsDst) env.fail('type', `R${d} tried to subtract pointer from scalar`);
    if (pointer.type === KIND.STACK) env.fail('type', `R${d} subtraction from stack pointer prohibited`);
    subtractOffset(env, r, pointer, offset, known);
  } else if (op === OP.AND || op === OP.OR || op === OP.XOR) {
    env.fail('type', `R${d} bitwise operator ${SYMBOLS[op >> 4]} on pointer prohibited`);
  } else {
    env.fail('type', `R${d} pointer arithmetic with ${SYMBOLS[op >> 4]} operator prohibited`);
  }
  checkSaneOffset(env, r, pointer.type);
  sync(r);
  env.setReg(d, r);
  if (op === OP.ADD || op === OP.SUB) sanitizePointer(env, i, pointer, offset, r, pointerIsDst, true);
  finish(env, d, r);
}

/**
 * number += pointer gives a pointer that in Linux holds no reference: it survives the release of what it points into. So it does here, since
 * what may be done to pointers differs from what may be done to numbers; but memory that is gone has no size (references.ts).
 */
function withoutReference(r: Reg): void {
  if (r.refObjId === 0) return;
  if (kindOf(r.type) === KIND.MEM && r.aux2 === 0) r.aux2 = -r.refObjId;
  r.refObjId = 0;
}

function addOffset(env: Env, r: Reg, pointer: Readonly<Reg>, offset: Readonly<Reg>, known: boolean): void {
  const sum = pointer.off + toDouble(offset.sminLo, offset.sminHi);
  if (known && sum === sum >> 0) {
    r.off = sum;
    return;
  }
  addSigned(r, pointer, offset);
  const minLo = (pointer.uminLo + offset.uminLo) | 0;
  const minHi = addHi(pointer.uminLo, pointer.uminHi, offset.uminLo, offset.uminHi);
  const maxLo = (pointer.umaxLo + offset.umaxLo) | 0;
  const maxHi = addHi(pointer.umaxLo, pointer.umaxHi, offset.umaxLo, offset.umaxHi);
  if (ult(minLo, minHi, pointer.uminLo, pointer.uminHi) || ult(maxLo, maxHi, pointer.umaxLo, pointer.umaxHi)) {
    r.uminLo = r.uminHi = 0;
    r.umaxLo = r.umaxHi = -1;
  } else {
    r.uminLo = minLo;
    r.uminHi = minHi;
    r.umaxLo = maxLo;
    r.umaxHi = maxHi;
  }
  tnum.add(r, pointer, offset);
  if (isPacket(pointer.type)) {
    // A new base: what was known of the range behind it does not hold any more.
    r.id = env.newId();
    r.aux = 0;
  }
}

function subtractOffset(env: Env, r: Reg, pointer: Readonly<Reg>, offset: Readonly<Reg>, known: boolean): void {
  const difference = pointer.off - toDouble(offset.sminLo, offset.sminHi);
  if (known && difference === difference >> 0) {
    r.off = difference;
    return;
  }
  subSigned(r, pointer, offset);
  if (ult(pointer.uminLo, pointer.uminHi, offset.umaxLo, offset.umaxHi)) {
    r.uminLo = r.uminHi = 0;
    r.umaxLo = r.umaxHi = -1;
  } else {
    r.uminLo = (pointer.uminLo - offset.umaxLo) | 0;
    r.uminHi = subHi(pointer.uminLo, pointer.uminHi, offset.umaxLo, offset.umaxHi);
    r.umaxLo = (pointer.umaxLo - offset.uminLo) | 0;
    r.umaxHi = subHi(pointer.umaxLo, pointer.umaxHi, offset.uminLo, offset.uminHi);
  }
  tnum.sub(r, pointer, offset);
  if (isPacket(pointer.type)) {
    r.id = env.newId();
    if (offset.sminHi < 0) r.aux = 0;
  }
}

/** For linked registers: the same number plus a constant, added in 32 bits where one of the links is of that width. */
export function plusConstant(env: Env, known: Readonly<Reg>, lo: number, hi: number, narrow: boolean): Reg {
  const r = known.clone();
  const constant = makeKnown(lo, hi);
  const { wrappingSums } = env.options.features;
  add32(r, constant, wrappingSums);
  add64(r, constant, wrappingSums);
  tnum.add(r, r, constant);
  if (narrow) zeroExtend32(r);
  if (env.options.features.linkWide) sync(r);
  return r;
}

function swap32(value: number): number {
  return ((value & 0xff) << 24) | ((value & 0xff00) << 8) | ((value >> 8) & 0xff00) | (value >>> 24);
}

/** The low `bits` of the number, their bytes reversed or not; what is known of each bit moves with it. */
function swapBytes(r: Reg, bits: number, reverse: boolean): void {
  const { vLo, vHi, mLo, mHi } = r;
  if (bits === 64) tnum.set(r, swap32(vHi), swap32(vLo), swap32(mHi), swap32(mLo));
  else if (bits === 32) tnum.set(r, reverse ? swap32(vLo) : vLo, 0, reverse ? swap32(mLo) : mLo, 0);
  else if (reverse) tnum.set(r, swap32(vLo) >>> 16, 0, swap32(mLo) >>> 16, 0);
  else tnum.set(r, vLo & 0xffff, 0, mLo & 0xffff, 0);
  unbound(r);
  sync(r);
}
