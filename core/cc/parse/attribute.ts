/**
 * `__attribute__((...))`, `_Alignas` and `asm("name")`: what they say of a type or a declaration. Unknown attributes are ignored, as GCC does
 * with a warning that nobody of this trade reads.
 */

import { alignOf } from '../ctype.ts';
import { stringBytes } from '../literal.ts';
import { requireConstant } from '../sema/constant.ts';
import { parseConditional } from './expression.ts';
import type { Parser } from './parser.ts';
import { isTypeStart, parseTypeName } from './specifier.ts';

export interface Attributes {
  packed: boolean;
  align: number | undefined;
  section: string | undefined;
  /** address_space(1) or btf_type_tag("user"). */
  user: boolean;
  /** deprecated("packet"): how bcc/proto.h marks packet headers. */
  packet: boolean;
  noinline: boolean;
  alwaysInline: boolean;
  /** `mode(DI)` and kin: bytes. */
  mode: number | undefined;
  weak: boolean;
  /** `preserve_access_index`: members lie where the kernel's struct of this name has them. */
  relocated: boolean;
  /** Our own, behind BPF_KSYSCALL: parameters come from the system call's registers. */
  syscallArguments: boolean;
}

export function noAttributes(): Attributes {
  return {
    packed: false,
    align: undefined,
    section: undefined,
    user: false,
    packet: false,
    noinline: false,
    alwaysInline: false,
    mode: undefined,
    weak: false,
    relocated: false,
    syscallArguments: false,
  };
}

const ATTRIBUTE = new Set(['__attribute__', '__attribute']);
const MODES: Record<string, number> = { QI: 1, HI: 2, SI: 4, DI: 8, TI: 16, byte: 1, word: 8 };

/**
 *   attributes = ("__attribute__" "((" list "))" | "_Alignas" "(" ... ")" | "asm" "(" string ")" | "[[" ... "]]")*
 */
export function parseAttributes(p: Parser, into: Attributes = noAttributes()): Attributes {
  for (;;) {
    if (ATTRIBUTE.has(p.tok.text)) {
      p.next();
      p.expect('(');
      p.expect('(');
      while (!p.is(')')) {
        if (p.accept(',')) continue;
        parseOne(p, into);
      }
      p.expect(')');
      p.expect(')');
    } else if (p.is('_Alignas') || p.is('alignas')) {
      p.next();
      const open = p.expect('(');
      const value = isTypeStart(p)
        ? BigInt(alignOf(parseTypeName(p)))
        : requireConstant(p.cx, parseConditional(p), 'alignment');
      if (value !== undefined && value > 0n) into.align = Math.max(into.align ?? 1, Number(value));
      p.expect(')', open);
    } else if (
      (p.is('asm') || p.is('__asm__') || p.is('__asm')) &&
      p.peek().text === '(' &&
      p.peek(2).kind === 'string'
    ) {
      p.next();
      const open = p.next();
      while (p.tok.kind === 'string') p.next();
      p.expect(')', open);
    } else if (p.is('[') && p.peek().text === '[') {
      while (!(p.is(']') && p.peek().text === ']') && p.tok.kind !== 'eof') p.next();
      p.next();
      p.next();
    } else return into;
  }
}

function parseOne(p: Parser, into: Attributes): void {
  if (ATTRIBUTE.has(p.tok.text)) {
    // `__attribute__((noinline))` where the kernel's macro `noinline` is an attribute itself.
    parseAttributes(p, into);
    return;
  }
  const name = p.next();
  if (name.kind !== 'ident') {
    if (name.kind === 'eof') p.fail(name, `expected ')' at the end of an attribute`);
    return;
  }
  const what = name.text.replace(/^__(.*)__$/, '$1');
  if (!p.is('(')) {
    if (what === 'packed') into.packed = true;
    else if (what === 'noinline') into.noinline = true;
    else if (what === 'always_inline') into.alwaysInline = true;
    else if (what === 'weak') into.weak = true;
    else if (what === 'preserve_access_index') into.relocated = true;
    else if (what === 'syscall_arguments') into.syscallArguments = true;
    else if (what === 'aligned') into.align = Math.max(into.align ?? 1, 16);
    return;
  }
  const open = p.next();
  switch (what) {
    case 'aligned': {
      const value = requireConstant(p.cx, parseConditional(p), 'alignment', name);
      if (value === undefined) break;
      if (value <= 0n || (value & (value - 1n)) !== 0n || value > 1n << 20n)
        p.cx.report.error(name, 'requested alignment is not a power of 2');
      else into.align = Math.max(into.align ?? 1, Number(value));
      break;
    }
    case 'section': {
      const bytes = p.tok.kind === 'string' ? stringBytes(p.tok.text) : '';
      if (typeof bytes === 'string') p.cx.report.error(p.tok, `'section' attribute requires a string`);
      else into.section = String.fromCharCode(...bytes);
      break;
    }
    case 'deprecated':
      if (p.tok.text === '"packet"') into.packet = true;
      break;
    case 'btf_type_tag':
      if (p.tok.text === '"user"') into.user = true;
      break;
    case 'address_space':
      if (p.tok.text === '1') into.user = true;
      break;
    case 'mode':
      into.mode = MODES[p.tok.text.replace(/^__(.*)__$/, '$1')];
      break;
    case 'vector_size':
      p.cx.report.error(name, 'vector types are not available in BPF programs: use an array');
      break;
    default:
  }
  skipRest(p);
  p.expect(')', open);
}

function skipRest(p: Parser): void {
  let depth = 0;
  while (p.tok.kind !== 'eof') {
    if (p.is('(')) depth++;
    else if (p.is(')') && depth-- === 0) return;
    p.next();
  }
}
