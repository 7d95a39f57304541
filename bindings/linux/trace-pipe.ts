/**
 * The trace pipe: what bpf_trace_printk writes. A reader of the global pipe takes lines away from every other; so each of ours has an
 * instance of its own in tracefs, to which the event bpf_trace:bpf_trace_printk (Linux 5.9) writes a copy. An instance is a directory, and would
 * outlive a process that is killed: so a shell waits for our end and removes it. Should that be killed as well, the instance has our process's number in
 * its name, and whoever comes later removes those of processes that are gone.
 * https://docs.kernel.org/trace/ftrace.html, "instances"
 */
import type { ChildProcess } from 'node:child_process';
import {
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  rmdirSync,
  writeFileSync,
} from 'node:fs';
import { StringDecoder } from 'node:string_decoder';
import type { TracePipe } from '../../core/backend/backend.ts';
import { BpfError } from '../../core/base/errors.ts';
import { needTracefs } from './tracefs.ts';

const PREFIX = 'skep-';
const EVENT = 'events/bpf_trace/bpf_trace_printk/enable';

let made = 0;

export class LinuxTracePipe implements TracePipe {
  readonly fd: number;
  readonly #instance: string | undefined;
  readonly #guard: ChildProcess | undefined;
  readonly #decoder = new StringDecoder('utf8');
  readonly #chunk = new Uint8Array(64 * 1024);
  #lines: string[] = [];
  #next = 0;
  #rest = '';
  #open = true;

  constructor() {
    const root = needTracefs('the trace pipe');
    this.#instance = makeInstance(root);
    if (this.#instance !== undefined) this.#guard = guard(root, this.#instance);
    try {
      this.fd = openSync(`${this.#instance ?? root}/trace_pipe`, constants.O_RDONLY | constants.O_NONBLOCK);
    } catch (error) {
      this.#remove();
      throw new BpfError('EPERM', `the trace pipe cannot be opened: ${(error as NodeJS.ErrnoException).code}`, {
        cause: error,
      });
    }
  }

  read(): string | undefined {
    if (this.#next >= this.#lines.length && !this.#fill()) return undefined;
    return this.#lines[this.#next++];
  }

  #fill(): boolean {
    if (!this.#open) return false;
    this.#lines = [];
    this.#next = 0;
    for (;;) {
      let length = 0;
      try {
        length = readSync(this.fd, this.#chunk);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
      }
      if (length === 0) return this.#lines.length > 0;
      const parts = (this.#rest + this.#decoder.write(Buffer.from(this.#chunk.buffer, 0, length))).split('\n');
      this.#rest = parts.pop()!;
      // An instance writes the event's own empty line end: `msg` often brings one along.
      for (const line of parts) if (line !== '') this.#lines.push(line);
      if (this.#lines.length > 0) return true;
    }
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    closeSync(this.fd);
    this.#remove();
  }

  #remove(): void {
    if (this.#instance !== undefined) removeInstance(this.#instance);
    this.#guard?.kill('SIGKILL');
  }
}

/** Ends when its standard input does, which is when we end; the pipe may still be open for a moment then, and the directory busy. */
const GUARD = `trap '' INT TERM HUP
read -r line
for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
  [ -d "$1" ] || exit 0
  rmdir "$1" 2>/dev/null && exit 0
  sleep 0.1
done`;

/** Somebody who removes the directory when we cannot; undefined where there is no shell. A private mount is handed on: it would go with us. */
function guard(root: string, instance: string): ChildProcess | undefined {
  const mount = /^\/proc\/self\/fd\/(\d+)$/.exec(root)?.[1];
  const seen = mount === undefined ? instance : instance.replace(root, '/proc/self/fd/3');
  // Loading it takes longer than opening the pipe, and few runs have one.
  const { spawn } = process.getBuiltinModule('node:child_process');
  try {
    const child = spawn('/bin/sh', ['-c', GUARD, 'skep-guard', seen], {
      stdio: ['pipe', 'ignore', 'ignore', ...(mount === undefined ? [] : [Number(mount)])],
      detached: true,
      env: { PATH: '/usr/bin:/bin' },
    });
    child.on('error', () => {});
    child.unref();
    (child.stdin as unknown as { unref(): void }).unref();
    return child;
  } catch {
    return undefined;
  }
}

/** A directory of our own, or undefined where the kernel has no instances for this event: the global pipe is read then. */
function makeInstance(root: string): string | undefined {
  removeOrphans(root);
  const path = `${root}/instances/${PREFIX}${process.pid}-${++made}`;
  try {
    mkdirSync(path);
    writeFileSync(`${path}/${EVENT}`, '1');
    return path;
  } catch {
    removeInstance(path);
    return undefined;
  }
}

function removeInstance(path: string): void {
  try {
    rmdirSync(path);
  } catch {
    // Not made, or somebody looks at it: the next one removes it.
  }
}

function removeOrphans(root: string): void {
  let names: string[];
  try {
    names = readdirSync(`${root}/instances`);
  } catch {
    return;
  }
  for (const name of names) {
    const pid = name.startsWith(PREFIX) ? /^\d+/.exec(name.slice(PREFIX.length))?.[0] : undefined;
    if (pid !== undefined && !existsSync(`/proc/${pid}`)) removeInstance(`${root}/instances/${name}`);
  }
}
