/**
 * The conformance cases, made from the opcode table: each form with corner operands. Programs read their operands from
 * ctx memory and write every result back, so one program covers many operands and a wrong half of a register shows.
 */
import * as B from '../../../core/isa/builders.ts';
import { FORMS, type Form } from '../../../core/isa/forms.ts';
import type { Insn } from '../../../core/isa/insn.ts';
import type { Case } from './case.ts';

export const CORNERS: readonly bigint[] = [
  0n, 1n, 2n, 7n, 31n, 32n, 33n, 63n, 64n, 0x7fn, 0x80n, 0xffn, 0x7fffn, 0x8000n, 0xffffn, 0x10001n,
  0x7fffffffn, 0x80000000n, 0xffffffffn, 0x100000000n, 0x100000001n, 0xffffffff00000000n, 0x123456789abcdef0n,
  0x7fffffffffffffffn, 0x8000000000000000n, 0x8000000000000001n, 0xfffffffffffffffen, 0xffffffffffffffffn,
  0xdeadbeefcafebaben, 0x0000000080000001n, 0xffffffff80000000n, 0x20000000000001n, 0xfffffffffffff801n,
]; // biome-ignore format: a table

const IMMS: readonly number[] = [
  0, 1, -1, 2, 3, 7, 10, 16, 31, 32, 33, 63, 64, 100, 255, 4096, 0x7fffffff, -0x80000000, -2, -65536, 0x12345678,
];

function words(...values: bigint[]): Uint8Array {
  const bytes = new Uint8Array(values.length * 8);
  const view = new DataView(bytes.buffer);
  for (const [i, v] of values.entries()) view.setBigUint64(8 * i, BigInt.asUintN(64, v), true);
  return bytes;
}

const PAIRS: readonly Uint8Array[] = CORNERS.flatMap((a) => CORNERS.map((b) => words(a, b, 0n)));
const SINGLES: readonly Uint8Array[] = CORNERS.map((a) => new Uint8Array([...words(a), ...new Uint8Array(8 * 40)]));

/** r3 = [ctx], r4 = [ctx + 8], the operation, [ctx + 16] = r3. */
function binary(form: Form): Case {
  const code: Insn[] = [
    B.BPF_LDX_MEM(B.BPF_DW, 3, 1, 0),
    B.BPF_LDX_MEM(B.BPF_DW, 4, 1, 8),
    B.BPF_RAW_INSN(form.opcode, 3, 4, form.off ?? 0, 0),
    B.BPF_STX_MEM(B.BPF_DW, 1, 3, 16),
    B.BPF_MOV64_REG(0, 3),
    B.BPF_EXIT_INSN(),
  ];
  return { name: form.name, code, inputs: PAIRS };
}

/** For every immediate: r3 = [ctx], the operation, [ctx + 8 + 8k] = r3. */
function immediate(form: Form, imms: readonly number[]): Case {
  const code: Insn[] = [];
  imms.forEach((imm, k) => {
    code.push(
      B.BPF_LDX_MEM(B.BPF_DW, 3, 1, 0),
      B.BPF_RAW_INSN(form.opcode, 3, 0, form.off ?? 0, imm),
      B.BPF_STX_MEM(B.BPF_DW, 1, 3, 8 + 8 * k),
    );
  });
  code.push(B.BPF_MOV64_REG(0, 3), B.BPF_EXIT_INSN());
  return { name: form.name, code, inputs: SINGLES };
}

/** dst and src the same register. */
function same(form: Form): Case {
  const code = [
    B.BPF_LDX_MEM(B.BPF_DW, 3, 1, 0),
    B.BPF_RAW_INSN(form.opcode, 3, 3, form.off ?? 0, 0),
    B.BPF_MOV64_REG(0, 3),
    B.BPF_EXIT_INSN(),
  ];
  return { name: `${form.name} with itself`, code, inputs: SINGLES };
}

function jumpReg(form: Form): Case {
  const code = [
    B.BPF_LDX_MEM(B.BPF_DW, 3, 1, 0),
    B.BPF_LDX_MEM(B.BPF_DW, 4, 1, 8),
    B.BPF_MOV64_IMM(0, 1),
    B.BPF_RAW_INSN(form.opcode, 3, 4, 1, 0),
    B.BPF_MOV64_IMM(0, 2),
    B.BPF_EXIT_INSN(),
  ];
  return { name: form.name, code, inputs: PAIRS };
}

