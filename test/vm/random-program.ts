/**
 * Random valid programs: arithmetic on every register, loads and stores in ctx and stack, branches in all directions, loops,
 * atomics, calls. Each terminates: backward jumps count down a stack slot of the frame that they alone touch.
 */
import * as B from '../../core/isa/builders.ts';
import type { Insn } from '../../core/isa/insn.ts';
import { ALU_OPS, JMP_OPS, OP_LD_IMM64 } from '../../core/isa/ops.ts';

/** A generator of numbers below n; the same seed gives the same program. */
export type Random = (n: number) => number;

export function random(seed: number): Random {
  let state = (seed * 2654435761 + 12345) >>> 0;
  return (n) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state % n;
  };
}

const ALU = ALU_OPS.filter((row) => row.name !== 'neg' && row.name !== 'end').map((row) => row.code);
/** Codes of the comparisons, of the sizes, and of the arithmetic that can be atomic. */
export const CONDITIONS = JMP_OPS.filter((row) => row.cond).map((row) => row.code);
export const SIZES = [B.BPF_B, B.BPF_H, B.BPF_W, B.BPF_DW];
export const ATOMICS = [B.BPF_ADD, B.BPF_OR, B.BPF_AND, B.BPF_XOR];
const IMMS = [0, 1, -1, 2, 7, 31, 32, 63, 64, 255, 65535, 0x7fffffff, -0x80000000, 12345678];
/** Registers that arithmetic may use: r9 keeps ctx. */
const REGS = [0, 1, 2, 3, 4, 5, 6, 7, 8];

/** An instruction, or a jump whose target is a position in the list of drafts. */
type Draft = Insn & { to?: number };

