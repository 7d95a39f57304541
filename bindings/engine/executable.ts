/**
 * A program on the C++ engine: begins runs by the doorbell, and does what C++ comes back for (helpers, tail calls, packets). Rules
 * and words of faults are those of the other engines (core/vm/layout.ts).
 */
import type { Fault } from '../../core/base/errors.ts';
import { KERNEL_HI } from '../../core/base/memory.ts';
import type { HelperRow } from '../../core/helpers/helper.ts';
import { functionStarts } from '../../core/isa/check.ts';
import type { DecodedProgram } from '../../core/isa/insn.ts';
import { CALL, CLASS, MAX_TAIL_CALLS, MODE, SIZES } from '../../core/isa/ops.ts';
import { checkArguments, grantResult } from '../../core/vm/arguments.ts';
import type { EngineHost, Executable, LinkedProgram, MemoryRegion, RunOptions } from '../../core/vm/engine.ts';
import {
  DEFAULT_FUEL,
  decodeProgram,
  FUNCTION_LO,
  HELPER_MAP_LOOKUP,
  makeFault,
  REASON,
} from '../../core/vm/layout.ts';
import { type StackAreas, stackAreas } from '../../core/vm/stack.ts';
import { NativeAccess } from './access.ts';
import { type Machine, R0, WORD } from './machine.ts';
import { COMMAND, STATUS } from './state.ts';

/** What a run and the callbacks inside it share. */
class Run {
  /** Set for unverified programs. */
  access: NativeAccess | undefined;
  /** The program that was started, and those it came to by tail calls. */
  readonly programs: NativeExecutable[];
  constructor(access: NativeAccess | undefined, program: NativeExecutable) {
    this.access = access;
    this.programs = [program];
  }
}

/** Programs that JavaScript has forgotten are forgotten by C++. */
const forgotten = new FinalizationRegistry<{ readonly machine: Machine; readonly id: number }>(({ machine, id }) =>
  machine.native.unload(id),
);

const NO_PROBES: readonly number[] = [];
const NO_REGIONS: readonly MemoryRegion[] = [];

export class NativeExecutable implements Executable {
  readonly program: LinkedProgram;
  readonly host: EngineHost;
  readonly checked: boolean;
  r0Lo = 0;
  r0Hi = 0;
  readonly #decoded: DecodedProgram;
  readonly #lengths: ReadonlyMap<number, number>;
  readonly #machine: Machine;
  readonly #stacks: StackAreas;
  readonly #fuel: number;
  readonly #id: number;
  readonly #token = {};
  /** Rows of the calls made so far, by slot. */
  readonly #rows = new Map<number, HelperRow>();
  /** The last run's, to be used again: it knows nothing of that run any more. */
  #idle: Run | undefined;

