#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>
extern int LINUX_KERNEL_VERSION __kconfig;
extern int CONFIG_HZ __kconfig;
extern bool CONFIG_NOT_THERE __kconfig __weak;
extern struct task_struct *bpf_task_from_pid(int pid) __ksym __weak;
extern void no_such_kfunc(void) __ksym __weak;
/* What nobody uses is left out: no pointer could be kept in a map. */
static const char *names[] = { "a", "b" };
__u8 addr[16]; int hz;
SEC("kprobe/tcp_connect") int BPF_KPROBE(c, struct sock *sk) {
  if (LINUX_KERNEL_VERSION < KERNEL_VERSION(5, 0, 0)) return 7;
  if (CONFIG_NOT_THERE) return 8;
  if (bpf_ksym_exists(no_such_kfunc)) no_such_kfunc();
  hz = CONFIG_HZ + bpf_ksym_exists(bpf_task_from_pid);
  BPF_CORE_READ_INTO(&addr, sk, __sk_common.skc_v6_rcv_saddr.in6_u.u6_addr32);
  return PT_REGS_IP_CORE(ctx) > 0;
}
char LICENSE[] SEC("license") = "GPL";
SEC("socket") int seen(struct __sk_buff *skb) { return LINUX_KERNEL_VERSION > 0 ? hz : 0; }
