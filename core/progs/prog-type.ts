/** A row of THE PROGRAM-TYPE TABLE (core/progs/index.ts). */

export interface CtxField {
  readonly name: string;
  readonly offset: number;
  readonly size: number;
  readonly read: boolean;
  readonly write: boolean;
  /** What a load of the whole field gives when it is not a number. */
  readonly pointer?: 'packet' | 'packet_end' | 'packet_meta' | 'sock_common_or_null' | 'btf';
  /** Narrower, aligned loads of part of the field are allowed (the kernel's bpf_ctx_narrow_access_ok). */
  readonly narrow?: boolean;
}

/** How ctx memory may be read: a table of fields, or any aligned word up to a size (tracepoint buffers, pt_regs). */
export type CtxLayout =
  | { readonly kind: 'fields'; readonly size: number; readonly fields: readonly CtxField[] }
  | { readonly kind: 'words'; readonly size: number; readonly wordBytes: readonly number[]; readonly write?: boolean }
  | { readonly kind: 'args'; readonly count: number };

export interface ProgTypeRow {
  /** BPF_PROG_TYPE_* number. */
  readonly id: number;
  /** Lower-case kernel name without BPF_PROG_TYPE_: 'kprobe', 'tracepoint', 'xdp', ... */
  readonly name: string;
  readonly since: string;
  /** ELF section prefixes, longest first wins: 'kprobe/', 'kretprobe/', 'uprobe/', ... with the attach type each means. */
  readonly sections: readonly { readonly prefix: string; readonly attachType?: string }[];
  readonly ctx: CtxLayout;
  /** What r0 must be at exit: any number, or one inside a range. */
  readonly returns: 'any' | readonly [number, number];
}
