/**
 * Scalar replacement of aggregates: a struct on the stack whose address stays private is split into the pieces that the program
 * names, which mem2reg then takes into registers. Copies between such structs are split along; what helpers see stays whole.
 */
import { newConst, newInst } from '../build.ts';
import { users } from '../cfg.ts';
import { type Func, type Inst, IR_OP, TYPE_BYTES, type Type } from '../ir.ts';

/** Larger variables are left alone. */
const MAX_BYTES = 512;
/** Block operations make at most this many pieces. */
const MAX_PIECES = 32;

interface Use {
  readonly inst: Inst;
  /** Which operand of a block operation: 0 destination, 1 source; 0 for loads and stores. */
  readonly side: number;
  readonly off: number;
  readonly size: number;
}

export function sroa(fn: Func): boolean {
  const table = users(fn);
  const splittable = new Map<Inst, Use[]>();
  for (const alloca of fn.blocks[0]!.insts) {
    if (alloca.op !== 'alloca' || alloca.size > MAX_BYTES) continue;
    const uses = usesOf(alloca, table);
    if (uses) splittable.set(alloca, uses);
  }
  if (splittable.size === 0) return false;
  const cuts = cutPoints(splittable);
  const pieces = new Map<Inst, { off: number; alloca: Inst }[]>();
  for (const [alloca, uses] of splittable) {
    const at = [...cuts.get(alloca)!].sort((a, b) => a - b);
    const whole =
      at.length === 2 &&
      uses.every((u) => IR_OP[u.inst.op].kind === 'memory' && (u.inst.op === 'load' || u.inst.op === 'store'));
    if (whole || at.length < 2 || at.length > MAX_PIECES) continue;
    pieces.set(
      alloca,
      at.slice(0, -1).map((off, i) => ({ off, alloca: piece(fn, alloca, off, at[i + 1]! - off) })),
    );
  }
  if (pieces.size === 0) return false;
  const entry = fn.blocks[0]!;
  entry.insts = entry.insts.flatMap((i) => pieces.get(i)?.map((p) => p.alloca) ?? [i]);
  for (const block of fn.blocks) {
    const out: Inst[] = [];
    for (const inst of block.insts) rewrite(fn, inst, pieces, out);
    for (const inst of out) inst.block = block;
    block.insts = out;
  }
  return true;
}

/** All uses, when they are only loads, stores and block operations at constant offsets within bounds; else undefined. */
function usesOf(alloca: Inst, table: Map<Inst, Inst[]>): Use[] | undefined {
  const out: Use[] = [];
  const pending = [{ value: alloca, off: 0 }];
  for (const { value, off } of pending) {
    for (const inst of new Set(table.get(value) ?? [])) {
      if (inst.op === 'ptradd' && inst.args[0] === value && inst.args[1]!.op === 'const') {
        pending.push({ value: inst, off: off + Number(inst.args[1]!.value) });
      } else if (inst.op === 'load' && !inst.volatile)
        out.push({ inst, side: 0, off: off + inst.off, size: TYPE_BYTES[inst.type] });
      else if (inst.op === 'store' && !inst.volatile && inst.args[1] !== value)
        out.push({ inst, side: 0, off: off + inst.off, size: TYPE_BYTES[inst.args[1]!.type] });
      else if (inst.op === 'memset' && inst.args[1]!.op === 'const') out.push({ inst, side: 0, off, size: inst.size });
      else if ((inst.op === 'memcpy' || inst.op === 'memmove') && inst.args[0] !== inst.args[1]) {
        inst.args.forEach((a, side) => {
          if (a === value) out.push({ inst, side, off, size: inst.size });
        });
      } else return undefined;
    }
  }
  // Within itself a variable is not copied in pieces.
  if (out.some((u) => u.side === 1 && out.some((v) => v.side === 0 && v.inst === u.inst))) return undefined;
  return out.every((u) => u.off >= 0 && u.off + u.size <= alloca.size) ? out : undefined;
}

