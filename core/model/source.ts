/**
 * What makes the model kernel move, and what the model may ask of it. Three sources speak this: a real command under
 * ptrace (bindings/trace), a recording (core/model/recording.ts), a scripted workload (core/model/workload).
 *
 * A source delivers TaskEvents at the level of system calls; the kernel (core/model/kernel.ts) plays the kernel's part:
 * it changes its objects and passes through named functions and tracepoints, where hooks fire while the task is stopped.
 */

/** Times are CLOCK_MONOTONIC nanoseconds. Addresses and 64-bit arguments are bigint (one event per system call, not a hot path). */
export type TaskEvent =
  /** The command (or a task that was attached to) appears. */
  | { readonly type: 'start'; readonly tsNs: bigint; readonly cpu: number; readonly tid: number }
  | {
      readonly type: 'enter';
      readonly tsNs: bigint;
      readonly cpu: number;
      readonly tid: number;
      readonly nr: number;
      readonly args: readonly bigint[];
      readonly ip: bigint;
      readonly sp: bigint;
    }
  /** `ret` is the signed return value: -errno on failure. -512..-516 are restarts. `nr` and `args` repeat the entry's. */
  | {
      readonly type: 'exit';
      readonly tsNs: bigint;
      readonly cpu: number;
      readonly tid: number;
      readonly nr: number;
      readonly args: readonly bigint[];
      readonly ret: bigint;
    }
  /** A new task: `kind` by what made it. Comes before any event of the child. */
  | {
      readonly type: 'fork';
      readonly tsNs: bigint;
      readonly cpu: number;
      readonly tid: number;
      readonly child: number;
      readonly kind: 'fork' | 'vfork' | 'clone';
      readonly childTgid: number;
    }
  /** An exec succeeded; `formerTid` is the thread that called it (its tid became the tgid). */
  | {
      readonly type: 'exec';
      readonly tsNs: bigint;
      readonly cpu: number;
      readonly tid: number;
      readonly formerTid: number;
      readonly filename: string;
      readonly comm: string;
    }
  /** A task ended. `status` is wait(2)'s. */
  | {
      readonly type: 'task_exit';
      readonly tsNs: bigint;
      readonly cpu: number;
      readonly tid: number;
      readonly status: number;
    }
  /** The task of the event makes another one runnable, on CPU `target`. */
  | {
      readonly type: 'wakeup';
      readonly tsNs: bigint;
      readonly cpu: number;
      readonly tid: number;
      readonly woken: number;
      readonly target: number;
    }
  /** The CPU goes from the task of the event to `next`. `state` is what the first one is left in: TASK_RUNNING (0) stays runnable, 1 and 2 sleep. */
  | {
      readonly type: 'switch';
      readonly tsNs: bigint;
      readonly cpu: number;
      readonly tid: number;
      readonly next: number;
      readonly state: number;
    }
  /** A request of a block device goes one step on: made, queued, given to the driver, done (`error` is an errno, 0 for none). */
  | {
      readonly type: 'block';
      readonly tsNs: bigint;
      readonly cpu: number;
      readonly tid: number;
      readonly step: BlockStep;
      readonly request: BlockRequest;
      readonly error: number;
    }
  /**
   * The task passes a place in user code, or a counter of its overflows. `hook` says which: `uprobe:PATH:FUNCTION`, `uprobe:PATH:+OFFSET` (of the
   * file), `uretprobe:...` at the function's return, `perf_event:TYPE:CONFIG`. `regs` are the user registers by the names of struct pt_regs.
   */
  | {
      readonly type: 'user';
      readonly tsNs: bigint;
      readonly cpu: number;
      readonly tid: number;
      readonly hook: string;
      readonly regs: Readonly<Record<string, bigint>>;
      readonly stack: readonly UserFrame[];
      /** perf_event: events since the last sample, and the address that the sample is about. */
      readonly period?: bigint;
      readonly address?: bigint;
    };

/** A frame of a user stack, innermost first: an address, and the function and file that it lies in where the source knows. */
export interface UserFrame {
  readonly address: bigint;
  readonly name?: string;
  readonly module?: string;
  /** Distance from the function's start. */
  readonly offset?: number;
}

export const BLOCK_STEPS = ['start', 'insert', 'issue', 'done'] as const;
export type BlockStep = (typeof BLOCK_STEPS)[number];

