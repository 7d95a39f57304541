/**
 * Macros of kernel headers that BTF cannot supply, by what they belong to. Values are Linux 6.1's for x86-64. Names that could be a
 * program's own (lower case, short) are visible only once a header that has them was included; the rest always.
 */

import { LIBBPF_MACROS } from './libbpf-macros.ts';
import { UAPI_MACROS } from './uapi-macros.ts';

/** Visible to every program. */
export const KERNEL_MACROS = `
static_assert _Static_assert
SCHAR_MIN (-128)
CHAR_MIN (-128)
CHAR_MAX 127
INT8_MIN (-128)
INT16_MIN (-32768)
INT64_MIN (-9223372036854775807L - 1)
INTPTR_MAX 9223372036854775807L
UINTPTR_MAX 18446744073709551615UL
PTRDIFF_MAX 9223372036854775807L
INTMAX_MAX 9223372036854775807L
UINTMAX_MAX 18446744073709551615UL
INT8_C(c) c
INT16_C(c) c
INT32_C(c) c
INT64_C(c) c##L
UINT8_C(c) c
UINT16_C(c) c
UINT32_C(c) c##U
UINT64_C(c) c##UL
INTMAX_C(c) c##L
UINTMAX_C(c) c##UL
NULL ((void *)0)
__user __attribute__((btf_type_tag("user")))
__kernel
__iomem
__percpu
__rcu
__force
__must_check
__maybe_unused __attribute__((unused))
__always_unused __attribute__((unused))
__always_inline inline __attribute__((always_inline))
__noinline __attribute__((noinline))
noinline __attribute__((noinline))
__packed __attribute__((packed))
__aligned(x) __attribute__((aligned(x)))
__weak __attribute__((weak))
__used __attribute__((used))
__section(s) __attribute__((section(s)))
__attribute_const__
__pure
__init
__exit
__read_mostly
__bitwise
__bitwise__
__printf(a, b)
asmlinkage
notrace
barrier() asm volatile("" ::: "memory")
barrier_var(var) asm volatile("" : "+r"(var))
mb() asm volatile("" ::: "memory")
rmb() asm volatile("" ::: "memory")
wmb() asm volatile("" ::: "memory")
READ_ONCE(x) (*(const volatile typeof(x) *)&(x))
WRITE_ONCE(x, val) (*(volatile typeof(x) *)&(x) = (val))
ACCESS_ONCE(x) (*(volatile typeof(x) *)&(x))
__KERNEL_DIV_ROUND_UP(n, d) (((n) + (d) - 1) / (d))
DIV_ROUND_UP(n, d) (((n) + (d) - 1) / (d))
ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
FIELD_SIZEOF(t, f) (sizeof(((t *)0)->f))
sizeof_field(t, f) (sizeof(((t *)0)->f))
offsetofend(t, f) (offsetof(t, f) + sizeof_field(t, f))
BUILD_BUG_ON(c) _Static_assert(!(c), "BUILD_BUG_ON failed")
BIT(nr) (1UL << (nr))
BIT_ULL(nr) (1ULL << (nr))
GENMASK(h, l) ((~0UL << (l)) & (~0UL >> (63 - (h))))
ALIGN(x, a) (((x) + ((typeof(x))(a) - 1)) & ~((typeof(x))(a) - 1))
IS_ENABLED(option) 1
U8_MAX ((u8)~0U)
S8_MAX 127
U16_MAX ((u16)~0U)
S16_MAX 32767
U32_MAX ((u32)~0U)
S32_MAX 2147483647
U64_MAX ((u64)~0ULL)
S64_MAX 9223372036854775807LL
CHAR_BIT 8
SCHAR_MAX 127
UCHAR_MAX 255
SHRT_MAX 32767
SHRT_MIN (-32768)
USHRT_MAX 65535
INT_MAX 2147483647
INT_MIN (-2147483647 - 1)
UINT_MAX 4294967295U
LONG_MAX 9223372036854775807L
LONG_MIN (-9223372036854775807L - 1)
ULONG_MAX 18446744073709551615UL
LLONG_MAX 9223372036854775807LL
LLONG_MIN (-9223372036854775807LL - 1)
ULLONG_MAX 18446744073709551615ULL
INT8_MAX 127
UINT8_MAX 255
INT16_MAX 32767
UINT16_MAX 65535
INT32_MAX 2147483647
INT32_MIN (-2147483647 - 1)
UINT32_MAX 4294967295U
INT64_MAX 9223372036854775807L
UINT64_MAX 18446744073709551615UL
SIZE_MAX 18446744073709551615UL
PATH_MAX 4096
NAME_MAX 255
ARG_MAX 131072
PAGE_SHIFT 12
PAGE_SIZE 4096UL
PAGE_MASK (~(PAGE_SIZE - 1))
THREAD_SIZE 16384
THREAD_SHIFT 14
__PAGE_OFFSET_BASE_L4 0xffff888000000000UL
__PAGE_OFFSET_BASE_L5 0xff11000000000000UL
__START_KERNEL_map 0xffffffff80000000UL
PAGE_OFFSET 0xffff888000000000UL
HZ CONFIG_HZ
USER_HZ 100
NSEC_PER_SEC 1000000000L
NSEC_PER_MSEC 1000000L
NSEC_PER_USEC 1000L
USEC_PER_SEC 1000000L
USEC_PER_MSEC 1000L
MSEC_PER_SEC 1000L
TASK_RUNNING 0
TASK_INTERRUPTIBLE 1
TASK_UNINTERRUPTIBLE 2
__TASK_STOPPED 4
__TASK_TRACED 8
TASK_DEAD 0x80
TASK_NEW 0x800
TASK_REPORT 0x7f
PF_IDLE 0x2
PF_EXITING 0x4
PF_WQ_WORKER 0x20
PF_FORKNOEXEC 0x40
PF_KSWAPD 0x20000
PF_KTHREAD 0x200000
MAX_PRIO 140
MAX_RT_PRIO 100
CLONE_VM 0x100
CLONE_FS 0x200
CLONE_FILES 0x400
CLONE_SIGHAND 0x800
CLONE_THREAD 0x10000
CLONE_NEWNS 0x20000
SIGHUP 1
SIGINT 2
SIGQUIT 3
SIGILL 4
SIGTRAP 5
SIGABRT 6
SIGBUS 7
SIGFPE 8
SIGKILL 9
SIGUSR1 10
SIGSEGV 11
SIGUSR2 12
SIGPIPE 13
SIGALRM 14
SIGTERM 15
SIGCHLD 17
SIGCONT 18
SIGSTOP 19
O_ACCMODE 3
O_RDONLY 0
O_WRONLY 1
O_RDWR 2
O_CREAT 0100
O_EXCL 0200
O_NOCTTY 0400
O_TRUNC 01000
O_APPEND 02000
O_NONBLOCK 04000
O_DSYNC 010000
O_DIRECT 040000
O_LARGEFILE 0100000
O_DIRECTORY 0200000
O_NOFOLLOW 0400000
O_NOATIME 01000000
O_CLOEXEC 02000000
O_SYNC 04010000
O_PATH 010000000
O_TMPFILE 020200000
AT_FDCWD (-100)
FMODE_READ 0x1
FMODE_WRITE 0x2
FMODE_EXEC 0x20
FMODE_CREATED 0x100000
FMODE_OPENED 0x80000
S_IFMT 00170000
S_IFSOCK 0140000
S_IFLNK 0120000
S_IFREG 0100000
S_IFBLK 0060000
S_IFDIR 0040000
S_IFCHR 0020000
S_IFIFO 0010000
S_ISLNK(m) (((m) & S_IFMT) == S_IFLNK)
S_ISREG(m) (((m) & S_IFMT) == S_IFREG)
S_ISDIR(m) (((m) & S_IFMT) == S_IFDIR)
S_ISCHR(m) (((m) & S_IFMT) == S_IFCHR)
S_ISBLK(m) (((m) & S_IFMT) == S_IFBLK)
S_ISFIFO(m) (((m) & S_IFMT) == S_IFIFO)
S_ISSOCK(m) (((m) & S_IFMT) == S_IFSOCK)
MS_RDONLY 1
MAP_SHARED 1
MAP_PRIVATE 2
PROT_READ 1
PROT_WRITE 2
PROT_EXEC 4
DNAME_INLINE_LEN 40
DISK_NAME_LEN 32
BDEVNAME_SIZE 32
MINORBITS 20
MINORMASK ((1U << MINORBITS) - 1)
MAJOR(dev) ((unsigned int)((dev) >> MINORBITS))
MINOR(dev) ((unsigned int)((dev) & MINORMASK))
MKDEV(ma, mi) (((ma) << MINORBITS) | (mi))
REQ_OP_BITS 8
REQ_OP_MASK ((1 << REQ_OP_BITS) - 1)
SECTOR_SHIFT 9
SECTOR_SIZE 512
AF_UNSPEC 0
AF_UNIX 1
AF_LOCAL 1
AF_INET 2
AF_INET6 10
AF_NETLINK 16
AF_PACKET 17
AF_VSOCK 40
PF_UNIX 1
PF_INET 2
PF_INET6 10
SOL_SOCKET 1
SOL_IP 0
SOL_TCP 6
SOL_UDP 17
SOL_IPV6 41
SO_REUSEADDR 2
SO_REUSEPORT 15
SCM_RIGHTS 1
SOCK_TYPE_MASK 0xf
MSG_PEEK 2
MSG_DONTWAIT 0x40
TCP_NODELAY 1
TCP_MAXSEG 2
TCP_CONGESTION 13
INADDR_ANY 0
INADDR_LOOPBACK 0x7f000001
IFNAMSIZ 16
ETH_ALEN 6
ETH_HLEN 14
ETH_P_IP 0x0800
ETH_P_ARP 0x0806
ETH_P_8021Q 0x8100
ETH_P_8021AD 0x88A8
ETH_P_IPV6 0x86DD
ETH_P_MPLS_UC 0x8847
ETH_P_ALL 0x0003
VLAN_HLEN 4
IP_DF 0x4000
IP_MF 0x2000
IP_OFFSET 0x1FFF
IPPROTO_IP 0
IPPROTO_ICMP 1
IPPROTO_TCP 6
IPPROTO_UDP 17
IPPROTO_IPV6 41
IPPROTO_GRE 47
IPPROTO_ESP 50
IPPROTO_ICMPV6 58
IPPROTO_SCTP 132
IPPROTO_MPTCP 262
NEXTHDR_HOP 0
NEXTHDR_TCP 6
NEXTHDR_UDP 17
NEXTHDR_IPV6 41
NEXTHDR_ROUTING 43
NEXTHDR_FRAGMENT 44
NEXTHDR_ICMP 58
NEXTHDR_NONE 59
NEXTHDR_DEST 60
TC_ACT_UNSPEC (-1)
TC_ACT_OK 0
TC_ACT_RECLASSIFY 1
TC_ACT_SHOT 2
TC_ACT_PIPE 3
TC_ACT_STOLEN 4
TC_ACT_QUEUED 5
TC_ACT_REPEAT 6
TC_ACT_REDIRECT 7
TCPHDR_FIN 0x01
TCPHDR_SYN 0x02
TCPHDR_RST 0x04
TCPHDR_PSH 0x08
TCPHDR_ACK 0x10
TCPHDR_URG 0x20
TCP_SKB_CB(skb) ((struct tcp_skb_cb *)&((skb)->cb[0]))
CAP_OPT_NONE 0
CAP_OPT_NOAUDIT 2
CAP_SYS_ADMIN 21
CAP_NET_ADMIN 12
CAP_NET_RAW 13
MAX_ERRNO 4095
IS_ERR_VALUE(x) ((unsigned long)(void *)(x) >= (unsigned long)-MAX_ERRNO)
IS_ERR(x) IS_ERR_VALUE(x)
PTR_ERR(x) ((long)(x))
PERF_MAX_STACK_DEPTH 127
BPF_MAX_STACK_DEPTH 127
BPF_LINE_INFO 1
BPF_FUNC_loop 181
TASK_COMM_LEN 16
`;

