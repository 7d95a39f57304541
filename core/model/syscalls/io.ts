/**
 * read, write, send and receive: fs/read_write.c down to net/ipv4/tcp.c and udp.c. Which way a read goes (vfs_read of a file, or on
 * through tcp_recvmsg) is decided by the descriptor.
 */
import { kernelAddress } from '../../base/memory.ts';
import type { Socket } from '../net.ts';
import { AF } from '../sockaddr.ts';
import type { Call } from './call.ts';
import { behaviour } from './row.ts';
import { socketOf } from './socket.ts';

const RECEIVE = ['sock_recvmsg', 'inet_recvmsg', 'tcp_recvmsg', 'udp_recvmsg', 'udpv6_recvmsg'] as const;
const RECEIVED = ['tcp_cleanup_rbuf'] as const;
const SEND = ['sock_sendmsg', 'inet_sendmsg', 'tcp_sendmsg', 'udp_sendmsg', 'udpv6_sendmsg'] as const;
type Receives = (typeof RECEIVE)[number] | (typeof RECEIVED)[number];
type Sends = (typeof SEND)[number];

/** Room for a struct msghdr where BTF has none. */
const MSGHDR_FALLBACK = 96;

/** sock_recvmsg and below; resumes with the call's result. */
function* receive(
  call: Call<Receives>,
  socket: Socket,
  size: () => number | bigint,
  flags: number,
  vector: Vector,
): Generator<undefined, number, number> {
  const { sockets } = call.kernel;
  const depth = call.depth;
  const msg = messageHeader(call, vector);
  call.enter('sock_recvmsg', () => [sockets.socketAddress(socket), msg(), flags]);
  if (socket.isInet) {
    call.enter('inet_recvmsg', () => [sockets.socketAddress(socket), msg(), size(), flags]);
    const zero = () => kernelAddress((lengthAt ??= call.own(4)));
    let lengthAt: number | undefined;
    if (socket.isTcp) call.enter('tcp_recvmsg', () => [sockets.sockAddress(socket), msg(), size(), flags, zero()]);
    else if (socket.isUdp)
      call.enter(socket.family === AF.INET ? 'udp_recvmsg' : 'udpv6_recvmsg', () => [
        sockets.sockAddress(socket),
        msg(),
        size(),
        flags,
        zero(),
      ]);
  }
  const ret = yield;
  if (socket.isTcp && ret >= 0) call.through('tcp_cleanup_rbuf', () => [sockets.sockAddress(socket), ret], 0);
  call.leaveTo(depth, ret);
  return ret;
}

/** sock_sendmsg and below; resumes with the call's result. */
function* send(
  call: Call<Sends>,
  socket: Socket,
  size: () => number | bigint,
  vector: Vector,
): Generator<undefined, number, number> {
  const { sockets } = call.kernel;
  const depth = call.depth;
  const msg = messageHeader(call, vector);
  call.enter('sock_sendmsg', () => [sockets.socketAddress(socket), msg()]);
  if (socket.isInet) {
    call.enter('inet_sendmsg', () => [sockets.socketAddress(socket), msg(), size()]);
    if (socket.isTcp) call.enter('tcp_sendmsg', () => [sockets.sockAddress(socket), msg(), size()]);
    else if (socket.isUdp)
      call.enter(socket.family === AF.INET ? 'udp_sendmsg' : 'udpv6_sendmsg', () => [
        sockets.sockAddress(socket),
        msg(),
        size(),
      ]);
  }
  const ret = yield;
  call.leaveTo(depth, ret);
  return ret;
}

/** The user's buffers of a call: one, or a vector of them. */
type Vector = () =>
  | { readonly base: bigint; readonly length: bigint }
  | { readonly iov: bigint; readonly count: number };

/** struct msghdr with its iov_iter over the kernel's copy of the vector (ITER_IOVEC, as import_single_range and import_iovec of 6.1 make it). */
function messageHeader(call: Call, vector: Vector): () => bigint {
  let at: number | undefined;
  return () => {
    if (at === undefined) {
      at = call.structure('msghdr', MSGHDR_FALLBACK);
      const buffers = vector();
      let bytes: Uint8Array | undefined;
      if ('base' in buffers) {
        bytes = new Uint8Array(IOVEC_SIZE);
        const view = new DataView(bytes.buffer);
        view.setBigUint64(0, buffers.base, true);
        view.setBigUint64(8, buffers.length, true);
      } else if (buffers.count > 0 && buffers.count <= IOV_MOST)
        bytes = call.read(buffers.iov, buffers.count * IOVEC_SIZE);
      if (bytes) {
        const { objects } = call.kernel;
        objects.set('msghdr', at, 'msg_iter.iter_type', ITER_IOVEC);
        objects.set('msghdr', at, 'msg_iter.iov', call.copy(bytes));
        objects.set('msghdr', at, 'msg_iter.nr_segs', bytes.length / IOVEC_SIZE);
        const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
        let total = 0n;
        for (let i = 0; i < bytes.length; i += IOVEC_SIZE) total += view.getBigUint64(i + 8, true);
        objects.set('msghdr', at, 'msg_iter.count', total);
      }
    }
    return kernelAddress(at);
  };
}

