/**
 * Selection of loads, stores and atomics: constant offsets fold into the access, variables are addressed from r10, data sections by an
 * ld_imm64 that has the offset inside.
 */

import { type Inst, TYPE_BYTES } from '../ir/ir.ts';
import { type AtomicOp, REG_FP } from '../isa/ops.ts';
import type { Selector } from './isel.ts';
import { fitsImm, type MInst, NO_REG } from './mir.ts';

const MAX_FOLDED_OFFSET = 32000;

/** An address with constant additions folded in; `alloca` when it is the frame's. */
interface Where {
  readonly base: Inst;
  off: number;
  readonly alloca: boolean;
}

/** Base and constant offset of an address, constant additions folded in. */
export function address(ptr: Inst, off: number): Where {
  while (ptr.op === 'ptradd' && ptr.args[1]!.op === 'const') {
    const sum = off + Number(ptr.args[1]!.value);
    if (Math.abs(sum) > MAX_FOLDED_OFFSET) break;
    off = sum;
    ptr = ptr.args[0]!;
  }
  return { base: ptr, off, alloca: ptr.op === 'alloca' };
}

function setAddress(s: Selector, inst: MInst, where: Where, base: number): void {
  inst.off = where.off;
  inst.base = base;
  if (where.alloca) inst.slot = s.slotOf(where.base);
}

export function selectMemory(s: Selector, inst: Inst): void {
  const where = address(inst.args[0]!, inst.off);
  const global = where.base.op === 'globalref';
  const base = where.alloca ? REG_FP : global ? globalBase(s, where) : s.reg(where.base);
  switch (inst.op) {
    case 'load': {
      const ld = s.push('ld');
      ld.dst = s.regOf(inst);
      ld.size = TYPE_BYTES[inst.type];
      setAddress(s, ld, where, base);
      return;
    }
    case 'store': {
      const value = inst.args[1]!;
      const size = TYPE_BYTES[value.type];
      if (value.op === 'undef' && !inst.volatile) return;
      const imm = (value.op === 'const' && fitsImm(value.value) && where.base.space !== 'ctx') || value.op === 'undef';
      const src = imm ? NO_REG : s.reg(value);
      const st = s.push('st');
      st.src = src;
      st.imm = imm ? Number(value.value) : 0;
      st.size = size;
      setAddress(s, st, where, base);
      return;
    }
    case 'atomicrmw':
    case 'cmpxchg':
      atomic(s, inst, where, base);
      return;
    default:
      throw new TypeError(`${inst.op} reached instruction selection`);
  }
}

/** A data section's address is made with the offset inside: the verifier checks it at load. */
function globalBase(s: Selector, where: { base: Inst; off: number }): number {
  const dst = s.reg(where.base);
  s.last().off += where.off;
  where.off = 0;
  return dst;
}

function atomic(s: Selector, inst: Inst, where: Where, base: number): void {
  const value = inst.args[inst.args.length - 1]!;
  const wanted = s.uses.has(inst);
  const fetch = inst.op === 'cmpxchg' || wanted || inst.sub === 'xchg';
  if (s.target.cpu < 3 && (fetch || inst.sub !== 'add')) {
    s.complaints.push({
      message: `an atomic ${inst.op === 'cmpxchg' ? 'compare and exchange' : `'${inst.sub}'${fetch ? ' that gives the old value' : ''}`} needs -mcpu=v3 or later`,
      loc: inst.loc,
    });
  }
  let src = s.reg(value);
  if (inst.op === 'cmpxchg') s.into(0, inst.args[1]!);
  else if (fetch) {
    src = s.newReg();
    s.into(src, value);
  }
  const atomic = s.push('atomic');
  atomic.atomic = (
    inst.op === 'cmpxchg' ? 'cmpxchg' : inst.sub === 'xchg' ? 'xchg' : fetch ? `fetch_${inst.sub}` : inst.sub
  ) as AtomicOp;
  atomic.src = src;
  atomic.size = TYPE_BYTES[value.type];
  setAddress(s, atomic, where, base);
  if (wanted) s.copy(s.regOf(inst), inst.op === 'cmpxchg' ? 0 : src);
}
