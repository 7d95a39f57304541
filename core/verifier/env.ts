/**
 * What one verification has at hand: the program, its privileges, the current state and instruction, the paths still to
 * walk, and the log. The rules themselves are functions in the other files, given an `Env`.
 */
import type { Btf } from '../btf/btf.ts';
import { helperById } from '../helpers/index.ts';
import type { DisasmNames } from '../isa/disasm.ts';
import type { ProgTypeRow } from '../progs/prog-type.ts';
import type { LineInfo } from '../spec/spec.ts';
import { Checkpoints } from './checkpoints.ts';
import { FactBook } from './facts.ts';
import type { Kfuncs } from './kfunc.ts';
import type { Visit } from './loops.ts';
import type { Program, UsedMap } from './program.ts';
import { makeKnown, makeUnknown } from './range.ts';
import { type Category, Refusal } from './refusal.ts';
import { KIND, type Reg } from './reg.ts';
import { type Frame, type HistoryEntry, NOT_INIT, type State } from './state.ts';
import type { Features } from './versions.ts';

/** Limits of Linux (BPF_COMPLEXITY_LIMIT_*). */
export const MAX_PENDING = 8192;
/** Instructions of a walk, now and before 5.2 (BPF_COMPLEXITY_LIMIT_INSNS). */
const MAX_PROCESSED = 1_000_000;
const MAX_PROCESSED_SMALL = 131_072;
export const MAX_STATES_UNPRIVILEGED = 64;

/**
 * Most work one walk may take, in units of about 10 ns: registers and stack slots compared, copied or traced, instructions. A program that needs
 * more is refused as too large. Linux has no such limit, and takes as long as it takes: the largest programs of its own tests need a
 * twentieth.
 */
const MAX_WORK = 400e6;
/** Work of an instruction by itself. */
const WORK_INSN = 10;
const MAX_KEPT_BYTES = 600e6;

/** A path to walk later. */
export interface Pending {
  readonly state: State;
  readonly insn: number;
  readonly previous: number;
  readonly logLength: number;
}

export interface EnvOptions {
  readonly level: 0 | 1 | 2;
  readonly privileged: boolean;
  /** Kernel release whose rules apply, as [major, minor]. */
  readonly kernel: readonly [number, number];
  readonly strictAlignment: boolean;
  readonly everyCheckpoint: boolean;
  readonly gpl: boolean;
  readonly sleepable: boolean;
  readonly cpus: number;
  /** Most work: MAX_WORK unless said. */
  readonly maxWork: number | undefined;
  /** Arenas have a user address although their map_extra names none. */
  readonly arenasMapped: boolean;
  /** Helpers that the kernel at hand does not have although its release does. */
  readonly absentHelpers: ReadonlySet<string> | undefined;
  /** Does the kernel at hand know where this variable or function is? */
  readonly hasSymbol: ((name: string) => boolean) | undefined;
  readonly features: Features;
}

export class Env {
  readonly program: Program;
  readonly progType: ProgTypeRow;
  readonly options: EnvOptions;
  readonly kernelBtf: Btf | undefined;
  /** May the program see addresses (CAP_PERFMON), use loops and precise tracking (CAP_BPF)? */
  readonly privileged: boolean;
  /** May it read stack that was never written? */
  readonly readsUninitialised: boolean;
  readonly level: 0 | 1 | 2;
  /** A number of which nothing is known. */
  readonly unknown: Readonly<Reg>;

  state!: State;
  insn = 0;
  /** The walk has begun: `state` and `insn` are meaningful. */
  walking = false;
  previousInsn = -1;
  readonly pending: Pending[] = [];
  /** Kernel functions the program calls. */
  kfuncs!: Kfuncs;
  /** History entry of the current instruction, if it has one yet. */
  entry: HistoryEntry | undefined;
  ids = 0;
  processed = 0;
  jumps = 0;
  /** States kept for comparison, and the visits of loops that they lie in, by the calls that lead to them. */
  readonly checkpoints: Checkpoints;
  readonly visits = new Map<string, Visit>();
  /** Counts at the last checkpoint. */
  previousJumps = 0;
  previousProcessed = 0;
  /** Kinds of pointer seen at each load or store: one instruction may not serve two that are translated differently. */
  readonly pointerAt: Int32Array;
  /** Slots that some path has reached: the others are dead code (optimise.ts). */
  readonly seen: Uint8Array;
  /** Global functions that were called: verified by themselves after the main program. */
  readonly globalCalls = new Set<number>();
  /** Map seen at each helper call (index + 1); -1 for several. */
  readonly mapAtCall: Int32Array;

  /** What holds at each visit of an instruction, for the engines. */
  readonly facts: FactBook;

  /** Loads of the context's packet pointers, by instruction. */
  readonly packetLoads = new Map<number, 'packet' | 'packet_end' | 'packet_meta'>();

  log: string[] = [];
  /** Registers and stack slots changed since the last print. */
  scratchRegs = 0;
  scratchSlots = new Set<number>();
  /** Length of the log right after the instruction was printed: the state still goes on that line. */
  lineOpen = -1;
  /** Source line printed last. */
  lastLine: LineInfo | undefined;
  /** Names for the disassembly. */
  readonly names: DisasmNames = { helper: (id) => helperById(id)?.name };

