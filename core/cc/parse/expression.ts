/** Expressions (C11 6.5) with GNU's statement expressions, `?:` without a middle, typeof, `__extension__`, `_Generic`. */
import {
  alignOf,
  arrayOf,
  CHAR,
  type CType,
  compatible,
  DOUBLE,
  INT,
  type IntType,
  isInteger,
  LLONG,
  LONG,
  quotedType,
  rvalueType,
  sizeOf,
  UINT,
  ULLONG,
  ULONG,
  USHORT,
  VOID,
} from '../ctype.ts';
import { characterValue, joinedStrings, numberValue } from '../literal.ts';
import { addressOf, deref, element, member, nameExpr, sizeOrReport, undeclared } from '../sema/access.ts';
import { BUILTINS } from '../sema/builtins.ts';
import { call, unknownFunction } from '../sema/call.ts';
import { explicitCast, rvalue } from '../sema/convert.ts';
import { depthOf, errorExpr, intExpr, type Place, placeOf } from '../sema/make.ts';
import { assign, binary, comma, conditional, logical, unary, update } from '../sema/operators.ts';
import type { Token } from '../token.ts';
import type { BinaryOp, Expr, VarSymbol } from '../tree.ts';
import { parseInitializer } from './initializer.ts';
import type { Parser } from './parser.ts';
import { relocating, SPECIAL_FORMS } from './special-form.ts';
import { isTypeStart, KEYWORDS, parseTypeName } from './specifier.ts';
import { bodyOf, parseBlock } from './statement.ts';

/** Operands that an operator chain may have before it is refused as a whole (a flat list needs no recursion to build). */
const UPDATE_OPS: Record<string, BinaryOp> = {
  '+=': '+',
  '-=': '-',
  '*=': '*',
  '/=': '/',
  '%=': '%',
  '&=': '&',
  '|=': '|',
  '^=': '^',
  '<<=': '<<',
  '>>=': '>>',
};

const PRECEDENCE: Record<string, number> = {
  '||': 1,
  '&&': 2,
  '|': 3,
  '^': 4,
  '&': 5,
  '==': 6,
  '!=': 6,
  '<': 7,
  '>': 7,
  '<=': 7,
  '>=': 7,
  '<<': 8,
  '>>': 8,
  '+': 9,
  '-': 9,
  '*': 10,
  '/': 10,
  '%': 10,
}; // prettier-ignore

/**
 *   expression = assignment ("," assignment)*
 *
 * `evaluated` is false inside sizeof and typeof (nothing there counts as used by the program).
 */
export function parseExpression(p: Parser, _evaluated = true): Expr {
  let left = parseAssignment(p);
  while (p.is(',')) {
    const at = p.next();
    left = comma(p.cx, left, parseAssignment(p), at);
  }
  return left;
}

/**
 *   assignment = conditional [("=" | "+=" | ...) assignment]
 */
export function parseAssignment(p: Parser): Expr {
  const left = parseConditional(p);
  if (p.tok.kind !== 'punct') return left;
  if (p.is('=')) {
    const at = p.next();
    return assign(
      p.cx,
      left,
      p.nested(at, () => parseAssignment(p)),
      at,
    );
  }
  const op = UPDATE_OPS[p.tok.text];
  if (op === undefined) return left;
  const at = p.next();
  const right = p.nested(at, () => parseAssignment(p));
  return update(p.cx, left, op, right, at, false, { at, from: left.from, to: right.to });
}

/**
 *   conditional = binary ["?" [expression] ":" conditional]
 */
export function parseConditional(p: Parser): Expr {
  const test = parseBinary(p, 1);
  if (!p.is('?')) return test;
  const at = p.next();
  return p.nested(at, () => {
    const then = p.is(':') ? undefined : parseExpression(p);
    p.expect(':', at);
    return conditional(p.cx, test, then, parseConditional(p), at);
  });
}

/** Binary operators by precedence; left-leaning chains are a loop. */
function parseBinary(p: Parser, least: number): Expr {
  let left = parseCast(p);
  for (;;) {
    const level = p.tok.kind === 'punct' ? PRECEDENCE[p.tok.text] : undefined;
    if (level === undefined || level < least) return left;
    const op = p.next();
    const right = parseBinary(p, level + 1);
    if (op.text === '&&' || op.text === '||') left = logical(p.cx, op.text, left, right, op);
    else left = binary(p.cx, op.text as BinaryOp, left, right, op);
  }
}

