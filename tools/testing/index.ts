/**
 * skep/testing: tests of tracing programs without a kernel, root or a wait. A TestKernel is a model kernel whose clock, tasks and calls the test
 * makes itself; programs run on it in the interpreter, watched step by step. Works in any test runner: it asserts nothing, it tells.
 *
 *     const k = new TestKernel();
 *     const b = k.bpf({ text });
 *     k.fire('tcp_v4_connect', { sk: { __sk_common: { skc_dport: 0x901f } } }, { ret: 0 });
 *     expect(k.events(b, 'events')).toEqual([...]);
 *
 * docs/testing.md has a whole example.
 */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { Command } from 'commander';
import { shippedBtfBytes } from '../../bindings/node/shipped-btf.ts';
import { utf8Encode } from '../../core/base/bytes.ts';
import { BpfError } from '../../core/base/errors.ts';
import { BPF } from '../../core/bcc/bpf.ts';
import type { BpfOptions } from '../../core/bcc/bpf-options.ts';
import { setSession } from '../../core/bcc/session.ts';
import { parseTraceLine } from '../../core/bcc/trace.ts';
import { resolve } from '../../core/btf/layout.ts';
import { readBtf } from '../../core/btf/read.ts';
import { CURRENT_CPU, PerfEventArrayMap } from '../../core/maps/perf-event-array.ts';
import { RingbufMap } from '../../core/maps/ringbuf.ts';
import { ModelBackend } from '../../core/model/backend.ts';
import { ModelMap } from '../../core/model/handles.ts';
import type { Arg, FieldValue } from '../../core/model/hooks.ts';
import type { FdFacts, TaskFacts, TaskView } from '../../core/model/source.ts';
import { placeFields } from '../../core/model/tracepoints/format.ts';
import { tracepointByName } from '../../core/model/tracepoints/index.ts';
import { workloadByName } from '../../core/model/workload/index.ts';
import { defineWorkload, WorkloadSource, type World } from '../../core/model/workload/workload.ts';
import { toolByName } from '../index.ts';
import { commanderOption } from '../options.ts';
import { runTool } from '../run.ts';
import { COMMON_OPTIONS } from '../tool.ts';
import { type Step, WatchedEngine } from './engine.ts';
import { type Made, makeArgument } from './objects.ts';

export { Cpu, Disk } from '../../core/model/workload/machine.ts';
export type { ScriptTask, World } from '../../core/model/workload/workload.ts';
export type { Step } from './engine.ts';
export type { Made } from './objects.ts';

export interface TestKernelOptions {
  /** What the kernel's processes do when `run` is called: a shipped workload by name, or a script. */
  readonly workload?: string | ((world: World) => void);
  readonly cpus?: number;
  /** Of random numbers. */
  readonly seed?: number;
  /** Pages of the perf buffers that `bpf` opens. */
  readonly pages?: number;
}

/** Who runs: the task that `fire` happens in. */
export interface TestTask {
  readonly pid: number;
  /** Process of a thread; the pid itself otherwise. */
  readonly tgid?: number;
  readonly ppid?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly comm: string;
  readonly cwd?: string;
}

export interface FireOptions {
  /** The function returns, with this. Without it only its entry is passed. */
  readonly ret?: Made;
  /** Arguments of a raw tracepoint. */
  readonly raw?: readonly Made[];
  /** CPU that it happens on; 0. */
  readonly cpu?: number;
}

export interface FailureOptions {
  /** Calls that go well first; 0. */
  readonly after?: number;
  /** Calls that fail; all by default. */
  readonly times?: number;
}

/** What a tool printed. */
export interface ToolOutput {
  readonly lines: readonly string[];
  readonly warnings: readonly string[];
}

const START_NS = 1_000_000_000n;
const USER_MEMORY = 0x5555_0000_0000n;
const E2BIG = -7;
const EAGAIN = -11;
const ENOSPC = -28;

