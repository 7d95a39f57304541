/**
 * A kernel of our own for what the test machine's does not permit (kprobes, fentry, LSM): Debian's 6.1 cloud kernel under qemu's TCG, with
 * this checkout's dist/, its addon and the running node inside. One boot runs one shell script as root; what the script leaves in /out comes
 * back as files. Everything is made from Debian packages at run time and kept beside other
 * temporary files (SKEP_GUEST_CACHE moves it).
 *
 * The disk is an ext4 image made by `mke2fs -d` (no mount, no loop device); the initrd is busybox with the virtio modules, because Debian's
 * kernel has virtio as modules; results leave as a tar on a second raw disk. TCG runs some 28 times slower than the machine's own CPU.
 */
import { spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** The checkout: upwards from here, wherever a bundler has put this file. */
function checkout(): string {
  let directory = import.meta.dirname;
  while (!existsSync(join(directory, 'package.json'))) directory = dirname(directory);
  return directory;
}

const root = checkout();

/** Debian packages of the commands below, for the message of a skipped test. */
export const PACKAGES = ['qemu-system-x86', 'busybox-static', 'cpio', 'e2fsprogs'] as const;

const has = (command: string): boolean =>
  (process.env['PATH'] ?? '').split(':').some((directory) => existsSync(join(directory || '.', command))) ||
  existsSync(join('/sbin', command));

/** What is missing on this machine to boot a guest, by name; undefined when nothing is. */
export function guestProblem(): string | undefined {
  if (process.platform !== 'linux' || process.arch !== 'x64')
    return `${process.platform}-${process.arch} is not linux-x64`;
  for (const command of ['qemu-system-x86_64', 'busybox', 'cpio', 'mke2fs', 'apt-get', 'dpkg'])
    if (!has(command)) return `no ${command} (apt-get install ${PACKAGES.join(' ')})`;
  return undefined;
}

function run(command: string, args: readonly string[], cwd?: string): string {
  const child = spawnSync(command, args, { cwd, encoding: 'utf8', maxBuffer: 1 << 28 });
  if (child.status !== 0) throw new Error(`${command} ${args.join(' ')}: ${child.stderr || child.error}`);
  return child.stdout;
}

export interface GuestKernel {
  readonly release: string;
  readonly vmlinuz: string;
  /** /lib/modules/RELEASE of the unpacked package. */
  readonly modules: string;
}

/** Not under build/: node-gyp empties that. */
export const GUEST_CACHE =
  process.env['SKEP_GUEST_CACHE'] ?? join(tmpdir(), `skep-guest-cache-${process.getuid?.() ?? 0}`);

/**
 * Debian's 6.1 cloud kernel, or that of the package that SKEP_GUEST_KERNEL names (linux-image-6.12.107+deb12-cloud-amd64-unsigned has fprobes, which
 * kprobe_multi needs, and uprobe_multi); downloaded and unpacked into `cache` the first time.
 */
export function guestKernel(cache = GUEST_CACHE, image = process.env['SKEP_GUEST_KERNEL']): GuestKernel {
  const home = join(cache, image ?? 'kernel');
  const find = () => {
    const names = existsSync(join(home, 'boot')) ? readdirSync(join(home, 'boot')) : [];
    const image = names.find((name) => name.startsWith('vmlinuz-'));
    return image?.slice('vmlinuz-'.length);
  };
  let release = find();
  if (release === undefined) {
    mkdirSync(home, { recursive: true });
    const depends = image === undefined ? run('apt-cache', ['depends', 'linux-image-cloud-amd64']) : '';
    const name = image ?? /Depends: (linux-image-\S+)/.exec(depends)?.[1];
    if (!name) throw new Error(`apt-cache depends linux-image-cloud-amd64 names no kernel image:\n${depends}`);
    run('apt-get', ['download', '-qq', name], home);
    const deb = readdirSync(home).find((file) => file.endsWith('.deb'))!;
    run('dpkg', ['-x', deb, '.'], home);
    rmSync(join(home, deb));
    release = find();
    if (release === undefined) throw new Error(`${name} holds no vmlinuz`);
  }
  return {
    release,
    vmlinuz: join(home, 'boot', `vmlinuz-${release}`),
    modules: join(home, 'lib/modules', release),
  };
}

/** In the order that insmod needs them: Debian's cloud kernel has its disk drivers as modules. */
const DISK_MODULES = [
  'drivers/virtio/virtio_ring.ko',
  'drivers/virtio/virtio.ko',
  'drivers/virtio/virtio_pci_modern_dev.ko',
  'drivers/virtio/virtio_pci_legacy_dev.ko',
  'drivers/virtio/virtio_pci.ko',
  'drivers/block/virtio_blk.ko',
] as const;

const INIT = `#!/bin/busybox sh
/bin/busybox mkdir -p /proc /sys /dev /new
/bin/busybox mount -t devtmpfs dev /dev
for m in /modules/*.ko; do /bin/busybox insmod $m; done
n=0
while [ ! -b /dev/vda ]; do n=$((n+1)); [ $n -gt 200 ] && echo 'guest: no disk' && /bin/busybox poweroff -f; /bin/busybox usleep 20000; done
/bin/busybox mount -t ext4 -o noatime /dev/vda /new
/bin/busybox cp /script /new/script
exec /bin/busybox switch_root /new /sbin/init
`;

/** The second init: what a machine has mounted, then the script; its output and status go to /out, which leaves on the second disk. */
const SECOND_INIT = `#!/bin/busybox sh
export PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin HOME=/root LANG=C.UTF-8
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mkdir -p /dev/pts /dev/shm
mount -t tmpfs tmp /tmp
mount -t tmpfs out /out
mount -t tmpfs run /run
mount -t tracefs trace /sys/kernel/tracing
mount -t debugfs debug /sys/kernel/debug
mount -t bpf bpf /sys/fs/bpf
mount -t cgroup2 cgroup /sys/fs/cgroup
ip link set lo up
echo 0 > /proc/sys/kernel/printk
cd /root
sh /script >/out/stdout 2>/out/stderr </dev/null
echo $? > /out/status
tar cf /dev/vdb -C /out .
sync
poweroff -f
`;

export interface Image {
  readonly kernel: GuestKernel;
  readonly disk: string;
  readonly initrd: string;
  /** Removes what was made. */
  remove(): void;
}

export interface ImageOptions {
  /** Host path -> path in the guest; folders whole. */
  readonly files?: Readonly<Record<string, string>>;
  /** A folder that is the guest's root to begin with (an unpacked distribution for the comparison); else busybox alone. */
  readonly base?: string;
  /** Paths under modules/kernel to insmod before the script runs, in order: veth, cls_bpf. */
  readonly modules?: readonly string[];
  /** False for a guest without node and this checkout: a small disk, made in a moment. */
  readonly skep?: boolean;
}

/** Copies a program with the libraries that ldd names. */
function copyProgram(from: string, to: string, guest: string): void {
  mkdirSync(dirname(join(guest, to)), { recursive: true });
  copyFileSync(realpathSync(from), join(guest, to));
  chmodSync(join(guest, to), 0o755);
  const libraries = spawnSync('ldd', [from], { encoding: 'utf8' }).stdout ?? '';
  for (const [, path] of libraries.matchAll(/(\/\S+)\s+\(0x/g)) {
    if (existsSync(join(guest, path!))) continue;
    mkdirSync(dirname(join(guest, path!)), { recursive: true });
    copyFileSync(realpathSync(path!), join(guest, path!));
  }
}

/** The parts of this checkout that run: dist, data, the addon, the packages that dist imports. As /skep in the guest, with the bins on PATH. */
function copySkep(guest: string): void {
  const home = join(guest, 'skep');
  mkdirSync(home);
  for (const name of ['package.json', 'dist', 'data', 'tools'])
    cpSync(join(root, name), join(home, name), {
      recursive: true,
      filter: (path) => !/\/dist\/types(\/|$)/.test(path) && !/\.ts$/.test(path),
    });
  mkdirSync(join(home, 'build/Release'), { recursive: true });
  copyFileSync(join(root, 'build/Release/skep.node'), join(home, 'build/Release/skep.node'));
  const { dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    dependencies: Record<string, string>;
  };
  const wanted = Object.keys(dependencies);
  const copied = new Set<string>();
  for (let name = wanted.pop(); name !== undefined; name = wanted.pop()) {
    const from = join(root, 'node_modules', name);
    // esbuild is for scripts in TypeScript; the guest runs what is built.
    if (copied.has(name) || name === 'esbuild' || !existsSync(from)) continue;
    copied.add(name);
    cpSync(from, join(home, 'node_modules', name), { recursive: true });
    const manifest = JSON.parse(readFileSync(join(from, 'package.json'), 'utf8')) as { dependencies?: object };
    wanted.push(...Object.keys(manifest.dependencies ?? {}));
  }
  mkdirSync(join(guest, 'usr/local/bin'), { recursive: true });
  rmSync(join(guest, 'usr/local/bin/skep'), { force: true });
  symlinkSync('/skep/dist/bin/skep.js', join(guest, 'usr/local/bin/skep'));
}

/** Copies a module of the kernel, unpacked where it is packed; false where the kernel has it built in. */
function copyModule(kernel: GuestKernel, path: string, to: string): boolean {
  const from = join(kernel.modules, 'kernel', path);
  if (existsSync(from)) copyFileSync(from, to);
  else if (existsSync(`${from}.xz`)) run('sh', ['-c', 'xz -dc "$0" > "$1"', `${from}.xz`, to]);
  else if (readFileSync(join(kernel.modules, 'modules.builtin'), 'utf8').includes(`kernel/${path}\n`)) return false;
  else throw new Error(`${kernel.release} has no module ${path}`);
  return true;
}

/** Makes the disk and the initrd; some seconds. */
export function makeImage({ files = {}, base, modules = [], skep = true }: ImageOptions = {}): Image {
  const kernel = guestKernel();
  const folder = mkdtempSync(join(tmpdir(), 'skep-guest-'));
  const guest = base ?? join(folder, 'root');
  for (const name of ['bin', 'sbin', 'proc', 'sys', 'dev', 'tmp', 'out', 'run', 'root', 'etc', 'usr/bin', 'modules'])
    mkdirSync(join(guest, name), { recursive: true });
  const busybox = run('sh', ['-c', 'command -v busybox']).trim();
  if (!existsSync(join(guest, 'bin/busybox'))) copyFileSync(busybox, join(guest, 'bin/busybox'));
  for (const applet of run(busybox, ['--list']).split('\n')) {
    if (applet === '' || applet === 'busybox' || existsSync(join(guest, 'usr/bin', applet))) continue;
    const at = join(guest, 'bin', applet);
    if (!existsSync(at)) symlinkSync('/bin/busybox', at);
  }
  if (!existsSync(join(guest, 'usr/bin/env'))) symlinkSync('/bin/busybox', join(guest, 'usr/bin/env'));
  if (skep) {
    copyProgram(process.execPath, '/usr/bin/node', guest);
    rmSync(join(guest, 'skep'), { recursive: true, force: true });
    copySkep(guest);
  }
  for (const [from, to] of Object.entries(files)) {
    mkdirSync(dirname(join(guest, to)), { recursive: true });
    cpSync(from, join(guest, to), { recursive: true });
  }
  let loading = '';
  for (const path of modules) {
    const name = path.split('/').at(-1)!;
    if (copyModule(kernel, path, join(guest, 'modules', name))) loading += `insmod /modules/${name}\n`;
  }
  if (!existsSync(join(guest, 'etc/passwd')))
    writeFileSync(join(guest, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n');
  rmSync(join(guest, 'sbin/init'), { force: true });
  writeFileSync(join(guest, 'sbin/init'), SECOND_INIT.replace('cd /root\n', `${loading}cd /root\n`), { mode: 0o755 });

  const small = join(folder, 'initrd');
  mkdirSync(join(small, 'bin'), { recursive: true });
  mkdirSync(join(small, 'modules'));
  copyFileSync(busybox, join(small, 'bin/busybox'));
  DISK_MODULES.forEach((path, i) => {
    copyModule(kernel, path, join(small, 'modules', `${i}.ko`));
  });
  writeFileSync(join(small, 'init'), INIT, { mode: 0o755 });
  const initrd = join(folder, 'initrd.cpio');
  run('sh', ['-c', `find . | cpio -o -H newc --quiet > ${initrd}`], small);

  // Room for what the script writes outside /out and /tmp; the image is sparse.
  const disk = join(folder, 'disk.ext4');
  const bytes = Number(run('du', ['-sbx', guest]).split('\t')[0]);
  writeFileSync(disk, '');
  truncateSync(disk, Math.ceil((bytes * 1.2 + (64 << 20)) / 4096) * 4096);
  run('mke2fs', ['-q', '-t', 'ext4', '-O', '^has_journal', '-E', 'lazy_itable_init=1', '-d', guest, '-F', disk]);
  if (!base) rmSync(guest, { recursive: true });
  return { kernel, disk, initrd, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

export interface GuestResult {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
  /** A file the script left in /out; undefined where it did not. */
  file(name: string): string | undefined;
  readonly seconds: number;
}

export interface BootOptions {
  /** Megabytes. */
  readonly memory?: number;
  readonly timeoutMs?: number;
  /** The guest's clock counts its instructions, 1 ns each, instead of time: what costs the same says the same, whatever else the machine does. */
  readonly countInstructions?: boolean;
}

/** The kernel's command line. */
export const KERNEL_LINE = 'console=ttyS0 quiet panic=-1';

/** The image's initrd with the script in its tail (initrds concatenate), so that one disk serves many boots. */
export function withScript(image: Image, script: string, folder: string): string {
  const scripts = join(folder, 'scripts');
  mkdirSync(scripts);
  writeFileSync(join(scripts, 'script'), script);
  const initrd = join(folder, 'initrd.cpio');
  run('sh', ['-c', `{ cat ${image.initrd}; echo script | cpio -o -H newc --quiet; } > ${initrd}`], scripts);
  return initrd;
}

/** What every guest is started with; `memory` in megabytes. */
export function machineArguments(image: Image, initrd: string, memory: number, countInstructions = false): string[] {
  return [
    ...(countInstructions
      ? ['-accel', 'tcg,thread=single', '-icount', 'shift=0,sleep=off']
      : ['-accel', 'tcg,thread=multi']),
    ...['-cpu', 'max', '-M', 'pc', '-smp', '1', '-m', String(memory)],
    ...['-nodefaults', '-no-user-config', '-nographic', '-no-reboot'],
    ...['-kernel', image.kernel.vmlinuz, '-initrd', initrd],
    ...['-drive', `file=${image.disk},format=raw,snapshot=on,if=none,id=d0,cache=unsafe`],
    ...['-device', 'virtio-blk-pci,drive=d0'],
  ];
}

/** Boots the image, runs the script as root, and answers when the machine is off. Throws with the console's end when it does not get there. */
export async function boot(
  image: Image,
  script: string,
  { memory = 768, timeoutMs = 600_000, countInstructions = false }: BootOptions = {},
): Promise<GuestResult> {
  const folder = mkdtempSync(join(tmpdir(), 'skep-boot-'));
  const results = join(folder, 'results');
  const begun = performance.now();
  try {
    writeFileSync(results, '');
    truncateSync(results, 64 << 20);
    const initrd = withScript(image, script, folder);
    const child = spawn(
      'qemu-system-x86_64',
      [
        ...machineArguments(image, initrd, memory, countInstructions),
        ...['-serial', 'stdio', '-drive', `file=${results},format=raw,if=none,id=d1,cache=unsafe`],
        ...['-device', 'virtio-blk-pci,drive=d1', '-append', `${KERNEL_LINE} mitigations=off`],
      ],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    );
    let serial = '';
    child.stdout.on('data', (bytes) => (serial = (serial + bytes).slice(-20_000)));
    child.stderr.on('data', (bytes) => (serial = (serial + bytes).slice(-20_000)));
    const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
    await new Promise<void>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', () => resolve());
    });
    clearTimeout(timer);
    const seconds = (performance.now() - begun) / 1000;
    const out = join(folder, 'out');
    mkdirSync(out);
    const untar = spawnSync('tar', ['xf', results, '-C', out], { encoding: 'utf8' });
    const file = (name: string) => (existsSync(join(out, name)) ? readFileSync(join(out, name), 'utf8') : undefined);
    const status = file('status');
    if (untar.status !== 0 || status === undefined)
      throw new Error(
        `the guest did not finish within ${seconds.toFixed(0)} s; its console ends:\n${serial.slice(-3000)}`,
      );
    const all = new Map<string, string>();
    for (const name of readdirSync(out, { recursive: true, encoding: 'utf8' }))
      if (statSync(join(out, name)).isFile()) all.set(name, file(name)!);
    return {
      status: Number(status),
      stdout: all.get('stdout') ?? '',
      stderr: all.get('stderr') ?? '',
      file: (name) => all.get(name),
      seconds,
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
