/**
 * The kernel's instruction macros as functions, so that a program can be typed as an array (include/linux/filter.h,
 * tools/include/linux/filter.h, samples/bpf/bpf_insn.h). Names and argument order are the kernel's, letter for letter;
 * constants that macros take are below under their kernel names. `encode` of insn.ts turns the array into bytes.
 *
 * BPF_LD_IMM64 and the BPF_LD_MAP_* forms stand for two slots and are one element here; offsets still count slots.
 */
import type { Insn } from './insn.ts';
import {
  ALU,
  ATOMIC,
  ATOMIC_FETCH,
  CALL,
  CLASS,
  JMP,
  MODE,
  OP_CALL,
  OP_EXIT,
  OP_LD_IMM64,
  PSEUDO,
  SIZE,
  SRC,
} from './ops.ts';

export const BPF_REG_0 = 0;
export const BPF_REG_1 = 1;
export const BPF_REG_2 = 2;
export const BPF_REG_3 = 3;
export const BPF_REG_4 = 4;
export const BPF_REG_5 = 5;
export const BPF_REG_6 = 6;
export const BPF_REG_7 = 7;
export const BPF_REG_8 = 8;
export const BPF_REG_9 = 9;
export const BPF_REG_10 = 10;
export const MAX_BPF_REG = 11;
export const BPF_REG_ARG1 = BPF_REG_1;
export const BPF_REG_ARG2 = BPF_REG_2;
export const BPF_REG_ARG3 = BPF_REG_3;
export const BPF_REG_ARG4 = BPF_REG_4;
export const BPF_REG_ARG5 = BPF_REG_5;
export const BPF_REG_CTX = BPF_REG_6;
export const BPF_REG_FP = BPF_REG_10;

export const BPF_LD = CLASS.LD;
export const BPF_LDX = CLASS.LDX;
export const BPF_ST = CLASS.ST;
export const BPF_STX = CLASS.STX;
export const BPF_ALU = CLASS.ALU;
export const BPF_JMP = CLASS.JMP;
export const BPF_JMP32 = CLASS.JMP32;
export const BPF_ALU64 = CLASS.ALU64;

export const BPF_W = SIZE.W;
export const BPF_H = SIZE.H;
export const BPF_B = SIZE.B;
export const BPF_DW = SIZE.DW;

export const BPF_IMM = MODE.IMM;
export const BPF_ABS = MODE.ABS;
export const BPF_IND = MODE.IND;
export const BPF_MEM = MODE.MEM;
export const BPF_MEMSX = MODE.MEMSX;
export const BPF_ATOMIC = MODE.ATOMIC;
/** The old name of BPF_ATOMIC, when add was the only one. */
export const BPF_XADD = MODE.ATOMIC;

export const BPF_K = SRC.K;
export const BPF_X = SRC.X;

export const BPF_ADD = ALU.add;
export const BPF_SUB = ALU.sub;
export const BPF_MUL = ALU.mul;
export const BPF_DIV = ALU.div;
export const BPF_OR = ALU.or;
export const BPF_AND = ALU.and;
export const BPF_LSH = ALU.lsh;
export const BPF_RSH = ALU.rsh;
export const BPF_NEG = ALU.neg;
export const BPF_MOD = ALU.mod;
export const BPF_XOR = ALU.xor;
export const BPF_MOV = ALU.mov;
export const BPF_ARSH = ALU.arsh;
export const BPF_END = ALU.end;

export const BPF_TO_LE = SRC.K;
export const BPF_TO_BE = SRC.X;
export const BPF_FROM_LE = BPF_TO_LE;
export const BPF_FROM_BE = BPF_TO_BE;

export const BPF_JA = JMP.ja;
export const BPF_JEQ = JMP.jeq;
export const BPF_JGT = JMP.jgt;
export const BPF_JGE = JMP.jge;
export const BPF_JSET = JMP.jset;
export const BPF_JNE = JMP.jne;
export const BPF_JSGT = JMP.jsgt;
export const BPF_JSGE = JMP.jsge;
export const BPF_CALL = JMP.call;
export const BPF_EXIT = JMP.exit;
export const BPF_JLT = JMP.jlt;
export const BPF_JLE = JMP.jle;
export const BPF_JSLT = JMP.jslt;
export const BPF_JSLE = JMP.jsle;
export const BPF_JCOND = JMP.jcond;

