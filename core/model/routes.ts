/** The routes of the model: a short list that a test writes, for bpf_fib_lookup. The longest prefix wins, the first of equals. */
import { BpfError } from '../base/errors.ts';
import type { Route } from '../helpers/fib.ts';
import { ifindexOf } from './devices.ts';

export interface RouteOptions {
  /** Bytes of an address (4 or 16), and how many of its bits count. */
  readonly to: Uint8Array;
  readonly prefix: number;
  readonly device: string;
  readonly mtu?: number;
  readonly gateway?: Uint8Array;
  /** The next hop's address on the wire, where it is known. */
  readonly destinationMac?: Uint8Array;
  readonly sourceMac?: Uint8Array;
}

const MAC = 6;

export class Routes {
  #routes: { readonly to: Uint8Array; readonly prefix: number; readonly route: Route }[] = [];

  /** Throws BpfError EINVAL for addresses of a wrong size, ENODEV for a device that is none. */
  add({
    to,
    prefix,
    device,
    mtu = 1500,
    gateway,
    destinationMac,
    sourceMac = new Uint8Array(MAC),
  }: RouteOptions): void {
    const ifindex = ifindexOf(device);
    const wrong =
      (to.length !== 4 && to.length !== 16) ||
      prefix < 0 ||
      prefix > to.length * 8 ||
      (gateway && gateway.length !== to.length) ||
      [destinationMac, sourceMac].some((mac) => mac && mac.length !== MAC);
    if (wrong) throw new BpfError('EINVAL', 'a route has addresses of 4 or of 16 bytes, and MAC addresses of 6');
    const route = { ifindex, mtu, sourceMac, ...(gateway && { gateway }), ...(destinationMac && { destinationMac }) };
    this.#routes.push({ to: to.slice(), prefix, route });
    this.#routes.sort((a, b) => b.prefix - a.prefix);
  }

  find(destination: Uint8Array): Route | undefined {
    return this.#routes.find(({ to, prefix }) => to.length === destination.length && agree(to, destination, prefix))
      ?.route;
  }
}

function agree(a: Uint8Array, b: Uint8Array, bits: number): boolean {
  const whole = bits >> 3;
  for (let i = 0; i < whole; i++) if (a[i] !== b[i]) return false;
  const rest = bits & 7;
  return rest === 0 || ((a[whole]! ^ b[whole]!) & (0xff << (8 - rest)) & 0xff) === 0;
}
