/** Initialisers (C11 6.7.9): braces, elided braces, designators, GNU ranges, strings; flattened to places in the object. */
import { arrayOf, type CType, integerOf, isInteger, isScalar, quotedType, sameType, sizeOf } from '../ctype.ts';
import { noMember } from '../sema/access.ts';
import { requireConstant } from '../sema/constant.ts';
import { assignTo, rvalue } from '../sema/convert.ts';
import { placeOf } from '../sema/make.ts';
import type { Token } from '../token.ts';
import type { Expr, Init, InitItem } from '../tree.ts';
import { parseAssignment, parseConditional } from './expression.ts';
import type { Parser } from './parser.ts';

interface Designator {
  readonly at: Token;
  readonly name?: string;
  readonly low?: number;
  readonly high?: number;
}
interface Item {
  readonly designators: readonly Designator[];
  readonly value: Expr | Braced;
  readonly at: Token;
}
interface Braced {
  readonly braced: true;
  readonly items: readonly Item[];
  readonly at: Token;
  readonly close: Token;
}

function isBraced(v: Expr | Braced): v is Braced {
  return 'braced' in v;
}

/**
 *   initializer = assignment | "{" [item ("," item)* [","]] "}"
 *   item        = (("." name | "[" constant ["..." constant] "]")+ "=" | name ":")? initializer
 *
 * Answers the initialiser and the type, which an initialiser of `T x[]` completes.
 */
export function parseInitializer(p: Parser, type: CType): { init: Init; type: CType } {
  const at = p.tok;
  return bindInitializer(p, type, parseSyntax(p), at);
}

function parseSyntax(p: Parser): Expr | Braced {
  if (!p.is('{')) return parseAssignment(p);
  const open = p.next();
  const items: Item[] = [];
  p.braces.push({ at: open, fn: undefined });
  p.nested(open, () => {
    while (!p.is('}')) {
      if (p.tok.kind === 'eof') p.missingBrace();
      items.push(parseItem(p));
      if (!p.accept(',')) break;
    }
  });
  p.braces.pop();
  const close = p.expect('}', open);
  return { braced: true, items, at: open, close };
}

function parseItem(p: Parser): Item {
  const at = p.tok;
  const designators: Designator[] = [];
  if (p.tok.kind === 'ident' && p.peek().text === ':') {
    // The old GNU form `name: value`.
    const name = p.next();
    p.next();
    return { designators: [{ at: name, name: name.text }], value: parseSyntax(p), at };
  }
  while (p.is('.') || p.is('[')) {
    const open = p.next();
    if (open.text === '.') {
      if (p.tok.kind !== 'ident') p.fail(p.tok, "expected a field designator, such as '.field = 4'");
      const name = p.next();
      designators.push({ at: name, name: name.text });
    } else {
      const low = Number(requireConstant(p.cx, parseConditional(p), 'array designator') ?? 0n);
      const high = p.accept('...') ? Number(requireConstant(p.cx, parseConditional(p), 'array designator') ?? 0n) : low;
      p.expect(']', open);
      designators.push({ at: open, low, high });
    }
  }
  if (designators.length > 0) p.accept('=') ?? (p.is('{') || p.fail(p.tok, `expected '=' or another designator`));
  return { designators, value: parseSyntax(p), at };
}

function bindInitializer(p: Parser, type: CType, syntax: Expr | Braced, at: Token): { init: Init; type: CType } {
  if (!isBraced(syntax) && type.kind !== 'array') {
    return { init: { kind: 'expr', expr: assignTo(p.cx, syntax, type, { verb: 'initializing' }) }, type };
  }
  const filler = new Filler(p);
  if (!isBraced(syntax)) {
    if (syntax.type.kind === 'error') return { init: { kind: 'list', items: [], at }, type };
    if (!(syntax.kind === 'string' && isTextArray(type, syntax)) && !sameType(syntax.type, type)) {
      p.cx.report.error(at, 'array initializer must be an initializer list or string literal');
      return { init: { kind: 'list', items: [], at }, type };
    }
    if (syntax.kind !== 'string')
      return { init: { kind: 'list', items: [{ bitOffset: 0, bitWidth: undefined, type, expr: syntax }], at }, type };
  }
  filler.object(type, syntax, 0, undefined);
  let full = type;
  if (type.kind === 'array' && type.count === undefined)
    full = { ...arrayOf(type.of, filler.longest), ...(type.const ? { const: true } : {}) };
  if (isScalar(type)) {
    const first = filler.items[0];
    return { init: first ? { kind: 'expr', expr: first.expr } : { kind: 'list', items: [], at }, type };
  }
  return { init: { kind: 'list', items: filler.items, at }, type: full };
}

