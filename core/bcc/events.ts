/**
 * Events: perf buffers and ring buffers read through callbacks, as BCC's open_perf_buffer and perf_buffer_poll, and as streams for `for`
 * and `for await`. What a program sent while nobody read is never lost in silence: each buffer counts it, and says so.
 *
 * A callback that throws ends the poll with its own error (the script's line is in its stack); the records behind it stay in the buffer
 * for the next poll.
 */
import type { Backend, Link, MapHandle, RecordReader, RecordSink } from '../backend/backend.ts';
import { BpfError, Unsupported } from '../base/errors.ts';
import { sizeOf } from '../btf/layout.ts';
import type { ObjectSpec } from '../spec/spec.ts';
import { Interrupted, sessionIfAny } from './session.ts';
import { type Codec, codecOf } from './values.ts';

/** Called for each record of a perf buffer: the CPU, the bytes, how many they are. */
export type PerfCallback = (cpu: number, data: Uint8Array, size: number) => void;
/** Called for each record of a ring buffer: BCC's unused context, the bytes, how many. A number below zero ends the poll. */
export type RingCallback = (ctx: unknown, data: Uint8Array, size: number) => unknown;

export interface PerfBufferOptions {
  /** Pages of each CPU's buffer, a power of two; 8 by default. */
  pageCnt?: number;
  /** Called with the number of samples that found no room, each time the kernel tells. Default: a warning on the session. */
  lostCb?: (count: number) => void;
  /** Samples after which a sleeping reader is woken. */
  wakeupEvents?: number;
  /** Records of all CPUs in the order of their times; otherwise each CPU's are, and CPUs take turns. */
  ordered?: boolean;
}

export const PERF_BUFFER_OPTIONS = [
  'pageCnt',
  'lostCb',
  'wakeupEvents',
  'ordered',
] as const satisfies readonly (keyof PerfBufferOptions)[];

export type BufferKind = 'perf' | 'ring';

const KIND_OF_TYPE: Readonly<Record<string, BufferKind>> = { perf_event_array: 'perf', ringbuf: 'ring' };

/** Which sort of buffer a map is. Throws Unsupported for maps without records. */
export function bufferKind(map: MapHandle): BufferKind {
  const kind = KIND_OF_TYPE[map.spec.type];
  if (kind) return kind;
  throw new Unsupported(`reading events of table '${map.spec.name}', a ${map.spec.type}`, {
    hint: 'BPF_PERF_OUTPUT and BPF_RINGBUF_OUTPUT tables have events',
  });
}

/** Called for each record: its `size` bytes at `at` of an array that has many, and stays as it is. */
export type SpanCallback = (cpu: number, bytes: Uint8Array, at: number, size: number) => void;

interface OpenBuffer {
  readonly name: string;
  readonly kind: BufferKind;
  readonly reader: RecordReader;
  readonly sink: RecordSink;
  readonly onLost: (count: number) => void;
}

/** All buffers that one BPF object reads. */
export class EventBuffers {
  readonly #backend: Backend;
  readonly #open = new Map<string, OpenBuffer>();
  readonly #lost = new Map<string, number>();
  #counters: Link[] = [];

  constructor(backend: Backend) {
    this.#backend = backend;
  }

  /** Counters that are closed with the buffers. */
  keep(link: Link): void {
    this.#counters.push(link);
  }

