/** Declarators (C11 6.7.6, 6.7.7): from the name outwards to the type. */
import {
  arrayOf,
  type CType,
  type FuncType,
  isInteger,
  type Param,
  pointerTo,
  quotedType,
  sizeOf,
  typeName,
  VOID,
} from '../ctype.ts';
import { SyntaxStop } from '../report.ts';
import { constantOf } from '../sema/constant.ts';
import { rangeOf } from '../sema/convert.ts';
import type { Token } from '../token.ts';
import { type Attributes, noAttributes, parseAttributes } from './attribute.ts';
import { parseAssignment } from './expression.ts';
import type { Parser } from './parser.ts';
import { isTypeStart, KEYWORDS, parseSpecifiers } from './specifier.ts';

export interface Declarator {
  readonly type: CType;
  readonly name: Token | undefined;
  readonly attributes: Attributes;
}

/** May it, must it or must it not have a name? */
export type DeclaratorKind = 'named' | 'abstract' | 'either';

/**
 *   declarator = pointer* (name | "(" declarator ")") suffix*
 *   pointer    = "*" (qualifier | attributes)*
 *   suffix     = "[" [expression] "]" | "(" parameters ")"
 */
export function parseDeclarator(p: Parser, base: CType, kind: DeclaratorKind): Declarator {
  const attributes = parseAttributes(p);
  const d = direct(p, kind, attributes);
  parseAttributes(p, attributes);
  let type = d.wrap(attributes.user && base.kind !== 'ptr' ? { ...base, user: true } : base);
  // `T __user *p` and `T *__user p` both mean user memory; the attribute stands in either place.
  if (attributes.user && type.kind === 'ptr' && base.kind === 'ptr') type = { ...type, to: { ...type.to, user: true } };
  checkLevels(p, type);
  return { type, name: d.name, attributes };
}

/** Types made of types made of types, by typedefs: whoever prints or compares them goes down as deep. */
const MOST_LEVELS = 256;

function checkLevels(p: Parser, type: CType): void {
  let levels = 0;
  for (
    let t: CType | undefined = type;
    t;
    t = t.kind === 'ptr' ? t.to : t.kind === 'array' ? t.of : t.kind === 'func' ? t.ret : undefined
  )
    if (++levels > MOST_LEVELS)
      p.cx.report.fatal(p.tok, `type has more than ${MOST_LEVELS} levels of pointers, arrays and functions`);
}

interface Shape {
  readonly name: Token | undefined;
  readonly wrap: (base: CType) => CType;
}

function direct(p: Parser, kind: DeclaratorKind, attributes: Attributes): Shape {
  const pointers: { const?: boolean; volatile?: boolean; user?: boolean }[] = [];
  while (p.is('*') || p.is('^')) {
    if (pointers.length > 64) p.fail(p.tok, 'too many levels of pointers');
    p.next();
    const quals: { const?: boolean; volatile?: boolean; user?: boolean } = {};
    for (;;) {
      const t = p.tok.text;
      if (t === 'const' || t === '__const' || t === '__const__') quals.const = true;
      else if (t === 'volatile' || t === '__volatile__' || t === '__volatile') quals.volatile = true;
      else if (t === '__attribute__' || t === '__attribute') {
        const own = parseAttributes(p, noAttributes());
        if (own.user) quals.user = true;
        continue;
      } else if (!(t === 'restrict' || t === '__restrict' || t === '__restrict__' || t === '_Atomic')) break;
      p.next();
    }
    pointers.push(quals);
  }
  let name: Token | undefined;
  let inner: Shape | undefined;
  if (p.is('(') && opensDeclarator(p, kind)) {
    const open = p.next();
    inner = p.nested(open, () => {
      parseAttributes(p, attributes);
      return direct(p, kind, attributes);
    });
    p.expect(')', open);
    name = inner.name;
  } else if (kind !== 'abstract' && p.tok.kind === 'ident' && !KEYWORDS.has(p.tok.text)) {
    name = p.next();
  } else if (kind === 'named') {
    if (p.tok.kind === 'ident') p.fail(p.tok, `expected a name, but '${p.tok.text}' is a keyword`);
    p.fail(p.tok, "expected identifier or '('");
  }
  const suffixes: ((t: CType) => CType)[] = [];
  for (;;) {
    if (p.is('[') && p.peek().text !== '[') suffixes.push(arraySuffix(p, name));
    else if (p.is('(')) suffixes.push(functionSuffix(p));
    else break;
    if (suffixes.length > 64) p.fail(p.tok, 'too many array dimensions');
  }
  const wrap = (base: CType): CType => {
    let t = base;
    for (const q of pointers) {
      const to = q.user ? { ...t, user: true } : t;
      t =
        q.const || q.volatile
          ? { ...pointerTo(to), ...(q.const ? { const: true } : {}), ...(q.volatile ? { volatile: true } : {}) }
          : pointerTo(to);
    }
    for (let i = suffixes.length - 1; i >= 0; i--) t = suffixes[i]!(t);
    return inner ? inner.wrap(t) : t;
  };
  return { name, wrap };
}

