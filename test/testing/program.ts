/** A small tracing program that the tests of the kit run: sizes of connects by port, an event each, and a table that can be full. */
export const text = `#include <net/sock.h>
struct event { u32 pid; u16 dport; u16 ok; u64 took_ns; char comm[16]; };
BPF_HASH(started, u32, u64, 4);
BPF_HASH(ports, u16, u64);
BPF_PERF_OUTPUT(events);

int kprobe__tcp_v4_connect(struct pt_regs *ctx, struct sock *sk)
{
    u32 tid = bpf_get_current_pid_tgid();
    u64 now = bpf_ktime_get_ns();
    u16 port = sk->__sk_common.skc_dport;
    port = ntohs(port);
    ports.increment(port);
    if (started.update(&tid, &now) != 0)
        bpf_trace_printk("table full");
    return 0;
}

int kretprobe__tcp_v4_connect(struct pt_regs *ctx)
{
    u32 tid = bpf_get_current_pid_tgid();
    u64 *at = started.lookup(&tid);
    if (!at)
        return 0;
    struct event e = {};
    e.pid = bpf_get_current_pid_tgid() >> 32;
    e.ok = PT_REGS_RC(ctx) == 0;
    e.took_ns = bpf_ktime_get_ns() - *at;
    bpf_get_current_comm(&e.comm, sizeof(e.comm));
    events.perf_submit(ctx, &e, sizeof(e));
    started.delete(&tid);
    return 0;
}
`;
