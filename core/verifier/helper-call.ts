/**
 * A call of a helper: may this program call it, do the arguments fit, what happens to registers, stack and references, what
 * is the result. Linux: check_helper_call.
 */
import type { ArgKind, HelperRow } from '../helpers/helper.ts';
import { helperById, mayCall, signatureOf } from '../helpers/index.ts';
import { needsPrivileges } from '../helpers/privileges.ts';
import { sizeOf, skipModifiers } from './btf-walk.ts';
import {
  type CallbackSetup,
  clearPacketPointers,
  clobberCallerSaved,
  pushAsyncCallback,
  pushCallback,
  returnFromCall,
} from './call.ts';
import { DYNPTR, endDynptr } from './dynptr.ts';
import type { Env } from './env.ts';
import { type CallFacts, checkArgument } from './helper-args.ts';
import { readOnlyMemory } from './kernel-variable.ts';
import { exchanged } from './kptr.ts';
import { checkMapAndHelper, isReadOnly } from './map-rules.ts';
import { markPrecise } from './precision.ts';
import { forgetIfContradictory, makePointer, sync } from './range.ts';
import { hasLock, specialFields } from './record.ts';
import { checkNothingHeld, releaseReference, takeReference } from './references.ts';
import { FLAG, isNull, KIND, type Reg, typeName } from './reg.ts';
import { fillStack } from './stack.ts';
import { NOT_INIT, State } from './state.ts';
import { structOpsMayCall } from './struct-ops.ts';
import { ult } from './u64.ts';
import { releaseNumber } from './versions.ts';

const MAX_ERRNO = 4095;

const RESULT_KIND = {
  socket_or_null: KIND.SOCKET | FLAG.MAYBE_NULL,
  tcp_sock_or_null: KIND.TCP_SOCK | FLAG.MAYBE_NULL,
  sock_common_or_null: KIND.SOCK_COMMON | FLAG.MAYBE_NULL,
  alloc_mem_or_null: KIND.MEM | FLAG.RINGBUF | FLAG.MAYBE_NULL,
  mem_or_null: KIND.MEM | FLAG.MAYBE_NULL,
  dynptr_mem_or_null: KIND.MEM | FLAG.MAYBE_NULL,
} as const;

/** Helpers whose result is another view of the argument's object. */
const CASTS = new Set([
  'tcp_sock',
  'sk_fullsock',
  'skc_to_tcp6_sock',
  'skc_to_tcp_sock',
  'skc_to_tcp_timewait_sock',
  'skc_to_tcp_request_sock',
  'skc_to_udp6_sock',
  'skc_to_mptcp_sock',
]);

/** Helpers that use a map found by instruction: for those Linux remembers which. */
const REMEMBERS_MAP = new Set([
  'tail_call',
  'map_lookup_elem',
  'map_update_elem',
  'map_delete_elem',
  'map_push_elem',
  'map_pop_elem',
  'map_peek_elem',
  'for_each_map_elem',
  'redirect_map',
  'map_lookup_percpu_elem',
]);
const WRITES_MAP = new Set(['map_delete_elem', 'map_update_elem', 'map_push_elem', 'map_pop_elem']);

export function helperAt(env: Env, id: number): HelperRow {
  const row = helperById(id);
  if (!row || !isSince(env, row.since)) {
    env.fail('helper', id === 0 ? 'program of this type cannot use helper bpf_unspec#0' : `invalid func unknown#${id}`);
  }
  return row!;
}

/** Does the kernel whose rules apply have what came with `version`? */
function isSince(env: Env, version: string): boolean {
  return env.options.kernel[0] * 100 + env.options.kernel[1] >= releaseNumber(version);
}

/** Kernel functions in which d_path() cannot deadlock (Linux: btf_allowlist_d_path). */
const PATH_FUNCTIONS = new Set([
  'security_file_permission',
  'security_inode_getattr',
  'security_file_open',
  'security_path_truncate',
  'vfs_truncate',
  'vfs_fallocate',
  'dentry_open',
  'vfs_getattr',
  'filp_close',
]);

