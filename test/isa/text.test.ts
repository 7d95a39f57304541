import { describe, expect, it } from 'vitest';
import { assemble, assembleInsns } from '../../core/isa/asm.ts';
import * as B from '../../core/isa/builders.ts';
import { disassemble, insnText } from '../../core/isa/disasm.ts';
import { FORMS } from '../../core/isa/forms.ts';
import { encode, type Insn } from '../../core/isa/insn.ts';
import { OP_LD_IMM64 } from '../../core/isa/ops.ts';

/** What the kernel prints, by hand. */
const KERNEL: readonly (readonly [Insn, string])[] = [
  [B.BPF_MOV64_IMM(0, 0), '(b7) r0 = 0'],
  [B.BPF_MOV32_IMM(3, -7), '(b4) w3 = -7'],
  [B.BPF_ALU64_REG(B.BPF_ADD, 1, 10), '(0f) r1 += r10'],
  [B.BPF_ALU32_IMM(B.BPF_ARSH, 2, 5), '(c4) w2 s>>= 5'],
  [B.BPF_ALU64_REG_OFF(B.BPF_DIV, 1, 2, 1), '(3f) r1 s/= r2'],
  [B.BPF_ALU32_IMM_OFF(B.BPF_MOD, 1, 3, 1), '(94) w1 s%= 3'],
  [B.BPF_MOVSX64_REG(1, 2, 8), '(bf) r1 = (s8)r2'],
  [B.BPF_MOVSX32_REG(1, 2, 16), '(bc) w1 = (s16)w2'],
  [B.BPF_NEG64_REG(4), '(87) r4 = -r4'],
  [B.BPF_ENDIAN(B.BPF_TO_BE, 1, 16), '(dc) r1 = be16 r1'],
  [B.BPF_BSWAP(1, 64), '(d7) r1 = bswap64 r1'],
  [B.BPF_LDX_MEM(B.BPF_DW, 6, 1, 8), '(79) r6 = *(u64 *)(r1 +8)'],
  [B.BPF_LDX_MEMSX(B.BPF_B, 6, 1, -8), '(91) r6 = *(s8 *)(r1 -8)'],
  [B.BPF_ST_MEM(B.BPF_W, 10, -4, 17), '(62) *(u32 *)(r10 -4) = 17'],
  [B.BPF_STX_MEM(B.BPF_H, 10, 1, -4), '(6b) *(u16 *)(r10 -4) = r1'],
  [B.BPF_STX_XADD(B.BPF_DW, 0, 1, 0), '(db) lock *(u64 *)(r0 +0) += r1'],
  [B.BPF_ATOMIC_OP(B.BPF_W, B.BPF_XOR | B.BPF_FETCH, 1, 2, 4), '(c3) r2 = atomic_fetch_xor((u32 *)(r1 +4), r2)'],
  [B.BPF_ATOMIC_OP(B.BPF_DW, B.BPF_XCHG, 1, 2, 4), '(db) r2 = atomic64_xchg((u64 *)(r1 +4), r2)'],
  [B.BPF_ATOMIC_OP(B.BPF_DW, B.BPF_CMPXCHG, 1, 2, 4), '(db) r0 = atomic64_cmpxchg((u64 *)(r1 +4), r0, r2)'],
  [B.BPF_ATOMIC_OP(B.BPF_B, B.BPF_LOAD_ACQ, 1, 2, 4), '(d3) r1 = load_acquire((u8 *)(r2 +4))'],
  [B.BPF_ATOMIC_OP(B.BPF_H, B.BPF_STORE_REL, 1, 2, 4), '(cb) store_release((u16 *)(r1 +4), r2)'],
  [B.BPF_LD_IMM64(1, 0xffffbeef00000001n), '(18) r1 = 0xffffbeef00000001'],
  [B.BPF_LD_MAP_FD(1, 3), '(18) r1 = map[id:3]'],
  [B.BPF_LD_MAP_VALUE(1, 3, 16), '(18) r1 = map[id:3][0]+16'],
  [B.BPF_LD_FUNC(2, 9), '(18) r2 = subprog[+9]'],
  [B.BPF_LD_ABS(B.BPF_H, 12), '(28) r0 = *(u16 *)skb[12]'],
  [B.BPF_LD_IND(B.BPF_B, 7, 2), '(50) r0 = *(u8 *)skb[r7 + 2]'],
  [B.BPF_JMP_A(-3), '(05) goto pc-3'],
  [B.BPF_JMP32_A(70000), '(06) gotol pc+70000'],
  [B.BPF_MAY_GOTO_INSN(2), '(e5) may_goto pc+2'],
  [B.BPF_JMP_IMM(B.BPF_JSGT, 1, -1, 2), '(65) if r1 s> 0xffffffff goto pc+2'],
  [B.BPF_JMP32_REG(B.BPF_JSET, 1, 2, 0), '(4e) if w1 & w2 goto pc+0'],
  [B.BPF_EMIT_CALL(1), '(85) call bpf_map_lookup_elem#1'],
  [B.BPF_EMIT_CALL(9999), '(85) call unknown#9999'],
  [B.BPF_CALL_REL(5), '(85) call pc+5'],
  [B.BPF_CALL_KFUNC(0, 77), '(85) call kernel-function#77'],
  [B.BPF_EXIT_INSN(), '(95) exit'],
];

