BPF_HASH(start, u32, u64);
BPF_PERF_OUTPUT(events);
struct big { u64 ts; char path[600]; };
int kprobe__vfs_read(struct pt_regs *ctx) {
  u32 pid = bpf_get_current_pid_tgid();
  struct big b = {};
  u64 *tsp = start.lookup(&pid);
  b.ts = *tsp;
  bpf_get_current_comm(&b.path, 16);
  events.perf_submit(ctx, &b, sizeof(b));
  return 0;
}
RAW_TRACEPOINT_PROBE(sched_switch) {
  struct big b = {};
  b.ts = ctx->args[0];
  events.perf_submit(ctx, &b, sizeof(b));
  for (;;) b.ts++;
  return 0;
}
int ok(struct pt_regs *ctx) {
  u32 pid = 0;
  u64 *p = start.lookup(&pid), *q = start.lookup(&pid);
  if (!p || !q) return 0;
  *p += *q;
  u64 zero = 0, *r = start.lookup_or_try_init(&pid, &zero);
  if (r) (*r)++;
  u64 *s = start.lookup(&pid);
  return s ? *s : 0;
}
