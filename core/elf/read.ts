/**
 * ELF files, 64-bit little-endian: sections, symbols, relocations, program headers, notes (System V gABI chapters 4 and 5,
 * elf(5)). It serves BPF objects and the programs and libraries that uprobes look into alike.
 *
 * Nothing is copied and tables are decoded when asked for. All positions are checked against the file's length: a damaged
 * file gives one BpfError with the offset. Addresses and symbol values are bigints (a kernel's do not fit a double).
 */
import { utf8Decode } from '../base/bytes.ts';
import { BpfError } from '../base/errors.ts';

/** e_type. */
export const ELF_TYPE = { NONE: 0, REL: 1, EXEC: 2, DYN: 3, CORE: 4 } as const;
/** e_machine values that matter here. */
export const ELF_MACHINE = { X86_64: 62, AARCH64: 183, BPF: 247 } as const;
/** sh_type. */
export const SHT = {
  NULL: 0,
  PROGBITS: 1,
  SYMTAB: 2,
  STRTAB: 3,
  RELA: 4,
  HASH: 5,
  DYNAMIC: 6,
  NOTE: 7,
  NOBITS: 8,
  REL: 9,
  DYNSYM: 11,
  SYMTAB_SHNDX: 18,
} as const;
/** sh_flags. */
export const SHF = { WRITE: 1, ALLOC: 2, EXECINSTR: 4, MERGE: 16, STRINGS: 32, COMPRESSED: 0x800 } as const;
/** Special section indexes of symbols. */
export const SHN = { UNDEF: 0, ABS: 0xfff1, COMMON: 0xfff2, XINDEX: 0xffff } as const;
/** Symbol types and bindings. */
export const STT = { NOTYPE: 0, OBJECT: 1, FUNC: 2, SECTION: 3, FILE: 4, COMMON: 5, TLS: 6, GNU_IFUNC: 10 } as const;
export const STB = { LOCAL: 0, GLOBAL: 1, WEAK: 2 } as const;
/** p_type. */
export const PT = { NULL: 0, LOAD: 1, DYNAMIC: 2, INTERP: 3, NOTE: 4, TLS: 7 } as const;

const HEADER_SIZE = 64;
const SECTION_HEADER_SIZE = 64;
const PROGRAM_HEADER_SIZE = 56;
const SYMBOL_SIZE = 24;

export interface ElfSection {
  readonly index: number;
  readonly name: string;
  /** sh_type, one of SHT. */
  readonly type: number;
  /** sh_flags, bits of SHF. */
  readonly flags: number;
  readonly address: bigint;
  /** Position in the file. */
  readonly offset: number;
  /** Bytes; those of a NOBITS section are not in the file. */
  readonly size: number;
  readonly link: number;
  readonly info: number;
  readonly align: number;
  readonly entrySize: number;
  /** A view of the contents, empty for NOBITS. */
  readonly data: Uint8Array;
}

export interface ElfSymbol {
  readonly index: number;
  readonly name: string;
  readonly value: bigint;
  readonly size: number;
  /** One of STT. */
  readonly type: number;
  /** One of STB. */
  readonly binding: number;
  /** 0 default, 1 internal, 2 hidden, 3 protected. */
  readonly visibility: number;
  /** Index of its section, or one of SHN. */
  readonly section: number;
}

export interface ElfRelocation {
  /** Place in the section that is relocated. */
  readonly offset: number;
  /** Index into the symbol table. */
  readonly symbol: number;
  readonly type: number;
  /** RELA only; for REL the addend stands at the place itself. */
  readonly addend: bigint | undefined;
}

export interface ElfSegment {
  /** p_type, one of PT. */
  readonly type: number;
  /** 1 executable, 2 writable, 4 readable. */
  readonly flags: number;
  readonly offset: number;
  readonly address: bigint;
  readonly fileSize: number;
  readonly memorySize: bigint;
  readonly align: number;
}

export interface ElfNote {
  /** Owner, e.g. 'GNU', 'stapsdt'. */
  readonly name: string;
  readonly type: number;
  readonly desc: Uint8Array;
}

/** Is this the start of an ELF file of any kind? */
export function isElf(bytes: Uint8Array): boolean {
  return bytes[0] === 0x7f && bytes[1] === 0x45 && bytes[2] === 0x4c && bytes[3] === 0x46;
}

/** Open an ELF file. Throws BpfError ELF for what is no 64-bit little-endian ELF file, or has broken headers. */
export function readElf(bytes: Uint8Array): ElfFile {
  return new ElfFile(bytes);
}

function bad(what: string, offset: number): BpfError {
  return new BpfError('ELF', `malformed ELF file: ${what} (at byte ${offset})`);
}

