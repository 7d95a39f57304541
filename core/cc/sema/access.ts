/** Naming things (C11 6.5.1, 6.5.2.1, 6.5.2.3, 6.5.3.2): identifiers, members, elements, `*` and `&`. */
import { nearestNames } from '../../base/errors.ts';
import type { Context } from '../context.ts';
import {
  type CType,
  isInteger,
  pointerTo,
  quotedType,
  type RecordDecl,
  rvalueType,
  sizeOf,
  typeName,
  VOID,
} from '../ctype.ts';
import { renameHint } from '../flavour/renames.ts';
import { note } from '../report.ts';
import { spanOf, type Token } from '../token.ts';
import type { CSymbol, Expr } from '../tree.ts';
import { rangeOf, rvalue } from './convert.ts';
import { depthOf, errorExpr, intExpr, isLvalue, markWritten, type Place, placeOf } from './make.ts';
import { ptrAdd } from './operators.ts';
import { memberPlace, unresolved } from './relocate.ts';

/** The value a name stands for. */
export function nameExpr(cx: Context, symbol: CSymbol, at: Token): Expr {
  const place = placeOf(at);
  switch (symbol.kind) {
    case 'var':
      symbol.used = true;
      return { kind: 'var', symbol, type: symbol.type, ...place, depth: 1 };
    case 'func':
      symbol.used = true;
      return { kind: 'func', symbol, type: symbol.type, ...place, depth: 1 };
    case 'enumerator':
      return intExpr(symbol.value, symbol.type, place);
    case 'map':
      symbol.map.used = true;
      return { kind: 'map', map: symbol.map, type: { kind: 'map' }, ...place, depth: 1 };
    default:
      cx.report.error(at, `unexpected type name '${at.text}': expected expression`);
      return errorExpr(place);
  }
}

/** "use of undeclared identifier", with what was probably meant. */
export function undeclared(cx: Context, at: Token): Expr {
  const near = nearestNames(at.text, cx.visibleNames(), 1)[0];
  const found = near === undefined ? undefined : cx.lookupOwn(near);
  cx.report.error(at, `use of undeclared identifier '${at.text}'${near ? `; did you mean '${near}'?` : ''}`, {
    ...(near ? { fixits: [{ span: spanOf(at), text: near }] } : {}),
    notes: found?.at ? [note(found.at, `'${near}' declared here`)] : [],
  });
  return errorExpr(placeOf(at));
}

/** `base.name` or `base->name` */
export function member(cx: Context, base: Expr, arrow: boolean, op: Token, name: Token): Expr {
  const place: Place = { at: name, from: base.from, to: name };
  if (base.type.kind === 'error') return errorExpr(place);
  if (base.kind === 'map') return mapMember(cx, base, name, place);
  let object: Expr = base;
  if (arrow) {
    const pointer = rvalue(cx, base);
    if (pointer.type.kind !== 'ptr') {
      const isRecord = base.type.kind === 'record';
      cx.report.error(
        op,
        `member reference type ${quotedType(base.type)} is not a pointer${isRecord ? `; did you mean to use '.'?` : ''}`,
        {
          ranges: [rangeOf(base)],
          ...(isRecord ? { fixits: [{ span: spanOf(op), text: '.' }] } : {}),
        },
      );
      if (!isRecord) return errorExpr(place);
    } else object = deref(cx, pointer, op);
  } else if (base.type.kind === 'ptr') {
    const toRecord = base.type.to.kind === 'record';
    cx.report.error(
      op,
      `member reference type ${quotedType(base.type)} is a pointer${toRecord ? `; did you mean to use '->'?` : ''}`,
      {
        ranges: [rangeOf(base)],
        ...(toRecord ? { fixits: [{ span: spanOf(op), text: '->' }] } : {}),
      },
    );
    if (!toRecord) return errorExpr(place);
    object = deref(cx, rvalue(cx, base), op);
  }
  const type = object.type;
  if (type.kind === 'error') return errorExpr(place);
  if (type.kind !== 'record') {
    cx.report.error(op, `member reference base type ${quotedType(type)} is not a structure or union`, {
      ranges: [rangeOf(base)],
    });
    return errorExpr(place);
  }
  if (!type.decl.complete) {
    incomplete(cx, type.decl, op, base);
    return errorExpr(place);
  }
  const found = type.decl.find(name.text);
  if (!found) {
    noMember(cx, type.decl, name, base);
    return errorExpr(place);
  }
  const there = memberPlace(cx, type.decl, found, name.text);
  if (!there) return unresolved(found.field.type, place);
  const field = there.field.type;
  const merged: CType =
    type.const || type.volatile || type.user
      ? {
          ...field,
          ...(type.const ? { const: true } : {}),
          ...(type.volatile ? { volatile: true } : {}),
          ...(type.user ? { user: true } : {}),
        }
      : field;
  return { kind: 'member', base: object, place: there, type: merged, ...place, depth: depthOf(cx, name, object) };
}

