/**
 * Inlining: every call of a function of the module takes the body in, unless the function says noinline, is named as a callback, or calls
 * itself. What stays is a BPF-to-BPF call. Functions nobody needs afterwards leave the module. Callees are finished before callers.
 */
import { newBlock, newInst } from '../build.ts';
import { phis, replaceAll } from '../cfg.ts';
import { cloneBlocks } from '../clone.ts';
import { type Block, type Func, type Inst, type Module, terminator } from '../ir.ts';

/** Works on the whole module. */
export function inlineCalls(module: Module): boolean {
  const byName = new Map(module.functions.map((f) => [f.name, f]));
  const done = new Set<Func>();
  const active = new Set<Func>();
  let changed = false;
  const finish = (fn: Func): void => {
    if (done.has(fn) || active.has(fn)) return;
    active.add(fn);
    for (const callee of calleesOf(fn, byName)) finish(callee);
    for (;;) {
      const call = fn.blocks
        .flatMap((b) => b.insts)
        .find((i) => i.op === 'calllocal' && mayInline(byName.get(i.name), byName, active));
      if (!call) break;
      inlineOne(fn, call, byName.get(call.name)!);
      changed = true;
    }
    active.delete(fn);
    done.add(fn);
  };
  for (const fn of module.functions) finish(fn);
  const needed = new Set(module.functions.filter((f) => f.entry));
  for (const fn of needed) for (const callee of calleesOf(fn, byName)) needed.add(callee);
  if (needed.size > 0 && needed.size < module.functions.length) {
    module.functions = module.functions.filter((f) => needed.has(f));
    changed = true;
  }
  return changed;
}

/** A finished function that still calls one which asks to be inlined is part of a recursion. */
function mayInline(fn: Func | undefined, byName: ReadonlyMap<string, Func>, active: ReadonlySet<Func>): boolean {
  if (fn === undefined || fn.noinline || active.has(fn)) return false;
  return fn.blocks.every((b) => b.insts.every((i) => i.op !== 'calllocal' || (byName.get(i.name)?.noinline ?? true)));
}

function calleesOf(fn: Func, byName: ReadonlyMap<string, Func>): Func[] {
  const out = new Set<Func>();
  for (const block of fn.blocks) {
    for (const inst of block.insts) {
      for (const name of [
        inst.op === 'calllocal' ? inst.name : '',
        ...inst.args.map((a) => (a.op === 'funcref' ? a.name : '')),
      ]) {
        const callee = byName.get(name);
        if (callee) out.add(callee);
      }
    }
  }
  return [...out];
}

function inlineOne(fn: Func, call: Inst, callee: Func): void {
  const before = call.block!;
  const at = before.insts.indexOf(call);
  const after = newBlock(fn, before.name);
  after.insts = before.insts.splice(at + 1);
  before.insts.pop();
  for (const inst of after.insts) inst.block = after;
  for (const to of terminator(after).targets)
    for (const phi of phis(to)) phi.targets = phi.targets.map((t) => (t === before ? after : t));

  const values = new Map<Inst, Inst>();
  for (const [i, p] of callee.params.entries()) values.set(p, call.args[i] ?? newInst(fn, 'undef', p.type));
  const blocks = cloneBlocks(fn, callee.blocks, values);
  // Variables of the callee live in the caller's frame.
  const entry = blocks.get(callee.blocks[0]!)!;
  const allocas = entry.insts.filter((i) => i.op === 'alloca');
  entry.insts = entry.insts.filter((i) => i.op !== 'alloca');
  const top = fn.blocks[0]!;
  for (const a of allocas) a.block = top;
  top.insts.unshift(...allocas);

  const branch = (from: Block, to: Block) => {
    const br = newInst(fn, 'br', 'void', [], call.loc);
    br.targets = [to];
    br.block = from;
    from.insts.push(br);
  };
  const results: { value: Inst | undefined; from: Block }[] = [];
  for (const copy of blocks.values()) {
    const end = terminator(copy);
    if (end.op !== 'ret') continue;
    copy.insts.pop();
    results.push({ value: end.args[0], from: copy });
    branch(copy, after);
  }
  branch(before, entry);
  if (results.length === 0) {
    // The callee never returns: what follows is unreachable.
    fn.blocks.splice(fn.blocks.indexOf(after), 1);
    for (const to of terminator(after).targets) {
      for (const phi of phis(to)) {
        phi.args = phi.args.filter((_, i) => phi.targets[i] !== after);
        phi.targets = phi.targets.filter((t) => t !== after);
      }
    }
    return;
  }
  if (call.type === 'void') return;
  let result: Inst = results[0]!.value ?? newInst(fn, 'undef', call.type);
  if (results.length > 1) {
    result = newInst(
      fn,
      'phi',
      call.type,
      results.map((r) => r.value ?? newInst(fn, 'undef', call.type)),
      call.loc,
    );
    result.targets = results.map((r) => r.from);
    result.block = after;
    after.insts.unshift(result);
  }
  replaceAll(fn, new Map([[call, result]]));
}
