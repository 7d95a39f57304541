/** Iterators, and programs of a device's tcx hooks: on the model, where what they see is known. */
import { afterEach, describe, expect, it } from 'vitest';
import { setSession } from '../../core/bcc/session.ts';
import { BPF, BPFAttachType } from '../../core/index.ts';
import { ENGINES } from '../../core/vm/engines.ts';
import { world } from './bench.ts';

afterEach(() => setSession(undefined));

const TASKS = `
BPF_ITER(task) {
  struct seq_file *seq = ctx->meta->seq;
  struct task_struct *task = ctx->task;
  if (!task) {
    u64 count = ctx->meta->seq_num;
    bpf_seq_printf(seq, "end %d\\n", 8, &count, sizeof(count));
    return 0;
  }
  u64 words[2] = { task->pid, (u64)task->comm };
  bpf_seq_printf(seq, "%d %s\\n", 7, words, sizeof(words));
  return 0;
}`;

describe('iterators', () => {
  it('go over tasks, and are told the end [C.ev.iter C.data.seq_printf]', () => {
    const { bpf } = world((w) => {
      w.spawn({ comm: 'client', pid: 1000 }).open('/etc/hosts');
      w.spawn({ comm: 'curl', pid: 1001 }).open('/etc/hosts');
    });
    const b = bpf(`${TASKS}\nint kprobe__do_sys_openat2(void *ctx) { return 0; }`);
    b.wait();
    const lines = b.attachIter('task').text().split('\n');
    expect(lines).toContain('1000 client');
    expect(lines).toContain('1001 curl');
    expect(lines.slice(-2)).toEqual([`end ${lines.length - 2}`, '']);
    // Each call reads anew.
    expect(b.attachIter({ fnName: 'bpf_iter__task' }).text()).toBe(lines.join('\n'));
  });

  it('go over the elements of a map [C.ev.iter C.data.seq_printf]', () => {
    const { bpf } = world();
    const b = bpf(`
struct row { u32 key; u64 value; };
BPF_HASH(t, u32, u64);
BPF_ITER(bpf_map_elem) {
  u32 *key = ctx->key;
  u64 *value = ctx->value;
  if (!key || !value) return 0;
  struct row row = {};
  row.key = *key;
  row.value = *value;
  bpf_seq_write(ctx->meta->seq, &row, sizeof(row));
  return 0;
}`);
    const t = b.getTable<number, bigint>('t');
    for (const [key, value] of [
      [7, 70n],
      [8, 80n],
    ] as const)
      t.set(key, value);
    const read = () => {
      const view = new DataView(
        Uint8Array.from([...b.attachIter({ fnName: 'bpf_map_elem', map: 't' })].flatMap((p) => [...p])).buffer,
      );
      return Array.from({ length: view.byteLength / 16 }, (_, i) => [
        view.getUint32(i * 16, true),
        view.getBigUint64(i * 16 + 8, true),
      ]).sort();
    };
    expect(read()).toEqual([
      [7, 70n],
      [8, 80n],
    ]);
    t.set(7, 71n);
    expect(read()[0]).toEqual([7, 71n]);
    expect(() => b.attachIter('bpf_map_elem')).toThrow(/EBADF/);
    expect(() => b.attachIter({ fnName: 'bpf_map_elem', map: 'u' })).toThrow("no table 'u'");
  });

  it('give what fits into one buffer at a time', () => {
    const { bpf } = world();
    const b = bpf(`
struct big { char bytes[400]; };
BPF_ARRAY(t, struct big, 200);
BPF_ITER(bpf_map_elem) {
  struct big *value = ctx->value;
  if (!value) return 0;
  bpf_seq_write(ctx->meta->seq, value, sizeof(*value));
  return 0;
}`);
    const sizes = [...b.attachIter({ fnName: 'bpf_map_elem', map: 't' })].map((part) => part.length);
    expect(sizes.reduce((x, y) => x + y)).toBe(200 * 400);
    expect(sizes).toEqual([32400, 32400, 15200]);
  });

  it('are refused by name where the model has none', () => {
    const b = world().bpf('BPF_ITER(netlink) { return 0; }');
    expect(() => b.attachIter('netlink')).toThrow(/iterating over netlink.*task, bpf_map_elem/s);
  });
});

