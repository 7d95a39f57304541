/**
 * Random valid programs that the real kernel accepts as well: arithmetic of every form, memory, atomics, branches, loops, local calls, maps, of a
 * chosen ISA version. Data lives in r0-r7, r8 is scratch, r9 points to the program's memory: value 0 of map 0.
 *
 * A program is a list of functions of statements; a jump names a statement. So a shrunk program (statements left out) is a program too. Every
 * program ends: jumps back count down a stack slot of their frame, and callees are later functions.
 */
import * as B from '../../core/isa/builders.ts';
import { formOf } from '../../core/isa/forms.ts';
import { encode, type Insn } from '../../core/isa/insn.ts';
import { OP_CALL, OP_GOTOL, OP_LD_IMM64 } from '../../core/isa/ops.ts';
import { ATOMICS, CONDITIONS, type Random, SIZES } from '../vm/random-program.ts';

/** `to`: statement of the same function that a jump goes to. `callee`: function that a local call goes to. */
export type Draft = Insn & { readonly to?: number; readonly callee?: number };
export interface Statement {
  /** Its place in the unshrunk function, which is what jumps name. */
  readonly id: number;
  readonly insns: readonly Draft[];
}
export interface Program {
  readonly version: number;
  /** First and last statement of each function (prologue, exit) always stay. */
  readonly functions: readonly (readonly Statement[])[];
}

/** Maps by the numbers that `ld_imm64` uses. Memory is MEMORY_SIZE bytes, its last 8 take the final r0. */
export const MEMORY_SIZE = 72;
export const DATA_SIZE = 64;
export const FUZZ_MAPS = [
  { type: 'array', keySize: 4, valueSize: MEMORY_SIZE, maxEntries: 1 },
  { type: 'hash', keySize: 4, valueSize: 8, maxEntries: 4 },
  { type: 'array', keySize: 4, valueSize: 8, maxEntries: 4 },
] as const;

const REGS = [0, 1, 2, 3, 4, 5, 6, 7];
const SCRATCH = 8;
const MEM = 9;
const PLAIN = [B.BPF_ADD, B.BPF_SUB, B.BPF_MUL, B.BPF_OR, B.BPF_AND, B.BPF_XOR, B.BPF_MOV];
const DIVISIONS = [B.BPF_DIV, B.BPF_MOD];
const SHIFTS = [B.BPF_LSH, B.BPF_RSH, B.BPF_ARSH];
const IMMS = [0, 1, -1, 2, 7, 8, 31, 32, 63, 64, 255, 256, 65535, 0x7fffffff, -0x80000000, 12345678, -129];
/** Stack slots of a frame: budget of jumps back, data, key and value of map calls. */
const BUDGET = -8;
const DATA = -16;
const KEY = -24;
const VALUE = -32;
const [LOOKUP, UPDATE, DELETE] = [1, 2, 3];

/** A program drawn from `r`. */
export function generate(r: Random): Program {
  const version = 1 + r(4);
  const count = r(3) === 0 ? 2 + r(2) : 1;
  return { version, functions: Array.from({ length: count }, (_, f) => makeFunction(r, version, f, count)) };
}

