/**
 * The system calls: the table's rows joined by name with what the model does in them. A call without a behaviour still has its
 * `__x64_sys_*` function and its tracepoints.
 *
 * To add one: write its behaviour in the family's file and name it here.
 */
import { connect } from './connect.ts';
import * as file from './file.ts';
import * as io from './io.ts';
import * as process from './process.ts';
import { type Behaviour, makeRow, type SyscallRow } from './row.ts';
import * as socket from './socket.ts';
import { SYSCALL_TABLE, type SyscallName } from './table.ts';

/** THE CALLS THAT THE MODEL PLAYS. */
const BEHAVIOURS: Partial<Record<SyscallName, Behaviour>> = {
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
  read: io.read,
  write: io.write,
  pread64: io.pread64,
  pwrite64: io.pwrite64,
  readv: io.readv,
  writev: io.writev,
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
  setuid: process.setuid,
  setgid: process.setgid,
  setreuid: process.setreuid,
  setregid: process.setregid,
  setresuid: process.setresuid,
  setresgid: process.setresgid,
};

export const SYSCALLS: readonly SyscallRow[] = SYSCALL_TABLE.map((row) => makeRow(row, BEHAVIOURS[row.name]));

const byNumber = new Map(SYSCALLS.map((row) => [row.nr, row]));
const byName = new Map(SYSCALLS.map((row) => [row.name, row]));

/** Row of a system call number, or undefined. */
export function syscallByNumber(nr: number): SyscallRow | undefined {
  return byNumber.get(nr);
}

/** Row by name as in the table (`stat`, not `newstat`), or undefined. */
export function syscallByName(name: string): SyscallRow | undefined {
  return byName.get(name);
}