export class ElfFile {
  readonly bytes: Uint8Array;
  /** e_type, one of ELF_TYPE. */
  readonly type: number;
  /** e_machine. */
  readonly machine: number;
  readonly entry: bigint;
  readonly sections: readonly ElfSection[];
  readonly segments: readonly ElfSegment[];
  readonly #view: DataView;

  constructor(bytes: Uint8Array) {
    // A Buffer of Node's is a Uint8Array whose slice() does not copy: take the plain view.
    this.bytes = bytes = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const view = (this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength));
    if (!isElf(bytes)) throw bad('no magic number 7f 45 4c 46', 0);
    if (bytes[4] !== 2) throw bad(`class ${bytes[4]}, only 64-bit files (2) are read`, 4);
    if (bytes[5] !== 1) throw bad(`data encoding ${bytes[5]}, only little-endian (1) is read`, 5);
    if (bytes.length < HEADER_SIZE)
      throw bad(`${bytes.length} bytes are too few for a header of ${HEADER_SIZE}`, bytes.length);
    this.type = view.getUint16(16, true);
    this.machine = view.getUint16(18, true);
    this.entry = view.getBigUint64(24, true);
    this.segments = this.#readSegments();
    this.sections = this.#readSections();
  }

  /** A 64-bit size or file offset as a number; beyond 2^53 it is outside of any file anyway. */
  #size(at: number): number {
    return this.#view.getUint32(at, true) + this.#view.getUint32(at + 4, true) * 2 ** 32;
  }

  #slice(start: number, size: number, what: string, at: number): Uint8Array {
    if (start + size > this.bytes.length)
      throw bad(`${what} ends at ${start + size}, the file at ${this.bytes.length}`, at);
    return this.bytes.subarray(start, start + size);
  }

  #readSegments(): ElfSegment[] {
    const view = this.#view;
    const start = this.#size(32);
    const step = view.getUint16(54, true);
    const count = view.getUint16(56, true);
    if (count === 0 || start === 0) return [];
    if (step < PROGRAM_HEADER_SIZE) throw bad(`program headers of ${step} bytes`, 54);
    this.#slice(start, step * count, 'the program header table', 32);
    return Array.from({ length: count }, (_, i) => {
      const at = start + i * step;
      return {
        type: view.getUint32(at, true),
        flags: view.getUint32(at + 4, true),
        offset: this.#size(at + 8),
        address: view.getBigUint64(at + 16, true),
        fileSize: this.#size(at + 32),
        memorySize: view.getBigUint64(at + 40, true),
        align: this.#size(at + 48),
      };
    });
  }

  #readSections(): ElfSection[] {
    const view = this.#view;
    const start = this.#size(40);
    const step = view.getUint16(58, true);
    if (start === 0) return [];
    if (step < SECTION_HEADER_SIZE) throw bad(`section headers of ${step} bytes`, 58);
    this.#slice(start, step, 'the section header table', 40);
    // More than 0xff00 sections: the true numbers stand in section header 0.
    const count = view.getUint16(60, true) || this.#size(start + 32);
    this.#slice(start, step * count, 'the section header table', 40);
    const plainNames = view.getUint16(62, true);
    const nameIndex = plainNames === SHN.XINDEX ? view.getUint32(start + 40, true) : plainNames;
    let names: Uint8Array = new Uint8Array(1);
    if (nameIndex !== 0) {
      if (nameIndex >= count) throw bad(`section ${nameIndex} is to hold the names, there are ${count}`, 62);
      const at = start + nameIndex * step;
      names = this.#slice(this.#size(at + 24), this.#size(at + 32), 'the section name table', at + 24);
    }
    return Array.from({ length: count }, (_, index) => {
      const at = start + index * step;
      const type = view.getUint32(at + 4, true);
      const offset = this.#size(at + 24);
      const size = this.#size(at + 32);
      const name = textAt(names, view.getUint32(at, true), at);
      const empty = type === SHT.NOBITS || type === SHT.NULL;
      return {
        index,
        name,
        type,
        flags: view.getUint32(at + 8, true),
        address: view.getBigUint64(at + 16, true),
        offset,
        size,
        link: view.getUint32(at + 40, true),
        info: view.getUint32(at + 44, true),
        align: this.#size(at + 48),
        entrySize: this.#size(at + 56),
        data: empty ? this.bytes.subarray(0, 0) : this.#slice(offset, size, `section '${name}'`, at + 24),
      };
    });
  }

  /** The first section of a name. */
  section(name: string): ElfSection | undefined {
    return this.sections.find((s) => s.name === name);
  }

  /** Symbols of `.symtab` (empty in a stripped file), with the null symbol at index 0. */
  symbols(): ElfSymbol[] {
    return this.#symbolsOf(this.sections.find((s) => s.type === SHT.SYMTAB));
  }

  /** Symbols of `.dynsym`, what a shared library exports and imports. */
  dynamicSymbols(): ElfSymbol[] {
    return this.#symbolsOf(this.sections.find((s) => s.type === SHT.DYNSYM));
  }

  #symbolsOf(table: ElfSection | undefined): ElfSymbol[] {
    if (!table) return [];
    if (table.size % SYMBOL_SIZE !== 0)
      throw bad(`symbol table '${table.name}' of ${table.size} bytes is not whole symbols`, table.offset);
    const names = this.sections[table.link];
    if (names?.type !== SHT.STRTAB)
      throw bad(`symbol table '${table.name}' has no string table (link ${table.link})`, table.offset);
    const extended = this.sections.find((s) => s.type === SHT.SYMTAB_SHNDX && s.link === table.index);
    const view = this.#view;
    const symbols: ElfSymbol[] = [];
    for (let index = 0, at = table.offset; index < table.size / SYMBOL_SIZE; index++, at += SYMBOL_SIZE) {
      const info = this.bytes[at + 4]!;
      let section = view.getUint16(at + 6, true);
      if (section === SHN.XINDEX && extended && index * 4 + 4 <= extended.size)
        section = view.getUint32(extended.offset + index * 4, true);
      symbols.push({
        index,
        name: textAt(names.data, view.getUint32(at, true), at),
        value: view.getBigUint64(at + 8, true),
        size: this.#size(at + 16),
        type: info & 15,
        binding: info >> 4,
        visibility: this.bytes[at + 5]! & 3,
        section,
      });
    }
    return symbols;
  }

  /** Relocations that a REL or RELA section holds, in file order. */
  relocations(section: ElfSection): ElfRelocation[] {
    if (section.type !== SHT.REL && section.type !== SHT.RELA) return [];
    const step = section.type === SHT.RELA ? 24 : 16;
    if (section.size % step !== 0)
      throw bad(`section '${section.name}' of ${section.size} bytes is not whole relocations`, section.offset);
    const view = this.#view;
    const out: ElfRelocation[] = [];
    for (let at = section.offset; at < section.offset + section.size; at += step) {
      const addend = section.type === SHT.RELA ? view.getBigInt64(at + 16, true) : undefined;
      out.push({
        offset: this.#size(at),
        type: view.getUint32(at + 8, true),
        symbol: view.getUint32(at + 12, true),
        addend,
      });
    }
    return out;
  }

  /** Notes of all NOTE sections, or of the NOTE segments where there are no sections. */
  notes(): ElfNote[] {
    const sections = this.sections.filter((s) => s.type === SHT.NOTE);
    if (sections.length > 0) return sections.flatMap((s) => readNotes(s.data, s.align, s.offset));
    const segments = this.segments.filter((s) => s.type === PT.NOTE);
    return segments.flatMap((s) =>
      readNotes(this.#slice(s.offset, s.fileSize, 'a note segment', s.offset), s.align, s.offset),
    );
  }

  /** Position in the file of a virtual address, by the LOAD segments; undefined where none covers it with file contents. */
  fileOffset(address: bigint): number | undefined {
    const segment = this.segments.find(
      (s) => s.type === PT.LOAD && address >= s.address && address < s.address + BigInt(s.fileSize),
    );
    return segment && segment.offset + Number(address - segment.address);
  }
}

