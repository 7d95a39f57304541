/** The numbers of BTF: its magic, its kinds, what linkage means (include/uapi/linux/btf.h). */
import type { BtfKind } from './btf.ts';

export const BTF_MAGIC = 0xeb9f;
export const BTF_HEADER_SIZE = 24;

/**
 * The kinds by number. A record is three words (name, info, size or type), then `fixed` words, then `each` words for every
 * one of the `vlen` things that `info` counts.
 */
export const BTF_KINDS = [
  { kind: 'void', fixed: 0, each: 0 },
  { kind: 'int', fixed: 1, each: 0 },
  { kind: 'ptr', fixed: 0, each: 0 },
  { kind: 'array', fixed: 3, each: 0 },
  { kind: 'struct', fixed: 0, each: 3 },
  { kind: 'union', fixed: 0, each: 3 },
  { kind: 'enum', fixed: 0, each: 2 },
  { kind: 'fwd', fixed: 0, each: 0 },
  { kind: 'typedef', fixed: 0, each: 0 },
  { kind: 'volatile', fixed: 0, each: 0 },
  { kind: 'const', fixed: 0, each: 0 },
  { kind: 'restrict', fixed: 0, each: 0 },
  { kind: 'func', fixed: 0, each: 0 },
  { kind: 'func_proto', fixed: 0, each: 2 },
  { kind: 'var', fixed: 1, each: 0 },
  { kind: 'datasec', fixed: 0, each: 3 },
  { kind: 'float', fixed: 0, each: 0 },
  { kind: 'decl_tag', fixed: 1, each: 0 },
  { kind: 'type_tag', fixed: 0, each: 0 },
  { kind: 'enum64', fixed: 0, each: 3 },
] as const satisfies readonly { kind: BtfKind; fixed: number; each: number }[];

/** Number of a kind, as in the file. */
export const BTF_KIND_ID = Object.fromEntries(BTF_KINDS.map((row, id) => [row.kind, id])) as Record<BtfKind, number>;

/** Linkage of functions and variables, by number. */
export const BTF_LINKAGE = ['static', 'global', 'extern'] as const;
