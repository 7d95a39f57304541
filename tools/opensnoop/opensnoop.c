#include <uapi/linux/ptrace.h>
#include <uapi/linux/limits.h>
#include <linux/sched.h>
#ifdef FULL_PATH
#include <linux/fs_struct.h>
#include <linux/dcache.h>

// Directories above a relative name that are followed.
#define MAX_PARENTS 31
#endif

struct pending {
    const char *name;
    u32 flags;
};

struct event {
    u64 id;
    u64 ts_us;
    u32 uid;
    int ret;
    u32 flags;
    u32 last;
    char comm[TASK_COMM_LEN];
    char name[NAME_MAX];
};

// What each thread is opening, from entry to return.
BPF_HASH(opening, u64, struct pending);
BPF_PERF_OUTPUT(events);

static inline int entered(const char *name, u32 flags)
{
    u64 id = bpf_get_current_pid_tgid();
    if (container_should_be_filtered())
        return 0;
#ifdef FILTER_PID
    if (id >> 32 != FILTER_PID)
        return 0;
#endif
#ifdef FILTER_TID
    if ((u32)id != FILTER_TID)
        return 0;
#endif
#ifdef FILTER_UID
    if ((u32)bpf_get_current_uid_gid() != FILTER_UID)
        return 0;
#endif
#ifdef FILTER_FLAGS
    if (!(flags & FILTER_FLAGS))
        return 0;
#endif
    struct pending p = {};
    p.name = name;
    p.flags = flags;
    opening.update(&id, &p);
    return 0;
}

#ifdef FULL_PATH
// A record for each part of the path: the name, then the working directory's, from the innermost to the root.
static inline int with_parents(void *ctx, struct event *e)
{
    e->last = e->name[0] == '/';
    events.perf_submit(ctx, e, sizeof(*e));
    if (e->last)
        return 0;
    struct task_struct *task = (struct task_struct *)bpf_get_current_task();
    struct dentry *dentry = task->fs->pwd.dentry;
    for (int i = 0; i < MAX_PARENTS; i++) {
        struct dentry *parent = dentry->d_parent;
        bpf_probe_read_kernel_str(&e->name, sizeof(e->name), (void *)dentry->d_name.name);
        e->last = dentry == parent || i == MAX_PARENTS - 1;
        events.perf_submit(ctx, e, sizeof(*e));
        if (e->last)
            return 0;
        dentry = parent;
    }
    return 0;
}
#endif

static inline int returned(void *ctx, int ret)
{
    u64 id = bpf_get_current_pid_tgid();
    struct pending *p = opening.lookup(&id);
    if (!p)
        return 0; // filtered, or the entry was missed
    struct event e = {};
    e.id = id;
    e.ts_us = bpf_ktime_get_ns() / 1000;
    e.uid = bpf_get_current_uid_gid();
    e.ret = ret;
    e.flags = p->flags;
    bpf_get_current_comm(&e.comm, sizeof(e.comm));
    // Read on the way out: the page that holds the name is surely there by now.
    bpf_probe_read_user_str(&e.name, sizeof(e.name), p->name);
    opening.delete(&id);
#ifdef FAILED_ONLY
    if (ret >= 0)
        return 0;
#endif
#ifdef FULL_PATH
    return with_parents(ctx, &e);
#else
    events.perf_submit(ctx, &e, sizeof(e));
    return 0;
#endif
}

TRACEPOINT_PROBE(syscalls, sys_enter_open) { return entered(args->filename, args->flags); }
TRACEPOINT_PROBE(syscalls, sys_exit_open) { return returned(args, args->ret); }

TRACEPOINT_PROBE(syscalls, sys_enter_openat) { return entered(args->filename, args->flags); }
TRACEPOINT_PROBE(syscalls, sys_exit_openat) { return returned(args, args->ret); }

TRACEPOINT_PROBE(syscalls, sys_enter_openat2)
{
    u64 flags = 0;
    // struct open_how begins with its flags.
    bpf_probe_read_user(&flags, sizeof(flags), args->how);
    return entered(args->filename, flags);
}
TRACEPOINT_PROBE(syscalls, sys_exit_openat2) { return returned(args, args->ret); }
