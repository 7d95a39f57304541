/**
 * Recordings: the `Recorder` writes one while another source runs, `ReplaySource` is the source that plays it again, on any system.
 * The same recording in gives the same bytes out. Format: docs/recording.md.
 *
 * A recording is checked whole before anything of it is played: a truncated or garbled one is one error with its line number, and nothing
 * is half printed.
 */
import { BpfError } from '../base/errors.ts';
import { type Frame, FrameSource } from './frames.ts';
import { machineEventOf, needsOf } from './hook-table.ts';
import { BadLine, parseEnd, parseFrame, parseHeader, type RecordingHeader } from './recording-line.ts';
import type { SyscallInterest } from './source.ts';
import { syscallByNumber } from './syscalls/index.ts';

export { Recorder, type RecorderOptions } from './recorder.ts';

export interface Recording {
  readonly header: RecordingHeader;
  readonly frames: readonly Frame[];
  /** wait(2) status of the command; undefined when it ran on. */
  readonly status: number | undefined;
}

/** Read and check a whole recording. Throws BpfError RECORDING with `name`:line. */
export function parseRecording(text: string, name = 'recording'): Recording {
  const lines = text.split('\n');
  const refuse = (line: number, message: string, cause?: unknown): never => {
    throw new BpfError('RECORDING', `${name}:${line}: ${message}`, { cause });
  };
  if (text.trim() === '') refuse(1, 'the recording is empty');
  // A whole recording ends with a newline: the piece after it is empty.
  const whole = lines.at(-1) === '';
  if (whole) lines.pop();
  let header: RecordingHeader | undefined;
  const frames: Frame[] = [];
  for (let i = 0; i < lines.length; i++) {
    const number = i + 1;
    let value: unknown;
    try {
      value = JSON.parse(lines[i]!);
    } catch (error) {
      const cut = i === lines.length - 1 && !whole;
      refuse(
        number,
        cut
          ? `the recording is truncated: it ends in the middle of line ${number}`
          : 'the line is no JSON: the recording is damaged',
        error,
      );
    }
    try {
      if (!header) {
        header = parseHeader(value);
        continue;
      }
      const end = parseEnd(value);
      if (!end) {
        frames.push(parseFrame(value));
        continue;
      }
      if (end.events !== frames.length)
        refuse(number, `the recording is damaged: it says ${end.events} events and has ${frames.length}`);
      if (i !== lines.length - 1) refuse(number + 1, 'the recording goes on after its end');
      return { header, frames, status: end.status ?? undefined };
    } catch (error) {
      if (error instanceof BadLine) refuse(number, error.message, error);
      throw error;
    }
  }
  return refuse(
    lines.length,
    `the recording is truncated: it has no end line after ${frames.length} event${frames.length === 1 ? '' : 's'}`,
  );
}

export class ReplaySource extends FrameSource {
  readonly header: RecordingHeader;
  readonly #name: string;
  readonly #calls: ReadonlyMap<number, boolean>;
  readonly #types: ReadonlySet<string>;

  /** `text` is the whole file; `name` is for messages. Throws BpfError RECORDING. */
  constructor(text: string, options: { readonly name?: string } = {}) {
    const name = options.name ?? 'recording';
    const recording = parseRecording(text, name);
    super('replay', () => recording.frames[Symbol.iterator](), {
      cpus: recording.header.cpus,
      startNs: BigInt(recording.header.startNs),
    });
    this.header = recording.header;
    this.exitStatus = recording.status;
    this.#name = name;
    this.#calls = new Map(recording.header.calls);
    this.#types = new Set(recording.frames.map((frame) => frame.event.type));
  }

  /** Hooks whose system calls were recorded. */
  canFire(hook: string): boolean {
    const event = machineEventOf(hook);
    if (event !== undefined) return this.#types.has(event);
    return needsOf(hook).every((need) => this.#holds(need));
  }

  override start(interest: readonly SyscallInterest[]): void {
    const absent = interest.filter((need) => !this.#holds(need) && !syscallByNumber(need.nr)?.behaviour?.always);
    if (absent.length > 0) {
      const names = absent.map((i) => syscallByNumber(i.nr)?.name ?? `number ${i.nr}`);
      throw new BpfError(
        'ENOENT',
        `${this.#name} holds no calls of ${names.slice(0, 5).join(', ')}${names.length > 5 ? ', ...' : ''}: they were not recorded`,
      );
    }
    super.start(interest);
  }

  #holds(need: SyscallInterest): boolean {
    const exit = this.#calls.get(need.nr);
    return exit !== undefined && (exit || !need.exit);
  }
}
