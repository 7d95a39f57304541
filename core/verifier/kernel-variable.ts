/** Variables of the kernel (`extern ... __ksym`): an ld_imm64 whose imm is the BTF id of a variable. Linux: check_pseudo_btf_id. */
import { sizeOf, skipModifiers } from './btf-walk.ts';
import type { Env } from './env.ts';
import { makePointer } from './range.ts';
import { FLAG, KIND, type Reg } from './reg.ts';

export function loadVariable(env: Env, target: number, id: number): void {
  env.setReg(target, variable(env, id));
}

/** The id names a variable or a function of the kernel. Refuses before the walk: dead code counts. */
export function checkVariable(env: Env, id: number): void {
  const btf = env.kernelBtf;
  if (!btf)
    env.fail('unsupported', 'kernel is missing BTF, make sure CONFIG_DEBUG_INFO_BTF=y is specified in Kconfig.');
  if (id < 0 || id >= btf!.typeCount) env.fail('structure', `ldimm64 insn specifies invalid btf_id ${id}.`);
  const t = id === 0 ? undefined : btf!.type(id);
  if (t?.kind !== 'var' && t?.kind !== 'func') {
    env.fail('structure', `pseudo btf_id ${id} in ldimm64 isn't KIND_VAR or KIND_FUNC`);
  }
  if (env.options.hasSymbol?.(t!.name) === false) {
    env.fail('structure', `ldimm64 failed to find the address for kernel symbol '${t!.name}'.`);
  }
}

/** `id` has passed `checkVariable`. */
function variable(env: Env, id: number): Readonly<Reg> {
  const btf = env.kernelBtf!;
  const t = btf.type(id);
  if (t.kind !== 'var') return readOnlyMemory(0);
  const perCpu = isPerCpu(env, id);
  const type = skipModifiers(btf, t.type);
  if (type.kind === 'struct' || type.kind === 'union' || perCpu) {
    const r = makePointer(KIND.BTF_ID | (perCpu ? FLAG.PERCPU : 0));
    r.aux = type.kind === 'struct' || type.kind === 'union' ? type.id : t.type;
    return r;
  }
  const size = sizeOf(btf, type);
  if (size === 0) env.fail('structure', `ldimm64 unable to resolve the size of type '${t.name}': -22`);
  return readOnlyMemory(size);
}

/** What is no struct is memory of its size. */
export function readOnlyMemory(size: number, nullable = false): Reg {
  const r = makePointer(KIND.MEM | FLAG.RDONLY | (nullable ? FLAG.MAYBE_NULL : 0));
  r.aux = size;
  return r;
}

/** Is the variable in the per-CPU section? */
function isPerCpu(env: Env, id: number): boolean {
  const btf = env.kernelBtf!;
  const section = btf.find('.data..percpu', 'datasec');
  const t = section === undefined ? undefined : btf.type(section);
  return t?.kind === 'datasec' && t.vars.some((v) => v.type === id);
}
