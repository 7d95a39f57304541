/**
 * The oracle for produced instructions: BPF executed with BigInt registers (RFC 9669), strict where the kernel's verifier is: reading an
 * unwritten register or stack byte, an unaligned stack access or writing r10 is a fault. Calls clobber r1-r5.
 */
import { type DecodedProgram, decode } from '../../core/isa/insn.ts';
import { compare, readBytes, writeBytes } from '../ir/interpret.ts';

export interface BpfMachine {
  readonly memory: Map<bigint, number>;
  readonly helper: (id: number, args: bigint[], memory: Map<bigint, number>) => bigint;
  fuel: number;
}

const STACK_TOP = 0x7f0000000000n;
const SIZES: Record<number, number> = { 0: 4, 8: 2, 16: 1, 24: 8 };
const CONDS: Record<number, string> = {
  16: 'eq',
  32: 'ugt',
  48: 'uge',
  80: 'ne',
  96: 'sgt',
  112: 'sge',
  160: 'ult',
  176: 'ule',
  192: 'slt',
  208: 'sle',
};
const u = (v: bigint) => BigInt.asUintN(64, v);

/** Run; r0 as unsigned 64 bits. Maps' and sections' ld_imm64 give the addresses of the IR oracle. */
export function execute(m: BpfMachine, insns: Uint8Array, ctx: bigint): bigint {
  return call(m, decode(insns), 0, [0n, ctx, 0n, 0n, 0n, 0n], 0);
}

function call(m: BpfMachine, p: DecodedProgram, start: number, args: bigint[], depth: number): bigint {
  const top = STACK_TOP - BigInt(depth) * 0x1000n;
  for (let i = 1n; i <= 512n; i++) m.memory.delete(top - i);
  const regs: (bigint | undefined)[] = new Array(11).fill(undefined);
  for (let i = 1; i <= 5; i++) regs[i] = args[i];
  regs[10] = top;
  const get = (r: number): bigint => {
    const v = regs[r];
    if (v === undefined) throw new RangeError(`pc ${pc}: r${r} is read but was never written`);
    return v;
  };
  const set = (r: number, v: bigint) => {
    if (r === 10) throw new RangeError(`pc ${pc}: writes r10`);
    regs[r] = u(v);
  };
  const address = (base: number, off: number, size: number): bigint => {
    const at = u(get(base) + BigInt(off));
    if (at >= top - 512n - 64n && at < top + 64n) {
      if (at < top - 512n || at + BigInt(size) > top) throw new RangeError(`pc ${pc}: outside the frame`);
      if (at % BigInt(size) !== 0n) throw new RangeError(`pc ${pc}: unaligned stack access`);
    }
    return at;
  };
  let pc = start;
  for (;;) {
    if (m.fuel-- <= 0) throw new RangeError('out of fuel');
    const op = p.opcode[pc]!;
    const [dst, src, off, imm] = [p.dst[pc]!, p.src[pc]!, p.off[pc]!, p.imm[pc]!];
    const cls = op & 7;
    const size = SIZES[op & 0x18]!;
    switch (cls) {
      case 0: {
        if (op !== 0x18) throw new RangeError(`pc ${pc}: packet loads are not for the oracle`);
        const value = (BigInt(p.imm[pc + 1]!) << 32n) | BigInt(imm >>> 0);
        set(
          dst,
          src === 1
            ? 0x200000n
            : src === 2
              ? 0x100000n + BigInt(p.imm[pc + 1]!)
              : src === 4
                ? BigInt(pc + 1 + imm)
                : value,
        );
        pc += 2;
        continue;
      }
      case 1: {
        const v = readBytes(m.memory, address(src, off, size), size);
        set(dst, (op & 0xe0) === 0x80 ? BigInt.asIntN(size * 8, v) : v);
        break;
      }
      case 2:
        writeBytes(m.memory, address(dst, off, size), size, BigInt.asUintN(size * 8, BigInt(imm)));
        break;
      case 3:
        if ((op & 0xe0) === 0x60)
          writeBytes(m.memory, address(dst, off, size), size, BigInt.asUintN(size * 8, get(src)));
        else atomic(m, address(dst, off, size), size, imm, src, get, set);
        break;
      case 4:
      case 7: {
        const bits = cls === 7 ? 64 : 32;
        set(
          dst,
          alu(
            op,
            bits,
            off,
            imm,
            (op & 0xf0) === 0xb0 ? 0n : get(dst),
            op & 8 && (op & 0xf0) !== 0xd0 ? get(src) : BigInt(imm),
            pc,
          ),
        );
        break;
      }
      default: {
        const code = op & 0xf0;
        if (op === 0x95) return get(0);
        if (op === 0x85) {
          const values = [0n, 1, 2, 3, 4, 5].map((r, i) => (i === 0 ? 0n : (regs[r as number] ?? 0n)));
          let result: bigint;
          if (src === 1) result = call(m, p, pc + 1 + imm, values, depth + 1);
          else result = m.helper(imm, values.slice(1), m.memory);
          for (let r = 1; r <= 5; r++) regs[r] = undefined;
          regs[0] = u(result);
          break;
        }
        if (code === 0) {
          pc += 1 + (cls === 6 ? imm : off);
          continue;
        }
        const bits = cls === 5 ? 64 : 32;
        const a = BigInt.asUintN(bits, get(dst));
        const b = BigInt.asUintN(bits, op & 8 ? get(src) : BigInt(imm));
        const taken = code === 0x40 ? (a & b) !== 0n : compare(CONDS[code]!, a, b, bits);
        pc += taken ? 1 + off : 1;
        continue;
      }
    }
    pc++;
  }
}

