/**
 * The native addon, if there is one. Everything in skep works without it, only slower and without live tracing; so asking for it never
 * throws: `addon()` is undefined where it was not built, and `addonProblem()` says why.
 *
 * Built by scripts/install.mjs from binding.gyp; the C++ is in native/, the glue beside this file. Node-API version 8. A published
 * package carries no build: scripts/package.mjs makes platform packages (skep-linux-x64-gnu, ...) and the loader that finds them.
 */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** native/ptrace/tracer.h. Works on the thread that called `start` or `attach` only. */
export interface NativeTracer {
  interest(nr: number, exit: boolean): void;
  /** pid or -errno. */
  start(path: string, argv: readonly string[], envp: readonly string[], cwd?: string): number;
  /** Number of threads seized, or -errno. */
  attach(pid: number): number;
  /** Kind of the record that lies in the shared memory now (bindings/trace/record.ts). */
  next(timeoutMs: number): number;
  resume(): void;
  ignore(): void;
  kill(): void;
  /** Bytes read (short at an unreadable page) or -errno. */
  read(tid: number, address: bigint, destination: Uint8Array): number;
  /** A version that changes with the facts, 0 for a task that is gone; the facts lie in the shared memory. */
  facts(tid: number): number;
  /** 0 or -errno; the description lies in the shared memory. */
  fd(tid: number, fd: number): number;
  exitStatus(): number | undefined;
  taskCount(): number;
}

/** native/linux/sys.h: answers are the kernel's, negative for -errno. */
export interface NativeSys {
  /** `pointers` is a flat list of (offset in attr, bytes): the address of each is put there for the call. */
  bpf(command: number, attr: Uint8Array, pointers?: readonly (number | ArrayBufferView)[]): number;
  perfEventOpen(
    attr: Uint8Array,
    pid: number,
    cpu: number,
    groupFd: number,
    flags: number,
    pointers?: readonly (number | ArrayBufferView)[],
  ): number;
  ioctl(fd: number, request: number, argument?: number | ArrayBufferView): number;
  close(fd: number): number;
  /** Fills `ready` (one byte a descriptor) and answers how many are readable. */
  poll(fds: Int32Array, timeoutMs: number, ready: Uint8Array): number;
  /** Where the bytes lie, for structs that hold pointers themselves; good as long as somebody holds the bytes. */
  addressOf(bytes: ArrayBufferView): bigint;
  mmap(length: number, protection: number, flags: number, fd: number, offset: number): NativeMapping | number;
  /** Any other call; `nr` from `calls`. */
  syscall(nr: number, ...args: readonly (number | bigint | ArrayBufferView)[]): number;
  /** Numbers of system calls on this architecture. */
  readonly calls: Readonly<Record<NativeCall, number>>;
  readonly Records: new (ordered: boolean) => NativeRecords;
  /** `done` is called on Node's loop once one of `fds` is readable or time is up. Writing 8 bytes to the descriptor it answers ends the wait. */
  waitAsync(fds: Int32Array, timeoutMs: number, done: () => void): number;
  /**
   * From now on the first `signo` sets flag[0] to 1 and adds to the eventfd in flag[2]; the next, while flag[0] is still set, does what
   * the signal did before. Several signals share one flag. 0 or -errno.
   */
  interruptOn(signo: number, flag: Int32Array): number;
  interruptOff(): void;
  /** A C++ name of the Itanium ABI (`_Z...`) as C++ writes it; undefined for any other. */
  demangle(name: string): string | undefined;
  /** Where the dynamic linker leads a call of a library's function in our own process; undefined for a library that is not loaded here. */
  resolve(library: string, name: string): bigint | undefined;
  /** x86-64 only. [pid, go, errors]: the child goes on to its exec once a byte is written to `go`; `errors` ends at the exec. */
  spawnHeld?(path: string, argv: readonly string[], envp: readonly string[], cwd: string): Int32Array | number;
}

/** Names of `NativeSys.calls`. */
export type NativeCall =
  | 'bind'
  | 'eventfd2'
  | 'fcntl'
  | 'fsconfig'
  | 'fsmount'
  | 'fsopen'
  | 'getsockname'
  | 'getsockopt'
  | 'kill'
  | 'mkdirat'
  | 'pidfd_open'
  | 'pidfd_send_signal'
  | 'prlimit64'
  | 'read'
  | 'recvfrom'
  | 'sendto'
  | 'setsockopt'
  | 'socket'
  | 'unlinkat'
  | 'wait4'
  | 'write';

