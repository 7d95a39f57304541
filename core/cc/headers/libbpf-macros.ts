/**
 * Macros of libbpf's headers (bpf_helpers.h, bpf_tracing.h, bpf_core_read.h) beyond those that BCC's programs see too: definitions of
 * maps in section .maps, program definitions, reads of chains of pointers. Types and field offsets are the given kernel's own, so
 * nothing is left to relocate. https://docs.ebpf.io/ebpf-library/libbpf/ebpf/
 */
export const LIBBPF_MACROS = `
__uint(name, val) int (*name)[val]
__type(name, val) typeof(val) *name
__array(name, val) typeof(val) *name[]
__ulong(name, val) enum { __attribute_value_##name = val } *name
LIBBPF_PIN_NONE 0
LIBBPF_PIN_BY_NAME 1
BPF_KRETPROBE(name, ...) name(struct pt_regs *ctx, ##__VA_ARGS__)
BPF_UPROBE(name, ...) name(struct pt_regs *ctx, ##__VA_ARGS__)
BPF_URETPROBE(name, ...) name(struct pt_regs *ctx, ##__VA_ARGS__)
BPF_KSYSCALL(name, ...) __attribute__((syscall_arguments)) name(struct pt_regs *ctx, ##__VA_ARGS__)
BPF_KPROBE_SYSCALL(name, ...) __attribute__((syscall_arguments)) name(struct pt_regs *ctx, ##__VA_ARGS__)
BPF_PROG2(name, ...) name(unsigned long long *ctx, ##__VA_ARGS__)
BPF_CORE_READ_INTO(dst, src, ...) bpf_probe_read_kernel((void *)(dst), sizeof(*(dst)), &___bpf_chain(src, __VA_ARGS__))
BPF_PROBE_READ_INTO(dst, src, ...) bpf_probe_read_kernel((void *)(dst), sizeof(*(dst)), &___bpf_chain(src, __VA_ARGS__))
BPF_CORE_READ_USER_INTO(dst, src, ...) bpf_probe_read_user((void *)(dst), sizeof(*(dst)), &___bpf_chain_user(src, __VA_ARGS__))
BPF_PROBE_READ_USER_INTO(dst, src, ...) bpf_probe_read_user((void *)(dst), sizeof(*(dst)), &___bpf_chain_user(src, __VA_ARGS__))
BPF_CORE_READ_STR_INTO(dst, src, ...) bpf_probe_read_kernel_str((void *)(dst), sizeof(*(dst)), (const void *)BPF_CORE_READ(src, __VA_ARGS__))
BPF_PROBE_READ_STR_INTO(dst, src, ...) bpf_probe_read_kernel_str((void *)(dst), sizeof(*(dst)), (const void *)BPF_CORE_READ(src, __VA_ARGS__))
BPF_CORE_READ_USER_STR_INTO(dst, src, ...) bpf_probe_read_user_str((void *)(dst), sizeof(*(dst)), (const void *)BPF_CORE_READ_USER(src, __VA_ARGS__))
BPF_CORE_READ_BITFIELD(s, field) ((unsigned long long)(s)->field)
BPF_CORE_READ_BITFIELD_PROBED(s, field) ((unsigned long long)(s)->field)
bpf_tail_call_static(ctx, map, slot) bpf_tail_call(ctx, map, slot)
__bpf_unreachable() __builtin_unreachable()
__bpf_constant_htons(x) __builtin_bswap16(x)
__bpf_constant_ntohs(x) __builtin_bswap16(x)
__bpf_constant_htonl(x) __builtin_bswap32(x)
__bpf_constant_ntohl(x) __builtin_bswap32(x)
__bpf_htons(x) __builtin_bswap16(x)
__bpf_ntohs(x) __builtin_bswap16(x)
__bpf_htonl(x) __builtin_bswap32(x)
__bpf_ntohl(x) __builtin_bswap32(x)
bpf_core_type_matches(type) bpf_core_type_exists(type)
bpf_core_cast(ptr, type) ((typeof(type) *)(ptr))
___bpf_fill_2(seq, fmt, call, ...) ({ static const char ___fmt[] = fmt; unsigned long long ___param[] = { 0, ##__VA_ARGS__ }; call; })
BPF_SEQ_PRINTF(seq, fmt, ...) ___bpf_fill_2(seq, fmt, bpf_seq_printf(seq, ___fmt, sizeof(___fmt), ___param + 1, sizeof(___param) - 8), ##__VA_ARGS__)
BPF_SNPRINTF(out, out_size, fmt, ...) ___bpf_fill_2(out, fmt, bpf_snprintf(out, out_size, ___fmt, ___param + 1, sizeof(___param) - 8), ##__VA_ARGS__)
`;
