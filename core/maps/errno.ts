/** Errnos as programs and bpf(2)'s callers see them: negative numbers, from the one table in core/base/errno.ts. */
import { ERRNO } from '../base/errno.ts';

export const EPERM = -ERRNO.EPERM;
export const ENOENT = -ERRNO.ENOENT;
export const E2BIG = -ERRNO.E2BIG;
export const EBADF = -ERRNO.EBADF;
export const EAGAIN = -ERRNO.EAGAIN;
export const ENOMEM = -ERRNO.ENOMEM;
export const EACCES = -ERRNO.EACCES;
export const EFAULT = -ERRNO.EFAULT;
export const EBUSY = -ERRNO.EBUSY;
export const EEXIST = -ERRNO.EEXIST;
export const ENODEV = -ERRNO.ENODEV;
export const EINVAL = -ERRNO.EINVAL;
export const ENOSPC = -ERRNO.ENOSPC;
export const ERANGE = -ERRNO.ERANGE;
export const ENAMETOOLONG = -ERRNO.ENAMETOOLONG;
export const ENODATA = -ERRNO.ENODATA;
export const EOVERFLOW = -ERRNO.EOVERFLOW;
export const EOPNOTSUPP = -ERRNO.EOPNOTSUPP;
/** The kernel's own: what bpf(2) answers for an operation that a map type lacks. */
export const ENOTSUPP = -ERRNO.ENOTSUPP;
