/**
 * Fields of a map value that only helpers may touch: spin locks, timers, kernel pointers. Which there are, the object's BTF
 * of the value type says (Linux: btf_parse_fields).
 */
import type { Btf, BtfType } from '../btf/btf.ts';
import type { Env } from './env.ts';
import type { UsedMap } from './program.ts';

/** A kernel pointer kept in a field. */
export interface KptrField {
  readonly kind: 'unref' | 'ref' | 'percpu';
  /** What it points to, in the kernel's BTF or (local) in the program's; 0 for something that is no struct (only declared, say). */
  readonly target: number;
  readonly local: boolean;
}

export interface SpecialField {
  readonly offset: number;
  readonly size: number;
  /** The kernel's name of the field's type. */
  readonly name: string;
  readonly kptr?: KptrField | undefined;
  /** Lists and trees: struct of the nodes in the program's BTF, and the node field's place in it. */
  readonly root?: { readonly nodeType: number; readonly nodeOffset: number } | undefined;
}

const SPECIAL: Record<string, number> = {
  bpf_spin_lock: 4,
  bpf_res_spin_lock: 4,
  bpf_timer: 16,
  bpf_wq: 16,
  bpf_task_work: 8,
  bpf_list_head: 16,
  bpf_list_node: 24,
  bpf_rb_root: 16,
  bpf_rb_node: 32,
  bpf_refcount: 4,
};

const cache = new WeakMap<UsedMap, readonly SpecialField[]>();
/** By the program's types and the kernel's, which tell what pointers point to. */
const structs = new WeakMap<Btf, WeakMap<object, Map<number, readonly SpecialField[]>>>();
const NO_KERNEL = {};
const NONE: readonly SpecialField[] = [];

export function specialFields(env: Env, map: UsedMap): readonly SpecialField[] {
  const btf = env.program.objectBtf;
  if (!btf || map.spec.valueType === 0) return NONE;
  let fields = cache.get(map);
  if (!fields) {
    fields = structFields(btf, env.kernelBtf, map.spec.valueType);
    cache.set(map, fields);
  }
  return fields;
}

/** Special fields of a type of the program's BTF. */
export function structFields(btf: Btf, kernel: Btf | undefined, id: number): readonly SpecialField[] {
  const byKernel = structs.get(btf) ?? new WeakMap();
  structs.set(btf, byKernel);
  const known: Map<number, readonly SpecialField[]> = byKernel.get(kernel ?? NO_KERNEL) ?? new Map();
  byKernel.set(kernel ?? NO_KERNEL, known);
  let fields = known.get(id);
  if (!fields) {
    const found: SpecialField[] = [];
    collect(btf, kernel, id, 0, found, 0, undefined);
    // What Linux cannot make sense of costs the type all its fields.
    fields = found.length > MAX_FIELDS || found.some((f) => f.kptr?.target === 0) ? NONE : found;
    known.set(id, fields);
  }
  return fields;
}

/** The value has a lock of some kind: its elements must be told apart. */
export function hasLock(fields: readonly SpecialField[]): boolean {
  return fields.some((f) => f.name === 'bpf_spin_lock' || f.name === 'bpf_res_spin_lock');
}

/** The special field of this name, if the value has one. */
export function specialField(env: Env, map: UsedMap, name: string): SpecialField | undefined {
  return specialFields(env, map).find((f) => f.name === name);
}

const KPTR_KINDS: Record<string, KptrField['kind']> = { kptr_untrusted: 'unref', kptr: 'ref', percpu_kptr: 'percpu' };

