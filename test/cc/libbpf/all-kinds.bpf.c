#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>

#define TASK_COMM_LEN 16
char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct event { u32 pid; u64 ts; char comm[TASK_COMM_LEN]; };

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192);
	__type(key, pid_t);
	__type(value, u64);
} exec_start SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 256 * 1024);
} rb SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__uint(key_size, sizeof(u32));
	__uint(value_size, sizeof(u32));
} events SEC(".maps");

const volatile unsigned long long min_duration_ns = 0;
const volatile int my_pid = 0;
static __u64 count;

SEC("tp/sched/sched_process_exec")
int handle_exec(struct trace_event_raw_sched_process_exec *ctx)
{
	struct task_struct *task;
	unsigned fname_off;
	struct event *e;
	pid_t pid;
	u64 ts;

	pid = bpf_get_current_pid_tgid() >> 32;
	ts = bpf_ktime_get_ns();
	bpf_map_update_elem(&exec_start, &pid, &ts, BPF_ANY);
	if (min_duration_ns) return 0;
	e = bpf_ringbuf_reserve(&rb, sizeof(*e), 0);
	if (!e) return 0;
	task = (struct task_struct *)bpf_get_current_task();
	e->pid = BPF_CORE_READ(task, real_parent, tgid);
	e->ts = ts;
	bpf_get_current_comm(&e->comm, sizeof(e->comm));
	fname_off = ctx->__data_loc_filename & 0xFFFF;
	bpf_probe_read_str(&e->comm, sizeof(e->comm), (void *)ctx + fname_off);
	bpf_ringbuf_submit(e, 0);
	__sync_fetch_and_add(&count, 1);
	return 0;
}

SEC("kprobe/do_unlinkat")
int BPF_KPROBE(do_unlinkat, int dfd, struct filename *name)
{
	pid_t pid;
	const char *filename;
	pid = bpf_get_current_pid_tgid() >> 32;
	filename = BPF_CORE_READ(name, name);
	bpf_printk("KPROBE ENTRY pid = %d, filename = %s\n", pid, filename);
	return 0;
}

SEC("kretprobe/do_unlinkat")
int BPF_KRETPROBE(do_unlinkat_exit, long ret)
{
	pid_t pid;
	pid = bpf_get_current_pid_tgid() >> 32;
	bpf_printk("KPROBE EXIT: pid = %d, ret = %ld\n", pid, ret);
	return 0;
}

SEC("fentry/do_unlinkat")
int BPF_PROG(do_unlinkat_fe, int dfd, struct filename *name)
{
	pid_t pid = bpf_get_current_pid_tgid() >> 32;
	bpf_printk("fentry: pid = %d, filename = %s\n", pid, name->name);
	return 0;
}
SEC("tp_btf/sched_switch")
int BPF_PROG(sw, bool preempt, struct task_struct *prev, struct task_struct *next)
{
	struct event ev = {};
	ev.pid = prev->pid; ev.ts = next->tgid;
	bpf_perf_event_output(ctx, &events, BPF_F_CURRENT_CPU, &ev, sizeof(ev));
	if (bpf_core_field_exists(prev->__state)) ev.pid++;
	return 0;
}
SEC("uprobe")
int BPF_KPROBE(uprobe_add, int a, int b) { bpf_printk("%d %d", a, b); return 0; }
SEC("xdp")
int xdp_prog(struct xdp_md *ctx) {
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = data;
	if (eth + 1 > end) return XDP_PASS;
	if (eth->h_proto == bpf_htons(0x0800)) return XDP_DROP;
	return XDP_PASS;
}
SEC("tc")
int tc_ingress(struct __sk_buff *skb) { return skb->len > 100 ? 0 : -1; }
SEC("tracepoint/syscalls/sys_enter_openat")
int openat(struct trace_event_raw_sys_enter *ctx) { int fd = ctx->args[0]; bpf_printk("%d", fd); return 0; }
SEC("raw_tp/sys_enter")
int raw(struct bpf_raw_tracepoint_args *ctx) { return ctx->args[1] == 3; }
