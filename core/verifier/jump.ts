/**
 * Conditional jumps: decide them, or walk both ways with what each teaches: ranges of numbers (and of the registers linked
 * to them), null checks, packet bounds. Linux: check_cond_jmp_op.
 */
import { plusConstant } from './alu.ts';
import { branchTaken, COND, flip, negate, refine, refineOlder } from './compare.ts';
import type { Env } from './env.ts';
import { WAY } from './facts.ts';
import { markPrecise } from './precision.ts';
import { forgetIfContradictory, makeKnown } from './range.ts';
import { hasLock, specialFields, structFields } from './record.ts';
import { dropReference } from './references.ts';
import {
  ADD_CONST,
  ADD_CONST32,
  AT_PKT_END,
  BEYOND_PKT_END,
  FLAG,
  isConstScalar,
  isNotNull,
  isPacket,
  KIND,
  kindOf,
  Reg,
} from './reg.ts';
import { mispredict } from './speculation.ts';
import { HIST, type State } from './state.ts';
import { isZero } from './tnum.ts';
import { toDoubleU } from './u64.ts';

/** Most registers that one comparison teaches through a common id. */
const MAX_LINKED = 6;

/** Check the jump at `i`; answers the instruction to go on with. The other way, if any, is queued. */
export function checkJump(env: Env, i: number): number {
  const { opcode, dst, src, off, imm } = env.program.code;
  const code = opcode[i]!;
  const cond = code & 0xf0;
  const wide = (code & 7) === 5;
  const fromReg = (code & 8) !== 0;
  const d = dst[i]!;
  const s = src[i]!;
  const target = i + 1 + off[i]!;
  const a = env.readReg(d);
  let b: Readonly<Reg>;
  let flags = 0;
  if (fromReg) {
    if (imm[i] !== 0) env.fail('structure', 'BPF_JMP/JMP32 uses reserved fields');
    b = env.readReg(s);
    if (!(isPacketAny(a) && isPacketAny(b)) && env.isHiddenPointer(b)) {
      env.fail('leak', `R${s} pointer comparison prohibited`);
    }
    if (b.type === KIND.STACK) flags |= HIST.SRC_STACK;
  } else {
    if (s !== 0) env.fail('structure', 'BPF_JMP/JMP32 uses reserved fields');
    b = env.constant(i, imm[i]!, imm[i]! >> 31);
  }
  if (a.type === KIND.STACK) flags |= HIST.DST_STACK;
  if (flags) env.pushHistory(flags);

  const taken = olderCannotDecide(env, a, b, cond, wide) ? -1 : decide(a, b, cond, wide);
  env.facts.jump(i, taken === 1 ? WAY.jumps : taken === 0 ? WAY.falls : WAY.jumps | WAY.falls, a, b);
  if (taken >= 0) {
    if (a.type === KIND.SCALAR) markPrecise(env, d);
    if (fromReg && b.type === KIND.SCALAR) markPrecise(env, s);
    mispredict(env, taken === 1 ? i + 1 : target, i, d, fromReg ? s : -1);
    return taken === 1 ? target : i + 1;
  }
  const linked = collectLinked(env, fromReg ? [b, a] : [a]);
  if (linked.length > 1) env.pushHistory(0, linked);

  const other = env.pushPath(target, i);
  if (a.type === KIND.SCALAR && b.type === KIND.SCALAR) {
    learn(env, env.state, d, fromReg ? s : -1, a, b, negate(cond), wide, linked);
    learn(env, other, d, fromReg ? s : -1, a, b, cond, wide, linked);
  }
  if (wide && fromReg && a.type !== KIND.SCALAR && b.type !== KIND.SCALAR && env.options.features.comparedPointers)
    liftNull(env, other, cond, d, s);

  if (wide && !fromReg && imm[i] === 0 && (cond === COND.EQ || cond === COND.NE) && a.mayBeNull) {
    markNull(env, env.state, a, cond === COND.NE);
    markNull(env, other, a, cond === COND.EQ);
  } else if (!(fromReg && wide && packetCompare(env.state, other, cond, d, s)) && env.isHiddenPointer(a)) {
    env.fail('leak', `R${d} pointer comparison prohibited`);
  }
  return i + 1;
}

