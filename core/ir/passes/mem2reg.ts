/**
 * Promotion of local variables to values: an alloca that is only loaded and stored whole, at one size and one offset, needs no
 * memory. Phis go where definitions meet and the variable is still live (Cytron et al., pruned); a walk of the dominator tree renames.
 */
import { newInst } from '../build.ts';
import { Dominators, phis, replaceAll, users } from '../cfg.ts';
import { type Block, type Func, type Inst, successors, TYPE_BYTES, type Type } from '../ir.ts';

export function mem2reg(fn: Func): boolean {
  const candidates = promotable(fn);
  if (candidates.size === 0) return false;
  new Promotion(fn, candidates).run();
  return true;
}

/** Allocas with their value type. */
function promotable(fn: Func): Map<Inst, Type> {
  const out = new Map<Inst, Type>();
  const uses = users(fn);
  for (const alloca of fn.blocks[0]!.insts) {
    if (alloca.op !== 'alloca') continue;
    let type: Type | undefined;
    let off = 0;
    const ok = (uses.get(alloca) ?? []).every((u) => {
      const width = u.op === 'load' ? u.type : u.op === 'store' && u.args[1] !== alloca ? u.args[1]!.type : undefined;
      if (width === undefined || u.volatile) return false;
      if (type === undefined) {
        type = width;
        off = u.off;
        return true;
      }
      return u.off === off && TYPE_BYTES[width] === TYPE_BYTES[type];
    });
    if (ok) out.set(alloca, type ?? 'i64');
  }
  return out;
}

class Promotion {
  private readonly fn: Func;
  private readonly types: Map<Inst, Type>;
  private readonly dom: Dominators;
  private readonly phiOf = new Map<Inst, Inst>();
  private readonly replaced = new Map<Inst, Inst>();

  constructor(fn: Func, types: Map<Inst, Type>) {
    this.fn = fn;
    this.types = types;
    this.dom = new Dominators(fn);
  }

  run(): void {
    this.placePhis();
    this.rename();
    for (const block of this.fn.blocks) {
      block.insts = block.insts.filter(
        (i) => !(this.types.has(i) || ((i.op === 'load' || i.op === 'store') && this.types.has(i.args[0]!))),
      );
    }
    replaceAll(this.fn, this.replaced);
  }

  private placePhis(): void {
    const frontiers = this.dom.frontiers();
    const stores = new Map<Inst, Set<Block>>();
    const liveIn = this.liveBlocks(stores);
    for (const [alloca, type] of this.types) {
      const live = liveIn.get(alloca)!;
      const done = new Set<Block>();
      const work = [...(stores.get(alloca) ?? [])];
      for (let b = work.pop(); b !== undefined; b = work.pop()) {
        for (const join of frontiers.get(b)!) {
          if (done.has(join) || !live.has(join)) continue;
          done.add(join);
          const phi = newInst(this.fn, 'phi', type, [], alloca.loc);
          phi.block = join;
          join.insts.unshift(phi);
          this.phiOf.set(phi, alloca);
          work.push(join);
        }
      }
    }
  }

  /** Per variable, the blocks at whose start its value is still wanted; fills the blocks that store it. */
  private liveBlocks(stores: Map<Inst, Set<Block>>): Map<Inst, Set<Block>> {
    const out = new Map<Inst, Set<Block>>();
    for (const alloca of this.types.keys()) {
      out.set(alloca, new Set());
      stores.set(alloca, new Set());
    }
    const work: { alloca: Inst; block: Block }[] = [];
    for (const block of this.fn.blocks) {
      const seen = new Set<Inst>();
      for (const i of block.insts) {
        const alloca = i.args[0];
        if (!alloca || !this.types.has(alloca) || (i.op !== 'load' && i.op !== 'store')) continue;
        if (i.op === 'store') stores.get(alloca)!.add(block);
        else if (!seen.has(alloca)) work.push({ alloca, block });
        seen.add(alloca);
      }
    }
    for (let w = work.pop(); w !== undefined; w = work.pop()) {
      const live = out.get(w.alloca)!;
      if (live.has(w.block)) continue;
      live.add(w.block);
      for (const p of w.block.preds) if (!stores.get(w.alloca)!.has(p)) work.push({ alloca: w.alloca, block: p });
    }
    return out;
  }

  private rename(): void {
    // One table for the whole walk: what a block set is taken back when its part of the dominator tree is done.
    const now = new Map<Inst, Inst>();
    const arriving = new Map<Inst, Map<Block, Inst>>();
    for (const phi of this.phiOf.keys()) arriving.set(phi, new Map());
    type Undo = [alloca: Inst, before: Inst | undefined][];
    const stack: { block: Block; next: number; undo: Undo }[] = [{ block: this.dom.order[0]!, next: 0, undo: [] }];
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      if (top.next === 0) this.renameBlock(top.block, now, top.undo, arriving);
      const child = this.dom.children.get(top.block)![top.next++];
      if (child) {
        stack.push({ block: child, next: 0, undo: [] });
        continue;
      }
      for (const [alloca, before] of top.undo.reverse()) {
        if (before) now.set(alloca, before);
        else now.delete(alloca);
      }
      stack.pop();
    }
    for (const phi of this.phiOf.keys()) {
      for (const from of phi.block!.preds) {
        phi.args.push(arriving.get(phi)!.get(from) ?? this.undef(phi.type));
        phi.targets.push(from);
      }
    }
  }

  private renameBlock(
    block: Block,
    now: Map<Inst, Inst>,
    undo: [Inst, Inst | undefined][],
    arriving: ReadonlyMap<Inst, Map<Block, Inst>>,
  ): void {
    const set = (alloca: Inst, value: Inst) => {
      undo.push([alloca, now.get(alloca)]);
      now.set(alloca, value);
    };
    const out: Inst[] = [];
    for (const inst of block.insts) {
      const alloca = inst.op === 'phi' ? this.phiOf.get(inst) : inst.args[0];
      if (alloca && this.types.has(alloca)) {
        if (inst.op === 'phi') set(alloca, inst);
        else if (inst.op === 'store') set(alloca, this.as(inst.args[1]!, this.types.get(alloca)!, inst, out));
        else if (inst.op === 'load')
          this.replaced.set(
            inst,
            this.as(now.get(alloca) ?? this.undef(this.types.get(alloca)!), inst.type, inst, out),
          );
      }
      out.push(inst);
    }
    block.insts = out;
    for (const to of successors(block)) {
      for (const phi of phis(to)) {
        const alloca = this.phiOf.get(phi);
        const value = alloca && now.get(alloca);
        if (value) arriving.get(phi)!.set(block, value);
      }
    }
  }

  private undef(type: Type): Inst {
    return newInst(this.fn, 'undef', type);
  }

  /** The value at a type of the same size: pointers and integers change into one another. */
  private as(value: Inst, type: Type, beside: Inst, out: Inst[]): Inst {
    if (value.type === type) return value;
    const cast = newInst(this.fn, type === 'ptr' ? 'inttoptr' : 'ptrtoint', type, [value], beside.loc);
    cast.block = beside.block;
    out.push(cast);
    return cast;
  }
}
