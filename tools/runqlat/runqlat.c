#include <uapi/linux/ptrace.h>
#include <linux/sched.h>
#include <linux/nsproxy.h>
#include <linux/pid_namespace.h>

struct id_key {
    u32 id;
    u64 slot;
};

// When each thread became runnable.
BPF_HASH(start, u32);
#ifdef SECTION
// Some twenty slots for each process or thread: the 64 that a histogram has by itself are full after three of them.
BPF_HISTOGRAM(dist, struct id_key, 65536);
#else
BPF_HISTOGRAM(dist);
#endif

static inline int enqueued(u32 tgid, u32 pid)
{
    if (pid == 0)
        return 0;
#ifdef FILTER_PID
    if (tgid != FILTER_PID)
        return 0;
#endif
    u64 ts = bpf_ktime_get_ns();
    start.update(&pid, &ts);
    return 0;
}

static inline u32 pid_namespace(struct task_struct *task)
{
    struct pid *pid = task->thread_pid;
    unsigned int level = pid->level;
    struct upid upid;
    bpf_probe_read_kernel(&upid, sizeof(upid), &pid->numbers[level]);
    return upid.ns->ns.inum;
}

// A CPU goes to the thread `pid`; `prev` was on it before.
static inline int switched(struct task_struct *prev, u32 tgid, u32 pid)
{
    // Not asleep but pushed off: it waits again from now on.
    if (prev->STATE == 0 /* TASK_RUNNING */)
        enqueued(prev->tgid, prev->pid);
    u64 *tsp = start.lookup(&pid);
    if (pid == 0 || !tsp)
        return 0;
    u64 delta = (bpf_ktime_get_ns() - *tsp) / UNIT;
    start.delete(&pid);
#ifdef SECTION
    struct id_key key = {};
    key.id = SECTION;
    key.slot = bpf_log2l(delta);
    dist.increment(key);
#else
    dist.increment(bpf_log2l(delta));
#endif
    return 0;
}

int on_wakeup_event(struct bpf_raw_tracepoint_args *ctx)
{
    struct task_struct *p = (struct task_struct *)ctx->args[0];
    return enqueued(p->tgid, p->pid);
}

int on_switch_event(struct bpf_raw_tracepoint_args *ctx)
{
    struct task_struct *prev = (struct task_struct *)ctx->args[1];
    struct task_struct *next = (struct task_struct *)ctx->args[2];
    return switched(prev, next->tgid, next->pid);
}

int on_wake_up_new_task(struct pt_regs *ctx, struct task_struct *p) { return enqueued(p->tgid, p->pid); }

int on_ttwu_do_wakeup(struct pt_regs *ctx, struct rq *rq, struct task_struct *p) { return enqueued(p->tgid, p->pid); }

int on_finish_task_switch(struct pt_regs *ctx, struct task_struct *prev)
{
    u64 id = bpf_get_current_pid_tgid();
    return switched(prev, id >> 32, id);
}
