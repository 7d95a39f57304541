/**
 * Sockets with a filter: what attaching a socket_filter program to a network device of the model gives. A packet put on the device
 * (ModelBackend.injectPacket) runs the filter on a struct __sk_buff; the filter's r0 says how many bytes the socket keeps, 0 none
 * (sk_filter_trim_cap in net/core/filter.c). What it kept waits in the socket to be read.
 */
import type { Link, Probe } from '../backend/backend.ts';
import type { LinearMemory } from '../base/memory.ts';
import type { Packet } from '../helpers/helper.ts';

/** SKF_NET_OFF and SKF_LL_OFF of include/uapi/linux/filter.h: bases of negative offsets. */
const NET_OFF = -0x100000;
const LL_OFF = -0x200000;

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
