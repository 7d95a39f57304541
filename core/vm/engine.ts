/**
 * What an engine is. Three of them run the same programs on the same linear memory: `interp` (TypeScript), `jit`
 * (BPF to WebAssembly), `native` (C++ through N-API).
 */
import type { LinearMemory } from '../base/memory.ts';
import type { HelperEnv, HelperRow } from '../helpers/helper.ts';
import type { FuncInfo, LineInfo, ProgFacts } from '../spec/spec.ts';

/**
 * A program ready to run: relocations resolved, `ld_imm64` of maps and map values hold kernel addresses (src field 0).
 * `ld_imm64 func` (src 4) stays as it is: the register gets an address that only HelperEnv.callback understands.
 */
export interface LinkedProgram {
  readonly name: string;
  readonly insns: Uint8Array;
  readonly funcs: readonly FuncInfo[];
  readonly lines: readonly LineInfo[];
  /**
   * From the verifier. Absent or `verified: false`: the engine checks every access against `regions`, the own stack, and the
   * map values that helpers handed out.
   */
  readonly facts: ProgFacts | undefined;
}

/** Memory an unverified program may touch besides its own stack. */
export interface MemoryRegion {
  readonly offset: number;
  readonly size: number;
  readonly writable: boolean;
}

/** What a running program needs of its surroundings. */
export interface EngineHost {
  readonly memory: LinearMemory;
  /** The helper table, by id; undefined for an id that no row has. */
  helper(id: number): HelperRow | undefined;
  /** Handed to every helper. Its `ctx` is set by the caller before run. */
  readonly env: HelperEnv;
  /** kfuncs by the BTF id in the call's imm; absent: every kfunc call faults by name. */
  kfunc?(id: number): HelperRow | undefined;
  /** Target of a tail call: slot `index` of the prog array whose header is at `mapOffset`, or undefined (the call then falls through). */
  tailCallTarget?(mapOffset: number, index: number): Executable | undefined;
  /** Checked mode: regions an unverified program may touch. Asked at each run. */
  regions?(): readonly MemoryRegion[];
}

export interface RunOptions {
  /**
   * Most instructions one run may execute before it faults with reason 'out of fuel'. Default 2^27. Every engine charges
   * alike, where control can repeat: a taken jump from slot p back to t costs p - t + 1, a call of a BPF function (local
   * call, callback, tail call) the length of the function in slots. So the fault has the same pc in all of them.
   */
  readonly fuel?: number;
  /** Called before every instruction (debugging; slow): slot index and the registers. */
  readonly onStep?: (pc: number, regs: Int32Array) => void;
}

export interface Executable {
  readonly program: LinkedProgram;
  /** Run once with r1 = kernel address of `ctxOffset` (0 for offset 0). r0 is then in `r0Lo`, `r0Hi`. Throws Fault. */
  run(ctxOffset: number, r2?: number): void;
  r0Lo: number;
  r0Hi: number;
  /**
   * Run one BPF function of the program as a run of its own: `functionAddress` is the low half of what `ld_imm64 func` gave,
   * `args` five pairs of halves. Answers the low half of r0. For timers and work queues, after the run that set them up.
   */
  call?(functionAddress: number, args: Int32Array): number;
  /**
   * Run `count` times with r1 = ctxOffset, ctxOffset + ctxStride, ... and r2; the low half of each r0 goes to the linear memory at
   * resultOffset + 4 * i (not stored when 0). A Fault ends the batch.
   */
  runBatch?(ctxOffset: number, ctxStride: number, count: number, resultOffset: number, r2?: number): void;
}

/** THE ENGINES' NAMES, the preferred one first. */
export const ENGINE_NAMES = ['jit', 'native', 'interp'] as const;
export type EngineName = (typeof ENGINE_NAMES)[number];

export interface Engine {
  readonly name: EngineName;
  /** Why it cannot run here ("no WebAssembly", "addon not built"), or undefined when it can. */
  unavailable(): string | undefined;
  prepare(program: LinkedProgram, host: EngineHost, options?: RunOptions): Executable;
  /** What `auto` takes when it takes this engine, where that is not the engine as it is. */
  readonly auto?: Engine;
}
