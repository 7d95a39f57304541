/**
 * The state block: where wasm and JavaScript meet. One per linear memory, at a fixed offset that is baked into the code.
 * Registers are spilled there for helper calls and faults, and r0 is returned there, so that no 64-bit value crosses the
 * boundary as a BigInt. Runs inside runs save and restore it.
 */
import type { LinearMemory } from '../../base/memory.ts';

/** Offsets in the block. r0..r10 as u64 come first: the register file that helpers get. */
export const STATE = {
  REGS: 0,
  /** Fuel left, as i64. */
  FUEL: 96,
  /** The access window of checked programs, as AccessMap has it. */
  READ_LO: 104,
  READ_LIMIT: 108,
  WRITE_LO: 112,
  WRITE_LIMIT: 116,
  /** Why wasm trapped: slot * 4 + FAULT kind, or -1 where it trapped by itself. */
  FAULT: 120,
} as const;
export const STATE_SIZE = 128;

const blocks = new WeakMap<LinearMemory, StateBlock>();

export class StateBlock {
  readonly offset: number;
  /** How many runs are active, one inside another. */
  depth = 0;
  /** Tail calls made by the innermost run. */
  tailCalls = 0;
  readonly #memory: LinearMemory;
  #regs: Int32Array;

  constructor(memory: LinearMemory) {
    this.#memory = memory;
    this.offset = memory.alloc(STATE_SIZE, 64);
    this.#regs = new Int32Array(memory.u8.buffer, this.offset, 22);
    memory.i32[(this.offset + STATE.FAULT) >>> 2] = -1;
  }

  /** The fault number that a trapped wasm function left, or -1; there is none afterwards. */
  takeFault(): number {
    const at = (this.offset + STATE.FAULT) >>> 2;
    const { i32 } = this.#memory;
    const number = i32[at]!;
    i32[at] = -1;
    return number;
  }

  /** The register file, on the memory as it is now. */
  get regs(): Int32Array {
    const { buffer } = this.#memory.u8;
    if (this.#regs.buffer !== buffer) this.#regs = new Int32Array(buffer, this.offset, 22);
    return this.#regs;
  }

  get fuel(): number {
    const at = (this.offset + STATE.FUEL) >>> 2;
    const { i32 } = this.#memory;
    return i32[at + 1]! * 4294967296 + (i32[at]! >>> 0);
  }

  set fuel(value: number) {
    const at = (this.offset + STATE.FUEL) >>> 2;
    const { i32 } = this.#memory;
    i32[at] = value | 0;
    i32[at + 1] = Math.floor(value / 4294967296);
  }

  setWindow(readLo: number, readLimit: number, writeLo: number, writeLimit: number): void {
    const at = (this.offset + STATE.READ_LO) >>> 2;
    const { i32 } = this.#memory;
    i32[at] = readLo;
    i32[at + 1] = readLimit;
    i32[at + 2] = writeLo;
    i32[at + 3] = writeLimit;
  }
}

export function stateBlock(memory: LinearMemory): StateBlock {
  let found = blocks.get(memory);
  if (!found) blocks.set(memory, (found = new StateBlock(memory)));
  return found;
}
