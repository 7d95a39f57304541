/**
 * A set of BTF types as a header that compiles, in the style of bpftool's vmlinux.h: what is held by value comes first, what is only
 * pointed to is declared before its use and defined later.
 */
import { BpfError } from '../base/errors.ts';
import type { Btf, BtfType } from './btf.ts';
import { definition, type EnumType, enumBody, type Style } from './print.ts';

/** Deepest nesting of types by value before it counts as a cycle. */
const MAX_DEPTH = 256;

/**
 * The header's text, for the given types and all that they need. C has one scope where BTF has several types of one name: the
 * first of a name is written. An enumerator that an earlier enum has is left out.
 */
export function header(btf: Btf, typeIds: Iterable<number>): string {
  const order = new HeaderOrder(btf);
  for (const id of typeIds) order.need(id);
  return order.text();
}

/** Depth-first ordering: `define` a type whole, or `mention` it where a declaration will do. */
class HeaderOrder {
  readonly #btf: Btf;
  readonly #written: string[] = [];
  readonly #done = new Set<number>();
  readonly #names = new Set<string>();
  readonly #enumerators = new Set<string>();
  /** The kind that has a tag name. */
  readonly #tags = new Map<string, string>();
  /** Structs to be defined that were met behind a pointer. */
  readonly #later: number[] = [];
  readonly #style: Style;

  constructor(btf: Btf) {
    this.#btf = btf;
    this.#style = {
      short: false,
      indent: '',
      anonymousEnum: (type, indent) => this.#anonymousEnum(type, indent),
      tag: (kind, name) => this.#tag(kind, name),
    };
  }

  need(id: number): void {
    this.#define(id, 0);
    for (let next = this.#later.pop(); next !== undefined; next = this.#later.pop()) this.#define(next, 0);
    const type = this.#btf.type(id);
    if ((type.kind === 'enum' || type.kind === 'enum64') && type.name === '') {
      const text = this.#anonymousEnum(type, '');
      if (text.includes('{')) this.#written.push(`${text};`);
    }
  }

  text(): string {
    return this.#written.map((w) => `${w}\n`).join('\n');
  }

  #endless(id: number): BpfError {
    return new BpfError('BTF', `type ${id} ('${this.#btf.type(id).name}') never ends: its definition refers to itself`);
  }

  /** Make a type whole: write what it holds by value, then the type itself where it has a name. */
  #define(id: number, depth: number): void {
    if (depth > MAX_DEPTH) throw this.#endless(id);
    const type = this.#btf.type(id);
    switch (type.kind) {
      case 'struct':
      case 'union':
        if (this.#done.has(id)) break;
        this.#done.add(id);
        for (const member of type.members) this.#define(member.type, depth + 1);
        if (type.name !== '') this.#once(`${type.kind} ${type.name}`, () => definition(this.#btf, id, this.#style));
        break;
      case 'enum':
      case 'enum64':
        if (type.name !== '') this.#once(`enum ${type.name}`, () => this.#namedEnum(type));
        break;
      case 'typedef':
        this.#typedef(type, depth);
        this.#define(type.type, depth + 1);
        break;
      case 'array':
      case 'const':
      case 'volatile':
      case 'restrict':
      case 'type_tag':
      case 'var':
        this.#define(type.type, depth + 1);
        break;
      case 'func':
        this.#mention(type.type, depth + 1);
        this.#once(`func ${type.name}`, () => definition(this.#btf, id, this.#style));
        break;
      default:
        this.#mention(id, depth);
    }
  }

  /** What a use behind a pointer needs: structs are declared, and defined later; the rest must be known by name. */
  #mention(id: number, depth: number): void {
    if (depth > MAX_DEPTH) throw this.#endless(id);
    const type = this.#btf.type(id);
    switch (type.kind) {
      case 'struct':
      case 'union':
        if (type.name === '') this.#define(id, depth + 1);
        else this.#declare(type.kind, type.name, id);
        break;
      case 'fwd':
        this.#declare(type.union ? 'union' : 'struct', type.name, undefined);
        break;
      case 'typedef':
        this.#typedef(type, depth);
        break;
      case 'ptr':
      case 'const':
      case 'volatile':
      case 'restrict':
      case 'type_tag':
        this.#mention(type.type, depth + 1);
        break;
      case 'array':
        // Elements of an array must be whole, even behind a pointer.
        this.#define(type.type, depth + 1);
        break;
      case 'func_proto':
        this.#mention(type.ret, depth + 1);
        for (const param of type.params) this.#mention(param.type, depth + 1);
        break;
      case 'enum':
      case 'enum64':
        this.#define(id, depth);
        break;
      default:
    }
  }

  /** A typedef of a struct needs the struct's declaration only. */
  #typedef(type: BtfType & { kind: 'typedef' | 'type_tag' }, depth: number): void {
    if (this.#done.has(type.id)) return;
    this.#done.add(type.id);
    // A name that compilers know by themselves.
    if (type.name === '__builtin_va_list') return;
    this.#mention(type.type, depth + 1);
    this.#once(`typedef ${type.name}`, () => definition(this.#btf, type.id, this.#style));
  }

  #declare(kind: string, tag: string, id: number | undefined): void {
    const name = `${kind} ${tag}`;
    if (id !== undefined && !this.#done.has(id)) this.#later.push(id);
    if (this.#names.has(name) || this.#names.has(`${name};`)) return;
    this.#names.add(`${name};`);
    this.#written.push(`${kind} ${this.#tag(kind, tag)};`);
  }

  /** Name of a tag: where a struct and an enum have one name, the later kind gets a suffix. */
  #tag(kind: string, name: string): string {
    const owner = this.#tags.get(name);
    if (owner === undefined) this.#tags.set(name, kind);
    return owner === undefined || owner === kind ? name : `${name}___${kind}`;
  }

  #once(name: string, text: () => string): void {
    if (this.#names.has(name)) return;
    this.#names.add(name);
    this.#written.push(text());
  }

  /** Enumerators that no earlier enum has. */
  #fresh(type: EnumType): EnumType['values'] {
    const fresh = type.values.filter((v) => !this.#enumerators.has(v.name));
    for (const v of fresh) this.#enumerators.add(v.name);
    return fresh;
  }

  #namedEnum(type: EnumType): string {
    const fresh = this.#fresh(type);
    // An enum must not be empty.
    const values =
      fresh.length > 0 ? fresh : type.values.slice(0, 1).map((v) => ({ ...v, name: `${v.name}___${type.name}` }));
    return `${enumBody({ ...type, values, name: this.#tag('enum', type.name) }, '')};`;
  }

  /** Written out where it is first used; later uses say the integer type. */
  #anonymousEnum(type: EnumType, indent: string): string {
    const fresh = this.#fresh(type);
    if (fresh.length > 0) return enumBody({ ...type, values: fresh }, indent);
    const width = ({ 1: 'char', 2: 'short', 4: 'int' } as Record<number, string>)[type.size] ?? 'long long';
    return `${type.signed ? 'signed' : 'unsigned'} ${width}`;
  }
}
