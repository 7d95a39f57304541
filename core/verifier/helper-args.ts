/**
 * Arguments of helpers: the register must be of a kind the helper's row names, and the memory behind it large enough and
 * initialised. Linux: check_func_arg, check_reg_type, check_helper_mem_access.
 */
import type { ArgKind, HelperRow } from '../helpers/helper.ts';
import { loadThroughBtf, structMatches } from './btf-walk.ts';
import { createDynptr, DYNPTR, dynptrAt, dynptrSlot, dynptrTypeName, isFreeForDynptr } from './dynptr.ts';
import type { Env } from './env.ts';
import { checkKptrMatches, kptrField } from './kptr.ts';
import { lockSpin, unlockSpin } from './locks.ts';
import {
  accessMemory,
  checkAlignment,
  checkBuffer,
  checkMapDirection,
  checkMapValue,
  checkPacket,
  checkRegion,
  checkUnmodified,
  packetAllowed,
} from './mem.ts';
import { markPrecise, markSlotPrecise } from './precision.ts';
import { MAX_VAR_OFF } from './program.ts';
import { type SpecialField, specialField } from './record.ts';
import { FLAG, isNull, isPacket, KIND, kindOf, type Reg, typeName } from './reg.ts';
import { checkStackRange, type RawAccess } from './stack.ts';
import { BYTE } from './state.ts';
import { isConst } from './tnum.ts';
import { toBigS, toDoubleU } from './u64.ts';

/** What the call has learnt from its arguments so far. */
export interface CallFacts extends RawAccess {
  readonly helper: HelperRow;
  /** Index of the map argument, -1 without. */
  map: number;
  mapId: number;
  /** Constant key of an array lookup, or -1. */
  constantKey: number;
  /** Register whose reference the call releases. */
  releaseReg: number;
  refObjId: number;
  /** Size of the memory the helper returns. */
  memSize: number;
  /** Largest size the helper may copy, for its result's range. */
  maxSize: number;
  maxSizeHi: number;
  subprog: number;
  btfId: number;
  dynptr: Readonly<Reg> | undefined;
  /** The field that bpf_kptr_xchg exchanges. */
  kptr: SpecialField | undefined;
}

const MEM_TYPES = [
  KIND.STACK,
  KIND.PKT,
  KIND.PKT_META,
  KIND.MAP_KEY,
  KIND.MAP_VALUE,
  KIND.MEM,
  KIND.MEM | FLAG.RINGBUF,
  KIND.BUF,
  KIND.BTF_ID | FLAG.TRUSTED,
];
/** What keys and values of maps may be before 6.2. */
const KEY_TYPES = [KIND.STACK, KIND.PKT, KIND.PKT_META, KIND.MAP_KEY, KIND.MAP_VALUE];
const SCALAR = [KIND.SCALAR];
const SOCKETS = [KIND.SOCK_COMMON, KIND.SOCKET, KIND.TCP_SOCK, KIND.XDP_SOCK];
const BTF = [KIND.BTF_ID, KIND.BTF_ID | FLAG.TRUSTED, KIND.BTF_ID | FLAG.RCU];

