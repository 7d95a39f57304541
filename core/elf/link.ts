/**
 * Linking inside of one BPF object: a program is its function with every function that it calls (or takes the address of) put
 * behind it, calls made relative, and references to maps, variables and kernel names turned into relocations by name
 * (Documentation/bpf/llvm_reloc.rst).
 */
import { BpfError } from '../base/errors.ts';
import type { Btf } from '../btf/btf.ts';
import type { BtfExt, ExtFunc, ExtLine, ExtRelo } from '../btf/ext.ts';
import { resolve } from '../btf/layout.ts';
import { INSN_SIZE } from '../isa/insn.ts';
import { CALL, OP_CALL, OP_LD_IMM64, PSEUDO } from '../isa/ops.ts';
import type { CoreReloc, FuncInfo, LineInfo, ProgReloc } from '../spec/spec.ts';
import type { KconfigMap } from './kconfig.ts';
import type { PlacedMap } from './map-defs.ts';
import { type ElfFile, type ElfRelocation, type ElfSection, type ElfSymbol, SHF, SHN, SHT, STB, STT } from './read.ts';

/** Relocation types of BPF objects. The others stand in debug sections only. */
export const R_BPF = { R64_64: 1, ABS64: 2, ABS32: 3, NODYLD32: 4, R64_32: 10 } as const;

/** A function of the object: `start` and `count` in slots of its section. */
export interface ElfFunction {
  readonly name: string;
  readonly section: ElfSection;
  readonly start: number;
  readonly count: number;
  readonly binding: number;
}

/** A linked program: the parts of a ProgSpec that linking knows. */
export interface LinkedCode {
  readonly insns: Uint8Array;
  readonly relocs: readonly ProgReloc[];
  readonly coreRelos: readonly CoreReloc[];
  readonly funcs: readonly FuncInfo[];
  readonly lines: readonly LineInfo[];
}

/** Functions of the code sections, in order. */
export function readFunctions(elf: ElfFile, symbols: readonly ElfSymbol[]): ElfFunction[] {
  const functions: ElfFunction[] = [];
  for (const section of elf.sections) {
    if (section.type !== SHT.PROGBITS || (section.flags & SHF.EXECINSTR) === 0 || section.size === 0) continue;
    if (section.size % INSN_SIZE !== 0)
      throw new BpfError('ELF', `code section '${section.name}' of ${section.size} bytes is not whole instructions`);
    const own = symbols
      .filter((s) => s.section === section.index && s.type === STT.FUNC)
      .sort((a, b) => Number(a.value - b.value));
    own.forEach((symbol, i) => {
      const start = Number(symbol.value);
      // Some tools leave sizes out: a function then runs up to the next one.
      const size = symbol.size || Number(own[i + 1]?.value ?? BigInt(section.size)) - start;
      if (start % INSN_SIZE !== 0 || size % INSN_SIZE !== 0 || size <= 0 || start + size > section.size) {
        throw new BpfError(
          'ELF',
          `function '${symbol.name}' (${size} bytes at ${start}) does not fit section '${section.name}'`,
        );
      }
      functions.push({
        name: symbol.name,
        section,
        start: start / INSN_SIZE,
        count: size / INSN_SIZE,
        binding: symbol.binding,
      });
    });
  }
  return functions;
}

function weakness(symbol: ElfSymbol): { readonly weak?: boolean } {
  return symbol.binding === STB.WEAK ? { weak: true } : {};
}

/** Links the programs of one object. */
export class Linker {
  readonly #elf: ElfFile;
  readonly #symbols: readonly ElfSymbol[];
  readonly #functions: readonly ElfFunction[];
  readonly #maps: readonly PlacedMap[];
  readonly #btf: Btf | undefined;
  readonly #ext: BtfExt;
  readonly #kconfig: KconfigMap | undefined;
  readonly #relocations = new Map<number, Map<number, ElfRelocation>>();