export const BPF_FETCH = ATOMIC_FETCH;
export const BPF_XCHG = ATOMIC.xchg;
export const BPF_CMPXCHG = ATOMIC.cmpxchg;
export const BPF_LOAD_ACQ = ATOMIC.load_acq;
export const BPF_STORE_REL = ATOMIC.store_rel;

export const BPF_PSEUDO_MAP_FD = PSEUDO.map_fd;
export const BPF_PSEUDO_MAP_VALUE = PSEUDO.map_value;
export const BPF_PSEUDO_BTF_ID = PSEUDO.btf_id;
export const BPF_PSEUDO_FUNC = PSEUDO.func;
export const BPF_PSEUDO_MAP_IDX = PSEUDO.map_idx;
export const BPF_PSEUDO_MAP_IDX_VALUE = PSEUDO.map_idx_value;
export const BPF_PSEUDO_CALL = CALL.local;
export const BPF_PSEUDO_KFUNC_CALL = CALL.kfunc;

/** Parts of an opcode byte, as the kernel's macros take them out. */
export const BPF_CLASS = (code: number): number => code & 0x07;
export const BPF_SIZE = (code: number): number => code & 0x18;
export const BPF_MODE = (code: number): number => code & 0xe0;
export const BPF_OP = (code: number): number => code & 0xf0;
export const BPF_SRC = (code: number): number => code & 0x08;

/** Any instruction from its five fields. imm may be given unsigned (0xffffffff). */
export function BPF_RAW_INSN(code: number, dst: number, src: number, off: number, imm: number): Insn {
  return { opcode: code & 0xff, dst, src, off: (off << 16) >> 16, imm: imm | 0 };
}

// dst OP= src, dst OP= imm. `off` 1 makes division and modulo signed.
export const BPF_ALU64_REG = (op: number, dst: number, src: number): Insn => BPF_ALU64_REG_OFF(op, dst, src, 0);
export const BPF_ALU32_REG = (op: number, dst: number, src: number): Insn => BPF_ALU32_REG_OFF(op, dst, src, 0);
export const BPF_ALU64_IMM = (op: number, dst: number, imm: number): Insn => BPF_ALU64_IMM_OFF(op, dst, imm, 0);
export const BPF_ALU32_IMM = (op: number, dst: number, imm: number): Insn => BPF_ALU32_IMM_OFF(op, dst, imm, 0);
export const BPF_ALU64_REG_OFF = (op: number, dst: number, src: number, off: number): Insn =>
  BPF_RAW_INSN(BPF_ALU64 | BPF_OP(op) | BPF_X, dst, src, off, 0);
export const BPF_ALU32_REG_OFF = (op: number, dst: number, src: number, off: number): Insn =>
  BPF_RAW_INSN(BPF_ALU | BPF_OP(op) | BPF_X, dst, src, off, 0);
export const BPF_ALU64_IMM_OFF = (op: number, dst: number, imm: number, off: number): Insn =>
  BPF_RAW_INSN(BPF_ALU64 | BPF_OP(op) | BPF_K, dst, 0, off, imm);
export const BPF_ALU32_IMM_OFF = (op: number, dst: number, imm: number, off: number): Insn =>
  BPF_RAW_INSN(BPF_ALU | BPF_OP(op) | BPF_K, dst, 0, off, imm);
export const BPF_NEG64_REG = (dst: number): Insn => BPF_RAW_INSN(BPF_ALU64 | BPF_NEG, dst, 0, 0, 0);
export const BPF_NEG32_REG = (dst: number): Insn => BPF_RAW_INSN(BPF_ALU | BPF_NEG, dst, 0, 0, 0);

/** Byte order: `type` is BPF_TO_LE or BPF_TO_BE, `len` 16, 32 or 64. */
export const BPF_ENDIAN = (type: number, dst: number, len: number): Insn =>
  BPF_RAW_INSN(BPF_ALU | BPF_END | BPF_SRC(type), dst, 0, 0, len);