function isPacketAny(r: Readonly<Reg>): boolean {
  return isPacket(r.type) || r.type === KIND.PKT_END;
}

const NEVER_NULL_LATER = new Set<number>([KIND.BTF_ID, KIND.MEM, KIND.MAP_PTR, KIND.XDP_SOCK, KIND.BUF]);

/** Kernel objects, memory and maps, which kernels before 6.6 do not know to be never null. */
function isTrustedLater(r: Readonly<Reg>): boolean {
  return NEVER_NULL_LATER.has(kindOf(r.type));
}

/** What a kernel before 6.8 leaves open although the ranges decide it: two registers of which the second is not known; before 6.3, equality. */
function olderCannotDecide(env: Env, a: Readonly<Reg>, b: Readonly<Reg>, cond: number, wide: boolean): boolean {
  const { registerComparisons, rangeEquality, trustedNeverNull } = env.options.features;
  if (!trustedNeverNull && (isTrustedLater(a) || isTrustedLater(b))) return true;
  if (registerComparisons || a.type !== KIND.SCALAR || b.type !== KIND.SCALAR) return false;
  const width = wide ? 64 : 32;
  if (!isConstScalar(b, width)) return true;
  return !rangeEquality && (cond === COND.EQ || cond === COND.NE) && !isConstScalar(a, width);
}

/** 1: taken, 0: not, -1: either. */
function decide(a: Readonly<Reg>, b: Readonly<Reg>, cond: number, wide: boolean): number {
  if (wide && isPacketAny(a) && isPacketAny(b)) return decidePacket(a, b, cond);
  if (a.type === KIND.SCALAR && b.type === KIND.SCALAR) return branchTaken(a, b, cond, wide);
  // The low half of a valid pointer may well be zero.
  if (!wide) return -1;
  let pointer = a;
  let number = b;
  if (!isConstScalar(number, 64)) {
    pointer = b;
    number = a;
    if (!isConstScalar(number, 64)) return -1;
  }
  if (!isNotNull(pointer) || !isZero(number)) return -1;
  return cond === COND.EQ ? 0 : cond === COND.NE ? 1 : -1;
}

/** A pointer known to be at or beyond the packet's end was compared with it before. */
function decidePacket(a: Readonly<Reg>, b: Readonly<Reg>, cond: number): number {
  let packet = a;
  if (b.type !== KIND.PKT_END) {
    if (a.type !== KIND.PKT_END) return -1;
    packet = b;
    cond = flip(cond);
  }
  if (packet.aux >= 0) return -1;
  const beyond = packet.aux === BEYOND_PKT_END;
  if ((cond === COND.LE || cond === COND.GT) && beyond) return cond === COND.GT ? 1 : 0;
  if ((cond === COND.LT || cond === COND.GE) && (beyond || packet.aux === AT_PKT_END)) return cond === COND.GE ? 1 : 0;
  return -1;
}

/** Registers and spilled registers that hold the same value as one of `regs`: frame << 8 | index << 1 | isRegister. */
function collectLinked(env: Env, regs: readonly Readonly<Reg>[]): number[] {
  const out: number[] = [];
  const { frames } = env.state;
  for (const r of regs) {
    if (r.type !== KIND.SCALAR || r.id === 0) continue;
    const id = r.id & ~ADD_CONST;
    const note = (entry: number): boolean => {
      if (out.includes(entry)) return true;
      if (out.length === MAX_LINKED) return false;
      out.push(entry);
      return true;
    };
    for (let f = frames.length - 1; f >= 0; f--) {
      const frame = frames[f]!;
      const at = f === frames.length - 1 ? env.insn : frames[f + 1]!.callsite;
      const live = env.options.features.linkWide ? env.program.live[at]! : 0x3ff;
      for (let j = 0; j < 10; j++) {
        if (!((live >> j) & 1)) continue;
        const reg = frame.regs[j]!;
        if (reg.type !== KIND.SCALAR || (reg.id & ~ADD_CONST) !== id || reg.id === 0) continue;
        if (!note((f << 8) | (j << 1) | 1)) frame.regs[j] = withoutId(reg);
      }
      for (let j = 0; j < frame.kinds.length; j++) {
        if (!frame.isSpill(j)) continue;
        const reg = frame.spills[j]!;
        if (reg.type !== KIND.SCALAR || (reg.id & ~ADD_CONST) !== id || reg.id === 0) continue;
        if (!note((f << 8) | (j << 1))) frame.setSpill(j, withoutId(reg));
      }
    }
  }
  return out;
}

