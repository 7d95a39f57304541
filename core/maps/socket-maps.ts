/**
 * Maps of sockets: sockmap, sockhash (net/core/sock_map.c), reuseport_sockarray (kernel/bpf/reuseport_array.c). Known
 * with their rules; nothing here holds sockets yet.
 */
import { checkArray } from './array.ts';
import { BPF_F_NUMA_NODE, BPF_F_RDONLY, BPF_F_WRONLY, checkFlags, checkSizes, type Refusal } from './flags.ts';
import type { MapAttrs, MapTypeRow } from './map.ts';

const FLAGS = BPF_F_NUMA_NODE | BPF_F_RDONLY | BPF_F_WRONLY;

/** A descriptor (4 bytes) or room for a cookie (8). */
function checkValue(attrs: MapAttrs): Refusal {
  return attrs.valueSize === 4 || attrs.valueSize === 8
    ? undefined
    : `EINVAL: value size of a ${attrs.type} map must be 4 or 8, not ${attrs.valueSize}`;
}

export const SOCKMAP = {
  id: 15,
  name: 'sockmap',
  since: '4.14',
  check: (attrs) =>
    checkSizes(attrs, { keySize: 4, maxEntries: 'some' }) ??
    (attrs.maxEntries > 0x7fffffff ? `EINVAL: max_entries ${attrs.maxEntries} is above 2^31 - 1` : undefined) ??
    checkValue(attrs) ??
    checkFlags(attrs, FLAGS),
} as const satisfies MapTypeRow;

export const SOCKHASH = {
  id: 18,
  name: 'sockhash',
  since: '4.18',
  check: (attrs) =>
    checkSizes(attrs, { keySize: 'some', maxEntries: 'some' }) ??
    checkValue(attrs) ??
    checkFlags(attrs, FLAGS) ??
    (attrs.keySize > 512 ? `E2BIG: a key of a sockhash map has at most 512 bytes, not ${attrs.keySize}` : undefined),
} as const satisfies MapTypeRow;

export const REUSEPORT_SOCKARRAY = {
  id: 20,
  name: 'reuseport_sockarray',
  since: '4.19',
  check: (attrs) => checkValue(attrs) ?? checkArray(attrs),
} as const satisfies MapTypeRow;
