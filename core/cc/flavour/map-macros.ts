/**
 * THE MAP MACROS: `BPF_HASH(name, key, leaf, size)` and its kin (BCC's reference guide, section Maps). A macro is a row that turns its
 * arguments into a map; they are read by the parser as a declaration, so keys and values are types, never text.
 */
import { nearestNames } from '../../base/errors.ts';
import { arrayOf, type CType, INT, quotedType, RecordDecl, sizeOf, UINT, ULLONG } from '../ctype.ts';
import { stringBytes } from '../literal.ts';
import { parseConditional } from '../parse/expression.ts';
import type { Parser } from '../parse/parser.ts';
import { isTypeStart, parseTypeName } from '../parse/specifier.ts';
import { note } from '../report.ts';
import { requireConstant } from '../sema/constant.ts';
import type { Token } from '../token.ts';
import type { MapDecl } from './map-decl.ts';

/** One argument as written. */
interface Arg {
  readonly at: Token;
  readonly type?: CType;
  readonly text?: string;
  readonly name?: string;
  readonly value?: bigint;
}

/** What a macro makes of its arguments after the name. */
interface Shape {
  readonly type: string;
  readonly key?: CType | undefined;
  readonly value?: CType | undefined;
  readonly max: number;
  readonly flags?: number;
  readonly pin?: string;
  readonly share?: MapDecl['share'];
  readonly inner?: string;
}

interface MacroRow {
  /** Kinds of the arguments, in order, ended by '?' where the argument may be left out: name, type, number, text, inner. */
  readonly args: readonly string[];
  readonly make: (a: Args) => Shape;
}

const U64: CType = { ...ULLONG, alias: 'u64' };
const U32: CType = { ...UINT, alias: 'u32' };

/** BPF_F_NO_PREALLOC, BPF_F_STACK_BUILD_ID */
const NO_PREALLOC = 1;
const STACK_BUILD_ID = 32;
const DEFAULT_SIZE = 10240;
/** PERF_MAX_STACK_DEPTH */
const STACK_DEPTH = 127;
const PAGE_SIZE = 4096;

/** Names of map types as BPF_TABLE spells them, where they differ from the kernel's. */
const TABLE_TYPES: Record<string, string> = {
  prog: 'prog_array',
  perf_output: 'perf_event_array',
  perf_array: 'perf_event_array',
  stacktrace: 'stack_trace',
  stacktrace_buildid: 'stack_trace',
}; // prettier-ignore

const KNOWN_TYPES = new Set([
  'hash',
  'array',
  'prog_array',
  'perf_event_array',
  'percpu_hash',
  'percpu_array',
  'stack_trace',
  'cgroup_array',
  'lru_hash',
  'lru_percpu_hash',
  'lpm_trie',
  'array_of_maps',
  'hash_of_maps',
  'devmap',
  'sockmap',
  'cpumap',
  'xskmap',
  'sockhash',
  'cgroup_storage',
  'reuseport_sockarray',
  'percpu_cgroup_storage',
  'queue',
  'stack',
  'sk_storage',
  'devmap_hash',
  'struct_ops',
  'ringbuf',
  'inode_storage',
  'task_storage',
  'bloom_filter',
  'user_ringbuf',
  'cgrp_storage',
  'arena',
  'histogram',
]); // prettier-ignore

/** The arguments of one macro by kind and place. */
class Args {
  readonly list: readonly Arg[];
  readonly p: Parser;
  constructor(list: readonly Arg[], p: Parser) {
    this.list = list;
    this.p = p;
  }
  get count(): number {
    return this.list.length;
  }
  type(i: number, fallback?: CType): CType {
    return this.list[i]?.type ?? fallback ?? INT;
  }
  number(i: number, fallback = 0): number {
    const v = this.list[i]?.value;
    return v === undefined ? fallback : Number(v);
  }
  text(i: number): string {
    return this.list[i]?.text ?? '';
  }
  name(i: number): string {
    return this.list[i]?.name ?? '';
  }
}

