/** What refusals mean that are about pointers which may be null. Messages are Linux's, of all releases. */
import type { Case } from './case.ts';
import type { Origin } from './flow.ts';
import type { Rule, Said } from './rule.ts';
import { callText, knownOf, q } from './words.ts';

/** When a helper gives null. */
const GIVES_NULL: Record<string, string> = {
  map_lookup_elem: 'gives null when the map has no such key',
  map_lookup_percpu_elem: 'gives null when the map has no such key or CPU',
  ringbuf_reserve: 'gives null when the ring buffer is full',
  sk_lookup_tcp: 'gives null when there is no such socket',
  sk_lookup_udp: 'gives null when there is no such socket',
  skc_lookup_tcp: 'gives null when there is no such socket',
  sk_fullsock: 'gives null for a socket that is no full one',
  tcp_sock: 'gives null for a socket that is not TCP',
  get_listener_sock: 'gives null when nobody listens',
  sk_storage_get: 'gives null when the socket has no storage yet',
  task_storage_get: 'gives null when the task has no storage yet',
  inode_storage_get: 'gives null when the inode has no storage yet',
  dynptr_data: 'gives null when the dynptr is not that long',
  kptr_xchg: 'gives null when the slot was empty',
  per_cpu_ptr: 'gives null for a CPU that is not there',
};

/** Where a value that may be null came from. */
function whyNull(c: Case, o: Origin | undefined): string | undefined {
  if (o?.kind === 'call' && o.helper) return `${callText(c, o)} ${GIVES_NULL[o.helper.name] ?? 'may give null'}`;
  if (o?.kind === 'load') {
    const line = c.lineOf(o.pc);
    return `what is loaded${line === undefined ? '' : ` on line ${line}`} may be null`;
  }
  return undefined;
}

/** Something that may be null was used. */
function nullable(c: Case, register: number, use: string): Said {
  const subject = c.subject(register);
  const origin = c.flow.reg(register);
  const why = whyNull(c, origin);
  const line = c.lineOf(c.pc);
  const checked = c.isExpression(subject);
  return {
    summary: `${q(subject)} may be null here`,
    reason: `${why ?? `${q(subject)} may be null`}, and nothing on this path has checked ${q(subject)} before it is ${use}${line === undefined ? '' : ` on line ${line}`}`,
    variable: subject,
    known: knownOf(subject, c.reg(register)),
    origin,
    originText: checked ? `${q(subject)} may be null from here on` : 'may be null from here on',
    mend: checked
      ? c.before(c.pc, `if (!${subject}) ${c.leaveWithout(subject)}`)
      : { text: `check it first: \`if (!ptr) ${c.leave}\`` },
  };
}

export const NULL_RULES: readonly Rule[] = [
  {
    pattern: /^R(\d+) invalid mem access '(\w*(?:_or_null|or_null_)\w*)'/,
    category: 'null',
    say: (m, c) => nullable(c, Number(m[1]), 'used'),
  },
  {
    pattern: /^R(\d+) pointer arithmetic on (\w+) prohibited, null-check it first/,
    category: 'null',
    say: (m, c) => nullable(c, Number(m[1]), 'moved'),
  },
  {
    pattern: /^R(\d+) type=(\w*(?:_or_null|or_null_)\w*) expected=/,
    category: 'null',
    say: (m, c) => nullable(c, Number(m[1]), `given to ${q(c.call?.name ?? 'a helper')}`),
  },
  {
    pattern: /^R(\d+) (?:arithmetic|pointer arithmetic) on (\w+_or_null) prohibited/,
    category: 'null',
    say: (m, c) => nullable(c, Number(m[1]), 'moved'),
  },
];
