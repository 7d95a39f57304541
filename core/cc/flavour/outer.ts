/**
 * The outer scope of every program: fixed-width typedefs, the kernel's types and enumerators from BTF, tracepoint argument structs,
 * helpers, and the functions of headers (whose C text is parsed when first called).
 */
import { SourceFile } from '../../base/diagnostics.ts';
import type { TracepointFormat } from '../../btf/tracepoint.ts';
import { PT_REGS } from '../../progs/pt-regs.ts';
import type { Context, Outer } from '../context.ts';
import {
  arrayOf,
  BOOL,
  CHAR,
  type CType,
  type EnumDecl,
  type Field,
  INT,
  LLONG,
  LONG,
  RecordDecl,
  SCHAR,
  SHORT,
  sizeOf,
  UCHAR,
  UINT,
  ULLONG,
  ULONG,
  USHORT,
} from '../ctype.ts';
import type { KernelTypes } from '../from-btf.ts';
import { INLINES } from '../headers/inlines.ts';
import { BUILTIN_FILE, type Token } from '../token.ts';
import type { CSymbol, FuncSymbol } from '../tree.ts';
import { helperNames, helperPrototype } from './prototypes.ts';

/** Typedefs that exist without any header (BCC's programs rely on it) and without any BTF. */
const TYPEDEFS: Record<string, CType> = {
  u8: UCHAR,
  u16: USHORT,
  u32: UINT,
  u64: ULLONG,
  s8: SCHAR,
  s16: SHORT,
  s32: INT,
  s64: LLONG,
  __u8: UCHAR,
  __u16: USHORT,
  __u32: UINT,
  __u64: ULLONG,
  __s8: SCHAR,
  __s16: SHORT,
  __s32: INT,
  __s64: LLONG,
  uint8_t: UCHAR,
  uint16_t: USHORT,
  uint32_t: UINT,
  uint64_t: ULONG,
  int8_t: SCHAR,
  int16_t: SHORT,
  int32_t: INT,
  int64_t: LONG,
  u_int8_t: UCHAR,
  u_int16_t: USHORT,
  u_int32_t: UINT,
  u_int64_t: ULONG,
  uintptr_t: ULONG,
  intptr_t: LONG,
  size_t: ULONG,
  ssize_t: LONG,
  ptrdiff_t: LONG,
  __be16: USHORT,
  __be32: UINT,
  __be64: ULLONG,
  __le16: USHORT,
  __le32: UINT,
  __le64: ULLONG,
  __wsum: UINT,
  __sum16: USHORT,
  bool: BOOL,
  uint: UINT,
  ulong: ULONG,
  ushort: USHORT,
  pid_t: INT,
  loff_t: LLONG,
  dev_t: UINT,
  uid_t: UINT,
  gid_t: UINT,
  sector_t: ULLONG,
  umode_t: USHORT,
}; // prettier-ignore

const FIXED = new Map<string, CType>(Object.entries(TYPEDEFS).map(([name, type]) => [name, { ...type, alias: name }]));

export interface OuterOptions {
  readonly cx: Context;
  readonly tracepointFormat: ((category: string, name: string) => TracepointFormat | undefined) | undefined;
  /** Parse C text at file scope into the context (functions of headers). */
  readonly parseText: (source: SourceFile) => void;
  /** Parse a type name; undefined when it is none. */
  readonly parseType: (text: string) => CType | undefined;
}

