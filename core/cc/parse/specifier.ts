/** Declaration specifiers (C11 6.7.1 to 6.7.5): storage, qualifiers, and the type they name. */
import {
  BOOL,
  CHAR,
  type CType,
  ERROR,
  INT,
  INT128,
  type IntType,
  LLONG,
  LONG,
  SCHAR,
  SHORT,
  UCHAR,
  UINT,
  UINT128,
  ULLONG,
  ULONG,
  USHORT,
  unqualified,
  VOID,
} from '../ctype.ts';
import type { Token } from '../token.ts';
import { type Attributes, noAttributes, parseAttributes } from './attribute.ts';
import { parseDeclarator } from './declarator.ts';
import { parseExpression } from './expression.ts';
import type { Parser } from './parser.ts';
import { parseEnum, parseRecord } from './record.ts';

export interface Specifiers {
  readonly type: CType;
  readonly storage: 'typedef' | 'extern' | 'static' | 'register' | 'auto' | undefined;
  readonly inline: boolean;
  readonly attributes: Attributes;
  readonly at: Token;
  /** The specifiers alone declare something: a struct or enum with a tag. */
  readonly declaresTag: boolean;
}

const STORAGE = new Set(['typedef', 'extern', 'static', 'register', 'auto', '_Thread_local', '__thread']);
const QUALIFIERS = new Set([
  'const',
  'volatile',
  'restrict',
  '__const',
  '__const__',
  '__volatile__',
  '__volatile',
  '__restrict',
  '__restrict__',
  '_Atomic',
  '__extension__',
  '_Noreturn',
  '__auto_type',
]);
const INLINE = new Set(['inline', '__inline', '__inline__']);
const BASIC = new Set([
  'void',
  'char',
  'short',
  'int',
  'long',
  'float',
  'double',
  'signed',
  '__signed__',
  '__signed',
  'unsigned',
  '_Bool',
  '__int128',
  '__int128_t',
  '__uint128_t',
  '_Complex',
  '_Float16',
  '__float128',
  '_Float128',
  '__builtin_va_list',
]);
const TAGGED = new Set(['struct', 'union', 'enum']);
const TYPEOF = new Set(['typeof', '__typeof__', '__typeof', 'typeof_unqual', '__auto_type']);
const MISC = new Set(['__attribute__', '__attribute', '_Alignas', 'alignas']);

export const KEYWORDS = new Set([
  ...STORAGE,
  ...QUALIFIERS,
  ...INLINE,
  ...BASIC,
  ...TAGGED,
  ...TYPEOF,
  ...MISC,
  'if',
  'else',
  'while',
  'do',
  'for',
  'switch',
  'case',
  'default',
  'break',
  'continue',
  'return',
  'goto',
  'sizeof',
  '_Alignof',
  '__alignof__',
  'asm',
  '__asm__',
  '__asm',
  '_Static_assert',
  '_Generic',
]); // prettier-ignore

/** Does a declaration (or type name) begin here, or so many tokens ahead? */
export function isTypeStart(p: Parser, ahead = 0): boolean {
  const tok = ahead === 0 ? p.tok : p.peek(ahead);
  if (tok.kind !== 'ident') return false;
  const t = tok.text;
  // It stands before declarations and before expressions: what follows tells.
  if (t === '__extension__') return isTypeStart(p, ahead + 1);
  if (
    BASIC.has(t) ||
    TAGGED.has(t) ||
    QUALIFIERS.has(t) ||
    STORAGE.has(t) ||
    INLINE.has(t) ||
    TYPEOF.has(t) ||
    MISC.has(t)
  )
    return true;
  return !KEYWORDS.has(t) && p.cx.isTypedef(t);
}

/**
 *   specifiers = (storage | qualifier | "inline" | attributes | type)+
 *   type       = basic+ | struct-or-union | enum | typedef-name | "typeof" "(" (expression | type-name) ")"
 */
