/**
 * Calls of kernel functions. None is known yet to this verifier: a program that calls one is refused by name.
 */
import type { Env } from './env.ts';
import type { Program } from './program.ts';
import type { State } from './state.ts';

export interface Kfuncs {
  nameAt(insn: number): string;
  isIterNext(insn: number): boolean;
}

/** Names of the kernel functions the program calls, by relocation. */
export function findKfuncs(program: Program): Kfuncs {
  const names = new Map<number, string>();
  for (const r of program.spec.relocs) if (r.kind === 'kfunc') names.set(r.insn, r.name);
  const nameAt = (insn: number) => names.get(insn) ?? `#${program.code.imm[insn]}`;
  return { nameAt, isIterNext: () => false };
}

export function checkKfuncCall(
  env: Env,
  kfuncs: Kfuncs,
  i: number,
  _previousAt: (state: State, insn: number) => State | undefined,
): number {
  return env.fail('unsupported', `calling kernel function ${kfuncs.nameAt(i)} is not supported by this verifier`);
}