export function outerScope(options: OuterOptions): Outer {
  const { cx } = options;
  const kernel = cx.kernel;
  /** In the kernel's types, else in those of the first module that has it. */
  function anywhere<T>(find: (types: KernelTypes) => T | undefined): T | undefined {
    if (!kernel) return undefined;
    const own = find(kernel);
    if (own !== undefined) return own;
    for (const types of cx.modules()) {
      const found = find(types);
      if (found !== undefined) return found;
    }
    return undefined;
  }
  const symbols = new Map<string, CSymbol | null>();
  const records = new Map<string, RecordDecl | null>();

  function make(name: string, at: Token): CSymbol | undefined {
    const fixed = FIXED.get(name);
    if (fixed) return { kind: 'typedef', name, type: fixed, at };
    // Helpers before BTF: asking BTF for a name makes it index its names.
    const helper = helperPrototype(name, kernel);
    if (helper) return functionSymbol(name, helper.type, { helper: helper.row.id });
    const typedef = name === '__uint128_t' ? undefined : kernel?.typedef(name);
    if (typedef) return { kind: 'typedef', name, type: typedef, at };
    if (Object.hasOwn(INLINES, name)) {
      // The text may name other functions of the scope: mark this one as being read first.
      options.parseText(new SourceFile(BUILTIN_FILE, INLINES[name]!));
      return cx.lookupOwn(name);
    }
    const enumerator = anywhere((types) => types.enumerator(name));
    if (enumerator)
      return {
        kind: 'enumerator',
        name,
        value: enumerator.value,
        type: enumeratorType(enumerator.value),
        decl: enumerator.decl,
        at: undefined,
      };
    if (name === 'true' || name === 'false')
      return { kind: 'enumerator', name, value: name === 'true' ? 1n : 0n, type: INT, decl: undefined, at: undefined };
    // What bpftool writes into vmlinux.h: kernel functions for BPF programs, which the verifier knows to be such or not.
    const kfunc = name.startsWith('bpf_') ? anywhere((types) => types.func(name)) : undefined;
    return kfunc && functionSymbol(name, kfunc, { kfunc: true });
  }

  function record(tag: 'struct' | 'union', name: string, at: Token): RecordDecl | undefined {
    const key = `${tag} ${name}`;
    let decl = records.get(key);
    if (decl === undefined) {
      decl =
        (tag === 'struct' && name.startsWith('tracepoint__')
          ? tracepointStruct(options, name, at)
          : anywhere((types) => types.record(tag, name))) ?? (key === 'struct pt_regs' ? ptRegs() : null);
      records.set(key, decl);
    }
    return decl ?? undefined;
  }

  return {
    symbol(name, at) {
      let symbol = symbols.get(name);
      if (symbol === undefined) {
        symbols.set(name, null);
        symbol = make(name, at) ?? null;
        symbols.set(name, symbol);
      }
      return symbol ?? undefined;
    },
    isTypedef(name) {
      if (FIXED.has(name)) return true;
      const c = name.charCodeAt(0);
      // No kernel typedef begins with a capital that programs would use for a variable: still ask, BTF's index is cheap.
      return (c < 48 || c > 57) && kernel?.typedef(name) !== undefined;
    },
    record,
    enum(name): EnumDecl | undefined {
      return anywhere((types) => types.enum(name));
    },
    *functionNames() {
      yield* helperNames();
      yield* Object.keys(INLINES);
    },
  };
}

function functionSymbol(
  name: string,
  type: FuncSymbol['type'],
  what: Pick<FuncSymbol, 'helper' | 'kfunc'>,
): FuncSymbol {
  const file = new SourceFile(BUILTIN_FILE, '');
  const at: Token = { kind: 'ident', text: name, file, start: 0, end: 0, bol: false, space: false };
  return {
    kind: 'func',
    name,
    type,
    at,
    params: [],
    body: undefined,
    isStatic: false,
    isInline: false,
    noinline: false,
    section: undefined,
    used: true,
    ...what,
  };
}

/** C11 6.7.2.2: enumerators are int; GNU widens those that do not fit. */
function enumeratorType(value: bigint): CType {
  if (value >= -0x80000000n && value <= 0x7fffffffn) return INT;
  if (value >= 0n && value <= 0xffffffffn) return UINT;
  return value < 0n || value <= 0x7fffffffffffffffn ? LONG : ULONG;
}

