/**
 * C types as values: small objects, shared and never changed. A typedef's name and qualifiers ride along on a copy
 * (`alias`, `const`, `volatile`, `user`), so that nothing has to be stripped before looking at `kind`; a struct's identity is its `decl`.
 * Sizes and alignments are those of GCC for x86-64 (System V psABI, table 3.1), which BPF shares.
 */
import type { Btf } from '../btf/btf.ts';
import type { Token } from './token.ts';

interface TypeBase {
  /** Name of the typedef it was written as, for messages and for BTF. */
  readonly alias?: string;
  readonly const?: boolean;
  readonly volatile?: boolean;
  /** Marked `__user`: a pointer to it is a user-space address. */
  readonly user?: boolean;
  /** `__attribute__((aligned(n)))` on the typedef or declaration. */
  readonly align?: number;
}

export interface VoidType extends TypeBase {
  readonly kind: 'void';
}
export interface IntType extends TypeBase {
  readonly kind: 'int';
  readonly name: string;
  readonly size: 1 | 2 | 4 | 8 | 16;
  readonly signed: boolean;
  /** Conversion rank (C11 6.3.1.1): _Bool 0, char 1, short 2, int 3, long 4, long long 5, __int128 6. */
  readonly rank: number;
}
export interface EnumType extends TypeBase {
  readonly kind: 'enum';
  readonly decl: EnumDecl;
}
export interface PtrType extends TypeBase {
  readonly kind: 'ptr';
  readonly to: CType;
}
export interface ArrayType extends TypeBase {
  readonly kind: 'array';
  readonly of: CType;
  /** Undefined: `T x[]`, incomplete or flexible. */
  readonly count: number | undefined;
}
export interface FuncType extends TypeBase {
  readonly kind: 'func';
  readonly ret: CType;
  readonly params: readonly Param[];
  readonly variadic: boolean;
  /** `f()`: says nothing of its parameters. */
  readonly unspecified?: boolean;
}
export interface Param {
  readonly name: string | undefined;
  readonly type: CType;
  readonly at?: Token;
}
export interface RecordType extends TypeBase {
  readonly kind: 'record';
  readonly decl: RecordDecl;
}
/** Exists only because kernel structures may hold one; any use is refused. */
export interface FloatType extends TypeBase {
  readonly kind: 'float';
  readonly name: string;
  readonly size: number;
}
/** What a wrong expression has: agrees with everything, so that one mistake gives one message. */
export interface ErrorType extends TypeBase {
  readonly kind: 'error';
}
/** The name of a BPF map used as a value: only its methods and its address make sense. */
export interface MapType extends TypeBase {
  readonly kind: 'map';
}
export type CType =
  | VoidType
  | IntType
  | EnumType
  | PtrType
  | ArrayType
  | FuncType
  | RecordType
  | FloatType
  | ErrorType
  | MapType;

export interface EnumDecl {
  readonly name: string | undefined;
  /** The type its values are stored as. */
  underlying: IntType;
  complete: boolean;
  readonly at?: Token | undefined;
  readonly values: { name: string; value: bigint }[];
}

export interface Field {
  readonly name: string | undefined;
  readonly type: CType;
  readonly bitOffset: number;
  /** Of a bitfield; undefined for a plain member. */
  readonly bitWidth?: number | undefined;
  readonly at?: Token | undefined;
}

/** A struct or union. `fields` of one that comes from BTF are made when first asked for. */
export class RecordDecl {
  readonly tag: 'struct' | 'union';
  readonly name: string | undefined;
  readonly at: Token | undefined;
  complete = false;
  size = 0;
  align = 1;
  packed = false;
  /** Tagged as a packet header (bcc/proto.h): its fields are read from the packet by bit position, in network order. */
  packet = false;
  /** Where it came from: the kernel's BTF (a BTF load through it is possible), or the program. */
  btfId: number | undefined;
  /** The BTF of a module that `btfId` counts in; undefined: the kernel's. */
  btf: Btf | undefined;
  /** The program's own idea of a kernel's struct (sema/relocate.ts): members lie where that one has them; `to` is undefined where there is none. */
  relocated: { readonly to: RecordDecl | undefined } | undefined;
  #fields: readonly Field[] | undefined;
  #load: (() => readonly Field[]) | undefined;
  #byName: Map<string, FieldPlace> | undefined;

  constructor(tag: 'struct' | 'union', name: string | undefined, at: Token | undefined) {
    this.tag = tag;
    this.name = name;
    this.at = at;
  }

  get fields(): readonly Field[] {
    if (this.#fields === undefined) {
      const load = this.#load;
      this.#load = undefined;
      this.#fields = [];
      if (load) this.#fields = load();
    }
    return this.#fields;
  }

