/** bpf_spin_lock: one at a time, in a map value whose BTF has one, released before the program goes on to anything else. */
import type { Env } from './env.ts';
import { specialField } from './record.ts';
import { KIND } from './reg.ts';
import { isConst } from './tnum.ts';

function lockOf(env: Env, regno: number): { map: number; id: number } {
  const r = env.regs[regno]!;
  if (!isConst(r)) {
    env.fail('type', `R${regno} doesn't have constant offset. bpf_spin_lock has to be at the constant offset`);
  }
  if (r.type !== KIND.MAP_VALUE) env.fail('unsupported', 'locks outside map values are not supported by this verifier');
  const map = env.map(r.aux);
  if (!env.program.objectBtf || map.spec.valueType === 0) {
    env.fail('type', `map '${map.spec.name}' has to have BTF in order to use bpf_spin_lock`);
  }
  const field = specialField(env, map, 'bpf_spin_lock');
  if (!field) env.fail('type', `map '${map.spec.name}' has no valid bpf_spin_lock`);
  if (field!.offset !== r.vLo + r.off) {
    env.fail('type', `off ${r.vLo + r.off} doesn't point to 'struct bpf_spin_lock' that is at ${field!.offset}`);
  }
  return { map: r.aux, id: r.id };
}

export function lockSpin(env: Env, regno: number): void {
  const lock = lockOf(env, regno);
  if (env.state.locks > 0) env.fail('reference', 'Locking two bpf_spin_locks are not allowed');
  env.state.refs = [...env.state.refs, { id: lock.id, insn: env.insn, lock: true, map: lock.map }];
  env.state.locks++;
}

export function unlockSpin(env: Env, regno: number): void {
  const lock = lockOf(env, regno);
  const held = env.state.refs.find((r) => r.lock);
  if (!held) env.fail('reference', 'bpf_spin_unlock without taking a lock');
  if (held!.map !== lock.map || held!.id !== lock.id) {
    env.fail('reference', 'bpf_spin_unlock of different lock');
  }
  env.state.refs = env.state.refs.filter((r) => r !== held);
  env.state.locks--;
}
