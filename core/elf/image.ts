/**
 * Laying out an ELF file: sections, string tables and symbols go in, bytes come out (System V gABI chapter 4; 64-bit little-endian
 * relocatable files).
 */
import { alignUp, utf8Encode } from '../base/bytes.ts';
import { ELF_TYPE, SHT, STB, STT } from './read.ts';

const HEADER_SIZE = 64;
const SECTION_HEADER_SIZE = 64;
const SYMBOL_SIZE = 24;
const REL_SIZE = 16;

export interface SectionToWrite {
  readonly name: string;
  /** One of SHT. */
  readonly type: number;
  /** Bits of SHF. */
  readonly flags: number;
  readonly data: Uint8Array;
  /** Size of a NOBITS section. */
  readonly size?: number;
  readonly align: number;
}

export interface SymbolToWrite {
  readonly name: string;
  readonly value: number;
  readonly size: number;
  /** One of STT, one of STB. */
  readonly type: number;
  readonly binding: number;
  /** Name of its section; undefined for what is defined elsewhere. */
  readonly section: string | undefined;
}

export interface RelToWrite {
  readonly section: string;
  readonly offset: number;
  readonly type: number;
  readonly symbol: SymbolToWrite;
}

/** A table of NUL-terminated texts. */
class StringTable {
  readonly #bytes: number[] = [0];
  readonly #offsets = new Map<string, number>([['', 0]]);

  add(text: string): number {
    const known = this.#offsets.get(text);
    if (known !== undefined) return known;
    const offset = this.#bytes.length;
    this.#bytes.push(...utf8Encode(text), 0);
    this.#offsets.set(text, offset);
    return offset;
  }

  bytes(): Uint8Array {
    return Uint8Array.from(this.#bytes);
  }
}

interface Header extends SectionToWrite {
  readonly link: number;
  readonly info: number;
  readonly entrySize: number;
}

/** A relocatable file for `machine`: the given sections, then their relocations, the symbols and the string tables. */
export function writeElf(
  machine: number,
  sections: readonly SectionToWrite[],
  symbols: readonly SymbolToWrite[],
  rels: readonly RelToWrite[],
): Uint8Array {
  const sectionIndex = new Map(sections.map((s, i) => [s.name, i + 1]));
  // Local symbols come first, as the format asks.
  const ordered = [
    ...symbols.filter((s) => s.binding === STB.LOCAL),
    ...symbols.filter((s) => s.binding !== STB.LOCAL),
  ];
  const symbolIndex = new Map(ordered.map((s, i) => [s, i + 1]));
  const relocated = sections.filter((s) => rels.some((r) => r.section === s.name));
  const symtabIndex = 1 + sections.length + relocated.length;
  const names = new StringTable();
  const headers: Header[] = [
    { name: '', type: SHT.NULL, flags: 0, data: new Uint8Array(0), align: 0, link: 0, info: 0, entrySize: 0 },
  ];
  for (const section of sections) headers.push({ ...section, link: 0, info: 0, entrySize: 0 });
  for (const section of relocated) {
    const rows = rels.filter((r) => r.section === section.name).sort((a, b) => a.offset - b.offset);
    const data = new Uint8Array(rows.length * REL_SIZE);
    const view = new DataView(data.buffer);
    rows.forEach((row, i) => {
      view.setUint32(i * REL_SIZE, row.offset, true);
      view.setUint32(i * REL_SIZE + 8, row.type, true);
      view.setUint32(i * REL_SIZE + 12, symbolIndex.get(row.symbol)!, true);
    });
    headers.push({
      name: `.rel${section.name}`,
      type: SHT.REL,
      flags: 0,
      data,
      align: 8,
      link: symtabIndex,
      info: sectionIndex.get(section.name)!,
      entrySize: REL_SIZE,
    });
  }
  const table = new Uint8Array((ordered.length + 1) * SYMBOL_SIZE);
  const view = new DataView(table.buffer);
  ordered.forEach((symbol, i) => {
    const at = (i + 1) * SYMBOL_SIZE;
    view.setUint32(at, symbol.type === STT.SECTION ? 0 : names.add(symbol.name), true);
    table[at + 4] = (symbol.binding << 4) | symbol.type;
    view.setUint16(at + 6, symbol.section === undefined ? 0 : sectionIndex.get(symbol.section)!, true);
    view.setUint32(at + 8, symbol.value, true);
    view.setUint32(at + 16, symbol.size, true);
  });
  const locals = ordered.filter((s) => s.binding === STB.LOCAL).length + 1;
  headers.push({
    name: '.symtab',
    type: SHT.SYMTAB,
    flags: 0,
    data: table,
    align: 8,
    link: symtabIndex + 1,
    info: locals,
    entrySize: SYMBOL_SIZE,
  });
  for (const header of headers) names.add(header.name);
  const nameOffset = names.add('.strtab');
  headers.push({
    name: '.strtab',
    type: SHT.STRTAB,
    flags: 0,
    data: names.bytes(),
    align: 1,
    link: 0,
    info: 0,
    entrySize: 0,
  });
  return layOut(machine, headers, (name) => (name === '.strtab' ? nameOffset : names.add(name)));
}

function layOut(machine: number, headers: readonly Header[], nameOffset: (name: string) => number): Uint8Array {
  let end = HEADER_SIZE;
  const offsets = headers.map((header) => {
    const start = alignUp(end, Math.max(1, header.align));
    end = start + header.data.length;
    return header.type === SHT.NULL ? 0 : start;
  });
  const tableOffset = alignUp(end, 8);
  const bytes = new Uint8Array(tableOffset + headers.length * SECTION_HEADER_SIZE);
  const view = new DataView(bytes.buffer);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  view.setUint16(16, ELF_TYPE.REL, true);
  view.setUint16(18, machine, true);
  view.setUint32(20, 1, true);
  view.setUint32(40, tableOffset, true);
  view.setUint16(52, HEADER_SIZE, true);
  view.setUint16(58, SECTION_HEADER_SIZE, true);
  view.setUint16(60, headers.length, true);
  view.setUint16(62, headers.length - 1, true);
  headers.forEach((header, i) => {
    bytes.set(header.data, offsets[i]!);
    const at = tableOffset + i * SECTION_HEADER_SIZE;
    view.setUint32(at, nameOffset(header.name), true);
    view.setUint32(at + 4, header.type, true);
    view.setUint32(at + 8, header.flags, true);
    view.setUint32(at + 24, offsets[i]!, true);
    view.setUint32(at + 32, header.size ?? header.data.length, true);
    view.setUint32(at + 40, header.link, true);
    view.setUint32(at + 44, header.info, true);
    view.setUint32(at + 48, header.align, true);
    view.setUint32(at + 56, header.entrySize, true);
  });
  return bytes;
}
