/**
 * Tasks: what the model knows of each thread, and its struct task_struct in the linear memory (made when somebody asks).
 *
 * Facts come from the source once, when a task is first seen, and are then kept true by events: fork, exec, exit, and the calls
 * that change an identity (setuid, prctl). A parent that is not traced gets a task too, so that `real_parent` can be followed.
 */

import { utf8Encode } from '../base/bytes.ts';
import { kernelAddress } from '../base/memory.ts';
import type { Arg } from './hooks.ts';
import type { Namespaces } from './namespaces.ts';
import type { KernelObjects } from './objects.ts';
import type { TaskFacts, TaskView } from './source.ts';
import type { Call } from './syscalls/call.ts';

/** A kernel function that a task is inside of. */
export interface Frame {
  readonly name: string;
  readonly args: () => readonly Arg[];
}

/** PF_KTHREAD and friends, include/linux/sched.h. */
const PF_EXITING = 0x4;
const PF_FORKNOEXEC = 0x40;
/** Priority of a task with nice 0. */
export const DEFAULT_PRIO = 120;
/** Longest comm, without the NUL (TASK_COMM_LEN 16). */
const COMM_MOST = 15;
/** Size of task_struct where BTF has none: programs cannot name its fields then either. */
const TASK_FALLBACK = 4096;

export class Task {
  readonly tid: number;
  tgid: number;
  ppid: number;
  uid: number;
  gid: number;
  comm: string;
  readonly startNs: bigint;
  /** Offset of its task_struct, 0 until made. */
  object = 0;
  /** Objects beside it: cred, pid, signal. */
  parts: { readonly struct: string; readonly offset: number }[] = [];
  /** Kernel functions it is inside of, outermost first. */
  frames: Frame[] = [];
  /** The system call under way. */
  call: Call | undefined;
  resume: Generator<undefined, void, number> | undefined;
  /** ppid must be asked again: the parent has died. */
  orphan = false;
  exiting = false;
  /** Events come from it (it is no mere ancestor of a task that is watched). */
  traced = false;
  forkedNoExec = false;
  exitCode = 0;
  /** task_struct.__state: 0 running or runnable, 1 and 2 asleep. */
  state = 0;
  cwd: string | undefined;

  constructor(facts: TaskFacts, startNs: bigint) {
    this.tid = facts.tid;
    this.tgid = facts.tgid;
    this.ppid = facts.ppid;
    this.uid = facts.uid;
    this.gid = facts.gid;
    this.comm = facts.comm;
    this.cwd = facts.cwd;
    this.startNs = startNs;
  }
}

export class Tasks {
  #objects: KernelObjects;
  #namespaces: Namespaces;
  #view: () => TaskView;
  #now: () => bigint;
  /** Offset of the dentry of a directory. */
  #directory: (path: string) => number;
  #byTid = new Map<number, Task>();

  constructor(
    objects: KernelObjects,
    namespaces: Namespaces,
    view: () => TaskView,
    now: () => bigint,
    directory: (path: string) => number,
  ) {
    this.#directory = directory;
    this.#objects = objects;
    this.#namespaces = namespaces;
    this.#view = view;
    this.#now = now;
  }

  /** Tasks known now. */
  all(): Iterable<Task> {
    return this.#byTid.values();
  }

  known(tid: number): Task | undefined {
    return this.#byTid.get(tid);
  }

  /** The task of a tid, made from the source's facts when it is first seen. */
  get(tid: number): Task {
    let task = this.#byTid.get(tid);
    if (!task) {
      const facts = this.#view().task(tid) ?? {
        tid,
        tgid: tid,
        ppid: 0,
        uid: 0,
        gid: 0,
        comm: tid === 0 ? 'swapper/0' : '<...>',
      };
      task = new Task({ ...facts, tid }, this.#now());
      this.#byTid.set(tid, task);
    }
    return task;
  }

  /** A child as fork makes it: identity and comm of its maker. */
  fork(parent: Task, child: number, childTgid: number): Task {
    const thread = childTgid !== child;
    const task = new Task(
      {
        tid: child,
        tgid: childTgid,
        ppid: thread ? parent.ppid : parent.tgid,
        uid: parent.uid,
        gid: parent.gid,
        comm: parent.comm,
        ...(parent.cwd !== undefined && { cwd: parent.cwd }),
      },
      this.#now(),
    );
    task.forkedNoExec = !thread;
    task.traced = true;
    this.#byTid.set(child, task);
    return task;
  }

  /** Ask the source again who this task is: after setuid, prctl and their like. */
  refresh(task: Task): void {
    const facts = this.#view().task(task.tid);
    if (!facts) return;
    task.uid = facts.uid;
    task.gid = facts.gid;
    task.comm = facts.comm;
    task.cwd = facts.cwd;
    task.ppid = facts.ppid;
    task.orphan = false;
    if (task.object) this.#write(task);
  }