type Text = Extract<Expr, { kind: 'string' }>;

/** Bytes of one character of a literal. */
function unitBytes(text: Text): number {
  return text.type.kind === 'array' ? (sizeOf(text.type.of) ?? 1) : 1;
}

/** An array that the literal may initialise: of integers as wide as its characters. */
function isTextArray(t: CType, text: Text): boolean {
  return t.kind === 'array' && isInteger(t.of) && integerOf(t.of).size === unitBytes(text);
}

class Filler {
  readonly #p: Parser;
  readonly items: InitItem[] = [];
  /** Elements of the outermost array that were given. */
  longest = 0;
  #level = 0;

  constructor(p: Parser) {
    this.#p = p;
  }

  /** Initialise one object of `type` from its own initialiser. */
  object(type: CType, value: Expr | Braced, bit: number, width: number | undefined): void {
    const { cx } = this.#p;
    if (!isBraced(value)) {
      if (value.type.kind === 'error' || type.kind === 'error') return;
      if (value.kind === 'string' && type.kind === 'array') {
        this.#string(type, value, bit);
        return;
      }
      if (type.kind === 'array') {
        cx.report.error(value.at, 'array initializer must be an initializer list or string literal');
        return;
      }
      this.items.push({
        bitOffset: bit,
        bitWidth: width,
        type,
        expr: assignTo(cx, value, type, { verb: 'initializing' }),
      });
      return;
    }
    const only = value.items[0];
    if (isScalar(type) || type.kind === 'error') {
      if (!only) {
        if (type.kind !== 'error') this.#zero(type, value, bit, width);
        return;
      }
      this.object(type, only.value, bit, width);
      if (value.items.length > 1) cx.report.warning(value.items[1]!.at, 'excess elements in scalar initializer');
      return;
    }
    if (
      value.items.length === 1 &&
      !isBraced(only!.value) &&
      only!.value.kind === 'string' &&
      isTextArray(type, only!.value) &&
      only!.designators.length === 0
    ) {
      this.#string(type, only!.value, bit);
      return;
    }
    if (type.kind !== 'array' && type.kind !== 'record') return;
    this.#level++;
    this.#fill(type, value.items, 0, bit, true);
    this.#level--;
  }