function table(a: Args, more: Partial<Shape> = {}): Shape {
  const spelled = a.text(0);
  if (spelled === 'extern')
    return { type: '', key: a.type(1), value: a.type(2), max: a.number(4), ...more, share: 'extern' };
  const dollar = spelled.indexOf('$');
  const bare = dollar < 0 ? spelled : spelled.slice(0, dollar);
  const type = TABLE_TYPES[bare] ?? bare;
  const key = a.type(1);
  if (!KNOWN_TYPES.has(type)) {
    const near = nearestNames(bare, [...KNOWN_TYPES, ...Object.keys(TABLE_TYPES)], 1)[0];
    a.p.cx.report.error(a.list[0]!.at, `unknown map type "${bare}"${near ? `; did you mean "${near}"?` : ''}`);
  }
  const flags = (more.flags ?? 0) | (type === 'lpm_trie' ? NO_PREALLOC : 0);
  const histogram = type === 'histogram';
  return {
    type: histogram ? histogramType(key) : type,
    key,
    value: a.type(2),
    max: a.number(4),
    ...(dollar < 0 ? {} : { inner: spelled.slice(dollar + 1) }),
    ...more,
    flags,
  };
}

/** A histogram over plain ints is an array; over anything else a hash. */
function histogramType(key: CType): string {
  return key.kind === 'int' && key.name === 'int' ? 'array' : 'hash';
}

function hash(type: string, flags = 0): MacroRow {
  return {
    args: ['type?', 'type?', 'number?', 'number?'],
    make: (a) => ({
      type,
      key: a.type(0, U64),
      value: a.type(1, U64),
      max: a.number(2, DEFAULT_SIZE),
      flags: flags | a.number(3),
    }),
  };
}

function array(type: string): MacroRow {
  return {
    args: ['type?', 'number?', 'number?'],
    make: (a) => ({ type, key: INT, value: a.type(0, U64), max: a.number(1, DEFAULT_SIZE), flags: a.number(2) }),
  };
}

const histogram: MacroRow = {
  args: ['type?', 'number?'],
  make: (a) => ({ type: histogramType(a.type(0, INT)), key: a.type(0, INT), value: U64, max: a.number(1, 64) }),
};

function indexed(type: string, value: CType): MacroRow {
  return {
    args: ['number'],
    make: (a) => ({
      type,
      key: type === 'perf_event_array' || type === 'cgroup_array' ? INT : U32,
      value,
      max: a.number(0),
    }),
  };
}

function storage(type: string): MacroRow {
  return { args: ['type'], make: (a) => ({ type, key: INT, value: a.type(0), max: 0, flags: NO_PREALLOC }) };
}

function cgroupStorage(type: string): MacroRow {
  return {
    args: ['type'],
    make: (a) => ({
      type,
      key:
        a.p.cx.kernel?.typedef('__u64') && recordType(a.p, 'bpf_cgroup_storage_key')
          ? recordType(a.p, 'bpf_cgroup_storage_key')!
          : U64,
      value: a.type(0),
      max: 0,
    }),
  };
}

function recordType(p: Parser, name: string): CType | undefined {
  const decl = p.cx.kernel?.record('struct', name);
  return decl && { kind: 'record', decl };
}

function queue(type: string): MacroRow {
  return {
    args: ['type', 'number?', 'number?'],
    make: (a) => ({ type, value: a.type(0), max: a.number(1, DEFAULT_SIZE), flags: a.number(2) }),
  };
}

function stackValue(p: Parser, buildId: boolean): CType {
  const element = buildId ? (recordType(p, 'bpf_stack_build_id') ?? arrayOf(U64, 4)) : U64;
  const decl = new RecordDecl('struct', buildId ? 'bpf_stacktrace_buildid' : 'bpf_stacktrace', undefined);
  const type = arrayOf(element, STACK_DEPTH);
  decl.finish([{ name: buildId ? 'trace' : 'ip', type, bitOffset: 0 }], sizeOf(type)!, 8);
  return { kind: 'record', decl };
}

