/**
 * Calls of kernel functions: may this program call it, what the call does to locks and references, what the result is. The prototype comes
 * from the kernel's BTF, the flags from the kfunc table (core/helpers/kfuncs.ts). Linux: add_kfunc_call, check_kfunc_call.
 */
import type { Btf, BtfOf } from '../btf/btf.ts';
import { type KfuncRow, kfuncByName, mayCallKfunc } from '../helpers/kfuncs.ts';
import { inRcu, sizeOf, skipModifiers } from './btf-walk.ts';
import {
  checkReturn,
  clearPacketPointers,
  clobberCallerSaved,
  pushAsyncCallback,
  pushCallback,
  widen,
} from './call.ts';
import type { Env } from './env.ts';
import { addToRoot, graphResult, isGraphFunction, nodeOfRoot, referenceBecomesBorrowed } from './graph-root.ts';
import { advanceIterator } from './iterator.ts';
import { notNull } from './jump.ts';
import { checkKfuncArguments, type KfuncFacts } from './kfunc-args.ts';
import { packetAllowed } from './mem.ts';
import { makeKnown, makePointer, sync } from './range.ts';
import { hasLock, structFields } from './record.ts';
import { checkNothingHeld, releaseReference, takeReference } from './references.ts';
import { FLAG, KIND, type Reg } from './reg.ts';
import { type Frame, NOT_INIT, State } from './state.ts';

export interface Kfuncs {
  /** Row of the function called at this instruction; undefined for one that is not in the table. */
  rowAt(insn: number): KfuncRow | undefined;
  nameAt(insn: number): string;
  /** A relocation names it: its number is not the kernel's. */
  isNamed(insn: number): boolean;
  isIterNext(insn: number): boolean;
  /** Arguments it takes; undefined where its prototype is not known. */
  paramsAt(insn: number): number | undefined;
  /** Calls a function of the program before it returns. */
  callsBack(insn: number): boolean;
  /** May be called while a bpf_spin_lock is held. */
  allowedUnderLock(insn: number): boolean;
}

const UNDER_LOCK = /^bpf_(?:iter_num_|res_spin_|arena_|stream_vprintk)/;

/** Names of the kernel functions the program calls: by relocation, or by the BTF id in imm. */
export function findKfuncs(env: Env): Kfuncs {
  const { program } = env;
  const names = new Map<number, string>();
  for (const r of program.spec.relocs) if (r.kind === 'kfunc') names.set(r.insn, r.name);
  const nameAt = (insn: number): string => {
    const named = names.get(insn);
    if (named !== undefined) return named;
    const id = program.code.imm[insn]!;
    const t = env.kernelBtf && id > 0 && id < env.kernelBtf.typeCount ? env.kernelBtf.type(id) : undefined;
    return t?.kind === 'func' && program.code.off[insn] === 0 ? t.name : `#${id}`;
  };
  const rowAt = (insn: number) => kfuncByName(nameAt(insn));
  // Asked at every checkpoint.
  const iterNext = new Uint8Array(program.length + 1);
  for (let i = 0; i < program.length; i++) {
    if (program.isKfuncCall(i) && rowAt(i)?.flags.has('iter_next')) iterNext[i] = 1;
  }
  return {
    rowAt,
    nameAt,
    isNamed: (insn) => names.has(insn),
    paramsAt: (insn) => (rowAt(insn) ? findPrototype(env, nameAt(insn))?.params.length : undefined),
    isIterNext: (insn) => iterNext[insn] === 1,
    callsBack: (insn) => nameAt(insn) === 'bpf_rbtree_add_impl',
    allowedUnderLock: (insn) => UNDER_LOCK.test(nameAt(insn)) || isGraphFunction(nameAt(insn)),
  };
}

/** What BPF_PROG_LOAD says of a call before the walk. Linux: add_kfunc_call. */
export function checkKfuncBefore(env: Env, i: number): void {
  const { program } = env;
  const named = env.kfuncs!.isNamed(i);
  const id = program.code.imm[i]!;
  const module = program.code.off[i]!;
  if (id === 0 && module === 0 && !named) return;
  if (!env.kernelBtf) env.fail('unsupported', 'calling kernel function is not supported without CONFIG_DEBUG_INFO_BTF');
  if (!env.options.gpl) {
    env.fail('helper', 'cannot call kernel function from non-GPL compatible program');
  }
  // They read what one network card's driver knows of the packet: none of our programs is loaded for a card's driver.
  if (env.kfuncs!.nameAt(i).startsWith('bpf_xdp_metadata_')) {
    env.fail('helper', 'metadata kfuncs require device-bound program');
  }
  if (named) return;
  if (module !== 0) {
    env.say(
      module < 0
        ? 'negative offset disallowed for kernel module function call'
        : 'kfunc offset > 0 without fd_array is invalid',
    );
    env.fail('structure', 'failed to find BTF for kernel function');
  }
  if (id < 0 || id >= env.kernelBtf!.typeCount || env.kernelBtf!.type(id).kind !== 'func') {
    env.fail('structure', `kernel btf_id ${id >>> 0} is not a function`);
  }
}

