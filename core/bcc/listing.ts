/**
 * Looking inside: listings of compiled functions (the disassembler's text, core/isa/disasm.ts, with the names that relocations and the helper
 * table know), and the C types of a table.
 */
import { compositeOf, fields, sizeOf } from '../btf/layout.ts';
import { declaration, typeText } from '../btf/print.ts';
import { helperById } from '../helpers/index.ts';
import { disassemble } from '../isa/disasm.ts';
import type { MapSpec, ObjectSpec, ProgSpec } from '../spec/spec.ts';

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

/** Key and leaf of a table as declarations; `sizeinfo` adds each member's offset and size in bytes (bits for bitfields). */
export function layoutText(spec: MapSpec, object: ObjectSpec, sizeinfo: boolean): string {
  const { btf } = object;
  const lines = [`table ${spec.name}: ${spec.type}, ${spec.maxEntries} entries`];
  for (const [what, type, size] of [
    ['key', spec.keyType, spec.keySize],
    ['leaf', spec.valueType, spec.valueSize],
  ] as const) {
    if (!btf || type === 0) {
      lines.push(`  ${what}: ${size} bytes`);
      continue;
    }
    lines.push(`  ${what}: ${typeText(btf, type)}${sizeinfo ? `, ${sizeOf(btf, type)} bytes` : ''}`);
    if (!compositeOf(btf, type)) continue;
    for (const field of fields(btf, type)) {
      const where = field.bitSize
        ? `bits ${field.bitOffset} to ${field.bitOffset + field.bitSize - 1}`
        : `offset ${field.bitOffset / 8}, ${sizeOf(btf, field.type)} bytes`;
      const text = `    ${declaration(btf, field.type, field.name)}${field.bitSize ? ` : ${field.bitSize}` : ''};`;
      lines.push(sizeinfo ? `${text} /* ${where} */` : text);
    }
  }
  return lines.join('\n');
}
