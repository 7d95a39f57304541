/** Programs on packets: attaching them to the model's devices, cgroup and sockets, and running them on what passes. */
import type { Link, Probe } from '../backend/backend.ts';
import { BpfError } from '../base/errors.ts';
import type { LinearMemory } from '../base/memory.ts';
import type { RedirectRequest } from '../helpers/helper.ts';
import { attachTypeById } from '../progs/attach-types.ts';
import { Devices, ifindexOf, type RunOnPacket, type SentPacket } from './devices.ts';
import type { ModelEnv } from './env.ts';
import type { ModelProg } from './handles.ts';
import { PACKET_MOST, PacketBuffer, type PacketKind } from './packet-buffer.ts';
import { PacketSocket } from './packet-socket.ts';

/** Probe kinds that are about packets. */
export const PACKET_KINDS: readonly string[] = ['socket', 'xdp', 'prog_attach'];

/** What a cgroup's filters do not see of a packet. */
const ETHERNET_HEADER = 14;

/** Where a program that is running may look. */
interface Region {
  readonly offset: number;
  readonly size: number;
}

export class PacketPath {
  readonly #memory: LinearMemory;
  readonly #env: ModelEnv;
  readonly #links: Set<Link>;
  readonly #enter: (region: Region) => void;
  readonly #devices = new Devices((device, packet) => this.#deliver(device, packet));
  readonly #sockets = new Set<PacketSocket>();
  readonly #buffers = new Map<PacketKind, PacketBuffer>();
  /** Sockets that kept some of the packet under way. */
  #kept = 0;

  /** `links`: all that is attached, ended with the backend. `enter` is told where the program that is about to run has its context. */
  constructor(memory: LinearMemory, env: ModelEnv, links: Set<Link>, enter: (region: Region) => void) {
    this.#memory = memory;
    this.#env = env;
    this.#links = links;
    this.#enter = enter;
  }

  /** Attach to a device (`socket`, `xdp`), or by attach type (`prog_attach`). Throws BpfError EINVAL for a program of another type. */
  attach(prog: ModelProg, probe: Probe): Link {
    if (probe.kind === 'socket') return this.#attachSocket(prog, probe);
    const made = probe.kind === 'xdp' ? this.#attachXdp(prog, probe) : this.#attachByType(prog, probe);
    const link: Link = {
      probe,
      close: () => {
        made.close();
        this.#links.delete(link);
      },
    };
    this.#links.add(link);
    return link;
  }

  #attachSocket(prog: ModelProg, probe: Probe): PacketSocket {
    if (prog.spec.type !== 'socket_filter')
      throw new BpfError(
        'EINVAL',
        `program ${prog.spec.name} of type ${prog.spec.type} cannot filter a socket; that takes socket_filter`,
      );
    const ifindex = ifindexOf(probe.target);
    const filter = (bytes: Uint8Array): number => this.#run(prog, 'skb', bytes, ifindex).result;
    const socket = new PacketSocket(probe, filter, (gone) => {
      this.#sockets.delete(gone);
      this.#links.delete(gone);
    });
    this.#sockets.add(socket);
    this.#links.add(socket);
    return socket;
  }

  #attachXdp(prog: ModelProg, probe: Probe): Link {
    wanted(prog, probe.kind, ['xdp']);
    return this.#devices.attachXdp(probe, (bytes) => this.#run(prog, 'xdp', bytes, ifindexOf(probe.target)));
  }

  #attachByType(prog: ModelProg, probe: Probe): Link {
    const attachType = Number(probe.options?.['attachType'] ?? 0);
    const onDevice = attachTypeById(attachType)?.name.startsWith('tcx_');
    wanted(prog, probe.kind, onDevice ? ['sched_cls'] : ['cgroup_skb']);
    if (onDevice)
      return this.#devices.attachByType(probe, (bytes, ifindex = 1) => this.#run(prog, 'skb', bytes, ifindex));
    const cgroup = { id: Number(probe.target), attachType };
    const made = this.#devices.attachByType(probe, (bytes) => {
      this.#env.attachedCgroup = cgroup;
      try {
        return this.#run(prog, 'skb', bytes, 1, ETHERNET_HEADER);
      } finally {
        this.#env.attachedCgroup = undefined;
      }
    });
    for (const map of prog.storages) map.link(cgroup.id, cgroup.attachType);
    return made;
  }

  /** Run a program on a packet. */
  #run(prog: ModelProg, kind: PacketKind, bytes: Uint8Array, ifindex: number, skip = 0): ReturnType<RunOnPacket> {
    const env = this.#env;
    let buffer = this.#buffers.get(kind);
    if (!buffer) {
      buffer = new PacketBuffer(this.#memory, kind);
      this.#buffers.set(kind, buffer);
    }
    const context = buffer.fill(bytes, ifindex, skip);
    const clones: (RedirectRequest & { readonly packet: Uint8Array })[] = [];
    env.ctx = context.offset;
    env.progType = prog.spec.type;
    env.packet = context.packet;
    env.redirected = undefined;
    env.onClone = (request) => void clones.push({ ...request, packet: buffer.bytes(context.packet) });
    this.#enter(context);
    try {
      prog.executable.run(context.offset);
    } finally {
      env.packet = undefined;
      env.onClone = undefined;
    }
    context.packet.data -= skip;
    return {
      result: prog.executable.r0Lo >>> 0,
      packet: buffer.bytes(context.packet),
      redirect: env.redirected,
      clones,
    };
  }

  /** A packet comes in by a device. Returns how many sockets kept some of it. */
  receive(device: string, packet: Uint8Array): number {
    checkSize(packet);
    this.#kept = 0;
    this.#devices.receive(device, packet);
    return this.#kept;
  }

  #deliver(device: string, packet: Uint8Array): void {
    for (const socket of this.#sockets) if (socket.probe.target === device && socket.deliver(packet)) this.#kept++;
  }

  /** The machine sends a packet by a device. */
  send(device: string, packet: Uint8Array): void {
    checkSize(packet);
    this.#devices.send(device, packet);
  }

  /** Packets that were sent on since the last time. */
  take(): SentPacket[] {
    return this.#devices.take();
  }
}

function checkSize(packet: Uint8Array): void {
  if (packet.length > PACKET_MOST) throw new RangeError(`a packet of ${packet.length} bytes: at most ${PACKET_MOST}`);
}

function wanted(prog: ModelProg, kind: string, types: readonly string[]): void {
  if (types.includes(prog.spec.type)) return;
  throw new BpfError(
    'EINVAL',
    `program ${prog.spec.name} of type ${prog.spec.type} cannot be attached as ${kind}; on the model that takes ${types.join(', ')}`,
  );
}
