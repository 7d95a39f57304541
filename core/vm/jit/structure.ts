/**
 * From a control-flow graph to wasm's structured control: a loop header becomes a `loop`, a block with several ways in a
 * `block` that ends where it begins, every other block stands where its only predecessor jumps to it. The dominator tree
 * says what nests in what (Ramsey: "Beyond Relooper: Recursive Translation of Unstructured Control Flow to Structured
 * Control Flow", ICFP 2022), here with a work list instead of recursion. An irreducible graph runs as a `br_table` in a loop.
 */

import { jumpTarget } from '../../isa/check.ts';
import type { DecodedProgram } from '../../isa/insn.ts';
import { CALL, CLASS, OP_CALL, OP_LD_IMM64, OP_MAY_GOTO } from '../../isa/ops.ts';
import { HELPER_TAIL_CALL } from '../layout.ts';
import { type Block, type Cfg, controlFlow } from './cfg.ts';
import { emitCondition, emitInsn } from './emit.ts';
import type { FunctionEmitter } from './emitter.ts';
import { lowHalves } from './low-halves.ts';
import { calledRow, lengthOf, type Plan } from './plan.ts';
import { OP, VOID } from './wasm.ts';

/** Emit the body of BPF function `index`: fault block, code, fault epilogue. */
export function emitBody(e: FunctionEmitter, plan: Plan, index: number): void {
  const from = plan.starts[index]!;
  const to = from + lengthOf(plan, index);
  const cfg = controlFlow(plan.decoded, from, to);
  scan(e, plan, from, to);
  e.lows = lowHalves(plan, cfg, from, to);
  e.prologue();
  if (e.usesFuel) e.startFuel();
  e.code.op(OP.block).byte(VOID);
  if (cfg.reducible) structured(e, plan.decoded, cfg);
  else dispatched(e, plan.decoded, cfg);
  e.code.op(OP.end);
  e.faultEpilogue();
}

/** What the function needs set up at its start. */
function scan(e: FunctionEmitter, plan: Plan, from: number, to: number): void {
  const p = plan.decoded;
  for (let pc = from; pc < to; pc++) {
    const opcode = p.opcode[pc]!;
    const target = jumpTarget(p, pc);
    if (target !== undefined && target <= pc && plan.metered) e.usesFuel = true;
    if (opcode === OP_MAY_GOTO) e.usesMayGoto = true;
    if (opcode === OP_CALL) {
      const kind = p.src[pc] === CALL.kfunc ? 'kfunc' : 'helper';
      if (p.src[pc] === CALL.local) e.usesFuel ||= plan.metered;
      else if (kind === 'helper' && p.imm[pc] === HELPER_TAIL_CALL) e.usesFuel = true;
      else if (calledRow(plan, kind, p.imm[pc]!)?.args.includes('func')) e.usesFuel = true;
    } else if (readsFramePointer(p, pc)) e.usesR10 = true;
    if (opcode === OP_LD_IMM64) pc++;
  }
}

/** Is r10 used as a value? As an address base it needs no register. */
function readsFramePointer(p: DecodedProgram, pc: number): boolean {
  switch (p.opcode[pc]! & 7) {
    case CLASS.JMP:
    case CLASS.JMP32:
      return p.dst[pc] === 10 || p.src[pc] === 10;
    case CLASS.ALU:
    case CLASS.ALU64:
      return p.src[pc] === 10;
    case CLASS.STX:
      return p.src[pc] === 10;
    case CLASS.LD:
      return p.src[pc] === 10;
    default:
      return false;
  }
}

/** Instructions of a block up to its jump or exit. */
function straight(e: FunctionEmitter, p: DecodedProgram, block: Block): void {
  const stop = block.ends === 'fall' ? block.end : block.last;
  for (let pc = block.start; pc < stop; pc++) {
    emitInsn(e, pc);
    if (p.opcode[pc] === OP_LD_IMM64) pc++;
  }
}

/** What a jump from a block to its taken target costs, or 0 when it goes forwards. */
function cost(block: Block): number {
  const target = block.target!;
  return block.ends !== 'fall' && target.start <= block.last ? block.last - target.start + 1 : 0;
}

type Work =
  | { readonly do: 'node'; readonly block: Block }
  | { readonly do: 'ends'; readonly block: Block }
  | { readonly do: 'close' }
  /** Close the label, then go on with the block that it led to. */
  | { readonly do: 'land'; readonly block: Block };