/** Bit k of r0 says whether the jump with immediate k was taken. */
function jumpImm(form: Form): Case {
  const code: Insn[] = [B.BPF_LDX_MEM(B.BPF_DW, 3, 1, 0), B.BPF_MOV64_IMM(0, 0)];
  IMMS.forEach((imm, k) => {
    code.push(B.BPF_RAW_INSN(form.opcode, 3, 0, 1, imm), B.BPF_ALU64_IMM(B.BPF_OR, 0, 1 << k));
  });
  code.push(B.BPF_EXIT_INSN());
  return { name: form.name, code, inputs: SINGLES };
}

/** Loads and stores at aligned and unaligned places, positive and negative offsets. */
function access(form: Form): Case[] {
  const places = [0, 1, 2, 3, 4, 7, 8, 13];
  const code: Insn[] = [
    B.BPF_MOV64_IMM(0, 0),
    B.BPF_MOV64_REG(6, 1),
    B.BPF_ALU64_IMM(B.BPF_ADD, 6, 64),
    B.BPF_LDX_MEM(B.BPF_DW, 7, 1, 0),
  ];
  const load = form.name.startsWith('ld') || form.name.endsWith('load_acq');
  const raw = (dst: number, src: number, off: number, imm: number) =>
    B.BPF_RAW_INSN(form.opcode, dst, src, off, form.imm ?? imm);
  places.forEach((place, k) => {
    for (const off of [place, place - 32]) {
      if (load) {
        code.push(raw(3, 6, off, 0), B.BPF_STX_MEM(B.BPF_DW, 1, 3, 128 + 8 * k), B.BPF_ALU64_REG(B.BPF_ADD, 0, 3));
      } else code.push(form.name.startsWith('st.') ? raw(6, 0, off, -0x12345679 - k) : raw(6, 7, off, 0));
    }
  });
  code.push(B.BPF_EXIT_INSN());
  const pattern = (seed: number) =>
    Uint8Array.from({ length: 256 }, (_, i) => (i * 37 + seed * 91 + (i >> 3) * 129) & 255);
  return [{ name: form.name, code, inputs: [pattern(0), pattern(1), new Uint8Array(256).fill(255)] }];
}

/**
 * Value [ctx + 16] on the stack (the kernel allows no atomics on ctx), operand r3 = [ctx], r0 = [ctx + 8]; everything is
 * written back.
 */
function atomic(form: Form): Case {
  const code = [
    B.BPF_LDX_MEM(B.BPF_DW, 3, 1, 16),
    B.BPF_STX_MEM(B.BPF_DW, 10, 3, -8),
    B.BPF_LDX_MEM(B.BPF_DW, 3, 1, 0),
    B.BPF_LDX_MEM(B.BPF_DW, 0, 1, 8),
    B.BPF_RAW_INSN(form.opcode, 10, 3, -8, form.imm!),
    B.BPF_STX_MEM(B.BPF_DW, 1, 3, 24),
    B.BPF_STX_MEM(B.BPF_DW, 1, 0, 32),
    B.BPF_LDX_MEM(B.BPF_DW, 3, 10, -8),
    B.BPF_STX_MEM(B.BPF_DW, 1, 3, 16),
    B.BPF_EXIT_INSN(),
  ];
  const few = CORNERS.filter((_, i) => i % 3 === 1);
  const inputs = few.flatMap((a) => few.flatMap((b) => [words(a, b, b, 0n, 0n), words(a, b, a ^ b, 0n, 0n)]));
  return { name: form.name, code, inputs };
}

/** Forms whose behaviour is more than operands: written by hand in control.ts. */
const BY_HAND = /^(ja|gotol|may_goto|exit|call\.|ld_imm64\.|ld_abs|ld_ind)/;

export function tableCases(): Case[] {
  return FORMS.flatMap((form): Case[] => {
    const { name } = form;
    if (BY_HAND.test(name)) return [];
    if (/^(le|be|bswap)/.test(name)) return [immediate(form, [form.imm!])];
    if (name.endsWith('.neg')) return [immediate(form, [0])];
    if (name.startsWith('alu')) return name.endsWith('.k') ? [immediate(form, IMMS)] : [binary(form), same(form)];
    if (name.startsWith('jmp')) return [name.endsWith('.k') ? jumpImm(form) : jumpReg(form)];
    if (/load_acq|store_rel/.test(name) || /^(ldx|ldsx|st|stx)\./.test(name)) return access(form);
    if (name.startsWith('atomic')) return [atomic(form)];
    throw new Error(`no case is made for form ${name}`);
  });
}
