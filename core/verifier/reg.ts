/**
 * What the walk knows of one register (or of a spilled one): its kind, and for numbers and variable offsets the tnum and
 * the four ranges (unsigned and signed, 64 and 32 bits).
 *
 * A `Reg` that a frame holds is never changed: an instruction makes a new one. So a copy of a state copies references, two
 * states compare equal registers by identity, and a spilled register cannot alias the live one. All fields are int32
 * (64-bit values as two halves, u32 values as their int32 bit pattern): V8 keeps them unboxed.
 */
import { isConst, isZero, type Tnum } from './tnum.ts';
import { slt } from './u64.ts';

/** Kinds of registers: the low byte of `type`. */
export const KIND = {
  NOT_INIT: 0,
  SCALAR: 1,
  CTX: 2,
  MAP_PTR: 3,
  MAP_VALUE: 4,
  MAP_KEY: 5,
  STACK: 6,
  PKT_META: 7,
  PKT: 8,
  PKT_END: 9,
  FLOW_KEYS: 10,
  SOCKET: 11,
  SOCK_COMMON: 12,
  TCP_SOCK: 13,
  TP_BUFFER: 14,
  XDP_SOCK: 15,
  BTF_ID: 16,
  MEM: 17,
  BUF: 18,
  FUNC: 19,
  DYNPTR: 20,
  ARENA: 21,
} as const;

/** Names the kernel prints for them, by number. */
const KIND_NAMES = [
  '?',
  'scalar',
  'ctx',
  'map_ptr',
  'map_value',
  'map_key',
  'fp',
  'pkt_meta',
  'pkt',
  'pkt_end',
  'flow_keys',
  'sock',
  'sock_common',
  'tcp_sock',
  'tp_buffer',
  'xdp_sock',
  'ptr_',
  'mem',
  'buf',
  'func',
  'dynptr_ptr',
  'arena',
] as const;

/** Modifiers: bits above the kind. */
export const FLAG = {
  MAYBE_NULL: 1 << 8,
  RDONLY: 1 << 9,
  RINGBUF: 1 << 10,
  USER: 1 << 11,
  PERCPU: 1 << 12,
  RCU: 1 << 13,
  UNTRUSTED: 1 << 14,
  TRUSTED: 1 << 15,
  ALLOC: 1 << 16,
  NON_OWN_REF: 1 << 17,
  /** Memory taken from a dynptr over a packet: void when the packet moves. */
  PACKET_SLICE: 1 << 18,
} as const;

/**
 * Set in `id` of a number that is another number plus the constant `off`, added in 64 or in 32 bits (kernel:
 * BPF_ADD_CONST64, BPF_ADD_CONST32).
 */
export const ADD_CONST64 = 1 << 30;
export const ADD_CONST32 = 1 << 29;
export const ADD_CONST = ADD_CONST64 | ADD_CONST32;

export function kindOf(type: number): number {
  return type & 0xff;
}

/** The kernel's reg_type_str. */
export function typeName(type: number): string {
  const kind = kindOf(type);
  let prefix = '';
  if (type & FLAG.RDONLY) prefix += 'rdonly_';
  if (type & FLAG.RINGBUF) prefix += 'ringbuf_';
  if (type & FLAG.USER) prefix += 'user_';
  if (type & FLAG.PERCPU) prefix += 'percpu_';
  if (type & FLAG.RCU) prefix += 'rcu_';
  if (type & FLAG.UNTRUSTED) prefix += 'untrusted_';
  if (type & FLAG.TRUSTED) prefix += 'trusted_';
  const nullable = type & FLAG.MAYBE_NULL ? (kind === KIND.BTF_ID ? 'or_null_' : '_or_null') : '';
  return `${prefix}${KIND_NAMES[kind]}${nullable}`;
}

