/**
 * Sockets: what the model knows of each, and its struct socket and struct sock (a whole tcp_sock, tcp6_sock, udp_sock, ...) in the
 * linear memory. Field names are those of include/net/sock.h and inet_sock.h.
 *
 * A socket is known by its inode (it keeps it across fork and dup). Facts come from the source at each call; the state that no
 * source can show (a connect under way) is kept here by the kernel's own rules.
 */
import { kernelAddress } from '../base/memory.ts';
import type { OpenFile } from './fs.ts';
import type { Namespaces } from './namespaces.ts';
import type { KernelObjects } from './objects.ts';
import {
  AF,
  type InetAddress,
  IPPROTO,
  isMapped,
  mapped,
  parseSockaddr,
  SOCK,
  SOCK_TYPE_MASK,
  TCP,
} from './sockaddr.ts';
import type { FdFacts } from './source.ts';

/** enum socket_state of include/uapi/linux/net.h. */
export const SS = { UNCONNECTED: 1, CONNECTING: 2, CONNECTED: 3 } as const;

const MOST_SOCKETS = 1024;
const FALLBACK = 3072;
const ANY4 = new Uint8Array(4);

/** The object that holds each kind of sock; the first whose family, type and protocol fit. */
const SOCK_STRUCTS = [
  { family: AF.INET, protocol: IPPROTO.TCP, struct: 'tcp_sock' },
  { family: AF.INET6, protocol: IPPROTO.TCP, struct: 'tcp6_sock' },
  { family: AF.INET, protocol: IPPROTO.UDP, struct: 'udp_sock' },
  { family: AF.INET6, protocol: IPPROTO.UDP, struct: 'udp6_sock' },
  { family: AF.UNIX, protocol: 0, struct: 'unix_sock' },
  { family: AF.INET, protocol: undefined, struct: 'inet_sock' },
  { family: AF.INET6, protocol: undefined, struct: 'inet_sock' },
  { family: undefined, protocol: undefined, struct: 'sock' },
] as const;

export class Socket {
  readonly key: string;
  readonly family: number;
  readonly type: number;
  readonly protocol: number;
  /** SS_* of the socket, TCP_* of the sock: the model's own account. */
  state: number = SS.UNCONNECTED;
  tcpState: number = TCP.CLOSE;
  local: InetAddress | undefined;
  peer: InetAddress | undefined;
  /** Offsets of struct socket and struct sock, 0 until made. */
  object = 0;
  sock = 0;
  struct = '';
  /** Task groups that use it, as far as the model saw. */
  readonly users = new Set<number>();
  /** Calls inside of it: it must not be evicted. */
  busy = 0;

  constructor(key: string, family: number, type: number, protocol: number) {
    this.key = key;
    this.family = family;
    this.type = type & SOCK_TYPE_MASK;
    this.protocol =
      protocol ||
      (family === AF.UNIX ? 0 : this.type === SOCK.STREAM ? IPPROTO.TCP : this.type === SOCK.DGRAM ? IPPROTO.UDP : 0);
  }

  get isInet(): boolean {
    return this.family === AF.INET || this.family === AF.INET6;
  }

  get isTcp(): boolean {
    return this.isInet && this.type === SOCK.STREAM && this.protocol === IPPROTO.TCP;
  }

  get isUdp(): boolean {
    return this.isInet && this.type === SOCK.DGRAM && this.protocol === IPPROTO.UDP;
  }
}

export class Sockets {
  #objects: KernelObjects;
  #namespaces: Namespaces;
  #sockets = new Map<string, Socket>();
  #cookie = 0n;

  constructor(objects: KernelObjects, namespaces: Namespaces) {
    this.#objects = objects;
    this.#namespaces = namespaces;
  }

