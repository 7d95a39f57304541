/** One instruction to wasm: which file knows its class, and the conditions of jumps. */
import { CLASS, type ClassCode, type CondOp, JMP_OPS, OP_LD_IMM64, SRC } from '../../isa/ops.ts';
import { VALUE } from '../../spec/facts.ts';
import { emitAlu, emitLow } from './emit-alu.ts';
import { emitCall } from './emit-call.ts';
import { emitConstant, emitLoad, emitPacketLoad, emitStore } from './emit-memory.ts';
import type { FunctionEmitter } from './emitter.ts';
import { defined, isClosed } from './low-halves.ts';
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

const UNSIGNED: Readonly<Partial<Record<CondOp, CondOp>>> = { jsgt: 'jgt', jsge: 'jge', jslt: 'jlt', jsle: 'jle' };

const JMP_NAME = new Map<number, string>(JMP_OPS.map((r) => [r.code, r.name]));

/** The instruction at `pc`, unless it is a jump or exit. */
export function emitInsn(e: FunctionEmitter, pc: number): void {
  const p = e.plan.decoded;
  const opcode = p.opcode[pc]!;
  e.positions.push(e.code.length, pc);
  const cls = (opcode & 7) as ClassCode;
  const wanted = e.lows ? e.lows.after[pc - e.lows.from]! : 0;
  // Before the instruction: what it makes of the low halves may be of its own register's.
  const closed = wanted !== 0 && isClosed(e.plan, pc);
  if (closed && (wanted >> p.dst[pc]!) & 1) emitLow(e, pc);
  emitWhole(e, pc, cls, opcode);
  if (wanted === 0 || closed) return;
  const made = wanted & defined(e.plan, pc);
  for (let r = 0; r < 10; r++) if ((made >> r) & 1) e.cutDown(r);
}

function emitWhole(e: FunctionEmitter, pc: number, cls: ClassCode, opcode: number): void {
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
  const known = e.plan.facts?.values[pc] ?? 0;
  if (known & (VALUE.always | VALUE.never)) {
    code.i32(known & VALUE.always ? 1 : 0);
    return;
  }
  const wide = (opcode & 7) === CLASS.JMP;
  if (e.lows?.compared[pc - e.lows.from] === 1) {
    e.readLow(p.dst[pc]!, pc);
    if ((opcode & SRC.X) !== 0) e.readLow(p.src[pc]!, pc);
    else code.i32(p.imm[pc]!);
    // As 64-bit numbers both have the same upper half, so the order of the lower ones is the unsigned one.
    code.op(COMPARE[wide ? (UNSIGNED[name] ?? name) : name][1]);
    if (name === 'jset') code.i32(0).op(OP.i32_ne);
    return;
  }
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
