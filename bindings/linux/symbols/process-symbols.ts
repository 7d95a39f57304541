/**
 * Addresses of a process: which file lies there (/proc/PID/maps), and what of it (its symbols, seen through the process's own root); code that a
 * JIT made, by its perf map file; the vdso, from the process's memory. Where nothing is found, `why` says what is missing.
 */
import { closeSync, openSync, readSync, statSync } from 'node:fs';
import type { SymbolAt } from '../../../core/backend/backend.ts';
import { textOf } from '../machine.ts';
import { type BinaryFile, binaryFile, binaryOf } from './binary-file.ts';
import { demangle } from './demangle.ts';
import { rooted } from './find-binary.ts';
import { PerfMap } from './perf-map.ts';

interface Range {
  readonly start: number;
  readonly end: number;
  /** Place in the file. */
  readonly offset: number;
  /** '' for anonymous memory, '[vdso]', '[stack]', or a path. */
  readonly path: string;
}

const DELETED = ' (deleted)';

/** The lines of /proc/PID/maps that can be executed, ascending. */
export function executableRanges(maps: string): Range[] {
  const ranges: Range[] = [];
  for (const [, start, end, perms, offset, path] of maps.matchAll(
    /^([0-9a-f]+)-([0-9a-f]+) (\S+) ([0-9a-f]+) \S+ \d+ *(.*)$/gm,
  ))
    if (perms!.includes('x'))
      ranges.push({
        start: Number.parseInt(start!, 16),
        end: Number.parseInt(end!, 16),
        offset: Number.parseInt(offset!, 16),
        path: path!,
      });
  return ranges;
}

export class ProcessSymbols {
  readonly pid: number;
  #ranges: Range[] = [];
  #binaries = new Map<string, BinaryFile | string>();
  readonly #jit: PerfMap;
  #gone = false;
  /** Which program it runs, as far as known: exec() leaves the pid and nothing else. */
  #program = '';

  constructor(pid: number) {
    this.pid = pid;
    this.#jit = PerfMap.of(pid);
    this.#load();
  }

  #load(): void {
    const maps = textOf(`/proc/${this.pid}/maps`);
    this.#gone = maps === undefined;
    // Of a process that has ended, what was known stays.
    if (maps === undefined) return;
    this.#ranges = executableRanges(maps);
    this.#program = this.#exe() ?? '';
  }

  /** The program's file; undefined when the process is gone. */
  #exe(): string | undefined {
    try {
      const { dev, ino } = statSync(`/proc/${this.pid}/exe`);
      return `${dev}:${ino}`;
    } catch {
      return undefined;
    }
  }

  #range(address: number): Range | undefined {
    return this.#ranges.find((range) => address >= range.start && address < range.end);
  }

  at(address: bigint): SymbolAt | undefined {
    const found = this.#look(address);
    return typeof found === 'string' ? undefined : found;
  }

  /** Why there is no name for an address; undefined when there is one. */
  why(address: bigint): string | undefined {
    const found = this.#look(address);
    return typeof found === 'string' ? found : undefined;
  }

  #look(wide: bigint): SymbolAt | string {
    const address = Number(wide);
    const program = this.#exe();
    if (program !== undefined && program !== this.#program) {
      this.#binaries.clear();
      this.#load();
    }
    let range = this.#range(address);
    if (!range) {
      this.#load();
      range = this.#range(address);
    }
    if (!range) return this.#gone ? `process ${this.pid} has ended` : 'no executable memory lies there';
    if (range.path === '' || range.path.startsWith('//anon') || range.path.startsWith('[anon')) {
      const jit = this.#jit.at(address);
      if (jit) return { ...jit, module: `perf-${this.pid}.map` };
      return this.#jit.exists
        ? 'code made at run time that its perf map does not tell of'
        : `code made at run time, and no /tmp/perf-${this.pid}.map (Node writes one under --perf-basic-prof)`;
    }
    const binary = this.#binary(range);
    if (typeof binary === 'string') return binary;
    const linked =
      range.path === '[vdso]' ? address - range.start : binary.addressOf(address - range.start + range.offset);
    const symbol = linked === undefined ? undefined : binary.at(linked);
    // V8's embedded code and the like: the JIT tells of it although it lies in a file.
    const named = symbol ?? this.#jit.at(address);
    if (named) return { name: demangle(named.name), offset: named.offset, module: range.path };
    return binary.functions().length === 0
      ? `'${range.path}' has no symbols (stripped, and no debug file is installed)`
      : `no function of '${range.path}' lies there`;
  }

  #binary(range: Range): BinaryFile | string {
    let binary = this.#binaries.get(range.path);
    if (binary === undefined) {
      try {
        binary = range.path === '[vdso]' ? binaryOf('[vdso]', this.#memory(range)) : binaryFile(this.#file(range));
      } catch (error) {
        binary = (error as Error).message;
      }
      this.#binaries.set(range.path, binary);
    }
    return binary;
  }

  /** The file behind a mapping: as the process sees it, also when its name is gone. */
  #file(range: Range): string {
    if (!range.path.endsWith(DELETED)) return rooted(range.path, this.pid);
    const link = `/proc/${this.pid}/map_files/${range.start.toString(16)}-${range.end.toString(16)}`;
    statSync(link);
    return link;
  }

  #memory(range: Range): Uint8Array {
    const fd = openSync(`/proc/${this.pid}/mem`, 'r');
    try {
      const bytes = new Uint8Array(range.end - range.start);
      readSync(fd, bytes, 0, bytes.length, range.start);
      return bytes;
    } finally {
      closeSync(fd);
    }
  }

  /** Address of a function, in one module (a path or its last part) or in any. */
  address(module: string | undefined, name: string): bigint | undefined {
    const wanted = (path: string): boolean =>
      module === undefined || path === module || path.slice(path.lastIndexOf('/') + 1).startsWith(module);
    for (const range of this.#ranges) {
      if (!range.path.startsWith('/') || !wanted(range.path)) continue;
      const binary = this.#binary(range);
      if (typeof binary === 'string') continue;
      const address = binary.address(name);
      const offset = address === undefined ? undefined : binary.fileOffset(address);
      if (offset === undefined) continue;
      const of = this.#ranges.find(
        (r) => r.path === range.path && offset >= r.offset && offset < r.offset + r.end - r.start,
      );
      if (of) return BigInt(of.start + offset - of.offset);
    }
    return undefined;
  }
}
