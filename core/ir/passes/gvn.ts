/**
 * Equal computations are made once: a walk of the dominator tree with a table of what is available (loads apart: see forward.ts).
 * On the way, branches teach: below `if (x == 5)` x is 5, and a condition that a dominating branch has settled is a constant. Values
 * that cost nothing to make again (truncations, frame offsets) are shared too; the allocator copes.
 */
import { newConst } from '../build.ts';
import { Dominators, resolve } from '../cfg.ts';
import { type Block, COND, type Cond, type Func, type Inst, IR_OP, isLeaf, terminator } from '../ir.ts';

export function gvn(fn: Func): boolean {
  return new Numbering(fn).run();
}

const COMMUTES = new Set(['add', 'mul', 'and', 'or', 'xor']);

class Numbering {
  private readonly fn: Func;
  private readonly dom: Dominators;
  private readonly replaced = new Map<Inst, Inst>();
  private readonly leafIds = new Map<string, number>();
  private readonly table = new Map<string, Inst>();
  private undo: [string, Inst | undefined][] = [];
  private changed = false;

  constructor(fn: Func) {
    this.fn = fn;
    this.dom = new Dominators(fn);
  }

  run(): boolean {
    // One table for the whole walk: what a block added is taken back when its part of the tree is done.
    const stack = [{ block: this.dom.order[0]!, next: -1, undo: [] as [string, Inst | undefined][] }];
    while (stack.length > 0) {
      const top = stack[stack.length - 1]!;
      if (top.next < 0) {
        this.undo = top.undo;
        this.visit(top.block);
        top.next = 0;
      }
      const child = this.dom.children.get(top.block)![top.next++];
      if (child) {
        stack.push({ block: child, next: -1, undo: [] });
        continue;
      }
      for (const [key, before] of top.undo.reverse()) {
        if (before) this.table.set(key, before);
        else this.table.delete(key);
      }
      stack.pop();
    }
    for (const block of this.fn.blocks) {
      for (const inst of block.insts)
        for (let i = 0; i < inst.args.length; i++) inst.args[i] = resolve(this.replaced, inst.args[i]!);
    }
    return this.changed;
  }

  private visit(block: Block): void {
    this.learn(block);
    const out: Inst[] = [];
    for (const inst of block.insts) {
      for (let i = 0; i < inst.args.length; i++) inst.args[i] = resolve(this.replaced, inst.args[i]!);
      this.unsign(inst);
      const key = this.keyOf(inst);
      const known = key === undefined ? undefined : this.table.get(key);
      if (known) {
        this.replaced.set(inst, known);
        this.changed = true;
        continue;
      }
      if (key !== undefined) this.enter(key, inst);
      out.push(inst);
    }
    block.insts = out;
  }

  private enter(key: string, value: Inst): void {
    this.undo.push([key, this.table.get(key)]);
    this.table.set(key, value);
  }

  /** What must hold in a block that only one edge of a branch leads to. */
  private learn(block: Block): void {
    if (block.preds.length !== 1) return;
    const end = terminator(block.preds[0]!);
    if (end.op !== 'condbr' || end.targets[0] === end.targets[1]) return;
    const holds = end.targets[0] === block;
    const cond = resolve(this.replaced, end.args[0]!);
    if (cond.op !== 'icmp') return;
    const [a, b] = cond.args.map((x) => resolve(this.replaced, x)) as [Inst, Inst];
    const one = newConst(this.fn, 'i1', 1n);
    const zero = newConst(this.fn, 'i1', 0n);
    const sub = cond.sub as Cond;
    this.enter(this.compareKey(sub, a, b), holds ? one : zero);
    this.enter(this.compareKey(COND[sub].not, a, b), holds ? zero : one);
  }

  /** Signed division and extension of what a dominating branch showed to be non-negative are the unsigned, cheaper ones. */
  private unsign(inst: Inst): void {
    const unsigned = ({ sdiv: 'udiv', srem: 'urem', ashr: 'lshr', sext: 'zext' } as const)[inst.op as 'sdiv'];
    const [x, y] = inst.args as [Inst, Inst | undefined];
    if (
      !unsigned ||
      x.type === 'i1' ||
      ((inst.op === 'sdiv' || inst.op === 'srem') && !(y!.op === 'const' && y!.value > 0n))
    )
      return;
    // What is in the table is either a settled truth or merely the same compare made before.
    const is = (cond: Cond, c: bigint): bigint | undefined => {
      const known = this.table.get(this.compareKey(cond, x, newConst(this.fn, x.type, c)));
      return known?.op === 'const' ? known.value : undefined;
    };
    if (is('slt', 0n) === 0n || is('sgt', -1n) === 1n || is('sgt', 0n) === 1n || is('slt', 1n) === 0n) {
      inst.op = unsigned;
      this.changed = true;
    }
  }

  private compareKey(cond: Cond, a: Inst, b: Inst): string {
    const [x, y] = [this.id(a), this.id(b)];
    return x <= y ? `icmp ${cond} ${x} ${y}` : `icmp ${COND[cond].swap} ${y} ${x}`;
  }

  private id(v: Inst): number {
    if (!isLeaf(v) || v.op === 'param') return v.id;
    const key = `${v.op} ${v.type} ${v.value} ${v.name} ${v.off}`;
    let id = this.leafIds.get(key);
    if (id === undefined) this.leafIds.set(key, (id = -1 - this.leafIds.size));
    return id;
  }

  private keyOf(inst: Inst): string | undefined {
    if (IR_OP[inst.op].effect !== 'none' || inst.op === 'alloca') return undefined;
    if (inst.op === 'phi')
      return `phi ${inst.block!.id} ${inst.args
        .map((a, i) => `${inst.targets[i]!.id}:${this.id(a)}`)
        .sort()
        .join(' ')}`;
    if (inst.op === 'icmp') return this.compareKey(inst.sub as Cond, inst.args[0]!, inst.args[1]!);
    const ids = inst.args.map((a) => this.id(a));
    if (COMMUTES.has(inst.op) && ids[0]! > ids[1]!) ids.reverse();
    return `${inst.op} ${inst.type} ${inst.size} ${ids.join(' ')}`;
  }
}
