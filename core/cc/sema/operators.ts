/** Operators (C11 6.5.3, 6.5.5 to 6.5.17): typing, conversions, and folding of integer constants. */
import type { Context } from '../context.ts';
import {
  type CType,
  INT,
  type IntType,
  integerOf,
  isInteger,
  isScalar,
  LONG,
  type PtrType,
  pointerTo,
  quotedType,
  rvalueType,
  sameType,
  sizeOf,
  VOID,
} from '../ctype.ts';
import { note } from '../report.ts';
import type { Token } from '../token.ts';
import type { BinaryOp, Expr } from '../tree.ts';
import { assignTo, commonType, condition, promote, rangeOf, rvalue, truth, usual, widen } from './convert.ts';
import {
  constantTruth,
  depthOf,
  errorExpr,
  intExpr,
  isLvalue,
  isNull,
  markWritten,
  type Place,
  rawCast,
  wrapInt,
} from './make.ts';

/** `a op b` for arithmetic, shifts, comparisons and bit operations. */
export function binary(cx: Context, op: BinaryOp, left: Expr, right: Expr, at: Token): Expr {
  const place: Place = { at, from: left.from, to: right.to };
  const comparison = op === '<' || op === '>' || op === '<=' || op === '>=' || op === '==' || op === '!=';
  const l = rvalue(cx, comparison ? wholeNumber(left, right) : left);
  const r = rvalue(cx, comparison ? wholeNumber(right, left) : right);
  if (l.type.kind === 'error' || r.type.kind === 'error') return errorExpr(place);
  const pointers = l.type.kind === 'ptr' || r.type.kind === 'ptr';
  if (pointers && (op === '+' || op === '-')) return pointerSum(cx, op, l, r, place);
  if (comparison) return compare(cx, op, l, r, place);
  if (!isInteger(l.type) || !isInteger(r.type)) return invalid(cx, l, r, place);
  if (op === '<<' || op === '>>') {
    const a = promote(cx, l);
    const b = promote(cx, r);
    const t = integerOf(a.type as IntType);
    if (b.kind === 'int' && (b.value < 0n || b.value >= BigInt(t.size * 8))) {
      cx.report.warning(
        at,
        b.value < 0n ? 'shift count is negative' : `shift count >= width of type (${b.value} for ${quotedType(t)})`,
        { ranges: [rangeOf(r)] },
      );
    }
    return finish(cx, op, a, b, t, t, place);
  }
  const [a, b, t] = usual(cx, l, r);
  if ((op === '/' || op === '%') && b.kind === 'int' && b.value === 0n) {
    cx.report.warning(at, `${op === '/' ? 'division' : 'remainder'} by zero is undefined`, { ranges: [rangeOf(r)] });
  }
  return finish(cx, op, a, b, t, t, place);
}

/**
 * An integer compared with a floating constant that is a whole number (`delta >= 1000000.0`): the same as comparing with the integer, since a
 * constant below 2^53 has no rounding neighbours. Scripts that compute a constant in Python write such.
 */
function wholeNumber(e: Expr, other: Expr): Expr {
  if (e.kind !== 'int' || e.type.kind !== 'float' || !isInteger(rvalueType(other.type))) return e;
  return intExpr(e.value, e.value > 0x7fffffffn ? LONG : INT, e);
}

function finish(cx: Context, op: BinaryOp, a: Expr, b: Expr, work: IntType, type: CType, place: Place): Expr {
  if (a.kind === 'int' && b.kind === 'int') {
    const value = fold(op, a.value, b.value, work);
    if (value !== undefined) return intExpr(value, type, place);
  }
  return { kind: 'binary', op, left: a, right: b, type, ...place, depth: depthOf(cx, place.at, a, b) };
}

/** The value of a constant operation in a type, or undefined when it has none (division by zero, overlong shift). */
export function fold(op: BinaryOp, a: bigint, b: bigint, type: IntType): bigint | undefined {
  const width = BigInt(type.size * 8);
  const bool = (c: boolean) => (c ? 1n : 0n);
  switch (op) {
    case '+':
      return wrapInt(a + b, type);
    case '-':
      return wrapInt(a - b, type);
    case '*':
      return wrapInt(a * b, type);
    case '/':
      return b === 0n ? undefined : wrapInt(a / b, type);
    case '%':
      return b === 0n ? undefined : wrapInt(a % b, type);
    case '&':
      return wrapInt(a & b, type);
    case '|':
      return wrapInt(a | b, type);
    case '^':
      return wrapInt(a ^ b, type);
    case '<<':
      return b < 0n || b >= width ? undefined : wrapInt(a << b, type);
    case '>>':
      return b < 0n || b >= width ? undefined : wrapInt(a >> b, type);
    case '<':
      return bool(a < b);
    case '>':
      return bool(a > b);
    case '<=':
      return bool(a <= b);
    case '>=':
      return bool(a >= b);
    case '==':
      return bool(a === b);
    default:
      return bool(a !== b);
  }
}