  #zero(type: CType, value: Braced, bit: number, width: number | undefined): void {
    const at = placeOf(value.at);
    this.items.push({ bitOffset: bit, bitWidth: width, type, expr: { kind: 'int', value: 0n, type, ...at, depth: 1 } });
  }

  #string(type: CType, value: Text, bit: number): void {
    if (type.kind !== 'array') return;
    if (!isTextArray(type, value)) {
      this.#p.cx.report.error(value.at, `initializing ${quotedType(type)} with a string literal`);
      return;
    }
    const room = type.count;
    const unit = unitBytes(value);
    const length = value.bytes.length / unit;
    if (room !== undefined && length - 1 > room) {
      this.#p.cx.report.warning(
        value.at,
        `initializer-string for char array is too long, array size is ${room} but initializer has size ${length} (including the null terminating character)`,
      );
    }
    const bytes = room === undefined ? value.bytes : value.bytes.slice(0, room * unit);
    if (this.#level === 0) this.longest = Math.max(this.longest, bytes.length / unit);
    this.items.push({
      bitOffset: bit,
      bitWidth: undefined,
      type: arrayOf(type.of, bytes.length / unit),
      expr: { ...value, bytes },
    });
  }

  /** Does this initialiser stand for the whole object, or for its first element, the braces being left out (C11 6.7.9 p20)? */
  #whole(type: CType, value: Expr | Braced): boolean {
    return (
      isBraced(value) ||
      isScalar(type) ||
      type.kind === 'error' ||
      (value.kind === 'string' && isTextArray(type, value)) ||
      (type.kind === 'record' && sameType(rvalue(this.#p.cx, value).type, type))
    );
  }

  /** Elements of an aggregate from a list, beginning at item `i`; answers the next item not used. */
  #fill(
    type: CType,
    items: readonly Item[],
    i: number,
    bit: number,
    top: boolean,
    first?: readonly Designator[],
  ): number {
    const { cx } = this.#p;
    let position = 0;
    let rest = first;
    const outermost = this.#level === 1 && top;
    while (i < items.length) {
      const item = items[i]!;
      const designators: readonly Designator[] = rest ?? item.designators;
      if (rest === undefined && designators.length > 0 && !top) return i;
      rest = undefined;
      if (designators.length > 0) {
        const d = designators[0]!;
        const deeper = designators.slice(1);
        if (type.kind === 'array') {
          if (d.name !== undefined || d.low === undefined || d.high === undefined) {
            cx.report.error(d.at, `field designator cannot initialize an array type ${quotedType(type)}`);
            return i + 1;
          }
          if (d.low < 0 || d.high < d.low || d.high >= (type.count ?? 1 << 24)) {
            cx.report.error(
              d.at,
              `array designator index (${d.high < d.low ? `${d.low} ... ${d.high}` : d.high}) exceeds array bounds (${type.count ?? 'none'})`,
            );
            return i + 1;
          }
          if (d.high - d.low > 4096) {
            cx.report.error(d.at, 'range designator covers more than 4096 elements');
            return i + 1;
          }
          const size = (sizeOf(type.of) ?? 0) * 8;
          let after = i + 1;
          for (let k = d.low; k <= d.high; k++) {
            if (deeper.length > 0 || !this.#whole(type.of, item.value))
              after = this.#fill(type.of, items, i, bit + k * size, false, deeper);
            else this.object(type.of, item.value, bit + k * size, undefined);
          }
          i = after;
          position = d.high + 1;
          if (outermost) this.longest = Math.max(this.longest, position);
          continue;
        }
        if (type.kind !== 'record' || d.name === undefined) {
          cx.report.error(
            d.at,
            type.kind === 'record'
              ? `array designator cannot initialize non-array type ${quotedType(type)}`
              : `designator in initializer for scalar type ${quotedType(type)}`,
          );
          return i + 1;
        }
        const fields = type.decl.fields;
        const index = fields.findIndex(
          (f) =>
            f.name === d.name ||
            (f.name === undefined && f.type.kind === 'record' && f.type.decl.find(d.name!) !== undefined),
        );
        if (index < 0) {
          noMember(cx, type.decl, d.at, placeOf(d.at));
          return i + 1;
        }
        const field = fields[index]!;
        if (field.name === undefined) i = this.#fill(field.type, items, i, bit + field.bitOffset, false, designators);
        else if (deeper.length > 0 || !this.#whole(field.type, item.value))
          i = this.#fill(field.type, items, i, bit + field.bitOffset, false, deeper);
        else {
          this.object(field.type, item.value, bit + field.bitOffset, field.bitWidth);
          i++;
        }
        position = type.decl.tag === 'union' ? fields.length : index + 1;
        continue;
      }
      const sub = subobject(type, position);
      if (!sub) {
        if (!top) return i;
        if (position === 0 && type.kind === 'record' && !type.decl.complete) return items.length;
        cx.report.warning(
          item.at,
          `excess elements in ${type.kind === 'array' ? 'array' : (type.kind === 'record' && type.decl.tag) || 'scalar'} initializer`,
        );
        return items.length;
      }
      position = sub.next;
      if (outermost && type.kind === 'array') this.longest = Math.max(this.longest, position);
      if (this.#whole(sub.type, item.value)) {
        this.object(sub.type, item.value, bit + sub.bit, sub.width);
        i++;
      } else {
        const before = i;
        this.#level++;
        i = this.#fill(sub.type, items, i, bit + sub.bit, false);
        this.#level--;
        if (i === before) i++;
      }
    }
    return i;
  }
}

/** The subobject at a position, and the position after it. */
function subobject(
  type: CType,
  position: number,
): { type: CType; bit: number; width: number | undefined; next: number } | undefined {
  if (type.kind === 'array') {
    if (type.count !== undefined && position >= type.count) return undefined;
    return { type: type.of, bit: position * (sizeOf(type.of) ?? 0) * 8, width: undefined, next: position + 1 };
  }
  if (type.kind !== 'record') return undefined;
  const fields = type.decl.fields;
  if (type.decl.tag === 'union' && position > 0) return undefined;
  for (let k = position; k < fields.length; k++) {
    const f = fields[k]!;
    if (f.name === undefined && f.type.kind !== 'record') continue;
    return { type: f.type, bit: f.bitOffset, width: f.bitWidth, next: k + 1 };
  }
  return undefined;
}
