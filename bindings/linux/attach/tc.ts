/**
 * Traffic control: by a tcx link (6.6); else a clsact qdisc with a bpf filter in direct action (tc-bpf(8)), undone when the link is closed. The
 * target is an interface, option `direction` is 'ingress' (default) or 'egress'.
 */
import { ERRNO, errnoName } from '../../../core/base/errno.ts';
import { BpfError, SysError } from '../../../core/base/errors.ts';
import { bpf } from '../bpf.ts';
import { attribute, interfaceIndex, routeRequest, routeRequestOrThrow, u32Bytes } from '../netdev.ts';
import { type AttachKind, attaching, cText, netHint, numberOption } from './attach-kind.ts';

export const DIRECTIONS = {
  ingress: { tcx: 46, parent: 0xfffffff2 },
  egress: { tcx: 47, parent: 0xfffffff3 },
} as const;
const RTM_NEWQDISC = 36;
const RTM_NEWTFILTER = 44;
const RTM_DELTFILTER = 45;
const NLM_F_CREATE = 0x400;
const NLM_F_EXCL = 0x200;
const CLSACT_HANDLE = 0xffff0000;
const CLSACT_PARENT = 0xfffffff1;
const TCA_KIND = 1;
const TCA_OPTIONS = 2;
const TCA_BPF = { FD: 6, NAME: 7, FLAGS: 8 } as const;
const ACT_DIRECT = 1;
/** htons(ETH_P_ALL) in the low half of tcm_info, the priority in the high one. */
const ALL_PROTOCOLS = 0x0300;

function tcMessage(ifindex: number, handle: number, parent: number, info: number): Uint8Array {
  const bytes = new Uint8Array(20);
  const view = new DataView(bytes.buffer);
  view.setInt32(4, ifindex, true);
  view.setUint32(8, handle, true);
  view.setUint32(12, parent, true);
  view.setUint32(16, info, true);
  return bytes;
}

export const tc: AttachKind = {
  kind: 'tc',
  progTypes: ['sched_cls'],
  inTask: () => false,
  attach(prog, probe, host) {
    const doing = attaching(prog, probe);
    const direction = String(probe.options?.['direction'] ?? 'ingress');
    if (direction !== 'ingress' && direction !== 'egress')
      throw new BpfError('EINVAL', `${doing}: direction is 'ingress' or 'egress', not '${direction}'`);
    const { tcx, parent } = DIRECTIONS[direction];
    const ifindex = interfaceIndex(probe.target);
    const fd = bpf('LINK_CREATE', { prog_fd: host.progFd(prog), target_ifindex: ifindex, attach_type: tcx });
    if (fd >= 0) return { how: 'tcx link', fds: [fd] };
    if (fd === -ERRNO.EPERM) throw new SysError('bpf(BPF_LINK_CREATE)', 'EPERM', doing, netHint(fd));
    return attachClsact(
      ifindex,
      parent,
      host.progFd(prog),
      prog.spec.name,
      numberOption(probe, 'priority') ?? 1,
      doing,
    );
  },
};

/** Exported for machines that have tcx: the older way is tried there too. */
export function attachClsact(
  ifindex: number,
  parent: number,
  progFd: number,
  name: string,
  priority: number,
  doing: string,
) {
  const made = routeRequest(RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, [
    tcMessage(ifindex, CLSACT_HANDLE, CLSACT_PARENT, 0),
    attribute(TCA_KIND, cText('clsact')),
  ]);
  if (made < 0 && made !== -ERRNO.EEXIST) throw new SysError('rtnetlink(RTM_NEWQDISC)', errnoName(made), doing);
  const filter = tcMessage(ifindex, 1, parent, ((priority << 16) | ALL_PROTOCOLS) >>> 0);
  const options = [
    attribute(TCA_BPF.FD, u32Bytes(progFd)),
    attribute(TCA_BPF.NAME, cText(name)),
    attribute(TCA_BPF.FLAGS, u32Bytes(ACT_DIRECT)),
  ];
  routeRequestOrThrow(
    RTM_NEWTFILTER,
    NLM_F_CREATE | NLM_F_EXCL,
    [filter, attribute(TCA_KIND, cText('bpf')), attribute(TCA_OPTIONS, options)],
    doing,
  );
  return {
    how: 'clsact filter',
    fds: [],
    undo: () => {
      routeRequest(RTM_DELTFILTER, 0, [filter, attribute(TCA_KIND, cText('bpf'))]);
    },
  };
}
