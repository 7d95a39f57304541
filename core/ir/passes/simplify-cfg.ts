/**
 * The graph made small: branches on constants go, blocks that follow each other alone are joined, empty blocks are passed by, and a block
 * that only asks what its predecessor already knows is jumped over (jump threading; `a && b` as C makes it is the usual case).
 */
import { computePreds, Dominators, dropEdge, filterPhi, phis, removeUnreachable, replaceAll, users } from '../cfg.ts';
import { foldCompare } from '../fold.ts';
import { type Block, type Cond, type Func, type Inst, terminator } from '../ir.ts';

const MAX_ROUNDS = 40;

export function simplifyCfg(fn: Func): boolean {
  let any = false;
  for (let round = 0; round < MAX_ROUNDS; round++) {
    let changed = foldBranches(fn);
    changed = removeUnreachable(fn) || changed;
    changed = dropPhis(fn) || changed;
    changed = thread(fn) || changed;
    changed = joinBlocks(fn) || changed;
    changed = passEmpty(fn) || changed;
    if (!changed) break;
    any = true;
  }
  return any;
}

function toBr(end: Inst, to: Block): void {
  const from = end.block!;
  const old = end.targets;
  end.op = 'br';
  end.args = [];
  end.cases = [];
  end.likely = undefined;
  end.targets = [to];
  for (const gone of new Set(old)) if (gone !== to) dropEdge(from, gone);
}

function foldBranches(fn: Func): boolean {
  let changed = false;
  for (const block of fn.blocks) {
    const end = terminator(block);
    const c = end.args[0];
    if (end.op === 'condbr' && end.targets[0] === end.targets[1]) toBr(end, end.targets[0]!);
    else if (end.op === 'condbr' && c!.op === 'const') toBr(end, end.targets[c!.value !== 0n ? 0 : 1]!);
    else if (end.op === 'switch' && c!.op === 'const') toBr(end, end.targets[end.cases.indexOf(c!.value) + 1]!);
    else if (end.op === 'switch' && end.targets.every((t) => t === end.targets[0])) toBr(end, end.targets[0]!);
    else continue;
    changed = true;
  }
  return changed;
}

/** Phis of one operand are that operand. */
function dropPhis(fn: Func): boolean {
  const table = new Map<Inst, Inst>();
  for (const block of fn.blocks) {
    for (const phi of phis(block)) {
      if (phi.args.length === 1 && phi.args[0] !== phi) table.set(phi, phi.args[0]!);
    }
    if (table.size > 0) block.insts = block.insts.filter((i) => !table.has(i));
  }
  replaceAll(fn, table);
  return table.size > 0;
}

/** A block whose only successor has it as only predecessor takes that one in. */
function joinBlocks(fn: Func): boolean {
  computePreds(fn);
  let changed = false;
  const gone = new Set<Block>();
  for (const block of fn.blocks) {
    if (gone.has(block)) continue;
    for (;;) {
      const end = terminator(block);
      const next = end.targets[0];
      if (
        end.op !== 'br' ||
        next === block ||
        next!.preds.length !== 1 ||
        next === fn.blocks[0] ||
        next!.insts[0]!.op === 'phi'
      )
        break;
      block.insts.pop();
      for (const inst of next!.insts) inst.block = block;
      block.insts.push(...next!.insts);
      if (next!.unroll !== undefined && block.unroll === undefined) block.unroll = next!.unroll;
      gone.add(next!);
      for (const to of terminator(block).targets) {
        to.preds = to.preds.map((p) => (p === next ? block : p));
        for (const phi of phis(to)) phi.targets = phi.targets.map((t) => (t === next ? block : t));
      }
      changed = true;
    }
  }
  if (changed) fn.blocks = fn.blocks.filter((b) => !gone.has(b));
  return changed;
}

/** Predecessors of a block that is nothing but a jump go where it goes. */
function passEmpty(fn: Func): boolean {
  const gone = new Set<Block>();
  computePreds(fn);
  let uses: Map<Inst, Inst[]> | undefined;
  for (const block of fn.blocks) {
    const end = terminator(block);
    if (block === fn.blocks[0] || end.op !== 'br') continue;
    const to = end.targets[0]!;
    if (to === block || !block.insts.every((i) => i.op === 'phi' || i === end)) continue;
    const own = phis(block);
    uses ??= users(fn);
    if (own.length > 0 && !onlyFeeds(own, to, block, uses, gone)) continue;
    const there = phis(to);
    // A predecessor that already goes there must bring the same values; and a back edge keeps its own block where phis would grow.
    const preds = block.preds;
    if (preds.length === 0 || preds.includes(block)) continue;
    const clash = preds.some(
      (p) => terminator(p).targets.includes(to) && there.some((phi) => incoming(phi, p) !== arriving(phi, block, p)),
    );
    if (clash) continue;
    // Copies on a conditional edge need a block of their own again: leave it.
    if (there.length > 0 && preds.some((p) => terminator(p).targets.length > 1) && preds.length > 1 && own.length > 0)
      continue;
    for (const phi of there) {
      for (const p of preds) {
        if (!terminator(p).targets.includes(to)) bring(phi, arriving(phi, block, p), p, uses);
      }
      filterPhi(phi, (from) => from !== block);
    }
    to.preds = to.preds.filter((p) => p !== block);
    for (const p of preds) {
      const branch = terminator(p);
      if (!branch.targets.includes(to)) to.preds.push(p);
      branch.targets = branch.targets.map((t) => (t === block ? to : t));
    }
    to.unroll ??= block.unroll;
    gone.add(block);
  }
  if (gone.size === 0) return false;
  fn.blocks = fn.blocks.filter((b) => !gone.has(b));
  removeUnreachable(fn);
  return true;
}

