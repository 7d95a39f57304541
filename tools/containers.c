// --cgroupmap and --mntnsmap: only tasks whose cgroup or mount namespace is in the set that somebody pinned.
#ifdef FILTER_CGROUPS
BPF_TABLE_PINNED("hash", u64, u64, wanted_cgroups, 1024, FILTER_CGROUPS);
#endif
#ifdef FILTER_MNTNS
#include <linux/nsproxy.h>
#include <linux/mount.h>
#include <linux/ns_common.h>
BPF_TABLE_PINNED("hash", u64, u32, wanted_mntns, 1024, FILTER_MNTNS);
#endif

static inline int outside_containers(void)
{
#ifdef FILTER_CGROUPS
    u64 cgroup = bpf_get_current_cgroup_id();
    if (wanted_cgroups.lookup(&cgroup) == NULL)
        return 1;
#endif
#ifdef FILTER_MNTNS
    struct task_struct *task = (struct task_struct *)bpf_get_current_task();
    u64 mntns = task->nsproxy->mnt_ns->ns.inum;
    if (wanted_mntns.lookup(&mntns) == NULL)
        return 1;
#endif
    return 0;
}