function stackTrace(buildId: boolean): MacroRow {
  return {
    args: ['number'],
    make: (a) => ({
      type: 'stack_trace',
      key: INT,
      value: stackValue(a.p, buildId),
      max: powerOfTwo(a.number(0)),
      flags: buildId ? STACK_BUILD_ID : 0,
    }),
  };
}

function powerOfTwo(n: number): number {
  let size = 1;
  while (size < n && size < 1 << 30) size *= 2;
  return size;
}

const TABLE_ARGS = ['text', 'type', 'type', 'name', 'number'];

/** BPF_TABLE and family have the name in the fourth place; the others begin with it. */
const TABLES: Record<string, MacroRow> = {
  BPF_TABLE: { args: TABLE_ARGS, make: (a) => table(a) },
  BPF_F_TABLE: { args: [...TABLE_ARGS, 'number'], make: (a) => table(a, { flags: a.number(5) }) },
  BPF_TABLE_PUBLIC: { args: TABLE_ARGS, make: (a) => table(a, { share: 'public' }) },
  BPF_TABLE_SHARED: { args: TABLE_ARGS, make: (a) => table(a, { share: 'shared' }) },
  BPF_TABLE_PINNED: {
    args: [...TABLE_ARGS, 'text', 'number?'],
    make: (a) => table(a, { pin: a.text(5), flags: a.number(6) }),
  },
  BPF_QUEUESTACK: {
    args: ['text', 'name', 'type', 'number', 'number?'],
    make: (a) => ({ type: a.text(0), value: a.type(2), max: a.number(3), flags: a.number(4) }),
  },
  BPF_QUEUESTACK_SHARED: {
    args: ['text', 'name', 'type', 'number', 'number?'],
    make: (a) => ({ type: a.text(0), value: a.type(2), max: a.number(3), flags: a.number(4), share: 'shared' }),
  },
  BPF_QUEUESTACK_PINNED: {
    args: ['text', 'name', 'type', 'number', 'number', 'text'],
    make: (a) => ({ type: a.text(0), value: a.type(2), max: a.number(3), flags: a.number(4), pin: a.text(5) }),
  },
  BPF_XDP_REDIRECT_MAP: { args: ['text', 'type', 'type', 'name', 'number'], make: (a) => table(a) },
};

const NAMED: Record<string, MacroRow> = {
  BPF_HASH: hash('hash'),
  BPF_PERCPU_HASH: hash('percpu_hash'),
  BPF_LRU_HASH: hash('lru_hash'),
  BPF_LRU_PERCPU_HASH: hash('lru_percpu_hash'),
  BPF_ARRAY: array('array'),
  BPF_PERCPU_ARRAY: array('percpu_array'),
  BPF_HISTOGRAM: histogram,
  BPF_HIST: histogram,
  BPF_LPM_TRIE: hash('lpm_trie', NO_PREALLOC),
  BPF_STACK_TRACE: stackTrace(false),
  BPF_STACK_TRACE_BUILDID: stackTrace(true),
  // Sized to the possible CPUs when loaded.
  BPF_PERF_OUTPUT: { args: [], make: () => ({ type: 'perf_event_array', key: INT, value: U32, max: 0 }) },
  BPF_PERF_ARRAY: indexed('perf_event_array', U32),
  BPF_CGROUP_ARRAY: indexed('cgroup_array', U32),
  BPF_RINGBUF_OUTPUT: { args: ['number'], make: (a) => ({ type: 'ringbuf', max: a.number(0) * PAGE_SIZE }) },
  BPF_PROG_ARRAY: indexed('prog_array', U32),
  BPF_DEVMAP: indexed('devmap', U32),
  BPF_CPUMAP: indexed('cpumap', U32),
  BPF_XSKMAP: {
    args: ['number', 'text?'],
    make: (a) => ({ type: 'xskmap', key: U32, value: U32, max: a.number(0), ...(a.text(1) ? { pin: a.text(1) } : {}) }),
  },
  BPF_SOCKMAP: indexed('sockmap', U32),
  BPF_SOCKHASH: {
    args: ['type?', 'number?'],
    make: (a) => ({ type: 'sockhash', key: a.type(0, U32), value: U32, max: a.number(1, DEFAULT_SIZE) }),
  },
  BPF_ARRAY_OF_MAPS: {
    args: ['inner', 'number'],
    make: (a) => ({ type: 'array_of_maps', key: INT, value: U32, max: a.number(1), inner: a.name(0) || a.text(0) }),
  },
  BPF_HASH_OF_MAPS: {
    args: ['type?', 'inner', 'number?'],
    make: (a) => {
      const i = a.list[0]?.type ? 1 : 0;
      return {
        type: 'hash_of_maps',
        key: a.type(0, INT),
        value: U32,
        max: a.number(i + 1, DEFAULT_SIZE),
        inner: a.name(i) || a.text(i),
      };
    },
  },
  BPF_SK_STORAGE: storage('sk_storage'),
  BPF_INODE_STORAGE: storage('inode_storage'),
  BPF_TASK_STORAGE: storage('task_storage'),
  BPF_CGROUP_STORAGE: cgroupStorage('cgroup_storage'),
  BPF_PERCPU_CGROUP_STORAGE: cgroupStorage('percpu_cgroup_storage'),
  BPF_QUEUE: queue('queue'),
  BPF_STACK: queue('stack'),
};

