/**
 * What every map type needs: a header in the linear memory (layout.ts), scratch space through which user-space bytes
 * become offsets, the update-flag rules of bpf(2), frozen and read-only maps.
 *
 * Subclasses implement the program side on offsets; the user-space side here copies bytes in and out around it.
 */
import { alignUp } from '../base/bytes.ts';
import { BpfError } from '../base/errors.ts';
import { copyBytes, zeroBytes } from './copy.ts';
import { EINVAL, ENOTSUPP, EPERM } from './errno.ts';
import { BPF_F_RDONLY } from './flags.ts';
import { HEADER, HEADER_SIZE } from './layout.ts';
import { BPF_EXIST, BPF_F_LOCK, type BpfMap, type MapAttrs, type MapHost } from './map.ts';

export abstract class MapBase implements BpfMap {
  readonly attrs: MapAttrs;
  readonly host: MapHost;
  readonly offset: number;
  /** Bytes of one value as bpf(2) sees it: all CPUs' values of a per-CPU map. */
  readonly userValueSize: number;
  /** Bytes from one CPU's value to the next; 0 when values are shared. */
  readonly cpuStride: number;
  readonly #scratchKey: number;
  readonly #scratchValue: number;
  readonly #blocks: { offset: number; size: number }[] = [];
  #frozen = false;
  #closed = false;

  /** Memory for the header, and for one key and one value of scratch. Throws BpfError ENOMEM. */
  constructor(attrs: MapAttrs, typeId: number, host: MapHost, perCpu: boolean) {
    this.attrs = attrs;
    this.host = host;
    this.cpuStride = perCpu ? alignUp(attrs.valueSize, 8) : 0;
    this.userValueSize = perCpu ? this.cpuStride * host.cpus : attrs.valueSize;
    this.offset = this.allocate(HEADER_SIZE, 64);
    this.#scratchKey = this.allocate(alignUp(Math.max(attrs.keySize, 1), 8));
    this.#scratchValue = this.allocate(alignUp(Math.max(this.userValueSize, 1), 8));
    this.setHeader(HEADER.TYPE, typeId);
    this.setHeader(HEADER.KEY_SIZE, attrs.keySize);
    this.setHeader(HEADER.VALUE_SIZE, attrs.valueSize);
    this.setHeader(HEADER.MAX_ENTRIES, attrs.maxEntries);
    this.setHeader(HEADER.FLAGS, attrs.flags ?? 0);
    this.setHeader(HEADER.CPUS, host.cpus);
    this.setHeader(HEADER.CPU_STRIDE, this.cpuStride);
  }

  get flags(): number {
    return this.attrs.flags ?? 0;
  }

  get count(): number {
    return this.header(HEADER.COUNT);
  }

  /** A header field, unsigned. */
  protected header(field: number): number {
    return this.host.memory.i32[(this.offset + field) >>> 2]! >>> 0;
  }

  protected setHeader(field: number, value: number): void {
    this.host.memory.i32[(this.offset + field) >>> 2] = value;
  }

  /** Zeroed memory that `close` gives back. */
  protected allocate(size: number, align = 8): number {
    const offset = this.host.memory.alloc(size, align);
    this.#blocks.push({ offset, size });
    return offset;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const block of this.#blocks.reverse()) this.host.memory.free(block.offset, block.size);
  }

  abstract lookupOffset(keyOffset: number): number;
  abstract updateOffset(keyOffset: number, valueOffset: number, flags: number): number;
  abstract deleteOffset(keyOffset: number): number;
  abstract nextKey(key: Uint8Array | undefined): Uint8Array | undefined;

  /** Offset of all CPUs' values (or the value) of a key, for bpf(2): where `lookup` copies from. 0 if there is none. */
  protected lookupUserOffset(keyOffset: number): number {
    return this.lookupOffset(keyOffset);
  }

  /** Store from user space: `valueOffset` has `userValueSize` bytes. */
  protected updateUserOffset(keyOffset: number, valueOffset: number, flags: number): number {
    return this.updateOffset(keyOffset, valueOffset, flags);
  }

