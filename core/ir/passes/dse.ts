/**
 * Dead stores: bytes of a variable that are overwritten, or never read again, need not be written. Liveness of every byte of every private
 * variable, backwards over the graph. A helper that gets a variable's address reads all of it, padding included, so what BCC's
 * users zeroed for it stays; one that surely fills it (probe_read) makes earlier writes of those bytes dead.
 */
import { Aliases, type Place } from '../alias.ts';
import { newInst } from '../build.ts';
import { computePreds } from '../cfg.ts';
import type { Block, Func, Inst, Module } from '../ir.ts';

/** Bytes of variables times blocks: what is followed at once, so that a long program takes no time that grows with its square. */
const MOST_FOLLOWED = 1 << 21;

export function dse(fn: Func, context?: { readonly module: Module }): boolean {
  return new ByteLiveness(fn, context?.module).run();
}

class ByteLiveness {
  private readonly fn: Func;
  private readonly aliases: Aliases;
  /** First byte of each tracked variable in the sets. */
  private readonly start = new Map<Inst, number>();
  private readonly size: number;
  private readonly liveIn = new Map<Block, Uint8Array>();

  constructor(fn: Func, module: Module | undefined) {
    this.fn = fn;
    this.aliases = new Aliases(fn, module);
    let at = 0;
    const most = MOST_FOLLOWED / fn.blocks.length;
    for (const alloca of fn.blocks[0]!.insts) {
      if (alloca.op !== 'alloca' || this.aliases.escaped.has(alloca) || at + alloca.size > most) continue;
      this.start.set(alloca, at);
      at += alloca.size;
    }
    this.size = at;
  }

  run(): boolean {
    if (this.size === 0) return false;
    computePreds(this.fn);
    for (const b of this.fn.blocks) this.liveIn.set(b, new Uint8Array(this.size));
    const work = [...this.fn.blocks];
    const queued = new Set(work);
    for (let b = work.pop(); b !== undefined; b = work.pop()) {
      queued.delete(b);
      const live = this.liveOut(b);
      for (let i = b.insts.length - 1; i >= 0; i--) this.step(b.insts[i]!, live);
      const known = this.liveIn.get(b)!;
      if (known.every((v, i) => v === live[i])) continue;
      known.set(live);
      for (const p of b.preds) {
        if (queued.has(p)) continue;
        queued.add(p);
        work.push(p);
      }
    }
    let changed = false;
    for (const b of this.fn.blocks) if (this.sweep(b)) changed = true;
    return changed;
  }

  private liveOut(b: Block): Uint8Array {
    const live = new Uint8Array(this.size);
    for (const to of b.insts[b.insts.length - 1]!.targets) {
      const from = this.liveIn.get(to)!;
      for (let i = 0; i < live.length; i++) live[i]! |= from[i]!;
    }
    return live;
  }

  /** The bytes of a place in the sets: [from, to), all of the variable when not exact; undefined for what is not tracked. */
  private range(place: Place): [number, number] | undefined {
    const start = this.start.get(place.base);
    if (start === undefined) return undefined;
    const size = place.base.size;
    if (!place.exact) return [start, start + size];
    const from = Math.min(Math.max(place.off, 0), size);
    const to = place.size === undefined ? size : Math.min(Math.max(place.off + place.size, 0), size);
    // A pointer into the middle may be moved back by whoever got it, though no C program does so.
    return [start + from, start + to];
  }

  private step(inst: Inst, live: Uint8Array): void {
    const { list } = this.aliases.touches(inst);
    for (const t of list) {
      const r = t.covers ? this.range(t.place) : undefined;
      if (r && !inst.volatile) live.fill(0, r[0], r[1]);
    }
    for (const t of list) {
      const r = t.reads ? this.range(t.place) : undefined;
      if (r) live.fill(1, r[0], r[1]);
    }
  }

  private sweep(b: Block): boolean {
    const live = this.liveOut(b);
    const kept: Inst[] = [];
    let changed = false;
    for (let i = b.insts.length - 1; i >= 0; i--) {
      const inst = b.insts[i]!;
      const block = inst.op === 'memset' || inst.op === 'memcpy' || inst.op === 'memmove';
      if ((inst.op === 'store' && !inst.volatile) || block) {
        const place = this.aliases.touches(inst).list[0]!.place;
        const r = this.range(place);
        if (r && (place.exact || !live.subarray(r[0], r[1]).some((v) => v !== 0))) {
          if (!live.subarray(r[0], r[1]).some((v) => v !== 0)) {
            changed = true;
            continue;
          }
          if (inst.op === 'memset' && r[1] - r[0] === inst.size) {
            const pieces = this.trim(inst, live.subarray(r[0], r[1]), r[0]);
            if (pieces) {
              this.step(inst, live);
              kept.push(...pieces.reverse());
              changed = true;
              continue;
            }
          }
        }
      }
      this.step(inst, live);
      kept.push(inst);
    }
    b.insts = kept.reverse();
    return changed;
  }

  /** The parts of a memset that are wanted, in whole 8-byte units of the variable; undefined when that is all of it. */
  private trim(inst: Inst, live: Uint8Array, start: number): Inst[] | undefined {
    const unit = 8;
    const place = this.aliases.touches(inst).list[0]!.place;
    const runs: { from: number; to: number }[] = [];
    const phase = ((place.off % unit) + unit) % unit;
    for (let from = -phase; from < live.length; from += unit) {
      const [lo, hi] = [Math.max(from, 0), Math.min(from + unit, live.length)];
      if (!live.subarray(lo, hi).some((v) => v !== 0)) continue;
      const last = runs[runs.length - 1];
      if (last && last.to === lo) last.to = hi;
      else runs.push({ from: lo, to: hi });
    }
    if (start < 0 || (runs.length === 1 && runs[0]!.from === 0 && runs[0]!.to === live.length)) return undefined;
    const out: Inst[] = [];
    for (const run of runs) {
      const set = newInst(this.fn, 'memset', 'void', [inst.args[0]!, inst.args[1]!], inst.loc);
      set.block = inst.block;
      set.size = run.to - run.from;
      set.align = inst.align;
      if (run.from > 0) {
        const at = newInst(this.fn, 'const', 'i64', []);
        at.value = BigInt(run.from);
        const p = newInst(this.fn, 'ptradd', 'ptr', [inst.args[0]!, at], inst.loc);
        p.block = inst.block;
        out.push(p);
        set.args[0] = p;
        set.align = Math.min(inst.align, run.from & -run.from);
      }
      out.push(set);
    }
    return out;
  }
}
