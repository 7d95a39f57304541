/** Declarations (C11 6.7) and function definitions (6.9.1), at file and block scope. */

import { type CType, ERROR, type FuncType, quotedType, sameType, sizeOf } from '../ctype.ts';
import { parseMapDeclaration } from '../flavour/map-macros.ts';
import { declareSectionMap, MAP_SECTION } from '../flavour/map-section.ts';
import { bindProgram } from '../flavour/programs.ts';
import { stringBytes } from '../literal.ts';
import { note, SyntaxStop } from '../report.ts';
import { requireConstant } from '../sema/constant.ts';
import type { Token } from '../token.ts';
import type { BlockStmt, FuncSymbol, Unit, VarSymbol } from '../tree.ts';
import { parseAttributes } from './attribute.ts';
import { type Declarator, parseDeclarator } from './declarator.ts';
import { parseConditional } from './expression.ts';
import { parseInitializer } from './initializer.ts';
import type { Parser } from './parser.ts';
import { AUTO, isTypeStart, parseSpecifiers, type Specifiers } from './specifier.ts';
import { FunctionBody, parseBlock } from './statement.ts';

/**
 *   unit = (declaration | function | map-declaration | ";")*
 */
export function parseUnit(p: Parser): Unit {
  while (p.tok.kind !== 'eof') {
    const start = p.pos;
    try {
      parseExternal(p);
    } catch (e) {
      if (!(e instanceof SyntaxStop)) throw e;
      p.braces.length = 0;
      while (p.cx.depth > 1) p.cx.leave();
      p.cx.fn = undefined;
      recoverExternal(p, start);
    }
  }
  const { functions, globals, maps, license } = p.cx;
  return { functions, globals, maps, license };
}

/** Skip to what looks like the start of the next external declaration: past the '}' or ';' that ends this one. */
function recoverExternal(p: Parser, start: number): void {
  if (p.pos === start) p.next();
  let depth = 0;
  while (p.tok.kind !== 'eof') {
    if (p.is('{')) depth++;
    else if (p.is('}')) {
      if (--depth <= 0) {
        p.next();
        return;
      }
    } else if (p.is(';') && depth <= 0) {
      p.next();
      return;
    }
    p.next();
  }
}

function parseExternal(p: Parser): void {
  if (p.accept(';')) return;
  if (p.tok.kind === 'pragma') {
    pragma(p);
    return;
  }
  if (p.is('_Static_assert')) {
    parseStaticAssert(p);
    return;
  }
  if ((p.is('asm') || p.is('__asm__')) && p.peek().text === '(')
    p.fail(p.tok, 'file-scope assembly is not available in BPF programs');
  if (parseMapDeclaration(p)) return;
  if (p.is('}')) p.fail(p.tok, `extraneous closing brace ('}')`);
  if (p.tok.kind !== 'ident' && !p.is('[')) p.fail(p.tok, 'expected a declaration');
  parseDeclaration(p, 'file');
}

/** A `#pragma pack` or a loop pragma that is not before a loop. */
function pragma(p: Parser): void {
  const text = p.next().text;
  const attribute = /^clang attribute (push|pop)\b/.exec(text);
  if (attribute?.[1] === 'push')
    p.relocated.push(p.relocated.at(-1) === true || text.includes('preserve_access_index'));
  else if (attribute) p.relocated.pop();
  const m = /^pack\s*\(\s*(?:(push|pop)\s*,?\s*)?(?:\w+\s*,\s*)?(\d+)?\s*\)/.exec(text);
  if (!m) return;
  if (m[1] === 'push') p.packs.push(p.packTo);
  if (m[1] === 'pop') p.packTo = p.packs.pop();
  else if (m[2]) p.packTo = Number(m[2]);
  else if (!m[1]) p.packTo = undefined;
}

/**
 *   static-assert = "_Static_assert" "(" constant ["," string] ")" ";"
 */
