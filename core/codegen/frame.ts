/**
 * The frame: where variables and spilled registers lie below r10, 512 bytes at most (MAX_BPF_STACK). Everyone gets bytes of his own
 * while they suffice; when they do not, pieces that are never in use at the same time share. A piece is in use between its first and
 * its last mention on any path, where a mention is also the use of a register that may hold its address; one whose address
 * is stored in memory is in use everywhere. Spilled registers are only stored and loaded whole, so they are in use where they are live.
 */
import { alignUp } from '../base/bytes.ts';
import { STACK_SIZE } from '../isa/ops.ts';
import { BitSet } from './liveness.ts';
import { forDefs, forUses, type MBlock, type MFunc, type MInst, NO_REG, reversePostorder, type Slot } from './mir.ts';

/** check_max_stack_depth() in kernel/bpf/verifier.c rounds a frame up to this. */
const FRAME_UNIT = 32;

/** Gives every slot that is mentioned its offset; bytes of the frame. Runs after register allocation. */
export function layoutFrame(fn: MFunc): number {
  const mentioned = new Set<Slot>();
  for (const b of fn.blocks) for (const i of b.insts) if (i.slot) mentioned.add(i.slot);
  fn.slots = fn.slots.filter((s) => mentioned.has(s)).sort((a, b) => b.align - a.align);
  if (fn.slots.reduce((sum, s) => sum + s.size, 0) <= STACK_SIZE) {
    const everyone = (_: Slot, placed: ReadonlySet<Slot>) => [...placed];
    // The kernel's verifier remembers what a slot holds only when it was stored at its 8-byte boundary: small variables get one each, where
    // that is free. The frames of a chain of calls share the 512 bytes, each rounded up.
    const roomy = place(fn.slots, everyone, 8);
    if (roomy <= STACK_SIZE && !callsOthers(fn)) return roomy;
    const alone = place(fn.slots, everyone);
    if (alignUp(roomy, FRAME_UNIT) === alignUp(alone, FRAME_UNIT) && roomy <= STACK_SIZE)
      return place(fn.slots, everyone, 8);
    if (alone <= STACK_SIZE) return alone;
  }
  const conflicts = overlaps(fn);
  fn.slots.sort((a, b) => b.align - a.align || b.size - a.size);
  return place(fn.slots, (slot, placed) => [...conflicts.get(slot)!].filter((p) => placed.has(p)));
}

function callsOthers(fn: MFunc): boolean {
  return fn.blocks.some((b) => b.insts.some((i) => i.op === 'call' && i.call === 'local'));
}

/** First fit from the top, on boundaries of at least `least` bytes; `foesOf` gives those of the placed ones that the slot may not share bytes with. */
function place(slots: readonly Slot[], foesOf: (slot: Slot, placed: ReadonlySet<Slot>) => Slot[], least = 1): number {
  let depth = 0;
  const placed = new Set<Slot>();
  for (const slot of slots) {
    // By where they begin: foes of one slot may share bytes with each other.
    const begin = (p: Slot) => -p.offset - p.size;
    const foes = foesOf(slot, placed).sort((a, b) => begin(a) - begin(b));
    const align = Math.max(slot.align, least);
    let at = alignUp(slot.size, align);
    for (const foe of foes) {
      if (at <= begin(foe)) break;
      at = Math.max(at, alignUp(-foe.offset + slot.size, align));
    }
    slot.offset = -at;
    depth = Math.max(depth, at);
    placed.add(slot);
  }
  return alignUp(depth, 8);
}