export const BPF_BSWAP = (dst: number, len: number): Insn => BPF_RAW_INSN(BPF_ALU64 | BPF_END, dst, 0, 0, len);

export const BPF_MOV64_REG = (dst: number, src: number): Insn =>
  BPF_RAW_INSN(BPF_ALU64 | BPF_MOV | BPF_X, dst, src, 0, 0);
export const BPF_MOV32_REG = (dst: number, src: number): Insn =>
  BPF_RAW_INSN(BPF_ALU | BPF_MOV | BPF_X, dst, src, 0, 0);
export const BPF_MOV64_IMM = (dst: number, imm: number): Insn =>
  BPF_RAW_INSN(BPF_ALU64 | BPF_MOV | BPF_K, dst, 0, 0, imm);
export const BPF_MOV32_IMM = (dst: number, imm: number): Insn =>
  BPF_RAW_INSN(BPF_ALU | BPF_MOV | BPF_K, dst, 0, 0, imm);
/** Sign-extending moves: `off` is the width, 8, 16 or (64 bits only) 32. */
export const BPF_MOVSX64_REG = (dst: number, src: number, off: number): Insn =>
  BPF_RAW_INSN(BPF_ALU64 | BPF_MOV | BPF_X, dst, src, off, 0);
export const BPF_MOVSX32_REG = (dst: number, src: number, off: number): Insn =>
  BPF_RAW_INSN(BPF_ALU | BPF_MOV | BPF_X, dst, src, off, 0);
export const BPF_MOV64_RAW = (type: number, dst: number, src: number, imm: number): Insn =>
  BPF_RAW_INSN(BPF_ALU64 | BPF_MOV | BPF_SRC(type), dst, src, 0, imm);
export const BPF_MOV32_RAW = (type: number, dst: number, src: number, imm: number): Insn =>
  BPF_RAW_INSN(BPF_ALU | BPF_MOV | BPF_SRC(type), dst, src, 0, imm);
/** Explicit zero extension, as the verifier inserts it: a 32-bit move of a register to itself with imm 1. */
export const BPF_ZEXT_REG = (dst: number): Insn => BPF_RAW_INSN(BPF_ALU | BPF_MOV | BPF_X, dst, dst, 0, 1);

/** The 64 bits of `imm` (a number is taken as it is, negative ones sign-extended). */
export const BPF_LD_IMM64 = (dst: number, imm: number | bigint): Insn => BPF_LD_IMM64_RAW(dst, 0, imm);
export function BPF_LD_IMM64_RAW(dst: number, src: number, imm: number | bigint): Insn {
  const value = BigInt.asUintN(64, BigInt(imm));
  const [lo, hi] = [Number(BigInt.asIntN(32, value)), Number(BigInt.asIntN(32, value >> 32n))];
  return { opcode: OP_LD_IMM64, dst, src, off: 0, imm: lo, immHi: hi };
}
export const BPF_LD_MAP_FD = (dst: number, mapFd: number): Insn => BPF_LD_IMM64_RAW(dst, BPF_PSEUDO_MAP_FD, mapFd);
/** Address of value 0 of an array map, plus `valueOff`. */
export const BPF_LD_MAP_VALUE = (dst: number, mapFd: number, valueOff: number): Insn => ({
  opcode: OP_LD_IMM64,
  dst,
  src: BPF_PSEUDO_MAP_VALUE,
  off: 0,
  imm: mapFd | 0,
  immHi: valueOff | 0,
});
/** Address of the BPF function `target` slots after the next instruction's first slot (that is, relative to pc + 1). */
export const BPF_LD_FUNC = (dst: number, target: number): Insn => ({
  opcode: OP_LD_IMM64,
  dst,
  src: BPF_PSEUDO_FUNC,
  off: 0,
  imm: target | 0,
  immHi: 0,
});

// Packet loads: r0 = *(size *)skb[imm], skb[src + imm].
export const BPF_LD_ABS = (size: number, imm: number): Insn =>
  BPF_RAW_INSN(BPF_LD | BPF_SIZE(size) | BPF_ABS, 0, 0, 0, imm);
