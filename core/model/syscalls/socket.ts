/**
 * accept, bind, listen, socket, shutdown: net/socket.c down to net/ipv4/inet_connection_sock.c and af_inet.c.
 */
import { kernelAddress } from '../../base/memory.ts';
import { type Socket, SS } from '../net.ts';
import { AF, parseSockaddr, SOCKADDR_MOST, TCP } from '../sockaddr.ts';
import { setTcpState } from '../tcp.ts';
import type { Call } from './call.ts';
import { behaviour } from './row.ts';

/** The socket behind argument 0, with what a behaviour needs of it. */
export function socketOf(call: Call, fd = call.int(0)): Socket | undefined {
  const { kernel, task } = call;
  return kernel.sockets.socket(task.tgid, fd, kernel.view.fd(task.tid, fd));
}

function accepting(flags: (call: Call) => number) {
  return behaviour({
    early: ['__sys_accept4', 'inet_accept', 'inet_csk_accept'],
    exit: true,
    *run(call) {
      const { kernel, task } = call;
      const socket = socketOf(call);
      call.enter('__sys_accept4', () => [call.int(0), call.u64(1), call.u64(2), flags(call)]);
      if (!socket) {
        call.leave(yield);
        return;
      }
      socket.busy++;
      const depth = call.depth;
      if (socket.isInet) {
        // The new struct socket does not exist yet: what inet_accept is given is filled in only as it returns.
        const fresh = () => (newSocket ??= call.structure('socket', 128));
        let newSocket: number | undefined;
        call.enter('inet_accept', () => [kernel.sockets.socketAddress(socket), kernelAddress(fresh()), flags(call), 0]);
        if (socket.isTcp) {
          socket.tcpState = TCP.LISTEN;
          kernel.sockets.write(socket);
          const error = () => (errorAt ??= call.own(4));
          let errorAt: number | undefined;
          call.enter('inet_csk_accept', () => [
            kernel.sockets.sockAddress(socket),
            flags(call),
            kernelAddress(error()),
            0,
          ]);
        }
      }
      const ret = yield;
      const accepted = ret >= 0 ? kernel.sockets.socket(task.tgid, ret, kernel.view.fd(task.tid, ret)) : undefined;
      if (accepted) {
        accepted.state = SS.CONNECTED;
        if (accepted.isTcp) accepted.tcpState = TCP.ESTABLISHED;
        accepted.users.add(task.tgid);
        kernel.sockets.write(accepted);
      }
      if (call.top === 'inet_csk_accept') call.leave(() => (accepted ? kernel.sockets.sockAddress(accepted) : 0));
      call.leaveTo(depth, Math.min(ret, 0));
      call.leave(ret);
      socket.busy--;
    },
  });
}

export const accept = accepting(() => 0);
export const accept4 = accepting((call) => call.int(3));

export const bind = behaviour({
  early: ['__sys_bind', 'inet_bind', 'inet6_bind'],
  *run(call) {
    const { kernel, task } = call;
    const length = call.int(2);
    const socket = socketOf(call);
    call.enter('__sys_bind', () => [call.int(0), call.u64(1), length]);
    const depth = call.depth;
    const sockaddr = length >= 0 && length <= SOCKADDR_MOST ? call.read(call.u64(1), length) : undefined;
    if (socket?.isInet && sockaddr) {
      const address = call.lazyCopy(sockaddr, SOCKADDR_MOST);
      call.enter(socket.family === AF.INET ? 'inet_bind' : 'inet6_bind', () => [
        kernel.sockets.socketAddress(socket),
        address(),
        length,
      ]);
    }
    const ret = yield;
    if (ret === 0 && socket?.isInet && sockaddr) {
      const now = kernel.view.fd(task.tid, call.int(0))?.socket?.local;
      socket.local = parseSockaddr(now) ?? parseSockaddr(sockaddr) ?? socket.local;
      kernel.sockets.write(socket);
    }
    call.leaveTo(depth, ret);
    call.leave(ret);
  },
});

export const listen = behaviour({
  early: ['__sys_listen', 'inet_listen'],
  late: ['tcp_set_state', 'sock:inet_sock_set_state'],
  *run(call) {
    const { kernel } = call;
    const socket = socketOf(call);
    call.enter('__sys_listen', () => [call.int(0), call.int(1)]);
    const depth = call.depth;
    if (socket?.isTcp) call.enter('inet_listen', () => [kernel.sockets.socketAddress(socket), call.int(1)]);
    const ret = yield;
    if (ret === 0 && socket?.isTcp) setTcpState(call, socket, TCP.LISTEN);
    call.leaveTo(depth, ret);
    call.leave(ret);
  },
});

export const socket = behaviour({
  early: ['__sys_socket'],
  *run(call) {
    call.enter('__sys_socket', () => [call.int(0), call.int(1), call.int(2)]);
    const ret = yield;
    if (ret >= 0) socketOf(call, ret);
    call.leave(ret);
  },
});

export const shutdown = behaviour({
  early: ['__sys_shutdown', 'inet_shutdown'],
  *run(call) {
    const { kernel } = call;
    const socket = socketOf(call);
    call.enter('__sys_shutdown', () => [call.int(0), call.int(1)]);
    if (socket?.isInet) call.enter('inet_shutdown', () => [kernel.sockets.socketAddress(socket), call.int(1)]);
    const ret = yield;
    if (socket?.isInet) call.leave(ret);
    call.leave(ret);
  },
});
