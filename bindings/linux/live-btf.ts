/**
 * The running kernel's types. Its file in sysfs gives no more than a page a read(2): 1,350 calls and 10 ms for 5.5 MB. Since Linux 6.16 it can be
 * mapped (btf_sysfs_vmlinux_mmap in kernel/bpf/sysfs_btf.c), which takes 0.4 ms and no memory; the addon can do that.
 */
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { addon } from '../addon/index.ts';

export const LIVE_BTF = '/sys/kernel/btf/vmlinux';

/** Constants of mmap(2). The mapping is private, as that file demands. */
const PROT_READ = 1;
const MAP_PRIVATE = 2;

/** The bytes, which must not be written to; undefined where the kernel has no BTF or it cannot be read. */
export function liveBtfBytes(): Uint8Array | undefined {
  try {
    return mapped() ?? readFileSync(LIVE_BTF);
  } catch {
    return undefined;
  }
}

/** The file mapped, or undefined where that is not possible. */
function mapped(): Uint8Array | undefined {
  const sys = addon()?.sys;
  if (!sys) return undefined;
  const fd = openSync(LIVE_BTF, 'r');
  try {
    const { size } = fstatSync(fd);
    const mapping = sys.mmap(size, PROT_READ, MAP_PRIVATE, fd, 0);
    return typeof mapping === 'number' ? undefined : new Uint8Array(mapping.buffer, 0, size);
  } finally {
    closeSync(fd);
  }
}
