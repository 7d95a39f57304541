/**
 * BTF as C text: one declaration or one definition (core/btf/header.ts makes whole headers of them).
 *
 * C declarations are written around the name: pointers stand before it, arrays and parameters behind it. `declare` therefore
 * carries the declarator (the name with what was wrapped around it so far) down the chain of types until it meets the base type.
 */
import { BpfError } from '../base/errors.ts';
import type { Btf, BtfMember, BtfOf, BtfType } from './btf.ts';
import { alignOf, sizeOf } from './layout.ts';

/** A pointer or qualifier. */
type Modifier = BtfOf<'ptr' | 'const' | 'volatile' | 'restrict'>;
export type EnumType = BtfOf<'enum' | 'enum64'>;

const INDENT = '\t';
/** Longest chain of types in one declaration, before it counts as a cycle. */
const MAX_DEPTH = 64;

/** C text of a type, for messages: `const char *`, `struct sock *[4]`. Anonymous structs are shortened to `struct { ... }`. */
export function typeText(btf: Btf, typeId: number): string {
  return declare(btf, typeId, '', { short: true, indent: '' });
}

/** A declaration of `name` with a type: `int (*handler)(struct sk_buff *, int)`. Anonymous structs are written out. */
export function declaration(btf: Btf, typeId: number, name: string): string {
  return declare(btf, typeId, name, { short: false, indent: '' });
}

/** The prototype of a `func`: `int tcp_v4_connect(struct sock *sk, struct sockaddr *uaddr, int addr_len)`. */
export function prototype(btf: Btf, funcId: number, style: Style = { short: true, indent: '' }): string {
  const func = btf.type(funcId);
  if (func.kind !== 'func') throw new BpfError('BTF', `type ${funcId} is of kind ${func.kind}, not a function`);
  return declare(btf, func.type, func.name, style);
}

/** The definition of a struct, union, enum or typedef, ending in a semicolon. */
export function definition(btf: Btf, typeId: number, style: Style = { short: false, indent: '' }): string {
  const type = btf.type(typeId);
  switch (type.kind) {
    case 'struct':
    case 'union':
      return `${body(btf, type, style)};`;
    case 'enum':
    case 'enum64':
      return `${enumBody(type, '')};`;
    case 'typedef':
      return `typedef ${declare(btf, type.type, type.name, style)};`;
    case 'fwd':
      return `${type.union ? 'union' : 'struct'} ${type.name};`;
    case 'func':
      return `${prototype(btf, typeId, style)};`;
    default:
      return `${declare(btf, typeId, '', style)};`;
  }
}

export interface Style {
  /** Anonymous structs as `struct { ... }`. */
  readonly short: boolean;
  /** White space before the lines of what is written out. */
  readonly indent: string;
  /** Text of an anonymous enum in place, where it is not simply written out (a header must not repeat enumerators). */
  readonly anonymousEnum?: (type: EnumType, indent: string) => string;
  /** Name of a struct, union or enum after its keyword; its own where absent (C has one scope for all three). */
  readonly tag?: (kind: string, name: string) => string;
}

function declare(btf: Btf, typeId: number, declarator: string, style: Style, depth = 0): string {
  if (depth > MAX_DEPTH) throw new BpfError('BTF', `type ${typeId} never ends: its definition refers to itself`);
  const type = btf.type(typeId);
  const next = (id: number, inner: string): string => declare(btf, id, inner, style, depth + 1);
  switch (type.kind) {
    case 'ptr':
      return next(type.type, pointer(btf, type.type, declarator));
    case 'array':
      return next(type.type, `${declarator}[${type.count}]`);
    case 'func_proto':
      return next(type.ret, `${declarator}(${parameters(btf, type, style, depth)})`);
    case 'const':
    case 'volatile':
    case 'restrict':
      return qualified(btf, type, declarator, style, depth);
    case 'type_tag':
      return next(type.type, declarator);
    case 'func':
    case 'var':
      return next(type.type, declarator || type.name);
    default:
      return spaced(baseText(btf, type, style), declarator);
  }
}

function spaced(base: string, declarator: string): string {
  return declarator === '' || declarator.startsWith('[') ? `${base}${declarator}` : `${base} ${declarator}`;
}

function tagged(kind: string, name: string, style: Style): string {
  return `${kind} ${style.tag ? style.tag(kind, name) : name}`;
}

/** `*name`, in parentheses where the pointer is to an array or a function. */
function pointer(btf: Btf, targetId: number, declarator: string): string {
  const target = btf.type(targetId);
  return target.kind === 'array' || target.kind === 'func_proto' ? `(*${declarator})` : `*${declarator}`;
}

/** A qualifier of a pointer stands behind its star, one of anything else before the type. */
function qualified(btf: Btf, type: Modifier, declarator: string, style: Style, depth: number): string {
  let inner = btf.type(type.type);
  const words: string[] = [type.kind];
  for (
    let i = 0;
    i < MAX_DEPTH &&
    (inner.kind === 'const' || inner.kind === 'volatile' || inner.kind === 'restrict' || inner.kind === 'type_tag');
    i++
  ) {
    if (inner.kind !== 'type_tag') words.push(inner.kind);
    inner = btf.type(inner.type);
  }
  const text = words.join(' ');
  if (inner.kind === 'ptr') {
    const target = btf.type(inner.type);
    const starred = `*${text}${declarator === '' ? '' : ` ${declarator}`}`;
    return declare(
      btf,
      inner.type,
      target.kind === 'array' || target.kind === 'func_proto' ? `(${starred})` : starred,
      style,
      depth + 1,
    );
  }
  // `restrict` qualifies pointers only, and a const array is an array of consts.
  const plain = words.filter((w) => w !== 'restrict').join(' ');
  const rest = declare(btf, inner.id, declarator, style, depth + 1);
  return plain === '' || inner.kind === 'func_proto' ? rest : `${plain} ${rest}`;
}

