/**
 * After the proof: what no path reaches is taken out. Linux does this in three passes (kernel/bpf/verifier.c: opt_hard_wire_dead_code_branches,
 * opt_remove_dead_code, opt_remove_nops), and tells an offload device of each change, since the device has built its own picture of the
 * program while it was verified (bpf_prog_offload_ops: replace_insn, remove_insns). Unprivileged programs keep their length: what is dead
 * becomes a jump onto itself (sanitize_dead_code), and nobody is told.
 *
 * Places are kept by their original slot until the end, so that jumps, relocations, functions and line rows need no repair in between.
 */
import { decode, encode, type Insn, toInsns } from '../isa/insn.ts';
import { CLASS, OP_EXIT, OP_JA, OP_LD_IMM64, OP_MAY_GOTO } from '../isa/ops.ts';
import type { ProgFacts, ProgSpec } from '../spec/spec.ts';
import { spliced, targetSlot } from '../spec/splice.ts';

/** A conditional jump of which only one way is ever gone becomes `goto`. */
export interface InsnReplacement {
  /** Slot in the program as it is now (after the changes announced before). */
  readonly pc: number;
  /** Slot in the program as it was verified. */
  readonly originalPc: number;
  readonly was: Insn;
  readonly now: Insn;
  /** Which way it always goes. */
  readonly goes: 'jumps' | 'falls through';
}

/** Consecutive slots that are taken out. Jumps over them get shorter. */
export interface InsnRemoval {
  readonly pc: number;
  /** Slots; a wide load has two. */
  readonly count: number;
  readonly originalPc: number;
  /** dead: no path reaches them. nop: a jump to the next instruction. */
  readonly why: 'dead' | 'nop';
}

/** Refusals are strings, as of all hooks. */
export interface OptimiseHooks {
  readonly replaceInsns?: ((change: InsnReplacement) => string | undefined) | undefined;
  readonly removeInsns?: ((change: InsnRemoval) => string | undefined) | undefined;
}

/** What a hook would not follow: the program stays as it was from there on, and no hook is asked again (Linux: opt_failed). */
export interface OptimiseRefusal {
  readonly hook: 'replaceInsns' | 'removeInsns';
  readonly pc: number;
  readonly originalPc: number;
  readonly reason: string;
}

export interface Optimised {
  /** The program without what is dead; the verified one where a hook refused. */
  readonly prog: ProgSpec;
  readonly replaced: number;
  /** Slots taken out. */
  readonly removed: number;
  /** By slot of `prog`: the slot it had when it was verified. */
  readonly originalPc: readonly number[];
  readonly refused?: OptimiseRefusal;
}

class Refused extends Error {
  readonly refusal: OptimiseRefusal;
  constructor(refusal: OptimiseRefusal) {
    super(refusal.reason);
    this.refusal = refusal;
  }
}

/** `seen`: 1 for each slot that some path has reached. */
export function optimise(prog: ProgSpec, seen: Uint8Array, privileged: boolean, hooks: OptimiseHooks = {}): Optimised {
  const all = Array.from(seen, (_, i) => i);
  if (!privileged) return { prog: trapped(prog, seen), replaced: 0, removed: 0, originalPc: all };
  try {
    return new Pass(prog, seen, hooks).run();
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return { prog, replaced: 0, removed: 0, originalPc: all, refused: error.refusal };
  }
}

class Pass {
  readonly #prog: ProgSpec;
  readonly #seen: Uint8Array;
  readonly #hooks: OptimiseHooks;
  /** Instructions by original slot; undefined in the second half of wide loads. */
  readonly #insns: (Insn | undefined)[] = [];
  /** Original slot of the target, by original slot of the jump or call. */
  readonly #targets = new Map<number, number>();
  /** Original slots that are left. */
  #left: number[] = [];
  readonly #replacedAt = new Set<number>();

  constructor(prog: ProgSpec, seen: Uint8Array, hooks: OptimiseHooks) {
    this.#prog = prog;
    this.#seen = seen;
    this.#hooks = hooks;
    let pc = 0;
    for (const insn of toInsns(prog.insns)) {
      this.#insns[pc] = insn;
      const target = targetSlot(insn, pc);
      if (target !== undefined) this.#targets.set(pc, target);
      pc += insn.opcode === OP_LD_IMM64 ? 2 : 1;
    }
    this.#left = Array.from({ length: pc }, (_, i) => i);
  }

  run(): Optimised {
    this.#hardWire();
    this.#removeDead();
    this.#removeNops();
    return {
      prog: this.#rebuilt(),
      replaced: this.#replacedAt.size,
      removed: this.#insns.length === 0 ? 0 : this.#seen.length - this.#left.length,
      originalPc: this.#left,
    };
  }