/** Is this '(' the start of a parenthesised declarator rather than of parameters? */
function opensDeclarator(p: Parser, kind: DeclaratorKind): boolean {
  const t = p.peek();
  if (t.text === '*' || t.text === '^' || t.text === '(' || t.text === '[') return true;
  if (t.text === '__attribute__') return true;
  if (t.kind !== 'ident' || kind === 'abstract') return false;
  return kind === 'named'
    ? !isTypeStart(p, 1) || (p.cx.lookupOwn(t.text) === undefined && p.peek(2).text === ')')
    : !isTypeStart(p, 1);
}

function arraySuffix(p: Parser, name: Token | undefined): (t: CType) => CType {
  const open = p.next();
  while (p.is('static') || p.is('const') || p.is('restrict') || p.is('volatile')) p.next();
  let count: number | undefined;
  if (!p.is(']') && !(p.is('*') && p.peek().text === ']')) {
    const e = p.nested(open, () => parseAssignment(p));
    const value = constantOf(e);
    if (value === undefined) {
      if (e.type.kind !== 'error' && !isInteger(e.type)) {
        p.cx.report.error(
          name ?? e.at,
          `size of array ${name ? `'${name.text}' ` : ''}has non-integer type ${quotedType(e.type)}`,
          { ranges: [rangeOf(e)] },
        );
      } else if (e.type.kind !== 'error') {
        p.cx.report.error(
          name ?? e.at,
          `variable-length arrays are not available in BPF programs: give ${name ? `'${name.text}'` : 'the array'} a constant size`,
        );
      }
      count = 1;
    } else if (BigInt.asIntN(64, value) < 0n) {
      p.cx.report.error(name ?? e.at, `${name ? `'${name.text}' ` : ''}declared as an array with a negative size`);
      count = 1;
    } else if (value > 0x7fffffffn) {
      p.cx.report.error(name ?? e.at, 'array is too large');
      count = 1;
    } else count = Number(value);
  } else if (p.is('*')) p.next();
  p.expect(']', open);
  return (t) => {
    if (t.kind === 'func' || t.kind === 'void' || (sizeOf(t) === undefined && t.kind !== 'error')) {
      p.cx.report.error(name ?? open, `array has incomplete element type '${typeName(t)}'`);
      return arrayOf({ kind: 'error' }, count);
    }
    return arrayOf(t, count);
  };
}

/**
 *   parameters = "void" | parameter ("," parameter)* ["," "..."] | empty
 *   parameter  = specifiers declarator
 */
function functionSuffix(p: Parser): (t: CType) => CType {
  const open = p.next();
  const params: Param[] = [];
  let variadic = false;
  const unspecified = p.is(')');
  p.cx.enter();
  try {
    if (p.is('void') && p.peek().text === ')') p.next();
    else if (!unspecified) {
      do {
        if (p.accept('...')) {
          variadic = true;
          break;
        }
        params.push(p.nested(open, () => parseParameter(p)));
      } while (p.accept(','));
    }
  } finally {
    p.cx.leave();
  }
  p.expect(')', open);
  return (ret): FuncType => {
    if (ret.kind === 'array' || ret.kind === 'func') {
      p.cx.report.error(
        open,
        `function cannot return ${ret.kind === 'array' ? 'array' : 'function'} type '${typeName(ret)}'`,
      );
      ret = VOID;
    }
    return { kind: 'func', ret, params, variadic, ...(unspecified ? { unspecified } : {}) };
  };
}

function parseParameter(p: Parser): Param {
  if (!isTypeStart(p)) {
    // `f(a, b)` in the old style, or a misspelt type.
    if (p.tok.kind === 'ident' && (p.peek().kind === 'ident' || p.peek().text === '*')) {
      p.cx.report.error(p.tok, `unknown type name '${p.tok.text}'`);
      p.next();
      const d = parseDeclarator(p, { kind: 'error' }, 'either');
      return { name: d.name?.text, type: { kind: 'error' }, ...(d.name ? { at: d.name } : {}) };
    }
    if (p.tok.kind === 'ident') p.cx.report.error(p.tok, `unknown type name '${p.tok.text}'`);
    else p.cx.report.error(p.tok, 'expected parameter declarator');
    throw new SyntaxStop();
  }
  const specs = parseSpecifiers(p);
  const d = parseDeclarator(p, specs.type, 'either');
  let type = d.type;
  if (type.kind === 'array') type = pointerTo({ ...type.of, ...(type.user ? { user: true } : {}) } as CType);
  else if (type.kind === 'func') type = pointerTo(type);
  else if (type.kind === 'void') p.cx.report.error(d.name ?? specs.at, 'argument may not have void type');
  return { name: d.name?.text, type, ...(d.name ? { at: d.name } : { at: specs.at }) };
}
