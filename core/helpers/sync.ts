/**
 * Locks in map values, timers, kernel pointers in maps. Signatures: kernel/bpf/helpers.c.
 */
import type { HelperRow } from './helper.ts';

export const SYNC_HELPERS = [
  { id: 93, name: 'spin_lock', args: ['spin_lock'], ret: 'void', since: '5.1', progTypes: 'all' },
  { id: 94, name: 'spin_unlock', args: ['spin_lock'], ret: 'void', since: '5.1', progTypes: 'all' },
  {
    id: 169,
    name: 'timer_init',
    args: ['timer', 'const_map_ptr', 'anything'],
    ret: 'integer',
    gplOnly: true,
    since: '5.15',
    progTypes: 'all',
  },
  {
    id: 170,
    name: 'timer_set_callback',
    args: ['timer', 'func'],
    ret: 'integer',
    gplOnly: true,
    since: '5.15',
    progTypes: 'all',
  },
  {
    id: 171,
    name: 'timer_start',
    args: ['timer', 'anything', 'anything'],
    ret: 'integer',
    gplOnly: true,
    since: '5.15',
    progTypes: 'all',
  },
  { id: 172, name: 'timer_cancel', args: ['timer'], ret: 'integer', gplOnly: true, since: '5.15', progTypes: 'all' },
  {
    id: 194,
    name: 'kptr_xchg',
    args: ['kptr', 'btf_id_or_null'],
    ret: 'btf_id_or_null',
    since: '5.19',
    progTypes: 'all',
    releases: 2,
    acquires: true,
  },
] as const satisfies readonly HelperRow[];
