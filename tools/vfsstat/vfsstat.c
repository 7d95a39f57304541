#include <uapi/linux/ptrace.h>

BPF_ARRAY(stats, u64, STATS);

static inline int count(int slot)
{
#ifdef FILTER_PID
    if (bpf_get_current_pid_tgid() >> 32 != FILTER_PID)
        return 0;
#endif
    stats.increment(slot);
    return 0;
}

int on_read(void *ctx) { return count(0); }
int on_write(void *ctx) { return count(1); }
int on_fsync(void *ctx) { return count(2); }
int on_open(void *ctx) { return count(3); }
int on_create(void *ctx) { return count(4); }