export function parseStaticAssert(p: Parser): void {
  const at = p.next();
  const open = p.expect('(');
  const value = requireConstant(p.cx, parseConditional(p), 'static assertion expression', at);
  let text = '';
  if (p.accept(',')) {
    while (p.tok.kind === 'string') {
      const bytes = stringBytes(p.next().text);
      if (typeof bytes !== 'string') text += String.fromCharCode(...bytes);
    }
  }
  p.expect(')', open);
  p.expectSemicolon('after static assertion');
  if (value === 0n) p.cx.report.error(at, `static assertion failed${text ? `: ${text}` : ''}`);
}

/**
 *   declaration = specifiers [declarator ["=" initializer] ("," ...)*] ";"
 *   function    = specifiers declarator block
 *
 * At block scope answers the variables that live there.
 */
export function parseDeclaration(p: Parser, scope: 'file' | 'block'): VarSymbol[] {
  const vars: VarSymbol[] = [];
  // `[[maybe_unused]] int x;`
  const leading = p.is('[') ? parseAttributes(p) : undefined;
  const first = p.tok;
  // `name(...)` alone at file scope is most often a misspelt map macro.
  if (scope === 'file' && p.peek().text === '(' && !isTypeStart(p)) p.fail(p.tok, unknownMacro(p.tok));
  const specs: Specifiers =
    isTypeStart(p) || p.peek().kind === 'ident' || p.peek().text === '*' ? parseSpecifiers(p) : implicitInt(p);
  if (leading) {
    specs.attributes.noinline ||= leading.noinline;
    specs.attributes.align ??= leading.align;
  }
  if (p.accept(';')) {
    if (!specs.declaresTag && specs.type.kind !== 'error')
      p.cx.report.warning(first, 'declaration does not declare anything');
    return vars;
  }
  for (let n = 0; ; n++) {
    const d = parseDeclarator(p, specs.type, 'named');
    const name = d.name!;
    parseAttributes(p, d.attributes);
    if (specs.storage === 'typedef') declareTypedef(p, specs, d, name);
    else if (d.type.kind === 'func') {
      const fn = declareFunction(p, specs, d, name, d.type);
      if (p.is('{') && n === 0) {
        if (scope === 'block') nestedFunction(p, name);
        defineFunction(p, fn, d.type, name);
        return vars;
      }
    } else {
      const v = declareVariable(p, specs, d, name, scope);
      if (v) vars.push(v);
    }
    if (!p.accept(',')) break;
  }
  p.expectSemicolon(scope === 'file' ? 'after top level declarator' : 'at end of declaration');
  return vars;
}

function unknownMacro(t: Token): string {
  return /^[A-Z_0-9]+$/.test(t.text) ? `unknown declaration macro '${t.text}'` : `unknown type name before '${t.text}'`;
}

/** `main() {...}`, `static x;`: the type that C89 would have assumed. */
function implicitInt(p: Parser): Specifiers {
  p.fail(p.tok, p.tok.kind === 'ident' ? `unknown type name '${p.tok.text}'` : 'expected a declaration');
}

function nestedFunction(p: Parser, name: Token): never {
  const open = p.braces[p.braces.length - 1];
  const outer = p.braces.find((b) => b.fn)?.fn;
  const notes = [];
  if (open) notes.push(note(open.at, `to match this '{'`));
  if (outer) notes.push(note(outer.at, `function '${outer.name}' opened here`));
  p.cx.report.error(
    name,
    `function definition is not allowed here: is a '}' missing before it${outer ? ` at the end of function '${outer.name}'` : ''}?`,
    { notes },
  );
  // Most likely so: go on as if the '}' were there.
  throw new MissingBrace();
}

/** Thrown where a function definition shows that an earlier '}' is missing. */
export class MissingBrace extends SyntaxStop {}

function declareTypedef(p: Parser, specs: Specifiers, d: Declarator, name: Token): void {
  const align = Math.max(d.attributes.align ?? 0, specs.attributes.align ?? 0) || undefined;
  const known = p.cx.inThisScope(name.text);
  if (known && !(known.kind === 'typedef' && sameType(known.type, d.type))) redefinition(p, name, known.at);
  const type: CType = { ...d.type, alias: name.text, ...(align ? { align } : {}) };
  p.cx.declare({ kind: 'typedef', name: name.text, type, at: name });
}

