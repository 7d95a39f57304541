/**
 * Programs as the TypeScript interpreter wants them: one Int32Array, the *image*, which holds registers, constants and
 * code, in this order. One array instead of three saves V8 a load and a bounds check at each access.
 *
 * An instruction takes two numbers: operation | d << 8 | s << 16, where d and s are indices into the image, and an offset,
 * jump target or the like. One such entry a slot, so that a slot's entry is found by a shift. Immediates are indices
 * of constants, so `r1 += 5` and `r1 += r2` are one operation; variants that the instruction set hides in off or imm
 * (sdiv, movsx, byte-order widths, atomics) get operations of their own. Operations are numbered densely: V8 then
 * compiles the switch to a jump table.
 */
import type { DecodedProgram } from '../isa/insn.ts';
import {
  ALU,
  ALU_OPS,
  ALU_VARIANTS,
  type AluOp,
  ATOMIC,
  CALL,
  CLASS,
  type CondOp,
  JMP_OPS,
  MODE,
  OP_CALL,
  OP_EXIT,
  OP_GOTOL,
  OP_JA,
  OP_LD_IMM64,
  OP_MAY_GOTO,
  PSEUDO,
  SIZE,
  SIZES,
  SRC,
} from '../isa/ops.ts';
import { FUNCTION_HI, FUNCTION_LO, HELPER_TAIL_CALL } from './layout.ts';

type AluVariant = (typeof ALU_VARIANTS)[number]['name'];
/** `neg` and `end` are not binary; `end` has a row of its own below. */
type AluName = Exclude<AluOp, 'end'> | AluVariant;

/** Operation numbers. The interpreter's switch must have a case for each of them: its `never` check says so. */
// biome-ignore format: a table
export const ALU64_CODE = {
  add: 1, sub: 2, mul: 3, div: 4, or: 5, and: 6, lsh: 7, rsh: 8, neg: 9, mod: 10, xor: 11, mov: 12, arsh: 13,
  sdiv: 14, smod: 15, movsx8: 16, movsx16: 17, movsx32: 18,
} as const satisfies Record<AluName, number>;
// biome-ignore format: a table
export const ALU32_CODE = {
  add: 19, sub: 20, mul: 21, div: 22, or: 23, and: 24, lsh: 25, rsh: 26, neg: 27, mod: 28, xor: 29, mov: 30, arsh: 31,
  sdiv: 32, smod: 33, movsx8: 34, movsx16: 35,
} as const satisfies Record<Exclude<AluName, 'movsx32'>, number>;
export const END_CODE = { le16: 36, le32: 37, le64: 38, swap16: 39, swap32: 40, swap64: 41 } as const;
// biome-ignore format: a table
export const JMP64_CODE = {
  jeq: 42, jgt: 43, jge: 44, jset: 45, jne: 46, jsgt: 47, jsge: 48, jlt: 49, jle: 50, jslt: 51, jsle: 52,
} as const satisfies Record<CondOp, number>;
// biome-ignore format: a table
export const JMP32_CODE = {
  jeq: 53, jgt: 54, jge: 55, jset: 56, jne: 57, jsgt: 58, jsge: 59, jlt: 60, jle: 61, jslt: 62, jsle: 63,
} as const satisfies Record<CondOp, number>;
type SizeName = (typeof SIZES)[number]['name'];
export const LDX_CODE = { B: 64, H: 65, W: 66, DW: 67 } as const satisfies Record<SizeName, number>;
export const LDSX_CODE = { B: 68, H: 69, W: 70 } as const satisfies Record<Exclude<SizeName, 'DW'>, number>;
export const ST_CODE = { B: 71, H: 72, W: 73, DW: 74 } as const satisfies Record<SizeName, number>;
// biome-ignore format: a table
export const CONTROL_CODE = {
  ja: 75, may_goto: 76, call_helper: 77, call_local: 78, call_kfunc: 79, tail_call: 80, exit: 81,
  atomic: 82, load_packet: 83, step: 84, scratch_low: 85, scratch_high: 86, unreachable: 0,
} as const;

type Values<T> = T[keyof T];
/** Every operation number: what the interpreter switches on. */
export type Operation =
  | Values<typeof ALU64_CODE>
  | Values<typeof ALU32_CODE>
  | Values<typeof END_CODE>
  | Values<typeof JMP64_CODE>
  | Values<typeof JMP32_CODE>
  | Values<typeof LDX_CODE>
  | Values<typeof LDSX_CODE>
  | Values<typeof ST_CODE>
  | Values<typeof CONTROL_CODE>;

