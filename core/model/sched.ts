/**
 * The run queues: what the kernel passes when a task is made runnable and when a CPU goes from one task to another (kernel/sched/core.c).
 * Only sources that know the scheduler have such events: scripted workloads, and recordings of them.
 *
 * A struct rq exists for each CPU once somebody is given its address.
 */
import { kernelAddress } from '../base/memory.ts';
import type { ModelKernel } from './kernel.ts';
import type { TaskEvent } from './source.ts';
import { DEFAULT_PRIO, type Task } from './task.ts';

/** Functions and tracepoints (`system:event`) of each kind of event. */
export const SCHED_PASSES = {
  wakeup: ['try_to_wake_up', 'sched:sched_waking', 'ttwu_do_wakeup', 'sched:sched_wakeup'],
  switch: ['__schedule', 'sched:sched_switch', 'finish_task_switch'],
} as const satisfies Partial<Record<TaskEvent['type'], readonly string[]>>;

type EventOf<T extends TaskEvent['type']> = Extract<TaskEvent, { type: T }>;

const TASK_NORMAL = 3;
/** Priority of the idle task (MAX_PRIO - 20). */
const IDLE_PRIO = 120;
/** Size of struct rq where BTF has none. */
const RQ_FALLBACK = 4096;

interface RunQueue {
  object: number;
  current: number;
  /** Runnable tasks, the running one among them; the idle task is not counted. */
  readonly runnable: Set<number>;
}

export class Scheduler {
  #queues = new Map<number, RunQueue>();

  /** try_to_wake_up, by the task of the event. */
  wakeup(kernel: ModelKernel, waker: Task, event: EventOf<'wakeup'>): void {
    const { tasks } = kernel;
    const woken = tasks.get(event.woken);
    const target = event.target % kernel.cpus;
    const fields = () => ({ comm: woken.comm, pid: woken.tid, prio: DEFAULT_PRIO, target_cpu: target });
    const values = () => ({ fields: fields(), raw: [tasks.address(woken)] });
    kernel.enterFunction(waker, 'try_to_wake_up', () => [tasks.address(woken), TASK_NORMAL, 0]);
    kernel.tracepoint('sched:sched_waking', values);
    this.#queue(target).runnable.add(woken.tid);
    this.#write(kernel, target);
    kernel.enterFunction(waker, 'ttwu_do_wakeup', () => [this.#address(kernel, target), tasks.address(woken), 0, 0]);
    woken.state = 0;
    tasks.changed(woken);
    kernel.tracepoint('sched:sched_wakeup', values);
    kernel.leaveFunction(waker, 0);
    kernel.leaveFunction(waker, 1);
  }

  /** __schedule: the tracepoint in the task that goes, finish_task_switch in the one that comes. */
  switch(kernel: ModelKernel, prev: Task, event: EventOf<'switch'>): void {
    const { tasks, cpu } = kernel;
    const next = tasks.get(event.next);
    const prio = (task: Task) => (task.tid === 0 ? IDLE_PRIO : DEFAULT_PRIO);
    // What it was inside of goes on when it runs again.
    const inside = prev.frames;
    prev.frames = [];
    kernel.enterFunction(prev, '__schedule', () => [0]);
    prev.state = event.state;
    tasks.changed(prev);
    const queue = this.#queue(cpu);
    if (event.state !== 0) queue.runnable.delete(prev.tid);
    if (next.tid !== 0) queue.runnable.add(next.tid);
    queue.current = next.tid;
    this.#write(kernel, cpu);
    kernel.tracepoint('sched:sched_switch', () => ({
      fields: {
        prev_comm: prev.comm,
        prev_pid: prev.tid,
        prev_prio: prio(prev),
        prev_state: event.state,
        next_comm: next.comm,
        next_pid: next.tid,
        next_prio: prio(next),
      },
      raw: [0, tasks.address(prev), tasks.address(next), event.state],
    }));
    kernel.leaveFunction(prev, 0);
    prev.frames = inside;
    kernel.current = next;
    kernel.enterFunction(next, 'finish_task_switch', () => [tasks.address(prev)]);
    kernel.leaveFunction(next, () => this.#address(kernel, cpu));
  }

  #queue(cpu: number): RunQueue {
    let queue = this.#queues.get(cpu);
    if (!queue) this.#queues.set(cpu, (queue = { object: 0, current: 0, runnable: new Set() }));
    return queue;
  }

  #address(kernel: ModelKernel, cpu: number): bigint {
    const queue = this.#queue(cpu);
    if (queue.object === 0) {
      queue.object = kernel.objects.allocate('rq', RQ_FALLBACK);
      kernel.objects.set('rq', queue.object, 'cpu', cpu);
      kernel.objects.set('rq', queue.object, 'online', 1);
      this.#write(kernel, cpu);
    }
    return kernelAddress(queue.object);
  }

  #write(kernel: ModelKernel, cpu: number): void {
    const { object, runnable, current } = this.#queue(cpu);
    if (object === 0) return;
    const { objects, tasks } = kernel;
    objects.set('rq', object, 'nr_running', runnable.size);
    objects.set('rq', object, 'cfs.nr_running', runnable.size);
    objects.point('rq', object, 'curr', tasks.struct(tasks.get(current)));
  }
}
