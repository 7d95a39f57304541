/**
 * The record of one stop, where native/ptrace/record.h lays it: fixed offsets in memory that the tracer writes and this side reads. The
 * only place on this side that knows the offsets; a test compares them with the addon's.
 */
import { constants } from 'node:fs';
import type { FdFacts, TaskEvent, TaskFacts } from '../../core/model/source.ts';

/** Byte offsets. */
export const RECORD = {
  kind: 0,
  tid: 4,
  nr: 8,
  cpu: 12,
  a: 16,
  b: 20,
  c: 24,
  tsNs: 32,
  args: 40,
  ip: 88,
  sp: 96,
  ret: 104,
  facts: 112,
  fd: 144,
  text: 440,
  size: 4536,
} as const;

/** What `next` answers. */
export const KIND = {
  none: 0,
  start: 1,
  enter: 2,
  exit: 3,
  fork: 4,
  exec: 5,
  taskExit: 6,
  ended: 7,
  interrupted: 8,
  failed: 9,
} as const;

const FORK_KINDS = ['fork', 'vfork', 'clone'] as const;
const COMM_SIZE = 16;
/** Offsets of the addresses in FdAnswer. */
const FD_LOCAL = 40;
const FD_PEER = 168;

const FILE_KINDS = new Map<number, FdFacts['kind']>([
  [constants.S_IFREG, 'file'],
  [constants.S_IFDIR, 'dir'],
  [constants.S_IFSOCK, 'socket'],
  [constants.S_IFIFO, 'pipe'],
  [constants.S_IFCHR, 'char'],
]);

/** Offset of a 32-bit field, as an index of words. */
const word = (field: Exclude<keyof typeof RECORD, 'size'>): number => RECORD[field] >> 2;

export class SharedRecord {
  readonly bytes: Uint8Array;
  readonly #words: Int32Array;
  readonly #unsigned: BigUint64Array;
  readonly #signed: BigInt64Array;

  constructor() {
    const buffer = new ArrayBuffer(RECORD.size);
    this.bytes = new Uint8Array(buffer);
    this.#words = new Int32Array(buffer);
    this.#unsigned = new BigUint64Array(buffer);
    this.#signed = new BigInt64Array(buffer);
  }

  get tid(): number {
    return this.#words[word('tid')]!;
  }
  /** errno of a `failed` record, and the step: 0 chdir, 1 seccomp, 2 execve. */
  get failure(): { readonly errno: number; readonly stage: number } {
    return { errno: this.#words[word('a')]!, stage: this.#words[word('b')]! };
  }

  /** The event that the record tells of. Everything is copied: the next stop overwrites the record. */
  event(kind: number, commOf: (tid: number) => string): TaskEvent {
    const w = this.#words;
    const tid = w[word('tid')]!;
    const cpu = w[word('cpu')]!;
    const tsNs = this.#unsigned[RECORD.tsNs >> 3]!;
    switch (kind) {
      case KIND.enter:
        return {
          type: 'enter',
          tsNs,
          cpu,
          tid,
          nr: w[word('nr')]!,
          args: this.#args(),
          ip: this.#unsigned[RECORD.ip >> 3]!,
          sp: this.#unsigned[RECORD.sp >> 3]!,
        };
      case KIND.exit: {
        const ret = this.#signed[RECORD.ret >> 3]!;
        return { type: 'exit', tsNs, cpu, tid, nr: w[word('nr')]!, args: this.#args(), ret };
      }
      case KIND.start:
        return { type: 'start', tsNs, cpu, tid };
      case KIND.fork: {
        const forkKind = FORK_KINDS[w[word('b')]!] ?? 'clone';
        return { type: 'fork', tsNs, cpu, tid, child: w[word('a')]!, kind: forkKind, childTgid: w[word('c')]! };
      }
      case KIND.exec: {
        const filename = text(this.bytes, RECORD.text, RECORD.text + w[word('c')]!);
        return { type: 'exec', tsNs, cpu, tid, formerTid: w[word('a')]!, filename, comm: commOf(tid) };
      }
      case KIND.taskExit:
        return { type: 'task_exit', tsNs, cpu, tid, status: w[word('a')]! };
      default:
        throw new RangeError(`record kind ${kind} is no event`);
    }
  }

  /** The facts that `NativeTracer.facts` has just left. */
  facts(tid: number): TaskFacts {
    const at = word('facts');
    const w = this.#words;
    const comm = RECORD.facts + 16;
    return {
      tid,
      tgid: w[at]!,
      ppid: w[at + 1]!,
      uid: w[at + 2]! >>> 0,
      gid: w[at + 3]! >>> 0,
      comm: text(this.bytes, comm, comm + COMM_SIZE),
    };
  }

  /** What `NativeTracer.fd` has just left. */
  fd(): FdFacts {
    const at = word('fd');
    const w = this.#words;
    const inode = Number(this.#unsigned[RECORD.fd >> 3]!);
    const mode = w[at + 2]!;
    const [domain, type, protocol] = [w[at + 3]!, w[at + 4]!, w[at + 5]!];
    const path = text(this.bytes, RECORD.text, RECORD.text + w[at + 8]!);
    const kind = FILE_KINDS.get(mode & constants.S_IFMT) ?? 'other';
    const facts = inode === 0 ? { kind, path } : { kind, path, inode };
    if (domain < 0) return facts;
    const local = this.#sockaddr(FD_LOCAL, w[at + 6]!);
    const peer = this.#sockaddr(FD_PEER, w[at + 7]!);
    const state = w[at + 9]!;
    const known = { domain, type, protocol, ...(local && { local }), ...(peer && { peer }), ...(state && { state }) };
    return { ...facts, socket: known };
  }

  #sockaddr(at: number, size: number): Uint8Array | undefined {
    return size === 0 ? undefined : this.bytes.slice(RECORD.fd + at, RECORD.fd + at + size);
  }

  #args(): bigint[] {
    const from = RECORD.args >> 3;
    const u = this.#unsigned;
    return [u[from]!, u[from + 1]!, u[from + 2]!, u[from + 3]!, u[from + 4]!, u[from + 5]!];
  }
}

const decoder = new TextDecoder();

function text(bytes: Uint8Array, start: number, end: number): string {
  const nul = bytes.subarray(start, end).indexOf(0);
  return decoder.decode(bytes.subarray(start, nul < 0 ? end : start + nul));
}
