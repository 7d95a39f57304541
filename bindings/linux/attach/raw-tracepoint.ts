/** Raw tracepoints: the arguments of the tracepoint itself, without a format between; typed ones (tp_btf) are tracing programs. */
import { ERRNO, errnoName } from '../../../core/base/errno.ts';
import { BpfError, nearestNames, SysError } from '../../../core/base/errors.ts';
import { bpf } from '../bpf.ts';
import { type AttachKind, attaching, cookieOption, cText } from './attach-kind.ts';

const OF_TASKS = /^(sys_enter|sys_exit|task_newtask|task_rename|sched_process_(exec|fork|exit|free|wait)|signal_)/;
const bare = (target: string): string => target.slice(target.indexOf(':') + 1);

const row = {
  inTask: (target) => OF_TASKS.test(bare(target)),
  attach(prog, probe, host) {
    const name = bare(probe.target);
    const cookie = cookieOption(probe);
    const fd = bpf('RAW_TRACEPOINT_OPEN', {
      prog_fd: host.progFd(prog),
      // A tracing program knows its tracepoint since it was loaded.
      ...(prog.spec.type !== 'tracing' && { name: cText(name) }),
      ...(cookie !== undefined && { cookie }),
    });
    if (fd >= 0) return { how: 'raw tracepoint', fds: [fd] };
    if (fd === -ERRNO.ENOENT) {
      const names = [...host.kernelBtf.names('typedef')]
        .filter((n) => n.startsWith('btf_trace_'))
        .map((n) => n.slice(10));
      const near = nearestNames(name, names, 5);
      throw new BpfError(
        'ENOENT',
        `the running kernel has no raw tracepoint '${name}'${near.length > 0 ? `; nearest: ${near.join(', ')}` : ''}`,
      );
    }
    throw new SysError('bpf(BPF_RAW_TRACEPOINT_OPEN)', errnoName(fd), attaching(prog, probe));
  },
} satisfies Omit<AttachKind, 'kind'>;

export const rawTracepoint: AttachKind = {
  kind: 'raw_tracepoint',
  progTypes: ['raw_tracepoint', 'raw_tracepoint_writable', 'tracing'],
  ...row,
};
export const tpBtf: AttachKind = { kind: 'tp_btf', progTypes: ['tracing'], ...row };
