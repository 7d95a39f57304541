/**
 * The log, in the kernel's shape (kernel/bpf/log.c): one line an instruction, what it changed behind a semicolon, paths with
 * `from A to B`. Tools that read kernel logs read ours.
 */
import { insnText } from '../isa/disasm.ts';
import { OP_LD_IMM64 } from '../isa/ops.ts';
import { dynptrTypeName } from './dynptr.ts';
import type { Env } from './env.ts';
import { ADD_CONST, FLAG, isPacket, KIND, kindOf, type Reg, typeName } from './reg.ts';
import { BYTE, BYTE_LETTERS, type Frame } from './state.ts';
import * as tnum from './tnum.ts';
import { hex64, toDouble, toDoubleU } from './u64.ts';

function signed(lo: number, hi: number): string {
  const value = toDouble(lo, hi);
  return value >= -32768 && value <= 32767 ? String(value) : hex64(lo, hi);
}

function unsigned(lo: number, hi: number): string {
  const value = toDoubleU(lo, hi);
  return value <= 65535 ? String(value) : hex64(lo, hi);
}

interface Bound {
  readonly name: string;
  readonly lo: number;
  readonly hi: number;
  omit: boolean;
  readonly negative: boolean;
}

/** Bounds that say something, equal ones joined: `smin=smin32=-5`. */
function ranges(r: Readonly<Reg>): string[] {
  const signedBound = (name: string, lo: number, hi: number, omit: boolean): Bound => ({
    name,
    lo,
    hi,
    omit,
    negative: hi < 0,
  });
  // A 32-bit value prints without sign extension where it prints in hexadecimal.
  const s32 = (name: string, value: number, omit: boolean): Bound =>
    signedBound(name, value, value >= -32768 && value <= 32767 ? value >> 31 : 0, omit);
  const plain = (name: string, lo: number, hi: number, omit: boolean): Bound => ({
    name,
    lo,
    hi,
    omit,
    negative: false,
  });
  const all: Bound[] = [
    signedBound('smin', r.sminLo, r.sminHi, r.sminLo === 0 && r.sminHi === -2147483648),
    signedBound('smax', r.smaxLo, r.smaxHi, r.smaxLo === -1 && r.smaxHi === 2147483647),
    plain('umin', r.uminLo, r.uminHi, (r.uminLo | r.uminHi) === 0),
    plain('umax', r.umaxLo, r.umaxHi, (r.umaxLo & r.umaxHi) === -1),
    s32('smin32', r.s32min, r.s32min === -2147483648),
    s32('smax32', r.s32max, r.s32max === 2147483647),
    plain('umin32', r.u32min, 0, r.u32min === 0),
    plain('umax32', r.u32max, 0, r.u32max === -1),
  ];
  const out: string[] = [];
  all.forEach((a, i) => {
    if (a.omit) return;
    let text = `${a.name}=`;
    for (let j = i + 2; j < all.length; j += 2) {
      const b = all[j]!;
      if (b.omit || b.lo !== a.lo || b.hi !== a.hi || b.negative !== a.negative) continue;
      b.omit = true;
      text += `${b.name}=`;
    }
    out.push(text + (a.name[0] === 's' ? signed(a.lo, a.hi) : unsigned(a.lo, a.hi)));
  });
  return out;
}

/** One register as the kernel prints it: `scalar(umax=255,var_off=(0x0; 0xff))`, `map_value(map=m,ks=4,vs=8)`, `fp-8`. */
export function formatReg(env: Env, frame: Frame, r: Readonly<Reg>): string {
  const { type } = r;
  const precise = type === KIND.SCALAR && r.precise ? 'P' : '';
  if (type === KIND.SCALAR && tnum.isConst(r)) return precise + signed(r.vLo, r.vHi);
  let head = precise + typeName(type);
  const kind = kindOf(type);
  if (type === KIND.STACK) {
    if (frame.frameno !== r.frame) head += `[${r.frame}]`;
    if (tnum.isConst(r)) {
      const value = toDouble(r.vLo, r.vHi) + r.off;
      return head + signed(value | 0, value < 0 ? -1 : 0);
    }
  }
  if (kind === KIND.BTF_ID)
    head += (r.aux2 === 1 ? env.program.objectBtf : env.kernelBtf)?.type(r.aux).name ?? `#${r.aux}`;
  if (type === KIND.ARENA) return head;
  const parts: string[] = [];
  if (r.id !== 0) {
    const delta = r.id & ADD_CONST ? (r.off >= 0 ? `+${r.off}` : String(r.off)) : '';
    parts.push(`id=${r.id & ~ADD_CONST}${delta}`);
  }
  if (r.refObjId !== 0) parts.push(`ref_obj_id=${r.refObjId}`);
  if (type & FLAG.NON_OWN_REF) parts.push('non_own_ref');
  if (kind === KIND.MAP_PTR || kind === KIND.MAP_KEY || kind === KIND.MAP_VALUE) {
    const { spec } = env.map(r.aux);
    if (spec.name) parts.push(`map=${spec.name}`);
    parts.push(`ks=${spec.keySize}`, `vs=${spec.valueSize}`);
  }
  if (type !== KIND.SCALAR && r.off !== 0) parts.push(`off=${signed(r.off, r.off >> 31)}`);
  if (isPacket(type)) parts.push(`r=${unsigned(r.aux, r.aux >> 31)}`);
  if (kind === KIND.MEM) parts.push(`sz=${unsigned(r.aux, 0)}`);
  if (type === KIND.DYNPTR) parts.push(`type=${dynptrTypeName(r.aux)}`);
  if (tnum.isConst(r)) {
    if ((r.vLo | r.vHi) !== 0) parts.push(`imm=${signed(r.vLo, r.vHi)}`);
  } else {
    parts.push(...ranges(r));
    if (!tnum.isUnknown(r)) parts.push(`var_off=${tnum.format(r)}`);
  }
  return `${head}(${parts.join(',')})`;
}