function withoutId(r: Readonly<Reg>): Reg {
  const copy = r.clone();
  copy.id = 0;
  copy.off = 0;
  return copy;
}

/** What a constant is narrowed to is of no interest: one object is narrowed again and again. */
const spare = new Reg();

function copyOf(constant: Readonly<Reg>): Reg {
  spare.type = constant.type;
  spare.copyRange(constant);
  return spare;
}

/** One way of the jump: narrow both operands, and all registers linked to them. */
function learn(
  env: Env,
  state: State,
  d: number,
  s: number,
  a: Readonly<Reg>,
  b: Readonly<Reg>,
  cond: number,
  wide: boolean,
  linked: readonly number[],
): void {
  const regs = state.frame.regs;
  const left = regs[d]!.clone();
  // A register compared with itself learns both things at once, as in Linux: they contradict one another where the jump is decided.
  const right = s === d ? left : s >= 0 ? regs[s]!.clone() : copyOf(b);
  if (env.options.features.registerComparisons) refine(left, right, cond, wide);
  else refineOlder(left, right, cond, wide);
  forgetIfContradictory(left);
  forgetIfContradictory(right);
  if (s >= 0) regs[s] = right;
  regs[d] = left;
  if (s >= 0 && b.id !== 0 && right.id !== 0) syncLinked(env, state, right, linked);
  // Where the two were linked with one another, the second now knows what the first taught it.
  const now = regs[d]!;
  if (a.id !== 0 && now.id !== 0) syncLinked(env, state, now, linked);
}

/** Every register that is `known` plus a constant gets its range, shifted. */
function syncLinked(env: Env, state: State, known: Readonly<Reg>, linked: readonly number[]): void {
  const id = known.id & ~ADD_CONST;
  for (const entry of linked) {
    const frame = state.frames[entry >> 8]!;
    const index = (entry >> 1) & 127;
    const isReg = (entry & 1) !== 0;
    const r = isReg ? frame.regs[index]! : frame.spills[index]!;
    if (r === known || r.type !== KIND.SCALAR || (r.id & ~ADD_CONST) !== id) continue;
    if ((!(r.id & ADD_CONST) && !(known.id & ADD_CONST)) || r.off === known.off) {
      if (isReg) frame.regs[index] = known;
      else frame.setSpill(index, known);
      continue;
    }
    // A constant added in 32 bits says nothing of a sum in 64.
    if (((r.id ^ known.id) & ADD_CONST) === ADD_CONST) continue;
    const delta = (r.id & ADD_CONST ? r.off : 0) - (known.id & ADD_CONST ? known.off : 0);
    const narrow = ((r.id | known.id) & ADD_CONST32) !== 0;
    const next = plusConstant(env, known, delta | 0, delta < 0 ? -1 : 0, narrow);
    next.id = r.id;
    next.off = r.off;
    if (isReg) frame.regs[index] = next;
    else frame.setSpill(index, next);
  }
}

export function notNull(r: Readonly<Reg>): Reg {
  const copy = r.clone();
  copy.type &= ~FLAG.MAYBE_NULL;
  return copy;
}

/** Two pointers are equal and one is not null: neither is the other. Kernel objects may be null without saying so. */
function liftNull(env: Env, other: State, cond: number, d: number, s: number): void {
  const a = env.regs[d]!;
  const b = env.regs[s]!;
  if (kindOf(a.type) === KIND.BTF_ID || kindOf(b.type) === KIND.BTF_ID) return;
  const regs = cond === COND.EQ ? other.frame.regs : cond === COND.NE ? env.regs : undefined;
  if (!regs) return;
  if (cannotBeNull(a) && b.mayBeNull) regs[s] = becomeValue(env, b);
  if (cannotBeNull(b) && a.mayBeNull) regs[d] = becomeValue(env, a);
}

/** Any pointer but those of which Linux knows nothing: it takes these too, and we do not. */
function cannotBeNull(r: Readonly<Reg>): boolean {
  return !r.mayBeNull && r.kind !== KIND.ARENA && (r.type & FLAG.UNTRUSTED) === 0;
}