/** Offsets where each variable may be cut: the borders of all accesses, and those that copies carry over; never inside a load or store. */
function cutPoints(splittable: Map<Inst, Use[]>): Map<Inst, Set<number>> {
  const cuts = new Map<Inst, Set<number>>();
  const refused = new Map<Inst, Set<number>>();
  const copies = new Map<Inst, { alloca: Inst; use: Use }[]>();
  const add = (alloca: Inst, cut: number): boolean => {
    const set = cuts.get(alloca)!;
    const inside = (u: Use) => (u.inst.op === 'load' || u.inst.op === 'store') && cut > u.off && cut < u.off + u.size;
    if (set.has(cut) || refused.get(alloca)!.has(cut)) return false;
    const ok = !splittable.get(alloca)!.some(inside);
    (ok ? set : refused.get(alloca)!).add(cut);
    return ok;
  };
  for (const [alloca, uses] of splittable) {
    cuts.set(alloca, new Set([0, alloca.size]));
    refused.set(alloca, new Set());
    for (const use of uses) {
      add(alloca, use.off);
      add(alloca, use.off + use.size);
      if (use.inst.op === 'memcpy' || use.inst.op === 'memmove')
        copies.set(use.inst, [...(copies.get(use.inst) ?? []), { alloca, use }]);
    }
  }
  const partners = new Map<Inst, { use: Use; to: Inst; there: Use }[]>();
  for (const alloca of splittable.keys()) partners.set(alloca, []);
  for (const [one, other] of copies.values()) {
    if (!one || !other) continue;
    partners.get(one.alloca)!.push({ use: one.use, to: other.alloca, there: other.use });
    partners.get(other.alloca)!.push({ use: other.use, to: one.alloca, there: one.use });
  }
  const work = new Set(splittable.keys());
  for (const alloca of work) {
    // Taken out of the set: what a partner's cuts change comes in again, at its end.
    work.delete(alloca);
    for (const { use, to, there } of partners.get(alloca)!) {
      for (const cut of [...cuts.get(alloca)!]) {
        const within = cut > use.off && cut < use.off + use.size;
        if (within && add(to, cut - use.off + there.off)) work.add(to);
      }
    }
  }
  return cuts;
}

function piece(fn: Func, alloca: Inst, off: number, size: number): Inst {
  const out = newInst(fn, 'alloca', 'ptr', [], alloca.loc);
  out.size = size;
  const natural = size >= 8 ? 8 : size >= 4 ? 4 : size >= 2 ? 2 : 1;
  // What was aligned inside the whole stays aligned.
  out.align = Math.max(natural, Math.min(alloca.align, off === 0 ? 8 : off & -off));
  out.name = alloca.name === '' ? '' : off === 0 && size === alloca.size ? alloca.name : `${alloca.name}+${off}`;
  out.space = 'stack';
  out.block = fn.blocks[0];
  return out;
}

type Pieces = { off: number; alloca: Inst }[];

function pieceAt(list: Pieces, off: number): Pieces[number] {
  let found = list[0]!;
  for (const p of list) if (p.off <= off) found = p;
  return found;
}

function locate(ptr: Inst, pieces: Map<Inst, Pieces>): { list: Pieces; off: number } | undefined {
  let off = 0;
  while (ptr.op === 'ptradd' && ptr.args[1]!.op === 'const') {
    off += Number(ptr.args[1]!.value);
    ptr = ptr.args[0]!;
  }
  const list = pieces.get(ptr);
  return list && { list, off };
}

