/**
 * Output that is out when the call returns. A worker's process.stdout is a message to the main thread, which a synchronous script
 * would never let go; so the command writes to the file descriptors itself, console included.
 */
import { Console } from 'node:console';
import { writeSync } from 'node:fs';
import { Writable } from 'node:stream';

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
      else if (code === 'EPIPE') process.exit(0);
      else throw error;
    }
  }
}

export function print(line: string): void {
  writeAll(1, `${line}\n`);
}

export function warn(line: string): void {
  writeAll(2, `${line}\n`);
}

/** Point console.*, process.stdout.write and process.stderr.write of this thread at the descriptors. */
export function takeOverOutput(): void {
  const sink = (fd: number) =>
    new Writable({
      decodeStrings: false,
      write(chunk: string | Uint8Array, _encoding, done) {
        writeAll(fd, chunk);
        done();
      },
    });
  const stdout = sink(1);
  const stderr = sink(2);
  globalThis.console = new Console({ stdout, stderr }) as Console;
  for (const [stream, fd] of [
    [process.stdout, 1],
    [process.stderr, 2],
  ] as const) {
    stream.write = ((chunk: string | Uint8Array, encoding?: unknown, done?: unknown) => {
      writeAll(fd, chunk);
      const callback = typeof encoding === 'function' ? encoding : done;
      if (typeof callback === 'function') queueMicrotask(callback as () => void);
      return true;
    }) as typeof stream.write;
  }
}
