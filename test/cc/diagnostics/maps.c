BPF_HASH(start, u32, u64);
int kprobe__vfs_read(struct pt_regs *ctx, struct file *f) {
  u32 pid = bpf_get_current_pid_tgid();
  u64 *t = strat.lookup(&pid);
  if (!t) return 0;
  bpf_trace_printk("%d\n", f->f_pos_typo);
  start.lokup(&pid);
  start.update(pid, t);
  return bpf_get_curent_comm(&pid, 4);
}