/** Register types each argument kind takes, in the order Linux lists them. Kinds left out take anything. */
const ACCEPTED: Partial<Record<ArgKind, readonly number[]>> = {
  const_map_ptr: [KIND.MAP_PTR],
  map_key: MEM_TYPES,
  map_value: MEM_TYPES,
  map_value_or_null: MEM_TYPES,
  uninit_map_value: MEM_TYPES,
  ctx: [KIND.CTX],
  ctx_or_null: [KIND.CTX],
  mem: MEM_TYPES,
  mem_or_null: MEM_TYPES,
  mem_write: MEM_TYPES,
  mem_write_or_null: MEM_TYPES,
  uninit_mem: MEM_TYPES,
  fixed_mem: MEM_TYPES,
  ptr_to_int: MEM_TYPES,
  ptr_to_long: MEM_TYPES,
  const_size: SCALAR,
  const_size_or_zero: SCALAR,
  const_alloc_size_or_zero: SCALAR,
  scalar: SCALAR,
  alloc_mem: [KIND.MEM | FLAG.RINGBUF],
  spin_lock: [KIND.MAP_VALUE, KIND.BTF_ID | FLAG.ALLOC],
  timer: [KIND.MAP_VALUE],
  sock_common: SOCKETS,
  socket: [KIND.SOCKET],
  socket_or_null: [KIND.SOCKET],
  btf_id: BTF,
  btf_id_or_null: BTF,
  btf_id_sock_common: [...SOCKETS, KIND.BTF_ID, KIND.BTF_ID | FLAG.TRUSTED],
  btf_id_sock_common_or_null: [...SOCKETS, KIND.BTF_ID, KIND.BTF_ID | FLAG.TRUSTED],
  percpu_btf_id: [
    KIND.BTF_ID | FLAG.PERCPU,
    KIND.BTF_ID | FLAG.PERCPU | FLAG.RCU,
    KIND.BTF_ID | FLAG.PERCPU | FLAG.TRUSTED,
  ],
  func: [KIND.FUNC],
  stack: [KIND.STACK],
  stack_or_null: [KIND.STACK],
  const_str: [KIND.MAP_VALUE],
  kptr: [KIND.MAP_VALUE, KIND.BTF_ID | FLAG.ALLOC],
  dynptr: [KIND.STACK, KIND.DYNPTR],
  uninit_dynptr: [KIND.STACK, KIND.DYNPTR],
};

/** Arguments the helper only reads (MEM_RDONLY): read-only memory will do. Keys and values of maps are not marked so. */
const READS = new Set<ArgKind>(['mem', 'mem_or_null', 'fixed_mem', 'dynptr']);
const WRITES = new Set<ArgKind>([
  'mem_write',
  'mem_write_or_null',
  'uninit_mem',
  'uninit_map_value',
  'ptr_to_int',
  'ptr_to_long',
]);

function isKeyOrValue(kind: ArgKind): boolean {
  return kind === 'map_key' || isMapValue(kind);
}

function isMapValue(kind: ArgKind): boolean {
  return kind === 'map_value' || kind === 'map_value_or_null' || kind === 'uninit_map_value';
}

function mayBeNull(kind: ArgKind): boolean {
  return kind.endsWith('_or_null');
}

/** Check argument `arg` (0 is r1). */
export function checkArgument(
  env: Env,
  arg: number,
  kinds: readonly ArgKind[],
  btfNames: { readonly [arg: number]: string } | undefined,
  facts: CallFacts,
): void {
  let kind = kinds[arg]!;
  const regno = arg + 1;
  const r = env.readReg(regno);
  if (kind === 'anything' || kind === 'unsafe_ptr' || kind === 'int' || kind === 'long') {
    if (env.isHiddenPointer(r)) env.fail('leak', `R${regno} leaks addr into helper function`);
    env.facts.exposeFrame(env, r);
    return;
  }
  if (isPacket(r.type) && !mayPassPacket(env, facts.helper)) {
    env.fail('type', 'helper access to the packet is not allowed');
  }
  if (isMapValue(kind)) {
    const { type } = env.map(facts.map).spec;
    if (type === 'sockmap' || type === 'sockhash') {
      if (kind !== 'map_value') env.fail('helper', 'invalid arg_type for sockmap/sockhash');
      kind = 'btf_id_sock_common';
    } else if (type === 'bloom_filter' && facts.helper.name === 'map_peek_elem') kind = 'map_value';
  }
  if (isNull(r) && mayBeNull(kind)) {
    // That it is 0 matters. Linux 6.18 does not remember it, and takes a path with any number for covered by this one (check_func_arg).
    markPrecise(env, regno);
  } else {
    checkType(env, regno, kind, btfNames?.[regno], facts);
    const releases = facts.helper.releases === regno;
    const dynptr = kind === 'dynptr' || kind === 'uninit_dynptr';
    // Before 6.3 ring buffer records, sockets and others are told to be modified.
    if (releases && !dynptr && kindOf(r.type) !== KIND.BTF_ID && !env.options.features.releasesUnmoved) {
      checkUnmodified(env, r, regno, false);
    } else checkOffset(env, r, regno, releases, dynptr);
  }
  if (facts.helper.releases === regno) checkRelease(env, r, regno, kind, facts);
  if (r.refObjId !== 0 && kind !== 'kptr') {
    if (facts.refObjId !== 0) {
      env.fail('reference', `more than one arg with ref_obj_id R${regno} ${r.refObjId} ${facts.refObjId}`);
    }
    facts.refObjId = r.refObjId;
  }
  checkContents(env, arg, kind, kinds, facts);
}

