/**
 * Loads and stores through any pointer: alignment, then the bounds of what is pointed to, then what the loaded register
 * knows. Linux: check_mem_access and the check_*_access below it.
 */

import { CLASS } from '../isa/ops.ts';
import { loadThroughBtf, loadThroughMapPointer } from './btf-walk.ts';
import { contextAccess, fieldAccess, SOCK_COMMON_FIELDS, SOCKET_FIELDS, TCP_SOCK_FIELDS } from './context.ts';
import type { Env } from './env.ts';
import { accessKptr } from './kptr.ts';
import { isReadOnly } from './map-rules.ts';
import { MAX_VAR_OFF } from './program.ts';
import { makeKnown, makePointer, signExtendTo64, truncate } from './range.ts';
import { type SpecialField, specialFields } from './record.ts';
import { FLAG, isPacket, isSocket, KIND, kindOf, type Reg, typeName } from './reg.ts';
import { checkStackBounds, readStack, writeStack } from './stack.ts';
import * as tnum from './tnum.ts';
import { toDouble, toDoubleU } from './u64.ts';

const BPF_F_WRONLY_PROG = 1 << 8;

export interface Access {
  /** Instruction offset plus nothing: the fixed part of the pointer is added here. */
  readonly off: number;
  readonly size: number;
  readonly write: boolean;
  /** Loads: target register; stores: source register; -1: neither. */
  readonly reg: number;
  /** A stored constant. */
  readonly constant?: number | undefined;
  /** Atomics must be aligned everywhere. */
  readonly strict?: boolean;
  /** A sign-extending load. */
  readonly signed?: boolean;
}

const scratch: tnum.Tnum = { vLo: 0, vHi: 0, mLo: 0, mHi: 0 };
const fixed: tnum.Tnum = { vLo: 0, vHi: 0, mLo: 0, mHi: 0 };

const ALIGN_NAMES = new Map<number, string>([
  [KIND.FLOW_KEYS, 'flow keys '],
  [KIND.MAP_KEY, 'key '],
  [KIND.MAP_VALUE, 'value '],
  [KIND.CTX, 'context '],
  [KIND.STACK, 'stack '],
  [KIND.SOCKET, 'sock '],
  [KIND.SOCK_COMMON, 'sock_common '],
  [KIND.TCP_SOCK, 'tcp_sock '],
  [KIND.XDP_SOCK, 'xdp_sock '],
]);

/** x86 does unaligned accesses; the stack and atomics must be aligned all the same. */
export function checkAlignment(env: Env, r: Readonly<Reg>, off: number, size: number, strictOnce: boolean): void {
  // An arena is memory like user space's: what faults there gives zero.
  if (r.type === KIND.ARENA) return;
  const strict = strictOnce || env.options.strictAlignment || r.type === KIND.STACK;
  if (!strict || size === 1) return;
  const packet = isPacket(r.type) && (r.type === KIND.PKT || r.type === KIND.PKT_META);
  const base = (packet ? 2 : 0) + r.off + off;
  tnum.set(fixed, base, base >> 31, 0, 0);
  tnum.add(scratch, r, fixed);
  if (((scratch.vLo | scratch.mLo) & (size - 1)) === 0) return;
  const text = env.options.features.preciseReturns ? tnum.format(r) : tnum.formatBits(r);
  env.fail(
    'alignment',
    packet
      ? `misaligned packet access off 2+${text}+${r.off}+${off} size ${size}`
      : `misaligned ${ALIGN_NAMES.get(r.type) ?? ''}access off ${text}+${r.off}+${off} size ${size}`,
  );
}

/** A fixed [off, off + size) lies in a memory of `memSize` bytes; says why not and answers false otherwise. */
function insideMemory(
  env: Env,
  regno: number,
  off: number,
  size: number,
  memSize: number,
  zeroAllowed: boolean,
): boolean {
  if (off >= 0 && (size > 0 || (size === 0 && zeroAllowed)) && off + size <= memSize >>> 0) return true;
  const r = env.regs[regno]!;
  switch (r.type) {
    case KIND.MAP_KEY:
      env.say(`invalid access to map key, key_size=${memSize} off=${off} size=${size}`);
      break;
    case KIND.MAP_VALUE:
      env.say(`invalid access to map value, value_size=${memSize} off=${off} size=${size}`);
      break;
    case KIND.PKT:
    case KIND.PKT_META:
    case KIND.PKT_END:
      env.say(`invalid access to packet, off=${off} size=${size}, R${regno}(id=${r.id},off=${off},r=${memSize})`);
      break;
    default:
      env.say(`invalid access to memory, mem_size=${memSize >>> 0} off=${off} size=${size}`);
  }
  return false;
}

