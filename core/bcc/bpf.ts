/**
 * class BPF: compile a program, make its maps, load its functions, attach them, read what they say. BCC's class of the same
 * name (docs/reference_guide.md of BCC, "bcc Python"), over whatever backend the session has.
 */
import type { Backend, Link, MapHandle, ProgHandle } from '../backend/backend.ts';
import { utf8Decode } from '../base/bytes.ts';
import type { Diagnostic } from '../base/diagnostics.ts';
import { renderDiagnostics } from '../base/diagnostics.ts';
import { BpfError, CompileError, nearestNames, Unsupported } from '../base/errors.ts';
import { compile } from '../cc/index.ts';
import { progTypeById, progTypeByName } from '../progs/index.ts';
import type { MapSpec, ObjectSpec, ProgSpec } from '../spec/spec.ts';
import { EventBuffers, EventStream, PERF_BUFFER_OPTIONS, type PerfBufferOptions } from './events.ts';
import { KernelQueries } from './kernel-queries.ts';
import { listing } from './listing.ts';
import { type Named, named } from './options.ts';
import { type ProbeKind, probeKind } from './probes/index.ts';
import type { ProbeKindRow } from './probes/probe-kind.ts';
import { currentSession, Interrupted, type Session, sleep } from './session.ts';
import { Table } from './table.ts';
import { formatTraceFields, parseTraceLine, TraceReader, TraceStream } from './trace.ts';

export interface BpfOptions {
  /** The C text. */
  text?: string;
  /** A C file to read instead. */
  srcFile?: string;
  /** A header read before the text. */
  hdrFile?: string;
  /** -D, -I, -include. */
  cflags?: readonly string[];
  /** BCC's DEBUG_* bits. */
  debug?: number;
  /** Where to run; the session's backend when absent. */
  backend?: Backend;
}

const OPTION_NAMES = [
  'text',
  'srcFile',
  'hdrFile',
  'cflags',
  'debug',
  'backend',
] as const satisfies readonly (keyof BpfOptions)[];

export interface AttachOptions {
  event?: string;
  eventRe?: string;
  eventOff?: number;
  fnName?: string;
  maxactive?: number;
}

export interface AttachTracepointOptions {
  tp?: string;
  tpRe?: string;
  fnName?: string;
}

export interface AttachUprobeOptions {
  /** Path of a program or library. */
  name?: string;
  sym?: string;
  symRe?: string;
  addr?: number;
  fnName?: string;
  /** Only this process; -1 for all. */
  pid?: number;
  symOff?: number;
}

export interface AttachPerfEventOptions {
  evType?: number;
  evConfig?: number;
  fnName?: string;
  samplePeriod?: number;
  sampleFreq?: number;
  pid?: number;
  cpu?: number;
  groupFd?: number;
}

/** A loaded function: what load_func returns. */
export interface Func {
  readonly name: string;
  readonly handle: ProgHandle;
}

interface Attached {
  readonly kind: string;
  readonly target: string;
  readonly fnName: string;
  readonly link: Link;
}

export class BPF extends KernelQueries {
  // Program types by BCC's names (include/uapi/linux/bpf.h, enum bpf_prog_type).
  static readonly SOCKET_FILTER = 1;
  static readonly KPROBE = 2;
  static readonly SCHED_CLS = 3;
  static readonly SCHED_ACT = 4;
  static readonly TRACEPOINT = 5;
  static readonly XDP = 6;
  static readonly PERF_EVENT = 7;
  static readonly CGROUP_SKB = 8;
  static readonly CGROUP_SOCK = 9;
  static readonly LWT_IN = 10;
  static readonly LWT_OUT = 11;
  static readonly LWT_XMIT = 12;
  static readonly SOCK_OPS = 13;
  static readonly SK_SKB = 14;
  static readonly CGROUP_DEVICE = 15;
  static readonly SK_MSG = 16;
  static readonly RAW_TRACEPOINT = 17;
  static readonly CGROUP_SOCK_ADDR = 18;
  static readonly CGROUP_SOCKOPT = 25;
  static readonly TRACING = 26;
  static readonly LSM = 29;

