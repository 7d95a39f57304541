/**
 * Network devices of the model and what stands in a packet's way (net/core/dev.c). One that is put on a device passes XDP, the tcx programs of its
 * ingress, the cgroup's filters, then sockets; one that the machine sends passes the cgroup's filters and the tcx programs of the device's egress. What
 * XDP and tcx send on, and what left, is in `sent`.
 */
import type { Link, Probe } from '../backend/backend.ts';
import { BpfError, nearestNames, SysError, Unsupported } from '../base/errors.ts';
import type { RedirectRequest } from '../helpers/helper.ts';
import { attachTypeById } from '../progs/attach-types.ts';

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
/** enum tcx_action_base (include/uapi/linux/bpf.h); the TC_ACT_* that let a packet pass are TC_ACT_OK and TC_ACT_RECLASSIFY. */
const TCX = { NEXT: -1, PASS: 0, RECLASSIFY: 1, REDIRECT: 7 } as const;
/** Most programs on one hook (BPF_MPROG_MAX). */
const MPROG_MOST = 64;
/** BPF_F_INGRESS of bpf_redirect: to the device's way in. */
const REDIRECT_INGRESS = 1;
/** A packet that goes round between devices longer than this is dropped (XMIT_RECURSION_LIMIT). */
const REDIRECTS_MOST = 8;
const ROOT_CGROUP = 1;

export type Direction = 'ingress' | 'egress';

/** Hooks of BPF_PROG_ATTACH by attach type. */
const CGROUP_HOOKS: Readonly<Record<string, Direction>> = {
  cgroup_inet_ingress: 'ingress',
  cgroup_inet_egress: 'egress',
};
const TCX_HOOKS: Readonly<Record<string, Direction>> = { tcx_ingress: 'ingress', tcx_egress: 'egress' };

/** A packet that XDP sent somewhere else. */
export interface SentPacket {
  readonly to: 'device' | 'cpu' | 'socket';
  /** Index of the device, CPU or socket slot. */
  readonly index: number;
  readonly packet: Uint8Array;
}

/** Runs a program on a packet: its r0, the packet as it left it, and where it wants it sent. */
export type RunOnPacket = (
  bytes: Uint8Array,
  ifindex?: number,
) => {
  readonly result: number;
  readonly packet: Uint8Array;
  readonly redirect: RedirectRequest | undefined;
  /** Copies that the program sent while it ran (bpf_clone_redirect). */
  readonly clones?: readonly (RedirectRequest & { readonly packet: Uint8Array })[];
};

const MAP_TARGET: Readonly<Record<string, SentPacket['to']>> = { cpumap: 'cpu', xskmap: 'socket' };

export class Devices {
  readonly #xdp = new Map<string, { readonly run: RunOnPacket }>();
  readonly #cgroup = { ingress: new Set<RunOnPacket>(), egress: new Set<RunOnPacket>() };
  /** Programs by direction and device. */
  readonly #tcx = { ingress: new Map<number, Set<RunOnPacket>>(), egress: new Map<number, Set<RunOnPacket>>() };
  readonly #deliver: (device: string, packet: Uint8Array) => void;
  #sent: SentPacket[] = [];

  /** `deliver` takes what reached the sockets of a device. */
  constructor(deliver: (device: string, packet: Uint8Array) => void) {
    this.#deliver = deliver;
  }

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

  /** BPF_PROG_ATTACH: filters of what the root cgroup's sockets send or receive, and tcx programs of a device (the number is its index). */
  attachByType(probe: Probe, run: RunOnPacket): Link {
    const number = Number(probe.options?.['attachType'] ?? 0);
    const type = attachTypeById(number)?.name ?? '';
    const cgroup = CGROUP_HOOKS[type];
    if (cgroup) return this.#attachCgroup(probe, cgroup, run);
    const tcx = TCX_HOOKS[type];
    if (tcx) return this.#attachTcx(probe, tcx, run);
    throw new Unsupported(`attaching a program by attach type ${type || number}`, {
      backend: 'model',
      hint: `the model has ${[...Object.keys(CGROUP_HOOKS), ...Object.keys(TCX_HOOKS)].join(', ')}; the linux backend has the others`,
    });
  }

