/**
 * The JIT engine: BPF to WebAssembly, compiled by the host's own compiler. The default engine: near native speed
 * on plain Node and in browsers, on the same linear memory as the others.
 *
 * Only 32-bit numbers cross between wasm and JavaScript; what is wider goes through the state block (state.ts).
 *
 * `jit` compiles when a program is prepared. `tiered`, which `--engine auto` takes, lets the interpreter do the first run of a program that
 * cannot stay long in it, and compiles before the second: what runs once, or never, costs no compilation.
 */
import type { Fault } from '../../base/errors.ts';
import { KERNEL_HI } from '../../base/memory.ts';
import { wasm } from '../../base/platform.ts';
import type { HelperRow } from '../../helpers/helper.ts';
import { jumpTarget } from '../../isa/check.ts';
import type { DecodedProgram } from '../../isa/insn.ts';
import { CALL, CLASS, MAX_TAIL_CALLS, MODE, OP_CALL, OP_LD_IMM64, PSEUDO, SIZES, STACK_SIZE } from '../../isa/ops.ts';
import { AccessMap } from '../access.ts';
import { checkArguments, grantResult } from '../arguments.ts';
import type { Engine, EngineHost, Executable, LinkedProgram, RunOptions } from '../engine.ts';
import { interp, prepareDecoded } from '../interp.ts';
import { DEFAULT_FUEL, decodeProgram, FUNCTION_LO, HELPER_TAIL_CALL, makeFault, REASON } from '../layout.ts';
import { type StackAreas, stackAreas } from '../stack.ts';
import { type CompiledModule, compileBatch, compileProgram } from './module.ts';
import { FAULT, functionList } from './plan.ts';
import { STATE, type StateBlock, stateBlock } from './state.ts';

/** Hosts refuse wasm functions of more bytes (7,654,321 in V8). Programs that need one run on the interpreter. */
const MOST_CODE = 7_600_000;

class TooLarge extends Error {}

const unavailable = () => (wasm ? undefined : 'no WebAssembly here');

export const tiered: Engine = {
  name: 'jit',
  unavailable,
  prepare: (program, host, options) => prepare(program, host, options, true),
};

export const jit: Engine = {
  name: 'jit',
  unavailable,
  prepare: (program, host, options) => prepare(program, host, options, false),
  auto: tiered,
};

function prepare(program: LinkedProgram, host: EngineHost, options: RunOptions = {}, mayDefer: boolean): Executable {
  // Stepping needs an engine that stops between instructions; wasm cannot import a memory that is no WebAssembly memory.
  if (options.onStep || !host.memory.wasmMemory) return interp.prepare(program, host, options);
  try {
    const decoded = decodeProgram(program);
    if (mayDefer && isShort(decoded)) return new DeferredExecutable(program, decoded, host, options);
    return new JitExecutable(program, decoded, host, options);
  } catch (error) {
    if (error instanceof TooLarge) return interp.prepare(program, host, options);
    throw error;
  }
}

type Door = (...args: number[]) => void;

/**
 * A program that is compiled before its second run. Not a state of JitExecutable, whose fields never change: V8 then knows the wasm function
 * that `run` calls, and inlines the way into it.
 */
class DeferredExecutable implements Executable {
  readonly program: LinkedProgram;
  r0Lo = 0;
  r0Hi = 0;
  readonly #decoded: DecodedProgram;
  readonly #host: EngineHost;
  readonly #options: RunOptions;
  /** The interpreter's, for the first run. */
  #first: Executable | undefined;
  #compiled: JitExecutable | undefined;

  constructor(program: LinkedProgram, decoded: DecodedProgram, host: EngineHost, options: RunOptions) {
    this.program = program;
    this.#decoded = decoded;
    this.#host = host;
    this.#options = options;
    this.#first = prepareDecoded(program, decoded, host, options);
  }

  compiled(): JitExecutable {
    this.#first = undefined;
    this.#compiled ??= new JitExecutable(this.program, this.#decoded, this.#host, this.#options);
    return this.#compiled;
  }

  run(ctxOffset: number, r2 = 0): void {
    const first = this.#first;
    this.#first = undefined;
    const exe = first ?? this.#compiled ?? this.compiled();
    exe.run(ctxOffset, r2);
    this.r0Lo = exe.r0Lo;
    this.r0Hi = exe.r0Hi;
  }

