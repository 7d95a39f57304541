/** Constant expressions (C11 6.6): integers, and addresses for initialisers of data sections. */
import type { Context } from '../context.ts';
import { isInteger } from '../ctype.ts';
import type { Token } from '../token.ts';
import type { Expr, VarSymbol } from '../tree.ts';
import { rangeOf } from './convert.ts';

/** The integer an expression always has, or undefined. */
export function constantOf(e: Expr): bigint | undefined {
  if (e.kind === 'int') return e.type.kind === 'float' ? undefined : e.value;
  if (e.kind === 'cast' && e.operand.kind === 'addr') return offsetAddress(e.operand);
  if (e.kind === 'addr') return offsetAddress(e);
  if (e.kind === 'cast' && isInteger(e.type)) {
    const v = constantOf(e.operand);
    return v === undefined ? undefined : BigInt.asUintN(64, v);
  }
  return undefined;
}

/** `&((T *)0)->member`: offsetof as it was written before the builtin. */
function offsetAddress(e: Extract<Expr, { kind: 'addr' }>): bigint | undefined {
  let offset = 0n;
  let place: Expr = e.operand;
  for (;;) {
    if (place.kind === 'member') {
      offset += BigInt(Math.floor(place.place.bitOffset / 8));
      place = place.base;
    } else if (place.kind === 'deref') {
      let p: Expr = place.operand;
      while (p.kind === 'ptradd' && p.index.kind === 'int') {
        offset += (p.minus ? -1n : 1n) * p.index.value * BigInt(p.scale);
        p = p.pointer;
      }
      if (p.kind === 'int') return offset + p.value;
      if (p.kind !== 'decay') return undefined;
      place = p.operand;
    } else return undefined;
  }
}

/** An integer constant expression, or a report and 0. */
export function requireConstant(cx: Context, e: Expr, what: string, at: Token = e.at): bigint | undefined {
  if (e.type.kind === 'error') return undefined;
  const value = constantOf(e);
  if (value !== undefined && (isInteger(e.type) || e.kind === 'int')) return value;
  cx.report.error(at, `${what} is not an integer constant expression`, { ranges: [rangeOf(e)] });
  return undefined;
}

/** Address of a global plus bytes. */
export interface AddressConstant {
  readonly symbol: VarSymbol;
  readonly offset: number;
}

export function addressConstant(e: Expr): AddressConstant | undefined {
  switch (e.kind) {
    case 'cast':
    case 'decay':
      return e.kind === 'decay' ? placeConstant(e.operand) : addressConstant(e.operand);
    case 'addr':
      return placeConstant(e.operand);
    case 'ptradd': {
      const base = addressConstant(e.pointer);
      if (!base || e.index.kind !== 'int') return undefined;
      return { symbol: base.symbol, offset: base.offset + (e.minus ? -1 : 1) * Number(e.index.value) * e.scale };
    }
    default:
      return undefined;
  }
}

function placeConstant(e: Expr): AddressConstant | undefined {
  switch (e.kind) {
    case 'var':
      return e.symbol.storage === 'global' ? { symbol: e.symbol, offset: 0 } : undefined;
    case 'literal':
      return e.symbol.storage === 'global' ? { symbol: e.symbol, offset: 0 } : undefined;
    case 'member': {
      const base = placeConstant(e.base);
      return base && { symbol: base.symbol, offset: base.offset + Math.floor(e.place.bitOffset / 8) };
    }
    case 'deref':
      return addressConstant(e.operand);
    default:
      return undefined;
  }
}
