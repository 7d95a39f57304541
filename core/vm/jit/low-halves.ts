/**
 * Registers whose low half is kept in an i32 local beside the i64 one. An address is a low half (the linear memory has 32-bit addresses), and so is all that a comparison
 * needs of two 32-bit numbers or two addresses, which the verifier's facts tell (ProgFacts.insns). Sums, differences, products and bitwise
 * operations have the low half of the low halves: a pointer that steps through a buffer, or an index counted up to a bound, is then an i32 from end to
 * end, nothing asks for the i64, and V8 leaves it out with the instruction that cut it down at each access.
 *
 * Where low halves are wanted is a matter of liveness, backwards over the flow graph: an address wants its register's, an operation whose result's is
 * wanted wants those of its operands. Only registers that some such operation gives a value are kept: what is loaded or returned is cut down
 * where it is used as well as where it is made.
 */
import {
  ALU_OPS,
  type AluOp,
  ATOMIC_FETCH,
  CLASS,
  MODE,
  OP_CALL,
  OP_LD_IMM64,
  OP_MAY_GOTO,
  SRC,
} from '../../isa/ops.ts';
import { type InsnFacts, VALUE } from '../../spec/facts.ts';
import type { Block, Cfg } from './cfg.ts';
import type { Plan } from './plan.ts';

const NAME = new Map<number, AluOp>(ALU_OPS.map((r) => [r.code, r.name]));
const CLOSED = new Set<AluOp>(['mov', 'add', 'sub', 'mul', 'and', 'or', 'xor', 'neg']);
const BOTH_U32 = VALUE.dst_u32 | VALUE.src_u32;
const ATOMIC_CMPXCHG = 0xf1;
const ATOMIC_LOAD_ACQUIRE = 0x100;
const JSET = 0x40;

export interface LowHalves {
  /** First slot of the function. */
  readonly from: number;
  /** Registers (bits) whose low half must be there at the function's start. */
  readonly atStart: number;
  /** By slot from `from`: those that are wanted behind the instruction, and before it. */
  readonly after: Uint16Array;
  readonly before: Uint16Array;
  /** By slot from `from`: 1 for comparisons made of low halves. */
  readonly compared: Uint8Array;
}

/** The function in slots `from` to `to`; undefined where no low half is worth keeping. */
export function lowHalves(plan: Plan, cfg: Cfg, from: number, to: number): LowHalves | undefined {
  const { facts } = plan;
  // Where fuel is counted a fault wants whole registers at every jump back.
  if (!facts || plan.metered) return undefined;
  const analysis = new Analysis(plan, facts, cfg, from, to);
  return analysis.run();
}

class Analysis {
  readonly #plan: Plan;
  readonly #facts: InsnFacts;
  readonly #cfg: Cfg;
  readonly #from: number;
  /** Instructions of each block. */
  readonly #slots: number[][] = [];
  /** Registers worth keeping. */
  #kept = 0;
  readonly #after: Uint16Array;
  readonly #before: Uint16Array;
  readonly #compared: Uint8Array;

  constructor(plan: Plan, facts: InsnFacts, cfg: Cfg, from: number, to: number) {
    this.#plan = plan;
    this.#facts = facts;
    this.#cfg = cfg;
    this.#from = from;
    this.#after = new Uint16Array(to - from);
    this.#before = new Uint16Array(to - from);
    this.#compared = new Uint8Array(to - from);
  }

