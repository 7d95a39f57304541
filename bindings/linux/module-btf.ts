/**
 * Types of kernel modules: /sys/kernel/btf/MODULE (Linux 5.11, CONFIG_DEBUG_INFO_BTF_MODULES), each counting its types on from the kernel's own. A program
 * that names something of a module gives the number there and a descriptor of that BTF object. https://docs.kernel.org/bpf/btf.html
 */
import { readdirSync, readFileSync } from 'node:fs';
import { cString } from '../../core/base/bytes.ts';
import { errnoName } from '../../core/base/errno.ts';
import { SysError } from '../../core/base/errors.ts';
import type { Btf } from '../../core/btf/btf.ts';
import { readBtf } from '../../core/btf/read.ts';
import { BpfAttr, bpf, sys } from './bpf.ts';

const DIRECTORY = '/sys/kernel/btf';
/** struct bpf_btf_info: btf, btf_size, id, name, name_len, kernel_btf. */
const INFO_BYTES = 32;
const NAME_AT = 16;
const NAME_LEN_AT = 24;
const NAME_MOST = 64;

const opened = new Map<string, Btf | undefined>();

/** Modules that tell their types. */
export function modulesWithTypes(): string[] {
  try {
    return readdirSync(DIRECTORY).filter((name) => name !== 'vmlinux');
  } catch {
    return [];
  }
}

/** A module's types, with those of the kernel below them; undefined where it is not loaded or tells none. */
export function moduleBtf(module: string, kernel: Btf): Btf | undefined {
  if (!opened.has(module)) {
    let btf: Btf | undefined;
    try {
      btf = readBtf(readFileSync(`${DIRECTORY}/${module}`), kernel);
    } catch {
      // Not loaded, or built without.
    }
    opened.set(module, btf);
  }
  return opened.get(module);
}

export interface InModule {
  readonly module: string;
  readonly btf: Btf;
  readonly id: number;
}

/** Where a name that the kernel itself does not have is: in `module` if one is given, else in any. */
export function findInModules(
  name: string,
  kind: 'func' | 'typedef',
  kernel: Btf,
  module?: string,
): InModule | undefined {
  for (const one of module === undefined ? modulesWithTypes() : [module]) {
    const btf = moduleBtf(one, kernel);
    const id = btf?.find(name, kind);
    if (btf && id !== undefined) return { module: one, btf, id };
  }
  return undefined;
}

/** A descriptor of a module's BTF object, for the caller to close. Throws SysError. */
export function openModuleBtf(module: string): number {
  const doing = `finding the types of module '${module}'`;
  const name = new Uint8Array(NAME_MOST);
  for (let id = 0; ; ) {
    const next = new BpfAttr('BTF_GET_NEXT_ID', { start_id: id });
    if (next.call() < 0) throw new SysError('bpf(BPF_BTF_GET_NEXT_ID)', 'ENOENT', doing);
    id = next.u32('next_id');
    const fd = bpf('BTF_GET_FD_BY_ID', { start_id: id });
    // One that went away in between.
    if (fd < 0) continue;
    name.fill(0);
    const info = new Uint8Array(INFO_BYTES);
    const view = new DataView(info.buffer);
    view.setBigUint64(NAME_AT, sys().addressOf(name), true);
    view.setUint32(NAME_LEN_AT, name.length, true);
    const errno = bpf('OBJ_GET_INFO_BY_FD', { bpf_fd: fd, info_len: info.length, info });
    if (errno === 0 && cString(name) === module) return fd;
    sys().close(fd);
    if (errno < 0) throw new SysError('bpf(BPF_OBJ_GET_INFO_BY_FD)', errnoName(errno), doing);
  }
}

/** Descriptors of the modules that a program names, open while it is loaded. */
export class ModuleFds {
  readonly #fds = new Map<string, number>();

  fd(module: string): number {
    let fd = this.#fds.get(module);
    if (fd === undefined) this.#fds.set(module, (fd = openModuleBtf(module)));
    return fd;
  }

  /** Place in `array`; 0 is the kernel itself. */
  place(module: string): number {
    this.fd(module);
    return [...this.#fds.keys()].indexOf(module) + 1;
  }

  /** What `fd_array` of BPF_PROG_LOAD is, undefined for programs that name no module. */
  get array(): Int32Array | undefined {
    return this.#fds.size === 0 ? undefined : Int32Array.of(0, ...this.#fds.values());
  }

  close(): void {
    for (const fd of this.#fds.values()) sys().close(fd);
  }
}
