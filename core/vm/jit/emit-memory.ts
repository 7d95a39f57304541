/**
 * Loads, stores, atomics, constants. An address is its low 32 bits. A verified program's accesses are wasm's alone: what the
 * verifier missed is stopped by wasm's own bounds. Probe loads ask whether the address is mapped; an unverified program asks
 * before every access.
 */
import { FIRST_MAPPED, KERNEL_HI } from '../../base/memory.ts';
import { ATOMIC_OPS, type AtomicOp, CLASS, MODE, PSEUDO, SIZES, type SizeRow } from '../../isa/ops.ts';
import { FUNCTION_HI, FUNCTION_LO } from '../layout.ts';
import type { FunctionEmitter } from './emitter.ts';
import { FAULT } from './plan.ts';
import { STATE } from './state.ts';
import { I32, I64, OP, type OpCode, VOID } from './wasm.ts';

type Bytes = SizeRow['bytes'];

/** Zero-extending and sign-extending. */
const LOAD = {
  1: [OP.i64_load8_u, OP.i64_load8_s],
  2: [OP.i64_load16_u, OP.i64_load16_s],
  4: [OP.i64_load32_u, OP.i64_load32_s],
  8: [OP.i64_load, OP.i64_load],
} as const satisfies Record<Bytes, readonly [OpCode, OpCode]>;

const STORE = {
  1: OP.i64_store8,
  2: OP.i64_store16,
  4: OP.i64_store32,
  8: OP.i64_store,
} as const satisfies Record<Bytes, OpCode>;

/** What an atomic combines old value and operand with; undefined: it stores the operand. The others have code of their own below. */
const COMBINE = {
  add: OP.i64_add,
  or: OP.i64_or,
  and: OP.i64_and,
  xor: OP.i64_xor,
  fetch_add: OP.i64_add,
  fetch_or: OP.i64_or,
  fetch_and: OP.i64_and,
  fetch_xor: OP.i64_xor,
  xchg: undefined,
} as const satisfies Record<Exclude<AtomicOp, 'cmpxchg' | 'load_acq' | 'store_rel'>, OpCode | undefined>;

const ATOMIC_NAME = new Map<number, AtomicOp>(ATOMIC_OPS.map((r) => [r.imm, r.name]));

const BYTES = new Map<number, Bytes>(SIZES.map((r) => [r.code, r.bytes]));

export function emitConstant(e: FunctionEmitter, pc: number): void {
  const { code } = e;
  const p = e.plan.decoded;
  const dst = e.reg[p.dst[pc]!]!;
  if (p.src[pc] === PSEUDO.func) code.i64((FUNCTION_LO + pc + 1 + p.imm[pc]!) | 0, FUNCTION_HI);
  else code.i64(p.imm[pc]!, p.imm[pc + 1]!);
  code.set(dst);
}

/** Low half of register + off on the stack; answers what is left for the access's own constant offset. */
function address(e: FunctionEmitter, pc: number, register: number, off: number): number {
  const { code } = e;
  e.readLow(register, pc);
  if (off >= 0) return off;
  code.i32(off).op(OP.i32_add);
  return 0;
}

/** i32 on the stack: may the bytes be touched? Only checked programs and probes ask. */
function allowed(e: FunctionEmitter, register: number, off: number, bytes: number, write: boolean): void {
  const { code, plan } = e;
  if (register === 10) {
    e.pushFramePointer();
  } else code.get(e.reg[register]!);
  if (off !== 0) code.i64(off).op(OP.i64_add);
  code.tee(e.wide).op(OP.i32_wrap).tee(e.narrow);
  code.get(e.wide).i64(32).op(OP.i64_shr_u, OP.i32_wrap).set(e.narrow2);
  if (!plan.checked) {
    // A probe of a verified program: mapped or not. On the stack: the low half.
    code.i32(FIRST_MAPPED).op(OP.i32_ge_u);
    code.get(e.narrow2).i32(KERNEL_HI).op(OP.i32_eq, OP.i32_and);
    code.get(e.narrow).op(OP.i64_extend_u).i64(bytes, 0).op(OP.i64_add);
    code.op(OP.memory_size).byte(0).op(OP.i64_extend_u).i64(16).op(OP.i64_shl, OP.i64_le_u, OP.i32_and);
    return;
  }
  const at = plan.state + (write ? STATE.WRITE_LO : STATE.READ_LO);
  code.i32(at).access(OP.i32_load, 0).op(OP.i32_sub).i32(0x80000000).op(OP.i32_xor);
  code
    .i32(at + 4)
    .access(OP.i32_load, 0)
    .op(OP.i32_lt_s);
  code.get(e.narrow2).i32(KERNEL_HI).op(OP.i32_eq, OP.i32_and);
  code.op(OP.if).byte(I32).i32(1).op(OP.else);
  code
    .get(e.narrow)
    .get(e.narrow2)
    .i32(bytes)
    .i32(write ? 1 : 0)
    .call(plan.importOf('access'));
  code.op(OP.end);
}

