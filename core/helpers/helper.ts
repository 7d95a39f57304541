/**
 * A row of THE HELPER TABLE: signature and behaviour side by side. Signatures are those of kernel/bpf/helpers.c,
 * kernel/trace/bpf_trace.c and net/core/filter.c; descriptions of argument kinds are the kernel's ARG_* and RET_*.
 */
import type { LinearMemory } from '../base/memory.ts';
import type { BpfMap } from '../maps/map.ts';
import type { Route } from './fib.ts';

export type ArgKind =
  | 'anything'
  | 'const_map_ptr'
  | 'map_key'
  | 'map_value'
  | 'uninit_map_value'
  | 'ctx'
  | 'mem'
  | 'mem_or_null'
  | 'uninit_mem'
  | 'const_size'
  | 'const_size_or_zero'
  | 'const_alloc_size_or_zero'
  | 'alloc_mem'
  | 'spin_lock'
  | 'timer'
  | 'sock_common'
  | 'socket'
  | 'btf_id'
  | 'btf_id_sock_common'
  | 'percpu_btf_id'
  | 'func'
  | 'stack'
  | 'stack_or_null'
  | 'const_str'
  | 'kptr'
  | 'dynptr'
  | 'uninit_dynptr'
  | 'int'
  | 'long'
  | 'ptr_to_int'
  | 'ptr_to_long'
  /** A number that is known to be one (not a pointer). */
  | 'scalar'
  | 'ctx_or_null'
  | 'socket_or_null'
  | 'btf_id_or_null'
  | 'btf_id_sock_common_or_null'
  | 'map_value_or_null'
  /** Memory of the next argument's size that the helper writes; it must be readable (initialised) before. */
  | 'mem_write'
  | 'mem_write_or_null'
  /**
   * Memory of the row's `argSizes` bytes. (`ptr_to_int`: 4 initialised bytes, written; `ptr_to_long`: 8 bytes,
   * uninitialised, written.)
   */
  | 'fixed_mem'
  /** Any address, not checked: what probe_read's source is. */
  | 'unsafe_ptr';

export type RetKind =
  | 'integer'
  | 'void'
  | 'map_value'
  | 'map_value_or_null'
  | 'socket_or_null'
  | 'tcp_sock_or_null'
  | 'sock_common_or_null'
  | 'alloc_mem_or_null'
  | 'mem_or_null'
  | 'mem_or_btf_id'
  | 'mem_or_btf_id_or_null'
  | 'btf_id'
  | 'btf_id_or_null'
  | 'dynptr_mem_or_null';

/**
 * What the running program is inside of. The model kernel implements it; a bare VM (tests, skep-vm) implements a small
 * part.
 */
export interface HelperEnv {
  readonly memory: LinearMemory;
  /** Offset of the ctx the program was started with. */
  readonly ctx: number;
  /** Map whose header is at this offset, or undefined. */
  mapAt(offset: number): BpfMap | undefined;
  /** Current task's facts. */
  readonly task: {
    readonly pid: number;
    readonly tgid: number;
    readonly uid: number;
    readonly gid: number;
    readonly comm: string /** Offset of its struct task_struct, made when asked. */;
    taskStruct(): number;
  };
  readonly cpu: number;
  /** CLOCK_MONOTONIC and CLOCK_BOOTTIME of the (virtual) clock, in ns, as two 32-bit halves: [lo, hi]. */
  now(clock: 'monotonic' | 'boottime' | 'tai' | 'realtime'): readonly [number, number];
  random(): number;
  /**
   * Copy `size` bytes from any address (two halves) to an offset, as copy_from_kernel_nofault / copy_from_user_nofault:
   * 0, or -EFAULT (-14). `space` says which address space the program named; 'any' is the old bpf_probe_read.
   */
  read(space: 'kernel' | 'user' | 'any', addressLo: number, addressHi: number, size: number, to: number): number;
  /** Like read, up to and with the first NUL: length with NUL, or negative errno. */
  readString(space: 'kernel' | 'user' | 'any', addressLo: number, addressHi: number, size: number, to: number): number;
  /** One line for the trace pipe, without the `bpf_trace_printk: ` prefix and the newline. */
  tracePrintk(text: string): void;
  /** The program's kind and name, for messages. */
  readonly progType: string;
  /**
   * Set by the engine while a helper with a `func` argument runs (bpf_loop, for_each_map_elem, find_vma): call the BPF
   * function at `functionAddress` (the low half of the `func` argument) with r1..r5 from `args`, five pairs of halves
   * (lo, hi). Answers the low half of its r0. A Fault inside goes through.
   */
  callback?: ((functionAddress: number, args: Int32Array) => number) | undefined;
  /**
   * Set along with `callback`: the running program, for helpers that keep a callback for later (timers, work queues). Its
   * `call` works after the run has ended, as a run of its own, with the same meaning of arguments and result.
   */
  program?: { call(functionAddress: number, args: Int32Array): number } | undefined;
  /**
   * Legacy ld_abs / ld_ind (socket filters): `size` bytes of packet data at `offset` (negative: SKF_NET_OFF,
   * SKF_LL_OFF, ancillary data), already in host order, or undefined when there are none: the program then exits with
   * r0 = 0.
   */
  loadPacket?(offset: number, size: number): number | undefined;

