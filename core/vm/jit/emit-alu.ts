/** Arithmetic: 32-bit operations wrap and zero-extend. Division by zero and INT_MIN / -1 are what RFC 9669 says, not traps. */
import { ALU_OPS, ALU_VARIANTS, type AluOp, CLASS, SRC } from '../../isa/ops.ts';
import { VALUE } from '../../spec/facts.ts';
import type { FunctionEmitter } from './emitter.ts';
import { I32, I64, OP, type OpCode } from './wasm.ts';

type AluVariant = (typeof ALU_VARIANTS)[number]['name'];

type BinaryOp = Exclude<AluOp, 'neg' | 'end' | 'mov' | 'div' | 'mod'>;

const BINARY64 = {
  add: OP.i64_add,
  sub: OP.i64_sub,
  mul: OP.i64_mul,
  or: OP.i64_or,
  and: OP.i64_and,
  xor: OP.i64_xor,
  lsh: OP.i64_shl,
  rsh: OP.i64_shr_u,
  arsh: OP.i64_shr_s,
} as const satisfies Record<BinaryOp, OpCode>;

const BINARY32 = {
  add: OP.i32_add,
  sub: OP.i32_sub,
  mul: OP.i32_mul,
  or: OP.i32_or,
  and: OP.i32_and,
  xor: OP.i32_xor,
  lsh: OP.i32_shl,
  rsh: OP.i32_shr_u,
  arsh: OP.i32_shr_s,
} as const satisfies Record<BinaryOp, OpCode>;

const SIGN_EXTEND = {
  movsx8: [OP.i64_extend8_s, OP.i32_extend8_s],
  movsx16: [OP.i64_extend16_s, OP.i32_extend16_s],
  movsx32: [OP.i64_extend32_s, OP.i64_extend32_s],
} as const satisfies Record<Exclude<AluVariant, 'sdiv' | 'smod'>, readonly [OpCode, OpCode]>;

const BOTH_U32 = VALUE.dst_u32 | VALUE.src_u32;

const ALU_NAME = new Map<number, AluOp>(ALU_OPS.map((r) => [r.code, r.name]));

export function emitAlu(e: FunctionEmitter, pc: number): void {
  const { code } = e;
  const p = e.plan.decoded;
  const wide = (p.opcode[pc]! & 7) === CLASS.ALU64;
  const dst = e.reg[p.dst[pc]!]!;
  const base = ALU_NAME.get(p.opcode[pc]! & 0xf0)!;
  const off = p.off[pc]!;
  const variant = off === 0 ? undefined : ALU_VARIANTS.find((v) => v.base === base && v.off === off)?.name;
  switch (base) {
    case 'mov':
      e.operand(pc, wide);
      if (variant !== undefined) code.op(SIGN_EXTEND[variant as keyof typeof SIGN_EXTEND][wide ? 0 : 1]);
      if (!wide) code.op(OP.i64_extend_u);
      break;
    case 'neg':
      if (wide) code.i64(0).get(dst).op(OP.i64_sub);
      else code.i32(0).get(dst).op(OP.i32_wrap, OP.i32_sub, OP.i64_extend_u);
      break;
    case 'end':
      byteOrder(e, p.imm[pc]!, wide || (p.opcode[pc]! & SRC.X) !== 0, dst);
      break;
    case 'div':
    case 'mod':
      divide(e, pc, wide, base === 'mod', variant !== undefined);
      break;
    default:
      if (wide) e.read(p.dst[pc]!);
      else e.read32(p.dst[pc]!);
      e.operand(pc, wide);
      code.op(wide ? BINARY64[base] : BINARY32[base]);
      if (!wide) code.op(OP.i64_extend_u);
  }
  code.set(dst);
}

/** The low half of what the instruction at `pc` gives, from low halves (low-halves.ts). */
export function emitLow(e: FunctionEmitter, pc: number): void {
  const { code } = e;
  const p = e.plan.decoded;
  const base = ALU_NAME.get(p.opcode[pc]! & 0xf0)!;
  const operand = () => {
    if ((p.opcode[pc]! & SRC.X) === 0) code.i32(p.imm[pc]!);
    else e.readLow(p.src[pc]!, pc);
  };
  if (base === 'neg') {
    code.i32(0);
    e.readLow(p.dst[pc]!, pc);
    code.op(OP.i32_sub);
  } else {
    if (base !== 'mov') e.readLow(p.dst[pc]!, pc);
    operand();
    if (base !== 'mov') code.op(BINARY32[base as BinaryOp]);
  }
  e.setLow(p.dst[pc]!);
}

