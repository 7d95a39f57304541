/**
 * Kernel types from BTF, made when first named: a struct's members become C types only when somebody looks into it.
 * One `KernelTypes` belongs to one `Btf` and is kept with it, so a second compilation finds everything made already.
 */
import type { Btf, BtfMember, BtfType } from '../btf/btf.ts';
import {
  alignOf,
  arrayOf,
  BOOL,
  CHAR,
  type CType,
  type EnumDecl,
  ERROR,
  type Field,
  type FuncType,
  INT,
  INT128,
  type IntType,
  LLONG,
  LONG,
  pointerTo,
  RecordDecl,
  SCHAR,
  SHORT,
  sizeOf,
  UCHAR,
  UINT,
  UINT128,
  ULLONG,
  ULONG,
  USHORT,
  VOID,
} from './ctype.ts';

const BY_NAME: Record<string, IntType> = {
  char: CHAR,
  'signed char': SCHAR,
  'unsigned char': UCHAR,
  short: SHORT,
  'short int': SHORT,
  'unsigned short': USHORT,
  'short unsigned int': USHORT,
  int: INT,
  'unsigned int': UINT,
  long: LONG,
  'long int': LONG,
  'unsigned long': ULONG,
  'long unsigned int': ULONG,
  'long long': LLONG,
  'long long int': LLONG,
  'unsigned long long': ULLONG,
  'long long unsigned int': ULLONG,
  _Bool: BOOL,
  bool: BOOL,
  __int128: INT128,
  'unsigned __int128': UINT128,
  '__int128 unsigned': UINT128,
}; // prettier-ignore

const caches = new WeakMap<Btf, KernelTypes>();

/** The types of a BTF; the same object for the same BTF. `base`: those of the kernel, where it is a module's. */
export function kernelTypes(btf: Btf, base?: KernelTypes): KernelTypes {
  let types = caches.get(btf);
  if (!types) caches.set(btf, (types = new KernelTypes(btf, base)));
  return types;
}

export class KernelTypes {
  readonly btf: Btf;
  /** The types that this BTF goes on from. They stay the kernel's: one struct, whoever names it. */
  readonly #base: KernelTypes | undefined;
  readonly #made = new Map<number, CType>();
  readonly #records = new Map<number, RecordDecl>();
  readonly #enums = new Map<number, EnumDecl>();

  constructor(btf: Btf, base?: KernelTypes) {
    this.btf = btf;
    this.#base = base;
  }

