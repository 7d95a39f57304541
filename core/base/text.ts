/**
 * Text of reports: power-of-two and linear histograms in BCC's columns, and values as Python prints them (BCC's JSON histograms are the
 * text of a Python dict). Pure functions from numbers to lines.
 *
 * Counts are bigint, since a u64 count must print whole.
 */

/** Columns of stars beside a count; half as many where the ranges need twenty digits. */
const STARS = 40;
/** Slots up to this one have ranges that fit in ten digits' columns. */
const NARROW_SLOTS = 32;
/** Counts up to here multiply by STARS without rounding. */
const EXACT_MOST = BigInt(Number.MAX_SAFE_INTEGER) / BigInt(STARS);

/** The bar of a count: as many stars of `width` as its share of the largest. */
export function stars(count: bigint, most: bigint, width: number): string {
  if (most <= 0n || count <= 0n) return '';
  const share =
    most <= EXACT_MOST ? Math.floor((width * Number(count)) / Number(most)) : Number((BigInt(width) * count) / most);
  return '*'.repeat(Math.min(share, width));
}

interface Shape {
  /** Last slot with a count above zero, -1 for none. */
  readonly last: number;
  readonly most: bigint;
}

function shape(counts: readonly bigint[]): Shape {
  let last = -1;
  let most = 0n;
  for (const [slot, count] of counts.entries()) {
    if (count > 0n) last = slot;
    if (count > most) most = count;
  }
  return { last, most };
}

/**
 * Lines of a log2 histogram. Slot i counts values from 2^(i-1) to 2^i - 1 (slot 1: 0 and 1; slot 0 is never shown), up to the last slot
 * with a count. No lines at all when nothing but slot 0 was counted. `stripLeadingZero` leaves out the empty ranges before the first count.
 */
export function log2HistLines(counts: readonly bigint[], valType: string, stripLeadingZero = false): string[] {
  const { last, most } = shape(counts);
  if (last <= 0) return [];
  const narrow = last <= NARROW_SLOTS;
  const [width, digits] = narrow ? [STARS, 10] : [STARS / 2, 20];
  const lines = [`${' '.repeat(narrow ? 5 : 15)}${valType.padEnd(narrow ? 19 : 29)} : count     distribution`];
  let strip = stripLeadingZero;
  for (let slot = 1; slot <= last; slot++) {
    const count = counts[slot]!;
    if (strip && count === 0n) continue;
    strip = false;
    const low = slot === 1 ? 0n : 1n << BigInt(slot - 1);
    const high = (1n << BigInt(slot)) - 1n;
    lines.push(`${String(low).padStart(digits)} -> ${String(high).padEnd(digits)} : ${bar(count, most, width)}`);
  }
  return lines;
}

/** Lines of a linear histogram: one a slot from 0 to the last with a count. */
export function linearHistLines(counts: readonly bigint[], valType: string, stripLeadingZero = false): string[] {
  const { last, most } = shape(counts);
  if (last < 0) return [];
  const lines = [`     ${valType.padEnd(13)} : count     distribution`];
  let strip = stripLeadingZero;
  for (let slot = 0; slot <= last; slot++) {
    const count = counts[slot]!;
    if (strip && count === 0n) continue;
    strip = false;
    lines.push(`        ${String(slot).padEnd(10)} : ${bar(count, most, STARS)}`);
  }
  return lines;
}

function bar(count: bigint, most: bigint, width: number): string {
  return `${String(count).padEnd(8)} |${stars(count, most, width).padEnd(width)}|`;
}

/** One range of a histogram as BCC's JSON form has it. */
export interface HistRange {
  readonly 'interval-start': bigint;
  readonly 'interval-end': bigint;
  readonly count: bigint;
}

/** The ranges of a log2 histogram, from slot 1 to the last with a count. */
export function log2HistRanges(counts: readonly bigint[]): HistRange[] {
  const { last } = shape(counts);
  return counts.slice(1, last + 1).map((count, i) => ({
    'interval-start': i === 0 ? 0n : 1n << BigInt(i),
    'interval-end': (1n << BigInt(i + 1)) - 1n,
    count,
  }));
}

/** What Python's repr() gives for the like value: dicts, lists, numbers, True, None, 'text'; bytes print as b'...'. */
export function pythonText(value: unknown): string {
  if (value === null || value === undefined) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (typeof value === 'string') return quoted(value, false);
  if (value instanceof Uint8Array) return `b${quoted(String.fromCharCode(...value), true)}`;
  if (Array.isArray(value)) return `[${value.map(pythonText).join(', ')}]`;
  if (typeof value === 'object') {
    const items = Object.entries(value).map(([key, item]) => `${quoted(key, false)}: ${pythonText(item)}`);
    return `{${items.join(', ')}}`;
  }
  return String(value);
}

const ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** Python's string literal: single quotes unless the text has those and no double ones. */
function quoted(text: string, bytes: boolean): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  let out = quote;
  for (const char of text) {
    const code = char.codePointAt(0)!;
    if (char === quote) out += `\\${char}`;
    else if (ESCAPES[char]) out += ESCAPES[char];
    else if (code < 0x20 || code === 0x7f || (code > 0x7f && (bytes || code < 0xa1)))
      out += `\\x${code.toString(16).padStart(2, '0')}`;
    else out += char;
  }
  return out + quote;
}