/** Registers and stack of a frame: all of them, or those that changed. */
export function formatState(env: Env, frame: Frame, all: boolean): string {
  let out = frame.frameno ? ` frame${frame.frameno}:` : '';
  for (let i = 0; i < 11; i++) {
    const r = frame.regs[i]!;
    if (r.type === KIND.NOT_INIT || (!all && !((env.scratchRegs >> i) & 1))) continue;
    out += ` R${i}=${formatReg(env, frame, r)}`;
  }
  for (let slot = 0; slot < frame.kinds.length; slot++) {
    if (!all && !env.scratchSlots.has(slot)) continue;
    const kinds = frame.kinds[slot]!;
    if (kinds === 0) continue;
    let letters = '';
    for (let i = 0; i < 8; i++) letters += BYTE_LETTERS[(kinds >> (i * 4)) & 7];
    const name = ` fp${(-slot - 1) * 8}=`;
    const top = kinds >>> 28;
    const r = frame.spills[slot]!;
    if (top === BYTE.SPILL) {
      out += `${name}${letters.slice(0, letters.indexOf('r'))}${formatReg(env, frame, r)}`;
    } else if (top === BYTE.DYNPTR) {
      slot++;
      const first = frame.spills[slot]!;
      const parts = [first.id ? `id=${first.id}` : '', first.refObjId ? `ref_id=${first.refObjId}` : ''];
      out += ` fp${(-slot - 1) * 8}=dynptr_${dynptrTypeName(first.aux)}(${parts.filter(Boolean).join(',')})`;
    } else if (top === BYTE.ITER) {
      if (r.refObjId === 0) continue;
      const states = ['<invalid>', 'active', 'drained'];
      out += `${name}${(env.kernelBtf?.type(r.aux).name ?? 'bpf_iter_num').replace(/^bpf_/, '')}(ref_id=${r.refObjId},state=${states[r.off]},depth=${r.aux2})`;
    } else out += name + letters;
  }
  const refs = env.state.refs.filter((r) => r.id !== 0);
  if (refs.length > 0) out += ` refs=${refs.map((r) => r.id).join(',')}`;
  if (frame.inCallback) out += ' cb';
  if (frame.inAsyncCallback) out += ' async_cb';
  return out;
}

function clearScratch(env: Env): void {
  env.scratchRegs = 0;
  env.scratchSlots.clear();
}

function alignment(length: number): number {
  return Math.ceil(Math.max(length + 4, 40) / 8) * 8 - length - 1;
}

/** What the last instruction changed: on its line if nothing came between, else on one of its own. */
function printChanges(env: Env, next: number): void {
  if (env.scratchRegs === 0 && env.scratchSlots.size === 0) return;
  const text = formatState(env, env.frame, false);
  if (env.lineOpen === env.log.length && env.log.length > 0) {
    const line = env.log[env.log.length - 1]!;
    env.log[env.log.length - 1] = `${line}${' '.repeat(alignment(line.length))};${text}`;
  } else env.say(`${next}:${text}`);
  clearScratch(env);
}

export function printInsn(env: Env, i: number): void {
  printChanges(env, i);
  const line = lineAt(env, i);
  if (line !== undefined) env.say(`; ${line}`);
  const { code } = env.program;
  const insn = {
    opcode: code.opcode[i]!,
    dst: code.dst[i]!,
    src: code.src[i]!,
    off: code.off[i]!,
    imm: code.imm[i]!,
    ...(code.opcode[i] === OP_LD_IMM64 ? { immHi: code.imm[i + 1] ?? 0 } : {}),
  };
  env.say(`${i}: ${insnText(insn, env.names)}`);
  env.lineOpen = env.log.length;
}

/** Source text of the instruction, where it is another line than the one printed last (two columns of one line are one line). */
function lineAt(env: Env, i: number): string | undefined {
  const { lines } = env.program.spec;
  let low = 0;
  let high = lines.length;
  while (low < high) {
    const mid = (low + high) >> 1;
    if (lines[mid]!.insn <= i) low = mid + 1;
    else high = mid;
  }
  const line = lines[low - 1];
  const { lastLine } = env;
  if (!line || line === lastLine) return undefined;
  env.lastLine = line;
  if (lastLine && line.line === lastLine.line && line.file === lastLine.file) return undefined;
  const file = line.file.slice(line.file.lastIndexOf('/') + 1);
  return `${line.text.trim()} @ ${file}:${line.line}`;
}

/** A path taken up again. */
export function printPath(env: Env, i: number): void {
  env.say('');
  env.say(`from ${env.previousInsn} to ${i}:${formatState(env, env.frame, true)}`);
  clearScratch(env);
  env.lineOpen = -1;
}

export function printPrune(env: Env, i: number, newPath: boolean): void {
  if (newPath) {
    env.say('');
    env.say(`from ${env.previousInsn} to ${i}: safe`);
  } else {
    printChanges(env, i);
    env.say(`${i}: safe`);
  }
}

export function printState(env: Env): void {
  env.say(`returning from callee:`);
  env.say(`to caller at ${env.frame.frameno}:${formatState(env, env.frame, true)}`);
  clearScratch(env);
}
