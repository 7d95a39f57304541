/** __int128 as two 64-bit halves: stores, comparisons, bit operations, sums, products, shifts. No division. */
import type { Cond, Inst } from '../../ir/ir.ts';
import { type CType, integerOf, isInteger } from '../ctype.ts';
import type { BinaryOp, Expr } from '../tree.ts';
import { isSigned, type Lowering } from './lowering.ts';
import { load, type Place, placeOf, store } from './place.ts';
import { convert, effect, recordInto, rvalue } from './value.ts';

export interface Halves {
  readonly low: Inst;
  readonly high: Inst;
}

const UNSIGNED_LONG: CType = { kind: 'int', name: 'unsigned long', size: 8, signed: false, rank: 4 };

export function isWide(t: CType): boolean {
  return isInteger(t) && integerOf(t).size === 16;
}

function halves(f: Lowering, place: Place): Halves {
  const half = (off: number) => load(f, { ...place, off: place.off + off, type: UNSIGNED_LONG });
  return { low: half(0), high: half(8) };
}

export function storeWide(f: Lowering, place: Place, v: Halves): void {
  store(f, { ...place, type: UNSIGNED_LONG }, v.low);
  store(f, { ...place, off: place.off + 8, type: UNSIGNED_LONG }, v.high);
}

function refuse(f: Lowering, e: Expr, what: string): Halves {
  f.error(e.at, `${what} of __int128 is not available in a BPF program`);
  return { low: f.i64(0), high: f.i64(0) };
}

/** The value of an expression of type __int128 or narrower. */
export function wideValue(f: Lowering, e: Expr): Halves {
  const { b } = f;
  f.at(e.at);
  if (!isWide(e.type)) return widen(f, e);
  switch (e.kind) {
    case 'int':
      return {
        low: b.const('i64', BigInt.asIntN(64, e.value)),
        high: b.const('i64', BigInt.asIntN(64, e.value >> 64n)),
      };
    case 'var':
    case 'member':
    case 'deref':
    case 'literal':
      return halves(f, placeOf(f, e));
    case 'cast':
      return wideValue(f, e.operand);
    case 'comma':
      effect(f, e.left);
      return wideValue(f, e.right);
    case 'assign': {
      const v = wideValue(f, e.value);
      storeWide(f, placeOf(f, e.target), v);
      return v;
    }
    case 'update': {
      const place = placeOf(f, e.target);
      const old = halves(f, place);
      const fresh = operate(f, e, e.op, old, e.value);
      storeWide(f, place, fresh);
      return e.post ? old : fresh;
    }
    case 'unary': {
      const v = wideValue(f, e.operand);
      const flipped = { low: b.not(v.low), high: b.not(v.high) };
      return e.op === '~' ? flipped : add(f, flipped, { low: f.i64(1), high: f.i64(0) });
    }
    case 'binary':
      return operate(f, e, e.op, wideValue(f, e.left), e.right);
    default: {
      const slot = b.alloca(16, 8, '');
      const place: Place = { base: slot, off: 0, type: e.type, space: 'native', volatile: false, at: e.at };
      recordInto(f, e, place);
      return halves(f, place);
    }
  }
}

function widen(f: Lowering, e: Expr): Halves {
  const { b } = f;
  const signed = isSigned(e.type);
  const v = rvalue(f, e);
  const low = b.intCast(v.type === 'ptr' ? convert(f, v, e.type, UNSIGNED_LONG) : v, 'i64', signed);
  return { low, high: signed ? b.binary('ashr', low, f.i64(63)) : f.i64(0) };
}

function add(f: Lowering, x: Halves, y: Halves): Halves {
  const { b } = f;
  const low = b.binary('add', x.low, y.low);
  const carry = b.cast('zext', b.icmp('ult', low, x.low), 'i64');
  return { low, high: b.binary('add', b.binary('add', x.high, y.high), carry) };
}

function operate(f: Lowering, e: Expr, op: BinaryOp, x: Halves, right: Expr): Halves {
  const { b } = f;
  if (op === '<<' || op === '>>') {
    const signed = isSigned(e.type);
    if (right.kind === 'int') return shift(f, op, x, Number(right.value & 127n), signed);
    return variableShift(f, op, x, isWide(right.type) ? wideValue(f, right).low : rvalue(f, right), signed);
  }
  const y = wideValue(f, right);
  switch (op) {
    case '+':
      return wideOperate(f, 'add', x, y);
    case '-':
      return wideOperate(f, 'sub', x, y);
    case '*':
      return wideOperate(f, 'mul', x, y);
    case '&':
      return { low: b.binary('and', x.low, y.low), high: b.binary('and', x.high, y.high) };
    case '|':
      return { low: b.binary('or', x.low, y.low), high: b.binary('or', x.high, y.high) };
    case '^':
      return { low: b.binary('xor', x.low, y.low), high: b.binary('xor', x.high, y.high) };
    default:
      return refuse(f, e, 'division');
  }
}

