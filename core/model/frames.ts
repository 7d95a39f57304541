/**
 * A source made of frames: events, each with everything that the model may ask at that moment. Recordings and scripted workloads are both
 * such sources, so they pump, filter and keep time alike.
 *
 * Time is virtual: it stands where the last event or the last timeout left it, and a wait for a second takes no second.
 */
import type { EventSource, FdFacts, SyscallInterest, TaskEvent, TaskFacts, TaskView } from './source.ts';

export interface Frame {
  readonly event: TaskEvent;
  /** Tasks as they are now; those of earlier frames stay known. */
  readonly tasks?: readonly TaskFacts[];
  /** Descriptors as they are now: null is "not open". */
  readonly fds?: readonly { readonly tid: number; readonly fd: number; readonly facts: FdFacts | null }[];
  /** User memory. Pieces of one task may touch or overlap. */
  readonly memory?: readonly { readonly tid: number; readonly address: bigint; readonly bytes: Uint8Array }[];
  /** Source addresses by destination (sockaddr bytes both): null is "no route". They stay known. */
  readonly routes?: readonly { readonly to: Uint8Array; readonly from: Uint8Array | null }[];
}

/** What the model asked and no frame held. */
export interface Misses {
  memory: number;
  fds: number;
  tasks: number;
  routes: number;
}

interface Segment {
  readonly start: bigint;
  readonly bytes: Uint8Array;
}

const EMPTY = new Uint8Array(0);

/** Answers of the frame under way. */
export class FrameView implements TaskView {
  readonly misses: Misses = { memory: 0, fds: 0, tasks: 0, routes: 0 };
  #tasks = new Map<number, TaskFacts>();
  #routes = new Map<string, Uint8Array | null>();
  #frame: Frame | undefined;
  #segments: Map<number, Segment[]> | undefined;

  show(frame: Frame): void {
    this.#frame = frame;
    this.#segments = undefined;
    for (const facts of frame.tasks ?? []) this.#tasks.set(facts.tid, facts);
    for (const { to, from } of frame.routes ?? []) this.#routes.set(String(to), from);
  }

  task(tid: number): TaskFacts | undefined {
    const facts = this.#tasks.get(tid);
    if (!facts && tid !== 0) this.misses.tasks++;
    return facts;
  }

  fd(tid: number, fd: number): FdFacts | undefined {
    const hit = this.#frame?.fds?.find((f) => f.tid === tid && f.fd === fd);
    if (!hit) this.misses.fds++;
    return hit?.facts ?? undefined;
  }

  read(tid: number, address: bigint, size: number): Uint8Array | undefined {
    const bytes = this.#at(tid, address, size);
    if (bytes.length === size) return bytes;
    this.misses.memory++;
    return undefined;
  }

  readUpTo(tid: number, address: bigint, most: number): Uint8Array {
    const bytes = this.#at(tid, address, most);
    if (bytes.length === 0 && most > 0) this.misses.memory++;
    return bytes;
  }

  sourceAddress(destination: Uint8Array): Uint8Array | undefined {
    const from = this.#routes.get(String(destination));
    if (from === undefined) this.misses.routes++;
    return from ?? undefined;
  }

  #at(tid: number, address: bigint, most: number): Uint8Array {
    this.#segments ??= mergeMemory(this.#frame?.memory ?? []);
    for (const { start, bytes } of this.#segments.get(tid) ?? []) {
      if (address < start || address >= start + BigInt(bytes.length)) continue;
      const from = Number(address - start);
      return bytes.subarray(from, from + most);
    }
    return EMPTY;
  }
}

/** Collects pieces of user memory of one moment; each byte range of a task is kept once. */
export class SharedMemoryPieces {
  #pieces: { tid: number; address: bigint; bytes: Uint8Array }[] = [];

