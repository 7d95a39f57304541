/**
 * What of a kernel's BTF the shipped file keeps: the names that tracing programs write. Struct names bring all that they hold by
 * value; `NEIGHBOURS` of them also what their members point to (programs follow two or three pointers). Whatever else is pointed
 * to becomes a forward declaration, as in a C header.
 */

/** Structs that programs walk: kept with what their members point to, one step far. */
export const WALKED = `
  task_struct sock sock_common inet_sock inet_connection_sock tcp_sock udp_sock unix_sock request_sock sk_buff skb_shared_info file dentry inode path
  qstr super_block mm_struct vm_area_struct request bio gendisk block_device request_queue socket cred nsproxy pid upid pid_namespace mnt_namespace
  uts_namespace net ns_common net_device pt_regs linux_binprm mount vfsmount fs_struct files_struct fdtable signal_struct
  sighand_struct rq cfs_rq sched_entity thread_info cgroup css_set kernfs_node file_operations inode_operations kiocb iov_iter
  page folio zone pglist_data address_space kmem_cache device device_driver kobject module oom_control
`;

/** Structs kept with what they hold by value. */
export const STRUCTS = `
  bpf_perf_event_data bpf_perf_event_data_kern cmsghdr user_msghdr msghdr iovec kvec ethhdr vlan_hdr iphdr ipv6hdr tcphdr udphdr icmphdr icmp6hdr arphdr
  in_addr in6_addr sockaddr sockaddr_in sockaddr_in6 sockaddr_un sockaddr_nl sockaddr_ll __kernel_sockaddr_storage nf_hook_state open_how
  perf_sample_data perf_event perf_event_attr renamedata scatterlist
  tcp_skb_cb inet_skb_parm virtio_device virtqueue kernel_clone_args clone_args filename mutex rw_semaphore spinlock semaphore rt_mutex
  task_group cgroup_subsys_state mem_cgroup blk_mq_hw_ctx blk_mq_ctx bio_vec bvec_iter block_device_operations
  writeback_control wb_writeback_work backing_dev_info bdi_writeback readahead_control compact_control scan_control vm_fault tty_struct tty_driver
  tty_port kretprobe_instance ftrace_regs irqaction irq_desc irq_data softirq_action work_struct delayed_work workqueue_struct
  timer_list hrtimer timekeeper timespec64 __kernel_timespec __kernel_old_timeval itimerspec64 rusage rlimit rlimit64 stat statx statfs new_utsname old_utsname sysinfo
  kernel_siginfo siginfo sigaction k_sigaction epoll_event pollfd io_uring_params io_ring_ctx io_kiocb mmsghdr mq_attr msgbuf sembuf shmid_ds
  kstat iattr kstatfs file_lock file_system_type fs_context dir_context linux_dirent64 nameidata open_flags vfs_cap_data user_namespace
  user_struct group_info key ucounts seccomp_data sock_fprog sock_filter sk_filter bpf_prog bpf_prog_aux bpf_map bpf_array bpf_link bpf_raw_tracepoint_args
  neighbour dst_entry rtable rt6_info fib_info flowi flowi4 flowi6 sk_psock tcp_info tcp_request_sock inet_request_sock inet_timewait_sock tcp_congestion_ops
  Qdisc netdev_queue napi_struct xdp_buff xdp_frame xdp_rxq_info nf_conn net_protocol proto proto_ops softnet_data
  trace_entry trace_event_call tracepoint ctl_table linux_binfmt vm_struct vmap_area swap_info_struct llist_node list_head hlist_node rb_node
  cpumask percpu_counter srcu_struct completion wait_queue_head eventfd_ctx pipe_inode_info pipe_buffer kcov clocksource cpuidle_state cpuidle_device cpufreq_policy
  user_regs_struct desc_struct user_desc perf_branch_entry perf_callchain_entry pernet_operations seq_file kern_ipc_perm msg_msg sched_attr sched_param
  scm_cookie scm_fp_list kprobe kretprobe uprobe tasklet_struct nlmsghdr statfs64 buffer_head __kernel_timex timezone pool_workqueue bpf_attr
  tcp6_sock udp6_sock tcp_timewait_sock nfs_commit_data nfs_commitargs nfs_open_context sched_avg load_weight callback_head wait_opts cpuacct task_delay_info taskstats pci_dev
`;

