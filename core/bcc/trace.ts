/**
 * The trace pipe as BCC's Python reads it: `trace_readline`, `trace_fields`, `trace_print`.
 *
 * A line is what kernel/trace/trace_output.c prints: the task's name in 16 columns, '-', pid, [cpu], flags, seconds, ':',
 * the function, ':', the message. Lines about lost events ("CPU:0 [LOST 5 EVENTS]") are no messages.
 */
import type { Backend, TracePipe } from '../backend/backend.ts';
import { Interrupted } from './session.ts';

export interface TraceFields {
  readonly task: string;
  readonly pid: number;
  readonly cpu: number;
  readonly flags: string;
  /** Seconds since boot. */
  readonly ts: number;
  readonly msg: string;
}

/** BCC's order of the six fields, for tuples and for the `{0}` fields of trace_print's format. */
export const TRACE_FIELD_NAMES = [
  'task',
  'pid',
  'cpu',
  'flags',
  'ts',
  'msg',
] as const satisfies readonly (keyof TraceFields)[];

/** The fields of a line, or undefined for a line that is no message (lost events, other tracers' headers). */
export function parseTraceLine(line: string): TraceFields | undefined {
  if (line.startsWith('CPU:')) return undefined;
  const task = line.slice(0, 16).trimStart();
  const rest = line.slice(17);
  const tsEnd = rest.indexOf(':');
  const words = rest
    .slice(0, tsEnd < 0 ? undefined : tsEnd)
    .trim()
    .split(/\s+/);
  if (words.length !== 4) return undefined;
  const [pid, cpu, flags, ts] = words as [string, string, string, string];
  const tail = rest.slice(tsEnd + 1);
  const msg = tail.slice(tail.indexOf(':') + 2);
  const fields = { task, pid: Number(pid), cpu: Number(cpu.slice(1, -1)), flags, ts: Number(ts), msg };
  if (!Number.isInteger(fields.pid) || !Number.isInteger(fields.cpu) || Number.isNaN(fields.ts)) {
    return { task: 'Unknown', pid: 0, cpu: 0, flags: '', ts: 0, msg: '' };
  }
  return fields;
}

/** Blocking reads over a backend's trace pipe. One per BPF object, opened at the first read. */
export class TraceReader {
  readonly #backend: Backend;
  readonly #pipe: TracePipe;
  constructor(backend: Backend) {
    this.#backend = backend;
    this.#pipe = backend.openTracePipe();
  }

  /** The next line. Nonblocking: undefined when none is there now. Blocking: throws Interrupted at Ctrl-C or at the source's end. */
  readline(nonblocking = false): string | undefined {
    for (;;) {
      const line = this.#pipe.read();
      if (line !== undefined) return line;
      const result = this.#backend.wait(nonblocking ? 0 : -1);
      if (nonblocking) return this.#pipe.read();
      if (result === 'ended' || result === 'interrupted') {
        const last = this.#pipe.read();
        if (last !== undefined) return last;
        throw new Interrupted(result);
      }
    }
  }

  /** Like readline, for hosts that must not block: resolves to undefined at the end. */
  async readlineAsync(signal?: { readonly aborted: boolean }): Promise<string | undefined> {
    const { waitAsync } = this.#backend;
    if (!waitAsync) {
      // A backend whose wait blocks anyway (a worker's): give other promises a turn, then block.
      await undefined;
      if (signal?.aborted) return undefined;
      try {
        return this.readline();
      } catch (error) {
        if (error instanceof Interrupted) return undefined;
        throw error;
      }
    }
    for (;;) {
      const line = this.#pipe.read();
      if (line !== undefined) return line;
      if (signal?.aborted) return undefined;
      const result = await waitAsync.call(this.#backend, -1, signal);
      if (result === 'ended' || result === 'interrupted') return this.#pipe.read();
    }
  }

  close(): void {
    this.#pipe.close();
  }
}

/** What `traceFields()` returns: blocking with `for`, promises with `for await`. It ends at Ctrl-C and at the source's end. */
export class TraceStream implements Iterable<TraceFields>, AsyncIterable<TraceFields> {
  readonly #reader: TraceReader;
  readonly #options: { readonly nonblocking?: boolean; readonly signal?: { readonly aborted: boolean } };
  constructor(
    reader: TraceReader,
    options: { readonly nonblocking?: boolean; readonly signal?: { readonly aborted: boolean } } = {},
  ) {
    this.#reader = reader;
    this.#options = options;
  }

  *[Symbol.iterator](): Iterator<TraceFields> {
    for (;;) {
      if (this.#options.signal?.aborted) return;
      let line: string | undefined;
      try {
        line = this.#reader.readline(this.#options.nonblocking);
      } catch (error) {
        if (error instanceof Interrupted) return;
        throw error;
      }
      if (line === undefined) return;
      const fields = parseTraceLine(line);
      if (fields) yield fields;
    }
  }

  async *[Symbol.asyncIterator](): AsyncIterator<TraceFields> {
    for (;;) {
      const line = this.#options.nonblocking
        ? this.#reader.readline(true)
        : await this.#reader.readlineAsync(this.#options.signal);
      if (line === undefined) return;
      const fields = parseTraceLine(line);
      if (fields) yield fields;
    }
  }
}

/**
 * One line by trace_print's format: `{0}`..`{5}` (and `{}` in turn, `{5:s}` with the specs ignored) stand for task, pid,
 * cpu, flags, ts, msg. `{{` and `}}` are braces.
 */
export function formatTraceFields(format: string, fields: TraceFields): string {
  let next = 0;
  return format.replace(/\{\{|\}\}|\{(\d*)(?::[^}]*)?\}/g, (whole, index: string | undefined) => {
    if (whole === '{{') return '{';
    if (whole === '}}') return '}';
    const name = TRACE_FIELD_NAMES[index ? Number(index) : next++];
    return name ? String(fields[name]) : whole;
  });
}