function incomplete(cx: Context, decl: RecordDecl, at: Token, base: Expr): void {
  const name = `${decl.tag} ${decl.name ?? '(anonymous)'}`;
  const notes = decl.at ? [note(decl.at, `forward declaration of '${name}'`)] : [];
  const why = cx.kernel ? [note(undefined, `the kernel's BTF has no '${name}'`)] : [];
  cx.report.error(at, `incomplete definition of type '${name}'`, {
    ranges: [rangeOf(base)],
    notes: [...notes, ...why],
  });
}

/** "no member named", with nearest names and known renames between kernel versions. */
export function noMember(cx: Context, decl: RecordDecl, name: Token, base: Place): void {
  const of = `${decl.tag} ${decl.name ?? '(anonymous)'}`;
  const rename =
    decl.name === undefined ? undefined : renameHint(decl.name, name.text, (n) => decl.find(n) !== undefined);
  const near = nearestNames(name.text, decl.names(), 3);
  const best = rename ? undefined : near[0];
  const notes = [];
  if (rename) notes.push(note(undefined, rename));
  const target = best === undefined ? undefined : decl.find(best)?.field.at;
  if (target) notes.push(note(target, `'${best}' declared here`));
  if (near.length > 1 || (rename && near.length > 0))
    notes.push(note(undefined, `nearest members of '${of}': ${near.map((n) => `'${n}'`).join(', ')}`));
  if (decl.btfId !== undefined && near.length === 0 && !rename)
    notes.push(note(undefined, `'${of}' comes from the kernel's BTF`));
  cx.report.error(name, `no member named '${name.text}' in '${of}'${best ? `; did you mean '${best}'?` : ''}`, {
    ranges: [rangeOf(base)],
    notes,
    ...(best ? { fixits: [{ span: spanOf(name), text: best }] } : {}),
  });
}

function mapMember(cx: Context, base: Extract<Expr, { kind: 'map' }>, name: Token, place: Place): Expr {
  const { map } = base;
  // BCC declares a map as a struct with these two members; programs take typeof or sizeof of them.
  if ((name.text === 'key' && map.key) || (name.text === 'leaf' && map.value)) {
    const type = (name.text === 'key' ? map.key : map.value)!;
    return { kind: 'builtin', what: 'unevaluated', args: [], map, type, ...place, depth: 1 };
  }
  return { kind: 'method', map, name, type: VOID, ...place, depth: depthOf(cx, name, base) };
}