/** The "packet" of a socket option is the kernel's own copy, which any helper may have. Linux: may_access_direct_pkt_data. */
function mayPassPacket(env: Env, helper: HelperRow): boolean {
  return packetAllowed(env, false) && (env.progType.name === 'cgroup_sockopt' || helper.pktAccess === true);
}

function checkType(env: Env, regno: number, kind: ArgKind, btfName: string | undefined, facts: CallFacts): void {
  const keyOnly = isKeyOrValue(kind) && !env.options.features.memoryAsKeys;
  const accepted = keyOnly ? KEY_TYPES : ACCEPTED[kind];
  if (!accepted) env.fail('unsupported', `arguments of kind '${kind}' are not supported by this verifier`);
  const r = env.regs[regno]!;
  let { type } = r;
  if (READS.has(kind)) type &= ~FLAG.RDONLY;
  type &= ~FLAG.PACKET_SLICE;
  if (mayBeNull(kind)) type &= ~FLAG.MAYBE_NULL;
  const exchanges = facts.kptr !== undefined && regno === 2;
  if (exchanges) type &= ~(FLAG.ALLOC | FLAG.PERCPU);
  const list = accepted as readonly number[];
  if (!list.includes(type)) {
    env.fail(
      r.mayBeNull && list.includes(type & ~FLAG.MAYBE_NULL) ? 'null' : 'type',
      `R${regno} type=${typeName(r.type)} expected=${list.map(typeName).join(', ')}`,
    );
  }
  if (kindOf(r.type) !== KIND.BTF_ID) return;
  if (list === MEM_TYPES) {
    if (!READS.has(kind)) {
      env.fail(
        'type',
        `bpf_${facts.helper.name}() may write into memory pointed by R${regno} type=${typeName(r.type)}`,
      );
    }
    return;
  }
  if (r.mayBeNull && facts.helper.releases === regno && !(r.type & FLAG.ALLOC)) {
    env.fail('null', `Possibly NULL pointer passed to helper arg${regno}`);
  }
  if (exchanges) {
    checkKptrMatches(env, facts.kptr!, regno);
    return;
  }
  if (kind === 'percpu_btf_id' || kind === 'kptr' || kind === 'spin_lock') return;
  const name = btfName ?? 'sock_common';
  const btf = env.kernelBtf;
  const want = btf?.find(name, 'struct');
  if (!btf || want === undefined) {
    env.fail('unsupported', `the argument needs the kernel BTF for struct ${name}`);
  }
  const strict = facts.helper.releases === regno && facts.helper.name !== 'sk_release';
  if (!structMatches(btf!, r.aux, r.off, want!, strict)) {
    env.fail('type', `R${regno} is of type ${btf!.type(r.aux).name} but ${name} is expected`);
  }
}

const ANY_OFFSET = new Set<number>([
  KIND.STACK,
  KIND.PKT,
  KIND.PKT_META,
  KIND.MAP_KEY,
  KIND.MAP_VALUE,
  KIND.MEM,
  KIND.MEM | FLAG.RDONLY,
  KIND.MEM | FLAG.RINGBUF,
  KIND.BUF,
  KIND.BUF | FLAG.RDONLY,
  KIND.SCALAR,
]);
const FIXED_OFFSET = new Set<number>([
  KIND.BTF_ID,
  KIND.BTF_ID | FLAG.ALLOC,
  KIND.BTF_ID | FLAG.TRUSTED,
  KIND.BTF_ID | FLAG.RCU,
  KIND.BTF_ID | FLAG.ALLOC | FLAG.NON_OWN_REF,
  KIND.BTF_ID | FLAG.ALLOC | FLAG.NON_OWN_REF | FLAG.RCU,
]);

