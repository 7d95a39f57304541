/** What a program with a typed place attaches to, by the types of the kernel or of a module: BPF_PROG_LOAD wants it as the number of a type. */
import { BpfError, nearestNames } from '../../core/base/errors.ts';
import type { Btf } from '../../core/btf/btf.ts';
import type { ProgSpec } from '../../core/spec/spec.ts';
import { findInModules, type InModule, moduleBtf } from './module-btf.ts';

/** How BTF names what a program with a BTF target attaches to. */
const BTF_TARGETS: Readonly<
  Record<string, { readonly prefix: string; readonly kind: 'func' | 'typedef'; readonly noun: string }>
> = {
  trace_raw_tp: { prefix: 'btf_trace_', kind: 'typedef', noun: 'tracepoint' },
  trace_fentry: { prefix: '', kind: 'func', noun: 'kernel function' },
  trace_fexit: { prefix: '', kind: 'func', noun: 'kernel function' },
  modify_return: { prefix: '', kind: 'func', noun: 'kernel function' },
  lsm_mac: { prefix: 'bpf_lsm_', kind: 'func', noun: 'security hook' },
  lsm_cgroup: { prefix: 'bpf_lsm_', kind: 'func', noun: 'security hook' },
  trace_iter: { prefix: 'bpf_iter_', kind: 'func', noun: 'iterator' },
};

export interface AttachTarget {
  readonly id: number;
  /** As the BTF has it that `id` counts in. */
  readonly name: string;
  readonly inModule?: InModule;
}

/**
 * The typed place that a program attaches to: `name`, which a module may have as well, or `module:name`; undefined for programs without one. Throws
 * BpfError ENOENT with the nearest names.
 */
export function attachTarget(prog: ProgSpec, btf: Btf): AttachTarget | undefined {
  const target = prog.attachType === undefined ? undefined : BTF_TARGETS[prog.attachType];
  if (!target || (prog.type !== 'tracing' && prog.type !== 'lsm')) return undefined;
  const given = prog.attach?.target ?? '';
  const colon = given.indexOf(':');
  const module = colon < 0 ? undefined : given.slice(0, colon);
  const name = given.slice(colon + 1);
  const id = module === undefined ? btf.find(target.prefix + name, target.kind) : undefined;
  if (id !== undefined) return { id, name };
  const inModule = findInModules(target.prefix + name, target.kind, btf, module);
  if (inModule) return { id: inModule.id, name, inModule };
  const own = module === undefined ? btf : moduleBtf(module, btf);
  if (!own)
    throw new BpfError('ENOENT', `program '${prog.name}': there is no module '${module}' here that tells its types`);
  const known = [...own.names(target.kind)]
    .filter((n) => n.startsWith(target.prefix))
    .map((n) => n.slice(target.prefix.length));
  const near = nearestNames(name, known);
  const where = module === undefined ? 'the running kernel' : `module '${module}'`;
  throw new BpfError(
    'ENOENT',
    `program '${prog.name}': ${where} has no ${target.noun} '${name}'${near.length > 0 ? `; nearest: ${near.join(', ')}` : ''}`,
  );
}

/** The module of the functions that a program calls, where the kernel itself does not have one of them. */
export function moduleOfCalls(prog: ProgSpec, btf: Btf): InModule | undefined {
  for (const reloc of prog.relocs) {
    if (reloc.kind !== 'kfunc' || reloc.weak || btf.find(reloc.name, 'func') !== undefined) continue;
    const found = findInModules(reloc.name, 'func', btf);
    if (found) return found;
  }
  return undefined;
}
