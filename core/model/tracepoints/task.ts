/** Tracepoints of task creation: include/trace/events/task.h of Linux 6.1. */
import type { TracepointRow } from './format.ts';

export const TASK = [
  {
    system: 'task',
    name: 'task_newtask',
    fields: [
      { decl: 'pid_t pid' },
      { decl: 'char comm[16]' },
      { decl: 'unsigned long clone_flags' },
      { decl: 'short oom_score_adj' },
    ],
    print:
      '"pid=%d comm=%s clone_flags=%lx oom_score_adj=%hd", REC->pid, REC->comm, REC->clone_flags, REC->oom_score_adj',
    raw: ['struct task_struct *task', 'unsigned long clone_flags'],
  },
  {
    system: 'task',
    name: 'task_rename',
    fields: [
      { decl: 'pid_t pid' },
      { decl: 'char oldcomm[16]' },
      { decl: 'char newcomm[16]' },
      { decl: 'short oom_score_adj' },
    ],
    print: '"pid=%d oldcomm=%s newcomm=%s oom_score_adj=%hd", REC->pid, REC->oldcomm, REC->newcomm, REC->oom_score_adj',
    raw: ['struct task_struct *task', 'const char *comm'],
  },
] as const satisfies readonly TracepointRow[];
