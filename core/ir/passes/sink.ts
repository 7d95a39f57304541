/**
 * Equal ends of two branches become one: where both ways into a block compute the same operations on different operands (one inlined function
 * called on either side, as bpf_log2l calls bpf_log2), the operations move below and the operands meet in phis. Fewer instructions, and the
 * kernel's verifier has less of them to go through twice. Only what has no effect moves, and only when it was used by the block's phis alone.
 */
import { newInst } from '../build.ts';
import { computePreds, phis, sameLeaf, users } from '../cfg.ts';
import { type Block, type Func, type Inst, IR_OP, isLeaf, terminator } from '../ir.ts';

/** Operations that must go for each phi that comes. */
const GAIN = 2;

export function sink(fn: Func): boolean {
  computePreds(fn);
  const uses = users(fn);
  let changed = false;
  for (const block of fn.blocks) {
    const [p, q] = block.preds as [Block, Block];
    if (block.preds.length !== 2 || p === q || phis(block).length === 0) continue;
    if (terminator(p).op !== 'br' || terminator(q).op !== 'br') continue;
    while (new Sinking(fn, block, p, q, uses).run()) changed = true;
  }
  return changed;
}

/** Identical, or leaves of one value. */
function same(a: Inst, b: Inst): boolean {
  return a === b || (isLeaf(a) && isLeaf(b) && sameLeaf(a, b));
}

class Sinking {
  private readonly fn: Func;
  private readonly block: Block;
  private readonly p: Block;
  private readonly q: Block;
  /** May name instructions that are gone or use the value no more. */
  private readonly uses: Map<Inst, Inst[]>;
  /** Partner in the other block, both ways. */
  private readonly partner = new Map<Inst, Inst>();

  constructor(fn: Func, block: Block, p: Block, q: Block, uses: Map<Inst, Inst[]>) {
    this.fn = fn;
    this.block = block;
    this.p = p;
    this.q = q;
    this.uses = uses;
  }

  run(): boolean {
    const own = phis(this.block);
    for (const phi of own) this.match(...this.pair(phi));
    this.prune(own);
    const moved = this.p.insts.filter((i) => this.partner.has(i));
    const replaced = own.filter((phi) => this.partner.has(this.pair(phi)[0]));
    const meeting = new Map<string, [Inst, Inst]>();
    for (const a of moved) {
      const b = this.partner.get(a)!;
      a.args.forEach((x, i) => {
        const y = b.args[i]!;
        if (!same(x, y) && this.partner.get(x) !== y) meeting.set(this.key(x, y), [x, y]);
      });
    }
    if (moved.length === 0 || moved.length < GAIN * (1 + meeting.size - replaced.length)) return false;
    this.move(moved, replaced, meeting);
    return true;
  }

  private pair(phi: Inst): [Inst, Inst] {
    return [phi.args[phi.targets.indexOf(this.p)]!, phi.args[phi.targets.indexOf(this.q)]!];
  }

  private key(x: Inst, y: Inst): string {
    const one = (v: Inst) => (v.op === 'const' ? `${v.value}:${v.type}` : `%${v.id}`);
    return `${one(x)} ${one(y)}`;
  }

  private match(a: Inst, b: Inst): void {
    if (a === b || a.block !== this.p || b.block !== this.q) return;
    if (this.partner.has(a) || this.partner.has(b)) return;
    const { kind, effect } = IR_OP[a.op];
    if (effect !== 'none' || kind === 'leaf' || kind === 'phi' || kind === 'alloca') return;
    if (a.op !== b.op || a.type !== b.type || a.sub !== b.sub || a.size !== b.size) return;
    if (a.args.some((x, i) => x.type !== b.args[i]!.type)) return;
    this.partner.set(a, b);
    this.partner.set(b, a);
    a.args.forEach((x, i) => {
      this.match(x, b.args[i]!);
    });
  }

  /** What somebody else uses, or uses in another place of its partner's user, stays. */
  private prune(own: readonly Inst[]): void {
    for (let changed = true; changed; ) {
      changed = false;
      for (const a of [...this.p.insts].reverse()) {
        const b = this.partner.get(a);
        if (b && this.onlyBelow(a, b, own)) continue;
        if (!b) continue;
        this.partner.delete(a);
        this.partner.delete(b);
        changed = true;
      }
    }
  }

  private onlyBelow(a: Inst, b: Inst, own: readonly Inst[]): boolean {
    const below = (v: Inst, other: Inst) =>
      (this.uses.get(v) ?? []).every((user) => {
        if (user.block === undefined || !user.args.includes(v)) return true;
        if (own.includes(user)) {
          const [x, y] = this.pair(user);
          return (x === v && y === other) || (y === v && x === other);
        }
        const twin = this.partner.get(user);
        return twin !== undefined && user.args.every((x, i) => x !== v || twin.args[i] === other);
      });
    return below(a, b) && below(b, a);
  }

  private move(moved: readonly Inst[], replaced: readonly Inst[], meeting: ReadonlyMap<string, [Inst, Inst]>): void {
    const { block, p, q } = this;
    const made = new Map<string, Inst>();
    for (const [key, [x, y]] of meeting) {
      const phi = newInst(this.fn, 'phi', x.type, [x, y], moved[0]!.loc);
      phi.targets = [p, q];
      phi.block = block;
      for (const v of phi.args) this.used(v, phi);
      made.set(key, phi);
    }
    for (const a of moved) {
      const b = this.partner.get(a)!;
      a.args = a.args.map((x, i) => {
        const y = b.args[i]!;
        if (same(x, y) || this.partner.get(x) === y) return x;
        const phi = made.get(this.key(x, y))!;
        this.used(phi, a);
        return phi;
      });
      a.block = block;
    }
    const gone = new Set(moved.map((a) => this.partner.get(a)!));
    const left = new Set(moved);
    p.insts = p.insts.filter((i) => !left.has(i));
    q.insts = q.insts.filter((i) => !gone.has(i));
    const table = new Map(replaced.map((phi) => [phi, this.pair(phi)[0]]));
    const kept = phis(block).filter((phi) => !table.has(phi));
    for (const [phi, value] of table) {
      for (const user of this.uses.get(phi) ?? []) {
        user.args = user.args.map((x) => (x === phi ? value : x));
        this.used(value, user);
      }
    }
    for (const dead of [...gone, ...table.keys()]) dead.block = undefined;
    block.insts = [...kept, ...made.values(), ...moved, ...block.insts.slice(phis(block).length)];
  }

  private used(value: Inst, user: Inst): void {
    const list = this.uses.get(value);
    if (list) list.push(user);
    else this.uses.set(value, [user]);
  }
}