function redefinition(p: Parser, name: Token, before: Token | undefined, what = ''): void {
  p.cx.report.error(name, `redefinition of '${name.text}'${what}`, {
    notes: before ? [note(before, 'previous definition is here')] : [],
  });
}

function declareFunction(p: Parser, specs: Specifiers, d: Declarator, name: Token, type: FuncType): FuncSymbol {
  const section = d.attributes.section ?? specs.attributes.section;
  const known = p.cx.lookupOwn(name.text);
  if (known?.kind === 'func' && known.helper === undefined) {
    if (!sameType(known.type, type)) {
      p.cx.report.error(name, `conflicting types for '${name.text}'`, {
        notes: [note(known.at, 'previous declaration is here')],
      });
    }
    if (specs.storage === 'static') known.isStatic = true;
    if (specs.inline) known.isInline = true;
    known.section ??= section;
    known.noinline ||= d.attributes.noinline || specs.attributes.noinline;
    known.syscallArguments ||= d.attributes.syscallArguments || specs.attributes.syscallArguments;
    return known;
  }
  if (known && p.cx.inThisScope(name.text)) redefinition(p, name, known.at, ' as different kind of symbol');
  const fn: FuncSymbol = {
    kind: 'func',
    name: name.text,
    type,
    at: name,
    params: [],
    body: undefined,
    isStatic: specs.storage === 'static',
    isInline: specs.inline || d.attributes.alwaysInline || specs.attributes.alwaysInline,
    noinline: d.attributes.noinline || specs.attributes.noinline,
    syscallArguments: d.attributes.syscallArguments || specs.attributes.syscallArguments,
    section,
    used: false,
    ...(section === '.ksyms' ? { kfunc: true } : {}),
  };
  p.cx.declareGlobal(fn);
  p.cx.functions.push(fn);
  return fn;
}

function defineFunction(p: Parser, fn: FuncSymbol, type: FuncType, name: Token): void {
  if (fn.body) redefinition(p, name, fn.at);
  fn.type = type;
  if (type.variadic) p.cx.report.error(name, `function '${name.text}' cannot be variadic in a BPF program`);
  fn.params = type.params.map((param): VarSymbol => {
    if (param.name === undefined && param.type.kind !== 'void')
      p.cx.report.error(param.at ?? name, 'parameter name omitted');
    return {
      kind: 'var',
      name: param.name ?? '',
      type: param.type,
      at: param.at ?? name,
      storage: 'param',
      init: undefined,
      used: false,
    };
  });
  for (const v of fn.params)
    if (sizeOf(v.type) === undefined && v.type.kind !== 'error')
      p.cx.report.error(v.at, `variable has incomplete type ${quotedType(v.type)}`);
  bindProgram(p.cx, fn);
  const outer = p.cx.fn;
  p.cx.fn = fn;
  p.cx.enter();
  for (const v of fn.params) {
    const known = p.cx.inThisScope(v.name);
    if (known && v.name !== '') redefinition(p, v.at, known.at);
    p.cx.declare(v);
  }
  const body = new FunctionBody(fn);
  const open = p.tok;
  p.braces.push({ at: open, fn });
  const depth = p.braces.length;
  let block: BlockStmt;
  try {
    block = parseBlock(p, body, false);
  } catch (e) {
    if (!(e instanceof MissingBrace)) throw e;
    // The rest of the file is another function: end this one here.
    p.braces.length = depth;
    while (p.cx.depth > 2) p.cx.leave();
    block = { kind: 'block', body: [], at: open, end: p.last };
    fn.body = block;
    p.braces.pop();
    p.cx.leave();
    p.cx.fn = outer;
    skipBody(p);
    return;
  }
  body.finish(p.cx);
  fn.body ??= block;
  fn.end = block.end;
  p.braces.pop();
  p.cx.leave();
  p.cx.fn = outer;
}