/** Which pointers may be moved before they are passed. */
export function checkOffset(env: Env, r: Readonly<Reg>, regno: number, releases: boolean, dynptr: boolean): void {
  if (releases) {
    if (dynptr && r.type === KIND.STACK) return;
    if (r.off !== 0) {
      env.fail('type', `R${regno} must have zero offset when passed to release func or trusted arg to kfunc`);
    }
    checkUnmodified(env, r, regno, false);
    return;
  }
  if (ANY_OFFSET.has(r.type)) return;
  checkUnmodified(env, r, regno, FIXED_OFFSET.has(r.type));
}

function checkRelease(env: Env, r: Readonly<Reg>, regno: number, kind: ArgKind, facts: CallFacts): void {
  if (kind === 'dynptr') {
    if (r.type !== KIND.STACK) env.fail('reference', 'cannot release unowned const bpf_dynptr');
    const slot = dynptrSlot(env, r);
    const frame = env.state.frames[r.frame]!;
    if (slot === undefined || slot < 1 || frame.spills[slot]!.refObjId === 0) {
      env.fail('reference', `arg ${regno} is an unacquired reference`);
    }
  } else if (r.refObjId === 0 && !isNull(r)) {
    env.fail('reference', `R${regno} must be referenced when passed to release function`);
  }
  facts.releaseReg = regno;
}

function checkContents(env: Env, arg: number, kind: ArgKind, kinds: readonly ArgKind[], facts: CallFacts): void {
  const regno = arg + 1;
  const r = env.regs[regno]!;
  switch (kind) {
    case 'const_map_ptr':
      if (facts.map >= 0 && (facts.map !== r.aux || facts.mapId !== r.aux2)) {
        env.fail(
          'helper',
          `timer pointer in R1 map_uid=${facts.mapId} doesn't match map pointer in R2 map_uid=${r.aux2}`,
        );
      }
      facts.map = r.aux;
      facts.mapId = r.aux2;
      break;
    case 'map_key': {
      const { spec } = env.map(facts.map);
      if (facts.helper.name === 'map_lookup_elem') env.facts.key(env, r, spec.keySize);
      checkHelperMemory(env, regno, spec.keySize, false, false, undefined);
      if (spec.type === 'array' || spec.type === 'percpu_array') facts.constantKey = constantKey(env, r, spec.keySize);
      break;
    }
    case 'map_value':
    case 'map_value_or_null':
    case 'uninit_map_value': {
      if (mayBeNull(kind) && isNull(r)) return;
      facts.rawMode = kind === 'uninit_map_value';
      checkHelperMemory(env, regno, env.map(facts.map).spec.valueSize, kind === 'uninit_map_value', false, facts);
      break;
    }
    case 'mem':
    case 'mem_or_null':
    case 'mem_write':
    case 'mem_write_or_null':
      // Checked with the size, which is the next argument.
      facts.rawMode = false;
      break;
    case 'uninit_mem':
      facts.rawMode = true;
      break;
    case 'ptr_to_int':
    case 'ptr_to_long':
    case 'fixed_mem': {
      const size = kind === 'ptr_to_int' ? 4 : kind === 'ptr_to_long' ? 8 : (facts.helper.argSizes?.[regno] ?? 0);
      facts.rawMode = kind === 'ptr_to_long';
      checkHelperMemory(env, regno, size, kind !== 'fixed_mem', false, facts);
      if (kind !== 'fixed_mem') checkAlignment(env, r, 0, size, true);
      break;
    }
    case 'const_size':
    case 'const_size_or_zero':
      checkSizedMemory(env, regno, WRITES.has(kinds[arg - 1]!), kind === 'const_size_or_zero', facts);
      break;
    case 'const_alloc_size_or_zero':
      if (!isConst(r)) env.fail('type', `R${regno} is not a known constant'`);
      facts.memSize = r.vLo;
      markPrecise(env, regno);
      break;
    case 'spin_lock':
      if (facts.helper.name === 'spin_lock') lockSpin(env, regno);
      else unlockSpin(env, regno);
      break;
    case 'timer':
      checkTimer(env, regno, facts);
      break;
    case 'func':
      facts.subprog = r.aux;
      break;
    case 'dynptr':
    case 'uninit_dynptr':
      checkDynptr(env, regno, kind, facts);
      break;
    case 'const_str':
      checkConstantString(env, regno);
      break;
    case 'percpu_btf_id':
      facts.btfId = r.aux;
      break;
    case 'kptr':
      facts.kptr = kptrField(env, regno);

      break;
    default:
  }
}

