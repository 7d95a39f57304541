/**
 * What a place to run is: `model` (the in-process kernel), `linux` (the real one, through bpf(2)), `offload` (a network
 * card). The object model (core/bcc) knows only this file.
 *
 * Everything is synchronous (HOUSE decision 8): a blocking call of the object model pumps the backend with `wait` until
 * there is something for it, time is up, the source has ended, or Ctrl-C came.
 */
import type { Btf } from '../btf/btf.ts';
import type { MapSpec, ObjectSpec, ProgSpec } from '../spec/spec.ts';

/**
 * A request to attach: the kind, and BCC's arguments for it.
 *
 * | kind | target | options |
 * |---|---|---|
 * | kprobe, kretprobe | `function` or `function+offset` | `offset`, `maxactive` |
 * | tracepoint | `category:event` | |
 * | raw_tracepoint, tp_btf, kfunc, kretfunc, fmod_ret, lsm | the name | |
 * | uprobe, uretprobe | `path:function`, `path:function+offset`, or `path:+N`: N bytes from the start of the file | `pid` (one process), `refCtrOffset` (file offset of a USDT semaphore to count up while attached) |
 * | perf_event | `type:config`, numbers of perf_event_open(2) | `samplePeriod`, `sampleFreq`, `pid`, `cpu` (absent: each), `groupFd`, `attr` (the bytes of a whole struct perf_event_attr, which then says everything) |
 * | socket, xdp | interface | `flags` |
 * | tc | interface | `direction` ('ingress' or 'egress'), `priority` |
 * | netns | file of a network namespace, or 'self' | |
 * | netfilter | `family:hook` (`ipv4:local_in`) | `priority` |
 * | iter | what it goes over (`task`, `cgroup`, ...) | `mapFd`; `tid`, `pid`, `pidFd`; `cgroupFd`, `order` |
 * | all | | `cookie`: what bpf_get_attach_cookie() gives there (functions and tracepoints) |
 * | prog_attach | number of a descriptor (cgroup, sockmap, ...), index of a device (tcx) | `attachType` (enum bpf_attach_type), `flags`: BPF_PROG_ATTACH; closing the link is BPF_PROG_DETACH |
 */
export interface Probe {
  readonly kind: string;
  readonly target: string;
  readonly options?: Readonly<Record<string, unknown>>;
}

/** What attaching returns. Closing detaches; closing twice is harmless. */
export interface Link {
  readonly probe: Probe;
  /** Links that have something to read (sockets: a packet, iterators: a part of their output); undefined when there is nothing now, or no more. */
  read?(): Uint8Array | undefined;
  close(): void;
}

/** A map on a backend: user-space side only, with the kernel's errnos (negative numbers). */
export interface MapHandle {
  readonly spec: MapSpec;
  /** Number that stands for the map in values of maps of maps. */
  readonly fd?: number;
  /** Values a per-CPU map has; 1 for others. */
  readonly cpus: number;
  lookup(key: Uint8Array): Uint8Array | undefined;
  update(key: Uint8Array, value: Uint8Array, flags?: number): number;
  delete(key: Uint8Array): number;
  nextKey(key: Uint8Array | undefined): Uint8Array | undefined;
  lookupAndDelete(key: Uint8Array): Uint8Array | undefined;
  /**
   * All elements at once, deleted as they are read with `take`. Absent, or undefined for a type without it: walk with nextKey.
   */
  snapshot?(take?: boolean): readonly (readonly [key: Uint8Array, value: Uint8Array])[] | undefined;
  /**
   * User ring buffers: one record for programs to drain. 0, -ENOSPC while there is no room, -E2BIG for what never has any. Throws Unsupported for
   * maps of other types.
   */
  send?(record: Uint8Array): number;
  close(): void;
}

export interface ProgHandle {
  readonly spec: ProgSpec;
  /** Number that stands for the program in values of prog arrays (tail calls). */
  readonly fd?: number;
  /** The verifier's log (ours or the kernel's), as far as it was asked for. */
  readonly log: string;
  close(): void;
}

/** One record of a perf or ring buffer. `cpu` is -1 for ring buffers. */
export interface RecordSink {
  onRecord(cpu: number, data: Uint8Array): void;
  /** In its place, for readers that have many records in one array: this one is its `size` bytes at `at`. They stay as they are. */
  onSpan?(cpu: number, bytes: Uint8Array, at: number, size: number): void;
  onLost(cpu: number, count: number): void;
}

/** A perf or ring buffer being read. `consume` delivers what is there now and returns how many records that were. */
export interface RecordReader {
  consume(sink: RecordSink): number;
  close(): void;
}

/** The trace pipe: whole lines, without the newline, in the kernel's format. */
export interface TracePipe {
  /** The next line if there is one now. */
  read(): string | undefined;
  close(): void;
}

