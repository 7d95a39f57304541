/**
 * The lines of a recording: JSON, one frame a line, between a header and an end line. docs/recording.md is the specification.
 *
 * 64-bit numbers are strings ('0x…' addresses and arguments, decimal times and results), bytes are hex. Keys are short because a recording
 * has a line for every system call.
 */
import { toHex } from '../base/bytes.ts';
import type { Frame } from './frames.ts';
import {
  BLOCK_STEPS,
  type BlockRequest,
  type BlockStep,
  type FdFacts,
  type SyscallInterest,
  type TaskEvent,
  type TaskFacts,
  type UserFrame,
} from './source.ts';

export const RECORDING_VERSION = 1;
export const RECORDING_ARCH = 'x86_64';

export interface RecordingHeader {
  readonly skep: 'recording';
  readonly version: number;
  readonly arch: string;
  /** Release of the kernel that the events come from, '' where unknown. */
  readonly kernel: string;
  readonly command: readonly string[];
  readonly cpus: number;
  /** CLOCK_MONOTONIC of the first event. */
  readonly startNs: string;
  /** System calls recorded: [number, exits too]. */
  readonly calls: readonly (readonly [number, boolean])[];
}

export interface RecordingEnd {
  readonly end: true;
  readonly events: number;
  /** wait(2) status of the command, null when it ran on. */
  readonly status: number | null;
}

export function headerLine(options: {
  readonly kernel: string;
  readonly command: readonly string[];
  readonly cpus: number;
  readonly startNs: bigint;
  readonly calls: readonly SyscallInterest[];
}): string {
  const header: RecordingHeader = {
    skep: 'recording',
    version: RECORDING_VERSION,
    arch: RECORDING_ARCH,
    kernel: options.kernel,
    command: options.command,
    cpus: options.cpus,
    startNs: String(options.startNs),
    calls: options.calls.map((c) => [c.nr, c.exit] as const),
  };
  return JSON.stringify(header);
}

const address = (value: bigint) => `0x${BigInt.asUintN(64, value).toString(16)}`;

/** One frame as a line, without the newline. */
export function frameLine(frame: Frame): string {
  const { event } = frame;
  const out: Record<string, unknown> = { t: event.type, ts: String(event.tsNs), cpu: event.cpu, tid: event.tid };
  switch (event.type) {
    case 'start':
      break;
    case 'enter':
      Object.assign(out, { nr: event.nr, args: event.args.map(address), ip: address(event.ip), sp: address(event.sp) });
      break;
    case 'exit':
      Object.assign(out, { nr: event.nr, args: event.args.map(address), ret: String(event.ret) });
      break;
    case 'fork':
      Object.assign(out, { child: event.child, kind: event.kind, childTgid: event.childTgid });
      break;
    case 'exec':
      Object.assign(out, { formerTid: event.formerTid, filename: event.filename, comm: event.comm });
      break;
    case 'task_exit':
      out.status = event.status;
      break;
    case 'wakeup':
      Object.assign(out, { woken: event.woken, target: event.target });
      break;
    case 'switch':
      Object.assign(out, { next: event.next, state: event.state });
      break;
    case 'block':
      Object.assign(out, { step: event.step, request: event.request, error: event.error });
      break;
    case 'user':
      Object.assign(out, {
        hook: event.hook,
        regs: Object.fromEntries(Object.entries(event.regs).map(([name, value]) => [name, address(value)])),
        stack: event.stack.map((f) => ({ ...f, address: address(f.address) })),
        ...(event.period !== undefined && { period: address(event.period) }),
        ...(event.address !== undefined && { address: address(event.address) }),
      });
      break;
  }
  if (frame.tasks?.length) out.tasks = frame.tasks;
  if (frame.fds?.length) out.fds = frame.fds.map((f) => [f.tid, f.fd, f.facts && factsOut(f.facts)]);
  if (frame.memory?.length) out.mem = frame.memory.map((m) => [m.tid, address(m.address), toHex(m.bytes)]);
  if (frame.routes?.length) out.routes = frame.routes.map((r) => [toHex(r.to), r.from && toHex(r.from)]);
  return JSON.stringify(out);
}

function factsOut(facts: FdFacts): unknown {
  if (!facts.socket) return facts;
  const { local, peer, ...rest } = facts.socket;
  return { ...facts, socket: { ...rest, ...(local && { local: toHex(local) }), ...(peer && { peer: toHex(peer) }) } };
}

/** What is wrong with a line: the caller adds file and line number. */
export class BadLine extends Error {}

type Json = Readonly<Record<string, unknown>>;