  /** Start reading a map. Throws BpfError EBUSY when it is read already, EINVAL for a bad page count. */
  open(
    map: MapHandle,
    onSpan: SpanCallback,
    options: PerfBufferOptions & { readonly onLost?: (count: number) => void },
  ): void {
    const { name } = map.spec;
    const kind = bufferKind(map);
    const { pageCnt = 8, lostCb, wakeupEvents, ordered } = options;
    if (!Number.isInteger(pageCnt) || pageCnt < 1 || (pageCnt & (pageCnt - 1)) !== 0)
      throw new BpfError('EINVAL', `openPerfBuffer: pageCnt must be a power of two, not ${pageCnt}`);
    if (this.#open.has(name)) throw new BpfError('EBUSY', `the events of table '${name}' are being read already`);
    const reader = this.#backend.openRecords(map, {
      ...(kind === 'perf' && { pages: pageCnt }),
      ...(wakeupEvents !== undefined && { wakeupEvents }),
      ...(ordered !== undefined && { ordered }),
    });
    // BCC has no word for ring buffers: theirs is one at the end.
    const tell = lostCb ?? (kind === 'perf' ? warnOfLost : () => {});
    const onLost = (count: number) => {
      this.#lost.set(name, this.lost(name) + count);
      tell(count);
    };
    const sink = {
      onRecord: (cpu: number, data: Uint8Array) => onSpan(cpu, data, 0, data.length),
      onSpan,
      onLost: (_cpu: number, count: number) => onLost(count),
    };
    this.#open.set(name, { name, kind, reader, sink, onLost });
  }

  isOpen(name: string): boolean {
    return this.#open.has(name);
  }

  /** Samples of a table that were lost so far. */
  lost(name: string): number {
    return this.#lost.get(name) ?? 0;
  }

  /** Deliver what is there now; how many records. */
  consume(kind?: BufferKind): number {
    let records = 0;
    // A callback may open another buffer.
    for (const buffer of [...this.#open.values()]) {
      if (kind !== undefined && buffer.kind !== kind) continue;
      records += buffer.reader.consume(buffer.sink);
    }
    return records;
  }

  /**
   * Deliver what is there, or wait for it: at most `timeoutMs` of the backend's clock (-1: no limit). How many records came; 0 when time was
   * up. Throws Interrupted at Ctrl-C and once the source has ended and everything was delivered.
   */
  poll(kind: BufferKind | undefined, timeoutMs: number): number {
    const now = () => this.#backend.nowMs?.() ?? Date.now();
    const end = timeoutMs < 0 ? undefined : now() + timeoutMs;
    for (;;) {
      const before = this.consume(kind);
      if (before > 0) return before;
      const left = end === undefined ? -1 : Math.max(0, end - now());
      const result = this.#backend.wait(left);
      const after = this.consume(kind);
      if (after > 0) return after;
      if (result === 'ended' || result === 'interrupted') throw new Interrupted(result);
      if (result === 'timeout' || left === 0) return 0;
    }
  }

  /** Like poll, for hosts that must not block: false at the end, Ctrl-C or abort. */
  async pollAsync(signal?: { readonly aborted: boolean }): Promise<boolean> {
    const { waitAsync } = this.#backend;
    if (!waitAsync) {
      // A backend whose wait blocks anyway (a worker's): give other promises a turn, then block.
      await undefined;
      if (signal?.aborted) return false;
      try {
        this.poll(undefined, -1);
        return true;
      } catch (error) {
        if (error instanceof Interrupted) return false;
        throw error;
      }
    }
    for (;;) {
      if (this.consume() > 0) return true;
      if (signal?.aborted) return false;
      const result = await waitAsync.call(this.#backend, -1, signal);
      if (this.consume() > 0) return true;
      if (result === 'ended' || result === 'interrupted') return false;
    }
  }

  /** Stop reading. What is still unread is delivered no more; what was lost and not yet told is told now. */
  close(): void {
    for (const counter of this.#counters) counter.close();
    this.#counters = [];
    const buffers = [...this.#open.values()];
    this.#open.clear();
    for (const { name, kind, reader, onLost } of buffers) {
      try {
        reader.consume({ onRecord: () => {}, onLost: (_cpu, count) => onLost(count) });
        const lost = this.lost(name);
        if (kind === 'ring' && lost > 0) warnOfLost(lost);
      } finally {
        reader.close();
      }
    }
  }
}

function warnOfLost(count: number): void {
  sessionIfAny()?.warn(`Possibly lost ${count} samples`);
}

/** Decoder of a map's events by the C type that the program sends. Throws Unsupported when the compiler saw none. */
export function eventCodec(map: MapHandle, object: ObjectSpec): Codec {
  const { spec } = map;
  const type = spec.eventType ?? 0;
  if (type === 0 || !object.btf)
    throw new Unsupported(`decoding events of table '${spec.name}'`, {
      hint: 'the program sends them from no variable of a known type; decode the bytes yourself in the callback',
    });
  return codecOf(object.btf, type, sizeOf(object.btf, type), `event of table '${spec.name}'`);
}

/** A record as long as its type: programs send the used part of a large struct only, and scripts look at the rest no further than a length says. */
export function padded(data: Uint8Array, size: number): Uint8Array {
  if (data.length >= size) return data;
  const whole = new Uint8Array(size);
  whole.set(data);
  return whole;
}

/** What `b.events(name)` returns: decoded events, blocking with `for`, promises with `for await`. It ends at Ctrl-C and at the source's end. */
export class EventStream<T> implements Iterable<T>, AsyncIterable<T> {
  readonly #buffers: EventBuffers;
  readonly #signal: { readonly aborted: boolean } | undefined;
  readonly #decode: (bytes: Uint8Array, at: number, size: number) => T;
  // Where the records of the last poll are. Each becomes an object when it is taken: thousands made ahead would outlive the young heap.
  #bytes: Uint8Array[] = [];
  #at: number[] = [];
  #size: number[] = [];
  #next = 0;

  /** `decode` makes the event of a record's bytes. */
  constructor(
    buffers: EventBuffers,
    open: (deliver: SpanCallback) => void,
    decode: (bytes: Uint8Array, at: number, size: number) => T,
    signal?: { readonly aborted: boolean },
  ) {
    this.#buffers = buffers;
    this.#signal = signal;
    this.#decode = decode;
    open((_cpu, bytes, at, size) => {
      this.#bytes.push(bytes);
      this.#at.push(at);
      this.#size.push(size);
    });
  }

  #take(): { readonly value: T } | undefined {
    const i = this.#next;
    if (i < this.#at.length) {
      this.#next++;
      return { value: this.#decode(this.#bytes[i]!, this.#at[i]!, this.#size[i]!) };
    }
    if (i > 0) {
      this.#bytes = [];
      this.#at = [];
      this.#size = [];
      this.#next = 0;
    }
    return undefined;
  }

  // No generator: resuming one costs as much as decoding half a record.
  [Symbol.iterator](): Iterator<T> {
    let ended = false;
    const next = (): IteratorResult<T> => {
      while (!ended && !this.#signal?.aborted) {
        const taken = this.#take();
        if (taken) return { value: taken.value, done: false };
        try {
          this.#buffers.poll(undefined, -1);
        } catch (error) {
          ended = true;
          if (!(error instanceof Interrupted)) throw error;
        }
      }
      return { value: undefined, done: true };
    };
    const end = (): IteratorResult<T> => {
      ended = true;
      return { value: undefined, done: true };
    };
    return { next, return: end };
  }

  async *[Symbol.asyncIterator](): AsyncIterator<T> {
    for (;;) {
      if (this.#signal?.aborted) return;
      const taken = this.#take();
      if (taken) yield taken.value;
      else if (!(await this.#buffers.pollAsync(this.#signal))) return;
    }
  }
}