export class TestKernel {
  readonly backend: ModelBackend;
  readonly #engine = new WatchedEngine();
  readonly #view: TestView;
  readonly #pages: number;
  readonly #opened: BPF[] = [];
  readonly #events = new Map<BPF, Map<string, unknown[]>>();
  readonly #pipe;

  constructor(options: TestKernelOptions = {}) {
    const { workload = () => {}, cpus = 1, pages = 64 } = options;
    const script = typeof workload === 'string' ? workloadByName(workload) : defineWorkload('test', 'a test', workload);
    const source = new WorkloadSource(script, { cpus });
    this.backend = new ModelBackend({
      btf: readBtf(shippedBtfBytes()),
      source,
      engine: this.#engine,
      cpus,
      anyFunction: true,
      ...(options.seed !== undefined && { seed: options.seed }),
    });
    this.#pages = pages;
    this.#view = new TestView(source.view);
    this.backend.kernel.view = this.#view;
    this.backend.kernel.clock.advanceTo(START_NS);
    this.#pipe = this.backend.openTracePipe();
    this.task({ pid: 100, comm: 'test' });
  }

  // ---- programs ------------------------------------------------------------------------------------------------------

  /** Compile and attach a program; its perf and ring buffers are read from now on. Throws what `new BPF` throws. */
  bpf(options: BpfOptions | string): BPF {
    const b = new BPF({ ...(typeof options === 'string' ? { text: options } : options), backend: this.backend });
    this.#opened.push(b);
    const kept = new Map<string, unknown[]>();
    this.#events.set(b, kept);
    for (const name of b.tables()) {
      const table = b.getTable(name);
      const into: unknown[] = [];
      // Records of no known type stay bytes.
      const typed = (table.map.spec.eventType ?? 0) !== 0;
      const keep = (data: Uint8Array) => void into.push(typed ? table.event(data) : data.slice());
      if (table.type === 'perf_event_array')
        table.openPerfBuffer((_cpu, data) => keep(data), { pageCnt: this.#pages, lostCb: () => {} });
      else if (table.type === 'ringbuf') table.openRingBuffer((_ctx, data) => keep(data));
      else continue;
      kept.set(name, into);
    }
    return b;
  }

  /** Records that the program sent and that were not taken yet, oldest first. */
  events<E = Record<string, unknown>>(b: BPF, name: string): E[] {
    b.perfBufferConsume();
    b.ringBufferConsume();
    const kept = this.#events.get(b)?.get(name);
    if (!kept) throw new BpfError('ENOENT', `'${name}' is no perf or ring buffer of this program`);
    return kept.splice(0) as E[];
  }

  /** Records that found no room. */
  lost(b: BPF, name: string): number {
    b.perfBufferConsume();
    b.ringBufferConsume();
    return b.getTable(name).lost;
  }

  /** What a table holds, as pairs of key and leaf. */
  entries<K = unknown, V = unknown>(b: BPF, name: string): [K, V][] {
    return b.getTable<K, V>(name).items();
  }

  /** Messages of bpf_trace_printk since the last time. */
  messages(): string[] {
    const out: string[] = [];
    for (let line = this.#pipe.read(); line !== undefined; line = this.#pipe.read()) {
      const fields = parseTraceLine(line);
      if (fields) out.push(fields.msg);
    }
    return out;
  }

  // ---- time, tasks, memory ---------------------------------------------------------------------------------------------

  /** CLOCK_MONOTONIC of the kernel, in ns. It moves by `advance`, and by one at every hook that fires. */
  get nowNs(): bigint {
    return this.backend.kernel.clock.ns;
  }

  advance(ns: bigint | number): void {
    const { clock } = this.backend.kernel;
    const until = clock.ns + BigInt(ns);
    this.backend.runTimers(until);
    clock.advanceTo(until);
    this.backend.throwFault();
  }

  /** From here on, things happen in this task. */
  task(task: TestTask): void {
    const { pid, tgid = pid, ppid = 1, uid = 0, gid = 0, comm, cwd } = task;
    this.#view.tasks.set(pid, { tid: pid, tgid, ppid, uid, gid, comm, ...(cwd !== undefined && { cwd }) });
    const { kernel } = this.backend;
    kernel.current = kernel.tasks.get(pid);
    kernel.tasks.refresh(kernel.current);
  }

  /** Address of text (with its NUL) or bytes in user memory. */
  user(contents: string | Uint8Array): bigint {
    return this.#view.place(typeof contents === 'string' ? Uint8Array.of(...utf8Encode(contents), 0) : contents);
  }

  // ---- what happens -----------------------------------------------------------------------------------------------------

  /**
   * A kernel function is called, or a tracepoint (`system:event`) passed: programs that are attached there have run when this returns. Arguments
   * by name (or all, in order); structs are made as needed, and absent arguments are 0. Throws BpfError for what the kernel does
   * not have, and the Fault of a program.
   */
  fire(name: string, args: { readonly [name: string]: Made } | readonly Made[] = {}, options: FireOptions = {}): void {
    const { kernel } = this.backend;
    kernel.cpu = (options.cpu ?? 0) % kernel.cpus;
    if (name.includes(':')) this.#passTracepoint(name, args as { readonly [field: string]: Made }, options.raw ?? []);
    else this.#callFunction(name, args, options.ret);
    this.backend.throwFault();
  }

  #callFunction(name: string, args: { readonly [name: string]: Made } | readonly Made[], ret: Made | undefined): void {
    const { kernel } = this.backend;
    const { btf, objects } = kernel;
    const id = btf.find(name, 'func');
    const func = id === undefined ? undefined : btf.type(id);
    const proto = func?.kind === 'func' ? btf.type(func.type) : undefined;
    const params = proto?.kind === 'func_proto' ? proto.params : undefined;
    if (!params && !kernel.symbols.own.includes(name))
      throw new BpfError('ENOENT', `there is no kernel function ${name}`);
    let values: Arg[];
    if (Array.isArray(args)) {
      values = (args as readonly Made[]).map((value, i) =>
        params?.[i]
          ? makeArgument(objects, params[i].type, value, `${name}: argument ${i + 1}`)
          : numberOf(value, `${name}: argument ${i + 1}`),
      );
    } else {
      const given = args as { readonly [name: string]: Made };
      const names = params?.map((p) => p.name) ?? [];
      for (const key of Object.keys(given))
        if (!names.includes(key))
          throw new BpfError(
            'EINVAL',
            `${name} has no parameter '${key}'${names.length > 0 ? `; it has ${names.join(', ')}` : '; give its arguments as a list'}`,
          );
      values = (params ?? []).map((p) =>
        given[p.name] === undefined ? 0n : makeArgument(objects, p.type, given[p.name]!, `${name}: ${p.name}`),
      );
    }
    const task = kernel.current;
    kernel.enterFunction(task, name, () => values);
    if (ret === undefined) task.frames.pop();
    else
      kernel.leaveFunction(
        task,
        proto?.kind === 'func_proto' && proto.ret !== 0
          ? makeArgument(objects, proto.ret, ret, `${name}: its result`)
          : numberOf(ret, `${name}: its result`),
      );
  }

  #passTracepoint(name: string, fields: { readonly [field: string]: Made }, raw: readonly Made[]): void {
    const { kernel } = this.backend;
    const found = tracepointByName(name);
    if (!found) throw new BpfError('ENOENT', `the model kernel has no tracepoint ${name}`);
    const names = placeFields(found.row).map((f) => f.name);
    for (const key of Object.keys(fields))
      if (!names.includes(key))
        throw new BpfError('EINVAL', `${name} has no field '${key}'; it has ${names.join(', ')}`);
    const types = rawTypes(kernel.btf, name);
    const values = raw.map((value, i) =>
      types[i] === undefined
        ? numberOf(value, `${name}: argument ${i + 1}`)
        : makeArgument(kernel.objects, types[i], value, `${name}: argument ${i + 1}`),
    );
    kernel.tracepoint(name, () => ({ fields: fields as Readonly<Record<string, FieldValue>>, raw: values }));
  }