export function parseHeader(value: unknown): RecordingHeader {
  const o = object(value, 'the header');
  if (o.skep !== 'recording') throw new BadLine('this is no skep recording (the first line is not its header)');
  const version = integer(o, 'version');
  if (version !== RECORDING_VERSION)
    throw new BadLine(`the recording has version ${version}; this skep reads version ${RECORDING_VERSION}`);
  if (o.arch !== RECORDING_ARCH)
    throw new BadLine(`the recording was made on ${String(o.arch)}; the model kernel is ${RECORDING_ARCH}`);
  const calls = list(o, 'calls').map((c): readonly [number, boolean] => {
    if (!Array.isArray(c) || !Number.isInteger(c[0]) || typeof c[1] !== 'boolean')
      throw new BadLine("'calls' has an entry that is no [number, boolean]");
    return [c[0] as number, c[1]];
  });
  const cpus = integer(o, 'cpus');
  if (cpus < 1 || cpus > 4096) throw new BadLine(`${cpus} CPUs`);
  big(o, 'startNs');
  return {
    skep: 'recording',
    version,
    arch: RECORDING_ARCH,
    kernel: text(o, 'kernel'),
    command: list(o, 'command').map((word) =>
      typeof word === 'string' ? word : fail("'command' has a word that is no string"),
    ),
    cpus,
    startNs: text(o, 'startNs'),
    calls,
  };
}

/** The end line, or undefined when the value is a frame. */
export function parseEnd(value: unknown): RecordingEnd | undefined {
  if (typeof value !== 'object' || value === null || (value as Json).end === undefined) return undefined;
  const o = value as Json;
  return { end: true, events: integer(o, 'events'), status: o.status === null ? null : integer(o, 'status') };
}

export function parseFrame(value: unknown): Frame {
  const o = object(value, 'the line');
  const event = parseEvent(o);
  return {
    event,
    ...(o.tasks !== undefined && { tasks: list(o, 'tasks').map(parseTask) }),
    ...(o.fds !== undefined && { fds: list(o, 'fds').map(parseFd) }),
    ...(o.mem !== undefined && { memory: list(o, 'mem').map(parseMemory) }),
    ...(o.routes !== undefined && { routes: list(o, 'routes').map(parseRoute) }),
  };
}

function parseEvent(o: Json): TaskEvent {
  const base = { tsNs: big(o, 'ts'), cpu: integer(o, 'cpu'), tid: integer(o, 'tid') };
  if (base.cpu < 0) throw new BadLine(`'cpu' is ${base.cpu}`);
  const call = () => ({ nr: integer(o, 'nr'), args: list(o, 'args').map((a) => bigOf(a, 'args')) });
  switch (o.t) {
    case 'start':
      return { type: 'start', ...base };
    case 'enter':
      return { type: 'enter', ...base, ...call(), ip: big(o, 'ip'), sp: big(o, 'sp') };
    case 'exit':
      return { type: 'exit', ...base, ...call(), ret: big(o, 'ret') };
    case 'fork': {
      const kind = text(o, 'kind');
      if (kind !== 'fork' && kind !== 'vfork' && kind !== 'clone') throw new BadLine(`'kind' is '${kind}'`);
      return { type: 'fork', ...base, child: integer(o, 'child'), kind, childTgid: integer(o, 'childTgid') };
    }
    case 'exec':
      return {
        type: 'exec',
        ...base,
        formerTid: integer(o, 'formerTid'),
        filename: text(o, 'filename'),
        comm: text(o, 'comm'),
      };
    case 'task_exit':
      return { type: 'task_exit', ...base, status: integer(o, 'status') };
    case 'wakeup':
      return { type: 'wakeup', ...base, woken: integer(o, 'woken'), target: integer(o, 'target') };
    case 'switch':
      return { type: 'switch', ...base, next: integer(o, 'next'), state: integer(o, 'state') };
    case 'block': {
      const step = text(o, 'step') as BlockStep;
      if (!BLOCK_STEPS.includes(step)) throw new BadLine(`'step' is '${step}'`);
      return { type: 'block', ...base, step, request: parseRequest(o.request), error: integer(o, 'error') };
    }
    case 'user':
      return {
        type: 'user',
        ...base,
        hook: text(o, 'hook'),
        regs: Object.fromEntries(
          Object.entries(object(o.regs, "'regs'")).map(([name, value]) => [name, bigOf(value, 'regs')]),
        ),
        stack: list(o, 'stack').map(parseUserFrame),
        ...(o.period !== undefined && { period: big(o, 'period') }),
        ...(o.address !== undefined && { address: big(o, 'address') }),
      };
    default:
      throw new BadLine(`there is no event '${String(o.t)}'`);
  }
}

function parseUserFrame(value: unknown): UserFrame {
  const o = object(value, "an entry of 'stack'");
  return {
    address: big(o, 'address'),
    ...(o.name !== undefined && { name: text(o, 'name') }),
    ...(o.module !== undefined && { module: text(o, 'module') }),
    ...(o.offset !== undefined && { offset: integer(o, 'offset') }),
  };
}

