/** Call-like forms whose arguments are not all expressions: types, member designators, things that may not exist. */
import { essentialName } from '../../elf/core-match.ts';
import { type CType, compatible, INT, pointerTo, sizeOf, ULONG, unqualified, VOID } from '../ctype.ts';
import { Fatal, Report, SyntaxStop } from '../report.ts';
import { element, member } from '../sema/access.ts';
import { constantOf, requireConstant } from '../sema/constant.ts';
import { rvalue } from '../sema/convert.ts';
import { errorExpr, intExpr, type Place, placeOf, rawCast } from '../sema/make.ts';
import { isUnresolved, kernelRecord, unresolvedAddress } from '../sema/relocate.ts';
import type { Token } from '../token.ts';
import type { Expr } from '../tree.ts';
import { parseAssignment, parseExpression } from './expression.ts';
import type { Parser } from './parser.ts';
import { isTypeStart, parseTypeName } from './specifier.ts';

type Form = (p: Parser, at: Token) => Expr;

export const SPECIAL_FORMS: Record<string, Form> = {
  __builtin_offsetof: offsetOf,
  offsetof: offsetOf,
  __builtin_types_compatible_p: (p, at) => {
    const open = p.expect('(');
    const a = parseTypeName(p);
    p.expect(',');
    const b = parseTypeName(p);
    return intExpr(compatible(unqualified(a), unqualified(b)) ? 1n : 0n, INT, {
      at,
      from: at,
      to: p.expect(')', open),
    });
  },
  __builtin_choose_expr: (p, at) => {
    const open = p.expect('(');
    const c = requireConstant(p.cx, parseAssignment(p), `first argument of '__builtin_choose_expr'`);
    p.expect(',');
    const a = c === 0n ? tryExpression(p, parseAssignment).expr : parseAssignment(p);
    p.expect(',');
    const b = c === 0n ? parseAssignment(p) : tryExpression(p, parseAssignment).expr;
    const close = p.expect(')', open);
    const chosen = c === 0n ? b : a;
    return chosen ? { ...chosen, from: at, to: close } : errorExpr(placeOf(at));
  },
  __builtin_constant_p: (p, at) => {
    const open = p.expect('(');
    const e = parseAssignment(p);
    const yes = constantOf(e) !== undefined || e.kind === 'string';
    return intExpr(yes ? 1n : 0n, INT, { at, from: at, to: p.expect(')', open) });
  },
  __builtin_preserve_access_index: (p) => {
    const open = p.expect('(');
    const e = relocating(p, () => parseAssignment(p));
    p.expect(')', open);
    return e;
  },
  bpf_core_field_exists: fieldExists,
  bpf_core_field_size: (p, at) => fieldFact(p, at, (e) => BigInt(sizeBytes(e))),
  bpf_core_field_offset: (p, at) =>
    fieldFact(p, at, (e) => BigInt(e.kind === 'member' ? Math.floor(e.place.bitOffset / 8) : 0)),
  bpf_core_type_exists: (p, at) => {
    const open = p.expect('(');
    const type = parseTypeName(p);
    const known = p.cx.kernel
      ? kernelHas(p, type)
      : type.kind === 'record'
        ? type.decl.complete
        : type.kind !== 'error';
    return intExpr(known ? 1n : 0n, INT, { at, from: at, to: p.expect(')', open) });
  },
  bpf_core_type_size: (p, at) => {
    const open = p.expect('(');
    const type = parseTypeName(p);
    const size =
      type.kind === 'record' && p.cx.kernel ? (kernelRecord(p.cx, type.decl)?.size ?? 0) : (sizeOf(type) ?? 0);
    return intExpr(BigInt(size), ULONG, { at, from: at, to: p.expect(')', open) });
  },
  bpf_core_enum_value_exists: (p, at) => {
    const open = p.expect('(');
    parseTypeName(p);
    p.expect(',');
    const name = p.next();
    const found = kernelEnumerator(p, name);
    return intExpr(found === undefined ? 0n : 1n, INT, { at, from: at, to: p.expect(')', open) });
  },
  bpf_core_enum_value: (p, at) => {
    const open = p.expect('(');
    parseTypeName(p);
    p.expect(',');
    const name = p.next();
    const value = kernelEnumerator(p, name);
    const place: Place = { at, from: at, to: p.expect(')', open) };
    return value === undefined ? rawCast(p.cx, unresolvedAddress(VOID, place), ULONG) : intExpr(value, ULONG, place);
  },
  BPF_CORE_READ: (p, at) => readChain(p, at, false),
  BPF_PROBE_READ: (p, at) => readChain(p, at, false),
  BPF_CORE_READ_USER: (p, at) => readChain(p, at, true),
  BPF_PROBE_READ_USER: (p, at) => readChain(p, at, true),
  // What the chain names, itself: the forms that read into a given place take its address.
  ___bpf_chain: (p, at) => chain(p, at, false),
  ___bpf_chain_user: (p, at) => chain(p, at, true),
  bpf_ksym_exists: (p, at) => {
    const open = p.expect('(');
    const name = p.next();
    const found = p.cx.kernel?.btf.find(name.text, 'func') !== undefined;
    return intExpr(found ? 1n : 0n, INT, { at, from: at, to: p.expect(')', open) });
  },
};

/** Parse what is wrapped in `preserve_access_index`. */
export function relocating<T>(p: Parser, parse: () => T): T {
  const before = p.cx.relocating;
  p.cx.relocating = true;
  try {
    return parse();
  } finally {
    p.cx.relocating = before;
  }
}

/** Does the kernel have what a type of the program stands for? */
function kernelHas(p: Parser, type: CType): boolean {
  if (type.kind === 'record') return kernelRecord(p.cx, type.decl)?.complete === true;
  if (type.kind === 'enum' && type.decl.name !== undefined)
    return p.cx.kernel?.enum(essentialName(type.decl.name)) !== undefined;
  return type.kind !== 'error';
}

