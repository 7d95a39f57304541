/**
 * What is known of numbers at each instruction, whatever the walk saw (facts.ts says why its ranges cannot be used): interval analysis over the flow
 * graph of each function, to a fixed point (Cousot and Cousot, POPL 1977). An interval is [lo, hi] of the unsigned 64-bit value, where hi is at
 * most 2^32-1 or unbounded; that is all that engines ask. Nothing is known of what a function is given, of what calls give, and of the stack.
 *
 * Instructions are gone through in order, again and again, with a state kept where jumps lead to. Where a loop still grows after
 * some rounds, bounds jump to the next of a few steps, so rounds are few; a function that needs more than ROUNDS has no facts.
 */
import { jumpTarget } from '../isa/check.ts';
import type { DecodedProgram } from '../isa/insn.ts';
import { ATOMIC_FETCH, CLASS, MODE, OP_CALL, OP_EXIT, OP_LD_IMM64 } from '../isa/ops.ts';
import { VALUE } from '../spec/facts.ts';
import { type Interval, interval, U32, unknown } from './interval.ts';
import { computed } from './interval-alu.ts';
import { refined } from './interval-jump.ts';
import type { Program } from './program.ts';

const REGS = 10;
/** Rounds before bounds begin to jump, and before the analysis is given up. */
const PATIENCE = 3;
const ROUNDS = 24;
const OP_ATOMIC_CMPXCHG = 0xf1;
const OP_LOAD_ACQUIRE = 0x100;
const SIZE_OF = [4, 2, 1, 8];

type State = Interval[];

/** Bits of VALUE by slot. `seen`: slots that the walk has reached; the others may hold anything, even what is no instruction. `packetLoads`: loads of 4 bytes that whoever runs the program makes loads of 8. */
export function valueFacts(program: Program, seen: Uint8Array, packetLoads: ReadonlyMap<number, unknown>): Uint8Array {
  const values = new Uint8Array(program.length);
  for (const { start, end } of program.subprogs) new Analysis(program.code, start, end, seen, packetLoads).run(values);
  return values;
}

class Analysis {
  readonly #p: DecodedProgram;
  readonly #start: number;
  readonly #end: number;
  readonly #seen: Uint8Array;
  readonly #packetLoads: ReadonlyMap<number, unknown>;
  /** State where jumps lead to, by slot. */
  readonly #at = new Map<number, State>();
  #changed = false;
  #round = 0;

  constructor(
    p: DecodedProgram,
    start: number,
    end: number,
    seen: Uint8Array,
    packetLoads: ReadonlyMap<number, unknown>,
  ) {
    this.#p = p;
    this.#start = start;
    this.#end = end;
    this.#seen = seen;
    this.#packetLoads = packetLoads;
  }

