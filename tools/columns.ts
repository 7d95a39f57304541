/** What stands in the tools' cells: times of day, network addresses as inet_ntop(3) writes them; and the -D flags of filters. */

/** The wall clock's HH:MM:SS. */
export function timeOfDay(now = new Date()): string {
  return [now.getHours(), now.getMinutes(), now.getSeconds()].map((n) => String(n).padStart(2, '0')).join(':');
}

export function ipv4(bytes: Uint8Array): string {
  return bytes.subarray(0, 4).join('.');
}

/** RFC 5952: the longest run of zero groups (two at least, the first of equals) becomes `::`; IPv4-mapped addresses end dotted. */
export function ipv6(bytes: Uint8Array): string {
  if (bytes.subarray(0, 10).every((b) => b === 0) && bytes[10] === 0xff && bytes[11] === 0xff)
    return `::ffff:${ipv4(bytes.subarray(12))}`;
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

/** `-D` flags for the filters that were given. */
export function defines(values: Readonly<Record<string, number | boolean | undefined>>): string[] {
  return Object.entries(values).flatMap(([name, value]) =>
    value === undefined || value === false ? [] : [`-D${name}=${value === true ? 1 : value}`],
  );
}
