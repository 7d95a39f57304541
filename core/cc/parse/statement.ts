/** Statements (C11 6.8) with GNU's case ranges; labels are checked when the function ends. */
import { nearestNames } from '../../base/errors.ts';
import type { Context } from '../context.ts';
import { type CType, type IntType, integerOf, isInteger, quotedType } from '../ctype.ts';
import { stringBytes } from '../literal.ts';
import { note, SyntaxStop } from '../report.ts';
import { requireConstant } from '../sema/constant.ts';
import { assignTo, condition, explicitCast, promote, rvalue } from '../sema/convert.ts';
import { errorExpr, isLvalue, placeOf, wrapInt } from '../sema/make.ts';
import { assign } from '../sema/operators.ts';
import type { Token } from '../token.ts';
import type { BlockStmt, CaseStmt, DeclStmt, Expr, FuncSymbol, Stmt } from '../tree.ts';
import { parseAttributes } from './attribute.ts';
import { MissingBrace, parseDeclaration, parseStaticAssert } from './declaration.ts';
import { parseConditional, parseExpression } from './expression.ts';
import type { Parser } from './parser.ts';
import { isTypeStart, KEYWORDS } from './specifier.ts';

interface OpenSwitch {
  readonly type: IntType;
  readonly cases: CaseStmt[];
  readonly at: Token;
}

/** What the statements of one function share. */
export class FunctionBody {
  readonly fn: FuncSymbol;
  readonly labels = new Map<string, Token>();
  readonly gotos: Token[] = [];
  readonly switches: OpenSwitch[] = [];
  loops = 0;
  /** Loops and switches that a `break` may leave. */
  breakable = 0;

  constructor(fn: FuncSymbol) {
    this.fn = fn;
  }

  finish(cx: Context): void {
    for (const at of this.gotos) {
      if (this.labels.has(at.text)) continue;
      const near = nearestNames(at.text, this.labels.keys(), 1)[0];
      cx.report.error(at, `use of undeclared label '${at.text}'${near ? `; did you mean '${near}'?` : ''}`, {
        notes: near ? [note(this.labels.get(near), `'${near}' is here`)] : [],
      });
    }
  }
}

/** Bodies of statement expressions belong to the function around them. */
const bodies = new WeakMap<FuncSymbol, FunctionBody>();

export function bodyOf(cx: Context): FunctionBody | undefined {
  return cx.fn && bodies.get(cx.fn);
}

/**
 *   block = "{" (declaration | statement)* "}"
 */
export function parseBlock(p: Parser, body: FunctionBody, scoped = true): BlockStmt {
  bodies.set(body.fn, body);
  const open = p.expect('{');
  const list: Stmt[] = [];
  if (scoped) {
    p.cx.enter();
    p.braces.push({ at: open, fn: undefined });
  }
  const scopes = p.cx.depth;
  const braces = p.braces.length;
  p.nested(open, () => {
    while (!p.is('}')) {
      if (p.atEnd()) p.missingBrace();
      const start = p.pos;
      try {
        list.push(parseBlockItem(p, body));
      } catch (e) {
        if (!(e instanceof SyntaxStop) || e instanceof MissingBrace || p.atEnd()) throw e;
        while (p.cx.depth > scopes) p.cx.leave();
        p.braces.length = braces;
        if (p.pos === start && p.is('}')) break;
        p.recover();
        if (p.pos === start) p.next();
      }
    }
  });
  if (scoped) {
    p.cx.leave();
    p.braces.pop();
  }
  const end = p.expect('}', open);
  return { kind: 'block', body: list, at: open, end };
}

function parseBlockItem(p: Parser, body: FunctionBody): Stmt {
  const at = p.tok;
  if (p.is('_Static_assert')) {
    parseStaticAssert(p);
    return { kind: 'empty', at };
  }
  if (startsDeclaration(p)) return parseLocal(p);
  return parseStatement(p, body);
}