/** Iterators, LSM hooks, and the functions above may print a path. Linux: bpf_d_path_allowed. */
function mayPrintPath(env: Env): boolean {
  const { attachType, attach } = env.program.spec;
  return env.progType.name === 'lsm' || attachType === 'trace_iter' || PATH_FUNCTIONS.has(attach?.target ?? '');
}

/** Tracing programs must not recurse into the storage they use. Linux: bpf_sk_storage_tracing_allowed. */
function mayUseSocketStorage(env: Env): boolean {
  const { attachType, attach } = env.program.spec;
  switch (env.progType.name) {
    case 'tracing':
      if (attachType === 'trace_iter' || attachType === 'trace_raw_tp') return true;
      return attachType !== 'modify_return' && attach?.target?.startsWith('bpf_sk_storage') !== true;
    case 'syscall':
      return false;
    default:
      return true;
  }
}

/** Helpers that only the iterators over connections offer. Linux: bpf_iter_tcp_get_func_proto, bpf_iter_unix_get_func_proto. */
function offeredByTarget(env: Env, helper: string): boolean {
  if (env.progType.name !== 'tracing' || (helper !== 'setsockopt' && helper !== 'getsockopt')) return true;
  return /^(?:tcp|unix)$/.test(env.program.spec.attach?.target ?? '');
}

/** What a helper asks of the program beyond its type (`allowed` of struct bpf_func_proto). */
const CONDITIONS: Readonly<Record<string, (env: Env) => boolean>> = {
  d_path: mayPrintPath,
  sk_storage_get: mayUseSocketStorage,
  sk_storage_delete: mayUseSocketStorage,
};

/** The kinds of arguments that the kernel whose rules apply takes. */
function argumentKinds(env: Env, row: HelperRow, kinds: readonly ArgKind[]): readonly ArgKind[] {
  const { mayBeNothing } = row;
  if (!mayBeNothing || isSince(env, mayBeNothing.since)) return kinds;
  return kinds.map((kind, i) =>
    mayBeNothing.args.includes(i + 1) ? (kind.replace(/_or_(?:null|zero)$/, '') as ArgKind) : kind,
  );
}

