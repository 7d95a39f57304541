/**
 * What a script asks about the kernel that it runs on: symbols, functions, tracepoints, fields of structs, what can be attached. In BCC most of
 * these are static methods of class BPF that scripts call on the class and on its objects alike; so they exist both ways here, the
 * static ones asking the session's backend.
 */
import type { Backend, SymbolAt } from '../backend/backend.ts';
import { compositeOf, findField } from '../btf/layout.ts';
import { autoIncludes } from './auto-includes.ts';
import { currentSession, sessionIfAny } from './session.ts';
import type { BuildIdFrame } from './stack.ts';
import { fixSyscallName, hasFunction, syscallPrefix } from './syscalls.ts';
import { findExe, findLibrary, functionsOf } from './user-code.ts';
import { addModule, ofBuildId, symbolText, userSymbol, userSymbolAddress } from './user-symbols.ts';

/** Probes that a regular expression may attach at once (BCC_PROBE_LIMIT's default). */
const PROBE_LIMIT = 1000;

export abstract class KernelQueries {
  abstract readonly backend: Backend;

  /** `__x64_sys_` or what this kernel uses. */
  getSyscallPrefix(): string {
    return syscallPrefix((name) => hasFunction(this.backend, name));
  }

  /** The kernel function of a system call: `clone` -> `__x64_sys_clone`. */
  getSyscallFnname(name: string): string {
    return this.getSyscallPrefix() + name;
  }

  /** A system call's function under any kernel's prefix, as this kernel spells it; other names stay. */
  fixSyscallFnname(name: string): string {
    return fixSyscallName(name, (symbol) => hasFunction(this.backend, symbol));
  }

  /** Name of a kernel address: `tcp_v4_connect`, with `+0x1b` and ` [kernel]` when asked for; `[unknown]` for none. */
  ksym(addr: bigint | number, showModule = false, showOffset = false): string {
    return symbolText(this.backend.ksym(BigInt.asUintN(64, BigInt(addr))), showModule, showOffset);
  }

  /** Address of a kernel symbol; -1n when there is none. */
  ksymname(name: string): bigint {
    return this.backend.ksymAddress(name) ?? -1n;
  }