function startsDeclaration(p: Parser): boolean {
  const next = p.peek();
  if (p.is('[') && next.text === '[') return !isFallthrough(p);
  if (next.text === ':') return false;
  // `name(...)` is a call: no program declares `T (x)` with a type it did not declare itself; `T (*x)` is a pointer's declaration.
  if (next.text === '(' && p.tok.kind === 'ident' && !KEYWORDS.has(p.tok.text)) {
    if (p.cx.lookupOwn(p.tok.text)) return p.cx.lookupOwn(p.tok.text)!.kind === 'typedef';
    const pointer = p.peek(2).text === '*' && p.peek(3).kind === 'ident' && [')', '['].includes(p.peek(4).text);
    return pointer && ['(', '['].includes(p.peek(p.peek(4).text === ')' ? 5 : 4).text) && p.cx.isTypedef(p.tok.text);
  }
  if (isFallthrough(p)) return false;
  if (isTypeStart(p)) {
    // A typedef name of the outer scope used as a plain name: `sector = 1`.
    return p.cx.lookupOwn(p.tok.text) !== undefined || !isPlainUse(next);
  }
  // `unknown_t x`, `unknown_t *x =`: a declaration with an unknown type, to be said so.
  return (
    p.tok.kind === 'ident' &&
    next.kind === 'ident' &&
    !STATEMENT_WORDS.has(p.tok.text) &&
    !isTypeStart(p, 1) &&
    p.cx.lookupOwn(p.tok.text) === undefined &&
    [';', '=', ',', '['].includes(p.peek(2).text)
  );
}

