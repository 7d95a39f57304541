/**
 * bpf_spin_lock: one at a time, in a map value or an allocated object whose BTF has one, released before the program goes on to anything else.
 * And the saved interrupt state of bpf_local_irq_save, which lives in a stack slot. Linux: process_spin_lock, process_irq_flag.
 */
import { dynptrSlot } from './dynptr.ts';
import type { Env } from './env.ts';
import { dropBorrowed } from './graph-root.ts';
import { markRead } from './liveness.ts';
import { accessMemory } from './mem.ts';
import { specialField, structFields } from './record.ts';
import { FLAG, KIND, kindOf, Reg } from './reg.ts';
import { allBytes, BYTE, NOT_INIT } from './state.ts';
import { isConst } from './tnum.ts';

function lockOf(env: Env, regno: number): { map: number; id: number } {
  const r = env.regs[regno]!;
  if (!isConst(r)) {
    env.fail('type', `R${regno} doesn't have constant offset. bpf_spin_lock has to be at the constant offset`);
  }
  if (kindOf(r.type) === KIND.BTF_ID) {
    const fields = r.aux2 === 1 ? structFields(env.program.objectBtf!, env.kernelBtf, r.aux) : [];
    const lock = fields.find((f) => f.name === 'bpf_spin_lock');
    if (!lock) env.fail('type', `local kptr has no valid bpf_spin_lock`);
    if (lock!.offset !== r.vLo + r.off) {
      env.fail('type', `off ${r.vLo + r.off} doesn't point to 'struct bpf_spin_lock' that is at ${lock!.offset}`);
    }
    return { map: -1, id: r.id };
  }
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
  dropBorrowed(env);
}

/** The stack slot of a saved interrupt state: filled by bpf_local_irq_save, given back in reverse order by bpf_local_irq_restore. */
export function checkIrqFlag(env: Env, regno: number, kfunc: string): void {
  const r = env.regs[regno]!;
  const arg = `arg#${regno - 1}`;
  if (r.type !== KIND.STACK) env.fail('type', `${arg} doesn't point to an irq flag on stack`);
  const frame = env.state.frames[r.frame]!;
  const slot = dynptrSlot(env, r, 'irq_flag', 1);
  const holds = slot !== undefined && slot >= 0 && frame.kinds[slot]! >>> 28 === BYTE.IRQ;
  if (kfunc.endsWith('_save') || kfunc.endsWith('_irqsave')) {
    if (slot === undefined || holds) env.fail('type', `expected uninitialized irq flag as ${arg}`);
    accessMemory(env, regno, { off: 0, size: 8, write: true, reg: -1 });
    const at = dynptrSlot(env, r, 'irq_flag', 1)!;
    const id = env.newId();
    env.state.refs = [...env.state.refs, { id, insn: env.insn, irq: true }];
    env.state.irqId = id;
    const s = new Reg();
    s.type = KIND.STACK;
    s.refObjId = id;
    frame.setSpill(at, s);
    frame.setKinds(at, allBytes(BYTE.IRQ));
    frame.markWrote(at);
    env.scratchSlots.add(at);
    return;
  }
  if (!holds) env.fail('type', `expected an initialized irq flag as ${arg}`);
  markRead(env, r.frame, slot!);
  const id = frame.spills[slot!]!.refObjId;
  if (env.state.irqId !== id) {
    const held = env.state.refs.find((ref) => ref.id === env.state.irqId);
    env.fail(
      'reference',
      `cannot restore irq state out of order, expected id=${env.state.irqId} acquired at insn_idx=${held?.insn ?? -1}`,
    );
  }
  env.state.refs = env.state.refs.filter((ref) => ref.id !== id);
  env.state.irqId = env.state.refs.filter((ref) => ref.irq).pop()?.id ?? 0;
  frame.setSpill(slot!, NOT_INIT);
  frame.setKinds(slot!, allBytes(BYTE.INVALID));
  frame.markWrote(slot!);
  env.scratchSlots.add(slot!);
}

/** Is a pointer to what a lock protects still an object's own? */
export function isOwned(r: Readonly<Reg>): boolean {
  return (r.type & FLAG.NON_OWN_REF) === 0 && r.refObjId !== 0;
}