/** Notes of a NOTE section's bytes. `fileOffset` is for messages. */
export function readNotes(data: Uint8Array, align: number, fileOffset = 0): ElfNote[] {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const unit = align === 8 ? 8 : 4;
  const padded = (size: number): number => Math.ceil(size / unit) * unit;
  const notes: ElfNote[] = [];
  let at = 0;
  while (at + 12 <= data.length) {
    const nameSize = view.getUint32(at, true);
    const descSize = view.getUint32(at + 4, true);
    // With 8-byte notes the header of 12 and the name are padded together.
    const desc = at + padded(12 + nameSize);
    if (desc + descSize > data.length) throw bad('a note runs past its section', fileOffset + at);
    notes.push({
      name: textAt(data.subarray(at + 12, at + 12 + nameSize), 0, fileOffset + at),
      type: view.getUint32(at + 8, true),
      desc: data.subarray(desc, desc + descSize),
    });
    at = desc + padded(descSize);
  }
  return notes;
}

/** The text up to NUL (or the end of the table). */
function textAt(table: Uint8Array, offset: number, at: number): string {
  if (offset === 0 && table.length === 0) return '';
  if (offset >= table.length)
    throw bad(`name offset ${offset} is outside of its string table of ${table.length} bytes`, at);
  let text = '';
  for (let i = offset; i < table.length; i++) {
    const c = table[i]!;
    if (c === 0) break;
    if (c >= 0x80) {
      const end = table.indexOf(0, offset);
      return utf8Decode(table.subarray(offset, end < 0 ? table.length : end));
    }
    text += String.fromCharCode(c);
  }
  return text;
}
