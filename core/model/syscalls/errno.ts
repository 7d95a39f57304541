/** What behaviours ask of a result: the errnos of the one table in core/base/errno.ts, and the kernel's own restart codes. */
import { ERRNO } from '../../base/errno.ts';

export { ERRNO };

/** ERESTARTSYS .. ERESTART_RESTARTBLOCK (include/linux/errno.h): the call was interrupted and will be made again, or becomes EINTR. */
export const ERESTARTSYS = 512;
export const ERESTART_RESTARTBLOCK = 516;

/** Was the call broken off by a signal, so that it says nothing about what it did? */
export function isInterrupted(ret: number): boolean {
  return (ret <= -ERESTARTSYS && ret >= -ERESTART_RESTARTBLOCK) || ret === -ERRNO.EINTR;
}