/** Check the helper call at `i`. Answers the instruction to go on with. */
export function checkHelperCall(
  env: Env,
  i: number,
  previousAt: (state: State, insn: number) => State | undefined,
): number {
  const id = env.program.code.imm[i]!;
  const row = helperAt(env, id);
  const type = env.progType.name;
  const { attachType } = env.program.spec;
  const allowed =
    row.before && !isSince(env, row.before.kernel)
      ? mayCall({ ...row, progTypes: row.before.progTypes }, type, attachType)
      : mayCall(row, type, attachType);
  const absent =
    env.options.absentHelpers?.has(row.name) === true ||
    !offeredByTarget(env, row.name) ||
    (type === 'struct_ops' && !structOpsMayCall(env, row.name));
  if (!allowed || absent || (!env.privileged && needsPrivileges(row.name))) {
    env.fail('helper', `program of this type cannot use helper bpf_${row.name}#${id}`);
  }
  if (!env.options.gpl && row.gplOnly) {
    env.fail('helper', 'cannot call GPL-restricted function from non-GPL compatible program');
  }
  if (CONDITIONS[row.name]?.(env) === false) env.fail('helper', 'helper call is not allowed in probe');
  const sleepable = env.options.sleepable || env.state.sleepable;
  if (row.mightSleep) {
    if (!sleepable) env.fail('helper', 'helper call might sleep in a non-sleepable prog');
    if (env.state.rcuLocks > 0) {
      env.fail('helper', `sleepable helper bpf_${row.name}#${id} in rcu_read_lock region`);
    }
    if (env.state.preemptLocks > 0) {
      env.fail('helper', `sleepable helper bpf_${row.name}#${id} in non-preemptible region`);
    }
  }
  const signature = signatureOf(row, type);
  const args = argumentKinds(env, row, signature.args);
  const facts: CallFacts = {
    helper: row,
    map: -1,
    mapId: 0,
    constantKey: -1,
    releaseReg: 0,
    refObjId: 0,
    memSize: 0,
    maxSize: 0,
    maxSizeHi: 0,
    subprog: -1,
    btfId: 0,
    dynptr: undefined,
    kptr: undefined,
    rawMode: false,
    accessSize: 0,
    accessReg: 0,
  };
  for (let a = 0; a < args.length; a++) {
    checkArgument(env, a, args, signature.argBtf ?? row.argBtf, facts);
  }
  rememberMap(env, i, facts);
  // The helper fills this memory: its bytes are written, whatever they were.
  if (facts.accessSize > 0) fillStack(env, facts.accessReg, facts.accessSize);
  release(env, facts);
  let changesPacket = row.changesPacket === true;
  switch (row.name) {
    case 'tail_call':
      if (env.program.subprogs.length > 1 && !env.options.features.tailCallsInFunctions) {
        env.fail('helper', 'tail_calls are not allowed in programs with bpf-to-bpf calls');
      }
      checkNothingHeld(env, 'tail_call', true);
      break;
    case 'get_local_storage':
      if (!isNull(env.regs[2]!)) env.fail('helper', "get_local_storage() doesn't support non-zero flags");
      markPrecise(env, 2);
      break;
    case 'dynptr_from_mem':
      if (env.regs[1]!.type !== KIND.MAP_VALUE) {
        env.fail('type', `Unsupported reg type ${typeName(env.regs[1]!.type)} for bpf_dynptr_from_mem data`);
      }
      break;
    case 'dynptr_write':
      if (facts.dynptr?.aux === DYNPTR.SKB) changesPacket = true;
      break;
    case 'get_func_ip':
      if (type !== 'tracing' && type !== 'kprobe') {
        env.fail('helper', `func bpf_get_func_ip#173 not supported for program type ${env.progType.id}`);
      }
      if (
        type === 'tracing' &&
        attachType !== 'trace_fentry' &&
        attachType !== 'trace_fexit' &&
        attachType !== 'modify_return'
      ) {
        env.fail('helper', 'func bpf_get_func_ip#173 supported only for fentry/fexit/fmod_ret programs');
      }
      break;
    case 'for_each_map_elem':
    case 'timer_set_callback':
    case 'find_vma':
    case 'loop':
    case 'user_ringbuf_drain':
      callBack(env, i, facts);
      break;
    default:
  }
  clobberCallerSaved(env);
  setResult(env, facts);
  if (facts.map >= 0) checkMapAndHelper(env, env.map(facts.map), row);
  if (row.name === 'tail_call') return tailCall(env, i, previousAt);
  if (changesPacket) clearPacketPointers(env);
  return i + 1;
}

/**
 * A tail call that fails falls through with nothing changed. One that succeeds never comes back; in a subprogram, though, it
 * is the subprogram that is replaced, and its caller goes on with any result and with the packet possibly moved.
 */
function tailCall(env: Env, i: number, previousAt: (state: State, insn: number) => State | undefined): number {
  if (env.state.frames.length === 1 || !env.options.features.tailCallsReturn) return i + 1;
  env.pushPath(i + 1, i);
  clearPacketPointers(env);
  env.setUnknown(0);
  return returnFromCall(env, previousAt);
}

function rememberMap(env: Env, i: number, facts: CallFacts): void {
  const { name } = facts.helper;
  if (!REMEMBERS_MAP.has(name)) return;
  const map = env.map(facts.map);
  if (isReadOnly(map.spec) && WRITES_MAP.has(name)) env.fail('type', 'write into map forbidden');
  const before = env.mapAtCall[i]!;
  env.mapAtCall[i] = before === 0 || before === facts.map + 1 ? facts.map + 1 : -1;
  if (name !== 'tail_call') return;
  if (map.spec.type !== 'prog_array') env.fail('helper', 'expected prog array map for tail call');
  const index = env.regs[3]!;
  if (
    index.type === KIND.SCALAR &&
    (index.mLo | index.mHi) === 0 &&
    ult(index.vLo, index.vHi, map.spec.maxEntries, 0)
  ) {
    markPrecise(env, 3);
  }
}