/** Visible with these headers. */
export const GROUPED_MACROS: readonly { readonly headers: RegExp; readonly macros: string }[] = [
  { headers: /^(?:bpf\/)?bpf_(?:helpers|tracing|core_read|endian)\.h$/, macros: LIBBPF_MACROS },
  {
    headers:
      /^(?:net\/|linux\/(?:tcp|udp|skbuff|netdevice|socket|net|in|in6|inet|ip|ipv6|inetdevice|if_ether|filter)\.h|uapi\/linux\/(?:in|in6|ip|ipv6|tcp|udp|if_ether|if_packet)\.h|bcc\/(?:proto|helpers)\.h|asm\/byteorder\.h|linux\/byteorder|arpa\/inet\.h|bpf\/bpf_endian\.h|linux\/types\.h|vmlinux\.h)/,
    macros: `
sk_node __sk_common.skc_node
sk_nulls_node __sk_common.skc_nulls_node
sk_refcnt __sk_common.skc_refcnt
sk_tx_queue_mapping __sk_common.skc_tx_queue_mapping
sk_num __sk_common.skc_num
sk_dport __sk_common.skc_dport
sk_addrpair __sk_common.skc_addrpair
sk_daddr __sk_common.skc_daddr
sk_rcv_saddr __sk_common.skc_rcv_saddr
sk_family __sk_common.skc_family
sk_state __sk_common.skc_state
sk_reuse __sk_common.skc_reuse
sk_reuseport __sk_common.skc_reuseport
sk_ipv6only __sk_common.skc_ipv6only
sk_bound_dev_if __sk_common.skc_bound_dev_if
sk_bind_node __sk_common.skc_bind_node
sk_prot __sk_common.skc_prot
sk_net __sk_common.skc_net
sk_v6_daddr __sk_common.skc_v6_daddr
sk_v6_rcv_saddr __sk_common.skc_v6_rcv_saddr
sk_cookie __sk_common.skc_cookie
sk_flags __sk_common.skc_flags
inet_daddr sk.__sk_common.skc_daddr
inet_rcv_saddr sk.__sk_common.skc_rcv_saddr
inet_dport sk.__sk_common.skc_dport
inet_num sk.__sk_common.skc_num
s6_addr in6_u.u6_addr8
s6_addr16 in6_u.u6_addr16
s6_addr32 in6_u.u6_addr32
`,
  },
  {
    headers: /./,
    macros: `
ntohs(x) __builtin_bswap16(x)
htons(x) __builtin_bswap16(x)
ntohl(x) __builtin_bswap32(x)
htonl(x) __builtin_bswap32(x)
__cpu_to_be16(x) __builtin_bswap16(x)
__cpu_to_be32(x) __builtin_bswap32(x)
__cpu_to_be64(x) __builtin_bswap64(x)
__be16_to_cpu(x) __builtin_bswap16(x)
__be32_to_cpu(x) __builtin_bswap32(x)
__be64_to_cpu(x) __builtin_bswap64(x)
cpu_to_be16(x) __builtin_bswap16(x)
cpu_to_be32(x) __builtin_bswap32(x)
cpu_to_be64(x) __builtin_bswap64(x)
be16_to_cpu(x) __builtin_bswap16(x)
be32_to_cpu(x) __builtin_bswap32(x)
be64_to_cpu(x) __builtin_bswap64(x)
__constant_htons(x) __builtin_bswap16(x)
__constant_ntohs(x) __builtin_bswap16(x)
__constant_htonl(x) __builtin_bswap32(x)
___constant_swab16(x) __builtin_bswap16(x)
swab16(x) __builtin_bswap16(x)
swab32(x) __builtin_bswap32(x)
swab64(x) __builtin_bswap64(x)
le16_to_cpu(x) ((__u16)(x))
le32_to_cpu(x) ((__u32)(x))
le64_to_cpu(x) ((__u64)(x))
cpu_to_le16(x) ((__u16)(x))
cpu_to_le32(x) ((__u32)(x))
likely(x) __builtin_expect(!!(x), 1)
unlikely(x) __builtin_expect(!!(x), 0)
min(x, y) ({ typeof(x) __min1 = (x); typeof(y) __min2 = (y); __min1 < __min2 ? __min1 : __min2; })
max(x, y) ({ typeof(x) __max1 = (x); typeof(y) __max2 = (y); __max1 > __max2 ? __max1 : __max2; })
min_t(type, x, y) ({ type __min1 = (x); type __min2 = (y); __min1 < __min2 ? __min1 : __min2; })
max_t(type, x, y) ({ type __max1 = (x); type __max2 = (y); __max1 > __max2 ? __max1 : __max2; })
MIN(x, y) ((x) < (y) ? (x) : (y))
MAX(x, y) ((x) > (y) ? (x) : (y))
container_of(ptr, type, member) ((type *)((char *)(ptr) - offsetof(type, member)))
list_entry(ptr, type, member) container_of(ptr, type, member)
hlist_entry(ptr, type, member) container_of(ptr, type, member)
rb_entry(ptr, type, member) container_of(ptr, type, member)
`,
  },
  {
    headers: /^(?:linux\/(?:bio|blk|blkdev|blk-mq|blk_types|fs)|vmlinux\.h)/,
    macros: 'bio_dev(bio) ((bio)->bi_bdev->bd_dev)\n',
  },
  {
    headers: /^linux\/(?:kernel|fs|genhd|bio|blkdev|blk_types|blk-mq|tty|sched|mm|types|bpf)\.h$/,
    macros: 'READ 0\nWRITE 1\n',
  },
  {
    headers: /^linux\/(?:mm|mm_types|page-flags|pagemap|fs|blkdev|swap|bio)\.h$/,
    macros: 'folio_page(folio, n) (&(folio)->page + (n))\n',
  },
  {
    headers: /^linux\/(?:slab|slub_def|types|rcupdate|fs|mm|sched|kernel|list|workqueue)\.h$|^mm\//,
    macros: 'rcu_head callback_head\n',
  },
  {
    headers: /^(?:linux\/socket|net\/sock|linux\/net|uapi\/linux\/socket|rdma\/|linux\/in|linux\/in6)/,
    macros: 'sockaddr_storage __kernel_sockaddr_storage\n',
  },
  {
    headers: /^std(?:int|bool|def)\.h$/,
    macros: 'bool _Bool\n',
  },
  ...UAPI_MACROS,
];
