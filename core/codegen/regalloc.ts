/**
 * Register allocation: graph colouring with iterated coalescing (George and Appel, "Iterated Register Coalescing", TOPLAS 1996). Ten
 * colours, r0-r9; what lives across a call interferes with r0-r5. Coalescing is what counts: argument and result copies, two-address
 * copies and phi copies are most of the moves, and each one left is an instruction the program pays for.
 */
import { REG_FP } from '../isa/ops.ts';
import { BitSet, MOST_LIVE, removeDead, TooManyLive, walkBackwards } from './liveness.ts';
import { FIRST_VREG, forDefs, forUses, isCopy, type MFunc, type MInst, mapRegs } from './mir.ts';
import { isRematerialised, spill } from './spill.ts';

const K = 10;
const MAX_ROUNDS = 60;

/** Assign a machine register to every virtual one, spilling to the frame where there are too few. */
export function allocateRegisters(fn: MFunc): void {
  for (let round = 0; ; round++) {
    const colouring = new Colouring(fn);
    const spilled = colouring.run();
    if (spilled.length === 0) {
      colouring.apply();
      return;
    }
    if (round >= MAX_ROUNDS) throw new TypeError(`register allocation of ${fn.name} does not end`);
    colouring.merge(spilled);
    spill(fn, spilled);
  }
}

interface Move {
  readonly inst: MInst;
  readonly a: number;
  readonly b: number;
  state: 'work' | 'active' | 'done';
}

class Colouring {
  private readonly fn: MFunc;
  private readonly n: number;
  private readonly edges = new Set<number>();
  private readonly adjacent: number[][];
  private readonly degree: Int32Array;
  private readonly moves: Move[] = [];
  private readonly movesOf: Move[][];
  /** The same, with finished ones dropped as they are met. */
  private readonly openMoves: Move[][];
  private readonly cost: Float64Array;
  private readonly alias: Int32Array;
  private readonly colour: Int8Array;
  /** On the select stack or coalesced away: no longer in the graph. */
  private readonly gone: Uint8Array;
  private readonly coalesced: Uint8Array;
  private readonly joined: Uint8Array;
  private readonly simplify: number[] = [];
  private readonly freeze = new Set<number>();
  private readonly high = new Set<number>();
  private readonly stack: number[] = [];

  constructor(fn: MFunc) {
    this.fn = fn;
    this.n = fn.nextReg;
    this.adjacent = Array.from({ length: this.n }, () => []);
    this.movesOf = Array.from({ length: this.n }, () => []);
    this.openMoves = Array.from({ length: this.n }, () => []);
    this.degree = new Int32Array(this.n);
    this.cost = new Float64Array(this.n);
    this.alias = Int32Array.from({ length: this.n }, (_, i) => i);
    this.colour = new Int8Array(this.n).fill(-1);
    this.gone = new Uint8Array(this.n);
    this.coalesced = new Uint8Array(this.n);
    this.joined = new Uint8Array(this.n);
  }

  /** Colours everything it can; gives the virtual registers to spill. */
  run(): number[] {
    this.build();
    for (let r = 0; r <= REG_FP; r++) {
      this.colour[r] = r;
      this.degree[r] = 1 << 28;
    }
    const seen = this.occurring();
    for (let r = FIRST_VREG; r < this.n; r++) if (seen.has(r)) this.enlist(r);
    for (;;) {
      if (this.simplify.length > 0) this.doSimplify();
      else if (this.doCoalesce()) continue;
      else if (this.freeze.size > 0) this.doFreeze();
      else if (this.high.size > 0) this.doSelectSpill();
      else break;
    }
    return this.assign();
  }

  apply(): void {
    for (const b of this.fn.blocks) {
      for (const i of b.insts) mapRegs(i, (r) => (r <= REG_FP ? r : this.colour[this.find(r)]!));
      b.insts = b.insts.filter((i) => !(isCopy(i) && i.dst === i.src));
    }
  }

  /** Registers that were joined with ones to be spilled get their name: they share the slot. */
  merge(spilled: readonly number[]): void {
    const joined = new Set(spilled);
    const name = (r: number) => (r > REG_FP && joined.has(this.find(r)) ? this.find(r) : r);
    for (const b of this.fn.blocks) {
      for (const i of b.insts) mapRegs(i, name);
      b.insts = b.insts.filter((i) => !(isCopy(i) && i.dst === i.src));
    }
  }

