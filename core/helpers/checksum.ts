/**
 * One's complement sums as the kernel keeps them (include/net/checksum.h): a 32-bit partial sum is folded to 16 bits
 * and inverted. Numbers are taken as they lie in memory, little-endian; the sum does not care.
 */

/** 32-bit sum with end-around carry. */
export function csumAdd(a: number, b: number): number {
  const sum = (a >>> 0) + (b >>> 0);
  return (sum > 0xffffffff ? sum + 1 : sum) >>> 0;
}

export function csumSub(a: number, b: number): number {
  return csumAdd(a, ~b);
}

/** 16 bits of a partial sum, not inverted (csum_from32to16). */
export function csumFold16(sum: number): number {
  const folded = (sum >>> 16) + (sum & 0xffff);
  return (folded + (folded >>> 16)) & 0xffff;
}

/** The checksum field of a partial sum (csum_fold). */
export function csumFold(sum: number): number {
  return ~csumFold16(sum) & 0xffff;
}

/** Sum of `size` bytes, a multiple of 4, on top of `seed` (csum_partial). */
export function csumPartial(view: DataView, at: number, size: number, seed: number): number {
  let sum = seed >>> 0;
  for (let i = 0; i < size; i += 4) sum = csumAdd(sum, view.getUint32(at + i, true));
  return sum;
}

/** A checksum field after `from` became `to` in what it covers. */
export function csumReplace(field: number, from: number, to: number): number {
  return csumFold(csumAdd(csumSub(~field & 0xffff, from), to));
}

/** A checksum field after what it covers changed by a difference (bpf_csum_diff's result). */
export function csumReplaceByDiff(field: number, difference: number): number {
  return csumFold(csumAdd(difference, ~field & 0xffff));
}
