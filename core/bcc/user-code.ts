/**
 * What processes are made of: programs and libraries as ELF files, where a process has them mapped, and the names of their functions. Files are
 * read through the session, so all of this works wherever the host lets it read (a replay in a browser knows no files, and says so).
 */
import { utf8Decode } from '../base/bytes.ts';
import { BpfError } from '../base/errors.ts';
import { debugFilePaths, isDebugFileOf } from '../elf/debug-file.ts';
import { type UserFunction, userFunctions } from '../elf/functions.ts';
import { type ElfFile, isElf, readElf } from '../elf/read.ts';
import { parseLdCache } from './ld-cache.ts';
import { sessionIfAny } from './session.ts';

/** A mapping of /proc/PID/maps that holds code or data of a file (proc_pid_maps(5)). */
export interface Mapping {
  readonly start: bigint;
  readonly end: bigint;
  readonly offset: bigint;
  readonly executable: boolean;
  readonly path: string;
}

function readBytes(path: string): Uint8Array | undefined {
  return sessionIfAny()?.readFile?.(path);
}

/** Files that were read lately: symbol tables are asked for many times over, and are large. */
const CACHED = 16;
const cache = new Map<string, ElfFile>();

/** An ELF file, or undefined when it cannot be read or is none. */
export function openElf(path: string): ElfFile | undefined {
  const known = cache.get(path);
  if (known) return known;
  const bytes = readBytes(path);
  if (!bytes || !isElf(bytes)) return undefined;
  const elf = readElf(bytes);
  if (cache.size >= CACHED) cache.delete(cache.keys().next().value!);
  cache.set(path, elf);
  return elf;
}

/** Mappings of files in a process; undefined when there is no such process, or it may not be looked at. */
export function mappings(pid: number): Mapping[] | undefined {
  const bytes = readBytes(`/proc/${pid}/maps`);
  if (!bytes) return undefined;
  const out: Mapping[] = [];
  for (const line of utf8Decode(bytes).split('\n')) {
    const found = /^([0-9a-f]+)-([0-9a-f]+) (\S+) ([0-9a-f]+) \S+ \d+ +(\/.*)$/.exec(line);
    if (!found) continue;
    const [start, end, offset] = [found[1]!, found[2]!, found[4]!].map((hex) => BigInt(`0x${hex}`));
    const path = found[5]!.replace(/ \(deleted\)$/, '');
    out.push({ start: start!, end: end!, offset: offset!, executable: found[3]!.includes('x'), path });
  }
  return out;
}

/** A path inside a process, which may have another root. */
export function pathIn(pid: number | undefined, path: string): string {
  if (pid === undefined || pid <= 0 || path.startsWith('/proc/')) return path;
  const rooted = `/proc/${pid}/root${path}`;
  return openElf(rooted) ? rooted : path;
}

/** Full path of the library that `-lNAME` would link: in a process, or by the dynamic linker's cache. */
export function findLibrary(name: string, pid = 0): string | undefined {
  const isIt = (path: string) => {
    const file = path.slice(path.lastIndexOf('/') + 1);
    return file.startsWith(`lib${name}.so`) || file.startsWith(`lib${name}-`);
  };
  if (pid > 0) return mappings(pid)?.find((m) => isIt(m.path))?.path;
  const bytes = readBytes('/etc/ld.so.cache');
  return bytes && parseLdCache(bytes).find((entry) => entry.name.startsWith(`lib${name}.so`))?.path;
}

const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** Full path of a program, along $PATH. */
export function findExe(name: string): string | undefined {
  const session = sessionIfAny();
  const exists = (path: string) => session?.readFile?.(path) !== undefined;
  if (name.includes('/')) return exists(name) ? name : undefined;
  const path = session?.env?.('PATH') ?? DEFAULT_PATH;
  return path
    .split(':')
    .filter((dir) => dir !== '')
    .map((dir) => `${dir}/${name}`)
    .find(exists);
}

/** A program or library as users name it (a path, 'c' for libc, a program of $PATH) as a path. Names that lead nowhere stay. */
export function userPath(name: string, pid = -1): string {
  if (name.includes('/')) return pid > 0 ? pathIn(pid, name) : name;
  return findLibrary(name, pid > 0 ? pid : 0) ?? findExe(name) ?? name;
}

const functions = new WeakMap<ElfFile, readonly UserFunction[]>();

/** The functions that the symbols of a file name, or those of its debug file where it was stripped. Addresses are the file's. */
export function functionsIn(path: string, elf: ElfFile): readonly UserFunction[] {
  let known = functions.get(elf);
  if (!known) {
    const debug = elf.section('.symtab') ? undefined : debugFileOf(path, elf);
    // The names that others link with come first: `nanosleep`, not `__GI___nanosleep`.
    known = debug ? [...userFunctions(elf), ...userFunctions(debug)] : userFunctions(elf);
    functions.set(elf, known);
  }
  return known;
}

function debugFileOf(path: string, elf: ElfFile): ElfFile | undefined {
  for (const at of debugFilePaths(path, elf)) {
    const debug = openElf(at);
    if (debug && isDebugFileOf(debug, elf)) return debug;
  }
  return undefined;
}

/** The functions of a file. Throws BpfError ENOENT when it is no ELF file that can be read. */
export function functionsOf(name: string): readonly UserFunction[] {
  const path = userPath(name);
  const elf = openElf(path);
  if (!elf)
    throw new BpfError('ENOENT', `the symbols of '${name}' cannot be read: ${path} is no ELF file that is there`);
  return functionsIn(path, elf);
}