function findPrototype(env: Env, name: string): BtfOf<'func_proto'> | undefined {
  const btf = env.kernelBtf;
  const id = btf?.find(name, 'func');
  const func = id === undefined ? undefined : btf!.type(id);
  const proto = func?.kind === 'func' ? btf!.type(func.type) : undefined;
  return proto?.kind === 'func_proto' ? proto : undefined;
}

/** Prototype of the function in the kernel's BTF. */
function prototype(env: Env, name: string): BtfOf<'func_proto'> {
  return findPrototype(env, name) ?? env.fail('helper', `the kernel has no function '${name}'`);
}

/** How a call is named whose function no loader has found (a weak one). */
const UNRESOLVED = '#0';

/** No path may reach a call of a function that the kernel does not have. Linux: fixup_kfunc_call. */
export function checkNoneUnresolved(env: Env, kfuncs: Kfuncs): void {
  for (let i = 0; i < env.program.length; i++) {
    if (!env.seen[i] || !env.program.isKfuncCall(i) || kfuncs.nameAt(i) !== UNRESOLVED) continue;
    env.insn = i;
    env.fail('structure', 'invalid kernel function call not eliminated in verifier pass');
  }
}

/** Check the call at `i`. Answers the instruction to go on with, or -1 where the path ends (bpf_throw). */
export function checkKfuncCall(
  env: Env,
  kfuncs: Kfuncs,
  i: number,
  previousAt: (state: State, insn: number) => State | undefined,
): number {
  const name = kfuncs.nameAt(i);
  // Linux passes over it, in the hope that it turns out dead: see checkNoneUnresolved.
  if (name === UNRESOLVED) return i + 1;
  const row = kfuncs.rowAt(i);
  if (!row || !mayCallKfunc(row, env.progType.name, env.program.spec.attachType)) {
    env.fail('helper', `calling kernel function ${name} is not allowed`);
  }
  const { flags } = row!;
  const sleepable = flags.has('sleepable');
  if (sleepable && !(env.options.sleepable || env.state.sleepable)) {
    env.fail('helper', `program must be sleepable to call sleepable kfunc ${name}`);
  }
  if (flags.has('rcu_protected') && env.options.features.protectedCalls && !inRcu(env)) {
    env.fail('helper', `kernel func ${name} requires RCU critical section protection`);
  }
  const proto = prototype(env, name);
  if (locksResilient(name)) queueFailedLock(env, i);
  const facts = checkKfuncArguments(env, row!, proto);
  callBack(env, i, name, facts);
  // Without a callback for exceptions, what is thrown is what the program returns.
  if (name === 'bpf_throw' && env.program.exceptionCallback === 0) checkReturn(env, 1);
  changeSections(env, name, sleepable);
  if (facts.releaseReg !== 0 && !releaseReference(env, env.regs[facts.releaseReg]!.refObjId)) {
    env.fail('reference', `kfunc ${name}#${env.program.code.imm[i]} reference has not been acquired before`);
  }
  addToRoot(env, name, facts);
  if (name === 'bpf_throw') {
    checkNothingHeld(env, 'bpf_throw', true, true);
    return -1;
  }
  const r0 = result(env, row!, proto, facts);
  clobberCallerSaved(env);
  env.setReg(0, r0);
  if (name === 'bpf_xdp_pull_data') clearPacketPointers(env);
  if (flags.has('iter_next')) {
    advanceIterator(env, facts, i, (queued) => {
      const before = env.state.parent && previousAt(env.state.parent.parent ?? env.state.parent, i);
      if (before && before !== env.state.parent) widen(env, before, queued);
      const regs = queued.frame.regs;
      regs[0] = notNull(regs[0]!);
    });
  }
  return i + 1;
}