const MACRO_NAMES = new Set([...Object.keys(NAMED), ...Object.keys(TABLES)]);

/** Names of all map macros: they count as defined for `#ifdef`. */
export function isMapMacro(name: string): boolean {
  return MACRO_NAMES.has(name);
}

/**
 *   map-declaration = macro "(" argument ("," argument)* ")" [";"]
 *
 * Answers false when the parser does not stand at one.
 */
export function parseMapDeclaration(p: Parser): boolean {
  const at = p.tok;
  if (p.peek().text !== '(' || p.cx.lookupOwn(at.text)) return false;
  const named = Object.hasOwn(NAMED, at.text) ? NAMED[at.text] : undefined;
  const row = named ?? (Object.hasOwn(TABLES, at.text) ? TABLES[at.text] : undefined);
  if (!row) return misspelt(p, at);
  p.next();
  const open = p.next();
  const kinds = named ? ['name', ...row.args] : row.args;
  const args: Arg[] = [];
  if (!p.is(')')) {
    do args.push(parseArgument(p, kinds[args.length]));
    while (p.accept(','));
  }
  const close = p.expect(')', open);
  p.accept(';');
  const least = kinds.filter((k) => !k.endsWith('?')).length;
  if (args.length < least || args.length > kinds.length) {
    p.cx.report.error(
      at,
      `${at.text} takes ${least === kinds.length ? least : `${least} to ${kinds.length}`} argument${kinds.length === 1 ? '' : 's'}, not ${args.length}`,
      {
        ranges: [{ file: at.file, start: at.start, end: close.end }],
      },
    );
    return true;
  }
  if (!checkKinds(p, at, args, kinds, at.text === 'BPF_HASH_OF_MAPS')) return true;
  const name = args[kinds.indexOf('name')]!;
  const shape = row.make(new Args(named ? args.slice(1) : args, p));
  declareMap(p, at, name, shape);
  return true;
}

function checkKinds(p: Parser, macro: Token, args: readonly Arg[], kinds: readonly string[], loose: boolean): boolean {
  let ok = true;
  args.forEach((a, i) => {
    if (loose && i > 0) return;
    const kind = kinds[i]!.replace('?', '');
    const right =
      kind === 'type'
        ? a.type !== undefined
        : kind === 'number'
          ? a.value !== undefined
          : kind === 'text'
            ? a.text !== undefined
            : a.name !== undefined || a.text !== undefined;
    if (right || a.type?.kind === 'error') return;
    const want = {
      type: 'a type',
      number: 'a constant number',
      text: 'a string',
      name: 'a name',
      inner: 'the name of a map',
    }[kind]!;
    p.cx.report.error(a.at, `argument ${i + 1} of ${macro.text} must be ${want}`);
    ok = false;
  });
  return ok;
}