function structured(e: FunctionEmitter, p: DecodedProgram, cfg: Cfg): void {
  const { code } = e;
  /** Open labels, outermost first: how many are open, and where each block's is. */
  let open = 0;
  const labelOf = new Map<Block, number>();
  const work: Work[] = [{ do: 'node', block: cfg.blocks[0]! }];
  const enter = (block: Block | undefined) => {
    if (block) labelOf.set(block, open);
    e.labels = ++open;
  };
  const leave = () => {
    code.op(OP.end);
    e.labels = --open;
  };
  const labelled = (from: Block, to: Block) => to.order <= from.order || to.forwardIn > 1;
  /** Jump to a labelled block. */
  const branch = (to: Block) => code.op(OP.br).u(open - 1 - labelOf.get(to)!);
  const charge = (block: Block) => {
    const amount = cost(block);
    if (amount > 0) e.charge(block.last, amount);
  };

  const ends = (block: Block) => {
    const { target, next, ends: how } = block;
    switch (how) {
      case 'exit':
        e.exit();
        return;
      case 'goto':
      case 'fall':
        charge(block);
        if (labelled(block, target!)) branch(target!);
        else work.push({ do: 'node', block: target! });
        return;
      case 'branch': {
        const [toTarget, toNext] = [labelled(block, target!), labelled(block, next!)];
        emitCondition(e, block.last);
        if (toTarget && cost(block) === 0) {
          code.op(OP.br_if).u(open - 1 - labelOf.get(target!)!);
        } else if (toNext && !toTarget) {
          code.op(OP.i32_eqz, OP.br_if).u(open - 1 - labelOf.get(next!)!);
          charge(block);
          work.push({ do: 'node', block: target! });
          return;
        } else {
          code.op(OP.if).byte(VOID);
          enter(undefined);
          charge(block);
          if (toTarget) {
            branch(target!);
            leave();
          } else {
            work.push({ do: 'node', block: next! }, { do: 'close' }, { do: 'node', block: target! });
            return;
          }
        }
        if (toNext) branch(next!);
        else work.push({ do: 'node', block: next! });
        return;
      }
      default:
        missing(how);
    }
  };

  for (let item = work.pop(); item !== undefined; item = work.pop()) {
    switch (item.do) {
      case 'close':
        leave();
        break;
      case 'land':
        leave();
        work.push({ do: 'node', block: item.block });
        break;
      case 'ends':
        ends(item.block);
        break;
      case 'node': {
        const { block } = item;
        if (block.loopHeader) {
          code.op(OP.loop).byte(VOID);
          enter(block);
          work.push({ do: 'close' });
        }
        // Ascending order of execution, so the last one's label is the outermost.
        const merges = block.dominated.filter((b) => b.forwardIn > 1).sort((a, b) => b.order - a.order);
        for (const merge of merges) {
          code.op(OP.block).byte(VOID);
          enter(merge);
          work.push({ do: 'land', block: merge });
        }
        straight(e, p, block);
        work.push({ do: 'ends', block });
      }
    }
  }
}

/** A way to end a block without a case is found when this file is type-checked. */
function missing(what: never): never {
  throw new Error(`the JIT has no code for a block that ends by ${String(what)}`);
}

function dispatched(e: FunctionEmitter, p: DecodedProgram, cfg: Cfg): void {
  const { code } = e;
  const count = cfg.blocks.length;
  code.i32(0).set(e.state).op(OP.loop).byte(VOID);
  for (let i = 0; i < count; i++) code.op(OP.block).byte(VOID);
  code
    .get(e.state)
    .op(OP.br_table)
    .u(count - 1);
  for (let i = 0; i < count; i++) code.u(i);
  cfg.blocks.forEach((block, i) => {
    code.op(OP.end);
    // Labels open inside the fault block: the loop, and the blocks still to come.
    const open = count - i;
    e.labels = open;
    straight(e, p, block);
    const go = (to: Block, extra: number) =>
      code
        .i32(to.order)
        .set(e.state)
        .op(OP.br)
        .u(open - 1 + extra);
    const charge = () => {
      if (cost(block) > 0) e.charge(block.last, cost(block));
    };
    const how = block.ends;
    switch (how) {
      case 'exit':
        e.exit();
        return;
      case 'branch':
        emitCondition(e, block.last);
        code.op(OP.if).byte(VOID);
        e.labels = open + 1;
        charge();
        go(block.target!, 1);
        code.op(OP.end);
        e.labels = open;
        go(block.next!, 0);
        return;
      case 'goto':
      case 'fall':
        charge();
        go(block.target!, 0);
        return;
      default:
        missing(how);
    }
  });
  code.op(OP.end, OP.unreachable);
  e.labels = 0;
}