function release(env: Env, facts: CallFacts): void {
  if (facts.releaseReg === 0) return;
  const r = env.regs[facts.releaseReg]!;
  const { helper } = facts;
  let ok = false;
  if (helper.args[facts.releaseReg - 1] === 'dynptr') {
    endDynptr(env, r);
    ok = true;
  } else if (facts.refObjId !== 0) ok = releaseReference(env, facts.refObjId);
  else ok = isNull(r);
  if (!ok) env.fail('reference', `func bpf_${helper.name}#${helper.id} reference has not been acquired before`);
}

function callBack(env: Env, i: number, facts: CallFacts): void {
  const { name } = facts.helper;
  const pointer = (type: number, map: number, id: number) => {
    const r = makePointer(type);
    r.aux = map;
    r.aux2 = id;
    return r;
  };
  if (name === 'loop') {
    // How often the body runs is decided by r1.
    if (isNull(env.regs[4]!)) markPrecise(env, 4);
    markPrecise(env, 1);
    const count = env.regs[1]!;
    if (!ult(env.frame.callbackDepth, 0, count.umaxLo, count.umaxHi)) {
      env.frame.callbackDepth = 0;
      return;
    }
    pushCallback(env, i, facts.subprog, (caller, callee) => {
      callee.regs[1] = env.unknown;
      callee.regs[2] = caller.regs[3]!;
    });
    return;
  }
  if (name === 'timer_set_callback') {
    const setup: CallbackSetup = (_, callee) => {
      callee.regs[1] = pointer(KIND.MAP_PTR, facts.map, facts.mapId);
      callee.regs[2] = pointer(KIND.MAP_KEY, facts.map, facts.mapId);
      callee.regs[3] = pointer(KIND.MAP_VALUE, facts.map, facts.mapId);
    };
    pushAsyncCallback(env, i, facts.subprog, setup, (frame) => {
      const state = new State([frame]);
      state.firstInsn = env.program.subprogs[facts.subprog]!.start;
      return state;
    });
    return;
  }
  let setup: CallbackSetup;
  if (name === 'for_each_map_elem') {
    const { type } = env.map(facts.map).spec;
    if (!/^(array|percpu_array|hash|lru_hash|percpu_hash|lru_percpu_hash)$/.test(type)) {
      env.fail('helper', 'callback function not allowed for map');
    }
    setup = (caller, callee) => {
      callee.regs[1] = caller.regs[1]!;
      callee.regs[2] = pointer(KIND.MAP_KEY, facts.map, facts.mapId);
      callee.regs[3] = pointer(KIND.MAP_VALUE, facts.map, facts.mapId);
      callee.regs[4] = caller.regs[3]!;
    };
  } else if (name === 'find_vma') {
    const vma = env.kernelBtf?.find('vm_area_struct', 'struct');
    if (vma === undefined) env.fail('unsupported', 'find_vma needs the kernel BTF');
    setup = (caller, callee) => {
      callee.regs[1] = caller.regs[1]!;
      callee.regs[2] = pointer(KIND.BTF_ID, vma!, 0);
      callee.regs[3] = caller.regs[4]!;
    };
  } else {
    setup = (caller, callee) => {
      const d = makePointer(KIND.DYNPTR);
      d.aux = DYNPTR.LOCAL;
      d.aux2 = 1;
      d.id = env.newId();
      callee.regs[1] = d;
      callee.regs[2] = caller.regs[3]!;
    };
  }
  pushCallback(env, i, facts.subprog, setup);
}

