/**
 * Tracepoint rows, the text of their format files, and records laid out accordingly.
 *
 * A record starts with the 8-byte common header (type u16, flags u8, preempt count u8, pid s32); fields follow at their natural
 * alignment, as the kernel's TRACE_EVENT macros lay them out (include/trace/stages). A `__data_loc` field is a u32 (length in
 * the high half, offset from the start of the record in the low half) whose bytes follow the fixed part.
 * Text: kernel/trace/trace_events.c, f_show().
 */
import { utf8Encode } from '../../base/bytes.ts';
import type { FieldValue } from '../hooks.ts';

/** One field as C declares it: 'int fd', 'char comm[16]', '__data_loc char[] filename'. `slot`: in a slot of so many bytes, unsigned (arguments of system calls). */
export interface TracepointField {
  readonly decl: string;
  readonly slot?: number;
}

export interface TracepointRow {
  readonly system: string;
  readonly name: string;
  readonly fields: readonly TracepointField[];
  /** The format file's `print fmt`. */
  readonly print: string;
  /** Parameters of the raw tracepoint (TP_PROTO), for messages. */
  readonly raw: readonly string[];
}

/** What a field's declaration came to. */
export interface PlacedField {
  readonly type: string;
  readonly name: string;
  /** The declaration as the format file prints it. */
  readonly text: string;
  readonly offset: number;
  readonly size: number;
  readonly signed: boolean;
  readonly dynamic: boolean;
  /** Elements of an array, 0 for a plain field. */
  readonly count: number;
}

/** Sizes and signs of the C types that rows use. `char` is signed on x86 kernels before 6.2. */
const C_TYPES: Readonly<Record<string, readonly [number, boolean]>> = {
  char: [1, true],
  bool: [1, false],
  short: [2, true],
  int: [4, true],
  long: [8, true],
  pid_t: [4, true],
  dev_t: [4, false],
  u8: [1, false],
  u16: [2, false],
  u32: [4, false],
  u64: [8, false],
  __u8: [1, false],
  __u16: [2, false],
  umode_t: [2, false],
  size_t: [8, false],
  ino_t: [8, false],
  sector_t: [8, false],
  'unsigned int': [4, false],
  'unsigned short': [2, false],
  'unsigned char': [1, false],
  'unsigned long': [8, false],
};

export const COMMON_HEADER = 8;

const COMMON_FIELDS = [
  'unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;',
  'unsigned char common_flags;\toffset:2;\tsize:1;\tsigned:0;',
  'unsigned char common_preempt_count;\toffset:3;\tsize:1;\tsigned:0;',
  'int common_pid;\toffset:4;\tsize:4;\tsigned:1;',
];

const placed = new WeakMap<TracepointRow, readonly PlacedField[]>();

/** The fields with their places, in order. */
export function placeFields(row: TracepointRow): readonly PlacedField[] {
  const known = placed.get(row);
  if (known) return known;
  let at = COMMON_HEADER;
  const out = row.fields.map((field): PlacedField => {
    const [, data, base, brackets, name, count] = /^(__data_loc )?(.*?)\s*(\[\])?\s*(\w+)(?:\[(\d+)\])?$/.exec(
      field.decl,
    )!;
    const type = base!.trim();
    const [width, signed] = C_TYPES[type] ?? (type.endsWith('*') ? [8, false] : unknownType(row, field));
    const dynamic = data !== undefined;
    const elements = count === undefined ? 0 : Number(count);
    const size = field.slot ?? (dynamic ? 4 : width * Math.max(elements, 1));
    const align = field.slot ?? (dynamic ? 4 : width);
    at = Math.ceil(at / align) * align;
    const offset = at;
    at += size;
    const text = dynamic
      ? `__data_loc ${type}${brackets ?? ''} ${name}`
      : `${type} ${name}${count === undefined ? '' : `[${count}]`}`;
    return {
      type,
      name: name!,
      text,
      offset,
      size,
      signed: field.slot === undefined && signed,
      dynamic,
      count: elements,
    };
  });
  placed.set(row, out);
  return out;
}

function unknownType(row: TracepointRow, field: TracepointField): readonly [number, boolean] {
  if (field.slot !== undefined) return [field.slot, false];
  throw new RangeError(`${row.system}:${row.name}: no size for '${field.decl}'`);
}

/** Text of the format file, as /sys/kernel/tracing/events/SYSTEM/NAME/format shows it. */
export function formatText(row: TracepointRow, id: number): string {
  const fields = placeFields(row).map(
    (f) => `\tfield:${f.text};\toffset:${f.offset};\tsize:${f.size};\tsigned:${f.signed ? 1 : 0};\n`,
  );
  const common = COMMON_FIELDS.map((f) => `\tfield:${f}\n`);
  return `name: ${row.name}\nID: ${id}\nformat:\n${common.join('')}\n${fields.join('')}\nprint fmt: ${row.print}\n`;
}

/** A record's bytes. `header` fills the common header; a field without a value is zero. */
export function buildRecord(
  row: TracepointRow,
  values: Readonly<Record<string, FieldValue>>,
  header: { readonly type: number; readonly flags: number; readonly preemptCount: number; readonly pid: number },
): Uint8Array {
  const fields = placeFields(row);
  const last = fields.at(-1);
  const fixed = Math.max(COMMON_HEADER, ...(last ? [last.offset + last.size] : []));
  const dynamic = fields.map((f) => (f.dynamic ? dynamicBytes(values[f.name]) : undefined));
  const total = fixed + dynamic.reduce((sum, bytes) => sum + (bytes?.length ?? 0), 0);
  // The record ends on an 8-byte boundary, as perf's do: programs may read its last word whole.
  const record = new Uint8Array(Math.ceil(total / 8) * 8);
  const view = new DataView(record.buffer);
  view.setUint16(0, header.type, true);
  record[2] = header.flags;
  record[3] = header.preemptCount;
  view.setInt32(4, header.pid, true);
  let tail = fixed;
  fields.forEach((f, i) => {
    const bytes = dynamic[i];
    if (bytes) {
      record.set(bytes, tail);
      view.setUint32(f.offset, (bytes.length << 16) | tail, true);
      tail += bytes.length;
    } else {
      writeField(view, record, f, values[f.name]);
    }
  });
  return record;
}

function dynamicBytes(value: FieldValue | undefined): Uint8Array {
  if (value instanceof Uint8Array) return value;
  return utf8Encode(`${typeof value === 'string' ? value : ''}\0`);
}

function writeField(view: DataView, record: Uint8Array, f: PlacedField, value: FieldValue | undefined): void {
  if (value === undefined) return;
  if (value instanceof Uint8Array || typeof value === 'string') {
    const bytes = typeof value === 'string' ? utf8Encode(value) : value;
    // A string keeps its NUL, as strscpy leaves it; bytes fill the field.
    record.set(bytes.subarray(0, typeof value === 'string' ? f.size - 1 : f.size), f.offset);
    return;
  }
  const list = typeof value === 'object' ? value : [value];
  const width = f.count > 0 ? f.size / f.count : f.size;
  list.slice(0, Math.max(f.count, 1)).forEach((element, i) => {
    const word = BigInt.asUintN(64, BigInt(element));
    for (let b = 0; b < width; b++) view.setUint8(f.offset + i * width + b, Number((word >> BigInt(8 * b)) & 255n));
  });
}
