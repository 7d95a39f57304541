/**
 * The order of blocks and what becomes of their jumps. Jumps to jumps are threaded, equal block ends are joined, then blocks are laid
 * out so that as many as possible fall through into a successor: depth first, a block after all of its forward predecessors, loops
 * together, unlikely blocks last.
 */
import { MBlock as Block, linkBlocks, type MBlock, MCOND_NOT, type MFunc, MInst, reversePostorder } from './mir.ts';

/** Thread, merge and order the blocks; afterwards a block without a final jump falls into the next one. */
export function layoutBlocks(fn: MFunc): void {
  simplify(fn);
  while (joinCopies(fn)) simplify(fn);
  while (mergeTails(fn)) simplify(fn);
  fn.blocks = order(fn);
  fallThrough(fn);
}

/** A block that is nothing but a jump. */
function forwards(b: MBlock): MBlock | undefined {
  return b.insts.length === 1 && b.insts[0]!.op === 'ja' && b.insts[0]!.target !== b ? b.insts[0]!.target : undefined;
}

function simplify(fn: MFunc): void {
  for (let changed = true; changed; ) {
    changed = false;
    for (const b of fn.blocks) {
      for (const i of b.insts) {
        if (!i.target) continue;
        const seen = new Set<MBlock>([i.target]);
        for (let to = forwards(i.target); to && !seen.has(to); to = forwards(to)) {
          seen.add(to);
          i.target = to;
          changed = true;
        }
      }
      // Both ways lead to one place: the test is idle.
      const [jcc, ja] = b.insts.slice(-2);
      if (jcc?.op === 'jcc' && ja?.op === 'ja' && jcc.target === ja.target) {
        b.insts.splice(-2, 1);
        changed = true;
      }
    }
    linkBlocks(fn);
    const reached = new Set<MBlock>([fn.blocks[0]!]);
    for (const b of reached) for (const s of b.succs) reached.add(s);
    if (reached.size < fn.blocks.length) {
      fn.blocks = fn.blocks.filter((b) => reached.has(b));
      linkBlocks(fn);
    }
    const gone = new Set<MBlock>();
    for (const b of fn.blocks) {
      for (;;) {
        const to = b.succs[0];
        const alone = b.succs.length === 1 && to !== b && to!.preds.length === 1 && to !== fn.blocks[0];
        if (gone.has(b) || !alone || b.insts[b.insts.length - 2]?.op === 'jcc') break;
        b.insts.pop();
        b.insts.push(...to!.insts);
        b.succs = to!.succs;
        for (const s of b.succs) s.preds = s.preds.map((p) => (p === to ? b : p));
        gone.add(to!);
        changed = true;
      }
    }
    if (gone.size > 0) fn.blocks = fn.blocks.filter((b) => !gone.has(b));
  }
}

function same(a: MInst, b: MInst): boolean {
  return (
    a.op === b.op &&
    a.alu === b.alu &&
    a.wide === b.wide &&
    a.dst === b.dst &&
    a.src === b.src &&
    a.base === b.base &&
    a.slot === b.slot &&
    a.off === b.off &&
    a.imm === b.imm &&
    a.imm64 === b.imm64 &&
    a.kind === b.kind &&
    a.name === b.name &&
    a.size === b.size &&
    a.signed === b.signed &&
    a.atomic === b.atomic &&
    a.call === b.call &&
    a.argc === b.argc &&
    a.cond === b.cond &&
    a.target === b.target
  );
}

/** Does the block leave by one way only? */
function hasOneWay(b: MBlock): boolean {
  const op = b.insts[b.insts.length - 1]!.op;
  return (op === 'ja' || op === 'exit') && b.insts[b.insts.length - 2]?.op !== 'jcc';
}

/** Blocks that are copies of an earlier one go there: a switch may make thousands, too many to compare in pairs. */
function joinCopies(fn: MFunc): boolean {
  const known = new Map<string, MBlock[]>();
  let changed = false;
  for (const b of fn.blocks) {
    const { length } = b.insts;
    if (b === fn.blocks[0] || !hasOneWay(b) || !worthJoining(b, b, length)) continue;
    const look = b.insts.map((i) => `${i.op} ${i.alu} ${i.dst} ${i.src} ${i.off} ${i.imm} ${i.imm64}`).join();
    const alike = known.get(look);
    const first = alike?.find((other) => commonEnd(other, b) === length);
    if (first) {
      replaceEnd(b, length, first);
      first.cold &&= b.cold;
      changed = true;
    } else if (alike) alike.push(b);
    else known.set(look, [b]);
  }
  return changed;
}

/** The last `length` instructions become a jump. */
function replaceEnd(b: MBlock, length: number, to: MBlock): void {
  const ja = new MInst('ja', b.insts[b.insts.length - length]!.loc);
  ja.target = to;
  b.insts.splice(b.insts.length - length, length, ja);
}