  // Flags of attachXdp (include/uapi/linux/if_link.h).
  static readonly XDP_FLAGS_UPDATE_IF_NOEXIST = 1;
  static readonly XDP_FLAGS_SKB_MODE = 2;
  static readonly XDP_FLAGS_DRV_MODE = 4;
  static readonly XDP_FLAGS_HW_MODE = 8;
  static readonly XDP_FLAGS_REPLACE = 16;

  readonly backend: Backend;
  /** What compiling gave: inert, printable. */
  readonly object: ObjectSpec;
  readonly #session: Session | undefined;
  readonly #maps = new Map<string, MapHandle>();
  readonly #tables = new Map<string, Table>();
  readonly #funcs = new Map<string, Func>();
  #attached: Attached[] = [];
  #trace: TraceReader | undefined;
  readonly #buffers: EventBuffers;
  #closed = false;

  /** Compile, make the maps, and attach what the functions' names ask for. Throws CompileError, VerifierError, SysError, Unsupported. */
  constructor(options: Named<BpfOptions>) {
    super();
    const given = named<BpfOptions>('new BPF', options, OPTION_NAMES);
    this.#session = given.backend ? undefined : currentSession();
    this.backend = given.backend ?? this.#session!.backend();
    this.#buffers = new EventBuffers(this.backend);
    const source = this.#source(given);
    const { object, diagnostics } = compile(source, {
      kernelBtf: this.backend.kernelBtf,
      kernelRelease: this.backend.release,
      cflags: given.cflags ?? [],
      headers: (name) => this.#readText(name),
      tracepointFormat: (category, name) => this.backend.tracepointFormat(category, name),
    });
    if (!object) throw new CompileError(diagnostics);
    this.#warn(diagnostics);
    this.object = object;
    try {
      for (const spec of object.maps)
        this.#maps.set(spec.name, this.backend.createMap(sized(spec, this.backend.cpus), object));
      for (const prog of object.progs) this.#autoAttach(prog);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  // ---- functions -------------------------------------------------------------------------------------------------

  /** Load a function as a program type (a BPF.* constant or the kernel's name). Loading it again gives the same one. */
  loadFunc(funcName: string, progType: number | string): Func {
    this.#open();
    const loaded = this.#funcs.get(funcName);
    if (loaded) return loaded;
    const spec = this.#prog(funcName);
    const type = typeof progType === 'number' ? progTypeById(progType) : progTypeByName(progType);
    if (!type) throw new BpfError('EINVAL', `unknown program type ${JSON.stringify(progType)}`);
    const handle = this.backend.load({ ...spec, type: type.name }, this.object, this.#maps);
    const func = { name: funcName, handle };
    this.#funcs.set(funcName, func);
    return func;
  }

  /** Load every function as one program type. */
  loadFuncs(progType: number | string = BPF.KPROBE): Func[] {
    return this.object.progs.map((prog) => this.loadFunc(prog.name, progType));
  }

  // ---- attaching -------------------------------------------------------------------------------------------------

  attachKprobe(options: Named<AttachOptions>): void {
    this.#attachFunction('kprobe', 'attachKprobe', options);
  }

  attachKretprobe(options: Named<AttachOptions>): void {
    this.#attachFunction('kretprobe', 'attachKretprobe', options);
  }

  attachTracepoint(options: Named<AttachTracepointOptions>): void {
    const { tp, tpRe, fnName } = named<AttachTracepointOptions>('attachTracepoint', options, ['tp', 'tpRe', 'fnName']);
    this.#attachNamed('tracepoint', 'attachTracepoint', tp, tpRe, fnName, {});
  }

  attachRawTracepoint(options: Named<{ tp?: string; fnName?: string }>): void {
    const { tp, fnName } = named<{ tp?: string; fnName?: string }>('attachRawTracepoint', options, ['tp', 'fnName']);
    this.#attachNamed('raw_tracepoint', 'attachRawTracepoint', tp, undefined, fnName, {});
  }

  /** Attach to functions of a program or library: `name` is its path, `sym` a function, or `addr` an offset in the file. */
  attachUprobe(options: Named<AttachUprobeOptions>): void {
    this.#attachUser('uprobe', 'attachUprobe', options);
  }

  attachUretprobe(options: Named<AttachUprobeOptions>): void {
    this.#attachUser('uretprobe', 'attachUretprobe', options);
  }

  /** Attach a KFUNC_PROBE function that is not attached yet, by its name or its kernel function's. */
  attachKfunc(options: Named<{ fnName?: string }> | string): void {
    this.#attachTracing('kfunc', 'attachKfunc', options);
  }

  attachKretfunc(options: Named<{ fnName?: string }> | string): void {
    this.#attachTracing('kretfunc', 'attachKretfunc', options);
  }

  attachFmodRet(options: Named<{ fnName?: string }> | string): void {
    this.#attachTracing('fmod_ret', 'attachFmodRet', options);
  }

  attachLsm(options: Named<{ fnName?: string }> | string): void {
    this.#attachTracing('lsm', 'attachLsm', options);
  }

  /** Sample by a perf event: `evType` and `evConfig` are perf_event_open(2)'s type and config. */
  attachPerfEvent(options: Named<AttachPerfEventOptions>): void {
    const { evType, evConfig, fnName, ...rest } = named<AttachPerfEventOptions>('attachPerfEvent', options, [
      'evType',
      'evConfig',
      'fnName',
      'samplePeriod',
      'sampleFreq',
      'pid',
      'cpu',
      'groupFd',
    ]);
    if (evType === undefined || evConfig === undefined)
      throw new TypeError("attachPerfEvent: 'evType' and 'evConfig' are needed");
    this.#attachNamed('perf_event', 'attachPerfEvent', `${evType}:${evConfig}`, undefined, fnName, { ...rest });
  }

  detachPerfEvent(options: Named<{ evType?: number; evConfig?: number }>): void {
    const { evType, evConfig } = named<{ evType?: number; evConfig?: number }>('detachPerfEvent', options, [
      'evType',
      'evConfig',
    ]);
    this.#detach('perf_event', `${evType}:${evConfig}`, 'event');
  }

  /** Run a socket filter on every packet of a network interface. */
  attachRawSocket(options: Named<{ fnName?: string; dev?: string }>): void {
    const { fnName, dev } = named<{ fnName?: string; dev?: string }>('attachRawSocket', options, ['fnName', 'dev']);
    this.#attachNamed('socket', 'attachRawSocket', dev, undefined, fnName, {});
  }

  attachXdp(options: Named<{ dev?: string; fnName?: string; flags?: number }>): void {
    const {
      dev,
      fnName,
      flags = 0,
    } = named<{ dev?: string; fnName?: string; flags?: number }>('attachXdp', options, ['dev', 'fnName', 'flags']);
    this.#attachNamed('xdp', 'attachXdp', dev, undefined, fnName, { flags });
  }

  removeXdp(dev: string): void {
    this.#detach('xdp', dev, 'event');
  }

  detachUprobe(options: Named<AttachUprobeOptions>): void {
    this.#detach('uprobe', userTarget('detachUprobe', options).target, 'event');
  }

  detachUretprobe(options: Named<AttachUprobeOptions>): void {
    this.#detach('uretprobe', userTarget('detachUretprobe', options).target, 'event');
  }

  detachKfunc(options: Named<{ fnName?: string }> | string): void {
    this.#detachTracing('kfunc', 'detachKfunc', options);
  }

  detachKretfunc(options: Named<{ fnName?: string }> | string): void {
    this.#detachTracing('kretfunc', 'detachKretfunc', options);
  }

  detachLsm(options: Named<{ fnName?: string }> | string): void {
    this.#detachTracing('lsm', 'detachLsm', options);
  }

  /** Detach from a function: only `fnName`'s program, or all of them. Throws when nothing is attached there. */
  detachKprobe(options: Named<{ event?: string; fnName?: string }> | string): void {
    this.#detach('kprobe', options, 'event');
  }

  detachKretprobe(options: Named<{ event?: string; fnName?: string }> | string): void {
    this.#detach('kretprobe', options, 'event');
  }

  detachTracepoint(options: Named<{ tp?: string; fnName?: string }> | string): void {
    this.#detach('tracepoint', options, 'tp');
  }

  detachRawTracepoint(options: Named<{ tp?: string; fnName?: string }> | string): void {
    this.#detach('raw_tracepoint', options, 'tp');
  }

  numOpenKprobes(): number {
    return this.#attached.filter((a) => a.kind === 'kprobe' || a.kind === 'kretprobe').length;
  }

  numOpenUprobes(): number {
    return this.#attached.filter((a) => a.kind === 'uprobe' || a.kind === 'uretprobe').length;
  }

  numOpenTracepoints(): number {
    return this.#attached.filter((a) => a.kind === 'tracepoint').length;
  }

  // ---- tables ----------------------------------------------------------------------------------------------------

  /** A table by name. Throws with the nearest names when there is none. */
  getTable<K = unknown, V = unknown>(name: string): Table<K, V> {
    this.#open();
    let table = this.#tables.get(name);
    if (!table) {
      const map = this.#maps.get(name);
      if (!map) throw notFound('table', name, this.#maps.keys(), 'the program has');
      table = new Table(map, this.object, { backend: this.backend, buffers: this.#buffers });
      this.#tables.set(name, table);
    }
    return table as Table<K, V>;
  }

  /** Names of the tables. */
  tables(): string[] {
    return [...this.#maps.keys()];
  }

  // ---- events ------------------------------------------------------------------------------------------------------

  /**
   * Deliver the records of all open perf buffers, waiting for some at most `timeoutMs` (-1: for ever, 0: only what is there). Returns how many
   * came. Throws Interrupted at Ctrl-C, and when the source has ended and everything was delivered.
   */
  perfBufferPoll(timeoutMs = -1): number {
    this.#open();
    return this.#buffers.poll('perf', timeoutMs);
  }

  /** Deliver what the perf buffers hold now, without waiting; how many records. */
  perfBufferConsume(): number {
    this.#open();
    return this.#buffers.consume('perf');
  }

  /** BCC's old name of perf_buffer_poll. */
  kprobePoll(timeoutMs = -1): number {
    return this.perfBufferPoll(timeoutMs);
  }

  /** As perfBufferPoll, for ring buffers. */
  ringBufferPoll(timeoutMs = -1): number {
    this.#open();
    return this.#buffers.poll('ring', timeoutMs);
  }

  ringBufferConsume(): number {
    this.#open();
    return this.#buffers.consume('ring');
  }

  /**
   * Decoded events of a perf or ring buffer: `for (const e of b.events<Event>('events'))`, or `for await`. Ends at Ctrl-C and at the source's
   * end. The buffer is opened now, so that nothing sent from here on is missed.
   */
  events<E = Record<string, unknown>>(
    name: string,
    options: Named<PerfBufferOptions> & { readonly signal?: { readonly aborted: boolean } } = {},
  ): EventStream<E> {
    const { signal, ...rest } = options;
    const given = named<PerfBufferOptions>('events', rest as Named<PerfBufferOptions>, PERF_BUFFER_OPTIONS);
    const table = this.getTable(name);
    return new EventStream<E>(
      this.#buffers,
      (deliver) => this.#buffers.open(table.map, (_cpu, data) => deliver(table.event<E>(data)), given),
      signal,
    );
  }

  // ---- looking inside ----------------------------------------------------------------------------------------------

  /** A function's instructions as compiled, eight bytes each; maps are not yet filled in. */
  dumpFunc(funcName: string): Uint8Array {
    return this.#prog(funcName).insns.slice();
  }

  /** A function's instructions as text, with the names of maps and helpers. */
  disassembleFunc(funcName: string): string {
    return listing(this.#prog(funcName));
  }

  /** Names of the functions, in the text's order. */
  functions(): string[] {
    return this.object.progs.map((prog) => prog.name);
  }

  /** Nothing at all: BCC's place for a callback that is called later. */
  donothing(): void {}

  /** BCC frees its compiler here; skep keeps none. */
  freeBccMemory(): number {
    return 0;
  }

  // ---- the trace pipe ----------------------------------------------------------------------------------------------

  /** The next line of the trace pipe. Blocking (the default): throws Interrupted at Ctrl-C or at the source's end. */
  traceReadline(nonblocking = false): string | undefined {
    return this.#tracer().readline(nonblocking);
  }

  /** Messages of bpf_trace_printk, as fields: `for (const f of b.traceFields())`, or `for await`. */
  traceFields(
    options: { readonly nonblocking?: boolean; readonly signal?: { readonly aborted: boolean } } = {},
  ): TraceStream {
    return new TraceStream(this.#tracer(), options);
  }

  /** Print the trace pipe until Ctrl-C or the source's end: whole lines, or by a format of `{0}`..`{5}`. */
  tracePrint(fmt?: string): void {
    const print = (line: string) => (this.#session ?? currentSession()).print(line);
    const reader = this.#tracer();
    for (;;) {
      const line = reader.readline();
      if (line === undefined) return;
      if (fmt === undefined) print(line);
      else {
        const fields = parseTraceLine(line);
        if (fields) print(formatTraceFields(fmt, fields));
      }
    }
  }

  /**
   * Let the world run until the command (or recording) ends or Ctrl-C comes, at most `timeoutMs`: for programs that only fill tables. Unlike
   * the other blocking calls it never throws; it says why it came back.
   */
  wait(timeoutMs?: number): 'ended' | 'interrupted' | 'timeout' {
    this.#open();
    try {
      sleep(timeoutMs ?? Number.POSITIVE_INFINITY, this.backend);
      return 'timeout';
    } catch (error) {
      if (error instanceof Interrupted) return error.why;
      throw error;
    }
  }

  // ---- the end -----------------------------------------------------------------------------------------------------

  /** Detach everything and free the maps. Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#buffers.close();
    for (const { link } of this.#attached) link.close();
    this.#attached = [];
    for (const { handle } of this.#funcs.values()) handle.close();
    for (const map of this.#maps.values()) map.close();
    this.#trace?.close();
  }

  /** BCC's name for close(). */
  cleanup(): void {
    this.close();
  }

  // ---- inside ------------------------------------------------------------------------------------------------------

  #source(options: BpfOptions): { name: string; text: string } {
    if (options.text !== undefined && options.srcFile !== undefined) {
      throw new BpfError('EINVAL', "new BPF: give either 'text' or 'srcFile', not both");
    }
    if (options.srcFile !== undefined) {
      const text = this.#readText(options.srcFile);
      if (text === undefined) throw new BpfError('ENOENT', `new BPF: source file '${options.srcFile}' cannot be read`);
      return { name: options.srcFile, text: this.#header(options) + text };
    }
    if (options.text === undefined) throw new BpfError('EINVAL', "new BPF: 'text' or 'srcFile' is needed");
    return { name: 'program.c', text: this.#header(options) + options.text };
  }

  #header(options: BpfOptions): string {
    if (options.hdrFile === undefined) return '';
    if (this.#readText(options.hdrFile) === undefined)
      throw new BpfError('ENOENT', `new BPF: header file '${options.hdrFile}' cannot be read`);
    return `#include "${options.hdrFile}"\n#line 1\n`;
  }

  #readText(path: string): string | undefined {
    const bytes = this.#session?.readFile?.(path);
    return bytes === undefined ? undefined : utf8Decode(bytes);
  }

  #warn(diagnostics: readonly Diagnostic[]): void {
    if (diagnostics.length > 0 && this.#session) this.#session.warn(renderDiagnostics(diagnostics));
  }

  #open(): void {
    if (this.#closed) throw new BpfError('CLOSED', 'this BPF object is closed');
  }

  #prog(name: string): ProgSpec {
    const prog = this.object.progs.find((p) => p.name === name);
    if (!prog)
      throw notFound(
        'function',
        name,
        this.object.progs.map((p) => p.name),
        'the program has',
      );
    return prog;
  }

  #tracer(): TraceReader {
    this.#open();
    this.#trace ??= new TraceReader(this.backend);
    return this.#trace;
  }

  #autoAttach(prog: ProgSpec): void {
    if (!prog.attach) return;
    const row = probeKind(prog.attach.kind);
    if (row?.auto) this.#attach(row, prog.attach.target, prog.name, {});
  }

  #attachUser(kind: ProbeKind, method: string, options: Named<AttachUprobeOptions>): void {
    const { target, fnName, pid, symRe } = userTarget(method, options);
    if (symRe !== undefined)
      throw new Unsupported(`${method} by symRe`, { hint: 'name one function with sym, or its offset with addr' });
    this.#attachNamed(kind, method, target, undefined, fnName, pid === undefined || pid < 0 ? {} : { pid });
  }

  /** A function written for this kind, by the C function's name or by what it attaches to. */
  #tracing(kind: ProbeKind, method: string, options: Named<{ fnName?: string }> | string): ProgSpec {
    const fnName =
      typeof options === 'string' ? options : named<{ fnName?: string }>(method, options, ['fnName']).fnName;
    if (fnName === undefined) throw new TypeError(`${method}: 'fnName' is needed`);
    const bare = fnName.slice(fnName.lastIndexOf('__', fnName.length - 1) + (fnName.includes('__') ? 2 : 0));
    const prog = this.object.progs.find(
      (p) => p.attach?.kind === kind && [fnName, bare].some((name) => p.name === name || p.attach?.target === name),
    );
    return prog ?? this.#prog(fnName);
  }

  #attachTracing(kind: ProbeKind, method: string, options: Named<{ fnName?: string }> | string): void {
    const prog = this.#tracing(kind, method, options);
    if (prog.attach?.kind !== kind) throw new BpfError('EINVAL', `${method}: '${prog.name}' is no ${kind} function`);
    this.#attach(probeKind(kind)!, prog.attach.target, prog.name, {});
  }

  #detachTracing(kind: ProbeKind, method: string, options: Named<{ fnName?: string }> | string): void {
    const prog = this.#tracing(kind, method, options);
    this.#detach(kind, prog.attach?.target ?? prog.name, 'event');
  }

  #attachFunction(kind: ProbeKind, method: string, options: Named<AttachOptions>): void {
    const { event, eventRe, fnName, eventOff, maxactive } = named<AttachOptions>(method, options, [
      'event',
      'eventRe',
      'eventOff',
      'fnName',
      'maxactive',
    ]);
    this.#attachNamed(kind, method, event, eventRe, fnName, {
      ...(eventOff && { offset: eventOff }),
      ...(maxactive && { maxactive }),
    });
  }