  /**
   * Name of an address in a process, with `+0x1b` and ` [libc.so.6]` when asked for; `[unknown]` for none. A pid below zero is the kernel. A frame of
   * a stack by build id is looked up in what addModule named.
   */
  sym(addr: bigint | number | BuildIdFrame, pid: number, showModule = false, showOffset = false): string {
    if (typeof addr === 'object') return symbolText(ofBuildId(addr), showModule, showOffset);
    if (pid < 0) return this.ksym(addr, showModule, showOffset);
    return symbolText(userSymbol(this.backend, pid, BigInt(addr)), showModule, showOffset);
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

  /** Kernel functions, as a kprobe can name them, whose whole name matches the pattern. */
  getKprobeFunctions(eventRe: string): string[] {
    const regexp = new RegExp(`^(?:${eventRe})$`);
    return [...new Set(this.backend.kernelFunctions())].filter((name) => regexp.test(name));
  }

  /** Functions of a program or library whose names match the pattern from their start, with their addresses in the file. */
  getUserFunctionsAndAddresses(name: string, symRe: string): [name: string, address: bigint][] {
    const regexp = new RegExp(`^(?:${symRe})`);
    return functionsOf(name)
      .filter((f) => regexp.test(f.name))
      .map((f) => [f.name, f.address]);
  }

  /** Their names, each once. */
  getUserFunctions(name: string, symRe: string): string[] {
    return [...new Set(this.getUserFunctionsAndAddresses(name, symRe).map(([function_]) => function_))];
  }

  /** Their addresses, each once: several names may stand for one place. */
  getUserAddresses(name: string, symRe: string): bigint[] {
    return [...new Set(this.getUserFunctionsAndAddresses(name, symRe).map(([, address]) => address))];
  }

  /** Full path of the library `libNAME`: in a process, or by the dynamic linker's cache. */
  findLibrary(libname: string, pid = 0): string | undefined {
    return findLibrary(libname, pid);
  }

  /** Full path of a program along $PATH. */
  findExe(binPath: string): string | undefined {
    return findExe(binPath);
  }

  /** #include lines for kernel types that the words of a program name. */
  generateAutoIncludes(programWords: Iterable<string>): string {
    return autoIncludes(programWords);
  }

  /** Give addresses of stacks by build id (BPF_STACK_TRACE_BUILDID) the symbols of a program or library. */
  addModule(modname: string): void {
    addModule(modname);
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

  /** Can programs decide security hooks? */
  supportLsm(): boolean {
    return this.#supports('lsm', 'bpf_lsm_bpf');
  }

  /** Can programs change what functions return? */
  supportFmodRet(): boolean {
    return this.#supports('fmod_ret', 'bpf_modify_return_test');
  }

  /** Can programs be attached to raw tracepoints? */
  supportRawTracepoint(): boolean {
    return this.#supports('raw_tracepoint', 'bpf_find_raw_tracepoint', 'bpf_get_raw_tracepoint');
  }

  /** And to those of modules? */
  supportRawTracepointInModule(): boolean {
    return this.#supports('raw_tracepoint_in_module', 'bpf_trace_modules');
  }

  /** A backend that says so is believed; otherwise a symbol of the kernel tells, as in BCC. */
  #supports(kind: string, ...symbols: readonly string[]): boolean {
    return this.backend.supports?.(kind) ?? symbols.some((symbol) => hasFunction(this.backend, symbol));
  }

  /** Nanoseconds of the clock that timeouts are measured by. */
  monotonicTime(): bigint {
    return BigInt(Math.round((this.backend.nowMs?.() ?? Date.now()) * 1000)) * 1000n;
  }

  /** How many probes one regular expression may attach. */
  getProbeLimit(): number {
    const given = sessionIfAny()?.env?.('BCC_PROBE_LIMIT');
    return given !== undefined && /^\d+$/.test(given) ? Number(given) : PROBE_LIMIT;
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
  static sym(addr: bigint | number | BuildIdFrame, pid: number, showModule = false, showOffset = false): string {
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
    return ofSession().getProbeLimit();
  }
  static getUserFunctionsAndAddresses(name: string, symRe: string): [name: string, address: bigint][] {
    return ofSession().getUserFunctionsAndAddresses(name, symRe);
  }
  static getUserFunctions(name: string, symRe: string): string[] {
    return ofSession().getUserFunctions(name, symRe);
  }
  static getUserAddresses(name: string, symRe: string): bigint[] {
    return ofSession().getUserAddresses(name, symRe);
  }
  static findLibrary(libname: string, pid = 0): string | undefined {
    return findLibrary(libname, pid);
  }
  static findExe(binPath: string): string | undefined {
    return findExe(binPath);
  }
  static generateAutoIncludes(programWords: Iterable<string>): string {
    return autoIncludes(programWords);
  }
  static addModule(modname: string): void {
    addModule(modname);
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
    const address = BigInt.asUintN(64, BigInt(addr));
    const { backend } = this.#queries;
    const found = this.#pid < 0 ? backend.ksym(address) : userSymbol(backend, this.#pid, address);
    return found ?? { name: '[unknown]', offset: 0, module: '' };
  }

  /** Address of a symbol, -1n when there is none: of one module of the process (a path, or its last part) or of any. The kernel is one module. */
  resolveName(module: string | undefined, name: string): bigint {
    if (this.#pid < 0) return this.#queries.ksymname(name);
    return userSymbolAddress(this.#queries.backend, this.#pid, module || undefined, name) ?? -1n;
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
export function matching(names: Iterable<string>, pattern: string): string[] {
  const regexp = new RegExp(`^(?:${pattern})`);
  return [...new Set(names)].filter((name) => regexp.test(name));
}
