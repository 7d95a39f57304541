/**
 * The machine in scripted workloads: disks with requests on them, and CPUs that go from task to task. What a task asks for by system calls
 * is workload.ts's.
 *
 *     const sda = new Disk(world, 'sda', 8, 0);
 *     const read = sda.request(cat, { op: 'read', sector: 2048, bytes: 4096 });
 *     read.issue();
 *     world.advance(300_000n);
 *     read.done();
 */
import type { BlockRequest, BlockStep } from '../source.ts';
import type { ScriptTask, World } from './workload.ts';

/** REQ_OP_* and REQ_* of include/linux/blk_types.h, Linux 6.1. */
export const REQ_OP = { read: 0, write: 1, flush: 2, discard: 3 } as const;
export const REQ_FLAG = {
  sync: 1 << 11,
  meta: 1 << 12,
  prio: 1 << 13,
  idle: 1 << 15,
  fua: 1 << 17,
  readahead: 1 << 19,
} as const;

/** States that a task goes to sleep in (include/linux/sched.h). */
export const TASK_STATE = { running: 0, interruptible: 1, uninterruptible: 2 } as const;

export interface RequestOptions {
  readonly op: keyof typeof REQ_OP;
  readonly sector?: number;
  readonly bytes: number;
  readonly flags?: readonly (keyof typeof REQ_FLAG)[];
}

export class Disk {
  readonly world: World;
  readonly name: string;
  readonly major: number;
  readonly minor: number;

  constructor(world: World, name: string, major: number, minor: number) {
    this.world = world;
    this.name = name;
    this.major = major;
    this.minor = minor;
  }

  /** A task makes a request: it is accounted for and put into the queue. */
  request(task: ScriptTask, { op, sector = 0, bytes, flags = [] }: RequestOptions): ScriptRequest {
    const request: BlockRequest = {
      id: this.world.nextRequest(),
      disk: this.name,
      major: this.major,
      minor: this.minor,
      flags: flags.reduce((bits: number, flag) => bits | REQ_FLAG[flag], REQ_OP[op]),
      sector,
      bytes,
    };
    return new ScriptRequest(this.world, task, request);
  }
}

export class ScriptRequest {
  readonly #world: World;
  readonly #task: ScriptTask;
  readonly #request: BlockRequest;

  constructor(world: World, task: ScriptTask, request: BlockRequest) {
    this.#world = world;
    this.#task = task;
    this.#request = request;
    this.#emit(task.tid, 'start');
    this.#emit(task.tid, 'insert');
  }

  /** The driver gets it, in the task that made it. */
  issue(): void {
    this.#emit(this.#task.tid, 'issue');
  }

  /** The disk's interrupt says that it is done, while nothing runs. `error` is an errno. */
  done(error = 0): void {
    this.#emit(0, 'done', error);
  }

  /** Issue, wait, done: a request that waits `queuedNs` in the queue and takes the disk `tookNs`. */
  run(tookNs: bigint, queuedNs = 0n): void {
    this.#world.advance(queuedNs);
    this.issue();
    this.#world.advance(tookNs);
    this.done();
  }

  #emit(tid: number, step: BlockStep, error = 0): void {
    const world = this.#world;
    const event = {
      type: 'block',
      tsNs: world.tick(),
      cpu: this.#task.cpu,
      tid,
      step,
      request: this.#request,
      error,
    } as const;
    world.emit(event, { tasks: tid === 0 ? [] : [this.#task.facts] });
  }
}

/** One CPU: which task runs on it. It begins idle (task 0). */
export class Cpu {
  readonly world: World;
  readonly cpu: number;
  #running: ScriptTask | undefined;

  constructor(world: World, cpu = 0) {
    this.world = world;
    this.cpu = cpu;
  }

  /** Whoever runs here makes a sleeping task runnable on this CPU. */
  wake(task: ScriptTask): void {
    const { world, cpu } = this;
    const tid = this.#running?.tid ?? 0;
    world.emit({ type: 'wakeup', tsNs: world.tick(), cpu, tid, woken: task.tid, target: cpu }, { tasks: [task.facts] });
  }

  /** The CPU goes to a task, or to nothing; the one before is left in `state`. */
  run(task: ScriptTask | undefined, state: keyof typeof TASK_STATE = 'interruptible'): void {
    const { world, cpu } = this;
    const tid = this.#running?.tid ?? 0;
    const tasks = [this.#running?.facts, task?.facts].filter((facts) => facts !== undefined);
    const event = { type: 'switch', tsNs: world.tick(), cpu, tid, next: task?.tid ?? 0 } as const;
    world.emit({ ...event, state: tid === 0 ? 0 : TASK_STATE[state] }, { tasks });
    this.#running = task;
  }
}