/**
 *   cast = "(" type-name ")" cast | "(" type-name ")" "{" initialisers "}" | unary
 */
export function parseCast(p: Parser): Expr {
  if (p.is('(') && isTypeStart(p, 1) && !namesObject(p, p.peek())) {
    const open = p.next();
    const type = parseTypeName(p);
    p.expect(')', open);
    if (p.is('{')) return parsePostfix(p, compoundLiteral(p, type, open));
    const operand = p.nested(open, () => parseCast(p));
    return explicitCast(p.cx, operand, type, { at: open, from: open, to: operand.to });
  }
  return parseUnary(p);
}

/** A typedef name of the outer scope that the program uses as an object. */
function namesObject(p: Parser, t: Token): boolean {
  const own = p.cx.lookupOwn(t.text);
  return own !== undefined && own.kind !== 'typedef';
}

function compoundLiteral(p: Parser, type: CType, open: Token): Expr {
  const made = parseInitializer(p, type);
  const global = p.cx.fn === undefined;
  const symbol: VarSymbol = {
    kind: 'var',
    name: global ? `.literal.${p.cx.staticCount++}` : '',
    type: made.type,
    at: open,
    storage: global ? 'global' : 'auto',
    init: made.init,
    used: true,
  };
  if (global) p.cx.globals.push(symbol);
  return { kind: 'literal', symbol, type: made.type, at: open, from: open, to: p.last, depth: depthOf(p.cx, open) };
}

/**
 *   unary = ("+" | "-" | "!" | "~" | "*" | "&") cast | ("++" | "--") unary
 *         | "sizeof" (unary | "(" type-name ")") | "_Alignof" "(" type-name ")" | "__extension__" cast | postfix
 */
function parseUnary(p: Parser): Expr {
  const at = p.tok;
  if (at.kind === 'punct') {
    switch (at.text) {
      case '+':
      case '-':
      case '!':
      case '~':
        p.next();
        return unary(
          p.cx,
          at.text,
          p.nested(at, () => parseCast(p)),
          at,
        );
      case '*':
        p.next();
        return deref(
          p.cx,
          p.nested(at, () => parseCast(p)),
          at,
        );
      case '&':
        p.next();
        return addressOf(
          p.cx,
          p.nested(at, () => parseCast(p)),
          at,
        );
      case '++':
      case '--': {
        p.next();
        const target = p.nested(at, () => parseUnary(p));
        return update(p.cx, target, at.text === '++' ? '+' : '-', intExpr(1n, INT, placeOf(at)), at, false, {
          at,
          from: at,
          to: target.to,
        });
      }
      case '&&':
        p.fail(at, 'labels as values are not available in BPF programs');
    }
  }
  if (at.kind === 'ident') {
    if (at.text === 'sizeof' || at.text === '_Alignof' || at.text === '__alignof__' || at.text === 'alignof')
      return parseSizeof(p);
    if (at.text === '__extension__') {
      p.next();
      return p.nested(at, () => parseCast(p));
    }
  }
  return parsePostfix(p, parsePrimary(p));
}

function parseSizeof(p: Parser): Expr {
  const at = p.next();
  const size = at.text === 'sizeof';
  let type: CType;
  let to: Token;
  if (p.is('(') && isTypeStart(p, 1) && !namesObject(p, p.peek())) {
    const open = p.next();
    type = parseTypeName(p);
    to = p.expect(')', open);
    // sizeof (T){...} is of the literal.
    if (p.is('{')) {
      const e = parsePostfix(p, compoundLiteral(p, type, open));
      type = e.type;
      to = e.to;
    }
  } else {
    const e = p.nested(at, () => parseUnary(p));
    if (e.kind === 'member' && e.place.field.bitWidth !== undefined)
      p.cx.report.error(at, `invalid application of '${at.text}' to bit-field`);
    type = e.type;
    to = e.to;
  }
  const place: Place = { at, from: at, to };
  if (type.kind === 'error') return errorExpr(place);
  return intExpr(BigInt(size ? sizeOrReport(p.cx, type, at, 'sizeof') : alignOf(type)), ULONG, place);
}