  #hardWire(): void {
    for (let pc = 0; pc < this.#insns.length; pc++) {
      const was = this.#insns[pc];
      const target = this.#targets.get(pc);
      if (!was || target === undefined || !isConditional(was.opcode)) continue;
      let goes: InsnReplacement['goes'];
      if (this.#seen[pc + 1] !== 1) goes = 'jumps';
      else if (this.#seen[target] !== 1) goes = 'falls through';
      else continue;
      const to = goes === 'jumps' ? target : pc + 1;
      const now: Insn = { opcode: OP_JA, dst: 0, src: 0, off: to - pc - 1, imm: 0 };
      this.#ask('replaceInsns', { pc, originalPc: pc, was, now, goes });
      this.#insns[pc] = now;
      this.#targets.set(pc, to);
      this.#replacedAt.add(pc);
    }
  }

  #removeDead(): void {
    const kept: number[] = [];
    for (let pc = 0; pc < this.#left.length; ) {
      if (this.#seen[pc] === 1) {
        kept.push(pc++);
        continue;
      }
      let count = 1;
      while (pc + count < this.#left.length && this.#seen[pc + count] !== 1) count++;
      this.#ask('removeInsns', { pc: kept.length, count, originalPc: pc, why: 'dead' });
      pc += count;
    }
    this.#left = kept;
  }

  /** Jumps to the next instruction, until there are none: taking one out may make another. */
  #removeNops(): void {
    for (let i = 0; i < this.#left.length; i++) {
      const pc = this.#left[i]!;
      const insn = this.#insns[pc];
      if (!insn || (insn.opcode !== OP_JA && insn.opcode !== OP_MAY_GOTO)) continue;
      const next = this.#left[i + 1];
      if (next === undefined || this.#landing(this.#targets.get(pc)!) !== next) continue;
      this.#ask('removeInsns', { pc: i, count: 1, originalPc: pc, why: 'nop' });
      this.#left.splice(i, 1);
      i -= insn.opcode === OP_MAY_GOTO && i > 0 ? 2 : 1;
    }
  }

  #ask<H extends 'replaceInsns' | 'removeInsns'>(hook: H, change: Parameters<NonNullable<OptimiseHooks[H]>>[0]): void {
    const reason = (this.#hooks[hook] as ((c: typeof change) => string | undefined) | undefined)?.(change);
    if (reason !== undefined) {
      throw new Refused({ hook, pc: change.pc, originalPc: change.originalPc, reason });
    }
  }

  /** The slot that is left at or behind an original one: where a jump to it leads now. */
  #landing(original: number): number | undefined {
    let low = 0;
    let high = this.#left.length;
    while (low < high) {
      const mid = (low + high) >> 1;
      if (this.#left[mid]! < original) low = mid + 1;
      else high = mid;
    }
    return this.#left[low];
  }

  #rebuilt(): ProgSpec {
    const left = new Set(this.#left);
    const changed = new Map<number, readonly Insn[]>();
    this.#insns.forEach((insn, pc) => {
      if (insn && this.#replacedAt.has(pc)) changed.set(pc, [insn]);
      if (insn && !left.has(pc)) changed.set(pc, []);
    });
    return spliced(this.#prog, changed);
  }
}

/** Conditional jumps of both widths (Linux: insn_is_cond_jump). */
function isConditional(opcode: number): boolean {
  const cls = opcode & 7;
  const op = opcode & 0xf0;
  if (cls === CLASS.JMP32) return op !== 0x00;
  return cls === CLASS.JMP && op !== 0x00 && op !== 0x80 && op !== 0x90;
}

/** Slots that no path has reached; undefined where all were. */
export function deadSlots(seen: Uint8Array): readonly number[] | undefined {
  const dead: number[] = [];
  seen.forEach((reached, pc) => {
    if (reached !== 1) dead.push(pc);
  });
  return dead.length === 0 ? undefined : dead;
}

/**
 * The program as an engine should get it: every dead slot an exit, in place, so that slots keep their numbers. (Linux takes dead code out, or
 * traps it with jumps onto themselves; an exit makes no loop that an engine would have to count.)
 */
export function withoutDead(insns: Uint8Array, facts: ProgFacts | undefined): Uint8Array {
  if (facts?.dead === undefined) return insns;
  const out = insns.slice();
  const exit = encode([{ opcode: OP_EXIT, dst: 0, src: 0, off: 0, imm: 0 }]);
  for (const pc of facts.dead) out.set(exit, pc * 8);
  return out;
}

/** What is dead as jumps onto themselves, in place. */
function trapped(prog: ProgSpec, seen: Uint8Array): ProgSpec {
  const insns = prog.insns.slice();
  const trap = encode([{ opcode: OP_JA, dst: 0, src: 0, off: -1, imm: 0 }]);
  for (let pc = 0; pc < decode(insns).length; pc++) if (seen[pc] !== 1) insns.set(trap, pc * 8);
  return { ...prog, insns };
}
