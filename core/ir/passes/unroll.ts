/**
 * Loops with a known number of turns, written out: always where the program says `#pragma unroll`, else only when that is hardly longer than
 * the loop itself (two or three turns of almost nothing). Kernels before 5.3 accept no loop at all, later ones walk each turn anyway: code
 * size is what a loop saves. The count is found by running the loop's own arithmetic on constants.
 */
import { newBlock, newInst } from '../build.ts';
import { Dominators, findLoops, type Loop, phis } from '../cfg.ts';
import { cloneBlocks } from '../clone.ts';
import { foldBinary, foldCast, foldCompare } from '../fold.ts';
import { type Block, type Cond, type Func, type Inst, IR_OP, terminator } from '../ir.ts';

const MOST_TURNS = 1024;
/** Instructions a `#pragma unroll` may make. */
const MOST_MADE = 32768;
const SMALL_TURNS = 4;
const SMALL_MADE = 24;

export function unroll(fn: Func): boolean {
  let changed = false;
  for (let round = 0; round < 64; round++) {
    const dom = new Dominators(fn);
    // Inner loops first: they may vanish into the outer one's body.
    const loop = findLoops(dom)
      .reverse()
      .find((l) => plan(l) !== undefined);
    if (!loop) break;
    writeOut(fn, loop, plan(loop)!);
    changed = true;
  }
  return changed;
}

/** How many copies of the body are needed: turns + 1, since the last one only leaves. Undefined: leave the loop alone. */
function plan(loop: Loop): number | undefined {
  const wish = loop.header.unroll;
  if (wish === 1 || loop.latches.length !== 1) return undefined;
  const turns = countTurns(loop);
  if (turns === undefined) return undefined;
  let size = 0;
  for (const b of loop.blocks) size += b.insts.length;
  const made = size * (turns + 1);
  if (wish !== undefined) return made <= MOST_MADE ? turns + 1 : undefined;
  return turns <= SMALL_TURNS && made <= SMALL_MADE ? turns + 1 : undefined;
}

/** How often the header is left towards the body, by evaluating what decides its or the latch's branch. */
function countTurns(loop: Loop): number | undefined {
  const latch = loop.latches[0]!;
  const inside = (b: Block) => loop.blocks.has(b);
  const exiting = [loop.header, latch].find(
    (b) => terminator(b).op === 'condbr' && terminator(b).targets.some((t) => !inside(t)),
  );
  if (!exiting) return undefined;
  const end = terminator(exiting);
  let state = new Map<Inst, bigint>();
  for (const phi of phis(loop.header)) {
    const first = phi.args.filter((_, i) => phi.targets[i] !== latch);
    if (first.length > 0 && first.every((f) => f.op === 'const' && f.value === first[0]!.value))
      state.set(phi, first[0]!.value);
  }
  for (let turn = 0; turn <= MOST_TURNS; turn++) {
    const memo = new Map(state);
    const taken = evaluate(end.args[0]!, memo, loop, 0);
    if (taken === undefined) return undefined;
    if (!inside(end.targets[taken !== 0n ? 0 : 1]!)) return turn;
    const next = new Map<Inst, bigint>();
    for (const phi of state.keys()) {
      const value = evaluate(phi.args[phi.targets.indexOf(latch)]!, memo, loop, 0);
      if (value !== undefined) next.set(phi, value);
    }
    state = next;
  }
  return undefined;
}

function evaluate(v: Inst, memo: Map<Inst, bigint>, loop: Loop, depth: number): bigint | undefined {
  if (v.op === 'const') return v.value;
  const known = memo.get(v);
  if (known !== undefined) return known;
  if (depth > 12 || !v.block || !loop.blocks.has(v.block) || v.op === 'phi') return undefined;
  const args: bigint[] = [];
  const kind = IR_OP[v.op].kind;
  if (kind !== 'binary' && kind !== 'compare' && kind !== 'cast') return undefined;
  for (const a of v.args) {
    const value = evaluate(a, memo, loop, depth + 1);
    if (value === undefined) return undefined;
    args.push(value);
  }
  const out =
    kind === 'compare'
      ? foldCompare(v.sub as Cond, v.args[0]!.type, args[0]!, args[1]!)
        ? 1n
        : 0n
      : kind === 'cast'
        ? foldCast(v.op, v.args[0]!.type, v.type, args[0]!)
        : foldBinary(v.op, v.type, args[0]!, args[1]!);
  if (out !== undefined) memo.set(v, out);
  return out;
}

