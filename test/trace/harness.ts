/**
 * What the tests of tracing share: run a command under TraceSource and gather its events; run the same under strace and gather what
 * that printed; programs of other languages, skipped by name where they are missing.
 */
import { spawnSync } from 'node:child_process';
import { accessSync, constants, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { addonProblem } from '../../bindings/addon/index.ts';
import { type TraceOptions, TraceSource, traceUnavailable } from '../../bindings/trace/index.ts';
import type { SyscallInterest, TaskEvent } from '../../core/model/source.ts';
import { SYSCALLS } from '../../core/progs/syscall-table.gen.ts';

/** Why tracing tests cannot run here; undefined when they can. Put into the name of a skipped suite. */
export const unavailable = traceUnavailable() ?? addonProblem();

export function onPath(name: string): boolean {
  return (process.env['PATH'] ?? '').split(':').some((directory) => {
    try {
      accessSync(join(directory || '.', name), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** The real Python: a version manager's shim is a shell script that execs many things. */
export const python = onPath('python3')
  ? spawnSync('python3', ['-c', 'import sys; print(sys.executable)'], { encoding: 'utf8' }).stdout.trim()
  : undefined;

const numbers = new Map(SYSCALLS.map((row) => [row.name, row.nr]));

export function nr(name: string): number {
  const found = numbers.get(name);
  if (found === undefined) throw new Error(`no system call ${name}`);
  return found;
}

export const nameOf = (number: number): string => SYSCALLS.find((row) => row.nr === number)?.name ?? String(number);

export function interest(...names: string[]): SyscallInterest[] {
  return names.map((name) => ({ nr: nr(name), exit: true }));
}

export interface Traced {
  readonly events: readonly TaskEvent[];
  readonly status: number | undefined;
}

/** Runs to the end. `see` is called with each event while its task stands still. */
export function trace(
  options: TraceOptions,
  names: readonly string[],
  see: (event: TaskEvent, source: TraceSource) => void = () => {},
): Traced {
  const source = new TraceSource(options);
  const events: TaskEvent[] = [];
  source.start(interest(...names));
  for (;;) {
    const result = source.pump(30_000, (event) => {
      events.push(event);
      see(event, source);
    });
    if (result === 'ready') continue;
    if (result !== 'ended') {
      source.stop('kill');
      throw new Error(`the command did not end: ${result}`);
    }
    return { events, status: source.exitStatus };
  }
}

export type EventOf<T extends TaskEvent['type']> = Extract<TaskEvent, { type: T }>;

export function only<T extends TaskEvent['type']>(events: readonly TaskEvent[], type: T): EventOf<T>[] {
  return events.filter((event): event is EventOf<T> => event.type === type);
}

/** Runs `body` with the name of a fresh directory that everybody may write to. */
export function inTemp<R>(body: (directory: string) => R): R {
  const directory = mkdtempSync(join(tmpdir(), 'skep-trace-'));
  try {
    return body(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** A call that strace saw: pid, name, the text between the parentheses, and what follows `= `. */
export interface StraceCall {
  readonly pid: number;
  readonly name: string;
  readonly args: string;
  readonly result: string;
}

export interface StraceRun {
  readonly calls: readonly StraceCall[];
  /** Number of `+++ exited` and `+++ killed` lines. */
  readonly ends: number;
  readonly status: number | null;
}

/** The same command under `strace -f`. Calls that were interrupted by others' lines are put together again. */
export function strace(command: readonly string[], names: readonly string[]): StraceRun {
  return inTemp((directory) => {
    const file = join(directory, 'strace.txt');
    const flags = ['-f', '-s', '4096', '-e', `trace=${names.join(',')}`, '-e', 'signal=none'];
    const run = spawnSync('strace', [...flags, '-o', file, ...command], { stdio: ['ignore', 'ignore', 'inherit'] });
    const open = new Map<number, { name: string; args: string }>();
    const calls: StraceCall[] = [];
    let ends = 0;
    for (const line of readFileSync(file, 'utf8').split('\n')) {
      const [, pidText, rest] = /^(\d+) +(.*)$/.exec(line) ?? [];
      if (pidText === undefined || rest === undefined) continue;
      const pid = Number(pidText);
      if (rest.startsWith('+++ exited') || rest.startsWith('+++ killed')) ends++;
      const begun = /^(\w+)\((.*) <unfinished \.\.\.>$/.exec(rest);
      if (begun) {
        open.set(pid, { name: begun[1]!, args: begun[2]! });
        continue;
      }
      const resumed = /^<\.\.\. (\w+) resumed>(.*)\) += (.*)$/.exec(rest);
      const whole = /^(\w+)\((.*)\) += (.*)$/.exec(rest);
      if (resumed) {
        const first = open.get(pid);
        open.delete(pid);
        calls.push({ pid, name: resumed[1]!, args: `${first?.args ?? ''}${resumed[2]}`, result: resumed[3]! });
      } else if (whole) {
        calls.push({ pid, name: whole[1]!, args: whole[2]!, result: whole[3]! });
      }
    }
    return { calls, ends, status: run.status };
  });
}
