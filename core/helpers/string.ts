/**
 * Strings and numbers. Signatures: kernel/bpf/helpers.c.
 */
import { EINVAL, ERANGE } from '../maps/errno.ts';
import type { HelperEnv, HelperRow, RegFile } from './helper.ts';
import { returnNumber, u32, u64 } from './registers.ts';

const U64_MAX = 2n ** 64n - 1n;

/** strncmp of `size` bytes and a NUL-terminated string: the sign of the first difference. */
function strncmp(env: HelperEnv, r: RegFile) {
  const { u8 } = env.memory;
  const [a, size, b] = [u32(r, 1), u32(r, 2), u32(r, 3)];
  for (let i = 0; i < size; i++) {
    const [x, y] = [u8[a + i]!, u8[b + i]!];
    if (x !== y) return returnNumber(r, x < y ? -1 : 1);
    if (x === 0) break;
  }
  returnNumber(r, 0);
}

function digitOf(c: number): number {
  if (c >= 48 && c <= 57) return c - 48;
  const letter = c | 32;
  return letter >= 97 && letter <= 102 ? letter - 87 : 16;
}

/**
 * Read a number: optional white space, a minus, digits in base 8, 10, 16, or (0) as the prefix says. How many
 * characters were used, or a negative errno. Not a hot path: the value is a bigint.
 */
function parse(
  u8: Uint8Array,
  at: number,
  size: number,
  flags: number,
): { used: number; negative: boolean; value: bigint } {
  const fail = (errno: number) => ({ used: errno, negative: false, value: 0n });
  let base = flags;
  if (size === 0 || ![0, 8, 10, 16].includes(base)) return fail(EINVAL);
  let i = 0;
  const isSpace = (c: number) => c === 32 || (c >= 9 && c <= 13) || c === 160;
  while (i < size && isSpace(u8[at + i]!)) i++;
  const negative = i < size && u8[at + i] === 45;
  if (negative) i++;
  if (i >= size) return fail(EINVAL);
  // The kernel copies at most 63 characters of what is left, and stops at a NUL.
  const end = Math.min(size, i + 63);
  const char = (k: number) => (k < end ? u8[at + k]! : 0);
  const hexPrefix = char(i) === 48 && (char(i + 1) | 32) === 120;
  if (base === 0) base = hexPrefix && digitOf(char(i + 2)) < 16 ? 16 : char(i) === 48 ? 8 : 10;
  if (base === 16 && hexPrefix) i += 2;
  const first = i;
  let value = 0n;
  for (; digitOf(char(i)) < base && i < end; i++) {
    value = value * BigInt(base) + BigInt(digitOf(char(i)));
    if (value > U64_MAX) return fail(ERANGE);
  }
  return i === first ? fail(EINVAL) : { used: i, negative, value };
}

function strto(signed: boolean) {
  return (env: HelperEnv, r: RegFile) => {
    const { u8, view } = env.memory;
    const to = u32(r, 4);
    view.setBigInt64(to, 0n, true);
    const { used, negative, value } = parse(u8, u32(r, 1), u32(r, 2), u64(r, 3));
    if (used < 0) return returnNumber(r, used);
    if (signed) {
      const inRange = negative ? value <= 2n ** 63n : value < 2n ** 63n;
      if (!inRange) return returnNumber(r, ERANGE);
    } else if (negative) return returnNumber(r, EINVAL);
    view.setBigUint64(to, BigInt.asUintN(64, negative ? -value : value), true);
    returnNumber(r, used);
  };
}

export const STRING_HELPERS = [
  {
    id: 105,
    name: 'strtol',
    args: ['mem', 'const_size', 'anything', 'ptr_to_long'],
    ret: 'integer',
    since: '5.2',
    progTypes: 'all',
    run: strto(true),
  },
  {
    id: 106,
    name: 'strtoul',
    args: ['mem', 'const_size', 'anything', 'ptr_to_long'],
    ret: 'integer',
    since: '5.2',
    progTypes: 'all',
    run: strto(false),
  },
  {
    id: 182,
    name: 'strncmp',
    args: ['mem', 'const_size', 'const_str'],
    ret: 'integer',
    since: '5.17',
    progTypes: 'all',
    run: strncmp,
  },
] as const satisfies readonly HelperRow[];