  finish(fields: readonly Field[] | (() => readonly Field[]), size: number, align: number): void {
    if (typeof fields === 'function') this.#load = fields;
    else this.#fields = fields;
    this.size = size;
    this.align = align;
    this.complete = true;
  }

  /** A member by name, looking into anonymous members; `bitOffset` is from the start of this record. */
  find(name: string): FieldPlace | undefined {
    return this.#names().get(name);
  }

  /** All member names that `find` knows. */
  names(): Iterable<string> {
    return this.#names().keys();
  }

  #names(): Map<string, FieldPlace> {
    if (!this.#byName || !this.complete) {
      const map = new Map<string, FieldPlace>();
      for (const field of this.fields) {
        if (field.name !== undefined && field.name !== '') {
          if (!map.has(field.name)) map.set(field.name, { field, bitOffset: field.bitOffset });
        } else if (field.type.kind === 'record') {
          for (const [name, place] of field.type.decl.#names()) {
            if (!map.has(name)) map.set(name, { field: place.field, bitOffset: field.bitOffset + place.bitOffset });
          }
        }
      }
      this.#byName = map;
    }
    return this.#byName;
  }
}

/** A member found in a record, however deep in anonymous ones. */
export interface FieldPlace {
  readonly field: Field;
  readonly bitOffset: number;
}

export const VOID: VoidType = { kind: 'void' };
export const ERROR: ErrorType = { kind: 'error' };
export const MAP: MapType = { kind: 'map' };

const int = (name: string, size: IntType['size'], signed: boolean, rank: number): IntType => ({
  kind: 'int',
  name,
  size,
  signed,
  rank,
});
export const BOOL = int('_Bool', 1, false, 0);
export const CHAR = int('char', 1, true, 1);
export const SCHAR = int('signed char', 1, true, 1);
export const UCHAR = int('unsigned char', 1, false, 1);
export const SHORT = int('short', 2, true, 2);
export const USHORT = int('unsigned short', 2, false, 2);
export const INT = int('int', 4, true, 3);
export const UINT = int('unsigned int', 4, false, 3);
export const LONG = int('long', 8, true, 4);
export const ULONG = int('unsigned long', 8, false, 4);
export const LLONG = int('long long', 8, true, 5);
export const ULLONG = int('unsigned long long', 8, false, 5);
export const INT128 = int('__int128', 16, true, 6);
export const UINT128 = int('unsigned __int128', 16, false, 6);

/** Of constants such as 1000000.0 only. */
export const DOUBLE: FloatType = { kind: 'float', name: 'double', size: 8 };

export function pointerTo(to: CType): PtrType {
  return { kind: 'ptr', to };
}

export function arrayOf(of: CType, count: number | undefined): ArrayType {
  return { kind: 'array', of, count };
}

/** The same type without qualifiers, typedef name and alignment. */
export function unqualified<T extends CType>(t: T): T {
  if (t.alias === undefined && !t.const && !t.volatile && !t.user && t.align === undefined) return t;
  const { alias: _alias, const: _const, volatile: _volatile, user: _user, align: _align, ...rest } = t;
  return rest as unknown as T;
}

/** The same type without const, volatile and __user, keeping its typedef name. What an rvalue has. */
export function rvalueType<T extends CType>(t: T): T {
  if (!t.const && !t.volatile && t.user === undefined) return t;
  const { const: _const, volatile: _volatile, user: _user, ...rest } = t;
  return rest as unknown as T;
}

export function isInteger(t: CType): t is IntType | EnumType {
  return t.kind === 'int' || t.kind === 'enum';
}

export function isScalar(t: CType): boolean {
  return t.kind === 'int' || t.kind === 'enum' || t.kind === 'ptr';
}

/** The integer type that stands behind an integer or enum. */
export function integerOf(t: IntType | EnumType): IntType {
  return t.kind === 'enum' ? t.decl.underlying : t;
}

/** Bytes, or undefined for an incomplete type (void and functions have GNU's 1). */
export function sizeOf(t: CType): number | undefined {
  switch (t.kind) {
    case 'void':
    case 'func':
      return 1;
    case 'int':
      return t.size;
    case 'enum':
      return t.decl.complete ? t.decl.underlying.size : undefined;
    case 'ptr':
      return 8;
    case 'array': {
      if (t.count === undefined) return undefined;
      const one = sizeOf(t.of);
      return one === undefined ? undefined : one * t.count;
    }
    case 'record':
      return t.decl.complete ? t.decl.size : undefined;
    case 'float':
      return t.size;
    default:
      return 8;
  }
}

