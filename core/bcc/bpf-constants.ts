/** Enumerations under BCC's class names: attach types, program types, XDP actions and flags (include/uapi/linux/bpf.h, if_link.h). */
import { ATTACH_TYPES } from '../progs/attach-types.ts';
import { PROG_TYPES } from '../progs/index.ts';

type Numbers = Readonly<Record<string, number>>;

function upper(rows: readonly { readonly id: number; readonly name: string }[]): Numbers {
  return Object.fromEntries(rows.map((row) => [row.name.toUpperCase(), row.id]));
}

/** BPF_PROG_TYPE_* without the prefix. */
export const BPFProgType: Numbers = upper(PROG_TYPES);

/** BPF_* attach types without the prefix. */
export const BPFAttachType: Numbers = upper(ATTACH_TYPES);

export const XDPAction = { XDP_ABORTED: 0, XDP_DROP: 1, XDP_PASS: 2, XDP_TX: 3, XDP_REDIRECT: 4 } as const;

export const XDPFlags = { UPDATE_IF_NOEXIST: 1, SKB_MODE: 2, DRV_MODE: 4, HW_MODE: 8, REPLACE: 16 } as const;
