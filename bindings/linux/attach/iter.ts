/**
 * Iterators: the program runs for each of the kernel's objects when the link's descriptor is read, and what it prints is what is read. What they go
 * over can be narrowed (union bpf_iter_link_info of include/uapi/linux/bpf.h):
 *
 * | target | options |
 * |---|---|
 * | bpf_map_elem, bpf_sk_storage_map, sockmap | `mapFd` |
 * | task, task_file, task_vma (Linux 6.1) | `tid` (one thread), `pid` (one process) or `pidFd` |
 * | cgroup (Linux 6.1) | `cgroupFd`, and `order`: 1 itself alone, 2 downwards (the default), 3 downwards, children first, 4 upwards |
 */
import type { Probe } from '../../../core/backend/backend.ts';
import { errnoName } from '../../../core/base/errno.ts';
import { SysError } from '../../../core/base/errors.ts';
import { bpf, sys } from '../bpf.ts';
import { type AttachKind, attaching, numberOption } from './attach-kind.ts';

const ATTACH_ITER = 28;

const DESCENDANTS_PRE = 2;

function narrowing(probe: Probe): Uint8Array | undefined {
  const [map, tid, pid, pidFd, group] = ['mapFd', 'tid', 'pid', 'pidFd', 'cgroupFd'].map((name) =>
    numberOption(probe, name),
  );
  const words = (...values: number[]): Uint8Array => new Uint8Array(Uint32Array.from(values).buffer);
  if (map !== undefined) return words(map, 0, 0, 0);
  if (group !== undefined) return words(numberOption(probe, 'order') ?? DESCENDANTS_PRE, group, 0, 0);
  if (tid !== undefined || pid !== undefined || pidFd !== undefined) return words(tid ?? 0, pid ?? 0, pidFd ?? 0, 0);
  return undefined;
}

export const iter: AttachKind = {
  kind: 'iter',
  progTypes: ['tracing'],
  inTask: () => false,
  attach(prog, probe, host) {
    const doing = attaching(prog, probe);
    const info = narrowing(probe);
    const link = bpf('LINK_CREATE', {
      prog_fd: host.progFd(prog),
      attach_type: ATTACH_ITER,
      ...(info && { iter_info: info, iter_info_len: info.length }),
    });
    if (link < 0) throw new SysError('bpf(BPF_LINK_CREATE)', errnoName(link), doing);
    const fd = bpf('ITER_CREATE', { link_fd: link });
    if (fd >= 0) return { how: 'iterator', fds: [fd, link], readFd: fd };
    sys().close(link);
    throw new SysError('bpf(BPF_ITER_CREATE)', errnoName(fd), doing);
  },
};
