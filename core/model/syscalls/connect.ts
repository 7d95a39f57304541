/**
 * connect(2), and what lies beneath it in net/socket.c, net/ipv4/af_inet.c, tcp_ipv4.c and net/ipv6/tcp_ipv6.c.
 *
 * What is known on entry: the sockaddr (the destination is what it says then) and whether the socket may connect at all; a socket
 * that is connected, connecting or listening never reaches tcp_v4_connect. What is known on exit: the call's result. From it
 * follows what tcp_v4_connect itself returned: 0 for everything that happens after the SYN was sent (refused, timed out, in progress,
 * interrupted, killed), the error for what it finds by itself (no route, a bad address).
 */
import { kernelAddress } from '../../base/memory.ts';
import { type Socket, SS } from '../net.ts';
import {
  AF,
  familyOf,
  type InetAddress,
  isMapped,
  isZero,
  makeSockaddr,
  parseSockaddr,
  SOCKADDR_IN_SIZE,
  SOCKADDR_IN6_LEAST,
  SOCKADDR_MOST,
  TCP,
} from '../sockaddr.ts';
import { setTcpState } from '../tcp.ts';
import type { Call } from './call.ts';
import { ERRNO, isInterrupted } from './errno.ts';
import { behaviour } from './row.ts';

const EARLY = [
  '__sys_connect',
  '__sys_connect_file',
  'security_socket_connect',
  'inet_stream_connect',
  '__inet_stream_connect',
  'tcp_v4_connect',
  'tcp_v6_connect',
  'inet_dgram_connect',
  'ip4_datagram_connect',
  'ip6_datagram_connect',
  'unix_stream_connect',
  'unix_dgram_connect',
] as const;
const LATE = ['tcp_set_state', 'sock:inet_sock_set_state', 'tcp_connect', 'tcp_finish_connect'] as const;
type Passed = (typeof EARLY)[number] | (typeof LATE)[number];

/** Results that only come after tcp_v4_connect has sent its SYN and returned 0. */
const AFTER_SYN: ReadonlySet<number> = new Set([
  ERRNO.ECONNREFUSED,
  ERRNO.ETIMEDOUT,
  ERRNO.EINPROGRESS,
  ERRNO.ECONNRESET,
  ERRNO.ECONNABORTED,
  ERRNO.EINTR,
]);
/** Results that come from the route lookup in tcp_v4_connect, or later by ICMP: which one, the route tells. */
const BY_ROUTE: ReadonlySet<number> = new Set([ERRNO.ENETUNREACH, ERRNO.EHOSTUNREACH]);

export const connect = behaviour({
  early: EARLY,
  late: LATE,
  exit: true,
  *run(call) {
    const [fd, length] = [call.int(0), call.int(2)];
    call.enter('__sys_connect', () => [fd, call.u64(1), length]);
    const bottom = call.depth;
    const { kernel, task } = call;
    const facts = kernel.view.fd(task.tid, fd);
    const socket = kernel.sockets.socket(task.tgid, fd, facts);
    const sockaddr =
      length >= 0 && length <= SOCKADDR_MOST
        ? length === 0
          ? new Uint8Array(0)
          : call.read(call.u64(1), length)
        : undefined;
    if (!facts || !socket || !sockaddr) {
      // EBADF, ENOTSOCK, EINVAL, EFAULT: nothing below is reached.
      call.leave(yield);
      return;
    }
    const address = call.lazyCopy(sockaddr, SOCKADDR_MOST);
    const file = () => {
      const open = kernel.files.file(task.tgid, fd, facts);
      kernel.sockets.bindFile(socket, open);
      return kernelAddress(open.object);
    };
    const sock = () => kernel.sockets.sockAddress(socket);
    const object = () => kernel.sockets.socketAddress(socket);
    call.enter('__sys_connect_file', () => [file(), address(), length, 0]);
    call.through('security_socket_connect', () => [object(), address(), length], 0);
    socket.busy++;
    if (socket.isTcp) yield* stream(call, socket, sockaddr, address, sock, object);
    else {
      const path = dgramPath(socket);
      const depth = call.depth;
      for (const name of path)
        call.enter(name, () => [
          name.startsWith('ip') ? sock() : object(),
          address(),
          length,
          ...(name.startsWith('ip') ? [] : [0]),
        ]);
      const ret = yield;
      if (ret === 0 && socket.isInet) {
        const refreshed = kernel.view.fd(task.tid, fd)?.socket;
        socket.local = parseSockaddr(refreshed?.local) ?? socket.local;
        socket.peer = parseSockaddr(sockaddr) ?? socket.peer;
        kernel.sockets.write(socket);
      }
      call.ret = BigInt(ret);
      call.leaveTo(depth, ret);
    }
    socket.busy--;
    call.leaveTo(bottom - 1, call.ret);
  },
});

function dgramPath(socket: Socket): Passed[] {
  if (socket.isUdp)
    return ['inet_dgram_connect', socket.family === AF.INET ? 'ip4_datagram_connect' : 'ip6_datagram_connect'];
  if (socket.isInet) return ['inet_dgram_connect'];
  if (socket.family === AF.UNIX) return [socket.type === 2 ? 'unix_dgram_connect' : 'unix_stream_connect'];
  return [];
}

