/** Network addresses as inet_ntop(3) writes them. */

export function ipv4Text(bytes: Uint8Array): string {
  return bytes.subarray(0, 4).join('.');
}

/** RFC 5952: the longest run of zero groups (two at least, the first of equals) becomes `::`; IPv4-mapped addresses end dotted. */
export function ipv6Text(bytes: Uint8Array): string {
  if (bytes.subarray(0, 10).every((b) => b === 0) && bytes[10] === 0xff && bytes[11] === 0xff)
    return `::ffff:${ipv4Text(bytes.subarray(12))}`;
  const groups = Array.from({ length: 8 }, (_, i) => (bytes[2 * i]! << 8) | bytes[2 * i + 1]!);
  let [best, length] = [-1, 1];
  for (let i = 0; i < 8; i++) {
    let end = i;
    while (end < 8 && groups[end] === 0) end++;
    if (end - i > length) [best, length] = [i, end - i];
  }
  const hex = (part: readonly number[]) => part.map((n) => n.toString(16)).join(':');
  return best < 0 ? hex(groups) : `${hex(groups.slice(0, best))}::${hex(groups.slice(best + length))}`;
}