  /** comm, or anything else that its task_struct shows, was changed. */
  changed(task: Task): void {
    if (task.object) this.#write(task);
  }

  /** Exec in a thread that is not the leader: it takes over the leader's tid. */
  rename(former: Task, tid: number): Task {
    const task = this.get(tid);
    task.frames = former.frames;
    task.call = former.call;
    task.resume = former.resume;
    this.remove(former);
    return task;
  }

  /** A task is gone: forget it and free its objects. Children get a new parent, which only the source knows. */
  remove(task: Task): void {
    this.#byTid.delete(task.tid);
    if (task.tid === task.tgid)
      for (const other of this.#byTid.values()) if (other.ppid === task.tid) other.orphan = true;
    if (task.object) {
      for (const part of task.parts) this.#objects.free(part.struct, part.offset, TASK_FALLBACK);
      this.#objects.free('task_struct', task.object, TASK_FALLBACK);
      task.object = 0;
      task.parts = [];
    }
  }

  /** Parent of a task (tid 0 is the swapper, its own parent). */
  parent(task: Task): Task {
    if (task.orphan) {
      task.orphan = false;
      const facts = this.#view().task(task.tid);
      if (facts) task.ppid = facts.ppid;
      this.changed(task);
    }
    return this.get(task.ppid);
  }

  /** Offset of the task's struct task_struct. */
  struct(task: Task): number {
    if (task.object === 0) {
      const o = this.#objects;
      task.object = o.allocate('task_struct', TASK_FALLBACK);
      const part = (struct: string) => {
        const offset = o.allocate(struct, TASK_FALLBACK);
        task.parts.push({ struct, offset });
        return offset;
      };
      const cred = part('cred');
      const pid = part('pid');
      const signal = part('signal_struct');
      o.point('task_struct', task.object, 'fs', part('fs_struct'));
      const t = task.object;
      for (const path of ['cred', 'real_cred']) o.point('task_struct', t, path, cred);
      o.point('task_struct', t, 'thread_pid', pid);
      o.point('task_struct', t, 'signal', signal);
      o.point('task_struct', t, 'nsproxy', this.#namespaces.nsproxy());
      o.set('pid', pid, 'level', 0);
      o.set('pid', pid, 'numbers[0].nr', task.tid);
      o.point('pid', pid, 'numbers[0].ns', this.#namespaces.pid());
      o.set('signal_struct', signal, 'nr_threads', 1);
      for (const path of ['prio', 'static_prio', 'normal_prio']) o.set('task_struct', t, path, DEFAULT_PRIO);
      o.set('task_struct', t, 'start_time', task.startNs);
      o.set('task_struct', t, 'start_boottime', task.startNs);
      this.#write(task);
    } else if (task.orphan) {
      this.parent(task);
    }
    return task.object;
  }

  /** The task whose task_struct is at this offset. */
  at(offset: number): Task | undefined {
    for (const task of this.#byTid.values()) if (task.object === offset && offset !== 0) return task;
    return undefined;
  }

  /** Kernel address of the task's task_struct. */
  address(task: Task): bigint {
    return kernelAddress(this.struct(task));
  }

  #write(task: Task): void {
    const o = this.#objects;
    const t = task.object;
    o.set('task_struct', t, 'pid', task.tid);
    o.set('task_struct', t, 'tgid', task.tgid);
    o.bytes('task_struct', t, 'comm', utf8Encode(task.comm).subarray(0, COMM_MOST));
    o.set('task_struct', t, 'flags', (task.exiting ? PF_EXITING : 0) | (task.forkedNoExec ? PF_FORKNOEXEC : 0));
    o.set('task_struct', t, '__state', task.state);
    o.set('task_struct', t, 'exit_code', task.exitCode);
    const cred = task.parts.find((p) => p.struct === 'cred')!.offset;
    for (const path of ['uid', 'euid', 'suid', 'fsuid']) o.set('cred', cred, `${path}.val`, task.uid);
    for (const path of ['gid', 'egid', 'sgid', 'fsgid']) o.set('cred', cred, `${path}.val`, task.gid);
    o.point('cred', cred, 'user_ns', this.#namespaces.user());
    const fs = task.parts.find((p) => p.struct === 'fs_struct')!.offset;
    o.point('fs_struct', fs, 'pwd.dentry', this.#directory(task.cwd ?? '/'));
    o.point('fs_struct', fs, 'root.dentry', this.#directory('/'));
    // The leader and the parent: made after this task is in place, since they may lead back here.
    const leader = task.tgid === task.tid ? task : this.get(task.tgid);
    o.point('task_struct', t, 'group_leader', leader === task ? t : this.struct(leader));
    const parent = task.tid === 0 ? task : this.parent(task);
    const parentObject = parent === task ? t : this.struct(parent);
    for (const path of ['real_parent', 'parent']) o.point('task_struct', t, path, parentObject);
  }
}
