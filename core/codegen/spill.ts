/**
 * Spilling: a register that found no colour lives in the frame (always all eight bytes: the kernel's verifier then remembers what it
 * holds, bounds and pointer type included), or, when one instruction makes it, is made again at each use.
 */
import { REG_FP } from '../isa/ops.ts';
import { forDefs, forUses, isCopy, type MFunc, MInst, type Slot } from './mir.ts';

const remakes = new WeakMap<MFunc, { at: number; table: Map<number, MInst | undefined> }>();

/** For each virtual register with one definition that a later copy of the same instruction could replace: that instruction. */
function remakeTable(fn: MFunc): Map<number, MInst | undefined> {
  const known = remakes.get(fn);
  if (known && known.at === fn.nextReg) return known.table;
  const table = new Map<number, MInst | undefined>();
  for (const b of fn.blocks) {
    for (const i of b.insts) {
      const makes = i.op === 'ldimm' || i.op === 'frame' || (i.op === 'alu' && i.alu === 'mov' && i.src < 0);
      forDefs(i, (r) => table.set(r, makes && !table.has(r) ? i : undefined));
    }
  }
  remakes.set(fn, { at: fn.nextReg, table });
  return table;
}

/** A register whose value is made by one instruction from nothing. */
export function isRematerialised(fn: MFunc, reg: number): boolean {
  return remakeTable(fn).get(reg) !== undefined;
}

/** Rewrite the function so that these registers are in no register for longer than one instruction. */
export function spill(fn: MFunc, regs: readonly number[]): void {
  remakes.delete(fn);
  const table = remakeTable(fn);
  const remake = new Map<number, MInst>();
  const slots = new Map<number, Slot>();
  for (const r of regs) {
    const made = table.get(r);
    if (made) remake.set(r, made);
    else {
      const slot: Slot = { size: 8, align: 8, name: '', loc: undefined, offset: 0, spill: true };
      slots.set(r, slot);
      fn.slots.push(slot);
    }
  }
  for (const b of fn.blocks) {
    const out: MInst[] = [];
    for (const inst of b.insts) {
      if (inst.dst >= 0 && remake.get(inst.dst) === inst) continue;
      if (isCopy(inst) && !remake.has(inst.src) && spillCopy(inst, slots)) {
        out.push(inst);
        continue;
      }
      const renamed = new Map<number, number>();
      const rename = (r: number) => {
        let to = renamed.get(r);
        if (to === undefined) {
          renamed.set(r, (to = fn.nextReg++));
          fn.fixed.add(to);
        }
        return to;
      };
      const before: MInst[] = [];
      const after: MInst[] = [];
      forUses(inst, (r) => {
        if (renamed.has(r)) return;
        const made = remake.get(r);
        const slot = slots.get(r);
        if (made) before.push(remade(made, rename(r), inst));
        else if (slot) before.push(access('ld', rename(r), slot, inst));
      });
      forDefs(inst, (r) => {
        const slot = slots.get(r);
        if (slot) after.push(access('st', rename(r), slot, inst));
      });
      if (renamed.size > 0) {
        const to = (r: number) => renamed.get(r) ?? r;
        if (inst.dst >= 0) inst.dst = to(inst.dst);
        if (inst.src >= 0) inst.src = to(inst.src);
        if (inst.base >= 0) inst.base = to(inst.base);
      }
      out.push(...before, inst, ...after);
    }
    b.insts = out;
  }
}

/** A copy to or from a spilled register is itself the load or the store. */
function spillCopy(inst: MInst, slots: Map<number, Slot>): boolean {
  const [from, to] = [slots.get(inst.src), slots.get(inst.dst)];
  if ((from && to) || (!from && !to)) return false;
  inst.base = REG_FP;
  inst.size = 8;
  inst.off = 0;
  inst.slot = from ?? to;
  if (from) {
    inst.op = 'ld';
    inst.src = -1;
  } else {
    inst.op = 'st';
    inst.dst = -1;
  }
  return true;
}

function access(op: 'ld' | 'st', reg: number, slot: Slot, beside: MInst): MInst {
  const inst = new MInst(op, beside.loc);
  if (op === 'ld') inst.dst = reg;
  else inst.src = reg;
  inst.base = REG_FP;
  inst.slot = slot;
  inst.size = 8;
  return inst;
}

function remade(made: MInst, reg: number, beside: MInst): MInst {
  const inst = new MInst(made.op, beside.loc);
  Object.assign(inst, made, { dst: reg, loc: beside.loc });
  return inst;
}
