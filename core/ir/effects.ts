/**
 * What calls do to memory, as far as passes may rely on it. A helper that is not named here may read and write whatever it can reach: the
 * memory of its pointer arguments, everything that is not the program's stack, and stack whose address was stored somewhere.
 */
import type { Inst } from './ir.ts';

/** `reads`: its pointer arguments are only read. `fills`: argument n is written whole for the size in argument m, never read. `quiet`: nothing else changes. */
interface Effect {
  readonly names: readonly string[];
  readonly reads?: boolean;
  readonly fills?: { readonly pointer: number; readonly size: number };
  readonly quiet?: boolean;
}

const EFFECTS: readonly Effect[] = [
  {
    names: [
      'map_lookup_elem',
      'map_lookup_percpu_elem',
      'trace_printk',
      'trace_vprintk',
      'perf_event_output',
      'ringbuf_output',
      'skb_output',
      'xdp_output',
      'ringbuf_query',
      'get_stackid',
      'probe_write_user',
      'csum_diff',
      'current_task_under_cgroup',
      'strncmp',
      'tail_call',
    ],
    reads: true,
    quiet: true,
  },
  {
    names: [
      'map_update_elem',
      'map_delete_elem',
      'map_push_elem',
      'ringbuf_submit',
      'ringbuf_discard',
      'ringbuf_reserve',
    ],
    reads: true,
  },
  {
    names: [
      'ktime_get_ns',
      'ktime_get_boot_ns',
      'ktime_get_coarse_ns',
      'ktime_get_tai_ns',
      'jiffies64',
      'get_prandom_u32',
      'get_smp_processor_id',
      'get_numa_node_id',
      'get_current_pid_tgid',
      'get_current_uid_gid',
      'get_current_task',
      'get_current_task_btf',
      'get_current_cgroup_id',
      'get_current_ancestor_cgroup_id',
      'get_func_ip',
      'get_attach_cookie',
      'get_cgroup_classid',
      'task_pt_regs',
      'this_cpu_ptr',
      'per_cpu_ptr',
      'get_socket_cookie',
      'get_socket_uid',
    ],
    reads: true,
    quiet: true,
  },
  {
    names: ['probe_read', 'probe_read_kernel', 'probe_read_user', 'get_current_comm'],
    fills: { pointer: 0, size: 1 },
    quiet: true,
  },
];

const BY_NAME = new Map(EFFECTS.flatMap((e) => e.names.map((n) => [n, e] as const)));

function effectOf(call: Inst): Effect | undefined {
  return call.op === 'callhelper' ? BY_NAME.get(call.name) : undefined;
}

/** Can the call write through its argument `n`? */
export function writesArgument(call: Inst, n: number): boolean {
  const e = effectOf(call);
  return !(e?.reads || (e?.fills && e.fills.pointer !== n));
}

/** Can the call read through its argument `n`? */
export function readsArgument(call: Inst, n: number): boolean {
  return effectOf(call)?.fills?.pointer !== n;
}

/** Can the call change memory that is none of its arguments'? */
export function changesOther(call: Inst): boolean {
  return !effectOf(call)?.quiet;
}

/** Bytes that argument `n` surely has written after the call, when that is known. */
export function fills(call: Inst, n: number): number | undefined {
  const f = effectOf(call)?.fills;
  const size = f && call.args[f.size];
  return f?.pointer === n && size?.op === 'const' && size.value >= 0n ? Number(size.value) : undefined;
}