  /** Throws Fault for what is no program. */
  constructor(program: LinkedProgram, host: EngineHost, options: RunOptions, machine: Machine) {
    this.#decoded = decodeProgram(program);
    this.program = program;
    this.host = host;
    this.checked = program.facts?.verified !== true;
    this.#fuel = options.fuel ?? DEFAULT_FUEL;
    const starts = functionStarts(this.#decoded);
    this.#lengths = new Map(starts.map((from, f) => [from, (starts[f + 1] ?? this.#decoded.length) - from]));
    this.#machine = machine;
    this.#stacks = stackAreas(host.memory);
    const lookup = host.helper(HELPER_MAP_LOOKUP)?.name === 'map_lookup_elem';
    this.#id = machine.native.load(program.insns, Int32Array.from(program.facts?.probeLoads ?? NO_PROBES), lookup);
    if (this.#id < 0) throw new Error('the C++ engine refuses a program that passed checkBytes');
    forgotten.register(this, { machine, id: this.#id });
  }

  run(ctxOffset: number, r2 = 0): void {
    if (this.checked || !this.#stacks.idle) {
      this.#enter(ctxOffset, r2, 0, 0, 0);
      return;
    }
    const machine = this.#machine;
    if (machine.current !== this.#token) machine.setCurrent(this.#token, this.#id, this.#fuel, this.#stacks.first());
    if (!machine.runOutermost(ctxOffset, r2)) this.#finishOutermost();
    const { words } = machine;
    this.r0Lo = words[R0]!;
    this.r0Hi = words[R0 + 1]!;
  }

  /** A run by the short way needs something of JavaScript: from here on it holds its level and its stack area as every run does. */
  #finishOutermost(): void {
    const machine = this.#machine;
    const run = this.#newRun();
    this.#stacks.enter();
    const level = machine.enter();
    try {
      const block = machine.block(level);
      while (machine.words[block + WORD.STATUS] !== STATUS.done) this.#attend(run, level, block);
      if (run.programs.length > 1) run.programs.length = 1;
      this.#idle = run;
    } finally {
      machine.leave();
      this.#stacks.leave();
    }
  }

  runBatch(ctxOffset: number, ctxStride: number, count: number, resultOffset: number, r2 = 0): void {
    if (count <= 0) return;
    if (resultOffset + 4 * count > this.host.memory.u8.length)
      throw new RangeError(`results of ${count} runs do not fit at ${resultOffset}`);
    if (ctxOffset !== 0) {
      this.#enter(ctxOffset, r2, count, ctxStride, resultOffset);
      return;
    }
    for (let i = 0; i < count; i++) {
      this.run(ctxOffset + i * ctxStride, r2);
      if (resultOffset !== 0) this.host.memory.view.setInt32(resultOffset + 4 * i, this.r0Lo, true);
    }
  }

  call(functionAddress: number, args: Int32Array): number {
    return this.#function(this.#newRun(), 0, functionAddress, args, this.#fuel, 0, () => {});
  }

  #newRun(): Run {
    const idle = this.#idle;
    this.#idle = undefined;
    if (!this.checked) return idle ?? new Run(undefined, this);
    const regions = this.host.regions?.() ?? NO_REGIONS;
    return idle?.access?.serves(regions) ? idle : new Run(new NativeAccess(this.host.memory, regions), this);
  }

  #enter(ctxOffset: number, r2: number, count: number, stride: number, result: number): void {
    const run = this.#newRun();
    const machine = this.#machine;
    const base = this.#stackFor(0);
    const level = machine.enter();
    try {
      const { words } = machine;
      const block = machine.block(level);
      words[block + 2] = ctxOffset;
      words[block + 3] = ctxOffset === 0 ? 0 : KERNEL_HI;
      words[block + 4] = r2;
      words[block + 5] = 0;
      if (run.access) words.fill(0, block + 6, block + 12);
      machine.setFuel(block, this.#fuel);
      words[block + WORD.BATCH_COUNT] = count;
      words[block + WORD.BATCH_STRIDE] = stride;
      words[block + WORD.BATCH_RESULT] = result;
      words[block + WORD.TAIL_CALLS] = 0;
      this.#go(run, level, base, 0);
      this.r0Lo = words[block]!;
      this.r0Hi = words[block + 1]!;
      // Setting a length that it has already costs as much as the run.
      if (run.programs.length > 1) run.programs.length = 1;
      this.#idle = run;
    } finally {
      machine.leave();
      this.#stacks.leave();
    }
  }

  /** A stack area, or a fault. */
  #stackFor(pc: number): number {
    const base = this.#stacks.enter();
    if (base === 0) throw makeFault(this.program, REASON.nesting, pc);
    return base;
  }

  /** Begin at `slot`, arguments and fuel being in the block, and see it through. */
  #go(run: Run, level: number, base: number, slot: number): void {
    const machine = this.#machine;
    const { words } = machine;
    const block = machine.block(level);
    words[block + WORD.COMMAND] = COMMAND.start;
    words[block + WORD.PROGRAM] = this.#id;
    words[block + WORD.PC] = slot;
    words[block + WORD.STACK] = base;
    words[block + WORD.CHECKED] = run.access ? 1 : 0;
    if (!run.access) {
      machine.ring(level);
      while (words[block + WORD.STATUS] !== STATUS.done) this.#attend(run, level, block);
      return;
    }
    run.access.enterStack(base);
    try {
      let left = words[block + WORD.BATCH_COUNT]!;
      machine.setRegions(level, run.access, true);
      machine.ring(level);
      while (words[block + WORD.STATUS] !== STATUS.done) {
        if (words[block + WORD.BATCH_COUNT] !== left) {
          left = words[block + WORD.BATCH_COUNT]!;
          if (run.access.recent) this.#forgetGrants(run, level, base);
        }
        run.access.frames(words[block + WORD.DEPTH]! + 1);
        this.#attend(run, level, block);
      }
    } finally {
      run.access.leaveStack();
    }
  }

  /** Another run of a batch has begun: what helpers handed out to the last one is not its to touch. */
  #forgetGrants(run: Run, level: number, base: number): void {
    run.access = new NativeAccess(this.host.memory, this.host.regions?.() ?? NO_REGIONS);
    run.access.enterStack(base);
    this.#machine.setRegions(level, run.access, true);
  }

