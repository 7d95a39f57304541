/**
 * Helpers on socket buffers against the real kernel's (BPF_PROG_TEST_RUN): the same program on the same packet leaves the same answers, context and bytes.
 * What the kernel's answer should be is said beside it, for machines that cannot ask.
 */
import { afterEach, describe, expect, it } from 'vitest';
import { testRun } from '../../bindings/linux/bpf.ts';
import { setSession } from '../../core/bcc/session.ts';
import { BPF, BPFAttachType } from '../../core/index.ts';
import { liveBackend, noKernel, title } from '../live/machine.ts';
import { world } from '../parity/bench.ts';

afterEach(() => setSession(undefined));

const { TCX_EGRESS } = BPFAttachType as { TCX_EGRESS: number };

/** Ethernet, IPv4 (10.0.0.1 to 10.0.0.2, TTL 64, this TOS), UDP, 32 bytes. */
function ipv4(tos = 0): Uint8Array {
  const bytes = new Uint8Array(74);
  bytes.set([
    2,
    0,
    0,
    0,
    0,
    1,
    2,
    0,
    0,
    0,
    0,
    2,
    8,
    0,
    0x45,
    tos,
    0,
    60,
    0,
    1,
    0,
    0,
    64,
    17,
    0,
    0,
    10,
    0,
    0,
    1,
    10,
    0,
    0,
    2,
  ]);
  let sum = 0;
  for (let i = 14; i < 34; i += 2) sum += (bytes[i]! << 8) | bytes[i + 1]!;
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  bytes.set([(~sum >> 8) & 255, ~sum & 255], 24);
  bytes.set([3, 232, 7, 208, 0, 40], 34);
  for (let i = 42; i < 74; i++) bytes[i] = i;
  return bytes;
}

function ipv6(trafficClass = 0): Uint8Array {
  const bytes = new Uint8Array(94);
  bytes.set([2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x86, 0xdd, 0x60 | (trafficClass >> 4), (trafficClass & 15) << 4]);
  bytes.set([0, 40, 17, 64], 18);
  for (let i = 22; i < 94; i++) bytes[i] = i;
  return bytes;
}

function tagged(): Uint8Array {
  const bytes = ipv4();
  return Uint8Array.of(...bytes.subarray(0, 12), 0x81, 0, 0, 7, ...bytes.subarray(12));
}

function arp(): Uint8Array {
  const bytes = ipv4();
  bytes.set([8, 6], 12);
  return bytes;
}

interface Row {
  readonly what: string;
  readonly packet: Uint8Array;
  /** Calls that leave numbers with OUT(slot, number). */
  readonly body: string;
  /** What they are, signed, as far as the row says them. */
  readonly says: readonly number[];
}