function setResult(env: Env, facts: CallFacts): void {
  const { helper } = facts;
  let r: Reg;
  switch (helper.ret) {
    case 'integer':
      env.setReg(0, integerResult(env, facts));
      return;
    case 'void':
      env.setReg(0, NOT_INIT);
      return;
    case 'map_value':
    case 'map_value_or_null': {
      const map = env.map(facts.map);
      const elided =
        helper.name === 'map_lookup_elem' &&
        env.options.features.constantKeys &&
        facts.constantKey >= 0 &&
        facts.constantKey < map.spec.maxEntries;
      const nullable = helper.ret === 'map_value_or_null' && !elided;
      r = makePointer(KIND.MAP_VALUE | (nullable ? FLAG.MAYBE_NULL : 0));
      r.aux = facts.map;
      r.aux2 = facts.mapId;
      if (!nullable && hasLock(specialFields(env, map))) r.id = env.newId();
      break;
    }
    case 'mem_or_btf_id':
    case 'mem_or_btf_id_or_null':
      r = perCpuResult(env, facts, helper.ret === 'mem_or_btf_id_or_null');
      break;
    case 'btf_id':
    case 'btf_id_or_null': {
      if (facts.kptr) {
        r = exchanged(facts.kptr);
        break;
      }
      const id = helper.retBtf ? env.kernelBtf?.find(helper.retBtf, 'struct') : undefined;
      if (id === undefined) {
        env.fail('unsupported', `the result of bpf_${helper.name} needs the kernel BTF`);
      }
      // The current task is alive; other results are plain kernel pointers.
      const trusted = helper.name === 'get_current_task_btf' ? FLAG.TRUSTED : 0;
      r = makePointer(KIND.BTF_ID | trusted | (helper.ret === 'btf_id_or_null' ? FLAG.MAYBE_NULL : 0));
      r.aux = id!;
      break;
    }
    default:
      r = makePointer(RESULT_KIND[helper.ret]);
      if (helper.ret === 'alloc_mem_or_null' || helper.ret === 'mem_or_null' || helper.ret === 'dynptr_mem_or_null') {
        r.aux = facts.memSize;
      }
  }
  if (r.mayBeNull) r.id = env.newId();
  if (helper.name === 'dynptr_data') {
    r.aux2 = facts.dynptr?.id ?? 0;
    r.refObjId = facts.dynptr?.refObjId ?? 0;
  } else if (CASTS.has(helper.name)) {
    r.refObjId = facts.refObjId;
  } else if (helper.acquires || looksUpSocket(env, facts)) {
    const id = takeReference(env, env.insn);
    r.id = id;
    r.refObjId = id;
  }
  env.setReg(0, r);
}

/** A lookup in a map of sockets takes a reference. */
function looksUpSocket(env: Env, facts: CallFacts): boolean {
  if (facts.helper.name !== 'map_lookup_elem' || facts.map < 0) return false;
  const { type } = env.map(facts.map).spec;
  return type === 'sockmap' || type === 'sockhash';
}

function perCpuResult(env: Env, facts: CallFacts, nullable: boolean): Reg {
  const btf = env.kernelBtf;
  if (!btf) return env.fail('unsupported', 'per-CPU kernel variables need the kernel BTF');
  const t = skipModifiers(btf, facts.btfId);
  if (t.kind !== 'struct' && t.kind !== 'union') return readOnlyMemory(sizeOf(btf, t), nullable);
  const r = makePointer(KIND.BTF_ID | (nullable ? FLAG.MAYBE_NULL : 0));
  r.aux = facts.btfId;
  return r;
}

/** Numbers whose range the helper promises. */
function integerResult(env: Env, facts: CallFacts): Readonly<Reg> {
  switch (facts.helper.name) {
    case 'get_stack':
    case 'get_task_stack':
    case 'probe_read_str':
    case 'probe_read_kernel_str':
    case 'probe_read_user_str': {
      const r = env.unknown.clone();
      r.smaxLo = r.s32max = facts.maxSize;
      r.smaxHi = facts.maxSizeHi;
      r.sminLo = r.s32min = -MAX_ERRNO;
      r.sminHi = -1;
      sync(r);
      forgetIfContradictory(r);
      return r;
    }
    case 'get_smp_processor_id': {
      if (!env.options.features.cpuRange) return env.unknown;
      const r = env.unknown.clone();
      const max = env.options.cpus - 1;
      r.uminLo = r.uminHi = r.sminLo = r.sminHi = r.u32min = r.s32min = 0;
      r.umaxLo = r.smaxLo = r.u32max = r.s32max = max;
      r.umaxHi = r.smaxHi = 0;
      sync(r);
      return r;
    }
    default:
      return env.unknown;
  }
}
