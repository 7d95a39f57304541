/**
 * The system calls of Linux 6.1: the generated table's rows joined by name with the buffers that they name and with what the model does in
 * them. A call without a behaviour still has its `__x64_sys_*` function and its tracepoints. What that kernel does not implement,
 * and what is newer, has no row: such calls pass raw_syscalls only.
 *
 * To add a behaviour: write it in the family's file and name it here.
 */
import { SYSCALLS as TABLE } from '../../progs/syscall-table.gen.ts';
import { BUFFERS } from './buffers.ts';
import { connect } from './connect.ts';
import * as file from './file.ts';
import * as io from './io.ts';
import * as process from './process.ts';
import { type Behaviour, makeRow, type SyscallRow } from './row.ts';
import * as socket from './socket.ts';

/** THE CALLS THAT THE MODEL PLAYS. */
const BEHAVIOURS: Readonly<Record<string, Behaviour>> = {
  // net
  socket: socket.socket,
  connect,
  accept: socket.accept,
  accept4: socket.accept4,
  bind: socket.bind,
  listen: socket.listen,
  shutdown: socket.shutdown,
  sendto: io.sendto,
  recvfrom: io.recvfrom,
  sendmsg: io.sendmsg,
  recvmsg: io.recvmsg,
  // files
  open: file.open,
  openat: file.openat,
  openat2: file.openat2,
  creat: file.creat,
  close: file.close,
  unlink: file.unlink,
  unlinkat: file.unlinkat,
  rmdir: file.rmdir,
  mknod: file.mknod,
  mknodat: file.mknodat,
  mkdir: file.mkdir,
  mkdirat: file.mkdirat,
  read: io.read,
  write: io.write,
  pread64: io.pread64,
  pwrite64: io.pwrite64,
  readv: io.readv,
  writev: io.writev,
  fsync: io.fsync,
  fdatasync: io.fdatasync,
  // processes
  clone: process.clone,
  fork: process.fork,
  vfork: process.vfork,
  clone3: process.clone3,
  execve: process.execve,
  execveat: process.execveat,
  exit_group: process.exit_group,
  kill: process.kill,
  prctl: process.prctl,
  chdir: process.chdir,
  fchdir: process.fchdir,
  setuid: process.setuid,
  setgid: process.setgid,
  setreuid: process.setreuid,
  setregid: process.setregid,
  setresuid: process.setresuid,
  setresgid: process.setresgid,
};

const NOT_IMPLEMENTED = 'ni_syscall';

export const SYSCALLS: readonly SyscallRow[] = TABLE.filter(
  (row) => row.entry !== NOT_IMPLEMENTED && row.since === undefined,
).map((row) => makeRow(row, BUFFERS[row.name] ?? {}, BEHAVIOURS[row.name]));

const byNumber = new Map(SYSCALLS.map((row) => [row.nr, row]));
const byName = new Map(SYSCALLS.map((row) => [row.name, row]));

for (const name of [...Object.keys(BEHAVIOURS), ...Object.keys(BUFFERS)]) {
  if (!byName.has(name)) throw new RangeError(`there is no system call ${name}`);
}

/** Row of a system call number, or undefined. */
export function syscallByNumber(nr: number): SyscallRow | undefined {
  return byNumber.get(nr);
}

/** Row by name as in the table (`stat`, not `newstat`), or undefined. */
export function syscallByName(name: string): SyscallRow | undefined {
  return byName.get(name);
}
