/**
 * Maps of sockets: sockmap, sockhash (net/core/sock_map.c), reuseport_sockarray (kernel/bpf/reuseport_array.c), xskmap (net/xdp/xskmap.c). A slot
 * holds a socket's cookie, above 0; what a descriptor names the host says (`socketByFd`).
 */
import { checkArray } from './array.ts';
import { E2BIG, EBADF, EEXIST, EINVAL, ENOENT } from './errno.ts';
import {
  ACCESS_MASK,
  BPF_F_NUMA_NODE,
  BPF_F_RDONLY,
  BPF_F_WRONLY,
  checkFlags,
  checkSizes,
  type Refusal,
} from './flags.ts';
import { HashMap } from './hash.ts';
import { HEADER } from './layout.ts';
import { BPF_EXIST, BPF_NOEXIST, type MapAttrs, type MapHost, type MapTypeRow } from './map.ts';
import { MapBase } from './map-base.ts';

const S32_MAX = 0x7fffffff;

/** How the array types differ: in the order of their checks, and in what deleting an empty slot says. */
interface Rules {
  readonly typeId: number;
  /** Flags and index are looked at before the descriptor. */
  readonly slotFirst: boolean;
  /** Deleting beyond the end, and deleting an empty slot. */
  readonly deleteBeyond: number;
  readonly deleteEmpty: number;
  /** May user space look a socket's cookie up? */
  readonly readable: boolean;
}

/** The socket that a value names, or a negative errno. */
function socketOf(map: MapBase, valueOffset: number): number {
  const { view } = map.host.memory;
  const wide = map.attrs.valueSize === 8;
  const low = view.getUint32(valueOffset, true);
  if (wide && (view.getUint32(valueOffset + 4, true) !== 0 || low > S32_MAX)) return EINVAL;
  if (!wide && low > S32_MAX) return map.attrs.type === 'sockmap' || map.attrs.type === 'sockhash' ? EINVAL : EBADF;
  return map.host.socketByFd?.(map.attrs.type, low) ?? EBADF;
}

/** sockmap, reuseport_sockarray, xskmap: slots by index, 0 for none. */
export class SocketArrayMap extends MapBase {
  readonly #data: number;
  readonly #rules: Rules;

  constructor(attrs: MapAttrs, host: MapHost, rules: Rules) {
    super(attrs, rules.typeId, host, false);
    this.#rules = rules;
    this.#data = this.allocate(8 * attrs.maxEntries);
    this.setHeader(HEADER.ELEM_SIZE, 8);
    this.setHeader(HEADER.DATA, this.#data);
  }

  #index(keyOffset: number): number {
    return this.host.memory.view.getUint32(keyOffset, true);
  }

