#include <uapi/linux/ptrace.h>

BPF_ARRAY(counts, u64, SIZE);

static inline int count(int slot)
{
#ifdef FILTER_PID
    if (bpf_get_current_pid_tgid() >> 32 != FILTER_PID)
        return 0;
#endif
#ifdef FILTER_CPU
    if (bpf_get_smp_processor_id() != FILTER_CPU)
        return 0;
#endif
    counts.atomic_increment(slot);
    return 0;
}

