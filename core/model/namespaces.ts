/**
 * The one set of namespaces that every task of the model is in: the initial ones, with the inode numbers that Linux gives them
 * (include/linux/proc_ns.h), and what hangs on them: the uts name and the root of the pid tree.
 */
import { utf8Encode } from '../base/bytes.ts';
import type { KernelObjects } from './objects.ts';

/** Inode numbers of /proc/PID/ns/NAME in the initial namespaces. mnt and net are allocated at boot; these are the usual values. */
export const NS_INODES = {
  ipc: 0xefffffff,
  uts: 0xeffffffe,
  user: 0xeffffffd,
  pid: 0xeffffffc,
  cgroup: 0xeffffffb,
  time: 0xeffffffa,
  mnt: 0xf0000001,
  net: 0xf0000000,
} as const;

const FALLBACK = 256;

export class Namespaces {
  #objects: KernelObjects;
  #release: string;
  #made = new Map<string, number>();

  constructor(objects: KernelObjects, release: string) {
    this.#objects = objects;
    this.#release = release;
  }

  /** struct nsproxy. */
  nsproxy(): number {
    return this.#once('nsproxy', (o, at) => {
      o.set('nsproxy', at, 'count', 1);
      o.point('nsproxy', at, 'uts_ns', this.uts());
      o.point('nsproxy', at, 'ipc_ns', this.#plain('ipc_namespace', NS_INODES.ipc));
      o.point('nsproxy', at, 'mnt_ns', this.#plain('mnt_namespace', NS_INODES.mnt));
      o.point('nsproxy', at, 'pid_ns_for_children', this.pid());
      o.point('nsproxy', at, 'net_ns', this.net());
      o.point('nsproxy', at, 'cgroup_ns', this.#plain('cgroup_namespace', NS_INODES.cgroup));
    });
  }

  /** struct pid_namespace. */
  pid(): number {
    return this.#plain('pid_namespace', NS_INODES.pid);
  }

  /** struct user_namespace. */
  user(): number {
    return this.#plain('user_namespace', NS_INODES.user);
  }

  /** struct net. */
  net(): number {
    return this.#plain('net', NS_INODES.net);
  }

  /** struct uts_namespace, with the names that uname(2) gives. */
  uts(): number {
    return this.#once('uts_namespace', (o, at) => {
      o.set('uts_namespace', at, 'ns.inum', NS_INODES.uts);
      const names = { sysname: 'Linux', nodename: 'model', release: this.#release, machine: 'x86_64' };
      for (const [field, text] of Object.entries(names))
        o.bytes('uts_namespace', at, `name.${field}`, utf8Encode(text));
    });
  }

  #plain(struct: string, inode: number): number {
    return this.#once(struct, (o, at) => o.set(struct, at, 'ns.inum', inode));
  }

  #once(struct: string, fill: (objects: KernelObjects, at: number) => void): number {
    const known = this.#made.get(struct);
    if (known !== undefined) return known;
    const at = this.#objects.allocate(struct, FALLBACK);
    this.#made.set(struct, at);
    fill(this.#objects, at);
    return at;
  }
}
