/**
 * Is this byte string a program at all? Structure only: known opcodes, registers that exist, reserved fields that are
 * zero, jumps that land on instructions of the same function, no way to fall off an end. Engines refuse to prepare, and
 * the verifier to walk, what fails here, so all of them say the same reason at the same pc.
 *
 * RFC 9669; the rules and their order follow what the kernel enforces in kernel/bpf/verifier.c (resolve_pseudo_ldimm64,
 * check_subprogs, do_check). Not here, because RFC 9669 defines them: shift amounts (masked) and division by zero.
 */
import type { DecodedProgram } from './insn.ts';
import { decode, INSN_SIZE } from './insn.ts';
import {
  ALU,
  ALU_OPS,
  ATOMIC_FETCH,
  ATOMIC_OPS,
  CALL,
  CLASS,
  JMP_OPS,
  MODE,
  OP_CALL,
  OP_EXIT,
  OP_GOTOL,
  OP_JA,
  OP_LD_IMM64,
  OP_MAY_GOTO,
  PSEUDO,
  REG_COUNT,
  REG_FP,
  SIZE,
  SRC,
} from './ops.ts';

export interface StructureIssue {
  /** Slot index of the offending instruction. */
  readonly pc: number;
  readonly reason: string;
}

/** Most slots a program may have (kernel: BPF_COMPLEXITY_LIMIT_INSNS). */
export const MAX_SLOTS = 1_000_000;

const ALU_NAME = new Map<number, string>(ALU_OPS.map((r) => [r.code, r.name]));
const JMP_ROW = new Map<number, (typeof JMP_OPS)[number]>(JMP_OPS.map((r) => [r.code, r]));
const ATOMIC_ROW = new Map<number, (typeof ATOMIC_OPS)[number]>(ATOMIC_OPS.map((r) => [r.imm, r]));

/** What is wrong with a program, or undefined. */
export function checkBytes(bytes: Uint8Array): StructureIssue | undefined {
  return lengthIssue(bytes) ?? checkStructure(decode(bytes));
}

/** What is wrong with a program's length in bytes: what is right can be decoded. */
export function lengthIssue(bytes: Uint8Array): StructureIssue | undefined {
  if (bytes.length % INSN_SIZE === 0) return undefined;
  const pc = Math.floor(bytes.length / INSN_SIZE);
  return { pc, reason: `program of ${bytes.length} bytes is not a whole number of 8-byte instructions` };
}

/** What is wrong with a decoded program, or undefined: the issue at the lowest pc, fields before control flow. */
export function checkStructure(p: DecodedProgram): StructureIssue | undefined {
  if (p.length === 0) return { pc: 0, reason: 'program is empty' };
  if (p.length > MAX_SLOTS)
    return { pc: MAX_SLOTS, reason: `program of ${p.length} instructions: at most ${MAX_SLOTS} are allowed` };
  for (let pc = 0; pc < p.length; pc++) {
    const reason = fieldIssue(p, pc);
    if (reason !== undefined) return { pc, reason };
    if (p.opcode[pc] === OP_LD_IMM64) pc++;
  }
  return flowIssue(p);
}

/** Which slots begin an instruction (0 for the second half of ld_imm64). */
export function insnStarts(p: DecodedProgram): Uint8Array {
  const starts = new Uint8Array(p.length);
  for (let pc = 0; pc < p.length; pc++) {
    starts[pc] = 1;
    if (p.opcode[pc] === OP_LD_IMM64) pc++;
  }
  return starts;
}

/**
 * Slots where functions begin, ascending: 0, and the targets of local calls and of `ld_imm64 func`. A function reaches
 * to the next start. Targets out of range are left out.
 */
export function functionStarts(p: DecodedProgram): number[] {
  const starts = new Set([0]);
  for (let pc = 0; pc < p.length; pc++) {
    const opcode = p.opcode[pc]!;
    if (opcode !== OP_CALL && opcode !== OP_LD_IMM64) continue;
    const target = functionTarget(p, pc);
    if (target !== undefined && target >= 0 && target < p.length) starts.add(target);
    if (opcode === OP_LD_IMM64) pc++;
  }
  return [...starts].sort((a, b) => a - b);
}

/** The function that the instruction at `pc` calls or takes the address of. */
export function functionTarget(p: DecodedProgram, pc: number): number | undefined {
  const local = p.opcode[pc] === OP_CALL && p.src[pc] === CALL.local;
  const address = p.opcode[pc] === OP_LD_IMM64 && p.src[pc] === PSEUDO.func;
  return local || address ? pc + 1 + p.imm[pc]! : undefined;
}

/** Where the jump at `pc` goes when taken, or undefined when it is no jump. */
export function jumpTarget(p: DecodedProgram, pc: number): number | undefined {
  const opcode = p.opcode[pc]!;
  if (opcode === OP_GOTOL) return pc + 1 + p.imm[pc]!;
  const cls = opcode & 7;
  if (cls !== CLASS.JMP && cls !== CLASS.JMP32) return undefined;
  if (opcode === OP_CALL || opcode === OP_EXIT) return undefined;
  return pc + 1 + p.off[pc]!;
}

