/**
 * The state of one wasm function in the making: its locals, its code, and the pieces that every kind of instruction needs.
 * BPF registers are i64 locals. Checks that fail set the fault local and branch to the function's fault block.
 */
import { KERNEL_HI } from '../../base/memory.ts';
import { SRC } from '../../isa/ops.ts';
import { MAY_GOTO_BUDGET } from '../layout.ts';
import type { LowHalves } from './low-halves.ts';
import { FAULT, type Plan } from './plan.ts';
import type { KeyWord, Piece } from './stack-pieces.ts';
import { STATE } from './state.ts';
import { Code, I32, I64, OP, type ValType } from './wasm.ts';

/** Locals and code of one wasm function that holds the body of a BPF function. */
export class FunctionEmitter {
  readonly plan: Plan;
  readonly code: Code;
  readonly locals: ValType[];
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
  /** i32: frame pointer of the function that is being called. */
  readonly calleeFp: number;
  /** How deep the fault block is now: 0 when no other label is open. */
  labels = 0;
  /** Byte position in `code` where an instruction begins, then its slot, and so on: for traps that wasm raises by itself. */
  readonly positions: number[];
  usesFuel = false;
  usesR10 = false;
  usesMayGoto = false;
  /** Registers whose low half has a local of its own. */
  lows: LowHalves | undefined;
  readonly #params: number;
  readonly #lowLocals: number[] = [];
  readonly #pieces = new Map<Piece, number>();
  #lookupLocals: readonly [number, number] | undefined;
  readonly wide: number;
  readonly narrow: number;
  readonly narrow2: number;

  /**
   * `fp` and r1..r5 are the parameters named, or new locals where -1. With `caller`, the body stands inside that one's code: in its wasm function,
   * with its r0 to r5 (which a call leaves without value) and its fuel.
   */
  constructor(plan: Plan, params: number, fp: number, args: readonly number[], caller?: FunctionEmitter) {
    this.plan = plan;
    this.#params = caller ? caller.#params : params;
    this.code = caller ? caller.code : new Code();
    this.locals = caller ? caller.locals : [];
    this.positions = caller ? caller.positions : [];
    this.fp = fp >= 0 ? fp : this.local(I32);
    const reg = caller ? caller.reg.slice(0, 6) : [this.local(I64)];
    for (let r = reg.length; r <= 5; r++) reg.push(args[r - 1] ?? this.local(I64));
    for (let r = 6; r <= 10; r++) reg.push(this.local(I64));
    this.reg = reg;
    this.fuel = caller ? caller.fuel : this.local(I64);
    this.wide = this.local(I64);
    this.fault = this.local(I32);
    this.state = this.local(I32);
    this.mayGoto = this.local(I32);
    this.calleeFp = this.local(I32);
    this.narrow = this.local(I32);
    this.narrow2 = this.local(I32);
  }

  local(type: ValType): number {
    return this.#params + this.locals.push(type) - 1;
  }

  /** The local of a stack piece (i64, its bytes zero-extended). */
  pieceLocal(piece: Piece): number {
    let local = this.#pieces.get(piece);
    if (local === undefined) this.#pieces.set(piece, (local = this.local(I64)));
    return local;
  }

  /** Push a word of a key (i32). */
  keyWord({ piece, shift, bytes }: KeyWord): void {
    const { code } = this;
    code.get(this.pieceLocal(piece));
    if (shift > 0) code.i64(shift).op(OP.i64_shr_u);
    code.op(OP.i32_wrap);
    if (bytes < 4 && 8 * piece.bytes > shift + 8 * bytes) code.i32(2 ** (8 * bytes) - 1).op(OP.i32_and);
  }

  /** Two i32 locals that lookups use. */
  lookupLocals(): readonly [number, number] {
    this.#lookupLocals ??= [this.local(I32), this.local(I32)];
    return this.#lookupLocals;
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
    if (!this.plan.metered) return;
    this.usesFuel = true;
    this.setFault(pc, FAULT.fuel);
    this.code.get(this.fuel).i64(amount, 0).op(OP.i64_sub).tee(this.fuel).i64(0).op(OP.i64_lt_s);
    this.faultIf();
  }

  /** Registers and fault number to the state block, then a trap. */
  faultEpilogue(): void {
    const { code, plan } = this;
    for (let r = 0; r <= 9; r++)
      code
        .i32(plan.state + STATE.REGS + 8 * r)
        .get(this.reg[r]!)
        .access(OP.i64_store, 0);
    code.i32(plan.state + STATE.REGS + 80);
    this.pushFramePointer();
    code.access(OP.i64_store, 0);
    code
      .i32(plan.state + STATE.FAULT)
      .get(this.fault)
      .access(OP.i32_store, 0)
      .op(OP.unreachable);
  }

  /** What must happen before the first instruction. */
  prologue(): void {
    const { code } = this;
    if (this.usesR10) {
      this.pushFramePointer();
      code.set(this.reg[10]!);
    }
    for (let r = 0; r < 10; r++) if (((this.lows?.atStart ?? 0) >> r) & 1) this.cutDown(r);
    if (this.usesMayGoto) code.i32(MAY_GOTO_BUDGET).set(this.mayGoto);
  }

  pushFramePointer(): void {
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

  read(register: number): void {
    this.code.get(this.reg[register]!);
  }

  read32(register: number): void {
    this.code.get(this.reg[register]!).op(OP.i32_wrap);
  }

  #lowLocal(register: number): number {
    return (this.#lowLocals[register] ??= this.local(I32));
  }

  /** Push the low half of a register before the instruction at `pc`. */
  readLow(register: number, pc: number): void {
    const { lows } = this;
    if (register === 10) this.code.get(this.fp);
    else if (lows && (lows.before[pc - lows.from]! >> register) & 1) this.code.get(this.#lowLocal(register));
    else this.read32(register);
  }

  /** The low half is on the stack: keep it. */
  setLow(register: number): void {
    this.code.set(this.#lowLocal(register));
  }

  /** Keep the low half of what the register holds now. */
  cutDown(register: number): void {
    this.read32(register);
    this.setLow(register);
  }

  /** Second operand: source register or immediate. */
  operand(pc: number, wide: boolean): void {
    const p = this.plan.decoded;
    if ((p.opcode[pc]! & SRC.X) === 0) {
      if (wide) this.code.i64(p.imm[pc]!);
      else this.code.i32(p.imm[pc]!);
    } else if (wide) this.read(p.src[pc]!);
    else this.read32(p.src[pc]!);
  }

  /** Leave the function with r0. Replaced by the batch body. */
  exit(): void {
    if (this.usesFuel) this.storeFuel();
    this.code.get(this.reg[0]!).op(OP.return);
  }

  takeResult(): void {
    this.code
      .i32(this.plan.state + STATE.REGS)
      .access(OP.i64_load, 0)
      .set(this.reg[0]!);
  }

  spill(from: number, to: number): void {
    for (let r = from; r <= to; r++)
      this.code
        .i32(this.plan.state + STATE.REGS + 8 * r)
        .get(this.reg[r]!)
        .access(OP.i64_store, 0);
  }

  forgetArguments(): void {
    if (this.plan.checked) for (let r = 1; r <= 5; r++) this.code.i64(0).set(this.reg[r]!);
  }
}
