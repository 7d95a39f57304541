/**
 * The C that tools use to follow only some containers: `container_should_be_filtered()`, by a pinned map of cgroup ids (--cgroupmap) or of mount
 * namespaces (--mntnsmap). With neither it lets everything through.
 */

export interface ContainerMaps {
  /** Path of a pinned hash of u64 cgroup ids. */
  readonly cgroupmap?: string | undefined;
  /** Path of a pinned hash of u64 inode numbers of mount namespaces (leaf u32). */
  readonly mntnsmap?: string | undefined;
}

const EVERYTHING = (name: string) => `static inline int ${name}() { return 0; }\n`;

function quoted(path: string): string {
  return JSON.stringify(path);
}

export function filterByContainers({ cgroupmap, mntnsmap }: ContainerMaps): string {
  return `${cgroupmap ? byCgroup(cgroupmap) : EVERYTHING('_cgroup_filter')}${
    mntnsmap ? byMountNamespace(mntnsmap) : EVERYTHING('_mntns_filter')
  }static inline int container_should_be_filtered() {
  return _cgroup_filter() || _mntns_filter();
}
`;
}

function byCgroup(path: string): string {
  return `BPF_TABLE_PINNED("hash", u64, u64, cgroupset, 1024, ${quoted(path)});
static inline int _cgroup_filter() {
  u64 id = bpf_get_current_cgroup_id();
  return cgroupset.lookup(&id) == NULL;
}
`;
}

/** struct mnt_namespace comes from the kernel's BTF; MNT_NAMESPACE_DEFINED keeps scripts from defining it again. */
function byMountNamespace(path: string): string {
  return `#define MNT_NAMESPACE_DEFINED
BPF_TABLE_PINNED("hash", u64, u32, mount_ns_set, 1024, ${quoted(path)});
static inline int _mntns_filter() {
  struct task_struct *task = (struct task_struct *)bpf_get_current_task();
  struct nsproxy *proxy = NULL;
  struct mnt_namespace *space = NULL;
  unsigned int inode = 0;
  if (bpf_probe_read_kernel(&proxy, sizeof(proxy), &task->nsproxy)) return 0;
  if (bpf_probe_read_kernel(&space, sizeof(space), &proxy->mnt_ns)) return 0;
  if (bpf_probe_read_kernel(&inode, sizeof(inode), &space->ns.inum)) return 0;
  u64 id = inode;
  return mount_ns_set.lookup(&id) == NULL;
}
`;
}
