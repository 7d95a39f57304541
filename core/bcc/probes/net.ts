/** Sockets and network devices. */
import type { ProbeKindRow } from './probe-kind.ts';

export const rawSocket = {
  kind: 'socket',
  progType: 'socket_filter',
  auto: false,
  noun: 'network interface',
} as const satisfies ProbeKindRow;
export const xdp = {
  kind: 'xdp',
  progType: 'xdp',
  auto: false,
  noun: 'network interface',
} as const satisfies ProbeKindRow;
