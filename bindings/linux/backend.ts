/**
 * The live backend: maps, programs and links of the running kernel by bpf(2). Everything it makes hangs on descriptors, so nothing is left
 * when the process ends, however it ends (but for pins, which are meant to stay, and the probes of old kernels that attach/legacy.ts tells of; a trace pipe's
 * directory is removed by a guard, trace-pipe.ts).
 */
import { release as osRelease } from 'node:os';
import type {
  Backend,
  Link,
  MapHandle,
  Probe,
  ProgHandle,
  RecordReader,
  SymbolAt,
  TracePipe,
  WaitResult,
} from '../../core/backend/backend.ts';
import { ERRNO, errnoName } from '../../core/base/errno.ts';
import { BpfError, SysError } from '../../core/base/errors.ts';
import { timed } from '../../core/base/timings.ts';
import type { Btf } from '../../core/btf/btf.ts';
import type { MapSpec, ObjectSpec, ProgSpec } from '../../core/spec/spec.ts';
import type { AttachHost, AttachWay } from './attach/attach-kind.ts';
import { attachKind } from './attach/index.ts';
import { bpfUnavailable, sys } from './bpf.ts';
import { LiveCommand } from './command.ts';
import { attachProblem } from './features.ts';
import { ProcessTree } from './filter.ts';
import { LiveLink } from './link.ts';
import { LiveLinks } from './links.ts';
import { type LinuxProg, loadProgram } from './load.ts';
import { onlineCpus, textOf, vmlinuxBtf } from './machine.ts';
import { createLinuxMap, LinuxMap, openPinnedMap, ownMap, pinMap } from './maps.ts';
import { moduleBtf, modulesWithTypes } from './module-btf.ts';
import { closeAll, perfEventOpen, perfHint } from './perf-event.ts';
import { ObjectBtf } from './prog-btf.ts';
import { type LinuxRecords, openLinuxRecords, type RecordOptions } from './records.ts';
import { pidsAreForeign } from './rights.ts';
import { type Kallsyms, readKallsyms } from './symbols/kallsyms.ts';
import { ProcessSymbols } from './symbols/process-symbols.ts';
import { LinuxTracePipe } from './trace-pipe.ts';
import { listTracepoints, needTracefs, readTracefs, tracepointFormatText } from './tracefs.ts';

export interface LinuxBackendOptions {
  /** Start this command at the first wait, and see only what it and its children do. */
  readonly command?: readonly string[];
  /** See only what this process and its children do. */
  readonly pid?: number;
  /** The run is over when this process is: what a tool filters by (`-p PID`). Every process is seen all the same. */
  readonly watch?: number;
  /** Shared with whoever hears signals: [0] is not 0 when blocking calls must end; [2] gets the number of an eventfd to write to then. */
  readonly flag?: Int32Array;
  /** Types of the running kernel, where somebody has read them already. */
  readonly btf?: Btf;
  /** Load also what our verifier refuses: the kernel alone decides. */
  readonly askKernel?: boolean;
  /** Lines for the user: what was attached instead of what was asked for. */
  readonly warn?: (line: string) => void;
  /** Ways of attaching that are taken for not there: for tests of what stands in for them. */
  readonly without?: readonly AttachWay[];
}

/** Milliseconds that an asynchronous wait sleeps at most before it looks at its signal again. */
const ABORT_CHECK_MS = 100;

/** Maps that several objects of this process share (BPF_TABLE_PUBLIC), under their names; they stay until the process ends. */
const shared = new Map<string, LinuxMap>();
const F_DUPFD_CLOEXEC = 1030;

export class LinuxBackend implements Backend {
  readonly name = 'linux';
  readonly release = osRelease();
  readonly cpus = onlineCpus().length;
  readonly #options: LinuxBackendOptions;
  readonly #objects = new Map<ObjectSpec, ObjectBtf>();
  readonly #maps = new Set<MapHandle>();
  readonly #progs = new Set<LinuxProg>();
  readonly #links: LiveLinks;
  readonly #readers = new Set<LinuxRecords>();
  readonly #pipes = new Set<LinuxTracePipe>();
  /** Descriptors that were reported as readable and have not been read since: waiting for them again would be no wait. */
  readonly #reported = new Set<number>();
  readonly #host: AttachHost;
  readonly #interrupt: number;
  #btf: Btf | undefined;
  #kallsyms: Kallsyms | undefined;
  readonly #processes = new Map<number, ProcessSymbols>();
  #command: LiveCommand | undefined;
  #tree: ProcessTree | undefined;
  #others: { readonly pid: number; readonly pidfd: number }[] = [];
  #ended = false;
  #closed = false;

