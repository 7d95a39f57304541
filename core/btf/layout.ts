/**
 * Where things lie: sizes, alignments, fields by path, through typedefs and anonymous members (x86-64 and BPF: pointers of
 * 8 bytes). BTF does not say alignments; they are found as libbpf's printer finds them, from members' types and offsets.
 */
import { BpfError, nearestNames } from '../base/errors.ts';
import type { Btf, BtfOf, BtfType } from './btf.ts';

export const POINTER_SIZE = 8;
/** Longest chain of typedefs, qualifiers, arrays or nested anonymous structs that is followed before it counts as a cycle. */
const MAX_DEPTH = 256;

/** A type without typedefs, qualifiers and tags. */
export type ResolvedType = Exclude<BtfType, { kind: 'typedef' | 'const' | 'volatile' | 'restrict' | 'type_tag' }>;
export type Composite = BtfOf<'struct' | 'union'>;

/** A field of a struct, at its place in the struct that was asked. */
export interface FieldAt {
  readonly name: string;
  readonly type: number;
  /** From the start of the struct that was asked, in bits. */
  readonly bitOffset: number;
  /** Width in bits of a bitfield, 0 for a plain field. */
  readonly bitSize: number;
}

function endless(btf: Btf, id: number): BpfError {
  return new BpfError('BTF', `type ${id} ('${btf.type(id).name}') never ends: its definition refers to itself`);
}

/**
 * The type behind typedefs, const, volatile, restrict and type tags. A forward declaration becomes the struct or union of that name
 * where the BTF has one.
 */
export function resolve(btf: Btf, id: number): ResolvedType {
  let type = btf.type(id);
  for (let depth = 0; depth < MAX_DEPTH; depth++) {
    switch (type.kind) {
      case 'typedef':
      case 'const':
      case 'volatile':
      case 'restrict':
      case 'type_tag':
        type = btf.type(type.type);
        break;
      case 'fwd': {
        const full = btf.find(type.name, type.union ? 'union' : 'struct');
        return full === undefined ? type : (btf.type(full) as Composite);
      }
      default:
        return type;
    }
  }
  throw endless(btf, id);
}

/** The struct or union that a type is, behind typedefs and qualifiers, or undefined. */
export function compositeOf(btf: Btf, id: number): Composite | undefined {
  const type = resolve(btf, id);
  return type.kind === 'struct' || type.kind === 'union' ? type : undefined;
}

/** What a pointer points to (an id), behind typedefs and qualifiers; undefined when it is no pointer. */
export function pointee(btf: Btf, id: number): number | undefined {
  const type = resolve(btf, id);
  return type.kind === 'ptr' ? type.type : undefined;
}

/** Bytes a value of the type takes. Throws BpfError for what has no size: void, functions, structs that are only declared. */
export function sizeOf(btf: Btf, id: number): number {
  let count = 1;
  let type = resolve(btf, id);
  for (let depth = 0; type.kind === 'array'; depth++) {
    if (depth > MAX_DEPTH) throw endless(btf, id);
    count *= type.count;
    type = resolve(btf, type.type);
  }
  switch (type.kind) {
    case 'ptr':
      return count * POINTER_SIZE;
    case 'int':
    case 'float':
    case 'enum':
    case 'enum64':
    case 'struct':
    case 'union':
    case 'datasec':
      return count * type.size;
    case 'var':
      return sizeOf(btf, type.type);
    case 'fwd':
      throw new BpfError(
        'BTF',
        `${type.union ? 'union' : 'struct'} ${type.name} is only declared in this BTF, its size is not known`,
      );
    default:
      throw new BpfError(
        'BTF',
        `a ${type.kind === 'void' ? 'void' : type.kind.replace('_', ' ')} has no size (type ${id})`,
      );
  }
}

const alignments = new WeakMap<Btf, Map<number, number>>();

/**
 * Alignment in bytes. A struct whose members or size do not fit their alignments is packed and has 1; an alignment that only an
 * attribute asked for cannot be seen in BTF.
 */
export function alignOf(btf: Btf, id: number): number {
  let known = alignments.get(btf);
  if (!known) alignments.set(btf, (known = new Map()));
  return alignment(btf, id, known, 0);
}