function parseArgument(p: Parser, kind: string | undefined): Arg {
  const at = p.tok;
  if (at.kind === 'string') {
    let text = '';
    while (p.tok.kind === 'string') {
      const bytes = stringBytes(p.next().text);
      if (typeof bytes !== 'string') text += String.fromCharCode(...bytes);
    }
    return { at, text };
  }
  const alone = p.peek().text === ',' || p.peek().text === ')';
  // A bare name may be a typedef, an enumerator, or a new name: the row's kinds decide.
  if (at.kind === 'ident' && alone) {
    if (kind === 'name') {
      p.next();
      return { at, name: at.text };
    }
    const own = p.cx.lookupOwn(at.text);
    const known = own ?? p.cx.outer.symbol(at.text, at);
    if (known?.kind === 'enumerator') {
      p.next();
      return { at, name: at.text, value: known.value };
    }
    if (isTypeStart(p)) {
      const type = parseTypeName(p);
      return { at, type, name: at.text };
    }
    p.next();
    return { at, name: at.text };
  }
  if (isTypeStart(p)) return { at, type: parseTypeName(p) };
  const value = requireConstant(p.cx, parseConditional(p), 'argument');
  return value === undefined ? { at, value: 1n } : { at, value };
}

function declareMap(p: Parser, macro: Token, name: Arg, shape: Shape): void {
  const { cx } = p;
  const before = cx.inThisScope(name.name!);
  if (before) {
    cx.report.error(name.at, `redefinition of '${name.name}'`, {
      notes: before.at ? [note(before.at, 'previous definition is here')] : [],
    });
    return;
  }
  const sized = (t: CType | undefined, what: string): number => {
    if (!t) return 0;
    const size = sizeOf(t);
    if (size === undefined || t.kind === 'void' || t.kind === 'func') {
      if (t.kind !== 'error')
        cx.report.error(name.at, `${what} of map '${name.name}' has incomplete type ${quotedType(t)}`);
      return 8;
    }
    return size;
  };
  if (!(shape.max >= 0 && shape.max <= 0xffffffff))
    cx.report.error(name.at, `map '${name.name}' cannot have ${shape.max} entries`);
  const inner = shape.inner;
  if (inner !== undefined && !cx.maps.some((m) => m.name === inner)) {
    const near = nearestNames(
      inner,
      cx.maps.map((m) => m.name),
      1,
    )[0];
    cx.report.error(
      macro,
      `inner map '${inner}' of '${name.name}' is not declared before it${near ? `; did you mean '${near}'?` : ''}`,
    );
  }
  const map: MapDecl = {
    name: name.name!,
    type: shape.type,
    key: shape.key,
    value: shape.value,
    keySize: sized(shape.key, 'key'),
    valueSize: sized(shape.value, 'value'),
    maxEntries: shape.max,
    flags: shape.flags ?? 0,
    at: name.at,
    macro: macro.text,
    used: false,
    ...(shape.pin === undefined ? {} : { pin: shape.pin }),
    ...(shape.share === undefined ? {} : { share: shape.share }),
    ...(inner === undefined ? {} : { inner }),
  };
  cx.maps.push(map);
  cx.declareGlobal({ kind: 'map', name: map.name, map, at: name.at });
}

/** `BPF_HAHS(...)` */
function misspelt(p: Parser, at: Token): boolean {
  if (!/^BPF_[A-Z_]+$/.test(at.text) || isTypeStart(p)) return false;
  const near = nearestNames(at.text, [...Object.keys(NAMED), ...Object.keys(TABLES)], 1)[0];
  p.fail(at, `unknown map macro '${at.text}'${near ? `; did you mean '${near}'?` : ''}`);
}
