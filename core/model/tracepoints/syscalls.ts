/**
 * Tracepoints of system calls: raw_syscalls:sys_enter and sys_exit, and a pair sys_enter_NAME, sys_exit_NAME for each row of the
 * table of system calls. Formats: kernel/trace/trace_syscalls.c; every argument stands in an 8-byte slot.
 */
import { SYSCALLS } from '../syscalls/index.ts';
import type { SyscallRow } from '../syscalls/row.ts';
import type { TracepointRow } from './format.ts';

export const RAW_SYSCALLS = [
  {
    system: 'raw_syscalls',
    name: 'sys_enter',
    fields: [{ decl: 'long id' }, { decl: 'unsigned long args[6]' }],
    print:
      '"NR %ld (%lx, %lx, %lx, %lx, %lx, %lx)", REC->id, REC->args[0], REC->args[1], REC->args[2], REC->args[3], REC->args[4], REC->args[5]',
    raw: ['struct pt_regs *regs', 'long id'],
  },
  {
    system: 'raw_syscalls',
    name: 'sys_exit',
    fields: [{ decl: 'long id' }, { decl: 'long ret' }],
    print: '"NR %ld = %ld", REC->id, REC->ret',
    raw: ['struct pt_regs *regs', 'long ret'],
  },
] as const satisfies readonly TracepointRow[];

function enterRow(call: SyscallRow): TracepointRow {
  const names = call.args.map((a) => `${a.name}: 0x%08lx`).join(', ');
  const values = call.args.map((a) => `, ((unsigned long)(REC->${a.name}))`).join('');
  return {
    system: 'syscalls',
    name: `sys_enter_${call.symbol}`,
    fields: [{ decl: 'int __syscall_nr' }, ...call.args.map((a) => ({ decl: `${a.type} ${a.name}`, slot: 8 }))],
    print: `"${names}"${values}`,
    raw: ['struct pt_regs *regs', 'long id'],
  };
}

function exitRow(call: SyscallRow): TracepointRow {
  return {
    system: 'syscalls',
    name: `sys_exit_${call.symbol}`,
    fields: [{ decl: 'int __syscall_nr' }, { decl: 'long ret' }],
    print: '"0x%lx", REC->ret',
    raw: ['struct pt_regs *regs', 'long ret'],
  };
}

/** One pair for each system call. */
export const SYSCALL_EVENTS: readonly TracepointRow[] = SYSCALLS.flatMap((call) => [exitRow(call), enterRow(call)]);
