/**
 * What passes ask about the control-flow graph: predecessors, reverse postorder, dominators (Cooper, Harvey, Kennedy: "A Simple,
 * Fast Dominance Algorithm"), dominance frontiers, natural loops. Everything is computed anew when asked: functions are small.
 */
import { type Block, type Func, type Inst, isLeaf, successors, terminator } from './ir.ts';

/** Fill `preds` of every block. A block that branches twice to one successor appears there once. */
export function computePreds(fn: Func): void {
  for (const block of fn.blocks) block.preds = [];
  // The branches of one block come one after the other: a repeated one is the last in the list.
  for (const block of fn.blocks)
    for (const to of successors(block)) if (to.preds[to.preds.length - 1] !== block) to.preds.push(block);
}

/** Blocks reached from the entry, each after its predecessors except over back edges. Iterative: deep graphs do not overflow. */
export function reversePostorder(fn: Func): Block[] {
  const order: Block[] = [];
  const seen = new Set<Block>([fn.blocks[0]!]);
  const stack: { block: Block; next: number }[] = [{ block: fn.blocks[0]!, next: 0 }];
  while (stack.length > 0) {
    const top = stack[stack.length - 1]!;
    const to = successors(top.block)[top.next++];
    if (to === undefined) {
      order.push(top.block);
      stack.pop();
    } else if (!seen.has(to)) {
      seen.add(to);
      stack.push({ block: to, next: 0 });
    }
  }
  return order.reverse();
}

/** Drop blocks that the entry does not reach, with the phi operands that came from them. True if any went. */
export function removeUnreachable(fn: Func): boolean {
  const reached = new Set(reversePostorder(fn));
  if (reached.size === fn.blocks.length) return false;
  for (const block of fn.blocks) {
    if (reached.has(block)) for (const phi of phis(block)) filterPhi(phi, (from) => reached.has(from));
  }
  fn.blocks = fn.blocks.filter((b) => reached.has(b));
  return true;
}

/** The phis of a block (a copy: the block may be changed meanwhile). */
export function phis(block: Block): Inst[] {
  const out: Inst[] = [];
  for (const inst of block.insts) {
    if (inst.op !== 'phi') break;
    out.push(inst);
  }
  return out;
}

/** Keep the operands of a phi whose incoming block satisfies `keep`. */
export function filterPhi(phi: Inst, keep: (from: Block) => boolean): void {
  phi.args = phi.args.filter((_, i) => keep(phi.targets[i]!));
  phi.targets = phi.targets.filter(keep);
}

/** The edge from `block` into `to` is gone: forget its phi operands, unless another edge between the two is left. */
export function dropEdge(block: Block, to: Block): void {
  if (!successors(block).includes(to)) for (const phi of phis(to)) filterPhi(phi, (from) => from !== block);
}

export class Dominators {
  /** Reverse postorder. */
  readonly order: Block[];
  readonly children = new Map<Block, Block[]>();
  private readonly index = new Map<Block, number>();
  private readonly idoms: number[];
  private readonly enter: number[] = [];
  private readonly leave: number[] = [];

  /** Needs a function without unreachable blocks; fills preds. */
  constructor(fn: Func) {
    computePreds(fn);
    const order = reversePostorder(fn);
    this.order = order;
    order.forEach((b, i) => {
      this.index.set(b, i);
      this.children.set(b, []);
    });
    const idoms = new Array<number>(order.length).fill(-1);
    idoms[0] = 0;
    for (let changed = true; changed; ) {
      changed = false;
      for (let i = 1; i < order.length; i++) {
        let best = -1;
        // The later ones first: from one of a ladder's rungs to the next is a short way.
        const { preds } = order[i]!;
        for (let n = preds.length - 1; n >= 0; n--) {
          const p = this.index.get(preds[n]!);
          if (p === undefined || idoms[p] === -1) continue;
          best = best === -1 ? p : intersect(idoms, p, best);
        }
        if (idoms[i] !== best) {
          idoms[i] = best;
          changed = true;
        }
      }
    }
    this.idoms = idoms;
    for (let i = 1; i < order.length; i++) this.children.get(order[idoms[i]!]!)!.push(order[i]!);
    this.number();
  }

  /** Position in reverse postorder. */
  indexOf(block: Block): number {
    return this.index.get(block)!;
  }

  /** Immediate dominator; undefined for the entry. */
  idom(block: Block): Block | undefined {
    const i = this.index.get(block)!;
    return i === 0 ? undefined : this.order[this.idoms[i]!];
  }

  /** Every path from the entry to `b` passes `a` (a block dominates itself). */
  dominates(a: Block, b: Block): boolean {
    const [i, k] = [this.index.get(a)!, this.index.get(b)!];
    return this.enter[i]! <= this.enter[k]! && this.leave[k]! <= this.leave[i]!;
  }

