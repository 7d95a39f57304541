/**
 * THE KFUNC TABLE: kernel functions that programs may call by BTF id (`call` with src 2). Their prototypes are in the kernel's BTF; what BTF does
 * not say is here: the flags a function was registered with, and for which program types. Sources: the BTF_ID_FLAGS lists of
 * kernel/bpf/{helpers,cpumask,arena,crypto,map_iter,rqspinlock}.c, fs/bpf_fs_kfuncs.c, net/core/{filter,xdp}.c, net/netfilter/nf_conntrack_bpf.c,
 * include/linux/btf.h (KF_*), as of Linux 6.18.
 */

/** What a call asks and promises (include/linux/btf.h). */
export type KfuncFlag =
  /** The result is a reference that must be given back. */
  | 'acquire'
  /** An argument's reference is given back. */
  | 'release'
  /** The result may be null. */
  | 'ret_null'
  /** Pointer arguments must be trusted and not null. */
  | 'trusted'
  /** Pointer arguments must be trusted or protected by RCU, and not null. */
  | 'rcu'
  | 'sleepable'
  | 'destructive'
  | 'iter_new'
  | 'iter_next'
  | 'iter_destroy'
  /** An iterator whose results live as long as the RCU read section it was made in. */
  | 'rcu_protected';

export interface KfuncRow {
  readonly name: string;
  readonly flags: ReadonlySet<KfuncFlag>;
  /** Program types that may call it; 'all' for any. */
  readonly progTypes: 'all' | readonly string[];
  /** Attach types that may call it, where that is restricted. */
  readonly attachTypes?: readonly string[] | undefined;
}

/** Functions registered together; flags as words, '' for none. */
interface KfuncSet {
  readonly progTypes: 'all' | readonly string[];
  readonly attachTypes?: readonly string[];
  readonly funcs: { readonly [name: string]: string };
}

const TRACING = ['tracing', 'tracepoint', 'perf_event', 'lsm'];
const CGROUP = [
  'cgroup_skb',
  'cgroup_sock',
  'cgroup_device',
  'cgroup_sock_addr',
  'cgroup_sockopt',
  'cgroup_sysctl',
  'sock_ops',
];
const LWT = ['lwt_in', 'lwt_out', 'lwt_xmit', 'lwt_seg6local'];
const SKB = ['sched_cls', 'sched_act', 'sk_skb', 'socket_filter', ...CGROUP, ...LWT, 'netfilter', ...TRACING];
const CT = ['xdp', 'sched_cls'];

