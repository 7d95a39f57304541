/** Programs that were loaded for one kernel function by its BTF: entries, exits, changed returns, security hooks. */
import { errnoName } from '../../../core/base/errno.ts';
import { SysError } from '../../../core/base/errors.ts';
import { attachTypeByName } from '../../../core/progs/attach-types.ts';
import { bpf } from '../bpf.ts';
import { type AttachKind, attaching, cookieOption, functionInTask } from './attach-kind.ts';

const byBtf = {
  progTypes: ['tracing'],
  inTask: functionInTask,
  attach(prog, probe, host) {
    const cookie = cookieOption(probe);
    const progFd = host.progFd(prog);
    const fd =
      cookie === undefined
        ? bpf('RAW_TRACEPOINT_OPEN', { prog_fd: progFd })
        : bpf('LINK_CREATE', {
            prog_fd: progFd,
            attach_type: attachTypeByName(prog.spec.attachType ?? 'trace_fentry')!.id,
            tracing_cookie: cookie,
          });
    if (fd >= 0) return { how: 'trampoline', fds: [fd] };
    throw new SysError('bpf(BPF_RAW_TRACEPOINT_OPEN)', errnoName(fd), attaching(prog, probe), {
      hint:
        errnoName(fd) === 'EBUSY'
          ? 'another program holds the function (live patching, or too many programs)'
          : '`skep features` says what this kernel permits',
    });
  },
} satisfies Omit<AttachKind, 'kind'>;

export const kfunc: AttachKind = { kind: 'kfunc', ...byBtf };
export const kretfunc: AttachKind = { kind: 'kretfunc', ...byBtf };
export const fmodRet: AttachKind = { kind: 'fmod_ret', ...byBtf };
export const lsm: AttachKind = { kind: 'lsm', ...byBtf, progTypes: ['lsm'], inTask: () => true };