  #attachCgroup(probe: Probe, direction: Direction, run: RunOnPacket): Link {
    if (Number(probe.target) !== ROOT_CGROUP)
      throw new SysError(
        'bpf(BPF_PROG_ATTACH)',
        'EBADF',
        `could not attach to ${probe.target}: the model's one cgroup is 1`,
      );
    const filters = this.#cgroup[direction];
    filters.add(run);
    return { probe, close: () => void filters.delete(run) };
  }

  #attachTcx(probe: Probe, direction: Direction, run: RunOnPacket): Link {
    const ifindex = Number(probe.target);
    if (DEVICES[ifindex - 1] === undefined)
      throw new SysError(
        'bpf(BPF_PROG_ATTACH)',
        'ENODEV',
        `could not attach to device ${probe.target}: the model has ${DEVICES.map((name, i) => `${i + 1} (${name})`).join(', ')}`,
      );
    const programs = this.#tcx[direction].get(ifindex) ?? new Set<RunOnPacket>();
    if (programs.size >= MPROG_MOST)
      throw new SysError('bpf(BPF_PROG_ATTACH)', 'ERANGE', `device ${ifindex} has ${MPROG_MOST} programs already`);
    this.#tcx[direction].set(ifindex, programs);
    programs.add(run);
    return { probe, close: () => void programs.delete(run) };
  }

  /** A packet comes in by a device, on its way up to the sockets. */
  receive(device: string, bytes: Uint8Array): void {
    let packet = bytes;
    const xdp = this.#xdp.get(device);
    const ifindex = ifindexOf(device);
    if (xdp) {
      const { result, packet: changed, redirect } = xdp.run(bytes);
      packet = changed;
      if (result === XDP.TX) this.#sent.push({ to: 'device', index: ifindex, packet });
      if (result === XDP.REDIRECT && redirect) this.#redirect(redirect, packet);
      if (result !== XDP.PASS) return;
    }
    this.#up(ifindex, packet, 0);
  }

  /** Behind XDP: tcx, then the cgroup. */
  #up(ifindex: number, bytes: Uint8Array, redirects: number): void {
    const packet = this.#throughTcx('ingress', ifindex, bytes, redirects);
    if (packet && this.#allowed('ingress', packet)) this.#deliver(DEVICES[ifindex - 1]!, packet);
  }

  /** A packet of the machine's own on its way out. */
  send(device: string, bytes: Uint8Array): void {
    const ifindex = ifindexOf(device);
    if (this.#allowed('egress', bytes)) this.#out(ifindex, bytes, 0);
  }

  /** The device's way out (dev_queue_xmit). */
  #out(ifindex: number, bytes: Uint8Array, redirects: number): void {
    const packet = this.#throughTcx('egress', ifindex, bytes, redirects);
    if (packet) this.#sent.push({ to: 'device', index: ifindex, packet });
  }

  #allowed(direction: Direction, packet: Uint8Array): boolean {
    for (const run of this.#cgroup[direction]) if ((run(packet).result & 1) === 0) return false;
    return true;
  }

  /** tcx_run(): programs one after another until one decides. What is left of the packet, or undefined when it was dropped or went elsewhere. */
  #throughTcx(direction: Direction, ifindex: number, bytes: Uint8Array, redirects: number): Uint8Array | undefined {
    let packet = bytes;
    for (const run of this.#tcx[direction].get(ifindex) ?? []) {
      const { result, packet: changed, redirect, clones } = run(packet, ifindex);
      packet = changed;
      for (const clone of clones ?? []) this.#forward(clone, clone.packet, redirects);
      const verdict = result | 0;
      if (verdict === TCX.NEXT) continue;
      if (verdict === TCX.REDIRECT && redirect) this.#forward(redirect, packet, redirects);
      return verdict === TCX.PASS || verdict === TCX.RECLASSIFY ? packet : undefined;
    }
    return packet;
  }

  /** bpf_redirect and bpf_clone_redirect of a tc program: out by a device, or in by it. */
  #forward({ ifindex = 0, flags }: RedirectRequest, packet: Uint8Array, redirects: number): void {
    if (DEVICES[ifindex - 1] === undefined || redirects >= REDIRECTS_MOST) return;
    if ((flags & REDIRECT_INGRESS) === 0) this.#out(ifindex, packet, redirects + 1);
    else this.#up(ifindex, packet, redirects + 1);
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
