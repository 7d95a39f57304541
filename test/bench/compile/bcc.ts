/**
 * BCC's own compiler on this machine's CPU: python3-bpfcc in a Debian of its own (test/guest/bcc-root.ts), entered by chroot in a private mount
 * namespace. The kernel headers are those of that Debian, under the name of the running kernel, which BCC looks for. Nothing is attached:
 * the functions carry names that mean no probe.
 */
import { existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { release } from 'node:os';
import { join } from 'node:path';
import { bccRoot } from '../../guest/bcc-root.ts';
import { guestKernel } from '../../guest/machine.ts';

const onPath = (name: string): boolean =>
  (process.env['PATH'] ?? '').split(':').some((folder) => existsSync(join(folder || '.', name)));

/** What is missing for BCC to be measured here, by name; undefined when nothing is. */
export function bccProblem(): string | undefined {
  if (process.platform !== 'linux' || process.arch !== 'x64') return `${process.platform}-${process.arch}`;
  if (process.getuid?.() !== 0) return 'root';
  for (const name of ['debootstrap', 'apt-get', 'dpkg', 'unshare', 'chroot'])
    if (!onPath(name) && !existsSync(`/usr/sbin/${name}`)) return name;
  return undefined;
}

const SCRIPT = `
import time, sys
began = time.perf_counter()
from bcc import BPF
imported = time.perf_counter()
b = BPF(text=open("/bench.c").read())
done = time.perf_counter()
peak = [line for line in open("/proc/self/status") if line.startswith("VmHWM")][0].split()[1]
print(done - imported, peak)
`;

/** Makes the Debian where it is not there yet, and puts a program into it. What it answers runs `BPF(text=...)` once: [command, ...arguments]. */
export function prepareBcc(cache: string, source: string): string[] {
  const root = bccRoot(cache);
  const headers = guestKernel(cache).release;
  const modules = join(root, 'lib/modules', release());
  mkdirSync(modules, { recursive: true });
  for (const [link, folder] of [
    ['build', headers],
    ['source', headers.replace(/-cloud-amd64$/, '-common')],
  ]) {
    rmSync(join(modules, link!), { force: true });
    symlinkSync(`/usr/src/linux-headers-${folder}`, join(modules, link!));
  }
  writeFileSync(join(root, 'bench.c'), source.replace(/\bk(ret)?probe__/g, 'on_$1'));
  writeFileSync(join(root, 'bench.py'), SCRIPT);
  const enter = 'mount -t proc proc "$0/proc" && mount -t sysfs sys "$0/sys" && exec chroot "$0" python3 /bench.py';
  return ['unshare', '-m', 'sh', '-c', enter, root];
}
