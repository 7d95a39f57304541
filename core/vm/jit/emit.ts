/**
 * Code for single instructions: BPF registers are i64 locals, 32-bit operations wrap and zero-extend, memory is the
 * low 32 bits of an address. Checks that fail set the fault local and branch to the function's fault block.
 *
 * A verified program's loads and stores are wasm's alone: what the verifier missed is stopped by wasm's own bounds. Probe
 * loads ask whether the address is mapped; an unverified program asks before every access.
 */
import { FIRST_MAPPED, KERNEL_HI } from '../../base/memory.ts';
import {
  ALU_OPS,
  ALU_VARIANTS,
  type AluOp,
  ATOMIC_OPS,
  type AtomicOp,
  CALL,
  CLASS,
  type CondOp,
  JMP_OPS,
  MODE,
  OP_LD_IMM64,
  PSEUDO,
  SIZES,
  SRC,
  STACK_SIZE,
} from '../../isa/ops.ts';
import { FUNCTION_HI, FUNCTION_LO, HELPER_TAIL_CALL, MAY_GOTO_BUDGET, STACK_AREA } from '../layout.ts';
import { calledRow, FAULT, lengthOf, type Plan } from './plan.ts';
import { STATE } from './state.ts';
import { Code, I32, I64, OP, type OpCode, type ValType, VOID } from './wasm.ts';

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

const SIGN_EXTEND = {
  movsx8: [OP.i64_extend8_s, OP.i32_extend8_s],
  movsx16: [OP.i64_extend16_s, OP.i32_extend16_s],
  movsx32: [OP.i64_extend32_s, OP.i64_extend32_s],
} as const satisfies Record<Exclude<AluVariant, 'sdiv' | 'smod'>, readonly [OpCode, OpCode]>;

const LOAD: Readonly<Record<number, readonly [OpCode, OpCode]>> = {
  1: [OP.i64_load8_u, OP.i64_load8_s],
  2: [OP.i64_load16_u, OP.i64_load16_s],
  4: [OP.i64_load32_u, OP.i64_load32_s],
  8: [OP.i64_load, OP.i64_load],
};
const STORE: Readonly<Record<number, OpCode>> = {
  1: OP.i64_store8,
  2: OP.i64_store16,
  4: OP.i64_store32,
  8: OP.i64_store,
};

/** What an atomic combines old value and operand with; undefined: it stores the operand. */
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
  cmpxchg: undefined,
  load_acq: undefined,
  store_rel: undefined,
} as const satisfies Record<AtomicOp, OpCode | undefined>;

const ALU_NAME = new Map<number, AluOp>(ALU_OPS.map((r) => [r.code, r.name]));
const JMP_NAME = new Map<number, string>(JMP_OPS.map((r) => [r.code, r.name]));
const ATOMIC_NAME = new Map<number, AtomicOp>(ATOMIC_OPS.map((r) => [r.imm, r.name]));
const BYTES = new Map<number, number>(SIZES.map((r) => [r.code, r.bytes]));

/** Locals and code of one wasm function that holds the body of a BPF function. */
export class FunctionEmitter {
  readonly plan: Plan;
  readonly code = new Code();
  readonly locals: ValType[] = [];
  /** Local of each BPF register. */
  readonly reg: readonly number[];
  /** i32: offset just above this frame's stack. */
  readonly fp: number;
  /** i64: fuel left, kept here between calls. */
  readonly fuel: number;
  /** i32: slot * 4 + kind of the check that is about to be made. */
  readonly fault: number;
  readonly state: number;
  readonly mayGoto: number;
  /** How deep the fault block is now: 0 when no other label is open. */
  labels = 0;
  /** Byte position in `code` where an instruction begins, then its slot, and so on: for traps that wasm raises by itself. */
  readonly positions: number[] = [];
  usesFuel = false;
  usesR10 = false;
  usesMayGoto = false;
  readonly #params: number;
  readonly #wide: number;
  readonly #narrow: number;
  readonly #narrow2: number;

