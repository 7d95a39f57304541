/**
 * Constants of Linux's user-space headers (include/uapi/linux, asm-generic/socket.h) that are macros there, or enumerators of nameless enums
 * that BTF leaves out: what programs for sockets, packets, devices and timers ask for. Values are those of x86-64.
 */

const SOCKET = `
SO_DEBUG 1
SO_REUSEADDR 2
SO_TYPE 3
SO_ERROR 4
SO_DONTROUTE 5
SO_BROADCAST 6
SO_SNDBUF 7
SO_RCVBUF 8
SO_KEEPALIVE 9
SO_OOBINLINE 10
SO_NO_CHECK 11
SO_PRIORITY 12
SO_LINGER 13
SO_REUSEPORT 15
SO_PASSCRED 16
SO_PEERCRED 17
SO_RCVLOWAT 18
SO_SNDLOWAT 19
SO_BINDTODEVICE 25
SO_ACCEPTCONN 30
SO_MARK 36
SO_BUSY_POLL 46
SO_MAX_PACING_RATE 47
SO_INCOMING_CPU 49
SO_COOKIE 57
SO_TXTIME 61
SO_BINDTOIFINDEX 62
SO_TXREHASH 74
IP_TOS 1
IP_TTL 2
IP_HDRINCL 3
IP_OPTIONS 4
IPV6_UNICAST_HOPS 16
IPV6_V6ONLY 26
IPV6_TCLASS 67
IPV6_AUTOFLOWLABEL 70
`;

const PACKET = `
ICMP_ECHOREPLY 0
ICMP_DEST_UNREACH 3
ICMP_SOURCE_QUENCH 4
ICMP_REDIRECT 5
ICMP_ECHO 8
ICMP_TIME_EXCEEDED 11
ICMP_PARAMETERPROB 12
ICMP_TIMESTAMP 13
ICMP_TIMESTAMPREPLY 14
ICMP_NET_UNREACH 0
ICMP_HOST_UNREACH 1
ICMP_PROT_UNREACH 2
ICMP_PORT_UNREACH 3
ICMP_FRAG_NEEDED 4
ICMPV6_DEST_UNREACH 1
ICMPV6_PKT_TOOBIG 2
ICMPV6_TIME_EXCEED 3
ICMPV6_PARAMPROB 4
ICMPV6_ECHO_REQUEST 128
ICMPV6_ECHO_REPLY 129
VLAN_HLEN 4
VLAN_PRIO_MASK 0xe000
VLAN_PRIO_SHIFT 13
VLAN_VID_MASK 0x0fff
TUNNEL_CSUM __builtin_bswap16(0x01)
TUNNEL_ROUTING __builtin_bswap16(0x02)
TUNNEL_KEY __builtin_bswap16(0x04)
TUNNEL_SEQ __builtin_bswap16(0x08)
TUNNEL_STRICT __builtin_bswap16(0x10)
TUNNEL_REC __builtin_bswap16(0x20)
TUNNEL_VERSION __builtin_bswap16(0x40)
TUNNEL_NO_KEY __builtin_bswap16(0x80)
TUNNEL_DONT_FRAGMENT __builtin_bswap16(0x0100)
TUNNEL_OAM __builtin_bswap16(0x0200)
TUNNEL_CRIT_OPT __builtin_bswap16(0x0400)
TUNNEL_GENEVE_OPT __builtin_bswap16(0x0800)
TUNNEL_VXLAN_OPT __builtin_bswap16(0x1000)
TUNNEL_NOCACHE __builtin_bswap16(0x2000)
TUNNEL_ERSPAN_OPT __builtin_bswap16(0x4000)
TCP_FLAG_CWR __builtin_bswap32(0x00800000)
TCP_FLAG_ECE __builtin_bswap32(0x00400000)
TCP_FLAG_URG __builtin_bswap32(0x00200000)
TCP_FLAG_ACK __builtin_bswap32(0x00100000)
TCP_FLAG_PSH __builtin_bswap32(0x00080000)
TCP_FLAG_RST __builtin_bswap32(0x00040000)
TCP_FLAG_SYN __builtin_bswap32(0x00020000)
TCP_FLAG_FIN __builtin_bswap32(0x00010000)
TCP_RESERVED_BITS __builtin_bswap32(0x0F000000)
TCP_DATA_OFFSET __builtin_bswap32(0xF0000000)
tcp_flag_word(tp) (((__be32 *)(tp))[3])
`;

const BPF = `
BPF_DEVCG_ACC_MKNOD 1
BPF_DEVCG_ACC_READ 2
BPF_DEVCG_ACC_WRITE 4
BPF_DEVCG_DEV_BLOCK 1
BPF_DEVCG_DEV_CHAR 2
`;

const TIME = `
CLOCK_REALTIME 0
CLOCK_MONOTONIC 1
CLOCK_BOOTTIME 7
CLOCK_TAI 11
`;

export const UAPI_MACROS: readonly { readonly headers: RegExp; readonly macros: string }[] = [
  {
    headers: /^(?:sys\/socket|(?:uapi\/)?linux\/(?:socket|in|in6)|asm(?:-generic)?\/socket|netinet\/in6?)\.h$/,
    macros: SOCKET,
  },
  {
    headers: /^(?:uapi\/)?linux\/(?:icmp|icmpv6|if_tunnel|if_vlan|tcp|ip|ipv6)\.h$|^net(?:inet)?\//,
    macros: PACKET,
  },
  { headers: /^(?:(?:uapi\/)?linux\/bpf|bpf\/bpf_helpers)\.h$/, macros: BPF },
  { headers: /^(?:(?:uapi\/)?linux\/time|time)\.h$/, macros: TIME },
];