  #slot(index: number): number {
    return this.#data + 8 * index;
  }

  /** Programs get a socket where the slot has one. */
  lookupOffset(keyOffset: number): number {
    const index = this.#index(keyOffset);
    if (index >= this.attrs.maxEntries) return 0;
    const at = this.#slot(index);
    return this.host.memory.view.getUint32(at, true) === 0 ? 0 : at;
  }

  /** User space reads cookies, of maps with room for one. */
  override lookup(key: Uint8Array): Uint8Array | undefined {
    const keyOffset = this.keyIn(key);
    if (!this.#rules.readable || this.attrs.valueSize !== 8) return undefined;
    const at = this.lookupOffset(keyOffset);
    return at === 0 ? undefined : this.valueOut(at);
  }

  /** Programs put sockets by sock_map_update alone. */
  updateOffset(_keyOffset: number, _valueOffset: number, _flags: number): number {
    return EINVAL;
  }

  protected override updateUserOffset(keyOffset: number, valueOffset: number, flags: number): number {
    const index = this.#index(keyOffset);
    const slot = () => (flags > BPF_EXIST ? EINVAL : index >= this.attrs.maxEntries ? E2BIG : 0);
    if (this.#rules.slotFirst && slot() !== 0) return slot();
    const socket = socketOf(this, valueOffset);
    if (socket <= 0) return socket === 0 ? EBADF : socket;
    return slot() || this.put(index, socket, flags);
  }

  /** Put a socket into a slot: what sock_map_update does too. */
  put(index: number, socket: number, flags: number): number {
    const { view } = this.host.memory;
    const at = this.#slot(index);
    const had = view.getUint32(at, true);
    if (had !== 0 && had !== socket && flags === BPF_NOEXIST) return EEXIST;
    if (had === 0 && flags === BPF_EXIST) return ENOENT;
    view.setUint32(at, socket, true);
    if (had === 0) this.setHeader(HEADER.COUNT, this.count + 1);
    return 0;
  }

  deleteOffset(keyOffset: number): number {
    const index = this.#index(keyOffset);
    if (index >= this.attrs.maxEntries) return this.#rules.deleteBeyond;
    const { view } = this.host.memory;
    const at = this.#slot(index);
    if (view.getUint32(at, true) === 0) return this.#rules.deleteEmpty;
    view.setUint32(at, 0, true);
    this.setHeader(HEADER.COUNT, this.count - 1);
    return 0;
  }

  nextKey(key: Uint8Array | undefined): Uint8Array | undefined {
    const index = key === undefined ? 0xffffffff : this.#index(this.keyIn(key));
    if (index === this.attrs.maxEntries - 1) return undefined;
    const next = index >= this.attrs.maxEntries ? 0 : index + 1;
    return Uint8Array.of(next & 255, (next >>> 8) & 255, (next >>> 16) & 255, next >>> 24);
  }
}

export class SocketHashMap extends HashMap {
  constructor(attrs: MapAttrs, host: MapHost) {
    super(attrs, 18, host, false, host.cpus);
  }

  override updateOffset(_keyOffset: number, _valueOffset: number, _flags: number): number {
    return EINVAL;
  }

  /** bpf(2) has no such operation on it. */
  override lookupAndDelete(key: Uint8Array): undefined {
    this.keyIn(key);
  }

  override lookup(key: Uint8Array): Uint8Array | undefined {
    const value = super.lookup(key);
    return this.attrs.valueSize === 8 ? value : undefined;
  }

  protected override updateUserOffset(keyOffset: number, valueOffset: number, flags: number): number {
    const socket = socketOf(this, valueOffset);
    if (socket <= 0) return socket === 0 ? EBADF : socket;
    if (flags > BPF_EXIST) return EINVAL;
    const there = this.lookupOffset(keyOffset) !== 0;
    if (there && flags === BPF_NOEXIST) return EEXIST;
    if (!there && flags === BPF_EXIST) return ENOENT;
    const { view } = this.host.memory;
    view.setUint32(valueOffset, socket, true);
    if (this.attrs.valueSize === 8) view.setUint32(valueOffset + 4, 0, true);
    return this.store(keyOffset, valueOffset, 0, false);
  }
}

const FLAGS = BPF_F_NUMA_NODE | BPF_F_RDONLY | BPF_F_WRONLY;

/** A descriptor (4 bytes) or room for a cookie (8). */
function checkValue(attrs: MapAttrs): Refusal {
  return attrs.valueSize === 4 || attrs.valueSize === 8
    ? undefined
    : `EINVAL: value size of a ${attrs.type} map must be 4 or 8, not ${attrs.valueSize}`;
}

export const SOCKMAP = {
  id: 15,
  name: 'sockmap',
  since: '4.14',
  check: (attrs) =>
    checkSizes(attrs, { keySize: 4, maxEntries: 'some' }) ??
    (attrs.maxEntries > 0x7fffffff ? `EINVAL: max_entries ${attrs.maxEntries} is above 2^31 - 1` : undefined) ??
    checkValue(attrs) ??
    checkFlags(attrs, FLAGS),
  create: (attrs, host) =>
    new SocketArrayMap(attrs, host, {
      typeId: 15,
      slotFirst: false,
      deleteBeyond: EINVAL,
      deleteEmpty: EINVAL,
      readable: true,
    }),
} as const satisfies MapTypeRow;

export const SOCKHASH = {
  id: 18,
  name: 'sockhash',
  since: '4.18',
  check: (attrs) =>
    checkSizes(attrs, { keySize: 'some', maxEntries: 'some' }) ??
    checkValue(attrs) ??
    checkFlags(attrs, FLAGS) ??
    (attrs.keySize > 512 ? `E2BIG: a key of a sockhash map has at most 512 bytes, not ${attrs.keySize}` : undefined),
  create: (attrs, host) => new SocketHashMap(attrs, host),
} as const satisfies MapTypeRow;

export const REUSEPORT_SOCKARRAY = {
  id: 20,
  name: 'reuseport_sockarray',
  since: '4.19',
  check: (attrs) => checkValue(attrs) ?? checkArray(attrs),
  create: (attrs, host) =>
    new SocketArrayMap(attrs, host, {
      typeId: 20,
      slotFirst: true,
      deleteBeyond: E2BIG,
      deleteEmpty: ENOENT,
      readable: true,
    }),
} as const satisfies MapTypeRow;

/** AF_XDP sockets: targets of bpf_redirect_map. */
export const XSKMAP = {
  id: 17,
  name: 'xskmap',
  since: '4.18',
  check: (attrs) =>
    checkSizes(attrs, { keySize: 4, valueSize: 4, maxEntries: 'some' }) ??
    checkFlags(attrs, BPF_F_NUMA_NODE | (ACCESS_MASK & (BPF_F_RDONLY | BPF_F_WRONLY))),
  create: (attrs, host) =>
    new SocketArrayMap(attrs, host, {
      typeId: 17,
      slotFirst: true,
      deleteBeyond: EINVAL,
      deleteEmpty: 0,
      readable: false,
    }),
} as const satisfies MapTypeRow;
