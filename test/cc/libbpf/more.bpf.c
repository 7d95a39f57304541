#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_core_read.h>

struct inner { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 4); __type(key, u32); __type(value, u64); };

struct { __uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS); __uint(max_entries, 8); __type(key, u32); __array(values, struct inner); } outer SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_PROG_ARRAY); __uint(max_entries, 2); __uint(key_size, sizeof(u32)); __uint(value_size, sizeof(u32)); } progs SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_LRU_HASH); __uint(max_entries, 64); __uint(map_flags, BPF_F_NO_COMMON_LRU); __type(key, struct key { u32 pid; char comm[16]; }); __type(value, __u64[4]); } lru SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY); __uint(max_entries, 1); __type(key, __u32); __type(value, struct inner_value { u64 a; int b; }); } scratch SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_STACK_TRACE); __uint(max_entries, 16); __uint(key_size, sizeof(__u32)); __uint(value_size, 8 * sizeof(__u64)); } stacks SEC(".maps");

const char fmt[] = "not used";
__u32 hits = 3;
static int step(u32 index, void *ctx) { *(u64 *)ctx += index; return 0; }
static __noinline int classify(u32 pid) { return pid > 1000 ? 2 : pid > 10 ? 1 : 0; }

SEC("raw_tp/sched_switch")
int BPF_PROG(switched, bool preempt, struct task_struct *prev, struct task_struct *next)
{
	struct key key = { .pid = BPF_CORE_READ(next, pid) };
	__u64 zero[4] = {}, *known;
	BPF_CORE_READ_STR_INTO(&key.comm, next, comm);
	known = bpf_map_lookup_elem(&lru, &key);
	if (!known) {
		bpf_map_update_elem(&lru, &key, &zero, BPF_NOEXIST);
		known = bpf_map_lookup_elem(&lru, &key);
		if (!known)
			return 0;
	}
	known[classify(key.pid) & 3]++;
	struct task_struct *parent;
	BPF_CORE_READ_INTO(&parent, prev, real_parent);
	__sync_fetch_and_add(&known[3], BPF_CORE_READ(parent, tgid));
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(created, struct task_struct *task, u64 flags)
{
	u32 zero = 0;
	struct inner_value *v = bpf_map_lookup_elem(&scratch, &zero);
	void *m;
	u64 sum = 0;
	if (!v)
		return 0;
	v->a += task->start_time;
	v->b = bpf_core_enum_value_exists(enum pid_type, PIDTYPE_PID) + bpf_core_type_exists(struct task_struct) + bpf_core_field_size(task->comm);
	bpf_loop(8, step, &sum, 0);
	m = bpf_map_lookup_elem(&outer, &zero);
	if (m) {
		u64 *slot = bpf_map_lookup_elem(m, &zero);
		if (slot)
			*slot += sum + flags;
	}
	bpf_get_stackid(ctx, &stacks, 0);
	hits++;
	return 0;
}

SEC("socket")
int filter(struct __sk_buff *skb) { bpf_tail_call(skb, &progs, skb->mark & 1); return skb->len; }

SEC("iter/task")
int dump(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	if (!task)
		return 0;
	BPF_SEQ_PRINTF(ctx->meta->seq, "%d %s\n", task->pid, task->comm);
	BPF_SEQ_PRINTF(ctx->meta->seq, "end\n");
	return 0;
}

char _license[] SEC("license") = "GPL";