  /** The workload's processes do all that they do. */
  run(): void {
    const { kernel } = this.backend;
    const { current } = kernel;
    while (this.backend.wait(-1) !== 'ended');
    kernel.current = current;
  }

  // ---- failures -----------------------------------------------------------------------------------------------------------

  /** A helper fails: it does nothing and returns `result` (0 is NULL for those that return pointers). */
  failHelper(name: string, result: number, { after = 0, times = Number.POSITIVE_INFINITY }: FailureOptions = {}): void {
    this.#engine.fail(name, { result, after, times, map: undefined, argument: 1 });
  }

  /** A table takes no new keys (E2BIG), a ring buffer no records, a perf buffer no samples (ENOSPC; they are counted as lost), until `heal`. */
  full(b: BPF, name: string): void {
    const table = b.getTable(name);
    if (!(table.map instanceof ModelMap)) throw new BpfError('EINVAL', `table '${name}' belongs to another kernel`);
    const { map } = table.map;
    const failure = { after: 0, times: Number.POSITIVE_INFINITY, map: map.offset, argument: 1 };
    if (map instanceof PerfEventArrayMap) {
      const { kernel } = this.backend;
      // Without a buffer of this CPU there is nothing that could be full: the helper says what is wrong.
      const ring = (r: Int32Array) => {
        const cpu = r[6]! >>> 0;
        return cpu === CURRENT_CPU || cpu === kernel.cpu ? map.ring(kernel.cpu) : undefined;
      };
      this.#engine.fail('perf_event_output', {
        ...failure,
        argument: 2,
        result: ENOSPC,
        when: (r) => ring(r) !== undefined,
        onFail: (r) => ring(r)?.drop(),
      });
    } else if (map instanceof RingbufMap) {
      const onFail = () => {
        map.dropped++;
      };
      this.#engine.fail('ringbuf_reserve', { ...failure, result: 0, onFail });
      this.#engine.fail('ringbuf_output', { ...failure, result: EAGAIN, onFail });
    } else {
      const { memory } = this.backend.kernel;
      // Keys that are there can still be changed.
      const when = (r: Int32Array) =>
        map.lookup(memory.u8.slice(r[4]! >>> 0, (r[4]! >>> 0) + map.attrs.keySize)) === undefined;
      this.#engine.fail('map_update_elem', { ...failure, result: E2BIG, when });
      this.#engine.fail('map_push_elem', { ...failure, result: E2BIG });
    }
  }

  /** Everything goes well again. */
  heal(): void {
    this.#engine.heal();
  }

  // ---- looking inside -------------------------------------------------------------------------------------------------------

  /** Every instruction that programs execute while `act` runs, with source lines and registers. */
  steps(act: () => void): Step[] {
    const steps: Step[] = [];
    this.#engine.onStep = (step) => steps.push(step);
    try {
      act();
    } finally {
      this.#engine.onStep = undefined;
    }
    return steps;
  }

  /** The source lines that programs pass while `act` runs, each once in a row: `12: u32 tid = ...`. */
  lines(act: () => void): string[] {
    const out: string[] = [];
    for (const { line, source } of this.steps(act)) {
      const text = `${line ?? '?'}: ${source}`;
      if (out.at(-1) !== text) out.push(text);
    }
    return out;
  }

  // ---- shipped tools ------------------------------------------------------------------------------------------------------------

  /** Run a shipped tool with its command-line arguments over the workload, to its end. Throws what the tool throws. */
  async tool(name: string, argv: readonly string[] = []): Promise<ToolOutput> {
    const row = toolByName(name);
    if (!row) throw new BpfError('ENOENT', `there is no tool '${name}'`);
    const tool = await row.load();
    const command = new Command(name)
      .exitOverride()
      .configureOutput({ writeErr: () => {}, writeOut: () => {} })
      .allowExcessArguments(false);
    for (const argument of tool.args ?? []) command.argument(argument);
    for (const option of [
      ...tool.options,
      ...COMMON_OPTIONS.filter((o) => !tool.options.some((own) => own.flags === o.flags)),
    ])
      command.addOption(commanderOption(option));
    command.parse([...argv], { from: 'user' });
    const lines: string[] = [];
    const warnings: string[] = [];
    const print = (line: string) => void lines.push(line);
    const warn = (line: string) => void warnings.push(line);
    setSession({
      backend: () => this.backend,
      print,
      warn,
      readFile: (path) => (existsSync(path) && statSync(path).isFile() ? readFileSync(path) : undefined),
      env: (variable) => process.env[variable],
    });
    try {
      await runTool(tool, {
        options: command.opts(),
        args: command.processedArgs.flat().filter((a) => a !== undefined),
        print,
        warn,
      });
    } finally {
      setSession(undefined);
    }
    return { lines, warnings };
  }

  /** Detach and free everything. */
  close(): void {
    for (const b of this.#opened) b.close();
    this.#pipe.close();
    this.backend.close();
  }
}

