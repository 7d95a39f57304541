/** Atomic instructions: a load and a store of the same place, aligned. Linux: check_atomic. */
import { ATOMIC_FETCH } from '../isa/ops.ts';
import type { Env } from './env.ts';
import { accessMemory, rememberPointer } from './mem.ts';
import { isPacket, isSocket, KIND, type Reg, typeName } from './reg.ts';

const SIZE_OF = [4, 2, 1, 8];
const CMPXCHG = 0xf1;
const LOAD_ACQUIRE = 0x100;
const STORE_RELEASE = 0x110;
const KNOWN = new Set([0x00, 0x01, 0x40, 0x41, 0x50, 0x51, 0xa0, 0xa1, 0xe1, CMPXCHG]);

function pointerAllowed(r: Readonly<Reg>): boolean {
  return r.type !== KIND.CTX && !isPacket(r.type) && r.type !== KIND.FLOW_KEYS && !isSocket(r.type);
}

function checkPointer(env: Env, n: number): void {
  const r = env.regs[n]!;
  if (!pointerAllowed(r)) env.fail('type', `BPF_ATOMIC stores into R${n} ${typeName(r.type)} is not allowed`);
}

export function checkAtomic(env: Env, i: number): void {
  const { opcode, dst, src, off, imm } = env.program.code;
  const op = imm[i]!;
  const size = SIZE_OF[(opcode[i]! >> 3) & 3]!;
  const d = dst[i]!;
  const s = src[i]!;
  const access = { off: off[i]!, size, strict: true };
  const { orderedAtomics } = env.options.features;
  if (orderedAtomics && op === LOAD_ACQUIRE) {
    const r = env.readReg(s);
    env.checkWritable(d);
    accessMemory(env, s, { ...access, write: false, reg: d });
    const after = env.regs[s]!;
    if (!pointerAllowed(after)) {
      env.fail('type', `BPF_ATOMIC loads from R${s} ${typeName(after.type)} is not allowed`);
    }
    rememberPointer(env, r.type, false);
    return;
  }
  if (orderedAtomics && op === STORE_RELEASE) {
    env.readReg(s);
    const r = env.readReg(d);
    checkPointer(env, d);
    accessMemory(env, d, { ...access, write: true, reg: s });
    rememberPointer(env, r.type, false);
    return;
  }
  if (!KNOWN.has(op)) {
    env.fail('structure', `BPF_ATOMIC uses invalid atomic opcode ${(op >>> 0).toString(16).padStart(2, '0')}`);
  }
  if (size < 4) env.fail('structure', 'invalid atomic operand size');
  const value = env.readReg(s);
  env.readReg(d);
  if (op === CMPXCHG && env.isHiddenPointer(env.readReg(0))) env.fail('leak', 'R0 leaks addr into mem');
  env.facts.exposeFrame(env, value);
  if (env.isHiddenPointer(value)) env.fail('leak', `R${s} leaks addr into mem`);
  checkPointer(env, d);
  const target = op & ATOMIC_FETCH ? (op === CMPXCHG ? 0 : s) : -1;
  if (target >= 0) env.checkWritable(target);
  // The old value overwrites the register before memory is looked at: it cannot be the pointer as well.
  if (target >= 0) env.setUnknown(target);
  accessMemory(env, d, { ...access, write: false, reg: -1 });
  if (target >= 0) accessMemory(env, d, { ...access, write: false, reg: target });
  rememberPointer(env, env.regs[d]!.type, false);
  accessMemory(env, d, { ...access, write: true, reg: -1 });
}