  lookup(key: Uint8Array): Uint8Array | undefined {
    const at = this.lookupUserOffset(this.keyIn(key));
    return at === 0 ? undefined : this.valueOut(at);
  }

  update(key: Uint8Array, value: Uint8Array, flags: number): number {
    const refused = this.refuseUserWrite();
    if (refused !== 0) return refused;
    if ((flags & BPF_F_LOCK) !== 0 && this.attrs.spinLock === undefined) return EINVAL;
    return this.updateUserOffset(this.keyIn(key), this.valueIn(value), flags);
  }

  delete(key: Uint8Array): number {
    const refused = this.refuseUserWrite();
    if (refused !== 0) return refused;
    return this.deleteOffset(this.keyIn(key));
  }

  freeze(): number {
    this.#frozen = true;
    return 0;
  }

  /** -EPERM for user-space writes to a frozen or BPF_F_RDONLY map, else 0. */
  protected refuseUserWrite(): number {
    return this.#frozen || (this.flags & BPF_F_RDONLY) !== 0 ? EPERM : 0;
  }

  /** Copy a key from user space to scratch memory. Throws BpfError EINVAL when it has the wrong length. */
  protected keyIn(key: Uint8Array): number {
    if (key.length !== this.attrs.keySize) {
      throw new BpfError('EINVAL', `map ${this.attrs.name}: a key has ${this.attrs.keySize} bytes, not ${key.length}`);
    }
    this.host.memory.u8.set(key, this.#scratchKey);
    return this.#scratchKey;
  }

  /** The same for a value: `userValueSize` bytes. */
  protected valueIn(value: Uint8Array): number {
    if (value.length !== this.userValueSize) {
      const cpus = this.cpuStride > 0 ? ` (${this.host.cpus} CPUs of ${this.cpuStride})` : '';
      throw new BpfError(
        'EINVAL',
        `map ${this.attrs.name}: a value has ${this.userValueSize} bytes${cpus}, not ${value.length}`,
      );
    }
    this.host.memory.u8.set(value, this.#scratchValue);
    return this.#scratchValue;
  }

  protected valueOut(at: number): Uint8Array {
    const out = this.bytes(at, this.userValueSize);
    const lock = this.attrs.spinLock;
    if (lock !== undefined) out.fill(0, lock, lock + 4);
    for (const { offset, size } of this.attrs.special ?? [])
      for (let value = offset; value < out.length; value += this.cpuStride || out.length)
        out.fill(0, value, value + size);
    return out;
  }

  /** A copy of bytes in the linear memory (which is shared: never hand out views of it). */
  protected bytes(at: number, size: number): Uint8Array {
    const out = new Uint8Array(size);
    out.set(this.host.memory.u8.subarray(at, at + size));
    return out;
  }

  /** Copy one value; a spin lock in it stays as it is at the destination (copy_map_value). */
  protected copyValue(to: number, from: number, size = this.attrs.valueSize): void {
    const { memory } = this.host;
    const lock = this.attrs.spinLock;
    if (lock === undefined) {
      copyBytes(memory, to, from, size);
    } else {
      copyBytes(memory, to, from, lock);
      copyBytes(memory, to + lock + 4, from + lock + 4, size - lock - 4);
    }
    this.emptySpecial(to);
  }

  /** What lies in a value's special fields is let go of (bpf_obj_free_fields): a timer whose handle is gone never fires. */
  protected emptySpecial(value: number): void {
    const { special } = this.attrs;
    if (special) for (const { offset, size } of special) zeroBytes(this.host.memory, value + offset, size);
  }

  /** -EINVAL for flags that update does not know, or BPF_F_LOCK without a lock in the value; else 0. */
  protected checkUpdateFlags(flags: number): number {
    if (flags > (BPF_EXIST | BPF_F_LOCK) || (flags & ~BPF_F_LOCK) > BPF_EXIST) return EINVAL;
    if ((flags & BPF_F_LOCK) !== 0 && this.attrs.spinLock === undefined) return EINVAL;
    return 0;
  }

  /** -ENOTSUPP: what bpf(2) answers for an operation that a type lacks. */
  protected notSupported(): number {
    return ENOTSUPP;
  }
}
