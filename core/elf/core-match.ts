/**
 * CO-RE: which types of the kernel's BTF a program's type can mean, and where in one of them a program's field is. The rules
 * are libbpf's (Documentation/bpf/libbpf/libbpf_overview.rst; tools/lib/bpf/relo_core.c describes them in comments):
 * names are compared without a `___flavour` suffix, fields are found by name also in anonymous members, and types of
 * fields must be compatible in kind.
 */
import { BpfError } from '../base/errors.ts';
import type { Btf, BtfMember, BtfType } from '../btf/btf.ts';
import { type Composite, type ResolvedType, resolve, sizeOf } from '../btf/layout.ts';
import { findAllTypes } from '../btf/read.ts';

/** Longest chain of nested types that is compared. */
const MAX_DEPTH = 32;

/** One step of an access: a member by name, or an index of an array (the first step: of the pointer). */
interface Step {
  readonly name: string | undefined;
  readonly index: number;
  /** The composite or array that the step is taken in. */
  readonly type: number;
}

/** A field of a type: where it is, and the member it ended in (undefined for an array element or the whole). */
export interface FieldSpec {
  readonly btf: Btf;
  readonly steps: readonly Step[];
  readonly bitOffset: number;
  readonly member: BtfMember | undefined;
  /** Type that the path ends in. */
  readonly type: number;
}

/** A name without its flavour: `task_struct___v2` is `task_struct` (libbpf's bpf_core_essential_name_len). */
export function essentialName(name: string): string {
  return /^(.*[^_])___[^_].*$/.exec(name)?.[1] ?? name;
}

function isComposite(type: ResolvedType): type is Composite {
  return type.kind === 'struct' || type.kind === 'union';
}

function isEnum(type: BtfType): type is BtfType & { kind: 'enum' | 'enum64' } {
  return type.kind === 'enum' || type.kind === 'enum64';
}

/** The kernel's types that a program's type can mean: of its name and kind. */
export function candidates(kernel: Btf, local: Btf, localId: number): number[] {
  const type = local.type(localId);
  const name = essentialName(type.name);
  if (name === '')
    throw new BpfError('CORE', `type ${localId} has no name, so that it cannot be looked up in the kernel's BTF`);
  if (isEnum(type)) return [...findAllTypes(kernel, name, 'enum'), ...findAllTypes(kernel, name, 'enum64')];
  return findAllTypes(kernel, name, type.kind);
}

/** Follow an access path of numbers ('0:1:2') in the program's own BTF. */
export function localField(btf: Btf, typeId: number, access: string): FieldSpec {
  const path = access.split(':').map(Number);
  if (path.length === 0 || path.some((n) => !Number.isInteger(n) || n < 0))
    throw new BpfError('CORE', `access path '${access}' is not numbers`);
  const steps: Step[] = [{ name: undefined, index: path[0]!, type: typeId }];
  let bitOffset = path[0]! === 0 ? 0 : path[0]! * sizeOf(btf, typeId) * 8;
  let at = typeId;
  let member: BtfMember | undefined;
  for (const index of path.slice(1)) {
    const type = resolve(btf, at);
    if (isComposite(type)) {
      member = type.members[index];
      if (!member)
        throw new BpfError('CORE', `access path '${access}': ${type.kind} ${type.name} has no member ${index}`);
      bitOffset += member.bitOffset;
      // Anonymous members are passed through: the kernel's struct may group its fields otherwise.
      if (member.name !== '') steps.push({ name: member.name, index, type: type.id });
      at = member.type;
    } else if (type.kind === 'array') {
      if (index >= type.count && type.count > 0 && !isFlexible(btf, steps, type.id))
        throw new BpfError('CORE', `access path '${access}': element ${index} of an array of ${type.count}`);
      bitOffset += index * sizeOf(btf, type.type) * 8;
      steps.push({ name: undefined, index, type: type.id });
      member = undefined;
      at = type.type;
    } else {
      throw new BpfError('CORE', `access path '${access}' goes into a ${type.kind}`);
    }
  }
  return { btf, steps, bitOffset, member, type: at };
}

/** Is this array the last member of the struct that the step before is taken in, of 0 or 1 elements? */
function isFlexible(btf: Btf, steps: readonly Step[], arrayId: number): boolean {
  const array = btf.type(arrayId);
  const before = steps[steps.length - 1];
  if (array.kind !== 'array' || array.count > 1 || before?.name === undefined) return false;
  const parent = btf.type(before.type);
  return isComposite(parent as ResolvedType) && before.index === (parent as Composite).members.length - 1;
}

/** The same field in a candidate of the kernel, or undefined. */
export function matchField(local: FieldSpec, kernel: Btf, candidate: number): FieldSpec | undefined {
  const first = local.steps[0]!;
  const steps: Step[] = [{ name: undefined, index: first.index, type: candidate }];
  let bitOffset = first.index === 0 ? 0 : first.index * sizeOf(kernel, candidate) * 8;
  let at = candidate;
  let member: BtfMember | undefined;
  for (const step of local.steps.slice(1)) {
    if (step.name !== undefined) {
      const localType = (resolve(local.btf, step.type) as Composite).members[step.index]!.type;
      const found = matchMember(local.btf, localType, essentialName(step.name), kernel, at, 0);
      if (!found) return undefined;
      bitOffset += found.bitOffset;
      member = found.member;
      steps.push({ name: step.name, index: found.index, type: found.parent });
      at = found.member.type;
    } else {
      const type = resolve(kernel, at);
      if (type.kind !== 'array' || (step.index >= type.count && !isFlexible(kernel, steps, type.id))) return undefined;
      bitOffset += step.index * sizeOf(kernel, type.type) * 8;
      steps.push({ name: undefined, index: step.index, type: type.id });
      member = undefined;
      at = type.type;
    }
  }
  return { btf: kernel, steps, bitOffset, member, type: at };
}

