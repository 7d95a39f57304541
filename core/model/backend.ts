/**
 * The model backend: programs, maps and hooks in the in-process kernel. It verifies, links and loads programs onto an engine, attaches
 * them to the kernel's hooks, and lets the world move by pumping the source.
 */
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
} from '../backend/backend.ts';
import { BpfError, Unsupported } from '../base/errors.ts';
import type { Btf } from '../btf/btf.ts';
import { printFormat, readTracepoints, type TracepointFormat } from '../btf/tracepoint.ts';
import { helperById } from '../helpers/index.ts';
import { CgroupStorageMap } from '../maps/cgroup-storage.ts';
import { EBADF, EINVAL } from '../maps/errno.ts';
import { createMap } from '../maps/index.ts';
import { LocalStorageMap } from '../maps/local-storage.ts';
import type { BpfMap, MapHost } from '../maps/map.ts';
import { ProgArrayMap } from '../maps/prog-array.ts';
import type { MapSpec, ObjectSpec, ProgSpec } from '../spec/spec.ts';
import { withoutDead } from '../verifier/index.ts';
import type { Engine, EngineHost, Executable } from '../vm/engine.ts';
import { engineByName } from '../vm/engines.ts';
import { VmMemory } from '../vm/memory.ts';
import { ATTACH_ROWS, type AttachRow, attachRow } from './attach.ts';
import { openCounter } from './counter.ts';
import { Contexts } from './ctx.ts';
import { DEVICES, type SentPacket } from './devices.ts';
import { ModelEnv } from './env.ts';
import { attrsOf, type LiveMap, ModelMap, ModelProg } from './handles.ts';
import { needsOf, passedTracepoints, probeableFunctions } from './hook-table.ts';
import type { HookEvent } from './hooks.ts';
import { IterLink } from './iterators.ts';
import { ModelKernel } from './kernel.ts';
import { linkMaps, movePacketLoads } from './link.ts';
import { contextSize } from './packet-buffer.ts';
import { PACKET_KINDS, PacketPath } from './packet-path.ts';
import { type CountingReader, openRecordReader } from './records.ts';
import type { Routes } from './routes.ts';
import type { EventSource, SyscallInterest } from './source.ts';
import { TraceBuffer } from './trace-pipe.ts';
import { formatText } from './tracepoints/format.ts';
import { tracepointByName } from './tracepoints/index.ts';
import { type Verify, verifyForModel } from './verify.ts';
import { workloadsThatFire } from './workload/index.ts';

export interface ModelBackendOptions {
  /** Types of the kernel: its objects are laid out by them. */
  readonly btf: Btf;
  /** What makes the world move. Without one the world ends at the first wait. */
  readonly source?: EventSource;
  /** An engine, or its name (core/vm/engines.ts); the best that runs here by default. */
  readonly engine?: Engine | string;
  /** CPUs of the model; by default what the source says, or 1. */
  readonly cpus?: number;
  /** Of the one random source; same seed, same numbers. */
  readonly seed?: number;
  /** What uname says. */
  readonly release?: string;
  /** Another verifier than core/verifier; `false` runs programs unverified, every access checked by the engine. */
  readonly verify?: Verify | false;
  /** CLOCK_REALTIME at CLOCK_MONOTONIC zero, seconds since 1970. */
  readonly realtimeAtBootS?: number;
  /** Text of the shipped list of tracepoint formats (data/tracepoints-6.1.json, inflated): for events that the model never passes. */
  readonly formats?: () => string;
  /** Programs may be attached to any function of the BTF, also to those that the model never calls: a test calls them. */
  readonly anyFunction?: boolean;
}

/** Hooks of functions by probe kind. */
const FUNCTION_HOOKS: Readonly<Record<string, string>> = {
  kprobe: 'kprobe',
  kretprobe: 'kretprobe',
  kfunc: 'kprobe',
  kretfunc: 'kretprobe',
};

