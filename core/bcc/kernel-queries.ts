/**
 * What a script asks about the kernel that it runs on: symbols, functions, tracepoints, fields of structs, what can be attached. In BCC most of
 * these are static methods of class BPF that scripts call on the class and on its objects alike; so they exist both ways here, the
 * static ones asking the session's backend.
 */
import type { Backend, SymbolAt } from '../backend/backend.ts';
import { compositeOf, findField } from '../btf/layout.ts';
import { currentSession } from './session.ts';
import { fixSyscallName, syscallPrefix } from './syscalls.ts';

/** Probes that a regular expression may attach at once (BCC_PROBE_LIMIT's default). */
const PROBE_LIMIT = 1000;

export abstract class KernelQueries {
  abstract readonly backend: Backend;

  /** `__x64_sys_` or what this kernel uses. */
  getSyscallPrefix(): string {
    return syscallPrefix((name) => this.backend.ksymAddress(name) !== undefined);
  }

  /** The kernel function of a system call: `clone` -> `__x64_sys_clone`. */
  getSyscallFnname(name: string): string {
    return this.getSyscallPrefix() + name;
  }

  /** A system call's function under any kernel's prefix, as this kernel spells it; other names stay. */
  fixSyscallFnname(name: string): string {
    return fixSyscallName(name, (symbol) => this.backend.ksymAddress(symbol) !== undefined);
  }

  /** Name of a kernel address: `tcp_v4_connect`, with `+0x1b` and ` [kernel]` when asked for; `[unknown]` for none. */
  ksym(addr: bigint | number, showModule = false, showOffset = false): string {
    const found = this.backend.ksym(BigInt.asUintN(64, BigInt(addr)));
    if (!found) return '[unknown]';
    const offset = showOffset ? `+0x${found.offset.toString(16)}` : '';
    return `${found.name}${offset}${showModule ? ` [${found.module}]` : ''}`;
  }

  /** Address of a kernel symbol; -1n when there is none. */
  ksymname(name: string): bigint {
    return this.backend.ksymAddress(name) ?? -1n;
  }

  /** Name of an address in a process; a pid below zero is the kernel. Backends that know no user symbols say `[unknown]`. */
  sym(addr: bigint | number, pid: number, showModule = false, showOffset = false): string {
    return pid < 0 ? this.ksym(addr, showModule, showOffset) : '[unknown]';
  }

  /** Is there such a tracepoint? */
  tracepointExists(category: string, event: string): boolean {
    const wanted = `${category}:${event}`;
    for (const name of this.backend.tracepoints()) if (name === wanted) return true;
    return false;
  }

  /** Tracepoints whose `category:event` matches the pattern from its start. */
  getTracepoints(tpRe: string): string[] {
    return matching(this.backend.tracepoints(), tpRe);
  }

  /** Kernel functions, as a kprobe can name them, that match the pattern from their start. */
  getKprobeFunctions(eventRe: string): string[] {
    return matching(this.backend.kernelFunctions(), eventRe);
  }

  /** Has the kernel's struct this field, also in an anonymous member? False for structs that there are not. */
  kernelStructHasField(structName: string, fieldName: string): boolean {
    const btf = this.backend.kernelBtf;
    const type = btf.find(structName, 'struct') ?? btf.find(structName, 'union');
    return type !== undefined && compositeOf(btf, type) !== undefined && findField(btf, type, fieldName) !== undefined;
  }

  /** Has the kernel's enum this enumerator? */
  kernelEnumHasVal(enumName: string, valueName: string): boolean {
    const btf = this.backend.kernelBtf;
    const id = btf.find(enumName, 'enum') ?? btf.find(enumName, 'enum64');
    const type = id === undefined ? undefined : btf.type(id);
    return (type?.kind === 'enum' || type?.kind === 'enum64') && type.values.some((v) => v.name === valueName);
  }

  /** Can programs be attached to functions by BTF (fentry and fexit)? */
  supportKfunc(): boolean {
    return this.#supports('kfunc', 'bpf_trampoline_link_prog');
  }

  supportLsm(): boolean {
    return this.#supports('lsm', 'bpf_lsm_bpf');
  }

  supportFmodRet(): boolean {
    return this.#supports('fmod_ret', 'bpf_modify_return_test');
  }

  supportRawTracepoint(): boolean {
    return this.#supports('raw_tracepoint', 'bpf_find_raw_tracepoint', 'bpf_get_raw_tracepoint');
  }