/** A request as the block layer describes it. */
export interface BlockRequest {
  /** Told apart by it from made to done. */
  readonly id: number;
  /** Name of the disk, its device numbers. */
  readonly disk: string;
  readonly major: number;
  readonly minor: number;
  /** REQ_OP_* in the low eight bits, REQ_* flags above (include/linux/blk_types.h). */
  readonly flags: number;
  /** First sector (512 bytes) and size. */
  readonly sector: number;
  readonly bytes: number;
}

/** Facts of a task, from /proc/PID. */
export interface TaskFacts {
  readonly tid: number;
  readonly tgid: number;
  readonly ppid: number;
  readonly uid: number;
  readonly gid: number;
  readonly comm: string;
  /** Working directory (/proc/PID/cwd), where the source can tell. */
  readonly cwd?: string;
}

/** Facts of a file descriptor, from /proc/PID/fd and (for sockets) a duplicate that is closed at once. */
export interface FdFacts {
  readonly kind: 'file' | 'dir' | 'socket' | 'pipe' | 'char' | 'other';
  /** What /proc/PID/fd/N says. */
  readonly path: string;
  readonly inode?: number;
  readonly socket?: {
    /** AF_*, SOCK_* (without flags), IPPROTO_*. */
    readonly domain: number;
    readonly type: number;
    readonly protocol: number;
    /** Raw sockaddr bytes of getsockname and getpeername; undefined where the call failed. */
    readonly local?: Uint8Array;
    readonly peer?: Uint8Array;
    /** TCP_* state of a TCP socket (tcpi_state of getsockopt TCP_INFO), where the source can ask. */
    readonly state?: number;
  };
}

/** What the model may ask about a task that stands still. A recording answers what was recorded, and counts what was not. */
export interface TaskView {
  task(tid: number): TaskFacts | undefined;
  fd(tid: number, fd: number): FdFacts | undefined;
  /** User memory of the task; undefined is -EFAULT. Never short. */
  read(tid: number, address: bigint, size: number): Uint8Array | undefined;
  /** Up to `most` bytes, shortened at an unmapped page; for strings. */
  readUpTo(tid: number, address: bigint, most: number): Uint8Array;
  /** Source address the machine would use towards a destination (sockaddr bytes in, sockaddr bytes out), by a UDP socket of our own. */
  sourceAddress(destination: Uint8Array): Uint8Array | undefined;
  /** Send a signal to a task (`thread`: to it alone, not to its group): 0 or -errno. Absent: nothing real stands behind the task. */
  signal?(tid: number, signal: number, thread: boolean): number;
}

/** Which system calls somebody hooked, decided when the source starts. */
export interface SyscallInterest {
  readonly nr: number;
  readonly exit: boolean;
}

export interface EventSource {
  readonly name: 'trace' | 'replay' | 'workload';
  readonly view: TaskView;
  /** CPUs of the machine that the events come from; event.cpu is below it. */
  readonly cpus?: number;
  /** The source's own CLOCK_MONOTONIC, for sources that live in virtual time; absent: real time. */
  nowNs?(): bigint;
  /**
   * Hooks that this source can ever make fire (a traced command has no run queue); undefined: all that the model has. Names are those
   * of core/model/hooks.ts: `kprobe:FUNC`, `kretprobe:FUNC`, `tracepoint:SYSTEM:EVENT`.
   */
  canFire?(hook: string): boolean;
  /** Start with these calls of interest. Called once, at the script's first blocking call. */
  start(interest: readonly SyscallInterest[]): void;
  /**
   * Deliver events to `deliver` until at least one was delivered or `timeoutMs` is up (-1: no limit). The task of an event stands
   * still until `deliver` returns. Answers 'ended' once nothing will ever come. A `deliver` that answers `true` says that nothing came of the
   * event for whoever pumps: a source may then go on within the same call (an optimisation; it need not).
   */
  pump(timeoutMs: number, deliver: (event: TaskEvent) => unknown): 'ready' | 'timeout' | 'ended' | 'interrupted';
  /** Let go: a command that we started runs on, without us ('detach'), or is killed ('kill'). */
  stop(how: 'detach' | 'kill'): void;
  /** wait(2) status of the command, once it ended. */
  readonly exitStatus?: number | undefined;
}