function rewrite(fn: Func, inst: Inst, pieces: Map<Inst, Pieces>, out: Inst[]): void {
  const at = inst.args[0] && locate(inst.args[0], pieces);
  if (inst.op === 'ptradd' && at) return;
  if ((inst.op === 'load' || inst.op === 'store') && at) {
    const off = at.off + inst.off;
    const p = pieceAt(at.list, off);
    inst.args[0] = p.alloca;
    inst.off = off - p.off;
    out.push(inst);
    return;
  }
  if (inst.op === 'memset' && at) {
    for (const p of at.list) {
      const [from, to] = [Math.max(p.off, at.off), Math.min(p.off + p.alloca.size, at.off + inst.size)];
      if (from < to) setPiece(fn, inst, p.alloca, from - p.off, to - from, out);
    }
    return;
  }
  if (inst.op === 'memcpy' || inst.op === 'memmove') {
    const from = locate(inst.args[1]!, pieces);
    if (at || from) {
      copyPieces(fn, inst, at, from, out);
      return;
    }
  }
  out.push(inst);
}

const UNIT: Record<number, Type> = { 1: 'i8', 2: 'i16', 4: 'i32', 8: 'i64' };

function step(fn: Func, inst: Inst, base: Inst, off: number, out: Inst[]): Inst {
  if (off === 0) return base;
  const p = newInst(fn, 'ptradd', 'ptr', [base, newConst(fn, 'i64', off)], inst.loc);
  out.push(p);
  return p;
}

function setPiece(fn: Func, inst: Inst, alloca: Inst, off: number, size: number, out: Inst[]): void {
  const type = UNIT[size];
  if (!type || size !== alloca.size) {
    const set = newInst(fn, 'memset', 'void', [step(fn, inst, alloca, off, out), inst.args[1]!], inst.loc);
    set.size = size;
    set.align = off === 0 ? alloca.align : Math.min(alloca.align, off & -off);
    out.push(set);
    return;
  }
  let value = 0n;
  for (let i = 0; i < size; i++) value = (value << 8n) | BigInt.asUintN(8, inst.args[1]!.value);
  out.push(newInst(fn, 'store', 'void', [alloca, newConst(fn, type, value)], inst.loc));
}

/** One copy a piece, along the pieces of the side that was split (both sides agree where both were). */
function copyPieces(
  fn: Func,
  inst: Inst,
  to: { list: Pieces; off: number } | undefined,
  from: { list: Pieces; off: number } | undefined,
  out: Inst[],
): void {
  const borders = new Set<number>();
  for (const side of [to, from]) {
    for (const p of side?.list ?? []) {
      for (const edge of [p.off - side!.off, p.off + p.alloca.size - side!.off])
        if (edge >= 0 && edge <= inst.size) borders.add(edge);
    }
  }
  const edges = [...borders.add(0).add(inst.size)].sort((a, b) => a - b);
  const end = (side: { list: Pieces; off: number } | undefined, ptr: Inst, off: number): { ptr: Inst; off: number } => {
    if (!side) return { ptr, off };
    const p = pieceAt(side.list, side.off + off);
    return { ptr: p.alloca, off: side.off + off - p.off };
  };
  const loaded: (() => void)[] = [];
  for (let i = 0; i + 1 < edges.length; i++) {
    const [off, size] = [edges[i]!, edges[i + 1]! - edges[i]!];
    const source = end(from, inst.args[1]!, off);
    const target = end(to, inst.args[0]!, off);
    const type = UNIT[size];
    // A scalar goes through a register, unless an outside pointer is aligned to less.
    if (!type || ((!to || !from) && (size > inst.align || off % size !== 0))) {
      const copy = newInst(
        fn,
        inst.op,
        'void',
        [step(fn, inst, target.ptr, target.off, out), step(fn, inst, source.ptr, source.off, out)],
        inst.loc,
      );
      copy.size = size;
      copy.align = Math.min(inst.align, off === 0 ? 8 : off & -off);
      out.push(copy);
      continue;
    }
    const load = newInst(fn, 'load', type, [source.ptr], inst.loc);
    load.off = source.off;
    out.push(load);
    const store = newInst(fn, 'store', 'void', [target.ptr, load], inst.loc);
    store.off = target.off;
    loaded.push(() => out.push(store));
    if (inst.op === 'memcpy') loaded.pop()!();
  }
  for (const emit of loaded) emit();
}
