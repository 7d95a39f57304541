/**
 * An ObjectSpec as a BPF object file that libbpf, bpftool and `readObject` take: a section per program section name, called
 * functions in `.text`, BTF-defined maps in `.maps`, global data, licence, `.BTF` and `.BTF.ext`.
 *
 * It undoes what linking did: each program's called functions are taken out again, stored once where programs share them, and calls
 * become relocations.
 */
import { utf8Encode } from '../base/bytes.ts';
import { BpfError } from '../base/errors.ts';
import type { Btf, BtfMember } from '../btf/btf.ts';
import { type ExtFunc, type ExtLine, type ExtRelo, writeBtfExt } from '../btf/ext.ts';
import { sizeOf } from '../btf/layout.ts';
import { BtfBuilder } from '../btf/write.ts';
import { INSN_SIZE } from '../isa/insn.ts';
import { CALL, OP_CALL, OP_LD_IMM64, PSEUDO } from '../isa/ops.ts';
import { mapTypeByName } from '../maps/index.ts';
import type { FuncInfo, MapSpec, ObjectSpec, ProgSpec } from '../spec/spec.ts';
import { type RelToWrite, type SectionToWrite, type SymbolToWrite, writeElf } from './image.ts';
import { R_BPF } from './link.ts';
import { ELF_MACHINE, SHF, SHT, STB, STT } from './read.ts';

const TEXT = '.text';
const PIN_BY_NAME = 1;
/** Maps that hold global variables are sections of their own. */
const DATA_MAP = /^\.(rodata|data|bss)(\.|$)/;

/** Bytes of an object file. Throws BpfError ELF for what the format cannot say. */
export function writeObject(object: ObjectSpec): Uint8Array {
  return new ObjectWriter(object).write();
}

/** What an instruction refers to, by symbol name. `imm` goes into its immediate. */
interface Reference {
  readonly insn: number;
  readonly type: number;
  readonly symbol: string;
  readonly imm: number;
}

/** A function taken out of a program: calls and addresses in it are zeroed and stand in `references`. */
interface Part {
  readonly name: string;
  readonly info: FuncInfo;
  /** Slot of the program where the function ends. */
  readonly end: number;
  readonly bytes: Uint8Array;
  readonly references: readonly Reference[];
}

interface Place {
  readonly name: string;
  readonly section: string;
  /** In slots of the section. */
  readonly start: number;
}

/** A part that has its place in a section. */
interface Placed extends Place {
  readonly prog: ProgSpec;
  readonly part: Part;
  /** Symbols of the program's functions, where they are not called as before. */
  names: ReadonlyMap<string, string>;
}

/** A section of code that grows. */
interface Code {
  readonly chunks: Uint8Array[];
  length: number;
}

class ObjectWriter {
  readonly #object: ObjectSpec;
  readonly #builder = new BtfBuilder();
  readonly #symbols = new Map<string, SymbolToWrite>();
  readonly #code = new Map<string, Code>();
  readonly #rels: RelToWrite[] = [];
  readonly #funcs: ExtFunc[] = [];
  readonly #lines: ExtLine[] = [];
  readonly #relos: ExtRelo[] = [];
  /** Functions in `.text` by symbol name, to store equal ones once. */
  readonly #text = new Map<string, string>();
  readonly #externs = new Map<string, number>();

  constructor(object: ObjectSpec) {
    this.#object = object;
  }

