#include <uapi/linux/ptrace.h>
#include <net/sock.h>
#include <net/inet_sock.h>
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

// Who is connecting, until it is known how that went.
struct attempt {
    u32 pid;
    u32 uid;
    char comm[TASK_COMM_LEN];
};

BPF_HASH(counts, struct flow);
BPF_PERF_OUTPUT(events);

static inline int wanted_task(struct sock *sk)
{
    if (container_should_be_filtered())
        return 0;
#ifdef FILTER_PID
    if (bpf_get_current_pid_tgid() >> 32 != FILTER_PID)
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
    return 1;
}

static inline int wanted_port(u16 dport)
{
#ifdef FILTER_PORTS
    return FILTER_PORTS;
#else
    return 1;
#endif
}

static inline int connected(void *ctx, struct sock *sk, u16 ip, struct attempt *who)
{
    u16 dport = sk->__sk_common.skc_dport;
    dport = ntohs(dport);
    if (!wanted_port(dport))
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
    e.pid = who->pid;
    e.uid = who->uid;
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
    __builtin_memcpy(&e.comm, who->comm, sizeof(e.comm));
    events.perf_submit(ctx, &e, sizeof(e));
#endif
    return 0;
}

static inline void describe(struct attempt *who)
{
    who->pid = bpf_get_current_pid_tgid() >> 32;
    who->uid = bpf_get_current_uid_gid();
    bpf_get_current_comm(&who->comm, sizeof(who->comm));
}

// By functions: the socket that each thread is connecting, from entry to return.
BPF_HASH(connecting, u32, struct sock *);

int on_connect(struct pt_regs *ctx, struct sock *sk)
{
    u32 tid = bpf_get_current_pid_tgid();
    if (wanted_task(sk))
        connecting.update(&tid, &sk);
    return 0;
}

static inline int returned(struct pt_regs *ctx, u16 ip)
{
    int ret = PT_REGS_RC(ctx);
    u32 tid = bpf_get_current_pid_tgid();
    struct sock **skpp = connecting.lookup(&tid);
    if (!skpp)
        return 0; // filtered, or the entry was missed
    struct sock *sk = *skpp;
    connecting.delete(&tid);
    // On an error no SYN was sent and the addresses may not be filled in.
    if (ret != 0)
        return 0;
    struct attempt who = {};
    describe(&who);
    return connected(ctx, sk, ip, &who);
}

int on_v4_return(struct pt_regs *ctx) { return returned(ctx, 4); }
int on_v6_return(struct pt_regs *ctx) { return returned(ctx, 6); }

// By the tracepoint of TCP's states: a connection begins in its task, with no port of its own yet, and is told of once it is made or
// refused.
BPF_HASH(attempts, struct sock *, struct attempt);

// An IPv6 socket to ::ffff:a.b.c.d connects over IPv4.
static inline u16 ip_version(struct sock *sk)
{
    u16 family = sk->__sk_common.skc_family;
    u32 to[4];
    if (family == AF_INET)
        return 4;
    bpf_probe_read_kernel(&to, sizeof(to), &sk->__sk_common.skc_v6_daddr);
    return to[0] == 0 && to[1] == 0 && to[2] == 0xffff0000 ? 4 : 6;
}

int on_state(struct bpf_raw_tracepoint_args *ctx)
{
    struct sock *sk = (struct sock *)ctx->args[0];
    int oldstate = ctx->args[1], newstate = ctx->args[2];
    if (newstate == 2 /* TCP_SYN_SENT */) {
        struct attempt who = {};
        if (!wanted_task(sk))
            return 0;
        describe(&who);
        attempts.update(&sk, &who);
        return 0;
    }
    if (oldstate != 2)
        return 0;
    struct attempt *who = attempts.lookup(&sk);
    if (!who)
        return 0;
    connected(ctx, sk, ip_version(sk), who);
    attempts.delete(&sk);
    return 0;
}

#ifdef DNS
// Answers of name servers, as the functions that receive datagrams hand them to the resolver.
#define PACKET_MOST 512
#define PORT_DNS 0x3500 /* 53 in network order */

struct answer {
    u32 size;
    u8 bytes[PACKET_MOST];
};

BPF_PERF_OUTPUT(dns_events);
BPF_HASH(receiving, u64, struct msghdr *);
BPF_PERCPU_ARRAY(answers, struct answer, 1);

int on_receive(struct pt_regs *ctx, struct sock *sk, struct msghdr *msg)
{
    u64 id = bpf_get_current_pid_tgid();
    u16 port = sk->__sk_common.skc_dport;
    if (port == PORT_DNS)
        receiving.update(&id, &msg);
    return 0;
}

int on_received(struct pt_regs *ctx)
{
    u64 id = bpf_get_current_pid_tgid();
    int zero = 0, copied = PT_REGS_RC(ctx);
    struct msghdr **msgpp = receiving.lookup(&id);
    if (!msgpp)
        return 0;
    struct msghdr *msg = *msgpp;
    receiving.delete(&id);
    struct answer *a = answers.lookup(&zero);
    if (!a || copied <= 0 || copied > PACKET_MOST)
        return 0;
    void *base;
#ifdef HAVE_UBUF
    // One buffer needs no vector (since 6.0, and received data since 6.4).
    if (msg->msg_iter.iter_type == ITER_UBUF) {
        base = msg->msg_iter.ubuf;
    } else
#endif
    {
        const struct iovec *iov = msg->msg_iter.IOV_FIELD;
        base = iov->iov_base;
    }
    a->size = copied;
    // What lies behind the answer may not be there to read.
    bpf_probe_read_user(a->bytes, (u32)copied, base);
    dns_events.perf_submit(ctx, a, sizeof(*a));
    return 0;
}
#endif
