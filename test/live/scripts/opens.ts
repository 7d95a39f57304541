/** `skep run opens.ts`: opensnoop in small, the same file for every backend (test/live/command.test.ts). */
import { BPF } from 'skep';

const b = new BPF({
  text: `
    struct event { u32 pid; int ret; char comm[16]; char name[128]; };
    BPF_HASH(opening, u64, const char *);
    BPF_PERF_OUTPUT(events);
    TRACEPOINT_PROBE(syscalls, sys_enter_openat) {
        u64 id = bpf_get_current_pid_tgid();
        const char *name = args->filename;
        opening.update(&id, &name);
        return 0;
    }
    TRACEPOINT_PROBE(syscalls, sys_exit_openat) {
        u64 id = bpf_get_current_pid_tgid();
        const char **name = opening.lookup(&id);
        if (!name)
            return 0;
        struct event e = {};
        e.pid = id >> 32;
        e.ret = args->ret;
        bpf_get_current_comm(&e.comm, sizeof(e.comm));
        bpf_probe_read_user_str(&e.name, sizeof(e.name), *name);
        opening.delete(&id);
        events.perf_submit(args, &e, sizeof(e));
        return 0;
    }`,
});
console.log('PID COMM RET PATH');
for (const e of b.events<{ pid: number; ret: number; comm: string; name: string }>('events'))
  console.log(`${e.pid} ${e.comm} ${e.ret} ${e.name}`);