  // What follows is optional: a helper that needs one that is absent says Unsupported by name, or returns what the
  // comment says.
  // Addresses, ids and counters are pairs of 32-bit halves, low first.
  /**
   * Id of the current task's cgroup (v2), or of its ancestor at `level` (0 is the root), [0, 0] when it has none there.
   */
  cgroupId?(level?: number): readonly [number, number];
  /** The cgroup that the running program is attached to, and by which attach type. */
  readonly attachedCgroup?: { readonly id: number; readonly attachType: number } | undefined;
  /** Is the current task in the cgroup that a cgroup_array's slot holds (an id above 0), or below it? */
  underCgroup?(slot: number): boolean;
  /**
   * Ids of the current task in the pid namespace with this device and inode (of nsfs); undefined: it is not that
   * namespace.
   */
  nsPidTgid?(
    dev: readonly [number, number],
    ino: readonly [number, number],
  ): { readonly pid: number; readonly tgid: number } | undefined;
  /** Send a signal to the current task (`thread`: to this thread only): 0 or a negative errno. */
  sendSignal?(signal: number, thread: boolean): number;
  /** Write into the current task's user memory: 0 or -EFAULT / -EPERM. */
  writeUser?(addressLo: number, addressHi: number, from: number, size: number): number;
  /** Like read, from the user memory of the task whose struct task_struct is at `task`. Absent: -EFAULT. */
  readTask?(task: number, addressLo: number, addressHi: number, size: number, to: number): number;
  /**
   * Return addresses of the current kernel or user stack, innermost first, as halves [lo, hi, lo, hi, ...]; at most
   * `most` frames. undefined when there is none (a kernel thread's user stack). `ctx` is the program's ctx. Absent: as
   * undefined.
   */
  callchain?(kind: 'kernel' | 'user', most: number, task?: number): Int32Array | undefined;
  /** Build id (20 bytes) and file offset of a user address, for stack maps with build ids; undefined: not known. */
  buildId?(lo: number, hi: number): { readonly id: Uint8Array; readonly offset: readonly [number, number] } | undefined;
  /** Name of a kernel address, for %pS, %ps, %pB. Absent or undefined: printed as a number. */
  ksymbol?(
    lo: number,
    hi: number,
  ): { readonly name: string; readonly offset: number; readonly size: number; readonly module: string } | undefined;
  /** Address of a kernel symbol (kallsyms_lookup_name), or undefined. */
  ksymbolAddress?(name: string): readonly [number, number] | undefined;
  /** Address of the traced function's entry (get_func_ip), [0, 0] when the probe is not on an entry. */
  functionIp?(): readonly [number, number];
  /** The counter of the perf event that a perf_event program runs on (perf_prog_read_value). Absent: -EOPNOTSUPP. */
  programCounter?(): {
    read(): {
      readonly value: readonly [number, number];
      readonly enabled: readonly [number, number];
      readonly running: readonly [number, number];
    };
  };
  /** The cookie given at attach time. Absent: 0. */
  attachCookie?(): readonly [number, number];
  /**
   * How many arguments the traced function has (fentry, fexit, fmod_ret, LSM), and whether its return value follows
   * them in the ctx.
   */
  functionArguments?(): { readonly count: number; readonly hasReturn: boolean };
  /** The traced function shall not run, and return this (kprobes on ALLOW_ERROR_INJECTION functions). */
  overrideReturn?(lo: number, hi: number): void;
  /**
   * Offset of the current CPU's (or `cpu`'s) copy of the per-CPU variable at this offset, 0 for a CPU that is not.
   * Absent: the variable itself.
   */
  perCpu?(offset: number, cpu: number): number;
  /** NUMA node of the current CPU. Absent: 0. */
  readonly numaNode?: number;
  /** Offset of the struct pt_regs of user mode of a task (at `task`), 0 for none. */
  taskPtRegs?(task: number): number;
  /** Text for the seq_file at `seq` (iterators): 0, or -EOVERFLOW when its buffer is full. */
  seqWrite?(seq: number, bytes: Uint8Array): number;
  /**
   * Timers in map values; absent: helpers on timers are not supported. A handle (above 0) lies in the first word of the
   * struct bpf_timer.
   */
  readonly timers?: {
    /**
     * A timer for the struct at `timer`, in a value of the map whose header is at `map`. Clock: 0 realtime, 1
     * monotonic, 7 boottime.
     */
    create(timer: number, map: number, clock: number): number;
    /** -EINVAL for a handle that is gone. The callback gets (map, key, value), as bpf_timer_cb passes them. */
    setCallback(handle: number, functionAddress: number): number;
    /** `flags`: 1 absolute time, 2 on this CPU. -EINVAL without a callback. */
    start(handle: number, nsLo: number, nsHi: number, flags: number): number;
    /** 1 when it was running, 0 when not. */
    cancel(handle: number): number;
  };
  /** Text of the struct path at this offset, as d_path() prints it; undefined: it cannot be told. */
  pathText?(path: number): string | undefined;
  /** Facts of the struct sock at this address; undefined when none is there. `state` is TCP_*. Absent: there are no sockets. */
  socketFacts?(
    lo: number,
    hi: number,
  ):
    | {
        readonly family: number;
        readonly type: number;
        readonly protocol: number;
        readonly state: number;
        readonly cookie: readonly [number, number];
      }
    | undefined;
  /** MTU of the network device with this index; undefined when there is none. */
  deviceMtu?(ifindex: number): number | undefined;
  /** Where packets for an address (4 or 16 bytes) go; undefined: nowhere. Absent: there are no routes. */
  route?(destination: Uint8Array): Route | undefined;
  /** The packet that a networking program runs on; absent elsewhere. */
  readonly packet?: Packet | undefined;
  /**
   * Where the packet shall go (bpf_redirect and its like): 0, or a negative errno for a clone that cannot be sent.
   * Absent: not supported.
   */
  redirect?(request: RedirectRequest): number;
  /**
   * Values of one kernel object by local-storage maps: the object of this kind whose struct is at `address`. Absent:
   * not supported.
   */
  readonly storageOwner?: (kind: 'task' | 'inode' | 'sk' | 'cgrp', addressLo: number, addressHi: number) => number;
}