function makeFunction(r: Random, version: number, f: number, functions: number): Statement[] {
  const pick = <T>(list: readonly T[]): T => list[r(list.length)]!;
  const length = 4 + r(30);
  const out: Statement[] = [{ id: 0, insns: prologue() }];
  for (let id = 1; id <= length; id++) {
    let insns = statement(id);
    // Again until the version has it.
    while (insns.some((insn) => (formOf(insn)?.version ?? 1) > version)) insns = statement(id);
    out.push({ id, insns });
  }
  // A function that nobody calls is dead code, which the kernel refuses: each calls the next one, at the end if nowhere else.
  const calls = f + 1 >= functions || out.some(({ insns }) => insns.some((insn) => insn.callee === f + 1));
  const end: Draft[] = calls ? [] : [B.BPF_MOV64_REG(1, MEM), { ...B.BPF_CALL_REL(0), callee: f + 1 }];
  if (f === 0) end.push(B.BPF_STX_MEM(B.BPF_DW, MEM, 0, DATA_SIZE));
  out.push({ id: length + 1, insns: [...end, B.BPF_EXIT_INSN()] });
  return out;

  function prologue(): Draft[] {
    const own = f === 0 ? B.BPF_LD_MAP_VALUE(MEM, 0, 0) : B.BPF_MOV64_REG(MEM, 1);
    return [
      own,
      ...REGS.map((reg) =>
        r(2) === 0 ? B.BPF_MOV64_IMM(reg, pick(IMMS)) : B.BPF_LDX_MEM(B.BPF_DW, reg, MEM, 8 * r(8)),
      ),
      B.BPF_MOV64_IMM(SCRATCH, 0),
      B.BPF_ST_MEM(B.BPF_DW, 10, BUDGET, 2 + r(5)),
      B.BPF_ST_MEM(B.BPF_DW, 10, DATA, pick(IMMS)),
    ];
  }

  /** Registers that a call leaves without value. */
  function refill(): Draft[] {
    return [1, 2, 3, 4, 5].map((reg) => B.BPF_LDX_MEM(B.BPF_DW, reg, MEM, 8 * r(8)));
  }

  function statement(id: number): Draft[] {
    const [dst, src] = [pick(REGS), pick(REGS)];
    const size = pick(SIZES);
    const bits = pick([32, 64]);
    const wide = bits === 64;
    switch (r(16)) {
      case 0: {
        const op = pick([...PLAIN, ...DIVISIONS, ...SHIFTS]);
        return [wide ? B.BPF_ALU64_REG(op, dst, src) : B.BPF_ALU32_REG(op, dst, src)];
      }
      case 1: {
        const op = pick(PLAIN);
        return [wide ? B.BPF_ALU64_IMM(op, dst, pick(IMMS)) : B.BPF_ALU32_IMM(op, dst, pick(IMMS))];
      }
      case 2: {
        // The kernel refuses division by a constant 0 and constant shifts beyond the width.
        const shift = r(2) === 0;
        const op = pick(shift ? SHIFTS : DIVISIONS);
        const imm = shift ? r(bits) : pick(IMMS.filter((i) => i !== 0));
        const off = shift || r(2) === 0 ? 0 : 1;
        return [wide ? B.BPF_ALU64_IMM_OFF(op, dst, imm, off) : B.BPF_ALU32_IMM_OFF(op, dst, imm, off)];
      }
      case 3:
        return [
          pick([
            B.BPF_NEG64_REG(dst),
            B.BPF_NEG32_REG(dst),
            B.BPF_ENDIAN(pick([B.BPF_TO_LE, B.BPF_TO_BE]), dst, pick([16, 32, 64])),
            B.BPF_BSWAP(dst, pick([16, 32, 64])),
            B.BPF_MOVSX64_REG(dst, src, pick([8, 16, 32])),
            B.BPF_MOVSX32_REG(dst, src, pick([8, 16])),
            B.BPF_ALU64_REG_OFF(pick(DIVISIONS), dst, src, 1),
            B.BPF_ALU32_REG_OFF(pick(DIVISIONS), dst, src, 1),
            B.BPF_LD_IMM64(dst, (BigInt(r(0x7fffffff)) << 33n) + BigInt(r(0x7fffffff))),
          ]),
        ];
      case 4:
        return [B.BPF_LDX_MEM(size, dst, MEM, r(DATA_SIZE - 7))];
      case 5:
        return [
          size === B.BPF_DW ? B.BPF_LDX_MEM(size, dst, 10, DATA) : B.BPF_LDX_MEMSX(size, dst, MEM, r(DATA_SIZE - 7)),
        ];
      case 6:
        return [B.BPF_STX_MEM(size, MEM, src, r(DATA_SIZE - 7))];
      case 7:
        return [
          r(2) === 0 ? B.BPF_ST_MEM(size, MEM, r(DATA_SIZE - 7), pick(IMMS)) : B.BPF_STX_MEM(size, 10, src, DATA),
        ];
      case 8: {
        const op = r(3) === 0 ? pick([B.BPF_XCHG, B.BPF_CMPXCHG]) : pick(ATOMICS) | r(2);
        const atomic = B.BPF_ATOMIC_OP(pick([B.BPF_W, B.BPF_DW]), op, MEM, src, 8 * r(8));
        // Linux 6.18 leaves the upper half of r0 alone where cmpxchg finds what it wants, 32 bits wide, on a path that the verifier took for one seen
        // before (RFC 9669, 5.3: r0 is zero-extended). It adds the extension only where it saw r0 read.
        const unsound = op === B.BPF_CMPXCHG && (atomic.opcode & 0x18) === B.BPF_W;
        return unsound ? [atomic, B.BPF_MOV32_REG(0, 0)] : [atomic];
      }
      case 9:
        if (r(2) === 0) return [B.BPF_ATOMIC_OP(size, B.BPF_LOAD_ACQ, dst, MEM, 8 * r(8))];
        return [B.BPF_ATOMIC_OP(size, B.BPF_STORE_REL, MEM, src, 8 * r(8))];
      case 10:
        return mapCall(src);
      case 11:
        // A callee is always a later function, so calls end.
        if (f + 1 >= functions) return [B.BPF_MOV64_REG(dst, src)];
        return [B.BPF_MOV64_REG(1, MEM), { ...B.BPF_CALL_REL(0), callee: f + 1 + r(functions - f - 1) }, ...refill()];
      case 12:
      case 13:
        return [{ ...condition(dst, src), to: id + 1 + r(length + 1 - id) }];
      case 14: {
        // Around a goto, so that what follows it can be reached: the kernel refuses dead code.
        const goto_ = pick([B.BPF_JMP_A(0), B.BPF_JMP32_A(0), B.BPF_MAY_GOTO_INSN(0)]);
        return [
          { ...condition(dst, src), off: 1 },
          { ...goto_, to: id + 1 + r(length + 1 - id) },
        ];
      }
      default:
        // Back, while the frame's budget lasts.
        return [
          B.BPF_LDX_MEM(B.BPF_DW, SCRATCH, 10, BUDGET),
          B.BPF_ALU64_IMM(B.BPF_SUB, SCRATCH, 1),
          B.BPF_STX_MEM(B.BPF_DW, 10, SCRATCH, BUDGET),
          { ...B.BPF_JMP_IMM(B.BPF_JSGT, SCRATCH, 0, 0), to: 1 + r(id) },
        ];
    }
  }

  function condition(dst: number, src: number): Insn {
    const op = pick(CONDITIONS);
    return pick([
      B.BPF_JMP_REG(op, dst, src, 0),
      B.BPF_JMP_IMM(op, dst, pick(IMMS), 0),
      B.BPF_JMP32_REG(op, dst, src, 0),
      B.BPF_JMP32_IMM(op, dst, pick(IMMS), 0),
    ]);
  }

  /** A lookup whose value is read and changed, an update or a deletion, in the hash or the array, by a key from a register. */
  function mapCall(src: number): Draft[] {
    const key: Draft[] = [
      B.BPF_MOV64_REG(SCRATCH, src),
      B.BPF_ALU64_IMM(B.BPF_AND, SCRATCH, 7),
      B.BPF_STX_MEM(B.BPF_W, 10, SCRATCH, KEY),
    ];
    const map = 1 + r(2);
    const load: Draft[] = [B.BPF_LD_MAP_FD(1, map), B.BPF_MOV64_REG(2, 10), B.BPF_ALU64_IMM(B.BPF_ADD, 2, KEY)];
    switch (r(4)) {
      case 0:
      case 1: {
        const value = pick([6, 7]);
        const change: Draft[] = pick([
          [B.BPF_STX_XADD(B.BPF_DW, 0, value, 0)],
          [B.BPF_STX_MEM(B.BPF_W, 0, value, 4)],
          [B.BPF_ST_MEM(B.BPF_B, 0, 3, 0x5a)],
          [],
        ]);
        return [
          ...key,
          ...load,
          B.BPF_EMIT_CALL(LOOKUP),
          B.BPF_JMP_IMM(B.BPF_JEQ, 0, 0, 2 + change.length),
          B.BPF_LDX_MEM(B.BPF_DW, SCRATCH, 0, 0),
          ...change,
          B.BPF_MOV64_REG(0, SCRATCH),
          ...refill(),
        ];
      }
      case 2:
        return [
          ...key,
          B.BPF_STX_MEM(B.BPF_DW, 10, pick(REGS), VALUE),
          ...load,
          B.BPF_MOV64_REG(3, 10),
          B.BPF_ALU64_IMM(B.BPF_ADD, 3, VALUE),
          B.BPF_MOV64_IMM(4, r(3)),
          B.BPF_EMIT_CALL(UPDATE),
          ...refill(),
        ];
      default:
        return [...key, ...load, B.BPF_EMIT_CALL(DELETE), ...refill()];
    }
  }
}

