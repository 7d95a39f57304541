/**
 * Signed division for machines without it (before -mcpu=v4): divide magnitudes, give the sign back. Branch-free:
 * with s = x >> (bits-1), (x ^ s) - s is |x|.
 */
import { newConst, newInst } from '../build.ts';
import { replaceAll } from '../cfg.ts';
import { type BinaryOp, type Func, type Inst, TYPE_BITS } from '../ir.ts';

export function expandDiv(fn: Func): boolean {
  const replaced = new Map<Inst, Inst>();
  for (const block of fn.blocks) {
    const out: Inst[] = [];
    for (const inst of block.insts) {
      if (inst.op !== 'sdiv' && inst.op !== 'srem') {
        out.push(inst);
        continue;
      }
      const type = inst.type;
      const make = (op: BinaryOp, a: Inst, b: Inst): Inst => {
        const made = newInst(fn, op, type, [a, b], inst.loc);
        made.block = block;
        out.push(made);
        return made;
      };
      const sign = (x: Inst) => make('ashr', x, newConst(fn, type, TYPE_BITS[type] - 1));
      const flip = (x: Inst, s: Inst) => make('sub', make('xor', x, s), s);
      const [x, y] = inst.args as [Inst, Inst];
      const sx = sign(x);
      const ax = flip(x, sx);
      const constant = y.op === 'const';
      const sy = constant ? undefined : sign(y);
      const ay = constant ? newConst(fn, type, y.value < 0n ? -y.value : y.value) : flip(y, sy!);
      const magnitude = make(inst.op === 'sdiv' ? 'udiv' : 'urem', ax, ay);
      // The quotient's sign is that of both; the remainder's that of the dividend.
      const s =
        inst.op === 'srem'
          ? sx
          : constant
            ? y.value < 0n
              ? make('xor', sx, newConst(fn, type, -1n))
              : sx
            : make('xor', sx, sy!);
      replaced.set(inst, flip(magnitude, s));
    }
    block.insts = out;
  }
  replaceAll(fn, replaced);
  return replaced.size > 0;
}