  /** `fp` and r1..r5 are the parameters named, or new locals where -1. */
  constructor(plan: Plan, params: number, fp: number, args: readonly number[]) {
    this.plan = plan;
    this.#params = params;
    this.fp = fp >= 0 ? fp : this.local(I32);
    const reg = [this.local(I64)];
    for (let r = 1; r <= 5; r++) reg.push(args[r - 1] ?? this.local(I64));
    for (let r = 6; r <= 10; r++) reg.push(this.local(I64));
    this.reg = reg;
    this.fuel = this.local(I64);
    this.#wide = this.local(I64);
    this.fault = this.local(I32);
    this.state = this.local(I32);
    this.mayGoto = this.local(I32);
    this.#narrow = this.local(I32);
    this.#narrow2 = this.local(I32);
  }

  local(type: ValType): number {
    return this.#params + this.locals.push(type) - 1;
  }

  /** Branch to the fault block when the i32 on the stack is not zero. The fault number must be set before the check. */
  faultIf(): void {
    this.code.op(OP.br_if).u(this.labels);
  }

  setFault(pc: number, kind: number): void {
    this.code.i32(pc * 4 + kind).set(this.fault);
  }

  /** Take `amount` from the fuel; fault at `pc` when there was less. */
  charge(pc: number, amount: number): void {
    this.usesFuel = true;
    this.setFault(pc, FAULT.fuel);
    this.code.get(this.fuel).i64(amount, 0).op(OP.i64_sub).tee(this.fuel).i64(0).op(OP.i64_lt_s);
    this.faultIf();
  }

  /** Registers to the state block, fault number to JavaScript. */
  faultEpilogue(): void {
    const { code, plan } = this;
    for (let r = 0; r <= 9; r++)
      code
        .i32(plan.state + STATE.REGS + 8 * r)
        .get(this.reg[r]!)
        .access(OP.i64_store, 0);
    code.i32(plan.state + STATE.REGS + 80);
    this.#pushFramePointer();
    code.access(OP.i64_store, 0);
    code.get(this.fault).call(plan.imports.fault).op(OP.unreachable);
  }

  /** What must happen before the first instruction. */
  prologue(): void {
    const { code } = this;
    if (this.usesR10) {
      this.#pushFramePointer();
      code.set(this.reg[10]!);
    }
    if (this.usesMayGoto) code.i32(MAY_GOTO_BUDGET).set(this.mayGoto);
  }

