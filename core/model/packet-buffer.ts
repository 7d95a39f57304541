/**
 * A packet and the context that a program sees it through: struct __sk_buff (core/progs/ctx-skb.ts) or struct xdp_md (include/uapi/linux/bpf.h).
 * Behind the context's own fields lie the packet pointers whole, 8 bytes each: what loads of the 4-byte fields were moved to (link.ts).
 */
import { KERNEL_HI, type LinearMemory } from '../base/memory.ts';
import type { Packet } from '../helpers/helper.ts';
import { POINTER_AT } from './link.ts';

/** Size of each context, and where it has the packet's pointers and numbers; -1 for none. */
const LAYOUTS = {
  skb: { size: 192, len: 0, protocol: 16, ingress: 36, ifindex: 40, data: 76, end: 80, meta: 140 },
  xdp: { size: 24, len: -1, protocol: -1, ingress: 12, ifindex: -1, data: 0, end: 4, meta: 8 },
} as const;
/** Offsets of the VLAN tag in struct __sk_buff. */
const VLAN = { present: 20, tci: 24, proto: 28 } as const;
const POINTERS = 24;
const ETHERNET_HEADER = 14;
/** Room before a packet (XDP_PACKET_HEADROOM) and behind it. */
const HEADROOM = 256;
const TAILROOM = 512;
/** Largest packet a device takes: 64 KiB, as loopback's. */
export const PACKET_MOST = 65536;

export type PacketKind = keyof typeof LAYOUTS;

export interface FilledPacket {
  /** The context. */
  readonly offset: number;
  readonly size: number;
  readonly packet: Packet;
}

/** Size of a kind's context as programs know it: whole pointers lie behind. */
export function contextSize(kind: PacketKind): number {
  return LAYOUTS[kind].size;
}

/** The one context and packet of a kind, filled anew for every packet. */
export class PacketBuffer {
  readonly #memory: LinearMemory;
  readonly #kind: PacketKind;
  readonly #ctx: number;
  readonly #head: number;

  constructor(memory: LinearMemory, kind: PacketKind) {
    this.#memory = memory;
    this.#kind = kind;
    this.#ctx = memory.alloc(LAYOUTS[kind].size + POINTERS);
    this.#head = memory.alloc(HEADROOM + PACKET_MOST + TAILROOM);
  }

  /** A packet with its link-layer header, received on device `ifindex`. `skip` bytes of it (that header) come before what the program sees as data. */
  fill(bytes: Uint8Array, ifindex: number, skip = 0): FilledPacket {
    const { u8, view } = this.#memory;
    const ctx = this.#ctx;
    const layout = LAYOUTS[this.#kind];
    const size = layout.size + POINTERS;
    u8.fill(0, ctx, ctx + size);
    const start = this.#head + HEADROOM;
    u8.set(bytes, start);
    // The field holds the bytes as they are on the wire.
    if (layout.protocol >= 0 && bytes.length >= ETHERNET_HEADER)
      view.setUint16(ctx + layout.protocol, view.getUint16(start + 12, true), true);
    view.setUint32(ctx + layout.ingress, ifindex, true);
    if (layout.ifindex >= 0) view.setUint32(ctx + layout.ifindex, ifindex, true);
    const put = (field: number, pointer: keyof typeof POINTER_AT, offset: number) => {
      view.setUint32(ctx + field, offset, true);
      view.setInt32(ctx + layout.size + POINTER_AT[pointer], offset, true);
      view.setInt32(ctx + layout.size + POINTER_AT[pointer] + 4, KERNEL_HI, true);
    };
    const packet: Packet = {
      kind: this.#kind,
      head: this.#head,
      limit: start + bytes.length + TAILROOM,
      meta: start + skip,
      data: start + skip,
      end: start + bytes.length,
      networkOffset: ETHERNET_HEADER - skip,
      macOffset: -skip,
      moved: () => {
        put(layout.data, 'packet', packet.data);
        put(layout.end, 'packet_end', packet.end);
        put(layout.meta, 'packet_meta', packet.meta);
        if (layout.len >= 0) view.setUint32(ctx + layout.len, packet.end - packet.data, true);
      },
    };
    packet.moved();
    return { offset: ctx, size, packet };
  }

  /** The packet's bytes as the program left them. */
  bytes(packet: Packet): Uint8Array {
    const { u8, view } = this.#memory;
    const bytes = u8.slice(packet.data, packet.end);
    if (this.#kind !== 'skb' || view.getUint32(this.#ctx + VLAN.present, true) === 0 || bytes.length < ETHERNET_HEADER)
      return bytes;
    // A tag beside the bytes is put among them where the packet leaves (validate_xmit_vlan).
    const out = new Uint8Array(bytes.length + 4);
    out.set(bytes.subarray(0, 12));
    const tag = new DataView(out.buffer, 12, 4);
    tag.setUint16(0, view.getUint32(this.#ctx + VLAN.proto, true), true);
    tag.setUint16(2, view.getUint32(this.#ctx + VLAN.tci, true), false);
    out.set(bytes.subarray(12), 16);
    return out;
  }
}
