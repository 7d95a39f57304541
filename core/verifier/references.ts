/** References that must be given back: sockets, ring buffer records, kernel objects; and the locks of the same list. */
import type { Env } from './env.ts';
import { KIND, kindOf } from './reg.ts';

/** A new reference, taken by this instruction: its id. */
export function takeReference(env: Env, insn: number): number {
  const id = env.newId();
  env.state.refs = [...env.state.refs, { id, insn }];
  return id;
}

/** Forget the reference; false when the state does not hold it. */
export function dropReference(env: Env, id: number): boolean {
  const { refs } = env.state;
  const at = refs.findIndex((r) => r.id === id && !r.lock && !r.irq);
  if (at < 0) return false;
  env.state.refs = refs.filter((_, i) => i !== at);
  return true;
}

/** Give the reference back: every register that held it becomes meaningless. */
export function releaseReference(env: Env, id: number): boolean {
  if (!dropReference(env, id)) return false;
  const gone = env.invalidPointer();
  env.state.mapRegs((r) => {
    if (r.refObjId === id) return gone;
    if (r.aux2 !== -id || kindOf(r.type) !== KIND.MEM) return undefined;
    const dangling = r.clone();
    dangling.aux = 0;
    return dangling;
  });
  return true;
}

/** Nothing may be held here: at exit, before a tail call, before ld_abs. */
export function checkNothingHeld(env: Env, where: string, locksToo: boolean, anyFrame = false): void {
  const { state } = env;
  if (locksToo && state.locks > 0) {
    env.fail('reference', `${where} cannot be used inside bpf_spin_lock-ed region`);
  }
  if (env.frame.frameno === 0 || anyFrame) {
    let leaked = '';
    for (const ref of state.refs) {
      if (ref.lock || ref.irq) continue;
      if (leaked !== '') env.say(leaked);
      leaked = `Unreleased reference id=${ref.id} alloc_insn=${ref.insn}`;
    }
    if (leaked !== '') {
      if (!env.options.features.namesLeaks && where.startsWith('BPF_EXIT')) env.fail('reference', leaked);
      env.say(leaked);
      env.fail('reference', `${where} would lead to reference leak`);
    }
  }
  if (!locksToo) return;
  if (state.irqId) env.fail('reference', `${where} cannot be used inside bpf_local_irq_save-ed region`);
  if (state.rcuLocks > 0) env.fail('reference', `${where} cannot be used inside bpf_rcu_read_lock-ed region`);
  if (state.preemptLocks > 0) env.fail('reference', `${where} cannot be used inside bpf_preempt_disable-ed region`);
}