/** Copies of the loop one after the other; the back edge of the last goes nowhere. */
function writeOut(fn: Func, loop: Loop, copies: number): void {
  const blocks = [...loop.blocks];
  const latch = loop.latches[0]!;
  closeOver(fn, loop);
  const headerPhis = phis(loop.header);
  loop.header.unroll = undefined;
  let values = new Map<Inst, Inst>();
  const exits = blocks.flatMap((b) =>
    terminator(b)
      .targets.filter((t) => !loop.blocks.has(t))
      .map((to) => ({ from: b, to })),
  );
  const exitPhis = exits.flatMap(({ from, to }) =>
    phis(to).map((phi) => ({ phi, from, value: phi.args[phi.targets.indexOf(from)]! })),
  );
  const uniqueExits = [...new Map(exitPhis.map((e) => [`${e.phi.id} ${e.from.id}`, e])).values()];
  const resolveIn = (table: Map<Inst, Inst>, v: Inst) => table.get(v) ?? v;
  const turns = [{ header: loop.header, latch }];
  for (let n = 1; n < copies; n++) {
    const before = values;
    const incoming = headerPhis.map((phi) => resolveIn(before, phi.args[phi.targets.indexOf(latch)]!));
    values = new Map<Inst, Inst>();
    const table = cloneBlocks(fn, blocks, values);
    const header = table.get(loop.header)!;
    header.unroll = undefined;
    // In the copy the header has one predecessor: its phis are what the turn before gave.
    const replaced = new Map<Inst, Inst>();
    headerPhis.forEach((phi, i) => {
      const copy = values.get(phi)!;
      replaced.set(copy, incoming[i]!);
      values.set(phi, incoming[i]!);
    });
    header.insts = header.insts.filter((i) => !replaced.has(i));
    for (const b of table.values()) for (const inst of b.insts) inst.args = inst.args.map((a) => replaced.get(a) ?? a);
    for (const [k, v] of values) if (replaced.has(v)) values.set(k, replaced.get(v)!);
    for (const e of uniqueExits) {
      e.phi.args.push(resolveIn(values, e.value));
      e.phi.targets.push(table.get(e.from)!);
    }
    turns.push({ header, latch: table.get(latch)! });
  }
  // The last turn leaves before it comes round again.
  const dead = newBlock(fn, 'never');
  const end = newInst(fn, 'unreachable', 'void', []);
  end.block = dead;
  dead.insts.push(end);
  turns.forEach(({ header, latch: from }, n) => {
    const branch = terminator(from);
    branch.targets = branch.targets.map((t) => (t === header ? (turns[n + 1]?.header ?? dead) : t));
  });
  for (const phi of headerPhis) {
    const i = phi.targets.indexOf(latch);
    phi.args.splice(i, 1);
    phi.targets.splice(i, 1);
  }
}

/** Values of the loop that are used after it get a phi at the exit, which the copies then extend. */
function closeOver(fn: Func, loop: Loop): void {
  const dom = new Dominators(fn);
  const exits = new Set<Block>();
  for (const b of loop.blocks) for (const t of terminator(b).targets) if (!loop.blocks.has(t)) exits.add(t);
  const wanted = new Map<Inst, { user: Inst; index: number; at: Block }[]>();
  for (const block of fn.blocks) {
    if (loop.blocks.has(block)) continue;
    for (const user of block.insts) {
      user.args.forEach((a, index) => {
        if (!a.block || !loop.blocks.has(a.block)) return;
        const at = user.op === 'phi' ? user.targets[index]! : block;
        if (loop.blocks.has(at)) return;
        const list = wanted.get(a);
        if (list) list.push({ user, index, at });
        else wanted.set(a, [{ user, index, at }]);
      });
    }
  }
  for (const [value, uses] of wanted) {
    const made = new Map<Block, Inst>();
    const valueAt = (block: Block): Inst => {
      // The value on entry to a block outside: one phi at each place where exits or such values meet.
      const known = made.get(block);
      if (known) return known;
      const phi = newInst(fn, 'phi', value.type, [], value.loc);
      phi.block = block;
      made.set(block, phi);
      for (const p of block.preds) {
        phi.targets.push(p);
        phi.args.push(
          loop.blocks.has(p) ? value : dom.dominates(value.block!, p) ? valueAt(p) : newInst(fn, 'undef', value.type),
        );
      }
      block.insts.unshift(phi);
      return phi;
    };
    for (const { user, index, at } of uses) user.args[index] = valueAt(at);
  }
}
