/**
 * Which file a name means: a path as it is, a library by what the dynamic linker knows (`c` is libc.so.6) or what a process has mapped, a
 * program by PATH. Of a process in another mount namespace, paths are seen through /proc/PID/root.
 */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { BpfError } from '../../../core/base/errors.ts';
import { type LdCacheEntry, parseLdCache } from '../../../core/bcc/ld-cache.ts';

const CACHE = '/etc/ld.so.cache';

/** Path of a library by its bare name (`c`, `pthread`) as BCC's find_library gives it, or undefined. `pid`: as that process has it. */
export function findLibrary(name: string, pid = -1): string | undefined {
  const wanted = (file: string): boolean => file.startsWith(`lib${name}.so`) || file.startsWith(`lib${name}-`);
  if (pid > 0) {
    const mapped = mappedFiles(pid).find((path) => wanted(path.slice(path.lastIndexOf('/') + 1)));
    if (mapped !== undefined) return rooted(mapped, pid);
  }
  return cachedLibraries().find((entry) => entry.name.startsWith(`lib${name}.so`))?.path;
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
  if (path !== undefined && existsSync(path)) throw new BpfError('EINVAL', `'${name}' is no file`);
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

function cachedLibraries(): LdCacheEntry[] {
  try {
    return parseLdCache(readFileSync(CACHE));
  } catch {
    return [];
  }
}
