/** One instruction to wasm: which file knows its class, and the conditions of jumps. */
import { CLASS, type ClassCode, type CondOp, JMP_OPS, OP_LD_IMM64 } from '../../isa/ops.ts';
import { emitAlu } from './emit-alu.ts';
import { emitCall } from './emit-call.ts';
import { emitConstant, emitLoad, emitPacketLoad, emitStore } from './emit-memory.ts';
import type { FunctionEmitter } from './emitter.ts';
import { OP, type OpCode } from './wasm.ts';

/** Comparisons, 64 and 32 bits; jset is an `and` that is not zero. */
const COMPARE = {
  jeq: [OP.i64_eq, OP.i32_eq],
  jne: [OP.i64_ne, OP.i32_ne],
  jgt: [OP.i64_gt_u, OP.i32_gt_u],
  jge: [OP.i64_ge_u, OP.i32_ge_u],
  jlt: [OP.i64_lt_u, OP.i32_lt_u],
  jle: [OP.i64_le_u, OP.i32_le_u],
  jsgt: [OP.i64_gt_s, OP.i32_gt_s],
  jsge: [OP.i64_ge_s, OP.i32_ge_s],
  jslt: [OP.i64_lt_s, OP.i32_lt_s],
  jsle: [OP.i64_le_s, OP.i32_le_s],
  jset: [OP.i64_and, OP.i32_and],
} as const satisfies Record<CondOp, readonly [OpCode, OpCode]>;

const JMP_NAME = new Map<number, string>(JMP_OPS.map((r) => [r.code, r.name]));

/** The instruction at `pc`, unless it is a jump or exit. */
export function emitInsn(e: FunctionEmitter, pc: number): void {
  const p = e.plan.decoded;
  const opcode = p.opcode[pc]!;
  e.positions.push(e.code.length, pc);
  const cls = (opcode & 7) as ClassCode;
  switch (cls) {
    case CLASS.ALU:
    case CLASS.ALU64:
      emitAlu(e, pc);
      break;
    case CLASS.LDX:
      emitLoad(e, pc);
      break;
    case CLASS.ST:
    case CLASS.STX:
      emitStore(e, pc);
      break;
    case CLASS.LD:
      if (opcode === OP_LD_IMM64) emitConstant(e, pc);
      else emitPacketLoad(e, pc);
      break;
    case CLASS.JMP:
    case CLASS.JMP32:
      emitCall(e, pc);
      break;
    default:
      missing(cls);
  }
}

/** A class without a case is found when this file is type-checked. */
function missing(what: never): never {
  throw new Error(`the JIT has no case for ${String(what)}`);
}

/** i32 on the stack: is the jump at `pc` taken? */
export function emitCondition(e: FunctionEmitter, pc: number): void {
  const { code } = e;
  const p = e.plan.decoded;
  const opcode = p.opcode[pc]!;
  e.positions.push(code.length, pc);
  const name = JMP_NAME.get(opcode & 0xf0) as CondOp | 'jcond';
  if (name === 'jcond') {
    // Taken when the budget is used up; otherwise it goes down by one.
    code.get(e.mayGoto).op(OP.i32_eqz).get(e.mayGoto).get(e.mayGoto).i32(0).op(OP.i32_ne, OP.i32_sub).set(e.mayGoto);
    return;
  }
  const wide = (opcode & 7) === CLASS.JMP;
  const op = COMPARE[name][wide ? 0 : 1];
  if (wide) e.read(p.dst[pc]!);
  else e.read32(p.dst[pc]!);
  e.operand(pc, wide);
  code.op(op);
  if (name === 'jset') {
    if (wide) code.i64(0).op(OP.i64_ne);
    else code.i32(0).op(OP.i32_ne);
  }
}