  call(functionAddress: number, args: Int32Array): number {
    return this.compiled().call(functionAddress, args);
  }

  runBatch(ctxOffset: number, ctxStride: number, count: number, resultOffset: number, r2 = 0): void {
    const exe = this.compiled();
    exe.runBatch(ctxOffset, ctxStride, count, resultOffset, r2);
    this.r0Lo = exe.r0Lo;
    this.r0Hi = exe.r0Hi;
  }
}

class JitExecutable implements Executable {
  readonly program: LinkedProgram;
  readonly host: EngineHost;
  readonly checked: boolean;
  r0Lo = 0;
  r0Hi = 0;
  readonly #decoded: DecodedProgram;
  readonly #fuel: number;
  readonly #state: StateBlock;
  readonly #stacks: StackAreas;
  readonly #starts: readonly number[];
  readonly #indexOfStart: ReadonlyMap<number, number>;
  readonly #base: Parameters<typeof compileProgram>[0];
  readonly #shared: boolean;
  readonly #exports: Record<string, Door>;
  readonly #run: Door;
  /** Neither calls nor loops that are metered: no fuel to set, nothing can nest. */
  readonly #plain: boolean;
  /** Frame pointer of a run that nothing surrounds. */
  readonly #plainFp: number;
  /** Index of r0's low half in the memory's i32 view. */
  readonly #r0At: number;
  #batch: Door | undefined;
  readonly #modules: CompiledModule[] = [];
  /** What the run that is active may touch; set for checked programs. */
  #access: AccessMap | undefined;

  constructor(program: LinkedProgram, decoded: DecodedProgram, host: EngineHost, options: RunOptions) {
    this.#decoded = decoded;
    this.program = program;
    this.host = host;
    this.checked = program.facts?.verified !== true;
    this.#fuel = options.fuel ?? DEFAULT_FUEL;
    this.#state = stateBlock(host.memory);
    this.#stacks = stackAreas(host.memory);
    const list = functionList(this.#decoded);
    this.#starts = list.starts;
    this.#indexOfStart = list.indexOfStart;
    this.#base = {
      program,
      decoded: this.#decoded,
      host,
      env: host.env,
      checked: this.checked,
      facts: this.checked ? undefined : program.facts?.insns,
      probes: new Set(program.facts?.probeLoads ?? []),
      metered: isMetered(program, this.#decoded.length, this.#fuel),
      ...list,
      state: this.#state.offset,
    };
    this.#shared = isShared(host.memory.u8.buffer);
    this.#exports = this.#instantiate(compileProgram(this.#base, this.#shared));
    this.#run = this.#exports['run']!;
    this.#plain = isPlain(decoded, this.#base.metered);
    this.#plainFp = this.#stacks.enter() + STACK_SIZE;
    this.#stacks.leave();
    this.#r0At = (this.#state.offset + STATE.REGS) >>> 2;
  }

  run(ctxOffset: number, r2 = 0): void {
    const state = this.#state;
    if (this.checked || state.depth > 0) {
      this.#runCarefully(ctxOffset, r2);
      return;
    }
    if (this.#plain) {
      try {
        this.#run(ctxOffset, r2, this.#plainFp);
      } catch (error) {
        throw this.#explain(error);
      }
    } else {
      const base = this.#stacks.enter();
      state.depth = 1;
      state.fuel = this.#fuel;
      state.tailCalls = 0;
      try {
        this.#run(ctxOffset, r2, base + STACK_SIZE);
      } catch (error) {
        throw this.#explain(error);
      } finally {
        state.depth = 0;
        this.#stacks.leave();
      }
    }
    const { i32 } = this.host.memory;
    this.r0Lo = i32[this.#r0At]!;
    this.r0Hi = i32[this.#r0At + 1]!;
  }

  /** Runs inside runs, and runs of unverified programs. */
  #runCarefully(ctxOffset: number, r2: number): void {
    this.#aside(() => {
      this.#onStack(0, (fp) => this.#run(ctxOffset, r2, fp));
      const r = this.#state.regs;
      this.r0Lo = r[0]!;
      this.r0Hi = r[1]!;
    });
  }