/** `__attribute__((fallthrough));`, `[[fallthrough]];`: an attribute of an empty statement. */
function isFallthrough(p: Parser): boolean {
  const word = p.is('[') ? 2 : 3;
  return /^(?:__)?fallthrough(?:__)?$/.test(p.peek(word).text) && /^(?:__attribute(?:__)?|\[)$/.test(p.tok.text);
}

const ASSIGNMENTS = new Set(['=', '+=', '-=', '*=', '/=', '.', '->', '++', '--', '[']);
function isPlainUse(next: Token): boolean {
  return next.kind === 'punct' && ASSIGNMENTS.has(next.text);
}

const STATEMENT_WORDS = new Set([
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
  'asm',
  '__asm__',
  '__asm',
  'sizeof',
]);

function parseLocal(p: Parser): DeclStmt {
  const at = p.tok;
  return { kind: 'decl', vars: parseDeclaration(p, 'block'), at };
}

/**
 *   statement = block | if | loop | switch | label | jump | asm | [expression] ";"
 */
export function parseStatement(p: Parser, body: FunctionBody): Stmt {
  const at = p.tok;
  if (at.kind === 'pragma') return parsePragma(p, body);
  if (at.kind === 'ident') {
    switch (at.text) {
      case 'if':
        return parseIf(p, body);
      case 'while':
      case 'do':
      case 'for':
        return parseLoop(p, body, undefined);
      case 'switch':
        return parseSwitch(p, body);
      case 'case':
      case 'default':
        return parseLabelled(p, body);
      case 'goto':
        return parseGoto(p, body);
      case 'break':
      case 'continue':
        p.next();
        if (at.text === 'break' ? body.breakable === 0 : body.loops === 0) {
          p.cx.report.error(
            at,
            `'${at.text}' statement not in ${at.text === 'break' ? 'loop or switch' : 'loop'} statement`,
          );
        }
        p.expectSemicolon(`after ${at.text} statement`);
        return { kind: at.text, at };
      case 'return':
        return parseReturn(p, body);
      case 'asm':
      case '__asm__':
      case '__asm':
        return parseAsm(p);
      case 'else':
        p.fail(at, `'else' without a previous 'if'`);
        break;
      default:
        if (isLabel(p)) return parseLabelled(p, body);
    }
  }
  if (p.is('{')) return parseBlock(p, body);
  if (isFallthrough(p)) {
    parseAttributes(p);
    p.expectSemicolon('after attribute');
    return { kind: 'empty', at };
  }
  if (p.accept(';')) return { kind: 'empty', at };
  const expr = parseExpression(p, true);
  p.expectSemicolon('after expression');
  return { kind: 'expr', expr: discard(p.cx, expr), at };
}

/** A value nobody uses; map names and methods still deserve a word. */
function discard(cx: Context, e: Expr): Expr {
  if (e.kind === 'method' || e.type.kind === 'float') return rvalue(cx, e);
  return e;
}

/** A body of its own scope: `if (x) int y;` is no C, but `for` and friends have one. */
function parseBody(p: Parser, body: FunctionBody): Stmt {
  if (startsDeclaration(p) && !p.is('{')) {
    p.cx.report.error(p.tok, 'expected statement, not a declaration');
  }
  return p.nested(p.tok, () => parseStatement(p, body));
}

/**
 *   if = "if" "(" expression ")" statement ["else" statement]
 */
function parseIf(p: Parser, body: FunctionBody): Stmt {
  // A chain of else-ifs is a list, not a nest.
  const chain: { at: Token; condition: Expr; yes: Stmt }[] = [];
  let otherwise: Stmt | undefined;
  for (;;) {
    const at = p.next();
    const open = p.expect('(');
    const test = parseExpression(p, true);
    if (test.kind === 'assign' && test.from.text !== '(') {
      // Extra parentheses say "I mean it"; `from` starts inside them otherwise.
      if (!parenthesised(test))
        p.cx.report.warning(test.at, 'using the result of an assignment as a condition without parentheses');
    }
    const c = condition(p.cx, test, 'statement');
    const close = p.expect(')', open);
    if (p.is(';') && !p.tok.bol && p.tok.start === close.end && p.peek().text !== 'else')
      p.cx.report.warning(p.tok, 'if statement has empty body', {
        notes: [note(undefined, `put the semicolon on a separate line if that is meant`)],
      });
    chain.push({ at, condition: c, yes: parseBody(p, body) });
    if (chain.length > 500) p.cx.report.fatal(at, 'more than 500 else-ifs in a chain');
    if (!p.is('else')) break;
    p.next();
    if (!p.is('if')) {
      otherwise = parseBody(p, body);
      break;
    }
  }
  let result: Stmt | undefined = otherwise;
  for (let i = chain.length - 1; i >= 0; i--) {
    const { at, condition: c, yes } = chain[i]!;
    result = { kind: 'if', condition: c, yes, otherwise: result, at };
  }
  return result!;
}

function parenthesised(e: Expr): boolean {
  return e.from.text === '(';
}

/** `#pragma unroll [n]`, `#pragma clang loop unroll(...)`, `#pragma nounroll` before a loop. */
function parsePragma(p: Parser, body: FunctionBody): Stmt {
  const at = p.next();
  const unroll = unrollCount(at.text);
  if (p.is('for') || p.is('while') || p.is('do')) return parseLoop(p, body, unroll);
  if (p.is('}')) return { kind: 'empty', at };
  return parseStatement(p, body);
}

/** 0: wholly; 1: not at all; n: n times; undefined: says nothing of unrolling. */
function unrollCount(text: string): number | undefined {
  if (text.startsWith('nounroll') || /unroll *\( *disable *\)/.test(text)) return 1;
  const count = /unroll(?:_count)? *\(? *(\d+)/.exec(text);
  if (count) return Number(count[1]);
  return /^unroll|unroll *\( *(?:full|enable) *\)/.test(text) ? 0 : undefined;
}

/**
 *   while = "while" "(" expression ")" statement
 *   do    = "do" statement "while" "(" expression ")" ";"
 *   for   = "for" "(" (declaration | [expression] ";") [expression] ";" [expression] ")" statement
 */
function parseLoop(p: Parser, body: FunctionBody, unroll: number | undefined): Stmt {
  const at = p.next();
  const inside = (): Stmt => {
    body.loops++;
    body.breakable++;
    const s = parseBody(p, body);
    body.loops--;
    body.breakable--;
    return s;
  };
  if (at.text === 'while') {
    const open = p.expect('(');
    const c = condition(p.cx, parseExpression(p, true), 'statement');
    p.expect(')', open);
    return { kind: 'loop', init: undefined, condition: c, step: undefined, body: inside(), doWhile: false, unroll, at };
  }
  if (at.text === 'do') {
    const s = inside();
    if (!p.is('while')) p.fail(p.tok, `expected 'while' in do/while loop`);
    p.next();
    const open = p.expect('(');
    const c = condition(p.cx, parseExpression(p, true), 'statement');
    p.expect(')', open);
    p.expectSemicolon('after do/while statement');
    return { kind: 'loop', init: undefined, condition: c, step: undefined, body: s, doWhile: true, unroll, at };
  }
  const open = p.expect('(');
  p.cx.enter();
  const depth = p.cx.depth;
  try {
    let init: Stmt | undefined;
    if (startsDeclaration(p)) init = parseLocal(p);
    else {
      if (!p.is(';')) init = { kind: 'expr', expr: parseExpression(p, true), at: p.tok };
      p.expectSemicolon(`in 'for' statement specifier`);
    }
    const c = p.is(';') ? undefined : condition(p.cx, parseExpression(p, true), 'statement');
    p.expectSemicolon(`in 'for' statement specifier`);
    const step = p.is(')') ? undefined : parseExpression(p, true);
    p.expect(')', open);
    return { kind: 'loop', init, condition: c, step, body: inside(), doWhile: false, unroll, at };
  } finally {
    while (p.cx.depth >= depth) p.cx.leave();
  }
}

/**
 *   switch = "switch" "(" expression ")" statement
 */
function parseSwitch(p: Parser, body: FunctionBody): Stmt {
  const at = p.next();
  const open = p.expect('(');
  let value = promote(p.cx, parseExpression(p, true));
  p.expect(')', open);
  if (!isInteger(value.type)) {
    if (value.type.kind !== 'error')
      p.cx.report.error(value.at, `statement requires expression of integer type (${quotedType(value.type)} invalid)`);
    value = errorExpr(placeOf(at));
  }
  const type: IntType = isInteger(value.type)
    ? integerOf(value.type)
    : { kind: 'int', name: 'int', size: 4, signed: true, rank: 3 };
  const sw: OpenSwitch = { type, cases: [], at };
  body.switches.push(sw);
  body.breakable++;
  const inner = parseBody(p, body);
  body.breakable--;
  body.switches.pop();
  checkCases(p.cx, sw);
  return { kind: 'switch', value, body: inner, cases: sw.cases, at };
}

function checkCases(cx: Context, sw: OpenSwitch): void {
  const ranges = sw.cases
    .filter((c) => c.low !== undefined)
    .sort((a, b) => (a.low! < b.low! ? -1 : a.low! > b.low! ? 1 : 0));
  for (let i = 1; i < ranges.length; i++) {
    if (ranges[i]!.low! <= ranges[i - 1]!.high!) {
      const [a, b] =
        ranges[i]!.at.start > ranges[i - 1]!.at.start ? [ranges[i]!, ranges[i - 1]!] : [ranges[i - 1]!, ranges[i]!];
      cx.report.error(a.at, `duplicate case value '${a.low}'`, { notes: [note(b.at, 'previous case defined here')] });
    }
  }
  const defaults = sw.cases.filter((c) => c.low === undefined);
  if (defaults[1])
    cx.report.error(defaults[1].at, 'multiple default labels in one switch', {
      notes: [note(defaults[0]!.at, 'previous case defined here')],
    });
}

/**
 *   labelled = label* (statement | declaration)
 *   label    = "case" constant ["..." constant] ":" | "default" ":" | name ":"
 *
 * Labels that follow each other stand in a row, however many: each but the last is one of an empty statement.
 */
function parseLabelled(p: Parser, body: FunctionBody): Stmt {
  const row: Stmt[] = [];
  const at = p.tok;
  for (;;) {
    const finish = isCase(p) ? parseCase(p, body) : parseLabel(p, body);
    if (isCase(p) || isLabel(p)) {
      row.push(finish({ kind: 'empty', at: p.tok }));
      continue;
    }
    // `case 1: }` and `case 1: int x;` are C23; kernel programmers write both.
    const inner: Stmt = p.is('}')
      ? { kind: 'empty', at: p.tok }
      : startsDeclaration(p)
        ? parseLocal(p)
        : p.nested(p.tok, () => parseStatement(p, body));
    const last = finish(inner);
    return row.length === 0 ? last : { kind: 'block', body: [...row, last], at, end: at };
  }
}

function isCase(p: Parser): boolean {
  return p.is('case') || p.is('default');
}

function isLabel(p: Parser): boolean {
  return p.tok.kind === 'ident' && p.peek().text === ':' && p.peek().kind !== 'string';
}

/** A case label; what it gives takes the statement behind it. */
function parseCase(p: Parser, body: FunctionBody): (inner: Stmt) => Stmt {
  const at = p.next();
  const sw = body.switches[body.switches.length - 1];
  let low: bigint | undefined;
  let high: bigint | undefined;
  if (at.text === 'case') {
    const first = parseConditional(p);
    low = requireConstant(p.cx, first, 'case label');
    high = low;
    if (p.accept('...')) high = requireConstant(p.cx, parseConditional(p), 'case label');
    if (sw && low !== undefined && high !== undefined) {
      low = wrapInt(low, sw.type);
      high = wrapInt(high, sw.type);
      if (high < low) p.cx.report.warning(at, 'empty case range specified');
    }
    low ??= 0n;
    high ??= low;
  }
  p.expect(':');
  if (!sw) p.cx.report.error(at, `'${at.text}' statement not in switch statement`);
  return (inner) => {
    const made: CaseStmt = { kind: 'case', low, high, body: inner, at };
    sw?.cases.push(made);
    return made;
  };
}

function parseLabel(p: Parser, body: FunctionBody): (inner: Stmt) => Stmt {
  const at = p.next();
  p.next();
  const known = body.labels.get(at.text);
  if (known)
    p.cx.report.error(at, `redefinition of label '${at.text}'`, {
      notes: [note(known, 'previous definition is here')],
    });
  body.labels.set(at.text, at);
  return (inner) => ({ kind: 'label', name: at.text, body: inner, at });
}

function parseGoto(p: Parser, body: FunctionBody): Stmt {
  const at = p.next();
  if (p.is('*')) p.fail(p.tok, 'computed goto is not available in BPF programs');
  if (p.tok.kind !== 'ident') p.fail(p.tok, 'expected identifier');
  const name = p.next();
  body.gotos.push(name);
  p.expectSemicolon('after goto statement');
  return { kind: 'goto', name: name.text, at };
}

/**
 *   return = "return" [expression] ";"
 */
function parseReturn(p: Parser, body: FunctionBody): Stmt {
  const at = p.next();
  const ret: CType = body.fn.type.ret;
  let value: Expr | undefined;
  if (!p.is(';')) {
    const e = parseExpression(p, true);
    if (ret.kind === 'void') {
      if (e.type.kind !== 'void' && e.type.kind !== 'error')
        p.cx.report.error(at, `void function '${body.fn.name}' should not return a value`, {
          notes: [note(body.fn.at, `'${body.fn.name}' declared here`)],
        });
      p.expectSemicolon('after return statement');
      return {
        kind: 'block',
        body: [
          { kind: 'expr', expr: e, at },
          { kind: 'return', value: undefined, at },
        ],
        at,
        end: at,
      };
    }
    value = assignTo(p.cx, e, ret, { verb: 'returning' }, e.at);
  } else if (ret.kind !== 'void' && ret.kind !== 'error') {
    p.cx.report.warning(at, `non-void function '${body.fn.name}' should return a value`);
  }
  p.expectSemicolon('after return statement');
  return { kind: 'return', value, at };
}

function isString(p: Parser): boolean {
  return p.tok.kind === 'string';
}

/**
 *   asm = "asm" "volatile"* "(" string [":" operands [":" operands [":" clobbers]]] ")" ";"
 *
 * Only the empty text means something here: a barrier, values hidden from the optimiser, and an input in the register of an output
 * (`"0"(x)`, as the kernel's RELOC_HIDE writes it), which is an assignment.
 */
function parseAsm(p: Parser): Stmt {
  const at = p.next();
  while (p.is('volatile') || p.is('__volatile__') || p.is('goto') || p.is('inline') || p.is('__volatile')) p.next();
  const open = p.expect('(');
  let text = '';
  const textAt = p.tok;
  while (p.tok.kind === 'string') {
    const bytes = stringBytes(p.next().text);
    if (typeof bytes !== 'string') text += String.fromCharCode(...bytes);
  }
  const outputs: { readonly name: string | undefined; readonly place: Expr }[] = [];
  const assigned: Expr[] = [];
  let memory = false;
  for (let group = 0; p.accept(':'); group++) {
    while (!p.is(':') && !p.is(')') && p.tok.kind !== 'eof') {
      let name: string | undefined;
      if (p.accept('[')) {
        name = p.next().text;
        p.expect(']');
      }
      if (!isString(p)) p.fail(p.tok, 'expected string literal in asm operands');
      const constraint = p.next().text.slice(1, -1);
      const open = p.tok;
      if (p.accept('(')) {
        const e = parseExpression(p, true);
        p.expect(')', open);
        if (group === 0) outputs.push({ name, place: e });
        else {
          const to = matched(outputs, constraint)?.place;
          if (to && isLvalue(to)) assigned.push(assign(p.cx, to, explicitCast(p.cx, e, to.type, e), open));
        }
      } else if (constraint === 'memory') memory = true;
      if (!p.accept(',')) break;
    }
  }
  p.expect(')', open);
  p.expectSemicolon('after asm statement');
  if (text.trim() !== '')
    p.cx.report.error(textAt, `inline assembly is not available: only an empty asm (a compiler barrier) is`);
  return { kind: 'asm', memory, assigned, opaque: outputs.map((o) => o.place).filter(isLvalue), at };
}

/** The output in whose register an input is asked to be: by number, or by `[name]`. */
function matched<T extends { readonly name: string | undefined }>(
  outputs: readonly T[],
  constraint: string,
): T | undefined {
  if (/^\d+$/.test(constraint)) return outputs[Number(constraint)];
  const name = /^\[(\w+)\]$/.exec(constraint)?.[1];
  return name === undefined ? undefined : outputs.find((o) => o.name === name);
}
