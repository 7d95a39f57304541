/** Programs that were loaded for one kernel function by its BTF: entries, exits, changed returns, security hooks. */
import type { Probe } from '../../../core/backend/backend.ts';
import { errnoName } from '../../../core/base/errno.ts';
import { SysError } from '../../../core/base/errors.ts';
import { attachTypeByName } from '../../../core/progs/attach-types.ts';
import { bpf } from '../bpf.ts';
import type { LinuxProg } from '../load.ts';
import {
  type Attached,
  type AttachHost,
  type AttachKind,
  attaching,
  cookieOption,
  functionInTask,
} from './attach-kind.ts';

/** A link, or -errno. */
export function trampolineLink(prog: LinuxProg, probe: Probe, host: AttachHost): Attached | number {
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
  return fd >= 0 ? { how: 'trampoline', fds: [fd] } : fd;
}

const byBtf = {
  progTypes: ['tracing'],
  inTask: functionInTask,
  attach(prog, probe, host) {
    const fd = trampolineLink(prog, probe, host);
    if (typeof fd !== 'number') return fd;
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
