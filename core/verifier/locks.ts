/**
 * bpf_spin_lock and bpf_res_spin_lock, in a map value or an allocated object whose BTF has one, released before the program goes on to anything else.
 * And the saved interrupt state of bpf_local_irq_save, which lives in a stack slot. Linux: process_spin_lock, process_irq_flag.
 */
import { dynptrSlot } from './dynptr.ts';
import type { Env } from './env.ts';
import { dropBorrowed } from './graph-root.ts';
import { markRead } from './liveness.ts';
import { accessMemory } from './mem.ts';
import { type SpecialField, specialFields, structFields } from './record.ts';
import { FLAG, KIND, kindOf, Reg } from './reg.ts';
import { allBytes, BYTE, type LockKind, NOT_INIT, type Reference } from './state.ts';
import { isConst } from './tnum.ts';

/** Name of the lock's struct, as messages have it. */
function structOf(kind: LockKind): 'bpf_spin_lock' | 'bpf_res_spin_lock' {
  return kind === 'spin' ? 'bpf_spin_lock' : 'bpf_res_spin_lock';
}

function lockOf(env: Env, regno: number, kind: LockKind): { map: number; id: number } {
  const r = env.regs[regno]!;
  const name = structOf(kind);
  if (!isConst(r)) {
    env.fail('type', `R${regno} doesn't have constant offset. ${name} has to be at the constant offset`);
  }
  const inMap = kindOf(r.type) !== KIND.BTF_ID;
  let fields: readonly SpecialField[];
  let where = 'local kptr';
  if (inMap) {
    const map = env.map(r.aux);
    where = `map '${map.spec.name}'`;
    if (!env.program.objectBtf || map.spec.valueType === 0) {
      env.fail('type', `${where} has to have BTF in order to use ${name}`);
    }
    fields = specialFields(env, map);
  } else fields = r.aux2 === 1 ? structFields(env.program.objectBtf!, env.kernelBtf, r.aux) : [];
  const field = fields.find((f) => f.name === name);
  if (!field) return env.fail('type', `${where} has no valid ${name}`);
  if (field.offset !== r.vLo + r.off) {
    env.fail('type', `off ${r.vLo + r.off} doesn't point to 'struct ${name}' that is at ${field.offset}`);
  }
  return { map: inMap ? r.aux : -1, id: r.id };
}

/** bpf_spin_lock wants no other of its kind held; a resilient lock only not the same one (it gives up instead of waiting for ever). */
export function lockSpin(env: Env, regno: number, kind: LockKind = 'spin'): void {
  const lock = lockOf(env, regno, kind);
  const { refs } = env.state;
  if (kind === 'spin') {
    if (refs.some((r) => r.lock === 'spin')) env.fail('reference', 'Locking two bpf_spin_locks are not allowed');
  } else if (refs.some((r) => r.lock && r.lock !== 'spin' && r.map === lock.map && r.id === lock.id)) {
    env.fail('reference', 'Acquiring the same lock again, AA deadlock detected');
  }
  env.state.refs = [...refs, { id: lock.id, insn: env.insn, lock: kind, map: lock.map }];
  env.state.locks++;
}

/** Locks are released in the reverse order. */
export function unlockSpin(env: Env, regno: number, kind: LockKind = 'spin'): void {
  const lock = lockOf(env, regno, kind);
  const name = structOf(kind).replace(/_lock$/, '');
  const locks = env.state.refs.filter((r) => r.lock);
  if (locks.length === 0) env.fail('reference', `${name}_unlock without taking a lock`);
  const same = (r: Reference) => r.map === lock.map && r.id === lock.id;
  const held = locks.find((r) => r.lock === kind && same(r));
  if (!held) env.fail('reference', `${name}_unlock of different lock`);
  if (!same(locks[locks.length - 1]!)) env.fail('reference', `${name}_unlock cannot be out of order`);
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
  const byLock = kfunc.startsWith('bpf_res_spin_');
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
    s.aux = byLock ? 1 : 0;
    frame.setSpill(at, s);
    frame.setKinds(at, allBytes(BYTE.IRQ));
    frame.markWrote(at);
    env.scratchSlots.add(at);
    return;
  }
  if (!holds) env.fail('type', `expected an initialized irq flag as ${arg}`);
  markRead(env, r.frame, slot!);
  const saved = frame.spills[slot!]!;
  if ((saved.aux === 1) !== byLock) {
    const [by, wants] = byLock ? ['native', 'lock'] : ['lock', 'native'];
    env.fail('reference', `irq flag acquired by ${by} kfuncs cannot be restored with ${wants} kfuncs`);
  }
  const id = saved.refObjId;
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
