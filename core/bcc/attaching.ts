/**
 * Attaching and detaching: the half of class BPF that ties loaded functions to the kernel. Each method takes BCC's arguments and defaults
 * (docs/reference_guide.md of BCC, "Events"); THE PROBE-KIND TABLE (probes/index.ts) says what differs between the kinds.
 */
import type { Link, MapHandle } from '../backend/backend.ts';
import { BpfError } from '../base/errors.ts';
import type { ObjectSpec, ProgSpec } from '../spec/spec.ts';
import { attachEach, first, type ProbeOptions, places, positive, type WantedPlace, withPid } from './attach-places.ts';
import type {
  AttachIterOptions,
  AttachOptions,
  AttachPerfEventOptions,
  AttachPerfEventRawOptions,
  AttachSocketOptions,
  AttachTracepointOptions,
  AttachUprobeOptions,
  AttachXdpOptions,
} from './bpf-options.ts';
import { Func } from './func.ts';
import { IterOutput } from './iter.ts';
import { KernelQueries } from './kernel-queries.ts';
import { notFound } from './not-found.ts';
import { type Named, named } from './options.ts';
import { encodePerfAttr } from './perf-attr.ts';
import { countProbes, openProbes } from './probe-quota.ts';
import { type ProbeKind, probeKind } from './probes/index.ts';
import type { ProbeKindRow } from './probes/probe-kind.ts';
import { userPath } from './user-code.ts';
import { type UserPlace, userPlace } from './user-place.ts';

interface Attached {
  readonly kind: string;
  readonly target: string;
  readonly fnName: string;
  readonly link: Link;
}

export abstract class Attaching extends KernelQueries {
  abstract readonly object: ObjectSpec;
  #attached: Attached[] = [];
  readonly #iterators = new Set<Link>();

  abstract loadFunc(funcName: string, progType: number | string): Func;
  protected abstract assertOpen(): void;
  protected abstract readonly mapHandles: ReadonlyMap<string, MapHandle>;
  /** Keep a function that was loaded for a kind of its own. */
  protected abstract keepFunc(func: Func): void;
  protected abstract isLoaded(funcName: string): boolean;
  /** A line for the user. */
  protected abstract warn(text: string): void;

  // ---- kernel functions --------------------------------------------------------------------------------------------

  /** Run a function at a kernel function's entry, or at that of every function that `eventRe` matches. */
  attachKprobe(options: Named<AttachOptions>): this {
    return this.#attachFunction('kprobe', 'attachKprobe', options);
  }

  /** The same at returns. */
  attachKretprobe(options: Named<AttachOptions>): this {
    return this.#attachFunction('kretprobe', 'attachKretprobe', options);
  }

  /** Detach from a function: only `fnName`'s program, or all of them. Throws when nothing is attached there. */
  detachKprobe(options: Named<{ event?: string; fnName?: string }> | string, fnName?: string): void {
    this.#detachNamed('kprobe', options, 'event', fnName);
  }

  /** Detach from a function's return. */
  detachKretprobe(options: Named<{ event?: string; fnName?: string }> | string, fnName?: string): void {
    this.#detachNamed('kretprobe', options, 'event', fnName);
  }

