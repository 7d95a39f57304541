/** Values of literals: numbers, characters and strings as C11 6.4.4 and 6.4.5 spell them, with GNU's 0b and \e. */
import { utf8Encode } from '../base/bytes.ts';

export type NumberValue =
  | {
      readonly kind: 'int';
      readonly value: bigint;
      readonly unsigned: boolean /** Number of `l` in the suffix. */;
      readonly long: 0 | 1 | 2;
      readonly decimal: boolean;
    }
  /** `whole`: the value, where it is an integer that a double holds exactly. */
  | { readonly kind: 'float'; readonly whole?: bigint };

/** The value of a number token, or the complaint about it. */
export function numberValue(text: string): NumberValue | string {
  if (text.length > 400) return 'number is too long';
  const m = /^(0[xX][0-9a-fA-F]+|0[bB][01]+|0[0-7]*|[1-9][0-9]*)([a-zA-Z]*)$/.exec(text);
  if (!m) {
    if (/^0[xX]$/.test(text)) return `'${text}' has no digits`;
    if (
      /^(?:[0-9]+\.?[0-9]*(?:[eE][+-]?[0-9]+)?|\.[0-9]+(?:[eE][+-]?[0-9]+)?|0[xX][0-9a-fA-F]*\.?[0-9a-fA-F]*[pP][+-]?[0-9]+)[fFlL]?$/.test(
        text,
      ) &&
      /[.eEpP]/.test(text)
    ) {
      const value = /^0[xX]/.test(text) ? Number.NaN : Number(text.replace(/[fFlL]$/, ''));
      return { kind: 'float', ...(Number.isSafeInteger(value) ? { whole: BigInt(value) } : {}) };
    }
    const bad = /^0[0-7]*([89])/.exec(text);
    if (bad) return `invalid digit '${bad[1]}' in octal constant`;
    return `invalid number '${text}'`;
  }
  const [, digits, suffix] = m as unknown as [string, string, string];
  const s = /^(?:(u|U)(l|L|ll|LL)?|(l|L|ll|LL)(u|U)?)?$/.exec(suffix);
  if (!s) return `invalid suffix '${suffix}' on integer constant`;
  const octal = digits.length > 1 && digits[0] === '0' && /[0-7]/.test(digits[1]!);
  const value = BigInt(octal ? `0o${digits.slice(1)}` : digits);
  if (value > 0xffffffffffffffffn) return 'integer literal is too large to be represented in any integer type';
  return {
    kind: 'int',
    value,
    unsigned: s[1] !== undefined || s[4] !== undefined,
    long: (s[2] ?? s[3] ?? '').length as 0 | 1 | 2,
    decimal: digits[0] !== '0' || digits === '0',
  };
}

const SIMPLE: Record<string, number> = {
  n: 10,
  t: 9,
  r: 13,
  a: 7,
  b: 8,
  f: 12,
  v: 11,
  e: 27,
  '\\': 92,
  '"': 34,
  "'": 39,
  '?': 63,
};

/** Characters of the inside of a literal (between the quotes), escapes resolved, as bytes of UTF-8 or units of UTF-16 or UTF-32; or the complaint. */
export function resolveEscapes(body: string, unitBytes: 1 | 2 | 4 = 1): number[] | string {
  const out: number[] = [];
  const most = 256 ** unitBytes - 1;
  const text = (part: string): void => {
    if (unitBytes === 1) for (const byte of utf8Encode(part)) out.push(byte);
    else if (unitBytes === 2) for (let k = 0; k < part.length; k++) out.push(part.charCodeAt(k));
    else for (const c of part) out.push(c.codePointAt(0)!);
  };
  let i = 0;
  while (i < body.length) {
    const at = body.indexOf('\\', i);
    if (at !== i) {
      const end = at < 0 ? body.length : at;
      text(body.slice(i, end));
      i = end;
      continue;
    }
    const c = body[i + 1]!;
    i += 2;
    if (c in SIMPLE) out.push(SIMPLE[c]!);
    else if (c >= '0' && c <= '7') {
      const m = /^[0-7]{1,3}/.exec(body.slice(i - 1, i + 2))!;
      const value = Number.parseInt(m[0], 8);
      if (value > most) return 'octal escape sequence out of range';
      out.push(value);
      i += m[0].length - 1;
    } else if (c === 'x') {
      const m = /^[0-9a-fA-F]+/.exec(body.slice(i, i + 20));
      if (!m) return `\\x used with no following hex digits`;
      const value = Number.parseInt(m[0], 16);
      if (value > most) return 'hex escape sequence out of range';
      out.push(value);
      i += m[0].length;
    } else if (c === 'u' || c === 'U') {
      const digits = body.slice(i, i + (c === 'u' ? 4 : 8));
      const value =
        /^[0-9a-fA-F]+$/.test(digits) && digits.length === (c === 'u' ? 4 : 8) ? Number.parseInt(digits, 16) : -1;
      if (value < 0 || value > 0x10ffff) return 'incomplete universal character name';
      text(String.fromCodePoint(value));
      i += digits.length;
    } else return `unknown escape sequence '\\${c ?? ''}'`;
  }
  return out;
}

/** Bytes a character of a literal takes, by its prefix: L"" and U"" are of 4 (wchar_t is int), u"" of 2, "" and u8"" of 1. */
export function unitOf(text: string): 1 | 2 | 4 {
  return /^[LU]['"]/.test(text) ? 4 : /^u['"]/.test(text) ? 2 : 1;
}

/** Value of a character constant: an int, sign-extended from char as on x86-64; several characters as GCC packs them. */
export function characterValue(text: string): { value: bigint } | string {
  const body = text.slice(text.indexOf("'") + 1, -1);
  const unit = unitOf(text);
  if (unit > 1) {
    const units = resolveEscapes(body, unit);
    if (typeof units === 'string') return units;
    if (units.length !== 1)
      return units.length === 0 ? 'empty character constant' : 'character constant too long for its type';
    return { value: BigInt(units[0]!) };
  }
  const bytes = resolveEscapes(body);
  if (typeof bytes === 'string') return bytes;
  if (bytes.length === 0) return 'empty character constant';
  if (bytes.length === 1) return { value: BigInt.asIntN(8, BigInt(bytes[0]!)) };
  if (bytes.length > 4) return 'character constant too long for its type';
  let value = 0n;
  for (const b of bytes) value = (value << 8n) | BigInt(b);
  return { value: BigInt.asIntN(32, value) };
}

/** Bytes of a string literal without the NUL; or the complaint. */
export function stringBytes(text: string): number[] | string {
  if (unitOf(text) > 1) return 'a wide string does not fit here';
  return resolveEscapes(text.slice(text.indexOf('"') + 1, -1));
}

/** Bytes, little-endian, of literals that stand side by side, the NUL included: all are as wide as the widest. Complaints go to `complain`. */
export function joinedStrings(
  texts: readonly string[],
  complain: (index: number, message: string) => void,
): { unit: 1 | 2 | 4; bytes: number[] } {
  const unit = texts.reduce<1 | 2 | 4>((most, t) => (unitOf(t) > most ? unitOf(t) : most), 1);
  const bytes: number[] = [];
  const push = (value: number) => {
    for (let k = 0; k < unit; k++) bytes.push((value >>> (8 * k)) & 0xff);
  };
  texts.forEach((text, index) => {
    const units = resolveEscapes(text.slice(text.indexOf('"') + 1, -1), unit);
    if (typeof units === 'string') complain(index, units);
    else for (const u of units) push(u);
  });
  push(0);
  return { unit, bytes };
}
