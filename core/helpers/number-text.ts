/**
 * Numbers as text for format.ts: 64-bit values in halves, and the field rules of the kernel's `number()`
 * (lib/vsprintf.c).
 */

/** What stands between % and the conversion. `width` is -1 when absent. */
export interface Field {
  readonly left: boolean;
  readonly plus: boolean;
  readonly space: boolean;
  readonly zero: boolean;
  readonly width: number;
}

/** Digits of an unsigned 64-bit number. */
export function digits(lo: number, hi: number, base: 10 | 16): string {
  const high = hi >>> 0;
  const low = lo >>> 0;
  if (high < 0x200000) return (high * 0x100000000 + low).toString(base);
  if (base === 16) return high.toString(16) + low.toString(16).padStart(8, '0');
  return ((BigInt(high) << 32n) | BigInt(low)).toString();
}

/** A number in its field. `signed`: the halves are a signed 64-bit number. */
export function numberText(
  lo: number,
  hi: number,
  kind: { readonly base: 10 | 16; readonly signed: boolean; readonly upper: boolean },
  field: Field,
): string {
  let sign = '';
  if (kind.signed) {
    if (hi < 0) {
      sign = '-';
      hi = lo === 0 ? -hi | 0 : ~hi;
      lo = -lo | 0;
    } else if (field.plus) sign = '+';
    else if (field.space) sign = ' ';
  }
  const text = digits(lo, hi, kind.base);
  const body = kind.upper ? text.toUpperCase() : text;
  const pad = Math.max(0, field.width - sign.length - body.length);
  if (field.left) return sign + body + ' '.repeat(pad);
  return field.zero ? sign + '0'.repeat(pad) + body : ' '.repeat(pad) + sign + body;
}

/** A string in its field (zero padding does not apply). */
export function textField(text: string, field: Field): string {
  return field.left ? text.padEnd(field.width) : text.padStart(field.width);
}

/** `1.2.3.4`, or `001.002.003.004` (`padded`: %pi4). */
export function ipv4Text(bytes: Uint8Array, padded: boolean): string {
  return [...bytes].map((b) => (padded ? b.toString().padStart(3, '0') : b.toString())).join('.');
}

/** `0001:0203:...:0e0f` in full, or 32 digits without colons (`plain`: %pi6). */
export function ipv6Text(bytes: Uint8Array, plain: boolean): string {
  const groups: string[] = [];
  for (let i = 0; i < 16; i += 2) groups.push(((bytes[i]! << 8) | bytes[i + 1]!).toString(16).padStart(4, '0'));
  return groups.join(plain ? '' : ':');
}
