/**
 * The hash of a map key, and comparing keys, both in 32-bit words over the linear memory. The function is written down
 * in layout.ts; the JIT and C++ compute the same. (The kernel uses jhash with a random seed: no program can know the
 * order.)
 */

/** Word `index` of a key of `size` bytes at `at` (any alignment), zero-padded past the end. */
function wordAt(u8: Uint8Array, at: number, index: number, size: number): number {
  const from = at + 4 * index;
  const left = size - 4 * index;
  let word = u8[from]!;
  if (left > 1) word |= u8[from + 1]! << 8;
  if (left > 2) word |= u8[from + 2]! << 16;
  if (left > 3) word |= u8[from + 3]! << 24;
  return word;
}

/** 32-bit hash (signed) of the `size` key bytes at offset `at`. */
export function hashKey(u8: Uint8Array, i32: Int32Array, at: number, size: number, seed: number): number {
  let h = seed ^ size;
  const whole = size >> 2;
  if ((at & 3) === 0) {
    const base = at >>> 2;
    for (let i = 0; i < whole; i++) {
      h = Math.imul(h ^ i32[base + i]!, 0x9e3779b1);
      h ^= h >>> 15;
    }
  } else {
    for (let i = 0; i < whole; i++) {
      h = Math.imul(h ^ wordAt(u8, at, i, size), 0x9e3779b1);
      h ^= h >>> 15;
    }
  }
  if ((size & 3) !== 0) {
    h = Math.imul(h ^ wordAt(u8, at, whole, size), 0x9e3779b1);
    h ^= h >>> 15;
  }
  h = Math.imul(h, 0x85ebca6b);
  return h ^ (h >>> 13);
}

/** Is the key of `size` bytes at `at` (any alignment) the one stored at `stored` (4-byte aligned)? */
export function sameKey(u8: Uint8Array, i32: Int32Array, at: number, stored: number, size: number): boolean {
  const whole = size >> 2;
  const b = stored >>> 2;
  if ((at & 3) === 0) {
    const a = at >>> 2;
    for (let i = 0; i < whole; i++) if (i32[a + i] !== i32[b + i]) return false;
    for (let i = whole << 2; i < size; i++) if (u8[at + i] !== u8[stored + i]) return false;
    return true;
  }
  for (let i = 0; i < size; i++) if (u8[at + i] !== u8[stored + i]) return false;
  return true;
}
