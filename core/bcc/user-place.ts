/** Where a uprobe goes, from BCC's arguments to the target that backends know: `path:symbol`, `path:symbol+offset` or `path:+N` (file offset). */
import { BpfError } from '../base/errors.ts';
import type { AttachUprobeOptions } from './bpf-options.ts';
import { notFound } from './not-found.ts';
import { type Named, named } from './options.ts';
import { functionsIn, functionsOf, openElf, userPath } from './user-code.ts';

export interface UserPlace {
  readonly path: string;
  readonly target: string;
  readonly symRe?: string | undefined;
  /** Several places instead of one: what `symRe` found, or `syms` in their order. */
  readonly targets?: readonly string[] | undefined;
  /** A number for each place, or for the one. */
  readonly cookies?: readonly (number | bigint)[] | undefined;
  readonly fnName: string | undefined;
  /** -1: every process. */
  readonly pid: number;
  /** File offset of a USDT semaphore. */
  readonly refCtrOffset?: number | undefined;
}

export function userPlace(method: string, options: Named<AttachUprobeOptions>): UserPlace {
  const {
    name,
    sym,
    symRe,
    addr,
    fnName,
    pid = -1,
    symOff = 0,
    syms,
    cookies,
  } = named<AttachUprobeOptions>(method, options, [
    'name',
    'sym',
    'symRe',
    'addr',
    'fnName',
    'pid',
    'symOff',
    'syms',
    'cookies',
  ]);
  if (!name) throw new TypeError(`${method}: 'name' (a path, or a library's name) is needed`);
  const ways = [sym || undefined, symRe || undefined, syms, addr].filter((way) => way !== undefined);
  if (ways.length !== 1) throw new TypeError(`${method}: one of 'sym', 'symRe', 'syms' and 'addr' is needed`);
  const path = userPath(name, pid);
  if (sym) checkSymbol(path, sym);
  const target =
    addr === undefined ? `${path}:${sym}${symOff ? `+${symOff}` : ''}` : atAddress(path, BigInt(addr) + BigInt(symOff));
  const targets = symRe ? addresses(path, symRe) : syms?.map((one) => `${path}:${one}`);
  return { path, target, symRe: symRe || undefined, targets, cookies, fnName, pid };
}

/** Where the file can be read, a symbol that it has not is told with the nearest ones. */
function checkSymbol(path: string, sym: string): void {
  const elf = openElf(path);
  if (!elf || [...elf.symbols(), ...elf.dynamicSymbols()].some((s) => s.name === sym)) return;
  const functions = functionsIn(path, elf).map((f) => f.name);
  if (functions.includes(sym)) return;
  if (functions.length === 0)
    throw new BpfError(
      'ENOENT',
      `${path} has no symbol '${sym}': its symbol tables were stripped, and no debug file is installed; attach by addr`,
    );
  throw notFound(`symbol in ${path}`, sym, functions, 'it has');
}

/** A virtual address of a file as its position in the file. Where the file cannot be read, the number is taken as that already. */
export function atAddress(path: string, address: bigint): string {
  const elf = openElf(path);
  if (!elf) return `${path}:+${address}`;
  const offset = elf.fileOffset(address);
  if (offset === undefined)
    throw new BpfError(
      'EINVAL',
      `0x${address.toString(16)} is no address of code in ${path}: no part of the file is there`,
    );
  return `${path}:+${offset}`;
}

/** Targets of all functions whose names match from their start, each address once. */
function addresses(path: string, pattern: string): string[] {
  const regexp = new RegExp(`^(?:${pattern})`);
  const found = functionsOf(path).filter((f) => regexp.test(f.name));
  return [...new Set(found.map((f) => atAddress(path, f.address)))];
}
