/**
 * Open files: struct file, path, dentry and inode objects made from what the source says of a file descriptor. Dentries form the
 * real tree (d_parent up to "/"), because tools walk it to print a path.
 *
 * Objects are made when a hook needs them and kept, up to a limit, by what identifies them: a dentry by its path, a file by task
 * group and descriptor. Names longer than a dentry's inline array live in bytes of their own, as in the kernel.
 */
import { utf8Encode } from '../base/bytes.ts';
import { kernelAddress } from '../base/memory.ts';
import type { KernelObjects } from './objects.ts';
import type { FdFacts } from './source.ts';

/** S_IF* (include/uapi/linux/stat.h) with the permissions that the model gives each kind. */
const MODE: Record<FdFacts['kind'], number> = {
  file: 0o100644,
  dir: 0o040755,
  socket: 0o140777,
  pipe: 0o010600,
  char: 0o020666,
  other: 0o000600,
};
/** Filesystem that a kind lives in: name and magic (include/uapi/linux/magic.h). */
const FILESYSTEM: Record<FdFacts['kind'], readonly [string, number]> = {
  file: ['ext4', 0xef53],
  dir: ['ext4', 0xef53],
  socket: ['sockfs', 0x534f434b],
  pipe: ['pipefs', 0x50495045],
  char: ['devtmpfs', 0x01021994],
  other: ['anon_inodefs', 0x09041934],
};
/** FMODE_READ, FMODE_WRITE (include/linux/fs.h). */
const FMODE = [1, 2, 3, 3] as const;
const MOST_FILES = 1024;
const FALLBACK = 512;

interface Dentry {
  readonly object: number;
  readonly inode: number;
  /** Own bytes of a long name. */
  readonly name: { readonly offset: number; readonly size: number } | undefined;
}

export interface OpenFile {
  /** Offset of its struct file. */
  readonly object: number;
  readonly dentry: number;
  readonly inode: number;
  readonly path: string;
  readonly kind: FdFacts['kind'];
}

export class Files {
  #objects: KernelObjects;
  #files = new Map<string, OpenFile>();
  #dentries = new Map<string, Dentry>();
  #supers = new Map<string, number>();

  constructor(objects: KernelObjects) {
    this.#objects = objects;
  }

