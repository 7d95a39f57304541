/** Socket filters: an AF_PACKET socket bound to an interface, the program on it. What the filter keeps is read from the link's descriptor. */
import { errnoName } from '../../../core/base/errno.ts';
import { SysError } from '../../../core/base/errors.ts';
import { sys } from '../bpf.ts';
import { interfaceIndex } from '../netdev.ts';
import { refusedBecause } from '../rights.ts';
import { type AttachKind, attaching } from './attach-kind.ts';

const AF_PACKET = 17;
const SOCK_RAW = 3;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
/** htons(ETH_P_ALL). */
const ETH_P_ALL = 0x0300;
const SOL_SOCKET = 1;
const SO_ATTACH_BPF = 50;
const SOCKADDR_LL_SIZE = 20;

export const socket: AttachKind = {
  kind: 'socket',
  progTypes: ['socket_filter'],
  inTask: () => false,
  attach(prog, probe, host) {
    const doing = attaching(prog, probe);
    const { calls } = sys();
    const index = interfaceIndex(probe.target);
    const fd = sys().syscall(calls.socket, AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, ETH_P_ALL);
    if (fd < 0)
      throw new SysError('socket(AF_PACKET)', errnoName(fd), doing, {
        hint: refusedBecause(fd, ['NET_RAW'], 'CONFIG_PACKET') ?? '',
      });
    const address = new Uint8Array(SOCKADDR_LL_SIZE);
    const view = new DataView(address.buffer);
    view.setUint16(0, AF_PACKET, true);
    view.setUint16(2, ETH_P_ALL, true);
    view.setInt32(4, index, true);
    // The filter first: no packet comes in unseen.
    const option = new Uint8Array(Int32Array.of(host.progFd(prog)).buffer);
    const steps = [
      ['setsockopt(SO_ATTACH_BPF)', () => sys().syscall(calls.setsockopt, fd, SOL_SOCKET, SO_ATTACH_BPF, option, 4)],
      ['bind', () => sys().syscall(calls.bind, fd, address, address.length)],
    ] as const;
    for (const [call, run] of steps) {
      const errno = run();
      if (errno < 0) {
        sys().close(fd);
        throw new SysError(call, errnoName(errno), doing);
      }
    }
    return { how: 'AF_PACKET socket', fds: [fd], readFd: fd };
  },
};
