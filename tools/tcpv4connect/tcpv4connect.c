#include <uapi/linux/ptrace.h>
#include <net/sock.h>
#include <bcc/proto.h>

// The socket that each thread is connecting, from entry to return.
BPF_HASH(connecting, u32, struct sock *);

int kprobe__tcp_v4_connect(struct pt_regs *ctx, struct sock *sk)
{
    u32 tid = bpf_get_current_pid_tgid();
    connecting.update(&tid, &sk);
    return 0;
}

int kretprobe__tcp_v4_connect(struct pt_regs *ctx)
{
    int ret = PT_REGS_RC(ctx);
    u32 tid = bpf_get_current_pid_tgid();
    struct sock **skpp = connecting.lookup(&tid);
    if (skpp == 0)
        return 0; // the entry was missed

    // On an error no SYN was sent and the addresses may not be filled in.
    if (ret == 0) {
        struct sock *sk = *skpp;
        u32 saddr = sk->__sk_common.skc_rcv_saddr;
        u32 daddr = sk->__sk_common.skc_daddr;
        u16 dport = sk->__sk_common.skc_dport;
        bpf_trace_printk("tcpv4connect %x %x %d", saddr, daddr, ntohs(dport));
    }
    connecting.delete(&tid);
    return 0;
}
