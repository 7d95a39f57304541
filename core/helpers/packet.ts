/** What the packet helpers share: the packet of the running program, and ranges inside it. */
import { Unsupported } from '../base/errors.ts';
import type { HelperEnv, Packet } from './helper.ts';

/** The packet, or Unsupported by the helper's name. */
export function packetOf(env: HelperEnv, helper: string): Packet {
  if (!env.packet) throw new Unsupported(`helper \`${helper}\` without a packet`);
  return env.packet;
}

export function packetLength(packet: Packet): number {
  return packet.end - packet.data;
}

/** Offset of `size` bytes at `offset` from the start of the data, or 0 when they are not all inside. */
export function inPacket(packet: Packet, offset: number, size: number): number {
  return offset <= 0x7fffffff && offset + size <= packetLength(packet) ? packet.data + offset : 0;
}
