/**
 * Contexts of tracing programs, XDP, and the few that fit nowhere else (kernel/trace/bpf_trace.c, net/core/filter.c,
 * net/netfilter/nf_bpf_link.c, drivers/media/rc/bpf-lirc.c).
 */
import type { CtxField, CtxLayout } from './prog-type.ts';
import { PT_REGS, PT_REGS_SIZE } from './pt-regs.ts';

const ANY_WORD = [1, 2, 4, 8] as const;

/** kprobes, uprobes: struct pt_regs, any aligned read. */
export const PT_REGS_CTX: CtxLayout = { kind: 'words', size: PT_REGS_SIZE, wordBytes: ANY_WORD };

/** Most bytes of a tracepoint's record (PERF_MAX_TRACE_SIZE). */
export const TRACEPOINT_MAX = 8192;

/** Tracepoints: the record that tracefs describes; its first 8 bytes are the kernel's own. */
export const TRACEPOINT_CTX: CtxLayout = { kind: 'words', size: TRACEPOINT_MAX, wordBytes: ANY_WORD, from: 8 };

/** struct bpf_perf_event_data: whole registers, then two counters that may be read in part. */
export const PERF_EVENT_CTX: CtxLayout = {
  kind: 'fields',
  size: PT_REGS_SIZE + 16,
  fields: [
    ...Object.entries(PT_REGS).map(
      ([name, offset]): CtxField => ({ name: `regs.${name}`, offset, size: 8, read: true, write: false }),
    ),
    { name: 'sample_period', offset: PT_REGS_SIZE, size: 8, read: true, write: false, narrow: true },
    { name: 'addr', offset: PT_REGS_SIZE + 8, size: 8, read: true, write: false, narrow: true },
  ],
};

/** Most arguments a traced function or raw tracepoint has (MAX_BPF_FUNC_ARGS). */
export const MAX_FUNC_ARGS = 12;

/** struct bpf_raw_tracepoint_args: plain 64-bit numbers. */
export const RAW_TRACEPOINT_CTX: CtxLayout = { kind: 'args', count: MAX_FUNC_ARGS, anySize: true };

/** Writable raw tracepoints: the first argument is the buffer that may be written. */
export const RAW_TRACEPOINT_WRITABLE_CTX: CtxLayout = {
  kind: 'args',
  count: MAX_FUNC_ARGS,
  anySize: true,
  buffer: true,
};

/** fentry, fexit, LSM, iterators, struct_ops: arguments typed by BTF, 8 bytes each. */
export const BTF_ARGS_CTX: CtxLayout = { kind: 'args', count: MAX_FUNC_ARGS };

/** Syscall programs: the caller's buffer, at most 65,535 bytes, readable and writable. */
export const SYSCALL_CTX: CtxLayout = { kind: 'words', size: 65535, wordBytes: ANY_WORD, write: true };

export const XDP_MD: CtxLayout = {
  kind: 'fields',
  size: 24,
  fields: [
    { name: 'data', offset: 0, size: 4, read: true, write: false, pointer: 'packet' },
    { name: 'data_end', offset: 4, size: 4, read: true, write: false, pointer: 'packet_end' },
    { name: 'data_meta', offset: 8, size: 4, read: true, write: false, pointer: 'packet_meta' },
    { name: 'ingress_ifindex', offset: 12, size: 4, read: true, write: false },
    /** Writable on an offload device only, which says so itself. */
    { name: 'rx_queue_index', offset: 16, size: 4, read: true, write: false },
    { name: 'egress_ifindex', offset: 20, size: 4, read: true, write: false, attachTypes: ['xdp_devmap'] },
  ],
};

/** One pulse or space of a remote control. */
export const LIRC_CTX: CtxLayout = {
  kind: 'fields',
  size: 4,
  fields: [{ name: 'sample', offset: 0, size: 4, read: true, write: false }],
};

/** struct bpf_nf_ctx. */
export const NETFILTER_CTX: CtxLayout = {
  kind: 'fields',
  size: 16,
  fields: [
    { name: 'state', offset: 0, size: 8, read: true, write: false, pointer: 'btf', btf: 'nf_hook_state' },
    { name: 'skb', offset: 8, size: 8, read: true, write: false, pointer: 'btf', btf: 'sk_buff' },
  ],
};