/** Ctx must have 64 bytes; `helper` is the id of a helper that may be called with any arguments. */
export function randomProgram(r: Random, helper: number): Insn[] {
  const pick = <T>(list: readonly T[]): T => list[r(list.length)]!;
  const functions = r(3) === 0 ? 2 + r(2) : 1;
  const drafts: Draft[] = [];
  const starts: number[] = [];
  const calls: { at: number; to: number }[] = [];
  for (let f = 0; f < functions; f++) {
    starts.push(drafts.length);
    body(f);
  }
  for (const { at, to } of calls) drafts[at] = { ...drafts[at]!, imm: 0, to: starts[to]! };
  return resolve(drafts);

  function body(f: number): void {
    const push = (...list: Draft[]) => drafts.push(...list);
    push(B.BPF_MOV64_REG(9, 1));
    for (const reg of REGS)
      push(r(2) === 0 ? B.BPF_MOV64_IMM(reg, pick(IMMS)) : B.BPF_LDX_MEM(B.BPF_DW, reg, 9, 8 * r(8)));
    // Budget of all backward jumps of the frame.
    push(
      B.BPF_ST_MEM(B.BPF_DW, 10, -8, 3 + r(20)),
      B.BPF_ST_MEM(B.BPF_DW, 10, -16, pick(IMMS)),
      B.BPF_ST_MEM(B.BPF_DW, 10, -24, 5),
    );
    const places: number[] = [];
    const wanted: number[] = [];
    const count = 5 + r(40);
    for (let k = 0; k < count; k++) {
      places.push(drafts.length);
      statement(f, push, wanted);
    }
    places.push(drafts.length);
    push(B.BPF_EXIT_INSN());
    for (const at of wanted) {
      const here = places.findIndex((p) => p > at);
      const backward = drafts[at]!.to === -1;
      const choices = backward ? places.slice(0, here) : places.slice(here);
      drafts[at] = { ...drafts[at]!, to: pick(choices) };
    }
  }

  function statement(f: number, push: (...list: Draft[]) => unknown, wanted: number[]): unknown {
    const [dst, src] = [pick(REGS), pick(REGS)];
    const size = pick(SIZES);
    switch (r(14)) {
      case 0:
      case 1:
        return push(B.BPF_ALU64_REG(pick(ALU), dst, src));
      case 2:
        return push(B.BPF_ALU32_REG(pick(ALU), dst, src));
      case 3:
        return push(
          r(2) === 0 ? B.BPF_ALU64_IMM(pick(ALU), dst, pick(IMMS)) : B.BPF_ALU32_IMM(pick(ALU), dst, pick(IMMS)),
        );
      case 4:
        return push(
          pick([
            B.BPF_NEG64_REG(dst),
            B.BPF_NEG32_REG(dst),
            B.BPF_ENDIAN(pick([B.BPF_TO_LE, B.BPF_TO_BE]), dst, pick([16, 32, 64])),
            B.BPF_BSWAP(dst, pick([16, 32, 64])),
            B.BPF_MOVSX64_REG(dst, src, pick([8, 16, 32])),
            B.BPF_MOVSX32_REG(dst, src, pick([8, 16])),
            B.BPF_ALU64_REG_OFF(pick([B.BPF_DIV, B.BPF_MOD]), dst, src, 1),
            B.BPF_ALU32_REG_OFF(pick([B.BPF_DIV, B.BPF_MOD]), dst, src, 1),
            B.BPF_LD_IMM64(dst, (BigInt(r(0x7fffffff)) << 33n) + BigInt(r(0x7fffffff))),
          ]),
        );
      case 5:
        return push(B.BPF_LDX_MEM(size, dst, 9, r(56)));
      case 6:
        return push(size === B.BPF_DW ? B.BPF_LDX_MEM(size, dst, 10, -16) : B.BPF_LDX_MEMSX(size, dst, 9, r(56)));
      case 7:
        return push(B.BPF_STX_MEM(size, 9, src, r(56)));
      case 8:
        return push(r(2) === 0 ? B.BPF_ST_MEM(size, 9, r(56), pick(IMMS)) : B.BPF_STX_MEM(size, 10, src, -16));
      case 9: {
        const op = r(3) === 0 ? pick([B.BPF_XCHG, B.BPF_CMPXCHG]) : pick(ATOMICS) | r(2);
        return push(B.BPF_ATOMIC_OP(pick([B.BPF_W, B.BPF_DW]), op, 9, src, 8 * r(7)));
      }
      case 10: {
        if (r(3) > 0) return push(B.BPF_ALU64_IMM(B.BPF_ADD, dst, r(100)));
        push(B.BPF_EMIT_CALL(helper));
        return refill(push);
      }
      case 11: {
        // A callee is always a later function, so calls end.
        if (f + 1 >= functions) return push(B.BPF_MOV64_REG(dst, src));
        push(B.BPF_MOV64_REG(1, 9));
        calls.push({ at: drafts.length, to: f + 1 + r(functions - f - 1) });
        push(B.BPF_CALL_REL(0));
        return refill(push);
      }
      case 12:
        return jump(push, wanted, 0, dst, src);
      default: {
        // Backwards while the frame's budget lasts.
        push(
          B.BPF_STX_MEM(B.BPF_DW, 10, 5, -32),
          B.BPF_LDX_MEM(B.BPF_DW, 5, 10, -8),
          B.BPF_ALU64_IMM(B.BPF_SUB, 5, 1),
          B.BPF_STX_MEM(B.BPF_DW, 10, 5, -8),
          { ...B.BPF_JMP_IMM(B.BPF_JSLE, 5, 0, 0), to: drafts.length + 7 },
          B.BPF_LDX_MEM(B.BPF_DW, 5, 10, -32),
        );
        return jump(push, wanted, -1, dst, src);
      }
    }
  }

  function refill(push: (...list: Draft[]) => unknown): unknown {
    return push(...[1, 2, 3, 4, 5].map((reg) => B.BPF_LDX_MEM(B.BPF_DW, reg, 9, 8 * r(8))));
  }

  /** A jump of any kind; `direction` -1 goes back. */
  function jump(
    push: (...list: Draft[]) => unknown,
    wanted: number[],
    direction: number,
    dst: number,
    src: number,
  ): unknown {
    wanted.push(drafts.length);
    const op = pick(CONDITIONS);
    const insn = pick([
      B.BPF_JMP_REG(op, dst, src, 0),
      B.BPF_JMP_IMM(op, dst, pick(IMMS), 0),
      B.BPF_JMP32_REG(op, dst, src, 0),
      B.BPF_JMP32_IMM(op, dst, pick(IMMS), 0),
      B.BPF_JMP_A(0),
      B.BPF_JMP32_A(0),
    ]);
    return push({ ...insn, to: direction });
  }
}

/** Positions in the list to slots. */
function resolve(drafts: readonly Draft[]): Insn[] {
  const slots: number[] = [];
  let slot = 0;
  for (const d of drafts) {
    slots.push(slot);
    slot += d.opcode === OP_LD_IMM64 ? 2 : 1;
  }
  return drafts.map(({ to, ...insn }, i) => {
    if (to === undefined) return insn;
    const distance = slots[to]! - slots[i]! - 1;
    const long = insn.opcode === 0x06 || insn.opcode === 0x85;
    return long ? { ...insn, imm: distance } : { ...insn, off: distance };
  });
}