interface FoundMember {
  readonly member: BtfMember;
  readonly bitOffset: number;
  readonly parent: number;
  readonly index: number;
}

function matchMember(
  local: Btf,
  localType: number,
  name: string,
  kernel: Btf,
  structId: number,
  depth: number,
): FoundMember | undefined {
  const struct = resolve(kernel, structId);
  if (!isComposite(struct) || depth > MAX_DEPTH) return undefined;
  for (const [index, member] of struct.members.entries()) {
    if (member.name === '') {
      const inner = matchMember(local, localType, name, kernel, member.type, depth + 1);
      if (inner) return { ...inner, bitOffset: inner.bitOffset + member.bitOffset };
    } else if (essentialName(member.name) === name) {
      return fieldsCompatible(local, localType, kernel, member.type, 0)
        ? { member, bitOffset: member.bitOffset, parent: struct.id, index }
        : undefined;
    }
  }
  return undefined;
}

/** May a field of one type be read as the other? Integers, pointers and composites are compatible among themselves. */
function fieldsCompatible(local: Btf, localId: number, kernel: Btf, kernelId: number, depth: number): boolean {
  const a = resolve(local, localId);
  const b = resolve(kernel, kernelId);
  if (isComposite(a) && isComposite(b)) return true;
  if (isEnum(a) && isEnum(b)) return namesCompatible(a.name, b.name);
  if (a.kind !== b.kind || depth > MAX_DEPTH) return false;
  switch (a.kind) {
    case 'ptr':
    case 'float':
      return true;
    case 'fwd':
      return namesCompatible(a.name, b.name);
    case 'int':
      return a.offset === 0 && (b as typeof a).offset === 0;
    case 'array':
      return fieldsCompatible(local, a.type, kernel, (b as typeof a).type, depth + 1);
    default:
      return false;
  }
}

function namesCompatible(a: string, b: string): boolean {
  return a === '' || b === '' || essentialName(a) === essentialName(b);
}

/** For type_exists and the like: same shape of pointers, arrays and prototypes; names were compared at the top only. */
export function typesCompatible(local: Btf, localId: number, kernel: Btf, kernelId: number, depth = 0): boolean {
  const a = resolve(local, localId);
  const b = resolve(kernel, kernelId);
  if (depth > MAX_DEPTH) return false;
  if (isEnum(a) && isEnum(b)) return true;
  if (a.kind !== b.kind) return false;
  switch (a.kind) {
    case 'void':
    case 'struct':
    case 'union':
    case 'fwd':
    case 'float':
      return true;
    case 'int':
      return a.offset === 0 && (b as typeof a).offset === 0;
    case 'ptr':
    case 'array':
      return typesCompatible(local, a.type, kernel, (b as typeof a).type, depth + 1);
    case 'func_proto': {
      const proto = b as typeof a;
      return (
        a.params.length === proto.params.length &&
        typesCompatible(local, a.ret, kernel, proto.ret, depth + 1) &&
        a.params.every((p, i) => typesCompatible(local, p.type, kernel, proto.params[i]!.type, depth + 1))
      );
    }
    default:
      return false;
  }
}

/** For type_matches: every member and enumerator of the program's type is in the kernel's, with matching types and names. */
export function typesMatch(
  local: Btf,
  localId: number,
  kernel: Btf,
  kernelId: number,
  behindPointer = false,
  depth = 0,
): boolean {
  const a = resolve(local, localId);
  const b = resolve(kernel, kernelId);
  if (depth > MAX_DEPTH || essentialName(a.name) !== essentialName(b.name)) return false;
  const next = (x: number, y: number, pointer = behindPointer): boolean =>
    typesMatch(local, x, kernel, y, pointer, depth + 1);
  if (isEnum(a) && isEnum(b))
    return a.values.every((v) => b.values.some((w) => essentialName(w.name) === essentialName(v.name)));
  // Behind a pointer a declaration may stand for the struct.
  if (behindPointer && (a.kind === 'fwd' || b.kind === 'fwd'))
    return a.kind === 'fwd' ? b.kind === 'fwd' || isComposite(b) : isComposite(a);
  if (a.kind !== b.kind) return false;
  switch (a.kind) {
    case 'void':
    case 'fwd':
      return true;
    case 'int':
    case 'float':
      return a.size === (b as typeof a).size;
    case 'ptr':
      return next(a.type, (b as typeof a).type, true);
    case 'array':
      return a.count === (b as typeof a).count && next(a.type, (b as typeof a).type);
    case 'struct':
    case 'union':
      return (
        behindPointer ||
        a.members.every((m) =>
          (b as typeof a).members.some((n) => essentialName(n.name) === essentialName(m.name) && next(m.type, n.type)),
        )
      );
    case 'func_proto': {
      const proto = b as typeof a;
      return (
        a.params.length === proto.params.length &&
        next(a.ret, proto.ret) &&
        a.params.every((p, i) => next(p.type, proto.params[i]!.type))
      );
    }
    default:
      return false;
  }
}
