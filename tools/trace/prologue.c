#include <linux/ptrace.h>
#include <linux/sched.h>

// The nth argument of a system call: the function that implements it gets the caller's registers.
#define SYSCALL_ARG(n) ({ u64 _value = 0; struct pt_regs *_regs = (struct pt_regs *)PT_REGS_PARM1(ctx); \
    bpf_probe_read_kernel(&_value, sizeof(_value), &PT_REGS_PARM##n(_regs)); _value; })

#ifdef FILTER_CGROUP
BPF_CGROUP_ARRAY(cgroups, 1);
#endif

// Is the current task none of those asked for? Probes of user functions are attached to their process alone.
static inline int unwanted(int user)
{
    u64 id = bpf_get_current_pid_tgid();
#if defined(FILTER_TID)
    if ((u32)id != FILTER_TID)
        return 1;
#elif defined(FILTER_PID)
    if (!user && id >> 32 != FILTER_PID)
        return 1;
#elif defined(OWN_PID)
    if (id >> 32 == OWN_PID)
        return 1;
#endif
#ifdef FILTER_UID
    if ((u32)bpf_get_current_uid_gid() != FILTER_UID)
        return 1;
#endif
#ifdef FILTER_CGROUP
    if (cgroups.check_current_task(0) <= 0)
        return 1;
#endif
    return 0;
}

#define describe(data) do { \
    u64 _id = bpf_get_current_pid_tgid(); \
    data.ts_ns = bpf_ktime_get_ns(); \
    data.tgid = _id >> 32; \
    data.pid = _id; \
    data.cpu = bpf_get_smp_processor_id(); \
    bpf_get_current_comm(&data.comm, sizeof(data.comm)); \
} while (0)
