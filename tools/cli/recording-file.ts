/** A recording on its way to a file: lines are gathered and written in blocks, the rest at the end. */
import { closeSync, openSync } from 'node:fs';
import { BpfError } from '../../core/base/errors.ts';
import { writeAll } from './output.ts';

const BLOCK = 1 << 16;

export class RecordingFile {
  readonly #fd: number;
  #pending: string[] = [];
  #size = 0;

  constructor(path: string) {
    try {
      this.#fd = openSync(path, 'w', 0o644);
    } catch (error) {
      throw new BpfError(
        (error as NodeJS.ErrnoException).code ?? 'EIO',
        `recording '${path}' cannot be written: ${(error as NodeJS.ErrnoException).code}`,
        { cause: error },
      );
    }
  }

  line(text: string): void {
    this.#pending.push(text, '\n');
    this.#size += text.length + 1;
    if (this.#size >= BLOCK) this.#flush();
  }

  close(): void {
    this.#flush();
    closeSync(this.#fd);
  }

  #flush(): void {
    if (this.#size > 0) writeAll(this.#fd, this.#pending.join(''));
    this.#pending = [];
    this.#size = 0;
  }
}
