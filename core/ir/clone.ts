/** Copies of blocks, for inlining and unrolling. */
import { newBlock } from './build.ts';
import { type Block, type Func, Inst, isLeaf } from './ir.ts';

/**
 * Copy blocks into `fn`. `values` says what operands become (params of an inlined function, say) and receives every copy; operands that
 * are not in it and not copied stay. Targets outside the copied blocks stay too. Gives the table of blocks.
 */
export function cloneBlocks(fn: Func, blocks: readonly Block[], values: Map<Inst, Inst>): Map<Block, Block> {
  const table = new Map<Block, Block>();
  for (const b of blocks) {
    const copy = newBlock(fn, b.name);
    copy.unroll = b.unroll;
    table.set(b, copy);
  }
  for (const b of blocks) {
    const into = table.get(b)!;
    for (const inst of b.insts) {
      const copy = cloneInst(fn, inst);
      copy.block = into;
      values.set(inst, copy);
      into.insts.push(copy);
    }
  }
  for (const b of blocks) {
    for (const inst of table.get(b)!.insts) {
      inst.args = inst.args.map((a) => values.get(a) ?? (isLeaf(a) && a.op !== 'param' ? cloneInst(fn, a) : a));
      inst.targets = inst.targets.map((t) => table.get(t) ?? t);
    }
  }
  return table;
}

/** The same instruction with an id of its own, in no block. */
export function cloneInst(fn: Func, inst: Inst): Inst {
  const copy = new Inst(fn.nextId++, inst.op, inst.type, [...inst.args]);
  copy.loc = inst.loc;
  copy.value = inst.value;
  copy.off = inst.off;
  copy.size = inst.size;
  copy.align = inst.align;
  copy.name = inst.name;
  copy.helper = inst.helper;
  copy.sub = inst.sub;
  copy.volatile = inst.volatile;
  copy.probe = inst.probe;
  copy.space = inst.space;
  copy.targets = [...inst.targets];
  copy.cases = [...inst.cases];
  copy.likely = inst.likely;
  return copy;
}