  /** The socket behind a descriptor, with its addresses and state brought up to date; undefined when it is none. */
  socket(tgid: number, fd: number, facts: FdFacts | undefined): Socket | undefined {
    if (!facts?.socket) return undefined;
    const key = facts.inode === undefined ? `${tgid}:${fd}` : `${facts.inode}`;
    const { domain, type, protocol, state } = facts.socket;
    let socket = this.#sockets.get(key);
    if (!socket || socket.family !== domain || socket.type !== (type & SOCK_TYPE_MASK)) {
      if (socket) this.release(socket);
      if (this.#sockets.size >= MOST_SOCKETS) this.#evict();
      socket = new Socket(key, domain, type, protocol);
      this.#sockets.set(key, socket);
    }
    socket.users.add(tgid);
    const local = parseSockaddr(facts.socket.local);
    const peer = parseSockaddr(facts.socket.peer);
    if (local) socket.local = local;
    if (peer) socket.peer = peer;
    // getpeername answers from SYN_RECV on: who has a peer is connected, whatever was seen before.
    if (facts.socket.peer && socket.tcpState === TCP.CLOSE && socket.state !== SS.CONNECTING) {
      socket.tcpState = TCP.ESTABLISHED;
      socket.state = SS.CONNECTED;
    } else if (facts.socket.peer && (socket.tcpState === TCP.SYN_SENT || socket.state === SS.CONNECTING)) {
      socket.tcpState = TCP.ESTABLISHED;
    }
    if (state !== undefined) {
      socket.tcpState = state;
      if (state === TCP.ESTABLISHED && socket.state === SS.UNCONNECTED) socket.state = SS.CONNECTED;
    }
    if (socket.sock) this.write(socket);
    return socket;
  }

  /** Sockets that a task group used and nobody else does, as far as the model saw. */
  ownedBy(tgid: number): Socket[] {
    return [...this.#sockets.values()].filter((s) => s.users.has(tgid) && s.users.size === 1);
  }

  /** A child has all the descriptors of its parent. */
  inherit(parentTgid: number, childTgid: number): void {
    for (const socket of this.#sockets.values()) if (socket.users.has(parentTgid)) socket.users.add(childTgid);
  }

  /** A task group lets go of its sockets. */
  forget(tgid: number): void {
    for (const socket of [...this.#sockets.values()]) {
      socket.users.delete(tgid);
      if (socket.users.size === 0) this.release(socket);
    }
  }

  /** The socket is closed for good. */
  release(socket: Socket): void {
    this.#sockets.delete(socket.key);
    if (!socket.sock) return;
    this.#objects.free('socket', socket.object, FALLBACK);
    this.#objects.free(socket.struct, socket.sock, FALLBACK);
    socket.sock = socket.object = 0;
  }

  /** Kernel address of its struct sock. */
  sockAddress(socket: Socket): bigint {
    this.#make(socket);
    return kernelAddress(socket.sock);
  }

  /** Kernel address of its struct socket. */
  socketAddress(socket: Socket): bigint {
    this.#make(socket);
    return kernelAddress(socket.object);
  }

  /** Tie a socket to the struct file that it was opened as. */
  bindFile(socket: Socket, file: OpenFile): void {
    this.#make(socket);
    this.#objects.point('socket', socket.object, 'file', file.object);
    this.#objects.point('file', file.object, 'private_data', socket.object);
  }

  /** Bring the objects in line with what the model knows: after a change of address or state. */
  write(socket: Socket): void {
    if (!socket.sock) return;
    const o = this.#objects;
    const sk = socket.sock;
    o.set('socket', socket.object, 'state', socket.state);
    o.set('sock', sk, '__sk_common.skc_state', socket.tcpState);
    if (!socket.isInet) return;
    const { local, peer } = socket;
    o.set('sock', sk, '__sk_common.skc_num', local?.port ?? 0);
    o.set('inet_sock', sk, 'inet_sport', swap16(local?.port ?? 0));
    o.set('sock', sk, '__sk_common.skc_dport', swap16(peer?.port ?? 0));
    const local4 = toV4(local?.address);
    o.bytes('sock', sk, '__sk_common.skc_rcv_saddr', local4);
    o.bytes('inet_sock', sk, 'inet_saddr', local4);
    o.bytes('sock', sk, '__sk_common.skc_daddr', toV4(peer?.address));
    if (socket.family !== AF.INET6) return;
    o.bytes('sock', sk, '__sk_common.skc_v6_rcv_saddr', toV6(local?.address));
    o.bytes('sock', sk, '__sk_common.skc_v6_daddr', toV6(peer?.address));
    const pinet6 = socket.struct.endsWith('6_sock') ? o.find(socket.struct, 'inet6') : undefined;
    if (pinet6) o.bytes('ipv6_pinfo', sk + pinet6.offset, 'saddr', toV6(local?.address));
  }

  #make(socket: Socket): void {
    if (socket.sock) return;
    const o = this.#objects;
    const row = SOCK_STRUCTS.find(
      (r) =>
        (r.family === undefined || r.family === socket.family) &&
        (r.protocol === undefined || r.protocol === socket.protocol) &&
        o.has(r.struct),
    );
    socket.struct = row?.struct ?? 'sock';
    const sk = (socket.sock = o.allocate(socket.struct, FALLBACK));
    const object = (socket.object = o.allocate('socket', FALLBACK));
    o.point('socket', object, 'sk', sk);
    o.set('socket', object, 'type', socket.type);
    o.point('sock', sk, 'sk_socket', object);
    o.set('sock', sk, 'sk_type', socket.type);
    o.set('sock', sk, 'sk_protocol', socket.protocol);
    o.set('sock', sk, '__sk_common.skc_family', socket.family);
    o.set('sock', sk, '__sk_common.skc_reuse', 0);
    o.set('sock', sk, '__sk_common.skc_refcnt.refs.counter', 1);
    o.point('sock', sk, '__sk_common.skc_net.net', this.#namespaces.net());
    o.set('sock', sk, '__sk_common.skc_cookie.counter', ++this.#cookie);
    const pinet6 = socket.struct.endsWith('6_sock') ? o.find(socket.struct, 'inet6') : undefined;
    if (pinet6) o.point('inet_sock', sk, 'pinet6', sk + pinet6.offset);
    this.write(socket);
  }

  /** Forget the socket that was made first and that no call is inside of. */
  #evict(): void {
    for (const socket of this.#sockets.values()) {
      if (socket.busy > 0) continue;
      this.release(socket);
      return;
    }
  }
}

function swap16(port: number): number {
  return ((port & 255) << 8) | (port >> 8);
}

function toV4(address: Uint8Array | undefined): Uint8Array {
  if (!address) return ANY4;
  if (address.length === 4) return address;
  return isMapped(address) ? address.subarray(12) : ANY4;
}

function toV6(address: Uint8Array | undefined): Uint8Array {
  if (!address) return new Uint8Array(16);
  return address.length === 16 ? address : mapped(address);
}