/** The number that was given with the probe, for bpf_get_attach_cookie. */
function cookieOf(probe: Probe): readonly [number, number] {
  const given = probe.options?.cookie;
  const cookie = typeof given === 'bigint' || typeof given === 'number' ? BigInt(given) : 0n;
  return [Number(BigInt.asIntN(32, cookie)), Number(BigInt.asIntN(32, cookie >> 32n))];
}

/** Where the numbers of tracepoints begin that the model does not pass. */
const FOREIGN_IDS = 10000;

export class ModelBackend implements Backend {
  readonly name = 'model';
  readonly kernel: ModelKernel;
  readonly source: EventSource | undefined;
  readonly #options: ModelBackendOptions;
  readonly #engine: Engine;
  readonly #memory: VmMemory;
  readonly #contexts: Contexts;
  readonly #trace = new TraceBuffer();
  readonly #env: ModelEnv;
  readonly #mapHost: MapHost;
  readonly #mapsByOffset = new Map<number, BpfMap>();
  readonly #handles = new Map<number, ModelMap | ModelProg>();
  readonly #pinned = new Map<string, LiveMap>();
  readonly #links = new Set<Link>();
  readonly #packets: PacketPath;
  readonly #readers = new Set<CountingReader>();
  /** Programs by number, for tail calls: a prog array keeps them alive after their handles are closed. */
  readonly #progs = new Map<number, ModelProg>();
  /** Program type of each prog array, which its first program decides. */
  readonly #arrayTypes = new Map<BpfMap, string>();
  #region = { offset: 0, size: 0 };
  #nextFd = 3;
  #traced = 0;
  #reported = 0;
  #interest: readonly SyscallInterest[] | undefined;
  #ended = false;
  #fault: unknown;
  #formats: ReadonlyMap<string, TracepointFormat> | undefined;
  #closed = false;

