/**
 * Recording: a source around another one that writes down every event, every answer the model got, and every buffer that the rows of
 * the system calls name, so that the recording also serves tools that were not there when it was made.
 */
import { type Frame, SharedMemoryPieces } from './frames.ts';
import { frameLine, headerLine, type RecordingEnd } from './recording-line.ts';
import type { EventSource, FdFacts, SyscallInterest, TaskEvent, TaskFacts, TaskView } from './source.ts';
import { RETURNS_FD } from './syscalls/buffers.ts';
import { SYSCALLS, syscallByNumber } from './syscalls/index.ts';
import { isFd, type Length, type SyscallRow } from './syscalls/row.ts';

export interface RecorderOptions {
  readonly command?: readonly string[];
  /** Release of the kernel that the events come from. */
  readonly kernel?: string;
  /** Record only what is hooked, not every call that the model plays: faster, but other tools may find nothing. */
  readonly hookedOnly?: boolean;
}

/** Most bytes of one buffer that are kept. */
const BUFFER_MOST = 65536;
/** Bytes kept at a string's address, though it may be shorter: programs read strings with fixed sizes. */
const STRING_LEAST = 256;
const STRING_MOST = 4096;
/** Strings of one argument vector, iovecs of one call, ancestors of one task. */
const STRINGS_MOST = 128;
const IOV_MOST = 64;
const ANCESTORS_MOST = 64;

/** Passes questions on to the real view and keeps the answers of the event under way. */
class RecordingView implements TaskView {
  #inner: TaskView;
  #tasks = new Map<number, TaskFacts>();
  #fds = new Map<string, NonNullable<Frame['fds']>[number]>();
  #memory = new SharedMemoryPieces();
  #routes = new Map<string, NonNullable<Frame['routes']>[number]>();

  constructor(inner: TaskView) {
    this.#inner = inner;
  }

  task(tid: number): TaskFacts | undefined {
    const facts = this.#inner.task(tid);
    if (facts) this.#tasks.set(tid, { ...facts });
    return facts;
  }

  fd(tid: number, fd: number): FdFacts | undefined {
    const facts = this.#inner.fd(tid, fd);
    this.#fds.set(`${tid}:${fd}`, { tid, fd, facts: facts ?? null });
    return facts;
  }

  read(tid: number, address: bigint, size: number): Uint8Array | undefined {
    const bytes = this.#inner.read(tid, address, size);
    if (bytes) this.#memory.add(tid, address, bytes);
    return bytes;
  }

  readUpTo(tid: number, address: bigint, most: number): Uint8Array {
    const bytes = this.#inner.readUpTo(tid, address, most);
    const nul = bytes.indexOf(0);
    this.#memory.add(tid, address, nul < 0 ? bytes : bytes.subarray(0, Math.max(nul + 1, STRING_LEAST)));
    return bytes;
  }

  sourceAddress(destination: Uint8Array): Uint8Array | undefined {
    const from = this.#inner.sourceAddress(destination);
    this.#routes.set(String(destination), { to: destination.slice(), from: from ?? null });
    return from;
  }

  signal(tid: number, signal: number, thread: boolean): number {
    return this.#inner.signal?.(tid, signal, thread) ?? 0;
  }

