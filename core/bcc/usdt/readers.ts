/**
 * The C that reads a USDT probe's arguments: one function `_bpf_readarg_FN_N(ctx, dest, len)` for each argument of each enabled probe, which
 * bpf_usdt_readarg calls. A probe with several places asks the instruction pointer where it is: by its low 12 bits where they tell the places
 * apart (pages move as a whole), else by the address in the process.
 */
import { BpfError } from '../../base/errors.ts';
import { readArgument } from './operand.ts';
import type { USDTProbe, USDTProbeLocation } from './probe.ts';

const PAGE = 4096n;

export interface ReaderSurroundings {
  /** Where in the process a virtual address of a file is; undefined when it moves and there is no process to ask. */
  globalAddress(binPath: string, address: bigint): bigint | undefined;
  /** Where in the process a symbol of a file is. */
  symbolAddress(binPath: string, name: string): bigint | undefined;
}

export function argumentReaders(probe: USDTProbe, fnName: string, where: ReaderSurroundings): string {
  const { locations } = probe;
  const pages = new Set(locations.map((l) => l.address % PAGE));
  const byPage = pages.size === locations.length;
  const label = (location: USDTProbeLocation): string => {
    if (byPage) return `0x${(location.address % PAGE).toString(16)}ULL`;
    const at = where.globalAddress(location.binPath, location.address);
    if (at === undefined)
      throw new BpfError(
        'USDT',
        `USDT probe ${probe.shortName()} has ${locations.length} places, and only a process tells where they are: give its pid`,
      );
    return `0x${at.toString(16)}ULL`;
  };
  let text = '';
  for (let n = 0; n < probe.numArguments; n++) {
    const type = probe.argumentCtype(n);
    const read = (location: USDTProbeLocation): string => {
      const argument = location.getArgument(n).argument;
      const code = readArgument(argument, `*((${type} *)dest)`, (name) => where.symbolAddress(location.binPath, name));
      if (code !== undefined) return code;
      throw new BpfError(
        'USDT',
        `argument ${n + 1} of USDT probe ${probe.shortName()} (${argument.text}) lies at a symbol of ${location.binPath}: give the pid of a process that has it mapped`,
      );
    };
    text += `static __always_inline int _bpf_readarg_${fnName}_${n + 1}(struct pt_regs *ctx, void *dest, size_t len) {\n`;
    text += `  if (len != sizeof(${type})) return -1;\n`;
    if (locations.length === 1) text += `  ${read(locations[0]!)}\n  return 0;\n}\n`;
    else {
      text += `  switch (ctx->ip${byPage ? ` % 0x${PAGE.toString(16)}ULL` : ''}) {\n`;
      for (const location of locations) text += `  case ${label(location)}: ${read(location)} return 0;\n`;
      text += '  }\n  return -1;\n}\n';
    }
  }
  return text;
}
