/**
 * Symbols of a program or library, by name and by address, from its .symtab (or that of its debug file: by build id or .gnu_debuglink) and
 * .dynsym. Files are mapped, not read: a program of a hundred megabytes costs what of it is looked at.
 * https://refspecs.linuxfoundation.org/elf/elf.pdf, https://sourceware.org/gdb/current/onlinedocs/gdb.html/Separate-Debug-Files.html
 */
import { closeSync, existsSync, openSync, readFileSync, statSync } from 'node:fs';
import { cString } from '../../../core/base/bytes.ts';
import { BpfError, nearestNames } from '../../../core/base/errors.ts';
import { buildIdOf, debugFilePaths, isDebugFileOf } from '../../../core/elf/debug-file.ts';
import { ELF_TYPE, type ElfFile, PT, readElf, SHT, STT } from '../../../core/elf/read.ts';
import { addon } from '../../addon/index.ts';

const SYMBOL_SIZE = 24;
const PROT_READ = 1;
const MAP_PRIVATE = 2;

/** One symbol table: where its strings are, and its functions by address. */
interface SymbolTable {
  readonly entries: DataView;
  readonly strings: Uint8Array;
  readonly count: number;
}

export class BinaryFile {
  readonly path: string;
  readonly elf: ElfFile;
  readonly #tables: SymbolTable[] = [];
  #sorted: { addresses: Float64Array; sizes: Float64Array; names: [SymbolTable, number][] } | undefined;

  constructor(path: string, elf: ElfFile = openElf(path)) {
    this.path = path;
    this.elf = elf;
    const debug = this.elf.section('.symtab') ? undefined : this.#debugFile();
    for (const elf of debug ? [debug, this.elf] : [this.elf])
      for (const type of [SHT.SYMTAB, SHT.DYNSYM]) {
        const section = elf.sections.find((s) => s.type === type);
        const strings = section && elf.sections[section.link];
        if (!section || !strings) continue;
        const { data } = section;
        const entries = new DataView(data.buffer, data.byteOffset, data.byteLength);
        this.#tables.push({ entries, strings: strings.data, count: Math.floor(data.length / SYMBOL_SIZE) });
      }
  }

  /** As hex, or undefined. */
  get buildId(): string | undefined {
    return buildIdOf(this.elf);
  }

  /** Linked to run at any address (a library or a PIE)? */
  get isRelocatable(): boolean {
    return this.elf.type === ELF_TYPE.DYN;
  }

  #debugFile(): ElfFile | undefined {
    for (const path of debugFilePaths(this.path, this.elf)) {
      if (!existsSync(path)) continue;
      try {
        const debug = openElf(path);
        if (isDebugFileOf(debug, this.elf)) return debug;
      } catch {
        // Whatever lies there, it is no debug file.
      }
    }
    return undefined;
  }

  /** Address (as linked) of a defined function, or of any defined symbol with `any`. */
  address(name: string, any = false): number | undefined {
    for (const table of this.#tables) {
      for (let i = 1; i < table.count; i++) {
        const at = i * SYMBOL_SIZE;
        if (!defined(table, at) || (!any && !isFunction(table, at))) continue;
        if (nameIs(table.strings, table.entries.getUint32(at, true), name))
          return Number(table.entries.getBigUint64(at + 8, true));
      }
    }
    return undefined;
  }

  /** Is it a function whose implementation is chosen when a program starts? */
  isIndirect(name: string): boolean {
    for (const table of this.#tables)
      for (let i = 1; i < table.count; i++) {
        const at = i * SYMBOL_SIZE;
        if (typeOf(table, at) !== STT.GNU_IFUNC || !defined(table, at)) continue;
        if (nameIs(table.strings, table.entries.getUint32(at, true), name)) return true;
      }
    return false;
  }

  /** Names of functions, each once. */
  functions(): string[] {
    const names = new Set<string>();
    for (const table of this.#tables)
      for (let i = 1; i < table.count; i++)
        if (defined(table, i * SYMBOL_SIZE) && isFunction(table, i * SYMBOL_SIZE))
          names.add(nameAt(table, i * SYMBOL_SIZE));
    return [...names];
  }

  /** Bytes from the start of the file to a function's first instruction. Throws BpfError ENOENT with the nearest names. */
  functionOffset(name: string): number {
    const address = this.address(name);
    if (address === undefined) {
      const functions = this.functions();
      const near = nearestNames(name, functions, 5);
      const hint =
        functions.length === 0
          ? ' (it has no symbols at all: it was stripped)'
          : near.length > 0
            ? `; nearest: ${near.join(', ')}`
            : '';
      throw new BpfError('ENOENT', `there is no function '${name}' in '${this.path}'${hint}`);
    }
    const offset = this.fileOffset(address);
    if (offset === undefined)
      throw new BpfError('ENOENT', `function '${name}' of '${this.path}' lies in no loaded part of the file`);
    return offset;
  }

  /** Place in the file of an address as linked. */
  fileOffset(address: number): number | undefined {
    for (const segment of this.elf.segments) {
      const start = Number(segment.address);
      if (segment.type === PT.LOAD && address >= start && address < start + segment.fileSize)
        return address - start + segment.offset;
    }
    return undefined;
  }

  /** Address as linked of a place in the file. */
  addressOf(fileOffset: number): number | undefined {
    for (const segment of this.elf.segments)
      if (segment.type === PT.LOAD && fileOffset >= segment.offset && fileOffset < segment.offset + segment.fileSize)
        return fileOffset - segment.offset + Number(segment.address);
    return undefined;
  }

  /** The function that an address (as linked) lies in. */
  at(address: number): { name: string; offset: number } | undefined {
    this.#sorted ??= this.#sort();
    const { addresses, sizes, names } = this.#sorted;
    let low = 0;
    let high = addresses.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (addresses[middle]! <= address) low = middle + 1;
      else high = middle;
    }
    if (low === 0) return undefined;
    const index = low - 1;
    const offset = address - addresses[index]!;
    // A symbol without a size (assembly) reaches up to the next one.
    if (sizes[index]! > 0 && offset >= sizes[index]!) return undefined;
    const [table, at] = names[index]!;
    return { name: nameAt(table, at), offset };
  }

  #sort() {
    const found: { address: number; size: number; name: [SymbolTable, number] }[] = [];
    const seen = new Set<number>();
    for (const table of this.#tables)
      for (let i = 1; i < table.count; i++) {
        const at = i * SYMBOL_SIZE;
        if (!defined(table, at) || !isFunction(table, at)) continue;
        const address = Number(table.entries.getBigUint64(at + 8, true));
        if (seen.has(address)) continue;
        seen.add(address);
        found.push({ address, size: Number(table.entries.getBigUint64(at + 16, true)), name: [table, at] });
      }
    found.sort((a, b) => a.address - b.address);
    return {
      addresses: Float64Array.from(found, (f) => f.address),
      sizes: Float64Array.from(found, (f) => f.size),
      names: found.map((f) => f.name),
    };
  }
}

