/**
 * Network devices: their numbers (netdevice(7)), and the few messages of rtnetlink(7) that attaching to old kernels takes. Sockets belong to the
 * network namespace of this process, so do the answers.
 */

import { readdirSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { errnoName } from '../../core/base/errno.ts';
import { BpfError, nearestNames, SysError } from '../../core/base/errors.ts';
import { sys } from './bpf.ts';
import { refusedBecause } from './rights.ts';

const AF_INET = 2;
const AF_NETLINK = 16;
const SOCK_DGRAM = 2;
const SOCK_RAW = 3;
const SOCK_CLOEXEC = 0o2000000;
const SIOCGIFINDEX = 0x8933;
const NAME_MOST = 15;
const IFREQ_SIZE = 40;

const NLM_F_REQUEST = 1;
const NLM_F_ACK = 4;
const NLMSG_ERROR = 2;
export const NLA_F_NESTED = 0x8000;

/** Number of an interface. Throws BpfError ENODEV with the nearest names. */
export function interfaceIndex(name: string): number {
  const { calls } = sys();
  const request = new Uint8Array(IFREQ_SIZE);
  request.set(Buffer.from(name).subarray(0, NAME_MOST));
  const fd = sys().syscall(calls.socket, AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const errno = fd < 0 ? fd : sys().ioctl(fd, SIOCGIFINDEX, request);
  if (fd >= 0) sys().close(fd);
  if (errno >= 0) return new DataView(request.buffer).getInt32(16, true);
  const names = interfaceNames();
  const near = nearestNames(name, names);
  throw new BpfError(
    'ENODEV',
    `there is no network interface '${name}' (${errnoName(errno)})${near.length > 0 ? `; did you mean ${near.join(' or ')}?` : `; there is ${names.join(', ')}`}`,
  );
}

function interfaceNames(): string[] {
  try {
    return readdirSync('/sys/class/net');
  } catch {
    return Object.keys(networkInterfaces());
  }
}

/** One attribute: its header and value, padded to four. */
export function attribute(type: number, value: Uint8Array | readonly Uint8Array[]): Uint8Array {
  const nested = !(value instanceof Uint8Array);
  const body = nested ? Buffer.concat(value) : value;
  const out = new Uint8Array((4 + body.length + 3) & ~3);
  const view = new DataView(out.buffer);
  view.setUint16(0, 4 + body.length, true);
  view.setUint16(2, type | (nested ? NLA_F_NESTED : 0), true);
  out.set(body, 4);
  return out;
}

export function u32Bytes(value: number): Uint8Array {
  return new Uint8Array(Uint32Array.of(value >>> 0).buffer);
}

/** Sends one rtnetlink message and answers 0 or -errno. `body`: the message's struct and attributes. */
export function routeRequest(type: number, flags: number, body: readonly Uint8Array[]): number {
  const { calls } = sys();
  const payload = Buffer.concat(body);
  const message = new Uint8Array(16 + payload.length);
  const view = new DataView(message.buffer);
  view.setUint32(0, message.length, true);
  view.setUint16(4, type, true);
  view.setUint16(6, flags | NLM_F_REQUEST | NLM_F_ACK, true);
  view.setUint32(8, 1, true);
  message.set(payload, 16);
  const fd = sys().syscall(calls.socket, AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0);
  if (fd < 0) return fd;
  try {
    const sent = sys().syscall(calls.sendto, fd, message, message.length, 0, 0, 0);
    if (sent < 0) return sent;
    const answer = new Uint8Array(8192);
    const got = sys().syscall(calls.recvfrom, fd, answer, answer.length, 0, 0, 0);
    if (got < 0) return got;
    const reply = new DataView(answer.buffer);
    return reply.getUint16(4, true) === NLMSG_ERROR ? reply.getInt32(16, true) : 0;
  } finally {
    sys().close(fd);
  }
}

/** As routeRequest, throwing SysError. */
export function routeRequestOrThrow(type: number, flags: number, body: readonly Uint8Array[], doing: string): void {
  const errno = routeRequest(type, flags, body);
  if (errno < 0)
    throw new SysError('rtnetlink', errnoName(errno), doing, {
      hint: refusedBecause(errno, ['NET_ADMIN'], 'CONFIG_NET') ?? '',
    });
}
