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

/** Point console, process.stdout and process.stderr of this thread, a worker, at the descriptors. Each is made when a script first asks for it. */
export function takeOverOutput(): void {
  worker = true;
  const require = createRequire(import.meta.url);
  const stream = (fd: number) => {
    const { Writable } = require('node:stream') as typeof import('node:stream');
    const sink = new Writable({
      decodeStrings: false,
      write(chunk: string | Uint8Array, _encoding, done) {
        writeAll(fd, chunk);
        done();
      },
    });
    const tty = require('node:tty') as typeof import('node:tty');
    return Object.assign(sink, { fd, isTTY: tty.isatty(fd) });
  };
  lazily(process, 'stdout', () => stream(1));
  lazily(process, 'stderr', () => stream(2));
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
