/**
 * Strings and numbers. Signatures: kernel/bpf/helpers.c.
 */
import type { HelperRow } from './helper.ts';

export const STRING_HELPERS = [
  {
    id: 105,
    name: 'strtol',
    args: ['mem', 'const_size', 'anything', 'ptr_to_long'],
    ret: 'integer',
    since: '5.2',
    progTypes: 'all',
  },
  {
    id: 106,
    name: 'strtoul',
    args: ['mem', 'const_size', 'anything', 'ptr_to_long'],
    ret: 'integer',
    since: '5.2',
    progTypes: 'all',
  },
  {
    id: 182,
    name: 'strncmp',
    args: ['mem', 'const_size', 'const_str'],
    ret: 'integer',
    since: '5.17',
    progTypes: 'all',
  },
] as const satisfies readonly HelperRow[];