function numberOf(value: Made, what: string): bigint {
  if (typeof value === 'number' || typeof value === 'bigint') return BigInt(value);
  throw new BpfError('EINVAL', `${what}: its type is not known, so it takes a number`);
}

/** Types of a raw tracepoint's arguments: the function type btf_trace_NAME, whose first parameter is the tracepoint's own. */
function rawTypes(btf: ModelBackend['kernelBtf'], name: string): number[] {
  const id = btf.find(`btf_trace_${name.slice(name.indexOf(':') + 1)}`, 'typedef');
  const pointer = id === undefined ? undefined : resolve(btf, id);
  const proto = pointer?.kind === 'ptr' ? btf.type(pointer.type) : undefined;
  return proto?.kind === 'func_proto' ? proto.params.slice(1).map((p) => p.type) : [];
}

/** What the test says of tasks and user memory; the workload answers the rest. */
class TestView implements TaskView {
  readonly tasks = new Map<number, TaskFacts>();
  readonly #inner: TaskView;
  readonly #memory: { readonly address: bigint; readonly bytes: Uint8Array }[] = [];
  #next = USER_MEMORY;

  constructor(inner: TaskView) {
    this.#inner = inner;
  }

  place(bytes: Uint8Array): bigint {
    const address = this.#next;
    this.#memory.push({ address, bytes: bytes.slice() });
    // A gap, so that what lies behind is not there.
    this.#next += BigInt(Math.ceil((bytes.length + 1) / 4096) * 4096);
    return address;
  }

  task(tid: number): TaskFacts | undefined {
    return this.tasks.get(tid) ?? this.#inner.task(tid);
  }

  fd(tid: number, fd: number): FdFacts | undefined {
    return this.#inner.fd(tid, fd);
  }

  read(tid: number, address: bigint, size: number): Uint8Array | undefined {
    const bytes = this.#own(address)?.subarray(0, size);
    return bytes ? (bytes.length === size ? bytes : undefined) : this.#inner.read(tid, address, size);
  }

  readUpTo(tid: number, address: bigint, most: number): Uint8Array {
    return this.#own(address)?.subarray(0, most) ?? this.#inner.readUpTo(tid, address, most);
  }

  sourceAddress(destination: Uint8Array): Uint8Array | undefined {
    return this.#inner.sourceAddress(destination);
  }

  #own(at: bigint): Uint8Array | undefined {
    const found = this.#memory.find(({ address, bytes }) => at >= address && at < address + BigInt(bytes.length));
    return found?.bytes.subarray(Number(at - found.address));
  }
}
