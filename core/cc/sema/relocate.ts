/**
 * CO-RE at compile time. A program may declare its own idea of a kernel's struct (only some members, other offsets, a name with a flavour
 * such as `task_struct___old`) and mean the kernel's: `preserve_access_index`. libbpf moves each access when it loads the program; here the
 * kernel's BTF is at hand, so members get their places at once. https://docs.ebpf.io/concepts/core/, libbpf's relo_core.c
 */
import { essentialName } from '../../elf/core-match.ts';
import type { Context } from '../context.ts';
import { type CType, type FieldPlace, isInteger, pointerTo, type RecordDecl } from '../ctype.ts';
import type { Expr } from '../tree.ts';
import type { Place } from './make.ts';

/** The kernel's struct that a program's own declaration stands for, by name. */
export function kernelRecord(cx: Context, decl: RecordDecl): RecordDecl | undefined {
  if (decl.btfId !== undefined) return decl;
  return decl.name === undefined ? undefined : cx.kernel?.record(decl.tag, essentialName(decl.name));
}

/** Mark a struct as declared with `preserve_access_index`. Without a kernel's BTF it stays as written. */
export function relocateRecord(cx: Context, decl: RecordDecl): void {
  if (cx.kernel && decl.name !== undefined && decl.btfId === undefined) decl.relocated = { to: kernelRecord(cx, decl) };
}

/**
 * Where a member really is: its place in the kernel's struct, or undefined where this kernel has none. Members of structs that are not
 * relocated stay where they are.
 */
export function memberPlace(cx: Context, decl: RecordDecl, found: FieldPlace, name: string): FieldPlace | undefined {
  let to = decl.relocated?.to;
  if (!decl.relocated) {
    // Inside BPF_CORE_READ and its kin every access is relocated; a struct that no kernel has is the program's own.
    to = cx.relocating && decl.btfId === undefined ? kernelRecord(cx, decl) : undefined;
    if (!to && !(cx.relocating && decl.name !== undefined && essentialName(decl.name) !== decl.name)) return found;
  }
  const there = to?.find(name);
  if (!there) return undefined;
  const own = found.field.type;
  const kernels = there.field.type;
  // A struct inside, declared in place: its members are those of the kernel's.
  if (own.kind === 'record' && own.decl.name === undefined && kernels.kind === 'record')
    own.decl.relocated ??= { to: kernels.decl };
  return { field: { ...there.field, type: loadedType(own, kernels) }, bitOffset: there.bitOffset };
}

/** Integers are read in the kernel's size; all else is what the program says it is. */
function loadedType(own: CType, kernels: CType): CType {
  if (isInteger(own) && isInteger(kernels)) return kernels;
  if (own.kind === 'array' && kernels.kind === 'array' && isInteger(own.of) && isInteger(kernels.of)) return kernels;
  return own;
}

/** What this kernel cannot give an address of, as one. */
export function unresolvedAddress(type: CType, place: Place): Expr {
  return { kind: 'builtin', what: 'unresolved', args: [], type: pointerTo(type), ...place, depth: 1 };
}

/** A member that this kernel does not have, as an object. */
export function unresolved(type: CType, place: Place): Expr {
  return { kind: 'deref', operand: unresolvedAddress(type, place), type, ...place, depth: 2 };
}

/** Does an access go through something unresolved? */
export function isUnresolved(e: Expr): boolean {
  switch (e.kind) {
    case 'builtin':
      return e.what === 'unresolved';
    case 'member':
      return isUnresolved(e.base);
    case 'deref':
    case 'decay':
    case 'cast':
    case 'addr':
      return isUnresolved(e.operand);
    case 'ptradd':
      return isUnresolved(e.pointer);
    default:
      return false;
  }
}
