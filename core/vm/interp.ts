/**
 * The TypeScript interpreter: runs everywhere, needs nothing, and is the yardstick for readability among the engines.
 * Semantics are RFC 9669's. Each register is two signed 32-bit halves in an Int32Array; the program is predecoded
 * (predecode.ts); the loop is one `switch` over literal operation numbers, which V8 compiles to a jump table.
 *
 * `execute` is one function on purpose: its locals are the machine's state, and a call per instruction would cost more
 * than the instruction.
 */
import type { Fault } from '../base/errors.ts';
import { KERNEL_HI } from '../base/memory.ts';
import type { HelperRow } from '../helpers/helper.ts';
import { checkBytes, functionStarts } from '../isa/check.ts';
import { decode } from '../isa/insn.ts';
import { MAX_CALL_FRAMES, MAX_TAIL_CALLS, STACK_SIZE } from '../isa/ops.ts';
import { AccessMap } from './access.ts';
import { checkArguments, grantResult } from './arguments.ts';
import { divmod64, sdivmod64 } from './arith64.ts';
import { atomic32, atomic64 } from './atomics.ts';
import type { Engine, EngineHost, Executable, LinkedProgram, RunOptions } from './engine.ts';
import { DEFAULT_FUEL, FUNCTION_LO, MAY_GOTO_BUDGET, makeFault, REASON } from './layout.ts';
import { type Operation, type Predecoded, predecode, REG_HALVES } from './predecode.ts';
import { type StackAreas, stackAreas } from './stack.ts';

export const interp: Engine = {
  name: 'interp',
  unavailable: () => undefined,
  prepare: (program, host, options) => new InterpExecutable(program, host, options ?? {}),
};

/** What a run and the callbacks inside it share. */
class Run {
  fuel: number;
  tailCalls = 0;
  readonly access: AccessMap;
  constructor(fuel: number, access: AccessMap) {
    this.fuel = fuel;
    this.access = access;
  }
}

class InterpExecutable implements Executable {
  readonly program: LinkedProgram;
  readonly host: EngineHost;
  readonly code: Predecoded;
  readonly checked: boolean;
  readonly probes: ReadonlySet<number> | undefined;
  readonly onStep: ((pc: number, regs: Int32Array) => void) | undefined;
  readonly helpers = new Map<number, HelperRow>();
  r0Lo = 0;
  r0Hi = 0;
  readonly #fuel: number;
  readonly #stacks: StackAreas;
  /** Copies of the image not in use: one, unless runs nest. */
  readonly #spare: Int32Array[];
  #run: Run | undefined;

  constructor(program: LinkedProgram, host: EngineHost, options: RunOptions) {
    const issue = checkBytes(program.insns);
    if (issue) throw makeFault(program, issue.reason, issue.pc);
    this.program = program;
    this.host = host;
    this.onStep = options.onStep;
    this.#fuel = options.fuel ?? DEFAULT_FUEL;
    this.#stacks = stackAreas(host.memory);
    this.checked = program.facts?.verified !== true;
    const probes = program.facts?.probeLoads;
    this.probes = probes && probes.length > 0 ? new Set(probes) : undefined;
    const decoded = decode(program.insns);
    this.code = predecode(decoded, functionStarts(decoded), options.onStep !== undefined);
    this.#spare = [this.code.image.slice()];
  }