/**
 *   postfix = primary ("[" expression "]" | "(" arguments ")" | "." name | "->" name | "++" | "--")*
 */
function parsePostfix(p: Parser, first: Expr): Expr {
  let e = first;
  for (;;) {
    const op = p.tok;
    if (op.kind !== 'punct') return e;
    switch (op.text) {
      case '[': {
        p.next();
        const index = p.nested(op, () => parseExpression(p));
        e = element(p.cx, e, index, op, p.expect(']', op));
        break;
      }
      case '(': {
        p.next();
        const args = p.nested(op, () => parseArguments(p));
        const close = p.expect(')', op);
        e = call(p.cx, e, args, op, close);
        break;
      }
      case '.':
      case '->': {
        p.next();
        if (p.tok.kind !== 'ident') p.fail(p.tok, 'expected identifier');
        e = member(p.cx, e, op.text === '->', op, p.next());
        break;
      }
      case '++':
      case '--':
        p.next();
        e = update(p.cx, e, op.text === '++' ? '+' : '-', intExpr(1n, INT, placeOf(op)), op, true, {
          at: op,
          from: e.from,
          to: op,
        });
        break;
      default:
        return e;
    }
  }
}

/**
 *   arguments = [assignment ("," assignment)*]
 */
export function parseArguments(p: Parser): Expr[] {
  const args: Expr[] = [];
  if (p.is(')')) return args;
  do {
    if (args.length >= 1024) p.fail(p.tok, 'too many arguments');
    args.push(parseAssignment(p));
  } while (p.accept(','));
  return args;
}

/**
 *   primary = name | number | character | string+ | "(" expression ")" | "(" block ")" | "_Generic" "(" ... ")"
 */
function parsePrimary(p: Parser): Expr {
  const at = p.tok;
  switch (at.kind) {
    case 'number':
      p.next();
      return number(p, at);
    case 'char': {
      p.next();
      const c = characterValue(at.text);
      if (typeof c !== 'string') return intExpr(c.value, INT, placeOf(at));
      p.cx.report.error(at, c);
      return errorExpr(placeOf(at));
    }
    case 'string':
      return strings(p);
    case 'ident':
      if (at.text === '_Generic') return p.nested(at, () => generic(p));
      if (KEYWORDS.has(at.text)) {
        if (isTypeStart(p)) p.fail(at, `expected expression, but '${at.text}' begins a type`);
        p.fail(at, `expected expression before '${at.text}'`);
      }
      return name(p);
    case 'punct':
      if (at.text === '(') {
        p.next();
        if (p.is('{')) return statementExpression(p, at);
        const e = p.nested(at, () => parseExpression(p));
        const close = p.expect(')', at);
        return { ...e, from: at, to: close };
      }
      break;
    case 'eof':
      if (p.braces.length > 0) p.missingBrace();
      p.fail(at, 'expected expression at the end of the file');
      break;
    default:
  }
  p.fail(at, 'expected expression');
}

/** A name: what the program declared, or a call of a builtin or special form, or something of the outer scope. */
function name(p: Parser): Expr {
  const at = p.next();
  const own = p.cx.lookupOwn(at.text);
  if (own && own.kind !== 'func') return nameExpr(p.cx, own, at);
  if (at.text === '__func__') {
    const bytes = [...(p.cx.fn?.name ?? '')].map((c) => c.charCodeAt(0) & 255);
    return { kind: 'string', bytes: [...bytes, 0], type: arrayOf(CHAR, bytes.length + 1), ...placeOf(at), depth: 1 };
  }
  if (p.is('(') && !own) {
    const special = SPECIAL_FORMS[at.text];
    if (special && Object.hasOwn(SPECIAL_FORMS, at.text)) return p.nested(at, () => special(p, at));
    const builtin = BUILTINS[at.text];
    if (builtin && Object.hasOwn(BUILTINS, at.text)) {
      const open = p.next();
      const read = () => p.nested(open, () => parseArguments(p));
      const args = at.text.startsWith('bpf_core_read') ? relocating(p, read) : read();
      const place: Place = { at, from: at, to: p.expect(')', open) };
      if (args.some((a) => a.type.kind === 'error')) return errorExpr(place);
      return builtin(p.cx, args, place, at.text);
    }
  }
  const symbol = own ?? p.cx.outer.symbol(at.text, at);
  if (symbol && !(symbol.kind === 'typedef' && p.is('('))) return nameExpr(p.cx, symbol, at);
  return p.is('(') ? unknownFunction(p.cx, at) : undeclared(p.cx, at);
}