  private occurring(): Set<number> {
    const seen = new Set<number>();
    for (const b of this.fn.blocks) {
      for (const i of b.insts) {
        forDefs(i, (r) => seen.add(r));
        forUses(i, (r) => seen.add(r));
      }
    }
    return seen;
  }

  private build(): void {
    const { liveOut } = removeDead(this.fn);
    const scratch = new BitSet(this.n);
    for (const b of this.fn.blocks) {
      const weight = 10 ** Math.min(b.depth, 6);
      walkBackwards(b, liveOut.get(b)!, scratch, (inst, live) => {
        const copy = isCopy(inst) && inst.src !== REG_FP;
        if (copy) {
          const move: Move = { inst, a: inst.dst, b: inst.src, state: 'work' };
          this.moves.push(move);
          for (const r of inst.src === inst.dst ? [inst.dst] : [inst.dst, inst.src]) {
            this.movesOf[r]!.push(move);
            this.openMoves[r]!.push(move);
          }
        }
        forDefs(inst, (d) => {
          let count = 0;
          live.forEach((l) => {
            if (++count > MOST_LIVE) throw new TooManyLive();
            if (!(copy && l === inst.src)) this.addEdge(d, l);
          });
          // What one instruction writes cannot share, even when dead afterwards.
          forDefs(inst, (e) => this.addEdge(d, e));
          this.cost[d]! += weight;
        });
        forUses(inst, (u) => {
          this.cost[u]! += weight;
        });
      });
    }
  }

  private key(a: number, b: number): number {
    return a < b ? a * this.n + b : b * this.n + a;
  }

  private addEdge(a: number, b: number): void {
    if (a === b || (a <= REG_FP && b <= REG_FP)) return;
    const key = this.key(a, b);
    if (this.edges.has(key)) return;
    this.edges.add(key);
    this.adjacent[a]!.push(b);
    this.adjacent[b]!.push(a);
    this.degree[a]!++;
    this.degree[b]!++;
  }

  private interferes(a: number, b: number): boolean {
    return this.edges.has(this.key(a, b));
  }

  private enlist(r: number): void {
    if (this.degree[r]! >= K) this.high.add(r);
    else if (this.moveRelated(r)) this.freeze.add(r);
    else this.simplify.push(r);
  }

  private moveRelated(r: number): boolean {
    const open = this.openMoves[r]!;
    while (open.length > 0 && open[open.length - 1]!.state === 'done') open.pop();
    return open.length > 0;
  }

  private neighbours(r: number, each: (n: number) => void): void {
    for (const a of this.adjacent[r]!) if (!this.gone[a]) each(a);
  }

  private doSimplify(): void {
    const r = this.simplify.pop()!;
    if (this.gone[r]) return;
    this.push(r);
  }

  private push(r: number): void {
    this.stack.push(r);
    this.gone[r] = 1;
    this.neighbours(r, (a) => this.lowerDegree(a));
  }

  private lowerDegree(r: number): void {
    if (r <= REG_FP) return;
    const d = this.degree[r]!--;
    if (d !== K) return;
    this.wake(r);
    this.neighbours(r, (a) => this.wake(a));
    this.high.delete(r);
    if (this.moveRelated(r)) this.freeze.add(r);
    else this.simplify.push(r);
  }

  /** Moves that waited for a smaller degree are tried again. */
  private wake(r: number): void {
    for (const m of this.openMoves[r]!) {
      if (m.state === 'active') {
        m.state = 'work';
        this.moves.push(m);
      }
    }
  }

  find(r: number): number {
    while (this.coalesced[r]) r = this.alias[r]!;
    return r;
  }

  /** Try one move; false when no move is left to try. */
  private doCoalesce(): boolean {
    let m = this.moves.pop();
    while (m !== undefined && m.state !== 'work') m = this.moves.pop();
    if (m === undefined) return false;
    let [u, v] = [this.find(m.a), this.find(m.b)];
    const bulk = (r: number) => this.adjacent[r]!.length + this.movesOf[r]!.length;
    // Into the machine register, or the small one into the large one.
    if (v <= REG_FP || (u > REG_FP && bulk(v) > bulk(u))) [u, v] = [v, u];
    if (u === v) {
      m.state = 'done';
      this.settle(u);
    } else if (v <= REG_FP || this.interferes(u, v)) {
      m.state = 'done';
      this.settle(u);
      this.settle(v);
    } else if (u <= REG_FP ? this.georgeTest(u, v) : this.briggsTest(u, v)) {
      m.state = 'done';
      this.combine(u, v);
      this.settle(u);
    } else m.state = 'active';
    return true;
  }

