/**
 * The frame: where variables and spilled registers lie below r10, 512 bytes at most (MAX_BPF_STACK). Everyone gets bytes of his own
 * while they suffice; when they do not, pieces that are never in use at the same time share. A piece is in use between its first and
 * its last mention on any path, where a mention is also the use of a register that may hold its address; one whose address
 * is stored in memory is in use everywhere. Spilled registers are only stored and loaded whole, so they are in use where they are live.
 */
import { alignUp } from '../base/bytes.ts';
import { STACK_SIZE } from '../isa/ops.ts';
import { BitSet } from './liveness.ts';
import { forDefs, forUses, type MBlock, type MFunc, type MInst, NO_REG, type Slot } from './mir.ts';

/** Gives every slot that is mentioned its offset; bytes of the frame. Runs after register allocation. */
export function layoutFrame(fn: MFunc): number {
  const mentioned = new Set<Slot>();
  for (const b of fn.blocks) for (const i of b.insts) if (i.slot) mentioned.add(i.slot);
  fn.slots = fn.slots.filter((s) => mentioned.has(s)).sort((a, b) => b.align - a.align);
  const alone = place(fn.slots, () => false);
  if (alone <= STACK_SIZE) return alone;
  const conflicts = overlaps(fn);
  fn.slots.sort((a, b) => b.align - a.align || b.size - a.size);
  return place(fn.slots, (a, b) => !conflicts.has(a) || !conflicts.get(a)!.has(b));
}

/** First fit from the top. */
function place(slots: readonly Slot[], mayShare: (a: Slot, b: Slot) => boolean): number {
  let depth = 0;
  const placed: Slot[] = [];
  for (const slot of slots) {
    // By where they begin: foes of one slot may share bytes with each other.
    const begin = (p: Slot) => -p.offset - p.size;
    const foes = placed.filter((p) => !mayShare(slot, p)).sort((a, b) => begin(a) - begin(b));
    let at = alignUp(slot.size, slot.align);
    for (const foe of foes) {
      if (at <= begin(foe)) break;
      at = Math.max(at, alignUp(-foe.offset + slot.size, slot.align));
    }
    slot.offset = -at;
    depth = Math.max(depth, at);
    placed.push(slot);
  }
  return alignUp(depth, 8);
}

/** Who is in use together with whom. */
function overlaps(fn: MFunc): Map<Slot, Set<Slot>> {
  const n = fn.slots.length;
  const number = new Map(fn.slots.map((s, i) => [s, i]));
  const everywhere = new Set<number>();
  const mentions = mentionsOf(fn, number, everywhere);
  const inBlock = new Map<MBlock, BitSet>();
  for (const b of fn.blocks) {
    const set = new BitSet(n);
    for (const list of mentions.get(b)!) for (const s of list) set.add(s);
    inBlock.set(b, set);
  }
  const flow = (forward: boolean): Map<MBlock, BitSet> => {
    // Mentioned on some path before the block's start (forward), after its end (backward).
    const at = new Map<MBlock, BitSet>(fn.blocks.map((b) => [b, new BitSet(n)]));
    for (let changed = true; changed; ) {
      changed = false;
      for (const b of forward ? fn.blocks : [...fn.blocks].reverse()) {
        const to = at.get(b)!.words;
        for (const from of forward ? b.preds : b.succs) {
          const [far, near] = [at.get(from)!.words, inBlock.get(from)!.words];
          for (let w = 0; w < to.length; w++) {
            const next = (to[w]! | far[w]! | near[w]!) >>> 0;
            if (next === to[w]) continue;
            to[w] = next;
            changed = true;
          }
        }
      }
    }
    return at;
  };
  const before = flow(true);
  const after = flow(false);
  const live = liveSpills(fn, number);
  const spills = fn.slots.map((s) => s.spill);
  const out = new Map<Slot, Set<Slot>>(fn.slots.map((s) => [s, new Set<Slot>()]));
  const clash = (a: number, b: number) => {
    out.get(fn.slots[a]!)!.add(fn.slots[b]!);
    out.get(fn.slots[b]!)!.add(fn.slots[a]!);
  };
  const seen = new Uint8Array(n * n);
  for (const s of everywhere) for (let t = 0; t < n; t++) if (s !== t) clash(s, t);
  for (const b of fn.blocks) {
    const lists = mentions.get(b)!;
    const last = new Map<number, number>();
    const first = new Map<number, number>();
    lists.forEach((list, i) => {
      for (const s of list) {
        last.set(s, i);
        if (!first.has(s)) first.set(s, i);
      }
    });
    const range = (s: number): [number, number] | undefined => {
      const [earlier, later] = spills[s] ? live : [before, after];
      const from = earlier.get(b)!.has(s) ? -1 : first.get(s);
      const to = later.get(b)!.has(s) ? lists.length : last.get(s);
      return from === undefined || to === undefined ? undefined : [from, to];
    };
    const present: { s: number; from: number; to: number }[] = [];
    for (let s = 0; s < n; s++) {
      const r = range(s);
      if (r) present.push({ s, from: r[0], to: r[1] });
    }
    present.forEach((x, i) => {
      for (let k = i + 1; k < present.length; k++) {
        const y = present[k]!;
        if (x.from <= y.to && y.from <= x.to && seen[x.s * n + y.s] === 0) {
          seen[x.s * n + y.s] = 1;
          clash(x.s, y.s);
        }
      }
    });
  }
  return out;
}