describe('functions by BTF', () => {
  it('are declared with BPF_PROG too [C.ev.bpf_prog]', () => {
    const { bpf, backend } = world();
    const b = bpf(`
BPF_HASH(seen, u32, u64);
int BPF_PROG(kfunc__vmlinux__tcp_v4_connect, struct sock *sk) {
  u32 key = 0;
  seen.increment(key);
  return 0;
}
int BPF_PROG(kretfunc__vmlinux__tcp_v4_connect, struct sock *sk, struct sockaddr *addr, int len, int ret) {
  u32 key = 1;
  u64 value = ret == 0 && len == 16;
  seen.increment(key, value);
  return 0;
}`);
    expect(backend.name).toBe('model');
    b.wait();
    const seen = b.getTable<number, bigint>('seen');
    expect([seen.get(0), seen.get(1)! > 0n]).toEqual([5n, true]);
  });

  it('of modules are those of the one piece that the model kernel is', () => {
    const { bpf } = world();
    const probe = (module: string) =>
      `BPF_ARRAY(n, u64, 1);\nMODULE_KFUNC_PROBE(${module}, tcp_v4_connect, struct sock *sk) { int z = 0; n.increment(z); return 0; }`;
    const b = bpf(probe('vmlinux'));
    b.wait();
    expect(b.getTable<number, bigint>('n').get(0)).toBe(5n);
    expect(() => bpf(probe('nf_tables'))).toThrow('the model kernel has no module nf_tables');
  });

  it('read the path of a file that is closed [C.data.d_path]', () => {
    const { bpf } = world((w) => {
      const task = w.spawn({ comm: 'cat', pid: 1000 });
      task.close(task.open('/etc/hosts'));
    });
    const b = bpf(`
struct path_text { char text[64]; };
BPF_HASH(paths, u32, struct path_text);
KFUNC_PROBE(filp_close, struct file *file) {
  struct path_text t = {};
  u32 size = bpf_d_path(&file->f_path, t.text, sizeof(t.text));
  paths.update(&size, &t);
  return 0;
}`);
    b.wait();
    const paths = [...b.getTable<number, { text: string }>('paths').entries()];
    expect(paths).toEqual([['/etc/hosts'.length + 1, { text: '/etc/hosts' }]]);
  });
});

/** An Ethernet frame with an IPv4 header of right checksum: 10.0.0.1 to 10.0.0.2, UDP 1000 to 2000 (its own checksum too). */
function frame(): Uint8Array {
  const bytes = new Uint8Array(60);
  bytes.set([2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0]);
  bytes.set([0x45, 0, 0, 46, 0, 1, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2], 14);
  bytes.set([3, 232, 7, 208, 0, 26, 0, 0, ...Buffer.from('eighteen bytes...')], 34);
  put16(bytes, 24, checksum(bytes.subarray(14, 34)));
  put16(bytes, 40, checksum(pseudo(bytes)));
  return bytes;
}

const put16 = (bytes: Uint8Array, at: number, value: number): void => void bytes.set([value >> 8, value & 255], at);