/** The memory behind an argument: `size` bytes that the helper reads or writes. */
export function checkHelperMemory(
  env: Env,
  regno: number,
  size: number,
  write: boolean,
  zeroAllowed: boolean,
  raw: RawAccess | undefined,
): void {
  const r = env.regs[regno]!;
  switch (kindOf(r.type)) {
    case KIND.PKT:
    case KIND.PKT_META:
      checkPacket(env, regno, r.off, size, zeroAllowed);
      return;
    case KIND.MAP_KEY:
      if (write) env.fail('type', `R${regno} cannot write into ${typeName(r.type)}`);
      checkRegion(env, regno, r.off, size, env.map(r.aux).spec.keySize, false);
      return;
    case KIND.MAP_VALUE:
      checkMapDirection(env, regno, r.off, size, write);
      checkMapValue(env, regno, r.off, size, zeroAllowed, false);
      return;
    case KIND.MEM:
      if (write && r.type & FLAG.RDONLY) env.fail('type', `R${regno} cannot write into ${typeName(r.type)}`);
      checkRegion(env, regno, r.off, size, r.aux, zeroAllowed);
      return;
    case KIND.BUF:
      if (write && r.type & FLAG.RDONLY) env.fail('type', `R${regno} cannot write into ${typeName(r.type)}`);
      checkBuffer(env, r.type & FLAG.RDONLY ? 'rdonly' : 'rdwr', regno, r.off, size);
      return;
    case KIND.STACK:
      checkStackRange(env, regno, r.off, size, zeroAllowed, write ? 'write' : 'read', raw);
      return;
    case KIND.BTF_ID:
      loadThroughBtf(env, regno, r.off, { off: 0, size, write: false, reg: -1 });
      return;
    case KIND.CTX:
      if (env.progType.name === 'syscall') {
        if (size === 0 && zeroAllowed) return;
        accessMemory(env, regno, { off: size - 1, size: 1, write, reg: -1 });
        return;
      }
      break;
    default:
  }
  if (zeroAllowed && size === 0 && isNull(r)) return;
  env.fail('type', `R${regno} type=${typeName(r.type)} expected=${typeName(KIND.STACK)}`);
}

/** A pointer and its size in the next register. */
export function checkSizedMemory(
  env: Env,
  regno: number,
  write: boolean,
  zeroAllowed: boolean,
  facts: CallFacts,
): void {
  const r = env.regs[regno]!;
  facts.maxSize = r.umaxLo;
  facts.maxSizeHi = r.umaxHi;
  // Memory that may be filled only in part must be initialised by the program.
  const raw = isConst(r) ? facts : undefined;
  if (r.sminHi < 0) {
    env.fail('bounds', `R${regno} min value is negative, either use unsigned or 'var &= const'`);
  }
  const mayBeZero = (r.uminLo | r.uminHi) === 0;
  if (mayBeZero && !env.options.features.largestSizeOnly) {
    checkHelperMemory(env, regno - 1, 0, write, zeroAllowed, raw);
  } else if (mayBeZero && !zeroAllowed) {
    env.fail(
      'bounds',
      `R${regno} invalid zero-sized read: u64=[${toBigS(r.uminLo, r.uminHi)},${toBigS(r.umaxLo, r.umaxHi)}]`,
    );
  }
  if (toDoubleU(r.umaxLo, r.umaxHi) >= MAX_VAR_OFF) {
    env.fail('bounds', `R${regno} unbounded memory access, use 'var &= const' or 'if (var < const)'`);
  }
  checkHelperMemory(env, regno - 1, r.umaxLo, write, zeroAllowed, raw);
  markPrecise(env, regno);
}