/** The vector that a user_msghdr names. */
function vectorOfMessage(call: Call): ReturnType<Vector> {
  const header = call.read(call.u64(1), 32);
  if (!header) return { iov: 0n, count: 0 };
  const view = new DataView(header.buffer, header.byteOffset, header.byteLength);
  return { iov: view.getBigUint64(16, true), count: Number(view.getBigUint64(24, true)) };
}

const IOVEC_SIZE = 16;
const ITER_IOVEC = 0;

/** struct file of a descriptor, and a loff_t for the position; undefined when the descriptor is not open. */
function fileOf(call: Call, fd: number): { readonly file: () => bigint; readonly position: () => bigint } | undefined {
  const { kernel, task } = call;
  const facts = kernel.view.fd(task.tid, fd);
  if (!facts) return undefined;
  const socket = kernel.sockets.socket(task.tgid, fd, facts);
  let position: number | undefined;
  return {
    file: () => {
      const open = kernel.files.file(task.tgid, fd, facts);
      if (socket) kernel.sockets.bindFile(socket, open);
      return kernelAddress(open.object);
    },
    position: () => kernelAddress((position ??= call.own(8))),
  };
}

/** read and pread64: `outer` is the ksys function, the offset (if any) argument 3. */
function reading(outer: 'ksys_read' | 'ksys_pread64') {
  return behaviour({
    early: [outer, 'vfs_read', ...RECEIVE],
    late: RECEIVED,
    *run(call) {
      const [fd, buffer, count] = [call.int(0), call.u64(1), call.u64(2)];
      call.enter(outer, () => (outer === 'ksys_read' ? [fd, buffer, count] : [fd, buffer, count, call.u64(3)]));
      const open = call.watched('vfs_read', ...RECEIVE, ...RECEIVED) ? fileOf(call, fd) : undefined;
      if (!open) {
        call.leave(yield);
        return;
      }
      call.enter('vfs_read', () => [open.file(), buffer, count, open.position()]);
      const socket = socketOf(call, fd);
      const ret = socket
        ? yield* receive(
            call,
            socket,
            () => count,
            0,
            () => ({ base: buffer, length: count }),
          )
        : yield;
      call.leave(ret);
      call.leave(ret);
    },
  });
}

function writing(outer: 'ksys_write' | 'ksys_pwrite64') {
  return behaviour({
    early: [outer, 'vfs_write', ...SEND],
    *run(call) {
      const [fd, buffer, count] = [call.int(0), call.u64(1), call.u64(2)];
      call.enter(outer, () => (outer === 'ksys_write' ? [fd, buffer, count] : [fd, buffer, count, call.u64(3)]));
      const open = call.watched('vfs_write', ...SEND) ? fileOf(call, fd) : undefined;
      if (!open) {
        call.leave(yield);
        return;
      }
      call.enter('vfs_write', () => [open.file(), buffer, count, open.position()]);
      const socket = socketOf(call, fd);
      const ret = socket
        ? yield* send(
            call,
            socket,
            () => count,
            () => ({ base: buffer, length: count }),
          )
        : yield;
      call.leave(ret);
      call.leave(ret);
    },
  });
}

/** readv and writev: one call below for all the buffers. */
export const readv = behaviour({
  early: ['vfs_readv', ...RECEIVE],
  late: RECEIVED,
  *run(call) {
    const fd = call.int(0);
    const open = fileOf(call, fd);
    const socket = socketOf(call, fd);
    if (open) call.enter('vfs_readv', () => [open.file(), call.u64(1), call.u64(2), open.position(), 0]);
    const ret = socket
      ? yield* receive(
          call,
          socket,
          () => totalOfVector(call, call.u64(1), call.int(2)),
          0,
          () => ({ iov: call.u64(1), count: call.int(2) }),
        )
      : yield;
    if (open) call.leave(ret);
  },
});