/** The access with the pointer's whole range of offsets lies in the memory. `off` includes the fixed part. */
export function checkRegion(
  env: Env,
  regno: number,
  off: number,
  size: number,
  memSize: number,
  zeroAllowed: boolean,
): void {
  const r = env.regs[regno]!;
  const smin = toDouble(r.sminLo, r.sminHi);
  if (r.sminHi < 0 && (smin + off < 0 || smin + off !== (smin + off) >> 0)) {
    env.fail('bounds', `R${regno} min value is negative, either use unsigned index or do a if (index >=0) check.`);
  }
  if (!insideMemory(env, regno, (r.sminLo + off) | 0, size, memSize, zeroAllowed)) {
    env.fail('bounds', `R${regno} min value is outside of the allowed memory range`);
  }
  if (toDoubleU(r.umaxLo, r.umaxHi) >= MAX_VAR_OFF) {
    env.fail('bounds', `R${regno} unbounded memory access, make sure to bounds check any such access`);
  }
  if (!insideMemory(env, regno, (r.umaxLo + off) | 0, size, memSize, zeroAllowed)) {
    env.fail('bounds', `R${regno} max value is outside of the allowed memory range`);
  }
}

export function checkMapDirection(env: Env, regno: number, off: number, size: number, write: boolean): void {
  const { spec } = env.map(env.regs[regno]!.aux);
  if (write ? isReadOnly(spec) : spec.flags & BPF_F_WRONLY_PROG) {
    env.fail(
      'type',
      `${write ? 'write into' : 'read from'} map forbidden, value_size=${spec.valueSize} off=${off} size=${size}`,
    );
  }
}

/** Inside the value, and not on a field that only helpers may touch (spin locks, timers). Answers the kernel pointer field that is accessed, if any. */
export function checkMapValue(
  env: Env,
  regno: number,
  off: number,
  size: number,
  zeroAllowed: boolean,
  direct: boolean,
): SpecialField | undefined {
  const r = env.regs[regno]!;
  const map = env.map(r.aux);
  checkRegion(env, regno, off, size, map.spec.valueSize, zeroAllowed);
  for (const field of specialFields(env, map)) {
    const from = toDouble(r.sminLo, r.sminHi) + off;
    const to = toDoubleU(r.umaxLo, r.umaxHi) + off + size;
    if (from >= field.offset + field.size || field.offset >= to) continue;
    if (!field.kptr) env.fail('type', `${field.name} cannot be accessed directly by load/store`);
    if (!direct) env.fail('type', 'kptr cannot be accessed indirectly by helper');
    if (!tnum.isConst(r)) env.fail('type', 'kptr access cannot have variable offset');
    if (field.offset !== off + r.vLo) {
      env.fail('type', `kptr access misaligned expected=${field.offset} off=${off + r.vLo}`);
    }
    if (size !== 8) env.fail('type', 'kptr access size must be BPF_DW');
    return field;
  }
  return undefined;
}

export function checkPacket(env: Env, regno: number, off: number, size: number, zeroAllowed: boolean): void {
  const r = env.regs[regno]!;
  if (r.sminHi < 0) {
    env.fail('bounds', `R${regno} min value is negative, either use unsigned index or do a if (index >=0) check.`);
  }
  if (r.aux < 0 || !insideMemory(env, regno, off, size, r.aux, zeroAllowed)) {
    env.fail('bounds', `R${regno} offset is outside of the packet`);
  }
}

const READ_ONLY_PACKET = new Set([
  'lwt_in',
  'lwt_out',
  'lwt_seg6local',
  'sk_reuseport',
  'flow_dissector',
  'cgroup_skb',
]);
const WRITABLE_PACKET = new Set(['sched_cls', 'sched_act', 'xdp', 'lwt_xmit', 'sk_skb', 'sk_msg', 'cgroup_sockopt']);

/** May programs of this type touch packet bytes by themselves? */
export function packetAllowed(env: Env, write: boolean): boolean {
  const { name } = env.progType;
  return WRITABLE_PACKET.has(name) || (!write && READ_ONLY_PACKET.has(name));
}

/** A pointer that may only be used as it was given: no variable offset, and no fixed one unless `fixedOk`. */
export function checkUnmodified(env: Env, r: Readonly<Reg>, regno: number, fixedOk: boolean): void {
  if (r.off < 0) {
    env.fail('type', `negative offset ${typeName(r.type)} ptr R${regno} off=${r.off} disallowed`);
  }
  if (!fixedOk && r.off !== 0) {
    env.fail('type', `dereference of modified ${typeName(r.type)} ptr R${regno} off=${r.off} disallowed`);
  }
  // Kernel functions do not ask first whether their arguments were ever set: nothing is known of one that was not.
  const offset = r.type === KIND.NOT_INIT ? env.unknown : r;
  if (!tnum.isConst(offset) || (offset.vLo | offset.vHi) !== 0) {
    env.fail('type', `variable ${typeName(r.type)} access var_off=${tnum.format(offset)} disallowed`);
  }
}

