import { expect, it } from 'vitest';
import { KERNEL_HI } from '../../core/base/memory.ts';
import * as B from '../../core/isa/builders.ts';
import { encode, type Insn } from '../../core/isa/insn.ts';
import { bareHost } from '../../core/vm/bare.ts';
import { interp } from '../../core/vm/interp.ts';
import { VmMemory } from '../../core/vm/memory.ts';

function load(insns: readonly Insn[]) {
  const memory = new VmMemory();
  const host = bareHost({ memory });
  return interp.prepare({ name: 'test', insns: encode(insns), funcs: [], lines: [], facts: undefined }, host);
}

it('adds', () => {
  const exe = load([B.BPF_MOV64_IMM(0, 40), B.BPF_ALU64_IMM(B.BPF_ADD, 0, 2), B.BPF_EXIT_INSN()]);
  exe.run(0);
  expect([exe.r0Lo, exe.r0Hi]).toEqual([42, 0]);
});

it('calls its own functions, each with its own stack', () => {
  const exe = load([
    B.BPF_MOV64_IMM(6, 7),
    B.BPF_ST_MEM(B.BPF_DW, B.BPF_REG_FP, -8, 5),
    B.BPF_MOV64_IMM(1, 9),
    B.BPF_CALL_REL(3),
    B.BPF_LDX_MEM(B.BPF_DW, 1, B.BPF_REG_FP, -8),
    B.BPF_ALU64_REG(B.BPF_ADD, 0, 1),
    B.BPF_EXIT_INSN(),
    B.BPF_ST_MEM(B.BPF_DW, B.BPF_REG_FP, -8, 100),
    B.BPF_MOV64_REG(0, 1),
    B.BPF_MOV64_IMM(6, 0),
    B.BPF_EXIT_INSN(),
  ]);
  exe.run(0);
  expect(exe.r0Lo).toBe(14);
});

it('faults below the stack, with pc and registers', () => {
  const exe = load([B.BPF_MOV64_IMM(0, 1), B.BPF_ST_MEM(B.BPF_DW, B.BPF_REG_FP, -520, 0), B.BPF_EXIT_INSN()]);
  expect(() => exe.run(0)).toThrow(/fault at pc 1: write to 0xffff8880[0-9a-f]{8} \(8 bytes\)/);
  expect(KERNEL_HI).toBe(-30592);
});