function parameters(btf: Btf, proto: BtfOf<'func_proto'>, style: Style, depth: number): string {
  if (proto.params.length === 0) return 'void';
  return proto.params
    .map((param, i) =>
      param.type === 0 && i === proto.params.length - 1
        ? '...'
        : declare(btf, param.type, param.name, { ...style, short: true }, depth + 1),
    )
    .join(', ');
}

function baseText(btf: Btf, type: BtfType, style: Style): string {
  switch (type.kind) {
    case 'void':
      return 'void';
    case 'struct':
    case 'union':
      if (type.name !== '') return tagged(type.kind, type.name, style);
      return style.short ? `${type.kind} { ... }` : body(btf, type, style);
    case 'enum':
    case 'enum64':
      if (type.name !== '') return tagged('enum', type.name, style);
      return style.short ? 'enum { ... }' : (style.anonymousEnum ?? enumBody)(type, style.indent);
    case 'fwd':
      return tagged(type.union ? 'union' : 'struct', type.name, style);
    default:
      return type.name;
  }
}

/** `struct name { ... }`, with the padding and packing that the offsets ask for. */
function body(btf: Btf, type: BtfOf<'struct' | 'union'>, style: Style): string {
  const inner = style.indent + INDENT;
  const head = type.name === '' ? type.kind : tagged(type.kind, type.name, style);
  if (type.members.length === 0 && type.size === 0) return `${head} {}`;
  const packed = isPacked(btf, type);
  const lines: string[] = [];
  let end = 0;
  for (const member of type.members) {
    if (type.kind === 'struct') lines.push(...padding(btf, member, end, packed).map((line) => inner + line));
    const width = member.bitSize > 0 ? `: ${member.bitSize}` : '';
    lines.push(`${inner}${declare(btf, member.type, member.name, { ...style, indent: inner })}${width};`);
    end = member.bitOffset + (member.bitSize || sizeOf(btf, member.type) * 8);
  }
  if (type.kind === 'struct') lines.push(...tailPadding(btf, type, end, packed).map((line) => inner + line));
  return `${head} {\n${lines.join('\n')}\n${style.indent}}${packed ? ' __attribute__((packed))' : ''}`;
}

function isPacked(btf: Btf, type: BtfOf<'struct' | 'union'>): boolean {
  let largest = 1;
  for (const member of type.members) {
    const own = alignOf(btf, member.type);
    if (member.bitSize === 0 && member.bitOffset % (own * 8) !== 0) return true;
    largest = Math.max(largest, own);
  }
  return type.size % largest !== 0;
}

/** Unnamed bitfields before a member that starts later than C would put it (an alignment attribute, a hole in the bits). */
function padding(btf: Btf, member: BtfMember, end: number, packed: boolean): string[] {
  const at = member.bitOffset;
  const natural = packed ? 8 : alignOf(btf, member.type) * 8;
  if (member.bitSize > 0) {
    const unit = sizeOf(btf, member.type) * 8;
    // A bitfield that does not fit the rest of its unit moves to the next one by itself.
    const byItself =
      Math.floor(end / unit) === Math.floor((end + member.bitSize - 1) / unit) ? end : Math.ceil(end / unit) * unit;
    if (at === byItself) return [];
    return gap(end, at);
  }
  return at === Math.ceil(end / natural) * natural ? [] : gap(end, at);
}

function tailPadding(btf: Btf, type: BtfOf<'struct' | 'union'>, end: number, packed: boolean): string[] {
  const align = packed ? 1 : type.members.reduce((most, m) => Math.max(most, alignOf(btf, m.type)), 1);
  return Math.ceil(end / 8 / align) * align === type.size ? [] : gap(end, type.size * 8);
}

/** Unnamed bitfields that fill the bits from `from` to `to`. */
function gap(from: number, to: number): string[] {
  const lines: string[] = [];
  for (let at = from; at < to; ) {
    const unit =
      at % 64 === 0 || Math.floor(at / 64) !== Math.floor((to - 1) / 64) || to - at > 32
        ? 64
        : at % 8 === 0 && to - at <= 8
          ? 8
          : 32;
    const stop = Math.min(to, (Math.floor(at / unit) + 1) * unit);
    lines.push(`${unit === 64 ? 'long' : unit === 32 ? 'int' : 'char'}: ${stop - at};`);
    at = stop;
  }
  return lines;
}

export function enumBody(type: EnumType, indent: string): string {
  const head = `enum${type.name === '' ? '' : ` ${type.name}`}`;
  const suffix = (value: bigint): string =>
    value > 0x7fffffffn || value < -0x80000000n ? (type.signed ? 'LL' : 'ULL') : '';
  const lines = type.values.map(
    (v) =>
      `${indent}${INDENT}${v.name} = ${v.value === -(1n << 63n) ? '(-9223372036854775807LL - 1)' : `${v.value}${suffix(v.value)}`},`,
  );
  const attribute = type.size < 4 ? ` __attribute__((mode(${type.size === 1 ? 'byte' : 'HI'})))` : '';
  return `${head} {\n${lines.join('\n')}\n${indent}}${attribute}`;
}