  run(): LowHalves | undefined {
    let bases = 0;
    for (const { start, end } of this.#cfg.blocks) {
      const slots: number[] = [];
      for (let pc = start; pc < end; pc += this.#plan.decoded.opcode[pc] === OP_LD_IMM64 ? 2 : 1) {
        slots.push(pc);
        if (isClosed(this.#plan, pc)) this.#kept |= 1 << this.#plan.decoded.dst[pc]!;
        else bases |= this.#base(pc);
      }
      this.#slots.push(slots);
    }
    // All wants begin with an address.
    if ((this.#kept & bases) === 0) return undefined;
    do this.#liveness();
    while (this.#compareMore());
    const atStart = this.#before[this.#cfg.blocks[0]!.start - this.#from]!;
    if (this.#before.every((wanted) => wanted === 0)) return undefined;
    return { from: this.#from, atStart, after: this.#after, before: this.#before, compared: this.#compared };
  }

  #liveness(): void {
    const { blocks } = this.#cfg;
    for (let changed = true; changed; ) {
      changed = false;
      for (let b = blocks.length - 1; b >= 0; b--) {
        const block = blocks[b]!;
        const first = block.start - this.#from;
        const was = this.#before[first];
        this.#backwards(block);
        if (this.#before[first] !== was) changed = true;
      }
    }
  }

  #backwards(block: Block): void {
    const behind = (to: Block | undefined) => (to ? this.#before[to.start - this.#from]! : 0);
    let wanted = behind(block.target) | behind(block.next);
    const slots = this.#slots[block.order]!;
    for (let k = slots.length - 1; k >= 0; k--) {
      const pc = slots[k]!;
      this.#after[pc - this.#from] = wanted;
      wanted = this.#wantedBefore(pc, wanted);
      this.#before[pc - this.#from] = wanted;
    }
  }

  /** The register (bit) whose value is the address of a load or store; 0 for other instructions and for what is a local. */
  #base(pc: number): number {
    const { decoded: p, pieces } = this.#plan;
    const cls = p.opcode[pc]! & 7;
    if ((cls !== CLASS.LDX && cls !== CLASS.ST && cls !== CLASS.STX) || pieces.at.has(pc)) return 0;
    const fromSrc = cls === CLASS.LDX || (cls === CLASS.STX && isLoadAcquire(this.#plan, pc));
    return 1 << (fromSrc ? p.src[pc]! : p.dst[pc]!);
  }

  #wantedBefore(pc: number, after: number): number {
    const { decoded: p } = this.#plan;
    const opcode = p.opcode[pc]!;
    const [d, s] = [1 << p.dst[pc]!, 1 << p.src[pc]!];
    const kept = this.#kept;
    if (isClosed(this.#plan, pc)) {
      if ((after & d) === 0) return after;
      const name = NAME.get(opcode & 0xf0)!;
      const operand = (opcode & SRC.X) !== 0 && name !== 'neg' ? s & kept : 0;
      return (name === 'mov' ? after & ~d : after) | operand;
    }
    const compared = this.#compared[pc - this.#from] === 1 ? d | ((opcode & SRC.X) !== 0 ? s : 0) : 0;
    return (after & ~defined(this.#plan, pc)) | ((this.#base(pc) | compared) & kept);
  }

  /** Comparisons that could take low halves, where one of them is there anyway. */
  #compareMore(): boolean {
    let more = false;
    const { decoded: p } = this.#plan;
    for (const { ends, last } of this.#cfg.blocks) {
      const at = last - this.#from;
      if (ends !== 'branch' || this.#compared[at] === 1 || !this.#couldCompare(last)) continue;
      const operands = (1 << p.dst[last]!) | ((p.opcode[last]! & SRC.X) !== 0 ? 1 << p.src[last]! : 0);
      if ((this.#after[at]! & operands) === 0) continue;
      this.#compared[at] = 1;
      more = true;
    }
    return more;
  }

  #couldCompare(pc: number): boolean {
    const opcode = this.#plan.decoded.opcode[pc]!;
    if (opcode === OP_MAY_GOTO) return false;
    const known = this.#facts.values[pc]!;
    if ((opcode & 7) === CLASS.JMP32 || (known & BOTH_U32) === BOTH_U32) return true;
    return (known & VALUE.addresses) !== 0 && (opcode & 0xf0) !== JSET;
  }
}

/** Arithmetic whose result's low half is that of the operands' low halves. */
export function isClosed({ decoded: p }: Pick<Plan, 'decoded'>, pc: number): boolean {
  const opcode = p.opcode[pc]!;
  const cls = opcode & 7;
  return (cls === CLASS.ALU || cls === CLASS.ALU64) && p.off[pc] === 0 && CLOSED.has(NAME.get(opcode & 0xf0)!);
}

function isLoadAcquire({ decoded: p }: Pick<Plan, 'decoded'>, pc: number): boolean {
  return (p.opcode[pc]! & 0xe0) === MODE.ATOMIC && p.imm[pc] === ATOMIC_LOAD_ACQUIRE;
}

/** Registers (bits) that an instruction gives a value, or leaves without one. */
export function defined({ decoded: p }: Pick<Plan, 'decoded'>, pc: number): number {
  const opcode = p.opcode[pc]!;
  const d = 1 << p.dst[pc]!;
  switch (opcode & 7) {
    case CLASS.ALU:
    case CLASS.ALU64:
    case CLASS.LDX:
      return d;
    case CLASS.LD:
      return opcode === OP_LD_IMM64 ? d : 0x3f;
    case CLASS.STX:
      if ((opcode & 0xe0) !== MODE.ATOMIC) return 0;
      if (p.imm[pc] === ATOMIC_LOAD_ACQUIRE) return d;
      if (p.imm[pc] === ATOMIC_CMPXCHG) return 1;
      return (p.imm[pc]! & ATOMIC_FETCH) !== 0 ? 1 << p.src[pc]! : 0;
    default:
      return opcode === OP_CALL ? 0x3f : 0;
  }
}
