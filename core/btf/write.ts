/**
 * Building BTF (Documentation/bpf/btf.rst): add types, get ids, `build()`.
 *
 * Types that are equal word for word are stored once. A struct that refers to itself is declared first and completed later.
 * `copy` brings types over from another BTF, with all that they need; behind a pointer a named struct may be cut to a forward
 * declaration, which is what keeps a program's BTF small (clang prunes in the same place).
 */
import { utf8Encode } from '../base/bytes.ts';
import { BpfError } from '../base/errors.ts';
import type { Btf, BtfEnumerator, BtfKind, BtfMember, BtfOf, BtfParam } from './btf.ts';
import { BTF_HEADER_SIZE, BTF_KIND_ID, BTF_LINKAGE, BTF_MAGIC } from './kinds.ts';
import { readBtf } from './read.ts';

/** Most members, enumerators or parameters a type can have (BTF_MAX_VLEN). */
const MAX_VLEN = 0xffff;
const KIND_FLAG = 0x80000000;
/** Longest chain of types without a struct that is copied before it counts as a cycle. */
const MAX_DEPTH = 500;

export type Linkage = (typeof BTF_LINKAGE)[number];

/** A stored type: the words of its record. */
type Words = number[];

/** Should this named struct or union, met behind a pointer, be only declared? */
export type CutRule = (type: BtfOf<'struct' | 'union'>) => boolean;

export class BtfBuilder {
  readonly #types: Words[] = [];
  readonly #ids = new Map<string, number>();
  readonly #stringOffsets = new Map<string, number>([['', 0]]);
  readonly #strings: number[] = [0];
  readonly #copied = new Map<Btf, Map<number, number>>();

  /** One more than the highest id so far. */
  get typeCount(): number {
    return this.#types.length + 1;
  }

  /** Offset of a text in the string section, adding it if it is new: what .BTF.ext and CO-RE records refer to. */
  string(text: string): number {
    const known = this.#stringOffsets.get(text);
    if (known !== undefined) return known;
    if (text.includes('\0')) throw new BpfError('BTF', `a BTF string cannot hold NUL: ${JSON.stringify(text)}`);
    const offset = this.#strings.length;
    for (const byte of utf8Encode(text)) this.#strings.push(byte);
    this.#strings.push(0);
    this.#stringOffsets.set(text, offset);
    return offset;
  }

  /** An integer of `size` bytes. `bits` and `bitOffset` are for the old form of bitfields only. */
  int(
    name: string,
    size: number,
    options: { signed?: boolean; char?: boolean; bool?: boolean; bits?: number; bitOffset?: number } = {},
  ): number {
    const encoding = (options.signed ? 1 : 0) | (options.char ? 2 : 0) | (options.bool ? 4 : 0);
    const data = (encoding << 24) | ((options.bitOffset ?? 0) << 16) | (options.bits ?? size * 8);
    return this.#add([this.string(name), info('int', 0), size, data >>> 0]);
  }

  float(name: string, size: number): number {
    return this.#add([this.string(name), info('float', 0), size]);
  }

  ptr(type: number): number {
    return this.#add([0, info('ptr', 0), type]);
  }

  qualified(qualifier: 'const' | 'volatile' | 'restrict', type: number): number {
    return this.#add([0, info(qualifier, 0), type]);
  }

  typedef(name: string, type: number): number {
    return this.#add([this.string(name), info('typedef', 0), type]);
  }

  typeTag(name: string, type: number): number {
    return this.#add([this.string(name), info('type_tag', 0), type]);
  }

  /** `indexType` 0 takes the `int` that C arrays are indexed by. */
  array(type: number, count: number, indexType = 0): number {
    return this.#add([0, info('array', 0), 0, type, indexType || this.int('int', 4, { signed: true }), count]);
  }

  /** A struct or union, `size` in bytes; members as core/btf/btf.ts has them. */
  composite(kind: 'struct' | 'union', name: string, size: number, members: readonly BtfMember[]): number {
    return this.#add(this.#compositeWords(kind, name, size, members));
  }

  /** Reserve the id of a struct or union that refers to itself; `complete` must follow before `build`. */
  declare(kind: 'struct' | 'union', name: string): number {
    this.#types.push([this.string(name), info(kind, 0), -1]);
    return this.#types.length;
  }