function parseTask(value: unknown): TaskFacts {
  const o = object(value, "an entry of 'tasks'");
  return {
    tid: integer(o, 'tid'),
    tgid: integer(o, 'tgid'),
    ppid: integer(o, 'ppid'),
    uid: integer(o, 'uid'),
    gid: integer(o, 'gid'),
    comm: text(o, 'comm'),
    ...(o.cwd !== undefined && { cwd: text(o, 'cwd') }),
  };
}

function parseRequest(value: unknown): BlockRequest {
  const o = object(value, "'request'");
  return {
    id: integer(o, 'id'),
    disk: text(o, 'disk'),
    major: integer(o, 'major'),
    minor: integer(o, 'minor'),
    flags: integer(o, 'flags'),
    sector: integer(o, 'sector'),
    bytes: integer(o, 'bytes'),
  };
}

const FD_KINDS: ReadonlySet<string> = new Set(['file', 'dir', 'socket', 'pipe', 'char', 'other']);

function parseFd(value: unknown): NonNullable<Frame['fds']>[number] {
  const [tid, fd, facts] = tuple(value, 3, 'fds');
  return { tid: numberOf(tid, 'fds'), fd: numberOf(fd, 'fds'), facts: facts === null ? null : parseFacts(facts) };
}

function parseFacts(value: unknown): FdFacts {
  const o = object(value, "an entry of 'fds'");
  const kind = text(o, 'kind');
  if (!FD_KINDS.has(kind)) throw new BadLine(`there is no kind of descriptor '${kind}'`);
  const facts = {
    kind: kind as FdFacts['kind'],
    path: text(o, 'path'),
    ...(o.inode !== undefined && { inode: integer(o, 'inode') }),
  };
  if (o.socket === undefined) return facts;
  const s = object(o.socket, "'socket'");
  return {
    ...facts,
    socket: {
      domain: integer(s, 'domain'),
      type: integer(s, 'type'),
      protocol: integer(s, 'protocol'),
      ...(s.local !== undefined && { local: hex(s.local, 'local') }),
      ...(s.peer !== undefined && { peer: hex(s.peer, 'peer') }),
      ...(s.state !== undefined && { state: integer(s, 'state') }),
    },
  };
}

function parseMemory(value: unknown): NonNullable<Frame['memory']>[number] {
  const [tid, at, bytes] = tuple(value, 3, 'mem');
  return { tid: numberOf(tid, 'mem'), address: bigOf(at, 'mem'), bytes: hex(bytes, 'mem') };
}

function parseRoute(value: unknown): NonNullable<Frame['routes']>[number] {
  const [to, from] = tuple(value, 2, 'routes');
  return { to: hex(to, 'routes'), from: from === null ? null : hex(from, 'routes') };
}

function fail(message: string): never {
  throw new BadLine(message);
}

function object(value: unknown, what: string): Json {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new BadLine(`${what} is no object`);
  return value as Json;
}

function list(o: Json, key: string): readonly unknown[] {
  const value = o[key];
  return Array.isArray(value) ? value : fail(`'${key}' is missing or no list`);
}

function tuple(value: unknown, length: number, key: string): readonly unknown[] {
  return Array.isArray(value) && value.length === length
    ? value
    : fail(`'${key}' has an entry that is no list of ${length}`);
}

function text(o: Json, key: string): string {
  const value = o[key];
  return typeof value === 'string' ? value : fail(`'${key}' is missing or no string`);
}

function integer(o: Json, key: string): number {
  return numberOf(o[key], key);
}

function numberOf(value: unknown, key: string): number {
  return typeof value === 'number' && Number.isSafeInteger(value)
    ? value
    : fail(`'${key}' is missing or no whole number`);
}

function big(o: Json, key: string): bigint {
  return bigOf(o[key], key);
}

function bigOf(value: unknown, key: string): bigint {
  if (typeof value !== 'string' || !/^(0x[0-9a-f]{1,16}|-?\d{1,20})$/.test(value))
    throw new BadLine(`'${key}' is missing or no 64-bit number`);
  return BigInt(value);
}

/** Value of a hex digit's character code, 255 for all others. */
const DIGITS = Uint8Array.from({ length: 128 }, (_, c) => {
  const at = '0123456789abcdef'.indexOf(String.fromCharCode(c));
  return at < 0 ? 255 : at;
});

/** Checked and decoded in one pass: a recording is mostly this. */
function hex(value: unknown, key: string): Uint8Array {
  const bad = () => new BadLine(`'${key}' has bytes that are no hex text`);
  if (typeof value !== 'string' || value.length % 2 !== 0) throw bad();
  const out = new Uint8Array(value.length >> 1);
  for (let i = 0; i < out.length; i++) {
    const high = DIGITS[value.charCodeAt(2 * i)] ?? 255;
    const low = DIGITS[value.charCodeAt(2 * i + 1)] ?? 255;
    if ((high | low) > 15) throw bad();
    out[i] = (high << 4) | low;
  }
  return out;
}