/** `*pointer` */
export function deref(cx: Context, operand: Expr, at: Token): Expr {
  const place: Place = { at, from: at.start <= operand.from.start ? at : operand.from, to: operand.to };
  const pointer = rvalue(cx, operand);
  if (pointer.type.kind === 'error') return errorExpr(place);
  if (pointer.type.kind !== 'ptr') {
    cx.report.error(at, `indirection requires pointer operand (${quotedType(pointer.type)} invalid)`, {
      ranges: [rangeOf(pointer)],
    });
    return errorExpr(place);
  }
  if (pointer.type.to.kind === 'func') return pointer.kind === 'decay' ? pointer.operand : pointer;
  return { kind: 'deref', operand: pointer, type: pointer.type.to, ...place, depth: depthOf(cx, at, pointer) };
}

/** `array[i]` */
export function element(cx: Context, base: Expr, index: Expr, open: Token, close: Token): Expr {
  const place: Place = { at: open, from: base.from, to: close };
  const [a, b] = [rvalue(cx, base), rvalue(cx, index)];
  if (a.type.kind === 'error' || b.type.kind === 'error') return errorExpr(place);
  const pointer = a.type.kind === 'ptr' ? a : b;
  const offset = pointer === a ? b : a;
  if (pointer.type.kind !== 'ptr') {
    cx.report.error(open, 'subscripted value is not an array or pointer', { ranges: [rangeOf(base)] });
    return errorExpr(place);
  }
  if (!isInteger(offset.type)) {
    cx.report.error(open, 'array subscript is not an integer', { ranges: [rangeOf(index)] });
    return errorExpr(place);
  }
  checkBound(cx, pointer, offset, open);
  const sum = ptrAdd(cx, pointer, offset, false, place);
  if (sum.type.kind === 'error') return sum;
  return { kind: 'deref', operand: sum, type: pointer.type.to, ...place, depth: depthOf(cx, open, sum) };
}

/** A constant index past the end of an array the program owns would only show in the verifier. */
function checkBound(cx: Context, pointer: Expr, index: Expr, at: Token): void {
  if (pointer.kind !== 'decay' || index.kind !== 'int') return;
  const t = pointer.operand.type;
  if (t.kind !== 'array' || t.count === undefined || t.count === 0) return;
  if (pointer.operand.kind !== 'var') return;
  if (index.value >= 0n && index.value <= BigInt(t.count - 1)) return;
  cx.report.warning(
    at,
    `array index ${index.value} is ${index.value < 0n ? 'before the beginning' : 'past the end'} of the array (that has type ${quotedType(t)})`,
    {
      ranges: [rangeOf(index)],
      notes: [note(pointer.operand.symbol.at, `array '${pointer.operand.symbol.name}' declared here`)],
    },
  );
}

/** `&operand` */
export function addressOf(cx: Context, operand: Expr, at: Token): Expr {
  const place: Place = { at, from: at, to: operand.to };
  if (operand.type.kind === 'error') return errorExpr(place);
  if (operand.kind === 'map')
    return {
      kind: 'builtin',
      what: 'map_address',
      args: [],
      map: operand.map,
      type: pointerTo(VOID),
      ...place,
      depth: 2,
    };
  if (operand.type.kind === 'func') return rvalue(cx, operand);
  if (operand.kind === 'member' && operand.place.field.bitWidth !== undefined) {
    cx.report.error(at, 'address of bit-field requested', { ranges: [rangeOf(operand)] });
    return errorExpr(place);
  }
  if (!isLvalue(operand)) {
    cx.report.error(at, `cannot take the address of an rvalue of type ${quotedType(operand.type)}`, {
      ranges: [rangeOf(operand)],
    });
    return errorExpr(place);
  }
  markWritten(operand);
  return { kind: 'addr', operand, type: pointerTo(operand.type), ...place, depth: depthOf(cx, at, operand) };
}

/** sizeof a type or the type of an expression, in bytes; refuses what has none. */
export function sizeOrReport(cx: Context, type: CType, at: Token, what: string): number {
  if (type.kind === 'error') return 1;
  const size = sizeOf(type);
  if (size !== undefined) return size;
  cx.report.error(at, `invalid application of '${what}' to an incomplete type '${typeName(rvalueType(type))}'`);
  return 1;
}