const names = { helper: (id: number) => (id === 1 ? 'map_lookup_elem' : undefined) };

describe('disassembler', () => {
  it.each(KERNEL.map(([insn, text]) => ({ insn, text })))('$text', ({ insn, text }) => {
    expect(insnText(insn, names)).toBe(text);
  });

  it('numbers slots, as bpftool does', () => {
    const text = disassemble(encode([B.BPF_LD_IMM64(1, 5), B.BPF_MOV64_IMM(0, 0), B.BPF_EXIT_INSN()]));
    expect(text).toBe('   0: (18) r1 = 0x5\n   2: (b7) r0 = 0\n   3: (95) exit\n');
  });
});

describe('assembler', () => {
  it('reads back every form of the opcode table', () => {
    const program: Insn[] = FORMS.map((form) => {
      const src = form.src ?? (/\.k$|^st\.|neg$|^(le|be|bswap|ld_abs|ja$|gotol|exit|may_goto)/.test(form.name) ? 0 : 7);
      const bare = /^(call|exit|ja|gotol|may_goto|ld_)/.test(form.name);
      const imm = form.imm ?? (/\.k$|^st\.|^ld_|^call|^gotol/.test(form.name) ? 5 : 0);
      const off = form.off ?? (/^(ldx|ldsx|st|stx|atomic|jmp|jmp32)\.|^ja$|^may_goto/.test(form.name) ? -6 : 0);
      const insn = { opcode: form.opcode, dst: bare && form.opcode !== OP_LD_IMM64 ? 0 : 3, src, off, imm };
      const value = form.name === 'ld_imm64.imm' || form.name.endsWith('_value');
      return form.opcode === OP_LD_IMM64 ? { ...insn, immHi: value ? 9 : 0 } : insn;
    });
    const text = disassemble(encode(program), names);
    expect(disassemble(assemble(text), names)).toBe(text);
    expect(assembleInsns(text)).toEqual(program);
  });

  it('resolves labels, forwards and backwards, in slots', () => {
    const code = assembleInsns(`
      ; counts down from three
      start:  r1 = 3
      again:  r2 = 0x123456789 ll
              if r1 == 0 goto out
              r1 += -1
              goto again
      out:    r0 = r1
              call double
              exit
      double: r0 += r0   // r0 * 2
              exit`);
    expect(code.map((i) => [i.off, i.imm])).toEqual([
      [0, 3], [0, 0x23456789], [2, 0], [0, -1], [-5, 0], [0, 0], [0, 1], [0, 0], [0, 0], [0, 0],
    ]); // biome-ignore format: a table
  });

  it('names helpers when it may', () => {
    const helper = (name: string) => (name === 'get_prandom_u32' ? 7 : undefined);
    expect(assembleInsns('call bpf_get_prandom_u32', { helper })[0]!.imm).toBe(7);
    expect(() => assemble('call bpf_nothing()')).toThrow(/'bpf_nothing\(\)' is neither a helper nor a label/);
  });

  it('points at every wrong line', () => {
    expect(() => assemble('r0 = 0\nr1 += w2\ngoto nowhere\nr0 === 1\n(b7) r0 += 1\nr1 = *(u8 *)(r2 +40000)')).toThrow(
      expect.objectContaining({
        diagnostics: [
          expect.objectContaining({ message: 'r1 and w2 differ in width' }),
          expect.objectContaining({ message: "'r0 === 1' is no instruction" }),
          expect.objectContaining({ message: "'r0 += 1' is opcode 07, not b7" }),
          expect.objectContaining({ message: 'offset 40000 does not fit 16 bits' }),
          expect.objectContaining({ message: "label 'nowhere' is not defined" }),
        ],
      }),
    );
  });
});