  /** The open file behind a descriptor of a task group. `flags` are open(2)'s, where known. */
  file(tgid: number, fd: number, facts: FdFacts, flags = 0): OpenFile {
    const key = `${tgid}:${fd}`;
    const known = this.#files.get(key);
    if (known && known.path === facts.path && known.kind === facts.kind) return known;
    if (known) this.close(tgid, fd);
    if (this.#files.size >= MOST_FILES) this.#evict();
    const dentry = this.#dentry(facts.path, facts.kind, facts.inode);
    const o = this.#objects;
    const object = o.allocate('file', FALLBACK);
    o.point('file', object, 'f_path.dentry', dentry.object);
    o.point('file', object, 'f_inode', dentry.inode);
    o.set('file', object, 'f_flags', flags);
    o.set('file', object, 'f_mode', FMODE[flags & 3]!);
    const file = { object, dentry: dentry.object, inode: dentry.inode, path: facts.path, kind: facts.kind };
    this.#files.set(key, file);
    return file;
  }

  /** The descriptor is closed: its struct file is freed (the dentry stays cached). */
  close(tgid: number, fd: number): void {
    const key = `${tgid}:${fd}`;
    const file = this.#files.get(key);
    if (!file) return;
    this.#files.delete(key);
    this.#objects.free('file', file.object, FALLBACK);
  }

  /** The task group is gone with all its descriptors. */
  closeAll(tgid: number): void {
    for (const key of [...this.#files.keys()])
      if (key.startsWith(`${tgid}:`)) this.close(tgid, Number(key.slice(key.indexOf(':') + 1)));
  }

  /** Offset of the dentry of an absolute path, made with its parents. */
  dentry(
    path: string,
    kind: FdFacts['kind'] = 'file',
    inode?: number,
  ): { readonly object: number; readonly inode: number } {
    return this.#dentry(path, kind, inode);
  }

  #dentry(path: string, kind: FdFacts['kind'], inode: number | undefined): Dentry {
    const known = this.#dentries.get(path);
    if (known) return known;
    const o = this.#objects;
    const object = o.allocate('dentry', FALLBACK);
    const inodeObject = o.allocate('inode', FALLBACK);
    const [parentPath, name] = split(path);
    const bytes = utf8Encode(name);
    const inline = o.find('dentry', 'd_iname')?.size ?? 0;
    let ownName: Dentry['name'];
    if (bytes.length < inline) {
      o.bytes('dentry', object, 'd_iname', bytes);
      o.point('dentry', object, 'd_name.name', o.inside('dentry', object, 'd_iname'));
    } else {
      ownName = { offset: o.memory.alloc(bytes.length + 1), size: bytes.length + 1 };
      o.memory.u8.set(bytes, ownName.offset);
      o.point('dentry', object, 'd_name.name', ownName.offset);
    }
    o.set('dentry', object, 'd_name.len', bytes.length);
    o.point('dentry', object, 'd_inode', inodeObject);
    const superblock = this.#superblock(kind);
    o.point('dentry', object, 'd_sb', superblock);
    o.point('inode', inodeObject, 'i_sb', superblock);
    o.set('inode', inodeObject, 'i_mode', MODE[kind]);
    o.set('inode', inodeObject, 'i_ino', inode ?? 0);
    o.set('inode', inodeObject, 'i_nlink', 1);
    const entry: Dentry = { object, inode: inodeObject, name: ownName };
    this.#dentries.set(path, entry);
    const parent = parentPath === undefined ? object : this.#dentry(parentPath, 'dir', undefined).object;
    o.point('dentry', object, 'd_parent', parent);
    return entry;
  }

  #superblock(kind: FdFacts['kind']): number {
    const [name, magic] = FILESYSTEM[kind];
    const known = this.#supers.get(name);
    if (known !== undefined) return known;
    const o = this.#objects;
    const at = o.allocate('super_block', FALLBACK * 4);
    this.#supers.set(name, at);
    const type = o.allocate('file_system_type', FALLBACK);
    const bytes = utf8Encode(name);
    const text = o.memory.alloc(bytes.length + 1);
    o.memory.u8.set(bytes, text);
    o.point('file_system_type', type, 'name', text);
    o.point('super_block', at, 's_type', type);
    o.set('super_block', at, 's_magic', magic);
    o.set('super_block', at, 's_dev', this.#supers.size);
    o.bytes('super_block', at, 's_id', bytes);
    return at;
  }

  /** Forget the file that was made first, and every dentry that then has no file (their parents stay). */
  #evict(): void {
    const oldest = this.#files.keys().next().value!;
    const file = this.#files.get(oldest)!;
    this.#files.delete(oldest);
    this.#objects.free('file', file.object, FALLBACK);
    for (const other of this.#files.values()) if (other.path === file.path) return;
    const dentry = this.#dentries.get(file.path);
    if (!dentry || file.kind === 'dir') return;
    this.#dentries.delete(file.path);
    if (dentry.name) this.#objects.memory.free(dentry.name.offset, dentry.name.size);
    this.#objects.free('inode', dentry.inode, FALLBACK);
    this.#objects.free('dentry', dentry.object, FALLBACK);
  }

  /** Kernel address of a struct path inside a struct file. */
  pathAddress(file: OpenFile): bigint {
    return kernelAddress(file.object + (this.#objects.find('file', 'f_path')?.offset ?? 0));
  }
}

/** Parent and last name of a path. Names that are no paths (`socket:[7]`) and "/" have no parent. */
function split(path: string): [string | undefined, string] {
  if (path === '/' || !path.startsWith('/')) return [undefined, path];
  const at = path.lastIndexOf('/');
  return [at === 0 ? '/' : path.slice(0, at), path.slice(at + 1)];
}
