/** Facts of the running machine that the live backend asks for once: CPUs, release, types. All from files that anyone may read. */
import { readFileSync } from 'node:fs';
import { release } from 'node:os';
import { BpfError } from '../../core/base/errors.ts';
import type { Btf } from '../../core/btf/btf.ts';
import { readBtf } from '../../core/btf/read.ts';

/** Types of the running kernel (CONFIG_DEBUG_INFO_BTF). https://docs.kernel.org/bpf/btf.html */
export const VMLINUX_BTF = '/sys/kernel/btf/vmlinux';

/** The text of a file, or undefined where it cannot be read. */
export function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

/** The numbers of a list as the kernel prints CPU masks: `0-3,8`. */
export function parseCpuList(text: string): number[] {
  const cpus: number[] = [];
  for (const part of text.trim().split(',')) {
    const [from, to = from] = part.split('-').map(Number) as [number, number?];
    if (part === '' || Number.isNaN(from)) continue;
    for (let cpu = from; cpu <= to!; cpu++) cpus.push(cpu);
  }
  return cpus;
}

function cpuList(which: 'possible' | 'online'): number[] {
  const cpus = parseCpuList(textOf(`/sys/devices/system/cpu/${which}`) ?? '0');
  return cpus.length > 0 ? cpus : [0];
}

let possible: number | undefined;

/** How many values a per-CPU map has: one for each CPU that could ever be plugged in. */
export function possibleCpus(): number {
  possible ??= Math.max(...cpuList('possible')) + 1;
  return possible;
}

/** The CPUs that run now. */
export function onlineCpus(): number[] {
  return cpuList('online');
}

/** LINUX_VERSION_CODE of a release text: kernels before 5.0 want the running one's with kprobe programs. */
export function versionCode(text: string = release()): number {
  const [, major = '0', minor = '0', patch = '0'] = /^(\d+)\.(\d+)(?:\.(\d+))?/.exec(text) ?? [];
  return (Number(major) << 16) + (Number(minor) << 8) + Math.min(255, Number(patch));
}

/** Is the running kernel at least this one ('5.8')? What its makers moved back into older ones is not seen. */
export function kernelAtLeast(wanted: string): boolean {
  return versionCode() >= versionCode(wanted);
}

/** The running kernel's types. Throws BpfError where it has none. */
export function vmlinuxBtf(): Btf {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(VMLINUX_BTF);
  } catch (error) {
    throw new BpfError(
      'BTF',
      `the running kernel tells no types: ${VMLINUX_BTF}: ${(error as NodeJS.ErrnoException).code} (it needs CONFIG_DEBUG_INFO_BTF; programs can still run on the model: --backend model)`,
      { cause: error },
    );
  }
  try {
    return readBtf(bytes);
  } catch (error) {
    if (!(error instanceof BpfError)) throw error;
    throw new BpfError(error.code, `${VMLINUX_BTF}: ${error.message}`, { cause: error });
  }
}