/** Machine code. A jump to a statement that was left out goes to the next one that stays. */
export function toBytes(program: Program): Uint8Array {
  const flat: { draft: Draft; f: number; slot: number }[] = [];
  const starts: Map<number, number>[] = [];
  let slot = 0;
  program.functions.forEach((statements, f) => {
    const at = new Map<number, number>();
    for (const { id, insns } of statements) {
      at.set(id, slot);
      for (const draft of insns) {
        flat.push({ draft, f, slot });
        slot += draft.opcode === OP_LD_IMM64 ? 2 : 1;
      }
    }
    starts.push(at);
  });
  const target = (f: number, id: number): number => {
    const last = program.functions[f]!.at(-1)!.id;
    for (let k = id; k < last; k++) if (starts[f]!.has(k)) return starts[f]!.get(k)!;
    return starts[f]!.get(last)!;
  };
  return encode(
    flat.map(({ draft: { to, callee, ...insn }, f, slot: at }) => {
      if (callee !== undefined) return { ...insn, imm: target(callee, 0) - at - 1 };
      if (to === undefined) return insn;
      const distance = target(f, to) - at - 1;
      return insn.opcode === OP_GOTOL || insn.opcode === OP_CALL
        ? { ...insn, imm: distance }
        : { ...insn, off: distance };
    }),
  );
}
