BPF_PERF_OUTPUT(events);
BPF_ARRAY(counts, u64, 4);
struct data_t { u32 pid; char comm[16]; };
int f(struct pt_regs *ctx) {
  struct data_t d = {};
  events.lookup(&d);
  counts.perf_submit(ctx, &d, sizeof(d));
  events.perf_submit(ctx, &d);
  d.pid = counts;
  struct task_struct *t = (struct task_struct *)bpf_get_current_task();
  t->pid = 3;
  struct nosuch_t *q = 0;
  return q->x;
}