/** The number in the key's stack bytes, when known: a lookup in an array with a valid index cannot fail. */
function constantKey(env: Env, r: Readonly<Reg>, size: number): number {
  if (!env.privileged || r.type !== KIND.STACK || !isConst(r)) return -1;
  const off = r.off + r.vLo;
  const frame = env.state.frames[r.frame]!;
  const slot = (-off - 1) >> 3;
  let zeros = 0;
  let spilled = 0;
  for (let i = off; i < 0 && (-i - 1) >> 3 === slot && frame.byteKind(i) === BYTE.ZERO; i++) zeros++;
  if (zeros >= size) return 0;
  if (!frame.isScalarSpill(slot)) return -1;
  for (let i = off; i < 0 && (-i - 1) >> 3 === slot && frame.byteKind(i) === BYTE.SPILL; i++) spilled++;
  const value = frame.spills[slot]!;
  if (spilled !== size || !isConst(value)) return -1;
  markSlotPrecise(env, r.frame, slot);
  return toDoubleU(value.vLo, value.vHi);
}

function checkTimer(env: Env, regno: number, facts: CallFacts): void {
  const r = env.regs[regno]!;
  const map = env.map(r.aux);
  if (!isConst(r)) {
    env.fail('type', `R${regno} doesn't have constant offset. bpf_timer has to be at the constant offset`);
  }
  if (!env.program.objectBtf || map.spec.valueType === 0) {
    env.fail('type', `map '${map.spec.name}' has to have BTF in order to use bpf_timer`);
  }
  const field = specialField(env, map, 'bpf_timer');
  if (!field) env.fail('type', `map '${map.spec.name}' has no valid bpf_timer`);
  if (field!.offset !== r.vLo + r.off) {
    env.fail('type', `off ${r.vLo + r.off} doesn't point to 'struct bpf_timer' that is at ${field!.offset}`);
  }
  facts.map = r.aux;
  facts.mapId = r.aux2;
}

function checkDynptr(env: Env, regno: number, kind: 'dynptr' | 'uninit_dynptr', facts: CallFacts): void {
  const r = env.regs[regno]!;
  const { name } = facts.helper;
  if (kind === 'uninit_dynptr') {
    if (r.type === KIND.DYNPTR || !isFreeForDynptr(env, r)) {
      env.fail('type', 'Dynptr has to be an uninitialized dynptr');
    }
    for (const off of [0, 8]) accessMemory(env, regno, { off, size: 8, write: true, reg: -1 });
    createDynptr(env, env.regs[regno]!, name === 'ringbuf_reserve_dynptr' ? DYNPTR.RINGBUF : DYNPTR.LOCAL);
    return;
  }
  const mutates = name === 'ringbuf_submit_dynptr' || name === 'ringbuf_discard_dynptr';
  if (r.type === KIND.DYNPTR && mutates) {
    env.fail('type', 'cannot pass pointer to const bpf_dynptr, the helper mutates it');
  }
  const d = dynptrAt(env, r);
  if (!d) env.fail('type', `Expected an initialized dynptr as arg #${regno - 1}`);
  if (mutates && d!.aux !== DYNPTR.RINGBUF) {
    env.fail('type', `Expected a dynptr of type ${dynptrTypeName(DYNPTR.RINGBUF)} as arg #${regno - 1}`);
  }
  facts.dynptr = d;
}

const BPF_F_RDONLY_PROG = 1 << 7;

export function checkConstantString(env: Env, regno: number): void {
  const r = env.regs[regno]!;
  const { spec } = env.map(r.aux);
  if (!spec.readOnly || !(spec.flags & BPF_F_RDONLY_PROG)) {
    env.fail('type', `R${regno} does not point to a readonly map'`);
  }
  if (!isConst(r)) env.fail('type', `R${regno} is not a constant address'`);
  if (spec.type !== 'array') env.fail('type', 'no direct value access support for this map type');
  checkMapValue(env, regno, r.off, spec.valueSize - r.off, false, false);
  const at = r.off + r.vLo;
  const bytes = spec.initial?.[0]?.value ?? new Uint8Array(spec.valueSize);
  if (bytes.indexOf(0, at) < 0) env.fail('type', 'string is not zero-terminated');
}
