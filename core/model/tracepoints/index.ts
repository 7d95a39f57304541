/**
 * THE TRACEPOINT TABLE of the model kernel. Ids are what `common_type` and the format files show; they follow from the order here.
 */
import { BLOCK } from './block.ts';
import type { TracepointRow } from './format.ts';
import { SCHED } from './sched.ts';
import { SIGNAL } from './signal.ts';
import { SOCK } from './sock.ts';
import { RAW_SYSCALLS, SYSCALL_EVENTS } from './syscalls.ts';
import { TASK } from './task.ts';

export const TRACEPOINTS: readonly TracepointRow[] = [
  ...TASK,
  ...SIGNAL,
  ...SCHED,
  ...RAW_SYSCALLS,
  ...SOCK,
  ...BLOCK,
  ...SYSCALL_EVENTS,
];

/** Ids below this belong to the ftrace entries of the kernel itself. */
const FIRST_ID = 21;

const byName = new Map(TRACEPOINTS.map((row, i) => [`${row.system}:${row.name}`, { row, id: FIRST_ID + i }]));

/** Row and id of `system:name`, or undefined. */
export function tracepointByName(name: string): { readonly row: TracepointRow; readonly id: number } | undefined {
  return byName.get(name);
}

/** All names, `system:name`. */
export function tracepointNames(): Iterable<string> {
  return byName.keys();
}

/** `system:name` of a raw tracepoint's bare name: those of system calls exist only as sys_enter and sys_exit. */
export function rawTracepointByName(name: string): string | undefined {
  const row = TRACEPOINTS.find((r) => r.name === name && r.system !== 'syscalls');
  return row && `${row.system}:${row.name}`;
}