export function parseSpecifiers(p: Parser): Specifiers {
  const at = p.tok;
  let storage: Specifiers['storage'];
  let inline = false;
  let type: CType | undefined;
  let declaresTag = false;
  const quals: { const?: boolean; volatile?: boolean } = {};
  const words: string[] = [];
  const attributes = noAttributes();
  for (;;) {
    const tok = p.tok;
    const t = tok.text;
    if (tok.kind !== 'ident') break;
    if (STORAGE.has(t)) {
      p.next();
      if (t === '_Thread_local' || t === '__thread')
        p.cx.report.error(tok, 'thread-local storage does not exist in BPF programs');
      else if (storage && storage !== t)
        p.cx.report.error(tok, `cannot combine with previous '${storage}' declaration specifier`);
      else storage = t as Specifiers['storage'];
    } else if (t === '__auto_type') {
      p.next();
      type = AUTO;
    } else if (QUALIFIERS.has(t)) {
      p.next();
      if (t.includes('const')) quals.const = true;
      else if (t.includes('volatile')) quals.volatile = true;
      else if (t === '_Atomic' && p.is('(')) {
        const open = p.next();
        type = parseTypeName(p);
        p.expect(')', open);
      }
    } else if (INLINE.has(t)) {
      p.next();
      inline = true;
    } else if (MISC.has(t)) {
      parseAttributes(p, attributes);
    } else if (BASIC.has(t)) {
      if (type) break;
      p.next();
      words.push(t);
    } else if (TAGGED.has(t)) {
      if (type || words.length > 0) break;
      p.next();
      if (t === 'enum') type = { kind: 'enum', decl: parseEnum(p, tok) };
      else type = { kind: 'record', decl: parseRecord(p, t as 'struct' | 'union', tok) };
      declaresTag = true;
    } else if (TYPEOF.has(t)) {
      if (type || words.length > 0) break;
      p.next();
      type = parseTypeof(p);
      if (t === 'typeof_unqual') type = unqualified(type);
    } else {
      // A typedef name, unless a type came already (then it is the declarator).
      if (type || words.length > 0 || KEYWORDS.has(t) || !p.cx.isTypedef(t)) break;
      const symbol = p.cx.lookup(t, tok);
      if (symbol?.kind !== 'typedef') break;
      p.next();
      type = symbol.type;
    }
  }
  if (words.length > 0) type = basicType(p, words, at);
  if (!type) {
    if (p.tok.kind === 'ident' && !KEYWORDS.has(p.tok.text)) {
      const unknown = p.tok;
      p.cx.report.error(unknown, `unknown type name '${unknown.text}'`);
      p.next();
      type = ERROR;
    } else if (storage || inline || quals.const || quals.volatile) {
      p.cx.report.error(p.tok, 'expected a type');
      type = ERROR;
    } else p.fail(p.tok, 'expected a type');
  }
  if (attributes.mode !== undefined && type.kind === 'int') type = ofMode(type, attributes.mode);
  if (attributes.user) type = { ...type, user: true };
  if (quals.const || quals.volatile) type = { ...type, ...quals };
  return { type, storage, inline, attributes, at, declaresTag };
}

/** Stands for `__auto_type` until the initialiser is known. */
export const AUTO: CType = { kind: 'error', alias: '__auto_type' };

function parseTypeof(p: Parser): CType {
  const open = p.expect('(');
  const type = p.nested(open, () => (isTypeStart(p) ? parseTypeName(p) : parseExpression(p, false).type));
  p.expect(')', open);
  return type;
}

/** Basic type words in any order: `unsigned long long int`, `long unsigned`, ... */
function basicType(p: Parser, words: readonly string[], at: Token): CType {
  const count = (...names: string[]) => words.filter((w) => names.includes(w)).length;
  const unsigned = count('unsigned');
  const signed = count('signed', '__signed__', '__signed');
  const long = count('long');
  const short = count('short');
  const base = words.find((w) => !['unsigned', 'signed', '__signed__', '__signed', 'long', 'short', 'int'].includes(w));
  const bad = (): CType => {
    p.cx.report.error(at, `invalid type '${words.join(' ')}'`);
    return INT;
  };
  if (unsigned > 1 || signed > 1 || (unsigned && signed) || long > 2 || short > 1 || (long && short)) return bad();
  if (base === undefined) {
    if (short) return unsigned ? USHORT : SHORT;
    if (long === 2) return unsigned ? ULLONG : LLONG;
    if (long === 1) return unsigned ? ULONG : LONG;
    return unsigned ? UINT : INT;
  }
  if (words.filter((w) => w === base).length > 1) return bad();
  switch (base) {
    case 'void':
      return words.length === 1 ? VOID : bad();
    case 'char':
      if (long || short || count('int')) return bad();
      return unsigned ? UCHAR : signed ? SCHAR : CHAR;
    case '_Bool':
      return words.length === 1 ? BOOL : bad();
    case '__int128':
    case '__int128_t':
      return unsigned ? UINT128 : INT128;
    case '__uint128_t':
      return UINT128;
    case '__builtin_va_list':
      p.cx.report.error(at, 'variadic functions cannot be written in BPF programs');
      return ERROR;
    default:
      p.cx.report.error(at, `floating point ('${words.join(' ')}') is not available in BPF programs: use integers`);
      return ERROR;
  }
}

function ofMode(type: IntType, bytes: number): CType {
  const table: Record<number, [IntType, IntType]> = {
    1: [SCHAR, UCHAR],
    2: [SHORT, USHORT],
    4: [INT, UINT],
    8: [LONG, ULONG],
    16: [INT128, UINT128],
  };
  return table[bytes]![type.signed ? 0 : 1];
}

/**
 *   type-name = specifiers abstract-declarator
 */
export function parseTypeName(p: Parser): CType {
  const specs = parseSpecifiers(p);
  const d = parseDeclarator(p, specs.type, 'abstract');
  return d.type;
}
