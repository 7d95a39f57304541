/** What an arithmetic instruction makes of intervals (value-facts.ts). Bounds of bounded intervals are exact doubles, so are sums and products below 2^53. */
import type { DecodedProgram } from '../isa/insn.ts';
import { ALU_OPS, ALU_VARIANTS, type AluOp, CLASS } from '../isa/ops.ts';
import { anyU32, type Interval, interval, isBounded, ofImmediate, U32, unknown } from './interval.ts';

const NAME = new Map<number, AluOp>(ALU_OPS.map((r) => [r.code, r.name]));

/** The destination after the instruction at `pc`, `a` being what it was and `source` the source register, if there is one. */
export function computed(p: DecodedProgram, pc: number, a: Interval, source: Interval | undefined): Interval {
  const opcode = p.opcode[pc]!;
  const wide = (opcode & 7) === CLASS.ALU64;
  const name = NAME.get(opcode & 0xf0);
  const [off, imm] = [p.off[pc]!, p.imm[pc]!];
  if (name === undefined) return unknown;
  if (name === 'end') return imm === 64 ? unknown : interval(0, 2 ** imm - 1);
  const variant = off === 0 ? undefined : ALU_VARIANTS.find((v) => v.base === name && v.off === off)?.name;
  if (off !== 0 && variant === undefined) return unknown;
  const signed = variant === 'sdiv' || variant === 'smod';
  if (wide) {
    const b = source ?? ofImmediate(imm);
    if (name === 'mov') return variant === undefined ? b : signExtended(b, off);
    // Adding a negative constant is subtracting.
    if (source === undefined && imm < 0 && (name === 'add' || name === 'sub')) {
      return combined(name === 'add' ? 'sub' : 'add', a, interval(-imm, -imm), signed, 64) ?? unknown;
    }
    if (source === undefined && imm < 0 && name === 'and') return { lo: 0, hi: a.hi };
    return combined(name, a, b, signed, 64) ?? unknown;
  }
  const low = isBounded(a) ? a : anyU32;
  const b = source === undefined ? interval(imm >>> 0, imm >>> 0) : isBounded(source) ? source : anyU32;
  if (name === 'mov') {
    if (variant === undefined) return b;
    const extended = signExtended(b, off);
    return isBounded(extended) ? extended : anyU32;
  }
  if (source === undefined && imm < 0 && (name === 'add' || name === 'sub')) {
    const result = combined(name === 'add' ? 'sub' : 'add', low, interval(-imm, -imm), signed, 32);
    return result && isBounded(result) ? result : anyU32;
  }
  const result = combined(name, low, b, signed, 32);
  return result && isBounded(result) ? result : anyU32;
}

/** A number that stays what it is when its low `bits` are sign-extended. */
function signExtended(a: Interval, bits: number): Interval {
  return a.hi < 2 ** (bits - 1) ? a : unknown;
}

/** `width` 32: the operands are bounded, and a result that is not bounded wraps. undefined: nothing is known. */
function combined(name: AluOp, a: Interval, b: Interval, signed: boolean, width: 32 | 64): Interval | undefined {
  const both = isBounded(a) && isBounded(b);
  // As signed numbers both are what they are as unsigned ones.
  const positive = width === 64 ? both : a.hi <= 0x7fffffff && b.hi <= 0x7fffffff;
  switch (name) {
    case 'add':
      return both ? interval(a.lo + b.lo, a.hi + b.hi) : undefined;
    case 'sub':
      return both && a.lo >= b.hi ? interval(a.lo - b.hi, a.hi - b.lo) : undefined;
    case 'mul':
      return both && a.hi * b.hi <= U32 ? interval(a.lo * b.lo, a.hi * b.hi) : undefined;
    case 'and':
      return interval(0, Math.min(a.hi, b.hi));
    case 'or':
      return both
        ? interval(Math.max(a.lo, b.lo), ones(Math.max(a.hi, b.hi)))
        : interval(Math.max(a.lo, b.lo), Infinity);
    case 'xor':
      return both ? interval(0, ones(Math.max(a.hi, b.hi))) : undefined;
    case 'lsh':
      if (b.lo !== b.hi || b.lo >= width || !isBounded(a)) return undefined;
      return a.hi * 2 ** b.lo <= U32 ? interval(a.lo * 2 ** b.lo, a.hi * 2 ** b.lo) : undefined;
    case 'rsh':
      return shiftedDown(a, b, width);
    case 'arsh':
      return (width === 64 ? isBounded(a) : a.hi <= 0x7fffffff) ? shiftedDown(a, b, width) : undefined;
    case 'div':
      // By zero gives zero.
      if (signed && !positive) return undefined;
      return interval(0, b.lo > 1 ? Math.floor(a.hi / b.lo) : a.hi);
    case 'mod': {
      if (signed && !positive) return undefined;
      // By zero leaves the dividend; no remainder is larger than it.
      const most = b.lo > 0 ? Math.min(a.hi, b.hi - 1) : a.hi;
      return interval(0, most);
    }
    default:
      return undefined;
  }
}

/** The least number of the form 2^n - 1 that is not below. */
function ones(n: number): number {
  return n === 0 ? 0 : 2 ** (32 - Math.clz32(n)) - 1;
}

function shiftedDown(a: Interval, b: Interval, width: 32 | 64): Interval | undefined {
  if (b.lo !== b.hi || b.lo >= width) return interval(0, a.hi);
  const by = 2 ** b.lo;
  if (!isBounded(a)) return interval(Math.floor(a.lo / by), 2 ** (64 - b.lo) - 1);
  return interval(Math.floor(a.lo / by), Math.floor(a.hi / by));
}