const ENOTSUPP = -524;
const ROWS: readonly Row[] = [
  {
    what: 'a VLAN tag beside the bytes, a second one, and back',
    packet: ipv4(),
    body: `OUT(0, bpf_skb_vlan_push(skb, htons(ETH_P_8021AD), 5)); OUT(1, skb->vlan_present); OUT(2, skb->vlan_tci); OUT(3, skb->len);
      OUT(4, bpf_skb_vlan_push(skb, htons(ETH_P_8021Q), 6)); OUT(5, skb->vlan_tci); OUT(6, skb->len); OUT(7, skb->protocol);
      OUT(8, bpf_skb_vlan_pop(skb)); OUT(9, skb->vlan_tci); OUT(10, skb->vlan_proto); OUT(11, skb->len); OUT(12, bpf_skb_vlan_pop(skb)); OUT(13, skb->vlan_present);`,
    says: [0, 1, 5, 74, 0, 6, 78, 0xa888, 0, 5, 0xa888, 74, 0, 0],
  },
  {
    what: 'a VLAN tag among the bytes',
    packet: tagged(),
    body: 'OUT(0, skb->protocol); OUT(1, bpf_skb_vlan_pop(skb)); OUT(2, skb->len); OUT(3, skb->protocol); OUT(4, bpf_skb_vlan_pop(skb)); OUT(5, skb->len);',
    says: [0x0081, 0, 74, 0x0008, 0, 74],
  },
  {
    what: 'room behind the headers, more and less',
    packet: ipv4(),
    body: `OUT(0, bpf_skb_adjust_room(skb, 8, 0, 0)); OUT(1, skb->len); OUT(2, bpf_skb_adjust_room(skb, 20, 1, 0)); OUT(3, skb->len);
      OUT(4, bpf_skb_adjust_room(skb, -12, 0, 0)); OUT(5, skb->len); OUT(6, bpf_skb_adjust_room(skb, 4, 2, 0)); OUT(7, bpf_skb_adjust_room(skb, 4, 0, 1 << 20));
      OUT(8, bpf_skb_adjust_room(skb, 5000, 0, 0)); OUT(9, bpf_skb_adjust_room(skb, -200, 0, 0));`,
    says: [0, 82, 0, 102, 0, 90, ENOTSUPP, -22, -14, ENOTSUPP],
  },
  {
    what: 'no room in what is not IP',
    packet: arp(),
    body: 'OUT(0, bpf_skb_adjust_room(skb, 8, 0, 0)); OUT(1, bpf_skb_change_proto(skb, htons(ETH_P_IPV6), 0)); OUT(2, bpf_skb_set_tstamp(skb, 5, 1));',
    says: [ENOTSUPP, ENOTSUPP, -95],
  },
  {
    what: 'IPv4 to IPv6 and back',
    packet: ipv4(),
    body: `OUT(0, bpf_skb_change_proto(skb, htons(ETH_P_IPV6), 1)); OUT(1, bpf_skb_change_proto(skb, htons(ETH_P_IP), 0));
      OUT(2, bpf_skb_change_proto(skb, htons(ETH_P_IPV6), 0)); OUT(3, skb->len); OUT(4, skb->protocol); OUT(5, bpf_skb_change_proto(skb, htons(ETH_P_IP), 0)); OUT(6, skb->len);`,
    says: [-22, ENOTSUPP, 0, 94, 0xdd86, 0, 74],
  },
  {
    what: 'types',
    packet: ipv4(),
    body: 'OUT(0, bpf_skb_change_type(skb, 3)); OUT(1, skb->pkt_type); OUT(2, bpf_skb_change_type(skb, 4)); OUT(3, bpf_skb_change_type(skb, 0)); OUT(4, skb->pkt_type);',
    says: [0, 3, -22, 0, 0],
  },
  {
    what: 'hashes',
    packet: ipv4(),
    body: 'OUT(0, bpf_get_hash_recalc(skb) != 0); OUT(1, bpf_set_hash(skb, 77)); OUT(2, skb->hash); OUT(3, bpf_get_hash_recalc(skb)); bpf_set_hash_invalid(skb); OUT(4, skb->hash); OUT(5, bpf_get_hash_recalc(skb) != 77);',
    says: [1, 0, 77, 77, 0, 1],
  },
  ...[0, 1, 2, 3].flatMap((ecn): Row[] => [
    {
      what: `ECN ${ecn} of IPv4`,
      packet: ipv4(0x10 | ecn),
      body: 'OUT(0, bpf_skb_ecn_set_ce(skb));',
      says: [ecn === 0 ? 0 : 1],
    },
    {
      what: `ECN ${ecn} of IPv6`,
      packet: ipv6(0x10 | ecn),
      body: 'OUT(0, bpf_skb_ecn_set_ce(skb));',
      says: [ecn === 0 ? 0 : 1],
    },
  ]),
  {
    what: 'ECN of what is not IP',
    packet: arp(),
    body: 'OUT(0, bpf_skb_ecn_set_ce(skb));',
    says: [0],
  },
  {
    what: 'time stamps',
    packet: ipv4(),
    body: 'OUT(0, bpf_skb_set_tstamp(skb, 5, 0)); OUT(1, bpf_skb_set_tstamp(skb, 0, 1)); OUT(2, bpf_skb_set_tstamp(skb, 5, 9)); OUT(3, bpf_skb_set_tstamp(skb, 5, 1)); OUT(4, skb->tstamp); OUT(5, bpf_skb_set_tstamp(skb, 0, 0)); OUT(6, skb->tstamp);',
    says: [0, -22, -22, 0, 5, 0, 0],
  },
  {
    what: 'the MTU of a device',
    packet: ipv4(),
    body: `u32 mtu = 0; OUT(0, bpf_check_mtu(skb, 1, &mtu, 0, 0)); OUT(1, mtu); mtu = 0; OUT(2, bpf_check_mtu(skb, 4711, &mtu, 0, 0)); mtu = 65537; OUT(3, bpf_check_mtu(skb, 1, &mtu, 0, 0));
      OUT(4, mtu); mtu = 65000; OUT(5, bpf_check_mtu(skb, 1, &mtu, 537, 0)); mtu = 65000; OUT(6, bpf_check_mtu(skb, 1, &mtu, 536, 0)); OUT(7, bpf_check_mtu(skb, 1, &mtu, 0, 8));`,
    says: [0, 65536, -19, 1, 65536, 1, 0, -22],
  },
  {
    what: 'a packet without route, tunnel and transformation',
    packet: ipv4(),
    body: `struct bpf_tunnel_key key = { .tunnel_id = 7 }; OUT(0, bpf_get_route_realm(skb)); OUT(1, bpf_skb_get_tunnel_key(skb, &key, sizeof(key), 0)); OUT(2, key.tunnel_id);
      struct bpf_xfrm_state x = { .reqid = 7 }; OUT(3, bpf_skb_get_xfrm_state(skb, 0, &x, sizeof(x), 0)); OUT(4, x.reqid); char opt[8] = "x"; OUT(5, bpf_skb_get_tunnel_opt(skb, opt, sizeof(opt))); OUT(6, opt[0]);`,
    says: [0, -22, 0, -22, 0, -2, 0],
  },
];

