/**
 * What the model may ask about a task that stands still, answered by the tracer: memory by process_vm_readv, who it is from a cache that
 * events keep true, descriptors from /proc and a duplicate that is closed at once (native/ptrace/inspect.h).
 */
import { readlinkSync } from 'node:fs';
import type { FdFacts, TaskFacts, TaskView } from '../../core/model/source.ts';
import { addon, type NativeTracer } from '../addon/index.ts';
import type { SharedRecord } from './record.ts';

export class TraceView implements TaskView {
  readonly #tracer: NativeTracer;
  readonly #record: SharedRecord;
  readonly #known = new Map<number, { readonly version: number; readonly facts: TaskFacts }>();

  constructor(tracer: NativeTracer, record: SharedRecord) {
    this.#tracer = tracer;
    this.#record = record;
  }

  /**
   * Undefined for a task that is gone (the one whose task_exit is being delivered is still known). The name is as of the last exec or
   * prctl(PR_SET_NAME); a name written to another thread's /proc file is noticed at its next exec only.
   */
  task(tid: number): TaskFacts | undefined {
    const version = this.#tracer.facts(tid);
    if (version === 0) {
      this.#known.delete(tid);
      return undefined;
    }
    const known = this.#known.get(tid);
    if (known && known.version === version) return { ...known.facts, ...directoryOf(tid) };
    const facts = this.#record.facts(tid);
    if (this.#known.size >= 1024) this.#known.clear();
    this.#known.set(tid, { version, facts });
    return { ...facts, ...directoryOf(tid) };
  }

  fd(tid: number, fd: number): FdFacts | undefined {
    return this.#tracer.fd(tid, fd) === 0 ? this.#record.fd() : undefined;
  }

  /** kill(2): Node has no way to name one thread, whose group gets the signal then. */
  signal(tid: number, signal: number): number {
    try {
      process.kill(this.task(tid)?.tgid ?? tid, signal);
      return 0;
    } catch (error) {
      return (error as NodeJS.ErrnoException).code === 'EPERM' ? -1 : -3;
    }
  }

  read(tid: number, address: bigint, size: number): Uint8Array | undefined {
    const out = new Uint8Array(size);
    if (size === 0) return out;
    return this.#tracer.read(tid, address, out) === size ? out : undefined;
  }

  readUpTo(tid: number, address: bigint, most: number): Uint8Array {
    const out = new Uint8Array(most);
    const got = most === 0 ? 0 : this.#tracer.read(tid, address, out);
    return got <= 0 ? out.subarray(0, 0) : out.subarray(0, got);
  }

  sourceAddress(destination: Uint8Array): Uint8Array | undefined {
    return addon()?.sourceAddress?.(destination);
  }
}

/** Asked anew each time: no event of the tracer's tells of a change. */
function directoryOf(tid: number): { readonly cwd?: string } {
  try {
    return { cwd: readlinkSync(`/proc/${tid}/cwd`) };
  } catch {
    return {};
  }
}