const SETS: readonly KfuncSet[] = [
  {
    progTypes: 'all',
    funcs: {
      bpf_cast_to_kern_ctx: '',
      bpf_rdonly_cast: '',
      bpf_rcu_read_lock: '',
      bpf_rcu_read_unlock: '',
      bpf_dynptr_slice: 'ret_null',
      bpf_dynptr_slice_rdwr: 'ret_null',
      bpf_iter_num_new: 'iter_new',
      bpf_iter_num_next: 'iter_next ret_null',
      bpf_iter_num_destroy: 'iter_destroy',
      bpf_iter_task_vma_new: 'iter_new rcu',
      bpf_iter_task_vma_next: 'iter_next ret_null',
      bpf_iter_task_vma_destroy: 'iter_destroy',
      bpf_iter_css_task_new: 'iter_new trusted',
      bpf_iter_css_task_next: 'iter_next ret_null',
      bpf_iter_css_task_destroy: 'iter_destroy',
      bpf_iter_css_new: 'iter_new trusted rcu_protected',
      bpf_iter_css_next: 'iter_next ret_null',
      bpf_iter_css_destroy: 'iter_destroy',
      bpf_iter_task_new: 'iter_new trusted rcu_protected',
      bpf_iter_task_next: 'iter_next ret_null',
      bpf_iter_task_destroy: 'iter_destroy',
      bpf_dynptr_adjust: '',
      bpf_dynptr_is_null: '',
      bpf_dynptr_is_rdonly: '',
      bpf_dynptr_size: '',
      bpf_dynptr_clone: '',
      bpf_dynptr_copy: '',
      bpf_dynptr_memset: '',
      bpf_wq_init: '',
      bpf_wq_set_callback_impl: '',
      bpf_wq_start: '',
      bpf_preempt_disable: '',
      bpf_preempt_enable: '',
      bpf_iter_bits_new: 'iter_new',
      bpf_iter_bits_next: 'iter_next ret_null',
      bpf_iter_bits_destroy: 'iter_destroy',
      bpf_copy_from_user_str: 'sleepable',
      bpf_copy_from_user_task_str: 'sleepable',
      bpf_get_kmem_cache: '',
      bpf_iter_kmem_cache_new: 'iter_new sleepable',
      bpf_iter_kmem_cache_next: 'iter_next ret_null sleepable',
      bpf_iter_kmem_cache_destroy: 'iter_destroy sleepable',
      bpf_local_irq_save: '',
      bpf_local_irq_restore: '',
      bpf_probe_read_user_dynptr: '',
      bpf_probe_read_kernel_dynptr: '',
      bpf_probe_read_user_str_dynptr: '',
      bpf_probe_read_kernel_str_dynptr: '',
      bpf_copy_from_user_dynptr: 'sleepable',
      bpf_copy_from_user_str_dynptr: 'sleepable',
      bpf_copy_from_user_task_dynptr: 'sleepable trusted',
      bpf_copy_from_user_task_str_dynptr: 'sleepable trusted',
      bpf_iter_dmabuf_new: 'iter_new sleepable',
      bpf_iter_dmabuf_next: 'iter_next ret_null sleepable',
      bpf_iter_dmabuf_destroy: 'iter_destroy sleepable',
      __bpf_trap: '',
      bpf_modify_return_test_tp: '',
      bpf_strcmp: '',
      bpf_strcasecmp: '',
      bpf_strchr: '',
      bpf_strchrnul: '',
      bpf_strnchr: '',
      bpf_strrchr: '',
      bpf_strlen: '',
      bpf_strnlen: '',
      bpf_strspn: '',
      bpf_strcspn: '',
      bpf_strstr: '',
      bpf_strnstr: '',
      bpf_cgroup_read_xattr: 'rcu',
      bpf_stream_vprintk_impl: 'trusted',
      bpf_task_work_schedule_signal_impl: 'trusted',
      bpf_task_work_schedule_resume_impl: 'trusted',
      bpf_arena_alloc_pages: 'trusted sleepable',
      bpf_arena_free_pages: 'trusted sleepable',
      bpf_arena_reserve_pages: 'trusted',
      bpf_map_sum_elem_count: 'trusted',
      bpf_res_spin_lock: 'ret_null',
      bpf_res_spin_unlock: '',
      bpf_res_spin_lock_irqsave: 'ret_null',
      bpf_res_spin_unlock_irqrestore: '',
    },
  },
  {
    progTypes: [...TRACING, 'sched_cls', 'xdp', 'struct_ops', 'syscall', ...CGROUP],
    funcs: {
      crash_kexec: 'destructive',
      bpf_obj_new_impl: 'acquire ret_null',
      bpf_percpu_obj_new_impl: 'acquire ret_null',
      bpf_obj_drop_impl: 'release',
      bpf_percpu_obj_drop_impl: 'release',
      bpf_refcount_acquire_impl: 'acquire ret_null rcu',
      bpf_list_push_front_impl: '',
      bpf_list_push_back_impl: '',
      bpf_list_pop_front: 'acquire ret_null',
      bpf_list_pop_back: 'acquire ret_null',
      bpf_list_front: 'ret_null',
      bpf_list_back: 'ret_null',
      bpf_task_acquire: 'acquire rcu ret_null',
      bpf_task_release: 'release',
      bpf_rbtree_remove: 'acquire ret_null',
      bpf_rbtree_add_impl: '',
      bpf_rbtree_first: 'ret_null',
      bpf_rbtree_root: 'ret_null',
      bpf_rbtree_left: 'ret_null',
      bpf_rbtree_right: 'ret_null',
      bpf_cgroup_acquire: 'acquire rcu ret_null',
      bpf_cgroup_release: 'release',
      bpf_cgroup_ancestor: 'acquire rcu ret_null',
      bpf_cgroup_from_id: 'acquire ret_null',
      bpf_task_under_cgroup: 'rcu',
      bpf_task_get_cgroup1: 'acquire rcu ret_null',
      bpf_task_from_pid: 'acquire ret_null',
      bpf_task_from_vpid: 'acquire ret_null',
      bpf_throw: '',
      bpf_send_signal_task: 'trusted',
    },
  },
  {
    progTypes: [...TRACING, 'struct_ops', 'syscall'],
    funcs: {
      bpf_cpumask_create: 'acquire ret_null',
      bpf_cpumask_release: 'release',
      bpf_cpumask_acquire: 'acquire trusted',
      bpf_cpumask_first: 'rcu',
      bpf_cpumask_first_zero: 'rcu',
      bpf_cpumask_first_and: 'rcu',
      bpf_cpumask_set_cpu: 'rcu',
      bpf_cpumask_clear_cpu: 'rcu',
      bpf_cpumask_test_cpu: 'rcu',
      bpf_cpumask_test_and_set_cpu: 'rcu',
      bpf_cpumask_test_and_clear_cpu: 'rcu',
      bpf_cpumask_setall: 'rcu',
      bpf_cpumask_clear: 'rcu',
      bpf_cpumask_and: 'rcu',
      bpf_cpumask_or: 'rcu',
      bpf_cpumask_xor: 'rcu',
      bpf_cpumask_equal: 'rcu',
      bpf_cpumask_intersects: 'rcu',
      bpf_cpumask_subset: 'rcu',
      bpf_cpumask_empty: 'rcu',
      bpf_cpumask_full: 'rcu',
      bpf_cpumask_copy: 'rcu',
      bpf_cpumask_any_distribute: 'rcu',
      bpf_cpumask_any_and_distribute: 'rcu',
      bpf_cpumask_weight: 'rcu',
      bpf_cpumask_populate: 'rcu',
    },
  },
  {
    progTypes: [...TRACING, 'syscall'],
    funcs: {
      css_rstat_updated: '',
      css_rstat_flush: 'sleepable',
      bpf_lookup_user_key: 'acquire ret_null sleepable',
      bpf_lookup_system_key: 'acquire ret_null',
      bpf_key_put: 'release',
    },
  },
  { progTypes: ['sched_cls', 'sched_act', 'xdp'], funcs: { bpf_crypto_decrypt: 'rcu', bpf_crypto_encrypt: 'rcu' } },
  {
    progTypes: ['syscall'],
    funcs: {
      bpf_crypto_ctx_create: 'acquire ret_null sleepable',
      bpf_crypto_ctx_release: 'release',
      bpf_crypto_ctx_acquire: 'acquire rcu ret_null',
    },
  },
  { progTypes: SKB, funcs: { bpf_dynptr_from_skb: 'trusted' } },
  { progTypes: ['sched_cls', 'sched_act'], funcs: { bpf_dynptr_from_skb_meta: 'trusted' } },
  { progTypes: ['xdp'], funcs: { bpf_dynptr_from_xdp: '', bpf_xdp_pull_data: '' } },
  { progTypes: CGROUP, funcs: { bpf_sock_addr_set_sun_path: '', bpf_sock_ops_enable_tx_tstamp: 'trusted' } },
  { progTypes: ['sched_cls'], funcs: { bpf_sk_assign_tcp_reqsk: 'trusted' } },
  { progTypes: TRACING, attachTypes: ['trace_iter'], funcs: { bpf_sock_destroy: 'trusted' } },
  {
    progTypes: ['xdp'],
    funcs: {
      bpf_xdp_metadata_rx_timestamp: 'trusted',
      bpf_xdp_metadata_rx_hash: 'trusted',
      bpf_xdp_metadata_rx_vlan_tag: 'trusted',
      bpf_xdp_get_xfrm_state: 'ret_null acquire',
      bpf_xdp_xfrm_state_release: 'release',
      bpf_xdp_ct_alloc: 'acquire ret_null',
      bpf_xdp_ct_lookup: 'acquire ret_null',
    },
  },
  {
    progTypes: ['sched_cls'],
    funcs: { bpf_skb_ct_alloc: 'acquire ret_null', bpf_skb_ct_lookup: 'acquire ret_null' },
  },
  {
    progTypes: CT,
    funcs: {
      bpf_ct_insert_entry: 'acquire ret_null release',
      bpf_ct_release: 'release',
      bpf_ct_set_timeout: 'trusted',
      bpf_ct_change_timeout: 'trusted',
      bpf_ct_set_status: 'trusted',
      bpf_ct_change_status: 'trusted',
      bpf_ct_set_nat_info: 'trusted',
    },
  },
  {
    progTypes: ['lsm'],
    funcs: {
      bpf_get_task_exe_file: 'acquire trusted ret_null',
      bpf_put_file: 'release',
      bpf_path_d_path: 'trusted',
      bpf_get_dentry_xattr: 'sleepable trusted',
      bpf_get_file_xattr: 'sleepable trusted',
      bpf_set_dentry_xattr: 'sleepable trusted',
      bpf_remove_dentry_xattr: 'sleepable trusted',
    },
  },
  {
    progTypes: ['kprobe'],
    attachTypes: ['trace_kprobe_session', 'trace_uprobe_session'],
    funcs: { bpf_session_is_return: '', bpf_session_cookie: '' },
  },
  {
    progTypes: ['sched_cls', ...TRACING, 'syscall'],
    funcs: { bpf_kfunc_call_test_release: 'release', bpf_kfunc_call_memb_release: 'release' },
  },
  {
    progTypes: ['struct_ops'],
    funcs: {
      tcp_reno_ssthresh: '',
      tcp_reno_cong_avoid: '',
      tcp_reno_undo_cwnd: '',
      tcp_slow_start: '',
      tcp_cong_avoid_ai: '',
      cubictcp_init: '',
      cubictcp_recalc_ssthresh: '',
      cubictcp_cong_avoid: '',
      cubictcp_state: '',
      cubictcp_cwnd_event: '',
      cubictcp_acked: '',
    },
  },
];

/** Every row; a function in several sets has its program types joined. */
export const KFUNCS: readonly KfuncRow[] = SETS.flatMap(({ progTypes, attachTypes, funcs }) =>
  Object.entries(funcs).map(([name, words]) => ({
    name,
    flags: new Set(words.split(' ').filter((w) => w !== '') as KfuncFlag[]),
    progTypes,
    attachTypes,
  })),
);

const byName = new Map(KFUNCS.map((row) => [row.name, row]));

export function kfuncByName(name: string): KfuncRow | undefined {
  return byName.get(name);
}

/** May a program of this type and attach type call the function? */
export function mayCallKfunc(row: KfuncRow, progType: string, attachType: string | undefined): boolean {
  if (row.progTypes !== 'all' && !row.progTypes.includes(progType)) return false;
  return row.attachTypes === undefined || (attachType !== undefined && row.attachTypes.includes(attachType));
}
