/**
 * BTF from bytes, lazily (Documentation/bpf/btf.rst, include/uapi/linux/btf.h).
 *
 * Opening a file is one linear pass that notes where each type starts: vmlinux has well over 100,000 of them, and a program
 * names twenty. A type is decoded when asked for. The first few names of a kind are looked for one record after the other; whoever asks for
 * more gets an index of that kind's names (hashed as bytes, no strings made). Every field of a type record is a 32-bit word, so a file of the other byte order is turned round by
 * swapping words once. Split BTF (kernel modules) counts its ids and string offsets on from its base.
 */
import { utf8Decode, utf8Encode } from '../base/bytes.ts';
import { BpfError } from '../base/errors.ts';
import type { Btf, BtfEnumerator, BtfKind, BtfMember, BtfParam, BtfType } from './btf.ts';
import { BTF_HEADER_SIZE, BTF_KIND_ID, BTF_KINDS, BTF_LINKAGE, BTF_MAGIC } from './kinds.ts';

/** By the five bits of a kind: words of a record without what `each` counts; 0 for what is no kind of a record. */
const RECORD = Uint8Array.from({ length: 32 }, (_, kind) =>
  kind > 0 && kind < BTF_KINDS.length ? 3 + BTF_KINDS[kind]!.fixed : 0,
);
const EACH = Uint8Array.from(BTF_KINDS, (row) => row.each);
const KIND_INT = BTF_KIND_ID.int;
const KIND_ENUM = BTF_KIND_ID.enum;
const KIND_ENUM64 = BTF_KIND_ID.enum64;
const KIND_TYPEDEF = BTF_KIND_ID.typedef;
const KIND_CONST = BTF_KIND_ID.const;
const KIND_VOLATILE = BTF_KIND_ID.volatile;
const INT_SIGNED = 1;
const INT_CHAR = 2;
const INT_BOOL = 4;
/** So many names of a kind are looked for by going through all of them; then an index costs less. */
const SEARCHES = 4;
/** Longest chain of typedefs and qualifiers that is followed before it counts as a cycle (the kernel's limit is 32). */
const MAX_CHAIN = 64;

const HOST_LITTLE = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

/**
 * Open BTF bytes. `base` is the BTF that a split one (a kernel module's) continues.
 * Throws BpfError BTF for a file that is not one, with the byte offset; a broken reference inside a type is reported when that type is asked for.
 */
export function readBtf(bytes: Uint8Array, base?: Btf): Btf {
  return new BtfFile(bytes, base === undefined || base instanceof BtfFile ? base : new BtfFile(base.bytes, undefined));
}

/** The text at an offset of a BTF's string section (what .BTF.ext refers to). Throws BpfError for an offset outside. */
export function btfString(btf: Btf, offset: number): string {
  return (btf instanceof BtfFile ? btf : new BtfFile(btf.bytes, undefined)).string(offset);
}

/** All types of this name and kind, in order of their ids: names are not unique in a kernel's BTF. Cheap, nothing is decoded. */
export function findAllTypes(btf: Btf, name: string, kind: BtfKind): number[] {
  return (btf instanceof BtfFile ? btf : new BtfFile(btf.bytes, undefined)).findAll(name, kind);
}

/**
 * The same types with these functions static, as libbpf makes those that are hidden in an object: the verifier then looks at them where they are called,
 * not once for all arguments.
 */
export function withStaticFunctions(btf: Btf, names: ReadonlySet<string>): Btf {
  if (names.size === 0) return btf;
  return (btf instanceof BtfFile ? btf : new BtfFile(btf.bytes, undefined)).withStatic(names);
}

function bad(what: string, offset: number): BpfError {
  return new BpfError('BTF', `malformed BTF: ${what} (at byte ${offset})`);
}

/**
 * Names by hash: open addressing over slots that hold 1 + the word where a record with that name starts (0: empty). Nothing else is
 * kept, since what costs in a process that asks for twenty names is memory touched for the first time.
 */
type NameIndex = Uint32Array;