  constructor(
    elf: ElfFile,
    symbols: readonly ElfSymbol[],
    functions: readonly ElfFunction[],
    maps: readonly PlacedMap[],
    btf: Btf | undefined,
    ext: BtfExt,
    kconfig: KconfigMap | undefined,
  ) {
    this.#elf = elf;
    this.#symbols = symbols;
    this.#functions = functions;
    this.#maps = maps;
    this.#btf = btf;
    this.#ext = ext;
    this.#kconfig = kconfig;
    for (const section of elf.sections) {
      if (section.type !== SHT.REL && section.type !== SHT.RELA) continue;
      const rows = this.#relocations.get(section.info) ?? new Map<number, ElfRelocation>();
      this.#relocations.set(section.info, rows);
      for (const row of elf.relocations(section)) rows.set(row.offset / INSN_SIZE, row);
    }
  }

  /** The program that starts with `entry`. */
  link(entry: ElfFunction): LinkedCode {
    const placed: { readonly func: ElfFunction; readonly at: number }[] = [];
    let length = 0;
    const place = (func: ElfFunction): number => {
      const known = placed.find((p) => p.func === func);
      if (known) return known.at;
      placed.push({ func, at: length });
      length += func.count;
      return length - func.count;
    };
    place(entry);
    const chunks: Uint8Array[] = [];
    const relocs: ProgReloc[] = [];
    // `placed` grows while functions are walked.
    for (let i = 0; i < placed.length; i++)
      chunks.push(this.#linkFunction(placed[i]!.func, placed[i]!.at, place, relocs));
    const insns = new Uint8Array(length * INSN_SIZE);
    placed.forEach(({ at }, i) => {
      insns.set(chunks[i]!, at * INSN_SIZE);
    });
    const inFunction = <T extends ExtFunc | ExtLine | ExtRelo>(rows: readonly T[], func: ElfFunction): T[] =>
      rows.filter(
        (row) => row.section === func.section.name && row.insn >= func.start && row.insn < func.start + func.count,
      );
    return {
      insns,
      relocs,
      funcs: placed.map(({ func, at }) => ({
        insn: at,
        name: func.name,
        btfId: inFunction(this.#ext.funcs, func).find((row) => row.insn === func.start)?.typeId ?? 0,
      })),
      lines: placed.flatMap(({ func, at }) =>
        inFunction(this.#ext.lines, func).map(({ insn, file, line, column, text }) => ({
          insn: insn - func.start + at,
          file,
          line,
          column,
          text,
        })),
      ),
      coreRelos: placed.flatMap(({ func, at }) =>
        inFunction(this.#ext.relos, func).map(({ insn, typeId, access, kind }) => ({
          insn: insn - func.start + at,
          typeId,
          access,
          kind,
        })),
      ),
    };
  }

  #linkFunction(func: ElfFunction, at: number, place: (func: ElfFunction) => number, relocs: ProgReloc[]): Uint8Array {
    const bytes = func.section.data.slice(func.start * INSN_SIZE, (func.start + func.count) * INSN_SIZE);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const rows = this.#relocations.get(func.section.index);
    for (let i = 0; i < func.count; i++) {
      const insn = at + i;
      const where = `instruction ${i} of function '${func.name}'`;
      const opcode = bytes[i * INSN_SIZE]!;
      const source = bytes[i * INSN_SIZE + 1]! >> 4;
      const imm = view.getInt32(i * INSN_SIZE + 4, true);
      const relocation = rows?.get(func.start + i);
      const symbol = relocation && this.#symbols[relocation.symbol];
      if (relocation && !symbol)
        throw new BpfError('ELF', `${where}: its relocation names symbol ${relocation.symbol}, which does not exist`);
      const setSource = (pseudo: number): void => {
        bytes[i * INSN_SIZE + 1] = (bytes[i * INSN_SIZE + 1]! & 15) | (pseudo << 4);
      };
      const setImm = (low: number, high?: number): void => {
        view.setInt32(i * INSN_SIZE + 4, low, true);
        if (high !== undefined) view.setInt32(i * INSN_SIZE + 12, high, true);
      };
      if (opcode === OP_CALL && source === CALL.local) {
        if (symbol?.section === SHN.UNDEF) {
          setSource(CALL.kfunc);
          setImm(0);
          relocs.push({ kind: 'kfunc', insn, name: symbol.name, ...weakness(symbol) });
        } else {
          const section = symbol ? symbol.section : func.section.index;
          const target = symbol ? Number(symbol.value) / INSN_SIZE + imm + 1 : func.start + i + imm + 1;
          setImm(place(this.#functionAt(section, target, where)) - insn - 1);
        }
      } else if (opcode === OP_LD_IMM64) {
        if (i + 1 >= func.count) throw new BpfError('ELF', `${where}: a 64-bit load is cut off`);
        if (symbol) this.#linkLoad({ symbol, imm, insn, where, place, relocs, setSource, setImm });
        i++;
      } else if (symbol) {
        throw new BpfError(
          'ELF',
          `${where}: a relocation to '${symbol.name}' stands on an instruction (opcode 0x${opcode.toString(16)}) that cannot have one`,
        );
      }
    }
    return bytes;
  }

  /** A 64-bit load of the address of something. */
  #linkLoad(load: {
    readonly symbol: ElfSymbol;
    readonly imm: number;
    readonly insn: number;
    readonly where: string;
    readonly place: (func: ElfFunction) => number;
    readonly relocs: ProgReloc[];
    readonly setSource: (pseudo: number) => void;
    readonly setImm: (low: number, high: number) => void;
  }): void {
    const { symbol, imm, insn, where, relocs, setSource, setImm } = load;
    if (symbol.section === SHN.UNDEF) {
      const setting = this.#kconfig?.offsets.get(symbol.name);
      if (setting !== undefined) {
        setSource(PSEUDO.map_value);
        setImm(0, setting + imm);
        relocs.push({ kind: 'map_value', insn, map: this.#kconfig!.spec.name, offset: setting + imm });
        return;
      }
      relocs.push({ kind: 'ksym', insn, name: symbol.name, ...weakness(symbol) });
      setSource(this.#isTyped(symbol.name) ? PSEUDO.btf_id : PSEUDO.imm);
      setImm(0, 0);
      return;
    }
    const section = this.#elf.sections[symbol.section];
    const offset = Number(symbol.value) + imm;
    if (section && (section.flags & SHF.EXECINSTR) !== 0) {
      setSource(PSEUDO.func);
      setImm(load.place(this.#functionAt(section.index, offset / INSN_SIZE, where)) - insn - 1, 0);
      return;
    }
    const own = this.#maps.filter((map) => map.section === symbol.section);
    if (section && (section.name === '.maps' || section.name === 'maps')) {
      const map = own.find((m) => m.offset === offset);
      if (!map)
        throw new BpfError('ELF', `${where}: byte ${offset} of section '${section.name}' is not the start of a map`);
      setSource(PSEUDO.map_fd);
      setImm(0, 0);
      relocs.push({ kind: 'map', insn, map: map.spec.name });
    } else if (own[0]) {
      setSource(PSEUDO.map_value);
      setImm(0, offset);
      relocs.push({ kind: 'map_value', insn, map: own[0].spec.name, offset });
    } else {
      throw new BpfError(
        'ELF',
        `${where}: it refers to '${symbol.name || section?.name}' in section '${section?.name ?? symbol.section}', which is neither code, map nor data`,
      );
    }
  }

  #functionAt(section: number, start: number, where: string): ElfFunction {
    const found = this.#functions.find((f) => f.section.index === section && f.start === start);
    if (!found)
      throw new BpfError(
        'ELF',
        `${where}: it calls instruction ${start} of section '${this.#elf.sections[section]?.name}', where no function starts`,
      );
    return found;
  }

  /** Is a `.ksyms` variable declared with a type, or a function? Then its BTF id is loaded, else its plain address. */
  #isTyped(name: string): boolean {
    if (this.#btf?.find(name, 'func') !== undefined) return true;
    const id = this.#btf?.find(name, 'var');
    const variable = id === undefined ? undefined : this.#btf!.type(id);
    return variable?.kind === 'var' && resolve(this.#btf!, variable.type).kind !== 'void';
  }
}
