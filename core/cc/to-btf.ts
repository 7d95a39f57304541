/** C types into the object's own BTF: keys and values of maps, event structs, functions. Kernel types are copied, structs behind pointers cut. */
import type { Btf } from '../btf/btf.ts';
import { BtfBuilder } from '../btf/write.ts';
import type { CType, FuncType, IntType, RecordDecl } from './ctype.ts';

export class BtfWriter {
  readonly builder = new BtfBuilder();
  readonly #kernel: Btf | undefined;
  readonly #records = new Map<RecordDecl, number>();
  readonly #pending: { decl: RecordDecl; id: number }[] = [];
  #draining = false;

  constructor(kernel: Btf | undefined) {
    this.#kernel = kernel;
  }

  /** Id of a type. */
  type(t: CType): number {
    const id = this.#type(t, false);
    this.#drain();
    return id;
  }

  func(name: string, type: FuncType, isStatic: boolean): number {
    const params = type.params.map((p, i) => ({ name: p.name ?? `arg${i}`, type: this.#type(p.type, true) }));
    const proto = this.builder.funcProto(this.#type(type.ret, true), params);
    this.#drain();
    return this.builder.func(name, proto, isStatic ? 'static' : 'global');
  }

  #type(t: CType, behind: boolean): number {
    const bare = this.#bare(t, behind);
    let id = t.alias === undefined ? bare : this.builder.typedef(t.alias, bare);
    if (t.volatile) id = this.builder.qualified('volatile', id);
    if (t.const) id = this.builder.qualified('const', id);
    return id;
  }

  #bare(t: CType, behind: boolean): number {
    const b = this.builder;
    switch (t.kind) {
      case 'int':
        return this.#int(t);
      case 'enum':
        return b.enumeration(t.decl.name ?? '', t.decl.values, {
          size: t.decl.underlying.size,
          signed: t.decl.underlying.signed,
        });
      case 'ptr':
        return b.ptr(this.#type(t.to, true));
      case 'array':
        return b.array(this.#type(t.of, behind), t.count ?? 0);
      case 'record':
        return this.#record(t.decl, behind);
      case 'func': {
        const params = t.params.map((p) => ({ name: p.name ?? '', type: this.#type(p.type, true) }));
        return b.funcProto(this.#type(t.ret, true), t.variadic ? [...params, { name: '', type: 0 }] : params);
      }
      case 'float':
        return b.float(t.name, t.size);
      default:
        return 0;
    }
  }

  #int(t: IntType): number {
    const name =
      ({ 'unsigned __int128': 'unsigned __int128', _Bool: '_Bool' } as Record<string, string>)[t.name] ?? t.name;
    return this.builder.int(name, t.size, { signed: t.signed, bool: t.name === '_Bool' });
  }

  #record(decl: RecordDecl, behind: boolean): number {
    const b = this.builder;
    if (decl.btfId !== undefined && this.#kernel) {
      if (behind && decl.name !== undefined) return b.fwd(decl.name, decl.tag === 'union');
      return b.copy(decl.btf ?? this.#kernel, decl.btfId);
    }
    const known = this.#records.get(decl);
    if (known !== undefined) return known;
    if (!decl.complete) return b.fwd(decl.name ?? '', decl.tag === 'union');
    const id = b.declare(decl.tag, decl.name ?? '');
    this.#records.set(decl, id);
    // Members wait in a list: a chain of structs must not nest calls.
    this.#pending.push({ decl, id });
    return id;
  }

  #drain(): void {
    if (this.#draining) return;
    this.#draining = true;
    for (let next = this.#pending.pop(); next; next = this.#pending.pop()) {
      const { decl, id } = next;
      const members = decl.fields.map((f) => ({
        name: f.name ?? '',
        type: this.#type(f.type, false),
        bitOffset: f.bitOffset,
        bitSize: f.bitWidth ?? 0,
      }));
      this.builder.complete(id, decl.size, members);
    }
    this.#draining = false;
  }
}