/** struct pt_regs where no BTF is given. */
function ptRegs(): RecordDecl {
  const decl = new RecordDecl('struct', 'pt_regs', undefined);
  const fields: Field[] = Object.entries(PT_REGS).map(([name, offset]) => ({
    name,
    type: ULONG,
    bitOffset: offset * 8,
  }));
  decl.finish(fields, 168, 8);
  return decl;
}

/** `struct tracepoint__category__event`: the event's record, from its format or from BTF. */
function tracepointStruct(options: OuterOptions, name: string, at: Token): RecordDecl | undefined {
  const m = /^tracepoint__(.+?)__(.+)$/.exec(name);
  if (!m) return undefined;
  const [, category, event] = m as unknown as [string, string, string];
  const format = options.tracepointFormat?.(category, event);
  // A format that names its struct comes from a list of some kernel's events: where the given types have that struct, they know better.
  // System calls' events have no struct, and looking for a name that is not there takes longest.
  const asked = category !== 'syscalls' && (!format || format.struct !== undefined);
  const raw = asked && options.cx.kernel?.record('struct', format?.struct ?? `trace_event_raw_${event}`);
  if (raw) return fromRaw(name, raw);
  if (format) return fromFormat(options, name, format);
  options.cx.report.error(
    at,
    `tracepoint '${category}:${event}' is not known: its format says what the arguments are`,
    {
      notes: options.tracepointFormat
        ? [{ severity: 'note', message: 'the kernel (or the shipped list of events) has no tracepoint of this name' }]
        : [],
    },
  );
  const decl = new RecordDecl('struct', name, undefined);
  decl.finish([{ name: '__do_not_use__', type: ULLONG, bitOffset: 0 }], 8, 8);
  return decl;
}

function fromFormat(options: OuterOptions, name: string, format: TracepointFormat): RecordDecl {
  const decl = new RecordDecl('struct', name, undefined);
  const fields: Field[] = [{ name: '__do_not_use__', type: ULLONG, bitOffset: 0 }];
  let end = 8;
  const user = format.category === 'syscalls';
  for (const f of format.fields) {
    if (f.offset < 8) continue;
    const location = /^__(?:data|rel)_loc\b/.test(f.type);
    const type = location ? INT : fieldType(options, f.type, f.size, f.signed, user);
    fields.push({ name: location ? `data_loc_${f.name}` : f.name, type, bitOffset: f.offset * 8 });
    end = Math.max(end, f.offset + f.size);
  }
  decl.finish(fields, Math.ceil(end / 8) * 8, 8);
  return decl;
}

/** A format's type; where its size disagrees with C's (system call arguments are all 8 bytes) an integer of that size. */
function fieldType(options: OuterOptions, text: string, size: number, signed: boolean, user: boolean): CType {
  const parsed = options.parseType(text.replace(/\b__user\b/g, ''));
  if (parsed && sizeOf(parsed) === size && parsed.kind !== 'error') {
    if (parsed.kind === 'ptr' && user) return { ...parsed, to: { ...parsed.to, user: true } };
    return parsed;
  }
  const table: Record<number, [CType, CType]> = {
    1: [SCHAR, UCHAR],
    2: [SHORT, USHORT],
    4: [INT, UINT],
    8: [LONG, ULONG],
  };
  const pair = table[size];
  return pair ? pair[signed ? 0 : 1] : arrayOf(CHAR, size);
}

function fromRaw(name: string, raw: RecordDecl): RecordDecl {
  const decl = new RecordDecl('struct', name, undefined);
  const fields: Field[] = [{ name: '__do_not_use__', type: ULLONG, bitOffset: 0 }];
  for (const f of raw.fields) {
    if (f.bitOffset < 64 || f.name === '__data') continue;
    const location = f.name !== undefined && /^__(?:data|rel)_loc_/.test(f.name);
    fields.push(location ? { ...f, name: f.name!.slice(2).replace(/^rel_/, 'data_'), type: INT } : f);
  }
  decl.finish(fields, raw.size, 8);
  return decl;
}
