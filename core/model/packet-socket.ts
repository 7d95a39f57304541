/**
 * Sockets with a filter: what attaching a socket_filter program to a network device of the model gives. A packet put on the device
 * (ModelBackend.injectPacket) runs the filter on a struct __sk_buff; the filter's r0 says how many bytes the socket keeps, 0 none
 * (sk_filter_trim_cap in net/core/filter.c). What it kept waits in the socket to be read.
 */
import type { Link, Probe } from '../backend/backend.ts';
import type { LinearMemory } from '../base/memory.ts';
import type { Packet } from '../helpers/helper.ts';

const SK_BUFF_SIZE = 192;
/** Offsets in struct __sk_buff (core/progs/ctx-skb.ts). */
const FIELD = { len: 0, protocol: 16, ingress_ifindex: 36, ifindex: 40 } as const;
const ETHERNET_HEADER = 14;
/** SKF_NET_OFF and SKF_LL_OFF of include/uapi/linux/filter.h: bases of negative offsets. */
const NET_OFF = -0x100000;
const LL_OFF = -0x200000;
/** Largest packet a device takes: 64 KiB, as loopback's. */
export const PACKET_MOST = 65536;

/** The one __sk_buff and the packet behind it, filled anew for every packet. */
export class PacketBuffer {
  readonly #memory: LinearMemory;
  readonly #skb: number;
  readonly #data: number;

  constructor(memory: LinearMemory) {
    this.#memory = memory;
    this.#skb = memory.alloc(SK_BUFF_SIZE);
    this.#data = memory.alloc(PACKET_MOST);
  }

  /** A packet with its link-layer header, received on device `ifindex`. Returns the ctx and what helpers ask. */
  fill(
    bytes: Uint8Array,
    ifindex: number,
  ): { readonly offset: number; readonly size: number; readonly packet: Packet } {
    const { u8, view } = this.#memory;
    const skb = this.#skb;
    u8.fill(0, skb, skb + SK_BUFF_SIZE);
    u8.set(bytes, this.#data);
    view.setUint32(skb + FIELD.len, bytes.length, true);
    // The field holds the bytes as they are on the wire.
    if (bytes.length >= ETHERNET_HEADER)
      view.setUint16(skb + FIELD.protocol, view.getUint16(this.#data + 12, true), true);
    view.setUint32(skb + FIELD.ingress_ifindex, ifindex, true);
    view.setUint32(skb + FIELD.ifindex, ifindex, true);
    const packet: Packet = {
      kind: 'skb',
      head: this.#data,
      limit: this.#data + PACKET_MOST,
      meta: this.#data,
      data: this.#data,
      end: this.#data + bytes.length,
      networkOffset: ETHERNET_HEADER,
      macOffset: 0,
      moved: () => {},
    };
    return { offset: skb, size: SK_BUFF_SIZE, packet };
  }
}

/** ld_abs and ld_ind: big-endian packet bytes as a number; undefined outside the packet (bpf_skb_load_helper_8 and its siblings). */
export function loadFromPacket(memory: LinearMemory, packet: Packet, offset: number, size: number): number | undefined {
  let at = offset;
  if (offset < 0) {
    if (offset >= NET_OFF) at = offset - NET_OFF + (packet.networkOffset ?? 0);
    else if (offset >= LL_OFF) at = offset - LL_OFF + (packet.macOffset ?? 0);
    else return undefined;
  }
  if (at < 0 || at + size > packet.end - packet.data) return undefined;
  let value = 0;
  for (let i = 0; i < size; i++) value = (value << 8) | memory.u8[packet.data + at + i]!;
  return value;
}

/** A socket on a device with a filter attached. */
export class PacketSocket implements Link {
  readonly probe: Probe;
  readonly #filter: (packet: Uint8Array) => number;
  readonly #leave: (socket: PacketSocket) => void;
  #waiting: Uint8Array[] = [];

  /** `filter` answers r0 as an unsigned number; `leave` takes the socket off its device. */
  constructor(probe: Probe, filter: (packet: Uint8Array) => number, leave: (socket: PacketSocket) => void) {
    this.probe = probe;
    this.#filter = filter;
    this.#leave = leave;
  }

  /** A packet came: true when the filter keeps some of it. */
  deliver(packet: Uint8Array): boolean {
    const kept = Math.min(this.#filter(packet), packet.length);
    if (kept > 0) this.#waiting.push(packet.slice(0, kept));
    return kept > 0;
  }

  /** The next packet that the filter kept, cut to what it kept. */
  read(): Uint8Array | undefined {
    return this.#waiting.shift();
  }

  close(): void {
    this.#leave(this);
    this.#waiting = [];
  }
}
