/**
 * Arrays of kernel objects: prog_array, perf_event_array, cgroup_array (the fd arrays of kernel/bpf/arraymap.c). User
 * space stores a file descriptor and the slot holds what it names, as a u32 (0: empty). Programs cannot look them up,
 * update or delete.
 */
import { alignUp } from '../base/bytes.ts';
import { checkArray } from './array.ts';
import { E2BIG, EINVAL, ENOENT } from './errno.ts';
import { BPF_F_PRESERVE_ELEMS, BPF_F_RDONLY_PROG, BPF_F_WRONLY_PROG, type Refusal } from './flags.ts';
import { HEADER } from './layout.ts';
import type { MapAttrs, MapHost } from './map.ts';
import { MapBase } from './map-base.ts';

export abstract class FdArrayMap extends MapBase {
  readonly data: number;

  constructor(attrs: MapAttrs, typeId: number, host: MapHost) {
    super(attrs, typeId, host, false);
    this.data = this.allocate(alignUp(attrs.maxEntries * 4, 8));
    this.setHeader(HEADER.ELEM_SIZE, 4);
    this.setHeader(HEADER.DATA, this.data);
  }

  /** What goes into the slot for a file descriptor: above 0, or a negative errno. */
  protected abstract take(fd: number): number;
  /** What user space reads back of a slot, or undefined when the type does not tell. */
  protected abstract show(slot: number): number | undefined;
  /** The slot's object is let go. */
  protected release(_slot: number): void {}

  protected index(keyOffset: number): number {
    return this.host.memory.view.getUint32(keyOffset, true);
  }

  /** What slot `index` holds: 0 for empty or out of range. */
  slot(index: number): number {
    if (index < 0 || index >= this.attrs.maxEntries) return 0;
    return this.host.memory.i32[(this.data >>> 2) + index]! >>> 0;
  }

  lookupOffset(_keyOffset: number): number {
    return 0;
  }

  updateOffset(_keyOffset: number, _valueOffset: number, _flags: number): number {
    return EINVAL;
  }

  deleteOffset(_keyOffset: number): number {
    return EINVAL;
  }

  override lookup(key: Uint8Array): Uint8Array | undefined {
    const slot = this.slot(this.index(this.keyIn(key)));
    const shown = slot === 0 ? undefined : this.show(slot);
    if (shown === undefined) return undefined;
    const out = new Uint8Array(4);
    new DataView(out.buffer).setUint32(0, shown, true);
    return out;
  }

  protected override updateUserOffset(keyOffset: number, valueOffset: number, flags: number): number {
    if (flags !== 0) return EINVAL;
    const index = this.index(keyOffset);
    if (index >= this.attrs.maxEntries) return E2BIG;
    const taken = this.take(this.host.memory.view.getInt32(valueOffset, true));
    if (taken < 0) return taken;
    this.put(index, taken);
    return 0;
  }

  /** Store into a slot (below max_entries), letting go of what was there. */
  protected put(index: number, value: number): void {
    const at = (this.data >>> 2) + index;
    const old = this.host.memory.i32[at]! >>> 0;
    this.host.memory.i32[at] = value;
    this.setHeader(HEADER.COUNT, this.count + (value === 0 ? 0 : 1) - (old === 0 ? 0 : 1));
    if (old !== 0) this.release(old);
  }

  override delete(key: Uint8Array): number {
    const refused = this.refuseUserWrite();
    if (refused !== 0) return refused;
    const index = this.index(this.keyIn(key));
    if (index >= this.attrs.maxEntries) return E2BIG;
    if (this.slot(index) === 0) return ENOENT;
    this.put(index, 0);
    return 0;
  }

  nextKey(key: Uint8Array | undefined): Uint8Array | undefined {
    const index = key === undefined ? 0xffffffff : this.index(this.keyIn(key));
    if (index === this.attrs.maxEntries - 1) return undefined;
    const out = new Uint8Array(4);
    new DataView(out.buffer).setUint32(0, index >= this.attrs.maxEntries ? 0 : index + 1, true);
    return out;
  }
}

/** fd_array_map_alloc_check: 4-byte values, no program-side access flags. */
export function checkFdArray(attrs: MapAttrs, flags = 0): Refusal {
  if (attrs.valueSize !== 4) return `EINVAL: value size of a ${attrs.type} map must be 4, not ${attrs.valueSize}`;
  if (((attrs.flags ?? 0) & (BPF_F_RDONLY_PROG | BPF_F_WRONLY_PROG)) !== 0) {
    return `EINVAL: a ${attrs.type} map takes no program-side access flags`;
  }
  return checkArray(attrs, flags & BPF_F_PRESERVE_ELEMS);
}
