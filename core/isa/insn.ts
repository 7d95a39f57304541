/** One instruction as an object, and programs as bytes. The canonical form of a program is its bytes. */
import { OP_LD_IMM64 } from './ops.ts';

/**
 * One instruction. `imm` is a signed 32-bit number; a `ld_imm64` has its upper half in `immHi` and takes two slots when
 * encoded. `off` is signed 16-bit.
 */
export interface Insn {
  readonly opcode: number;
  readonly dst: number;
  readonly src: number;
  readonly off: number;
  readonly imm: number;
  readonly immHi?: number;
}

export const INSN_SIZE = 8;

/** Encode to the 8-byte slots of RFC 9669 section 3, little-endian. */
export function encode(insns: readonly Insn[]): Uint8Array {
  let slots = 0;
  for (const insn of insns) slots += insn.opcode === OP_LD_IMM64 ? 2 : 1;
  const bytes = new Uint8Array(slots * INSN_SIZE);
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const insn of insns) {
    bytes[at] = insn.opcode;
    bytes[at + 1] = (insn.dst & 15) | ((insn.src & 15) << 4);
    view.setInt16(at + 2, insn.off, true);
    view.setInt32(at + 4, insn.imm, true);
    at += INSN_SIZE;
    if (insn.opcode === OP_LD_IMM64) {
      view.setInt32(at + 4, insn.immHi ?? (insn.imm < 0 ? -1 : 0), true);
      at += INSN_SIZE;
    }
  }
  return bytes;
}

/** A program decoded into one array per field, indexed by slot: what engines and the verifier walk. */
export interface DecodedProgram {
  readonly length: number;
  readonly opcode: Uint8Array;
  readonly dst: Uint8Array;
  readonly src: Uint8Array;
  readonly off: Int16Array;
  readonly imm: Int32Array;
}

/** Split bytes into fields. Throws RangeError when the length is not a multiple of 8. No other check is made here. */
export function decode(bytes: Uint8Array): DecodedProgram {
  if (bytes.length % INSN_SIZE !== 0) {
    throw new RangeError(`program of ${bytes.length} bytes is not a whole number of 8-byte instructions`);
  }
  const length = bytes.length / INSN_SIZE;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const program = {
    length,
    opcode: new Uint8Array(length),
    dst: new Uint8Array(length),
    src: new Uint8Array(length),
    off: new Int16Array(length),
    imm: new Int32Array(length),
  };
  for (let i = 0, at = 0; i < length; i++, at += INSN_SIZE) {
    program.opcode[i] = bytes[at]!;
    program.dst[i] = bytes[at + 1]! & 15;
    program.src[i] = bytes[at + 1]! >> 4;
    program.off[i] = view.getInt16(at + 2, true);
    program.imm[i] = view.getInt32(at + 4, true);
  }
  return program;
}

/** Instructions of a program, `ld_imm64` pairs joined. The second slot of a pair that is cut off reads as zero. */
export function toInsns(bytes: Uint8Array): Insn[] {
  const p = decode(bytes);
  const out: Insn[] = [];
  for (let i = 0; i < p.length; i++) {
    const insn = { opcode: p.opcode[i]!, dst: p.dst[i]!, src: p.src[i]!, off: p.off[i]!, imm: p.imm[i]! };
    if (insn.opcode === OP_LD_IMM64) out.push({ ...insn, immHi: p.imm[++i] ?? 0 });
    else out.push(insn);
  }
  return out;
}
