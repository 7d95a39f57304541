/**
 * Atomic read-modify-write for the interpreter (RFC 9669 section 5.3). Programs of one memory run on one thread, so
 * plain loads and stores are atomic enough. `imm` is the operation as the instruction has it.
 */

/** s is the register index of src; r0 is r[0], r[1]. */
export function atomic32(view: DataView, at: number, imm: number, r: Int32Array, s: number): void {
  const old = view.getInt32(at, true);
  const value = r[s]!;
  switch (imm) {
    case 0xe1:
      view.setInt32(at, value, true);
      break;
    case 0xf1:
      if (old === r[0]) view.setInt32(at, value, true);
      r[0] = old;
      r[1] = 0;
      return;
    default:
      view.setInt32(at, combine(imm, old, value), true);
      if ((imm & 1) === 0) return;
  }
  r[s] = old;
  r[s + 1] = 0;
}

export function atomic64(view: DataView, at: number, imm: number, r: Int32Array, s: number): void {
  const oldLo = view.getInt32(at, true);
  const oldHi = view.getInt32(at + 4, true);
  const lo = r[s]!;
  const hi = r[s + 1]!;
  switch (imm) {
    case 0xe1:
      store(view, at, lo, hi);
      break;
    case 0xf1:
      if (oldLo === r[0] && oldHi === r[1]) store(view, at, lo, hi);
      r[0] = oldLo;
      r[1] = oldHi;
      return;
    case 0x00:
    case 0x01: {
      const sum = (oldLo + lo) | 0;
      store(view, at, sum, (oldHi + hi + (sum >>> 0 < lo >>> 0 ? 1 : 0)) | 0);
      if (imm === 0) return;
      break;
    }
    default:
      store(view, at, combine(imm, oldLo, lo), combine(imm, oldHi, hi));
      if ((imm & 1) === 0) return;
  }
  r[s] = oldLo;
  r[s + 1] = oldHi;
}

function store(view: DataView, at: number, lo: number, hi: number): void {
  view.setInt32(at, lo, true);
  view.setInt32(at + 4, hi, true);
}

function combine(imm: number, a: number, b: number): number {
  switch (imm & 0xf0) {
    case 0x00:
      return (a + b) | 0;
    case 0x40:
      return a | b;
    case 0x50:
      return a & b;
    case 0xa0:
      return a ^ b;
    default:
      throw new Error(`atomic operation 0x${imm.toString(16)} has no meaning`);
  }
}
