/** Tracepoints of the scheduler that processes pass: include/trace/events/sched.h of Linux 6.1. */
import type { TracepointRow } from './format.ts';

/** TASK_REPORT_MAX as the kernel's macros spell it, and the letters of the states below it. */
const STATES = [0, 1, 2, 4, 8, 0x10, 0x20, 0x40].map((bit) => `0x${bit.toString(16).padStart(8, '0')}`);
const REPORT_MAX = `(((${STATES.join(' | ')}) + 1) << 1)`;
const STATE_LETTERS = [...'SDTtXZPI']
  .map((letter, i) => `{ 0x${(1 << i).toString(16).padStart(8, '0')}, "${letter}" }`)
  .join(', ');

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
  ...(['sched_waking', 'sched_wakeup'] as const).map((name) => ({
    system: 'sched',
    name,
    fields: [{ decl: 'char comm[16]' }, { decl: 'pid_t pid' }, { decl: 'int prio' }, { decl: 'int target_cpu' }],
    print: '"comm=%s pid=%d prio=%d target_cpu=%03d", REC->comm, REC->pid, REC->prio, REC->target_cpu',
    raw: ['struct task_struct *p'],
  })),
  {
    system: 'sched',
    name: 'sched_switch',
    fields: [
      { decl: 'char prev_comm[16]' },
      { decl: 'pid_t prev_pid' },
      { decl: 'int prev_prio' },
      { decl: 'long prev_state' },
      { decl: 'char next_comm[16]' },
      { decl: 'pid_t next_pid' },
      { decl: 'int next_prio' },
    ],
    print:
      '"prev_comm=%s prev_pid=%d prev_prio=%d prev_state=%s%s ==> next_comm=%s next_pid=%d next_prio=%d", ' +
      `REC->prev_comm, REC->prev_pid, REC->prev_prio, (REC->prev_state & (${REPORT_MAX} - 1)) ? ` +
      `__print_flags(REC->prev_state & (${REPORT_MAX} - 1), "|", ${STATE_LETTERS}) : "R", ` +
      `REC->prev_state & ${REPORT_MAX} ? "+" : "", REC->next_comm, REC->next_pid, REC->next_prio`,
    raw: ['bool preempt', 'struct task_struct *prev', 'struct task_struct *next', 'unsigned int prev_state'],
  },
] as const satisfies readonly TracepointRow[];