  constructor(program: Program, progType: ProgTypeRow, kernelBtf: Btf | undefined, options: EnvOptions) {
    this.program = program;
    this.progType = progType;
    this.kernelBtf = kernelBtf;
    this.options = options;
    this.privileged = options.privileged;
    this.#maxWork = options.maxWork ?? MAX_WORK;
    this.readsUninitialised = options.privileged && options.features.uninitialisedStack;
    this.level = options.level;
    this.unknown = makeUnknown(!options.privileged);
    this.checkpoints = new Checkpoints(program.length);
    this.pointerAt = new Int32Array(program.length);
    this.seen = new Uint8Array(program.length);
    this.mapAtCall = new Int32Array(program.length);
    this.facts = new FactBook(program.length);
  }

  get frame(): Frame {
    const { frames } = this.state;
    return frames[frames.length - 1]!;
  }

  get regs(): Readonly<Reg>[] {
    const { frames } = this.state;
    return frames[frames.length - 1]!.regs;
  }

  /** Refuse the program. `message` becomes the log's last line. */
  fail(category: Category, message: string): never {
    throw new Refusal(category, message);
  }

  /** A log line. Kept at every level, since the last ones explain a refusal. */
  say(line: string): void {
    this.log.push(line);
  }

  map(index: number): UsedMap {
    return this.program.maps[index]!;
  }

  /** The map a lookup in map `outer` of maps gives: what its spec says of the inner one. */
  innerMap(outer: number): number {
    const { inner } = this.map(outer).spec;
    let map = this.program.maps.find((m) => m.spec === inner);
    if (!map) {
      map = { index: this.program.maps.length, spec: inner!, row: this.map(outer).innerRow! };
      this.program.maps.push(map);
    }
    return map.index;
  }

  /** What was done so far: see MAX_WORK. */
  work = 0;
  readonly #maxWork: number;

  /**
   * One more instruction. Gives up on a program whose walk takes too much work or memory: measures that are the same on every machine, so that
   * the verdict is.
   */
  countInsn(): void {
    this.work += WORK_INSN;
    if (++this.processed <= (this.options.features.largePrograms ? MAX_PROCESSED : MAX_PROCESSED_SMALL)) {
      if (this.work <= this.#maxWork && this.checkpoints.bytes <= MAX_KEPT_BYTES) return;
    }
    this.fail('limit', `BPF program is too large. Processed ${this.processed} insn`);
  }

  readonly #constants: (Readonly<Reg> | undefined)[] = [];

  /**
   * The number that is the constant of this instruction, `hi` its upper half. Registers are never changed, so one object serves all visits. A
   * number that is given to a register counts as precise where all do.
   */
  constant(insn: number, lo: number, hi: number): Readonly<Reg> {
    let r = this.#constants[insn];
    if (r === undefined) {
      const made = makeKnown(lo, hi);
      made.precise = this.unknown.precise;
      this.#constants[insn] = r = made;
    }
    return r;
  }

  newId(): number {
    return ++this.ids;
  }

  /** The register must hold something. */
  readReg(n: number): Readonly<Reg> {
    if (n > 10) this.fail('structure', `R${n} is invalid`);
    const r = this.regs[n]!;
    if (r.type === KIND.NOT_INIT) this.fail('uninitialised', `R${n} !read_ok`);
    return r;
  }

  /** The register may be written. */
  checkWritable(n: number): void {
    if (n > 10) this.fail('structure', `R${n} is invalid`);
    if (n === 10) this.fail('type', 'frame pointer is read only');
  }

  setReg(n: number, r: Readonly<Reg>): void {
    this.regs[n] = r;
    this.scratchRegs |= 1 << n;
  }

  setUnknown(n: number): void {
    this.setReg(n, this.unknown);
  }

  /** Would using the value reveal an address to a user who may not see any? */
  isHiddenPointer(r: Readonly<Reg>): boolean {
    return !this.privileged && r.type !== KIND.SCALAR;
  }

  /** What a pointer that has become meaningless turns into. */
  invalidPointer(): Readonly<Reg> {
    return this.privileged ? this.unknown : NOT_INIT;
  }

  /** Remember how the current instruction was reached and what it touched; flags of one instruction add up. */
  pushHistory(flags: number, linked?: readonly number[]): void {
    if (this.entry) {
      this.entry.flags |= flags;
      if (linked) this.entry.linked = linked;
      return;
    }
    const before = this.state.history;
    const count = before === undefined ? 1 : before.count + 1;
    this.entry = { insn: this.insn, previous: this.previousInsn, flags, linked, before, count };
    this.state.history = this.entry;
  }

  /** Queue the other way; answers its state, a copy of the current one. */
  pushPath(insn: number, previous: number, speculative = false): State {
    const copy = this.state.clone();
    this.work += copy.size;
    copy.speculative ||= speculative;
    if (this.pending.length >= MAX_PENDING) {
      this.fail('limit', `The sequence of ${this.pending.length + 1} jumps is too complex.`);
    }
    this.pending.push({ state: copy, insn, previous, logLength: this.log.length });
    if (copy.parent) copy.parent.branches++;
    return copy;
  }
}
