-- opensnoop: a line for every open(2) and its kin, in the columns of BCC's tool of that name. -x as only argument: failed ones alone.
local program = [[
#include <uapi/linux/ptrace.h>
#include <uapi/linux/limits.h>
#include <linux/sched.h>

struct event {
    u32 pid;
    int ret;
    char comm[TASK_COMM_LEN];
    char name[NAME_MAX];
};

// What each thread is opening, from entry to return.
BPF_HASH(opening, u64, const char *);
BPF_PERF_OUTPUT(events);

static inline int entered(const char *name)
{
    u64 id = bpf_get_current_pid_tgid();
    opening.update(&id, &name);
    return 0;
}

static inline int returned(void *ctx, int ret)
{
    u64 id = bpf_get_current_pid_tgid();
    const char **name = opening.lookup(&id);
    if (!name)
        return 0;
    struct event e = {};
    e.pid = id >> 32;
    e.ret = ret;
    bpf_get_current_comm(&e.comm, sizeof(e.comm));
    bpf_probe_read_user_str(&e.name, sizeof(e.name), *name);
    opening.delete(&id);
    events.perf_submit(ctx, &e, sizeof(e));
    return 0;
}

TRACEPOINT_PROBE(syscalls, sys_enter_open) { return entered(args->filename); }
TRACEPOINT_PROBE(syscalls, sys_exit_open) { return returned(args, args->ret); }
TRACEPOINT_PROBE(syscalls, sys_enter_openat) { return entered(args->filename); }
TRACEPOINT_PROBE(syscalls, sys_exit_openat) { return returned(args, args->ret); }
TRACEPOINT_PROBE(syscalls, sys_enter_openat2) { return entered(args->filename); }
TRACEPOINT_PROBE(syscalls, sys_exit_openat2) { return returned(args, args->ret); }
]]

return function(BPF)
  local failed = arg[1] == "-x"
  local b = BPF:new{ text = program }
  print("%-6s %-16s %4s %3s %s" % { "PID", "COMM", "FD", "ERR", "PATH" })
  b:get_table("events"):open_perf_buffer(function(cpu, event)
    if failed and event.ret >= 0 then return end
    local fd, err = event.ret, 0
    if event.ret < 0 then fd, err = -1, -event.ret end
    print("%-6d %-16s %4d %3d %s" % { event.pid, event.comm, fd, err, event.name })
  end, nil, nil, 64)
  while true do
    b:perf_buffer_poll()
  end
end