/** The kernel's value of an enumerator, which the program may have declared itself, under a flavour. */
function kernelEnumerator(p: Parser, name: Token): bigint | undefined {
  if (p.cx.kernel) return p.cx.kernel.enumerator(essentialName(name.text))?.value;
  const found = p.cx.lookup(name.text, name);
  return found?.kind === 'enumerator' ? found.value : undefined;
}

function sizeBytes(e: Expr): number {
  const t = e.type;
  return t.kind === 'int'
    ? t.size
    : t.kind === 'record'
      ? t.decl.size
      : t.kind === 'array'
        ? (t.count ?? 0) * sizeBytes({ ...e, type: t.of } as Expr)
        : t.kind === 'enum'
          ? t.decl.underlying.size
          : 8;
}

/**
 *   offsetof = "offsetof" "(" type-name "," name ("." name | "[" expression "]")* ")"
 */
function offsetOf(p: Parser, at: Token): Expr {
  const open = p.expect('(');
  const type = parseTypeName(p);
  p.expect(',');
  const base = nullObject(type, at);
  const { bits, ok } = designated(p, base, false);
  const place: Place = { at, from: at, to: p.expect(')', open) };
  return ok ? intExpr(BigInt(bits / 8), ULONG, place) : errorExpr(place);
}

/** `*(type *)0`: an object to hang member accesses on. */
function nullObject(type: CType, at: Token): Expr {
  const zero: Expr = { kind: 'int', value: 0n, type: pointerTo(type), ...placeOf(at), depth: 1 };
  return { kind: 'deref', operand: zero, type, ...placeOf(at), depth: 2 };
}

/** Member designators after a base: `a.b[2].c`; the sum of their offsets. */
function designated(p: Parser, base: Expr, arrowFirst: boolean): { e: Expr; bits: number; ok: boolean } {
  let e = base;
  let bits = 0;
  for (let first = true; ; first = false) {
    if (p.tok.kind !== 'ident') p.fail(p.tok, 'expected identifier');
    const name = p.next();
    e = member(p.cx, e, first && arrowFirst, name, name);
    if (e.kind === 'member') bits += e.place.bitOffset;
    while (p.is('[')) {
      const open = p.next();
      const index = parseExpression(p);
      const close = p.expect(']', open);
      e = element(p.cx, e, index, open, close);
      if (e.kind === 'deref' && e.operand.kind === 'ptradd') {
        const value = constantOf(e.operand.index);
        if (value === undefined)
          p.cx.report.error(open, 'array subscript of offsetof is not an integer constant expression');
        bits += Number(value ?? 0n) * e.operand.scale * 8;
      }
    }
    if (!p.accept('.')) return { e, bits, ok: e.type.kind !== 'error' };
  }
}

/** Parse something that may be wrong without telling: the expression, or undefined when it was. */
function tryExpression(p: Parser, parse: (p: Parser) => Expr): { expr: Expr | undefined } {
  const quiet = new Report();
  const cx = p.cx as { report: Report };
  const loud = cx.report;
  const start = p.pos;
  cx.report = quiet;
  let expr: Expr | undefined;
  try {
    expr = parse(p);
  } catch (e) {
    if (!(e instanceof SyntaxStop) && !(e instanceof Fatal)) throw e;
    p.pos = start;
    p.tok = p.tokens[start]!;
    p.skipTo(')');
  } finally {
    cx.report = loud;
  }
  return { expr: quiet.errors > 0 || expr?.type.kind === 'error' ? undefined : expr };
}

/** `bpf_core_field_exists(p->field)` or `bpf_core_field_exists(struct s, field)`. */
function fieldExists(p: Parser, at: Token): Expr {
  const open = p.expect('(');
  let exists: boolean;
  if (isTypeStart(p)) {
    const type = parseTypeName(p);
    p.expect(',');
    exists = there(tryExpression(p, () => relocating(p, () => designated(p, nullObject(type, at), false).e)).expr);
  } else exists = there(tryExpression(p, (q) => relocating(q, () => parseAssignment(q))).expr);
  return intExpr(exists ? 1n : 0n, INT, { at, from: at, to: p.expect(')', open) });
}

const there = (e: Expr | undefined): boolean => e !== undefined && !isUnresolved(e);

function fieldFact(p: Parser, at: Token, fact: (e: Expr) => bigint): Expr {
  const open = p.expect('(');
  let e: Expr;
  if (isTypeStart(p)) {
    const type = parseTypeName(p);
    p.expect(',');
    e = relocating(p, () => designated(p, nullObject(type, at), false).e);
  } else e = relocating(p, () => parseAssignment(p));
  const place: Place = { at, from: at, to: p.expect(')', open) };
  return e.type.kind === 'error' ? errorExpr(place) : intExpr(fact(e), ULONG, place);
}

/** `BPF_CORE_READ(p, a, b.c)` is `p->a->b.c`: here a plain chain, read implicitly. */
function readChain(p: Parser, at: Token, user: boolean): Expr {
  const e = chain(p, at, user);
  return { ...rvalue(p.cx, e), from: e.from, to: e.to };
}

function chain(p: Parser, at: Token, user: boolean): Expr {
  const open = p.expect('(');
  let e = relocating(p, () => parseAssignment(p));
  if (user && e.type.kind === 'ptr') e = rawCast(p.cx, rvalue(p.cx, e), pointerTo({ ...e.type.to, user: true }));
  while (p.accept(',')) e = relocating(p, () => designated(p, e, true).e);
  const close = p.expect(')', open);
  return { ...e, from: at, to: close };
}
