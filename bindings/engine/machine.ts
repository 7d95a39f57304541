/**
 * The C++ engine on one linear memory, as seen from JavaScript: the meeting place (state.ts) as words, and the doorbell. One per
 * memory, made when the first program is prepared on it.
 */
import type { LinearMemory } from '../../core/base/memory.ts';
import type { MemoryRegion } from '../../core/vm/engine.ts';
import type { Addon, NativeMachine } from '../addon/index.ts';
import type { NativeAccess } from './access.ts';
import {
  BELL,
  BLOCK,
  BLOCK_BYTES,
  HEADER_BYTES,
  LEVELS,
  OUTERMOST,
  REGION_BYTES,
  STATE_BYTES,
  STATUS,
} from './state.ts';

/** Word indices of a block's fields, relative to the block. */
export const WORD = Object.fromEntries(Object.entries(BLOCK).map(([name, at]) => [name, at >> 2])) as {
  readonly [name in keyof typeof BLOCK]: number;
};

const CTX_WORD = BELL.CTX >> 2;
const R2_WORD = BELL.R2 >> 2;
const STATUS_WORD = (HEADER_BYTES + BLOCK.STATUS) >> 2;
/** Low half of level 0's r0. */
export const R0 = (HEADER_BYTES + BLOCK.REGS) >> 2;

export class Machine {
  readonly native: NativeMachine;
  /** The state stretch. The memory is shared, so that this view stays good when it grows. */
  readonly words: Int32Array;
  readonly #memory: LinearMemory;
  readonly #files: Int32Array[] = [];
  /** Region tables by level. */
  readonly #tables: { offset: number; capacity: number; written: number }[] = [];
  readonly #bell: () => void;
  #bound: Uint8Array;
  #depth = 0;
  /** Whose run the header is ready for: a token, as the program itself would be kept alive by it for ever. */
  current: object | undefined;

  constructor(makeEngine: NonNullable<Addon['makeEngine']>, memory: LinearMemory) {
    this.#memory = memory;
    const state = memory.alloc(STATE_BYTES, 64);
    this.#bound = memory.u8;
    this.native = makeEngine(memory.u8, state);
    this.#bell = this.native.ring;
    this.words = new Int32Array(memory.u8.buffer, state, STATE_BYTES >> 2);
    for (let level = 0; level < LEVELS; level++) {
      const at = this.block(level);
      this.#files.push(this.words.subarray(at, at + 22));
      this.#tables.push({ offset: 0, capacity: 0, written: 0 });
    }
  }

  /** A level for a run that begins. The caller has a stack area, and there are as many levels as areas. */
  enter(): number {
    return this.#depth++;
  }

  leave(): void {
    this.#depth--;
  }

  /** Index in `words` of a level's block. */
  block(level: number): number {
    return (HEADER_BYTES + level * BLOCK_BYTES) >> 2;
  }

  /** Register file of a level: what helpers get. */
  registers(level: number): Int32Array {
    return this.#files[level]!;
  }

  ring(level: number): void {
    if (this.#memory.u8 !== this.#bound) this.#bind();
    this.current = undefined;
    this.words[BELL.LEVEL >> 2] = level;
    this.#bell();
  }

  #bind(): void {
    this.#bound = this.#memory.u8;
    this.native.bind(this.#bound);
  }

  /**
   * Begin a run of `current` (a verified program) on level 0, nothing else running. True: it is over, and r0 is in words[R0]; else the
   * level's block says what it waits for.
   */
  runOutermost(ctxOffset: number, r2: number): boolean {
    const { words } = this;
    if (this.#memory.u8 !== this.#bound) this.#bind();
    words[CTX_WORD] = ctxOffset;
    words[R2_WORD] = r2;
    this.#bell();
    return words[STATUS_WORD] === STATUS.done;
  }

  /** What does not change from one run of a program to the next; `stack` is the first stack area. */
  setCurrent(token: object, program: number, fuel: number, stack: number): void {
    this.current = token;
    const finite = Math.min(fuel, Number.MAX_SAFE_INTEGER);
    this.words[BELL.LEVEL >> 2] = OUTERMOST;
    this.words[BELL.PROGRAM >> 2] = program;
    this.words[BELL.FUEL >> 2] = finite | 0;
    this.words[(BELL.FUEL >> 2) + 1] = Math.floor(finite / 4294967296);
    this.words[BELL.STACK >> 2] = stack;
  }

  fuel(block: number): number {
    const at = block + WORD.FUEL;
    return this.words[at + 1]! * 4294967296 + (this.words[at]! >>> 0);
  }

  setFuel(block: number, value: number): void {
    const at = block + WORD.FUEL;
    const finite = Math.min(value, Number.MAX_SAFE_INTEGER);
    this.words[at] = finite | 0;
    this.words[at + 1] = Math.floor(finite / 4294967296);
  }

  /**
   * Write down what the run of a level may touch: the stacks of the runs around it (its own area is known to C++), the regions, and
   * once more the region handed out last, as C++ searches from the end. `fresh`: the level's run begins; else only what was
   * added since is written.
   */
  setRegions(level: number, access: NativeAccess, fresh: boolean): void {
    const table = this.#tables[level]!;
    const begins = fresh;
    const outer = access.areas.length - 1;
    const wanted = outer + access.rows.length + 1;
    if (wanted > table.capacity) {
      if (table.capacity > 0) this.#memory.free(table.offset, table.capacity * REGION_BYTES);
      table.capacity = Math.max(8, wanted * 2);
      table.offset = this.#memory.alloc(table.capacity * REGION_BYTES);
      fresh = true;
    }
    if (fresh) {
      for (let i = 0; i < outer; i++) this.#putRegion(table.offset, i, access.areas[i]!);
      table.written = outer;
    }
    const block = this.block(level);
    while (table.written < outer + access.rows.length) {
      this.#putRegion(table.offset, table.written, access.rows[table.written - outer]!);
      table.written++;
    }
    let count = table.written;
    if (access.recent) this.#putRegion(table.offset, count++, access.recent);
    if (begins) this.words[block + WORD.REGION_BASE] = count;
    this.words[block + WORD.REGIONS] = table.offset;
    this.words[block + WORD.REGION_COUNT] = count;
  }

  #putRegion(table: number, row: number, region: MemoryRegion): void {
    const { i32 } = this.#memory;
    const at = (table + row * REGION_BYTES) >>> 2;
    i32[at] = region.offset;
    i32[at + 1] = region.size;
    i32[at + 2] = region.writable ? 1 : 0;
  }
}

const machines = new WeakMap<LinearMemory, Machine>();

export function machineOf(makeEngine: NonNullable<Addon['makeEngine']>, memory: LinearMemory): Machine {
  let found = machines.get(memory);
  if (!found) machines.set(memory, (found = new Machine(makeEngine, memory)));
  return found;
}