function checkBuffer(env: Env, name: string, regno: number, off: number, size: number): void {
  const r = env.regs[regno]!;
  if (off < 0) env.fail('bounds', `R${regno} invalid ${name} buffer access: off=${off}, size=${size}`);
  if (!tnum.isConst(r) || (r.vLo | r.vHi) !== 0) {
    env.fail('bounds', `R${regno} invalid variable buffer offset: off=${off}, var_off=${tnum.format(r)}`);
  }
}

export { checkBuffer };

function checkNoLeak(env: Env, a: Access, where: string): void {
  if (a.write && a.reg >= 0 && env.isHiddenPointer(env.regs[a.reg]!)) {
    env.fail('leak', `R${a.reg} leaks addr into ${where}`);
  }
}

/** Contents of a frozen map are constants: .rodata. */
function readConstant(env: Env, r: Readonly<Reg>, off: number, a: Access): Readonly<Reg> | undefined {
  const { spec } = env.map(r.aux);
  if (!spec.readOnly || !isReadOnly(spec) || spec.type !== 'array' || !tnum.isConst(r)) return undefined;
  const bytes = spec.initial?.[0]?.value;
  const at = off + r.vLo;
  if (!bytes || at + a.size > bytes.length) return undefined;
  let lo = 0;
  let hi = 0;
  for (let i = 0; i < a.size && i < 4; i++) lo |= bytes[at + i]! << (i * 8);
  for (let i = 4; i < a.size; i++) hi |= bytes[at + i]! << ((i - 4) * 8);
  if (a.signed) {
    if (a.size < 4) lo = (lo << (32 - a.size * 8)) >> (32 - a.size * 8);
    if (a.size < 8) hi = lo >> 31;
  }
  return makeKnown(lo, hi);
}

function accessContext(env: Env, regno: number, off: number, a: Access): void {
  checkNoLeak(env, a, 'ctx');
  checkUnmodified(env, env.regs[regno]!, regno, false);
  const result = contextAccess(env, off, a.size, a.write, a.signed === true);
  if (!result) env.fail('context', `invalid bpf_context access off=${off} size=${a.size}`);
  if (a.write || a.reg < 0) return;
  if (result!.type === KIND.SCALAR) {
    env.setUnknown(a.reg);
    return;
  }
  const loaded = makePointer(result!.type);
  loaded.aux = result!.btfId;
  if (loaded.mayBeNull) loaded.id = env.newId();
  env.setReg(a.reg, loaded);
}

function accessSocket(env: Env, regno: number, off: number, a: Access): void {
  const r = env.regs[regno]!;
  if (a.write) env.fail('type', `R${regno} cannot write into ${typeName(r.type)}`);
  if (r.sminHi < 0) {
    env.fail('bounds', `R${regno} min value is negative, either use unsigned index or do a if (index >=0) check.`);
  }
  const fields =
    r.type === KIND.SOCKET
      ? SOCKET_FIELDS
      : r.type === KIND.SOCK_COMMON
        ? SOCK_COMMON_FIELDS
        : r.type === KIND.TCP_SOCK
          ? TCP_SOCK_FIELDS
          : undefined;
  const ok =
    r.type === KIND.XDP_SOCK
      ? off === 0 && a.size === 4
      : fields !== undefined && fieldAccess(fields, off, a.size, false, undefined, false) !== undefined;
  if (!ok) env.fail('context', `R${regno} invalid ${typeName(r.type)} access off=${off} size=${a.size}`);
  if (a.reg >= 0) env.setUnknown(a.reg);
}

