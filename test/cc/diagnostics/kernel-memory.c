int kprobe__do_exit(struct pt_regs *ctx, long code) {
  struct task_struct *t = (struct task_struct *)bpf_get_current_task();
  t->pid = 3;
  t->comm[0]++;
  return 0;
}
