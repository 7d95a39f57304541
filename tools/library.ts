/**
 * Programs and libraries by the names that tools take: a path, the short name of a library (`c` is libc), or a program on the PATH; and the
 * functions in them. ld.so(8) tells where libraries are.
 */
import { existsSync, readdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { BpfError } from '../core/base/errors.ts';
import { readElf, SHN, STT } from '../core/elf/read.ts';

/** Where ld.so looks, with the folders of ld.so.conf on Debian, Fedora and Alpine. */
const FOLDERS = [
  '/lib64',
  '/usr/lib64',
  '/lib/x86_64-linux-gnu',
  '/usr/lib/x86_64-linux-gnu',
  '/usr/local/lib',
  '/lib',
  '/usr/lib',
];

/** Path of a library or program. Throws BpfError ENOENT. `pid`: as that process has it mapped. */
export function findBinary(tool: string, name: string, pid?: number): string {
  const path =
    (name.includes('/') ? asFile(resolve(name)) : undefined) ??
    (pid === undefined ? undefined : mapped(name, pid)) ??
    library(name) ??
    program(name);
  if (path !== undefined) return path;
  throw new BpfError('ENOENT', `${tool}: there is no library or program '${name}'`);
}

/** Functions that a binary defines, sorted, each once. Throws BpfError EINVAL for a file that is no ELF. */
export function userFunctions(tool: string, path: string): string[] {
  let names: Set<string>;
  try {
    const elf = readElf(readFileSync(path));
    names = new Set(
      [...elf.symbols(), ...elf.dynamicSymbols()]
        .filter((s) => (s.type === STT.FUNC || s.type === STT.GNU_IFUNC) && s.section !== SHN.UNDEF && s.value !== 0n)
        .map((s) => s.name),
    );
  } catch (error) {
    throw new BpfError('EINVAL', `${tool}: the functions of '${path}' cannot be read: ${(error as Error).message}`, {
      cause: error,
    });
  }
  return [...names].sort();
}

function asFile(path: string): string | undefined {
  return existsSync(path) && statSync(path).isFile() ? realpathSync(path) : undefined;
}

/** `c` -> libc.so.6: the shortest of what is called lib<name>.so, lib<name>-<version>.so or lib<name>.so.<version>. */
function library(name: string): string | undefined {
  const pattern = new RegExp(`^lib${name.replace(/[^\w]/g, '\\$&')}(-[\\d.]+)?\\.so(\\.[\\d.]+)?$`);
  for (const folder of FOLDERS) {
    let files: string[];
    try {
      files = readdirSync(folder).filter((file) => pattern.test(file));
    } catch {
      continue;
    }
    for (const file of files.sort((a, b) => a.length - b.length || (a < b ? -1 : 1))) {
      const path = asFile(join(folder, file));
      // lib<name>.so of development packages can be a linker script.
      if (path !== undefined && readFileSync(path).subarray(1, 4).toString('latin1') === 'ELF') return path;
    }
  }
  return undefined;
}

function program(name: string): string | undefined {
  for (const folder of (process.env.PATH ?? '').split(':')) {
    const path = folder === '' ? undefined : asFile(join(folder, name));
    if (path !== undefined) return path;
  }
  return undefined;
}

/** A library that the process has mapped, by its short name. */
function mapped(name: string, pid: number): string | undefined {
  let maps: string;
  try {
    maps = readFileSync(`/proc/${pid}/maps`, 'utf8');
  } catch {
    return undefined;
  }
  const pattern = new RegExp(`/lib${name.replace(/[^\w]/g, '\\$&')}(-[\\d.]+)?\\.so[^/]*$`);
  return maps
    .split('\n')
    .map((line) => line.slice(line.indexOf('/')))
    .find((path) => pattern.test(path));
}
