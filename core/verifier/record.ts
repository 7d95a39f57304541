/**
 * Fields of a map value that only helpers may touch: spin locks, timers, kernel pointers. Which there are, the object's BTF
 * of the value type says (Linux: btf_parse_fields).
 */
import type { Btf } from '../btf/btf.ts';
import type { Env } from './env.ts';
import type { UsedMap } from './program.ts';

export interface SpecialField {
  readonly offset: number;
  readonly size: number;
  /** The kernel's name of the field's type. */
  readonly name: string;
  readonly kptr: boolean;
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
const NONE: readonly SpecialField[] = [];

export function specialFields(env: Env, map: UsedMap): readonly SpecialField[] {
  const btf = env.program.objectBtf;
  if (!btf || map.spec.valueType === 0) return NONE;
  let fields = cache.get(map);
  if (!fields) {
    const found: SpecialField[] = [];
    collect(btf, map.spec.valueType, 0, found, 0);
    fields = found;
    cache.set(map, fields);
  }
  return fields;
}

/** The special field of this name, if the value has one. */
export function specialField(env: Env, map: UsedMap, name: string): SpecialField | undefined {
  return specialFields(env, map).find((f) => f.name === name);
}

function collect(btf: Btf, id: number, base: number, out: SpecialField[], depth: number): void {
  if (depth > 8 || id === 0 || id >= btf.typeCount) return;
  const t = btf.type(id);
  switch (t.kind) {
    case 'typedef':
    case 'const':
    case 'volatile':
    case 'type_tag':
      collect(btf, t.type, base, out, depth + 1);
      return;
    case 'struct': {
      const size = SPECIAL[t.name];
      if (size !== undefined) {
        out.push({ offset: base, size, name: t.name, kptr: false });
        return;
      }
      for (const m of t.members) {
        if (m.bitSize === 0 && m.bitOffset % 8 === 0) collect(btf, m.type, base + m.bitOffset / 8, out, depth + 1);
      }
      return;
    }
    case 'ptr': {
      const target = t.type === 0 ? undefined : btf.type(t.type);
      if (target?.kind === 'type_tag' && (target.name.startsWith('kptr') || target.name === 'percpu_kptr')) {
        out.push({ offset: base, size: 8, name: 'kptr', kptr: true });
      }
      return;
    }
    default:
  }
}
