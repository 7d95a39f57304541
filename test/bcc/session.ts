/** A session for tests: a backend, and what the script prints, warns and writes kept for looking at. */

import { readFileSync } from 'node:fs';
import type { Backend } from '../../core/backend/backend.ts';
import { setSession } from '../../core/bcc/session.ts';

export interface Kept<B extends Backend> {
  readonly backend: B;
  readonly printed: string[];
  readonly warned: string[];
  /** Bytes as latin1. */
  readonly written: string[];
}

/** Sets it, until another is set. `make` gets the function that warnings go to. */
export function keepSession<B extends Backend>(make: (warn: (line: string) => void) => B): Kept<B> {
  const printed: string[] = [];
  const warned: string[] = [];
  const written: string[] = [];
  const warn = (line: string) => void warned.push(line);
  const backend = make(warn);
  setSession({
    backend: () => backend,
    print: (line) => printed.push(line),
    warn,
    write: (bytes) => written.push(Buffer.from(bytes).toString('latin1')),
    env: (name) => process.env[name],
    readFile: (path) => {
      try {
        return readFileSync(path);
      } catch {
        return undefined;
      }
    },
  });
  return { backend, printed, warned, written };
}
