/** Tracepoints of the scheduler that processes pass: include/trace/events/sched.h of Linux 6.1. */
import type { TracepointRow } from './format.ts';

export const SCHED = [
  {
    system: 'sched',
    name: 'sched_process_fork',
    fields: [
      { decl: 'char parent_comm[16]' },
      { decl: 'pid_t parent_pid' },
      { decl: 'char child_comm[16]' },
      { decl: 'pid_t child_pid' },
    ],
    print:
      '"comm=%s pid=%d child_comm=%s child_pid=%d", REC->parent_comm, REC->parent_pid, REC->child_comm, REC->child_pid',
    raw: ['struct task_struct *parent', 'struct task_struct *child'],
  },
  {
    system: 'sched',
    name: 'sched_process_exec',
    fields: [{ decl: '__data_loc char[] filename' }, { decl: 'pid_t pid' }, { decl: 'pid_t old_pid' }],
    print: '"filename=%s pid=%d old_pid=%d", __get_str(filename), REC->pid, REC->old_pid',
    raw: ['struct task_struct *p', 'pid_t old_pid', 'struct linux_binprm *bprm'],
  },
  {
    system: 'sched',
    name: 'sched_process_exit',
    fields: [{ decl: 'char comm[16]' }, { decl: 'pid_t pid' }, { decl: 'int prio' }],
    print: '"comm=%s pid=%d prio=%d", REC->comm, REC->pid, REC->prio',
    raw: ['struct task_struct *p'],
  },
  {
    system: 'sched',
    name: 'sched_wakeup_new',
    fields: [{ decl: 'char comm[16]' }, { decl: 'pid_t pid' }, { decl: 'int prio' }, { decl: 'int target_cpu' }],
    print: '"comm=%s pid=%d prio=%d target_cpu=%03d", REC->comm, REC->pid, REC->prio, REC->target_cpu',
    raw: ['struct task_struct *p'],
  },
] as const satisfies readonly TracepointRow[];
