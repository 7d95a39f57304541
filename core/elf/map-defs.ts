/**
 * Maps as BPF objects declare them: BTF-defined maps in `.maps` (the types of a struct's pointer members carry the attributes),
 * legacy `maps` (struct bpf_map_def), and global variables, which are single-element arrays named after their section.
 * libbpf's documentation of both: https://docs.kernel.org/bpf/libbpf/program_types.html and tools/lib/bpf/libbpf.c's comments.
 */
import { BpfError, nearestNames } from '../base/errors.ts';
import type { Btf, BtfType } from '../btf/btf.ts';
import { resolve, sizeOf } from '../btf/layout.ts';
import { mapTypeById } from '../maps/index.ts';
import type { MapSpec } from '../spec/spec.ts';
import { type ElfFile, type ElfSection, type ElfSymbol, SHF, SHT, STT } from './read.ts';

/** BPF_F_RDONLY_PROG, BPF_F_MMAPABLE: what libbpf gives to the maps of global variables. */
const RDONLY_PROG = 1 << 7;
const MMAPABLE = 1 << 10;
/** Of constants. */
export const RDONLY_DATA_FLAGS = RDONLY_PROG | MMAPABLE;
const PIN_BY_NAME = 1;
/** Smallest legacy definition: type, key size, value size, max entries, flags. */
const LEGACY_SIZE = 20;

/** A map and where relocations find it. */
export interface PlacedMap {
  readonly section: number;
  readonly offset: number;
  readonly spec: MapSpec;
}

/** Is this the section of global variables? `.rodata.str1.1` and the like are. */
export function isDataSection(section: ElfSection): boolean {
  return (
    (section.flags & SHF.ALLOC) !== 0 &&
    (section.flags & SHF.EXECINSTR) === 0 &&
    /^\.(rodata|data|bss)(\.|$)/.test(section.name) &&
    section.size > 0
  );
}

/** All maps of an object. */
export function readMapDefs(elf: ElfFile, symbols: readonly ElfSymbol[], btf: Btf | undefined): PlacedMap[] {
  const placed: PlacedMap[] = [];
  for (const section of elf.sections) {
    if (section.name === '.maps' && section.type === SHT.PROGBITS) placed.push(...btfMaps(section, symbols, btf));
    else if (section.name === 'maps' && section.type === SHT.PROGBITS)
      placed.push(...legacyMaps(section, symbols, btf));
    else if (isDataSection(section)) placed.push({ section: section.index, offset: 0, spec: dataMap(section, btf) });
  }
  placed.sort((a, b) => a.section - b.section || a.offset - b.offset);
  return placed.map((map) => withSlots(elf, symbols, map, btf));
}

function bad(name: string, says: string): BpfError {
  return new BpfError('ELF', `map '${name}': ${says}`);
}

/** The kernel's name of a map type number. */
function typeName(map: string, id: number): string {
  const row = mapTypeById(id);
  if (!row) throw bad(map, `map type ${id} is not known`);
  return row.name;
}

function dataMap(section: ElfSection, btf: Btf | undefined): MapSpec {
  const readOnly = section.name.startsWith('.rodata');
  const value = section.type === SHT.NOBITS ? undefined : section.data.slice();
  return {
    name: section.name,
    type: 'array',
    keySize: 4,
    valueSize: section.size,
    maxEntries: 1,
    flags: readOnly ? RDONLY_DATA_FLAGS : MMAPABLE,
    keyType: 0,
    valueType: btf?.find(section.name, 'datasec') ?? 0,
    ...(value ? { initial: [{ key: new Uint8Array(4), value }] } : {}),
    ...(readOnly ? { readOnly } : {}),
  };
}

