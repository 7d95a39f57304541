/**
 * Output that is out when the call returns. A worker's process.stdout is a message to the main thread, which a synchronous script
 * would never let go; so the command writes to the file descriptors itself, console included.
 */
import { writeSync } from 'node:fs';
import { createRequire } from 'node:module';

const nap = new Int32Array(new SharedArrayBuffer(4));

/** Write everything, waiting where the reader is slow (a non-blocking pipe). A reader that went away ends the process quietly. */
export function writeAll(fd: number, data: string | Uint8Array): void {
  let bytes = typeof data === 'string' ? Buffer.from(data) : data;
  while (bytes.length > 0) {
    try {
      bytes = bytes.subarray(writeSync(fd, bytes));
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EAGAIN') Atomics.wait(nap, 0, 0, 1);
      else if (code === 'EPIPE') endByBrokenPipe();
      else throw error;
    }
  }
}

/** Exit status of a program that SIGPIPE killed, as shells show it. */
export const BROKEN_PIPE = { signal: 13, status: 128 + 13 } as const;

/** What the signal would have done, had Node not ignored it: an end without words. A worker can only exit; its main thread does the rest. */
function endByBrokenPipe(): never {
  if (!worker) {
    // Taking the last listener away leaves the default action behind, no longer SIG_IGN.
    const listener = () => {};
    process.on('SIGPIPE', listener);
    process.off('SIGPIPE', listener);
    process.kill(process.pid, 'SIGPIPE');
  }
  process.exit(BROKEN_PIPE.status);
}

export function print(line: string): void {
  writeAll(1, `${line}\n`);
}

export function warn(line: string): void {
  writeAll(2, `${line}\n`);
}

/** Is this thread not the first? Known here, since node:worker_threads takes as long to load as a short command takes. */
let worker = false;

export function inWorker(): boolean {
  return worker;
}

/** This thread is a worker, whose own streams are messages to the main thread. */
export function beWorker(): void {
  worker = true;
  takeOverOutput();
}

/**
 * Point console, process.stdout and process.stderr of this thread at the descriptors, each when a script first asks for it. In a worker all of them;
 * on the main thread what is no terminal: of a reader that went away Node tells by an event, which a script that blocks never hears.
 */
export function takeOverOutput(): void {
  const require = createRequire(import.meta.url);
  const stream = (fd: number, own: PropertyDescriptor | undefined) => {
    const tty = require('node:tty') as typeof import('node:tty');
    const isTTY = tty.isatty(fd);
    if (isTTY && !worker) return own?.get?.call(process) ?? own?.value;
    const { Writable } = require('node:stream') as typeof import('node:stream');
    const sink = new Writable({
      decodeStrings: false,
      write(chunk: string | Uint8Array, _encoding, done) {
        writeAll(fd, chunk);
        done();
      },
    });
    return Object.assign(sink, { fd, isTTY });
  };
  for (const [name, fd] of [
    ['stdout', 1],
    ['stderr', 2],
  ] as const) {
    const own = Object.getOwnPropertyDescriptor(process, name);
    lazily(process, name, () => stream(fd, own));
  }
  lazily(globalThis, 'console', () => {
    const { Console } = require('node:console') as typeof import('node:console');
    return new Console({ stdout: process.stdout, stderr: process.stderr });
  });
}

/** A property that is made at the first look and stays. */
function lazily(owner: object, name: string, make: () => unknown): void {
  const set = (value: unknown) =>
    Object.defineProperty(owner, name, { value, writable: true, configurable: true, enumerable: true });
  Object.defineProperty(owner, name, {
    configurable: true,
    enumerable: true,
    get() {
      const value = make();
      set(value);
      return value;
    },
    set,
  });
}
