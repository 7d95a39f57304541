/** Calls: helpers by id, kernel functions by name, and the program's own functions, inlined on the tree or called. */

import { helperById } from '../../helpers/index.ts';
import type { Block, Inst, IntType } from '../../ir/ir.ts';
import { type CType, integerOf, isInteger, sizeOf } from '../ctype.ts';
import type { CallExpr, FuncSymbol } from '../tree.ts';
import { functionReference, knownFunction } from './function-pointer.ts';
import { type Frame, inMemory, irType, isSigned, type Lowering } from './lowering.ts';
import type { Place } from './place.ts';
import type { Space } from './provenance.ts';
import { lowerStatement } from './statement.ts';
import { recordInto, rvalue } from './value.ts';

/** Calls inside calls that may be inlined; deeper ones are a mistake that the call graph would have shown. */
const MOST_INLINE_DEPTH = 48;

/** Lower a call; `into` receives a struct result. */
export function lowerCall(f: Lowering, e: CallExpr, into?: Place): Inst | undefined {
  const fn = e.callee;
  if (fn.helper !== undefined) return helperCall(f, e, fn.helper);
  if (fn.kfunc || (!fn.body && fn.section === '.ksyms')) {
    const args = e.args.map((a) => {
      const callback = a.type.kind === 'ptr' ? knownFunction(a, f.frame) : undefined;
      return callback ? functionReference(f, callback, a.at) : wide(f, rvalue(f, a));
    });
    f.at(e.at);
    return result(f, f.b.callKfunc(fn.name, resultIr(e.type), args), e.type);
  }
  if (!fn.body) {
    f.error(e.at, `function '${fn.name}' is declared but not defined`);
    return undefined;
  }
  for (let at: Frame | undefined = f.frame; at; at = at.caller) {
    if (at.fn !== fn) continue;
    f.error(e.at, `'${fn.name}' calls itself: recursion is not possible in a BPF program`);
    return undefined;
  }
  const depth = depthOf(f.frame);
  const spaces = e.args.map((a) => f.frame.provenance.spaceOf(a));
  if (callable(fn) && f.calls.outOfLine(fn)) {
    const args = e.args.map((a) => wide(f, rvalue(f, a)));
    f.at(e.at);
    f.calls.called(fn, spaces);
    return result(f, f.b.callLocal(fn.name, resultIr(e.type), args), e.type);
  }
  if (depth > MOST_INLINE_DEPTH) {
    f.error(e.at, `calls are nested more than ${MOST_INLINE_DEPTH} deep`);
    return undefined;
  }
  return inline(f, e, fn, spaces, into);
}

function depthOf(frame: Frame): number {
  let n = 0;
  for (let at = frame.caller; at; at = at.caller) n++;
  return n;
}

/** Can it be a BPF-to-BPF call? At most five scalar parameters and a scalar result. */
export function callable(fn: FuncSymbol): boolean {
  return fn.params.length <= 5 && fn.params.every((p) => !inMemory(p.type)) && !inMemory(fn.type.ret);
}

/** Registers are 32 or 64 bits wide. */
export function wide(f: Lowering, v: Inst, signed = false): Inst {
  return v.type === 'i8' || v.type === 'i16' ? f.b.cast(signed ? 'sext' : 'zext', v, 'i32') : v;
}

/** How a C result type travels in r0. */
export function resultIr(t: CType): IntType | 'ptr' | 'void' {
  const ir = irType(t);
  if (ir === undefined) return 'void';
  return ir === 'i8' || ir === 'i16' || ir === 'i1' ? 'i32' : ir;
}

function result(f: Lowering, v: Inst, t: CType): Inst | undefined {
  const ir = irType(t);
  if (ir === undefined) return undefined;
  return v.type === ir ? v : f.b.intCast(v, ir as IntType, isSigned(t));
}

function helperCall(f: Lowering, e: CallExpr, id: number): Inst | undefined {
  const row = helperById(id)!;
  const args = e.args.map((a) => {
    // A function given to a helper is one for the kernel to call.
    const callback = a.type.kind === 'ptr' ? knownFunction(a, f.frame) : undefined;
    return callback ? functionReference(f, callback, a.at) : wide(f, rvalue(f, a), isSigned(a.type));
  });
  f.at(e.at);
  const type = row.ret === 'void' ? 'void' : e.type.kind === 'ptr' ? 'ptr' : 'i64';
  const made = f.b.callHelper(id, row.name, type, args);
  if (type === 'void') return undefined;
  const ir = irType(e.type);
  return ir === undefined || ir === 'ptr' ? made : f.b.intCast(made, ir, isInteger(e.type) && integerOf(e.type).signed);
}

/** The body of a function in the place of its call. */
function inline(
  f: Lowering,
  e: CallExpr,
  fn: FuncSymbol,
  spaces: readonly Space[],
  into: Place | undefined,
): Inst | undefined {
  const { b } = f;
  const caller = f.frame;
  const exit: Block = b.block(`${fn.name}.end`);
  const ir = irType(fn.type.ret);
  const aggregate = inMemory(fn.type.ret);
  const slot = aggregate
    ? b.alloca(sizeOf(fn.type.ret) ?? 8, 8, '')
    : ir
      ? b.alloca(sizeOf(fn.type.ret)!, sizeOf(fn.type.ret)!, '')
      : undefined;
  const frame: Frame = {
    fn,
    provenance: f.calls.provenance(fn, caller.provenance, spaces),
    slots: new Map(),
    labels: new Map(),
    exit,
    result: slot,
    caller,
    given: new Map(fn.params.flatMap((p, i) => (e.args[i] ? [[p, e.args[i]] as const] : []))),
    breakTo: undefined,
    continueTo: undefined,
  };
  // Arguments belong to the caller; the slots they go to, to the callee.
  for (const [i, a] of e.args.entries()) {
    const param = fn.params[i];
    if (!param) {
      rvalue(f, a);
      continue;
    }
    f.frame = frame;
    const to = f.slot(param);
    f.frame = caller;
    if (inMemory(param.type))
      recordInto(f, a, { base: to, off: 0, type: param.type, space: 'native', volatile: false, at: a.at });
    else b.store(rvalue(f, a), to);
  }
  f.frame = frame;
  lowerStatement(f, fn.body!);
  b.br(exit);
  f.frame = caller;
  b.setBlock(exit);
  f.at(e.at);
  if (aggregate) {
    if (into) b.memcpy(b.ptrAdd(into.base, into.off), slot!, sizeOf(fn.type.ret) ?? 0, 1);
    return undefined;
  }
  return ir && slot ? b.load(ir, slot) : undefined;
}