  write(): Uint8Array {
    const { progs, maps, btf, license } = this.#object;
    const data = maps.filter(isData);
    const defined = maps.filter((m) => !isData(m));
    if (btf) this.#copyTypes(btf, data);
    for (const map of data)
      this.#symbols.set(map.name, {
        name: map.name,
        value: 0,
        size: 0,
        type: STT.SECTION,
        binding: STB.LOCAL,
        section: map.name,
      });
    const mapSection = this.#defineMaps(defined);
    this.#addPrograms(progs);
    this.#defineSlots(defined);
    if (this.#externs.size > 0)
      this.#builder.datasec(
        '.ksyms',
        0,
        [...this.#externs.values()].map((type) => ({ type, offset: 0, size: 0 })),
      );

    const sections: SectionToWrite[] = [];
    for (const [name, code] of this.#code)
      sections.push({ name, type: SHT.PROGBITS, flags: SHF.ALLOC | SHF.EXECINSTR, data: join(code.chunks), align: 8 });
    if (mapSection.length > 0)
      sections.push({ name: '.maps', type: SHT.PROGBITS, flags: SHF.ALLOC | SHF.WRITE, data: mapSection, align: 8 });
    for (const map of data) sections.push(dataSection(map));
    if (license !== '') {
      const text = Uint8Array.of(...utf8Encode(license), 0);
      sections.push({ name: 'license', type: SHT.PROGBITS, flags: SHF.ALLOC | SHF.WRITE, data: text, align: 1 });
      this.#symbols.set('_license', {
        name: '_license',
        value: 0,
        size: text.length,
        type: STT.OBJECT,
        binding: STB.GLOBAL,
        section: 'license',
      });
    }
    const ext = writeBtfExt(this.#builder, { funcs: this.#funcs, lines: this.#lines, relos: this.#relos });
    if (this.#builder.typeCount > 1) {
      sections.push({ name: '.BTF', type: SHT.PROGBITS, flags: 0, data: this.#builder.build().bytes, align: 4 });
      sections.push({ name: '.BTF.ext', type: SHT.PROGBITS, flags: 0, data: ext, align: 4 });
    }
    return writeElf(ELF_MACHINE.BPF, sections, [...this.#symbols.values()], this.#rels);
  }

  /** The object's types; those that describe sections are made anew. */
  #copyTypes(btf: Btf, data: readonly MapSpec[]): void {
    const inSections = new Set<number>();
    for (let id = 1; id < btf.typeCount; id++) {
      const type = btf.type(id);
      if (type.kind === 'datasec') for (const v of type.vars) inSections.add(v.type);
    }
    for (let id = 1; id < btf.typeCount; id++) {
      const type = btf.type(id);
      if (type.kind === 'datasec') {
        const map = data.find((m) => m.name === type.name);
        if (map)
          this.#builder.datasec(
            type.name,
            map.valueSize,
            type.vars.map((v) => ({ ...v, type: this.#type(v.type) })),
          );
      } else if (!inSections.has(id) && !(type.kind === 'func' && type.linkage === 'extern')) {
        this.#type(id);
      }
    }
  }

  #type(id: number): number {
    return this.#object.btf ? this.#builder.copy(this.#object.btf, id, () => false) : 0;
  }

  // Maps

  #defineMaps(maps: readonly MapSpec[]): Uint8Array {
    let size = 0;
    const vars: { type: number; offset: number; size: number }[] = [];
    for (const map of maps) {
      if (map.initial && map.initial.length > 0)
        throw new BpfError('ELF', `map '${map.name}': an object file cannot hold the first contents of a ${map.type}`);
      const struct = this.#definition(map);
      const length = struct.size + slotCount(map) * 8;
      vars.push({ type: this.#builder.variable(map.name, struct.id), offset: size, size: length });
      this.#symbols.set(map.name, {
        name: map.name,
        value: size,
        size: length,
        type: STT.OBJECT,
        binding: STB.GLOBAL,
        section: '.maps',
      });
      size += length;
    }
    if (maps.length > 0) this.#builder.datasec('.maps', size, vars);
    return new Uint8Array(size);
  }

  /** The struct that says a map's attributes in the types of its members. */
  #definition(map: MapSpec): { id: number; size: number } {
    const b = this.#builder;
    const row = mapTypeByName(map.type);
    if (!row) throw new BpfError('ELF', `map '${map.name}' has the unknown type '${map.type}'`);
    const members: BtfMember[] = [];
    let size = 0;
    const member = (name: string, type: number, bytes = 8): void => {
      members.push({ name, type, bitOffset: size * 8, bitSize: 0 });
      size += bytes;
    };
    const number = (name: string, value: number): void =>
      member(name, b.ptr(b.array(b.int('int', 4, { signed: true }), value)));
    number('type', row.id);
    if (map.maxEntries > 0) number('max_entries', map.maxEntries);
    if (map.flags > 0) number('map_flags', map.flags);
    const typed = (name: 'key' | 'value', type: number, bytes: number): void => {
      if (bytes === 0) return;
      if (type !== 0 && this.#object.btf && sizeOf(this.#object.btf, type) === bytes)
        member(name, b.ptr(this.#type(type)));
      else number(`${name}_size`, bytes);
    };
    typed('key', map.keyType, map.keySize);
    const held = this.#heldBy(map);
    if (held === undefined) typed('value', map.valueType, map.valueSize);
    if (map.pin !== undefined) number('pinning', PIN_BY_NAME);
    if (held !== undefined) member('values', b.array(b.ptr(held), 0), 0);
    return { id: b.composite('struct', '', size, members), size };
  }

  /** What `values` of a map of maps, or of a prog array with contents, points to. */
  #heldBy(map: MapSpec): number | undefined {
    if (map.inner) return this.#definition(map.inner).id;
    if (!map.slots?.some((s) => s.prog !== undefined)) return undefined;
    const int = this.#builder.int('int', 4, { signed: true });
    return this.#builder.funcProto(int, [{ name: '', type: this.#builder.ptr(0) }]);
  }

  #defineSlots(maps: readonly MapSpec[]): void {
    for (const map of maps) {
      const own = this.#symbols.get(map.name)!;
      for (const slot of map.slots ?? []) {
        const name = slot.map ?? slot.prog ?? '';
        const symbol = this.#symbols.get(name);
        if (!symbol)
          throw new BpfError(
            'ELF',
            `slot ${slot.index} of map '${map.name}' names '${name}', which the object does not have`,
          );
        this.#rels.push({
          section: '.maps',
          offset: own.value + own.size - slotCount(map) * 8 + slot.index * 8,
          type: R_BPF.ABS64,
          symbol,
        });
      }
    }
  }

  // Programs

  /** Entries get their names first; then what they call is stored, equal functions of several programs once. */
  #addPrograms(progs: readonly ProgSpec[]): void {
    const placed: Placed[] = [];
    const taken = progs.map(takeApart);
    for (const { prog, parts } of taken) {
      const part = parts[0]!;
      const place = this.#place(prog, part.name, prog.section || TEXT, part, contentKey(part, parts), true);
      placed.push({ ...place, prog, part, names: new Map() });
    }
    for (const [index, { prog, parts }] of taken.entries()) {
      const names = new Map<string, string>();
      placed[index]!.names = names;
      for (const part of parts.slice(1)) {
        const key = contentKey(part, parts);
        let name = part.name;
        for (let n = 2; this.#symbols.has(name) && this.#text.get(name) !== key; n++) name = `${part.name}__${n}`;
        names.set(part.name, name);
        if (!this.#symbols.has(name))
          placed.push({ ...this.#place(prog, name, TEXT, part, key, false), prog, part, names });
      }
    }
    // .BTF.ext wants the rows of a section in the order of its instructions.
    for (const p of placed.sort((x, y) => x.start - y.start)) this.#describe(p);
  }

  #place(prog: ProgSpec, name: string, section: string, part: Part, key: string, entry: boolean): Place {
    if (this.#symbols.has(name))
      throw new BpfError('ELF', `two functions or maps of the object are called '${name}' (program '${prog.name}')`);
    const code = this.#code.get(section) ?? { chunks: [], length: 0 };
    this.#code.set(section, code);
    const start = code.length;
    code.chunks.push(part.bytes);
    code.length += part.bytes.length;
    const type = part.info.btfId !== 0 && this.#object.btf ? this.#object.btf.type(part.info.btfId) : undefined;
    const global = entry || (type?.kind === 'func' && type.linkage === 'global');
    this.#symbols.set(name, {
      name,
      value: start,
      size: part.bytes.length,
      type: STT.FUNC,
      binding: global ? STB.GLOBAL : STB.LOCAL,
      section,
    });
    if (section === TEXT) this.#text.set(name, key);
    return { name, section, start: start / INSN_SIZE };
  }

  /** Relocations, line info and prototype of a placed function. */
  #describe({ prog, part, names, name, section, start }: Placed): void {
    const { info, end } = part;
    for (const reference of part.references) {
      const target =
        this.#symbols.get(names.get(reference.symbol) ?? reference.symbol) ?? this.#extern(prog, reference);
      const local = target.type === STT.FUNC && target.binding === STB.LOCAL;
      // libbpf takes static functions as clang writes them: the section's symbol, and the place in the immediate.
      if (local) {
        const isCall = reference.type === R_BPF.R64_32;
        new DataView(part.bytes.buffer).setInt32(
          reference.insn * INSN_SIZE + 4,
          isCall ? target.value / INSN_SIZE - 1 : target.value,
          true,
        );
      }
      this.#rels.push({
        section,
        offset: (start + reference.insn) * INSN_SIZE,
        type: reference.type,
        symbol: local ? this.#textSymbol() : target,
      });
    }
    const own = <T extends { readonly insn: number }>(rows: readonly T[]): T[] =>
      rows.filter((row) => row.insn >= info.insn && row.insn < end);
    const typeId = this.#functionType(prog, info, name);
    if (typeId !== undefined) this.#funcs.push({ section, insn: start, typeId });
    own(prog.lines).forEach((line, i) => {
      // The kernel wants a line for the first instruction of every function.
      const insn = i === 0 ? start : start + line.insn - info.insn;
      this.#lines.push({ section, insn, file: line.file, line: line.line, column: line.column, text: line.text });
    });
    for (const { insn, typeId, access, kind } of own(prog.coreRelos ?? []))
      this.#relos.push({ section, insn: start + insn - info.insn, typeId: this.#type(typeId), access, kind });
  }

  #textSymbol(): SymbolToWrite {
    const known = this.#symbols.get(TEXT);
    if (known) return known;
    const symbol: SymbolToWrite = {
      name: TEXT,
      value: 0,
      size: 0,
      type: STT.SECTION,
      binding: STB.LOCAL,
      section: TEXT,
    };
    this.#symbols.set(TEXT, symbol);
    return symbol;
  }

  /** BTF func of a function. Programs without one get `int name(void *)`; the kernel wants all functions of a program described or none. */
  #functionType(prog: ProgSpec, info: FuncInfo, name: string): number | undefined {
    const { btf } = this.#object;
    const described = prog.funcs.slice(1).every((f) => f.btfId !== 0);
    if (!described) return undefined;
    const b = this.#builder;
    if (info.btfId === 0 || !btf)
      return b.func(name, b.funcProto(b.int('int', 4, { signed: true }), [{ name: 'ctx', type: b.ptr(0) }]));
    const type = btf.type(info.btfId);
    if (type.kind !== 'func')
      throw new BpfError(
        'ELF',
        `function '${info.name}' of program '${prog.name}' has BTF id ${info.btfId}, which is a ${type.kind}`,
      );
    return b.func(name, this.#type(type.type), type.linkage);
  }

  /** A kernel function or variable. */
  #extern(prog: ProgSpec, reference: Reference): SymbolToWrite {
    const { btf } = this.#object;
    const name = reference.symbol;
    const b = this.#builder;
    const reloc = prog.relocs.find((r) => (r.kind === 'kfunc' || r.kind === 'ksym') && r.name === name);
    if (reloc === undefined) {
      throw new BpfError('ELF', `program '${prog.name}' refers to '${name}', which the object does not have`);
    }
    const func = btf?.find(name, 'func');
    if (reference.type === R_BPF.R64_32) {
      const type = func === undefined ? undefined : btf!.type(func);
      if (type?.kind !== 'func')
        throw new BpfError('ELF', `kernel function '${name}' needs its prototype in the object's BTF to be written`);
      this.#externs.set(name, b.func(name, this.#type(type.type), 'extern'));
    } else {
      const variable = btf?.find(name, 'var');
      const type = variable === undefined ? undefined : btf!.type(variable);
      this.#externs.set(
        name,
        b.variable(name, type?.kind === 'var' ? this.#type(type.type) : b.qualified('const', 0), 'extern'),
      );
    }
    const symbol: SymbolToWrite = {
      name,
      value: 0,
      size: 0,
      type: STT.NOTYPE,
      binding: 'weak' in reloc && reloc.weak ? STB.WEAK : STB.GLOBAL,
      section: undefined,
    };
    this.#symbols.set(name, symbol);
    return symbol;
  }
}

