/**
 * Warnings about what the kernel will refuse, said while there is a source line to point at. They look at optimised IR: what is left there is
 * what the verifier will see.
 */
import type { SourceFile } from '../../base/diagnostics.ts';
import { POISON_HELPER } from '../../elf/core-relo.ts';
import { helperById } from '../../helpers/index.ts';
import { Dominators, findLoops, users } from '../../ir/cfg.ts';
import { type Block, type Func, type Inst, type Loc, successors, terminator } from '../../ir/ir.ts';
import type { Context } from '../context.ts';
import { resultNames } from '../lower/lowering.ts';
import type { LoweredUnit } from '../lower/unit.ts';
import { note } from '../report.ts';
import { spanOfLoc } from '../span.ts';

/** Licences under which GPL-only helpers may be called (license_is_gpl_compatible in include/linux/license.h). */
const GPL_COMPATIBLE = new Set([
  'GPL',
  'GPL v2',
  'GPL and additional rights',
  'Dual BSD/GPL',
  'Dual MIT/GPL',
  'Dual MPL/GPL',
]);

export function warnPrograms(cx: Context, lowered: LoweredUnit, file: SourceFile): void {
  const span = (loc: Loc | undefined) => loc && spanOfLoc(file, loc);
  const gpl = GPL_COMPATIBLE.has(cx.license ?? 'GPL');
  for (const fn of lowered.module.functions) {
    for (const block of fn.blocks) {
      for (const inst of block.insts) {
        if (inst.op === 'callhelper' && inst.helper === POISON_HELPER)
          cx.report.warning(
            span(inst.loc),
            "what is read here is not in this kernel's BTF: the kernel will refuse the program, unless bpf_core_field_exists guards it",
          );
        const row = inst.op === 'callhelper' ? helperById(inst.helper) : undefined;
        if (gpl || !row?.gplOnly) continue;
        cx.report.warning(
          span(inst.loc),
          `helper bpf_${row.name} is only for programs under a GPL-compatible licence, but this one states "${cx.license}": the kernel will refuse it`,
          { foresees: true },
        );
      }
    }
    const dom = new Dominators(fn);
    for (const loop of findLoops(dom)) {
      if ([...loop.blocks].some((b) => successors(b).length === 0 || successors(b).some((s) => !loop.blocks.has(s))))
        continue;
      const loc = terminator(loop.latches[0]!).loc ?? loop.header.insts.find((i) => i.loc)?.loc ?? fn.loc;
      cx.report.warning(span(loc), 'this loop never ends: the kernel will refuse the program', {
        foresees: true,
      });
    }
    nullChecks(fn, (use, made) => {
      const helper = helperById(made.helper)!;
      const name = resultNames.get(made);
      const what = name ? `'${name}'` : `the result of bpf_${helper.name}`;
      cx.report.warning(span(use.loc), `${what} may be null here: the kernel will refuse the program without a check`, {
        notes: [note(span(made.loc), `bpf_${helper.name} is called here`)],
        foresees: true,
      });
    });
  }
}

/** Memory operations through a pointer that a helper may have given as null, on a path where nobody asked. */
function nullChecks(fn: Func, complain: (use: Inst, made: Inst) => void): void {
  let uses: Map<Inst, Inst[]> | undefined;
  for (const block of fn.blocks) {
    for (const made of block.insts) {
      if (made.op !== 'callhelper' || made.type !== 'ptr') continue;
      if (!helperById(made.helper)?.ret.endsWith('_or_null')) continue;
      uses ??= users(fn);
      const found = firstUnchecked(made, uses);
      if (found) complain(found, made);
    }
  }
}

function firstUnchecked(made: Inst, uses: ReadonlyMap<Inst, Inst[]>): Inst | undefined {
  const compares = (uses.get(made) ?? []).filter((u) => u.op === 'icmp' || u.op === 'select');
  // A check that went into something else than a plain branch: believe it.
  if (compares.some((c) => c.op === 'select' || (uses.get(c) ?? []).some((u) => u.op !== 'condbr'))) return undefined;
  const checks = new Map<Block, Block>();
  for (const c of compares) {
    for (const branch of uses.get(c) ?? []) checks.set(branch.block!, branch.targets[c.sub === 'ne' ? 0 : 1]!);
  }
  const unchecked = reachedUnchecked(made.block!, checks);
  const pointers = [made];
  for (const p of pointers) {
    for (const use of uses.get(p) ?? []) {
      if (use.op === 'ptradd' && use.args[0] === p) pointers.push(use);
      const address = use.op === 'load' || use.op === 'store' || use.op === 'atomicrmw' || use.op === 'cmpxchg';
      if (address && use.args[0] === p && use.block && unchecked.has(use.block)) return use;
    }
  }
  return undefined;
}

/** Blocks that control reaches from `start` on some way that takes none of the edges `checks` names: those behind which the pointer is there. */
function reachedUnchecked(start: Block, checks: ReadonlyMap<Block, Block>): ReadonlySet<Block> {
  const reached = new Set<Block>([start]);
  for (const block of reached) {
    const [yes, no] = successors(block);
    const checked = yes === no ? undefined : checks.get(block);
    for (const to of successors(block)) if (to !== checked) reached.add(to);
  }
  return reached;
}
