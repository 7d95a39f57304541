/**
 * The TypeScript interpreter: runs everywhere, needs nothing, and is the yardstick for readability among the engines. The
 * program is predecoded (predecode.ts), then run by one loop (interp-loop.ts).
 */
import { KERNEL_HI } from '../base/memory.ts';
import { functionStarts } from '../isa/check.ts';
import type { DecodedProgram } from '../isa/insn.ts';
import { STACK_SIZE } from '../isa/ops.ts';
import { AccessMap } from './access.ts';
import type { Engine, EngineHost, Executable, LinkedProgram, RunOptions } from './engine.ts';
import { execute } from './interp-loop.ts';
import { callFunction, Machine, Run } from './interp-machine.ts';
import { DEFAULT_FUEL, decodeProgram, makeFault, REASON } from './layout.ts';
import { predecode, REG_HALVES } from './predecode.ts';
import { type StackAreas, stackAreas } from './stack.ts';

export const interp: Engine = {
  name: 'interp',
  unavailable: () => undefined,
  prepare: (program, host, options) => new InterpExecutable(program, decodeProgram(program), host, options ?? {}),
};

/** The same of a program that is decoded already, and was found to be one. */
export function prepareDecoded(
  program: LinkedProgram,
  decoded: DecodedProgram,
  host: EngineHost,
  options: RunOptions,
): Executable {
  return new InterpExecutable(program, decoded, host, options);
}

class InterpExecutable extends Machine {
  readonly #fuel: number;
  readonly #stacks: StackAreas;
  #run: Run | undefined;
  /** The register file of runs that nothing surrounds; undefined while one is under way. */
  #registers: Int32Array | undefined;

  constructor(program: LinkedProgram, decoded: DecodedProgram, host: EngineHost, options: RunOptions) {
    const code = predecode(decoded, functionStarts(decoded), options.onStep !== undefined);
    super(program, host, code, options.onStep);
    this.#fuel = options.fuel ?? DEFAULT_FUEL;
    this.#stacks = stackAreas(host.memory);
    this.#registers = this.takeRegisters();
  }

  run(ctxOffset: number, r2 = 0): void {
    const r = this.#registers;
    if (this.checked || r === undefined || !this.#stacks.idle) {
      this.#runCarefully(ctxOffset, r2);
      return;
    }
    // The commonest case, a verified program that nothing surrounds: what is particular to other cases costs as much as a short program.
    const stacks = this.#stacks;
    const run = this.#plainRun();
    const base = stacks.enter();
    this.#registers = undefined;
    r[2] = ctxOffset;
    r[3] = ctxOffset === 0 ? 0 : KERNEL_HI;
    r[4] = r2;
    r[5] = 0;
    r[20] = base + STACK_SIZE;
    r[21] = KERNEL_HI;
    try {
      execute(this, run, r, this.code.codeStart, base);
    } finally {
      stacks.leave();
      this.#registers = r;
    }
    this.r0Lo = r[0]!;
    this.r0Hi = r[1]!;
    this.#run = run;
  }

  #runCarefully(ctxOffset: number, r2: number): void {
    const run = this.checked ? this.#checkedRun() : this.#plainRun();
    const r = this.takeRegisters();
    if (this.checked) r.fill(0, 0, REG_HALVES);
    r[2] = ctxOffset;
    r[3] = ctxOffset === 0 ? 0 : KERNEL_HI;
    r[4] = r2;
    r[5] = 0;
    this.invoke(run, r, 0);
    this.r0Lo = r[0]!;
    this.r0Hi = r[1]!;
    this.giveRegisters(r);
    if (!this.checked) this.#run = run;
  }

  call(functionAddress: number, args: Int32Array): number {
    const run = this.checked ? this.#checkedRun() : new Run(this.#fuel, new AccessMap(this.host.memory, false, []));
    return callFunction(this, run, 0, functionAddress, args);
  }

  #checkedRun(): Run {
    const { memory } = this.host;
    return new Run(this.#fuel, new AccessMap(memory, true, this.host.regions?.() ?? []));
  }

  /** Unchecked runs that do not nest share one Run. */
  #plainRun(): Run {
    const run = this.#run ?? new Run(this.#fuel, new AccessMap(this.host.memory, false, []));
    this.#run = undefined;
    run.fuel = this.#fuel;
    run.tailCalls = 0;
    return run;
  }

  runBatch(ctxOffset: number, ctxStride: number, count: number, resultOffset: number, r2 = 0): void {
    for (let i = 0; i < count; i++) {
      this.run(ctxOffset + i * ctxStride, r2);
      if (resultOffset !== 0) this.host.memory.view.setInt32(resultOffset + 4 * i, this.r0Lo, true);
    }
  }

  /** Run the function at `slot` on a stack area of its own. */
  invoke(run: Run, r: Int32Array, slot: number): void {
    const stacks = this.#stacks;
    const base = stacks.enter();
    if (base === 0) throw makeFault(this.program, REASON.nesting, slot, r);
    try {
      r[20] = base + STACK_SIZE;
      r[21] = KERNEL_HI;
      if (this.checked) {
        this.host.memory.u8.fill(0, base, base + STACK_SIZE);
        run.access.enterStack(base);
      }
      execute(this, run, r, this.code.codeStart + (slot << this.code.shift), base);
    } finally {
      stacks.leave();
      if (this.checked) run.access.leaveStack();
    }
  }
}
