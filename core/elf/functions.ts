/** Functions of a program or library by its symbol tables: what uprobes can name. */
import { ELF_TYPE, type ElfFile, SHN, STT } from './read.ts';

export interface UserFunction {
  readonly name: string;
  /** Virtual address of the file. */
  readonly address: bigint;
  readonly size: number;
}

/** Defined functions, of both symbol tables; one name and address once. Indirect functions (ifunc) too: their resolver is code. */
export function userFunctions(elf: ElfFile): UserFunction[] {
  const seen = new Set<string>();
  const out: UserFunction[] = [];
  for (const symbol of [...elf.symbols(), ...elf.dynamicSymbols()]) {
    if (symbol.type !== STT.FUNC && symbol.type !== STT.GNU_IFUNC) continue;
    if (symbol.section === SHN.UNDEF || symbol.name === '' || symbol.value === 0n) continue;
    const key = `${symbol.name}@${symbol.value}`;
    if (seen.has(key)) continue;
    seen.add(key);
    out.push({ name: symbol.name, address: symbol.value, size: symbol.size });
  }
  return out;
}

/** Is this a program or library that processes map (and not a relocatable object)? */
export function isMappable(elf: ElfFile): boolean {
  return elf.type === ELF_TYPE.EXEC || elf.type === ELF_TYPE.DYN;
}
