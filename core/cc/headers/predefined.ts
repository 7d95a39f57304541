/** C's integer types by width: spelling, largest value, suffix of a constant (LP64, as clang's target bpf has them). */
const SIGNED = [
  [8, 'signed char', '127', ''],
  [16, 'short', '32767', ''],
  [32, 'int', '2147483647', ''],
  [64, 'long', '9223372036854775807', 'L'],
] as const;
const UNSIGNED = [
  [8, 'unsigned char', '255', ''],
  [16, 'unsigned short', '65535', ''],
  [32, 'unsigned int', '4294967295', 'U'],
  [64, 'unsigned long', '18446744073709551615', 'UL'],
] as const;

/** What <stdint.h> is made of: `__INT_LEAST8_TYPE__`, `__UINT64_MAX__`, `__INT64_C_SUFFIX__` and kin. */
function integerMacros(): string {
  const lines: string[] = [];
  const row = (name: string, [bits, type, max, suffix]: (typeof SIGNED | typeof UNSIGNED)[number], width: boolean) => {
    lines.push(`__${name}_TYPE__ ${type}`, `__${name}_MAX__ ${max}${suffix}`);
    if (width) lines.push(`__${name}_WIDTH__ ${bits}`);
  };
  for (const [sign, rows] of [
    ['', SIGNED],
    ['U', UNSIGNED],
  ] as const) {
    for (const r of rows) {
      row(`${sign}INT${r[0]}`, r, false);
      lines.push(`__${sign}INT${r[0]}_C_SUFFIX__ ${r[3]}`);
      for (const kind of ['LEAST', 'FAST']) row(`${sign}INT_${kind}${r[0]}`, r, sign === '');
    }
    lines.push(`__${sign}INTMAX_C_SUFFIX__ ${rows[3][3]}`);
    for (const name of ['INTMAX', 'INTPTR']) row(`${sign}${name}`, rows[3], true);
  }
  row('PTRDIFF', SIGNED[3], true);
  row('SIZE', UNSIGNED[3], true);
  for (const name of ['WCHAR', 'WINT', 'SIG_ATOMIC']) row(name, SIGNED[2], true);
  return lines.join('\n');
}

/** Macros that stand before the first line: the compiler's own, the target's, the kernel configuration's. */
export const PREDEFINED = `
${integerMacros()}
__BOOL_WIDTH__ 8
__SHRT_WIDTH__ 16
__INT_WIDTH__ 32
__LONG_WIDTH__ 64
__LLONG_WIDTH__ 64
__POINTER_WIDTH__ 64
__SIZEOF_PTRDIFF_T__ 8
__SIZEOF_WCHAR_T__ 4
__SIZEOF_WINT_T__ 4
__BIGGEST_ALIGNMENT__ 8
__STDC__ 1
__STDC_VERSION__ 201112L
__STDC_HOSTED__ 0
__GNUC__ 4
__GNUC_MINOR__ 2
__GNUC_PATCHLEVEL__ 1
__clang__ 1
__clang_major__ 14
__clang_minor__ 0
__SKEP__ 1
__bpf__ 1
__BPF__ 1
__x86_64__ 1
__x86_64 1
__KERNEL__ 1
__TARGET_ARCH_x86 1
__LP64__ 1
_LP64 1
__ELF__ 1
__linux__ 1
__linux 1
__unix__ 1
__LITTLE_ENDIAN__ 1
__ORDER_LITTLE_ENDIAN__ 1234
__ORDER_BIG_ENDIAN__ 4321
__ORDER_PDP_ENDIAN__ 3412
__BYTE_ORDER__ 1234
__LITTLE_ENDIAN 1234
__LITTLE_ENDIAN_BITFIELD 1
__ATOMIC_RELAXED 0
__ATOMIC_CONSUME 1
__ATOMIC_ACQUIRE 2
__ATOMIC_RELEASE 3
__ATOMIC_ACQ_REL 4
__ATOMIC_SEQ_CST 5
__CHAR_BIT__ 8
__SCHAR_MAX__ 127
__SHRT_MAX__ 32767
__INT_MAX__ 2147483647
__LONG_MAX__ 9223372036854775807L
__LONG_LONG_MAX__ 9223372036854775807LL
__SIZEOF_SHORT__ 2
__SIZEOF_INT__ 4
__SIZEOF_LONG__ 8
__SIZEOF_LONG_LONG__ 8
__SIZEOF_POINTER__ 8
__SIZEOF_SIZE_T__ 8
__SIZEOF_INT128__ 16
__PRETTY_FUNCTION__ __func__
__FUNCTION__ __func__
KBUILD_MODNAME "bcc"
CONFIG_64BIT 1
CONFIG_X86 1
CONFIG_X86_64 1
CONFIG_X86_5LEVEL 1
CONFIG_DYNAMIC_MEMORY_LAYOUT 1
CONFIG_ARCH_HAS_SYSCALL_WRAPPER 1
CONFIG_CC_STACKPROTECTOR 1
CONFIG_SMP 1
CONFIG_NET 1
CONFIG_INET 1
CONFIG_IPV6 1
CONFIG_NET_NS 1
CONFIG_PID_NS 1
CONFIG_NUMA 1
CONFIG_MEMCG 1
CONFIG_CGROUPS 1
CONFIG_CGROUP_SCHED 1
CONFIG_FAIR_GROUP_SCHED 1
CONFIG_SLUB 1
CONFIG_SLUB_CPU_PARTIAL 1
CONFIG_MMU 1
CONFIG_BLOCK 1
CONFIG_BPF 1
CONFIG_BPF_SYSCALL 1
CONFIG_BPF_JIT 1
CONFIG_BPF_EVENTS 1
CONFIG_DEBUG_INFO_BTF 1
CONFIG_KPROBES 1
CONFIG_UPROBES 1
CONFIG_TRACEPOINTS 1
CONFIG_FUNCTION_TRACER 1
CONFIG_HZ 250
CONFIG_NR_CPUS 512
CONFIG_THREAD_INFO_IN_TASK 1
CONFIG_PGTABLE_LEVELS 5
`;