/**
 * A packet in the linear memory: head <= meta <= data <= end <= limit, all offsets. Helpers move the middle three and
 * then call `moved`, so that the ctx's own copies (data, data_end, data_meta, len) follow.
 */
export interface Packet {
  readonly kind: 'skb' | 'xdp';
  /** First byte that headers may be put at, and the end of the room behind the packet. */
  readonly head: number;
  readonly limit: number;
  meta: number;
  data: number;
  end: number;
  /** Distance of the network header from data, where it is known (skb). */
  readonly networkOffset?: number;
  /** Distance of the MAC header from data (0 or below), where there is one (skb). */
  readonly macOffset?: number;
  moved(): void;
}

export interface RedirectRequest {
  readonly ifindex?: number;
  /** A device, CPU or socket map, and the slot in it. */
  readonly map?: BpfMap;
  readonly key?: number;
  readonly flags: number;
  /** A copy goes there now; otherwise the packet itself when the program has returned the redirect action. */
  readonly clone: boolean;
  /** redirect_peer, redirect_neigh. */
  readonly how?: 'peer' | 'neigh';
}

/**
 * Registers as the engines keep them: r[2*i] is the low and r[2*i+1] the high half of register i, both signed 32-bit.
 * A helper reads its arguments at r[2..11] and writes its result to r[0] and r[1].
 */
export type RegFile = Int32Array;

export interface HelperRow {
  readonly id: number;
  /** Kernel name without `bpf_`. */
  readonly name: string;
  readonly args: readonly ArgKind[];
  readonly ret: RetKind;
  readonly gplOnly?: boolean;
  /** First kernel version that has it. */
  readonly since: string;
  /**
   * Program types that may call it: names of core/progs or of the sets in prog-sets.ts ('all', 'all_tracing', 'socket',
   * 'tc', 'lwt'); the bare word 'tracing' (not in a list) is the set 'all_tracing'; `type:attach_type` restricts to one
   * attach type. Ask `mayCall` (core/helpers/index.ts), which knows the sets.
   */
  readonly progTypes: 'all' | 'tracing' | readonly string[];
  /** Who could call it before that kernel, where `progTypes` (6.18's) has grown since. */
  readonly before?: { readonly kernel: string; readonly progTypes: readonly string[] };
  /** Arguments (1 is r1) that may be null, or a size that may be 0, from that kernel on only. */
  readonly mayBeNothing?: { readonly since: string; readonly args: readonly number[] };
  /** Kernel struct of `btf_id` arguments, by argument number (1 is r1). */
  readonly argBtf?: { readonly [arg: number]: string };
  /** Bytes behind `fixed_mem` arguments, by argument number. */
  readonly argSizes?: { readonly [arg: number]: number };
  /** Kernel struct that a `btf_id` result points to. */
  readonly retBtf?: string;
  /** Argument (1 is r1) whose reference ends with the call. */
  readonly releases?: 1 | 2;
  /** The result is a reference that must be released. */
  readonly acquires?: true;
  /** Sleepable programs only. */
  readonly mightSleep?: true;
  /** Memory arguments may point into the packet. */
  readonly pktAccess?: true;
  /** Packet pointers are void after the call (bpf_helper_changes_pkt_data). */
  readonly changesPacket?: true;
  /** Other signatures under the same id, for these program types. */
  readonly variants?: readonly {
    readonly progTypes: readonly string[];
    readonly args: readonly ArgKind[];
    readonly argBtf?: { readonly [arg: number]: string };
  }[];
  /** Absent: known to compiler, verifier and disassembler, says Unsupported by name when called. */
  readonly run?: (env: HelperEnv, r: RegFile) => void;
}