  /** Throws BpfError when bpf(2) cannot be used here, named by what is missing; BpfError ESRCH when there is no process to see or to watch. */
  constructor(options: LinuxBackendOptions = {}) {
    const problem = bpfUnavailable();
    if (problem !== undefined)
      throw new BpfError(
        'UNSUPPORTED',
        `the live kernel cannot be used: ${problem}; \`skep features\` says more, and --backend model needs no rights`,
      );
    const watched = options.pid ?? options.watch;
    const foreign = options.command || watched !== undefined ? pidsAreForeign() : undefined;
    if (foreign !== undefined) throw new BpfError('UNSUPPORTED', foreign);
    this.#options = options;
    this.#btf = options.btf;
    const door = sys();
    this.#interrupt = door.syscall(door.calls.eventfd2, 0, 0o2000000 | 0o4000);
    if (options.flag) Atomics.store(options.flag, 2, this.#interrupt);
    this.#host = {
      kernelBtf: undefined as never,
      release: this.release,
      without: options.without && new Set(options.without),
      progFd: (prog) => prog.fd,
      kernelFunctions: () => this.kernelFunctions(),
      ksymAddress: (name) => this.ksymAddress(name),
      tracepoints: () => this.tracepoints(),
    };
    Object.defineProperty(this.#host, 'kernelBtf', { get: () => this.kernelBtf });
    this.#links = new LiveLinks(this.#host, { filter: () => this.#filter()?.prologue, warn: options.warn });
    try {
      if (options.command) this.#command = new LiveCommand(options.command);
      if (watched !== undefined) this.#others = watch(watched);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  get kernelBtf(): Btf {
    this.#btf ??= timed('btf', vmlinuxBtf);
    return this.#btf;
  }

  *moduleBtf(): Iterable<Btf> {
    for (const module of modulesWithTypes()) {
      const btf = moduleBtf(module, this.kernelBtf);
      if (btf) yield btf;
    }
  }

  // ---- maps and programs ---------------------------------------------------------------------------------------------

  createMap(spec: MapSpec, object: ObjectSpec): MapHandle {
    const btf = this.#objectBtf(object);
    const make = (): LinuxMap =>
      timed('maps', () =>
        createLinuxMap(spec, {
          btfFd: btf.fd,
          mappable: !object.maps.some((map) => map.inner) && spec.pin === undefined,
        }),
      );
    const map =
      spec.pin === undefined
        ? make()
        : spec.pin.startsWith('/')
          ? this.#pinned(spec, spec.pin, make)
          : this.#shared(spec, spec.pin, make);
    this.#maps.add(map);
    return map;
  }

  #pinned(spec: MapSpec, path: string, make: () => LinuxMap): LinuxMap {
    const found = openPinnedMap(spec, path);
    if (found) return found;
    const map = make();
    try {
      pinMap(map, path);
    } catch (error) {
      map.close();
      throw error;
    }
    return map;
  }

  #shared(spec: MapSpec, name: string, make: () => LinuxMap): LinuxMap {
    // Type '' is "extern": a map that another object has made.
    if (spec.type === '' && !shared.has(name))
      throw new BpfError('ENOENT', `map ${spec.name}: no program of this process shares a map ${name}`);
    const map = shared.get(name) ?? make();
    shared.set(name, map);
    const { type, keySize, valueSize } = map.spec;
    if ((spec.type !== '' && type !== spec.type) || keySize !== spec.keySize || valueSize !== spec.valueSize)
      throw new BpfError('EINVAL', `map ${spec.name}: the shared map ${name} is of another kind`);
    const door = sys();
    return new LinuxMap({ ...spec, type }, door.syscall(door.calls.fcntl, map.fd, F_DUPFD_CLOEXEC, 0), false);
  }