  run(ctxOffset: number, r2 = 0): void {
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

  /** Slot of the instruction whose entry is at index `i`. */
  slot(i: number): number {
    return (i - this.code.codeStart) >> this.code.shift;
  }

  takeRegisters(): Int32Array {
    return this.#spare.pop() ?? this.code.image.slice();
  }

  giveRegisters(r: Int32Array): void {
    this.#spare.push(r);
  }

  helper(id: number): HelperRow | undefined {
    let row = this.helpers.get(id);
    if (row === undefined) {
      row = this.host.helper(id);
      if (row) this.helpers.set(id, row);
    }
    return row;
  }
}

/** Where a BPF-to-BPF call came from. */
interface Frame {
  exe: InterpExecutable;
  r: Int32Array;
  /** Index of the instruction to go on with. */
  next: number;
  mayGoto: number;
  /** r6-r9 and r10. */
  readonly saved: Int32Array;
}

const NO_FRAMES: Frame[] = [];

function execute(exe: InterpExecutable, run: Run, r: Int32Array, start: number, base: number): void {
  let fuel = run.fuel;
  let mayGoto = MAY_GOTO_BUDGET;
  const entryRegisters = r;
  let frames: Frame[] = NO_FRAMES;
  let depth = 0;
  const { access } = run;
  const { memory } = exe.host;
  let { u8, i32 } = memory;
  let readLo = access.readLo | 0;
  let readLimit = access.readLimit | 0;
  let writeLo = access.writeLo | 0;
  let writeLimit = access.writeLimit | 0;
  let i = start;

  for (;;) {
    const w = r[i]!;
    const op = (w & 255) as Operation;
    const d = (w >>> 8) & 255;
    const s = w >>> 16;
    switch (op) {
      // ---- ALU, 64 bits
      case 1: {
        const lo = (r[d]! + r[s]!) | 0;
        r[d + 1] = r[d + 1]! + r[s + 1]! + (lo >>> 0 < r[s]! >>> 0 ? 1 : 0);
        r[d] = lo;
        i += 2;
        continue;
      }
      case 2: {
        const a = r[d]!;
        const b = r[s]!;
        r[d + 1] = r[d + 1]! - r[s + 1]! - (a >>> 0 < b >>> 0 ? 1 : 0);
        r[d] = a - b;
        i += 2;
        continue;
      }
      case 3: {
        // As mulHigh in arith64.ts, written out: V8 does not inline it into a function this long.
        const a = r[d]!;
        const b = r[s]!;
        const a0 = a & 0xffff;
        const b0 = b & 0xffff;
        const mid = (Math.imul(a >>> 16, b0) + (Math.imul(a0, b0) >>> 16)) | 0;
        const mid2 = (Math.imul(a0, b >>> 16) + (mid & 0xffff)) | 0;
        const top = (Math.imul(a >>> 16, b >>> 16) + (mid >>> 16) + (mid2 >>> 16)) | 0;
        r[d + 1] = top + Math.imul(a, r[s + 1]!) + Math.imul(r[d + 1]!, b);
        r[d] = Math.imul(a, b);
        i += 2;
        continue;
      }
      case 4:
        divmod64(r, d, s, false);
        i += 2;
        continue;
      case 5:
        r[d] = r[d]! | r[s]!;
        r[d + 1] = r[d + 1]! | r[s + 1]!;
        i += 2;
        continue;
      case 6:
        r[d] = r[d]! & r[s]!;
        r[d + 1] = r[d + 1]! & r[s + 1]!;
        i += 2;
        continue;
      case 7: {
        const n = r[s]! & 63;
        const lo = r[d]!;
        if (n >= 32) {
          r[d + 1] = lo << (n - 32);
          r[d] = 0;
        } else if (n !== 0) {
          r[d + 1] = (r[d + 1]! << n) | (lo >>> (32 - n));
          r[d] = lo << n;
        }
        i += 2;
        continue;
      }
      case 8: {
        const n = r[s]! & 63;
        const hi = r[d + 1]!;
        if (n >= 32) {
          r[d] = hi >>> (n - 32);
          r[d + 1] = 0;
        } else if (n !== 0) {
          r[d] = (r[d]! >>> n) | (hi << (32 - n));
          r[d + 1] = hi >>> n;
        }
        i += 2;
        continue;
      }
      case 9: {
        const lo = -r[d]! | 0;
        r[d + 1] = ~r[d + 1]! + (lo === 0 ? 1 : 0);
        r[d] = lo;
        i += 2;
        continue;
      }
      case 10:
        divmod64(r, d, s, true);
        i += 2;
        continue;
      case 11:
        r[d] = r[d]! ^ r[s]!;
        r[d + 1] = r[d + 1]! ^ r[s + 1]!;
        i += 2;
        continue;
      case 12:
        r[d] = r[s]!;
        r[d + 1] = r[s + 1]!;
        i += 2;
        continue;
      case 13: {
        const n = r[s]! & 63;
        const hi = r[d + 1]!;
        if (n >= 32) {
          r[d] = hi >> (n - 32);
          r[d + 1] = hi >> 31;
        } else if (n !== 0) {
          r[d] = (r[d]! >>> n) | (hi << (32 - n));
          r[d + 1] = hi >> n;
        }
        i += 2;
        continue;
      }
      case 14:
        sdivmod64(r, d, s, false);
        i += 2;
        continue;
      case 15:
        sdivmod64(r, d, s, true);
        i += 2;
        continue;
      case 16: {
        const v = (r[s]! << 24) >> 24;
        r[d] = v;
        r[d + 1] = v >> 31;
        i += 2;
        continue;
      }
      case 17: {
        const v = (r[s]! << 16) >> 16;
        r[d] = v;
        r[d + 1] = v >> 31;
        i += 2;
        continue;
      }
      case 18: {
        const v = r[s]!;
        r[d] = v;
        r[d + 1] = v >> 31;
        i += 2;
        continue;
      }
      // ---- ALU, 32 bits: the upper half becomes zero
      case 19:
        r[d] = r[d]! + r[s]!;
        r[d + 1] = 0;
        i += 2;
        continue;
      case 20:
        r[d] = r[d]! - r[s]!;
        r[d + 1] = 0;
        i += 2;
        continue;
      case 21:
        r[d] = Math.imul(r[d]!, r[s]!);
        r[d + 1] = 0;
        i += 2;
        continue;
      case 22: {
        const b = r[s]! >>> 0;
        r[d] = b === 0 ? 0 : (r[d]! >>> 0) / b;
        r[d + 1] = 0;
        i += 2;
        continue;
      }
      case 23:
        r[d] = r[d]! | r[s]!;
        r[d + 1] = 0;
        i += 2;
        continue;
      case 24:
        r[d] = r[d]! & r[s]!;
        r[d + 1] = 0;
        i += 2;
        continue;
      case 25:
        r[d] = r[d]! << r[s]!;
        r[d + 1] = 0;
        i += 2;
        continue;
      case 26:
        r[d] = r[d]! >>> r[s]!;
        r[d + 1] = 0;
        i += 2;
        continue;
      case 27:
        r[d] = -r[d]!;
        r[d + 1] = 0;
        i += 2;
        continue;
      case 28: {
        const b = r[s]! >>> 0;
        if (b !== 0) r[d] = (r[d]! >>> 0) % b;
        r[d + 1] = 0;
        i += 2;
        continue;
      }
      case 29:
        r[d] = r[d]! ^ r[s]!;
        r[d + 1] = 0;
        i += 2;
        continue;
      case 30:
        r[d] = r[s]!;
        r[d + 1] = 0;
        i += 2;
        continue;
      case 31:
        r[d] = r[d]! >> r[s]!;
        r[d + 1] = 0;
        i += 2;
        continue;
      case 32: {
        const b = r[s]!;
        r[d] = b === 0 ? 0 : r[d]! / b;
        r[d + 1] = 0;
        i += 2;
        continue;
      }
      case 33: {
        const b = r[s]!;
        if (b !== 0) r[d] = r[d]! % b;
        r[d + 1] = 0;
        i += 2;
        continue;
      }
      case 34:
        r[d] = (r[s]! << 24) >> 24;
        r[d + 1] = 0;
        i += 2;
        continue;
      case 35:
        r[d] = (r[s]! << 16) >> 16;
        r[d + 1] = 0;
        i += 2;
        continue;
      // ---- byte order
      case 36:
        r[d] = r[d]! & 0xffff;
        r[d + 1] = 0;
        i += 2;
        continue;
      case 37:
        r[d + 1] = 0;
        i += 2;
        continue;
      case 38:
        i += 2;
        continue;
      case 39: {
        const v = r[d]!;
        r[d] = ((v & 0xff) << 8) | ((v >>> 8) & 0xff);
        r[d + 1] = 0;
        i += 2;
        continue;
      }
      case 40:
        r[d] = swap32(r[d]!);
        r[d + 1] = 0;
        i += 2;
        continue;
      case 41: {
        const lo = r[d]!;
        r[d] = swap32(r[d + 1]!);
        r[d + 1] = swap32(lo);
        i += 2;
        continue;
      }
      // ---- conditional jumps, 64 bits: `break` takes the jump, below the switch
      case 42:
        if (r[d] === r[s] && r[d + 1] === r[s + 1]) break;
        i += 2;
        continue;
      case 43: {
        const a = r[d + 1]!;
        const b = r[s + 1]!;
        if (a === b ? r[d]! >>> 0 > r[s]! >>> 0 : a >>> 0 > b >>> 0) break;
        i += 2;
        continue;
      }
      case 44: {
        const a = r[d + 1]!;
        const b = r[s + 1]!;
        if (a === b ? r[d]! >>> 0 >= r[s]! >>> 0 : a >>> 0 > b >>> 0) break;
        i += 2;
        continue;
      }
      case 45:
        if (((r[d]! & r[s]!) | (r[d + 1]! & r[s + 1]!)) !== 0) break;
        i += 2;
        continue;
      case 46:
        if (r[d] !== r[s] || r[d + 1] !== r[s + 1]) break;
        i += 2;
        continue;
      case 47: {
        const a = r[d + 1]!;
        const b = r[s + 1]!;
        if (a === b ? r[d]! >>> 0 > r[s]! >>> 0 : a > b) break;
        i += 2;
        continue;
      }
      case 48: {
        const a = r[d + 1]!;
        const b = r[s + 1]!;
        if (a === b ? r[d]! >>> 0 >= r[s]! >>> 0 : a > b) break;
        i += 2;
        continue;
      }
      case 49: {
        const a = r[d + 1]!;
        const b = r[s + 1]!;
        if (a === b ? r[d]! >>> 0 < r[s]! >>> 0 : a >>> 0 < b >>> 0) break;
        i += 2;
        continue;
      }
      case 50: {
        const a = r[d + 1]!;
        const b = r[s + 1]!;
        if (a === b ? r[d]! >>> 0 <= r[s]! >>> 0 : a >>> 0 < b >>> 0) break;
        i += 2;
        continue;
      }
      case 51: {
        const a = r[d + 1]!;
        const b = r[s + 1]!;
        if (a === b ? r[d]! >>> 0 < r[s]! >>> 0 : a < b) break;
        i += 2;
        continue;
      }
      case 52: {
        const a = r[d + 1]!;
        const b = r[s + 1]!;
        if (a === b ? r[d]! >>> 0 <= r[s]! >>> 0 : a < b) break;
        i += 2;
        continue;
      }
      // ---- conditional jumps, 32 bits
      case 53:
        if (r[d] === r[s]) break;
        i += 2;
        continue;
      case 54:
        if (r[d]! >>> 0 > r[s]! >>> 0) break;
        i += 2;
        continue;
      case 55:
        if (r[d]! >>> 0 >= r[s]! >>> 0) break;
        i += 2;
        continue;
      case 56:
        if ((r[d]! & r[s]!) !== 0) break;
        i += 2;
        continue;
      case 57:
        if (r[d] !== r[s]) break;
        i += 2;
        continue;
      case 58:
        if (r[d]! > r[s]!) break;
        i += 2;
        continue;
      case 59:
        if (r[d]! >= r[s]!) break;
        i += 2;
        continue;
      case 60:
        if (r[d]! >>> 0 < r[s]! >>> 0) break;
        i += 2;
        continue;
      case 61:
        if (r[d]! >>> 0 <= r[s]! >>> 0) break;
        i += 2;
        continue;
      case 62:
        if (r[d]! < r[s]!) break;
        i += 2;
        continue;
      case 63:
        if (r[d]! <= r[s]!) break;
        i += 2;
        continue;
      // ---- loads and stores: inside the window here, others below the switch
      case 64: {
        const a = (r[s]! + r[i + 1]!) | 0;
        if (r[s + 1] !== KERNEL_HI || ((a - readLo) ^ 0x80000000) >= readLimit) break;
        r[d] = u8[a >>> 0]!;
        r[d + 1] = 0;
        i += 2;
        continue;
      }
      case 65: {
        const a = (r[s]! + r[i + 1]!) | 0;
        if (r[s + 1] !== KERNEL_HI || ((a - readLo) ^ 0x80000000) >= readLimit) break;
        r[d] = u8[a >>> 0]! | (u8[(a >>> 0) + 1]! << 8);
        r[d + 1] = 0;
        i += 2;
        continue;
      }
      case 66: {
        const a = (r[s]! + r[i + 1]!) | 0;
        if (r[s + 1] !== KERNEL_HI || ((a - readLo) ^ 0x80000000) >= readLimit) break;
        r[d] = (a & 3) === 0 ? i32[a >>> 2]! : word(u8, a >>> 0);
        r[d + 1] = 0;
        i += 2;
        continue;
      }
      case 67: {
        const a = (r[s]! + r[i + 1]!) | 0;
        if (r[s + 1] !== KERNEL_HI || ((a - readLo) ^ 0x80000000) >= readLimit) break;
        if ((a & 3) === 0) {
          r[d] = i32[a >>> 2]!;
          r[d + 1] = i32[(a >>> 2) + 1]!;
        } else {
          r[d] = word(u8, a >>> 0);
          r[d + 1] = word(u8, (a >>> 0) + 4);
        }
        i += 2;
        continue;
      }
      case 68: {
        const a = (r[s]! + r[i + 1]!) | 0;
        if (r[s + 1] !== KERNEL_HI || ((a - readLo) ^ 0x80000000) >= readLimit) break;
        const v = (u8[a >>> 0]! << 24) >> 24;
        r[d] = v;
        r[d + 1] = v >> 31;
        i += 2;
        continue;
      }
      case 69: {
        const a = (r[s]! + r[i + 1]!) | 0;
        if (r[s + 1] !== KERNEL_HI || ((a - readLo) ^ 0x80000000) >= readLimit) break;
        const v = ((u8[a >>> 0]! | (u8[(a >>> 0) + 1]! << 8)) << 16) >> 16;
        r[d] = v;
        r[d + 1] = v >> 31;
        i += 2;
        continue;
      }
      case 70: {
        const a = (r[s]! + r[i + 1]!) | 0;
        if (r[s + 1] !== KERNEL_HI || ((a - readLo) ^ 0x80000000) >= readLimit) break;
        const v = word(u8, a >>> 0);
        r[d] = v;
        r[d + 1] = v >> 31;
        i += 2;
        continue;
      }
      case 71: {
        const a = (r[d]! + r[i + 1]!) | 0;
        if (r[d + 1] !== KERNEL_HI || ((a - writeLo) ^ 0x80000000) >= writeLimit) break;
        u8[a >>> 0] = r[s]!;
        i += 2;
        continue;
      }
      case 72: {
        const a = (r[d]! + r[i + 1]!) | 0;
        if (r[d + 1] !== KERNEL_HI || ((a - writeLo) ^ 0x80000000) >= writeLimit) break;
        const lo = r[s]!;
        u8[a >>> 0] = lo;
        u8[(a >>> 0) + 1] = lo >> 8;
        i += 2;
        continue;
      }
      case 73: {
        const a = (r[d]! + r[i + 1]!) | 0;
        if (r[d + 1] !== KERNEL_HI || ((a - writeLo) ^ 0x80000000) >= writeLimit) break;
        if ((a & 3) === 0) i32[a >>> 2] = r[s]!;
        else setWord(u8, a >>> 0, r[s]!);
        i += 2;
        continue;
      }
      case 74: {
        const a = (r[d]! + r[i + 1]!) | 0;
        if (r[d + 1] !== KERNEL_HI || ((a - writeLo) ^ 0x80000000) >= writeLimit) break;
        if ((a & 3) === 0) {
          i32[a >>> 2] = r[s]!;
          i32[(a >>> 2) + 1] = r[s + 1]!;
        } else {
          setWord(u8, a >>> 0, r[s]!);
          setWord(u8, (a >>> 0) + 4, r[s + 1]!);
        }
        i += 2;
        continue;
      }
      // ---- control
      case 75:
        break;
      case 76:
        if (mayGoto === 0) break;
        mayGoto--;
        i += 2;
        continue;
      case 77:
      case 79: {
        const pc = exe.slot(i);
        const id = r[i + 1]!;
        const row = op === 77 ? exe.helper(id) : exe.host.kfunc?.(id);
        if (!row) throw makeFault(exe.program, op === 77 ? REASON.noHelper(id) : REASON.noKfunc(id), pc, r);
        run.fuel = fuel;
        callHelper(exe, run, row, r, pc);
        fuel = run.fuel;
        ({ u8, i32 } = memory);
        access.refresh();
        readLo = access.readLo | 0;
        readLimit = access.readLimit | 0;
        writeLo = access.writeLo | 0;
        writeLimit = access.writeLimit | 0;
        i += 2;
        continue;
      }
      case 78: {
        const target = r[i + 1]!;
        fuel -= exe.code.functionLength.get(exe.slot(target))!;
        if (fuel < 0) throw makeFault(exe.program, REASON.fuel, exe.slot(i), r);
        if (depth + 1 >= MAX_CALL_FRAMES) throw makeFault(exe.program, REASON.depth, exe.slot(i), r);
        if (frames === NO_FRAMES) frames = [];
        const frame = (frames[depth++] ??= { exe, r, next: 0, mayGoto: 0, saved: new Int32Array(10) });
        frame.exe = exe;
        frame.r = r;
        frame.next = i + 2;
        frame.mayGoto = mayGoto;
        for (let k = 0; k < 10; k++) frame.saved[k] = r[12 + k]!;
        mayGoto = MAY_GOTO_BUDGET;
        r[20] = base + STACK_SIZE * (depth + 1);
        if (access.checked) {
          for (let k = 12; k < 20; k++) r[k] = 0;
          r[0] = r[1] = 0;
          memory.u8.fill(0, r[20]! - STACK_SIZE, r[20]!);
          access.frames(depth + 1);
          readLimit = access.readLimit | 0;
          writeLimit = access.writeLimit | 0;
        }
        i = target;
        continue;
      }
      case 80: {
        const pc = exe.slot(i);
        run.fuel = fuel;
        const target = tailCall(exe, run, r, pc);
        i += 2;
        if (target === undefined) continue;
        // The target goes on in this frame: same stack, same caller; its constants need its own register file.
        const next = target.takeRegisters();
        next.fill(0, 0, REG_HALVES);
        next[2] = r[2]!;
        next[3] = r[3]!;
        next[20] = r[20]!;
        next[21] = r[21]!;
        fuel = run.fuel;
        if (r !== entryRegisters && !frames.some((f, k) => k < depth && f.r === r)) exe.giveRegisters(r);
        exe = target;
        r = next;
        mayGoto = MAY_GOTO_BUDGET;
        i = exe.code.codeStart;
        continue;
      }
      case 81: {
        if (depth === 0) {
          run.fuel = fuel;
          if (r !== entryRegisters) {
            entryRegisters[0] = r[0]!;
            entryRegisters[1] = r[1]!;
            exe.giveRegisters(r);
          }
          return;
        }
        const frame = frames[--depth]!;
        const to = frame.r;
        if (to !== r) {
          for (let k = 0; k < 12; k++) to[k] = r[k]!;
          if (r !== entryRegisters) exe.giveRegisters(r);
          r = to;
          exe = frame.exe;
        }
        for (let k = 0; k < 10; k++) r[12 + k] = frame.saved[k]!;
        mayGoto = frame.mayGoto;
        i = frame.next;
        if (access.checked) {
          for (let k = 2; k < 12; k++) r[k] = 0;
          access.frames(depth + 1);
          readLimit = access.readLimit | 0;
          writeLimit = access.writeLimit | 0;
        }
        continue;
      }
      case 82: {
        const x = r[i + 1]!;
        const a = (r[d]! + (x >> 16)) | 0;
        const bytes = (x & 2) !== 0 ? 8 : 4;
        if (!access.allows(a, r[d + 1]!, bytes, true)) throw accessFault(exe, exe.slot(i), r, d, x >> 16, bytes, true);
        readLo = access.readLo | 0;
        readLimit = access.readLimit | 0;
        writeLo = access.writeLo | 0;
        writeLimit = access.writeLimit | 0;
        if (bytes === 8) atomic64(memory.view, a >>> 0, x & 0xfd, r, s);
        else atomic32(memory.view, a >>> 0, x & 0xfd, r, s);
        i += 2;
        continue;
      }
      case 83: {
        const value = exe.host.env.loadPacket?.((r[d]! + r[s]!) | 0, r[i + 1]!);
        if (value === undefined && !exe.host.env.loadPacket) {
          throw makeFault(exe.program, REASON.noPacket, exe.slot(i), r);
        }
        r[0] = value ?? 0;
        r[1] = 0;
        i += 2;
        // No such bytes: the function returns 0. The exit is carried out by an entry kept behind the program.
        if (value === undefined) i = exe.code.exitAt;
        continue;
      }
      case 84:
        exe.onStep!(exe.slot(i), r);
        i += 2;
        continue;
      case 85:
        r[22] = r[i + 1]!;
        i += 2;
        continue;
      case 86:
        r[23] = r[i + 1]!;
        i += 2;
        continue;
      case 0:
        throw makeFault(exe.program, 'unreachable instruction', exe.slot(i), r);
      default:
        throw unknownOperation(op);
    }
    if (op >= 64 && op <= 74) {
      // Outside the window: another region, a probe of unmapped memory, or a fault.
      slowAccess(exe, access, r, op, d, s, i);
      ({ u8, i32 } = memory);
      readLo = access.readLo | 0;
      readLimit = access.readLimit | 0;
      writeLo = access.writeLo | 0;
      writeLimit = access.writeLimit | 0;
      i += 2;
      continue;
    }
    // A jump is taken.
    const target = r[i + 1]!;
    if (target <= i) {
      fuel -= ((i - target) >> exe.code.shift) + 1;
      if (fuel < 0) throw makeFault(exe.program, REASON.fuel, exe.slot(i), r);
    }
    i = target;
  }
}

/** Bytes of operations 64 to 74. */
const ACCESS_BYTES: readonly number[] = [1, 2, 4, 8, 1, 2, 4, 1, 2, 4, 8];

/** A load or store that the window does not cover, carried out byte by byte; moves the window if it may. */
function slowAccess(
  exe: InterpExecutable,
  access: AccessMap,
  r: Int32Array,
  op: number,
  d: number,
  s: number,
  i: number,
): void {
  const bytes = ACCESS_BYTES[op - 64]!;
  const write = op >= 71;
  const base = write ? d : s;
  const off = r[i + 1]!;
  const a = (r[base]! + off) | 0;
  if (!access.allows(a, r[base + 1]!, bytes, write)) {
    const pc = exe.slot(i);
    if (write || !exe.probes?.has(pc)) throw accessFault(exe, pc, r, base, off, bytes, write);
    r[d] = r[d + 1] = 0;
    return;
  }
  const { u8 } = exe.host.memory;
  const at = a >>> 0;
  if (write) {
    for (let k = 0; k < bytes; k++) u8[at + k] = r[s + (k >> 2)]! >> (8 * (k & 3));
    return;
  }
  let [lo, hi] = [0, 0];
  for (let k = 0; k < bytes; k++) {
    if (k < 4) lo |= u8[at + k]! << (8 * k);
    else hi |= u8[at + k]! << (8 * (k - 4));
  }
  if (op >= 68) {
    const unused = 32 - 8 * bytes;
    lo = (lo << unused) >> unused;
    hi = lo >> 31;
  }
  r[d] = lo;
  r[d + 1] = hi;
}

function unknownOperation(op: never): Error {
  return new Error(`interpreter has no case for operation ${op}`);
}

function swap32(v: number): number {
  return (v << 24) | ((v & 0xff00) << 8) | ((v >>> 8) & 0xff00) | (v >>> 24);
}

function word(u8: Uint8Array, at: number): number {
  return u8[at]! | (u8[at + 1]! << 8) | (u8[at + 2]! << 16) | (u8[at + 3]! << 24);
}

function setWord(u8: Uint8Array, at: number, value: number): void {
  u8[at] = value;
  u8[at + 1] = value >> 8;
  u8[at + 2] = value >> 16;
  u8[at + 3] = value >> 24;
}

function accessFault(
  exe: InterpExecutable,
  pc: number,
  r: Int32Array,
  base: number,
  off: number,
  bytes: number,
  write: boolean,
): Fault {
  const address = BigInt.asUintN(64, (BigInt(r[base + 1]!) << 32n) + BigInt(r[base]! >>> 0) + BigInt(off));
  return makeFault(exe.program, REASON.access(write, bytes, address), pc, r);
}

function callHelper(exe: InterpExecutable, run: Run, row: HelperRow, r: Int32Array, pc: number): void {
  const { env } = exe.host;
  if (!row.run) throw makeFault(exe.program, REASON.helperUnsupported(row.name), pc, r);
  const { access } = run;
  let mapOffset = 0;
  if (access.checked) {
    const bad = checkArguments(row, env, r, access);
    if (bad !== undefined) throw makeFault(exe.program, bad, pc, r);
    mapOffset = r[2]!;
  }
  if (row.args.includes('func')) {
    const outer = env.callback;
    env.callback = (address, args) => callFunction(exe, run, pc, address, args);
    try {
      row.run(env, r);
    } finally {
      env.callback = outer;
    }
  } else row.run(env, r);
  if (access.checked) {
    grantResult(row, env, r, mapOffset, access);
    for (let k = 2; k < 12; k++) r[k] = 0;
  }
}

/** A helper calls back into the program. Answers the low half of r0. */
function callFunction(exe: InterpExecutable, run: Run, pc: number, address: number, args: Int32Array): number {
  const slot = (address - FUNCTION_LO) | 0;
  const length = exe.code.functionLength.get(slot);
  if (length === undefined) throw makeFault(exe.program, 'callback is not a function of this program', pc);
  run.fuel -= length;
  if (run.fuel < 0) throw makeFault(exe.program, REASON.fuel, pc);
  const r = exe.takeRegisters();
  try {
    r.fill(0, 0, REG_HALVES);
    for (let k = 0; k < 10; k++) r[2 + k] = args[k]!;
    exe.invoke(run, r, slot);
    return r[0]!;
  } finally {
    exe.giveRegisters(r);
  }
}

/** The program to go on with, or undefined: r0 is then an error and the next instruction runs. */
function tailCall(exe: InterpExecutable, run: Run, r: Int32Array, pc: number): InterpExecutable | undefined {
  const failed = (): undefined => {
    r[0] = -22; // -EINVAL; the kernel leaves r0 as it was, and verified programs cannot tell.
    r[1] = -1;
  };
  if (!exe.host.tailCallTarget || r[5] !== KERNEL_HI) return failed();
  const target = exe.host.tailCallTarget(r[4]! >>> 0, r[6]! >>> 0);
  if (target === undefined || run.tailCalls >= MAX_TAIL_CALLS) return failed();
  if (!(target instanceof InterpExecutable)) {
    throw makeFault(exe.program, REASON.tailElsewhere(target.program.name), pc, r);
  }
  if (target.checked && !run.access.checked)
    throw makeFault(exe.program, REASON.tailUnverified(target.program.name), pc, r);
  run.tailCalls++;
  run.fuel -= target.code.functionLength.get(0)!;
  if (run.fuel < 0) throw makeFault(exe.program, REASON.fuel, pc, r);
  return target;
}