function fieldIssue(p: DecodedProgram, pc: number): string | undefined {
  const opcode = p.opcode[pc]!;
  const dst = p.dst[pc]!;
  const src = p.src[pc]!;
  if (!isKnown(opcode)) return `unknown opcode 0x${opcode.toString(16).padStart(2, '0')}`;
  if (dst >= REG_COUNT) return `register r${dst} does not exist`;
  // The src field is a kind, not a register, in calls and ld_imm64.
  if (src >= REG_COUNT && opcode !== OP_CALL && opcode !== OP_LD_IMM64) return `register r${src} does not exist`;
  switch (opcode & 7) {
    case CLASS.ALU:
    case CLASS.ALU64:
      return aluIssue(p, pc);
    case CLASS.LD:
      return loadIssue(p, pc);
    case CLASS.LDX:
      if (p.imm[pc] !== 0) return reserved('imm');
      return writable(dst);
    case CLASS.ST:
      return src !== 0 ? reserved('src') : undefined;
    case CLASS.STX:
      return (opcode & 0xe0) === MODE.ATOMIC ? atomicIssue(p, pc) : p.imm[pc] !== 0 ? reserved('imm') : undefined;
    default:
      return jumpIssue(p, pc);
  }
}

/** Is the opcode byte one of the table's? */
function isKnown(opcode: number): boolean {
  const cls = opcode & 7;
  const x = (opcode & SRC.X) !== 0;
  if (cls === CLASS.ALU || cls === CLASS.ALU64) {
    const name = ALU_NAME.get(opcode & 0xf0);
    if (name === undefined || (name === 'neg' && x)) return false;
    return name !== 'end' || !x || cls !== CLASS.ALU64;
  }
  if (cls === CLASS.JMP || cls === CLASS.JMP32) {
    const row = JMP_ROW.get(opcode & 0xf0);
    if (row === undefined || row.cond) return row !== undefined;
    // ja exists in both classes; call, exit and may_goto in JMP only; none takes a register.
    return !x && (cls !== CLASS.JMP32 || row.name === 'ja');
  }
  const mode = opcode & 0xe0;
  const size = opcode & 0x18;
  if (cls === CLASS.LD) return opcode === OP_LD_IMM64 || ((mode === MODE.ABS || mode === MODE.IND) && size !== SIZE.DW);
  if (cls === CLASS.LDX) return mode === MODE.MEM || (mode === MODE.MEMSX && size !== SIZE.DW);
  return mode === MODE.MEM || (cls === CLASS.STX && mode === MODE.ATOMIC);
}

function aluIssue(p: DecodedProgram, pc: number): string | undefined {
  const opcode = p.opcode[pc]!;
  const op = opcode & 0xf0;
  const wide = (opcode & 7) === CLASS.ALU64;
  const off = p.off[pc]!;
  const imm = p.imm[pc]!;
  if (op === ALU.end) {
    if (p.src[pc] !== 0) return reserved('src');
    if (off !== 0) return reserved('off');
    if (imm !== 16 && imm !== 32 && imm !== 64) return `byte order width ${imm} is not 16, 32 or 64`;
    return writable(p.dst[pc]!);
  }
  if (op === ALU.neg) {
    if (p.src[pc] !== 0) return reserved('src');
    if (imm !== 0) return reserved('imm');
    return off !== 0 ? reserved('off') : writable(p.dst[pc]!);
  }
  const x = (opcode & SRC.X) !== 0;
  if (x ? imm !== 0 : p.src[pc] !== 0) {
    if (op === ALU.mov && x && wide && off === 1) return 'address space casts (arena) are not supported';
    return reserved(x ? 'imm' : 'src');
  }
  const signed = (op === ALU.div || op === ALU.mod) && off === 1;
  const extends_ = op === ALU.mov && x && (off === 8 || off === 16 || (off === 32 && wide));
  if (off !== 0 && !signed && !extends_) return reserved('off');
  return writable(p.dst[pc]!);
}

function loadIssue(p: DecodedProgram, pc: number): string | undefined {
  const opcode = p.opcode[pc]!;
  if (p.off[pc] !== 0) return reserved('off');
  if (opcode !== OP_LD_IMM64) {
    if (p.dst[pc] !== 0) return reserved('dst');
    return (opcode & 0xe0) === MODE.ABS && p.src[pc] !== 0 ? reserved('src') : undefined;
  }
  if (pc + 1 >= p.length) return 'ld_imm64 lacks its second slot';
  if (p.opcode[pc + 1] !== 0 || p.dst[pc + 1] !== 0 || p.src[pc + 1] !== 0 || p.off[pc + 1] !== 0) {
    return 'the second slot of ld_imm64 has fields other than imm';
  }
  const kind = p.src[pc]!;
  if (kind > PSEUDO.map_idx_value) return `ld_imm64 of unknown kind ${kind}`;
  const noUpper = kind === PSEUDO.map_fd || kind === PSEUDO.map_idx || kind === PSEUDO.func;
  if (noUpper && p.imm[pc + 1] !== 0) return 'the second imm of this ld_imm64 is reserved: it must be 0';
  return writable(p.dst[pc]!);
}

