/** TCP's states and header flags by name, as BCC's module `bcc.tcp` writes them (include/net/tcp_states.h, RFC 9293 and 3168). */

const STATES = [
  undefined,
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
] as const;

/** By bit, from the lowest. */
const FLAGS = ['FIN', 'SYN', 'RST', 'PSH', 'ACK', 'URG', 'ECE', 'CWR'] as const;

/** Name of a state; its number for one that has none. */
export function tcpStateName(state: number): string {
  return STATES[state] ?? String(state);
}

/** Names of the flags that are set, joined by `|`. */
export function tcpFlagNames(flags: number): string {
  return FLAGS.filter((_, bit) => (flags & (1 << bit)) !== 0).join('|');
}
