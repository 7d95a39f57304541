/** Calls: of BPF functions (wasm calls), of helpers and kfuncs (imports; registers go through the state block), tail calls. */
import { CALL, STACK_SIZE } from '../../isa/ops.ts';
import { HELPER_TAIL_CALL, STACK_AREA } from '../layout.ts';
import type { FunctionEmitter } from './emitter.ts';
import { inlineLookup } from './lookup.ts';
import { calledRow, FAULT, lengthOf } from './plan.ts';
import { STATE } from './state.ts';
import { OP, VOID } from './wasm.ts';

export function emitCall(e: FunctionEmitter, pc: number): void {
  const { plan } = e;
  const p = plan.decoded;
  const imm = p.imm[pc]!;
  const kind = p.src[pc] === CALL.kfunc ? 'kfunc' : 'helper';
  if (p.src[pc] === CALL.local) callLocal(e, pc, plan.indexOfStart.get(pc + 1 + imm)!);
  else if (kind === 'helper' && imm === HELPER_TAIL_CALL) tailCall(e, pc);
  else callRow(e, pc, kind, imm);
}

function callRow(e: FunctionEmitter, pc: number, kind: 'helper' | 'kfunc', imm: number): void {
  const { code, plan } = e;
  const row = calledRow(plan, kind, imm);
  if (row === undefined) {
    e.setFault(pc, FAULT.call);
    code.op(OP.br).u(e.labels);
    return;
  }
  const key = plan.pieces.keys.get(pc);
  if (key !== undefined) {
    const [hash, node] = e.lookupLocals();
    const word = (at: number) => e.keyWord(key[at >>> 2]!);
    inlineLookup(plan.env, plan.lookupMap(pc)!, { code, word, hash, node });
    code.set(e.reg[0]!);
    return;
  }
  const lookup = plan.lookupFunction(pc);
  if (lookup !== undefined) {
    code.get(e.reg[2]!).op(OP.i32_wrap).call(lookup).set(e.reg[0]!);
    return;
  }
  const callsBack = row.args.includes('func');
  if (callsBack) {
    e.usesFuel = true;
    e.storeFuel();
  }
  if (plan.checked) {
    e.spill(0, 9);
    code.i32(plan.state + STATE.REGS + 80);
    e.pushFramePointer();
    code.access(OP.i64_store, 0);
  } else e.spill(1, 5);
  code.i32(pc).call(plan.helperImport(kind, imm));
  e.takeResult();
  if (callsBack) e.loadFuel();
  e.forgetArguments();
}

function callLocal(e: FunctionEmitter, pc: number, callee: number): void {
  const { code, plan } = e;
  e.charge(pc, lengthOf(plan, callee));
  e.setFault(pc, FAULT.depth);
  // The last frame ends where the area does, and areas are aligned.
  code
    .get(e.fp)
    .i32(STACK_AREA - 1)
    .op(OP.i32_and, OP.i32_eqz);
  e.faultIf();
  const fp = e.calleeFp;
  code.get(e.fp).i32(STACK_SIZE).op(OP.i32_add).set(fp);
  if (plan.inline(e, callee, fp)) return;
  if (plan.metered) e.storeFuel();
  if (plan.checked) {
    frames(e, 1);
    for (let at = 0; at < STACK_SIZE; at += 8) code.get(e.fp).i64(0).access(OP.i64_store, at);
  }
  code.get(fp);
  for (let r = 1; r <= 5; r++) e.read(r);
  code.call(plan.firstFunction + callee).set(e.reg[0]!);
  if (plan.metered) e.loadFuel();
  if (plan.checked) frames(e, 0);
  e.forgetArguments();
}

/** Tell how many frames are active: this one and `more`. */
function frames(e: FunctionEmitter, more: number): void {
  const { code } = e;
  // fp - 1 lies in the frame, whatever its number.
  code
    .get(e.fp)
    .i32(1)
    .op(OP.i32_sub)
    .i32(STACK_AREA - 1)
    .op(OP.i32_and)
    .i32(9)
    .op(OP.i32_shr_u)
    .i32(1 + more)
    .op(OP.i32_add);
  code.call(e.plan.importOf('frames'));
}

function tailCall(e: FunctionEmitter, pc: number): void {
  const { code, plan } = e;
  e.usesFuel = true;
  e.storeFuel();
  e.spill(0, 9);
  code.get(e.fp).i32(pc).call(plan.importOf('tail'));
  e.takeResult();
  e.loadFuel();
  code.op(OP.if).byte(VOID);
  e.labels++;
  e.exit();
  e.labels--;
  code.op(OP.end);
  e.forgetArguments();
}
