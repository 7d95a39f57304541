/** Listings of compiled functions: the disassembler's text (core/isa/disasm.ts) with the names that relocations and the helper table know. */
import { helperById } from '../helpers/index.ts';
import { disassemble } from '../isa/disasm.ts';
import type { ProgSpec } from '../spec/spec.ts';

const INSN_SIZE = 8;
const IMM_OFFSET = 4;

export function listing(prog: ProgSpec): string {
  const names: string[] = [];
  const insns = prog.insns.slice();
  const view = new DataView(insns.buffer, insns.byteOffset, insns.byteLength);
  for (const reloc of prog.relocs) {
    if (reloc.kind !== 'map' && reloc.kind !== 'map_value') continue;
    // The disassembler asks for a map's name by its number: here that is its place in the list.
    if (!names.includes(reloc.map)) names.push(reloc.map);
    view.setInt32(reloc.insn * INSN_SIZE + IMM_OFFSET, names.indexOf(reloc.map), true);
  }
  return disassemble(insns, {
    helper: (id) => helperById(id)?.name,
    map: (fd) => (names[fd] === undefined ? undefined : `map[${names[fd]}]`),
  });
}
