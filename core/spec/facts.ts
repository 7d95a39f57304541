/**
 * Facts about single instructions: what held at an instruction every time the verifier came there, and so holds every time it runs
 * (core/verifier/facts.ts says why). Typed arrays by slot of the program as it was verified: an engine looks a fact up while it compiles.
 */

/** What a memory operand is based on. */
export const BASE = {
  /** No memory operand, or an instruction that no path reaches. */
  none: 0,
  /** The stack frame of the function that the instruction is in. */
  stack: 1,
  ctx: 2,
  map_value: 3,
  packet: 4,
  /** Anything else: another function's stack frame, a kernel object, memory that a helper gave. */
  other: 5,
  /** Not the same at every visit. */
  various: 6,
} as const;
export type BaseCode = (typeof BASE)[keyof typeof BASE];

/** An offset that is not one number. */
export const ANY_OFFSET = -0x80000000;

/** Bits of `InsnFacts.values`: what the operands are before the instruction. */
export const VALUE = {
  /** The destination register's upper half is 0. */
  dst_u32: 1,
  /** So is the second operand's; an immediate counts where its 64-bit value has none. */
  src_u32: 2,
  /** The second operand is not 0, in the width of the instruction. */
  src_not_zero: 4,
  /** Jumps: both operands are addresses in the linear memory, so their upper halves are the same. */
  addresses: 8,
  /** Conditional jumps: always taken. */
  always: 16,
  /** Conditional jumps: never taken. */
  never: 32,
} as const;

export interface InsnFacts {
  /** BASE of what a load, store or atomic goes through; of a map_lookup_elem call: of the key. */
  readonly base: Uint8Array;
  /**
   * Where the access (or the key) begins, in bytes, when it is the same at every visit: from the frame pointer (negative), from the start of the
   * context or of the map's value. ANY_OFFSET otherwise.
   */
  readonly offset: Int32Array;
  /** Bits of VALUE. */
  readonly values: Uint8Array;
  /**
   * By first slot of a function, the 512 bytes of its stack frame, the lowest address first: 1 for a byte that something may touch which is neither a plain
   * load nor store with base `stack` and a known offset, nor a lookup with such a key: helpers, callees, atomics, computed addresses. A
   * byte with 0 need not be in memory.
   */
  readonly exposed: ReadonlyMap<number, Uint8Array>;
}
