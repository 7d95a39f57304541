/** Programs of iterators and of packets whose checksums follow, and what becomes of a packet: for the model and the running kernel. */

export const TASKS = `
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

/** Numbers of tasks alone, no end. */
export const TIDS = `
BPF_ITER(task) {
  struct task_struct *task = ctx->task;
  if (!task) return 0;
  u64 words[2] = { task->tgid, task->pid };
  bpf_seq_printf(ctx->meta->seq, "%d %d\\n", 7, words, sizeof(words));
  return 0;
}`;

export const ELEMENTS = `
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
}`;

/** An Ethernet frame with an IPv4 header of right checksum: 10.0.0.1 to 10.0.0.2, UDP 1000 to 2000 (its own checksum too). */
export function frame(): Uint8Array {
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
export function checksum(bytes: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) sum += (bytes[i]! << 8) | (bytes[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

/** UDP's pseudo header and the datagram. */
export function pseudo(bytes: Uint8Array): Uint8Array {
  return Uint8Array.of(...bytes.subarray(26, 34), 0, 17, 0, 26, ...bytes.subarray(34, 60));
}

export const NAT = `
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

/** The frame as NAT leaves it. */
export function rewritten(): Uint8Array {
  const bytes = frame();
  bytes.set([10, 0, 0, 99], 30);
  bytes.set([0, 53], 36);
  put16(bytes, 24, 0);
  put16(bytes, 40, 0);
  put16(bytes, 24, checksum(bytes.subarray(14, 34)));
  put16(bytes, 40, checksum(pseudo(bytes)));
  return bytes;
}
