/**
 * Debug files of stripped programs and libraries: where they may lie, by build id or by .gnu_debuglink, and whether one belongs to its program.
 * https://sourceware.org/gdb/current/onlinedocs/gdb.html/Separate-Debug-Files.html
 */
import { cString, toHex } from '../base/bytes.ts';
import type { ElfFile } from './read.ts';

const DEBUG_ROOT = '/usr/lib/debug';
/** Note of a linker: NT_GNU_BUILD_ID of elf.h. */
const GNU_BUILD_ID = 3;

/** As hex, or undefined. */
export function buildIdOf(elf: ElfFile): string | undefined {
  const note = elf.notes().find(({ name, type }) => name === 'GNU' && type === GNU_BUILD_ID);
  return note && toHex(note.desc);
}

/** Paths at which the debug file of a file may lie, best first. Of a process in another root (/proc/PID/root/...) those of that root too. */
export function debugFilePaths(path: string, elf: ElfFile): string[] {
  const id = buildIdOf(elf);
  const link = elf.section('.gnu_debuglink');
  const name = link && cString(link.data);
  const root = /^\/proc\/\w+\/root/.exec(path)?.[0] ?? '';
  const directory = path.slice(0, path.lastIndexOf('/') + 1);
  const roots = root === '' ? [DEBUG_ROOT] : [root + DEBUG_ROOT, DEBUG_ROOT];
  return [
    ...(id ? roots.map((at) => `${at}/.build-id/${id.slice(0, 2)}/${id.slice(2)}.debug`) : []),
    ...(name ? [directory + name, `${directory}.debug/${name}`] : []),
    ...(name ? roots.map((at) => `${at}${directory.slice(root.length)}${name}`) : []),
  ].filter((at) => at !== path);
}

/** Does a debug file tell of this very file? Of what has no build id the link alone is believed. */
export function isDebugFileOf(debug: ElfFile, elf: ElfFile): boolean {
  const [theirs, ours] = [buildIdOf(debug), buildIdOf(elf)];
  return theirs === undefined || ours === undefined || theirs === ours;
}
