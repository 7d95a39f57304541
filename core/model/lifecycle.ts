/**
 * Birth, exec and death of tasks: what the kernel passes through at the source's fork, exec and task_exit events. These come whatever
 * is hooked, so hooks here need no system call of interest.
 */
import { utf8Encode } from '../base/bytes.ts';
import { kernelAddress } from '../base/memory.ts';
import type { ModelKernel } from './kernel.ts';
import type { TaskEvent } from './source.ts';
import { Call } from './syscalls/call.ts';
import { releaseSocket } from './syscalls/file.ts';
import { syscallByName } from './syscalls/index.ts';
import { binaryParameters, cloneFlags } from './syscalls/process.ts';
import { DEFAULT_PRIO, type Task } from './task.ts';

/** Functions and tracepoints (`system:event`) that these events pass. */
export const LIFECYCLE = [
  'task:task_newtask',
  'sched:sched_process_fork',
  'wake_up_new_task',
  'sched:sched_wakeup_new',
  'begin_new_exec',
  'sched:sched_process_exec',
  'do_exit',
  'sched:sched_process_exit',
] as const;

/** Functions that are entered and never left: a return probe can be attached, as on Linux, and never fires. */
export const NEVER_RETURN: readonly string[] = ['do_exit', 'do_group_exit'];

/** What the death of a socket's last owner passes, and the calls that must be seen for the socket to be known then. */
export const SOCKETS_AT_EXIT = {
  passes: ['sock_close', '__sock_release', 'inet_release', 'tcp_close', 'tcp_set_state', 'sock:inet_sock_set_state'],
  seen: ['socket', 'accept', 'accept4'],
} as const;

const CLONE_THREAD_FLAGS = 0x10000n;

type EventOf<T extends TaskEvent['type']> = Extract<TaskEvent, { type: T }>;

/** The end of copy_process, and what kernel_clone does with the new task. */
export function onFork(kernel: ModelKernel, parent: Task, event: EventOf<'fork'>): void {
  const { tasks } = kernel;
  const child = tasks.fork(parent, event.child, event.childTgid);
  if (child.tgid !== parent.tgid) kernel.sockets.inherit(parent.tgid, child.tgid);
  const call = parent.call;
  const flags = () => (call ? cloneFlags(call).flags : child.tgid === child.tid ? 0n : CLONE_THREAD_FLAGS);
  kernel.tracepoint('task:task_newtask', () => ({
    fields: { pid: child.tid, comm: child.comm, clone_flags: flags(), oom_score_adj: 0 },
    raw: [tasks.address(child), flags()],
  }));
  if (call?.top === 'copy_process') call.leave(() => tasks.address(child));
  kernel.tracepoint('sched:sched_process_fork', () => ({
    fields: { parent_comm: parent.comm, parent_pid: parent.tid, child_comm: child.comm, child_pid: child.tid },
    raw: [tasks.address(parent), tasks.address(child)],
  }));
  kernel.enterFunction(parent, 'wake_up_new_task', () => [tasks.address(child)]);
  kernel.tracepoint('sched:sched_wakeup_new', () => ({
    fields: { comm: child.comm, pid: child.tid, prio: DEFAULT_PRIO, target_cpu: kernel.cpu },
    raw: [tasks.address(child)],
  }));
  kernel.leaveFunction(parent, 0);
  if (!call) return;
  // The child comes back from the same call, with 0 (ret_from_fork): it passes the tracepoints, but no function.
  kernel.current = child;
  kernel.passExit(call.row.nr, call.args, 0n);
  kernel.current = parent;
}

/** begin_new_exec, and the end of exec_binprm. The comm is the new one from here on. */
export function onExec(kernel: ModelKernel, event: EventOf<'exec'>): void {
  const { tasks } = kernel;
  const former = tasks.get(event.formerTid);
  const task = event.formerTid === event.tid ? former : tasks.rename(former, event.tid);
  // The other threads are killed by begin_new_exec (de_thread); the source need not say so.
  for (const other of [...tasks.all()])
    if (other !== task && other.tgid === task.tgid && other.traced) endTask(kernel, other, 0, false);
  kernel.current = task;
  const bprm = execParameters(kernel, task, event.filename);
  kernel.enterFunction(task, 'begin_new_exec', () => [bprm()]);
  kernel.leaveFunction(task, 0);
  task.comm = event.comm;
  task.forkedNoExec = false;
  tasks.changed(task);
  kernel.tracepoint('sched:sched_process_exec', () => ({
    fields: { filename: event.filename, pid: task.tid, old_pid: event.formerTid },
    raw: [tasks.address(task), event.formerTid, bprm()],
  }));
}

/** struct linux_binprm for an exec: owned by the execve call under way, or by the kernel until the next exec. */
function execParameters(kernel: ModelKernel, task: Task, filename: string): () => bigint {
  const owner = task.call ?? kernel.scratchCall(task);
  return binaryParameters(owner, () => {
    const at = owner.structure('filename', 64);
    const bytes = utf8Encode(filename);
    const text = owner.own(bytes.length + 1);
    kernel.memory.u8.set(bytes, text);
    kernel.objects.point('filename', at, 'name', text);
    return kernelAddress(at);
  });
}

/** do_exit. A call that the task was killed inside of returns first: its functions do, as they do in a kernel. */
export function onTaskExit(kernel: ModelKernel, task: Task, status: number): void {
  endTask(kernel, task, status, true);
}

function endTask(kernel: ModelKernel, task: Task, status: number, last: boolean): void {
  const { tasks } = kernel;
  kernel.current = task;
  kernel.abortCall(task);
  task.exiting = true;
  task.exitCode = status;
  tasks.changed(task);
  kernel.enterFunction(task, 'do_exit', () => [status]);
  const alone = ![...tasks.all()].some((t) => t !== task && t.tgid === task.tgid && t.traced && !t.exiting);
  if (alone && last) closeSockets(kernel, task);
  kernel.tracepoint('sched:sched_process_exit', () => ({
    fields: { comm: task.comm, pid: task.tid, prio: DEFAULT_PRIO },
    raw: [tasks.address(task)],
  }));
  task.frames = [];
  task.call?.finish();
  if (alone && last) {
    kernel.sockets.forget(task.tgid);
    kernel.files.closeAll(task.tgid);
  }
  tasks.remove(task);
}

/** exit_files: sockets that nobody else holds are closed. Only those that the model met are known. */
function closeSockets(kernel: ModelKernel, task: Task): void {
  const owned = kernel.sockets.ownedBy(task.tgid);
  if (owned.length === 0) return;
  const call = new Call(kernel, task, syscallByName('close')!, []);
  for (const socket of owned)
    releaseSocket(
      call,
      socket,
      () => 0n,
      () => 0n,
    );
  call.finish();
}
