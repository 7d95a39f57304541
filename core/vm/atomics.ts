/**
 * Atomic read-modify-write for the interpreter (RFC 9669 section 5.3). Programs of one memory run on one thread, so
 * plain loads and stores are atomic enough. `imm` is the operation as the instruction has it: an operation of the opcode
 * table without a case here is found when this file is type-checked.
 */
import { ATOMIC_FETCH, type AtomicOp, type AtomicRow } from '../isa/ops.ts';

/** Loads and stores that order others are no read-modify-writes. */
export type RmwImm = Extract<AtomicRow, { name: Exclude<AtomicOp, 'load_acq' | 'store_rel'> }>['imm'];

/** s is the register index of src; r0 is r[0], r[1]. */
export function atomic32(view: DataView, at: number, imm: RmwImm, r: Int32Array, s: number): void {
  const old = view.getInt32(at, true);
  if (imm === 0xf1) {
    if (old === r[0]) view.setInt32(at, r[s]!, true);
    r[0] = old;
    r[1] = 0;
    return;
  }
  view.setInt32(at, combine(imm, old, r[s]!), true);
  if ((imm & ATOMIC_FETCH) === 0) return;
  r[s] = old;
  r[s + 1] = 0;
}

export function atomic64(view: DataView, at: number, imm: RmwImm, r: Int32Array, s: number): void {
  const oldLo = view.getInt32(at, true);
  const oldHi = view.getInt32(at + 4, true);
  const lo = r[s]!;
  const hi = r[s + 1]!;
  if (imm === 0xf1) {
    if (oldLo === r[0] && oldHi === r[1]) store(view, at, lo, hi);
    r[0] = oldLo;
    r[1] = oldHi;
    return;
  }
  const newLo = combine(imm, oldLo, lo);
  // What the low halves add up to goes over into the high ones.
  const carry = (imm === 0x00 || imm === 0x01) && newLo >>> 0 < lo >>> 0 ? 1 : 0;
  store(view, at, newLo, (combine(imm, oldHi, hi) + carry) | 0);
  if ((imm & ATOMIC_FETCH) === 0) return;
  r[s] = oldLo;
  r[s + 1] = oldHi;
}

function store(view: DataView, at: number, lo: number, hi: number): void {
  view.setInt32(at, lo, true);
  view.setInt32(at + 4, hi, true);
}

/** What is stored: half by half. */
function combine(imm: Exclude<RmwImm, 0xf1>, a: number, b: number): number {
  switch (imm) {
    case 0x00:
    case 0x01:
      return (a + b) | 0;
    case 0x40:
    case 0x41:
      return a | b;
    case 0x50:
    case 0x51:
      return a & b;
    case 0xa0:
    case 0xa1:
      return a ^ b;
    case 0xe1:
      return b;
    default:
      return missing(imm);
  }
}

function missing(imm: never): never {
  throw new Error(`atomic operation 0x${Number(imm).toString(16)} has no meaning`);
}