function number(p: Parser, at: Token): Expr {
  const n = numberValue(at.text);
  if (typeof n === 'string') {
    p.cx.report.error(at, n);
    return errorExpr(placeOf(at));
  }
  if (n.kind === 'float') {
    // Beside a comparison, sema may still take a whole number for the integer it is; everything else refuses the type.
    if (n.whole !== undefined) return intExpr(n.whole, DOUBLE, placeOf(at));
    p.cx.report.error(at, 'floating point is not available in BPF programs: use integers');
    return errorExpr(placeOf(at));
  }
  return intExpr(n.value, literalType(n.value, n.unsigned, n.long, n.decimal), placeOf(at));
}

/** C11 6.4.4.1p5 */
function literalType(value: bigint, unsigned: boolean, long: 0 | 1 | 2, decimal: boolean): IntType {
  const candidates: IntType[] = [];
  if (long === 0) candidates.push(...(unsigned ? [UINT] : decimal ? [INT] : [INT, UINT]));
  if (long <= 1) candidates.push(...(unsigned ? [ULONG] : decimal ? [LONG] : [LONG, ULONG]));
  candidates.push(...(unsigned ? [ULLONG] : decimal ? [LLONG] : [LLONG, ULLONG]));
  const fits = (t: IntType) => value < 1n << BigInt(t.size * 8 - (t.signed ? 1 : 0));
  return candidates.find(fits) ?? ULLONG;
}

function strings(p: Parser): Expr {
  const from = p.tok;
  const tokens: Token[] = [];
  while (p.tok.kind === 'string') tokens.push(p.next());
  const { unit, bytes } = joinedStrings(
    tokens.map((t) => t.text),
    (index, message) => p.cx.report.error(tokens[index]!, message),
  );
  const of = unit === 1 ? CHAR : unit === 2 ? USHORT : tokens.some((t) => t.text.startsWith('L')) ? INT : UINT;
  return {
    kind: 'string',
    bytes,
    type: arrayOf(of, bytes.length / unit),
    at: from,
    from,
    to: tokens[tokens.length - 1]!,
    depth: 1,
  };
}

function statementExpression(p: Parser, open: Token): Expr {
  const body = bodyOf(p.cx);
  if (!body) p.fail(open, 'statement expression not allowed at file scope');
  const block = p.nested(open, () => parseBlock(p, body!));
  const close = p.expect(')', open);
  const last = block.body[block.body.length - 1];
  const value = lastValue(last);
  const type = value
    ? rvalueType(value.type.kind === 'array' || value.type.kind === 'func' ? rvalue(p.cx, value).type : value.type)
    : VOID;
  return { kind: 'stmtexpr', body: block, type, at: open, from: open, to: close, depth: depthOf(p.cx, open) };
}

/** The expression that gives a statement expression its value. */
function lastValue(s: { kind: string; expr?: Expr; body?: unknown } | undefined): Expr | undefined {
  let at = s;
  while (at?.kind === 'label') at = at.body as typeof s;
  return at?.kind === 'expr' ? at.expr : undefined;
}

/**
 *   generic = "_Generic" "(" assignment ("," (type-name | "default") ":" assignment)+ ")"
 */
function generic(p: Parser): Expr {
  const at = p.next();
  const open = p.expect('(');
  const control = rvalue(p.cx, parseAssignment(p));
  let chosen: Expr | undefined;
  let fallback: Expr | undefined;
  while (p.accept(',')) {
    const type = p.accept('default') ? undefined : parseTypeName(p);
    p.expect(':');
    const e = parseAssignment(p);
    if (!type) fallback = e;
    else if (
      !chosen &&
      compatible(rvalueType(control.type), type) &&
      (!isInteger(type) || sizeOf(type) === sizeOf(control.type))
    )
      chosen = e;
  }
  const close = p.expect(')', open);
  const result = chosen ?? fallback;
  if (result) return { ...result, from: at, to: close };
  if (control.type.kind !== 'error')
    p.cx.report.error(
      at,
      `controlling expression type ${quotedType(control.type)} not compatible with any generic association type`,
    );
  return errorExpr(placeOf(at));
}
