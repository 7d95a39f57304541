/** Warnings about what the kernel will refuse, said while there is a source line to point at. */
import { helperById } from '../../helpers/index.ts';
import type { Context } from '../context.ts';
import type { LoweredUnit } from '../lower/unit.ts';

/** Licences under which GPL-only helpers may be called (license_is_gpl_compatible in include/linux/license.h). */
const GPL_COMPATIBLE = new Set([
  'GPL',
  'GPL v2',
  'GPL and additional rights',
  'Dual BSD/GPL',
  'Dual MIT/GPL',
  'Dual MPL/GPL',
]);

export function warnPrograms(cx: Context, lowered: LoweredUnit): void {
  const license = cx.license ?? 'GPL';
  if (GPL_COMPATIBLE.has(license)) return;
  for (const fn of lowered.module.functions) {
    for (const block of fn.blocks) {
      for (const inst of block.insts) {
        const row = inst.op === 'callhelper' ? helperById(inst.helper) : undefined;
        if (!row?.gplOnly) continue;
        const where = inst.loc ? ` (${inst.loc.file}:${inst.loc.line})` : '';
        cx.report.warning(
          undefined,
          `helper bpf_${row.name} is only for programs under a GPL-compatible licence, but this one states "${license}"${where}: the kernel will refuse it`,
        );
      }
    }
  }
}