function invalid(cx: Context, l: Expr, r: Expr, place: Place): Expr {
  cx.report.error(place.at, `invalid operands to binary expression (${quotedType(l.type)} and ${quotedType(r.type)})`, {
    ranges: [rangeOf(l), rangeOf(r)],
  });
  return errorExpr(place);
}

/** Bytes that one step of a pointer is; refuses incomplete types. */
export function strideOf(cx: Context, pointer: Expr, at: Token): number {
  const to = (pointer.type as PtrType).to;
  const size = sizeOf(to);
  if (size !== undefined) return size;
  cx.report.error(at, `arithmetic on a pointer to an incomplete type ${quotedType(to)}`, {
    ranges: [rangeOf(pointer)],
  });
  return 1;
}

function pointerSum(cx: Context, op: '+' | '-', l: Expr, r: Expr, place: Place): Expr {
  if (l.type.kind === 'ptr' && r.type.kind === 'ptr') {
    if (op === '+') return invalid(cx, l, r, place);
    const scale = strideOf(cx, l, place.at);
    if (!sameType(l.type.to, r.type.to) && sizeOf(r.type.to) !== scale) return invalid(cx, l, r, place);
    return {
      kind: 'ptrdiff',
      left: l,
      right: r,
      scale: Math.max(scale, 1),
      type: LONG,
      ...place,
      depth: depthOf(cx, place.at, l, r),
    };
  }
  const pointer = l.type.kind === 'ptr' ? l : r;
  const index = pointer === l ? r : l;
  if (!isInteger(index.type) || (op === '-' && pointer === r)) return invalid(cx, l, r, place);
  return ptrAdd(cx, pointer, index, op === '-', place);
}

export function ptrAdd(cx: Context, pointer: Expr, index: Expr, minus: boolean, place: Place): Expr {
  if (pointer.type.kind === 'ptr' && pointer.type.to.kind === 'func') {
    cx.report.error(place.at, 'arithmetic on a pointer to a function', { ranges: [rangeOf(pointer)] });
    return errorExpr(place);
  }
  const scale = strideOf(cx, pointer, place.at);
  const wide = widen(cx, promote(cx, index));
  return {
    kind: 'ptradd',
    pointer,
    index: wide,
    scale,
    minus,
    type: rvalueType(pointer.type),
    at: place.at,
    from: place.from,
    to: place.to,
    depth: depthOf(cx, place.at, pointer, wide),
  };
}

function compare(cx: Context, op: BinaryOp, l: Expr, r: Expr, place: Place): Expr {
  if (isInteger(l.type) && isInteger(r.type)) {
    const [a, b, t] = usual(cx, l, r);
    return finish(cx, op, a, b, t, INT, place);
  }
  if (!isScalar(l.type) || !isScalar(r.type)) return invalid(cx, l, r, place);
  const pointer = l.type.kind === 'ptr' ? l : r;
  const other = pointer === l ? r : l;
  if (isInteger(other.type)) {
    if (!isNull(other))
      cx.report.warning(
        place.at,
        `comparison between pointer and integer (${quotedType(l.type)} and ${quotedType(r.type)})`,
        { ranges: [rangeOf(l), rangeOf(r)] },
      );
    const fixed = rawCast(cx, isNull(other) ? other : widen(cx, other), pointer.type);
    const [a, b] = pointer === l ? [l, fixed] : [fixed, r];
    return { kind: 'binary', op, left: a, right: b, type: INT, ...place, depth: depthOf(cx, place.at, a, b) };
  }
  const [a, b] = [l.type as PtrType, r.type as PtrType];
  if (a.to.kind !== 'void' && b.to.kind !== 'void' && !sameType(a.to, b.to)) {
    cx.report.warning(place.at, `comparison of distinct pointer types (${quotedType(a)} and ${quotedType(b)})`, {
      ranges: [rangeOf(l), rangeOf(r)],
    });
  }
  if (l.kind === 'int' && r.kind === 'int') return intExpr(fold(op, l.value, r.value, UPTR)!, INT, place);
  return { kind: 'binary', op, left: l, right: r, type: INT, ...place, depth: depthOf(cx, place.at, l, r) };
}

