/**
 * struct pt_regs of x86-64 (arch/x86/include/asm/ptrace.h): the ctx of kprobes and uprobes, and what PT_REGS_* macros
 * read. skep's model is x86-64 on every host (decision: one architecture), so these offsets are facts of skep too.
 */

/** Bytes in struct pt_regs. */
export const PT_REGS_SIZE = 168;

/** Byte offset of each register, in memory order; each is 8 bytes. */
export const PT_REGS = {
  r15: 0,
  r14: 8,
  r13: 16,
  r12: 24,
  bp: 32,
  bx: 40,
  r11: 48,
  r10: 56,
  r9: 64,
  r8: 72,
  ax: 80,
  cx: 88,
  dx: 96,
  si: 104,
  di: 112,
  orig_ax: 120,
  ip: 128,
  cs: 136,
  flags: 144,
  sp: 152,
  ss: 160,
} as const;
export type PtReg = keyof typeof PT_REGS;

/** Registers of a C function's first six integer arguments (System V ABI): PT_REGS_PARM1..6, BCC's kprobe arguments. */
export const FUNCTION_ARGS = ['di', 'si', 'dx', 'cx', 'r8', 'r9'] as const satisfies readonly PtReg[];

/** Registers of a system call's six arguments: the fourth travels in r10, since `syscall` destroys rcx. */
export const SYSCALL_ARGS = ['di', 'si', 'dx', 'r10', 'r8', 'r9'] as const satisfies readonly PtReg[];

/** What the PT_REGS_* macros without a number read: return value, instruction pointer, stack and frame pointers. */
export const PT_REGS_MACROS = {
  RC: 'ax',
  IP: 'ip',
  SP: 'sp',
  FP: 'bp',
  /** On x86 the return address is on the stack: PT_REGS_RET is the stack pointer, to be read through. */
  RET: 'sp',
} as const satisfies Record<string, PtReg>;
