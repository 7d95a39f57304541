/**
 * Perf events: records to a perf_event_array's rings, counters, branch records (which no machine here takes: -ENOENT).
 * Signatures: kernel/trace/bpf_trace.c.
 */
import { EFAULT, EINVAL, ENOENT, EOPNOTSUPP } from '../maps/errno.ts';
import { type PerfCounter, PerfEventArrayMap } from '../maps/perf-event-array.ts';
import type { HelperEnv, HelperRow, RegFile } from './helper.ts';
import { mapArgument } from './map.ts';
import { packetLength } from './packet.ts';
import { returnHalves, returnNumber, u32, u64 } from './registers.ts';

/** Largest BPF_F_CTXLEN_MASK value. */
const CTXLEN_MAX = 0xfffff;

/**
 * Output to the ring that the low half of the flags (argument 3) names: an index, or the current CPU. Programs on
 * packets may ask for the first bytes of the packet behind the data: bits 32 to 51 of the flags.
 */
function perfEventOutput(env: HelperEnv, r: RegFile) {
  const map = mapArgument(env, r, 2);
  const packetBytes = r[7]! >>> 0;
  if (!(map instanceof PerfEventArrayMap)) return returnNumber(r, EINVAL);
  const { packet } = env;
  if (packetBytes > (packet ? CTXLEN_MAX : 0)) return returnNumber(r, EINVAL);
  if (packet && packetBytes > packetLength(packet)) return returnNumber(r, EFAULT);
  returnNumber(r, map.output(u32(r, 3), u32(r, 4), u32(r, 5), packet?.data ?? 0, packetBytes));
}

function counterOf(env: HelperEnv, r: RegFile): PerfCounter | number {
  const map = mapArgument(env, r);
  if (r[5] !== 0 || !(map instanceof PerfEventArrayMap)) return EINVAL;
  return map.counter(u32(r, 2));
}

function perfEventRead(env: HelperEnv, r: RegFile) {
  const counter = counterOf(env, r);
  if (typeof counter === 'number') return returnNumber(r, counter);
  const [lo, hi] = counter.read().value;
  returnHalves(r, lo, hi);
}

/** struct bpf_perf_event_value: three u64, of exactly that size; zeros with every error. */
function storeCounter(env: HelperEnv, r: RegFile, counter: PerfCounter | number, to: number, size: number) {
  const { u8, view } = env.memory;
  const error = size !== 24 ? EINVAL : typeof counter === 'number' ? counter : 0;
  if (error !== 0 || typeof counter === 'number') {
    u8.fill(0, to, to + size);
  } else {
    const { value, enabled, running } = counter.read();
    [value, enabled, running].forEach(([lo, hi], i) => {
      view.setInt32(to + 8 * i, lo, true);
      view.setInt32(to + 8 * i + 4, hi, true);
    });
  }
  returnNumber(r, error);
}

export const PERF_HELPERS = [
  {
    id: 22,
    name: 'perf_event_read',
    args: ['const_map_ptr', 'anything'],
    ret: 'integer',
    gplOnly: true,
    since: '4.3',
    progTypes: 'all',
    before: { kernel: '6.16', progTypes: ['all_tracing'] },
    run: perfEventRead,
  },
  {
    id: 25,
    name: 'perf_event_output',
    args: ['ctx', 'const_map_ptr', 'anything', 'mem', 'const_size_or_zero'],
    ret: 'integer',
    gplOnly: true,
    since: '4.4',
    progTypes: ['all_tracing', 'socket', 'cgroup_device', 'cgroup_sock', 'cgroup_sockopt', 'cgroup_sysctl'],
    run: perfEventOutput,
  },
  {
    id: 55,
    name: 'perf_event_read_value',
    args: ['const_map_ptr', 'anything', 'uninit_mem', 'const_size'],
    ret: 'integer',
    gplOnly: true,
    since: '4.15',
    progTypes: 'all',
    before: { kernel: '6.16', progTypes: ['all_tracing'] },
    run: (env: HelperEnv, r: RegFile) => storeCounter(env, r, counterOf(env, r), u32(r, 3), u32(r, 4)),
  },
  {
    id: 56,
    name: 'perf_prog_read_value',
    args: ['ctx', 'uninit_mem', 'const_size'],
    ret: 'integer',
    gplOnly: true,
    since: '4.15',
    progTypes: ['perf_event'],
    run: (env: HelperEnv, r: RegFile) =>
      storeCounter(env, r, env.programCounter?.() ?? EOPNOTSUPP, u32(r, 2), u32(r, 3)),
  },
  {
    id: 111,
    name: 'skb_output',
    args: ['btf_id', 'const_map_ptr', 'anything', 'mem', 'const_size_or_zero'],
    ret: 'integer',
    gplOnly: true,
    since: '5.5',
    progTypes: ['lsm', 'syscall', 'tracing'],
    argBtf: { 1: 'sk_buff' },
  },
  {
    id: 119,
    name: 'read_branch_records',
    args: ['ctx', 'mem_write_or_null', 'const_size_or_zero', 'anything'],
    ret: 'integer',
    gplOnly: true,
    since: '5.6',
    progTypes: ['perf_event'],
    run: (_env: HelperEnv, r: RegFile) => returnNumber(r, u64(r, 4) > 1 ? EINVAL : ENOENT),
  },
  {
    id: 121,
    name: 'xdp_output',
    args: ['btf_id', 'const_map_ptr', 'anything', 'mem', 'const_size_or_zero'],
    ret: 'integer',
    gplOnly: true,
    since: '5.6',
    progTypes: ['lsm', 'syscall', 'tracing'],
    argBtf: { 1: 'xdp_buff' },
  },
  {
    id: 176,
    name: 'get_branch_snapshot',
    args: ['uninit_mem', 'const_size_or_zero'],
    ret: 'integer',
    gplOnly: true,
    since: '5.16',
    progTypes: 'all',
    before: { kernel: '6.16', progTypes: ['all_tracing'] },
    run: (_env: HelperEnv, r: RegFile) => returnNumber(r, u64(r, 3) !== 0 ? EINVAL : ENOENT),
  },
] as const satisfies readonly HelperRow[];
