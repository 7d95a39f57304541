/** Tracepoints of signals: include/trace/events/signal.h. */
import type { TracepointRow } from './format.ts';

export const SIGNAL = [
  {
    system: 'signal',
    name: 'signal_generate',
    fields: [
      { decl: 'int sig' },
      { decl: 'int errno' },
      { decl: 'int code' },
      { decl: 'char comm[16]' },
      { decl: 'pid_t pid' },
      { decl: 'int group' },
      { decl: 'int result' },
    ],
    print:
      '"sig=%d errno=%d code=%d comm=%s pid=%d grp=%d res=%d", REC->sig, REC->errno, REC->code, REC->comm, REC->pid, REC->group, REC->result',
    raw: ['int sig', 'struct kernel_siginfo *info', 'struct task_struct *task', 'int group', 'int result'],
  },
] as const satisfies readonly TracepointRow[];
