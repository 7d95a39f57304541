/**
 * Perf map files: /tmp/perf-PID.map, in which a JIT tells the code that it makes, a line `START SIZE name` in hex each
 * (tools/perf/Documentation/jit-interface.txt). Node writes one under --perf-basic-prof. A file grows while its process runs: later lines win.
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { textOf } from '../machine.ts';

interface Entry {
  readonly start: number;
  readonly end: number;
  readonly name: string;
}

export class PerfMap {
  readonly #path: string;
  readonly #entries: Entry[] = [];
  #sorted: Entry[] = [];
  #read = 0;
  #rest = '';

  constructor(path: string) {
    this.#path = path;
  }

  /** Of a process, as the process's own mount and pid namespaces name it. */
  static of(pid: number): PerfMap {
    const inner = /^NSpid:.*\t(\d+)$/m.exec(textOf(`/proc/${pid}/status`) ?? '')?.[1] ?? String(pid);
    return new PerfMap(`/proc/${pid}/root/tmp/perf-${inner}.map`);
  }

  at(address: number): { name: string; offset: number } | undefined {
    return this.#find(address) ?? (this.#refresh() ? this.#find(address) : undefined);
  }

  /** Is there a file at all? */
  get exists(): boolean {
    this.#refresh();
    return this.#entries.length > 0;
  }

  #find(address: number): { name: string; offset: number } | undefined {
    const sorted = this.#sorted;
    let low = 0;
    let high = sorted.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (sorted[middle]!.start <= address) low = middle + 1;
      else high = middle;
    }
    // Code that was thrown away may lie under newer code: a few steps back.
    for (let i = low - 1; i >= 0 && i >= low - 8; i--) {
      const { start, end, name } = sorted[i]!;
      if (address < end) return { name, offset: address - start };
    }
    return undefined;
  }

  /** Reads what was added; true when there was something. */
  #refresh(): boolean {
    let fd: number;
    try {
      fd = openSync(this.#path, 'r');
    } catch {
      return false;
    }
    try {
      const size = fstatSync(fd).size - this.#read;
      if (size <= 0) return false;
      const bytes = Buffer.alloc(size);
      const got = readSync(fd, bytes, 0, size, this.#read);
      this.#read += got;
      const lines = (this.#rest + bytes.toString('utf8', 0, got)).split('\n');
      this.#rest = lines.pop()!;
      for (const line of lines) {
        const [, start, length, name] = /^([0-9a-f]+) ([0-9a-f]+) (.*)$/i.exec(line) ?? [];
        if (name === undefined) continue;
        const from = Number.parseInt(start!, 16);
        this.#entries.push({ start: from, end: from + Number.parseInt(length!, 16), name });
      }
      // Stable: of equal starts the later line stands behind, and is found first.
      this.#sorted = [...this.#entries].sort((a, b) => a.start - b.start);
      return true;
    } finally {
      closeSync(fd);
    }
  }
}
