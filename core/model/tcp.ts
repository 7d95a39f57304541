/**
 * States of TCP sockets: tcp_set_state() of net/ipv4/tcp.c, with the function and the tracepoint that it passes.
 */
import { kernelAddress } from '../base/memory.ts';
import type { Socket } from './net.ts';
import { AF, mapped } from './sockaddr.ts';
import type { Call } from './syscalls/call.ts';

const ANY4 = new Uint8Array(4);

/** Change the state of a socket; nothing happens when it has it already. */
export function setTcpState(
  call: Call<'tcp_set_state' | 'sock:inet_sock_set_state'>,
  socket: Socket,
  state: number,
): void {
  const { sockets, objects } = call.kernel;
  const from = socket.tcpState;
  if (from === state) {
    sockets.write(socket);
    return;
  }
  // The function is entered with the old state in the sock, and the addresses that it has by then.
  sockets.write(socket);
  call.enter('tcp_set_state', () => [sockets.sockAddress(socket), state]);
  call.tracepoint('sock:inet_sock_set_state', () => {
    const sk = sockets.sockAddress(socket);
    const { local, peer } = socket;
    const v4 = (address: Uint8Array | undefined) =>
      !address ? ANY4 : address.length === 4 ? address : address.subarray(12);
    const v6 = (address: Uint8Array | undefined) =>
      !address ? new Uint8Array(16) : address.length === 16 ? address : mapped(address);
    // An IPv6 socket's IPv4 fields are those of its inet_sock, which only a mapped connection fills.
    const saddr =
      socket.family === AF.INET
        ? v4(local?.address)
        : objects.getBytes('sock', Number(sk - kernelAddress(0)), '__sk_common.skc_rcv_saddr');
    const daddr =
      socket.family === AF.INET
        ? v4(peer?.address)
        : objects.getBytes('sock', Number(sk - kernelAddress(0)), '__sk_common.skc_daddr');
    const fields = {
      skaddr: sk,
      oldstate: from,
      newstate: state,
      sport: local?.port ?? 0,
      dport: peer?.port ?? 0,
      family: socket.family,
      protocol: socket.protocol,
      saddr,
      daddr,
      saddr_v6: v6(local?.address),
      daddr_v6: v6(peer?.address),
    };
    return { fields, raw: [sk, from, state] };
  });
  socket.tcpState = state;
  sockets.write(socket);
  call.leave(0);
}
