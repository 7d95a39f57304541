/**
 * The oracle: BPF in the most obvious way, one BigInt a register, straight from RFC 9669. Slow on purpose; every engine
 * must agree with it. Memory is a LinearMemory; helpers get registers the engines' way.
 */
import { KERNEL_HI, type LinearMemory } from '../../core/base/memory.ts';
import type { HelperRow } from '../../core/helpers/helper.ts';
import { toInsns } from '../../core/isa/insn.ts';

const M64 = (1n << 64n) - 1n;
const u = (v: bigint, bits: number) => BigInt.asUintN(bits, v);
const s = (v: bigint, bits: number) => BigInt.asIntN(bits, v);

export interface OracleOptions {
  readonly memory: LinearMemory;
  readonly r1?: bigint;
  readonly r2?: bigint;
  /** Address just above the 512 bytes of each frame's stack: frame 0's, then 512 more for each call. */
  readonly frameTop: bigint;
  readonly helpers?: ReadonlyMap<number, HelperRow>;
  readonly fuel?: number;
}

function alu(op: number, off: number, a: bigint, b: bigint, bits: number): bigint {
  const [sa, sb] = [s(a, bits), s(b, bits)];
  [a, b] = [u(a, bits), u(b, bits)];
  const shift = b & BigInt(bits - 1);
  switch (op) {
    case 0x00:
      return a + b;
    case 0x10:
      return a - b;
    case 0x20:
      return a * b;
    case 0x30:
      return b === 0n ? 0n : off === 1 ? sa / sb : a / b;
    case 0x40:
      return a | b;
    case 0x50:
      return a & b;
    case 0x60:
      return a << shift;
    case 0x70:
      return a >> shift;
    case 0x80:
      return -a;
    case 0x90:
      return b === 0n ? a : off === 1 ? sa % sb : a % b;
    case 0xa0:
      return a ^ b;
    case 0xb0:
      return off === 0 ? b : s(b, off);
    case 0xc0:
      return sa >> shift;
    default:
      throw new Error(`oracle: alu op ${op}`);
  }
}

function swap(v: bigint, bits: number): bigint {
  let out = 0n;
  for (let k = 0; k < bits; k += 8) out = (out << 8n) | ((v >> BigInt(k)) & 0xffn);
  return out;
}

function holds(op: number, a: bigint, b: bigint, bits: number): boolean {
  const [sa, sb] = [s(a, bits), s(b, bits)];
  [a, b] = [u(a, bits), u(b, bits)];
  switch (op) {
    case 0x10:
      return a === b;
    case 0x20:
      return a > b;
    case 0x30:
      return a >= b;
    case 0x40:
      return (a & b) !== 0n;
    case 0x50:
      return a !== b;
    case 0x60:
      return sa > sb;
    case 0x70:
      return sa >= sb;
    case 0xa0:
      return a < b;
    case 0xb0:
      return a <= b;
    case 0xc0:
      return sa < sb;
    case 0xd0:
      return sa <= sb;
    default:
      throw new Error(`oracle: jump op ${op}`);
  }
}

