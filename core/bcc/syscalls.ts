/**
 * Names of system-call functions. Kernels since 4.17 wrap each call in `__x64_sys_NAME(const struct pt_regs *)`; older
 * ones had `sys_NAME`. BCC finds the prefix by looking for the function of bpf(2) itself.
 */

import type { Backend } from '../backend/backend.ts';
import { SYSCALLS } from '../progs/syscall-table.gen.ts';

/** Has the kernel a function of this name? */
export function hasFunction(backend: Backend, name: string): boolean {
  return backend.hasFunction?.(name) ?? backend.ksymAddress(name) !== undefined;
}

/** BCC's order of prefixes to try (all architectures that it knows). */
const SYSCALL_PREFIXES = [
  'sys_',
  '__x64_sys_',
  '__x32_compat_sys_',
  '__ia32_compat_sys_',
  '__arm64_sys_',
  '__s390x_sys_',
  '__s390_sys_',
  '__riscv_sys_',
] as const;

/** The prefix of this kernel: the first whose `PREFIXbpf` is a symbol; `sys_` when none is. */
export function syscallPrefix(hasSymbol: (name: string) => boolean): string {
  return SYSCALL_PREFIXES.find((prefix) => hasSymbol(`${prefix}bpf`)) ?? SYSCALL_PREFIXES[0];
}

/** BCC's fix_syscall_fnname: a name with any known prefix gets this kernel's; other names stay. */
export function fixSyscallName(name: string, hasSymbol: (name: string) => boolean): string {
  const prefix = SYSCALL_PREFIXES.find((p) => name.startsWith(p));
  return prefix ? syscallPrefix(hasSymbol) + name.slice(prefix.length) : name;
}

/** Names of the system calls of x86-64 by number. */
export const syscallNames: ReadonlyMap<number, string> = new Map(SYSCALLS.map((row) => [row.nr, row.name]));

/** Name of a system call; `[unknown: 999]` for a number that is none. */
export function syscallName(number: number): string {
  return syscallNames.get(number) ?? `[unknown: ${number}]`;
}
