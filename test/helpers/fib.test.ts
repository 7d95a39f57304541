/** bpf_fib_lookup on a few routes, and what sockets are, in programs on the model. */
import { afterEach, describe, expect, it } from 'vitest';
import { setSession } from '../../core/bcc/session.ts';
import { BPF } from '../../core/index.ts';
import { values, world } from '../parity/bench.ts';

afterEach(() => setSession(undefined));

const FIB = `
#include <uapi/linux/bpf.h>
struct answer { u64 ret; u32 ifindex; u32 mtu; u32 dst; u8 dmac[6]; u8 smac[6]; };
BPF_ARRAY(ask, u32, 4);
BPF_HASH(told, u32, struct answer);
int look(struct xdp_md *ctx) {
  struct bpf_fib_lookup p = {};
  int i = 0;
  u32 *dst = ask.lookup(&i);
  i = 1;
  u32 *length = ask.lookup(&i);
  i = 2;
  u32 *flags = ask.lookup(&i);
  i = 3;
  u32 *family = ask.lookup(&i);
  if (!dst || !length || !flags || !family) return XDP_ABORTED;
  p.family = *family;
  p.ipv4_dst = *dst;
  p.tot_len = *length;
  p.ifindex = ctx->ingress_ifindex;
  struct answer a = {};
  a.ret = (u64)bpf_fib_lookup(ctx, &p, sizeof(p), *flags);
  a.ifindex = p.ifindex;
  a.mtu = p.tot_len;
  a.dst = p.ipv4_dst;
  __builtin_memcpy(a.dmac, p.dmac, 6);
  __builtin_memcpy(a.smac, p.smac, 6);
  u32 key = *dst;
  told.update(&key, &a);
  return XDP_PASS;
}`;

const ip = (...bytes: number[]): number => new DataView(Uint8Array.from(bytes).buffer).getUint32(0, true);

describe('routes', () => {
  it('tell device, next hop and MTU; the longest prefix wins', () => {
    const { bpf, backend } = world();
    backend.routes.add({
      to: Uint8Array.of(10, 0, 0, 0),
      prefix: 8,
      device: 'eth1',
      gateway: Uint8Array.of(10, 0, 0, 254),
      destinationMac: Uint8Array.of(2, 0, 0, 0, 0, 9),
      sourceMac: Uint8Array.of(2, 0, 0, 0, 0, 1),
    });
    backend.routes.add({ to: Uint8Array.of(10, 1, 2, 0), prefix: 23, device: 'eth0' });
    const b = bpf(FIB);
    b.attachXdp({ dev: 'lo', fn: b.loadFunc('look', BPF.XDP) });
    const ask = b.getTable<number, number>('ask');
    const look = (dst: number, { length = 0, flags = 0, family = 2 } = {}) => {
      for (const [i, value] of [dst, length, flags, family].entries()) ask.set(i, value);
      backend.injectPacket('lo', new Uint8Array(64));
      const {
        ret,
        ifindex,
        mtu,
        dst: hop,
        dmac,
      } = b
        .getTable<number, { ret: bigint; ifindex: number; mtu: number; dst: number; dmac: Uint8Array }>('told')
        .get(dst)!;
      return [Number(BigInt.asIntN(32, ret)), ifindex, mtu, hop, dmac[5]];
    };
    expect(look(ip(10, 9, 9, 9))).toEqual([0, 3, 1500, ip(10, 0, 0, 254), 9]);
    expect(look(ip(10, 9, 9, 9), { length: 1501 })).toEqual([8, 3, 1500, ip(10, 9, 9, 9), 0]);
    // Nobody knows the next hop's address on the wire; who does not ask for it is told the rest.
    expect(look(ip(10, 1, 3, 1))).toEqual([7, 2, 1500, ip(10, 1, 3, 1), 0]);
    expect(look(ip(10, 1, 3, 1), { flags: 4 })).toEqual([0, 2, 1500, ip(10, 1, 3, 1), 0]);
    expect(look(ip(10, 1, 4, 1))).toEqual([0, 3, 1500, ip(10, 0, 0, 254), 9]);
    expect(look(ip(8, 8, 8, 8))).toEqual([4, 1, 0, ip(8, 8, 8, 8), 0]);
    expect(look(ip(8, 8, 8, 8), { flags: 64 })[0]).toBe(-22);
    expect(look(ip(8, 8, 8, 8), { family: 1 })[0]).toBe(-97);
    expect(() => backend.routes.add({ to: Uint8Array.of(1), prefix: 8, device: 'lo' })).toThrow(
      'addresses of 4 or of 16 bytes',
    );
  });
});

describe('sockets', () => {
  it('have a cookie, and are cast to what they are', () => {
    const { bpf } = world();
    const b = bpf(`
BPF_HASH(out, u32, u64);
KFUNC_PROBE(tcp_v4_connect, struct sock *sk) {
  u32 key = 0;
  if (sk->__sk_common.skc_family != 2) return 0;
  u64 value = bpf_get_socket_cookie(sk);
  out.update(&key, &value);
  key = 1;
  value = bpf_skc_to_tcp_sock(sk) == (void *)sk;
  out.update(&key, &value);
  key = 2;
  value = bpf_skc_to_tcp6_sock(sk) == 0 && bpf_skc_to_unix_sock(sk) == 0 && bpf_skc_to_udp6_sock(sk) == 0;
  out.update(&key, &value);
  return 0;
}`);
    b.wait();
    const out = b.getTable<number, bigint>('out');
    expect([out.get(0)! > 0n, out.get(1), out.get(2)]).toEqual([true, 1n, 1n]);
  });

  it('have the cookie that their struct says', () => {
    const [cookie] = values('OUT(0, sk->__sk_common.skc_cookie.counter)');
    expect(cookie).toBeGreaterThan(0n);
  });
});
