/**
 * The in-process kernel: it takes a source's events, plays the kernel's part (tasks, files and sockets are objects in the linear
 * memory), and passes through named functions and tracepoints. It does not know that BPF exists; it fires hooks.
 *
 * One event is one step: the task of the event is `current`, the clock shows the event's time, and everything that listens has run when
 * `deliver` returns.
 */
import { kernelAddress, type LinearMemory } from '../base/memory.ts';
import type { Btf } from '../btf/btf.ts';
import { PT_REGS, PT_REGS_SIZE, SYSCALL_ARGS } from '../progs/pt-regs.ts';
import { BlockLayer } from './block.ts';
import { VirtualClock } from './clock.ts';
import { Files } from './fs.ts';
import { functionNames, type HookNeeds, needsOf } from './hook-table.ts';
import { type Arg, Hooks } from './hooks.ts';
import { onExec, onFork, onTaskExit, SOCKETS_AT_EXIT } from './lifecycle.ts';
import { Namespaces } from './namespaces.ts';
import { Sockets } from './net.ts';
import { KernelObjects } from './objects.ts';
import { SeededRandom } from './random.ts';
import { Scheduler } from './sched.ts';
import type { SyscallInterest, TaskEvent, TaskView, UserFrame } from './source.ts';
import { KernelSymbols } from './symbols.ts';
import { Call, type TracepointValues } from './syscalls/call.ts';
import { ERESTARTSYS, ERRNO } from './syscalls/errno.ts';
import { SYSCALLS, syscallByNumber } from './syscalls/index.ts';
import type { SyscallRow } from './syscalls/row.ts';
import { type Task, Tasks } from './task.ts';
import { UserSymbols } from './user-symbols.ts';

export interface KernelOptions {
  readonly memory: LinearMemory;
  readonly btf: Btf;
  /** What uname says; '6.1.0' by default. */
  readonly release?: string;
  readonly cpus?: number;
  readonly seed?: number;
  /** CLOCK_REALTIME at CLOCK_MONOTONIC zero, seconds since 1970. */
  readonly realtimeAtBootS?: number;
}

export const DEFAULT_RELEASE = '6.1.0';

/** The view before a source is there: it knows nothing. */
const BLIND: TaskView = {
  task: () => undefined,
  fd: () => undefined,
  read: () => undefined,
  readUpTo: () => new Uint8Array(0),
  sourceAddress: () => undefined,
};

export class ModelKernel {
  readonly memory: LinearMemory;
  readonly btf: Btf;
  readonly release: string;
  readonly cpus: number;
  readonly clock: VirtualClock;
  readonly random: SeededRandom;
  readonly objects: KernelObjects;
  readonly hooks: Hooks;
  readonly symbols: KernelSymbols;
  readonly tasks: Tasks;
  readonly files: Files;
  readonly sockets: Sockets;
  readonly blocks = new BlockLayer();
  readonly scheduler = new Scheduler();
  /** Signals that programs sent. */
  readonly signals: { readonly tid: number; readonly signal: number; readonly thread: boolean }[] = [];
  /** What the source answers; set by whoever connects one. */
  view: TaskView = BLIND;
  /** Names of user addresses that sources told. */
  readonly userStacks = new UserSymbols();
  /** User stack of the event under way, innermost first; of a system call its return address alone is known. */
  userStack: readonly UserFrame[] = NO_STACK;
  /** CPU and task of the event under way. */
  cpu = 0;
  current: Task;
  #wanted = new Map<number, SyscallInterest>();
  #signals: { readonly task: Task; readonly signal: number; readonly thread: boolean }[] = [];
  #userRegs = 0;
  #scratch: Call | undefined;
  #played = new Map<SyscallRow, boolean>();
  #playedVersion = -1;
  /** User registers that the last entry showed. */
  #ip = 0n;
  #sp = 0n;

