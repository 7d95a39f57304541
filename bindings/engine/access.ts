/**
 * What an unverified program may touch, for C++ to see: core/vm/access.ts is asked about the arguments of helpers, and the same
 * regions go to the linear memory as a table that the engine's loop searches when an access leaves its window.
 */
import type { LinearMemory } from '../../core/base/memory.ts';
import { STACK_SIZE } from '../../core/isa/ops.ts';
import { AccessMap } from '../../core/vm/access.ts';
import type { MemoryRegion } from '../../core/vm/engine.ts';

export class NativeAccess extends AccessMap {
  /** Rows of the table: what the host lists, then what helpers handed out. Only ever grows. */
  readonly rows: MemoryRegion[];
  /** What a helper handed out last: the likeliest to be touched next. */
  recent: MemoryRegion | undefined;
  /** Active stack areas, innermost last. */
  readonly areas: { readonly offset: number; size: number; readonly writable: true }[] = [];
  /** Handed out, by offset. */
  readonly #granted = new Map<number, MemoryRegion>();

  constructor(memory: LinearMemory, regions: readonly MemoryRegion[]) {
    super(memory, true, regions);
    this.rows = [...regions];
  }

  /** May it serve another run, to which the host lists these regions? Not when a helper handed something out. */
  serves(regions: readonly MemoryRegion[]): boolean {
    const { rows } = this;
    if (this.recent || this.areas.length > 0 || rows.length !== regions.length) return false;
    for (let i = 0; i < rows.length; i++) {
      const [a, b] = [rows[i]!, regions[i]!];
      if (a.offset !== b.offset || a.size !== b.size || a.writable !== b.writable) return false;
    }
    return true;
  }

  override enterStack(base: number): void {
    super.enterStack(base);
    this.areas.push({ offset: base, size: STACK_SIZE, writable: true });
  }

  override leaveStack(): void {
    super.leaveStack();
    this.areas.pop();
  }

  override frames(active: number): void {
    super.frames(active);
    this.areas[this.areas.length - 1]!.size = active * STACK_SIZE;
  }

  override grant(offset: number, size: number): void {
    const known = this.#granted.get(offset);
    if (known && known.size >= size) {
      this.recent = known;
      return;
    }
    super.grant(offset, size);
    this.recent = { offset, size, writable: true };
    this.#granted.set(offset, this.recent);
    this.rows.push(this.recent);
  }
}
