/**
 * Memory that is known: a load of what was just stored or loaded takes the value instead, across blocks. The table of known places is
 * what all predecessors agree on; a loop's head knows what was known before it and nothing in the loop changes. What may change a place
 * is alias.ts's business. A load of part of a known value is left alone (the verifier tracks whole slots), except that constants split.
 * Only the latest MOST_KNOWN places are remembered, so that the time grows as the program does.
 */
import { Aliases, type Place } from '../alias.ts';
import { splitAddress } from '../align.ts';
import { newConst, newInst } from '../build.ts';
import { Dominators, replaceAll, resolve } from '../cfg.ts';
import { type Block, type Func, type Inst, type Module, TYPE_BITS, TYPE_BYTES } from '../ir.ts';

const MOST_KNOWN = 128;

interface Known {
  readonly place: Place;
  readonly value: Inst;
}

export function forward(fn: Func, context?: { readonly module: Module }): boolean {
  const aliases = new Aliases(fn, context?.module);
  const dom = new Dominators(fn);
  const atEnd = new Map<Block, Known[]>();
  const replaced = new Map<Inst, Inst>();
  for (const block of dom.order) {
    let known = atStart(block, dom, aliases, atEnd);
    const out: Inst[] = [];
    for (const inst of block.insts) {
      for (let i = 0; i < inst.args.length; i++) inst.args[i] = resolve(replaced, inst.args[i]!);
      if (inst.op === 'load' && !inst.volatile) {
        const place: Place = { ...splitAddress(inst.args[0]!, inst.off), size: TYPE_BYTES[inst.type] };
        const value = lookUp(fn, known, place, inst, aliases, out);
        if (value) {
          replaced.set(inst, value);
          continue;
        }
        remember(known, { place, value: inst });
        out.push(inst);
        continue;
      }
      if (inst.op === 'memcpy' || inst.op === 'memmove') clearedCopy(fn, known, inst, aliases);
      known = afterwards(known, inst, aliases, fn);
      out.push(inst);
    }
    block.insts = out;
    atEnd.set(block, known);
  }
  replaceAll(fn, replaced);
  return replaced.size > 0;
}

/** A copy of bytes that a memset wrote is a memset. */
function clearedCopy(fn: Func, known: readonly Known[], copy: Inst, aliases: Aliases): void {
  const place: Place = { ...splitAddress(copy.args[1]!), size: copy.size };
  const k = [...known].reverse().find((x) => aliases.mayOverlap(x.place, place));
  const inside =
    k &&
    k.place.anchor === place.anchor &&
    k.place.off <= place.off &&
    place.off + copy.size <= k.place.off + k.place.size!;
  if (!inside || k.value.type !== 'i8' || k.value.op !== 'const') return;
  copy.op = 'memset';
  copy.args[1] = newConst(fn, 'i8', k.value.value);
}

function atStart(block: Block, dom: Dominators, aliases: Aliases, atEnd: Map<Block, Known[]>): Known[] {
  const seen = block.preds.filter((p) => atEnd.has(p));
  if (seen.length === 0) return [];
  let known = [...atEnd.get(seen[0]!)!];
  for (const p of seen.slice(1)) {
    if (known.length === 0) return known;
    const other = new Map<Inst, Place[]>();
    for (const o of atEnd.get(p)!) {
      const places = other.get(o.value);
      if (places) places.push(o.place);
      else other.set(o.value, [o.place]);
    }
    known = known.filter((k) => other.get(k.value)?.some((place) => aliases.same(place, k.place)));
  }
  if (seen.length < block.preds.length && known.length > 0) {
    // A loop (or an irreducible knot): what its blocks change is not known at its head.
    for (const b of between(block, dom)) {
      for (const inst of b.insts) known = kill(known, inst, aliases);
      if (known.length === 0) break;
    }
  }
  return known;
}

/** Blocks on a way from `head` to one of its later predecessors. */
function between(head: Block, dom: Dominators): Set<Block> {
  const out = new Set<Block>([head]);
  const work = head.preds.filter((p) => dom.indexOf(p) >= dom.indexOf(head));
  for (let b = work.pop(); b !== undefined; b = work.pop()) {
    if (out.has(b)) continue;
    out.add(b);
    work.push(...b.preds);
  }
  return out;
}

function remember(known: Known[], one: Known): void {
  known.push(one);
  // Forgetting is rare this way: half of the places at once.
  if (known.length > MOST_KNOWN) known.splice(0, known.length >> 1);
}

function kill(known: Known[], inst: Inst, aliases: Aliases): Known[] {
  const { list, everything } = aliases.touches(inst);
  const writes = list.filter((t) => t.writes);
  if (writes.length === 0 && !everything) return known;
  return known.filter((k) => {
    if (aliases.constant(k.place)) return true;
    if (everything && (k.place.base.op !== 'alloca' || aliases.escaped.has(k.place.base))) return false;
    return !writes.some((t) => aliases.mayOverlap(t.place, k.place));
  });
}

function afterwards(known: Known[], inst: Inst, aliases: Aliases, fn: Func): Known[] {
  const left = kill(known, inst, aliases);
  if (inst.op === 'store' && !inst.volatile) {
    const place: Place = { ...splitAddress(inst.args[0]!, inst.off), size: TYPE_BYTES[inst.args[1]!.type] };
    remember(left, { place, value: inst.args[1]! });
  }
  if (inst.op === 'memset' && inst.args[1]!.op === 'const') {
    const place: Place = { ...splitAddress(inst.args[0]!), size: inst.size };
    remember(left, { place, value: newConst(fn, 'i8', inst.args[1]!.value) });
  }
  return left;
}

function lookUp(
  fn: Func,
  known: readonly Known[],
  place: Place,
  load: Inst,
  aliases: Aliases,
  out: Inst[],
): Inst | undefined {
  for (let n = known.length - 1; n >= 0; n--) {
    const k = known[n]!;
    if (aliases.same(k.place, place)) {
      if (k.value.type === load.type) return k.value;
      if (k.place.size === TYPE_BYTES[k.value.type]) return as(fn, k.value, load, out);
    }
    const part = constantPart(k, place, load);
    if (part !== undefined && aliases.mayOverlap(k.place, place)) return newConst(fn, load.type, part);
    if (aliases.mayOverlap(k.place, place)) return undefined;
  }
  return undefined;
}

/** Bytes inside a constant, or inside cleared memory. */
function constantPart(k: Known, place: Place, load: Inst): bigint | undefined {
  if (k.value.op !== 'const' || k.place.anchor !== place.anchor) return undefined;
  const at = place.off - k.place.off;
  if (at < 0 || at + place.size! > k.place.size!) return undefined;
  if (k.place.size! > TYPE_BYTES[k.value.type]) {
    let value = 0n;
    for (let i = 0; i < place.size!; i++) value = (value << 8n) | BigInt.asUintN(8, k.value.value);
    return value;
  }
  return (
    (BigInt.asUintN(TYPE_BITS[k.value.type], k.value.value) >> BigInt(8 * at)) &
    ((1n << BigInt(TYPE_BITS[load.type])) - 1n)
  );
}

/** The same bits at another type: i64 and ptr. */
function as(fn: Func, value: Inst, load: Inst, out: Inst[]): Inst {
  const cast = newInst(fn, load.type === 'ptr' ? 'inttoptr' : 'ptrtoint', load.type, [value], load.loc);
  cast.block = load.block;
  out.push(cast);
  return cast;
}
