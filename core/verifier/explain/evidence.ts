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
  let end = state?.history.length ?? 0;
  while (state && out.length < MAX_PATH) {
    const { history } = state;
    if (i === state.firstInsn && (end === 0 || (end === 1 && history[0]!.insn === i))) {
      state = state.parent;
      i = state?.lastInsn ?? -1;
      if (!state || i < 0) break;
      end = state.history.length;
      out.push(i);
      continue;
    }
    if (end > 0 && history[end - 1]!.insn === i) i = history[--end]!.previous;
    else i--;
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