export interface Predecoded {
  /** r0-r10 zero (low half, high half), constants, code. A run works on a copy. */
  readonly image: Int32Array;
  /** Index of slot 0's entry. Slot n is at codeStart + (n << shift). */
  readonly codeStart: number;
  /** 1; 2 in stepping mode, where a `step` entry stands before each instruction; 3 where constants have entries too. */
  readonly shift: number;
  /** Index of an `exit` that no jump of the program names. */
  readonly exitAt: number;
  /** Length in slots of the function that starts at a slot: what calling it costs. */
  readonly functionLength: ReadonlyMap<number, number>;
}

const SIZE_NAME = new Map<number, SizeName>(SIZES.map((r) => [r.code, r.name]));
const ALU_NAME = new Map<number, AluOp>(ALU_OPS.map((r) => [r.code, r.name]));
const JMP_NAME = new Map<number, string>(JMP_OPS.map((r) => [r.code, r.name]));

/** Number of halves that registers, the scratch register among them, take before the constants begin. */
export const REG_HALVES = 24;
/** Index of the scratch register that a program with very many constants loads them into. */
const SCRATCH = 22;

/** Most constants an image has room for: an operand index has 16 bits. */
const MOST_CONSTANTS = (65536 - REG_HALVES) >> 1;
const NOTHING = END_CODE.le64;

/** The program must have passed checkStructure. `functions` are the function starts, ascending. */
export function predecode(p: DecodedProgram, functions: readonly number[], stepping: boolean): Predecoded {
  return build(p, functions, stepping, false) ?? build(p, functions, stepping, true)!;
}

/**
 * `roomy`: constants are loaded into a scratch register before each instruction that has one. Slower, and has no limit.
 * Undefined when there are too many constants to do without.
 */
function build(
  p: DecodedProgram,
  functions: readonly number[],
  stepping: boolean,
  roomy: boolean,
): Predecoded | undefined {
  const shift = roomy ? 3 : stepping ? 2 : 1;
  const constants: number[] = [];
  // By the number where the upper half is the sign of the lower, which most are.
  const narrow = new Map<number, number>();
  const wide = new Map<string, number>();
  let pending: readonly [number, number] | undefined;
  const constant = (lo: number, hi: number): number => {
    if (roomy) {
      pending = [lo, hi];
      return SCRATCH;
    }
    const extended = hi === lo >> 31;
    const known = extended ? narrow.get(lo) : wide.get(`${lo},${hi}`);
    if (known !== undefined) return known;
    const at = REG_HALVES + constants.length;
    constants.push(lo, hi);
    if (extended) narrow.set(lo, at);
    else wide.set(`${lo},${hi}`, at);
    return at;
  };
  const functionLength = new Map(functions.map((from, f) => [from, (functions[f + 1] ?? p.length) - from]));
  // Jump targets are relative to codeStart, which is known once the constants are.
  const code = new Int32Array((p.length << shift) + 2);
  if (shift > 1) for (let at = 0; at < code.length; at += 2) code[at] = NOTHING;
  let at = 0;
  const put = (op: Operation, d: number, s: number, x: number) => {
    code[at] = op | (d << 8) | (s << 16);
    code[at + 1] = x;
    at += 2;
  };
  for (let pc = 0; pc < p.length; pc++) {
    at = pc << shift;
    if (stepping) put(CONTROL_CODE.step, 0, 0, 0);
    pending = undefined;
    const made = entry(p, pc, shift, constant, functionLength);
    if (pending) {
      put(CONTROL_CODE.scratch_low, 0, 0, pending[0]);
      put(CONTROL_CODE.scratch_high, 0, 0, pending[1]);
    }
    put(made[0], made[1], made[2], made[3]);
    // The second slot of ld_imm64 does nothing; nothing jumps to it.
    if (p.opcode[pc] === OP_LD_IMM64) code[++pc << shift] = NOTHING;
  }
  code[code.length - 2] = CONTROL_CODE.exit;
  if (constants.length / 2 > MOST_CONSTANTS) return undefined;
  const codeStart = REG_HALVES + constants.length;
  for (let at = 0; at < code.length; at += 2) if (isJump(code[at]! & 0xff)) code[at + 1]! += codeStart;
  const image = new Int32Array(codeStart + code.length);
  image.set(constants, REG_HALVES);
  image.set(code, codeStart);
  return { image, codeStart, shift, exitAt: image.length - 2, functionLength };
}

function isJump(op: number): boolean {
  const { ja, may_goto, call_local } = CONTROL_CODE;
  return (op >= JMP64_CODE.jeq && op <= JMP32_CODE.jsle) || op === ja || op === may_goto || op === call_local;
}