export class Reg implements Tnum {
  type: number;
  /** Fixed part of a pointer's offset; for a linked number the constant added to its base. */
  off: number;
  /**
   * What the kind needs: packet range, size of MEM, index of the map, BTF id, number of the subprogram, type of the dynptr.
   * AT_PKT_END and BEYOND_PKT_END are negative packet ranges.
   */
  aux: number;
  /** Second such field: id of the inner map, id of the dynptr a slice came from (or, negative, of the reference that this memory is gone with), 1 for a BTF id of the program's own BTF, first-slot mark of a dynptr, depth of an iterator. */
  aux2: number;
  /** Registers with the same id hold the same value (numbers), come from the same lookup (or-null), or have one base (packet). */
  id: number;
  /** The reference this pointer holds, or 0. */
  refObjId: number;
  /** Frame that a stack pointer points into. */
  frame: number;
  /** 1 when pruning must compare this number's range. */
  precise: number;
  vLo: number;
  vHi: number;
  mLo: number;
  mHi: number;
  uminLo: number;
  uminHi: number;
  umaxLo: number;
  umaxHi: number;
  sminLo: number;
  sminHi: number;
  smaxLo: number;
  smaxHi: number;
  u32min: number;
  u32max: number;
  s32min: number;
  s32max: number;

  /** The same register with the other precision, once one was asked for. */
  #twin: Reg | undefined;

  /** Zeros, or a copy. Every field is assigned here once, in one order: one shape, no field written twice. */
  constructor(from: Readonly<Reg> | undefined = undefined) {
    this.#twin = undefined;
    if (from === undefined) {
      this.type = 0;
      this.off = 0;
      this.aux = 0;
      this.aux2 = 0;
      this.id = 0;
      this.refObjId = 0;
      this.frame = 0;
      this.precise = 0;
      this.vLo = 0;
      this.vHi = 0;
      this.mLo = 0;
      this.mHi = 0;
      this.uminLo = 0;
      this.uminHi = 0;
      this.umaxLo = 0;
      this.umaxHi = 0;
      this.sminLo = 0;
      this.sminHi = 0;
      this.smaxLo = 0;
      this.smaxHi = 0;
      this.u32min = 0;
      this.u32max = 0;
      this.s32min = 0;
      this.s32max = 0;
    } else {
      this.type = from.type;
      this.off = from.off;
      this.aux = from.aux;
      this.aux2 = from.aux2;
      this.id = from.id;
      this.refObjId = from.refObjId;
      this.frame = from.frame;
      this.precise = from.precise;
      this.vLo = from.vLo;
      this.vHi = from.vHi;
      this.mLo = from.mLo;
      this.mHi = from.mHi;
      this.uminLo = from.uminLo;
      this.uminHi = from.uminHi;
      this.umaxLo = from.umaxLo;
      this.umaxHi = from.umaxHi;
      this.sminLo = from.sminLo;
      this.sminHi = from.sminHi;
      this.smaxLo = from.smaxLo;
      this.smaxHi = from.smaxHi;
      this.u32min = from.u32min;
      this.u32max = from.u32max;
      this.s32min = from.s32min;
      this.s32max = from.s32max;
    }
  }

  clone(): Reg {
    return new Reg(this);
  }

  /**
   * The same register, precise or not. States share registers, and the other one is made only once: so those that it is marked in go on sharing.
   * For registers that a frame holds, which do not change any more.
   */
  withPrecision(precise: 0 | 1): Readonly<Reg> {
    if (this.precise === precise) return this;
    let twin = this.#twin;
    if (twin === undefined) {
      twin = new Reg(this);
      twin.precise = precise;
      twin.#twin = this;
      this.#twin = twin;
    }
    return twin;
  }

  /** Take over tnum and ranges. */
  copyRange(from: Readonly<Reg>): void {
    this.vLo = from.vLo;
    this.vHi = from.vHi;
    this.mLo = from.mLo;
    this.mHi = from.mHi;
    this.uminLo = from.uminLo;
    this.uminHi = from.uminHi;
    this.umaxLo = from.umaxLo;
    this.umaxHi = from.umaxHi;
    this.sminLo = from.sminLo;
    this.sminHi = from.sminHi;
    this.smaxLo = from.smaxLo;
    this.smaxHi = from.smaxHi;
    this.u32min = from.u32min;
    this.u32max = from.u32max;
    this.s32min = from.s32min;
    this.s32max = from.s32max;
  }

  get kind(): number {
    return this.type & 0xff;
  }

  get isScalar(): boolean {
    return this.type === KIND.SCALAR;
  }

  get mayBeNull(): boolean {
    return (this.type & FLAG.MAYBE_NULL) !== 0;
  }
}

