/** Which cpu version (clang's -mcpu=v1 to v4) a program needs: what an older kernel or a device is asked before loading. */
import { type Form, formOf } from './forms.ts';
import { toInsns } from './insn.ts';
import { OP_LD_IMM64 } from './ops.ts';

export interface VersionNeed {
  readonly version: 1 | 2 | 3 | 4;
  /** The first instruction that needs it (slot index) and its form; absent in a program that version 1 runs. */
  readonly pc?: number;
  readonly form?: Form;
}

/** The lowest version that has every instruction of the program. Unknown instructions are passed over. */
export function versionNeeded(bytes: Uint8Array): VersionNeed {
  let need: VersionNeed = { version: 1 };
  let pc = 0;
  for (const insn of toInsns(bytes)) {
    const form = formOf(insn);
    if (form && form.version > need.version) need = { version: form.version, pc, form };
    pc += insn.opcode === OP_LD_IMM64 ? 2 : 1;
  }
  return need;
}

/** Why a machine of `version` cannot run the program ("needs v4: sdiv at 12"), or undefined. */
export function versionIssue(bytes: Uint8Array, version: 1 | 2 | 3 | 4): string | undefined {
  const need = versionNeeded(bytes);
  if (need.version <= version) return undefined;
  return `instruction ${need.pc} (${need.form!.name}) needs cpu version v${need.version}, and this is v${version}`;
}
