/**
 * The door to bpf(2): commands by name, arguments by field name, pointers as typed arrays. https://man7.org/linux/man-pages/man2/bpf.2.html
 *
 * `bpf` answers the kernel's number, negative for -errno, and throws nothing but Unsupported where there is no such door. The functions below
 * it throw SysError, except that a map's element operations answer errnos, as the object model wants them.
 */
import { utf8Decode, utf8Encode } from '../../core/base/bytes.ts';
import { ERRNO, errnoName } from '../../core/base/errno.ts';
import { SysError, Unsupported, VerifierError } from '../../core/base/errors.ts';
import { progTypeById } from '../../core/progs/index.ts';
import { addon, addonProblem, type NativeSys } from '../addon/index.ts';
import { type AttrLayout, BPF_COMMANDS, type BpfCommand, FIELD_SIZE, type FieldOf, LAYOUTS } from './bpf-attr.ts';
import { textOf } from './machine.ts';
import { neededToLoad, refusedBecause } from './rights.ts';

/** Numbers for u32 and u64 fields, bytes for pointers, text for names. Fields not given are 0. */
export type FieldValue = number | bigint | string | ArrayBufferView;
export type Attr<C extends BpfCommand> = { readonly [name in FieldOf<C>]?: FieldValue };

const rows = new Map<string, (typeof BPF_COMMANDS)[number]>(BPF_COMMANDS.map((row) => [row.name, row]));
/** BPF_OBJ_NAME_LEN without the NUL. */
const NAME_MOST = 15;
const FIRST_LOG = 64 * 1024;
/** The kernel's limit is UINT_MAX / 4; no program's log needs that. */
const LAST_LOG = 256 * 1024 * 1024;
/** Most of a log that is kept. A program that is too complex fills hundreds of megabytes, all of it alike. */
const MOST_TEXT = 16 * 1024 * 1024;
const NEWLINE = 10;

export function sys(): NativeSys {
  const door = addon()?.sys;
  if (!door) throw new Unsupported('bpf(2)', { hint: addonProblem() ?? 'it exists on Linux only' });
  return door;
}

/** The argument of one call, and what the kernel left in it. */
export class BpfAttr<C extends BpfCommand> {
  readonly bytes: Uint8Array;
  /** (offset, bytes) pairs for the addon. */
  readonly pointers: (number | ArrayBufferView)[] = [];
  readonly command: C;
  readonly #layout: AttrLayout;
  readonly #view: DataView;

  /** Throws RangeError for a field that the command does not have, TypeError for a value of the wrong kind. */
  constructor(command: C, values: Attr<C>) {
    this.command = command;
    this.#layout = LAYOUTS[rows.get(command)!.layout];
    // The whole struct, always: the kernel writes its answers even behind the size it was told; and zeros that it does not know are fine.
    const size = Math.max(...this.#layout.fields.map((field) => field.at + FIELD_SIZE[field.kind]));
    this.bytes = new Uint8Array((size + 7) & ~7);
    this.#view = new DataView(this.bytes.buffer);
    for (const [name, value] of Object.entries<FieldValue | undefined>(values)) {
      if (value !== undefined) this.#set(name, value);
    }
  }

  #field(name: string): { readonly at: number; readonly kind: keyof typeof FIELD_SIZE } {
    const field = this.#layout.fields.find((one) => one.name === name);
    if (!field) throw new RangeError(`BPF_${this.command} has no field '${name}'`);
    return field;
  }

  #set(name: string, value: FieldValue): void {
    const { at, kind } = this.#field(name);
    if (kind === 'name' && typeof value === 'string') {
      // The kernel takes letters, digits, '_' and '.' only.
      const text = value.replace(/[^A-Za-z0-9_.]/g, '_').slice(0, NAME_MOST);
      this.bytes.set(utf8Encode(text), at);
    } else if (kind === 'ptr' && ArrayBuffer.isView(value)) {
      if (value.byteLength > 0) this.pointers.push(at, value);
    } else if ((kind === 'u32' || kind === 'u64') && typeof value !== 'string' && !ArrayBuffer.isView(value)) {
      if (kind === 'u32') this.#view.setUint32(at, Number(value), true);
      else this.#view.setBigUint64(at, BigInt(value), true);
    } else {
      throw new TypeError(`BPF_${this.command}: field '${name}' is a ${kind}`);
    }
  }

  /** A u32 field, as the kernel left it. */
  u32(name: FieldOf<C>): number {
    return this.#view.getUint32(this.#field(name).at, true);
  }

  /** Makes the call. */
  call(): number {
    return sys().bpf(rows.get(this.command)!.number, this.bytes, this.pointers);
  }
}

