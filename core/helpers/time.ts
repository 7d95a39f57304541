/**
 * Clocks. Signatures: kernel/bpf/helpers.c; jiffies are CONFIG_HZ ticks since INITIAL_JIFFIES
 * (include/linux/jiffies.h).
 */
import type { HelperEnv, HelperRow, RegFile } from './helper.ts';
import { returnHalves, returnNumber } from './registers.ts';

/** CONFIG_HZ of the model (Debian's and Ubuntu's kernels). */
export const HZ = 250;
/** Jiffies start five minutes before they overflow 32 bits, so that overflow bugs show. */
const INITIAL_JIFFIES = 2 ** 32 - 300 * HZ;

function now(clock: 'monotonic' | 'boottime' | 'tai') {
  return (env: HelperEnv, r: RegFile) => {
    const [lo, hi] = env.now(clock);
    returnHalves(r, lo, hi);
  };
}

/** Nanoseconds as a number: exact to 2^53 and then to a few ns, which a tick of 4 ms does not notice. */
function ticks(env: HelperEnv): number {
  const [lo, hi] = env.now('monotonic');
  return Math.floor(((hi >>> 0) * 0x100000000 + (lo >>> 0)) / (1e9 / HZ));
}

export const TIME_HELPERS = [
  {
    id: 5,
    name: 'ktime_get_ns',
    args: [],
    ret: 'integer',
    since: '4.1',
    progTypes: ['all', 'lirc_mode2'],
    run: now('monotonic'),
  },
  {
    id: 118,
    name: 'jiffies64',
    args: [],
    ret: 'integer',
    since: '5.5',
    progTypes: 'all',
    run: (env: HelperEnv, r: RegFile) => returnNumber(r, INITIAL_JIFFIES + ticks(env)),
  },
  {
    id: 125,
    name: 'ktime_get_boot_ns',
    args: [],
    ret: 'integer',
    since: '5.8',
    progTypes: ['all', 'lirc_mode2'],
    run: now('boottime'),
  },
  {
    id: 160,
    name: 'ktime_get_coarse_ns',
    args: [],
    ret: 'integer',
    since: '5.11',
    progTypes: [
      'lwt',
      'tc',
      'cgroup_skb',
      'cgroup_sock',
      'cgroup_sock_addr',
      'cgroup_sysctl',
      'flow_dissector',
      'sk_lookup',
      'sk_msg',
      'sk_reuseport',
      'sk_skb',
      'sock_ops',
      'socket_filter',
      'struct_ops',
      'xdp',
    ],
    run: (env: HelperEnv, r: RegFile) => returnNumber(r, ticks(env) * (1e9 / HZ)),
  },
  { id: 208, name: 'ktime_get_tai_ns', args: [], ret: 'integer', since: '6.1', progTypes: 'all', run: now('tai') },
] as const satisfies readonly HelperRow[];
