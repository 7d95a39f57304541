/**
 * Histograms of tables, as BCC's print_log2_hist, print_linear_hist and print_json_hist: a table of slots is one histogram; where the key
 * is a struct, its first field is the section (the bucket) and its second the slot, and each section is a histogram of its own.
 */
import { utf8Encode } from '../base/bytes.ts';
import { BpfError } from '../base/errors.ts';
import { linearHistLines, log2HistLines, log2HistRanges, pythonText } from '../base/text.ts';
import { type Named, named } from './options.ts';

/** BCC's arguments of print_log2_hist and print_linear_hist. */
export interface HistOptions {
  /** Column header: 'usecs', 'kbytes', ... */
  valType?: string;
  /** What a section is called. */
  sectionHeader?: string;
  /** How a section's bucket is written. */
  sectionPrintFn?: (bucket: never) => unknown;
  /** The bucket that a key's section field belongs to. */
  bucketFn?: (section: never) => unknown;
  /** Leave out empty ranges before the first count. */
  stripLeadingZero?: boolean;
  /** Order of the sections. */
  bucketSortFn?: (buckets: never[]) => unknown[];
}

const OPTIONS = [
  'valType',
  'sectionHeader',
  'sectionPrintFn',
  'bucketFn',
  'stripLeadingZero',
  'bucketSortFn',
] as const satisfies readonly (keyof HistOptions)[];

/** Slots that a histogram can have: 0 and one a bit of a u64; and for linear ones BCC's limit. */
const LOG2_SLOTS = 65;
const LINEAR_SLOTS = 1025;

interface Section {
  readonly bucket: unknown;
  readonly counts: bigint[];
}

/** What was counted: one section without a bucket, or one a bucket. */
interface Counted {
  readonly sectioned: boolean;
  readonly sections: readonly Section[];
}

/** A table as histograms see it. */
export interface Histogrammed {
  readonly name: string;
  /** The key is a struct: section and slot. */
  readonly keyIsStruct: boolean;
  entries(): Iterable<readonly [unknown, unknown]>;
}

/** BCC's scripts give the first arguments by position most of the time: ('usecs', 'disk'). What follows them by name is an object. */
export type HistArguments =
  | [options: Named<HistOptions>]
  | [
      valType?: string,
      sectionHeader?: string | Named<HistOptions>,
      sectionPrintFn?: HistOptions['sectionPrintFn'] | Named<HistOptions>,
      bucketFn?: HistOptions['bucketFn'] | Named<HistOptions>,
    ];

const POSITIONS = OPTIONS.slice(0, 4);

function optionsOf(method: string, args: readonly unknown[]): HistOptions {
  const last = args.at(-1);
  const byName = typeof last === 'object' && last !== null;
  const positions = byName ? args.slice(0, -1) : args;
  if (positions.length > POSITIONS.length)
    throw new TypeError(`${method}: takes ${POSITIONS.join(', ')} by position, others by name in an object`);
  return {
    ...Object.fromEntries(POSITIONS.map((name, i) => [name, positions[i]]).filter(([, value]) => value !== undefined)),
    ...(byName && named<HistOptions>(method, last as HistOptions, OPTIONS)),
  };
}

export function log2Lines(table: Histogrammed, args: HistArguments): string[] {
  return report(table, LOG2_SLOTS, optionsOf('printLog2Hist', args), log2HistLines);
}

export function linearLines(table: Histogrammed, args: HistArguments): string[] {
  return report(table, LINEAR_SLOTS, optionsOf('printLinearHist', args), linearHistLines);
}

/** One line a section: the text of a Python dict, with the wall clock's time. */
export function jsonLines(table: Histogrammed, args: HistArguments, now = new Date()): string[] {
  return histogramRecords(table, args, now).map(pythonText);
}

/** One object a section, with BCC's keys: `ts`, `val_type`, `data` (the ranges) and the section under its header. */
export function histogramRecords(
  table: Histogrammed,
  args: HistArguments,
  now = new Date(),
): Record<string, unknown>[] {
  const options = optionsOf('printJsonHist', args);
  const { valType = 'value', sectionHeader = 'Bucket ptr', sectionPrintFn } = options;
  const { sectioned, sections } = gather(table, LOG2_SLOTS, options);
  return sections.map(({ bucket, counts }) => {
    const dict: Record<string, unknown> = { ts: timestamp(now), val_type: valType, data: log2HistRanges(counts) };
    if (sectioned) dict[sectionHeader] = sectionPrintFn ? sectionPrintFn(bucket as never) : raw(bucket);
    return dict;
  });
}