function callBack(env: Env, i: number, name: string, facts: KfuncFacts): void {
  if (name === 'bpf_rbtree_add_impl') {
    const root = facts.root!;
    pushCallback(env, i, facts.subprog, (_, callee) => {
      for (const n of [1, 2]) callee.regs[n] = nodeOfRoot(root, referenceBecomesBorrowed(env));
      callee.inLockedCallback = true;
    });
    return;
  }
  if (name !== 'bpf_wq_set_callback_impl') return;
  const pointer = (type: number): Reg => {
    const r = makePointer(type);
    r.aux = facts.map;
    r.aux2 = facts.mapId;
    return r;
  };
  pushAsyncCallback(
    env,
    i,
    facts.subprog,
    (_, callee: Frame) => {
      callee.regs[1] = pointer(KIND.MAP_PTR);
      callee.regs[2] = pointer(KIND.MAP_KEY);
      callee.regs[3] = pointer(KIND.MAP_VALUE);
    },
    (frame) => {
      const state = new State([frame]);
      state.firstInsn = env.program.subprogs[facts.subprog]!.start;
      state.sleepable = true;
      return state;
    },
  );
}

/** RCU read sections and regions without preemption. */
function changeSections(env: Env, name: string, sleepable: boolean): void {
  const { state } = env;
  const locks = name === 'bpf_rcu_read_lock';
  const unlocks = name === 'bpf_rcu_read_unlock';
  if ((locks || unlocks) && state.frames.some((f) => f.inLockedCallback)) {
    env.fail('reference', 'Calling bpf_rcu_read_{lock,unlock} in unnecessary rbtree callback');
  }
  if (locks) {
    if (state.rcuLocks > 0 && !isSince(env, 6, 19)) {
      env.fail('reference', `nested rcu read lock (kernel function ${name})`);
    }
    state.rcuLocks++;
  } else if (unlocks) {
    if (state.rcuLocks === 0) env.fail('reference', `unmatched rcu read unlock (kernel function ${name})`);
    if (--state.rcuLocks === 0) {
      // What RCU protected may be gone from here on.
      state.mapRegs((r) => {
        if (!(r.type & FLAG.RCU)) return undefined;
        const copy = r.clone();
        copy.type = (r.type & ~(FLAG.RCU | FLAG.MAYBE_NULL)) | FLAG.UNTRUSTED;
        return copy;
      }, true);
    }
  } else if (sleepable && state.rcuLocks > 0) {
    env.fail('helper', `kernel func ${name} is sleepable within rcu_read_lock region`);
  }
  if (name === 'bpf_preempt_disable') state.preemptLocks++;
  else if (name === 'bpf_preempt_enable') {
    if (state.preemptLocks === 0) {
      env.fail('reference', `unmatched attempt to enable preemption (kernel function ${name})`);
    }
    state.preemptLocks--;
  } else if (sleepable && state.preemptLocks > 0) {
    env.fail('helper', `kernel func ${name} is sleepable within non-preemptible region`);
  }
  if (sleepable && state.irqId !== 0) {
    env.fail('helper', `kernel func ${name} is sleepable within IRQ-disabled region`);
  }
}

const MAX_PER_CPU_OBJECT = 512;

/** What r0 holds after the call. */
function result(env: Env, row: KfuncRow, proto: BtfOf<'func_proto'>, facts: KfuncFacts): Readonly<Reg> {
  const btf = env.kernelBtf!;
  const t = skipModifiers(btf, proto.ret);
  if (proto.ret === 0) return NOT_INIT;
  const { name } = row;
  if (t.kind !== 'ptr') return locksResilient(name) ? makeKnown(0, 0) : env.unknown;
  const target = skipModifiers(btf, t.type);
  let r: Reg;
  let borrowed = false;
  const special = specialResult(env, name, facts);
  if (special) r = special;
  else if (isGraphFunction(name)) {
    r = graphResult(env, name, facts);
    borrowed = (r.type & FLAG.NON_OWN_REF) !== 0;
  } else if (t.type === 0 || target.kind === 'void') return env.unknown;
  else if (target.kind !== 'struct' && target.kind !== 'union') {
    const fixed = facts.resultSize === 0;
    const size = fixed ? sizeOf(btf, target) : facts.resultSize;
    if (name === 'bpf_session_cookie') r = makePointer(KIND.MEM);
    else r = makePointer(KIND.MEM | (fixed || facts.resultReadOnly ? FLAG.RDONLY : 0));
    r.aux = name === 'bpf_session_cookie' ? 8 : size;
    if (facts.refObjId !== 0) r.refObjId = facts.refObjId;
  } else {
    r = makePointer(KIND.BTF_ID);
    r.aux = target.id;
    if (row.flags.has('iter_next')) {
      const slot = env.state.frames[facts.iterFrame]!.spills[facts.iterSlot]!;
      r.type |= slot.type & FLAG.RCU ? FLAG.RCU : FLAG.TRUSTED;
    } else if (name === 'bpf_get_kmem_cache') r.type |= FLAG.UNTRUSTED;
  }
  const nullable = row.flags.has('ret_null') && !(name === 'bpf_refcount_acquire_impl' && facts.ownsArgument);
  if (nullable) {
    r.type |= FLAG.MAYBE_NULL;
    r.id = env.newId();
  }
  if (row.flags.has('acquire')) {
    const id = takeReference(env, env.insn);
    if (nullable) r.id = id;
    r.refObjId = id;
  }
  if (!borrowed && r.aux2 === 1 && r.id === 0 && hasSpinLock(env.program.objectBtf!, r.aux)) r.id = env.newId();
  return r;
}

