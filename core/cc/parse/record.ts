/** struct, union and enum specifiers (C11 6.7.2.1, 6.7.2.2). */
import {
  type EnumDecl,
  INT,
  type IntType,
  integerOf,
  isInteger,
  LONG,
  quotedType,
  RecordDecl,
  sizeOf,
  UINT,
  ULONG,
} from '../ctype.ts';
import { layOut, type Member } from '../layout.ts';
import { note, SyntaxStop } from '../report.ts';
import { requireConstant } from '../sema/constant.ts';
import { relocateRecord } from '../sema/relocate.ts';
import type { Token } from '../token.ts';
import { noAttributes, parseAttributes } from './attribute.ts';
import { parseStaticAssert } from './declaration.ts';
import { parseDeclarator } from './declarator.ts';
import { parseConditional } from './expression.ts';
import type { Parser } from './parser.ts';
import { isTypeStart, parseSpecifiers, parseTypeName } from './specifier.ts';

/**
 *   struct = ("struct" | "union") attributes (tag | [tag] "{" member* "}" attributes)
 *   member = specifiers [declarator [":" width] ("," declarator [":" width])*] ";"
 */
export function parseRecord(p: Parser, tag: 'struct' | 'union', keyword: Token): RecordDecl {
  const attributes = parseAttributes(p);
  const name = p.tok.kind === 'ident' && p.tok.text !== '{' ? p.next() : undefined;
  parseAttributes(p, attributes);
  if (!p.is('{')) {
    if (!name) p.fail(p.tok, `expected identifier or '{' after '${tag}'`);
    return referTo(p, tag, name);
  }
  const open = p.next();
  let decl: RecordDecl | undefined;
  if (name) {
    const known = p.cx.tagInThisScope(name.text);
    if (known && known.tag !== tag)
      p.cx.report.error(name, `use of '${name.text}' with tag type that does not match previous declaration`, {
        notes: [note(known.at, 'previous use is here')],
      });
    else if (known && (known.decl as RecordDecl).complete) {
      p.cx.report.error(name, `redefinition of '${tag} ${name.text}'`, {
        notes: [note(known.at, 'previous definition is here')],
      });
    } else if (known) decl = known.decl as RecordDecl;
  }
  decl ??= new RecordDecl(tag, name?.text, name ?? keyword);
  if (name) p.cx.declareTag(name.text, tag, decl, name);
  const members: Member[] = [];
  const seen = new Map<string, Token>();
  p.braces.push({ at: open, fn: undefined });
  p.nested(open, () => {
    while (!p.is('}')) {
      if (p.atEnd()) p.missingBrace();
      try {
        parseMember(p, members, seen);
      } catch (e) {
        if (!(e instanceof SyntaxStop) || p.atEnd()) throw e;
        p.recover();
      }
    }
  });
  p.braces.pop();
  p.next();
  parseAttributes(p, attributes);
  layOut(decl, members, { packed: attributes.packed, align: attributes.align, packTo: p.packTo });
  if (attributes.packet) decl.packet = true;
  if (attributes.relocated || p.relocated.at(-1)) relocateRecord(p.cx, decl);
  return decl;
}

function referTo(p: Parser, tag: 'struct' | 'union', name: Token): RecordDecl {
  // `struct X;` declares a new one in this scope; any other use finds what is visible.
  const known = p.is(';') ? p.cx.tagInThisScope(name.text) : p.cx.ownTag(name.text);
  if (known) {
    if (known.tag === tag) return known.decl as RecordDecl;
    p.cx.report.error(name, `use of '${name.text}' with tag type that does not match previous declaration`, {
      notes: [note(known.at, 'previous use is here')],
    });
    return new RecordDecl(tag, name.text, name);
  }
  const outer = p.cx.outer.record(tag, name.text, name);
  if (outer) return outer;
  const decl = new RecordDecl(tag, name.text, name);
  p.cx.declareTag(name.text, tag, decl, name);
  return decl;
}

function parseMember(p: Parser, members: Member[], seen: Map<string, Token>): void {
  if (p.accept(';')) return;
  if (p.is('_Static_assert')) {
    parseStaticAssert(p);
    return;
  }
  if (p.tok.kind === 'pragma') {
    p.next();
    return;
  }
  if (!isTypeStart(p) && p.tok.kind !== 'ident') p.fail(p.tok, `expected a member of the structure`);
  const specs = parseSpecifiers(p);
  const own = specs.attributes;
  if (p.is(';')) {
    p.next();
    // An anonymous struct or union; a tag alone declares nothing here.
    if (specs.type.kind === 'record' && specs.type.decl.name === undefined) {
      for (const n of specs.type.decl.names()) duplicate(p, n, specs.at, seen);
      members.push({
        name: undefined,
        type: specs.type,
        bitWidth: undefined,
        align: own.align,
        packed: own.packed,
        at: specs.at,
      });
    } else if (specs.type.kind !== 'record' && specs.type.kind !== 'enum')
      p.cx.report.warning(specs.at, 'declaration does not declare anything');
    return;
  }
  do {
    const anonymous = p.is(':');
    const d = anonymous
      ? { type: specs.type, name: undefined, attributes: noAttributes() }
      : parseDeclarator(p, specs.type, 'named');
    const at = d.name ?? p.tok;
    let width: number | undefined;
    let type = d.type;
    if (p.accept(':')) width = parseWidth(p, d.name, type);
    const attributes = parseAttributes(p, d.attributes);
    if (type.kind === 'func') {
      p.cx.report.error(at, `field '${d.name?.text}' declared as a function`);
      type = INT;
    } else if (type.kind === 'void' || (sizeOf(type) === undefined && type.kind !== 'array' && type.kind !== 'error')) {
      p.cx.report.error(at, `field has incomplete type ${quotedType(type)}`);
      type = INT;
    }
    if (d.name) duplicate(p, d.name.text, d.name, seen);
    const align = Math.max(attributes.align ?? 0, own.align ?? 0) || undefined;
    members.push({ name: d.name?.text, type, bitWidth: width, align, packed: attributes.packed || own.packed, at });
  } while (p.accept(','));
  p.expectSemicolon('at end of declaration list');
}

