/** Packets: XDP, cgroup filters, socket filters and the maps that send packets on, on the model's devices. */
import { afterEach, describe, expect, it } from 'vitest';
import { setSession } from '../../core/bcc/session.ts';
import { BPF, BPFAttachType } from '../../core/index.ts';
import { ENGINES } from '../../core/vm/engines.ts';
import { world } from './bench.ts';

afterEach(() => setSession(undefined));

/** An Ethernet frame: IPv4, protocol 17, from 10.0.0.1 to 10.0.0.2. */
function frame(more: readonly number[] = []): Uint8Array {
  const bytes = new Uint8Array(64);
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
    0,
    0,
    50,
    0,
    0,
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
    ...more,
  ]);
  return bytes;
}

const PARSE = `
#include <uapi/linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
BPF_ARRAY(n, u64, 256);
int parse(struct xdp_md *ctx) {
  void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
  struct ethhdr *eth = data;
  if ((void *)(eth + 1) > end) return XDP_ABORTED;
  if (eth->h_proto != htons(ETH_P_IP)) return XDP_PASS;
  struct iphdr *ip = (void *)(eth + 1);
  if ((void *)(ip + 1) > end) return XDP_DROP;
  int key = ip->protocol;
  n.increment(key);
  return XDP_DROP;
}`;

describe('XDP', () => {
  it.each(
    ENGINES.map((e) => [e.name, e] as const),
  )('drops what it parsed, on %s [C.ev.xdp P.ev.attach_xdp P.ev.remove_xdp P.ev.xdpflags]', (_name, engine) => {
    if (engine.unavailable() !== undefined) return;
    const { bpf, backend } = world('connects', { engine });
    const b = bpf(`${PARSE}\nint keep(struct __sk_buff *skb) { return -1; }`);
    b.attachRawSocket(b.loadFunc('keep', BPF.SOCKET_FILTER), 'eth0');
    const fn = b.loadFunc('parse', BPF.XDP);
    b.attachXdp({ dev: 'eth0', fn, flags: BPF.XDP_FLAGS_SKB_MODE });
    expect(backend.injectPacket('eth0', frame())).toBe(0);
    expect(backend.injectPacket('eth0', new Uint8Array(8))).toBe(0);
    const arp = frame();
    arp[13] = 6;
    expect(backend.injectPacket('eth0', arp)).toBe(1);
    expect(b.getTable<number, bigint>('n').get(17)).toBe(1n);
    const other = bpf('int pass(struct xdp_md *ctx) { return XDP_PASS; }');
    expect(() => other.attachXdp({ dev: 'eth0', fnName: 'pass', flags: BPF.XDP_FLAGS_UPDATE_IF_NOEXIST })).toThrow(
      'EBUSY',
    );
    expect(() => other.attachXdp({ dev: 'eth0', fnName: 'pass', flags: BPF.XDP_FLAGS_HW_MODE })).toThrow('hardware');
    expect(() => other.attachXdp({ dev: 'eth9', fnName: 'pass' })).toThrow("no network device 'eth9'");
    b.removeXdp('eth0');
    expect(() => b.removeXdp('eth0')).toThrow("no xdp is attached to 'eth0'");
    expect(backend.injectPacket('eth0', frame())).toBe(1);
    b.close();
  });

  it('changes packets and sends them back [C.data.xdp_helpers]', () => {
    const { bpf, backend } = world();
    const b = bpf(`int swap(struct xdp_md *ctx) {
  if (bpf_xdp_adjust_head(ctx, -4)) return XDP_ABORTED;
  if (bpf_xdp_adjust_tail(ctx, -2)) return XDP_ABORTED;
  u8 *data = (u8 *)(long)ctx->data, *end = (u8 *)(long)ctx->data_end;
  if (data + 8 > end) return XDP_ABORTED;
  data[0] = 0xaa; data[4] = 0xbb;
  return XDP_TX;
}`);
    b.attachXdp({ dev: 'eth0', fnName: 'swap' });
    backend.injectPacket('eth0', frame());
    const [sent] = backend.takeSent();
    expect([sent?.to, sent?.index, sent?.packet.length, sent?.packet[0], sent?.packet[4], sent?.packet[5]]).toEqual([
      'device',
      2,
      66,
      0xaa,
      0xbb,
      0,
    ]);
  });

  it('sends packets to other devices, CPUs and sockets by maps [C.map.BPF_DEVMAP X.get_devmap_table C.map.BPF_CPUMAP C.map.BPF_XSKMAP X.get_xskmap_table C.mm.redirect_map]', () => {
    const { bpf, backend } = world('connects', { cpus: 2 });
    const b = bpf(`BPF_DEVMAP(devs, 4); BPF_CPUMAP(cpus, 2); BPF_XSKMAP(xsks, 4); BPF_ARRAY(how, u32, 1);
int go(struct xdp_md *ctx) {
  int z = 0; u32 *h = how.lookup(&z);
  if (!h) return XDP_ABORTED;
  if (*h == 0) return devs.redirect_map(1, 0);
  if (*h == 1) return cpus.redirect_map(1, 0);
  return xsks.redirect_map(3, XDP_PASS);
}`);
    b.getTable<number, number>('devs').set(1, 3);
    b.getTable<number, number>('cpus').set(1, 64);
    expect(() => b.getTable<number, number>('devs').set(0, 77)).toThrow('EINVAL');
    expect(() => b.getTable<number, number>('cpus').set(1, 1 << 20)).toThrow('EOVERFLOW');
    b.attachXdp({ dev: 'eth0', fnName: 'go' });
    for (const how of [0, 1, 2]) {
      b.getTable<number, number>('how').set(0, how);
      backend.injectPacket('eth0', frame());
    }
    // Slot 3 of the socket map is empty: the fallback action of the flags, and nothing is sent.
    expect(backend.takeSent().map(({ to, index }) => [to, index])).toEqual([
      ['device', 3],
      ['cpu', 1],
    ]);
  });
});

