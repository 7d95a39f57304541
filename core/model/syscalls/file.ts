/**
 * open, close, unlink and the calls that create and remove names: fs/open.c, fs/namei.c, fs/file_table.c.
 *
 * The struct file exists only once an open succeeds: vfs_open is passed when the call returns, between the entry and the return of
 * do_filp_open. An open that fails never reaches it (the model does not follow filesystems that refuse in their own open).
 */
import { utf8Decode } from '../../base/bytes.ts';
import { kernelAddress } from '../../base/memory.ts';
import type { Socket } from '../net.ts';
import { TCP } from '../sockaddr.ts';
import { setTcpState } from '../tcp.ts';
import type { Call } from './call.ts';
import { behaviour } from './row.ts';

const AT_FDCWD = -100;
const OPEN_EARLY = ['do_sys_open', 'do_sys_openat2', 'do_filp_open'] as const;
const OPEN_LATE = ['vfs_open', 'do_dentry_open', 'security_file_open', 'fd_install'] as const;
type Opens = (typeof OPEN_EARLY)[number] | (typeof OPEN_LATE)[number];

/** struct open_how: flags, mode, resolve, 8 bytes each. */
interface How {
  readonly flags: bigint;
  readonly mode: bigint;
  readonly resolve: bigint;
}

/** do_sys_openat2 and below. */
function* openat2At(call: Call<Opens>, dfd: number, filename: bigint, how: How): Generator<undefined, number, number> {
  const { kernel, task } = call;
  const howBytes = new Uint8Array(24);
  const view = new DataView(howBytes.buffer);
  view.setBigUint64(0, how.flags, true);
  view.setBigUint64(8, how.mode, true);
  view.setBigUint64(16, how.resolve, true);
  const howAddress = call.lazyCopy(howBytes, 24);
  call.enter('do_sys_openat2', () => [dfd, filename, howAddress()]);
  const name = filenameOf(call, filename);
  // getname() copies the name first: one that cannot be read ends the call there. Nobody need look when nobody listens further down.
  const named = call.watched('do_filp_open', ...OPEN_LATE) && call.readString(filename) !== undefined;
  if (named) {
    const flags = openFlags(call, how);
    call.enter('do_filp_open', () => [dfd, name(), flags()]);
  }
  const ret = yield;
  if (named) {
    const facts = ret >= 0 ? kernel.view.fd(task.tid, ret) : undefined;
    if (facts) kernel.files.close(task.tgid, ret);
    const file = facts && (() => kernel.files.file(task.tgid, ret, facts, Number(how.flags)));
    if (file) {
      call.enter('vfs_open', () => [kernel.files.pathAddress(file()), kernelAddress(file().object)]);
      call.enter('do_dentry_open', () => [kernelAddress(file().object), kernelAddress(file().inode), 0]);
      call.through('security_file_open', () => [kernelAddress(file().object)], 0);
      call.leave(0);
      call.leave(0);
    }
    call.leave(() => (file ? kernelAddress(file().object) : ret));
    if (file) call.through('fd_install', () => [ret, kernelAddress(file().object)], 0);
  }
  call.leave(ret);
  return ret;
}

/** struct filename of a user string: its `name` points to a kernel copy, `uptr` to the user's. */
export function filenameOf(call: Call, address: bigint): () => bigint {
  let at: number | undefined;
  return () => {
    if (at === undefined) {
      at = call.structure('filename', 64);
      const bytes = call.readString(address) ?? new Uint8Array(0);
      const text = call.own(bytes.length + 1);
      const { objects, memory } = call.kernel;
      memory.u8.set(bytes, text);
      objects.point('filename', at, 'name', text);
      objects.set('filename', at, 'uptr', address);
      objects.set('filename', at, 'refcnt', 1);
    }
    return kernelAddress(at);
  };
}

/** struct open_flags as build_open_flags makes it: the flags, the mode. */
function openFlags(call: Call, how: How): () => bigint {
  let at: number | undefined;
  return () => {
    if (at === undefined) {
      at = call.structure('open_flags', 24);
      call.kernel.objects.set('open_flags', at, 'open_flag', how.flags);
      call.kernel.objects.set('open_flags', at, 'mode', how.mode);
    }
    return kernelAddress(at);
  };
}

const O_CREAT = 0x40;
const O_TMPFILE = 0x410000;
const O_WRONLY_CREAT_TRUNC = 0x241n;