/** r0 of the program. The program must be valid and touch mapped memory only. */
export function oracle(bytes: Uint8Array, options: OracleOptions): bigint {
  const { memory } = options;
  // One element a slot, so that jumps are plain additions.
  const insns = toInsns(bytes).flatMap((i) => (i.immHi === undefined ? [i] : [i, undefined]));
  let r: bigint[] = new Array(11).fill(0n);
  r[1] = options.r1 ?? 0n;
  r[2] = options.r2 ?? 0n;
  r[10] = options.frameTop;
  const frames: { r: bigint[]; pc: number }[] = [];
  let fuel = options.fuel ?? 1_000_000;
  const at = (address: bigint): number => {
    if (s(address >> 32n, 32) !== BigInt(KERNEL_HI)) throw new Error(`oracle: wild address 0x${address.toString(16)}`);
    return Number(address & 0xffffffffn);
  };
  const load = (address: bigint, size: number): bigint => {
    let v = 0n;
    for (let k = size - 1; k >= 0; k--) v = (v << 8n) | BigInt(memory.u8[at(u(address, 64)) + k]!);
    return v;
  };
  const store = (address: bigint, size: number, v: bigint): void => {
    for (let k = 0; k < size; k++) memory.u8[at(u(address, 64)) + k] = Number((v >> BigInt(8 * k)) & 0xffn);
  };
  for (let pc = 0; ; ) {
    if (fuel-- === 0) throw new Error('oracle: out of fuel');
    const insn = insns[pc]!;
    const { opcode, dst, src, off, imm } = insn;
    const cls = opcode & 7;
    const bits = cls === 7 || cls === 5 ? 64 : 32;
    const operand = (opcode & 8) !== 0 ? r[src]! : s(BigInt(imm), 64);
    const size = [4, 2, 1, 8][(opcode >> 3) & 3]!;
    pc++;
    if (cls === 4 || cls === 7) {
      if ((opcode & 0xf0) === 0xd0) {
        const flip = cls === 7 || (opcode & 8) !== 0;
        r[dst] = flip ? swap(r[dst]!, imm) : u(r[dst]!, imm);
      } else r[dst] = u(u(alu(opcode & 0xf0, off, r[dst]!, operand, bits), bits), 64);
    } else if (cls === 1) {
      const v = load(r[src]! + BigInt(off), size);
      r[dst] = (opcode & 0xe0) === 0x80 ? u(s(v, 8 * size), 64) : v;
    } else if (cls === 2) store(r[dst]! + BigInt(off), size, s(BigInt(imm), 64) & M64);
    else if (cls === 3 && (opcode & 0xe0) === 0x60) store(r[dst]! + BigInt(off), size, r[src]!);
    else if (cls === 3) {
      if (imm === 0x100) {
        r[dst] = load(r[src]! + BigInt(off), size);
        continue;
      }
      const address = r[dst]! + BigInt(off);
      if (imm === 0x110) {
        store(address, size, r[src]!);
        continue;
      }
      const old = load(address, size);
      const value = u(r[src]!, 8 * size);
      if (imm === 0xf1) {
        if (old === u(r[0]!, 8 * size)) store(address, size, value);
        r[0] = old;
        continue;
      }
      store(address, size, imm === 0xe1 ? value : u(alu(imm & 0xf0, 0, old, value, 64), 64));
      if ((imm & 1) !== 0) r[src] = old;
    } else if (opcode === 0x18) {
      r[dst] =
        src === 4
          ? u(0xffffffffa0000000n + BigInt(pc + imm), 64)
          : u((BigInt(insn.immHi!) << 32n) | u(BigInt(imm), 32), 64);
      pc++;
    } else if (opcode === 0x95) {
      const frame = frames.pop();
      if (!frame) return r[0]!;
      r = [r[0]!, 0n, 0n, 0n, 0n, 0n, ...frame.r.slice(6)];
      pc = frame.pc;
    } else if (opcode === 0x85 && src === 1) {
      if (frames.length >= 7) throw new Error('oracle: call depth');
      frames.push({ r, pc });
      r = [0n, ...r.slice(1, 6), 0n, 0n, 0n, 0n, r[10]! + 512n];
      pc += imm;
    } else if (opcode === 0x85) {
      const file = new Int32Array(22);
      r.forEach((v, k) => {
        file[2 * k] = Number(s(v, 32));
        file[2 * k + 1] = Number(s(v >> 32n, 32));
      });
      options.helpers!.get(imm)!.run!({ memory } as never, file);
      r = [(BigInt(file[1]! >>> 0) << 32n) | BigInt(file[0]! >>> 0), 0n, 0n, 0n, 0n, 0n, ...r.slice(6)];
    } else if (opcode === 0x05) pc += off;
    else if (opcode === 0x06) pc += imm;
    else if (opcode === 0xe5) {
      // Falls through; programs under test run it fewer than eight million times.
    } else if (cls === 5 || cls === 6) {
      if (holds(opcode & 0xf0, r[dst]!, operand, bits)) pc += off;
    } else throw new Error(`oracle: opcode 0x${opcode.toString(16)}`);
  }
}