/** What a pointer that turned out not to be null is: lookups in maps of maps give map pointers. */
export function becomeValue(env: Env, r: Readonly<Reg>): Reg {
  const copy = notNull(r);
  if (kindOf(r.type) !== KIND.MAP_VALUE) return copy;
  const { spec } = env.map(r.aux);
  const { type } = spec;
  if (spec.inner) {
    copy.type = KIND.MAP_PTR;
    copy.aux = env.innerMap(r.aux);
    copy.aux2 = r.id;
  } else if (type === 'xskmap') copy.type = KIND.XDP_SOCK;
  else if (type === 'sockmap' || type === 'sockhash') copy.type = KIND.SOCKET;
  return copy;
}

/** All copies of the pointer are null, or none is. */
function markNull(env: Env, state: State, r: Readonly<Reg>, isNull: boolean): void {
  const { id, refObjId } = r;
  if (isNull && refObjId !== 0 && refObjId === id) {
    // Nothing was taken, so there is nothing to give back.
    const current = env.state;
    env.state = state;
    dropReference(env, id);
    env.state = current;
  }
  const zero = makeKnown(0, 0);
  state.mapRegs((reg) => {
    if (!reg.mayBeNull || reg.id !== id || id === 0) return undefined;
    if (isNull) return zero;
    const copy = becomeValue(env, reg);
    // Only the owner of a lock must still tell one element from another.
    const keepsId =
      kindOf(copy.type) === KIND.MAP_VALUE
        ? hasLock(specialFields(env, env.map(copy.aux)))
        : copy.aux2 === 1 &&
          kindOf(copy.type) === KIND.BTF_ID &&
          hasLock(structFields(env.program.objectBtf!, env.kernelBtf, copy.aux));
    if (!keepsId) copy.id = 0;
    return copy;
  });
}

const MAX_PACKET = 0xffff;

/** pkt + n was found not to be behind the end: n bytes (or n + 1) are readable through all pointers of that base. */
function extendRange(state: State, r: Readonly<Reg>, type: number, open: boolean): void {
  if (r.off < 0 || (r.off === 0 && open)) return;
  const umax = toDoubleU(r.umaxLo, r.umaxHi);
  if (umax > MAX_PACKET || umax + r.off > MAX_PACKET) return;
  const range = r.off + (open ? 1 : 0);
  state.mapRegs((reg) => {
    if (reg.type !== type || reg.id !== r.id || reg.aux >= range) return undefined;
    const copy = reg.clone();
    copy.aux = range;
    return copy;
  });
}

function markEnd(state: State, regno: number, beyond: boolean): void {
  const r = state.frame.regs[regno]!;
  if (r.type !== KIND.PKT) return;
  const copy = r.clone();
  copy.aux = beyond ? BEYOND_PKT_END : AT_PKT_END;
  state.frame.regs[regno] = copy;
}

function isPacketStart(r: Readonly<Reg>): boolean {
  return r.type === KIND.PKT && r.id === 0 && r.off === 0 && isZero(r);
}

/** Compare a packet pointer with the packet's end (or meta data with the packet's start). False when it is neither. */
function packetCompare(here: State, there: State, cond: number, d: number, s: number): boolean {
  if (cond !== COND.GT && cond !== COND.LT && cond !== COND.GE && cond !== COND.LE) return false;
  const a = here.frame.regs[d]!;
  const b = here.frame.regs[s]!;
  let pointer = d;
  if (!((a.type === KIND.PKT && b.type === KIND.PKT_END) || (a.type === KIND.PKT_META && isPacketStart(b)))) {
    const reversed = (a.type === KIND.PKT_END && b.type === KIND.PKT) || (isPacketStart(a) && b.type === KIND.PKT_META);
    if (!reversed) return false;
    pointer = s;
    cond = flip(cond);
  }
  // Now: pointer cond end. `there` is where it holds, `here` where it does not.
  const r = pointer === d ? a : b;
  const inside = cond === COND.GT || cond === COND.GE ? here : there;
  const outside = inside === here ? there : here;
  // p > end fails, or p <= end holds: up to p. p >= end fails, or p < end holds: one byte more.
  const open = cond === COND.GE || cond === COND.LT;
  extendRange(inside, r, r.type, open);
  markEnd(outside, pointer, !open);
  return true;
}