/** open(2) takes its mode argument only when it may create a file (build_open_how). */
function howOf(flags: number, mode: number): How {
  const creates = (flags & O_CREAT) !== 0 || (flags & O_TMPFILE) === O_TMPFILE;
  return { flags: BigInt(flags >>> 0), mode: creates ? BigInt(mode & 0o7777) : 0n, resolve: 0n };
}

function opening(
  pick: (call: Call) => {
    readonly dfd: number;
    readonly filename: bigint;
    readonly flags: number;
    readonly mode: number;
  },
) {
  return behaviour({
    early: OPEN_EARLY,
    late: OPEN_LATE,
    *run(call) {
      const { dfd, filename, flags, mode } = pick(call);
      call.enter('do_sys_open', () => [dfd, filename, flags, mode]);
      call.leave(yield* openat2At(call, dfd, filename, howOf(flags, mode)));
    },
  });
}

export const open = opening((call) => ({
  dfd: AT_FDCWD,
  filename: call.u64(0),
  flags: call.int(1),
  mode: call.int(2),
}));
export const openat = opening((call) => ({
  dfd: call.int(0),
  filename: call.u64(1),
  flags: call.int(2),
  mode: call.int(3),
}));
export const creat = opening((call) => ({
  dfd: AT_FDCWD,
  filename: call.u64(0),
  flags: Number(O_WRONLY_CREAT_TRUNC),
  mode: call.int(1),
}));

export const openat2 = behaviour({
  early: OPEN_EARLY,
  late: OPEN_LATE,
  *run(call) {
    const bytes = call.u64(3) >= 24n ? call.read(call.u64(2), 24) : undefined;
    if (!bytes) {
      yield;
      return;
    }
    const view = new DataView(bytes.buffer, bytes.byteOffset, 24);
    const how = {
      flags: view.getBigUint64(0, true),
      mode: view.getBigUint64(8, true),
      resolve: view.getBigUint64(16, true),
    };
    yield* openat2At(call, call.int(0), call.u64(1), how);
  },
});

export const close = behaviour({
  early: ['close_fd', 'filp_close'],
  late: [
    '__fput',
    'sock_close',
    '__sock_release',
    'inet_release',
    'tcp_close',
    'tcp_set_state',
    'sock:inet_sock_set_state',
  ],
  *run(call) {
    const { kernel, task } = call;
    const fd = call.int(0);
    call.enter('close_fd', () => [fd]);
    const facts = kernel.view.fd(task.tid, fd);
    const socket = kernel.sockets.socket(task.tgid, fd, facts);
    const file = () => {
      const open = kernel.files.file(task.tgid, fd, facts!);
      if (socket) kernel.sockets.bindFile(socket, open);
      return open;
    };
    if (facts) call.enter('filp_close', () => [kernelAddress(file().object), 0]);
    // Somebody else may hold the same socket (fork): then it lives on.
    const last = socket !== undefined && !sharedWith(call, fd, facts?.inode);
    const ret = yield;
    if (facts) call.leave(ret);
    call.leave(ret);
    if (!facts) return;
    if (!socket || last) {
      // The last reference goes: __fput runs as the task returns to user space.
      call.enter('__fput', () => [kernelAddress(file().object)]);
      if (socket)
        releaseSocket(
          call,
          socket,
          () => kernelAddress(file().inode),
          () => kernelAddress(file().object),
        );
      call.leave(0);
    }
    kernel.files.close(task.tgid, fd);
    if (socket) {
      socket.users.delete(task.tgid);
      if (last) kernel.sockets.release(socket);
    }
  },
});

type Releases =
  | 'sock_close'
  | '__sock_release'
  | 'inet_release'
  | 'tcp_close'
  | 'tcp_set_state'
  | 'sock:inet_sock_set_state';

/** sock_close and below: what closing the last descriptor of a socket does. */
export function releaseSocket(call: Call<Releases>, socket: Socket, inode: () => bigint, file: () => bigint): void {
  const { sockets } = call.kernel;
  const depth = call.depth;
  call.enter('sock_close', () => [inode(), file()]);
  call.enter('__sock_release', () => [sockets.socketAddress(socket), inode()]);
  if (socket.isInet) {
    call.enter('inet_release', () => [sockets.socketAddress(socket)]);
    if (socket.isTcp) {
      call.enter('tcp_close', () => [sockets.sockAddress(socket), 0]);
      if (socket.tcpState === TCP.ESTABLISHED) setTcpState(call, socket, TCP.FIN_WAIT1);
      else if (socket.tcpState === TCP.CLOSE_WAIT) setTcpState(call, socket, TCP.LAST_ACK);
      else setTcpState(call, socket, TCP.CLOSE);
    }
  }
  call.leaveTo(depth, 0);
}

