/**
 * Where JavaScript and the C++ engine meet: a stretch of the linear memory with a header and one block for every level of
 * nesting (a run inside a helper of another run, a callback). All that a run needs is written there before the doorbell is rung,
 * all that came of it is read there afterwards, so the native call itself takes no argument and returns nothing.
 *
 * C++ sees the same numbers through native/gen/layout.gen.h, which is printed from this file.
 */

import { MAX_NESTING } from '../../core/vm/layout.ts';

/** Levels: each holds a stack area, so as many as there can be of those. */
export const LEVELS = MAX_NESTING;

/** Bytes of the header. */
export const HEADER_BYTES = 64;

/**
 * Byte offsets in the header. A short way for the commonest case, one run of a verified program that nothing surrounds: what is particular to
 * the run, and no more, is written here, since writing a whole block costs more than a short program's run.
 */
export const BELL = {
  /** The level that the doorbell is rung for, or OUTERMOST: level 0 begins a run of PROGRAM, with CTX, R2, FUEL and STACK. */
  LEVEL: 0,
  CTX: 8,
  R2: 12,
  /** 64 bits signed. */
  FUEL: 16,
  PROGRAM: 24,
  /** Offset of the stack area. C++ compares it together with PROGRAM. */
  STACK: 28,
} as const;
/** In LEVEL. */
export const OUTERMOST = 0xffffffff;

/** Byte offsets in a level's block. 32-bit words, where nothing else is said. */
export const BLOCK = {
  /** r0 to r10, 64 bits each: the register file that helpers get. */
  REGS: 0,
  /** Fuel left, 64 bits signed. */
  FUEL: 96,
  COMMAND: 104,
  STATUS: 108,
  /** In: the program to run. Out: the one that was running (a tail call may have changed it). */
  PROGRAM: 112,
  /** In: slot to start at. Out: slot of the instruction that the status is about. */
  PC: 116,
  /** Offset of the stack area. */
  STACK: 120,
  /** Out: BPF functions on the stack below the running one. */
  DEPTH: 124,
  /** 1: every access is checked against stack and regions. */
  CHECKED: 128,
  /** Offset of a table of regions (three words each: offset, size, writable) and how many there are. */
  REGIONS: 132,
  REGION_COUNT: 136,
  /** In: runs of a batch, 0 for one run with no result stored. Out: how many are left, the present one among them. Then: bytes from one ctx to the next; where results go (0: nowhere). */
  BATCH_COUNT: 140,
  BATCH_STRIDE: 144,
  BATCH_RESULT: 148,
  /** Tail calls made by the run. Set before it begins, counted by the caller, cleared for each run of a batch. */
  TAIL_CALLS: 152,
  /** How many regions there were before helpers handed out more. */
  REGION_BASE: 156,
} as const;
export const BLOCK_BYTES = 192;
export const STATE_BYTES = HEADER_BYTES + LEVELS * BLOCK_BYTES;

/** What the doorbell is rung for. */
export const COMMAND = {
  /** Begin at PC. */
  start: 0,
  /** Go on behind the call that the last status was about. */
  resume: 1,
  /** Go on at the start of PROGRAM, in the same frame. */
  tail: 2,
  /** Leave the running function. */
  leave: 3,
} as const;

/** Why C++ came back. */
export const STATUS = {
  done: 0,
  /** A helper or kfunc that C++ does not have. */
  call: 1,
  tail_call: 2,
  /** ld_abs, ld_ind. */
  packet: 3,
  out_of_fuel: 4,
  too_deep: 5,
  no_access: 6,
  unreachable: 7,
  /** The block asks for what does not exist: a mistake of the caller. */
  bad_request: 8,
} as const;

/** Bytes of one row of a region table. */
export const REGION_BYTES = 12;
