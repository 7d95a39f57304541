/**
 * A program with some of its instructions replaced by any number of others. Jumps, local calls, addresses of functions, relocations, functions and line
 * rows go on meaning what they meant (what bpf_patch_insn_data and bpf_remove_insns of kernel/bpf/core.c do one at a time).
 */
import { BpfError } from '../base/errors.ts';
import { encode, type Insn, toInsns } from '../isa/insn.ts';
import { CALL, CLASS, OP_CALL, OP_GOTOL, OP_LD_IMM64, PSEUDO } from '../isa/ops.ts';
import type { LineInfo, ProgSpec } from './spec.ts';

/** Farthest that the 16-bit offset of a jump goes. */
const FARTHEST = 0x7fff;

/**
 * `instead`: by slot of an instruction, what stands in its place; nothing at all takes it out. What led to the instruction leads to the first of them, or to
 * whatever comes next. Jumps among them count their distance from the slot of the instruction they replace. A relocation belongs to the last of them.
 * Throws BpfError E2BIG when a jump gets too long.
 */
export function spliced(prog: ProgSpec, instead: ReadonlyMap<number, readonly Insn[]>): ProgSpec {
  const { relocs, coreRelos, funcs, lines, facts, ...rest } = prog;
  const pieces = new Map<number, readonly Insn[]>();
  let slot = 0;
  for (const insn of toInsns(prog.insns)) {
    pieces.set(slot, instead.get(slot) ?? [insn]);
    slot += slotsOf(insn);
  }
  // By old slot: the slot it has now. Second halves of wide instructions are led to by nothing.
  const moved = new Int32Array(slot + 1);
  let length = 0;
  for (const [at, piece] of pieces) {
    moved[at] = length;
    for (const insn of piece) length += slotsOf(insn);
  }
  moved[slot] = length;

  const out: Insn[] = [];
  const lastOf = new Map<number, number>();
  let now = 0;
  for (const [at, piece] of pieces) {
    for (const insn of piece) {
      const target = targetSlot(insn, at);
      out.push(target === undefined ? insn : aimed(prog, insn, at, moved[target]! - now - 1));
      lastOf.set(at, now);
      now += slotsOf(insn);
    }
  }
  const carried = <R extends { readonly insn: number }>(rows: readonly R[]): R[] =>
    rows.filter((row) => lastOf.has(row.insn)).map((row) => ({ ...row, insn: lastOf.get(row.insn)! }));
  const end = (k: number): number => moved[funcs[k + 1]?.insn ?? slot]!;
  return {
    ...rest,
    insns: encode(out),
    relocs: carried(relocs),
    ...(coreRelos && { coreRelos: carried(coreRelos) }),
    funcs: funcs.filter((f, k) => moved[f.insn]! < end(k)).map((f) => ({ ...f, insn: moved[f.insn]! })),
    lines: movedLines(lines, moved, length),
  };
}

/** Slots that an instruction takes. */
function slotsOf(insn: Insn): number {
  return insn.opcode === OP_LD_IMM64 ? 2 : 1;
}

/** Of rows that fall together the last is the one that holds. */
function movedLines(lines: readonly LineInfo[], moved: Int32Array, length: number): LineInfo[] {
  const rows: LineInfo[] = [];
  for (const row of lines) {
    const insn = moved[row.insn]!;
    if (insn === length) continue;
    if (rows.at(-1)?.insn === insn) rows.pop();
    rows.push({ ...row, insn });
  }
  return rows;
}

/** The slot that a jump, a local call or the address of a function leads to, standing in slot `pc`; undefined for other instructions. */
export function targetSlot({ opcode, src, off, imm }: Insn, pc: number): number | undefined {
  const cls = opcode & 7;
  if (opcode === OP_LD_IMM64) return src === PSEUDO.func ? pc + imm + 1 : undefined;
  if (opcode === OP_CALL) return src === CALL.local ? pc + imm + 1 : undefined;
  if (cls !== CLASS.JMP && cls !== CLASS.JMP32) return undefined;
  if ((opcode & 0xf0) === 0x80 || (opcode & 0xf0) === 0x90) return undefined;
  return pc + 1 + (opcode === OP_GOTOL ? imm : off);
}

function aimed(prog: ProgSpec, insn: Insn, at: number, distance: number): Insn {
  if (insn.opcode === OP_LD_IMM64 || insn.opcode === OP_CALL || insn.opcode === OP_GOTOL)
    return { ...insn, imm: distance };
  if (distance > FARTHEST || distance < -FARTHEST - 1)
    throw new BpfError(
      'E2BIG',
      `program ${prog.name}: the jump at instruction ${at} would have to go ${distance} instructions far`,
    );
  return { ...insn, off: distance };
}
