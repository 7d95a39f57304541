/**
 * One system call under way in one task: what a behaviour talks to. It enters and leaves kernel functions (a stack, as in a
 * kernel), passes tracepoints, and copies user memory into kernel objects that live as long as the call.
 *
 * Arguments of hooks are given as functions: they run only when somebody listens, so objects are made only when a hook needs them.
 */
import { kernelAddress } from '../../base/memory.ts';
import type { Arg, FieldValue } from '../hooks.ts';
import type { ModelKernel } from '../kernel.ts';
import type { Task } from '../task.ts';
import type { SyscallRow } from './row.ts';

/** Values of a tracepoint: its fields by name, and the arguments of its TP_PROTO. */
export interface TracepointValues {
  readonly fields: Readonly<Record<string, FieldValue>>;
  readonly raw: readonly Arg[];
}

/** Largest path that the kernel takes, with its NUL. */
const PATH_MAX = 4096;

export class Call<P extends string = string> {
  readonly kernel: ModelKernel;
  readonly task: Task;
  readonly row: SyscallRow;
  readonly args: readonly bigint[];
  /** The task was killed inside the call: it never came back to user space. */
  killed = false;
  /** Result of the wrapper function, once known. */
  ret = 0n;
  #depth: number;
  #owned: { offset: number; size: number }[] = [];

  constructor(kernel: ModelKernel, task: Task, row: SyscallRow, args: readonly bigint[]) {
    this.kernel = kernel;
    this.task = task;
    this.row = row;
    this.args = args;
    this.#depth = task.frames.length;
  }

  /** Argument as a C int. */
  int(i: number): number {
    return Number(BigInt.asIntN(32, this.args[i] ?? 0n));
  }

  /** Argument as an unsigned C int. */
  uint(i: number): number {
    return Number(BigInt.asUintN(32, this.args[i] ?? 0n));
  }

  /** Argument as an unsigned 64-bit number: addresses, sizes. */
  u64(i: number): bigint {
    return BigInt.asUintN(64, this.args[i] ?? 0n);
  }

  /** Enter a kernel function. */
  enter(name: P, args: () => readonly Arg[]): void {
    this.kernel.enterFunction(this.task, name, args);
  }

  /** Leave the function entered last. A function is given where making the result costs something (a pointer to an object). */
  leave(ret: Arg | (() => Arg)): void {
    this.kernel.leaveFunction(this.task, ret);
  }

  /** Enter functions that all return the same and call one another; leave them with `leaveTo`. */
  through(name: P, args: () => readonly Arg[], ret: Arg | (() => Arg)): void {
    this.enter(name, args);
    this.leave(ret);
  }

  /** How deep the call stack is now; for `leaveTo`. */
  get depth(): number {
    return this.task.frames.length;
  }

  /** Leave functions, all with the same result, until the stack is `depth` deep. */
  leaveTo(depth: number, ret: Arg): void {
    while (this.task.frames.length > depth) this.leave(ret);
  }

  /** Name of the function entered last, if this call entered one. */
  get top(): string | undefined {
    return this.task.frames.length > this.#depth ? this.task.frames.at(-1)!.name : undefined;
  }

  tracepoint(name: P, values: () => TracepointValues): void {
    this.kernel.tracepoint(name, values);
  }

  /** Is anybody listening to one of these functions or tracepoints? */
  watched(...names: readonly P[]): boolean {
    return names.some((name) => this.kernel.watched(name));
  }

  /** User bytes, or undefined for -EFAULT. */
  read(address: bigint, size: number): Uint8Array | undefined {
    return this.kernel.view.read(this.task.tid, address, size);
  }

  /** A user string without its NUL, as bytes; undefined for -EFAULT (or no NUL within PATH_MAX). */
  readString(address: bigint): Uint8Array | undefined {
    const bytes = this.kernel.view.readUpTo(this.task.tid, address, PATH_MAX);
    const end = bytes.indexOf(0);
    return end < 0 ? undefined : bytes.subarray(0, end);
  }

  /** Kernel address of bytes that live as long as the call: what copy_from_user makes. */
  copy(bytes: Uint8Array, size = bytes.length): bigint {
    const offset = this.own(Math.max(size, bytes.length, 1));
    this.kernel.memory.u8.set(bytes, offset);
    return kernelAddress(offset);
  }

  /** As `copy`, made when first asked for. */
  lazyCopy(bytes: Uint8Array, size: number): () => bigint {
    let address: bigint | undefined;
    return () => (address ??= this.copy(bytes, size));
  }

  /** Offset of a zeroed kernel structure that lives as long as the call. */
  structure(name: string, fallbackSize: number): number {
    return this.own(this.kernel.objects.has(name) ? this.kernel.objects.sizeOf(name) : fallbackSize);
  }

  /** Offset of zeroed bytes that live as long as the call. */
  own(size: number): number {
    const offset = this.kernel.memory.alloc(size);
    this.#owned.push({ offset, size });
    return offset;
  }

  /** The call is over: give back what it owned; functions still open are dropped without passing their hooks. */
  finish(): void {
    this.task.frames.length = Math.min(this.task.frames.length, this.#depth);
    this.free();
  }

  /** Give back what the call owned. */
  free(): void {
    for (const { offset, size } of this.#owned) this.kernel.memory.free(offset, size);
    this.#owned = [];
  }
}
