/** What the walk knows when it refuses, as evidence for an explanation. */

import type { Env } from '../env.ts';
import { formatReg } from '../log.ts';
import { KIND } from '../reg.ts';
import type { State } from '../state.ts';
import { readKernelLog } from './log.ts';

const MAX_PATH = 20_000;

/** Instructions of the current path of a walk, oldest first (of a very long one, the end). */
export function pathOf(env: Env): number[] {
  const out = [env.insn];
  let state: State | undefined = env.state;
  let i = env.insn;
  let newest = state?.history;
  while (state && out.length < MAX_PATH) {
    if (i === state.firstInsn && (newest === undefined || (newest.before === undefined && newest.insn === i))) {
      state = state.parent;
      i = state?.lastInsn ?? -1;
      if (!state || i < 0) break;
      newest = state.history;
      out.push(i);
      continue;
    }
    if (newest?.insn === i) {
      i = newest.previous;
      newest = newest.before;
    } else i--;
    if (i < 0) break;
    // The second half of a wide load is no instruction.
    if (i > 0 && env.program.code.opcode[i] === 0 && env.program.code.opcode[i - 1] === 0x18) i--;
    out.push(i);
  }
  return out.reverse();
}

/** The log's text of each register of the current frame. */
export function registersOf(env: Env): Map<number, string> {
  const out = new Map<number, string>();
  env.regs.forEach((r, n) => {
    if (r.type !== KIND.NOT_INIT) out.set(n, formatReg(env, env.frame, r));
  });
  return out;
}

/** Messages of the log that belong to its last one. */
export function detailsOf(env: Env): readonly string[] {
  return readKernelLog(env.log.slice(-12).join('\n'))?.details ?? [];
}
