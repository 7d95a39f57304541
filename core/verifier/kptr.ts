/**
 * Kernel pointers kept in map values (and in allocated objects): fields tagged `__kptr`, `__kptr_untrusted`, `__percpu_kptr`. A plain load gives a
 * pointer that may be gone; only bpf_kptr_xchg moves a reference in or out. Linux: check_map_kptr_access, map_kptr_match_type, process_kptr_func.
 */
import type { Btf } from '../btf/btf.ts';
import { structMatches } from './btf-walk.ts';
import type { Env } from './env.ts';
import { checkUnmodified } from './mem.ts';
import { markPrecise } from './precision.ts';
import { makePointer } from './range.ts';
import { type SpecialField, specialFields, structFields } from './record.ts';
import { FLAG, isNull, KIND, kindOf, type Reg, typeName } from './reg.ts';
import { isConst } from './tnum.ts';

/** Kernel objects that outlive an RCU read section (Linux: rcu_protected_types). */
const RCU_PROTECTED = new Set(['prog_test_ref_kfunc', 'cgroup', 'bpf_cpumask', 'task_struct', 'bpf_crypto_ctx']);

function btfOf(env: Env, field: SpecialField): Btf {
  return field.kptr!.local ? env.program.objectBtf! : env.kernelBtf!;
}

/** Flags of the pointer that a load of the field gives. */
function loadedFlags(env: Env, field: SpecialField): number {
  const { kind, local, target } = field.kptr!;
  const name = btfOf(env, field).type(target).name;
  const safe = kind === 'percpu' || (kind === 'ref' && (local || RCU_PROTECTED.has(name)));
  const inRcu = env.state.rcuLocks > 0 || env.state.locks > 0 || !(env.options.sleepable || env.state.sleepable);
  if (!safe || !inRcu) return FLAG.MAYBE_NULL | FLAG.UNTRUSTED;
  let flags = FLAG.MAYBE_NULL | FLAG.RCU;
  if (kind === 'percpu') flags |= FLAG.PERCPU;
  else if (local) flags |= FLAG.ALLOC;
  if (local && structFields(env.program.objectBtf!, env.kernelBtf, target).some((f) => /_node$/.test(f.name))) {
    flags |= FLAG.NON_OWN_REF;
  }
  return flags;
}

/** A register holding a pointer of the field's type. */
function pointerOf(field: SpecialField, flags: number): Reg {
  const r = makePointer(KIND.BTF_ID | flags);
  r.aux = field.kptr!.target;
  r.aux2 = field.kptr!.local ? 1 : 0;
  return r;
}

/** A load or store by the program of a whole kptr field. `reg` is the target or the source, -1 for a constant. */
export function accessKptr(
  env: Env,
  field: SpecialField,
  access: { readonly write: boolean; readonly reg: number; readonly constant?: number | undefined },
): void {
  const code = env.program.code.opcode[env.insn]!;
  if ((code & 0xe0) !== 0x60) {
    env.fail('type', 'kptr in map can only be accessed using BPF_MEM instruction mode');
  }
  const { kind } = field.kptr!;
  if (!access.write) {
    if (access.reg < 0) return;
    const r = pointerOf(field, loadedFlags(env, field));
    r.id = env.newId();
    env.setReg(access.reg, r);
    return;
  }
  if (kind !== 'unref') env.fail('type', 'store to referenced kptr disallowed');
  if (access.reg < 0) {
    if (access.constant !== 0) {
      env.fail('type', `BPF_ST imm must be 0 when storing to kptr at off=${field.offset}`);
    }
    return;
  }
  const value = env.regs[access.reg]!;
  if (isNull(value)) {
    markPrecise(env, access.reg);
    return;
  }
  checkKptrMatches(env, field, access.reg);
}

/** The register's pointer may be kept in the field. */
export function checkKptrMatches(env: Env, field: SpecialField, regno: number): void {
  const r = env.regs[regno]!;
  const { kind, local, target } = field.kptr!;
  const want = btfOf(env, field).type(target).name;
  let shown = '';
  const bad = (): never => {
    const wanted = `${typeName(KIND.BTF_ID)}${want}`;
    const untrusted = kind === 'unref' ? ` or ${typeName(KIND.BTF_ID | FLAG.UNTRUSTED)}${want}` : ' ';
    return env.fail(
      'type',
      `invalid kptr access, R${regno} type=${typeName(r.type)}${shown} expected=${wanted}${untrusted}`.trimEnd(),
    );
  };
  if (kindOf(r.type) !== KIND.BTF_ID) bad();
  const haveLocal = r.aux2 === 1;
  let allowed = 0xff | FLAG.MAYBE_NULL;
  if (haveLocal) allowed |= FLAG.ALLOC | (kind === 'percpu' ? FLAG.PERCPU : 0);
  else allowed |= FLAG.TRUSTED | FLAG.RCU | (kind === 'unref' ? FLAG.UNTRUSTED : 0);
  if (r.type & ~allowed) bad();
  if ((kind === 'percpu') !== ((r.type & FLAG.PERCPU) !== 0)) bad();
  shown = (haveLocal ? env.program.objectBtf! : env.kernelBtf!).type(r.aux).name;
  checkUnmodified(env, r, regno, true);
  if (haveLocal !== local) bad();
  if (!structMatches(btfOf(env, field), r.aux, r.off, target, kind !== 'unref')) bad();
}

/** The destination of bpf_kptr_xchg: a referenced kptr field of a map value or an allocated object. */
export function kptrField(env: Env, regno: number): SpecialField {
  const r = env.regs[regno]!;
  let fields: readonly SpecialField[];
  if (kindOf(r.type) === KIND.BTF_ID) {
    fields = r.aux2 === 1 ? structFields(env.program.objectBtf!, env.kernelBtf, r.aux) : [];
  } else {
    const map = env.map(r.aux);
    if (!env.program.objectBtf || map.spec.valueType === 0) {
      env.fail('type', `map '${map.spec.name}' has to have BTF in order to use bpf_kptr_xchg`);
    }
    fields = specialFields(env, map);
  }
  if (!isConst(r)) {
    env.fail('type', `R${regno} doesn't have constant offset. kptr has to be at the constant offset`);
  }
  if (!fields.some((f) => f.kptr)) env.fail('type', `R${regno} has no valid kptr`);
  const offset = r.off + r.vLo;
  const field = fields.find((f) => f.kptr && f.offset === offset);
  if (!field) env.fail('type', `off=${offset} doesn't point to kptr`);
  if (field!.kptr!.kind === 'unref') env.fail('type', `off=${offset} kptr isn't referenced kptr`);
  return field!;
}

/** What bpf_kptr_xchg gives back: the pointer that was there. The caller adds the reference. */
export function exchanged(field: SpecialField): Reg {
  const { kind, local } = field.kptr!;
  return pointerOf(field, FLAG.MAYBE_NULL | (local ? FLAG.ALLOC : 0) | (kind === 'percpu' ? FLAG.PERCPU : 0));
}
