/**
 * Which file a name means: a path as it is, a library by what the dynamic linker knows (`c` is libc.so.6) or what a process has mapped, a
 * program by PATH. Of a process in another mount namespace, paths are seen through /proc/PID/root.
 * ld.so.cache: glibc's sysdeps/generic/dl-cache.h.
 */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { cString } from '../../../core/base/bytes.ts';
import { BpfError } from '../../../core/base/errors.ts';

const CACHE = '/etc/ld.so.cache';
const MAGIC = 'glibc-ld.so.cache1.1';
const HEADER_SIZE = 48;
const ENTRY_SIZE = 24;
/** Low byte of an entry's flags: an ELF library of glibc 2; the next says for which machine (x86-64: 3, arm64: 10). */
const FLAG_ELF_LIBC6 = 3;
const MACHINE_FLAG: Readonly<Record<string, number>> = { x64: 3, arm64: 10 };

/** Path of a library by its bare name (`c`, `pthread`) as BCC's find_library gives it, or undefined. `pid`: as that process has it. */
export function findLibrary(name: string, pid = -1): string | undefined {
  const wanted = (file: string): boolean => file.startsWith(`lib${name}.so`) || file.startsWith(`lib${name}-`);
  if (pid > 0) {
    const mapped = mappedFiles(pid).find((path) => wanted(path.slice(path.lastIndexOf('/') + 1)));
    if (mapped !== undefined) return rooted(mapped, pid);
  }
  return cachedLibraries().find(({ soname }) => soname.startsWith(`lib${name}.so`))?.path;
}

/** Path of a program by PATH, or undefined. */
export function findProgram(name: string): string | undefined {
  return (process.env['PATH'] ?? '/usr/bin:/bin')
    .split(delimiter)
    .map((dir) => join(dir, name))
    .find(isFile);
}

/** What a probe's path means. Throws BpfError ENOENT. */
export function findBinary(name: string, pid = -1): string {
  const path = name.includes('/') ? rooted(name, pid) : (findLibrary(name, pid) ?? findProgram(name));
  if (path !== undefined && isFile(path)) return path;
  throw new BpfError(
    'ENOENT',
    name.includes('/')
      ? `there is no file '${name}'${pid > 0 ? ` where process ${pid} is` : ''}`
      : `'${name}' is neither a library that the linker knows nor a program in PATH`,
  );
}

/** A path as seen from here, of a process that may live in another mount namespace. */
export function rooted(path: string, pid: number): string {
  if (pid <= 0 || !path.startsWith('/') || path.startsWith('/proc/')) return path;
  const through = `/proc/${pid}/root${path}`;
  try {
    const [here, there] = [existsSync(path) ? statSync(path) : undefined, statSync(through)];
    // The same file: the short name is the better one.
    return here && here.ino === there.ino && here.dev === there.dev ? path : through;
  } catch {
    return path;
  }
}

/** Paths of the files that a process has mapped, each once. */
export function mappedFiles(pid: number): string[] {
  try {
    const found = readFileSync(`/proc/${pid}/maps`, 'utf8').matchAll(/^\S+ \S+ \S+ \S+ [1-9]\d*\s+(\/.*)$/gm);
    return [...new Set([...found].map(([, path]) => path!))];
  } catch {
    return [];
  }
}

function isFile(path: string): boolean {
  try {
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

function cachedLibraries(): { soname: string; path: string }[] {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(CACHE);
  } catch {
    return [];
  }
  // The new format may follow the old one in the same file.
  const start = Buffer.from(bytes).indexOf(MAGIC);
  if (start < 0) return [];
  const view = new DataView(bytes.buffer, bytes.byteOffset + start, bytes.length - start);
  const cache = bytes.subarray(start);
  const count = view.getUint32(MAGIC.length, true);
  const libraries: { soname: string; path: string }[] = [];
  for (let i = 0; i < count; i++) {
    const at = HEADER_SIZE + i * ENTRY_SIZE;
    if (at + ENTRY_SIZE > cache.length) break;
    const flags = view.getInt32(at, true);
    if ((flags & 0xff) !== FLAG_ELF_LIBC6 || flags >> 8 !== MACHINE_FLAG[process.arch]) continue;
    libraries.push({
      soname: cString(cache, view.getUint32(at + 4, true)),
      path: cString(cache, view.getUint32(at + 8, true)),
    });
  }
  return libraries;
}