  #objectBtf(object: ObjectSpec): ObjectBtf {
    let btf = this.#objects.get(object);
    if (!btf) this.#objects.set(object, (btf = new ObjectBtf(object)));
    return btf;
  }

  load(prog: ProgSpec, object: ObjectSpec, maps: ReadonlyMap<string, MapHandle>): ProgHandle {
    const loaded = loadProgram(prog, object, maps, {
      kernelBtf: this.kernelBtf,
      release: this.release,
      ksymAddress: (name) => this.ksymAddress(name),
      objectBtf: (of) => this.#objectBtf(of),
      askKernel: this.#options.askKernel,
      ...(this.#options.warn && { warn: this.#options.warn }),
    });
    this.#progs.add(loaded);
    fillSlots(object, maps, loaded);
    return loaded;
  }

  // ---- attaching -----------------------------------------------------------------------------------------------------

  attach(prog: ProgHandle, probe: Probe): Link {
    return this.#links.attach(prog, probe);
  }

  attachMany(prog: ProgHandle, probes: readonly Probe[]): (Link | Error)[] {
    return this.#links.attachMany(prog, probes);
  }

  closeMany(links: readonly Link[]): void {
    this.#links.closeMany(links);
  }

  /** The processes of the command, from the first program on that is to see only them. */
  #filter(): ProcessTree | undefined {
    const { pid } = this.#options;
    if (this.#tree || (!this.#command && pid === undefined)) return this.#tree;
    const tree = new ProcessTree(
      {
        createMap: (spec, object) => createLinuxMap(spec, { btfFd: this.#objectBtf(object).fd }),
        load: (prog, object, maps) => this.load(prog, object, maps),
        attach: (prog, probe) => {
          const row = attachKind(prog as LinuxProg, probe);
          const attached = row.attach(prog as LinuxProg, probe, { ...this.#host, kernelBtf: this.kernelBtf });
          return new LiveLink(probe, attached, () => {});
        },
      },
      this.kernelBtf,
      this.release,
    );
    this.#tree = tree;
    tree.add(this.#command?.pid ?? pid!);
    return tree;
  }

  /** Can probes of this kind be attached here? Tried on the spot. */
  supports(kind: string): boolean {
    const asked: Readonly<Record<string, string>> = {
      kfunc: 'fentry',
      kretfunc: 'fexit',
      kretprobe: 'kprobe',
      uretprobe: 'uprobe',
    };
    if (kind === 'raw_tracepoint_in_module') return this.hasFunction('bpf_trace_modules');
    const problem = (name: string) => attachProblem(name, this.kernelBtf);
    if (problem(asked[kind] ?? kind) === undefined) return true;
    // fentry stands in where there are no kprobes.
    return (kind === 'kprobe' || kind === 'kretprobe') && problem('fentry') === undefined;
  }

  // ---- events --------------------------------------------------------------------------------------------------------

  openTracePipe(): TracePipe {
    const pipe = new LinuxTracePipe();
    this.#pipes.add(pipe);
    return {
      read: () => {
        const line = pipe.read();
        if (line === undefined) this.#reported.delete(pipe.fd);
        return line;
      },
      close: () => {
        this.#pipes.delete(pipe);
        pipe.close();
      },
    };
  }

  openRecords(map: MapHandle, options: RecordOptions): RecordReader {
    const reader = timed('buffers', () => openLinuxRecords(map, options));
    this.#readers.add(reader);
    return {
      consume: (sink) => {
        this.#reported.delete(reader.eventFd);
        return reader.consume(sink);
      },
      close: () => {
        this.#readers.delete(reader);
        reader.close();
      },
    };
  }

  wait(timeoutMs: number): WaitResult {
    this.#start();
    const deadline = timeoutMs < 0 ? Number.POSITIVE_INFINITY : this.nowMs() + timeoutMs;
    for (;;) {
      if (this.#interrupted()) return 'interrupted';
      if (this.#ended) return 'ended';
      const fds = this.#waitedFor();
      const ready = new Uint8Array(fds.length);
      const left = timeoutMs < 0 ? -1 : Math.max(0, Math.ceil(deadline - this.nowMs()));
      const found = sys().poll(Int32Array.from(fds), left, ready);
      if (found < 0 && found !== -ERRNO.EINTR) throw new SysError('poll', errnoName(found), 'waiting for events');
      const result = this.#look(fds, ready);
      if (result) return result;
      if (found === 0 && this.nowMs() >= deadline) return 'timeout';
    }
  }

  async waitAsync(timeoutMs: number, signal?: { readonly aborted: boolean }): Promise<WaitResult> {
    this.#start();
    const deadline = timeoutMs < 0 ? Number.POSITIVE_INFINITY : this.nowMs() + timeoutMs;
    for (;;) {
      if (this.#interrupted()) return 'interrupted';
      if (this.#ended) return 'ended';
      const left = Math.max(0, Math.ceil(deadline - this.nowMs()));
      const fds = this.#waitedFor();
      await new Promise<void>((resolve) => {
        const cancel = sys().waitAsync(
          Int32Array.from(fds),
          Math.min(left, signal ? ABORT_CHECK_MS : left, 2 ** 30),
          resolve,
        );
        if (cancel < 0) throw new SysError('eventfd2', errnoName(cancel), 'waiting for events');
      });
      if (signal?.aborted) return 'interrupted';
      const ready = new Uint8Array(fds.length);
      sys().poll(Int32Array.from(fds), 0, ready);
      const result = this.#look(fds, ready);
      if (result) return result;
      if (this.nowMs() >= deadline) return 'timeout';
    }
  }

  /** CLOCK_MONOTONIC. */
  nowMs(): number {
    return Number(process.hrtime.bigint()) / 1e6;
  }

  #interrupted(): boolean {
    return this.#options.flag !== undefined && Atomics.load(this.#options.flag, 0) !== 0;
  }

  #start(): void {
    const command = this.#command;
    if (!command || command.started) return;
    command.start();
  }

  #waitedFor(): number[] {
    const fds = [this.#interrupt];
    for (const { eventFd } of this.#readers) if (!this.#reported.has(eventFd)) fds.push(eventFd);
    for (const { fd } of this.#pipes) if (!this.#reported.has(fd)) fds.push(fd);
    if (this.#command && this.#command.status === undefined) fds.push(this.#command.pidfd);
    for (const { pidfd } of this.#others) fds.push(pidfd);
    return fds;
  }

  /** What a poll found: undefined to go on waiting. */
  #look(fds: readonly number[], ready: Uint8Array): WaitResult | undefined {
    let news = false;
    let ends = false;
    for (let i = 1; i < fds.length; i++) {
      if (!ready[i]) continue;
      const fd = fds[i]!;
      if (fd === this.#command?.pidfd || this.#others.some((other) => other.pidfd === fd)) ends = true;
      else {
        this.#reported.add(fd);
        news = true;
      }
    }
    if (this.#interrupted()) return 'interrupted';
    if (ends) this.#checkEnd();
    if (news) return 'ready';
    return this.#ended ? 'ended' : undefined;
  }

  /** The run ends with the last process of the command, or of those that were to be seen. */
  #checkEnd(): void {
    if (this.#command && !this.#command.reap()) return;
    closeAll(this.#others.map(({ pidfd }) => pidfd));
    const door = sys();
    this.#others = (this.#tree?.running() ?? [])
      .map((pid) => ({ pid, pidfd: door.syscall(door.calls.pidfd_open, pid, 0) }))
      .filter(({ pidfd }) => pidfd >= 0);
    if (this.#others.length > 0) return;
    this.#ended = true;
    const watched = this.#options.pid ?? this.#options.watch;
    if (watched !== undefined) this.#options.warn?.(`process ${watched} has ended`);
  }

  /** wait(2) status of the command once it ended. */
  get exitStatus(): number | undefined {
    return this.#command?.status;
  }

  /** Ends the command, if one runs. */
  killCommand(): void {
    this.#command?.kill();
  }

  /** Waits until the command has ended or a signal came. */
  awaitCommand(): void {
    const command = this.#command;
    if (!command?.started) return;
    while (!command.reap() && !this.#interrupted())
      sys().poll(Int32Array.of(this.#interrupt, command.pidfd), -1, new Uint8Array(2));
  }

  // ---- the kernel's names --------------------------------------------------------------------------------------------

  #symbols(): Kallsyms {
    this.#kallsyms ??= timed('kallsyms', readKallsyms);
    return this.#kallsyms;
  }

  *kernelFunctions(): Iterable<string> {
    // The functions that ftrace can reach, where we may know; else all there are. Without those that kprobes may not touch.
    const traceable = readTracefs('available_filter_functions');
    const forbidden = new Set<string | undefined>(
      (textOf('/sys/kernel/debug/kprobes/blacklist') ?? '').split('\n').map((line) => line.split('\t')[1]),
    );
    const names = traceable
      ? traceable.split('\n').map((line) => line.split(/[\s[]/, 1)[0]!)
      : this.#symbols().functions();
    for (const name of names) if (name !== '' && !forbidden.has(name)) yield name;
  }

  tracepoints(): Iterable<string> {
    needTracefs('the list of tracepoints');
    return listTracepoints();
  }

  tracepointFormat(category: string, name: string): string | undefined {
    // Without tracefs it is not the event that is missing.
    needTracefs(`tracepoint ${category}:${name}`);
    return timed('formats', () => tracepointFormatText(category, name));
  }

  ksym(address: bigint): SymbolAt | undefined {
    return this.#symbols().at(address);
  }

  ksymAddress(name: string): bigint | undefined {
    return this.#symbols().address(name);
  }

  /** By its types, which have nearly all functions; the list of symbols takes ten times as long to read. */
  hasFunction(name: string): boolean {
    return this.kernelBtf.find(name, 'func') !== undefined || this.ksymAddress(name) !== undefined;
  }

  userSymbol(pid: number, address: bigint): SymbolAt | undefined {
    return this.#process(pid).at(address);
  }

  userSymbolAddress(pid: number, module: string | undefined, name: string): bigint | undefined {
    return this.#process(pid).address(module, name);
  }

  /** Why an address of a process, or of the kernel for a pid below 0, has no name; undefined when it has one. */
  whyUnknown(pid: number, address: bigint): string | undefined {
    if (pid < 0) return this.#symbols().why(address);
    return this.#process(pid).why(address);
  }

  #process(pid: number): ProcessSymbols {
    let symbols = this.#processes.get(pid);
    if (!symbols) this.#processes.set(pid, (symbols = new ProcessSymbols(pid)));
    return symbols;
  }

  openPerfCounter(
    map: MapHandle,
    counter: { readonly type: number; readonly config: number | bigint; readonly pid: number; readonly cpu: number },
  ): Link {
    const doing = `opening a counter for table '${map.spec.name}' (type ${counter.type}, config ${counter.config}, cpu ${counter.cpu})`;
    const event = perfEventOpen({ type: counter.type, config: counter.config }, counter.pid, counter.cpu);
    if (event < 0) throw new SysError('perf_event_open', errnoName(event), doing, perfHint(event));
    const key = new Uint8Array(Uint32Array.of(counter.cpu).buffer);
    const errno = ownMap(map).update(key, new Uint8Array(Int32Array.of(event).buffer));
    if (errno < 0) {
      closeAll([event]);
      throw new SysError('bpf(BPF_MAP_UPDATE_ELEM)', errnoName(errno), doing);
    }
    const probe = { kind: 'perf_counter', target: `${counter.type}:${counter.config}` };
    return this.#links.keep(probe, { how: 'perf event', fds: [event], undo: () => void map.delete(key) });
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#links.close();
    for (const reader of this.#readers) reader.close();
    for (const pipe of this.#pipes) pipe.close();
    this.#tree?.close();
    for (const prog of this.#progs) prog.close();
    for (const map of this.#maps) map.close();
    for (const btf of this.#objects.values()) btf.close();
    closeAll(this.#others.map(({ pidfd }) => pidfd));
    this.#command?.close();
    if (this.#options.flag) Atomics.store(this.#options.flag, 2, 0);
    sys().close(this.#interrupt);
  }
}

/** A process and a descriptor that becomes readable when it ends. Before Linux 5.3 there is none, and nobody hears of the end. */
function watch(pid: number): { pid: number; pidfd: number }[] {
  const door = sys();
  const pidfd = door.syscall(door.calls.pidfd_open, pid, 0);
  if (pidfd === -ERRNO.ESRCH) throw new BpfError('ESRCH', `there is no process ${pid}`);
  // A thread, but not the first of its process, is EINVAL: there is a process with it.
  return pidfd < 0 ? [] : [{ pid, pidfd }];
}

/** Slots of prog arrays and maps of maps that the object fills by name, as far as what they name is there by now. */
function fillSlots(object: ObjectSpec, maps: ReadonlyMap<string, MapHandle>, loaded: LinuxProg): void {
  for (const spec of object.maps) {
    for (const slot of spec.slots ?? []) {
      const array = maps.get(spec.name);
      const fd =
        slot.prog === loaded.spec.name ? loaded.fd : slot.map === undefined ? undefined : maps.get(slot.map)?.fd;
      if (!array || fd === undefined) continue;
      const errno = array.update(
        new Uint8Array(Uint32Array.of(slot.index).buffer),
        new Uint8Array(Int32Array.of(fd).buffer),
      );
      if (errno < 0)
        throw new SysError(
          'bpf(BPF_MAP_UPDATE_ELEM)',
          errnoName(errno),
          `slot ${slot.index} of map '${spec.name}' (${slot.prog ?? slot.map})`,
        );
    }
  }
}
