/** Errnos that behaviours compare results with (include/uapi/asm-generic/errno.h), and the kernel's own restart codes. */
export const ERRNO = {
  EPERM: 1,
  ENOENT: 2,
  EINTR: 4,
  EBADF: 9,
  EACCES: 13,
  EFAULT: 14,
  EINVAL: 22,
  ENOSYS: 38,
  ENOTSOCK: 88,
  EADDRNOTAVAIL: 99,
  ENETUNREACH: 101,
  ECONNABORTED: 103,
  ECONNRESET: 104,
  EISCONN: 106,
  ETIMEDOUT: 110,
  ECONNREFUSED: 111,
  EHOSTUNREACH: 113,
  EALREADY: 114,
  EINPROGRESS: 115,
} as const;

/** ERESTARTSYS .. ERESTART_RESTARTBLOCK (include/linux/errno.h): the call was interrupted and will be made again, or becomes EINTR. */
export const ERESTARTSYS = 512;
export const ERESTART_RESTARTBLOCK = 516;

/** Was the call broken off by a signal, so that it says nothing about what it did? */
export function isInterrupted(ret: number): boolean {
  return (ret <= -ERESTARTSYS && ret >= -ERESTART_RESTARTBLOCK) || ret === -ERRNO.EINTR;
}
