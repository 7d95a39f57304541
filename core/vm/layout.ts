/**
 * What all engines agree on beyond the instruction set: where stack frames lie, what the address of a BPF function looks
 * like, what an instruction costs, and how a fault is worded. Two engines that read this file fault alike.
 */
import { Fault } from '../base/errors.ts';
import { checkStructure, lengthIssue } from '../isa/check.ts';
import { type DecodedProgram, decode } from '../isa/insn.ts';
import { MAX_CALL_FRAMES, STACK_SIZE } from '../isa/ops.ts';
import type { LineInfo } from '../spec/spec.ts';
import type { LinkedProgram } from './engine.ts';

/** Bytes of one stack area: the frames of a run (or of a callback) lie upwards in it, frame k's r10 is base + 512 * (k + 1). */
export const STACK_AREA = STACK_SIZE * MAX_CALL_FRAMES;
/** Runs inside runs (callbacks, hooks that fire inside helpers) before a fault. */
export const MAX_NESTING = 32;

/** Address of the BPF function at slot n: 0xffffffffa0000000 + n (where x86-64 puts jitted code). Never mapped. */
export const FUNCTION_HI = -1;
export const FUNCTION_LO = 0xa0000000 | 0;

/** Instructions a run may execute when nobody says otherwise. */
export const DEFAULT_FUEL = 2 ** 27;
/** How often may_goto falls through, per function invocation (kernel: BPF_MAX_LOOPS). */
export const MAY_GOTO_BUDGET = 8 * 1024 * 1024;
/** Helpers that engines carry out themselves: the one always, the other where they know the map's storage. */
export const HELPER_TAIL_CALL = 12;
export const HELPER_MAP_LOOKUP = 1;

/** Fault reasons that more than one engine words. */
export const REASON = {
  fuel: 'out of fuel',
  depth: `call depth exceeds ${MAX_CALL_FRAMES} frames`,
  nesting: `programs nested deeper than ${MAX_NESTING}`,
  access: (write: boolean, size: number, address: bigint) =>
    `${write ? 'write to' : 'read of'} 0x${address.toString(16)} (${size} bytes) is outside the program's memory`,
  /** The same where the address is lost: wasm trapped by itself. */
  wild: (write: boolean, size: number) =>
    `${write ? 'write' : 'read'} of ${size} bytes is outside the program's memory`,
  noPacket: 'ld_abs and ld_ind need a packet, and this program has none',
  noHelper: (id: number) => `helper ${id} does not exist`,
  helperUnsupported: (name: string) => `helper ${name} is known but not supported here`,
  noKfunc: (id: number) => `kfunc with BTF id ${id} is not available here`,
  tailElsewhere: (name: string) => `tail call into program '${name}', which runs on another engine`,
  tailUnverified: (name: string) => `tail call from a verified program into '${name}', which is not verified`,
  argument: (helper: string, index: number, says: string) => `helper ${helper}: argument ${index + 1} ${says}`,
} as const;

/** A program's fields by slot. Throws Fault, the same from every engine, for what is no program. */
export function decodeProgram(program: LinkedProgram): DecodedProgram {
  const { insns } = program;
  const bad = lengthIssue(insns);
  if (bad) throw makeFault(program, bad.reason, bad.pc);
  const decoded = decode(insns);
  const issue = checkStructure(decoded);
  if (issue) throw makeFault(program, issue.reason, issue.pc);
  return decoded;
}

/** Source position of a slot, `file:line`, when the program has line info. */
export function sourceLine(lines: readonly LineInfo[], pc: number): string | undefined {
  let best: LineInfo | undefined;
  for (const row of lines) if (row.insn <= pc && (best === undefined || row.insn >= best.insn)) best = row;
  return best && `${best.file}:${best.line}`;
}

/** A Fault at a slot of a program, with registers given as halves (22 or more). */
export function makeFault(program: LinkedProgram, reason: string, pc: number, regs?: Int32Array): Fault {
  const values: bigint[] = [];
  if (regs) {
    for (let i = 0; i < 11; i++) values.push((BigInt(regs[2 * i + 1]! >>> 0) << 32n) | BigInt(regs[2 * i]! >>> 0));
  }
  return new Fault(reason, pc, values, sourceLine(program.lines, pc));
}