  run(values: Uint8Array): void {
    do {
      if (++this.#round > ROUNDS) return;
      this.#changed = false;
      this.#sweep();
    } while (this.#changed);
    this.#sweep(values);
  }

  #sweep(values?: Uint8Array): void {
    const p = this.#p;
    let state: State | undefined = new Array<Interval>(REGS).fill(unknown);
    for (let pc = this.#start; pc < this.#end; pc++) {
      const opcode = p.opcode[pc]!;
      const kept = this.#at.get(pc);
      if (kept) {
        // What falls in here joins what jumps here.
        if (state) this.#join(pc, state);
        state = this.#at.get(pc)!.slice();
      }
      if (this.#seen[pc] !== 1) state = undefined;
      if (state) {
        if (values) values[pc] = bits(p, pc, state);
        state = this.#step(pc, opcode, state);
      }
      if (opcode === OP_LD_IMM64) pc++;
    }
  }

  /** The state behind an instruction, undefined where nothing goes on. Changes `state`. */
  #step(pc: number, opcode: number, state: State): State | undefined {
    const p = this.#p;
    const [dst, src] = [p.dst[pc]!, p.src[pc]!];
    switch (opcode & 7) {
      case CLASS.ALU:
      case CLASS.ALU64:
        state[dst] = computed(p, pc, state[dst]!, (opcode & 8) !== 0 ? (state[src] ?? unknown) : undefined);
        return state;
      case CLASS.LDX:
        state[dst] =
          (opcode & 0xe0) === MODE.MEM && !this.#packetLoads.has(pc) ? ofSize(SIZE_OF[(opcode >> 3) & 3]!) : unknown;
        return state;
      case CLASS.ST:
        return state;
      case CLASS.STX:
        if ((opcode & 0xe0) === MODE.ATOMIC) {
          const value = ofSize(SIZE_OF[(opcode >> 3) & 3]!);
          if (p.imm[pc] === OP_LOAD_ACQUIRE) state[dst] = value;
          else if (p.imm[pc] === OP_ATOMIC_CMPXCHG) state[0] = value;
          else if ((p.imm[pc]! & ATOMIC_FETCH) !== 0) state[src] = value;
        }
        return state;
      case CLASS.LD:
        if (opcode === OP_LD_IMM64) {
          const whole = src === 0 && p.imm[pc + 1] === 0;
          state[dst] = whole ? interval(p.imm[pc]! >>> 0, p.imm[pc]! >>> 0) : unknown;
        } else state.fill(unknown, 0, 6);
        return state;
      default:
    }
    if (opcode === OP_EXIT) return undefined;
    if (opcode === OP_CALL) {
      state.fill(unknown, 0, 6);
      return state;
    }
    const target = jumpTarget(p, pc)!;
    const goesOn = mayFall(opcode);
    if (!isComparison(opcode)) {
      this.#join(target, state);
      return goesOn ? state : undefined;
    }
    const taken = refined(p, pc, state, true);
    if (taken) this.#join(target, taken);
    return refined(p, pc, state, false);
  }

  #join(pc: number, state: readonly Interval[]): void {
    const kept = this.#at.get(pc);
    if (!kept) {
      this.#at.set(pc, state.slice());
      this.#changed = true;
      return;
    }
    for (let r = 0; r < REGS; r++) {
      const [a, b] = [kept[r]!, state[r]!];
      if (b.lo >= a.lo && b.hi <= a.hi) continue;
      const patient = this.#round <= PATIENCE;
      const lo = b.lo >= a.lo ? a.lo : patient ? b.lo : b.lo >= 1 ? 1 : 0;
      const hi = b.hi <= a.hi ? a.hi : patient ? b.hi : stepAbove(b.hi);
      kept[r] = interval(lo, hi);
      this.#changed = true;
    }
  }
}

function stepAbove(hi: number): number {
  return hi <= 0xff ? 0xff : hi <= 0xffff ? 0xffff : hi <= 0x7fffffff ? 0x7fffffff : hi <= U32 ? U32 : hi;
}

function ofSize(bytes: number): Interval {
  return bytes === 8 ? unknown : interval(0, 2 ** (8 * bytes) - 1);
}

function isJump(opcode: number): boolean {
  return (opcode & 7) === CLASS.JMP || (opcode & 7) === CLASS.JMP32;
}

/** Comparisons of two numbers: all conditional jumps but may_goto. */
function isComparison(opcode: number): boolean {
  const op = opcode & 0xf0;
  return isJump(opcode) && op !== 0 && op < 0xe0;
}

function mayFall(opcode: number): boolean {
  return (opcode & 0xf0) !== 0;
}

/** The facts about the operands of the instruction, with the state before it. */
function bits(p: DecodedProgram, pc: number, state: State): number {
  const opcode = p.opcode[pc]!;
  const cls = opcode & 7;
  const arithmetic = cls === CLASS.ALU || cls === CLASS.ALU64;
  if (!arithmetic && !isComparison(opcode)) return 0;
  const a = state[p.dst[pc]!] ?? unknown;
  const wide = cls === CLASS.ALU64 || cls === CLASS.JMP;
  let out = a.hi <= U32 ? VALUE.dst_u32 : 0;
  if ((opcode & 8) === 0) {
    if (p.imm[pc]! >= 0) out |= VALUE.src_u32;
    if (p.imm[pc] !== 0) out |= VALUE.src_not_zero;
    return out;
  }
  const b = state[p.src[pc]!] ?? unknown;
  if (b.hi <= U32) out |= VALUE.src_u32;
  // The low half of a number with more bits may be 0.
  if (b.lo > 0 && (wide || b.hi <= U32)) out |= VALUE.src_not_zero;
  return out;
}
