#include <uapi/linux/ptrace.h>
#include <linux/sched.h>
#include <linux/fs.h>

#define ARG_SIZE 128
#ifndef MAX_ARGS
#define MAX_ARGS 20
#endif

struct event {
    u32 pid;
    u32 ppid;
    u32 uid;
    u32 is_return;
    char comm[TASK_COMM_LEN];
    char argv[ARG_SIZE];
    int retval;
};

BPF_PERF_OUTPUT(events);

static inline int fill(struct event *e)
{
    u32 uid = bpf_get_current_uid_gid();
    if (container_should_be_filtered())
        return -1;
#ifdef FILTER_UID
    if (uid != FILTER_UID)
        return -1;
#endif
    struct task_struct *task = (struct task_struct *)bpf_get_current_task();
    e->pid = bpf_get_current_pid_tgid() >> 32;
    e->ppid = task->real_parent->tgid;
#ifdef FILTER_PPID
    if (e->ppid != FILTER_PPID)
        return -1;
#endif
    e->uid = uid;
    bpf_get_current_comm(&e->comm, sizeof(e->comm));
    return 0;
}

static inline int send_string(void *ctx, struct event *e, const char *text)
{
    bpf_probe_read_user_str(e->argv, sizeof(e->argv), text);
    events.perf_submit(ctx, e, sizeof(*e));
    return 0;
}

static inline int entered(void *ctx, const char *filename, const char *const *argv)
{
    struct event e = {};
    if (fill(&e))
        return 0;
    send_string(ctx, &e, filename);
    for (int i = 1; i < MAX_ARGS; i++) {
        const char *arg = 0;
        bpf_probe_read_user(&arg, sizeof(arg), &argv[i]);
        if (!arg)
            return 0;
        send_string(ctx, &e, arg);
    }
    // There may be more.
    char dots[] = "...";
    __builtin_memcpy(e.argv, dots, sizeof(dots));
    events.perf_submit(ctx, &e, sizeof(e));
    return 0;
}

static inline int returned(void *ctx, int ret)
{
    struct event e = {};
    if (fill(&e))
        return 0;
    e.is_return = 1;
    e.retval = ret;
    events.perf_submit(ctx, &e, sizeof(e));
    return 0;
}

TRACEPOINT_PROBE(syscalls, sys_enter_execve) { return entered(args, args->filename, args->argv); }
TRACEPOINT_PROBE(syscalls, sys_exit_execve) { return returned(args, args->ret); }
TRACEPOINT_PROBE(syscalls, sys_enter_execveat) { return entered(args, args->filename, args->argv); }
TRACEPOINT_PROBE(syscalls, sys_exit_execveat) { return returned(args, args->ret); }
