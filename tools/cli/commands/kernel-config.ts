/** Settings of the kernel that a program is for, for objects that ask for them (`__kconfig`). */
import { kernelConfig } from '../../../bindings/linux/config.ts';
import { versionCode } from '../../../bindings/linux/machine.ts';
import type { Kconfig } from '../../../core/elf/kconfig.ts';
import { type KernelTypes, runningRelease } from './kernel-types.ts';

/** bpf_get_attach_cookie of perf links. */
const COOKIE_SINCE = '5.15';

/**
 * The running kernel's configuration where that is the kernel; of another only its release is known, and what its types tell. The three settings
 * beside those of the configuration are libbpf's (bpf_object__load_vmlinux_kconfig, bpf_object__resolve_externs).
 */
export function kconfigOf({ btf, release }: KernelTypes): Kconfig {
  return (name) => {
    if (name === 'LINUX_KERNEL_VERSION') return String(versionCode(release));
    if (name === 'LINUX_HAS_BPF_COOKIE') return versionCode(release) >= versionCode(COOKIE_SINCE) ? '1' : '0';
    if (name === 'LINUX_HAS_SYSCALL_WRAPPER')
      return ['x64', 'arm64', 's390x', 'riscv'].some((arch) => btf.find(`__${arch}_sys_bpf`, 'func') !== undefined)
        ? '1'
        : '0';
    if (release !== runningRelease()) return undefined;
    const setting = kernelConfig(name);
    return setting === 'n' ? undefined : setting;
  };
}