  /** Give a declared struct its size and members. */
  complete(id: number, size: number, members: readonly BtfMember[]): void {
    const declared = this.#types[id - 1];
    if (declared?.[2] !== -1) throw new BpfError('BTF', `type ${id} is not a struct that waits for its members`);
    const kind = ((declared[1]! >>> 24) & 31) === BTF_KIND_ID.struct ? 'struct' : 'union';
    const words = this.#compositeWords(kind, '', size, members);
    words[0] = declared[0]!;
    this.#types[id - 1] = words;
  }

  #compositeWords(kind: 'struct' | 'union', name: string, size: number, members: readonly BtfMember[]): Words {
    const bitfields = members.some((m) => m.bitSize > 0);
    const words = [this.string(name), info(kind, members.length, bitfields), size];
    for (const member of members) {
      if (bitfields && member.bitOffset > 0xffffff)
        throw new BpfError(
          'BTF',
          `member '${member.name}' of ${kind} '${name}' is at bit ${member.bitOffset}: beside bitfields 16777215 is the last`,
        );
      words.push(
        this.string(member.name),
        member.type,
        (bitfields ? (member.bitSize << 24) | member.bitOffset : member.bitOffset) >>> 0,
      );
    }
    return words;
  }

  /** An enum; values that 32 bits do not hold, or a size of 8, make it an enum64. */
  enumeration(
    name: string,
    values: readonly BtfEnumerator[],
    options: { size?: number; signed?: boolean } = {},
  ): number {
    const signed = options.signed ?? values.some((v) => v.value < 0n);
    const wide =
      options.size === 8 ||
      values.some((v) => v.value > 0xffffffffn || v.value < -0x80000000n || (signed && v.value > 0x7fffffffn));
    const words = [
      this.string(name),
      info(wide ? 'enum64' : 'enum', values.length, signed),
      options.size ?? (wide ? 8 : 4),
    ];
    for (const { name: label, value } of values) {
      words.push(this.string(label), Number(BigInt.asUintN(32, value)));
      if (wide) words.push(Number(BigInt.asUintN(32, value >> 32n)));
    }
    return this.#add(words);
  }

  fwd(name: string, union = false): number {
    return this.#add([this.string(name), info('fwd', 0, union), 0]);
  }

  funcProto(ret: number, params: readonly BtfParam[]): number {
    const words = [0, info('func_proto', params.length), ret];
    for (const param of params) words.push(this.string(param.name), param.type);
    return this.#add(words);
  }

  func(name: string, proto: number, linkage: Linkage = 'global'): number {
    return this.#add([this.string(name), info('func', BTF_LINKAGE.indexOf(linkage)), proto]);
  }

  variable(name: string, type: number, linkage: Linkage = 'global'): number {
    return this.#add([this.string(name), info('var', 0), type, BTF_LINKAGE.indexOf(linkage)]);
  }

  datasec(
    name: string,
    size: number,
    vars: readonly { readonly type: number; readonly offset: number; readonly size: number }[],
  ): number {
    const words = [this.string(name), info('datasec', vars.length), size];
    for (const v of vars) words.push(v.type, v.offset, v.size);
    return this.#add(words);
  }

  declTag(name: string, type: number, component = -1): number {
    return this.#add([this.string(name), info('decl_tag', 0), type, component >>> 0]);
  }

  /**
   * Copy a type from another BTF with all it refers to, and answer its id here. The same type copies once. `cut` says which named
   * structs behind a pointer become forward declarations; by default all of them do.
   */
  copy(from: Btf, id: number, cut: CutRule = () => true): number {
    let ids = this.#copied.get(from);
    if (!ids) this.#copied.set(from, (ids = new Map()));
    const copier = new Copier(this, from, ids, cut);
    const copied = copier.copy(id, false);
    copier.finish();
    return copied;
  }

  #add(words: Words): number {
    const key = words.join();
    const known = this.#ids.get(key);
    if (known !== undefined) return known;
    this.#types.push(words);
    this.#ids.set(key, this.#types.length);
    return this.#types.length;
  }

  /** The file's bytes, little-endian, with a Btf on top. Throws BpfError when a declared struct was never completed. */
  build(): Btf {
    let wordCount = 0;
    for (const words of this.#types) wordCount += words.length;
    const typeBytes = wordCount * 4;
    const bytes = new Uint8Array(BTF_HEADER_SIZE + typeBytes + this.#strings.length);
    const view = new DataView(bytes.buffer);
    view.setUint16(0, BTF_MAGIC, true);
    bytes[2] = 1;
    const header = [BTF_HEADER_SIZE, 0, typeBytes, typeBytes, this.#strings.length];
    header.forEach((word, i) => {
      view.setUint32(4 + i * 4, word, true);
    });
    let at = BTF_HEADER_SIZE;
    this.#types.forEach((words, index) => {
      if (words[2] === -1) throw new BpfError('BTF', `struct of id ${index + 1} was declared but never completed`);
      for (const word of words) {
        view.setUint32(at, word, true);
        at += 4;
      }
    });
    bytes.set(this.#strings, at);
    return readBtf(bytes);
  }
}

/** The info word: kind, count, kind_flag. */
function info(kind: BtfKind, count: number, flag = false): number {
  if (count > MAX_VLEN) throw new BpfError('BTF', `a BTF ${kind} holds at most ${MAX_VLEN} entries, not ${count}`);
  return ((BTF_KIND_ID[kind] << 24) | count | (flag ? KIND_FLAG : 0)) >>> 0;
}

/** One call of `BtfBuilder.copy`. Members of structs wait in a list, so that long chains of types do not nest calls. */
class Copier {
  readonly #to: BtfBuilder;
  readonly #from: Btf;
  readonly #ids: Map<number, number>;
  readonly #cut: CutRule;
  #depth = 0;
  readonly #waiting: { readonly id: number; readonly type: BtfOf<'struct' | 'union'> }[] = [];

  constructor(to: BtfBuilder, from: Btf, ids: Map<number, number>, cut: CutRule) {
    this.#to = to;
    this.#from = from;
    this.#ids = ids;
    this.#cut = cut;
  }

  finish(): void {
    for (let next = this.#waiting.pop(); next; next = this.#waiting.pop()) {
      const members = next.type.members.map((m) => ({ ...m, type: this.copy(m.type, false) }));
      this.#to.complete(next.id, next.type.size, members);
    }
  }

  /** `behind`: the type is reached through a pointer (and qualifiers), where a struct may be cut. */
  copy(id: number, behind: boolean): number {
    if (id === 0) return 0;
    const type = this.#from.type(id);
    if (
      (type.kind === 'struct' || type.kind === 'union') &&
      behind &&
      type.name !== '' &&
      !this.#ids.has(id) &&
      this.#cut(type)
    ) {
      return this.#to.fwd(type.name, type.kind === 'union');
    }
    // Names behind a pointer are not remembered: what they end in may have been cut. Equal records are stored once anyway.
    const known = this.#ids.get(id);
    if (known !== undefined) return known;
    if (++this.#depth > MAX_DEPTH) throw new BpfError('BTF', `type ${id} refers to itself without a struct between`);
    const copied = this.#make(type, behind);
    this.#depth--;
    if (!behind || type.kind === 'struct' || type.kind === 'union') this.#ids.set(id, copied);
    return copied;
  }

  #make(type: ReturnType<Btf['type']>, behind: boolean): number {
    const to = this.#to;
    switch (type.kind) {
      case 'void':
        return 0;
      case 'int':
        return to.int(type.name, type.size, {
          signed: type.signed,
          char: type.char,
          bool: type.bool,
          bits: type.bits,
          bitOffset: type.offset,
        });
      case 'float':
        return to.float(type.name, type.size);
      case 'ptr':
        return to.ptr(this.copy(type.type, true));
      case 'const':
      case 'volatile':
      case 'restrict':
        return to.qualified(type.kind, this.copy(type.type, behind));
      case 'typedef':
        return to.typedef(type.name, this.copy(type.type, behind));
      case 'type_tag':
        return to.typeTag(type.name, this.copy(type.type, behind));
      case 'array':
        return to.array(this.copy(type.type, false), type.count, this.copy(type.indexType, false));
      case 'struct':
      case 'union': {
        const id = to.declare(type.kind, type.name);
        this.#waiting.push({ id, type });
        return id;
      }
      case 'enum':
      case 'enum64':
        return to.enumeration(type.name, type.values, { size: type.size, signed: type.signed });
      case 'fwd':
        return to.fwd(type.name, type.union);
      case 'func_proto':
        return to.funcProto(
          this.copy(type.ret, false),
          type.params.map((p) => ({ name: p.name, type: this.copy(p.type, false) })),
        );
      case 'func':
        return to.func(type.name, this.copy(type.type, false), type.linkage);
      case 'var':
        return to.variable(type.name, this.copy(type.type, false), type.linkage);
      case 'datasec':
        return to.datasec(
          type.name,
          type.size,
          type.vars.map((v) => ({ ...v, type: this.copy(v.type, false) })),
        );
      case 'decl_tag':
        return to.declTag(type.name, this.copy(type.type, false), type.component);
    }
  }
}