  #attachFunction(kind: ProbeKind, method: string, options: Named<AttachOptions>): this {
    const { event, eventRe, events, cookies, fnName, eventOff, maxactive } = named<AttachOptions>(method, options, [
      'event',
      'eventRe',
      'eventOff',
      'fnName',
      'maxactive',
      'events',
      'cookies',
    ]);
    const more = { ...(eventOff && { offset: eventOff }), ...(maxactive && { maxactive }) };
    const all = events ?? (eventRe ? this.getKprobeFunctions(eventRe) : undefined);
    if (all) return this.#attachAll(kind, method, places(all, cookies, more), eventRe, fnName);
    return this.#attachOne(kind, method, event, fnName, { ...more, ...first(cookies) });
  }

  // ---- tracepoints ---------------------------------------------------------------------------------------------------

  /** Run a function at a tracepoint `category:event`, or at every one that `tpRe` matches. */
  attachTracepoint(options: Named<AttachTracepointOptions>): this {
    const { tp, tpRe, tps, cookies, fnName } = named<AttachTracepointOptions>('attachTracepoint', options, [
      'tp',
      'tpRe',
      'fnName',
      'tps',
      'cookies',
    ]);
    const all = tps ?? (tpRe ? this.getTracepoints(tpRe) : undefined);
    if (all) return this.#attachAll('tracepoint', 'attachTracepoint', places(all, cookies), tpRe, fnName);
    return this.#attachOne('tracepoint', 'attachTracepoint', tp, fnName, first(cookies));
  }

  /** Detach from a tracepoint. */
  detachTracepoint(options: Named<{ tp?: string; fnName?: string }> | string): void {
    this.#detachNamed('tracepoint', options, 'tp');
  }

  /** Run a function at a tracepoint with the arguments of the tracepoint itself. */
  attachRawTracepoint(options: Named<{ tp?: string; fnName?: string }>): this {
    const { tp, fnName } = named<{ tp?: string; fnName?: string }>('attachRawTracepoint', options, ['tp', 'fnName']);
    const typed = this.object.progs.find((prog) => prog.name === fnName)?.attachType === 'trace_raw_tp';
    return this.#attachOne(typed ? 'tp_btf' : 'raw_tracepoint', 'attachRawTracepoint', tp, fnName, {});
  }

  /** Detach from a raw tracepoint. */
  detachRawTracepoint(options: Named<{ tp?: string; fnName?: string }> | string): void {
    const tp = typeof options === 'string' ? options : options.tp;
    const typed = this.#attached.some((a) => a.kind === 'tp_btf' && a.target === tp);
    this.#detachNamed(typed ? 'tp_btf' : 'raw_tracepoint', options, 'tp');
  }

  // ---- by BTF: kfunc, kretfunc, fmod_ret, lsm ------------------------------------------------------------------------

  /** Attach a KFUNC_PROBE function that is not attached yet, by its name or its kernel function's. */
  attachKfunc(options: Named<{ fnName?: string }> | string): this {
    return this.#attachTracing('kfunc', 'attachKfunc', options);
  }

  /** The same for KRETFUNC_PROBE functions. */
  attachKretfunc(options: Named<{ fnName?: string }> | string): this {
    return this.#attachTracing('kretfunc', 'attachKretfunc', options);
  }

  /** KMOD_RET functions, which change what a kernel function returns, are attached only when asked. */
  attachFmodRet(options: Named<{ fnName?: string }> | string): this {
    return this.#attachTracing('fmod_ret', 'attachFmodRet', options);
  }

  /** Attach an LSM_PROBE function to its security hook. */
  attachLsm(options: Named<{ fnName?: string }> | string): this {
    return this.#attachTracing('lsm', 'attachLsm', options);
  }

  /** Detach a KFUNC_PROBE function. */
  detachKfunc(options: Named<{ fnName?: string }> | string): void {
    this.#detachTracing('kfunc', 'detachKfunc', options);
  }

  /** Detach a KRETFUNC_PROBE function. */
  detachKretfunc(options: Named<{ fnName?: string }> | string): void {
    this.#detachTracing('kretfunc', 'detachKretfunc', options);
  }

  /** Detach a KMOD_RET function. */
  detachFmodRet(options: Named<{ fnName?: string }> | string): void {
    this.#detachTracing('fmod_ret', 'detachFmodRet', options);
  }

  /** Detach an LSM_PROBE function. */
  detachLsm(options: Named<{ fnName?: string }> | string): void {
    this.#detachTracing('lsm', 'detachLsm', options);
  }

  // ---- iterators -----------------------------------------------------------------------------------------------------

  /**
   * Run a BPF_ITER function over the kernel's objects: the answer is read, or iterated over, and each call begins anew. `map` names the table whose
   * elements `bpf_map_elem` goes over. What BCC's C++ does with bcc_iter_attach and bcc_iter_create.
   */
  attachIter(options: Named<AttachIterOptions> | string): IterOutput {
    const given =
      typeof options === 'string'
        ? { fnName: options }
        : named<AttachIterOptions>('attachIter', options, ['fnName', 'map', 'pid', 'tid', 'cgroupFd', 'order']);
    const { fnName, map: table, ...narrowed } = given;
    const prog = this.#tracing('iter', 'attachIter', { fnName } as Named<{ fnName?: string }>);
    const target = prog.attach?.target;
    if (prog.attachType !== 'trace_iter' || target === undefined)
      throw new BpfError(
        'EINVAL',
        `attachIter: '${prog.name}' is no iterator: declare it with BPF_ITER(task) or SEC("iter/task")`,
      );
    this.assertOpen();
    const map = table === undefined ? undefined : this.mapHandles.get(table);
    if (table !== undefined && !map) throw notFound('table', table, this.mapHandles.keys(), 'the program has');
    const link = this.backend.attach(this.loadFunc(prog.name, probeKind('iter')!.progType).handle, {
      kind: 'iter',
      target,
      options: { ...(map?.fd !== undefined && { mapFd: map.fd }), ...narrowed },
    });
    this.#iterators.add(link);
    return new IterOutput(link, (gone) => this.#iterators.delete(gone));
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
    return prog ?? this.prog(fnName);
  }

  #attachTracing(kind: ProbeKind, method: string, options: Named<{ fnName?: string }> | string): this {
    const prog = this.#tracing(kind, method, options);
    if (prog.attach?.kind !== kind) throw new BpfError('EINVAL', `${method}: '${prog.name}' is no ${kind} function`);
    this.attach(probeKind(kind)!, prog.attach.target, prog.name, {});
    return this;
  }

  #detachTracing(kind: ProbeKind, method: string, options: Named<{ fnName?: string }> | string): void {
    const prog = this.#tracing(kind, method, options);
    this.#detach(kind, prog.attach?.target ?? prog.name);
  }

  // ---- user functions ------------------------------------------------------------------------------------------------

  /**
   * Attach to functions of a program or library: `name` is its path or the library's name, `sym` a function, `symRe` a pattern of names, `addr`
   * an address of the file.
   */
  attachUprobe(options: Named<AttachUprobeOptions>): this {
    return this.#attachUser('uprobe', 'attachUprobe', options);
  }

  /** The same at returns. */
  attachUretprobe(options: Named<AttachUprobeOptions>): this {
    return this.#attachUser('uretprobe', 'attachUretprobe', options);
  }

  /** Detach from a user function's entry, by the arguments that it was attached with. */
  detachUprobe(options: Named<AttachUprobeOptions>): void {
    const { target, pid } = userPlace('detachUprobe', options);
    this.#detach('uprobe', withPid(target, pid));
  }

  /** Detach from a user function's return. */
  detachUretprobe(options: Named<AttachUprobeOptions>): void {
    const { target, pid } = userPlace('detachUretprobe', options);
    this.#detach('uretprobe', withPid(target, pid));
  }

  /** Detach every uprobe and uretprobe of a program or library; how many. */
  detachAllUprobesForBinary(name: string): number {
    const path = userPath(name);
    const mine = this.#attached.filter(
      (a) => ['uprobe', 'uretprobe'].includes(a.kind) && a.target.startsWith(`${path}:`),
    );
    this.#forget(mine);
    return mine.length;
  }

  #attachUser(kind: ProbeKind, method: string, options: Named<AttachUprobeOptions>): this {
    const place = userPlace(method, options);
    const { targets, cookies, pid } = place;
    if (!targets) return this.attachUserPlace(kind, method, place);
    const what = place.symRe ?? `a list of ${targets.length}`;
    if (targets.length === 0)
      throw new BpfError('ENOENT', `${method}: no function of ${place.path} matches ${JSON.stringify(what)}`);
    const all = places(targets, cookies, pid === -1 ? {} : { pid }).map((one) => ({
      ...one,
      key: withPid(one.wanted, pid),
    }));
    return this.#attachAll(kind, method, all, what, place.fnName);
  }

  protected attachUserPlace(kind: ProbeKind, method: string, place: UserPlace): this {
    const { target, fnName, pid, refCtrOffset, cookies } = place;
    return this.#attachOne(
      kind,
      method,
      target,
      fnName,
      { ...(pid !== -1 && { pid }), ...(refCtrOffset !== undefined && { refCtrOffset }), ...first(cookies) },
      withPid(target, pid),
    );
  }

  // ---- perf events -----------------------------------------------------------------------------------------------------

  /** Sample by a perf event: `evType` and `evConfig` are perf_event_open(2)'s type and config. One event a CPU, or on `cpu` alone. */
  attachPerfEvent(options: Named<AttachPerfEventOptions>): this {
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
    if ((rest.samplePeriod ?? 0) > 0 === (rest.sampleFreq ?? 0) > 0)
      throw new BpfError('EINVAL', "attachPerfEvent: one of 'samplePeriod' and 'sampleFreq' must be above 0");
    return this.#attachOne('perf_event', 'attachPerfEvent', `${evType}:${evConfig}`, fnName, positive(rest));
  }

  /** The same by a whole struct perf_event_attr. */
  attachPerfEventRaw(options: Named<AttachPerfEventRawOptions>): this {
    const { attr, fnName, ...rest } = named<AttachPerfEventRawOptions>('attachPerfEventRaw', options, [
      'attr',
      'fnName',
      'pid',
      'cpu',
      'groupFd',
    ]);
    if (attr === undefined) throw new TypeError("attachPerfEventRaw: 'attr' is needed");
    const { bytes, type, config, samplePeriod, sampleFreq } = encodePerfAttr(attr);
    return this.#attachOne('perf_event', 'attachPerfEventRaw', `${type}:${config}`, fnName, {
      attr: bytes,
      ...positive({ samplePeriod, sampleFreq, ...rest }),
    });
  }

  /** Close the perf events of a type and config. */
  detachPerfEvent(options: Named<{ evType?: number; evConfig?: number }>): void {
    const { evType, evConfig } = named<{ evType?: number; evConfig?: number }>('detachPerfEvent', options, [
      'evType',
      'evConfig',
    ]);
    this.#detach('perf_event', `${evType}:${evConfig}`);
  }

  // ---- packets and sockets -------------------------------------------------------------------------------------------

  /** Run a socket filter on every packet of a network interface. */
  attachRawSocket(options: Named<AttachSocketOptions> | Func, dev?: string): this {
    const given = socketOptions('attachRawSocket', options, dev, ['fn', 'fnName', 'dev']);
    return this.#attachOne('socket', 'attachRawSocket', given.dev, given.fn?.name ?? given.fnName, {});
  }

  /** Run an XDP function on every packet that an interface receives; what was there is replaced. */
  attachXdp(options: Named<AttachXdpOptions>): this {
    const {
      dev,
      fn,
      fnName,
      flags = 0,
    } = named<AttachXdpOptions>('attachXdp', options, ['dev', 'fn', 'fnName', 'flags']);
    return this.#attachOne('xdp', 'attachXdp', dev, fn?.name ?? fnName, { flags });
  }

  /** Take any XDP program off an interface. */
  removeXdp(dev: string, _flags = 0): void {
    this.#detach('xdp', dev);
  }

  /** BPF_PROG_ATTACH: tie a loaded function to what a descriptor stands for (a cgroup, a sockmap) by attach type (BPFAttachType). */
  attachFunc(fn: Func, attachableFd: number, attachType: number, flags = 0): this {
    if (!(fn instanceof Func)) throw new TypeError('attachFunc: the first argument is what loadFunc returned');
    this.assertOpen();
    const target = `${attachableFd}:${attachType}`;
    const link = this.backend.attach(fn.handle, {
      kind: 'prog_attach',
      target: String(attachableFd),
      options: { attachType, flags },
    });
    this.#attached.push({ kind: 'prog_attach', target, fnName: fn.name, link });
    return this;
  }

  /** BPF_PROG_DETACH. */
  detachFunc(fn: Func, attachableFd: number, attachType: number): void {
    if (!(fn instanceof Func)) throw new TypeError('detachFunc: the first argument is what loadFunc returned');
    this.#detach('prog_attach', `${attachableFd}:${attachType}`, fn.name);
  }

  // ---- how many ------------------------------------------------------------------------------------------------------

  /** Kernel functions that are probed: several functions of the program on one count once, as in BCC. */
  numOpenKprobes(): number {
    return this.#open('kprobe') + this.#open('kretprobe');
  }

  /** User functions that are probed. */
  numOpenUprobes(): number {
    return this.#open('uprobe') + this.#open('uretprobe');
  }

  /** Tracepoints that are attached to. */
  numOpenTracepoints(): number {
    return this.#open('tracepoint');
  }

  #open(kind: ProbeKind): number {
    return new Set(this.#attached.filter((a) => a.kind === kind).map((a) => a.target)).size;
  }

  // ---- inside ----------------------------------------------------------------------------------------------------------

  protected prog(name: string): ProgSpec {
    const prog = this.object.progs.find((p) => p.name === name);
    if (prog) return prog;
    const names = this.object.progs.map((p) => p.name);
    throw notFound('function', name, names, 'the program has');
  }

  /** What the function's name or section asks for. */
  protected autoAttach(prog: ProgSpec): void {
    if (!prog.attach) return;
    const row = probeKind(prog.attach.kind);
    const { kind, target } = prog.attach;
    const colon = target.lastIndexOf(':');
    if ((kind === 'uprobe' || kind === 'uretprobe') && colon > 0) {
      const [sym, plus] = target.slice(colon + 1).split('+');
      this.#attachUser(kind, `SEC("${prog.section}")`, {
        name: target.slice(0, colon),
        sym: sym!,
        ...(plus !== undefined && { symOff: Number(plus) }),
        fnName: prog.name,
      });
    } else if (row?.auto) this.attach(row, prog.attach.target, prog.name, {});
  }

  #attachOne(
    kind: ProbeKind,
    method: string,
    target: string | undefined,
    fnName: string | undefined,
    options: ProbeOptions,
    key?: string,
  ): this {
    if (!fnName) throw new TypeError(`${method}: 'fnName' is needed`);
    if (!target) throw new TypeError(`${method}: name what to attach to`);
    this.attach(probeKind(kind)!, target, fnName, options, key);
    return this;
  }

  /** All that a pattern found. As in BCC, those that cannot be attached are passed over and told, unless that is all of them. */
  #attachAll(
    kind: ProbeKind,
    method: string,
    found: readonly WantedPlace[],
    pattern: string | undefined,
    fnName: string | undefined,
  ): this {
    if (!fnName) throw new TypeError(`${method}: 'fnName' is needed`);
    const row = probeKind(kind)!;
    if (found.length === 0)
      throw new BpfError('ENOENT', `${method}: no ${row.noun} matches ${JSON.stringify(pattern ?? [])}`);
    this.prog(fnName);
    this.#quota(found.length);
    const refused = this.#attachPlaces(row, found, fnName);
    if (refused.length === found.length) throw refused[0]!.error;
    if (refused.length > 0)
      this.warn(
        `${method}: ${refused.length} of ${found.length} could not be attached:${refused
          .map(({ place, error }) => `\n  ${place.wanted}: ${error.message}`)
          .join('')}`,
      );
    return this;
  }

  #quota(more: number): void {
    const limit = this.getProbeLimit();
    if (openProbes() + more > limit)
      throw new BpfError(
        'ENOSPC',
        `${more} more probes would exceed the limit of ${limit} open probes; BCC_PROBE_LIMIT in the environment raises it`,
      );
  }

  protected attach(row: ProbeKindRow, wanted: string, fnName: string, options: ProbeOptions, key?: string): void {
    if (row.counted) this.#quota(1);
    const [refused] = this.#attachPlaces(row, [{ wanted, options, key }], fnName);
    if (refused) throw refused.error;
  }

  /** Answers what could not be attached. Throws what is wrong with the program. */
  #attachPlaces(
    row: ProbeKindRow,
    places: readonly WantedPlace[],
    fnName: string,
  ): { readonly place: WantedPlace; readonly error: Error }[] {
    this.assertOpen();
    const spec = this.prog(fnName);
    const refused: { place: WantedPlace; error: Error }[] = [];
    const taken = new Set(
      this.#attached.filter((a) => a.kind === row.kind && a.fnName === fnName).map((a) => a.target),
    );
    const wanted: { place: WantedPlace; target: string; id: string }[] = [];
    for (const place of places) {
      const target = row.normalise?.(place.wanted, this.backend) ?? place.wanted;
      const id = place.key ?? target;
      if (taken.has(id))
        refused.push({
          place,
          error: new BpfError('EEXIST', `'${fnName}' is already attached to ${row.kind} '${id}'`),
        });
      else wanted.push({ place, target, id });
      taken.add(id);
    }
    if (wanted.length === 0) return refused;
    if (row.attachType && spec.attachType === undefined && !this.isLoaded(fnName)) {
      const handle = this.backend.load(
        {
          ...spec,
          type: row.progType,
          attachType: row.attachType,
          attach: { kind: row.kind, target: wanted[0]!.target },
        },
        this.object,
        this.mapHandles,
      );
      this.keepFunc(new Func(fnName, handle));
    }
    const func = this.loadFunc(fnName, row.progType);
    const probes = wanted.map(({ target, place }) => ({ kind: row.kind, target, options: place.options }));
    attachEach(this.backend, func.handle, probes).forEach((link, i) => {
      const { place, id } = wanted[i]!;
      if (link instanceof Error) {
        refused.push({ place, error: link });
        return;
      }
      if (row.counted) countProbes(1);
      this.#attached.push({ kind: row.kind, target: id, fnName, link });
    });
    return refused;
  }

  #detachNamed(
    kind: ProbeKind,
    options: Named<{ event?: string; tp?: string; fnName?: string }> | string,
    key: 'event' | 'tp',
    fn?: string,
  ): void {
    const given =
      typeof options === 'string'
        ? { [key]: options, ...(fn !== undefined && { fnName: fn }) }
        : named<{ event?: string; tp?: string; fnName?: string }>(`detach ${kind}`, options, [key, 'fnName']);
    const wanted = (given as Record<string, string | undefined>)[key];
    if (wanted === undefined) throw new TypeError(`detach ${kind}: '${key}' is needed`);
    const target = probeKind(kind)!.normalise?.(wanted, this.backend) ?? wanted;
    this.#detach(kind, target, (given as { fnName?: string }).fnName);
  }

  #detach(kind: string, target: string, fnName?: string): void {
    const gone = this.#attached.filter(
      (a) => a.kind === kind && a.target === target && (fnName === undefined || a.fnName === fnName),
    );
    if (gone.length === 0)
      throw new BpfError('ENOENT', `no ${kind} is attached to '${target}'${fnName ? ` by '${fnName}'` : ''}`);
    this.#forget(gone);
  }

  #forget(gone: readonly Attached[]): void {
    this.#closeLinks(gone);
    for (const { kind } of gone) if (probeKind(kind)?.counted) countProbes(-1);
    const left = new Set(gone);
    this.#attached = this.#attached.filter((a) => !left.has(a));
  }

  #closeLinks(gone: readonly Attached[]): void {
    const links = gone.map(({ link }) => link);
    if (this.backend.closeMany) this.backend.closeMany(links);
    else for (const link of links) link.close();
  }

  protected detachEverything(): void {
    this.#forget(this.#attached);
    for (const link of this.#iterators) link.close();
    this.#iterators.clear();
  }
}

function socketOptions(
  method: string,
  options: Named<AttachSocketOptions> | Func,
  dev: string | undefined,
  known: readonly (keyof AttachSocketOptions)[],
): AttachSocketOptions {
  if (options instanceof Func) return { fn: options, ...(dev !== undefined && { dev }) };
  return named<AttachSocketOptions>(method, options, known);
}
