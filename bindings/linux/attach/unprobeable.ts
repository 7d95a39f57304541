/**
 * Instructions that Linux lets a uprobe be put on and then runs wrongly. On x86-64 it acts jumps out itself, and knows them by one byte
 * (branch_setup_xol_ops in arch/x86/kernel/uprobes.c); it does not see that the byte of an AVX or AVX-512 instruction means something else: `vpor`
 * (C5 F9 EB) is taken for `jmp`, `vmovdqa` to memory (C5 F9 7F) for `jg`. The traced program then computes nonsense, in silence (measured on 6.18).
 */

/** Prefixes of AVX instructions -> where their opcode is (Intel's manual, volume 2A, 2.3 and 2.7). */
const OPCODE_AT: Readonly<Record<number, number>> = { 197: 2, 196: 3, 98: 4 };
/** Longest instruction start that has to be looked at. */
export const BYTES_TO_LOOK_AT = 5;

/** Would the kernel take this instruction for another? `code` is what lies at the probe. */
export function isMisread(code: Uint8Array, arch: string = process.arch): boolean {
  if (arch !== 'x64') return false;
  const opcode = code[OPCODE_AT[code[0]!] ?? BYTES_TO_LOOK_AT];
  if (opcode === undefined) return false;
  return (opcode >= 0x70 && opcode <= 0x7f) || [0x90, 0xe8, 0xe9, 0xeb].includes(opcode);
}
