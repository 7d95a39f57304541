/**
 * class BPF: compile a program, make its maps, load its functions, attach them, read what they say. BCC's class of the same
 * name (docs/reference_guide.md of BCC, "bcc Python"), over whatever backend the session has.
 */
import type { Backend, MapHandle } from '../backend/backend.ts';
import { utf8Decode } from '../base/bytes.ts';
import type { Diagnostic } from '../base/diagnostics.ts';
import { renderDiagnostics } from '../base/diagnostics.ts';
import { BpfError, CompileError, Unsupported } from '../base/errors.ts';
import { timed } from '../base/timings.ts';
import { compile } from '../cc/index.ts';
import { attachTypeById } from '../progs/attach-types.ts';
import { progTypeById, progTypeByName } from '../progs/index.ts';
import type { MapSpec, ObjectSpec } from '../spec/spec.ts';
import { Attaching } from './attaching.ts';
import { BPF_OPTIONS, type BpfOptions } from './bpf-options.ts';
import { codecOfText } from './ctype.ts';
import { EventBuffers, EventStream, PERF_BUFFER_OPTIONS, type PerfBufferOptions } from './events.ts';
import { Func } from './func.ts';
import { layoutText, listing } from './listing.ts';
import { notFound } from './not-found.ts';
import { type Named, named } from './options.ts';
import { currentSession, Interrupted, type Session, sleep } from './session.ts';
import { Table, type TableOptions } from './table.ts';
import { formatTraceFields, parseTraceLine, TraceReader, TraceStream } from './trace.ts';
import { atAddress } from './user-place.ts';

export interface GetTableOptions<V = unknown> extends TableOptions<V> {
  /** C types to read keys and leaves as, instead of the program's own: 'u32', 'struct { u64 pid; char name[16]; }'. */
  keyType?: string;
  leafType?: string;
}

const TABLE_OPTIONS = ['keyType', 'leafType', 'reducer'] as const satisfies readonly (keyof GetTableOptions)[];

export class BPF extends Attaching {
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
  // biome-ignore lint/suspicious/noExplicitAny: tables of all types of keys and leaves
  readonly #tables = new Map<string, Table<any, any>>();
  readonly #funcs = new Map<string, Func>();
  #trace: TraceReader | undefined;
  readonly #buffers: EventBuffers;
  #closed = false;