describe('filters', () => {
  it('of a cgroup, attached by descriptor and type [P.ev.attach_func X.attach_func_detach_func P.ev.detach_func]', () => {
    const { bpf, backend } = world();
    const b = bpf(`int keep(struct __sk_buff *skb) { return -1; }
int only_udp(struct __sk_buff *skb) { u8 proto = 0; if (bpf_skb_load_bytes(skb, 9, &proto, 1)) return 0; return proto == 17; }`);
    b.attachRawSocket(b.loadFunc('keep', BPF.SOCKET_FILTER), 'lo');
    const fn = b.loadFunc('only_udp', BPF.CGROUP_SKB, undefined, BPFAttachType['CGROUP_INET_INGRESS']);
    b.attachFunc(fn, 1, BPFAttachType['CGROUP_INET_INGRESS']!);
    const tcp = frame();
    tcp[23] = 6;
    expect([backend.injectPacket('lo', frame()), backend.injectPacket('lo', tcp)]).toEqual([1, 0]);
    b.detachFunc(fn, 1, BPFAttachType['CGROUP_INET_INGRESS']!);
    expect(backend.injectPacket('lo', tcp)).toBe(1);
    expect(() => b.detachFunc(fn, 1, 0)).toThrow('no prog_attach is attached');
    expect(() => b.attachFunc(fn, 7, 0)).toThrow('EBADF');
  });

  it('count in storage of their cgroup, one value or one a CPU [C.map.BPF_CGROUP_STORAGE X.get_cg_storage_table C.map.BPF_PERCPU_CGROUP_STORAGE X.get_percpu_cg_storage_table C.mm.storage]', () => {
    const { bpf, backend } = world();
    const b = bpf(`BPF_CGROUP_STORAGE(all, u64); BPF_PERCPU_CGROUP_STORAGE(each, u64);
int count(struct __sk_buff *skb) { u64 *v = all.get_local_storage(0); *v += 1; v = each.get_local_storage(0); *v += 10; return 1; }`);
    const fn = b.loadFunc('count', BPF.CGROUP_SKB, undefined, 0);
    b.attachFunc(fn, 1, 0);
    backend.injectPacket('lo', frame());
    backend.injectPacket('lo', frame());
    expect([...b.getTable('all').values()]).toEqual([2n]);
    expect([...b.getTable('each').values()]).toEqual([[20n]]);
  });

  it('hold no sockets where a script has none: the maps answer as the kernel does [C.map.BPF_SOCKHASH X.get_sockhash_table C.map.BPF_SOCKMAP X.get_sockmap_table]', () => {
    const { bpf } = world();
    const b = bpf('BPF_SOCKMAP(m, 4); BPF_SOCKHASH(h, u64);');
    expect(() => b.getTable<number, number>('m').set(0, 77)).toThrow('EBADF');
    expect(() => b.getTable<bigint, number>('h').set(5n, 77)).toThrow('EBADF');
    expect([b.getTable('h').size, b.getTable<bigint, number>('h').delete(5n)]).toEqual([0, false]);
  });

  it('send the packet along with a record [C.out.perf_submit_skb]', () => {
    const { bpf, backend } = world();
    const b = bpf(`BPF_PERF_OUTPUT(events);
int filter(struct __sk_buff *skb) { u32 magic = 0x12345678; events.perf_submit_skb(skb, skb->len, &magic, sizeof(magic)); return 0; }`);
    b.attachRawSocket(b.loadFunc('filter', BPF.SOCKET_FILTER), 'lo');
    const seen: Uint8Array[] = [];
    b.getTable('events').openPerfBuffer((_cpu, data) => seen.push(data.slice()));
    backend.injectPacket('lo', frame());
    b.perfBufferConsume();
    expect([...seen[0]!.subarray(0, 4)]).toEqual([0x78, 0x56, 0x34, 0x12]);
    expect([...seen[0]!.subarray(4, 4 + 14)]).toEqual([...frame().subarray(0, 14)]);
  });
});