  supportRawTracepointInModule(): boolean {
    return this.#supports('raw_tracepoint_in_module', 'bpf_trace_modules');
  }

  /** A backend that says so is believed; otherwise a symbol of the kernel tells, as in BCC. */
  #supports(kind: string, ...symbols: readonly string[]): boolean {
    return this.backend.supports?.(kind) ?? symbols.some((symbol) => this.backend.ksymAddress(symbol) !== undefined);
  }

  /** Nanoseconds of the clock that timeouts are measured by. */
  monotonicTime(): bigint {
    return BigInt(Math.round((this.backend.nowMs?.() ?? Date.now()) * 1000)) * 1000n;
  }

  /** How many probes one regular expression may attach. */
  getProbeLimit(): number {
    return PROBE_LIMIT;
  }

  /** Symbols of a process; of the kernel for a pid below zero. */
  SymbolCache(pid: number): SymbolCache {
    return new SymbolCache(this, pid);
  }

  // ---- the same on the class, about the session's kernel -----------------------------------------------------------

  static SymbolCache(pid: number): SymbolCache {
    return new SymbolCache(ofSession(), pid);
  }
  static getSyscallPrefix(): string {
    return ofSession().getSyscallPrefix();
  }
  static getSyscallFnname(name: string): string {
    return ofSession().getSyscallFnname(name);
  }
  static fixSyscallFnname(name: string): string {
    return ofSession().fixSyscallFnname(name);
  }
  static ksym(addr: bigint | number, showModule = false, showOffset = false): string {
    return ofSession().ksym(addr, showModule, showOffset);
  }
  static ksymname(name: string): bigint {
    return ofSession().ksymname(name);
  }
  static sym(addr: bigint | number, pid: number, showModule = false, showOffset = false): string {
    return ofSession().sym(addr, pid, showModule, showOffset);
  }
  static tracepointExists(category: string, event: string): boolean {
    return ofSession().tracepointExists(category, event);
  }
  static getTracepoints(tpRe: string): string[] {
    return ofSession().getTracepoints(tpRe);
  }
  static getKprobeFunctions(eventRe: string): string[] {
    return ofSession().getKprobeFunctions(eventRe);
  }
  static kernelStructHasField(structName: string, fieldName: string): boolean {
    return ofSession().kernelStructHasField(structName, fieldName);
  }
  static kernelEnumHasVal(enumName: string, valueName: string): boolean {
    return ofSession().kernelEnumHasVal(enumName, valueName);
  }
  static supportKfunc(): boolean {
    return ofSession().supportKfunc();
  }
  static supportLsm(): boolean {
    return ofSession().supportLsm();
  }
  static supportFmodRet(): boolean {
    return ofSession().supportFmodRet();
  }
  static supportRawTracepoint(): boolean {
    return ofSession().supportRawTracepoint();
  }
  static supportRawTracepointInModule(): boolean {
    return ofSession().supportRawTracepointInModule();
  }
  static monotonicTime(): bigint {
    return ofSession().monotonicTime();
  }
  static getProbeLimit(): number {
    return PROBE_LIMIT;
  }
}

/** BCC's SymbolCache: addresses to names and back. User symbols are those that the backend knows. */
export class SymbolCache {
  readonly #queries: KernelQueries;
  readonly #pid: number;

  constructor(queries: KernelQueries, pid: number) {
    this.#queries = queries;
    this.#pid = pid;
  }

  /** Name, distance from its start and module of an address; `[unknown]`, 0 and '' when there is none. */
  resolve(addr: bigint | number): SymbolAt {
    const found = this.#pid < 0 ? this.#queries.backend.ksym(BigInt.asUintN(64, BigInt(addr))) : undefined;
    return found ?? { name: '[unknown]', offset: 0, module: '' };
  }

  /** Address of a symbol, -1n when there is none. The kernel has one module here: whatever is given, or nothing. */
  resolveName(_module: string | undefined, name: string): bigint {
    return this.#pid < 0 ? this.#queries.ksymname(name) : -1n;
  }
}

class SessionQueries extends KernelQueries {
  get backend(): Backend {
    return currentSession().backend();
  }
}

function ofSession(): KernelQueries {
  return new SessionQueries();
}

/** Names that the pattern matches from their start (Python's re.match), each once. */
function matching(names: Iterable<string>, pattern: string): string[] {
  const regexp = new RegExp(`^(?:${pattern})`);
  return [...new Set(names)].filter((name) => regexp.test(name));
}
