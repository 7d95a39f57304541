/** Calls (C11 6.5.2.2): argument counts and conversions; what may be called in a BPF program. */
import { nearestNames } from '../../base/errors.ts';
import type { Context } from '../context.ts';
import { type FuncType, isInteger, rvalueType, sizeOf, typeName } from '../ctype.ts';
import { methodCall } from '../flavour/methods.ts';
import { note } from '../report.ts';
import { spanOf, type Token } from '../token.ts';
import type { Expr, FuncSymbol } from '../tree.ts';
import { assignTo, promote, rangeOf, rvalue } from './convert.ts';
import { depthOf, errorExpr, type Place, placeOf } from './make.ts';
import { callThrough } from './pointer-call.ts';

export function call(cx: Context, callee: Expr, args: readonly Expr[], open: Token, close: Token): Expr {
  const place: Place = { at: callee.at, from: callee.from, to: close };
  if (callee.type.kind === 'error') return errorExpr(place);
  if (callee.kind === 'method') return methodCall(cx, callee, args, place);
  let target: Expr = callee;
  while (target.kind === 'decay' || (target.kind === 'cast' && target.type.kind === 'ptr')) target = target.operand;
  if (target.kind === 'func') return callFunction(cx, target.symbol, args, place, target.at);
  if (callee.type.kind === 'ptr' && callee.type.to.kind === 'func') return callThrough(cx, callee, args, place);
  cx.report.error(open, 'called object is not a function', { ranges: [rangeOf(callee)] });
  return errorExpr(place);
}

/** A call of a function by name. */
export function callFunction(cx: Context, fn: FuncSymbol, args: readonly Expr[], place: Place, name: Token): Expr {
  const type: FuncType = fn.type;
  if (args.some((a) => a.type.kind === 'error')) return errorExpr(place);
  if (!type.unspecified && (args.length < type.params.length || (args.length > type.params.length && !type.variadic))) {
    const few = args.length < type.params.length;
    const many = few ? 'few' : 'many';
    const at = few ? place.to : args[type.params.length]!.from;
    const want = `${type.variadic ? 'at least ' : ''}${type.params.length}`;
    cx.report.error(at, `too ${many} arguments to function call '${fn.name}', expected ${want}, have ${args.length}`, {
      ranges: [rangeOf(place)],
      notes: [
        fn.at.file.name.startsWith('<')
          ? note(undefined, `it is declared as '${signature(fn)}'`)
          : note(fn.at, `'${fn.name}' declared here`),
      ],
    });
    return errorExpr(place);
  }
  const converted = args.map((a, i) => {
    const param = type.params[i];
    return param ? assignTo(cx, a, param.type, { verb: 'passing', declared: param.at }) : promote(cx, rvalue(cx, a));
  });
  if (converted.some((a) => a.type.kind === 'error')) return errorExpr(place);
  if (fn.helper !== undefined || fn.kfunc) {
    const wide = converted.find((a) => a.type.kind === 'record' || (isInteger(a.type) && (sizeOf(a.type) ?? 0) > 8));
    if (wide) {
      cx.report.error(wide.at, `a ${fn.kfunc ? 'kernel function' : 'helper'} takes arguments of at most 64 bits`, {
        ranges: [rangeOf(wide)],
      });
      return errorExpr(place);
    }
    if (converted.length > 5) {
      cx.report.error(name, `'${fn.name}' is called with ${converted.length} arguments: BPF passes at most five`);
      return errorExpr(place);
    }
  }
  return {
    kind: 'call',
    callee: fn,
    args: converted,
    type: rvalueType(type.ret),
    ...place,
    depth: depthOf(cx, place.at, ...converted),
  };
}

/** How a function that has no line to show is declared. */
function signature(fn: FuncSymbol): string {
  const params = fn.type.params.map((p) => `${typeName(p.type)}${p.name ? ` ${p.name}` : ''}`.replace('* ', '*'));
  if (fn.type.variadic) params.push('...');
  return `${typeName(fn.type.ret)} ${fn.name}(${params.join(', ') || 'void'})`;
}

/** A call of a name nobody knows. */
export function unknownFunction(cx: Context, at: Token): Expr {
  const names = function* () {
    for (const f of cx.functions) yield f.name;
    yield* cx.outer.functionNames();
  };
  const near = nearestNames(at.text, names(), 3);
  const best = near[0];
  const own = best === undefined ? undefined : cx.lookupOwn(best);
  const kernel = cx.kernel?.func(at.text);
  const notes = [];
  if (own?.at) notes.push(note(own.at, `'${best}' declared here`));
  if (near.length > 1) notes.push(note(undefined, `nearest functions: ${near.map((n) => `'${n}'`).join(', ')}`));
  if (kernel)
    notes.push(
      note(
        undefined,
        `'${at.text}' is a function of the kernel: BPF programs cannot call it, only helpers, kfuncs and their own functions`,
      ),
    );
  cx.report.error(at, `call to undeclared function '${at.text}'${best ? `; did you mean '${best}'?` : ''}`, {
    notes,
    ...(best ? { fixits: [{ span: spanOf(at), text: best }] } : {}),
  });
  return errorExpr(placeOf(at));
}