function alu(op: number, bits: number, off: number, imm: number, x: bigint, y: bigint, pc: number): bigint {
  const a = BigInt.asUintN(bits, x);
  const b = BigInt.asUintN(bits, y);
  const s = (v: bigint) => BigInt.asIntN(bits, v);
  const count = b & BigInt(bits - 1);
  const swap = (w: number) => {
    let out = 0n;
    for (let i = 0; i < w / 8; i++) out = (out << 8n) | ((x >> BigInt(8 * i)) & 0xffn);
    return out;
  };
  const result = (): bigint => {
    switch (op & 0xf0) {
      case 0x00:
        return a + b;
      case 0x10:
        return a - b;
      case 0x20:
        return a * b;
      case 0x30:
        return b === 0n ? 0n : off === 1 ? s(a) / s(b) : a / b;
      case 0x40:
        return a | b;
      case 0x50:
        return a & b;
      case 0x60:
        return a << count;
      case 0x70:
        return a >> count;
      case 0x80:
        return -a;
      case 0x90:
        return b === 0n ? a : off === 1 ? s(a) % s(b) : a % b;
      case 0xa0:
        return a ^ b;
      case 0xb0:
        return off === 0 ? b : BigInt.asIntN(off, y);
      case 0xc0:
        return s(a) >> count;
      case 0xd0:
        return op === 0xd7 || op & 8 ? swap(imm) : BigInt.asUintN(imm, x);
      default:
        throw new RangeError(`pc ${pc}: opcode ${op}`);
    }
  };
  if ((op & 0xf0) === 0xd0) return result();
  return BigInt.asUintN(bits, result());
}

function atomic(
  m: BpfMachine,
  at: bigint,
  size: number,
  imm: number,
  src: number,
  get: (r: number) => bigint,
  set: (r: number, v: bigint) => void,
): void {
  const old = readBytes(m.memory, at, size);
  const value = BigInt.asUintN(size * 8, get(src));
  if (imm === 0xf1) {
    if (old === BigInt.asUintN(size * 8, get(0))) writeBytes(m.memory, at, size, value);
    set(0, old);
    return;
  }
  const now = { 0: old + value, 64: old | value, 80: old & value, 160: old ^ value, 224: value }[imm & 0xf0]!;
  writeBytes(m.memory, at, size, now);
  if (imm & 1) set(src, old);
}
