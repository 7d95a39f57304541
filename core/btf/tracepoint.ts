/**
 * Tracepoint formats: what /sys/kernel/tracing/events/CATEGORY/NAME/format says of an event's fields
 * (Documentation/trace/events.rst). Read from such a file, or from the shipped list of a kernel's events, and printed again
 * as the kernel prints it (f_show in kernel/trace/trace_events.c).
 */
import { BpfError } from '../base/errors.ts';

export interface TracepointField {
  /** C type without the name, arrays as `char[16]`; `__data_loc char[]` is a u32: length << 16 | offset from the start of the record. */
  readonly type: string;
  readonly name: string;
  /** Bytes from the start of the record. */
  readonly offset: number;
  readonly size: number;
  readonly signed: boolean;
}

export interface TracepointFormat {
  readonly category: string;
  readonly name: string;
  /** All fields, the four common ones first. */
  readonly fields: readonly TracepointField[];
  /** The kernel's print format: a C string and its arguments, as text. */
  readonly print: string;
  /** The event's number on its kernel; 0 where there is none yet. */
  readonly id: number;
  /** BTF struct that has this layout (`trace_event_raw_*`), where there is one. */
  readonly struct?: string;
}

/** What every record starts with (struct trace_entry). */
export const COMMON_FIELDS: readonly TracepointField[] = [
  { type: 'unsigned short', name: 'common_type', offset: 0, size: 2, signed: false },
  { type: 'unsigned char', name: 'common_flags', offset: 2, size: 1, signed: false },
  { type: 'unsigned char', name: 'common_preempt_count', offset: 3, size: 1, signed: false },
  { type: 'int', name: 'common_pid', offset: 4, size: 4, signed: true },
];

/** A row of the shipped list: fields without the common ones, as [type, name, offset, size, signed]. */
interface ShippedEvent {
  readonly fields: readonly (readonly [string, string, number, number, number])[];
  readonly print: string;
  readonly struct?: string;
}

/**
 * The shipped list (data/tracepoints-6.1.json, inflated by the host) by `category:name`. Events get numbers in the order of the list,
 * from 1 on.
 */
export function readTracepoints(json: string): ReadonlyMap<string, TracepointFormat> {
  const events = JSON.parse(json) as Record<string, ShippedEvent>;
  const formats = new Map<string, TracepointFormat>();
  for (const [key, event] of Object.entries(events)) {
    const colon = key.indexOf(':');
    const fields = event.fields.map(([type, name, offset, size, signed]) => ({
      type,
      name,
      offset,
      size,
      signed: signed !== 0,
    }));
    formats.set(key, {
      category: key.slice(0, colon),
      name: key.slice(colon + 1),
      fields: [...COMMON_FIELDS, ...fields],
      print: event.print,
      id: formats.size + 1,
      ...(event.struct === undefined ? {} : { struct: event.struct }),
    });
  }
  return formats;
}

/** The text of the event's `format` file. */
export function printFormat(format: TracepointFormat): string {
  const line = ({ type, name, offset, size, signed }: TracepointField): string => {
    const bracket = type.startsWith('__data_loc') || type.startsWith('__rel_loc') ? -1 : type.indexOf('[');
    const declaration = bracket < 0 ? `${type} ${name}` : `${type.slice(0, bracket)} ${name}${type.slice(bracket)}`;
    return `\tfield:${declaration};\toffset:${offset};\tsize:${size};\tsigned:${signed ? 1 : 0};\n`;
  };
  const common = COMMON_FIELDS.length;
  const [head, own] = [format.fields.slice(0, common), format.fields.slice(common)];
  return `name: ${format.name}\nID: ${format.id}\nformat:\n${head.map(line).join('')}\n${own.map(line).join('')}\nprint fmt: ${format.print}\n`;
}

const FIELD_LINE = /^\s*field:(.+?);\s*offset:(\d+);\s*size:(\d+);(?:\s*signed:(\d);)?/;

/** Read a `format` file of tracefs. Throws BpfError FORMAT for text that is none. */
export function parseFormat(category: string, text: string): TracepointFormat {
  const name = /^name: (\S+)/m.exec(text)?.[1];
  if (name === undefined) throw new BpfError('FORMAT', `format of a tracepoint in ${category}: no 'name:' line`);
  const fields: TracepointField[] = [];
  for (const line of text.split('\n')) {
    if (!/^\s*field:/.test(line)) continue;
    const parts = FIELD_LINE.exec(line);
    const declaration = parts && splitDeclaration(parts[1]!);
    if (!declaration) throw new BpfError('FORMAT', `format of ${category}:${name}: cannot read '${line.trim()}'`);
    fields.push({ ...declaration, offset: Number(parts[2]), size: Number(parts[3]), signed: parts[4] === '1' });
  }
  return {
    category,
    name,
    fields,
    print: /^print fmt: (.*)$/ms.exec(text)?.[1]?.trimEnd() ?? '',
    id: Number(/^ID: (\d+)/m.exec(text)?.[1] ?? 0),
  };
}

/** `char comm[16]` to type `char[16]`, name `comm`. */
function splitDeclaration(text: string): { type: string; name: string } | undefined {
  const parts = /^(.*?[\s*\]])\s*(\w+)\s*((?:\[[^\]]*\])*)$/.exec(text);
  return parts ? { type: parts[1]!.trim() + parts[3]!, name: parts[2]! } : undefined;
}