function legacyMaps(section: ElfSection, symbols: readonly ElfSymbol[], btf: Btf | undefined): PlacedMap[] {
  const own = symbols.filter((s) => s.section === section.index && s.type !== STT.SECTION && s.name !== '');
  if (own.length === 0 || section.size % own.length !== 0 || section.size / own.length < LEGACY_SIZE) {
    throw new BpfError(
      'ELF',
      `section 'maps' has ${section.size} bytes for ${own.length} symbols: those are not map definitions`,
    );
  }
  const size = section.size / own.length;
  const view = new DataView(section.data.buffer, section.data.byteOffset, section.data.byteLength);
  return own.map((symbol) => {
    const offset = Number(symbol.value);
    if (offset + size > section.size)
      throw bad(symbol.name, `its definition at ${offset} is outside of section 'maps'`);
    for (let at = offset + LEGACY_SIZE; at < offset + size; at++) {
      if (section.data[at] !== 0)
        throw bad(
          symbol.name,
          `its definition has more than type, sizes, entries and flags (byte ${at - offset}), which is not understood`,
        );
    }
    // BPF_ANNOTATE_KV_PAIR: a struct that holds a key and a value says their types.
    const pair = btf?.find(`____btf_map_${symbol.name}`, 'struct');
    const members = pair === undefined ? [] : (btf!.type(pair) as BtfType & { kind: 'struct' }).members;
    return {
      section: section.index,
      offset,
      spec: {
        name: symbol.name,
        type: typeName(symbol.name, view.getUint32(offset, true)),
        keySize: view.getUint32(offset + 4, true),
        valueSize: view.getUint32(offset + 8, true),
        maxEntries: view.getUint32(offset + 12, true),
        flags: view.getUint32(offset + 16, true),
        keyType: members[0]?.type ?? 0,
        valueType: members[1]?.type ?? 0,
      },
    };
  });
}

function btfMaps(section: ElfSection, symbols: readonly ElfSymbol[], btf: Btf | undefined): PlacedMap[] {
  const id = btf?.find('.maps', 'datasec');
  if (!btf || id === undefined)
    throw new BpfError('ELF', "section '.maps' has no description in .BTF: compile with -g");
  const datasec = btf.type(id) as BtfType & { kind: 'datasec' };
  return datasec.vars.map((entry) => {
    const variable = btf.type(entry.type);
    const symbol = symbols.find(
      (s) => s.section === section.index && s.name === variable.name && s.type !== STT.SECTION,
    );
    if (variable.kind !== 'var' || !symbol)
      throw bad(variable.name, "is described in .BTF but has no symbol in section '.maps'");
    return {
      section: section.index,
      offset: Number(symbol.value),
      spec: readDefinition(btf, variable.name, variable.type),
    };
  });
}

const ATTRIBUTES = [
  'type',
  'max_entries',
  'map_flags',
  'key_size',
  'value_size',
  'key',
  'value',
  'values',
  'pinning',
  'numa_node',
  'map_extra',
];

/** A definition struct: `int (*name)[N]` says a number, `T *name` a type, `T *name[]` what is held. */
function readDefinition(btf: Btf, name: string, typeId: number): MapSpec {
  const struct = resolve(btf, typeId);
  if (struct.kind !== 'struct') throw bad(name, 'its definition is not a struct');
  let [type, keySize, valueSize, maxEntries, flags, keyType, valueType] = [0, 0, 0, 0, 0, 0, 0];
  let inner: MapSpec | undefined;
  let extra = 0;
  let pin: string | undefined;
  const size = (what: string, before: number, now: number): number => {
    if (before !== 0 && before !== now) throw bad(name, `${what} size is said twice: ${before} and ${now} bytes`);
    return now;
  };
  for (const member of struct.members) {
    const number = (): number => numberOf(btf, name, member.name, member.type);
    const pointed = (): number => {
      const pointer = resolve(btf, member.type);
      if (pointer.kind !== 'ptr') throw bad(name, `'${member.name}' is not a pointer to a type`);
      return pointer.type;
    };
    switch (member.name) {
      case 'type':
        type = number();
        break;
      case 'max_entries':
        maxEntries = number();
        break;
      case 'map_flags':
        flags = number();
        break;
      case 'key_size':
        keySize = size('key', keySize, number());
        break;
      case 'value_size':
        valueSize = size('value', valueSize, number());
        break;
      case 'key':
        keyType = pointed();
        keySize = size('key', keySize, sizeOf(btf, keyType));
        break;
      case 'value':
        valueType = pointed();
        valueSize = size('value', valueSize, sizeOf(btf, valueType));
        break;
      case 'values':
        inner = innerMap(btf, name, member.type);
        valueSize = size('value', valueSize, 4);
        keySize ||= 4;
        break;
      case 'pinning':
        if (number() === PIN_BY_NAME) pin = name;
        break;
      case 'map_extra':
        extra = number();
        break;
      case 'numa_node':
        if (number() !== 0) throw bad(name, `attribute '${member.name}' is not supported`);
        break;
      default: {
        const near = nearestNames(member.name, ATTRIBUTES);
        throw bad(
          name,
          `unknown attribute '${member.name}'${near.length > 0 ? `; did you mean ${near.join(', ')}?` : ''}`,
        );
      }
    }
  }
  return {
    name,
    type: typeName(name, type),
    keySize,
    valueSize,
    maxEntries,
    flags,
    ...(extra === 0 ? {} : { extra }),
    keyType,
    valueType,
    ...(inner ? { inner } : {}),
    ...(pin === undefined ? {} : { pin }),
  };
}

