/**
 * Hooks of netfilter (Linux 6.4; net/netfilter/nf_bpf_link.c), in the network namespace of this process. The target is `family:hook`: `ipv4:local_in`,
 * `ipv6:forward`; option `priority` is the place among the hook's functions, lower first (include/uapi/linux/netfilter_ipv4.h).
 */
import { ERRNO, errnoName } from '../../../core/base/errno.ts';
import { BpfError, SysError } from '../../../core/base/errors.ts';
import { attachTypeByName } from '../../../core/progs/attach-types.ts';
import { bpf } from '../bpf.ts';
import { whyNot } from '../features.ts';
import { type AttachKind, attaching, netHint, numberOption } from './attach-kind.ts';

/** NFPROTO_* and NF_INET_*. */
const FAMILIES: Readonly<Record<string, number>> = { ipv4: 2, ipv6: 10 };
const HOOKS = ['pre_routing', 'local_in', 'forward', 'local_out', 'post_routing'] as const;
/** Before the filter table of iptables, which is at 0. */
const DEFAULT_PRIORITY = -1;

export const netfilter: AttachKind = {
  kind: 'netfilter',
  progTypes: ['netfilter'],
  inTask: () => false,
  attach(prog, probe, host) {
    const doing = attaching(prog, probe);
    const [family, hook] = probe.target.split(':') as [string, string | undefined];
    const pf = FAMILIES[family];
    const hooknum = HOOKS.indexOf(hook as (typeof HOOKS)[number]);
    if (pf === undefined || hooknum < 0)
      throw new BpfError(
        'EINVAL',
        `${doing}: a hook is named FAMILY:HOOK, of ${Object.keys(FAMILIES).join(', ')} and ${HOOKS.join(', ')}`,
      );
    const fd = bpf('LINK_CREATE', {
      prog_fd: host.progFd(prog),
      attach_type: attachTypeByName('netfilter')!.id,
      netfilter_pf: pf,
      netfilter_hooknum: hooknum,
      netfilter_priority: (numberOption(probe, 'priority') ?? DEFAULT_PRIORITY) >>> 0,
    });
    if (fd >= 0) return { how: 'netfilter link', fds: [fd] };
    throw new SysError('bpf(BPF_LINK_CREATE)', errnoName(fd), doing, {
      ...netHint(fd),
      ...(fd === -ERRNO.EBUSY && { hint: 'another program has this priority there' }),
      ...((fd === -ERRNO.EINVAL || fd === -ERRNO.EOPNOTSUPP || fd === -ERRNO.EAFNOSUPPORT) && {
        hint: whyNot(fd, { since: '6.4', config: ['CONFIG_NETFILTER_BPF_LINK'] }),
      }),
    });
  },
};