/** One call; the kernel's answer (a descriptor, 0, ...) or -errno. */
export function bpf<C extends BpfCommand>(command: C, values: Attr<C>): number {
  return new BpfAttr(command, values).call();
}

/** The same, throwing SysError on failure. `doing` completes "... : bpf(BPF_X): ENAME". */
export function bpfOrThrow<C extends BpfCommand>(command: C, values: Attr<C>, doing: string): number {
  const result = bpf(command, values);
  if (result < 0) throw new SysError(`bpf(BPF_${command})`, errnoName(result), doing);
  return result;
}

/** Why bpf(2) cannot be used here, named by the right that is missing; undefined when it can. Makes a map, to try. */
export function bpfUnavailable(): string | undefined {
  if (process.platform !== 'linux') return `bpf(2) exists on Linux only (this is ${process.platform})`;
  if (!addon()?.sys) return addonProblem() ?? 'the native addon has no door to bpf(2)';
  // CPUs, rights, symbols and our own mounts are looked at through it.
  if (textOf('/proc/self/status') === undefined) return '/proc is not mounted: `mount -t proc proc /proc`';
  // An array of one: BPF_MAP_TYPE_ARRAY is 2.
  const fd = bpf('MAP_CREATE', { map_type: 2, key_size: 4, value_size: 4, max_entries: 1 });
  if (fd >= 0) sys().close(fd);
  if (fd >= 0) return undefined;
  const why = refusedBecause(fd, ['BPF'], 'CONFIG_BPF_SYSCALL');
  return `bpf(2) answers ${errnoName(fd)}${why ? `: ${why}` : ''}`;
}

export interface MapRequest {
  /** enum bpf_map_type. */
  readonly type: number;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  readonly flags?: number;
  readonly name?: string;
  readonly innerMapFd?: number;
  readonly extra?: bigint;
}

/** A descriptor. */
export function createMap(request: MapRequest): number {
  const { type, keySize, valueSize, maxEntries, flags, name, innerMapFd, extra } = request;
  const attr = {
    map_type: type,
    key_size: keySize,
    value_size: valueSize,
    max_entries: maxEntries,
    map_flags: flags ?? 0,
    map_name: name ?? '',
    inner_map_fd: innerMapFd ?? 0,
    map_extra: extra ?? 0,
  };
  return bpfOrThrow('MAP_CREATE', attr, `creating the map ${name ? `'${name}'` : `of type ${type}`}`);
}

/** 0 or -errno. `flags`: BPF_ANY 0, BPF_NOEXIST 1, BPF_EXIST 2. */
export function updateElem(mapFd: number, key: Uint8Array, value: Uint8Array, flags = 0): number {
  return bpf('MAP_UPDATE_ELEM', { map_fd: mapFd, key, value, flags });
}

/** The value into `value` (all CPUs' values one after the other, 8-aligned, for per-CPU maps); 0 or -errno. */
export function lookupElem(mapFd: number, key: Uint8Array, value: Uint8Array, flags = 0): number {
  return bpf('MAP_LOOKUP_ELEM', { map_fd: mapFd, key, value, flags });
}

/** 0 or -errno. */
export function deleteElem(mapFd: number, key: Uint8Array): number {
  return bpf('MAP_DELETE_ELEM', { map_fd: mapFd, key });
}

/** 0 or -errno (-ENOENT: there is none). */
export function lookupAndDeleteElem(mapFd: number, key: Uint8Array, value: Uint8Array): number {
  return bpf('MAP_LOOKUP_AND_DELETE_ELEM', { map_fd: mapFd, key, value });
}

/** The key after `key`, or the first, into `next`; 0 or -errno (-ENOENT: no more). */
export function nextKey(mapFd: number, key: Uint8Array | undefined, next: Uint8Array): number {
  return bpf('MAP_GET_NEXT_KEY', { map_fd: mapFd, next_key: next, ...(key && { key }) });
}

export interface BatchResult {
  /** 0, or -errno (-ENOENT: the end was reached; what was found still counts). */
  readonly result: number;
  readonly count: number;
}

