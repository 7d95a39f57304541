/** Iterators: the program runs for each of the kernel's objects when the link's descriptor is read, and what it prints is what is read. */
import { errnoName } from '../../../core/base/errno.ts';
import { SysError } from '../../../core/base/errors.ts';
import { bpf, sys } from '../bpf.ts';
import { type AttachKind, attaching, numberOption } from './attach-kind.ts';

const ATTACH_ITER = 28;

export const iter: AttachKind = {
  kind: 'iter',
  progTypes: ['tracing'],
  inTask: () => false,
  attach(prog, probe, host) {
    const doing = attaching(prog, probe);
    const map = numberOption(probe, 'mapFd');
    // union bpf_iter_link_info: the map's descriptor is its first word.
    const info = map === undefined ? undefined : new Uint8Array(Uint32Array.of(map, 0, 0, 0).buffer);
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
