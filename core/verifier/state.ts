/**
 * The state the walk carries: frames of registers and stack slots, held references and locks, and the chain of
 * checkpoints behind it (parents), along which read marks and precision travel back.
 *
 * The stack is tracked by byte: each 8-byte slot has eight kinds, packed as nibbles of one int32 (nibble 7 is the lowest
 * address, as a slot's index counts down from the frame pointer), and a spilled register.
 */
import type { Visit } from './loops.ts';
import { makePointer } from './range.ts';
import { KIND, Reg } from './reg.ts';

/** What one byte of the stack holds. */
export const BYTE = { INVALID: 0, SPILL: 1, MISC: 2, ZERO: 3, DYNPTR: 4, ITER: 5, IRQ: 6 } as const;
/** Letters of the kernel's log for them. */
export const BYTE_LETTERS = '?rm0dif';

/** All eight bytes of one kind. */
export function allBytes(kind: number): number {
  return Math.imul(kind, 0x11111111);
}

export const NOT_INIT: Readonly<Reg> = new Reg();

/** One step of the path that straight-line order does not tell: jumps, stack accesses, linked registers. */
export interface HistoryEntry {
  readonly insn: number;
  readonly previous: number;
  /** STACK_ACCESS with frame and slot, and the marks below. */
  flags: number;
  /** Registers and slots that gained the same range here: frame << 8 | slot << 1 | isRegister. */
  linked: readonly number[] | undefined;
  /** The one before it since the last checkpoint, and how many there are with it: states that part share what they have in common. */
  readonly before: HistoryEntry | undefined;
  readonly count: number;
}

export const HIST = { STACK_ACCESS: 1 << 9, DST_STACK: 1 << 10, SRC_STACK: 1 << 11 } as const;

export function stackAccess(frame: number, slot: number): number {
  return HIST.STACK_ACCESS | (slot << 3) | frame;
}

const NO_KINDS: readonly number[] = [];
const NO_SPILLS: readonly Readonly<Reg>[] = [];

/** Callsite of the outermost frame. */
export const MAIN_CALLSITE = -1;

export class Frame {
  regs: Readonly<Reg>[];
  /** Kinds of the bytes of each allocated slot; slot 0 is fp-8. Copied on the first write after a clone: see setKinds, setSpill. */
  kinds: readonly number[];
  spills: readonly Readonly<Reg>[];
  /** Another frame has the same arrays. */
  #shared = false;
  /** Slots that a later path reads before it writes them, as far as known (64 bits). */
  readLo = 0;
  readHi = 0;
  /** Slots wholly written since the last checkpoint. */
  wroteLo = 0;
  wroteHi = 0;
  /** Instruction of the call that made the frame. */
  readonly callsite: number;
  readonly frameno: number;
  readonly subprog: number;
  inCallback = false;
  inAsyncCallback = false;
  /** The function that exceptions call: it returns what the program returns. */
  inExceptionCallback = false;
  /** A comparison called back by bpf_rbtree_add: runs under the tree's lock. */
  inLockedCallback = false;
  /** What the callback may return. */
  callbackMin = 0;
  callbackMax = 0;
  /** How often the callback called from this frame was unrolled. */
  callbackDepth = 0;
  asyncEntries = 0;

  constructor(callsite: number, frameno: number, subprog: number, from: Frame | undefined = undefined) {
    this.callsite = callsite;
    this.frameno = frameno;
    this.subprog = subprog;
    if (from) {
      this.regs = from.regs.slice();
      this.kinds = from.kinds;
      this.spills = from.spills;
      this.#shared = true;
      from.#shared = true;
      this.readLo = from.readLo;
      this.readHi = from.readHi;
      this.wroteLo = from.wroteLo;
      this.wroteHi = from.wroteHi;
      this.inCallback = from.inCallback;
      this.inAsyncCallback = from.inAsyncCallback;
      this.inExceptionCallback = from.inExceptionCallback;
      this.inLockedCallback = from.inLockedCallback;
      this.callbackMin = from.callbackMin;
      this.callbackMax = from.callbackMax;
      this.callbackDepth = from.callbackDepth;
      this.asyncEntries = from.asyncEntries;
      return;
    }
    this.regs = new Array<Readonly<Reg>>(11).fill(NOT_INIT);
    this.kinds = NO_KINDS;
    this.spills = NO_SPILLS;
    this.#shared = true;
    const fp = makePointer(KIND.STACK);
    fp.frame = frameno;
    this.regs[10] = fp;
  }

  clone(): Frame {
    return new Frame(this.callsite, this.frameno, this.subprog, this);
  }