  /** Do what the status asks for, and go on; faults are thrown. */
  #attend(run: Run, level: number, block: number): void {
    const machine = this.#machine;
    const { words } = machine;
    const pc = words[block + WORD.PC]!;
    const id = words[block + WORD.PROGRAM];
    const exe = run.programs.find((p) => p.#id === id) ?? this;
    let command: number = COMMAND.resume;
    switch (words[block + WORD.STATUS]) {
      case STATUS.call:
        exe.#call(run, level, block, pc);
        break;
      case STATUS.tail_call:
        if (exe.#tailCall(run, level, block, pc)) command = COMMAND.tail;
        break;
      case STATUS.packet:
        if (!exe.#loadPacket(machine.registers(level), pc)) command = COMMAND.leave;
        break;
      default:
        throw exe.#fault(words[block + WORD.STATUS]!, machine.registers(level), pc);
    }
    if (run.access) machine.setRegions(level, run.access, false);
    words[block + WORD.COMMAND] = command;
    machine.ring(level);
  }

  #row(pc: number, r: Int32Array): HelperRow {
    const known = this.#rows.get(pc);
    if (known) return known;
    const id = this.#decoded.imm[pc]!;
    const kfunc = this.#decoded.src[pc] === CALL.kfunc;
    const row = kfunc ? this.host.kfunc?.(id) : this.host.helper(id);
    if (!row) throw makeFault(this.program, kfunc ? REASON.noKfunc(id) : REASON.noHelper(id), pc, r);
    if (!row.run) throw makeFault(this.program, REASON.helperUnsupported(row.name), pc, r);
    this.#rows.set(pc, row);
    return row;
  }

  #call(run: Run, level: number, block: number, pc: number): void {
    const { env } = this.host;
    const r = this.#machine.registers(level);
    const row = this.#row(pc, r);
    const { access } = run;
    const mapOffset = r[2]!;
    if (access) {
      const bad = checkArguments(row, env, r, access);
      if (bad !== undefined) throw makeFault(this.program, bad, pc, r);
    }
    if (row.args.includes('func')) {
      const outer = env.callback;
      const outerProgram = env.program;
      env.callback = (address, args) => this.#callback(run, block, pc, address, args);
      env.program = this;
      try {
        row.run!(env, r);
      } finally {
        env.callback = outer;
        env.program = outerProgram;
      }
    } else row.run!(env, r);
    if (access) {
      grantResult(row, env, r, mapOffset, access);
      r.fill(0, 2, 12);
    }
  }

