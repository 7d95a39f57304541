/**
 * Maps as libbpf's programs define them: a variable of an anonymous struct in section ".maps", whose members' types say what the map is.
 * `int (*name)[N]` is a number, `T *name` a type, `T *values[]` what a map of maps holds
 * (https://docs.kernel.org/bpf/libbpf/libbpf_overview.html, "BPF map definitions").
 */
import { nearestNames } from '../../base/errors.ts';
import { mapTypeById } from '../../maps/index.ts';
import { type CType, type Field, sizeOf } from '../ctype.ts';
import type { Parser } from '../parse/parser.ts';
import { note } from '../report.ts';
import type { Token } from '../token.ts';
import type { MapDecl } from './map-decl.ts';

export const MAP_SECTION = '.maps';

const NUMBERS = ['type', 'max_entries', 'map_flags', 'key_size', 'value_size', 'pinning', 'numa_node', 'map_extra'];
const TYPES = ['key', 'value', 'values'];
const PIN_BY_NAME = 1;

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** Declare the map that a variable of section ".maps" is. `type` is the struct, its initializer (slots of a map of maps) comes next. */
export function declareSectionMap(p: Parser, name: Token, type: CType): void {
  const { cx } = p;
  const before = cx.inThisScope(name.text);
  if (before)
    cx.report.error(name, `redefinition of '${name.text}'`, {
      notes: before.at ? [note(before.at, 'previous definition is here')] : [],
    });
  const map = readMap(p, name, name.text, type);
  if (p.is('=')) {
    cx.report.error(
      p.tok,
      `the definition of map '${name.text}' has an initializer: its entries must be set after loading`,
    );
    skipInitializer(p);
  }
  if (!map || before) return;
  cx.maps.push(map);
  cx.declareGlobal({ kind: 'map', name: map.name, map, at: name });
}

function readMap(p: Parser, at: Token, name: string, type: CType): MapDecl | undefined {
  const { cx } = p;
  if (type.kind !== 'record' || !type.decl.complete) {
    if (type.kind !== 'error')
      cx.report.error(at, `variable '${name}' in section "${MAP_SECTION}" must be a struct that describes a map`);
    return undefined;
  }
  const map: Mutable<MapDecl> = {
    name,
    type: '',
    key: undefined,
    value: undefined,
    keySize: 0,
    valueSize: 0,
    maxEntries: 0,
    flags: 0,
    at,
    macro: MAP_SECTION,
    used: false,
  };
  for (const field of type.decl.fields) readMember(p, at, map, field);
  if (map.type === '') {
    cx.report.error(at, `the definition of map '${name}' says no type: __uint(type, BPF_MAP_TYPE_...) is missing`);
    return undefined;
  }
  return map;
}

function readMember(p: Parser, at: Token, map: Mutable<MapDecl>, field: Field): void {
  const { cx } = p;
  const what = field.name ?? '';
  const where = field.at ?? at;
  if (TYPES.includes(what)) {
    if (what === 'values') readValues(p, where, map, field.type);
    else if (field.type.kind === 'ptr') setType(p, where, map, what === 'key' ? 'key' : 'value', field.type.to);
    else cx.report.error(where, `member '${what}' of a map's definition must be a pointer to a type: use __type`);
    return;
  }
  const value = numberOf(field.type);
  if (value === undefined || !NUMBERS.includes(what)) {
    const near = NUMBERS.includes(what) ? undefined : nearestNames(what, [...NUMBERS, ...TYPES], 1)[0];
    cx.report.error(
      where,
      NUMBERS.includes(what)
        ? `member '${what}' of a map's definition must be a number: use __uint`
        : `a map's definition has no member '${what}'${near ? `; did you mean '${near}'?` : ''}`,
    );
    return;
  }
  switch (what) {
    case 'type': {
      const row = mapTypeById(value);
      if (row) map.type = row.name;
      else cx.report.error(where, `there is no map type ${value}`);
      return;
    }
    case 'max_entries':
      map.maxEntries = value;
      return;
    case 'map_flags':
      map.flags = value;
      return;
    case 'map_extra':
      map.extra = value;
      return;
    case 'key_size':
      setSize(p, where, map, 'keySize', value);
      return;
    case 'value_size':
      setSize(p, where, map, 'valueSize', value);
      return;
    case 'pinning':
      if (value === PIN_BY_NAME) map.pin = map.name;
      return;
    default:
      if (value !== 0) cx.report.error(where, `attribute '${what}' of maps is not supported`);
  }
}

function setType(p: Parser, at: Token, map: Mutable<MapDecl>, what: 'key' | 'value', type: CType): void {
  const size = sizeOf(type);
  if (size === undefined || type.kind === 'void' || type.kind === 'func') {
    if (type.kind !== 'error') p.cx.report.error(at, `${what} of map '${map.name}' has incomplete type`);
    return;
  }
  map[what] = type;
  setSize(p, at, map, what === 'key' ? 'keySize' : 'valueSize', size);
}

function setSize(p: Parser, at: Token, map: Mutable<MapDecl>, what: 'keySize' | 'valueSize', size: number): void {
  if (map[what] !== 0 && map[what] !== size)
    p.cx.report.error(
      at,
      `the ${what === 'keySize' ? 'key' : 'value'} size of map '${map.name}' is said twice: ${map[what]} and ${size}`,
    );
  map[what] = size;
}

/** `__array(values, struct inner)`: what the slots hold; of functions (a prog array) nothing more is to be known. */
function readValues(p: Parser, at: Token, map: Mutable<MapDecl>, type: CType): void {
  const target = type.kind === 'array' && type.of.kind === 'ptr' ? type.of.to : undefined;
  if (!target) {
    p.cx.report.error(at, `member 'values' of a map's definition must be an array of pointers: use __array`);
    return;
  }
  setSize(p, at, map, 'valueSize', 4);
  map.keySize ||= 4;
  if (target.kind === 'func') return;
  const inner = readMap(p, at, `${map.name}.inner`, target);
  if (!inner) return;
  p.cx.maps.push({ ...inner, shape: true });
  map.inner = inner.name;
}

/** `int (*name)[N]`, or a pointer to an enum of one value. */
function numberOf(type: CType): number | undefined {
  const target = type.kind === 'ptr' ? type.to : type;
  if (target.kind === 'array') return target.count;
  if (target.kind === 'enum' && target.decl.values.length === 1) return Number(target.decl.values[0]!.value);
  return undefined;
}

function skipInitializer(p: Parser): void {
  let depth = 0;
  while (p.tok.kind !== 'eof') {
    if (p.is('{') || p.is('(')) depth++;
    else if (p.is('}') || p.is(')')) depth--;
    else if ((p.is(';') || p.is(',')) && depth === 0) return;
    p.next();
  }
}
