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
  readonly #regions: MemoryRegion[];
  /** Active stack areas, innermost last. */
  readonly #stacks: { offset: number; size: number }[] = [];

  constructor(memory: LinearMemory, checked: boolean, regions: readonly MemoryRegion[]) {
    this.#memory = memory;
    this.checked = checked;
    this.#regions = [...regions];
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
    if (this.#regions.some((r) => r.offset === offset && r.size === size && r.writable)) return;
    this.#regions.push({ offset, size, writable: true });
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
    for (const region of this.#regions) {
      if (at < region.offset || at + size > region.offset + region.size || (write && !region.writable)) continue;
      this.#open(region.offset, region.size, region.writable);
      return true;
    }
    return false;
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