/** One operand more for a phi; the table of users learns of it. */
function bring(phi: Inst, value: Inst, from: Block, uses: Map<Inst, Inst[]>): void {
  phi.args.push(value);
  phi.targets.push(from);
  const list = uses.get(value);
  if (list) list.push(phi);
  else uses.set(value, [phi]);
}

function incoming(phi: Inst, from: Block): Inst | undefined {
  return phi.args[phi.targets.indexOf(from)];
}

/** What `phi` gets from `block` when control came there from `pred`. */
function arriving(phi: Inst, block: Block, pred: Block): Inst {
  const value = incoming(phi, block)!;
  return value.op === 'phi' && value.block === block ? incoming(value, pred)! : value;
}

/** The phis are used by the phis of the successor only, and only for the edge from here. */
function onlyFeeds(
  own: readonly Inst[],
  to: Block,
  block: Block,
  uses: ReadonlyMap<Inst, readonly Inst[]>,
  gone: ReadonlySet<Block>,
): boolean {
  const here = (phi: Inst, user: Inst) =>
    user.args.every((a, i) => a !== phi || (user.op === 'phi' && user.block === to && user.targets[i] === block));
  return own.every((phi) => (uses.get(phi) ?? []).every((user) => gone.has(user.block!) || here(phi, user)));
}

/** Jump threading over blocks of phis, at most one compare, and a branch, whose values nobody else uses. */
function thread(fn: Func): boolean {
  let changed = false;
  computePreds(fn);
  const uses = users(fn);
  let dom: Dominators | undefined;
  let mostDominators = MAX_ROUNDS;
  for (const block of fn.blocks) {
    const end = terminator(block);
    if (end.op !== 'condbr' && end.op !== 'switch') continue;
    const own = phis(block);
    if (own.length === 0 || block === fn.blocks[0]) continue;
    const rest = block.insts.slice(own.length);
    const compare = rest[0]!;
    if (!(rest.length === 1 || (rest.length === 2 && compare.op === 'icmp'))) continue;
    const inside = (v: Inst) =>
      (uses.get(v) ?? []).every(
        (u) => u.block === block || (u.op === 'phi' && u.args.every((a, i) => a !== v || u.targets[i] === block)),
      );
    const settled = own.every(inside);
    if (!(uses.get(compare) ?? []).every((u) => u.block === block)) continue;
    for (const pred of [...block.preds]) {
      if (pred === block) continue;
      const to = decided(block, end, compare, pred);
      if (!to || to === block) continue;
      if (!settled) {
        if (!dom && mostDominators-- <= 0) break;
        dom ??= new Dominators(fn);
        if (!own.every((phi) => onlyBeyond(phi, block, to, uses, dom!))) continue;
      }
      if (!redirect(pred, block, to, uses)) continue;
      dom = undefined;
      changed = true;
      if (!settled) break;
    }
    if (changed && !settled) break;
  }
  if (changed) removeUnreachable(fn);
  return changed;
}

/** The phi is used in its block, in phis right after it, and where only a successor other than `to` leads. */
function onlyBeyond(
  phi: Inst,
  block: Block,
  to: Block,
  uses: ReadonlyMap<Inst, readonly Inst[]>,
  dom: Dominators,
): boolean {
  const others = terminator(block).targets.filter((t) => t !== to && t.preds.length === 1);
  return (uses.get(phi) ?? []).every((u) => {
    if (u.block === block && u.op !== 'phi') return true;
    if (u.op !== 'phi') return others.some((t) => dom.dominates(t, u.block!));
    return u.args.every(
      (a, i) =>
        a !== phi ||
        (u.targets[i] === block && u.block !== block) ||
        others.some((t) => dom.dominates(t, u.targets[i]!)),
    );
  });
}

/** Where the branch of `block` goes when control comes from `pred`, if that is certain. */
function decided(block: Block, end: Inst, compare: Inst, pred: Block): Block | undefined {
  const value = (v: Inst): Inst => (v.op === 'phi' && v.block === block ? incoming(v, pred)! : v);
  let c = value(end.args[0]!);
  if (c === compare && compare.op === 'icmp') {
    const [a, b] = compare.args.map(value) as [Inst, Inst];
    if (a.op !== 'const' || b.op !== 'const') return undefined;
    return end.targets[foldCompare(compare.sub as Cond, a.type, a.value, b.value) ? 0 : 1];
  }
  c = value(c);
  if (c.op !== 'const') return undefined;
  return end.op === 'condbr' ? end.targets[c.value !== 0n ? 0 : 1] : end.targets[end.cases.indexOf(c.value) + 1];
}

/** The edge pred -> block becomes pred -> to; false when the two would bring different values. Predecessors and users are kept. */
function redirect(pred: Block, block: Block, to: Block, uses: Map<Inst, Inst[]>): boolean {
  const branch = terminator(pred);
  const already = branch.targets.includes(to);
  if (already && phis(to).some((phi) => incoming(phi, pred) !== arriving(phi, block, pred))) return false;
  if (!already) {
    for (const phi of phis(to)) bring(phi, arriving(phi, block, pred), pred, uses);
    to.preds.push(pred);
  }
  branch.targets = branch.targets.map((t) => (t === block ? to : t));
  dropEdge(pred, block);
  block.preds = block.preds.filter((p) => p !== pred);
  return true;
}