/** Sum, difference or product modulo 2^128. */
export function wideOperate(f: Lowering, op: 'add' | 'sub' | 'mul', x: Halves, y: Halves): Halves {
  const { b } = f;
  if (op === 'add') return add(f, x, y);
  if (op === 'sub') {
    const borrow = b.cast('zext', b.icmp('ult', x.low, y.low), 'i64');
    return { low: b.binary('sub', x.low, y.low), high: b.binary('sub', b.binary('sub', x.high, y.high), borrow) };
  }
  // The low halves by parts of 32 bits (Knuth 4.3.1); of the others only what stays below 2^128.
  const low = (v: Inst) => b.binary('and', v, f.i64(0xffffffff));
  const high = (v: Inst) => b.binary('lshr', v, f.i64(32));
  const [xl, xh, yl, yh] = [low(x.low), high(x.low), low(y.low), high(y.low)];
  const first = b.binary('mul', xl, yl);
  const second = b.binary('add', b.binary('mul', xh, yl), high(first));
  const third = b.binary('add', b.binary('mul', xl, yh), low(second));
  const carried = b.binary('add', b.binary('add', b.binary('mul', xh, yh), high(second)), high(third));
  const crossed = b.binary('add', b.binary('mul', x.low, y.high), b.binary('mul', x.high, y.low));
  return { low: b.binary('mul', x.low, y.low), high: b.binary('add', carried, crossed) };
}

/** A shift by a count that is not known: as if below 64, then moved over by a whole half where bit 6 says so. */
function variableShift(f: Lowering, op: '<<' | '>>', x: Halves, by: Inst, signed: boolean): Halves {
  const { b } = f;
  const count = b.intCast(by, 'i64', false);
  const n = b.binary('and', count, f.i64(63));
  const far = b.icmp('ne', b.binary('and', count, f.i64(64)), f.i64(0));
  // What crosses the border: shifted by 64 - n, which is one and then 63 - n since n may be 0.
  const rest = b.binary('xor', n, f.i64(63));
  if (op === '<<') {
    const low = b.binary('shl', x.low, n);
    const crossing = b.binary('lshr', b.binary('lshr', x.low, f.i64(1)), rest);
    const high = b.binary('or', b.binary('shl', x.high, n), crossing);
    return { low: b.select(far, f.i64(0), low), high: b.select(far, low, high) };
  }
  const high = b.binary(signed ? 'ashr' : 'lshr', x.high, n);
  const crossing = b.binary('shl', b.binary('shl', x.high, f.i64(1)), rest);
  const low = b.binary('or', b.binary('lshr', x.low, n), crossing);
  const fill = signed ? b.binary('ashr', x.high, f.i64(63)) : f.i64(0);
  return { low: b.select(far, high, low), high: b.select(far, fill, high) };
}

function shift(f: Lowering, op: '<<' | '>>', x: Halves, count: number, signed: boolean): Halves {
  const { b } = f;
  if (count === 0) return x;
  const right = signed ? 'ashr' : 'lshr';
  if (op === '<<') {
    if (count >= 64) return { low: f.i64(0), high: count === 64 ? x.low : b.binary('shl', x.low, f.i64(count - 64)) };
    return {
      low: b.binary('shl', x.low, f.i64(count)),
      high: b.binary('or', b.binary('shl', x.high, f.i64(count)), b.binary('lshr', x.low, f.i64(64 - count))),
    };
  }
  const fill = signed ? b.binary('ashr', x.high, f.i64(63)) : f.i64(0);
  if (count >= 64) return { low: count === 64 ? x.high : b.binary(right, x.high, f.i64(count - 64)), high: fill };
  return {
    low: b.binary('or', b.binary('lshr', x.low, f.i64(count)), b.binary('shl', x.high, f.i64(64 - count))),
    high: b.binary(right, x.high, f.i64(count)),
  };
}

/** A comparison of two wide values. */
export function wideCompare(f: Lowering, op: BinaryOp, left: Expr, right: Expr, negate: boolean): Inst {
  const { b } = f;
  const [x, y] = [wideValue(f, left), wideValue(f, right)];
  if (op === '==' || op === '!=') {
    const differ = b.binary('or', b.binary('xor', x.low, y.low), b.binary('xor', x.high, y.high));
    return b.icmp((op === '==') !== negate ? 'eq' : 'ne', differ, f.i64(0));
  }
  // x < y, with the other three by exchange and negation.
  const swap = op === '>' || op === '<=';
  const [p, q] = swap ? [y, x] : [x, y];
  const less: Cond = isSigned(left.type) ? 'slt' : 'ult';
  const answer = b.select(b.icmp('eq', p.high, q.high), b.icmp('ult', p.low, q.low), b.icmp(less, p.high, q.high));
  const inverted = (op === '<=' || op === '>=') !== negate;
  return inverted ? b.icmp('eq', b.cast('zext', answer, 'i32'), f.i32(0)) : answer;
}

export function wideTruth(f: Lowering, e: Expr, negate: boolean): Inst {
  const v = wideValue(f, e);
  return f.b.icmp(negate ? 'eq' : 'ne', f.b.binary('or', v.low, v.high), f.i64(0));
}
