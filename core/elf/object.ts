/**
 * BPF objects as clang and `skep compile` make them, read into specs: maps, global data, programs with their functions linked in, line
 * info, licence, BTF. Nothing is created; CO-RE relocations stay in the spec until a kernel's BTF is given (core-relo.ts).
 */
import { cString } from '../base/bytes.ts';
import { BpfError } from '../base/errors.ts';
import type { Btf } from '../btf/btf.ts';
import { type BtfExt, readBtfExt } from '../btf/ext.ts';
import { readBtf, withStaticFunctions } from '../btf/read.ts';
import { progTypeOfSection } from '../progs/index.ts';
import type { ObjectSpec, ProbeName, ProgSpec } from '../spec/spec.ts';
import { relocateObject } from './core-relo.ts';
import { type Kconfig, readKconfig } from './kconfig.ts';
import { type ElfFunction, Linker, R_BPF, readFunctions } from './link.ts';
import { readMapDefs } from './map-defs.ts';
import {
  ELF_MACHINE,
  ELF_TYPE,
  type ElfFile,
  type ElfSection,
  type ElfSymbol,
  readElf,
  SHT,
  STB,
  STT,
} from './read.ts';
import { structOpsTargets } from './struct-ops.ts';

/** Program type of code in a section that names none (`.text` of a plain C file, a name of the user's): whoever loads it decides. */
export const UNKNOWN_PROG_TYPE = 'unspec';

/** STV_INTERNAL and STV_HIDDEN. */
const HIDDEN: ReadonlySet<number> = new Set([1, 2]);

/** Section prefixes whose probe kind has another name in the object model. */
const PROBE_KINDS: Readonly<Record<string, string>> = {
  tp: 'tracepoint',
  raw_tp: 'raw_tracepoint',
  fentry: 'kfunc',
  fexit: 'kretfunc',
};

/**
 * Read a BPF object file. With `kernelBtf` its CO-RE relocations are resolved at once; without, they are left in `coreRelos` of
 * each program. `kconfig` tells that kernel's settings for `__kconfig` variables. Throws BpfError ELF or BTF for what is no BPF object, or a damaged one.
 */
export function readObject(
  bytes: Uint8Array,
  options: { readonly kernelBtf?: Btf; readonly kconfig?: Kconfig } = {},
): ObjectSpec {
  const elf = readElf(bytes);
  if (elf.machine !== ELF_MACHINE.BPF)
    throw new BpfError('ELF', `this is an ELF file for machine ${elf.machine}, not a BPF object (${ELF_MACHINE.BPF})`);
  if (elf.type !== ELF_TYPE.REL)
    throw new BpfError('ELF', `BPF objects are relocatable files (type 1), this one has type ${elf.type}`);
  const symbols = elf.symbols();
  const btfSection = elf.section('.BTF');
  const btf =
    btfSection && withStaticFunctions(readBtf(relocatedBtf(elf, btfSection, symbols)), hiddenFunctions(symbols));
  const extSection = elf.section('.BTF.ext');
  const ext: BtfExt = btf && extSection ? readBtfExt(extSection.data, btf) : { funcs: [], lines: [], relos: [] };
  const licenseSection = elf.section('license');
  const license = licenseSection ? cString(licenseSection.data) : '';
  const maps = readMapDefs(elf, symbols, btf);
  const functions = readFunctions(elf, symbols);
  const kconfig = readKconfig(symbols, btf, options.kconfig);
  const linker = new Linker(elf, symbols, functions, maps, btf, ext, kconfig);
  const members = structOpsTargets(elf, symbols, functions, btf);
  const progs = entriesOf(functions).map((entry): ProgSpec => {
    const { coreRelos, ...code } = linker.link(entry);
    const member = members.get(entry);
    return {
      name: entry.name,
      ...typeOf(entry.section.name),
      ...(member !== undefined && { attach: { kind: 'struct_ops', target: member } }),
      section: entry.section.name,
      ...code,
      ...(coreRelos.length > 0 ? { coreRelos } : {}),
      license,
    };
  });
  const object: ObjectSpec = {
    maps: [...maps.map((m) => m.spec), ...(kconfig ? [kconfig.spec] : [])],
    progs,
    btf,
    license,
  };
  return options.kernelBtf ? relocateObject(object, options.kernelBtf) : object;
}

/** Functions that other objects cannot see, though other files of this one could. */
function hiddenFunctions(symbols: readonly ElfSymbol[]): ReadonlySet<string> {
  const hidden = symbols.filter((s) => s.type === STT.FUNC && s.binding !== STB.LOCAL && HIDDEN.has(s.visibility));
  return new Set(hidden.map(({ name }) => name));
}

/** The .BTF bytes with the offsets of global variables filled in, which compilers leave to relocations. */
function relocatedBtf(elf: ElfFile, section: ElfSection, symbols: readonly ElfSymbol[]): Uint8Array {
  const bytes = section.data.slice();
  const view = new DataView(bytes.buffer);
  for (const rows of elf.sections.filter((s) => s.info === section.index && s.type === SHT.REL)) {
    for (const { offset, symbol, type } of elf.relocations(rows)) {
      if ((type !== R_BPF.ABS32 && type !== R_BPF.NODYLD32) || offset + 4 > bytes.length) continue;
      view.setUint32(offset, view.getUint32(offset, true) + Number(symbols[symbol]?.value ?? 0n), true);
    }
  }
  return bytes;
}

/**
 * Functions that are programs: all of named sections; those of `.text` are called by others, unless the object has nothing else
 * (a plain C file), when its global ones are programs.
 */
function entriesOf(functions: readonly ElfFunction[]): ElfFunction[] {
  const named = functions.filter((f) => f.section.name !== '.text');
  if (named.length > 0) {
    const local = named.find((f) => f.binding === STB.LOCAL);
    if (local)
      throw new BpfError(
        'ELF',
        `function '${local.name}' in section '${local.section.name}' is static: a program must be global, and functions to be called belong into .text`,
      );
    return named;
  }
  return functions.filter((f) => f.binding !== STB.LOCAL);
}

function typeOf(section: string): Pick<ProgSpec, 'type' | 'attachType' | 'attach'> {
  const match = progTypeOfSection(section);
  if (!match) return { type: UNKNOWN_PROG_TYPE };
  const attachType = match.section.attachType;
  const attach = match.section.target ? probeOf(match.section.prefix, match.target) : undefined;
  return { type: match.row.name, ...(attachType === undefined ? {} : { attachType }), ...(attach ? { attach } : {}) };
}

/** `tp/sched/sched_switch` is { kind: 'tracepoint', target: 'sched:sched_switch' }. */
function probeOf(prefix: string, target: string): ProbeName | undefined {
  if (target === '') return undefined;
  const plain = prefix.replace(/\..*$/, '');
  const kind = PROBE_KINDS[plain] ?? plain;
  return { kind, target: kind === 'tracepoint' ? target.replace('/', ':') : target };
}