/** Check one load or store through register `regno`, and set the loaded register. */
export function accessMemory(env: Env, regno: number, a: Access): void {
  const r = env.regs[regno]!;
  checkAlignment(env, r, a.off, a.size, a.strict === true);
  const off = a.off + r.off;
  const load = !a.write && a.reg >= 0;
  const kind = kindOf(r.type);
  const plain = (env.program.code.opcode[env.insn]! & 7) <= CLASS.STX && a.strict !== true;
  env.facts.access(env, r, a.off, a.size, plain);
  if (a.write && a.reg >= 0) env.facts.exposeFrame(env, env.regs[a.reg]!);
  if (r.type === KIND.STACK) {
    checkStackBounds(env, regno, off, a.size, a.write);
    if (a.write) writeStack(env, regno, off, a.size, a.reg, a.constant);
    else readStack(env, regno, off, a.size, a.reg);
  } else if (r.type === KIND.MAP_VALUE) {
    checkNoLeak(env, a, 'map');
    checkMapDirection(env, regno, off, a.size, a.write);
    const kptr = checkMapValue(env, regno, off, a.size, false, true);
    if (kptr) accessKptr(env, kptr, a);
    else if (load) env.setReg(a.reg, readConstant(env, r, off, a) ?? env.unknown);
  } else if (r.type === KIND.MAP_KEY) {
    if (a.write) env.fail('type', `write to change key R${regno} not allowed`);
    checkRegion(env, regno, off, a.size, env.map(r.aux).spec.keySize, false);
    if (load) env.setUnknown(a.reg);
  } else if (kind === KIND.MEM) {
    if (r.mayBeNull) env.fail('null', `R${regno} invalid mem access '${typeName(r.type)}'`);
    if (a.write && r.type & FLAG.RDONLY) env.fail('type', `R${regno} cannot write into ${typeName(r.type)}`);
    checkNoLeak(env, a, 'mem');
    if (r.type & FLAG.UNTRUSTED) {
      // Loads become probe reads: any address is as good as another.
      if (load) env.setUnknown(a.reg);
    } else {
      checkRegion(env, regno, off, a.size, r.aux, false);
      if (load) env.setUnknown(a.reg);
    }
  } else if (r.type === KIND.CTX) {
    accessContext(env, regno, off, a);
  } else if (isPacket(r.type)) {
    if (a.write && !packetAllowed(env, true)) env.fail('type', 'cannot write into packet');
    checkNoLeak(env, a, 'packet');
    checkPacket(env, regno, off, a.size, false);
    if (load) env.setUnknown(a.reg);
  } else if (r.type === KIND.FLOW_KEYS) {
    checkNoLeak(env, a, 'flow keys');
    if (off < 0 || off + a.size > FLOW_KEYS_SIZE) {
      env.fail('bounds', `invalid access to flow keys off=${off} size=${a.size}`);
    }
    if (load) env.setUnknown(a.reg);
  } else if (isSocket(r.type)) {
    accessSocket(env, regno, off, a);
  } else if (r.type === KIND.TP_BUFFER) {
    checkBuffer(env, 'tracepoint', regno, off, a.size);
    if (load) env.setUnknown(a.reg);
  } else if (kind === KIND.BTF_ID && !r.mayBeNull) {
    loadThroughBtf(env, regno, off, a);
  } else if (r.type === KIND.ARENA) {
    if (load) env.setUnknown(a.reg);
  } else if (r.type === KIND.MAP_PTR) {
    loadThroughMapPointer(env, regno, off, a);
  } else if (kind === KIND.BUF && !r.mayBeNull) {
    const readOnly = (r.type & FLAG.RDONLY) !== 0;
    if (readOnly && a.write) env.fail('type', `R${regno} cannot write into ${typeName(r.type)}`);
    checkBuffer(env, readOnly ? 'rdonly' : 'rdwr', regno, off, a.size);
    if (load) env.setUnknown(a.reg);
  } else {
    env.fail(r.mayBeNull ? 'null' : 'type', `R${regno} invalid mem access '${typeName(r.type)}'`);
  }
  if (load && a.size < 8) {
    const loaded = env.regs[a.reg]!;
    if (loaded.type === KIND.SCALAR) {
      const narrow = loaded.clone();
      if (a.signed) signExtendTo64(narrow, a.size);
      else truncate(narrow, a.size);
      env.setReg(a.reg, narrow);
    }
  }
}

const FLOW_KEYS_SIZE = 56;

/** One load or store instruction may not serve two kinds of pointer that are translated differently. */
export function rememberPointer(env: Env, type: number, trustMayDiffer: boolean): void {
  const before = env.pointerAt[env.insn]!;
  if (before === 0) {
    env.pointerAt[env.insn] = type;
    return;
  }
  if (before === type || (!isTranslated(before) && !isTranslated(type))) return;
  if (trustMayDiffer && kindOf(type) === KIND.BTF_ID && kindOf(before) === KIND.BTF_ID) {
    env.pointerAt[env.insn] = KIND.BTF_ID | FLAG.UNTRUSTED;
    return;
  }
  env.fail('type', 'same insn cannot be used with different pointers');
}

function isTranslated(type: number): boolean {
  const kind = kindOf(type);
  return (
    kind === KIND.CTX ||
    kind === KIND.SOCKET ||
    kind === KIND.SOCK_COMMON ||
    kind === KIND.TCP_SOCK ||
    kind === KIND.XDP_SOCK ||
    kind === KIND.BTF_ID
  );
}