function report(
  table: Histogrammed,
  slots: number,
  options: HistOptions,
  lines: (counts: readonly bigint[], valType: string, strip?: boolean) => string[],
): string[] {
  const { valType = 'value', sectionHeader = 'Bucket ptr', sectionPrintFn, stripLeadingZero = false } = options;
  const { sectioned, sections } = gather(table, slots, options);
  return sections.flatMap(({ bucket, counts }) => {
    const body = lines(counts, valType, stripLeadingZero);
    if (!sectioned) return body;
    const title = sectionPrintFn ? String(sectionPrintFn(bucket as never)) : pythonText(raw(bucket));
    return ['', `${sectionHeader} = ${title}`, ...body];
  });
}

function gather(table: Histogrammed, slots: number, options: HistOptions): Counted {
  const { name, keyIsStruct: sectioned } = table;
  const single: Section = { bucket: undefined, counts: zeros(slots) };
  const found = new Map<string, Section>();
  for (const [key, leaf] of table.entries()) {
    const count = countOf(name, leaf);
    if (!sectioned) {
      single.counts[slotOf(name, key, slots)] = count;
      continue;
    }
    const fields = Object.entries(key as object).filter(([name]) => !/^__pad_\d+$/.test(name));
    if (fields.length < 2)
      throw new BpfError('BAD_VALUE', `table '${name}': a histogram's key is a slot, or a struct of section and slot`);
    const bucket = options.bucketFn ? options.bucketFn(fields[0]![1] as never) : fields[0]![1];
    const id = identity(bucket);
    const section = found.get(id) ?? { bucket, counts: zeros(slots) };
    found.set(id, section);
    section.counts[slotOf(name, fields[1]![1], slots)] = count;
  }
  if (!sectioned) return { sectioned, sections: [single] };
  const sections = [...found.values()];
  if (!options.bucketSortFn) return { sectioned, sections };
  const ordered = options.bucketSortFn(sections.map((s) => s.bucket) as never[]);
  return { sectioned, sections: ordered.map((bucket) => found.get(identity(bucket))).filter((s) => s !== undefined) };
}

function zeros(slots: number): bigint[] {
  return new Array<bigint>(slots).fill(0n);
}

function slotOf(table: string, value: unknown, slots: number): number {
  const slot = typeof value === 'bigint' || typeof value === 'number' ? Number(value) : Number.NaN;
  if (Number.isInteger(slot) && slot >= 0 && slot < slots) return slot;
  throw new BpfError(
    'BAD_VALUE',
    `table '${table}': ${pythonText(value)} is no slot of a histogram; slots go from 0 to ${slots - 1}`,
  );
}

/** A leaf as a count; the CPUs' counts together for per-CPU tables. */
function countOf(table: string, leaf: unknown): bigint {
  if (typeof leaf === 'bigint') return leaf;
  if (typeof leaf === 'number' && Number.isInteger(leaf)) return BigInt(leaf);
  if (Array.isArray(leaf)) return leaf.reduce<bigint>((sum, part) => sum + countOf(table, part), 0n);
  throw new BpfError('BAD_VALUE', `table '${table}': its leaves are no counts`);
}

/** Equal buckets have equal texts. */
function identity(bucket: unknown): string {
  return `${typeof bucket}:${pythonText(bucket)}`;
}

/** char arrays are bytes to Python, whose repr() is what an unformatted section prints. */
function raw(bucket: unknown): unknown {
  return typeof bucket === 'string' ? utf8Encode(bucket) : bucket;
}

/** Local time as strftime's %Y-%m-%d %H:%M:%S. */
function timestamp(now: Date): string {
  const two = (n: number) => String(n).padStart(2, '0');
  const day = `${now.getFullYear()}-${two(now.getMonth() + 1)}-${two(now.getDate())}`;
  return `${day} ${two(now.getHours())}:${two(now.getMinutes())}:${two(now.getSeconds())}`;
}