  add(tid: number, address: bigint, bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    const end = address + BigInt(bytes.length);
    const covered = this.#pieces.some(
      (p) => p.tid === tid && p.address <= address && end <= p.address + BigInt(p.bytes.length),
    );
    if (!covered) this.#pieces.push({ tid, address, bytes: bytes.slice() });
  }

  /** What was collected, joined and in order of task and address; the collection is then empty. */
  take(): NonNullable<Frame['memory']> {
    const merged = mergeMemory(this.#pieces);
    this.#pieces = [];
    return [...merged]
      .sort(([a], [b]) => a - b)
      .flatMap(([tid, segments]) => segments.map(({ start, bytes }) => ({ tid, address: start, bytes })));
  }
}

/** Pieces that touch become one, by task, in order of address. */
function mergeMemory(pieces: NonNullable<Frame['memory']>): Map<number, Segment[]> {
  const out = new Map<number, Segment[]>();
  const sorted = [...pieces]
    .filter((p) => p.bytes.length > 0)
    .sort((a, b) => (a.address < b.address ? -1 : a.address > b.address ? 1 : 0));
  for (const { tid, address, bytes } of sorted) {
    const list = out.get(tid) ?? [];
    if (list.length === 0) out.set(tid, list);
    const last = list.at(-1);
    const end = last && last.start + BigInt(last.bytes.length);
    if (!last || end! < address) {
      list.push({ start: address, bytes });
      continue;
    }
    const overlap = Number(end! - address);
    if (overlap >= bytes.length) continue;
    const joined = new Uint8Array(last.bytes.length + bytes.length - overlap);
    joined.set(last.bytes);
    joined.set(bytes.subarray(overlap), last.bytes.length);
    list[list.length - 1] = { start: last.start, bytes: joined };
  }
  return out;
}

export class FrameSource implements EventSource {
  readonly name: 'replay' | 'workload';
  readonly view: FrameView = new FrameView();
  readonly cpus: number;
  exitStatus: number | undefined;
  #frames: Iterator<Frame> | undefined;
  #make: () => Iterator<Frame>;
  #next: Frame | undefined;
  #interest = new Map<number, boolean>();
  #nowNs: bigint;

  /** `make` gives the frames, in order of time, when the source starts. */
  constructor(
    name: 'replay' | 'workload',
    make: () => Iterator<Frame>,
    options: { readonly cpus: number; readonly startNs: bigint },
  ) {
    this.name = name;
    this.#make = make;
    this.cpus = options.cpus;
    this.#nowNs = options.startNs;
  }

  nowNs(): bigint {
    return this.#nowNs;
  }

  start(interest: readonly SyscallInterest[]): void {
    this.#interest = new Map(interest.map((i) => [i.nr, i.exit]));
    this.#frames = this.#make();
  }

  /** Until an event of which something came. A timeout of 0 still brings the next event: in virtual time somebody has to wait for it. */
  pump(timeoutMs: number, deliver: (event: TaskEvent) => unknown): 'ready' | 'timeout' | 'ended' {
    const deadline = this.#nowNs + BigInt(Math.round(Math.max(timeoutMs, 0) * 1e6));
    for (;;) {
      const frame = this.#peek();
      if (!frame) return 'ended';
      if (timeoutMs > 0 && frame.event.tsNs > deadline) {
        this.#nowNs = deadline;
        return 'timeout';
      }
      this.#next = undefined;
      if (frame.event.tsNs > this.#nowNs) this.#nowNs = frame.event.tsNs;
      this.view.show(frame);
      if (deliver(frame.event) !== true || timeoutMs === 0) return 'ready';
    }
  }

  stop(_how: 'detach' | 'kill'): void {
    this.#frames = undefined;
    this.#next = undefined;
  }

  /** The next frame that somebody wants: calls that are not of interest do not stop a task, here as there. */
  #peek(): Frame | undefined {
    while (!this.#next && this.#frames) {
      const { value, done } = this.#frames.next();
      if (done) {
        this.#frames = undefined;
        break;
      }
      const { event } = value;
      const wanted =
        event.type === 'enter'
          ? this.#interest.has(event.nr)
          : event.type === 'exit'
            ? this.#interest.get(event.nr) === true
            : true;
      if (wanted) this.#next = value;
      // Facts are kept even where the event is not wanted: a later one may rely on them.
      else this.view.show(value);
    }
    return this.#next;
  }
}