/** Past the block that begins here. */
function skipBody(p: Parser): void {
  let depth = 0;
  do {
    if (p.is('{')) depth++;
    else if (p.is('}')) depth--;
    p.next();
  } while (depth > 0 && p.tok.kind !== 'eof');
}

function declareVariable(
  p: Parser,
  specs: Specifiers,
  d: Declarator,
  name: Token,
  scope: 'file' | 'block',
): VarSymbol | undefined {
  const { cx } = p;
  if (scope === 'file' && (d.attributes.section ?? specs.attributes.section) === MAP_SECTION) {
    declareSectionMap(p, name, d.type);
    return undefined;
  }
  let type = d.type;
  const align = Math.max(d.attributes.align ?? 0, specs.attributes.align ?? 0) || undefined;
  if (align) type = { ...type, align };
  const global = scope === 'file' || specs.storage === 'static' || specs.storage === 'extern';
  const known = scope === 'file' ? cx.inThisScope(name.text) : undefined;
  let symbol: VarSymbol;
  if (known?.kind === 'var' && scope === 'file') {
    if (!sameType(known.type, type))
      cx.report.error(
        name,
        `redefinition of '${name.text}' with a different type: ${quotedType(type)} vs ${quotedType(known.type)}`,
        { notes: [note(known.at, 'previous definition is here')] },
      );
    symbol = known;
    if (specs.storage !== 'extern') symbol.extern = false;
  } else {
    if (known || (scope === 'block' && cx.inThisScope(name.text)))
      redefinition(p, name, (known ?? cx.inThisScope(name.text))!.at);
    const local = scope === 'block' && specs.storage === 'static';
    symbol = {
      kind: 'var',
      name: local ? `${cx.fn?.name ?? ''}.${name.text}${cx.staticCount++ ? `.${cx.staticCount}` : ''}` : name.text,
      type,
      at: name,
      storage: global ? 'global' : 'auto',
      init: undefined,
      section: d.attributes.section ?? specs.attributes.section,
      extern: specs.storage === 'extern',
      weak: d.attributes.weak || specs.attributes.weak,
      isStatic: specs.storage === 'static',
      used: false,
    };
    cx.declareAs(name.text, symbol);
    if (global) cx.globals.push(symbol);
  }
  if (p.is('=')) {
    p.next();
    if (type === AUTO || type.alias === '__auto_type') {
      const made = parseInitializer(p, ERROR);
      const inferred = made.init.kind === 'expr' ? made.init.expr.type : ERROR;
      symbol.type = inferred;
      symbol.init = made.init;
    } else {
      if (symbol.init) redefinition(p, name, symbol.at);
      if (type.kind !== 'array' && sizeOf(type) === undefined && type.kind !== 'error')
        incompleteVariable(p, name, type);
      const made = parseInitializer(p, type);
      symbol.type = made.type;
      symbol.init = made.init;
    }
    if (specs.storage === 'extern') symbol.extern = false;
  }
  const t = symbol.type;
  if (t.kind === 'void' || (sizeOf(t) === undefined && t.kind !== 'error' && !symbol.extern))
    incompleteVariable(p, name, t);
  if (d.attributes.section === 'license' || specs.attributes.section === 'license') readLicense(p, symbol);
  return global ? undefined : symbol;
}

function incompleteVariable(p: Parser, name: Token, type: CType): void {
  if (type.kind === 'array' && type.count === undefined && sizeOf(type.of) !== undefined) {
    p.cx.report.error(
      name,
      `definition of variable '${name.text}' with array type needs an explicit size or an initializer`,
    );
    return;
  }
  const decl = type.kind === 'record' ? type.decl : undefined;
  const notes = decl?.at ? [note(decl.at, `forward declaration of '${decl.tag} ${decl.name}'`)] : [];
  p.cx.report.error(name, `variable has incomplete type ${quotedType(type)}`, { notes });
}

function readLicense(p: Parser, symbol: VarSymbol): void {
  const init = symbol.init;
  const item = init?.kind === 'list' ? init.items[0]?.expr : undefined;
  if (item?.kind === 'string') p.cx.license = String.fromCharCode(...item.bytes.filter((b) => b !== 0));
}