/** Structs by name pattern: contexts of BPF programs and their UAPI, fields of tracepoints, parameters of system calls. */
export const STRUCT_PATTERNS = [
  /^trace_event_raw_/,
  /^(__sk_buff|xdp_md|sk_msg_md|sk_reuseport_md)$/,
  /^bpf_(sock|sysctl|sockopt|fib|redir|tunnel|xfrm|perf|raw|stack|tcp|flow|pidns|spin|timer|dynptr|cgroup|iter|sk_|map_info|prog_info|func_info|line_info|cpumap|devmap|tracing|trace_run|nh)/,
];

/** Functions whose prototypes are kept, beside the system calls: those that tools hook, and the families around them. */
export const FUNCTION_PATTERNS = [
  /^__x64_sys_/,
  /^__do_sys_/,
  /^vfs_/,
  /^(tcp|udp|udpv6|inet|inet6|inet_csk|sock|sk|raw|unix)_(?!.*(seq|sysctl|proc_|_diag|gro|gso|offload|md5|init_net|nl2|fill|exit_net|bpf))/,
  /^(ip|ip6|ipv6)_(rcv|local|output|finish|forward|queue|send|build|append|route|make|mc_|fragment|sublist|xmit|do_)/,
  /^security_(?!.*(xfrm|ib_|tun_|sctp|audit|key|release|getproc|setproc))/,
  /^cap_capable|^ns_capable|^capable$/,
  /^(do|ksys|kernel)_(?!.*(fb|con|tty_resize|kexec|kimage|md_|vt_|unblank))/,
  /^__(do|sys|kernel)_[a-z_0-9]*(open|read|write|exec|exit|clone|connect|accept|bind|listen|sendto|recvfrom|socket|mmap|munmap|fault|kill|wait|fork|send|recv)/,
  /^(blk_mq|blk|bio|blkdev|submit|elv)_(?!.*(debugfs|crypto|sysfs|show|store|integrity|zone))/,
  /^(__)?(submit_bio|blk_account_io)/,
  /^(generic|filemap|page_cache|__page_cache|mark|wb|writeback|balance_dirty|shrink|try_to_free|kswapd|compact|oom)_/,
  /^(kmalloc|__kmalloc|kfree|kmem_cache|__kmem_cache|vmalloc|vfree|__alloc_pages|alloc_pages|__free_pages|free_pages|get_page_from|kvmalloc|kvfree)/,
  /^(schedule|__schedule|finish_task_switch|try_to_wake_up|wake_up_|activate_task|deactivate_task|enqueue_task|dequeue_task|sched_(fork|exec|post|set|get|clock|dynamic|cgroup|move)|update_rq|context_switch|load_balance|io_schedule|yield)/,
  /^(mutex|__mutex|down|up|rt_mutex|rwsem|__down|__up|ww_mutex)_(lock|unlock|trylock|read|write|killable|interruptible|slow)/,
  /^(mutex_lock|mutex_unlock|down|up|down_read|down_write|up_read|up_write)$/,
  /^(dev|netif|__netif|__dev|napi|net)_(queue|hard_start|receive|rx|start|tx|xmit|direct|gro|schedule|poll|open|close|set|change)/,
  /^(kfree_skb|consume_skb|__kfree_skb|skb_(clone|copy|split|put|push|pull|release|free|consume|dequeue|queue|trim|segment|checksum)|__skb_|alloc_skb|__alloc_skb|build_skb|__build_skb|napi_build)/,
  /^(d_|__d_|lookup_|path_|filename_|link_path|open_|filp_|fput|____fput|__fput|fget|__fget|fd_install|close_fd|dup_fd|dentry_|iterate_dir|getname|putname|file_(open|update|modified)|finish_open|may_open|complete_walk|walk_component|step_into)/,
  /^(ext4|xfs|btrfs|nfs|nfs4|f2fs|fuse|ovl|overlayfs|shmem|proc|pipe|simple|ramfs|tmpfs|devtmpfs|sockfs|anon_inode)_(file|sync|getattr|read|write|open|create|mkdir|unlink|rename|lookup|fsync|dir|readdir)/,
  /^(begin_new_exec|bprm_|exec_|search_binary|load_elf|setup_new_exec|would_dump|copy_(process|strings|mm|files|fs|namespaces|thread)|release_task|free_task|wait_|exit_|mm_|exec_mmap|dup_mm|put_task|__put_task|get_task|find_task|find_vpid|pid_)/,
  /^(send_sig|__send_sig|group_send|do_send|kill_|get_signal|force_sig|signal_|complete_signal|__group)/,
  /^(handle_mm_fault|__handle_mm|do_anonymous|do_fault|do_swap|do_wp|exc_page_fault|mmap_region|do_mmap|vm_mmap|__vm_|unmap_|zap_|wp_page|swap_(read|write)page|add_to_page_cache|folio_(mark|add|wait|lock|unlock|end|account))/,
  /^(tty|pty|n_tty|uart|con)_(read|write|open|release|ioctl)/,
  /^(md_flush|dm_|scsi_(queue|done|dispatch)|nvme_(queue|complete)|virtio_queue|virtqueue_|virtblk_)/,
  /^(load_module|do_init_module|init_module|module_|free_module|kallsyms_lookup|request_module|__request_module|call_usermodehelper)/,
  /^(cgroup|css|mem_cgroup|__mem_cgroup)_(attach|migrate|mkdir|rmdir|fork|exit|post|charge|try)/,
  /^(bpf_(iter|lsm|prog|map|check|link|trace|raw|get|probe)|perf_event_(open|alloc|release|output|overflow|read)|__bpf_|uprobe_|kprobe_|register_|unregister_(k|u))/,
  /^(hrtimer|timer|run_timer|call_timer|__run_hrtimer|tick|clockevents|ktime)_/,
  /^(handle_irq|__handle_irq|handle_softirqs|__do_softirq|raise_softirq|irq_(enter|exit)|tasklet|process_one_work|queue_work|__queue_work|worker_thread|insert_work)/,
  /^(should_fail|should_failslab|scm_|alloc_|free_)[a-z_]*(bio|slab|page|fds|thread|task|inode|pid|file|fd|ns|namespace)$/,
  /^(swap_readpage|lookup_fast|__scm_send|fragmentation_index)$/,
];

