/**
 * cgroup_array: slots hold control groups (kernel/bpf/arraymap.c, cgroup_fd_array_*). User space stores a descriptor of
 * a cgroup directory; here the host says which cgroup id (above 0) that is.
 */
import { EBADF } from './errno.ts';
import { checkFdArray, FdArrayMap } from './fd-array.ts';
import type { MapTypeRow } from './map.ts';

export class CgroupArrayMap extends FdArrayMap {
  protected take(fd: number): number {
    return this.host.cgroupByFd ? this.host.cgroupByFd(fd) : fd > 0 ? fd : EBADF;
  }

  protected show(_slot: number): undefined {
    return undefined;
  }
}

export const CGROUP_ARRAY = {
  id: 8,
  name: 'cgroup_array',
  since: '4.8',
  check: (attrs) => checkFdArray(attrs),
  create: (attrs, host) => new CgroupArrayMap(attrs, 8, host),
} as const satisfies MapTypeRow;
