/** Function pointers that can be known where they are used: constant tables, arguments of inlined functions, variables that nobody writes. */
import { callFunction } from '../sema/call.ts';
import type { Token } from '../token.ts';
import type { CallExpr, Expr, FuncSymbol, PointerCall, StmtExpr, VarSymbol } from '../tree.ts';
import { isConstant } from './globals.ts';
import type { Frame, Lowering } from './lowering.ts';
import { isForeign } from './provenance.ts';

/** Variables followed from one to the next. */
const MOST_STEPS = 32;

/** The call by name that a call through a pointer is, when the pointer is known; undefined: it must ask, as its body does. */
export function directCall(f: Lowering, e: StmtExpr, through: PointerCall): CallExpr | undefined {
  const fn = knownFunction(through.callee, f.frame);
  if (fn) {
    const call = callFunction(f.cx, fn, through.args, e, e.at);
    return call.kind === 'call' ? call : undefined;
  }
  if (isForeign(f.frame.provenance.spaceOf(through.callee)) && through.candidates.length === 0)
    f.error(
      e.at,
      'this pointer comes from the kernel: BPF programs cannot call functions of the kernel through pointers',
    );
  else if (through.candidates.length === 0)
    f.error(
      e.at,
      'BPF programs cannot call through a function pointer, unless it points to a function of the program: none whose address is taken has this type',
    );
  return undefined;
}

/** Its address, for the kernel to call back. */
export function functionReference(f: Lowering, fn: FuncSymbol, at: Token): ReturnType<Lowering['b']['funcRef']> {
  if (!fn.body) {
    f.error(at, `function '${fn.name}' is declared but not defined`);
    return f.b.const('ptr', 0n);
  }
  f.calls.called(
    fn,
    fn.params.map(() => 'native'),
  );
  return f.b.funcRef(fn.name);
}

/** The function that a pointer surely points to. */
export function knownFunction(e: Expr, frame: Frame, steps = 0): FuncSymbol | undefined {
  if (steps > MOST_STEPS) return undefined;
  switch (e.kind) {
    case 'func':
      return e.symbol;
    case 'cast':
    case 'decay':
      return e.kind === 'cast' || e.operand.type.kind === 'func'
        ? knownFunction(e.operand, frame, steps + 1)
        : undefined;
    case 'var': {
      const value = variableValue(e.symbol, frame);
      return value && knownFunction(value.expr, value.frame, steps + 1);
    }
    case 'member':
    case 'deref': {
      const place = constantPlace(e, frame, steps + 1);
      const init = place?.symbol.init;
      if (!place || !init) return undefined;
      const expr =
        init.kind === 'expr'
          ? place.bits === 0
            ? init.expr
            : undefined
          : init.items.find((i) => i.bitOffset === place.bits)?.expr;
      return expr && knownFunction(expr, frame, steps + 1);
    }
    default:
      return undefined;
  }
}

/** What a variable that nobody writes holds, with the frame to read it in. */
function variableValue(symbol: VarSymbol, frame: Frame): { expr: Expr; frame: Frame } | undefined {
  if (symbol.storage === 'param') {
    const expr = symbol.written ? undefined : frame.given.get(symbol);
    return expr && frame.caller && { expr, frame: frame.caller };
  }
  const settled = symbol.storage === 'auto' ? !symbol.written : isConstant(symbol.type) && !symbol.type.volatile;
  return settled && symbol.init?.kind === 'expr' ? { expr: symbol.init.expr, frame } : undefined;
}

interface ConstantPlace {
  readonly symbol: VarSymbol;
  readonly bits: number;
}

/** A place inside a constant global. */
function constantPlace(e: Expr, frame: Frame, steps: number): ConstantPlace | undefined {
  if (steps > MOST_STEPS) return undefined;
  switch (e.kind) {
    case 'var':
      return e.symbol.storage === 'global' && isConstant(e.symbol.type) ? { symbol: e.symbol, bits: 0 } : undefined;
    case 'member': {
      const base = constantPlace(e.base, frame, steps + 1);
      return base && { symbol: base.symbol, bits: base.bits + e.place.bitOffset };
    }
    case 'deref':
      return pointedPlace(e.operand, frame, steps + 1);
    default:
      return undefined;
  }
}

function pointedPlace(e: Expr, frame: Frame, steps: number): ConstantPlace | undefined {
  if (steps > MOST_STEPS) return undefined;
  switch (e.kind) {
    case 'decay':
    case 'addr':
      return constantPlace(e.operand, frame, steps + 1);
    case 'cast':
      return pointedPlace(e.operand, frame, steps + 1);
    case 'ptradd': {
      const base = pointedPlace(e.pointer, frame, steps + 1);
      if (!base || e.index.kind !== 'int') return undefined;
      return {
        symbol: base.symbol,
        bits: base.bits + (e.minus ? -8 : 8) * Number(BigInt.asIntN(64, e.index.value)) * e.scale,
      };
    }
    case 'var': {
      const value = variableValue(e.symbol, frame);
      return value && pointedPlace(value.expr, value.frame, steps + 1);
    }
    default:
      return undefined;
  }
}