/** Enums are kept whole when a kept type uses them, or when one enumerator matches this. */
export const ENUMERATOR_PATTERN =
  /^(BPF_|XDP_|SK_|__SK_|SOCK_|SKB_|TCP_|IPPROTO_|PERF_COUNT|PERF_SAMPLE|PERF_TYPE|REQ_|ITER_|TASK_|PIDTYPE_|NR_|WMARK_|COMPACT_|IRQ_|HRTIMER_|ZONE_|MIGRATE_|LRU_|BIO_|BLK_|WB_|MODULE_|NF_|NETDEV_TX|IPSTATS|SHUT_|SEND_|RCV_|CPUTIME|CPU_|DUMP_|PSI_|SB_|FSNOTIFY|MM_|KMALLOC|MEMCG|MEMBLOCK|FAULT_|VM_FAULT|INET_|NETNS|OVERCOMMIT|RWSEM|TIMEKEEP|CLOCK|WRITEBACK|QUEUE_|RQF|RLIMIT|DT_|UTS|HI_SOFTIRQ|SS_|I_DATA|SYSCTL|PAGEFLAGS|PG_|ELV|ELEVATOR|MQ_RQ|TC_ACT|TCA_ID|IFLA_XDP|IFF_|RTN_|NUD_|TAINT|CAP_|FOLL_|GFP|LOCK|false|MAX_|__MAX_|TRACE_FLAG)/;
