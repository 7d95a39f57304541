/** Kinds that attach by BTF: function entry and exit (kfunc), modified returns, security hooks. */
import type { ProbeKindRow } from './probe-kind.ts';

const byBtf = {
  progType: 'tracing',
  auto: true,
  noun: 'kernel function',
  candidates: (backend) => backend.kernelFunctions(),
} as const satisfies Omit<ProbeKindRow, 'kind'>;

export const kfunc = { kind: 'kfunc', attachType: 'trace_fentry', ...byBtf } as const satisfies ProbeKindRow;
export const kretfunc = { kind: 'kretfunc', attachType: 'trace_fexit', ...byBtf } as const satisfies ProbeKindRow;
/** BCC attaches these only when asked: they change what the kernel does. */
export const fmodRet = {
  kind: 'fmod_ret',
  attachType: 'modify_return',
  ...byBtf,
  auto: false,
} as const satisfies ProbeKindRow;
export const lsm = {
  kind: 'lsm',
  attachType: 'lsm_mac',
  ...byBtf,
  progType: 'lsm',
  noun: 'security hook',
} as const satisfies ProbeKindRow;
/** Iterators run when they are read, not when something happens. */
export const iter = {
  kind: 'iter',
  progType: 'tracing',
  attachType: 'trace_iter',
  auto: false,
  noun: 'iterator',
} as const satisfies ProbeKindRow;