/** inet_stream_connect of a TCP socket. */
function* stream(
  call: Call<Passed>,
  socket: Socket,
  sockaddr: Uint8Array,
  address: () => bigint,
  sock: () => bigint,
  object: () => bigint,
): Generator<undefined, void, number> {
  const { kernel, task } = call;
  const length = sockaddr.length;
  const depth = call.depth;
  call.enter('inet_stream_connect', () => [object(), address(), length, 0]);
  call.enter('__inet_stream_connect', () => [object(), address(), length, 0, 0]);
  const family = familyOf(sockaddr);
  if (
    family === undefined ||
    family === AF.UNSPEC ||
    socket.state !== SS.UNCONNECTED ||
    socket.tcpState !== TCP.CLOSE
  ) {
    // Too short (EINVAL), a disconnect, or a socket that is connected, connecting or listening (EISCONN, EALREADY, or the
    // outcome of the connect under way).
    const ret = yield;
    if (family === AF.UNSPEC && ret === 0) disconnected(call, socket);
    else if (socket.state === SS.CONNECTING && ret === 0) established(call, socket, sock);
    else if (
      socket.state === SS.CONNECTING &&
      -ret !== ERRNO.EALREADY &&
      -ret !== ERRNO.EINPROGRESS &&
      !isInterrupted(ret)
    )
      disconnected(call, socket);
    call.ret = BigInt(ret);
    call.leaveTo(depth, ret);
    return;
  }

  const functions = connectFunctions(socket, sockaddr, call, address, sock);
  for (const f of functions) call.enter(f.name, f.args);
  const inner = call.depth;
  const destination = parseSockaddr(sockaddr);
  const before = { local: socket.local, peer: socket.peer };
  const ret = yield;

  const own = resultOfConnect(call, ret, sockaddr);
  if (own === 0 && destination) {
    // The state changes before the kernel picks a source port.
    const local = localAddress(call, socket, sockaddr, before.local);
    socket.peer = effective(socket, destination);
    socket.local = local && { ...local, port: before.local?.port ?? 0 };
    setTcpState(call, socket, TCP.SYN_SENT);
    socket.local = local;
    kernel.sockets.write(socket);
    call.through('tcp_connect', () => [sock()], 0);
  }
  call.leaveTo(inner - functions.length, own);

  // After tcp_v4_connect: what became of the SYN.
  if (own < 0) {
    socket.peer = before.peer;
    socket.local = before.local;
  } else if (ret === 0) {
    established(call, socket, sock);
  } else if (ret === -ERRNO.EINPROGRESS || isInterrupted(ret)) {
    socket.state = SS.CONNECTING;
  } else {
    disconnected(call, socket);
  }
  kernel.sockets.write(socket);
  if (ret === 0) socket.users.add(task.tgid);
  call.ret = BigInt(ret);
  call.leaveTo(depth, ret);
}

/** The protocol's connect functions, outermost first: an IPv6 socket with an IPv4-mapped destination goes through both. */
function connectFunctions(
  socket: Socket,
  sockaddr: Uint8Array,
  call: Call<Passed>,
  address: () => bigint,
  sock: () => bigint,
) {
  if (socket.family === AF.INET)
    return [{ name: 'tcp_v4_connect', args: () => [sock(), address(), sockaddr.length] }] as const;
  const v6 = { name: 'tcp_v6_connect', args: () => [sock(), address(), sockaddr.length] } as const;
  const to = parseSockaddr(sockaddr);
  if (to?.family !== AF.INET6 || sockaddr.length < SOCKADDR_IN6_LEAST || !isMapped(to.address)) return [v6];
  const inner = call.lazyCopy(makeSockaddr(to.address.slice(12), to.port), SOCKADDR_IN_SIZE);
  return [v6, { name: 'tcp_v4_connect', args: () => [sock(), inner(), SOCKADDR_IN_SIZE] }] as const;
}

/** What tcp_v4_connect or tcp_v6_connect returned, given what the whole call did. */
function resultOfConnect(call: Call<Passed>, ret: number, sockaddr: Uint8Array): number {
  if (ret >= 0 || call.killed || isInterrupted(ret) || AFTER_SYN.has(-ret)) return 0;
  if (BY_ROUTE.has(-ret)) return call.kernel.view.sourceAddress(sockaddr) ? 0 : ret;
  return ret;
}

/** Where the connect really goes: 0.0.0.0 and :: mean this host. */
function effective(socket: Socket, to: InetAddress): InetAddress {
  if (!isZero(to.address)) return to;
  const address = new Uint8Array(to.address.length);
  if (address.length === 4) address.set([127, 0, 0, 1]);
  else address[15] = 1;
  return { ...to, family: socket.family, address };
}

/**
 * The address that the socket connects from: what getsockname says now, or what was bound, or (a refused socket has no address
 * any more) what the route to the destination gives. The port is then unknown: 0.
 */
function localAddress(
  call: Call<Passed>,
  socket: Socket,
  sockaddr: Uint8Array,
  bound: InetAddress | undefined,
): InetAddress | undefined {
  const { view } = call.kernel;
  const now = parseSockaddr(view.fd(call.task.tid, call.int(0))?.socket?.local);
  if (now && !isZero(now.address)) return now;
  if (bound && !isZero(bound.address)) return bound;
  const routed = parseSockaddr(view.sourceAddress(sockaddr));
  const port = now?.port || bound?.port || 0;
  return routed ? { family: socket.family, address: routed.address, port } : undefined;
}

/** The handshake is done. (The segment that tcp_finish_connect is given is not modelled: NULL.) */
function established(call: Call<Passed>, socket: Socket, sock: () => bigint): void {
  socket.state = SS.CONNECTED;
  call.enter('tcp_finish_connect', () => [sock(), 0]);
  setTcpState(call, socket, TCP.ESTABLISHED);
  call.leave(0);
}

/** tcp_disconnect: the socket is as if it had never been connected. */
function disconnected(call: Call<Passed>, socket: Socket): void {
  setTcpState(call, socket, TCP.CLOSE);
  socket.state = SS.UNCONNECTED;
  socket.peer = undefined;
  socket.local = undefined;
  call.kernel.sockets.write(socket);
}