  #own(): void {
    this.kinds = this.kinds.slice();
    this.spills = this.spills.slice();
    this.#shared = false;
  }

  /** Kinds of all eight bytes of a slot. */
  setKinds(slot: number, kinds: number): void {
    if (this.#shared) this.#own();
    (this.kinds as number[])[slot] = kinds;
  }

  setSpill(slot: number, r: Readonly<Reg>): void {
    if (this.#shared) this.#own();
    (this.spills as Readonly<Reg>[])[slot] = r;
  }

  /** Allocate slots, unwritten. */
  grow(slots: number): void {
    if (this.#shared) this.#own();
    while (this.kinds.length < slots) {
      (this.kinds as number[]).push(0);
      (this.spills as Readonly<Reg>[]).push(NOT_INIT);
    }
  }

  /** Kind of the byte at this offset from the frame pointer (negative). */
  byteKind(off: number): number {
    const index = -off - 1;
    return ((this.kinds[index >> 3] ?? 0) >> ((index & 7) * 4)) & 7;
  }

  setByteKind(off: number, kind: number): void {
    const index = -off - 1;
    const shift = (index & 7) * 4;
    const slot = index >> 3;
    this.setKinds(slot, (this.kinds[slot]! & ~(15 << shift)) | (kind << shift));
  }

  /** The slot holds a spilled register, at least in part (its lowest bytes). */
  isSpill(slot: number): boolean {
    return this.kinds[slot]! >>> 28 === BYTE.SPILL;
  }

  isScalarSpill(slot: number): boolean {
    return this.isSpill(slot) && this.spills[slot]!.type === KIND.SCALAR;
  }

  markWrote(slot: number): void {
    if (slot < 32) this.wroteLo |= 1 << slot;
    else this.wroteHi |= 1 << (slot - 32);
  }

  isRead(slot: number): boolean {
    return ((slot < 32 ? this.readLo >> slot : this.readHi >> (slot - 32)) & 1) !== 0;
  }
}

/** What a lock was taken by: bpf_spin_lock, bpf_res_spin_lock, bpf_res_spin_lock_irqsave. */
export type LockKind = 'spin' | 'resilient' | 'resilient irq';

/** A resource that must be given back. */
export interface Reference {
  readonly id: number;
  /** Instruction that took it. */
  readonly insn: number;
  readonly lock?: LockKind;
  /** Map of a held lock. */
  readonly map?: number;
  readonly irq?: boolean;
}

export class State {
  frames: Frame[];
  refs: readonly Reference[] = [];
  locks = 0;
  rcuLocks = 0;
  preemptLocks = 0;
  irqId = 0;
  sleepable = false;
  speculative = false;
  parent: State | undefined;
  /** Paths from this state not finished yet, this one included. */
  branches = 1;
  /** Checkpoints only: the instruction it stands before. */
  insn = -1;
  firstInsn = 0;
  lastInsn = -1;
  /** The newest entry since the last checkpoint. */
  history: HistoryEntry | undefined = undefined;
  mayGotoDepth = 0;
  callbackUnrollDepth = 0;
  /** Checkpoints only: comparisons that succeeded and failed, and that it was given up for those that failed (checkpoints.ts). */
  hits = 0;
  misses = 0;
  leaving = false;
  /** Checkpoints only: a number that made the last comparison fail, and where it is (prune.ts). */
  obstacle: Readonly<Reg> | undefined = undefined;
  obstacleAt = 0;
  /** Checkpoints only: the visit of the loop that it lies in. */
  visit: Visit | undefined = undefined;

  constructor(frames: Frame[]) {
    this.frames = frames;
  }

  get frame(): Frame {
    return this.frames[this.frames.length - 1]!;
  }

  get depth(): number {
    return this.frames.length - 1;
  }

  /** Registers and slots of all frames: what a copy or a comparison takes. */
  get size(): number {
    let size = 0;
    for (const frame of this.frames) size += 11 + frame.kinds.length;
    return size;
  }

  clone(): State {
    const s = new State(this.frames.map((f) => f.clone()));
    s.refs = this.refs;
    s.locks = this.locks;
    s.rcuLocks = this.rcuLocks;
    s.preemptLocks = this.preemptLocks;
    s.irqId = this.irqId;
    s.sleepable = this.sleepable;
    s.speculative = this.speculative;
    s.parent = this.parent;
    s.insn = this.insn;
    s.firstInsn = this.firstInsn;
    s.lastInsn = this.lastInsn;
    s.history = this.history;
    s.mayGotoDepth = this.mayGotoDepth;
    s.callbackUnrollDepth = this.callbackUnrollDepth;
    return s;
  }

  /** The instruction at which frame `i` stands: the checkpoint's, or the call it waits for. */
  frameInsn(i: number): number {
    return i === this.frames.length - 1 ? this.insn : this.frames[i + 1]!.callsite;
  }

  /** Replace registers and spilled registers by `change`'s answer where it gives one. */
  mapRegs(change: (r: Readonly<Reg>) => Readonly<Reg> | undefined, iteratorsToo = false): void {
    for (const frame of this.frames) {
      for (let i = 0; i < 11; i++) {
        const next = change(frame.regs[i]!);
        if (next) frame.regs[i] = next;
      }
      for (let slot = 0; slot < frame.kinds.length; slot++) {
        if (!frame.isSpill(slot) && !(iteratorsToo && frame.kinds[slot]! >>> 28 === BYTE.ITER)) continue;
        const next = change(frame.spills[slot]!);
        if (next) frame.setSpill(slot, next);
      }
    }
  }
}
