/**
 * The control-flow graph of one BPF function, as structured code generation needs it: basic blocks in reverse postorder,
 * immediate dominators (Cooper, Harvey, Kennedy: "A Simple, Fast Dominance Algorithm"), loop headers, merge points, and
 * whether the graph is reducible. All walks are iterative: programs nest deeper than the JavaScript stack.
 */
import { isConditionalJump, jumpTarget } from '../../isa/check.ts';
import type { DecodedProgram } from '../../isa/insn.ts';
import { OP_EXIT, OP_LD_IMM64, OP_MAY_GOTO } from '../../isa/ops.ts';

export interface Block {
  /** Position in reverse postorder; the entry is 0. */
  readonly order: number;
  /** First slot, and the slot after the last instruction. */
  readonly start: number;
  readonly end: number;
  /** Slot of the last instruction. */
  readonly last: number;
  readonly ends: 'exit' | 'goto' | 'branch' | 'fall';
  /** Taken target of goto and branch; next block of fall. */
  target: Block | undefined;
  /** Not-taken successor of a branch. */
  next: Block | undefined;
  dominator: Block | undefined;
  readonly dominated: Block[];
  /** Some edge comes from a block that it dominates. */
  loopHeader: boolean;
  /** Edges from earlier blocks. */
  forwardIn: number;
}

export interface Cfg {
  /** Reachable blocks in reverse postorder. */
  readonly blocks: readonly Block[];
  readonly reducible: boolean;
}

/** The graph of the function in slots `from` (inclusive) to `to` (exclusive). */
export function controlFlow(p: DecodedProgram, from: number, to: number): Cfg {
  const leader = new Uint8Array(to - from + 1);
  leader[0] = 1;
  for (let pc = from; pc < to; pc++) {
    const target = jumpTarget(p, pc);
    if (target !== undefined) leader[target - from] = 1;
    if (target !== undefined || p.opcode[pc] === OP_EXIT) leader[pc + 1 - from] = 1;
    if (p.opcode[pc] === OP_LD_IMM64) pc++;
  }
  /** Index in `raw` of the block that starts at a slot. */
  const indexAt = new Int32Array(to - from + 1);
  const raw: RawBlock[] = [];
  for (let start = from; start < to; ) {
    let [pc, last] = [start, start];
    do {
      last = pc;
      pc += p.opcode[pc] === OP_LD_IMM64 ? 2 : 1;
    } while (pc < to && leader[pc - from] === 0);
    indexAt[start - from] = raw.push({ start, end: pc, last, ends: ending(p, last), target: -1, next: -1 }) - 1;
    start = pc;
  }
  for (const block of raw) {
    if (block.ends === 'goto' || block.ends === 'branch') block.target = indexAt[jumpTarget(p, block.last)! - from]!;
    if (block.ends === 'fall') block.target = indexAt[block.end - from]!;
    if (block.ends === 'branch') block.next = indexAt[block.end - from]!;
  }
  const postorder = walk(raw);
  const count = postorder.length;
  const orderOf = new Int32Array(raw.length);
  const blocks: Block[] = [];
  for (let order = 0; order < count; order++) {
    const index = postorder[count - 1 - order]!;
    orderOf[index] = order;
    const { start, end, last, ends } = raw[index]!;
    blocks.push({
      order,
      start,
      end,
      last,
      ends,
      target: undefined,
      next: undefined,
      dominator: undefined,
      dominated: [],
      loopHeader: false,
      forwardIn: 0,
    });
  }
  for (let order = 0; order < count; order++) {
    const { target, next } = raw[postorder[count - 1 - order]!]!;
    if (target >= 0) blocks[order]!.target = blocks[orderOf[target]!];
    if (next >= 0) blocks[order]!.next = blocks[orderOf[next]!];
  }
  const before = predecessors(blocks);
  dominators(blocks, before);
  let reducible = true;
  for (const block of blocks) {
    for (const from of before[block.order]!) {
      if (from.order < block.order) block.forwardIn++;
      else if (dominates(block, from)) block.loopHeader = true;
      else reducible = false;
    }
  }
  return { blocks, reducible };
}

interface RawBlock {
  readonly start: number;
  readonly end: number;
  readonly last: number;
  readonly ends: Block['ends'];
  /** Indices of the successors, or -1. */
  target: number;
  next: number;
}

function ending(p: DecodedProgram, last: number): Block['ends'] {
  const opcode = p.opcode[last]!;
  if (opcode === OP_EXIT) return 'exit';
  if (isConditionalJump(opcode) || opcode === OP_MAY_GOTO) return 'branch';
  return jumpTarget(p, last) === undefined ? 'fall' : 'goto';
}

/** Indices of the reachable blocks in postorder, the first block being the entry. */
function walk(raw: readonly RawBlock[]): number[] {
  const out: number[] = [];
  /** 0 not seen, 1 on the path, 2 target done, 3 both done. */
  const state = new Uint8Array(raw.length);
  const path = [0];
  state[0] = 1;
  while (path.length > 0) {
    const index = path[path.length - 1]!;
    const step = state[index]!++;
    if (step > 2) {
      out.push(index);
      path.pop();
      continue;
    }
    const successor = step === 1 ? raw[index]!.target : raw[index]!.next;
    if (successor >= 0 && state[successor] === 0) {
      state[successor] = 1;
      path.push(successor);
    }
  }
  return out;
}

function predecessors(blocks: readonly Block[]): Block[][] {
  const before: Block[][] = blocks.map(() => []);
  for (const block of blocks) {
    if (block.target) before[block.target.order]!.push(block);
    if (block.next) before[block.next.order]!.push(block);
  }
  return before;
}

function dominators(blocks: readonly Block[], before: readonly (readonly Block[])[]): void {
  const entry = blocks[0]!;
  entry.dominator = entry;
  for (let changed = true; changed; ) {
    changed = false;
    for (const block of blocks) {
      if (block === entry) continue;
      let best: Block | undefined;
      for (const from of before[block.order]!) {
        if (from.dominator === undefined) continue;
        best = best === undefined ? from : meet(best, from);
      }
      if (best !== block.dominator) {
        block.dominator = best;
        changed = true;
      }
    }
  }
  entry.dominator = undefined;
  for (const block of blocks) block.dominator?.dominated.push(block);
}

function meet(a: Block, b: Block): Block {
  while (a !== b) {
    while (a.order > b.order) a = a.dominator!;
    while (b.order > a.order) b = b.dominator!;
  }
  return a;
}

function dominates(a: Block, b: Block): boolean {
  let at: Block | undefined = b;
  while (at && at.order > a.order) at = at.dominator;
  return at === a;
}