  #attachNamed(
    kind: ProbeKind,
    method: string,
    target: string | undefined,
    pattern: string | undefined,
    fnName: string | undefined,
    options: Record<string, unknown>,
  ): void {
    if (fnName === undefined) throw new TypeError(`${method}: 'fnName' is needed`);
    const row = probeKind(kind)!;
    if (pattern !== undefined && pattern !== '') {
      const regexp = new RegExp(`^(?:${pattern})`);
      const found = [...(row.candidates?.(this.backend) ?? [])].filter((name) => regexp.test(name));
      if (found.length === 0)
        throw new BpfError('ENOENT', `${method}: no ${row.noun} matches ${JSON.stringify(pattern)}`);
      for (const name of found) this.#attach(row, name, fnName, options);
      return;
    }
    if (target === undefined || target === '') throw new TypeError(`${method}: name what to attach to`);
    this.#attach(row, target, fnName, options);
  }

  #attach(row: ProbeKindRow, wanted: string, fnName: string, options: Record<string, unknown>): void {
    this.#open();
    const spec = this.#prog(fnName);
    const target = row.normalise?.(wanted, this.backend) ?? wanted;
    if (this.#attached.some((a) => a.kind === row.kind && a.target === target && a.fnName === fnName)) {
      throw new BpfError('EEXIST', `'${fnName}' is already attached to ${row.kind} '${target}'`);
    }
    if (row.attachType && spec.attachType === undefined && !this.#funcs.has(fnName)) {
      const handle = this.backend.load(
        { ...spec, type: row.progType, attachType: row.attachType, attach: { kind: row.kind, target } },
        this.object,
        this.#maps,
      );
      this.#funcs.set(fnName, { name: fnName, handle });
    }
    const func = this.loadFunc(fnName, row.progType);
    const link = this.backend.attach(func.handle, { kind: row.kind, target, options });
    this.#attached.push({ kind: row.kind, target, fnName, link });
  }

  #detach(
    kind: ProbeKind,
    options: Named<{ event?: string; tp?: string; fnName?: string }> | string,
    key: 'event' | 'tp',
  ): void {
    const given =
      typeof options === 'string'
        ? { [key]: options }
        : named<{ event?: string; tp?: string; fnName?: string }>(`detach ${kind}`, options, [key, 'fnName']);
    const row = probeKind(kind)!;
    const wanted = (given as Record<string, string | undefined>)[key];
    if (wanted === undefined) throw new TypeError(`detach ${kind}: '${key}' is needed`);
    const target = row.normalise?.(wanted, this.backend) ?? wanted;
    const fnName = (given as { fnName?: string }).fnName;
    const gone = this.#attached.filter(
      (a) => a.kind === kind && a.target === target && (fnName === undefined || a.fnName === fnName),
    );
    if (gone.length === 0)
      throw new BpfError('ENOENT', `no ${kind} is attached to '${target}'${fnName ? ` by '${fnName}'` : ''}`);
    for (const a of gone) a.link.close();
    this.#attached = this.#attached.filter((a) => !gone.includes(a));
  }
}