/** `int (*name)[N]`, or a pointer to an enum64 of one value (__ulong). */
function numberOf(btf: Btf, map: string, attribute: string, typeId: number): number {
  const pointer = resolve(btf, typeId);
  const target = pointer.kind === 'ptr' ? resolve(btf, pointer.type) : pointer;
  if (target.kind === 'array') return target.count;
  if ((target.kind === 'enum' || target.kind === 'enum64') && target.values.length === 1)
    return Number(target.values[0]!.value);
  throw bad(map, `attribute '${attribute}' is not a number`);
}

/** What `values` holds: another map's definition, or functions (a prog array has no inner map). */
function innerMap(btf: Btf, name: string, typeId: number): MapSpec | undefined {
  const array = resolve(btf, typeId);
  const pointer = array.kind === 'array' ? resolve(btf, array.type) : array;
  const target = pointer.kind === 'ptr' ? resolve(btf, pointer.type) : undefined;
  if (array.kind !== 'array' || !target) throw bad(name, "'values' is not an array of pointers");
  if (target.kind === 'func_proto') return undefined;
  return readDefinition(btf, `${name}.inner`, target.id);
}

/** What `.rel.maps` puts into a map of maps or a prog array at the start. */
function withSlots(elf: ElfFile, symbols: readonly ElfSymbol[], map: PlacedMap, btf: Btf | undefined): PlacedMap {
  const section = elf.sections[map.section]!;
  if (section.name !== '.maps' || !btf) return map;
  const relocations = elf.sections
    .filter((s) => s.type === SHT.REL && s.info === map.section)
    .flatMap((s) => elf.relocations(s));
  if (relocations.length === 0) return map;
  const symbol = symbols.find(
    (s) => s.section === map.section && Number(s.value) === map.offset && s.name === map.spec.name,
  );
  const valuesAt = valuesOffset(btf, map.spec.name);
  const slots = relocations
    .filter((r) => symbol && r.offset >= map.offset && r.offset < map.offset + symbol.size)
    .map((r) => {
      const target = symbols[r.symbol];
      const index = (r.offset - map.offset - (valuesAt ?? 0)) / 8;
      if (valuesAt === undefined || index < 0 || !target)
        throw bad(map.spec.name, `a relocation at byte ${r.offset - map.offset} of its definition is not understood`);
      return target.type === STT.FUNC ? { index, prog: target.name } : { index, map: target.name };
    });
  return slots.length > 0
    ? { ...map, spec: { ...map.spec, slots, maxEntries: map.spec.maxEntries || slots.length } }
    : map;
}

/** Byte offset of `values` in a map's definition struct. */
function valuesOffset(btf: Btf, name: string): number | undefined {
  const id = btf.find(name, 'var');
  const struct = id === undefined ? undefined : resolve(btf, (btf.type(id) as BtfType & { kind: 'var' }).type);
  const member = struct?.kind === 'struct' ? struct.members.find((m) => m.name === 'values') : undefined;
  return member && member.bitOffset / 8;
}
