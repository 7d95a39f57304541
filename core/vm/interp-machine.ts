/**
 * What the interpreter's loop works on: a prepared program and the run it is part of. Beside it, whatever the loop does rarely:
 * accesses outside the window, helper calls, callbacks, tail calls.
 */
import type { Fault } from '../base/errors.ts';
import { KERNEL_HI } from '../base/memory.ts';
import type { HelperRow } from '../helpers/helper.ts';
import { MAX_TAIL_CALLS } from '../isa/ops.ts';
import type { AccessMap } from './access.ts';
import { checkArguments, grantResult } from './arguments.ts';
import type { EngineHost, Executable, LinkedProgram } from './engine.ts';
import { FUNCTION_LO, makeFault, REASON } from './layout.ts';
import { type Predecoded, REG_HALVES } from './predecode.ts';

/** What a run and the callbacks inside it share. */
export class Run {
  fuel: number;
  tailCalls = 0;
  readonly access: AccessMap;
  constructor(fuel: number, access: AccessMap) {
    this.fuel = fuel;
    this.access = access;
  }
}

/** A prepared program, as far as the loop sees it. */
export abstract class Machine implements Executable {
  readonly program: LinkedProgram;
  readonly host: EngineHost;
  readonly code: Predecoded;
  readonly checked: boolean;
  readonly probes: ReadonlySet<number> | undefined;
  readonly onStep: ((pc: number, regs: Int32Array) => void) | undefined;
  r0Lo = 0;
  r0Hi = 0;
  readonly #helpers = new Map<number, HelperRow>();
  /** Copies of the image not in use: one, unless runs nest. */
  readonly #spare: Int32Array[];

  constructor(program: LinkedProgram, host: EngineHost, code: Predecoded, onStep: Machine['onStep']) {
    this.program = program;
    this.host = host;
    this.code = code;
    this.onStep = onStep;
    this.checked = program.facts?.verified !== true;
    const probes = program.facts?.probeLoads;
    this.probes = probes && probes.length > 0 ? new Set(probes) : undefined;
    this.#spare = [code.image.slice()];
  }

  abstract run(ctxOffset: number, r2?: number): void;

  /** See Executable. */
  abstract call(functionAddress: number, args: Int32Array): number;

  /** Run the function at `slot` on a stack area of its own. */
  abstract invoke(run: Run, r: Int32Array, slot: number): void;

  /** Slot of the instruction whose entry is at index `i`. */
  slot(i: number): number {
    return (i - this.code.codeStart) >> this.code.shift;
  }

  /** A register file: a copy of the image. */
  takeRegisters(): Int32Array {
    return this.#spare.pop() ?? this.code.image.slice();
  }

  giveRegisters(r: Int32Array): void {
    this.#spare.push(r);
  }

  helper(id: number): HelperRow | undefined {
    let row = this.#helpers.get(id);
    if (row === undefined) {
      row = this.host.helper(id);
      if (row) this.#helpers.set(id, row);
    }
    return row;
  }
}

/** Bytes of operations 64 to 74. */
const ACCESS_BYTES: readonly number[] = [1, 2, 4, 8, 1, 2, 4, 1, 2, 4, 8];

/** A load or store that the window does not cover, carried out byte by byte; moves the window if it may. */
export function slowAccess(
  exe: Machine,
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

export function accessFault(
  exe: Machine,
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

export function callHelper(exe: Machine, run: Run, row: HelperRow, r: Int32Array, pc: number): void {
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
    const outerProgram = env.program;
    env.callback = (address, args) => callFunction(exe, run, pc, address, args);
    env.program = exe;
    try {
      row.run(env, r);
    } finally {
      env.callback = outer;
      env.program = outerProgram;
    }
  } else row.run(env, r);
  if (access.checked) {
    grantResult(row, env, r, mapOffset, access);
    for (let k = 2; k < 12; k++) r[k] = 0;
  }
}

/** A helper calls back into the program. Answers the low half of r0. */
export function callFunction(exe: Machine, run: Run, pc: number, address: number, args: Int32Array): number {
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
export function tailCall(exe: Machine, run: Run, r: Int32Array, pc: number): Machine | undefined {
  const failed = (): undefined => {
    r[0] = -22; // -EINVAL; the kernel leaves r0 as it was, and verified programs cannot tell.
    r[1] = -1;
  };
  if (!exe.host.tailCallTarget || r[5] !== KERNEL_HI) return failed();
  const target = exe.host.tailCallTarget(r[4]! >>> 0, r[6]! >>> 0);
  if (target === undefined || run.tailCalls >= MAX_TAIL_CALLS) return failed();
  if (!(target instanceof Machine)) {
    throw makeFault(exe.program, REASON.tailElsewhere(target.program.name), pc, r);
  }
  if (target.checked && !run.access.checked)
    throw makeFault(exe.program, REASON.tailUnverified(target.program.name), pc, r);
  run.tailCalls++;
  run.fuel -= target.code.functionLength.get(0)!;
  if (run.fuel < 0) throw makeFault(exe.program, REASON.fuel, pc, r);
  return target;
}
