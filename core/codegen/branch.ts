/**
 * Compare and branch in one: which form of jump a condition becomes. A 64-bit compare is preferred where upper halves are known to be
 * zero, since the kernel's verifier then learns the bounds of the whole register that is used later. `(x & mask) != 0` becomes jset.
 */
import { COND, type Cond, type Inst, TYPE_BITS } from '../ir/ir.ts';
import type { Selector } from './isel.ts';
import { fitsImm, type MBlock } from './mir.ts';

const SIGNED = new Set<Cond>(['slt', 'sle', 'sgt', 'sge']);

/** End the current machine block: to `yes` when the i1 value is true, else to `no`. */
export function branchOn(s: Selector, cond: Inst, yes: MBlock, no: MBlock): void {
  if (cond.op === 'const') {
    s.jump(cond.value !== 0n ? yes : no);
    return;
  }
  if (cond.op !== 'icmp') {
    s.jcc('ne', s.reg(cond), { imm: 0 }, true, yes);
    s.jump(no);
    return;
  }
  if (!testBits(s, cond, yes)) compare(s, cond, yes);
  s.jump(no);
}

/** `(x & m) ==/!= 0` where nothing else wants the conjunction. */
function testBits(s: Selector, icmp: Inst, yes: MBlock): boolean {
  const [and, zero] = icmp.args as [Inst, Inst];
  if ((icmp.sub !== 'eq' && icmp.sub !== 'ne') || and.op !== 'and' || zero.op !== 'const' || zero.value !== 0n)
    return false;
  if (s.uses.get(and) !== 1) return false;
  const [x, mask] = and.args as [Inst, Inst];
  const wide = and.type === 'i64' || (mask.op === 'const' && mask.value >= 0n);
  if (x.op === 'const' || (!wide && !s.alu32)) return false;
  if (mask.op === 'const' && wide && !fitsImm(mask.value)) return false;
  s.jcc(icmp.sub === 'ne' ? 'set' : 'nset', s.reg(x), s.source(mask, wide), wide, yes);
  return true;
}

function compare(s: Selector, icmp: Inst, yes: MBlock): void {
  let [a, b] = icmp.args as [Inst, Inst];
  let cond = icmp.sub as Cond;
  if (a.op === 'const' && b.op !== 'const') {
    [a, b] = [b, a];
    cond = COND[cond].swap;
  }
  const bits = TYPE_BITS[a.type];
  const signed = SIGNED.has(cond);
  const known = (v: Inst) => s.bits.of(v) <= (signed ? Math.min(bits - 1, 31) : Math.min(bits, 32));
  const constFits = b.op !== 'const' || fitsImm(signed ? b.value : BigInt.asUintN(bits, b.value));
  let wide = bits === 64;
  let left: number;
  let right: number | { imm: number };
  if (wide || (bits === 32 && s.alu32 && !(known(a) && known(b) && constFits))) {
    left = s.reg(a);
    right = s.source(b, wide);
  } else {
    // Narrow values: the bits above must say what the comparison needs.
    wide = true;
    left = extended(s, a, signed, bits);
    if (b.op !== 'const') right = extended(s, b, signed, bits);
    else {
      const value = signed ? b.value : BigInt.asUintN(bits, b.value);
      if (fitsImm(value)) right = { imm: Number(value) };
      else s.loadConst((right = s.newReg()), 'i64', value);
    }
  }
  if (s.target.cpu < 2 && (cond === 'ult' || cond === 'ule' || cond === 'slt' || cond === 'sle')) {
    // Version 1 has no less-than: exchange the sides.
    if (typeof right !== 'number') {
      const reg = s.newReg();
      s.alu('mov', reg, right, true);
      right = reg;
    }
    [left, right] = [right, left];
    cond = COND[cond].swap;
  }
  s.jcc(cond, left, right, wide, yes);
}

function extended(s: Selector, v: Inst, signed: boolean, bits: number): number {
  if (v.op !== 'const' && s.bits.of(v) <= (signed ? bits - 1 : bits)) return s.reg(v);
  const dst = s.newReg();
  if (signed) s.signExtend(dst, v, bits, 64);
  else s.zeroExtend(dst, v, bits);
  return dst;
}
