/** Programs of a network namespace: socket lookup, flow dissection. The target is the namespace's file; 'self' is this process's. */
import { closeSync, openSync } from 'node:fs';
import { errnoName } from '../../../core/base/errno.ts';
import { BpfError, SysError } from '../../../core/base/errors.ts';
import { attachTypeByName } from '../../../core/progs/attach-types.ts';
import { bpf } from '../bpf.ts';
import { type AttachKind, attaching } from './attach-kind.ts';

export const netns: AttachKind = {
  kind: 'netns',
  progTypes: ['sk_lookup', 'flow_dissector'],
  inTask: () => false,
  attach(prog, probe, host) {
    const doing = attaching(prog, probe);
    const path = probe.target === 'self' ? '/proc/self/ns/net' : probe.target;
    let namespace: number;
    try {
      namespace = openSync(path, 'r');
    } catch (error) {
      throw new BpfError('ENOENT', `${doing}: ${(error as NodeJS.ErrnoException).code}`, { cause: error });
    }
    const type = attachTypeByName(prog.spec.type === 'sk_lookup' ? 'sk_lookup' : 'flow_dissector')!.id;
    const fd = bpf('LINK_CREATE', { prog_fd: host.progFd(prog), target_fd: namespace, attach_type: type });
    closeSync(namespace);
    if (fd < 0) throw new SysError('bpf(BPF_LINK_CREATE)', errnoName(fd), doing);
    return { how: 'link', fds: [fd] };
  },
};
