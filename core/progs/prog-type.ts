/** A row of THE PROGRAM-TYPE TABLE (core/progs/index.ts). */

export interface CtxField {
  readonly name: string;
  readonly offset: number;
  readonly size: number;
  readonly read: boolean;
  readonly write: boolean;
  /** Only for programs of users with CAP_BPF. */
  readonly privileged?: boolean;
  /** What a load of the whole field gives when it is not a number. */
  readonly pointer?:
    | 'packet'
    | 'packet_end'
    | 'packet_meta'
    | 'sock_common_or_null'
    | 'socket'
    | 'socket_or_null'
    | 'flow_keys'
    | 'btf';
  /** The kernel struct behind `pointer: 'btf'`. */
  readonly btf?: string;
  /** Narrower, aligned loads of part of the field are allowed (the kernel's bpf_ctx_narrow_access_ok). */
  readonly narrow?: boolean;
  /** Narrow loads only of the field's first bytes (bpf_sock's plain members). */
  readonly narrowAtStart?: boolean;
  /** Least width of a narrow load; absent: 1. */
  readonly minSize?: number;
  /** Any aligned access that stays inside, loads and stores alike (__sk_buff.cb). */
  readonly bytes?: boolean;
  /** 8-byte accesses over this field and the next are allowed (bpf_ctx_wide_access_ok). */
  readonly wide?: boolean;
  /**
   * Width of a load that is right for this field although it is not `size` (4 bytes of the 2-byte ports of bpf_sock,
   * bpf_sk_lookup).
   */
  readonly alsoSize?: number;
  /** Expected attach types under which the field exists; absent: all. */
  readonly attachTypes?: readonly string[];
  /** Expected attach types under which it may be written; absent: as `write` says. */
  readonly writeAttachTypes?: readonly string[];
}

/**
 * How ctx memory may be read: a table of fields, or any aligned word up to a size (tracepoint buffers, pt_regs), or an
 * array of 64-bit arguments (`anySize`: narrower aligned reads too).
 */
export type CtxLayout =
  | { readonly kind: 'fields'; readonly size: number; readonly fields: readonly CtxField[] }
  | {
      readonly kind: 'words';
      readonly size: number;
      readonly wordBytes: readonly number[];
      readonly write?: boolean;
      /** First byte that may be read (tracepoints: 8, the kernel keeps the pt_regs pointer below). */
      readonly from?: number;
    }
  | {
      readonly kind: 'args';
      readonly count: number;
      readonly anySize?: boolean;
      /** Argument 0 is a buffer that the program may write into: what is read at offset 0 must be 8 bytes. */
      readonly buffer?: boolean;
    };

export interface SectionPrefix {
  /** Section name without a target: `kprobe`, `cgroup/connect4`. */
  readonly prefix: string;
  /**
   * `prefix/TARGET` is meant (the bare prefix too). Otherwise the name must be the prefix, or the prefix and `/`
   * anything.
   */
  readonly target?: boolean;
  readonly attachType?: string;
  readonly sleepable?: boolean;
}

export type ReturnRange = 'any' | readonly [number, number];

export interface ProgTypeRow {
  /** BPF_PROG_TYPE_* number. */
  readonly id: number;
  /** Lower-case kernel name without BPF_PROG_TYPE_: 'kprobe', 'tracepoint', 'xdp', ... */
  readonly name: string;
  readonly since: string;
  /** ELF section prefixes, longest first wins: 'kprobe', 'kretprobe', 'uprobe', ... with the attach type each means. */
  readonly sections: readonly SectionPrefix[];
  readonly ctx: CtxLayout;
  /** Kernel (uapi) name of the ctx struct, as C sees it. */
  readonly ctxType: string;
  /** What r0 must be at exit: any number, or one inside a range. */
  readonly returns: ReturnRange;
  /** Where the expected attach type changes what r0 must be. */
  readonly returnsFor?: { readonly [attachType: string]: ReturnRange };
  /** Expected attach types (core/progs/attach-types.ts) that loading accepts; absent: none is looked at. */
  readonly attachTypes?: readonly string[];
}
