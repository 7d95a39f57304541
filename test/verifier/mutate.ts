/**
 * Near-valid programs: accepted ones with one to three small mistakes of the kind people and compilers make. Deterministic for
 * a seed.
 */
import { OP_CALL, OP_EXIT, OP_LD_IMM64 } from '../../core/isa/ops.ts';

/** xorshift32: small, fast, the same everywhere. */
export class Random {
  #state: number;
  constructor(seed: number) {
    this.#state = (seed ^ 0x9e3779b9) | 0 || 1;
    for (let i = 0; i < 8; i++) this.next();
  }

  /** A non-negative number below 2^31. */
  next(): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x | 0;
    return x >>> 1;
  }

  below(n: number): number {
    return this.next() % n;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }
}

const NUMBERS = [
  0, 1, -1, 2, 3, 4, 7, 8, -8, 15, 16, 31, 32, 33, 63, 64, 127, 128, 255, 256, -256, 511, 512, -512, 4095, 4096, 65535,
  65536, 0x7fffffff, -0x80000000, -0x7fffffff, 0x1fffffff, 0x20000000, -2, -4,
];
const ALU = [0x00, 0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70, 0x80, 0x90, 0xa0, 0xb0, 0xc0];
const CONDITIONS = [0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70, 0xa0, 0xb0, 0xc0, 0xd0];
const SIZES = [0x00, 0x08, 0x10, 0x18];
const ATOMICS = [0x00, 0x01, 0x40, 0x41, 0x50, 0x51, 0xa0, 0xa1, 0xe1, 0xf1, 0x100, 0x110];
const HELPERS = [1, 2, 3, 5, 6, 7, 8, 12, 14, 15, 16, 25, 28, 44, 65, 113, 115, 130, 131, 132, 181, 4, 45, 67, 35, 158];

interface Slots {
  readonly view: DataView;
  readonly count: number;
  readonly starts: readonly number[];
}

function slotsOf(insns: Uint8Array): Slots {
  const view = new DataView(insns.buffer, insns.byteOffset, insns.byteLength);
  const starts: number[] = [];
  const count = insns.length / 8;
  for (let i = 0; i < count; i++) {
    starts.push(i);
    if (view.getUint8(i * 8) === OP_LD_IMM64) i++;
  }
  return { view, count, starts };
}

function isJump(code: number): boolean {
  const cls = code & 7;
  return (cls === 5 || cls === 6) && code !== OP_CALL && code !== OP_EXIT;
}

/** Make room for one slot before `at`, moving jumps and calls that cross it. */
export function insertSlot(insns: Uint8Array, at: number, insn: Uint8Array): Uint8Array {
  const out = new Uint8Array(insns.length + 8);
  out.set(insns.subarray(0, at * 8));
  out.set(insn, at * 8);
  out.set(insns.subarray(at * 8), at * 8 + 8);
  const { view, starts } = slotsOf(out);
  for (const i of starts) {
    if (i === at) continue;
    const code = view.getUint8(i * 8);
    const from = i < at ? i : i - 1;
    const shift = (distance: number): number => {
      const to = from + 1 + distance;
      return (to >= at ? to + 1 : to) - i - 1;
    };
    const src = view.getUint8(i * 8 + 1) >> 4;
    if (code === 0x06 || (code === OP_CALL && src === 1) || (code === OP_LD_IMM64 && src === 4)) {
      view.setInt32(i * 8 + 4, shift(view.getInt32(i * 8 + 4, true)), true);
    } else if (isJump(code)) view.setInt16(i * 8 + 2, shift(view.getInt16(i * 8 + 2, true)), true);
  }
  return out;
}