/**
 * Up to `count` elements into `keys` and `values`. `cursor` is 4 bytes for arrays, a key for hashes (at least 4), filled by each call and given back to
 * the next; `first` starts over.
 */
export function lookupBatch(
  mapFd: number,
  batch: { cursor: Uint8Array; first: boolean; keys: Uint8Array; values: Uint8Array; count: number; delete?: boolean },
): BatchResult {
  const { cursor, first, keys, values, count } = batch;
  const command = batch.delete ? 'MAP_LOOKUP_AND_DELETE_BATCH' : 'MAP_LOOKUP_BATCH';
  const start = first ? {} : { in_batch: cursor };
  const attr = new BpfAttr(command, { map_fd: mapFd, out_batch: cursor, keys, values, count, ...start });
  return { result: attr.call(), count: attr.u32('count') };
}

/** `count` elements at once. */
export function updateBatch(mapFd: number, keys: Uint8Array, values: Uint8Array, count: number): BatchResult {
  const attr = new BpfAttr('MAP_UPDATE_BATCH', { map_fd: mapFd, keys, values, count });
  return { result: attr.call(), count: attr.u32('count') };
}

export interface ProgRequest {
  /** enum bpf_prog_type. */
  readonly type: number;
  /** Instructions, 8 bytes each, map descriptors patched in. */
  readonly insns: Uint8Array;
  readonly license?: string;
  readonly name?: string;
  readonly expectedAttachType?: number;
  readonly flags?: number;
  /** LINUX_VERSION_CODE; only kernels before 5.0 look at it. */
  readonly kernVersion?: number;
  readonly attachBtfId?: number;
  readonly attachProgFd?: number;
  /** BTF object of the module that `attachBtfId` counts in. */
  readonly attachBtfFd?: number | undefined;
  /** Descriptors that calls of module functions name by their place here. */
  readonly fds?: Int32Array | undefined;
  readonly btf?: {
    readonly fd: number;
    readonly funcInfo?: Uint8Array;
    readonly funcInfoSize?: number;
    readonly lineInfo?: Uint8Array;
    readonly lineInfoSize?: number;
  };
  /** 0: a log on failure only; 1 or 2: always. */
  readonly logLevel?: number;
}

export interface LoadedProg {
  readonly fd: number;
  readonly log: string;
}

/**
 * Loads a program. Without `logLevel` the first try asks for no log, which is faster; a refusal is repeated with a log, which grows until
 * the kernel's fits. Throws VerifierError with the whole log, or SysError when the kernel said nothing.
 */
export function progLoad(request: ProgRequest): LoadedProg {
  const { insns, btf, logLevel = 0 } = request;
  const name = request.name ?? '';
  const base: Attr<'PROG_LOAD'> = {
    prog_type: request.type,
    insn_cnt: insns.length / 8,
    insns,
    license: utf8Encode(`${request.license ?? 'GPL'}\0`),
    prog_name: name,
    prog_flags: request.flags ?? 0,
    kern_version: request.kernVersion ?? 0,
    expected_attach_type: request.expectedAttachType ?? 0,
    attach_btf_id: request.attachBtfId ?? 0,
    ...(request.attachBtfFd !== undefined
      ? { attach_btf_obj_fd: request.attachBtfFd }
      : { attach_prog_fd: request.attachProgFd ?? 0 }),
    ...(request.fds && { fd_array: request.fds }),
    ...(btf && { prog_btf_fd: btf.fd }),
    ...(btf?.funcInfo && infoOf('func', btf.funcInfo, btf.funcInfoSize ?? 8)),
    ...(btf?.lineInfo && infoOf('line', btf.lineInfo, btf.lineInfoSize ?? 16)),
  };
  let result = -ERRNO.ENOSPC;
  let log = '';
  if (logLevel === 0) {
    result = loadUndisturbed(base);
    if (result >= 0) return { fd: result, log };
  }
  for (let size = FIRST_LOG; size <= LAST_LOG; size *= 8) {
    const buffer = new Uint8Array(size);
    result = loadUndisturbed({ ...base, log_level: logLevel || 1, log_size: size, log_buf: buffer });
    log = logText(buffer);
    if (result !== -ERRNO.ENOSPC) break;
  }
  if (result >= 0) return { fd: result, log };
  const what = `loading the program${name ? ` '${name}'` : ''}`;
  // A log that only counts is one of a program that passed: what failed came after (no descriptor was free, ...).
  if (reasons(log).length === 0) {
    const hint = refusedBecause(result, neededToLoad(progTypeById(request.type)?.name ?? ''), 'CONFIG_BPF_SYSCALL');
    throw new SysError('bpf(BPF_PROG_LOAD)', errnoName(result), what, { ...(hint && { hint }) });
  }
  throw new VerifierError(`${what}: ${refusal(log)}`, { pc: lastPc(log), log });
}