  /** A helper calls back: fuel and the count of tail calls go into the function and come out of it. */
  #callback(run: Run, outer: number, pc: number, address: number, args: Int32Array): number {
    const machine = this.#machine;
    return this.#function(
      run,
      pc,
      address,
      args,
      machine.fuel(outer),
      machine.words[outer + WORD.TAIL_CALLS]!,
      (inner) => {
        machine.setFuel(outer, machine.fuel(inner));
        machine.words[outer + WORD.TAIL_CALLS] = machine.words[inner + WORD.TAIL_CALLS]!;
      },
    );
  }

  /** Run the function at an address on a stack area of its own. `after` is told the block. Answers the low half of r0. */
  #function(
    run: Run,
    pc: number,
    address: number,
    args: Int32Array,
    fuel: number,
    tailCalls: number,
    after: (block: number) => void,
  ): number {
    const slot = (address - FUNCTION_LO) | 0;
    const length = this.#lengths.get(slot);
    if (length === undefined) throw makeFault(this.program, 'callback is not a function of this program', pc);
    if (fuel - length < 0) throw makeFault(this.program, REASON.fuel, pc);
    const machine = this.#machine;
    const base = this.#stackFor(pc);
    const level = machine.enter();
    try {
      const { words } = machine;
      const block = machine.block(level);
      for (let k = 0; k < 10; k++) words[block + 2 + k] = args[k]!;
      machine.setFuel(block, fuel - length);
      words[block + WORD.BATCH_COUNT] = 0;
      words[block + WORD.TAIL_CALLS] = tailCalls;
      this.#go(run, level, base, slot);
      after(block);
      return words[block]!;
    } finally {
      machine.leave();
      this.#stacks.leave();
    }
  }

  /** True when the run goes on in another program; otherwise r0 says that there was none. */
  #tailCall(run: Run, level: number, block: number, pc: number): boolean {
    const machine = this.#machine;
    const { words } = machine;
    const r = machine.registers(level);
    const tailCalls = words[block + WORD.TAIL_CALLS]!;
    const target = r[5] === KERNEL_HI ? this.host.tailCallTarget?.(r[4]! >>> 0, r[6]! >>> 0) : undefined;
    if (target === undefined || tailCalls >= MAX_TAIL_CALLS) {
      r[0] = -22;
      r[1] = -1;
      return false;
    }
    if (!(target instanceof NativeExecutable) || target.#machine !== machine)
      throw makeFault(this.program, REASON.tailElsewhere(target.program.name), pc, r);
    if (target.checked && !run.access) throw makeFault(this.program, REASON.tailUnverified(target.program.name), pc, r);
    words[block + WORD.TAIL_CALLS] = tailCalls + 1;
    const fuel = machine.fuel(block) - target.#lengths.get(0)!;
    if (fuel < 0) throw makeFault(this.program, REASON.fuel, pc, r);
    machine.setFuel(block, fuel);
    words[block + WORD.PROGRAM] = target.#id;
    if (!run.programs.includes(target)) run.programs.push(target);
    return true;
  }

  /** False when the packet has no such bytes: the function then returns 0. */
  #loadPacket(r: Int32Array, pc: number): boolean {
    const { env } = this.host;
    if (!env.loadPacket) throw makeFault(this.program, REASON.noPacket, pc, r);
    const p = this.#decoded;
    const opcode = p.opcode[pc]!;
    const base = (opcode & 0xe0) === MODE.IND ? r[2 * p.src[pc]!]! : 0;
    const value = env.loadPacket((base + p.imm[pc]!) | 0, bytesOf(opcode));
    r[0] = value ?? 0;
    r[1] = 0;
    return value !== undefined;
  }

  #fault(status: number, r: Int32Array, pc: number): Fault | Error {
    switch (status) {
      case STATUS.out_of_fuel:
        return makeFault(this.program, REASON.fuel, pc, r);
      case STATUS.too_deep:
        return makeFault(this.program, REASON.depth, pc, r);
      case STATUS.no_access:
        return makeFault(this.program, this.#accessReason(r, pc), pc, r);
      case STATUS.unreachable:
        return makeFault(this.program, 'unreachable instruction', pc, r);
      default:
        return new Error(`the C++ engine answers status ${status}`);
    }
  }

  #accessReason(r: Int32Array, pc: number): string {
    const p = this.#decoded;
    const opcode = p.opcode[pc]!;
    const acquires = (opcode & 7) === CLASS.STX && (opcode & 0xe0) === MODE.ATOMIC && p.imm[pc] === 0x100;
    const write = (opcode & 7) !== CLASS.LDX && !acquires;
    const base = 2 * (write ? p.dst[pc]! : p.src[pc]!);
    const address = (BigInt(r[base + 1]!) << 32n) + BigInt(r[base]! >>> 0) + BigInt(p.off[pc]!);
    return REASON.access(write, bytesOf(opcode), BigInt.asUintN(64, address));
  }
}

function bytesOf(opcode: number): number {
  return SIZES.find((row) => row.code === (opcode & 0x18))!.bytes;
}
