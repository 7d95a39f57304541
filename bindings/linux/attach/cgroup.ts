/**
 * Programs of a control group (v2): by a link (5.7), which goes with this process, else BPF_PROG_ATTACH. The target is the group's
 * directory; the attach type is the program's own, or option `attachType`. https://docs.kernel.org/bpf/prog_cgroup_sockopt.html
 */
import { closeSync, openSync } from 'node:fs';
import { ERRNO, errnoName } from '../../../core/base/errno.ts';
import { BpfError, SysError } from '../../../core/base/errors.ts';
import { attachTypeById, attachTypeByName } from '../../../core/progs/attach-types.ts';
import { bpf } from '../bpf.ts';
import { kernelAtLeast } from '../machine.ts';
import { missingCapabilities } from '../rights.ts';
import { type AttachKind, attaching, netHint } from './attach-kind.ts';
import { attachClsact, DIRECTIONS } from './tc.ts';

/** Where the program's type alone says it. */
const BY_TYPE: Readonly<Record<string, string>> = {
  sock_ops: 'cgroup_sock_ops',
  cgroup_device: 'cgroup_device',
  cgroup_sysctl: 'cgroup_sysctl',
  cgroup_sock: 'cgroup_inet_sock_create',
};
const BPF_F_ALLOW_MULTI = 2;

const EXCLUSIVE =
  'this group or one above it has a program of this kind that suffers no other (attached without BPF_F_ALLOW_MULTI): `bpftool cgroup tree` shows it';

export const cgroup: AttachKind = {
  kind: 'cgroup',
  inTask: () => false,
  attach(prog, probe, host) {
    const doing = attaching(prog, probe);
    const wanted = probe.options?.['attachType'] ?? prog.spec.attachType ?? BY_TYPE[prog.spec.type];
    const type = typeof wanted === 'number' ? wanted : attachTypeByName(String(wanted))?.id;
    if (type === undefined)
      throw new BpfError(
        'EINVAL',
        `${doing}: option 'attachType' must say where in the group (cgroup_inet_egress, ...)`,
      );
    let group: number;
    try {
      group = openSync(probe.target, 'r');
    } catch (error) {
      throw new BpfError('ENOENT', `${doing}: the group cannot be opened: ${(error as NodeJS.ErrnoException).code}`, {
        cause: error,
      });
    }
    const progFd = host.progFd(prog);
    const fd = bpf('LINK_CREATE', { prog_fd: progFd, target_fd: group, attach_type: type });
    if (fd >= 0) {
      closeSync(group);
      return { how: 'link', fds: [fd] };
    }
    const attr = { target_fd: group, attach_bpf_fd: progFd, attach_type: type };
    const errno =
      fd === -ERRNO.EINVAL || fd === -ERRNO.EOPNOTSUPP
        ? bpf('PROG_ATTACH', { ...attr, attach_flags: BPF_F_ALLOW_MULTI })
        : fd;
    if (errno >= 0) return { how: 'program', fds: [group], undo: () => void bpf('PROG_DETACH', attr) };
    closeSync(group);
    throw new SysError('bpf(BPF_LINK_CREATE)', errnoName(errno), doing, {
      ...netHint(errno),
      // Nobody is missing a right for it: __cgroup_bpf_attach in kernel/bpf/cgroup.c.
      ...(errno === -ERRNO.EPERM && missingCapabilities(['BPF', 'NET_ADMIN']) === undefined && { hint: EXCLUSIVE }),
      ...(errno === -ERRNO.EBADF && { hint: 'the directory is no control group of version 2' }),
    });
  },
};

/**
 * BCC's attach_func: any descriptor (a group, a map of sockets, a network namespace, the number of an interface), any attach type. Undone when the link is closed. By a link
 * too where the kernel has one, since what BPF_PROG_ATTACH ties to a group or an interface stays when this process is killed; other flags than
 * BPF_F_ALLOW_MULTI, which links imply, only BPF_PROG_ATTACH knows. The places of tcx on kernels without it (before 6.6) are those of a clsact qdisc.
 */
export const progAttach: AttachKind = {
  kind: 'prog_attach',
  inTask: () => false,
  attach(prog, probe, host) {
    const progFd = host.progFd(prog);
    const where = { target_fd: Number(probe.target), attach_type: Number(probe.options?.['attachType'] ?? 0) };
    const flags = Number(probe.options?.['flags'] ?? 0);
    if (flags === 0 || flags === BPF_F_ALLOW_MULTI) {
      const fd = bpf('LINK_CREATE', { prog_fd: progFd, ...where });
      if (fd >= 0) return { how: 'link', fds: [fd] };
    }
    const attr = { ...where, attach_bpf_fd: progFd };
    const errno = bpf('PROG_ATTACH', { ...attr, attach_flags: flags });
    const place = attachTypeById(where.attach_type)?.name;
    if (errno === -ERRNO.EINVAL && (place === 'tcx_ingress' || place === 'tcx_egress') && !kernelAtLeast('6.6')) {
      const { parent } = DIRECTIONS[place === 'tcx_ingress' ? 'ingress' : 'egress'];
      return attachClsact(where.target_fd, parent, progFd, prog.spec.name, 1, attaching(prog, probe));
    }
    if (errno < 0) throw new SysError('bpf(BPF_PROG_ATTACH)', errnoName(errno), attaching(prog, probe));
    return { how: 'program', fds: [], undo: () => void bpf('PROG_DETACH', attr) };
  },
};
