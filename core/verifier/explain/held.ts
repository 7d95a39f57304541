/**
 * What a program has taken and must give back: by the name of the call that takes it. BTF says of kernel functions that they take and release,
 * but not which belong together (kernel/bpf/helpers.c and the other BTF_ID_FLAGS lists).
 */
import { CALL, OP_CALL } from '../../isa/ops.ts';
import type { Case } from './case.ts';
import type { Call } from './source.ts';

export interface Taken {
  /** `ring buffer record`. */
  readonly noun: string;
  /** Variable that holds it. */
  readonly name: string | undefined;
  /** The statement that gives it back. */
  readonly release: string;
}

/** Kernel functions that take a reference, and those that give it back. */
const RELEASES: Record<string, readonly [noun: string, release: string]> = {
  bpf_task_from_pid: ['task', 'bpf_task_release'],
  bpf_task_from_vpid: ['task', 'bpf_task_release'],
  bpf_task_acquire: ['task', 'bpf_task_release'],
  bpf_cgroup_from_id: ['cgroup', 'bpf_cgroup_release'],
  bpf_cgroup_acquire: ['cgroup', 'bpf_cgroup_release'],
  bpf_cgroup_ancestor: ['cgroup', 'bpf_cgroup_release'],
  bpf_task_get_cgroup1: ['cgroup', 'bpf_cgroup_release'],
  bpf_cpumask_create: ['CPU mask', 'bpf_cpumask_release'],
  bpf_cpumask_acquire: ['CPU mask', 'bpf_cpumask_release'],
  bpf_get_task_exe_file: ['file', 'bpf_put_file'],
  bpf_obj_new: ['object', 'bpf_obj_drop'],
  bpf_xdp_ct_lookup: ['connection', 'bpf_ct_release'],
  bpf_skb_ct_lookup: ['connection', 'bpf_ct_release'],
};

const variable = (argument: string | undefined): string | undefined => /^&\s*(\w+)$/.exec(argument ?? '')?.[1];

/** What the call takes; `name` is the variable that its result goes into. Undefined for calls that take nothing. */
export function takenBy(call: Call | undefined, name: string | undefined): Taken | undefined {
  if (!call) return undefined;
  const arg = (n: number, fallback: string) => call.args[n] ?? fallback;
  if (call.name === 'bpf_ringbuf_reserve_dynptr') {
    const release = `bpf_ringbuf_discard_dynptr(${arg(3, '&ptr')}, 0);`;
    return { noun: 'ring buffer record', name: variable(call.args[3]), release };
  }
  if (call.name === 'bpf_ringbuf_reserve')
    return { noun: 'ring buffer record', name, release: `bpf_ringbuf_discard(${name ?? 'e'}, 0);` };
  if (call.name === 'ringbuf_reserve' && call.receiver !== undefined)
    return {
      noun: 'ring buffer record',
      name,
      release: `${call.receiver}.ringbuf_discard(${name ?? 'e'}, 0);`,
    };
  if (/^bpf_skc?_lookup_/.test(call.name)) return { noun: 'socket', name, release: `bpf_sk_release(${name ?? 'sk'});` };
  if (call.name === 'bpf_spin_lock')
    return { noun: 'lock', name: undefined, release: `bpf_spin_unlock(${arg(0, '&val->lock')});` };
  if (call.name === 'bpf_rcu_read_lock')
    return { noun: 'RCU section', name: undefined, release: 'bpf_rcu_read_unlock();' };
  const iterator = /^bpf_iter_(\w+)_new$/.exec(call.name)?.[1];
  if (iterator !== undefined)
    return {
      noun: 'iterator',
      name: variable(call.args[0]),
      release: `bpf_iter_${iterator}_destroy(${arg(0, '&it')});`,
    };
  const pair = RELEASES[call.name];
  return pair && { noun: pair[0], name, release: `${pair[1]}(${name ?? 'p'});` };
}

/** Calls that give back, whatever it is: the last one taken that fits is gone. */
function givesBack(call: Call, taken: Taken): boolean {
  const release = taken.release.slice(0, taken.release.indexOf('('));
  if (call.name === release) return true;
  if (taken.noun === 'ring buffer record') return /ringbuf_(?:submit|discard)/.test(call.name);
  return false;
}

/** What the path has taken before the refused instruction and not given back, oldest first. */
export function heldAt(c: Case): Taken[] {
  const { opcode, src } = c.flow.code;
  const out: Taken[] = [];
  const { path } = c.evidence;
  for (let k = 0; k + 1 < path.length; k++) {
    const pc = path[k]!;
    if (opcode[pc] !== OP_CALL || src[pc] === CALL.local) continue;
    const at = c.placeOf(pc);
    const call = at && c.callOf(pc);
    if (!call) continue;
    const taken = takenBy(call, at.file.assignedAt(at.offset)?.name);
    if (taken) out.push(taken);
    let gone = out.length - 1;
    while (gone >= 0 && !givesBack(call, out[gone]!)) gone--;
    if (gone >= 0) out.splice(gone, 1);
  }
  return out;
}
