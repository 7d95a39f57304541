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
  const leaders = new Set([from]);
  for (let pc = from; pc < to; pc++) {
    const target = jumpTarget(p, pc);
    if (target !== undefined) leaders.add(target);
    if (target !== undefined || p.opcode[pc] === OP_EXIT) leaders.add(pc + 1);
    if (p.opcode[pc] === OP_LD_IMM64) pc++;
  }
  const byStart = new Map<number, RawBlock>();
  const sorted = [...leaders].filter((pc) => pc < to).sort((a, b) => a - b);
  sorted.forEach((start, i) => {
    const end = sorted[i + 1] ?? to;
    let last = start;
    for (let pc = start; pc < end; pc++) {
      last = pc;
      if (p.opcode[pc] === OP_LD_IMM64) pc++;
    }
    byStart.set(start, { start, end, last, successors: successors(p, last, end) });
  });
  const postorder = walk(byStart, from);
  const order = new Map(postorder.map((start, i) => [start, postorder.length - 1 - i]));
  const blocks = postorder.reverse().map((start): Block => {
    const raw = byStart.get(start)!;
    return {
      order: order.get(start)!,
      start,
      end: raw.end,
      last: raw.last,
      ends: ending(p, raw.last),
      target: undefined,
      next: undefined,
      dominator: undefined,
      dominated: [],
      loopHeader: false,
      forwardIn: 0,
    };
  });
  for (const block of blocks) {
    const [target, next] = byStart.get(block.start)!.successors;
    if (target !== undefined) block.target = blocks[order.get(target)!];
    if (next !== undefined) block.next = blocks[order.get(next)!];
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
  readonly successors: readonly number[];
}

function ending(p: DecodedProgram, last: number): Block['ends'] {
  const opcode = p.opcode[last]!;
  if (opcode === OP_EXIT) return 'exit';
  if (isConditionalJump(opcode) || opcode === OP_MAY_GOTO) return 'branch';
  return jumpTarget(p, last) === undefined ? 'fall' : 'goto';
}

function successors(p: DecodedProgram, last: number, end: number): number[] {
  switch (ending(p, last)) {
    case 'exit':
      return [];
    case 'goto':
      return [jumpTarget(p, last)!];
    case 'branch':
      return [jumpTarget(p, last)!, end];
    default:
      return [end];
  }
}

/** Starts of the reachable blocks in postorder. */
function walk(blocks: ReadonlyMap<number, RawBlock>, entry: number): number[] {
  const out: number[] = [];
  const seen = new Set([entry]);
  const path = [{ start: entry, at: 0 }];
  while (path.length > 0) {
    const top = path[path.length - 1]!;
    const next = blocks.get(top.start)!.successors[top.at++];
    if (next === undefined) {
      out.push(top.start);
      path.pop();
    } else if (!seen.has(next)) {
      seen.add(next);
      path.push({ start: next, at: 0 });
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
