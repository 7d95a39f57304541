/** Dead code: what has no effect and feeds nothing that has one goes, phi cycles included. */
import { type Func, type Inst, IR_OP } from '../ir.ts';

export function dce(fn: Func): boolean {
  const live = new Set<Inst>();
  const work: Inst[] = [];
  for (const block of fn.blocks) {
    for (const inst of block.insts) {
      if (hasEffect(inst)) {
        live.add(inst);
        work.push(inst);
      }
    }
  }
  for (let inst = work.pop(); inst !== undefined; inst = work.pop()) {
    for (const a of inst.args) {
      if (live.has(a)) continue;
      live.add(a);
      work.push(a);
    }
  }
  let changed = false;
  for (const block of fn.blocks) {
    const kept = block.insts.filter((i) => live.has(i));
    if (kept.length === block.insts.length) continue;
    block.insts = kept;
    changed = true;
  }
  return changed;
}

/** Must stay whoever uses its result. */
export function hasEffect(inst: Inst): boolean {
  const effect = IR_OP[inst.op].effect;
  if (effect === 'none') return false;
  if (effect === 'read') return inst.volatile;
  if (inst.op === 'opaque') return false;
  return true;
}
