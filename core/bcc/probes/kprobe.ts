/** Kernel functions, on entry and on return. */
import { fixSyscallName, hasFunction } from '../syscalls.ts';
import type { ProbeKindRow } from './probe-kind.ts';

const kernelFunction = {
  progType: 'kprobe',
  auto: true,
  counted: true,
  noun: 'kernel function',
  normalise: (target, backend) => fixSyscallName(target, (name) => hasFunction(backend, name)),
  candidates: (backend) => backend.kernelFunctions(),
} as const satisfies Omit<ProbeKindRow, 'kind'>;

export const kprobe = { kind: 'kprobe', ...kernelFunction } as const satisfies ProbeKindRow;
export const kretprobe = { kind: 'kretprobe', ...kernelFunction } as const satisfies ProbeKindRow;
