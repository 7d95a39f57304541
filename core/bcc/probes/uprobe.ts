/** Functions of user programs and libraries, on entry and on return. The target is `path:symbol` or `path:+offset`. */
import type { ProbeKindRow } from './probe-kind.ts';

const userFunction = { progType: 'kprobe', auto: false, counted: true, noun: 'user function' } as const satisfies Omit<
  ProbeKindRow,
  'kind'
>;

export const uprobe = { kind: 'uprobe', ...userFunction } as const satisfies ProbeKindRow;
export const uretprobe = { kind: 'uretprobe', ...userFunction } as const satisfies ProbeKindRow;
