/**
 * Members of kernel structures that changed their name or place between versions, so that "no member named ..." can say the new one.
 * From the kernel's own history; `since` is the first version with the new form.
 */
interface Rename {
  readonly struct: string;
  readonly old: string;
  /** A member of the same struct, or an expression in words. */
  readonly now: string;
  readonly since: string;
}

const RENAMES: readonly Rename[] = [
  { struct: 'task_struct', old: 'state', now: '__state', since: '5.14' },
  { struct: 'task_struct', old: 'cpus_allowed', now: 'cpus_mask', since: '5.3' },
  { struct: 'task_struct', old: 'cpu', now: 'thread_info.cpu', since: '5.16' },
  { struct: 'task_struct', old: 'real_start_time', now: 'start_boottime', since: '5.5' },
  { struct: 'task_struct', old: 'pids', now: 'thread_pid', since: '4.19' },
  { struct: 'request', old: 'rq_disk', now: 'q->disk', since: '5.17' },
  { struct: 'request', old: 'cmd_type', now: 'cmd_flags', since: '4.11' },
  { struct: 'request', old: 'start_time', now: 'start_time_ns', since: '4.18' },
  { struct: 'bio', old: 'bi_disk', now: 'bi_bdev->bd_disk', since: '5.12' },
  { struct: 'bio', old: 'bi_rw', now: 'bi_opf', since: '4.8' },
  { struct: 'block_device', old: 'bd_part', now: 'bd_start_sect', since: '5.11' },
  { struct: 'gendisk', old: 'part0', now: 'part0 (a struct block_device *)', since: '5.11' },
  { struct: 'iov_iter', old: 'type', now: 'iter_type', since: '5.14' },
  { struct: 'iov_iter', old: 'iov', now: '__iov', since: '6.4' },
  { struct: 'inode', old: 'i_atime', now: '__i_atime', since: '6.7' },
  { struct: 'inode', old: 'i_mtime', now: '__i_mtime', since: '6.7' },
  { struct: 'inode', old: 'i_ctime', now: '__i_ctime', since: '6.6' },
  { struct: 'dentry', old: 'd_child', now: 'd_sib', since: '6.8' },
  { struct: 'dentry', old: 'd_subdirs', now: 'd_children', since: '6.8' },
  { struct: 'dentry', old: 'd_name', now: '__d_name', since: '6.17' },
  { struct: 'kernfs_node', old: 'parent', now: '__parent', since: '6.15' },
  { struct: 'cfs_rq', old: 'nr_running', now: 'nr_queued', since: '6.14' },
  { struct: 'cfs_rq', old: 'runnable_load_avg', now: 'avg.runnable_avg', since: '5.7' },
  {
    struct: 'sched_entity',
    old: 'runnable_weight',
    now: 'runnable_weight (only with CONFIG_FAIR_GROUP_SCHED)',
    since: '5.7',
  },
  { struct: 'sock', old: 'sk_state', now: '__sk_common.skc_state', since: '3.13' },
  { struct: 'sock', old: 'sk_family', now: '__sk_common.skc_family', since: '2.6' },
  { struct: 'sock', old: 'sk_num', now: '__sk_common.skc_num', since: '2.6' },
  { struct: 'sock', old: 'sk_dport', now: '__sk_common.skc_dport', since: '3.9' },
  { struct: 'sock', old: 'sk_daddr', now: '__sk_common.skc_daddr', since: '3.9' },
  { struct: 'sock', old: 'sk_rcv_saddr', now: '__sk_common.skc_rcv_saddr', since: '3.9' },
  { struct: 'sk_buff', old: 'vlan_tci', now: 'vlan_all', since: '6.3' },
  { struct: 'page', old: 'units', now: 'objects', since: '5.17' },
  { struct: 'zone', old: 'watermark', now: '_watermark', since: '5.0' },
  { struct: 'nfs_open_context', old: 'cred', now: 'll_cred', since: '5.0' },
  { struct: 'kmem_cache', old: 'cpu_partial', now: 'cpu_partial_slabs', since: '5.16' },
  { struct: 'mm_struct', old: 'mmap_sem', now: 'mmap_lock', since: '5.8' },
  { struct: 'super_block', old: 's_bdev_file', now: 's_bdev', since: '6.9' },
  { struct: 'net', old: 'proc_inum', now: 'ns.inum', since: '3.19' },
  { struct: 'mnt_namespace', old: 'count', now: 'ns.count', since: '5.11' },
];

/** What to say about a missing member whose rename is known; `has` tells whether the struct has a member. */
export function renameHint(struct: string, name: string, has: (member: string) => boolean): string | undefined {
  for (const r of RENAMES) {
    if (r.struct !== struct) continue;
    const first = (text: string) => /^\w+/.exec(text)![0];
    if (r.old === name && (has(first(r.now)) || r.now.includes('->')))
      return `'${name}' of 'struct ${struct}' is '${r.now}' since Linux ${r.since}`;
    if (first(r.now) === name && has(r.old))
      return `'${name}' of 'struct ${struct}' is named '${r.old}' before Linux ${r.since}, which this kernel is`;
  }
  return undefined;
}
