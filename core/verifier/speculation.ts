/**
 * Rules for unprivileged programs only: pointer arithmetic must be of a form that Linux can mask against speculative
 * out-of-bounds access (sanitize_ptr_alu and neighbours in kernel/bpf/verifier.c). The masking itself is the kernel's
 * business; here are its preconditions. Up to 6.16 the ways that decided jumps do not go are walked as well, and must be
 * as safe; since then the kernel puts barriers there instead of refusing.
 */
import type { Env } from './env.ts';
import { checkMapValue } from './mem.ts';
import { KIND, type Reg } from './reg.ts';
import { OP } from './scalar.ts';
import { format as formatTnum, isConst } from './tnum.ts';

/** A processor may go `next` although the jump at `i` is decided otherwise; what was compared is then anything. */
export function mispredict(env: Env, next: number, i: number, d: number, s: number): void {
  const { walksMispredicted, speculationBarriers } = env.options.features;
  if (env.privileged || !walksMispredicted || speculationBarriers) return;
  const { regs } = env.pushPath(next, i, true).frame;
  regs[d] = env.unknown;
  if (s >= 0) regs[s] = env.unknown;
}

const WHY = 'pointer arithmetic with it prohibited for !root';

/** What an instruction was first seen to do: it must do the same on every path. */
interface Seen {
  state: number;
  limit: number;
}

const seen = new WeakMap<Env, Map<number, Seen>>();

function remember(env: Env, i: number, state: number, limit: number): boolean {
  let all = seen.get(env);
  if (!all) {
    all = new Map();
    seen.set(env, all);
  }
  const before = all.get(i);
  if (before && (before.state !== state || before.limit !== limit)) return false;
  all.set(i, { state, limit });
  return true;
}

const NUMBERS = -1;

function opName(env: Env, i: number): string {
  return (env.program.code.opcode[i]! & 0xf0) === OP.ADD ? 'add' : 'sub';
}

/** number +/- number: the instruction may not also see pointers. */
export function sanitizeValue(env: Env, i: number, fromReg: boolean): void {
  if (env.privileged || !fromReg) return;
  if (!remember(env, i, NUMBERS, 0)) {
    const d = env.program.code.dst[i]!;
    env.fail('leak', `R${d} tried to ${opName(env, i)} from different maps, paths or scalars, ${WHY}`);
  }
}

/** pointer +/- number, before (`after` false) and after the result is known. */
export function sanitizePointer(
  env: Env,
  i: number,
  pointer: Readonly<Reg>,
  offset: Readonly<Reg>,
  result: Readonly<Reg>,
  pointerIsDst: boolean,
  after: boolean,
): void {
  if (env.privileged) return;
  const { opcode, dst, src } = env.program.code;
  const d = dst[i]!;
  if (after) checkResult(env, d, result);
  if ((opcode[i]! & 8) === 0) return;
  // Masked where the offset is not what the walk thinks, the sum may be the pointer itself; a known offset becomes part of the instruction.
  if (!after && !isConst(offset) && !env.options.features.speculationBarriers)
    env.pushPath(i + 1, i, true).frame.regs[d] = pointer;
  // What is masked, and how, the walk of what really happens has said.
  if (env.state.speculative) return;
  const offsetReg = pointerIsDst ? src[i]! : d;
  const pointerReg = pointerIsDst ? d : src[i]!;
  const negative = offset.sminHi < 0;
  if (!after && !isConst(offset) && negative !== offset.smaxHi < 0) {
    env.fail('leak', `R${offsetReg} has unknown scalar with mixed signed bounds, ${WHY}`);
  }
  const add = (opcode[i]! & 0xf0) === OP.ADD;
  const toLeft = (add && negative) || (!add && !negative);
  const r = after ? result : pointer;
  let limit: number;
  let max: number;
  if (r.type === KIND.STACK) {
    max = 512 + (toLeft ? 1 : 0);
    limit = -(r.vLo + r.off);
  } else if (r.type === KIND.MAP_VALUE) {
    max = env.map(r.aux).spec.valueSize;
    limit = (toLeft ? r.sminLo : r.umaxLo) + r.off;
  } else {
    env.fail('leak', `R${pointerReg} has pointer with unsupported alu operation, ${WHY}`);
  }
  if (limit >>> 0 >= max) env.fail('leak', `R${d} tried to ${opName(env, i)} beyond pointer bounds, ${WHY}`);
  const state = (negative ? 1 : 0) | (isConst(offset) ? 2 : 0) | (pointerIsDst ? 4 : 8);
  if (after && !remember(env, i, state, limit >>> 0)) {
    env.fail('leak', `R${d} tried to ${opName(env, i)} from different maps, paths or scalars, ${WHY}`);
  }
}

function checkResult(env: Env, d: number, r: Readonly<Reg>): void {
  if (r.type === KIND.STACK) {
    const off = r.off + r.vLo;
    if (!isConst(r)) {
      env.fail('leak', `R${d} variable stack access prohibited for !root, var_off=${formatTnum(r)} off=${off}`);
    }
    if (off >= 0 || off < -512) {
      env.fail('leak', `R${d} stack pointer arithmetic goes out of range, prohibited for !root; off=${off}`);
    }
  } else if (r.type === KIND.MAP_VALUE) {
    checkMapValue(env, d, r.off, 1, false, false);
  }
}
