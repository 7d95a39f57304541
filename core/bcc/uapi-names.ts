/**
 * Names of include/uapi/linux/bpf.h that arrays of instructions are typed with: BPF_FUNC_*, BPF_MAP_TYPE_*, BPF_PROG_TYPE_*. They are derived from
 * the helper, map and program-type tables; for TypeScript, which wants static exports, they are printed to uapi.gen.ts
 * (rewrite it with `SKEP_WRITE_GEN=1 npx vitest run test/bcc/raw`).
 */
import { HELPERS } from '../helpers/index.ts';
import * as builders from '../isa/builders.ts';
import { MAP_TYPES } from '../maps/index.ts';
import { PROG_TYPES } from '../progs/index.ts';

/** Name and number of each constant, in the order of the tables. */
export function uapiNames(): readonly (readonly [name: string, value: number])[] {
  const types = (prefix: string, rows: readonly { readonly name: string; readonly id: number }[]) =>
    [...rows].sort((a, b) => a.id - b.id).map((row) => [prefix + row.name.toUpperCase(), row.id] as const);
  return [
    ...types('BPF_MAP_TYPE_', MAP_TYPES),
    ...types('BPF_PROG_TYPE_', PROG_TYPES),
    ...HELPERS.map((row) => [`BPF_FUNC_${row.name}`, row.id] as const),
  ];
}

/** Text of uapi.gen.ts. */
export function printUapi(): string {
  const lines = uapiNames().map(([name, value]) => `export const ${name} = ${value};`);
  return `/** Numbers of include/uapi/linux/bpf.h by name. Printed by uapi-names.ts from the tables; do not edit. */\n${lines.join('\n')}\n`;
}

/** Every name that an array of instructions may use, with its number or function: what Lua finds as globals. */
export function instructionNames(): ReadonlyMap<string, number | ((...args: never[]) => unknown)> {
  return new Map([...Object.entries(builders), ...uapiNames()]);
}
