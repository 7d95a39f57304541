BPF_HASH(counts, u32, u64);
int kprobe__f(struct pt_regs *ctx) {
  u32 key = 0;
  char buffer[8];
  bpf_probe_read(&key, sizeof(key));
  u8 small = 300;
  s8 negative = -1;
  if (small == 3); return 2;
  u64 *value = counts.lookup(&key);
  *value += negative;
  for (;;) bpf_ktime_get_ns();
}
