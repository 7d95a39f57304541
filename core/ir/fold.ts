/** Constant arithmetic, with the machine's answers for division by zero and for large shift counts (RFC 9669 section 4.1). */
import { type Cond, canonical, type Inst, type Op, TYPE_BITS, type Type } from './ir.ts';

/** `op` on canonical constants of `type`; undefined when it is not arithmetic. */
export function foldBinary(op: Op, type: Type, a: bigint, b: bigint): bigint | undefined {
  const bits = TYPE_BITS[type];
  const ua = BigInt.asUintN(bits, a);
  const ub = BigInt.asUintN(bits, b);
  const count = ub & BigInt(bits - 1);
  const value = (): bigint | undefined => {
    switch (op) {
      case 'add':
        return a + b;
      case 'sub':
        return a - b;
      case 'mul':
        return a * b;
      case 'udiv':
        return ub === 0n ? 0n : ua / ub;
      case 'urem':
        return ub === 0n ? ua : ua % ub;
      case 'sdiv':
        return b === 0n ? 0n : a / b;
      case 'srem':
        return b === 0n ? a : a % b;
      case 'and':
        return a & b;
      case 'or':
        return a | b;
      case 'xor':
        return a ^ b;
      case 'shl':
        return ua << count;
      case 'lshr':
        return ua >> count;
      case 'ashr':
        return a >> count;
      default:
        return undefined;
    }
  };
  const out = value();
  return out === undefined ? undefined : canonical(type, out);
}

export function foldCompare(cond: Cond, type: Type, a: bigint, b: bigint): boolean {
  if (cond === 'eq') return a === b;
  if (cond === 'ne') return a !== b;
  if (cond[0] === 'u') {
    a = BigInt.asUintN(TYPE_BITS[type], a);
    b = BigInt.asUintN(TYPE_BITS[type], b);
  }
  switch (cond.slice(1)) {
    case 'lt':
      return a < b;
    case 'le':
      return a <= b;
    case 'gt':
      return a > b;
    default:
      return a >= b;
  }
}

export function foldCast(op: Op, from: Type, to: Type, a: bigint): bigint {
  return canonical(to, op === 'zext' ? BigInt.asUintN(TYPE_BITS[from], a) : from === 'i1' && op === 'sext' ? -a : a);
}

export function foldSwap(type: Type, bits: number, a: bigint): bigint {
  let out = 0n;
  for (let i = 0; i < bits / 8; i++) out = (out << 8n) | ((BigInt.asUintN(64, a) >> BigInt(8 * i)) & 0xffn);
  return canonical(type, out);
}

/**
 * Bits that the value (as an unsigned number of its type) surely fits: 64 says nothing for an i64. Looks a few steps back only.
 */
export function bitsOf(v: Inst, depth = 0): number {
  const width = TYPE_BITS[v.type];
  if (v.op === 'const') {
    const u = BigInt.asUintN(width, v.value);
    return u === 0n ? 0 : u.toString(2).length;
  }
  if (depth > 5) return width;
  const arg = (n: number) => bitsOf(v.args[n]!, depth + 1);
  const by = v.args[1]?.op === 'const' ? Number(BigInt.asUintN(width === 64 ? 6 : 5, v.args[1].value)) : undefined;
  switch (v.op) {
    case 'zext':
      return arg(0);
    case 'trunc':
      return Math.min(width, arg(0));
    case 'and':
      return Math.min(arg(0), arg(1));
    case 'or':
    case 'xor':
      return Math.max(arg(0), arg(1));
    case 'add':
      return Math.min(width, Math.max(arg(0), arg(1)) + 1);
    case 'mul':
      return Math.min(width, arg(0) + arg(1));
    case 'udiv':
      return arg(0);
    case 'urem':
      return v.args[1]!.op === 'const' && v.args[1]!.value !== 0n ? Math.min(arg(0), arg(1)) : arg(0);
    case 'shl':
      return by === undefined ? width : Math.min(width, arg(0) + by);
    case 'lshr':
      return by === undefined ? arg(0) : Math.max(0, arg(0) - by);
    case 'select':
      return Math.max(arg(1), arg(2));
    case 'phi': {
      let most = 0;
      for (const a of v.args) if (a !== v) most = Math.max(most, bitsOf(a, depth + 2));
      return most;
    }
    case 'bswap':
      return v.size;
    case 'ldabs':
    case 'ldind':
      return v.size * 8;
    default:
      return width;
  }
}
