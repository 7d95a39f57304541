/**
 * C's printf as Lua's string.format and Python's % have it, with LuaJIT's manners: doubles beyond 2^31 and 64-bit values in %d, %u, %x; fractions
 * truncated; %p of a number; flags, width and precision of printf(3). Where text is bytes (Lua), it is one character a byte.
 */

export type FormatArgument =
  | { readonly kind: 'number'; readonly value: number }
  | { readonly kind: 'int64'; readonly value: bigint }
  | { readonly kind: 'text'; readonly value: string }
  | { readonly kind: 'none' };

const DIRECTIVE = /%(?:([-+ #0]*)(\d*)(?:\.(\d*))?([A-Za-z%])|.?)/g;

/** Formats, or throws an Error whose message is for the Lua user. `argument(i)` answers the i-th argument (from 0) as a kind wants it. */
export function cFormat(
  format: string,
  argument: (index: number, wanted: 'number' | 'text' | 'quoted') => FormatArgument,
): string {
  let next = 0;
  return format.replace(
    DIRECTIVE,
    (whole, flags: string, width: string, precision: string | undefined, letter: string | undefined) => {
      if (letter === '%') return '%';
      if (letter === undefined) throw new Error(`invalid option '${whole}' to 'format'`);
      const index = next++;
      const given = precision === undefined ? undefined : Number(precision || '0');
      switch (letter) {
        case 'd':
        case 'i':
          return pad(
            signed(integer(argument(index, 'number'), index), flags, given),
            flags,
            width,
            given === undefined,
          );
        case 'u':
          return pad(
            digits(BigInt.asUintN(64, integer(argument(index, 'number'), index)).toString(), given),
            flags,
            width,
            given === undefined,
          );
        case 'x':
        case 'X':
        case 'o':
          return pad(
            radix(integer(argument(index, 'number'), index), letter, flags, given),
            flags,
            width,
            given === undefined,
          );
        case 'p':
          return pad(BigInt.asUintN(64, integer(argument(index, 'number'), index)).toString(16), flags, width, false);
        case 'c':
          return pad(String.fromCharCode(Number(integer(argument(index, 'number'), index)) & 255), flags, width, false);
        case 'e':
        case 'E':
        case 'f':
        case 'F':
        case 'g':
        case 'G':
        case 'a':
        case 'A':
          return float(real(argument(index, 'number'), index), letter, flags, width, given);
        case 's': {
          const value = text(argument(index, 'text'), index);
          return pad(given === undefined ? value : value.slice(0, given), flags, width, false);
        }
        case 'q':
          return text(argument(index, 'quoted'), index);
        default:
          throw new Error(`invalid option '${whole}' to 'format'`);
      }
    },
  );
}

const missing = (index: number, wanted: string, got: string) =>
  new Error(`bad argument #${index + 2} to 'format' (${wanted} expected, got ${got})`);

function integer(a: FormatArgument, index: number): bigint {
  if (a.kind === 'int64') return a.value;
  if (a.kind === 'number' && Number.isFinite(a.value)) return BigInt(Math.trunc(a.value));
  if (a.kind === 'number') return -(1n << 63n);
  throw missing(index, 'number', a.kind === 'none' ? 'no value' : 'string');
}

function real(a: FormatArgument, index: number): number {
  if (a.kind === 'number') return a.value;
  if (a.kind === 'int64') return Number(a.value);
  throw missing(index, 'number', a.kind === 'none' ? 'no value' : 'string');
}

function text(a: FormatArgument, index: number): string {
  if (a.kind === 'text') return a.value;
  throw missing(index, 'string', 'no value');
}

function digits(plain: string, precision: number | undefined): string {
  if (precision === 0 && plain === '0') return '';
  return precision === undefined ? plain : plain.padStart(precision, '0');
}

function sign(negative: boolean, flags: string): string {
  return negative ? '-' : flags.includes('+') ? '+' : flags.includes(' ') ? ' ' : '';
}

function signed(value: bigint, flags: string, precision: number | undefined): string {
  // A boxed value is unsigned in our hands; as LuaJIT's %d of a uint64_t it shows its signed reading.
  const number = BigInt.asIntN(64, value);
  return sign(number < 0n, flags) + digits((number < 0n ? -number : number).toString(), precision);
}

function radix(value: bigint, letter: string, flags: string, precision: number | undefined): string {
  const plain = BigInt.asUintN(64, value).toString(letter === 'o' ? 8 : 16);
  const prefix = flags.includes('#') && value !== 0n ? (letter === 'o' ? '0' : '0x') : '';
  const out = prefix + digits(plain, precision);
  return letter === 'X' ? out.toUpperCase() : out;
}

/** Pad to the width: left with '-', with zeros (after sign or 0x) with '0', else with spaces. */
function pad(value: string, flags: string, width: string, zeros: boolean): string {
  const columns = Number(width || '0');
  if (value.length >= columns) return value;
  if (flags.includes('-')) return value.padEnd(columns);
  if (!flags.includes('0') || !zeros) return value.padStart(columns);
  const head = /^[-+ ]?(?:0[xX])?/.exec(value)![0];
  return head + value.slice(head.length).padStart(columns - head.length, '0');
}

function float(value: number, letter: string, flags: string, width: string, precision: number | undefined): string {
  const lower = letter.toLowerCase();
  const negative = value < 0 || Object.is(value, -0);
  const size = Math.abs(value);
  let body: string;
  if (!Number.isFinite(value)) body = Number.isNaN(value) ? 'nan' : 'inf';
  else if (lower === 'f') body = fixed(size, precision ?? 6);
  else if (lower === 'e') body = exponent(size, precision ?? 6);
  else if (lower === 'a') body = hexFloat(size);
  else body = general(size, precision === undefined ? 6 : precision || 1, flags.includes('#'));
  const out = sign(negative && !Number.isNaN(value), flags) + body;
  return pad(letter === lower ? out : out.toUpperCase(), flags, width, Number.isFinite(value));
}

/** toFixed, also where JavaScript would change to exponents (from 1e21 on). */
function fixed(size: number, precision: number): string {
  const capped = Math.min(precision, 100);
  const body =
    size < 1e21 ? size.toFixed(capped) : BigInt(size).toString() + (capped > 0 ? `.${'0'.repeat(capped)}` : '');
  return body + '0'.repeat(precision - capped);
}

function exponent(size: number, precision: number): string {
  return size.toExponential(Math.min(precision, 100)).replace(/e([+-])(\d)$/, 'e$10$2');
}

function general(size: number, precision: number, keepZeros: boolean): string {
  const power = size === 0 ? 0 : Number(size.toExponential(Math.min(precision, 100) - 1).split('e')[1]);
  const body = power < -4 || power >= precision ? exponent(size, precision - 1) : fixed(size, precision - 1 - power);
  return keepZeros || !body.includes('.') ? body : body.replace(/\.?0+(?=e|$)/, '');
}

function hexFloat(size: number): string {
  if (size === 0) return '0x0p+0';
  let power = 0;
  let mantissa = size;
  while (mantissa >= 2) {
    mantissa /= 2;
    power++;
  }
  while (mantissa < 1) {
    mantissa *= 2;
    power--;
  }
  return `0x${mantissa.toString(16)}p${power < 0 ? '-' : '+'}${Math.abs(power)}`;
}