  call(functionAddress: number, args: Int32Array): number {
    let result = 0;
    this.#aside(() => {
      result = this.#callback(0, functionAddress, args);
    });
    return result;
  }

  /** A run of its own, whatever run may be under way: with fuel, tail calls and access of its own. */
  #aside(body: () => void): void {
    const state = this.#state;
    const outer =
      state.depth > 0 ? { regs: state.regs.slice(), fuel: state.fuel, tailCalls: state.tailCalls } : undefined;
    const outerAccess = this.#access;
    state.fuel = this.#fuel;
    state.tailCalls = 0;
    if (this.checked) this.#access = new AccessMap(this.host.memory, true, this.host.regions?.() ?? []);
    try {
      body();
    } finally {
      this.#access = outerAccess;
      if (outer) {
        state.regs.set(outer.regs);
        state.fuel = outer.fuel;
        state.tailCalls = outer.tailCalls;
        this.#window();
      }
    }
  }

  /** Run something on a stack area of its own. */
  #onStack(pc: number, body: (fp: number) => void): void {
    const base = this.#stacks.enter();
    if (base === 0) throw makeFault(this.program, REASON.nesting, pc, this.#state.regs);
    this.#state.depth++;
    if (this.#access) {
      this.host.memory.u8.fill(0, base, base + STACK_SIZE);
      this.#access.enterStack(base);
      this.#window();
    }
    try {
      body(base + STACK_SIZE);
    } catch (error) {
      throw this.#explain(error);
    } finally {
      this.#state.depth--;
      this.#stacks.leave();
      if (this.#access) {
        this.#access.leaveStack();
        this.#window();
      }
    }
  }

  #window(): void {
    const access = this.#access;
    if (access) this.#state.setWindow(access.readLo, access.readLimit, access.writeLo, access.writeLimit);
  }

  runBatch(ctxOffset: number, ctxStride: number, count: number, resultOffset: number, r2 = 0): void {
    if (count <= 0) return;
    const state = this.#state;
    if (this.checked || state.depth > 0 || ctxOffset === 0) {
      for (let i = 0; i < count; i++) {
        this.run(ctxOffset + i * ctxStride, r2);
        if (resultOffset !== 0) this.host.memory.view.setInt32(resultOffset + 4 * i, this.r0Lo, true);
      }
      return;
    }
    const fuelHi = Math.floor(this.#fuel / 4294967296);
    // Hardly larger than the entry function, which was small enough.
    this.#batch ??= this.#instantiate(compileBatch(this.#base, this.#shared, this.#fuel | 0, fuelHi))['batch']!;
    const base = this.#stacks.enter();
    state.depth = 1;
    state.tailCalls = 0;
    try {
      this.#batch(ctxOffset, ctxStride, count, resultOffset, r2, base + STACK_SIZE);
    } catch (error) {
      throw this.#explain(error);
    } finally {
      state.depth = 0;
      this.#stacks.leave();
    }
  }

  #instantiate(compiled: CompiledModule): Record<string, Door> {
    if (compiled.largest > MOST_CODE) throw new TooLarge();
    this.#modules.push(compiled);
    const imports: Record<string, unknown> = {
      m: this.host.memory.wasmMemory,
      access: (lo: number, hi: number, bytes: number, write: number) => {
        const allowed = this.#access!.allows(lo, hi, bytes, write !== 0);
        this.#window();
        return allowed ? 1 : 0;
      },
      frames: (active: number) => {
        this.#access!.frames(active);
        this.#window();
      },
      tail: (fp: number, pc: number) => this.#tailCall(fp, pc),
      packet: (offset: number, bytes: number, pc: number) => this.#loadPacket(offset, bytes, pc),
    };
    compiled.calls.forEach(({ kind, id }, i) => {
      const row = kind === 'helper' ? this.host.helper(id) : this.host.kfunc?.(id);
      if (row?.run) imports[`h${i}`] = this.#helper(row);
      else imports[`h${i}`] = () => {};
    });
    const module = new wasm!.Module(compiled.bytes);
    return new wasm!.Instance(module, { e: imports }).exports as Record<string, Door>;
  }

  /** What wasm calls for a helper: arguments and result are in the state block. */
  #helper(row: HelperRow): (pc: number) => void {
    const { env } = this.host;
    const state = this.#state;
    const run = this.#shared ? row.run! : this.#onCopy(row.run!);
    const callsBack = row.args.includes('func');
    if (!this.checked && !callsBack) return () => run(env, state.regs);
    return (pc) => {
      const r = state.regs;
      const mapOffset = r[2]!;
      if (this.#access) {
        const bad = checkArguments(row, env, r, this.#access);
        this.#window();
        if (bad !== undefined) throw makeFault(this.program, bad, pc, r);
      }
      const outer = env.callback;
      const outerProgram = env.program;
      if (callsBack) {
        env.callback = (address, args) => this.#callback(pc, address, args);
        env.program = this;
      }
      try {
        run(env, r);
      } finally {
        if (callsBack) {
          env.callback = outer;
          env.program = outerProgram;
        }
      }
      if (this.#access) grantResult(row, env, state.regs, mapOffset, this.#access);
    };
  }

  /**
   * A memory that is not shared takes its old views away when it grows, the register file among them: a helper that
   * allocates gets a copy.
   */
  #onCopy(run: NonNullable<HelperRow['run']>): NonNullable<HelperRow['run']> {
    return (env, regs) => {
      const copy = regs.slice();
      run(env, copy);
      const now = this.#state.regs;
      now[0] = copy[0]!;
      now[1] = copy[1]!;
    };
  }

  #callback(pc: number, address: number, args: Int32Array): number {
    const state = this.#state;
    const slot = (address - FUNCTION_LO) | 0;
    const index = this.#indexOfStart.get(slot);
    if (index === undefined)
      throw makeFault(this.program, 'callback is not a function of this program', pc, state.regs);
    state.fuel -= this.#length(index);
    if (state.fuel < 0) throw makeFault(this.program, REASON.fuel, pc, state.regs);
    const saved = state.regs.slice();
    let result = 0;
    this.#onStack(pc, (fp) => {
      state.regs.set(args.subarray(0, 10), 2);
      this.#exports[`call${index}`]!(fp);
      result = state.regs[0]!;
    });
    state.regs.set(saved);
    return result;
  }

  #length(index: number): number {
    return (this.#starts[index + 1] ?? this.#decoded.length) - this.#starts[index]!;
  }

  /** r2 is the prog array, r3 the index; r0 goes to the state block in both cases. */
  #tailCall(fp: number, pc: number): number {
    const state = this.#state;
    const r = state.regs;
    const failed = (): number => {
      r[0] = -22;
      r[1] = -1;
      return 0;
    };
    if (!this.host.tailCallTarget || r[5] !== KERNEL_HI) return failed();
    const found = this.host.tailCallTarget(r[4]! >>> 0, r[6]! >>> 0);
    const target = found instanceof DeferredExecutable ? found.compiled() : found;
    if (target === undefined || state.tailCalls >= MAX_TAIL_CALLS) return failed();
    if (!(target instanceof JitExecutable)) {
      throw makeFault(this.program, REASON.tailElsewhere(target.program.name), pc, r);
    }
    if (target.checked && !this.checked)
      throw makeFault(this.program, REASON.tailUnverified(target.program.name), pc, r);
    state.tailCalls++;
    state.fuel -= target.#length(0);
    if (state.fuel < 0) throw makeFault(this.program, REASON.fuel, pc, r);
    const outerAccess = target.#access;
    if (target.checked) target.#access = this.#access;
    target.#window();
    try {
      r.fill(0, 4, 12);
      target.#exports['call0']!(fp);
    } catch (error) {
      throw target.#explain(error);
    } finally {
      target.#access = outerAccess;
      this.#window();
    }
    return 1;
  }

  #loadPacket(offset: number, bytes: number, pc: number): number {
    const { env } = this.host;
    if (!env.loadPacket) throw makeFault(this.program, REASON.noPacket, pc, this.#state.regs);
    const value = env.loadPacket(offset, bytes);
    const r = this.#state.regs;
    r[0] = value ?? 0;
    r[1] = 0;
    return value === undefined ? 0 : 1;
  }

  /** The fault that wasm reported; registers are in the state block. */
  #fault(number: number): Fault {
    const pc = number >> 2;
    const r = this.#state.regs;
    return makeFault(this.program, this.#faultReason(number & 3, pc, r), pc, r);
  }

  #faultReason(kind: number, pc: number, r: Int32Array): string {
    switch (kind) {
      case FAULT.fuel:
        return REASON.fuel;
      case FAULT.depth:
        return REASON.depth;
      case FAULT.call:
        return this.#callReason(pc);
      default:
        return this.#accessReason(pc, r);
    }
  }

  #callReason(pc: number): string {
    const id = this.#decoded.imm[pc]!;
    const kfunc = this.#decoded.src[pc] === CALL.kfunc;
    const row = kfunc ? this.host.kfunc?.(id) : this.host.helper(id);
    if (row) return REASON.helperUnsupported(row.name);
    return kfunc ? REASON.noKfunc(id) : REASON.noHelper(id);
  }

  #accessReason(pc: number, r: Int32Array | undefined): string {
    const p = this.#decoded;
    const opcode = p.opcode[pc]!;
    const bytes = SIZES.find((s) => s.code === (opcode & 0x18))!.bytes;
    const acquire = (opcode & 7) === CLASS.STX && (opcode & 0xe0) === MODE.ATOMIC && p.imm[pc] === 0x100;
    const write = (opcode & 7) !== CLASS.LDX && !acquire;
    const base = 2 * (write ? p.dst[pc]! : p.src[pc]!);
    if (r === undefined) return REASON.wild(write, bytes);
    const address = BigInt.asUintN(64, (BigInt(r[base + 1]!) << 32n) + BigInt(r[base]! >>> 0) + BigInt(p.off[pc]!));
    return REASON.access(write, bytes, address);
  }

  /** What a trap means: a check of ours that failed, or (wasm's own) an access outside the memory by a verified program, whose instruction is to be found. */
  #explain(error: unknown): unknown {
    if (!(error instanceof Error) || error.name !== 'RuntimeError') return error;
    const number = this.#state.takeFault();
    if (number >= 0) return this.#fault(number);
    const place = /wasm-function\[(\d+)\]:0x([0-9a-f]+)/.exec(error.stack ?? '');
    let pc = 0;
    if (place) {
      const [wasmIndex, at] = [Number(place[1]), Number.parseInt(place[2]!, 16)];
      for (const module of this.#modules) {
        const list = module.positions.find((f) => f.wasmIndex === wasmIndex);
        if (!list) continue;
        const start = module.codeOffsets[wasmIndex - module.positions[0]!.wasmIndex]!;
        for (let k = 0; k < list.list.length; k += 2) if (start + list.list[k]! <= at) pc = list.list[k + 1]!;
        break;
      }
    }
    return makeFault(this.program, this.#accessReason(pc, undefined), pc);
  }
}