function alignment(btf: Btf, id: number, known: Map<number, number>, depth: number): number {
  if (depth > MAX_DEPTH) throw endless(btf, id);
  const type = resolve(btf, id);
  switch (type.kind) {
    case 'ptr':
      return POINTER_SIZE;
    case 'int':
    case 'float':
    case 'enum':
    case 'enum64':
      return Math.max(1, Math.min(16, 2 ** Math.floor(Math.log2(type.size))));
    case 'array':
      return alignment(btf, type.type, known, depth + 1);
    case 'var':
      return alignment(btf, type.type, known, depth + 1);
    case 'struct':
    case 'union': {
      const before = known.get(type.id);
      if (before !== undefined) return before;
      let largest = 1;
      let packed = false;
      for (const member of type.members) {
        const own = alignment(btf, member.type, known, depth + 1);
        if (member.bitSize === 0 && member.bitOffset % (own * 8) !== 0) packed = true;
        largest = Math.max(largest, own);
      }
      const result = packed || type.size % largest !== 0 ? 1 : largest;
      known.set(type.id, result);
      return result;
    }
    default:
      return 1;
  }
}

/**
 * All named fields of a struct or union in order; those of anonymous members stand in the place of their member, as C sees
 * them. Unnamed bitfields (padding) are left out. Nothing for a type that is no struct.
 */
export function* fields(btf: Btf, structId: number): Generator<FieldAt> {
  yield* fieldsAt(btf, structId, 0, 0);
}

function* fieldsAt(btf: Btf, structId: number, base: number, depth: number): Generator<FieldAt> {
  if (depth > MAX_DEPTH) throw endless(btf, structId);
  const struct = compositeOf(btf, structId);
  for (const member of struct?.members ?? []) {
    const bitOffset = base + member.bitOffset;
    if (member.name !== '') yield { name: member.name, type: member.type, bitOffset, bitSize: member.bitSize };
    else yield* fieldsAt(btf, member.type, bitOffset, depth + 1);
  }
}

/** One field by its name, also inside of anonymous members. */
export function findField(btf: Btf, structId: number, name: string): FieldAt | undefined {
  return findFieldAt(btf, structId, name, 0, 0);
}

function findFieldAt(btf: Btf, structId: number, name: string, base: number, depth: number): FieldAt | undefined {
  if (depth > MAX_DEPTH) throw endless(btf, structId);
  const struct = compositeOf(btf, structId);
  if (!struct) return undefined;
  for (const member of struct.members) {
    if (member.name === name && name !== '')
      return { name, type: member.type, bitOffset: base + member.bitOffset, bitSize: member.bitSize };
    if (member.name === '') {
      const inner = findFieldAt(btf, member.type, name, base + member.bitOffset, depth + 1);
      if (inner) return inner;
    }
  }
  return undefined;
}

/**
 * A field by a path such as `__sk_common.skc_daddr` or `comm[3]`, through structs, unions and arrays held by value. Offsets are from the
 * start of the struct. undefined when some step does not exist (`nearestFields` then helps).
 */
export function findMember(btf: Btf, structId: number, path: string): FieldAt | undefined {
  let at: FieldAt = { name: '', type: structId, bitOffset: 0, bitSize: 0 };
  for (const step of path.split('.')) {
    const parts = /^(\w+)((?:\[\d+\])*)$/.exec(step);
    if (!parts) return undefined;
    const field = findField(btf, at.type, parts[1]!);
    if (!field) return undefined;
    at = { ...field, bitOffset: at.bitOffset + field.bitOffset };
    for (const index of parts[2]!.matchAll(/\d+/g)) {
      const array = resolve(btf, at.type);
      if (array.kind !== 'array') return undefined;
      at = {
        name: at.name,
        type: array.type,
        bitOffset: at.bitOffset + Number(index[0]) * sizeOf(btf, array.type) * 8,
        bitSize: 0,
      };
    }
  }
  return at;
}

/** Field names of a struct nearest to one that it does not have, best first. */
export function nearestFields(btf: Btf, structId: number, name: string): string[] {
  return nearestNames(
    name,
    (function* () {
      for (const field of fields(btf, structId)) yield field.name;
    })(),
  );
}

/** Byte offset of a plain field by path. Throws BpfError, with the nearest names, when the struct or the field is not there. */
export function offsetOf(btf: Btf, struct: string, path: string): number {
  const id = btf.find(struct, 'struct') ?? btf.find(struct, 'union');
  if (id === undefined) {
    const near = nearestNames(struct, btf.names('struct'));
    throw new BpfError(
      'BTF',
      `no struct ${struct} in this BTF${near.length > 0 ? `; did you mean ${near.join(', ')}?` : ''}`,
    );
  }
  const field = findMember(btf, id, path);
  if (!field) {
    const near = nearestFields(btf, id, path.split('.')[0]!);
    throw new BpfError(
      'BTF',
      `struct ${struct} has no field '${path}'${near.length > 0 ? `; did you mean ${near.join(', ')}?` : ''}`,
    );
  }
  if (field.bitSize !== 0)
    throw new BpfError('BTF', `'${path}' of struct ${struct} is a bitfield and has no byte offset`);
  return field.bitOffset / 8;
}
