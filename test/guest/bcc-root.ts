/**
 * A Debian with BCC, bpftrace and the headers of the guest's kernel, for comparisons: made by debootstrap at run time in the guest's cache (a
 * gigabyte, a minute and a half), never committed. `npm run vm:compare` boots it; whatever else wants BCC on this machine can chroot into it.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { guestKernel } from './machine.ts';

function run(command: string, args: readonly string[]): void {
  const child = spawnSync(command, args, { encoding: 'utf8', maxBuffer: 1 << 28 });
  if (child.status !== 0)
    throw new Error(`${command} ${args.join(' ')}: ${`${child.stderr}${child.error ?? ''}`.slice(-2000)}`);
}

/** The archive that this machine's own apt uses, else Debian's. */
function mirror(): string {
  for (const folder of ['/etc/apt/sources.list.d', '/etc/apt'])
    for (const name of existsSync(folder) ? readdirSync(folder) : []) {
      if (!/\.(sources|list)$/.test(name)) continue;
      const found = /^(?:URIs:|deb(?: \[[^\]]*\])?)\s+(https?:\/\/\S+\/debian)\/?(?:\s|$)/m.exec(
        readFileSync(join(folder, name), 'utf8'),
      );
      if (found) return found[1]!;
    }
  return 'http://deb.debian.org/debian';
}

/** The folder of the unpacked system. Needs root, debootstrap and the archive. */
export function bccRoot(cache: string): string {
  const home = join(cache, 'bcc-root');
  if (existsSync(home)) return home;
  const making = `${home}.part`;
  rmSync(making, { recursive: true, force: true });
  mkdirSync(cache, { recursive: true });
  run('debootstrap', ['--variant=minbase', '--include=python3', 'bookworm', making, mirror()]);
  for (const folder of ['sources.list.d', 'apt.conf.d'])
    if (existsSync(join('/etc/apt', folder)))
      cpSync(join('/etc/apt', folder), join(making, 'etc/apt', folder), { recursive: true });
  // The sources that debootstrap wrote name the same archive twice, and lack its updates, where the guest's kernel comes from.
  if (readdirSync(join(making, 'etc/apt/sources.list.d')).length > 0)
    rmSync(join(making, 'etc/apt/sources.list'), { force: true });
  const packages = ['bpfcc-tools', 'bpftrace', 'iproute2', 'curl', `linux-headers-${guestKernel(cache).release}`];
  run('chroot', [
    making,
    'sh',
    '-c',
    `apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends ${packages.join(' ')} && apt-get clean`,
  ]);
  renameSync(making, home);
  return home;
}
