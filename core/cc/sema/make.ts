/**
 * Making tree nodes: constants, casts with folding, and the depth limit that keeps every later walk on the stack.
 */
import type { Context } from '../context.ts';
import { BOOL, type CType, ERROR, INT, type IntType, integerOf, isInteger, rvalueType, sameType } from '../ctype.ts';
import type { Token } from '../token.ts';
import type { ErrorExpr, Expr, IntExpr } from '../tree.ts';

/** Levels an expression may nest: left-leaning chains count too. */
export const MOST_DEPTH = 1000;

export interface Place {
  readonly at: Token;
  readonly from: Token;
  readonly to: Token;
}

export function placeOf(token: Token): Place {
  return { at: token, from: token, to: token };
}

/** The value of an integer constant wrapped to its type. */
export function wrapInt(value: bigint, type: IntType): bigint {
  if (type.name === '_Bool') return value === 0n ? 0n : 1n;
  return type.signed ? BigInt.asIntN(type.size * 8, value) : BigInt.asUintN(type.size * 8, value);
}

export function intExpr(value: bigint, type: CType, place: Place): IntExpr {
  const wrapped = isInteger(type) ? wrapInt(value, integerOf(type)) : value;
  return { kind: 'int', value: wrapped, type, at: place.at, from: place.from, to: place.to, depth: 1 };
}

export function errorExpr(place: Place): ErrorExpr {
  return { kind: 'error', type: ERROR, at: place.at, from: place.from, to: place.to, depth: 1 };
}

/** 1 + the deepest operand; refuses what is too deep for recursion. */
export function depthOf(cx: Context, at: Token, ...operands: readonly (Expr | undefined)[]): number {
  let depth = 0;
  for (const e of operands) if (e && e.depth > depth) depth = e.depth;
  if (depth >= MOST_DEPTH) cx.report.fatal(at, `expression is nested more than ${MOST_DEPTH} levels deep`);
  return depth + 1;
}

/** A cast without any check; integer constants fold. */
export function rawCast(cx: Context, e: Expr, type: CType, explicit = false, place: Place = e): Expr {
  const to = rvalueType(type);
  if (e.kind === 'int') {
    if (isInteger(to)) return { ...intExpr(e.value, to, place) };
    if (to.kind === 'ptr')
      return { ...e, value: BigInt.asUintN(64, e.value), type: to, at: place.at, from: place.from, to: place.to };
  }
  if (!explicit && sameType(e.type, to) && e.type.kind !== 'record') {
    // Keep the node; only the typedef name may differ, which matters to nobody.
    if (isInteger(e.type) || e.type.kind !== 'ptr') return e;
  }
  return {
    kind: 'cast',
    operand: e,
    explicit,
    type: to,
    at: place.at,
    from: place.from,
    to: place.to,
    depth: depthOf(cx, place.at, e),
  };
}

/** Is it a constant zero that may stand for a null pointer? */
export function isNull(e: Expr): boolean {
  return e.kind === 'int' && e.value === 0n;
}

/** The variable that a place belongs to may hold something else than its initialiser from now on. */
export function markWritten(place: Expr): void {
  let at = place;
  while (at.kind === 'member') at = at.base;
  if (at.kind === 'var') at.symbol.written = true;
}

export function isLvalue(e: Expr): boolean {
  switch (e.kind) {
    case 'var':
    case 'deref':
    case 'string':
    case 'literal':
      return true;
    case 'member':
      return isLvalue(e.base);
    default:
      return false;
  }
}

/** Is it a constant condition? */
export function constantTruth(e: Expr): boolean | undefined {
  return e.kind === 'int' && e.type.kind !== 'float' ? e.value !== 0n : undefined;
}

export { BOOL, INT };
