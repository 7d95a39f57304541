/**
 * XDP: by a link (5.9), which goes with this process; else by rtnetlink (IFLA_XDP), undone when the link is closed.
 * https://docs.kernel.org/networking/filter.html; include/uapi/linux/if_link.h
 */
import { ERRNO, errnoName } from '../../../core/base/errno.ts';
import { SysError } from '../../../core/base/errors.ts';
import { bpf } from '../bpf.ts';
import { attribute, interfaceIndex, routeRequest, routeRequestOrThrow, u32Bytes } from '../netdev.ts';
import { type AttachKind, attaching, netHint, numberOption } from './attach-kind.ts';

const ATTACH_XDP = 37;
/** XDP_FLAGS_SKB_MODE | DRV_MODE | HW_MODE. */
const MODES = 2 | 4 | 8;
const RTM_SETLINK = 19;
const IFLA_XDP = 43;
const IFLA_XDP_FD = 1;
const IFLA_XDP_FLAGS = 3;

function setLink(ifindex: number, fd: number, flags: number): Uint8Array[] {
  const info = new Uint8Array(16);
  new DataView(info.buffer).setInt32(4, ifindex, true);
  const nested = [attribute(IFLA_XDP_FD, u32Bytes(fd)), ...(flags ? [attribute(IFLA_XDP_FLAGS, u32Bytes(flags))] : [])];
  return [info, attribute(IFLA_XDP, nested)];
}

export const xdp: AttachKind = {
  kind: 'xdp',
  progTypes: ['xdp'],
  inTask: () => false,
  attach(prog, probe, host) {
    const doing = attaching(prog, probe);
    const flags = numberOption(probe, 'flags') ?? 0;
    const ifindex = interfaceIndex(probe.target);
    const progFd = host.progFd(prog);
    const fd = bpf('LINK_CREATE', {
      prog_fd: progFd,
      target_ifindex: ifindex,
      attach_type: ATTACH_XDP,
      flags: flags & MODES,
    });
    if (fd >= 0) return { how: 'link', fds: [fd] };
    if (fd === -ERRNO.EBUSY || fd === -ERRNO.EEXIST)
      throw new SysError('bpf(BPF_LINK_CREATE)', errnoName(fd), doing, {
        hint: `another XDP program is on ${probe.target}`,
      });
    if (fd === -ERRNO.EPERM) throw new SysError('bpf(BPF_LINK_CREATE)', 'EPERM', doing, netHint(fd));
    if (routeRequest(RTM_SETLINK, 0, setLink(ifindex, progFd, flags)) < 0)
      throw new SysError('bpf(BPF_LINK_CREATE)', errnoName(fd), doing, {
        hint:
          (flags & 8) !== 0
            ? 'the device offloads no programs'
            : (flags & 4) !== 0
              ? `the driver of ${probe.target} has no native XDP; XDP_FLAGS_SKB_MODE always works`
              : '',
      });
    return {
      how: 'netlink',
      fds: [],
      undo: () =>
        routeRequestOrThrow(RTM_SETLINK, 0, setLink(ifindex, -1, flags & MODES), `detaching from ${probe.target}`),
    };
  },
};
