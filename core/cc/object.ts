/** Putting the object together: maps with their BTF, data sections as maps, programs with what they attach to. */
import type { Generated, GeneratedProg } from '../codegen/index.ts';
import type { CoreReloc, MapSpec, ObjectSpec, ProgSpec } from '../spec/spec.ts';
import type { Context } from './context.ts';
import type { MapDecl } from './flavour/map-decl.ts';
import { kindOf } from './flavour/programs.ts';
import type { CoreFields } from './lower/core-field.ts';
import type { LoweredUnit } from './lower/unit.ts';
import { BtfWriter } from './to-btf.ts';

/** BPF_F_RDONLY_PROG: what .rodata's map is made with. */
const RDONLY_PROG = 1 << 7;

/** BCC's default licence. */
const LICENSE = 'GPL';

export function objectSpec(cx: Context, lowered: LoweredUnit, generated: Generated): ObjectSpec {
  const writer = new BtfWriter(cx.kernel?.btf);
  const license = cx.license ?? LICENSE;
  const maps: MapSpec[] = [];
  const used = new Set(generated.progs.flatMap((p) => p.relocs.map((r) => ('map' in r ? r.map : ''))));
  for (const map of cx.maps) if (!map.shape) maps.push(mapSpec(cx, writer, map, maps));
  for (const section of lowered.globals.sections) {
    if (section.bytes.length > 0 && (used.has(section.name) || section.symbols.length > 0))
      maps.push(sectionMap(writer, section));
  }
  const functions = new Map(cx.functions.map((fn) => [fn.name, fn]));
  const progs = generated.progs.map((g): ProgSpec => {
    const fn = functions.get(g.name)!;
    const kind = kindOf(fn);
    const funcs = g.funcs.map((info) => {
      const of = functions.get(info.name);
      return of ? { ...info, btfId: writer.func(of.name, of.type, of.isStatic || info.insn !== 0) } : info;
    });
    return {
      name: g.name,
      type: kind.type,
      ...(kind.attachType ? { attachType: kind.attachType } : {}),
      ...(kind.attach ? { attach: kind.attach } : {}),
      section: kind.section,
      insns: g.insns,
      relocs: g.relocs,
      ...(g.fields.length > 0 ? { coreRelos: coreRelos(writer, lowered.globals.coreFields, g) } : {}),
      funcs,
      lines: g.lines,
      license,
    };
  });
  return { maps, progs, btf: writer.builder.build(), license };
}

/** A relocation for each instruction that loads the offset of a kernel's field. */
function coreRelos(writer: BtfWriter, fields: CoreFields, prog: GeneratedProg): CoreReloc[] {
  return prog.fields.flatMap(({ insn, field }) => {
    const known = fields.get(field);
    if (!known) return [];
    const typeId = writer.type({ kind: 'record', decl: known.root });
    return [{ insn, typeId, access: known.access, kind: 'field_byte_offset' as const }];
  });
}

function mapSpec(cx: Context, writer: BtfWriter, map: MapDecl, made: readonly MapSpec[]): MapSpec {
  const inner =
    map.inner === undefined
      ? undefined
      : (made.find((m) => m.name === map.inner) ?? innerOf(cx, writer, map.inner, made));
  // Maps of file descriptors and queues have no typed keys in the kernel's eyes; user space still decodes by these.
  return {
    name: map.name,
    type: map.type,
    keySize: map.keySize,
    valueSize: map.valueSize,
    maxEntries: map.maxEntries,
    flags: map.flags,
    ...(map.extra ? { extra: map.extra } : {}),
    keyType: map.key ? writer.type(map.key) : 0,
    valueType: map.value ? writer.type(map.value) : 0,
    ...(inner ? { inner } : {}),
    ...(map.pin === undefined ? {} : { pin: map.pin }),
    ...(map.share === undefined ? {} : { pin: map.name }),
    ...(map.event ? { eventType: writer.type(map.event) } : {}),
  };
}

function innerOf(cx: Context, writer: BtfWriter, name: string, made: readonly MapSpec[]): MapSpec | undefined {
  const decl = cx.maps.find((m) => m.name === name);
  return decl && mapSpec(cx, writer, decl, made);
}

function sectionMap(writer: BtfWriter, section: LoweredUnit['globals']['sections'][number]): MapSpec {
  const value = Uint8Array.from(section.bytes);
  const vars = section.symbols.map(({ symbol, offset }) => {
    const type = writer.type(symbol.type);
    const size = value.length - offset;
    return {
      type: writer.builder.variable(
        symbol.name.replace(/[^\w]/g, '_'),
        type,
        symbol.name.includes('.') ? 'static' : 'global',
      ),
      offset,
      size,
    };
  });
  vars.forEach((v, i) => {
    v.size = (vars[i + 1]?.offset ?? value.length) - v.offset;
  });
  return {
    name: section.name,
    type: 'array',
    keySize: 4,
    valueSize: value.length,
    maxEntries: 1,
    flags: section.readOnly ? RDONLY_PROG : 0,
    keyType: 0,
    valueType: vars.length ? writer.builder.datasec(section.name, value.length, vars) : 0,
    ...(section.name.startsWith('.bss') ? {} : { initial: [{ key: new Uint8Array(4), value }] }),
    ...(section.readOnly ? { readOnly: true } : {}),
  };
}
