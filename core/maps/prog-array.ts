/**
 * prog_array: targets of tail calls (kernel/bpf/arraymap.c, prog_fd_array_*). Slots hold program ids, which the
 * engine's host turns into programs; user space reads the ids back.
 */
import { EBADF } from './errno.ts';
import { checkFdArray, FdArrayMap } from './fd-array.ts';
import type { MapTypeRow } from './map.ts';

export class ProgArrayMap extends FdArrayMap {
  protected take(fd: number): number {
    return this.host.progByFd ? this.host.progByFd(fd, this) : fd > 0 ? fd : EBADF;
  }

  protected show(slot: number): number {
    return slot;
  }
}

export const PROG_ARRAY = {
  id: 3,
  name: 'prog_array',
  since: '4.2',
  check: (attrs) => checkFdArray(attrs),
  create: (attrs, host) => new ProgArrayMap(attrs, 3, host),
} as const satisfies MapTypeRow;
