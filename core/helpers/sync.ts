/**
 * Locks in map values, timers, kernel pointers in maps. Signatures: kernel/bpf/helpers.c.
 */
import { BpfError, Unsupported } from '../base/errors.ts';
import { EBUSY, EINVAL } from '../maps/errno.ts';
import type { HelperEnv, HelperRow, RegFile } from './helper.ts';
import { returnHalves, returnNumber, u32, u64 } from './registers.ts';

/**
 * One program runs at a time, so a lock that is taken is never let go by waiting: the verifier refuses such programs,
 * and what is left is a mistake of an unverified one.
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

/** Clocks that timers may go by: realtime, monotonic, boottime. */
const TIMER_CLOCKS: readonly number[] = [0, 1, 7];
const TIMER_START_FLAGS = 3;

function timersOf(env: HelperEnv) {
  if (!env.timers) throw new Unsupported('timers in map values');
  return env.timers;
}

function timerInit(env: HelperEnv, r: RegFile) {
  const timers = timersOf(env);
  const at = u32(r, 1);
  const clock = u64(r, 3);
  if (!TIMER_CLOCKS.includes(clock)) return returnNumber(r, EINVAL);
  if (env.memory.view.getUint32(at, true) !== 0) return returnNumber(r, EBUSY);
  env.memory.view.setUint32(at, timers.create(at, u32(r, 2), clock), true);
  returnNumber(r, 0);
}

/** With the handle in the timer of argument 1; -EINVAL when it was never made. */
function withTimer(act: (timers: NonNullable<HelperEnv['timers']>, handle: number, r: RegFile) => number) {
  return (env: HelperEnv, r: RegFile) => {
    const timers = timersOf(env);
    const handle = env.memory.view.getUint32(u32(r, 1), true);
    returnNumber(r, handle === 0 ? EINVAL : act(timers, handle, r));
  };
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
    run: timerInit,
  },
  {
    id: 170,
    name: 'timer_set_callback',
    args: ['timer', 'func'],
    ret: 'integer',
    gplOnly: true,
    since: '5.15',
    progTypes: 'all',
    run: withTimer((timers, handle, r) => timers.setCallback(handle, r[4]!)),
  },
  {
    id: 171,
    name: 'timer_start',
    args: ['timer', 'anything', 'anything'],
    ret: 'integer',
    gplOnly: true,
    since: '5.15',
    progTypes: 'all',
    run: withTimer((timers, handle, r) =>
      u64(r, 3) > TIMER_START_FLAGS ? EINVAL : timers.start(handle, r[4]!, r[5]!, u32(r, 3)),
    ),
  },
  {
    id: 172,
    name: 'timer_cancel',
    args: ['timer'],
    ret: 'integer',
    gplOnly: true,
    since: '5.15',
    progTypes: 'all',
    run: withTimer((timers, handle) => timers.cancel(handle)),
  },
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
