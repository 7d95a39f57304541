/** BCC's scripts out of Debian's packages, and the kernels they are compiled for. Nothing of either is kept in this repository. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { release } from 'node:os';
import { join, relative } from 'node:path';
import { inflateRawSync } from 'node:zlib';
import { debianKernel } from '../btf/kernel-image.mjs';

const PACKAGES = ['bpfcc-tools', 'python3-bpfcc'];

/**
 * Download and unpack (once: the cache keeps it).
 * @returns {{ root: string, python: string, version: string }} `python` holds the package's own Python modules
 */
export function bccPackages(cache) {
  const root = join(cache, 'bpfcc');
  mkdirSync(root, { recursive: true });
  const deb = (name) => readdirSync(cache).find((f) => f.startsWith(`${name}_`) && f.endsWith('.deb'));
  for (const name of PACKAGES) {
    if (!deb(name)) execFileSync('apt-get', ['download', name], { cwd: cache, stdio: ['ignore', 'ignore', 'ignore'] });
    if (!existsSync(join(root, 'usr/share/doc', name))) execFileSync('dpkg', ['-x', join(cache, deb(name)), root]);
  }
  return {
    root,
    python: join(root, 'usr/lib/python3/dist-packages'),
    version: deb(PACKAGES[0]).split('_')[1],
  };
}

/** Every Python script: the tools, and the examples of the documentation. */
export function scriptsOf({ root }) {
  const tools = join(root, 'usr/sbin');
  const examples = join(root, 'usr/share/doc/bpfcc-tools/examples');
  const python = (path) => /^#!.*python/.test(readFileSync(path, 'utf8').slice(0, 80));
  const found = [];
  for (const file of readdirSync(tools).sort()) {
    const path = join(tools, file);
    if (python(path)) found.push({ kind: 'tool', name: file.replace(/-bpfcc$/, ''), path });
  }
  for (const entry of readdirSync(examples, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !entry.name.endsWith('.py') || entry.name === 'simulation.py') continue;
    const path = join(entry.parentPath ?? entry.path, entry.name);
    const name = relative(examples, path).replace(/\.py$/, '');
    found.push({ kind: 'example', name: name.replace(/^(networking|tracing)\//, ''), path });
  }
  return found.sort((a, b) => (a.kind === b.kind ? (a.name < b.name ? -1 : 1) : a.kind === 'tool' ? -1 : 1));
}

/**
 * This machine's kernel (where it has BTF) and Debian's 6.1, whole.
 * @returns {{ name: string, release: string, btf: Uint8Array, live: boolean }[]}
 */
export function kernels(cache, root, core) {
  const list = [];
  const here = '/sys/kernel/btf/vmlinux';
  if (existsSync(here)) {
    const number = release().split('.').slice(0, 2).join('.');
    list.push({ name: number, release: release().split('-')[0], btf: new Uint8Array(readFileSync(here)), live: true });
  }
  const kept = join(cache, 'btf-6.1');
  if (!existsSync(kept)) {
    try {
      const { vmlinux } = debianKernel('linux-image-cloud-amd64', cache);
      writeFileSync(kept, core.readElf(new Uint8Array(vmlinux)).section('.BTF').data);
    } catch {
      // Without the image: the reduced one that ships, which has all that programs can name but not every function.
      writeFileSync(kept, inflateRawSync(readFileSync(join(root, 'data/btf-6.1-x86_64.btf.deflate'))));
    }
  }
  list.push({ name: '6.1', release: '6.1.0', btf: new Uint8Array(readFileSync(kept)), live: false });
  return list;
}

/** What scripts ask of a kernel: its functions, tracepoints, and the fields of its structs (bcc/recorder.py). */
export function questionTable(btf, tracepoints) {
  const fields = {};
  const membersOf = (id, into) => {
    for (const member of btf.type(id).members) {
      if (member.name !== '') into.push(member.name);
      else {
        let type = btf.type(member.type);
        while (['const', 'volatile', 'typedef'].includes(type.kind)) type = btf.type(type.type);
        if (type.kind === 'struct' || type.kind === 'union') membersOf(type.id, into);
      }
    }
    return into;
  };
  for (const name of btf.names('struct')) fields[name] = membersOf(btf.find(name, 'struct'), []);
  return { functions: [...new Set(btf.names('func'))], tracepoints: [...tracepoints.keys()], fields };
}