  private settle(r: number): void {
    if (r > REG_FP && this.degree[r]! < K && !this.moveRelated(r) && this.freeze.delete(r)) this.simplify.push(r);
  }

  /** Every neighbour of v is easy to colour or already a neighbour of the machine register u. */
  private georgeTest(u: number, v: number): boolean {
    for (const t of this.adjacent[v]!) {
      if (!this.gone[t] && this.degree[t]! >= K && t > REG_FP && !this.interferes(t, u)) return false;
    }
    return true;
  }

  /** The joined node has fewer than K hard neighbours; or George's test holds, which asks v alone, the one with fewer. */
  private briggsTest(u: number, v: number): boolean {
    if (this.georgeTest(u, v)) return true;
    const seen = new Set<number>();
    let hard = 0;
    for (const list of [this.adjacent[v]!, this.adjacent[u]!]) {
      for (const t of list) {
        if (this.gone[t] || seen.has(t)) continue;
        seen.add(t);
        // A neighbour of both loses one edge by the join.
        const degree = this.degree[t]! - (t > REG_FP && this.interferes(t, u) && this.interferes(t, v) ? 1 : 0);
        if (degree >= K && ++hard >= K) return false;
      }
    }
    return true;
  }

  private combine(u: number, v: number): void {
    this.freeze.delete(v);
    this.high.delete(v);
    this.coalesced[v] = 1;
    this.joined[u] = 1;
    this.gone[v] = 1;
    this.alias[v] = u;
    if (this.fn.fixed.has(v)) this.cost[u] = Number.POSITIVE_INFINITY;
    this.cost[u]! += this.cost[v]!;
    for (const m of this.movesOf[v]!) this.movesOf[u]!.push(m);
    for (const m of this.openMoves[v]!) if (m.state !== 'done') this.openMoves[u]!.push(m);
    this.wake(v);
    for (const t of this.adjacent[v]!) {
      if (this.gone[t]) continue;
      if (!this.interferes(t, u)) this.addEdge(t, u);
      this.lowerDegree(t);
    }
    if (u > REG_FP && this.degree[u]! >= K && this.freeze.delete(u)) this.high.add(u);
  }

  private doFreeze(): void {
    // Give up the moves that are worth least.
    let best = -1;
    for (const r of this.freeze) if (best < 0 || this.cost[r]! < this.cost[best]!) best = r;
    this.freeze.delete(best);
    this.freezeMoves(best);
    this.simplify.push(best);
  }

  private freezeMoves(r: number): void {
    for (const m of this.openMoves[r]!) {
      if (m.state === 'done') continue;
      m.state = 'done';
      const other = this.find(m.a) === r ? this.find(m.b) : this.find(m.a);
      this.settle(other);
    }
  }

  private doSelectSpill(): void {
    let best = -1;
    let least = Number.POSITIVE_INFINITY;
    for (const r of this.high) {
      const cost = this.fn.fixed.has(r)
        ? Number.POSITIVE_INFINITY
        : (this.cost[r]! * (!this.joined[r] && isRematerialised(this.fn, r) ? 0.4 : 1)) / this.degree[r]!;
      if (best < 0 || cost < least) {
        best = r;
        least = cost;
      }
    }
    this.high.delete(best);
    this.freezeMoves(best);
    this.simplify.push(best);
  }

  private assign(): number[] {
    const spilled: number[] = [];
    for (let r = this.stack.pop(); r !== undefined; r = this.stack.pop()) {
      let taken = 0;
      for (const a of this.adjacent[r]!) {
        const c = this.colour[this.find(a)]!;
        if (c >= 0) taken |= 1 << c;
      }
      const free = ~taken & ((1 << K) - 1);
      if (free === 0) spilled.push(r);
      else this.colour[r] = this.pick(r, free);
    }
    return spilled;
  }

  /** A colour that a move partner has, so that the move goes too; else the lowest. */
  private pick(r: number, free: number): number {
    for (const m of this.movesOf[r]!) {
      const other = this.find(this.find(m.a) === r ? m.b : m.a);
      const c = this.colour[other]!;
      if (c >= 0 && (free & (1 << c)) !== 0) return c;
    }
    return 31 - Math.clz32(free & -free);
  }
}
