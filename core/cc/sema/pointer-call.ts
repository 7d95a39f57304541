/**
 * Calls through function pointers. BPF has no indirect call, so a pointer to a function of the program is a small number (its place in
 * `Context.functionIds`), and such a call asks which function it is: `({ T p = callee; A a = argument; p == &f ? f(a) : p == &g ? g(a) : ... })`
 * over all functions of that type whose address the program takes. Where the function is known (a constant table, an argument of an inlined
 * function: lower/function-pointer.ts) it is called directly instead; where the optimiser finds out, one way is left of the chain.
 */
import type { Context } from '../context.ts';
import { type CType, type FuncType, isInteger, rvalueType, sizeOf } from '../ctype.ts';
import type { Expr, PointerCall, Stmt, StmtExpr, VarSymbol } from '../tree.ts';
import { callFunction } from './call.ts';
import { assignTo, promote, rvalue } from './convert.ts';
import { depthOf, errorExpr, type Place } from './make.ts';
import { assign, binary } from './operators.ts';

/** `callee(args)`, where the callee is a pointer to a function. */
export function callThrough(cx: Context, callee: Expr, args: readonly Expr[], place: Place): Expr {
  const pointer = rvalue(cx, callee);
  if (pointer.type.kind !== 'ptr' || pointer.type.to.kind !== 'func') return errorExpr(place);
  if (args.some((a) => a.type.kind === 'error')) return errorExpr(place);
  const type = pointer.type.to;
  if (!type.unspecified && (args.length < type.params.length || (args.length > type.params.length && !type.variadic))) {
    const few = args.length < type.params.length;
    cx.report.error(
      few ? place.to : args[type.params.length]!.from,
      `too ${few ? 'few' : 'many'} arguments to function call, expected ${type.params.length}, have ${args.length}`,
    );
    return errorExpr(place);
  }
  const converted = args.map((a, i) => {
    const param = type.params[i];
    return param ? assignTo(cx, a, param.type, { verb: 'passing', declared: param.at }) : promote(cx, rvalue(cx, a));
  });
  if (converted.some((a) => a.type.kind === 'error')) return errorExpr(place);
  const local = (of: CType, init: Expr | undefined): VarSymbol => ({
    kind: 'var',
    name: '',
    type: rvalueType(of),
    at: place.at,
    storage: 'auto',
    init: init && { kind: 'expr', expr: init },
    used: true,
  });
  const what = local(pointer.type, pointer);
  const given = converted.map((a) => local(a.type, a));
  const result = type.ret.kind === 'void' ? undefined : local(type.ret, undefined);
  const read = (symbol: VarSymbol): Expr => ({ kind: 'var', symbol, type: symbol.type, ...place, depth: 1 });
  const body: Stmt[] = [
    { kind: 'decl', vars: [what, ...given, ...(result ? [result] : [])], at: place.at },
    { kind: 'empty', at: place.at },
    result ? { kind: 'expr', expr: read(result), at: place.at } : { kind: 'empty', at: place.at },
  ];
  const through: PointerCall = { type, callee: pointer, args: converted, candidates: [] };
  cx.pointerCalls.push(() => {
    let chain: Stmt | undefined;
    for (const fn of [...cx.functionIds.keys()].reverse()) {
      if (!fn.body || !fits(fn.type, type)) continue;
      through.candidates.push(fn);
      const made = callFunction(cx, fn, given.map(read), place, place.at);
      const value = result ? assign(cx, read(result), made, place.at) : made;
      const address = rvalue(cx, { kind: 'func', symbol: fn, type: fn.type, ...place, depth: 1 });
      const same = assignTo(cx, { ...address, type: pointer.type } as Expr, what.type, { verb: 'passing' });
      const yes: Stmt = { kind: 'expr', expr: value, at: place.at };
      const condition = binary(cx, '==', read(what), same, place.at);
      chain = { kind: 'if', condition, yes, otherwise: chain, at: place.at };
    }
    if (chain) body[1] = chain;
  });
  const expr: StmtExpr = {
    kind: 'stmtexpr',
    body: { kind: 'block', body, at: place.at, end: place.to },
    through,
    type: rvalueType(type.ret),
    ...place,
    depth: depthOf(cx, place.at, pointer, ...converted),
  };
  return expr;
}

/** Once the whole text is read, and with it every function whose address is taken. */
export function finishPointerCalls(cx: Context): void {
  for (const finish of cx.pointerCalls) finish();
  cx.pointerCalls.length = 0;
}

/** May a function be called as one of this type? The same number of parameters, each of the same shape. */
function fits(a: FuncType, b: FuncType): boolean {
  return (
    a.params.length === b.params.length &&
    alike(a.ret, b.ret) &&
    a.params.every((p, i) => alike(p.type, b.params[i]!.type))
  );
}

function alike(a: CType, b: CType): boolean {
  if (a.kind === 'record' || b.kind === 'record')
    return a.kind === b.kind && a.kind === 'record' && b.kind === 'record' && a.decl === b.decl;
  if (isInteger(a) && isInteger(b)) return sizeOf(a) === sizeOf(b);
  return a.kind === b.kind;
}
