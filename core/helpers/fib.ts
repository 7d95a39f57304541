/** Routes that the surroundings know, as bpf_fib_lookup tells them (net/core/filter.c, bpf_ipv4_fib_lookup and its IPv6 twin). */
import { ERRNO } from '../base/errno.ts';
import { Unsupported } from '../base/errors.ts';
import { EINVAL } from '../maps/errno.ts';
import type { HelperEnv, RegFile } from './helper.ts';
import { returnNumber, u32, u64 } from './registers.ts';

/** A route: where a packet goes that is for an address. */
export interface Route {
  readonly ifindex: number;
  readonly mtu: number;
  /** Address of the next hop, 4 or 16 bytes; absent: the destination itself. */
  readonly gateway?: Uint8Array;
  /** The next hop's MAC address, where it is known, and the device's own. */
  readonly destinationMac?: Uint8Array;
  readonly sourceMac: Uint8Array;
}

/** Offsets in struct bpf_fib_lookup. */
const AT = {
  family: 0,
  totalLength: 6,
  ifindex: 8,
  destination: 32,
  vlanProto: 48,
  vlanTci: 50,
  sourceMac: 52,
  destinationMac: 58,
  size: 64,
} as const;
const AF_INET = 2;
const AF_INET6 = 10;
/** BPF_FIB_LOOKUP_*: DIRECT, OUTPUT, SKIP_NEIGH, TBID, SRC, MARK. */
const FLAGS = { skipNeigh: 4, all: 0x3f } as const;
const RET = { success: 0, notForwarded: 4, noNeighbour: 7, fragNeeded: 8 } as const;

export function fibLookup(env: HelperEnv, r: RegFile) {
  if (!env.route) throw new Unsupported('helper `fib_lookup` without routes');
  const { u8, view } = env.memory;
  const [at, size, flags] = [u32(r, 2), u32(r, 3), u64(r, 4)];
  if (size < AT.size || flags > FLAGS.all) return returnNumber(r, EINVAL);
  const family = u8[at + AT.family]!;
  if (family !== AF_INET && family !== AF_INET6) return returnNumber(r, -ERRNO.EAFNOSUPPORT);
  const width = family === AF_INET ? 4 : 16;
  const destination = u8.slice(at + AT.destination, at + AT.destination + width);
  const route = env.route(destination);
  if (!route) return returnNumber(r, RET.notForwarded);
  const length = view.getUint16(at + AT.totalLength, true);
  view.setUint32(at + AT.ifindex, route.ifindex, true);
  // The length's place becomes the MTU of the route.
  view.setUint16(at + AT.totalLength, route.mtu, true);
  if (length > route.mtu) return returnNumber(r, RET.fragNeeded);
  if (route.gateway) u8.set(route.gateway, at + AT.destination);
  if ((flags & FLAGS.skipNeigh) !== 0) return returnNumber(r, RET.success);
  if (!route.destinationMac) return returnNumber(r, RET.noNeighbour);
  u8.set(route.destinationMac, at + AT.destinationMac);
  u8.set(route.sourceMac, at + AT.sourceMac);
  view.setUint32(at + AT.vlanProto, 0, true);
  returnNumber(r, RET.success);
}