  #pushFramePointer(): void {
    this.code.get(this.fp).op(OP.i64_extend_u).i64(0, KERNEL_HI).op(OP.i64_or);
  }

  /** Fuel at the function's start. */
  startFuel(): void {
    this.loadFuel();
  }

  loadFuel(): void {
    this.code
      .i32(this.plan.state + STATE.FUEL)
      .access(OP.i64_load, 0)
      .set(this.fuel);
  }

  storeFuel(): void {
    this.code
      .i32(this.plan.state + STATE.FUEL)
      .get(this.fuel)
      .access(OP.i64_store, 0);
  }

  /** The instruction at `pc`, unless it is a jump or exit. */
  insn(pc: number): void {
    const p = this.plan.decoded;
    const opcode = p.opcode[pc]!;
    const bytes = BYTES.get(opcode & 0x18)!;
    this.positions.push(this.code.length, pc);
    switch (opcode & 7) {
      case CLASS.ALU:
      case CLASS.ALU64:
        this.#alu(pc);
        break;
      case CLASS.LDX:
        this.#load(pc, LOAD[bytes]![(opcode & 0xe0) === MODE.MEMSX ? 1 : 0]!, bytes, p.dst[pc]!, p.src[pc]!);
        break;
      case CLASS.ST:
      case CLASS.STX:
        this.#storeOrAtomic(pc, bytes);
        break;
      case CLASS.LD:
        if (opcode === OP_LD_IMM64) this.#constant(pc);
        else this.#packet(pc);
        break;
      default:
        this.#call(pc);
    }
  }

  /** i32 on the stack: is the jump at `pc` taken? */
  condition(pc: number): void {
    const { code } = this;
    const p = this.plan.decoded;
    const opcode = p.opcode[pc]!;
    this.positions.push(code.length, pc);
    const name = JMP_NAME.get(opcode & 0xf0) as CondOp | 'jcond';
    if (name === 'jcond') {
      // Taken when the budget is used up; otherwise it goes down by one.
      code
        .get(this.mayGoto)
        .op(OP.i32_eqz)
        .get(this.mayGoto)
        .get(this.mayGoto)
        .i32(0)
        .op(OP.i32_ne, OP.i32_sub)
        .set(this.mayGoto);
      return;
    }
    const wide = (opcode & 7) === CLASS.JMP;
    const op = COMPARE[name][wide ? 0 : 1];
    if (wide) this.#read(p.dst[pc]!);
    else this.#read32(p.dst[pc]!);
    this.#operand(pc, wide);
    code.op(op);
    if (name === 'jset') {
      if (wide) code.i64(0).op(OP.i64_ne);
      else code.i32(0).op(OP.i32_ne);
    }
  }

  #read(register: number): void {
    this.code.get(this.reg[register]!);
  }

  #read32(register: number): void {
    this.code.get(this.reg[register]!).op(OP.i32_wrap);
  }

  /** Second operand: source register or immediate. */
  #operand(pc: number, wide: boolean): void {
    const p = this.plan.decoded;
    if ((p.opcode[pc]! & SRC.X) === 0) {
      if (wide) this.code.i64(p.imm[pc]!);
      else this.code.i32(p.imm[pc]!);
    } else if (wide) this.#read(p.src[pc]!);
    else this.#read32(p.src[pc]!);
  }

  #alu(pc: number): void {
    const { code } = this;
    const p = this.plan.decoded;
    const wide = (p.opcode[pc]! & 7) === CLASS.ALU64;
    const dst = this.reg[p.dst[pc]!]!;
    const base = ALU_NAME.get(p.opcode[pc]! & 0xf0)!;
    const off = p.off[pc]!;
    const variant = off === 0 ? undefined : ALU_VARIANTS.find((v) => v.base === base && v.off === off)?.name;
    switch (base) {
      case 'mov':
        this.#operand(pc, wide);
        if (variant !== undefined) code.op(SIGN_EXTEND[variant as keyof typeof SIGN_EXTEND][wide ? 0 : 1]);
        if (!wide) code.op(OP.i64_extend_u);
        break;
      case 'neg':
        if (wide) code.i64(0).get(dst).op(OP.i64_sub);
        else code.i32(0).get(dst).op(OP.i32_wrap, OP.i32_sub, OP.i64_extend_u);
        break;
      case 'end':
        this.#byteOrder(p.imm[pc]!, wide || (p.opcode[pc]! & SRC.X) !== 0, dst);
        break;
      case 'div':
      case 'mod':
        this.#divide(pc, wide, base === 'mod', variant !== undefined);
        break;
      default:
        if (wide) this.#read(p.dst[pc]!);
        else this.#read32(p.dst[pc]!);
        this.#operand(pc, wide);
        code.op(wide ? BINARY64[base] : BINARY32[base]);
        if (!wide) code.op(OP.i64_extend_u);
    }
    code.set(dst);
  }

  #byteOrder(width: number, swap: boolean, dst: number): void {
    const { code } = this;
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
      code.get(dst).op(OP.i32_wrap).tee(this.#narrow).i32(8).op(OP.i32_rotl).i32(0x00ff00ff).op(OP.i32_and);
      code.get(this.#narrow).i32(8).op(OP.i32_rotr).i32(0xff00ff00).op(OP.i32_and, OP.i32_or, OP.i64_extend_u);
    } else {
      // Swap neighbours in bytes, then in halves, then the words.
      code.get(dst).i64(0x00ff00ff, 0x00ff00ff).op(OP.i64_and).i64(8).op(OP.i64_shl);
      code.get(dst).i64(8).op(OP.i64_shr_u).i64(0x00ff00ff, 0x00ff00ff).op(OP.i64_and, OP.i64_or).set(this.#wide);
      code.get(this.#wide).i64(0x0000ffff, 0x0000ffff).op(OP.i64_and).i64(16).op(OP.i64_shl);
      code
        .get(this.#wide)
        .i64(16)
        .op(OP.i64_shr_u)
        .i64(0x0000ffff, 0x0000ffff)
        .op(OP.i64_and, OP.i64_or)
        .i64(32)
        .op(OP.i64_rotl);
    }
  }

  /** By zero: 0, or dst unchanged for the remainder. INT_MIN / -1 wraps, which wasm would trap on. */
  #divide(pc: number, wide: boolean, remainder: boolean, signed: boolean): void {
    const { code } = this;
    const p = this.plan.decoded;
    const immediate = (p.opcode[pc]! & SRC.X) === 0;
    const imm = p.imm[pc]!;
    const type = wide ? I64 : I32;
    const dividend = () => (wide ? this.#read(p.dst[pc]!) : this.#read32(p.dst[pc]!));
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
        this.#operand(pc, wide);
        code.op(op);
      }
    } else {
      const divisor = wide ? this.#wide : this.#narrow;
      this.#operand(pc, wide);
      code
        .tee(divisor)
        .op(wide ? OP.i64_eqz : OP.i32_eqz)
        .op(OP.if)
        .byte(type);
      if (remainder) dividend();
      else zero();
      code.op(OP.else);
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
      code.op(OP.end);
    }
    if (!wide) code.op(OP.i64_extend_u);
  }

  #constant(pc: number): void {
    const { code } = this;
    const p = this.plan.decoded;
    const dst = this.reg[p.dst[pc]!]!;
    if (p.src[pc] === PSEUDO.func) code.i64((FUNCTION_LO + pc + 1 + p.imm[pc]!) | 0, FUNCTION_HI);
    else code.i64(p.imm[pc]!, p.imm[pc + 1]!);
    code.set(dst);
  }

  /** Low half of register + off on the stack; answers what is left for the access's own constant offset. */
  #address(register: number, off: number): number {
    const { code } = this;
    if (register === 10) code.get(this.fp);
    else code.get(this.reg[register]!).op(OP.i32_wrap);
    if (off >= 0) return off;
    code.i32(off).op(OP.i32_add);
    return 0;
  }

  /** i32 on the stack: may the bytes be touched? Only checked programs and probes ask. */
  #allowed(register: number, off: number, bytes: number, write: boolean): void {
    const { code, plan } = this;
    if (register === 10) {
      this.#pushFramePointer();
    } else code.get(this.reg[register]!);
    if (off !== 0) code.i64(off).op(OP.i64_add);
    code.tee(this.#wide).op(OP.i32_wrap).tee(this.#narrow);
    code.get(this.#wide).i64(32).op(OP.i64_shr_u, OP.i32_wrap).set(this.#narrow2);
    if (!plan.checked) {
      // A probe of a verified program: mapped or not. On the stack: the low half.
      code.i32(FIRST_MAPPED).op(OP.i32_ge_u);
      code.get(this.#narrow2).i32(KERNEL_HI).op(OP.i32_eq, OP.i32_and);
      code.get(this.#narrow).op(OP.i64_extend_u).i64(bytes, 0).op(OP.i64_add);
      code.op(OP.memory_size).byte(0).op(OP.i64_extend_u).i64(16).op(OP.i64_shl, OP.i64_le_u, OP.i32_and);
      return;
    }
    const at = plan.state + (write ? STATE.WRITE_LO : STATE.READ_LO);
    code.i32(at).access(OP.i32_load, 0).op(OP.i32_sub).i32(0x80000000).op(OP.i32_xor);
    code
      .i32(at + 4)
      .access(OP.i32_load, 0)
      .op(OP.i32_lt_s);
    code.get(this.#narrow2).i32(KERNEL_HI).op(OP.i32_eq, OP.i32_and);
    code.op(OP.if).byte(I32).i32(1).op(OP.else);
    code
      .get(this.#narrow)
      .get(this.#narrow2)
      .i32(bytes)
      .i32(write ? 1 : 0)
      .call(plan.imports.access);
    code.op(OP.end);
  }

  #check(pc: number, register: number, off: number, bytes: number, write: boolean): void {
    if (!this.plan.checked) return;
    this.setFault(pc, FAULT.access);
    this.#allowed(register, off, bytes, write);
    this.code.op(OP.i32_eqz);
    this.faultIf();
  }

  #load(pc: number, name: OpCode, bytes: number, dst: number, base: number): void {
    const { code } = this;
    const off = this.plan.decoded.off[pc]!;
    const probe = this.plan.probes.has(pc);
    if (probe) {
      this.#allowed(base, off, bytes, false);
      code.op(OP.if).byte(I64);
    } else this.#check(pc, base, off, bytes, false);
    const rest = this.#address(base, off);
    code.access(name, rest);
    if (probe) code.op(OP.else).i64(0).op(OP.end);
    code.set(this.reg[dst]!);
  }

  #storeOrAtomic(pc: number, bytes: number): void {
    const { code } = this;
    const p = this.plan.decoded;
    const opcode = p.opcode[pc]!;
    const [dst, src, off] = [p.dst[pc]!, p.src[pc]!, p.off[pc]!];
    const atomic = (opcode & 0xe0) === MODE.ATOMIC ? ATOMIC_NAME.get(p.imm[pc]!) : undefined;
    if (atomic === 'load_acq') {
      this.#load(pc, LOAD[bytes]![0], bytes, dst, src);
      return;
    }
    this.#check(pc, dst, off, bytes, true);
    if (atomic === undefined || atomic === 'store_rel') {
      const rest = this.#address(dst, off);
      if ((opcode & 7) === CLASS.ST) code.i64(p.imm[pc]!);
      else this.#read(src);
      code.access(STORE[bytes]!, rest);
      return;
    }
    // Programs of one memory run on one thread: load, combine, store.
    const rest = this.#address(dst, off);
    code.tee(this.#narrow).access(LOAD[bytes]![0], rest).set(this.#wide);
    const narrow = (register: number) => {
      this.#read(register);
      if (bytes === 4) code.i64(-1, 0).op(OP.i64_and);
    };
    if (atomic === 'cmpxchg') {
      code.get(this.#wide);
      narrow(0);
      code.op(OP.i64_eq, OP.if).byte(VOID);
      code.get(this.#narrow);
      this.#read(src);
      code.access(STORE[bytes]!, rest).op(OP.end);
      code.get(this.#wide).set(this.reg[0]!);
      return;
    }
    const combine = COMBINE[atomic];
    code.get(this.#narrow);
    if (combine !== undefined) code.get(this.#wide);
    this.#read(src);
    if (combine !== undefined) code.op(combine);
    code.access(STORE[bytes]!, rest);
    if (ATOMIC_OPS.find((r) => r.name === atomic)!.fetch) code.get(this.#wide).set(this.reg[src]!);
  }

  #packet(pc: number): void {
    const { code, plan } = this;
    const p = plan.decoded;
    if ((p.opcode[pc]! & 0xe0) === MODE.IND) this.#read32(p.src[pc]!);
    else code.i32(0);
    code.i32(p.imm[pc]!).op(OP.i32_add);
    code
      .i32(BYTES.get(p.opcode[pc]! & 0x18)!)
      .i32(pc)
      .call(plan.imports.packet);
    code.op(OP.i32_eqz, OP.if).byte(VOID);
    code.i64(0).set(this.reg[0]!);
    this.labels++;
    this.exit();
    this.labels--;
    code.op(OP.end);
    this.#takeResult();
  }

  /** Leave the function with r0. Replaced by the batch body. */
  exit(): void {
    if (this.usesFuel) this.storeFuel();
    this.code.get(this.reg[0]!).op(OP.return);
  }

  #takeResult(): void {
    this.code
      .i32(this.plan.state + STATE.REGS)
      .access(OP.i64_load, 0)
      .set(this.reg[0]!);
  }

  #spill(from: number, to: number): void {
    for (let r = from; r <= to; r++)
      this.code
        .i32(this.plan.state + STATE.REGS + 8 * r)
        .get(this.reg[r]!)
        .access(OP.i64_store, 0);
  }

  #forgetArguments(): void {
    if (this.plan.checked) for (let r = 1; r <= 5; r++) this.code.i64(0).set(this.reg[r]!);
  }

  #call(pc: number): void {
    const { plan } = this;
    const p = plan.decoded;
    const imm = p.imm[pc]!;
    const kind = p.src[pc] === CALL.kfunc ? 'kfunc' : 'helper';
    if (p.src[pc] === CALL.local) this.#callLocal(pc, plan.indexOfStart.get(pc + 1 + imm)!);
    else if (kind === 'helper' && imm === HELPER_TAIL_CALL) this.#tailCall(pc);
    else this.#callRow(pc, kind, imm);
  }

  #callRow(pc: number, kind: 'helper' | 'kfunc', imm: number): void {
    const { code, plan } = this;
    const row = calledRow(plan, kind, imm);
    if (row === undefined) {
      this.setFault(pc, FAULT.call);
      code.op(OP.br).u(this.labels);
      return;
    }
    const lookup = kind === 'helper' && imm === 1 && !plan.checked ? this.#knownMap(pc) : undefined;
    if (lookup !== undefined) {
      code.get(this.reg[2]!).op(OP.i32_wrap).call(lookup).set(this.reg[0]!);
      return;
    }
    const callsBack = row.args.includes('func');
    if (callsBack) {
      this.usesFuel = true;
      this.storeFuel();
    }
    if (plan.checked) {
      this.#spill(0, 9);
      code.i32(plan.state + STATE.REGS + 80);
      this.#pushFramePointer();
      code.access(OP.i64_store, 0);
    } else this.#spill(1, 5);
    code.i32(pc).call(plan.helperImport(kind, imm));
    this.#takeResult();
    if (callsBack) this.loadFuel();
    this.#forgetArguments();
  }

  /** Lookup function of the map in r1, when the instructions before the call say which it is. */
  #knownMap(pc: number): number | undefined {
    const p = this.plan.decoded;
    for (let at = pc - 1; at >= 0 && at > pc - 16; at--) {
      const opcode = p.opcode[at]!;
      const second = at > 0 && opcode === 0 && p.opcode[at - 1] === OP_LD_IMM64;
      if (second) {
        if (p.dst[at - 1] === 1 && p.src[at - 1] === 0 && p.imm[at] === KERNEL_HI && !this.#joins(at, pc)) {
          return this.plan.lookupFunction(p.imm[at - 1]! >>> 0);
        }
        if (p.dst[at - 1] === 1) return undefined;
        at--;
        continue;
      }
      const cls = opcode & 7;
      if (cls === CLASS.JMP || cls === CLASS.JMP32) return undefined;
      // An atomic may write either of its registers.
      const atomic = cls === CLASS.STX && (opcode & 0xe0) === MODE.ATOMIC;
      const writes = cls === CLASS.ALU || cls === CLASS.ALU64 || cls === CLASS.LDX;
      if ((writes && p.dst[at] === 1) || (atomic && (p.dst[at] === 1 || p.src[at] === 1))) return undefined;
    }
    return undefined;
  }

  /** Does a jump land between two slots (exclusive, inclusive)? Then what stood before does not hold. */
  #joins(after: number, upTo: number): boolean {
    for (let pc = after + 1; pc <= upTo; pc++) if (this.jumpTargets.has(pc)) return true;
    return false;
  }

  /** Slots that some jump of the function goes to; set by the caller. */
  jumpTargets: ReadonlySet<number> = new Set();

  #callLocal(pc: number, callee: number): void {
    const { code, plan } = this;
    this.charge(pc, lengthOf(plan, callee));
    this.setFault(pc, FAULT.depth);
    // The last frame ends where the area does, and areas are aligned.
    code
      .get(this.fp)
      .i32(STACK_AREA - 1)
      .op(OP.i32_and, OP.i32_eqz);
    this.faultIf();
    this.storeFuel();
    if (plan.checked) {
      this.#frames(1);
      for (let at = 0; at < STACK_SIZE; at += 8) code.get(this.fp).i64(0).access(OP.i64_store, at);
    }
    code.get(this.fp).i32(STACK_SIZE).op(OP.i32_add);
    for (let r = 1; r <= 5; r++) this.#read(r);
    code.call(plan.firstFunction + callee).set(this.reg[0]!);
    this.loadFuel();
    if (plan.checked) this.#frames(0);
    this.#forgetArguments();
  }

  /** Tell how many frames are active: this one and `more`. */
  #frames(more: number): void {
    const { code } = this;
    // fp - 1 lies in the frame, whatever its number.
    code
      .get(this.fp)
      .i32(1)
      .op(OP.i32_sub)
      .i32(STACK_AREA - 1)
      .op(OP.i32_and)
      .i32(9)
      .op(OP.i32_shr_u)
      .i32(1 + more)
      .op(OP.i32_add);
    code.call(this.plan.imports.frames);
  }

  #tailCall(pc: number): void {
    const { code, plan } = this;
    this.usesFuel = true;
    this.storeFuel();
    this.#spill(0, 9);
    code.get(this.fp).i32(pc).call(plan.imports.tail);
    this.#takeResult();
    this.loadFuel();
    code.op(OP.if).byte(VOID);
    this.labels++;
    this.exit();
    this.labels--;
    code.op(OP.end);
    this.#forgetArguments();
  }
}
