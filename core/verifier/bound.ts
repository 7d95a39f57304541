/**
 * The bound on what a run executes, which the walk gives away for nothing. A path that is cut off goes on in a state that was explored to its end
 * before, whose successors were all explored before it was: so along any run the moments at which the walk was done with its states only get
 * earlier, no explored instruction is met twice, and a run is no longer than the walk (kernel/bpf/verifier.c: is_state_visited, `branches`).
 *
 * Not where the walk does not follow control as it goes: loops that are taken to converge (may_goto, iterators, callbacks), functions that are
 * verified on their own and called many times (global ones), other programs (tail calls).
 */
import { decode } from '../isa/insn.ts';
import { CALL, OP_CALL, OP_LD_IMM64, OP_MAY_GOTO, PSEUDO } from '../isa/ops.ts';

/** bpf_tail_call. */
const TAIL_CALL = 12;

/** Most instructions of a run, or undefined where the number processed says nothing about it. `globals`: some function is global. */
export function insnBound(insns: Uint8Array, processed: number, globals: boolean): number | undefined {
  if (globals) return undefined;
  const p = decode(insns);
  for (let pc = 0; pc < p.length; pc++) {
    const opcode = p.opcode[pc]!;
    if (opcode === OP_MAY_GOTO) return undefined;
    if (opcode === OP_CALL) {
      if (p.src[pc] === CALL.kfunc || (p.src[pc] === CALL.helper && p.imm[pc] === TAIL_CALL)) return undefined;
    } else if (opcode === OP_LD_IMM64) {
      if (p.src[pc] === PSEUDO.func) return undefined;
      pc++;
    }
  }
  return processed;
}
