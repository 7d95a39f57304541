/**
 * Stack areas in the linear memory: one per nesting level of runs, made when first needed, kept for the memory's life.
 * Areas are aligned to their size, so that a frame pointer tells how deep its frame is.
 */
import type { LinearMemory } from '../base/memory.ts';
import { MAX_NESTING, STACK_AREA } from './layout.ts';

export class StackAreas {
  readonly #memory: LinearMemory;
  readonly #areas: number[] = [];
  #depth = 0;

  constructor(memory: LinearMemory) {
    this.#memory = memory;
  }

  /** No run is under way. */
  get idle(): boolean {
    return this.#depth === 0;
  }

  /** The area that the next run gets when none is under way: for an engine whose run cannot be met by another before it has entered. */
  first(): number {
    return this.#areas[0] ?? this.#make();
  }

  /** Offset of the next area (STACK_AREA bytes), or 0 when runs are nested too deep. Pair with `leave`. */
  enter(): number {
    if (this.#depth >= MAX_NESTING) return 0;
    const base = this.#areas[this.#depth] ?? this.#make();
    this.#depth++;
    return base;
  }

  leave(): void {
    this.#depth--;
  }

  #make(): number {
    const base = this.#memory.alloc(STACK_AREA, STACK_AREA);
    this.#areas.push(base);
    return base;
  }
}

const areas = new WeakMap<LinearMemory, StackAreas>();

export function stackAreas(memory: LinearMemory): StackAreas {
  let found = areas.get(memory);
  if (!found) areas.set(memory, (found = new StackAreas(memory)));
  return found;
}