function collect(
  btf: Btf,
  kernel: Btf | undefined,
  id: number,
  base: number,
  out: SpecialField[],
  depth: number,
  contains: string | undefined,
): void {
  if (depth > 8 || id === 0 || id >= btf.typeCount) return;
  const t = btf.type(id);
  switch (t.kind) {
    case 'typedef':
    case 'const':
    case 'volatile':
    case 'type_tag':
      collect(btf, kernel, t.type, base, out, depth + 1, contains);
      return;
    case 'struct': {
      const size = SPECIAL[t.name];
      if (size !== undefined && size === t.size) {
        out.push({
          offset: base,
          size,
          name: t.name,
          root: contains === undefined ? undefined : rootOf(btf, contains),
        });
        return;
      }
      t.members.forEach((m, i) => {
        if (m.bitSize !== 0 || m.bitOffset % 8 !== 0) return;
        collect(btf, kernel, m.type, base + m.bitOffset / 8, out, depth + 1, tagOf(btf, t.id, i));
      });
      return;
    }
    case 'datasec':
      for (const v of t.vars) {
        const variable = btf.type(v.type);
        if (variable.kind === 'var') {
          collect(btf, kernel, variable.type, base + v.offset, out, depth + 1, tagOf(btf, v.type, -1));
        }
      }
      return;
    case 'array': {
      const size = typeSize(btf, t.type);
      const found: SpecialField[] = [];
      collect(btf, kernel, t.type, 0, found, depth + 1, contains);
      if (found.length === 0) return;
      for (let n = 0; n < t.count && out.length <= MAX_FIELDS; n++) {
        for (const f of found) out.push({ ...f, offset: base + n * size + f.offset });
      }
      return;
    }
    case 'ptr': {
      const tag = t.type === 0 ? undefined : btf.type(t.type);
      const kind = tag?.kind === 'type_tag' ? KPTR_KINDS[tag.name] : undefined;
      if (!kind || tag?.kind !== 'type_tag') return;
      const pointee = resolve(btf, tag.type);
      if (pointee.kind !== 'struct') {
        out.push({ offset: base, size: 8, name: 'kptr', kptr: { kind, target: 0, local: true } });
        return;
      }
      const inKernel = pointee.name === '' ? undefined : kernel?.find(pointee.name, 'struct');
      out.push({
        offset: base,
        size: 8,
        name: 'kptr',
        kptr: { kind, target: inKernel ?? pointee.id, local: inKernel === undefined },
      });
      return;
    }
    default:
  }
}

/** A value with more special fields counts as having none (Linux: BTF_FIELDS_MAX). */
const MAX_FIELDS = 11;

function resolve(btf: Btf, id: number): BtfType {
  let t = btf.type(id);
  while (t.kind === 'typedef' || t.kind === 'const' || t.kind === 'volatile' || t.kind === 'type_tag') {
    t = btf.type(t.type);
  }
  return t;
}

function typeSize(btf: Btf, id: number): number {
  const t = resolve(btf, id);
  if (t.kind === 'ptr') return 8;
  if (t.kind === 'array') return t.count * typeSize(btf, t.type);
  return 'size' in t ? t.size : 0;
}

const tags = new WeakMap<Btf, Map<string, string>>();

/** The `contains:` tag of a member or variable. */
function tagOf(btf: Btf, id: number, component: number): string | undefined {
  let known = tags.get(btf);
  if (!known) {
    known = new Map();
    for (let i = 1; i < btf.typeCount; i++) {
      const t = btf.type(i);
      if (t.kind === 'decl_tag' && t.name.startsWith('contains:'))
        known.set(`${t.type}:${t.component}`, t.name.slice(9));
    }
    tags.set(btf, known);
  }
  return known.get(`${id}:${component}`);
}

/** `STRUCT:FIELD` of a contains tag. */
function rootOf(btf: Btf, contains: string): SpecialField['root'] {
  const [struct = '', field = ''] = contains.split(':');
  const id = btf.find(struct, 'struct');
  const t = id === undefined ? undefined : btf.type(id);
  const member = t?.kind === 'struct' ? t.members.find((m) => m.name === field) : undefined;
  return t && member ? { nodeType: t.id, nodeOffset: member.bitOffset / 8 } : undefined;
}