function defined(table: SymbolTable, at: number): boolean {
  return table.entries.getUint16(at + 6, true) !== 0;
}

function typeOf(table: SymbolTable, at: number): number {
  return table.entries.getUint8(at + 4) & 15;
}

function isFunction(table: SymbolTable, at: number): boolean {
  const type = typeOf(table, at);
  return type === STT.FUNC || type === STT.GNU_IFUNC;
}

function nameAt(table: SymbolTable, at: number): string {
  // `name@@VERSION` of some tables: the version is no part of it.
  const name = cString(table.strings, table.entries.getUint32(at, true));
  const version = name.indexOf('@');
  return version > 0 ? name.slice(0, version) : name;
}

function nameIs(strings: Uint8Array, at: number, name: string): boolean {
  for (let i = 0; i < name.length; i++) if (strings[at + i] !== name.charCodeAt(i)) return false;
  const end = strings[at + name.length];
  return end === 0 || end === 64;
}

/** An ELF file, mapped where the addon can. Throws BpfError. */
function openElf(path: string): ElfFile {
  const bytes = mapFile(path) ?? readFileSync(path);
  try {
    return readElf(bytes);
  } catch (error) {
    if (error instanceof BpfError) throw new BpfError(error.code, `'${path}': ${error.message}`, { cause: error });
    throw error;
  }
}

function mapFile(path: string): Uint8Array | undefined {
  const door = addon()?.sys;
  const { size } = statSync(path);
  if (!door || size === 0) return undefined;
  const fd = openSync(path, 'r');
  try {
    const mapped = door.mmap(size, PROT_READ, MAP_PRIVATE, fd, 0);
    return typeof mapped === 'number' ? undefined : new Uint8Array(mapped.buffer);
  } finally {
    closeSync(fd);
  }
}

/** Symbols of an image in memory. Throws BpfError ELF. */
export function binaryOf(name: string, bytes: Uint8Array): BinaryFile {
  return new BinaryFile(name, readElf(bytes));
}

const opened = new Map<string, { stamp: string; file: BinaryFile }>();

/** A file's symbols, kept as long as the file does not change. Throws BpfError ENOENT, ELF. */
export function binaryFile(path: string): BinaryFile {
  let stamp: string;
  try {
    const { dev, ino, mtimeMs, size } = statSync(path);
    stamp = `${dev}:${ino}:${mtimeMs}:${size}`;
  } catch (error) {
    throw new BpfError('ENOENT', `'${path}' cannot be read: ${(error as NodeJS.ErrnoException).code}`, {
      cause: error,
    });
  }
  const known = opened.get(path);
  if (known?.stamp === stamp) return known.file;
  const file = new BinaryFile(path);
  opened.set(path, { stamp, file });
  return file;
}