function atomicIssue(p: DecodedProgram, pc: number): string | undefined {
  const row = ATOMIC_ROW.get(p.imm[pc]!);
  if (row === undefined) return `unknown atomic operation 0x${(p.imm[pc]! >>> 0).toString(16)}`;
  const size = p.opcode[pc]! & 0x18;
  const ordered = row.name === 'load_acq' || row.name === 'store_rel';
  if (!ordered && size !== SIZE.W && size !== SIZE.DW) return `atomic ${row.name} works on 32 and 64 bits only`;
  if (row.name === 'load_acq') return writable(p.dst[pc]!);
  const fetches = (row.imm & ATOMIC_FETCH) !== 0 && row.name !== 'cmpxchg';
  return fetches ? writable(p.src[pc]!) : undefined;
}

function jumpIssue(p: DecodedProgram, pc: number): string | undefined {
  const opcode = p.opcode[pc]!;
  switch (opcode) {
    case OP_EXIT:
      return zero(p, pc, true, true, true, true);
    case OP_JA:
      return zero(p, pc, true, true, false, true);
    case OP_GOTOL:
      return zero(p, pc, true, true, true, false);
    case OP_MAY_GOTO:
      return zero(p, pc, true, true, false, true);
    case OP_CALL:
      if (p.src[pc]! > CALL.kfunc) return `call of unknown kind ${p.src[pc]}`;
      return zero(p, pc, true, false, p.src[pc] !== CALL.kfunc, false);
    default:
      return (opcode & SRC.X) !== 0 ? zero(p, pc, false, false, false, true) : zero(p, pc, false, true, false, false);
  }
}

/** The first of the fields named (dst, src, off, imm) that is not zero, as a reason. */
function zero(p: DecodedProgram, pc: number, dst: boolean, src: boolean, off: boolean, imm: boolean) {
  if (dst && p.dst[pc] !== 0) return reserved('dst');
  if (src && p.src[pc] !== 0) return reserved('src');
  if (off && p.off[pc] !== 0) return reserved('off');
  return imm && p.imm[pc] !== 0 ? reserved('imm') : undefined;
}

function reserved(field: string): string {
  return `reserved field ${field} is not zero`;
}

function writable(register: number): string | undefined {
  return register === REG_FP ? 'frame pointer r10 is read only' : undefined;
}

/** Jumps and calls land on instructions; jumps stay inside their function; no function ends by running on. */
function flowIssue(p: DecodedProgram): StructureIssue | undefined {
  const starts = insnStarts(p);
  const land = (target: number, what: string): string | undefined => {
    if (target < 0 || target >= p.length)
      return `${what} to ${target} is out of range: the program has ${p.length} instructions`;
    if (starts[target] === 0) return `${what} to ${target} goes into the middle of ld_imm64`;
    return undefined;
  };
  for (let pc = 0; pc < p.length; pc++) {
    const opcode = p.opcode[pc]!;
    if (opcode !== OP_CALL && opcode !== OP_LD_IMM64) continue;
    const target = functionTarget(p, pc);
    const reason = target === undefined ? undefined : land(target, opcode === OP_CALL ? 'call' : 'function address');
    if (reason !== undefined) return { pc, reason };
    if (opcode === OP_LD_IMM64) pc++;
  }
  const functions = functionStarts(p);
  for (let f = 0; f < functions.length; f++) {
    const from = functions[f]!;
    const end = functions[f + 1] ?? p.length;
    let last = from;
    for (let pc = from; pc < end; pc++) {
      last = pc;
      const jumps = (p.opcode[pc]! & 7) === CLASS.JMP || (p.opcode[pc]! & 7) === CLASS.JMP32;
      const target = jumps ? jumpTarget(p, pc) : undefined;
      if (target !== undefined) {
        const reason = land(target, 'jump');
        if (reason !== undefined) return { pc, reason };
        if (target < from || target >= end)
          return { pc, reason: `jump to ${target} leaves the function (${from} to ${end - 1})` };
      }
      if (p.opcode[pc] === OP_LD_IMM64) pc++;
    }
    const opcode = p.opcode[last];
    if (opcode !== OP_EXIT && opcode !== OP_JA && opcode !== OP_GOTOL) {
      return { pc: last, reason: 'control falls off the end: the last instruction is neither exit nor goto' };
    }
  }
  return undefined;
}

/** Does the opcode compare and jump? */
export function isConditionalJump(opcode: number): boolean {
  const cls = opcode & 7;
  return (cls === CLASS.JMP || cls === CLASS.JMP32) && JMP_ROW.get(opcode & 0xf0)?.cond === true;
}
