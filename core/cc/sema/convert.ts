/**
 * Conversions (C11 6.3): decay, integer promotions, the usual arithmetic conversions, and conversion as if by assignment
 * with the complaints that GCC and clang make.
 */
import type { Context } from '../context.ts';
import {
  BOOL,
  type CType,
  INT,
  type IntType,
  integerOf,
  isInteger,
  isScalar,
  pointerTo,
  quotedType,
  rvalueType,
  sameType,
  UINT,
  ULLONG,
  ULONG,
} from '../ctype.ts';
import { note } from '../report.ts';
import { spanBetween, type Token } from '../token.ts';
import type { Expr } from '../tree.ts';
import { depthOf, errorExpr, intExpr, isNull, type Place, rawCast } from './make.ts';

export function rangeOf(e: Place) {
  return spanBetween(e.from, e.to);
}

/** An expression used for its value: arrays and functions become pointers. */
export function rvalue(cx: Context, e: Expr): Expr {
  if (e.type.kind === 'array') {
    const to =
      e.type.volatile || e.type.user || e.type.const
        ? { ...e.type.of, ...qualifiers(e.type), ...qualifiers(e.type.of) }
        : e.type.of;
    return {
      kind: 'decay',
      operand: e,
      type: pointerTo(to as CType),
      at: e.at,
      from: e.from,
      to: e.to,
      depth: depthOf(cx, e.at, e),
    };
  }
  if (e.type.kind === 'func') {
    if (e.kind === 'func') cx.functionId(e.symbol);
    return {
      kind: 'decay',
      operand: e,
      type: pointerTo(e.type),
      at: e.at,
      from: e.from,
      to: e.to,
      depth: depthOf(cx, e.at, e),
    };
  }
  if (e.kind === 'method') {
    cx.report.error(e.name, `map method '${e.map.name}.${e.name.text}' must be called`);
    return errorExpr(e);
  }
  if (e.type.kind === 'float') {
    cx.report.error(e.at, 'floating point is not available in BPF programs: use integers', { ranges: [rangeOf(e)] });
    return errorExpr(e);
  }
  return e;
}

function qualifiers(t: CType): Partial<CType> {
  return {
    ...(t.const ? { const: true } : {}),
    ...(t.volatile ? { volatile: true } : {}),
    ...(t.user ? { user: true } : {}),
  };
}

/** Bits of a bitfield that an expression names, or undefined. */
export function bitWidthOf(e: Expr): number | undefined {
  if (e.kind === 'member') return e.place.field.bitWidth;
  if (e.kind === 'assign' || e.kind === 'update') return bitWidthOf(e.target);
  if (e.kind === 'comma') return bitWidthOf(e.right);
  return undefined;
}

/** Integer promotions. */
export function promote(cx: Context, e: Expr): Expr {
  const v = rvalue(cx, e);
  if (!isInteger(v.type)) return v;
  const t = integerOf(v.type);
  const bits = bitWidthOf(v);
  if (bits !== undefined && (bits < 32 || (bits === 32 && t.signed))) return rawCast(cx, v, INT);
  if (bits !== undefined && bits === 32) return rawCast(cx, v, UINT);
  if (t.rank < 3) return rawCast(cx, v, INT);
  return v.type.kind === 'enum' ? rawCast(cx, v, t) : v;
}

/** The common type of two promoted integers. */
export function commonType(a: IntType, b: IntType): IntType {
  if (a.rank === b.rank) return a.signed === b.signed ? a : a.signed ? b : a;
  const [low, high] = a.rank < b.rank ? [a, b] : [b, a];
  if (low.signed === high.signed || !high.signed) return high;
  // high is signed, low unsigned
  if (high.size > low.size) return high;
  return high.rank >= 5 ? ULLONG : high.rank === 4 ? ULONG : UINT;
}

/** The usual arithmetic conversions; both operands must be integers. */
export function usual(cx: Context, left: Expr, right: Expr): [Expr, Expr, IntType] {
  const l = promote(cx, left);
  const r = promote(cx, right);
  const t = commonType(integerOf(l.type as IntType), integerOf(r.type as IntType));
  return [rawCast(cx, l, t), rawCast(cx, r, t), t];
}

/** A value used as a condition: any scalar. */
export function condition(cx: Context, e: Expr, what: string): Expr {
  const v = rvalue(cx, e);
  if (v.type.kind === 'error' || isScalar(v.type)) return v;
  cx.report.error(
    v.at,
    `statement requires expression of scalar type (${quotedType(v.type)} invalid)`.replace('statement', what),
    { ranges: [rangeOf(v)] },
  );
  return errorExpr(v);
}

/** What an assignment is part of, for the message. */
export interface Purpose {
  /** 'assigning to', 'initializing', 'passing', 'returning'. */
  readonly verb: 'assigning to' | 'initializing' | 'passing' | 'returning';
  /** "parameter declared here". */
  readonly declared?: Token | undefined;
}

/** A constant that does not fit where it goes, whatever the sign is thought to be. */
function losesValue(cx: Context, v: Expr, to: CType, at: Token): void {
  const target = integerOf(to as Parameters<typeof integerOf>[0]);
  if (v.kind !== 'int' || target.name === BOOL.name || target.size >= 8) return;
  const bits = BigInt(target.size * 8);
  if (v.value >= -(1n << (bits - 1n)) && v.value < 1n << bits) return;
  const kept = target.signed ? BigInt.asIntN(Number(bits), v.value) : BigInt.asUintN(Number(bits), v.value);
  cx.report.warning(
    at,
    `implicit conversion from ${quotedType(v.type)} to ${quotedType(to)} changes value from ${v.value} to ${kept}`,
    { ranges: [rangeOf(v)] },
  );
}