function byteOrder(e: FunctionEmitter, width: number, swap: boolean, dst: number): void {
  const { code } = e;
  if (width === 64 && !swap) code.get(dst);
  else if (!swap)
    code
      .get(dst)
      .i64(width === 16 ? 0xffff : -1, 0)
      .op(OP.i64_and);
  else if (width === 16) {
    code.get(dst).i64(0xff).op(OP.i64_and).i64(8).op(OP.i64_shl);
    code.get(dst).i64(8).op(OP.i64_shr_u).i64(0xff).op(OP.i64_and, OP.i64_or);
  } else if (width === 32) {
    code.get(dst).op(OP.i32_wrap).tee(e.narrow).i32(8).op(OP.i32_rotl).i32(0x00ff00ff).op(OP.i32_and);
    code.get(e.narrow).i32(8).op(OP.i32_rotr).i32(0xff00ff00).op(OP.i32_and, OP.i32_or, OP.i64_extend_u);
  } else {
    // Swap neighbours in bytes, then in halves, then the words.
    code.get(dst).i64(0x00ff00ff, 0x00ff00ff).op(OP.i64_and).i64(8).op(OP.i64_shl);
    code.get(dst).i64(8).op(OP.i64_shr_u).i64(0x00ff00ff, 0x00ff00ff).op(OP.i64_and, OP.i64_or).set(e.wide);
    code.get(e.wide).i64(0x0000ffff, 0x0000ffff).op(OP.i64_and).i64(16).op(OP.i64_shl);
    code
      .get(e.wide)
      .i64(16)
      .op(OP.i64_shr_u)
      .i64(0x0000ffff, 0x0000ffff)
      .op(OP.i64_and, OP.i64_or)
      .i64(32)
      .op(OP.i64_rotl);
  }
}

/**
 * By zero: 0, or dst unchanged for the remainder. INT_MIN / -1 wraps, which wasm would trap on. Numbers of 32 bits are divided as such,
 * which processors do in half the time, and what is known not to be zero is not asked.
 */
function divide(e: FunctionEmitter, pc: number, width64: boolean, remainder: boolean, signs: boolean): void {
  const { code } = e;
  const p = e.plan.decoded;
  const known = e.plan.facts?.values[pc] ?? 0;
  const narrow = width64 && (known & BOTH_U32) === BOTH_U32;
  const wide = width64 && !narrow;
  // As 64-bit numbers they are not negative.
  const signed = signs && !narrow;
  const immediate = (p.opcode[pc]! & SRC.X) === 0;
  const imm = p.imm[pc]!;
  const type = wide ? I64 : I32;
  const dividend = () => (wide ? e.read(p.dst[pc]!) : e.read32(p.dst[pc]!));
  const zero = () => (wide ? code.i64(0) : code.i32(0));
  const suffix = `${remainder ? 'rem' : 'div'}_${signed ? 's' : 'u'}` as const;
  const op = wide ? OP[`i64_${suffix}`] : OP[`i32_${suffix}`];
  const negate = () => {
    zero();
    dividend();
    code.op(wide ? OP.i64_sub : OP.i32_sub);
  };
  if (immediate) {
    if (imm === 0) {
      if (remainder) dividend();
      else zero();
    } else if (signed && !remainder && imm === -1) negate();
    else {
      dividend();
      e.operand(pc, wide);
      code.op(op);
    }
  } else {
    const divisor = wide ? e.wide : e.narrow;
    const mayBeZero = (known & VALUE.src_not_zero) === 0;
    e.operand(pc, wide);
    if (mayBeZero) {
      code
        .tee(divisor)
        .op(wide ? OP.i64_eqz : OP.i32_eqz)
        .op(OP.if)
        .byte(type);
      if (remainder) dividend();
      else zero();
      code.op(OP.else);
    } else code.set(divisor);
    if (signed && !remainder) {
      code.get(divisor);
      if (wide) code.i64(-1).op(OP.i64_eq);
      else code.i32(-1).op(OP.i32_eq);
      code.op(OP.if).byte(type);
      negate();
      code.op(OP.else);
    }
    dividend();
    code.get(divisor).op(op);
    if (signed && !remainder) code.op(OP.end);
    if (mayBeZero) code.op(OP.end);
  }
  if (!wide) code.op(OP.i64_extend_u);
}