export const writev = behaviour({
  early: ['vfs_writev', ...SEND],
  *run(call) {
    const fd = call.int(0);
    const open = fileOf(call, fd);
    const socket = socketOf(call, fd);
    if (open) call.enter('vfs_writev', () => [open.file(), call.u64(1), call.u64(2), open.position(), 0]);
    const ret = socket
      ? yield* send(
          call,
          socket,
          () => totalOfVector(call, call.u64(1), call.int(2)),
          () => ({ iov: call.u64(1), count: call.int(2) }),
        )
      : yield;
    if (open) call.leave(ret);
  },
});

export const read = reading('ksys_read');
export const pread64 = reading('ksys_pread64');
export const write = writing('ksys_write');
export const pwrite64 = writing('ksys_pwrite64');

/** fsync and fdatasync: fs/sync.c. */
function syncing(datasync: number) {
  return behaviour({
    early: ['do_fsync', 'vfs_fsync', 'vfs_fsync_range'],
    *run(call) {
      const fd = call.int(0);
      call.enter('do_fsync', () => [fd, datasync]);
      const open = fileOf(call, fd);
      if (open) {
        call.enter('vfs_fsync', () => [open.file(), datasync]);
        call.enter('vfs_fsync_range', () => [open.file(), 0, LLONG_MAX, datasync]);
      }
      const ret = yield;
      if (open) {
        call.leave(ret);
        call.leave(ret);
      }
      call.leave(ret);
    },
  });
}

const LLONG_MAX = 0x7fffffffffffffffn;
export const fsync = syncing(0);
export const fdatasync = syncing(1);

export const sendto = behaviour({
  early: ['__sys_sendto', ...SEND],
  *run(call) {
    const socket = socketOf(call);
    call.enter('__sys_sendto', () => [call.int(0), call.u64(1), call.u64(2), call.int(3), call.u64(4), call.int(5)]);
    call.leave(
      socket
        ? yield* send(
            call,
            socket,
            () => call.u64(2),
            () => ({ base: call.u64(1), length: call.u64(2) }),
          )
        : yield,
    );
  },
});

export const recvfrom = behaviour({
  early: ['__sys_recvfrom', ...RECEIVE],
  late: RECEIVED,
  *run(call) {
    const socket = socketOf(call);
    call.enter('__sys_recvfrom', () => [call.int(0), call.u64(1), call.u64(2), call.int(3), call.u64(4), call.u64(5)]);
    call.leave(
      socket
        ? yield* receive(
            call,
            socket,
            () => call.u64(2),
            call.int(3),
            () => ({ base: call.u64(1), length: call.u64(2) }),
          )
        : yield,
    );
  },
});

export const sendmsg = behaviour({
  early: ['__sys_sendmsg', ...SEND],
  *run(call) {
    const socket = socketOf(call);
    call.enter('__sys_sendmsg', () => [call.int(0), call.u64(1), call.int(2), 1]);
    call.leave(
      socket
        ? yield* send(
            call,
            socket,
            () => totalOfMessage(call),
            () => vectorOfMessage(call),
          )
        : yield,
    );
  },
});

export const recvmsg = behaviour({
  early: ['__sys_recvmsg', ...RECEIVE],
  late: RECEIVED,
  *run(call) {
    const socket = socketOf(call);
    call.enter('__sys_recvmsg', () => [call.int(0), call.u64(1), call.int(2), 1]);
    call.leave(
      socket
        ? yield* receive(
            call,
            socket,
            () => totalOfMessage(call),
            call.int(2),
            () => vectorOfMessage(call),
          )
        : yield,
    );
  },
});

/** Bytes that a user_msghdr's vector names; 0 when it cannot be read. */
function totalOfMessage(call: Call): bigint {
  const header = call.read(call.u64(1), 32);
  if (!header) return 0n;
  const view = new DataView(header.buffer, header.byteOffset, header.byteLength);
  return totalOfVector(call, view.getBigUint64(16, true), Number(view.getBigUint64(24, true)));
}

/** Most iovecs a call takes (UIO_MAXIOV). */
const IOV_MOST = 1024;

function totalOfVector(call: Call, address: bigint, count: number): bigint {
  if (count <= 0 || count > IOV_MOST) return 0n;
  const bytes = call.read(address, count * 16);
  if (!bytes) return 0n;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let total = 0n;
  for (let i = 0; i < count; i++) total += view.getBigUint64(16 * i + 8, true);
  return total;
}