/** Does another task group that the model knows hold the same inode at the same descriptor? That is what fork leaves. */
function sharedWith(call: Call, fd: number, inode: number | undefined): boolean {
  const { kernel, task } = call;
  if (inode === undefined) return false;
  const seen = new Set([task.tgid]);
  for (const other of kernel.tasks.all()) {
    if (seen.has(other.tgid) || other.exiting || !other.traced) continue;
    seen.add(other.tgid);
    if (kernel.view.fd(other.tid, fd)?.inode === inode) return true;
  }
  return false;
}

/** unlink(at): the dentry is known by the name that the user gave, when that is absolute. */
function removing(dfd: (call: Call) => number, name: number, directory: (call: Call) => boolean) {
  return behaviour({
    early: ['do_unlinkat', 'do_rmdir'],
    late: ['vfs_unlink', 'vfs_rmdir'],
    *run(call) {
      const filename = filenameOf(call, call.u64(name));
      const rmdir = directory(call);
      call.enter(rmdir ? 'do_rmdir' : 'do_unlinkat', () => [dfd(call), filename()]);
      // vfs_unlink is given the dentry, which can only be known while the name still exists: read it now.
      const bytes = call.readString(call.u64(name));
      const ret = yield;
      if (ret === 0 && bytes) {
        const { files, objects } = call.kernel;
        const path = utf8Decode(bytes);
        const dentry = () => files.dentry(path, rmdir ? 'dir' : 'file');
        const parent = () => Number(objects.get('dentry', dentry().object, 'd_parent') - kernelAddress(0));
        const inode = () => objects.get('dentry', parent(), 'd_inode');
        if (rmdir) call.through('vfs_rmdir', () => [0, inode(), kernelAddress(dentry().object)], 0);
        else call.through('vfs_unlink', () => [0, inode(), kernelAddress(dentry().object), 0], 0);
      }
      call.leave(ret);
    },
  });
}

/**
 * mknod(at) and mkdir(at): the dentry is known by the name that the user gave. A regular file goes through vfs_create, as nothing else does in
 * 6.1 (open with O_CREAT asks the filesystem itself).
 */
function making(dfd: (call: Call) => number, name: number, directory: boolean) {
  return behaviour({
    early: ['do_mknodat', 'do_mkdirat'],
    late: ['vfs_create', 'vfs_mknod', 'vfs_mkdir'],
    *run(call) {
      const filename = filenameOf(call, call.u64(name));
      const mode = call.uint(name + 1) & 0xffff;
      if (directory) call.enter('do_mkdirat', () => [dfd(call), filename(), mode]);
      else call.enter('do_mknodat', () => [dfd(call), filename(), mode, call.uint(name + 2)]);
      const bytes = call.readString(call.u64(name));
      const ret = yield;
      if (ret === 0 && bytes) {
        const { files, objects } = call.kernel;
        const dentry = () => files.dentry(utf8Decode(bytes), directory ? 'dir' : 'file');
        const parent = () => Number(objects.get('dentry', dentry().object, 'd_parent') - kernelAddress(0));
        const inode = () => objects.get('dentry', parent(), 'd_inode');
        const type = mode & S_IFMT;
        if (directory) call.through('vfs_mkdir', () => [0, inode(), kernelAddress(dentry().object), mode], 0);
        else if (type === 0 || type === S_IFREG)
          call.through('vfs_create', () => [0, inode(), kernelAddress(dentry().object), mode, 1], 0);
        else
          call.through('vfs_mknod', () => [0, inode(), kernelAddress(dentry().object), mode, call.uint(name + 2)], 0);
      }
      call.leave(ret);
    },
  });
}

const S_IFMT = 0o170000;
const S_IFREG = 0o100000;

export const mknod = making(() => AT_FDCWD, 0, false);
export const mknodat = making((call) => call.int(0), 1, false);
export const mkdir = making(() => AT_FDCWD, 0, true);
export const mkdirat = making((call) => call.int(0), 1, true);

const AT_REMOVEDIR = 0x200;

export const unlink = removing(
  () => AT_FDCWD,
  0,
  () => false,
);
export const rmdir = removing(
  () => AT_FDCWD,
  0,
  () => true,
);
export const unlinkat = removing(
  (call) => call.int(0),
  1,
  (call) => (call.int(2) & AT_REMOVEDIR) !== 0,
);
