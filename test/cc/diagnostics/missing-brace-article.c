#include <uapi/linux/ptrace.h>
#include <net/sock.h>
#include <bcc/proto.h>

BPF_HASH(currsock, u32, struct sock *);

int kprobe__tcp_v4_connect(struct pt_regs *ctx, struct sock *sk)
{
  u32 pid = bpf_get_current_pid_tgid();
  currsock.update(&pid, &sk);
  return 0;
};

int kretprobe__tcp_v4_connect(struct pt_regs *ctx)
{
  u32 pid = bpf_get_current_pid_tgid();
  struct sock **skpp = currsock.lookup(&pid);
  if (skpp == 0) {
  return 0;  // missed entry
}

currsock.delete(&pid);
return 0;