const UPTR: IntType = { kind: 'int', name: 'unsigned long', size: 8, signed: false, rank: 4 };

export function logical(cx: Context, op: '&&' | '||', left: Expr, right: Expr, at: Token): Expr {
  const place: Place = { at, from: left.from, to: right.to };
  const l = condition(cx, left, 'operand of ' + op);
  const r = condition(cx, right, 'operand of ' + op);
  if (l.type.kind === 'error' || r.type.kind === 'error') return errorExpr(place);
  const known = constantTruth(l);
  if (known !== undefined) {
    if (known === (op === '||')) return intExpr(known ? 1n : 0n, INT, place);
    const other = constantTruth(r);
    if (other !== undefined) return intExpr(other ? 1n : 0n, INT, place);
  }
  return { kind: 'logical', op, left: l, right: r, type: INT, ...place, depth: depthOf(cx, at, l, r) };
}

export function unary(cx: Context, op: '-' | '+' | '~' | '!', operand: Expr, at: Token): Expr {
  const place: Place = { at, from: at, to: operand.to };
  const v = rvalue(cx, operand);
  if (v.type.kind === 'error') return errorExpr(place);
  if (op === '!') {
    const c = condition(cx, v, `operand of '!'`);
    if (c.type.kind === 'error') return errorExpr(place);
    const known = constantTruth(c);
    if (known !== undefined) return intExpr(known ? 0n : 1n, INT, place);
    return { kind: 'unary', op, operand: c, type: INT, ...place, depth: depthOf(cx, at, c) };
  }
  if (!isInteger(v.type)) {
    cx.report.error(at, `invalid argument type ${quotedType(v.type)} to unary expression`, { ranges: [rangeOf(v)] });
    return errorExpr(place);
  }
  const p = promote(cx, v);
  if (op === '+') return { ...rawCast(cx, p, p.type, true), ...place };
  const t = integerOf(p.type as IntType);
  if (p.kind === 'int') return intExpr(wrapInt(op === '-' ? -p.value : ~p.value, t), t, place);
  return { kind: 'unary', op, operand: p, type: t, ...place, depth: depthOf(cx, at, p) };
}

/** `c ? a : b`, or GNU's `c ?: b` when `then` is undefined. */
export function conditional(cx: Context, c: Expr, then: Expr | undefined, otherwise: Expr, at: Token): Expr {
  const place: Place = { at, from: c.from, to: otherwise.to };
  const test = condition(cx, c, 'first operand of ?:');
  const a = rvalue(cx, then ?? test);
  const b = rvalue(cx, otherwise);
  if (test.type.kind === 'error' || a.type.kind === 'error' || b.type.kind === 'error') return errorExpr(place);
  const type = commonOperand(cx, a, b, place);
  if (!type) return errorExpr(place);
  const convert = (e: Expr) =>
    type.kind === 'void' || type.kind === 'record'
      ? e
      : rawCast(cx, isInteger(e.type) && type.kind === 'ptr' ? widen(cx, e) : e, type);
  const known = constantTruth(test);
  const [x, y] = [convert(a), convert(b)];
  if (known !== undefined) {
    const chosen = known ? x : y;
    if (chosen.kind === 'int') return { ...chosen, ...place };
  }
  return {
    kind: 'cond',
    condition: test,
    yes: then ? x : undefined,
    otherwise: y,
    type,
    ...place,
    depth: depthOf(cx, at, test, x, y),
  };
}

