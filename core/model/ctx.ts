/**
 * Contexts: what r1 points to when a program runs at a hook. One scratch object for each kind, filled anew for every event (all
 * programs on one hook see the same one, as in the kernel).
 *
 * - kprobe, kretprobe: struct pt_regs, arguments in di, si, dx, cx, r8, r9 (the rest on the stack), result in ax; `sp` points to a
 *   stack whose top word is the return address, as at the first instruction of a function.
 * - tracepoint: the record that the format file describes. raw tracepoint, tp_btf: the TP_PROTO arguments, 8 bytes each.
 * - uprobe, uretprobe, perf_event: the user registers (and period and address of the sample).
 * - fentry, fexit: the arguments, 8 bytes each, then (fexit) the result.
 */
import { KERNEL_HI, type LinearMemory } from '../base/memory.ts';
import { FUNCTION_ARGS, PT_REGS, PT_REGS_SIZE } from '../progs/pt-regs.ts';
import type { Arg, FunctionEvent, TracepointEvent, UserEvent } from './hooks.ts';
import { buildRecord } from './tracepoints/format.ts';
import { tracepointByName } from './tracepoints/index.ts';

/** Bytes of kernel stack that a kprobe may read from `sp` up. */
const STACK_BYTES = 256;
const ARGS_BYTES = 8 * 16;
/** PERF_MAX_TRACE_SIZE. */
const RECORD_MOST = 8192;
/** struct bpf_perf_event_data: the registers and two words. */
const PERF_EVENT_SIZE = PT_REGS_SIZE + 16;
const KERNEL_CS = 0x10n;
const KERNEL_SS = 0x18n;

export interface Context {
  readonly offset: number;
  readonly size: number;
}

export class Contexts {
  #memory: LinearMemory;
  #regs: number;
  #stack: number;
  #args: number;
  #record: number;
  #user: number;

  constructor(memory: LinearMemory) {
    this.#memory = memory;
    this.#regs = memory.alloc(PT_REGS_SIZE);
    this.#stack = memory.alloc(STACK_BYTES);
    this.#args = memory.alloc(ARGS_BYTES);
    this.#record = memory.alloc(RECORD_MOST);
    this.#user = memory.alloc(PERF_EVENT_SIZE);
  }

  /** pt_regs at a function's entry, or (the event has a result) at its return. */
  registers(event: FunctionEvent): Context {
    const { u8 } = this.#memory;
    u8.fill(0, this.#regs, this.#regs + PT_REGS_SIZE);
    u8.fill(0, this.#stack, this.#stack + STACK_BYTES);
    const returning = event.ret !== undefined;
    FUNCTION_ARGS.forEach((reg, i) => {
      // At the return the argument registers are gone: the kernel shows whatever they hold then; here nothing.
      if (!returning && i < event.args.length) this.#put(this.#regs + PT_REGS[reg], event.args[i]!);
    });
    this.#put(this.#regs + PT_REGS.ax, event.ret ?? 0);
    this.#put(this.#regs + PT_REGS.orig_ax, -1);
    this.#put(this.#regs + PT_REGS.ip, returning ? event.caller : event.address);
    this.#put(this.#regs + PT_REGS.cs, KERNEL_CS);
    this.#put(this.#regs + PT_REGS.ss, KERNEL_SS);
    this.#put(this.#regs + PT_REGS.flags, 0x246);
    this.#address(this.#regs + PT_REGS.sp, this.#stack);
    this.#address(this.#regs + PT_REGS.bp, this.#stack + STACK_BYTES - 16);
    if (!returning) {
      this.#put(this.#stack, event.caller);
      for (const [i, arg] of event.args.slice(FUNCTION_ARGS.length).entries()) this.#put(this.#stack + 8 + 8 * i, arg);
    }
    return { offset: this.#regs, size: PT_REGS_SIZE };
  }

  /** Arguments of a function (and its result last), or of a raw tracepoint, 8 bytes each. */
  args(args: readonly Arg[], ret?: Arg): Context {
    this.#memory.u8.fill(0, this.#args, this.#args + ARGS_BYTES);
    for (const [i, arg] of args.entries()) this.#put(this.#args + 8 * i, arg);
    if (ret !== undefined) this.#put(this.#args + 8 * args.length, ret);
    return { offset: this.#args, size: ARGS_BYTES };
  }

  /** Registers of user mode, then what a perf_event program reads behind them: the period and the address of the sample. */
  user(event: UserEvent): Context {
    this.#memory.u8.fill(0, this.#user, this.#user + PERF_EVENT_SIZE);
    for (const [name, value] of Object.entries(event.regs)) {
      const at = (PT_REGS as Readonly<Record<string, number>>)[name];
      if (at !== undefined) this.#put(this.#user + at, value);
    }
    this.#put(this.#user + PT_REGS_SIZE, event.period);
    this.#put(this.#user + PT_REGS_SIZE + 8, event.address);
    return { offset: this.#user, size: PERF_EVENT_SIZE };
  }

  /** A tracepoint's record. */
  record(event: TracepointEvent, pid: number): Context {
    const { row, id } = tracepointByName(event.name)!;
    const bytes = buildRecord(row, event.fields, { type: id, flags: 0, preemptCount: 1, pid });
    const size = Math.min(bytes.length, RECORD_MOST);
    this.#memory.u8.set(bytes.subarray(0, size), this.#record);
    return { offset: this.#record, size };
  }

  close(): void {
    this.#memory.free(this.#regs, PT_REGS_SIZE);
    this.#memory.free(this.#stack, STACK_BYTES);
    this.#memory.free(this.#args, ARGS_BYTES);
    this.#memory.free(this.#record, RECORD_MOST);
    this.#memory.free(this.#user, PERF_EVENT_SIZE);
  }

  #put(at: number, value: Arg): void {
    this.#memory.view.setBigInt64(at, BigInt.asIntN(64, BigInt(value)), true);
  }

  #address(at: number, offset: number): void {
    this.#memory.view.setInt32(at, offset, true);
    this.#memory.view.setInt32(at + 4, KERNEL_HI, true);
  }
}