/** Convert as if by assignment (C11 6.5.16.1). */
export function assignTo(cx: Context, e: Expr, type: CType, purpose: Purpose, at: Token = e.at): Expr {
  const v = rvalue(cx, e);
  const to = rvalueType(type);
  if (v.type.kind === 'error' || to.kind === 'error') return v;
  const notes = purpose.declared ? [note(purpose.declared, 'passing argument to parameter here')] : [];
  const extra = { ranges: [rangeOf(v)], notes };
  const phrase =
    purpose.verb === 'assigning to' || purpose.verb === 'initializing'
      ? `${purpose.verb} ${quotedType(to)} ${purpose.verb === 'initializing' ? 'with an expression of type' : 'from'} ${quotedType(v.type)}`
      : purpose.verb === 'passing'
        ? `passing ${quotedType(v.type)} to parameter of type ${quotedType(to)}`
        : `returning ${quotedType(v.type)} from a function with result type ${quotedType(to)}`;
  const bad = () => {
    cx.report.error(at, `${phrase[0]}${phrase.slice(1)}: incompatible types`, extra);
    return errorExpr(v);
  };
  if (isInteger(to)) {
    if (isInteger(v.type)) {
      losesValue(cx, v, to, at);
      return rawCast(cx, v, to);
    }
    if (v.type.kind === 'ptr') {
      if (integerOf(to).name !== BOOL.name && integerOf(to).size < 8) {
        cx.report.warning(at, `incompatible pointer to integer conversion ${phrase}`, extra);
      }
      return integerOf(to).name === BOOL.name ? truth(cx, v) : rawCast(cx, v, to);
    }
    return bad();
  }
  if (to.kind === 'ptr') {
    if (isNull(v)) return rawCast(cx, v, to);
    if (v.type.kind === 'ptr') {
      const [a, b] = [v.type.to, to.to];
      if (a.kind !== 'void' && b.kind !== 'void' && !compatiblePointees(a, b)) {
        cx.report.warning(at, `incompatible pointer types ${phrase}`, extra);
      }
      return rawCast(cx, v, to);
    }
    if (isInteger(v.type)) {
      cx.report.warning(at, `incompatible integer to pointer conversion ${phrase}`, extra);
      return rawCast(cx, widen(cx, v), to);
    }
    if (v.type.kind === 'map') return rawCast(cx, v, to);
    return bad();
  }
  if (to.kind === 'record') return sameType(v.type, to) ? v : bad();
  if (to.kind === 'void') return v;
  if (to.kind === 'float') {
    cx.report.error(at, 'floating point is not available in BPF programs: use integers', extra);
    return errorExpr(v);
  }
  return bad();
}

/** Pointers to these may stand for one another without a word: same type, signedness aside (clang's -Wno-pointer-sign, as the kernel builds). */
function compatiblePointees(a: CType, b: CType): boolean {
  if (sameType(a, b)) return true;
  if (isInteger(a) && isInteger(b)) return integerOf(a).size === integerOf(b).size;
  if (a.kind === 'array' && b.kind === 'array') return compatiblePointees(a.of, b.of);
  if (a.kind === 'array') return compatiblePointees(a.of, b);
  if (a.kind === 'ptr' && b.kind === 'ptr')
    return compatiblePointees(a.to, b.to) || a.to.kind === 'void' || b.to.kind === 'void';
  return false;
}

/** An integer as 64 bits, by its own signedness: what pointer arithmetic and int-to-pointer casts use. */
export function widen(cx: Context, e: Expr): Expr {
  const t = integerOf(e.type as IntType);
  if (t.size === 8) return e;
  return rawCast(cx, e, t.signed ? { ...INT, ...LONG_SHAPE } : ULONG);
}

const LONG_SHAPE = { name: 'long', size: 8, signed: true, rank: 4 } as const;

/** `e != 0` as a _Bool. */
export function truth(cx: Context, e: Expr): Expr {
  if (e.kind === 'int') return intExpr(e.value === 0n ? 0n : 1n, BOOL, e);
  return {
    kind: 'cast',
    operand: e,
    explicit: false,
    type: BOOL,
    at: e.at,
    from: e.from,
    to: e.to,
    depth: depthOf(cx, e.at, e),
  };
}

/** `(type) e` */
export function explicitCast(cx: Context, e: Expr, type: CType, place: Place): Expr {
  const v = rvalue(cx, e);
  if (v.type.kind === 'error' || type.kind === 'error') return errorExpr(place);
  const to = rvalueType(type);
  const refuse = (): Expr => {
    cx.report.error(place.at, `cannot cast ${quotedType(v.type)} to ${quotedType(type)}`, { ranges: [rangeOf(v)] });
    return errorExpr(place);
  };
  if (to.kind === 'void')
    return { kind: 'cast', operand: v, explicit: true, type: to, ...spot(place), depth: depthOf(cx, place.at, v) };
  if (to.kind === 'record') return sameType(to, v.type) ? v : refuse();
  if (to.kind === 'float') {
    cx.report.error(place.at, 'floating point is not available in BPF programs: use integers');
    return errorExpr(place);
  }
  if (!isScalar(to)) return refuse();
  if (v.type.kind === 'map' && to.kind === 'ptr') return rawCast(cx, v, to, true, place);
  if (!isScalar(v.type)) return refuse();
  if (isInteger(to) && integerOf(to).name === BOOL.name) return { ...truth(cx, v), type: to };
  const wide = to.kind === 'ptr' && isInteger(v.type) ? widen(cx, v) : v;
  return rawCast(cx, wide, to, true, place);
}

function spot(place: Place): Place {
  return { at: place.at, from: place.from, to: place.to };
}