export function alignOf(t: CType): number {
  if (t.align !== undefined) return t.align;
  switch (t.kind) {
    case 'int':
      return t.size;
    case 'enum':
      return t.decl.underlying.size;
    case 'ptr':
    case 'map':
      return 8;
    case 'array':
      return alignOf(t.of);
    case 'record':
      return t.decl.align;
    case 'float':
      return Math.min(t.size, 16);
    default:
      return 1;
  }
}

/** Compatible types (C11 6.2.7): the same, and what pointers point to is qualified alike. */
export function compatible(a: CType, b: CType): boolean {
  return sameType(a, b) && sameQualifiers(a, b);
}

function sameQualifiers(a: CType, b: CType): boolean {
  let [x, y] = [a, b];
  while ((x.kind === 'ptr' && y.kind === 'ptr') || (x.kind === 'array' && y.kind === 'array')) {
    [x, y] = [x.kind === 'ptr' ? x.to : x.of, y.kind === 'ptr' ? y.to : (y as ArrayType).of];
    if ((x.const === true) !== (y.const === true) || (x.volatile === true) !== (y.volatile === true)) return false;
  }
  return true;
}

/** Same type, qualifiers and typedef names aside (C11 6.2.7, as far as programs need it). */
export function sameType(a: CType, b: CType, depth = 0): boolean {
  if (a.kind !== b.kind || depth > 32) return depth > 32;
  switch (a.kind) {
    case 'int':
      return a.name === (b as IntType).name;
    case 'enum':
      return a.decl === (b as EnumType).decl;
    case 'ptr':
      return sameType(a.to, (b as PtrType).to, depth + 1);
    case 'array': {
      const other = b as ArrayType;
      return (
        (a.count === undefined || other.count === undefined || a.count === other.count) &&
        sameType(a.of, other.of, depth + 1)
      );
    }
    case 'record':
      return sameRecord(a.decl, (b as RecordType).decl);
    case 'func': {
      const other = b as FuncType;
      if (!sameType(a.ret, other.ret, depth + 1)) return false;
      if (a.unspecified || other.unspecified) return true;
      return (
        a.variadic === other.variadic &&
        a.params.length === other.params.length &&
        a.params.every((p, i) => sameType(p.type, other.params[i]!.type, depth + 1))
      );
    }
    default:
      return true;
  }
}

/** A forward declaration in the program and the kernel's definition of the same tag are one struct. */
function sameRecord(a: RecordDecl, b: RecordDecl): boolean {
  return a === b || (a.name !== undefined && a.name === b.name && a.tag === b.tag);
}

/** A type as C would write it, for messages: `struct sock *`, `char [16]`, `int (*)(void)`. */
export function typeName(t: CType, inner = '', depth = 0): string {
  if (depth > 12) return '...';
  const quals = `${t.const ? 'const ' : ''}${t.volatile ? 'volatile ' : ''}`;
  const pad = inner === '' || inner.startsWith('[') ? inner && ` ${inner}` : ` ${inner}`;
  if (t.alias !== undefined) return `${quals}${t.alias}${pad}`;
  switch (t.kind) {
    case 'ptr': {
      const wrap = t.to.kind === 'array' || t.to.kind === 'func';
      const star = `*${t.const ? 'const' : ''}${t.const && inner ? ' ' : ''}${inner}`;
      if (t.to.alias === undefined && wrap) return typeName(t.to, `(${star})`, depth + 1);
      return typeName(t.to, star, depth + 1);
    }
    case 'array':
      return typeName(t.of, `${inner}[${t.count ?? ''}]`, depth + 1);
    case 'func': {
      const params = t.params.map((p) => typeName(p.type, '', depth + 1));
      if (t.variadic) params.push('...');
      return typeName(t.ret, `${inner}(${params.join(', ') || (t.unspecified ? '' : 'void')})`, depth + 1);
    }
    case 'record':
      return `${quals}${t.decl.tag} ${t.decl.name ?? '(anonymous)'}${pad}`;
    case 'enum':
      return `${quals}enum ${t.decl.name ?? '(anonymous)'}${pad}`;
    case 'void':
      return `${quals}void${pad}`;
    case 'int':
    case 'float':
      return `${quals}${t.name}${pad}`;
    case 'map':
      return 'BPF map';
    default:
      return '<error>';
  }
}

/** `'u32' (aka 'unsigned int')`: how clang names a type in a message. */
export function quotedType(t: CType): string {
  const name = typeName(t);
  const bare = typeName(strip(t));
  return name === bare ? `'${name}'` : `'${name}' (aka '${bare}')`;
}

function strip(t: CType): CType {
  const { alias: _alias, ...rest } = t;
  if (rest.kind === 'ptr') return { ...rest, to: strip(rest.to) };
  return rest as CType;
}