/** RFC 1071, over bytes whose own checksum field is part of them: 0 when it is right. */
function checksum(bytes: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) sum += (bytes[i]! << 8) | (bytes[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

/** UDP's pseudo header and the datagram. */
function pseudo(bytes: Uint8Array): Uint8Array {
  return Uint8Array.of(...bytes.subarray(26, 34), 0, 17, 0, 26, ...bytes.subarray(34, 60));
}

const { TCX_INGRESS, TCX_EGRESS } = BPFAttachType as { TCX_INGRESS: number; TCX_EGRESS: number };

describe('tcx', () => {
  const NAT = `
#include <uapi/linux/pkt_cls.h>
#include <bcc/proto.h>
int nat(struct __sk_buff *skb) {
  u8 *cursor = 0;
  struct ethernet_t *eth = cursor_advance(cursor, sizeof(*eth));
  if (eth->type != 0x0800) return TC_ACT_OK;
  struct ip_t *ip = cursor_advance(cursor, sizeof(*ip));
  struct udp_t *udp = cursor_advance(cursor, sizeof(*udp));
  u32 old_ip = ip->dst, new_ip = 0x0a000063;
  u16 old_port = udp->dport, new_port = 53;
  incr_cksum_l4(&udp->crc, old_ip, new_ip, 1);
  incr_cksum_l4(&udp->crc, old_port, new_port, 0);
  incr_cksum_l3(&ip->hchecksum, old_ip, new_ip);
  ip->dst = new_ip;
  udp->dport = new_port;
  return TC_ACT_OK;
}`;

  it.each(
    ENGINES.map((e) => [e.name, e] as const),
  )('rewrites packets and their checksums, on %s [C.data.incr_cksum]', (_name, engine) => {
    if (engine.unavailable() !== undefined) return;
    const { bpf, backend } = world('connects', { engine });
    const b = bpf(NAT);
    const fn = b.loadFunc('nat', BPF.SCHED_CLS);
    b.attachFunc(fn, 2, TCX_EGRESS);
    const packet = frame();
    expect([checksum(packet.subarray(14, 34)), checksum(pseudo(packet))]).toEqual([0, 0]);
    backend.sendPacket('eth0', packet);
    const [sent] = backend.takeSent();
    expect(sent).toMatchObject({ to: 'device', index: 2 });
    expect([...sent!.packet.subarray(30, 34)]).toEqual([10, 0, 0, 99]);
    expect([...sent!.packet.subarray(36, 38)]).toEqual([0, 53]);
    expect([checksum(sent!.packet.subarray(14, 34)), checksum(pseudo(sent!.packet))]).toEqual([0, 0]);
    b.detachFunc(fn, 2, TCX_EGRESS);
    backend.sendPacket('eth0', packet);
    expect(backend.takeSent()[0]!.packet).toEqual(packet);
  });

  it('decides in order what passes; redirects and clones go out by other devices', () => {
    const { bpf, backend } = world();
    const b = bpf(`
BPF_ARRAY(what, u32, 1);
int first(struct __sk_buff *skb) { int z = 0; u32 *w = what.lookup(&z); return w && *w == 1 ? 2 : -1; }
int second(struct __sk_buff *skb) {
  int z = 0;
  u32 *w = what.lookup(&z);
  if (w && *w == 2) return bpf_redirect(3, 0);
  if (w && *w == 3) bpf_clone_redirect(skb, 3, 0);
  if (w && *w == 4) return bpf_redirect(3, BPF_F_INGRESS);
  return 0;
}
int keep(struct __sk_buff *skb) { return -1; }`);
    for (const name of ['first', 'second']) b.attachFunc(b.loadFunc(name, BPF.SCHED_CLS), 2, TCX_INGRESS);
    const keep = b.loadFunc('keep', BPF.SOCKET_FILTER);
    b.attachRawSocket(keep, 'eth0');
    const what = b.getTable<number, number>('what');
    const seen = [0, 1, 2, 3, 4].map((value) => {
      what.set(0, value);
      return [backend.injectPacket('eth0', frame()), backend.takeSent().map(({ index }) => index)];
    });
    expect(seen).toEqual([
      [1, []],
      [0, []],
      [0, [3]],
      [1, [3]],
      [0, []],
    ]);
    b.attachRawSocket({ fnName: 'keep', dev: 'eth1' });
    expect(backend.injectPacket('eth0', frame())).toBe(1);
    expect(() => b.attachFunc(b.loadFunc('first', BPF.SCHED_CLS), 9, TCX_INGRESS)).toThrow(/2 \(eth0\).*ENODEV/s);
    expect(() => b.attachFunc(keep, 2, TCX_INGRESS)).toThrow('takes sched_cls');
  });
});
