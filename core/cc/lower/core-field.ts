/**
 * Fields of kernel structs whose offsets a loader may change (CO-RE, on request): which struct, which members. What reads them is a pointer that
 * is not the context (the verifier wants its offsets constant). https://docs.ebpf.io/concepts/core/
 */
import type { Inst } from '../../ir/ir.ts';
import type { RecordDecl } from '../ctype.ts';
import type { Expr } from '../tree.ts';
import type { Lowering } from './lowering.ts';
import type { Place } from './place.ts';
import { isForeign } from './provenance.ts';

/** A member of a struct that `start` + `off` points to. */
export interface CoreField {
  readonly start: Inst;
  readonly off: number;
  readonly root: RecordDecl;
  /** Indices of members, one inside the other. */
  readonly path: readonly number[];
  /** From the start of the struct, by the program's own declaration of it. */
  readonly bytes: number;
}

/** What fields are named by in the IR. */
export class CoreFields {
  readonly #keys = new Map<string, { readonly root: RecordDecl; readonly access: string }>();
  readonly #numbers = new Map<RecordDecl, number>();

  /** The struct and the access path (`0:1:2`) of a key. */
  get(key: string): { readonly root: RecordDecl; readonly access: string } | undefined {
    return this.#keys.get(key);
  }

  key(field: CoreField): string {
    let number = this.#numbers.get(field.root);
    if (number === undefined) this.#numbers.set(field.root, (number = this.#numbers.size));
    const access = [0, ...field.path].join(':');
    const key = `${field.root.name}#${number} ${access}`;
    this.#keys.set(key, { root: field.root, access });
    return key;
  }
}

/** The field that a member access names, when its offset is for the loader to say; `base` is the place of the struct. */
export function coreField(f: Lowering, e: Extract<Expr, { kind: 'member' }>, base: Place): CoreField | undefined {
  const record = e.base.type.kind === 'record' ? e.base.type.decl : undefined;
  if (!f.cx.target.core || !record || base.packet || !(isForeign(base.space) || base.space === 'btf')) return undefined;
  const inner = e.place.field.name === undefined ? undefined : memberPath(record, e.place.field.name);
  if (!inner) return undefined;
  // A struct without a name is found through the one around it.
  const outer = record.name === undefined ? base.field : undefined;
  if (outer) return { ...outer, path: [...outer.path, ...inner.path], bytes: outer.bytes + inner.bytes };
  const kernels = record.btfId !== undefined || record.relocated !== undefined;
  if (record.name === undefined || !kernels) return undefined;
  return { start: base.base, off: base.off, root: record, ...inner };
}

/** Indices that lead to a member by name, through members without one. */
function memberPath(record: RecordDecl, name: string): { path: number[]; bytes: number } | undefined {
  for (const [i, field] of record.fields.entries()) {
    const bytes = field.bitOffset / 8;
    if (field.name === name) return { path: [i], bytes };
    if (field.name !== undefined && field.name !== '') continue;
    const inside = field.type.kind === 'record' ? memberPath(field.type.decl, name) : undefined;
    if (inside) return { path: [i, ...inside.path], bytes: bytes + inside.bytes };
  }
  return undefined;
}