const program = (body: string): string => `
#include <uapi/linux/bpf.h>
#include <uapi/linux/if_ether.h>
BPF_ARRAY(out, u64, 16);
#define OUT(i, v) { int slot = i; u64 value = (u64)(v); out.update(&slot, &value); }
int f(struct __sk_buff *skb) {
${body}
return 0;
}`;

const answers = (b: BPF, count: number): number[] =>
  [...b.getTable<number, bigint>('out').values()].slice(0, count).map((v) => {
    const value = BigInt.asIntN(64, v);
    // Helpers that return an int leave 32 bits; an errno is one either way.
    return Number(value > 0xfffff000n && value <= 0xffffffffn ? BigInt.asIntN(32, value) : value);
  });

/** Answers and bytes of a row on the model. */
function onModel({ body, packet, says }: Row): { readonly answers: number[]; readonly bytes: Uint8Array } {
  const { bpf, backend } = world();
  const b = bpf(program(body));
  b.attachFunc(b.loadFunc('f', BPF.SCHED_CLS), 1, TCX_EGRESS);
  backend.sendPacket('lo', packet);
  const result = { answers: answers(b, says.length), bytes: backend.takeSent()[0]!.packet };
  b.close();
  return result;
}

describe('helpers on socket buffers', () => {
  it.each(ROWS.map((row) => [row.what, row] as const))('%s', (_what, row) => {
    expect(onModel(row).answers).toEqual(row.says);
  });

  it('a tag beside the bytes is among them when the packet leaves', () => {
    const { bytes } = onModel({
      what: '',
      packet: ipv4(),
      body: 'bpf_skb_vlan_push(skb, htons(ETH_P_8021Q), 7);',
      says: [],
    });
    expect(bytes).toEqual(tagged());
  });

  it('of sockets answer what they do for a packet without', () => {
    const { answers: got } = onModel({
      what: '',
      packet: ipv4(),
      body: 'OUT(0, bpf_get_socket_cookie(skb)); OUT(1, bpf_get_socket_uid(skb)); OUT(2, bpf_skb_cgroup_id(skb));',
      says: [0, 0, 0],
    });
    expect(got).toEqual([0, 65534, 0]);
  });
});

describe.skipIf(noKernel)(title('and the kernel', noKernel), () => {
  it.each(ROWS.map((row) => [row.what, row] as const))('%s: the same answers and bytes', (_what, row) => {
    const model = onModel(row);
    liveBackend();
    const b = new BPF({ text: program(row.body) });
    const { data } = testRun(b.loadFunc('f', BPF.SCHED_CLS).fd, { data: row.packet, repeat: 1 });
    expect(answers(b, row.says.length)).toEqual(row.says);
    expect([...data]).toEqual([...model.bytes]);
    b.close();
  });
});