function entry(
  p: DecodedProgram,
  pc: number,
  shift: number,
  constant: (lo: number, hi: number) => number,
  functionLength: ReadonlyMap<number, number>,
): [Operation, number, number, number] {
  const opcode = p.opcode[pc]!;
  const d = p.dst[pc]! * 2;
  const off = p.off[pc]!;
  const imm = p.imm[pc]!;
  const cls = opcode & 7;
  const register = p.src[pc]! * 2;
  const operand = () => ((opcode & SRC.X) !== 0 ? register : constant(imm, imm >> 31));
  switch (cls) {
    case CLASS.ALU:
    case CLASS.ALU64: {
      if ((opcode & 0xf0) === ALU.end) return [endCode(cls, (opcode & SRC.X) !== 0, imm), d, 0, 0];
      const base = ALU_NAME.get(opcode & 0xf0) as Exclude<AluOp, 'end'>;
      const variant = off === 0 ? undefined : ALU_VARIANTS.find((v) => v.base === base && v.off === off);
      const name: AluName = variant?.name ?? base;
      return [cls === CLASS.ALU64 ? ALU64_CODE[name] : ALU32_CODE[name as keyof typeof ALU32_CODE], d, operand(), 0];
    }
    case CLASS.LDX: {
      const size = SIZE_NAME.get(opcode & 0x18)!;
      const signed = (opcode & 0xe0) === MODE.MEMSX;
      return [signed ? LDSX_CODE[size as keyof typeof LDSX_CODE] : LDX_CODE[size], d, register, off];
    }
    case CLASS.ST:
      return [ST_CODE[SIZE_NAME.get(opcode & 0x18)!], d, constant(imm, imm >> 31), off];
    case CLASS.STX: {
      const size = SIZE_NAME.get(opcode & 0x18)!;
      if ((opcode & 0xe0) === MODE.MEM) return [ST_CODE[size], d, register, off];
      // On one thread every load acquires and every store releases.
      if (imm === ATOMIC.load_acq) return [LDX_CODE[size], d, register, off];
      if (imm === ATOMIC.store_rel) return [ST_CODE[size], d, register, off];
      return [CONTROL_CODE.atomic, d, register, (off << 16) | imm | ((opcode & 0x18) === SIZE.DW ? 2 : 0)];
    }
    case CLASS.LD: {
      if (opcode !== OP_LD_IMM64) {
        const indirect = (opcode & 0xe0) === MODE.IND;
        return [
          CONTROL_CODE.load_packet,
          indirect ? register : constant(0, 0),
          constant(imm, imm >> 31),
          loadBytes(opcode),
        ];
      }
      if (p.src[pc] === PSEUDO.func)
        return [ALU64_CODE.mov, d, constant((FUNCTION_LO + pc + 1 + imm) | 0, FUNCTION_HI), 0];
      return [ALU64_CODE.mov, d, constant(imm, p.imm[pc + 1]!), 0];
    }
    default:
      if (opcode === OP_CALL && p.src[pc] === CALL.local) {
        // What it costs is a constant of the image.
        const target = pc + 1 + imm;
        return [CONTROL_CODE.call_local, 0, constant(functionLength.get(target)!, 0), target << shift];
      }
      return control(p, pc, shift, operand);
  }
}

function control(
  p: DecodedProgram,
  pc: number,
  shift: number,
  operand: () => number,
): [Operation, number, number, number] {
  const opcode = p.opcode[pc]!;
  const imm = p.imm[pc]!;
  const d = p.dst[pc]! * 2;
  const target = (pc + 1 + p.off[pc]!) << shift;
  switch (opcode) {
    case OP_EXIT:
      return [CONTROL_CODE.exit, 0, 0, 0];
    case OP_JA:
      return [CONTROL_CODE.ja, 0, 0, target];
    case OP_GOTOL:
      return [CONTROL_CODE.ja, 0, 0, (pc + 1 + imm) << shift];
    case OP_MAY_GOTO:
      return [CONTROL_CODE.may_goto, 0, 0, target];
    case OP_CALL:
      if (p.src[pc] === CALL.kfunc) return [CONTROL_CODE.call_kfunc, 0, 0, imm];
      return [imm === HELPER_TAIL_CALL ? CONTROL_CODE.tail_call : CONTROL_CODE.call_helper, 0, 0, imm];
    default: {
      const name = JMP_NAME.get(opcode & 0xf0) as CondOp;
      return [(opcode & 7) === CLASS.JMP ? JMP64_CODE[name] : JMP32_CODE[name], d, operand(), target];
    }
  }
}

function endCode(cls: number, toBig: boolean, width: number): Operation {
  const swap = cls === CLASS.ALU64 || toBig;
  if (width === 16) return swap ? END_CODE.swap16 : END_CODE.le16;
  if (width === 32) return swap ? END_CODE.swap32 : END_CODE.le32;
  return swap ? END_CODE.swap64 : END_CODE.le64;
}

function loadBytes(opcode: number): number {
  return SIZES.find((r) => r.code === (opcode & 0x18))!.bytes;
}
