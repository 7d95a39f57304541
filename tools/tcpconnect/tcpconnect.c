#include <uapi/linux/ptrace.h>
#include <net/sock.h>
#include <bcc/proto.h>

struct event {
    u64 ts_us;
    u32 pid;
    u32 uid;
    u16 ip;
    u16 lport;
    u16 dport;
    unsigned char saddr[16];
    unsigned char daddr[16];
    char comm[TASK_COMM_LEN];
};

// One row of -c: what a count belongs to.
struct flow {
    u16 ip;
    u16 dport;
    unsigned char saddr[16];
    unsigned char daddr[16];
};

// The socket that each thread is connecting, from entry to return.
BPF_HASH(connecting, u32, struct sock *);
BPF_HASH(counts, struct flow);
BPF_PERF_OUTPUT(events);

static inline int entered(struct sock *sk)
{
    u64 id = bpf_get_current_pid_tgid();
    u32 tid = id;
#ifdef FILTER_PID
    if (id >> 32 != FILTER_PID)
        return 0;
#endif
#ifdef FILTER_UID
    if ((u32)bpf_get_current_uid_gid() != FILTER_UID)
        return 0;
#endif
#ifdef FILTER_FAMILY
    u16 family = sk->__sk_common.skc_family;
    if (family != FILTER_FAMILY)
        return 0;
#endif
    connecting.update(&tid, &sk);
    return 0;
}

static inline int wanted(u16 dport)
{
#ifdef FILTER_PORTS
    return FILTER_PORTS;
#else
    return 1;
#endif
}

static inline int returned(struct pt_regs *ctx, u16 ip)
{
    int ret = PT_REGS_RC(ctx);
    u64 id = bpf_get_current_pid_tgid();
    u32 tid = id;
    struct sock **skpp = connecting.lookup(&tid);
    if (!skpp)
        return 0; // filtered, or the entry was missed
    struct sock *sk = *skpp;
    connecting.delete(&tid);
    // On an error no SYN was sent and the addresses may not be filled in.
    if (ret != 0)
        return 0;
    u16 dport = sk->__sk_common.skc_dport;
    dport = ntohs(dport);
    if (!wanted(dport))
        return 0;
#ifdef COUNT
    struct flow f = {};
    f.ip = ip;
    f.dport = dport;
    if (ip == 4) {
        bpf_probe_read_kernel(&f.saddr, 4, &sk->__sk_common.skc_rcv_saddr);
        bpf_probe_read_kernel(&f.daddr, 4, &sk->__sk_common.skc_daddr);
    } else {
        bpf_probe_read_kernel(&f.saddr, 16, &sk->__sk_common.skc_v6_rcv_saddr);
        bpf_probe_read_kernel(&f.daddr, 16, &sk->__sk_common.skc_v6_daddr);
    }
    counts.increment(f);
#else
    struct event e = {};
    e.ts_us = bpf_ktime_get_ns() / 1000;
    e.pid = id >> 32;
    e.uid = bpf_get_current_uid_gid();
    e.ip = ip;
    e.lport = sk->__sk_common.skc_num;
    e.dport = dport;
    if (ip == 4) {
        bpf_probe_read_kernel(&e.saddr, 4, &sk->__sk_common.skc_rcv_saddr);
        bpf_probe_read_kernel(&e.daddr, 4, &sk->__sk_common.skc_daddr);
    } else {
        bpf_probe_read_kernel(&e.saddr, 16, &sk->__sk_common.skc_v6_rcv_saddr);
        bpf_probe_read_kernel(&e.daddr, 16, &sk->__sk_common.skc_v6_daddr);
    }
    bpf_get_current_comm(&e.comm, sizeof(e.comm));
    events.perf_submit(ctx, &e, sizeof(e));
#endif
    return 0;
}

int kprobe__tcp_v4_connect(struct pt_regs *ctx, struct sock *sk) { return entered(sk); }
int kretprobe__tcp_v4_connect(struct pt_regs *ctx) { return returned(ctx, 4); }
int kprobe__tcp_v6_connect(struct pt_regs *ctx, struct sock *sk) { return entered(sk); }
int kretprobe__tcp_v6_connect(struct pt_regs *ctx) { return returned(ctx, 6); }
