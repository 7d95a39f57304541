/**
 * The kernel image of a Debian package, unpacked far enough to read its BTF.
 *
 * linux-image-*.deb holds boot/vmlinuz-*: a bzImage whose payload is the ELF vmlinux, compressed in LZ4's legacy frame format
 * (Documentation/arch/x86/boot.rst; lz4_Frame_format.md, "Legacy frame"), which zlib does not open.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const LZ4_LEGACY_MAGIC = 0x184c2102;
/** Most bytes a legacy block unpacks to. */
const LZ4_LEGACY_BLOCK = 8 << 20;

/** The image package that a meta package depends on now. */
function imagePackage(meta) {
  const depends = execFileSync('apt-cache', ['depends', meta], { encoding: 'utf8' });
  const name = /Depends: (linux-image-\S+)/.exec(depends)?.[1];
  if (!name) throw new Error(`apt-cache knows no kernel image that ${meta} depends on`);
  return name;
}

/**
 * Download and unpack the kernel image that the Debian package `meta` depends on (once: `cacheDir` keeps the .deb).
 * @returns {{ packageName: string, version: string, source: string, release: string, copyright: string, vmlinux: Buffer }}
 */
export function debianKernel(meta, cacheDir) {
  mkdirSync(cacheDir, { recursive: true });
  const packageName = imagePackage(meta);
  const downloaded = () => readdirSync(cacheDir).find((f) => f.startsWith(`${packageName}_`) && f.endsWith('.deb'));
  if (!downloaded())
    execFileSync('apt-get', ['download', packageName], { cwd: cacheDir, stdio: ['ignore', 'ignore', 'inherit'] });
  const deb = join(cacheDir, downloaded());
  const field = (name) => execFileSync('dpkg-deb', ['-f', deb, name], { encoding: 'utf8' }).trim();
  const directory = mkdtempSync(join(tmpdir(), 'kernel-image-'));
  try {
    execFileSync('dpkg', ['-x', deb, directory]);
    const image = readdirSync(join(directory, 'boot')).find((f) => f.startsWith('vmlinuz-'));
    const copyright = join(directory, 'usr/share/doc', packageName, 'copyright');
    return {
      packageName,
      version: field('Version'),
      source: field('Source') || packageName,
      release: image.slice('vmlinuz-'.length),
      copyright: existsSync(copyright) ? readFileSync(copyright, 'utf8') : '',
      vmlinux: unpackBzImage(readFileSync(join(directory, 'boot', image))),
    };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** The vmlinux inside of a bzImage with an LZ4 payload. */
export function unpackBzImage(image) {
  if (image.toString('latin1', 0x202, 0x206) !== 'HdrS') throw new Error('no bzImage: the boot header has no HdrS');
  const setupSectors = image[0x1f1] || 4;
  const start = (setupSectors + 1) * 512 + image.readUInt32LE(0x248);
  const payload = image.subarray(start, start + image.readUInt32LE(0x24c));
  // The build appends the unpacked size to the compressed payload.
  return unpackLz4Legacy(payload.subarray(0, -4), payload.readUInt32LE(payload.length - 4));
}

/** Unpack an LZ4 legacy frame of known unpacked size. */
export function unpackLz4Legacy(input, size) {
  if (input.readUInt32LE(0) !== LZ4_LEGACY_MAGIC) throw new Error('the payload is not an LZ4 legacy frame');
  const output = Buffer.alloc(size);
  let at = 4;
  let to = 0;
  while (at + 4 <= input.length && to < size) {
    const blockSize = input.readUInt32LE(at);
    at += 4;
    to = unpackLz4Block(input.subarray(at, at + blockSize), output, to, Math.min(size, to + LZ4_LEGACY_BLOCK));
    at += blockSize;
  }
  if (to !== size) throw new Error(`LZ4 payload ended after ${to} of ${size} bytes`);
  return output;
}

/** One LZ4 block into output[to...]: literals and matches in turn (lz4_Block_format.md). Answers the end. */
function unpackLz4Block(input, output, to, limit) {
  const start = to;
  let at = 0;
  const length = (nibble) => {
    if (nibble < 15) return nibble;
    let more;
    do nibble += more = input[at++];
    while (more === 255);
    return nibble;
  };
  while (at < input.length) {
    const token = input[at++];
    const literals = length(token >> 4);
    if (at + literals > input.length || to + literals > limit) throw new Error('LZ4 literals run over');
    input.copy(output, to, at, at + literals);
    at += literals;
    to += literals;
    if (at >= input.length) break;
    const distance = input[at] | (input[at + 1] << 8);
    at += 2;
    const end = to + length(token & 15) + 4;
    if (distance === 0 || to - distance < start || end > limit) throw new Error('LZ4 match runs over');
    // A match may overlap itself: byte by byte.
    for (; to < end; to++) output[to] = output[to - distance];
  }
  return to;
}
