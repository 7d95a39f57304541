/* execsnoop in small: what was executed, with which argument, and how it ended. */
struct event {
    u32 pid;
    int ret;
    u32 entered;
    char comm[16];
    char file[64];
    char arg[64];
};
BPF_PERF_OUTPUT(events);

TRACEPOINT_PROBE(syscalls, sys_enter_execve)
{
    struct event e = {};
    const char *arg = 0;
    e.pid = bpf_get_current_pid_tgid() >> 32;
    e.entered = 1;
    bpf_get_current_comm(&e.comm, sizeof(e.comm));
    bpf_probe_read_user_str(e.file, sizeof(e.file), args->filename);
    bpf_probe_read_user(&arg, sizeof(arg), &args->argv[1]);
    bpf_probe_read_user_str(e.arg, sizeof(e.arg), arg);
    events.perf_submit(args, &e, sizeof(e));
    return 0;
}

TRACEPOINT_PROBE(syscalls, sys_exit_execve)
{
    struct event e = {};
    e.pid = bpf_get_current_pid_tgid() >> 32;
    e.ret = args->ret;
    bpf_get_current_comm(&e.comm, sizeof(e.comm));
    events.perf_submit(args, &e, sizeof(e));
    return 0;
}