  constructor(options: KernelOptions) {
    this.memory = options.memory;
    this.btf = options.btf;
    this.release = options.release ?? DEFAULT_RELEASE;
    this.cpus = options.cpus ?? 1;
    this.clock = new VirtualClock(options.realtimeAtBootS);
    this.random = new SeededRandom(options.seed ?? 1);
    this.objects = new KernelObjects(options.memory, options.btf);
    this.hooks = new Hooks(() => this.clock.tick());
    this.symbols = new KernelSymbols(options.btf, functionNames());
    const namespaces = new Namespaces(this.objects, this.release);
    this.tasks = new Tasks(
      this.objects,
      namespaces,
      () => this.view,
      () => this.clock.ns,
      (path) => this.files.dentry(path, 'dir').object,
    );
    this.files = new Files(this.objects);
    this.sockets = new Sockets(this.objects, namespaces);
    this.current = this.tasks.get(0);
  }

  /** Calls that the hooks now attached need: what a source is started with. Sorted by number. */
  interest(): SyscallInterest[] {
    const wanted = new Map<number, boolean>();
    const want = (need: HookNeeds[number]) => wanted.set(need.nr, (wanted.get(need.nr) ?? false) || need.exit);
    for (const name of this.hooks.names()) for (const need of needsOf(name)) want(need);
    for (const row of SYSCALLS) {
      if (row.behaviour?.always) want({ nr: row.nr, exit: true });
      else if (row.behaviour?.exit && this.#plays(row)) want({ nr: row.nr, exit: true });
    }
    const interest = [...wanted].map(([nr, exit]) => ({ nr, exit })).sort((a, b) => a.nr - b.nr);
    this.#wanted = new Map(interest.map((i) => [i.nr, i]));
    return interest;
  }

  /** One step of the world. */
  deliver(event: TaskEvent): void {
    this.clock.advanceTo(event.tsNs);
    // Threads that an exec killed are gone already; a source may still tell of each.
    if (event.type === 'task_exit' && !this.tasks.known(event.tid)) return;
    this.cpu = event.cpu % this.cpus;
    const task = event.type === 'exec' ? this.tasks.get(event.formerTid) : this.tasks.get(event.tid);
    task.traced = true;
    this.current = task;
    this.userStack = event.type === 'enter' ? [{ address: event.ip }] : NO_STACK;
    switch (event.type) {
      case 'start':
        break;
      case 'enter':
        this.#ip = event.ip;
        this.#sp = event.sp;
        this.#enterCall(task, event.nr, event.args);
        break;
      case 'exit':
        this.#exitCall(task, event.nr, event.args, event.ret);
        break;
      case 'fork':
        onFork(this, task, event);
        break;
      case 'exec':
        onExec(this, event);
        break;
      case 'task_exit':
        onTaskExit(this, task, event.status);
        break;
      case 'wakeup':
        this.scheduler.wakeup(this, task, event);
        break;
      case 'switch':
        this.scheduler.switch(this, task, event);
        break;
      case 'user':
        this.userStacks.learn(task.tgid, event.stack);
        this.userStack = event.stack;
        this.hooks.fire(event.hook, () => ({
          kind: 'user',
          name: event.hook,
          regs: event.regs,
          period: event.period ?? 0n,
          address: event.address ?? 0n,
        }));
        break;
      case 'block':
        this.blocks.step(this, task, event);
        break;
    }
    if (this.#signals.length > 0) this.#sendSignals();
  }

  /** A task enters a kernel function. */
  enterFunction(task: Task, name: string, args: () => readonly Arg[]): void {
    let made: readonly Arg[] | undefined;
    const memo = () => (made ??= args());
    task.frames.push({ name, args: memo });
    this.hooks.fire(`kprobe:${name}`, () => ({ kind: 'function', name, args: memo(), ...this.#places(task) }));
  }

  /** The task leaves the function that it entered last. */
  leaveFunction(task: Task, ret: Arg | (() => Arg)): void {
    const frame = task.frames.at(-1);
    if (!frame) throw new RangeError('model kernel: a function is left that was never entered');
    const { name } = frame;
    this.hooks.fire(`kretprobe:${name}`, () => ({
      kind: 'function',
      name,
      args: frame.args(),
      ret: typeof ret === 'function' ? ret() : ret,
      ...this.#places(task),
    }));
    task.frames.pop();
  }

  /** Address of the innermost function and the address it returns to. */
  #places(task: Task): { address: bigint; caller: bigint } {
    const inner = task.frames.at(-1)!.name;
    const outer = task.frames.at(-2)?.name ?? 'do_syscall_64';
    return { address: this.symbols.address(inner) ?? 0n, caller: (this.symbols.address(outer) ?? 0n) + CALL_OFFSET };
  }

  /** A task passes a tracepoint, `system:name`. */
  tracepoint(name: string, values: () => TracepointValues): void {
    this.hooks.fire(`tracepoint:${name}`, () => ({ kind: 'tracepoint', name, ...values() }));
  }

  /** A program sends a signal to the current task. It goes out when the event is over, as irq_work does it: 0 or -errno. */
  signal(task: Task, signal: number, thread: boolean): number {
    if (this.#signals.length >= SIGNALS_MOST) return -ERRNO.EBUSY;
    this.#signals.push({ task, signal, thread });
    return 0;
  }

  #sendSignals(): void {
    const sent = this.#signals;
    this.#signals = [];
    for (const { task, signal, thread } of sent) {
      const group = thread ? 0 : 1;
      this.tracepoint('signal:signal_generate', () => ({
        fields: { sig: signal, errno: 0, code: SI_KERNEL, comm: task.comm, pid: task.tid, group, result: 0 },
        raw: [signal, 1, this.tasks.address(task), group, 0],
      }));
      this.signals.push({ tid: task.tid, signal, thread });
      this.view.signal?.(task.tid, signal, thread);
    }
    // A program at the tracepoint that sends again starts no endless round.
    this.#signals = [];
  }

  /** Offset of the struct pt_regs that the current task entered the kernel with; 0 outside of a call. */
  userRegisters(): number {
    const { call } = this.current;
    if (!call) return 0;
    return Number(this.#registers(call.row.nr, call.args, BigInt(-ERRNO.ENOSYS)) - kernelAddress(0));
  }

  /** Something to own memory for an event that belongs to no call; lives until the next one is asked for. */
  scratchCall(task: Task): Call {
    this.#scratch?.free();
    this.#scratch = new Call(this, task, SYSCALLS[0]!, []);
    return this.#scratch;
  }

  /** The task is dying: a call that is still under way returns as an interrupted one does. One whose exit nobody wanted is dropped. */
  abortCall(task: Task): void {
    const { call } = task;
    if (!call) return;
    const never = call.row.name === 'exit' || call.row.name === 'exit_group';
    if (!never && this.#wanted.get(call.row.nr)?.exit !== false) {
      call.killed = true;
      this.#exitCall(task, call.row.nr, call.args, BigInt(-ERESTARTSYS));
    } else {
      this.#dropCall(task);
    }
  }

  /** Does somebody listen to anything inside this call? If not, only its wrapper and its tracepoints are passed. */
  #plays(row: SyscallRow): boolean {
    if (this.#playedVersion !== this.hooks.version) {
      this.#played.clear();
      this.#playedVersion = this.hooks.version;
    }
    const known = this.#played.get(row);
    if (known !== undefined) return known;
    const { early, late, always } = row.behaviour!;
    const listened = (names: readonly string[]) => names.some((name) => this.watched(name));
    // Sockets must be known when their owner dies.
    const learns = (SOCKETS_AT_EXIT.seen as readonly string[]).includes(row.name) && listened(SOCKETS_AT_EXIT.passes);
    const plays = always || learns || listened(early) || listened(late);
    this.#played.set(row, plays);
    return plays;
  }

  /** Is anybody listening to the entry or return of this function, or to this tracepoint (`system:name`)? */
  watched(name: string): boolean {
    const { hooks } = this;
    return name.includes(':')
      ? hooks.attached(`tracepoint:${name}`)
      : hooks.attached(`kprobe:${name}`) || hooks.attached(`kretprobe:${name}`);
  }

  #enterCall(task: Task, nr: number, args: readonly bigint[]): void {
    // The exit of the call before was not delivered (nobody wanted it).
    this.#dropCall(task);
    const row = syscallByNumber(nr);
    const regs = () => this.#registers(nr, args, BigInt(-ERRNO.ENOSYS));
    this.tracepoint('raw_syscalls:sys_enter', () => ({ fields: { id: nr, args: sixOf(args) }, raw: [regs(), nr] }));
    if (!row) return;
    this.tracepoint(`syscalls:sys_enter_${row.symbol}`, () => ({
      fields: enterFields(row, nr, args),
      raw: [regs(), nr],
    }));
    const call = new Call(this, task, row, args);
    task.call = call;
    this.enterFunction(task, `__x64_sys_${row.symbol}`, () => [regs()]);
    if (!row.behaviour || !this.#plays(row)) return;
    task.resume = row.behaviour.run(call);
    if (task.resume.next().done) throw new RangeError(`model kernel: ${row.name} did not wait for its result`);
  }

  #exitCall(task: Task, nr: number, args: readonly bigint[], ret: bigint): void {
    const { call } = task;
    if (call && call.row.nr === nr) {
      if (task.resume && !task.resume.next(Number(ret)).done)
        throw new RangeError(`model kernel: ${call.row.name} waits twice`);
      const wrapper = call.top === `__x64_sys_${call.row.symbol}`;
      if (!wrapper)
        throw new RangeError(`model kernel: ${call.row.name} left ${call.top ?? 'too many functions'} open`);
      this.leaveFunction(task, ret);
      this.#dropCall(task);
    }
    this.passExit(nr, args, ret);
  }

  /** The tracepoints on the way back to user space, in the current task. */
  passExit(nr: number, args: readonly bigint[], ret: bigint): void {
    const row = syscallByNumber(nr);
    const regs = () => this.#registers(nr, args, ret);
    this.tracepoint('raw_syscalls:sys_exit', () => ({ fields: { id: nr, ret }, raw: [regs(), ret] }));
    if (row)
      this.tracepoint(`syscalls:sys_exit_${row.symbol}`, () => ({
        fields: { __syscall_nr: nr, ret },
        raw: [regs(), ret],
      }));
  }

  #dropCall(task: Task): void {
    task.resume = undefined;
    task.call?.finish();
    task.call = undefined;
  }

  /** struct pt_regs of user mode, as the syscall entry saves it: one object, filled for the event under way. */
  #registers(nr: number, args: readonly bigint[], ax: bigint): bigint {
    const at = (this.#userRegs ||= this.memory.alloc(PT_REGS_SIZE));
    const { u8, view } = this.memory;
    u8.fill(0, at, at + PT_REGS_SIZE);
    const put = (offset: number, value: bigint) => view.setBigInt64(at + offset, BigInt.asIntN(64, value), true);
    for (const [i, reg] of SYSCALL_ARGS.entries()) put(PT_REGS[reg], args[i] ?? 0n);
    put(PT_REGS.ax, ax);
    put(PT_REGS.orig_ax, BigInt(nr));
    put(PT_REGS.ip, this.#ip);
    put(PT_REGS.sp, this.#sp);
    put(PT_REGS.cs, USER_CS);
    put(PT_REGS.ss, USER_SS);
    return kernelAddress(at);
  }
}

const NO_STACK: readonly UserFrame[] = [];

/** Where in its caller a function's return address points. */
export const CALL_OFFSET = 0x1bn;
/** Signals that programs may send in one event. */
const SIGNALS_MOST = 64;
/** si_code of signals from the kernel. */
const SI_KERNEL = 0x80;
const USER_CS = 0x33n;
const USER_SS = 0x2bn;

function sixOf(args: readonly bigint[]): bigint[] {
  return Array.from({ length: 6 }, (_, i) => args[i] ?? 0n);
}

function enterFields(row: SyscallRow, nr: number, args: readonly bigint[]): Record<string, bigint | number> {
  const fields: Record<string, bigint | number> = { __syscall_nr: nr };
  row.args.forEach((arg, i) => {
    fields[arg.name] = args[i] ?? 0n;
  });
  return fields;
}
