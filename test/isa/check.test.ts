import { describe, expect, it } from 'vitest';
import * as B from '../../core/isa/builders.ts';
import { checkBytes } from '../../core/isa/check.ts';
import { FORMS } from '../../core/isa/forms.ts';
import { encode, type Insn } from '../../core/isa/insn.ts';
import { versionIssue, versionNeeded } from '../../core/isa/version.ts';

const exit = B.BPF_EXIT_INSN();
const zero = B.BPF_MOV64_IMM(0, 0);

const BAD: readonly (readonly [string, readonly Insn[], number, RegExp])[] = [
  ['an empty program', [], 0, /empty/],
  ['an unknown opcode', [zero, B.BPF_RAW_INSN(0xff, 0, 0, 0, 0), exit], 1, /unknown opcode 0xff/],
  ['callx', [B.BPF_RAW_INSN(0x8d, 1, 0, 0, 0), exit], 0, /unknown opcode 0x8d/],
  ['neg with a register', [B.BPF_RAW_INSN(0x8f, 1, 1, 0, 0), exit], 0, /unknown opcode 0x8f/],
  ['register 11', [B.BPF_MOV64_REG(0, 11), exit], 0, /register r11 does not exist/],
  ['register 15', [B.BPF_MOV64_IMM(15, 0), exit], 0, /register r15 does not exist/],
  ['a write to r10', [B.BPF_MOV64_IMM(10, 0), exit], 0, /r10 is read only/],
  ['a load into r10', [B.BPF_LDX_MEM(B.BPF_W, 10, 1, 0), exit], 0, /r10 is read only/],
  ['a fetch into r10', [B.BPF_ATOMIC_OP(B.BPF_DW, B.BPF_XCHG, 1, 10, 0), exit], 0, /r10 is read only/],
  ['a reserved imm', [B.BPF_RAW_INSN(0x0f, 0, 1, 0, 3), exit], 0, /reserved field imm/],
  ['a reserved src', [B.BPF_RAW_INSN(0x07, 0, 1, 0, 3), exit], 0, /reserved field src/],
  ['a reserved off', [B.BPF_ALU64_REG_OFF(B.BPF_ADD, 0, 1, 1), exit], 0, /reserved field off/],
  ['movsx of 24 bits', [B.BPF_MOVSX64_REG(0, 1, 24), exit], 0, /reserved field off/],
  ['movsx32 in 32 bits', [B.BPF_MOVSX32_REG(0, 1, 32), exit], 0, /reserved field off/],
  ['byte order of 24 bits', [B.BPF_ENDIAN(B.BPF_TO_BE, 0, 24), exit], 0, /width 24/],
  ['an unknown atomic', [B.BPF_ATOMIC_OP(B.BPF_DW, 0x30, 1, 2, 0), exit], 0, /unknown atomic operation 0x30/],
  ['an atomic of 8 bits', [B.BPF_ATOMIC_OP(B.BPF_B, B.BPF_ADD, 1, 2, 0), exit], 0, /atomic add works on 32 and 64/],
  ['half a ld_imm64', [B.BPF_RAW_INSN(0x18, 0, 0, 0, 0)], 0, /lacks its second slot|middle/],
  ['ld_imm64 of kind 9', [{ ...B.BPF_LD_IMM64(0, 1), src: 9 }, exit], 0, /unknown kind 9/],
  ['a call of kind 3', [B.BPF_RAW_INSN(0x85, 0, 3, 0, 1), exit], 0, /call of unknown kind 3/],
  ['a jump out of range', [B.BPF_JMP_A(5), exit], 0, /jump to 6 is out of range/],
  ['a jump before the start', [B.BPF_JMP_A(-2), exit], 0, /jump to -1 is out of range/],
  ['a jump into ld_imm64', [B.BPF_JMP_A(1), B.BPF_LD_IMM64(0, 1), exit], 0, /middle of ld_imm64/],
  ['a call into ld_imm64', [B.BPF_CALL_REL(1), B.BPF_LD_IMM64(0, 1), exit], 0, /call to 2 goes into the middle/],
  ['falling off the end', [zero], 0, /falls off the end/],
  ['falling off after a branch', [zero, exit, B.BPF_JMP_IMM(B.BPF_JEQ, 0, 0, -2)], 2, /falls off the end/],
  ['falling into the next function', [B.BPF_CALL_REL(1), zero, exit], 1, /falls off the end/],
  ['a jump into another function', [B.BPF_CALL_REL(2), B.BPF_JMP_A(1), exit, zero, exit], 1, /leaves the function/],
];

describe('structure', () => {
  it.each(BAD.map(([name, code, pc, says]) => ({ name, code, pc, says })))('$name', ({ name, code, pc, says }) => {
    const bytes = name === 'half a ld_imm64' ? encode(code).slice(0, 8) : encode(code);
    const issue = checkBytes(bytes);
    expect(issue?.reason).toMatch(says);
    expect(issue?.pc).toBe(pc);
  });

  it('refuses cut bytes', () => {
    expect(checkBytes(encode([zero, exit]).slice(0, 12))).toEqual({
      pc: 1,
      reason: 'program of 12 bytes is not a whole number of 8-byte instructions',
    });
  });

  it('accepts what is right', () => {
    const good = [B.BPF_LD_IMM64(1, -1n), B.BPF_CALL_REL(2), zero, exit, B.BPF_MOV64_REG(0, 1), B.BPF_JMP_A(-2)];
    expect(checkBytes(encode(good))).toBeUndefined();
  });
});

describe('cpu versions', () => {
  it('are known for every form', () => {
    expect(FORMS.filter((f) => ![1, 2, 3, 4].includes(f.version))).toEqual([]);
    expect(new Set(FORMS.map((f) => f.name)).size).toBe(FORMS.length);
  });

  it('name the instruction that needs more', () => {
    const code = encode([
      B.BPF_LD_IMM64(1, 5),
      B.BPF_JMP_IMM(B.BPF_JLT, 1, 3, 1),
      B.BPF_ALU64_REG_OFF(B.BPF_DIV, 1, 1, 1),
      exit,
    ]);
    expect(versionNeeded(code)).toMatchObject({ version: 4, pc: 3 });
    expect(versionIssue(code, 3)).toBe('instruction 3 (alu64.sdiv.x) needs cpu version v4, and this is v3');
    expect(versionIssue(code, 4)).toBeUndefined();
    expect(versionNeeded(encode([B.BPF_JMP_IMM(B.BPF_JLT, 1, 3, 0), exit])).version).toBe(2);
    expect(versionNeeded(encode([B.BPF_JMP32_IMM(B.BPF_JEQ, 1, 3, 0), exit])).version).toBe(3);
  });
});