function commonOperand(cx: Context, a: Expr, b: Expr, place: Place): CType | undefined {
  if (isInteger(a.type) && isInteger(b.type)) {
    const [l, r] = [promote(cx, a), promote(cx, b)];
    return commonType(integerOf(l.type as IntType), integerOf(r.type as IntType));
  }
  if (a.type.kind === 'void' || b.type.kind === 'void') return VOID;
  if (a.type.kind === 'record' && sameType(a.type, b.type)) return rvalueType(a.type);
  if (a.type.kind === 'ptr' && (isNull(b) || isInteger(b.type))) {
    if (!isNull(b)) mismatch(cx, a, b, place);
    return a.type;
  }
  if (b.type.kind === 'ptr' && (isNull(a) || isInteger(a.type))) {
    if (!isNull(a)) mismatch(cx, a, b, place);
    return b.type;
  }
  if (a.type.kind === 'ptr' && b.type.kind === 'ptr') {
    if (sameType(a.type.to, b.type.to)) return a.type.to.user ? a.type : b.type;
    if (a.type.to.kind === 'void') return isNull(a) ? b.type : a.type;
    if (b.type.to.kind === 'void') return isNull(b) ? a.type : b.type;
    mismatch(cx, a, b, place);
    return pointerTo(VOID);
  }
  cx.report.error(place.at, `incompatible operand types (${quotedType(a.type)} and ${quotedType(b.type)})`, {
    ranges: [rangeOf(a), rangeOf(b)],
  });
  return undefined;
}

function mismatch(cx: Context, a: Expr, b: Expr, place: Place): void {
  cx.report.warning(
    place.at,
    `pointer type mismatch in conditional expression (${quotedType(a.type)} and ${quotedType(b.type)})`,
    { ranges: [rangeOf(a), rangeOf(b)] },
  );
}

/** Can it be written to? Reports when not. */
export function writable(cx: Context, target: Expr, at: Token): boolean {
  if (target.type.kind === 'error') return false;
  const type = target.type;
  if (!isLvalue(target) || type.kind === 'array' || type.kind === 'func') {
    const why =
      type.kind === 'array' && isLvalue(target)
        ? `array type ${quotedType(type)} is not assignable`
        : 'expression is not assignable';
    cx.report.error(at, why, { ranges: [rangeOf(target)] });
    return false;
  }
  if (type.const) {
    const declared =
      target.kind === 'var' ? [note(target.symbol.at, `variable '${target.symbol.name}' declared const here`)] : [];
    const name = target.kind === 'var' ? `variable '${target.symbol.name}'` : 'location';
    cx.report.error(at, `cannot assign to ${name} with const-qualified type ${quotedType(type)}`, {
      ranges: [rangeOf(target)],
      notes: declared,
    });
    return false;
  }
  return true;
}

export function assign(cx: Context, target: Expr, value: Expr, at: Token): Expr {
  const place: Place = { at, from: target.from, to: value.to };
  if (!writable(cx, target, at)) return errorExpr(place);
  markWritten(target);
  const v = assignTo(cx, value, target.type, { verb: 'assigning to' }, at);
  if (v.type.kind === 'error') return errorExpr(place);
  return {
    kind: 'assign',
    target,
    value: v,
    type: rvalueType(target.type),
    ...place,
    depth: depthOf(cx, at, target, v),
  };
}

/** `target op= value`; `++` and `--` come here with value 1. */
export function update(
  cx: Context,
  target: Expr,
  op: BinaryOp,
  value: Expr,
  at: Token,
  post: boolean,
  place: Place,
): Expr {
  if (!writable(cx, target, at)) return errorExpr(place);
  markWritten(target);
  const v = rvalue(cx, value);
  if (v.type.kind === 'error') return errorExpr(place);
  const type = rvalueType(target.type);
  const make = (right: Expr, work: CType, scale: number): Expr => ({
    kind: 'update',
    target,
    op,
    value: right,
    work,
    scale,
    post,
    type,
    at: place.at,
    from: place.from,
    to: place.to,
    depth: depthOf(cx, at, target, right),
  });
  if (type.kind === 'ptr') {
    if ((op !== '+' && op !== '-') || !isInteger(v.type)) return invalid(cx, target, v, place);
    return make(widen(cx, promote(cx, v)), type, strideOf(cx, rvalue(cx, target), at));
  }
  if (!isInteger(type) || !isInteger(v.type)) return invalid(cx, target, v, place);
  const left = integerOf(promote(cx, target).type as IntType);
  const right = promote(cx, v);
  const shift = op === '<<' || op === '>>';
  const work = shift ? left : commonType(left, integerOf(right.type as IntType));
  return make(shift ? right : rawCast(cx, right, work), work, 1);
}

export function comma(cx: Context, left: Expr, right: Expr, at: Token): Expr {
  const r = rvalue(cx, right);
  return {
    kind: 'comma',
    left,
    right: r,
    type: rvalueType(r.type),
    at,
    from: left.from,
    to: right.to,
    depth: depthOf(cx, at, left, r),
  };
}

export { truth };
