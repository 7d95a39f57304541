/**
 * What an unverified program may touch, for C++ to see: core/vm/access.ts is asked about the arguments of helpers, and the same
 * regions go to the linear memory as a table that the engine's loop searches when an access leaves its window.
 */
import type { LinearMemory } from '../../core/base/memory.ts';
import { STACK_SIZE } from '../../core/isa/ops.ts';
import { AccessMap } from '../../core/vm/access.ts';
import type { MemoryRegion } from '../../core/vm/engine.ts';

export class NativeAccess extends AccessMap {
  /** Changes when the table does. */
  version = 0;
  readonly #listed: MemoryRegion[];
  readonly #areas: { readonly offset: number; size: number }[] = [];

  constructor(memory: LinearMemory, regions: readonly MemoryRegion[]) {
    super(memory, true, regions);
    this.#listed = [...regions];
  }

  override enterStack(base: number): void {
    super.enterStack(base);
    this.#areas.push({ offset: base, size: STACK_SIZE });
    this.version++;
  }

  override leaveStack(): void {
    super.leaveStack();
    this.#areas.pop();
    this.version++;
  }

  override frames(active: number): void {
    super.frames(active);
    this.#areas[this.#areas.length - 1]!.size = active * STACK_SIZE;
  }

  override grant(offset: number, size: number): void {
    super.grant(offset, size);
    if (this.#listed.some((r) => r.offset === offset && r.size === size && r.writable)) return;
    this.#listed.push({ offset, size, writable: true });
    this.version++;
  }

  /** Rows of the table: the stacks of surrounding runs (the innermost area is known to C++), then the regions. */
  *rows(): Iterable<MemoryRegion> {
    for (let i = this.#areas.length - 2; i >= 0; i--) yield { ...this.#areas[i]!, writable: true };
    yield* this.#listed;
  }

  get length(): number {
    return this.#listed.length + Math.max(0, this.#areas.length - 1);
  }
}
