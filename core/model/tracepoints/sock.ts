/** Tracepoints of sockets: include/trace/events/sock.h. */
import type { TracepointRow } from './format.ts';

const FAMILIES = '{ 2, "AF_INET" }, { 10, "AF_INET6" }';
const PROTOCOLS = '{ 6, "IPPROTO_TCP" }, { 33, "IPPROTO_DCCP" }, { 132, "IPPROTO_SCTP" }, { 262, "IPPROTO_MPTCP" }';
const STATES = [
  'ESTABLISHED',
  'SYN_SENT',
  'SYN_RECV',
  'FIN_WAIT1',
  'FIN_WAIT2',
  'TIME_WAIT',
  'CLOSE',
  'CLOSE_WAIT',
  'LAST_ACK',
  'LISTEN',
  'CLOSING',
  'NEW_SYN_RECV',
]
  .map((name, i) => `{ ${i + 1}, "TCP_${name}" }`)
  .join(', ');

export const SOCK = [
  {
    system: 'sock',
    name: 'inet_sock_set_state',
    fields: [
      { decl: 'const void * skaddr' },
      { decl: 'int oldstate' },
      { decl: 'int newstate' },
      { decl: '__u16 sport' },
      { decl: '__u16 dport' },
      { decl: '__u16 family' },
      { decl: '__u16 protocol' },
      { decl: '__u8 saddr[4]' },
      { decl: '__u8 daddr[4]' },
      { decl: '__u8 saddr_v6[16]' },
      { decl: '__u8 daddr_v6[16]' },
    ],
    print:
      '"family=%s protocol=%s sport=%hu dport=%hu saddr=%pI4 daddr=%pI4 saddrv6=%pI6c daddrv6=%pI6c oldstate=%s newstate=%s", ' +
      `__print_symbolic(REC->family, ${FAMILIES}), __print_symbolic(REC->protocol, ${PROTOCOLS}), ` +
      'REC->sport, REC->dport, REC->saddr, REC->daddr, REC->saddr_v6, REC->daddr_v6, ' +
      `__print_symbolic(REC->oldstate, ${STATES}), __print_symbolic(REC->newstate, ${STATES})`,
    raw: ['const struct sock *sk', 'const int oldstate', 'const int newstate'],
  },
] as const satisfies readonly TracepointRow[];