class BtfFile implements Btf {
  readonly bytes: Uint8Array;
  readonly typeCount: number;
  readonly #base: BtfFile | undefined;
  readonly #firstId: number;
  /** The type section as words of this machine's byte order. */
  readonly #words: Uint32Array;
  /** Byte offset of the type section, for messages. */
  readonly #typeOffset: number;
  /** Word index of each own type. */
  readonly #starts: Uint32Array;
  readonly #strings: Uint8Array;
  readonly #firstString: number;
  readonly #decoded: (BtfType | undefined)[] = [];
  readonly #indexes: (NameIndex | undefined)[] = [];
  /** How often names of each kind were looked for without an index. */
  readonly #searches = new Uint8Array(BTF_KINDS.length);
  #enumerators: NameIndex | undefined;
  #enumeratorSearches = 0;

  constructor(bytes: Uint8Array, base: BtfFile | undefined) {
    // A Buffer of Node's is a Uint8Array whose slice() does not copy: take the plain view.
    this.bytes = bytes = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#base = base;
    this.#firstId = base ? base.typeCount : 1;
    this.#firstString = base ? base.#firstString + base.#strings.length : 0;
    if (bytes.length < BTF_HEADER_SIZE)
      throw bad(`${bytes.length} bytes are too few for a header of ${BTF_HEADER_SIZE}`, 0);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const little = view.getUint16(0, true) === BTF_MAGIC;
    if (!little && view.getUint16(0, false) !== BTF_MAGIC) throw bad('no magic number 0xeb9f', 0);
    if (bytes[2] !== 1) throw bad(`version ${bytes[2]}, only 1 is known`, 2);
    const headerSize = view.getUint32(4, little);
    if (headerSize < BTF_HEADER_SIZE || headerSize > bytes.length) throw bad(`header size ${headerSize}`, 4);
    const section = (at: number, name: string): { start: number; size: number } => {
      const start = headerSize + view.getUint32(at, little);
      const size = view.getUint32(at + 4, little);
      if (start + size > bytes.length)
        throw bad(`${name} section ends at ${start + size}, the file at ${bytes.length}`, at);
      return { start, size };
    };
    const types = section(8, 'type');
    const strings = section(16, 'string');
    if (types.size % 4 !== 0) throw bad(`type section of ${types.size} bytes is not whole words`, 12);
    this.#typeOffset = types.start;
    this.#strings = bytes.subarray(strings.start, strings.start + strings.size);
    if (strings.size > 0 && this.#strings[strings.size - 1] !== 0)
      throw bad('string section does not end with NUL', strings.start + strings.size - 1);
    if (!base && strings.size > 0 && this.#strings[0] !== 0)
      throw bad('string section does not start with the empty string', strings.start);
    this.#words = wordsOf(bytes, types.start, types.size, little !== HOST_LITTLE);
    this.#starts = this.#scan();
    this.typeCount = this.#firstId + this.#starts.length;
  }

  /** Where each type starts. As little as possible is done for each: in a short process this loop runs before V8 has made it fast. */
  #scan(): Uint32Array {
    const words = this.#words;
    const end = words.length;
    const starts = new Uint32Array(Math.floor(end / 3));
    let count = 0;
    let at = 0;
    while (at < end) {
      const info = words[at + 1]!;
      const kind = (info >>> 24) & 31;
      const size = RECORD[kind]!;
      if (size === 0) break;
      starts[count++] = at;
      at += size + EACH[kind]! * (info & 0xffff);
    }
    if (at !== end) throw this.#cutOff(at < end ? at : starts[--count]!, count);
    return starts.subarray(0, count);
  }

  withStatic(names: ReadonlySet<string>): BtfFile {
    const bytes = this.bytes.slice();
    const view = new DataView(bytes.buffer);
    const little = bytes[0] === (BTF_MAGIC & 0xff);
    for (const name of names) {
      for (const id of this.findAll(name, 'func')) {
        const info = this.#typeOffset + 4 * (this.#starts[id - this.#firstId]! + 1);
        // The low half is the linkage, BTF_FUNC_STATIC is 0.
        view.setUint32(info, view.getUint32(info, little) & ~0xffff, little);
      }
    }
    return new BtfFile(bytes, this.#base);
  }

  /** What is wrong with the record at a word, where the scan stopped after `count` good ones. */
  #cutOff(at: number, count: number): BpfError {
    const offset = this.#typeOffset + at * 4;
    if (at + 3 > this.#words.length) return bad('the last type is cut off', offset);
    const kind = (this.#words[at + 1]! >>> 24) & 31;
    const type = `type ${this.#firstId + count}`;
    if (RECORD[kind] === 0) return bad(`${type} has the unknown kind ${kind}`, offset);
    return bad(`${type} (${BTF_KINDS[kind]!.kind}) runs past the type section`, offset);
  }

  /** The text at an offset of the string section (of the base's, for low offsets of a split BTF). */
  string(offset: number): string {
    if (offset === 0) return '';
    if (offset < this.#firstString) return this.#base!.string(offset);
    const bytes = this.#strings;
    const start = this.#stringStart(offset);
    let text = '';
    for (let i = start; ; i++) {
      const c = bytes[i]!;
      if (c === 0) return text;
      if (c >= 0x80) return utf8Decode(bytes.subarray(start, bytes.indexOf(0, start)));
      text += String.fromCharCode(c);
    }
  }

  type(id: number): BtfType {
    if (id === 0) return VOID;
    if (id < this.#firstId && this.#base) return this.#base.type(id);
    if (!Number.isInteger(id) || id < 0 || id >= this.typeCount) {
      throw new RangeError(`BTF has no type ${id}: ids run from 0 to ${this.typeCount - 1}`);
    }
    const index = id - this.#firstId;
    return (this.#decoded[index] ??= this.#decode(id, this.#starts[index]!));
  }

  #decode(id: number, at: number): BtfType {
    const words = this.#words;
    const info = words[at + 1]!;
    const third = words[at + 2]!;
    const flag = info >>> 31 !== 0;
    const kind = BTF_KINDS[(info >>> 24) & 31]!.kind;
    const name = this.string(words[at]!);
    switch (kind) {
      case 'int': {
        const data = words[at + 3]!;
        const encoding = (data >>> 24) & 15;
        return {
          kind,
          id,
          name,
          size: third,
          signed: (encoding & INT_SIGNED) !== 0,
          char: (encoding & INT_CHAR) !== 0,
          bool: (encoding & INT_BOOL) !== 0,
          bits: data & 0xff,
          offset: (data >>> 16) & 0xff,
        };
      }
      case 'ptr':
      case 'volatile':
      case 'const':
      case 'restrict':
        return { kind, id, name: '', type: this.#ref(third, at + 2) };
      case 'typedef':
      case 'type_tag':
        return { kind, id, name, type: this.#ref(third, at + 2) };
      case 'array':
        return {
          kind,
          id,
          name: '',
          type: this.#ref(words[at + 3]!, at + 3),
          indexType: this.#ref(words[at + 4]!, at + 4),
          count: words[at + 5]!,
        };
      case 'struct':
      case 'union':
        return { kind, id, name, size: third, members: this.#members(at, info & 0xffff, flag) };
      case 'enum':
      case 'enum64':
        return {
          kind,
          id,
          name,
          size: third,
          signed: flag,
          values: this.#values(at, info & 0xffff, flag, kind === 'enum64'),
        };
      case 'fwd':
        return { kind, id, name, union: flag };
      case 'func':
        return { kind, id, name, type: this.#ref(third, at + 2), linkage: this.#linkage(info & 0xffff, at) };
      case 'func_proto': {
        const params: BtfParam[] = [];
        for (let i = 0, p = at + 3; i < (info & 0xffff); i++, p += 2)
          params.push({ name: this.string(words[p]!), type: this.#ref(words[p + 1]!, p + 1) });
        return { kind, id, name: '', ret: this.#ref(third, at + 2), params };
      }
      case 'var':
        return { kind, id, name, type: this.#ref(third, at + 2), linkage: this.#linkage(words[at + 3]!, at + 3) };
      case 'datasec': {
        const vars: { type: number; offset: number; size: number }[] = [];
        for (let i = 0, p = at + 3; i < (info & 0xffff); i++, p += 3)
          vars.push({ type: this.#ref(words[p]!, p), offset: words[p + 1]!, size: words[p + 2]! });
        return { kind, id, name, size: third, vars };
      }
      case 'float':
        return { kind, id, name, size: third };
      case 'decl_tag':
        return { kind, id, name, type: this.#ref(third, at + 2), component: words[at + 3]! | 0 };
      case 'void':
        return VOID;
    }
  }

  /** A type reference, checked. `at` is the word it stands in. */
  #ref(id: number, at: number): number {
    if (id >= this.typeCount)
      throw bad(`a type refers to type ${id}, the last one is ${this.typeCount - 1}`, this.#typeOffset + at * 4);
    return id;
  }

  #linkage(number: number, at: number): (typeof BTF_LINKAGE)[number] {
    const linkage = BTF_LINKAGE[number];
    if (linkage === undefined) throw bad(`linkage ${number}`, this.#typeOffset + at * 4);
    return linkage;
  }

  #members(at: number, count: number, flag: boolean): BtfMember[] {
    const words = this.#words;
    const members: BtfMember[] = [];
    for (let i = 0, p = at + 3; i < count; i++, p += 3) {
      const name = this.string(words[p]!);
      const type = this.#ref(words[p + 1]!, p + 1);
      const offset = words[p + 2]!;
      if (flag) members.push({ name, type, bitOffset: offset & 0xffffff, bitSize: offset >>> 24 });
      else
        members.push(
          this.#isNarrow(type) ? this.#oldMember(name, type, offset) : { name, type, bitOffset: offset, bitSize: 0 },
        );
    }
    return members;
  }

  /** Is a type an int narrower than its bytes, under whatever names: the old way to write a bitfield (before Linux 5.0)? */
  #isNarrow(id: number): boolean {
    for (let i = 0; i < MAX_CHAIN && id !== 0; i++) {
      let file: BtfFile = this;
      while (id < file.#firstId) file = file.#base!;
      const at = file.#starts[id - file.#firstId]!;
      const kind = (file.#words[at + 1]! >>> 24) & 31;
      if (kind === KIND_INT) return (file.#words[at + 3]! & 0xff) !== file.#words[at + 2]! * 8;
      if (kind !== KIND_TYPEDEF && kind !== KIND_CONST && kind !== KIND_VOLATILE) return false;
      id = this.#ref(file.#words[at + 2]!, at + 2);
    }
    return false;
  }

  /** A member as written before kind_flag: a bitfield's width and shift are those of its int type. */
  #oldMember(name: string, type: number, bitOffset: number): BtfMember {
    let t = this.type(type);
    for (let i = 0; i < MAX_CHAIN && (t.kind === 'typedef' || t.kind === 'const' || t.kind === 'volatile'); i++)
      t = this.type(t.type);
    if (t.kind !== 'int' || t.bits === t.size * 8) return { name, type, bitOffset, bitSize: 0 };
    return { name, type, bitOffset: bitOffset + t.offset, bitSize: t.bits };
  }

  #values(at: number, count: number, signed: boolean, wide: boolean): BtfEnumerator[] {
    const values: BtfEnumerator[] = [];
    const step = wide ? 3 : 2;
    for (let i = 0, p = at + 3; i < count; i++, p += step)
      values.push({ name: this.string(this.#words[p]!), value: this.#value(p, signed, wide) });
    return values;
  }

  #value(at: number, signed: boolean, wide: boolean): bigint {
    const low = this.#words[at + 1]!;
    if (!wide) return BigInt(signed ? low | 0 : low);
    const value = (BigInt(this.#words[at + 2]!) << 32n) | BigInt(low);
    return signed ? BigInt.asIntN(64, value) : value;
  }

  find(name: string, kind: BtfKind): number | undefined {
    return name === '' ? undefined : this.#find(utf8Encode(name), kind);
  }

  findAll(name: string, kind: BtfKind): number[] {
    const ids = this.#base ? this.#base.findAll(name, kind) : [];
    const bytes = utf8Encode(name);
    const kindId = BTF_KIND_ID[kind];
    for (let i = this.#search(kindId, bytes, 0); i >= 0; i = this.#search(kindId, bytes, i + 1))
      ids.push(this.#firstId + i);
    return ids;
  }

  #find(name: Uint8Array, kind: BtfKind): number | undefined {
    const inBase = this.#base ? this.#base.#find(name, kind) : undefined;
    if (inBase !== undefined) return inBase;
    const kindId = BTF_KIND_ID[kind];
    let index = this.#indexes[kindId];
    if (!index) {
      if (this.#searches[kindId]!++ < SEARCHES) {
        const found = this.#search(kindId, name, 0);
        return found < 0 ? undefined : this.#firstId + found;
      }
      index = this.#indexes[kindId] = this.#indexKind(kindId);
    }
    const at = this.#lookup(index, name);
    return at === undefined ? undefined : this.#firstId + this.#typeAt(at);
  }

  /** Index of the first own type of a kind and name, from the one at `from` on; -1 if there is none. */
  #search(kindId: number, name: Uint8Array, from: number): number {
    const { length } = this.#starts;
    for (let i = from; ; i++) {
      i = candidate(this.#words, this.#starts, this.#strings, this.#firstString, kindId, name[0]!, name.length, i);
      if (i === length) return -1;
      if (this.#nameIs(this.#words[this.#starts[i]!]!, name)) return i;
    }
  }

  /** Word where the record of this name starts. */
  #lookup(index: NameIndex, name: Uint8Array): number | undefined {
    const mask = index.length - 1;
    for (let slot = hashBytes(name, 0) & mask; index[slot] !== 0; slot = (slot + 1) & mask) {
      const at = index[slot]! - 1;
      if (this.#nameIs(this.#words[at]!, name)) return at;
    }
    return undefined;
  }

  /** Index among own types of the one whose record holds a word. */
  #typeAt(at: number): number {
    let low = 0;
    for (let high = this.#starts.length - 1; low < high; ) {
      const middle = (low + high + 1) >> 1;
      if (this.#starts[middle]! <= at) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  #indexKind(kindId: number): NameIndex {
    const words = this.#words;
    const starts = this.#starts;
    const named: number[] = [];
    for (let i = 0; i < starts.length; i++) {
      const at = starts[i]!;
      if (((words[at + 1]! >>> 24) & 31) === kindId && words[at] !== 0) named.push(at);
    }
    const index = emptyIndex(named.length);
    for (const at of named) this.#insert(index, at);
    return index;
  }

  /** Enter the record at a word under its name, unless an earlier one has that name. */
  #insert(index: NameIndex, at: number): void {
    const words = this.#words;
    const mask = index.length - 1;
    const name = words[at]!;
    const owner = this.#owner(name);
    const strings = owner.#strings;
    const start = owner.#stringStart(name);
    let slot = hashBytes(strings, start) & mask;
    for (let entry = index[slot]!; entry !== 0; entry = index[slot]!) {
      const other = words[entry - 1]!;
      if (other === name || (other >= owner.#firstString && sameText(strings, other - owner.#firstString, start)))
        return;
      slot = (slot + 1) & mask;
    }
    index[slot] = at + 1;
  }

  findEnumerator(name: string): { value: bigint; enumId: number } | undefined {
    return name === '' ? undefined : this.#findEnumerator(utf8Encode(name));
  }

  #findEnumerator(name: Uint8Array): { value: bigint; enumId: number } | undefined {
    const inBase = this.#base ? this.#base.#findEnumerator(name) : undefined;
    if (inBase) return inBase;
    let at: number | undefined;
    if (!this.#enumerators && this.#enumeratorSearches++ < SEARCHES) at = this.#searchEnumerator(name);
    else at = this.#lookup((this.#enumerators ??= this.#indexEnumerators()), name);
    if (at === undefined) return undefined;
    const type = this.#typeAt(at);
    const info = this.#words[this.#starts[type]! + 1]!;
    return {
      value: this.#value(at, info >>> 31 !== 0, ((info >>> 24) & 31) === BTF_KIND_ID.enum64),
      enumId: this.#firstId + type,
    };
  }

  /** Word where the first own enumerator of a name starts. */
  #searchEnumerator(name: Uint8Array): number | undefined {
    const words = this.#words;
    const starts = this.#starts;
    const strings = this.#strings;
    const [firstString, first, end] = [this.#firstString, name[0], name.length];
    for (let i = 0; i < starts.length; i++) {
      const at = starts[i]!;
      const info = words[at + 1]!;
      const kind = (info >>> 24) & 31;
      if (kind !== KIND_ENUM && kind !== KIND_ENUM64) continue;
      const step = EACH[kind]!;
      for (let k = info & 0xffff, p = at + 3; k > 0; k--, p += step) {
        const start = words[p]! - firstString;
        if (start >= 0 && (strings[start] !== first || strings[start + end] !== 0)) continue;
        if (this.#nameIs(words[p]!, name)) return p;
      }
    }
    return undefined;
  }

  #indexEnumerators(): NameIndex {
    const words = this.#words;
    const starts = this.#starts;
    let total = 0;
    for (let i = 0; i < starts.length; i++) {
      const info = words[starts[i]! + 1]!;
      const kind = (info >>> 24) & 31;
      if (kind === KIND_ENUM || kind === KIND_ENUM64) total += info & 0xffff;
    }
    const index = emptyIndex(total);
    for (let i = 0; i < starts.length; i++) {
      const at = starts[i]!;
      const info = words[at + 1]!;
      const kind = (info >>> 24) & 31;
      if (kind !== KIND_ENUM && kind !== KIND_ENUM64) continue;
      const step = EACH[kind]!;
      for (let k = info & 0xffff, p = at + 3; k > 0; k--, p += step) if (words[p] !== 0) this.#insert(index, p);
    }
    return index;
  }

  *names(kind: BtfKind): Iterable<string> {
    if (this.#base) yield* this.#base.names(kind);
    const kindId = BTF_KIND_ID[kind];
    for (const at of this.#starts) {
      if (((this.#words[at + 1]! >>> 24) & 31) === kindId && this.#words[at] !== 0) yield this.string(this.#words[at]!);
    }
  }

  /** The file of the chain of bases whose string section holds an offset. */
  #owner(offset: number): BtfFile {
    let file: BtfFile = this;
    while (offset < file.#firstString) file = file.#base!;
    return file;
  }

  #stringStart(offset: number): number {
    const start = offset - this.#firstString;
    if (start >= this.#strings.length)
      throw bad(`string offset ${offset} is outside of the string section`, this.#typeOffset);
    return start;
  }

  /** Is the name at `offset` these bytes? */
  #nameIs(offset: number, name: Uint8Array): boolean {
    const owner = this.#owner(offset);
    const strings = owner.#strings;
    const start = owner.#stringStart(offset);
    for (let i = 0; i < name.length; i++) if (strings[start + i] !== name[i]) return false;
    return strings[start + name.length] === 0;
  }
}

const VOID: BtfType = { kind: 'void', id: 0, name: '' };

/**
 * Index from `i` on of the next record of a kind whose name may be one of this length and first byte (nearly all others differ in one of them;
 * names in the base's strings are not looked at), or the number of records. A function of its own, small, so that V8 makes it fast soon.
 */
function candidate(
  words: Uint32Array,
  starts: Uint32Array,
  strings: Uint8Array,
  firstString: number,
  kindId: number,
  first: number,
  length: number,
  i: number,
): number {
  const count = starts.length;
  for (; i < count; i++) {
    const at = starts[i]!;
    if (((words[at + 1]! >>> 24) & 31) !== kindId) continue;
    const start = words[at]! - firstString;
    if (start < 0 || (strings[start] === first && strings[start + length] === 0)) break;
  }
  return i;
}

/** An index with room for `entries` names, filled to three quarters at most. */
function emptyIndex(entries: number): NameIndex {
  let size = 4;
  while (size * 3 < entries * 4) size *= 2;
  return new Uint32Array(size);
}

function sameText(bytes: Uint8Array, a: number, b: number): boolean {
  while (bytes[a] === bytes[b] && bytes[a] !== 0) {
    a++;
    b++;
  }
  return bytes[a] === bytes[b];
}

/** FNV-1a of the bytes up to NUL or the end, its bits mixed so that the low ones can be a table index. */
function hashBytes(bytes: Uint8Array, start: number): number {
  let hash = 0x811c9dc5;
  for (let i = start; i < bytes.length && bytes[i] !== 0; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193);
  return hash ^ (hash >>> 15);
}

/** A run of 32-bit words in this machine's byte order: a view where that is possible, else a copy. */
function wordsOf(bytes: Uint8Array, start: number, size: number, swap: boolean): Uint32Array {
  if (!swap && (bytes.byteOffset + start) % 4 === 0)
    return new Uint32Array(bytes.buffer, bytes.byteOffset + start, size / 4);
  const copy = bytes.slice(start, start + size);
  if (swap) {
    for (let i = 0; i < size; i += 4) {
      const [a, b] = [copy[i]!, copy[i + 1]!];
      copy[i] = copy[i + 3]!;
      copy[i + 1] = copy[i + 2]!;
      copy[i + 2] = b;
      copy[i + 3] = a;
    }
  }
  return new Uint32Array(copy.buffer, copy.byteOffset, size / 4);
}
