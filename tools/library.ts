/** Programs and libraries by the names that tools take: a path, the short name of a library (`c` is libc), or a program on the PATH. */
import { BpfError } from '../core/base/errors.ts';
import { BPF } from '../core/bcc/bpf.ts';

/** Full path. Throws BpfError ENOENT. `pid`: as that process, which may have a root of its own, sees it or has it mapped. */
export function findBinary(tool: string, name: string, pid?: number): string {
  const inside = pid !== undefined && name.startsWith('/') ? BPF.findExe(`/proc/${pid}/root${name}`) : undefined;
  const path = name.includes('/')
    ? (inside ?? BPF.findExe(name))
    : ((pid === undefined ? undefined : BPF.findLibrary(name, pid)) ?? BPF.findLibrary(name) ?? BPF.findExe(name));
  if (path !== undefined) return path;
  throw new BpfError('ENOENT', `${tool}: there is no library or program '${name}'`);
}