/** Why `wait` came back: something may be there; time is up; the source has ended (nothing more will ever come); Ctrl-C. */
export type WaitResult = 'ready' | 'timeout' | 'ended' | 'interrupted';

/** Symbol of an address, or undefined. */
export interface SymbolAt {
  readonly name: string;
  readonly offset: number;
  readonly module: string;
}

export interface Backend {
  readonly name: 'model' | 'linux' | 'offload';
  /** BTF of the kernel that programs run in. */
  readonly kernelBtf: Btf;
  /** Types of the kernel's modules, each going on from the kernel's own. Absent: there are no modules. */
  moduleBtf?(): Iterable<Btf>;
  /** Kernel release, e.g. '6.1.0'. */
  readonly release: string;
  readonly cpus: number;

  /**
   * BPF_MAP_CREATE. A `pin` with a slash is a path of bpffs: the map there, or a new one that is pinned. A `pin` without one is a name under which the
   * BPF objects of this backend share a map (BPF_TABLE_PUBLIC); with type '' ("extern") it must be there already: ENOENT otherwise. Throws BpfError
   * and SysError with the kernel's errno; ENOMEM before memory ends.
   */
  createMap(spec: MapSpec, object: ObjectSpec): MapHandle;
  /** Verify and load. Throws VerifierError, SysError, Unsupported. `maps` are by name. */
  load(prog: ProgSpec, object: ObjectSpec, maps: ReadonlyMap<string, MapHandle>): ProgHandle;
  /** Throws BpfError ENOENT with the nearest names when the target does not exist. */
  attach(prog: ProgHandle, probe: Probe): Link;
  /**
   * One program at many places of one kind: by one link where the kernel has such links, one by one else. Answers for each probe, in order, its link or why
   * there is none. A link that is closed alone leaves the others, which may miss what happens meanwhile; `closeMany` takes them together. Absent: `attach`
   * each.
   */
  attachMany?(prog: ProgHandle, probes: readonly Probe[]): readonly (Link | Error)[];
  closeMany?(links: readonly Link[]): void;

  /** Can probes of this kind be attached here at all? Absent: the kernel's symbols tell. */
  supports?(kind: string): boolean;

  openTracePipe(): TracePipe;
  /**
   * Read a perf_event_array (one buffer a CPU, of `pages` pages each) or a ringbuf map. `ordered`: records of all CPUs by their times, where
   * the backend has more than one.
   */
  openRecords(
    map: MapHandle,
    options: { readonly pages?: number; readonly wakeupEvents?: number; readonly ordered?: boolean },
  ): RecordReader;

  /**
   * Let the world move until something may have happened that concerns us, at most `timeoutMs` (-1: no limit, 0: only
   * what is there already). The first call starts the source (the run contract: the traced command execs now).
   */
  wait(timeoutMs: number): WaitResult;
  /** Milliseconds of the world's monotonic clock (virtual on a replay): what timeouts are measured by. Absent: real time. */
  nowMs?(): number;
  /** The same for hosts that must not block their thread. */
  waitAsync?(timeoutMs: number, signal?: { readonly aborted: boolean }): Promise<WaitResult>;

  /** Kernel functions that a kprobe could name, optionally those matching a pattern: for event_re and nearest-name messages. */
  kernelFunctions(): Iterable<string>;
  tracepoints(): Iterable<string>;
  /** Text of a tracepoint's format file (what /sys/kernel/tracing/events/CAT/NAME/format shows), or undefined. */
  tracepointFormat(category: string, name: string): string | undefined;
  ksym(address: bigint): SymbolAt | undefined;
  ksymAddress(name: string): bigint | undefined;
  /** Is there a kernel function of this name? Cheaper than its address, where a backend can tell it otherwise. */
  hasFunction?(name: string): boolean;
  /** Name of an address in a process, by the symbols of what it has mapped; `module` is a path. Absent: user symbols are not known here. */
  userSymbol?(pid: number, address: bigint): SymbolAt | undefined;
  /** Why `userSymbol` knows no name, or `ksym` for a pid below 0, for people. */
  whyUnknown?(pid: number, address: bigint): string | undefined;
  /** Address in a process of a symbol, of one module (a path or its last part) or of any. */
  userSymbolAddress?(pid: number, module: string | undefined, name: string): bigint | undefined;
  /**
   * perf_event_open(2) of a counter on one CPU, put into that CPU's slot of a perf_event_array: what a program's perf_read reads. Closing the
   * link empties the slot. Throws SysError.
   */
  openPerfCounter?(
    map: MapHandle,
    counter: { readonly type: number; readonly config: number | bigint; readonly pid: number; readonly cpu: number },
  ): Link;
  /** Network devices that programs can be offloaded to (BPF's option `device`). Absent: none. */
  readonly devices?: readonly string[];
  /** Detach and free everything. Idempotent. */
  close(): void;
}
