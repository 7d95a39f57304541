/**
 * After register allocation, one walk through each block: what is known of each register (a constant, a frame address, the contents of a
 * spill slot) makes later instructions idle. Spilling makes most of this work; so do arguments that two calls in a row share.
 */
import { forDefs, isCopy, type MFunc, type MInst, NO_REG, type Slot } from './mir.ts';

/** Gives true when something changed. */
export function peephole(fn: MFunc): boolean {
  const spills = new Set(fn.slots.filter((s) => s.spill));
  let changed = false;
  for (const b of fn.blocks) {
    // Register -> what it holds, as a text that only equal contents share.
    const holds: (string | undefined)[] = [];
    const slotHeldBy = new Map<Slot, number>();
    const kept: MInst[] = [];
    for (const inst of b.insts) {
      if (isCopy(inst) && inst.dst === inst.src) {
        changed = true;
        continue;
      }
      if (inst.op === 'ld' && inst.slot && spills.has(inst.slot)) {
        const from = slotHeldBy.get(inst.slot);
        if (from === inst.dst) {
          changed = true;
          continue;
        }
        if (from !== undefined) {
          toCopy(inst, from);
          changed = true;
        }
      }
      if (
        inst.op === 'st' &&
        inst.slot &&
        spills.has(inst.slot) &&
        inst.src !== NO_REG &&
        slotHeldBy.get(inst.slot) === inst.src
      ) {
        changed = true;
        continue;
      }
      const made = contents(fn, inst);
      if (made !== undefined && holds[inst.dst] === made) {
        changed = true;
        continue;
      }
      const from = isCopy(inst) ? holds[inst.src] : undefined;
      if (from !== undefined && holds[inst.dst] === from) {
        changed = true;
        continue;
      }
      forDefs(inst, (r) => {
        holds[r] = undefined;
        for (const [slot, reg] of slotHeldBy) if (reg === r) slotHeldBy.delete(slot);
      });
      if (made !== undefined) holds[inst.dst] = made;
      else if (from !== undefined) holds[inst.dst] = from;
      if ((inst.op === 'ld' || (inst.op === 'st' && inst.src !== NO_REG)) && inst.slot && spills.has(inst.slot))
        slotHeldBy.set(inst.slot, inst.op === 'ld' ? inst.dst : inst.src);
      kept.push(inst);
    }
    b.insts = kept;
  }
  return dropDeadStores(fn, spills) || changed;
}

function toCopy(inst: MInst, from: number): void {
  inst.op = 'alu';
  inst.alu = 'mov';
  inst.wide = true;
  inst.src = from;
  inst.base = NO_REG;
  inst.slot = undefined;
}

function contents(fn: MFunc, i: MInst): string | undefined {
  if (i.op === 'frame') return `f${fn.slots.indexOf(i.slot!)},${i.off}`;
  if (i.op === 'alu' && i.alu === 'mov' && i.src === NO_REG) return `c${i.wide ? i.imm : i.imm >>> 0}`;
  if (i.op === 'ldimm' && i.kind !== 'imm') return `${i.kind},${i.name},${i.off}`;
  return undefined;
}

/** Stores into spill slots that nobody loads any more. */
function dropDeadStores(fn: MFunc, spills: Set<Slot>): boolean {
  const loaded = new Set<Slot>();
  for (const b of fn.blocks) for (const i of b.insts) if (i.op === 'ld' && i.slot) loaded.add(i.slot);
  let changed = false;
  for (const b of fn.blocks) {
    const kept = b.insts.filter((i) => !(i.op === 'st' && i.slot && spills.has(i.slot) && !loaded.has(i.slot)));
    changed ||= kept.length < b.insts.length;
    b.insts = kept;
  }
  return changed;
}
