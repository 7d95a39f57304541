/** What a comparison teaches about the intervals of its operands (value-facts.ts), going either way. */
import type { DecodedProgram } from '../isa/insn.ts';
import { CLASS, type CondOp, JMP_OPS } from '../isa/ops.ts';
import { type Interval, interval, isBounded, ofImmediate, unknown } from './interval.ts';

const NAME = new Map<number, string>(JMP_OPS.map((r) => [r.code, r.name]));

/** The comparison that holds where another one does not. */
const OPPOSITE: Readonly<Record<Exclude<CondOp, 'jset'>, Exclude<CondOp, 'jset'>>> = {
  jeq: 'jne',
  jne: 'jeq',
  jgt: 'jle',
  jge: 'jlt',
  jlt: 'jge',
  jle: 'jgt',
  jsgt: 'jsle',
  jsge: 'jslt',
  jslt: 'jsge',
  jsle: 'jsgt',
};
/** Signed comparisons of numbers that are not negative. */
const UNSIGNED: Readonly<Partial<Record<string, CondOp>>> = { jsgt: 'jgt', jsge: 'jge', jslt: 'jlt', jsle: 'jle' };

/** The state where the jump at `pc` is `taken` or not; undefined where it cannot be. `state` stays as it is. */
export function refined(
  p: DecodedProgram,
  pc: number,
  state: readonly Interval[],
  taken: boolean,
): Interval[] | undefined {
  const opcode = p.opcode[pc]!;
  const out = state.slice();
  const name = NAME.get(opcode & 0xf0) as CondOp;
  if (name === 'jset') return out;
  let cond: CondOp = taken ? name : OPPOSITE[name];
  const wide = (opcode & 7) === CLASS.JMP;
  const [d, s] = [p.dst[pc]!, (opcode & 8) !== 0 ? p.src[pc]! : -1];
  const imm = p.imm[pc]!;
  const a = state[d] ?? unknown;
  const b = s >= 0 ? (state[s] ?? unknown) : wide ? ofImmediate(imm) : interval(imm >>> 0, imm >>> 0);
  const signed = UNSIGNED[cond];
  if (signed !== undefined) {
    // 32 bits: beyond 2^31 - 1 the signed order is another one. 64 bits: bounded numbers are all positive.
    if (wide ? !isBounded(a) || !isBounded(b) : a.hi > 0x7fffffff || b.hi > 0x7fffffff) return out;
    cond = signed;
  } else if (!wide && (!isBounded(a) || !isBounded(b))) return out;
  const learnt = learn(cond, a, b);
  if (!learnt) return undefined;
  if (d < 10) out[d] = learnt[0];
  if (s >= 0 && s < 10 && s !== d) out[s] = learnt[1];
  return out;
}

/** Both intervals where the comparison holds; undefined where it never does. */
function learn(cond: CondOp, a: Interval, b: Interval): readonly [Interval, Interval] | undefined {
  switch (cond) {
    case 'jeq': {
      const both = interval(Math.max(a.lo, b.lo), Math.min(a.hi, b.hi));
      return both.lo > both.hi ? undefined : [both, both];
    }
    case 'jne':
      return [without(a, b), without(b, a)];
    case 'jgt':
      return ordered(b, a, 1)?.reverse() as [Interval, Interval] | undefined;
    case 'jge':
      return ordered(b, a, 0)?.reverse() as [Interval, Interval] | undefined;
    case 'jlt':
      return ordered(a, b, 1);
    default:
      return ordered(a, b, 0);
  }
}

/** a + least <= b. */
function ordered(a: Interval, b: Interval, least: 0 | 1): [Interval, Interval] | undefined {
  const low = interval(a.lo, Math.min(a.hi, b.hi - least));
  const high = interval(Math.max(b.lo, a.lo + least), b.hi);
  return low.lo > low.hi || high.lo > high.hi ? undefined : [low, high];
}

/** `a` without the number that `b` is, if it is one. */
function without(a: Interval, b: Interval): Interval {
  if (b.lo !== b.hi) return a;
  if (a.lo === b.lo && a.lo < a.hi) return interval(a.lo + 1, a.hi);
  if (a.hi === b.lo && a.lo < a.hi) return interval(a.lo, a.hi - 1);
  return a;
}