  constructor(options: ModelBackendOptions) {
    this.#options = options;
    this.source = options.source;
    const { engine = 'auto' } = options;
    this.#engine = typeof engine === 'string' ? engineByName(engine) : engine;
    const why = this.#engine.unavailable();
    if (why !== undefined) throw new Unsupported(`the ${this.#engine.name} engine`, { backend: 'model', hint: why });
    this.#memory = new VmMemory();
    this.kernel = new ModelKernel({
      memory: this.#memory,
      btf: options.btf,
      cpus: options.cpus ?? options.source?.cpus ?? 1,
      ...(options.release !== undefined && { release: options.release }),
      ...(options.seed !== undefined && { seed: options.seed }),
      ...(options.realtimeAtBootS !== undefined && { realtimeAtBootS: options.realtimeAtBootS }),
    });
    if (options.source) this.kernel.view = options.source.view;
    this.#contexts = new Contexts(this.#memory);
    this.#env = new ModelEnv(this.kernel, this.#trace, this.#mapsByOffset, () => {
      this.#traced++;
    });
    this.#packets = new PacketPath(this.#memory, this.#env, this.#links, (region) => {
      this.#region = region;
    });
    this.#mapHost = {
      memory: this.#memory,
      cpus: this.kernel.cpus,
      currentCpu: () => this.kernel.cpu,
      random: () => this.kernel.random.next(),
      mapByFd: (fd) => {
        const handle = this.#handles.get(fd);
        return handle instanceof ModelMap ? handle.map : undefined;
      },
      mapId: (map) => map.offset,
      hasDevice: (ifindex) => ifindex >= 1 && ifindex <= DEVICES.length,
      // A pidfd is a descriptor of somebody's: here the process id stands for it.
      ownerByFd: (kind, fd) =>
        kind === 'task' && this.kernel.tasks.known(fd) ? this.kernel.tasks.struct(this.kernel.tasks.get(fd)) : EBADF,
      progByFd: (fd, array) => this.#progForArray(fd, array),
    };
  }

  get kernelBtf(): Btf {
    return this.kernel.btf;
  }

  get release(): string {
    return this.kernel.release;
  }

  get cpus(): number {
    return this.kernel.cpus;
  }

  createMap(asked: MapSpec, object: ObjectSpec): MapHandle {
    const shared = asked.pin === undefined ? undefined : this.#pinned.get(asked.pin);
    if (asked.type === '' && !shared)
      throw new BpfError('ENOENT', `map ${asked.name}: no program that is loaded shares a map of that name`);
    const spec =
      asked.type === '' ? { ...asked, type: shared!.map.attrs.type, maxEntries: shared!.map.attrs.maxEntries } : asked;
    const live = shared ?? { map: this.#newMap(spec, object), users: 0 };
    const { attrs } = live.map;
    if (attrs.keySize !== spec.keySize || attrs.valueSize !== spec.valueSize || attrs.type !== spec.type)
      throw new BpfError('EINVAL', `map ${spec.name}: the shared map ${spec.pin} is of another kind`);
    if (spec.pin !== undefined) this.#pinned.set(spec.pin, live);
    live.users++;
    const fd = this.#nextFd++;
    const handle = new ModelMap(spec, live.map, this.cpus, fd, () => {
      this.#handles.delete(fd);
      // A map pinned by path outlives its handles.
      if (--live.users > 0 || spec.pin?.includes('/')) return;
      if (spec.pin !== undefined) this.#pinned.delete(spec.pin);
      this.#mapsByOffset.delete(live.map.offset);
      live.map.close();
    });
    this.#handles.set(fd, handle);
    return handle;
  }

  #newMap(spec: MapSpec, object: ObjectSpec): BpfMap {
    const map = createMap(attrsOf(spec, object.btf, this.kernelBtf), this.#mapHost);
    // What programs hung on an object goes with it: another one may have its address next.
    if (map instanceof LocalStorageMap)
      this.kernel.objects.onFree ??= (offset) => {
        for (const other of this.#mapsByOffset.values())
          if (other instanceof LocalStorageMap) other.deleteOwner(offset);
      };
    this.#mapsByOffset.set(map.offset, map);
    for (const { key, value } of spec.initial ?? []) {
      const error = map.update(key, value, 0);
      if (error < 0) throw new BpfError('EINVAL', `map ${spec.name}: its initial contents were refused (${error})`);
    }
    if (spec.readOnly) map.freeze?.();
    return map;
  }

  load(prog: ProgSpec, object: ObjectSpec, maps: ReadonlyMap<string, MapHandle>): ProgHandle {
    const live = new Map<string, BpfMap>();
    for (const [name, handle] of maps) if (handle instanceof ModelMap) live.set(name, handle.map);
    checkModule(prog);
    const verify = this.#options.verify ?? verifyForModel;
    const verdict = verify
      ? verify({
          prog,
          object,
          maps: [...maps.values()].map((m) => m.spec),
          kernelBtf: this.kernelBtf,
          release: this.release,
          cpus: this.cpus,
        })
      : { facts: undefined, log: '' };
    const insns = withoutDead(linkMaps(prog, live), verdict.facts);
    movePacketLoads(insns, verdict.facts, contextSize(prog.type === 'xdp' ? 'xdp' : 'skb'));
    const program = {
      name: prog.name,
      insns,
      funcs: prog.funcs,
      lines: prog.lines,
      facts: verdict.facts,
    };
    const host: EngineHost = {
      memory: this.#memory,
      env: this.#env,
      helper: helperById,
      tailCallTarget: (mapOffset, index) => this.#tailCallTarget(mapOffset, index),
      regions: () => [{ ...this.#region, writable: false }],
    };
    const fd = this.#nextFd++;
    const handle = new ModelProg(
      prog,
      verdict.log,
      fd,
      this.#engine.prepare(program, host),
      () => {
        this.#handles.delete(fd);
      },
      storagesOf(prog, live),
    );
    this.#handles.set(fd, handle);
    this.#progs.set(fd, handle);
    return handle;
  }

  /** All programs of a prog array are of one type (kernel/bpf/core.c, bpf_prog_map_compatible). */
  #progForArray(fd: number, array: BpfMap): number {
    const prog = this.#handles.get(fd);
    if (!(prog instanceof ModelProg)) return EBADF;
    const type = this.#arrayTypes.get(array) ?? prog.spec.type;
    if (type !== prog.spec.type) return EINVAL;
    this.#arrayTypes.set(array, type);
    return fd;
  }

  #tailCallTarget(mapOffset: number, index: number): Executable | undefined {
    const map = this.#mapsByOffset.get(mapOffset);
    if (!(map instanceof ProgArrayMap) || index >>> 0 >= map.attrs.maxEntries) return undefined;
    return this.#progs.get(map.slot(index >>> 0))?.executable;
  }

  attach(prog: ProgHandle, probe: Probe): Link {
    if (!(prog instanceof ModelProg)) throw new BpfError('EINVAL', 'the program was not loaded by this backend');
    if (probe.kind === 'iter') return this.#attachIterator(prog, probe);
    if (PACKET_KINDS.includes(probe.kind)) return this.#packets.attach(prog, probe);
    const row = attachRow(probe);
    if (!row.progTypes.includes(prog.spec.type)) {
      throw new BpfError(
        'EINVAL',
        `program ${prog.spec.name} of type ${prog.spec.type} cannot be attached as a ${probe.kind}; that takes ${row.progTypes.join(', ')}`,
      );
    }
    const hook = this.#hookOf(row, probe);
    this.#checkFires(hook, probe);
    this.#checkCovered(hook, probe);
    const cookie = cookieOf(probe);
    const detach = this.kernel.hooks.attach(hook, (event) => {
      if (row.accepts && !row.accepts(probe, this.kernel.current.tgid, this.kernel.cpu)) return;
      const context = row.context(this.#contexts, event, this.kernel.current.tid);
      this.#run(prog, row, context, event, cookie);
    });
    const link: Link = {
      probe,
      close: () => {
        detach();
        this.#links.delete(link);
      },
    };
    this.#links.add(link);
    return link;
  }

  supports(kind: string): boolean {
    return kind === 'iter' || PACKET_KINDS.includes(kind) || ATTACH_ROWS.some((row) => row.kind === kind);
  }

  #attachIterator(prog: ModelProg, probe: Probe): IterLink {
    if (prog.spec.attachType !== 'trace_iter')
      throw new BpfError(
        'EINVAL',
        `program ${prog.spec.name} is no iterator: it is declared with BPF_ITER(${probe.target})`,
      );
    const { tasks } = this.kernel;
    const map = this.#handles.get(Number(probe.options?.['mapFd'] ?? -1));
    const world = {
      objects: this.kernel.objects,
      tasks: () => {
        // A task's struct brings those of its parents with it.
        for (const task of tasks.all()) tasks.struct(task);
        const { pid, tid } = (probe.options ?? {}) as { readonly pid?: number; readonly tid?: number };
        const living = [...tasks.all()].filter(
          (t) => t.tid > 0 && (pid ?? t.tgid) === t.tgid && (tid ?? t.tid) === t.tid,
        );
        return living.sort((x, y) => x.tid - y.tid).map((t) => tasks.struct(t));
      },
    };
    const link = new IterLink(
      probe,
      world,
      map instanceof ModelMap ? map.map : undefined,
      (context, write) => {
        const env = this.#env;
        env.ctx = context.offset;
        env.progType = prog.spec.type;
        env.seqFile = write;
        this.#region = context;
        prog.executable.run(context.offset);
        return prog.executable.r0Lo;
      },
      (gone) => this.#links.delete(gone),
    );
    this.#links.add(link);
    return link;
  }

  /**
   * Put a packet (link-layer header first, at most 64 KiB) on a network device of the model: it passes XDP, the device's tcx programs and the cgroup's
   * filters, then every socket attached there sees it. Returns how many kept some of it. Throws Fault when a program faults.
   */
  injectPacket(device: string, packet: Uint8Array): number {
    return this.#packets.receive(device, packet);
  }

  /** Routes that bpf_fib_lookup finds; empty at first. */
  get routes(): Routes {
    return this.#env.routes;
  }

  /**
   * A packet that the machine itself sends by a device: it passes the cgroup's filters and the device's tcx programs, then it is among what takeSent
   * gives, if they let it. Throws Fault when a program faults.
   */
  sendPacket(device: string, packet: Uint8Array): void {
    this.#packets.send(device, packet);
  }

  /** Packets that left by a device, or were sent on to a CPU or a socket (XDP_TX, redirects), since the last time this was asked. */
  takeSent(): SentPacket[] {
    return this.#packets.take();
  }

  /** A source that can never make this hook fire is no use to the tool: refuse, and say who has it. */
  #checkFires(hook: string, probe: Probe): void {
    const { source } = this;
    if (!source?.canFire || source.canFire(hook)) return;
    const workloads = workloadsThatFire(hook);
    throw new Unsupported(`${probe.kind} ${probe.target} with a ${source.name} source`, {
      backend: 'model',
      hint:
        workloads.length > 0
          ? `these workloads have it: ${workloads.join(', ')}; so may the linux backend`
          : 'the linux backend may have it',
    });
  }

  /** Where a probe goes. With `anyFunction`, functions that only the kernel's BTF has are hooks as well: somebody else calls them. */
  #hookOf(row: AttachRow, probe: Probe): string {
    try {
      return row.hook(probe.target, this.kernel.symbols);
    } catch (error) {
      const side = FUNCTION_HOOKS[probe.kind];
      if (!this.#options.anyFunction || side === undefined || !this.kernel.symbols.inBtf(probe.target)) throw error;
      return `${side}:${probe.target}`;
    }
  }

  /** Timers that are due until then (CLOCK_MONOTONIC) fire, each at its time. */
  runTimers(untilNs: bigint): void {
    try {
      this.#env.timers.run(untilNs);
    } catch (error) {
      this.#fault ??= error;
    }
  }

  /** The error that a program ended with meanwhile, if one did: for who fires hooks without waiting. */
  throwFault(): void {
    if (this.#fault === undefined) return;
    const fault = this.#fault;
    this.#fault = undefined;
    throw fault;
  }

  /** Once the source runs, it watches what was hooked then. */
  #checkCovered(hook: string, probe: Probe): void {
    if (!this.#interest) return;
    const watched = new Map(this.#interest.map((i) => [i.nr, i.exit]));
    if (needsOf(hook).every((need) => watched.has(need.nr) && (!need.exit || watched.get(need.nr)))) return;
    throw new BpfError(
      'EBUSY',
      `${probe.kind} ${probe.target}: the source runs already and does not watch the system calls this needs; attach before the first blocking call`,
    );
  }

  #run(
    prog: ModelProg,
    row: AttachRow,
    context: { readonly offset: number; readonly size: number },
    event: HookEvent,
    cookie: readonly [number, number],
  ): void {
    const env = this.#env;
    env.event = event;
    env.cookie = cookie;
    env.ctx = context.offset;
    env.progType = prog.spec.type;
    env.entry = row.entry;
    this.#region = context;
    try {
      prog.executable.run(context.offset);
    } catch (error) {
      // The event must be finished first (its task stands still): wait() throws it afterwards.
      this.#fault ??= error;
    }
  }

  openTracePipe(): TracePipe {
    return this.#trace.open();
  }

  openRecords(map: MapHandle, options: { readonly pages?: number; readonly wakeupEvents?: number }): RecordReader {
    if (!(map instanceof ModelMap)) throw new BpfError('EINVAL', 'the map was not created by this backend');
    const reader = openRecordReader(map.map, this.cpus, options);
    this.#readers.add(reader);
    return {
      consume: (sink) => reader.consume(sink),
      close: () => {
        this.#readers.delete(reader);
        reader.close();
      },
    };
  }

  wait(timeoutMs: number): WaitResult {
    this.#start();
    const deadline = timeoutMs < 0 ? Number.POSITIVE_INFINITY : this.nowMs() + timeoutMs;
    for (let pumped = false; ; pumped = true) {
      const activity = this.#activity();
      if (activity !== this.#reported) {
        this.#reported = activity;
        return 'ready';
      }
      if (this.#ended || !this.source) return 'ended';
      const left = timeoutMs < 0 ? -1 : Math.max(0, deadline - this.nowMs());
      if (pumped && left === 0) return 'timeout';
      const result = this.source.pump(left, (event) => {
        this.runTimers(event.tsNs);
        this.kernel.deliver(event);
        return this.#fault === undefined && this.#activity() === this.#reported;
      });
      this.throwFault();
      if (result === 'interrupted') return 'interrupted';
      if (result === 'ended') this.#ended = true;
      if (result === 'timeout' && this.#activity() === this.#reported) return 'timeout';
    }
  }

  nowMs(): number {
    const ns = this.source?.nowNs?.();
    return ns === undefined ? Date.now() : Number(ns / 1000n) / 1000;
  }

  /** Lines and records ever written: when it changes, there is something to read. */
  #activity(): number {
    let sum = this.#traced;
    for (const reader of this.#readers) sum += reader.written;
    return sum;
  }

  #start(): void {
    if (this.#interest) return;
    this.#interest = this.kernel.interest();
    this.source?.start(this.#interest);
  }

  kernelFunctions(): Iterable<string> {
    return probeableFunctions();
  }

  tracepoints(): Iterable<string> {
    return passedTracepoints();
  }

  tracepointFormat(category: string, name: string): string | undefined {
    const entry = tracepointByName(`${category}:${name}`);
    if (entry) return formatText(entry.row, entry.id);
    this.#formats ??= readTracepoints(this.#options.formats?.() ?? '{}');
    const format = this.#formats.get(`${category}:${name}`);
    // Numbers of the model's own events come first.
    return format && printFormat({ ...format, id: format.id + FOREIGN_IDS });
  }

  ksym(address: bigint): SymbolAt | undefined {
    return this.kernel.symbols.at(address);
  }

  ksymAddress(name: string): bigint | undefined {
    return this.kernel.symbols.address(name);
  }

  userSymbol(pid: number, address: bigint): SymbolAt | undefined {
    return this.kernel.userStacks.at(pid, address);
  }

  userSymbolAddress(pid: number, module: string | undefined, name: string): bigint | undefined {
    return this.kernel.userStacks.address(pid, module, name);
  }

  openPerfCounter(
    map: MapHandle,
    counter: { readonly type: number; readonly config: number | bigint; readonly pid: number; readonly cpu: number },
  ): Link {
    return openCounter(map, counter, this.kernel.clock);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const link of [...this.#links]) link.close();
    for (const reader of this.#readers) reader.close();
    this.#readers.clear();
    for (const handle of [...this.#handles.values()]) handle.close();
    for (const { map } of this.#pinned.values()) map.close();
    this.#pinned.clear();
    this.#mapsByOffset.clear();
    this.#contexts.close();
  }
}

/** Cgroup storages that a program names. */
function storagesOf(prog: ProgSpec, maps: ReadonlyMap<string, BpfMap>): CgroupStorageMap[] {
  const named = prog.relocs.flatMap((reloc) => (reloc.kind === 'map' ? [maps.get(reloc.map)] : []));
  return [...new Set(named)].filter((map) => map instanceof CgroupStorageMap);
}

/** MODULE_KFUNC_PROBE(module, ...): everything here is the kernel's own. Throws BpfError ENOENT. */
function checkModule(prog: ProgSpec): void {
  const [module, name] =
    prog.type === 'tracing' && prog.attachType !== 'trace_raw_tp' ? (prog.attach?.target ?? '').split(':') : [];
  if (name !== undefined)
    throw new BpfError(
      'ENOENT',
      `program ${prog.name}: the model kernel has no module ${module}, it is all of one piece: the linux backend has modules`,
    );
}
