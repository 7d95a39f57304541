#define BPF_LICENSE MIT
int kprobe__do_exit(struct pt_regs *ctx) {
  bpf_trace_printk("bye\n");
  return 0;
}