/** The log, or of one too long to be text its end, from a line's beginning. */
function logText(buffer: Uint8Array): string {
  const nul = buffer.indexOf(0);
  const end = nul < 0 ? buffer.length : nul;
  if (end <= MOST_TEXT) return utf8Decode(buffer.subarray(0, end));
  const start = buffer.indexOf(NEWLINE, end - MOST_TEXT) + 1;
  return utf8Decode(buffer.subarray(start, end));
}

/** How often a load that a signal broke off is begun again. */
const LOAD_ATTEMPTS = 100;

/** The kernel's verifier gives up with EAGAIN when a signal is pending (do_check in kernel/bpf/verifier.c): a profiler sends them all the time. */
function loadUndisturbed(attr: Attr<'PROG_LOAD'>): number {
  let result = -ERRNO.EAGAIN;
  for (let tries = 0; tries < LOAD_ATTEMPTS && result === -ERRNO.EAGAIN; tries++) result = bpf('PROG_LOAD', attr);
  return result;
}

function infoOf(kind: 'func' | 'line', bytes: Uint8Array, recordSize: number): Attr<'PROG_LOAD'> {
  const count = bytes.length / recordSize;
  return kind === 'func'
    ? { func_info: bytes, func_info_rec_size: recordSize, func_info_cnt: count }
    : { line_info: bytes, line_info_rec_size: recordSize, line_info_cnt: count };
}

/** Where the log says how it ended. Of a program that was too complex the whole is hundreds of megabytes. */
function endOf(log: string): string {
  return log.slice(-FIRST_LOG);
}

/** The line of the log that says why: the last that is not statistics. */
function refusal(log: string): string {
  return reasons(log).at(-1)!;
}

/** The last lines that are not statistics. */
function reasons(log: string): string[] {
  return endOf(log)
    .split('\n')
    .filter((line) => line.trim() !== '' && !/^(processed|verification time|stack depth|insns processed)/.test(line));
}

/** The instruction that the verifier was at: the last line that begins as `PC: (OP)`. */
function lastPc(log: string): number {
  const found = [...endOf(log).matchAll(/^(\d+): \([0-9a-f]{2}\)/gm)].at(-1);
  return found ? Number(found[1]) : 0;
}

export interface TestRun {
  readonly data?: Uint8Array;
  readonly ctx?: Uint8Array;
  /** Ask for 1000 or more to measure: one run is mostly overhead. */
  readonly repeat?: number;
  /** Room for the packet as the program left it; default: as long as `data` and 256 more. */
  readonly dataOutSize?: number;
}

export interface TestRunResult {
  /** The program's r0. */
  readonly retval: number;
  /** Of one run, on the average. */
  readonly durationNs: number;
  readonly data: Uint8Array;
  readonly ctx: Uint8Array;
}

/** Runs a program on given bytes (BPF_PROG_TEST_RUN). Throws SysError: ENOTSUPP for program types that cannot be run so. */
export function testRun(progFd: number, run: TestRun = {}): TestRunResult {
  const { data, ctx, repeat } = run;
  const dataOut = new Uint8Array(data ? (run.dataOutSize ?? data.length + 256) : 0);
  const ctxOut = new Uint8Array(ctx?.length ?? 0);
  const attr = new BpfAttr('PROG_TEST_RUN', {
    prog_fd: progFd,
    repeat: repeat ?? 0,
    ...(data && { data_in: data, data_size_in: data.length, data_out: dataOut, data_size_out: dataOut.length }),
    ...(ctx && { ctx_in: ctx, ctx_size_in: ctx.length, ctx_out: ctxOut, ctx_size_out: ctxOut.length }),
  });
  const result = attr.call();
  if (result < 0) throw new SysError('bpf(BPF_PROG_TEST_RUN)', errnoName(result), 'running a program on given bytes');
  return {
    retval: attr.u32('retval'),
    durationNs: attr.u32('duration'),
    data: dataOut.subarray(0, attr.u32('data_size_out')),
    ctx: ctxOut.subarray(0, attr.u32('ctx_size_out')),
  };
}
