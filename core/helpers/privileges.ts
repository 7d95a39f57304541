/**
 * Helpers of bpf_base_func_proto that only privileged users' programs may call (kernel/bpf/helpers.c): the lists behind its two
 * capability checks. What other program types add has no such check of its own; only socket_filter and cgroup_skb can be loaded without
 * privileges at all.
 */
const NEED_CAP_BPF = [
  ...['spin_lock', 'spin_unlock', 'jiffies64', 'per_cpu_ptr', 'this_cpu_ptr', 'timer_init', 'timer_set_callback'],
  ...['timer_start', 'timer_cancel', 'kptr_xchg', 'for_each_map_elem', 'loop', 'user_ringbuf_drain'],
  ...['ringbuf_reserve_dynptr', 'ringbuf_submit_dynptr', 'ringbuf_discard_dynptr'],
  ...['dynptr_from_mem', 'dynptr_read', 'dynptr_write', 'dynptr_data', 'cgrp_storage_get', 'cgrp_storage_delete'],
  ...['get_current_cgroup_id', 'get_current_ancestor_cgroup_id'],
] as const;

const NEED_CAP_PERFMON = [
  ...['trace_printk', 'get_current_task', 'get_current_task_btf', 'probe_read_user', 'probe_read_kernel'],
  ...['probe_read_user_str', 'probe_read_kernel_str', 'snprintf_btf', 'snprintf', 'task_pt_regs', 'trace_vprintk'],
] as const;

const needing: ReadonlySet<string> = new Set([...NEED_CAP_BPF, ...NEED_CAP_PERFMON]);

/** Names whose helpers unprivileged programs do not have. */
export function needsPrivileges(name: string): boolean {
  return needing.has(name);
}

export const PRIVILEGED_HELPERS: readonly string[] = [...needing];
