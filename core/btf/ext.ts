/**
 * .BTF.ext: what instructions have to do with types and sources (Documentation/bpf/btf.rst, "BTF.ext"): the prototype of each
 * function (func_info), the source line of instructions (line_info), and CO-RE relocations (core_relo; include/uapi/linux/bpf.h,
 * struct bpf_core_relo). All texts lie in the string section of the .BTF beside it.
 */
import { BpfError } from '../base/errors.ts';
import type { Btf } from './btf.ts';
import { BTF_MAGIC } from './kinds.ts';
import { btfString } from './read.ts';
import type { BtfBuilder } from './write.ts';

const HEADER_SIZE = 32;
const OLD_HEADER_SIZE = 24;
const INSN_SIZE = 8;

/** The function that starts at an instruction. `insn` counts 8-byte slots in its section. */
export interface ExtFunc {
  readonly section: string;
  readonly insn: number;
  /** Id of its `func` type. */
  readonly typeId: number;
}

/** Where an instruction comes from. `line` and `column` are 1-based; 0 is unknown. */
export interface ExtLine {
  readonly section: string;
  readonly insn: number;
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** Text of the source line. */
  readonly text: string;
}

/** Kinds of CO-RE relocations, by number (enum bpf_core_relo_kind). */
export const CORE_RELO_KINDS = [
  'field_byte_offset',
  'field_byte_size',
  'field_exists',
  'field_signed',
  'field_lshift_u64',
  'field_rshift_u64',
  'type_id_local',
  'type_id_target',
  'type_exists',
  'type_size',
  'enumval_exists',
  'enumval_value',
  'type_matches',
] as const;
export type CoreReloKind = (typeof CORE_RELO_KINDS)[number];

/** A CO-RE relocation: what an instruction's value is to become on the kernel that it is loaded into. */
export interface ExtRelo {
  readonly section: string;
  readonly insn: number;
  /** Root type in the program's own BTF. */
  readonly typeId: number;
  /** Access path, e.g. `0:1:2`: index of the pointer, then of members and elements; for enums the index of the enumerator. */
  readonly access: string;
  readonly kind: CoreReloKind;
}

export interface BtfExt {
  readonly funcs: readonly ExtFunc[];
  readonly lines: readonly ExtLine[];
  readonly relos: readonly ExtRelo[];
}

function bad(what: string, offset: number): BpfError {
  return new BpfError('BTF', `malformed .BTF.ext: ${what} (at byte ${offset})`);
}

/** Read .BTF.ext bytes beside their BTF. Records longer than what is known are read by their known start, as the kernel does. */
export function readBtfExt(bytes: Uint8Array, btf: Btf): BtfExt {
  if (bytes.length < OLD_HEADER_SIZE) throw bad(`${bytes.length} bytes are too few for a header`, 0);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const little = view.getUint16(0, true) === BTF_MAGIC;
  if (!little && view.getUint16(0, false) !== BTF_MAGIC) throw bad('no magic number 0xeb9f', 0);
  if (bytes[2] !== 1) throw bad(`version ${bytes[2]}, only 1 is known`, 2);
  const headerSize = view.getUint32(4, little);
  if (headerSize < OLD_HEADER_SIZE || headerSize > bytes.length) throw bad(`header size ${headerSize}`, 4);
  const word = (at: number): number => view.getUint32(at, little);

  /** Walk one of the three parts: `take` is called with section name and position of each record. */
  const part = (at: number, name: string, minimum: number, take: (section: string, record: number) => void): void => {
    const start = headerSize + word(at);
    const end = start + word(at + 4);
    if (end > bytes.length) throw bad(`${name} ends at ${end}, the section at ${bytes.length}`, at);
    if (end === start) return;
    if (end - start < 4) throw bad(`${name} has no record size`, start);
    const recordSize = word(start);
    if (recordSize < minimum || recordSize % 4 !== 0)
      throw bad(`${name} records of ${recordSize} bytes, at least ${minimum} are needed`, start);
    let record = start + 4;
    while (record < end) {
      if (record + 8 > end) throw bad(`${name} is cut off`, record);
      const section = btfString(btf, word(record));
      const count = word(record + 4);
      record += 8;
      if (count === 0 || record + count * recordSize > end)
        throw bad(`${name} says ${count} records for section '${section}'`, record - 4);
      for (let i = 0; i < count; i++, record += recordSize) take(section, record);
    }
  };

  const funcs: ExtFunc[] = [];
  part(8, 'func_info', 8, (section, at) => funcs.push({ section, insn: word(at) / INSN_SIZE, typeId: word(at + 4) }));
  const lines: ExtLine[] = [];
  part(16, 'line_info', 16, (section, at) => {
    const position = word(at + 12);
    lines.push({
      section,
      insn: word(at) / INSN_SIZE,
      file: btfString(btf, word(at + 4)),
      text: btfString(btf, word(at + 8)),
      line: position >>> 10,
      column: position & 0x3ff,
    });
  });
  const relos: ExtRelo[] = [];
  if (headerSize >= HEADER_SIZE) {
    part(24, 'core_relo', 16, (section, at) => {
      const kind = CORE_RELO_KINDS[word(at + 12)];
      if (kind === undefined) throw bad(`CO-RE relocation kind ${word(at + 12)}`, at + 12);
      relos.push({
        section,
        insn: word(at) / INSN_SIZE,
        typeId: word(at + 4),
        access: btfString(btf, word(at + 8)),
        kind,
      });
    });
  }
  return { funcs, lines, relos };
}

/** Records of one part as words, by section. */
type Records = Map<string, number[][]>;

/**
 * Write .BTF.ext. Texts go into `strings` (the builder of the .BTF beside it), so this comes before its `build()`. Rows of a
 * section must be in the order of their instructions, as the kernel wants them.
 */
export function writeBtfExt(strings: BtfBuilder, ext: BtfExt): Uint8Array {
  const group = <T extends { readonly section: string; readonly insn: number }>(
    rows: readonly T[],
    record: (row: T) => number[],
  ): Records => {
    const sections: Records = new Map();
    for (const row of rows) {
      const records = sections.get(row.section) ?? [];
      sections.set(row.section, records);
      records.push([row.insn * INSN_SIZE, ...record(row)]);
    }
    return sections;
  };
  const parts: readonly { readonly recordWords: number; readonly sections: Records }[] = [
    { recordWords: 2, sections: group(ext.funcs, (f) => [f.typeId]) },
    {
      recordWords: 4,
      sections: group(ext.lines, (l) => [
        strings.string(l.file),
        strings.string(l.text),
        ((l.line << 10) | Math.min(l.column, 0x3ff)) >>> 0,
      ]),
    },
    {
      recordWords: 4,
      sections: group(ext.relos, (r) => [r.typeId, strings.string(r.access), CORE_RELO_KINDS.indexOf(r.kind)]),
    },
  ];
  const header = [0, HEADER_SIZE];
  const body: number[] = [];
  for (const { recordWords, sections } of parts) {
    const start = body.length;
    if (sections.size > 0) body.push(recordWords * 4);
    for (const [section, records] of sections) {
      body.push(strings.string(section), records.length);
      for (const record of records) body.push(...record);
    }
    header.push(start * 4, (body.length - start) * 4);
  }
  const words = [...header, ...body];
  const bytes = new Uint8Array(words.length * 4);
  const view = new DataView(bytes.buffer);
  words.forEach((word, i) => {
    view.setUint32(i * 4, word, true);
  });
  view.setUint16(0, BTF_MAGIC, true);
  bytes[2] = 1;
  return bytes;
}