function check(e: FunctionEmitter, pc: number, register: number, off: number, bytes: number, write: boolean): void {
  if (!e.plan.checked) return;
  e.setFault(pc, FAULT.access);
  allowed(e, register, off, bytes, write);
  e.code.op(OP.i32_eqz);
  e.faultIf();
}

export function emitLoad(e: FunctionEmitter, pc: number): void {
  const p = e.plan.decoded;
  const opcode = p.opcode[pc]!;
  const bytes = BYTES.get(opcode & 0x18)!;
  load(e, pc, LOAD[bytes][(opcode & 0xe0) === MODE.MEMSX ? 1 : 0], bytes, p.dst[pc]!, p.src[pc]!);
}

/** Sign-extension of what a load has zero-extended. */
const EXTEND = { 1: OP.i64_extend8_s, 2: OP.i64_extend16_s, 4: OP.i64_extend32_s, 8: undefined } as const;

function load(e: FunctionEmitter, pc: number, name: OpCode, bytes: Bytes, dst: number, base: number): void {
  const { code } = e;
  const piece = e.plan.pieces.at.get(pc);
  if (piece) {
    code.get(e.pieceLocal(piece));
    const extend = name === LOAD[bytes][0] ? undefined : EXTEND[bytes];
    if (extend !== undefined) code.op(extend);
    code.set(e.reg[dst]!);
    return;
  }
  const off = e.plan.decoded.off[pc]!;
  const probe = e.plan.probes.has(pc);
  if (probe) {
    allowed(e, base, off, bytes, false);
    code.op(OP.if).byte(I64);
  } else check(e, pc, base, off, bytes, false);
  const rest = address(e, pc, base, off);
  code.access(name, rest);
  if (probe) code.op(OP.else).i64(0).op(OP.end);
  code.set(e.reg[dst]!);
}

/** Stores and atomics. */
export function emitStore(e: FunctionEmitter, pc: number): void {
  const { code } = e;
  const p = e.plan.decoded;
  const opcode = p.opcode[pc]!;
  const bytes = BYTES.get(opcode & 0x18)!;
  const [dst, src, off] = [p.dst[pc]!, p.src[pc]!, p.off[pc]!];
  const atomic = (opcode & 0xe0) === MODE.ATOMIC ? ATOMIC_NAME.get(p.imm[pc]!) : undefined;
  if (atomic === 'load_acq') {
    load(e, pc, LOAD[bytes][0], bytes, dst, src);
    return;
  }
  const piece = e.plan.pieces.at.get(pc);
  if (piece) {
    if ((opcode & 7) === CLASS.ST) code.i64(p.imm[pc]!);
    else e.read(src);
    if (bytes < 8) code.i64(bytes === 4 ? -1 : 2 ** (8 * bytes) - 1, 0).op(OP.i64_and);
    code.set(e.pieceLocal(piece));
    return;
  }
  check(e, pc, dst, off, bytes, true);
  if (atomic === undefined || atomic === 'store_rel') {
    const rest = address(e, pc, dst, off);
    if ((opcode & 7) === CLASS.ST) code.i64(p.imm[pc]!);
    else e.read(src);
    code.access(STORE[bytes], rest);
    return;
  }
  // Programs of one memory run on one thread: load, combine, store.
  const rest = address(e, pc, dst, off);
  code.tee(e.narrow).access(LOAD[bytes][0], rest).set(e.wide);
  const narrow = (register: number) => {
    e.read(register);
    if (bytes === 4) code.i64(-1, 0).op(OP.i64_and);
  };
  if (atomic === 'cmpxchg') {
    code.get(e.wide);
    narrow(0);
    code.op(OP.i64_eq, OP.if).byte(VOID);
    code.get(e.narrow);
    e.read(src);
    code.access(STORE[bytes], rest).op(OP.end);
    code.get(e.wide).set(e.reg[0]!);
    return;
  }
  const combine = COMBINE[atomic];
  code.get(e.narrow);
  if (combine !== undefined) code.get(e.wide);
  e.read(src);
  if (combine !== undefined) code.op(combine);
  code.access(STORE[bytes], rest);
  if (ATOMIC_OPS.find((r) => r.name === atomic)!.fetch) code.get(e.wide).set(e.reg[src]!);
}

export function emitPacketLoad(e: FunctionEmitter, pc: number): void {
  const { code, plan } = e;
  const p = plan.decoded;
  if ((p.opcode[pc]! & 0xe0) === MODE.IND) e.read32(p.src[pc]!);
  else code.i32(0);
  code.i32(p.imm[pc]!).op(OP.i32_add);
  code
    .i32(BYTES.get(p.opcode[pc]! & 0x18)!)
    .i32(pc)
    .call(plan.importOf('packet'));
  code.op(OP.i32_eqz, OP.if).byte(VOID);
  code.i64(0).set(e.reg[0]!);
  e.labels++;
  e.exit();
  e.labels--;
  code.op(OP.end);
  e.takeResult();
}
