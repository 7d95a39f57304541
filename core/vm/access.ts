/**
 * What a running program may touch. The interpreter keeps a *window* (first offset and limit) in which an access needs one
 * comparison; an access outside it comes here, and either moves the window or is a fault. The limit is the number of
 * offsets at which 8 bytes fit, biased by -2^31 so that a signed comparison orders unsigned distances: an access at `a` is
 * inside when ((a - lo) ^ 0x80000000) < limit. The last seven bytes of a window always take the way through here.
 *
 * A verified program's window is all mapped memory: it cannot be left except by a bug, and then the access faults
 * instead of reaching elsewhere. An unverified program's window is the last region it used: its stack, what the host
 * lists in `regions`, and the map values that helpers handed out.
 */
import { FIRST_MAPPED, KERNEL_HI, type LinearMemory } from '../base/memory.ts';
import { STACK_SIZE } from '../isa/ops.ts';
import type { MemoryRegion } from './engine.ts';
import { STACK_AREA } from './layout.ts';

const NOTHING = -2147483648;

function limitOf(bytes: number): number {
  return NOTHING + Math.max(0, bytes - 7);
}

export class AccessMap {
  readonly checked: boolean;
  readLo = FIRST_MAPPED;
  readLimit = NOTHING;
  writeLo = FIRST_MAPPED;
  writeLimit = NOTHING;
  readonly #memory: LinearMemory;
  /** What the host lists. */
  readonly #regions: readonly MemoryRegion[];
  /** What helpers handed out, by offset; made with the first. */
  #granted: Map<number, MemoryRegion> | undefined;
  /** Their offsets, ascending. */
  readonly #starts: number[] = [];
  /** What was handed out last: the likeliest to be touched next. */
  #recent: MemoryRegion | undefined;
  /** Active stack areas, innermost last. */
  readonly #stacks: { offset: number; size: number }[] = [];

  constructor(memory: LinearMemory, checked: boolean, regions: readonly MemoryRegion[]) {
    this.#memory = memory;
    this.checked = checked;
    this.#regions = regions;
    this.refresh();
  }

  /** The memory may have grown. */
  refresh(): void {
    if (this.checked) return;
    this.readLimit = this.writeLimit = limitOf(this.#memory.u8.length - FIRST_MAPPED);
  }

  /** A run or callback begins on a stack area with one frame. */
  enterStack(base: number): void {
    this.#stacks.push({ offset: base, size: STACK_SIZE });
  }

  leaveStack(): void {
    this.#stacks.pop();
    this.#forget();
  }

  /** Another frame of the innermost area becomes active, or inactive. */
  frames(active: number): void {
    this.#stacks[this.#stacks.length - 1]!.size = Math.min(STACK_AREA, active * STACK_SIZE);
    this.#forget();
  }

  /** A helper handed out these bytes. */
  grant(offset: number, size: number): void {
    const granted = (this.#granted ??= new Map());
    const known = granted.get(offset);
    if (known && known.size >= size) {
      this.#recent = known;
      return;
    }
    this.#recent = { offset, size, writable: true };
    granted.set(offset, this.#recent);
    if (!known) this.#starts.splice(this.#startsUpTo(offset), 0, offset);
  }

  /** How many of the regions handed out begin at an offset or before it. */
  #startsUpTo(offset: number): number {
    let low = 0;
    let high = this.#starts.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#starts[middle]! <= offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** May `size` bytes at (lo, hi) be touched? Moves the window over the region that allows it. */
  allows(lo: number, hi: number, size: number, write: boolean): boolean {
    if (hi !== KERNEL_HI) return false;
    const at = lo >>> 0;
    if (!this.checked) {
      this.refresh();
      return at >= FIRST_MAPPED && at + size <= this.#memory.u8.length;
    }
    for (let i = this.#stacks.length - 1; i >= 0; i--) {
      const stack = this.#stacks[i]!;
      if (at >= stack.offset && at + size <= stack.offset + stack.size) {
        this.#open(stack.offset, stack.size, true);
        return true;
      }
    }
    if (this.#recent && this.#opens(this.#recent, at, size, write)) return true;
    for (const region of this.#regions) if (this.#opens(region, at, size, write)) return true;
    const granted = this.#granted;
    if (!granted) return false;
    const start = this.#starts[this.#startsUpTo(at) - 1];
    if (start !== undefined && this.#opens(granted.get(start)!, at, size, write)) return true;
    // What was handed out may overlap: one that begins earlier may reach farther. On the way to a fault time is no matter.
    for (const region of granted.values()) if (this.#opens(region, at, size, write)) return true;
    return false;
  }

  /** Are these bytes the region's? Then the window moves over it. */
  #opens(region: MemoryRegion, at: number, size: number, write: boolean): boolean {
    if (at < region.offset || at + size > region.offset + region.size || (write && !region.writable)) return false;
    this.#open(region.offset, region.size, region.writable);
    return true;
  }

  #open(offset: number, size: number, writable: boolean): void {
    this.readLo = offset | 0;
    this.readLimit = limitOf(size);
    if (!writable) return;
    this.writeLo = offset | 0;
    this.writeLimit = limitOf(size);
  }

  #forget(): void {
    if (this.checked) this.readLimit = this.writeLimit = NOTHING;
  }
}
