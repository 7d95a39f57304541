/**
 * Before phis become copies: every edge from a block with several successors to a block with phis and several predecessors gets a block of its
 * own, where the copies may stand without harming the other ways. Empty ones vanish again in the layout.
 */
import { newBlock, newInst } from '../build.ts';
import { computePreds } from '../cfg.ts';
import { type Func, terminator } from '../ir.ts';

export function splitEdges(fn: Func): boolean {
  computePreds(fn);
  let changed = false;
  for (const block of [...fn.blocks]) {
    const end = terminator(block);
    if (end.targets.length < 2) continue;
    if (end.op === 'condbr' && end.targets[0] === end.targets[1]) {
      end.op = 'br';
      end.args = [];
      end.targets.pop();
      end.likely = undefined;
      changed = true;
      continue;
    }
    end.targets.forEach((to, i) => {
      if (to.insts[0]?.op !== 'phi' || to.preds.length < 2) return;
      const between = newBlock(fn);
      const br = newInst(fn, 'br', 'void', [], end.loc);
      br.targets = [to];
      br.block = between;
      between.insts.push(br);
      end.targets[i] = between;
      for (const phi of to.insts) {
        if (phi.op !== 'phi') break;
        phi.targets = phi.targets.map((b) => (b === block ? between : b));
      }
      changed = true;
    });
  }
  return changed;
}
