/**
 * A file system for this process alone: a mount that hangs in no directory and goes with its descriptor (fsopen(2) and fsmount(2), Linux 5.2), so
 * nothing is left behind however we end. Needs CAP_SYS_ADMIN.
 */
import { errnoName } from '../../core/base/errno.ts';
import { sys } from './bpf.ts';

const FSOPEN_CLOEXEC = 1;
const FSMOUNT_CLOEXEC = 1;
const FSCONFIG_CMD_CREATE = 6;

export interface PrivateMount {
  /** The directory, as long as this process lives. */
  readonly path?: string;
  /** What failed: `fsopen: EPERM`. */
  readonly problem?: string;
}

export function mountPrivately(type: string): PrivateMount {
  const { calls } = sys();
  const context = sys().syscall(calls.fsopen, Buffer.from(`${type}\0`), FSOPEN_CLOEXEC);
  if (context < 0) return { problem: `fsopen: ${errnoName(context)}` };
  const made = sys().syscall(calls.fsconfig, context, FSCONFIG_CMD_CREATE, 0, 0, 0);
  const mount = made < 0 ? made : sys().syscall(calls.fsmount, context, FSMOUNT_CLOEXEC, 0);
  sys().close(context);
  return mount < 0 ? { problem: `fsmount: ${errnoName(mount)}` } : { path: `/proc/self/fd/${mount}` };
}
