/**
 * Which function of a kernel's struct a program is: the object holds the struct as a variable in `.struct_ops`, and relocations put the programs
 * into its members (libbpf: bpf_object__collect_st_ops_relos). What stands behind `SEC("struct_ops/` is only a name.
 */
import { BpfError } from '../base/errors.ts';
import type { Btf } from '../btf/btf.ts';
import { compositeOf, sizeOf } from '../btf/layout.ts';
import { INSN_SIZE } from '../isa/insn.ts';
import { essentialName } from './core-match.ts';
import type { ElfFunction } from './link.ts';
import { type ElfFile, type ElfSymbol, SHT } from './read.ts';

/** Variables that become a struct when they are loaded, or only when the user asks (`?`), with a link or without. */
const SECTION = /^\??\.struct_ops(?:\.link)?$/;

/** Targets (`STRUCT:MEMBER`) of the functions that variables of the object name. */
export function structOpsTargets(
  elf: ElfFile,
  symbols: readonly ElfSymbol[],
  functions: readonly ElfFunction[],
  btf: Btf | undefined,
): Map<ElfFunction, string> {
  const targets = new Map<ElfFunction, string>();
  for (const section of btf ? elf.sections.filter((s) => SECTION.test(s.name)) : []) {
    const id = btf!.find(section.name, 'datasec');
    const types = id === undefined ? undefined : btf!.type(id);
    if (types?.kind !== 'datasec') throw new BpfError('ELF', `section '${section.name}' is not described by .BTF`);
    const view = new DataView(section.data.buffer, section.data.byteOffset, section.data.byteLength);
    for (const rows of elf.sections.filter((s) => s.type === SHT.REL && s.info === section.index)) {
      for (const row of elf.relocations(rows)) {
        const symbol = symbols[row.symbol];
        if (!symbol || row.offset + 8 > section.size) continue;
        // Against the section of the function, the place in it stands where the address will.
        const start = (Number(symbol.value) + Number(view.getBigUint64(row.offset, true))) / INSN_SIZE;
        const func = functions.find((f) => f.section.index === symbol.section && f.start === start);
        const member = memberAt(btf!, types.vars, row.offset);
        if (!func) continue;
        if (member === undefined) {
          throw new BpfError(
            'ELF',
            `'${func.name}' is put at byte ${row.offset} of '${section.name}', where no struct has a member`,
          );
        }
        // One program may be a member of several structs of one type: it is loaded once.
        const before = targets.get(func);
        if (before !== undefined && before !== member)
          throw new BpfError('ELF', `'${func.name}' cannot be both ${before} and ${member}: one function, one member`);
        targets.set(func, member);
      }
    }
  }
  return targets;
}

function memberAt(
  btf: Btf,
  vars: readonly { readonly type: number; readonly offset: number }[],
  at: number,
): string | undefined {
  for (const { type, offset } of vars) {
    const variable = btf.type(type);
    const struct = variable.kind === 'var' ? compositeOf(btf, variable.type) : undefined;
    if (!struct || at < offset || at >= offset + sizeOf(btf, struct.id)) continue;
    const member = struct.members.find((m) => m.bitOffset === 8 * (at - offset));
    return member && `${essentialName(struct.name)}:${member.name}`;
  }
  return undefined;
}