export const BPF_LD_IND = (size: number, src: number, imm: number): Insn =>
  BPF_RAW_INSN(BPF_LD | BPF_SIZE(size) | BPF_IND, 0, src, 0, imm);

export const BPF_LDX_MEM = (size: number, dst: number, src: number, off: number): Insn =>
  BPF_RAW_INSN(BPF_LDX | BPF_SIZE(size) | BPF_MEM, dst, src, off, 0);
export const BPF_LDX_MEMSX = (size: number, dst: number, src: number, off: number): Insn =>
  BPF_RAW_INSN(BPF_LDX | BPF_SIZE(size) | BPF_MEMSX, dst, src, off, 0);
export const BPF_STX_MEM = (size: number, dst: number, src: number, off: number): Insn =>
  BPF_RAW_INSN(BPF_STX | BPF_SIZE(size) | BPF_MEM, dst, src, off, 0);
export const BPF_ST_MEM = (size: number, dst: number, off: number, imm: number): Insn =>
  BPF_RAW_INSN(BPF_ST | BPF_SIZE(size) | BPF_MEM, dst, 0, off, imm);

/** `op` is BPF_ADD, BPF_AND, BPF_OR, BPF_XOR (with BPF_FETCH or not), BPF_XCHG, BPF_CMPXCHG, BPF_LOAD_ACQ, BPF_STORE_REL. */
export const BPF_ATOMIC_OP = (size: number, op: number, dst: number, src: number, off: number): Insn =>
  BPF_RAW_INSN(BPF_STX | BPF_SIZE(size) | BPF_ATOMIC, dst, src, off, op);
export const BPF_STX_XADD = (size: number, dst: number, src: number, off: number): Insn =>
  BPF_ATOMIC_OP(size, BPF_ADD, dst, src, off);

// if (dst OP src) goto pc + off, counted from the next instruction.
export const BPF_JMP_REG = (op: number, dst: number, src: number, off: number): Insn =>
  BPF_RAW_INSN(BPF_JMP | BPF_OP(op) | BPF_X, dst, src, off, 0);
export const BPF_JMP_IMM = (op: number, dst: number, imm: number, off: number): Insn =>
  BPF_RAW_INSN(BPF_JMP | BPF_OP(op) | BPF_K, dst, 0, off, imm);
export const BPF_JMP32_REG = (op: number, dst: number, src: number, off: number): Insn =>
  BPF_RAW_INSN(BPF_JMP32 | BPF_OP(op) | BPF_X, dst, src, off, 0);
export const BPF_JMP32_IMM = (op: number, dst: number, imm: number, off: number): Insn =>
  BPF_RAW_INSN(BPF_JMP32 | BPF_OP(op) | BPF_K, dst, 0, off, imm);
export const BPF_JMP_A = (off: number): Insn => BPF_RAW_INSN(BPF_JMP | BPF_JA, 0, 0, off, 0);
/** gotol: the distance is 32 bits wide. */
export const BPF_JMP32_A = (imm: number): Insn => BPF_RAW_INSN(BPF_JMP32 | BPF_JA, 0, 0, 0, imm);
export const BPF_MAY_GOTO_INSN = (off: number): Insn => BPF_RAW_INSN(BPF_JMP | BPF_JCOND, 0, 0, off, 0);

/** Call of a helper by id (what BPF_RAW_INSN(BPF_JMP | BPF_CALL, 0, 0, 0, id) says). */
export const BPF_EMIT_CALL = (helper: number): Insn => BPF_RAW_INSN(OP_CALL, 0, 0, 0, helper);
/** Call of a BPF function of this program, `target` slots after the next instruction. */
export const BPF_CALL_REL = (target: number): Insn => BPF_RAW_INSN(OP_CALL, 0, BPF_PSEUDO_CALL, 0, target);
export const BPF_CALL_KFUNC = (off: number, btfId: number): Insn =>
  BPF_RAW_INSN(OP_CALL, 0, BPF_PSEUDO_KFUNC_CALL, off, btfId);
export const BPF_EXIT_INSN = (): Insn => BPF_RAW_INSN(OP_EXIT, 0, 0, 0, 0);