  /** The frame of an event that has been played, with everything asked meanwhile; the next one starts empty. */
  take(event: TaskEvent): Frame {
    const frame = {
      event,
      tasks: [...this.#tasks.values()],
      fds: [...this.#fds.values()],
      memory: this.#memory.take(),
      routes: [...this.#routes.values()],
    };
    this.#tasks.clear();
    this.#fds.clear();
    this.#routes.clear();
    return frame;
  }
}

export class Recorder implements EventSource {
  readonly view: TaskView;
  readonly #view: RecordingView;
  readonly #source: EventSource;
  readonly #sink: (line: string) => void;
  readonly #options: RecorderOptions;
  #wanted = new Map<number, boolean>();
  #calls: readonly SyscallInterest[] = [];
  #known = new Set<number>();
  #events = 0;
  #ended = false;

  /** `sink` gets whole lines, without newlines. */
  constructor(source: EventSource, sink: (line: string) => void, options: RecorderOptions = {}) {
    this.#source = source;
    this.#sink = sink;
    this.#options = options;
    this.#view = new RecordingView(source.view);
    this.view = this.#view;
  }

  get name(): EventSource['name'] {
    return this.#source.name;
  }

  get cpus(): number | undefined {
    return this.#source.cpus;
  }

  get exitStatus(): number | undefined {
    return this.#source.exitStatus;
  }

  /** Virtual time, where the source lives in it. */
  get nowNs(): (() => bigint) | undefined {
    const { nowNs } = this.#source;
    return nowNs && (() => nowNs.call(this.#source));
  }

  get canFire(): ((hook: string) => boolean) | undefined {
    const { canFire } = this.#source;
    return canFire && ((hook) => canFire.call(this.#source, hook));
  }

  start(interest: readonly SyscallInterest[]): void {
    this.#wanted = new Map(interest.map((i) => [i.nr, i.exit]));
    const calls = new Map(this.#wanted);
    if (!this.#options.hookedOnly) for (const row of SYSCALLS) if (row.behaviour) calls.set(row.nr, true);
    this.#calls = [...calls].map(([nr, exit]) => ({ nr, exit })).sort((a, b) => a.nr - b.nr);
    this.#source.start(this.#calls);
  }

  pump(timeoutMs: number, deliver: (event: TaskEvent) => unknown): 'ready' | 'timeout' | 'ended' | 'interrupted' {
    const result = this.#source.pump(timeoutMs, (event) => this.#event(event, deliver));
    if (result === 'ended') this.#end();
    return result;
  }

  stop(how: 'detach' | 'kill'): void {
    // What happens after the tool let go is not part of what it saw.
    this.#end();
    this.#source.stop(how);
  }

  #event(event: TaskEvent, deliver: (event: TaskEvent) => unknown): unknown {
    if (this.#ended) return deliver(event);
    if (this.#events === 0) this.#header(event);
    this.#prefetch(event);
    // The tool must see what it would see without the recorder: calls that only the recording wants are kept from it.
    const wanted =
      event.type === 'enter'
        ? this.#wanted.has(event.nr)
        : event.type !== 'exit' || this.#wanted.get(event.nr) === true;
    const answer = wanted ? deliver(event) : true;
    this.#sink(frameLine(this.#view.take(event)));
    this.#events++;
    return answer;
  }

  #header(first: TaskEvent): void {
    const { command = [], kernel = '' } = this.#options;
    this.#sink(headerLine({ kernel, command, cpus: this.#source.cpus ?? 1, startNs: first.tsNs, calls: this.#calls }));
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    // Nothing was seen: there is no first event to date the header by.
    if (this.#events === 0) this.#header({ type: 'start', tsNs: 0n, cpu: 0, tid: 0 });
    const end: RecordingEnd = { end: true, events: this.#events, status: this.#source.exitStatus ?? null };
    this.#sink(JSON.stringify(end));
  }

  /** Ask what a tool may ask, before the model plays the event (an exec or exit may take the memory away). */
  #prefetch(event: TaskEvent): void {
    this.#identify(event.tid);
    switch (event.type) {
      case 'fork':
        this.#identify(event.child);
        break;
      case 'exec':
        this.#known.delete(event.tid);
        this.#identify(event.tid);
        break;
      case 'task_exit':
        this.#known.delete(event.tid);
        break;
      case 'enter':
      case 'exit': {
        const row = syscallByNumber(event.nr);
        if (row)
          new CallPrefetch(this.#view, event.tid, row, event.args, event.type === 'exit' ? event.ret : undefined).run();
        if (row?.behaviour?.always && event.type === 'exit') this.#view.task(event.tid);
        break;
      }
    }
  }

  /** Facts of a task and its ancestors, when it is first seen. */
  #identify(tid: number): void {
    for (let n = 0, at = tid; at > 0 && n < ANCESTORS_MOST && !this.#known.has(at); n++) {
      const facts = this.#view.task(at);
      if (!facts) return;
      this.#known.add(at);
      at = facts.tgid !== at ? facts.tgid : facts.ppid;
    }
  }
}

/** Reads the buffers and descriptors that a call's row names. The view keeps the answers. */
class CallPrefetch {
  readonly #view: TaskView;
  readonly #tid: number;
  readonly #row: SyscallRow;
  readonly #args: readonly bigint[];
  readonly #ret: bigint | undefined;

  constructor(view: TaskView, tid: number, row: SyscallRow, args: readonly bigint[], ret: bigint | undefined) {
    this.#view = view;
    this.#tid = tid;
    this.#row = row;
    this.#args = args;
    this.#ret = ret;
  }

  run(): void {
    this.#row.args.forEach((arg, i) => {
      const value = this.#args[i] ?? 0n;
      if (isFd(arg)) this.#fd(Number(BigInt.asIntN(32, value)));
      if (!arg.memory || value === 0n) return;
      switch (arg.memory.kind) {
        case 'string':
          this.#view.readUpTo(this.#tid, value, STRING_MOST);
          break;
        case 'strings':
          this.#strings(value);
          break;
        case 'msghdr':
          this.#message(value);
          break;
        case 'iov':
          this.#vector(value, this.#length(arg.memory.length));
          break;
        case 'in':
          this.#bytes(value, this.#length(arg.memory.length));
          break;
        case 'out':
          if (this.#ret !== undefined && this.#ret >= 0n) this.#bytes(value, this.#length(arg.memory.length));
          break;
      }
    });
    if (this.#ret !== undefined && this.#ret >= 0n && RETURNS_FD.has(this.#row.name)) this.#fd(Number(this.#ret));
    if (this.#row.name === 'connect') this.#route();
  }

  #fd(fd: number): void {
    if (fd >= 0) this.#view.fd(this.#tid, fd);
  }

  #bytes(address: bigint, size: number): void {
    if (size > 0) this.#view.read(this.#tid, address, Math.min(size, BUFFER_MOST));
  }

  #length(length: Length): number {
    switch (length.kind) {
      case 'bytes':
        return length.bytes;
      case 'ret':
        return Number(this.#ret ?? 0n);
      case 'arg':
        return Math.max(0, Number(BigInt.asIntN(64, this.#args[length.arg] ?? 0n)) * length.times);
      case 'deref': {
        const bytes = this.#view.read(this.#tid, this.#args[length.arg] ?? 0n, 4);
        return bytes ? new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0, true) : 0;
      }
    }
  }

  #strings(vector: bigint): void {
    for (let i = 0; i < STRINGS_MOST; i++) {
      const bytes = this.#view.read(this.#tid, vector + BigInt(8 * i), 8);
      const at = bytes && new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true);
      if (!at) return;
      this.#view.readUpTo(this.#tid, at, STRING_MOST);
    }
  }

  #vector(address: bigint, count: number): void {
    const n = Math.min(count, IOV_MOST);
    const bytes = n > 0 ? this.#view.read(this.#tid, address, 16 * n) : undefined;
    if (!bytes) return;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let i = 0; i < n; i++)
      this.#bytes(view.getBigUint64(16 * i, true), Number(view.getBigUint64(16 * i + 8, true)));
  }

  /** struct user_msghdr: name, namelen, iov, iovlen, control, controllen, flags. */
  #message(address: bigint): void {
    const bytes = this.#view.read(this.#tid, address, 56);
    if (!bytes) return;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const name = view.getBigUint64(0, true);
    if (name !== 0n) this.#bytes(name, view.getInt32(8, true));
    this.#vector(view.getBigUint64(16, true), Number(view.getBigUint64(24, true)));
  }

  #route(): void {
    const length = Number(BigInt.asIntN(32, this.#args[2] ?? 0n));
    const sockaddr = length > 0 && length <= 128 ? this.#view.read(this.#tid, this.#args[1] ?? 0n, length) : undefined;
    if (sockaddr) this.#view.sourceAddress(sockaddr);
  }
}