  /** Compile, make the maps, and attach what the functions' names ask for. Throws CompileError, VerifierError, SysError, Unsupported. */
  constructor(options: Named<BpfOptions>) {
    super();
    const given = named<BpfOptions>('new BPF', options, BPF_OPTIONS);
    this.#session = given.backend ? undefined : currentSession();
    this.backend = given.backend ?? this.#session!.backend();
    this.#buffers = new EventBuffers(this.backend);
    if (given.device !== undefined) this.#checkDevice(given.device);
    const source = this.#source(given);
    const { object, diagnostics } = timed('compile', () =>
      compile(source, {
        kernelBtf: this.backend.kernelBtf,
        kernelRelease: this.backend.release,
        moduleBtf: () => this.backend.moduleBtf?.() ?? [],
        cflags: given.cflags ?? [],
        cpuCount: this.backend.cpus,
        headers: (name) => this.#readText(name),
        tracepointFormat: (category, name) => this.backend.tracepointFormat(category, name),
      }),
    );
    if (!object) throw new CompileError(diagnostics);
    this.#warn(diagnostics);
    this.object = object;
    try {
      for (const spec of object.maps)
        this.#maps.set(spec.name, this.backend.createMap(sized(spec, this.backend.cpus), object));
      this.#attachUsdt(given);
      for (const name of this.#maps.keys()) this.#subscript(name);
      for (const prog of object.progs) this.autoAttach(prog);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  // ---- functions -------------------------------------------------------------------------------------------------

  /**
   * Load a function as a program type (a BPF.* constant or the kernel's name), for one attach type (BPFAttachType) where the type has several.
   * Loading it again gives the same one.
   */
  loadFunc(funcName: string, progType: number | string, device?: string, attachType = -1): Func {
    this.assertOpen();
    const loaded = this.#funcs.get(funcName);
    if (loaded) return loaded;
    const spec = this.prog(funcName);
    if (device !== undefined) this.#checkDevice(device);
    const type = typeof progType === 'number' ? progTypeById(progType) : progTypeByName(progType);
    if (!type) throw new BpfError('EINVAL', `unknown program type ${JSON.stringify(progType)}`);
    const expected = attachType < 0 ? undefined : attachTypeName(attachType);
    const handle = this.backend.load(
      { ...spec, type: type.name, ...(expected !== undefined && { attachType: expected }) },
      this.object,
      this.#maps,
    );
    return this.#keep(new Func(funcName, handle));
  }

  /** Load every function as one program type. */
  loadFuncs(progType: number | string = BPF.KPROBE): Func[] {
    return this.object.progs.map((prog) => this.loadFunc(prog.name, progType));
  }

  #keep(func: Func): Func {
    this.#funcs.set(func.name, func);
    return func;
  }

  // ---- tables ----------------------------------------------------------------------------------------------------

  /** A table by name. Throws with the nearest names when there is none. */
  getTable<K = unknown, V = unknown>(name: string, options: Named<GetTableOptions<V>> = {}): Table<K, V> {
    this.assertOpen();
    const { keyType, leafType, reducer } = named<GetTableOptions<V>>('getTable', options, TABLE_OPTIONS);
    const plain = keyType === undefined && leafType === undefined && reducer === undefined;
    const known = plain ? this.#tables.get(name) : undefined;
    if (known) return known as Table<K, V>;
    const map = this.#maps.get(name);
    if (!map) throw notFound('table', name, this.#maps.keys(), 'the program has');
    const codec = (text: string | undefined, size: number, what: string) =>
      text === undefined ? undefined : codecOfText(text, size, what, this.backend);
    const table = new Table<K, V>(
      map,
      this.object,
      { backend: this.backend, buffers: this.#buffers },
      {
        key: codec(keyType, map.spec.keySize, `key of table '${name}'`),
        leaf: codec(leafType, map.spec.valueSize, `leaf of table '${name}'`),
        reducer,
      },
    );
    if (plain) this.#tables.set(name, table);
    return table;
  }

  /** Python's `b["name"]`. */
  get<K = unknown, V = unknown>(name: string): Table<K, V> {
    return this.getTable<K, V>(name);
  }

  /** `b['counts']`, as Python's scripts write it: a property for each table whose name means nothing else here. */
  #subscript(name: string): void {
    if (!(name in this)) Object.defineProperty(this, name, { get: () => this.getTable(name), configurable: true });
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
    this.assertOpen();
    return this.#buffers.poll('perf', timeoutMs);
  }

  /** Deliver what the perf buffers hold now, without waiting; how many records. */
  perfBufferConsume(): number {
    this.assertOpen();
    return this.#buffers.consume('perf');
  }

  /** BCC's old name of perf_buffer_poll. */
  kprobePoll(timeoutMs = -1): number {
    return this.perfBufferPoll(timeoutMs);
  }

  /** As perfBufferPoll, for ring buffers. */
  ringBufferPoll(timeoutMs = -1): number {
    this.assertOpen();
    return this.#buffers.poll('ring', timeoutMs);
  }

  /** Deliver what the ring buffers hold now, without waiting. */
  ringBufferConsume(): number {
    this.assertOpen();
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
      (deliver) => this.#buffers.open(table.map, deliver, given),
      (bytes, at, size) => table.eventAt<E>(bytes, at, size),
      signal,
    );
  }

  // ---- looking inside ----------------------------------------------------------------------------------------------

  /** A function's instructions as compiled, eight bytes each; maps are not yet filled in. */
  dumpFunc(funcName: string): Uint8Array {
    return this.prog(funcName).insns.slice();
  }

  /** A function's instructions as text, with the names of maps and helpers. */
  disassembleFunc(funcName: string): string {
    return listing(this.prog(funcName));
  }

  /** Types of a table's keys and leaves as C declarations; with `sizeinfo`, each member's offset and size. */
  decodeTable(tableName: string, sizeinfo = false): string {
    return layoutText(this.getTable(tableName).map.spec, this.object, sizeinfo);
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

  /** The trace pipe itself: lines by `readline()`. BCC gives a file. */
  traceOpen(nonblocking = false): { readline(): string | undefined; close(): void } {
    const reader = this.#tracer();
    return {
      readline: () => reader.readline(nonblocking),
      // Other readers of this object share the pipe: it is closed with the object.
      close: () => {},
    };
  }

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
    this.assertOpen();
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
    this.detachEverything();
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
      const path = this.#findFile(options.srcFile);
      const text = this.#readText(path);
      if (text === undefined) throw new BpfError('ENOENT', `new BPF: source file '${options.srcFile}' cannot be read`);
      return { name: path, text: this.#before(options) + text };
    }
    if (options.text === undefined) throw new BpfError('EINVAL', "new BPF: 'text' or 'srcFile' is needed");
    return { name: 'program.c', text: this.#before(options) + options.text };
  }

  /** What comes before the program's text, without moving its line numbers. */
  #before(options: BpfOptions): string {
    const readers = (options.usdtContexts ?? []).map((usdt) => usdt.getText()).join('');
    let header = '';
    if (options.hdrFile !== undefined) {
      const path = this.#findFile(options.hdrFile);
      if (this.#readText(path) === undefined)
        throw new BpfError('ENOENT', `new BPF: header file '${options.hdrFile}' cannot be read`);
      header = `#include "${path}"\n`;
    }
    return header || readers ? `${header}${readers && `#include <linux/types.h>\n${readers}`}#line 1\n` : '';
  }

  /** As it stands, or beside the script. */
  #findFile(path: string): string {
    const script = this.#session?.script;
    if (script === undefined || path.startsWith('/') || this.#readText(path) !== undefined) return path;
    const slash = script.lastIndexOf('/');
    const beside = `${slash < 0 ? '.' : script.slice(0, slash)}/${path}`;
    return this.#readText(beside) === undefined ? path : beside;
  }

  #readText(path: string): string | undefined {
    const bytes = this.#session?.readFile?.(path);
    return bytes === undefined ? undefined : utf8Decode(bytes);
  }

  #warn(diagnostics: readonly Diagnostic[]): void {
    if (diagnostics.length > 0) this.warn(renderDiagnostics(diagnostics));
  }

  protected warn(text: string): void {
    this.#session?.warn(text);
  }

  protected assertOpen(): void {
    if (this.#closed) throw new BpfError('CLOSED', 'this BPF object is closed');
  }

  #tracer(): TraceReader {
    this.assertOpen();
    this.#trace ??= new TraceReader(this.backend);
    return this.#trace;
  }

  protected get mapHandles(): ReadonlyMap<string, MapHandle> {
    return this.#maps;
  }

  protected keepFunc(func: Func): void {
    this.#keep(func);
  }

  protected isLoaded(funcName: string): boolean {
    return this.#funcs.has(funcName);
  }

  /** One uprobe for each place of each enabled probe. */
  #attachUsdt(options: BpfOptions): void {
    for (const { binPath, fnName, address, pid, refCtrOffset } of (options.usdtContexts ?? []).flatMap((usdt) =>
      usdt.enumerateActiveProbes(),
    )) {
      this.attachUserPlace('uprobe', 'usdtContexts', {
        path: binPath,
        target: atAddress(binPath, address),
        fnName,
        pid: options.attachUsdtIgnorePid ? -1 : pid,
        refCtrOffset,
      });
    }
  }

  #checkDevice(device: string): void {
    const { devices = [] } = this.backend;
    if (devices.includes(device)) return;
    throw new Unsupported(`offloading to '${device}'`, {
      backend: this.backend.name,
      hint: devices.length > 0 ? `programs can be offloaded to ${devices.join(', ')}` : 'no device here takes programs',
    });
  }
}

/** Name of a BPF_* attach type. Throws BpfError EINVAL for a number that is none. */
function attachTypeName(number: number): string {
  const name = attachTypeById(number)?.name;
  if (name === undefined) throw new BpfError('EINVAL', `unknown attach type ${number}`);
  return name;
}

/** BPF_PERF_OUTPUT says no size: one buffer a CPU. */
function sized(spec: MapSpec, cpus: number): MapSpec {
  return spec.type === 'perf_event_array' && spec.maxEntries === 0 ? { ...spec, maxEntries: cpus } : spec;
}