/** The register holds the number 0. */
export function isNull(r: Readonly<Reg>): boolean {
  return r.type === KIND.SCALAR && isZero(r);
}

/** A number all of whose bits (or, for `width` 32, low bits) are known. */
export function isConstScalar(r: Readonly<Reg>, width: 32 | 64): boolean {
  return r.type === KIND.SCALAR && (width === 32 ? r.mLo === 0 : isConst(r));
}

export function sameRange(a: Readonly<Reg>, b: Readonly<Reg>): boolean {
  return (
    a.vLo === b.vLo &&
    a.vHi === b.vHi &&
    a.mLo === b.mLo &&
    a.mHi === b.mHi &&
    a.uminLo === b.uminLo &&
    a.uminHi === b.uminHi &&
    a.umaxLo === b.umaxLo &&
    a.umaxHi === b.umaxHi &&
    a.sminLo === b.sminLo &&
    a.sminHi === b.sminHi &&
    a.smaxLo === b.smaxLo &&
    a.smaxHi === b.smaxHi &&
    a.u32min === b.u32min &&
    a.u32max === b.u32max &&
    a.s32min === b.s32min &&
    a.s32max === b.s32max
  );
}

export const AT_PKT_END = -1;
export const BEYOND_PKT_END = -2;

/** Kinds whose spill to the stack keeps what is known of them. */
const SPILLABLE = new Set<number>([
  KIND.MAP_VALUE,
  KIND.STACK,
  KIND.CTX,
  KIND.PKT,
  KIND.PKT_META,
  KIND.PKT_END,
  KIND.FLOW_KEYS,
  KIND.MAP_PTR,
  KIND.SOCKET,
  KIND.SOCK_COMMON,
  KIND.TCP_SOCK,
  KIND.XDP_SOCK,
  KIND.BTF_ID,
  KIND.BUF,
  KIND.MEM,
  KIND.FUNC,
  KIND.MAP_KEY,
  KIND.ARENA,
]);

export function isSpillable(type: number): boolean {
  return SPILLABLE.has(kindOf(type));
}

export function isPacket(type: number): boolean {
  const kind = kindOf(type);
  return kind === KIND.PKT || kind === KIND.PKT_META;
}

export function isSocket(type: number): boolean {
  return type === KIND.SOCKET || type === KIND.SOCK_COMMON || type === KIND.TCP_SOCK || type === KIND.XDP_SOCK;
}

/** Largest offset of a pointer (kernel: BPF_MAX_VAR_OFF). */
export const MAX_OFFSET = 1 << 29;

/** Surely not null: the kinds for which a comparison with 0 is decided. */
export function isNotNull(r: Readonly<Reg>): boolean {
  if (r.mayBeNull) return false;
  // An unbounded offset may wrap the sum to zero.
  if (!slt(-MAX_OFFSET, -1, r.sminLo, r.sminHi) || !slt(r.smaxLo, r.smaxHi, MAX_OFFSET, 0)) return false;
  const kind = r.kind;
  return (
    kind === KIND.SOCKET ||
    kind === KIND.TCP_SOCK ||
    kind === KIND.XDP_SOCK ||
    kind === KIND.BUF ||
    kind === KIND.MAP_VALUE ||
    kind === KIND.MAP_KEY ||
    kind === KIND.SOCK_COMMON ||
    (kind === KIND.MEM && (r.type & FLAG.UNTRUSTED) === 0) ||
    kind === KIND.MAP_PTR ||
    (kind === KIND.BTF_ID && isTrusted(r))
  );
}

const UNSAFE_FLAGS = ~(FLAG.ALLOC | FLAG.TRUSTED | FLAG.NON_OWN_REF | 0xff);

/** A kernel object that is known to be alive: referenced, or marked trusted and nothing worse. */
export function isTrusted(r: Readonly<Reg>): boolean {
  if (r.refObjId !== 0) return true;
  const kind = r.kind;
  if (kind === KIND.SOCKET || kind === KIND.SOCK_COMMON || kind === KIND.TCP_SOCK || kind === KIND.MAP_PTR) {
    return (r.type & UNSAFE_FLAGS) === 0;
  }
  return (r.type & (FLAG.ALLOC | FLAG.TRUSTED)) !== 0 && (r.type & UNSAFE_FLAGS) === 0;
}