  /** Whose type this is: the kernel's, or undefined for one of this BTF alone. */
  #baseOf(id: number): KernelTypes | undefined {
    return this.#base && id < this.#base.btf.typeCount ? this.#base : undefined;
  }

  typedef(name: string): CType | undefined {
    const id = this.btf.find(name, 'typedef');
    return id === undefined ? undefined : this.type(id);
  }

  record(tag: 'struct' | 'union', name: string): RecordDecl | undefined {
    const id = this.btf.find(name, tag);
    return id === undefined ? undefined : this.#record(id);
  }

  enum(name: string): EnumDecl | undefined {
    const id = this.btf.find(name, 'enum') ?? this.btf.find(name, 'enum64');
    return id === undefined ? undefined : this.#enum(id);
  }

  enumerator(name: string): { value: bigint; decl: EnumDecl } | undefined {
    const found = this.btf.findEnumerator(name);
    return found && { value: found.value, decl: this.#enum(found.enumId) };
  }

  /** Type of a kernel function, where BTF has it. */
  func(name: string): FuncType | undefined {
    const id = this.btf.find(name, 'func');
    if (id === undefined) return undefined;
    const t = this.btf.type(id);
    if (t.kind !== 'func') return undefined;
    const proto = this.type(t.type);
    return proto.kind === 'func' ? proto : undefined;
  }

  /** Type of a kernel variable (per-CPU variables and few others are in BTF). */
  variable(name: string): CType | undefined {
    const id = this.btf.find(name, 'var');
    if (id === undefined) return undefined;
    const t = this.btf.type(id);
    return t.kind === 'var' ? this.type(t.type) : undefined;
  }

  type(id: number): CType {
    const base = this.#baseOf(id);
    if (base) return base.type(id);
    const known = this.#made.get(id);
    if (known) return known;
    const made = this.#convert(this.btf.type(id));
    this.#made.set(id, made);
    return made;
  }

  #convert(t: BtfType): CType {
    switch (t.kind) {
      case 'void':
        return VOID;
      case 'int':
        return intOf(t);
      case 'ptr':
        return pointerTo(this.type(t.type));
      case 'typedef': {
        const target = this.type(t.type);
        return { ...target, alias: t.name };
      }
      case 'const':
        return { ...this.type(t.type), const: true };
      case 'volatile':
        return { ...this.type(t.type), volatile: true };
      case 'restrict':
        return this.type(t.type);
      case 'type_tag':
        return t.name === 'user' ? { ...this.type(t.type), user: true } : this.type(t.type);
      case 'array':
        return arrayOf(this.type(t.type), t.count);
      case 'struct':
      case 'union':
        return { kind: 'record', decl: this.#record(t.id) };
      case 'fwd': {
        // A definition elsewhere in the file wins.
        const tag = t.union ? 'union' : 'struct';
        const full = this.btf.find(t.name, tag);
        return {
          kind: 'record',
          decl: full === undefined ? new RecordDecl(tag, t.name, undefined) : this.#record(full),
        };
      }
      case 'enum':
      case 'enum64':
        return { kind: 'enum', decl: this.#enum(t.id) };
      case 'float':
        return { kind: 'float', name: t.name, size: t.size };
      case 'func':
        return this.type(t.type);
      case 'func_proto': {
        const params = t.params
          .filter((p) => p.type !== 0)
          .map((p) => ({ name: p.name || undefined, type: this.type(p.type) }));
        const last = t.params[t.params.length - 1];
        return { kind: 'func', ret: this.type(t.ret), params, variadic: last !== undefined && last.type === 0 };
      }
      case 'var':
        return this.type(t.type);
      default:
        return ERROR;
    }
  }

  #record(id: number): RecordDecl {
    const base = this.#baseOf(id);
    if (base) return base.#record(id);
    const known = this.#records.get(id);
    if (known) return known;
    const t = this.btf.type(id);
    if (t.kind !== 'struct' && t.kind !== 'union') throw new RangeError(`BTF type ${id} is no struct`);
    const decl = new RecordDecl(t.kind, t.name || undefined, undefined);
    this.#records.set(id, decl);
    decl.btfId = id;
    if (this.#base) decl.btf = this.btf;
    const size = t.size;
    // Alignment is not in BTF: a multiple of what the members need, if the size allows it. Looked at only for the program's own structs.
    let align: number | undefined;
    decl.finish(() => this.#fields(t.members), size, 1);
    Object.defineProperty(decl, 'align', {
      get: () => {
        if (align === undefined) {
          align = 1;
          for (const f of decl.fields) {
            const need = alignOf(f.type);
            if (f.bitWidth === undefined && (f.bitOffset / 8) % need === 0 && size % need === 0)
              align = Math.max(align, need);
          }
        }
        return align;
      },
    });
    return decl;
  }

  #fields(members: readonly BtfMember[]): Field[] {
    return members.map((m, i) => {
      let type = this.type(m.type);
      // `T x[]` and `T x[0]` look alike in BTF; at the end of a struct both are flexible.
      if (type.kind === 'array' && type.count === 0 && i === members.length - 1) type = { ...type, count: undefined };
      return {
        name: m.name || undefined,
        type,
        bitOffset: m.bitOffset,
        ...(m.bitSize > 0 ? { bitWidth: m.bitSize } : {}),
      };
    });
  }

  #enum(id: number): EnumDecl {
    const base = this.#baseOf(id);
    if (base) return base.#enum(id);
    const known = this.#enums.get(id);
    if (known) return known;
    const t = this.btf.type(id);
    if (t.kind !== 'enum' && t.kind !== 'enum64') throw new RangeError(`BTF type ${id} is no enum`);
    // GCC: unsigned unless an enumerator is negative, whatever BTF's flag says of small ones.
    const negative = t.values.some((v) => v.value < 0n);
    const decl: EnumDecl = {
      name: t.name || undefined,
      underlying: enumStorage(t.size, negative),
      complete: true,
      values: t.values.map((v) => ({ name: v.name, value: v.value })),
    };
    this.#enums.set(id, decl);
    return decl;
  }
}

function enumStorage(size: number, negative: boolean): IntType {
  if (size === 8) return negative ? LONG : ULONG;
  if (size === 2) return negative ? SHORT : USHORT;
  if (size === 1) return negative ? SCHAR : UCHAR;
  return negative ? INT : UINT;
}

function intOf(t: Extract<BtfType, { kind: 'int' }>): IntType {
  const named = BY_NAME[t.name];
  if (named && named.size === t.size && (named.signed === t.signed || named === CHAR)) return named;
  if (t.bool) return BOOL;
  const bySize: Record<number, [IntType, IntType]> = {
    1: [SCHAR, UCHAR],
    2: [SHORT, USHORT],
    4: [INT, UINT],
    8: [LONG, ULONG],
    16: [INT128, UINT128],
  };
  const pair = bySize[t.size] ?? bySize[4]!;
  return t.signed ? pair[0] : pair[1];
}

/** A flexible or zero array as the last member counts as unbounded when indexed. */
export function isTrailingArray(t: CType): boolean {
  return t.kind === 'array' && (t.count === undefined || t.count === 0 || (sizeOf(t) ?? 0) <= 1);
}