/** Blocks that end alike share the end, two and two: those with the longest common one first. A shared end of one instruction is not worth its jump. */
function mergeTails(fn: MFunc): boolean {
  const groups = new Map<MBlock | undefined, MBlock[]>();
  for (const b of fn.blocks) {
    if (!hasOneWay(b)) continue;
    const key = b.insts[b.insts.length - 1]!.target;
    const group = groups.get(key);
    if (group) group.push(b);
    else groups.set(key, [b]);
  }
  for (const group of groups.values()) {
    let longest = 0;
    let pairs: [MBlock, MBlock][] = [];
    for (let x = 0; x < group.length; x++) {
      for (let y = x + 1; y < group.length && y < x + 40; y++) {
        const length = commonEnd(group[x]!, group[y]!);
        if (length < longest || !worthJoining(group[x]!, group[y]!, length)) continue;
        if (length > longest) pairs = [];
        longest = length;
        pairs.push([group[x]!, group[y]!]);
      }
    }
    const joined = new Set<MBlock>();
    for (const [a, b] of pairs) {
      if (joined.has(a) || joined.has(b)) continue;
      joined.add(a).add(b);
      join(fn, a, b, longest);
    }
    if (joined.size > 0) return true;
  }
  return false;
}

function commonEnd(a: MBlock, b: MBlock): number {
  let n = 0;
  while (
    n < a.insts.length &&
    n < b.insts.length &&
    same(a.insts[a.insts.length - 1 - n]!, b.insts[b.insts.length - 1 - n]!)
  )
    n++;
  return n;
}

/** `length` counts the final jump or exit. */
function worthJoining(a: MBlock, b: MBlock, length: number): boolean {
  if (length === 0) return false;
  if (length === a.insts.length || length === b.insts.length) return length > 1 || a.insts[0]!.op === 'exit';
  return length > 2;
}

function join(fn: MFunc, a: MBlock, b: MBlock, length: number): void {
  let shared: MBlock;
  if (length === a.insts.length && a !== fn.blocks[0]) shared = a;
  else if (length === b.insts.length && b !== fn.blocks[0]) shared = b;
  else {
    shared = new Block(fn.nextBlock++);
    shared.depth = Math.min(a.depth, b.depth);
    shared.insts = a.insts.slice(a.insts.length - length);
    fn.blocks.push(shared);
  }
  shared.cold = a.cold && b.cold;
  for (const block of [a, b]) {
    if (block !== shared) replaceEnd(block, length, shared);
  }
}

/** Depth first; among the successors of the block just placed the deepest loop first, then one that waits for nobody. */
function order(fn: MFunc): MBlock[] {
  // An edge to a lower or equal rank goes back.
  const rank = new Map(reversePostorder(fn).map((b, i) => [b, i]));
  const placed = new Set<MBlock>();
  const out: MBlock[] = [];
  const waiting: MBlock[] = [];
  const ready = (b: MBlock) => b.preds.every((p) => placed.has(p) || rank.get(p)! >= rank.get(b)!);
  let next: MBlock | undefined = fn.blocks[0];
  while (next) {
    placed.add(next);
    out.push(next);
    const succs: MBlock[] = next.succs.filter((s) => !placed.has(s));
    waiting.push(...succs);
    const last: MInst = next.insts[next.insts.length - 1]!;
    const score = (b: MBlock) =>
      (b.cold ? 0 : 8) + (ready(b) ? 4 : 0) + (b.depth >= next!.depth ? 2 : 0) + (b === last.target ? 1 : 0);
    succs.sort((a, b) => score(b) - score(a));
    const best = succs[0];
    next = best && !best.cold && ready(best) ? best : undefined;
    if (!next) next = fromWaiting(waiting, placed, ready, best);
  }
  return out;
}

function fromWaiting(
  waiting: MBlock[],
  placed: Set<MBlock>,
  ready: (b: MBlock) => boolean,
  fallback: MBlock | undefined,
): MBlock | undefined {
  for (const wanted of [
    (b: MBlock) => ready(b) && !b.cold,
    (b: MBlock) => b === fallback && !b.cold,
    (b: MBlock) => !b.cold,
    () => true,
  ]) {
    for (let i = waiting.length - 1; i >= 0; i--) {
      const b = waiting[i]!;
      if (placed.has(b)) waiting.splice(i, 1);
      else if (wanted(b)) {
        waiting.splice(i, 1);
        return b;
      }
    }
  }
  return undefined;
}

function fallThrough(fn: MFunc): void {
  fn.blocks.forEach((b, n) => {
    const next = fn.blocks[n + 1];
    const ja = b.insts[b.insts.length - 1]!;
    if (ja.op !== 'ja') return;
    const jcc = b.insts[b.insts.length - 2];
    if (ja.target === next) b.insts.pop();
    else if (jcc?.op === 'jcc' && (jcc.target === next || jcc.cond === 'nset')) {
      // Turn the test round: fall into what was the target, or at least spare the double jump of nset.
      [jcc.target, ja.target] = [ja.target, jcc.target];
      jcc.cond = MCOND_NOT[jcc.cond];
      if (ja.target === next) b.insts.pop();
    } else if (ja.target!.insts.length === 1 && ja.target!.insts[0]!.op === 'exit') {
      b.insts[b.insts.length - 1] = exitLike(ja.target!.insts[0]!);
    }
  });
}

function exitLike(exit: MInst): MInst {
  const copy = new MInst('exit', exit.loc);
  copy.argc = exit.argc;
  return copy;
}