function isData(map: MapSpec): boolean {
  return DATA_MAP.test(map.name);
}

function dataSection(map: MapSpec): SectionToWrite {
  const contents = map.initial?.[0]?.value;
  const flags = map.name.startsWith('.rodata') ? SHF.ALLOC : SHF.ALLOC | SHF.WRITE;
  if (contents === undefined)
    return { name: map.name, type: SHT.NOBITS, flags, data: new Uint8Array(0), size: map.valueSize, align: 8 };
  if (contents.length !== map.valueSize)
    throw new BpfError('ELF', `map '${map.name}' holds ${contents.length} bytes, its value has ${map.valueSize}`);
  return { name: map.name, type: SHT.PROGBITS, flags, data: contents, align: 8 };
}

function slotCount(map: MapSpec): number {
  return (map.slots ?? []).reduce((most, slot) => Math.max(most, slot.index + 1), 0);
}

function join(chunks: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(chunks.reduce((sum, c) => sum + c.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}

/** The functions of a linked program, the entry first. */
function takeApart(prog: ProgSpec): { prog: ProgSpec; parts: Part[] } {
  const infos = [...(prog.funcs.length > 0 ? prog.funcs : [{ insn: 0, name: prog.name, btfId: 0 }])].sort(
    (a, b) => a.insn - b.insn,
  );
  const length = prog.insns.length / INSN_SIZE;
  const names = new Map(infos.map((info, i) => [info.insn, i === 0 ? prog.name : info.name]));
  const parts = infos.map((info, i) => takeOut(prog, info, infos[i + 1]?.insn ?? length, names));
  return { prog, parts };
}

function takeOut(prog: ProgSpec, info: FuncInfo, end: number, names: ReadonlyMap<number, string>): Part {
  const bytes = new Uint8Array(prog.insns.subarray(info.insn * INSN_SIZE, end * INSN_SIZE));
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const references: Reference[] = [];
  const refer = (insn: number, type: number, symbol: string, source: number, imm: number): void => {
    const at = insn * INSN_SIZE;
    bytes[at + 1] = (bytes[at + 1]! & 15) | (source << 4);
    view.setInt32(at + 4, imm, true);
    if (type === R_BPF.R64_64) view.setInt32(at + 12, 0, true);
    references.push({ insn, type, symbol, imm });
  };
  const nameAt = (target: number): string => {
    const name = names.get(target);
    if (name === undefined)
      throw new BpfError('ELF', `program '${prog.name}' calls instruction ${target}, where no function starts`);
    return name;
  };
  const relocs = new Map(prog.relocs.map((r) => [r.insn, r]));
  for (let insn = 0; insn < end - info.insn; insn++) {
    const opcode = bytes[insn * INSN_SIZE]!;
    const source = bytes[insn * INSN_SIZE + 1]! >> 4;
    const target = info.insn + insn + view.getInt32(insn * INSN_SIZE + 4, true) + 1;
    const reloc = relocs.get(info.insn + insn);
    if (reloc?.kind === 'map') refer(insn, R_BPF.R64_64, reloc.map, 0, 0);
    else if (reloc?.kind === 'map_value') {
      if (!DATA_MAP.test(reloc.map))
        throw new BpfError(
          'ELF',
          `program '${prog.name}' takes the address of a value of map '${reloc.map}', which an object file cannot say`,
        );
      refer(insn, R_BPF.R64_64, reloc.map, 0, reloc.offset);
    } else if (reloc?.kind === 'kfunc') refer(insn, R_BPF.R64_32, reloc.name, CALL.local, -1);
    else if (reloc?.kind === 'ksym') refer(insn, R_BPF.R64_64, reloc.name, 0, 0);
    else if (opcode === OP_CALL && source === CALL.local) refer(insn, R_BPF.R64_32, nameAt(target), CALL.local, -1);
    else if (opcode === OP_LD_IMM64 && source === PSEUDO.func) refer(insn, R_BPF.R64_64, nameAt(target), 0, 0);
    if (opcode === OP_LD_IMM64) insn++;
  }
  return { name: names.get(info.insn)!, info, end, bytes, references };
}

/** Bytes, references and (one step far) what they call: equal keys are the same function. */
function contentKey(part: Part, all: readonly Part[]): string {
  const called = (name: string): string => `${name}=${all.find((p) => p.name === name)?.bytes.join() ?? ''}`;
  return `${part.bytes.join()}|${part.references.map((r) => `${r.insn}:${r.type}:${r.imm}:${called(r.symbol)}`).join()}`;
}
