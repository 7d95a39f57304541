/**
 * Network devices of the model and what stands in a packet's way: XDP, then the cgroup's filters, then sockets (net/core/dev.c). A packet that is put
 * on a device passes them in that order; what XDP sends on leaves by `sent`.
 */
import type { Link, Probe } from '../backend/backend.ts';
import { BpfError, nearestNames, SysError, Unsupported } from '../base/errors.ts';
import type { RedirectRequest } from '../helpers/helper.ts';

/** Name and index: index 1 is the first. */
export const DEVICES: readonly string[] = ['lo', 'eth0', 'eth1'];

export function ifindexOf(device: string): number {
  const index = DEVICES.indexOf(device);
  if (index >= 0) return index + 1;
  const near = nearestNames(device, DEVICES);
  throw new BpfError(
    'ENODEV',
    `the model kernel has no network device '${device}'; it has ${(near.length > 0 ? near : DEVICES).join(', ')}`,
  );
}

const FLAG = { UPDATE_IF_NOEXIST: 1, HW_MODE: 8 } as const;
const XDP = { PASS: 2, TX: 3, REDIRECT: 4 } as const;
/** BPF_CGROUP_INET_INGRESS. */
const CGROUP_INGRESS = 0;
const ROOT_CGROUP = 1;

/** A packet that XDP sent somewhere else. */
export interface SentPacket {
  readonly to: 'device' | 'cpu' | 'socket';
  /** Index of the device, CPU or socket slot. */
  readonly index: number;
  readonly packet: Uint8Array;
}

/** Runs a program on a packet: its r0, the packet as it left it, and where it wants it sent. */
export type RunOnPacket = (bytes: Uint8Array) => {
  readonly result: number;
  readonly packet: Uint8Array;
  readonly redirect: RedirectRequest | undefined;
};

const MAP_TARGET: Readonly<Record<string, SentPacket['to']>> = { cpumap: 'cpu', xskmap: 'socket' };

export class Devices {
  readonly #xdp = new Map<string, { readonly run: RunOnPacket }>();
  readonly #ingress = new Set<RunOnPacket>();
  #sent: SentPacket[] = [];

  attachXdp(probe: Probe, run: RunOnPacket): Link {
    const device = probe.target;
    ifindexOf(device);
    const flags = Number(probe.options?.['flags'] ?? 0);
    if (flags & FLAG.HW_MODE) throw new Unsupported(`XDP on ${device} in hardware`, { backend: 'model' });
    if (flags & FLAG.UPDATE_IF_NOEXIST && this.#xdp.has(device))
      throw new SysError(
        'bpf(BPF_LINK_CREATE)',
        'EBUSY',
        `could not attach XDP to ${device}: there is a program already`,
      );
    const entry = { run };
    this.#xdp.set(device, entry);
    return {
      probe,
      close: () => {
        // Another program may have taken its place meanwhile.
        if (this.#xdp.get(device) === entry) this.#xdp.delete(device);
      },
    };
  }

  /** BPF_PROG_ATTACH: filters of what the root cgroup's sockets receive. */
  attachCgroup(probe: Probe, run: RunOnPacket): Link {
    const { attachType } = (probe.options ?? {}) as { readonly attachType?: number };
    if (attachType !== CGROUP_INGRESS)
      throw new Unsupported(`attaching a program by attach type ${attachType}`, {
        backend: 'model',
        hint: 'packets only come in here (BPF_CGROUP_INET_INGRESS); the linux backend has the others',
      });
    if (Number(probe.target) !== ROOT_CGROUP)
      throw new SysError(
        'bpf(BPF_PROG_ATTACH)',
        'EBADF',
        `could not attach to ${probe.target}: the model's one cgroup is 1`,
      );
    this.#ingress.add(run);
    return { probe, close: () => void this.#ingress.delete(run) };
  }

  /** The packet on its way up: what is left of it for the sockets, or undefined when something took it. */
  receive(device: string, bytes: Uint8Array): Uint8Array | undefined {
    let packet = bytes;
    const xdp = this.#xdp.get(device);
    if (xdp) {
      const { result, packet: changed, redirect } = xdp.run(bytes);
      packet = changed;
      if (result === XDP.TX) this.#sent.push({ to: 'device', index: ifindexOf(device), packet });
      if (result === XDP.REDIRECT && redirect) this.#redirect(redirect, packet);
      if (result !== XDP.PASS) return undefined;
    }
    for (const run of this.#ingress) if ((run(packet).result & 1) === 0) return undefined;
    return packet;
  }

  #redirect({ map, key, ifindex }: RedirectRequest, packet: Uint8Array): void {
    if (!map) {
      this.#sent.push({ to: 'device', index: ifindex ?? 0, packet });
      return;
    }
    const to = MAP_TARGET[map.attrs.type] ?? 'device';
    const at = new Uint8Array(4);
    new DataView(at.buffer).setUint32(0, key ?? 0, true);
    const slot = map.lookup(at);
    // A device map's value is the device; CPUs and sockets are known by their slot.
    const index = to === 'device' && slot ? new DataView(slot.buffer, slot.byteOffset).getUint32(0, true) : (key ?? 0);
    this.#sent.push({ to, index, packet });
  }

  /** Packets that were sent on since the last time. */
  take(): SentPacket[] {
    const sent = this.#sent;
    this.#sent = [];
    return sent;
  }
}
