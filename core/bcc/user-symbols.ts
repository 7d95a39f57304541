/**
 * Names of addresses in processes, and the way back. A backend that knows user symbols is asked (the linux one also demangles, and knows what JITs
 * wrote down); else the process's mappings and the symbol tables of its files tell, as far as the session reads files.
 */
import type { Backend, SymbolAt } from '../backend/backend.ts';
import { toHex } from '../base/bytes.ts';
import { BpfError } from '../base/errors.ts';
import { buildIdOf } from '../elf/debug-file.ts';
import type { UserFunction } from '../elf/functions.ts';
import { type ElfFile, PT } from '../elf/read.ts';
import type { BuildIdFrame } from './stack.ts';
import { functionsIn, mappings, openElf, pathIn, userPath } from './user-code.ts';

/** Functions of a file in order of address. */
const tables = new WeakMap<ElfFile, readonly UserFunction[]>();

function sorted(path: string, elf: ElfFile): readonly UserFunction[] {
  const known = tables.get(elf);
  if (known) return known;
  const table = [...functionsIn(path, elf)].sort((a, b) =>
    a.address < b.address ? -1 : a.address > b.address ? 1 : 0,
  );
  tables.set(elf, table);
  return table;
}

/** The function that a virtual address of a file lies in. Functions without a size reach to the next one. */
function functionAt(path: string, elf: ElfFile, address: bigint, module: string): SymbolAt | undefined {
  const table = sorted(path, elf);
  let low = 0;
  let high = table.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (table[middle]!.address <= address) low = middle + 1;
    else high = middle;
  }
  for (let i = low - 1; i >= 0 && i >= low - 8; i--) {
    const { address: start, size } = table[i]!;
    const distance = Number(address - start);
    if (size !== 0 && distance >= size) continue;
    // Of several names of one function, the first of the symbol table.
    while (i > 0 && table[i - 1]!.address === start) i--;
    return { name: table[i]!.name, offset: distance, module };
  }
  return undefined;
}

function virtualAddress(elf: ElfFile, fileOffset: bigint): bigint | undefined {
  const at = Number(fileOffset);
  const segment = elf.segments.find((s) => s.type === PT.LOAD && at >= s.offset && at < s.offset + s.fileSize);
  return segment && segment.address + BigInt(at - segment.offset);
}

export function userSymbol(backend: Backend, pid: number, address: bigint): SymbolAt | undefined {
  const known = backend.userSymbol?.(pid, address);
  if (known) return known;
  const mapping = mappings(pid)?.find((m) => address >= m.start && address < m.end);
  const path = mapping && pathIn(pid, mapping.path);
  const elf = path && openElf(path);
  if (!elf) return undefined;
  const virtual = virtualAddress(elf, address - mapping.start + mapping.offset);
  return virtual === undefined ? undefined : functionAt(path, elf, virtual, mapping.path);
}

export function userSymbolAddress(
  backend: Backend,
  pid: number,
  module: string | undefined,
  name: string,
): bigint | undefined {
  const known = backend.userSymbolAddress?.(pid, module, name);
  if (known !== undefined) return known;
  for (const mapping of mappings(pid) ?? []) {
    if (!mapping.executable || (module !== undefined && !mapping.path.endsWith(module))) continue;
    const path = pathIn(pid, mapping.path);
    const elf = openElf(path);
    const address = elf && sorted(path, elf).find((f) => f.name === name)?.address;
    const offset = address === undefined ? undefined : elf?.fileOffset(address);
    if (offset === undefined) continue;
    const at = BigInt(offset) - mapping.offset + mapping.start;
    if (at >= mapping.start && at < mapping.end) return at;
  }
  return undefined;
}

/** BCC's text of a symbol. */
export function symbolText(found: SymbolAt | undefined, showModule: boolean, showOffset: boolean): string {
  if (!found) return '[unknown]';
  const module = found.module.slice(found.module.lastIndexOf('/') + 1);
  return `${found.name}${showOffset ? `+0x${found.offset.toString(16)}` : ''}${showModule ? ` [${module}]` : ''}`;
}

// ---- build ids -------------------------------------------------------------------------------------------------------

const modules = new Map<string, { readonly elf: ElfFile; readonly path: string }>();

/** Throws BpfError ENOENT for what is no program or library that is there, or has no build id. */
export function addModule(name: string): void {
  const path = userPath(name);
  const elf = openElf(path);
  const id = elf && buildIdOf(elf);
  if (!elf || !id) throw new BpfError('ENOENT', `addModule: '${name}' is no program or library with a build id`);
  modules.set(id, { elf, path });
}

export function ofBuildId(frame: BuildIdFrame): SymbolAt | undefined {
  const module = modules.get(toHex(frame.buildId));
  const virtual = module && virtualAddress(module.elf, frame.offset);
  return virtual === undefined ? undefined : functionAt(module!.path, module!.elf, virtual, module!.path);
}