  /** Per block, the blocks where its dominance ends. */
  frontiers(): Map<Block, Set<Block>> {
    const out = new Map<Block, Set<Block>>(this.order.map((b) => [b, new Set<Block>()]));
    for (const block of this.order) {
      if (block.preds.length < 2 && block !== this.order[0]) continue;
      const stop = this.idom(block);
      for (const pred of block.preds) {
        for (let at: Block | undefined = pred; at !== undefined && at !== stop; at = this.idom(at)) {
          const frontier = out.get(at)!;
          // Another predecessor came by here and went on to the same end.
          if (frontier.has(block)) break;
          frontier.add(block);
        }
      }
    }
    return out;
  }

  /** Preorder of the dominator tree, children in reverse postorder. */
  preorder(): Block[] {
    const out: Block[] = [];
    const stack = [this.order[0]!];
    for (let block = stack.pop(); block !== undefined; block = stack.pop()) {
      out.push(block);
      const kids = this.children.get(block)!;
      for (let i = kids.length - 1; i >= 0; i--) stack.push(kids[i]!);
    }
    return out;
  }

  private number(): void {
    let clock = 0;
    const stack: { i: number; next: number }[] = [{ i: 0, next: 0 }];
    this.enter[0] = clock++;
    while (stack.length > 0) {
      const top = stack[stack.length - 1]!;
      const child = this.children.get(this.order[top.i]!)![top.next++];
      if (child === undefined) {
        this.leave[top.i] = clock++;
        stack.pop();
      } else {
        const i = this.index.get(child)!;
        this.enter[i] = clock++;
        stack.push({ i, next: 0 });
      }
    }
  }
}

function intersect(idoms: readonly number[], a: number, b: number): number {
  while (a !== b) {
    while (a > b) a = idoms[a]!;
    while (b > a) b = idoms[b]!;
  }
  return a;
}

/** A natural loop: what reaches one of `latches` without passing `header`. */
export interface Loop {
  readonly header: Block;
  readonly latches: readonly Block[];
  /** All its blocks, header included. */
  readonly blocks: ReadonlySet<Block>;
  readonly parent: Loop | undefined;
  /** 1 for an outermost loop. */
  readonly depth: number;
}

/** Natural loops, inner ones after those around them. Back edges into a block that does not dominate them (irreducible) make no loop. */
export function findLoops(dom: Dominators): Loop[] {
  const found: { header: Block; latches: Block[]; blocks: Set<Block> }[] = [];
  for (const header of dom.order) {
    const latches = header.preds.filter((p) => dom.dominates(header, p));
    if (latches.length === 0) continue;
    const blocks = new Set<Block>([header]);
    const work = [...latches];
    for (let b = work.pop(); b !== undefined; b = work.pop()) {
      if (blocks.has(b)) continue;
      blocks.add(b);
      work.push(...b.preds);
    }
    found.push({ header, latches, blocks });
  }
  const innermost = new Map<Block, Loop>();
  return found.map((l) => {
    const parent = innermost.get(l.header);
    const loop: Loop = { ...l, parent, depth: (parent?.depth ?? 0) + 1 };
    for (const b of l.blocks) innermost.set(b, loop);
    return loop;
  });
}

/** Every value of a function used as an operand: how often. Leaves included. */
export function useCounts(fn: Func): Map<Inst, number> {
  const uses = new Map<Inst, number>();
  for (const block of fn.blocks)
    for (const inst of block.insts) for (const a of inst.args) uses.set(a, (uses.get(a) ?? 0) + 1);
  return uses;
}

/** Who uses each value (an instruction that uses it twice appears twice). */
export function users(fn: Func): Map<Inst, Inst[]> {
  const out = new Map<Inst, Inst[]>();
  for (const block of fn.blocks) {
    for (const inst of block.insts) {
      for (const a of inst.args) {
        const list = out.get(a);
        if (list) list.push(inst);
        else out.set(a, [inst]);
      }
    }
  }
  return out;
}

/** Replace operands by a table, following chains (a -> b -> c). */
export function replaceAll(fn: Func, table: Map<Inst, Inst>): void {
  if (table.size === 0) return;
  for (const block of fn.blocks) {
    for (const inst of block.insts) {
      for (let i = 0; i < inst.args.length; i++)
        if (table.has(inst.args[i]!)) inst.args[i] = resolve(table, inst.args[i]!);
    }
  }
}

export function resolve(table: Map<Inst, Inst>, inst: Inst): Inst {
  for (let to = table.get(inst); to !== undefined; to = table.get(inst)) inst = to;
  return inst;
}

/** Number of instructions, terminators included. */
export function instCount(fn: Func): number {
  return fn.blocks.reduce((n, b) => n + b.insts.length, 0);
}

/** Two leaves that are the same value. */
export function sameLeaf(a: Inst, b: Inst): boolean {
  return (
    a === b ||
    (isLeaf(a) &&
      a.op === b.op &&
      a.op !== 'param' &&
      a.type === b.type &&
      a.value === b.value &&
      a.name === b.name &&
      a.off === b.off)
  );
}

/** Put a new block on the edge `from` -> `to` (all such edges when there are several) and give it. */
export function retarget(from: Block, to: Block, instead: Block): void {
  const end = terminator(from);
  end.targets = end.targets.map((b) => (b === to ? instead : b));
}