/** Spill slots that hold a value somebody loads later: at the start and at the end of each block. */
function liveSpills(fn: MFunc, number: Map<Slot, number>): [atStart: Map<MBlock, BitSet>, atEnd: Map<MBlock, BitSet>] {
  const n = fn.slots.length;
  const [atStart, atEnd] = [new Map<MBlock, BitSet>(), new Map<MBlock, BitSet>()];
  for (const b of fn.blocks) {
    atStart.set(b, new BitSet(n));
    atEnd.set(b, new BitSet(n));
  }
  for (let changed = true; changed; ) {
    changed = false;
    for (const b of [...fn.blocks].reverse()) {
      const out = atEnd.get(b)!;
      for (const to of b.succs) out.join(atStart.get(to)!);
      const live = new BitSet(n);
      live.set(out);
      for (let i = b.insts.length - 1; i >= 0; i--) {
        const inst = b.insts[i]!;
        if (!inst.slot?.spill) continue;
        if (inst.op === 'st') live.delete(number.get(inst.slot)!);
        else live.add(number.get(inst.slot)!);
      }
      const known = atStart.get(b)!;
      live.forEach((s) => {
        if (known.has(s)) return;
        known.add(s);
        changed = true;
      });
    }
  }
  return [atStart, atEnd];
}

/** Per instruction, the slots it mentions: by name, or through registers that may hold their address. */
function mentionsOf(fn: MFunc, number: Map<Slot, number>, everywhere: Set<number>): Map<MBlock, number[][]> {
  type Holding = (Set<number> | undefined)[];
  const atStart = new Map<MBlock, Holding>(fn.blocks.map((b) => [b, []]));
  const out = new Map<MBlock, number[][]>();
  const step = (i: MInst, holding: Holding): number[] => {
    const touched = new Set<number>();
    if (i.slot) touched.add(number.get(i.slot)!);
    const used = new Set<number>();
    forUses(i, (r) => {
      for (const s of holding[r] ?? []) used.add(s);
    });
    for (const s of used) touched.add(s);
    if ((i.op === 'st' || i.op === 'atomic') && i.src !== NO_REG)
      for (const s of holding[i.src] ?? []) everywhere.add(s);
    const result =
      i.op === 'frame'
        ? new Set([number.get(i.slot!)!])
        : i.op === 'alu'
          ? new Set([...(holding[i.src] ?? []), ...(i.alu === 'mov' ? [] : (holding[i.dst] ?? []))])
          : undefined;
    forDefs(i, (r) => {
      holding[r] = undefined;
    });
    if (result && result.size > 0) holding[i.dst] = result;
    return [...touched];
  };
  for (let changed = true; changed; ) {
    changed = false;
    for (const b of fn.blocks) {
      const holding: Holding = atStart.get(b)!.map((s) => s && new Set(s));
      out.set(
        b,
        b.insts.map((i) => step(i, holding)),
      );
      for (const to of b.succs) {
        const target = atStart.get(to)!;
        holding.forEach((slots, r) => {
          for (const s of slots ?? []) {
            const have = (target[r] ??= new Set());
            if (have.has(s)) continue;
            have.add(s);
            changed = true;
          }
        });
      }
    }
  }
  return out;
}
