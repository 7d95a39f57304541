/** Modules: their tracepoints by BTF, their functions and structs in C text, and kfuncs of theirs that programs call. The guest has loaded these modules. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { sys, testRun } from '../../bindings/linux/bpf.ts';
import { BPF } from '../../core/index.ts';
import { type Case, count, load } from './bench.ts';

/** Paths under modules/kernel, in the order that insmod needs. */
export const MODULES = [
  'net/vmw_vsock/vsock.ko',
  'net/vmw_vsock/vmw_vsock_virtio_transport_common.ko',
  'net/vmw_vsock/vsock_loopback.ko',
  'lib/libcrc32c.ko',
  'net/ipv4/netfilter/nf_defrag_ipv4.ko',
  'net/ipv6/netfilter/nf_defrag_ipv6.ko',
  'net/netfilter/nf_conntrack.ko',
] as const;

/** System calls of x86-64. */
const NR = { close: 3, socket: 41, connect: 42, bind: 49, listen: 50 } as const;
const AF_VSOCK = 40;
const SOCK_STREAM = 1;
/** The machine itself, and any address of it (linux/vm_sockets.h). */
const CID = { LOCAL: 1, ANY: 0xffffffff } as const;
const PORT = 4711;

function address(cid: number): Uint8Array {
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, AF_VSOCK, true);
  view.setUint32(4, PORT, true);
  view.setUint32(8, cid, true);
  return bytes;
}

/** A connection to ourselves over vsock, and its end: packets pass the module both ways. */
function vsockConnection(): void {
  const call = (nr: number, ...args: (number | Uint8Array)[]): number => {
    const result = sys().syscall(nr, ...args);
    assert.ok(result >= 0, `system call ${nr}: ${result}`);
    return result;
  };
  const [server, client] = [call(NR.socket, AF_VSOCK, SOCK_STREAM, 0), call(NR.socket, AF_VSOCK, SOCK_STREAM, 0)];
  try {
    call(NR.bind, server, address(CID.ANY), 16);
    call(NR.listen, server, 1);
    call(NR.connect, client, address(CID.LOCAL), 16);
  } finally {
    sys().syscall(NR.close, client);
    sys().syscall(NR.close, server);
  }
}

export const MODULE_CASES: readonly Case[] = [
  {
    name: 'a tracepoint of a module by its types (tp_btf)',
    run() {
      assert.ok(existsSync('/sys/kernel/btf/vmw_vsock_virtio_transport_common'));
      const b = load(`
BPF_ARRAY(seen, u64, 2);
SEC("tp_btf/virtio_transport_recv_pkt")
int on_packet(u64 *ctx)
{
    if ((u32)ctx[3] == ${PORT}) seen.increment(0);
    if ((u32)ctx[0] == ${CID.LOCAL}) seen.increment(1);
    return 0;
}`);
      vsockConnection();
      // The request at least; the answer comes to the client's port.
      assert.ok(count(b, 'seen', 0) >= 1);
      assert.ok(count(b, 'seen', 1) > count(b, 'seen', 0));
      const before = count(b, 'seen', 0);
      b.detachRawTracepoint('virtio_transport_recv_pkt');
      vsockConnection();
      assert.equal(count(b, 'seen', 0), before);
      assert.throws(
        () => load('SEC("tp_btf/virtio_transport_recv_pkg") int f(u64 *ctx) { return 0; }'),
        /no tracepoint 'virtio_transport_recv_pkg'/,
      );
    },
  },
  {
    name: "a module's structs in C text: by kprobe and by fentry",
    run() {
      const body = `
    const char *module = (const char *)t->transport.module->name;
    char name[16] = {};
    bpf_probe_read_kernel_str(&name, sizeof(name), module);
    if (name[0] == 'v' && name[5] == '_' && name[6] == 'l') seen.increment(SLOT);
    return 0;`;
      const b = load(`
BPF_ARRAY(seen, u64, 2);
int kprobe__virtio_transport_recv_pkt(struct pt_regs *ctx, struct virtio_transport *t) {${body.replace('SLOT', '0')}
}
KFUNC_PROBE(virtio_transport_recv_pkt, struct virtio_transport *t) {${body.replace('SLOT', '1')}
}`);
      vsockConnection();
      assert.ok(count(b, 'seen', 0) > 0);
      assert.equal(count(b, 'seen', 1), count(b, 'seen', 0));
      assert.throws(
        () => load('int f(struct pt_regs *ctx, struct virtio_transports *t) { return t->x; }'),
        /virtio_transports/,
      );
    },
  },
  {
    name: "a program calls a module's kfunc, with the module's struct",
    run() {
      const b = load(`
#include <uapi/linux/bpf.h>
BPF_ARRAY(seen, u64, 1);
SEC("tc")
int look(struct __sk_buff *skb)
{
    struct bpf_sock_tuple tuple = {};
    struct bpf_ct_opts opts = { .netns_id = -1, .l4proto = 6 };
    tuple.ipv4.saddr = 0x0100007f;
    tuple.ipv4.daddr = 0x0100007f;
    struct nf_conn *ct = bpf_skb_ct_lookup(skb, &tuple, sizeof(tuple.ipv4), &opts, sizeof(opts));
    if (ct) { bpf_ct_release(ct); return 1; }
    seen.increment(0);
    return -opts.error;
}`);
      const { fd } = b.loadFunc('look', BPF.SCHED_CLS);
      const { retval } = testRun(fd, { data: new Uint8Array(64), repeat: 1 });
      // No such connection.
      assert.equal(retval, 2);
      assert.equal(count(b, 'seen', 0), 1);
    },
  },
];