/** native/linux/records.h: perf and ring buffers emptied by a thread. Answers 0 or -errno where nothing else is said. */
export interface NativeRecords {
  addPerf(cpu: number, fd: number, pages: number, countsLost: boolean): number;
  addRing(mapFd: number, sizeBytes: number): number;
  /** A descriptor that is readable while something waits to be taken. */
  start(): number;
  /** All that is there now: records of { i32 cpu, u32 size, u64 value } and their bytes, padded to eight. */
  take(): ArrayBuffer | undefined;
  close(): void;
}

/** Memory shared with the kernel. `unmap` detaches the buffer. */
export interface NativeMapping {
  readonly buffer: ArrayBuffer;
  unmap(): number;
}

/** native/engine/machine.h: the C++ engine on one linear memory. Driven through that memory, see bindings/engine/state.ts. */
export interface NativeMachine {
  /** Carry out what is written in the state block. No arguments, no result: they would cost more than most programs. */
  ring(): void;
  /** The memory has grown. */
  bind(memory: Uint8Array): void;
  /** An id, or -1 for what is no program. `probes`: slots; `lookup`: helper 1 is bpf_map_lookup_elem. */
  load(insns: Uint8Array, probes: Int32Array, lookup: boolean): number;
  unload(id: number): void;
}

export interface Addon {
  /** `state`: offset of the meeting place in `memory`, which must be shared: its address must never change. */
  makeEngine?(memory: Uint8Array, state: number): NativeMachine;
  /** Linux only. */
  readonly sys?: NativeSys;
  /** Linux on x86-64 only, as all below. */
  readonly Tracer?: new (
    shared: Uint8Array,
    flag?: Int32Array,
  ) => NativeTracer;
  readonly recordLayout?: Readonly<Record<string, number>>;
  /** The kernel's id of the calling thread. */
  threadId?(): number;
  /** Breaks off the wait of a tracer on thread `tid` of this process; 0 or an errno. Set its flag first. */
  kick?(tid: number): number;
  /**
   * From now on the first `signo` sets flag[0] to 1 and kicks the thread whose kernel id is in flag[1]; the next, while flag[0] is still
   * set, does what the signal did before. One signal of a process at a time. 0 or an errno.
   */
  catchSignal?(signo: number, flag: Int32Array): number;
  releaseSignal?(signo: number): void;
  /** Ends this process by a signal: default action, no core. For a host whose command died by it. */
  dieBy?(signo: number): void;
  /** The address that this machine would send from towards a destination (sockaddr bytes both). */
  sourceAddress?(destination: Uint8Array): Uint8Array | undefined;
  /** Undefined when a child can be traced here, else what was refused. */
  probeTracing?(): { readonly call: string; readonly errno: number } | undefined;
}

let loaded: Addon | undefined;
let problem: string | undefined;
let tried = false;

/** The package's root: the nearest folder upwards with a package.json. The same from the sources as from dist/. */
function packageRoot(): string {
  let directory = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(directory, 'package.json'))) {
    const parent = dirname(directory);
    if (parent === directory) break;
    directory = parent;
  }
  return directory;
}

/** The first line that an error of the generated loader carries about a file that was there and did not load, else undefined. */
function causeOf(error: unknown): string | undefined {
  for (let at = error; at instanceof Error; at = at.cause)
    if ((at as { code?: string }).code === 'ERR_DLOPEN_FAILED') return at.message.split('\n')[0];
  return undefined;
}

function load(): void {
  if (tried) return;
  tried = true;
  const root = packageRoot();
  const require = createRequire(import.meta.url);
  const built = join(root, 'build', 'Release', 'skep.node');
  // What scripts/package.mjs puts into the published package: it looks for the platform package that npm installed beside it.
  const published = join(root, 'dist', 'native.cjs');
  if (existsSync(built)) {
    try {
      loaded = require(built) as Addon;
    } catch (error) {
      problem = `the native addon does not load: ${error instanceof Error ? error.message : String(error)}`;
    }
  } else if (existsSync(published)) {
    try {
      loaded = require(published) as Addon;
    } catch (error) {
      const cause = causeOf(error);
      problem = cause
        ? `the native addon does not load: ${cause}`
        : `no platform package for ${process.platform}-${process.arch} is installed (npm leaves it out with --omit=optional)`;
    }
  } else {
    problem = 'the native addon is not built (run `npm rebuild` where a C++ compiler is on PATH)';
  }
}

/** The addon, loaded at the first call; undefined where there is none. */
export function addon(): Addon | undefined {
  load();
  return loaded;
}

/** Why there is no addon; undefined where there is one. */
export function addonProblem(): string | undefined {
  load();
  return problem;
}