/** One mutation of a copy. `donors` lend instructions; `functions` are slots of functions, which move with what is inserted. */
function mutateOnce(insns: Uint8Array, random: Random, donors: readonly Uint8Array[], functions: number[]): Uint8Array {
  const out = insns.slice();
  const { view, starts } = slotsOf(out);
  const i = random.pick(starts);
  const at = i * 8;
  const code = view.getUint8(at);
  const cls = code & 7;
  const regs = view.getUint8(at + 1);
  const wide = code === OP_LD_IMM64;
  switch (random.below(13)) {
    case 0:
      // Drop it.
      if (wide) return out;
      out.set([0x05, 0, 0, 0, 0, 0, 0, 0], at);
      return out;
    case 1:
      if (code === OP_CALL) view.setInt32(at + 4, random.pick(HELPERS), true);
      else view.setInt32(at + 4, view.getInt32(at + 4, true) + random.pick([1, -1, 2, -2, 8, -8]), true);
      return out;
    case 2:
      view.setInt32(at + 4, random.pick(NUMBERS), true);
      return out;
    case 3:
      view.setInt16(at + 2, view.getInt16(at + 2, true) + random.pick([1, -1, 2, -2, 4, -4, 8, -8]), true);
      return out;
    case 4:
      if (cls <= 3 && !wide) view.setUint8(at, (code & ~0x18) | random.pick(SIZES));
      return out;
    case 5:
      view.setUint8(at + 1, (regs & 0xf0) | random.below(11));
      return out;
    case 6:
      if (cls !== 5 || code !== OP_CALL) view.setUint8(at + 1, (regs & 15) | (random.below(11) << 4));
      return out;
    case 7:
      if (isJump(code)) view.setUint8(at, (code & 15) | random.pick(CONDITIONS));
      else if (cls === 4 || cls === 7) view.setUint8(at, (code & 15) | random.pick(ALU));
      else if ((code & 0xe7) === 0xc3) view.setInt32(at + 4, random.pick(ATOMICS), true);
      return out;
    case 8:
      // The other width.
      if (isJump(code)) view.setUint8(at, (code & ~7) | (cls === 5 ? 6 : 5));
      else if (cls === 4 || cls === 7) view.setUint8(at, (code & ~7) | (cls === 4 ? 7 : 4));
      else if (cls === 1) view.setUint8(at, (code & ~0xe0) | ((code & 0xe0) === 0x60 ? 0x80 : 0x60));
      return out;
    case 9:
      if (cls >= 4 && code !== OP_CALL && code !== OP_EXIT) {
        view.setUint8(at, code ^ 8);
        if (view.getUint8(at) & 8) view.setInt32(at + 4, 0, true);
        else view.setUint8(at + 1, regs & 15);
      }
      return out;
    case 10:
    case 11: {
      const donor = random.pick(donors);
      const from = slotsOf(donor);
      const j = random.pick(from.starts);
      const donorCode = donor[j * 8]!;
      if (donorCode === OP_LD_IMM64 || isJump(donorCode) || donorCode === OP_EXIT) return out;
      if (donorCode === OP_CALL && donor[j * 8 + 1]! >> 4 !== 0) return out;
      functions.forEach((start, k) => {
        if (start >= i && start > 0) functions[k] = start + 1;
      });
      return insertSlot(out, i, donor.slice(j * 8, j * 8 + 8));
    }
    default: {
      // Swap with the next one.
      const next = starts[starts.indexOf(i) + 1];
      if (next === undefined || wide || view.getUint8(next * 8) === OP_LD_IMM64) return out;
      const a = out.slice(at, at + 8);
      out.set(out.slice(next * 8, next * 8 + 8), at);
      out.set(a, next * 8);
      return out;
    }
  }
}

/** One to three mutations. `functions`: slots where functions start, changed as they move. */
export function mutate(
  insns: Uint8Array,
  random: Random,
  donors: readonly Uint8Array[],
  functions: number[] = [],
): Uint8Array {
  let out = insns;
  for (let n = 1 + random.below(3); n > 0; n--) out = mutateOnce(out, random, donors, functions);
  return out;
}
