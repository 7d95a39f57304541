/**
 * The kernel's jhash (include/linux/jhash.h; Bob Jenkins's lookup3, public domain) over bytes of the linear memory:
 * stack ids and bloom filters are made of it, and user space can see both, so they are the kernel's numbers here too.
 */

const INITIAL = 0xdeadbeef | 0;

function rotate(x: number, by: number): number {
  return (x << by) | (x >>> (32 - by));
}

/** jhash of `size` bytes (jhash2 of size / 4 words is the same number), unsigned. */
export function jhash(view: DataView, at: number, size: number, seed: number): number {
  const start = (INITIAL + size + seed) | 0;
  let a = start;
  let b = start;
  let c = start;
  let left = size;
  let k = at;
  while (left > 12) {
    a = (a + view.getInt32(k, true)) | 0;
    b = (b + view.getInt32(k + 4, true)) | 0;
    c = (c + view.getInt32(k + 8, true)) | 0;
    a = (a - c) ^ rotate(c, 4);
    c = (c + b) | 0;
    b = (b - a) ^ rotate(a, 6);
    a = (a + c) | 0;
    c = (c - b) ^ rotate(b, 8);
    b = (b + a) | 0;
    a = (a - c) ^ rotate(c, 16);
    c = (c + b) | 0;
    b = (b - a) ^ rotate(a, 19);
    a = (a + c) | 0;
    c = (c - b) ^ rotate(b, 4);
    b = (b + a) | 0;
    left -= 12;
    k += 12;
  }
  if (left === 0) return c >>> 0;
  const tail = [0, 0, 0];
  for (let i = 0; i < left; i++) tail[i >> 2]! |= view.getUint8(k + i) << (8 * (i & 3));
  a = (a + tail[0]!) | 0;
  b = (b + tail[1]!) | 0;
  c = (c + tail[2]!) | 0;
  c = ((c ^ b) - rotate(b, 14)) | 0;
  a = ((a ^ c) - rotate(c, 11)) | 0;
  b = ((b ^ a) - rotate(a, 25)) | 0;
  c = ((c ^ b) - rotate(b, 16)) | 0;
  a = ((a ^ c) - rotate(c, 4)) | 0;
  b = ((b ^ a) - rotate(a, 14)) | 0;
  c = ((c ^ b) - rotate(b, 24)) | 0;
  return c >>> 0;
}
