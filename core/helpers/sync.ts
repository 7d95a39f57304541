/**
 * Locks in map values, timers, kernel pointers in maps. Signatures: kernel/bpf/helpers.c.
 */
import { BpfError } from '../base/errors.ts';
import type { HelperEnv, HelperRow, RegFile } from './helper.ts';
import { returnHalves, u32 } from './registers.ts';

/**
 * One program runs at a time, so a lock that is taken is never let go by waiting: the verifier refuses such programs, and what is left is a
 * mistake of an unverified one.
 */
function spinLock(env: HelperEnv, r: RegFile) {
  const { view } = env.memory;
  if (view.getUint32(u32(r, 1), true) !== 0) throw new BpfError('EDEADLK', 'spin_lock: the lock is already held');
  view.setUint32(u32(r, 1), 1, true);
}

function spinUnlock(env: HelperEnv, r: RegFile) {
  env.memory.view.setUint32(u32(r, 1), 0, true);
}

/** Put a pointer into a map value; the one that was there is the caller's now. */
function kptrXchg(env: HelperEnv, r: RegFile) {
  const { view } = env.memory;
  const at = u32(r, 1);
  const [lo, hi] = [view.getInt32(at, true), view.getInt32(at + 4, true)];
  view.setInt32(at, r[4]!, true);
  view.setInt32(at + 4, r[5]!, true);
  returnHalves(r, lo, hi);
}

export const SYNC_HELPERS = [
  { id: 93, name: 'spin_lock', args: ['spin_lock'], ret: 'void', since: '5.1', progTypes: 'all', run: spinLock },
  { id: 94, name: 'spin_unlock', args: ['spin_lock'], ret: 'void', since: '5.1', progTypes: 'all', run: spinUnlock },
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
    run: kptrXchg,
  },
] as const satisfies readonly HelperRow[];