/** Programs up to this many slots may begin in the interpreter. */
const SHORT = 16_384;

/** Is a run over after as many instructions as the program has? No loops, no calls of its functions by whomever, no tail calls. */
function isShort(p: DecodedProgram): boolean {
  if (p.length > SHORT) return false;
  for (let pc = 0; pc < p.length; pc++) {
    const opcode = p.opcode[pc]!;
    if (opcode === OP_LD_IMM64) {
      if (p.src[pc] === PSEUDO.func) return false;
      pc++;
    } else if (opcode === OP_CALL) {
      if (p.src[pc] === CALL.local || (p.src[pc] === CALL.helper && p.imm[pc] === HELPER_TAIL_CALL)) return false;
    } else if ((jumpTarget(p, pc) ?? pc + 1) <= pc) return false;
  }
  return true;
}

/** Could the fuel be used up? Not if all instructions that a run can execute take less, at the most that one takes (see RunOptions). */
function isMetered({ facts }: LinkedProgram, length: number, fuel: number): boolean {
  return !facts?.verified || facts.insnBound === undefined || facts.insnBound * length > fuel;
}

function isPlain(p: DecodedProgram, metered: boolean): boolean {
  for (let pc = 0; pc < p.length; pc++) {
    const cls = p.opcode[pc]! & 7;
    const packet = cls === CLASS.LD && p.opcode[pc] !== OP_LD_IMM64;
    if (p.opcode[pc] === OP_CALL || packet || (metered && (jumpTarget(p, pc) ?? pc + 1) <= pc)) return false;
    if (p.opcode[pc] === OP_LD_IMM64) pc++;
  }
  return true;
}

function isShared(buffer: ArrayBufferLike): boolean {
  return Object.prototype.toString.call(buffer) === '[object SharedArrayBuffer]';
}