/** Who is in use together with whom. */
function overlaps(fn: MFunc): Map<Slot, Set<Slot>> {
  const n = fn.slots.length;
  const number = new Map(fn.slots.map((s, i) => [s, i]));
  const everywhere = new Set<number>();
  const order = reversePostorder(fn);
  const mentions = mentionsOf(order, number, everywhere);
  const inBlock = new Map<MBlock, BitSet>();
  for (const b of order) {
    const set = new BitSet(n);
    for (const list of mentions.get(b)!) for (const s of list) set.add(s);
    inBlock.set(b, set);
  }
  const backwards = [...order].reverse();
  const flow = (forward: boolean): Map<MBlock, BitSet> => {
    // Mentioned on some path before the block's start (forward), after its end (backward).
    const at = new Map<MBlock, BitSet>(order.map((b) => [b, new BitSet(n)]));
    for (let changed = true; changed; ) {
      changed = false;
      for (const b of forward ? order : backwards) {
        const to = at.get(b)!;
        for (const from of forward ? b.preds : b.succs) {
          if (!at.has(from)) continue;
          if (to.join(at.get(from)!)) changed = true;
          if (to.join(inBlock.get(from)!)) changed = true;
        }
      }
    }
    return at;
  };
  const before = flow(true);
  const after = flow(false);
  const live = liveSpills(number, backwards);
  const spills = fn.slots.map((s) => s.spill);
  const out = new Map<Slot, Set<Slot>>(fn.slots.map((s) => [s, new Set<Slot>()]));
  const clash = (a: number, b: number) => {
    out.get(fn.slots[a]!)!.add(fn.slots[b]!);
    out.get(fn.slots[b]!)!.add(fn.slots[a]!);
  };
  for (const s of everywhere) for (let t = 0; t < n; t++) if (s !== t) clash(s, t);
  for (const b of order) {
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
    const enter = (s: number) => {
      const r = range(s);
      if (r) present.push({ s, from: r[0], to: r[1] });
    };
    // What the block does not mention is in use in it only when both sides do.
    for (const s of first.keys()) enter(s);
    after.get(b)!.forEach((s) => {
      if (!first.has(s) && before.get(b)!.has(s)) enter(s);
    });
    present.sort((x, y) => x.from - y.from);
    let open: typeof present = [];
    for (const x of present) {
      open = open.filter((y) => y.to >= x.from);
      for (const y of open) clash(x.s, y.s);
      open.push(x);
    }
  }
  return out;
}

/** Spill slots that hold a value somebody loads later: at the start and at the end of each block. */
function liveSpills(
  number: Map<Slot, number>,
  backwards: readonly MBlock[],
): [atStart: Map<MBlock, BitSet>, atEnd: Map<MBlock, BitSet>] {
  const n = number.size;
  const [atStart, atEnd] = [new Map<MBlock, BitSet>(), new Map<MBlock, BitSet>()];
  for (const b of backwards) {
    atStart.set(b, new BitSet(n));
    atEnd.set(b, new BitSet(n));
  }
  for (let changed = true; changed; ) {
    changed = false;
    for (const b of backwards) {
      const out = atEnd.get(b)!;
      for (const to of b.succs) out.join(atStart.get(to)!);
      const live = new BitSet(n);
      live.join(out);
      for (let i = b.insts.length - 1; i >= 0; i--) {
        const inst = b.insts[i]!;
        if (!inst.slot?.spill) continue;
        if (inst.op === 'st') live.delete(number.get(inst.slot)!);
        else live.add(number.get(inst.slot)!);
      }
      if (atStart.get(b)!.join(live)) changed = true;
    }
  }
  return [atStart, atEnd];
}

/** Per instruction, the slots it mentions: by name, or through registers that may hold their address. */
function mentionsOf(
  order: readonly MBlock[],
  number: Map<Slot, number>,
  everywhere: Set<number>,
): Map<MBlock, number[][]> {
  type Holding = (Set<number> | undefined)[];
  const atStart = new Map<MBlock, Holding>(order.map((b) => [b, []]));
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
  let stale = new Set(order);
  while (stale.size > 0) {
    const again = new Set<MBlock>();
    for (const b of order) {
      if (!stale.delete(b)) continue;
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
            // Blocks that still come in this round see it then; the others in the next.
            if (!stale.has(to)) again.add(to);
          }
        });
      }
    }
    stale = again;
  }
  return out;
}