function duplicate(p: Parser, name: string, at: Token, seen: Map<string, Token>): void {
  const before = seen.get(name);
  if (before)
    p.cx.report.error(at, `duplicate member '${name}'`, { notes: [note(before, 'previous declaration is here')] });
  seen.set(name, at);
}

function parseWidth(p: Parser, name: Token | undefined, type: Parameters<typeof sizeOf>[0]): number {
  const at = p.tok;
  const value = requireConstant(p.cx, parseConditional(p), 'bit-field width');
  if (value === undefined || type.kind === 'error') return 1;
  const what = name ? `bit-field '${name.text}'` : 'anonymous bit-field';
  if (!isInteger(type)) {
    p.cx.report.error(name ?? at, `${what} has non-integral type ${quotedType(type)}`);
    return 1;
  }
  const most = integerOf(type).name === '_Bool' ? 1 : integerOf(type).size * 8;
  if (value < 0n) p.cx.report.error(at, `${what} has negative width (${value})`);
  else if (value > BigInt(most))
    p.cx.report.error(at, `width of ${what} (${value} bits) exceeds the width of its type (${most} bits)`);
  else if (value === 0n && name) p.cx.report.error(at, `named ${what} has zero width`);
  else if (most > 64) p.cx.report.error(at, `${what} is wider than 64 bits can be`);
  else return Number(value);
  return 1;
}

/**
 *   enum = "enum" attributes (tag | [tag] [":" type-name] "{" name ["=" constant] ("," ...)* [","] "}" attributes)
 */
export function parseEnum(p: Parser, keyword: Token): EnumDecl {
  parseAttributes(p);
  const name = p.tok.kind === 'ident' ? p.next() : undefined;
  let fixed: IntType | undefined;
  if (p.is(':') && name !== undefined && isTypeStart(p, 1)) {
    p.next();
    const t = parseTypeName(p);
    if (isInteger(t)) fixed = integerOf(t);
  }
  if (!p.is('{')) {
    if (!name) p.fail(p.tok, `expected identifier or '{' after 'enum'`);
    const known = p.cx.ownTag(name.text);
    if (known?.tag === 'enum') return known.decl as EnumDecl;
    const outer = p.cx.outer.enum(name.text);
    if (outer) return outer;
    const decl: EnumDecl = { name: name.text, underlying: UINT, complete: true, at: name, values: [] };
    p.cx.declareTag(name.text, 'enum', decl, name);
    return decl;
  }
  const open = p.next();
  const decl: EnumDecl = {
    name: name?.text,
    underlying: fixed ?? UINT,
    complete: true,
    at: name ?? keyword,
    values: [],
  };
  if (name) {
    const known = p.cx.tagInThisScope(name.text);
    if (known && (known.tag !== 'enum' || (known.decl as EnumDecl).values.length > 0)) {
      p.cx.report.error(name, `redefinition of '${known.tag} ${name.text}'`, {
        notes: [note(known.at, 'previous definition is here')],
      });
    }
    p.cx.declareTag(name.text, 'enum', decl, name);
  }
  let next = 0n;
  p.braces.push({ at: open, fn: undefined });
  while (!p.is('}')) {
    if (p.tok.kind === 'eof') p.missingBrace();
    if (p.tok.kind !== 'ident') p.fail(p.tok, 'expected identifier');
    const at = p.next();
    parseAttributes(p);
    if (p.accept('=')) next = requireConstant(p.cx, parseConditional(p), 'value of an enumerator', at) ?? 0n;
    const before = p.cx.inThisScope(at.text);
    if (before)
      p.cx.report.error(at, `redefinition of '${at.text}'`, {
        notes: before.at ? [note(before.at, 'previous definition is here')] : [],
      });
    const fits = next >= -0x80000000n && next <= 0x7fffffffn;
    const type =
      fixed ?? (fits ? INT : next >= 0n && next <= 0xffffffffn ? UINT : next > 0x7fffffffffffffffn ? ULONG : LONG);
    p.cx.declare({ kind: 'enumerator', name: at.text, value: next, type, decl, at });
    decl.values.push({ name: at.text, value: next });
    next++;
    if (!p.accept(',')) break;
  }
  p.braces.pop();
  p.expect('}', open);
  parseAttributes(p);
  if (!fixed) {
    const low = decl.values.some((v) => v.value < 0n);
    const wide = decl.values.some((v) => v.value < -0x80000000n || v.value > (low ? 0x7fffffffn : 0xffffffffn));
    decl.underlying = wide ? (low ? LONG : ULONG) : low ? INT : UINT;
  }
  return decl;
}
