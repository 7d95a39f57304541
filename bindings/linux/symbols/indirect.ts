/**
 * Indirect functions (STT_GNU_IFUNC, https://sourceware.org/glibc/wiki/GNU_IFUNC): what carries the name, `strlen` of glibc, is code that the dynamic
 * linker asks once which implementation fits this CPU; nobody calls it. Which one that is our own process knows of the libraries that it has
 * mapped itself: its linker asked too.
 */
import { statSync } from 'node:fs';
import { addon } from '../../addon/index.ts';
import { textOf } from '../machine.ts';
import { executableRanges } from './process-symbols.ts';

/** Bytes from the start of the file to the implementation of `name`; undefined for a file that this process does not have mapped. */
export function chosenImplementation(path: string, name: string): number | undefined {
  const found = addon()?.sys?.resolve(path, name);
  const address = Number(found ?? 0n);
  const range = executableRanges(textOf('/proc/self/maps') ?? '').find((r) => address >= r.start && address < r.end);
  if (!range || !isSameFile(range.path, path)) return undefined;
  return address - range.start + range.offset;
}

function isSameFile(one: string, other: string): boolean {
  try {
    const [a, b] = [statSync(one), statSync(other)];
    return a.dev === b.dev && a.ino === b.ino;
  } catch {
    return false;
  }
}