function hasSpinLock(btf: Btf, id: number): boolean {
  return hasLock(structFields(btf, undefined, id));
}

function locksResilient(name: string): boolean {
  return name === 'bpf_res_spin_lock' || name === 'bpf_res_spin_lock_irqsave';
}

const MAX_ERRNO = 4095;

/** A resilient lock may not be had: queue the path on which it was not taken, with an errno in r0. */
function queueFailedLock(env: Env, i: number): void {
  const { regs } = env.pushPath(i + 1, i).frame;
  for (let n = 1; n <= 5; n++) regs[n] = NOT_INIT;
  const errno = env.unknown.clone();
  errno.s32min = -MAX_ERRNO;
  errno.s32max = -1;
  sync(errno);
  regs[0] = errno;
}

/** Functions whose result the prototype does not tell. */
function specialResult(env: Env, name: string, facts: KfuncFacts): Reg | undefined {
  const object = env.program.objectBtf;
  switch (name) {
    case 'bpf_obj_new_impl':
    case 'bpf_percpu_obj_new_impl': {
      if (!object) env.fail('type', 'bpf_obj_new/bpf_percpu_obj_new requires prog BTF');
      const t = facts.constant > 0 && facts.constant < object!.typeCount ? object!.type(facts.constant) : undefined;
      if (t?.kind !== 'struct') {
        return env.fail('type', 'bpf_obj_new/bpf_percpu_obj_new type ID argument must be of a struct');
      }
      const perCpu = name === 'bpf_percpu_obj_new_impl';
      if (perCpu && t.size > MAX_PER_CPU_OBJECT) {
        env.fail('type', `bpf_percpu_obj_new type size (${t.size}) is greater than ${MAX_PER_CPU_OBJECT}`);
      }
      if (perCpu && structFields(object!, env.kernelBtf, facts.constant).length > 0) {
        env.fail('type', 'bpf_percpu_obj_new type ID argument must not contain special fields');
      }
      const r = makePointer(KIND.BTF_ID | FLAG.ALLOC | (perCpu ? FLAG.PERCPU : 0));
      r.aux = facts.constant;
      r.aux2 = 1;
      return r;
    }
    case 'bpf_refcount_acquire_impl': {
      const r = makePointer(KIND.BTF_ID | FLAG.ALLOC);
      r.aux = facts.argumentType;
      r.aux2 = 1;
      return r;
    }
    case 'bpf_cast_to_kern_ctx': {
      const r = makePointer(KIND.BTF_ID | FLAG.TRUSTED);
      r.aux = facts.resultType;
      return r;
    }
    case 'bpf_rdonly_cast': {
      const btf = env.kernelBtf!;
      const id = facts.constant;
      const t = id > 0 && id < btf.typeCount ? btf.type(id) : undefined;
      if (t?.kind === 'struct' || t?.kind === 'union') {
        const r = makePointer(KIND.BTF_ID | FLAG.UNTRUSTED);
        r.aux = id;
        return r;
      }
      if (id === 0 && isSince(env, 6, 17)) return makePointer(KIND.MEM | FLAG.RDONLY | FLAG.UNTRUSTED);
      return env.fail(
        'type',
        `kfunc bpf_rdonly_cast type ID argument must be of a struct${isSince(env, 6, 17) ? ' or void' : ''}`,
      );
    }
    case 'bpf_dynptr_slice':
    case 'bpf_dynptr_slice_rdwr': {
      const writes = name === 'bpf_dynptr_slice_rdwr';
      const d = facts.dynptr!;
      const r = makePointer(KIND.MEM | (writes ? 0 : FLAG.RDONLY) | (d.isPacket ? FLAG.PACKET_SLICE : 0));
      r.aux = facts.constant;
      r.aux2 = d.id;
      if (writes && !packetAllowed(env, true)) {
        env.fail('type', 'the prog does not allow writes to packet data');
      }
      return r;
    }
    default:
      return undefined;
  }
}

function isSince(env: Env, major: number, minor: number): boolean {
  const [a, b] = env.options.kernel;
  return a > major || (a === major && b >= minor);
}