/** Where a uprobe goes, as probe kinds write it: `path:symbol`, `path:symbol+offset` or `path:+offset`. */
function userTarget(method: string, options: Named<AttachUprobeOptions>): AttachUprobeOptions & { target: string } {
  const given = named<AttachUprobeOptions>(method, options, [
    'name',
    'sym',
    'symRe',
    'addr',
    'fnName',
    'pid',
    'symOff',
  ]);
  const { name, sym, symRe, addr, symOff = 0 } = given;
  if (name === undefined) throw new TypeError(`${method}: 'name' (a path) is needed`);
  if ([sym, symRe, addr].filter((way) => way !== undefined).length !== 1)
    throw new TypeError(`${method}: one of 'sym', 'symRe' and 'addr' is needed`);
  if (addr !== undefined) return { ...given, target: `${name}:+${addr + symOff}` };
  return { ...given, target: `${name}:${sym}${symOff ? `+${symOff}` : ''}` };
}

/** BPF_PERF_OUTPUT says no size: one buffer a CPU. */
function sized(spec: MapSpec, cpus: number): MapSpec {
  return spec.type === 'perf_event_array' && spec.maxEntries === 0 ? { ...spec, maxEntries: cpus } : spec;
}

function notFound(what: string, name: string, names: Iterable<string>, have: string): BpfError {
  const all = [...names];
  const near = nearestNames(name, all);
  const hint =
    near.length > 0
      ? `; did you mean ${near.map((n) => `'${n}'`).join(' or ')}?`
      : all.length > 0
        ? `; ${have} ${all.map((n) => `'${n}'`).join(', ')}`
        : '';
  return new BpfError('ENOENT', `there is no ${what} '${name}'${hint}`);
}
