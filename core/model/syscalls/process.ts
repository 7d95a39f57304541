/**
 * fork and its kin, execve, exit, kill, and the calls that change who a task is: kernel/fork.c, fs/exec.c, kernel/exit.c, kernel/signal.c.
 *
 * These calls have events of their own in the middle (`fork`, `exec`, `task_exit` of the source): what happens then is in lifecycle.ts.
 */
import { kernelAddress } from '../../base/memory.ts';
import type { Call } from './call.ts';
import { filenameOf } from './file.ts';
import { behaviour } from './row.ts';

const CLONE_VFORK = 0x4000n;
const CLONE_VM = 0x100n;
const CSIGNAL = 0xffn;
const SIGCHLD = 17n;
/** struct clone_args of clone3: flags, ..., exit_signal at 32, stack at 40. */
const CLONE_ARGS_LEAST = 64;

interface CloneFlags {
  readonly flags: bigint;
  readonly exitSignal: bigint;
}

/** The flags of whatever call makes a task; lifecycle.ts asks for them at the fork event. */
export function cloneFlags(call: Call): CloneFlags {
  switch (call.row.name) {
    case 'fork':
      return { flags: 0n, exitSignal: SIGCHLD };
    case 'vfork':
      return { flags: CLONE_VFORK | CLONE_VM, exitSignal: SIGCHLD };
    case 'clone3': {
      const bytes = call.u64(1) >= BigInt(CLONE_ARGS_LEAST) ? call.read(call.u64(0), CLONE_ARGS_LEAST) : undefined;
      if (!bytes) return { flags: 0n, exitSignal: 0n };
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      return { flags: view.getBigUint64(0, true), exitSignal: view.getBigUint64(32, true) };
    }
    default:
      return { flags: call.u64(0) & 0xffffffffn & ~CSIGNAL, exitSignal: call.u64(0) & CSIGNAL };
  }
}

const cloning = behaviour({
  early: ['kernel_clone', 'copy_process'],
  *run(call) {
    const { objects } = call.kernel;
    let at: number | undefined;
    const args = () => {
      if (at === undefined) {
        at = call.structure('kernel_clone_args', 128);
        const { flags, exitSignal } = cloneFlags(call);
        objects.set('kernel_clone_args', at, 'flags', flags);
        objects.set('kernel_clone_args', at, 'exit_signal', exitSignal);
      }
      return kernelAddress(at);
    };
    call.enter('kernel_clone', () => [args()]);
    call.enter('copy_process', () => [0, 0, -1, args()]);
    const ret = yield;
    // A fork that worked has left copy_process at its fork event already.
    if (call.top === 'copy_process') call.leave(ret);
    call.leave(ret);
  },
});

export const clone = cloning;
export const fork = cloning;
export const vfork = cloning;
export const clone3 = cloning;

/** execve and execveat: the name is argument `name`. */
function executing(fd: (call: Call) => number, name: number, flags: (call: Call) => number) {
  return behaviour({
    early: ['do_execveat_common', 'bprm_execve'],
    *run(call) {
      const filename = filenameOf(call, call.u64(name));
      call.enter('do_execveat_common', () => [
        fd(call),
        filename(),
        call.u64(name + 1),
        call.u64(name + 2),
        flags(call),
      ]);
      const bprm = binaryParameters(call, filename);
      call.enter('bprm_execve', () => [bprm(), fd(call), filename(), flags(call)]);
      const ret = yield;
      call.leave(ret);
      call.leave(ret);
    },
  });
}

/** struct linux_binprm of an exec under way: filename and interp point to the copied name. */
export function binaryParameters(call: Call, filename: () => bigint): () => bigint {
  let at: number | undefined;
  return () => {
    if (at === undefined) {
      const { objects } = call.kernel;
      at = call.structure('linux_binprm', 512);
      const nameAt = Number(filename() - kernelAddress(0));
      const text = objects.find('filename', 'name') ? objects.get('filename', nameAt, 'name') : 0n;
      objects.set('linux_binprm', at, 'filename', text);
      objects.set('linux_binprm', at, 'interp', text);
    }
    return kernelAddress(at);
  };
}

const AT_FDCWD = -100;

export const execve = executing(
  () => AT_FDCWD,
  0,
  () => 0,
);
export const execveat = executing(
  (call) => call.int(0),
  1,
  (call) => call.int(4),
);

/** exit and exit_group never return: what they enter stays entered until the task is gone. */
export const exit_group = behaviour({
  early: ['do_group_exit'],
  *run(call) {
    call.enter('do_group_exit', () => [(call.int(0) & 0xff) << 8]);
    yield;
  },
});

export const kill = behaviour({
  early: ['kill_something_info'],
  late: ['signal:signal_generate'],
  *run(call) {
    const { kernel, task } = call;
    const [pid, signal] = [call.int(0), call.int(1)];
    call.enter('kill_something_info', () => [signal, 0, pid]);
    const ret = yield;
    // One receiver, named: kill(2) to a group or to everybody is not followed.
    if (ret === 0 && signal !== 0 && pid > 0) {
      call.tracepoint('signal:signal_generate', () => {
        const target = kernel.tasks.get(pid);
        const fields = { sig: signal, errno: 0, code: 0, comm: target.comm, pid, group: 1, result: 0 };
        return {
          fields,
          raw: [signal, 0, target === task ? kernel.tasks.address(task) : kernel.tasks.address(target), 1, 0],
        };
      });
    }
    call.leave(ret);
  },
});

/** Calls after which a task is somebody else: its facts are asked again. */
const identity = behaviour({
  always: true,
  *run(call) {
    const ret = yield;
    if (ret >= 0) call.kernel.tasks.refresh(call.task);
  },
});

const PR_SET_NAME = 15;

/** prctl(PR_SET_NAME) renames the task: tracepoint task:task_rename. */
export const prctl = behaviour({
  always: true,
  late: ['task:task_rename'],
  *run(call) {
    const ret = yield;
    if (ret !== 0 || call.int(0) !== PR_SET_NAME) return;
    const { kernel, task } = call;
    const before = task.comm;
    kernel.tasks.refresh(task);
    call.tracepoint('task:task_rename', () => ({
      fields: { pid: task.tid, oldcomm: before, newcomm: task.comm, oom_score_adj: 0 },
      raw: [kernel.tasks.address(task), 0],
    }));
  },
});

export const chdir = identity;
export const fchdir = identity;
export const setuid = identity;
export const setgid = identity;
export const setreuid = identity;
export const setregid = identity;
export const setresuid = identity;
export const setresgid = identity;
