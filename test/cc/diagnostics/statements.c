int f(void *ctx) {
  bpf_trace_printk("a %d %d\n", 1);
  bpf_trace_printk("a %s\n", 1, 2, 3, 4);
  u64 n = bpf_ktime_get_ns();
  for (;;) { n++; }
  break;
  goto nowhere;
  undefined_thing = 3;
  return "x";
}
static int r(int n) { return n ? r(n - 1) : 0; }
int h(void *ctx) { return r(3); }
