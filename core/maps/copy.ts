/**
 * Copying and zeroing a few bytes. On a shared buffer `copyWithin`, `fill` and `set` cost some 100 ns however short the
 * range is, more than the rest of a map update: short ranges go word by word.
 */
import type { LinearMemory } from '../base/memory.ts';

/** Up to here a loop is quicker than the built-in. */
const SHORT = 160;

/** Copy `size` bytes; the ranges do not overlap, or only when `to` is not above `from`. */
export function copyBytes(memory: LinearMemory, to: number, from: number, size: number): void {
  if (size > SHORT) {
    memory.u8.copyWithin(to, from, from + size);
    return;
  }
  const { u8, i32 } = memory;
  let done = 0;
  if (((to | from) & 3) === 0) {
    const a = to >>> 2;
    const b = from >>> 2;
    const words = size >> 2;
    for (let i = 0; i < words; i++) i32[a + i] = i32[b + i]!;
    done = words << 2;
  }
  for (; done < size; done++) u8[to + done] = u8[from + done]!;
}

export function zeroBytes(memory: LinearMemory, at: number, size: number): void {
  const { u8 } = memory;
  if (size > SHORT) u8.fill(0, at, at + size);
  else for (let i = 0; i < size; i++) u8[at + i] = 0;
}
